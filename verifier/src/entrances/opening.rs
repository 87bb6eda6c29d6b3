//! What a listener lets in: the requests that one match leads to one backend.
//!
//! In: what a route says, and who is behind its backend. Out: [`Opening`], with what people read of it.

use ringfence_compiler::source::Span;

use super::beyond::Beyond;
use crate::engine::{Chain, Leaf};
use crate::routing::matching::Beginning;
use crate::routing::{Named, NewPath, Rewriting, Target};
use crate::words;

/// Requests that one match leads to one backend.
#[derive(Debug, Clone)]
pub struct Opening {
    /// The listener, by its position.
    pub listener: usize,
    /// The route; `None` where none is asked.
    pub route: Option<Named>,
    /// The rule: its position, and where the match was written.
    pub rule: Option<(usize, Span)>,
    /// The host it is about.
    pub host: String,
    /// What it is about beside the host, as it is written.
    pub matched: Vec<crate::engine::Test>,
    /// Exactly the requests that get here: what it is about without what rules before it take.
    pub requests: Chain<()>,
    /// How requests are changed.
    pub rewriting: Rewriting,
    /// What of the path the match names.
    pub beginning: Beginning,
    /// Who gets them.
    pub target: Target,
    /// The port of the target that is called.
    pub port: Option<u16>,
    /// Whether it gets copies.
    pub mirrors: bool,
    /// The workloads behind, by their position in the inventory, each with a port.
    pub leads: Vec<(usize, u16)>,
    /// Whether nobody knows who is behind the target: any pod may be.
    pub may_be_anybody: bool,
    /// Who is behind in other clusters.
    pub beyond: Vec<Beyond>,
    /// Why nobody knows whether requests get there, or as whom.
    pub doubt: Option<String>,
    /// Whether its host is of another listener, and the handshake names this one.
    pub mistaken: bool,
    /// Why nothing gets there.
    pub shut: Option<String>,
}

impl Opening {
    /// Says what it is about, in words: `api.example GET /v1/*`.
    #[must_use]
    pub fn words(&self) -> String {
        let mut words = vec![self.host.clone()];
        let any_path = !self.matched.iter().flat_map(|test| &test.leaves).any(|leaf| matches!(leaf, Leaf::Path(_)));
        let named = |test: &&crate::engine::Test| test.leaves.iter().any(|leaf| matches!(leaf, Leaf::ServerName(_)));
        let is_of_requests = !self.matched.iter().any(|test| named(&test));
        words.extend((any_path && is_of_requests).then(|| "*".to_owned()));
        for test in self.matched.iter().filter(|test| !named(test)) {
            let values: Vec<String> = test
                .leaves
                .iter()
                .map(|leaf| match leaf {
                    Leaf::Path(_) | Leaf::Method(_) => words::value(leaf),
                    leaf => words::condition(leaf),
                })
                .collect();
            words.push(format!("{}{}", if test.negated { "not " } else { "" }, values.join(" or ")));
        }
        words.extend(self.mistaken.then(|| "by the name of another listener".to_owned()));
        words.join(" ")
    }

    /// Tells whether it may be about a path.
    #[must_use]
    pub fn is_about(&self, path: &str) -> bool {
        self.matched.iter().all(|test| {
            let asks = |leaf: &Leaf| if let Leaf::Path(glob) = leaf { glob.matches(path) } else { true };
            test.negated || test.leaves.iter().any(asks)
        })
    }

    /// Returns what becomes of a path it is about; `None` where nobody can tell.
    #[must_use]
    pub fn turned(&self, path: &str) -> Option<String> {
        let (new, rest) = match (&self.rewriting.path, &self.beginning) {
            (None, _) => return Some(path.to_owned()),
            (Some(NewPath::Whole(whole)), _) | (Some(NewPath::Beginning(whole)), Beginning::Whole) => {
                return Some(whole.clone());
            }
            (Some(NewPath::Beginning(new)), Beginning::With(matched)) => (new.as_str(), path.strip_prefix(matched)?),
            (Some(NewPath::Beginning(new)), Beginning::Segments(matched)) => {
                (new.trim_end_matches('/'), path.strip_prefix(matched)?)
            }
            _ => return None,
        };
        let turned = format!("{new}{rest}");
        Some(if turned.is_empty() { "/".to_owned() } else { turned })
    }

    /// Says how requests are changed, in words; empty where they are not.
    #[must_use]
    pub fn rewritten(&self) -> String {
        let path = self.rewriting.path.as_ref().map(|path| match path {
            NewPath::Whole(path) => format!("path {path}"),
            NewPath::Beginning(path) => format!("the path begins with {path} instead"),
            NewPath::Unknown => "the path is rewritten by a regular expression".to_owned(),
        });
        let host = self.rewriting.host.as_ref().map(|host| format!("host {host}"));
        path.into_iter().chain(host).map(|change| format!(", {change}")).collect()
    }
}
