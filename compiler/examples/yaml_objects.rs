//! Shows what our YAML reader finds in emitted files, so that another reader can be compared with it.
//!
//! In: a folder. Out, on standard output: one JSON object that maps the path of each YAML file below the folder to the
//! value of its only document. See `tests/oracle/roundtrip.py`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test driver: whatever goes wrong should stop it"
)]

use std::path::{Path, PathBuf};

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::source::{SourceFile, Sources};
use ringfence_compiler::yaml::{Profile, read};
use serde_json::{Map, Value};

fn main() {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap());
    let mut paths = Vec::new();
    walk(&folder, &mut paths);
    paths.sort();
    let objects: Map<String, Value> = paths
        .iter()
        .map(|path| (path.strip_prefix(&folder).unwrap().to_str().unwrap().to_owned(), only_document(path)))
        .collect();
    println!("{}", Value::Object(objects));
}

fn only_document(path: &Path) -> Value {
    let mut sources = Sources::new();
    let file = sources.add(SourceFile::new(path.to_str().unwrap(), std::fs::read(path).unwrap()));
    let mut diagnostics = Diagnostics::new();
    // What we emit has to pass our own strict reading too.
    let documents = read(&sources, file, Profile::Policy, &mut diagnostics);
    match documents.as_slice() {
        [document] if !diagnostics.has_errors() => document.root.to_json(),
        _ => panic!("{}: {} documents, {diagnostics:?}", path.display(), documents.len()),
    }
}

/// Hidden folders hold no manifests.
fn walk(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && !name.starts_with('.') {
            walk(&path, paths);
        } else if name.ends_with(".yaml") || name.ends_with(".yml") {
            paths.push(path);
        }
    }
}
