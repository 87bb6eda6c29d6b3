//! Through a waypoint to a port in ambient mode: to its pods, past the policies it enforces, and on with its own identity.
//!
//! In: a caller with an identity, a port behind waypoints and what is asked for. Out: the best [`Passed`], with what each hop says.
//! A waypoint sees the caller's identity, the port of the Service and the request, and enforces what is attached by `targetRefs`: to
//! its Gateway, to the Service, and to the class of all waypoints from the root namespace (istio/istio
//! `pilot/pkg/model/policyattachment.go`). The ztunnel behind it sees the waypoint (`pilot/pkg/serviceregistry/ambient/waypoints.go`).

use ringfence_compiler::inventory::{KubernetesService, Labels, Workload};
use ringfence_compiler::spec::cluster::DataPlane;

use super::proxy::{Found, Question, Told, ask, joined};
use super::{Asked, Caller, Cited, Decider, Detail, Gate, Reach};
use crate::engine::envoy::{EITHER, Reads};
use crate::engine::{RuleRef, chain, ztunnel};
use crate::exact::Arrivals;
use crate::istio::authorization::AuthorizationPolicy;
use crate::istio::request_authentication::JwtRule;
use crate::kubernetes::passage::Direction;
use crate::kubernetes::peer::{Peer, Pod};
use crate::model::{Model, numbered};
use crate::network::{TUNNEL, gate};
use crate::request::{Identity, Request};
use crate::residual::{is_plain, residual};
use crate::waypoints::{CLASS, NAMED, Named, Waypoint, used_by};

/// What the hops through a waypoint say.
#[derive(Debug, Clone)]
pub struct Passed<'a> {
    /// The waypoint, as `namespace/name`.
    pub waypoint: String,
    /// The Service that is called; `None` for a pod that is called by its address.
    pub service: Option<String>,
    /// The policies of the network between the caller and the waypoint: at the caller, and at the waypoint.
    pub before: [Gate<'a>; 2],
    /// The policies that the waypoint enforces.
    pub policies: Gate<'a>,
    /// The policies of the network between the waypoint and the workload: at the waypoint, and at the workload.
    pub after: [Gate<'a>; 2],
    /// Whether ztunnel lets the waypoint through.
    pub ztunnel: Reach,
    /// A request that gets through.
    pub witness: Option<Request>,
    /// The answer.
    pub reach: Reach,
}

/// One way through a waypoint.
pub(crate) struct Hop<'a> {
    pub named: Named<'a>,
    /// The waypoint itself; `None` where no manifest shows it.
    pub waypoint: Option<&'a Waypoint>,
    /// The Service that is called; `None` for a pod that is called by its address.
    pub service: Option<&'a KubernetesService>,
    /// The port that policies there are about.
    pub port: u16,
    pub(super) reads: &'static [Reads],
}

/// Says what becomes of a caller that comes through a waypoint; `None` where there is none, or nothing gets through.
#[must_use]
pub fn through_waypoint<'a>(
    model: &Model<'a>,
    caller: Caller<'a>,
    (to, port): (&'a Workload, u16),
    asked: &Asked,
    stolen: &[Identity],
) -> Option<Passed<'a>> {
    if stolen.is_empty() && caller.identity(model).is_none() {
        return None;
    }
    let passed = hops(model, to, port).into_iter().map(|hop| passed(model, caller, (to, port), asked, stolen, &hop));
    passed.filter(|passed| passed.reach != Reach::Denied).max_by_key(|passed| passed.reach)
}

