//! Places as people find them: the file, the line, and the commit that wrote it.

use std::collections::BTreeSet;

use ringfence_compiler::source::{FileId, Sources, Span};
use serde_json::{Value, json};

use crate::tree::blame::{History, Written};

/// What is needed to say where something was written.
pub(in crate::commands) struct Places<'a> {
    pub sources: &'a Sources,
    /// Files that are not of the folder that is asked about.
    pub foreign: &'a BTreeSet<FileId>,
    pub history: &'a History,
    /// What leads from the current folder to that of the paths: `fixtures/bank/`.
    pub prefix: String,
}

/// A line, and who wrote it.
pub(in crate::commands) struct Place {
    prefix: String,
    path: String,
    line: usize,
    written: Option<Written>,
    /// Where it is used, if it is a line of a pattern.
    used: Option<Box<Place>>,
}

impl Places<'_> {
    pub fn of(&self, span: Span) -> Place {
        let file = self.sources.file(span.file);
        let line = file.position(span.start).0;
        let used = self.sources.used_at(span.file).map(|at| Box::new(self.of(at)));
        let is_own = !self.foreign.contains(&span.file) && !ships(file.path());
        let written = if is_own { self.history.line(file.path(), line, file.text()) } else { None };
        let prefix = if is_own { self.prefix.clone() } else { String::new() };
        Place { prefix, path: file.path().to_owned(), line, written, used }
    }

    /// Returns the places that an object names as its source: `path#L12, path#L14`.
    pub fn named(&self, source: &str) -> Vec<Place> {
        source.split(", ").filter_map(|one| self.line(one)).collect()
    }

    fn line(&self, text: &str) -> Option<Place> {
        let (path, line) = text.rsplit_once("#L")?;
        let line = line.parse().ok()?;
        if ships(path) {
            return Some(Place { prefix: String::new(), path: path.to_owned(), line, written: None, used: None });
        }
        let of_path = self.sources.files().filter(|(_, file)| file.path() == path);
        let (foreign, own): (Vec<_>, Vec<_>) = of_path.partition(|(id, _)| self.foreign.contains(id));
        let written = own.first().and_then(|(_, file)| self.history.line(path, line, file.text()));
        // A draft that was named lies where it was named, not below the folder that is asked about.
        let prefix = if own.is_empty() && !foreign.is_empty() { String::new() } else { self.prefix.clone() };
        Some(Place { prefix, path: path.to_owned(), line, written, used: None })
    }
}

/// Tells whether a path is that of a pattern that ships with the tool, which is no file of anybody's.
fn ships(path: &str) -> bool {
    path.starts_with("pattern:")
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.short())?;
        match &self.written {
            None => {}
            Some(Written::Uncommitted) => f.write_str(" (not committed)")?,
            Some(Written::Committed { id, author, day }) => write!(f, " ({id} {author} {day})")?,
        }
        match &self.used {
            None => Ok(()),
            Some(used) => write!(f, ", used at {used}"),
        }
    }
}

impl Place {
    /// Returns the file and the line, as they are typed.
    pub fn short(&self) -> String {
        format!("{}{}:{}", self.prefix, self.path, self.line)
    }

    /// Returns the file, from where paths begin, and the line.
    pub fn file(&self) -> (String, usize) {
        (self.path.clone(), self.line)
    }

    pub fn json(&self) -> Value {
        let mut place = json!({ "path": self.path, "line": self.line });
        if let (Some(written), Some(fields)) = (&self.written, place.as_object_mut()) {
            let commit = match written {
                Written::Uncommitted => Value::Null,
                Written::Committed { id, author, day } => json!({ "id": id, "author": author, "date": day }),
            };
            fields.insert("commit".to_owned(), commit);
        }
        if let (Some(used), Some(fields)) = (&self.used, place.as_object_mut()) {
            fields.insert("usedAt".to_owned(), used.json());
        }
        place
    }
}
