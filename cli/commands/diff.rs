//! `diff`: what a change means: access gained, lost and moved, with a request each.
//!
//! In: two revisions, a revision and what lies on disk, or two folders. Out: the change as text, a table for a pull request or
//! JSON. Both sides are read and compiled like any other input; git objects are read where they are.

mod json;
mod markdown;
mod names;
mod range;
pub(super) mod statements;
mod text;

use std::path::Path;

use ringfence_verifier::difference::{Difference, Kind, supposed};
use ringfence_verifier::fleet::Fleet;
use ringfence_verifier::model::Model;

use self::names::Names;
use self::range::Range;
use self::statements::Statement;
use super::movement::standing::{Moved, moved};
use super::{conclude_answer, say_assumed};
use crate::args::{self, ChangeFormat, FormatName, Reading};
use crate::console;
use crate::exit::{Exit, Failure};
use crate::mesh::{Input, Mesh, Meshes};
use crate::tree::blame::History;

/// A change, ready to be written down.
pub(super) struct Shown<'a> {
    /// What is compared: `main`, or `without X`.
    pub title: String,
    /// The change of access.
    pub difference: &'a Difference,
    /// What to say where nothing is different.
    pub nothing: &'static str,
    /// What it moves for attackers.
    pub moved: &'a [Moved],
    /// The documents that differ.
    pub statements: &'a [Statement],
    /// How callers and ports are called.
    pub names: Names<'a>,
    /// Whether everything is listed.
    pub whole: bool,
}

/// Runs the command.
pub(super) fn run(args: &args::Diff) -> Result<Exit, Failure> {
    let range = Range::of(args)?;
    let after = open(&range.after.place, args, range.after.revision.clone(), args.how.as_of)?;
    // Both sides are of one day: what ran out meanwhile is no change of anybody's.
    let before = open(&range.before.place, args, range.before.revision.clone(), args.how.as_of.or(after.as_of()))?;
    let history = History::of(&after.root, range.after.revision.as_deref());
    let statements = statements::changed(&before, &after, &history);
    show((&range.title, "no access changes"), (&before, &range.before.name), &after, &statements, &args.how)
}

fn open(
    place: &Option<std::path::PathBuf>,
    args: &args::Diff,
    at: Option<String>,
    as_of: Option<ringfence_compiler::spec::names::Day>,
) -> Result<Input, Failure> {
    let reading = Reading { at, as_of, ..args.how.reading() };
    Input::open(place.as_deref().map(Path::new), args.facts.as_deref(), &reading)
}

/// Compares what was read, says it, and returns how the run ends.
pub(super) fn show(
    (title, nothing): (&str, &'static str),
    (before, name): (&Input, &str),
    after: &Input,
    statements: &[Statement],
    how: &args::Comparing,
) -> Result<Exit, Failure> {
    let reading = how.reading();
    let (ours, theirs) = (before.meshes(), after.meshes());
    if ours.clusters.is_empty() || theirs.clusters.is_empty() {
        let broken = if theirs.clusters.is_empty() { &theirs } else { &ours };
        if theirs.clusters.is_empty() {
            console::note("ringfence: the policy has errors after the change, so nothing can be compared");
        } else {
            console::note(&format!("ringfence: the policy of {name} has errors, so nothing can be compared"));
        }
        conclude_answer(&reading, broken)?;
        return Ok(Exit::Findings);
    }
    if ours.hold_nothing() && theirs.hold_nothing() {
        theirs.must_run()?;
    }
    let supposed = {
        let (one, other) = (models(&ours), models(&theirs));
        supposed(&one, &other)
    };
    let supposing = |meshes| -> Vec<Model<'_>> {
        let models: Vec<Model<'_>> = models(meshes);
        let more = |model: &Model<'_>| supposed.get(model.name()).cloned().unwrap_or_default();
        models
            .into_iter()
            .map(|model| {
                let more = more(&model);
                model.supposing(more)
            })
            .collect()
    };
    let (one, other) = (supposing(&ours), supposing(&theirs));
    let difference = Difference::between(&Fleet::of(&one), &Fleet::of(&other));
    let moved = moved((before, &ours), (after, &theirs))?;
    let shown = Shown {
        title: title.to_owned(),
        nothing,
        difference: &difference,
        moved: &moved,
        statements,
        names: Names::of(&difference, one.len().max(other.len()) > 1),
        whole: how.verbose,
    };
    console::print(&match how.format {
        ChangeFormat::Text => text::render(&shown, console::style()),
        ChangeFormat::Concise => text::concise(&shown),
        ChangeFormat::Json => json::render(&shown),
        ChangeFormat::Markdown => markdown::render(&shown),
    })?;
    say_assumed(&theirs);
    for statement in statements.iter().filter(|statement| statement.is_nowhere()) {
        console::note(&format!("ringfence: it names no namespace, so it is read as one of `default`: {statement}"));
    }
    let was_broken = ours.diagnostics.has_errors();
    if was_broken {
        console::note(&format!("ringfence: in {name}:"));
        conclude_answer(&reading, &ours)?;
    }
    let concluded = conclude_answer(&reading, &theirs)?;
    let gains = how.exit_code && (difference.gains() || gains(&moved));
    Ok(if gains || was_broken { Exit::Findings } else { concluded })
}

fn models<'a>(meshes: &'a Meshes<'_>) -> Vec<Model<'a>> {
    meshes.clusters.iter().map(Mesh::model).collect()
}

/// Tells whether somebody outside gains access.
fn gains(moved: &[Moved]) -> bool {
    moved.iter().any(|moved| moved.is_access && moved.easier)
}

/// Says in one line how much changed.
fn summary(shown: &Shown<'_>) -> String {
    let difference = shown.difference;
    let kinds = [
        (Kind::Gained, "gained"),
        (Kind::MayGain, "perhaps gained"),
        (Kind::Lost, "lost"),
        (Kind::MayLose, "perhaps lost"),
        (Kind::Moved, "moved"),
    ];
    let counts = kinds.iter().map(|(kind, word)| (difference.count(*kind), word)).filter(|(count, _)| *count > 0);
    let counts: Vec<String> = counts.map(|(count, word)| format!("{count} {word}")).collect();
    match (counts.is_empty(), difference.is_empty()) {
        (_, true) if shown.moved.iter().any(|moved| moved.is_access) => "no calls inside change".to_owned(),
        (_, true) => shown.nothing.to_owned(),
        (true, false) => "none of the callers that are shown gains or loses".to_owned(),
        (false, _) => format!("pairs of caller and port: {}", counts.join(", ")),
    }
}

impl args::Comparing {
    /// Returns how each side is read.
    pub(super) fn reading(&self) -> Reading {
        Reading {
            as_of: self.as_of,
            at: None,
            format: match self.format {
                ChangeFormat::Text => FormatName::Text,
                ChangeFormat::Concise | ChangeFormat::Markdown => FormatName::Concise,
                ChangeFormat::Json => FormatName::Json,
            },
            verbose: self.verbose,
            threads: self.threads,
        }
    }
}
