//! Whether a plain folder is what was signed.

use std::collections::BTreeMap;

use crate::bundle::Bundle;
use crate::digest::Digest;
use crate::json::text;
use crate::lock::Lock;
use crate::release::folder;
use crate::statement::DELIVERED;
use crate::verify::{Refusal, Trust};

/// What was signed of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// How many files.
    pub files: usize,
    /// The commit it was compiled from.
    pub revision: Option<String>,
    /// When that was made.
    pub created: Option<String>,
    /// The last day it holds.
    pub not_after: Option<String>,
}

/// Checks the files of a cluster, by their path from the output folder: everything below `clusters/<cluster>/`, the lock and the
/// signature.
///
/// # Errors
/// Every reason to refuse them.
pub fn check(cluster: &str, files: &BTreeMap<String, Vec<u8>>, trust: &Trust<'_>) -> Result<Delivered, Vec<Refusal>> {
    let one = |refusal: Refusal| vec![refusal];
    let bytes = files.get(&Lock::signature_path(cluster)).ok_or_else(|| one(Refusal::Unsigned))?;
    let bundle = Bundle::read(bytes).ok_or_else(|| one(Refusal::NoBundle))?;
    let (statement, key) = trust.opened(&bundle).map_err(one)?;
    // It has one form: bytes that no signature covers would be a place to hide something.
    if bundle.bytes() != *bytes || bundle.hint != Some(key.hint()) || bundle.envelope.signatures.len() != 1 {
        return Err(one(Refusal::NoBundle));
    }
    if statement.kind != DELIVERED {
        return Err(one(Refusal::NoStatement));
    }
    let said = |name: &str| text(&statement.predicate, name).map(str::to_owned);
    if said("cluster").as_deref() != Some(cluster) {
        let signed = said("cluster").map_or("something else".to_owned(), |other| format!("cluster `{other}`"));
        return Err(one(Refusal::OtherSubject { signed, wanted: format!("cluster `{cluster}`") }));
    }
    let signed: BTreeMap<&str, &Digest> =
        statement.subjects.iter().filter_map(|(name, digest)| Some((name.as_deref()?, digest))).collect();
    let is_its = |path: &str| path.starts_with(&folder(cluster)) || path == Lock::path(cluster);
    let mut refusals = trust.timely(said("created").as_deref(), said("notAfter").as_deref());
    for (path, digest) in &signed {
        match files.get(*path) {
            None => refusals.push(Refusal::Missing((*path).to_owned())),
            Some(bytes) if digest.fits(bytes) => {}
            Some(_) if *path == Lock::path(cluster) => refusals.push(Refusal::OtherLock),
            Some(_) => refusals.push(Refusal::Changed((*path).to_owned())),
        }
    }
    let added = files.keys().filter(|path| is_its(path) && !signed.contains_key(path.as_str()));
    refusals.extend(added.map(|path| Refusal::Added(path.clone())));
    if !refusals.is_empty() {
        refusals.sort();
        return Err(refusals);
    }
    let files = signed.keys().filter(|path| path.starts_with(&folder(cluster))).count();
    Ok(Delivered { files, revision: said("revision"), created: said("created"), not_after: said("notAfter") })
}
