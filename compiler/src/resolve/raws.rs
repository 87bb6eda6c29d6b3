//! Hand-written objects: whether their kind is allowed, and which clusters they go to.

use super::authority;
use super::fields::Words;
use super::interval::Settled;
use super::statements::Origin;
use super::world::World;
use crate::diagnostics::codes::{parse, resolve as code};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::document::Document;
use crate::shape::wrong_type;
use crate::spec::raw::RawSpec;
use crate::spec::reference::NodePath;
use crate::yaml::{Node, Value};

/// A hand-written object and where it goes.
#[derive(Debug, Clone)]
pub struct Raw<'a> {
    /// The clusters.
    pub clusters: Vec<&'a str>,
    /// Its namespace.
    pub namespace: &'a str,
    /// The object as it was written.
    pub manifest: &'a Node,
    /// Where it was written.
    pub origin: Origin,
}

/// Kinds that decide who reaches what: nobody carries one through by hand.
const OWN_KINDS: [&str; 6] = [
    "AuthorizationPolicy",
    "NetworkPolicy",
    "PeerAuthentication",
    "RequestAuthentication",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
];

/// The groups of kinds people carry through: a kind of another group is another kind, whatever it is called.
const GROUPS: [(&str, &[&str]); 5] = [
    (
        "networking.istio.io",
        &[
            "VirtualService",
            "DestinationRule",
            "Gateway",
            "ServiceEntry",
            "Sidecar",
            "EnvoyFilter",
            "WorkloadEntry",
            "WorkloadGroup",
            "ProxyConfig",
        ],
    ),
    ("extensions.istio.io", &["WasmPlugin"]),
    ("telemetry.istio.io", &["Telemetry"]),
    (
        "gateway.networking.k8s.io",
        &["Gateway", "HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute", "UDPRoute", "ReferenceGrant"],
    ),
    ("networking.k8s.io", &["Ingress"]),
];

/// Returns the groups that have a kind of this name; none where it is not known.
fn groups_of(kind: &str) -> Vec<&'static str> {
    GROUPS.iter().filter(|(_, kinds)| kinds.contains(&kind)).map(|(group, _)| *group).collect()
}

/// Checks every hand-written object; `allowed` says which kinds the mandates at a node allow.
pub(super) fn resolve<'a, 's>(
    world: &World<'a>,
    allowed: impl Fn(&NodePath) -> Option<&'s Settled<Words, Origin>>,
    diagnostics: &mut Diagnostics,
) -> Vec<Raw<'a>> {
    let mut raws = Vec::new();
    for document in &world.parsed.policy.raws {
        match check(world, document, allowed(&document.node)) {
            Ok(raw) => raws.push(raw),
            Err(diagnostic) => {
                diagnostics.report(*diagnostic);
            }
        }
    }
    raws
}

