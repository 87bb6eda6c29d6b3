//! Istio's translation of AuthorizationPolicies for Envoy.
//!
//! In: the policies that select a workload, whether its port is read as HTTP, and the mesh's trust domains. Out: a [`Chain`].
//! Read in istio/istio `pilot/pkg/security/authz/{builder,model,matcher}` and `pilot/pkg/security/trustdomain`, and held
//! against both Istio's own translation and a real Envoy.

mod template;
pub(super) mod values;

use std::collections::BTreeSet;

use ringfence_compiler::spec::service::Protocol;

use super::{Chain, Enforced, Leaf, RuleRef, Test};
use crate::istio::authorization::{Action, AuthorizationPolicy, Operation, Rule, Source, Values};

/// What the translation must know of the mesh.
#[derive(Debug, Clone)]
pub struct Mesh {
    /// The trust domain and, after it, its aliases.
    pub trust_domains: Vec<String>,
}

/// What enforces policy at a port, and what it reads there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reads {
    /// An Envoy that reads HTTP.
    Http,
    /// An Envoy that forwards bytes.
    Bytes,
    /// The ztunnel of ambient mode, which forwards connections and is told otherwise than Envoy ([`super::ztunnel`]).
    Ztunnel,
}

/// What there is at every port in ambient mode.
pub const ZTUNNEL: &[Reads] = &[Reads::Ztunnel];

/// Either way of reading a port.
pub const EITHER: &[Reads] = &[Reads::Http, Reads::Bytes];

impl Reads {
    /// Returns how a proxy may read a port that speaks a protocol; either way where nobody says which.
    #[must_use]
    pub fn of(protocol: Option<Protocol>) -> &'static [Self] {
        match protocol {
            Some(protocol) if protocol.is_http() => &[Self::Http],
            Some(_) => &[Self::Bytes],
            None => EITHER,
        }
    }
}

/// Why a value becomes no test.
pub(super) enum Untold {
    /// It asks about HTTP where nobody reads HTTP.
    HttpOnly,
    /// It is no value of its attribute: an address that is none, a port out of range.
    Malformed,
    /// No such attribute.
    NoAttribute,
}

/// Translates the policies that select a workload.
#[must_use]
pub fn chain<'a>(policies: &[&'a AuthorizationPolicy], reads: Reads, mesh: &Mesh) -> Chain<RuleRef<'a>> {
    let mut chain = Chain::default();
    // A provider is asked on trial as well, and its word counts (builder.go, `buildHTTP`).
    for policy in policies.iter().filter(|policy| !policy.dry_run || policy.action == Action::Custom) {
        let enforced =
            policy.rules.iter().enumerate().filter_map(|(at, rule)| translate(policy, at, rule, reads, mesh));
        match policy.action {
            Action::Allow => chain.allow.get_or_insert_default().extend(enforced),
            Action::Deny => chain.deny.extend(enforced),
            Action::Custom => chain.custom.extend(enforced),
            Action::Audit => {}
        }
    }
    chain
}

/// Translates the CUSTOM policies among those that select a workload: they are asked before tokens are looked at.
///
/// A provider that the mesh does not know refuses what would be asked of it, and so do several at one workload
/// (`getBadCustomDenyRules`; the flag that lets them live together is off by default).
#[must_use]
pub fn gate<'a>(
    policies: &[&'a AuthorizationPolicy],
    reads: Reads,
    mesh: &Mesh,
    providers: &BTreeSet<String>,
) -> Chain<RuleRef<'a>> {
    let custom: Vec<_> = policies.iter().filter(|policy| policy.action == Action::Custom).copied().collect();
    let named: BTreeSet<_> = custom.iter().map(|policy| &policy.provider).collect();
    let known = named.into_iter().map(|name| name.as_ref().is_some_and(|name| providers.contains(name)));
    let mut gate = chain(&custom, reads, mesh);
    if known.collect::<Vec<_>>() != [true] {
        gate.deny = std::mem::take(&mut gate.custom);
    }
    gate
}

/// Returns the paths of policies that no Envoy can read. Where there are some, nothing can be said of what they select.
#[must_use]
pub fn unreadable<'a>(policies: &[&'a AuthorizationPolicy]) -> Vec<&'a str> {
    let operations = policies.iter().flat_map(|policy| &policy.rules).flat_map(|rule| &rule.operations);
    let paths = operations.flat_map(|operation| operation.paths.values.iter().chain(&operation.paths.not_values));
    paths.map(String::as_str).filter(|path| !template::is_readable(path)).collect()
}

