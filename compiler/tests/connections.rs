//! Connections: whom NetworkPolicy lets in and out.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers of a test fail like the test"
)]

mod support;

use support::{Outcome, files, run};

/// Compiles a workspace of `a`, `b` and `c` in each of some clusters, given by their documents.
fn outcome(clusters: &[(&str, &str)], documents: &str) -> Outcome {
    let mut text = format!(
        "=== ringfence.yaml\napiVersion: ringfence/v1alpha1\nkind: Project\nmetadata: {{name: shop}}\nspec: {{}}\n\
=== policy/organization.yaml\napiVersion: ringfence/v1alpha1\nkind: Organization\nmetadata: {{name: acme}}\nspec: {{}}\n\
=== policy/shop/tenant.yaml\napiVersion: ringfence/v1alpha1\nkind: Tenant\nmetadata: {{name: shop}}\nspec: {{defaults: {{access: {{within: workspace}}}}}}\n\
=== policy/shop/web/workspace.yaml\napiVersion: ringfence/v1alpha1\nkind: Workspace\nmetadata: {{name: web}}\nspec: {{namespaces: \"*/web\"}}\n\
{documents}"
    );
    for (cluster, spec) in clusters {
        text += &format!(
            "=== policy/{cluster}.yaml\napiVersion: ringfence/v1alpha1\nkind: Cluster\nmetadata: {{name: {cluster}}}\nspec: {spec}\n=== inventory/{cluster}/web.yaml\n"
        );
        for name in ["a", "b", "c"] {
            text += &format!(
                "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, namespace: web}}\nspec: {{template: {{metadata: {{labels: {{app: {name}}}}}, spec: {{serviceAccountName: {name}, containers: [{{name: main, ports: [{{containerPort: 80}}]}}]}}}}}}\n"
            );
        }
    }
    run(&files(&text), "2026-11-22")
}

/// Returns what NetworkPolicy says of `a` in the cluster `prod`.
fn policy(clusters: &[(&str, &str)], documents: &str) -> String {
    let outcome = outcome(clusters, documents);
    let said = outcome.said();
    let compiled = outcome.compiled.unwrap_or_else(|| panic!("{said}"));
    compiled.files["clusters/prod/30-allow/web/web--networkpolicy--ringfence-a.yaml"].clone()
}

/// Returns what `a` may call.
fn egress(documents: &str) -> String {
    let policy = policy(&[("prod", "{}")], documents);
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

/// An Access that grants addresses at `b`.
fn addresses(net: &str) -> String {
    format!(
        "=== policy/shop/web/access.yaml\napiVersion: ringfence/v1alpha1\nkind: Access\nmetadata: {{name: some}}\nspec: {{to: b, allow: [{{from: \"cidr:{net}\", ports: [80]}}]}}\n"
    )
}

#[test]
fn pods_are_let_out_to_where_their_addresses_are_granted() {
    let lets_out = |cluster: &str, net: &str| {
        let policy = policy(&[("prod", cluster)], &addresses(net));
        // On every port, `a` may call the others by the default.
        policy
            .split_once("  egress:\n")
            .unwrap()
            .1
            .contains("app: b\n      ports:\n        - protocol: TCP\n          port: 80\n")
    };
    assert!(lets_out("{}", "10.0.0.0/8"));
    assert!(lets_out("{podCidrs: [10.20.0.0/16]}", "10.0.0.0/8"));
    assert!(lets_out("{podCidrs: [10.0.0.0/8]}", "10.20.0.0/16"));
    assert!(!lets_out("{podCidrs: [10.20.0.0/16]}", "192.168.0.0/16"));
}

#[test]
fn whoever_scrapes_is_let_out_to_the_ports_it_is_let_in_at() {
    let scraped = "- namespaceSelector: {}\n      ports:\n        - protocol: TCP\n          port: 15020\n        - protocol: TCP\n          port: 15090\n";
    assert!(policy(&[("prod", "{scrapers: [web]}")], "").contains(scraped));
    assert!(!policy(&[("prod", "{scrapers: [monitoring]}")], "").contains(scraped));
}

#[test]
fn probes_in_ambient_mode_come_from_two_addresses() {
    let ambient = policy(&[("prod", "{dataPlane: ambient}")], "");
    for net in ["169.254.7.127/32", "fd16:9254:7127:1337:ffff:ffff:ffff:ffff/128"] {
        assert!(ambient.contains(net), "{ambient}");
    }
}

#[test]
fn clusters_reach_each_other_where_both_say_that_they_share_a_network() {
    let said = |one: &str, other: &str| outcome(&[("prod", one), ("east", other)], "").said();
    let unknown = "NetworkPolicy does not know their addresses";
    let net = |network: &str, pods: &str| format!("{{{network}podCidrs: [{pods}]}}");
    let (ours, theirs) = (net("network: main, ", "10.1.0.0/16"), net("network: main, ", "10.2.0.0/16"));
    assert_eq!(said(&ours, &theirs), "");
    assert!(said(&ours, &net("", "10.2.0.0/16")).contains(unknown));
    assert!(said(&net("", "10.1.0.0/16"), &net("", "10.2.0.0/16")).contains(unknown));
    // Nothing leads from one network to another but a gateway that joins them.
    let apart = net("network: other, ", "10.2.0.0/16");
    assert_eq!(said(&ours, &apart), "");
    let joined = apart.replace('}', ", gateways: {join: {role: east-west, namespace: gate, serviceAccount: gate}}}");
    assert!(said(&ours, &joined).contains(unknown));
    // No two pods of one network have one address.
    let same = said(&ours, &net("network: main, ", "10.1.128.0/17"));
    assert!(same.contains("have the same addresses") && !same.contains(unknown), "{same}");
}
