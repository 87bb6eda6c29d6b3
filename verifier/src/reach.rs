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
use crate::model::{Model, Stranger};
use crate::network;
use crate::request::{Identity, Request};

/// Who calls.
#[derive(Debug, Clone, Copy)]
pub enum Caller<'a> {
    /// The pods of a workload.
    Workload(&'a Workload),
    /// Pods that no manifest shows.
    Stranger(&'a Stranger),
    /// Addresses outside the cluster.
    Outside(IpNet),
    /// The pods of a workload of another cluster of the mesh.
    WorkloadOf(&'a Model<'a>, &'a Workload),
    /// Pods of another cluster that no manifest shows.
    StrangerOf(&'a Model<'a>, &'a Stranger),
}

impl<'a> Caller<'a> {
    /// Returns whoever calls from outside: any address.
    #[must_use]
    pub fn anyone_outside() -> Option<Self> {
        "0.0.0.0/0".parse().ok().map(Self::Outside)
    }

    /// Returns the same caller as another cluster sees it.
    #[must_use]
    pub fn from_elsewhere(self, home: &'a Model<'a>) -> Self {
        match self {
            Self::Workload(workload) => Self::WorkloadOf(home, workload),
            Self::Stranger(stranger) => Self::StrangerOf(home, stranger),
            other => other,
        }
    }

    /// Returns the identity it can show to a workload of this cluster.
    #[must_use]
    pub fn identity(&self, model: &Model<'a>) -> Option<Identity> {
        match self {
            Self::Workload(from) => model.identity(from),
            Self::WorkloadOf(home, from) => home.identity(from),
            Self::Stranger(stranger) | Self::StrangerOf(_, stranger) => Some(stranger.identity.clone()),
            Self::Outside(_) => None,
        }
    }
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
    let (egress, ingress) = (network::egress(model, caller, to, port), network::ingress(model, caller, to, port));
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
pub(crate) fn is_gateway(workload: &Workload) -> bool {
    let named = workload.labels.get("istio").is_some_and(|name| name.ends_with("gateway"));
    named || workload.labels.contains_key("gateway.networking.k8s.io/gateway-name")
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
    let identity = caller.identity(model);
    // A certificate of another trust domain is none here (istio/istio `pilot/pkg/networking/plugin/authn/util.go`).
    let identity = identity.filter(|identity| model.mesh().trust_domains.contains(&identity.trust_domain));
    let readings = model.readings(to, port);
    let tokens = policies.tokens_at(&to.namespace, &to.labels, root);
    let mut ways = Vec::new();
    for mode in &modes {
        for reads in readings {
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
