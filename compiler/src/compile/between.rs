//! Output on the way from one to another: a step at which nothing is open that neither end opens.
//!
//! In: the files of a cluster as they are and as they shall be. Out: the files of a step in between. First what restricts is added,
//! then what grants changes, and last goes what no longer restricts. An object that restricts at both ends keeps its name and
//! refuses what either refuses. That a step is safe is not believed: the verifier looks at every mixture on the way to it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{layout, lock};
use crate::diagnostics::Diagnostics;
use crate::source::{SourceFile, Sources};
use crate::yaml::{self, Profile};

impl Phase {
    /// Returns its word in locks.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Restrict => "restrict",
            Self::Switch => "switch",
        }
    }
}

/// A step on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// What is there, with all that shall restrict.
    Restrict,
    /// What shall be there, with all that restricted before.
    Switch,
}

/// Objects by the path of their file.
type Objects = BTreeMap<String, Value>;

/// Returns the files of a cluster at a step. Files of other clusters are passed over.
///
/// # Errors
/// When an object restricts other pods than before, so that no object of its name does both; its path.
pub fn between(
    cluster: &str,
    phase: Phase,
    current: &BTreeMap<String, String>,
    target: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, String> {
    let (old, new) = (objects(cluster, current), objects(cluster, target));
    let (mut step, other) = match phase {
        Phase::Restrict => (old.clone(), &new),
        Phase::Switch => (new.clone(), &old),
    };
    for (path, object) in other.iter().filter(|(_, object)| restricts(object)) {
        let joined = match step.get(path) {
            Some(there) => stricter(there, object).ok_or_else(|| path.clone())?,
            None => object.clone(),
        };
        step.insert(path.clone(), joined);
    }
    let path = lock::path(cluster);
    let mut files = layout::of_values(cluster, &step);
    if let Some(text) = target.get(&path) {
        files.insert(path.clone(), lock::of_step(phase, current.get(&path).map(String::as_str), text, &files));
    }
    Ok(files)
}

/// Reads the objects of a cluster. They are texts of ours, which were read back when they were written.
fn objects(cluster: &str, files: &BTreeMap<String, String>) -> Objects {
    let folder = format!("clusters/{cluster}/");
    let mut objects = Objects::new();
    for (path, text) in files.iter().filter(|(path, _)| path.starts_with(&folder) && layout::is_object(path)) {
        let mut sources = Sources::new();
        let file = sources.add(SourceFile::new(path, text.clone().into_bytes()));
        let documents = yaml::read(&sources, file, Profile::Manifest, &mut Diagnostics::new());
        objects.extend(documents.first().map(|document| (path.clone(), document.root.to_json())));
    }
    objects
}

fn at<'v>(object: &'v Value, pointer: &str) -> Option<&'v str> {
    object.pointer(pointer).and_then(Value::as_str)
}

/// Tells whether an object only takes access away: a DENY, an ALLOW of nobody, strict mTLS.
fn restricts(object: &Value) -> bool {
    match at(object, "/kind") {
        Some("AuthorizationPolicy") => match at(object, "/spec/action") {
            Some("DENY") => true,
            Some("ALLOW") | None => rules(object).is_empty(),
            _ => false,
        },
        Some("PeerAuthentication") => modes(object).values().all(|mode| *mode == "STRICT"),
        _ => false,
    }
}

fn rules(object: &Value) -> Vec<Value> {
    object.pointer("/spec/rules").and_then(Value::as_array).cloned().unwrap_or_default()
}

/// Returns the modes of an object: by port, and the one for the rest under nothing.
fn modes(object: &Value) -> BTreeMap<Option<&str>, &str> {
    let rest = at(object, "/spec/mtls/mode").unwrap_or("UNSET");
    let ports = object.pointer("/spec/portLevelMtls").and_then(Value::as_object);
    let ports =
        ports.into_iter().flatten().map(|(port, mode)| (Some(port.as_str()), at(mode, "/mode").unwrap_or(rest)));
    ports.chain([(None, rest)]).collect()
}

