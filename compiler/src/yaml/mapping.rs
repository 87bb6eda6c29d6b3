//! Puts the entries of one mapping together: one key once, and merges where they are allowed.
//!
//! In: keys and values in the order they are read. Out: a [`Mapping`], or what is wrong with the next entry. It exists
//! to merge as Go does: in the order of the text, each merge overriding what stands above it, which is not what the
//! YAML 1.1 merge specification says.

use std::collections::HashMap;

use super::go::{self, Reading};
use super::node::{Entry, Mapping, Node, Value};
use crate::source::{Span, Spanned};

/// From how many entries on keys are looked up in a table.
const TABLE_FROM: usize = 16;

/// A mapping that is still being read.
#[derive(Default)]
pub(super) struct Growing {
    entries: Vec<Entry>,
    /// Where each entry's key was written in this mapping itself, rather than merged into it.
    written: Vec<Option<Span>>,
    table: HashMap<String, usize>,
}

/// Why an entry cannot be added.
pub(super) enum Refused {
    /// The key is there already, at this place.
    Duplicate(Span),
    /// The key was merged, and Go may keep it apart from this one because one of them is no text there.
    UnsureKey(Spanned<String>),
    /// What stands under `<<` is neither a mapping nor a list of them.
    NotMergeable,
}

impl Growing {
    fn find(&self, key: &str) -> Option<usize> {
        if self.entries.len() < TABLE_FROM {
            self.entries.iter().position(|entry| entry.key.value == key)
        } else {
            self.table.get(key).copied()
        }
    }

    fn push(&mut self, entry: Entry, written: Option<Span>) {
        if self.entries.len() + 1 == TABLE_FROM {
            self.table = self.entries.iter().enumerate().map(|(at, entry)| (entry.key.value.clone(), at)).collect();
        }
        if self.entries.len() + 1 >= TABLE_FROM {
            self.table.insert(entry.key.value.clone(), self.entries.len());
        }
        self.entries.push(entry);
        self.written.push(written);
    }

    fn set(&mut self, at: usize, entry: Entry, written: Option<Span>) -> Result<(), Refused> {
        if go::reading(&entry.key.value) != Reading::Text {
            return Err(Refused::UnsureKey(entry.key));
        }
        if let Some(slot) = self.entries.get_mut(at) {
            *slot = entry;
        }
        if let (Some(slot), Some(span)) = (self.written.get_mut(at), written) {
            *slot = Some(span);
        }
        Ok(())
    }

    /// Adds an entry written in this mapping.
    pub fn insert(&mut self, key: Spanned<String>, value: Node) -> Result<(), Refused> {
        let span = key.span;
        match self.find(&key.value) {
            None => self.push(Entry { key, value }, Some(span)),
            Some(at) => {
                if let Some(first) = self.written.get(at).copied().flatten() {
                    return Err(Refused::Duplicate(first));
                }
                self.set(at, Entry { key, value }, Some(span))?;
            }
        }
        Ok(())
    }

    /// Adds the entries of what stands under a `<<` key; earlier mappings of a list win.
    pub fn merge(&mut self, source: Node, is_alias: bool) -> Result<(), Refused> {
        let mappings = match source.value {
            Value::Mapping(mapping) => vec![mapping],
            Value::Sequence(items) if !is_alias => {
                let mappings = items.into_iter().rev().map(|item| match item.value {
                    Value::Mapping(mapping) => Ok(mapping),
                    _ => Err(Refused::NotMergeable),
                });
                mappings.collect::<Result<_, _>>()?
            }
            _ => return Err(Refused::NotMergeable),
        };
        for entry in mappings.into_iter().flat_map(Mapping::into_entries) {
            match self.find(&entry.key.value) {
                None => self.push(entry, None),
                Some(at) => self.set(at, entry, None)?,
            }
        }
        Ok(())
    }

    /// Returns the finished mapping.
    pub fn finish(self) -> Mapping {
        Mapping::new(self.entries)
    }
}
