//! The tables of what policies mean, row by row: `fixtures/semantics`. Real Envoys are held to the same rows of the first.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    dead_code,
    reason = "a test, which reads a fixture and fails where it finds none"
)]

use std::path::Path;

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::source::{SourceFile, Sources};
use ringfence_compiler::yaml::{self, Profile};
use ringfence_verifier::engine::chain;
use ringfence_verifier::evaluate::{Ruling, rule};
use ringfence_verifier::model::Before;
use ringfence_verifier::request::{Peer, Request};
use serde_json::{Map, Value, json};

mod support;

#[path = "../examples/envoy_cases/judge.rs"]
mod judge;

#[path = "../examples/network_cases/judge.rs"]
mod network;

fn table(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/semantics").join(name);
    let mut sources = Sources::new();
    let file = sources.add(SourceFile::new(name, std::fs::read(path).unwrap()));
    let mut said = Diagnostics::new();
    let documents = yaml::read(&sources, file, Profile::Manifest, &mut said);
    assert!(!said.has_errors(), "{:?}", said.sorted(&sources));
    documents[0].root.to_json()
}

fn manifest(kind: &str, number: usize, written: &Value) -> Value {
    let mut spec = written.as_object().unwrap().clone();
    let mut metadata = Map::new();
    metadata.insert("name".to_owned(), spec.remove("name").unwrap_or_else(|| format!("p{number}").into()));
    metadata.insert("namespace".to_owned(), spec.remove("namespace").unwrap_or_else(|| "shop".into()));
    if let Some(word) = spec.remove("dryRun") {
        metadata.insert("annotations".to_owned(), json!({ "istio.io/dry-run": word }));
    }
    json!({ "apiVersion": "security.istio.io/v1", "kind": kind, "metadata": metadata, "spec": spec })
}

/// Makes the case of a row, as the oracle does.
fn case(row: &Value) -> Value {
    let of = |key: &str, kind: &'static str| {
        let written = row[key].as_array().cloned().unwrap_or_default();
        written.iter().enumerate().map(|(at, one)| manifest(kind, at, one)).collect::<Vec<_>>()
    };
    let mut objects = of("policies", "AuthorizationPolicy");
    objects.extend(of("tokens", "RequestAuthentication"));
    let mut mesh = json!({ "trustDomain": "cluster.local" });
    for (key, value) in row["mesh"].as_object().into_iter().flatten() {
        mesh[key] = value.clone();
    }
    let request = |pair: &Value| {
        let mut request = json!({
            "identity": "cluster.local/ns/shop/sa/web",
            "address": "10.0.0.1",
            "method": "GET",
            "path": "/",
            "host": "web",
        });
        for (key, value) in pair[1].as_object().into_iter().flatten() {
            request[key] = value.clone();
        }
        request
    };
    let requests: Vec<Value> = row["verdicts"].as_array().unwrap().iter().map(request).collect();
    json!({
        "id": row["says"],
        "mesh": mesh,
        "objects": objects,
        "workload": { "namespace": "shop", "labels": { "app": "web" } },
        "port": row["port"].as_u64().unwrap_or(8080),
        "protocol": row["protocol"].as_str().unwrap_or("http"),
        "requests": requests,
    })
}

