//! Input that says nothing to anybody is reported at its place, not passed over.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers of a test fail like the test"
)]

mod support;

use support::{Outcome, files, run};

/// A repository of two workloads, `cart` on port 80 and `job`; `changes` replace or add files.
fn compile(changes: &[(&str, &str)]) -> Outcome {
    let document = |kind: &str, name: &str, spec: &str| {
        format!("apiVersion: ringfence/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {spec}\n")
    };
    let mut all = files("");
    let mut put = |path: &str, text: String| drop(all.insert(path.to_owned(), text.into_bytes()));
    put("ringfence.yaml", document("Project", "shop", "{}"));
    put("policy/organization.yaml", document("Organization", "acme", "{}"));
    put("policy/clusters.yaml", document("Cluster", "prod", "{}"));
    put("policy/shop/tenant.yaml", document("Tenant", "shop", "{}"));
    put("policy/shop/web/workspace.yaml", document("Workspace", "web", "{namespaces: prod/web}"));
    put("inventory/prod/cart.yaml", workload("Deployment", "name: cart", "cart"));
    put("inventory/prod/job.yaml", workload("Deployment", "name: job", "job"));
    for (path, text) in changes {
        let text = match text.split_once(' ') {
            Some((kind, rest)) if path.starts_with("policy/") && !kind.starts_with("apiVersion") => {
                let (name, spec) = rest.split_once(' ').unwrap();
                document(kind, name, spec)
            }
            _ => (*text).to_owned(),
        };
        put(path, text);
    }
    run(&all, "2026-11-22")
}

fn workload(kind: &str, metadata: &str, app: &str) -> String {
    let version = if kind == "Job" { "batch/v1" } else { "apps/v1" };
    format!(
        "apiVersion: {version}\nkind: {kind}\nmetadata: {{{metadata}, namespace: web}}\nspec: {{template: {{metadata: {{labels: {{app: {app}}}}}, \
         spec: {{serviceAccountName: {app}, containers: [{{name: main, ports: [{{containerPort: 80}}]}}]}}}}}}\n"
    )
}

/// Asserts what is said, by a part of its lines; nothing where `expected` is empty.
fn check(changes: &[(&str, &str)], expected: &[&str]) {
    let outcome = compile(changes);
    let said = outcome.said();
    assert_eq!(expected.is_empty(), outcome.errors().is_empty() && !said.contains("empty-claim"), "{said}");
    for part in expected {
        assert!(said.contains(part), "`{part}` is not in\n{said}");
    }
}

#[test]
fn facts_about_namespaces_that_are_not_there() {
    let facts = |namespace: &str| format!("Cluster prod {{namespaces: {{{namespace}: {{dataPlane: ambient}}}}}}");
    check(&[("policy/clusters.yaml", &facts("web"))], &[]);
    check(
        &[("policy/clusters.yaml", &facts("webb"))],
        &[
            "[resolve/unknown-reference] the inventory of `prod` has no namespace `webb`",
            "clusters.yaml:4",
            "did you mean `web`?",
        ],
    );
}

#[test]
fn modes_of_ports_that_nobody_has() {
    let defaults = |port: u16| format!("{{defaults: {{mtls: {{mode: strict, ports: {{\"{port}\": permissive}}}}}}}}");
    let tenant = |port| format!("Tenant shop {}", defaults(port));
    check(&[("policy/shop/tenant.yaml", &tenant(80))], &[]);
    check(&[("policy/shop/tenant.yaml", &tenant(81))], &["[resolve/unknown-port]", "tenant.yaml:4", "`80`"]);
    let attached = ("policy/shop/tenant.yaml", "Tenant shop {profiles: [legacy]}");
    let profile = |port| format!("Profile legacy {}", defaults(port));
    check(&[attached, ("policy/profile.yaml", &profile(80))], &[]);
    check(&[attached, ("policy/profile.yaml", &profile(81))], &["[resolve/unknown-port]", "profile.yaml:4"]);
}

