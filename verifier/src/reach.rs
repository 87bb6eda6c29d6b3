//! Who can reach what: one caller, one port of one workload, gate by gate.
//!
//! In: a [`Model`], a caller and a port. Out: [`Answer`]: what each gate says, what decided there, and a request that gets
//! through where one does. A caller that has been taken over need not use its own proxy, so a workload with an identity may
//! also come without it; what its own proxy would refuse is no boundary.

use ipnet::IpNet;
use ringfence_compiler::inventory::Workload;
use ringfence_compiler::requests::area::Area;
use ringfence_compiler::spec::cluster::DataPlane;

use crate::engine::envoy::{Reads, chain, unreadable};
use crate::engine::{Enforced, Leaf, RuleRef, Test};
use crate::exact::{Arrivals, Certainty, Space, Verdict};
use crate::glob::Glob;
use crate::istio::peer_authentication::Mode;
use crate::kubernetes::passage::{By, Decision, Passage};
use crate::kubernetes::peer::Peer;
use crate::model::{Model, Stranger};
use crate::request::Request;

/// Who calls.
#[derive(Debug, Clone, Copy)]
pub enum Caller<'a> {
    /// The pods of a workload.
    Workload(&'a Workload),
    /// Pods that no manifest shows.
    Stranger(&'a Stranger),
    /// Addresses outside the cluster.
    Outside(IpNet),
}

/// What is asked for beside the port.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// The method; any when absent.
    pub method: Option<String>,
    /// The path, which may end in a star; any when absent.
    pub path: Option<String>,
    /// The host; any when absent.
    pub host: Option<String>,
}

impl Asked {
    /// Asks for any request at all.
    #[must_use]
    pub fn anything() -> Self {
        Self::default()
    }

    /// Returns what must hold of a request to be asked for.
    fn tests(&self) -> Vec<Test> {
        let glob = |text: &str| text.strip_suffix('*').map_or_else(|| Glob::exactly(text), Glob::prefix);
        let leaves = [
            self.method.as_deref().map(|method| Leaf::Method(Glob::exactly(method))),
            self.path.as_deref().map(|path| Leaf::Path(glob(path))),
            self.host.as_deref().map(|host| Leaf::Host(glob(host).folding_case())),
        ];
        leaves.into_iter().flatten().map(|leaf| Test { leaves: vec![leaf], negated: false }).collect()
    }
}

/// What one gate says.
#[derive(Debug, Clone)]
pub enum Gate<'a> {
    /// It lets the connection or some request through.
    Open(Decider<'a>),
    /// Whether it does depends on what no file tells.
    Unsure(Decider<'a>),
    /// It lets nothing through.
    Shut(Decider<'a>),
}

/// What decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decider<'a> {
    /// Nothing: no policy is about it.
    Nobody,
    /// A NetworkPolicy.
    Network(&'a str, &'a str),
    /// NetworkPolicies are about it, and none lets it pass.
    NoNetwork,
    /// A rule of a policy of another tier of the network.
    Tier {
        /// The kind of the policy.
        kind: &'static str,
        /// Its name.
        name: &'a str,
        /// Which of its rules, from one.
        rule: usize,
        /// A policy of the same priority that says otherwise; nothing tells which is asked first.
        rival: Option<&'a str>,
    },
    /// Nothing: the cluster is said to enforce no policies of the network.
    NotEnforced,
    /// A rule of an AuthorizationPolicy.
    Rule(RuleRef<'a>),
    /// AuthorizationPolicies are about it, and none admits a request of this caller, or one denies all that others admit.
    NoRule,
    /// The mode asks for a certificate, and the caller has none.
    NoCertificate,
    /// A kind of enforcement that is not modelled yet: which.
    NotModelled(&'static str),
}

/// The way from a caller to a port.
#[derive(Debug, Clone)]
pub struct Answer<'a> {
    /// The caller's NetworkPolicies.
    pub egress: Gate<'a>,
    /// The workload's NetworkPolicies.
    pub ingress: Gate<'a>,
    /// Its proxy; `None` where nothing stands before it.
    pub proxy: Option<Gate<'a>>,
    /// A request that its proxy admits; `None` where none is, or where there is no proxy and any will do.
    pub witness: Option<Request>,
}

/// The answer in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// Nothing gets through.
    Denied,
    /// Whether something does depends on what no file tells.
    Depends,
    /// Something gets through.
    Allowed,
}

impl Gate<'_> {
    /// Returns what it says in one word.
    #[must_use]
    pub fn reach(&self) -> Reach {
        match self {
            Self::Open(_) => Reach::Allowed,
            Self::Unsure(_) => Reach::Depends,
            Self::Shut(_) => Reach::Denied,
        }
    }
}

