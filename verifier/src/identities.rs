//! Every identity of the mesh, sorted, so that what a rule says of peers is a few intervals.
//!
//! In: identities. Out: [`Identities`], which answers which of them a [`Glob`] means. Sorted as text, a whole identity, a
//! trust domain, and a namespace within one are an interval each; what begins openly (`*/sa/web`) is looked for everywhere.

use std::collections::BTreeMap;
use std::ops::Range;

use ringfence_compiler::requests::automaton::Class;

use crate::glob::{Glob, Piece};
use crate::intervals::Intervals;
use crate::request::Identity;

/// The part of a URI before its namespace.
const NAMESPACE: &str = "/ns/";

/// A sorted table of identities.
#[derive(Debug, Default)]
pub struct Identities {
    list: Vec<Identity>,
    /// As certificates carry them, in the same order.
    uris: Vec<String>,
    /// The positions of each namespace, in every trust domain that has it.
    namespaces: BTreeMap<String, Vec<Range<u32>>>,
}

impl Identities {
    /// Makes the table of these identities.
    #[must_use]
    pub fn of(identities: impl IntoIterator<Item = Identity>) -> Self {
        let mut told: Vec<(String, Identity)> =
            identities.into_iter().map(|identity| (format!("spiffe://{identity}"), identity)).collect();
        told.sort_by(|(one, _), (other, _)| one.cmp(other));
        told.dedup_by(|(one, _), (other, _)| one == other);
        let mut namespaces: BTreeMap<String, Vec<Range<u32>>> = BTreeMap::new();
        for (at, (_, identity)) in (0..).zip(&told) {
            let here = namespaces.entry(identity.namespace.clone()).or_default();
            match here.last_mut() {
                Some(last) if last.end == at => last.end = at + 1,
                _ => here.push(at..at + 1),
            }
        }
        let (uris, list) = told.into_iter().unzip();
        Self { list, uris, namespaces }
    }

    /// Returns the identities, in order.
    #[must_use]
    pub fn list(&self) -> &[Identity] {
        &self.list
    }

    /// Returns the position of an identity.
    #[must_use]
    pub fn position(&self, identity: &Identity) -> Option<u32> {
        let uri = format!("spiffe://{identity}");
        u32::try_from(self.uris.binary_search(&uri).ok()?).ok()
    }

    /// Returns an identity as certificates carry it.
    #[must_use]
    pub fn uri(&self, position: u32) -> Option<&str> {
        self.uris.get(position as usize).map(String::as_str)
    }

    /// Returns all of them.
    #[must_use]
    pub fn all(&self) -> Intervals {
        Intervals::range(0..u32::try_from(self.list.len()).unwrap_or(u32::MAX))
    }

    /// Returns those that a glob means.
    #[must_use]
    pub fn matching(&self, glob: &Glob) -> Intervals {
        let found = glob.alternatives().iter().flat_map(|pieces| {
            let (candidates, all) = self.candidates(pieces);
            if all { candidates } else { self.filtered(&candidates, glob) }
        });
        Intervals::of(found.collect())
    }

    /// Returns positions outside which nothing fits these pieces, and whether everything inside does.
    fn candidates(&self, pieces: &[Piece]) -> (Vec<Range<u32>>, bool) {
        let is_text = |piece: &&Piece| matches!(piece, Piece::Text(_));
        let open = pieces.iter().take_while(|piece| !is_text(piece)).count();
        let rest = pieces.get(open..).unwrap_or_default();
        let literals = rest.iter().take_while(is_text).count();
        let text: String = rest.iter().take(literals).map(Piece::text).collect();
        let tail = rest.get(literals..).unwrap_or_default();
        let ends_openly = tail.is_empty() || matches!(tail, [Piece::Run(Class::Everything, 0)]);
        if open == 0 {
            let start = self.uris.partition_point(|uri| uri.as_str() < text.as_str());
            let begins = |uris: &[String]| uris.partition_point(|uri| uri.starts_with(&text));
            let length = if tail.is_empty() {
                usize::from(self.uris.get(start).is_some_and(|uri| *uri == text))
            } else {
                self.uris.get(start..).map_or(0, begins)
            };
            return (vec![narrow(start..start + length)], ends_openly);
        }
        if let Some((namespace, _)) = text.strip_prefix(NAMESPACE).and_then(|rest| rest.split_once('/')) {
            // A namespace called `ns` has `/ns/` twice.
            let named = [namespace, "ns"].into_iter().filter_map(|name| self.namespaces.get(name));
            return (named.flatten().cloned().collect(), false);
        }
        (self.all().ranges().to_vec(), false)
    }

