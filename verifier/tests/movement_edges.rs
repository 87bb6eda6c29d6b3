//! Steps that are easily overlooked: each test is a few lines of manifests, and who gets to what by them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers of a test fail like the test"
)]

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::{prop_assert, proptest};
use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::document::Policy;
use ringfence_compiler::source::{SourceFile, Sources};
use ringfence_compiler::spec::reference::NodePath;
use ringfence_compiler::yaml::{self, Node, Profile};
use ringfence_verifier::fleet::Fleet;
use ringfence_verifier::model::{Model, Objects};
use ringfence_verifier::movement::edges;
use ringfence_verifier::movement::vertex::Vertex;
use ringfence_verifier::surroundings::Surroundings;

/// A step: from where to where, its kind, and whether it is not sure.
type Step = (String, String, &'static str, bool);

/// Reads manifests and says each step beside calls.
fn all_steps(manifests: &[&str]) -> BTreeSet<Step> {
    let (mut sources, mut said, mut policy) = (Sources::new(), Diagnostics::new(), Policy::default());
    let facts = "apiVersion: ringfence/v1alpha1\nkind: Cluster\nmetadata: {name: mesh}\nspec: {}\n";
    let file = sources.add(SourceFile::new("facts", facts.as_bytes().to_vec()));
    let facts = yaml::read(&sources, file, Profile::Policy, &mut said);
    policy.add(&NodePath::root(), &facts[0].root, &mut said).unwrap();
    let text = manifests.join("\n---\n");
    let file = sources.add(SourceFile::new("mesh.yaml", text.into_bytes()));
    let roots: Vec<Node> =
        yaml::read(&sources, file, Profile::Manifest, &mut said).into_iter().map(|it| it.root).collect();
    let around = Surroundings::read(&roots);
    let objects = Objects::read(roots, &mut said);
    assert!(!said.has_errors(), "{:?}", said.sorted(&sources));
    let models = [Model::of(&policy.clusters[0], &objects)];
    let fleet = Fleet::of(&models);
    let found = edges(&fleet, &[around]);
    let name = |vertex: &Vertex| vertex.called(&fleet);
    found.iter().map(|edge| (name(&edge.from), name(&edge.to), edge.kind.word(), edge.may)).collect()
}

/// Says each step in words: `pod-exec perhaps: ServiceAccount shop/web to shop/db`.
fn steps(manifests: &[&str]) -> BTreeSet<String> {
    let word = |(from, to, kind, may): Step| format!("{kind}{}: {from} to {to}", if may { " perhaps" } else { "" });
    all_steps(manifests).into_iter().map(word).collect()
}

/// Returns everything that steps lead to from somewhere, sure ones alone or all.
fn reached(steps: &BTreeSet<Step>, from: &str, sure: bool) -> BTreeSet<String> {
    let (mut found, mut next) = (BTreeSet::from([from.to_owned()]), vec![from.to_owned()]);
    while let Some(at) = next.pop() {
        for (_, to, ..) in steps.iter().filter(|(from, _, _, may)| *from == at && !(sure && *may)) {
            if found.insert(to.clone()) {
                next.push(to.clone());
            }
        }
    }
    found
}

/// A workload `shop/web` with an account of its own, and `shop/db`.
const SHOP: &str = "apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {pod-security.kubernetes.io/enforce: restricted}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {template: {metadata: {labels: {app: web}}, spec: {serviceAccountName: web, containers: [{name: main}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: db, namespace: shop}
spec: {template: {metadata: {labels: {app: db}}, spec: {serviceAccountName: db, automountServiceAccountToken: false, containers: [{name: main}]}}}
---
apiVersion: v1
kind: Secret
metadata: {name: keys, namespace: shop}";

/// A role for `shop/web`, in a namespace or in the whole cluster.
fn role(namespace: Option<&str>, name: &str, rules: &[&str]) -> String {
    let (kind, at) = match namespace {
        Some(namespace) => ("Role", format!(", namespace: {namespace}")),
        None => ("ClusterRole", String::new()),
    };
    let rules: Vec<String> = rules.iter().map(|rule| format!("{{{rule}}}")).collect();
    format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\nmetadata: {{name: {name}{at}}}\nrules: [{}]\n---\n{}",
        rules.join(", "),
        bound(kind, namespace, name, "{kind: ServiceAccount, name: web, namespace: shop}")
    )
}

fn bound(kind: &str, namespace: Option<&str>, name: &str, subject: &str) -> String {
    let (binding, at) = match namespace {
        Some(namespace) => ("RoleBinding", format!(", namespace: {namespace}")),
        None => ("ClusterRoleBinding", String::new()),
    };
    format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: {binding}\nmetadata: {{name: {name}{at}}}\nroleRef: {{kind: {kind}, name: {name}}}\nsubjects: [{subject}]"
    )
}

const WEB: &str = "ServiceAccount shop/web";

/// Tells whether `shop/web` gets to something in one step of a kind, by rights in a namespace or the whole cluster.
fn gets(namespace: Option<&str>, rules: &[&str], kind: &str, to: &str) -> bool {
    let role = role(namespace, "worker", rules);
    let found = steps(&[SHOP, &role]);
    let wanted = [format!("{kind}: {WEB} to {to}"), format!("{kind} perhaps: {WEB} to {to}")];
    wanted.iter().any(|step| found.contains(step))
}

const CORE: &str = "apiGroups: ['']";
const RBAC: &str = "apiGroups: [rbac.authorization.k8s.io]";
const MASTERS: &str = "Group system:masters";

#[test]
fn bindings_of_every_namespace_are_as_good_as_those_of_the_cluster() {
    let bind = format!("{RBAC}, resources: [clusterroles], verbs: [bind]");
    let make = format!("{RBAC}, resources: [rolebindings], verbs: [create]");
    assert!(gets(None, &[&bind, &make], "rights-escalate", MASTERS));
    // In one namespace it is that namespace, wherever each of both rights was given.
    assert!(gets(Some("shop"), &[&bind, &make], "secret-read", "Secret shop/keys"));
    assert!(!gets(Some("shop"), &[&bind, &make], "rights-escalate", MASTERS));
    assert!(!gets(None, &[&make], "rights-escalate", MASTERS));
}

