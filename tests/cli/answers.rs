//! The commands that answer questions.

use std::fs;

use insta::assert_snapshot;

use crate::runner::{DAY, Ran, command, copy, ran, ringfence, root};

fn effective(subject: &str, fixture: &str, more: &[&str]) -> Ran {
    let project = format!("fixtures/{fixture}");
    ringfence(&[&["effective", subject, "--project", &project, "--as-of", DAY], more].concat())
}

#[test]
fn effective_shows_a_service_with_every_line_that_made_it_so() {
    let ran = effective("ratings", "bookinfo", &[]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert_snapshot!(ran.out);
}

#[test]
fn effective_shows_exceptions_floors_and_zones() {
    let ran = effective("/payments/batch:legacy-ftp", "bank", &[]);
    assert_eq!(ran.code, 0, "{}", ran.all());
    assert_snapshot!(ran.out);
}

#[test]
fn effective_shows_a_node_with_its_services() {
    let ran = effective("/shop", "bookinfo", &[]);
    assert_eq!(ran.code, 0);
    assert_snapshot!(ran.out);
}

#[test]
fn effective_speaks_json() {
    let ran = effective("/shop/bookinfo:ratings", "bookinfo", &["--format", "json"]);
    let view = &ran.json()["effective"][0];
    assert_eq!(view["name"], "/shop/bookinfo:ratings");
    let rule = &view["workloads"][0]["access"][0];
    assert_eq!(rule["requests"][0]["from"][0], "/shop/bookinfo:reviews");
    assert_eq!(rule["requests"][0]["methods"][0], "GET");
    assert_eq!(rule["place"]["path"], "policy/shop/bookinfo/access.yaml");
    assert!(rule["place"]["line"].as_u64().is_some_and(|line| line > 1));
}

#[test]
fn effective_says_that_everything_arrives_in_plaintext_without_a_proxy() {
    let ran = effective("import", "broken/lowering/not-in-mesh", &["--format", "json"]);
    let workloads = &ran.json()["effective"][0]["workloads"][0];
    assert_eq!(workloads["dataPlane"], "none");
    let mtls = &workloads["settings"][0];
    assert_eq!((&mtls["name"], &mtls["value"]), (&"mtls".into(), &"disable".into()));
    let why = mtls["derivation"].as_array().unwrap().last().unwrap();
    assert_eq!(why["what"], "has no proxy, so");
}

#[test]
fn effective_offers_the_nearest() {
    let check = |subject: &str, said: &str| {
        let ran = effective(subject, "bookinfo", &[]);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""));
        assert!(ran.err.contains(said), "{subject}: {}", ran.err);
    };
    check("rating", "did you mean `ratings`?");
    check("/shpo", "did you mean `/shop`?");
    check("/shop/bookinfo:detail", "did you mean `/shop/bookinfo:details`?");
    check("bookinfo", "write `/shop/bookinfo`");
    check("mesh", "no workload");
    check("a b", "cannot be a name");
}

#[test]
fn explain_knows_a_code_by_its_id_or_its_name() {
    let full = ringfence(&["explain", "resolve/widens-mandate"]);
    assert_eq!(full.code, 0);
    assert!(full.out.starts_with("resolve/widens-mandate (error)\n"), "{}", full.out);
    assert_eq!(full, ringfence(&["explain", "widens-mandate"]));
    let json = ringfence(&["explain", "widens-mandate", "--format", "json"]);
    assert_eq!(json.json()["explanation"]["severity"], "error");
    let wrong = ringfence(&["explain", "widen-mandate"]);
    assert!(wrong.code == 2 && wrong.err.contains("did you mean `widens-mandate`?"), "{}", wrong.err);
}

#[test]
fn checks_lists_every_code_once() {
    let text = ringfence(&["checks"]);
    let json = ringfence(&["checks", "--format", "json"]).json();
    let codes = json["checks"].as_array().unwrap();
    assert_eq!(text.out.lines().count(), codes.len());
    assert!(codes.len() > 50);
    let all: Vec<_> = ringfence_compiler::diagnostics::codes::all().iter().map(|code| code.id).collect();
    let listed: Vec<_> = text.out.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(listed, all);
}

#[test]
fn patterns_are_listed_and_shown_as_documents() {
    let all = ringfence_compiler::patterns::BUILT_IN;
    let (text, json) = (ringfence(&["patterns"]), ringfence(&["patterns", "--format", "json"]).json());
    let listed: Vec<_> = text.out.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(listed, all.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    assert_eq!(json["patterns"].as_array().unwrap().len(), all.len());
    let worker = ringfence(&["patterns", "worker"]);
    assert_eq!((worker.code, Some(worker.out.as_str())), (0, ringfence_compiler::patterns::find("worker")));
    assert!(worker.out.contains("closes:") && worker.out.contains("leavesOpen:"));
    let unknown = ringfence(&["patterns", "wroker"]);
    assert!(unknown.code == 2 && unknown.err.contains("did you mean `worker`?"), "{}", unknown.err);
}

#[test]
fn answers_name_the_line_of_a_pattern_and_that_of_its_use() {
    let folder = copy("patterns/base");
    let used = root().join("fixtures/patterns/database-per-service/use.yaml");
    fs::copy(used, folder.path().join("policy/shop/floor/use.yaml")).unwrap();
    let asked = |words: &[&str]| {
        let mut all = command(words);
        all.current_dir(folder.path()).args(["--as-of", "2026-11-22"]);
        ran(all).out
    };
    let both = "pattern:database-per-service:22, used at policy/shop/floor/use.yaml:5";
    for words in [["reach", "orders", "db"].as_slice(), ["effective", "db"].as_slice()] {
        assert!(asked(words).contains(both), "{words:?}: {}", asked(words));
    }
}

#[test]
fn schemas_are_printed_or_written() {
    let tenant = ringfence(&["schema", "Tenant"]);
    assert_eq!((tenant.code, tenant.json()["title"].as_str()), (0, Some("Tenant")));
    assert_eq!(tenant, ringfence(&["schema", "tenant"]));
    assert_eq!(ringfence(&["schema"]).json()["type"], "object");
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("schemas");
    let ran = ringfence(&["schema", "--out", crate::runner::text(&out)]);
    assert_eq!(ran.code, 0, "{}", ran.all());
    let expected: Vec<_> = ringfence_compiler::schema::files().into_iter().collect();
    assert_eq!(crate::runner::tree(&out), expected);
}

#[test]
fn the_version_is_one_line() {
    assert_eq!(ringfence(&["--version"]).out, format!("ringfence {}\n", env!("CARGO_PKG_VERSION")));
}
