//! Who wrote a line, and when.
//!
//! In: a folder, perhaps a revision; a file and a line. Out: the commit that wrote it. Outside git nothing is known, and
//! nothing is said. One file is followed through the commits at a time, and only by the ids of its texts: a command that
//! names three lines must not wait for the history of a whole repository.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use git2::{Commit, Delta, DiffFindOptions, DiffOptions, ErrorCode, Oid, Patch, Repository};

use super::repository;
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
    place: Option<Place>,
    known: RefCell<BTreeMap<(String, usize), Option<Written>>>,
}

/// Where a folder lies in git.
struct Place {
    repository: Repository,
    /// The commit that is asked about.
    commit: Oid,
    /// The folder's path in the repository.
    below: PathBuf,
    /// The commits in which the text of a file is not that of any parent, from a commit on.
    edits: RefCell<BTreeMap<(Oid, PathBuf), Oid>>,
}

impl History {
    /// Looks for the repository of a folder, as it is at a revision, or as it lies on disk.
    pub fn of(folder: &Path, revision: Option<&str>) -> Self {
        Self { place: find(folder, revision), known: RefCell::default() }
    }

    /// Says who wrote a line of a file whose text is given; `None` outside git, and where git cannot tell.
    pub fn line(&self, path: &str, line: usize, text: &str) -> Option<Written> {
        let key = (path.to_owned(), line);
        if let Some(known) = self.known.borrow().get(&key) {
            return known.clone();
        }
        let written = self.place.as_ref().and_then(|place| place.blame(path, line, text).ok());
        self.known.borrow_mut().insert(key, written.clone());
        written
    }
}

fn find(folder: &Path, revision: Option<&str>) -> Option<Place> {
    let repository = repository::open(folder).ok()?;
    let commit = repository.revparse_single(revision.unwrap_or("HEAD")).ok()?.peel_to_commit().ok()?.id();
    let checkout = std::fs::canonicalize(repository.workdir()?).ok()?;
    let below = std::fs::canonicalize(folder).ok()?.strip_prefix(checkout).ok()?.to_owned();
    Some(Place { repository, commit, below, edits: RefCell::default() })
}

impl Place {
    /// Finds the commit of a line.
    fn blame(&self, path: &str, line: usize, text: &str) -> Result<Written, git2::Error> {
        let (mut path, mut line, mut commit) = (self.below.join(path), line, self.repository.find_commit(self.commit)?);
        let Some(mut blob) = blob(&commit, &path)? else { return Ok(Written::Uncommitted) };
        let committed = self.repository.find_blob(blob)?;
        match same_line(committed.content(), text.as_bytes(), line)? {
            Some(there) => line = there,
            None => return Ok(Written::Uncommitted),
        }
        loop {
            commit = self.repository.find_commit(self.edit(&commit, &path, blob)?)?;
            let mut from = None;
            for parent in commit.parents() {
                let before = match self::blob(&parent, &path)? {
                    Some(before) => Some((path.clone(), before)),
                    None => self.moved(&parent, &commit, &path)?,
                };
                let Some((place, before)) = before else { continue };
                let (old, new) = (self.repository.find_blob(before)?, self.repository.find_blob(blob)?);
                if let Some(there) = same_line(old.content(), new.content(), line)? {
                    from = Some((parent, place, before, there));
                    break;
                }
            }
            match from {
                Some((parent, place, before, there)) => (commit, path, blob, line) = (parent, place, before, there),
                None => return written(&commit),
            }
        }
    }

    /// Returns the last commit up to this one that gave a file its text.
    fn edit<'r>(&'r self, from: &Commit<'r>, path: &Path, blob: Oid) -> Result<Oid, git2::Error> {
        let key = (from.id(), path.to_owned());
        if let Some(known) = self.edits.borrow().get(&key) {
            return Ok(*known);
        }
        let mut commit = from.clone();
        'back: loop {
            for parent in commit.parents() {
                if self::blob(&parent, path)? == Some(blob) {
                    commit = parent;
                    continue 'back;
                }
            }
            break;
        }
        self.edits.borrow_mut().insert(key, commit.id());
        Ok(commit.id())
    }

    /// Finds where a file that a commit added was moved from.
    fn moved(
        &self,
        parent: &Commit<'_>,
        commit: &Commit<'_>,
        path: &Path,
    ) -> Result<Option<(PathBuf, Oid)>, git2::Error> {
        let mut options = DiffOptions::new();
        options.skip_binary_check(true);
        let mut diff =
            self.repository.diff_tree_to_tree(Some(&parent.tree()?), Some(&commit.tree()?), Some(&mut options))?;
        // Where nothing went, nothing was moved.
        if diff.deltas().all(|delta| delta.status() != Delta::Deleted) {
            return Ok(None);
        }
        diff.find_similar(Some(DiffFindOptions::new().renames(true)))?;
        let is_it =
            |delta: &git2::DiffDelta<'_>| delta.status() == Delta::Renamed && delta.new_file().path() == Some(path);
        let found = diff.deltas().find(is_it);
        Ok(found.and_then(|delta| Some((delta.old_file().path()?.to_owned(), delta.old_file().id()))))
    }
}

/// Returns the id of a file's text in a commit.
fn blob(commit: &Commit<'_>, path: &Path) -> Result<Option<Oid>, git2::Error> {
    match commit.tree()?.get_path(path) {
        Ok(entry) => Ok(Some(entry.id())),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns the number that a line of the new text has in the old one; `None` where the old one has it not.
fn same_line(old: &[u8], new: &[u8], line: usize) -> Result<Option<usize>, git2::Error> {
    if old == new {
        return Ok(Some(line));
    }
    let mut options = DiffOptions::new();
    options.context_lines(0).force_text(true);
    let patch = Patch::from_buffers(old, None, new, None, Some(&mut options))?;
    // Lines count from one; a hunk that only takes lines away stands after the line it names.
    let (mut added, mut removed) = (0, 0);
    for at in 0..patch.num_hunks() {
        let (hunk, _) = patch.hunk(at)?;
        let (start, lines) = (hunk.new_start() as usize, hunk.new_lines() as usize);
        if line < start + usize::from(lines == 0) {
            break;
        }
        if line < start + lines {
            return Ok(None);
        }
        added += lines;
        removed += hunk.old_lines() as usize;
    }
    Ok(Some(line + removed - added))
}

fn written(commit: &Commit<'_>) -> Result<Written, git2::Error> {
    let short = commit.as_object().short_id()?;
    Ok(Written::Committed {
        id: String::from_utf8_lossy(&short).into_owned(),
        author: String::from_utf8_lossy(commit.author().name_bytes()).into_owned(),
        day: day(commit.time().seconds()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_keeps_its_author_wherever_it_moves() {
        let check = |old: &str, new: &str, expected: &[Option<usize>]| {
            let found: Vec<_> =
                (1..=expected.len()).map(|line| same_line(old.as_bytes(), new.as_bytes(), line).unwrap()).collect();
            assert_eq!(found, expected, "{old:?} {new:?}");
        };
        check("a\nb\n", "a\nb\n", &[Some(1), Some(2)]);
        check("a\nb\n", "x\na\nb\n", &[None, Some(1), Some(2)]);
        check("a\nb\nc\n", "a\nc\n", &[Some(1), Some(3)]);
        check("a\nb\nc\n", "b\nc\n", &[Some(2), Some(3)]);
        check("a\nb\nc\n", "a\nx\ny\nc\nd\n", &[Some(1), None, None, Some(3), None]);
        check("", "a\n", &[None]);
    }
}
