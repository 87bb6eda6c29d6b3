//! Path templates: whole segments that may be anything.
//!
//! In: `/v1/{*}/entries/{**}`. Out: [`Template`]. `{*}` is one segment of at least one character; `{**}`, the last
//! wildcard of a path, is any text, slashes included, also none. Both take only the characters of
//! [`is_segment_character`].
//!
//! `/a/{**}` therefore matches `/a/` and `/a/b/c` and `/a//b`, and does not match `/a` (istio/istio
//! `tests/integration/security/authz_test.go`). For `/a/` there is no test in Istio; Envoy makes of the template the
//! regular expression `/a/[…/]*`, which takes it, and Envoy 1.40 was seen to. The documentation of Istio speaks of "zero
//! or more segments", which fits both.

use std::fmt;

use super::super::automaton::{Class, Step, is_segment_character};
use super::super::text::PatternError;
use super::PathPattern;

/// One segment of a template.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment {
    /// This text; empty only as the last segment, where the path ends with a slash.
    Literal(String),
    /// `{*}`.
    One,
    /// `{**}`.
    Rest,
}

impl fmt::Display for Segment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(text) => formatter.write_str(text),
            Self::One => formatter.write_str("{*}"),
            Self::Rest => formatter.write_str("{**}"),
        }
    }
}

/// A path with at least one wildcard segment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Template {
    segments: Vec<Segment>,
}

impl fmt::Display for Template {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.segments.iter().try_for_each(|segment| write!(formatter, "/{segment}"))
    }
}

impl Template {
    /// Reads a template, which has braces.
    pub(super) fn parse(text: &str) -> Result<PathPattern, PatternError> {
        let inner = text.strip_prefix('/').ok_or(PatternError::NotRooted)?;
        let mut segments = Vec::new();
        let mut written = inner.split('/').peekable();
        while let Some(segment) = written.next() {
            let last = written.peek().is_none();
            let segment = match segment {
                "{*}" => Segment::One,
                "{**}" => Segment::Rest,
                "" if !last => return Err(PatternError::EmptySegment),
                braces if braces.contains(['{', '}']) => return Err(PatternError::BadOperator(braces.to_owned())),
                star if star.contains('*') => return Err(PatternError::MixedTemplate),
                literal => match literal.chars().find(|character| !is_segment_character(*character)) {
                    Some(character) => return Err(PatternError::BadLiteral(character)),
                    None => Segment::Literal(literal.to_owned()),
                },
            };
            if segments.contains(&Segment::Rest) && !matches!(segment, Segment::Literal(_)) {
                return Err(PatternError::OperatorAfterRest);
            }
            segments.push(segment);
        }
        Ok(Self::of(segments))
    }

    /// Makes a template, or an exact path where no segment is a wildcard.
    fn of(segments: Vec<Segment>) -> PathPattern {
        let template = Self { segments };
        if template.segments.iter().all(|segment| matches!(segment, Segment::Literal(_))) {
            PathPattern::exact(template.to_string())
        } else {
            PathPattern::Template(template)
        }
    }

    /// Returns the segments.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Returns the text with which every path of the template begins.
    pub(super) fn head(&self) -> String {
        let mut head = String::new();
        for segment in &self.segments {
            head.push('/');
            match segment {
                Segment::Literal(text) => head.push_str(text),
                Segment::One | Segment::Rest => break,
            }
        }
        head
    }

    /// Returns the text with which every path of the template ends.
    pub(super) fn tail(&self) -> String {
        let is_literal = |segment: &&Segment| matches!(segment, Segment::Literal(_));
        let literals = self.segments.iter().rev().take_while(is_literal).count();
        let tail = self.segments.iter().skip(self.segments.len() - literals);
        tail.map(|segment| format!("/{segment}")).collect()
    }

    /// Tells whether `path` is in the set.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        let mut remaining = path;
        for segment in &self.segments {
            let Some(inner) = remaining.strip_prefix('/') else { return false };
            remaining = match segment {
                Segment::Literal(text) => match inner.strip_prefix(text.as_str()) {
                    Some(after) => after,
                    None => return false,
                },
                Segment::One => {
                    // A slash is not a segment character, so nothing shorter could fit what follows.
                    let after = inner.trim_start_matches(is_segment_character);
                    if after.len() == inner.len() {
                        return false;
                    }
                    after
                }
                Segment::Rest => {
                    // Only literals follow.
                    return inner
                        .strip_suffix(self.tail().as_str())
                        .is_some_and(|rest| rest.chars().all(|character| Class::SegmentOrSlash.has(character)));
                }
            };
        }
        remaining.is_empty()
    }

    /// Returns the template as the automaton reads it.
    pub(super) fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        for segment in &self.segments {
            steps.push(Step::One('/'));
            match segment {
                Segment::Literal(text) => steps.extend(text.chars().map(Step::One)),
                Segment::One => steps.extend([Step::Of(Class::Segment), Step::Loop(Class::Segment)]),
                Segment::Rest => steps.push(Step::Loop(Class::SegmentOrSlash)),
            }
        }
        steps
    }

    /// Returns the paths of both templates as one pattern, or `None` where there are none or no pattern says them.
    pub(super) fn unify(&self, other: &Self) -> Option<PathPattern> {
        let (mut ours, mut theirs) = (self.segments.as_slice(), other.segments.as_slice());
        let mut unified = Vec::new();
        loop {
            let (left, right) = match (ours.split_first(), theirs.split_first()) {
                (None, None) => return Some(Self::of(unified)),
                (Some((left, after_left)), Some((right, after_right))) => {
                    // A `{**}` that ends its template takes whatever segments the other one asks for.
                    if *left == Segment::Rest && after_left.is_empty() {
                        unified.extend_from_slice(theirs);
                        return Some(Self::of(unified));
                    }
                    if *right == Segment::Rest && after_right.is_empty() {
                        unified.extend_from_slice(ours);
                        return Some(Self::of(unified));
                    }
                    (ours, theirs) = (after_left, after_right);
                    (left, right)
                }
                _ => return None,
            };
            match (left, right) {
                (Segment::Rest, _) | (_, Segment::Rest) => return None,
                (Segment::One, Segment::Literal(text)) | (Segment::Literal(text), Segment::One) if text.is_empty() => {
                    return None;
                }
                (Segment::One, segment) | (segment, Segment::One) => unified.push(segment.clone()),
                (Segment::Literal(left), Segment::Literal(right)) if left == right => {
                    unified.push(Segment::Literal(left.clone()));
                }
                (Segment::Literal(_), Segment::Literal(_)) => return None,
            }
        }
    }

    /// Returns the paths of the template that begin with `prefix` as one pattern, or `None` where there are none or no
    /// pattern says them. Only a prefix of whole segments, as `/a/b/`, can be said.
    pub(super) fn below(&self, prefix: &str) -> Option<PathPattern> {
        let inner = prefix.strip_prefix('/')?.strip_suffix('/')?;
        let mut below = Vec::new();
        let mut segments = self.segments.as_slice();
        for wanted in inner.split('/') {
            if wanted.is_empty() || !wanted.chars().all(is_segment_character) {
                return None;
            }
            match segments.split_first()? {
                (Segment::Literal(text), after) if text == wanted => segments = after,
                (Segment::One, after) => segments = after,
                // A `{**}` that ends the template stays behind the prefix.
                (Segment::Rest, []) => {}
                _ => return None,
            }
            below.push(Segment::Literal(wanted.to_owned()));
        }
        if segments.is_empty() {
            return None;
        }
        below.extend_from_slice(segments);
        Some(Self::of(below))
    }
}
