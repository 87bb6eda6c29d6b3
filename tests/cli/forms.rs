//! The names that people may type, the questions that no request can be, and the forms an answer comes in.

use std::fs;

use crate::runner::{DAY, Ran, copy, edit, ringfence, text};

/// Asks about the bank, which has two clusters.
fn bank(words: &[&str]) -> Ran {
    ringfence(&[&["reach"], words, &["--mesh", "fixtures/bank", "--as-of", DAY]].concat())
}

/// `web` and `db`, with a Service that leads from port 80 to 8080.
fn shop() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let workload = |name: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, namespace: shop}}\nspec: {{template: {{metadata: \
             {{labels: {{app: {name}}}}}, spec: {{serviceAccountName: {name}, containers: [{{name: a, ports: \
             [{{containerPort: 8080}}, {{containerPort: 9090}}]}}]}}}}}}\n---\n"
        )
    };
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: store, namespace: shop}\nspec: {selector: {app: db}, ports: [{name: http, port: 80, targetPort: 8080}]}\n";
    let text = format!("{}{}{service}", workload("web"), workload("db"));
    fs::write(folder.path().join("run.yaml"), text).unwrap();
    folder
}

#[test]
fn names_that_answers_print_are_names_that_questions_take() {
    let check = |from: &str, to: &str, expected: &[&str]| {
        let ran = bank(&[from, to, "--format", "concise"]);
        assert_eq!(ran.code, 0, "{}", ran.all());
        let found: Vec<&str> =
            ran.out.lines().map(|line| line.split_once("; ").map_or(line, |(said, _)| said)).collect();
        assert_eq!(found, expected, "{from} {to}");
    };
    let here = "prod-east: edge/public-api -> identity/login:8080: allowed";
    let there = "prod-west: edge/public-api -> identity/login:8080: allowed";
    check("edge/public-api", "identity/login:8080", &[here, there]);
    check("edge/public-api", "prod-west:identity/login:8080", &[there]);
    let across = "prod-west: prod-east:edge/public-api -> identity/login:8080: allowed";
    check("prod-east:edge/public-api", "identity/login:8080", &[here, across]);
    check("prod-east:edge/public-api", "prod-west:identity/login:8080", &[across]);
}

#[test]
fn a_port_of_a_service_is_the_port_it_leads_to() {
    let folder = shop();
    let check = |to: &str, expected: &[(u64, Option<&str>)]| {
        let ran = ringfence(&["reach", "web", to, "--mesh", text(folder.path()), "--format", "json"]);
        let answers = ran.json()["answers"].as_array().unwrap().clone();
        let found: Vec<_> =
            answers.iter().map(|answer| (answer["port"].as_u64().unwrap(), answer["service"].as_str())).collect();
        assert_eq!(found, expected, "{to}");
    };
    let led = Some("port 80 of Service shop/store leads to port 8080");
    check("shop/db:80", &[(8080, led)]);
    check("shop/db:8080", &[(8080, None)]);
    check("shop/db", &[(8080, None), (9090, None)]);
    check("shop/store", &[(8080, led)]);
    check("shop/store:80", &[(8080, led)]);
    check("store:9090", &[(9090, Some("Service shop/store has no port 9090: its pods are asked"))]);
}

#[test]
fn a_service_that_leads_to_no_port_is_no_answer() {
    let folder = shop();
    edit(folder.path(), "run.yaml", "targetPort: 8080", "targetPort: web");
    for to in ["store", "store:80"] {
        let ran = ringfence(&["reach", "web", to, "--mesh", text(folder.path())]);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{to}: {}", ran.all());
        assert!(ran.err.contains("manifests show no port of `store`"), "{to}: {}", ran.err);
    }
}

