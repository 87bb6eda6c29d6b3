//! A change for people: a block for each change, a sign before each.

use std::fmt::Write as _;

use ringfence_verifier::difference::{Change, Kind, Shift};
use ringfence_verifier::istio::peer_authentication::Mode;

use super::names::{joined, presence, request};
use super::unseen::unseen;
use super::{Shown, identity, summary};
use crate::report::Style;

/// As many changes as are listed.
const MOST: usize = 40;

/// Writes a change down.
pub(super) fn render(shown: &Shown<'_>, style: Style) -> String {
    let mut text = format!("{}: {}\n", shown.title, summary(shown));
    let unseen = unseen(shown);
    let is_seen = |shift: &String| unseen.iter().all(|unseen| unseen.what != *shift);
    let shifts: Vec<String> = shifts(shown).into_iter().filter(is_seen).collect();
    if !shifts.is_empty() {
        text.push('\n');
    }
    for shift in &shifts {
        let _ = writeln!(text, "{} {shift}", painted(style, "!"));
    }
    if !unseen.is_empty() {
        text.push_str("\nmay let somebody in that is not seen here\n");
    }
    for unseen in &unseen {
        let _ = writeln!(text, "  {} [{}] {}", painted(style, "!"), identity::of_unseen(unseen), unseen.what);
    }
    let most = if shown.whole { usize::MAX } else { MOST };
    for (change, why) in shown.changes().take(most) {
        let (sign, id) = (painted(style, sign(change.kind())), identity::of_change(change));
        let _ = writeln!(text, "\n{sign} [{id}] {}", sentence(shown, change));
        for (word, witness) in [("now", &change.gained), ("no longer", &change.lost)] {
            if let Some(witness) = witness {
                let word = if witness.sure { word.to_owned() } else { format!("perhaps {word}") };
                let _ = writeln!(text, "    {word}: {}", request(&witness.request, change.callers.first()));
            }
        }
        for (word, decision) in [("before", &why.before), ("after", &why.after)] {
            if let Some(decision) = decision {
                let _ = writeln!(text, "    {word}: {}", decision.words());
            }
        }
    }
    if let more @ 1.. = shown.difference.changes.len().saturating_sub(most) {
        let _ = writeln!(text, "\nand {more} more changes; `--verbose` lists all");
    }
    if !shown.moved.is_empty() {
        text.push_str("\nfrom outside, and for attackers\n");
        for moved in shown.moved.iter().take(most) {
            let _ = writeln!(text, "  {} [{}] {}", painted(style, moved.sign()), identity::of_moved(moved), moved.what);
        }
        if let more @ 1.. = shown.moved.len().saturating_sub(most) {
            let _ = writeln!(text, "  and {more} more");
        }
    }
    if !shown.guards.is_empty() {
        text.push_str("\nguard rails\n");
    }
    for guard in shown.guards {
        let (sign, id) = (painted(style, guard.sign), identity::of_guard(guard));
        let _ = writeln!(text, "  {sign} [{id}] {}  {}", guard.what, guard.place());
    }
    if !shown.statements.is_empty() {
        text.push_str("\nby\n");
        for statement in shown.statements.iter().take(most) {
            let _ = writeln!(text, "  {statement}");
        }
        if let more @ 1.. = shown.statements.len().saturating_sub(most) {
            let _ = writeln!(text, "  and {more} more documents");
        }
    }
    text
}

/// Writes a line for each change.
pub(super) fn concise(shown: &Shown<'_>) -> String {
    let mut text = String::new();
    let unseen = unseen(shown);
    for shift in shifts(shown).iter().filter(|shift| unseen.iter().all(|unseen| unseen.what != **shift)) {
        let _ = writeln!(text, "! {shift}");
    }
    for unseen in &unseen {
        let _ = writeln!(text, "! [{}] {}", identity::of_unseen(unseen), unseen.what);
    }
    for (change, _) in shown.changes() {
        let _ = writeln!(text, "{} [{}] {}", sign(change.kind()), identity::of_change(change), sentence(shown, change));
    }
    for moved in shown.moved {
        let _ = writeln!(text, "{} [{}] {}", moved.sign(), identity::of_moved(moved), moved.what);
    }
    for guard in shown.guards {
        let _ = writeln!(text, "{} [{}] {}", guard.sign, identity::of_guard(guard), guard.what);
    }
    text
}

