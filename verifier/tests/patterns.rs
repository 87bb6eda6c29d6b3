//! Each pattern that ships with the tool, in the small shop of `fixtures/patterns`: what it closes and what it leaves open is proved,
//! and what breaches it is found.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test, which reads its data and fails where it finds none"
)]

use std::collections::BTreeSet;
use std::path::Path;

use ringfence_compiler::compile::compile;
use ringfence_compiler::diagnostics::{Diagnostics, Severity};
use ringfence_compiler::parse::parse;
use ringfence_compiler::patterns::{self, BUILT_IN};
use ringfence_compiler::resolve::resolve;
use ringfence_compiler::shape::scalar::Text;
use ringfence_compiler::source::Sources;
use ringfence_compiler::spec::names::Day;
use ringfence_verifier::assertions::judge;
use ringfence_verifier::surroundings::Surroundings;
use ringfence_verifier::translation::prove;

#[path = "../../compiler/tests/support/mod.rs"]
mod support;

/// What became of a repository: claims that are not proved, and everything else that was said.
#[derive(Debug)]
struct Judged {
    claims: usize,
    open: Vec<String>,
    said: Vec<String>,
}

fn judged(files: &support::Files) -> Judged {
    let (mut sources, mut said) = (Sources::new(), Diagnostics::new());
    let mut judged = Judged { claims: 0, open: Vec::new(), said: Vec::new() };
    if let Ok(parsed) = parse(files, &mut sources, &mut said)
        && let Ok(resolved) = resolve(&parsed, Day::parse("2026-11-22").unwrap(), &mut said)
        && let Ok(compiled) = compile(&resolved, &sources, &mut said)
    {
        prove(&resolved, &compiled, &mut said);
        let mut reported = Diagnostics::new();
        for claim in judge(&resolved, &compiled, &|_| Surroundings::default(), &mut reported)
            .iter()
            .flat_map(|judgement| &judgement.claims)
        {
            judged.claims += 1;
            if claim.verdict.word() != "proved" {
                judged.open.push(format!("{}: {}", claim.text, claim.verdict.word()));
            }
        }
    }
    let loud = said.sorted(&sources).into_iter().filter(|one| one.code().severity != Severity::Note);
    judged.said = loud
        .map(|one| {
            let places: Vec<_> = one.labels().iter().map(|label| sources.place(label.span)).collect();
            format!("{} {}: {}", one.code().id, places.join(" "), one.message())
        })
        .collect();
    judged
}

/// Returns the shop with one more file in its workspace.
fn shop(more: &[(&str, &str)]) -> support::Files {
    let mut files = support::folder("fixtures/patterns/base");
    for (name, text) in more {
        files.insert(format!("policy/shop/floor/{name}"), text.as_bytes().to_vec());
    }
    files
}

fn fixture(name: &str, file: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/patterns");
    std::fs::read_to_string(root.join(name).join(file)).unwrap_or_else(|error| panic!("{name}/{file}: {error}"))
}

#[test]
fn every_pattern_has_a_fixture_and_every_fixture_a_pattern() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/patterns");
    let folders = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap());
    let folders = folders.filter(|entry| entry.path().is_dir()).map(|entry| entry.file_name().into_string().unwrap());
    let patterns = BUILT_IN.iter().map(|(name, _)| (*name).to_owned()).chain(["base".to_owned()]);
    assert_eq!(folders.collect::<BTreeSet<_>>(), patterns.collect());
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../compiler/patterns")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(patterns::find(name.trim_end_matches(".yaml")).is_some(), "{name} is not listed");
    }
}

#[test]
fn what_a_pattern_closes_and_leaves_open_is_proved() {
    for (name, text) in BUILT_IN {
        assert!(!patterns::summary(text).is_empty() && text.contains(&format!("  name: {name}\n")), "{name}");
        let judged = judged(&shop(&[("use.yaml", &fixture(name, "use.yaml"))]));
        assert!(judged.open.is_empty() && judged.said.is_empty() && judged.claims >= 2, "{name}: {judged:#?}");
    }
}

#[test]
fn what_breaches_a_pattern_breaks_a_claim() {
    for (name, _) in BUILT_IN {
        let files = shop(&[("use.yaml", &fixture(name, "use.yaml")), ("breach.yaml", &fixture(name, "breach.yaml"))]);
        let judged = judged(&files);
        assert!(judged.open.iter().any(|claim| claim.ends_with(": broken")), "{name}: {judged:#?}");
    }
}