/// Returns an object that refuses what either refuses; nothing where they are not about the same pods.
fn stricter(one: &Value, other: &Value) -> Option<Value> {
    if one.pointer("/spec/selector") != other.pointer("/spec/selector") || one.get("kind") != other.get("kind") {
        return None;
    }
    let mut joined = one.clone();
    let spec = joined.get_mut("spec")?.as_object_mut()?;
    match at(one, "/kind")? {
        "AuthorizationPolicy" => {
            if at(one, "/spec/action") != at(other, "/spec/action") {
                return None;
            }
            let mut rules = rules(one);
            let more: Vec<Value> = self::rules(other).into_iter().filter(|rule| !rules.contains(rule)).collect();
            rules.extend(more);
            if !rules.is_empty() {
                spec.insert("rules".to_owned(), rules.into());
            }
        }
        "PeerAuthentication" => {
            let (ours, theirs) = (modes(one), modes(other));
            let of = |modes: &BTreeMap<Option<&str>, &str>, port: &Option<&str>| {
                modes.get(port).or_else(|| modes.get(&None)).copied().unwrap_or("UNSET").to_owned()
            };
            let strict = |port: &Option<&str>| {
                let both = [of(&ours, port), of(&theirs, port)];
                // What leaves it to others may be strict by them: only STRICT is surely no looser.
                let [one, _] = &both;
                if both.iter().any(|mode| mode == "STRICT") { "STRICT".to_owned() } else { one.clone() }
            };
            spec.insert("mtls".to_owned(), json!({ "mode": strict(&None) }));
            let ports = ours.keys().chain(theirs.keys()).filter_map(|port| Some((*port)?.to_owned()));
            let ports: Map<String, Value> = ports
                .map(|port| {
                    let mode = strict(&Some(&port));
                    (port, json!({ "mode": mode }))
                })
                .collect();
            if !ports.is_empty() {
                spec.insert("portLevelMtls".to_owned(), ports.into());
            }
        }
        _ => return None,
    }
    Some(joined)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deny(rules: Value) -> Value {
        json!({ "kind": "AuthorizationPolicy", "metadata": { "name": "d" }, "spec": { "action": "DENY", "rules": rules } })
    }

    #[test]
    fn a_deny_of_both_refuses_what_either_does() {
        let joined = stricter(&deny(json!([{ "a": 1 }, { "b": 1 }])), &deny(json!([{ "b": 1 }, { "c": 1 }]))).unwrap();
        assert_eq!(rules(&joined), [json!({ "a": 1 }), json!({ "b": 1 }), json!({ "c": 1 })]);
        let mut elsewhere = deny(json!([]));
        elsewhere["spec"]["selector"] = json!({ "matchLabels": { "app": "x" } });
        assert_eq!(stricter(&deny(json!([])), &elsewhere), None);
    }

    #[test]
    fn a_step_that_still_grants_ends_with_what_it_grants() {
        let lock = |day: Value, name: &str| {
            json!({ "version": 1, "notAfter": day, "exceptions": [{ "name": name, "expires": day }], "files": {} })
                .to_string()
        };
        let (old, new) = (lock(json!("2026-12-01"), "old"), lock(Value::Null, "new"));
        let files = BTreeMap::from([("clusters/a/x.yaml".to_owned(), "x".to_owned())]);
        let of = |phase, old: Option<&str>, new: &str| -> Value {
            serde_json::from_str(&lock::of_step(phase, old, new, &files)).unwrap()
        };
        let step = of(Phase::Restrict, Some(&old), &new);
        assert_eq!(step["notAfter"], "2026-12-01");
        assert_eq!(step["exceptions"].as_array().unwrap().len(), 2);
        assert_eq!(step["step"]["phase"], "restrict");
        assert_ne!(step["step"]["from"], Value::Null);
        assert!(step["files"]["clusters/a/x.yaml"].is_string());
        // Whichever ends first.
        assert_eq!(of(Phase::Restrict, Some(&lock(json!("2027-01-01"), "old")), &old)["notAfter"], "2026-12-01");
        // What grants is the new end's: the old one's end is no matter.
        assert_eq!(of(Phase::Switch, Some(&old), &new)["notAfter"], Value::Null);
        assert_eq!(of(Phase::Restrict, None, &new)["step"]["from"], Value::Null);
    }

    #[test]
    fn modes_of_both_are_the_stricter_by_port() {
        let peers = |spec: Value| json!({ "kind": "PeerAuthentication", "metadata": { "name": "p" }, "spec": spec });
        let one = peers(json!({ "mtls": { "mode": "PERMISSIVE" }, "portLevelMtls": { "80": { "mode": "STRICT" } } }));
        let other = peers(json!({ "mtls": { "mode": "STRICT" }, "portLevelMtls": { "81": { "mode": "PERMISSIVE" } } }));
        let joined = stricter(&one, &other).unwrap();
        assert_eq!(
            joined["spec"],
            json!({ "mtls": { "mode": "STRICT" }, "portLevelMtls": { "80": { "mode": "STRICT" }, "81": { "mode": "PERMISSIVE" } } })
        );
    }
}
