//! The verbs, one file each.
//!
//! In: what was typed. Out: how the run ends. What several of them do in the same way is here: compile a project in
//! memory, and say what was found.

mod check;
mod checks;
mod compile;
mod completions;
mod conclude;
mod diff;
mod doctor;
mod drift;
mod effective;
mod explain;
mod exposed;
mod impact;
mod init;
mod key;
mod man;
mod matrix;
mod movement;
mod patterns;
mod publish;
mod push;
mod reach;
mod schema;
mod sign;
mod verify;
mod way;

use std::path::{Path, PathBuf};

use ringfence_compiler::compile::{Compiled, compile};
use ringfence_compiler::delivery::Delivery;
use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::diagnostics::ignores::{self, Ignorable};
use ringfence_compiler::parse::{Parsed, parse};
use ringfence_compiler::resolve::resolve;
use ringfence_compiler::source::Sources;
use ringfence_signing::key::PublicKey;
use ringfence_verifier::surroundings::Surroundings;
use ringfence_verifier::{assertions, redundant, rollout, translation};

use self::conclude::{Found, conclude, conclude_answer};
use crate::args::Verb;
use crate::console;
use crate::exit::{Exit, Failure};
use crate::mesh::Meshes;
use crate::progress::Progress;
use crate::project::Project;
use crate::signing::keys;
use crate::summary::{Come, Summary};
use crate::tree::{Directory, find_project};

/// Runs a command.
///
/// # Errors
/// When it ended without a verdict.
pub fn run(verb: Verb) -> Result<Exit, Failure> {
    match verb {
        Verb::Init(args) => init::run(&args),
        Verb::Check(args) => check::run(&args),
        Verb::Compile(args) => compile::run(&args),
        Verb::Drift(args) => drift::run(&args),
        Verb::Key(args) => key::run(&args),
        Verb::Sign(args) => sign::run(&args),
        Verb::Verify(args) => verify::run(&args),
        Verb::Publish(args) => publish::run(&args),
        Verb::Push(args) => push::run(&args),
        Verb::Effective(args) => effective::run(&args),
        Verb::Reach(args) => reach::run(&args),
        Verb::Matrix(args) => matrix::run(&args),
        Verb::Exposed(args) => exposed::run(&args),
        Verb::Blast(args) => movement::blast(&args),
        Verb::Paths(args) => movement::paths(&args),
        Verb::Posture(args) => movement::posture(&args),
        Verb::Diff(args) => diff::run(&args),
        Verb::Impact(args) => impact::run(&args),
        Verb::Explain(args) => explain::run(&args),
        Verb::Checks(args) => checks::run(&args),
        Verb::Patterns(args) => patterns::run(&args),
        Verb::Schema(args) => schema::run(&args),
        Verb::Completions(args) => completions::run(&args),
        Verb::Doctor(args) => doctor::run(&args),
        Verb::Man(args) => man::run(&args),
    }
}

/// A project, compiled in memory.
pub struct Judged {
    /// Every text that was read.
    pub sources: Sources,
    /// What was said.
    pub diagnostics: Diagnostics,
    /// How much of it comments silence.
    pub ignored: usize,
    /// The output and what to say of it; nothing where there were errors. What breaks an assertion is an error and has output,
    /// so that it can be looked at.
    pub outcome: Option<(Compiled, Summary)>,
    /// How the output takes the place of what is there, where something is.
    pub way: Option<(rollout::Plan, rollout::Next)>,
}

impl Judged {
    /// Returns what was found, to conclude by.
    fn found<'j>(&'j self, project: &'j Project, come: Option<&'j dyn Come>) -> Found<'j> {
        Found {
            sources: &self.sources,
            diagnostics: &self.diagnostics,
            ignored: self.ignored,
            come,
            was_read: project.parsed.is_some(),
            root: &project.root,
            which: Ignorable::Warnings,
            baseline: project.baseline.as_ref(),
        }
    }
}
/// How much is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thoroughness {
    /// Everything.
    Whole,
    /// All but the proof of the manifests and the search for statements that decide nothing.
    Fast,
}

