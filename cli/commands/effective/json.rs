//! What holds, for programs: `{"version": 1, "asOf": …, "effective": […]}`.

use ringfence_compiler::spec::names::Day;
use serde_json::{Value, json};

use super::requests::Requests;
use super::rules::{Rule, Tokens};
use super::settings::{Field, Said};
use super::view::{Part, Place, View};

/// Renders the whole document.
pub(super) fn render(views: &[View], as_of: Day) -> String {
    let views: Vec<_> = views.iter().map(view).collect();
    format!("{:#}\n", json!({ "version": 1, "asOf": as_of.to_string(), "effective": views }))
}

fn view(view: &View) -> Value {
    let services: Vec<_> = view.services.iter().map(|(name, by)| json!({ "name": name, "reachedBy": by })).collect();
    json!({
        "kind": view.kind,
        "name": view.name,
        "aliases": view.aliases,
        "place": view.place.as_ref().map(place),
        "settings": view.fields.iter().map(field).collect::<Vec<_>>(),
        "services": services,
        "workloads": view.parts.iter().map(part).collect::<Vec<_>>(),
    })
}

fn part(part: &Part) -> Value {
    json!({
        "names": part.workloads,
        "dataPlane": part.data_plane,
        "ports": part.ports,
        "identities": part.identities,
        "settings": part.fields.iter().map(field).collect::<Vec<_>>(),
        "access": part.rules.iter().map(rule).collect::<Vec<_>>(),
        "tokens": tokens(&part.tokens),
    })
}

fn field(field: &Field) -> Value {
    let list = |said: &[Said]| said.iter().map(one).collect::<Vec<_>>();
    json!({
        "name": field.name,
        "value": field.value,
        "derivation": list(&field.steps),
        "bounds": list(&field.bounds),
        "exceptions": list(&field.exceptions),
    })
}

fn one(said: &Said) -> Value {
    let by = said.by.as_ref();
    json!({
        "what": said.what,
        "value": said.value,
        "by": by.map(|(id, _)| id),
        "place": by.map(|(_, at)| place(at)),
    })
}

fn rule(rule: &Rule) -> Value {
    json!({
        "what": rule.what,
        "requests": rule.requests.iter().map(requests).collect::<Vec<_>>(),
        "onTrial": rule.on_trial,
        "by": rule.by,
        "place": place(&rule.place),
        "clippedBy": rule.clipped_by.iter().map(by).collect::<Vec<_>>(),
        "reason": rule.reason,
    })
}

fn requests(requests: &Requests) -> Value {
    let headers: serde_json::Map<String, Value> =
        requests.headers.iter().map(|(name, values)| (name.clone(), json!(values))).collect();
    json!({
        "from": requests.from,
        "ports": requests.ports,
        "methods": requests.methods,
        "paths": requests.paths,
        "hosts": requests.hosts,
        "headers": headers,
        "token": requests.token,
    })
}

fn tokens(tokens: &Tokens) -> Value {
    let named = |list: &[(String, String, Place)]| {
        list.iter().map(|(name, id, at)| json!({ "name": name, "by": id, "place": place(at) })).collect::<Vec<_>>()
    };
    json!({
        "issuers": named(&tokens.issuers),
        "required": tokens.required.as_ref().map(by),
        "exempt": tokens.exempt,
        "externalAuthorization": named(&tokens.external),
    })
}

fn by((id, at): &(String, Place)) -> Value {
    json!({ "by": id, "place": place(at) })
}

fn place(place: &Place) -> Value {
    let mut written = json!({ "path": place.path, "line": place.line });
    if let (Some(used), Some(fields)) = (&place.used, written.as_object_mut()) {
        fields.insert("usedAt".to_owned(), self::place(used));
    }
    written
}
