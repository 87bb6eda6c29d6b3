//! Random policies, as the comparison with Envoy makes them: the same generator, read into chains.

use std::collections::BTreeMap;

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::source::{SourceFile, Sources};
use ringfence_compiler::yaml::{self, Node, Profile};
use ringfence_verifier::engine::envoy::{Mesh, Reads, chain, unreadable};
use ringfence_verifier::engine::{Chain, RuleRef};
use ringfence_verifier::exact::Arrivals;
use ringfence_verifier::policies::Policies;
use serde_json::Value;

use crate::generate;
use crate::random::Random;

/// A case, read.
pub struct Case {
    policies: Policies,
    mesh: Mesh,
    reads: Reads,
}

/// Reads a manifest that is written as JSON.
pub fn node(manifest: &Value) -> Node {
    let (mut sources, mut said) = (Sources::new(), Diagnostics::new());
    let file = sources.add(SourceFile::new("a.yaml", manifest.to_string().into_bytes()));
    let mut documents = yaml::read(&sources, file, Profile::Manifest, &mut said);
    assert!(!said.has_errors(), "{manifest}: {:?}", said.sorted(&sources));
    documents.remove(0).root
}

impl Case {
    /// Makes the case of a seed.
    pub fn of(seed: u64) -> Self {
        let case = generate::case("case", false, &mut Random::new(seed));
        let (mut policies, mut said) = (Policies::default(), Diagnostics::new());
        for object in case["objects"].as_array().unwrap() {
            policies.add_unasked(&node(object), &mut said);
        }
        assert!(!said.has_errors(), "seed {seed}");
        let mesh = &case["mesh"];
        let domains = [&mesh["trustDomain"]].into_iter().chain(mesh["trustDomainAliases"].as_array().unwrap());
        Self {
            policies: policies.sorted(),
            mesh: Mesh { trust_domains: domains.map(|domain| domain.as_str().unwrap().to_owned()).collect() },
            reads: if case["protocol"] == "http" { Reads::Http } else { Reads::Bytes },
        }
    }

    /// Returns what the policies of two namespaces mean for the workload, each as a chain; `None` where no proxy can read
    /// one.
    pub fn chains(&self) -> Option<[Chain<RuleRef<'_>>; 2]> {
        let labels = BTreeMap::from([("app".to_owned(), "web".to_owned())]);
        let of = |namespace: &str| {
            let selected = self.policies.authorizing(namespace, &labels, "istio-system");
            unreadable(&selected).is_empty().then(|| chain(&selected, self.reads, &self.mesh))
        };
        Some([of("shop")?, of("bank")?])
    }

    /// Returns what can arrive.
    pub fn arrivals(&self) -> Arrivals {
        let labels = BTreeMap::from([("app".to_owned(), "web".to_owned())]);
        let tokens = self.policies.tokens_at("shop", &labels, "istio-system");
        Arrivals {
            http: self.reads == Reads::Http,
            issuers: tokens.iter().map(|rule| rule.taken()).collect(),
            ..Arrivals::anything(8080)
        }
    }
}
