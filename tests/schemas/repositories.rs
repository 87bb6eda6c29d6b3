//! The policy of every whole repository among the fixtures.
//!
//! Those of `fixtures/broken` are left out: most are broken where no schema looks.

use std::path::Path;

use jsonschema::Validator;
use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::document;
use ringfence_compiler::source::{SourceFile, Sources};
use ringfence_compiler::yaml::{self, Profile};

use super::any_kind;

/// Where repositories stand side by side.
const FOLDERS: [&str; 2] = ["fixtures", "tests/conformance"];

#[test]
fn fixtures_fit_the_schemas() {
    let (any, project) = (any_kind(), jsonschema::validator_for(&document::project_schema()).unwrap());
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut checked = 0;
    for repository in FOLDERS.iter().flat_map(|folder| below(&root.join(folder))) {
        if !repository.join("ringfence.yaml").is_file() {
            continue;
        }
        checked += check(&repository.join("ringfence.yaml"), &project);
        let mut folders = vec![repository.join("policy")];
        while let Some(folder) = folders.pop() {
            for path in below(&folder) {
                match path.extension() {
                    _ if path.is_dir() => folders.push(path),
                    Some(extension) if extension == "yaml" => checked += check(&path, &any),
                    _ => {}
                }
            }
        }
    }
    assert!(checked > 50, "only {checked} documents were found");
}

/// Checks every document of a file and returns how many there are.
fn check(path: &Path, schema: &Validator) -> usize {
    let mut sources = Sources::new();
    let file = sources.add(SourceFile::new(&path.display().to_string(), std::fs::read(path).unwrap()));
    let documents = yaml::read(&sources, file, Profile::Policy, &mut Diagnostics::new());
    for document in &documents {
        let faults: Vec<_> = schema.iter_errors(&document.root.to_json()).map(|error| error.to_string()).collect();
        assert!(faults.is_empty(), "{}: {faults:?}", sources.place(document.root.span));
    }
    documents.len()
}

fn below(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}