#[test]
fn what_no_request_can_be_is_not_denied() {
    let check = |words: &[&str], said: &str| {
        let ran = bank(&[&["edge/public-api", "identity/login"], words].concat());
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{words:?}");
        assert!(ran.err.contains(said), "{words:?}: {}", ran.err);
    };
    check(&["--path", "admin"], "did you mean `/admin`?");
    check(&["--method", "get"], "did you mean `GET`?");
    check(&["--host", "https://a.example"], "did you mean `a.example`?");
    check(&["--header", ":path=/a"], "a part of the request itself");
    check(&["--port", "0"], "nothing listens on port 0");
    let block = bank(&["10.0.0.0/33", "identity/login"]);
    assert_eq!(block.code, 2);
    assert!(block.err.contains("`10.0.0.0/33` is no block of addresses"), "{}", block.err);
}

#[test]
fn a_matrix_comes_in_one_form_at_a_time() {
    let matrix = |words: &[&str]| ringfence(&[&["matrix", "fixtures/bookinfo", "--as-of", DAY], words].concat());
    let dot = matrix(&["--format", "dot"]);
    assert!(dot.out.starts_with("digraph mesh {\n") && dot.out.ends_with("}\n"), "{}", dot.out);
    assert!(dot.out.contains("\"bookinfo/reviews-v1\" -> \"bookinfo/ratings-v1\" [label=\"9080\"];"), "{}", dot.out);
    let concise = matrix(&["--format", "concise"]);
    assert!(
        concise.out.contains("demo: bookinfo/reviews-v1 -> bookinfo/ratings-v1:9080: allowed\n"),
        "{}",
        concise.out
    );
    assert_eq!(matrix(&["--csv"]).out, matrix(&["--format", "csv"]).out);
    let both = matrix(&["--csv", "--format", "json"]);
    assert_eq!((both.code, both.out.as_str()), (2, ""), "{}", both.err);
}

#[test]
fn several_keys_may_be_stolen() {
    let folder = shop();
    let words = ["reach", "outside", "db", "--mesh", text(folder.path()), "--compromised", "web", "--compromised"];
    let ran = ringfence(&[&words[..], &["db"]].concat());
    assert!(ran.out.contains("with the key of web, with the key of db"), "{}", ran.all());
    let ran = ringfence(&[&words[..], &["nobody"]].concat());
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("there is no workload `nobody`"), "{}", ran.err);
}

#[test]
fn a_key_is_shown_in_every_cluster_of_the_mesh() {
    let check = |key: &str| {
        let ran = bank(&["outside", "prod-east:identity/login:8080", "--compromised", key]);
        assert!(
            ran.out.ends_with(&format!("with the key of {key}, as of {DAY}: denied -> depends\n")),
            "{}",
            ran.all()
        );
    };
    check("prod-east:edge/public-api");
    check("prod-west:edge/public-api");
}

#[test]
fn an_identity_is_that_of_whoever_holds_it_in_any_cluster() {
    let check = |account: &str, to: &str, expected: &str| {
        let from = format!("spiffe://prod.acme.example/ns/{account}");
        let ran = bank(&[&from, to, "--format", "concise"]);
        assert!(ran.out.contains(expected), "{from} {to}: {}", ran.all());
    };
    // No workload of the west has it.
    let across = "prod-west: prod-east:edge/partner-api -> lending-origination/applications:8080: ";
    check("edge/sa/partner-api", "prod-west:lending-origination/applications:8080", across);
    let both = "prod-east: prod-west:edge/public-api -> identity/login:8080: allowed";
    check("edge/sa/public-api", "prod-east:identity/login:8080", both);
}

#[test]
fn what_decides_nothing_has_no_impact() {
    let folder = copy("bookinfo");
    let check = |name: &str, said: &str| {
        let ran = ringfence(&["impact", name, text(folder.path()), "--as-of", DAY]);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{name}");
        assert!(ran.err.contains(said), "{name}: {}", ran.err);
    };
    check("Deployment/bookinfo/ratings-v1", "a Deployment decides nothing about who reaches whom");
    check(
        "NetworkPolcy/bookinfo/ringfence-default-deny",
        "did you mean `NetworkPolicy/bookinfo/ringfence-default-deny`?",
    );
    check(
        "NetworkPolicy/bookinfo/ringfence-defalt-deny",
        "did you mean `NetworkPolicy/bookinfo/ringfence-default-deny`?",
    );
}
