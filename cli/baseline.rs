//! Findings that were there before somebody began to look.
//!
//! In: a file that an earlier run wrote, and what is found now. Out: what is new. It exists so that an old mesh can have the gate
//! from the first day: the file says what is known, one finding a line of review, and goes with the code. What fails a policy
//! project, or cannot be read, is never known.

use std::collections::BTreeMap;
use std::path::Path;

use ringfence_compiler::diagnostics::ignores::Ignorable;
use ringfence_compiler::diagnostics::{Diagnostic, Diagnostics};
use ringfence_compiler::source::Sources;
use serde_json::{Value, json};
use std::borrow::Cow;

use crate::exit::Failure;
use crate::report::identity::identified;

/// What is known.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    /// The code of each finding, by its id.
    known: BTreeMap<String, Entry>,
}

/// A finding as a reader of the file wants it.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    code: String,
    path: String,
    line: usize,
    message: String,
}

impl Entry {
    fn of(diagnostic: &Diagnostic, sources: &Sources) -> Self {
        let place = diagnostic.span().map(|span| (sources.file(span.file), span.start));
        Self {
            code: diagnostic.code().id.to_owned(),
            path: place.map(|(file, _)| file.path().to_owned()).unwrap_or_default(),
            line: place.map(|(file, start)| file.position(start).0).unwrap_or_default(),
            message: diagnostic.message().to_owned(),
        }
    }

    /// Tells whether it says the same as another, wherever in the file that is.
    fn says(&self, other: &Self) -> bool {
        (&self.code, &self.path, &self.message) == (&other.code, &other.path, &other.message)
    }
}

/// What became of what is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Taken {
    /// So many are there still.
    pub there: usize,
    /// So many are gone.
    pub gone: usize,
}

impl Baseline {
    /// Reads what a run wrote.
    ///
    /// # Errors
    /// When it is no such file.
    pub fn read(name: &str, bytes: &[u8]) -> Result<Self, Failure> {
        let wrong = |why: &str| {
            Failure::new(format!("`{name}` is no baseline: {why}"))
                .help("`ringfence check --write-baseline FILE` writes one")
        };
        let document: Value = serde_json::from_slice(bytes).map_err(|error| wrong(&error.to_string()))?;
        if document.get("version") != Some(&json!(1)) {
            return Err(wrong("it is not of version 1"));
        }
        let list =
            document.get("findings").and_then(Value::as_array).ok_or_else(|| wrong("it has no list of findings"))?;
        let mut known = BTreeMap::new();
        for one in list {
            let text = |key: &str| one.get(key).and_then(Value::as_str).map(str::to_owned);
            let line = one.get("line").and_then(Value::as_u64).and_then(|line| usize::try_from(line).ok());
            let (Some(id), Some(code), Some(path), Some(message), Some(line)) =
                (text("id"), text("code"), text("path"), text("message"), line)
            else {
                return Err(wrong("a finding has no id, code, path, line or message"));
            };
            known.insert(id, Entry { code, path, line, message });
        }
        Ok(Self { known })
    }

    /// Takes what was found for known.
    pub fn of(found: &Diagnostics, sources: &Sources, which: Ignorable) -> Self {
        let entry = |(id, diagnostic): (String, Cow<'_, Diagnostic>)| (id, Entry::of(&diagnostic, sources));
        let all = all(found, sources).into_iter();
        Self { known: all.filter(|(_, diagnostic)| which.allows(diagnostic.code())).map(entry).collect() }
    }

    /// Writes it down, in the order of places.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn write(&self, file: &Path) -> Result<(), Failure> {
        let mut list: Vec<(&String, &Entry)> = self.known.iter().collect();
        list.sort_by_key(|(id, it)| (it.path.clone(), it.line, it.code.clone(), (*id).clone()));
        let one = |(id, it): (&String, &Entry)| json!({ "id": id, "code": it.code, "path": it.path, "line": it.line, "message": it.message });
        let document = json!({ "version": 1, "findings": list.into_iter().map(one).collect::<Vec<_>>() });
        std::fs::write(file, format!("{document:#}\n"))
            .map_err(|error| Failure::new(format!("cannot write `{}`: {error}", file.display())))
    }

    /// Leaves out what is known. An entry that says something else than the finding of its id knows nothing: somebody has read, and
    /// agreed to, what it says.
    pub fn leave(&self, found: &Diagnostics, sources: &Sources, which: Ignorable) -> (Diagnostics, Taken) {
        let (mut rest, mut there) = (Diagnostics::new(), 0);
        for (id, diagnostic) in all(found, sources) {
            let entry = Entry::of(&diagnostic, sources);
            if which.allows(diagnostic.code()) && self.known.get(&id).is_some_and(|known| known.says(&entry)) {
                there += 1;
            } else {
                rest.report(diagnostic.into_owned());
            }
        }
        (rest, Taken { there, gone: self.known.len().saturating_sub(there) })
    }

    /// Returns how many are known.
    pub fn len(&self) -> usize {
        self.known.len()
    }
}

fn all<'d>(found: &'d Diagnostics, sources: &Sources) -> Vec<(String, Cow<'d, Diagnostic>)> {
    identified(found.sorted(sources).into_iter().map(Cow::Borrowed).collect(), sources)
}
