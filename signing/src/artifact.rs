//! A cluster's folder as an artifact of a registry, which both controllers take.
//!
//! In: the files and where they come from. Out: config, layer and manifest. Flux knows it by the kind of its config and takes the
//! first layer whatever that is called; Argo CD insists on the kind of the layer (source-controller `internal/oci`, argo-cd
//! `util/oci`).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::archive::Archive;
use crate::digest::Digest;
use crate::json::with;
use crate::layout::Descriptor;
use crate::release::Origin;

/// What registries call a manifest.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The kind of config that Flux writes.
const CONFIG: &str = "application/vnd.cncf.flux.config.v1+json";
/// The kind of layer.
pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// The annotation that says when the commit was made.
pub const CREATED: &str = "org.opencontainers.image.created";
/// The annotation that says which day is the last on which it holds. A manifest is signed by its digest, and so are these.
pub const NOT_AFTER: &str = "ringfence/not-after";

/// The three blobs of an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// What a registry wants to know of an image, most of which there is nothing to say about.
    pub config: Vec<u8>,
    /// The files, packed.
    pub layer: Vec<u8>,
    /// What names the two of them; its digest is that of the artifact.
    pub manifest: Vec<u8>,
}

impl Artifact {
    /// Packs files, which are by their path from the output folder.
    ///
    /// # Errors
    /// When a path is longer than an archive can hold.
    pub fn of(files: &BTreeMap<&str, &[u8]>, origin: &Origin, not_after: Option<&str>) -> std::io::Result<Self> {
        let archive = Archive::pack(files)?;
        let mut config = json!({ "architecture": "", "os": "", "config": {} });
        if let Some(created) = &origin.created {
            config = with(config, "created", created.clone().into());
        }
        let layers = json!({ "type": "layers", "diff_ids": [Digest::of(&archive.tar).to_string()] });
        config = with(config, "rootfs", layers);
        let (config, layer) = (config.to_string().into_bytes(), archive.compressed);
        let mut manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": Descriptor::of(CONFIG, &config).json(),
            "layers": [Descriptor::of(LAYER, &layer).json()],
        });
        let annotations = annotations(origin, not_after);
        if !annotations.is_empty() {
            manifest = with(manifest, "annotations", annotations.into());
        }
        Ok(Self { config, layer, manifest: manifest.to_string().into_bytes() })
    }

    /// Returns what names it in a registry.
    #[must_use]
    pub fn descriptor(&self) -> Descriptor {
        Descriptor::of(MANIFEST, &self.manifest)
    }
}

/// Says where it comes from, in the words of the image specification (`annotations.md`), which both controllers show, and until
/// which day it holds.
fn annotations(origin: &Origin, not_after: Option<&str>) -> Map<String, Value> {
    let revision = origin.revision.as_ref().map(|commit| format!("sha1:{commit}"));
    let source = "org.opencontainers.image.source".to_owned();
    let said = [
        (CREATED.to_owned(), origin.created.clone()),
        ("org.opencontainers.image.revision".to_owned(), revision),
        (source, origin.source.clone()),
        (NOT_AFTER.to_owned(), not_after.map(str::to_owned)),
    ];
    said.into_iter().filter_map(|(name, value)| Some((name, value?.into()))).collect()
}
