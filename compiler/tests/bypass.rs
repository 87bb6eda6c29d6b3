//! Where no proxy enforces: ports that annotations take from it, and workloads of other planes than their namespace.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers of a test fail like the test"
)]

mod support;

use support::{Outcome, files, run};

/// Compiles two workloads, `cart` with an annotation and `web`, and documents of the workspace.
fn outcome(annotation: &str, documents: &[(&str, &str)]) -> Outcome {
    let mut text = format!(
        "\
=== ringfence.yaml
apiVersion: ringfence/v1alpha1
kind: Project
metadata: {{name: shop}}
spec: {{}}
=== policy/organization.yaml
apiVersion: ringfence/v1alpha1
kind: Organization
metadata: {{name: acme}}
spec: {{}}
=== policy/clusters.yaml
apiVersion: ringfence/v1alpha1
kind: Cluster
metadata: {{name: prod}}
spec: {{}}
=== policy/shop/web/workspace.yaml
apiVersion: ringfence/v1alpha1
kind: Workspace
metadata: {{name: web}}
spec: {{namespaces: prod/web}}
=== inventory/prod/web.yaml
apiVersion: v1
kind: Namespace
metadata: {{name: web, labels: {{istio-injection: enabled}}}}
---
apiVersion: v1
kind: Service
metadata: {{name: cart, namespace: web}}
spec:
  selector: {{app: cart}}
  ports: [{{name: http, port: 80, targetPort: 8080}}, {{name: http-metrics, port: 9090, targetPort: 9090}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: cart, namespace: web}}
spec:
  template:
    metadata: {{labels: {{app: cart}}, annotations: {{{annotation}}}}}
    spec:
      serviceAccountName: cart
      containers: [{{name: main, ports: [{{containerPort: 8080}}, {{containerPort: 9090}}]}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web, namespace: web}}
spec:
  template:
    metadata: {{labels: {{app: web}}}}
    spec: {{serviceAccountName: web, containers: [{{name: main}}]}}
"
    );
    let tenant = documents.iter().find(|(kind, _)| *kind == "Tenant").map_or("{}", |(_, spec)| *spec);
    text += &format!(
        "=== policy/shop/tenant.yaml\napiVersion: ringfence/v1alpha1\nkind: Tenant\nmetadata: {{name: shop}}\nspec: {tenant}\n"
    );
    for (at, (kind, spec)) in documents.iter().filter(|(kind, _)| *kind != "Tenant").enumerate() {
        text += &format!(
            "=== policy/shop/web/{at}.yaml\napiVersion: ringfence/v1alpha1\nkind: {kind}\nmetadata: {{name: it-{at}}}\nspec: {spec}\n"
        );
    }
    run(&files(&text), "2026-11-22")
}

const EXCLUDED: &str = "traffic.sidecar.istio.io/excludeInboundPorts: \"9090\"";

/// Checks what is said about statements at a workload one of whose ports is past the proxy.
fn check(annotation: &str, documents: &[(&str, &str)], expected: &str) {
    let said = outcome(annotation, documents).said();
    let mut lines: Vec<&str> = said.lines().filter(|line| !line.starts_with(' ')).collect();
    lines.sort_unstable();
    assert_eq!(lines.join("\n"), expected, "{annotation} {documents:?}:\n{said}");
}

const WARNING: &str = "warning[lowering/not-in-mesh] `web/cart` takes port 9090 from its proxy";

#[test]
fn connections_past_the_proxy_are_kept_by_network_policy() {
    for grant in ["{from: web}", "{from: web, ports: [9090]}", "{from: web, ports: [8080], methods: [GET]}"] {
        let documents = [("Access", &*format!("{{to: cart, allow: [{grant}]}}"))];
        check(EXCLUDED, &documents, WARNING);
    }
    check(
        "traffic.sidecar.istio.io/excludeInboundPorts: \"15020,15090\"",
        &[("Access", "{to: cart, allow: [{from: web, methods: [GET]}]}")],
        "",
    );
}

#[test]
fn http_rules_past_the_proxy_are_refused_with_both_places() {
    let said = outcome(EXCLUDED, &[("Access", "{to: cart, allow: [{from: web, methods: [GET]}]}")]).said();
    assert!(
        said.contains(
            "error[lowering/unenforceable] HTTP rules of `cart` cannot be enforced: `traffic.sidecar.istio.io/excludeInboundPorts` takes port 9090 from the proxy\n"
        ),
        "{said}"
    );
    assert!(said.contains("policy/shop/web/0.yaml:4 ") && said.contains("inventory/prod/web.yaml:17 "), "{said}");
}

#[test]
fn what_an_unmeshed_port_cannot_keep_is_refused_past_the_proxy() {
    let grant = ("Access", "{to: cart, allow: [{from: web, ports: [8080, 9090]}]}");
    let why = "cannot be enforced: `traffic.sidecar.istio.io/excludeInboundPorts` takes port 9090 from the proxy";
    let issuer = "issuers: [{issuer: \"https://id.example\", jwksUri: \"https://id.example/keys\"}]";
    let cases = [
        ("the mTLS", ("Tenant", "{mandates: {mtls: {atMost: strict}}}".to_owned())),
        ("tokens", ("Authentication", format!("{{to: cart, {issuer}, required: true}}"))),
        ("external authorization", ("Authentication", "{to: cart, external: {provider: opa}}".to_owned())),
        ("a deny", ("Access", "{to: cart, deny: [{from: web, ports: [9090]}]}".to_owned())),
    ];
    for (what, (kind, spec)) in &cases {
        let documents = [grant, (*kind, spec.as_str())];
        check(EXCLUDED, &documents, &format!("error[lowering/unenforceable] {what} of `cart` {why}\n{WARNING}"));
    }
}

#[test]
fn what_nobody_may_call_keeps_every_demand() {
    let grant = ("Access", "{to: cart, allow: [{from: web, ports: [8080]}]}");
    check(EXCLUDED, &[grant, ("Tenant", "{mandates: {mtls: {atMost: strict}}}")], WARNING);
    check(EXCLUDED, &[grant, ("Access", "{to: cart, deny: [{from: web, ports: [9090]}]}")], WARNING);
}

#[test]
fn a_proxy_that_sees_nothing_enforces_no_http() {
    let grant = [("Access", "{to: cart, allow: [{from: web, ports: [8080], methods: [GET]}]}")];
    let cases = [
        ("traffic.sidecar.istio.io/includeInboundPorts: \"\"", "every port"),
        ("traffic.sidecar.istio.io/includeInboundPorts: \"9090\"", "every port but 9090"),
        ("traffic.sidecar.istio.io/excludeInboundPorts: \"*\"", "every port"),
        ("sidecar.istio.io/interceptionMode: NONE", "every port"),
    ];
    for (annotation, ports) in cases {
        let name = annotation.split_once(": ").unwrap().0;
        let expected = format!(
            "error[lowering/unenforceable] HTTP rules of `cart` cannot be enforced: `{name}` takes {ports} from the proxy\nwarning[lowering/not-in-mesh] `web/cart` takes {ports} from its proxy"
        );
        check(annotation, &grant, &expected);
    }
    check("traffic.sidecar.istio.io/includeInboundPorts: \"*\"", &grant, "");
}

#[test]
fn a_list_of_ports_that_istio_cannot_read_is_an_error() {
    check(
        "traffic.sidecar.istio.io/excludeInboundPorts: metrics",
        &[],
        "error[inventory/broken-object] `traffic.sidecar.istio.io/excludeInboundPorts` of `cart` is no list of ports",
    );
}
