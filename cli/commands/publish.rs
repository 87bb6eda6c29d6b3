//! `publish git`: what is compiled becomes a commit on a branch for each cluster.
//!
//! The commit is made and signed by the user's own git, with the key and in the form it is set up for, and without touching what
//! is checked out. Each follows the one before: nothing is rewritten. Nothing leaves the machine; `git push` does that.

use std::collections::BTreeMap;

use ringfence_compiler::document::Document;
use ringfence_signing::lock::Lock;
use ringfence_signing::release::folder;

use super::way::{Old, Taken};
use super::{Thoroughness, conclude, judge_over};
use crate::args::{Publish, PublishGit, PublishTo, Rollout, Signing};
use crate::console;
use crate::exit::{Exit, Failure};
use crate::project::Project;
use crate::signing::branch::{Branch, Message};
use crate::signing::{self, keys};
use crate::summary::way;

/// Runs the command.
pub(super) fn run(args: &Publish) -> Result<Exit, Failure> {
    let PublishTo::Git(args) = &args.to;
    let mut project = Project::open(args.path.as_deref(), &args.reading)?;
    let git = project.parsed.as_ref().and_then(|parsed| parsed.delivery.as_ref()?.git.as_ref());
    let branch =
        args.branch.as_deref().or(git.map(|git| git.branch.as_str())).unwrap_or("rendered/{cluster}").to_owned();
    // Files lie where their signature says they do.
    if let Some(git) = git.filter(|git| git.path != "clusters/{cluster}") {
        return Err(Failure::new(format!(
            "`delivery.git.path` is `{}`, and this command writes `clusters/{{cluster}}`",
            git.path
        ))
        .help("leave `path` out, or publish by other means"));
    }
    if !branch.contains("{cluster}") && args.cluster.len() != 1 {
        return Err(Failure::new("each cluster has a branch of its own")
            .help("write `{cluster}` where its name belongs, or name one with `--cluster`"));
    }
    // What is on the branches is what the clusters have, or soon will.
    let old = old(&project, args, &branch)?;
    let mut judged = judge_over(&mut project, old.as_ref().map(Old::texts), Thoroughness::Whole);
    let broken = judged.diagnostics.has_errors();
    let published = if broken { None } else { publish(&project, &mut judged, (args, &branch), old.as_ref())? };
    let exit = conclude(&args.reading, &args.findings, &judged.found(&project, None))?;
    if published.is_none() {
        console::note("ringfence: nothing was published");
    }
    Ok(if published.is_none() && exit == Exit::Clean { Exit::Findings } else { exit })
}

/// Reads what is on the branches; nothing where none of it is ours.
fn old(project: &Project, args: &PublishGit, branch: &str) -> Result<Option<Old>, Failure> {
    let Some(parsed) = &project.parsed else { return Ok(None) };
    let mut files = BTreeMap::new();
    let clusters = parsed.policy.clusters.iter().map(Document::name);
    for cluster in clusters.filter(|name| args.cluster.is_empty() || args.cluster.iter().any(|one| one == name)) {
        files.extend(Branch::open(&project.root, &branch.replace("{cluster}", cluster))?.files()?);
    }
    // A branch of somebody else may hold anything.
    files.retain(|path, _| path.starts_with("clusters/") || path.starts_with(".ringfence/"));
    Old::of(files, branch)
}

/// Commits the files of each cluster, and says what came of it; nothing where the way there was refused.
fn publish(
    project: &Project,
    judged: &mut super::Judged,
    (args, branch): (&PublishGit, &str),
    old: Option<&Old>,
) -> Result<Option<()>, Failure> {
    let Some((compiled, summary)) = &mut judged.outcome else { return Ok(None) };
    let known: Vec<String> = compiled.objects.keys().cloned().collect();
    if let Some(name) = args.cluster.iter().find(|name| !known.contains(name)) {
        return Err(
            Failure::new(format!("there is no cluster `{name}`")).did_you_mean(name, known.iter().map(String::as_str))
        );
    }
    let signing = Signing { key: args.key.clone(), ..args.signing.clone() };
    let origin = signing::origin(project, &judged.sources, &signing)?;
    let signer = signing.key.is_some().then(|| keys::signer(&signing)).transpose()?;
    if let Some((plan, next)) = judged.way.take() {
        let taken = Taken::of(&next, args.rollout, compiled);
        let said = way::text(&plan, &next, args.rollout == Rollout::TwoPhase);
        summary.way = Some((plan, next, args.rollout == Rollout::TwoPhase));
        said.lines().for_each(|line| console::note(&format!("ringfence: {line}")));
        match (taken, old, &signer) {
            (Taken::Refused(why), ..) => {
                console::note(&format!("ringfence: {why}"));
                return Ok(None);
            }
            (Taken::Step, Some(old), Some(signer)) => old.is_signed(project, compiled, signer.public())?,
            // The commit is the only signature then, and that of the step would stand for what was there.
            (Taken::Step, _, None) => {
                for cluster in compiled.objects.keys() {
                    let branch = Branch::open(&project.root, &branch.replace("{cluster}", cluster))?;
                    if !branch.is_new() && !branch.is_verified() {
                        return Err(Failure::new(format!(
                            "a step keeps what is on `{}`, and git cannot tell here who signed that",
                            branch.name()
                        ))
                        .help("`git verify-commit` says why; with `--key` the signature beside the files counts"));
                    }
                }
            }
            (Taken::Step | Taken::Target, ..) => {}
        }
    }
    if let Some(signer) = signer {
        let releases = signing::sign(project, &judged.sources, (compiled, summary), &signing, &*signer)?;
        signing::add_to(compiled, &releases);
    }
    for cluster in known.iter().filter(|name| args.cluster.is_empty() || args.cluster.contains(name)) {
        let below = folder(cluster);
        let is_its = |path: &str| {
            path.starts_with(&below) || path == Lock::path(cluster) || path == Lock::signature_path(cluster)
        };
        let files =
            compiled.files.iter().filter(|(path, _)| is_its(path)).map(|(path, text)| (path.as_str(), text.as_str()));
        let branch = Branch::open(&project.root, &branch.replace("{cluster}", cluster))?;
        let message = Message { cluster, origin: &origin, seal: args.seal.as_deref() };
        // Each branch that moves is said at once: what comes after it may fail.
        console::note(&match branch.commit(files.collect(), &message)? {
            Some(commit) => format!("ringfence: {cluster}: {} is at {commit}", branch.name()),
            None if branch.is_verified() => format!("ringfence: {cluster}: {} is up to date", branch.name()),
            None => format!(
                "ringfence: {cluster}: {} is up to date, and git cannot tell here who signed it: `git verify-commit {}` says why",
                branch.name(),
                branch.name()
            ),
        });
    }
    Ok(Some(()))
}
