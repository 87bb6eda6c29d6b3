//! `mesh/unknown-field`: fields that the schema of a kind does not have.
//!
//! In: objects as they are written, and the fields of each kind ([`crate::coverage`]). Out: a report for each field that is not
//! among them, and whether there was one. The API server refuses such an object where it is asked to be strict and drops the
//! field where it is not, so that nobody can tell from the object what the cluster has.

use std::collections::BTreeMap;
use std::sync::LazyLock;

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
const METADATA: [&str; 15] = [
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
    "uid",
];

/// The fields of each kind, below `spec`.
static FIELDS: LazyLock<BTreeMap<&str, Known>> = LazyLock::new(|| {
    KINDS.iter().map(|kind| (kind.name, Known::of(kind.rows.iter().flat_map(|row| row.fields)))).collect()
});

/// Those of a Sidecar.
static OF_SIDECAR: LazyLock<Known> = LazyLock::new(|| Known::of(&SIDECAR));

/// What may stand at a place.
#[derive(Debug, Default)]
struct Known {
    /// The fields, or `*` for any; an item of a list is `[]`.
    fields: BTreeMap<&'static str, Known>,
    /// Whether it is named as a whole, and may hold anything.
    anything: bool,
}

impl Known {
    /// Takes paths such as `rules[].from[].source` apart.
    fn of<'p>(paths: impl IntoIterator<Item = &'p &'static str>) -> Self {
        let mut known = Self::default();
        for path in paths {
            let steps = path.split('.').flat_map(|step| match step.strip_suffix("[]") {
                Some(list) => [Some(list), Some("[]")],
                None => [Some(step), None],
            });
            let end = steps.flatten().fold(&mut known, |at, step| at.fields.entry(step).or_default());
            end.anything = true;
        }
        known
    }

    /// Returns what may stand below a step.
    fn below(&self, step: &str) -> Option<&Self> {
        self.fields.get(step).or_else(|| self.fields.get("*"))
    }
}

/// Reports fields that are not known; says whether there are any.
pub fn fields(kind: Deciding, root: &Node, diagnostics: &mut Diagnostics) -> bool {
    let name = match kind {
        Deciding::Tier(_) => "ClusterNetworkPolicy",
        _ => kind.name(),
    };
    let is_tier = matches!(kind, Deciding::Tier(_));
    let mut look = Look { kind: kind.name(), is_tier, found: false, diagnostics };
    look.object(root, FIELDS.get(name));
    // What a later version of a tier means by the same words nobody here knows.
    let version = root.get("apiVersion").and_then(Node::as_str).unwrap_or_default();
    let known = TIER_VERSIONS.iter().any(|known| version.split_once('/').is_some_and(|(_, version)| version == *known));
    look.found |= is_tier && !known;
    look.found
}

/// Reports fields of a Sidecar that are not known, of those that are about what arrives; says whether there are any.
pub fn of_sidecar(root: &Node, diagnostics: &mut Diagnostics) -> bool {
    let mut look = Look { kind: "Sidecar", is_tier: false, found: false, diagnostics };
    look.object(root, Some(&OF_SIDECAR));
    look.found
}

struct Look<'d> {
    kind: &'static str,
    /// Whether it is of a tier: those kinds still change.
    is_tier: bool,
    found: bool,
    diagnostics: &'d mut Diagnostics,
}

impl Look<'_> {
    /// Looks at what objects of every kind have, and at what this kind has.
    fn object(&mut self, root: &Node, spec: Option<&Known>) {
        self.mapping(root, &OBJECT, "the object");
        if let Some(metadata) = root.get("metadata") {
            self.mapping(metadata, &METADATA, "`metadata`");
        }
        if let (Some(node), Some(known)) = (root.get("spec"), spec) {
            self.below(node, known, "spec");
        }
    }

    /// Looks at a node and below it.
    fn below(&mut self, node: &Node, known: &Known, at: &str) {
        if known.anything {
            if SELECTORS.contains(&at) {
                self.selector(node);
            }
            return;
        }
        match &node.value {
            Value::Sequence(items) => match known.below("[]") {
                Some(known) => items.iter().for_each(|item| self.below(item, known, at)),
                // Who reads the object says that it is none.
                None => self.found = true,
            },
            Value::Mapping(mapping) => {
                if mapping.entries().iter().any(|entry| known.below(&entry.key.value).is_none()) {
                    let names: Vec<&str> = known.fields.keys().copied().collect();
                    self.mapping(node, &names, &format!("`{at}`"));
                }
                for entry in mapping.entries() {
                    let key = entry.key.value.as_str();
                    if let Some(known) = known.below(key) {
                        self.below(&entry.value, known, key);
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
