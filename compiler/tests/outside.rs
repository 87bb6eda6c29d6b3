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
    changed(&[("annotations: {}", &format!("annotations: {{{annotation}}}"))], documents)
}

/// Compiles the same with some texts replaced.
fn changed(replacements: &[(&str, &str)], documents: &[(&str, &str)]) -> Outcome {
    let mut text = "\
=== ringfence.yaml
apiVersion: ringfence/v1alpha1
kind: Project
metadata: {name: shop}
spec: {}
=== policy/organization.yaml
apiVersion: ringfence/v1alpha1
kind: Organization
metadata: {name: acme}
spec: {}
=== policy/clusters.yaml
apiVersion: ringfence/v1alpha1
kind: Cluster
metadata: {name: prod}
spec: {}
=== policy/shop/web/workspace.yaml
apiVersion: ringfence/v1alpha1
kind: Workspace
metadata: {name: web}
spec: {namespaces: prod/web}
=== inventory/prod/web.yaml
apiVersion: v1
kind: Namespace
metadata: {name: web, labels: {istio-injection: enabled}}
---
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: web}
spec:
  selector: {app: cart}
  ports: [{name: http, port: 80, targetPort: 8080}, {name: http-metrics, port: 9090, targetPort: 9090}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart, namespace: web}
spec:
  template:
    metadata: {labels: {app: cart}, annotations: {}}
    spec:
      serviceAccountName: cart
      containers: [{name: main, ports: [{containerPort: 8080}, {containerPort: 9090}]}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: web}
spec:
  template:
    metadata: {labels: {app: web}}
    spec: {serviceAccountName: web, containers: [{name: main}]}
"
    .to_owned();
    let tenant = documents.iter().find(|(kind, _)| *kind == "Tenant").map_or("{}", |(_, spec)| *spec);
    text += &format!(
        "=== policy/shop/tenant.yaml\napiVersion: ringfence/v1alpha1\nkind: Tenant\nmetadata: {{name: shop}}\nspec: {tenant}\n"
    );
    for (at, (kind, spec)) in documents.iter().filter(|(kind, _)| *kind != "Tenant").enumerate() {
        text += &format!(
            "=== policy/shop/web/{at}.yaml\napiVersion: ringfence/v1alpha1\nkind: {kind}\nmetadata: {{name: it-{at}}}\nspec: {spec}\n"
        );
    }
    for (from, to) in replacements {
        assert!(text.contains(from), "nothing to replace: {from}");
        text = text.replacen(from, to, 1);
    }
    run(&files(&text), "2026-11-22")
}

const EXCLUDED: &str = "traffic.sidecar.istio.io/excludeInboundPorts: \"9090\"";

/// Checks what is said about statements at a workload one of whose ports is past the proxy.
fn check(annotation: &str, documents: &[(&str, &str)], expected: &str) {
    assert_eq!(said(&outcome(annotation, documents)), expected, "{annotation} {documents:?}");
}

