//! One line each: what editors and `grep` read.
//!
//! In: diagnostics. Out: `path:line:col: severity[code] message`, then in brackets the line it collides with.

use std::fmt::Write as _;

use ringfence_compiler::diagnostics::{Diagnostic, Diagnostics};
use ringfence_compiler::source::Sources;

use super::{listed, visible};

/// Renders a line for each diagnostic.
pub(super) fn render(diagnostics: &Diagnostics, sources: &Sources) -> String {
    listed(diagnostics, sources).iter().map(|diagnostic| line(diagnostic, sources)).collect()
}

fn line(diagnostic: &Diagnostic, sources: &Sources) -> String {
    let mut line = String::new();
    match diagnostic.span() {
        Some(span) => {
            let file = sources.file(span.file);
            let (row, column) = file.position(span.start);
            let _ = write!(line, "{}:{row}:{column}", file.path());
        }
        // As a compiler names itself when it has no line to point at.
        None => line.push_str("ringfence"),
    }
    let _ = write!(line, ": {}[{}] {}", diagnostic.code().severity.word(), diagnostic.code().id, diagnostic.message());
    let mut seen: Vec<_> = diagnostic.span().map(|span| sources.place(span)).into_iter().collect();
    for label in diagnostic.labels().iter().skip(1) {
        let place = sources.place(label.span);
        if !seen.contains(&place) {
            let _ = write!(line, " (see {place})");
            seen.push(place);
        }
    }
    let mut line = visible(&line).replace(['\n', '\t'], " ");
    line.push('\n');
    line
}
