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

/// What answers may rest on beside: kinds that not every cluster has or heeds, what opens another way in, and what the guard over policies
/// is made of.
pub(super) const MAY_REST_ON: &[(&str, &str)] = &[
    ("networking.istio.io", "destinationrules"),
    ("networking.istio.io", "proxyconfigs"),
    ("networking.istio.io", "workloadgroups"),
    ("gateway.networking.k8s.io", "backendtlspolicies"),
    ("gateway.networking.k8s.io", "gatewayclasses"),
    ("gateway.networking.k8s.io", "grpcroutes"),
    ("gateway.networking.k8s.io", "listenersets"),
    ("gateway.networking.k8s.io", "tcproutes"),
    ("gateway.networking.k8s.io", "tlsroutes"),
    ("gateway.networking.k8s.io", "udproutes"),
    ("gateway.networking.x-k8s.io", "xlistenersets"),
    ("networking.k8s.io", "ingressclasses"),
    ("networking.k8s.io", "ingresses"),
    ("cilium.io", "ciliumclusterwidenetworkpolicies"),
    ("cilium.io", "ciliumnetworkpolicies"),
    ("crd.antrea.io", "clusternetworkpolicies"),
    ("crd.antrea.io", "networkpolicies"),
    ("crd.projectcalico.org", "globalnetworkpolicies"),
    ("crd.projectcalico.org", "networkpolicies"),
    ("projectcalico.org", "globalnetworkpolicies"),
    ("projectcalico.org", "networkpolicies"),
    ("admissionregistration.k8s.io", "mutatingadmissionpolicies"),
    ("admissionregistration.k8s.io", "mutatingadmissionpolicybindings"),
    ("admissionregistration.k8s.io", "validatingadmissionpolicies"),
    ("admissionregistration.k8s.io", "validatingadmissionpolicybindings"),
];

/// Tells whether it changes what others write: their pods, and their roles.
pub(super) fn changes_others(resource: &str) -> bool {
    let kinds = ["mutatingwebhookconfigurations", "mutatingadmissionpolicies", "mutatingadmissionpolicybindings"];
    kinds.contains(&resource)
}

/// Tells whether objects of a namespace may change what other namespaces do: hosts and routes are seen everywhere unless they say
/// otherwise.
pub(super) fn is_far_reaching(group: &str, resource: &str) -> bool {
    group == "networking.istio.io"
        && matches!(resource, "virtualservices" | "serviceentries" | "gateways" | "destinationrules")
        || group == "gateway.networking.k8s.io" && resource == "gateways"
}
