//! Envelopes: bytes of a named kind with signatures over both (DSSE 1.0, secure-systems-lab/dsse `envelope.md`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::json::{list, text};
use crate::key::{PublicKey, Signer};

/// The kind of an in-toto statement in JSON.
pub const STATEMENT: &str = "application/vnd.in-toto+json";

/// Bytes and signatures over them and their kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// What the bytes are.
    pub kind: String,
    /// The bytes.
    pub payload: Vec<u8>,
    /// Signatures in DER.
    pub signatures: Vec<Vec<u8>>,
}

impl Envelope {
    /// Signs a statement.
    ///
    /// # Errors
    /// When the signer refuses.
    pub fn sign(payload: Vec<u8>, signer: &dyn Signer) -> Result<Self, String> {
        let signature = signer.sign(&signed(STATEMENT, &payload))?;
        Ok(Self { kind: STATEMENT.to_owned(), payload, signatures: vec![signature] })
    }

    /// Tells whether one of its signatures is by this key.
    #[must_use]
    pub fn is_by(&self, key: &PublicKey) -> bool {
        let signed = signed(&self.kind, &self.payload);
        self.signatures.iter().any(|signature| key.verifies(&signed, signature))
    }

    /// Returns it as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        let signatures: Vec<_> = self.signatures.iter().map(|one| json!({ "sig": STANDARD.encode(one) })).collect();
        json!({ "payload": STANDARD.encode(&self.payload), "payloadType": self.kind, "signatures": signatures })
    }

    /// Reads it from JSON; nothing where it is no envelope.
    #[must_use]
    pub fn read(value: &Value) -> Option<Self> {
        let signature = |one: &Value| STANDARD.decode(text(one, "sig")?).ok();
        Some(Self {
            kind: text(value, "payloadType")?.to_owned(),
            payload: STANDARD.decode(text(value, "payload")?).ok()?,
            signatures: list(value, "signatures").map(signature).collect::<Option<_>>()?,
        })
    }
}

/// Returns what is signed: the kind and the bytes, each after its length (the specification's `PAE`).
fn signed(kind: &str, payload: &[u8]) -> Vec<u8> {
    let mut signed = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len()).into_bytes();
    signed.extend(payload);
    signed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_is_what_the_specification_gives_as_an_example() {
        assert_eq!(
            signed("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
    }
}
