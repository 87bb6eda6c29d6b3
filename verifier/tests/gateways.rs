//! What gateways let in, row by row: `fixtures/semantics/gateways.yaml`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test, which reads a fixture and fails where it finds none"
)]

use std::path::Path;

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::document::{Document, Policy};
use ringfence_compiler::source::{SourceFile, Sources, Span};
use ringfence_compiler::spec::cluster::ClusterSpec;
use ringfence_compiler::spec::reference::NodePath;
use ringfence_compiler::yaml::{self, Node, Profile};
use ringfence_verifier::entrances::Entrances;
use ringfence_verifier::model::{Model, Objects};
use ringfence_verifier::outward::{Host, leaving};
use ringfence_verifier::reach::{Asked, Behind, Caller, Gateways, Reach, Way, routed, through};
use ringfence_verifier::routing::gateway::Tls;
use serde_json::{Value, json};

/// Makes the facts of a cluster, whose pods other clusters reach by their addresses where they have its network.
fn cluster(name: &str, network: &str, pods: &str) -> Document<ClusterSpec> {
    facts(&format!(
        "apiVersion: ringfence/v1alpha1\nkind: Cluster\nmetadata: {{name: {name}}}\nspec: {{network: {network}, podCidrs: [{pods}]}}\n"
    ))
}

fn rows() -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/semantics/gateways.yaml");
    let (mut sources, mut said) = (Sources::new(), Diagnostics::new());
    let file = sources.add(SourceFile::new("gateways.yaml", std::fs::read(path).unwrap()));
    let documents = yaml::read(&sources, file, Profile::Manifest, &mut said);
    assert!(!said.has_errors(), "{:?}", said.sorted(&sources));
    documents[0].root.to_json()["rows"].as_array().unwrap().clone()
}

fn facts(text: &str) -> Document<ClusterSpec> {
    let (mut sources, mut said, mut policy) = (Sources::new(), Diagnostics::new(), Policy::default());
    let file = sources.add(SourceFile::new("facts", text.as_bytes().to_vec()));
    for document in yaml::read(&sources, file, Profile::Policy, &mut said) {
        let _ = policy.add(&NodePath::root(), &document.root, &mut said);
    }
    policy.clusters.remove(0)
}

/// Makes the objects that every row has.
fn common() -> Vec<Value> {
    let mut all = Vec::new();
    let workload = |namespace: &str, name: &str, labels: Value, account: &str| {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": name, "namespace": namespace },
            "spec": { "selector": { "matchLabels": labels }, "template": {
                "metadata": { "labels": labels },
                "spec": { "serviceAccountName": account, "containers": [{ "name": "main", "ports": [{ "containerPort": 8080 }] }] },
            }},
        })
    };
    for namespace in ["shop", "bank", "istio-ingress"] {
        let labels = json!({ "istio-injection": if namespace == "istio-ingress" { "disabled" } else { "enabled" } });
        all.push(
            json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace, "labels": labels } }),
        );
    }
    for (namespace, name) in [("shop", "web"), ("shop", "api"), ("bank", "vault")] {
        all.push(workload(namespace, name, json!({ "app": name }), name));
        all.push(json!({
            "apiVersion": "v1", "kind": "Service", "metadata": { "name": name, "namespace": namespace },
            "spec": { "selector": { "app": name }, "ports": [{ "name": "http", "port": 80, "targetPort": 8080 }] },
        }));
    }
    // A gateway that its template says is one.
    let mut edge = workload("istio-ingress", "edge", json!({ "istio": "ingressgateway" }), "edge");
    edge["spec"]["template"]["metadata"]["annotations"] = json!({ "inject.istio.io/templates": "gateway" });
    all.push(edge);
    // And one of which nothing is said but labels.
    all.push(workload("istio-ingress", "maybe", json!({ "istio": "maybegateway" }), "maybe"));
    all.push(json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": "edge", "namespace": "istio-ingress" },
        "spec": {
            "type": "LoadBalancer", "selector": { "istio": "ingressgateway" },
            "ports": [{ "name": "http", "port": 80, "targetPort": 8080 }, { "name": "https", "port": 443, "targetPort": 8443 }],
        },
    }));
    all
}

fn object(written: &Value) -> Value {
    let kind = written["kind"].as_str().unwrap();
    let (version, kind) = match kind {
        "IstioGateway" => ("networking.istio.io/v1", "Gateway"),
        "VirtualService" | "DestinationRule" | "ServiceEntry" => ("networking.istio.io/v1", kind),
        "ReferenceGrant" => ("gateway.networking.k8s.io/v1beta1", kind),
        "AuthorizationPolicy" | "PeerAuthentication" | "RequestAuthentication" => ("security.istio.io/v1", kind),
        "Service" => ("v1", kind),
        "NetworkPolicy" => ("networking.k8s.io/v1", kind),
        _ => ("gateway.networking.k8s.io/v1", kind),
    };
    let namespace = written["namespace"].as_str().unwrap_or("shop");
    json!({
        "apiVersion": version, "kind": kind,
        "metadata": { "name": written["name"], "namespace": namespace, "labels": written["labels"] },
        "spec": written["spec"],
    })
}