#[test]
fn the_verifier_decides_as_the_table_says() {
    let mut wrong = Vec::new();
    let table = table("authorization.yaml");
    let rows = table["rows"].as_array().unwrap();
    assert!(rows.len() >= 100, "{} rows", rows.len());
    for row in rows {
        let verdicts = match judge::judge(&case(row), None) {
            Ok(verdicts) => verdicts,
            Err(error) => {
                wrong.push(format!("{}: {error}", row["says"]));
                continue;
            }
        };
        for (pair, ours) in row["verdicts"].as_array().unwrap().iter().zip(verdicts) {
            if pair[0] != ours {
                wrong.push(format!("{}: {} is {ours}, {} is expected", row["says"], pair[1], pair[0]));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {} rows\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

/// Makes the case of a row about the network.
fn network_case(table: &Value, row: &Value) -> Value {
    let object = |(number, written): (usize, &Value)| {
        let mut spec = written.as_object().unwrap().clone();
        let mut text =
            |key: &str, default: String| spec.remove(key).map_or(default, |value| value.as_str().unwrap().to_owned());
        let kind = text("kind", "NetworkPolicy".to_owned());
        let metadata =
            json!({ "name": text("name", format!("p{number}")), "namespace": text("namespace", "shop".to_owned()) });
        let version = match kind.as_str() {
            "NetworkPolicy" => "networking.k8s.io/v1",
            "ClusterNetworkPolicy" => "policy.networking.k8s.io/v1alpha2",
            _ => "policy.networking.k8s.io/v1alpha1",
        };
        json!({ "apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec })
    };
    let connection = |verdict: &Value| {
        let mut connection = json!({ "from": "shop/web", "to": "shop/db", "port": 8080 });
        for (key, value) in verdict[1].as_object().unwrap() {
            connection[key] = match value.as_str().and_then(|text| text.parse::<std::net::IpAddr>().ok()) {
                Some(address) => ipnet::IpNet::from(address).to_string().into(),
                None => value.clone(),
            };
        }
        connection
    };
    json!({
        "facts": row["facts"],
        "namespaces": table["namespaces"],
        "pods": table["pods"],
        "objects": row["policies"].as_array().unwrap().iter().enumerate().map(object).collect::<Vec<_>>(),
        "connections": row["verdicts"].as_array().unwrap().iter().map(connection).collect::<Vec<_>>(),
    })
}

#[test]
fn connections_pass_as_the_table_says() {
    let mut wrong = Vec::new();
    let table = table("network.yaml");
    let rows = table["rows"].as_array().unwrap();
    assert!(rows.len() >= 60, "{} rows", rows.len());
    for row in rows {
        let verdicts = network::judge(&network_case(&table, row), None).unwrap_or_else(|error| {
            wrong.push(format!("{}: {error}", row["says"]));
            Vec::new()
        });
        for (expected, ours) in row["verdicts"].as_array().unwrap().iter().zip(verdicts) {
            if expected[0] != ours.word || expected.get(2).is_some_and(|by| *by != ours.by[1]) {
                wrong.push(format!("{}: {expected} is {} by {:?}", row["says"], ours.word, ours.by));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong in {} rows\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

/// Returns what ztunnel says of the connections of a row.
fn in_ambient(row: &Value) -> Vec<&'static str> {
    let mut objects = vec![
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": {
            "name": "shop", "labels": { "istio.io/dataplane-mode": "ambient" } } }),
        json!({ "apiVersion": "v1", "kind": "Pod", "metadata": {
            "name": "web", "namespace": "shop", "labels": { "app": "web" } },
            "spec": { "containers": [{ "name": "a", "ports": [{ "containerPort": 8080 }] }] } }),
    ];
    for (key, kind) in [("policies", "AuthorizationPolicy"), ("peers", "PeerAuthentication")] {
        let written = row[key].as_array().into_iter().flatten().enumerate();
        objects.extend(written.map(|(at, one)| manifest(kind, at, one)));
    }
    let manifests: Vec<String> = objects.iter().map(|object| format!("{object}\n")).collect();
    let clusters =
        support::Clusters::read(&[(&row["mesh"].to_string().replace("null", "{}"), &manifests.join("---\n"))]);
    let models = clusters.models();
    let (model, root) = (&models[0], "istio-system");
    let web = model.workloads().next().unwrap();
    let judge = |pair: &Value| {
        let connection = &pair[1];
        let address = |key: &str, default: &str| connection[key].as_str().unwrap_or(default).parse().unwrap();
        let identity = match &connection["identity"] {
            Value::Null if connection.get("identity").is_some() => None,
            written => Some(written.as_str().unwrap_or("cluster.local/ns/shop/sa/web")),
        };
        let port = u16::try_from(connection["port"].as_u64().unwrap_or(8080)).unwrap();
        assert_eq!(model.before(web, port), Before::Ztunnel);
        let from = address("address", "10.0.0.1");
        let request = Request {
            peer: identity.map(Peer::new),
            address: from,
            remote: from,
            destination: address("destination", "10.244.0.10"),
            port,
            sni: None,
            http: None,
        };
        let selected = model.policies().authorizing(&web.namespace, &web.labels, root);
        let mut verdicts = Vec::new();
        for mode in model.modes(web).at(port) {
            for reads in model.readings(web, port) {
                let ruling = rule(&chain(&selected, *reads, model.mesh()), &request);
                let taken = if identity.is_some() { mode.mtls() } else { mode.plaintext() };
                verdicts.push(match ruling {
                    _ if !taken => "deny",
                    Ruling::Allowed(_) | Ruling::AllowedByNone => "allow",
                    Ruling::Denied(_) | Ruling::NotAllowed => "deny",
                    Ruling::Asks(_) | Ruling::Unknown(_) => "depends",
                });
            }
        }
        verdicts.dedup();
        if let [verdict] = verdicts[..] { verdict } else { "depends" }
    };
    row["verdicts"].as_array().unwrap().iter().map(judge).collect()
}

#[test]
fn ztunnel_decides_as_the_table_says() {
    let mut wrong = Vec::new();
    let table = table("ambient.yaml");
    let rows = table["rows"].as_array().unwrap();
    assert!(rows.len() >= 50, "{} rows", rows.len());
    for row in rows {
        assert!(row["read"].is_string(), "{} cites nothing", row["says"]);
        for (pair, ours) in row["verdicts"].as_array().unwrap().iter().zip(in_ambient(row)) {
            if pair[0] != ours {
                wrong.push(format!("{}: {} is {ours}, {} is expected", row["says"], pair[1], pair[0]));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {} rows\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}
