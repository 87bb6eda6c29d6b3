//! A change as a comment on a pull request: a table.

use std::fmt::Write as _;

use ringfence_verifier::difference::{Change, Kind};

use super::names::{joined, presence, request};
use super::text::shifts;
use super::unseen::unseen;
use super::why::Why;
use super::{Shown, identity, summary};
use crate::report::markdown::{code, plain};
use crate::summary::counted;

/// As many changes as a comment has room for.
const MOST: usize = 60;

/// Writes a change down.
pub(super) fn render(shown: &Shown<'_>) -> String {
    let mut text = format!("### Access: {}\n\n{}.\n", plain(&shown.title), capital(&summary(shown)));
    let unseen = unseen(shown);
    let is_seen = |shift: &String| unseen.iter().all(|unseen| unseen.what != *shift);
    let shifts: Vec<String> = shifts(shown).into_iter().filter(is_seen).collect();
    if !shifts.is_empty() {
        text.push('\n');
    }
    for shift in shifts {
        let _ = writeln!(text, "- **{}**", plain(&shift));
    }
    if !unseen.is_empty() {
        text.push_str("\n#### May let somebody in that is not seen here\n\n");
    }
    for unseen in &unseen {
        let _ = writeln!(text, "- {} {}", code(&identity::of_unseen(unseen).to_string()), plain(&unseen.what));
    }
    if !shown.moved.is_empty() {
        text.push_str("\n#### From outside, and for attackers\n\n");
        for moved in shown.moved.iter().take(MOST) {
            let word = if moved.easier { "**easier**" } else { "harder" };
            let _ = writeln!(text, "- {word} {}: {}", code(&identity::of_moved(moved).to_string()), plain(&moved.what));
        }
        if let more @ 1.. = shown.moved.len().saturating_sub(MOST) {
            let _ = writeln!(text, "- …and {more} more");
        }
    }
    if !shown.guards.is_empty() {
        text.push_str("\n#### Guard rails\n\n");
    }
    for guard in shown.guards {
        let place = code(&guard.place());
        let id = code(&identity::of_guard(guard).to_string());
        let _ = writeln!(text, "- **{}** {id}: {} {place}", guard.word(), plain(&guard.what));
    }
    let changes = &shown.difference.changes;
    let most = if shown.whole { changes.len() } else { MOST };
    if !changes.is_empty() {
        text.push_str("\n| | callers | ports | requests | for example | why |\n|---|---|---|---|---|---|\n");
    }
    for (change, why) in shown.changes().take(most) {
        let _ = writeln!(text, "{}", row(shown, change, why));
    }
    if let more @ 1.. = changes.len().saturating_sub(most) {
        let _ = writeln!(text, "\n…and {more} more.");
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

fn row(shown: &Shown<'_>, change: &Change, why: &Why) -> String {
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
    let decisions = [("before", &why.before), ("after", &why.after)].into_iter();
    let decisions =
        decisions.filter_map(|(word, decision)| Some(format!("{word} {}", plain(&decision.as_ref()?.words()))));
    let cells = [
        format!("{sign}<br>{}", code(&identity::of_change(change).to_string())),
        plain(&callers),
        plain(&targets),
        plain(&words.join("; ")),
        witness.collect::<Vec<_>>().join("<br>"),
        decisions.collect::<Vec<_>>().join("<br>"),
    ];
    format!("| {} |", cells.join(" | "))
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