/// Says whether a workload reaches a host outside.
fn outward(model: &Model<'_>, entrances: &Entrances, request: &Value, host: &str) -> &'static str {
    let (namespace, name) = request["from"].as_str().expect("a caller").split_once('/').unwrap();
    let from = model.workloads().find(|it| it.namespace == namespace && it.name == name).expect("a caller");
    let ports = match request["port"].as_u64() {
        Some(port) => [u16::try_from(port).unwrap()].into(),
        None => entrances.ports_at(host),
    };
    let ask = |port| leaving(model, entrances, from, &Host { name: host, port, addresses: &[], inside: &[] }).reach();
    word(ports.into_iter().map(ask).max())
}

fn word(reach: Option<Reach>) -> &'static str {
    match reach {
        Some(Reach::Allowed) => "allow",
        Some(Reach::Depends) => "depends",
        Some(Reach::Denied) | None => "deny",
    }
}

/// Asks about a request: of the first cluster, or with `in: far` of the second.
fn verdict<'m>(models: &'m [Model<'m>], all: &'m [Entrances], request: &Value) -> &'static str {
    let at = if request["in"].as_str().is_some() { 1 } else { 0 };
    let (model, entrances) = (&models[at], &all[at]);
    let text = |key: &str, absent: &str| request[key].as_str().unwrap_or(absent).to_owned();
    let (namespace, name) = request["to"].as_str().unwrap_or("shop/web").split_once('/').unwrap();
    let to = model.workloads().find(|it| it.namespace == namespace && it.name == name).expect("a workload");
    let port = request["port"].as_u64().unwrap_or(80);
    if let Some(host) = request["calls"].as_str() {
        return outward(model, entrances, request, host);
    }
    let headers = request["headers"].as_object().into_iter().flatten();
    let asked = Asked {
        method: Some(text("method", "GET")),
        path: Some(text("path", "/")),
        host: Some(text("host", "shop.example")),
        headers: headers.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect(),
        ..Asked::anything()
    };
    let from = match request["from"].as_str().and_then(|from| from.split_once('/')) {
        Some((namespace, name)) => {
            let from = model.workloads().find(|it| it.namespace == namespace && it.name == name);
            Caller::Workload(from.expect("a caller"))
        }
        None => Caller::anyone_outside().expect("addresses"),
    };
    if request.get("routed").is_some() {
        return word(routed(model, entrances, (to, 8080), from, &asked).iter().map(|way| way.reach).max());
    }
    let gateways = models.iter().zip(all).map(|(home, entrances)| Gateways { home, entrances });
    let to = Behind { model, workload: to, port: 8080 };
    let ways: Vec<Way<'_>> = gateways.flat_map(|gateways| through(gateways, to, from, &asked)).collect();
    let counts = |way: &Way<'_>| {
        let without = request.get("without").is_some();
        u64::from(way.listener.port) == port && !(without && matches!(way.listener.tls, Tls::Mutual(_)))
    };
    word(ways.iter().filter(|way| counts(way)).map(|way| way.reach).max())
}

#[test]
fn gateways_let_in_what_the_table_says() {
    let alone = facts("apiVersion: ringfence/v1alpha1\nkind: Cluster\nmetadata: {name: mesh}\nspec: {}\n");
    let near = cluster("mesh", "one", "10.1.0.0/16");
    let span = Span { file: alone.span.file, start: 0, end: 0 };
    let mut wrong = Vec::new();
    let rows = rows();
    assert!(rows.len() >= 101, "{} rows", rows.len());
    for row in rows {
        let read = |written: &Value, common: Vec<Value>| {
            let written = written.as_array().unwrap().iter().map(object);
            let roots = common.into_iter().chain(written).map(|value| Node::from_json(value, span));
            let mut said = Diagnostics::new();
            let objects = Objects::read(roots, &mut said);
            assert!(!said.has_errors(), "{}: {said:?}", row["says"]);
            objects
        };
        let beyond = row.get("beyond").map(|beyond| {
            let of_both = common().into_iter().filter(|it| it["metadata"]["namespace"] != "istio-ingress");
            let objects = read(&beyond["objects"], of_both.collect());
            (cluster("far", beyond["network"].as_str().unwrap(), "10.2.0.0/16"), objects)
        });
        let own = read(&row["objects"], common());
        let mut models = vec![Model::of(if beyond.is_some() { &near } else { &alone }, &own)];
        models.extend(beyond.as_ref().map(|(facts, objects)| Model::of(facts, objects)));
        let entrances = Entrances::of_mesh(&models);
        for pair in row["verdicts"].as_array().unwrap() {
            let found = verdict(&models, &entrances, &pair[1]);
            if found != pair[0].as_str().unwrap() {
                wrong.push(format!("{}: {} is {found}, not {}", row["says"], pair[1], pair[0]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
