//! Who wrote a line, and when.
//!
//! In: a folder, perhaps a revision; a file and a line. Out: the commit that wrote it. Outside git nothing is known, and
//! nothing is said.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use git2::{BlameOptions, Oid, Repository};

use super::revision::day;

/// What is known of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// This commit wrote it.
    Committed {
        /// The short id.
        id: String,
        /// The name of the author.
        author: String,
        /// The day of the commit, in UTC.
        day: String,
    },
    /// No commit has it yet.
    Uncommitted,
}

/// The history of the files below a folder.
pub struct History {
    /// The repository, the commit that is asked about, and the folder's path in the repository.
    place: Option<(Repository, Oid, PathBuf)>,
    known: RefCell<BTreeMap<(String, usize), Option<Written>>>,
}

impl History {
    /// Looks for the repository of a folder, as it is at a revision, or as it lies on disk.
    pub fn of(folder: &Path, revision: Option<&str>) -> Self {
        Self { place: find(folder, revision), known: RefCell::default() }
    }

    /// Says who wrote a line of a file whose text is given; `None` outside git.
    pub fn line(&self, path: &str, line: usize, text: &str) -> Option<Written> {
        let key = (path.to_owned(), line);
        if let Some(known) = self.known.borrow().get(&key) {
            return known.clone();
        }
        let written = self.place.as_ref().map(|place| blame(place, path, line, text).unwrap_or(Written::Uncommitted));
        self.known.borrow_mut().insert(key, written.clone());
        written
    }
}

fn find(folder: &Path, revision: Option<&str>) -> Option<(Repository, Oid, PathBuf)> {
    let repository = Repository::discover(folder).ok()?;
    let commit = repository.revparse_single(revision.unwrap_or("HEAD")).ok()?.peel_to_commit().ok()?.id();
    let checkout = std::fs::canonicalize(repository.workdir()?).ok()?;
    let below = std::fs::canonicalize(folder).ok()?.strip_prefix(checkout).ok()?.to_owned();
    Some((repository, commit, below))
}

/// Finds the commit of a line; `None` where none has it.
fn blame(
    (repository, commit, below): &(Repository, Oid, PathBuf),
    path: &str,
    line: usize,
    text: &str,
) -> Option<Written> {
    let path = below.join(path);
    let tree = repository.find_commit(*commit).ok()?.tree().ok()?;
    let blob = tree.get_path(&path).ok()?.to_object(repository).ok()?.peel_to_blob().ok()?;
    let is_same = blob.content() == text.as_bytes();
    let mut options = BlameOptions::new();
    options.newest_commit(*commit);
    if is_same {
        options.min_line(line).max_line(line);
    }
    let committed = repository.blame_file(&path, Some(&mut options)).ok()?;
    // A file that was changed since has other lines; those that no commit has come without one.
    let changed = if is_same { None } else { Some(committed.blame_buffer(text.as_bytes()).ok()?) };
    let hunk = changed.as_ref().unwrap_or(&committed).get_line(line)?;
    let id = hunk.final_commit_id();
    if id.is_zero() {
        return None;
    }
    let found = repository.find_commit(id).ok()?;
    let short = found.as_object().short_id().ok()?;
    Some(Written::Committed {
        id: short.as_str().ok()?.to_owned(),
        author: String::from_utf8_lossy(found.author().name_bytes()).into_owned(),
        day: day(found.time().seconds()),
    })
}
