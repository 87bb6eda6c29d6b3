//! Who reaches hosts outside the cluster, and by which way.
//!
//! In: a [`Model`], what gateways lead out ([`Entrances`]), a workload and a host. Out: [`Leaving`]: what the policies of the network
//! say of a connection straight to wherever the host is, and each way through a gateway or a waypoint: to its pods, past its policies,
//! and out of there. A host may stand for pods of the mesh, and then it is they who are reached. What a sidecar is told of hosts is no boundary (istio/api `networking/v1/sidecar.proto`) and is not asked.

use ipnet::IpNet;
use ringfence_compiler::inventory::Workload;
use ringfence_compiler::spec::cluster::ClusterSpec;

use crate::engine::envoy::Reads;
use crate::engine::{Chain, Leaf, chain};
use crate::entrances::{Entrance, Entrances, Listening, Opening, Pods, common};
use crate::exact::{Arrivals, Certainty, Space, Verdict};
use crate::kubernetes::fits::Fits;
use crate::kubernetes::network::names;
use crate::kubernetes::passage::Direction;
use crate::kubernetes::peer::{Peer, Pod};
use crate::model::Model;
use crate::network::{everywhere, gate, is_egress_guarded, joined};
use crate::reach::{
    Answer, Asked, Caller, Cited, Decider, Detail, Gate, Outbound, Reach, explain, gateway_policies, outbound,
    outside_of,
};
use crate::residual::{Resolved, resolved};
use crate::routing::gateway::{Speaks, Tls};
use crate::routing::{Named, Target};

/// The ways from a workload to a host outside.
#[derive(Debug)]
pub struct Leaving<'e> {
    /// What the network says of a connection straight to the host, wherever that is; `None` where it stands for pods of the mesh.
    pub straight: Option<Gate<'e>>,
    /// The ways through gateways.
    pub ways: Vec<Out<'e>>,
    /// The ways through waypoints.
    pub waypoints: Vec<Outbound<'e>>,
    /// The pods of the mesh that it stands for.
    pub within: Vec<Within<'e>>,
    /// Why it may be reached otherwise.
    pub doubts: Vec<String>,
}

/// Pods of the mesh that a host stands for.
#[derive(Debug)]
pub struct Within<'e> {
    /// The ServiceEntry that says so.
    pub entry: Named,
    /// The workload.
    pub workload: &'e Workload,
    /// Its port.
    pub port: u16,
    /// Whether the caller reaches it.
    pub answer: Answer<'e>,
}

/// A way out through a gateway.
#[derive(Debug)]
pub struct Out<'e> {
    /// The listener.
    pub listener: &'e Entrance,
    /// What leads out there.
    pub opening: &'e Opening,
    /// The pods of the gateway, in words.
    pub pods: String,
    /// The caller's policies of the network.
    pub leaves: Gate<'e>,
    /// The gateway's.
    pub enters: Gate<'e>,
    /// The policies at the gateway.
    pub gateway: Gate<'e>,
    /// The gateway's own policies of the network about what leaves it.
    pub exits: Gate<'e>,
    /// Why it is not sure.
    pub doubts: Vec<String>,
}

impl Leaving<'_> {
    /// Returns the answer in one word.
    #[must_use]
    pub fn reach(&self) -> Reach {
        let straight = self.straight.as_ref().map(Gate::reach);
        let ways = self.ways.iter().map(Out::reach).chain(self.waypoints.iter().map(Outbound::reach));
        let within = self.within.iter().map(|within| within.answer.reach());
        let perhaps = (!self.doubts.is_empty()).then_some(Reach::Depends);
        ways.chain(within).chain(straight).chain(perhaps).max().unwrap_or(Reach::Denied)
    }
}

impl Out<'_> {
    /// Returns the answer of this way in one word: that of the strictest gate.
    #[must_use]
    pub fn reach(&self) -> Reach {
        let gates = [&self.leaves, &self.enters, &self.gateway, &self.exits];
        let most = if self.doubts.is_empty() { Reach::Allowed } else { Reach::Depends };
        gates.into_iter().map(Gate::reach).min().unwrap_or(Reach::Denied).min(most)
    }
}

/// Where a host is called.
#[derive(Debug, Clone)]
pub struct Host<'h> {
    /// Its name.
    pub name: &'h str,
    /// The port that is called.
    pub port: u16,
    /// Its addresses, where they are known.
    pub addresses: &'h [IpNet],
    /// Addresses of pods and nodes, where no host outside is.
    pub inside: &'h [IpNet],
}

