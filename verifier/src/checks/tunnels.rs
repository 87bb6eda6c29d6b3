//! `mesh/blocked-tunnel` and `mesh/ports-by-tunnel`: policies of the network about pods that are called through tunnels.
//!
//! In: workloads in ambient mode, and what NetworkPolicies say of their ports and of port 15008, at which callers in the mesh
//! arrive whatever port they call. Out: callers whose port is open and whose tunnel is shut, and ports that a policy keeps
//! from a caller and that the tunnel opens to it.

use std::collections::BTreeSet;

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::diagnostics::codes::mesh as code;
use ringfence_compiler::inventory::Workload;
use ringfence_compiler::source::Span;
use ringfence_compiler::spec::cluster::DataPlane;

use super::{Context, listed, quoted};
use crate::kubernetes::network_policy::NetworkPolicy;
use crate::kubernetes::passage::{By, Direction, Passage};
use crate::kubernetes::peer::Peer;
use crate::kubernetes::port::{PortMatch, Server};
use crate::model::Before;
use crate::network::TUNNEL;
use crate::reach::{self, Asked, Caller, Reach, is_gateway};

/// How many callers are tried at a workload at most.
const MOST: usize = 2_000;

pub(super) fn check(context: &Context<'_>, diagnostics: &mut Diagnostics) {
    let model = context.model;
    let in_ambient =
        |it: &&Workload| model.plane(it) == Some(DataPlane::Ambient) && !it.host_network && !is_gateway(it);
    let mut said: BTreeSet<(&str, &str)> = BTreeSet::new();
    for workload in model.workloads().filter(in_ambient) {
        for direction in [Direction::Ingress, Direction::Egress] {
            let policies: Vec<&NetworkPolicy> =
                model.network().guards(workload, direction).network.into_iter().map(|(_, policy)| policy).collect();
            let rules = || policies.iter().flat_map(|policy| policy.rules(direction).into_iter().flatten());
            let tunnel = Server { port: TUNNEL, names: &[] };
            // Where every rule is about all ports, or about that of tunnels too, it keeps nobody from those.
            if !rules().all(|rule| PortMatch::one_of(&rule.ports, tunnel).may()) {
                blocked(context, workload, direction, &mut said, diagnostics);
            }
            if direction == Direction::Ingress {
                opened(context, workload, &policies, &mut said, diagnostics);
            }
        }
    }
}

/// Others of the cluster, whose calls travel in tunnels.
fn peers<'m>(context: &Context<'m>, workload: &Workload) -> impl Iterator<Item = &'m Workload> {
    let model = context.model;
    let others = model.workloads().filter(move |it| !std::ptr::eq(*it, workload) && !it.host_network);
    others.filter(move |it| model.plane(it) == Some(DataPlane::Ambient) && !is_gateway(it)).take(MOST)
}

/// Reports a caller whom a policy lets in at the port, and keeps from the tunnel.
fn blocked<'m>(
    context: &Context<'m>,
    workload: &'m Workload,
    direction: Direction,
    said: &mut BTreeSet<(&'m str, &'m str)>,
    diagnostics: &mut Diagnostics,
) {
    let network = context.model.network();
    for peer in peers(context, workload) {
        let to = if direction == Direction::Ingress { workload } else { peer };
        if context.model.plane(to) != Some(DataPlane::Ambient) {
            continue;
        }
        for port in context.model.ports(to).into_keys() {
            if context.model.before(to, port) != Before::Ztunnel {
                continue;
            }
            let asks = |port| match direction {
                Direction::Ingress => network.arrives(Peer::Pods(network.pods(peer)), workload, port),
                Direction::Egress => network.leaves(workload, peer, port),
            };
            let (Passage::Open(By::NetworkPolicy(policy, span)), Passage::Shut(_)) = (asks(port), asks(TUNNEL)) else {
                continue;
            };
            if !said.insert((&policy.namespace, &policy.name)) {
                return;
            }
            report_blocked(policy, span, (direction, workload, peer, port), diagnostics);
            return;
        }
    }
}

fn report_blocked(
    policy: &NetworkPolicy,
    span: Span,
    (direction, workload, peer, port): (Direction, &Workload, &Workload, u16),
    diagnostics: &mut Diagnostics,
) {
    let (from, to) = if direction == Direction::Ingress { (peer, workload) } else { (workload, peer) };
    let called = format!("NetworkPolicy `{}/{}`", policy.namespace, policy.name);
    diagnostics.report(
        code::BLOCKED_TUNNEL
            .at(span, format!("{called} stops what {} sends to port {port} of {}", quoted(from), quoted(to)))
            .label("names the port and not that of the tunnel, 15008")
            .help("in ambient mode calls travel to port 15008: add it to the rule, and say with an AuthorizationPolicy which ports are meant"),
    );
}

/// Reports ports that a policy keeps from a caller, and that the tunnel opens to it.
fn opened<'m>(
    context: &Context<'m>,
    workload: &'m Workload,
    policies: &[&'m NetworkPolicy],
    said: &mut BTreeSet<(&'m str, &'m str)>,
    diagnostics: &mut Diagnostics,
) {
    let (model, network) = (context.model, context.model.network());
    let ports: Vec<u16> =
        model.ports(workload).into_keys().filter(|port| model.before(workload, *port) == Before::Ztunnel).collect();
    // A policy about tunnels alone means no port; one that names ports of the workload as well means those.
    let means_ports = policies.iter().find_map(|policy| {
        let rules = policy.rules(Direction::Ingress).into_iter().flatten();
        let mut named = rules.flat_map(|rule| &rule.ports).filter_map(|port| match port {
            PortMatch::Range(first, last) if first == last && ports.contains(first) => Some(*first),
            _ => None,
        });
        named.next().map(|_| *policy)
    });
    let Some(policy) = means_ports.filter(|policy| !said.contains(&(policy.namespace.as_str(), policy.name.as_str())))
    else {
        return;
    };
    for port in &ports {
        let gets_in = |peer: &&Workload| {
            let asks = |port| network.arrives(Peer::Pods(network.pods(peer)), workload, port);
            let Passage::Open(_) = asks(TUNNEL) else { return false };
            matches!(asks(*port), Passage::Shut(_))
                && reach::reach(model, Caller::Workload(peer), workload, *port, &Asked::anything()).directly()
                    == Reach::Allowed
        };
        let callers: Vec<&Workload> = peers(context, workload).filter(gets_in).collect();
        if callers.is_empty() {
            continue;
        }
        said.insert((&policy.namespace, &policy.name));
        let called = format!("NetworkPolicy `{}/{}`", policy.namespace, policy.name);
        let message = format!("{called} does not keep anybody from port {port} of {}", quoted(workload));
        diagnostics.report(
            code::PORTS_BY_TUNNEL
                .at(policy.span, message)
                .label(format!("leaves port {port} out, and port 15008 opens it to {}", listed(callers.iter().map(|it| quoted(it)))))
                .help("in ambient mode the network sees the port of the tunnel alone: say with an AuthorizationPolicy who may call which ports"),
        );
        return;
    }
}
