//! The new tree, complete, beside the old one.
//!
//! In: what is there and what is wanted. Out: a folder ready to take the old one's place, flushed to the disk. It exists
//! so that whatever fails here (a full disk, a kill) fails before anything that counts was touched.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::lock::beside;
use super::present::{Foreign, Present};
use super::{OutputError, Written};

/// Returns where the new tree is built. What a killed run leaves here is half done, its last file perhaps empty.
pub(super) fn workplace(out: &Path) -> PathBuf {
    beside(out, "-part")
}

/// Returns where the new tree waits once it is complete, and where an exchange puts the old one.
pub(super) fn place(out: &Path) -> PathBuf {
    beside(out, "-new")
}

/// Builds the tree that should become `out`.
///
/// # Errors
/// When the system fails; what was built is removed then.
pub(super) fn build(
    out: &Path,
    present: &Present,
    files: &BTreeMap<String, String>,
    written: &Written,
) -> Result<PathBuf, OutputError> {
    let (part, staged) = (workplace(out), place(out));
    fill(&part, out, present, files, written).and_then(|()| fs::rename(&part, &staged)).map_err(|error| {
        // The next run would clear it away too.
        let _ = fs::remove_dir_all(&part);
        OutputError::system("write", out, &error)
    })?;
    Ok(staged)
}

fn fill(
    staged: &Path,
    out: &Path,
    present: &Present,
    files: &BTreeMap<String, String>,
    written: &Written,
) -> io::Result<()> {
    fs::create_dir(staged)?;
    let new: BTreeSet<&String> = written.created.iter().chain(&written.changed).collect();
    let mut made = BTreeSet::from([PathBuf::new()]);
    let mut parent_of = |path: &Path| {
        let Some(parent) = path.parent() else { return Ok(()) };
        if made.contains(parent) {
            return Ok(());
        }
        made.extend(parent.ancestors().map(Path::to_owned));
        fs::create_dir_all(staged.join(parent))
    };
    for (path, text) in files {
        parent_of(Path::new(path))?;
        if new.contains(path) {
            fs::write(staged.join(path), text)?;
        } else {
            link_or_copy(&out.join(path), &staged.join(path))?;
        }
    }
    for path in present.ours.keys().filter(|path| !files.contains_key(*path) && !written.removed.contains(path)) {
        parent_of(Path::new(path))?;
        link_or_copy(&out.join(path), &staged.join(path))?;
    }
    for (path, kind) in &present.foreign {
        let (from, to) = (out.join(path), staged.join(path));
        parent_of(path)?;
        match kind {
            Foreign::File => link_or_copy(&from, &to)?,
            Foreign::Link => copy_link(&from, &to)?,
            // A file of ours may now stand in its place.
            Foreign::EmptyFolder if path.to_str().is_some_and(|path| files.contains_key(path)) => {}
            Foreign::EmptyFolder => fs::create_dir_all(to)?,
        }
    }
    for (folder, permissions) in &present.folders {
        if staged.join(folder).is_dir() {
            fs::set_permissions(staged.join(folder), permissions.clone())?;
        }
    }
    flush(staged, &new, &made)
}

/// Gives a file a second name; where the file system cannot, a copy that keeps permissions and time.
fn link_or_copy(from: &Path, to: &Path) -> io::Result<()> {
    if fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    fs::copy(from, to)?;
    // A file that may not be written to keeps the time of the copy: a nicety lost, nothing more.
    if let (Ok(copy), Ok(time)) =
        (File::options().write(true).open(to), fs::metadata(from).and_then(|it| it.modified()))
    {
        let _ = copy.set_modified(time);
    }
    Ok(())
}

#[cfg(unix)]
fn copy_link(from: &Path, to: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(fs::read_link(from)?, to)
}

#[cfg(not(unix))]
fn copy_link(from: &Path, _: &Path) -> io::Result<()> {
    Err(io::Error::other(format!("`{}` is a link, which cannot be carried over on this system", from.display())))
}

/// Waits until the new tree is on the disk: its new files, and the names in every folder.
fn flush(staged: &Path, new: &BTreeSet<&String>, folders: &BTreeSet<PathBuf>) -> io::Result<()> {
    if flush_at_once(staged, new.len() + folders.len())? {
        return Ok(());
    }
    for path in new {
        File::open(staged.join(path))?.sync_all()?;
    }
    folders.iter().rev().try_for_each(|folder| flush_folder(&staged.join(folder)))
}

/// Flushes the whole file system, where one call for that beats one for each of many files; tells whether it did.
#[cfg(target_os = "linux")]
fn flush_at_once(staged: &Path, count: usize) -> io::Result<bool> {
    const FEW: usize = 64;
    if count > FEW {
        rustix::fs::syncfs(File::open(staged)?)?;
    }
    Ok(count > FEW)
}

#[cfg(not(target_os = "linux"))]
fn flush_at_once(_: &Path, _: usize) -> io::Result<bool> {
    Ok(false)
}

/// Flushes the names in a folder, on systems where a folder can be opened.
pub(super) fn flush_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