/// Addresses of a machine itself and of its link: no host outside has one.
const NEAR: [&str; 4] = ["127.0.0.0/8", "169.254.0.0/16", "::1/128", "fe80::/10"];

impl Host<'_> {
    /// Returns an address out of each part of the host's addresses that none of these blocks tells apart.
    fn parts(&self, blocks: &[IpNet]) -> Vec<IpNet> {
        let anywhere = if self.addresses.is_empty() { everywhere() } else { self.addresses.to_vec() };
        let near = NEAR.iter().filter_map(|block| block.parse().ok());
        let inside: Vec<IpNet> = self.inside.iter().copied().chain(near).collect();
        let within = blocks.iter().copied().filter(|block| anywhere.iter().any(|wide| wide.contains(block)));
        let mut nets: Vec<IpNet> = within.chain(anywhere.iter().copied()).collect();
        nets.sort();
        nets.dedup();
        let part = |net: &IpNet| {
            let inner = nets.iter().filter(|other| *other != net && net.contains(*other));
            let taken: Vec<IpNet> = inner.copied().chain(inside.iter().copied()).collect();
            outside_of(net, &taken).map(IpNet::from)
        };
        nets.iter().filter_map(part).collect()
    }
}

/// Returns the addresses of pods and nodes that the facts about clusters name.
#[must_use]
pub fn inside<'c>(facts: impl Iterator<Item = &'c ClusterSpec>) -> Vec<IpNet> {
    facts.flat_map(|facts| facts.pod_cidrs.iter().chain(&facts.node_cidrs)).map(|block| block.value.0).collect()
}

/// Says whether a workload reaches a host outside.
#[must_use]
pub fn leaving<'e>(model: &'e Model<'e>, entrances: &'e Entrances, from: &'e Workload, host: &Host<'_>) -> Leaving<'e> {
    let network = model.network();
    let out_of = |pods: &Pod<'_>| {
        let ask = |block: &IpNet| gate(network.passes(pods, Direction::Egress, Peer::Outside(*block), host.port, &[]));
        let parts = host.parts(&network.blocks(pods, Direction::Egress));
        joined(parts.iter().map(ask))
    };
    let own = network.pods(from);
    // No policy of the network selects a machine outside Kubernetes.
    let straight = if from.machine.is_some() { Gate::Open(Decider::Nobody) } else { out_of(&own) };
    let mut ways = Vec::new();
    for opening in &entrances.openings {
        let leads = match &opening.target {
            // Either may be a wildcard.
            Target::Host(name) => Fits::of(common(&name.to_lowercase(), &host.name.to_lowercase()).is_some()),
            // A Service without a selector may be another name of any host.
            _ if opening.may_be_anybody => Fits::Perhaps,
            _ => Fits::No,
        };
        let Some(listener) = entrances.listener(opening).filter(|_| leads.may() && opening.shut.is_none()) else {
            continue;
        };
        for listening in &listener.pods {
            let port = listening.port;
            let mut doubts: Vec<String> = listening.doubt.iter().cloned().collect();
            if leads == Fits::Perhaps {
                doubts.push(format!("nobody knows whether {} is that host", opening.target));
            }
            if listener.is_missing {
                doubts.push(format!("the {} is not among the manifests", listener.object));
            }
            let Some(at) = pods_of(model, listening) else {
                doubts.push("no manifest shows the pods of the gateway".to_owned());
                let unknown = || Gate::Unsure(Decider::NotModelled("pods of a gateway that no manifest shows"));
                let leaves = match is_egress_guarded(model, from) {
                    true => unknown(),
                    false => Gate::Open(Decider::Nobody),
                };
                let (pods, gateway) = (listening.name(model), unknown());
                ways.push(Out {
                    listener,
                    opening,
                    pods,
                    leaves,
                    enters: unknown(),
                    gateway,
                    exits: unknown(),
                    doubts,
                });
                continue;
            };
            let names = match &listening.pods {
                Pods::Workload(at) => {
                    let workload = model.cluster().inventory.workloads.get(*at);
                    workload.map(|workload| names(workload, port)).unwrap_or_default()
                }
                _ => Vec::new(),
            };
            ways.push(Out {
                listener,
                opening,
                pods: listening.name(model),
                leaves: gate(network.passes(&own, Direction::Egress, Peer::Pods(at), port, &names)),
                enters: gate(network.passes(&at, Direction::Ingress, Peer::Pods(own), port, &names)),
                gateway: at_gateway(model, listener, opening, listening, from),
                exits: out_of(&at),
                doubts,
            });
        }
    }
    let caller = Caller::Workload(from);
    let by_waypoint = |entry| outbound(model, caller, entry, host.port, &out_of);
    let waypoints = entrances.entries_of(host.name).filter_map(by_waypoint).collect();
    let (mut within, mut doubts) = (Vec::new(), Vec::new());
    let anything = Asked::anything();
    let entries = entrances.behind(model, host.name, host.port);
    let is_outside = entries.is_empty() || entries.iter().any(|(_, it)| it.leads.is_empty() || it.is_outside);
    for (entry, behind) in entries {
        if behind.may_be_anybody && is_let_out(model, from, host.port) {
            doubts.push(format!("{entry} names an address that a pod may have"));
        }
        for (at, port) in behind.leads {
            let Some(workload) = model.cluster().inventory.workloads.get(at) else { continue };
            let answer = explain(model, caller, (workload, port), &anything, Detail::default());
            within.push(Within { entry: entry.clone(), workload, port, answer });
        }
    }
    Leaving { straight: is_outside.then_some(straight), ways, waypoints, within, doubts }
}

