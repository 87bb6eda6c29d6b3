//! The tree of manifests that is written, all of it or none.
//!
//! In: a folder and the complete list of files it should hold. Out: that folder holding them, and what had to change.
//!
//! Ringfence owns what carries [`HEADER`] below `clusters/` and `delivery/`, and the `.json` files below `.ringfence/`;
//! an owned file that is no longer produced goes away. Everything else belongs to somebody: it is never deleted nor
//! overwritten. When nothing changes, nothing is touched.
//!
//! Writing is atomic:
//!
//! 1. A lock beside the folder keeps two runs apart. The system frees it when its holder dies ([`lock`]).
//! 2. What an earlier, killed run left beside the folder is cleared away ([`swap::recover`]).
//! 3. The whole new tree is built beside the old one: new files are written, unchanged files and other people's are
//!    hard-linked (copied where links are not possible), and all of it is flushed to the disk ([`stage`]).
//! 4. The two trees change places in one system call on Linux and macOS, so that at each moment, a kill or a power cut
//!    included, the folder is exactly the old tree or exactly the new one. Where the system or file system has no such
//!    call, two renames follow each other; a run killed between them leaves no folder under that name, and the next run
//!    (step 2) puts the old one back before anything else ([`swap`]).
//! 5. The old tree is removed, after any file that somebody put into it meanwhile has been carried over.

mod locate;
mod lock;
mod present;
mod stage;
mod swap;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use lock::Lock;
use present::Present;
use swap::Method;

/// The first line of each file we own, but for JSON, which has no comments.
pub use ringfence_compiler::compile::HEADER;

/// Folders the output must keep clear of.
#[derive(Debug, Clone, Copy, Default)]
pub struct Surroundings<'a> {
    /// The root of the repository, if there is one.
    pub repository: Option<&'a Path>,
    /// The folders policy is read from.
    pub policies: &'a [PathBuf],
}

/// What a run changed; paths are relative to the output folder and sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    /// Files that were not there.
    pub created: Vec<String>,
    /// Files that had another content.
    pub changed: Vec<String>,
    /// How many files were right already.
    pub unchanged: usize,
    /// Files of ours that are no longer produced.
    pub removed: Vec<String>,
}

impl Written {
    /// Tells whether the folder was right already, and so was not touched.
    #[must_use]
    pub fn is_unchanged(&self) -> bool {
        self.created.is_empty() && self.changed.is_empty() && self.removed.is_empty()
    }
}

/// A file on disk that is not as it would be written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// The path from the output folder.
    pub path: String,
    /// How it differs.
    pub kind: DifferenceKind,
}

/// How a file on disk differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DifferenceKind {
    /// It would be created.
    Missing,
    /// It would be overwritten, or is somebody else's.
    Changed,
    /// It would be removed.
    Extra,
}

impl DifferenceKind {
    /// Returns the word people and programs read.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Changed => "changed",
            Self::Extra => "extra",
        }
    }
}

/// Why nothing was written. The old tree is as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutputError {
    /// The folder is no place for output.
    Refused {
        /// The folder as it was asked for.
        folder: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Files that are not ours stand where ours belong.
    Foreign(Vec<String>),
    /// A file to be written that could never be told to be ours later: a fault of the program.
    Unmarked(String),
    /// Another run is writing to the same folder.
    Busy {
        /// The folder.
        folder: String,
        /// The number of the process that holds the lock, as far as known.
        holder: Option<u32>,
    },
    /// The system refused.
    System {
        /// What was tried: `create`, `read`.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// The system's own words.
        reason: String,
    },
}

impl OutputError {
    fn system(action: &'static str, path: &Path, error: &std::io::Error) -> Self {
        Self::System { action, path: path.to_owned(), reason: error.to_string() }
    }
}

impl fmt::Display for OutputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { folder, reason } => write!(f, "cannot write to `{folder}`: {reason}"),
            Self::Foreign(paths) => {
                let paths: Vec<_> = paths.iter().map(|path| format!("`{path}`")).collect();
                write!(
                    f,
                    "not written by ringfence, so not overwritten: {}; move it away or name another folder",
                    paths.join(", ")
                )
            }
            Self::Unmarked(path) => {
                write!(f, "`{path}` would not be recognised as ours later; this is a fault in ringfence")
            }
            Self::Busy { folder, holder: Some(holder) } => {
                write!(f, "another run (process {holder}) is writing to `{folder}`; wait for it to end")
            }
            Self::Busy { folder, holder: None } => {
                write!(f, "another run is writing to `{folder}`; wait for it to end")
            }
            Self::System { action, path, reason } => write!(f, "cannot {action} `{}`: {reason}", path.display()),
        }
    }
}

impl std::error::Error for OutputError {}

/// Makes the folder `out` hold exactly `files` (path below it, text) beside what others keep there.
///
/// # Errors
/// When the folder is refused, a file of somebody else's is in the way, another run holds the lock, or the system
/// fails. Nothing has changed then.
pub fn write(out: &Path, around: Surroundings<'_>, files: &BTreeMap<String, String>) -> Result<Written, OutputError> {
    write_by(out, around, files, Method::Exchange)
}

fn write_by(
    out: &Path,
    around: Surroundings<'_>,
    files: &BTreeMap<String, String>,
    method: Method,
) -> Result<Written, OutputError> {
    let out = locate::locate(out, around)?;
    present::check_produced(files)?;
    let _lock = Lock::take(&out)?;
    swap::recover(&out)?;
    let present = Present::read(&out)?;
    let foreign = present.in_the_way(files);
    if !foreign.is_empty() {
        return Err(OutputError::Foreign(foreign));
    }
    let written = present.plan(files);
    if !written.is_unchanged() {
        let staged = stage::build(&out, &present, files, &written)?;
        swap::put_in_place(&staged, &out, &present, method)?;
    }
    Ok(written)
}

/// Lists how the folder `out` differs from `files`, sorted by path; touches nothing.
///
/// # Errors
/// When the folder is refused, or the system fails.
pub fn compare(out: &Path, files: &BTreeMap<String, String>) -> Result<Vec<Difference>, OutputError> {
    let present = Present::read(&locate::locate(out, Surroundings::default())?)?;
    let foreign = present.in_the_way(files);
    let plan = present.plan(files);
    let created = plan.created.into_iter().filter(|path| !foreign.contains(path));
    let mut differences: Vec<_> = created
        .map(|path| Difference { path, kind: DifferenceKind::Missing })
        .chain(
            plan.changed
                .into_iter()
                .chain(foreign.clone())
                .map(|path| Difference { path, kind: DifferenceKind::Changed }),
        )
        .chain(plan.removed.into_iter().map(|path| Difference { path, kind: DifferenceKind::Extra }))
        .collect();
    differences.sort();
    Ok(differences)
}

#[cfg(test)]
mod tests;
