//! What gateways let in: which requests at which of their ports, and where routes lead them.
//!
//! In: a [`Model`], whose objects route. Out: [`Entrances`]: each listener at the pods of a gateway, and each [`Opening`]: the
//! requests of one listener that one match of one rule leads to one backend. Rules are asked in an order; an opening holds what
//! those before it leave. Where no file tells which is asked first, that is an unknown of the opening, not a guess.
//!
//! Read in istio/istio `pilot/pkg/model/gateway.go`, `pilot/pkg/networking/core/{gateway,route/route}.go` and
//! `pilot/pkg/config/kube/gateway`, and in kubernetes-sigs/gateway-api `apis/v1`.

pub(crate) mod attached;
pub(crate) mod behind;
mod beyond;
mod bound;
mod detours;
mod listeners;
mod missing;
mod opening;
mod order;
mod passed_on;

use std::collections::{BTreeMap, BTreeSet};

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::inventory::{Labels, Opened};
use ringfence_compiler::source::Span;

pub(crate) use self::attached::takes;
use self::behind::Behind;
pub use self::beyond::Beyond;
use self::beyond::Elsewhere;
pub(crate) use self::detours::Detour;
use self::detours::Detours;
pub use self::opening::Opening;
use self::order::Candidate;
pub(crate) use self::order::{common, older};
use crate::kubernetes::fits::Fits;
use crate::model::{Model, Stranger};
use crate::routing::gateway::{Speaks, Tls};
use crate::routing::gateway_api::Sources;
use crate::routing::service_entry::ServiceEntry;
use crate::routing::{Delegate, Leads, Named, Rewriting, Routing, Target};

/// Everything gateways let in.
#[derive(Debug, Default)]
pub struct Entrances {
    /// Listeners, in the order of their objects.
    pub listeners: Vec<Entrance>,
    /// What they let in, in the order of listeners and then as rules are asked.
    pub openings: Vec<Opening>,
    /// The objects that they go by.
    routing: Routing,
    /// By cluster what leads there.
    leading: BTreeMap<String, Leading>,
    /// Routes at Services, by where they lead.
    detours: Detours,
}

/// What leads into a cluster: openings, by their positions.
#[derive(Debug, Default)]
struct Leading {
    /// By workload and port.
    known: BTreeMap<(usize, u16), Vec<usize>>,
    /// Those of which nobody knows where they lead.
    open_ended: Vec<usize>,
}

impl Leading {
    fn add(&mut self, opening: usize, leads: &[(usize, u16)], may_be_anybody: bool) {
        leads.iter().for_each(|to| self.known.entry(*to).or_default().push(opening));
        self.open_ended.extend(may_be_anybody.then_some(opening));
    }
}

/// A listener at the pods of a gateway.
#[derive(Debug, Clone)]
pub struct Entrance {
    /// The object that makes it listen.
    pub object: Named,
    /// What the listener is called, where it has a name.
    pub name: String,
    /// Where the listener was written.
    pub span: Span,
    /// The port that clients call.
    pub port: u16,
    /// What is spoken there.
    pub speaks: Speaks,
    /// How TLS is ended.
    pub tls: Tls,
    /// The hosts it is about.
    pub hosts: Vec<String>,
    /// The pods that listen; never empty.
    pub pods: Vec<Listening>,
    /// Why it does not listen after all.
    pub shut: Option<String>,
    /// What no file tells and its listening hangs on.
    pub perhaps: Option<String>,
    /// Whether routes alone speak of it, and its object is not at hand: port, hosts and TLS are then supposed.
    pub is_missing: bool,
    /// The Gateway of the Gateway API, by namespace and name, to which policies may be attached.
    pub gateway: Option<(String, String)>,
    /// From where routes may attach, and by which way they do.
    attaches: Attaches,
}

/// How routes find a listener.
#[derive(Debug, Clone)]
enum Attaches {
    /// VirtualServices name the Gateway; each host may be kept to the routes of a namespace.
    Bound(Vec<(Option<String>, String)>),
    /// Routes name the Gateway or the ListenerSet, which says of which namespaces and kinds they may be.
    Attached { allows: Sources, kinds: Vec<String> },
}

/// Pods that listen.
#[derive(Debug, Clone)]
pub struct Listening {
    /// Who they are.
    pub pods: Pods,
    /// The port of the pods.
    pub port: u16,
    /// How their Service is opened to the outside; `None` where no manifest says.
    pub opened: Option<Opened>,
    /// Why nobody knows whether they listen at all.
    pub doubt: Option<String>,
}

