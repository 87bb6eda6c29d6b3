//! Hosts: a name is meant whatever port a client writes behind it, and what Istio cannot say of it is refused.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers of a test fail like the test"
)]

mod support;

use support::{Outcome, files, run};

/// Compiles one workload with a tenant's mandates and one statement about it.
fn compile(mandates: &str, statement: &str) -> Outcome {
    let text = format!(
        "=== ringfence.yaml\napiVersion: ringfence/v1alpha1\nkind: Project\nmetadata: {{name: shop}}\nspec: {{}}\n\
=== policy/organization.yaml\napiVersion: ringfence/v1alpha1\nkind: Organization\nmetadata: {{name: acme}}\nspec: {{}}\n\
=== policy/clusters.yaml\napiVersion: ringfence/v1alpha1\nkind: Cluster\nmetadata: {{name: prod}}\nspec: {{}}\n\
=== policy/shop/tenant.yaml\napiVersion: ringfence/v1alpha1\nkind: Tenant\nmetadata: {{name: shop}}\nspec: {{mandates: {mandates}}}\n\
=== policy/shop/web/workspace.yaml\napiVersion: ringfence/v1alpha1\nkind: Workspace\nmetadata: {{name: web}}\nspec: {{namespaces: prod/web}}\n\
=== policy/shop/web/access.yaml\napiVersion: ringfence/v1alpha1\nkind: Access\nmetadata: {{name: access}}\nspec: {{to: cart, {statement}}}\n\
=== inventory/prod/web.yaml\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: cart, namespace: web}}\n\
spec: {{template: {{metadata: {{labels: {{app: cart}}}}, spec: {{containers: [{{name: main, ports: [{{containerPort: 80}}]}}]}}}}}}\n\
---\napiVersion: v1\nkind: Service\nmetadata: {{name: cart, namespace: web}}\nspec: {{selector: {{app: cart}}, ports: [{{name: http, port: 80}}]}}\n"
    );
    run(&files(&text), "2026-11-22")
}

/// Returns the lines below `hosts:` in the emitted file whose name has this in it.
fn hosts(outcome: &Outcome, file: &str) -> Vec<String> {
    let compiled = outcome.compiled.as_ref().unwrap_or_else(|| panic!("{}", outcome.said()));
    let (_, text) = compiled.files.iter().find(|(path, _)| path.contains(file)).unwrap();
    let below = text.lines().skip_while(|line| !line.trim_end().ends_with("hosts:")).skip(1);
    let items = below.map_while(|line| line.trim().strip_prefix("- "));
    items.map(|item| item.trim_matches(['"', '\'']).to_owned()).collect()
}

#[test]
fn a_deny_holds_whatever_the_port() {
    let exact = compile("{}", "deny: [{hosts: [a.x]}]");
    assert_eq!(hosts(&exact, "--ringfence-deny-cart"), ["a.x", "a.x:*"]);
    let prefix = compile("{}", "deny: [{hosts: [\"a.*\"]}]");
    assert_eq!(hosts(&prefix, "--ringfence-deny-cart"), ["a.*"]);
}

#[test]
fn a_deny_by_how_a_host_ends_is_refused() {
    for statement in ["deny: [{hosts: [\"*.x\"]}]", "deny: [{hosts: [\"*.x\"], mode: dryRun, until: \"2026-12-01\"}]"] {
        let outcome = compile("{}", statement);
        assert_eq!(outcome.errors(), ["lowering/inexpressible"], "{}", outcome.said());
        assert!(outcome.said().contains("policy/shop/web/access.yaml"), "{}", outcome.said());
    }
}

#[test]
fn a_floor_by_how_a_host_ends_is_refused() {
    let floor = |host: &str| format!("{{access: {{atLeast: [{{from: mesh, hosts: [\"{host}\"]}}]}}}}");
    assert_eq!(compile(&floor("*.x"), "allow: [{from: mesh}]").errors(), ["lowering/inexpressible"]);
    assert!(compile(&floor("a.x"), "allow: [{from: mesh}]").errors().is_empty());
}

#[test]
fn a_grant_of_a_host_lies_within_a_ceiling_of_how_it_ends() {
    let ceiling = "{access: {atMost: [{hosts: [\"*.x\"]}]}}";
    let exact = compile(ceiling, "allow: [{from: mesh, hosts: [a.x]}]");
    assert_eq!(hosts(&exact, "--ringfence-allow-cart"), ["a.x", "a.x:*"]);
    let suffix = compile(ceiling, "allow: [{from: mesh, hosts: [\"*.b.x\"]}]");
    assert_eq!(hosts(&suffix, "--ringfence-allow-cart"), ["*.b.x"]);
    assert_eq!(compile(ceiling, "allow: [{from: mesh, hosts: [a.y]}]").errors(), ["resolve/widens-mandate"]);
}
