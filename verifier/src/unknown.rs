//! `mesh/unknown-field`: fields that the schema of a kind does not have.
//!
//! In: objects as they are written, and the fields of each kind ([`crate::coverage`]). Out: a report for each field that is not
//! among them, and whether there was one. The API server refuses such an object where it is asked to be strict and drops the
//! field where it is not, so that nobody can tell from the object what the cluster has.

use std::collections::BTreeSet;

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::diagnostics::codes::mesh as code;
use ringfence_compiler::diagnostics::nearest;
use ringfence_compiler::yaml::{Node, Value};

use crate::coverage::{KINDS, SELECTORS};
use crate::deciding::Deciding;

/// The fields of any object.
const OBJECT: [&str; 5] = ["apiVersion", "kind", "metadata", "spec", "status"];

/// The fields of a Sidecar (istio/api `networking/v1/sidecar.proto`); what is about calls that leave is not looked into.
const SIDECAR: [&str; 13] = [
    "workloadSelector.labels",
    "ingress[].port.number",
    "ingress[].port.protocol",
    "ingress[].port.name",
    "ingress[].port.targetPort",
    "ingress[].bind",
    "ingress[].captureMode",
    "ingress[].defaultEndpoint",
    "ingress[].tls",
    "ingress[].connectionPool",
    "egress",
    "inboundConnectionPool",
    "outboundTrafficPolicy",
];

/// The versions of the tiers that can be read.
const TIER_VERSIONS: [&str; 2] = ["v1alpha1", "v1alpha2"];

/// The fields of metadata that people write; those that the API server adds are in exports.
const METADATA: [&str; 14] = [
    "name",
    "namespace",
    "labels",
    "annotations",
    "generateName",
    "finalizers",
    "ownerReferences",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
];

/// Reports fields that are not known; says whether there are any.
pub fn fields(kind: Deciding, root: &Node, diagnostics: &mut Diagnostics) -> bool {
    let name = match kind {
        Deciding::Tier(_) => "ClusterNetworkPolicy",
        _ => kind.name(),
    };
    let rows = KINDS.iter().filter(|known| known.name == name).flat_map(|known| known.rows);
    let paths: Vec<Vec<&str>> = rows.flat_map(|row| row.fields).map(|field| steps(field)).collect();
    let is_tier = matches!(kind, Deciding::Tier(_));
    let mut look = Look { kind: kind.name(), is_tier, found: false, diagnostics };
    look.object(root);
    // What a later version of a tier means by the same words nobody here knows.
    let version = root.get("apiVersion").and_then(Node::as_str).unwrap_or_default();
    let known = TIER_VERSIONS.iter().any(|known| version.split_once('/').is_some_and(|(_, version)| version == *known));
    look.found |= is_tier && !known;
    if let Some(spec) = root.get("spec") {
        let below: Vec<&[&str]> = paths.iter().map(Vec::as_slice).collect();
        look.below(spec, &below, "spec");
    }
    look.found
}

/// Reports fields of a Sidecar that are not known, of those that are about what arrives; says whether there are any.
pub fn of_sidecar(root: &Node, diagnostics: &mut Diagnostics) -> bool {
    let mut look = Look { kind: "Sidecar", is_tier: false, found: false, diagnostics };
    look.object(root);
    let paths: Vec<Vec<&str>> = SIDECAR.iter().map(|field| steps(field)).collect();
    if let Some(spec) = root.get("spec") {
        let below: Vec<&[&str]> = paths.iter().map(Vec::as_slice).collect();
        look.below(spec, &below, "spec");
    }
    look.found
}

/// Splits `rules[].from[].source` into its steps; an item of a list is a step of its own.
fn steps(path: &str) -> Vec<&str> {
    path.split('.').flat_map(|step| step.strip_suffix("[]").map_or(vec![step], |list| vec![list, "[]"])).collect()
}

struct Look<'d> {
    kind: &'static str,
    /// Whether it is of a tier: those kinds still change.
    is_tier: bool,
    found: bool,
    diagnostics: &'d mut Diagnostics,
}

impl Look<'_> {
    /// Looks at what objects of every kind have.
    fn object(&mut self, root: &Node) {
        self.mapping(root, &OBJECT, "the object");
        if let Some(metadata) = root.get("metadata") {
            let known: Vec<&str> = METADATA.into_iter().chain(["uid"]).collect();
            self.mapping(metadata, &known, "`metadata`");
        }
    }

    /// Looks below a node of which the fields are known by their paths from there.
    fn below(&mut self, node: &Node, paths: &[&[&str]], at: &str) {
        // What is named as a whole may hold anything, but for a selector.
        if paths.iter().any(|path| path.is_empty()) {
            if SELECTORS.contains(&at) {
                self.selector(node);
            }
            return;
        }
        let after = |step: &str| -> Vec<&[&str]> {
            let next = |path: &&[&str]| path.split_first().is_some_and(|(first, _)| *first == step || *first == "*");
            paths.iter().filter(|path| next(path)).filter_map(|path| path.get(1..)).collect()
        };
        match &node.value {
            Value::Sequence(items) => items.iter().for_each(|item| self.below(item, &after("[]"), at)),
            Value::Mapping(mapping) => {
                let known: BTreeSet<&str> = paths.iter().filter_map(|path| path.first().copied()).collect();
                if !known.contains("*") {
                    let known: Vec<&str> = known.into_iter().collect();
                    self.mapping(node, &known, &format!("`{at}`"));
                }
                for entry in mapping.entries() {
                    let key = entry.key.value.as_str();
                    let below = after(key);
                    if !below.is_empty() {
                        self.below(&entry.value, &below, key);
                    }
                }
            }
            _ => {}
        }
    }

    fn selector(&mut self, node: &Node) {
        self.mapping(node, &["matchLabels", "matchExpressions"], "a selector");
        let expressions = node.get("matchExpressions").and_then(Node::as_sequence).unwrap_or_default();
        for expression in expressions {
            self.mapping(expression, &["key", "operator", "values"], "`matchExpressions`");
        }
    }

    fn mapping(&mut self, node: &Node, known: &[&str], place: &str) {
        let Some(mapping) = node.as_mapping() else { return };
        for entry in mapping.entries() {
            let written = entry.key.value.as_str();
            if known.contains(&written) {
                continue;
            }
            let near = nearest(written, known.iter().copied());
            self.found = true;
            // The kinds of the tiers still change, and a word of a later version is no slip; what it means nobody here knows.
            if self.is_tier && near.is_none() {
                continue;
            }
            let help = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None if known.contains(&"matchLabels") && written == "matchExpressions" => {
                    "selectors of Istio have `matchLabels` only".to_owned()
                }
                None if known.contains(&"matchLabels") => {
                    format!("labels stand below `matchLabels`: `matchLabels: {{{written}: …}}`")
                }
                None => format!("known here: `{}`", known.join("`, `")),
            };
            let message = format!("{} has no field `{written}` in {place}", self.kind);
            self.diagnostics.report(
                code::UNKNOWN_FIELD
                    .at(entry.key.span, message)
                    .label("the API server drops it, or refuses the object")
                    .help(help),
            );
        }
    }
}
