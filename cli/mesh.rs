//! The clusters a question is about.
//!
//! In: a folder: a policy project, which is compiled in memory, or plain manifests. Out: [`Meshes`]: what runs in each
//! cluster, what decides there, and the facts that no manifest tells.

use std::path::Path;

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::document::{Document, Policy};
use ringfence_compiler::source::{SourceFile, Sources};
use ringfence_compiler::spec::cluster::ClusterSpec;
use ringfence_compiler::spec::reference::NodePath;
use ringfence_compiler::tree::Tree as _;
use ringfence_compiler::yaml::{self, Profile};
use ringfence_verifier::model::Objects;
use ringfence_verifier::surroundings::Surroundings;
use ringfence_verifier::translation;

use crate::args::Reading;
use crate::commands::judge;
use crate::exit::Failure;
use crate::project::Project;
use crate::tree::{Directory, find_project};

/// The facts that are assumed where nobody states them.
const ASSUMED: &str = "apiVersion: ringfence/v1alpha1\nkind: Cluster\nmetadata: {name: mesh}\nspec: {}\n";

/// Clusters, ready to be asked about.
pub struct Meshes {
    /// Every text that was read.
    pub sources: Sources,
    /// What was said while reading.
    pub diagnostics: Diagnostics,
    /// The facts about each cluster, and its objects; none where a policy has errors.
    pub clusters: Vec<(Document<ClusterSpec>, Objects)>,
    /// What else plain manifests say.
    pub surroundings: Surroundings,
    /// Whether facts had to be assumed.
    pub assumed: bool,
}

impl Meshes {
    /// Reads a project or a folder of manifests; `facts` is a file with a `Cluster` document for the latter.
    ///
    /// # Errors
    /// When there is nothing to read, or the system refuses.
    pub fn open(place: Option<&Path>, facts: Option<&Path>, reading: &Reading) -> Result<Self, Failure> {
        let folder = place.unwrap_or(Path::new("."));
        let is_project = facts.is_none() && find_project(folder).is_ok();
        if is_project || place.is_none() { Self::of_project(place, reading) } else { Self::of_manifests(folder, facts) }
    }

    fn of_project(place: Option<&Path>, reading: &Reading) -> Result<Self, Failure> {
        let mut project = Project::open(place, reading)?;
        let mut judged = judge(&mut project);
        let mut clusters = Vec::new();
        if let (Some((compiled, _)), Some(parsed)) = (&judged.outcome, project.parsed) {
            let mut inventories = parsed.inventory.clusters;
            for document in parsed.policy.clusters {
                let policies = translation::read(document.name(), compiled, &mut judged.diagnostics);
                if let Some(inventory) = inventories.remove(document.name()) {
                    clusters.push((document, Objects { inventory, policies }));
                }
            }
        }
        Ok(Self {
            sources: judged.sources,
            diagnostics: judged.diagnostics,
            clusters,
            surroundings: Surroundings::default(),
            assumed: false,
        })
    }

    fn of_manifests(folder: &Path, facts: Option<&Path>) -> Result<Self, Failure> {
        let (mut sources, mut diagnostics) = (Sources::new(), Diagnostics::new());
        let tree = Directory::open(folder).map_err(Failure::new)?;
        let mut roots = Vec::new();
        for path in tree.list("").map_err(Failure::new)? {
            if !path.ends_with(".yaml") && !path.ends_with(".yml") {
                continue;
            }
            let Some(bytes) = tree.read(&path).map_err(Failure::new)? else { continue };
            let file = sources.add(SourceFile::new(&path, bytes));
            let documents = yaml::read(&sources, file, Profile::Manifest, &mut diagnostics);
            roots.extend(documents.into_iter().map(|document| document.root));
        }
        if roots.is_empty() {
            return Err(Failure::no_input(format!("there are no manifests in `{}`", folder.display())));
        }
        let text = match facts {
            None => ASSUMED.as_bytes().to_vec(),
            Some(file) => std::fs::read(file)
                .map_err(|error| Failure::new(format!("cannot read `{}`: {error}", file.display())))?,
        };
        let name = facts.map_or("assumed facts".to_owned(), |file| file.display().to_string());
        let file = sources.add(SourceFile::new(&name, text));
        let mut policy = Policy::default();
        for document in yaml::read(&sources, file, Profile::Policy, &mut diagnostics) {
            // One that cannot be read has said so.
            let _ = policy.add(&NodePath::root(), &document.root, &mut diagnostics);
        }
        let surroundings = Surroundings::read(&roots);
        let objects = Objects::read(roots, &mut diagnostics);
        let document = policy.clusters.into_iter().next();
        let document = document.ok_or_else(|| Failure::new(format!("`{name}` holds no Cluster document")))?;
        Ok(Self { sources, diagnostics, clusters: vec![(document, objects)], surroundings, assumed: facts.is_none() })
    }
}