#[test]
fn roles_of_a_namespace_can_be_bound_as_well() {
    let strong = "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: strong, namespace: shop}\nrules: [{apiGroups: [''], resources: [secrets], verbs: [get]}]";
    let rules = |bind: &str| {
        role(Some("shop"), "worker", &[bind, &format!("{RBAC}, resources: [rolebindings], verbs: [create]")])
    };
    let reads =
        |bind: &str| steps(&[SHOP, strong, &rules(bind)]).contains(&format!("secret-read: {WEB} to Secret shop/keys"));
    assert!(reads(&format!("{RBAC}, resources: [roles], verbs: [bind]")));
    assert!(reads(&format!("{RBAC}, resources: [roles], verbs: [bind], resourceNames: [strong]")));
    assert!(!reads(&format!("{RBAC}, resources: [roles], verbs: [bind], resourceNames: [other]")));
    // What a role gives that no manifest shows nobody knows.
    let unknown = rules(&format!("{RBAC}, resources: [roles], verbs: [bind], resourceNames: [unseen]"));
    assert!(steps(&[SHOP, &unknown]).contains(&format!("pod-exec perhaps: {WEB} to shop/db")));
}

#[test]
fn whoever_writes_more_into_its_role_has_all_of_the_namespace() {
    let rule = format!("{RBAC}, resources: [roles], verbs: [escalate, patch]");
    for (kind, to) in [("pod-exec", "shop/db"), ("secret-read", "Secret shop/keys"), ("policy-write", "shop/db")] {
        assert!(gets(Some("shop"), &[&rule], kind, to), "{kind} {to}");
    }
    assert!(gets(Some("istio-system"), &[&rule], "policy-write", "the policies of the cluster"));
    assert!(gets(None, &[&rule], "rights-escalate", MASTERS));
}

#[test]
fn whoever_makes_roles_with_more_than_it_holds_and_binds_them_has_the_namespace() {
    let roles = format!("{RBAC}, resources: [roles], verbs: [create, escalate, bind]");
    let bindings = format!("{RBAC}, resources: [rolebindings], verbs: [create]");
    for (kind, to) in [("pod-exec", "shop/db"), ("secret-read", "Secret shop/keys"), ("policy-write", "shop/db")] {
        assert!(gets(Some("shop"), &[&roles, &bindings], kind, to), "{kind} {to}");
        for part in ["create, escalate", "create, bind", "escalate, bind"] {
            let part = format!("{RBAC}, resources: [roles], verbs: [{part}]");
            assert!(!gets(Some("shop"), &[&part, &bindings], kind, to), "{part}: {kind} {to}");
        }
        assert!(!gets(Some("shop"), &[&roles], kind, to), "{kind} {to}");
    }
    assert!(gets(None, &[&roles, &bindings], "rights-escalate", MASTERS));
    assert!(!gets(Some("shop"), &[&roles, &bindings], "rights-escalate", MASTERS));
    // Roles of the whole cluster, bindings of a namespace.
    let both = [role(None, "makes", &[&roles]), role(Some("shop"), "binds", &[&bindings])].join("\n---\n");
    assert!(steps(&[SHOP, &both]).contains(&format!("pod-exec: {WEB} to shop/db")));
}

#[test]
fn whoever_makes_parts_of_roles_may_hold_what_they_are_part_of() {
    let made = |verbs: &str| format!("{RBAC}, resources: [clusterroles], verbs: [{verbs}]");
    let found = steps(&[SHOP, &role(None, "worker", &[&made("create, escalate")])]);
    assert!(found.contains(&format!("rights-escalate perhaps: {WEB} to {MASTERS}")), "{found:#?}");
    assert!(!gets(None, &[&made("create")], "rights-escalate", MASTERS));
    assert!(!gets(None, &[&made("escalate")], "rights-escalate", MASTERS));
}