/// Lists what was said without its places, sorted.
fn said(outcome: &Outcome) -> String {
    let said = outcome.said();
    let mut lines: Vec<&str> = said.lines().filter(|line| !line.starts_with(' ')).collect();
    lines.sort_unstable();
    lines.join("\n")
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
        ("the access log", ("Tenant", "{mandates: {obligations: {accessLog: [siem]}}}".to_owned())),
        ("external authorization", ("Authentication", "{to: cart, externalAuthorization: opa}".to_owned())),
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

const AMBIENT: (&str, &str) = ("{istio-injection: enabled}", "{istio.io/dataplane-mode: ambient}");

#[test]
fn an_access_log_that_nothing_writes_is_refused() {
    let log = [("Tenant", "{mandates: {obligations: {accessLog: [siem]}}}")];
    assert_eq!(said(&changed(&[], &log)), "");
    let unmeshed = changed(&[("{istio-injection: enabled}", "{team: shop}")], &log);
    assert!(
        said(&unmeshed).starts_with(
            "error[lowering/unenforceable] the access log of `cart` cannot be enforced: its namespace is not labelled for injection\n"
        ),
        "{}",
        unmeshed.said()
    );
    let ambient = changed(&[AMBIENT], &log);
    assert_eq!(ambient.errors(), ["lowering/l7-without-waypoint"; 2], "{}", ambient.said());
}

#[test]
fn a_pod_that_asks_for_a_sidecar_has_one_in_an_ambient_namespace() {
    let methods = [("Access", "{to: cart, allow: [{from: web, methods: [GET]}]}")];
    assert_eq!(changed(&[AMBIENT], &methods).errors(), ["lowering/l7-without-waypoint"]);
    let asks = ("{app: cart}, annotations", "{app: cart, sidecar.istio.io/inject: \"true\"}, annotations");
    let methods = [("Access", "{to: cart, allow: [{from: web, ports: [8080], methods: [GET]}]}")];
    let outcome = changed(&[AMBIENT, asks], &methods);
    assert_eq!(said(&outcome), "");
    // Between the two, mesh traffic travels in tunnels, and the rule is on the port inside.
    let files = outcome.compiled.unwrap().files;
    for unit in ["cart", "web"] {
        let policy = &files[&format!("clusters/prod/30-allow/web/web--networkpolicy--ringfence-{unit}.yaml")];
        assert!(policy.contains("15008"), "{policy}");
    }
    let namespace = ("{istio-injection: enabled}", "{istio.io/dataplane-mode: ambient, istio-injection: enabled}");
    assert_eq!(said(&changed(&[namespace], &methods)), "");
}

#[test]
fn a_pod_may_choose_ambient_mode_or_stay_out_of_it() {
    let port = [("Access", "{to: cart, allow: [{from: web, ports: [8080]}]}")];
    let out = ("{app: cart}, annotations", "{app: cart, istio.io/dataplane-mode: none}, annotations");
    assert_eq!(
        said(&changed(&[AMBIENT, out], &port)),
        "warning[lowering/not-in-mesh] `web/cart` has no proxy: its pods stay out of ambient mode"
    );
    let plain = ("{istio-injection: enabled}", "{team: shop}");
    let chosen = ("{app: cart}, annotations", "{app: cart, istio.io/dataplane-mode: ambient}, annotations");
    let other = ("{app: web}", "{app: web, sidecar.istio.io/inject: \"true\"}");
    assert_eq!(said(&changed(&[plain, chosen, other], &port)), "");
    check("ambient.istio.io/bypass-inbound-capture: \"true\"", &port, "");
    let past = ("annotations: {}", "annotations: {ambient.istio.io/bypass-inbound-capture: \"true\"}");
    assert_eq!(
        said(&changed(&[AMBIENT, past], &port)),
        "warning[lowering/not-in-mesh] `web/cart` takes every port from its proxy"
    );
}

#[test]
fn a_grant_by_identity_where_nobody_shows_one_is_refused() {
    let disabled = ("Service", "{workloads: {names: cart}, mtls: {mode: strict, ports: {\"9090\": disable}}}");
    let refused = |ports| {
        format!(
            "error[lowering/unenforceable] {ports} of `it-0` admits plaintext alone, where no caller shows an identity"
        )
    };
    let on = |ports: &str| format!("{{to: cart, allow: [{{from: web{ports}}}]}}");
    check("", &[disabled, ("Access", &on(", ports: [9090]"))], &refused("port 9090"));
    check("", &[disabled, ("Access", &on(", ports: [8080]"))], "");
    check("", &[disabled, ("Access", &on(""))], "");
    let all = ("Service", "{workloads: {names: cart}, mtls: disable}");
    check("", &[all, ("Access", &on(""))], &refused("every port"));
    check("", &[all, ("Access", "{to: cart, allow: [{from: \"cidr:10.0.0.0/8\"}]}")], "");
    check(EXCLUDED, &[disabled, ("Access", &on(", ports: [9090]"))], WARNING);
}

#[test]
fn network_policy_alone_admits_no_pods_beside_those_that_are_granted() {
    let out = ("{app: cart}, annotations", "{app: cart, sidecar.istio.io/inject: \"false\"}, annotations");
    let to = |from: &str| {
        let access = format!("{{to: cart, allow: [{{from: {from}}}]}}");
        let identities = (
            "metadata: {name: prod}\nspec: {}",
            "metadata: {name: prod}\nspec: {identities: [{namespace: ops, serviceAccounts: ghost}]}",
        );
        said(&changed(&[out, identities], &[("Access", &access)]))
    };
    let refused = "error[lowering/unenforceable] a caller whose pods NetworkPolicy cannot tell from others of `cart` cannot be enforced: its pods refuse a sidecar\n";
    let warning = "warning[lowering/not-in-mesh] `web/cart` has no proxy: its pods refuse a sidecar";
    assert_eq!(to("\"sa:prod/ops/ghost\""), format!("{refused}{warning}"));
    assert_eq!(to("\"sa:prod/web/web\""), warning);
}
