//! Who can reach what: one caller, one port of one workload, gate by gate.
//!
//! In: a [`Model`], a caller and a port. Out: [`Answer`]: what each gate says, what decided there, and a request that gets
//! through where one does. A caller that has been taken over need not use its own proxy, so a workload with an identity may
//! also come without it; what its own proxy would refuse is no boundary.

mod asked;
mod at_gateway;
mod doubts;
mod inward;
mod nearest;
mod outbound;
mod outside;
mod proxy;
mod rewritten;
mod routed;
mod statements;
mod through;
pub(crate) mod waypoint;

use ipnet::IpNet;
use ringfence_compiler::inventory::{OwnProxy, Workload};
use ringfence_compiler::resolve::Governed;
use ringfence_compiler::resolve::statements::Origin;
use ringfence_compiler::source::Span;

use self::proxy::Said;
use crate::kubernetes::passage::Direction;
use crate::model::{Before, Model, Stranger};
use crate::network;
use crate::request::{Identity, Request};

pub use self::asked::Asked;
pub use self::at_gateway::{admitted, gateway_policies, tokens_at};
pub(crate) use self::nearest::one_of;
pub use self::nearest::{Failure, Miss};
pub use self::outbound::Outbound;
pub(crate) use self::outbound::outbound;
pub(crate) use self::outside::outside_of;
pub use self::proxy::{Part, Told};
pub use self::routed::{Routed, routed};
pub use self::through::{Behind, Gateways, Way, through, through_each};
pub use self::waypoint::{Passed, through_waypoint};

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

    /// Returns a caller that one cluster knows as another knows it.
    #[must_use]
    pub fn known_in(self, own: &'a Model<'a>, other: &'a Model<'a>) -> Self {
        match self {
            _ if std::ptr::eq(own, other) => self,
            Self::WorkloadOf(home, workload) if std::ptr::eq(home, other) => Self::Workload(workload),
            Self::StrangerOf(home, stranger) if std::ptr::eq(home, other) => Self::Stranger(stranger),
            caller => caller.from_elsewhere(own),
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

/// A policy, or one rule of it, and where it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cited<'a> {
    /// Its kind.
    pub kind: &'static str,
    /// Its namespace; empty where it has none.
    pub namespace: &'a str,
    /// Its name.
    pub name: &'a str,
    /// The position of the rule; `None` for the whole.
    pub rule: Option<usize>,
    /// Where it was written.
    pub span: Span,
    /// The lines of policy that it says it was compiled from, as `path#L12, path#L14`.
    pub source: Option<&'a str>,
}

/// Kind, namespace and name, and the number of the rule.
impl std::fmt::Display for Cited<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.namespace {
            "" => write!(f, "{} {}", self.kind, self.name)?,
            namespace => write!(f, "{} {namespace}/{}", self.kind, self.name)?,
        }
        match self.rule {
            Some(rule) => write!(f, ", rule {}", rule + 1),
            None => Ok(()),
        }
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
#[derive(Debug, Clone, PartialEq)]
pub enum Decider<'a> {
    /// Nothing: no policy is about it.
    Nobody,
    /// Nothing admits or refuses what was asked for: no policy admits, and these refuse other requests.
    NotRefused(Vec<Cited<'a>>),
    /// A rule.
    Rule(Cited<'a>),
    /// A rule lets it through for other addresses than the caller's, which the network may write in their stead.
    OtherAddress(Cited<'a>),
    /// Policies are about it, and none lets it through.
    NoRule {
        /// Those policies.
        about: Vec<Cited<'a>>,
        /// The rule that nearly does; `None` where no rule is near, or nobody asked for it.
        nearest: Option<Miss<Cited<'a>>>,
    },
    /// A rule of a policy of another tier of the network.
    Tier {
        /// The rule.
        rule: Cited<'a>,
        /// A policy of the same priority that says otherwise; nothing tells which is asked first.
        rival: Option<&'a str>,
    },
    /// Nothing: the cluster is said to enforce no policies of the network.
    NotEnforced,
    /// A rule denies all that would be let through.
    Denied {
        /// The rule.
        by: Cited<'a>,
        /// Other rules that refuse the same.
        also: Vec<Cited<'a>>,
        /// What would be let through without them.
        without: Box<Request>,
    },
    /// The mode asks for a certificate, and the caller has none that is taken.
    NoCertificate {
        /// The policies that ask for it.
        asking: Vec<Cited<'a>>,
        /// An identity it could show, of a trust domain that is not taken here.
        foreign: Option<Identity>,
    },
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
    /// Whether that proxy is ztunnel, which sees connections and no requests.
    pub in_ambient: bool,
    /// The way through a waypoint, past all these gates: what comes out of one has its identity. `None` where nothing does.
    pub by_waypoint: Option<Box<Passed<'a>>>,
    /// A request that its proxy admits; `None` where none is, or where there is no proxy and any will do.
    pub witness: Option<Request>,
    /// Of many paths or hosts that were asked for: which get through; `None` where one was asked for, or none.
    pub part: Option<Part>,
    /// What the policy tree says at the proxy, with the statement that decides; `None` for plain manifests.
    pub statement: Option<Told<&'a Origin>>,
    /// The statement that made the mode of the port; `None` for plain manifests, and where nobody wrote one.
    pub mode: Option<&'a Origin>,
    /// The gateway, and the route there, by which it comes from outside; `None` for who calls straight.
    pub by: Option<String>,
    /// Why each gate is unsure, in the order of the gates; empty where it is sure.
    pub doubts: [Vec<String>; 3],
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
    /// Returns the answer in one word: that of the strictest gate, or that there is another way.
    #[must_use]
    pub fn reach(&self) -> Reach {
        let direct = self.directly();
        self.by_waypoint.as_ref().map_or(direct, |passed| direct.max(passed.reach))
    }

    /// Returns the same where nobody is to take it for sure.
    #[must_use]
    pub(crate) fn no_more_than_perhaps(self) -> Self {
        match self.reach() {
            Reach::Allowed => {
                Self { egress: Gate::Unsure(Decider::NotModelled("a way that only a gateway opens")), ..self }
            }
            _ => self,
        }
    }

    /// Returns what becomes of who calls without a waypoint.
    #[must_use]
    pub fn directly(&self) -> Reach {
        let proxy = self.proxy.as_ref().map_or(Reach::Allowed, Gate::reach);
        self.egress.reach().min(self.ingress.reach()).min(proxy)
    }
}

/// How much an answer says.
#[derive(Debug, Clone, Copy, Default)]
pub struct Detail<'a, 's> {
    /// Whether what nearly decided otherwise is looked for, and which part of many paths gets through.
    pub full: bool,
    /// What the policy tree means for the workload, so that its statements are named.
    pub governed: Option<&'a Governed<'a>>,
    /// Identities of others that the caller can show.
    pub stolen: &'s [Identity],
}

/// Answers whether a caller can reach a port of a workload.
#[must_use]
pub fn reach<'a>(model: &Model<'a>, caller: Caller<'a>, to: &'a Workload, port: u16, asked: &Asked) -> Answer<'a> {
    explain(model, caller, (to, port), asked, Detail::default())
}

/// Answers the same, with as much as is asked for.
#[must_use]
pub fn explain<'a>(
    model: &Model<'a>,
    caller: Caller<'a>,
    (to, port): (&'a Workload, u16),
    asked: &Asked,
    detail: Detail<'a, '_>,
) -> Answer<'a> {
    let (mut egress, mut ingress) =
        (network::egress(model, caller, to, port), network::ingress(model, caller, to, port));
    if detail.full {
        network::explain(&mut egress, &mut ingress, model, caller, (to, port));
    }
    let doubted = |gate: &Gate<'_>, direction| match detail.full {
        true => doubts::of_network(gate, direction, model, caller, (to, port)),
        false => Vec::new(),
    };
    let of_network = [doubted(&egress, Direction::Egress), doubted(&ingress, Direction::Ingress), Vec::new()];
    let before = model.before(to, port);
    match before {
        Before::NotModelled(what) => {
            let proxy = Some(Gate::Unsure(Decider::NotModelled(what)));
            Answer { proxy, doubts: of_network, ..Answer::before(egress, ingress) }
        }
        Before::Sidecar | Before::Ztunnel => {
            let Said { gate, witness, part, doubts } = proxy::at(model, caller, (to, port), asked, detail);
            let meant =
                detail.governed.map(|governed| statements::told(governed, model, caller, (to, port), asked, detail));
            // What is compiled says what is meant, which is proved elsewhere; where it should not, it is what holds.
            let statement = meant.filter(|told| told.reach() == gate.reach());
            let mode = detail.governed.and_then(|governed| statements::mode(governed, port));
            let [leaves, arrives, _] = of_network;
            let doubts = [leaves, arrives, doubts];
            let (proxy, in_ambient) = (Some(gate), before == Before::Ztunnel);
            let network = Answer::before(egress, ingress);
            let passed = || through_waypoint(model, caller, (to, port), asked, detail.stolen).map(Box::new);
            let by_waypoint = if in_ambient { passed() } else { None };
            Answer { proxy, in_ambient, by_waypoint, witness, part, statement, mode, doubts, ..network }
        }
        Before::Nothing => Answer { doubts: of_network, ..Answer::before(egress, ingress) },
    }
}

impl<'a> Answer<'a> {
    /// Makes the answer where nothing but the network stands before a port.
    fn before(egress: Gate<'a>, ingress: Gate<'a>) -> Self {
        let doubts = Default::default();
        let (proxy, witness, part, statement, mode) = (None, None, None, None, None);
        let (in_ambient, by_waypoint, by) = (false, None, None);
        Self { egress, ingress, proxy, in_ambient, by_waypoint, witness, part, statement, mode, by, doubts }
    }
}

/// Tells whether the pods of a workload are gateways, by the labels that Istio and its charts give them, and by their proxy.
pub fn is_gateway(workload: &Workload) -> bool {
    let named = workload.labels.get("istio").is_some_and(|name| name.ends_with("gateway"));
    named
        || workload.proxy == Some(OwnProxy::Gateway)
        || workload.labels.contains_key("gateway.networking.k8s.io/gateway-name")
}
