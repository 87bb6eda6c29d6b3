//! What a change does to the guard rails themselves: mandates, exceptions to them, who may approve those, whose signatures count,
//! what silences findings.
//!
//! In: the documents of both sides. Out: [`Guard`]s. Access may be the same on both sides and the next change be let through by
//! a mandate that is gone: who reviews a change wants to see that first.

use std::collections::BTreeSet;

use ringfence_compiler::yaml::Node;
use serde_json::{Value, json};

use super::identity;
use super::statements::{Documents, Read};

/// Kinds that guard by themselves.
const GUARDS: [&str; 4] = ["Assertion", "Delegation", "Exception", "Zone"];

/// Kinds that have mandates, or profiles with mandates.
const NODES: [&str; 5] = ["Organization", "Tenant", "Workspace", "Group", "Profile"];

/// What guards within a document of these kinds, where it stands, what it is called, and whether each entry of it is one.
const WITHIN: [(&[&str], &[&str], &str, bool); 6] = [
    (&NODES, &["spec", "mandates"], "mandate", true),
    (&NODES, &["spec", "profiles"], "profiles", false),
    (&["Organization"], &["spec", "teams"], "team", true),
    (&["Cluster"], &["spec", "writers"], "writers", false),
    (&["Project"], &["spec", "delivery", "trust"], "trust", true),
    (&["Project"], &["spec", "baseline"], "baseline", false),
];

/// A guard rail that is new, gone, or another.
pub(in crate::commands) struct Guard {
    pub sign: &'static str,
    pub what: String,
    /// What leads from the current folder to that of the paths.
    prefix: String,
    pub path: String,
    line: usize,
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
        let (was, is) = (was.map(|it| (it, before)), is.map(|it| (it, after)));
        if GUARDS.contains(&kind.as_str()) {
            guards.extend(one(kind, name, was, is));
        }
        for (_, place, called, each) in WITHIN.iter().filter(|(kinds, ..)| kinds.contains(&kind.as_str())) {
            let of = format!("of {} {name}", kind.to_lowercase());
            guards.extend(within((place, called, *each), &of, was, is));
        }
    }
    guards.extend(comments(before, after));
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
    let (read, side) = is.or(was)?;
    let spec = read.root.get("spec");
    let text = |field: &str| spec.and_then(|spec| spec.get(field)).and_then(Node::as_str);
    let more = match (text("waives"), text("expires")) {
        (Some(waives), Some(expires)) => format!(" waives {waives} until {expires}"),
        _ => String::new(),
    };
    let what = format!("{} {name}{more}", kind.to_lowercase());
    let (prefix, path) = (side.prefix.clone(), read.path.clone());
    Some(Guard { sign: sign(was, is), what, prefix, path, line: read.line })
}

/// Says what became of what guards within a document: of each entry of it, or of the whole.
fn within((place, called, each): (&[&str], &str, bool), of: &str, was: On<'_, '_>, is: On<'_, '_>) -> Vec<Guard> {
    let found = |on: On<'_, '_>| -> Vec<(String, String, usize)> {
        let Some((read, side)) = on else { return Vec::new() };
        let node = place.iter().try_fold(&read.root, |node, field| node.get(field));
        let line = |span| side.line(read.file, span);
        match (node, node.and_then(Node::as_mapping)) {
            (Some(_), Some(entries)) if each => {
                let entries = entries.entries().iter();
                let one = |name: &str| format!("{called} {name} {of}");
                entries.map(|it| (one(&it.key.value), side.text(it.value.span), line(it.key.span))).collect()
            }
            (Some(node), _) => vec![(format!("{called} {of}"), side.text(node.span), line(node.span))],
            (None, _) => Vec::new(),
        }
    };
    let (old, new) = (found(was), found(is));
    let Some((read, side)) = is.or(was) else { return Vec::new() };
    let names: BTreeSet<&String> = old.iter().chain(&new).map(|(name, ..)| name).collect();
    let mut guards = Vec::new();
    for name in names {
        let find = |list: &[(String, String, usize)]| {
            list.iter().find(|(known, ..)| known == name).map(|(_, text, line)| (text.clone(), *line))
        };
        let (was, is) = (find(&old), find(&new));
        let said = match (&was, &is) {
            (Some((was, _)), Some((is, _))) if was == is => continue,
            (Some((was, _)), Some((is, _))) => format!("{was} -> {is}"),
            (Some((was, _)), None) => was.clone(),
            (_, is) => is.as_ref().map(|(is, _)| is.clone()).unwrap_or_default(),
        };
        let line = is.as_ref().or(was.as_ref()).map_or(0, |(_, line)| *line);
        let (prefix, path) = (side.prefix.clone(), read.path.clone());
        guards.push(Guard { sign: sign(was, is), what: format!("{name}: {said}"), prefix, path, line });
    }
    guards
}

/// Says which comments that silence findings are new or gone. One that moves within its file is the same.
fn comments(before: &Documents<'_>, after: &Documents<'_>) -> Vec<Guard> {
    let more = |sign, here: &Documents<'_>, there: &Documents<'_>| -> Vec<Guard> {
        let of = |((path, comment), lines): (&(&str, &str), &Vec<usize>)| {
            let known = there.comments.get(&(*path, *comment)).map_or(0, Vec::len);
            let guard = |line: &usize| Guard {
                sign,
                what: format!("comment `{comment}`"),
                prefix: here.prefix.clone(),
                path: (*path).to_owned(),
                line: *line,
            };
            lines.iter().skip(known).map(guard).collect::<Vec<_>>()
        };
        here.comments.iter().flat_map(of).collect()
    };
    let mut found = more("+", after, before);
    found.extend(more("-", before, after));
    found
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

    /// Says where it stands.
    pub fn place(&self) -> String {
        format!("{}{}:{}", self.prefix, self.path, self.line)
    }

    /// Returns where an annotation of it stands: what is gone stood in a file that may be there still, at a line that is another now.
    pub fn stands(&self) -> (String, usize) {
        (self.path.clone(), if self.sign == "-" { 1 } else { self.line })
    }

    /// Returns it for programs.
    pub fn json(&self) -> Value {
        json!({ "id": identity::of_guard(self).to_string(), "change": self.word(), "what": self.what, "path": self.path, "line": self.line })
    }
}
