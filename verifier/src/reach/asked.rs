//! What is asked for beside the port: a set of requests.

use ipnet::IpNet;
use ringfence_compiler::requests::automaton::Class;

use crate::arrival::path::{Normalization, normalized};
use crate::engine::envoy::Reads;
use crate::engine::{Leaf, Test};
use crate::exact::Attribute;
use crate::glob::{Glob, Piece};
use crate::request::HeaderName;

/// What is asked for beside the port. A star at either end of a text stands for anything.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// The method; any when absent.
    pub method: Option<String>,
    /// The path; any when absent.
    pub path: Option<String>,
    /// The host; any when absent.
    pub host: Option<String>,
    /// Headers that are sent, each with a value.
    pub headers: Vec<(String, String)>,
    /// Whether only requests that show no accepted token are meant. A connection nobody reads shows none.
    pub without_token: bool,
    /// What else must hold of a request.
    pub besides: Vec<Test>,
    /// Where the connection comes from; anywhere when absent.
    pub address: Option<IpNet>,
}

impl Asked {
    /// Asks for any request at all.
    #[must_use]
    pub fn anything() -> Self {
        Self::default()
    }

    /// Returns what must hold of a request to be asked for. Where nobody reads HTTP, nobody can tell more than addresses.
    pub(super) fn tests(&self, reads: Reads) -> Vec<Test> {
        let one = |leaf| Test { leaves: vec![leaf], negated: false };
        let address = self.address.map(|block| one(Leaf::Address(block)));
        if reads != Reads::Http {
            let of_address = |test: &&Test| test.leaves.iter().all(|leaf| matches!(leaf, Leaf::Address(_)));
            return address.into_iter().chain(self.besides.iter().filter(of_address).cloned()).collect();
        }
        // Whatever token is accepted has an issuer.
        let issued = || Leaf::Claim(vec!["iss".to_owned()], Glob::at_least(0));
        let token = self.without_token.then(|| Test { negated: true, ..one(issued()) });
        let leaves = [
            self.method.as_deref().map(|method| Leaf::Method(Glob::exactly(method))),
            self.path_seen().map(|path| Leaf::Path(glob(&path))),
            self.host.as_deref().map(|host| Leaf::Host(glob(host).folding_case())),
        ];
        let headers = self.headers.iter().map(|(name, value)| Leaf::Header(HeaderName::new(name), glob(value)));
        leaves
            .into_iter()
            .flatten()
            .chain(headers)
            .map(one)
            .chain(address)
            .chain(token)
            .chain(self.besides.iter().cloned())
            .collect()
    }

    /// Returns the path as policies see it: without its query, and in the form into which a proxy brings it where the mesh
    /// says nothing about that. Of an open path nothing is known but what is written.
    pub(super) fn path_seen(&self) -> Option<String> {
        let path = self.path.as_deref()?;
        if path.contains('*') {
            return Some(path.to_owned());
        }
        let bare = path.split(['?', '#']).next().unwrap_or(path);
        Some(normalized(bare, Normalization::Base).unwrap_or_else(|| bare.to_owned()))
    }

    /// Returns the attributes of which many values were asked for.
    pub(super) fn open(&self) -> Vec<Attribute> {
        let open = |text: &Option<String>| text.as_ref().is_some_and(|text| text.contains('*'));
        let attributes = [(Attribute::Path, open(&self.path)), (Attribute::Host, open(&self.host))];
        attributes.into_iter().filter(|(_, open)| *open).map(|(attribute, _)| attribute).collect()
    }
}

fn glob(text: &str) -> Glob {
    match (text.strip_prefix('*'), text.strip_suffix('*')) {
        (_, Some(start)) if !start.starts_with('*') => Glob::prefix(start),
        (Some(end), None) => Glob::suffix(end),
        (Some(_), Some(_)) => {
            let inner = text.trim_matches('*');
            let any = || Piece::Run(Class::Everything, 0);
            Glob::new(vec![any(), Piece::Text(inner.to_owned()), any()])
        }
        _ => Glob::exactly(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_see_a_path_without_its_query_and_in_one_form() {
        for (asked, seen) in
            [("/a?x=1", "/a"), ("/a/../b", "/b"), ("/a\\b", "/a/b"), ("/a#b", "/a"), ("/a/*", "/a/*"), ("/a", "/a")]
        {
            let asked = Asked { path: Some(asked.to_owned()), ..Asked::anything() };
            assert_eq!(asked.path_seen().as_deref(), Some(seen), "{asked:?}");
        }
    }
}
