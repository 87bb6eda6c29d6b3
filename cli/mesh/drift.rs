//! What runs in a cluster against what was signed for it.
//!
//! In: manifests of the cluster, as `kubectl get -o yaml` prints them, and the objects that were signed. Out: [`Drift`]s, object by
//! object; and the same manifests as if they were what was signed, so that the two can be compared by what they admit. What servers
//! add by themselves is no drift.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use ringfence_compiler::compile::is_object;
use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::source::SourceFile;
use ringfence_compiler::yaml::{self, Node, Profile};
use ringfence_verifier::deciding::Deciding;
use serde_json::{Map, Value, json};

use super::edits::{ObjectName, without_lists};
use super::{Input, Kind};

/// How an object is not as it was signed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// It was not signed, and is of a kind that decides.
    Unmanaged,
    /// It is another; where it first differs.
    Changed(String),
    /// It is not there.
    Missing,
}

/// An object that is not as it was signed.
#[derive(Debug, Clone)]
pub struct Drift {
    /// How.
    pub how: How,
    /// Where it stands among the manifests; nothing where it is missing.
    pub place: Option<(String, usize)>,
    name: ObjectName,
    signed: Option<Node>,
    live: Option<Node>,
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ObjectName { kind, namespace, name, .. } = &self.name;
        if namespace.is_empty() { write!(f, "{kind} {name}") } else { write!(f, "{kind} {namespace}/{name}") }
    }
}

/// Kinds beside those that decide who reaches whom by which requests are let in, led elsewhere or read otherwise: all that the
/// compiler emits, or a stranger could undo it with.
const LEADING: [&str; 20] = [
    "Sidecar",
    "Gateway",
    "VirtualService",
    "DestinationRule",
    "ServiceEntry",
    "WorkloadEntry",
    "WorkloadGroup",
    "EnvoyFilter",
    "WasmPlugin",
    "Telemetry",
    "HTTPRoute",
    "GRPCRoute",
    "TLSRoute",
    "TCPRoute",
    "ListenerSet",
    "XListenerSet",
    "ReferenceGrant",
    "GatewayClass",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
];

/// Fields with which servers fill up what was not written, by kind and place, and the values they give them: NetworkPolicy
/// (kubernetes `pkg/apis/networking/v1/defaults.go`), admission policies (`pkg/apis/admissionregistration/v1/defaults.go`), and the
/// kinds of the Gateway API by their definitions. The same field elsewhere may decide: a `namespaceSelector: {}` in a peer lets every
/// namespace in.
const FILLED: [(&[&str], &str, &str); 26] = [
    (&["NetworkPolicy"], "spec.ingress.ports.protocol", "\"TCP\""),
    (&["NetworkPolicy"], "spec.egress.ports.protocol", "\"TCP\""),
    (ADMISSION, "spec.failurePolicy", "\"Fail\""),
    (ADMISSION, "spec.matchConstraints.matchPolicy", "\"Equivalent\""),
    (ADMISSION, "spec.matchConstraints.namespaceSelector", "{}"),
    (ADMISSION, "spec.matchConstraints.objectSelector", "{}"),
    (ADMISSION, "spec.matchConstraints.resourceRules.scope", "\"*\""),
    (ADMISSION, "spec.matchResources.matchPolicy", "\"Equivalent\""),
    (ADMISSION, "spec.matchResources.namespaceSelector", "{}"),
    (ADMISSION, "spec.matchResources.objectSelector", "{}"),
    (ADMISSION, "spec.matchResources.resourceRules.scope", "\"*\""),
    (ROUTES, "spec.parentRefs.group", "\"gateway.networking.k8s.io\""),
    (ROUTES, "spec.parentRefs.kind", "\"Gateway\""),
    (ROUTES, "spec.rules.backendRefs.group", "\"\""),
    (ROUTES, "spec.rules.backendRefs.kind", "\"Service\""),
    (ROUTES, "spec.rules.backendRefs.weight", "1"),
    (ROUTES, "spec.rules.filters.requestMirror.backendRef.group", "\"\""),
    (ROUTES, "spec.rules.filters.requestMirror.backendRef.kind", "\"Service\""),
    (&["HTTPRoute"], "spec.rules.matches.path", "{\"type\":\"PathPrefix\",\"value\":\"/\"}"),
    (LISTENERS, "spec.parentRef.group", "\"gateway.networking.k8s.io\""),
    (LISTENERS, "spec.parentRef.kind", "\"Gateway\""),
    (LISTENERS, "spec.listeners.tls.mode", "\"Terminate\""),
    (LISTENERS, "spec.listeners.tls.certificateRefs.group", "\"\""),
    (LISTENERS, "spec.listeners.tls.certificateRefs.kind", "\"Secret\""),
    (LISTENERS, "spec.listeners.allowedRoutes.namespaces", "{\"from\":\"Same\"}"),
    (LISTENERS, "spec.listeners.allowedRoutes", "{\"namespaces\":{\"from\":\"Same\"}}"),
];
const ADMISSION: &[&str] = &["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"];
const ROUTES: &[&str] = &["HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute"];
const LISTENERS: &[&str] = &["Gateway", "ListenerSet", "XListenerSet"];

