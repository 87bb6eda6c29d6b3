//! To a port through a gateway, from outside or from inside: listener, route, policies at the gateway, and all that lies between it and the port.
//!
//! In: [`Entrances`], a port and what is asked for. Out: a [`Way`] for each opening that leads there, with what each hop says.
//! The hops are not asked one by one: a request has to pass all of them, so that one space tells the tests of all apart, with those
//! of the workload turned back into what they mean of the request before the route rewrote it. Who is inside may call a gateway as
//! anybody does, and then comes to the workload as the gateway.

use std::cmp::Ordering;

use ringfence_compiler::inventory::{Labels, Opened, Workload};

use super::at_gateway::{AtGateway, Hop, arrivals_at, at_gateway, caller, first, is_shared, issuers, unknown};
use super::inward;
use super::proxy::{Found, Question, Told, ask, joined};
use super::rewritten::turned_back;
use super::{Answer, Asked, Caller, Cited, Decider, Detail, Gate, Reach};
use crate::engine::{Chain, Leaf, chain};
use crate::entrances::{Entrance, Entrances, Listening, Opening, Pods};
use crate::exact::Arrivals;
use crate::istio::authorization::AuthorizationPolicy;
use crate::istio::request_authentication::JwtRule;
use crate::model::{Before, Model};
use crate::network;
use crate::request::{Identity, Peer, Request};
use crate::residual::{Resolved, resolved};
use crate::routing::gateway::{Speaks, Tls};
use crate::waypoints::is_behind;

/// A way through a gateway to a port.
#[derive(Debug, Clone)]
pub struct Way<'e> {
    /// The cluster of the gateway.
    pub home: &'e Model<'e>,
    /// The listener.
    pub listener: &'e Entrance,
    /// What it lets in.
    pub opening: &'e Opening,
    /// The pods of the gateway, in words.
    pub pods: String,
    /// How their Service is opened to the outside; `None` where no manifest says.
    pub opened: Option<Opened>,
    /// The policies of the network at the gateway.
    pub enters: Gate<'e>,
    /// The policies at the gateway.
    pub gateway: Gate<'e>,
    /// The gateway's own policies of the network.
    pub leaves: Gate<'e>,
    /// The workload's.
    pub arrives: Gate<'e>,
    /// What stands before the workload; `None` where nothing does.
    pub proxy: Option<Gate<'e>>,
    /// Why it is unsure.
    pub doubts: Vec<String>,
    /// A request that gets through, as the client sends it.
    pub witness: Option<Request>,
    /// The answer.
    pub reach: Reach,
}

/// What is unknown of a gateway whose pods nothing shows.
const GATEWAYS_IDENTITY: &str = "the identity of the gateway";

impl<'e> Way<'e> {
    /// Returns the same as an answer about the workload: of the hops before it the strictest stands for what leaves.
    #[must_use]
    pub fn answer(self) -> Answer<'e> {
        let route = self.opening.route.as_ref().map(|route| format!(", {route}")).unwrap_or_default();
        let by = format!("{} at {}{route}", self.listener.object, self.pods);
        let before = [self.enters, self.gateway, self.leaves].into_iter().min_by_key(Gate::reach);
        let answer = Answer::before(before.unwrap_or(Gate::Open(Decider::Nobody)), self.arrives);
        let answer = Answer { proxy: self.proxy, witness: self.witness, by: Some(by), ..answer };
        // What else is unknown of the way leaves it open as well, and so does a waypoint that the gateway hands requests to.
        let unsure = |what| Gate::Unsure(Decider::NotModelled(what));
        match answer.reach().cmp(&self.reach) {
            Ordering::Greater => Answer { egress: unsure("all of what stands at the gateway"), ..answer },
            Ordering::Less => {
                let loosened = |gate: Gate<'e>| match gate {
                    Gate::Shut(_) => unsure("another way from the gateway to the workload"),
                    gate => gate,
                };
                let (egress, ingress) = (loosened(answer.egress), loosened(answer.ingress));
                Answer { egress, ingress, proxy: answer.proxy.map(loosened), ..answer }
            }
            Ordering::Equal => answer,
        }
    }
}

/// The gateways of a cluster.
#[derive(Debug, Clone, Copy)]
pub struct Gateways<'e> {
    /// The cluster.
    pub home: &'e Model<'e>,
    /// What they let in.
    pub entrances: &'e Entrances,
}

