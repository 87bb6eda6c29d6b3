//! How a written value becomes a typed one, and how editors learn what may be written.
//!
//! In: a YAML [`Node`]. Out: a value of a type that implements [`Shape`], or every reason why not. One declaration gives
//! both the reader and the JSON Schema (`record!`, `keywords!`), so that
//! the two cannot disagree.

pub mod keyword;
pub mod record;
pub mod scalar;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;

use crate::diagnostics::codes::parse as code;
use crate::diagnostics::{Diagnostic, Diagnostics, Reported};
use crate::source::Spanned;
use crate::yaml::{Node, Value};

pub(crate) use keyword::keywords;
pub(crate) use record::record;

/// A type that can be written in a policy document.
pub trait Shape: Sized + JsonSchema {
    /// Reads the value, reporting every fault it can find.
    ///
    /// # Errors
    /// When something was reported.
    fn read(node: &Node, diagnostics: &mut Diagnostics) -> Result<Self, Reported>;

    /// Returns the value that an absent key stands for; `None` when the key is required.
    #[must_use]
    fn absent() -> Option<Self> {
        None
    }
}

/// Says that `node` is not what the language wants there.
pub fn wrong_type(node: &Node, wanted: &str) -> Diagnostic {
    code::WRONG_TYPE
        .at(node.span, format!("expected {wanted}, found {}", node.kind_word()))
        .label(format!("expected {wanted}"))
}

impl<T: Shape> Shape for Option<T> {
    fn read(node: &Node, diagnostics: &mut Diagnostics) -> Result<Self, Reported> {
        T::read(node, diagnostics).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl<T: Shape> Shape for Box<T> {
    fn read(node: &Node, diagnostics: &mut Diagnostics) -> Result<Self, Reported> {
        T::read(node, diagnostics).map(Self::new)
    }
}

/// A list; an absent key is the empty one.
impl<T: Shape> Shape for Vec<T> {
    fn read(node: &Node, diagnostics: &mut Diagnostics) -> Result<Self, Reported> {
        let Some(items) = node.as_sequence() else {
            return Err(diagnostics.report(wrong_type(node, "a list").help("begin each item of a list with `- `")));
        };
        read_all(items, diagnostics)
    }

    fn absent() -> Option<Self> {
        Some(Self::new())
    }
}

/// Reads every item before failing on the first bad one, so that all faults of a list are told.
fn read_all<T: Shape>(items: &[Node], diagnostics: &mut Diagnostics) -> Result<Vec<T>, Reported> {
    let read: Vec<_> = items.iter().map(|item| T::read(item, diagnostics)).collect();
    read.into_iter().collect()
}

impl<T: Shape> Shape for Spanned<T> {
    fn read(node: &Node, diagnostics: &mut Diagnostics) -> Result<Self, Reported> {
        T::read(node, diagnostics).map(|value| Self::new(value, node.span))
    }
}

impl<T: JsonSchema> JsonSchema for Spanned<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// One value, or a list of at least one: what people write where one is usual and several are possible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneOrMany<T>(pub Vec<T>);

impl<T: Shape> Shape for OneOrMany<T> {
    fn read(node: &Node, diagnostics: &mut Diagnostics) -> Result<Self, Reported> {
        match &node.value {
            Value::Sequence(items) if items.is_empty() => Err(diagnostics.report(
                code::EMPTY_LIST
                    .at(node.span, "an empty list says neither nobody nor everybody")
                    .label("empty")
                    .help("name at least one, or leave the key out"),
            )),
            Value::Sequence(items) => read_all(items, diagnostics).map(Self),
            _ => T::read(node, diagnostics).map(|one| Self(vec![one])),
        }
    }
}

impl<T: JsonSchema> JsonSchema for OneOrMany<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("OneOrMany{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [one, { "type": "array", "items": one, "minItems": 1 }] })
    }
}

/// A mapping from names people choose to values of one type, in the order written.
impl<T: Shape> Shape for IndexMap<String, T> {
    fn read(node: &Node, diagnostics: &mut Diagnostics) -> Result<Self, Reported> {
        let Some(mapping) = node.as_mapping() else {
            return Err(diagnostics.report(wrong_type(node, "a mapping")));
        };
        let entries = mapping.entries().iter();
        let read: Vec<_> = entries
            .map(|entry| T::read(&entry.value, diagnostics).map(|value| (entry.key.value.clone(), value)))
            .collect();
        read.into_iter().collect()
    }

    fn absent() -> Option<Self> {
        Some(Self::new())
    }
}
