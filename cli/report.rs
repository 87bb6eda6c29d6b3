//! What a run has to say, in the form that was asked for.
//!
//! In: the compiler's diagnostics and the texts they point into. Out: text for people, one line each for editors and
//! `grep`, JSON for programs, and what code scanning, workflows and CI servers read; all of them but the many of one kind in one
//! file, in the same order. It exists so that no command prints on its own.
//!
//! Paths, messages and lines come from files that nobody has reviewed yet: [`visible`] keeps what they hold from
//! steering the terminal.

mod concise;
mod excerpt;
pub mod github;
pub mod identity;
mod json;
mod junit;
pub mod markdown;
pub mod sarif;
mod text;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ringfence_compiler::diagnostics::{Diagnostic, Diagnostics, Severity};
use ringfence_compiler::source::Sources;
use serde_json::Value;

use crate::args::Level;
use crate::tree::project::git_root;

/// How diagnostics are written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format<'a> {
    /// Excerpts with every place underlined.
    Text(Style),
    /// `path:line:col: severity[code] message`.
    Concise,
    /// A versioned document, with what the command has to say beside the diagnostics, what it did not check, and what was left out.
    Json(&'a Value, Option<&'a str>, Left),
    /// SARIF, for code scanning.
    Sarif(&'a Origin),
    /// Annotations of a workflow.
    Github(&'a Origin),
    /// A test report, where findings of this weight fail.
    Junit(Level),
    /// A table, with what the run came to and its last line.
    Markdown(&'a Origin, Option<&'a str>, &'a str),
}

/// What was found and is not said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Left {
    /// By comments.
    pub ignored: usize,
    /// By the baseline.
    pub baseline: usize,
}

/// Where paths begin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// What leads there from the root of the repository, with `/` at its end; nothing where it is that root.
    pub prefix: String,
}

impl Origin {
    /// Finds where paths below a folder begin: at the root of its checkout, or outside of one where the command runs.
    #[must_use]
    pub fn of(folder: &Path) -> Self {
        let real = |path: &Path| path.canonicalize().ok();
        let find = || {
            let folder = real(folder)?;
            let root = git_root(&folder).or_else(|| real(Path::new(".")))?;
            let below = folder.strip_prefix(&root).ok()?;
            Some(below.iter().map(|part| format!("{}/", part.to_string_lossy())).collect())
        };
        Self { prefix: find().unwrap_or_default() }
    }

    /// Returns a path from the root of the repository.
    #[must_use]
    pub fn path(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }
}

/// What a terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whether to use colour.
    pub colour: bool,
    /// How many columns there are.
    pub width: usize,
}

impl Style {
    /// Without colour, as wide as where nothing is known of the reader.
    pub const PLAIN: Self = Self { colour: false, width: 100 };

    /// Asks the environment and the terminal; `is_terminal` tells whether the text goes to one.
    #[must_use]
    pub fn detect(is_terminal: bool) -> Self {
        let columns = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0)).filter(|_| is_terminal);
        Self {
            colour: wants_colour(is_terminal, |name| std::env::var(name).ok()),
            // Narrower, and the words beside an excerpt would stand one below the other.
            width: columns.map_or(Self::PLAIN.width, |columns| columns.max(40)),
        }
    }
}

/// Decides by `NO_COLOR`, `CLICOLOR_FORCE`, `CLICOLOR` and `TERM`, in this order, then by the terminal.
fn wants_colour(is_terminal: bool, variable: impl Fn(&str) -> Option<String>) -> bool {
    let is_set = |name| variable(name).is_some_and(|value| !value.is_empty());
    let is_on = |name| variable(name).is_some_and(|value| !value.is_empty() && value != "0");
    let is_off = |name| variable(name).is_some_and(|value| value == "0");
    if is_set("NO_COLOR") {
        return false;
    }
    if is_on("CLICOLOR_FORCE") {
        return true;
    }
    is_terminal && !is_off("CLICOLOR") && variable("TERM").is_none_or(|term| term != "dumb")
}

