//! The ways through gateways as people read them: listener, route, and every gate on the way.

use std::fmt::Write as _;

use ringfence_verifier::reach::{Gate, Passed, Reach, Routed, Way};
use ringfence_verifier::routing::Named;
use serde_json::{Value, json};

use super::places::Places;
use super::single::{lines_by, parts, sentence};
use super::whatif::word;

/// Renders one way.
pub(super) fn one(way: &Way<'_>, places: &Places<'_>) -> String {
    let (listener, opening) = (way.listener, way.opening);
    let opened = way.opened.map(|opened| format!(" ({opened})")).unwrap_or_default();
    let mut text = format!("  by way of {}{opened}: {}\n", way.pods, word(way.reach));
    let mut put = |place: &str, word: &str, lines: Vec<String>| {
        let mut lines = lines.into_iter();
        let _ = writeln!(text, "    {place:<8} {word:<8} {}", lines.next().unwrap_or_default());
        for line in lines {
            let _ = writeln!(text, "{:22}{line}", "");
        }
    };
    let shut = |why: &Option<String>| if why.is_some() { "shut" } else { "open" };
    let mut lines =
        vec![format!("{}, port {}: {}, {}", listener.object, listener.port, listener.hosts.join(", "), listener.tls)];
    lines.extend(written(&listener.object, listener.span, places));
    lines.extend(listener.shut.clone());
    if listener.is_missing {
        lines = vec![format!("{}, which is not among the manifests", listener.object)];
    }
    let said = if listener.is_missing { "unsure" } else { shut(&listener.shut) };
    put("listener", said, lines);
    put("enters", parts(&way.enters).0, lines_by("enters", parts(&way.enters).1, None, None, places));
    if let (Some(route), Some((rule, span))) = (&opening.route, opening.rule) {
        let mut lines = vec![format!("{route}, rule {}: {}", rule + 1, opening.words())];
        lines.extend(written(route, span, places));
        let copies = if opening.mirrors { "copies it to" } else { "leads to" };
        let port = opening.port.map(|port| format!(" port {port}")).unwrap_or_default();
        lines.push(format!("{copies} {}{port}{}", opening.target, opening.rewritten()));
        lines.extend(opening.shut.clone().filter(|_| listener.shut.is_none()));
        put("route", shut(&opening.shut), lines);
    }
    let mut doubts: Vec<String> = way.doubts.iter().map(|why| format!("unsure: {why}")).collect();
    let gates = [
        ("gateway", Some(&way.gateway)),
        ("leaves", Some(&way.leaves)),
        ("arrives", Some(&way.arrives)),
        ("proxy", way.proxy.as_ref()),
    ];
    for (place, gate) in gates {
        match gate {
            None => put(place, "open", vec!["no proxy stands before this port".to_owned()]),
            Some(gate) => {
                let mut lines = lines_by(place, parts(gate).1, None, None, places);
                if let (Gate::Unsure(_), "proxy") = (gate, place) {
                    lines.append(&mut doubts);
                }
                put(place, parts(gate).0, lines);
            }
        }
    }
    if !doubts.is_empty() {
        put("perhaps", "", doubts);
    }
    if let (Some(witness), true) = (&way.witness, way.reach != Reach::Denied) {
        put("for one", "", vec![witness.to_string()]);
    }
    text
}

/// Renders the way through a waypoint.
pub(super) fn through_waypoint(passed: &Passed<'_>, places: &Places<'_>) -> String {
    let service = passed.service.as_ref().map(|service| format!(", by Service {service}")).unwrap_or_default();
    let mut text = format!("  through waypoint {}{service}: {}\n", passed.waypoint, word(passed.reach));
    let [leaves, enters] = &passed.before;
    let [exits, arrives] = &passed.after;
    let gates = [
        ("leaves", leaves),
        ("enters", enters),
        ("waypoint", &passed.policies),
        ("exits", exits),
        ("arrives", arrives),
    ];
    for (place, gate) in gates {
        let (word, decider) = parts(gate);
        let named = if place == "waypoint" { "gateway" } else { place };
        let mut lines = lines_by(named, decider, None, None, places).into_iter();
        let _ = writeln!(text, "    {place:<8} {word:<8} {}", lines.next().unwrap_or_default());
        for line in lines {
            let _ = writeln!(text, "{:22}{line}", "");
        }
    }
    let said = match passed.ztunnel {
        Reach::Allowed => "open     ztunnel lets the waypoint through",
        Reach::Depends => "unsure   nobody knows whether ztunnel lets the waypoint through",
        Reach::Denied => "shut     ztunnel does not let the waypoint through",
    };
    let _ = writeln!(text, "    ztunnel  {said}");
    if let Some(witness) = &passed.witness {
        let _ = writeln!(text, "    for one           {witness}");
    }
    text
}

/// Renders a way by a route at a waypoint.
pub(super) fn routed(way: &Routed<'_>, places: &Places<'_>) -> String {
    let (rule, span) = way.rule;
    let service = way.passed.service.as_deref().unwrap_or_default();
    let mut text = format!("  by {}, rule {}, of Service {service}: {}\n", way.route, rule + 1, word(way.reach));
    for place in written(way.route, span, places) {
        let _ = writeln!(text, "    {place}");
    }
    text.push_str("    unsure: whether the waypoint goes by it, and what it sends there\n");
    text.push_str(&through_waypoint(&way.passed, places));
    text
}

/// Renders such a way for programs.
pub(super) fn routed_json(way: &Routed<'_>, places: &Places<'_>) -> Value {
    let (rule, span) = way.rule;
    json!({
        "route": way.route.to_string(), "rule": rule + 1, "places": written(way.route, span, places),
        "service": way.passed.service, "waypoint": way.passed.waypoint, "reach": word(way.reach),
    })
}

/// Renders one way for programs.
pub(super) fn json(way: &Way<'_>) -> Value {
    let gate = |place: &str, gate: &Gate<'_>| {
        let (says, decider) = parts(gate);
        json!({ "gate": place, "says": says, "decider": sentence(place, decider) })
    };
    let gates =
        [("enters", &way.enters), ("gateway", &way.gateway), ("leaves", &way.leaves), ("arrives", &way.arrives)];
    let gates = gates.into_iter().chain(way.proxy.as_ref().map(|proxy| ("proxy", proxy)));
    let gates: Vec<Value> = gates.map(|(place, it)| gate(place, it)).collect();
    let (listener, opening) = (way.listener, way.opening);
    let route = opening.route.as_ref().map(|route| {
        json!({ "object": route.to_string(), "rule": opening.rule.map(|(rule, _)| rule + 1), "matches": opening.words() })
    });
    json!({
        "pods": way.pods, "opened": way.opened.map(|opened| opened.to_string()), "reach": word(way.reach),
        "listener": { "object": listener.object.to_string(), "port": listener.port, "hosts": listener.hosts, "tls": listener.tls.to_string() },
        "route": route, "target": opening.target.to_string(), "copies": opening.mirrors, "shut": opening.shut,
        "gates": gates, "unsure": way.doubts, "witness": way.witness.as_ref().map(ToString::to_string),
    })
}

/// Returns where an object was written, or what it was compiled from.
fn written(object: &Named, span: ringfence_compiler::source::Span, places: &Places<'_>) -> Vec<String> {
    match &object.source {
        Some(source) => places.named(source).iter().take(2).map(|place| format!("from {place}")).collect(),
        None => vec![places.of(span).to_string()],
    }
}
