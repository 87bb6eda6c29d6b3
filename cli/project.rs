//! A project, found and read.
//!
//! In: the place a person stands or named, a revision, a day. Out: [`Project`]: everything parsed, with what was said on
//! the way. It exists so that every command reads the same input in the same way.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::parse::{PROJECT_FILE, Parsed, parse};
use ringfence_compiler::shape::scalar::Text as _;
use ringfence_compiler::source::{SourceFile, Sources};
use ringfence_compiler::spec::names::Day;
use ringfence_compiler::yaml::{self, Profile};

use crate::args::Reading;
use crate::console;
use crate::exit::Failure;
use crate::tree::project::git_root;
use crate::tree::{Moment, find_project_at, revision};

/// A project as it was read.
#[derive(Debug)]
pub struct Project {
    /// Its folder.
    pub root: PathBuf,
    /// The revision it was read at; nothing where it was read as it lies on disk.
    pub at: Option<String>,
    /// The day to resolve for.
    pub as_of: Day,
    /// What it says; nothing where something in it could not be read, which was reported.
    pub parsed: Option<Parsed>,
    /// Every text that was read.
    pub sources: Sources,
    /// What was said while reading.
    pub diagnostics: Diagnostics,
    /// The findings that are known, by the name of their file; nothing where the project names none, or a new one is written.
    pub baseline: Option<(String, Vec<u8>)>,
}

impl Project {
    /// Finds the project at or above `place` and reads it.
    ///
    /// # Errors
    /// When there is none, it holds no policy, or the system or git refuses.
    pub fn open(place: Option<&Path>, reading: &Reading) -> Result<Self, Failure> {
        use_threads(reading.threads)?;
        let place = place.unwrap_or(Path::new("."));
        if !place.exists() {
            return Err(Failure::new(format!("there is no `{}`", place.display())));
        }
        let root = find_project_at(place, reading.moment())
            .map_err(|error| Failure::no_input(error).help("`ringfence init` makes a project to begin with"))?;
        let tree = reading.moment().open(&root).map_err(Failure::new)?;
        if tree.read(PROJECT_FILE).map_err(Failure::new)?.is_none() {
            let what = reading.at.as_ref().map_or("the git index".to_owned(), |at| format!("revision `{at}`"));
            return Err(Failure::no_input(format!("{what} has no `{PROJECT_FILE}` there")));
        }
        let as_of = day(&root, reading)?;
        let (mut sources, mut diagnostics) = (Sources::new(), Diagnostics::new());
        let parsed = parse(&*tree, &mut sources, &mut diagnostics).ok();
        if let Some(parsed) = parsed.as_ref().filter(|parsed| parsed.policy.counts().is_empty()) {
            let folder = parsed.project.policy_folder();
            return Err(Failure::no_input(format!("`{folder}` in `{}` holds no policy", root.display()))
                .help(format!("begin with `{folder}/organization.yaml`")));
        }
        let named = parsed.as_ref().and_then(|parsed| parsed.project.spec.baseline.as_ref());
        let baseline = match named {
            Some(name) => tree.read(&name.value).map_err(Failure::new)?.map(|bytes| (name.value.clone(), bytes)),
            None => None,
        };
        if let (Some(name), None) = (named, &baseline) {
            console::note(&format!(
                "ringfence: there is no baseline `{}` yet, so everything counts; `ringfence check --write-baseline` writes one",
                name.value
            ));
        }
        Ok(Self { root, at: reading.at.clone(), as_of, parsed, sources, diagnostics, baseline })
    }
}

/// Returns the project that a place is about at a moment: it is the project's own folder, or in what the project reads, or nobody named a
/// place. A folder that somebody names and that is no part of the project above it is about itself, as rendered manifests are.
pub fn about(place: Option<&Path>, moment: Moment<'_>) -> Option<PathBuf> {
    let root = find_project_at(place.unwrap_or(Path::new(".")), moment).ok()?;
    let is_part = place.is_none_or(|place| is_part_of(&root, place, moment).unwrap_or(true));
    is_part.then_some(root)
}