/// Resolves and compiles what was read, and looks at how it takes the place of what is there.
pub fn judge_over(project: &mut Project, there: Option<&rollout::Files>, how: Thoroughness) -> Judged {
    let sources = std::mem::take(&mut project.sources);
    let mut diagnostics = std::mem::take(&mut project.diagnostics);
    let mut way = None;
    let progress = Progress::begin("resolving what holds");
    let outcome = project.parsed.as_ref().and_then(|parsed| {
        let resolved = resolve(parsed, project.as_of, &mut diagnostics).ok()?;
        progress.stage("compiling");
        let compiled = compile(&resolved, &sources, &mut diagnostics).ok()?;
        let proof = match how {
            Thoroughness::Whole => {
                progress.stage("proving that the manifests admit what is meant");
                let proof = translation::prove(&resolved, &compiled, &mut diagnostics);
                diagnostics.check().ok()?;
                progress.stage("looking for statements that decide nothing");
                redundant::check(&resolved, &mut diagnostics);
                Some(proof)
            }
            Thoroughness::Fast => None,
        };
        progress.stage("judging assertions");
        let around = |cluster: &str| Surroundings::read(&parsed.manifests(cluster, &sources));
        let judgements = assertions::judge(&resolved, &compiled, &around, &mut diagnostics);
        let summary = Summary::of(&resolved, &compiled, proof, judgements);
        progress.stage("looking at every mixture on the way");
        way = there.map(|there| {
            let plan = rollout::plan(&resolved, there, &compiled.files);
            let next = rollout::next(&resolved, &plan, there, &compiled.files);
            (plan, next)
        });
        Some((compiled, summary))
    });
    drop(progress);
    // What was not looked for is not known not to be there.
    let whole = how == Thoroughness::Whole && !diagnostics.has_errors();
    let ignored = ignores::apply(&mut diagnostics, &sources, project.as_of, Ignorable::Warnings, whole);
    Judged { sources, diagnostics, ignored, outcome, way }
}

/// What a project says of its output, for commands that compile nothing.
struct Settings {
    /// The folder it is written to.
    output: PathBuf,
    /// Where it is published, if anywhere.
    delivery: Option<Delivery>,
}

/// Reads what the project at or above `place` says of its output.
fn settings(place: &Path) -> Result<Settings, Failure> {
    let root = find_project(place)
        .map_err(|error| Failure::no_input(error).help("name the folder that `ringfence compile` wrote"))?;
    let tree = Directory::open(&root).map_err(Failure::new)?;
    let parsed = parse(&tree, &mut Sources::new(), &mut Diagnostics::new());
    let parsed =
        parsed.map_err(|_| Failure::new("the project cannot be read").help("`ringfence check` says what is wrong"))?;
    Ok(Settings { output: root.join(parsed.project.output_folder()), delivery: parsed.delivery })
}

/// Returns the keys to trust: those that were named, or else those of the project at or above `place`.
fn trusted(named: &[String], place: &Path) -> Result<Vec<PublicKey>, Failure> {
    if !named.is_empty() {
        return named.iter().map(|key| keys::public(key)).collect();
    }
    let none = || {
        Failure::new("no key to trust").help("name one with `--key`, or in `delivery.trust.cosign` of `ringfence.yaml`")
    };
    let delivery = settings(place).ok().and_then(|settings| settings.delivery).ok_or_else(none)?;
    let keys = keys_of(&delivery)?;
    if keys.is_empty() { Err(none()) } else { Ok(keys) }
}

/// Returns the keys that a project trusts, if any.
fn project_keys(parsed: &Parsed) -> Result<Vec<PublicKey>, Failure> {
    parsed.delivery.as_ref().map_or_else(|| Ok(Vec::new()), keys_of)
}

fn keys_of(delivery: &Delivery) -> Result<Vec<PublicKey>, Failure> {
    let read = |(name, pem): (&String, &String)| {
        PublicKey::read(pem).map_err(|error| Failure::new(format!("cannot use the key `{name}`: {error}")))
    };
    delivery.trust.cosign.iter().map(read).collect()
}

/// Kinds by which others than Istio let requests in.
const OTHER_ROUTES: [&str; 4] = ["Ingress", "IngressRoute", "HTTPProxy", "Route"];

/// Says on standard error which objects let requests in that answers about the outside do not follow.
fn say_unfollowed(meshes: &Meshes<'_>) {
    for kind in OTHER_ROUTES {
        let count: usize = meshes.clusters.iter().map(|mesh| mesh.count_of(kind)).sum();
        if count > 0 {
            console::note(&format!(
                "ringfence: {count} of kind {kind} are not followed: what they let in is not in this answer"
            ));
        }
    }
}

/// Says on standard error what was assumed about plain manifests, and what was not read.
fn say_assumed(meshes: &Meshes<'_>) {
    if let Some(words) = meshes.unrendered.words() {
        console::note(&format!("ringfence: {words}"));
    }
    if meshes.assumed {
        console::note(
            "ringfence: assumed: trust domain cluster.local, root namespace istio-system, sidecars wherever a namespace says \
             nothing, NetworkPolicy enforced; `--facts` states otherwise",
        );
    }
}
