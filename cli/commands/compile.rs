//! `compile`: check, then write, or compare with what is written.

use std::path::{Path, PathBuf};

use ringfence_compiler::parse::Parsed;

use super::{conclude, judge};
use crate::args::Compile;
use crate::console;
use crate::exit::{Exit, Failure};
use crate::output::{self, OutputError, Surroundings};
use crate::project::{Project, shown};
use crate::summary::{Come, Output};
use crate::tree::project::git_root;

/// Runs the command.
pub(super) fn run(args: &Compile) -> Result<Exit, Failure> {
    let mut project = Project::open(args.path.as_deref(), &args.reading)?;
    let mut judged = judge(&mut project);
    let mut exit = Exit::Clean;
    // Output that breaks an assertion is not written.
    let broken = judged.diagnostics.has_errors();
    if let (Some(parsed), Some((compiled, summary)), false) = (&project.parsed, &mut judged.outcome, broken) {
        let out = args.out.clone().unwrap_or_else(|| project.root.join(parsed.project.output_folder()));
        let folder = shown(&out);
        summary.output = if args.check {
            let differences = output::compare(&out, &compiled.files).map_err(failure)?;
            if !differences.is_empty() {
                exit = Exit::Findings;
            }
            Some(Output::Compared { folder, differences, files: compiled.files.len() })
        } else {
            let repository = git_root(&project.root);
            let policies = inputs(&project.root, parsed);
            let around = Surroundings { repository: repository.as_deref(), policies: &policies };
            let written = output::write(&out, around, &compiled.files).map_err(failure)?;
            Some(Output::Written { folder, written })
        };
    }
    let summary = judged.outcome.as_ref().map(|(_, summary)| summary);
    let said = summary.map(|summary| summary as &dyn Come);
    let found = conclude(&args.reading, &judged.sources, &judged.diagnostics, said, project.parsed.is_some())?;
    if broken {
        console::note("ringfence: nothing was written");
    }
    Ok(if found == Exit::Clean { exit } else { found })
}

/// Returns the folders that output must keep clear of: policy and inventories.
fn inputs(root: &Path, parsed: &Parsed) -> Vec<PathBuf> {
    let project = &parsed.project;
    let clusters = parsed.policy.clusters.iter().filter_map(|cluster| cluster.spec.inventory.as_ref());
    let own = clusters.map(|folder| folder.value.as_str());
    [project.policy_folder(), project.inventory_folder()]
        .into_iter()
        .chain(own)
        .map(|folder| root.join(folder))
        .collect()
}

fn failure(error: OutputError) -> Failure {
    Failure::new(error)
}
