//! The lock of a cluster: digests of what went in and what came out.
//!
//! In: sources and files. Out: `.ringfence/<cluster>.lock.json`, outside the folders that are synced. It says until when
//! the output holds, the first exception to end, and not on which day it was made: the same input gives the same bytes.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::resolve::Resolved;
use crate::source::Sources;

/// Returns the digest of every input, by path.
pub(super) fn inputs(sources: &Sources) -> Value {
    let digests: BTreeMap<&str, String> = sources.files().map(|(_, file)| (file.path(), digest(file.text()))).collect();
    digests.into_iter().map(|(path, digest)| (path.to_owned(), Value::from(digest))).collect::<Map<_, _>>().into()
}

/// Writes the lock of a cluster.
pub(super) fn text(cluster: &str, inputs: &Value, files: &BTreeMap<String, String>, resolved: &Resolved<'_>) -> String {
    let outputs: Map<String, Value> = files.iter().map(|(path, text)| (path.clone(), digest(text).into())).collect();
    let not_after = resolved.exceptions.iter().map(|(_, day)| *day).min();
    let lock = json!({
        "version": 1,
        "cluster": cluster,
        "tool": format!("ringfence {}", env!("CARGO_PKG_VERSION")),
        "notAfter": not_after.map(|day| day.to_string()),
        "exceptions": resolved.exceptions.iter().map(|(name, day)| json!({ "name": name, "expires": day.to_string() })).collect::<Vec<_>>(),
        "inputs": inputs,
        "files": outputs,
    });
    format!("{lock:#}\n")
}

/// Writes a lock again for other files.
pub(super) fn again(lock: &str, files: &BTreeMap<String, String>) -> String {
    let Ok(Value::Object(mut fields)) = serde_json::from_str(lock) else { return lock.to_owned() };
    let outputs: Map<String, Value> = files.iter().map(|(path, text)| (path.clone(), digest(text).into())).collect();
    fields.insert("files".to_owned(), outputs.into());
    format!("{:#}\n", Value::Object(fields))
}

fn digest(text: &str) -> String {
    let hash = Sha256::digest(text.as_bytes());
    hash.iter().fold("sha256:".to_owned(), |hex, byte| format!("{hex}{byte:02x}"))
}
