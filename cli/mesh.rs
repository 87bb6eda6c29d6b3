//! The clusters a question is about.
//!
//! In: a folder: a policy project, which is compiled in memory, or plain manifests; as it lies on disk, or at a git
//! revision. Out: [`Meshes`]: what runs in each cluster, what decides there, and the facts that no manifest tells. Nothing is
//! proved here: `check` and `compile` do that.

mod drift;
mod edits;
mod kustomize;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use ringfence_compiler::compile::objects;
use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::diagnostics::ignores::Ignorable;
use ringfence_compiler::document::{Document, Policy};
use ringfence_compiler::inventory::{ClusterInventory, Manifests, Workload};
use ringfence_compiler::parse::{PROJECT_FILE, Parsed};
use ringfence_compiler::resolve::units::Unit;
use ringfence_compiler::resolve::world::Cluster;
use ringfence_compiler::resolve::{Governed, Resolved, resolve};
use ringfence_compiler::source::{FileId, SourceFile, Sources};
use ringfence_compiler::spec::cluster::ClusterSpec;
use ringfence_compiler::spec::names::Day;
use ringfence_compiler::spec::reference::NodePath;
use ringfence_compiler::yaml::{self, Node, Profile};
use ringfence_verifier::matrix::name;
use ringfence_verifier::model::Model;
use ringfence_verifier::policies::Policies;
use ringfence_verifier::surroundings::Surroundings;
use ringfence_verifier::translation::with_ungoverned;

pub use self::drift::{Drift, How};
use self::edits::Edits;
pub use self::edits::{can_go, gives_rights, is_of_cluster};
use self::kustomize::Unrendered;
use crate::args::Reading;
use crate::exit::Failure;
use crate::project::{Project, about, read_at, use_threads};
use crate::tree::Moment;

/// The facts that are assumed where nobody states them.
const ASSUMED: &str = "apiVersion: ringfence/v1alpha1\nkind: Cluster\nmetadata: {name: mesh}\nspec: {}\n";

/// What was read, before anything is looked up.
pub struct Input {
    /// Every text.
    pub sources: Sources,
    /// What was said while reading.
    pub diagnostics: Diagnostics,
    /// The folder that paths begin at.
    pub root: PathBuf,
    /// Texts that are no files of that folder as it is asked about.
    pub foreign: BTreeSet<FileId>,
    kind: Kind,
    edits: Edits,
}

enum Kind {
    /// A policy project; nothing where it cannot be read.
    Project(Option<Box<Parsed>>, Day),
    /// Manifests, and the facts about them.
    Manifests { roots: Vec<Node>, facts: Box<Document<ClusterSpec>>, assumed: bool, unrendered: Unrendered },
}

/// Clusters, ready to be asked about.
pub struct Meshes<'a> {
    /// Every text that was read.
    pub sources: &'a Sources,
    /// What was said.
    pub diagnostics: Diagnostics,
    /// The clusters; none where a policy has errors.
    pub clusters: Vec<Mesh<'a>>,
    /// What the policy tree means, where there is one.
    pub resolved: Option<Resolved<'a>>,
    /// Whether facts had to be assumed.
    pub assumed: bool,
    /// What has to be rendered before it says anything.
    pub unrendered: Unrendered,
    /// Whether objects were changed that policy does not say.
    changed: bool,
    /// The folder that paths begin at.
    pub root: &'a Path,
    /// The day a project is resolved for.
    pub as_of: Option<Day>,
}

/// One cluster: the facts, what runs and what decides.
pub struct Mesh<'a> {
    document: &'a Document<ClusterSpec>,
    inventory: Cow<'a, ClusterInventory>,
    policies: Policies,
}

impl Mesh<'_> {
    /// Returns its name.
    pub fn name(&self) -> &str {
        self.document.name()
    }

    /// Counts the objects of a kind of which nothing is read.
    pub fn count_of(&self, kind: &str) -> usize {
        self.inventory.foreign.get(kind).copied().unwrap_or_default()
    }

    /// Makes it ready to be asked as if other workloads ran.
    pub fn model_of<'i>(&'i self, inventory: &'i ClusterInventory) -> Model<'i> {
        Model::joining(Cluster { document: self.document, inventory }, &self.policies)
    }

    /// Makes it ready to be asked.
    pub fn model(&self) -> Model<'_> {
        Model::joining(Cluster { document: self.document, inventory: &self.inventory }, &self.policies)
    }
}

