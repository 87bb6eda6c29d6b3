//! Volumes of the whole cluster that are folders of a node, and who claims them.
//!
//! In: nodes of manifests. Out: [`Folder`] and [`Claim`]. Pod Security does not look behind a claim, so that this is a way around it.

use ringfence_compiler::source::Span;
use ringfence_compiler::yaml::{Node, Value};

/// A PersistentVolume that is a folder of a node.
#[derive(Debug, Clone)]
pub struct Folder {
    /// Its name.
    pub name: String,
    /// The folder.
    pub path: String,
    /// Where that was written.
    pub span: Span,
    /// The class of storage it counts as; none where it says none.
    pub class: String,
    /// The claim it is kept for: namespace and name.
    pub kept_for: Option<(String, String)>,
}

/// A PersistentVolumeClaim.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claim {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The class of storage it asks for; `None` is what the cluster gives where nobody asks.
    pub class: Option<String>,
    /// The volume it asks for.
    pub volume: Option<String>,
}

impl Folder {
    pub(super) fn read(root: &Node, name: &str) -> Option<Self> {
        let spec = root.get("spec")?;
        let path = ["hostPath", "local"].iter().find_map(|kind| spec.get(kind)?.get("path"))?;
        let kept_for = spec.get("claimRef").and_then(|claim| {
            let text = |key: &str| claim.get(key).and_then(Node::as_str).map(str::to_owned);
            Some((text("namespace")?, text("name")?))
        });
        Some(Self {
            name: name.to_owned(),
            path: path.as_str()?.to_owned(),
            span: path.span,
            class: spec.get("storageClassName").and_then(Node::as_str).unwrap_or_default().to_owned(),
            kept_for,
        })
    }
}

impl Claim {
    /// Reads a claim, or the template of one.
    pub(super) fn read(root: &Node, namespace: &str, name: &str) -> Self {
        let said = |key: &str| {
            let node = root.get("spec").and_then(|spec| spec.get(key)).filter(|node| node.value != Value::Null);
            node.and_then(Node::as_str).map(str::to_owned)
        };
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            class: said("storageClassName"),
            volume: said("volumeName").filter(|name| !name.is_empty()),
        }
    }

    /// Tells whether a folder is surely what is claimed, or may be; `None` where it is not (kubernetes.io "Persistent Volumes", on how
    /// claims are bound).
    #[must_use]
    pub fn gets(&self, folder: &Folder) -> Option<bool> {
        if let Some((namespace, name)) = &folder.kept_for {
            // Claims that are made for each pod have names that begin with that of their template.
            let is_made = self.name.is_empty();
            return (*namespace == self.namespace && (is_made || *name == self.name)).then_some(!is_made);
        }
        if let Some(volume) = &self.volume {
            return (*volume == folder.name).then_some(true);
        }
        self.class.as_ref().is_none_or(|class| *class == folder.class).then_some(false)
    }
}
