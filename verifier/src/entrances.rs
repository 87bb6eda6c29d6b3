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
mod bound;
mod detours;
mod listeners;
mod missing;
mod order;

use std::collections::{BTreeMap, BTreeSet};

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::inventory::{Labels, Opened};
use ringfence_compiler::source::Span;

pub(crate) use self::attached::takes;
use self::behind::{Behind, fronted};
pub(crate) use self::detours::Detour;
use self::detours::Detours;
use self::order::Candidate;
pub(crate) use self::order::{common, older};
use crate::engine::{Chain, Leaf};
use crate::kubernetes::fits::Fits;
use crate::model::{Model, Stranger, numbered};
use crate::routing::gateway::{Speaks, Tls};
use crate::routing::gateway_api::Sources;
use crate::routing::matching::Beginning;
use crate::routing::service_entry::ServiceEntry;
use crate::routing::{Delegate, Leads, Named, NewPath, Rewriting, Routing, Target};
use crate::words;

/// Everything gateways let in.
#[derive(Debug, Default)]
pub struct Entrances {
    /// Listeners, in the order of their objects.
    pub listeners: Vec<Entrance>,
    /// What they let in, in the order of listeners and then as rules are asked.
    pub openings: Vec<Opening>,
    /// The objects that they go by.
    routing: Routing,
    /// By workload and port the openings that lead there, by their positions.
    leading: BTreeMap<(usize, u16), Vec<usize>>,
    /// Routes at Services, by where they lead.
    detours: Detours,
    /// The openings of which nobody knows where they lead.
    open_ended: Vec<usize>,
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

/// Requests that one match leads to one backend.
#[derive(Debug, Clone)]
pub struct Opening {
    /// The listener, by its position.
    pub listener: usize,
    /// The route; `None` where none is asked.
    pub route: Option<Named>,
    /// The rule: its position, and where the match was written.
    pub rule: Option<(usize, Span)>,
    /// The host it is about.
    pub host: String,
    /// What it is about beside the host, as it is written.
    pub matched: Vec<crate::engine::Test>,
    /// Exactly the requests that get here: what it is about without what rules before it take.
    pub requests: Chain<()>,
    /// How requests are changed.
    pub rewriting: Rewriting,
    /// What of the path the match names.
    pub beginning: Beginning,
    /// Who gets them.
    pub target: Target,
    /// The port of the target that is called.
    pub port: Option<u16>,
    /// Whether it gets copies.
    pub mirrors: bool,
    /// The workloads behind, by their position in the inventory, each with a port.
    pub leads: Vec<(usize, u16)>,
    /// Whether nobody knows who is behind the target: any pod may be.
    pub may_be_anybody: bool,
    /// Why nobody knows whether requests get there, or as whom.
    pub doubt: Option<String>,
    /// Whether its host is of another listener, and the handshake names this one.
    pub mistaken: bool,
    /// Why nothing gets there.
    pub shut: Option<String>,
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

impl Opening {
    /// Says what it is about, in words: `api.example GET /v1/*`.
    #[must_use]
    pub fn words(&self) -> String {
        let mut words = vec![self.host.clone()];
        let any_path = !self.matched.iter().flat_map(|test| &test.leaves).any(|leaf| matches!(leaf, Leaf::Path(_)));
        let named = |test: &&crate::engine::Test| test.leaves.iter().any(|leaf| matches!(leaf, Leaf::ServerName(_)));
        let is_of_requests = !self.matched.iter().any(|test| named(&test));
        words.extend((any_path && is_of_requests).then(|| "*".to_owned()));
        for test in self.matched.iter().filter(|test| !named(test)) {
            let values: Vec<String> = test
                .leaves
                .iter()
                .map(|leaf| match leaf {
                    Leaf::Path(_) | Leaf::Method(_) => words::value(leaf),
                    leaf => words::condition(leaf),
                })
                .collect();
            words.push(format!("{}{}", if test.negated { "not " } else { "" }, values.join(" or ")));
        }
        words.extend(self.mistaken.then(|| "by the name of another listener".to_owned()));
        words.join(" ")
    }

    /// Tells whether it may be about a path.
    #[must_use]
    pub fn is_about(&self, path: &str) -> bool {
        self.matched.iter().all(|test| {
            let asks = |leaf: &Leaf| if let Leaf::Path(glob) = leaf { glob.matches(path) } else { true };
            test.negated || test.leaves.iter().any(asks)
        })
    }

    /// Returns what becomes of a path it is about; `None` where nobody can tell.
    #[must_use]
    pub fn turned(&self, path: &str) -> Option<String> {
        let (new, rest) = match (&self.rewriting.path, &self.beginning) {
            (None, _) => return Some(path.to_owned()),
            (Some(NewPath::Whole(whole)), _) | (Some(NewPath::Beginning(whole)), Beginning::Whole) => {
                return Some(whole.clone());
            }
            (Some(NewPath::Beginning(new)), Beginning::With(matched)) => (new.as_str(), path.strip_prefix(matched)?),
            (Some(NewPath::Beginning(new)), Beginning::Segments(matched)) => {
                (new.trim_end_matches('/'), path.strip_prefix(matched)?)
            }
            _ => return None,
        };
        let turned = format!("{new}{rest}");
        Some(if turned.is_empty() { "/".to_owned() } else { turned })
    }

