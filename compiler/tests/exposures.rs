//! What gateways let in: what is emitted for an Exposure, and what is refused.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers of a test fail like the test"
)]

mod support;

use support::{Outcome, files, run};

/// A gateway that sees the addresses of clients, for each flavor.
const GATEWAY_API: &str =
    "{gateways: {edge: {namespace: ingress, serviceAccount: edge, labels: {istio: edge}, clientAddress: connection}}}";
const ISTIO: &str = "{flavor: istio, gateways: {edge: {namespace: ingress, serviceAccount: edge, labels: {istio: edge}, clientAddress: forwarded}}}";

/// What most Exposures here have in common.
const COMMON: &str = "gateway: edge, hostnames: [api.x.example], tls: {secret: api}, audience: internet";

/// One tenant with services `api` (HTTP), `calls` (gRPC) and `vault` (TLS), and another with `other`.
fn repository(cluster: &str, mandates: &str, documents: &[(&str, &str, &str)]) -> Outcome {
    let mut text = format!(
        "=== ringfence.yaml\napiVersion: ringfence/v1alpha1\nkind: Project\nmetadata: {{name: shop}}\nspec: {{}}\n\
=== policy/organization.yaml\napiVersion: ringfence/v1alpha1\nkind: Organization\nmetadata: {{name: acme}}\nspec: {{mandates: {mandates}}}\n\
=== policy/clusters.yaml\napiVersion: ringfence/v1alpha1\nkind: Cluster\nmetadata: {{name: prod}}\nspec: {cluster}\n"
    );
    for (tenant, workspace) in [("shop", "web"), ("shop", "desk"), ("bank", "pay")] {
        text += &format!(
            "=== policy/{tenant}/tenant.yaml\napiVersion: ringfence/v1alpha1\nkind: Tenant\nmetadata: {{name: {tenant}}}\nspec: {{}}\n\
=== policy/{tenant}/{workspace}/workspace.yaml\napiVersion: ringfence/v1alpha1\nkind: Workspace\nmetadata: {{name: {workspace}}}\nspec: {{namespaces: \"prod/{workspace}*\"}}\n\
=== policy/{tenant}/{workspace}/access.yaml\napiVersion: ringfence/v1alpha1\nkind: Access\nmetadata: {{name: edge}}\nspec: {{allow: [{{from: gateway:edge}}]}}\n\
=== policy/{tenant}/{workspace}/tokens.yaml\napiVersion: ringfence/v1alpha1\nkind: Authentication\nmetadata: {{name: customers}}\nspec: {{issuers: [{{issuer: \"https://login.example\", jwksUri: \"https://login.example/jwks\", claimsToHeaders: [{{claim: sub, header: x-sub}}]}}]}}\n"
        );
    }
    let services = [
        ("web", "api", "http"),
        ("web", "calls", "grpc"),
        ("web", "vault", "tls"),
        ("desk", "desk", "http"),
        ("web-annex", "annex", "http"),
        ("pay", "pay", "http"),
    ];
    text += "=== inventory/prod/all.yaml\n";
    for (namespace, name, protocol) in services {
        text += &format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, namespace: {namespace}}}\n\
spec: {{template: {{metadata: {{labels: {{app: {name}}}}}, spec: {{serviceAccountName: {name}, containers: [{{name: main, ports: [{{containerPort: 8080}}]}}]}}}}}}\n\
---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec: {{selector: {{app: {name}}}, ports: [{{name: {protocol}, port: 80, targetPort: 8080}}]}}\n---\n"
        );
    }
    for (at, (node, kind, spec)) in documents.iter().enumerate() {
        text += &format!(
            "=== policy/{}document-{at}.yaml\napiVersion: ringfence/v1alpha1\nkind: {kind}\nmetadata: {{name: public-{at}}}\nspec: {{{spec}}}\n",
            if node.is_empty() { String::new() } else { format!("{node}/") }
        );
    }
    run(&files(&text), "2026-11-22")
}

fn exposed(cluster: &str, spec: &str) -> Outcome {
    repository(cluster, "{}", &[("shop/web", "Exposure", spec)])
}

