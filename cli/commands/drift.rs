//! `drift`: what runs in a cluster against what was signed for it.
//!
//! Object by object, and by what it means: who reaches more than was signed, who less, and which of the objects does it.

mod workloads;

use std::collections::BTreeMap;
use std::path::Path;

use ringfence_signing::digest::Digest;
use ringfence_signing::lock::Lock;
use ringfence_signing::release::folder as of_cluster;
use ringfence_signing::verify::{Trust, folder};
use ringfence_verifier::difference::{Difference, Kind};
use ringfence_verifier::fleet::Fleet;

use self::workloads::Changed;
use super::diff::Documents;
use super::diff::range::Side;
use super::diff::statements::Statement;
use super::{diff, settings, trusted, verify};
use crate::args;
use crate::console;
use crate::exit::{Exit, Failure};
use crate::mesh::{Drift, How, Input, Mesh};
use crate::project::Project;
use crate::signing;
use crate::tree::{Moment, find_project};

/// How many objects are tried by themselves: each is a comparison of the whole cluster.
const TRIED: usize = 50;

/// Runs the command.
pub(super) fn run(args: &args::Drift) -> Result<Exit, Failure> {
    let here = args.project.as_deref().unwrap_or(Path::new("."));
    let keys = trusted(&args.key, here)?;
    let place = match &args.signed {
        Some(folder) => folder.clone(),
        None => settings(here)?.output,
    };
    let files = signing::folder::read(&place)?;
    let cluster = cluster(&files, args.cluster.as_deref(), &place)?;
    let today = match args.how.as_of {
        Some(day) => day.to_string(),
        None => verify::today()?,
    };
    if let Err(refusals) = folder::check(&cluster, &files, &Trust { keys: &keys, today: &today, newest: None }) {
        for refusal in refusals {
            console::note(&format!("{cluster}: folder refused[{}]: {refusal}", refusal.word()));
        }
        console::note(&format!(
            "ringfence: what lies in `{}` is not what was signed, so nothing is compared",
            place.display()
        ));
        return Ok(Exit::Findings);
    }
    let project = project(args)?;
    let inputs = files.get(&Lock::path(&cluster)).and_then(|lock| Some(Lock::read(lock)?.inputs)).unwrap_or_default();
    let below = of_cluster(&cluster);
    let signed = files.into_iter().filter(|(path, _)| path.starts_with(&below)).collect();
    let open = || open(args, project.as_ref(), &cluster);
    let (after, mut before, mut but) = (open()?, open()?, open()?);
    let drifts = before.drifts(&signed);
    // The same texts in the same order: places in one are places in the other.
    but.drifts(&signed);
    let mut statements = statements((&mut before, &mut but), &drifts);
    let workloads = workloads(project.as_ref(), &inputs, &cluster, &before);
    let is_still = drifts.is_empty() && workloads.is_empty();
    statements.extend(workloads);
    let titles = (format!("{cluster}, as it runs"), "what was signed");
    let (signed, runs) = (Side::named(titles.1), Side::named("what runs"));
    let sides = [(&before, &signed), (&after, &runs)];
    let end = diff::show((&titles.0, "no access changes"), sides, &Documents::of(statements), &args.how)?;
    console::note(&format!("ringfence: {}", counted(&drifts)));
    let runs = after.meshes().clusters.iter().any(|mesh| mesh.model().workloads().next().is_some());
    if !runs {
        console::note("ringfence: no workload runs by this dump, so that objects were compared, and access was not");
    }
    Ok(match (is_still, runs) {
        (false, _) => Exit::Findings,
        (true, false) => Exit::NoInput,
        (true, true) => end,
    })
}

/// Opens the project that says what was meant; nothing where there is none.
fn project(args: &args::Drift) -> Result<Option<Project>, Failure> {
    let here = args.project.as_deref();
    if here.is_none() && find_project(Path::new(".")).is_err() {
        return Ok(None);
    }
    let project = Project::open(here, &args.how.reading())?;
    if project.parsed.is_none() {
        return Err(Failure::new("the project cannot be read").help("`ringfence check` says what is wrong"));
    }
    Ok(Some(project))
}