/// The pods of a gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pods {
    /// Those of a workload, by its position in the inventory.
    Workload(usize),
    /// Those that facts name, or that are made for a Gateway.
    Known(Box<Stranger>),
    /// Those with such labels, of which no manifest shows any: not even their identity is known.
    Unknown(Labels),
}

impl Listening {
    /// Says who they are, in words.
    #[must_use]
    pub fn name(&self, model: &Model<'_>) -> String {
        match &self.pods {
            Pods::Workload(at) => {
                let workload = model.cluster().inventory.workloads.get(*at);
                workload.map(|workload| format!("{}/{}", workload.namespace, workload.name)).unwrap_or_default()
            }
            Pods::Known(stranger) => stranger.name.clone(),
            Pods::Unknown(labels) if labels.is_empty() => "pods that no manifest shows".to_owned(),
            Pods::Unknown(labels) => {
                let labels: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
                format!("pods with {} that no manifest shows", labels.join(", "))
            }
        }
    }
}

impl Entrances {
    /// Finds what the gateways of each cluster of a mesh let in, and what those may that routes name and nothing at hand shows. They
    /// lead to pods of any of the clusters.
    #[must_use]
    pub fn of_mesh<'m>(models: impl IntoIterator<Item = &'m Model<'m>>) -> Vec<Self> {
        let models: Vec<&Model<'_>> = models.into_iter().collect();
        let others = |own: &Model<'_>| models.iter().copied().filter(|other| !std::ptr::eq(*other, own)).collect();
        models.iter().map(|model| Self::made(model, others(model), true)).collect()
    }

    /// Finds the same of a cluster alone.
    #[must_use]
    pub fn of(model: &Model<'_>) -> Self {
        Self::made(model, Vec::new(), true)
    }

    /// Finds what the gateways of a cluster let in whose objects are at hand, as far as it stays there.
    #[must_use]
    pub fn at_hand(model: &Model<'_>) -> Self {
        Self::made(model, Vec::new(), false)
    }

    fn made<'m>(model: &Model<'_>, others: Vec<&'m Model<'m>>, with_missing: bool) -> Self {
        let mut routing = model.policies().routing.clone();
        let mut plain = Routing::default();
        for root in &model.cluster().inventory.routing {
            // What cannot be read is said where the objects themselves are asked for.
            plain.add(root, &mut Diagnostics::new());
        }
        routing.fill(plain);
        let routing = routing.sorted();
        if routing.is_empty() {
            return Self { routing, ..Self::default() };
        }
        let mut listeners = listeners::of(model, &routing);
        if with_missing {
            listeners.extend(missing::of(model, &routing));
        }
        let others: Vec<Elsewhere<'_>> =
            others.into_iter().map(|other| Elsewhere::of(model, other, &routing)).collect();
        let land = Land { model, others: &others, routing: &routing };
        let mut openings = Vec::new();
        for (at, listener) in listeners.iter().enumerate() {
            if listener.tls == Tls::AutoPassthrough {
                openings.extend(passed_on::openings(model, &others, listener, at));
                continue;
            }
            let candidates = |other: &Entrance| candidates(model, other, &routing);
            let own = candidates(listener);
            let rivals: Vec<Candidate> = sharing(&listeners, at).flat_map(candidates).collect();
            openings.extend(land.opened((at, listener), &own, &rivals));
            for other in mistaken(&listeners, at) {
                let theirs = candidates(other);
                let openings_of = land.opened((at, listener), &theirs, &[]);
                openings.extend(openings_of.into_iter().map(|opening| Opening { mistaken: true, ..opening }));
            }
        }
        let mut leading: BTreeMap<String, Leading> = BTreeMap::new();
        for (at, opening) in openings.iter().enumerate() {
            let home = leading.entry(model.name().to_owned()).or_default();
            home.add(at, &opening.leads, opening.may_be_anybody);
            for Beyond { cluster, leads, may_be_anybody } in &opening.beyond {
                leading.entry(cluster.clone()).or_default().add(at, leads, *may_be_anybody);
            }
        }
        let detours = detours::of(model, &routing);
        Self { listeners, openings, routing, leading, detours }
    }

    /// Returns the routes at Services that lead to a port of a workload, by its position in the inventory.
    pub(crate) fn detours_to(&self, workload: usize, port: u16) -> &[Detour] {
        self.detours.get(&(workload, port)).map(Vec::as_slice).unwrap_or_default()
    }

    /// Returns the ServiceEntries that are about a host.
    pub fn entries_of<'e>(&'e self, host: &str) -> impl Iterator<Item = &'e ServiceEntry> {
        self.routing.entries.iter().filter(move |entry| entry.is_about(host))
    }

    /// Returns the ports that are known of a host: those that clients call, and those behind them that are not of pods.
    #[must_use]
    pub fn ports_at(&self, host: &str) -> BTreeSet<u16> {
        let of_entry = |entry: &ServiceEntry| {
            let inside = entry.selector.is_some();
            let both = entry.ports.iter().map(|port| [port.port, if inside { port.port } else { port.target }]);
            both.flatten().collect::<Vec<_>>()
        };
        self.entries_of(host).flat_map(of_entry).collect()
    }

    /// Finds the workloads behind a host, as far as it stands for any.
    pub(crate) fn behind(&self, model: &Model<'_>, host: &str, port: u16) -> Vec<(Named, Behind)> {
        let of_entry = |entry: &ServiceEntry| {
            let called = entry.port(port)?.port;
            Some((entry.object.clone(), behind::of_entry(model, &self.routing, entry, Some(called))))
        };
        self.entries_of(host).filter_map(of_entry).collect()
    }

    /// Returns the ports of a workload of a cluster to which openings lead, by its position in the inventory.
    #[must_use]
    pub fn ports_of(&self, cluster: &str, workload: usize) -> BTreeSet<u16> {
        let leading = self.leading.get(cluster).map(|it| it.known.range((workload, 0)..=(workload, u16::MAX)));
        leading.into_iter().flatten().map(|((_, port), _)| *port).collect()
    }

    /// Returns the ports of workloads of a cluster to which openings lead, by position in the inventory and number.
    pub fn led(&self, cluster: &str) -> impl Iterator<Item = (usize, u16)> {
        self.leading.get(cluster).into_iter().flat_map(|leading| leading.known.keys().copied())
    }

    /// Tells whether some opening may lead to any pod of a cluster.
    #[must_use]
    pub fn may_lead_anywhere(&self, cluster: &str) -> bool {
        self.leading.get(cluster).is_some_and(|leading| !leading.open_ended.is_empty())
    }

    /// Returns the openings that lead, or may lead, to a port of a workload of a cluster, by its position in the inventory.
    pub fn leading_to(&self, cluster: &str, workload: usize, port: u16) -> impl Iterator<Item = &Opening> {
        let leading = self.leading.get(cluster);
        let known = leading.and_then(|it| it.known.get(&(workload, port))).into_iter().flatten();
        let open_ended = leading.map(|it| it.open_ended.as_slice()).unwrap_or_default();
        let all: BTreeSet<usize> = known.chain(open_ended).copied().collect();
        all.into_iter().filter_map(|at| self.openings.get(at))
    }

    /// Returns the listener of an opening.
    #[must_use]
    pub fn listener(&self, opening: &Opening) -> Option<&Entrance> {
        self.listeners.get(opening.listener)
    }
}

