//! Runs the whole compiler on a folder or on files given in a test.

#![allow(dead_code, reason = "each test file uses its part")]
#![expect(clippy::disallowed_methods, reason = "tests read fixtures; the library does not")]

use std::collections::BTreeMap;
use std::path::Path;

use ringfence_compiler::compile::{Compiled, compile};
use ringfence_compiler::diagnostics::{Diagnostics, Severity};
use ringfence_compiler::parse::parse;
use ringfence_compiler::resolve::resolve;
use ringfence_compiler::shape::scalar::Text;
use ringfence_compiler::source::Sources;
use ringfence_compiler::spec::names::Day;

/// A repository in memory.
pub type Files = BTreeMap<String, Vec<u8>>;

/// What became of a run.
pub struct Outcome {
    pub sources: Sources,
    pub diagnostics: Diagnostics,
    pub compiled: Option<Compiled>,
}

impl Outcome {
    /// Lists what was said, a line each, notes left out, with the second place where there is one.
    pub fn said(&self) -> String {
        let lines =
            self.diagnostics.sorted(&self.sources).into_iter().filter(|said| said.code().severity != Severity::Note);
        let line = |said: &ringfence_compiler::diagnostics::Diagnostic| {
            let mut places =
                said.labels().iter().map(|label| format!("{} ({})", self.sources.place(label.span), label.text));
            let first = places.next().unwrap_or_else(|| "-".to_owned());
            let rest: String = places.map(|place| format!("\n    {place}")).collect();
            let help = said.help_text().map(|help| format!("\n    help: {help}")).unwrap_or_default();
            format!("{}[{}] {}\n    {first}{rest}{help}\n", said.code().severity.word(), said.code().id, said.message())
        };
        lines.map(line).collect()
    }

    /// Returns the `spec` of the emitted file whose name has this in it.
    pub fn emitted(&self, file: &str) -> String {
        let compiled = self.compiled.as_ref().unwrap_or_else(|| panic!("{}", self.said()));
        let found = compiled.files.iter().find(|(path, _)| path.contains(file));
        let (_, text) = found.unwrap_or_else(|| panic!("no {file} in {:?}", compiled.files.keys()));
        text.split_once("\nspec:").unwrap().1.trim_start_matches('\n').to_owned()
    }

    /// Returns the ids of the errors.
    pub fn errors(&self) -> Vec<&'static str> {
        let sorted = self.diagnostics.sorted(&self.sources);
        sorted.into_iter().filter(|said| said.code().severity == Severity::Error).map(|said| said.code().id).collect()
    }
}

/// Compiles a repository for a day.
pub fn run(files: &Files, day: &str) -> Outcome {
    let mut sources = Sources::new();
    let mut diagnostics = Diagnostics::new();
    let mut compiled = None;
    if let Ok(parsed) = parse(files, &mut sources, &mut diagnostics)
        && let Ok(resolved) = resolve(&parsed, Day::parse(day).unwrap(), &mut diagnostics)
    {
        compiled = compile(&resolved, &sources, &mut diagnostics).ok();
    }
    Outcome { sources, diagnostics, compiled }
}

/// Reads a folder of the repository.
pub fn folder(path: &str) -> Files {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    let mut files = Files::new();
    walk(&root, &root, &mut files);
    files
}

fn walk(root: &Path, folder: &Path, files: &mut Files) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(root, &path, files);
        } else {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
            files.insert(name, std::fs::read(&path).unwrap());
        }
    }
}

/// Makes a repository of one text: `=== path` lines begin its files.
pub fn files(text: &str) -> Files {
    let mut files = Files::new();
    for part in text.split("=== ").skip(1) {
        let (path, body) = part.split_once('\n').unwrap();
        files.insert(path.trim().to_owned(), body.as_bytes().to_vec());
    }
    files
}
