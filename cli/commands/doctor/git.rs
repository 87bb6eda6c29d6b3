//! The checkout: days, blame and comparisons come from it.

use std::path::Path;

use git2::StatusOptions;

use super::Line;
use crate::summary::counted;
use crate::tree::repository;
use crate::tree::revision::commit_day;

pub(super) fn lines(folder: &Path, root: Option<&Path>) -> Vec<Line> {
    let Some(root) = root else {
        let advice =
            "outside of one the day is today's, no line has an author, and nothing can be compared: `git init`";
        return vec![Line::note("git", "this is no git checkout", advice)];
    };
    let repository = match repository::open(folder) {
        Ok(repository) => repository,
        Err(error) => {
            let said = format!("the checkout at `{}` cannot be read: {}", root.display(), error.message());
            return vec![Line::bad("git", said, "`git status` says more")];
        }
    };
    let Some(day) = commit_day(folder, None) else {
        return vec![Line::note(
            "git",
            format!("`{}` has no commit yet", root.display()),
            "the day is today's until there is one",
        )];
    };
    let branch = repository.head().ok().and_then(|head| head.shorthand().ok().map(str::to_owned)).unwrap_or_default();
    let mut lines = vec![Line::good("git", format!("`{}` at {branch}, committed on {day}", root.display()))];
    if repository.is_shallow() {
        let advice =
            "what to compare with may be missing: `git fetch --unshallow`, or `fetch-depth: 0` of actions/checkout";
        lines.push(Line::note("history", "this is a shallow clone", advice));
    }
    let mut options = StatusOptions::new();
    options.include_untracked(true).exclude_submodules(true);
    let changed = repository.statuses(Some(&mut options)).map(|statuses| statuses.len());
    if let Ok(changed @ 1..) = changed {
        let said = format!("{} not committed", counted(changed, "file"));
        lines.push(Line::note("changes", said, "nothing is signed before it is committed"));
    }
    lines
}
