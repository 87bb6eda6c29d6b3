//! Telemetry: the access logs that mandates oblige workloads to write.

use serde_json::{Value, json};

use super::authorization::Attached;
use super::object::{Kind, Object, Stage};
use crate::ir::{NamespacePlan, Origins};
use crate::resolve::statements::Origin;

const KIND: Kind = Kind("telemetry.istio.io/v1", "Telemetry");

pub(super) fn emit(namespace: &NamespacePlan, objects: &mut Vec<Object>) {
    if namespace.is_meshed() {
        objects.extend(telemetry(&namespace.name, "ringfence".to_owned(), &namespace.access_log, &Attached::Namespace));
    }
    for unit in &namespace.units {
        let Some(mesh) = &unit.mesh else { continue };
        let name = format!("ringfence-{}", unit.name);
        objects.extend(telemetry(&namespace.name, name, &mesh.access_log, &Attached::Pods(&unit.selector)));
    }
}

/// Writes the one object of a place; none where no log is kept.
pub(super) fn telemetry(namespace: &str, name: String, log: &[(String, Origin)], at: &Attached<'_>) -> Option<Object> {
    if log.is_empty() {
        return None;
    }
    let providers: Vec<Value> = log.iter().map(|(name, _)| json!({ "name": name })).collect();
    let origins: Origins = log.iter().map(|(_, origin)| origin.clone()).collect();
    let mut spec = at.spec();
    spec.insert("accessLogging".to_owned(), json!([{ "providers": providers }]));
    Some(Object::new(Stage::Traffic, &KIND, namespace, name, spec.into(), origins))
}
