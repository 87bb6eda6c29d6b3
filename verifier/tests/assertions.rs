//! What is true of assertions on small repositories: each file of `assertions/` is a policy laid over that of `mesh.txt`,
//! with a line for each claim that says what becomes of it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test, which reads its data and fails where it finds none"
)]

use std::fs;
use std::path::Path;

use ringfence_compiler::compile::compile;
use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::parse::parse;
use ringfence_compiler::resolve::resolve;
use ringfence_compiler::shape::scalar::Text;
use ringfence_compiler::source::Sources;
use ringfence_compiler::spec::names::Day;
use ringfence_verifier::assertions::{Judgement, judge};
use ringfence_verifier::surroundings::Surroundings;

#[path = "../../compiler/tests/support/mod.rs"]
mod support;

fn data(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/assertions");
    fs::read_to_string(folder.join(name)).unwrap()
}

/// Judges a repository; returns what became of each claim, and what was reported.
fn judged(files: &support::Files) -> (Vec<Judgement>, Vec<String>) {
    let (mut sources, mut said) = (Sources::new(), Diagnostics::new());
    let ended = parse(files, &mut sources, &mut said).ok().and_then(|parsed| {
        let resolved = resolve(&parsed, Day::parse("2026-11-22").unwrap(), &mut said).ok()?;
        let compiled = compile(&resolved, &sources, &mut said).ok()?;
        let mut reported = Diagnostics::new();
        let around = |cluster: &str| Surroundings::read(&parsed.manifests(cluster, &sources));
        let judgements = judge(&resolved, &compiled, &around, &mut reported);
        let line = |one: &&ringfence_compiler::diagnostics::Diagnostic| {
            let places: Vec<_> = one.labels().iter().map(|label| sources.place(label.span).to_string()).collect();
            format!("{} {} {}", one.code().id, places.join(" "), one.help_text().unwrap_or_default())
        };
        Some((judgements, reported.sorted(&sources).iter().map(line).collect()))
    });
    ended.unwrap_or_else(|| {
        let said: Vec<_> =
            said.sorted(&sources).iter().map(|one| format!("{}: {}", one.code().id, one.message())).collect();
        panic!("{}", said.join("\n"))
    })
}

fn check(name: &str) -> (Vec<Judgement>, Vec<String>) {
    let mut files = support::files(&data("mesh.txt"));
    files.extend(support::files(&data(name)));
    let expected = String::from_utf8(files.remove("expected").expect("a case says what it expects")).unwrap();
    let (judgements, reported) = judged(&files);
    let lines: String = judgements
        .iter()
        .flat_map(|judgement| &judgement.claims)
        .map(|claim| {
            let because = claim.verdict.evidence().map(|it| format!(": {}", it.because)).unwrap_or_default();
            format!("{}: {}{because}\n", claim.text, claim.verdict.word())
        })
        .collect();
    assert_eq!(lines, expected, "{name}: {}", reported.join("\n"));
    (judgements, reported)
}

#[test]
fn what_must_never_be_reachable_is_not_or_a_request_shows_it() {
    let (judgements, reported) = check("never.txt");
    let broken = judgements.iter().flat_map(|it| &it.claims).filter(|it| it.verdict.word() == "broken");
    for step in broken.flat_map(|claim| &claim.verdict.evidence().unwrap().steps) {
        assert!(step.request.is_some() && step.statement.is_some(), "{step:?}");
    }
    let shown = "verify/assertion-broken policy/assertions.yaml:14 policy/shop/front/access.yaml:23 \
                 by such a request: a connection to port 5432 as cluster.local/ns/shop/sa/cart from 192.0.2.1";
    assert!(reported.iter().any(|line| line.starts_with(shown)), "{}", reported.join("\n"));
}

#[test]
fn tokens_are_asked_for_where_an_assertion_says_so() {
    check("tokens.txt");
}

#[test]
fn the_rest_of_the_claims_holds_or_is_broken_as_it_is_written() {
    let (judgements, _) = check("always.txt");
    let path = judgements.iter().flat_map(|it| &it.claims).find(|it| it.text.starts_with("at least 4")).unwrap();
    let steps = path.verdict.evidence().unwrap().steps.iter().map(|step| format!("{}>{}", step.from, step.to));
    assert_eq!(steps.collect::<Vec<_>>(), ["gateway:edge>shop/web", "shop/web>shop/cart", "shop/cart>shop/db"]);
}

#[test]
fn planted_grants_are_found() {
    check("planted.txt");
}

#[test]
fn callers_of_another_cluster_count() {
    check("clusters.txt");
}

#[test]
fn calls_between_clusters_that_share_no_network_are_left_open() {
    check("apart.txt");
}

#[test]
fn a_port_that_is_not_there_is_not_reached() {
    check("ports.txt");
}

#[test]
fn nothing_is_proved_of_nobody() {
    check("nobody.txt");
}

#[test]
fn a_gateway_among_the_manifests_shows_who_it_is() {
    check("gateway.txt");
}

#[test]
fn whoever_is_inside_may_come_in_by_a_gateway() {
    check("inside.txt");
}

#[test]
fn what_the_inventory_says_at_a_gateway_holds_where_nobody_governs_it() {
    check("guarded.txt");
}

#[test]
fn without_a_proxy_the_network_decides() {
    check("unmeshed.txt");
}

#[test]
fn a_quarantine_suspends_what_is_granted_and_what_is_claimed() {
    check("quarantine.txt");
}

/// Every file of cases is run.
#[test]
fn no_case_is_forgotten() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/assertions");
    let this = include_str!("assertions.rs");
    for entry in fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(this.contains(&format!("(\"{name}\")")), "{name}");
    }
}

#[test]
fn ways_of_an_attacker_are_found_where_they_must_not_be() {
    let (judgements, _) = check("ways.txt");
    let claims = || judgements.iter().flat_map(|it| &it.claims);
    let rights = claims()
        .find(|it| it.text.contains("by calls, identities and rights") && it.verdict.word() == "broken")
        .unwrap();
    let steps: Vec<_> =
        rights.verdict.evidence().unwrap().steps.iter().map(|step| format!("{}>{}", step.from, step.to)).collect();
    assert_eq!(steps, ["shop/web>ServiceAccount shop/web", "ServiceAccount shop/web>ops/tool"]);
}

#[test]
fn sets_that_share_somebody_are_judged_one_by_one() {
    check("sets.txt");
}
