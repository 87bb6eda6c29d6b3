//! What is said about a scalar or an entry that the rules refuse.
//!
//! In: the refusal and its place. Out: the diagnostic. It exists to keep the wording in one place.

use std::borrow::Cow;

use super::mapping::Refused as RefusedEntry;
use super::scalar::Refused;
use crate::diagnostics::Diagnostic;
use crate::diagnostics::codes::yaml as code;
use crate::source::{Span, Spanned};

/// Says why an entry cannot stand in its mapping.
pub(super) fn entry(refused: RefusedEntry, key: &Spanned<Cow<'_, str>>) -> Diagnostic {
    match refused {
        RefusedEntry::Duplicate(first) => code::DUPLICATE_KEY
            .at(key.span, format!("the key `{}` stands twice in one mapping", key.value))
            .label("again here")
            .and(first, "first here")
            .help("keep one of them: readers disagree about which one counts"),
        RefusedEntry::UnsureKey(merged) => code::MERGE_KEY
            .at(key.span, format!("the merged key `{}` cannot be told from one that is no text", merged.value))
            .label("merged here")
            .and(merged.span, "this key")
            .help("quote the key wherever it is written, or write the merge out"),
        RefusedEntry::NotMergeable => code::MERGE_KEY
            .at(key.span, "only a mapping, or a list of mappings written here, can be merged")
            .label("a merge")
            .help("write the keys out"),
    }
}

/// Says why a scalar has no meaning; `role` is what it was to be, a key or a value.
pub(super) fn scalar(refused: &Refused, text: &str, span: Span, role: &str) -> Diagnostic {
    let quoted = format!("quote it if it is meant as text: {}", serde_json::Value::from(text));
    match refused {
        Refused::Ambiguous(other) => code::AMBIGUOUS_SCALAR
            .at(span, format!("the {role} `{text}` is {other} to some YAML readers and not to others"))
            .label("not quoted")
            .help(quoted),
        Refused::Key(kind) => code::KEY_NOT_TEXT
            .at(span, format!("the key `{text}` is {kind} to YAML, and keys are text"))
            .label("not quoted")
            .help(quoted),
        Refused::Huge => code::HUGE_NUMBER
            .at(span, format!("the {role} `{text}` is a number that no reader keeps exactly"))
            .label("not quoted")
            .help(quoted),
        Refused::Tag => code::TAG
            .at(span, "tags are not read here: they change what a value is")
            .label("a tag")
            .help("delete the tag; quote the value if it is meant as text"),
        Refused::TagMismatch => code::TAG
            .at(span, format!("the {role} `{text}` does not fit its tag"))
            .label("a tag")
            .help("delete the tag, or correct the value"),
    }
}
