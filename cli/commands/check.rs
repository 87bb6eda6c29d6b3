//! `check`: everything that is wrong, and nothing written.

mod manifests;
mod pushed;
mod watch;

use super::{Thoroughness, conclude, judge_over};
use crate::args::Check;
use crate::exit::{Exit, Failure};
use crate::project::Project;
use crate::summary::Come;

/// Runs the command.
pub(super) fn run(args: &Check) -> Result<Exit, Failure> {
    match (args.watch, args.pushed) {
        (true, _) => watch::run(args, once),
        (_, true) => pushed::run(args),
        _ => once(args),
    }
}

fn once(args: &Check) -> Result<Exit, Failure> {
    if let Some(exit) = manifests::run(args)? {
        return Ok(exit);
    }
    let mut project = Project::open(args.path.as_deref(), &args.reading)?;
    let how = if args.fast { Thoroughness::Fast } else { Thoroughness::Whole };
    let judged = judge_over(&mut project, None, how);
    let summary = judged.outcome.as_ref().map(|(_, summary)| summary as &dyn Come);
    conclude(&args.reading, &args.findings, &judged.found(&project, summary))
}
