//! What pods and rights lead to, against a plain Datalog statement of the same rules, over small worlds that are drawn.
//!
//! Calls are left out: they have oracles of their own. Each world is written down twice, as manifests and as facts, so that reading is
//! compared as well.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test, which reads what it has written itself"
)]

mod support;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use ascent::ascent;
use ringfence_verifier::fleet::Fleet;
use ringfence_verifier::movement::edge::Kind;
use ringfence_verifier::movement::edges;
use ringfence_verifier::movement::vertex::Vertex;
use ringfence_verifier::surroundings::held::MASTERS;

use self::support::Clusters;

/// What a rule lets do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Right {
    ReadSecrets,
    Exec,
    MakePods,
    PatchDeployments,
    Impersonate,
    MakeTokens,
    SpeakToNodes,
    MakeSecrets,
    Bind,
    MakeBindings,
}

const RIGHTS: [(Right, &str); 10] = [
    (Right::ReadSecrets, "{apiGroups: [''], resources: [secrets], verbs: [list]}"),
    (Right::Exec, "{apiGroups: [''], resources: [pods/exec], verbs: [create]}"),
    (Right::MakePods, "{apiGroups: [''], resources: [pods], verbs: [create]}"),
    (Right::PatchDeployments, "{apiGroups: [apps], resources: [deployments], verbs: [patch]}"),
    (Right::Impersonate, "{apiGroups: [''], resources: [serviceaccounts], verbs: [impersonate]}"),
    (Right::MakeTokens, "{apiGroups: [''], resources: [serviceaccounts/token], verbs: [create]}"),
    (Right::SpeakToNodes, "{apiGroups: [''], resources: [nodes/proxy], verbs: [get]}"),
    (Right::MakeSecrets, "{apiGroups: [''], resources: [secrets], verbs: [create]}"),
    (Right::Bind, "{apiGroups: [rbac.authorization.k8s.io], resources: [clusterroles], verbs: [bind]}"),
    (Right::MakeBindings, "{apiGroups: [rbac.authorization.k8s.io], resources: [rolebindings], verbs: [create]}"),
];

/// A namespace and a name.
type Name = (u8, u8);

/// Something that an attacker may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Thing {
    Pods(Name),
    Account(Name),
    /// Whoever may do anything.
    Masters,
    Members(u8),
    Secret(Name),
    Node,
}

