//! Istio's own routing: Gateway, VirtualService and DestinationRule.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::object::{Kind, Object, Stage, labels};
use crate::ir::RouteRulePlan;
use crate::ir::{BackendPlan, EdgePathPlan, EdgeRoutePlan, GatewayPlan, ListenerPlan, RouteKind, RoutePlan};
use crate::requests::TextPattern;
use crate::resolve::routes::Matched;
use crate::spec::cluster::Flavor;
use crate::spec::exposure::{TlsMode, TlsVersion};
use crate::spec::route::{RetryOn, RouteRule};

pub(super) const GATEWAY: Kind = Kind("networking.istio.io/v1", "Gateway");
pub(super) const VIRTUAL_SERVICE: Kind = Kind("networking.istio.io/v1", "VirtualService");
pub(super) const DESTINATION_RULE: Kind = Kind("networking.istio.io/v1", "DestinationRule");

/// Writes a gateway and where requests go from there.
pub(super) fn gateway(plan: &GatewayPlan, objects: &mut Vec<Object>) {
    let name = format!("ringfence-{}", plan.name).to_lowercase();
    let servers: Vec<Value> = plan.listeners.iter().map(server).collect();
    let mut spec = Map::new();
    spec.insert("selector".to_owned(), labels(&plan.labels));
    spec.insert("servers".to_owned(), servers.into());
    objects.push(Object::new(
        Stage::Gateways,
        &GATEWAY,
        &plan.namespace,
        name.clone(),
        spec.into(),
        plan.origins.clone(),
    ));
    for route in &plan.routes {
        edge_route(plan, &name, route, objects);
    }
}

fn server(plan: &ListenerPlan) -> Value {
    let passed = plan.mode == TlsMode::Passthrough;
    let mut tls = Map::new();
    let mode = match plan.mode {
        TlsMode::Terminate => "SIMPLE",
        TlsMode::Mutual => "MUTUAL",
        TlsMode::Passthrough => "PASSTHROUGH",
    };
    tls.insert("mode".to_owned(), mode.into());
    if let Some((_, name)) = &plan.secret {
        tls.insert("credentialName".to_owned(), name.clone().into());
        let version = if plan.min_version == TlsVersion::V13 { "TLSV1_3" } else { "TLSV1_2" };
        tls.insert("minProtocolVersion".to_owned(), version.into());
    }
    // Only the namespaces that expose the host may bind to it.
    let hosts: Vec<String> = plan.namespaces.iter().map(|namespace| format!("{namespace}/{}", plan.host)).collect();
    let word = if passed { "tls" } else { "https" };
    let name = plan.host.replacen("*.", "below-", 1);
    json!({
        "name": format!("{word}-{name}"),
        "port": { "number": 443, "name": format!("{word}-{name}"), "protocol": word.to_uppercase() },
        "hosts": hosts,
        "tls": tls,
    })
}

fn edge_route(plan: &GatewayPlan, gateway: &str, route: &EdgeRoutePlan, objects: &mut Vec<Object>) {
    let mut spec = Map::new();
    spec.insert("hosts".to_owned(), json!(route.hosts));
    spec.insert("gateways".to_owned(), json!([format!("{}/{gateway}", plan.namespace)]));
    spec.insert("exportTo".to_owned(), json!([plan.namespace]));
    if route.kind == RouteKind::Tls {
        let matched = json!([{ "port": 443, "sniHosts": route.hosts }]);
        let tls: Vec<Value> = route
            .paths
            .iter()
            .map(|path| json!({ "match": matched, "route": destinations(&route.namespace, &path.backends) }))
            .collect();
        spec.insert("tls".to_owned(), tls.into());
    } else {
        let http: Vec<Value> = route.paths.iter().flat_map(|path| edge_rules(&route.namespace, path)).collect();
        spec.insert("http".to_owned(), http.into());
    }
    objects.push(Object::new(
        Stage::Gateways,
        &VIRTUAL_SERVICE,
        &route.namespace,
        route.name.clone(),
        spec.into(),
        route.origins.clone(),
    ));
}

