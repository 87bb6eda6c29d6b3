//! From a tree of files to documents and manifests.
//!
//! In: a [`Tree`]. Out: [`Parsed`]: the policy documents, each with its node, and the inventory of each cluster. Every file
//! is read on every core; a broken one gives its errors and the rest is still read.

mod delivery;
mod expand;
mod places;

use std::collections::BTreeSet;

use rayon::prelude::*;

use crate::delivery::Delivery;
use crate::diagnostics::codes::parse as code;
use crate::diagnostics::{Diagnostics, Reported};
use crate::document::{self, Document, Policy};
use crate::inventory::{Inventory, Manifests};
use crate::level::Level;
use crate::source::{FileId, SourceFile, Sources};
use crate::spec::cluster::ClusterSpec;
use crate::spec::project::ProjectSpec;
use crate::spec::reference::NodePath;
use crate::tree::Tree;
use crate::yaml::{self, Node, Profile};

/// The file that makes a folder a policy repository.
pub const PROJECT_FILE: &str = "ringfence.yaml";

/// Everything a repository says, before anything is looked up.
#[derive(Debug)]
pub struct Parsed {
    /// `ringfence.yaml`.
    pub project: Document<ProjectSpec>,
    /// The policy tree.
    pub policy: Policy,
    /// What runs where.
    pub inventory: Inventory,
    /// Where the output is published and who fetches it, if anybody.
    pub delivery: Option<Delivery>,
}

/// The folders a project names, or their defaults.
impl Document<ProjectSpec> {
    /// Returns the folder of the policy tree.
    #[must_use]
    pub fn policy_folder(&self) -> &str {
        self.spec.policy.as_ref().map_or("policy", |folder| folder.value.trim_end_matches('/'))
    }

    /// Returns the folder of the inventories.
    #[must_use]
    pub fn inventory_folder(&self) -> &str {
        self.spec.inventory.as_ref().map_or("inventory", |folder| folder.value.trim_end_matches('/'))
    }

    /// Returns the folder of the inventory of a cluster.
    #[must_use]
    pub fn inventory_of(&self, cluster: &Document<ClusterSpec>) -> String {
        match &cluster.spec.inventory {
            Some(folder) => folder.value.trim_end_matches('/').to_owned(),
            None => format!("{}/{}", self.inventory_folder(), cluster.name()),
        }
    }

    /// Returns the folder that `compile` writes.
    #[must_use]
    pub fn output_folder(&self) -> &str {
        self.spec.output.as_ref().map_or("out", |folder| folder.value.trim_end_matches('/'))
    }
}

/// Reads a whole repository.
///
/// # Errors
/// When something was reported: every file has been read all the same.
pub fn parse(tree: &dyn Tree, sources: &mut Sources, diagnostics: &mut Diagnostics) -> Result<Parsed, Reported> {
    let project = read_project(tree, sources, diagnostics)?;
    let files = add_folder(tree, project.policy_folder(), sources, diagnostics);
    let folder = project.policy_folder();
    let (mut policy, mut broken) = (Policy::default(), BTreeSet::new());
    for (file, (documents, said)) in files.iter().zip(read_all(sources, &files, Profile::Policy)) {
        let mut is_broken = said.has_errors();
        diagnostics.append(said);
        let path = sources.file(*file).path();
        let node = node_of(folder, path);
        for root in documents {
            // A document with errors has said so; the rest of its file is still read.
            is_broken |= policy.add(&node, &root.root, diagnostics).is_err();
        }
        if is_broken && Level::ALL.iter().any(|level| path.ends_with(&format!("/{}", level.file()))) {
            broken.insert(node);
        }
    }
    expand::all(&mut policy, sources, diagnostics);
    places::check(&policy, &broken, sources, diagnostics);
    let inventory = read_inventory(tree, &project, &policy, sources, diagnostics);
    let delivery = delivery::read(tree, &project.spec, &policy, sources, diagnostics);
    diagnostics.check()?;
    Ok(Parsed { project, policy, inventory, delivery })
}

impl Parsed {
    /// Reads the manifests of a cluster once more, of which little is kept; what is wrong with them has been said.
    #[must_use]
    pub fn manifests(&self, cluster: &str, sources: &Sources) -> Vec<Node> {
        let mut documents = self.policy.clusters.iter();
        let Some(document) = documents.find(|document| document.name() == cluster) else { return Vec::new() };
        let files: Vec<FileId> = sources.within(&self.project.inventory_of(document)).collect();
        let read = read_all(sources, &files, Profile::Manifest);
        read.into_iter().flat_map(|(documents, _)| documents).map(|document| document.root).collect()
    }
}