#[test]
fn services_are_called_by_name_as_well() {
    let ports = "apiVersion: v1
kind: Pod
metadata: {name: ledger, namespace: shop, labels: {app: ledger}}
spec: {containers: [{name: main, ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: books, namespace: shop}
spec: {selector: {app: ledger}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: others, namespace: shop}
spec: {selector: {app: others}, ports: [{port: 80}]}";
    let calls = |resources: &str, names: &str| {
        let rule = format!("{CORE}, resources: [{resources}], verbs: [get]{names}");
        let found = steps(&[SHOP, ports, &role(Some("shop"), "worker", &[&rule])]);
        found.contains(&format!("mesh-bypass perhaps: {WEB} to shop/ledger"))
    };
    for resources in ["services/proxy", "services/proxy, pods/portforward, pods/proxy"] {
        for names in ["books", "'http:books:80'", "'books:80'", "unseen"] {
            assert!(calls(resources, &format!(", resourceNames: [{names}]")), "{resources} {names}");
        }
        assert!(!calls(resources, ", resourceNames: [others]"), "{resources}");
    }
    assert!(calls("services/proxy", ""));
}

#[test]
fn accounts_of_kubernetes_itself_are_there_in_every_cluster() {
    let impersonate = format!("{CORE}, resources: [serviceaccounts], verbs: [impersonate]");
    let token = format!("{CORE}, resources: [serviceaccounts/token], verbs: [create]");
    let pods = format!("{CORE}, resources: [pods], verbs: [create]");
    let secrets = format!("{CORE}, resources: [secrets], verbs: [create, get]");
    for (rule, kind) in
        [(&impersonate, "rights-escalate"), (&token, "spiffe-mint"), (&pods, "pod-create"), (&secrets, "secret-token")]
    {
        assert!(gets(None, &[rule], kind, MASTERS), "{rule}");
        assert!(gets(Some("kube-system"), &[rule], kind, MASTERS), "{rule}");
        assert!(!gets(Some("shop"), &[rule], kind, MASTERS), "{rule}");
    }
    // Those of controllers that make pods, and any that it names and no manifest shows, may be as good.
    for name in ["daemon-set-controller", "replicaset-controller", "cronjob-controller", "unseen"] {
        for (rule, kind) in [(&impersonate, "rights-escalate"), (&token, "spiffe-mint")] {
            let found =
                steps(&[SHOP, &role(Some("kube-system"), "worker", &[&format!("{rule}, resourceNames: [{name}]")])]);
            assert!(found.contains(&format!("{kind} perhaps: {WEB} to {MASTERS}")), "{kind} {name}: {found:#?}");
        }
    }
    let shown = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: shown, namespace: kube-system}";
    let other = role(Some("kube-system"), "worker", &[&format!("{impersonate}, resourceNames: [shown]")]);
    assert!(!steps(&[SHOP, shown, &other]).contains(&format!("rights-escalate perhaps: {WEB} to {MASTERS}")));
    assert!(!gets(None, &[&format!("{impersonate}, resourceNames: [web]")], "rights-escalate", MASTERS));
    let users = format!("{CORE}, resources: [users], verbs: [impersonate]");
    assert!(gets(None, &[&users], "rights-escalate", MASTERS));
    let anonymous = format!("{users}, resourceNames: ['system:anonymous']");
    assert!(!gets(None, &[&anonymous], "rights-escalate", MASTERS));
    // Certificates name whomever one likes but the group that may do anything.
    let sign = "apiGroups: [certificates.k8s.io], resources: ['*'], verbs: ['*']";
    assert!(gets(None, &[sign], "rights-escalate", MASTERS));
    let nodes = [
        "apiGroups: [certificates.k8s.io], resources: [certificatesigningrequests, certificatesigningrequests/approval], verbs: [create, update]",
        "apiGroups: [certificates.k8s.io], resources: [signers], verbs: [approve], resourceNames: [kubernetes.io/kube-apiserver-client-kubelet]",
    ];
    assert!(gets(None, &nodes, "rights-escalate", "any node"));
    assert!(!gets(None, &nodes, "rights-escalate", MASTERS));
}

#[test]
fn whoever_passes_for_a_node_has_what_it_may_ask_for() {
    let user = |name: &str| format!("{CORE}, resources: [users], verbs: [impersonate], resourceNames: ['{name}']");
    let group = |name: &str| format!("{CORE}, resources: [groups], verbs: [impersonate], resourceNames: ['{name}']");
    let (node, nodes) = (user("system:node:n1"), group("system:nodes"));
    assert!(gets(None, &[&node, &nodes], "rights-escalate", "any node"));
    assert!(!gets(None, &[&node, &nodes], "rights-escalate", MASTERS));
    assert!(!gets(None, &[&node], "rights-escalate", "any node"));
    assert!(!gets(None, &[&user("ann"), &nodes], "rights-escalate", "any node"));
    assert!(!gets(Some("shop"), &[&node, &nodes], "rights-escalate", "any node"));
}

#[test]
fn names_that_no_manifest_binds_may_hold_anything() {
    let pass = |resource: &str, name: &str| {
        let rule = format!("{CORE}, resources: [{resource}], verbs: [impersonate], resourceNames: ['{name}']");
        role(None, "worker", &[&rule])
    };
    let masters = format!("rights-escalate perhaps: {WEB} to {MASTERS}");
    assert!(steps(&[SHOP, &pass("groups", "kubeadm:cluster-admins")]).contains(&masters));
    assert!(steps(&[SHOP, &pass("users", "ann")]).contains(&masters));
    for group in ["system:authenticated", "system:serviceaccounts:shop", "system:nodes"] {
        assert!(!steps(&[SHOP, &pass("groups", group)]).contains(&masters), "{group}");
    }
    // What is bound to somebody whom manifests show is what they say.
    let view = bound("ClusterRole", None, "view", "{kind: User, name: ann}");
    assert!(!steps(&[SHOP, &pass("users", "ann"), &view]).contains(&masters));
}

#[test]
fn certificates_of_nodes_are_approved_by_the_controllers() {
    let request =
        |resource: &str| format!("apiGroups: [certificates.k8s.io], resources: [{resource}], verbs: [create]");
    let (asks, approved) = (request("certificatesigningrequests"), request("certificatesigningrequests/nodeclient"));
    assert!(gets(None, &[&asks, &approved], "rights-escalate", "any node"));
    assert!(!gets(None, &[&asks, &approved], "rights-escalate", MASTERS));
    assert!(!gets(None, &[&asks], "rights-escalate", "any node"));
    assert!(!gets(None, &[&approved], "rights-escalate", "any node"));
    assert!(!gets(Some("shop"), &[&asks, &approved], "rights-escalate", "any node"));
}

#[test]
fn privileged_pods_of_kubernetes_itself_are_on_every_node() {
    for rule in [
        format!("{CORE}, resources: [pods/exec], verbs: [create]"),
        format!("{CORE}, resources: [pods/ephemeralcontainers], verbs: [patch]"),
        format!("{CORE}, resources: [nodes/proxy], verbs: [get]"),
    ] {
        assert!(
            gets(None, &[&rule], if rule.contains("nodes") { "node-proxy" } else { "pod-exec" }, "any node"),
            "{rule}"
        );
    }
    assert!(!gets(
        Some("shop"),
        &[&format!("{CORE}, resources: [pods/exec], verbs: [create]")],
        "pod-exec",
        "any node"
    ));
}

#[test]
fn namespaces_that_only_a_binding_shows_hold_pods_as_well() {
    let rule = format!("{CORE}, resources: [pods], verbs: [create]");
    assert!(gets(Some("tools"), &[&rule], "pod-create", "any node"));
    assert!(!gets(Some("shop"), &[&rule], "pod-create", "any node"));
}

#[test]
fn nodes_of_the_control_plane_are_the_cluster() {
    let pod = |label: &str| {
        let pod = format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: probe, namespace: shop}}\nspec: {{nodeSelector: {{{label}: ''}}, containers: [{{name: main, securityContext: {{privileged: true}}}}]}}"
        );
        reached(&all_steps(&[SHOP, &pod]), "shop/probe", true).contains(MASTERS)
    };
    assert!(pod("node-role.kubernetes.io/control-plane"));
    assert!(!pod("node-role.kubernetes.io/edge"));
    // Whoever makes pods chooses the node.
    let rule = format!("{CORE}, resources: [pods], verbs: [create]");
    assert!(gets(Some("tools"), &[&rule], "pod-create", MASTERS));
    assert!(!gets(Some("shop"), &[&rule], "pod-create", MASTERS));
}

