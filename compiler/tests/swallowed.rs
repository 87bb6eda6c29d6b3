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

/// Asserts what is warned of, by a part of its lines; nothing where `expected` is empty. No warning fails a run.
fn warns(changes: &[(&str, &str)], expected: &[&str]) {
    let outcome = compile(changes);
    let said = outcome.said();
    assert!(outcome.errors().is_empty(), "{said}");
    assert_eq!(expected.is_empty(), said.is_empty(), "{said}");
    for part in expected {
        assert!(said.contains(part), "`{part}` is not in\n{said}");
    }
}

#[test]
fn every_member_of_a_zone_that_finds_nothing() {
    let zone = |member: &str| {
        format!("Zone cards {{members: [{member}, {{labels: {{tier: card}}}}], rules: {{from: {{atMost: [anyone]}}}}}}")
    };
    let service = "apiVersion: ringfence/v1alpha1\nkind: Service\nmetadata: {name: cart, labels: {tier: cards}}\nspec: {sensitivity: pci}\n";
    let both = ["did you mean `sensitivity: pci`?", "did you mean `tier: cards`?"];
    for member in ["{sensitivity: pcii}", "{sensitivity: PCI}"] {
        check(&[("policy/zones.yaml", &zone(member)), ("policy/shop/web/cart.yaml", service)], &both);
    }
}

#[test]
fn floors_on_ports_that_nobody_has() {
    let floor =
        |port: &str| format!("Tenant shop {{mandates: {{access: {{atLeast: [{{from: anyone, ports: [{port}]}}]}}}}}}");
    warns(&[("policy/shop/tenant.yaml", &floor("80"))], &[]);
    for ports in ["7777", "80, metrics"] {
        warns(
            &[("policy/shop/tenant.yaml", &floor(ports))],
            &["[resolve/no-effect]", "tenant.yaml:4", "listens on port"],
        );
    }
}

#[test]
fn methods_that_are_almost_one_of_http() {
    let tenant = |method: &str| format!("Tenant shop {{mandates: {{access: {{atMost: [{{methods: [{method}]}}]}}}}}}");
    for (method, meant) in [("GTE", "GET"), ("DELTE", "DELETE"), ("OPTION", "OPTIONS"), ("PSOT", "POST")] {
        let meant = format!("did you mean `{meant}`?");
        warns(&[("policy/shop/tenant.yaml", &tenant(method))], &["[resolve/near-miss]", &meant]);
    }
    for method in ["GET", "POST", "PUT", "HEAD", "PURGE", "PROPFIND", "MKCOL", "LOCK", "COPY", "MOVE", "LINK", "BIND"] {
        warns(&[("policy/shop/tenant.yaml", &tenant(method))], &[]);
    }
}

#[test]
fn sensitivities_that_are_almost_the_one_a_zone_asks_for() {
    let zone = "Zone cards {members: [cart, {sensitivity: pci}], rules: {from: {atMost: [anyone]}}}";
    let job = |sensitivity: &str| format!("Service job {{sensitivity: {sensitivity}}}");
    let said = |sensitivity: &str, expected: &[&str]| {
        let cart = ("policy/shop/web/cart.yaml", "Service cart {sensitivity: pci}");
        warns(&[("policy/zones.yaml", zone), cart, ("policy/shop/web/job.yaml", &job(sensitivity))], expected);
    };
    said("pci", &[]);
    said("pii", &[]);
    said("public", &[]);
    said("PCI", &["[resolve/near-miss]", "job.yaml:4", "did you mean `pci`?"]);
}

#[test]
fn zones_that_bound_nothing_and_that_nothing_names() {
    let zone = ("policy/zones.yaml", "Zone cards {members: [/shop/web:cart], rules: {}}");
    warns(&[zone], &["[resolve/no-effect]", "zones.yaml:3", "zone `cards` bounds nothing"]);
    let access = ("policy/shop/web/access.yaml", "Access in {to: job, allow: [{from: \"zone:cards\"}]}");
    warns(&[zone, access], &[]);
}

#[test]
fn delegations_that_have_ended() {
    let delegation = |until: &str| format!("Delegation given {{to: /shop/web, may: [mandates], until: \"{until}\"}}");
    warns(&[("policy/delegations.yaml", &delegation("2026-11-22"))], &[]);
    let ended = ("policy/delegations.yaml", delegation("2026-11-21"));
    warns(&[(ended.0, &ended.1)], &["[resolve/no-effect]", "delegations.yaml:4", "ended on 2026-11-21"]);
    // A statement that needs it is the one place that says so.
    let workspace = "Workspace web {namespaces: prod/web, mandates: {mtls: {atMost: strict}}}";
    let outcome = compile(&[(ended.0, &ended.1), ("policy/shop/web/workspace.yaml", workspace)]);
    assert_eq!(outcome.errors(), ["resolve/delegation-expired"]);
    assert!(!outcome.said().contains("no-effect"), "{}", outcome.said());
}

#[test]
fn files_that_look_as_if_they_were_read() {
    for file in ["policy/shop/web/deny.YAML", "policy/a.Yml", "inventory/prod/pods.json", "policy/deny.yaml.bak"] {
        warns(&[(file, "apiVersion: v1\n")], &["[parse/ignored-file]", &format!("`{file}` is not read")]);
    }
    for file in ["policy/README.md", "policy/shop/OWNERS", "inventory/prod/NOTES.txt", "elsewhere/deny.YAML"] {
        warns(&[(file, "apiVersion: v1\n")], &[]);
    }
}

#[test]
fn fields_that_belong_one_level_up() {
    let tenant = "Tenant shop {mandates: {access: {from: {atMost: [anyone], mode: dryRun}}}}";
    check(
        &[("policy/shop/tenant.yaml", tenant)],
        &["unknown field `mode`", "`mode` belongs one level up, beside `from`"],
    );
    let tenant = "Tenant shop {mandates: {access: {from: {atMost: [anyone], mood: dryRun}}}}";
    check(&[("policy/shop/tenant.yaml", tenant)], &["unknown field `mood`", "the fields here are `atMost`"]);
}

#[test]
fn numbers_of_ports_in_quotes() {
    let access = |port: &str| format!("Access in {{to: cart, allow: [{{from: job, ports: [\"{port}\"]}}]}}");
    let quoted = "help: a number is written without quotes: `80`";
    check(&[("policy/shop/web/access.yaml", &access("80"))], &["[parse/invalid-value]", quoted]);
    check(&[("policy/shop/web/access.yaml", &access("70000"))], &["a port is a number from 1 to 65535"]);
}

#[test]
fn workloads_without_labels_cannot_be_told_from_others() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: bare, namespace: web}\nspec: {containers: [{name: main}]}\n";
    let said = compile(&[("inventory/prod/bare.yaml", pod)]).said();
    assert!(said.contains("[lowering/inseparable-workloads]"), "{said}");
    assert!(said.contains("a selector without labels picks `cart` too"), "{said}");
    assert!(!said.contains("carries the same labels"), "{said}");
}

#[test]
fn nodes_that_cannot_be_apart_from_each_other() {
    let claim = |nodes: &str| format!("Assertion apart {{isolated: {nodes}}}");
    let check = |nodes: &str, expected: &[&str]| check(&[("policy/apart.yaml", &claim(nodes))], expected);
    check("[/shop, /shop/web]", &["what belongs to both `/shop` and `/shop/web` cannot be apart from itself"]);
    check("[/shop, /shop]", &["what belongs to both `/shop` and `/shop`"]);
    check("[/]", &["one node is apart from nothing"]);
}
