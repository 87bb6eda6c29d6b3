//! A waypoint: its Gateway, what it enforces for each Service, a NetworkPolicy for its pods, and a default deny.
//!
//! At a waypoint a policy without `targetRefs` is ignored (istio/istio: pilot/pkg/model/policyattachment.go), so that the default
//! deny of the namespace says nothing of it: there is one for the class of all waypoints, in the root namespace.

use serde_json::json;

use super::authorization::{self, Attached};
use super::object::{Object, Stage, fields};
use super::{access_log, gateway_api, network_policy, request_authentication};
use crate::ir::{ClusterPlan, NamespacePlan, WaypointPlan};
use crate::lower::CLASS;

/// The name of what denies by default at waypoints.
const DEFAULT_DENY: &str = "ringfence-waypoint-default-deny";

pub(super) fn emit(namespace: &NamespacePlan, objects: &mut Vec<Object>) {
    let Some(waypoint) = &namespace.waypoint else { return };
    gateway(&namespace.name, waypoint, objects);
    for door in &waypoint.doors {
        let at = Attached::Service(&door.service);
        authorization::policies(&namespace.name, &at, ("waypoint-", &door.service), &door.mesh, objects);
        let name = format!("ringfence-waypoint-{}", door.service);
        objects.extend(request_authentication::of(&namespace.name, &at, name, &door.mesh.issuers));
    }
    let at = Attached::Gateway(&waypoint.name);
    let name = format!("ringfence-waypoint-{}", waypoint.name);
    objects.extend(access_log::telemetry(&namespace.name, name.clone(), &waypoint.access_log, &at));
    if waypoint.default_deny {
        objects.push(default_deny(&namespace.name, &at, waypoint.origins.clone()));
    }
    if let Some(network) = &waypoint.network {
        let spec = network_policy::spec(&waypoint.labels, network);
        let mut origins = network.origins.clone();
        origins.extend(waypoint.origins.iter().cloned());
        objects.push(Object::new(Stage::Allow, &network_policy::KIND, &namespace.name, name, spec, origins));
    }
}

/// Writes what denies by default at every waypoint of a cluster, those to come among them.
pub(super) fn deny_all(plan: &ClusterPlan, objects: &mut Vec<Object>) {
    if plan.guards_waypoints {
        let waypoints = plan.namespaces.iter().filter_map(|namespace| namespace.waypoint.as_ref());
        let origins = waypoints.flat_map(|waypoint| waypoint.origins.iter().cloned()).collect();
        objects.push(default_deny(&plan.root_namespace, &Attached::Class(CLASS), origins));
    }
}

fn default_deny(namespace: &str, at: &Attached<'_>, origins: crate::ir::Origins) -> Object {
    let spec = at.spec().into();
    let name = DEFAULT_DENY.to_owned();
    let mut object = Object::new(Stage::DefaultDeny, &authorization::KIND, namespace, name, spec, origins);
    object.keep = true;
    object
}

/// Writes the Gateway, for Services of its own namespace alone.
fn gateway(namespace: &str, waypoint: &WaypointPlan, objects: &mut Vec<Object>) {
    let listener = json!({
        "name": "mesh", "port": 15008, "protocol": "HBONE",
        "allowedRoutes": { "namespaces": { "from": "Same" } },
    });
    let spec = fields([("gatewayClassName", CLASS.into()), ("listeners", json!([listener]))]);
    let (kind, origins) = (&gateway_api::GATEWAY, waypoint.origins.clone());
    let mut object = Object::new(Stage::Gateways, kind, namespace, waypoint.name.clone(), spec, origins);
    object.label("istio.io/waypoint-for", "service");
    objects.push(object);
}