impl Meshes<'_> {
    /// Returns which findings about them may be silenced.
    pub fn ignorable(&self) -> Ignorable {
        if self.as_of.is_some() { Ignorable::Warnings } else { Ignorable::Findings }
    }

    /// Tells whether there is nobody in what was read, and nothing that decides about anybody.
    pub fn hold_nothing(&self) -> bool {
        self.clusters.iter().all(|mesh| mesh.inventory.workloads.is_empty() && mesh.policies.is_empty())
    }

    /// Refuses to answer where nothing runs: no line of an answer is not "nobody reaches anybody".
    ///
    /// # Errors
    /// When there is no workload, and nothing that is wrong says why.
    pub fn must_run(&self) -> Result<(), Failure> {
        let runs = self.clusters.iter().any(|mesh| !mesh.inventory.workloads.is_empty());
        if runs || self.clusters.is_empty() || self.diagnostics.has_errors() {
            return Ok(());
        }
        let failure = Failure::no_input("there are no workloads in what was read, so there is nobody to reach");
        Err(match self.unrendered.words() {
            Some(words) => failure.help(words),
            None => failure.help("name a folder with rendered manifests, Deployments and the like among them"),
        })
    }

    /// Returns what policy means for each workload, by where it lies in memory: many are asked about.
    pub fn governing(&self) -> BTreeMap<usize, &Governed<'_>> {
        let units = self.resolved.iter().filter(|_| !self.changed).flat_map(|resolved| &resolved.units);
        units
            .flat_map(|governed| {
                governed.unit.workloads.iter().map(move |it| (std::ptr::from_ref(*it).addr(), governed))
            })
            .collect()
    }

    /// Returns what a Service document says of how sensitive a workload is.
    pub fn sensitivity(&self, cluster: &str, workload: &str) -> Option<&str> {
        let resolved = self.resolved.as_ref()?;
        let units = resolved.units.iter().map(|governed| &governed.unit).filter(|unit| unit.cluster == cluster);
        let mut units = units.filter(|unit| unit.workloads.iter().any(|it| name(it) == workload));
        sensitivity(resolved, units.next()?)
    }

    /// Returns what policy means for a workload, where what is enforced is what was compiled.
    pub fn governed(&self, cluster: &str, workload: &Workload) -> Option<&Governed<'_>> {
        let mut units = self.resolved.as_ref().filter(|_| !self.changed)?.units.iter();
        units.find(|governed| {
            let unit = &governed.unit;
            unit.cluster == cluster && unit.workloads.iter().any(|one| std::ptr::eq(*one, workload))
        })
    }
}

impl Input {
    /// Reads a project or a folder of manifests; `facts` is a file with a `Cluster` document for the latter.
    ///
    /// # Errors
    /// When there is nothing to read, or the system refuses.
    pub fn open(place: Option<&Path>, facts: Option<&Path>, reading: &Reading) -> Result<Self, Failure> {
        let folder = place.unwrap_or(Path::new("."));
        let root = about(place, reading.moment());
        let is_project = root.is_some_and(|root| facts.is_none() || is_same(&root, folder));
        if is_project && facts.is_some() {
            return Err(Failure::new(format!(
                "`{}` is a policy project, whose Cluster documents say what `--facts` would",
                folder.display()
            ))
            .help("leave `--facts` out, or name the folder of its manifests"));
        }
        if is_project || place.is_none() {
            let Project { root, as_of, parsed, sources, diagnostics, .. } = Project::open(place, reading)?;
            let kind = Kind::Project(parsed.map(Box::new), as_of);
            return Ok(Self { sources, diagnostics, root, foreign: BTreeSet::new(), kind, edits: Edits::default() });
        }
        use_threads(reading.threads)?;
        Self::of_manifests(folder, facts, reading.moment())
    }

