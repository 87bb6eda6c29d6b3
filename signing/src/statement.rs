//! In-toto statements: what is said of which bytes (in-toto/attestation, `spec/v1/statement.md`).

use serde_json::{Value, json};

use crate::digest::Digest;
use crate::json::{list, text};

/// A signature by cosign's word: the subject is signed, and nothing else is said of it.
pub const SIGNED: &str = "https://sigstore.dev/cosign/sign/v1";
/// From which sources something was built: SLSA's provenance.
pub const PROVENANCE: &str = "https://slsa.dev/provenance/v1";
/// What was verified of something: in-toto's Simple Verification Result.
pub const VERIFIED: &str = "https://in-toto.io/attestation/svr/v0.2";
/// What was compiled for a cluster, in a folder.
pub const DELIVERED: &str = "https://github.com/ringfence/ringfence/delivery/v1";

/// What is said of something.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// What it is said of: a name where there is one, and a digest.
    pub subjects: Vec<(Option<String>, Digest)>,
    /// The kind of what is said.
    pub kind: String,
    /// What is said.
    pub predicate: Value,
}

impl Statement {
    /// Returns its one form in bytes.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let subject = |(name, digest): &(Option<String>, Digest)| match name {
            Some(name) => json!({ "name": name, "digest": { "sha256": digest.hex() } }),
            None => json!({ "digest": { "sha256": digest.hex() } }),
        };
        let subjects: Vec<_> = self.subjects.iter().map(subject).collect();
        json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": subjects,
            "predicateType": self.kind,
            "predicate": self.predicate,
        })
        .to_string()
        .into_bytes()
    }

    /// Reads a statement; nothing where it is none, or about something that no SHA-256 names.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let statement: Value = serde_json::from_slice(bytes).ok()?;
        if text(&statement, "_type")? != "https://in-toto.io/Statement/v1" {
            return None;
        }
        let subject = |one: &Value| {
            let digest = Digest::of_hex(text(one.get("digest")?, "sha256")?)?;
            Some((text(one, "name").map(str::to_owned), digest))
        };
        Some(Self {
            subjects: list(&statement, "subject").map(subject).collect::<Option<_>>()?,
            kind: text(&statement, "predicateType")?.to_owned(),
            predicate: statement.get("predicate").cloned().unwrap_or_default(),
        })
    }
}