/// Finds the waypoints before a port, by the Services that lead to it and by its own address.
pub(crate) fn hops<'a>(model: &Model<'a>, to: &'a Workload, port: u16) -> Vec<Hop<'a>> {
    let inventory = model.cluster().inventory;
    let of_namespace = inventory.namespaces.get(&to.namespace);
    let mut hops = Vec::new();
    let mut add = |service: Option<&'a KubernetesService>, labels: &'a Labels, port, reads| {
        let Some(named) = used_by(labels, of_namespace, &to.namespace) else { return };
        let waypoint =
            model.policies().waypoints.iter().find(|it| it.namespace == named.namespace && it.name == named.name);
        // What a waypoint does not serve, or where it does not let the namespace use it, is called without it.
        let serves = waypoint.is_none_or(|it| {
            let wanted = if service.is_some() { it.serves_services } else { it.serves_workloads };
            wanted && it.lets(&to.namespace, model).may()
        });
        if serves {
            hops.push(Hop { named, waypoint, service, port, reads });
        }
    };
    for service in model.services(to) {
        for front in service.ports.iter().filter(|front| numbered(to, &front.target).contains(&port)) {
            let reads = Reads::of(front.protocol.as_ref().map(|said| said.value));
            add(Some(service), &service.labels, front.port, reads);
        }
    }
    add(None, &to.labels, port, EITHER);
    hops
}

pub(super) fn passed<'a>(
    model: &Model<'a>,
    caller: Caller<'a>,
    (to, port): (&'a Workload, u16),
    asked: &Asked,
    stolen: &[Identity],
    hop: &Hop<'a>,
) -> Passed<'a> {
    let (before, after) = network(model, caller, to, hop);
    let policies = attached(model, hop);
    let tokens = tokens(model, hop);
    let detail = Detail { stolen, ..Detail::default() };
    let question = Question::of(model, caller, asked, detail);
    let (policies_say, witness) = say(model, &policies, &tokens, (hop.port, hop.reads), &question);
    let ztunnel = admits(model, (to, port), hop.waypoint);
    let gates = before.iter().chain([&policies_say]).chain(&after).map(Gate::reach);
    let mut reach = gates.chain([ztunnel]).min().unwrap_or(Reach::Denied);
    // Only tunnels lead to a waypoint by themselves: others have to evade their own proxy, or are told to come.
    let is_led =
        !stolen.is_empty() || matches!(caller, Caller::Workload(from) if model.plane(from) == Some(DataPlane::Ambient));
    if !is_led {
        reach = reach.min(Reach::Depends);
    }
    if hop.waypoint.is_none() || !is_followed(&policies) {
        reach = reach.min(Reach::Depends);
    }
    Passed {
        waypoint: format!("{}/{}", hop.named.namespace, hop.named.name),
        service: hop.service.map(|service| format!("{}/{}", service.namespace, service.name)),
        before,
        policies: policies_say,
        after,
        ztunnel,
        witness: witness.filter(|_| reach != Reach::Denied),
        reach,
    }
}

/// Asks the policies that a waypoint enforces at a port.
pub(super) fn say<'a>(
    model: &Model<'a>,
    policies: &[&'a AuthorizationPolicy],
    tokens: &[&'a JwtRule],
    (port, readings): (u16, &[Reads]),
    question: &Question<'_>,
) -> (Gate<'a>, Option<Request>) {
    let mut found: Vec<Found<RuleRef<'a>>> = Vec::new();
    for reads in readings {
        let arrivals = Arrivals {
            port,
            http: *reads == Reads::Http,
            plaintext: false,
            mtls: true,
            trust_domains: model.mesh().trust_domains.clone(),
            issuers: tokens.iter().map(|rule| rule.taken()).collect(),
        };
        found.push(ask(&chain(policies, *reads, model.mesh()), &arrivals, question));
    }
    let nothing = Found { told: Told::NoRule(None), witness: None, part: None, untold: Vec::new() };
    let Found { told, witness, .. } = joined(found).unwrap_or(nothing);
    let decider = |rule: Option<RuleRef<'a>>| {
        rule.and_then(|rule| Cited::of(policies, rule)).map_or(Decider::Nobody, Decider::Rule)
    };
    let gate = match told {
        Told::Admitted(rule) => Gate::Open(decider(rule)),
        Told::Perhaps(rule) | Told::OtherAddress(rule) => Gate::Unsure(decider(rule)),
        _ => {
            let about = policies.iter().map(|policy| Cited::authorization(policy)).collect();
            Gate::Shut(Decider::NoRule { about, nearest: None })
        }
    };
    (gate, witness)
}

/// Tells whether nothing about these policies is unknown.
pub(super) fn is_followed(policies: &[&AuthorizationPolicy]) -> bool {
    policies.iter().all(|policy| !policy.doubtful)
}