/// Tells whether servers write a field of their own where an object was signed without it. `at` is its place, without the numbers of
/// entries in lists.
fn is_filled(signed: &Map<String, Value>, at: &str, value: &Value) -> bool {
    let kind = signed.get("kind").and_then(Value::as_str).unwrap_or_default();
    if (kind, at) == ("NetworkPolicy", "spec.policyTypes") {
        let egress = signed.get("spec").and_then(|spec| spec.get("egress")).and_then(Value::as_array);
        let leaves = egress.is_some_and(|rules| !rules.is_empty());
        return *value == if leaves { json!(["Ingress", "Egress"]) } else { json!(["Ingress"]) };
    }
    let value = value.to_string();
    FILLED.iter().any(|(kinds, place, default)| kinds.contains(&kind) && *place == at && value == *default)
}

impl Input {
    /// Compares manifests with the objects that were signed, which are texts by path.
    pub fn drifts(&mut self, signed: &BTreeMap<String, Vec<u8>>) -> Vec<Drift> {
        let mut objects: BTreeMap<ObjectName, Node> = BTreeMap::new();
        for (path, bytes) in signed {
            if !is_object(path) {
                continue;
            }
            let file = self.sources.add(SourceFile::new(path, bytes.clone()));
            self.foreign.insert(file);
            // They were read back when they were written, and the signature says that they are the same.
            for document in yaml::read(&self.sources, file, Profile::Manifest, &mut Diagnostics::new()) {
                if let Some(name) = ObjectName::of(&document.root) {
                    objects.insert(name, document.root);
                }
            }
        }
        let Kind::Manifests { roots, facts, .. } = &self.kind else { return Vec::new() };
        let mut governed: BTreeSet<&str> = objects.keys().map(|name| name.namespace.as_str()).collect();
        let root = facts.spec.root_namespace.as_ref().map_or("istio-system", |name| name.value.0.as_str());
        governed.extend([root, ""]);
        let mut drifts = Vec::new();
        let mut there = BTreeSet::new();
        for live in roots.iter().cloned().flat_map(without_lists) {
            let Some(name) = ObjectName::of(&live) else { continue };
            let text = |field: &str| live.get(field).and_then(Node::as_str).unwrap_or_default();
            let counts = Deciding::of(&live).is_some() || LEADING.contains(&text("kind"));
            let how = match objects.get(&name) {
                Some(signed) => {
                    there.insert(name.clone());
                    differs(&signed.to_json(), &live.to_json()).map(How::Changed)
                }
                None => (counts && governed.contains(name.namespace.as_str())).then_some(How::Unmanaged),
            };
            if let Some(how) = how {
                let file = self.sources.file(live.span.file);
                let place = Some((file.path().to_owned(), file.position(live.span.start).0));
                drifts.push(Drift { how, place, signed: objects.get(&name).cloned(), name, live: Some(live) });
            }
        }
        let missing = objects.into_iter().filter(|(name, _)| !there.contains(name));
        drifts.extend(missing.map(|(name, signed)| Drift {
            how: How::Missing,
            place: None,
            name,
            signed: Some(signed),
            live: None,
        }));
        drifts.sort_by(|one, other| (&one.how, &one.name).cmp(&(&other.how, &other.name)));
        drifts
    }

