//! Istio's translation of AuthorizationPolicies for ztunnel, which knows of connections and reads no request.
//!
//! In: the policies that select a workload in ambient mode. Out: a [`Chain`]. Read in istio/istio
//! `pilot/pkg/serviceregistry/ambient/authorization.go` and istio/ztunnel `src/rbac.rs`. What asks for HTTP is not treated
//! alike on both sides: it takes a rule out of an ALLOW, and itself out of a DENY, where a condition of which nothing is left
//! matches nothing. No oracle runs ztunnel here; `fixtures/semantics/ambient.yaml` cites what each row was read from.

use super::envoy::{Reads, values};
use super::{Chain, Enforced, Leaf, RuleRef, Test};
use crate::glob::{Glob, Piece};
use crate::istio::authorization::{Action, AuthorizationPolicy, Operation, Rule, Source, Values};
use ringfence_compiler::requests::automaton::Class;

/// What a rule asks that depends on which Istio translates it.
const VERSION: &str = "whether this version of Istio drops a rule with `trustDomains` or passes over the field";

/// Translates the policies that select a workload. What is on trial is not handed to ztunnel (since Istio 1.26), and neither
/// are AUDIT and CUSTOM.
#[must_use]
pub fn chain<'a>(policies: &[&'a AuthorizationPolicy]) -> Chain<RuleRef<'a>> {
    let mut chain = Chain::default();
    for policy in policies.iter().filter(|policy| !policy.dry_run) {
        let enforced = policy.rules.iter().enumerate().filter_map(|(at, rule)| translate(policy, at, rule));
        match policy.action {
            Action::Allow => chain.allow.get_or_insert_default().extend(enforced),
            Action::Deny => chain.deny.extend(enforced),
            Action::Audit | Action::Custom => {}
        }
    }
    chain
}

/// Returns what a rule asks that ztunnel cannot answer, by the names of the fields.
#[must_use]
pub fn unseen(rule: &Rule) -> Vec<&str> {
    let mut unseen: Vec<&str> = Vec::new();
    let mut add = |name, values: &Values| {
        if !values.is_empty() && !unseen.contains(&name) {
            unseen.push(name);
        }
    };
    for source in &rule.sources {
        add("requestPrincipals", &source.request_principals);
        add("remoteIpBlocks", &source.remote_ip_blocks);
    }
    for operation in &rule.operations {
        add("hosts", &operation.hosts);
        add("methods", &operation.methods);
        add("paths", &operation.paths);
    }
    let keys = rule.conditions.iter().map(|condition| condition.key.as_str());
    unseen.extend(keys.filter(|key| !SEEN.contains(key)));
    unseen
}

/// The keys of `when` that are about connections (`l4WhenAttributes`); all others count as HTTP, whatever they are about.
const SEEN: &[&str] = &["source.ip", "source.namespace", "source.principal", "destination.ip", "destination.port"];

/// Translates one rule; `None` where it matches nothing.
fn translate<'a>(policy: &'a AuthorizationPolicy, at: usize, rule: &Rule) -> Option<Enforced<RuleRef<'a>>> {
    if policy.action == Action::Allow && !unseen(rule).is_empty() {
        return None;
    }
    let mut sources = clause(rule.sources.iter().map(|source| of_source(source, &policy.namespace)))?;
    let mut operations = clause(rule.operations.iter().map(of_operation))?;
    for condition in &rule.conditions {
        // Each condition is a clause by itself: one of which nothing is left holds for no connection.
        let tests = tests(&condition.key, &condition.values, &policy.namespace);
        if tests.is_empty() {
            return None;
        }
        let about = if condition.key.starts_with("source.") { &mut sources } else { &mut operations };
        about.iter_mut().for_each(|all| all.extend(tests.iter().cloned()));
    }
    let names_domains = rule.sources.iter().any(|source| !source.trust_domains.is_empty());
    if policy.action == Action::Allow && names_domains {
        let unknown = Test { leaves: vec![Leaf::Unknown(VERSION.to_owned())], negated: false };
        sources.iter_mut().for_each(|all| all.push(unknown.clone()));
    }
    let origin = RuleRef { namespace: &policy.namespace, name: &policy.name, rule: at };
    Some(Enforced { origin, sources, operations })
}

/// Puts the alternatives of a clause together. One that asks nothing is passed over, and a clause of which none is left
/// matches nothing, while one that was never written matches everything (rbac.rs: "empty clause").
fn clause(alternatives: impl ExactSizeIterator<Item = Vec<Test>>) -> Option<Vec<Vec<Test>>> {
    if alternatives.len() == 0 {
        return Some(vec![Vec::new()]);
    }
    let asking: Vec<Vec<Test>> = alternatives.filter(|tests| !tests.is_empty()).collect();
    (!asking.is_empty()).then_some(asking)
}

fn of_source(source: &Source, namespace: &str) -> Vec<Test> {
    let fields = [
        ("source.principal", &source.principals),
        ("source.namespace", &source.namespaces),
        (ACCOUNT, &source.service_accounts),
        ("source.ip", &source.ip_blocks),
    ];
    fields.into_iter().flat_map(|(key, values)| tests(key, values, namespace)).collect()
}

fn of_operation(operation: &Operation) -> Vec<Test> {
    tests("destination.port", &operation.ports, "")
}

/// The name this translation gives to an attribute that only `from` can ask about.
const ACCOUNT: &str = "serviceAccounts";

/// Translates what is asked of one attribute; a value that is none of its kind is passed over (`stringToPort`,
/// `stringToIP`), and so is an attribute of which ztunnel knows nothing.
fn tests(key: &str, values: &Values, namespace: &str) -> Vec<Test> {
    let list = |(values, negated): (&Vec<String>, bool)| {
        let mut leaves: Vec<Leaf> = values.iter().filter_map(|value| leaf(key, value, namespace)).collect();
        leaves.sort();
        leaves.dedup();
        (!leaves.is_empty()).then_some(Test { leaves, negated })
    };
    [(&values.values, false), (&values.not_values, true)].into_iter().filter_map(list).collect()
}

fn leaf(key: &str, value: &str, namespace: &str) -> Option<Leaf> {
    match key {
        "source.namespace" => Some(Leaf::Peer(of_namespace(value))),
        ACCOUNT => {
            let (namespace, account) = value.split_once('/').unwrap_or((namespace, value));
            Some(Leaf::Peer(identity(vec![text(namespace)], vec![text(account)])))
        }
        key if SEEN.contains(&key) => values::leaf(key, value, namespace, Reads::Ztunnel).ok(),
        _ => None,
    }
}

/// A namespace, whole or open at one end; any other star is a star.
fn of_namespace(value: &str) -> Glob {
    let some = |least| Piece::Run(Class::NotSlash, least);
    let pieces = if value == "*" {
        vec![some(1)]
    } else if let Some(end) = value.strip_prefix('*') {
        vec![some(0), text(end)]
    } else if let Some(start) = value.strip_suffix('*') {
        vec![text(start), some(0)]
    } else {
        vec![text(value)]
    };
    identity(pieces, vec![Piece::Run(Class::Everything, 1)])
}

/// The identities of a namespace and an account, of whatever trust domain.
fn identity(namespace: Vec<Piece>, account: Vec<Piece>) -> Glob {
    let mut pieces = vec![text("spiffe://"), Piece::Run(Class::NotSlash, 1), text("/ns/")];
    pieces.extend(namespace);
    pieces.push(text("/sa/"));
    pieces.extend(account);
    Glob::new(pieces)
}

fn text(text: &str) -> Piece {
    Piece::Text(text.to_owned())
}