/// Returns the matches of rules at a listener.
fn candidates(model: &Model<'_>, listener: &Entrance, routing: &Routing) -> Vec<Candidate> {
    match &listener.attaches {
        Attaches::Bound(hosts) => bound::to(model, listener, hosts, routing),
        Attaches::Attached { allows, kinds } => attached::to(model, listener, allows, kinds, routing),
    }
}

/// Returns the other listeners at the same port of the same pods that read requests.
fn beside(listeners: &[Entrance], at: usize) -> impl Iterator<Item = (&Entrance, &Entrance)> {
    let own = listeners.get(at).filter(|own| own.speaks == Speaks::Http);
    own.into_iter().flat_map(move |own| {
        let shares = |one: &Listening| own.pods.iter().any(|ours| ours.pods == one.pods && ours.port == one.port);
        let others = listeners.iter().enumerate().filter(move |(other, _)| *other != at);
        // Two of which nothing is known need not be the same pods.
        let others = others.filter(|(_, one)| !own.is_missing && !one.is_missing);
        others
            .filter(move |(_, one)| one.speaks == Speaks::Http && one.pods.iter().any(shares))
            .map(move |(_, one)| (own, one))
    })
}

/// Returns those whose routes are of one table with those of a listener: of plaintext all are.
fn sharing(listeners: &[Entrance], at: usize) -> impl Iterator<Item = &Entrance> {
    beside(listeners, at).filter(|(own, other)| !own.tls.is_there() && !other.tls.is_there()).map(|(_, other)| other)
}

