//! Files that mean something only when they are rendered.
//!
//! In: the paths of a folder. Out: the same without kustomizations and the patches that these name, and how many there were. A
//! patch looks like an object and is none, and what a kustomization adds (a namespace, labels) nobody else knows.

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::source::{SourceFile, Sources};
use ringfence_compiler::tree::Tree;
use ringfence_compiler::yaml::{self, Node, Profile};

use crate::exit::Failure;
use crate::summary::counted;

/// The names that a kustomization has.
const NAMES: [&str; 2] = ["kustomization.yaml", "kustomization.yml"];

/// How many files are not read because nobody rendered them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unrendered {
    kustomizations: usize,
    patches: usize,
}

impl Unrendered {
    /// Takes such files out of a list.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn take(tree: &dyn Tree, paths: &mut Vec<String>) -> Result<Self, Failure> {
        let is_one = |path: &String| NAMES.contains(&path.rsplit('/').next().unwrap_or_default());
        let (kustomizations, rest): (Vec<String>, Vec<String>) = paths.drain(..).partition(is_one);
        let mut patches = Vec::new();
        for path in &kustomizations {
            if let Some(bytes) = tree.read(path).map_err(Failure::new)? {
                patches.extend(named(path, bytes));
            }
        }
        let before = rest.len();
        paths.extend(rest.into_iter().filter(|path| !patches.contains(path)));
        Ok(Self { kustomizations: kustomizations.len(), patches: before - paths.len() })
    }

    /// Says in words what is missing; nothing where nothing is.
    pub fn words(self) -> Option<String> {
        let patches = match self.patches {
            0 => String::new(),
            1 => " and 1 patch".to_owned(),
            some => format!(" and {some} patches"),
        };
        let are = if self.kustomizations + self.patches == 1 { "is" } else { "are" };
        (self.kustomizations > 0).then(|| {
            format!(
                "{}{patches} {are} not rendered: run `kustomize build` and look at what it makes",
                counted(self.kustomizations, "kustomization")
            )
        })
    }
}

/// Returns the files that a kustomization names as patches.
fn named(path: &str, bytes: Vec<u8>) -> Vec<String> {
    let (mut sources, mut said) = (Sources::new(), Diagnostics::new());
    let file = sources.add(SourceFile::new(path, bytes));
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut named = Vec::new();
    for document in yaml::read(&sources, file, Profile::Manifest, &mut said) {
        for list in ["patches", "patchesStrategicMerge", "patchesJson6902"] {
            let items = document.root.get(list).and_then(Node::as_sequence).unwrap_or_default();
            let files = items.iter().filter_map(|item| item.as_str().or_else(|| item.get("path")?.as_str()));
            named.extend(files.map(|file| below(folder, file)));
        }
    }
    named
}

/// Joins a folder and a path from there.
fn below(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => _ = parts.pop(),
            part => parts.push(part),
        }
    }
    parts.join("/")
}
