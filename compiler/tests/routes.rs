//! How requests are divided among versions: what is emitted for a Route, and what is refused.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers of a test fail like the test"
)]

mod support;

use support::{Outcome, files, run};

const GATEWAY_API: &str = "{gateways: {edge: {namespace: ingress, serviceAccount: edge}}}";
const ISTIO: &str = "{flavor: istio, gateways: {edge: {namespace: ingress, serviceAccount: edge}}}";

/// A service `ratings` in two versions; `third` runs under another account, `fourth` has grants of its own.
fn repository(cluster: &str, documents: &[(&str, &str, &str)]) -> Outcome {
    let mut text = format!(
        "=== ringfence.yaml\napiVersion: ringfence/v1alpha1\nkind: Project\nmetadata: {{name: shop}}\nspec: {{}}\n\
=== policy/organization.yaml\napiVersion: ringfence/v1alpha1\nkind: Organization\nmetadata: {{name: acme}}\nspec: {{}}\n\
=== policy/clusters.yaml\napiVersion: ringfence/v1alpha1\nkind: Cluster\nmetadata: {{name: prod}}\nspec: {cluster}\n\
=== policy/shop/tenant.yaml\napiVersion: ringfence/v1alpha1\nkind: Tenant\nmetadata: {{name: shop}}\nspec: {{}}\n\
=== policy/shop/web/workspace.yaml\napiVersion: ringfence/v1alpha1\nkind: Workspace\nmetadata: {{name: web}}\nspec: {{namespaces: prod/web}}\n\
=== policy/shop/desk/workspace.yaml\napiVersion: ringfence/v1alpha1\nkind: Workspace\nmetadata: {{name: desk}}\nspec: {{namespaces: prod/desk}}\n\
=== policy/shop/web/access.yaml\napiVersion: ringfence/v1alpha1\nkind: Access\nmetadata: {{name: all}}\nspec: {{to: ratings, allow: [{{from: mesh}}]}}\n\
=== inventory/prod/all.yaml\n"
    );
    for (version, account) in [("v1", "ratings"), ("v2", "ratings"), ("v3", "other"), ("v4", "ratings")] {
        let late = if matches!(version, "v3" | "v4") { ", late: \"1\"" } else { "" };
        text += &format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: ratings-{version}, namespace: web}}\n\
spec: {{template: {{metadata: {{labels: {{app: ratings, version: {version}{late}}}}}, spec: {{serviceAccountName: {account}, containers: [{{name: main, ports: [{{containerPort: 9080}}]}}]}}}}}}\n---\n"
        );
    }
    for (name, selector) in [
        ("ratings", "{app: ratings}"),
        ("ratings-v1", "{app: ratings, version: v1}"),
        ("ratings-v2", "{app: ratings, version: v2}"),
    ] {
        text += &format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: web}}\nspec: {{selector: {selector}, ports: [{{name: http, port: 80, targetPort: 9080}}]}}\n---\n"
        );
    }
    text += "apiVersion: v1\nkind: Namespace\nmetadata: {name: desk}\n";
    for (at, (node, kind, spec)) in documents.iter().enumerate() {
        text += &format!(
            "=== policy/{node}/document-{at}.yaml\napiVersion: ringfence/v1alpha1\nkind: {kind}\nmetadata: {{name: canary-{at}}}\nspec: {{{spec}}}\n"
        );
    }
    run(&files(&text), "2026-11-22")
}

const SUBSETS: &str = "service: ratings, subsets: {v1: {version: v1}, v2: {version: v2}}, stable: v1";

fn routed(cluster: &str, rest: &str) -> Outcome {
    repository(cluster, &[("shop/web", "Route", &format!("{SUBSETS}, {rest}"))])
}

fn emitted(outcome: &Outcome, file: &str) -> String {
    let compiled = outcome.compiled.as_ref().unwrap_or_else(|| panic!("{}", outcome.said()));
    let found = compiled.files.iter().find(|(path, _)| path.contains(file));
    let (_, text) = found.unwrap_or_else(|| panic!("no {file} in {:?}", compiled.files.keys()));
    text.split_once("\nspec:").unwrap().1.trim_start_matches('\n').to_owned()
}

fn check(cluster: &str, rest: &str, codes: &[&str]) {
    let outcome = routed(cluster, rest);
    assert_eq!(outcome.errors(), codes, "{rest}\n{}", outcome.said());
}

#[test]
fn a_share_of_requests_goes_to_a_canary() {
    let outcome = routed(ISTIO, "rules: [{to: {v1: 90, v2: 10}}]");
    insta::assert_snapshot!(emitted(&outcome, "web--virtualservice"));
    insta::assert_snapshot!(emitted(&outcome, "web--destinationrule"));
    let outcome = routed(GATEWAY_API, "rules: [{to: {v1: 90, v2: 10}}]");
    insta::assert_snapshot!(emitted(&outcome, "web--httproute"));
}

#[test]
fn requests_are_matched_mirrored_and_made_to_fail() {
    let matched =
        "match: [{headers: {x-group: beta, x-user: \"a*\", x-any: \"*\"}}, {prefix: /v2, method: GET}, {exact: /v3}]";
    let rest = format!(
        "rules: [{{{matched}, to: {{v2: 100}}, timeout: 5s, retries: {{attempts: 3, perTryTimeout: 2s, after: [5xx, reset]}}, fault: {{abort: {{status: 503, percent: 1}}, delay: {{duration: 100ms, percent: 5}}}}}}, {{match: [{{prefix: /a}}], to: {{v1: 100}}, mirror: {{to: v2, percent: 10}}}}]"
    );
    insta::assert_snapshot!(emitted(&routed(ISTIO, &rest), "web--virtualservice"));
    let longer =
        "match: [{prefix: /v2, method: GET, headers: {x-group: beta, x-user: \"a*\", x-any: \"*\"}}, {exact: /v3}]";
    let rest = format!(
        "rules: [{{{longer}, to: {{v2: 100}}, timeout: 5s}}, {{match: [{{prefix: /a}}], to: {{v1: 100}}, mirror: {{to: v2, percent: 10}}}}]"
    );
    insta::assert_snapshot!(emitted(&routed(GATEWAY_API, &rest), "web--httproute"));
}

