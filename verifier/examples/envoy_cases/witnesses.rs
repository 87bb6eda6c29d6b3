//! Every witness the verifier prints about some folders, as cases for a real Envoy.
//!
//! In: a project, or manifests. Out: for each port of each workload behind a sidecar a case, whose requests are the
//! witnesses of gates that are open, each of which Envoy has to admit, and near requests of callers whose gate is shut,
//! each of which it has to refuse: the witnesses of others, sent by them.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs;
use std::path::Path;

use ringfence_compiler::compile::compile;
use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::document::{Document, Policy};
use ringfence_compiler::inventory::Workload;
use ringfence_compiler::parse::parse;
use ringfence_compiler::resolve::resolve;
use ringfence_compiler::shape::scalar::Text as _;
use ringfence_compiler::source::{SourceFile, Sources};
use ringfence_compiler::spec::cluster::ClusterSpec;
use ringfence_compiler::spec::names::Day;
use ringfence_compiler::spec::reference::NodePath;
use ringfence_compiler::yaml::{self, Node, Profile};
use ringfence_verifier::engine::envoy::Reads;
use ringfence_verifier::istio::request_authentication::JwtRule;
use ringfence_verifier::matrix;
use ringfence_verifier::model::{Model, Objects};
use ringfence_verifier::reach::{Asked, Caller, Decider, Gate, reach};
use ringfence_verifier::request::{Request, Shown};
use ringfence_verifier::translation;
use serde_json::{Value, json};

/// A case, and what Envoy has to say of each of its requests.
pub(super) struct Replay {
    pub case: Value,
    pub expected: Vec<&'static str>,
}

/// A cluster and the manifests that are shown to Envoy.
struct Read {
    facts: Document<ClusterSpec>,
    objects: Objects,
    shown: Vec<Value>,
}

/// Makes the cases of a folder.
pub(super) fn of(folder: &Path) -> Result<Vec<Replay>, Box<dyn Error>> {
    let mut tree = BTreeMap::new();
    add(folder, folder, &mut tree)?;
    let clusters = if tree.contains_key("ringfence.yaml") { project(&tree)? } else { manifests(&tree)? };
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut replays = Vec::new();
    for cluster in &clusters {
        let model = Model::of(&cluster.facts, &cluster.objects);
        for to in model.workloads() {
            for (port, readings) in model.ports(to) {
                let id = format!("{name} {} {}:{port}", cluster.facts.name(), matrix::name(to));
                replays.extend(at(&model, &cluster.shown, to, port, readings, &id));
            }
        }
    }
    Ok(replays)
}

#[expect(clippy::disallowed_methods, reason = "a tool of the test suite reads its own files")]
fn add(root: &Path, path: &Path, tree: &mut BTreeMap<String, Vec<u8>>) -> Result<(), Box<dyn Error>> {
    if !path.is_dir() {
        // A single file has no place below itself.
        let name = if path == root { Path::new("manifests.yaml") } else { path.strip_prefix(root)? };
        tree.insert(name.to_string_lossy().into_owned(), fs::read(path)?);
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        add(root, &entry?.path(), tree)?;
    }
    Ok(())
}

fn documents(path: &str, bytes: &[u8], profile: Profile, said: &mut Diagnostics) -> Vec<Node> {
    let mut sources = Sources::new();
    let file = sources.add(SourceFile::new(path, bytes.to_vec()));
    yaml::read(&sources, file, profile, said).into_iter().map(|document| document.root).collect()
}

