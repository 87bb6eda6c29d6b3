//! What refers to an artifact: signatures and attestations, and the list of them.
//!
//! A registry that knows referrers lists them itself. For others, and in a layout, the list is an index under a name made of the
//! digest (distribution-spec, "Referrers Tag Schema"). It belongs to everybody: entries of others stay in it as they are.

use serde_json::{Value, json};

use crate::artifact::MANIFEST;
use crate::bundle;
use crate::digest::Digest;
use crate::json::with;
use crate::layout::{Descriptor, INDEX, manifests};
use crate::release::Origin;

/// The bytes of the config of something that has none (image-spec, `manifest.md`).
pub const NO_CONFIG: &[u8] = b"{}";
/// What those are.
const NO_CONFIG_KIND: &str = "application/vnd.oci.empty.v1+json";

/// A bundle that refers to an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referrer {
    /// The bundle.
    pub bundle: Vec<u8>,
    /// What names it and what it refers to.
    pub manifest: Vec<u8>,
    /// How a list of referrers names it.
    pub entry: Value,
}

impl Referrer {
    /// Lets a bundle with a statement of some kind refer to an artifact (cosign `pkg/oci/remote/write.go`).
    #[must_use]
    pub fn of(subject: &Descriptor, bundle: Vec<u8>, kind: &str, origin: &Origin) -> Self {
        let mut annotations =
            json!({ "dev.sigstore.bundle.content": "dsse-envelope", "dev.sigstore.bundle.predicateType": kind });
        if let Some(created) = &origin.created {
            annotations = with(annotations, "org.opencontainers.image.created", created.clone().into());
        }
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": bundle::KIND,
            "config": Descriptor::of(NO_CONFIG_KIND, NO_CONFIG).json(),
            "layers": [Descriptor::of(bundle::KIND, &bundle).json()],
            "subject": subject.json(),
            "annotations": annotations,
        });
        let manifest = manifest.to_string().into_bytes();
        let entry = with(Descriptor::of(MANIFEST, &manifest).json(), "artifactType", bundle::KIND.into());
        let entry = with(entry, "annotations", annotations);
        Self { bundle, manifest, entry }
    }
}

/// Returns the name of the list for an artifact.
#[must_use]
pub fn list_name(digest: &Digest) -> String {
    format!("sha256-{}", digest.hex())
}

/// Adds entries to a list, or begins one. What is in it already stays, in its order.
///
/// # Errors
/// When what is there is no list of manifests: it is somebody else's, and is not to be lost.
pub fn merge(there: Option<&[u8]>, entries: &[Value]) -> Result<Vec<u8>, String> {
    let mut index = match there {
        None => json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [] }),
        Some(bytes) => {
            serde_json::from_slice(bytes).map_err(|error| format!("the list of referrers is no JSON: {error}"))?
        }
    };
    let digests: Vec<Value> = manifests(&index).filter_map(|entry| entry.get("digest").cloned()).collect();
    let Some(Value::Array(list)) = index.get_mut("manifests") else {
        return Err("what is under the name of the list of referrers is something else".to_owned());
    };
    let is_new = |entry: &&Value| !entry.get("digest").is_some_and(|digest| digests.contains(digest));
    list.extend(entries.iter().filter(is_new).cloned());
    Ok(index.to_string().into_bytes())
}