/// Renders everything reported, with a final newline; the empty text when there is nothing to say, but for JSON.
#[must_use]
pub fn render(format: Format<'_>, diagnostics: &Diagnostics, sources: &Sources) -> String {
    match format {
        Format::Text(style) => text::render(diagnostics, sources, style),
        Format::Concise => concise::render(diagnostics, sources),
        Format::Json(summary, unchecked, left) => json::render(diagnostics, sources, summary, unchecked, left),
        Format::Sarif(origin) => sarif::render(diagnostics, sources, origin),
        Format::Github(origin) => github::render(diagnostics, sources, origin),
        Format::Junit(fail_on) => junit::render(diagnostics, sources, fail_on),
        Format::Markdown(origin, come, last) => markdown::render(diagnostics, sources, origin, come, last),
    }
}

/// How many of one code in one file are shown: behind that they are echoes of one mistake.
const MOST: usize = 100;

/// Returns what is shown, sorted; where there are too many of one code in one file, the last of them says how many more.
fn listed<'a>(diagnostics: &'a Diagnostics, sources: &Sources) -> Vec<Cow<'a, Diagnostic>> {
    let sorted = diagnostics.sorted(sources);
    let group = |diagnostic: &Diagnostic| (diagnostic.span().map(|span| span.file), diagnostic.code().id);
    let mut left: BTreeMap<_, usize> = BTreeMap::new();
    for diagnostic in &sorted {
        *left.entry(group(diagnostic)).or_default() += 1;
    }
    let mut shown: BTreeMap<_, usize> = BTreeMap::new();
    let mut listed = Vec::new();
    for diagnostic in sorted {
        let (group, code) = (group(diagnostic), diagnostic.code());
        let shown = shown.entry(group).or_default();
        let left = left.get(&group).map_or(0, |all| all.saturating_sub(*shown));
        *shown += 1;
        match diagnostic.span() {
            Some(span) if *shown == MOST + 1 && left > 1 => {
                let more = code.at(span, format!("and {left} more like the {MOST} above, in this file"));
                listed.push(Cow::Owned(
                    more.label("the next one").help("correct what they have in common and look again"),
                ));
            }
            Some(_) if *shown > MOST + 1 => {}
            _ => listed.push(Cow::Borrowed(diagnostic)),
        }
    }
    listed
}

/// Counts the files that hold errors.
#[must_use]
pub fn files_with_errors(diagnostics: &Diagnostics, sources: &Sources) -> usize {
    let sorted = diagnostics.sorted(sources).into_iter();
    let errors = sorted.filter(|diagnostic| diagnostic.code().severity == Severity::Error);
    errors.filter_map(|error| error.span().map(|span| span.file)).collect::<BTreeSet<_>>().len()
}

/// Returns what is left without notes.
#[must_use]
pub fn without_notes(diagnostics: &Diagnostics, sources: &Sources) -> Diagnostics {
    let mut rest = Diagnostics::new();
    for diagnostic in diagnostics.sorted(sources) {
        if diagnostic.code().severity != Severity::Note {
            rest.report(diagnostic.clone());
        }
    }
    rest
}

/// How much was said of each weight, repetitions not counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Errors.
    pub errors: usize,
    /// Warnings.
    pub warnings: usize,
    /// Notes.
    pub notes: usize,
}

impl Counts {
    /// Counts what was reported.
    #[must_use]
    pub fn of(diagnostics: &Diagnostics, sources: &Sources) -> Self {
        let mut counts = Self::default();
        for diagnostic in diagnostics.sorted(sources) {
            match diagnostic.code().severity {
                Severity::Error => counts.errors += 1,
                Severity::Warning => counts.warnings += 1,
                Severity::Note => counts.notes += 1,
            }
        }
        counts
    }
}

/// Replaces what would move the cursor, change colours or turn the direction of the text, by a mark as many bytes long:
/// offsets into the text stay right.
pub fn visible(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\t' | '\n' => c,
            '\u{0}'..='\u{1f}' | '\u{7f}' => '?',
            '\u{80}'..='\u{9f}' => '¿',
            '\u{61c}' => '¿',
            '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => '\u{fffd}',
            _ => c,
        })
        .collect()
}

#[cfg(test)]
mod tests;
