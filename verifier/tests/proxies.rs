//! Which pods have a proxy, and how it takes what arrives: templates and Sidecars left, answers right.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

mod support;

use ringfence_verifier::model::Before;
use ringfence_verifier::reach::{Asked, Caller, Reach, reach};
use support::Clusters;

const INJECTED: &str = "istio-injection: enabled";
const AMBIENT: &str = "istio.io/dataplane-mode: ambient";

/// Says what stands before port 8080 of a pod with such metadata and containers beside its own, in a namespace so labelled.
fn before(namespace: &str, metadata: &str, more: &str) -> String {
    let clusters = Clusters::read(&[(
        "{}",
        &format!(
            "apiVersion: v1\nkind: Namespace\nmetadata: {{name: shop, labels: {{{namespace}}}}}\n---\napiVersion: v1\nkind: Pod\nmetadata: {{name: web, namespace: shop, {metadata}}}\nspec:\n  containers: [{{name: a, ports: [{{containerPort: 8080}}]}}{more}\n"
        ),
    )]);
    let models = clusters.models();
    let model = &models[0];
    match model.before(model.workloads().next().unwrap(), 8080) {
        Before::Sidecar => "sidecar".to_owned(),
        Before::Ztunnel => "ztunnel".to_owned(),
        Before::Nothing => "nothing".to_owned(),
        Before::NotModelled(what) => what.to_owned(),
    }
}

#[test]
fn pods_have_the_proxy_that_is_injected_or_that_they_bring() {
    let cases = [
        ("", "", "]", "nothing"),
        (INJECTED, "", "]", "sidecar"),
        // A label asks and refuses; it wins over the annotation, which only refuses.
        ("", "labels: {sidecar.istio.io/inject: 'true'}", "]", "sidecar"),
        ("", "annotations: {sidecar.istio.io/inject: 'true'}", "]", "nothing"),
        (INJECTED, "labels: {sidecar.istio.io/inject: 'false'}", "]", "nothing"),
        (INJECTED, "annotations: {sidecar.istio.io/inject: 'false'}", "]", "nothing"),
        (
            INJECTED,
            "labels: {sidecar.istio.io/inject: 'true'}, annotations: {sidecar.istio.io/inject: 'false'}",
            "]",
            "sidecar",
        ),
        // Of other words, some leave it to the namespace, and all the rest refuse.
        (INJECTED, "labels: {sidecar.istio.io/inject: 'Yes'}", "]", "sidecar"),
        (INJECTED, "labels: {sidecar.istio.io/inject: ''}", "]", "sidecar"),
        ("", "labels: {sidecar.istio.io/inject: 'on'}", "]", "nothing"),
        ("", "labels: {sidecar.istio.io/inject: 'on', istio.io/rev: stable}", "]", "sidecar"),
        (INJECTED, "labels: {sidecar.istio.io/inject: 'False'}", "]", "nothing"),
        (INJECTED, "labels: {sidecar.istio.io/inject: 'off'}", "]", "nothing"),
        (INJECTED, "annotations: {sidecar.istio.io/inject: 'no'}", "]", "nothing"),
        (INJECTED, "annotations: {sidecar.istio.io/inject: 'yes'}", "]", "sidecar"),
        // So does a revision.
        ("", "labels: {istio.io/rev: stable}", "]", "sidecar"),
        ("", "labels: {istio.io/rev: stable, sidecar.istio.io/inject: 'false'}", "]", "nothing"),
        ("", "labels: {istio.io/rev: stable}, annotations: {sidecar.istio.io/inject: 'false'}", "]", "nothing"),
        ("istio-injection: disabled", "labels: {istio.io/rev: stable}", "]", "nothing"),
        // What was injected by hand, or is dumped from a cluster, is there.
        ("", "", ", {name: istio-proxy, args: [proxy, sidecar]}]", "sidecar"),
        ("", "", "]\n  initContainers: [{name: istio-proxy, restartPolicy: Always}]", "sidecar"),
        ("", "", "]\n  initContainers: [{name: istio-proxy}]", "nothing"),
        ("", "labels: {sidecar.istio.io/inject: 'false'}", ", {name: istio-proxy}]", "sidecar"),
        ("", "", ", {name: istio-proxy}]\n  hostNetwork: true", "nothing"),
        // A gateway is a proxy of which nothing is known here.
        ("", "", ", {name: istio-proxy, args: [proxy, router]}]", "gateways"),
        (
            "",
            "annotations: {inject.istio.io/templates: 'gateway'}, labels: {sidecar.istio.io/inject: 'true'}",
            "]",
            "gateways",
        ),
        // ztunnel leaves pods alone that have a sidecar, or say so.
        (AMBIENT, "", "]", "ztunnel"),
        (AMBIENT, "", ", {name: istio-proxy}]", "sidecar"),
        (AMBIENT, "labels: {istio.io/rev: stable}", "]", "sidecar"),
        (AMBIENT, "annotations: {sidecar.istio.io/status: '{}'}", "]", "nothing"),
        ("", "labels: {istio.io/dataplane-mode: ambient}", "]", "ztunnel"),
    ];
    for (namespace, metadata, more, expected) in cases {
        assert_eq!(before(namespace, metadata, more), expected, "{namespace} | {metadata} | {more}");
    }
}