/// Returns the policies that a waypoint enforces for a Service, or for pods.
pub(crate) fn attached<'a>(model: &Model<'a>, hop: &Hop<'a>) -> Vec<&'a AuthorizationPolicy> {
    let all = model.policies().authorization.iter();
    all.filter(|policy| is_for(model, hop, &policy.namespace, &policy.targets)).collect()
}

/// Returns the rules by which a waypoint takes tokens.
pub(crate) fn tokens<'a>(model: &Model<'a>, hop: &Hop<'a>) -> Vec<&'a JwtRule> {
    let all = model.policies().tokens.iter();
    all.filter(|policy| is_for(model, hop, &policy.namespace, &policy.targets))
        .flat_map(|policy| &policy.rules)
        .collect()
}

fn is_for(model: &Model<'_>, hop: &Hop<'_>, namespace: &str, targets: &[crate::istio::read::TargetRef]) -> bool {
    targets.iter().any(|target| match target.kind.as_str() {
        "Gateway" => namespace == hop.named.namespace && target.name == hop.named.name,
        "Service" => hop.service.is_some_and(|it| it.namespace == namespace && it.name == target.name),
        "GatewayClass" => namespace == model.cluster().root_namespace() && target.name == CLASS,
        _ => false,
    })
}

/// Says whether ztunnel lets a waypoint through to a port.
pub(crate) fn admits(model: &Model<'_>, (to, port): (&Workload, u16), waypoint: Option<&Waypoint>) -> Reach {
    let cluster = model.cluster();
    let selected = model.policies().authorizing(&to.namespace, &to.labels, cluster.root_namespace());
    let chain = ztunnel::chain(&selected);
    let Some(waypoint) = waypoint else {
        // Of one that no manifest shows, nobody knows the account.
        let nobody = chain.allow.as_ref().is_some_and(Vec::is_empty);
        return if nobody { Reach::Denied } else { Reach::Depends };
    };
    let identity = Identity::new(cluster.trust_domain(), &waypoint.namespace, &waypoint.account);
    let uri = format!("spiffe://{identity}");
    let left = residual(&chain, port, &|glob| glob.matches(&uri));
    if left.deny.iter().any(is_plain) || left.allow.as_ref().is_some_and(Vec::is_empty) {
        return Reach::Denied;
    }
    let surely = left.deny.is_empty() && left.allow.as_ref().is_none_or(|allow| allow.iter().any(is_plain));
    if surely { Reach::Allowed } else { Reach::Depends }
}

/// Asks the policies of the network on both stretches, in tunnels as the mesh goes.
fn network<'a>(
    model: &Model<'a>,
    caller: Caller<'a>,
    to: &'a Workload,
    hop: &Hop<'a>,
) -> ([Gate<'a>; 2], [Gate<'a>; 2]) {
    let network = model.network();
    let labels: Labels = [(NAMED.to_owned(), hop.named.name.to_owned())].into();
    let shown = model.workloads().find(|workload| {
        workload.namespace == hop.named.namespace
            && workload.labels.get(NAMED).is_some_and(|name| name == hop.named.name)
    });
    let waypoint = match shown {
        Some(workload) => network.pods(workload),
        None => network.strangers(hop.named.namespace, Some(&labels)),
    };
    let own: Pod<'_> = network.pods(to);
    let pass =
        |at: &Pod<'_>, direction, other: Pod<'_>| gate(network.passes(at, direction, Peer::Pods(other), TUNNEL, &[]));
    let after = [pass(&waypoint, Direction::Egress, own), pass(&own, Direction::Ingress, waypoint)];
    let from = match caller {
        Caller::Workload(from) => Some(network.pods(from)),
        Caller::Stranger(stranger) => Some(network.strangers(&stranger.identity.namespace, stranger.labels.as_ref())),
        _ => None,
    };
    let before = match from {
        Some(from) => [pass(&from, Direction::Egress, waypoint), pass(&waypoint, Direction::Ingress, from)],
        None => {
            let elsewhere = || Gate::Unsure(Decider::NotModelled("calls of another cluster to a waypoint"));
            [elsewhere(), elsewhere()]
        }
    };
    (before, after)
}
