//! `diff`: what a change means: access gained, lost and moved, with a request each.
//!
//! In: two revisions, a revision and what lies on disk, or two folders. Out: the change as text, a table for a pull request or
//! JSON. Both sides are read and compiled like any other input; git objects are read where they are.

mod findings;
mod guards;
mod identity;
mod json;
mod markdown;
mod names;
pub(super) mod range;
pub(super) mod statements;
mod text;
mod unseen;
mod why;

use std::path::Path;

use ringfence_compiler::parse::PROJECT_FILE;
use ringfence_compiler::spec::names::Day;
use ringfence_verifier::difference::{Change, Difference, Kind, supposed};
use ringfence_verifier::fleet::Fleet;
use ringfence_verifier::matrix::OUTSIDE;
use ringfence_verifier::model::Model;

use self::guards::Guard;
use self::names::Names;
use self::range::{Range, Side};
use self::statements::Statement;
use self::why::Why;
use super::movement::standing::{Moved, moved};
use super::reach::places::Places;
use super::{conclude, conclude_answer, say_assumed};
use crate::args::{self, ChangeFormat, FormatName, Reading};
use crate::console;
use crate::exit::{Exit, Failure};
use crate::mesh::{Input, Mesh, Meshes};
use crate::progress::Progress;
use crate::project::below;
use crate::report::{Origin, Style};
use crate::tree::blame::History;
use crate::tree::repository::is_unborn;

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
    /// The guard rails that differ.
    pub guards: &'a [Guard],
    /// The documents that differ.
    pub statements: &'a [Statement],
    /// Where something stands that is about no file: one that is there.
    pub anywhere: String,
    /// The changes in the order in which they are shown, each with what is behind it.
    order: Vec<(usize, Why)>,
    /// How callers and ports are called.
    pub names: Names<'a>,
    /// Whether everything is listed.
    pub whole: bool,
}

impl Shown<'_> {
    /// Returns the changes, the most dangerous first, each with what is behind it.
    fn changes(&self) -> impl Iterator<Item = (&Change, &Why)> {
        self.order.iter().filter_map(|(at, why)| Some((self.difference.changes.get(*at)?, why)))
    }
}

/// What differs beside access.
#[derive(Default)]
pub(super) struct Documents {
    /// The documents.
    pub statements: Vec<Statement>,
    /// The guard rails among them.
    guards: Vec<Guard>,
}

impl Documents {
    /// Takes these documents.
    pub fn of(statements: Vec<Statement>) -> Self {
        Self { statements, guards: Vec::new() }
    }
}

/// Runs the command.
pub(super) fn run(args: &args::Diff) -> Result<Exit, Failure> {
    let range = Range::of(args)?;
    let mut after = open(&range.after, args, args.how.as_of)?;
    let place = range.before.place.as_deref().unwrap_or(Path::new("."));
    let is_first = args.staged && is_unborn(place);
    // Both sides are of one day: what ran out meanwhile is no change of anybody's.
    let before = if is_first { None } else { Some(open(&range.before, args, args.how.as_of.or(after.as_of()))) };
    let mut before = match before {
        // The commit that brings the policy, or the first of all: a hook that compares has nothing to object to yet.
        None => return Ok(say_first("no commit yet")),
        Some(Err(failure)) if args.staged && after.is_project() && failure.exit == Exit::NoInput => {
            return Ok(say_first(&format!("no policy at {}", range.before.name)));
        }
        Some(opened) => opened?,
    };
    let is_gone = before.is_project() && !after.is_project();
    if is_gone && range.before.place == range.after.place {
        return Err(Failure::new(format!("{} there was a policy project here, and there is none now", range.before.name))
            .help("put `ringfence.yaml` back; `diff --before DIR --after DIR` compares what policy compiles to with plain manifests"));
    }
    before.state_as(&after)?;
    after.state_as(&before)?;
    let history = History::of(&after.root, range.after.revision.as_deref());
    let documents = statements::both(&before, &after);
    let statements = statements::changed((&before, &after), &documents, &history);
    let [old, new] = documents;
    let documents = Documents { statements, guards: guards::guards(&old, &new) };
    show((&range.title, "no access changes"), [(&before, &range.before), (&after, &range.after)], &documents, &args.how)
}

/// Says that everything is new.
fn say_first(why: &str) -> Exit {
    console::note(&format!("ringfence: there is {why}, so who reaches what is new as a whole"));
    Exit::Clean
}

fn open(side: &Side, args: &args::Diff, as_of: Option<Day>) -> Result<Input, Failure> {
    let reading = Reading { at: side.revision.clone(), staged: side.staged, as_of, ..args.how.reading() };
    Input::open(side.place.as_deref(), args.facts.as_deref(), &reading)
}