#[test]
fn workloads_without_a_plain_name() {
    let job = "inventory/prod/job.yaml";
    let generated = compile(&[(job, &workload("Job", "generateName: import-", "import"))]);
    let compiled = generated.compiled.as_ref().unwrap_or_else(|| panic!("{}", generated.said()));
    assert!(compiled.files.keys().any(|path| path.ends_with("--ringfence-import.yaml")), "{:?}", compiled.files.keys());
    check(&[(job, &workload("Job", "name: 12", "job"))], &["[parse/wrong-type]", "job.yaml:3"]);
    check(
        &[(job, &workload("Job", "labels: {}", "job"))],
        &["[inventory/broken-object] a manifest without `metadata.name`"],
    );
    check(&[(job, &workload("Job", "name: a/b", "job"))], &["[inventory/broken-object] `a/b`", "job.yaml:3"]);
    check(
        &[(job, &workload("Deployment", &format!("name: {}", "a".repeat(252)), "job"))],
        &["[inventory/broken-object] the name `aaa", "job.yaml:3"],
    );
    check(&[(job, "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: []\n")], &[]);
}

#[test]
fn claims_of_services_that_the_group_around_does_not_have() {
    let outer = ("policy/shop/web/outer/group.yaml", "Group outer {services: [cart]}");
    let inner = |services: &str| format!("Group inner {{services: [{services}]}}");
    let path = "policy/shop/web/outer/inner/group.yaml";
    check(&[outer, (path, &inner("cart"))], &[]);
    check(&[outer, (path, &inner("\"*\""))], &[]);
    check(
        &[outer, (path, &inner("job"))],
        &["[resolve/empty-claim] `job` finds no service of `/shop/web/outer`", "it belongs to `/shop/web`"],
    );
}

#[test]
fn hand_written_objects_that_are_not_what_their_kind_says() {
    let mandate = (
        "policy/organization.yaml",
        "Organization acme {mandates: {raw: {kinds: {atMost: [VirtualService, Monitor, ConfigList]}}}}",
    );
    let object = |version: &str, kind: &str, name: &str, more: &str| {
        format!(
            "Raw object {{manifest: {{apiVersion: {version}, kind: {kind}, metadata: {{name: {name}, namespace: web{more}}}}}}}"
        )
    };
    let raw = |object: String, expected: &[&str]| check(&[mandate, ("policy/raw.yaml", &object)], expected);
    raw(object("networking.istio.io/v1", "VirtualService", "cart", ""), &[]);
    raw(object("networking.istio.io/v1", "VirtualService", "cart", ", labels: ~, annotations: {a: b}"), &[]);
    raw(object("example.com/v1", "Monitor", "cart", ""), &[]);
    raw(
        object("example.com/v1", "VirtualService", "cart", ""),
        &["[resolve/raw-not-allowed]", "`networking.istio.io`"],
    );
    raw(object("v1", "VirtualService", "cart", ""), &["[resolve/raw-not-allowed]"]);
    raw(object("networking.istio.io/v1", "VirtualService", "a/../b", ""), &["[parse/invalid-value]"]);
    raw(object("networking.istio.io/v1", "VirtualService", &"a".repeat(250), ""), &["[parse/invalid-value]"]);
    raw(object("networking.istio.io/v1", "VirtualService", "cart", ", labels: [a]"), &["[parse/wrong-type]"]);
    raw(object("networking.istio.io/v1", "VirtualService", "cart", ", labels: {a: 1}"), &["[parse/wrong-type]"]);
    let list =
        "Raw object {manifest: {apiVersion: v1, kind: ConfigList, metadata: {name: a, namespace: web}, items: []}}";
    raw(list.to_owned(), &["[resolve/raw-not-allowed] a list of objects hides"]);
    let unlabelled = compile(&[
        mandate,
        ("policy/raw.yaml", &object("networking.istio.io/v1", "VirtualService", "cart", ", labels: ~")),
    ]);
    let (_, text) =
        unlabelled.compiled.as_ref().unwrap().files.iter().find(|(path, _)| path.contains("virtualservice")).unwrap();
    assert!(text.contains("app.kubernetes.io/managed-by: ringfence"), "{text}");
}

#[test]
fn an_object_for_a_cluster_in_the_policy_tree_is_one_error() {
    let object = "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: a, namespace: web}\nspec: {}\nstatus: {}\n";
    let outcome = compile(&[("policy/object.yml", object)]);
    assert_eq!(outcome.errors(), ["parse/unknown-version"], "{}", outcome.said());
    assert!(outcome.said().contains("`Raw`"), "{}", outcome.said());
}
