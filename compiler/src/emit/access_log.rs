//! Telemetry: the access logs that mandates oblige workloads to write.

use serde_json::{Value, json};

use super::object::{Kind, Object, Stage};
use crate::ir::{NamespacePlan, Origins};

const KIND: Kind = Kind("telemetry.istio.io/v1", "Telemetry");

pub(super) fn emit(namespace: &NamespacePlan, objects: &mut Vec<Object>) {
    if namespace.access_log.is_empty() || namespace.mtls.is_none() {
        return;
    }
    let providers: Vec<Value> = namespace.access_log.iter().map(|(name, _)| json!({ "name": name })).collect();
    let origins: Origins = namespace.access_log.iter().map(|(_, origin)| origin.clone()).collect();
    let spec = json!({ "accessLogging": [{ "providers": providers }] });
    objects.push(Object::new(Stage::Traffic, &KIND, &namespace.name, "ringfence".to_owned(), spec, origins));
}
