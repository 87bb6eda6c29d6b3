//! What a line of a difference is called.
//!
//! In: what it says. Out: a short id, the same in text, tables, SARIF and annotations, and from run to run as long as the line
//! says the same.

use std::fmt;

use ringfence_verifier::difference::Change;
use sha2::{Digest as _, Sha256};

use super::guards::Guard;
use super::text::sign;
use super::unseen::Unseen;
use crate::commands::movement::standing::Moved;
use crate::report::identity::hex;

/// How many digits an id has.
const DIGITS: usize = 16;
/// How many of them people are shown: one line in a few thousand shares them with another.
const SHOWN: usize = 6;

/// An id.
pub(super) struct Id {
    letter: &'static str,
    digits: String,
}

/// Returns the id of a change of access.
pub(super) fn of_change(change: &Change) -> Id {
    let callers = change.callers.iter().map(|party| format!("{:?} {}", party.cluster, party.name));
    let targets = change.targets.iter().map(|it| format!("{} {} {} {}", it.cluster, it.workload, it.port, it.is_other));
    let words =
        change.gains.iter().map(|words| format!("+{words}")).chain(change.loses.iter().map(|it| format!("-{it}")));
    let parts = std::iter::once(sign(change.kind()).to_owned()).chain(callers).chain(targets).chain(words);
    id("a", parts)
}

/// Returns the id of what moves for attackers.
pub(super) fn of_moved(moved: &Moved) -> Id {
    id("m", [moved.sign().to_owned(), moved.what.clone()].into_iter())
}

/// Returns the id of what may open something that is not seen.
pub(super) fn of_unseen(unseen: &Unseen) -> Id {
    id("u", std::iter::once(unseen.what.clone()))
}

/// Returns the id of what becomes of a guard rail.
pub(super) fn of_guard(guard: &Guard) -> Id {
    id("g", [guard.sign, &guard.path, &guard.what].into_iter().map(str::to_owned))
}

fn id(letter: &'static str, parts: impl Iterator<Item = String>) -> Id {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    Id { letter, digits: hex(&hash.finalize()).chars().take(DIGITS).collect() }
}

impl Id {
    /// Returns all of it, for programs by which one line hides another of the same name.
    pub fn whole(&self) -> String {
        format!("{}-{}", self.letter, self.digits)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.letter, self.digits.get(..SHOWN).unwrap_or(&self.digits))
    }
}
