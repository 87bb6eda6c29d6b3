//! What the reader takes, the schemas take, and nothing else.
//!
//! In: the files of `schemas/examples`, faults made in them, the fixtures, and texts nobody thought of. Out: a failure
//! that shows what reader and schema disagree about. An editor that accepts what the compiler refuses is worse than none.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

mod examples;
mod mutations;
mod patterns;
mod repositories;

use std::fs;
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::document::{self, Policy};
use ringfence_compiler::schema;
use ringfence_compiler::source::{SourceFile, Sources};
use ringfence_compiler::spec::reference::NodePath;
use ringfence_compiler::yaml::{self, Profile};
use serde_json::Value;

/// A kind, its schema, and its examples.
struct Kind {
    /// The name in `kind`.
    name: &'static str,
    /// The schema as a value.
    schema: Value,
    /// The schema as an editor uses it.
    validator: Validator,
    /// Its examples: the name of the file and its text.
    examples: Vec<(String, String)>,
}

impl Kind {
    /// Returns the examples whose names begin so.
    fn examples(&self, prefix: &str) -> impl Iterator<Item = (&str, &str)> {
        let examples = self.examples.iter().filter(move |(name, _)| name.starts_with(prefix));
        examples.map(|(name, text)| (name.as_str(), text.as_str()))
    }

    /// Reads a text that is one document; returns it as JSON with the codes of what the reader says.
    fn read(&self, text: &str) -> (Value, Vec<&'static str>) {
        let mut sources = Sources::new();
        let file = sources.add(SourceFile::new("example.yaml", text.into()));
        let mut said = Diagnostics::new();
        let documents = yaml::read(&sources, file, Profile::Policy, &mut said);
        let [document] = documents.as_slice() else {
            panic!("{} documents, {:?}, in\n{text}", documents.len(), said.sorted(&sources));
        };
        let accepted = if self.name == document::PROJECT {
            document::read_project(&document.root, &mut said).is_ok()
        } else {
            Policy::default().add(&NodePath::root(), &document.root, &mut said).is_ok()
        };
        assert_eq!(accepted, !said.has_errors(), "{text}");
        (document.root.to_json(), said.sorted(&sources).iter().map(|said| said.code().id).collect())
    }
}

/// Returns every kind, that of `ringfence.yaml` included.
fn kinds() -> Vec<Kind> {
    let all = document::schemas().into_iter().chain([(document::PROJECT, document::project_schema())]);
    let kind = |(name, schema): (&'static str, Value)| {
        let validator = jsonschema::validator_for(&schema).unwrap();
        Kind { name, schema, validator, examples: files(&folder().join(schema::kebab(name))) }
    };
    all.map(kind).collect()
}

/// Returns the schema of any policy document as an editor uses it.
fn any_kind() -> Validator {
    jsonschema::validator_for(&document::any_schema()).unwrap()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/examples")
}

fn files(folder: &Path) -> Vec<(String, String)> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries
        .map(|entry| {
            let entry = entry.unwrap();
            (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap())
        })
        .collect();
    files.sort();
    files
}
