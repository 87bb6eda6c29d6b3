//! `publish git`: what is compiled becomes a commit on a branch for each cluster.
//!
//! The commit is made and signed by the user's own git, with the key and in the form it is set up for, and without touching what
//! is checked out. Each follows the one before: nothing is rewritten. Nothing leaves the machine; `git push` does that.

use ringfence_signing::lock::Lock;
use ringfence_signing::release::folder;

use super::{conclude, judge};
use crate::args::{Publish, PublishGit, PublishTo, Signing};
use crate::console;
use crate::exit::{Exit, Failure};
use crate::project::Project;
use crate::signing::branch::{Branch, Message};
use crate::signing::{self, keys};

/// Runs the command.
pub(super) fn run(args: &Publish) -> Result<Exit, Failure> {
    let PublishTo::Git(args) = &args.to;
    let mut project = Project::open(args.path.as_deref(), &args.reading)?;
    let mut judged = judge(&mut project);
    let broken = judged.diagnostics.has_errors();
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
    let published = if broken { Vec::new() } else { publish(&project, &mut judged, (args, &branch))? };
    let exit = conclude(&args.reading, &args.findings, &judged.found(&project, None))?;
    if broken {
        console::note("ringfence: nothing was published");
    }
    for line in published {
        console::note(&line);
    }
    Ok(exit)
}

/// Commits the files of each cluster, and says what came of it.
fn publish(
    project: &Project,
    judged: &mut super::Judged,
    (args, branch): (&PublishGit, &str),
) -> Result<Vec<String>, Failure> {
    let Some((compiled, summary)) = &mut judged.outcome else { return Ok(Vec::new()) };
    let known: Vec<String> = compiled.objects.keys().cloned().collect();
    if let Some(name) = args.cluster.iter().find(|name| !known.contains(name)) {
        return Err(
            Failure::new(format!("there is no cluster `{name}`")).did_you_mean(name, known.iter().map(String::as_str))
        );
    }
    let signing = Signing { key: args.key.clone(), ..args.signing.clone() };
    let origin = signing::origin(project, &judged.sources, &signing)?;
    if signing.key.is_some() {
        let signer = keys::signer(&signing)?;
        let releases = signing::sign(project, &judged.sources, (compiled, summary), &signing, &*signer)?;
        signing::add_to(compiled, &releases);
    }
    let mut said = Vec::new();
    for cluster in known.iter().filter(|name| args.cluster.is_empty() || args.cluster.contains(name)) {
        let below = folder(cluster);
        let is_its = |path: &str| {
            path.starts_with(&below) || path == Lock::path(cluster) || path == Lock::signature_path(cluster)
        };
        let files =
            compiled.files.iter().filter(|(path, _)| is_its(path)).map(|(path, text)| (path.as_str(), text.as_str()));
        let branch = Branch::open(&project.root, &branch.replace("{cluster}", cluster))?;
        let message = Message { cluster, origin: &origin, seal: args.seal.as_deref() };
        said.push(match branch.commit(files.collect(), &message)? {
            Some(commit) => format!("ringfence: {cluster}: {} is at {commit}", branch.name()),
            None => format!("ringfence: {cluster}: {} is up to date", branch.name()),
        });
    }
    Ok(said)
}
