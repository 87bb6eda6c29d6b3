//! All requests at once: the same verdicts as one by one, exactly, with a witness for each answer.
//!
//! In: chains of tests and what can arrive at all. Out: [`Space`], in which every test is a set of atoms, and [`Verdict`],
//! which answers questions by boxes of them. An atom is a class of values that no test at hand tells apart; atoms are made
//! for one question, never for the whole mesh, because their product would be.

mod atoms;
mod dimension;
mod locate;
mod parts;
mod several;
mod space;
mod verdict;

pub use self::dimension::{Attribute, Value};
pub(crate) use self::parts::{Part, outside};
pub use self::space::{Arrivals, Space};
pub(crate) use self::verdict::areas;
pub use self::verdict::{Certainty, Verdict};

#[cfg(test)]
mod tests;