fn check(cluster: &str, spec: &str, code: &str) {
    let outcome = exposed(cluster, spec);
    assert_eq!(outcome.errors(), [code], "{spec}\n{}", outcome.said());
}

const PATHS: &str = "paths: [{prefix: /v1, auth: customers, backend: {service: api, port: 8080}}, {exact: /healthz, auth: none, rewrite: /ready, backend: {service: api, port: 8080}}]";

#[test]
fn a_gateway_and_routes_of_the_gateway_api() {
    let outcome = exposed(GATEWAY_API, &format!("{COMMON}, {PATHS}"));
    insta::assert_snapshot!(outcome.emitted("ingress--gateway--edge"));
    insta::assert_snapshot!(outcome.emitted("web--httproute"));
    insta::assert_snapshot!(outcome.emitted("ingress--authorizationpolicy"));
    insta::assert_snapshot!(outcome.emitted("ingress--requestauthentication"));
}

#[test]
fn a_gateway_and_routes_of_istio() {
    let narrow = COMMON
        .replace("internet", "[203.0.113.0/24]")
        .replace("secret: api", "secret: api, mode: mutual, minVersion: \"1.3\"");
    let outcome = exposed(ISTIO, &format!("{narrow}, {PATHS}"));
    insta::assert_snapshot!(outcome.emitted("ingress--gateway--"));
    insta::assert_snapshot!(outcome.emitted("web--virtualservice"));
    insta::assert_snapshot!(outcome.emitted("ingress--authorizationpolicy"));
}

#[test]
fn calls_of_grpc_and_tls_that_is_passed_through() {
    let calls = "paths: [{prefix: /acme.v1.Cards, auth: none}, {exact: /acme.v1.Pins/Set, auth: customers}], backend: {service: calls, port: 8080}";
    let outcome = exposed(GATEWAY_API, &format!("{COMMON}, {calls}"));
    insta::assert_snapshot!(outcome.emitted("web--grpcroute"));
    let passed = COMMON.replace("secret: api", "mode: passthrough");
    let outcome = exposed(GATEWAY_API, &format!("{passed}, backend: {{service: vault, port: 8080}}"));
    insta::assert_snapshot!(outcome.emitted("web--tlsroute"));
    insta::assert_snapshot!(outcome.emitted("ingress--authorizationpolicy"));
}

#[test]
fn paths_of_one_host_are_asked_in_an_order_that_somebody_wrote() {
    // One VirtualService a namespace, gRPC in it as well.
    let both = "paths: [{prefix: /, auth: none, backend: {service: api, port: 8080}}, {prefix: /acme.v1, auth: none, backend: {service: calls, port: 8080}}]";
    let emitted = exposed(ISTIO, &format!("{COMMON}, {both}")).emitted("web--virtualservice");
    assert!(emitted.find("/acme.v1") < emitted.find("prefix: /\n"), "{emitted}");
    let apart = "paths: [{prefix: /v1, auth: none, backend: {service: api, port: 8080}}, {prefix: /v1/annex, auth: none, backend: {service: annex, port: 8080}}]";
    let outcome = |cluster| repository(cluster, "{}", &[("shop/web", "Exposure", &format!("{COMMON}, {apart}"))]);
    assert_eq!(outcome(ISTIO).errors(), ["lowering/inexpressible"], "{}", outcome(ISTIO).said());
    assert!(outcome(GATEWAY_API).errors().is_empty(), "{}", outcome(GATEWAY_API).said());
}

#[test]
fn policies_at_pods_that_run_already_go_by_their_labels() {
    let running = GATEWAY_API.replace("labels:", "service: edge, labels:");
    let outcome = exposed(&running, &format!("{COMMON}, auth: none, backend: {{service: api, port: 8080}}"));
    insta::assert_snapshot!(outcome.emitted("ingress--gateway--edge"));
    insta::assert_snapshot!(outcome.emitted("ingress--authorizationpolicy"));
}

