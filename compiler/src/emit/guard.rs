//! The guard: a ValidatingAdmissionPolicy that keeps objects from elsewhere out of governed namespaces. Without it a proof
//! holds for the repository alone.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::object::{Kind, MANAGED_BY, Object, Stage};
use crate::ir::{ClusterPlan, Origins};

const POLICY: Kind = Kind("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy");
const BINDING: Kind = Kind("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding");
const NAME: &str = "ringfence-guard";

pub(super) fn emit(plan: &ClusterPlan, objects: &mut Vec<Object>) {
    if plan.namespaces.is_empty() {
        return;
    }
    // Policies of the root namespace hold everywhere, so it is guarded though nothing is emitted into it.
    let mut guarded: BTreeSet<&str> = plan.namespaces.iter().map(|namespace| namespace.name.as_str()).collect();
    guarded.insert(&plan.root_namespace);
    // What slips in beside the one ALLOW of a gateway would open it.
    guarded.extend(plan.gateways.iter().filter(|gateway| !gateway.shared).map(|gateway| gateway.namespace.as_str()));
    guarded.extend(plan.egress_gateways.iter().map(|gateway| gateway.door.namespace.as_str()));
    let guarded: Vec<&str> = guarded.into_iter().collect();
    let mut origins: Origins = plan.namespaces.iter().map(|namespace| namespace.origin.clone()).collect();
    origins.insert(plan.origin.clone());

    let spec = json!({
        "failurePolicy": "Fail",
        "matchConstraints": {
            "resourceRules": [
                rule("security.istio.io", &["authorizationpolicies", "peerauthentications", "requestauthentications"]),
                rule("networking.istio.io", &["envoyfilters", "sidecars"]),
                rule("networking.k8s.io", &["networkpolicies"]),
                rule("telemetry.istio.io", &["telemetries"]),
                rule("extensions.istio.io", &["wasmplugins"]),
            ],
        },
        "validations": [validation(plan)],
    });
    objects.push(guard(Object::of_cluster(Stage::DefaultDeny, &POLICY, NAME.to_owned(), spec, origins.clone())));
    let spec = json!({
        "policyName": NAME,
        "validationActions": ["Deny"],
        "matchResources": {
            "namespaceSelector": {
                "matchExpressions": [{ "key": "kubernetes.io/metadata.name", "operator": "In", "values": guarded }],
            },
        },
    });
    objects.push(guard(Object::of_cluster(Stage::DefaultDeny, &BINDING, NAME.to_owned(), spec, origins)));
}

fn guard(mut object: Object) -> Object {
    object.keep = true;
    object
}

fn rule(group: &str, resources: &[&str]) -> Value {
    json!({ "apiGroups": [group], "apiVersions": ["*"], "operations": ["CREATE", "UPDATE", "DELETE"], "resources": resources })
}

/// Asks who writes where the cluster says who may; else only whether the object carries our label, which anyone can write.
fn validation(plan: &ClusterPlan) -> Value {
    if plan.writers.is_empty() {
        let label = "app.kubernetes.io/managed-by";
        let labelled = |object: &str| {
            format!(
                "has({object}.metadata.labels) && '{label}' in {object}.metadata.labels && {object}.metadata.labels['{label}'] == '{MANAGED_BY}'"
            )
        };
        return json!({
            "expression": format!("request.operation == 'DELETE' ? ({}) : ({})", labelled("oldObject"), labelled("object")),
            "message": "this namespace is governed by ringfence: change the policy repository instead",
            "reason": "Forbidden",
        });
    }
    let writers =
        plan.writers.iter().map(|writer| Value::from(writer.clone()).to_string()).collect::<Vec<_>>().join(", ");
    // A namespace that is deleted is emptied by its controller, and owned objects by the garbage collector.
    let cleaners = ["namespace-controller", "generic-garbage-collector"];
    let cleaners = cleaners.map(|name| format!("\"system:serviceaccount:kube-system:{name}\"")).join(", ");
    json!({
        "expression": format!(
            "request.userInfo.username in [{writers}] || (request.operation == 'DELETE' && request.userInfo.username in [{cleaners}])"
        ),
        "message": "this namespace is governed by ringfence: change the policy repository instead",
        "reason": "Forbidden",
    })
}