/// Writes a path. A prefix of Istio ends anywhere, so that one of ours is two: the path itself, and what lies below.
fn edge_rules(namespace: &str, path: &EdgePathPlan) -> Vec<Value> {
    let at = path.at.path.0.as_str();
    let route = destinations(namespace, &path.backends);
    let rule = |matched: Value, rewrite: Option<String>| {
        let mut rule = Map::new();
        rule.insert("match".to_owned(), matched);
        if let Some(uri) = rewrite {
            rule.insert("rewrite".to_owned(), json!({ "uri": uri }));
        }
        rule.insert("route".to_owned(), route.clone());
        Value::from(rule)
    };
    let exact = json!({ "uri": { "exact": at } });
    if path.at.exact {
        return vec![rule(json!([exact]), path.rewrite.clone())];
    }
    let slash = if at == "/" { "/".to_owned() } else { format!("{at}/") };
    let below = json!({ "uri": { "prefix": slash } });
    match &path.rewrite {
        None if at == "/" => vec![rule(json!([below]), None)],
        None => vec![rule(json!([exact, below]), None)],
        Some(rewrite) => {
            let deep = if rewrite == "/" { "/".to_owned() } else { format!("{rewrite}/") };
            let mut rules = vec![rule(json!([exact]), Some(rewrite.clone()))];
            rules.push(rule(json!([below]), Some(deep)));
            rules
        }
    }
}

fn host(namespace: &str, service: &str) -> String {
    format!("{service}.{namespace}.svc.cluster.local")
}

fn destination(namespace: &str, backend: &BackendPlan) -> Value {
    let mut destination = Map::new();
    destination.insert("host".to_owned(), host(namespace, &backend.service).into());
    if let Some(subset) = &backend.subset {
        destination.insert("subset".to_owned(), subset.clone().into());
    }
    destination.insert("port".to_owned(), json!({ "number": backend.port }));
    destination.into()
}

fn destinations(namespace: &str, backends: &[BackendPlan]) -> Value {
    let one = |backend: &BackendPlan| {
        let destination = destination(namespace, backend);
        if backends.len() > 1 {
            json!({ "destination": destination, "weight": backend.weight })
        } else {
            json!({ "destination": destination })
        }
    };
    backends.iter().map(one).collect()
}

/// Writes how requests to a service are divided, for callers in the mesh. The ports of one service share an object: of two
/// for one host the mesh would heed the older.
pub(super) fn service_route(plan: &RoutePlan, objects: &mut Vec<Object>) {
    let http: Vec<Value> = plan.rules.iter().map(|rule| service_rule(plan, rule)).collect();
    let host = host(&plan.namespace, &plan.service);
    let same = |object: &&mut Object| {
        object.kind == VIRTUAL_SERVICE.1
            && object.namespace.as_deref() == Some(plan.namespace.as_str())
            && object.value.pointer("/spec/hosts/0").and_then(Value::as_str) == Some(host.as_str())
            && object.stage == Stage::Traffic
    };
    if let Some(known) = objects.iter_mut().find(same) {
        if let Some(list) = known.value.pointer_mut("/spec/http").and_then(Value::as_array_mut) {
            list.extend(http);
        }
        return;
    }
    let spec = json!({ "hosts": [host], "gateways": ["mesh"], "exportTo": ["*"], "http": http });
    let name = plan.name.strip_suffix(&format!(".{}", plan.port)).unwrap_or(&plan.name).to_owned();
    objects.push(Object::new(Stage::Traffic, &VIRTUAL_SERVICE, &plan.namespace, name, spec, plan.origins.clone()));
}

fn service_rule(plan: &RoutePlan, rule: &RouteRulePlan) -> Value {
    let mut written = Map::new();
    let port = plan.names_port.then_some(plan.port);
    let matches: Vec<Value> = match (rule.matches.is_empty(), port) {
        (true, None) => Vec::new(),
        (true, Some(port)) => vec![json!({ "port": port })],
        (false, _) => rule.matches.iter().flat_map(|matched| http_matches(matched, port)).collect(),
    };
    if !matches.is_empty() {
        written.insert("match".to_owned(), matches.into());
    }
    written.insert("route".to_owned(), destinations(&plan.namespace, &rule.backends));
    if let Some((backend, percent)) = &rule.mirror {
        written.insert("mirror".to_owned(), destination(&plan.namespace, backend));
        written.insert("mirrorPercentage".to_owned(), json!({ "value": percent }));
    }
    if let Some(spec) = &rule.spec {
        resilience(spec, &mut written);
    }
    written.into()
}