    /// Says how requests are changed, in words; empty where they are not.
    #[must_use]
    pub fn rewritten(&self) -> String {
        let path = self.rewriting.path.as_ref().map(|path| match path {
            NewPath::Whole(path) => format!("path {path}"),
            NewPath::Beginning(path) => format!("the path begins with {path} instead"),
            NewPath::Unknown => "the path is rewritten by a regular expression".to_owned(),
        });
        let host = self.rewriting.host.as_ref().map(|host| format!("host {host}"));
        path.into_iter().chain(host).map(|change| format!(", {change}")).collect()
    }
}

impl Entrances {
    /// Finds what gateways let in, and what those may that routes name and nothing at hand shows.
    #[must_use]
    pub fn of(model: &Model<'_>) -> Self {
        Self::made(model, true)
    }

    /// Finds what gateways let in whose objects are at hand.
    #[must_use]
    pub fn at_hand(model: &Model<'_>) -> Self {
        Self::made(model, false)
    }

    fn made(model: &Model<'_>, with_missing: bool) -> Self {
        let mut routing = model.policies().routing.clone();
        let mut others = Routing::default();
        for root in &model.cluster().inventory.routing {
            // What cannot be read is said where the objects themselves are asked for.
            others.add(root, &mut Diagnostics::new());
        }
        routing.fill(others);
        let routing = routing.sorted();
        if routing.is_empty() {
            return Self { routing, ..Self::default() };
        }
        let mut listeners = listeners::of(model, &routing);
        if with_missing {
            listeners.extend(missing::of(model, &routing));
        }
        let mut openings = Vec::new();
        for (at, listener) in listeners.iter().enumerate() {
            if listener.tls == Tls::AutoPassthrough {
                openings.extend(passed_on(model, listener, at));
                continue;
            }
            let candidates = |other: &Entrance| candidates(model, other, &routing);
            let own = candidates(listener);
            let rivals: Vec<Candidate> = sharing(&listeners, at).flat_map(candidates).collect();
            openings.extend(opened(model, (at, listener), &own, &rivals, &routing));
            for other in mistaken(&listeners, at) {
                let theirs = candidates(other);
                let openings_of = opened(model, (at, listener), &theirs, &[], &routing);
                openings.extend(openings_of.into_iter().map(|opening| Opening { mistaken: true, ..opening }));
            }
        }
        let mut leading: BTreeMap<(usize, u16), Vec<usize>> = BTreeMap::new();
        for (at, opening) in openings.iter().enumerate() {
            opening.leads.iter().for_each(|to| leading.entry(*to).or_default().push(at));
        }
        let open_ended = openings.iter().enumerate().filter(|(_, it)| it.may_be_anybody).map(|(at, _)| at).collect();
        let detours = detours::of(model, &routing);
        Self { listeners, openings, routing, leading, detours, open_ended }
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

    /// Returns the ports of a workload to which openings lead, by its position in the inventory.
    #[must_use]
    pub fn ports_of(&self, workload: usize) -> BTreeSet<u16> {
        self.leading.range((workload, 0)..=(workload, u16::MAX)).map(|((_, port), _)| *port).collect()
    }

    /// Returns the openings that lead, or may lead, to a port of a workload, by its position in the inventory.
    pub fn leading_to(&self, workload: usize, port: u16) -> impl Iterator<Item = &Opening> {
        let known = self.leading.get(&(workload, port)).into_iter().flatten();
        let all: BTreeSet<usize> = known.chain(&self.open_ended).copied().collect();
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

/// Turns candidates into openings: one for each backend.
fn opened(
    model: &Model<'_>,
    (at, listener): (usize, &Entrance),
    candidates: &[Candidate],
    rivals: &[Candidate],
    routing: &Routing,
) -> Vec<Opening> {
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
                    let Behind { leads, lost, doubt, may_be_anybody, .. } = behind::of(model, routing, backend);
                    openings.push(Opening {
                        requests,
                        rewriting: rewriting.and(&backend.rewriting),
                        port: backend.port,
                        mirrors: backend.mirrors,
                        leads,
                        may_be_anybody,
                        doubt,
                        shut: shut.or(lost),
                        ..opening
                    });
                }
            }
            Leads::Nowhere(why) => {
                let opening = opening(&Target::Other((*why).to_owned()));
                openings.push(Opening { shut: opening.shut.clone().or_else(|| Some((*why).to_owned())), ..opening });
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

/// Makes the openings of a listener that passes everything on: one for each port of each Service it is about.
fn passed_on(model: &Model<'_>, listener: &Entrance, at: usize) -> Vec<Opening> {
    let Attaches::Bound(hosts) = &listener.attaches else { return Vec::new() };
    let mut openings = Vec::new();
    for service in &model.cluster().inventory.services {
        let host = format!("{}.{}.svc.cluster.local", service.name, service.namespace);
        let is_meant = hosts.iter().any(|(namespace, dns)| {
            namespace.as_ref().is_none_or(|it| {
                let own = if it == "." { &listener.object.namespace } else { it };
                *own == service.namespace
            }) && crate::routing::matching::host(dns).matches(&host)
        });
        for port in service.ports.iter().filter(|_| is_meant) {
            let leads = fronted(model, service).flat_map(|(at, pods)| {
                numbered(pods, &port.target).into_iter().map(move |port| (at, port)).collect::<Vec<_>>()
            });
            openings.push(Opening {
                listener: at,
                route: None,
                rule: None,
                host: host.clone(),
                matched: Vec::new(),
                requests: Chain::default(),
                rewriting: Rewriting::default(),
                beginning: Beginning::Unknown,
                target: Target::Service(service.namespace.clone(), service.name.clone()),
                port: Some(port.port),
                mirrors: false,
                leads: leads.collect(),
                may_be_anybody: false,
                doubt: None,
                mistaken: false,
                shut: listener.shut.clone(),
            });
        }
    }
    openings.retain(|opening| !opening.leads.is_empty());
    openings
}
