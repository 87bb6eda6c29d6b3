//! What becomes of requests that come through a waypoint: which policies hold there, for whom it is, and what is behind it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    dead_code,
    reason = "a test, which fails where its world is not as it must be"
)]

use ringfence_verifier::reach::{Asked, Caller, Reach, reach};

use crate::support::Clusters;

mod support;

/// The Service `calm/api` on port 80, before pods on port 8080 that let in the waypoint alone.
const CALM: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: calm, labels: {istio.io/dataplane-mode: ambient, istio.io/use-waypoint: gate}}
---
apiVersion: v1
kind: Namespace
metadata: {name: far, labels: {istio.io/dataplane-mode: ambient}}
---
apiVersion: v1
kind: Service
metadata: {name: api, namespace: calm}
spec: {selector: {app: api}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Pod
metadata: {name: api, namespace: calm, labels: {app: api}}
spec: {serviceAccountName: api, containers: [{name: a, ports: [{containerPort: 8080}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: calm, labels: {app: web}}
spec: {serviceAccountName: web, containers: [{name: a}]}
---
apiVersion: v1
kind: Pod
metadata: {name: job, namespace: far, labels: {app: job}}
spec: {serviceAccountName: job, containers: [{name: a}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: gate, namespace: calm}
spec: {gatewayClassName: istio-waypoint, listeners: [{name: mesh, port: 15008, protocol: HBONE}]}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: only-the-waypoint, namespace: calm}
spec: {selector: {matchLabels: {app: api}}, rules: [{from: [{source: {principals: [cluster.local/ns/calm/sa/gate]}}]}]}
";

/// Asks for `GET path` by each caller, where more objects are there and a text is another.
fn check(more: &str, (from, to): (&str, &str), path: &str, web: Reach, job: Reach) {
    let world = CALM.replace(from, to);
    assert!(from.is_empty() || world != CALM, "`{from}` is not there");
    let clusters = Clusters::read(&[("{}", &format!("{world}{more}"))]);
    let models = clusters.models();
    let named = |name: &str| models[0].workloads().find(|workload| workload.name == name).unwrap();
    let asked = Asked { method: Some("GET".to_owned()), path: Some(path.to_owned()), ..Asked::anything() };
    for (from, expected) in [("web", web), ("job", job)] {
        let answer = reach(&models[0], Caller::Workload(named(from)), named("api"), 8080, &asked);
        assert_eq!(answer.reach(), expected, "{from} {path}\n{more}");
    }
}

fn policy(namespace: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {{name: p, namespace: {namespace}}}\nspec: {spec}\n"
    )
}

const AS_IS: (&str, &str) = ("", "");
use Reach::{Allowed, Denied, Depends};

#[test]
fn a_waypoint_without_policies_lets_everybody_through() {
    check("", AS_IS, "/", Allowed, Allowed);
}

#[test]
fn policies_of_the_service_the_gateway_and_the_class_hold_there_for_the_client_itself() {
    let web = "rules: [{from: [{source: {principals: [cluster.local/ns/calm/sa/web]}}], to: [{operation: {methods: [GET], paths: ['/a*']}}]}]";
    let of_service = policy("calm", &format!("{{targetRefs: [{{kind: Service, group: '', name: api}}], {web}}}"));
    check(&of_service, AS_IS, "/a", Allowed, Denied);
    check(&of_service, AS_IS, "/b", Denied, Denied);
    let gateway = "targetRefs: [{kind: Gateway, group: gateway.networking.k8s.io, name: gate}]";
    check(&policy("calm", &format!("{{{gateway}, {web}}}")), AS_IS, "/a", Allowed, Denied);
    // One of another namespace, or of another name, is about something else.
    check(&policy("far", &format!("{{{gateway}, {web}}}")), AS_IS, "/b", Allowed, Allowed);
    let class = "targetRefs: [{kind: GatewayClass, group: gateway.networking.k8s.io, name: istio-waypoint}]";
    check(&policy("istio-system", &format!("{{{class}}}")), AS_IS, "/", Denied, Denied);
    check(&policy("calm", &format!("{{{class}}}")), AS_IS, "/", Allowed, Allowed);
}

#[test]
fn a_policy_with_a_selector_does_not_hold_at_a_waypoint() {
    let everywhere = policy("calm", "{action: DENY, rules: [{to: [{operation: {paths: ['/b']}}]}]}");
    check(&everywhere, AS_IS, "/b", Allowed, Allowed);
}

#[test]
fn policies_there_are_about_the_port_of_the_service() {
    let of = |port: &str| {
        policy(
            "calm",
            &format!(
                "{{targetRefs: [{{kind: Service, group: '', name: api}}], rules: [{{to: [{{operation: {{ports: ['{port}']}}}}]}}]}}"
            ),
        )
    };
    check(&of("80"), AS_IS, "/", Allowed, Allowed);
    check(&of("8080"), AS_IS, "/", Denied, Denied);
}

#[test]
fn what_does_not_serve_services_or_is_not_used_is_not_on_the_way() {
    check(
        "",
        (
            "{name: gate, namespace: calm}\nspec",
            "{name: gate, namespace: calm, labels: {istio.io/waypoint-for: none}}\nspec",
        ),
        "/",
        Denied,
        Denied,
    );
    check(
        "",
        (
            "{name: api, namespace: calm}\nspec: {selector",
            "{name: api, namespace: calm, labels: {istio.io/use-waypoint: none}}\nspec: {selector",
        ),
        "/",
        Denied,
        Denied,
    );
    check("", ("istio.io/use-waypoint: gate", "istio.io/use-waypoint: other"), "/", Depends, Depends);
}

#[test]
fn a_waypoint_of_another_namespace_serves_only_where_it_says_so() {
    let elsewhere =
        ("istio.io/use-waypoint: gate", "istio.io/use-waypoint: gate, istio.io/use-waypoint-namespace: far");
    let gate = |allowed: &str| {
        format!(
            "---\napiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {{name: gate, namespace: far}}\nspec: {{gatewayClassName: istio-waypoint, listeners: [{{name: mesh, port: 15008, protocol: HBONE{allowed}}}]}}\n"
        )
    };
    let admits = policy(
        "calm",
        "{selector: {matchLabels: {app: api}}, rules: [{from: [{source: {principals: [cluster.local/ns/far/sa/gate]}}]}]}",
    );
    check(&[gate(""), admits.clone()].concat(), elsewhere, "/", Denied, Denied);
    let all = gate(", allowedRoutes: {namespaces: {from: All}}");
    check(&[all, admits].concat(), elsewhere, "/", Allowed, Allowed);
}

#[test]
fn policies_of_the_network_are_asked_on_both_stretches() {
    let only = |peer: &str| {
        format!(
            "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: fence, namespace: calm}}\nspec: {{podSelector: {{matchLabels: {{app: api}}}}, ingress: [{{from: [{{podSelector: {{matchLabels: {peer}}}}}]}}]}}\n"
        )
    };
    check(&only("{gateway.networking.k8s.io/gateway-name: gate}"), AS_IS, "/", Allowed, Allowed);
    check(&only("{app: web}"), AS_IS, "/", Denied, Denied);
    let at_gate = "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: fence, namespace: calm}\nspec: {podSelector: {matchLabels: {gateway.networking.k8s.io/gateway-name: gate}}, ingress: [{from: [{podSelector: {}}]}]}\n";
    check(at_gate, AS_IS, "/", Allowed, Denied);
}