#[test]
fn pods_beside_the_control_plane_may_have_the_cluster() {
    let leads = |kind: &str, fields: &str| {
        let labels = "{app: probe}";
        let pod = format!(
            "apiVersion: apps/v1\nkind: {kind}\nmetadata: {{name: probe, namespace: shop}}\nspec: {{selector: {{matchLabels: {labels}}}, template: {{metadata: {{labels: {labels}}}, spec: {{{fields}}}}}}}"
        );
        let found = steps(&[SHOP, &pod]);
        found.iter().any(|step| step.ends_with(&format!(" perhaps: shop/probe to {MASTERS}")))
    };
    let privileged = "containers: [{name: main, securityContext: {privileged: true}}]";
    let required = |operator: &str| {
        format!(
            "affinity: {{nodeAffinity: {{requiredDuringSchedulingIgnoredDuringExecution: {{nodeSelectorTerms: [{{matchExpressions: [{{key: node-role.kubernetes.io/control-plane, operator: {operator}}}]}}]}}}}}}"
        )
    };
    for place in [
        "tolerations: [{operator: Exists}]",
        "tolerations: [{key: node-role.kubernetes.io/control-plane, effect: NoSchedule}]",
        "nodeName: cp-0",
        required("Exists").as_str(),
    ] {
        assert!(leads("DaemonSet", &format!("{place}, {privileged}")), "{place}");
        assert!(leads("Deployment", &format!("{place}, {privileged}")), "{place}");
        assert!(!leads("DaemonSet", &format!("{place}, containers: [{{name: main}}]")), "{place}");
    }
    assert!(!leads("DaemonSet", privileged));
    for place in ["tolerations: [{key: gpu, operator: Exists}]", required("DoesNotExist").as_str()] {
        assert!(!leads("DaemonSet", &format!("{place}, {privileged}")), "{place}");
    }
    let mounts = |path: &str| {
        format!(
            "containers: [{{name: main, volumeMounts: [{{name: v, mountPath: /v, readOnly: true}}]}}], volumes: [{{name: v, hostPath: {{path: {path}}}}}]"
        )
    };
    for path in ["/etc/kubernetes/pki", "/var/lib/etcd", "/etc/kubernetes/admin.conf"] {
        assert!(leads("DaemonSet", &mounts(path)), "{path}");
    }
    assert!(!leads("DaemonSet", &mounts("/var/lib/kubelet")));
    // The label that RKE gives.
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: probe, namespace: shop}\nspec: {nodeSelector: {node-role.kubernetes.io/controlplane: 'true'}, containers: [{name: main, securityContext: {privileged: true}}]}";
    assert!(reached(&all_steps(&[SHOP, pod]), "shop/probe", false).contains(MASTERS));
}

#[test]
fn the_control_plane_of_the_mesh_is_there_whether_or_not_manifests_show_it() {
    let istiod = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: istiod, namespace: istio-system}\nspec: {template: {metadata: {labels: {app: istiod}}, spec: {serviceAccountName: istiod, containers: [{name: main}]}}}";
    let both = |rule: &str, namespace: Option<&str>, more: &[&str]| {
        let role = role(namespace, "worker", &[rule]);
        let found = steps(&[&[SHOP, role.as_str()], more].concat());
        let control = format!("policy-write perhaps: {WEB} to the policies of the cluster");
        let identity = format!("spiffe-mint perhaps: {WEB} to spiffe://cluster.local/ns/shop/sa/db");
        found.contains(&control) && found.contains(&identity)
    };
    for rule in [
        format!("{CORE}, resources: [pods/exec], verbs: [create]"),
        format!("{CORE}, resources: [pods/ephemeralcontainers], verbs: [patch], resourceNames: [istiod-1]"),
        format!("{CORE}, resources: [pods], verbs: [create]"),
        "apiGroups: [apps], resources: [deployments], verbs: [patch], resourceNames: [istiod]".to_owned(),
        "apiGroups: [apps], resources: [daemonsets], verbs: [create]".to_owned(),
        format!("{CORE}, resources: [serviceaccounts/token], verbs: [create], resourceNames: [istiod]"),
        format!("{CORE}, resources: [serviceaccounts], verbs: [impersonate], resourceNames: [istiod-canary]"),
        format!("{CORE}, resources: [secrets], verbs: [create, get]"),
    ] {
        assert!(both(&rule, Some("istio-system"), &[]), "{rule}");
        assert!(both(&rule, None, &[]), "{rule}");
        assert!(!both(&rule, Some("shop"), &[]), "{rule}");
    }
    assert!(both(&format!("{CORE}, resources: [nodes/proxy], verbs: [get]"), None, &[]));
    // One that is shown is a workload like others.
    let exec = format!("{CORE}, resources: [pods/exec], verbs: [create]");
    assert!(!both(&exec, Some("istio-system"), &[istiod]));
    assert!(
        reached(&all_steps(&[SHOP, istiod, &role(Some("istio-system"), "worker", &[&exec])]), WEB, true)
            .contains("the policies of the cluster")
    );
    let other = format!("{CORE}, resources: [pods/exec], verbs: [create], resourceNames: [web-1]");
    assert!(!both(&other, Some("istio-system"), &[]));
}

