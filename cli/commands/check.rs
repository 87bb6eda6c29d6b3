//! `check`: everything that is wrong, and nothing written.

mod manifests;
mod watch;

use super::{Thoroughness, conclude, judge_over};
use crate::args::{Check, Reading};
use crate::exit::{Exit, Failure};
use crate::project::Project;
use crate::summary::Come;

/// The variable in which pre-commit and prek say which revision is about to be pushed.
const PUSHED: &str = "PRE_COMMIT_TO_REF";

/// Reads what is about to be pushed.
fn as_pushed(args: &Check) -> Check {
    let revision = std::env::var(PUSHED).ok().filter(|revision| !revision.is_empty());
    let at = Some(revision.unwrap_or_else(|| "HEAD".to_owned()));
    Check { reading: Reading { at, ..args.reading.clone() }, ..args.clone() }
}

/// Runs the command.
pub(super) fn run(args: &Check) -> Result<Exit, Failure> {
    if args.watch { watch::run(args, once) } else { once(args) }
}

fn once(args: &Check) -> Result<Exit, Failure> {
    let pushed;
    let args = if args.pushed {
        pushed = as_pushed(args);
        &pushed
    } else {
        args
    };
    if let Some(exit) = manifests::run(args)? {
        return Ok(exit);
    }
    let mut project = Project::open(args.path.as_deref(), &args.reading)?;
    let how = if args.fast { Thoroughness::Fast } else { Thoroughness::Whole };
    let judged = judge_over(&mut project, None, how);
    let summary = judged.outcome.as_ref().map(|(_, summary)| summary as &dyn Come);
    conclude(&args.reading, &args.findings, &judged.found(&project, summary))
}
