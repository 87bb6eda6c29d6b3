//! The ClusterRoles that Kubernetes ships.
//!
//! Out: what each lets do, as far as it matters to attackers (kubernetes/kubernetes
//! `plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go`, 1.36).

use ringfence_compiler::source::Span;

use super::rights::Right;

/// Roles that take in those with the label `rbac.authorization.k8s.io/aggregate-to-…`.
pub(super) const AGGREGATING: [&str; 3] = ["admin", "edit", "view"];

/// Returns what a role that Kubernetes ships lets do, as far as it matters here; `None` where it ships none of the name.
pub(super) fn built_in(name: &str, span: Span) -> Option<Vec<Right>> {
    let right = |groups: &[&str], resources: &[&str], verbs: &[&str]| {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Right { span, groups: words(groups), resources: words(resources), verbs: words(verbs), names: Vec::new() }
    };
    let write = ["create", "delete", "deletecollection", "patch", "update"];
    let edit = || {
        vec![
            right(
                &[""],
                &[
                    "pods",
                    "replicationcontrollers",
                    "services",
                    "configmaps",
                    "persistentvolumeclaims",
                    "serviceaccounts",
                ],
                &write,
            ),
            right(
                &[""],
                &["pods/attach", "pods/exec", "pods/portforward", "pods/proxy"],
                &["create", "get", "patch", "update"],
            ),
            right(&[""], &["secrets"], &["get", "list", "watch", "create", "patch", "update", "delete"]),
            right(&[""], &["serviceaccounts"], &["impersonate"]),
            right(&[""], &["serviceaccounts/token"], &["create"]),
            right(&["apps"], &["deployments", "statefulsets", "daemonsets", "replicasets"], &write),
            right(&["batch"], &["jobs", "cronjobs"], &write),
            right(&["networking.k8s.io"], &["networkpolicies", "ingresses"], &write),
        ]
    };
    match name {
        "cluster-admin" => Some(vec![right(&["*"], &["*"], &["*"])]),
        "admin" => {
            let mut rules = edit();
            rules.push(right(&["rbac.authorization.k8s.io"], &["roles", "rolebindings"], &write));
            Some(rules)
        }
        "edit" => Some(edit()),
        // What can only be looked at leads nowhere: Secrets are no part of it.
        "view" => Some(Vec::new()),
        "system:auth-delegator"
        | "system:basic-user"
        | "system:discovery"
        | "system:monitoring"
        | "system:public-info-viewer"
        | "system:service-account-issuer-discovery" => Some(Vec::new()),
        _ => None,
    }
}
