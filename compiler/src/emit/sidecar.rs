//! Sidecar: what a proxy is told about. Hygiene, and labelled so: a workload can walk past its own sidecar.

use std::collections::BTreeSet;

use serde_json::json;

use super::object::{Kind, Object, Stage, fields, labels};
use crate::ir::{ClusterPlan, NamespacePlan};
use crate::spec::mandates::EgressMode;

const KIND: Kind = Kind("networking.istio.io/v1", "Sidecar");

pub(super) fn emit(plan: &ClusterPlan, namespace: &NamespacePlan, objects: &mut Vec<Object>) {
    for unit in &namespace.units {
        let Some(sidecar) = unit.mesh.as_ref().and_then(|mesh| mesh.sidecar.as_ref()) else { continue };
        let mut hosts: BTreeSet<String> = sidecar.namespaces.iter().map(|namespace| format!("{namespace}/*")).collect();
        hosts.insert(format!("{}/*", plan.root_namespace));
        hosts.extend(sidecar.hosts.iter().cloned());
        let mode = match sidecar.egress {
            EgressMode::RegistryOnly => "REGISTRY_ONLY",
            EgressMode::Any => "ALLOW_ANY",
        };
        let spec = fields([
            ("workloadSelector", fields([("labels", labels(&unit.selector))])),
            ("outboundTrafficPolicy", json!({ "mode": mode })),
            ("egress", json!([{ "hosts": hosts }])),
        ]);
        let mut origins = sidecar.origins.clone();
        origins.insert(unit.origin.clone());
        let mut object = Object::of_unit(Stage::Traffic, &KIND, namespace, unit, spec, origins);
        object.label("ringfence/boundary", "none");
        objects.push(object);
    }
}
