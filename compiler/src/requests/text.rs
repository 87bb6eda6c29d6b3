//! Sets of texts, as Istio matches strings, and of hosts, which fold case.
//!
//! In: the text of a pattern. Out: [`TextPattern`] and [`HostPattern`], or a [`PatternError`] that says why the text is
//! not a pattern here. The source of the meaning is istio/istio `pilot/pkg/security/authz/matcher/string.go`: `*` alone
//! is any text that is not empty, a leading `*` a suffix, else a trailing `*` a prefix, and *any other `*` is a literal
//! star*. Nobody who writes `/a/*/b` wants a literal star, so our language refuses it instead of passing it on.

use std::fmt;

use super::automaton::{Class, Step};
use super::field::{Meet, Pattern};

/// Why a text is not a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PatternError {
    /// It is empty; Istio refuses it too (`CheckEmptyValues`).
    Empty,
    /// A `*` stands where Istio would take it for a literal star.
    StarInside,
    /// A path that begins neither with `/` nor with `*`: no request has it.
    NotRooted,
    /// A path with `?` or `#`: the query and the fragment are no part of the path that is matched.
    Query,
    /// `*` and `{…}` in one path; Istio refuses it (`CheckValidPathTemplate`).
    MixedTemplate,
    /// Braces that are neither `{*}` nor `{**}`, or that share their segment with something else.
    BadOperator(String),
    /// An operator behind `{**}`.
    OperatorAfterRest,
    /// An empty segment in a template, which Envoy refuses, other than a last one.
    EmptySegment,
    /// A character in a template that Envoy refuses.
    BadLiteral(char),
    /// A path that no request has once the proxy has normalised it, and what it is normalised to.
    NotNormal(String, Option<String>),
    /// A character that no name of a host has.
    NoHost(char),
    /// A host with a port: ports have a field of their own.
    HostWithPort,
}

impl fmt::Display for PatternError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => formatter.write_str("a pattern cannot be empty"),
            Self::StarInside => formatter.write_str(
                "`*` is a wildcard only alone, as the first or as the last character; elsewhere the mesh would look for a \
                 literal star",
            ),
            Self::NotRooted => formatter.write_str("a path begins with `/`; no request could match this"),
            Self::Query => formatter.write_str("the query and the fragment are not part of the path that is matched"),
            Self::MixedTemplate => formatter.write_str("a path with `{*}` or `{**}` cannot use `*` as well"),
            Self::BadOperator(segment) => {
                write!(formatter, "`{segment}` is not a segment of a path: only `{{*}}` and `{{**}}`, alone, are wildcards")
            }
            Self::OperatorAfterRest => formatter.write_str("`{**}` must be the last wildcard of a path"),
            Self::EmptySegment => formatter.write_str("a path with `{*}` or `{**}` cannot have empty segments"),
            Self::BadLiteral(character) => {
                write!(formatter, "`{character}` cannot be used in a path with `{{*}}` or `{{**}}`")
            }
            Self::NotNormal(text, normal) => {
                write!(formatter, "no path is like `{text}` when rules are compared: the proxy normalises it before")?;
                normal.iter().try_for_each(|normal| write!(formatter, ", to `{normal}`"))
            }
            Self::NoHost(character) => write!(
                formatter,
                "a host has no `{}`: it is a name or an address, without scheme and path",
                character.escape_debug()
            ),
            Self::HostWithPort => {
                formatter.write_str("a host is meant whatever the port behind it: leave out what follows the `:`")
            }
        }
    }
}

impl std::error::Error for PatternError {}

/// A set of texts. The texts in it are never empty: Istio refuses empty values.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TextPattern {
    /// `abc`: this text.
    Exact(String),
    /// `abc*`: whatever begins so, also `abc` itself.
    Prefix(String),
    /// `*abc`: whatever ends so, also `abc` itself.
    Suffix(String),
    /// `*`: any text but the empty one. Of a header: that it is there, whatever its value
    /// (istio/istio `pilot/pkg/security/authz/matcher/header.go`).
    Present,
}

impl TextPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// When it is empty, or has a `*` that Istio would take for a literal star.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let pattern = Self::as_istio_reads(text);
        match &pattern {
            Self::Present => Ok(pattern),
            Self::Exact(text) | Self::Prefix(text) | Self::Suffix(text) if text.contains('*') => {
                Err(PatternError::StarInside)
            }
            Self::Exact(text) if text.is_empty() => Err(PatternError::Empty),
            Self::Exact(_) | Self::Prefix(_) | Self::Suffix(_) => Ok(pattern),
        }
    }

    /// Reads a text the way Istio does, which accepts everything: for manifests that we did not write.
    #[must_use]
    pub fn as_istio_reads(text: &str) -> Self {
        if text == "*" {
            Self::Present
        } else if let Some(suffix) = text.strip_prefix('*') {
            Self::Suffix(suffix.to_owned())
        } else if let Some(prefix) = text.strip_suffix('*') {
            Self::Prefix(prefix.to_owned())
        } else {
            Self::Exact(text.to_owned())
        }
    }

    /// Tells whether `text` is in the set.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == text,
            Self::Prefix(prefix) => text.starts_with(prefix.as_str()),
            Self::Suffix(suffix) => text.ends_with(suffix.as_str()),
            Self::Present => !text.is_empty(),
        }
    }

    /// Tells whether a header with this value meets the pattern: as [`Self::matches`], but `*` asks only that the
    /// header be there.
    #[must_use]
    pub fn matches_header(&self, value: &str) -> bool {
        *self == Self::Present || self.matches(value)
    }

    /// Returns the pattern as the automaton reads it.
    pub(super) fn steps(&self) -> Vec<Step> {
        let literal = |text: &str| text.chars().map(Step::One).collect::<Vec<_>>();
        let anything = || vec![Step::Loop(Class::Everything)];
        match self {
            Self::Exact(exact) => literal(exact),
            Self::Prefix(prefix) => [literal(prefix), anything()].concat(),
            Self::Suffix(suffix) => [anything(), literal(suffix)].concat(),
            Self::Present => vec![Step::Of(Class::Everything), Step::Loop(Class::Everything)],
        }
    }

    /// Returns the pattern of a header value as the automaton reads it.
    pub(super) fn header_steps(&self) -> Vec<Step> {
        if *self == Self::Present { vec![Step::Loop(Class::Everything)] } else { self.steps() }
    }
}

