//! Pods that no manifest shows, but that policies speak of: a repository rarely holds everything that runs.
//!
//! In: the models of both sides. Out: for each cluster callers to suppose on both, so that what a policy opens to the pods of
//! another repository is seen. Those are few: for what changed, a pod of each namespace it speaks of, with the labels it asks
//! for and without; a pod of each account that a rule names and nobody shows; and one of some other namespace.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_compiler::inventory::Labels;

use crate::istio::authorization::Source;
use crate::kubernetes::network_policy::{NetworkPolicy, PeerMatch, Rule};
use crate::kubernetes::peer::PodSelector;
use crate::kubernetes::selector::{Known, LabelSelector};
use crate::kubernetes::tier_policy::{TierPeer, TierPolicy, TierRule};
use crate::model::{Model, Stranger};
use crate::policies::Policies;
use crate::request::Identity;

/// How the names of such callers begin. Names of Kubernetes have no spaces.
const ANY: &str = "any ";

/// A namespace that nobody names.
const ELSEWHERE: &str = "elsewhere";

/// Of a selector that fits more namespaces than this, those nobody names stand for all.
const MANY: usize = 24;

/// Tells whether a caller is one of these.
pub(super) fn is_supposed(name: &str) -> bool {
    name.starts_with(ANY)
}

/// Returns the callers to suppose, by the name of the cluster.
#[must_use]
pub fn supposed(before: &[Model<'_>], after: &[Model<'_>]) -> BTreeMap<String, Vec<Stranger>> {
    let shown: BTreeSet<Identity> = before
        .iter()
        .chain(after)
        .flat_map(|model| {
            let workloads = model.workloads().filter_map(|workload| model.identity(workload));
            workloads.chain(model.strangers().iter().map(|stranger| stranger.identity.clone())).collect::<Vec<_>>()
        })
        .collect();
    let names: BTreeSet<&str> = before.iter().chain(after).map(|model| model.name()).collect();
    let of = |name: &str| {
        let one = |models: &'_ [Model<'_>]| models.iter().position(|model| model.name() == name);
        let sides: Vec<&Model<'_>> = [(before, one(before)), (after, one(after))]
            .into_iter()
            .filter_map(|(models, at)| models.get(at?))
            .collect();
        let mut supposed = pods(&sides);
        supposed.extend(accounts(&sides, &shown));
        (name.to_owned(), supposed)
    };
    names.into_iter().map(of).collect()
}

