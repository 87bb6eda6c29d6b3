//! PeerAuthentications, RequestAuthentications, and what all three kinds share (`ValidatePeerAuthentication`,
//! `ValidateRequestAuthentication`).
//!
//! In: a spec. Out: objections.

use ringfence_compiler::yaml::Node;

use super::{Objections, field, items, text, texts};

/// What policies can be attached to.
const TARGETS: [(&str, &str); 5] = [
    ("", "Service"),
    ("core", "Service"),
    ("networking.istio.io", "ServiceEntry"),
    ("gateway.networking.k8s.io", "Gateway"),
    ("gateway.networking.k8s.io", "GatewayClass"),
];

/// Looks at `selector`, `targetRef` and `targetRefs`.
pub(super) fn attached(spec: &Node, to: &mut Objections<'_>) {
    let ways: Vec<&Node> =
        ["selector", "targetRef", "targetRefs"].iter().filter_map(|name| field(spec, name)).collect();
    if let [_, second, ..] = ways.as_slice() {
        to.say(second.span, "only one of `selector`, `targetRef` and `targetRefs` can be there");
    }
    selector(spec, to);
    let several = items(spec, "targetRefs");
    if several.len() > 16 {
        to.say(spec.span, "more than 16 `targetRefs`");
    }
    for target in several.iter().chain(field(spec, "targetRef")) {
        let word = |name: &str| field(target, name).and_then(Node::as_str).unwrap_or_default();
        if word("name").is_empty() {
            to.say(target.span, "a target without a name");
        }
        if !word("namespace").is_empty() {
            to.say(target.span, "a target has no `namespace`: it is in that of the policy");
        }
        if !TARGETS.contains(&(word("group"), word("kind"))) {
            let named = format!("`{}/{}`", word("group"), word("kind"));
            to.say(target.span, format!("{named} is neither a Service, a ServiceEntry, a Gateway nor a GatewayClass"));
        }
    }
}

fn selector(spec: &Node, to: &mut Objections<'_>) {
    let labels = field(spec, "selector").and_then(|selector| field(selector, "matchLabels")?.as_mapping());
    for entry in labels.map_or(&[][..], |labels| labels.entries()) {
        let (key, value) = (&entry.key.value, entry.value.as_str().unwrap_or_default());
        if key.is_empty() {
            to.say(entry.key.span, "a selector with an empty key");
        }
        if key.contains('*') || value.contains('*') {
            to.say(entry.key.span, "a selector has no wildcards");
        }
        if value.len() > 63 {
            to.say(entry.value.span, "a label has at most 63 characters");
        }
    }
}

pub(super) fn peers(spec: &Node, to: &mut Objections<'_>) {
    selector(spec, to);
    let labels = field(spec, "selector").and_then(|selector| field(selector, "matchLabels")?.as_mapping());
    let Some((ports, node)) = field(spec, "portLevelMtls").and_then(|node| Some((node.as_mapping()?, node))) else {
        return;
    };
    if labels.is_none_or(|labels| labels.entries().is_empty()) {
        to.say(node.span, "`portLevelMtls` without a selector");
    }
    if ports.entries().is_empty() {
        to.say(node.span, "`portLevelMtls` without a port");
    }
    for entry in ports.entries().iter().filter(|entry| entry.key.value == "0") {
        to.say(entry.key.span, "`0` is no port");
    }
}

pub(super) fn tokens(spec: &Node, to: &mut Objections<'_>) {
    attached(spec, to);
    for rule in items(spec, "jwtRules") {
        jwt_rule(rule, to);
    }
}

fn jwt_rule(rule: &Node, to: &mut Objections<'_>) {
    let word = |name: &str| field(rule, name).and_then(text);
    let at = |name: &str| field(rule, name).unwrap_or(rule).span;
    let keys: Vec<&str> =
        ["jwks", "jwksUri", "jwks_uri"].into_iter().filter(|name| field(rule, name).is_some()).collect();
    if let [_, second, ..] = keys.as_slice() {
        to.say(at(second), "only one of `jwks` and `jwksUri` can be there");
    }
    let address = word("jwksUri").or_else(|| word("jwks_uri"));
    if word("issuer").is_none() && address.is_none_or(|(address, _)| address.is_empty()) {
        to.say(rule.span, "a rule with neither `issuer` nor `jwksUri`");
    }
    if word("issuer").is_some_and(|(issuer, _)| issuer.is_empty()) {
        to.say(at("issuer"), "an empty `issuer`");
    }
    if let Some((address, node)) = address {
        let scheme = address.split_once("://").map_or("", |(scheme, _)| scheme).to_ascii_lowercase();
        if !["http", "https"].contains(&scheme.as_str()) {
            to.say(node.span, format!("`{address}` begins with neither `https://` nor `http://`"));
        }
    }
    if let Some((keys, node)) = word("jwks") {
        let read = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(keys);
        if !keys.is_empty() && read.is_err() {
            to.say(node.span, "`jwks` is no JSON of keys");
        }
    }
    if let Some((presence, node)) = word("presence")
        && !["OPTIONAL", "REQUIRED"].contains(&presence)
    {
        to.say(node.span, format!("`{presence}` is neither `OPTIONAL` nor `REQUIRED`"));
    }
    for list in ["audiences", "fromParams", "fromCookies", "spaceDelimitedClaims"] {
        for (_, node) in texts(rule, list).into_iter().filter(|(value, _)| value.is_empty()) {
            to.say(node.span, format!("an empty text in `{list}`"));
        }
    }
    for header in items(rule, "fromHeaders").iter().filter_map(|header| field(header, "name").and_then(text)) {
        if header.0.is_empty() {
            to.say(header.1.span, "a header without a name");
        }
    }
    for output in items(rule, "outputClaimToHeaders") {
        if let Some((claim, node)) = field(output, "claim").and_then(text)
            && claim.is_empty()
        {
            to.say(node.span, "an empty claim");
        }
        if let Some((header, node)) = field(output, "header").and_then(text) {
            let taken = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
            if header.is_empty() || !header.bytes().all(taken) {
                to.say(node.span, format!("`{header}` is no name of a header"));
            }
        }
    }
}
