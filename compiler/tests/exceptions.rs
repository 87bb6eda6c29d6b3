//! Exceptions: each field has one that is needed, which is kept, and one that is not, which is said.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers of a test fail like the test"
)]

mod support;

use support::{files, run};

const REST: &str = "\
=== ringfence.yaml
apiVersion: ringfence/v1alpha1
kind: Project
metadata: {name: shop}
spec: {}
=== policy/organization.yaml
apiVersion: ringfence/v1alpha1
kind: Organization
metadata: {name: acme}
spec: {}
=== policy/clusters.yaml
apiVersion: ringfence/v1alpha1
kind: Cluster
metadata: {name: prod}
spec:
  gateways:
    ingress: {namespace: istio-system, serviceAccount: ingress}
=== policy/shop/web/workspace.yaml
apiVersion: ringfence/v1alpha1
kind: Workspace
metadata: {name: web}
spec: {namespaces: prod/web}
=== inventory/prod/web.yaml
apiVersion: v1
kind: Namespace
metadata: {name: web, labels: {istio-injection: enabled}}
---
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: web}
spec: {selector: {app: cart}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart, namespace: web}
spec:
  template:
    metadata: {labels: {app: cart}}
    spec:
      serviceAccountName: cart
      containers: [{name: main, ports: [{containerPort: 8080}]}]
";

/// Compiles with a mandate of the tenant, an exception to it and a statement that needs the exception, then without that
/// statement: once nothing is said and the exception is in the lock, once it is said to be unused.
fn check(field: &str, mandate: &str, to: &str, needs: (&str, &str)) {
    let tenant = format!(
        "=== policy/shop/tenant.yaml\napiVersion: ringfence/v1alpha1\nkind: Tenant\nmetadata: {{name: shop}}\nspec:\n  mandates: {mandate}\n"
    );
    let exception = format!(
        "=== policy/shop/exceptions.yaml\napiVersion: ringfence/v1alpha1\nkind: Exception\nmetadata: {{name: EXC-1}}\nspec:\n  waives: /shop#{field}\n  scope: {{node: /shop/web}}\n  widenTo: {to}\n  category: waiver\n  reason: a test\n  owner: team:shop\n  expires: \"2027-02-15\"\n"
    );
    let (kind, spec) = needs;
    let needs = format!(
        "=== policy/shop/web/needs.yaml\napiVersion: ringfence/v1alpha1\nkind: {kind}\nmetadata: {{name: needs}}\nspec: {spec}\n"
    );
    let delegation = if kind == "Raw" {
        "=== policy/delegations.yaml\napiVersion: ringfence/v1alpha1\nkind: Delegation\nmetadata: {name: raw}\nspec: {to: /shop/web, may: [raw]}\n"
    } else {
        ""
    };

    let outcome = run(&files(&format!("{REST}{tenant}{exception}{needs}{delegation}")), "2026-11-22");
    assert_eq!(outcome.said(), "", "{field}: needed");
    let lock = &outcome.compiled.unwrap().files[".ringfence/prod.lock.json"];
    assert!(lock.contains("EXC-1"), "{field}: {lock}");

    let outcome = run(&files(&format!("{REST}{tenant}{exception}{delegation}")), "2026-11-22");
    assert!(outcome.said().starts_with("warning[resolve/exception-unused]"), "{field}: {}", outcome.said());

    let outcome = run(&files(&format!("{REST}{tenant}{needs}{delegation}")), "2026-11-22");
    assert!(!outcome.errors().is_empty(), "{field}: without the exception");
}

#[test]
fn an_issuer_needs_the_exception_that_lets_it_through() {
    check(
        "jwt.issuers",
        "{jwt: {issuers: {atMost: [\"https://old.example\"]}}}",
        "\"https://new.example\"",
        ("Authentication", "{issuers: [{issuer: \"https://new.example\", jwksUri: \"https://new.example/keys\"}]}"),
    );
}

#[test]
fn a_trust_domain_needs_the_exception_that_lets_it_through() {
    check(
        "trustDomains",
        "{trustDomains: {atMost: [other.example]}}",
        "cluster.local",
        ("Access", "{to: cart, allow: [{from: \"gateway:ingress\"}]}"),
    );
}

#[test]
fn a_kind_needs_the_exception_that_lets_it_through() {
    check(
        "raw",
        "{raw: {kinds: {atMost: [DestinationRule]}}}",
        "VirtualService",
        (
            "Raw",
            "{manifest: {apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: cart, namespace: web}, spec: {hosts: [cart]}}}",
        ),
    );
}

#[test]
fn a_caller_needs_the_exception_that_lets_it_through() {
    check(
        "access",
        "{access: {from: {atMost: [/shop/web]}}}",
        "\"gateway:ingress\"",
        ("Access", "{to: cart, allow: [{from: \"gateway:ingress\"}]}"),
    );
}

#[test]
fn a_mode_needs_the_exception_that_lets_it_through() {
    check(
        "mtls",
        "{mtls: {atMost: strict}}",
        "permissive",
        ("Service", "{workloads: {names: cart}, mtls: permissive}"),
    );
}