/// Tells whether something lets a workload out to some pod, or to some address.
fn is_let_out(model: &Model<'_>, from: &Workload, port: u16) -> bool {
    let network = model.network();
    let to_pods = || model.workloads().any(|to| gate(network.leaves(from, to, port)).reach() != Reach::Denied);
    let blocks = network.blocks(&network.pods(from), Direction::Egress).into_iter().chain(everywhere());
    let mut out = blocks.map(|block| gate(network.leaves_for(from, block, port, &[])).reach());
    out.any(|reach| reach != Reach::Denied) || to_pods()
}

/// Describes the pods of a gateway; `None` where nothing is known of them.
fn pods_of<'e>(model: &'e Model<'e>, listening: &'e Listening) -> Option<Pod<'e>> {
    match &listening.pods {
        Pods::Workload(at) => Some(model.network().pods(model.cluster().inventory.workloads.get(*at)?)),
        Pods::Known(stranger) => {
            Some(model.network().strangers(&stranger.identity.namespace, stranger.labels.as_ref()))
        }
        Pods::Unknown(_) => None,
    }
}

/// Asks the policies at a gateway about the requests of a workload that a route there is about.
fn at_gateway<'e>(
    model: &'e Model<'e>,
    listener: &'e Entrance,
    opening: &'e Opening,
    listening: &'e Listening,
    from: &Workload,
) -> Gate<'e> {
    let policies = gateway_policies(model, listener, listening);
    let identity = model.identity(from);
    // Who has taken a workload over may leave its proxy out, but where a certificate is asked for, one has to be shown.
    let shown = identity.filter(|_| listener.tls == Tls::Mesh);
    if listener.tls == Tls::Mesh && shown.is_none() {
        return Gate::Shut(Decider::NoCertificate { asking: Vec::new(), foreign: None });
    }
    let uri = shown.map(|identity| format!("spiffe://{identity}"));
    let reads = if listener.speaks == Speaks::Http { Reads::Http } else { Reads::Bytes };
    let asked = resolved(&chain(&policies, reads, model.mesh()), &|leaf| match leaf {
        Leaf::Peer(glob) => Resolved::Known(uri.as_ref().is_some_and(|uri| glob.matches(uri))),
        Leaf::Port(port) => Resolved::Known(*port == listening.port),
        leaf => Resolved::Asked(leaf.clone()),
    });
    let whole: Chain<_> = opening.requests.clone().and(asked, |_, rule| rule.copied());
    let arrivals = Arrivals { http: reads == Reads::Http, mtls: false, ..Arrivals::anything(listening.port) };
    let space = Space::of(arrivals.clone(), whole.rules().flat_map(crate::engine::Enforced::tests), &[]);
    let verdict = Verdict::of(&space, &arrivals, &whole);
    let everything = space.everything();
    let admitted = |certainty| verdict.admitted(&everything, certainty).map(|(rule, _)| rule);
    let cited = |rule: Option<usize>| {
        let rule = whole.allow.as_ref().and_then(|rules| rules.get(rule?)?.origin);
        rule.and_then(|rule| Cited::of(&policies, rule)).map_or(Decider::Nobody, Decider::Rule)
    };
    match (admitted(Certainty::Surely), admitted(Certainty::Perhaps)) {
        (Some(rule), _) => Gate::Open(cited(rule)),
        (None, Some(rule)) => Gate::Unsure(cited(rule)),
        (None, None) => Gate::Shut(Decider::NoRule {
            about: policies.iter().map(|policy| Cited::authorization(policy)).collect(),
            nearest: None,
        }),
    }
}