    /// Makes manifests what was signed, but for one object.
    pub fn undo<'d>(&mut self, drifts: impl IntoIterator<Item = &'d Drift>) {
        self.edits.over.clear();
        self.edits.without.clear();
        for drift in drifts {
            match (&drift.signed, &drift.live) {
                (Some(signed), _) => self.edits.over.push(signed.clone()),
                (None, _) => self.edits.without.push(drift.name.clone()),
            }
        }
    }
}

/// Returns where a live object is not as it was signed, as in `spec.rules[0].to`; nothing where all that it has beside it servers
/// have added.
fn differs(signed: &Value, live: &Value) -> Option<String> {
    let (Some(signed), Some(live)) = (signed.as_object(), live.as_object()) else { return Some(String::new()) };
    let empty = Map::new();
    for field in ["labels", "annotations"] {
        let of = |object: &Map<String, Value>| -> Map<String, Value> {
            let found = object.get("metadata").and_then(|metadata| metadata.get(field)).and_then(Value::as_object);
            found.unwrap_or(&empty).clone()
        };
        let (ours, theirs) = (of(signed), of(live));
        // Controllers add their own; those that were signed have to be there.
        if let Some((key, _)) = ours.iter().find(|(key, value)| theirs.get(*key) != Some(value)) {
            return Some(format!("metadata.{field}.{key}"));
        }
        // Some of those that are added decide whether the object counts at all: `istio.io/dry-run`, `istio.io/rev`.
        let decides = |key: &&String| key.split('/').next().is_some_and(|domain| domain.ends_with("istio.io"));
        if let Some(key) = theirs.keys().filter(decides).find(|key| !ours.contains_key(*key)) {
            return Some(format!("metadata.{field}.{key}"));
        }
    }
    // Who has an owner goes with it, and who is being deleted is all but gone; nothing of ours has either.
    for field in ["deletionTimestamp", "ownerReferences"] {
        let is_there = |object: &Map<String, Value>| object.get("metadata").is_some_and(|it| it.get(field).is_some());
        if is_there(live) && !is_there(signed) {
            return Some(format!("metadata.{field}"));
        }
    }
    let fields: BTreeSet<&String> = signed.keys().chain(live.keys()).collect();
    let is_spec = |field: &&&String| !["metadata", "status"].contains(&field.as_str());
    fields.iter().filter(is_spec).find_map(|field| match (signed.get(*field), live.get(*field)) {
        (Some(ours), Some(theirs)) => apart(ours, theirs, field, &|at, value| is_filled(signed, at, value)),
        _ => Some((*field).clone()),
    })
}

/// Returns where two values differ, but for what servers fill in.
fn apart(signed: &Value, live: &Value, at: &str, is_filled: &dyn Fn(&str, &Value) -> bool) -> Option<String> {
    match (signed, live) {
        (Value::Object(ours), Value::Object(theirs)) => {
            let gone = ours.iter().find_map(|(field, value)| {
                let at = format!("{at}.{field}");
                theirs.get(field).map_or(Some(at.clone()), |other| apart(value, other, &at, is_filled))
            });
            gone.or_else(|| {
                let mut more = theirs.iter().filter(|(field, _)| !ours.contains_key(*field));
                more.find_map(|(field, value)| {
                    let at = format!("{at}.{field}");
                    (!is_filled(&without_numbers(&at), value)).then_some(at)
                })
            })
        }
        (Value::Array(ours), Value::Array(theirs)) if ours.len() == theirs.len() => {
            let mut both = ours.iter().zip(theirs).enumerate();
            both.find_map(|(number, (ours, theirs))| apart(ours, theirs, &format!("{at}[{number}]"), is_filled))
        }
        _ => (signed != live).then(|| at.to_owned()),
    }
}

