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
    pub fn of(files: &BTreeMap<&str, &[u8]>, origin: &Origin) -> std::io::Result<Self> {
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
        let annotations = annotations(origin);
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

/// Says where it comes from, in the words of the image specification (`annotations.md`), which both controllers show.
fn annotations(origin: &Origin) -> Map<String, Value> {
    let revision = origin.revision.as_ref().map(|commit| format!("sha1:{commit}"));
    let said = [("created", &origin.created), ("revision", &revision), ("source", &origin.source)];
    let said = said.into_iter().filter_map(|(name, value)| Some((name, value.clone()?)));
    said.map(|(name, value)| (format!("org.opencontainers.image.{name}"), value.into())).collect()
}
