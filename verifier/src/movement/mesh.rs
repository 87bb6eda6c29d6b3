//! The edges that the mesh itself makes: what comes in by gateways, the identity of whoever is in a pod, and what is open once
//! policies can be rewritten.
//!
//! In: the clusters of a mesh. Out: [`Edge`]s. Calls that policies leave open are no edges here: the graph asks for them.

use std::collections::BTreeSet;

use ringfence_compiler::source::Span;

use super::edge::{Edge, Kind};
use super::vertex::Vertex;
use crate::entrances::Entrances;
use crate::fleet::Fleet;
use crate::istio::read::selects;
use crate::reach::{Asked, Behind, Caller, Gateways, Reach, Way, through};
use crate::routing::Target;

/// Returns the edges that the mesh makes, beside calls.
#[must_use]
pub fn edges(fleet: &Fleet<'_>) -> Vec<Edge> {
    let mut edges = entering(fleet);
    edges.extend(signing(fleet));
    for (cluster, model) in fleet.models().iter().enumerate() {
        for (workload, it) in model.cluster().inventory.workloads.iter().enumerate() {
            let own = Vertex::Workload { cluster, workload };
            if let Some(identity) = model.identity(it) {
                edges.push(Edge {
                    from: own.clone(),
                    to: Vertex::Identity(identity),
                    kind: Kind::Carries,
                    may: false,
                    places: vec![(it.span, format!("runs under the account `{}`", it.service_account))],
                });
            }
            edges.push(Edge {
                from: Vertex::Control { cluster },
                to: own,
                kind: Kind::OpensAll,
                may: false,
                places: Vec::new(),
            });
        }
    }
    edges
}

/// Returns what comes in by gateways, to whichever cluster it leads.
fn entering(fleet: &Fleet<'_>) -> Vec<Edge> {
    let Some(everywhere) = Caller::anyone_outside() else { return Vec::new() };
    let all = Entrances::of_mesh(fleet.models().iter().copied());
    let mut edges = Vec::new();
    for (cluster, model) in fleet.models().iter().enumerate() {
        let mut led: BTreeSet<(usize, u16)> = all.iter().flat_map(|entrances| entrances.led(model.name())).collect();
        if all.iter().any(|entrances| entrances.may_lead_anywhere(model.name())) {
            let ports = model.workloads().enumerate().map(|(at, workload)| (at, model.ports(workload)));
            led.extend(ports.flat_map(|(at, ports)| ports.into_keys().map(move |port| (at, port))));
        }
        for (workload, port) in led {
            let Some(to) = model.cluster().inventory.workloads.get(workload) else { continue };
            let to = Behind { model, workload: to, port };
            let gateways = fleet.models().iter().zip(&all).map(|(home, entrances)| Gateways { home, entrances });
            let ways: Vec<Way<'_>> =
                gateways.flat_map(|gateways| through(gateways, to, everywhere, &Asked::anything())).collect();
            // Each route leads there by itself: to take one away shuts nothing that another opens.
            let mut led: Vec<(bool, Vec<(Span, String)>)> = Vec::new();
            for way in ways.iter().filter(|way| way.reach != Reach::Denied) {
                let route = way.opening.rule.map(|(_, span)| (span, format!("leads `{}` there", way.opening.host)));
                let places = route.into_iter().chain([(way.listener.span, "listens".to_owned())]).collect();
                let one = (way.reach == Reach::Depends, places);
                if !led.contains(&one) {
                    led.push(one);
                }
            }
            let to = Vertex::Workload { cluster, workload };
            edges.extend(led.into_iter().map(|(may, places)| Edge {
                from: Vertex::Internet,
                to: to.clone(),
                kind: Kind::Enters,
                may,
                places,
            }));
        }
    }
    edges
}

/// Returns who serves the keys by which others know tokens: whoever has that workload signs what it likes. A key that lies in a Secret
/// cannot be told from other contents.
fn signing(fleet: &Fleet<'_>) -> Vec<Edge> {
    let mut edges = Vec::new();
    for (cluster, model) in fleet.models().iter().enumerate() {
        let inventory = model.cluster().inventory;
        for (workload, it) in inventory.workloads.iter().enumerate() {
            for rule in model.tokens(it) {
                let host =
                    rule.jwks_uri.as_deref().and_then(|uri| uri.split_once("://")?.1.split(['/', ':', '?']).next());
                let Some(Target::Service(namespace, name)) = host.map(|host| Target::of_host(host, "")) else {
                    continue;
                };
                let services = inventory.services_in(&namespace).iter().filter(|service| service.name == name);
                let servers = services.flat_map(|service| {
                    let here = inventory.workloads_in(&service.namespace);
                    here.filter(|(_, pods)| !service.selector.is_empty() && selects(&service.selector, &pods.labels))
                });
                for (server, pods) in servers {
                    edges.push(Edge {
                        from: Vertex::Workload { cluster, workload: server },
                        to: Vertex::Workload { cluster, workload },
                        kind: Kind::SignsTokens,
                        may: true,
                        places: vec![(pods.span, format!("serves the keys of tokens of `{}`", rule.issuer))],
                    });
                }
            }
        }
    }
    edges.sort_by(|a, b| (&a.from, &a.to).cmp(&(&b.from, &b.to)));
    edges.dedup_by(|a, b| (&a.from, &a.to) == (&b.from, &b.to));
    edges
}