/// Tells whether a place is a part of what a project reads; nothing where that cannot be told.
fn is_part_of(root: &Path, place: &Path, moment: Moment<'_>) -> Option<bool> {
    let place = place.canonicalize().ok()?;
    let below = place.strip_prefix(root.canonicalize().ok()?).ok()?.to_owned();
    if below == Path::new("") || below == Path::new(PROJECT_FILE) {
        return Some(true);
    }
    let mut sources = Sources::new();
    let file = sources.add(SourceFile::new(PROJECT_FILE, moment.open(root).ok()?.read(PROJECT_FILE).ok()??));
    // What is wrong with it is said by who reads the project.
    let documents = yaml::read(&sources, file, Profile::Policy, &mut Diagnostics::new());
    let spec = documents.first()?.root.get("spec");
    let folders = ["policy", "inventory"].map(|name| {
        let named = spec.and_then(|spec| spec.get(name)?.as_str());
        PathBuf::from(named.unwrap_or(name).trim_start_matches("./").trim_end_matches('/'))
    });
    Some(folders.iter().any(|folder| below.starts_with(folder) || folder.starts_with(&below)))
}

/// Reads a file that somebody names as it is at a moment, where it lies in the checkout that is read so: half of a change does not count
/// beside the other half. Where it is not there at that moment, or elsewhere, it is read as it lies on disk.
///
/// # Errors
/// When the system or git refuses.
pub fn read_at(file: &Path, root: &Path, moment: Moment<'_>) -> Result<Vec<u8>, Failure> {
    let within = || {
        let root = git_root(&root.canonicalize().ok()?)?;
        Some((file.canonicalize().ok()?.strip_prefix(&root).ok()?.to_str()?.to_owned(), root))
    };
    if let (true, Some((path, root))) = (moment != Moment::OnDisk, within())
        && let Some(bytes) = moment.open(&root).map_err(Failure::new)?.read(&path).map_err(Failure::new)?
    {
        return Ok(bytes);
    }
    std::fs::read(file).map_err(|error| Failure::new(format!("cannot read `{}`: {error}", file.display())))
}

/// Returns the day that was named, or else that of the commit.
///
/// # Errors
/// When the system does not know the time, where it is asked.
pub fn day(root: &Path, reading: &Reading) -> Result<Day, Failure> {
    reading.as_of.map_or_else(|| day_of(root, reading.at.as_deref()), Ok)
}

/// Returns the day of the commit, or today where there is none, which makes the run depend on the clock and is said.
fn day_of(root: &Path, revision: Option<&str>) -> Result<Day, Failure> {
    if let Some(day) = revision::commit_day(root, revision) {
        return Day::parse(&day).map_err(Failure::new);
    }
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_err(Failure::new)?.as_secs();
    let today = revision::day(i64::try_from(seconds).map_err(Failure::new)?);
    console::note(&format!(
        "ringfence: there is no commit to take the day from, so this is as of today, {today} (UTC); `--as-of` names another"
    ));
    Day::parse(&today).map_err(Failure::new)
}

/// Sets how many threads read and compile; the library's own rule holds where nothing is said.
///
/// # Errors
/// When the system refuses.
pub fn use_threads(threads: Option<u16>) -> Result<(), Failure> {
    let Some(threads) = threads else { return Ok(()) };
    rayon::ThreadPoolBuilder::new().num_threads(threads.into()).build_global().map_err(Failure::new)
}

/// Returns a path as a person here would write it: from the current folder where it lies below that.
#[must_use]
pub fn shown(path: &Path) -> String {
    let below = std::env::current_dir().ok().and_then(|here| Some(path.strip_prefix(here).ok()?.to_owned()));
    match below {
        Some(below) if below == Path::new("") => ".".to_owned(),
        Some(below) => below.display().to_string(),
        None => path.display().to_string(),
    }
}

/// Returns what leads from the current folder to one below it, ready to be put before a path; nothing for any other.
#[must_use]
pub fn below(folder: &Path) -> String {
    let below = || {
        let (here, folder) = (std::env::current_dir().ok()?.canonicalize().ok()?, folder.canonicalize().ok()?);
        Some(folder.strip_prefix(here).ok()?.to_owned())
    };
    match below() {
        Some(below) if below != Path::new("") => format!("{}/", below.display()),
        _ => String::new(),
    }
}