fn read_project(
    tree: &dyn Tree,
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> Result<Document<ProjectSpec>, Reported> {
    let missing =
        || code::UNREADABLE.nowhere(format!("there is no `{PROJECT_FILE}` here")).help("`ringfence init` makes one");
    let file = add_file(tree, PROJECT_FILE, sources, diagnostics).ok_or_else(|| diagnostics.report(missing()))?;
    let documents = yaml::read(sources, file, Profile::Policy, diagnostics);
    diagnostics.check()?;
    let mut documents = documents.into_iter();
    let Some(first) = documents.next() else {
        return Err(diagnostics.report(code::UNREADABLE.nowhere(format!("`{PROJECT_FILE}` is empty"))));
    };
    if let Some(second) = documents.next() {
        let duplicate = code::DUPLICATE_DOCUMENT.at(second.root.span, format!("`{PROJECT_FILE}` holds one document"));
        return Err(diagnostics.report(duplicate.label("a second one")));
    }
    let project = document::read_project(&first.root, diagnostics)?;
    let folders = [&project.spec.policy, &project.spec.inventory, &project.spec.output];
    for folder in folders.into_iter().flatten() {
        let parts: Vec<_> = folder.value.trim_end_matches('/').split('/').collect();
        if parts.iter().any(|part| part.is_empty() || *part == "." || *part == "..") {
            let invalid =
                code::INVALID_VALUE.at(folder.span, format!("`{}` is not a folder of this repository", folder.value));
            diagnostics
                .report(invalid.label("not a path below this file").help("write a relative path without `.` and `..`"));
        }
    }
    diagnostics.check()?;
    Ok(project)
}

fn read_inventory(
    tree: &dyn Tree,
    project: &Document<ProjectSpec>,
    policy: &Policy,
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> Inventory {
    let mut inventory = Inventory::default();
    for cluster in &policy.clusters {
        let folder = project.inventory_of(cluster);
        let files = add_folder(tree, &folder, sources, diagnostics);
        if files.is_empty() {
            let empty = &crate::diagnostics::codes::inventory::EMPTY;
            let span = cluster.spec.inventory.as_ref().map_or(cluster.metadata.name.span, |folder| folder.span);
            diagnostics.report(
                empty.at(span, format!("the inventory of cluster `{}` is empty", cluster.name())).label(format!("no manifests in `{folder}`")).help(
                    "put the rendered manifests of the cluster there, or a `kubectl get … -o yaml` dump: without them no workload is known",
                ),
            );
        }
        let mut manifests = Manifests::default();
        for (documents, said) in read_all(sources, &files, Profile::Manifest) {
            diagnostics.append(said);
            for document in documents {
                manifests.add(document.root, diagnostics);
            }
        }
        let mut found = manifests.finish();
        let machines = policy.virtual_machines.iter();
        machines
            .filter(|document| document.spec.cluster.value.0 == cluster.name())
            .for_each(|it| found.add_machine(it));
        inventory.clusters.insert(cluster.name().to_owned(), found);
    }
    inventory
}

/// Reads files on every core and returns what each holds and says, in order.
fn read_all(sources: &Sources, files: &[FileId], profile: Profile) -> Vec<(Vec<yaml::Document>, Diagnostics)> {
    files
        .par_iter()
        .map(|file| {
            let mut said = Diagnostics::new();
            let documents = yaml::read(sources, *file, profile, &mut said);
            (documents, said)
        })
        .collect()
}

fn add_folder(tree: &dyn Tree, folder: &str, sources: &mut Sources, diagnostics: &mut Diagnostics) -> Vec<FileId> {
    let paths = tree.list(folder).unwrap_or_else(|error| {
        diagnostics.report(code::UNREADABLE.nowhere(error.to_string()));
        Vec::new()
    });
    let is_yaml = |path: &&String| path.ends_with(".yaml") || path.ends_with(".yml");
    for path in paths.iter().filter(|path| !is_yaml(path) && looks_read(path)) {
        diagnostics.report(
            code::IGNORED_FILE
                .nowhere(format!("`{path}` is not read"))
                .help("files that end in `.yaml` or `.yml` are: rename it, or move it elsewhere"),
        );
    }
    paths.iter().filter(is_yaml).filter_map(|path| add_file(tree, path, sources, diagnostics)).collect()
}

/// Tells whether a file's name suggests that it holds documents: `deny.YAML`, `deny.yaml.bak`, `pods.json`.
fn looks_read(path: &str) -> bool {
    let name = path.rsplit_once('/').map_or(path, |(_, name)| name).to_ascii_lowercase();
    name.contains(".yaml") || name.contains(".yml") || name.ends_with(".json")
}

fn add_file(tree: &dyn Tree, path: &str, sources: &mut Sources, diagnostics: &mut Diagnostics) -> Option<FileId> {
    match tree.read(path) {
        Ok(bytes) => bytes.map(|bytes| sources.add(SourceFile::new(path, bytes))),
        Err(error) => {
            diagnostics.report(code::UNREADABLE.nowhere(error.to_string()));
            None
        }
    }
}

/// Returns the node whose folder holds `path`: `policy/a/b/x.yaml` is `/a/b`.
fn node_of(folder: &str, path: &str) -> NodePath {
    let below = path.strip_prefix(folder).unwrap_or(path).trim_start_matches('/');
    match below.rsplit_once('/') {
        Some((folders, _)) => NodePath(format!("/{folders}")),
        None => NodePath::root(),
    }
}
