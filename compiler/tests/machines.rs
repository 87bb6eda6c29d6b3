//! Machines outside Kubernetes: what is emitted for them and for those who call them, and what is refused.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers of a test fail like the test"
)]

mod support;

use support::{Outcome, files, run};

/// Compiles `books`, a machine with these fields, which grants `web` what is said, beside `cart`, which grants `books` port 8080.
fn outcome(machine: &str, grant: &str, more: &str) -> Outcome {
    run(&files(&text(machine, grant, more)), "2026-11-22")
}

fn text(machine: &str, grant: &str, more: &str) -> String {
    format!(
        "\
=== ringfence.yaml
apiVersion: ringfence/v1alpha1
kind: Project
metadata: {{name: shop}}
spec: {{}}
=== policy/organization.yaml
apiVersion: ringfence/v1alpha1
kind: Organization
metadata: {{name: acme}}
spec: {more}
=== policy/clusters.yaml
apiVersion: ringfence/v1alpha1
kind: Cluster
metadata: {{name: prod}}
spec: {{network: blue}}
=== policy/shop/tenant.yaml
apiVersion: ringfence/v1alpha1
kind: Tenant
metadata: {{name: shop}}
=== policy/shop/web/workspace.yaml
apiVersion: ringfence/v1alpha1
kind: Workspace
metadata: {{name: web}}
spec: {{namespaces: [prod/web, prod/old]}}
=== policy/shop/web/machine.yaml
apiVersion: ringfence/v1alpha1
kind: VirtualMachine
metadata: {{name: books}}
spec: {{cluster: prod, namespace: old, ports: {{number: 8443, protocol: http}}, {machine}}}
=== policy/shop/web/access.yaml
apiVersion: ringfence/v1alpha1
kind: Access
metadata: {{name: to-books}}
spec: {{to: books, allow: [{grant}]}}
=== policy/shop/web/access2.yaml
apiVersion: ringfence/v1alpha1
kind: Access
metadata: {{name: to-cart}}
spec: {{to: cart, allow: [{{from: books, ports: [8080]}}]}}
=== inventory/prod/web.yaml
apiVersion: v1
kind: Namespace
metadata: {{name: web, labels: {{istio-injection: enabled}}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: cart, namespace: web}}
spec: {{template: {{metadata: {{labels: {{app: cart}}}}, spec: {{serviceAccountName: cart, containers: [{{name: main, ports: [{{containerPort: 8080}}]}}]}}}}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web, namespace: web}}
spec: {{template: {{metadata: {{labels: {{app: web}}}}, spec: {{serviceAccountName: web, containers: [{{name: main}}]}}}}}}
"
    )
}

const PROXIED: &str = "addresses: [10.9.0.4, 10.9.0.5], serviceAccount: books, proxy: true";

#[test]
fn each_address_is_an_entry_and_callers_are_told_of_one_host() {
    let outcome = outcome(PROXIED, "{from: web, methods: [GET]}", "{}");
    assert_eq!(outcome.said(), "");
    let entry = outcome.emitted("workloadentry--books-10-9-0-5");
    assert!(entry.contains("address: \"10.9.0.5\"") && entry.contains("serviceAccount: books"), "{entry}");
    assert!(entry.contains("network: blue") && entry.contains("http-8443: 8443"), "{entry}");
    let service = outcome.emitted("serviceentry--ringfence-books");
    for part in ["- books.old.mesh.internal", "MESH_INTERNAL", "STATIC", "app: books", "- \".\"\n    - web\n"] {
        assert!(service.contains(part), "{part}: {service}");
    }
    let admitted = outcome.emitted("authorizationpolicy--ringfence-allow-books");
    assert!(admitted.contains("app: books") && admitted.contains("cluster.local/ns/web/sa/web"), "{admitted}");
    let files = outcome.compiled.as_ref().unwrap().files.keys();
    assert!(!files.clone().any(|file| file.contains("old--networkpolicy--ringfence-books")), "{files:?}");
}

