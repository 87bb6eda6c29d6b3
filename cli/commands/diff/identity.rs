//! What a line of a difference is called.
//!
//! In: what it says. Out: a short id, the same in text, tables, SARIF and annotations, and from run to run as long as the line
//! says the same.

use ringfence_verifier::difference::Change;
use sha2::{Digest as _, Sha256};

use super::guards::Guard;
use super::text::sign;
use crate::commands::movement::standing::Moved;
use crate::report::identity::hex;

/// How many digits an id has: one line in a few thousand shares its id with another.
const DIGITS: usize = 6;

/// Returns the id of a change of access.
pub(super) fn of_change(change: &Change) -> String {
    let callers = change.callers.iter().map(|party| format!("{:?} {}", party.cluster, party.name));
    let targets = change.targets.iter().map(|it| format!("{} {} {} {}", it.cluster, it.workload, it.port, it.is_other));
    let words =
        change.gains.iter().map(|words| format!("+{words}")).chain(change.loses.iter().map(|it| format!("-{it}")));
    let parts = std::iter::once(sign(change.kind()).to_owned()).chain(callers).chain(targets).chain(words);
    id("a", parts)
}

/// Returns the id of what moves for attackers.
pub(super) fn of_moved(moved: &Moved) -> String {
    id("m", [moved.sign().to_owned(), moved.what.clone()].into_iter())
}

/// Returns the id of what becomes of a guard rail.
pub(super) fn of_guard(guard: &Guard) -> String {
    id("g", [guard.sign, &guard.path, &guard.what].into_iter().map(str::to_owned))
}

fn id(letter: &str, parts: impl Iterator<Item = String>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let digits: String = hex(&hash.finalize()).chars().take(DIGITS).collect();
    format!("{letter}-{digits}")
}
