//! The git repository around a place, and what it has at another moment.
//!
//! In: a folder. Out: the repository of the checkout that it lies in. A folder that looks like a repository by itself is none of
//! ours: anybody can commit one, with settings of its own (`safe.bareRepository` in git's own words).

use std::fs;
use std::path::Path;

use git2::{Error, ErrorClass, ErrorCode, Index, Repository};
use ringfence_compiler::parse::PROJECT_FILE;

use super::Moment;
use super::project::git_root;

/// As many digits of a commit tell which it is.
const SHOWN: usize = 12;

/// Opens the repository of the checkout that a place lies in.
///
/// # Errors
/// When there is none, or it cannot be read.
pub fn open(place: &Path) -> Result<Repository, Error> {
    let none = || Error::new(ErrorCode::NotFound, ErrorClass::Repository, "it is in no git checkout");
    let place = fs::canonicalize(place).map_err(|_| none())?;
    Repository::open(git_root(&place).ok_or_else(none)?)
}

/// Opens the index that the next commit is made of.
///
/// # Errors
/// When it cannot be read.
pub fn index(repository: &Repository) -> Result<Index, Error> {
    match std::env::var_os("GIT_INDEX_FILE").filter(|file| !file.is_empty()) {
        // Git names it from the root of the checkout.
        Some(file) => Index::open(&repository.workdir().unwrap_or(Path::new("")).join(file)),
        None => repository.index(),
    }
}

/// Tells whether a folder below `root`, the root of a checkout, is a project at a moment; nothing where git cannot tell.
pub fn is_project(root: &Path, folder: &Path, moment: Moment<'_>) -> Option<bool> {
    let file = folder.strip_prefix(root).ok()?.join(PROJECT_FILE);
    Some(match moment {
        Moment::OnDisk => folder.join(PROJECT_FILE).is_file(),
        Moment::Staged => {
            let index = index(&Repository::open(root).ok()?).ok()?;
            // What is not merged yet is there on some side.
            (0..4).any(|stage| index.get_path(&file, stage).is_some())
        }
        Moment::At(revision) => {
            let repository = Repository::open(root).ok()?;
            let tree = repository.revparse_single(revision).and_then(|object| object.peel_to_tree()).ok()?;
            tree.get_path(&file).is_ok()
        }
    })
}

/// Tells whether a place is in a checkout that has no commit yet.
pub fn is_unborn(place: &Path) -> bool {
    open(place).is_ok_and(|repository| repository.head().is_err_and(|error| error.code() == ErrorCode::UnbornBranch))
}

/// Tells whether a word names a commit of the checkout that a place lies in.
pub fn is_revision(place: &Path, word: &str) -> bool {
    open(place).is_ok_and(|repository| {
        let found = repository.revparse_single(word);
        found.is_ok_and(|object| object.peel_to_commit().is_ok())
    })
}

/// Returns the revisions that come right before a moment, as far as they are here: what is on disk or staged comes after `HEAD`.
pub fn before(root: &Path, moment: Moment<'_>) -> Vec<String> {
    let parents = |revision: &str| -> Option<Vec<String>> {
        let repository = Repository::open(root).ok()?;
        let commit = repository.revparse_single(revision).ok()?.peel_to_commit().ok()?;
        // Of a checkout of a part of the history the rest is not here.
        let here = commit.parent_ids().filter(|id| repository.find_commit(*id).is_ok());
        Some(here.map(|id| id.to_string().chars().take(SHOWN).collect()).collect())
    };
    match moment {
        Moment::At(revision) => parents(revision).unwrap_or_default(),
        Moment::Staged => vec!["HEAD".to_owned()],
        Moment::OnDisk => std::iter::once("HEAD".to_owned()).chain(parents("HEAD").unwrap_or_default()).collect(),
    }
}
