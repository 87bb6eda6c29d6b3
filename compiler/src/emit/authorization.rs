//! AuthorizationPolicy: one merged ALLOW a unit, DENYs for denies, ceilings and missing tokens, and a default deny.

use serde_json::{Map, Value, json};

use super::gateway_api;
use super::object::{Kind, Object, Stage, fields, labels};
use crate::inventory::Labels;
use crate::ir::{MeshPlan, NamespacePlan, Origins, Rule};

pub(super) const KIND: Kind = Kind("security.istio.io/v1", "AuthorizationPolicy");
/// The most rules one object may hold (istio/api: security/v1beta1/authorization_policy.proto).
pub(super) const MOST_RULES: usize = 512;

pub(super) fn emit(namespace: &NamespacePlan, objects: &mut Vec<Object>) {
    for (rules, on_trial) in [(&namespace.ceilings, false), (&namespace.ceilings_on_trial, true)] {
        let policy =
            Policy { stage: Stage::Deny, action: "DENY", name: "ringfence-ceiling", rules, on_trial, provider: None };
        policy.emit(&namespace.name, &Attached::Namespace, objects);
    }
    for unit in &namespace.units {
        if let Some(mesh) = &unit.mesh {
            policies(&namespace.name, &Attached::Pods(&unit.selector), ("", &unit.name), mesh, objects);
        }
    }
    if namespace.units.iter().any(|unit| unit.mesh.is_some()) || namespace.is_meshed() {
        let origins: Origins = [namespace.origin.clone()].into();
        let mut object = Object::new(
            Stage::DefaultDeny,
            &KIND,
            &namespace.name,
            "ringfence-default-deny".to_owned(),
            json!({}),
            origins,
        );
        object.keep = true;
        objects.push(object);
    }
}

/// What a policy is attached to.
pub(super) enum Attached<'a> {
    /// Every pod of its namespace.
    Namespace,
    /// Pods with these labels.
    Pods(&'a Labels),
    /// What is called by a Service, at the waypoint before it.
    Service(&'a str),
    /// A Gateway.
    Gateway(&'a str),
    /// Every Gateway of a class.
    Class(&'a str),
}

impl Attached<'_> {
    /// Returns the spec of a policy that is attached so.
    pub fn spec(&self) -> Map<String, Value> {
        let target = |group: &str, kind: &str, name: &str| json!([{ "group": group, "kind": kind, "name": name }]);
        let attached = match self {
            Self::Namespace => return Map::new(),
            Self::Pods(pods) => ("selector", fields([("matchLabels", labels(pods))])),
            Self::Service(name) => ("targetRefs", target("", "Service", name)),
            Self::Gateway(name) => ("targetRefs", target(gateway_api::GROUP, "Gateway", name)),
            Self::Class(name) => ("targetRefs", target(gateway_api::GROUP, "GatewayClass", name)),
        };
        [(attached.0.to_owned(), attached.1)].into_iter().collect()
    }
}

/// Writes the policies of one place; a name is made of what stands before the purpose and what stands after it.
pub(super) fn policies(
    namespace: &str,
    attached: &Attached<'_>,
    (before, after): (&str, &str),
    mesh: &MeshPlan,
    objects: &mut Vec<Object>,
) {
    let mut emit = |stage, action, purpose: &str, rules: &[Rule], on_trial, provider| {
        let name = format!("ringfence-{before}{purpose}-{after}");
        let policy = Policy { stage, action, name: &name, rules, on_trial, provider };
        policy.emit(namespace, attached, objects);
    };
    emit(Stage::Deny, "DENY", "ceiling", &mesh.ceilings, false, None);
    emit(Stage::Deny, "DENY", "ceiling", &mesh.ceilings_on_trial, true, None);
    emit(Stage::Deny, "DENY", "deny", &mesh.deny, false, None);
    emit(Stage::Deny, "DENY", "deny", &mesh.deny_on_trial, true, None);
    emit(Stage::Deny, "DENY", "token", &mesh.token, false, None);
    if let Some((provider, rules)) = &mesh.ask {
        emit(Stage::Deny, "CUSTOM", "ask", rules, false, Some(provider.as_str()));
    }
    emit(Stage::Allow, "ALLOW", "allow", &mesh.allow, false, None);
    emit(Stage::Allow, "ALLOW", "allow", &mesh.allow_on_trial, true, None);
}

/// One policy to be written; none is where there are no rules.
struct Policy<'a> {
    stage: Stage,
    action: &'static str,
    name: &'a str,
    rules: &'a [Rule],
    on_trial: bool,
    provider: Option<&'a str>,
}

impl Policy<'_> {
    fn emit(&self, namespace: &str, attached: &Attached<'_>, objects: &mut Vec<Object>) {
        for (part, rules) in self.rules.chunks(MOST_RULES).enumerate() {
            let mut spec = attached.spec();
            spec.insert("action".to_owned(), self.action.into());
            if let Some(provider) = self.provider {
                spec.insert("provider".to_owned(), json!({ "name": provider }));
            }
            spec.insert("rules".to_owned(), rules.iter().map(rule).collect());
            // The trial comes first in the name, where no unit's name can be mistaken for it.
            let name = if self.on_trial {
                self.name.replacen("ringfence-", "ringfence-trial-", 1)
            } else {
                self.name.to_owned()
            };
            let name = if part == 0 { name } else { format!("{name}.{}", part + 1) };
            let origins = rules.iter().flat_map(|rule| rule.origins.iter().cloned()).collect();
            let mut object = Object::new(self.stage, &KIND, namespace, name, spec.into(), origins);
            if self.on_trial {
                object.annotation("istio.io/dry-run", "true");
            }
            objects.push(object);
        }
    }
}

pub(super) fn rule(rule: &Rule) -> Value {
    let mut source = Map::new();
    let mut operation = Map::new();
    let texts = |map: &mut Map<String, Value>, key: &str, values: &[String]| {
        if !values.is_empty() {
            map.insert(key.to_owned(), values.into());
        }
    };
    texts(&mut source, "principals", &rule.principals);
    texts(&mut source, "notPrincipals", &rule.not_principals);
    texts(&mut source, "notRequestPrincipals", &rule.not_request_principals);
    texts(&mut source, "ipBlocks", &rule.ip_blocks);
    texts(&mut source, "notIpBlocks", &rule.not_ip_blocks);
    texts(&mut source, "remoteIpBlocks", &rule.remote_ip_blocks);
    let ports = |ports: &[u16]| ports.iter().map(ToString::to_string).collect::<Vec<_>>();
    texts(&mut operation, "hosts", &rule.hosts);
    texts(&mut operation, "notHosts", &rule.not_hosts);
    texts(&mut operation, "ports", &ports(&rule.ports));
    texts(&mut operation, "notPorts", &ports(&rule.not_ports));
    texts(&mut operation, "methods", &rule.methods);
    texts(&mut operation, "paths", &rule.paths);
    texts(&mut operation, "notPaths", &rule.not_paths);
    let mut written = Map::new();
    // Empty lists are never written: Istio reads `from: []` as any source.
    if !source.is_empty() {
        written.insert("from".to_owned(), vec![fields([("source", source.into())])].into());
    }
    if !operation.is_empty() {
        written.insert("to".to_owned(), vec![fields([("operation", operation.into())])].into());
    }
    if !rule.when.is_empty() {
        let when: Vec<Value> = rule.when.iter().map(|(key, values)| json!({ "key": key, "values": values })).collect();
        written.insert("when".to_owned(), when.into());
    }
    written.into()
}