#[test]
fn network_policy_knows_machines_by_their_addresses_at_both_ends() {
    let outcome = outcome(PROXIED, "{from: web, ports: [8443]}", "{}");
    let (leaves, arrives) =
        (outcome.emitted("networkpolicy--ringfence-web"), outcome.emitted("networkpolicy--ringfence-cart"));
    assert!(leaves.contains("cidr: \"10.9.0.4/32\"") && leaves.contains("port: 8443"), "{leaves}");
    assert!(arrives.contains("cidr: \"10.9.0.5/32\"") && arrives.contains("port: 8080"), "{arrives}");
}

#[test]
fn machines_that_register_themselves_are_a_group() {
    let outcome = outcome("addresses: 10.9.1.0/24, proxy: true", "{from: web}", "{}");
    let group = outcome.emitted("workloadgroup--books");
    assert!(group.contains("metadata:\n    labels:\n      app: books") && !group.contains("address"), "{group}");
    assert!(outcome.emitted("networkpolicy--ringfence-web").contains("cidr: \"10.9.1.0/24\""));
}

#[test]
fn callers_speak_plaintext_to_a_machine_without_a_proxy() {
    let outcome = outcome("addresses: 10.9.0.4", "{from: web}", "{}");
    assert!(outcome.errors().is_empty(), "{}", outcome.said());
    assert!(outcome.said().contains("warning[lowering/not-in-mesh] `old/books` has no proxy: it is a machine"));
    assert!(outcome.emitted("destinationrule--ringfence-books").contains("mode: DISABLE"));
    let entry = outcome.emitted("workloadentry--books");
    assert!(entry.contains("security.istio.io/tlsMode: disabled") && !entry.contains("serviceAccount"), "{entry}");
}

/// Checks what is said of a machine.
fn check(machine: &str, grant: &str, more: &str, expected: &[&str]) {
    let outcome = outcome(machine, grant, more);
    let said = outcome.said();
    let lines: Vec<&str> = said.lines().filter(|line| line.starts_with("error")).collect();
    assert_eq!(lines, expected, "{machine} {grant} {more}");
}

#[test]
fn what_nothing_enforces_at_a_machine_is_refused() {
    let bare = "addresses: 10.9.0.4, proxy: false";
    let why = "of `books` cannot be enforced: it is a machine that is said to have none";
    let refused = |what: &str| format!("error[lowering/unenforceable] {what} {why}");
    check(bare, "{from: web, methods: [GET]}", "{}", &[&refused("access")]);
    check(
        bare,
        "{from: web}",
        "{mandates: {mtls: {atMost: strict}}, defaults: {mtls: strict}}",
        &[&refused("the mTLS")],
    );
    check(bare, "{from: web}", "{mandates: {access: {from: {atMost: [/shop]}}}}", &[&refused("a mandate on access")]);
    check(PROXIED, "{from: web}", "{mandates: {access: {from: {atMost: [/shop]}}}}", &[]);
    check(
        "addresses: 10.9.1.0/24",
        "{from: web}",
        "{}",
        &["error[lowering/unenforceable] no machine registers itself for `books` in `10.9.1.0/24`"],
    );
    check(
        &format!("{PROXIED}, network: green"),
        "{from: web}",
        "{}",
        &["error[lowering/unenforceable] `books` is on network `green`, and its cluster on `blue`"],
    );
}

#[test]
fn a_machine_is_in_a_cluster_there_is_and_in_a_namespace_of_its_workspace() {
    let said = |from: &str, to: &str| {
        let mut all = files(&text(PROXIED, "{from: web}", "{}"));
        let machine = all.get_mut("policy/shop/web/machine.yaml").unwrap();
        *machine = String::from_utf8(machine.clone()).unwrap().replacen(from, to, 1).into_bytes();
        run(&all, "2026-11-22").said()
    };
    assert!(said("cluster: prod", "cluster: prof").contains("there is no cluster `prof`"));
    let other = said("namespace: old", "namespace: other");
    assert!(
        other.contains("error[resolve/outside-node] `prod/other`, the namespace of `books`, belongs to no workspace"),
        "{other}"
    );
    let twice =
        said("{number: 8443, protocol: http}", "[{number: 8443, protocol: http}, {number: 8443, protocol: tcp}]");
    assert!(twice.contains("error[parse/invalid-value] port 8443 is there twice"), "{twice}");
}
