//! Whether an artifact of a registry is what was signed.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::archive::Archive;
use crate::artifact::{CREATED, LAYER, NOT_AFTER};
use crate::bundle::{self, Bundle};
use crate::digest::Digest;
use crate::json::{list, text};
use crate::layout::{Descriptor, Layout, manifests};
use crate::legacy;
use crate::referrers;
use crate::release::folder;
use crate::statement::SIGNED;
use crate::verify::{Refusal, Trust};

/// What was signed of an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Its digest.
    pub digest: Digest,
    /// Its files, by path.
    pub files: BTreeMap<String, Vec<u8>>,
    /// The kinds of what trusted keys say of it, beside that it is signed.
    pub attested: Vec<String>,
    /// How many bundles refer to it that are not by a trusted key.
    pub foreign: usize,
    /// Whether there is a signature that Flux before 2.8 takes.
    pub is_for_old_flux: bool,
    /// When the commit was made that it was compiled from.
    pub created: Option<String>,
    /// The last day it holds.
    pub not_after: Option<String>,
}

/// What an artifact holds, whoever signed it.
struct Contents {
    subject: Descriptor,
    manifest: Value,
    files: BTreeMap<String, Vec<u8>>,
}

/// Reads the artifact under a name.
fn contents(name: &str, layout: &Layout) -> Result<Contents, Vec<Refusal>> {
    let broken = |what: &str| vec![Refusal::Broken(what.to_owned())];
    if let Some(blob) = layout.broken().next() {
        return Err(broken(&format!("the blob {blob}")));
    }
    if layout.names().filter(|known| *known == name).count() > 1 {
        return Err(broken(&format!("the list of artifacts, which names `{name}` twice,")));
    }
    let subject = layout.named(name).ok_or_else(|| broken(&format!("artifact `{name}`")))?;
    if layout.blob(&subject.digest).is_some_and(|bytes| bytes.len() != subject.size) {
        return Err(broken("the manifest of the artifact"));
    }
    let manifest = parsed(layout, &subject.digest).ok_or_else(|| broken("the manifest of the artifact"))?;
    let descriptors = list(&manifest, "layers").chain(manifest.get("config"));
    let descriptors: Vec<Descriptor> = descriptors
        .map(Descriptor::read)
        .collect::<Option<_>>()
        .ok_or_else(|| broken("the manifest of the artifact"))?;
    for part in &descriptors {
        let fits = layout.blob(&part.digest).is_some_and(|bytes| bytes.len() == part.size);
        if !fits {
            return Err(broken(if part.kind == LAYER {
                "the layer of the artifact"
            } else {
                "the config of the artifact"
            }));
        }
    }
    // Who fetches it takes the first, whatever it is.
    let [layer] = list(&manifest, "layers")
        .filter_map(Descriptor::read)
        .collect::<Vec<_>>()
        .try_into()
        .map_err(|_| broken("the list of layers of the artifact"))?;
    if layer.kind != LAYER {
        return Err(broken("the layer of the artifact"));
    }
    let packed = layout.blob(&layer.digest).ok_or_else(|| broken("the layer of the artifact"))?;
    let files = Archive::unpack(packed).map_err(|error| broken(&format!("the layer of the artifact ({error})")))?;
    Ok(Contents { subject, manifest, files })
}

/// Tells whether the artifact under a name is whole and holds files of the cluster of that name alone. Of signatures it says nothing.
///
/// # Errors
/// Every reason why it is not.
pub fn belongs(name: &str, layout: &Layout) -> Result<(), Vec<Refusal>> {
    of_cluster(name, &contents(name, layout)?.files)
}

/// Tells whether the artifact under a name is whole and holds these files, by path, and no others. Of signatures it says nothing.
#[must_use]
pub fn holds(name: &str, layout: &Layout, files: &BTreeMap<String, Vec<u8>>) -> bool {
    contents(name, layout).is_ok_and(|contents| contents.files == *files)
}

/// One that was signed for another cluster is signed as well.
fn of_cluster(name: &str, files: &BTreeMap<String, Vec<u8>>) -> Result<(), Vec<Refusal>> {
    match files.keys().find(|path| !path.starts_with(&folder(name))) {
        Some(path) => {
            Err(vec![Refusal::OtherSubject { signed: format!("`{path}`"), wanted: format!("cluster `{name}`") }])
        }
        None => Ok(()),
    }
}

