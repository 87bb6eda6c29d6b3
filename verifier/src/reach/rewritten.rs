//! What a test of a path means before a route has rewritten it.
//!
//! In: a set of paths, and how a route rewrites what it matched. Out: the paths that become such, exactly where that can be told.

use crate::engine::Leaf;
use crate::glob::{Glob, Piece};
use crate::residual::Resolved;
use crate::routing::NewPath;
use crate::routing::matching::Beginning;

/// Says which paths a route turns into such: exactly where it can be told, or unknown.
pub(super) fn turned_back(glob: &Glob, new: &NewPath, beginning: &Beginning) -> Resolved {
    let unknown = || Resolved::Asked(Leaf::Unknown("the path as the route rewrites it".to_owned()));
    let (with, matched) = match (new, beginning) {
        (NewPath::Whole(path), _) | (NewPath::Beginning(path), Beginning::Whole) => {
            return Resolved::Known(glob.matches(path));
        }
        (NewPath::Beginning(with), Beginning::With(matched)) => (with.as_str(), matched.as_str()),
        // A slash at the end of what replaces segments is not doubled.
        (NewPath::Beginning(with), Beginning::Segments(matched)) => (with.trim_end_matches('/'), matched.as_str()),
        _ => return unknown(),
    };
    // `/x../a` becomes `/api/../a` where `/x` becomes `/api/`, and the workload's proxy resolves that.
    if with.ends_with('/') && !matched.ends_with('/') && !matches!(beginning, Beginning::Segments(_)) {
        return unknown();
    }
    let mut alternatives = Vec::new();
    for pieces in glob.alternatives() {
        let (first, rest) = match pieces.split_first() {
            Some((Piece::Text(text), rest)) => (text.as_str(), rest),
            _ => ("", pieces.as_slice()),
        };
        let left = match (first.strip_prefix(with), with.strip_prefix(first), rest) {
            (Some(left), _, rest) => [&[Piece::Text(format!("{matched}{left}"))], rest].concat(),
            // What is open takes the rest of the beginning, and anything after it.
            (None, Some(more), [Piece::Run(class, least)]) if more.chars().all(|it| class.has(it)) => {
                let least = least.saturating_sub(more.chars().count());
                vec![Piece::Text(matched.to_owned()), Piece::Run(*class, least)]
            }
            (None, Some(_), []) | (None, None, _) => continue,
            (None, Some(_), _) => return unknown(),
        };
        alternatives.push(left);
    }
    // What is left of a whole path that is replaced by nothing is the root.
    if with.is_empty() && matches!(beginning, Beginning::Segments(_)) && glob.matches("/") {
        alternatives.push(vec![Piece::Text(matched.to_owned())]);
    }
    match alternatives.is_empty() {
        true => Resolved::Known(false),
        false => Resolved::Asked(Leaf::Path(Glob::one_of(alternatives))),
    }
}
