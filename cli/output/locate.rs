//! Whether a folder may hold output at all.
//!
//! In: the folder as it was asked for, and the folders to keep clear of. Out: its real path. It exists because the
//! output folder is swapped as a whole: a link, a repository or a folder of policies must never be swapped with it.

use std::fs;
use std::path::{Component, Path, PathBuf};

use super::{OutputError, Surroundings};

/// Returns the real path of `out`, which need not exist yet.
///
/// # Errors
/// When `out` is a link, a file, a repository or the root of one, or overlaps a folder of policies.
pub(super) fn locate(out: &Path, around: Surroundings<'_>) -> Result<PathBuf, OutputError> {
    let refuse = |reason: &str| OutputError::Refused { folder: out.display().to_string(), reason: reason.to_owned() };
    // Without the trailing `/`, which would make the system look behind a link.
    let asked: PathBuf = std::path::absolute(out).map_err(|error| refuse(&error.to_string()))?.components().collect();
    if let Ok(metadata) = fs::symlink_metadata(&asked) {
        if metadata.is_symlink() {
            return Err(refuse("it is a symbolic link; name the folder it leads to"));
        }
        if !metadata.is_dir() {
            return Err(refuse("it is not a folder"));
        }
    }
    let real = real_path(&asked).ok_or_else(|| refuse("it leads through `..` in a folder that is not there"))?;
    if real.file_name().is_none() {
        return Err(refuse("it is the root of the file system"));
    }
    if real.ancestors().any(is_git_directory) {
        return Err(refuse("git keeps its own files there; name a folder of the checkout"));
    }
    if real.join(".git").exists() {
        return Err(refuse("it is the root of a git repository; name a folder inside it"));
    }
    if around.repository.and_then(real_path).is_some_and(|repository| repository.starts_with(&real)) {
        return Err(refuse("it holds the whole repository; name a folder inside it"));
    }
    for policies in around.policies {
        let Some(policies) = real_path(policies) else { continue };
        if real.starts_with(&policies) {
            return Err(refuse(&format!("it is inside `{}`, where policy is read from", policies.display())));
        }
        if policies.starts_with(&real) {
            return Err(refuse(&format!("it holds `{}`, where policy is read from", policies.display())));
        }
    }
    Ok(real)
}

/// Tells whether git keeps its files in a folder: a `.git`, or a repository without a checkout.
fn is_git_directory(folder: &Path) -> bool {
    let named = folder.file_name().is_some_and(|name| name == ".git");
    named || (folder.join("HEAD").is_file() && folder.join("objects").is_dir() && folder.join("refs").is_dir())
}

/// Follows the links of the part of a path that exists, and appends the part that does not.
fn real_path(path: &Path) -> Option<PathBuf> {
    let absolute = std::path::absolute(path).ok()?;
    let (there, mut real) = absolute.ancestors().find_map(|folder| Some((folder, fs::canonicalize(folder).ok()?)))?;
    for part in absolute.strip_prefix(there).ok()?.components() {
        match part {
            Component::Normal(name) => real.push(name),
            Component::CurDir => {}
            _ => return None,
        }
    }
    Some(real)
}
