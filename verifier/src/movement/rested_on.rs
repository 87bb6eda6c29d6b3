//! What every answer rests on: whoever writes it undoes what policies say.
//!
//! Out: resources of the API by group, and which of them reach beyond their own namespace.

/// What answers rest on, by API group and resource.
pub const RESTED_ON: &[(&str, &str)] = &[
    ("security.istio.io", "authorizationpolicies"),
    ("security.istio.io", "peerauthentications"),
    ("security.istio.io", "requestauthentications"),
    ("networking.istio.io", "envoyfilters"),
    ("networking.istio.io", "gateways"),
    ("networking.istio.io", "virtualservices"),
    ("networking.istio.io", "serviceentries"),
    ("networking.istio.io", "sidecars"),
    ("networking.istio.io", "workloadentries"),
    ("extensions.istio.io", "wasmplugins"),
    ("gateway.networking.k8s.io", "gateways"),
    ("gateway.networking.k8s.io", "httproutes"),
    ("gateway.networking.k8s.io", "referencegrants"),
    ("networking.k8s.io", "networkpolicies"),
    ("policy.networking.k8s.io", "clusternetworkpolicies"),
    ("policy.networking.k8s.io", "adminnetworkpolicies"),
    ("policy.networking.k8s.io", "baselineadminnetworkpolicies"),
    ("admissionregistration.k8s.io", "mutatingwebhookconfigurations"),
    ("admissionregistration.k8s.io", "validatingwebhookconfigurations"),
    ("", "namespaces"),
];

/// Tells whether objects of a namespace may change what other namespaces do: hosts and routes are seen everywhere unless they say
/// otherwise.
pub(super) fn is_far_reaching(group: &str, resource: &str) -> bool {
    group == "networking.istio.io" && matches!(resource, "virtualservices" | "serviceentries" | "gateways")
        || group == "gateway.networking.k8s.io" && resource == "gateways"
}
