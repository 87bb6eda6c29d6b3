//! Trees from the outside: a directory as it lies on disk, what is staged, or a git revision that nobody checked out.
//!
//! In: a path, and a [`Moment`]. Out: something that implements the compiler's `Tree`. Both list the same paths for a
//! clean checkout: everything git tracks but hidden files, submodules and links to folders. It exists so that what is
//! compiled never depends on where the policy was read from.

pub mod blame;
pub mod directory;
pub mod link;
pub mod project;
pub mod repository;
pub mod revision;

pub use directory::Directory;
pub use project::{find_project, find_project_at, project_before};
pub use revision::Revision;

use std::path::Path;

use ringfence_compiler::tree::{Tree, TreeError};

/// When a folder is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment<'a> {
    /// As it lies on disk.
    OnDisk,
    /// As the next commit has it.
    Staged,
    /// As it was at a revision.
    At(&'a str),
}

impl Moment<'_> {
    /// Opens a folder.
    ///
    /// # Errors
    /// When it is not there, or git cannot tell.
    pub fn open(self, folder: &Path) -> Result<Box<dyn Tree>, TreeError> {
        Ok(match self {
            Self::OnDisk => Box::new(Directory::open(folder)?),
            Self::Staged => Box::new(Revision::staged(folder)?),
            Self::At(revision) => Box::new(Revision::of_project(folder, revision)?),
        })
    }
}

/// Tells whether a part of the path is hidden, as `.git` and `.github` are; `folder` itself may be.
fn is_hidden_below(folder: &str, path: &str) -> bool {
    let below = path.strip_prefix(folder).unwrap_or(path);
    below.split('/').any(|part| part.starts_with('.'))
}

/// Joins a folder and what lies below it; the root is `""`.
fn join(folder: &str, below: &str) -> String {
    if folder.is_empty() { below.to_owned() } else { format!("{folder}/{below}") }
}

/// Puts the name a caller used for a folder back in front of a path below the folder it really is.
fn rename(path: &str, real: &str, asked: &str) -> String {
    if real == asked {
        return path.to_owned();
    }
    join(asked, path.strip_prefix(real).unwrap_or(path).trim_start_matches('/'))
}
