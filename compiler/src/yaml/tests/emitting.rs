//! What we write, to the byte.

use super::super::emit::{EmitError, emit};
use super::*;

#[test]
fn blocks_are_indented_by_two() {
    let value = json!({
        "kind": "X",
        "empty": {"list": [], "map": {}, "text": "", "nothing": null},
        "rules": [{"from": [{"source": {"principals": ["a/b", "*"]}}], "port": 1}, [["x"], []], "y"],
        "on": true,
    });
    let text = "kind: X\nempty:\n  list: []\n  map: {}\n  text: \"\"\n  nothing: null\nrules:\n  - from:\n      - source:\n          principals:\n            - a/b\n            - \"*\"\n    port: 1\n  - - - x\n    - []\n  - \"y\"\n\"on\": true\n";
    assert_eq!(emit(&value).unwrap(), text);
    assert_eq!(emit(&json!({})).unwrap(), "{}\n");
}

#[track_caller]
fn written(value: &Json, expected: &str) {
    assert_eq!(emit(&json!({ "a": value })).unwrap(), format!("a: {expected}\n"));
}

#[test]
fn plain_are_only_words_and_paths() {
    for text in ["abc", "istio.io/dry-run", "/v1/entries", "cluster.local/ns/a/sa/b-c_d", "v1.2"] {
        written(&json!(text), text);
    }
    for text in [
        "",
        " ",
        "yes",
        "No",
        "oN",
        "y",
        "N",
        "null",
        "~",
        "NaN",
        "inf",
        "1",
        "1e3",
        "0o7",
        "12:30",
        "2027-01-01",
        "-a",
        "a:b",
        "a b",
        "=",
        "<<",
        "*",
        "10.0.0.0/8",
        "é",
        "a#",
        "...",
        "---",
        "{",
        "0x1F",
    ] {
        written(&json!(text), &format!("\"{text}\""));
    }
    written(&json!("a\"\\\n\t\r"), "\"a\\\"\\\\\\n\\t\\r\"");
    written(
        &json!("\0\u{7f}\u{85}\u{2028}\u{feff}\u{202e}\u{1fffe}é😀"),
        "\"\\u0000\\u007f\\u0085\\u2028\\ufeff\\u202e\\U0001fffeé😀\"",
    );
}

#[test]
fn numbers_have_no_exponent() {
    written(&json!(-5), "-5");
    written(&json!(u64::MAX), "18446744073709551615");
    written(&json!(1.5), "1.5");
    written(&json!(2.0), "2");
    written(&json!(1e-7), "0.0000001");
    written(&json!(1e21), "1000000000000000000000.0");
}

#[test]
fn what_no_reader_takes_is_not_written() {
    assert_eq!(emit(&json!([1])), Err(EmitError::NotAMapping));
    assert!(matches!(emit(&json!({ "k".repeat(1001): 1 })), Err(EmitError::KeyTooLong { .. })));
    assert!(emit(&json!({ "k".repeat(1000): 1 })).is_ok());
    let deep = |depth: usize| (0..depth).fold(json!(1), |inner, _| json!({ "a": inner }));
    assert_eq!(emit(&deep(MAX_DEPTH + 1)), Err(EmitError::TooDeep));
    let text = emit(&deep(MAX_DEPTH)).unwrap();
    assert_eq!(read_bytes(text.as_bytes(), Profile::Policy).json(), [deep(MAX_DEPTH)]);
    let hollow = (0..MAX_DEPTH).fold(json!([]), |inner, _| json!({ "a": inner }));
    assert_eq!(emit(&hollow), Err(EmitError::TooDeep));
}
