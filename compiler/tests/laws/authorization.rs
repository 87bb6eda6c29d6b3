//! What a mesh does with emitted security objects, written from Istio's documentation and sources.
//!
//! In: objects of one cluster as another YAML reader reads them. Out: whether a request to a pod is admitted, and how
//! traffic arrives. It knows the fields we emit and panics on any other.

use ringfence_compiler::requests::Request;
use serde_json::Value;

use super::patterns;

/// The pod a request arrives at.
pub struct Pod<'a> {
    pub namespace: &'a str,
    /// The value of its label `app`.
    pub app: &'a str,
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().map(|items| items.iter().map(|item| item.as_str().unwrap()).collect()).unwrap_or_default()
}

/// Tells whether an object is of a kind, enforced, and about a pod. None of ours stands in the root namespace.
fn concerns(object: &Value, kind: &str, pod: &Pod<'_>) -> bool {
    let trial = object["metadata"]["annotations"]["istio.io/dry-run"] == "true";
    let selected = object["spec"]["selector"]["matchLabels"].as_object();
    object["kind"] == kind
        && object["metadata"]["namespace"] == pod.namespace
        && !trial
        && selected.is_none_or(|labels| labels.iter().all(|(key, value)| key == "app" && value == pod.app))
}

/// The rules of the policies about one pod.
pub struct Policies<'o> {
    deny: Vec<&'o Value>,
    allow: Vec<&'o Value>,
    /// Whether there is any ALLOW at all.
    closed: bool,
}

impl<'o> Policies<'o> {
    pub fn of(objects: &'o [Value], pod: &Pod<'_>) -> Self {
        let mut all = Self { deny: Vec::new(), allow: Vec::new(), closed: false };
        for object in objects.iter().filter(|object| concerns(object, "AuthorizationPolicy", pod)) {
            let rules = object["spec"]["rules"].as_array().into_iter().flatten();
            match object["spec"]["action"].as_str() {
                Some("DENY") => all.deny.extend(rules),
                None | Some("ALLOW") => {
                    all.closed = true;
                    all.allow.extend(rules);
                }
                other => panic!("nobody else is asked in these laws: {other:?}"),
            }
        }
        all
    }

    /// Decides as the proxy does: a DENY that matches, then an ALLOW that matches, if there is any ALLOW at all.
    pub fn admits(&self, request: &Request) -> bool {
        let matches = |rules: &[&Value], deny| rules.iter().any(|rule| rule_matches(rule, request, deny));
        !matches(&self.deny, true) && (!self.closed || matches(&self.allow, false))
    }
}

/// On a connection that is not HTTP a rule that asks for HTTP is dropped from an ALLOW, and loses what asks for it in a
/// DENY.
fn rule_matches(rule: &Value, request: &Request, deny: bool) -> bool {
    let http = !request.method.is_empty();
    let seen = |met: bool| if http { met } else { deny };
    let any = |values: &Value, meets: &dyn Fn(&str) -> bool| texts(values).into_iter().any(meets);
    let fields = |value: &Value, meets: &dyn Fn(&str, &Value) -> bool| {
        value.as_object().unwrap().iter().all(|(key, values)| meets(key, values))
    };
    let principal = request.identity.as_ref().map(ToString::to_string);
    let by = |pattern: &str| principal.as_deref().is_some_and(|principal| patterns::text(pattern, principal));
    let within = |net: &str| net.parse::<ipnet::IpNet>().unwrap().contains(&request.address);
    let source = |key: &str, values: &Value| match key {
        "principals" => any(values, &by),
        "notPrincipals" => !any(values, &by),
        "ipBlocks" => any(values, &within),
        "notIpBlocks" => !any(values, &within),
        "notRequestPrincipals" if texts(values) == ["*"] => seen(request.token.is_none()),
        _ => panic!("an unknown source {key}: {values}"),
    };
    let host = |pattern: &str| patterns::text(pattern, &request.host);
    let path = |pattern: &str| patterns::path(pattern, &request.path);
    let operation = |key: &str, values: &Value| match key {
        "ports" => any(values, &|port| port == request.port.to_string()),
        "notPorts" => !any(values, &|port| port == request.port.to_string()),
        "methods" => seen(any(values, &|method| method == request.method)),
        "hosts" => seen(any(values, &host)),
        "paths" => seen(any(values, &path)),
        "notPaths" => seen(!any(values, &path)),
        _ => panic!("an unknown operation {key}: {values}"),
    };
    let condition = |condition: &Value| {
        let key = condition["key"].as_str().unwrap();
        let wanted = texts(&condition["values"]);
        let inner = |prefix: &str| Some(key.strip_prefix(prefix)?.strip_suffix(']')?.to_owned());
        let one = |value: &str| wanted.iter().any(|pattern| patterns::text(pattern, value));
        if let Some(name) = inner("request.headers[") {
            return seen(request.headers.get(name.as_str()).is_some_and(|value| one(value)));
        }
        let claim = inner("request.auth.claims[").unwrap_or_else(|| panic!("an unknown condition {key}"));
        let Some(token) = &request.token else { return seen(false) };
        seen(match claim.as_str() {
            "iss" => one(&token.issuer),
            name => token.claims.get(name).is_some_and(|values| values.iter().any(|value| one(value))),
        })
    };
    let each = |key: &str, inner: &str, meets: &dyn Fn(&str, &Value) -> bool| {
        rule.get(key).is_none_or(|list| list.as_array().unwrap().iter().any(|item| fields(&item[inner], meets)))
    };
    each("from", "source", &source)
        && each("to", "operation", &operation)
        && rule.get("when").is_none_or(|list| list.as_array().unwrap().iter().all(condition))
}

/// Returns how traffic arrives at a port of a pod: the pod's own object decides, else the namespace's, else both may.
pub fn arrives(objects: &[Value], pod: &Pod<'_>, port: u16) -> String {
    let all: Vec<&Value> = objects.iter().filter(|object| concerns(object, "PeerAuthentication", pod)).collect();
    let (own, shared): (Vec<&Value>, Vec<&Value>) =
        all.into_iter().partition(|object| object["spec"].get("selector").is_some());
    let spec = |list: &[&Value]| list.first().map(|object| object["spec"].clone()).unwrap_or(Value::Null);
    let (own, shared) = (spec(&own), spec(&shared));
    let modes = [&own["portLevelMtls"][port.to_string()]["mode"], &own["mtls"]["mode"], &shared["mtls"]["mode"]];
    modes.into_iter().find_map(Value::as_str).unwrap_or("PERMISSIVE").to_owned()
}