/// A port of a workload, in whatever cluster of the mesh.
#[derive(Debug, Clone, Copy)]
pub struct Behind<'e> {
    /// The cluster.
    pub model: &'e Model<'e>,
    /// The workload.
    pub workload: &'e Workload,
    /// The port.
    pub port: u16,
}

/// Finds every way from a caller, as the cluster of the port knows it, through a gateway of a cluster to a port.
#[must_use]
pub fn through<'e>(gateways: Gateways<'e>, to: Behind<'e>, from: Caller<'e>, asked: &Asked) -> Vec<Way<'e>> {
    through_each(gateways, to, from, &|_, _| vec![asked.clone()])
}

/// Finds the same where what is asked for depends on the listener and the identity of its pods.
#[must_use]
pub fn through_each<'e>(
    Gateways { home, entrances }: Gateways<'e>,
    to: Behind<'e>,
    from: Caller<'e>,
    asked: &dyn Fn(&Entrance, Option<&Identity>) -> Vec<Asked>,
) -> Vec<Way<'e>> {
    let mut here = to.model.cluster().inventory.workloads_in(&to.workload.namespace);
    let Some((at, _)) = here.find(|(_, one)| std::ptr::eq(*one, to.workload)) else { return Vec::new() };
    let from = from.known_in(to.model, home);
    let mut ways = Vec::new();
    for opening in entrances.leading_to(to.model.name(), at, to.port) {
        let Some(listener) = entrances.listener(opening) else { continue };
        // A gateway that calls itself comes as itself, which is asked without it.
        let others = listener.pods.iter().filter(|it| !is_caller(home, it, from));
        for listening in others {
            let identity = caller(home, listening).and_then(|caller| caller.identity(home));
            for asked in &asked(listener, identity.as_ref()) {
                ways.extend(Passing { home, listener, opening, listening, to, from, asked }.way());
            }
        }
    }
    ways
}

/// Tells whether the pods of a gateway are the caller.
fn is_caller(model: &Model<'_>, listening: &Listening, from: Caller<'_>) -> bool {
    match (caller(model, listening), from) {
        (Some(Caller::Workload(gateway)), Caller::Workload(from)) => std::ptr::eq(gateway, from),
        (Some(Caller::Stranger(gateway)), Caller::Stranger(from)) => gateway.identity == from.identity,
        _ => false,
    }
}

/// One opening at the pods of one gateway.
struct Passing<'e, 'q> {
    /// The cluster of the gateway.
    home: &'e Model<'e>,
    listener: &'e Entrance,
    opening: &'e Opening,
    listening: &'e Listening,
    to: Behind<'e>,
    /// The caller as the cluster of the gateway knows it.
    from: Caller<'e>,
    asked: &'q Asked,
}

