//! Each gate as open as a mixture of its objects can make it.
//!
//! In: a workload under old and new policies. Out: what its proxy may be told in between, and policies of the network that let
//! through what any mixture lets through. An object is told by its namespace and name.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_compiler::inventory::Workload;
use ringfence_compiler::spec::cluster::DataPlane;

use super::super::access::Told;
use crate::engine::envoy::Reads;
use crate::engine::{Chain, Enforced, chain};
use crate::istio::authorization::AuthorizationPolicy;
use crate::istio::peer_authentication::Modes;
use crate::istio::request_authentication::JwtRule;
use crate::kubernetes::network_policy::{NetworkPolicy, Rule};
use crate::kubernetes::passage::Direction;
use crate::kubernetes::selector::{Known, LabelSelector, carry};
use crate::model::Model;
use crate::policies::Policies;

/// More objects than this that say how peers and tokens are taken at one workload, and change, are not gone through: it is not
/// known of that workload then.
const MOST: usize = 8;

/// How peers and tokens may be taken at a workload.
pub(super) type Peers = Vec<(Modes, Vec<(String, Vec<String>)>)>;

/// Returns policies of the network under which passes what any mixture lets through. What is said about the rest is the new side's.
/// Each direction is mixed by itself: the nodes at both ends of a connection need not know the same version of a policy.
pub(super) fn network(before: &Model<'_>, after: &Model<'_>) -> Policies {
    let (old, new) = (before.policies(), after.policies());
    let mut mixed = new.clone();
    mixed.network.extend(old.network.iter().cloned());
    for workload in after.workloads() {
        for direction in [Direction::Ingress, Direction::Egress] {
            let isolating = |policies: &Policies| -> Vec<String> {
                let here = policies.network.iter().filter(|it| it.namespace == workload.namespace);
                let known = Known::of_pods(&workload.labels, true);
                let about = here.filter(|it| it.rules(direction).is_some() && it.pods.fits(known).may());
                about.map(|it| it.name.clone()).collect()
            };
            let (ours, theirs) = (isolating(old), isolating(new));
            let stays = ours.iter().any(|name| theirs.contains(name));
            // Nothing is there for a moment of what isolates the pod: everything passes.
            if !(stays || ours.is_empty() && theirs.is_empty()) {
                mixed.network.push(open(workload, direction));
            }
        }
    }
    mixed.sorted()
}

/// A NetworkPolicy that lets everything pass at the pods of a workload.
fn open(workload: &Workload, direction: Direction) -> NetworkPolicy {
    let rules = || Some(vec![Rule { span: workload.span, ports: Vec::new(), peers: Vec::new() }]);
    NetworkPolicy {
        namespace: workload.namespace.clone(),
        name: String::new(),
        span: workload.span,
        source: None,
        doubtful: false,
        pods: LabelSelector::carrying(&workload.labels),
        ingress: if direction == Direction::Ingress { rules() } else { None },
        egress: if direction == Direction::Egress { rules() } else { None },
    }
}