    /// Reads a folder or file of manifests, whatever lies around it.
    ///
    /// # Errors
    /// When there is nothing to read, or the system refuses.
    pub fn of_manifests(place: &Path, facts: Option<&Path>, moment: Moment<'_>) -> Result<Self, Failure> {
        let (folder, only) = match place.file_name().and_then(|name| name.to_str()).filter(|_| place.is_file()) {
            Some(name) => {
                (place.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new(".")), Some(name))
            }
            None => (place, None),
        };
        let (mut sources, mut diagnostics) = (Sources::new(), Diagnostics::new());
        let (tree, root) = (moment.open(folder).map_err(Failure::new)?, folder.to_owned());
        let mut files = Vec::new();
        let mut paths = tree.list("").map_err(Failure::new)?;
        paths.retain(|path| match only {
            Some(name) => path == name,
            None => path.ends_with(".yaml") || path.ends_with(".yml") || kustomize::is_one(path),
        });
        let unrendered = Unrendered::take(&*tree, &mut paths)?;
        for path in paths {
            if let Some(bytes) = tree.read(&path).map_err(Failure::new)? {
                files.push(sources.add(SourceFile::new(&path, bytes)));
            }
        }
        let read = files.par_iter().map(|file| {
            let mut said = Diagnostics::new();
            (yaml::read(&sources, *file, Profile::Manifest, &mut said), said)
        });
        let mut roots = Vec::new();
        for (documents, said) in read.collect::<Vec<_>>() {
            diagnostics.append(said);
            roots.extend(documents.into_iter().map(|document| document.root));
        }
        if facts.is_none()
            && let Some(policy) = roots.iter().find(|root| is_policy(root))
        {
            return Err(no_project(place, &sources, policy));
        }
        // What cannot be read is not what is not there.
        if roots.is_empty() && !diagnostics.has_errors() {
            return Err(Failure::no_input(format!("there are no manifests in `{}`", place.display())));
        }
        let (name, text) = match facts {
            None => ("assumed facts".to_owned(), ASSUMED.as_bytes().to_vec()),
            Some(file) => (file.display().to_string(), read_at(file, folder, moment)?),
        };
        let file = sources.add(SourceFile::new(&name, text));
        let facts_document = stated(&sources, file, None, &mut diagnostics)?;
        let kind = Kind::Manifests { roots, facts: Box::new(facts_document), assumed: facts.is_none(), unrendered };
        Ok(Self { sources, diagnostics, root, foreign: [file].into(), kind, edits: Edits::default() })
    }

    /// Takes the facts about manifests from the document of a cluster among others.
    ///
    /// # Errors
    /// When it is not there.
    pub fn state(&mut self, path: &str, text: &str, cluster: &str) -> Result<(), Failure> {
        let file = self.sources.add(SourceFile::new(path, text.as_bytes().to_vec()));
        let document = stated(&self.sources, file, Some(cluster), &mut self.diagnostics)?;
        self.foreign.insert(file);
        if let Kind::Manifests { facts, assumed, .. } = &mut self.kind {
            (**facts, *assumed) = (document, false);
        }
        Ok(())
    }

    /// Takes the facts about manifests from the only cluster of a project with which they are compared, so that both sides are of
    /// one cluster; nothing where that is no project, or has several.
    ///
    /// # Errors
    /// When its document cannot be read again.
    pub fn state_as(&mut self, other: &Self) -> Result<(), Failure> {
        let (Kind::Manifests { assumed: true, .. }, Kind::Project(Some(parsed), _)) = (&self.kind, &other.kind) else {
            return Ok(());
        };
        let [document] = parsed.policy.clusters.as_slice() else { return Ok(()) };
        let file = other.sources.file(document.span.file);
        self.state(file.path(), file.text(), document.name())
    }

    /// Returns the day a project is resolved for.
    pub fn as_of(&self) -> Option<Day> {
        match &self.kind {
            Kind::Project(_, as_of) => Some(*as_of),
            Kind::Manifests { .. } => None,
        }
    }

    /// Tells whether there is a policy tree.
    pub fn is_project(&self) -> bool {
        matches!(self.kind, Kind::Project(..))
    }

    /// Returns the folder of a project's policy, as paths begin with it.
    pub fn policy_folder(&self) -> Option<&str> {
        match &self.kind {
            Kind::Project(parsed, _) => Some(parsed.as_deref()?.project.policy_folder()),
            Kind::Manifests { .. } => None,
        }
    }

    /// Returns what the manifests of a cluster say beside who runs and what decides.
    pub fn surroundings(&self, cluster: &str) -> Surroundings {
        Surroundings::read(&self.edits.laid_over(self.manifests(cluster).into_iter()))
    }

    /// Returns the manifests of a cluster: its inventory in a project.
    fn manifests(&self, cluster: &str) -> Vec<Node> {
        match &self.kind {
            Kind::Manifests { roots, .. } => roots.clone(),
            Kind::Project(parsed, _) => {
                parsed.as_deref().map(|parsed| parsed.manifests(cluster, &self.sources)).unwrap_or_default()
            }
        }
    }

    /// Looks everything up: a project is resolved and compiled.
    pub fn meshes(&self) -> Meshes<'_> {
        let mut diagnostics = self.diagnostics.clone();
        let changed = !self.edits.is_empty();
        let (mut clusters, mut resolved, mut is_assumed) = (Vec::new(), None, false);
        let mut not_rendered = Unrendered::default();
        match &self.kind {
            Kind::Project(parsed, as_of) => {
                let read = parsed.as_deref().filter(|_| !diagnostics.has_errors());
                let whole = read.and_then(|parsed| {
                    let resolved = resolve(parsed, *as_of, &mut diagnostics).ok()?;
                    let objects = objects(&resolved, &self.sources, &mut diagnostics).ok()?;
                    Some((parsed, resolved, objects))
                });
                if let Some((parsed, tree, mut objects)) = whole {
                    let mut made = Vec::new();
                    for document in &parsed.policy.clusters {
                        if let Some(inventory) = parsed.inventory.clusters.get(document.name()) {
                            made.push((document, inventory, objects.remove(document.name()).unwrap_or_default()));
                        }
                    }
                    let read = made.into_par_iter().map(|(document, inventory, objects)| {
                        // An object has the place of the first statement that made it.
                        let roots = objects.into_iter().map(|object| {
                            let place = object.origins.first().map_or(document.span, |origin| origin.span);
                            Node::from_json(object.value, place)
                        });
                        let mut said = Diagnostics::new();
                        let policies = self.edits.policies(roots, &mut said);
                        let policies = with_ungoverned(policies, &tree.world, document.name());
                        (Mesh { document, inventory: Cow::Borrowed(inventory), policies }, said)
                    });
                    for (mesh, said) in read.collect::<Vec<_>>() {
                        clusters.push(mesh);
                        diagnostics.append(said);
                    }
                    resolved = Some(tree);
                }
            }
            Kind::Manifests { roots, facts, assumed, unrendered } => {
                is_assumed = *assumed;
                not_rendered = *unrendered;
                let mut manifests = Manifests::default();
                let roots = self.edits.laid_over(roots.iter().cloned());
                let policies = self.edits.read(&roots, &mut diagnostics);
                for root in roots {
                    manifests.add(root, &mut diagnostics);
                }
                clusters.push(Mesh { document: facts, inventory: Cow::Owned(manifests.finish()), policies });
            }
        }
        Meshes {
            sources: &self.sources,
            diagnostics,
            clusters,
            resolved,
            assumed: is_assumed,
            unrendered: not_rendered,
            changed,
            root: &self.root,
            as_of: self.as_of(),
        }
    }
}