/// Translates one rule; `None` where the proxy is not told about it.
fn translate<'a>(
    policy: &'a AuthorizationPolicy,
    at: usize,
    rule: &Rule,
    reads: Reads,
    mesh: &Mesh,
) -> Option<Enforced<RuleRef<'a>>> {
    let translator = Translator { policy, reads, mesh };
    let (mut of_peer, mut of_request) = (Vec::new(), Vec::new());
    for condition in &rule.conditions {
        let tests = translator.tests(&condition.key, &condition.values).ok()?;
        if values::is_about_the_peer(&condition.key) { of_peer.extend(tests) } else { of_request.extend(tests) }
    }
    let sources = rule.sources.iter().map(|source| translator.source(source, &of_peer));
    let sources = sources.collect::<Result<Vec<_>, _>>().ok()?;
    let operations = rule.operations.iter().map(|operation| translator.operation(operation, &of_request));
    let operations = operations.collect::<Result<Vec<_>, _>>().ok()?;
    let or_only = |lists: Vec<Vec<Test>>, base: Vec<Test>| if lists.is_empty() { vec![base] } else { lists };
    Some(Enforced {
        origin: RuleRef { namespace: &policy.namespace, name: &policy.name, rule: at },
        sources: or_only(sources, of_peer),
        operations: or_only(operations, of_request),
    })
}

/// What all values of one rule are translated with.
struct Translator<'a> {
    policy: &'a AuthorizationPolicy,
    reads: Reads,
    mesh: &'a Mesh,
}

/// A rule that is left out.
struct Dropped;

impl Translator<'_> {
    fn source(&self, source: &Source, base: &[Test]) -> Result<Vec<Test>, Dropped> {
        let fields = [
            ("source.principal", &source.principals),
            ("request.auth.principal", &source.request_principals),
            ("source.namespace", &source.namespaces),
            ("source.serviceAccount", &source.service_accounts),
            ("source.trustDomain", &source.trust_domains),
            ("source.ip", &source.ip_blocks),
            ("remote.ip", &source.remote_ip_blocks),
        ];
        self.all(&fields, base)
    }

    fn operation(&self, operation: &Operation, base: &[Test]) -> Result<Vec<Test>, Dropped> {
        let fields = [
            (values::HOST, &operation.hosts),
            (values::METHOD, &operation.methods),
            (values::PATH, &operation.paths),
            ("destination.port", &operation.ports),
        ];
        self.all(&fields, base)
    }

    fn all(&self, fields: &[(&str, &Values)], base: &[Test]) -> Result<Vec<Test>, Dropped> {
        let mut tests = base.to_vec();
        for (key, values) in fields {
            tests.extend(self.tests(key, values)?);
        }
        Ok(tests)
    }

    /// Translates what is asked of one attribute.
    ///
    /// What cannot be told to the proxy takes the whole rule with it in an ALLOW, so that less is admitted; elsewhere it is
    /// left out by itself, so that more is refused (`checkError`). An attribute that does not exist takes any rule with it.
    fn tests(&self, key: &str, values: &Values) -> Result<Vec<Test>, Dropped> {
        let mut tests = Vec::new();
        for (list, negated) in [(&values.values, false), (&values.not_values, true)] {
            let mut leaves: Vec<Leaf> = Vec::new();
            for value in self.expanded(key, list) {
                match values::leaf(key, &value, &self.policy.namespace, self.reads) {
                    Ok(leaf) => leaves.push(leaf),
                    Err(Untold::NoAttribute) => return Err(Dropped),
                    Err(Untold::HttpOnly | Untold::Malformed) if self.policy.action == Action::Allow => {
                        return Err(Dropped);
                    }
                    Err(Untold::HttpOnly | Untold::Malformed) => {}
                }
            }
            leaves.sort();
            leaves.dedup();
            if !leaves.is_empty() {
                tests.push(Test { leaves, negated });
            }
        }
        Ok(tests)
    }

    /// Writes principals and trust domains once for the trust domain and each of its aliases.
    fn expanded(&self, key: &str, values: &[String]) -> Vec<String> {
        let domains = &self.mesh.trust_domains;
        match key {
            "source.principal" => values.iter().flat_map(|value| values::with_aliases(value, domains)).collect(),
            "source.trustDomain" => values
                .iter()
                .flat_map(|value| if domains.contains(value) { domains.clone() } else { vec![value.clone()] })
                .collect(),
            _ => values.to_vec(),
        }
    }
}
