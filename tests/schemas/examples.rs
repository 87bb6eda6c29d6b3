//! The files of `schemas/examples`.
//!
//! `right-*` is taken by reader and schema, `wrong-*` refused by both, the reader with the code in its first line.
//! `reader-only-*` is refused by the reader alone, and its first line says why no schema can.

use std::collections::BTreeSet;
use std::fs;

use ringfence_compiler::{document, schema};
use serde_json::Value;

use super::{Kind, any_kind, folder, kinds};

#[test]
fn schemas_are_schemas() {
    for (name, text) in schema::files() {
        let schema: Value = serde_json::from_str(&text).unwrap();
        assert!(jsonschema::meta::is_valid(&schema), "{name}");
        assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#", "{name}");
    }
}

#[test]
fn every_kind_has_examples_and_nothing_else_has() {
    let folders: BTreeSet<_> =
        fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let kinds = kinds();
    assert_eq!(folders, kinds.iter().map(|kind| schema::kebab(kind.name)).collect());
    for kind in kinds {
        assert!(kind.examples("right-").count() >= 3, "{}", kind.name);
        assert!(kind.examples("wrong-").count() >= 6, "{}", kind.name);
        assert_eq!(kind.examples("right-every-field.yaml").count(), 1, "{}", kind.name);
        for (file, _) in kind.examples("") {
            let known = ["right-", "wrong-", "reader-only-"].iter().any(|prefix| file.starts_with(prefix));
            assert!(known && file.ends_with(".yaml"), "{}/{file}", kind.name);
        }
    }
}

#[test]
fn right_examples_are_taken_by_reader_and_schemas() {
    let any = any_kind();
    for kind in kinds() {
        for (file, text) in kind.examples("right-") {
            let (value, said) = kind.read(text);
            let place = format!("{}/{file}", kind.name);
            assert!(said.is_empty(), "{place}: {said:?}");
            let faults: Vec<_> = kind.validator.iter_errors(&value).map(|error| error.to_string()).collect();
            assert!(faults.is_empty(), "{place}: {faults:?}");
            assert_eq!(any.is_valid(&value), kind.name != document::PROJECT, "{place}");
        }
    }
}

#[test]
fn wrong_examples_are_refused_by_reader_and_schemas() {
    let any = any_kind();
    for kind in kinds() {
        for (file, text) in kind.examples("wrong-") {
            let value = refused(&kind, file, text);
            assert!(!kind.validator.is_valid(&value), "{}/{file} fits the schema", kind.name);
            // A policy document where a project belongs is wrong in its place alone.
            assert!(kind.name == document::PROJECT || !any.is_valid(&value), "{}/{file} fits some kind", kind.name);
        }
    }
}

#[test]
fn reader_only_examples_are_refused_by_the_reader_alone() {
    let any = any_kind();
    for kind in kinds() {
        for (file, text) in kind.examples("reader-only-") {
            let value = refused(&kind, file, text);
            assert!(kind.validator.is_valid(&value) && any.is_valid(&value), "{}/{file}: make it wrong-*", kind.name);
        }
    }
}

/// Checks that the reader refuses an example with the code in its first line, and returns the document.
fn refused(kind: &Kind, file: &str, text: &str) -> Value {
    let place = format!("{}/{file}", kind.name);
    let first = text.lines().next().unwrap().strip_prefix("# wrong: ");
    let (code, reason) = first.and_then(|rest| rest.split_once(": ")).unwrap_or_else(|| panic!("{place}: no code"));
    assert!(!reason.is_empty(), "{place}");
    let (value, said) = kind.read(text);
    assert_eq!(said, [code], "{place}");
    value
}

#[test]
fn every_field_has_an_example() {
    for kind in kinds() {
        let (_, text) = kind.examples("right-every-field.yaml").next().unwrap();
        let mut seen = BTreeSet::new();
        visit(&kind.schema, &kind.schema, "", &kind.read(text).0, &mut seen);
        let definitions = kind.schema["definitions"].as_object().unwrap().iter();
        let all = definitions.map(|(name, definition)| (name.as_str(), definition)).chain([("", &kind.schema)]);
        for (owner, definition) in all {
            for key in definition["properties"].as_object().into_iter().flat_map(|properties| properties.keys()) {
                assert!(seen.contains(&format!("{owner}.{key}")), "{}: {owner}.{key} is not shown", kind.name);
            }
        }
    }
}

/// Notes which properties of which definitions a value has, as `Definition.key`.
fn visit(root: &Value, schema: &Value, owner: &str, value: &Value, seen: &mut BTreeSet<String>) {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.strip_prefix("#/definitions/")) {
        return visit(root, &root["definitions"][name], name, value, seen);
    }
    for choices in ["allOf", "anyOf"] {
        for choice in schema[choices].as_array().into_iter().flatten() {
            visit(root, choice, owner, value, seen);
        }
    }
    if let Some(items) = value.as_array() {
        items.iter().for_each(|item| visit(root, &schema["items"], owner, item, seen));
    }
    for (key, below) in value.as_object().into_iter().flatten() {
        match schema["properties"].get(key) {
            Some(property) => {
                seen.insert(format!("{owner}.{key}"));
                visit(root, property, owner, below, seen);
            }
            None => visit(root, &schema["additionalProperties"], owner, below, seen),
        }
    }
}
