//! The old tree and the new one change places.
//!
//! In: a complete new tree beside the old one. Out: the new tree under the old one's name, the old one gone. It exists
//! to keep the one step that counts in one place; see `output.rs` for the whole of it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::lock::beside;
use super::present::{Foreign, Present};
use super::{OutputError, stage};

/// How the two trees change places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    /// In one call, or by two renames where there is none.
    Exchange,
    /// By two renames, as on a file system that cannot exchange.
    #[cfg_attr(not(test), expect(dead_code, reason = "tests take the way that other systems take"))]
    TwoRenames,
}

/// Returns where two renames put the old tree meanwhile.
fn parked(out: &Path) -> PathBuf {
    beside(out, "-old")
}

/// Clears away what a killed run left beside `out`, and puts the old tree back if that run had just moved it away.
///
/// # Errors
/// When the system fails.
pub(super) fn recover(out: &Path) -> Result<(), OutputError> {
    let fail = |path: &Path| {
        let path = path.to_owned();
        move |error: io::Error| OutputError::system("recover", &path, &error)
    };
    let old = parked(out);
    if is_folder(&old) && !out.exists() {
        fs::rename(&old, out).map_err(fail(&old))?;
    }
    let part = stage::workplace(out);
    for left in [&old, &stage::place(out), &part] {
        if !is_folder(left) {
            continue;
        }
        // A half-written file of ours cannot be told from one of theirs; what is theirs there is theirs in `out` too.
        if out.exists() && *left != part {
            carry_over(left, out, false)?;
        }
        fs::remove_dir_all(left).map_err(fail(left))?;
    }
    Ok(())
}

/// Puts the tree at `staged` in the place of `out`.
///
/// # Errors
/// When the system fails; `out` is the old tree then.
pub(super) fn put_in_place(staged: &Path, out: &Path, present: &Present, method: Method) -> Result<(), OutputError> {
    let swapped = if present.exists { exchange(staged, out, method) } else { fs::rename(staged, out).map(|()| None) };
    let old = swapped.map_err(|error| {
        let _ = fs::remove_dir_all(staged);
        match error.kind() {
            io::ErrorKind::CrossesDevices | io::ErrorKind::ResourceBusy => OutputError::Refused {
                folder: out.display().to_string(),
                reason: "it is the root of a mounted file system; name a folder inside it".to_owned(),
            },
            _ => OutputError::system("replace", out, &error),
        }
    })?;
    // From here on the new tree stands, whatever happens to the old one.
    if let Some(parent) = out.parent() {
        stage::flush_folder(parent).map_err(|error| OutputError::system("flush", parent, &error))?;
    }
    if let Some(old) = old {
        carry_over(&old, out, true)?;
        fs::remove_dir_all(&old).map_err(|error| OutputError::system("remove", &old, &error))?;
    }
    Ok(())
}

/// Swaps two folders and returns where the old one is now.
fn exchange(staged: &Path, out: &Path, method: Method) -> io::Result<Option<PathBuf>> {
    if method == Method::Exchange && exchange_at_once(staged, out)? {
        return Ok(Some(staged.to_owned()));
    }
    let old = parked(out);
    fs::rename(out, &old)?;
    if let Err(error) = fs::rename(staged, out) {
        fs::rename(&old, out)?;
        return Err(error);
    }
    Ok(Some(old))
}

/// Swaps two folders in one call; tells whether the file system can.
#[cfg(any(target_os = "linux", target_vendor = "apple"))]
fn exchange_at_once(staged: &Path, out: &Path) -> io::Result<bool> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;
    match renameat_with(CWD, staged, CWD, out, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(true),
        Err(error) if [Errno::INVAL, Errno::NOSYS, Errno::OPNOTSUPP, Errno::NOTSUP].contains(&error) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
fn exchange_at_once(_: &Path, _: &Path) -> io::Result<bool> {
    Ok(false)
}

/// Moves what others put into the old tree while the new one was built. Where `replace` says that the tree at `from` is
/// known to be the old one, a file of theirs that is another than the one in the new tree is newer, and wins.
fn carry_over(from: &Path, to: &Path, replace: bool) -> Result<(), OutputError> {
    for (path, kind) in Present::read(from)?.foreign {
        let (left, right) = (from.join(&path), to.join(&path));
        let is_known = fs::symlink_metadata(&right).is_ok();
        let is_newer = replace && kind == Foreign::File && !is_same_file(&left, &right);
        if kind == Foreign::EmptyFolder || (is_known && !is_newer) {
            continue;
        }
        let parent = right.parent().unwrap_or(to);
        fs::create_dir_all(parent)
            .and_then(|()| fs::rename(&left, &right))
            .map_err(|error| OutputError::system("carry over", &left, &error))?;
    }
    Ok(())
}

#[cfg(unix)]
fn is_same_file(left: &Path, right: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    match (fs::symlink_metadata(left), fs::symlink_metadata(right)) {
        (Ok(left), Ok(right)) => (left.dev(), left.ino()) == (right.dev(), right.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_same_file(left: &Path, right: &Path) -> bool {
    matches!((fs::read(left), fs::read(right)), (Ok(left), Ok(right)) if left == right)
}

fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir())
}
