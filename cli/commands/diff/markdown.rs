//! A change as a comment on a pull request: a table.

use std::fmt::Write as _;

use ringfence_verifier::difference::{Change, Kind};

use super::names::{joined, presence, request};
use super::text::shifts;
use super::{Shown, summary};
use crate::summary::counted;

/// As many changes as a comment has room for.
const MOST: usize = 60;

/// Writes a change down.
pub(super) fn render(shown: &Shown<'_>) -> String {
    let mut text = format!("### Access: {}\n\n{}.\n", plain(&shown.title), capital(&summary(shown)));
    let shifts = shifts(shown);
    if !shifts.is_empty() {
        text.push('\n');
    }
    for shift in shifts {
        let _ = writeln!(text, "- **{}**", plain(&shift));
    }
    let changes = &shown.difference.changes;
    let most = if shown.whole { changes.len() } else { MOST };
    if !changes.is_empty() {
        text.push_str("\n| | callers | ports | requests | for example |\n|---|---|---|---|---|\n");
    }
    for change in changes.iter().take(most) {
        let _ = writeln!(text, "{}", row(shown, change));
    }
    if let more @ 1.. = changes.len().saturating_sub(most) {
        let _ = writeln!(text, "\n…and {more} more.");
    }
    if !shown.moved.is_empty() {
        text.push_str("\n#### From outside, and for attackers\n\n");
        for moved in shown.moved.iter().take(most) {
            let word = if moved.easier { "**easier**" } else { "harder" };
            let _ = writeln!(text, "- {word}: {}", plain(&moved.what));
        }
        if let more @ 1.. = shown.moved.len().saturating_sub(most) {
            let _ = writeln!(text, "- …and {more} more");
        }
    }
    if !shown.statements.is_empty() {
        let documents = counted(shown.statements.len(), "changed document");
        let _ = writeln!(text, "\n<details><summary>{documents}</summary>\n");
        for statement in shown.statements {
            let _ = writeln!(text, "- {}", plain(&statement.words()));
        }
        text.push_str("\n</details>\n");
    }
    text
}

fn row(shown: &Shown<'_>, change: &Change) -> String {
    let sign = match change.kind() {
        Kind::Gained => "**gained**",
        Kind::MayGain => "perhaps gained",
        Kind::Lost => "lost",
        Kind::MayLose => "perhaps lost",
        Kind::Moved => "**moved**",
    };
    let sign = match presence(&change.callers, &change.targets) {
        Some(word) => format!("{sign}, {word}"),
        None => sign.to_owned(),
    };
    let callers = joined(&shown.names.callers(&change.callers), shown.whole);
    let targets = joined(&shown.names.targets(&change.targets), shown.whole);
    let said = |word: &str, words: &[String]| words.iter().map(|one| format!("{word}{one}")).collect::<Vec<_>>();
    let words = match change.kind() {
        Kind::Moved => [said("now ", &change.gains), said("no longer ", &change.loses)].concat(),
        Kind::Gained | Kind::MayGain => said("", &change.gains),
        Kind::Lost | Kind::MayLose => said("", &change.loses),
    };
    let witness = change
        .gained
        .iter()
        .chain(&change.lost)
        .map(|witness| code(&request(&witness.request, change.callers.first())));
    let cells =
        [sign, plain(&callers), plain(&targets), plain(&words.join("; ")), witness.collect::<Vec<_>>().join("<br>")];
    format!("| {} |", cells.join(" | "))
}

/// Keeps what somebody wrote from being markup.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    for character in text.chars() {
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

fn code(text: &str) -> String {
    format!("<code>{}</code>", plain(text))
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
