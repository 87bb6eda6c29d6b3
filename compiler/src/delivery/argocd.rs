//! What Argo CD fetches, verifies and applies.
//!
//! In: [`Delivery`] and a cluster. Out: a project that says what may be applied there and whose signatures count, and the
//! application. Read in argo-cd 3.5.7 and 3.4.3: manifests/crds, docs/user-guide/{source-integrity-git-gpg,sync-options,oci}.md,
//! util/sourceintegrity, pkg/apis/application/v1alpha1/app_project_types.go.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{ArgoCd, Cluster, Delivery, FOLDER, File, Trust, folder, metadata, name_of};
use crate::emit;
use crate::spec::delivery::Release;

/// Where Argo CD runs.
pub(super) const NAMESPACE: &str = "argocd";

/// The oldest version that anything here was read for.
pub const OLDEST: Release = Release { major: 3, minor: 0 };

/// The first version that fetches artifacts which are no charts.
pub const ARTIFACTS: Release = Release { major: 3, minor: 1 };

/// The first version with `sourceIntegrity` (its CRD has it in 3.5.7 and not in 3.4.3).
pub const SOURCE_INTEGRITY: Release = Release { major: 3, minor: 5 };

/// Returns the file of a cluster.
pub(super) fn file(delivery: &Delivery, cluster: &Cluster<'_>) -> Option<File> {
    let argocd = delivery.argocd.as_ref()?;
    let (url, source, is_verified) = match (&delivery.git, &delivery.oci) {
        (Some(git), _) => {
            let (branch, path) = (git.branch_of(cluster.name), git.path_of(cluster.name));
            (&git.url, Some(json!({ "repoURL": git.url, "targetRevision": branch, "path": path })), true)
        }
        // A tag may be moved by anybody who writes to the registry, and nobody would notice: without a digest there is no
        // application.
        (None, Some(oci)) => {
            let pinned = |digest| json!({ "repoURL": oci.url, "targetRevision": digest, "path": folder(cluster.name) });
            (&oci.url, cluster.digest.map(pinned), false)
        }
        (None, None) => return None,
    };
    let path = format!("{FOLDER}/argocd/{}.yaml", cluster.name);
    let about = about(&path, cluster.name, &delivery.trust, is_verified, source.is_some());
    let project = format!("{}-{}", argocd.project, cluster.name);
    let mut objects = vec![project_of(argocd, &project, url, cluster, is_verified.then_some(&delivery.trust))];
    objects.extend(source.map(|source| application(&project, cluster.name, source)));
    Some(File { path, about, objects })
}

fn about(path: &str, cluster: &str, trust: &Trust, is_verified: bool, has_source: bool) -> String {
    let mut about =
        format!("\nWhat Argo CD fetches, verifies and applies to the cluster that it knows as {cluster}.\n\n");
    about.push_str("Apply where Argo CD runs, in this order:\n\n");
    if is_verified && !trust.pgp.is_empty() {
        about.push_str(&format!(
            "  kubectl apply --server-side --field-manager=ringfence -f {FOLDER}/trust/argocd-keys.yaml   # trust\n"
        ));
    }
    about.push_str(&format!("  kubectl apply -f {path}   # project, then application\n\n"));
    about.push_str(if is_verified {
        "Argo CD verifies OpenPGP signatures of commits and nothing else: no SSH signature, no artifact. It verifies nothing\nwhere `ARGOCD_GPG_ENABLED` is `false`.\n"
    } else if has_source {
        "Argo CD does not verify artifacts. What is applied is what the digest below names: verify that before you apply this\n(`ringfence verify`, `cosign verify`).\n"
    } else {
        "Argo CD does not verify artifacts, so the application names the one it applies by its digest. That is known once the\nartifact is signed: until then there is no application below.\n"
    });
    about
}

/// The project: one source, one cluster, and the kinds that ringfence writes. The lists do not follow what is there today:
/// Argo CD leaves alone what a project does not permit (`IsLiveResourcePermitted`), so a kind or a namespace that is no longer
/// needed has to stay permitted for its objects to be pruned.
fn project_of(argocd: &ArgoCd, name: &str, url: &str, cluster: &Cluster<'_>, trust: Option<&Trust>) -> Value {
    let mut spec = json!({
        "description": format!("Policy of cluster {}, written by ringfence", cluster.name),
        "sourceRepos": [url],
        "destinations": [{ "name": cluster.name, "namespace": "*" }],
        "clusterResourceWhitelist": kinds(cluster, true),
        "namespaceResourceWhitelist": kinds(cluster, false),
    });
    let integrity = trust.map(|trust| integrity(argocd.version, trust));
    if let (Some(spec), Some((field, value))) = (spec.as_object_mut(), integrity) {
        spec.insert(field.to_owned(), value);
    }
    json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": metadata(name, NAMESPACE, Some(cluster.name)),
        "spec": spec,
    })
}

/// Returns the field of a project that says whose commits count. A source that no policy is about is not verified, and one
/// that two are about is refused (util/sourceintegrity/source_integrity.go): so there is one policy, about everything.
/// `strict` verifies every commit back to one that says `Argocd-gpg-seal`; `signatureKeys` only the last one.
fn integrity(version: Release, trust: &Trust) -> (&'static str, Value) {
    let of_files = trust.pgp.values().flat_map(|key| std::iter::once(&key.id).chain(&key.subkeys));
    let keys: BTreeSet<&String> = of_files.chain(&trust.pgp_ids).collect();
    if version >= SOURCE_INTEGRITY {
        let policy = json!({ "repos": [{ "url": "*" }], "gpg": { "mode": "strict", "keys": keys } });
        ("sourceIntegrity", json!({ "git": { "policies": [policy] } }))
    } else {
        ("signatureKeys", keys.into_iter().map(|id| json!({ "keyID": id })).collect())
    }
}

/// Returns the kinds that ringfence writes, and those of objects that somebody wrote by hand.
fn kinds(cluster: &Cluster<'_>, of_cluster: bool) -> Value {
    let ours = emit::KINDS.iter().filter(|(_, _, wide)| *wide == of_cluster).map(|(group, kind, _)| (*group, *kind));
    let there = cluster.objects.iter().filter(|object| object.namespace.is_none() == of_cluster);
    let there = there.map(|object| {
        let version = object.value.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
        (version.split_once('/').map_or("", |(group, _)| group), object.kind.as_str())
    });
    let kinds: BTreeSet<(&str, &str)> = ours.chain(there).collect();
    kinds.into_iter().map(|(group, kind)| json!({ "group": group, "kind": kind })).collect()
}

/// The application. It has no finalizer, so who deletes it deletes nothing of what it applied. Order comes from the waves on
/// the objects; what is gone is pruned after everything else is there (docs/user-guide/sync-options.md, "Prune Last"), an
/// object that another application owns fails the sync, and nothing is to be ignored.
fn application(project: &str, cluster: &str, source: Value) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": metadata(&name_of(cluster), NAMESPACE, Some(cluster)),
        "spec": {
            "project": project,
            "source": source,
            "destination": { "name": cluster },
            "syncPolicy": {
                "automated": { "prune": true, "selfHeal": true, "allowEmpty": false },
                "syncOptions": ["ServerSideApply=true", "PruneLast=true", "FailOnSharedResource=true"],
            },
        },
    })
}