impl<'e> Passing<'e, '_> {
    /// Follows it; `None` where its route is not about what is asked for.
    fn way(&self) -> Option<Way<'e>> {
        let at = at_gateway(self.home, self.listener, self.listening);
        let arrivals = arrivals_at(self.listener, self.listening, &at);
        if ask(&self.opening.requests, &arrivals, &self.question(None)).told.reach() == Reach::Denied {
            return None;
        }
        let enters = self.enters();
        let Behind { model, workload, port } = self.to;
        let (leaves, arrives) = match self.caller().map(|caller| caller.known_in(self.home, model)) {
            Some(caller) => {
                (network::egress(model, caller, workload, port), network::ingress(model, caller, workload, port))
            }
            None => self.of_unknown_pods(),
        };
        let alone = ask(&self.first_hops(&at), &arrivals, &self.question(None));
        let gateway = gate(&alone, &at.policies, &[]);
        let (proxy, found) = self.proxy(&at);
        // Nobody outside holds a certificate of the mesh.
        let shown = self.from.identity(self.home).filter(|_| self.listener.tls == Tls::Mesh);
        let is_shut = self.opening.shut.is_some() || self.listener.tls == Tls::Mesh && shown.is_none();
        let mut reach = [
            enters.reach(),
            gateway.reach(),
            leaves.reach(),
            arrives.reach(),
            proxy.as_ref().map_or(found.told.reach(), Gate::reach),
        ]
        .into_iter()
        .min()
        .unwrap_or(Reach::Denied);
        let mut doubts = found.untold.clone();
        match (&enters, self.from) {
            (Gate::Unsure(Decider::NotModelled(_)), Caller::Outside(_)) => doubts.push(
                "NetworkPolicies let pods alone come to the gateway, and no file says who leads the outside there"
                    .to_owned(),
            ),
            (Gate::Unsure(Decider::NotModelled(what)), _) => doubts.push(format!("no file tells of {what}")),
            _ => {}
        }
        if reach == Reach::Denied && enters.reach().min(gateway.reach()) != Reach::Denied && self.may_use_waypoint() {
            doubts.push("the gateway may hand it to a waypoint, which is not followed from there".to_owned());
            reach = Reach::Depends;
        }
        if let (Gate::Unsure(decider), false) = (&arrives, std::ptr::eq(self.home, model))
            && !matches!(decider, Decider::NotModelled(_))
        {
            let (home, there) = (self.home.name(), model.name());
            doubts.push(format!("NetworkPolicies of {there} let in gateways of their own, and no pods of {home}"));
        }
        if !network::share_a_network(self.home, model) && !std::ptr::eq(self.home, model) {
            doubts.push(format!("no file says how gateways of {} reach pods of {}", self.home.name(), model.name()));
            reach = reach.min(Reach::Depends);
        }
        if self.is_perhaps_anybody() {
            doubts.push(format!("no file says who is behind {}", self.opening.target));
            reach = reach.min(Reach::Depends);
        }
        if self.listener.is_missing {
            doubts.push(format!("the {} is not among the manifests", self.listener.object));
            reach = reach.min(Reach::Depends);
        }
        if let Some(doubt) = self.listening.doubt.as_ref().or(self.opening.doubt.as_ref()) {
            doubts.push(doubt.clone());
            reach = reach.min(Reach::Depends);
        }
        if let Pods::Unknown(_) = self.listening.pods {
            // Said once, and not for everybody it would have to be.
            doubts.retain(|doubt| !doubt.starts_with(GATEWAYS_IDENTITY));
            doubts.push(
                "no manifest shows the pods of the gateway, so that their identity and policies are unknown".to_owned(),
            );
            reach = reach.min(Reach::Depends);
        }
        if self.listener.tls == Tls::AutoPassthrough {
            doubts.push("TLS is passed on as it is: who calls has to speak it to the workload itself".to_owned());
            reach = reach.min(Reach::Depends);
        }
        // As the client sends it: to the gateway, which asks for a certificate of the mesh where it says so.
        let port = self.listener.port;
        let witness = found.witness.filter(|_| !is_shut && reach != Reach::Denied);
        let witness = witness.map(|request| Request { peer: shown.clone().map(Peer::from), port, ..request });
        Some(Way {
            home: self.home,
            listener: self.listener,
            opening: self.opening,
            pods: self.pods(),
            opened: self.listening.opened,
            enters,
            gateway,
            leaves,
            arrives,
            proxy,
            doubts: if reach == Reach::Depends { doubts } else { Vec::new() },
            witness,
            reach: if is_shut { Reach::Denied } else { reach },
        })
    }

    fn caller(&self) -> Option<Caller<'e>> {
        caller(self.home, self.listening)
    }

    /// Says who the gateway is; of another cluster also which.
    fn pods(&self) -> String {
        let name = self.listening.name(self.home);
        match std::ptr::eq(self.home, self.to.model) {
            true => name,
            false => format!("{}:{name}", self.home.name()),
        }
    }

    /// Tells whether nobody knows who is behind the route in the cluster of the workload.
    fn is_perhaps_anybody(&self) -> bool {
        if std::ptr::eq(self.home, self.to.model) {
            return self.opening.may_be_anybody;
        }
        let mut beyond = self.opening.beyond.iter();
        beyond.any(|it| it.cluster == self.to.model.name() && it.may_be_anybody)
    }

    fn first_hops(&self, at: &AtGateway<'e>) -> Chain<Hop<'e>> {
        first(self.home, self.listener, self.opening, (self.listening, Some(self.from)), at)
    }

    /// Tells whether gateways hand what is for the workload to a waypoint (`istio.io/ingress-use-waypoint` of the Service or its
    /// namespace; istio/istio `pilot/pkg/xds/endpoints/endpoint_builder.go`).
    fn may_use_waypoint(&self) -> bool {
        let asks = |labels: &Labels| labels.get("istio.io/ingress-use-waypoint").map(|word| word == "true");
        let Behind { model, workload, .. } = self.to;
        let namespaces = &model.cluster().inventory.namespaces;
        let of_namespace = namespaces.get(&workload.namespace).and_then(asks).unwrap_or(false);
        // What a Service says by itself goes before what its namespace says.
        let asked = model.services(workload).any(|service| asks(&service.labels).unwrap_or(of_namespace));
        asked && is_behind(model.cluster(), workload)
    }

    /// Asks the policies of the network at the gateway itself.
    fn enters(&self) -> Gate<'e> {
        match (self.from, self.caller()) {
            (Caller::Outside(block), Some(Caller::Workload(gateway))) => {
                let arrives = |caller| network::ingress(self.home, caller, gateway, self.listening.port);
                match arrives(Caller::Outside(block)) {
                    // What leads the internet there may be pods, as it must be where nothing else does.
                    Gate::Shut(decider) => {
                        let port = self.listening.port;
                        let mut pods = self.home.workloads().map(Caller::Workload);
                        let lets_in = pods.any(|caller| arrives(caller).reach() != Reach::Denied)
                            || network::lets_in_pods_nobody_shows(self.home, gateway, port);
                        match lets_in {
                            true => Gate::Unsure(Decider::NotModelled("pods that lead the outside to the gateway")),
                            false => Gate::Shut(decider),
                        }
                    }
                    gate => gate,
                }
            }
            (Caller::Outside(_), _) => Gate::Open(Decider::Nobody),
            (from, gateway) => inward::enters(self.home, from, gateway, (self.listener.port, self.listening)),
        }
    }

    /// Asks the workload's network about a caller of whom nobody knows where it is.
    fn of_unknown_pods(&self) -> (Gate<'e>, Gate<'e>) {
        let arrives = match network::is_ingress_guarded(self.to.model, self.to.workload) {
            true => Gate::Unsure(Decider::NotModelled("pods of a gateway that no manifest shows")),
            false => Gate::Open(Decider::Nobody),
        };
        (Gate::Open(Decider::Nobody), arrives)
    }

    /// Returns what is asked of each hop, by whoever the gateway is there.
    fn question(&self, shown: Option<Identity>) -> Question<'_> {
        let question = Question::of(self.home, self.from, self.asked, Detail::default());
        let taken = &self.to.model.mesh().trust_domains;
        let (shown, foreign) = shown.into_iter().partition(|it: &Identity| taken.contains(&it.trust_domain));
        Question { shown, foreign, ..question }
    }

    /// Asks all hops at once.
    fn proxy(&self, at: &AtGateway<'e>) -> (Option<Gate<'e>>, Found<Hop<'e>>) {
        let Behind { model, workload, port } = self.to;
        let first = self.first_hops(at);
        let before = model.before(workload, port);
        let identity = match self.listener.tls {
            Tls::AutoPassthrough => None,
            _ => self.caller().and_then(|caller| caller.identity(self.home)),
        };
        let root = model.cluster().root_namespace();
        let selected = model.policies().authorizing(&workload.namespace, &workload.labels, root);
        let tokens = model.tokens(workload);
        match before {
            Before::Nothing => {
                (None, ask(&first, &arrivals_at(self.listener, self.listening, at), &self.question(None)))
            }
            Before::NotModelled(what) => {
                let found = ask(&first, &arrivals_at(self.listener, self.listening, at), &self.question(None));
                (Some(Gate::Unsure(Decider::NotModelled(what))), found)
            }
            Before::Sidecar | Before::Ztunnel => {
                let modes = model.modes(workload).at(port);
                let mut found = Vec::new();
                for mode in &modes {
                    for reads in model.readings(workload, port) {
                        let own = chain(&selected, *reads, model.mesh());
                        let own = resolved(&own, &|leaf| self.before_the_route(leaf, at, &tokens));
                        let all = first.clone().and(own, |first, own| match (first, own) {
                            (_, Some(rule)) => Hop::Workload(*rule),
                            (Some(hop), None) => *hop,
                            (None, None) => Hop::Route,
                        });
                        let arrivals = Arrivals {
                            port,
                            http: self.listener.speaks == Speaks::Http,
                            plaintext: mode.plaintext(),
                            mtls: mode.mtls(),
                            trust_domains: model.mesh().trust_domains.clone(),
                            issuers: issuers(at, &tokens),
                        };
                        found.push(match &self.listening.pods {
                            // Whoever it is, it has some identity.
                            Pods::Unknown(_) => {
                                let anybody = resolved(&all, &|leaf| match leaf {
                                    Leaf::Peer(glob) => unknown(GATEWAYS_IDENTITY, glob),
                                    leaf => Resolved::Asked(leaf.clone()),
                                });
                                let arrivals = Arrivals { plaintext: true, ..arrivals };
                                ask(&anybody, &arrivals, &self.question(None))
                            }
                            _ => ask(&all, &arrivals, &self.question(identity.clone())),
                        });
                    }
                }
                let nothing = Found { told: Told::NoRule(None), witness: None, part: None, untold: Vec::new() };
                let found = joined(found).unwrap_or(nothing);
                (Some(gate(&found, &selected, &at.policies)), found)
            }
        }
    }

    /// Says what a test of the workload's proxy means of the request before the route changed it.
    fn before_the_route(&self, leaf: &Leaf, at: &AtGateway<'e>, tokens: &[&JwtRule]) -> Resolved {
        let rewriting = &self.opening.rewriting;
        let changes = |name: &str| {
            let is_it = |other: &String| other.eq_ignore_ascii_case(name);
            rewriting.added.iter().any(is_it) || rewriting.removed.iter().any(is_it)
        };
        match leaf {
            Leaf::Address(_) => Resolved::Asked(Leaf::Unknown("the address of the gateway's pods".to_owned())),
            Leaf::Destination(_) | Leaf::ServerName(_) => {
                Resolved::Asked(Leaf::Unknown("how the gateway connects to the workload".to_owned()))
            }
            // The host of a copy ends in `-shadow`, unless the proxy is told otherwise.
            Leaf::Host(glob) if self.opening.mirrors => unknown("the host of a copy", glob),
            Leaf::Host(glob) => match &rewriting.host {
                // What Envoy fills in nobody here can tell.
                Some(host) if host.contains('%') => unknown("the host as the route writes it", glob),
                Some(host) => Resolved::Known(glob.matches(host)),
                None => Resolved::Asked(leaf.clone()),
            },
            Leaf::Path(glob) => match &rewriting.path {
                None => Resolved::Asked(leaf.clone()),
                Some(new) => turned_back(glob, new, &self.opening.beginning),
            },
            Leaf::Header(name, glob) => {
                let set = rewriting.set.iter().find(|(set, _)| set.eq_ignore_ascii_case(name.as_str()));
                match set {
                    _ if changes(name.as_str()) => unknown("a header that the route changes", glob),
                    Some((_, value)) => Resolved::Known(glob.matches(value)),
                    None => Resolved::Asked(leaf.clone()),
                }
            }
            Leaf::TokenOf(..) | Leaf::Claim(..) => match (at.tokens.is_empty(), tokens.is_empty()) {
                (_, true) => Resolved::Known(false),
                (true, false) => Resolved::Asked(leaf.clone()),
                (false, false) if is_shared(at, tokens) => Resolved::Asked(leaf.clone()),
                (false, false) => Resolved::Asked(Leaf::Unknown(
                    "which token is left behind the gateway, which takes others".to_owned(),
                )),
            },
            leaf => Resolved::Asked(leaf.clone()),
        }
    }
}

