//! The lock of a cluster: what the compiler says it wrote (`compiler/src/compile/lock.rs`).

use std::collections::BTreeMap;

use serde_json::Value;

use crate::digest::Digest;
use crate::json::text;

/// What a lock says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// The cluster.
    pub cluster: String,
    /// What wrote it, with its version.
    pub tool: String,
    /// The last day on which what it lists holds; nothing where it holds for good.
    pub not_after: Option<String>,
    /// Which step it is, where it is one on the way to what policy compiles to.
    pub step: Option<String>,
    /// What was read, by path.
    pub inputs: BTreeMap<String, Digest>,
    /// What was written, by path.
    pub files: BTreeMap<String, Digest>,
}

impl Lock {
    /// Reads a lock; nothing where it is none, or one of another version.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let lock: Value = serde_json::from_slice(bytes).ok()?;
        if lock.get("version")?.as_u64()? != 1 {
            return None;
        }
        let digests = |name: &str| -> Option<BTreeMap<String, Digest>> {
            let entries = lock.get(name)?.as_object()?.iter();
            entries.map(|(path, digest)| Some((path.clone(), Digest::read(digest.as_str()?)?))).collect()
        };
        Some(Self {
            cluster: text(&lock, "cluster")?.to_owned(),
            tool: text(&lock, "tool")?.to_owned(),
            not_after: match lock.get("notAfter")? {
                Value::Null => None,
                day => Some(day.as_str()?.to_owned()),
            },
            step: match lock.get("step") {
                None | Some(Value::Null) => None,
                Some(step) => Some(text(step, "phase")?.to_owned()),
            },
            inputs: digests("inputs")?,
            files: digests("files")?,
        })
    }

    /// Returns where the lock of a cluster lies in the output folder.
    #[must_use]
    pub fn path(cluster: &str) -> String {
        format!(".ringfence/{cluster}.lock.json")
    }

    /// Returns where the signature over it lies.
    #[must_use]
    pub fn signature_path(cluster: &str) -> String {
        format!(".ringfence/{cluster}.sigstore.json")
    }
}