#[test]
fn nothing_is_injected_into_the_namespaces_of_the_system() {
    for (namespace, expected) in [("kube-system", Before::Nothing), ("kube-other", Before::Sidecar)] {
        let pod = format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: web, namespace: {namespace}, labels: {{sidecar.istio.io/inject: 'true'}}}}\nspec: {{containers: [{{name: a}}]}}\n"
        );
        let clusters = Clusters::read(&[("{}", &pod)]);
        let models = clusters.models();
        assert_eq!(models[0].before(models[0].workloads().next().unwrap(), 8080), expected, "{namespace}");
    }
}

const MESH: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: shop, labels: {app: db}}
spec: {containers: [{name: a, ports: [{containerPort: 8080}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec: {selector: {app: db}, ports: [{name: http, port: 8080}]}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: db, namespace: shop}
spec: {rules: [{to: [{operation: {methods: [GET]}}]}]}
";

#[test]
fn a_sidecar_says_how_its_ports_are_read() {
    let sidecar = |namespace: &str, name: &str, spec: &str| {
        format!(
            "---\napiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec: {{{spec}}}\n"
        )
    };
    let http = "ingress: [{port: {number: 8080, protocol: HTTP, name: a}, defaultEndpoint: '127.0.0.1:80'}]";
    let bytes = "ingress: [{port: {number: 8080, protocol: TCP, name: a}}]";
    let other = "ingress: [{port: {number: 9090, protocol: GRPC, name: a}}]";
    let tls = "ingress: [{port: {number: 8080, protocol: HTTPS, name: a}, tls: {mode: SIMPLE}}]";
    let bound = "ingress: [{port: {number: 8080, protocol: HTTP, name: a}, captureMode: NONE}]";
    let of_db = |spec: &str| format!("workloadSelector: {{labels: {{app: db}}}}, {spec}");
    let of_stranger = |spec: &str| format!("workloadSelector: {{labels: {{app: other}}}}, {spec}");
    // At port 8080, which the Service calls HTTP, and at 9090, of which nobody else speaks.
    let cases = [
        (vec![], "allowed", "depends"),
        (vec![("shop", "a", "egress: [{hosts: ['./*']}]".to_owned())], "allowed", "depends"),
        (vec![("shop", "a", http.to_owned())], "allowed", "depends"),
        // A rule on HTTP admits no bytes.
        (vec![("shop", "a", bytes.to_owned())], "denied", "depends"),
        (vec![("istio-system", "a", bytes.to_owned())], "denied", "depends"),
        (vec![("istio-system", "a", of_db(bytes))], "allowed", "depends"),
        (vec![("far", "a", bytes.to_owned())], "allowed", "depends"),
        // A port it does not speak of is read either way.
        (vec![("shop", "a", other.to_owned())], "depends", "allowed"),
        (vec![("shop", "a", tls.to_owned())], "depends", "depends"),
        (vec![("shop", "a", bound.to_owned())], "depends", "depends"),
        // The narrowest holds; of two alike nobody knows which.
        (vec![("shop", "a", of_db(bytes)), ("shop", "b", http.to_owned())], "denied", "depends"),
        (vec![("shop", "a", of_stranger(bytes)), ("shop", "b", http.to_owned())], "allowed", "depends"),
        (vec![("istio-system", "a", bytes.to_owned()), ("shop", "b", http.to_owned())], "allowed", "depends"),
        (vec![("shop", "a", bytes.to_owned()), ("shop", "b", http.to_owned())], "depends", "depends"),
        (
            vec![("shop", "a", "workloadSelector: {labels: {pod-template-hash: x}}, ".to_owned() + bytes)],
            "depends",
            "depends",
        ),
    ];
    for (sidecars, at_own, at_other) in cases {
        let written: String = sidecars.iter().map(|(namespace, name, spec)| sidecar(namespace, name, spec)).collect();
        let clusters = Clusters::read(&[("{}", &format!("{MESH}{written}"))]);
        let models = clusters.models();
        let model = &models[0];
        let db = model.workloads().next().unwrap();
        let answer = |port| {
            let anyone = Caller::anyone_outside().unwrap();
            format!("{:?}", reach(model, anyone, db, port, &Asked::anything()).reach()).to_lowercase()
        };
        assert_eq!((answer(8080).as_str(), answer(9090).as_str()), (at_own, at_other), "{written}");
    }
}

/// `calm/api` in ambient mode, called through the waypoint `gate`.
const CALM: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: calm, labels: {istio.io/dataplane-mode: ambient, istio.io/use-waypoint: gate}}
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
metadata: {name: cron, namespace: calm, labels: {app: cron, istio.io/dataplane-mode: none}}
spec: {serviceAccountName: cron, containers: [{name: a}]}
";

#[test]
fn whoever_has_an_identity_may_come_through_a_waypoint_that_is_admitted() {
    const GATE: &str = "---\napiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: gate, namespace: calm, labels: {istio.io/waypoint-for: all}}\nspec: {gatewayClassName: istio-waypoint}\n";
    let check = |gate: &str, principal: &str, web: Reach, cron: Reach| {
        let policy = format!(
            "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {{name: api, namespace: calm}}\nspec: {{selector: {{matchLabels: {{app: api}}}}, rules: [{{from: [{{source: {{principals: ['{principal}']}}}}]}}]}}\n"
        );
        let clusters = Clusters::read(&[("{}", &format!("{CALM}{gate}{policy}"))]);
        let models = clusters.models();
        let named = |name: &str| models[0].workloads().find(|workload| workload.name == name).unwrap();
        for (from, expected) in [("web", web), ("cron", cron)] {
            let answer = reach(&models[0], Caller::Workload(named(from)), named("api"), 8080, &Asked::anything());
            assert_eq!(answer.reach(), expected, "{from}: {principal} {gate}");
        }
    };
    check(GATE, "cluster.local/ns/calm/sa/web", Reach::Allowed, Reach::Denied);
    check(GATE, "cluster.local/ns/calm/sa/gate", Reach::Allowed, Reach::Denied);
    // What serves Services alone is not on the way to a pod that no Service is in front of.
    let of_services = GATE.replace("all}", "service}");
    check(&of_services, "cluster.local/ns/calm/sa/gate", Reach::Denied, Reach::Denied);
    check(GATE, "cluster.local/ns/calm/sa/other", Reach::Denied, Reach::Denied);
    // Of one that no manifest shows nobody knows the account.
    check("", "cluster.local/ns/calm/sa/other", Reach::Depends, Reach::Denied);
}
