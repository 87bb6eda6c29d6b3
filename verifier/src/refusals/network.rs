//! NetworkPolicies (`ValidateNetworkPolicy`) and policies of the tiers.
//!
//! In: a spec. Out: objections. Of the tiers only what every version of their schemas refuses is said here; reading them says
//! more.

use ipnet::IpNet;
use ringfence_compiler::yaml::{Node, Value};

use super::{Objections, field, items, text, texts, values};
use crate::kubernetes::tier_version::words;

pub(super) fn policy(spec: &Node, to: &mut Objections<'_>) {
    selector(spec, "podSelector", to);
    for (list, peers) in [("ingress", "from"), ("egress", "to")] {
        for rule in items(spec, list) {
            items(rule, "ports").iter().for_each(|one| port(one, to));
            items(rule, peers).iter().for_each(|one| peer(one, to));
        }
    }
    let types = texts(spec, "policyTypes");
    for (word, node) in &types {
        if !["Ingress", "Egress"].contains(word) {
            to.say(node.span, format!("`{word}` is neither `Ingress` nor `Egress`"));
        }
    }
    if types.len() > 2 {
        to.say(field(spec, "policyTypes").unwrap_or(spec).span, "more than two `policyTypes`");
    }
}

/// Looks at a port, and whether its end follows its beginning.
fn port(port: &Node, to: &mut Objections<'_>) {
    if let Some((protocol, node)) = field(port, "protocol").and_then(text)
        && !["TCP", "UDP", "SCTP"].contains(&protocol)
    {
        to.say(node.span, format!("`{protocol}` is neither `TCP`, `UDP` nor `SCTP`"));
    }
    let end = field(port, "endPort");
    match (field(port, "port"), end) {
        (None, Some(end)) => to.say(end.span, "`endPort` without `port`"),
        (Some(first), end) => match (number(first), first.as_str()) {
            (Some(first_number), _) => {
                if !(1..=65_535).contains(&first_number) {
                    to.say(first.span, format!("`{first_number}` is no port"));
                }
                if let Some(last) = end.filter(|end| number(end).is_some_and(|last| last < first_number)) {
                    to.say(last.span, "`endPort` comes before `port`");
                }
            }
            (None, Some(name)) => {
                if !values::is_port_name(name) {
                    to.say(first.span, format!("`{name}` is no name of a port"));
                }
                if let Some(end) = end {
                    to.say(end.span, "`endPort` beside a port with a name");
                }
            }
            (None, None) => {}
        },
        (None, None) => {}
    }
}

fn number(node: &Node) -> Option<i64> {
    if let Value::Number(number) = &node.value { number.as_i64() } else { None }
}

fn peer(peer: &Node, to: &mut Objections<'_>) {
    selector(peer, "podSelector", to);
    selector(peer, "namespaceSelector", to);
    let Some(block) = field(peer, "ipBlock") else { return };
    if ["podSelector", "namespaceSelector"].iter().any(|name| field(peer, name).is_some()) {
        to.say(block.span, "`ipBlock` beside a selector");
    }
    let Some(whole) = field(block, "cidr").and_then(|node| node.as_str()?.parse::<IpNet>().ok()) else { return };
    for (written, node) in texts(block, "except") {
        // What is no block at all is said by whoever reads it.
        let is_within = |except: IpNet| whole.contains(&except) && except.prefix_len() > whole.prefix_len();
        if written.parse::<IpNet>().is_ok_and(|except| !is_within(except)) {
            to.say(node.span, format!("`{written}` is no part of `{whole}`"));
        }
    }
}

/// Looks at a selector of labels (`ValidateLabelSelector`).
fn selector(parent: &Node, name: &str, to: &mut Objections<'_>) {
    let Some(selector) = field(parent, name) else { return };
    let labels = field(selector, "matchLabels").and_then(Node::as_mapping);
    for entry in labels.map_or(&[][..], |labels| labels.entries()) {
        if !values::is_label_key(&entry.key.value) {
            to.say(entry.key.span, format!("`{}` is no key of a label", entry.key.value));
        }
        if let Some(value) = entry.value.as_str().filter(|value| !values::is_label_value(value)) {
            to.say(entry.value.span, format!("`{value}` is no value of a label"));
        }
    }
    for expression in items(selector, "matchExpressions") {
        if let Some((key, node)) = field(expression, "key").and_then(text)
            && !values::is_label_key(key)
        {
            to.say(node.span, format!("`{key}` is no key of a label"));
        }
        let listed = texts(expression, "values");
        match field(expression, "operator").and_then(Node::as_str) {
            Some(operator @ ("In" | "NotIn")) if listed.is_empty() => {
                to.say(expression.span, format!("`{operator}` without `values`"));
            }
            Some(operator @ ("Exists" | "DoesNotExist")) if !listed.is_empty() => {
                to.say(expression.span, format!("`{operator}` with `values`"));
            }
            _ => {}
        }
        for (value, node) in listed {
            if !values::is_label_value(value) {
                to.say(node.span, format!("`{value}` is no value of a label"));
            }
        }
    }
}

pub(super) fn tier(kind: &str, root: &Node, spec: &Node, to: &mut Objections<'_>) {
    let name = root.get("metadata").and_then(|metadata| field(metadata, "name"));
    if kind == "BaselineAdminNetworkPolicy"
        && let Some(name) = name.filter(|name| name.as_str() != Some("default"))
    {
        to.say(name.span, "there is one at most, and its name is `default`");
    }
    if let Some(subject) = field(spec, "subject").filter(|subject| words(subject) > 1) {
        to.say(subject.span, "a subject is either `namespaces` or `pods`");
    }
    for (list, peers) in [("ingress", "from"), ("egress", "to")] {
        for rule in items(spec, list) {
            for peer in items(rule, peers) {
                ["namespaces", "podSelector", "namespaceSelector"].iter().for_each(|name| selector(peer, name, to));
                if let Some(pods) = field(peer, "pods") {
                    ["podSelector", "namespaceSelector"].iter().for_each(|name| selector(pods, name, to));
                }
            }
            for port in items(rule, "ports").iter().chain(items(rule, "protocols")) {
                let of_tcp = field(port, "tcp").and_then(|tcp| field(field(tcp, "destinationPort")?, "range"));
                for range in field(port, "portRange").into_iter().chain(of_tcp) {
                    let at = |name: &str| field(range, name).and_then(number);
                    if let (Some(first), Some(last)) = (at("start"), at("end"))
                        && last < first
                    {
                        to.say(range.span, "a range of ports that ends before it begins");
                    }
                }
            }
        }
    }
}