/// Compiles a project.
fn project(tree: &BTreeMap<String, Vec<u8>>) -> Result<Vec<Read>, Box<dyn Error>> {
    let (mut sources, mut said) = (Sources::new(), Diagnostics::new());
    let mut parsed = parse(tree, &mut sources, &mut said).map_err(|_| "it cannot be read")?;
    let day = Day::parse("2026-11-22")?;
    let compiled = {
        let resolved = resolve(&parsed, day, &mut said).map_err(|_| "it does not resolve")?;
        compile(&resolved, &sources, &mut said).map_err(|_| "it does not compile")?
    };
    let mut clusters = Vec::new();
    for facts in parsed.policy.clusters {
        let policies = translation::read(facts.name(), &compiled, &mut said);
        let folder = format!("clusters/{}/", facts.name());
        let files = compiled.files.iter().filter(|(path, _)| path.starts_with(&folder) && path.ends_with(".yaml"));
        let shown = files.flat_map(|(path, text)| documents(path, text.as_bytes(), Profile::Manifest, &mut said));
        let shown = shown.map(|root| root.to_json()).collect();
        let inventory = parsed.inventory.clusters.remove(facts.name()).unwrap_or_default();
        clusters.push(Read { facts, objects: Objects { inventory, policies }, shown });
    }
    Ok(clusters)
}

/// Reads plain manifests, with the facts that are assumed where nobody states them.
fn manifests(tree: &BTreeMap<String, Vec<u8>>) -> Result<Vec<Read>, Box<dyn Error>> {
    let mut said = Diagnostics::new();
    let facts = "apiVersion: ringfence/v1alpha1\nkind: Cluster\nmetadata: {name: mesh}\nspec: {}\n";
    let facts = documents("facts.yaml", facts.as_bytes(), Profile::Policy, &mut said);
    let mut policy = Policy::default();
    let _ = policy.add(&NodePath::root(), facts.first().ok_or("no facts")?, &mut said);
    let files = tree.iter().filter(|(path, _)| path.ends_with(".yaml") || path.ends_with(".yml"));
    let roots: Vec<Node> =
        files.flat_map(|(path, bytes)| documents(path, bytes, Profile::Manifest, &mut said)).collect();
    let shown = roots.iter().map(Node::to_json).collect();
    let objects = Objects::read_unasked(roots, &mut said);
    let facts = policy.clusters.into_iter().next().ok_or("no facts")?;
    Ok(vec![Read { facts, objects, shown }])
}

