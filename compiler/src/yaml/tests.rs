//! The reader and emitter on texts that readers stumble over.

mod emitting;
mod places;
mod policy;
mod properties;

use serde_json::{Value as Json, json};

use super::*;
use crate::source::SourceFile;

/// A text and the file it was read from.
pub(super) struct Read {
    pub sources: Sources,
    pub documents: Vec<Document>,
    pub diagnostics: Diagnostics,
}

impl Read {
    /// Returns what was reported, as `code` and the underlined texts.
    pub fn said(&self) -> Vec<String> {
        let sorted = self.diagnostics.sorted(&self.sources);
        let said = sorted.into_iter().map(|one| {
            let labels: Vec<_> = one.labels().iter().map(|label| self.sources.text(label.span)).collect();
            format!("{} {}", one.code().id.trim_start_matches("yaml/"), labels.join(" | "))
        });
        said.collect()
    }

    pub fn json(&self) -> Vec<Json> {
        self.documents.iter().map(|document| document.root.to_json()).collect()
    }
}

pub(super) fn read_bytes(bytes: &[u8], profile: Profile) -> Read {
    let mut sources = Sources::new();
    let file = sources.add(SourceFile::new("a.yaml", bytes.to_vec()));
    let mut diagnostics = Diagnostics::new();
    let documents = read(&sources, file, profile, &mut diagnostics);
    Read { sources, documents, diagnostics }
}

#[track_caller]
fn manifest(text: &str, expected: &Json) {
    let read = read_bytes(text.as_bytes(), Profile::Manifest);
    assert_eq!(read.said(), Vec::<String>::new(), "{text}");
    assert_eq!(Json::from(read.json()), *expected, "{text}");
}

#[track_caller]
fn refused(text: &str, expected: &[&str]) {
    let read = read_bytes(text.as_bytes(), Profile::Manifest);
    assert_eq!(read.said(), expected, "{text}");
}

#[test]
fn manifests_are_read_as_kubectl_reads_them() {
    manifest("a: yes\nb: NO\nc: On\nd: y\n", &json!([{"a": true, "b": false, "c": true, "d": true}]));
    manifest("a: 0755\nb: 1_000\nc: 0o7\nd: 0b11\ne: 0x1F\n", &json!([{"a": 493, "b": 1000, "c": 7, "d": 3, "e": 31}]));
    manifest("a: 08\nb: 1e3\nc: .5\nd: 5.\ne: +1\n", &json!([{"a": 8, "b": 1000, "c": 0.5, "d": 5, "e": 1}]));
    manifest("a: 0b-1\nb: -0b1\nc: 0X_f\nd: 1__0\n", &json!([{"a": -1, "b": -1, "c": 15, "d": 10}]));
    manifest("a: 18446744073709551615\nb: 1e400\n", &json!([{"a": 18_446_744_073_709_551_615_u64, "b": "1e400"}]));
    manifest("a: 1.0\nb: 1e-7\n", &json!([{"a": 1, "b": 1e-7}]));
    manifest(
        "a: 12:30\nb: 2001-12-14\nc: 0.0.0.0:80\n",
        &json!([{"a": "12:30", "b": "2001-12-14", "c": "0.0.0.0:80"}]),
    );
    manifest("a: ~\nb: Null\nc:\nd: ''\n", &json!([{"a": null, "b": null, "c": null, "d": ""}]));
    manifest("on: 1\n8080: 2\n0x10: 3\n1.5: 4\n", &json!([{"true": 1, "8080": 2, "16": 3, "1.5": 4}]));
    manifest("a: <<\nb: =\nc: :path\n", &json!([{"a": "<<", "b": "=", "c": ":path"}]));
    manifest("a: 0b0ace04-77\n", &json!([{"a": "0b0ace04-77"}]));
}

#[test]
fn merges_override_what_stands_above_them() {
    manifest("a: 1\n<<: {a: 2, b: 3}\n", &json!([{"a": 2, "b": 3}]));
    manifest("<<: {a: 2, b: 3}\na: 1\n", &json!([{"a": 1, "b": 3}]));
    manifest("<<: [{a: 1}, {a: 2, b: 2}]\n", &json!([{"a": 1, "b": 2}]));
    manifest("a: &a {x: 1}\nb:\n  <<: *a\n  z: *a\n", &json!([{"a": {"x": 1}, "b": {"x": 1, "z": {"x": 1}}}]));
    manifest("\"<<\": {a: 1}\n", &json!([{"<<": {"a": 1}}]));
    refused("<<: [1]\n", &["merge-key <<"]);
    refused("<<: x\n", &["merge-key <<"]);
    refused("a: &l [{b: 1}]\nc:\n  <<: *l\n", &["merge-key <<"]);
    refused("x: &x {1: a}\nz:\n  \"1\": b\n  <<: *x\n", &["merge-key << | 1"]);
}

