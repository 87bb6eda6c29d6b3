//! Routes at a listener of the Gateway API.
//!
//! In: a listener, and which routes it takes. Out: the matches of those that name it. Attaching asks the listener, leading to
//! another namespace asks a ReferenceGrant there.

use super::Entrance;
use super::order::{Candidate, common};
use crate::kubernetes::fits::Fits;
use crate::kubernetes::selector::Known;
use crate::model::Model;
use crate::routing::Routing;
use crate::routing::gateway::Speaks;
use crate::routing::gateway_api::Sources;
use crate::routing::route::{ParentRef, Route};

/// Finds the matches at a listener.
pub(super) fn to(
    model: &Model<'_>,
    listener: &Entrance,
    allows: &Sources,
    kinds: &[String],
    routing: &Routing,
) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    for route in routing.routes.iter().filter(|route| fits_protocol(route, listener)) {
        if !route.parents.iter().any(|parent| names(parent, listener)) {
            continue;
        }
        let kind = route.object.kind;
        let taken = takes(allows, &listener.object.namespace, &route.object.namespace, model);
        let shut = if !kinds.is_empty() && kinds.iter().all(|it| it != kind) {
            Some(format!("{} takes no {kind}", listener.object))
        } else {
            let says = || format!("{} takes no routes of {}", listener.object, route.object.namespace);
            (!taken.may()).then(says)
        };
        let unknown = || format!("whether {} takes routes of {}", listener.object, route.object.namespace);
        let perhaps: Vec<String> =
            (taken == Fits::Perhaps).then(unknown).into_iter().chain(listener.perhaps.clone()).collect();
        let mut hosts: Vec<String> = match route.hostnames.as_slice() {
            [] => listener.hosts.clone(),
            names => names.iter().flat_map(|name| listener.hosts.iter().filter_map(|own| common(name, own))).collect(),
        };
        hosts.sort();
        hosts.dedup();
        for host in hosts {
            for rule in &route.rules {
                for matched in &rule.matches {
                    candidates.push(Candidate {
                        object: route.object.clone(),
                        owner: route.object.clone(),
                        position: (rule.position, 0),
                        host: host.clone(),
                        matched: matched.clone(),
                        leads: rule.leads.clone(),
                        is_ranked: true,
                        shut: shut.clone(),
                        perhaps: perhaps.clone(),
                    });
                }
            }
        }
    }
    candidates
}

fn names(parent: &ParentRef, listener: &Entrance) -> bool {
    let kind = parent.kind.strip_prefix('X').unwrap_or(&parent.kind);
    kind == listener.object.kind
        && parent.namespace == listener.object.namespace
        && parent.name == listener.object.name
        && (listener.is_missing
            || parent.section.as_ref().is_none_or(|section| *section == listener.name)
                && parent.port.is_none_or(|port| port == listener.port))
}

fn fits_protocol(route: &Route, listener: &Entrance) -> bool {
    match (listener.speaks, route.object.kind) {
        (Speaks::Http, _) => route.is_of_requests(),
        (Speaks::Bytes, "TLSRoute") => listener.tls.is_there(),
        // Where TLS has ended, what is left is a connection.
        (Speaks::Bytes, "TCPRoute") => listener.tls.ends(),
        (Speaks::Bytes, _) => false,
    }
}

/// Says whether something of a namespace may attach.
pub(crate) fn takes(allows: &Sources, own: &str, namespace: &str, model: &Model<'_>) -> Fits {
    match allows {
        Sources::None => Fits::No,
        Sources::All => Fits::Yes,
        Sources::Same => Fits::of(own == namespace),
        Sources::Selected(selector) => {
            let inventory = model.cluster().inventory;
            let nothing = Default::default();
            let labels = inventory.namespaces.get(namespace).unwrap_or(&nothing);
            selector.fits(Known::of_namespace(namespace, labels, inventory.declared.contains(namespace)))
        }
    }
}