/// Returns those that ask for a certificate where this one asks for none: a client may name this one in the handshake and a host
/// of theirs in its requests (istio.io, "Security Best Practices", on TLS of several hosts at one port).
fn mistaken(listeners: &[Entrance], at: usize) -> impl Iterator<Item = &Entrance> {
    let encrypted = |(own, other): &(&Entrance, &Entrance)| own.tls.is_there() && other.tls.is_there();
    beside(listeners, at)
        .filter(encrypted)
        .filter(|(own, other)| !own.tls.asks() && other.tls.asks())
        .map(|(_, other)| other)
}

/// The cluster of a gateway, and the others of its mesh.
struct Land<'l, 'm> {
    model: &'l Model<'l>,
    others: &'l [Elsewhere<'m>],
    routing: &'l Routing,
}

impl Land<'_, '_> {
    /// Turns candidates into openings: one for each backend.
    fn opened(
        &self,
        (at, listener): (usize, &Entrance),
        candidates: &[Candidate],
        rivals: &[Candidate],
    ) -> Vec<Opening> {
        let Self { model, routing, .. } = *self;
        let mut openings = Vec::new();
        for candidate in candidates {
            let requests = order::requests(candidate, candidates, rivals, listener);
            let opening = |target: &Target| Opening {
                listener: at,
                route: Some(candidate.object.clone()),
                rule: Some((candidate.position.0, candidate.matched.span)),
                host: candidate.host.clone(),
                matched: candidate.matched.tests.clone(),
                requests: requests.clone(),
                rewriting: Rewriting::default(),
                beginning: candidate.matched.beginning.clone(),
                target: target.clone(),
                port: None,
                mirrors: false,
                leads: Vec::new(),
                may_be_anybody: false,
                beyond: Vec::new(),
                doubt: None,
                mistaken: false,
                shut: listener.shut.clone().or_else(|| candidate.shut.clone()),
            };
            match &candidate.leads {
                Leads::To(backends, rewriting) => {
                    for backend in backends {
                        let opening = opening(&backend.target);
                        let (lent, why) = lent(model, candidate, &backend.target, routing);
                        let shut = opening.shut.clone().or_else(|| why.clone().filter(|_| !lent.may()));
                        let requests = match (lent, why) {
                            (Fits::Perhaps, Some(why)) => order::supposing(opening.requests.clone(), &why),
                            _ => opening.requests.clone(),
                        };
                        let home = behind::of(model, routing, backend);
                        let beyond = self.others.iter().filter_map(|other| other.behind(backend, &home));
                        let (beyond, doubts): (Vec<_>, Vec<_>) = beyond.unzip();
                        let Behind { leads, lost, doubt, may_be_anybody, .. } = home;
                        let doubt = doubt.or_else(|| doubts.into_iter().flatten().next());
                        let lost = lost.filter(|_| beyond.is_empty());
                        openings.push(Opening {
                            requests,
                            rewriting: rewriting.and(&backend.rewriting),
                            port: backend.port,
                            mirrors: backend.mirrors,
                            leads,
                            may_be_anybody,
                            beyond,
                            doubt,
                            shut: shut.or(lost),
                            ..opening
                        });
                    }
                }
                Leads::Nowhere(why) => {
                    let opening = opening(&Target::Other((*why).to_owned()));
                    openings
                        .push(Opening { shut: opening.shut.clone().or_else(|| Some((*why).to_owned())), ..opening });
                }
                Leads::Delegate(Delegate { namespace, name, .. }) => {
                    let opening = opening(&Target::Other(format!("VirtualService {namespace}/{name}")));
                    let lost = || Some("there is no such VirtualService to delegate to".to_owned());
                    openings.push(Opening { shut: opening.shut.clone().or_else(lost), ..opening });
                }
            }
        }
        openings
    }
}

/// Says whether a route of the Gateway API may lead somewhere, and what keeps it from there.
fn lent(model: &Model<'_>, candidate: &Candidate, target: &Target, routing: &Routing) -> (Fits, Option<String>) {
    let Target::Service(namespace, name) = target else { return (Fits::Yes, None) };
    let (kind, from) = (candidate.object.kind, candidate.object.namespace.as_str());
    if kind == "VirtualService" || namespace == from {
        return (Fits::Yes, None);
    }
    let lent = routing.lends(model.cluster().inventory, (kind, from), namespace, ("Service", name));
    (lent, Some(format!("no ReferenceGrant of {namespace} lets a {kind} of {from} lead to {name}")))
}
