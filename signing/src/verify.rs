//! What is wrong with something signed.
//!
//! In: what is there, and [`Trust`]: keys, a day, and what was accepted before. Out: what was signed, or every reason to refuse it.
//! First whose signature it is, then what that is about, then each file. Nothing is taken from what is not signed.

pub mod artifact;
pub mod folder;
mod refusal;

pub use self::refusal::Refusal;

use crate::bundle::Bundle;
use crate::dsse;
use crate::key::PublicKey;
use crate::statement::Statement;

/// What somebody who checks goes by.
#[derive(Debug, Clone)]
pub struct Trust<'a> {
    /// The keys, each of which is enough.
    pub keys: &'a [PublicKey],
    /// The day, as 2026-11-23.
    pub today: &'a str,
    /// When the newest was made that was accepted of this cluster before, as RFC 3339 has it in UTC.
    pub newest: Option<&'a str>,
}

impl Trust<'_> {
    /// Returns the statement of a bundle that one of the keys signed, and that key.
    fn opened(&self, bundle: &Bundle) -> Result<(Statement, &PublicKey), Refusal> {
        let named = |key: &&PublicKey| bundle.hint.as_ref() == Some(&key.hint());
        let Some(key) = self.keys.iter().find(|key| bundle.envelope.is_by(key)) else {
            return Err(match self.keys.iter().find(named) {
                Some(key) => Refusal::Forged { key: key.fingerprint() },
                None => Refusal::OtherKey,
            });
        };
        if bundle.envelope.kind != dsse::STATEMENT {
            return Err(Refusal::NoStatement);
        }
        Ok((Statement::read(&bundle.envelope.payload).ok_or(Refusal::NoStatement)?, key))
    }

    /// Tells whether what was made at some time, and holds until some day, may be accepted today.
    fn timely(&self, created: Option<&str>, not_after: Option<&str>) -> Vec<Refusal> {
        let mut refusals = Vec::new();
        // Days and times of one form sort as they follow each other.
        if let Some(last) = not_after.filter(|last| *last < self.today) {
            refusals.push(Refusal::Stale { last: last.to_owned(), today: self.today.to_owned() });
        }
        if let Some(newest) = self.newest.filter(|newest| created.is_none_or(|created| created < *newest)) {
            let made = created.map(str::to_owned);
            refusals.push(Refusal::Older { made, newest: newest.to_owned() });
        }
        refusals
    }
}
