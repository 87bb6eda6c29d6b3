//! The Kubernetes Gateway API: Gateway, ListenerSet, routes and ReferenceGrant.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::object::{Kind, Object, Stage, labels};
use crate::ir::{BackendPlan, EdgePathPlan, EdgeRoutePlan, GatewayPlan, ListenerPlan, Origins, RouteKind, RoutePlan};
use crate::lower::grpc_call;
use crate::requests::TextPattern;
use crate::resolve::routes::Matched;
use crate::spec::exposure::TlsMode;

/// The group of its kinds.
pub(super) const GROUP: &str = "gateway.networking.k8s.io";
pub(super) const GATEWAY: Kind = Kind("gateway.networking.k8s.io/v1", "Gateway");
const LISTENER_SET: Kind = Kind("gateway.networking.k8s.io/v1", "ListenerSet");
const HTTP_ROUTE: Kind = Kind("gateway.networking.k8s.io/v1", "HTTPRoute");
const GRPC_ROUTE: Kind = Kind("gateway.networking.k8s.io/v1", "GRPCRoute");
const TLS_ROUTE: Kind = Kind("gateway.networking.k8s.io/v1", "TLSRoute");
const REFERENCE_GRANT: Kind = Kind("gateway.networking.k8s.io/v1beta1", "ReferenceGrant");
/// The most rules a route holds (its definition).
const MOST_RULES: usize = 16;

/// Writes a gateway, what it listens for, and where requests go.
pub(super) fn gateway(plan: &GatewayPlan, objects: &mut Vec<Object>) {
    if plan.shared {
        listener_sets(plan, objects);
    } else {
        let mut spec = Map::new();
        spec.insert("gatewayClassName".to_owned(), plan.class.clone().into());
        if let Some(service) = &plan.service {
            let value = format!("{service}.{}.svc.cluster.local", plan.namespace);
            spec.insert("addresses".to_owned(), json!([{ "type": "Hostname", "value": value }]));
        }
        // What admits the gateway by the labels of its pods must find them on the pods that are made for it.
        if plan.service.is_none() && !plan.labels.is_empty() {
            spec.insert("infrastructure".to_owned(), json!({ "labels": labels(&plan.labels) }));
        }
        spec.insert("listeners".to_owned(), plan.listeners.iter().map(listener).collect());
        let name = plan.name.to_lowercase();
        let mut object =
            Object::new(Stage::Gateways, &GATEWAY, &plan.namespace, name, spec.into(), plan.origins.clone());
        if plan.service.is_none() {
            object.annotation("gateway.istio.io/service-account", plan.service_account.clone());
        }
        objects.push(object);
    }
    reference_grants(plan, objects);
    for route in &plan.routes {
        edge_route(plan, route, objects);
    }
}

fn listener_sets(plan: &GatewayPlan, objects: &mut Vec<Object>) {
    let mut sets: BTreeMap<(&str, &str), Vec<&ListenerPlan>> = BTreeMap::new();
    for listener in &plan.listeners {
        sets.entry((&listener.namespace, &listener.set)).or_default().push(listener);
    }
    for ((namespace, name), listeners) in sets {
        let origins: Origins = listeners.iter().flat_map(|listener| listener.origins.iter().cloned()).collect();
        let parent =
            json!({ "group": GROUP, "kind": "Gateway", "name": plan.name.to_lowercase(), "namespace": plan.namespace });
        let spec = json!({ "parentRef": parent, "listeners": listeners.into_iter().map(listener).collect::<Vec<_>>() });
        objects.push(Object::new(Stage::Gateways, &LISTENER_SET, namespace, name.to_owned(), spec, origins));
    }
}

fn listener(plan: &ListenerPlan) -> Value {
    let mut tls = Map::new();
    let passed = plan.mode == TlsMode::Passthrough;
    tls.insert("mode".to_owned(), if passed { "Passthrough" } else { "Terminate" }.into());
    if let Some((namespace, name)) = &plan.secret {
        let mut reference = Map::new();
        reference.insert("group".to_owned(), "".into());
        reference.insert("kind".to_owned(), "Secret".into());
        reference.insert("name".to_owned(), name.clone().into());
        if *namespace != plan.namespace {
            reference.insert("namespace".to_owned(), namespace.clone().into());
        }
        tls.insert("certificateRefs".to_owned(), json!([reference]));
    }
    if plan.mode == TlsMode::Mutual {
        tls.insert("options".to_owned(), json!({ "gateway.istio.io/tls-terminate-mode": "MUTUAL" }));
    }
    let kind = match plan.kind {
        RouteKind::Http => "HTTPRoute",
        RouteKind::Grpc => "GRPCRoute",
        RouteKind::Tls => "TLSRoute",
    };
    // Never every namespace: whoever else may write routes would share the host.
    let namespaces = json!({
        "from": "Selector",
        "selector": { "matchExpressions": [{
            "key": "kubernetes.io/metadata.name", "operator": "In", "values": plan.namespaces,
        }] },
    });
    json!({
        "name": listener_name(&plan.host),
        "hostname": plan.host,
        "port": 443,
        "protocol": if passed { "TLS" } else { "HTTPS" },
        "tls": tls,
        "allowedRoutes": { "namespaces": namespaces, "kinds": [{ "group": GROUP, "kind": kind }] },
    })
}

