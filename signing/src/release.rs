//! Everything that is signed of one cluster.
//!
//! In: [`Work`], what was compiled and proved in this very run. Out: [`Release`]: the signature beside the files, the artifact with
//! its signatures and attestations. What is attested is true or not said at all: Flux takes any bundle by a trusted key with the
//! right digest for a signature, so that a signed "failed" would pass.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::artifact::{Artifact, MANIFEST};
use crate::bundle::Bundle;
use crate::digest::Digest;
use crate::json::with;
use crate::key::Signer;
use crate::layout::{Descriptor, INDEX, Layout};
use crate::legacy::{self, Signature};
use crate::lock::Lock;
use crate::referrers::{self, NO_CONFIG, Referrer};
use crate::statement::{DELIVERED, PROVENANCE, SIGNED, Statement, VERIFIED};

/// Who says it.
const TOOL: &str = "https://github.com/ringfence/ringfence";

/// Where the policy comes from. The same commit gives the same, on any machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The repository.
    pub source: Option<String>,
    /// The commit, 40 hexadecimal digits.
    pub revision: Option<String>,
    /// When that was made, as RFC 3339 has it, in UTC. Stands for the time of signing, which would be another on each run.
    pub created: Option<String>,
}

/// What is signed.
#[derive(Debug, Clone)]
pub struct Work<'a> {
    /// The cluster.
    pub cluster: &'a str,
    /// Every file of the output, by path; those of other clusters are passed over.
    pub files: &'a BTreeMap<String, String>,
    /// Where the policy comes from.
    pub origin: &'a Origin,
    /// The day it was resolved for.
    pub as_of: &'a str,
    /// What was proved of it, each a word in capitals.
    pub properties: &'a [String],
}

/// Everything that is signed of one cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Release {
    /// The cluster.
    pub cluster: String,
    /// The signature over every file.
    pub detached: Vec<u8>,
    /// The files as an artifact.
    pub artifact: Artifact,
    /// Bundles that refer to it: the signature, the provenance, and what was verified.
    pub referrers: Vec<Referrer>,
    /// The signature as older Flux wants it.
    pub legacy: Signature,
}

impl Release {
    /// Signs.
    ///
    /// # Errors
    /// When the signer refuses, or the files are not those of a cluster.
    pub fn sign(work: &Work<'_>, signer: &dyn Signer) -> Result<Self, String> {
        let text = work.files.get(&Lock::path(work.cluster)).ok_or("there is no lock of the cluster")?;
        let lock = Lock::read(text.as_bytes()).ok_or("the lock of the cluster is none")?;
        let own: BTreeMap<String, Digest> =
            work.of_cluster().into_iter().map(|(path, bytes)| (path.to_owned(), Digest::of(bytes))).collect();
        if lock.cluster != work.cluster || lock.files != own {
            return Err("the lock of the cluster is not of these files".to_owned());
        }
        let detached = Bundle::sign(work.delivered(&lock, text).bytes(), signer)?.bytes();
        let artifact = Artifact::of(&work.of_cluster(), work.origin, lock.not_after.as_deref())
            .map_err(|error| error.to_string())?;
        let subject = artifact.descriptor();
        let mut referrers = Vec::new();
        let said = [(SIGNED, json!({})), (PROVENANCE, work.provenance(&lock)), (VERIFIED, work.verified(&lock))];
        for (kind, predicate) in said {
            // What nobody can date or has proved is not said.
            if predicate.is_null() {
                continue;
            }
            let statement =
                Statement { subjects: vec![(None, subject.digest.clone())], kind: kind.to_owned(), predicate };
            let bundle = Bundle::sign(statement.bytes(), signer)?.bytes();
            referrers.push(Referrer::of(&subject, bundle, kind, work.origin));
        }
        let legacy = Signature::of(&subject.digest, signer)?;
        Ok(Self { cluster: work.cluster.to_owned(), detached, artifact, referrers, legacy })
    }

