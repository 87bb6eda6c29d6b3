//! Who reaches what on small meshes: manifests above, answers below.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::document::Policy;
use ringfence_compiler::source::{SourceFile, Sources};
use ringfence_compiler::spec::reference::NodePath;
use ringfence_compiler::yaml::{self, Profile};
use ringfence_verifier::model::{Model, Objects};
use ringfence_verifier::reach::{Asked, Caller, reach};

/// Two workloads in one namespace, `web` and `db`, each with a port 8080 that speaks HTTP, and one outside the mesh.
const MESH: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
---
apiVersion: v1
kind: Namespace
metadata: {name: old, labels: {istio-injection: disabled}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {template: {metadata: {labels: {app: web}}, spec: {serviceAccountName: web, containers: [{name: a, ports: [{containerPort: 8080}]}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: db, namespace: shop}
spec: {template: {metadata: {labels: {app: db}}, spec: {serviceAccountName: db, containers: [{name: a, ports: [{containerPort: 8080}]}]}}}
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec: {selector: {app: db}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cron, namespace: old}
spec: {template: {metadata: {labels: {app: cron}}, spec: {serviceAccountName: cron, containers: [{name: a}]}}}
";

const CLUSTER: &str = "apiVersion: ringfence/v1alpha1\nkind: Cluster\nmetadata: {name: east}\nspec: {}\n";

/// Asks for every caller of port 8080 of `db`, and compares `caller: answer` lines.
fn check(policies: &str, expected: &[(&str, &str)]) {
    let mut sources = Sources::new();
    let mut said = Diagnostics::new();
    let mut read = |name: &str, text: &str, profile| {
        let file = sources.add(SourceFile::new(name, text.as_bytes().to_vec()));
        yaml::read(&sources, file, profile, &mut said)
    };
    let roots: Vec<_> = read("mesh.yaml", &format!("{MESH}---\n{policies}"), Profile::Manifest);
    let facts = read("cluster.yaml", CLUSTER, Profile::Policy);
    let mut policy = Policy::default();
    policy.add(&NodePath::root(), &facts.first().unwrap().root, &mut said).unwrap();
    let objects = Objects::read(roots.into_iter().map(|document| document.root), &mut said);
    assert!(!said.has_errors(), "{:?}", said.sorted(&sources));
    let model = Model::of(policy.clusters.first().unwrap(), &objects);
    let find = |name: &str| model.workloads().find(|workload| workload.name == name).unwrap();
    let answers: Vec<(String, String)> = expected
        .iter()
        .map(|(caller, _)| {
            let from = match caller.parse() {
                Ok(block) => Caller::Outside(block),
                Err(_) => Caller::Workload(find(caller)),
            };
            let answer = reach(&model, from, find("db"), 8080, &Asked::anything());
            let witness = answer.witness.as_ref().map(|witness| format!(" by {witness}")).unwrap_or_default();
            ((*caller).to_owned(), format!("{:?}{witness}", answer.reach()).to_lowercase())
        })
        .collect();
    let expected: Vec<(String, String)> =
        expected.iter().map(|(caller, answer)| ((*caller).to_owned(), answer.to_lowercase())).collect();
    assert_eq!(answers, expected, "{policies}");
}

const ALLOW_WEB: &str = "
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: db, namespace: shop}
spec:
  selector: {matchLabels: {app: db}}
  rules:
    - from: [{source: {principals: [cluster.local/ns/shop/sa/web]}}]
      to: [{operation: {methods: [GET], paths: [/read/*]}}]
";

#[test]
fn without_policies_everybody_reaches_everything() {
    check(
        "",
        &[
            ("web", "allowed by GET service.example/ to port 8080 as cluster.local/ns/shop/sa/web from 192.0.2.1"),
            ("cron", "allowed by GET service.example/ to port 8080 as a plaintext peer from 192.0.2.1"),
            ("203.0.113.0/24", "allowed by GET service.example/ to port 8080 as a plaintext peer from 203.0.113.0"),
        ],
    );
}

#[test]
fn a_rule_admits_its_principals_and_what_it_names() {
    check(
        ALLOW_WEB,
        &[
            ("web", "allowed by GET service.example/read/ to port 8080 as cluster.local/ns/shop/sa/web from 192.0.2.1"),
            ("cron", "denied"),
            ("203.0.113.0/24", "denied"),
        ],
    );
}

#[test]
fn strict_mode_keeps_out_who_has_no_certificate() {
    let strict = "
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: strict, namespace: istio-system}
spec: {mtls: {mode: STRICT}}
";
    check(
        strict,
        &[
            ("web", "allowed by GET service.example/ to port 8080 as cluster.local/ns/shop/sa/web from 192.0.2.1"),
            ("cron", "denied"),
        ],
    );
}

#[test]
fn of_two_modes_in_one_scope_nobody_knows_which_holds() {
    let two = "
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: a, namespace: shop}
spec: {mtls: {mode: STRICT}}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: b, namespace: shop}
spec: {mtls: {mode: PERMISSIVE}}
";
    check(two, &[("cron", "depends by GET service.example/ to port 8080 as a plaintext peer from 192.0.2.1")]);
}

#[test]
fn a_deny_by_identity_is_walked_past_in_plaintext() {
    let deny = "
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: db, namespace: shop}
spec:
  action: DENY
  rules: [{from: [{source: {principals: [\"*\"]}}]}]
";
    check(deny, &[("web", "allowed by GET service.example/ to port 8080 as a plaintext peer from 192.0.2.1")]);
}

#[test]
fn the_network_asks_at_both_ends() {
    let network = "
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec: {podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 8080}]}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec: {podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [{ports: [{port: 9090}]}]}
";
    check(
        network,
        &[
            ("web", "denied by GET service.example/ to port 8080 as cluster.local/ns/shop/sa/web from 192.0.2.1"),
            ("cron", "denied by GET service.example/ to port 8080 as a plaintext peer from 192.0.2.1"),
        ],
    );
}

/// A namespace in ambient mode, so that there are tunnels.
const AMBIENT: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: calm, labels: {istio.io/dataplane-mode: ambient}}
";

#[test]
fn a_policy_for_tunnels_lets_in_what_travels_in_them() {
    let tunnel = |port: u16| {
        format!(
            "{AMBIENT}---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: db, namespace: shop}}
spec: {{podSelector: {{matchLabels: {{app: db}}}}, ingress: [{{ports: [{{port: {port}}}]}}]}}
"
        )
    };
    let witness = "by GET service.example/ to port 8080 as cluster.local/ns/shop/sa/web from 192.0.2.1";
    let plain = "by GET service.example/ to port 8080 as a plaintext peer from 192.0.2.1";
    // Sidecars may speak either way where there are tunnels; who has no proxy only to the port.
    let check_web = |port, web: &str, cron: &str| {
        check(&tunnel(port), &[("web", &format!("{web} {witness}")), ("cron", &format!("{cron} {plain}"))]);
    };
    check_web(15008, "depends", "denied");
    check_web(8080, "depends", "allowed");
    check_web(9090, "denied", "denied");
}

#[test]
fn whoever_is_outside_may_have_an_address_of_either_family() {
    let six = "
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec: {podSelector: {matchLabels: {app: db}}, ingress: [{from: [{ipBlock: {cidr: '::/0'}}]}]}
";
    check(six, &[("0.0.0.0/0", "depends by GET service.example/ to port 8080 as a plaintext peer from ::")]);
}

#[test]
fn addresses_may_be_of_pods_and_may_be_rewritten() {
    let from = |peer: &str| {
        format!(
            "
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: db, namespace: shop}}
spec: {{podSelector: {{matchLabels: {{app: db}}}}, ingress: [{{from: [{peer}]}}]}}
"
        )
    };
    let depends = "depends by GET service.example/ to port 8080 as a plaintext peer from 203.0.113.0";
    check(&from("{podSelector: {matchLabels: {app: web}}}"), &[("203.0.113.0/24", depends)]);
    check(&from("{ipBlock: {cidr: 10.0.0.0/8}}"), &[("203.0.113.0/24", depends)]);
}

#[test]
fn a_policy_that_selects_labels_given_at_the_start_may_admit_and_may_refuse() {
    let label = |label: &str| ALLOW_WEB.replace("{app: db}", &format!("{{{label}}}"));
    let none = ALLOW_WEB.replace("name: db", "name: none").replace("[GET]", "[PUT]").replace("sa/web", "sa/nobody");
    for added in [
        "service.istio.io/canonical-name: db",
        "app: db, pod-template-hash: '1'",
        "networking.istio.io/tunnel: http",
        "topology.kubernetes.io/zone: a",
    ] {
        check(&format!("{none}---\n{}", label(added)), &[("web", "depends"), ("cron", "depends")]);
    }
    // One whose other labels are others' is about others.
    check(
        &format!("{none}---\n{}", label("app: web, pod-template-hash: '1'")),
        &[("web", "denied"), ("cron", "denied")],
    );
    let peers = "
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: all, namespace: shop}
spec: {mtls: {mode: STRICT}}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: db, namespace: shop}
spec: {selector: {matchLabels: {service.istio.io/canonical-name: db}}, mtls: {mode: PERMISSIVE}}
";
    check(peers, &[("web", "depends"), ("cron", "depends")]);
}
