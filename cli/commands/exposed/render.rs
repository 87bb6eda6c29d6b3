//! What is exposed as people and programs read it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use ringfence_compiler::source::Span;
use ringfence_verifier::entrances::{Entrance, Opening};
use ringfence_verifier::reach::Reach;
use ringfence_verifier::routing::Named;
use ringfence_verifier::routing::gateway::Tls;
use serde_json::{Value, json};

use super::{Exposed, Led};
use crate::args::FormatName;
use crate::mesh::Input;
use crate::project::below;
use crate::summary::counted;

/// As many lines of policy as are named for one object.
const MOST_LINES: usize = 3;

/// Renders what is exposed in each cluster.
pub(super) fn render(all: &[Exposed<'_>], input: &Input, format: FormatName) -> String {
    match format {
        FormatName::Text => all.iter().map(|one| as_text(one, input)).collect::<Vec<_>>().join("\n"),
        FormatName::Concise => all.iter().map(|one| as_lines(one, input)).collect(),
        FormatName::Json => {
            let clusters: Vec<Value> = all.iter().map(|one| as_json(one, input)).collect();
            format!("{:#}\n", json!({ "version": 1, "clusters": clusters }))
        }
    }
}

/// Says what becomes of who calls from outside.
pub(super) fn verdict(led: &Led) -> &'static str {
    match (led.reach, led.bare) {
        (Reach::Denied, _) => "refused",
        (Reach::Allowed, Reach::Allowed) => "open",
        (Reach::Allowed, Reach::Denied) => "with a token",
        (Reach::Allowed, Reach::Depends) => "open, perhaps without a token",
        (Reach::Depends, Reach::Denied) => "perhaps, with a token",
        (Reach::Depends, _) => "perhaps",
    }
}

fn as_text(one: &Exposed<'_>, input: &Input) -> String {
    let listeners = counted(one.entrances.listeners.len(), "listener");
    let mut text = format!("{}: {listeners}, {}\n", one.cluster, counted(one.entrances.openings.len(), "opening"));
    let of_mesh = one.entrances.listeners.iter().filter(|listener| listener.tls == Tls::Mesh).count();
    for (at, listener) in one.entrances.listeners.iter().enumerate().filter(|(_, it)| it.tls != Tls::Mesh) {
        let place = place(&listener.object, listener.span, input);
        let (port, hosts) = (listener.port, listener.hosts.join(", "));
        let _ = match listener.is_missing {
            true => writeln!(text, "\n{}, which is not among the manifests\n  {place}", listener.object),
            false => writeln!(text, "\n{} port {port}, {hosts}: {}\n  {place}", listener.object, listener.tls),
        };
        if let Some(why) = &listener.shut {
            let _ = writeln!(text, "  shut: {why}");
        }
        let (mut by, mut doubts): (Vec<&str>, BTreeSet<&str>) = (Vec::new(), BTreeSet::new());
        let openings = one.entrances.openings.iter().zip(&one.ways).filter(|(opening, _)| opening.listener == at);
        let openings: Vec<(&Opening, &Vec<Led>)> = openings.collect();
        let width = openings.iter().map(|(opening, _)| opening.words().chars().count()).max().unwrap_or(0).min(60);
        for (opening, ways) in &openings {
            by.extend(ways.iter().map(|led| led.by.as_str()));
            doubts.extend(ways.iter().flat_map(|led| &led.doubts).map(String::as_str));
            for (at, line) in lines(opening, ways).iter().enumerate() {
                let words = if at == 0 { opening.words() } else { String::new() };
                let _ = writeln!(text, "  {words:<width$}  {line}");
            }
            if let (Some(route), Some((_, span))) = (&opening.route, opening.rule) {
                let _ =
                    writeln!(text, "  {:<width$}  {} {}", "", rule(route, opening), self::place(route, span, input));
            }
        }
        by.sort_unstable();
        by.dedup();
        if openings.is_empty() {
            let _ = writeln!(text, "  no route leads anywhere from here");
        } else if !by.is_empty() {
            let _ = writeln!(text, "  by {}", by.join(", "));
        }
        for doubt in doubts {
            let _ = writeln!(text, "  perhaps: {doubt}");
        }
    }
    if of_mesh > 0 {
        let _ = writeln!(text, "\n{} for clients of the mesh alone", counted(of_mesh, "listener"));
    }
    if !one.straight.is_empty() {
        let _ = writeln!(text, "\nServices that are open without a gateway");
    }
    for straight in &one.straight {
        let reach = match straight.reach {
            Reach::Allowed => "open",
            Reach::Depends => "perhaps",
            Reach::Denied => "refused",
        };
        let (service, port, opened) = (&straight.service, straight.port, straight.opened);
        let _ = writeln!(text, "  {service}:{port} ({opened})  {}:{}  {reach}", straight.to, straight.at);
    }
    text
}