#[test]
fn settings_in_files_of_a_pod_may_be_what_it_runs() {
    let pod = |fields: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: probe, namespace: shop}}\nspec: {{containers: [{{name: main{fields}"
        )
    };
    let writes = |pod: &str, namespace: &str, rest: &str| {
        let rule = format!("{CORE}, resources: [configmaps], {rest}");
        let found = steps(&[SHOP, pod, &role(Some(namespace), "worker", &[&rule])]);
        found.contains(&format!("pod-exec perhaps: {WEB} to shop/probe"))
    };
    for fields in [
        "}], volumes: [{name: v, configMap: {name: scripts}}]}",
        "}], volumes: [{name: v, projected: {sources: [{configMap: {name: scripts}}]}}]}",
        ", envFrom: [{configMapRef: {name: scripts}}]}]}",
        ", env: [{name: A, valueFrom: {configMapKeyRef: {name: scripts, key: a}}}]}]}",
    ] {
        let pod = pod(fields);
        assert!(writes(&pod, "shop", "verbs: [patch]"), "{fields}");
        assert!(writes(&pod, "shop", "verbs: [patch], resourceNames: [scripts]"), "{fields}");
        assert!(!writes(&pod, "shop", "verbs: [patch], resourceNames: [others]"), "{fields}");
        assert!(!writes(&pod, "shop", "verbs: [get]"), "{fields}");
        assert!(!writes(&pod, "tools", "verbs: [patch]"), "{fields}");
    }
    assert!(!writes(&pod("}]}"), "shop", "verbs: [patch]"));
}

#[test]
fn kinds_that_not_every_cluster_heeds_may_be_rested_on() {
    let writes = |namespace: Option<&str>, group: &str, resource: &str, to: &str| {
        let rule = format!("apiGroups: [{group}], resources: [{resource}], verbs: [create]");
        let found = steps(&[SHOP, &role(namespace, "worker", &[&rule])]);
        found.contains(&format!("policy-write perhaps: {WEB} to {to}"))
    };
    let control = "the policies of the cluster";
    for (group, resource) in [
        ("gateway.networking.k8s.io", "tcproutes"),
        ("gateway.networking.k8s.io", "listenersets"),
        ("cilium.io", "ciliumnetworkpolicies"),
        ("networking.istio.io", "workloadgroups"),
        ("networking.k8s.io", "ingresses"),
    ] {
        assert!(writes(None, group, resource, control), "{resource}");
        assert!(writes(Some("shop"), group, resource, "shop/db"), "{resource}");
        assert!(!writes(Some("tools"), group, resource, "shop/db"), "{resource}");
        assert!(!writes(Some("shop"), group, resource, control), "{resource}");
    }
    assert!(writes(Some("shop"), "networking.istio.io", "destinationrules", control));
    let group = "admissionregistration.k8s.io";
    for resource in ["validatingadmissionpolicies", "validatingadmissionpolicybindings"] {
        assert!(writes(None, group, resource, control), "{resource}");
    }
    for resource in ["mutatingadmissionpolicies", "mutatingadmissionpolicybindings"] {
        assert!(writes(None, group, resource, control), "{resource}");
        let rule = format!("apiGroups: [{group}], resources: [{resource}], verbs: [create]");
        assert!(gets(None, &[&rule], "pod-create", "any node"), "{resource}");
        assert!(gets(None, &[&rule], "rights-escalate", MASTERS), "{resource}");
    }
}

#[test]
fn secrets_are_read_by_what_answers_with_them() {
    for verb in ["get", "list", "watch", "patch", "deletecollection"] {
        let rule = format!("{CORE}, resources: [secrets], verbs: [{verb}]");
        assert!(gets(Some("shop"), &[&rule], "secret-read", "Secret shop/keys"), "{verb}");
    }
    // What has a finalizer does not go at once, and is answered with all of it.
    let rule = format!("{CORE}, resources: [secrets], verbs: [delete]");
    let found = steps(&[SHOP, &role(Some("shop"), "worker", &[&rule])]);
    assert!(found.contains(&format!("secret-read perhaps: {WEB} to Secret shop/keys")), "{found:#?}");
    for rule in ["verbs: [create, update]", "verbs: [deletecollection], resourceNames: [keys]"] {
        let rule = format!("{CORE}, resources: [secrets], {rule}");
        assert!(!gets(Some("shop"), &[&rule], "secret-read", "Secret shop/keys"), "{rule}");
    }
}

#[test]
fn whoever_makes_secrets_and_reads_them_has_tokens() {
    let token = "ServiceAccount shop/db";
    let secrets = |verbs: &str| format!("{CORE}, resources: [secrets], verbs: [{verbs}]");
    assert!(gets(Some("shop"), &[&secrets("create, get")], "secret-token", token));
    assert!(gets(
        Some("shop"),
        &[&secrets("create"), &format!("{}, resourceNames: [keys]", secrets("get"))],
        "secret-token",
        token
    ));
    assert!(!gets(Some("shop"), &[&secrets("create")], "secret-token", token));
    assert!(!gets(Some("shop"), &[&secrets("get")], "secret-token", token));
}

#[test]
fn what_is_applied_has_its_name_before_it_is_made() {
    let pods = |rest: &str| format!("{CORE}, resources: [pods], {rest}");
    let token = "ServiceAccount shop/db";
    assert!(gets(Some("shop"), &[&pods("verbs: [create, patch], resourceNames: [debug]")], "pod-create", token));
    assert!(!gets(Some("shop"), &[&pods("verbs: [create, update], resourceNames: [debug]")], "pod-create", token));
    assert!(!gets(
        Some("shop"),
        &[&pods("verbs: [create], resourceNames: [debug]"), &pods("verbs: [patch], resourceNames: [other]")],
        "pod-create",
        token
    ));
}

#[test]
fn settings_that_decide_who_one_is_are_rights() {
    let maps = |rest: &str| format!("{CORE}, resources: [configmaps], verbs: [update]{rest}");
    assert!(gets(Some("kube-system"), &[&maps(", resourceNames: [aws-auth]")], "rights-escalate", MASTERS));
    assert!(!gets(Some("kube-system"), &[&maps(", resourceNames: [coredns]")], "rights-escalate", MASTERS));
    assert!(!gets(Some("shop"), &[&maps("")], "rights-escalate", MASTERS));
    // A revision of the mesh has settings of its own.
    let revision = maps(", resourceNames: [istio-1-31]");
    assert!(gets(Some("istio-system"), &[&revision], "policy-write", "the policies of the cluster"));
    let kinds = "apiGroups: [apiextensions.k8s.io], resources: [customresourcedefinitions], verbs: [delete]";
    assert!(gets(None, &[kinds], "policy-write", "the policies of the cluster"));
    let hooks = "apiGroups: [admissionregistration.k8s.io], resources: [mutatingwebhookconfigurations], verbs: [patch]";
    assert!(gets(None, &[hooks], "rights-escalate", MASTERS));
}

#[test]
fn groups_hold_what_roles_give_that_nobody_shows() {
    let binding = bound("ClusterRole", Some("shop"), "unseen", "{kind: Group, name: 'system:serviceaccounts'}");
    let found = steps(&[SHOP, &binding]);
    for step in [
        "group-member: ServiceAccount shop/web to Group system:serviceaccounts",
        "secret-read perhaps: Group system:serviceaccounts to Secret shop/keys",
        "spiffe-mint perhaps: Group system:serviceaccounts to spiffe://cluster.local/ns/shop/sa/db",
        "policy-write perhaps: Group system:serviceaccounts to shop/db",
    ] {
        assert!(found.contains(step), "{step} is not in {found:#?}");
    }
    // A role of a namespace that has the name of one that Kubernetes ships is another.
    let binding = bound("Role", Some("shop"), "view", "{kind: ServiceAccount, name: web, namespace: shop}");
    assert!(steps(&[SHOP, &binding]).contains(&format!("pod-exec perhaps: {WEB} to shop/db")));
}

#[test]
fn whoever_has_a_name_is_in_the_group_of_all_that_have() {
    let role = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: worker}\nrules: [{apiGroups: [''], resources: [secrets], verbs: [get]}]";
    let all =
        bound("ClusterRole", None, "worker", "{kind: Group, name: 'system:authenticated'}, {kind: Group, name: devs}");
    let found = steps(&[SHOP, role, &all]);
    // Some clusters take whoever has an account with their provider for one that has a name.
    for from in ["Group devs", WEB] {
        assert!(found.contains(&format!("group-member: {from} to Group system:authenticated")), "{from}: {found:#?}");
    }
    assert!(found.contains("group-member perhaps: internet to Group system:authenticated"), "{found:#?}");
}

#[test]
fn whoever_may_do_anything_is_whoever_it_likes() {
    let found = steps(&[SHOP, &role(None, "worker", &["apiGroups: ['*'], resources: ['*'], verbs: ['*']"])]);
    assert!(found.contains(&format!("rights-escalate: {MASTERS} to ServiceAccount shop/db")), "{found:#?}");
}

/// Returns the steps of a pod `shop/probe` with some fields.
fn of_pod(spec: &str, more: &str) -> BTreeSet<String> {
    let pod = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: probe, namespace: shop}}\nspec: {{serviceAccountName: probe, {spec}}}"
    );
    let found = steps(&[SHOP, &pod, more]);
    found.into_iter().filter(|step| step.contains(": shop/probe to")).collect()
}

