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
const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Tells whether a path is that of a kustomization.
pub fn is_one(path: &str) -> bool {
    NAMES.contains(&path.rsplit('/').next().unwrap_or_default())
}

/// How many files are not read because nobody rendered them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unrendered {
    kustomizations: usize,
    patches: usize,
    /// Kustomizations that cannot be read: nobody knows the patches they name.
    broken: usize,
}

impl Unrendered {
    /// Takes such files out of a list.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn take(tree: &dyn Tree, paths: &mut Vec<String>) -> Result<Self, Failure> {
        let (kustomizations, rest): (Vec<String>, Vec<String>) = paths.drain(..).partition(|path| is_one(path));
        let (mut patches, mut broken) = (Vec::new(), 0);
        for path in &kustomizations {
            if let Some(bytes) = tree.read(path).map_err(Failure::new)? {
                match named(path, bytes) {
                    Some(named) => patches.extend(named),
                    None => broken += 1,
                }
            }
        }
        let before = rest.len();
        paths.extend(rest.into_iter().filter(|path| !patches.contains(path)));
        Ok(Self { kustomizations: kustomizations.len(), patches: before - paths.len(), broken })
    }

    /// Says in words what is missing; nothing where nothing is.
    pub fn words(self) -> Option<String> {
        let patches = match self.patches {
            0 => String::new(),
            1 => " and 1 patch".to_owned(),
            some => format!(" and {some} patches"),
        };
        let are = if self.kustomizations + self.patches == 1 { "is" } else { "are" };
        let broken = match self.broken {
            0 => String::new(),
            some => format!(
                "; warning: {} cannot be read, so that patches named there are taken for objects",
                counted(some, "kustomization")
            ),
        };
        (self.kustomizations > 0).then(|| {
            format!(
                "{}{patches} {are} not rendered: run `kustomize build` and look at what it makes{broken}",
                counted(self.kustomizations, "kustomization")
            )
        })
    }
}

/// Returns the files that a kustomization names as patches; `None` where it cannot be read.
fn named(path: &str, bytes: Vec<u8>) -> Option<Vec<String>> {
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
    (!said.has_errors()).then_some(named)
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
