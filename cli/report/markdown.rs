//! A table for people who read a pull request or the summary of a job.
//!
//! In: diagnostics, what the run came to, its last line. Out: Markdown, in which nothing that a file says is markup.

use std::fmt::Write as _;

use ringfence_compiler::diagnostics::{Diagnostic, Diagnostics, Severity};
use ringfence_compiler::source::Sources;

use super::identity::identified;
use super::{Origin, listed, visible};

/// As many findings as a comment has room for.
const MOST: usize = 60;

/// Renders the whole text.
pub(super) fn render(
    diagnostics: &Diagnostics,
    sources: &Sources,
    origin: &Origin,
    come: Option<&str>,
    last: &str,
) -> String {
    let mut findings = identified(listed(diagnostics, sources), sources);
    // What fails comes first, whatever file it is in.
    findings.sort_by_key(|(_, finding)| finding.code().severity);
    let mut text = format!("### Policy: {}\n", plain(last.trim_end()));
    if !findings.is_empty() {
        text.push_str("\n| | finding | where | what to do |\n|---|---|---|---|\n");
    }
    for (id, finding) in findings.iter().take(MOST) {
        let _ = writeln!(text, "{}", row(id, finding, sources, origin));
    }
    if let more @ 1.. = findings.len().saturating_sub(MOST) {
        let _ = writeln!(text, "\n…and {more} more.");
    }
    if let Some(come) = come.map(str::trim_end).filter(|come| !come.is_empty()) {
        let _ = write!(
            text,
            "\n<details><summary>What was looked at</summary>\n\n<pre>\n{}\n</pre>\n\n</details>\n",
            escaped(come)
        );
    }
    text
}

fn row(id: &str, finding: &Diagnostic, sources: &Sources, origin: &Origin) -> String {
    let word = match finding.code().severity {
        Severity::Error => "**error**",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    let places: Vec<String> =
        finding.labels().iter().map(|label| code(&origin.path(&sources.place(label.span).to_string()))).collect();
    let cells = [
        word.to_owned(),
        format!("{}<br>{} {}", plain(finding.message()), code(finding.code().id), code(id)),
        places.join("<br>"),
        plain(finding.help_text().unwrap_or_default()),
    ];
    format!("| {} |", cells.join(" | "))
}

/// Keeps what somebody wrote from being markup.
pub fn plain(text: &str) -> String {
    let mut plain = String::new();
    for character in visible(text).chars() {
        match character {
            '\n' | '\r' => plain.push(' '),
            '&' => plain.push_str("&amp;"),
            '<' => plain.push_str("&lt;"),
            '>' => plain.push_str("&gt;"),
            '|' | '*' | '_' | '`' | '[' | ']' | '\\' | '@' | '#' => {
                let _ = write!(plain, "&#{};", u32::from(character));
            }
            _ => plain.push(character),
        }
    }
    plain
}

/// Writes a name that is no sentence.
pub fn code(text: &str) -> String {
    format!("<code>{}</code>", plain(text))
}

/// Keeps lines as they are, and what is in them from being markup. An empty line would end the block.
fn escaped(text: &str) -> String {
    let lines = visible(text);
    let lines = lines.lines().filter(|line| !line.trim().is_empty());
    lines.map(plain).collect::<Vec<_>>().join("\n")
}
