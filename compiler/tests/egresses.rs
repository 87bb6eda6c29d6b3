//! What workloads call outside: what is emitted for an Egress, what is refused, and how it could be walked past.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers of a test fail like the test"
)]

mod support;

use support::{Outcome, files, run};

/// A cluster with an egress gateway.
const CLUSTER: &str = "{podCidrs: [10.8.0.0/14], nodeCidrs: [10.0.0.0/24], gateways: {out: {role: egress, namespace: egress, serviceAccount: out, labels: {istio: out}, service: out}}}";

/// What most Egresses here have in common.
const COMMON: &str = "hosts: [api.cards.example], ports: [{number: 443, protocol: https}], owner: team:cards";

/// Two tenants: `shop` with services `api` and `job` in one namespace, and `bank` with `pay`.
fn repository(cluster: &str, mandates: &str, documents: &[(&str, &str, &str)]) -> Outcome {
    changed(cluster, mandates, documents, &[])
}

fn changed(cluster: &str, mandates: &str, documents: &[(&str, &str, &str)], replace: &[(&str, &str)]) -> Outcome {
    let mut text = format!(
        "=== ringfence.yaml\napiVersion: ringfence/v1alpha1\nkind: Project\nmetadata: {{name: shop}}\nspec: {{}}\n\
=== policy/organization.yaml\napiVersion: ringfence/v1alpha1\nkind: Organization\nmetadata: {{name: acme}}\nspec: {{mandates: {mandates}}}\n\
=== policy/clusters.yaml\napiVersion: ringfence/v1alpha1\nkind: Cluster\nmetadata: {{name: prod}}\nspec: {cluster}\n"
    );
    for (tenant, workspace) in [("shop", "web"), ("bank", "pay")] {
        text += &format!(
            "=== policy/{tenant}/tenant.yaml\napiVersion: ringfence/v1alpha1\nkind: Tenant\nmetadata: {{name: {tenant}}}\nspec: {{}}\n\
=== policy/{tenant}/{workspace}/workspace.yaml\napiVersion: ringfence/v1alpha1\nkind: Workspace\nmetadata: {{name: {workspace}}}\nspec: {{namespaces: prod/{workspace}}}\n"
        );
    }
    text += "=== inventory/prod/all.yaml\n";
    for (namespace, name) in [("web", "api"), ("web", "job"), ("pay", "pay")] {
        text += &format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, namespace: {namespace}}}\n\
spec: {{template: {{metadata: {{labels: {{app: {name}}}}}, spec: {{serviceAccountName: {name}, containers: [{{name: main, ports: [{{containerPort: 8080}}]}}]}}}}}}\n\
---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec: {{selector: {{app: {name}}}, ports: [{{name: http, port: 80, targetPort: 8080}}]}}\n---\n"
        );
    }
    text += "apiVersion: v1\nkind: Service\nmetadata: {name: out, namespace: egress}\nspec: {selector: {istio: out}, ports: [{name: tls, port: 443, targetPort: 8443}]}\n";
    for (at, (node, kind, spec)) in documents.iter().enumerate() {
        text += &format!(
            "=== policy/{}document-{at}.yaml\napiVersion: ringfence/v1alpha1\nkind: {kind}\nmetadata: {{name: it-{at}}}\nspec: {{{spec}}}\n",
            if node.is_empty() { String::new() } else { format!("{node}/") }
        );
    }
    for (from, to) in replace {
        assert!(text.contains(from), "nothing to replace: {from}");
        text = text.replacen(from, to, 1);
    }
    run(&files(&text), "2026-11-22")
}

fn leaving(spec: &str) -> Outcome {
    repository(CLUSTER, "{}", &[("shop/web", "Egress", spec)])
}

fn check(spec: &str, codes: &[&str]) {
    let outcome = leaving(spec);
    assert_eq!(outcome.errors(), codes, "{spec}\n{}", outcome.said());
}

