//! One kind of step of an attacker after another: `fixtures/attack/<kind>/{vulnerable,mended}.yaml`.
//!
//! The first line of each says from where to where. With what is wrong a way of that kind leads there; without, none does.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test, which reads fixtures and fails where it finds none"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use ringfence_verifier::fleet::Fleet;
use ringfence_verifier::movement::edge::{Edge, Kind};
use ringfence_verifier::movement::edges;
use ringfence_verifier::movement::graph::Graph;
use ringfence_verifier::movement::paths::{Means, Path as Way};
use ringfence_verifier::movement::spread::Allowed;
use ringfence_verifier::movement::vertex::Vertex;
use ringfence_verifier::request::Identity;
use ringfence_verifier::surroundings::held::MASTERS;
use ringfence_verifier::surroundings::rights::Subject;

use self::support::Clusters;

/// Reads manifests and asks about their graph.
fn asked<T>(text: &str, ask: impl Fn(&Graph<'_>) -> T) -> T {
    let clusters = Clusters::read(&[("{}", text)]);
    let models = clusters.models();
    let fleet = Fleet::of(&models);
    ask(&Graph::of(&fleet, edges(&fleet, &[Clusters::around(text)])))
}

/// Finds what the first line of a fixture names.
fn vertices(graph: &Graph<'_>, name: &str) -> Vec<Vertex> {
    let model = graph.fleet().models()[0];
    let placed =
        |name: &str| name.split_once('/').map(|(namespace, name)| (namespace.to_owned(), name.to_owned())).unwrap();
    match name.split_once(':') {
        None if name == "internet" => vec![Vertex::Internet],
        None if name == "policies" => vec![Vertex::Control { cluster: 0 }],
        None if name == "nodes" => {
            graph.vertices().iter().filter(|vertex| matches!(vertex, Vertex::Nodes { .. })).cloned().collect()
        }
        None => {
            let (namespace, name) = placed(name);
            let at = model.workloads().position(|it| it.namespace == namespace && it.name == name);
            vec![Vertex::Workload { cluster: 0, workload: at.unwrap_or_else(|| panic!("no {name}")) }]
        }
        Some(("sa", name)) => {
            let (namespace, name) = placed(name);
            vec![Vertex::Subject {
                cluster: 0,
                subject: Subject { kind: "ServiceAccount".to_owned(), namespace, name },
            }]
        }
        Some(("identity", name)) => {
            let (namespace, name) = placed(name);
            vec![Vertex::Identity(Identity::new("cluster.local", &namespace, &name))]
        }
        Some(("secret", name)) => {
            let (namespace, name) = placed(name);
            vec![Vertex::Secret { cluster: 0, namespace, name }]
        }
        Some((word, _)) => panic!("{word}"),
    }
}

fn ends(text: &str) -> (String, String) {
    let line = text.lines().next().unwrap();
    let (from, to) = line.strip_prefix("# from ").unwrap().split_once(" to ").unwrap();
    (from.to_owned(), to.to_owned())
}

/// Returns the first way that has a step of a kind.
fn way(graph: &Graph<'_>, text: &str, kind: Kind) -> Option<String> {
    let (from, to) = ends(text);
    let (from, to) = (vertices(graph, &from), vertices(graph, &to));
    let ways = graph.paths(&from, &to, Allowed::ALL, 30);
    let found = ways.iter().find(|way| way.steps.iter().any(|step| step.kind == kind));
    found.map(|way| words(way))
}

fn words(way: &Way<'_, '_>) -> String {
    let mut text = String::new();
    for step in &way.steps {
        let perhaps = if step.may { " perhaps" } else { "" };
        let _ = writeln!(text, "{}{perhaps} {}, cost {}", step.kind.word(), step.kind.sentence(), step.cost);
        if let Means::Edge(edge) = &step.by {
            for (_, what) in &edge.places {
                let _ = writeln!(text, "  {what}");
            }
        }
    }
    text
}

#[test]
fn every_kind_of_step_is_found_and_gone_when_mended() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/attack");
    let mut wrong = Vec::new();
    let mut found = String::new();
    for kind in Kind::ALL {
        let read = |name: &str| std::fs::read_to_string(folder.join(kind.word()).join(name)).unwrap_or_default();
        let (vulnerable, mended) = (read("vulnerable.yaml"), read("mended.yaml"));
        assert!(!vulnerable.is_empty() && !mended.is_empty(), "fixtures/attack/{} is missing", kind.word());
        assert_eq!(ends(&vulnerable), ends(&mended), "{}", kind.word());
        match asked(&vulnerable, |graph| way(graph, &vulnerable, *kind)) {
            Some(way) => {
                let (from, to) = ends(&vulnerable);
                let _ = writeln!(found, "{}: from {from} to {to}\n{way}", kind.word());
            }
            None => wrong.push(format!("{}: nothing is found", kind.word())),
        }
        if let Some(way) = asked(&mended, |graph| way(graph, &mended, *kind)) {
            wrong.push(format!("{}: is still there:\n{way}", kind.word()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    insta::assert_snapshot!(found);
}

/// Returns the edges from an account that rights make, as words.
fn of_account(rules: &str, subjects: &str, more: &str) -> BTreeSet<String> {
    // Not asked is what those have who have the whole cluster.
    of_subjects(rules, subjects, more, |subject| subject.name != MASTERS)
}

fn of_subjects(rules: &str, subjects: &str, more: &str, asks: impl Fn(&Subject) -> bool) -> BTreeSet<String> {
    let text = format!(
        "apiVersion: v1\nkind: Namespace\nmetadata: {{name: shop}}\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web, namespace: shop}}\nspec: {{template: {{metadata: {{labels: {{app: web}}}}, spec: {{serviceAccountName: web, containers: [{{name: main}}]}}}}}}\n---\napiVersion: v1\nkind: Secret\nmetadata: {{name: keys, namespace: shop}}\n---\napiVersion: v1\nkind: Secret\nmetadata: {{name: other, namespace: shop}}\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: worker}}\n{rules}\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {{name: worker}}\nroleRef: {{kind: ClusterRole, name: worker}}\nsubjects: [{subjects}]\n{more}"
    );
    asked(&text, |graph| {
        // The keys of the mesh are there whatever manifests show, and have a test of their own.
        let is_key =
            |vertex: &Vertex| matches!(vertex, Vertex::Secret { namespace, .. } if namespace == "istio-system");
        let is_asked = |vertex: &Vertex| matches!(vertex, Vertex::Subject { subject, .. } if asks(subject));
        let from_rights = |edge: &&Edge| is_asked(&edge.from) && !is_key(&edge.to);
        let word = |edge: &Edge| format!("{} {:?}", edge.kind.word(), edge.to);
        graph.edges().iter().filter(from_rights).map(word).collect()
    })
}

const WEB: &str = "{kind: ServiceAccount, name: web, namespace: shop}";

fn kinds(edges: &BTreeSet<String>) -> BTreeMap<&str, usize> {
    let mut kinds = BTreeMap::new();
    for edge in edges {
        *kinds.entry(edge.split(' ').next().unwrap()).or_default() += 1;
    }
    kinds
}

#[test]
fn names_bound_what_a_rule_is_about() {
    let rule = |names: &str| format!("rules: [{{apiGroups: [''], resources: [secrets], verbs: [get]{names}}}]");
    assert_eq!(kinds(&of_account(&rule(""), WEB, "")), BTreeMap::from([("secret-read", 2)]));
    assert_eq!(kinds(&of_account(&rule(", resourceNames: [keys]"), WEB, "")), BTreeMap::from([("secret-read", 1)]));
    assert_eq!(kinds(&of_account(&rule(", resourceNames: [none]"), WEB, "")), BTreeMap::new());
    // What is made has no name before.
    let pods = "rules: [{apiGroups: [''], resources: [pods], verbs: [create], resourceNames: [web]}]";
    assert_eq!(kinds(&of_account(pods, WEB, "")), BTreeMap::new());
}

#[test]
fn roles_are_put_together_by_labels() {
    let whole = "aggregationRule: {clusterRoleSelectors: [{matchLabels: {part-of: worker}}]}";
    let part = |label: &str| {
        format!(
            "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: part, labels: {{part-of: {label}}}}}\nrules: [{{apiGroups: [''], resources: [secrets], verbs: [list]}}]\n"
        )
    };
    assert_eq!(kinds(&of_account(whole, WEB, &part("worker"))), BTreeMap::from([("secret-read", 2)]));
    assert_eq!(kinds(&of_account(whole, WEB, &part("other"))), BTreeMap::new());
    // A part of a role that Kubernetes ships is held by whoever holds that.
    let more = "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: part, labels: {rbac.authorization.k8s.io/aggregate-to-view: 'true'}}\nrules: [{apiGroups: [''], resources: [secrets], verbs: [list]}]\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: view, namespace: shop}\nroleRef: {kind: ClusterRole, name: view}\nsubjects: [{kind: ServiceAccount, name: web, namespace: shop}]\n";
    assert_eq!(kinds(&of_account("rules: []", WEB, more)), BTreeMap::from([("secret-read", 2)]));
}

#[test]
fn a_star_is_everything_and_groups_are_their_members() {
    let all = "rules: [{apiGroups: ['*'], resources: ['*'], verbs: ['*']}]";
    let found = of_subjects(all, WEB, "", |_| true);
    assert!(
        found.iter().any(|edge| edge.starts_with("rights-escalate") && edge.contains("system:masters")),
        "{found:?}"
    );
    assert!(found.iter().any(|edge| edge.starts_with("policy-write")), "{found:?}");
    let part = "rules: [{apiGroups: [''], resources: ['*/exec'], verbs: ['*']}]";
    // In the pods of the workload, in those of Kubernetes itself, by which one has a node, and in those of the mesh, by which one has its
    // policies and every identity.
    let expected = BTreeMap::from([("pod-exec", 2), ("policy-write", 1), ("spiffe-mint", 1)]);
    assert_eq!(kinds(&of_account(part, WEB, "")), expected);
    let secrets = "rules: [{apiGroups: [''], resources: [secrets], verbs: [get]}]";
    for (group, joined) in [
        ("system:serviceaccounts", 1),
        ("system:serviceaccounts:shop", 1),
        ("system:serviceaccounts:other", 0),
        ("system:authenticated", 1),
    ] {
        let found = of_account(secrets, &format!("{{kind: Group, name: '{group}'}}"), "");
        assert_eq!(kinds(&found).get("group-member").copied().unwrap_or(0), joined, "{group}: {found:?}");
    }
}

#[test]
fn whoever_may_bind_a_role_holds_it_where_it_may_make_bindings() {
    let rules = |names: &str, bindings: &str| {
        format!(
            "rules: [{{apiGroups: [rbac.authorization.k8s.io], resources: [clusterroles], verbs: [bind]{names}}}, {{apiGroups: [rbac.authorization.k8s.io], resources: [{bindings}], verbs: [create]}}]"
        )
    };
    let found = of_account(&rules("", "clusterrolebindings"), WEB, "");
    assert!(found.iter().any(|edge| edge.contains("system:masters")), "{found:?}");
    // To bind what lets nothing is nothing, and so is a right to bind without bindings.
    assert_eq!(kinds(&of_account(&rules(", resourceNames: [view]", "clusterrolebindings"), WEB, "")), BTreeMap::new());
    assert_eq!(kinds(&of_account(&rules("", "roles"), WEB, "")), BTreeMap::new());
}

#[test]
fn the_word_of_the_pod_on_its_token_goes_before_that_of_the_account() {
    let token = |pod: &str, account: &str| {
        let text = format!(
            "apiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: web, namespace: shop}}\n{account}\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web, namespace: shop}}\nspec: {{template: {{metadata: {{labels: {{app: web}}}}, spec: {{serviceAccountName: web, {pod}containers: [{{name: main}}]}}}}}}\n"
        );
        asked(&text, |graph| graph.edges().iter().any(|edge| edge.kind == Kind::Speaks))
    };
    let (on, off) = ("automountServiceAccountToken: true", "automountServiceAccountToken: false");
    assert!(token("", ""));
    assert!(!token("", off));
    assert!(!token(&format!("{off}, "), ""));
    assert!(token(&format!("{on}, "), off));
    assert!(!token(&format!("{off}, "), on));
    // A token that is mounted by hand is there whatever that says.
    let projected = "volumes: [{name: t, projected: {sources: [{serviceAccountToken: {path: t}}]}}], ";
    assert!(token(&format!("{off}, {projected}"), ""));
}

#[test]
fn pod_security_keeps_pods_from_their_node() {
    let nodes = |level: &str| {
        let text = format!(
            "apiVersion: v1\nkind: Namespace\nmetadata: {{name: shop{level}}}\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {{name: worker, namespace: shop}}\nrules: [{{apiGroups: [apps], resources: [deployments], verbs: [create]}}]\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {{name: worker, namespace: shop}}\nroleRef: {{kind: Role, name: worker}}\nsubjects: [{WEB}]\n---\napiVersion: v1\nkind: Pod\nmetadata: {{name: web, namespace: shop}}\nspec: {{serviceAccountName: web, containers: [{{name: main}}]}}\n"
        );
        asked(&text, |graph| graph.edges().iter().any(|edge| matches!(edge.to, Vertex::Nodes { .. })))
    };
    let label = |level: &str| format!(", labels: {{pod-security.kubernetes.io/enforce: {level}}}");
    assert!(nodes(""));
    assert!(nodes(&label("privileged")));
    assert!(!nodes(&label("baseline")));
    assert!(!nodes(&label("restricted")));
}

#[test]
fn rights_that_look_harmless_are_not() {
    let rule = |rule: &str| format!("rules: [{rule}]");
    let leads = |found: &BTreeSet<String>, kind: &str, to: &str| {
        found.iter().any(|edge| edge.starts_with(kind) && edge.contains(to))
    };
    // What forwards ports calls past every policy, and what changes ReplicaSets runs in the pods of Deployments.
    let more = "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: db, namespace: shop}\nspec: {template: {metadata: {labels: {app: db}}, spec: {containers: [{name: main, ports: [{containerPort: 5432}]}]}}}\n";
    let forward = of_account(&rule("{apiGroups: [''], resources: [pods/portforward], verbs: [create]}"), WEB, more);
    assert_eq!(kinds(&forward), BTreeMap::from([("mesh-bypass", 1)]), "{forward:?}");
    let sets = of_account(
        &rule("{apiGroups: [apps], resources: [replicasets], verbs: [patch], resourceNames: [db-7d9f]}"),
        WEB,
        more,
    );
    assert_eq!(sets.iter().filter(|edge| edge.starts_with("pod-exec")).count(), 1, "{sets:?}");
    // Pods of `kube-system` take their node, be every namespace that is shown held in.
    let held_in = "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: other, labels: {pod-security.kubernetes.io/enforce: restricted}}\n";
    let pods = of_account(&rule("{apiGroups: [''], resources: [pods], verbs: [create]}"), WEB, held_in);
    assert!(leads(&pods, "pod-create", "Nodes"), "{pods:?}");
    // The settings of the mesh are policy, and the key of its authority is every identity.
    let settings = of_account(
        &rule("{apiGroups: [''], resources: [configmaps], verbs: [update], resourceNames: [istio]}"),
        WEB,
        "",
    );
    assert!(leads(&settings, "policy-write", "Control"), "{settings:?}");
    assert!(
        of_account(
            &rule("{apiGroups: [''], resources: [configmaps], verbs: [update], resourceNames: [other]}"),
            WEB,
            ""
        )
        .is_empty()
    );
    let key = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: web, namespace: shop}}\nspec: {{serviceAccountName: web, containers: [{{name: main}}]}}\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {{name: keys, namespace: istio-system}}\nrules: [{{apiGroups: [''], resources: [secrets], verbs: [get], resourceNames: [cacerts]}}]\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {{name: keys, namespace: istio-system}}\nroleRef: {{kind: Role, name: keys}}\nsubjects: [{WEB}]\n"
    );
    assert!(asked(&key, |graph| graph
        .edges()
        .iter()
        .any(|edge| edge.kind == Kind::Mints && matches!(edge.from, Vertex::Secret { .. }))));
    // An account is a user of a certain name, and a node is in a group of its own.
    let secrets = rule("{apiGroups: [''], resources: [secrets], verbs: [get]}");
    let user = of_account(&secrets, "{kind: User, name: 'system:serviceaccount:shop:web'}", "");
    assert!(user.len() == 2 && user.iter().all(|edge| edge.starts_with("secret-read")), "{user:?}");
    // A role that nobody shows may be any.
    let unknown = "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: more}\nroleRef: {kind: ClusterRole, name: elsewhere}\nsubjects: [{kind: ServiceAccount, name: web, namespace: shop}]\n";
    assert!(leads(&of_account("rules: []", WEB, unknown), "rights-escalate", "system:masters"));
}

#[test]
fn more_privilege_makes_more_edges() {
    let rules = [
        "{apiGroups: [''], resources: [secrets], verbs: [get], resourceNames: [keys]}",
        "{apiGroups: [''], resources: [secrets], verbs: [list]}",
        "{apiGroups: [''], resources: [pods], verbs: [create]}",
        "{apiGroups: [''], resources: [pods/exec], verbs: [get]}",
        "{apiGroups: [apps], resources: [deployments], verbs: [patch]}",
        "{apiGroups: [''], resources: [serviceaccounts], verbs: [impersonate]}",
        "{apiGroups: [''], resources: [users, groups], verbs: [impersonate]}",
        "{apiGroups: [''], resources: [serviceaccounts/token], verbs: [create]}",
        "{apiGroups: [''], resources: [namespaces], verbs: [patch]}",
        "{apiGroups: [''], resources: [nodes/proxy], verbs: [get]}",
        "{apiGroups: [''], resources: [persistentvolumes], verbs: [create]}",
        "{apiGroups: [rbac.authorization.k8s.io], resources: [clusterroles], verbs: [bind, escalate]}",
        "{apiGroups: [rbac.authorization.k8s.io], resources: [clusterroles, clusterrolebindings], verbs: [create, patch]}",
        "{apiGroups: [certificates.k8s.io], resources: ['*'], verbs: ['*']}",
        "{apiGroups: [security.istio.io], resources: ['*'], verbs: [delete]}",
    ];
    let edges = |chosen: u32| {
        let of = rules.iter().enumerate().filter(|(at, _)| chosen & (1 << at) != 0).map(|(_, rule)| *rule);
        of_account(&format!("rules: [{}]", of.collect::<Vec<_>>().join(", ")), WEB, "")
    };
    // Whether something is sure may change for the better alone, which the words leave out.
    let mut seed = 7_u32;
    for _ in 0..60 {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let some = (seed >> 8) & 0x7fff;
        let more = some | (1 << (seed % 15));
        let (few, many) = (edges(some), edges(more));
        let is_masters = |edges: &BTreeSet<String>| edges.iter().any(|edge| edge.contains("system:masters"));
        let lost: Vec<&String> = few.difference(&many).collect();
        assert!(lost.is_empty() || is_masters(&many), "{some:b} to {more:b} loses {lost:?}");
    }
}

#[test]
fn other_names_make_the_same_edges_under_other_names() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/attack");
    for kind in Kind::ALL {
        let text = std::fs::read_to_string(folder.join(kind.word()).join("vulnerable.yaml")).unwrap();
        // The new names sort otherwise, so that nothing keeps its position.
        let renamed = |text: &str| text.replace("shop", "zone9").replace("web", "axle");
        let edges = |text: &str| {
            asked(text, |graph| {
                let name = |vertex: &Vertex| vertex.called(graph.fleet());
                let word =
                    |edge: &Edge| format!("{} {} {} {}", edge.kind.word(), edge.may, name(&edge.from), name(&edge.to));
                graph.edges().iter().map(word).collect::<BTreeSet<String>>()
            })
        };
        let expected: BTreeSet<String> = edges(&text).iter().map(|edge| renamed(edge)).collect();
        assert_eq!(edges(&renamed(&text)), expected, "{}", kind.word());
    }
}
