//! What a proxy asks of one caller at one port, in a form in which equal questions are equal.
//!
//! In: a port of a workload, and an identity. Out: [`Told`], which is what the proxy was told, and [`Forms`], which is what is
//! left of it for that caller. Neither says where a rule was written, so that a policy that was moved, renamed, split or
//! written in another order is no change.

use std::collections::BTreeMap;

use ringfence_compiler::inventory::Workload;

use crate::engine::envoy::Reads;
use crate::engine::{Chain, Enforced, Leaf, Test, chain};
use crate::evaluate::{Ruling, rule};
use crate::istio::peer_authentication::Mode;
use crate::istio::request_authentication::JwtRule;
use crate::model::{Before, Model};
use crate::request::{Identity, Request};
use crate::residual::{is_plain, residual};
use crate::waypoints;

/// Issuers whose tokens are taken, each with the audiences of which a token must name one.
pub(super) type Issuers = Vec<(String, Vec<String>)>;

/// The mode a policy on peers writes, and those of its ports.
type Written = (Option<Mode>, BTreeMap<u16, Option<Mode>>);

/// What the proxy of a port is told.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Told {
    port: u16,
    /// Whether what it does with that is modelled.
    pub modelled: bool,
    /// Whether there is a proxy at all.
    pub guarded: bool,
    ways: Vec<(Mode, Reads, Chain<()>)>,
    /// What policies ask of peers of which nobody knows whether they are about the pods.
    perhaps: Vec<Written>,
    /// Whose tokens are taken by policies of which nobody knows that either.
    perhaps_issuers: Issuers,
    issuers: Issuers,
    trust_domains: Vec<String>,
}

/// What is asked of one caller. Nobody knows by which of the ways the port is taken.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Forms {
    /// Whether what is asked is modelled; otherwise anything may be.
    pub modelled: bool,
    /// The ways.
    pub ways: Vec<Form>,
}

/// One way in which a port may be taken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Form {
    /// Whether requests are read.
    pub http: bool,
    /// Whose tokens are looked at; where they are not, any token is only a header.
    pub issuers: Option<Issuers>,
    /// What is asked of the caller as each of those it can be: with its certificate, and without one.
    pub chains: Vec<Chain<()>>,
}

impl Told {
    /// Collects what the proxy of a port is told.
    pub fn at(model: &Model<'_>, workload: &Workload, port: u16) -> Self {
        let policies = model.policies();
        let root = model.cluster().root_namespace();
        let before = model.before(workload, port);
        // What comes through a waypoint is not followed.
        let by_waypoint = before == Before::Ztunnel && waypoints::is_behind(model.cluster(), workload);
        let modelled = !by_waypoint && !matches!(before, Before::NotModelled(_));
        let guarded = before != Before::Nothing;
        let trust_domains = model.mesh().trust_domains.clone();
        if !guarded {
            let (ways, perhaps, perhaps_issuers, issuers) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
            return Self { port, modelled, guarded, ways, perhaps, perhaps_issuers, issuers, trust_domains };
        }
        let mut selected = policies.authorizing(&workload.namespace, &workload.labels, root);
        // Whatever they say, nothing is known; where it changes, that is said.
        selected.extend(policies.perhaps_authorizing(&workload.namespace, &workload.labels, root));
        let perhaps = policies.perhaps_asking(&workload.namespace, &workload.labels, root);
        let perhaps = perhaps.into_iter().map(|policy| (policy.mode, policy.ports.clone())).collect();
        let tokens = model.tokens(workload);
        let issuers = taken(tokens);
        let unsure = policies.perhaps_taking(&workload.namespace, &workload.labels, root);
        let perhaps_issuers = taken(unsure.into_iter().flat_map(|policy| &policy.rules));
        let modes = model.modes(workload).at(port);
        let readings = model.readings(workload, port);
        let of_mode = |mode: Mode| {
            let (selected, readings) = (&selected, &readings);
            readings
                .iter()
                .map(move |reads| (mode, *reads, in_order(chain(selected, *reads, model.mesh()).anonymous())))
        };
        let ways = modes.into_iter().flat_map(of_mode).collect();
        Self { port, modelled, guarded, ways, perhaps, perhaps_issuers, issuers, trust_domains }
    }

    /// Returns the same port with another proxy before it: what it asks, by how peers come and what it reads, and whose tokens it takes.
    pub fn asking(&self, ways: impl Iterator<Item = (Mode, Reads, Chain<()>)>, issuers: Issuers) -> Self {
        let ways = ways.map(|(mode, reads, chain)| (mode, reads, in_order(chain))).collect();
        Self { ways, issuers, ..self.clone() }
    }