#[test]
fn a_host_that_one_service_calls_through_a_gateway() {
    let outcome = leaving(&format!("{COMMON}, via: out, from: api"));
    assert!(outcome.said().is_empty(), "{}", outcome.said());
    insta::assert_snapshot!(outcome.emitted("egress--serviceentry"));
    insta::assert_snapshot!(outcome.emitted("egress--virtualservice"));
    insta::assert_snapshot!(outcome.emitted("egress--gateway--"));
    insta::assert_snapshot!(outcome.emitted("egress--destinationrule--ringfence-gateway-out"));
    insta::assert_snapshot!(outcome.emitted("egress--authorizationpolicy"));
    insta::assert_snapshot!(outcome.emitted("egress--networkpolicy"));
    insta::assert_snapshot!(outcome.emitted("web--networkpolicy--ringfence-api"));
    insta::assert_snapshot!(outcome.emitted("web--sidecar--ringfence-api"));
    // Whoever is not named is let out nowhere.
    for other in ["web--networkpolicy--ringfence-job", "web--sidecar--ringfence-job"] {
        let text = outcome.emitted(other);
        assert!(!text.contains("cards") && !text.contains("istio: out"), "{text}");
    }
}

#[test]
fn plaintext_that_a_gateway_encrypts_with_a_certificate_of_its_own() {
    let spec = "hosts: api.cards.example, ports: [{number: 80, protocol: http, targetPort: 443}], tls: {originate: mutual, secret: cards}, via: out, owner: team:cards";
    let outcome = leaving(spec);
    insta::assert_snapshot!(outcome.emitted("egress--virtualservice"));
    insta::assert_snapshot!(outcome.emitted("egress--destinationrule--ringfence-egress-"));
    insta::assert_snapshot!(outcome.emitted("egress--authorizationpolicy"));
}

#[test]
fn hosts_that_are_called_directly() {
    let outcome = leaving(&format!("{COMMON}, from: api"));
    assert!(outcome.said().contains("warning[lowering/open-egress]"), "{}", outcome.said());
    insta::assert_snapshot!(outcome.emitted("web--serviceentry"));
    insta::assert_snapshot!(outcome.emitted("web--networkpolicy--ringfence-api"));
    let narrow = leaving(&format!("{COMMON}, cidrs: [198.51.100.0/24], from: api"));
    assert!(narrow.said().is_empty(), "{}", narrow.said());
    let text = narrow.emitted("web--networkpolicy--ringfence-api");
    assert!(text.contains("198.51.100.0/24") && !text.contains("0.0.0.0/0"), "{text}");
}

#[test]
fn tls_that_a_sidecar_begins_and_a_wildcard() {
    let mutual = "hosts: api.cards.example, ports: [{number: 80, protocol: http, targetPort: 443}], tls: {originate: mutual, secret: cards}, from: api, owner: team:cards";
    insta::assert_snapshot!(leaving(mutual).emitted("web--destinationrule"));
    let simple = mutual.replace("mutual, secret: cards", "simple");
    insta::assert_snapshot!(leaving(&simple).emitted("web--destinationrule"));
    let wide = COMMON.replace("api.cards", "\"*.cards").replace("example]", "example\"]");
    insta::assert_snapshot!(leaving(&wide).emitted("web--serviceentry"));
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let tcp = "hosts: api.cards.example, ports: [{number: 5432, protocol: tcp}], owner: team:cards";
    check(tcp, &["parse/invalid-value"]);
    check(&format!("{tcp}, cidrs: [198.51.100.7/32]"), &[]);
    check(&format!("{COMMON}, tls: {{originate: simple}}"), &["parse/invalid-value"]);
    let plain = COMMON.replace("443, protocol: https", "80, protocol: http");
    check(&format!("{plain}, tls: {{originate: mutual}}"), &["parse/missing-field"]);
    check(&format!("{plain}, tls: {{originate: simple, secret: x}}"), &["parse/invalid-value"]);
    check(&plain.replace("protocol: http", "protocol: http, targetPort: 8080"), &["parse/invalid-value"]);
    check(
        &COMMON.replace("protocol: https}", "protocol: https}, {number: 443, protocol: tls}"),
        &["resolve/ambiguous"],
    );
    for host in ["pay", "api.pay", "api.pay.svc", "api.pay.svc.cluster.local", "198.51.100.7"] {
        check(&COMMON.replace("api.cards.example", host), &["parse/invalid-value"]);
    }
    check(&format!("{COMMON}, via: uot"), &["resolve/unknown-reference"]);
    check(&format!("{COMMON}, from: pay"), &["resolve/outside-node"]);
    let wide = COMMON.replace("api.cards.example", "\"*.cards.example\"");
    check(&format!("{wide}, via: out"), &["lowering/inexpressible"]);
    let two = COMMON.replace("protocol: https}", "protocol: https}, {number: 8443, protocol: https}");
    check(&format!("{two}, via: out"), &["lowering/inexpressible"]);
    check(&format!("{tcp}, via: out, cidrs: [198.51.100.0/24]"), &["lowering/inexpressible"]);
    let above = repository(CLUSTER, "{}", &[("shop", "Egress", COMMON)]);
    assert_eq!(above.errors(), ["parse/misplaced-document"], "{}", above.said());
}