impl fmt::Display for TextPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(exact) => formatter.write_str(exact),
            Self::Prefix(prefix) => write!(formatter, "{prefix}*"),
            Self::Suffix(suffix) => write!(formatter, "*{suffix}"),
            Self::Present => formatter.write_str("*"),
        }
    }
}

impl Pattern for TextPattern {
    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::Exact(theirs)) => self.matches(theirs),
            (Self::Prefix(ours), Self::Prefix(theirs)) => theirs.starts_with(ours.as_str()),
            (Self::Suffix(ours), Self::Suffix(theirs)) => theirs.ends_with(ours.as_str()),
            (Self::Present, Self::Prefix(theirs) | Self::Suffix(theirs)) => !theirs.is_empty(),
            (Self::Present, Self::Present) => true,
            (Self::Prefix(ours) | Self::Suffix(ours), _) => ours.is_empty(),
            (Self::Exact(_), _) => false,
        }
    }

    fn meet(&self, other: &Self) -> Meet<Self> {
        if other.covers(self) {
            return Meet::Pattern(self.clone());
        }
        if self.covers(other) {
            return Meet::Pattern(other.clone());
        }
        match (self, other) {
            // `/a*` and `*z` always share `/a…z`, and never only one text.
            (Self::Prefix(_), Self::Suffix(_)) | (Self::Suffix(_), Self::Prefix(_)) => Meet::Inexpressible,
            _ => Meet::Nothing,
        }
    }
}

/// A set of hosts. Hosts are compared without regard to case (`HostMatcher` in `header.go`), so patterns are kept in
/// lower case.
///
/// A host is the name a request asks for, whatever port the client wrote behind it. Istio compares the whole header:
/// [`HostPattern::istio_hosts`] says what to write there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostPattern(TextPattern);

impl HostPattern {
    /// Makes a pattern of a text pattern, folding its case.
    #[must_use]
    pub fn new(pattern: &TextPattern) -> Self {
        Self(match pattern {
            TextPattern::Exact(exact) => TextPattern::Exact(exact.to_ascii_lowercase()),
            TextPattern::Prefix(prefix) => TextPattern::Prefix(prefix.to_ascii_lowercase()),
            TextPattern::Suffix(suffix) => TextPattern::Suffix(suffix.to_ascii_lowercase()),
            TextPattern::Present => TextPattern::Present,
        })
    }

    /// Reads a pattern: `api.example`, `api.*`, `*.example`, `[2001:db8::1]`.
    ///
    /// # Errors
    /// As [`TextPattern::parse`], and when no host is like that.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let pattern = TextPattern::parse(text)?;
        let is_address =
            |inner: &str| !inner.is_empty() && inner.chars().all(|c| c.is_ascii_hexdigit() || c == ':' || c == '.');
        if !text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).is_some_and(is_address) {
            let named = |c: char| c.is_ascii_alphanumeric() || "._-*".contains(c);
            match text.chars().find(|c| !named(*c)) {
                None => {}
                Some(':') => return Err(PatternError::HostWithPort),
                Some(other) => return Err(PatternError::NoHost(other)),
            }
        }
        Ok(Self::new(&pattern))
    }

    /// Returns the pattern of the lower-cased text.
    #[must_use]
    pub fn text(&self) -> &TextPattern {
        &self.0
    }

    /// Tells whether a request that asks for `host`, perhaps with a port, is in the set.
    #[must_use]
    pub fn matches(&self, host: &str) -> bool {
        self.0.matches(without_port(&host.to_ascii_lowercase()))
    }

    /// Returns the patterns that Istio compares with the whole `Host` header, port included.
    ///
    /// They say the same as this one where [`Self::is_exact_in_istio`] holds, and less where not.
    #[must_use]
    pub fn istio_hosts(&self) -> Vec<String> {
        match &self.0 {
            TextPattern::Exact(name) => vec![name.clone(), format!("{name}:*")],
            pattern => vec![pattern.to_string()],
        }
    }

    /// Tells whether Istio can say this set. A text that begins with `*` ends where the name does, and no pattern adds a
    /// port to it.
    #[must_use]
    pub fn is_exact_in_istio(&self) -> bool {
        !matches!(self.0, TextPattern::Suffix(_))
    }
}

/// Returns the name a `Host` header asks for.
fn without_port(host: &str) -> &str {
    let address = host.find(']').filter(|_| host.starts_with('[')).unwrap_or(0);
    let port = host.get(address..).and_then(|rest| rest.find(':')).map(|at| address + at);
    port.and_then(|port| host.get(..port)).unwrap_or(host)
}

impl fmt::Display for HostPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl Pattern for HostPattern {
    fn covers(&self, other: &Self) -> bool {
        self.0.covers(&other.0)
    }

    fn meet(&self, other: &Self) -> Meet<Self> {
        match self.0.meet(&other.0) {
            Meet::Nothing => Meet::Nothing,
            Meet::Pattern(pattern) => Meet::Pattern(Self(pattern)),
            Meet::Inexpressible => Meet::Inexpressible,
        }
    }
}
