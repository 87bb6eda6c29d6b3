//! A tree as it was at a git revision, or as it is staged, without a checkout.
//!
//! In: a repository, a revision as git names it or its index, a folder. Out: the same paths that a clean checkout of it would list,
//! and the bytes as git holds them. It exists so that `diff` and `audit` never touch what a person is working on. Names are
//! read once when the revision is opened; contents when asked for, one at a time behind a lock, because a libgit2
//! handle cannot be shared and decompressing takes less time than parsing what comes out.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use git2::{IndexEntryExtendedFlag, ObjectType, Oid, Repository};
use ringfence_compiler::tree::{Tree, TreeError};

use super::link::{Node, Place, resolve};
use super::{is_hidden_below, join, rename, repository};

/// The mode git gives to a link.
const LINK: i32 = 0o120_000;

/// Of a mode, what tells kinds of files apart; and that of a submodule (gitformat-index).
const TYPE_MASK: u32 = 0o170_000;
const SUBMODULE: u32 = 0o160_000;

/// Where the flags of an entry say which side of a merge it is, none being 0.
const STAGE_SHIFT: u16 = 12;
const STAGE_MASK: u16 = 3;

/// The files below one folder of one commit.
pub struct Revision {
    repository: Mutex<Repository>,
    entries: BTreeMap<String, Entry>,
}

/// A blob: a file's bytes, or a link's target.
#[derive(Debug, Clone, Copy)]
struct Entry {
    blob: Oid,
    is_link: bool,
}

impl Revision {
    /// Opens `folder` (`""` is everything) of revision `rev`.
    ///
    /// # Errors
    /// When there is no revision or folder of that name, or a file name that is not UTF-8.
    fn of(repository: Repository, rev: &str, folder: &str) -> Result<Self, TreeError> {
        let entries = entries(&repository, rev, folder)?;
        Ok(Self { repository: Mutex::new(repository), entries })
    }

    /// Opens revision `rev` of the project whose root in the checkout is `project`.
    ///
    /// # Errors
    /// When there is no checkout around it, no revision or folder of that name, or a file name that is not UTF-8.
    pub fn of_project(project: &Path, rev: &str) -> Result<Self, TreeError> {
        let (repository, folder) = place(project)?;
        Self::of(repository, rev, &folder)
    }

    /// Opens what the next commit holds of the folder whose place in the checkout is `project`. While git commits by path or
    /// everything, it has an index of its own and names it in `GIT_INDEX_FILE`, which counts then.
    ///
    /// # Errors
    /// When there is no checkout, its index cannot be read, or a merge in it is not resolved.
    pub fn staged(project: &Path) -> Result<Self, TreeError> {
        let (repository, folder) = place(project)?;
        let prefix = join(&folder, "");
        let prefix = if folder.is_empty() { "" } else { prefix.as_str() };
        let mut found = BTreeMap::new();
        let index = repository::index(&repository).map_err(|error| refuse("the git index", &error))?;
        for entry in index.iter() {
            let path = String::from_utf8_lossy(&entry.path).into_owned();
            let refuse = |reason: &str| TreeError { path: path.clone(), reason: reason.to_owned() };
            let Some(below) = path.strip_prefix(prefix) else { continue };
            if std::str::from_utf8(&entry.path).is_err() {
                return Err(refuse("its name is not valid UTF-8; rename it"));
            }
            if (entry.flags >> STAGE_SHIFT) & STAGE_MASK != 0 {
                return Err(refuse("a merge is not resolved here, so nothing can be said of what is staged"));
            }
            // A submodule is a commit of another repository, and what is only meant to be added has no text yet.
            if entry.mode & TYPE_MASK == SUBMODULE
                || entry.flags_extended & IndexEntryExtendedFlag::INTENT_TO_ADD.bits() != 0
            {
                continue;
            }
            found.insert(
                below.to_owned(),
                Entry { blob: entry.id, is_link: entry.mode & TYPE_MASK == LINK.unsigned_abs() },
            );
        }
        Ok(Self { repository: Mutex::new(repository), entries: found })
    }

    fn look(&self, path: &str) -> Result<Node, TreeError> {
        if let Some(entry) = self.entries.get(path) {
            return if entry.is_link { self.target(path, entry.blob).map(Node::Link) } else { Ok(Node::File) };
        }
        let prefix = join(path, "");
        let is_folder = self.entries.range(prefix.clone()..).next().is_some_and(|(path, _)| path.starts_with(&prefix));
        Ok(if is_folder { Node::Folder } else { Node::Nothing })
    }

    fn bytes(&self, path: &str, blob: Oid) -> Result<Vec<u8>, TreeError> {
        // A panic elsewhere leaves the handle as good as it was: libgit2 keeps its own state whole.
        let repository = self.repository.lock().unwrap_or_else(PoisonError::into_inner);
        let found = repository.find_blob(blob).map_err(|error| refuse(path, &error))?;
        Ok(found.content().to_vec())
    }

    fn target(&self, path: &str, blob: Oid) -> Result<String, TreeError> {
        String::from_utf8(self.bytes(path, blob)?).map_err(|_| TreeError {
            path: path.to_owned(),
            reason: "it is a link whose target is not valid UTF-8".to_owned(),
        })
    }
}