fn check<'a>(
    world: &World<'a>,
    document: &'a Document<RawSpec>,
    allowed: Option<&Settled<Words, Origin>>,
) -> Result<Raw<'a>, Box<Diagnostic>> {
    let manifest = &document.spec.manifest;
    let node = &manifest.value.0;
    let text = |path: &[&str]| path.iter().try_fold(node, |node, key| node.get(key)).and_then(Node::as_str);
    let missing = |what: &str| {
        let missing = parse::MISSING_FIELD.at(manifest.span, format!("a hand-written object without `{what}`"));
        Box::new(missing.label("no Kubernetes object").help("it is written as `kubectl apply` takes it"))
    };
    let kind = text(&["kind"]).ok_or_else(|| missing("kind"))?;
    let version = text(&["apiVersion"]).ok_or_else(|| missing("apiVersion"))?;
    let name = text(&["metadata", "name"]).ok_or_else(|| missing("metadata.name"))?;
    let namespace = text(&["metadata", "namespace"]).ok_or_else(|| missing("metadata.namespace"))?;
    let kind_span = node.get("kind").map_or(manifest.span, |kind| kind.span);
    let refused = |why: String| code::RAW_NOT_ALLOWED.at(kind_span, why).label("not allowed");
    if OWN_KINDS.contains(&kind) {
        let refused = refused(format!("objects of kind `{kind}` come from policy alone"));
        return Err(Box::new(
            refused.help("a hand-written one could undo what is proved of the rest: write it as policy"),
        ));
    }
    if kind.ends_with("List") && node.get("items").is_some() {
        return Err(Box::new(refused("a list of objects hides what it holds".to_owned()).help("write a Raw for each")));
    }
    let group = version.split_once('/').map_or("", |(group, _)| group);
    let groups = groups_of(kind);
    if !groups.is_empty() && !groups.contains(&group) {
        let list = groups.iter().map(|group| format!("`{group}`")).collect::<Vec<_>>().join(" or ");
        let span = node.get("apiVersion").map_or(kind_span, |version| version.span);
        let other = code::RAW_NOT_ALLOWED.at(span, format!("`{kind}` is a kind of {list}, and not of `{version}`"));
        return Err(Box::new(other.label("another kind of the same name").help("write the apiVersion of the kind")));
    }
    check_metadata(node, namespace, kind, name)?;
    if let Some(cluster) = world.clusters.values().find(|cluster| cluster.root_namespace() == namespace) {
        let refused = refused(format!(
            "`{namespace}` is the root namespace of `{}`, where policies hold for the whole mesh",
            cluster.document.name()
        ));
        return Err(Box::new(refused.help("nothing is emitted there")));
    }
    let lists = |words: &Words| matches!(words, Words::Only(kinds) if kinds.contains(kind));
    match allowed.filter(|allowed| !allowed.ceilings.is_empty()) {
        Some(allowed) if lists(&allowed.value) => {}
        Some(allowed) => {
            let by = allowed.ceilings.iter().find(|ceiling| !lists(&ceiling.value));
            let refused =
                refused(format!("hand-written objects of kind `{kind}` are not allowed at `{}`", document.node));
            let refused = by.into_iter().fold(refused, |refused, by| refused.and(by.origin.span, "the kinds that are"));
            return Err(Box::new(refused.help("say it in policy, or have the kind listed in the mandate")));
        }
        None => {
            let refused = refused(format!("hand-written objects are not allowed at `{}`", document.node));
            return Err(Box::new(refused.help("a mandate `raw` of a node above lists the kinds that are")));
        }
    }
    if authority::raw_kinds(world, &document.node).is_some_and(|kinds| !kinds.contains(&kind)) {
        return Err(Box::new(refused(format!("kind `{kind}` was not delegated to `{}`", document.node))));
    }
    let owns = |cluster: &str| {
        world
            .claims
            .get(&(cluster, namespace))
            .is_some_and(|owner| document.node.contains(owner) || owner.contains(&document.node))
    };
    let wanted = |cluster: &str| {
        document.spec.clusters.as_ref().is_none_or(|named| named.0.iter().any(|name| name.value.0 == cluster))
    };
    let named = document.spec.clusters.iter().flat_map(|named| &named.0);
    if let Some(name) = named.into_iter().find(|name| !world.clusters.contains_key(name.value.0.as_str())) {
        let unknown = code::UNKNOWN_REFERENCE
            .at(name.span, format!("there is no cluster `{}`", name.value))
            .label("found nowhere");
        return Err(Box::new(unknown.did_you_mean(&name.value.0, world.clusters.keys().copied())));
    }
    let clusters: Vec<&str> =
        world.clusters.keys().copied().filter(|cluster| wanted(cluster) && owns(cluster)).collect();
    if clusters.is_empty() {
        let outside = code::OUTSIDE_NODE
            .at(manifest.span, format!("namespace `{namespace}` does not belong to `{}`", document.node));
        return Err(Box::new(
            outside.label("goes nowhere").help("a node writes into the namespaces its workspace claims"),
        ));
    }
    Ok(Raw { clusters, namespace, manifest: node, origin: Origin::document(document.span, document) })
}

/// Refuses names that no file can have, and labels and annotations that are none.
fn check_metadata(node: &Node, namespace: &str, kind: &str, name: &str) -> Result<(), Box<Diagnostic>> {
    let metadata = node.get("metadata");
    let span = metadata.and_then(|metadata| metadata.get("name")).map_or(node.span, |name| name.span);
    let fits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.');
    // As its file is named: at most 255 characters.
    let length = namespace.len() + kind.len() + name.len() + "----.yaml".len();
    if !fits(name) || !fits(kind) || name.starts_with('.') || length > 255 {
        let invalid = parse::INVALID_VALUE.at(span, format!("{kind} `{name}` cannot be the name of an object"));
        return Err(Box::new(
            invalid
                .label("not a name")
                .help("use letters, digits, dots and hyphens, and not so many that its file cannot be named after it"),
        ));
    }
    for key in ["labels", "annotations"] {
        let Some(given) = metadata.and_then(|metadata| metadata.get(key)).filter(|it| it.value != Value::Null) else {
            continue;
        };
        let Some(mapping) = given.as_mapping() else {
            return Err(Box::new(wrong_type(given, "a mapping of text")));
        };
        if let Some(entry) = mapping.entries().iter().find(|entry| entry.value.as_str().is_none()) {
            return Err(Box::new(wrong_type(&entry.value, "text")));
        }
    }
    Ok(())
}