    /// Returns what is asked of a caller that can show this identity.
    pub fn forms(&self, identity: Option<&Identity>) -> Forms {
        // A port without a mode is not modelled either.
        if !self.modelled || (self.guarded && self.ways.is_empty()) {
            return Forms { modelled: false, ways: Vec::new() };
        }
        if !self.guarded {
            let anything = Form { http: true, issuers: None, chains: vec![Chain::default()] };
            return Forms { modelled: true, ways: vec![anything] };
        }
        let known = identity.filter(|identity| self.trust_domains.contains(&identity.trust_domain));
        let uri = known.map(|identity| format!("spiffe://{identity}"));
        let form = |(mode, reads, chain): &(Mode, Reads, Chain<()>)| {
            let http = *reads == Reads::Http;
            let looked_at = http && !self.issuers.is_empty();
            let as_itself = uri.as_ref().filter(|_| mode.mtls());
            let as_itself = as_itself.map(|uri| residual(chain, self.port, &|glob| glob.matches(uri)));
            let in_plaintext = mode.plaintext().then(|| residual(chain, self.port, &|_| false));
            let both = as_itself.into_iter().chain(in_plaintext);
            let mut chains: Vec<Chain<()>> =
                both.map(|chain| if looked_at { chain } else { without_tokens(chain) }).filter_map(simple).collect();
            chains.sort();
            chains.dedup();
            if chains.contains(&Chain::default()) {
                chains = vec![Chain::default()];
            }
            Form { http, issuers: looked_at.then(|| self.issuers.clone()), chains }
        };
        let mut ways: Vec<Form> = self.ways.iter().map(form).collect();
        ways.sort();
        ways.dedup();
        Forms { modelled: true, ways }
    }

    /// Tells whether a request is let in of a peer that shows its certificate; otherwise it must come without.
    pub fn takes(&self, identity: &Identity, request: &Request) -> bool {
        let known = self.trust_domains.contains(&identity.trust_domain);
        let request = Request { peer: Some(identity.clone().into()), ..request.clone() };
        let admits = |(mode, _, chain): &(Mode, Reads, Chain<()>)| {
            mode.mtls() && !matches!(rule(chain, &request), Ruling::Denied(()) | Ruling::NotAllowed)
        };
        known && self.ways.iter().any(admits)
    }

    /// Tells whether policies with ALLOW are about the port, so that what none admits is refused.
    pub fn refuses_by_default(&self) -> bool {
        self.ways.iter().any(|(_, _, chain)| chain.allow.is_some())
    }

    /// Returns how peers are taken.
    pub fn modes(&self) -> Vec<Mode> {
        let mut modes: Vec<Mode> = self.ways.iter().map(|(mode, ..)| *mode).collect();
        modes.dedup();
        modes
    }
}

impl Forms {
    /// Tells whether nothing is admitted, however it is asked.
    pub fn is_nothing(&self) -> bool {
        self.modelled && self.ways.iter().all(|way| way.chains.is_empty())
    }
}

/// Returns whose tokens rules take.
fn taken<'r>(rules: impl IntoIterator<Item = &'r JwtRule>) -> Issuers {
    let mut issuers: Issuers = rules.into_iter().map(JwtRule::taken).collect();
    issuers.sort();
    issuers.dedup();
    issuers
}

/// Brings rules into an order that does not depend on that of policies.
fn in_order(mut chain: Chain<()>) -> Chain<()> {
    for rules in [&mut chain.deny, &mut chain.custom].into_iter().chain(chain.allow.as_mut()) {
        rules.sort();
        rules.dedup();
    }
    chain
}

/// Writes "everything" in one way, and "nothing" as none.
fn simple(chain: Chain<()>) -> Option<Chain<()>> {
    let mut chain = in_order(chain);
    if chain.deny.iter().any(is_plain) || chain.allow.as_ref().is_some_and(Vec::is_empty) {
        return None;
    }
    if chain.allow.as_ref().is_some_and(|allow| allow.iter().any(is_plain)) {
        chain.allow = None;
    }
    Some(chain)
}

/// Resolves the tests on tokens where no rule takes any: none holds.
fn without_tokens(chain: Chain<()>) -> Chain<()> {
    let is_of_token = |leaf: &Leaf| matches!(leaf, Leaf::TokenOf(..) | Leaf::Claim(..));
    let all_of = |tests: Vec<Test>| -> Option<Vec<Test>> {
        let mut left = Vec::new();
        for mut test in tests {
            let before = test.leaves.len();
            test.leaves.retain(|leaf| !is_of_token(leaf));
            match (test.leaves.is_empty() && before > 0, test.negated) {
                (true, true) => {}
                (true, false) => return None,
                (false, _) => left.push(test),
            }
        }
        Some(left)
    };
    let one_of = |lists: Vec<Vec<Test>>| -> Vec<Vec<Test>> { lists.into_iter().filter_map(all_of).collect() };
    let rules = |rules: Vec<Enforced<()>>| -> Vec<Enforced<()>> {
        let left = rules.into_iter().map(|rule| Enforced {
            origin: (),
            sources: one_of(rule.sources),
            operations: one_of(rule.operations),
        });
        left.filter(|rule| !rule.sources.is_empty() && !rule.operations.is_empty()).collect()
    };
    Chain { deny: rules(chain.deny), custom: rules(chain.custom), allow: chain.allow.map(rules) }
}