/// Pods that changed policies of the network tell apart.
fn pods(sides: &[&Model<'_>]) -> Vec<Stranger> {
    let Some(model) = sides.last() else { return Vec::new() };
    let elsewhere = || (ELSEWHERE.to_owned(), Labels::new());
    let mut seen: BTreeSet<(String, Labels)> = [elsewhere()].into();
    let mut suppose = |namespaces: Vec<String>, pods: &LabelSelector| {
        for namespace in namespaces {
            seen.extend(pods.example().map(|labels| (namespace.clone(), labels)));
            seen.insert((namespace, Labels::new()));
        }
    };
    for policy in changed(sides, |policies| &policies.network, said) {
        let own = || vec![policy.namespace.clone()];
        suppose(own(), &LabelSelector::default());
        for peer in policy.ingress.iter().flatten().flat_map(|rule| &rule.peers) {
            let PeerMatch::Pods(PodSelector { namespaces, pods }) = peer else { continue };
            suppose(namespaces.as_ref().map_or_else(own, |selector| meant(sides, selector)), pods);
        }
    }
    for policy in changed(sides, |policies| &policies.tiers, said_of_tier) {
        for peer in policy.ingress.iter().flat_map(|rule| &rule.peers) {
            let TierPeer::Pods(PodSelector { namespaces, pods }) = peer else { continue };
            suppose(meant(sides, &namespaces.clone().unwrap_or_default()), pods);
        }
    }
    let stranger = |(namespace, labels): (String, Labels)| Stranger {
        name: called(&namespace, &labels),
        identity: Identity::new(model.cluster().trust_domain(), &namespace, "default"),
        labels: Some(labels),
    };
    seen.into_iter().map(stranger).collect()
}

fn called(namespace: &str, labels: &Labels) -> String {
    let of = if namespace == ELSEWHERE { "other namespaces".to_owned() } else { namespace.to_owned() };
    let labels: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    match labels.is_empty() {
        true if namespace == ELSEWHERE => format!("{ANY}pod of {of}"),
        true => format!("{ANY}other pod of {of}"),
        false => format!("{ANY}pod of {of} with {}", labels.join(",")),
    }
}

/// Returns the namespaces that a selector may mean, and one of which nobody knows if it may mean that.
fn meant(sides: &[&Model<'_>], selector: &LabelSelector) -> Vec<String> {
    let (nothing, mut known) = (Labels::new(), BTreeSet::new());
    for inventory in sides.iter().map(|model| model.cluster().inventory) {
        let may = |name: &str, labels| {
            selector.fits(Known::of_namespace(name, labels, inventory.declared.contains(name))).may()
        };
        known.extend(
            inventory.namespaces.iter().filter(|(name, labels)| may(name, labels)).map(|(name, _)| name.clone()),
        );
    }
    let mut meant: Vec<String> = if known.len() > MANY { Vec::new() } else { known.into_iter().collect() };
    // Of a namespace without a manifest nobody knows more labels than its name.
    meant.extend(selector.example().and_then(|labels| labels.get("kubernetes.io/metadata.name").cloned()));
    if selector.fits(Known::of_namespace(ELSEWHERE, &nothing, false)).may() {
        meant.push(ELSEWHERE.to_owned());
    }
    meant
}

/// Puts into one line what a NetworkPolicy says, wherever it is written.
fn said(policy: &NetworkPolicy) -> String {
    let rules = |rules: &Option<Vec<Rule>>| {
        let rules = rules.as_ref()?.iter().map(|rule| format!("{:?}{:?}", rule.ports, rule.peers));
        Some(rules.collect::<Vec<_>>())
    };
    let (ingress, egress) = (rules(&policy.ingress), rules(&policy.egress));
    format!("{} {} {:?} {ingress:?} {egress:?}", policy.namespace, policy.name, policy.pods)
}

/// Puts into one line what a policy of a tier says.
fn said_of_tier(policy: &TierPolicy) -> String {
    let rules = |rules: &[TierRule]| {
        let rules = rules.iter().map(|rule| format!("{:?}{:?}{:?}", rule.action, rule.ports, rule.peers));
        rules.collect::<Vec<_>>()
    };
    let (ingress, egress) = (rules(&policy.ingress), rules(&policy.egress));
    let rank = (policy.kind, policy.tier, policy.priority);
    format!("{rank:?} {} {:?} {ingress:?} {egress:?}", policy.name, policy.subject)
}

/// Returns the policies that are on one side only, or otherwise on the other.
fn changed<'a, P>(
    sides: &[&Model<'a>],
    list: impl Fn(&'a Policies) -> &'a Vec<P>,
    said: impl Fn(&P) -> String,
) -> Vec<&'a P> {
    let of = |model: &&Model<'a>| -> BTreeMap<String, &'a P> {
        list(model.policies()).iter().map(|policy| (said(policy), policy)).collect()
    };
    let sides: Vec<_> = sides.iter().map(of).collect();
    let [one, other] = sides.as_slice() else { return Vec::new() };
    let alone = |ours: &BTreeMap<String, &'a P>, theirs: &BTreeMap<String, &'a P>| {
        ours.iter().filter(|(said, _)| !theirs.contains_key(*said)).map(|(_, policy)| *policy).collect::<Vec<_>>()
    };
    [alone(one, other), alone(other, one)].concat()
}

/// Accounts that rules name, and nobody in the mesh can show.
fn accounts(sides: &[&Model<'_>], shown: &BTreeSet<Identity>) -> Vec<Stranger> {
    let Some(model) = sides.last() else { return Vec::new() };
    let mut named: BTreeSet<(String, String)> = BTreeSet::new();
    for policy in sides.iter().flat_map(|model| &model.policies().authorization) {
        for source in policy.rules.iter().flat_map(|rule| &rule.sources) {
            named.extend(names(source, &policy.namespace));
        }
    }
    let is_shown = |namespace: &str, account: &str| {
        shown
            .iter()
            .any(|identity| identity.namespace == namespace && (account == "*" || identity.service_account == account))
    };
    let unknown = named.into_iter().filter(|(namespace, account)| !is_shown(namespace, account));
    let stranger = |(namespace, account): (String, String)| {
        let (name, account) = match account.as_str() {
            "*" => (format!("{ANY}pod as an account of {namespace}"), "default"),
            _ => (format!("{ANY}pod as {namespace}/{account}"), account.as_str()),
        };
        Stranger { name, identity: Identity::new(model.cluster().trust_domain(), &namespace, account), labels: None }
    };
    unknown.map(stranger).collect()
}

/// Returns the accounts that a source names; a star for any of a namespace.
fn names(source: &Source, home: &str) -> Vec<(String, String)> {
    let mut named = Vec::new();
    let plain = |text: &str| !text.contains('*') && !text.is_empty();
    let both = |values: &crate::istio::authorization::Values| -> Vec<String> {
        values.values.iter().chain(&values.not_values).cloned().collect()
    };
    for principal in both(&source.principals) {
        if let [_, "ns", namespace, "sa", account] = principal.split('/').collect::<Vec<_>>().as_slice()
            && plain(namespace)
        {
            named.push(((*namespace).to_owned(), if plain(account) { (*account).to_owned() } else { "*".to_owned() }));
        }
    }
    named.extend(both(&source.namespaces).into_iter().filter(|name| plain(name)).map(|name| (name, "*".to_owned())));
    for account in both(&source.service_accounts) {
        let (namespace, name) = account.split_once('/').unwrap_or((home, &account));
        named.push((namespace.to_owned(), name.to_owned()));
    }
    named
}
