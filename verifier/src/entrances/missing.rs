//! Listeners of gateways that routes name and that nothing at hand shows.
//!
//! In: routes, and the Gateways at hand. Out: an [`Entrance`] for each way in which routes are bound to one that is missing. Such a
//! Gateway is in another repository, or nowhere; nobody knows its port, its hosts or its pods, and what it would let in it may.

use std::collections::BTreeMap;

use ringfence_compiler::inventory::Labels;
use ringfence_compiler::source::Span;

use super::listeners::shared;
use super::{Attaches, Entrance, Listening, Pods};
use crate::model::Model;
use crate::routing::gateway::{Speaks, Tls};
use crate::routing::gateway_api::Sources;
use crate::routing::{Named, Routing};

/// A missing gateway: whether it is Istio's own kind, its kind, namespace and name.
type Missing = (bool, &'static str, String, String);

/// Finds them.
pub(super) fn of(model: &Model<'_>, routing: &Routing) -> Vec<Entrance> {
    let mut bound: BTreeMap<(Missing, Speaks, Tls), Span> = BTreeMap::new();
    for service in &routing.virtual_services {
        let named = service.gateways.iter().filter_map(|name| name.split_once('/'));
        for (namespace, name) in named.filter(|named| !is_gateway_of_istio(routing, *named)) {
            let lists = [
                (&service.http, Speaks::Http, Tls::Absent),
                (&service.tls, Speaks::Bytes, Tls::Passthrough),
                (&service.tcp, Speaks::Bytes, Tls::Absent),
            ];
            for (_, speaks, tls) in lists.into_iter().filter(|(rules, ..)| !rules.is_empty()) {
                let missing = (true, "Gateway", namespace.to_owned(), name.to_owned());
                bound.entry((missing, speaks, tls)).or_insert(service.object.span);
            }
        }
    }
    for route in &routing.routes {
        for parent in &route.parents {
            let kind = match parent.kind.as_str() {
                "Gateway" => "Gateway",
                "ListenerSet" | "XListenerSet" => "ListenerSet",
                _ => continue,
            };
            let is_it = |object: &Named| {
                object.kind == kind && object.namespace == parent.namespace && object.name == parent.name
            };
            if routing.parents.iter().map(|it| &it.object).chain(&routing.inner).any(is_it) {
                continue;
            }
            let (speaks, tls) = match route.object.kind {
                "TLSRoute" => (Speaks::Bytes, Tls::Passthrough),
                "TCPRoute" => (Speaks::Bytes, Tls::Absent),
                _ => (Speaks::Http, Tls::Absent),
            };
            let missing = (false, kind, parent.namespace.clone(), parent.name.clone());
            bound.entry((missing, speaks, tls)).or_insert(route.object.span);
        }
    }
    bound.into_iter().map(|((missing, speaks, tls), span)| entrance(model, missing, speaks, tls, span)).collect()
}

fn is_gateway_of_istio(routing: &Routing, (namespace, name): (&str, &str)) -> bool {
    routing.gateways.iter().any(|it| it.object.namespace == namespace && it.object.name == name)
}

fn entrance(
    model: &Model<'_>,
    (is_of_istio, kind, namespace, name): Missing,
    speaks: Speaks,
    tls: Tls,
    span: Span,
) -> Entrance {
    // Facts may say whose pods those are.
    let pods = match is_of_istio {
        true => vec![Pods::Unknown(Labels::new())],
        false => shared(model, &namespace, &name).into_iter().map(|(pods, _)| pods).collect(),
    };
    let port = if speaks == Speaks::Http { 80 } else { 443 };
    let listening = |pods| Listening { pods, port, opened: None, doubt: None };
    let attaches = match is_of_istio {
        true => Attaches::Bound(vec![(None, "*".to_owned())]),
        false => Attaches::Attached { allows: Sources::All, kinds: Vec::new() },
    };
    Entrance {
        name: String::new(),
        span,
        port,
        speaks,
        tls,
        hosts: vec!["*".to_owned()],
        pods: pods.into_iter().map(listening).collect(),
        shut: None,
        perhaps: None,
        is_missing: true,
        gateway: (!is_of_istio).then(|| (namespace.clone(), name.clone())),
        attaches,
        object: Named { kind, namespace, name, span, source: None },
    }
}