    /// Adds it to a layout, under the name of the cluster.
    ///
    /// # Errors
    /// When under a name that it needs lies something else.
    pub fn add_to(&self, layout: &mut Layout) -> Result<(), String> {
        let subject = self.artifact.descriptor();
        for blob in [&self.artifact.config, &self.artifact.layer, &self.artifact.manifest] {
            layout.add(blob);
        }
        layout.name(&self.cluster, &subject);
        layout.add(NO_CONFIG);
        for referrer in &self.referrers {
            layout.add(&referrer.bundle);
            layout.add(&referrer.manifest);
        }
        let entries: Vec<Value> = self.referrers.iter().map(|one| one.entry.clone()).collect();
        let name = referrers::list_name(&subject.digest);
        let index = referrers::merge(there(layout, &name)?.as_deref(), &entries)?;
        layout.add(&index);
        layout.name(&name, &Descriptor::of(INDEX, &index));
        let name = legacy::name(&subject.digest);
        let image = legacy::append(there(layout, &name)?.as_deref(), &self.legacy)?;
        for blob in [&self.legacy.payload, &image.config, &image.manifest] {
            layout.add(blob);
        }
        layout.name(&name, &Descriptor::of(MANIFEST, &image.manifest));
        Ok(())
    }
}

/// Returns the blob that a name stands for. A name without its blob is a fault that would lose what others signed.
fn there(layout: &Layout, name: &str) -> Result<Option<Vec<u8>>, String> {
    let Some(descriptor) = layout.named(name) else { return Ok(None) };
    let blob =
        layout.blob(&descriptor.digest).ok_or_else(|| format!("`{name}` names a blob that is missing or broken"))?;
    Ok(Some(blob.to_vec()))
}

/// The folder of a cluster in the output.
#[must_use]
pub fn folder(cluster: &str) -> String {
    format!("clusters/{cluster}/")
}

impl Work<'_> {
    /// Returns the files of the cluster, by their path from the output folder: what is fetched under the name of another cluster
    /// has nothing where that one's files are looked for.
    fn of_cluster(&self) -> BTreeMap<&str, &[u8]> {
        let folder = folder(self.cluster);
        let files = self.files.iter().filter(|(path, _)| path.starts_with(&folder));
        files.map(|(path, text)| (path.as_str(), text.as_bytes())).collect()
    }

    /// Says what was delivered: the lock and every file that it names.
    fn delivered(&self, lock: &Lock, text: &str) -> Statement {
        let own = (Some(Lock::path(self.cluster)), Digest::of(text.as_bytes()));
        let files = lock.files.iter().map(|(path, digest)| (Some(path.clone()), digest.clone()));
        let predicate = json!({
            "cluster": self.cluster,
            "tool": lock.tool,
            "notAfter": lock.not_after,
            "asOf": self.as_of,
            "source": self.origin.source,
            "revision": self.origin.revision,
            "created": self.origin.created,
        });
        let predicate = match &lock.step {
            Some(step) => with(predicate, "step", step.clone().into()),
            None => predicate,
        };
        Statement { subjects: std::iter::once(own).chain(files).collect(), kind: DELIVERED.to_owned(), predicate }
    }

    /// Says from what it was built: anybody can do so again and compare (slsa.dev/spec/v1.1/provenance).
    fn provenance(&self, lock: &Lock) -> Value {
        // A step is made of what was there as well, which no commit gives.
        if lock.step.is_some() {
            return Value::Null;
        }
        let mut from = Vec::new();
        if let Some(revision) = &self.origin.revision {
            let commit = json!({ "digest": { "gitCommit": revision } });
            from.push(match &self.origin.source {
                Some(source) => with(commit, "uri", format!("git+{source}").into()),
                None => commit,
            });
        }
        from.extend(
            lock.inputs.iter().map(|(path, digest)| json!({ "name": path, "digest": { "sha256": digest.hex() } })),
        );
        json!({
            "buildDefinition": {
                "buildType": format!("{TOOL}/compile/v1"),
                "externalParameters": { "cluster": self.cluster, "asOf": self.as_of },
                "resolvedDependencies": from,
            },
            "runDetails": { "builder": { "id": TOOL, "version": { "ringfence": lock.tool } } },
        })
    }

    /// Says what was proved; nothing where nothing was, or no commit gives it a time.
    fn verified(&self, lock: &Lock) -> Value {
        let (Some(created), false) = (&self.origin.created, self.properties.is_empty()) else { return Value::Null };
        let policy = |(path, digest): (&String, &Digest)| json!({ "name": path, "digest": { "sha256": digest.hex() } });
        let policies: Vec<Value> = lock.inputs.iter().map(policy).collect();
        let verifier = json!({ "id": format!("{TOOL}/proof/v1"), "policies": policies });
        json!({ "verifier": verifier, "timeCreated": created, "properties": self.properties })
    }
}
