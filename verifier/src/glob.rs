//! Sets of texts, as a proxy is told about them.
//!
//! In: what the translation of a policy makes of its strings. Out: [`Glob`], a regular language small enough to be read:
//! pieces that are written out and pieces that are open. It exists because every matcher of the mesh on a name, a path, a
//! host or an identity is one of these, also those that Istio writes as regular expressions.

use std::fmt;

use ringfence_compiler::requests::automaton::{Class, Step};

/// A set of texts: those that one of its alternatives fits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Glob {
    alternatives: Vec<Vec<Piece>>,
    folds_case: bool,
}

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Piece {
    /// These characters.
    Text(String),
    /// Characters of a class, at least this many.
    Run(Class, usize),
}

impl Glob {
    /// Makes the set of the texts that fit these pieces.
    #[must_use]
    pub fn new(pieces: Vec<Piece>) -> Self {
        Self::one_of(vec![pieces])
    }

    /// Makes the set of the texts that fit one of these lists of pieces.
    #[must_use]
    pub fn one_of(alternatives: Vec<Vec<Piece>>) -> Self {
        Self { alternatives, folds_case: false }
    }

    /// Makes the set of one text.
    #[must_use]
    pub fn exactly(text: impl Into<String>) -> Self {
        Self::new(vec![Piece::Text(text.into())])
    }

    /// Makes the set of what begins so.
    #[must_use]
    pub fn prefix(text: impl Into<String>) -> Self {
        Self::new(vec![Piece::Text(text.into()), Piece::Run(Class::Everything, 0)])
    }

    /// Makes the set of what ends so.
    #[must_use]
    pub fn suffix(text: impl Into<String>) -> Self {
        Self::new(vec![Piece::Run(Class::Everything, 0), Piece::Text(text.into())])
    }

    /// Makes the set of every text of at least this many characters.
    #[must_use]
    pub fn at_least(characters: usize) -> Self {
        Self::new(vec![Piece::Run(Class::Everything, characters)])
    }

    /// Makes the same set without regard to the case of ASCII letters.
    #[must_use]
    pub fn folding_case(mut self) -> Self {
        self.folds_case = true;
        for piece in self.alternatives.iter_mut().flatten() {
            if let Piece::Text(text) = piece {
                text.make_ascii_lowercase();
            }
        }
        self
    }

    /// Returns the only text of the set, where there is only one.
    #[must_use]
    pub fn only(&self) -> Option<&str> {
        match self.alternatives.as_slice() {
            [pieces] => match pieces.as_slice() {
                [Piece::Text(text)] => Some(text),
                _ => None,
            },
            _ => None,
        }
    }

    /// Returns the alternatives. Letters are compared as they are, unless the glob folds their case.
    #[must_use]
    pub fn alternatives(&self) -> &[Vec<Piece>] {
        &self.alternatives
    }

    /// Returns each alternative as an automaton reads it.
    #[must_use]
    pub fn steps(&self) -> Vec<Vec<Step>> {
        let steps = |piece: &Piece| match piece {
            Piece::Text(text) => text.chars().map(Step::One).collect(),
            Piece::Run(class, least) => {
                let mut steps = vec![Step::Of(*class); *least];
                steps.push(Step::Loop(*class));
                steps
            }
        };
        self.alternatives.iter().map(|pieces| pieces.iter().flat_map(steps).collect()).collect()
    }

    /// Tells whether `text` is in the set.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        if self.folds_case {
            let folded = text.to_ascii_lowercase();
            return self.alternatives.iter().any(|pieces| fits(pieces, &folded));
        }
        self.alternatives.iter().any(|pieces| fits(pieces, text))
    }
}

impl Piece {
    /// Returns what is written out of it: an open piece has nothing.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Run(..) => "",
        }
    }
}

/// Tells whether the text fits the pieces, trying the shortest run first.
fn fits(pieces: &[Piece], text: &str) -> bool {
    let Some((first, rest)) = pieces.split_first() else { return text.is_empty() };
    match first {
        Piece::Text(literal) => text.strip_prefix(literal.as_str()).is_some_and(|after| fits(rest, after)),
        Piece::Run(class, least) => {
            let mut taken = 0;
            let mut after = text;
            loop {
                if taken >= *least && fits(rest, after) {
                    return true;
                }
                let mut characters = after.chars();
                match characters.next() {
                    Some(character) if class.has(character) => after = characters.as_str(),
                    _ => return false,
                }
                taken += 1;
            }
        }
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, pieces) in self.alternatives.iter().enumerate() {
            if at > 0 {
                formatter.write_str("|")?;
            }
            for piece in pieces {
                match piece {
                    Piece::Text(text) => formatter.write_str(text)?,
                    Piece::Run(Class::Everything | Class::NotSlash, 0) => formatter.write_str("*")?,
                    Piece::Run(Class::Everything | Class::NotSlash, _) => formatter.write_str("+")?,
                    Piece::Run(Class::Digit, _) => formatter.write_str("{digits}")?,
                    Piece::Run(Class::Segment, _) => formatter.write_str("{*}")?,
                    Piece::Run(Class::SegmentOrSlash, _) => formatter.write_str("{**}")?,
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_pieces_take_what_their_class_has_and_at_least_as_much_as_they_must() {
        let template = Glob::new(vec![
            Piece::Text("/a/".into()),
            Piece::Run(Class::Segment, 1),
            Piece::Text("/".into()),
            Piece::Run(Class::SegmentOrSlash, 0),
            Piece::Text("/z".into()),
        ]);
        for (text, expected) in
            [("/a/b//z", true), ("/a/b/c/d/z", true), ("/a//z", false), ("/a/b/z", false), ("/a/b/[/z", false)]
        {
            assert_eq!(template.matches(text), expected, "{text}");
        }
        let cases = [
            (Glob::exactly("a"), "a", true),
            (Glob::exactly("a"), "A", false),
            (Glob::exactly("A").folding_case(), "a", true),
            (Glob::prefix("/a"), "/a", true),
            (Glob::suffix("/b"), "/a/b", true),
            (Glob::suffix("/b"), "/b/a", false),
            (Glob::at_least(1), "", false),
            (Glob::at_least(0), "", true),
        ];
        for (glob, text, expected) in cases {
            assert_eq!(glob.matches(text), expected, "{glob} {text}");
        }
    }
}