#[test]
fn a_shared_gateway_gets_listeners_of_a_set_and_a_grant_for_a_secret_elsewhere() {
    let shared = GATEWAY_API.replace("clientAddress: connection", "shared: true");
    let elsewhere = COMMON.replace("secret: api", "secret: ingress/api");
    let outcome = exposed(&shared, &format!("{elsewhere}, auth: none, backend: {{service: api, port: 8080}}"));
    insta::assert_snapshot!(outcome.emitted("web--listenerset"));
    insta::assert_snapshot!(outcome.emitted("ingress--referencegrant"));
    let files = &outcome.compiled.as_ref().unwrap().files;
    assert!(!files.keys().any(|path| path.contains("ingress--gateway") || path.contains("ingress--authorization")));
}

#[test]
fn what_is_open_says_nothing_of_what_a_narrower_path_or_host_guards() {
    let open =
        "auth: none, backend: {service: api, port: 8080}, paths: [{prefix: /}, {prefix: /admin, auth: customers}]";
    let wide = COMMON.replace("api.x.example", "\"*.x.example\"").replace("secret: api", "secret: wide");
    let outcome = repository(
        GATEWAY_API,
        "{}",
        &[
            ("shop/web", "Exposure", &format!("{COMMON}, {open}")),
            ("shop/web", "Exposure", &format!("{wide}, auth: none, backend: {{service: api, port: 8080}}")),
        ],
    );
    insta::assert_snapshot!(outcome.emitted("ingress--authorizationpolicy"));
}

#[test]
fn what_cannot_be_read_as_one_thing_is_refused() {
    let all = "auth: none, backend: {service: api, port: 8080}";
    check(GATEWAY_API, &format!("{COMMON}, backend: {{service: api, port: 8080}}"), "parse/missing-field");
    check(GATEWAY_API, &format!("{COMMON}, auth: none"), "parse/missing-field");
    check(GATEWAY_API, &format!("{}, {all}", COMMON.replace("secret: api", "mode: mutual")), "parse/missing-field");
    check(GATEWAY_API, &format!("{COMMON}, {all}, paths: [{{prefix: /a, exact: /b}}]"), "parse/invalid-value");
    check(GATEWAY_API, &format!("{}, {all}", COMMON.replace("edge", "egde")), "resolve/unknown-reference");
    check(
        GATEWAY_API,
        &format!("{COMMON}, auth: customer, backend: {{service: api, port: 8080}}"),
        "resolve/unknown-reference",
    );
    check(GATEWAY_API, &format!("{COMMON}, auth: none, backend: {{service: api, port: 80}}"), "resolve/unknown-port");
    check(GATEWAY_API, &format!("{COMMON}, auth: none, backend: {{service: vault, port: 8080}}"), "lowering/l7-on-tcp");
    check(GATEWAY_API, &format!("{COMMON}, auth: none, backend: {{service: pay, port: 8080}}"), "resolve/outside-node");
    let passed = COMMON.replace("secret: api", "mode: passthrough");
    check(GATEWAY_API, &format!("{passed}, {all}"), "parse/invalid-value");
    check(GATEWAY_API, &format!("{passed}, backend: {{service: api, port: 8080}}"), "resolve/ambiguous");
    check(GATEWAY_API, &format!("{}, {all}", COMMON.replace("secret: api", "secret: pay/api")), "resolve/outside-node");
    let egress = GATEWAY_API.replace("namespace: ingress", "role: egress, namespace: ingress");
    check(&egress, &format!("{COMMON}, {all}"), "resolve/unknown-reference");
}