#[test]
fn it_ends_with_its_last_day() {
    check(&format!("{COMMON}, until: 2026-11-21"), &["resolve/egress-expired"]);
    for (day, warned) in [("2026-11-22", true), ("2026-12-06", true), ("2026-12-07", false)] {
        let outcome = leaving(&format!("{COMMON}, until: {day}"));
        assert_eq!(outcome.said().contains("resolve/egress-ending"), warned, "{day}\n{}", outcome.said());
    }
}

#[test]
fn a_host_is_called_in_one_way() {
    let cases = [
        (COMMON.to_owned(), true),
        (format!("{COMMON}, via: out"), false),
        (format!("{COMMON}, cidrs: [198.51.100.0/24]"), false),
        (COMMON.replace("443", "8443"), false),
        (COMMON.replace("https", "tls"), false),
        (COMMON.replace("api.cards", "other.cards"), true),
    ];
    for (other, fits) in cases {
        let outcome = repository(CLUSTER, "{}", &[("shop/web", "Egress", COMMON), ("bank/pay", "Egress", &other)]);
        let expected: &[&str] = if fits { &[] } else { &["resolve/conflicting-egress"] };
        assert_eq!(outcome.errors(), expected, "{other}\n{}", outcome.said());
    }
}

#[test]
fn those_who_call_alike_share_the_objects_of_a_gateway() {
    let spec = format!("{COMMON}, via: out");
    let from = format!("{spec}, from: api");
    let outcome = repository(CLUSTER, "{}", &[("shop/web", "Egress", &from), ("bank/pay", "Egress", &spec)]);
    assert!(outcome.said().is_empty(), "{}", outcome.said());
    insta::assert_snapshot!(outcome.emitted("egress--authorizationpolicy"));
    assert!(outcome.emitted("egress--serviceentry").contains("- pay\n"));
}

#[test]
fn mandates_bound_what_is_called() {
    let via = format!("{COMMON}, via: out");
    let cases = [
        ("{hosts: {atMost: [\"*.cards.example\"]}}", COMMON, true),
        ("{hosts: {atMost: [cards.example]}}", COMMON, false),
        ("{atMost: registry-only}", COMMON, true),
        ("{via: {atMost: [out]}}", COMMON, false),
        ("{via: {atMost: [out]}}", via.as_str(), true),
        ("{via: {atMost: [other]}}", via.as_str(), false),
    ];
    for (mandate, spec, fits) in cases {
        let outcome = repository(CLUSTER, &format!("{{egress: {mandate}}}"), &[("shop/web", "Egress", spec)]);
        let expected: &[&str] = if fits { &[] } else { &["resolve/widens-mandate"] };
        assert_eq!(outcome.errors(), expected, "{mandate}\n{}", outcome.said());
    }
}

/// Writes a zone of `api` with these rules, in front of the clusters.
fn zone(rules: &str) -> String {
    format!(
        "policy/zones.yaml\napiVersion: ringfence/v1alpha1\nkind: Zone\nmetadata: {{name: cards}}\nspec: {{members: [/shop/web:api], rules: {rules}}}\n=== policy/clusters.yaml"
    )
}

#[test]
fn a_quarantine_keeps_its_members_in() {
    let zone = zone("quarantine");
    let replace = [("policy/clusters.yaml", zone.as_str())];
    let outcome = changed(CLUSTER, "{}", &[("shop/web", "Egress", &format!("{COMMON}, via: out"))], &replace);
    assert!(outcome.said().contains("warning[resolve/suspended-grant]"), "{}", outcome.said());
    assert!(!outcome.emitted("web--networkpolicy--ringfence-api").contains("istio: out"));
    assert!(outcome.emitted("web--networkpolicy--ringfence-job").contains("istio: out"));
    assert!(!outcome.emitted("egress--authorizationpolicy").contains("sa/api"));
}

