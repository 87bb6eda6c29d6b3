//! Signatures the way cosign kept them before bundles: for Flux before 2.8.
//!
//! A signature is over a text that names the artifact's digest. Under a name made of that digest lies an image whose layers are such
//! texts, each with its signature as an annotation (cosign `specs/SIGNATURE_SPEC.md`). Whoever signs adds a layer.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::artifact::MANIFEST;
use crate::digest::Digest;
use crate::json::{list, text, with};
use crate::key::{PublicKey, Signer};
use crate::layout::{Descriptor, Layout};

/// What such a text is.
const PAYLOAD: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// Where its signature is.
const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
/// What registries call the config of an image.
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// A signed text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The text.
    pub payload: Vec<u8>,
    /// Its signature, in DER.
    pub signature: Vec<u8>,
}

impl Signature {
    /// Signs for an artifact.
    ///
    /// # Errors
    /// When the signer refuses.
    pub fn of(digest: &Digest, signer: &dyn Signer) -> Result<Self, String> {
        let payload = json!({
            "critical": {
                // Where it lies is not known when it is signed; nobody checks it of signatures by key.
                "identity": { "docker-reference": "" },
                "image": { "docker-manifest-digest": digest.to_string() },
                "type": "cosign container image signature",
            },
            "optional": null,
        })
        .to_string()
        .into_bytes();
        let signature = signer.sign(&payload)?;
        Ok(Self { payload, signature })
    }

    /// Tells whether it is by this key and for this artifact.
    #[must_use]
    pub fn is_by(&self, key: &PublicKey, digest: &Digest) -> bool {
        let said: Value = serde_json::from_slice(&self.payload).unwrap_or_default();
        let is_for =
            said.pointer("/critical/image/docker-manifest-digest").and_then(Value::as_str) == Some(&digest.to_string());
        is_for && key.verifies(&self.payload, &self.signature)
    }
}

/// Returns the name of the signatures of an artifact.
#[must_use]
pub fn name(digest: &Digest) -> String {
    format!("sha256-{}.sig", digest.hex())
}

/// The image that holds signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Its config.
    pub config: Vec<u8>,
    /// What names config and layers.
    pub manifest: Vec<u8>,
}

/// Adds a signature to an image, or begins one. Those of others stay; the same one again changes nothing.
///
/// # Errors
/// When what is there is no image: it is somebody else's, and is not to be lost.
pub fn append(there: Option<&[u8]>, signature: &Signature) -> Result<Image, String> {
    let mut manifest: Value = match there {
        None => json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": {}, "layers": [] }),
        Some(bytes) => serde_json::from_slice(bytes)
            .map_err(|error| format!("what is under the name of signatures is no JSON: {error}"))?,
    };
    let annotations = json!({ SIGNATURE: STANDARD.encode(&signature.signature) });
    let layer = with(Descriptor::of(PAYLOAD, &signature.payload).json(), "annotations", annotations);
    let is_there =
        list(&manifest, "layers").any(|one| one.get("digest") == layer.get("digest") && signed(one) == signed(&layer));
    let Some(Value::Array(layers)) = manifest.get_mut("layers") else {
        return Err("what is under the name of signatures is no image".to_owned());
    };
    if !is_there {
        layers.push(layer);
    }
    let digests: Vec<Value> = layers.iter().filter_map(|one| one.get("digest").cloned()).collect();
    let history = vec![json!({ "created": "0001-01-01T00:00:00Z" }); digests.len()];
    let config = json!({
        "architecture": "", "created": "0001-01-01T00:00:00Z", "history": history, "os": "",
        "rootfs": { "type": "layers", "diff_ids": digests }, "config": {},
    });
    let config = config.to_string().into_bytes();
    let manifest = with(manifest, "config", Descriptor::of(CONFIG, &config).json());
    Ok(Image { config, manifest: manifest.to_string().into_bytes() })
}

/// Returns the signatures in an image that are whole.
#[must_use]
pub fn signatures(layout: &Layout, image: &Descriptor) -> Vec<Signature> {
    let manifest = layout.blob(&image.digest).and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or_default();
    let whole = |(payload, signature): (Digest, Vec<u8>)| {
        Some(Signature { payload: layout.blob(&payload)?.to_vec(), signature })
    };
    layers(&manifest).filter_map(whole).collect()
}

/// Returns the texts that an image names, each with its signature.
fn layers(manifest: &Value) -> impl Iterator<Item = (Digest, Vec<u8>)> {
    list(manifest, "layers").filter_map(|layer| {
        let signature = STANDARD.decode(signed(layer)?).ok()?;
        Some((Digest::read(text(layer, "digest")?)?, signature))
    })
}

fn signed(layer: &Value) -> Option<&str> {
    text(layer.get("annotations")?, SIGNATURE)
}
