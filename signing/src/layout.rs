//! An OCI image layout: blobs by digest, and names for some of them (image-spec, `image-layout.md`).
//!
//! In: the files of one, or nothing. Out: the same with more in it. What others put there stays as it is; a layout that contradicts
//! itself is refused rather than mended.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value, json};

use crate::digest::Digest;
use crate::json::{list, text, with};

/// What registries call a list of manifests.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// Where an index says how an entry is called.
const NAME: &str = "org.opencontainers.image.ref.name";

/// What names some bytes: what they are, their digest and how many they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// What they are.
    pub kind: String,
    /// Their digest.
    pub digest: Digest,
    /// How many.
    pub size: usize,
}

impl Descriptor {
    /// Names bytes.
    #[must_use]
    pub fn of(kind: &str, bytes: &[u8]) -> Self {
        Self { kind: kind.to_owned(), digest: Digest::of(bytes), size: bytes.len() }
    }

    /// Returns it as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({ "mediaType": self.kind, "digest": self.digest.to_string(), "size": self.size })
    }

    /// Reads it from JSON; nothing where it is none, or has a digest of another algorithm.
    #[must_use]
    pub fn read(value: &Value) -> Option<Self> {
        Some(Self {
            kind: text(value, "mediaType")?.to_owned(),
            digest: Digest::read(text(value, "digest")?)?,
            size: usize::try_from(value.get("size")?.as_u64()?).ok()?,
        })
    }
}

/// Why a folder is no layout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LayoutError {
    /// A file that every layout has is missing or is no JSON of its form.
    Broken(&'static str),
    /// It is of a version that is not known here.
    Version(String),
}

impl fmt::Display for LayoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(file) => write!(f, "`{file}` is not what it is in an OCI image layout"),
            Self::Version(version) => {
                write!(f, "it is an OCI image layout of version `{version}`, and only 1.0.0 is known here")
            }
        }
    }
}

impl std::error::Error for LayoutError {}

/// Blobs, and the names of some.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Layout {
    blobs: BTreeMap<Digest, Vec<u8>>,
    /// The entries of `index.json`, ours and those of others, in its order.
    entries: Vec<Value>,
    /// What else the index says of itself.
    rest: Map<String, Value>,
}

impl Layout {
    /// Reads the files of a layout, by path; none at all are an empty one. Blobs are taken as they are: whoever asks for one by its
    /// digest gets it only where that fits.
    ///
    /// # Errors
    /// When they are something else.
    pub fn read(files: BTreeMap<String, Vec<u8>>) -> Result<Self, LayoutError> {
        if files.is_empty() {
            return Ok(Self::default());
        }
        let json = |name: &'static str| -> Result<Map<String, Value>, LayoutError> {
            let bytes = files.get(name).ok_or(LayoutError::Broken(name))?;
            serde_json::from_slice(bytes).map_err(|_| LayoutError::Broken(name))
        };
        let version = json("oci-layout")?;
        let version = version.get("imageLayoutVersion").and_then(Value::as_str).unwrap_or_default();
        if version != "1.0.0" {
            return Err(LayoutError::Version(version.to_owned()));
        }
        let mut rest = json("index.json")?;
        let Some(Value::Array(entries)) = rest.shift_remove("manifests") else {
            return Err(LayoutError::Broken("index.json"));
        };
        let blob =
            |(path, bytes): (String, Vec<u8>)| Some((Digest::of_hex(path.strip_prefix("blobs/sha256/")?)?, bytes));
        Ok(Self { entries, rest, blobs: files.into_iter().filter_map(blob).collect() })
    }

    /// Returns its files, by path: blobs before the index that names them.
    #[must_use]
    pub fn files(&self) -> Vec<(String, Vec<u8>)> {
        let blobs = self.blobs.iter().map(|(digest, bytes)| (format!("blobs/sha256/{}", digest.hex()), bytes.clone()));
        let mut index = self.rest.clone();
        index.entry("schemaVersion").or_insert_with(|| 2.into());
        index.entry("mediaType").or_insert_with(|| INDEX.into());
        index.insert("manifests".to_owned(), self.entries.clone().into());
        let names = [("oci-layout", json!({ "imageLayoutVersion": "1.0.0" })), ("index.json", index.into())];
        blobs.chain(names.map(|(path, value)| (path.to_owned(), format!("{value:#}\n").into_bytes()))).collect()
    }

    /// Returns a blob whose bytes fit its digest.
    #[must_use]
    pub fn blob(&self, digest: &Digest) -> Option<&[u8]> {
        self.blobs.get(digest).map(Vec::as_slice).filter(|bytes| digest.fits(bytes))
    }

    /// Returns the digests that blobs are kept under and do not have.
    pub fn broken(&self) -> impl Iterator<Item = &Digest> {
        self.blobs.iter().filter(|(digest, bytes)| !digest.fits(bytes)).map(|(digest, _)| digest)
    }

    /// Adds a blob.
    pub fn add(&mut self, bytes: &[u8]) -> Digest {
        let digest = Digest::of(bytes);
        self.blobs.insert(digest.clone(), bytes.to_vec());
        digest
    }

    /// Returns what a name stands for.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<Descriptor> {
        self.entries.iter().find(|entry| called(entry) == Some(name)).and_then(Descriptor::read)
    }

    /// Returns every name, in the order of the index.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().filter_map(called)
    }

    /// Lets a name stand for a blob; where it stood for another before, it does so no more.
    pub fn name(&mut self, name: &str, descriptor: &Descriptor) {
        let entry = with(descriptor.json(), "annotations", json!({ NAME: name }));
        match self.entries.iter_mut().find(|entry| called(entry) == Some(name)) {
            Some(old) => *old = entry,
            None => self.entries.push(entry),
        }
    }
}

fn called(entry: &Value) -> Option<&str> {
    text(entry.get("annotations")?, NAME)
}

/// Returns the entries of a list of manifests, as it is written; none where it is none.
pub(crate) fn manifests(index: &Value) -> impl Iterator<Item = &Value> {
    list(index, "manifests")
}