#[test]
fn windows_has_privileged_containers_as_well() {
    for spec in [
        "containers: [{name: main, securityContext: {windowsOptions: {hostProcess: true}}}]",
        "securityContext: {windowsOptions: {hostProcess: true}}, containers: [{name: main}]",
    ] {
        assert!(of_pod(spec, "").contains("container-escape: shop/probe to any node"), "{spec}");
    }
}

#[test]
fn tokens_for_whoever_runs_the_api_server_count() {
    let token = |audience: &str| {
        let spec = format!(
            "automountServiceAccountToken: false, containers: [{{name: main}}], volumes: [{{name: t, projected: {{sources: [{{serviceAccountToken: {{path: t{audience}}}}}]}}}}]"
        );
        of_pod(&spec, "").into_iter().find(|step| step.starts_with("account-token"))
    };
    let named = |perhaps: &str| Some(format!("account-token{perhaps}: shop/probe to ServiceAccount shop/probe"));
    assert_eq!(token(""), named(""));
    assert_eq!(token(", audience: 'https://kubernetes.default.svc.cluster.local'"), named(""));
    // For whom the API server takes tokens its flags say, and those are in no manifest.
    assert_eq!(token(", audience: 'https://oidc.example/cluster'"), named(" perhaps"));
    assert_eq!(token(", audience: istio-ca"), None);
}

#[test]
fn volumes_that_are_claimed_may_be_folders_of_a_node() {
    let spec = "containers: [{name: main, volumeMounts: [{name: v, mountPath: /v}]}], volumes: [{name: v, persistentVolumeClaim: {claimName: disk}}]";
    let claim = |rest: &str| {
        format!(
            "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: disk, namespace: shop}}\nspec: {{accessModes: [ReadWriteOnce]{rest}}}"
        )
    };
    let volume = |rest: &str| {
        format!(
            "apiVersion: v1\nkind: PersistentVolume\nmetadata: {{name: root}}\nspec: {{hostPath: {{path: /}}{rest}}}"
        )
    };
    let leads = |claim: &str, volume: &str| {
        of_pod(spec, &format!("{claim}\n---\n{volume}")).into_iter().find(|step| step.starts_with("host-path"))
    };
    let sure = Some("host-path: shop/probe to any node".to_owned());
    let perhaps = Some("host-path perhaps: shop/probe to any node".to_owned());
    assert_eq!(leads(&claim(", volumeName: root"), &volume("")), sure);
    assert_eq!(leads(&claim(""), &volume(", claimRef: {namespace: shop, name: disk}")), sure);
    assert_eq!(leads(&claim(", storageClassName: a"), &volume(", storageClassName: a")), perhaps);
    assert_eq!(leads(&claim(", storageClassName: a"), &volume(", storageClassName: b")), None);
    assert_eq!(leads(&claim(""), &volume(", claimRef: {namespace: other, name: disk}")), None);
    assert_eq!(leads(&claim(", volumeName: other"), &volume("")), None);
}

#[test]
fn whoever_writes_into_a_volume_of_others_may_have_them() {
    let pod = |name: &str, claim: &str, read_only: bool| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: shop}}\nspec: {{containers: [{{name: main, volumeMounts: [{{name: v, mountPath: /v, readOnly: {read_only}}}]}}], volumes: [{{name: v, persistentVolumeClaim: {{claimName: {claim}}}}}]}}"
        )
    };
    let found =
        steps(&[SHOP, &pod("writer", "plugins", false), &pod("reader", "plugins", true), &pod("other", "own", false)]);
    let step = |from: &str, to: &str| found.contains(&format!("pod-exec perhaps: shop/{from} to shop/{to}"));
    assert!(step("writer", "reader"), "{found:#?}");
    assert!(!step("reader", "writer") && !step("other", "reader") && !step("writer", "other"), "{found:#?}");
}