impl Answer<'_> {
    /// Returns the answer in one word: that of the strictest gate.
    #[must_use]
    pub fn reach(&self) -> Reach {
        let proxy = self.proxy.as_ref().map_or(Reach::Allowed, Gate::reach);
        self.egress.reach().min(self.ingress.reach()).min(proxy)
    }
}

/// Answers whether a caller can reach a port of a workload.
#[must_use]
pub fn reach<'a>(model: &Model<'a>, caller: Caller<'a>, to: &'a Workload, port: u16, asked: &Asked) -> Answer<'a> {
    let (egress, ingress) = network(model, caller, to, port);
    let (proxy, witness) = match model.plane(to) {
        _ if is_gateway(to) => not_modelled("gateways"),
        Some(DataPlane::Sidecar) if model.is_guarded(to, port) => {
            let (gate, witness) = sidecar(model, caller, to, port, asked);
            (Some(gate), witness)
        }
        Some(DataPlane::Ambient) if model.is_guarded(to, port) => not_modelled("ambient mode"),
        _ => (None, None),
    };
    Answer { egress, ingress, proxy, witness }
}

fn not_modelled<'a>(what: &'static str) -> (Option<Gate<'a>>, Option<Request>) {
    (Some(Gate::Unsure(Decider::NotModelled(what))), None)
}

/// Tells whether the pods of a workload are gateways, by the labels that Istio and its charts give them.
fn is_gateway(workload: &Workload) -> bool {
    let named = workload.labels.get("istio").is_some_and(|name| name.ends_with("gateway"));
    named || workload.labels.contains_key("gateway.networking.k8s.io/gateway-name")
}

/// Asks the policies of the network at both ends.
fn network<'a>(model: &Model<'a>, caller: Caller<'a>, to: &'a Workload, port: u16) -> (Gate<'a>, Gate<'a>) {
    let network = model.network();
    let (egress, peer) = match caller {
        Caller::Workload(from) => (gate(network.leaves(from, to, port)), Peer::Pods(network.pods(from))),
        Caller::Stranger(stranger) => {
            let (namespace, labels) = (&stranger.identity.namespace, stranger.labels.as_ref());
            (Gate::Open(Decider::Nobody), Peer::Pods(network.strangers(namespace, labels)))
        }
        Caller::Outside(block) => (Gate::Open(Decider::Nobody), Peer::Outside(block)),
    };
    (egress, gate(network.arrives(peer, to, port)))
}

