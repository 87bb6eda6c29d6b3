//! The one door to what lies outside: a tree of files.
//!
//! In: a directory, a git revision or, in tests, a map; each implements [`Tree`]. Out: lists of paths and bytes. It
//! exists so that the compiler behaves the same wherever its input comes from.

use std::collections::BTreeMap;

/// A tree of files that can be listed and read; paths are relative to its root and use `/`.
pub trait Tree: Sync {
    /// Lists every file below `folder` (`""` is the root), sorted by path in byte order; empty where there is no such folder.
    ///
    /// # Errors
    /// When the outside refuses: a folder that cannot be read, a git object that is missing.
    fn list(&self, folder: &str) -> Result<Vec<String>, TreeError>;

    /// Reads a whole file; `None` where there is none.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, TreeError>;
}

/// Why a tree could not be read: the path and the outside's own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeError {
    /// The path from the root of the tree.
    pub path: String,
    /// What went wrong there.
    pub reason: String,
}

impl std::fmt::Display for TreeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "cannot read `{}`: {}", self.path, self.reason)
    }
}

impl std::error::Error for TreeError {}

/// A tree held in memory.
impl Tree for BTreeMap<String, Vec<u8>> {
    fn list(&self, folder: &str) -> Result<Vec<String>, TreeError> {
        let below = |path: &&String| folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
        Ok(self.keys().filter(below).cloned().collect())
    }

    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, TreeError> {
        Ok(self.get(path).cloned())
    }
}
