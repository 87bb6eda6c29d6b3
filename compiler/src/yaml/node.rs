//! What a YAML document says, and where it says it.
//!
//! In: what the builder read. Out: ordered values with their places. It exists so that a finding about a value can
//! underline the bytes that wrote it.

use crate::source::{Span, Spanned};

/// One document of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// The value, which is always a mapping.
    pub root: Node,
}

/// A value and the bytes it was written in; two nodes are equal when their values are.
#[derive(Debug, Clone)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Where it was written, quotes and brackets included. What came through an alias keeps the place of the alias at
    /// its root and the place of the anchored text below.
    pub span: Span,
}

/// What a node holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing: `null`, `~`, or no text at all.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number as JSON has them; a whole number is never kept as a fraction.
    Number(serde_json::Number),
    /// Text.
    String(String),
    /// A list.
    Sequence(Vec<Node>),
    /// Keys and values.
    Mapping(Mapping),
}

/// Keys and values in the order they were written; no key stands twice.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Mapping {
    entries: Vec<Entry>,
}

/// One key and its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key and the bytes it was written in.
    pub key: Spanned<String>,
    /// The value.
    pub value: Node,
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Mapping {
    pub(super) fn new(entries: Vec<Entry>) -> Self {
        Self { entries }
    }

    /// Makes a mapping of entries that have each key once.
    pub(crate) fn of(entries: Vec<Entry>) -> Self {
        Self { entries }
    }

    pub(super) fn into_entries(self) -> Vec<Entry> {
        self.entries
    }

    /// Returns the entries in the order they were written.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Returns the value under a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// Returns the entry of a key.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key.value == key)
    }
}

impl Node {
    /// Returns what kind of value this is, in words for people.
    #[must_use]
    pub fn kind_word(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::String(_) => "text",
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a mapping",
        }
    }

    /// Returns the text, if this is text.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        if let Value::String(text) = &self.value { Some(text) } else { None }
    }

    /// Returns the mapping, if this is one.
    #[must_use]
    pub fn as_mapping(&self) -> Option<&Mapping> {
        if let Value::Mapping(mapping) = &self.value { Some(mapping) } else { None }
    }

    /// Returns the items, if this is a list.
    #[must_use]
    pub fn as_sequence(&self) -> Option<&[Node]> {
        if let Value::Sequence(items) = &self.value { Some(items) } else { None }
    }

    /// Returns the value under a key, if this is a mapping that has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_mapping()?.get(key)
    }

    /// Makes a node of a value that nobody wrote down, with one place for all of it.
    #[must_use]
    pub fn from_json(value: serde_json::Value, span: Span) -> Self {
        let value = match value {
            serde_json::Value::Null => Value::Null,
            serde_json::Value::Bool(value) => Value::Bool(value),
            serde_json::Value::Number(number) => Value::Number(number),
            serde_json::Value::String(text) => Value::String(text),
            serde_json::Value::Array(items) => {
                Value::Sequence(items.into_iter().map(|item| Self::from_json(item, span)).collect())
            }
            serde_json::Value::Object(fields) => {
                let entry = |(key, value)| Entry { key: Spanned::new(key, span), value: Self::from_json(value, span) };
                Value::Mapping(Mapping { entries: fields.into_iter().map(entry).collect() })
            }
        };
        Self { value, span }
    }

    /// Returns the value as JSON, without places.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => serde_json::Value::Bool(*value),
            Value::Number(number) => serde_json::Value::Number(number.clone()),
            Value::String(text) => serde_json::Value::String(text.clone()),
            Value::Sequence(items) => items.iter().map(Self::to_json).collect(),
            Value::Mapping(mapping) => serde_json::Value::Object(
                mapping.entries().iter().map(|entry| (entry.key.value.clone(), entry.value.to_json())).collect(),
            ),
        }
    }
}