#[test]
fn a_copy_of_a_pattern_that_ships_is_a_pattern_of_ones_own() {
    for (name, text) in BUILT_IN {
        let own = text.replacen(&format!("  name: {name}\n"), "  name: mine\n", 1);
        let used = fixture(name, "use.yaml").replace(&format!("pattern: {name}"), "pattern: mine");
        let judged = judged(&shop(&[("pattern.yaml", &own), ("use.yaml", &used)]));
        assert!(judged.open.is_empty() && judged.said.is_empty(), "{name}: {judged:#?}");
    }
}

/// Checks what is said of a use of a pattern, first of all.
fn check(used: &str, own: &str, expected: &str) {
    let used = format!("apiVersion: ringfence/v1alpha1\nkind: Segmentation\nmetadata: {{name: it}}\nspec: {used}\n");
    let own = match own {
        "" => "# Nothing.\n".to_owned(),
        own => format!("apiVersion: ringfence/v1alpha1\nkind: Pattern\nmetadata: {{name: mine}}\nspec: {own}\n"),
    };
    let judged = judged(&shop(&[("a.yaml", &used), ("b.yaml", &own)]));
    assert!(judged.said.iter().any(|said| said.starts_with(expected)), "{expected}: {judged:#?}");
}

#[test]
fn what_is_wrong_with_a_use_is_said_at_the_use() {
    let with = |more: &str| format!("{{pattern: database-per-service, with: {{owner: orders, database: db, {more}}}}}");
    let at = "policy/shop/floor/a.yaml:4";
    check("{pattern: database-per-servise}", "", &format!("resolve/unknown-reference {at}: there is no pattern"));
    check(&with(""), "", &format!("parse/missing-field {at}: pattern `database-per-service` needs `port`"));
    check(
        &with("port: 5432, ports: 1"),
        "",
        &format!("parse/unknown-field {at}: pattern `database-per-service` has no"),
    );
    check(&with("port: [5432]"), "", &format!("parse/wrong-type {at}"));
    check(
        &with("port: 5432").replace("orders", "mesh"),
        "",
        &format!("parse/invalid-value {at}: `owner` of a pattern"),
    );
    // Names are looked up as if they were written here.
    check(&with("port: 5432").replace("orders", "order"), "", &format!("resolve/unknown-reference {at}"));
    // What the pattern says of them is at its own line, and names the use.
    check(&with("port: 5433"), "", "resolve/unknown-port policy/shop/floor/a.yaml:4");
}

#[test]
fn what_is_wrong_with_a_pattern_is_said_where_it_is_declared() {
    let at = "policy/shop/floor/b.yaml:4";
    let used = "{pattern: mine, with: {a: orders}}";
    let own =
        |documents: &str| format!("{{parameters: [{{name: a, is: service, about: one}}], documents: [{documents}]}}");
    let access = |to: &str| format!("{{kind: Access, name: x, spec: {{to: {to}, allow: [{{from: web}}]}}}}");
    check(used, &own(&access("\"${b}\"")), &format!("parse/unknown-field {at}: pattern `mine` has no parameter `b`"));
    check(used, &own(&access("\"x-${a}\"")), &format!("parse/invalid-value {at}: a parameter is a text of its own"));
    check(used, &own(&access("stock")), &format!("parse/invalid-value {at}: `a` stands nowhere"));
    let deep = "{kind: Segmentation, name: x, spec: {pattern: mine, with: {a: \"${a}\"}}}";
    check(used, &own(deep), &format!("parse/invalid-value {at}"));
}

#[test]
fn what_is_said_of_a_statement_names_the_line_of_the_pattern_and_its_use() {
    let used = fixture("database-per-service", "use.yaml");
    let below = "apiVersion: ringfence/v1alpha1\nkind: Access\nmetadata: {name: all}\nspec: {to: db, deny: [{ports: [5432]}]}\n";
    let judged = judged(&shop(&[("use.yaml", &used), ("deny.yaml", below)]));
    let eaten = judged.said.iter().find(|said| said.starts_with("resolve/eaten-grant")).unwrap();
    assert!(eaten.contains("pattern:database-per-service:22"), "{eaten}");
    assert!(eaten.contains("policy/shop/floor/use.yaml:5"), "{eaten}");
}
