//! From what this run compiled and proved to what it signs.
//!
//! In: a project, what came of it, a key. Out: signatures beside the files and an OCI layout. Nothing is signed that this very run
//! has not read, proved and emitted, nor from texts that no commit holds, unless somebody says so.

pub mod branch;
pub mod folder;
pub mod keys;
pub mod known;
pub mod layout;
mod origin;
mod program;

use std::collections::BTreeMap;
use std::path::Path;

use ringfence_compiler::compile::Compiled;
use ringfence_compiler::source::Sources;
use ringfence_signing::key::{PublicKey, Signer};
use ringfence_signing::lock::Lock;
use ringfence_signing::release::{self, Origin, Release, Work};
use ringfence_signing::verify::{Trust, artifact};

use crate::args::Signing;
use crate::exit::Failure;
use crate::project::Project;
use crate::summary::Summary;

pub use self::origin::time;

/// Signs what was compiled for each cluster.
///
/// # Errors
/// When the texts are not those of a commit, or the key cannot be used.
pub fn sign(
    project: &Project,
    sources: &Sources,
    (compiled, summary): (&Compiled, &Summary),
    args: &Signing,
    signer: &dyn Signer,
) -> Result<Vec<Release>, Failure> {
    let origin = origin::of(project, sources, args)?;
    let (as_of, properties) = (project.as_of.to_string(), summary.properties());
    let release = |cluster: &String| {
        let work = Work { cluster, files: &compiled.files, origin: &origin, as_of: &as_of, properties: &properties };
        Release::sign(&work, signer)
            .map_err(|error| Failure::new(format!("cannot sign for cluster `{cluster}`: {error}")))
    };
    compiled.objects.keys().map(release).collect()
}

/// Returns where a project comes from.
///
/// # Errors
/// When the texts are not those of a commit, and nobody said that this does not matter.
pub fn origin(project: &Project, sources: &Sources, args: &Signing) -> Result<Origin, Failure> {
    origin::of(project, sources, args)
}

/// Puts the signatures among the files that are written, and the digests of artifacts where they are named.
pub fn add_to(compiled: &mut Compiled, releases: &[Release]) {
    for release in releases {
        let text = String::from_utf8_lossy(&release.detached).into_owned();
        compiled.files.insert(Lock::signature_path(&release.cluster), text);
    }
    let digest = |release: &Release| (release.cluster.clone(), release.artifact.descriptor().digest.to_string());
    pin(compiled, &releases.iter().map(digest).collect());
}

/// Names artifacts by their digests, where something names them.
pub fn pin(compiled: &mut Compiled, digests: &BTreeMap<String, String>) {
    let Compiled { files, pinned, .. } = compiled;
    files.extend(pinned.iter().filter_map(|(cluster, pinned)| Some(pinned.with(digests.get(cluster)?))));
}

/// Returns the digest of the artifact of each cluster in an output folder that holds these very files and that one of these keys
/// signed: its signature stays valid, and with it what names it. Where nobody names a key, whoever signed it did.
///
/// # Errors
/// When there is a layout that cannot be read.
pub fn there(
    out: &Path,
    files: &BTreeMap<String, String>,
    keys: &[PublicKey],
) -> Result<BTreeMap<String, String>, Failure> {
    let layout = layout::read(&out.join(layout::FOLDER))?;
    // Until when it holds is no matter: it is about these files either way.
    let trust = Trust { keys, today: "", newest: None };
    let is_as_signed = |cluster: &str| {
        let lock = Lock::path(cluster);
        let is_same = std::fs::read(out.join(&lock))
            .is_ok_and(|there| files.get(&lock).is_some_and(|text| text.as_bytes() == there));
        let own = files.iter().filter(|(path, _)| path.starts_with(&release::folder(cluster)));
        let own = own.map(|(path, text)| (path.clone(), text.clone().into_bytes())).collect();
        let is_signed = keys.is_empty() || artifact::check(cluster, &layout, &trust).is_ok();
        is_same
            && is_signed
            && artifact::holds(cluster, &layout, &own)
            && out.join(Lock::signature_path(cluster)).is_file()
    };
    let names: Vec<&str> = layout.names().filter(|name| is_as_signed(name)).collect();
    Ok(names.into_iter().filter_map(|name| Some((name.to_owned(), layout.named(name)?.digest.to_string()))).collect())
}