/// Makes a gate of what was found: what decided is a rule of one of these policies.
fn gate<'e>(found: &Found<Hop<'e>>, own: &[&'e AuthorizationPolicy], others: &[&'e AuthorizationPolicy]) -> Gate<'e> {
    let cite = |hop: Hop<'e>| {
        let (Hop::Gateway(rule) | Hop::Workload(rule)) = hop else { return None };
        let all: Vec<&'e AuthorizationPolicy> = own.iter().chain(others).copied().collect();
        super::proxy::cite(&all, rule)
    };
    let decider = |hop: Option<Hop<'e>>| match hop.and_then(cite) {
        Some(rule) => Decider::Rule(rule),
        None => Decider::Nobody,
    };
    let about = || own.iter().map(|policy| Cited::authorization(policy)).collect();
    match &found.told {
        Told::Admitted(hop) => Gate::Open(decider(*hop)),
        Told::Perhaps(hop) | Told::OtherAddress(hop) => Gate::Unsure(decider(*hop)),
        Told::Denied(hop, also, without) => Gate::Shut(match cite(*hop) {
            Some(by) => {
                let also = also.iter().filter_map(|hop| cite(*hop)).collect();
                Decider::Denied { by, also, without: without.clone() }
            }
            None => Decider::NoRule { about: about(), nearest: None },
        }),
        Told::NoRule(_) => Gate::Shut(Decider::NoRule { about: about(), nearest: None }),
        Told::NoCertificate => Gate::Shut(Decider::NoCertificate { asking: Vec::new(), foreign: None }),
    }
}
