//! Sigstore bundles, version 0.3: an envelope and the name of the key that made it.
//!
//! In: a statement and a signer, or the bytes of a bundle. Out: the bytes, or the bundle. Neither certificates nor logs are
//! written: whoever checks one has the key already (protobuf-specs, `sigstore_bundle.proto`).

use serde_json::{Value, json};

use crate::dsse::Envelope;
use crate::json::text;
use crate::key::Signer;

/// What registries call a bundle.
pub const KIND: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// A signed statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// The name of the key: base64 of the digest of its DER form. Nothing where certificates stand in for a key.
    pub hint: Option<String>,
    /// What was signed.
    pub envelope: Envelope,
}

impl Bundle {
    /// Signs a statement.
    ///
    /// # Errors
    /// When the signer refuses.
    pub fn sign(statement: Vec<u8>, signer: &dyn Signer) -> Result<Self, String> {
        Ok(Self { hint: Some(signer.public().hint()), envelope: Envelope::sign(statement, signer)? })
    }

    /// Returns its one form in bytes.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let material = json!({ "publicKey": { "hint": self.hint }, "tlogEntries": [] });
        let bundle =
            json!({ "mediaType": KIND, "verificationMaterial": material, "dsseEnvelope": self.envelope.json() });
        format!("{bundle}\n").into_bytes()
    }

    /// Reads a bundle, whoever wrote it; nothing where it is none, or one over something else than an envelope.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let bundle: Value = serde_json::from_slice(bytes).ok()?;
        // Tools that came before named the same kind by a parameter.
        let kind = text(&bundle, "mediaType")?;
        if kind != KIND && kind != "application/vnd.dev.sigstore.bundle+json;version=0.3" {
            return None;
        }
        let hint = bundle.pointer("/verificationMaterial/publicKey/hint").and_then(Value::as_str).map(str::to_owned);
        Some(Self { hint, envelope: Envelope::read(bundle.get("dsseEnvelope")?)? })
    }
}
