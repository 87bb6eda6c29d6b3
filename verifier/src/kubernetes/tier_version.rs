//! Whether a policy of a tier is written as its version has it.
//!
//! In: an object. Out: whether nobody can tell what a cluster has of it, which makes every answer that hangs on it open. The
//! versions differ in words only, and a word of the other one is dropped, or the object refused, as the API server is asked.

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::diagnostics::codes::mesh as code;
use ringfence_compiler::yaml::{Node, Value};

use super::tier_policy::Kind;

/// How one version writes what the other writes otherwise.
struct Words {
    version: &'static str,
    admits: &'static str,
    ports: &'static str,
}

const OLD: Words = Words { version: "v1alpha1", admits: "Allow", ports: "ports" };
const NEW: Words = Words { version: "v1alpha2", admits: "Accept", ports: "protocols" };

/// Tells whether what a cluster has of an object is unknown; reports fields of the other version.
pub(super) fn is_doubtful(kind: Kind, root: &Node, diagnostics: &mut Diagnostics) -> bool {
    let (own, other) = if kind == Kind::Cluster { (NEW, OLD) } else { (OLD, NEW) };
    let version = root.get("apiVersion").and_then(Node::as_str).unwrap_or_default();
    let mut doubtful = version.rsplit('/').next() != Some(own.version);
    let lists = |parent: &Node, name: &str| -> Vec<Node> {
        parent.get(name).and_then(Node::as_sequence).unwrap_or_default().to_vec()
    };
    let Some(spec) = root.get("spec") else { return doubtful };
    for (list, peers) in [("ingress", "from"), ("egress", "to")] {
        for rule in lists(spec, list) {
            doubtful |= rule.get("action").and_then(Node::as_str) == Some(other.admits);
            if let Some(ports) = rule.get(other.ports) {
                doubtful = true;
                let message = format!("{} has no field `{}` in a rule", kind.name(), other.ports);
                let found = code::UNKNOWN_FIELD.at(ports.span, message);
                let found = found.label("the API server drops it, or refuses the object");
                diagnostics.report(found.help(format!("`{}` says which ports", own.ports)));
            }
            // Of `ports` an empty list says nothing; of `protocols` there has to be an item.
            let is_empty = |node: &Node| node.as_sequence().is_some_and(<[Node]>::is_empty);
            doubtful |= rule.get(NEW.ports).is_some_and(is_empty);
            let items = [lists(&rule, peers), lists(&rule, OLD.ports), lists(&rule, NEW.ports)].concat();
            doubtful |= items.iter().any(|item| words(item) > 1);
        }
    }
    doubtful
}

/// Counts the words of which there must be one.
pub(crate) fn words(node: &Node) -> usize {
    let entries = node.as_mapping().map_or(&[][..], |mapping| mapping.entries());
    entries.iter().filter(|entry| entry.value.value != Value::Null).count()
}
