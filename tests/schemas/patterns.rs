//! The regular expression of each grammar against its parser.

use proptest::prelude::*;
use ringfence_compiler::requests::{HostPattern, PathPattern, TextPattern};
use ringfence_compiler::shape::scalar::Text;
use ringfence_compiler::spec::access::Method;
use ringfence_compiler::spec::authority::MandateId;
use ringfence_compiler::spec::delivery::{Branch, Folder, GitUrl, ObjectName, OciUrl, Release};
use ringfence_compiler::spec::exposure::{Hostname, SecretName, UrlPath};
use ringfence_compiler::spec::names::{Day, Name, Owner};
use ringfence_compiler::spec::node::{Glob, NamespaceClaim};
use ringfence_compiler::spec::reference::{Cidr, NodePath, Reference};
use ringfence_compiler::spec::route::Duration;
use serde_json::{Value, json};

/// A grammar: its name, its expression as an editor uses it, and its parser.
struct Grammar {
    what: &'static str,
    validator: jsonschema::Validator,
    parse: fn(&str) -> Result<(), String>,
    example: &'static str,
}

fn grammar<T: Text>() -> Grammar {
    let schema =
        json!({ "$schema": "http://json-schema.org/draft-07/schema#", "type": "string", "pattern": T::PATTERN });
    let validator = jsonschema::validator_for(&schema).unwrap();
    Grammar { what: T::WHAT, validator, parse: |text| T::parse(text).map(drop), example: T::EXAMPLE }
}

fn grammars() -> Vec<Grammar> {
    vec![
        grammar::<Name>(),
        grammar::<Day>(),
        grammar::<Owner>(),
        grammar::<NodePath>(),
        grammar::<Reference>(),
        grammar::<Cidr>(),
        grammar::<Glob>(),
        grammar::<NamespaceClaim>(),
        grammar::<MandateId>(),
        grammar::<Method>(),
        grammar::<PathPattern>(),
        grammar::<HostPattern>(),
        grammar::<TextPattern>(),
        grammar::<Hostname>(),
        grammar::<SecretName>(),
        grammar::<UrlPath>(),
        grammar::<Duration>(),
        grammar::<Branch>(),
        grammar::<Folder>(),
        grammar::<GitUrl>(),
        grammar::<ObjectName>(),
        grammar::<OciUrl>(),
        grammar::<Release>(),
    ]
}

impl Grammar {
    fn check(&self, text: &str) {
        let reader = (self.parse)(text);
        let schema = self.validator.is_valid(&Value::from(text));
        // What a prefix leaves of an address is beyond an expression (`schemas/examples/cluster/reader-only-host-bits.yaml`).
        if reader.as_ref().is_err_and(|reason| reason.contains("host bits")) {
            return assert!(schema, "{text:?} is {}", self.what);
        }
        assert_eq!(schema, reader.is_ok(), "{text:?} as {}: the parser says {reader:?}", self.what);
    }
}

#[test]
fn examples_are_of_their_grammar() {
    for grammar in grammars() {
        assert_eq!((grammar.parse)(grammar.example), Ok(()));
        grammar.check(grammar.example);
    }
}

#[test]
fn every_day_near_the_edges_of_a_month_is_judged_alike() {
    let day = grammar::<Day>();
    for year in (1960..2110).chain([2199, 2200, 2400, 3999, 4000, 9996, 9999]) {
        for month in 0..14 {
            [0, 1, 9, 10, 19, 27, 28, 29, 30, 31, 32]
                .iter()
                .for_each(|number| day.check(&format!("{year:04}-{month:02}-{number:02}")));
        }
    }
}

/// Texts made of pieces that mean something in one grammar or another.
fn texts() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "a",
        "B",
        "7",
        "0",
        "-",
        ".",
        "_",
        "*",
        "**",
        "/",
        "/",
        ":",
        "::",
        "#",
        "?",
        "@",
        " ",
        "\n",
        "é",
        "\u{85}",
        "\u{feff}",
        "{*}",
        "{**}",
        "{",
        "}",
        "[",
        "+",
        "~",
        "zone:",
        "gateway:",
        "sa:",
        "cidr:",
        "team:",
        "mesh",
        "anyone",
        "10.0.0.0",
        "10.",
        "255",
        "256",
        "/8",
        "/32",
        "/33",
        "/128",
        "/129",
        "fd00:",
        "GET",
        "mtls",
        "2027",
        "-02",
        "-29",
        "ffff",
        "..",
        "/../",
        "/.",
        "%",
        "%61",
        "%2e",
        "%2F",
        "%00",
        "[::1]",
        "]",
        "\\",
        "|",
        "https://",
        "ssh://",
        "oci://",
        "git@",
        ".lock",
        "{cluster}",
        "2.9",
        ".0",
    ]);
    prop::collection::vec(pieces, 0..9).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn expression_and_parser_agree_on_any_text(texts in prop::collection::vec(prop_oneof![4 => texts(), 1 => any::<String>()], 8)) {
        // The expressions are made once: that costs more than any text.
        thread_local!(static GRAMMARS: Vec<Grammar> = grammars());
        GRAMMARS.with(|grammars| {
            for text in &texts {
                grammars.iter().for_each(|grammar| grammar.check(text));
            }
        });
    }
}

#[test]
fn addresses_of_every_shape_are_judged_alike() {
    let cidr = grammar::<Cidr>();
    // Every way to leave groups out of an IPv6 address.
    for head in 0..10 {
        for tail in 0..10 {
            let groups = |count: usize| vec!["0"; count].join(":");
            cidr.check(&format!("{}::{}", groups(head), groups(tail)));
            cidr.check(&format!("{}:{}", groups(head), groups(tail)));
        }
    }
    for length in 0..300 {
        cidr.check(&format!("0.0.0.0/{length}"));
        cidr.check(&format!("::/{length}"));
        cidr.check(&format!("0.0.{length}.0"));
        cidr.check(&format!("::/0{length}"));
    }
}
