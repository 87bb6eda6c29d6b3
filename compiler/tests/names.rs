//! Names of objects: no two of a kind and namespace may be one, whatever folder their files go to.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers of a test fail like the test"
)]

mod support;

use support::{files, run};

/// Compiles one workload with a name and returns the ids of the errors.
fn errors(name: &str) -> Vec<&'static str> {
    let text = format!(
        "=== ringfence.yaml\napiVersion: ringfence/v1alpha1\nkind: Project\nmetadata: {{name: shop}}\nspec: {{}}\n\
=== policy/organization.yaml\napiVersion: ringfence/v1alpha1\nkind: Organization\nmetadata: {{name: acme}}\nspec: {{}}\n\
=== policy/clusters.yaml\napiVersion: ringfence/v1alpha1\nkind: Cluster\nmetadata: {{name: prod}}\nspec: {{}}\n\
=== policy/shop/tenant.yaml\napiVersion: ringfence/v1alpha1\nkind: Tenant\nmetadata: {{name: shop}}\nspec: {{}}\n\
=== policy/shop/web/workspace.yaml\napiVersion: ringfence/v1alpha1\nkind: Workspace\nmetadata: {{name: web}}\nspec: {{namespaces: prod/web}}\n\
=== inventory/prod/web.yaml\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, namespace: web}}\n\
spec: {{template: {{metadata: {{labels: {{app: x}}}}, spec: {{containers: [{{name: main, ports: [{{containerPort: 80}}]}}]}}}}}}\n"
    );
    run(&files(&text), "2026-11-22").errors()
}

#[test]
fn a_service_cannot_take_the_name_of_the_default_deny() {
    assert_eq!(errors("default-deny"), ["lowering/name-taken"]);
    assert!(errors("default").is_empty());
}
