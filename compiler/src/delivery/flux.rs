//! What Flux fetches, verifies and applies.
//!
//! In: [`Delivery`] and a cluster. Out: one source with its verification, and a Kustomization for each stage, each after the
//! one before. Read in source-controller 1.9.6 (docs/spec/v1/{ocirepositories,gitrepositories}.md, the bases of its CRDs,
//! CHANGELOG.md) and kustomize-controller 1.9.6 (docs/spec/v1/kustomizations.md,
//! internal/controller/kustomization_controller.go, CHANGELOG.md), both part of Flux 2.9.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Cluster, Delivery, FOLDER, File, Git, OF_CLUSTER, Oci, folder, metadata, name_of, trust};
use crate::emit::Stage;
use crate::spec::delivery::Release;

/// Where Flux runs.
pub(super) const NAMESPACE: &str = "flux-system";

/// The oldest version: OCIRepository is `v1` from here on (source-controller, CHANGELOG.md, 1.6.0), and `deletionPolicy` is
/// there since the one before (kustomize-controller, CHANGELOG.md, 1.5.0).
pub const OLDEST: Release = Release { major: 2, minor: 6 };

/// The first version that verifies SSH signatures (source-controller, CHANGELOG.md, 1.9.0).
pub const SSH: Release = Release { major: 2, minor: 9 };

/// How long a stage may take to be applied and found well.
const TIMEOUT: &str = "5m";

/// What Flux fetches.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source<'a> {
    /// The artifact.
    Artifact(&'a Oci),
    /// The branch.
    Branch(&'a Git),
}

/// Returns what Flux fetches: the artifact where there is one, else the branch; nothing where there is no Flux.
pub(super) fn source(delivery: &Delivery) -> Option<Source<'_>> {
    delivery.flux?;
    let artifact = delivery.oci.as_ref().map(Source::Artifact);
    artifact.or_else(|| delivery.git.as_ref().map(Source::Branch))
}

/// Returns the file of a cluster.
pub(super) fn file(delivery: &Delivery, cluster: &Cluster<'_>) -> Option<File> {
    let source = source(delivery)?;
    let (kind, folder, keys) = match source {
        Source::Artifact(_) => (ARTIFACT, folder(cluster.name), trust::COSIGN),
        Source::Branch(git) => (BRANCH, git.path_of(cluster.name), trust::GIT),
    };
    let mut objects = vec![match source {
        Source::Artifact(oci) => artifact(delivery, oci, cluster.name),
        Source::Branch(git) => branch(delivery, git, cluster.name),
    }];
    let mut before: Option<String> = None;
    let stages: BTreeSet<Stage> = cluster.objects.iter().map(|object| object.stage).collect();
    for stage in stages {
        let name = format!("{}-{}", name_of(cluster.name), stage.folder());
        objects.push(stage_of(delivery, cluster.name, stage, kind, &folder, before.as_deref()));
        before = Some(name);
    }
    let path = format!("{FOLDER}/flux/{}.yaml", cluster.name);
    let about = about(&path, cluster.name, kind, keys);
    Some(File { path, about, objects })
}

fn about(path: &str, cluster: &str, kind: &str, keys: &str) -> String {
    let (source, kind, keys) = (name_of(cluster), kind.to_lowercase(), keys.trim_start_matches("ringfence-"));
    format!(
        "
What Flux fetches, verifies and applies to cluster {cluster}.

Apply to that cluster, in this order:

  kubectl apply --server-side -f {FOLDER}/trust/flux-{keys}.yaml   # trust: the public keys
  kubectl apply -f {path}   # source and stages

The source comes first below. Nothing is applied of a source that is not verified:

  kubectl -n {NAMESPACE} wait {kind}/{source} --for=condition=SourceVerified --timeout=2m
  kubectl -n {NAMESPACE} wait kustomization -l {OF_CLUSTER}={cluster} --for=condition=Ready --timeout=10m

A stage that is no longer listed here fails in the cluster, and what it applied stays, until it is taken away:

  kubectl -n {NAMESPACE} apply -f {path} -l {OF_CLUSTER}={cluster} --prune --prune-allowlist={KUSTOMIZE}/Kustomization
"
    )
}

const KUSTOMIZE: &str = "kustomize.toolkit.fluxcd.io/v1";
const SOURCES: &str = "source.toolkit.fluxcd.io/v1";
const ARTIFACT: &str = "OCIRepository";
const BRANCH: &str = "GitRepository";

/// An OCIRepository. The artifact has one layer, so none is selected. It moves with the tag: its signature, not its digest,
/// says whether it is applied (docs/spec/v1/ocirepositories.md, "Verification").
fn artifact(delivery: &Delivery, oci: &Oci, cluster: &str) -> Value {
    let mut object = json!({
        "apiVersion": SOURCES,
        "kind": ARTIFACT,
        "metadata": metadata(&name_of(cluster), NAMESPACE, Some(cluster)),
        "spec": {
            "interval": delivery.interval,
            "url": oci.url,
            "ref": { "tag": cluster },
            "verify": { "provider": "cosign", "secretRef": { "name": trust::COSIGN } },
        },
    });
    credentials(&mut object, oci.secret.as_deref());
    object
}

/// A GitRepository. `HEAD` verifies the commit that the branch points to, and none before it
/// (docs/spec/v1/gitrepositories.md, "Verification"); that commit holds every file.
fn branch(delivery: &Delivery, git: &Git, cluster: &str) -> Value {
    let mut object = json!({
        "apiVersion": SOURCES,
        "kind": BRANCH,
        "metadata": metadata(&name_of(cluster), NAMESPACE, Some(cluster)),
        "spec": {
            "interval": delivery.interval,
            "url": git.url,
            "ref": { "branch": git.branch_of(cluster) },
            "verify": { "mode": "HEAD", "secretRef": { "name": trust::GIT } },
        },
    });
    credentials(&mut object, git.secret.as_deref());
    object
}

fn credentials(object: &mut Value, secret: Option<&str>) {
    let spec = object.get_mut("spec").and_then(Value::as_object_mut);
    if let (Some(secret), Some(spec)) = (secret, spec) {
        spec.insert("secretRef".to_owned(), json!({ "name": secret }));
    }
}

/// A Kustomization, after the one before: `dependsOn` waits until that is ready at the same revision of the same source
/// (`checkDependencies`), and `wait` makes ready mean that every object is well. There is no `targetNamespace`, which would
/// move objects.
fn stage_of(delivery: &Delivery, cluster: &str, stage: Stage, kind: &str, folder: &str, before: Option<&str>) -> Value {
    let source = name_of(cluster);
    let name = format!("{source}-{}", stage.folder());
    let path = if folder == "." { format!("./{}", stage.folder()) } else { format!("./{folder}/{}", stage.folder()) };
    let mut spec = json!({
        "interval": delivery.interval,
        "timeout": TIMEOUT,
        "sourceRef": { "kind": kind, "name": source },
        "path": path,
        "prune": true,
        "wait": true,
    });
    if let Some(spec) = spec.as_object_mut() {
        // Who deletes a Kustomization deletes what it applied, unless it says so. What closes stays; what opens goes along.
        if matches!(stage, Stage::Identity | Stage::Deny | Stage::DefaultDeny) {
            spec.insert("deletionPolicy".to_owned(), "Orphan".into());
        }
        if let Some(before) = before {
            spec.insert("dependsOn".to_owned(), json!([{ "name": before }]));
        }
    }
    json!({ "apiVersion": KUSTOMIZE, "kind": "Kustomization", "metadata": metadata(&name, NAMESPACE, Some(cluster)), "spec": spec })
}