pub(super) fn sign(kind: Kind) -> &'static str {
    match kind {
        Kind::Gained => "+",
        Kind::MayGain => "+?",
        Kind::Lost => "-",
        Kind::MayLose => "-?",
        Kind::Moved => "~",
    }
}

/// Puts colour on a sign, where it shows.
fn painted(style: Style, sign: &str) -> String {
    let colour = match sign.chars().next() {
        Some('+') => "32",
        Some('-') => "31",
        _ => "33",
    };
    if style.colour { format!("\u{1b}[{colour}m{sign}\u{1b}[0m") } else { sign.to_owned() }
}

/// Says a change in one line: `shop/web gains at pay/db:8080: GET /v1/*`.
pub(super) fn sentence(shown: &Shown<'_>, change: &Change) -> String {
    let callers = joined(&shown.names.callers(&change.callers), shown.whole);
    let targets = joined(&shown.names.targets(&change.targets), shown.whole);
    let (gains, loses) = (change.gains.join("; "), change.loses.join("; "));
    let said = |words: &str| if words.is_empty() { String::new() } else { format!(": {words}") };
    let what = match change.kind() {
        Kind::Gained => said(&gains),
        Kind::MayGain => format!("{} (depends on what no file tells)", said(&gains)),
        Kind::Lost => said(&loses),
        Kind::MayLose => format!("{} (depends on what no file tells)", said(&loses)),
        Kind::Moved => match (gains.is_empty(), loses.is_empty()) {
            (false, false) => format!(": {gains} instead of {loses}"),
            (false, true) => format!(": now {gains}"),
            (true, false) => format!(": no longer {loses}"),
            (true, true) => String::new(),
        },
    };
    let presence = presence(&change.callers, &change.targets).map(|word| format!(" ({word})")).unwrap_or_default();
    format!("{callers} -> {targets}{what}{presence}")
}

/// Says what changed at workloads themselves.
pub(super) fn shifts(shown: &Shown<'_>) -> Vec<String> {
    let one = |(shift, workloads): &(Shift, Vec<(String, String)>)| {
        let at = joined(&shown.names.workloads(workloads), shown.whole);
        match shift {
            Shift::DefaultDeny { begins: true, policies } => format!(
                "{at}: default deny begins: a first ALLOW policy is about it ({}), so what none admits is refused",
                joined(policies, shown.whole)
            ),
            Shift::DefaultDeny { begins: false, policies } => format!(
                "{at}: default deny ends: the last ALLOW policy about it is gone ({}), so everything that is not denied is admitted",
                joined(policies, shown.whole)
            ),
            Shift::Isolation { ingress, begins, policies } => {
                let what = if *ingress { "arrives" } else { "leaves" };
                let policies = joined(policies, shown.whole);
                match begins {
                    true => {
                        format!("{at}: the first NetworkPolicy about what {what} ({policies}); all else is refused")
                    }
                    false => format!("{at}: the last NetworkPolicy about what {what} is gone ({policies}); all passes"),
                }
            }
            Shift::Peers { ports, before, after } => {
                let ports: Vec<String> =
                    ports.iter().map(|port| if *port == 0 { "others".to_owned() } else { port.to_string() }).collect();
                format!("{at}: mTLS {} -> {} at port {}", modes(before), modes(after), ports.join(", "))
            }
            Shift::Tokens => format!("{at}: tokens are looked for elsewhere, or proved by other keys"),
            Shift::Providers { before, after } => {
                let list = |names: &std::collections::BTreeSet<String>| {
                    if names.is_empty() {
                        "nobody".to_owned()
                    } else {
                        names.iter().cloned().collect::<Vec<_>>().join(", ")
                    }
                };
                format!("{at}: external authorization asks {} instead of {}", list(after), list(before))
            }
            Shift::NotModelled => {
                format!("{at}: what decides there changed, and what that means is not modelled yet (gateway, waypoint)")
            }
        }
    };
    shown.difference.shifts.iter().map(one).collect()
}

pub(super) fn modes(modes: &[Mode]) -> String {
    let word = |mode: &Mode| match mode {
        Mode::Strict => "STRICT",
        Mode::Permissive => "PERMISSIVE",
        Mode::Disable => "DISABLE",
    };
    modes.iter().map(word).collect::<Vec<_>>().join(" or ")
}
