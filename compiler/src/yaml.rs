//! stub, replaced by the real reader
#![allow(missing_docs)]
use crate::diagnostics::Diagnostics;
use crate::source::{FileId, Sources, Span, Spanned};
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    Policy,
    Manifest,
}
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    pub root: Node,
}
#[derive(Debug, Clone)]
pub struct Node {
    pub value: Value,
    pub span: Span,
}
impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    String(String),
    Sequence(Vec<Node>),
    Mapping(Mapping),
}
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Mapping {
    entries: Vec<Entry>,
}
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub key: Spanned<String>,
    pub value: Node,
}
impl Mapping {
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|e| &e.value)
    }
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|e| e.key.value == key)
    }
}
impl Node {
    pub fn kind_word(&self) -> &'static str {
        ""
    }
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(s) => Some(s),
            _ => None,
        }
    }
    pub fn as_mapping(&self) -> Option<&Mapping> {
        match &self.value {
            Value::Mapping(s) => Some(s),
            _ => None,
        }
    }
    pub fn as_sequence(&self) -> Option<&[Node]> {
        match &self.value {
            Value::Sequence(s) => Some(s),
            _ => None,
        }
    }
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.as_mapping()?.get(key)
    }
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::Value::Null
    }
}
pub fn read(_s: &Sources, _f: FileId, _p: Profile, _d: &mut Diagnostics) -> Vec<Document> {
    Vec::new()
}