ascent! {
    /// Who gets to what: the rules as one would say them.
    struct Program;
    relation open(u8);
    relation workload(Name, Name, bool, bool);
    relation account(Name);
    relation secret(Name);
    relation token(Name, Name);
    relation mounts(Name, Name);
    relation holds(Thing, Option<u8>, Right);
    relation has(Thing, Option<u8>, Right);
    relation owns(Thing, u8);
    relation step(Thing, Thing);
    relation gets(Thing, Thing);
    relation makes(Thing, u8);

    // A workload has the token of its account, its Secrets, and its node where it is privileged; a node has what runs on it.
    step(Thing::Pods(*w), Thing::Account(*a)) <-- workload(w, a, true, _);
    step(Thing::Pods(*w), Thing::Node) <-- workload(w, _, _, true);
    step(Thing::Node, Thing::Pods(*w)) <-- workload(w, _, _, _);
    // Its kubelet makes tokens of the accounts of its pods.
    step(Thing::Node, Thing::Account(*a)) <-- workload(_, a, _, _);
    step(Thing::Pods(*w), Thing::Secret(*s)) <-- mounts(w, s);
    step(Thing::Secret(*s), Thing::Account(*a)) <-- token(s, a);
    // An account is in the group of its namespace, where that holds anything.
    step(Thing::Account(*a), Thing::Members(a.0)) <-- account(a), holds(Thing::Members(a.0), _, _);
    // Rights, in a namespace or everywhere.
    step(who, Thing::Secret(*s)) <-- holds(who, at, Right::ReadSecrets), secret(s), if at.is_none_or(|at| at == s.0);
    step(who, Thing::Pods(*w)) <-- holds(who, at, Right::Exec), workload(w, _, _, _), if at.is_none_or(|at| at == w.0);
    step(who, Thing::Pods(*w)) <-- holds(who, at, Right::PatchDeployments), workload(w, _, _, _), if at.is_none_or(|at| at == w.0);
    step(who, Thing::Pods(*w)) <-- holds(who, ?None, Right::SpeakToNodes), workload(w, _, _, _);
    step(who, Thing::Account(*a)) <-- holds(who, at, Right::Impersonate), account(a), if at.is_none_or(|at| at == a.0);
    step(who, Thing::Account(*a)) <-- holds(who, at, Right::MakeTokens), account(a), if at.is_none_or(|at| at == a.0);
    // In every cluster there are privileged pods on each node, and an account that may do anything.
    step(who, Thing::Node) <-- holds(who, ?None, Right::Exec);
    step(who, Thing::Node) <-- holds(who, ?None, Right::SpeakToNodes);
    step(who, Thing::Masters) <-- holds(who, ?None, Right::Impersonate);
    step(who, Thing::Masters) <-- holds(who, ?None, Right::MakeTokens);
    step(who, Thing::Masters) <-- holds(who, ?None, Right::MakePods);
    step(Thing::Masters, Thing::Pods(*w)) <-- workload(w, _, _, _);
    step(Thing::Masters, Thing::Account(*a)) <-- account(a);
    step(Thing::Masters, Thing::Secret(*s)) <-- secret(s);
    step(Thing::Masters, Thing::Node);
    step(Thing::Masters, who) <-- holds(who, _, _), if matches!(who, Thing::Members(_));
    // Two rights together, which one may have of its own and by its group.
    has(who, at, right) <-- holds(who, at, right);
    has(Thing::Account(*a), at, right) <-- holds(?Thing::Account(a), _, _), holds(Thing::Members(a.0), at, right);
    step(who, Thing::Account(*a)) <--
        has(who, at, Right::MakeSecrets), has(who, also, Right::ReadSecrets), account(a),
        if at.is_none_or(|at| at == a.0) && also.is_none_or(|also| also == a.0);
    step(who, Thing::Masters) <-- has(who, at, Right::MakeSecrets), has(who, at, Right::ReadSecrets), if at.is_none();
    step(who, Thing::Masters) <-- has(who, at, Right::Bind), has(who, at, Right::MakeBindings), if at.is_none();
    owns(who, n) <-- has(who, ?Some(n), Right::Bind), has(who, at, Right::MakeBindings), if at.is_none_or(|at| at == *n);
    owns(who, n) <-- has(who, at, Right::Bind), has(who, ?Some(n), Right::MakeBindings), if at.is_none_or(|at| at == *n);
    step(who, Thing::Pods(*w)) <-- owns(who, n), workload(w, _, _, _), if w.0 == *n;
    step(who, Thing::Account(*a)) <-- owns(who, n), account(a), if a.0 == *n;
    step(who, Thing::Secret(*s)) <-- owns(who, n), secret(s), if s.0 == *n;
    // Whoever has all of a namespace changes its labels as well.
    step(who, Thing::Node) <-- owns(who, _);
    step(who, Thing::Masters) <-- owns(who, _);
    // Whoever makes pods, or changes those that are there, takes any account and any Secret of the namespace, and the node.
    makes(who, n) <-- holds(who, ?Some(n), Right::MakePods);
    makes(who, 0) <-- holds(who, ?None, Right::MakePods);
    makes(who, 1) <-- holds(who, ?None, Right::MakePods);
    // Nothing keeps pods of the namespaces that every cluster has from their node.
    step(who, Thing::Node) <-- holds(who, ?None, Right::MakePods);
    // Nor what runs in those that Kubernetes has there itself.
    step(who, Thing::Node) <-- holds(who, ?None, Right::PatchDeployments);
    step(who, Thing::Masters) <-- holds(who, ?None, Right::PatchDeployments);
    makes(who, w.0) <-- holds(who, at, Right::PatchDeployments), workload(w, _, _, _), if at.is_none_or(|at| at == w.0);
    step(who, Thing::Account(*a)) <-- makes(who, n), account(a), if a.0 == *n;
    step(who, Thing::Secret(*s)) <-- makes(who, n), secret(s), if s.0 == *n;
    step(who, Thing::Node) <-- makes(who, n), open(n);
    // Which may be one of the control plane.
    step(who, Thing::Masters) <-- makes(who, n), open(n);

    gets(a, b) <-- step(a, b);
    gets(a, c) <-- gets(a, b), step(b, c);
}

