//! Many answers as people read them: who reaches what, then who may, then how many do not.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ringfence_verifier::reach::Reach;

use super::answers::{Answers, Grouped};
use super::whatif::word;
use crate::summary::counted;

/// As many lines of one verdict, and callers on one line, as are shown.
const MOST_LINES: usize = 40;
const MOST_CALLERS: usize = 12;

/// Renders lists of answers; `all` leaves nothing out.
pub(super) fn render(answers: &Answers<'_>, all: bool) -> String {
    answers.grouped.iter().map(|grouped| one(grouped, all)).collect::<Vec<_>>().join("\n")
}

fn one(grouped: &Grouped, all: bool) -> String {
    let (callers, ports) = (grouped.callers.len(), grouped.rows.len());
    let mut text = format!(
        "{} to {} in {}: {}, {}\n",
        grouped.from,
        grouped.to,
        grouped.cluster,
        counted(callers, "caller"),
        counted(ports, "port")
    );
    for note in &grouped.notes {
        let _ = writeln!(text, "  {note}");
    }
    for (verdict, title) in
        [(Reach::Allowed, "reaches"), (Reach::Depends, "may reach"), (Reach::Denied, "does not reach")]
    {
        let rows = rows(grouped, verdict);
        let pairs: usize = rows.iter().map(|(_, callers)| callers.len()).sum();
        if pairs == 0 {
            continue;
        }
        let _ = writeln!(text, "\n  {title} ({pairs} of {})", callers * ports);
        let most = if all { rows.len() } else { MOST_LINES };
        let width = rows.iter().take(most).map(|(ports, _)| ports.chars().count()).max().unwrap_or(0);
        for (ports, callers) in rows.iter().take(most) {
            let _ = writeln!(text, "    {ports:<width$}  {}", list(callers, grouped.callers.len(), all));
        }
        if let more @ 1.. = rows.len().saturating_sub(most) {
            let _ = writeln!(text, "    and {more} more ports; `--verbose` shows them");
        }
    }
    text
}

/// Renders a line for each answer.
pub(super) fn lines_of(answers: &Answers<'_>) -> String {
    let mut text = String::new();
    for grouped in &answers.grouped {
        for (to, port, cells) in &grouped.rows {
            for (caller, reach) in grouped.callers.iter().zip(cells) {
                let _ = writeln!(text, "{}: {caller} -> {to}:{port}: {}", grouped.cluster, word(*reach));
            }
        }
    }
    text
}

/// Returns the callers with one verdict at each port.
fn rows(grouped: &Grouped, verdict: Reach) -> Vec<(String, Vec<&str>)> {
    let mut rows: BTreeMap<(&str, u16), Vec<&str>> = BTreeMap::new();
    for (to, port, cells) in &grouped.rows {
        for (caller, reach) in grouped.callers.iter().zip(cells) {
            if *reach == verdict {
                rows.entry((to, *port)).or_default().push(caller);
            }
        }
    }
    rows.into_iter().map(|((to, port), callers)| (format!("{to}:{port}"), callers)).collect()
}

fn list(callers: &[&str], of: usize, all: bool) -> String {
    if callers.len() == of && of > MOST_CALLERS && !all {
        return format!("all {of}");
    }
    let most = if all { callers.len() } else { MOST_CALLERS };
    let shown = callers.iter().take(most).copied().collect::<Vec<_>>().join(", ");
    match callers.len().saturating_sub(most) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
