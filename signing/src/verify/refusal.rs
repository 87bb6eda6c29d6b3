//! Why something signed is refused, each reason in its words.

use std::fmt;

use crate::digest::Digest;

/// Why something signed is refused.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// Nobody signed it.
    Unsigned,
    /// What should be a signature is none.
    NoBundle,
    /// The signature is by a key that is not trusted.
    OtherKey,
    /// It says it is by a trusted key, and is not: it or what it is about was changed.
    Forged {
        /// The key.
        key: Digest,
    },
    /// What is signed is no statement, or one of another kind than asked for.
    NoStatement,
    /// What is signed is something else than this.
    OtherSubject {
        /// What it is.
        signed: String,
        /// What was to be checked.
        wanted: String,
    },
    /// The list of files is not the one that was signed.
    OtherLock,
    /// A file that was signed is not there.
    Missing(String),
    /// A file is another than the one that was signed.
    Changed(String),
    /// A file is there that was not signed.
    Added(String),
    /// A blob of the artifact is missing, or not what its digest says.
    Broken(String),
    /// It has ended.
    Stale {
        /// The last day it held.
        last: String,
        /// The day it was checked.
        today: String,
    },
    /// One that was made later has been accepted already.
    Older {
        /// When this one was made; nothing where it does not say.
        made: Option<String>,
        /// When that one was.
        newest: String,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsigned => write!(f, "it is not signed"),
            Self::NoBundle => {
                write!(f, "its signature is no Sigstore bundle of version 0.3, or not in the form it is written in")
            }
            Self::OtherKey => write!(f, "it is signed by a key that is not trusted"),
            Self::Forged { key } => {
                write!(f, "its signature names the trusted key {key} and is not by it: it was changed")
            }
            Self::NoStatement => write!(f, "what is signed is not a statement about what was compiled"),
            Self::OtherSubject { signed, wanted } => write!(f, "its signature is about {signed}, not about {wanted}"),
            Self::OtherLock => write!(f, "its lock is not the one that was signed"),
            Self::Missing(path) => write!(f, "`{path}` was signed and is not there"),
            Self::Changed(path) => write!(f, "`{path}` is not as it was signed"),
            Self::Added(path) => write!(f, "`{path}` is there and was not signed"),
            Self::Broken(what) => write!(f, "{what} is missing, or not what its digest says"),
            Self::Stale { last, today } => {
                write!(f, "it held until {last}, when the first of its exceptions ended, and today is {today}")
            }
            Self::Older { made: Some(made), newest } => {
                write!(f, "it was made at {made}, and one made at {newest} has been accepted before: a rollback")
            }
            Self::Older { made: None, newest } => {
                write!(f, "it does not say when it was made, and one made at {newest} has been accepted before")
            }
        }
    }
}

impl Refusal {
    /// Returns the word that programs know it by.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Unsigned => "unsigned",
            Self::NoBundle => "no-bundle",
            Self::OtherKey => "other-key",
            Self::Forged { .. } => "forged",
            Self::NoStatement => "no-statement",
            Self::OtherSubject { .. } => "other-subject",
            Self::OtherLock => "other-lock",
            Self::Missing(_) => "missing",
            Self::Changed(_) => "changed",
            Self::Added(_) => "added",
            Self::Broken(_) => "broken",
            Self::Stale { .. } => "stale",
            Self::Older { .. } => "older",
        }
    }
}
