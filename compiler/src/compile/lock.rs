//! The lock of a cluster: digests of what went in and what came out.
//!
//! In: sources and files. Out: `.ringfence/<cluster>.lock.json`, outside the folders that are synced. It says until when
//! the output holds, the first exception to end, and not on which day it was made: the same input gives the same bytes.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::between::Phase;
use crate::resolve::Resolved;
use crate::source::Sources;

/// Returns the digest of every input, by path.
pub(super) fn inputs(sources: &Sources) -> Value {
    let digests: BTreeMap<&str, String> = sources.files().map(|(_, file)| (file.path(), digest(file.text()))).collect();
    digests.into_iter().map(|(path, digest)| (path.to_owned(), Value::from(digest))).collect::<Map<_, _>>().into()
}

/// Writes the lock of a cluster.
pub(super) fn text(cluster: &str, inputs: &Value, files: &BTreeMap<String, String>, resolved: &Resolved<'_>) -> String {
    let not_after = resolved.exceptions.iter().map(|(_, day)| *day).min();
    let lock = json!({
        "version": 1,
        "cluster": cluster,
        "tool": format!("ringfence {}", env!("CARGO_PKG_VERSION")),
        "notAfter": not_after.map(|day| day.to_string()),
        "exceptions": resolved.exceptions.iter().map(|(name, day)| json!({ "name": name, "expires": day.to_string() })).collect::<Vec<_>>(),
        "inputs": inputs,
        "files": digests(files),
    });
    format!("{lock:#}\n")
}

/// Writes the lock of a step, from those of both ends. It says that it is one, and from where. What grants while restrictions are added is
/// the old end's, with the old end's exceptions, so that it holds no longer than those do.
pub(super) fn of_step(phase: Phase, old: Option<&str>, new: &str, files: &BTreeMap<String, String>) -> String {
    let Ok(Value::Object(mut fields)) = serde_json::from_str(new) else { return new.to_owned() };
    fields.insert("files".to_owned(), digests(files).into());
    fields.insert("step".to_owned(), json!({ "phase": phase.word(), "from": old.map(digest) }));
    let old: Value = old.and_then(|old| serde_json::from_str(old).ok()).unwrap_or_default();
    if phase == Phase::Restrict {
        let days = [old.get("notAfter"), fields.get("notAfter")];
        // Days of one form sort as they follow each other.
        let first = days.into_iter().flatten().filter_map(Value::as_str).min().map(str::to_owned);
        let of = |lock: Option<&Value>| lock.and_then(Value::as_array).cloned().unwrap_or_default();
        let mut exceptions = of(fields.get("exceptions"));
        let more = of(old.get("exceptions")).into_iter().filter(|one| !exceptions.contains(one));
        let more: Vec<Value> = more.collect();
        exceptions.extend(more);
        fields.insert("notAfter".to_owned(), first.into());
        fields.insert("exceptions".to_owned(), exceptions.into());
    }
    format!("{:#}\n", Value::Object(fields))
}

/// Returns where the lock of a cluster lies in the output.
pub(super) fn path(cluster: &str) -> String {
    format!(".ringfence/{cluster}.lock.json")
}

fn digests(files: &BTreeMap<String, String>) -> Map<String, Value> {
    files.iter().map(|(path, text)| (path.clone(), digest(text).into())).collect()
}

fn digest(text: &str) -> String {
    let hash = Sha256::digest(text.as_bytes());
    hash.iter().fold("sha256:".to_owned(), |hex, byte| format!("{hex}{byte:02x}"))
}
