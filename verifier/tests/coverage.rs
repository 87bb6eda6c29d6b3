//! The table of what is followed, against the fields there are.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods, reason = "a test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::source::{SourceFile, Sources};
use ringfence_compiler::yaml::{self, Node, Profile, Value};
use ringfence_verifier::coverage::{KINDS, OTHERS};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn every_row_that_is_named_is_there() {
    let rows = fs::read_to_string(root().join("fixtures/semantics/authorization.yaml")).unwrap();
    for row in KINDS.iter().flat_map(|kind| kind.rows) {
        for pinned in row.pinned {
            assert!(rows.contains(&format!("- says: {pinned}\n")), "{pinned}");
        }
    }
}

#[test]
fn no_field_is_named_twice() {
    for kind in KINDS {
        let fields: Vec<_> = kind.rows.iter().flat_map(|row| row.fields).collect();
        assert_eq!(fields.len(), fields.iter().collect::<BTreeSet<_>>().len(), "{}", kind.name);
    }
}

/// Where the schemas of Istio are at hand, every field of theirs is in the table, and every kind.
#[test]
fn every_field_of_the_crds_is_in_the_table() {
    let data = std::env::var_os("RINGFENCE_DATA").map_or_else(|| root().join("../shared/data"), PathBuf::from);
    let Ok(text) = fs::read(data.join("crds/istio.yaml")) else {
        eprintln!("the schemas of Istio are not at hand: the table is not held against them");
        return;
    };
    let (mut sources, mut said) = (Sources::new(), Diagnostics::new());
    let file = sources.add(SourceFile::new("istio.yaml", text));
    for document in yaml::read(&sources, file, Profile::Manifest, &mut said) {
        let spec = document.root.get("spec").unwrap();
        let name = spec.get("names").and_then(|names| names.get("kind")?.as_str()).unwrap().to_owned();
        let Some(kind) = KINDS.iter().find(|kind| kind.name == name) else {
            assert!(OTHERS.iter().any(|(kinds, ..)| kinds.split(", ").any(|kind| kind == name)), "{name} is nowhere");
            continue;
        };
        let versions = spec.get("versions").and_then(Node::as_sequence).unwrap();
        let mut found = BTreeSet::new();
        for version in versions {
            let schema = version.get("schema").and_then(|schema| schema.get("openAPIV3Schema")).unwrap();
            fields(schema.get("properties").unwrap().get("spec").unwrap(), String::new(), &mut found);
        }
        let known: BTreeSet<String> =
            kind.rows.iter().flat_map(|row| row.fields).map(|field| (*field).to_owned()).collect();
        assert_eq!(found, known, "{name}");
    }
}

/// Collects the fields of a schema that hold values.
fn fields(schema: &Node, path: String, found: &mut BTreeSet<String>) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    let properties = schema.get("properties").and_then(Node::as_mapping);
    let others = schema.get("additionalProperties").filter(|node| node.get("properties").is_some());
    match (properties, others, schema.get("items")) {
        (Some(properties), ..) => {
            for entry in properties.entries() {
                fields(&entry.value, below(&entry.key.value), found);
            }
        }
        (None, Some(others), _) => fields(others, below("*"), found),
        (None, None, Some(items)) if matches!(items.value, Value::Mapping(_)) => {
            fields(items, format!("{path}[]"), found);
        }
        _ => _ = found.insert(path),
    }
}