/// Checks the artifact under a name, and its signatures.
///
/// # Errors
/// Every reason to refuse it.
pub fn check(name: &str, layout: &Layout, trust: &Trust<'_>) -> Result<Accepted, Vec<Refusal>> {
    let Contents { subject, manifest, files } = contents(name, layout)?;
    let (mut attested, mut foreign, mut is_signed, mut refusals) = (Vec::new(), 0, false, Vec::new());
    for bundle in bundles(layout, &subject.digest) {
        let statement = match bundle.ok_or(Refusal::NoBundle).and_then(|bundle| trust.opened(&bundle)) {
            Ok((statement, _)) => statement,
            Err(refusal) => {
                foreign += 1;
                refusals.push(refusal);
                continue;
            }
        };
        if !statement.subjects.iter().any(|(_, digest)| *digest == subject.digest) {
            let signed =
                statement.subjects.first().map_or("nothing".to_owned(), |(_, digest)| format!("artifact {digest}"));
            refusals.push(Refusal::OtherSubject { signed, wanted: format!("artifact {}", subject.digest) });
        } else if statement.kind == SIGNED {
            is_signed = true;
        } else {
            attested.push(statement.kind);
        }
    }
    // One good signature is enough, whatever others put beside it.
    if !is_signed {
        refusals.sort();
        refusals.dedup();
        return Err(if refusals.is_empty() { vec![Refusal::Unsigned] } else { refusals });
    }
    // Only now is it known that somebody trusted says this.
    of_cluster(name, &files)?;
    let said = |key: &str| text(manifest.get("annotations")?, key).map(str::to_owned);
    let (created, not_after) = (said(CREATED), said(NOT_AFTER));
    let refusals = trust.timely(created.as_deref(), not_after.as_deref());
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let old = layout.named(&legacy::name(&subject.digest));
    let is_for_old_flux = old
        .into_iter()
        .flat_map(|image| legacy::signatures(layout, &image))
        .any(|signature| trust.keys.iter().any(|key| signature.is_by(key, &subject.digest)));
    attested.sort();
    attested.dedup();
    Ok(Accepted { digest: subject.digest, files, attested, foreign, is_for_old_flux, created, not_after })
}

/// Says which files of an artifact are not those of a cluster's folder, which are by the same paths.
#[must_use]
pub fn compare(accepted: &Accepted, folder: &BTreeMap<String, Vec<u8>>) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    for (path, bytes) in &accepted.files {
        match folder.get(path) {
            None => refusals.push(Refusal::Missing(path.clone())),
            Some(other) if other == bytes => {}
            Some(_) => refusals.push(Refusal::Changed(path.clone())),
        }
    }
    let added = folder.keys().filter(|path| !accepted.files.contains_key(*path));
    refusals.extend(added.map(|path| Refusal::Added(path.clone())));
    refusals
}

fn parsed(layout: &Layout, digest: &Digest) -> Option<Value> {
    serde_json::from_slice(layout.blob(digest)?).ok()
}

/// Returns the bundles that refer to an artifact; nothing in the place of one that cannot be read. What refers to it in another
/// way is not looked at. What something is its own manifest says: lists lose it on the way through some tools.
fn bundles(layout: &Layout, digest: &Digest) -> Vec<Option<Bundle>> {
    let index = layout.named(&referrers::list_name(digest)).and_then(|list| parsed(layout, &list.digest));
    let index = index.unwrap_or_default();
    let is_bundle = |value: &Value| value.get("artifactType").and_then(Value::as_str) == Some(bundle::KIND);
    let read = |entry: &Value| {
        let manifest = Descriptor::read(entry).and_then(|it| parsed(layout, &it.digest));
        let Some(manifest) = manifest else { return is_bundle(entry).then_some(None) };
        let layer = list(&manifest, "layers").next().and_then(Descriptor::read);
        let is_one = is_bundle(&manifest) || layer.as_ref().is_some_and(|layer| layer.kind == bundle::KIND);
        is_one.then(|| Bundle::read(layout.blob(&layer?.digest)?))
    };
    manifests(&index).filter_map(read).collect()
}
