//! What was accepted before, so that nothing older is accepted again.
//!
//! In: a small JSON file of the person who checks. Out: for each cluster when the newest was made that was accepted. It is not
//! signed: it belongs where whoever delivers cannot write.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::exit::Failure;

/// What was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    path: PathBuf,
    newest: BTreeMap<String, String>,
}

impl Known {
    /// Reads the file; nothing was accepted where there is none.
    ///
    /// # Errors
    /// When it is something else.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let fail = |error: &dyn std::fmt::Display| Failure::new(format!("cannot read `{}`: {error}", path.display()));
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self { path: path.to_owned(), newest: BTreeMap::new() });
            }
            Err(error) => return Err(fail(&error)),
        };
        let value: Value = serde_json::from_str(&text).map_err(|error| fail(&error))?;
        let newest = value.get("newest").and_then(Value::as_object);
        let newest = newest
            .filter(|_| value.get("version") == Some(&1.into()))
            .ok_or_else(|| fail(&"it is not what `verify --known` writes"))?;
        let newest = newest.iter().map(|(cluster, time)| Some((cluster.clone(), time.as_str()?.to_owned())));
        let newest = newest.collect::<Option<_>>().ok_or_else(|| fail(&"it is not what `verify --known` writes"))?;
        Ok(Self { path: path.to_owned(), newest })
    }

    /// Returns when the newest of a cluster was made.
    #[must_use]
    pub fn newest(&self, cluster: &str) -> Option<&str> {
        self.newest.get(cluster).map(String::as_str)
    }

    /// Returns the clusters of which something was accepted.
    pub fn clusters(&self) -> impl Iterator<Item = &str> {
        self.newest.keys().map(String::as_str)
    }

    /// Keeps in mind that one was accepted.
    pub fn accepted(&mut self, cluster: &str, created: &str) {
        if self.newest(cluster).is_none_or(|newest| newest < created) {
            self.newest.insert(cluster.to_owned(), created.to_owned());
        }
    }

    /// Writes the file.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn write(&self) -> Result<(), Failure> {
        let text = format!("{:#}\n", json!({ "version": 1, "newest": self.newest }));
        let part = self.path.with_extension("part");
        fs::write(&part, text)
            .and_then(|()| fs::rename(&part, &self.path))
            .map_err(|error| Failure::new(format!("cannot write `{}`: {error}", self.path.display())))
    }
}