/// Leaves out the numbers of entries in lists.
fn without_numbers(at: &str) -> String {
    at.split('[').map(|part| part.split_once(']').map_or(part, |(_, rest)| rest)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_servers_add_is_no_drift_and_everything_else_is() {
        let signed = json!({ "kind": "NetworkPolicy", "metadata": { "name": "a", "labels": { "by": "us" } }, "spec": { "podSelector": {}, "ingress": [{ "ports": [{ "port": 80 }] }] } });
        let live = |change: &dyn Fn(&mut Value)| {
            let mut live = signed.clone();
            change(&mut live);
            differs(&signed, &live)
        };
        assert_eq!(live(&|_| ()), None);
        assert_eq!(
            live(&|live| {
                live["metadata"]["uid"] = "x".into();
                live["metadata"]["labels"]["theirs"] = "x".into();
                live["status"] = json!({});
                live["spec"]["policyTypes"] = json!(["Ingress"]);
                live["spec"]["ingress"][0]["ports"][0]["protocol"] = "TCP".into();
            }),
            None
        );
        // The same words elsewhere open it: every namespace for one, and no rule for traffic that leaves.
        let peer =
            live(&|live| live["spec"]["ingress"][0]["from"] = json!([{ "podSelector": {}, "namespaceSelector": {} }]));
        assert_eq!(peer.as_deref(), Some("spec.ingress[0].from"));
        let mut signed_peer = signed.clone();
        signed_peer["spec"]["ingress"][0]["from"] = json!([{ "podSelector": {} }]);
        signed_peer["spec"]["egress"] = json!([{}]);
        let mut wider = signed_peer.clone();
        wider["spec"]["ingress"][0]["from"][0]["namespaceSelector"] = json!({});
        assert_eq!(differs(&signed_peer, &wider).as_deref(), Some("spec.ingress[0].from[0].namespaceSelector"));
        let mut free = signed_peer.clone();
        free["spec"]["policyTypes"] = json!(["Ingress"]);
        assert_eq!(differs(&signed_peer, &free).as_deref(), Some("spec.policyTypes"));
        free["spec"]["policyTypes"] = json!(["Ingress", "Egress"]);
        assert_eq!(differs(&signed_peer, &free), None);
        for (change, at) in [
            (json!({ "path": "/metadata/labels/by", "to": "them" }), "metadata.labels.by"),
            (json!({ "path": "/spec/ingress/0/ports/0/port", "to": 81 }), "spec.ingress[0].ports[0].port"),
            (json!({ "path": "/spec/ingress", "to": [] }), "spec.ingress"),
        ] {
            let found =
                live(&|live| *live.pointer_mut(change["path"].as_str().unwrap()).unwrap() = change["to"].clone());
            assert_eq!(found.as_deref(), Some(at));
        }
        for (field, key) in [("annotations", "istio.io/dry-run"), ("labels", "istio.io/rev")] {
            let at = live(&|live| live["metadata"][field][key] = "true".into());
            assert_eq!(at, Some(format!("metadata.{field}.{key}")));
        }
        let going = live(&|live| live["metadata"]["deletionTimestamp"] = "2026-11-22T12:00:00Z".into());
        assert_eq!(going.as_deref(), Some("metadata.deletionTimestamp"));
        assert_eq!(live(&|live| live["spec"]["egress"] = json!([])).as_deref(), Some("spec.egress"));
        assert_eq!(
            live(&|live| live["spec"]["ingress"][0]["ports"][0]["protocol"] = "UDP".into()).as_deref(),
            Some("spec.ingress[0].ports[0].protocol")
        );
        assert_eq!(live(&|live| drop(live.as_object_mut().unwrap().remove("spec"))).as_deref(), Some("spec"));
    }
}
