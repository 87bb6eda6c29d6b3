//! Patterns of the policy language as sets of texts.
//!
//! In: a pattern. Out: a [`Glob`] of exactly the texts that the language says it means.

use ringfence_compiler::requests::automaton::Class;
use ringfence_compiler::requests::{HostPattern, IdentityPattern, Part, PathPattern, Segment, TextPattern};

use crate::glob::{Glob, Piece};

/// A text: a lone star is any but the empty one.
pub(super) fn text(pattern: &TextPattern) -> Glob {
    match pattern {
        TextPattern::Present => Glob::at_least(1),
        other => header(other),
    }
}

/// The value of a header: a lone star asks only that the header be there.
pub(super) fn header(pattern: &TextPattern) -> Glob {
    match pattern {
        TextPattern::Exact(text) => Glob::exactly(text),
        TextPattern::Prefix(text) => Glob::prefix(text),
        TextPattern::Suffix(text) => Glob::suffix(text),
        TextPattern::Present => Glob::at_least(0),
    }
}

/// A host, with or without a port behind it. A name that is told by its end has none: the language says so, because no
/// policy of Istio could.
pub(crate) fn host(pattern: &HostPattern) -> Glob {
    let glob = match pattern.text() {
        TextPattern::Exact(name) => Glob::one_of(vec![
            vec![Piece::Text(name.clone())],
            vec![Piece::Text(format!("{name}:")), Piece::Run(Class::Everything, 0)],
        ]),
        other => header(other),
    };
    glob.folding_case()
}

/// A path.
pub(crate) fn path(pattern: &PathPattern) -> Glob {
    let template = match pattern {
        PathPattern::Text(pattern) => return text(pattern),
        PathPattern::Template(template) => template,
    };
    let mut pieces = Vec::new();
    for segment in template.segments() {
        pieces.push(Piece::Text("/".to_owned()));
        pieces.push(match segment {
            Segment::Literal(text) => Piece::Text(text.clone()),
            Segment::One => Piece::Run(Class::Segment, 1),
            Segment::Rest => Piece::Run(Class::SegmentOrSlash, 0),
        });
    }
    Glob::new(pieces)
}

/// Identities, once for each trust domain that counts as the same.
pub(super) fn identity(pattern: &IdentityPattern, trust_domains: &[String]) -> Vec<Glob> {
    let written = &pattern.trust_domain;
    let same = |domain: &String| domain == "cluster.local" || trust_domains.contains(domain);
    let domains = match written {
        Part::Exactly(domain) if same(domain) => trust_domains.iter().cloned().map(Part::Exactly).collect(),
        other => vec![other.clone()],
    };
    let of_domain = |domain: Part| {
        let mut pieces = vec![Piece::Text("spiffe://".to_owned())];
        for (part, after) in [(&domain, "/ns/"), (&pattern.namespace, "/sa/"), (&pattern.service_account, "")] {
            match part {
                Part::Any => pieces.push(Piece::Run(Class::NotSlash, 1)),
                Part::Exactly(text) => pieces.push(Piece::Text(text.clone())),
                Part::Prefix(text) => {
                    pieces.push(Piece::Text(text.clone()));
                    pieces.push(Piece::Run(Class::NotSlash, usize::from(text.is_empty())));
                }
            }
            pieces.push(Piece::Text(after.to_owned()));
        }
        Glob::new(pieces)
    };
    domains.into_iter().map(of_domain).collect()
}
