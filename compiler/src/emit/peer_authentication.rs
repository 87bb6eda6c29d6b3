//! PeerAuthentication: one a namespace, and one for each unit that differs.

use serde_json::{Map, Value, json};

use super::object::{Kind, Object, Stage, labels};
use crate::ir::NamespacePlan;
use crate::spec::authentication::MtlsMode;

const KIND: Kind = Kind("security.istio.io/v1", "PeerAuthentication");

pub(super) fn emit(namespace: &NamespacePlan, objects: &mut Vec<Object>) {
    if let Some((mode, origins)) = &namespace.mtls {
        let spec = json!({ "mtls": { "mode": word(*mode) } });
        let mut origins = origins.clone();
        origins.insert(namespace.origin.clone());
        objects.push(Object::new(Stage::Identity, &KIND, &namespace.name, "ringfence".to_owned(), spec, origins));
    }
    for unit in &namespace.units {
        let Some((mode, ports, origins)) = unit.mesh.as_ref().and_then(|mesh| mesh.mtls.as_ref()) else { continue };
        let mut spec = json!({
            "selector": { "matchLabels": labels(&unit.selector) },
            "mtls": { "mode": word(*mode) },
        });
        if let (false, Some(spec)) = (ports.is_empty(), spec.as_object_mut()) {
            let by_port = ports.iter().map(|(port, mode)| (port.to_string(), json!({ "mode": word(*mode) })));
            spec.insert("portLevelMtls".to_owned(), Value::Object(by_port.collect::<Map<_, _>>()));
        }
        let mut origins = origins.clone();
        origins.insert(unit.origin.clone());
        objects.push(Object::of_unit(Stage::Identity, &KIND, namespace, unit, spec, origins));
    }
}

fn word(mode: MtlsMode) -> &'static str {
    match mode {
        MtlsMode::Strict => "STRICT",
        MtlsMode::Permissive => "PERMISSIVE",
        MtlsMode::Disable => "DISABLE",
    }
}
