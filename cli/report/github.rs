//! Annotations: what a workflow of GitHub shows beside the lines of a pull request.
//!
//! In: diagnostics, and where their paths begin in the repository. Out: a workflow command each, errors first. GitHub shows ten of
//! each weight for a step, so that no more are written, and the last line says how many were left out.

use std::fmt::Write as _;

use ringfence_compiler::diagnostics::{Diagnostic, Diagnostics, Severity};
use ringfence_compiler::source::Sources;

use super::{Origin, listed, visible};

/// As many of each weight as GitHub shows.
pub const MOST: usize = 10;

/// Renders a command for each diagnostic.
pub(super) fn render(diagnostics: &Diagnostics, sources: &Sources, origin: &Origin) -> String {
    let listed = listed(diagnostics, sources);
    let (mut text, mut left) = (String::new(), 0);
    for severity in [Severity::Error, Severity::Warning, Severity::Note] {
        let of = |diagnostic: &&Diagnostic| diagnostic.code().severity == severity;
        let all: Vec<&Diagnostic> = listed.iter().map(AsRef::as_ref).filter(of).collect();
        for diagnostic in all.iter().take(MOST) {
            text.push_str(&one(diagnostic, sources, origin));
        }
        left += all.len().saturating_sub(MOST);
    }
    if left > 0 {
        let _ = writeln!(
            text,
            "::notice title=ringfence::{left} more findings are in the report: GitHub shows {MOST} of each weight"
        );
    }
    text
}

fn one(diagnostic: &Diagnostic, sources: &Sources, origin: &Origin) -> String {
    let mut message = diagnostic.message().to_owned();
    for label in diagnostic.labels().iter().skip(1) {
        let place = sources.place(label.span);
        let _ = write!(message, "\n{}: {}", origin.path(&place.to_string()), label.text);
    }
    if let Some(help) = diagnostic.help_text() {
        let _ = write!(message, "\nhelp: {help}");
    }
    let command = match diagnostic.code().severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    };
    let place = diagnostic.labels().first().map(|label| {
        let file = sources.file(label.span.file);
        (origin.path(file.path()), file.position(label.span.start), file.position(label.span.end))
    });
    annotation(command, place, diagnostic.code().id, &message)
}

/// A file, and where in it something begins and ends.
pub type Place = (String, (usize, usize), (usize, usize));

/// Writes a workflow command. What it says comes from files that nobody has reviewed: no line of it may begin another command.
pub fn annotation(command: &str, place: Option<Place>, title: &str, message: &str) -> String {
    let mut text = format!("::{command} ");
    if let Some((path, (line, column), (last, end))) = place {
        let _ = write!(text, "file={},line={line},endLine={last},", property(&path));
        // GitHub takes columns on one line alone.
        if line == last {
            let _ = write!(text, "col={column},endColumn={end},");
        }
    }
    let _ = writeln!(text, "title={}::{}", property(title), data(message));
    text
}

/// Escapes the text of a command.
fn data(text: &str) -> String {
    visible(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes a property of a command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
