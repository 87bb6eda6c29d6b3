//! Where the project begins.
//!
//! In: the place a person stands, or the path they typed. Out: the folder with `ringfence.yaml`. The search ends at the
//! root of the git checkout, so that no file of somebody else's above it (in `/tmp`, say) can configure a run; outside
//! a checkout it looks at one folder only.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use ringfence_compiler::parse::PROJECT_FILE;

use super::{Moment, repository};

/// Why no project was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoProject {
    start: PathBuf,
    last: PathBuf,
    in_git: bool,
}

impl fmt::Display for NoProject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (start, last) = (self.start.display(), self.last.display());
        match (self.in_git, self.start == self.last) {
            (true, false) => write!(f, "no `{PROJECT_FILE}` in `{start}` or above it, up to the git root `{last}`"),
            (true, true) => write!(f, "no `{PROJECT_FILE}` in `{start}`, the git root"),
            (false, _) => {
                write!(f, "no `{PROJECT_FILE}` in `{start}`; outside a git checkout no folder above it counts")
            }
        }
    }
}

impl std::error::Error for NoProject {}

/// Finds the nearest folder with a `ringfence.yaml`, from `start` (a folder, or a file in it) up to the git root.
///
/// # Errors
/// When there is none on the way.
pub fn find_project(start: &Path) -> Result<PathBuf, NoProject> {
    let nowhere = || NoProject { start: start.to_owned(), last: start.to_owned(), in_git: false };
    let mut start = fs::canonicalize(start).map_err(|_| nowhere())?;
    if !start.is_dir() {
        start.pop();
    }
    let git = git_root(&start);
    let last = git.clone().unwrap_or_else(|| start.clone());
    start
        .ancestors()
        .take_while(|folder| folder.starts_with(&last))
        .find(|folder| folder.join(PROJECT_FILE).is_file())
        .map(Path::to_owned)
        .ok_or(NoProject { in_git: git.is_some(), last, start: start.clone() })
}

/// Finds the nearest folder that is a project at a moment, from `start` on disk up to the git root: what is staged, or was committed, may
/// have one that the disk has not, or the other way round.
///
/// # Errors
/// When there is none on the way.
pub fn find_project_at(start: &Path, moment: Moment<'_>) -> Result<PathBuf, NoProject> {
    let nowhere = || NoProject { start: start.to_owned(), last: start.to_owned(), in_git: false };
    let mut place = fs::canonicalize(start).map_err(|_| nowhere())?;
    if !place.is_dir() {
        place.pop();
    }
    let Some(root) = git_root(&place).filter(|_| moment != Moment::OnDisk) else { return find_project(start) };
    for folder in place.ancestors().take_while(|folder| folder.starts_with(&root)) {
        match repository::is_project(&root, folder, moment) {
            Some(true) => return Ok(folder.to_owned()),
            Some(false) => {}
            // Who reads it says what is wrong.
            None => return find_project(start),
        }
    }
    Err(NoProject { in_git: true, last: root, start: place })
}

/// Returns the revision right before a moment at which a place was in a project, if any.
#[must_use]
pub fn project_before(start: &Path, moment: Moment<'_>) -> Option<String> {
    let root = git_root(&fs::canonicalize(start).ok()?)?;
    let was = |revision: &String| find_project_at(start, Moment::At(revision)).is_ok();
    repository::before(&root, moment).into_iter().find(was)
}

/// Finds the root of the checkout that `folder`, an absolute path, lies in.
#[must_use]
pub fn git_root(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().find(|folder| folder.join(".git").exists()).map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Builds `top/git/mid/low`, puts a configuration at each of `at`, and starts in `low`.
    fn check(is_git: bool, at: &[&str], expected: &str) {
        let top = tempfile::tempdir().unwrap();
        let base = fs::canonicalize(top.path()).unwrap();
        let low = base.join("git/mid/low");
        fs::create_dir_all(&low).unwrap();
        if is_git {
            fs::create_dir(base.join("git/.git")).unwrap();
        }
        for folder in at {
            fs::write(base.join(folder).join(PROJECT_FILE), "").unwrap();
        }
        let found = match find_project(&low) {
            Ok(folder) => folder.strip_prefix(&base).unwrap().display().to_string(),
            Err(error) => error.to_string().replace(base.to_str().unwrap(), "top"),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn the_nearest_configuration_wins_up_to_the_git_root() {
        check(true, &["git/mid/low", "git"], "git/mid/low");
        check(true, &["git/mid", "git", ""], "git/mid");
        check(true, &["git", ""], "git");
        check(true, &[""], "no `ringfence.yaml` in `top/git/mid/low` or above it, up to the git root `top/git`");
    }

    #[test]
    fn outside_a_checkout_only_the_folder_itself_counts() {
        check(false, &["git/mid/low"], "git/mid/low");
        check(
            false,
            &["git/mid", ""],
            "no `ringfence.yaml` in `top/git/mid/low`; outside a git checkout no folder above it counts",
        );
    }

    #[test]
    fn a_file_stands_for_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(PROJECT_FILE), "").unwrap();
        let found = find_project(&folder.path().join(PROJECT_FILE)).unwrap();
        assert_eq!(found, fs::canonicalize(folder.path()).unwrap());
    }
}