/// Says which workloads are not those that the proof was about, as the project knows them; `inputs` is what was read for it.
fn workloads(
    project: Option<&Project>,
    inputs: &BTreeMap<String, Digest>,
    cluster: &str,
    before: &Input,
) -> Vec<Statement> {
    let inventory =
        project.and_then(|project| Some((project, project.parsed.as_ref()?.inventory.clusters.get(cluster)?)));
    let Some((project, inventory)) = inventory else {
        console::note("ringfence: workloads are taken as they run: no project is here that says what they were");
        return Vec::new();
    };
    let texts = project.sources.files().map(|(_, file)| (file.path().to_owned(), Digest::of(file.text().as_bytes())));
    let texts: BTreeMap<String, Digest> = texts.collect();
    if texts != *inputs {
        console::note(
            "ringfence: the project here is not as it was signed: workloads are compared with what it says now",
        );
    }
    let meshes = before.meshes();
    let Some(mesh) = meshes.clusters.first() else { return Vec::new() };
    let (meant, runs) = (mesh.model_of(inventory), mesh.model());
    if runs.workloads().next().is_none() {
        return Vec::new();
    }
    let statement = |it: Changed<'_>| {
        let place = it.runs.map(|workload| {
            let file = meshes.sources.file(workload.span.file);
            (file.path().to_owned(), file.position(workload.span.start).0)
        });
        Statement::drifted(if it.runs.is_some() { "~" } else { "-" }, &it.name, place.as_ref(), it.how)
    };
    workloads::changed(&meant, &runs).into_iter().map(statement).collect()
}

/// Returns the cluster that is asked about.
fn cluster(files: &BTreeMap<String, Vec<u8>>, asked: Option<&str>, place: &Path) -> Result<String, Failure> {
    let there = signing::folder::clusters(files);
    let nothing = || Failure::no_input(format!("`{}` holds no output of ringfence", place.display()));
    match (asked, there.len()) {
        (_, 0) => Err(nothing()),
        (Some(name), _) if there.contains(name) => Ok(name.to_owned()),
        (Some(name), _) => {
            Err(Failure::new(format!("no cluster `{name}` is there"))
                .did_you_mean(name, there.iter().map(String::as_str)))
        }
        (None, 1) => there.into_iter().next().ok_or_else(nothing),
        (None, _) => {
            let names: Vec<String> = there.into_iter().collect();
            Err(Failure::new("manifests are of one cluster")
                .help(format!("name it with `--cluster`: {}", names.join(", "))))
        }
    }
}

/// Reads what runs, with the facts about the cluster.
fn open(args: &args::Drift, project: Option<&Project>, cluster: &str) -> Result<Input, Failure> {
    let mut input = Input::of_manifests(&args.dump, args.facts.as_deref(), Moment::OnDisk)?;
    if args.facts.is_some() {
        return Ok(input);
    }
    let Some(project) = project else { return Ok(input) };
    let documents = project.parsed.iter().flat_map(|parsed| &parsed.policy.clusters);
    if let Some(document) = documents.into_iter().find(|document| document.name() == cluster) {
        let file = project.sources.file(document.span.file);
        input.state(file.path(), file.text(), cluster)?;
    }
    Ok(input)
}

/// Says of each object what it changes by itself: the second input is what was signed but for that one.
fn statements((signed, but): (&mut Input, &mut Input), drifts: &[Drift]) -> Vec<Statement> {
    signed.undo(drifts);
    let whole = signed.meshes();
    let whole: Vec<_> = whole.clusters.iter().map(Mesh::model).collect();
    let whole = Fleet::of(&whole);
    let mut said = Vec::new();
    for (at, drift) in drifts.iter().enumerate() {
        let (sign, words) = match &drift.how {
            How::Unmanaged => ("+", "not signed".to_owned()),
            How::Changed(field) => ("~", format!("another at `{field}`")),
            How::Missing => ("-", "signed, and not there".to_owned()),
        };
        let alone = if at < TRIED {
            but.undo(drifts.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, drift)| drift));
            let meshes = but.meshes();
            let models: Vec<_> = meshes.clusters.iter().map(Mesh::model).collect();
            changes(&Difference::between(&whole, &Fleet::of(&models)))
        } else {
            "not tried by itself".to_owned()
        };
        said.push(Statement::drifted(sign, &drift.to_string(), drift.place.as_ref(), format!("{words}; {alone}")));
    }
    said
}

/// Says in a few words what a change comes to.
fn changes(difference: &Difference) -> String {
    let counts = [
        (difference.count(Kind::Gained) + difference.count(Kind::MayGain), "gained"),
        (difference.count(Kind::Lost) + difference.count(Kind::MayLose), "lost"),
        (difference.count(Kind::Moved), "moved"),
    ];
    let some: Vec<String> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    match (some.is_empty(), difference.is_empty()) {
        (false, _) => format!("by itself: {}", some.join(", ")),
        (true, true) => "by itself no access changes".to_owned(),
        (true, false) => "by itself none of the callers that are shown gains or loses".to_owned(),
    }
}

fn counted(drifts: &[Drift]) -> String {
    let of = |is: fn(&How) -> bool| drifts.iter().filter(|drift| is(&drift.how)).count();
    if drifts.is_empty() {
        return "every object that was signed is there as it was signed, and none beside them decides in their namespaces"
            .to_owned();
    }
    format!(
        "{} not signed, {} changed, {} missing",
        of(|how| *how == How::Unmanaged),
        of(|how| matches!(how, How::Changed(_))),
        of(|how| *how == How::Missing),
    )
}
