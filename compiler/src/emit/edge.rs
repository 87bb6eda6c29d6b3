//! Whom a gateway admits: RequestAuthentication and one ALLOW at it, beside what its flavor is written in.

use serde_json::{Map, Value, json};

use super::object::{Object, Stage, labels};
use super::{authorization, gateway_api, istio_routing, request_authentication};
use crate::ir::{GatewayPlan, Origins};
use crate::spec::cluster::Flavor;

pub(super) fn emit(gateway: &GatewayPlan, objects: &mut Vec<Object>) {
    match gateway.flavor {
        Flavor::GatewayApi => gateway_api::gateway(gateway, objects),
        Flavor::Istio => istio_routing::gateway(gateway, objects),
    }
    if gateway.rules.is_empty() {
        return;
    }
    let name = format!("ringfence-edge-{}", gateway.name).to_lowercase();
    if !gateway.issuers.is_empty() {
        let rules: Vec<Value> =
            gateway.issuers.iter().map(|(issuer, _)| request_authentication::rule(issuer)).collect();
        let mut spec = target(gateway);
        spec.insert("jwtRules".to_owned(), rules.into());
        let mut origins: Origins = gateway.issuers.iter().map(|(_, origin)| origin.clone()).collect();
        origins.extend(gateway.origins.iter().cloned());
        let kind = &request_authentication::KIND;
        objects.push(Object::new(Stage::Identity, kind, &gateway.namespace, name.clone(), spec.into(), origins));
    }
    for (part, rules) in gateway.rules.chunks(authorization::MOST_RULES).enumerate() {
        let mut spec = target(gateway);
        spec.insert("action".to_owned(), "ALLOW".into());
        spec.insert("rules".to_owned(), rules.iter().map(authorization::rule).collect());
        let name = if part == 0 { name.clone() } else { format!("{name}.{}", part + 1) };
        let origins = rules.iter().flat_map(|rule| rule.origins.iter().cloned()).collect();
        let mut object =
            Object::new(Stage::Allow, &authorization::KIND, &gateway.namespace, name, spec.into(), origins);
        // Without it the gateway lets everybody in.
        object.keep = true;
        objects.push(object);
    }
}

/// Returns what attaches a policy to the gateway. Only pods that a Gateway object makes belong to it as far as policies go:
/// at others one with `targetRefs` is ignored without a word (istio/istio: pilot/pkg/model/policyattachment.go).
fn target(gateway: &GatewayPlan) -> Map<String, Value> {
    let mut spec = Map::new();
    if gateway.flavor == Flavor::GatewayApi && gateway.service.is_none() {
        let name = gateway.name.to_lowercase();
        let reference = json!([{ "group": gateway_api::GROUP, "kind": "Gateway", "name": name }]);
        spec.insert("targetRefs".to_owned(), reference);
    } else {
        spec.insert("selector".to_owned(), json!({ "matchLabels": labels(&gateway.labels) }));
    }
    spec
}
