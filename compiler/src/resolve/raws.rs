//! Hand-written objects: whether their kind is allowed, and which clusters they go to.

use super::authority;
use super::fields::Words;
use super::interval::Settled;
use super::statements::Origin;
use super::world::World;
use crate::diagnostics::codes::resolve as code;
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::document::Document;
use crate::spec::raw::RawSpec;
use crate::spec::reference::NodePath;
use crate::yaml::Node;

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
        let code = &crate::diagnostics::codes::parse::MISSING_FIELD;
        Box::new(
            code.at(manifest.span, format!("a hand-written object without `{what}`")).label("no Kubernetes object"),
        )
    };
    let kind = text(&["kind"]).ok_or_else(|| missing("kind"))?;
    text(&["apiVersion"]).ok_or_else(|| missing("apiVersion"))?;
    text(&["metadata", "name"]).ok_or_else(|| missing("metadata.name"))?;
    let namespace = text(&["metadata", "namespace"]).ok_or_else(|| missing("metadata.namespace"))?;
    let kind_span = node.get("kind").map_or(manifest.span, |kind| kind.span);
    let refused = |why: String| code::RAW_NOT_ALLOWED.at(kind_span, why).label("not allowed");
    if OWN_KINDS.contains(&kind) {
        let refused = refused(format!("objects of kind `{kind}` come from policy alone"));
        return Err(Box::new(
            refused.help("a hand-written one could undo what is proved of the rest: write it as policy"),
        ));
    }
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