/// Numbers, drawn one after another.
struct Drawn(u64);

impl Drawn {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }

    fn one_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }

    fn small(&mut self, most: u64) -> u8 {
        u8::try_from(self.below(most)).unwrap()
    }
}

/// Draws a world: its manifests, and the same as facts.
fn world(seed: u64) -> (String, Program) {
    let (mut drawn, mut text, mut facts) = (Drawn(seed), String::new(), Program::default());
    for namespace in 0..2_u8 {
        let shut = drawn.one_in(2);
        let label = if shut {
            ", labels: {pod-security.kubernetes.io/enforce: baseline}"
        } else {
            facts.open.push((namespace,));
            ""
        };
        let _ = writeln!(text, "apiVersion: v1\nkind: Namespace\nmetadata: {{name: n{namespace}{label}}}\n---");
        for account in 0..3 {
            facts.account.push(((namespace, account),));
            let _ = writeln!(
                text,
                "apiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: a{account}, namespace: n{namespace}}}\n---"
            );
        }
        for secret in 0..2 {
            facts.secret.push(((namespace, secret),));
            let (kind, note) = match drawn.one_in(2) {
                true => {
                    let account = drawn.small(3);
                    facts.token.push(((namespace, secret), (namespace, account)));
                    (
                        "kubernetes.io/service-account-token",
                        format!(", annotations: {{kubernetes.io/service-account.name: a{account}}}"),
                    )
                }
                false => ("Opaque", String::new()),
            };
            let _ = writeln!(
                text,
                "apiVersion: v1\nkind: Secret\nmetadata: {{name: s{secret}, namespace: n{namespace}{note}}}\ntype: {kind}\n---"
            );
        }
        for workload in 0..2 {
            let (account, mounted, privileged) = (drawn.small(3), drawn.one_in(2), drawn.one_in(4));
            facts.workload.push(((namespace, workload), (namespace, account), mounted, privileged));
            let volume = drawn.one_in(3).then(|| drawn.small(2));
            facts.mounts.extend(volume.map(|secret| ((namespace, workload), (namespace, secret))));
            let (mounts, volumes) = match volume {
                Some(secret) => (
                    ", volumeMounts: [{name: v, mountPath: /v}]",
                    format!(", volumes: [{{name: v, secret: {{secretName: s{secret}}}}}]"),
                ),
                None => ("", String::new()),
            };
            let _ = writeln!(
                text,
                "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: w{workload}, namespace: n{namespace}}}\nspec: {{template: {{metadata: {{labels: {{app: w{workload}}}}}, spec: {{serviceAccountName: a{account}, automountServiceAccountToken: {mounted}, containers: [{{name: c, securityContext: {{privileged: {privileged}}}{mounts}}}]{volumes}}}}}}}\n---"
            );
        }
    }
    for binding in 0..drawn.below(6) {
        let (right, rule) = RIGHTS[usize::try_from(drawn.below(RIGHTS.len() as u64)).unwrap()];
        let at = (!drawn.one_in(3)).then(|| drawn.small(2));
        let (who, subject) = match drawn.one_in(4) {
            true => {
                let namespace = drawn.small(2);
                (Thing::Members(namespace), format!("{{kind: Group, name: 'system:serviceaccounts:n{namespace}'}}"))
            }
            false => {
                let (namespace, account) = (drawn.small(2), drawn.small(3));
                (
                    Thing::Account((namespace, account)),
                    format!("{{kind: ServiceAccount, name: a{account}, namespace: n{namespace}}}"),
                )
            }
        };
        facts.holds.push((who, at, right));
        let (kind, place) = match at {
            Some(namespace) => ("RoleBinding", format!(", namespace: n{namespace}")),
            None => ("ClusterRoleBinding", String::new()),
        };
        let group = "rbac.authorization.k8s.io";
        let _ = writeln!(
            text,
            "apiVersion: {group}/v1\nkind: ClusterRole\nmetadata: {{name: r{binding}}}\nrules: [{rule}]\n---\napiVersion: {group}/v1\nkind: {kind}\nmetadata: {{name: b{binding}{place}}}\nroleRef: {{apiGroup: {group}, kind: ClusterRole, name: r{binding}}}\nsubjects: [{subject}]\n---"
        );
    }
    (text, facts)
}

