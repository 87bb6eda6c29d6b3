//! Telemetry: the access logs that mandates oblige workloads to write.

use serde_json::{Value, json};

use super::object::{Kind, Object, Stage, labels};
use crate::inventory::Labels;
use crate::ir::{NamespacePlan, Origins};
use crate::resolve::statements::Origin;

const KIND: Kind = Kind("telemetry.istio.io/v1", "Telemetry");

pub(super) fn emit(namespace: &NamespacePlan, objects: &mut Vec<Object>) {
    if namespace.is_meshed() {
        objects.extend(telemetry(&namespace.name, "ringfence".to_owned(), &namespace.access_log, None));
    }
    for unit in &namespace.units {
        let Some(mesh) = &unit.mesh else { continue };
        let name = format!("ringfence-{}", unit.name);
        objects.extend(telemetry(&namespace.name, name, &mesh.access_log, Some(&unit.selector)));
    }
}

fn telemetry(namespace: &str, name: String, log: &[(String, Origin)], selector: Option<&Labels>) -> Option<Object> {
    if log.is_empty() {
        return None;
    }
    let providers: Vec<Value> = log.iter().map(|(name, _)| json!({ "name": name })).collect();
    let origins: Origins = log.iter().map(|(_, origin)| origin.clone()).collect();
    let logging = json!([{ "providers": providers }]);
    let spec = match selector {
        Some(selector) => json!({ "selector": { "matchLabels": labels(selector) }, "accessLogging": logging }),
        None => json!({ "accessLogging": logging }),
    };
    Some(Object::new(Stage::Traffic, &KIND, namespace, name, spec, origins))
}