    fn filtered(&self, candidates: &[Range<u32>], glob: &Glob) -> Vec<Range<u32>> {
        let fits = |at: &u32| self.uris.get(*at as usize).is_some_and(|uri| glob.matches(uri));
        candidates.iter().flat_map(Clone::clone).filter(fits).map(|at| at..at + 1).collect()
    }
}

/// A table has fewer entries than `u32` has values: there is no memory for more.
fn narrow(range: Range<usize>) -> Range<u32> {
    let narrow = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    narrow(range.start)..narrow(range.end)
}

#[cfg(test)]
mod tests {
    use ringfence_compiler::diagnostics::Diagnostics;
    use ringfence_compiler::source::{SourceFile, Sources};
    use ringfence_compiler::yaml::{self, Profile};

    use super::*;
    use crate::engine::envoy::{Mesh, Reads, chain};
    use crate::engine::{Enforced, Leaf};
    use crate::policies::Policies;

    #[test]
    fn a_glob_means_the_identities_whose_certificates_it_fits() {
        let mut identities = Vec::new();
        for domain in ["cluster.local", "old.example", "cluster.local-2"] {
            for namespace in ["ns", "shop", "shop-2", "a", "sa"] {
                for account in ["web", "db", "web-2", "ns"] {
                    identities.push(Identity::new(domain, namespace, account));
                }
            }
        }
        let table = Identities::of(identities);
        let written = [
            "from: [{source: {principals: [cluster.local/ns/shop/sa/web, 'cluster.local/*', '*/sa/web', '*', 'cluster.local/ns/sh*']}}]",
            "from: [{source: {principals: ['*/web', 'old.example/ns/a/sa/', 'nobody']}}]",
            "from: [{source: {namespaces: [shop, 'shop*', '*-2', 'sa', 'ns', '*']}}]",
            "from: [{source: {serviceAccounts: [web, a/web, ns/ns]}}]",
            "when: [{key: source.trustDomain, values: [cluster.local]}]",
        ];
        let mut asked = 0;
        for rule in written {
            let text = format!(
                "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {{name: p, namespace: shop}}\nspec: {{rules: [{{{rule}}}]}}\n"
            );
            let (mut sources, mut said) = (Sources::new(), Diagnostics::new());
            let file = sources.add(SourceFile::new("policy.yaml", text.into_bytes()));
            let mut policies = Policies::default();
            for document in yaml::read(&sources, file, Profile::Manifest, &mut said) {
                policies.add(&document.root, &mut said);
            }
            assert_eq!(policies.authorization.len(), 1, "{rule}");
            let selected: Vec<_> = policies.authorization.iter().collect();
            let mesh = Mesh { trust_domains: vec!["cluster.local".into(), "old.example".into()] };
            let chain = chain(&selected, Reads::Http, &mesh);
            for leaf in chain.rules().flat_map(Enforced::tests).flat_map(|test| &test.leaves) {
                let Leaf::Peer(glob) = leaf else { continue };
                let expected: Vec<&String> = table.uris.iter().filter(|uri| glob.matches(uri)).collect();
                let found = table.matching(glob);
                let found: Vec<&String> = found.positions().map(|at| &table.uris[at as usize]).collect();
                assert_eq!(found, expected, "{glob}");
                asked += 1;
            }
        }
        assert!(asked > 20, "{asked}");
    }
}