#[test]
fn members_of_a_zone_leave_through_gateways_that_it_names() {
    let via = format!("{COMMON}, via: out, from: api");
    let cases = [
        ("[zone:cards, gateway:out]", via.as_str(), None),
        ("[zone:cards]", via.as_str(), Some("resolve/widens-mandate")),
        ("[zone:cards, gateway:out]", COMMON, Some("resolve/widens-mandate")),
        ("[zone:cards, gateway:uot]", via.as_str(), Some("resolve/unknown-reference")),
    ];
    for (to, spec, code) in cases {
        let zone = zone(&format!("{{to: {{atMost: {to}}}}}"));
        let replace = [("policy/clusters.yaml", zone.as_str())];
        let outcome = changed(CLUSTER, "{}", &[("shop/web", "Egress", spec)], &replace);
        let errors = outcome.errors();
        assert_eq!(errors.last().copied(), code, "{to} {spec}\n{}", outcome.said());
    }
}

#[test]
fn a_gateway_that_can_be_walked_past_is_no_boundary() {
    let (via, mandate) = (format!("{COMMON}, via: out, from: api"), "{egress: {via: {atMost: [out]}}}");
    let bypassed = |outcome: &Outcome| outcome.said().contains("warning[lowering/bypassed-egress]");
    let unenforced = CLUSTER.replace("{podCidrs", "{networkPolicy: none, podCidrs");
    let document = [("shop/web", "Egress", via.as_str())];
    let outcome = repository(&unenforced, "{}", &document);
    assert!(bypassed(&outcome) && outcome.errors().is_empty(), "{}", outcome.said());
    assert_eq!(repository(&unenforced, mandate, &document).errors(), ["lowering/unenforceable"]);

    let direct = COMMON.replace("api.cards", "time.cards");
    let from_job = format!("{direct}, from: job");
    let narrow = format!("{direct}, cidrs: [198.51.100.0/24]");
    for (other, expected) in [(direct.as_str(), true), (from_job.as_str(), false), (narrow.as_str(), false)] {
        let outcome = repository(CLUSTER, "{}", &[document[0], ("shop/web", "Egress", other)]);
        assert_eq!(bypassed(&outcome), expected, "{other}\n{}", outcome.said());
    }

    let any = [("spec: {namespaces: prod/web}", "spec: {namespaces: prod/web, defaults: {egress: any}}")];
    let outcome = changed(CLUSTER, "{}", &document, &any);
    assert!(bypassed(&outcome), "{}", outcome.said());
    let outcome = changed(CLUSTER, mandate, &document, &any);
    assert!(outcome.errors().iter().all(|code| *code == "lowering/unenforceable"), "{}", outcome.said());
    assert!(!outcome.errors().is_empty());
    let hosts = "{egress: {hosts: {atMost: [\"*.cards.example\"]}}}";
    assert_eq!(changed(CLUSTER, hosts, &[], &any).errors(), ["lowering/unenforceable"]);
}

#[test]
fn what_no_gateway_or_proxy_can_enforce_is_refused() {
    let via = format!("{COMMON}, via: out, from: api");
    let originated =
        COMMON.replace("443, protocol: https", "80, protocol: http") + ", tls: {originate: simple}, from: api";
    let changes = [
        (via.as_str(), ("labels: {istio: out}, service", "service"), "lowering/unenforceable"),
        (via.as_str(), (", service: out}", "}"), "lowering/unenforceable"),
        (via.as_str(), (", service: out}", ", service: out, shared: true}"), "lowering/unenforceable"),
        (via.as_str(), ("namespace: egress", "namespace: pay"), "lowering/unenforceable"),
        (via.as_str(), ("role: egress", "role: ingress"), "resolve/unknown-reference"),
        (
            via.as_str(),
            ("labels: {app: api}}", "labels: {app: api, sidecar.istio.io/inject: \"false\"}}"),
            "lowering/unenforceable",
        ),
        (
            originated.as_str(),
            ("labels: {app: api}}", "labels: {app: api, sidecar.istio.io/inject: \"false\"}}"),
            "lowering/unenforceable",
        ),
    ];
    for (spec, change, code) in changes {
        let outcome = changed(CLUSTER, "{}", &[("shop/web", "Egress", spec)], &[change]);
        assert_eq!(outcome.errors(), [code], "{change:?}\n{}", outcome.said());
    }
}