#[test]
fn what_a_gateway_cannot_enforce_is_refused() {
    let all = "auth: none, backend: {service: api, port: 8080}";
    let blind = GATEWAY_API.replace(", clientAddress: connection", "");
    check(&blind, &format!("{}, {all}", COMMON.replace("internet", "internal")), "lowering/unenforceable");
    let shared = GATEWAY_API.replace("clientAddress: connection", "shared: true");
    check(
        &shared,
        &format!("{COMMON}, auth: customers, backend: {{service: api, port: 8080}}"),
        "lowering/unenforceable",
    );
    let claimed = GATEWAY_API.replace("namespace: ingress", "namespace: desk");
    check(&claimed, &format!("{COMMON}, {all}"), "lowering/unenforceable");
    let unlabelled = ISTIO.replace(", labels: {istio: edge}", "");
    check(&unlabelled, &format!("{COMMON}, {all}"), "lowering/unenforceable");
    let running = GATEWAY_API.replace("labels: {istio: edge}", "service: edge");
    check(&running, &format!("{COMMON}, {all}"), "lowering/unenforceable");
    let newest = COMMON.replace("secret: api", "secret: api, minVersion: \"1.3\"");
    check(GATEWAY_API, &format!("{newest}, {all}"), "lowering/inexpressible");
    assert!(exposed(ISTIO, &format!("{newest}, {all}")).errors().is_empty());
    let calls = "auth: none, backend: {service: calls, port: 8080}, paths: [{prefix: /acme.v1.Cards/Get}]";
    check(GATEWAY_API, &format!("{COMMON}, {calls}"), "lowering/inexpressible");
    assert!(exposed(ISTIO, &format!("{COMMON}, {calls}")).errors().is_empty());
}

#[test]
fn a_host_belongs_to_one_tenant_and_a_path_to_one_document() {
    let exposure = |host: &str, path: &str, service: &str| {
        format!(
            "gateway: edge, hostnames: [\"{host}\"], tls: {{secret: s}}, audience: internet, auth: none, backend: {{service: {service}, port: 8080}}, paths: [{{prefix: {path}}}]"
        )
    };
    let cases = [
        (("shop/web", "a.x", "/", "api"), ("bank/pay", "a.x", "/pay", "pay"), true),
        (("shop/web", "*.x", "/", "api"), ("bank/pay", "a.x", "/", "pay"), true),
        (("shop/web", "a.x", "/", "api"), ("bank/pay", "b.x", "/", "pay"), false),
        (("shop/web", "a.x", "/a", "api"), ("shop/desk", "a.x", "/b", "desk"), false),
        (("shop/web", "a.x", "/a", "api"), ("shop/desk", "a.x", "/a/b", "desk"), true),
        (("shop/web", "*.x", "/", "api"), ("shop/desk", "a.x", "/", "desk"), true),
        (("shop/web", "*.x", "/", "api"), ("shop/web", "a.x", "/", "api"), false),
        (("shop/web", "a.x", "/a", "api"), ("shop/web", "a.x", "/a", "api"), true),
    ];
    for (one, other, taken) in cases {
        let documents = [one, other].map(|(node, host, path, service)| (node, exposure(host, path, service)));
        let documents: Vec<_> = documents.iter().map(|(node, spec)| (*node, "Exposure", spec.as_str())).collect();
        let outcome = repository(GATEWAY_API, "{}", &documents);
        let expected: &[&str] = if taken { &["resolve/taken-host"] } else { &[] };
        assert_eq!(outcome.errors(), expected, "{one:?} {other:?}\n{}", outcome.said());
    }
}

#[test]
fn mandates_bound_what_is_exposed() {
    let all = format!("{COMMON}, auth: none, backend: {{service: api, port: 8080}}, paths: [{{prefix: /v1}}]");
    let cases = [
        ("{hosts: {atMost: [\"*.x.example\"]}}", true),
        ("{hosts: {atMost: [\"*.y.example\", x.example]}}", false),
        ("{audience: {atMost: internet}}", true),
        ("{audience: {atMost: internal}}", false),
        ("{anonymous: {atMost: [/v1, \"/v1/*\"]}}", true),
        ("{anonymous: {atMost: [\"/v1/*\"]}}", false),
        ("{tls: {atLeast: \"1.2\"}}", true),
        ("{tls: {atLeast: \"1.3\"}}", false),
    ];
    for (mandate, fits) in cases {
        let outcome = repository(GATEWAY_API, &format!("{{exposure: {mandate}}}"), &[("shop/web", "Exposure", &all)]);
        let expected: &[&str] = if fits { &[] } else { &["resolve/widens-mandate"] };
        assert_eq!(outcome.errors(), expected, "{mandate}\n{}", outcome.said());
    }
}

