//! NetworkPolicy in the proof: what is granted passes at both ends, and where nothing else is enforced nothing more does.
//! Faults are planted in what was compiled, and each is caught with a connection that shows it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails where something is missing"
)]

#[path = "../../compiler/tests/support/mod.rs"]
mod support;

use ringfence_compiler::compile::compile;
use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::parse::parse;
use ringfence_compiler::resolve::resolve;
use ringfence_compiler::shape::scalar::Text;
use ringfence_compiler::source::Sources;
use ringfence_compiler::spec::names::Day;
use ringfence_verifier::translation::{Proof, prove};

/// Two clusters on one network. In the first: `web` with a sidecar, `cart` with a port past it, `old` without one, `agent` on
/// its node's network; in the second: `far` with a sidecar.
const PROJECT: &str = "\
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
metadata: {name: east}
spec:
  network: prod
  podCidrs: [10.1.0.0/16]
  nodeCidrs: [10.0.1.0/24]
  gateways: {public: {namespace: gate, serviceAccount: gate, labels: {app: gate}}}
  identities: [{namespace: ops, serviceAccounts: [watch]}]
---
apiVersion: ringfence/v1alpha1
kind: Cluster
metadata: {name: west}
spec: {network: prod, podCidrs: [10.2.0.0/16]}
=== policy/shop/tenant.yaml
apiVersion: ringfence/v1alpha1
kind: Tenant
metadata: {name: shop}
spec: {}
=== policy/shop/web/workspace.yaml
apiVersion: ringfence/v1alpha1
kind: Workspace
metadata: {name: web}
spec: {namespaces: ['east/web', 'east/old', 'west/far']}
=== policy/shop/web/access.yaml
apiVersion: ringfence/v1alpha1
kind: Access
metadata: {name: cart}
spec: {to: cart, allow: [{from: web}, {from: far, ports: [8080]}, {from: ['gateway:public', 'sa:east/ops/watch'], ports: [8080], methods: [GET]}]}
---
apiVersion: ringfence/v1alpha1
kind: Access
metadata: {name: old}
spec: {to: old, allow: [{from: web, ports: [80]}, {from: 'cidr:192.0.2.0/24', ports: [81]}]}
---
apiVersion: ringfence/v1alpha1
kind: Access
metadata: {name: far}
spec: {to: far, allow: [{from: web}]}
=== inventory/east/web.yaml
apiVersion: v1
kind: Namespace
metadata: {name: web, labels: {istio-injection: enabled}}
---
apiVersion: v1
kind: Namespace
metadata: {name: old, labels: {team: old}}
---
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: web}
spec: {selector: {app: cart}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart, namespace: web}
spec:
  template:
    metadata: {labels: {app: cart}, annotations: {traffic.sidecar.istio.io/excludeInboundPorts: '9090'}}
    spec: {serviceAccountName: cart, containers: [{name: main, ports: [{containerPort: 8080}, {containerPort: 9090}]}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: web}
spec: {template: {metadata: {labels: {app: web}}, spec: {serviceAccountName: web, containers: [{name: main}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: other, namespace: web}
spec: {template: {metadata: {labels: {app: other}}, spec: {serviceAccountName: other, containers: [{name: main}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: old, namespace: old}
spec: {template: {metadata: {labels: {app: old}}, spec: {serviceAccountName: old, containers: [{name: main, ports: [{containerPort: 80}, {containerPort: 81}]}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: agent, namespace: old}
spec: {template: {metadata: {labels: {app: agent}}, spec: {hostNetwork: true, serviceAccountName: agent, containers: [{name: main}]}}}
=== inventory/west/far.yaml
apiVersion: v1
kind: Namespace
metadata: {name: far, labels: {istio-injection: enabled}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: far, namespace: far}
spec: {template: {metadata: {labels: {app: far}}, spec: {serviceAccountName: far, containers: [{name: main, ports: [{containerPort: 7000}]}]}}}
";

/// Compiles the project with some texts replaced, plants a fault in one file, and proves.
fn proved(changes: &[(&str, &str)], fault: Option<(&str, &str, &str)>) -> (Proof, Vec<String>) {
    let mut text = PROJECT.to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "nothing to change: {from}");
        text = text.replace(from, to);
    }
    let (mut sources, mut said) = (Sources::new(), Diagnostics::new());
    let compiled = parse(&support::files(&text), &mut sources, &mut said).and_then(|parsed| {
        let resolved = resolve(&parsed, Day::parse("2026-11-22").unwrap(), &mut said)?;
        let mut compiled = compile(&resolved, &sources, &mut said)?;
        if let Some((file, from, to)) = fault {
            let mut paths = compiled.files.keys().filter(|path| path.ends_with(file)).cloned();
            let path = paths.next().unwrap_or_else(|| panic!("no file {file}"));
            let text = compiled.files.get_mut(&path).unwrap();
            assert!(text.contains(from), "`{from}` is not in {file}:\n{text}");
            *text = text.replacen(from, to, 1);
            if to == "gone" {
                compiled.files.remove(&path);
            }
        }
        let mut found = Diagnostics::new();
        let proof = prove(&resolved, &compiled, &mut found);
        let line = |one: &ringfence_compiler::diagnostics::Diagnostic| {
            format!("{}: {}", one.message(), one.help_text().unwrap_or_default())
        };
        Ok((proof, found.sorted(&sources).into_iter().map(line).collect()))
    });
    compiled
        .unwrap_or_else(|_| panic!("{:?}", said.sorted(&sources).iter().map(|one| one.message()).collect::<Vec<_>>()))
}

/// Checks that the project is proved as it is compiled.
fn sound(changes: &[(&str, &str)]) -> Proof {
    let (proof, said) = proved(changes, None);
    assert!(said.is_empty(), "{changes:?}: {said:?}");
    proof
}

#[test]
fn what_is_compiled_passes_and_nothing_more_does() {
    let proof = sound(&[]);
    assert_eq!((proof.fenced, proof.fenced_ports), (1, 1), "{proof:?}");
    assert_eq!((proof.unmeshed, proof.bypassed, proof.behind), (1, 0, 0), "{proof:?}");
    assert!(proof.connections >= 8, "{proof:?}");
}

#[test]
fn it_passes_in_tunnels_as_well() {
    let ambient = ("labels: {istio-injection: enabled}", "labels: {istio.io/dataplane-mode: ambient}");
    let methods = (", methods: [GET]", "");
    assert_eq!(sound(&[ambient, methods]).workloads, sound(&[methods]).workloads);
    let one = (
        "labels: {app: web}",
        "labels: {app: web, istio.io/dataplane-mode: ambient, sidecar.istio.io/inject: 'false'}",
    );
    sound(&[one]);
}

#[test]
fn where_nothing_enforces_it_nothing_is_shown() {
    let none = ("podCidrs: [10.1.0.0/16]", "podCidrs: [10.1.0.0/16]\n  networkPolicy: none");
    let old = (
        "apiVersion: ringfence/v1alpha1\nkind: Access\nmetadata: {name: old}",
        "apiVersion: ringfence/v1alpha1\nkind: Access\nmetadata: {name: old2}",
    );
    let public = (
        "{to: old, allow: [{from: web, ports: [80]}, {from: 'cidr:192.0.2.0/24', ports: [81]}]}",
        "{to: far, allow: [{from: web}]}",
    );
    let proof = sound(&[none, old, public, ("{from: web}, {from: far", "{from: web, ports: [8080]}, {from: far")]);
    assert_eq!((proof.fenced, proof.fenced_ports), (0, 0), "{proof:?}");
    assert_eq!((proof.unmeshed, proof.bypassed), (2, 1), "{proof:?}");
}

#[test]
fn faults_are_caught_with_a_connection() {
    let cart = "web--networkpolicy--ringfence-cart.yaml";
    let web = "web--networkpolicy--ringfence-web.yaml";
    let old = "old--networkpolicy--ringfence-old.yaml";
    let faults = [
        // A policy that is lost leaves the default deny, and the default deny that is lost nothing.
        (
            cart,
            "kind",
            "gone",
            "stops what the policy grants at `web/cart` port 8080",
            "from `web/web` to port 8080, where it arrives",
        ),
        (web, "kind", "gone", "stops what the policy grants", "from `web/web` to port 8080, where it leaves"),
        (cart, "port: 8080", "port: 8081", "stops what the policy grants at `web/cart` port 8080", "where it arrives"),
        (cart, "app: web", "app: other", "stops what the policy grants", "from `web/web`"),
        (cart, "app: gate", "app: gates", "stops what the policy grants", "from gateway `public`"),
        (
            cart,
            "10.2.0.0/16",
            "10.2.0.0/17",
            "stops what the policy grants",
            "from `far/far` of `west`, where it arrives",
        ),
        (
            web,
            "10.2.0.0/16",
            "10.3.0.0/16",
            "stops what the policy grants",
            "from `web/web` of `east`, where it leaves",
        ),
        (cart, "app: web", "app.kubernetes.io/name: web", "stops what the policy grants", "from `web/web`"),
        (
            cart,
            "  ingress:\n",
            "  ingress:\n    - {}\n",
            "lets more pass than the policy grants at `web/cart` port",
            "from `old/old`",
        ),
        (
            cart,
            "port: 8080",
            "port: 8080\n        - protocol: TCP\n          port: 9090",
            "lets more pass than the policy grants at `web/cart` port 9090",
            "from 10.2.0.0/16",
        ),
        (old, "protocol: TCP", "protocol: UDP", "stops what the policy grants at `old/old`", "where it arrives"),
        (old, "192.0.2.0/24", "192.0.2.0/25", "stops what the policy grants at `old/old` port 81", "from 192.0.2.0/24"),
        (
            old,
            "192.0.2.0/24",
            "192.0.0.0/16",
            "lets more pass than the policy grants at `old/old` port 81",
            "from 192.0.0.0/16",
        ),
        (old, "app: web", "unknown: web", "stops what the policy grants at `old/old`", "from `web/web`"),
        (
            old,
            "podSelector:\n            matchLabels:\n              app: web",
            "podSelector: {}",
            "lets more pass than the policy grants at `old/old` port 80",
            "from `web/cart`",
        ),
    ];
    let mut missed = Vec::new();
    for (file, from, to, message, shown) in faults {
        let (_, said) = proved(&[], Some((file, from, to)));
        if !said.iter().any(|one| one.contains(message) && one.contains(shown)) {
            missed.push(format!("{file}: `{from}` to `{to}`: {said:?}"));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn gateways_of_other_clusters_are_let_in_where_those_of_the_own_are() {
    let gateway = "spec: {network: prod, podCidrs: [10.2.0.0/16]}";
    let with = "spec: {network: prod, podCidrs: [10.2.0.0/16], gateways: {side: {namespace: gate, serviceAccount: gate, labels: {app: gate}}}}";
    let cart = "web--networkpolicy--ringfence-cart.yaml";
    let alone = ("{from: far, ports: [8080]}, ", "");
    assert!(sound(&[alone, (gateway, with)]).connections > sound(&[alone]).connections);
    let (_, said) = proved(&[alone, (gateway, with)], Some((cart, "10.2.0.0/16", "10.2.0.0/17")));
    assert!(said.iter().any(|one| one.contains("from gateway `side` of `west`")), "{said:?}");
}

#[test]
fn faults_in_ambient_mode_are_caught() {
    let ambient = ("labels: {istio-injection: enabled}", "labels: {istio.io/dataplane-mode: ambient}");
    let methods = (", methods: [GET]", "");
    let allow = "web--authorizationpolicy--ringfence-allow-cart.yaml";
    let peers = "web--peerauthentication--ringfence.yaml";
    let faults = [
        // A rule that asks for HTTP is dropped, and what it grants is refused.
        (allow, "ports:", "methods:\n              - \"GET\"\n            ports:", "refuse what the policy grants"),
        (allow, "action: ALLOW", "action: AUDIT", "refuse what the policy grants"),
        (allow, "sa/web", "sa/other", "admit more than the policy"),
        (peers, "mode: STRICT", "mode: DISABLE", "take peers at"),
    ];
    for (file, from, to, expected) in faults {
        let (_, said) = proved(&[ambient, methods], Some((file, from, to)));
        assert!(said.iter().any(|one| one.contains(expected)), "{file}: `{from}` to `{to}`: {said:?}");
    }
    // Istio writes principals once more for aliases at sidecars only; here the compiler does.
    let aliases =
        ("  network: prod\n", "  trustDomain: new.example\n  trustDomainAliases: [old.example]\n  network: prod\n");
    assert_eq!(sound(&[ambient, methods, aliases]).workloads, sound(&[methods]).workloads);
    let waypoint =
        ("labels: {istio-injection: enabled}", "labels: {istio.io/dataplane-mode: ambient, istio.io/use-waypoint: a}");
    let proof = sound(&[waypoint, methods]);
    assert!(proof.behind > 0 && proof.workloads == 0, "what comes out of a waypoint is not proved: {proof:?}");
}