/// Returns a line for each workload an opening leads to, or one that says why there is none.
fn lines(opening: &Opening, ways: &[Led]) -> Vec<String> {
    if let Some(why) = &opening.shut {
        return vec![format!("{}  shut: {why}", opening.target)];
    }
    if ways.is_empty() {
        let leads_nowhere = opening.leads.is_empty() && opening.beyond.iter().all(|it| it.leads.is_empty());
        let says = match (opening.may_be_anybody, leads_nowhere) {
            (true, _) => "perhaps: no file says who is behind it",
            (false, true) => "outside",
            (false, false) => "never: rules before it take all of it",
        };
        return vec![format!("{}  {says}", opening.target)];
    }
    let copies = if opening.mirrors { "copies, " } else { "" };
    let line = |led: &Led| format!("{}:{}  {copies}{}", led.to, led.port, verdict(led));
    let mut lines: Vec<String> = ways.iter().map(line).collect();
    lines.dedup();
    lines
}

fn as_lines(one: &Exposed<'_>, input: &Input) -> String {
    let mut text = String::new();
    for (opening, ways) in one.entrances.openings.iter().zip(&one.ways) {
        let Some(listener) = one.entrances.listener(opening) else { continue };
        let at = match (&opening.route, opening.rule) {
            (Some(route), Some((_, span))) => place(route, span, input),
            _ => place(&listener.object, listener.span, input),
        };
        for line in lines(opening, ways) {
            let _ = writeln!(text, "{}: {at}: port {} {} -> {line}", one.cluster, listener.port, opening.words());
        }
    }
    for straight in &one.straight {
        let _ = writeln!(
            text,
            "{}: Service {}:{} -> {}:{}",
            one.cluster, straight.service, straight.port, straight.to, straight.at
        );
    }
    text
}

fn as_json(one: &Exposed<'_>, input: &Input) -> Value {
    let listener = |(at, listener): (usize, &Entrance)| {
        let openings = one.entrances.openings.iter().zip(&one.ways).filter(|(opening, _)| opening.listener == at);
        let openings: Vec<Value> = openings.map(|(opening, ways)| opening_json(opening, ways, input)).collect();
        let pods: Vec<Value> = listener
            .pods
            .iter()
            .map(|pods| json!({ "port": pods.port, "opened": pods.opened.map(|it| it.to_string()) }))
            .collect();
        json!({
            "object": listener.object.to_string(), "place": place(&listener.object, listener.span, input), "port": listener.port,
            "hosts": listener.hosts, "tls": listener.tls.to_string(), "encrypted": listener.tls.is_there(), "missing": listener.is_missing, "shut": listener.shut,
            "pods": pods, "openings": openings,
        })
    };
    let listeners: Vec<Value> = one.entrances.listeners.iter().enumerate().map(listener).collect();
    let straight: Vec<Value> = one.straight.iter().map(|it| json!({
        "service": it.service, "port": it.port, "opened": it.opened.to_string(), "workload": it.to, "at": it.at, "reach": word(it.reach),
    })).collect();
    json!({ "cluster": one.cluster, "listeners": listeners, "services": straight })
}

fn opening_json(opening: &Opening, ways: &[Led], input: &Input) -> Value {
    let route = opening.route.as_ref().zip(opening.rule).map(|(route, (rule, span))| {
        json!({ "object": route.to_string(), "rule": rule + 1, "place": place(route, span, input) })
    });
    let leads: Vec<Value> = ways.iter().map(|led| json!({
        "workload": led.to, "port": led.port, "by": led.by, "reach": word(led.reach), "withoutToken": word(led.bare), "unsure": led.doubts,
    })).collect();
    json!({
        "host": opening.host, "matches": opening.words(), "route": route, "target": opening.target.to_string(), "port": opening.port,
        "copies": opening.mirrors, "shut": opening.shut, "leads": leads,
    })
}

fn word(reach: Reach) -> &'static str {
    match reach {
        Reach::Allowed => "allowed",
        Reach::Depends => "depends",
        Reach::Denied => "denied",
    }
}

fn rule(route: &Named, opening: &Opening) -> String {
    let number = opening.rule.map(|(at, _)| format!(", rule {}", at + 1)).unwrap_or_default();
    format!("{route}{number}{}", opening.rewritten())
}

/// Says where an object was written: the lines of policy that it names, or its own.
fn place(object: &Named, span: Span, input: &Input) -> String {
    let prefix = below(&input.root);
    match &object.source {
        Some(source) => {
            let lines: Vec<&str> = source.split(", ").collect();
            let shown = lines.iter().take(MOST_LINES).map(|one| format!("{prefix}{}", one.replace("#L", ":")));
            let more = lines.len().saturating_sub(MOST_LINES);
            let more = (more > 0).then(|| format!("and {more} more"));
            shown.chain(more).collect::<Vec<_>>().join(", ")
        }
        None => {
            let file = input.sources.file(span.file);
            let prefix = if input.foreign.contains(&span.file) { "" } else { &prefix };
            format!("{prefix}{}:{}", file.path(), file.position(span.start).0)
        }
    }
}
