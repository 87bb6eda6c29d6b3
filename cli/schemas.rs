//! The JSON Schemas as files.
//!
//! In: nothing. Out: the text of each schema by the name of its file.

use std::collections::BTreeMap;

use ringfence_compiler::document;

/// The schema of any policy document.
pub const ANY_FILE: &str = "ringfence.json";

/// Returns the text of every schema by the name of its file.
pub fn files() -> BTreeMap<String, String> {
    let kinds = document::schemas().into_iter().map(|(kind, schema)| (file_name(kind), schema));
    kinds.chain([("project.json".to_owned(), document::project_schema())]).map(|(name, schema)| (name, format!("{schema:#}\n"))).collect()
}

/// Returns the name of the file that holds the schema of a kind.
pub fn file_name(kind: &str) -> String {
    format!("{}.json", kind.to_lowercase())
}

/// Returns the comment that tells an editor the schema of a file.
pub fn modeline(relative: &str) -> String {
    format!("# yaml-language-server: $schema={relative}")
}
