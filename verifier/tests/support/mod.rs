//! Meshes out of texts, for tests.

#[allow(dead_code, reason = "not every test asks for it")]
pub mod judge;
#[allow(dead_code, reason = "not every test makes worlds up")]
pub mod worlds;

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::document::{Document, Policy};
use ringfence_compiler::source::{SourceFile, Sources};
use ringfence_compiler::spec::cluster::ClusterSpec;
use ringfence_compiler::spec::reference::NodePath;
use ringfence_compiler::yaml::{self, Profile};
use ringfence_verifier::model::{Model, Objects};
use ringfence_verifier::surroundings::Surroundings;

/// Clusters that were read: the facts about each, and its objects.
pub struct Clusters(Vec<(Document<ClusterSpec>, Objects)>);

impl Clusters {
    /// Reads clusters, each of the `spec` of its facts and its manifests; panics where one is broken.
    pub fn read(clusters: &[(&str, &str)]) -> Self {
        let names = ["east", "west", "north"];
        let read = |(name, (spec, manifests)): (&str, &(&str, &str))| {
            let (mut sources, mut said) = (Sources::new(), Diagnostics::new());
            let facts =
                format!("apiVersion: ringfence/v1alpha1\nkind: Cluster\nmetadata: {{name: {name}}}\nspec: {spec}\n");
            let file = sources.add(SourceFile::new("cluster.yaml", facts.into_bytes()));
            let facts = yaml::read(&sources, file, Profile::Policy, &mut said);
            let mut policy = Policy::default();
            policy.add(&NodePath::root(), &facts.first().unwrap().root, &mut said).unwrap();
            let file = sources.add(SourceFile::new("mesh.yaml", manifests.as_bytes().to_vec()));
            let documents = yaml::read(&sources, file, Profile::Manifest, &mut said);
            let objects = Objects::read_unasked(documents.into_iter().map(|document| document.root), &mut said);
            assert!(!said.has_errors(), "{manifests}\n{:?}", said.sorted(&sources));
            (policy.clusters.remove(0), objects)
        };
        Self(names.into_iter().zip(clusters).map(read).collect())
    }

    /// Reads what manifests say beside who runs and what decides.
    #[allow(dead_code, reason = "not every test asks for it")]
    pub fn around(manifests: &str) -> Surroundings {
        let mut sources = Sources::new();
        let file = sources.add(SourceFile::new("mesh.yaml", manifests.as_bytes().to_vec()));
        let documents = yaml::read(&sources, file, Profile::Manifest, &mut Diagnostics::new());
        Surroundings::read(&documents.into_iter().map(|document| document.root).collect::<Vec<_>>())
    }

    /// Returns the facts about the first cluster.
    #[allow(dead_code, reason = "not every test asks for it")]
    pub fn facts(&self) -> &Document<ClusterSpec> {
        &self.0.first().unwrap().0
    }

    /// Returns what can be asked.
    pub fn models(&self) -> Vec<Model<'_>> {
        self.0.iter().map(|(document, objects)| Model::of(document, objects)).collect()
    }
}
