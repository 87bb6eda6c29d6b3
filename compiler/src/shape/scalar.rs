//! Values that are one piece of text or one number.
//!
//! In: types with a grammar of their own, through [`Text`], and plain scalars. Out: their reader and JSON Schema.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use std::borrow::Cow;

use super::{Shape, wrong_type};
use crate::diagnostics::codes::parse as code;
use crate::diagnostics::{Diagnostics, Reported};
use crate::yaml::{Node, Value};

/// A type written as text with a grammar of its own.
pub trait Text: Sized {
    /// What it is, with its article: `a day`.
    const WHAT: &'static str;
    /// The regular expression editors check with (ECMA-262, as JSON Schema has it). It accepts what [`Text::parse`] does; where
    /// no expression can say so, `schemas/examples` has a `reader-only` file that says why.
    const PATTERN: &'static str;
    /// A value that is right.
    const EXAMPLE: &'static str;

    /// Parses the text; the error says what is wrong with it, in the words of a diagnostic.
    ///
    /// # Errors
    /// When the text is not of the grammar.
    fn parse(text: &str) -> Result<Self, String>;
}

/// Reads a [`Text`] from a node.
///
/// # Errors
/// When the node is no text or the text is not of the grammar.
pub fn read_text<T: Text>(node: &Node, diagnostics: &mut Diagnostics) -> Result<T, Reported> {
    let Some(text) = node.as_str() else {
        return Err(diagnostics.report(wrong_type(node, T::WHAT)));
    };
    T::parse(text).map_err(|reason| {
        diagnostics.report(code::INVALID_VALUE.at(node.span, reason).label(format!("not {}", T::WHAT)).help(format!(
            "{} looks like `{}`",
            T::WHAT,
            T::EXAMPLE
        )))
    })
}

/// Gives a [`Text`] its reader and schema.
macro_rules! text_shape {
    ($type:ty, $name:literal) => {
        impl $crate::shape::Shape for $type {
            fn read(
                node: &$crate::yaml::Node,
                diagnostics: &mut $crate::diagnostics::Diagnostics,
            ) -> Result<Self, $crate::diagnostics::Reported> {
                $crate::shape::scalar::read_text(node, diagnostics)
            }
        }

        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                use $crate::shape::scalar::Text;
                $crate::shape::scalar::text_schema(
                    <$type as Text>::WHAT,
                    <$type as Text>::PATTERN,
                    <$type as Text>::EXAMPLE,
                )
            }
        }
    };
}
pub(crate) use text_shape;

/// Returns the schema of a text; editors that know `patternErrorMessage` show it in place of the expression. It has no
/// description of its own: editors would show that in place of the field's.
pub(crate) fn text_schema(what: &str, pattern: &str, example: &str) -> Schema {
    let looks = format!("{what} looks like `{example}`");
    schemars::json_schema!({
        "type": "string",
        "pattern": pattern,
        "patternErrorMessage": format!("not {what}: {looks}"),
        "examples": [example],
    })
}

impl Shape for String {
    fn read(node: &Node, diagnostics: &mut Diagnostics) -> Result<Self, Reported> {
        node.as_str().map(str::to_owned).ok_or_else(|| diagnostics.report(wrong_type(node, "text")))
    }
}

impl Shape for bool {
    fn read(node: &Node, diagnostics: &mut Diagnostics) -> Result<Self, Reported> {
        match node.value {
            Value::Bool(value) => Ok(value),
            _ => Err(diagnostics.report(wrong_type(node, "true or false"))),
        }
    }
}

/// A whole number from 1 to `MOST`: days, approvals, hops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count<const MOST: u32>(pub u32);

impl<const MOST: u32> Shape for Count<MOST> {
    fn read(node: &Node, diagnostics: &mut Diagnostics) -> Result<Self, Reported> {
        let wanted = format!("a whole number from 1 to {MOST}");
        let Value::Number(number) = &node.value else {
            return Err(diagnostics.report(wrong_type(node, &wanted)));
        };
        let count =
            number.as_u64().and_then(|number| u32::try_from(number).ok()).filter(|count| (1..=MOST).contains(count));
        count.map(Self).ok_or_else(|| {
            diagnostics
                .report(code::INVALID_VALUE.at(node.span, format!("`{number}` is not {wanted}")).label("out of range"))
        })
    }
}

impl<const MOST: u32> JsonSchema for Count<MOST> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("CountTo{MOST}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({ "type": "integer", "minimum": 1, "maximum": MOST })
    }
}