impl Tree for Revision {
    fn list(&self, folder: &str) -> Result<Vec<String>, TreeError> {
        let Place::Folder(real) = resolve(folder, |path| self.look(path))? else { return Ok(Vec::new()) };
        let prefix = join(&real, "");
        let mut paths = Vec::new();
        for (path, entry) in self.entries.range(prefix.clone()..).take_while(|(path, _)| path.starts_with(&prefix)) {
            if is_hidden_below(&real, path) {
                continue;
            }
            if entry.is_link && matches!(resolve(path, |path| self.look(path))?, Place::Folder(_)) {
                continue;
            }
            paths.push(rename(path, &real, folder));
        }
        Ok(paths)
    }

    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, TreeError> {
        match resolve(path, |path| self.look(path))? {
            Place::File(real) => self.entries.get(&real).map(|entry| self.bytes(path, entry.blob)).transpose(),
            Place::Folder(_) | Place::Nothing => Ok(None),
            Place::BrokenLink => Err(TreeError { path: path.to_owned(), reason: "it is a link to nothing".to_owned() }),
        }
    }
}

/// Finds the repository that a folder lies in, and the folder's path there.
fn place(project: &Path) -> Result<(Repository, String), TreeError> {
    let fail = |reason: &str| TreeError { path: project.display().to_string(), reason: reason.to_owned() };
    let repository = repository::open(project).map_err(|error| refuse(&fail("").path, &error))?;
    let project = std::fs::canonicalize(project).map_err(|error| fail(&error.to_string()))?;
    let checkout = repository.workdir().ok_or_else(|| fail("the repository has no checkout"))?;
    let checkout = std::fs::canonicalize(checkout).map_err(|error| fail(&error.to_string()))?;
    let below = project.strip_prefix(checkout).map_err(|_| fail("it is outside the git checkout"))?;
    let parts: Option<Vec<_>> = below.iter().map(|part| part.to_str()).collect();
    let folder = parts.ok_or_else(|| fail("its path is not valid UTF-8"))?.join("/");
    Ok((repository, folder))
}

/// Lists every blob below `folder`; submodules are commits of another repository and are left out.
fn entries(repository: &Repository, rev: &str, folder: &str) -> Result<BTreeMap<String, Entry>, TreeError> {
    let whole = repository.revparse_single(rev).and_then(|object| object.peel_to_tree()).map_err(|error| {
        TreeError { path: rev.to_owned(), reason: format!("no such git revision: {}", error.message()) }
    })?;
    let top = if folder.is_empty() {
        whole.id()
    } else {
        match whole.get_path(Path::new(folder)) {
            Ok(entry) if entry.kind() == Some(ObjectType::Tree) => entry.id(),
            _ => {
                return Err(TreeError {
                    path: folder.to_owned(),
                    reason: format!("revision `{rev}` has no such folder"),
                });
            }
        }
    };
    let mut entries = BTreeMap::new();
    let mut folders = vec![(String::new(), top)];
    while let Some((folder, id)) = folders.pop() {
        let tree = repository.find_tree(id).map_err(|error| refuse(&folder, &error))?;
        for entry in &tree {
            let name = std::str::from_utf8(entry.name_bytes()).map_err(|_| {
                let name = String::from_utf8_lossy(entry.name_bytes()).into_owned();
                TreeError { path: join(&folder, &name), reason: format!("`{name}` is not valid UTF-8; rename it") }
            })?;
            let path = join(&folder, name);
            match entry.kind() {
                Some(ObjectType::Tree) => folders.push((path, entry.id())),
                Some(ObjectType::Blob) => {
                    entries.insert(path, Entry { blob: entry.id(), is_link: entry.filemode() == LINK });
                }
                _ => {}
            }
        }
    }
    Ok(entries)
}

fn refuse(path: &str, error: &git2::Error) -> TreeError {
    TreeError { path: path.to_owned(), reason: error.message().to_owned() }
}

/// Returns the day in UTC, as `YYYY-MM-DD`, on which a revision (`HEAD` when not named) was committed; `None` outside a
/// git checkout and where there is no commit yet.
#[must_use]
pub fn commit_day(place: &Path, rev: Option<&str>) -> Option<String> {
    let repository = repository::open(place).ok()?;
    let commit = repository.revparse_single(rev.unwrap_or("HEAD")).ok()?.peel_to_commit().ok()?;
    Some(day(commit.time().seconds()))
}

/// Returns the commit where two revisions parted.
///
/// # Errors
/// When there is no repository, no such revision, or they have nothing in common.
pub fn merge_base(place: &Path, one: &str, other: &str) -> Result<String, TreeError> {
    let repository = repository::open(place).map_err(|error| refuse(&place.display().to_string(), &error))?;
    let commit = |rev: &str| {
        let found = repository.revparse_single(rev).and_then(|object| object.peel_to_commit());
        found.map(|commit| commit.id()).map_err(|error| TreeError {
            path: rev.to_owned(),
            reason: format!("no such git revision: {}", error.message()),
        })
    };
    let base = repository.merge_base(commit(one)?, commit(other)?);
    base.map(|id| id.to_string()).map_err(|error| refuse(one, &error))
}

/// Turns seconds since 1970 into a date of the Gregorian calendar: `YYYY-MM-DD`.
#[must_use]
pub fn day(seconds: i64) -> String {
    // Years are counted from March, so that the leap day is the last of its year; 400 years have 146,097 days.
    let days = seconds.div_euclid(86_400) + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (year, month) = if month < 10 { (year, month + 3) } else { (year + 1, month - 9) };
    format!("{:04}-{month:02}-{day:02}", year + era * 400)
}

#[cfg(test)]
#[path = "revision_tests.rs"]
mod tests;
