//! Raw: a hand-written object that is carried through, where a mandate allows its kind.

use super::names::Name;
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
        match node.as_mapping() {
            Some(_) => Ok(Self(node.clone())),
            None => Err(diagnostics.report(wrong_type(node, "an object"))),
        }
    }
}

impl schemars::JsonSchema for Manifest {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Manifest".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "object", "required": ["apiVersion", "kind", "metadata"] })
    }
}