#[test]
fn tags_convert_as_go_converts_them() {
    manifest(
        "a: !!str 1\nb: !!int \"2\"\nc: !!float 3\nd: !!bool \"yes\"\n",
        &json!([{"a": "1", "b": 2, "c": 3, "d": true}]),
    );
    manifest("a: !!binary aGk=\nc: !!str\nd: ! 12\ne: !foo 12\n", &json!([{"a": "hi", "c": "", "d": "12", "e": "12"}]));
    manifest("a: !!map {b: !!seq [c]}\n", &json!([{"a": {"b": ["c"]}}]));
    refused("a: !!binary /w==\n", &["tag !!binary"]);
    refused("a: !!int x\n", &["tag !!int"]);
    refused("a: !!timestamp 2001-01-01\n", &["tag !!timestamp"]);
    refused("a: !!s%74r 1\n", &["tag !!s%74r"]);
    refused("! <<: {a: 1}\n", &["tag !"]);
}

#[test]
fn aliases_stand_for_the_last_anchor_above() {
    manifest("a: &x {b: &x 1, c: *x}\nd: *x\n", &json!([{"a": {"b": 1, "c": 1}, "d": 1}]));
    manifest("&a b: *a\n", &json!([{"b": "b"}]));
    refused("a: *b\n", &["unknown-anchor *b"]);
    refused("a: &a [*a]\n", &["recursive-alias *a"]);
    refused("a: &b.c d\n", &["anchor-name &b.c"]);
    refused("a: &b c\n*b : e\n", &["key-not-text *b"]);
}

#[test]
fn keys_stand_once_whatever_their_spelling() {
    refused("a: 1\na: 2\n", &["duplicate-key a | a"]);
    refused("a: {b: 1, \"b\": 2}\n", &["duplicate-key \"b\" | b"]);
    refused("yes: 1\ntrue: 2\n", &["duplicate-key true | yes"]);
    refused("1: a\n\"1\": b\n", &["duplicate-key \"1\" | 1"]);
    let many: String = (0..40).map(|at| format!("k{at}: 1\n")).collect();
    refused(&format!("{many}k7: 2\nk39: 3\n"), &["duplicate-key k7 | k7", "duplicate-key k39 | k39"]);
}

#[test]
fn documents_are_cut_at_marker_lines() {
    manifest(
        "---\n# first\na: 1\n...\n---\n# nothing\n---\nb: 2\n--- # third\nc: 3\n",
        &json!([{"a": 1}, {"b": 2}, {"c": 3}]),
    );
    manifest("a: |\n  x\n---\nb: 1", &json!([{"a": "x\n"}, {"b": 1}]));
    manifest("~\n---\nnull\n---\n{}\n", &json!([{}]));
    for empty in ["", "\n", "# only a comment\n", "---\n---\n", "null\n", "\u{feff}"] {
        manifest(empty, &json!([]));
    }
    refused("--- {a: 1}\n", &["document-marker --- {a: 1}"]);
    refused("---#: 1\n", &["document-marker ---#: 1"]);
    refused("--- # \u{2028}c: 3\n", &["hidden-line-break \u{2028}"]);
    refused("a: 1\n...\nb: 2\n", &["after-document-end b: 2"]);
    refused("...\n---\na: 1\n", &["after-document-end ..."]);
    refused("%YAML 1.2\n---\na: 1\n", &["directive %"]);
}

#[test]
fn a_broken_document_does_not_hide_the_next() {
    let read = read_bytes(b"a: 1\n---\nb: [\n---\nc: \xff\n---\nd: @\n---\ne: 5\n", Profile::Policy);
    assert_eq!(read.json(), [json!({"a": 1}), json!({"e": 5})]);
    assert_eq!(read.said(), ["unclosed [", "not-utf8 \u{fffd}", "reserved-character @"]);
}

#[test]
fn json_files_are_read_by_the_rules_of_json() {
    manifest("{\n\t\"a\": \"x\\/y \\ud83d\\ude00\",\n\t\"b\": 1.0\n}\n", &json!([{"a": "x/y 😀", "b": 1}]));
    refused("a: \"x\\/y\"\n", &["escape \\/"]);
    refused("a: \"\\ud83d\\ude00\"\n", &["escape \\ud83d"]);
    refused("{\"a\": 1}{\"b\": 2}\n", &["indentation {"]);
}

#[test]
fn block_texts_keep_their_lines() {
    manifest("a: |\n  x", &json!([{"a": "x\n"}]));
    manifest("a: |-\n\n  x\n\nb: 1\n", &json!([{"a": "\nx", "b": 1}]));
    manifest("a: >\n  x\n   y\n  z\n\n\n  w\n", &json!([{"a": "x\n y\nz\n\nw\n"}]));
    manifest("a: |1\n x\n  y\n", &json!([{"a": "x\n y\n"}]));
    manifest("a: |\r\n  x\r\n  y\r\n", &json!([{"a": "x\ny\n"}]));
    refused("a: |\n  \tx\n", &["tab-indentation \t"]);
    refused("a: |x\n  y\n", &["block-text |"]);
}