/// Returns the name of a host's listener: no host is called like a wildcard.
fn listener_name(host: &str) -> String {
    host.strip_prefix("*.").map_or_else(|| format!("at-{host}"), |domain| format!("below-{domain}"))
}

fn reference_grants(plan: &GatewayPlan, objects: &mut Vec<Object>) {
    let mut grants: BTreeMap<(&str, &str), (BTreeSet<&str>, Origins)> = BTreeMap::new();
    for listener in &plan.listeners {
        if let Some((namespace, name)) = listener.secret.as_ref().filter(|(space, _)| *space != listener.namespace) {
            let (secrets, origins) = grants.entry((namespace, &listener.namespace)).or_default();
            secrets.insert(name);
            origins.extend(listener.origins.iter().cloned());
        }
    }
    let kind = if plan.shared { "ListenerSet" } else { "Gateway" };
    for ((namespace, from), (secrets, origins)) in grants {
        let to: Vec<Value> =
            secrets.iter().map(|name| json!({ "group": "", "kind": "Secret", "name": name })).collect();
        let spec = json!({ "from": [{ "group": GROUP, "kind": kind, "namespace": from }], "to": to });
        let name = format!("ringfence-{from}-{}", plan.name).to_lowercase();
        objects.push(Object::new(Stage::Gateways, &REFERENCE_GRANT, namespace, name, spec, origins));
    }
}

fn edge_route(plan: &GatewayPlan, route: &EdgeRoutePlan, objects: &mut Vec<Object>) {
    let kind = match route.kind {
        RouteKind::Http => &HTTP_ROUTE,
        RouteKind::Grpc => &GRPC_ROUTE,
        RouteKind::Tls => &TLS_ROUTE,
    };
    let parent = |host: &String| {
        let section = listener_name(host);
        let listener = plan.listeners.iter().find(|listener| listener.host == *host);
        match listener.filter(|_| plan.shared) {
            Some(listener) => json!({
                "group": GROUP, "kind": "ListenerSet",
                "name": listener.set, "namespace": listener.namespace, "sectionName": section,
            }),
            None => json!({
                "group": GROUP, "kind": "Gateway",
                "name": plan.name.to_lowercase(), "namespace": plan.namespace, "sectionName": section,
            }),
        }
    };
    let parents: Vec<Value> = route.hosts.iter().map(parent).collect();
    for (part, paths) in route.paths.chunks(MOST_RULES).enumerate() {
        let rules: Vec<Value> = paths.iter().map(|path| edge_rule(route.kind, path)).collect();
        let spec = json!({ "parentRefs": parents, "hostnames": route.hosts, "rules": rules });
        objects.push(Object::new(
            Stage::Gateways,
            kind,
            &route.namespace,
            numbered(&route.name, part),
            spec,
            route.origins.clone(),
        ));
    }
}

fn edge_rule(kind: RouteKind, path: &EdgePathPlan) -> Value {
    let mut rule = Map::new();
    let place = Matched { place: Some(path.at.clone()), method: None, headers: BTreeMap::new() };
    let matched = match kind {
        RouteKind::Tls => None,
        RouteKind::Http => Some(http_match(&place)),
        RouteKind::Grpc => grpc_match(&place),
    };
    if let Some(matched) = matched {
        rule.insert("matches".to_owned(), json!([matched]));
    }
    if let Some(rewrite) = path.rewrite.as_ref().filter(|_| kind == RouteKind::Http) {
        let path = if path.at.exact {
            json!({ "type": "ReplaceFullPath", "replaceFullPath": rewrite })
        } else {
            json!({ "type": "ReplacePrefixMatch", "replacePrefixMatch": rewrite })
        };
        rule.insert("filters".to_owned(), json!([{ "type": "URLRewrite", "urlRewrite": { "path": path } }]));
    }
    rule.insert("backendRefs".to_owned(), backends(&path.backends));
    rule.into()
}

