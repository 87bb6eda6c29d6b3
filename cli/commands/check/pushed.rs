//! `check --pushed`: every revision that is about to be pushed.
//!
//! In: what git says to a pre-push hook on standard input (githooks: `<local ref> <local object> <remote ref> <remote object>`, a line
//! a ref), or what pre-commit and prek make of it in variables. Out: each revision checked by itself, and the worst of what came of it.

use std::env;
use std::io::{self, IsTerminal as _, Read as _};
use std::path::Path;

use super::once;
use crate::args::{Check, Reading};
use crate::console;
use crate::exit::{Exit, Failure};
use crate::tree::{Moment, find_project_at, project_before};

/// The variables in which pre-commit and prek say what is pushed: an object, or where there was nothing before, the name of a ref.
const VARIABLES: [&str; 2] = ["PRE_COMMIT_TO_REF", "PRE_COMMIT_LOCAL_BRANCH"];

/// More than git ever says of one push.
const MOST: u64 = 1 << 20;

/// Checks each revision.
pub(super) fn run(args: &Check) -> Result<Exit, Failure> {
    let revisions = revisions()?;
    let place = args.path.as_deref().unwrap_or(Path::new("."));
    let is_project = find_project_at(place, Moment::At("HEAD")).is_ok();
    let mut worst = Exit::Clean;
    for revision in &revisions {
        let moment = Moment::At(revision);
        if revisions.len() > 1 {
            console::note(&format!("ringfence: revision {revision}"));
        }
        // Branches of pages, or of what was compiled, are pushed from the same repository.
        if is_project && find_project_at(place, moment).is_err() && project_before(place, moment).is_none() {
            console::note(&format!("ringfence: revision {revision} holds no policy, nor did the one before it"));
            continue;
        }
        let exit =
            once(&Check { reading: Reading { at: Some(revision.clone()), ..args.reading.clone() }, ..args.clone() })?;
        if exit.code() > worst.code() {
            worst = exit;
        }
    }
    Ok(worst)
}

/// Returns what is pushed: several revisions, where several refs are; none where refs are only deleted.
fn revisions() -> Result<Vec<String>, Failure> {
    let named = VARIABLES.into_iter().find_map(|name| env::var(name).ok().filter(|value| !value.is_empty()));
    if let Some(named) = named {
        return Ok(vec![named]);
    }
    let mut said = String::new();
    let mut input = io::stdin();
    if !input.is_terminal() {
        input.by_ref().take(MOST).read_to_string(&mut said).map_err(Failure::new)?;
    }
    let pushed = of_lines(&said);
    if pushed.is_empty() && said.trim().is_empty() {
        console::note(
            "ringfence: nobody says what is pushed, so this is `HEAD`; a pre-push hook of git says it on standard input",
        );
        return Ok(vec!["HEAD".to_owned()]);
    }
    Ok(pushed)
}

fn of_lines(said: &str) -> Vec<String> {
    let mut pushed: Vec<String> = Vec::new();
    for line in said.lines() {
        // A ref that is deleted has an object of zeros.
        let object = line.split_whitespace().nth(1).filter(|object| object.contains(|digit| digit != '0'));
        if let Some(object) = object.filter(|object| !pushed.iter().any(|known| known == object)) {
            pushed.push(object.to_owned());
        }
    }
    pushed
}

#[cfg(test)]
mod tests {
    use super::of_lines;

    #[test]
    fn each_ref_that_is_not_deleted_is_pushed_once() {
        let zeros = "0".repeat(40);
        let said = format!(
            "refs/heads/a a1 refs/heads/a b1\n(delete) {zeros} refs/heads/b b2\nrefs/tags/c c0 refs/tags/c {zeros}\nrefs/heads/d a1 refs/heads/d {zeros}\n"
        );
        assert_eq!(of_lines(&said), ["a1", "c0"]);
        assert!(of_lines("").is_empty());
    }
}
