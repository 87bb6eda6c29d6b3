//! `compile`: check, then write, sign, or compare with what is written.

use std::path::{Path, PathBuf};

use ringfence_compiler::parse::Parsed;

use super::way::{Old, Taken};
use super::{Judged, Thoroughness, conclude, judge_over, project_keys};
use crate::args::{Compile, Rollout, Signing};
use crate::console;
use crate::exit::{Exit, Failure};
use crate::output::{self, OutputError, Surroundings};
use crate::project::{Project, shown};
use crate::signing::{self, keys, layout};
use crate::summary::{Come, Output};
use crate::tree::project::git_root;

/// What may lie in the output folder already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum There {
    /// Anything: it becomes what is compiled.
    Anything,
    /// What is compiled, and nothing else of ours.
    Same,
}

/// Runs the command.
pub(super) fn run(args: &Compile) -> Result<Exit, Failure> {
    compiled(args, There::Anything)
}

/// Compiles a project, and does with the output what was asked for.
pub(super) fn compiled(args: &Compile, there: There) -> Result<Exit, Failure> {
    let mut project = Project::open(args.path.as_deref(), &args.reading)?;
    let old = old(&project, args)?;
    let mut judged = judge_over(&mut project, old.as_ref().map(Old::texts), Thoroughness::Whole);
    let mut exit = Exit::Clean;
    // Output that breaks an assertion is not written.
    let broken = judged.diagnostics.has_errors();
    if let (Some(parsed), false) = (&project.parsed, broken) {
        let out = args.out.clone().unwrap_or_else(|| project.root.join(parsed.project.output_folder()));
        exit = put(&project, parsed, &mut judged, (&out, old.as_ref()), (args, there))?;
    }
    let summary = judged.outcome.as_ref().map(|(_, summary)| summary);
    let said = summary.map(|summary| summary as &dyn Come);
    let found = conclude(&args.reading, &args.findings, &judged.found(&project, said))?;
    if broken {
        console::note(if args.sign.is_some() {
            "ringfence: nothing was written or signed"
        } else {
            "ringfence: nothing was written"
        });
    }
    Ok(if found == Exit::Clean { exit } else { found })
}

/// Writes the output, or compares it with what is there.
fn put(
    project: &Project,
    parsed: &Parsed,
    judged: &mut Judged,
    (out, old): (&Path, Option<&Old>),
    (args, there): (&Compile, There),
) -> Result<Exit, Failure> {
    let Some((compiled, summary)) = &mut judged.outcome else { return Ok(Exit::Clean) };
    let folder = shown(out);
    let signing = Signing { key: args.sign.clone(), ..args.signing.clone() };
    let signer = signing.key.is_some().then(|| keys::signer(&signing)).transpose()?;
    if let Some((plan, next)) = judged.way.take() {
        let taken = Taken::of(&next, args.rollout, compiled);
        summary.way = Some((plan, next, args.rollout == Rollout::TwoPhase));
        match (taken, old, &signer) {
            (Taken::Refused(why), ..) => {
                console::note(&format!("ringfence: nothing was written: {why}"));
                return Ok(Exit::Findings);
            }
            (Taken::Step, Some(old), Some(signer)) => old.is_signed(project, compiled, signer.public())?,
            (Taken::Step | Taken::Target, ..) => {}
        }
    } else if args.rollout != Rollout::Direct {
        console::note(&format!("ringfence: no output of ours is in `{folder}`, so that no way from it was looked at"));
    }
    if args.sign.is_none() {
        let there = signing::there(out, &compiled.files, &project_keys(parsed)?)?;
        signing::pin(compiled, &there);
    }
    let differences = if args.check || there == There::Same {
        output::compare(out, &compiled.files).map_err(failure)?
    } else {
        Vec::new()
    };
    if args.check || !differences.is_empty() {
        let exit = if differences.is_empty() { Exit::Clean } else { Exit::Findings };
        if there == There::Same {
            console::note("ringfence: not signed: what is there is not what this policy compiles to");
        }
        summary.output = Some(Output::Compared { folder, differences, files: compiled.files.len() });
        return Ok(exit);
    }
    let releases = match signer {
        Some(signer) => {
            let releases = signing::sign(project, &judged.sources, (compiled, summary), &signing, &*signer)?;
            signing::add_to(compiled, &releases);
            releases
        }
        None => Vec::new(),
    };
    let repository = git_root(&project.root);
    let policies = inputs(&project.root, parsed);
    let around = Surroundings { repository: repository.as_deref(), policies: &policies };
    let written = output::write(out, around, &compiled.files).map_err(failure)?;
    summary.output = Some(Output::Written { folder, written });
    if !releases.is_empty() {
        let place = out.join(layout::FOLDER);
        let mut there = layout::read(&place)?;
        for release in &releases {
            release.add_to(&mut there).map_err(|error| Failure::new(format!("`{}`: {error}", place.display())))?;
        }
        layout::write(&place, &there)?;
        summary.signed =
            releases.iter().map(|one| (one.cluster.clone(), one.artifact.descriptor().digest.to_string())).collect();
    }
    Ok(Exit::Clean)
}

/// Reads the output that is there; nothing where there is none, or where no way to a new one is asked about.
fn old(project: &Project, args: &Compile) -> Result<Option<Old>, Failure> {
    let Some(parsed) = project.parsed.as_ref().filter(|_| !args.check) else { return Ok(None) };
    let out = args.out.clone().unwrap_or_else(|| project.root.join(parsed.project.output_folder()));
    if out.is_dir() { Old::of(signing::folder::read(&out)?, &shown(&out)) } else { Ok(None) }
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