#[test]
fn disks_of_a_node_are_the_node() {
    let spec = "containers: [{name: main, volumeDevices: [{name: v, devicePath: /dev/x}]}], volumes: [{name: v, persistentVolumeClaim: {claimName: disk}}]";
    let disk = "apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: disk}\nspec: {volumeMode: Block, local: {path: /dev/sda}, claimRef: {namespace: shop, name: disk}}\n---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: disk, namespace: shop}\nspec: {volumeMode: Block}";
    assert!(of_pod(spec, disk).contains("host-path: shop/probe to any node"));
    assert!(!of_pod(&spec.replace("volumeDevices", "unknown"), disk).contains("host-path: shop/probe to any node"));
}

#[test]
fn proxies_of_a_node_have_certificates_of_its_pods() {
    let proxy = |namespace: &str| {
        format!(
            "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {{name: ztunnel, namespace: {namespace}}}\nspec: {{selector: {{matchLabels: {{app: ztunnel}}}}, template: {{metadata: {{labels: {{app: ztunnel}}}}, spec: {{serviceAccountName: ztunnel, containers: [{{name: main}}]}}}}}}"
        )
    };
    let identity = "spiffe://cluster.local/ns/shop/sa/db";
    for namespace in ["istio-system", "kube-system"] {
        let found = steps(&[SHOP, &proxy(namespace)]);
        for from in [format!("{namespace}/ztunnel"), format!("ServiceAccount {namespace}/ztunnel")] {
            assert!(found.contains(&format!("spiffe-mint perhaps: {from} to {identity}")), "{from}: {found:#?}");
        }
    }
    assert!(!steps(&[SHOP, &proxy("shop")]).contains(&format!("spiffe-mint perhaps: shop/ztunnel to {identity}")));
}

#[test]
fn pods_without_a_name_of_their_own_have_templates() {
    let job = "apiVersion: batch/v1\nkind: Job\nmetadata: {generateName: probe-, namespace: shop}\nspec: {template: {spec: {containers: [{name: main, securityContext: {privileged: true}}]}}}";
    let found = steps(&[SHOP, job]);
    assert!(found.contains("container-escape: shop/probe to any node"), "{found:#?}");
}

#[test]
fn a_node_makes_tokens_for_whatever_it_runs() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: probe, namespace: shop}\nspec: {containers: [{name: main, securityContext: {privileged: true}}]}";
    let found = steps(&[SHOP, pod]);
    // The pods of `db` mount no token.
    assert!(found.contains("node-pods perhaps: any node to ServiceAccount shop/db"), "{found:#?}");
    assert!(!found.contains("account-token: shop/db to ServiceAccount shop/db"), "{found:#?}");
}

#[test]
fn a_node_reads_the_secrets_that_its_pods_speak_of() {
    let pod = |fields: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: probe, namespace: shop}}\nspec: {{serviceAccountName: probe, containers: [{{name: main, securityContext: {{privileged: true}}}}]{fields}}}"
        )
    };
    let step = "secret-read perhaps: any node to Secret shop/pull";
    for fields in [
        ", imagePullSecrets: [{name: pull}]",
        ", volumes: [{name: v, csi: {driver: files, nodePublishSecretRef: {name: pull}}}]",
        ", volumes: [{name: v, azureFile: {shareName: files, secretName: pull}}]",
    ] {
        let found = steps(&[SHOP, &pod(fields)]);
        assert!(found.contains(step), "{fields}: {found:#?}");
        // Containers do not have it.
        assert!(!found.iter().any(|step| step.ends_with(": shop/probe to Secret shop/pull")), "{fields}: {found:#?}");
    }
    let account = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: probe, namespace: shop}\nimagePullSecrets: [{name: pull}]";
    assert!(steps(&[SHOP, &pod(""), account]).contains(step));
    assert!(!steps(&[SHOP, &pod("")]).contains(step));
}

/// Rules that lead somewhere, alone or two together.
const RULES: [&str; 25] = [
    "apiGroups: [''], resources: [secrets], verbs: [get], resourceNames: [keys]",
    "apiGroups: [''], resources: [secrets], verbs: [create]",
    "apiGroups: [''], resources: [secrets], verbs: [deletecollection]",
    "apiGroups: [''], resources: [pods], verbs: [create], resourceNames: [debug]",
    "apiGroups: [''], resources: [pods], verbs: [patch], resourceNames: [debug]",
    "apiGroups: [''], resources: [pods], verbs: ['*']",
    "apiGroups: [''], resources: ['*/exec'], verbs: [get]",
    "apiGroups: [apps], resources: [deployments], verbs: [update], resourceNames: [db]",
    "apiGroups: [''], resources: [serviceaccounts], verbs: [impersonate], resourceNames: [db]",
    "apiGroups: [''], resources: [users], verbs: [impersonate], resourceNames: [ann]",
    "apiGroups: [''], resources: [groups], verbs: [impersonate]",
    "apiGroups: [''], resources: [serviceaccounts/token], verbs: [create]",
    "apiGroups: [''], resources: [namespaces], verbs: [patch]",
    "apiGroups: [''], resources: [persistentvolumes], verbs: [create]",
    "apiGroups: [''], resources: [nodes/proxy], verbs: [get]",
    "apiGroups: [rbac.authorization.k8s.io], resources: [roles, clusterroles], verbs: [bind]",
    "apiGroups: [rbac.authorization.k8s.io], resources: [clusterroles], verbs: [bind], resourceNames: [edit, unseen]",
    "apiGroups: [rbac.authorization.k8s.io], resources: [rolebindings], verbs: [create]",
    "apiGroups: [rbac.authorization.k8s.io], resources: [roles], verbs: [escalate]",
    "apiGroups: [rbac.authorization.k8s.io], resources: [roles], verbs: [update]",
    "apiGroups: [rbac.authorization.k8s.io], resources: [roles], verbs: [create, bind, escalate]",
    "apiGroups: [rbac.authorization.k8s.io], resources: [roles], verbs: [bind], resourceNames: [mine]",
    "apiGroups: [rbac.authorization.k8s.io], resources: [clusterroles], verbs: [create, escalate]",
    "apiGroups: [security.istio.io], resources: ['*'], verbs: [delete]",
    "apiGroups: ['*'], resources: ['*'], verbs: ['*']",
];

