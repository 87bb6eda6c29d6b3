//! What a platform team applies by hand, once, so that Flux and Argo CD verify the output and keep it applied.
//!
//! In: [`Delivery`], where the output is published and whose signatures count, and the objects of a cluster. Out: files
//! below `delivery/`, by path. It exists so that nobody writes by hand what a signature depends on. Nothing here signs, and
//! nothing here is part of what is signed: these files say whom to trust, so they come from the policy repository alone.

pub mod argocd;
pub mod flux;
pub mod openpgp;
pub mod pem;
pub mod ssh;
pub mod trust;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::compile::text::text;
use crate::diagnostics::Diagnostics;
use crate::emit::{MANAGED_BY, Object};
use crate::spec::delivery::{CLUSTER, Release};

/// The folder of everything here.
pub const FOLDER: &str = "delivery";

/// Where the output is published, whose signatures count and who fetches it: settled, with every key at hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The repository with a branch a cluster.
    pub git: Option<Git>,
    /// The registry with an artifact a cluster.
    pub oci: Option<Oci>,
    /// Whose signatures count.
    pub trust: Trust,
    /// The version of Flux, where that fetches the output.
    pub flux: Option<Release>,
    /// Argo CD, where that fetches the output.
    pub argocd: Option<ArgoCd>,
    /// How often Flux looks.
    pub interval: String,
}

/// A repository that holds the output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Git {
    /// Its address.
    pub url: String,
    /// The branch, with `{cluster}` for the name of a cluster.
    pub branch: String,
    /// The folder on it, likewise.
    pub path: String,
    /// The Secret with credentials.
    pub secret: Option<String>,
}

impl Git {
    /// Returns the branch of a cluster.
    #[must_use]
    pub fn branch_of(&self, cluster: &str) -> String {
        self.branch.replace(CLUSTER, cluster)
    }

    /// Returns the folder of a cluster.
    #[must_use]
    pub fn path_of(&self, cluster: &str) -> String {
        self.path.replace(CLUSTER, cluster)
    }
}

/// A registry that holds the output. The artifact of a cluster is tagged with its name, and holds its folder: nobody who looks for
/// the files of one cluster finds those of another that was signed as well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Oci {
    /// The address, with `oci://`.
    pub url: String,
    /// The Secret with credentials.
    pub secret: Option<String>,
}

/// Argo CD as it is installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArgoCd {
    /// Its version.
    pub version: Release,
    /// What the names of projects begin with.
    pub project: String,
}

/// Whose signatures count. Public keys only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust {
    /// PEM by the name of its file without extension.
    pub cosign: BTreeMap<String, String>,
    /// OpenPGP keys, likewise.
    pub pgp: BTreeMap<String, openpgp::PublicKey>,
    /// Ids of OpenPGP keys of which there is no file.
    pub pgp_ids: BTreeSet<String>,
    /// SSH keys, one a line as in `authorized_keys`, likewise.
    pub ssh: BTreeMap<String, String>,
}

/// A cluster and what is compiled for it.
#[derive(Debug, Clone, Copy)]
pub struct Cluster<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its objects.
    pub objects: &'a [Object],
    /// The digest of its artifact, `sha256:` and 64 hexadecimal digits; only who signs knows it.
    pub digest: Option<&'a str>,
}

/// Returns the folder of a cluster in its artifact, as in the output.
fn folder(cluster: &str) -> String {
    format!("clusters/{cluster}")
}

/// Writes what all clusters share: the keys.
pub fn shared(delivery: &Delivery, diagnostics: &mut Diagnostics) -> BTreeMap<String, String> {
    trust::files(delivery).iter().map(|file| file.written(diagnostics)).collect()
}

/// Writes what is applied for one cluster; nothing where nothing was compiled for it.
pub fn of_cluster(
    delivery: &Delivery,
    cluster: &Cluster<'_>,
    diagnostics: &mut Diagnostics,
) -> BTreeMap<String, String> {
    if cluster.objects.is_empty() {
        return BTreeMap::new();
    }
    let files = [flux::file(delivery, cluster), argocd::file(delivery, cluster)];
    files.into_iter().flatten().map(|file| file.written(diagnostics)).collect()
}

/// A file to apply.
pub(crate) struct File {
    path: String,
    about: String,
    objects: Vec<Value>,
}

impl File {
    /// Writes it down.
    fn written(&self, diagnostics: &mut Diagnostics) -> (String, String) {
        (self.path.clone(), text(&self.path, &self.about, &self.objects, diagnostics))
    }
}

/// The label that tells the objects of a cluster from those of others.
const OF_CLUSTER: &str = "ringfence/cluster";

/// Returns the metadata of an object of a cluster, or of all clusters.
fn metadata(name: &str, namespace: &str, cluster: Option<&str>) -> Value {
    let mut labels = json!({ "app.kubernetes.io/managed-by": MANAGED_BY });
    if let (Some(cluster), Some(labels)) = (cluster, labels.as_object_mut()) {
        labels.insert(OF_CLUSTER.to_owned(), cluster.into());
    }
    json!({ "name": name, "namespace": namespace, "labels": labels })
}

/// Returns the name of what belongs to a cluster as a whole.
fn name_of(cluster: &str) -> String {
    format!("{MANAGED_BY}-{cluster}")
}
