//! Every value and key knows the bytes it was written in.

use super::*;

/// Lists every key and value of a text with the bytes it was written in.
fn places(text: &str) -> Vec<String> {
    fn walk(read: &Read, node: &Node, out: &mut Vec<String>) {
        out.push(format!("={}", read.sources.text(node.span)));
        for item in node.as_sequence().unwrap_or_default() {
            walk(read, item, out);
        }
        for entry in node.as_mapping().map(Mapping::entries).unwrap_or_default() {
            out.push(format!("{}:", read.sources.text(entry.key.span)));
            walk(read, &entry.value, out);
        }
    }
    let read = read_bytes(text.as_bytes(), Profile::Manifest);
    assert_eq!(read.said(), Vec::<String>::new());
    let mut out = Vec::new();
    for document in &read.documents {
        walk(&read, &document.root, &mut out);
    }
    out
}

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    assert_eq!(places(text), expected, "{text}");
}

#[test]
fn places_hold_quotes_and_brackets() {
    check("a: 'b' # c\n", &["=a: 'b'", "a:", "='b'"]);
    check(
        "\"a\": {b: [1, \"x\" ], c: d} # e\n",
        &[
            "=\"a\": {b: [1, \"x\" ], c: d}",
            "\"a\":",
            "={b: [1, \"x\" ], c: d}",
            "b:",
            "=[1, \"x\" ]",
            "=1",
            "=\"x\"",
            "c:",
            "=d",
        ],
    );
}

#[test]
fn places_of_blocks_end_with_their_last_word() {
    check(
        "a:\n  - b: c\n    d:\n  # e\n\n  - f\n\n# g\nh: i\n",
        &[
            "=a:\n  - b: c\n    d:\n  # e\n\n  - f\n\n# g\nh: i",
            "a:",
            "=- b: c\n    d:\n  # e\n\n  - f",
            "=b: c\n    d:",
            "b:",
            "=c",
            "d:",
            "=",
            "=f",
            "h:",
            "=i",
        ],
    );
}

#[test]
fn block_texts_begin_at_their_sign() {
    check(
        "a: | # x\n  b\n\n  c\n\nd: >-\n  e\n",
        &["=a: | # x\n  b\n\n  c\n\nd: >-\n  e", "a:", "=| # x\n  b\n\n  c", "d:", "=>-\n  e"],
    );
    check("a: !x &y |\n  b\n", &["=a: !x &y |\n  b", "a:", "=|\n  b"]);
}

#[test]
fn aliases_keep_their_own_place() {
    check("a: &x [b]\nc: *x\n", &["=a: &x [b]\nc: *x", "a:", "=[b]", "=b", "c:", "=*x", "=b"]);
}

#[test]
fn marks_and_line_ends_do_not_move_places() {
    check(
        "\u{feff}ä: 'é'\r\nb:\r\n- ü\r\n---\r\nc: d",
        &["=ä: 'é'\r\nb:\r\n- ü", "ä:", "='é'", "b:", "=- ü", "=ü", "=c: d", "c:", "=d"],
    );
    check("a: b\n  c\nd: \"e\n  f\"\n", &["=a: b\n  c\nd: \"e\n  f\"", "a:", "=b\n  c", "d:", "=\"e\n  f\""]);
}

#[test]
fn values_are_equal_wherever_they_stand() {
    let one = read_bytes(b"a: [b, {c: 1}]\n", Profile::Policy);
    let other = read_bytes(b"# x\n\"a\":\n- 'b'\n- c:   1\n", Profile::Policy);
    assert_eq!(one.documents, other.documents);
    let root = &one.documents[0].root;
    assert_eq!(root.get("a").unwrap().kind_word(), "a list");
    assert_eq!(root.kind_word(), "a mapping");
    assert_eq!(root.get("b"), None);
    assert_eq!(root.get("a").unwrap().as_sequence().unwrap()[0].as_str(), Some("b"));
}
