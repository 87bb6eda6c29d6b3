//! `check --watch`: again, whenever a file changes.
//!
//! In: a folder. Out: an answer now, and one after each burst of changes, until somebody interrupts it. What a run itself reads or
//! writes is no change: reading changes nothing, and the reports it was asked for are known by their names.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use notify::{Event, EventKind, RecursiveMode, Watcher as _};

use crate::args::{Check, Reading};
use crate::console;
use crate::exit::{Exit, Failure};
use crate::tree::find_project;

/// Editors save in several steps, and tools many files at once: an answer waits until it is quiet for this long.
const QUIET: Duration = Duration::from_millis(150);

/// What the system tells of files.
type Told = notify::Result<Event>;

/// Runs a check again and again.
pub(super) fn run(args: &Check, once: impl Fn(&Check) -> Result<Exit, Failure>) -> Result<Exit, Failure> {
    let place = args.path.as_deref().unwrap_or(Path::new("."));
    let folder = find_project(place).unwrap_or_else(|_| match place.is_file() {
        true => place.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new(".")).to_owned(),
        false => place.to_owned(),
    });
    let (send, receive) = channel::<Told>();
    let refuse = |error: notify::Error| {
        Failure::new(format!("cannot watch `{}`: {error}", folder.display()))
            .help("on Linux the number of watches is bounded by fs.inotify.max_user_watches")
    };
    let mut watcher = notify::recommended_watcher(move |told| {
        // Nobody listens any more when the command ends.
        let _ = send.send(told);
    })
    .map_err(refuse)?;
    watcher.watch(&folder, RecursiveMode::Recursive).map_err(refuse)?;
    let mut args = args.clone();
    loop {
        if let Err(failure) = once(&args) {
            console::note(&failure.to_string());
        }
        // The number of threads is set once in a process.
        args.reading = Reading { threads: None, ..args.reading };
        console::note(&format!("ringfence: watching `{}`; Ctrl-C ends it", folder.display()));
        let reports = args.findings.output.iter().filter_map(|output| output.file.canonicalize().ok());
        let changed = wait(&receive, &folder, &reports.collect())?;
        console::note(&format!("\nringfence: {} changed", changed.display()));
    }
}

/// Waits for a change, and until nothing changes any more; returns the file that was first.
fn wait(receive: &Receiver<Told>, folder: &Path, reports: &BTreeSet<PathBuf>) -> Result<PathBuf, Failure> {
    let gone = || Failure::new(format!("`{}` is not there any more", folder.display()));
    let first = loop {
        let told = receive.recv().map_err(|_| gone())?;
        if let Some(path) = changed(told, reports)? {
            break path;
        }
    };
    loop {
        match receive.recv_timeout(QUIET) {
            Ok(told) => drop(changed(told, reports)?),
            Err(RecvTimeoutError::Timeout) => break,
            Err(RecvTimeoutError::Disconnected) => return Err(gone()),
        }
    }
    if folder.is_dir() { Ok(first) } else { Err(gone()) }
}

/// Returns the file of an event that may change an answer.
fn changed(told: Told, reports: &BTreeSet<PathBuf>) -> Result<Option<PathBuf>, Failure> {
    let event = told.map_err(Failure::new)?;
    // That events were lost is told as an event about everything.
    if event.need_rescan() {
        return Ok(Some(PathBuf::from("something")));
    }
    if !matches!(event.kind, EventKind::Create(_) | EventKind::Modify(_) | EventKind::Remove(_)) {
        return Ok(None);
    }
    let is_report = |path: &Path| path.canonicalize().is_ok_and(|path| reports.contains(&path));
    Ok(event.paths.into_iter().find(|path| is_input(path) && !is_report(path)))
}

/// Tells whether a path is one that is read, or a folder of such.
fn is_input(path: &Path) -> bool {
    let is_hidden = path.components().any(|part| part.as_os_str() == ".git");
    let extension = path.extension().and_then(|extension| extension.to_str());
    !is_hidden && extension.is_none_or(|extension| matches!(extension, "yaml" | "yml" | "json" | "pem" | "pub" | "asc"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_run_writes_is_no_input() {
        for (path, expected) in [
            ("policy/a.yaml", true),
            ("inventory/prod", true),
            ("a.yml", true),
            (".git/index", false),
            ("out.sarif", false),
            ("report.md", false),
            ("a.yaml~", false),
            (".a.yaml.swp", false),
        ] {
            assert_eq!(is_input(Path::new(path)), expected, "{path}");
        }
    }
}
