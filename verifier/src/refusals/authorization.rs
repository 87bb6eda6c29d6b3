//! AuthorizationPolicies (`ValidateAuthorizationPolicy`).
//!
//! In: a spec. Out: objections.

use ringfence_compiler::yaml::{Node, Value};

use super::values::{self, Attribute};
use super::{Objections, field, istio, items, text, texts};

/// The fields of a source, each with its negation.
const SOURCE: [&str; 7] =
    ["principals", "requestPrincipals", "namespaces", "serviceAccounts", "trustDomains", "ipBlocks", "remoteIpBlocks"];

/// The fields of an operation, each with its negation.
const OPERATION: [&str; 4] = ["hosts", "ports", "methods", "paths"];

/// The most items that the schema takes of a list.
const MOST: usize = 512;

pub(super) fn object(spec: &Node, to: &mut Objections<'_>) {
    istio::attached(spec, to);
    let action = field(spec, "action").and_then(Node::as_str).unwrap_or("ALLOW");
    let provider = field(spec, "provider");
    let rules = items(spec, "rules");
    match (action, provider) {
        ("CUSTOM", _) if rules.is_empty() => to.say(spec.span, "CUSTOM without `rules` asks nobody"),
        ("CUSTOM", provider)
            if provider.and_then(|provider| field(provider, "name")?.as_str()).unwrap_or_default().is_empty() =>
        {
            to.say(provider.unwrap_or(spec).span, "CUSTOM without `provider.name`");
        }
        ("CUSTOM", _) => {}
        (_, Some(provider)) => to.say(provider.span, format!("{action} has no `provider`, only CUSTOM has one")),
        ("DENY", None) if rules.is_empty() => to.say(spec.span, "DENY without `rules` denies nothing"),
        _ => {}
    }
    if rules.len() > MOST {
        to.say(spec.span, format!("more than {MOST} rules"));
    }
    for rule in rules {
        if rule.value == Value::Null {
            to.say(rule.span, "a rule that is `null`, write `{}` for one that asks nothing");
            continue;
        }
        clauses(rule, "from", "source", &SOURCE, to);
        clauses(rule, "to", "operation", &OPERATION, to);
        items(rule, "from").iter().filter_map(|from| field(from, "source")).for_each(|from| source(from, action, to));
        items(rule, "to").iter().filter_map(|item| field(item, "operation")).for_each(|item| operation(item, to));
        items(rule, "when").iter().for_each(|when| condition(when, action, to));
    }
}

/// Each item of `from` and `to` has to ask something.
fn clauses(rule: &Node, list: &str, inner: &str, known: &[&str], to: &mut Objections<'_>) {
    let items = items(rule, list);
    if items.len() > MOST {
        to.say(rule.span, format!("more than {MOST} items of `{list}`"));
    }
    for item in items {
        let Some(asked) = field(item, inner) else {
            to.say(item.span, format!("an item of `{list}` without `{inner}`"));
            continue;
        };
        if known.iter().all(|name| both(asked, name).is_empty()) {
            to.say(asked.span, format!("`{inner}` asks nothing"));
        }
    }
}

/// Returns what is written under a name and under its negation.
fn both<'n>(node: &'n Node, name: &str) -> Vec<(&'n str, &'n Node)> {
    let mut all = texts(node, name);
    all.extend(texts(node, &negation(name)));
    all
}

fn negation(name: &str) -> String {
    let (first, rest) = name.split_at_checked(1).unwrap_or_default();
    format!("not{}{rest}", first.to_ascii_uppercase())
}

fn source(source: &Node, action: &str, to: &mut Objections<'_>) {
    let has = |name: &str| field(source, name).is_some() || field(source, &negation(name)).is_some();
    if has("serviceAccounts") && (has("principals") || has("namespaces")) {
        to.say(source.span, "`serviceAccounts` beside `principals` or `namespaces`");
    }
    for name in SOURCE {
        for (value, node) in both(source, name) {
            let wrong = match name {
                "ipBlocks" | "remoteIpBlocks" => (!values::is_address(value)).then(|| no_address(value)),
                "serviceAccounts" => values::account(value),
                "trustDomains" if value.contains('/') => Some(format!("`{value}` is no trust domain")),
                "trustDomains" => empty(value).or_else(|| values::stars(value)),
                _ => empty(value),
            };
            if let Some(wrong) = wrong {
                to.say(node.span, wrong);
            } else if action == "CUSTOM" && !name.ends_with("Blocks") {
                to.say(node.span, format!("CUSTOM does not support `{name}`"));
            }
        }
    }
    too_many_accounts(source, "serviceAccounts", to);
    too_many_accounts(source, "notServiceAccounts", to);
}

fn too_many_accounts(node: &Node, list: &str, to: &mut Objections<'_>) {
    if items(node, list).len() > 16 {
        to.say(field(node, list).unwrap_or(node).span, "more than 16 service accounts");
    }
}

fn operation(operation: &Node, to: &mut Objections<'_>) {
    for name in OPERATION {
        for (value, node) in both(operation, name) {
            let wrong = match name {
                "ports" => (!values::is_port(value)).then(|| no_port(value)),
                "paths" => empty(value).or_else(|| values::path(value)),
                _ => empty(value),
            };
            if let Some(wrong) = wrong {
                to.say(node.span, wrong);
            }
        }
    }
}

fn condition(when: &Node, action: &str, to: &mut Objections<'_>) {
    let Some((key, node)) = field(when, "key").and_then(text) else { return };
    if key.is_empty() {
        to.say(node.span, "a condition with an empty `key`");
        return;
    }
    let asked = both(when, "values");
    if asked.is_empty() {
        to.say(when.span, format!("a condition on `{key}` with neither `values` nor `notValues`"));
        return;
    }
    let attribute = match values::attribute(key) {
        Ok(attribute) => attribute,
        Err(wrong) => return to.say(node.span, wrong),
    };
    let of_peer = ["source.namespace", "source.serviceAccount", "source.trustDomain", "source.principal"];
    if action == "CUSTOM" && (of_peer.contains(&key) || key.starts_with("request.auth.")) {
        to.say(node.span, format!("CUSTOM does not support `{key}`"));
    }
    for (value, node) in asked {
        let wrong = empty(value).or_else(|| match attribute {
            Attribute::Words => None,
            Attribute::Addresses => (!values::is_address(value)).then(|| no_address(value)),
            Attribute::Ports => (!values::is_port(value)).then(|| no_port(value)),
            Attribute::Accounts => values::account(value),
            Attribute::Stars => values::stars(value),
        });
        if let Some(wrong) = wrong {
            to.say(node.span, wrong);
        }
    }
    if matches!(attribute, Attribute::Accounts) {
        too_many_accounts(when, "values", to);
        too_many_accounts(when, "notValues", to);
    }
}

fn empty(value: &str) -> Option<String> {
    value.is_empty().then(|| "an empty value".to_owned())
}

fn no_address(value: &str) -> String {
    format!("`{value}` is neither an address nor a block of addresses")
}

fn no_port(value: &str) -> String {
    format!("`{value}` is no port: names of ports are not known here")
}
