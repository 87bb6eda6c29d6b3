//! Which file each object goes to, and the kustomizations that list them.
//!
//! In: the objects of a cluster. Out: texts by path. A kustomization lists what is there, sorted and by name: nothing is
//! globbed, so pruning is complete.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::text::text;
use crate::diagnostics::Diagnostics;
use crate::diagnostics::codes::lowering as code;
use crate::emit::{Object, Stage};
use crate::source::Span;

/// Tells whether the file of this path holds an object: it is in the folder of a cluster, and lists no others.
#[must_use]
pub fn is_object(path: &str) -> bool {
    path.starts_with("clusters/") && path.ends_with(".yaml") && !path.ends_with("/kustomization.yaml")
}

/// Writes the files of a cluster.
pub(super) fn files(cluster: &str, objects: &[Object], diagnostics: &mut Diagnostics) -> BTreeMap<String, String> {
    let root = format!("clusters/{cluster}");
    let mut files = BTreeMap::new();
    let mut makers: BTreeMap<String, Option<Span>> = BTreeMap::new();
    let mut folders: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for object in objects {
        let folder = folder(object);
        let name = file_name(object);
        let path = format!("{root}/{folder}/{name}");
        let span = object.origins.first().map(|origin| origin.span);
        // The file's name is the object's identity; the same object in the folder of another stage is no other object.
        if let Some(first) = makers.get(&name) {
            let message = format!("two objects would be {} `{}`", object.kind, object.name);
            let taken = match span {
                Some(span) => code::NAME_TAKEN.at(span, message).label("makes one of them"),
                None => code::NAME_TAKEN.nowhere(message),
            };
            let taken = first.iter().fold(taken, |taken, first| taken.and(*first, "makes the other"));
            diagnostics.report(taken.help("rename the service; names are compared without regard to case, and some are taken by what a whole namespace gets"));
            continue;
        }
        makers.insert(name.clone(), span);
        files.insert(path.clone(), text(&path, "", std::slice::from_ref(&object.value), diagnostics));
        list(&mut folders, &folder, &name);
    }
    kustomizations(&root, &folders, &mut files, diagnostics);
    files
}

/// Writes the files of objects that were read from files, each where it was.
pub(super) fn of_values(cluster: &str, objects: &BTreeMap<String, Value>) -> BTreeMap<String, String> {
    let root = format!("clusters/{cluster}");
    let (mut files, mut folders) = (BTreeMap::new(), BTreeMap::new());
    // They were written before, and read back then.
    let mut said = Diagnostics::new();
    for (path, object) in objects {
        files.insert(path.clone(), text(path, "", std::slice::from_ref(object), &mut said));
        if let Some((folder, name)) =
            path.strip_prefix(&root).and_then(|below| below.trim_start_matches('/').rsplit_once('/'))
        {
            list(&mut folders, folder, name);
        }
    }
    kustomizations(&root, &folders, &mut files, &mut said);
    files
}

/// Writes the kustomization of each folder.
fn kustomizations(
    root: &str,
    folders: &BTreeMap<String, BTreeSet<String>>,
    files: &mut BTreeMap<String, String>,
    diagnostics: &mut Diagnostics,
) {
    for (folder, resources) in folders {
        let path = if folder.is_empty() {
            format!("{root}/kustomization.yaml")
        } else {
            format!("{root}/{folder}/kustomization.yaml")
        };
        let kustomization =
            json!({ "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": resources });
        files.insert(path.clone(), text(&path, "", &[kustomization], diagnostics));
    }
}

/// Lists an entry in its folder, and each folder in the one above.
fn list(folders: &mut BTreeMap<String, BTreeSet<String>>, folder: &str, entry: &str) {
    folders.entry(folder.to_owned()).or_default().insert(entry.to_owned());
    if !folder.is_empty() {
        let (above, name) = folder.rsplit_once('/').unwrap_or(("", folder));
        list(folders, above, name);
    }
}

fn folder(object: &Object) -> String {
    match (object.stage, &object.namespace) {
        (Stage::Allow, Some(namespace)) => format!("{}/{namespace}", Stage::Allow.folder()),
        (stage, _) => stage.folder().to_owned(),
    }
}

fn file_name(object: &Object) -> String {
    let namespace = object.namespace.as_deref().unwrap_or("cluster");
    format!("{namespace}--{}--{}.yaml", object.kind, object.name).to_lowercase()
}