/// Goes through the mixtures of what says how peers and tokens are taken at a workload; `None` where too much of it changes.
pub(super) fn peers(ends: [&Model<'_>; 2], workload: &Workload) -> Option<Peers> {
    let root = ends.map(|model| model.cluster().root_namespace());
    let [old, new] = ends.map(Model::policies);
    let concerns = |namespace: &str| namespace == workload.namespace || root.contains(&namespace);
    macro_rules! versions {
        ($list:ident) => {{
            let mut versions: BTreeMap<(&str, &str), [Option<_>; 2]> = BTreeMap::new();
            for (at, policies) in [old, new].into_iter().enumerate() {
                for object in policies.$list.iter().filter(|object| concerns(&object.namespace)) {
                    let entry = versions.entry((object.namespace.as_str(), object.name.as_str())).or_default();
                    if let Some(slot) = entry.get_mut(at) {
                        *slot = Some(object);
                    }
                }
            }
            versions
        }};
    }
    let (modes, tokens) = (versions!(peers), versions!(tokens));
    // Those that are the same on both sides are told so by what they say, not by where it was written.
    let is_same = |one: &dyn std::fmt::Debug, other: &dyn std::fmt::Debug| told(one) == told(other);
    // What says nothing of these pods at either end is as good new as old.
    macro_rules! moving {
        ($versions:ident) => {{
            let moving = $versions.iter().filter(|(_, [one, other])| {
                let mut versions = one.iter().chain(other);
                !is_same(one, other) && versions.any(|it| carry(&it.selector, &workload.labels).may())
            });
            moving.map(|(key, _)| *key).collect::<Vec<_>>()
        }};
    }
    let (moving_modes, moving_tokens) = (moving!(modes), moving!(tokens));
    let count = moving_modes.len() + moving_tokens.len();
    if count > MOST {
        return None;
    }
    let mut mixtures: Peers = Vec::new();
    for chosen in 0..1_usize << count {
        let is_new = |at: usize| chosen & (1 << at) != 0;
        let side = |at: Option<usize>| usize::from(at.is_none_or(is_new));
        let mut policies = Policies::default();
        for (key, ends) in &modes {
            let at = moving_modes.iter().position(|moving| moving == key);
            policies.peers.extend(ends.get(side(at)).copied().flatten().cloned());
        }
        for (key, ends) in &tokens {
            let at = moving_tokens.iter().position(|moving| moving == key).map(|at| at + moving_modes.len());
            policies.tokens.extend(ends.get(side(at)).copied().flatten().cloned());
        }
        let policies = policies.sorted();
        let [_, after] = ends;
        let (namespace, labels, root) = (&workload.namespace, &workload.labels, after.cluster().root_namespace());
        let mixture = match after.plane(workload) {
            Some(DataPlane::Ambient) => (policies.modes_in_ambient(namespace, labels, root), Vec::new()),
            _ => {
                let mut issuers: Vec<_> =
                    policies.tokens_at(namespace, labels, root).into_iter().map(JwtRule::taken).collect();
                issuers.sort();
                issuers.dedup();
                (policies.modes(namespace, labels, root), issuers)
            }
        };
        mixtures.push(mixture);
    }
    Some(mixtures)
}

/// Writes down what an object says, without the places it was read at.
fn told(object: &dyn std::fmt::Debug) -> String {
    let text = format!("{object:?}");
    let mut parts = text.split("Span {");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |told, part| told + part.split_once('}').map_or("", |(_, rest)| rest))
}

/// Returns what the proxy of a port may be told in between, a mixture of peers and tokens each.
pub(super) fn ways(ends: [&Model<'_>; 2], workload: &Workload, port: u16, peers: &Peers) -> Vec<Told> {
    let [_, after] = ends;
    let told = Told::at(after, workload, port);
    let chains: Vec<(Reads, Chain<()>)> =
        after.readings(workload, port).iter().map(|reads| (*reads, mixed(ends, workload, *reads))).collect();
    let mut ways: Vec<Told> = Vec::new();
    for (modes, issuers) in peers {
        for mode in modes.at(port) {
            let way = told.asking(chains.iter().map(|(reads, chain)| (mode, *reads, chain.clone())), issuers.clone());
            if !ways.contains(&way) {
                ways.push(way);
            }
        }
    }
    ways
}

/// Returns the AuthorizationPolicies about a workload, old and new, by namespace and name.
fn versions<'p>(
    ends: [&'p Model<'_>; 2],
    workload: &Workload,
) -> BTreeMap<(&'p str, &'p str), [Option<&'p AuthorizationPolicy>; 2]> {
    let mut versions: BTreeMap<(&str, &str), [Option<&AuthorizationPolicy>; 2]> = BTreeMap::new();
    for (at, model) in ends.into_iter().enumerate() {
        let (policies, root) = (model.policies(), model.cluster().root_namespace());
        let mut selected = policies.authorizing(&workload.namespace, &workload.labels, root);
        selected.extend(policies.perhaps_authorizing(&workload.namespace, &workload.labels, root));
        for policy in selected {
            let entry = versions.entry((policy.namespace.as_str(), policy.name.as_str())).or_default();
            if let Some(slot) = entry.get_mut(at) {
                *slot = Some(policy);
            }
        }
    }
    versions
}