#[test]
fn a_gateway_divides_as_the_mesh_does() {
    let exposure = "gateway: edge, hostnames: [a.x], tls: {secret: s}, audience: internet, auth: none, backend: {service: ratings, port: 9080}";
    let grant = "to: ratings, allow: [{from: gateway:edge}]";
    let with = |route: &str| {
        let route = format!("{SUBSETS}, {route}");
        repository(
            GATEWAY_API,
            &[("shop/web", "Route", &route), ("shop/web", "Exposure", exposure), ("shop/web", "Access", grant)],
        )
    };
    insta::assert_snapshot!(emitted(&with("rules: [{to: {v1: 90, v2: 10}}]"), "50-gateways/web--httproute"));
    let outcome = with("rules: [{match: [{prefix: /a}], to: {v2: 100}}]");
    assert!(
        outcome.said().contains("warning[resolve/no-effect] this rule holds in the mesh, and not at gateway `edge`"),
        "{}",
        outcome.said()
    );
}

#[test]
fn shares_add_up_and_subsets_exist() {
    check(ISTIO, "rules: [{to: {v1: 90, v2: 9}}]", &["resolve/uneven-weights"]);
    check(ISTIO, "rules: [{to: {}}]", &["resolve/uneven-weights"]);
    check(ISTIO, "rules: [{to: {v1: 90, v3: 10}}]", &["resolve/unknown-subset"]);
    check(ISTIO, "rules: [{to: {v1: 100}, mirror: {to: v3}}]", &["resolve/unknown-subset"]);
    check(
        ISTIO,
        "rules: [{to: {v1: 100}, timeout: 1s, retries: {attempts: 2, perTryTimeout: 2s}}]",
        &["resolve/ambiguous"],
    );
    let nobody = SUBSETS.replace("version: v2", "version: v9");
    let outcome = repository(ISTIO, &[("shop/web", "Route", &nobody)]);
    assert_eq!(outcome.errors(), ["resolve/unknown-subset"], "{}", outcome.said());
}

#[test]
fn every_subset_runs_as_the_stable_one() {
    let account = SUBSETS.replace("version: v2", "version: v3");
    let outcome = repository(ISTIO, &[("shop/web", "Route", &account)]);
    assert_eq!(outcome.errors(), ["resolve/unlike-subset"], "{}", outcome.said());
    let alone = "workloads: {names: [ratings-v4]}";
    let granted = SUBSETS.replace("version: v2", "version: v4");
    let documents = [
        ("shop/web", "Route", granted.as_str()),
        ("shop/web", "Service", alone),
        ("shop/web", "Access", "to: canary-1, allow: [{from: anyone, ports: [9080]}]"),
    ];
    let outcome = repository(ISTIO, &documents);
    assert_eq!(outcome.errors(), ["resolve/unlike-subset"], "{}", outcome.said());
    assert!(repository(ISTIO, &documents[..2]).errors().is_empty(), "{}", repository(ISTIO, &documents[..2]).said());
}

#[test]
fn a_service_has_one_route_by_its_owner() {
    let documents = [("shop/web", "Route", SUBSETS), ("shop/web", "Route", SUBSETS)];
    assert_eq!(repository(ISTIO, &documents).errors(), ["resolve/overlapping-claim"]);
    let foreign = SUBSETS.replace("service: ratings", "service: /shop/web:ratings");
    let outcome = repository(ISTIO, &[("shop/desk", "Route", &foreign)]);
    assert_eq!(outcome.errors(), ["resolve/outside-node"], "{}", outcome.said());
}

#[test]
fn a_rule_behind_a_wider_one_is_a_warning() {
    let outcome =
        routed(ISTIO, "rules: [{match: [{prefix: /a}], to: {v1: 100}}, {match: [{exact: /a/b}], to: {v2: 100}}]");
    assert!(outcome.said().contains("warning[resolve/unreachable-rule]"), "{}", outcome.said());
    let outcome =
        routed(ISTIO, "rules: [{match: [{exact: /a/b}], to: {v2: 100}}, {match: [{prefix: /a}], to: {v1: 100}}]");
    assert_eq!(outcome.said(), "");
}

#[test]
fn what_the_gateway_api_cannot_say_is_refused() {
    check(GATEWAY_API, "rules: [{to: {v1: 100}, retries: {attempts: 2}}]", &["lowering/inexpressible"]);
    check(
        GATEWAY_API,
        "rules: [{to: {v1: 100}, fault: {delay: {duration: 1s, percent: 1}}}]",
        &["lowering/inexpressible"],
    );
    let order = "rules: [{match: [{headers: {x: beta}}], to: {v1: 100}}, {match: [{prefix: /a}], to: {v2: 100}}]";
    check(GATEWAY_API, order, &["lowering/inexpressible"]);
    check(ISTIO, order, &[]);
    let apart = "rules: [{match: [{prefix: /b}], to: {v1: 100}}, {match: [{exact: /a}], to: {v2: 100}}]";
    check(GATEWAY_API, apart, &[]);
    let without = SUBSETS.replace("version: v2", "version: v4");
    let outcome = repository(GATEWAY_API, &[("shop/web", "Route", &without)]);
    assert_eq!(outcome.errors(), ["lowering/inexpressible"], "{}", outcome.said());
}
