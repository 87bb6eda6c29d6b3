//! Sets of paths.
//!
//! In: the text of a path pattern. Out: [`PathPattern`]. The path matched is the normalised one without query and
//! fragment. Patterns are Istio's strings (see `text`) and its templates (see `template`).

mod normal;
mod template;

use std::fmt;

pub use self::template::{Segment, Template};
use super::automaton::{self, Step};
use super::field::{Meet, Pattern};
use super::text::{PatternError, TextPattern};

/// A set of paths.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PathPattern {
    /// `/a`, `/a/*`, `*.js`, or `*` for whatever path there is.
    Text(TextPattern),
    /// `/v1/{*}/entries/{**}`.
    Template(Template),
}

impl PathPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// When it is one that the mesh would read otherwise than it looks, or could never match.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        if text.contains(['?', '#']) {
            return Err(PatternError::Query);
        }
        let pattern = if text.contains(['{', '}']) {
            Template::parse(text)?
        } else {
            let pattern = TextPattern::parse(text)?;
            if !text.starts_with(['/', '*']) {
                return Err(PatternError::NotRooted);
            }
            Self::Text(pattern)
        };
        match normal::fault(text) {
            None => Ok(pattern),
            Some(normal) => Err(PatternError::NotNormal(text.to_owned(), normal)),
        }
    }

    /// Makes the pattern of one path.
    pub fn exact(path: impl Into<String>) -> Self {
        Self::Text(TextPattern::Exact(path.into()))
    }

    /// Makes the pattern of whatever begins so.
    pub fn prefix(prefix: impl Into<String>) -> Self {
        Self::Text(TextPattern::Prefix(prefix.into()))
    }

    /// Tells whether `path` is in the set.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        match self {
            Self::Text(text) => text.matches(path),
            Self::Template(template) => template.matches(path),
        }
    }

    /// Returns the pattern as the automaton reads it.
    pub(super) fn steps(&self) -> Vec<Step> {
        match self {
            Self::Text(text) => text.steps(),
            Self::Template(template) => template.steps(),
        }
    }

    /// Tells whether some path is in both sets.
    fn touches(&self, other: &Self) -> bool {
        automaton::atoms(&[self.steps(), other.steps()], "").iter().any(|(_, met)| met.len() == 2)
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => text.fmt(formatter),
            Self::Template(template) => template.fmt(formatter),
        }
    }
}

impl Pattern for PathPattern {
    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(ours), Self::Text(theirs)) => ours.covers(theirs),
            (Self::Template(ours), Self::Text(TextPattern::Exact(theirs))) => ours.matches(theirs),
            // A wildcard of a template does not take every character; those of a text pattern do.
            (Self::Template(_), Self::Text(_)) => false,
            (Self::Text(ours), Self::Template(theirs)) => match ours {
                TextPattern::Exact(_) => false,
                TextPattern::Prefix(prefix) => theirs.head().starts_with(prefix.as_str()),
                TextPattern::Suffix(suffix) => theirs.tail().ends_with(suffix.as_str()),
                TextPattern::Present => true,
            },
            (Self::Template(ours), Self::Template(theirs)) => {
                ours == theirs || {
                    let steps = [ours.steps(), theirs.steps()];
                    !automaton::atoms(&steps, "").iter().any(|(_, met)| met.as_slice() == [1])
                }
            }
        }
    }

    fn meet(&self, other: &Self) -> Meet<Self> {
        if other.covers(self) {
            return Meet::Pattern(self.clone());
        }
        if self.covers(other) {
            return Meet::Pattern(other.clone());
        }
        let unified = match (self, other) {
            (Self::Text(ours), Self::Text(theirs)) => {
                return match ours.meet(theirs) {
                    Meet::Nothing => Meet::Nothing,
                    Meet::Pattern(pattern) => Meet::Pattern(Self::Text(pattern)),
                    Meet::Inexpressible => Meet::Inexpressible,
                };
            }
            (Self::Template(template), Self::Text(TextPattern::Prefix(prefix)))
            | (Self::Text(TextPattern::Prefix(prefix)), Self::Template(template)) => template.below(prefix),
            (Self::Template(ours), Self::Template(theirs)) => ours.unify(theirs),
            _ => None,
        };
        match unified {
            Some(pattern) => Meet::Pattern(pattern),
            None if self.touches(other) => Meet::Inexpressible,
            None => Meet::Nothing,
        }
    }
}
