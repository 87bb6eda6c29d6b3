//! Raw: a hand-written object that is carried through, where a mandate allows its kind.

use super::names::Name;
use crate::diagnostics::codes::parse as code;
use crate::diagnostics::{Diagnostics, Reported};
use crate::shape::{OneOrMany, Shape, record, wrong_type};
use crate::source::Spanned;
use crate::yaml::Node;

record! {
    /// A hand-written Istio or Kubernetes object that is carried through unchanged.
    pub struct RawSpec {
        /// The clusters it goes to; every one where its namespace belongs to this node when absent.
        pub clusters: Option<OneOrMany<Spanned<Name>>>,
        /// The object.
        pub manifest: Spanned<Manifest>,
    }
}

/// An object as it was written, with the places of its parts.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest(pub Node);

impl Shape for Manifest {
    fn read(node: &Node, diagnostics: &mut Diagnostics) -> Result<Self, Reported> {
        let Some(mapping) = node.as_mapping() else {
            return Err(diagnostics.report(wrong_type(node, "an object")));
        };
        let mut reported = None;
        for (key, wanted) in [("apiVersion", "text"), ("kind", "text"), ("metadata", "a mapping")] {
            let fits =
                |value: &Node| if key == "metadata" { value.as_mapping().is_some() } else { value.as_str().is_some() };
            match mapping.get(key) {
                Some(value) if fits(value) => {}
                Some(value) => reported = Some(diagnostics.report(wrong_type(value, wanted))),
                None => {
                    let missing = code::MISSING_FIELD.at(node.span, format!("missing field `{key}`"));
                    reported = Some(diagnostics.report(
                        missing.label("every object has it").help("it is written as `kubectl apply` takes it"),
                    ));
                }
            }
        }
        reported.map_or_else(|| Ok(Self(node.clone())), Err)
    }
}

impl schemars::JsonSchema for Manifest {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Manifest".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "object",
            "description": "An object as the cluster takes it.",
            "properties": {
                "apiVersion": { "type": "string", "description": "The group and version of its kind." },
                "kind": { "type": "string", "description": "Its kind." },
                "metadata": { "type": "object", "description": "Its name, namespace, labels and annotations." },
            },
            "required": ["apiVersion", "kind", "metadata"],
        })
    }
}