fn gate(passage: Passage<'_>) -> Gate<'_> {
    match passage {
        Passage::Open(by) => Gate::Open(decider(by)),
        // Of two, the one that a policy stands behind says more.
        Passage::Unsure { open: By::Nobody | By::Plugin, shut } => Gate::Unsure(decider(shut)),
        Passage::Unsure { open: By::NetworkPolicy(..), shut: shut @ By::Tier(_) } => Gate::Unsure(decider(shut)),
        Passage::Unsure { open, .. } => Gate::Unsure(decider(open)),
        Passage::Shut(by) => Gate::Shut(decider(by)),
    }
}

fn decider(by: By<'_>) -> Decider<'_> {
    match by {
        By::Nobody | By::Plugin => Decider::Nobody,
        By::NotEnforced => Decider::NotEnforced,
        By::NetworkPolicy(policy, _) => Decider::Network(&policy.namespace, &policy.name),
        By::NoNetworkPolicy => Decider::NoNetwork,
        By::Tier(Decision { policy, rule, rival }) => Decider::Tier {
            kind: policy.kind.name(),
            name: &policy.name,
            rule: rule.number,
            rival: rival.map(|rival| rival.name.as_str()),
        },
    }
}

/// Asks the sidecar of the workload, in every mode the port may have and every way it may be read.
fn sidecar<'a>(
    model: &Model<'a>,
    caller: Caller<'a>,
    to: &'a Workload,
    port: u16,
    asked: &Asked,
) -> (Gate<'a>, Option<Request>) {
    let root = model.cluster().root_namespace();
    let policies = model.policies();
    let modes = policies.modes(&to.namespace, &to.labels, root).at(port);
    let selected = policies.authorizing(&to.namespace, &to.labels, root);
    if !unreadable(&selected).is_empty() {
        return (Gate::Unsure(Decider::NotModelled("a path that no Envoy can read")), None);
    }
    let identity = match caller {
        Caller::Workload(from) => model.identity(from),
        Caller::Stranger(stranger) => Some(stranger.identity.clone()),
        Caller::Outside(_) => None,
    };
    let readings = model.ports(to).remove(&port).unwrap_or_else(|| vec![Reads::Http, Reads::Bytes]);
    let tokens = policies.tokens_at(&to.namespace, &to.labels, root);
    let mut ways = Vec::new();
    for mode in &modes {
        for reads in &readings {
            let arrivals = Arrivals {
                port,
                http: *reads == Reads::Http,
                plaintext: mode.plaintext(),
                mtls: mode.mtls(),
                trust_domains: Vec::new(),
                issuers: tokens.iter().map(|rule| rule.taken()).collect(),
            };
            let chain = chain(&selected, *reads, model.mesh());
            let known: Vec<_> = identity.iter().cloned().collect();
            // Where nobody reads HTTP, nobody can tell what is asked for.
            let asked = if *reads == Reads::Http { asked.tests() } else { Vec::new() };
            let tests = chain.rules().flat_map(Enforced::tests).chain(&asked);
            let space = Space::of(arrivals.clone(), tests, &known);
            let verdict = Verdict::of(&space, &arrivals, &chain);
            let as_itself = identity.as_ref().filter(|_| mode.mtls()).map(|peer| space.of_peer(Some(peer)));
            let in_plaintext = Some(space.of_peer(None)).filter(|_| *mode != Mode::Strict);
            let peers: Vec<Area> = as_itself.into_iter().chain(in_plaintext).collect();
            let rule_of = |at: Option<usize>| match (&chain.allow, at) {
                (Some(rules), Some(at)) => rules.get(at).map_or(Decider::NoRule, |rule| Decider::Rule(rule.origin)),
                _ => Decider::Nobody,
            };
            let wanted = space.holding(&asked);
            let ask = |certainty| {
                let found = peers
                    .iter()
                    .find_map(|area| wanted.iter().find_map(|wanted| verdict.admitted(&wanted.and(area), certainty)));
                found.map(|(at, part)| (rule_of(at), space.request(&part)))
            };
            ways.push(match (ask(Certainty::Surely), ask(Certainty::Perhaps)) {
                (Some((decider, request)), _) => (Gate::Open(decider), Some(request)),
                (None, Some((decider, request))) => (Gate::Unsure(decider), Some(request)),
                (None, None) if peers.is_empty() => (Gate::Shut(Decider::NoCertificate), None),
                (None, None) => (Gate::Shut(Decider::NoRule), None),
            });
        }
    }
    joined(ways)
}

/// Joins what is said where a port can be taken in several ways, of which nobody knows the one: all of them open is open, all
/// of them shut is shut.
fn joined<'a>(ways: Vec<(Gate<'a>, Option<Request>)>) -> (Gate<'a>, Option<Request>) {
    let all_open = ways.iter().all(|(gate, _)| gate.reach() == Reach::Allowed);
    match ways.into_iter().max_by_key(|(gate, _)| gate.reach()) {
        Some((Gate::Open(decider), request)) if !all_open => (Gate::Unsure(decider), request),
        Some(widest) => widest,
        None => (Gate::Unsure(Decider::NotModelled("a port without a mode")), None),
    }
}