/// Writes how requests to a service are divided, for callers in the mesh.
pub(super) fn service_route(plan: &RoutePlan, objects: &mut Vec<Object>) {
    let kind = if plan.kind == RouteKind::Grpc { &GRPC_ROUTE } else { &HTTP_ROUTE };
    let parent = json!({ "group": "", "kind": "Service", "name": plan.service, "port": plan.port });
    let rules: Vec<Value> = plan
        .rules
        .iter()
        .map(|rule| {
            let mut written = Map::new();
            let matches: Vec<Value> = match plan.kind {
                RouteKind::Grpc => rule.matches.iter().filter_map(grpc_match).collect(),
                _ => rule.matches.iter().map(http_match).collect(),
            };
            if !matches.is_empty() {
                written.insert("matches".to_owned(), matches.into());
            }
            if let Some((backend, percent)) = &rule.mirror {
                let mut mirror = Map::new();
                let to = json!({ "group": "", "kind": "Service", "name": backend.service, "port": backend.port });
                mirror.insert("backendRef".to_owned(), to);
                if *percent < 100 {
                    mirror.insert("percent".to_owned(), (*percent).into());
                }
                written.insert("filters".to_owned(), json!([{ "type": "RequestMirror", "requestMirror": mirror }]));
            }
            if let Some(timeout) = rule.spec.as_ref().and_then(|spec| spec.timeout.as_ref()) {
                written.insert("timeouts".to_owned(), json!({ "request": timeout.value.0 }));
            }
            written.insert("backendRefs".to_owned(), backends(&rule.backends));
            written.into()
        })
        .collect();
    // Rules of several objects would be sorted anew, so they stay in one; its definition says how many it holds.
    let spec = json!({ "parentRefs": [parent], "rules": rules });
    objects.push(Object::new(Stage::Traffic, kind, &plan.namespace, plan.name.clone(), spec, plan.origins.clone()));
}

fn backends(backends: &[BackendPlan]) -> Value {
    let one = |backend: &BackendPlan| {
        let mut reference = Map::new();
        reference.insert("group".to_owned(), "".into());
        reference.insert("kind".to_owned(), "Service".into());
        reference.insert("name".to_owned(), backend.service.clone().into());
        reference.insert("port".to_owned(), backend.port.into());
        if backends.len() > 1 {
            reference.insert("weight".to_owned(), backend.weight.into());
        }
        Value::from(reference)
    };
    backends.iter().map(one).collect()
}

fn http_match(matched: &Matched) -> Value {
    let mut written = Map::new();
    if let Some(place) = &matched.place {
        let kind = if place.exact { "Exact" } else { "PathPrefix" };
        written.insert("path".to_owned(), json!({ "type": kind, "value": place.path.0 }));
    }
    headers(matched, &mut written);
    if let Some(method) = &matched.method {
        written.insert("method".to_owned(), method.clone().into());
    }
    written.into()
}

/// Returns a match of a GRPCRoute; `None` for one that asks nothing, which is left out.
fn grpc_match(matched: &Matched) -> Option<Value> {
    let mut written = Map::new();
    let call = matched.place.as_ref().and_then(grpc_call);
    if let Some((service, method)) = call.filter(|(service, _)| !service.is_empty()) {
        let mut call = Map::new();
        call.insert("type".to_owned(), "Exact".into());
        call.insert("service".to_owned(), service.into());
        if !method.is_empty() {
            call.insert("method".to_owned(), method.into());
        }
        written.insert("method".to_owned(), call.into());
    }
    headers(matched, &mut written);
    (!written.is_empty()).then(|| written.into())
}

fn headers(matched: &Matched, written: &mut Map<String, Value>) {
    let header = |(name, pattern): (&String, &TextPattern)| match pattern {
        TextPattern::Exact(text) => json!({ "type": "Exact", "name": name, "value": text }),
        TextPattern::Prefix(text) => {
            json!({ "type": "RegularExpression", "name": name, "value": format!("{}.*", quoted(text)) })
        }
        TextPattern::Suffix(text) => {
            json!({ "type": "RegularExpression", "name": name, "value": format!(".*{}", quoted(text)) })
        }
        TextPattern::Present => json!({ "type": "RegularExpression", "name": name, "value": ".*" }),
    };
    if !matched.headers.is_empty() {
        written.insert("headers".to_owned(), matched.headers.iter().map(header).collect());
    }
}

/// Writes a text as the regular expression that fits it alone (RE2).
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::new();
    for letter in text.chars() {
        if r"\.+*?()|[]{}^$".contains(letter) {
            quoted.push('\\');
        }
        quoted.push(letter);
    }
    quoted
}

fn numbered(name: &str, part: usize) -> String {
    if part == 0 { name.to_owned() } else { format!("{name}.{}", part + 1) }
}
