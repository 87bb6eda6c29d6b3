//! Values that are one word of a few.
//!
//! In: an enum declared with `keywords!`. Out: its reader, which offers the nearest word, and its JSON Schema.

use crate::diagnostics::codes::parse as code;
use crate::diagnostics::{Diagnostics, Reported};
use crate::shape::wrong_type;
use crate::yaml::Node;

/// Declares an enum whose variants are words; each is described by its own comment.
macro_rules! keywords {
    (
        $(#[doc = $doc:literal])*
        pub enum $name:ident {
            $($(#[doc = $word_doc:literal])* $variant:ident = $word:literal,)*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[doc = $word_doc])* $variant,)*
        }

        impl $name {
            /// Every word, in the order of declaration.
            pub const WORDS: &'static [(&'static str, Self)] = &[$(($word, Self::$variant)),*];

            /// Returns the word as it is written.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }

        impl $crate::shape::Shape for $name {
            fn read(
                node: &$crate::yaml::Node,
                diagnostics: &mut $crate::diagnostics::Diagnostics,
            ) -> Result<Self, $crate::diagnostics::Reported> {
                $crate::shape::keyword::read_word(node, Self::WORDS, diagnostics)
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            // It has no description of its own: editors would show that in place of the field's.
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let words: Vec<&str> = Self::WORDS.iter().map(|(word, _)| *word).collect();
                let meanings = [$(concat!($($word_doc, "\n"),*)),*];
                let meanings = meanings.map($crate::shape::record::tidy);
                schemars::json_schema!({
                    "type": "string",
                    "enum": words,
                    "markdownEnumDescriptions": meanings,
                })
            }
        }
    };
}
pub(crate) use keywords;

/// Reads one of `words`.
///
/// # Errors
/// When the node is no text or none of them.
pub fn read_word<T: Copy>(node: &Node, words: &[(&str, T)], diagnostics: &mut Diagnostics) -> Result<T, Reported> {
    let list = words.iter().map(|(word, _)| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    let Some(text) = node.as_str() else {
        return Err(diagnostics.report(wrong_type(node, &format!("one of {list}"))));
    };
    match words.iter().find(|(word, _)| *word == text) {
        Some((_, value)) => Ok(*value),
        None => Err(diagnostics.report(
            code::INVALID_VALUE
                .at(node.span, format!("`{text}` is none of {list}"))
                .label("not one of the words")
                .did_you_mean(text, words.iter().map(|(word, _)| *word)),
        )),
    }
}