/// Returns who gets to what by the edges that were read off manifests.
fn read(text: &str) -> BTreeSet<(Thing, Thing)> {
    let clusters = Clusters::read(&[("{}", text)]);
    let models = clusters.models();
    let fleet = Fleet::of(&models);
    let number = |text: &str| text.get(1..).unwrap().parse::<u8>().unwrap();
    let thing = |vertex: &Vertex| match vertex {
        Vertex::Workload { workload, .. } => {
            let it = &models[0].cluster().inventory.workloads[*workload];
            Some(Thing::Pods((number(&it.namespace), number(&it.name))))
        }
        Vertex::Subject { subject, .. } if subject.kind == "ServiceAccount" => {
            Some(Thing::Account((number(&subject.namespace), number(&subject.name))))
        }
        Vertex::Subject { subject, .. } if subject.name == MASTERS => Some(Thing::Masters),
        Vertex::Subject { subject, .. } => {
            Some(Thing::Members(number(subject.name.strip_prefix("system:serviceaccounts:").unwrap())))
        }
        // The keys of the mesh are in no world that is drawn.
        Vertex::Secret { namespace, .. } if namespace == "istio-system" => None,
        Vertex::Secret { namespace, name, .. } => Some(Thing::Secret((number(namespace), number(name)))),
        Vertex::Nodes { .. } => Some(Thing::Node),
        Vertex::Internet | Vertex::Identity(_) | Vertex::Control { .. } => None,
    };
    let is_of_mesh = |kind: Kind| matches!(kind, Kind::Enters | Kind::Carries | Kind::OpensAll | Kind::SignsTokens);
    let steps: BTreeSet<(Thing, Thing)> = edges(&fleet, &[Clusters::around(text)])
        .iter()
        .filter(|edge| !is_of_mesh(edge.kind))
        .filter_map(|edge| Some((thing(&edge.from)?, thing(&edge.to)?)))
        .collect();
    let mut gets = steps.clone();
    loop {
        let more: Vec<(Thing, Thing)> = gets
            .iter()
            .flat_map(|(a, b)| steps.iter().filter(move |(c, _)| b == c).map(move |(_, d)| (*a, *d)))
            .filter(|pair| !gets.contains(pair))
            .collect();
        if more.is_empty() {
            return gets;
        }
        gets.extend(more);
    }
}

#[test]
fn pods_and_rights_lead_to_what_plain_rules_say() {
    let (mut some, mut all) = (0, 0);
    for seed in 0..400 {
        let (text, mut program) = world(seed);
        program.run();
        // What the group of all rights gets is told where somebody gets to it alone.
        let is_asked = |(from, to): &(Thing, Thing)| from != to && *from != Thing::Masters;
        let expected: BTreeSet<(Thing, Thing)> = program.gets.iter().copied().filter(is_asked).collect();
        let found: BTreeSet<(Thing, Thing)> = read(&text).into_iter().filter(is_asked).collect();
        let (missing, more): (Vec<_>, Vec<_>) =
            (expected.difference(&found).collect(), found.difference(&expected).collect());
        assert!(missing.is_empty() && more.is_empty(), "seed {seed}: missing {missing:?}, more {more:?}\n{text}");
        some += usize::from(found.len() > 20);
        all += found.len();
    }
    assert!(some > 100 && all > 5000, "{some} worlds with much in them, {all} pairs");
}