/// Subjects by which `shop/web` may hold something.
const HOLDERS: [&str; 4] = [
    "{kind: ServiceAccount, name: web, namespace: shop}",
    "{kind: User, name: 'system:serviceaccount:shop:web'}",
    "{kind: Group, name: 'system:serviceaccounts:shop'}",
    "{kind: Group, name: 'system:authenticated'}",
];

proptest! {
    #[test]
    fn more_rights_never_lead_to_less(
        given in vec((0..RULES.len(), 0..HOLDERS.len(), 0..3_usize), 1..6),
        gone in 0..6_usize,
    ) {
        let write = |(at, (rule, holder, place)): (usize, &(usize, usize, usize))| {
            let (name, namespace) = (format!("r{at}"), [None, Some("shop"), Some("tools")][*place]);
            let role = role(None, &name, &[RULES[*rule]]);
            // Roles of the cluster, bound here or there.
            let role = role.split("\n---\n").next().unwrap().to_owned();
            format!("{role}\n---\n{}", bound("ClusterRole", namespace, &name, HOLDERS[*holder]))
        };
        let all: Vec<String> = given.iter().enumerate().map(write).collect();
        let of = |manifests: &[String]| {
            let mut texts = vec![SHOP];
            texts.extend(manifests.iter().map(String::as_str));
            all_steps(&texts)
        };
        let more = of(&all);
        let mut left = all.clone();
        left.remove(gone % all.len());
        let less = of(&left);
        for sure in [false, true] {
            let (few, many) = (reached(&less, "shop/web", sure), reached(&more, "shop/web", sure));
            let lost: Vec<_> = few.difference(&many).collect();
            prop_assert!(lost.is_empty(), "sure {sure}: {lost:?} is lost");
        }
    }

    #[test]
    fn more_in_a_pod_never_leads_to_less(chosen in 0_u32..1 << 9, one in 0..9_usize) {
        let pod = |chosen: u32| {
            let has = |at: usize| chosen & (1 << at) != 0;
            let mut spec = String::new();
            let mut own = String::new();
            let mut volumes = Vec::new();
            for (at, field) in [(0, "hostPID: true"), (1, "automountServiceAccountToken: true")] {
                if has(at) {
                    spec += &format!("{field}, ");
                }
            }
            if !has(1) {
                spec += "automountServiceAccountToken: false, ";
            }
            let added: Vec<&str> =
                [(2, "SYS_PTRACE"), (3, "SYS_ADMIN")].iter().filter(|(at, _)| has(*at)).map(|(_, it)| *it).collect();
            own += &format!("capabilities: {{add: {added:?}}}, privileged: {}", has(4));
            for (at, volume) in [
                (5, "hostPath: {path: /var/log}"),
                (6, "secret: {secretName: keys}"),
                (7, "projected: {sources: [{serviceAccountToken: {path: t}}]}"),
                (8, "persistentVolumeClaim: {claimName: disk}"),
            ] {
                if has(at) {
                    volumes.push((format!("v{at}"), volume));
                }
            }
            let mounts: Vec<String> =
                volumes.iter().map(|(name, _)| format!("{{name: {name}, mountPath: /{name}}}")).collect();
            let volumes: Vec<String> = volumes.iter().map(|(name, what)| format!("{{name: {name}, {what}}}")).collect();
            let pod = format!(
                "apiVersion: v1\nkind: Pod\nmetadata: {{name: probe, namespace: shop}}\nspec: {{{spec}containers: [{{name: main, securityContext: {{{own}}}, volumeMounts: [{}]}}], volumes: [{}]}}",
                mounts.join(", "),
                volumes.join(", ")
            );
            let disk = "apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: root}\nspec: {hostPath: {path: /}}";
            all_steps(&[SHOP, disk, &pod])
        };
        let (less, more) = (pod(chosen & !(1 << one)), pod(chosen | 1 << one));
        for sure in [false, true] {
            let (few, many) = (reached(&less, "shop/probe", sure), reached(&more, "shop/probe", sure));
            let lost: Vec<_> = few.difference(&many).collect();
            prop_assert!(lost.is_empty(), "sure {sure}: {lost:?} is lost");
        }
    }
}

#[test]
fn admin_takes_in_what_edit_and_view_do() {
    let part = |label: &str| {
        format!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: part, labels: {{rbac.authorization.k8s.io/aggregate-to-{label}: 'true'}}}}\nrules: [{{{CORE}, resources: [nodes/proxy], verbs: [get]}}]"
        )
    };
    let bound = |role: &str| {
        format!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {{name: b}}\nroleRef: {{kind: ClusterRole, name: {role}}}\nsubjects: [{{kind: User, name: ann}}]"
        )
    };
    let holds = |role: &str, label: &str| {
        all_steps(&[SHOP, &part(label), &bound(role)])
            .iter()
            .any(|(from, _, kind, _)| from == "User ann" && *kind == "node-proxy")
    };
    for (role, label, expected) in [
        ("admin", "admin", true),
        ("admin", "edit", true),
        ("admin", "view", true),
        ("edit", "edit", true),
        ("edit", "view", true),
        ("edit", "admin", false),
        ("view", "edit", false),
    ] {
        assert_eq!(holds(role, label), expected, "{role} {label}");
    }
}

#[test]
fn what_kubernetes_itself_runs_is_there_for_wider_rights_too() {
    let named = format!("{CORE}, resources: [pods/exec], verbs: [create], resourceNames: [kube-proxy-x]");
    assert!(gets(Some("kube-system"), &[&named], "pod-exec", "any node"));
    assert!(gets(None, &[&named], "pod-exec", "any node"));
    let change = "apiGroups: [apps], resources: [daemonsets], verbs: [patch]";
    assert!(gets(None, &[change], "pod-exec", "any node"));
    assert!(gets(Some("kube-system"), &[change], "pod-exec", MASTERS));
    // Who writes what the injector adds to pods has containers of any kind.
    let settings = format!("{CORE}, resources: [configmaps], verbs: [update], resourceNames: [istio-sidecar-injector]");
    assert!(gets(Some("istio-system"), &[&settings], "pod-create", "any node"));
}