/// Tells whether both are the same folder.
fn is_same(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

/// Returns what a Service document says of how sensitive the workloads of a unit are.
pub fn sensitivity<'m>(resolved: &Resolved<'m>, unit: &Unit<'m>) -> Option<&'m str> {
    let documents = unit.services.iter().filter_map(|index| resolved.world.services.get(*index)?.document);
    let mut said = documents.filter_map(|document| document.spec.sensitivity.as_ref());
    said.next().map(|word| word.value.0.as_str())
}

/// Tells whether a document is policy; facts about a cluster may lie beside its manifests.
fn is_policy(root: &Node) -> bool {
    let text = |field: &str| root.get(field).and_then(Node::as_str).unwrap_or_default();
    text("apiVersion").starts_with("ringfence/") && text("kind") != "Cluster"
}

/// Says that policy is no plain manifest: where nobody reads it as policy, nothing would be checked.
fn no_project(place: &Path, sources: &Sources, policy: &Node) -> Failure {
    let file = sources.file(policy.span.file).path();
    let failure = Failure::no_input(format!(
        "`{file}` in `{}` is policy, and no `ringfence.yaml` is there or above it",
        place.display()
    ));
    let folder = |path: &str| {
        let folder = path.strip_suffix(PROJECT_FILE)?;
        (folder.is_empty() || folder.ends_with('/')).then(|| place.join(folder))
    };
    let projects = sources.files().filter_map(|(_, file)| folder(file.path()));
    match projects.map(|folder| folder.display().to_string()).next() {
        Some(folder) => failure.help(format!("name the folder of a project: `{}`", folder.trim_end_matches('/'))),
        None => failure.help("put it back, or name the folder of the manifests alone"),
    }
}

/// Returns the document of a cluster in a file: the one of that name, or else the only one.
fn stated(
    sources: &Sources,
    file: FileId,
    named: Option<&str>,
    diagnostics: &mut Diagnostics,
) -> Result<Document<ClusterSpec>, Failure> {
    let name = sources.file(file).path();
    let mut policy = Policy::default();
    for document in yaml::read(sources, file, Profile::Policy, diagnostics) {
        // One that cannot be read has said so.
        let _ = policy.add(&NodePath::root(), &document.root, diagnostics);
    }
    let mut documents = policy.clusters.into_iter().filter(|document| named.is_none_or(|name| document.name() == name));
    let found = documents.next().ok_or_else(|| Failure::new(format!("`{name}` holds no Cluster document")))?;
    match documents.next() {
        Some(other) => Err(Failure::new(format!("`{name}` holds a second Cluster document, `{}`", other.name()))
            .help("manifests in one folder are of one cluster: keep its facts in a file of their own")),
        None => Ok(found),
    }
}

fn read_file(file: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(file).map_err(|error| Failure::new(format!("cannot read `{}`: {error}", file.display())))
}
