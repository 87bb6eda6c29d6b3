//! One run at a time for each output folder.
//!
//! In: the folder. Out: a lock that ends with its holder. It exists so that two runs never build trees over each other.
//! The system holds the lock on an open file and frees it when the process dies, however it dies; so a lock file left
//! behind by a killed run stops nobody.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::OutputError;

/// The right to write to one output folder, given back when dropped.
#[derive(Debug)]
pub(super) struct Lock {
    path: PathBuf,
    // INVARIANT: open for as long as the lock is held.
    _file: File,
}

impl Lock {
    /// Takes the lock of `out`, whose parent is made if it is missing.
    ///
    /// # Errors
    /// When another run holds it, or the parent cannot be written to.
    pub(super) fn take(out: &Path) -> Result<Self, OutputError> {
        let path = beside(out, ".lock");
        let fail = |error: std::io::Error| OutputError::system("lock", &path, &error);
        if let Some(parent) = out.parent() {
            fs::create_dir_all(parent).map_err(|error| OutputError::system("create", parent, &error))?;
        }
        loop {
            let mut file =
                OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(fail)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let mut holder = String::new();
                    // The holder may be about to write its number: then it stays unknown.
                    let _ = file.read_to_string(&mut holder);
                    return Err(OutputError::Busy {
                        folder: out.display().to_string(),
                        holder: holder.trim().parse().ok(),
                    });
                }
                Err(TryLockError::Error(error)) => return Err(fail(error)),
            }
            // The last holder removes the file while it holds it: what was locked may no longer be what others will open.
            if !is_at(&file, &path) {
                continue;
            }
            file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(fail)?;
            return Ok(Self { path, _file: file });
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Left behind it would do no harm: the next run takes it over.
        let _ = fs::remove_file(&self.path);
    }
}

/// Returns a name beside `out` that only we use.
pub(super) fn beside(out: &Path, suffix: &str) -> PathBuf {
    let name = out.file_name().unwrap_or_default().to_string_lossy();
    out.with_file_name(format!(".{name}.ringfence{suffix}"))
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    match (file.metadata(), fs::metadata(path)) {
        (Ok(held), Ok(found)) => (held.dev(), held.ino()) == (found.dev(), found.ino()),
        _ => false,
    }
}

/// Elsewhere an open file cannot be removed, so it is still the one.
#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}
