//! Faults made in right examples, one at a time.

use std::collections::BTreeSet;

use jsonschema::Validator;
use rayon::prelude::*;
use ringfence_compiler::document;
use serde_json::{Value, json};

use super::{Kind, any_kind, kinds};

/// What any value is replaced by.
fn replacements() -> Vec<Value> {
    let texts = [
        "",
        " ",
        "*",
        "**",
        "a*b",
        "a-*",
        "a/b",
        "/",
        "//",
        "/a/b",
        "/a/",
        "/**",
        "/a/{*}",
        "/{**}/{*}",
        "a b",
        "ä",
        "a\nb",
        "-a",
        "a:b",
        "sa:a/b/c",
        "sa:a/b",
        "cidr:10.0.0.0/8",
        "cidr:10.0.0.0/33",
        "cidr:x",
        "zone:",
        "zone:x#access",
        "/a#b",
        "team:x",
        "a@b",
        "team:a@b",
        "GET",
        "strict",
        "any",
        "mutual",
        "8080",
        "http",
        "2027-02-28",
        "2027-02-29",
        "2027-2-3",
        "1969-12-31",
        "::/0",
        "10.1.0.0",
        "enforce",
        "raw",
        "true",
    ];
    let long = ["a".repeat(64), "a".repeat(254), "/".to_owned() + &"a".repeat(253)];
    let mut all = vec![
        Value::Null,
        json!([]),
        json!({}),
        json!(true),
        json!(false),
        json!(0),
        json!(1),
        json!(-1),
        json!(1.5),
        json!(10),
        json!(100),
        json!(65535),
        json!(65536),
        json!(18_446_744_073_709_551_615_u64),
        json!([[]]),
        json!([null]),
        json!({"a": "b"}),
        json!({"jwt": {"issuer": "x"}}),
        json!({"mode": "strict"}),
        json!(["a", "b"]),
        json!([8080]),
    ];
    all.extend(texts.map(Value::from));
    all.extend(long.map(Value::from));
    all
}

/// Returns the path of every value in a document, as JSON pointers.
fn places(value: &Value, at: &str, places: &mut Vec<String>) {
    places.push(at.to_owned());
    match value {
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| self::places(item, &format!("{at}/{index}"), places));
        }
        Value::Object(entries) => entries.iter().for_each(|(key, value)| {
            let key = key.replace('~', "~0").replace('/', "~1");
            self::places(value, &format!("{at}/{key}"), places);
        }),
        _ => {}
    }
}

/// What every node can say: the same declarations read it wherever it stands.
const SHARED: [&str; 3] = ["/spec/mandates/", "/spec/defaults/", "/spec/owners/"];

/// Returns every document that differs from `right` in one place, leaving out the shared places that were `seen`.
fn mutants(right: &Value, seen: &mut BTreeSet<(String, String)>) -> Vec<Value> {
    let mut paths = Vec::new();
    places(right, "", &mut paths);
    paths.retain(|path| {
        let shared = SHARED.iter().any(|prefix| path.starts_with(prefix));
        !shared || seen.insert((path.clone(), right.pointer(path).unwrap().to_string()))
    });
    let mut mutants = Vec::new();
    for path in paths {
        let mut with = |change: &dyn Fn(&mut Value)| {
            let mut mutant = right.clone();
            change(mutant.pointer_mut(&path).unwrap());
            mutants.push(mutant);
        };
        let value = right.pointer(&path).unwrap();
        // The reader is given documents, which are mappings.
        let others = replacements().into_iter().filter(|other| !path.is_empty() || other.is_object());
        others.for_each(|other| with(&|value| *value = other.clone()));
        if !path.is_empty() {
            with(&|value| *value = json!([value.clone()]));
        }
        for key in value.as_object().into_iter().flat_map(|entries| entries.keys()) {
            with(&|value| drop(value.as_object_mut().unwrap().shift_remove(key)));
        }
        if value.is_object() {
            for key in ["unknown", "080", "80", "65536", "", "a b"] {
                with(&|value| drop(value.as_object_mut().unwrap().insert(key.to_owned(), json!("strict"))));
            }
        }
        if value.is_array() {
            with(&|value| value.as_array_mut().unwrap().push(Value::Null));
        }
    }
    mutants
}

/// Checks one document against reader and schemas; returns whether they take it.
fn check(kind: &Kind, any: &Validator, mutant: &Value) -> bool {
    let (value, said) = kind.read(&mutant.to_string());
    assert_eq!(value, *mutant);
    let reader = said.is_empty();
    let complain = || format!("{}: the reader says {said:?} of {mutant}", kind.name);
    if kind.name != document::PROJECT {
        assert_eq!(any.is_valid(mutant), reader, "any kind: {}", complain());
    }
    let same_kind = mutant["kind"] == kind.name;
    assert_eq!(kind.validator.is_valid(mutant), reader && same_kind, "{}", complain());
    reader
}

#[test]
fn reader_and_schema_agree_on_every_fault() {
    let any = any_kind();
    let mut seen = BTreeSet::new();
    for kind in kinds() {
        let examples = kind.examples("right-").map(|(_, text)| kind.read(text).0);
        let mutants: Vec<_> = examples.flat_map(|right| mutants(&right, &mut seen)).collect();
        let taken = mutants.par_iter().filter(|mutant| check(&kind, &any, mutant)).count();
        // Both answers must be common, or the agreement says little.
        let refused = mutants.len() - taken;
        assert!(taken > 50 && refused > 500, "{}: {taken} taken, {refused} refused", kind.name);
    }
}
