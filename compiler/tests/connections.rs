//! Connections: a namespace that is called as a whole is named once, and only then.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers of a test fail like the test"
)]

mod support;

use support::{files, run};

/// Returns what `a` may call, by NetworkPolicy, in a workspace of `a`, `b` and `c`.
fn egress(documents: &str) -> String {
    let mut text = format!(
        "=== ringfence.yaml\napiVersion: ringfence/v1alpha1\nkind: Project\nmetadata: {{name: shop}}\nspec: {{}}\n\
=== policy/organization.yaml\napiVersion: ringfence/v1alpha1\nkind: Organization\nmetadata: {{name: acme}}\nspec: {{}}\n\
=== policy/clusters.yaml\napiVersion: ringfence/v1alpha1\nkind: Cluster\nmetadata: {{name: prod}}\nspec: {{}}\n\
=== policy/shop/tenant.yaml\napiVersion: ringfence/v1alpha1\nkind: Tenant\nmetadata: {{name: shop}}\nspec: {{defaults: {{access: {{within: workspace}}}}}}\n\
=== policy/shop/web/workspace.yaml\napiVersion: ringfence/v1alpha1\nkind: Workspace\nmetadata: {{name: web}}\nspec: {{namespaces: prod/web}}\n\
{documents}=== inventory/prod/web.yaml\n"
    );
    for name in ["a", "b", "c"] {
        text += &format!(
            "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, namespace: web}}\nspec: {{template: {{metadata: {{labels: {{app: {name}}}}}, spec: {{serviceAccountName: {name}, containers: [{{name: main, ports: [{{containerPort: 80}}]}}]}}}}}}\n"
        );
    }
    let outcome = run(&files(&text), "2026-11-22");
    let said = outcome.said();
    let compiled = outcome.compiled.unwrap_or_else(|| panic!("{said}"));
    let policy = &compiled.files["clusters/prod/30-allow/web/web--networkpolicy--ringfence-a.yaml"];
    let egress = policy.split_once("  egress:\n").unwrap().1;
    egress.lines().map(str::trim).filter(|line| line.starts_with("app:") || line.contains("name: web")).collect()
}

#[test]
fn a_namespace_whose_workloads_are_all_called_alike_is_named_once() {
    assert_eq!(egress(""), "kubernetes.io/metadata.name: web");
    let access = "=== policy/shop/web/access.yaml\napiVersion: ringfence/v1alpha1\nkind: Access\nmetadata: {name: some}\nspec: {to: [b, c], allow: [{from: a, ports: [80]}]}\n";
    // `a` keeps the default for itself, on every port.
    let each = ["a", "b", "c"].map(|name| format!("kubernetes.io/metadata.name: webapp: {name}"));
    assert_eq!(egress(access), each.concat());
}