fn resilience(spec: &RouteRule, written: &mut Map<String, Value>) {
    if let Some(timeout) = &spec.timeout {
        written.insert("timeout".to_owned(), timeout.value.0.clone().into());
    }
    if let Some(retries) = &spec.retries {
        let mut told = Map::new();
        told.insert("attempts".to_owned(), retries.value.attempts.value.0.into());
        if let Some(each) = &retries.value.per_try_timeout {
            told.insert("perTryTimeout".to_owned(), each.value.0.clone().into());
        }
        let on: Vec<&str> =
            retries.value.after.iter().flat_map(|after| &after.0).map(|after| RetryOn::word(after.value)).collect();
        if !on.is_empty() {
            told.insert("retryOn".to_owned(), on.join(",").into());
        }
        written.insert("retries".to_owned(), told.into());
    }
    if let Some(fault) = &spec.fault {
        let mut told = Map::new();
        if let Some(abort) = &fault.value.abort {
            let percentage = json!({ "value": abort.value.percent.value.0 });
            told.insert(
                "abort".to_owned(),
                json!({ "httpStatus": abort.value.status.value.0, "percentage": percentage }),
            );
        }
        if let Some(delay) = &fault.value.delay {
            let percentage = json!({ "value": delay.value.percent.value.0 });
            told.insert(
                "delay".to_owned(),
                json!({ "fixedDelay": delay.value.duration.value.0, "percentage": percentage }),
            );
        }
        written.insert("fault".to_owned(), told.into());
    }
}

fn http_matches(matched: &Matched, port: Option<u16>) -> Vec<Value> {
    let mut base = Map::new();
    let header = |(name, pattern): (&String, &TextPattern)| {
        let told = match pattern {
            TextPattern::Exact(text) => json!({ "exact": text }),
            TextPattern::Prefix(text) => json!({ "prefix": text }),
            TextPattern::Suffix(text) => json!({ "regex": format!(".*{}", super::gateway_api::quoted(text)) }),
            // An empty match asks that the header be there.
            TextPattern::Present => json!({}),
        };
        (name.clone(), told)
    };
    if !matched.headers.is_empty() {
        base.insert("headers".to_owned(), Value::Object(matched.headers.iter().map(header).collect()));
    }
    if let Some(method) = &matched.method {
        base.insert("method".to_owned(), json!({ "exact": method }));
    }
    if let Some(port) = port {
        base.insert("port".to_owned(), port.into());
    }
    let with = |uri: Value| {
        let mut one = base.clone();
        one.insert("uri".to_owned(), uri);
        Value::from(one)
    };
    match &matched.place {
        None => vec![base.into()],
        Some(place) if place.exact => vec![with(json!({ "exact": place.path.0 }))],
        Some(place) if place.path.0 == "/" => vec![with(json!({ "prefix": "/" }))],
        Some(place) => {
            vec![with(json!({ "exact": place.path.0 })), with(json!({ "prefix": format!("{}/", place.path.0) }))]
        }
    }
}

/// Writes the versions of each service that is divided: one DestinationRule a service, for its full name.
pub(super) fn subsets(routes: &[RoutePlan], objects: &mut Vec<Object>) {
    let mut services: BTreeMap<(&str, &str), &RoutePlan> = BTreeMap::new();
    for route in routes.iter().filter(|route| route.flavor == Flavor::Istio) {
        services.entry((&route.namespace, &route.service)).or_insert(route);
    }
    for ((namespace, service), route) in services {
        let list: Vec<Value> =
            route.subsets.iter().map(|(name, pods)| json!({ "name": name, "labels": labels(pods) })).collect();
        let spec = json!({ "host": host(namespace, service), "exportTo": ["*"], "subsets": list });
        let name = route.name.strip_suffix(&format!(".{}", route.port)).unwrap_or(&route.name).to_owned();
        objects.push(Object::new(Stage::Traffic, &DESTINATION_RULE, namespace, name, spec, route.origins.clone()));
    }
}
