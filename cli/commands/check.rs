//! `check`: everything that is wrong, and nothing written.

use super::{conclude, judge};
use crate::args::Check;
use crate::exit::{Exit, Failure};
use crate::project::Project;

/// Runs the command.
pub(super) fn run(args: &Check) -> Result<Exit, Failure> {
    let mut project = Project::open(args.path.as_deref(), &args.reading)?;
    let judged = judge(&mut project);
    let summary = judged.outcome.as_ref().map(|(_, summary)| summary);
    conclude(&args.reading, &judged.sources, &judged.diagnostics, summary, project.parsed.is_some())
}
