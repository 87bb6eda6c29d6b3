//! What manifests tell of clusters and namespaces.
//!
//! In: a folder of rendered manifests. Out: [`Found`]. A folder that holds manifests directly is one cluster; otherwise
//! each folder in it is one. Manifests inside the new repository stay where they are, others are copied.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::inventory::Manifests;
use ringfence_compiler::shape::scalar::Text as _;
use ringfence_compiler::source::{SourceFile, Sources};
use ringfence_compiler::spec::names::Name;
use ringfence_compiler::tree::Tree as _;
use ringfence_compiler::yaml::{self, Profile};
use ringfence_verifier::deciding::Deciding;

use crate::exit::Failure;
use crate::tree::Directory;

/// The cluster of manifests that name none.
const ONE_CLUSTER: &str = "local";

/// Namespaces of the platform itself: a mistake there stops everybody.
const PLATFORM: [&str; 4] = ["istio-system", "kube-node-lease", "kube-public", "kube-system"];

/// What manifests tell.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Clusters by name.
    pub clusters: BTreeMap<String, Cluster>,
    /// Namespaces of the platform that hold workloads, as `cluster/namespace`.
    pub left_out: Vec<String>,
    /// How many of them decide who reaches whom: what they say is in no policy yet.
    pub policies: usize,
    /// Manifests to copy, by their path in the repository.
    pub copies: BTreeMap<String, String>,
    /// What was read.
    pub sources: Sources,
    /// What was said about it.
    pub diagnostics: Diagnostics,
}

/// A cluster as manifests show it.
#[derive(Debug, Default)]
pub(super) struct Cluster {
    /// The folder of its manifests from the root of the repository.
    pub folder: String,
    /// The namespaces that hold workloads.
    pub namespaces: BTreeSet<String>,
}

impl Found {
    /// Returns every namespace with the clusters it is in.
    pub(super) fn namespaces(&self) -> BTreeMap<&str, Vec<&str>> {
        let mut namespaces: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, cluster) in &self.clusters {
            for namespace in &cluster.namespaces {
                namespaces.entry(namespace).or_default().push(name);
            }
        }
        namespaces
    }
}

/// Reads the manifests in `folder` for a repository in `target`.
pub(super) fn find(folder: &Path, target: &Path) -> Result<Found, Failure> {
    let tree = Directory::open(folder).map_err(Failure::new)?;
    let mut paths = tree.list("").map_err(Failure::new)?;
    paths.retain(|path| path.ends_with(".yaml") || path.ends_with(".yml"));
    if paths.is_empty() {
        return Err(Failure::no_input(format!("`{}` holds no manifests", folder.display()))
            .help("put the rendered manifests of each cluster into a folder there, or leave `--inventory` out"));
    }
    let inside = below(folder, target)?;
    let is_one = paths.iter().any(|path| !path.contains('/'));
    let mut found = Found::default();
    let mut manifests: BTreeMap<String, Manifests> = BTreeMap::new();
    for path in paths {
        let (name, rest) = match path.split_once('/') {
            Some((name, rest)) if !is_one => (name.to_owned(), rest),
            _ => (ONE_CLUSTER.to_owned(), path.as_str()),
        };
        Name::parse(&name)
            .map_err(|error| Failure::new(error).help("a folder of manifests is named after its cluster"))?;
        let cluster = found.clusters.entry(name.clone()).or_default();
        cluster.folder = match &inside {
            Some(inside) if is_one => inside.clone(),
            Some(inside) => format!("{inside}/{name}"),
            None => format!("inventory/{name}"),
        };
        let bytes = tree.read(&path).map_err(Failure::new)?.unwrap_or_default();
        let place = format!("{}/{rest}", cluster.folder);
        let file = found.sources.add(SourceFile::new(&place, bytes));
        let into = manifests.entry(name).or_default();
        for document in yaml::read(&found.sources, file, Profile::Manifest, &mut found.diagnostics) {
            found.policies += usize::from(Deciding::of(&document.root).is_some());
            into.add(document.root, &mut found.diagnostics);
        }
        if inside.is_none() {
            found.copies.insert(place, found.sources.file(file).text().to_owned());
        }
    }
    for (name, manifests) in manifests {
        for workload in manifests.finish().workloads {
            if PLATFORM.contains(&workload.namespace.as_str()) {
                found.left_out.push(format!("{name}/{}", workload.namespace));
            } else if let Some(cluster) = found.clusters.get_mut(&name) {
                cluster.namespaces.insert(workload.namespace);
            }
        }
    }
    found.left_out.sort();
    found.left_out.dedup();
    Ok(found)
}

/// Returns the path of `folder` from `target`, with `/` between its parts; nothing where it lies elsewhere.
fn below(folder: &Path, target: &Path) -> Result<Option<String>, Failure> {
    let real =
        |path: &Path| fs::canonicalize(path).map_err(|error| Failure::new(format!("`{}`: {error}", path.display())));
    if !target.exists() {
        return Ok(None);
    }
    let (folder, target) = (real(folder)?, real(target)?);
    let Ok(below) = folder.strip_prefix(&target) else { return Ok(None) };
    let parts: Vec<_> = below.iter().filter_map(|part| part.to_str()).collect();
    if parts.is_empty() {
        return Err(Failure::new("the manifests lie in the root of the repository itself")
            .help("move them into a folder of their own, such as `inventory`"));
    }
    Ok(Some(parts.join("/")))
}
