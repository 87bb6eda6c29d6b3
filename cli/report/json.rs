//! A document for programs.
//!
//! In: diagnostics, and what a command has to say beside them. Out: `{"version": 1, "diagnostics": […], "counts": {…},
//! "left": {…}, "unchecked": …, "summary": …}`, where a run with errors has no summary, and one that could not read every file says in
//! `unchecked` what nobody looked at. `counts` counts all, also those that `diagnostics` sums up as "and … more". Lines and columns count from 1 and columns count
//! characters; offsets count bytes from 0; an end is one past the last character. A key is never left out: what is not
//! there is `null` or an empty list. The version changes when a reader of the old form would misread the new one.

use ringfence_compiler::diagnostics::{Diagnostic, Diagnostics, Label};
use ringfence_compiler::source::{SourceFile, Sources};
use serde_json::{Value, json};

use super::identity::identified;
use super::{Counts, Left, listed};

/// Renders the whole document.
pub(super) fn render(
    diagnostics: &Diagnostics,
    sources: &Sources,
    summary: &Value,
    unchecked: Option<&str>,
    left: Left,
) -> String {
    let listed = identified(listed(diagnostics, sources), sources);
    let list: Vec<_> = listed.iter().map(|(id, diagnostic)| one(id, diagnostic, sources)).collect();
    let Counts { errors, warnings, notes } = Counts::of(diagnostics, sources);
    let counts = json!({ "errors": errors, "warnings": warnings, "notes": notes });
    let document = json!({
        "version": 1,
        "diagnostics": list,
        "counts": counts,
        "left": { "ignored": left.ignored, "baseline": left.baseline },
        "unchecked": unchecked,
        "summary": summary,
    });
    format!("{document:#}\n")
}

fn one(id: &str, diagnostic: &Diagnostic, sources: &Sources) -> Value {
    let labels: Vec<_> = diagnostic.labels().iter().map(|it| label(it, sources)).collect();
    json!({
        "id": id,
        "code": diagnostic.code().id,
        "severity": diagnostic.code().severity.word(),
        "message": diagnostic.message(),
        "help": diagnostic.help_text(),
        "labels": labels,
    })
}

fn label(label: &Label, sources: &Sources) -> Value {
    let file = sources.file(label.span.file);
    json!({
        "path": file.path(),
        "start": position(file, label.span.start),
        "end": position(file, label.span.end),
        "text": label.text,
    })
}

fn position(file: &SourceFile, offset: u32) -> Value {
    let (line, column) = file.position(offset);
    json!({ "line": line, "column": column, "offset": offset })
}
