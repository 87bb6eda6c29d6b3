//! What the first line of a request asks for.
//!
//! In: a path with its query, or a whole URL. Out: [`Target`], and the host of a URL.

use super::path::{self, Normalization};

/// A path and a query, without a fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub path: String,
    /// What follows the question mark, if there is one.
    pub query: Option<String>,
}

impl Target {
    /// Reads what is asked for, with the host of a whole URL; `None` where it is neither.
    pub fn read(written: &str) -> Option<(Option<String>, Self)> {
        if written.starts_with('/') {
            return Some((None, Self::without_fragment(written)));
        }
        let (scheme, rest) = written.split_once("://")?;
        if !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
            return None;
        }
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at_checked(end)?;
        // Names and passwords in front of a host are dropped.
        let host = authority.rsplit('@').next().filter(|host| !host.is_empty())?;
        let rest = if rest.is_empty() { "/" } else { rest };
        rest.starts_with('/').then(|| (Some(host.to_owned()), Self::without_fragment(rest)))
    }

    fn without_fragment(written: &str) -> Self {
        let written = written.split('#').next().unwrap_or_default();
        match written.split_once('?') {
            None => Self { path: written.to_owned(), query: None },
            Some((path, query)) => Self { path: path.to_owned(), query: Some(query.to_owned()) },
        }
    }

    /// Brings the path into one form; the query stays as it is.
    pub fn normalized(self, normalization: Normalization) -> Option<Self> {
        Some(Self { path: path::normalized(&self.path, normalization)?, query: self.query })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_urls_are_read_and_fragments_dropped() {
        for (written, host, path, query) in [
            ("/a", None, "/a", None),
            ("/a?b=c?d", None, "/a", Some("b=c?d")),
            ("/a#b?c", None, "/a", None),
            ("/a?", None, "/a", Some("")),
            ("http://Host:80/a?b#c", Some("Host:80"), "/a", Some("b")),
            ("HTTPS://ann@host", Some("host"), "/", None),
        ] {
            let target = Target { path: path.to_owned(), query: query.map(str::to_owned) };
            assert_eq!(Target::read(written), Some((host.map(str::to_owned), target)), "{written}");
        }
        for written in ["", "a", "*", "?a", "ftp://host/", "http:///a", "http://host?a"] {
            assert_eq!(Target::read(written), None, "{written}");
        }
    }
}