/// Joins what policies ask of a workload, old and new, to the most open of their mixtures.
fn mixed(ends: [&Model<'_>; 2], workload: &Workload, reads: Reads) -> Chain<()> {
    let [_, after] = ends;
    let mut mixed = Chain::<()>::default();
    let (mut admitting, mut is_always) = (Vec::new(), false);
    for versions in versions(ends, workload).into_values() {
        let [old, new] = versions
            .map(|policy| policy.map(|policy| chain(&[policy], reads, after.mesh()).anonymous()).unwrap_or_default());
        mixed.deny.extend(both(old.deny, new.deny));
        mixed.custom.extend(both(old.custom, new.custom));
        is_always |= old.allow.is_some() && new.allow.is_some();
        admitting.extend(old.allow.into_iter().chain(new.allow).flatten());
    }
    // Where no ALLOW is there in both versions, there is a moment without any.
    mixed.allow = is_always.then_some(admitting);
    mixed
}

/// Returns rules that match what a rule of each list matches.
fn both(old: Vec<Enforced<()>>, new: Vec<Enforced<()>>) -> Vec<Enforced<()>> {
    let (kept, gone): (Vec<_>, Vec<_>) = old.into_iter().partition(|rule| new.contains(rule));
    let come: Vec<_> = new.into_iter().filter(|rule| !kept.contains(rule)).collect();
    let products = gone.iter().flat_map(|one| come.iter().map(move |other| one.crossed(other).come_from(|_| ())));
    let products: Vec<_> = products.collect();
    kept.into_iter().chain(products).collect()
}

/// Tells whether policies of tiers are not the same on both sides.
pub(super) fn tiers_move(ends: [&Model<'_>; 2]) -> bool {
    let [old, new] = ends.map(|model| model.policies().tiers.iter().map(|tier| told(tier)).collect::<Vec<_>>());
    old != new
}

/// Objects that are not the same on both sides, by kind, namespace and name.
pub(super) struct Moving<'p>(BTreeSet<(&'static str, &'p str, &'p str)>);

impl<'p> Moving<'p> {
    pub(super) fn of(ends: [&'p Model<'p>; 2]) -> Self {
        let [old, new] = ends.map(Model::policies);
        let mut moving = BTreeSet::new();
        macro_rules! add {
            ($list:ident, $kind:expr) => {
                let said = |policies: &'p Policies| -> BTreeMap<(&'p str, &'p str), String> {
                    let objects = policies.$list.iter();
                    objects.map(|it| ((it.namespace.as_str(), it.name.as_str()), told(it))).collect()
                };
                let (ours, theirs) = (said(old), said(new));
                let apart = ours.iter().filter(|(name, said)| theirs.get(*name) != Some(said)).map(|(name, _)| name);
                let apart = apart.chain(theirs.keys().filter(|name| !ours.contains_key(*name)));
                moving.extend(apart.map(|(namespace, name)| ($kind, *namespace, *name)));
            };
        }
        add!(authorization, AUTHORIZATION);
        add!(peers, "PeerAuthentication");
        add!(tokens, "RequestAuthentication");
        add!(network, "NetworkPolicy");
        Self(moving)
    }

    /// Names those that concern a workload.
    pub(super) fn about(&self, ends: [&Model<'_>; 2], workload: &Workload) -> Vec<String> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let root = ends.map(|model| model.cluster().root_namespace());
        let versions = versions(ends, workload);
        let concerns = |(kind, namespace, name): &&(&str, &str, &str)| match *kind {
            AUTHORIZATION => versions.contains_key(&(*namespace, *name)),
            _ => *namespace == workload.namespace || root.contains(namespace),
        };
        self.0.iter().filter(concerns).map(|(kind, namespace, name)| format!("{kind} {namespace}/{name}")).collect()
    }
}

const AUTHORIZATION: &str = "AuthorizationPolicy";
