//! Listeners that pass everything on (`AUTO_PASSTHROUGH`): east-west gateways.
//!
//! In: such a listener, and the Services of its network. Out: an [`Opening`] for each port of each Service it is about.

use super::behind::fronted;
use super::beyond::{Beyond, Elsewhere};
use super::opening::Opening;
use super::{Attaches, Entrance};
use crate::engine::Chain;
use crate::model::{Model, numbered};
use crate::routing::matching::{Beginning, host};
use crate::routing::{Rewriting, Target};

/// Makes the openings of a listener: of the Services of its cluster, and of those of clusters of its network.
pub(super) fn openings(model: &Model<'_>, others: &[Elsewhere<'_>], listener: &Entrance, at: usize) -> Vec<Opening> {
    let Attaches::Bound(hosts) = &listener.attaches else { return Vec::new() };
    // Pods behind the gateway of another network are not its own (istio/istio `pilot/pkg/xds/endpoints/ep_filters.go`).
    let near = others.iter().filter(|other| other.is_near).map(|other| Some(other.model));
    let mut openings = Vec::new();
    for other in [None].into_iter().chain(near) {
        for service in &other.unwrap_or(model).cluster().inventory.services {
            let called = format!("{}.{}.svc.cluster.local", service.name, service.namespace);
            let is_meant = hosts.iter().any(|(namespace, dns)| {
                namespace.as_ref().is_none_or(|it| {
                    let own = if it == "." { &listener.object.namespace } else { it };
                    *own == service.namespace
                }) && host(dns).matches(&called)
            });
            for port in service.ports.iter().filter(|_| is_meant) {
                let leads: Vec<(usize, u16)> = fronted(other.unwrap_or(model), service)
                    .flat_map(|(at, pods)| {
                        numbered(pods, &port.target).into_iter().map(move |port| (at, port)).collect::<Vec<_>>()
                    })
                    .collect();
                if leads.is_empty() {
                    continue;
                }
                let beyond = |model: &Model<'_>| Beyond {
                    cluster: model.name().to_owned(),
                    leads: leads.clone(),
                    may_be_anybody: false,
                };
                openings.push(Opening {
                    listener: at,
                    route: None,
                    rule: None,
                    host: called.clone(),
                    matched: Vec::new(),
                    requests: Chain::default(),
                    rewriting: Rewriting::default(),
                    beginning: Beginning::Unknown,
                    target: Target::Service(service.namespace.clone(), service.name.clone()),
                    port: Some(port.port),
                    mirrors: false,
                    beyond: other.map(beyond).into_iter().collect(),
                    leads: if other.is_none() { leads } else { Vec::new() },
                    may_be_anybody: false,
                    doubt: None,
                    mistaken: false,
                    shut: listener.shut.clone(),
                });
            }
        }
    }
    openings
}
