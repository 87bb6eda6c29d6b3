//! From what is enforced to Kubernetes objects.
//!
//! In: a [`ClusterPlan`]. Out: [`Object`]s, each with its stage, value and reasons. One file a kind of object; none of them
//! decides anything.

mod access_log;
mod authorization;
mod edge;
mod egress;
mod gateway_api;
mod guard;
mod istio_routing;
mod machines;
mod network_policy;
mod object;
mod peer_authentication;
mod request_authentication;
mod sidecar;
mod waypoint;

pub use object::{MANAGED_BY, Object, Stage};

/// The kinds that are written, each with its group, and whether it is of the whole cluster. A test holds the list to the
/// declarations in the files of this folder.
pub const KINDS: &[(&str, &str, bool)] = &[
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy", true),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding", true),
    ("gateway.networking.k8s.io", "GRPCRoute", false),
    ("gateway.networking.k8s.io", "Gateway", false),
    ("gateway.networking.k8s.io", "HTTPRoute", false),
    ("gateway.networking.k8s.io", "ListenerSet", false),
    ("gateway.networking.k8s.io", "ReferenceGrant", false),
    ("gateway.networking.k8s.io", "TLSRoute", false),
    ("networking.istio.io", "DestinationRule", false),
    ("networking.istio.io", "Gateway", false),
    ("networking.istio.io", "ServiceEntry", false),
    ("networking.istio.io", "Sidecar", false),
    ("networking.istio.io", "VirtualService", false),
    ("networking.istio.io", "WorkloadEntry", false),
    ("networking.istio.io", "WorkloadGroup", false),
    ("networking.k8s.io", "NetworkPolicy", false),
    ("security.istio.io", "AuthorizationPolicy", false),
    ("security.istio.io", "PeerAuthentication", false),
    ("security.istio.io", "RequestAuthentication", false),
    ("telemetry.istio.io", "Telemetry", false),
];

use crate::ir::ClusterPlan;
use crate::source::Sources;
use crate::spec::cluster::Flavor;

/// Writes every object of a cluster, sorted by stage, namespace, kind and name.
#[must_use]
pub fn emit(plan: &ClusterPlan, sources: &Sources) -> Vec<Object> {
    let mut objects = Vec::new();
    for namespace in &plan.namespaces {
        peer_authentication::emit(namespace, &mut objects);
        request_authentication::emit(namespace, &mut objects);
        authorization::emit(namespace, &mut objects);
        network_policy::emit(namespace, &mut objects);
        sidecar::emit(plan, namespace, &mut objects);
        access_log::emit(namespace, &mut objects);
        machines::emit(namespace, &mut objects);
        waypoint::emit(namespace, &mut objects);
    }
    waypoint::deny_all(plan, &mut objects);
    for gateway in &plan.gateways {
        edge::emit(gateway, &mut objects);
    }
    egress::emit(plan, &mut objects);
    for route in &plan.routes {
        match route.flavor {
            Flavor::GatewayApi => gateway_api::service_route(route, &mut objects),
            Flavor::Istio => istio_routing::service_route(route, &mut objects),
        }
    }
    istio_routing::subsets(&plan.routes, &mut objects);
    guard::emit(plan, &mut objects);
    for (manifest, origin) in &plan.raws {
        objects.push(Object::raw(manifest.clone(), origin.clone()));
    }
    // What a namespace says of its Services holds for hosts outside as well, which its waypoint is told nothing of.
    let behind: Vec<&str> =
        plan.namespaces.iter().filter(|it| it.waypoint.is_some()).map(|namespace| namespace.name.as_str()).collect();
    let is_entry = |object: &&mut Object| {
        object.kind == "ServiceEntry"
            && object.namespace.as_deref().is_some_and(|namespace| behind.contains(&namespace))
    };
    objects.iter_mut().filter(is_entry).for_each(|object| object.label("istio.io/use-waypoint", "none"));
    for object in &mut objects {
        object.annotate(sources);
    }
    objects.sort_by(|a, b| a.key().cmp(&b.key()));
    objects
}
