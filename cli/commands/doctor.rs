//! `doctor`: what is here, and whether it can work.
//!
//! In: a folder. Out: a line for each thing that a newcomer stumbles over, with what to do about it. It changes nothing and opens
//! no connection, so that it can be run and shown to somebody else without a thought.

mod environment;
mod gate;
mod git;
mod policy;

use std::path::Path;

use serde_json::{Value, json};

use crate::args::{Doctor, FormatName};
use crate::console;
use crate::exit::{Exit, Failure};
use crate::summary::paragraph;
use crate::tree::find_project;
use crate::tree::project::git_root;

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Good,
    /// It works, and something is worth knowing.
    Note,
    /// It does not work, or not as somebody means.
    Bad,
}

/// What was looked at.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    state: State,
    subject: &'static str,
    said: String,
    /// What to do.
    advice: Option<String>,
}

impl Line {
    fn good(subject: &'static str, said: impl Into<String>) -> Self {
        Self { state: State::Good, subject, said: said.into(), advice: None }
    }

    fn note(subject: &'static str, said: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { state: State::Note, subject, said: said.into(), advice: Some(advice.into()) }
    }

    fn bad(subject: &'static str, said: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { state: State::Bad, subject, said: said.into(), advice: Some(advice.into()) }
    }
}

/// Runs the command.
pub(super) fn run(args: &Doctor) -> Result<Exit, Failure> {
    let place = args.path.as_deref().unwrap_or(Path::new("."));
    let folder = std::fs::canonicalize(place)
        .map_err(|error| Failure::new(format!("cannot look at `{}`: {error}", place.display())))?;
    let root = git_root(&folder);
    let mut lines = environment::lines();
    lines.extend(git::lines(&folder, root.as_deref()));
    let project = find_project(place);
    match &project {
        Ok(project) => lines.extend(policy::lines(project)?),
        Err(none) => lines.push(Line::bad(
            "project",
            none.to_string(),
            "`ringfence init` makes one; plain manifests are looked at by `ringfence check FOLDER`",
        )),
    }
    if let Some(root) = &root {
        lines.extend(gate::lines(root));
    }
    console::print(&match args.form.format {
        FormatName::Json => as_json(&lines),
        FormatName::Text | FormatName::Concise => as_text(&lines),
    })?;
    Ok(match &project {
        Err(_) => Exit::NoInput,
        Ok(_) if lines.iter().any(|line| line.state == State::Bad) => Exit::Findings,
        Ok(_) => Exit::Clean,
    })
}

fn as_text(lines: &[Line]) -> String {
    let mut text = String::new();
    for line in lines {
        let sign = match line.state {
            State::Good => "✓",
            State::Note => "·",
            State::Bad => "✗",
        };
        let advice = line.advice.as_ref().map(|advice| format!("\n  {advice}")).unwrap_or_default();
        paragraph(&mut text, console::style(), line.subject, &format!("{sign} {}{advice}", line.said));
    }
    text
}

fn as_json(lines: &[Line]) -> String {
    let one = |line: &Line| -> Value {
        let state = match line.state {
            State::Good => "good",
            State::Note => "note",
            State::Bad => "bad",
        };
        json!({ "state": state, "subject": line.subject, "said": line.said, "advice": line.advice })
    };
    format!("{:#}\n", json!({ "version": 1, "lines": lines.iter().map(one).collect::<Vec<_>>() }))
}
