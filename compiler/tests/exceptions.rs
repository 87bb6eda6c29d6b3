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

#[test]
fn terms_that_name_nobody_let_nobody_below_approve() {
    let said = |organization: &str, tenant: &str, folder: &str, approvals: &str| {
        let node = |path: &str, kind: &str, spec: &str| {
            format!(
                "=== policy/{path}\napiVersion: ringfence/v1alpha1\nkind: {kind}\nmetadata: {{name: shop}}\nspec: {spec}\n"
            )
        };
        let organization = node("organization.yaml", "Organization", organization);
        let tenant = node("shop/tenant.yaml", "Tenant", tenant);
        let service = node("shop/web/service.yaml", "Service", "{workloads: {names: cart}, mtls: permissive}");
        let exception = node(
            &format!("{folder}exceptions.yaml"),
            "Exception",
            &format!(
                "{{waives: \"/shop#mtls\", scope: {{node: /shop/web}}, widenTo: permissive, category: waiver, reason: a test, owner: team:web, approvals: {approvals}, granted: \"2026-11-01\", expires: \"2027-01-02\"}}"
            ),
        );
        run(&files(&format!("{REST}{organization}{tenant}{service}{exception}")), "2026-11-22").said()
    };
    let nobody = "nobody says who may approve an exception to `/shop#mtls`";
    let mandate = |terms: &str| format!("{{mandates: {{mtls: {{atMost: strict}}, exceptions: {{{terms}}}}}}}");
    let two = "[{by: me@web.example}, {by: also-me@web.example}]";
    for terms in ["maxDays: 90", "approvals: 2", "approvals: 1, maxDays: 90"] {
        let below = said("{}", &mandate(terms), "shop/web/", two);
        assert!(below.contains(nobody), "{terms}: {below}");
        assert_eq!(said("{}", &mandate(terms), "shop/", two), "", "{terms}");
    }
    // How many, says the organization; who, says the tenant.
    let organization = "{teams: {sec: [ana@x.example, bo@x.example]}, mandates: {exceptions: {approvals: 2}}}";
    let approvers = mandate("approvers: [team:sec]");
    let one_and_me = said(organization, &approvers, "shop/web/", "[{by: ana@x.example}, {by: me@web.example}]");
    assert!(one_and_me.contains("has 1 of 2 approvals"), "{one_and_me}");
    let both = said(organization, &approvers, "shop/web/", "[{by: ana@x.example}, {by: bo@x.example}]");
    assert_eq!(both, "");
}
