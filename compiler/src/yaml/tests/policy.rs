//! What our own documents may not hold, and what is said about it.

use super::*;

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let read = read_bytes(text.as_bytes(), Profile::Policy);
    assert_eq!(read.said(), expected, "{text}");
    assert_eq!(read.documents.len(), usize::from(expected.is_empty()), "{text}");
}

#[track_caller]
fn help(text: &str, expected: &str) {
    let read = read_bytes(text.as_bytes(), Profile::Policy);
    let sorted = read.diagnostics.sorted(&read.sources);
    assert_eq!(sorted.first().and_then(|first| first.help_text()), Some(expected), "{text}");
}

#[test]
fn values_mean_one_thing_to_every_reader() {
    for text in
        ["yes", "NO", "On", "y", "True", "NULL", "0755", "1_000", "0o7", "0b11", "0x1F", "08", "1e3", ".5", "5.", "+1"]
    {
        check(&format!("a: {text}\n"), &[&format!("ambiguous-scalar {text}")]);
    }
    for text in
        ["._5", ".inf", "-.INF", ".nan", "12:30", "-1:30:00.5", "2001-1-1", "2001-12-14T01:02:03Z", "=", "<<", "0x_"]
    {
        check(&format!("a: {text}\n"), &[&format!("ambiguous-scalar {text}")]);
    }
    for text in ["18446744073709551616", "-9223372036854775809", "1e400"] {
        check(&format!("a: {text}\n"), &[&format!("huge-number {text}")]);
    }
    for text in [
        "true",
        "null",
        "~",
        "''",
        "0",
        "-1",
        "8080",
        "1.50",
        "2027-03-01",
        "10.0.0.1",
        "10.0.0.0/8",
        "a-b",
        "0b0ace04-7",
    ] {
        check(&format!("a: {text}\n"), &[]);
    }
    help("a: yes\n", "quote it if it is meant as text: \"yes\"");
}

#[test]
fn keys_are_text() {
    check("8080: a\n", &["key-not-text 8080"]);
    check("true: a\n", &["key-not-text true"]);
    check("on: a\n", &["ambiguous-scalar on"]);
    check("~: a\n", &["key-not-text ~"]);
    check("{a: b}: c\n", &["key-not-text {"]);
    check("a: {{ b }}\n", &["key-not-text {"]);
    check("\"on\": a\n'8080': b\n", &[]);
    check("{b: 1, c\nd: 2}\n", &["missing-colon c\nd"]);
    check("a: 1\na : 2\n", &["duplicate-key a | a"]);
}

#[test]
fn nothing_is_merged_tagged_or_hidden() {
    check("<<: {a: 1}\n", &["merge-key <<"]);
    check("a: !!str 1\nb: !x {c: d}\n", &["tag !!str", "tag !x"]);
    check("# c\u{85}b: 2\n", &["hidden-line-break \u{85}"]);
    check("a: x\u{2028}y\n", &["hidden-line-break \u{2028}"]);
    check("a: 1\rb: 2\n", &["hidden-line-break \r"]);
    check("a: \"x\u{202e}y\"\n", &["bidi-control \u{202e}"]);
    check("a: x\0y\u{7f}\u{9b}\n", &["control-character \0"]);
    check("\u{feff}a: \u{feff}\n", &["byte-order-mark \u{feff}"]);
    check("\u{a0}{a: 1}\n", &["control-character \u{a0}"]);
    check("a: \"\\u202e\\0\\x7f\"\n", &[]);
}

#[test]
fn mistakes_are_named() {
    check("a:\n\tb: 1\n", &["tab-indentation \t"]);
    check("a:\n - b\n\t- c\n", &["tab-indentation \t"]);
    check("a:\n  \tb: 1\n", &["tab-indentation \t"]);
    check("a:\n  b: 1\n c: 2\n", &["indentation c"]);
    check("  a: 1\nb: 2\n", &["indentation b"]);
    check("a:\n- b\n - c\n", &["indentation -"]);
    check("a: - b\n", &["indentation -"]);
    check("a: [1, 2\nb: 3\n", &["unclosed ["]);
    check("a: \"x\nb: 3\n", &["unclosed \""]);
    check("a: 'it's'\n", &["syntax s"]);
    check("a: [1]]\n", &["bracket ]"]);
    check("a: b: c\n", &["unexpected-colon :"]);
    check("a: 1\nb\n", &["missing-colon b"]);
    check("a: @b\n", &["reserved-character @"]);
    check("a: `b`\n", &["reserved-character `"]);
    check("a: \"\\d\"\n", &["escape \\"]);
    check("a: \"x\"#y\n", &["comment-space #"]);
    check("a: x # y\n  z\n", &["comment-space #"]);
    check("a: {b: , c: 1}\n", &["empty-in-flow :"]);
    check("a: [?b]\n", &["stray-punctuation ?b"]);
    check("a:b\n", &["root-not-a-mapping a:b"]);
    check("- a\n- b\n", &["root-not-a-mapping - a\n- b"]);
    help("a:b\n", "put a space after the colon: `key: value`");
}

#[test]
fn depth_has_a_limit() {
    let nested = |depth: usize| format!("a: {}{}\n", "[".repeat(depth), "]".repeat(depth));
    check(&nested(MAX_DEPTH - 1), &[]);
    check(&nested(MAX_DEPTH), &["too-deep ["]);
    check(&format!("a: {}", "[".repeat(100_000)), &["too-deep ["]);
    check(&format!("a: {}", "{b: ".repeat(10_000)), &["too-deep {"]);
    let block: String = (0..10_000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    assert!(read_bytes(block.as_bytes(), Profile::Policy).said()[0].starts_with("too-deep"));
    let chain: String = (1..40).map(|at| format!("a{at}: &a{at} [[[*a{}]]]\n", at - 1)).collect();
    assert_eq!(read_bytes(format!("a0: &a0 1\n{chain}").as_bytes(), Profile::Policy).said(), ["too-deep *"]);
}

#[test]
fn aliases_do_not_multiply_without_end() {
    let row = |at: usize| format!("a{at}: &a{at} [{}]\n", vec![format!("*a{}", at - 1); 9].join(", "));
    let laughs: String = (1..10).map(row).collect();
    let read = read_bytes(format!("a0: &a0 [lol, lol]\n{laughs}").as_bytes(), Profile::Manifest);
    assert_eq!(read.said().len(), 1);
    assert!(read.said()[0].starts_with("alias-bomb"));
    let items = vec!["x"; 5000].join(", ");
    let aliases = vec!["*a"; 5000].join(", ");
    let read = read_bytes(format!("a: &a [{items}]\nb: [{aliases}]\n").as_bytes(), Profile::Manifest);
    assert_eq!(read.said(), ["alias-bomb *a"]);
}

#[test]
fn a_hopeless_document_is_given_up() {
    let read = read_bytes("yes: no\n".repeat(10_000).as_bytes(), Profile::Policy);
    assert_eq!(read.said().len(), 101);
    assert!(read.said().iter().any(|line| line.starts_with("too-many")));
}