#[test]
fn an_exposure_grants_nothing() {
    let spec = format!(
        "{COMMON}, auth: none, backend: {{service: api, port: 8080}}, paths: [{{prefix: /v1, rewrite: /}}, {{prefix: /v2}}]"
    );
    let documents = [
        ("shop/web", "Exposure", spec.as_str()),
        ("shop/web", "Access", "to: api, deny: [{from: gateway:edge, paths: [/v2, \"/v2/*\"]}]"),
    ];
    let outcome = repository(GATEWAY_API, "{}", &documents);
    assert_eq!(outcome.errors(), ["resolve/exposed-to-nobody"], "{}", outcome.said());
    let said = outcome.said();
    assert!(
        said.contains("write an Access with `to: /shop/web:api` and `allow: [{from: gateway:edge, ports: [8080], hosts: [api.x.example], paths: [/v2, \"/v2/*\"]}]`"),
        "{said}"
    );
    let narrower = spec.replace(", {prefix: /v2}", "");
    let documents = [("shop/web", "Exposure", narrower.as_str()), documents[1]];
    assert!(repository(GATEWAY_API, "{}", &documents).errors().is_empty());
}

#[test]
fn one_host_is_not_answered_in_two_ways() {
    let mixed = format!(
        "{COMMON}, auth: none, paths: [{{prefix: /a, backend: {{service: api, port: 8080}}}}, {{prefix: /b.C, backend: {{service: calls, port: 8080}}}}]"
    );
    check(GATEWAY_API, &mixed, "resolve/mixed-routes");
    assert!(exposed(ISTIO, &mixed).errors().is_empty());
}

#[test]
fn one_certificate_for_two_documents_is_a_warning() {
    let of = |host: &str, secret: &str| {
        format!(
            "gateway: edge, hostnames: [{host}], tls: {{secret: {secret}}}, audience: internet, auth: none, backend: {{service: api, port: 8080}}"
        )
    };
    let outcome = |secret: &str| {
        let (one, other) = (of("a.x", "s"), of("b.x", secret));
        repository(GATEWAY_API, "{}", &[("shop/web", "Exposure", &one), ("shop/web", "Exposure", &other)])
    };
    assert!(outcome("s").said().contains("warning[resolve/shared-certificate]"), "{}", outcome("s").said());
    assert_eq!(outcome("t").said(), "");
}

#[test]
fn hand_written_objects_take_no_host_of_another_workspace() {
    let exposure = format!("{COMMON}, auth: none, backend: {{service: api, port: 8080}}");
    let cases = [
        ("pay", "VirtualService", "hosts: [api.x.example]", true),
        ("pay", "VirtualService", "hosts: [\"*.x.example\"]", true),
        ("pay", "VirtualService", "hosts: [api.web.svc.cluster.local]", true),
        ("pay", "VirtualService", "hosts: [api.web]", true),
        ("pay", "VirtualService", "hosts: [other.example, pay, pay.pay.svc.cluster.local]", false),
        ("pay", "DestinationRule", "host: api.web.svc.cluster.local", true),
        ("pay", "Gateway", "servers: [{hosts: [\"pay/api.x.example\"]}]", true),
        ("web", "VirtualService", "hosts: [api.x.example]", false),
    ];
    for (namespace, kind, spec, taken) in cases {
        let raw = format!(
            "manifest: {{apiVersion: networking.istio.io/v1, kind: {kind}, metadata: {{name: x, namespace: {namespace}}}, spec: {{{spec}}}}}"
        );
        let mandates = "{raw: {kinds: {atMost: [VirtualService, DestinationRule, Gateway]}}}";
        let outcome = repository(GATEWAY_API, mandates, &[("shop/web", "Exposure", &exposure), ("", "Raw", &raw)]);
        let expected: &[&str] = if taken { &["resolve/taken-host"] } else { &[] };
        assert_eq!(outcome.errors(), expected, "{namespace} {kind} {spec}\n{}", outcome.said());
    }
}

#[test]
fn an_exposure_stands_in_a_workspace_or_below() {
    let spec = format!("{COMMON}, auth: none, backend: {{service: api, port: 8080}}");
    let outcome = repository(GATEWAY_API, "{}", &[("shop", "Exposure", &spec)]);
    assert_eq!(outcome.errors(), ["parse/misplaced-document"], "{}", outcome.said());
}