/// Compares what was read, says it, and returns how the run ends.
pub(super) fn show(
    (title, nothing): (&str, &'static str),
    [(before, side), (after, other_side)]: [(&Input, &Side); 2],
    documents: &Documents,
    how: &args::Comparing,
) -> Result<Exit, Failure> {
    let (reading, name) = (how.reading(), &side.name);
    let (ours, theirs) = (before.meshes(), after.meshes());
    if ours.clusters.is_empty() || theirs.clusters.is_empty() {
        let broken = if theirs.clusters.is_empty() { &theirs } else { &ours };
        if theirs.clusters.is_empty() {
            console::note("ringfence: the policy has errors after the change, so nothing can be compared");
        } else {
            console::note(&format!("ringfence: the policy of {name} has errors, so nothing can be compared"));
        }
        conclude_answer(&reading, how.form(), broken)?;
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
    let (one_fleet, other_fleet) = (Fleet::of(&one), Fleet::of(&other));
    let progress = Progress::begin("comparing who reaches what");
    let difference = Difference::between(&one_fleet, &other_fleet);
    drop(progress);
    let moved = moved((before, &ours), (after, &theirs))?;
    let histories =
        [History::of(&before.root, side.revision.as_deref()), History::of(&after.root, other_side.revision.as_deref())];
    let [was, is] = &histories;
    let sides = [
        &why::Side { fleet: &one_fleet, meshes: &ours, places: places(before, was) },
        &why::Side { fleet: &other_fleet, meshes: &theirs, places: places(after, is) },
    ];
    let shown = Shown {
        title: title.to_owned(),
        nothing,
        order: order(&difference, &theirs).into_iter().map(|(at, change)| (at, Why::of(change, sides))).collect(),
        difference: &difference,
        moved: &moved,
        guards: &documents.guards,
        statements: &documents.statements,
        anywhere: anywhere(after),
        names: Names::of(&difference, one.len().max(other.len()) > 1),
        whole: how.verbose,
    };
    let origin = Origin::of(&after.root);
    let render = |form: ChangeFormat, style: Style| match form {
        ChangeFormat::Text => text::render(&shown, style),
        ChangeFormat::Concise => text::concise(&shown),
        ChangeFormat::Json => json::render(&shown),
        ChangeFormat::Markdown => markdown::render(&shown),
        ChangeFormat::Sarif => findings::sarif(&shown, &origin),
        ChangeFormat::Github => findings::github(&shown, &origin),
    };
    conclude::write_each(&how.output, |form| render(form, Style::PLAIN))?;
    console::print(&render(how.format, console::style()))?;
    say_assumed(&theirs);
    for statement in documents.statements.iter().filter(|statement| statement.is_nowhere()) {
        console::note(&format!("ringfence: it names no namespace, so it is read as one of `default`: {statement}"));
    }
    let was_broken = ours.diagnostics.has_errors();
    if was_broken {
        console::note(&format!("ringfence: in {name}:"));
        conclude_answer(&reading, how.form(), &ours)?;
    }
    let concluded = conclude_answer(&reading, how.form(), &theirs)?;
    let gains = how.exit_code && gains(&shown);
    Ok(if gains || was_broken { Exit::Findings } else { concluded })
}

/// Returns the path of a file that is there.
fn anywhere(input: &Input) -> String {
    let own =
        || input.sources.files().find(|(id, _)| !input.foreign.contains(id)).map(|(_, file)| file.path().to_owned());
    if input.is_project() { PROJECT_FILE.to_owned() } else { own().unwrap_or_else(|| PROJECT_FILE.to_owned()) }
}

fn places<'p>(input: &'p Input, history: &'p History) -> Places<'p> {
    Places { sources: &input.sources, foreign: &input.foreign, history, prefix: below(&input.root) }
}

/// Puts changes in the order of danger: what is opened first, of that what anybody outside gets, then what is sensitive.
fn order<'d>(difference: &'d Difference, after: &Meshes<'_>) -> Vec<(usize, &'d Change)> {
    let is_outside = |change: &Change| change.callers.iter().any(|party| party.name == OUTSIDE);
    let is_sensitive = |change: &Change| {
        let mut targets = change.targets.iter();
        targets.any(|target| after.sensitivity(&target.cluster, &target.workload).is_some())
    };
    let gained = |change: &Change| change.gained.as_ref().map_or(2, |witness| u8::from(!witness.sure));
    let mut order: Vec<_> = difference.changes.iter().enumerate().collect();
    order.sort_by_cached_key(|(_, change)| (gained(change), !is_outside(change), !is_sensitive(change), change.kind()));
    order
}

fn models<'a>(meshes: &'a Meshes<'_>) -> Vec<Model<'a>> {
    meshes.clusters.iter().map(Mesh::model).collect()
}

/// Tells whether anybody gains access, or may: by calls, from outside, by rights and pods, or by what is not seen.
fn gains(shown: &Shown<'_>) -> bool {
    let is_easier = shown.moved.iter().any(|moved| moved.is_access && moved.easier);
    shown.difference.gains() || is_easier || !unseen::unseen(shown).is_empty()
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
        (_, true) if shown.statements.iter().any(Statement::may_open) => {
            format!("{}, as far as can be seen", shown.nothing)
        }
        (_, true) => shown.nothing.to_owned(),
        (true, false) => "none of the callers that are shown gains or loses".to_owned(),
        (false, _) => format!("pairs of caller and port: {}", counts.join(", ")),
    }
}

impl args::Comparing {
    /// Returns how each side is read.
    pub(super) fn reading(&self) -> Reading {
        Reading { as_of: self.as_of, at: None, staged: false, verbose: self.verbose, threads: self.threads }
    }

    /// Returns how what is wrong with the input is written down.
    fn form(&self) -> FormatName {
        match self.format {
            ChangeFormat::Text => FormatName::Text,
            ChangeFormat::Json => FormatName::Json,
            _ => FormatName::Concise,
        }
    }
}
