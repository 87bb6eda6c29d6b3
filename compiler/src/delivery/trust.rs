//! The keys that controllers verify with, as the objects they read them from.
//!
//! In: [`Delivery`]. Out: a Secret for each kind of source of Flux, and the key ring of Argo CD. Public keys are no secrets,
//! so they stand there for all to read; Flux merely wants them in a Secret.

use std::collections::BTreeMap;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Map, Value, json};

use super::flux::{self, Source};
use super::{Delivery, FOLDER, File, argocd, metadata};

/// The Secret with keys for artifacts.
pub(super) const COSIGN: &str = "ringfence-cosign";

/// The Secret with keys for commits.
pub(super) const GIT: &str = "ringfence-git";

/// The ConfigMap that is the key ring of Argo CD (argo-cd 3.5, docs/user-guide/source-integrity-git-gpg.md, "Manage public
/// keys in declarative setup"); its labels are those of manifests/base/config/argocd-gpg-keys-cm.yaml there.
const KEY_RING: &str = "argocd-gpg-keys-cm";

/// Returns every file of keys that somebody needs.
pub(super) fn files(delivery: &Delivery) -> Vec<File> {
    let mut files = Vec::new();
    match flux::source(delivery) {
        Some(Source::Artifact(_)) => files.push(secret(COSIGN, "artifacts", cosign(delivery))),
        Some(Source::Branch(_)) => files.push(secret(GIT, "commits", git(delivery))),
        None => {}
    }
    files.extend(key_ring(delivery));
    files
}

/// Flux takes for keys of cosign what ends in `.pub` (source-controller 1.9, docs/spec/v1/ocirepositories.md, "Public keys
/// verification"). One key of them is enough.
fn cosign(delivery: &Delivery) -> BTreeMap<String, String> {
    delivery.trust.cosign.iter().map(|(name, key)| (format!("{name}.pub"), key.clone())).collect()
}

/// Flux takes for OpenPGP what ends in `.asc`, for SSH what ends in `.sshpub` (source-controller 1.9,
/// docs/spec/v1/gitrepositories.md, "Verification"); before 2.9 it would take the latter for OpenPGP as well.
fn git(delivery: &Delivery) -> BTreeMap<String, String> {
    let pgp = delivery.trust.pgp.iter().map(|(name, key)| (format!("{name}.asc"), key.text.clone()));
    let ssh = delivery.trust.ssh.iter().filter(|_| delivery.flux.is_some_and(|version| version >= flux::SSH));
    pgp.chain(ssh.map(|(name, keys)| (format!("{name}.sshpub"), keys.clone()))).collect()
}

fn secret(name: &str, signed: &str, keys: BTreeMap<String, String>) -> File {
    let path = format!("{FOLDER}/trust/flux-{}.yaml", name.trim_start_matches("ringfence-"));
    let about = format!(
        "\nThe public keys with which Flux verifies {signed}. Who can change this Secret decides what is applied:\nwhoever may not write policy should not be let near it.\n\nApply it first, to each cluster:\n\n  kubectl apply --server-side -f {path}\n"
    );
    // Not `stringData`: what is taken out of that stays in the Secret, and a key that was withdrawn would go on to count.
    let keys = keys.into_iter().map(|(name, key)| (name, BASE64_STANDARD.encode(key))).collect();
    let object = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(name, flux::NAMESPACE, None),
        "type": "Opaque",
        "data": texts(keys),
    });
    File { path, about, objects: vec![object] }
}

/// Returns the key ring of Argo CD, where that verifies commits and there is a file of some key.
fn key_ring(delivery: &Delivery) -> Option<File> {
    let verifies = delivery.argocd.is_some() && delivery.git.is_some();
    let keys: BTreeMap<String, String> =
        delivery.trust.pgp.values().map(|key| (key.id.clone(), key.text.clone())).collect();
    if !verifies || keys.is_empty() {
        return None;
    }
    let path = format!("{FOLDER}/trust/argocd-keys.yaml");
    let object = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": KEY_RING,
            "namespace": argocd::NAMESPACE,
            "labels": { "app.kubernetes.io/name": KEY_RING, "app.kubernetes.io/part-of": "argocd" },
        },
        "data": texts(keys),
    });
    let mut about = format!(
        "\nPublic keys for the key ring of Argo CD. They are added to what it holds: which of them count is for the project\nto say.\n\nApply it first, where Argo CD runs; without `--server-side` this may take keys of others away:\n\n  kubectl apply --server-side --field-manager=ringfence -f {path}\n"
    );
    let ids: Vec<&str> = delivery.trust.pgp_ids.iter().map(String::as_str).collect();
    if !ids.is_empty() {
        about.push_str(&format!(
            "\nOf these there is no file, so add them by hand (`argocd gpg add --from FILE`): {}\n",
            ids.join(", ")
        ));
    }
    Some(File { path, about, objects: vec![object] })
}

fn texts(keys: BTreeMap<String, String>) -> Value {
    keys.into_iter().map(|(name, key)| (name, Value::from(key))).collect::<Map<_, _>>().into()
}
