//! What a change does to the guard rails themselves: mandates, exceptions to them, delegations and assertions.
//!
//! In: the documents of both sides. Out: [`Guard`]s. Access may be the same on both sides and the next change be let through by
//! a mandate that is gone: who reviews a change wants to see that first.

use std::collections::BTreeSet;

use ringfence_compiler::yaml::Node;
use serde_json::{Value, json};

use super::statements::{Documents, Read};

/// Kinds of documents that hold mandates.
const WITH_MANDATES: [&str; 5] = ["Organization", "Tenant", "Workspace", "Group", "Profile"];

/// Kinds that guard by themselves.
const GUARDS: [&str; 3] = ["Assertion", "Delegation", "Exception"];

/// A guard rail that is new, gone, or another.
pub(in crate::commands) struct Guard {
    pub sign: &'static str,
    pub what: String,
    pub path: String,
    pub line: usize,
}

/// Compares the guard rails of both sides.
pub(super) fn guards(before: &Documents<'_>, after: &Documents<'_>) -> Vec<Guard> {
    let keys: BTreeSet<_> = before.found.keys().chain(after.found.keys()).collect();
    let mut guards = Vec::new();
    for key in keys {
        let (kind, _, name, _) = key;
        let (was, is) = (before.found.get(key), after.found.get(key));
        if was.map(|it| &it.root) == is.map(|it| &it.root) {
            continue;
        }
        if GUARDS.contains(&kind.as_str()) {
            guards.extend(one(kind, name, was.map(|it| (it, before)), is.map(|it| (it, after))));
        }
        if WITH_MANDATES.contains(&kind.as_str()) {
            guards.extend(mandates(kind, name, was.map(|it| (it, before)), is.map(|it| (it, after))));
        }
    }
    guards.sort_by(|one, other| (&one.path, one.line, &one.what).cmp(&(&other.path, other.line, &other.what)));
    guards
}

/// A document, and the side it is read on.
type On<'a, 'd> = Option<(&'a Read, &'a Documents<'d>)>;

fn sign<T>(was: Option<T>, is: Option<T>) -> &'static str {
    match (was, is) {
        (None, _) => "+",
        (_, None) => "-",
        _ => "~",
    }
}

/// Says what became of a document.
fn one(kind: &str, name: &str, was: On<'_, '_>, is: On<'_, '_>) -> Option<Guard> {
    let (read, _) = is.or(was)?;
    let spec = read.root.get("spec");
    let text = |field: &str| spec.and_then(|spec| spec.get(field)).and_then(Node::as_str);
    let more = match (text("waives"), text("expires")) {
        (Some(waives), Some(expires)) => format!(" waives {waives} until {expires}"),
        _ => String::new(),
    };
    let what = format!("{} {name}{more}", kind.to_lowercase());
    Some(Guard { sign: sign(was, is), what, path: read.path.clone(), line: read.line })
}

/// Says what became of each mandate of a node.
fn mandates(kind: &str, name: &str, was: On<'_, '_>, is: On<'_, '_>) -> Vec<Guard> {
    let of = |on: &On<'_, '_>| -> Vec<(String, String, usize)> {
        let Some((read, side)) = on else { return Vec::new() };
        let mandates = read.root.get("spec").and_then(|spec| spec.get("mandates")).and_then(Node::as_mapping);
        let entries = mandates.into_iter().flat_map(|mandates| mandates.entries());
        let one = |entry: &ringfence_compiler::yaml::Entry| {
            (entry.key.value.clone(), side.text(entry.value.span), side.line(read.file, entry.key.span))
        };
        entries.map(one).collect()
    };
    let (old, new) = (of(&was), of(&is));
    let path = is.or(was).map(|(read, _)| read.path.clone()).unwrap_or_default();
    let names: BTreeSet<&String> = old.iter().chain(&new).map(|(field, ..)| field).collect();
    let mut guards = Vec::new();
    for field in names {
        let find = |list: &[(String, String, usize)]| {
            list.iter().find(|(known, ..)| known == field).map(|(_, text, line)| (text.clone(), *line))
        };
        let (was, is) = (find(&old), find(&new));
        let said = match (&was, &is) {
            (Some((was, _)), Some((is, _))) if was == is => continue,
            (Some((was, _)), Some((is, _))) => format!("{was} -> {is}"),
            (Some((was, _)), None) => was.clone(),
            (_, is) => is.as_ref().map(|(is, _)| is.clone()).unwrap_or_default(),
        };
        let line = is.as_ref().or(was.as_ref()).map_or(0, |(_, line)| *line);
        let what = format!("mandate {field} of {} {name}: {said}", kind.to_lowercase());
        guards.push(Guard { sign: sign(was, is), what, path: path.clone(), line });
    }
    guards
}

impl Guard {
    /// Says what became of it in a word.
    pub fn word(&self) -> &'static str {
        match self.sign {
            "+" => "added",
            "-" => "removed",
            _ => "edited",
        }
    }

    /// Returns it for programs.
    pub fn json(&self) -> Value {
        json!({ "change": self.word(), "what": self.what, "path": self.path, "line": self.line })
    }
}