/// Makes the cases of a port: one for each way it can be read.
fn at(model: &Model<'_>, shown: &[Value], to: &Workload, port: u16, readings: &[Reads], id: &str) -> Vec<Replay> {
    let (root, policies) = (model.cluster().root_namespace(), model.policies());
    let outside = Caller::anyone_outside();
    let strangers = model.strangers().iter().map(Caller::Stranger);
    let callers: Vec<Caller<'_>> = model.workloads().map(Caller::Workload).chain(strangers).chain(outside).collect();
    let (mut open, mut shut) = (Vec::new(), Vec::new());
    for caller in callers {
        let answer = reach(model, caller, to, port, &Asked::anything());
        match (answer.proxy, answer.witness) {
            (Some(Gate::Open(_)), Some(witness)) => open.push(witness),
            (Some(Gate::Shut(Decider::NoRule { .. })), _) => shut.push(caller.identity(model)),
            _ => {}
        }
    }
    let tokens = policies.tokens_at(&to.namespace, &to.labels, root);
    let modes = policies.modes(&to.namespace, &to.labels, root).at(port);
    // Some is shown to others than its own caller as well.
    let usual = Request {
        peer: None,
        address: [192, 0, 2, 1].into(),
        remote: [192, 0, 2, 1].into(),
        destination: [192, 0, 2, 2].into(),
        port,
        sni: None,
        http: None,
    };
    let mut near: Vec<Request> = Vec::new();
    for witness in &open {
        let anybodys = Request { peer: None, ..witness.clone() };
        if near.len() < 20 && !near.contains(&anybodys) {
            near.push(anybodys);
        }
    }
    let mut replays = Vec::new();
    for reads in readings {
        let http = *reads == Reads::Http;
        let mut requests: BTreeMap<String, (Value, &'static str)> = BTreeMap::new();
        let mut add = |request: &Request, expected| {
            let written = written(request, &tokens);
            requests.entry(written.to_string()).or_insert((written, expected));
        };
        for witness in open.iter().filter(|witness| witness.http.is_some() == http) {
            add(witness, "allow");
        }
        let mut peers: BTreeSet<Option<String>> = BTreeSet::new();
        for identity in &shut {
            let shows = modes.iter().any(|mode| mode.mtls());
            peers.extend(identity.as_ref().filter(|_| shows).map(|identity| Some(identity.to_string())));
            peers.extend(modes.iter().any(|mode| mode.plaintext()).then_some(None));
        }
        for peer in peers {
            let peer = peer.map(ringfence_verifier::request::Peer::new);
            let plain = if http { None } else { Some(&usual) };
            for request in near.iter().filter(|request| request.http.is_some() == http).chain(plain) {
                add(&Request { peer: peer.clone(), ..request.clone() }, "deny");
            }
            if http {
                let request = Request { peer: peer.clone(), ..usual.clone() };
                add(&request, "deny");
            }
        }
        if requests.is_empty() {
            continue;
        }
        let domains = &model.mesh().trust_domains;
        let kinds = ["AuthorizationPolicy", "RequestAuthentication"];
        let here = |object: &&Value| {
            let namespace = object["metadata"]["namespace"].as_str().unwrap_or("default");
            kinds.contains(&object["kind"].as_str().unwrap_or_default())
                && [to.namespace.as_str(), root].contains(&namespace)
        };
        let (requests, expected): (Vec<Value>, Vec<&'static str>) = requests.into_values().unzip();
        let case = json!({
            "id": format!("{id} {reads:?}"),
            "mesh": { "trustDomain": domains.first(), "trustDomainAliases": domains.get(1..), "rootNamespace": root },
            "objects": shown.iter().filter(here).collect::<Vec<_>>(),
            "workload": { "namespace": to.namespace, "labels": to.labels },
            "port": port,
            "protocol": if http { "http" } else { "tcp" },
            "requests": requests,
        });
        replays.push(Replay { case, expected });
    }
    replays
}

/// Writes a request as the oracle sends it, its token where the rules look for it.
fn written(request: &Request, tokens: &[&JwtRule]) -> Value {
    let mut written = json!({
        "identity": request.peer.as_ref().map(ToString::to_string),
        "address": request.address.to_string(),
        "remoteAddress": request.remote.to_string(),
        "destination": request.destination.to_string(),
        "sni": request.sni,
    });
    let (mut method, mut path, mut host) = ("GET".to_owned(), "/".to_owned(), "service.example".to_owned());
    let mut headers: Vec<Value> = Vec::new();
    if let Some(http) = &request.http {
        (method, path, host) = (http.method.clone(), http.target(), http.host.clone());
        headers.extend(
            http.headers
                .iter()
                .flat_map(|(name, values)| values.iter().map(move |value| json!([name.as_str(), value]))),
        );
        if let Shown::Signed(token) = &http.token {
            let claims = json!({ "claims": token.0 });
            let rule = tokens.iter().find(|rule| rule.takes(token));
            let header = rule.and_then(|rule| rule.from_headers.first());
            let parameter = rule.and_then(|rule| rule.from_parameters.first());
            let cookie = rule.and_then(|rule| rule.from_cookies.first());
            match (header, parameter, cookie) {
                (Some((name, prefix)), _, _) => {
                    headers.push(json!([name.as_str(), { "token": claims, "prefix": prefix, "suffix": "" }]));
                }
                (None, Some(name), _) => {
                    written["path"] = json!({ "prefix": format!("{path}?{name}="), "token": claims, "suffix": "" });
                }
                (None, None, Some(name)) => {
                    headers.push(json!(["cookie", { "token": claims, "prefix": format!("{name}="), "suffix": "" }]));
                }
                (None, None, None) => written["token"] = claims,
            }
        }
    }
    if written["path"].is_null() {
        written["path"] = path.into();
    }
    written["method"] = method.into();
    written["host"] = host.into();
    written["headers"] = headers.into();
    written
}
