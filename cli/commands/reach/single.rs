//! The way from one caller to one port as people read it: the verdict, then each gate with what decided.

use std::fmt::Write as _;

use ringfence_compiler::resolve::statements::Origin;
use ringfence_verifier::reach::{Answer, Cited, Decider, Gate, Miss, Reach, Told};
use ringfence_verifier::request::Request;

use super::answers::{Answers, Single};
use super::places::Places;
use super::ways;
use super::whatif::word;

/// As many policies or lines of policy as are named at one gate.
const MOST: usize = 4;

/// Renders answers.
pub(super) fn render(answers: &Answers<'_>, places: &Places<'_>) -> String {
    answers.single.iter().map(|single| one(single, places)).collect::<Vec<_>>().join("\n")
}

/// Renders a line for each answer, with what decided at the strictest gate.
pub(super) fn lines_of(answers: &Answers<'_>) -> String {
    let mut text = String::new();
    for single in &answers.single {
        let Single { cluster, from, to, port, answer, .. } = single;
        let strictest = gates(answer).into_iter().rev().filter_map(|(place, gate)| Some((place, gate?)));
        let decided = strictest.min_by_key(|(_, gate)| gate.reach());
        let decided = decided.map(|(place, gate)| format!("; {place}: {}", sentence(place, parts(gate).1)));
        let around = answer.by_waypoint.as_ref().filter(|passed| passed.reach > answer.directly());
        let around = around.map(|passed| format!("; through waypoint {}", passed.waypoint));
        let best = single.ways.iter().max_by_key(|way| way.reach).filter(|way| way.reach > answer.reach());
        let by_gateway = best.map(|way| format!("; through {} of {}", way.listener.object, way.pods));
        let route = single.routed.first().filter(|way| way.reach > answer.reach());
        let route = route.map(|way| format!("; by {} at waypoint {}", way.route, way.passed.waypoint));
        let decided = by_gateway.or(around).or(route).or(decided);
        let reach = word(single.reach());
        let _ = writeln!(text, "{cluster}: {from} -> {to}:{port}: {reach}{}", decided.unwrap_or_default());
    }
    text
}

/// The gates on the way, in their order; `None` where there is none.
pub(in crate::commands) fn gates<'a>(answer: &'a Answer<'a>) -> [(&'static str, Option<&'a Gate<'a>>); 3] {
    [("leaves", Some(&answer.egress)), ("arrives", Some(&answer.ingress)), ("proxy", answer.proxy.as_ref())]
}

/// Returns what a gate says in a word, and what decided.
pub(in crate::commands) fn parts<'a>(gate: &'a Gate<'_>) -> (&'static str, &'a Decider<'a>) {
    match gate {
        Gate::Open(decider) => ("open", decider),
        Gate::Unsure(decider) => ("unsure", decider),
        Gate::Shut(decider) => ("shut", decider),
    }
}

fn one(single: &Single<'_>, places: &Places<'_>) -> String {
    let answer = &single.answer;
    let reach = single.reach();
    let verdict = match reach {
        Reach::Allowed => "reaches",
        Reach::Depends => "may reach",
        Reach::Denied => "does not reach",
    };
    let mut text = format!("{} {verdict} {} port {} in {}\n", single.from, single.to, single.port, single.cluster);
    if let Some(service) = &single.service {
        let _ = writeln!(text, "  service  {service}");
    }
    if !single.ways.is_empty() {
        let _ = writeln!(text, "  straight to its pods: {}", word(answer.reach()));
    }
    for ((place, gate), why) in gates(answer).into_iter().zip(&answer.doubts) {
        let (word, lines) = match gate {
            None => ("open", vec!["no proxy stands before this port, so no AuthorizationPolicy is asked".to_owned()]),
            Some(gate) => {
                let (word, decider) = parts(gate);
                let mut lines = lines(place, decider, answer, places);
                if let (Gate::Unsure(Decider::NoRule { .. }), Some(first)) = (gate, lines.first_mut()) {
                    "NetworkPolicies select it, and nobody knows whether one lets this pass".clone_into(first);
                }
                lines.extend(why.iter().map(|why| format!("unsure: {why}")));
                if place == "proxy" && answer.in_ambient {
                    lines.push("enforced by ztunnel, which sees connections and no requests".to_owned());
                }
                (word, lines)
            }
        };
        let mut lines = lines.into_iter();
        let _ = writeln!(text, "  {place:<8} {word:<8} {}", lines.next().unwrap_or_default());
        for line in lines {
            let _ = writeln!(text, "{:20}{line}", "");
        }
    }
    if let Some(passed) = answer.by_waypoint.as_ref().filter(|passed| passed.reach > answer.directly()) {
        text.push_str(&ways::through_waypoint(passed, places));
    }
    for way in &single.ways {
        text.push_str(&ways::one(way, places));
    }
    for way in &single.routed {
        text.push_str(&ways::routed(way, places));
    }
    for (middle, port, onward) in &single.through {
        let (is, reaches) = if *onward == Reach::Depends { ("may be", "may reach") } else { ("is", "reaches") };
        let _ = writeln!(text, "  through  {middle}:{port} {is} reached, and {reaches} it from there");
    }
    if let (Some(witness), true) = (&answer.witness, answer.reach() != Reach::Denied) {
        let _ = writeln!(text, "  for one  {witness}");
    }
    if let Some(part) = &answer.part {
        let is_whole = part.refused.is_empty() && part.asked.is_empty();
        let amount = if is_whole { "all of what was asked for" } else { "not all of what was asked for" };
        let _ = writeln!(text, "  part     {amount}");
        for (word, requests) in [("admits", &part.reached), ("depends", &part.asked), ("refuses", &part.refused)] {
            for request in requests.iter().take(MOST) {
                let _ = writeln!(text, "           {word:<8} {}", target(request));
            }
        }
    }
    text
}

fn target(request: &Request) -> String {
    match &request.http {
        Some(http) => format!("{} {}{}", http.method, http.host, http.target()),
        None => request.to_string(),
    }
}

/// Says what decided, in a line, and where it was written, in those below.
fn lines(place: &str, decider: &Decider<'_>, answer: &Answer<'_>, places: &Places<'_>) -> Vec<String> {
    let statement = answer.statement.as_ref().filter(|_| place == "proxy");
    lines_by(place, decider, statement, answer.mode, places)
}

/// Says the same with the statement of policy that decides, where one does.
pub(in crate::commands) fn lines_by(
    place: &str,
    decider: &Decider<'_>,
    statement: Option<&Told<&Origin>>,
    mode: Option<&Origin>,
    places: &Places<'_>,
) -> Vec<String> {
    let sentence = sentence(place, decider);
    match (statement, decider) {
        (Some(Told::Admitted(Some(origin)) | Told::Perhaps(Some(origin)) | Told::OtherAddress(Some(origin))), _) => {
            vec![origin.id.clone(), places.of(origin.span).to_string(), format!("as {sentence}")]
        }
        (Some(Told::Denied(origin, also, without)), _) => {
            let mut lines = vec![
                format!("denied by {}", origin.id),
                places.of(origin.span).to_string(),
                format!("as {}", sentence.trim_start_matches("denied by ")),
            ];
            lines.extend(also.iter().map(|origin| format!("and by {} {}", origin.id, places.of(origin.span))));
            lines.push(without_it(also.is_empty(), without));
            lines
        }
        (Some(Told::NoRule(miss)), Decider::NoRule { about, .. }) => {
            let name = |origin: &&Origin| format!("{} {}", origin.id, places.of(origin.span));
            let near =
                miss.iter().flat_map(|miss| near(&miss.rule.id, &[places.of(miss.rule.span).to_string()], miss, name));
            std::iter::once(sentence).chain(listed(about, places)).chain(near).collect()
        }
        (Some(Told::NoCertificate), Decider::NoCertificate { asking, .. }) => {
            let mode = mode.map(|origin| format!("{} {}", origin.id, places.of(origin.span)));
            std::iter::once(sentence).chain(mode).chain(listed(asking, places)).collect()
        }
        (_, Decider::Rule(cited) | Decider::OtherAddress(cited) | Decider::Tier { rule: cited, .. }) => {
            std::iter::once(sentence).chain(written(cited, places)).collect()
        }
        (_, Decider::Denied { by, also, without }) => {
            let mut lines = vec![sentence];
            lines.extend(written(by, places));
            lines.extend(listed(also, places).into_iter().map(|rule| format!("and by {rule}")));
            lines.push(without_it(also.is_empty(), without));
            lines
        }
        (_, Decider::NoRule { about, nearest }) => {
            let name = |cited: &Cited<'_>| format!("{cited} {}", written(cited, places).join(", "));
            let near =
                nearest.iter().flat_map(|miss| near(&miss.rule.to_string(), &written(&miss.rule, places), miss, name));
            std::iter::once(sentence).chain(listed(about, places)).chain(near).collect()
        }
        (_, Decider::NoCertificate { asking: those, .. } | Decider::NotRefused(those)) => {
            std::iter::once(sentence).chain(listed(those, places)).collect()
        }
        (_, Decider::Nobody | Decider::NotEnforced | Decider::NotModelled(_)) => vec![sentence],
    }
}

/// Says in a sentence what decided.
pub(in crate::commands) fn sentence(place: &str, decider: &Decider<'_>) -> String {
    match decider {
        Decider::Nobody if place == "gateway" => "no AuthorizationPolicy is about it there".to_owned(),
        Decider::Nobody if place == "proxy" => "no AuthorizationPolicy selects it, so everybody is admitted".to_owned(),
        Decider::NotRefused(_) => {
            "no ALLOW policy selects it, so everything is admitted that these do not refuse".to_owned()
        }
        Decider::Nobody => "no policy selects it".to_owned(),
        Decider::Rule(cited) => cited.to_string(),
        Decider::OtherAddress(cited) => format!("{cited}, if the network writes another address on it"),
        Decider::Tier { rule, rival: None } => rule.to_string(),
        Decider::Tier { rule, rival: Some(rival) } => {
            format!("{rule}, or {rival}, which says otherwise: nothing tells which is asked first")
        }
        Decider::NotEnforced => "the Cluster says that NetworkPolicy is not enforced".to_owned(),
        Decider::Denied { by, .. } => format!("denied by {}", by),
        Decider::NoRule { .. } if place == "proxy" || place == "gateway" => {
            "AuthorizationPolicies select it, and none admits this".to_owned()
        }
        Decider::NoRule { .. } => "NetworkPolicies select it, and none lets this pass".to_owned(),
        Decider::NoCertificate { foreign: None, .. } => {
            "mTLS is required, and it has no certificate to show".to_owned()
        }
        Decider::NoCertificate { foreign: Some(identity), .. } => format!(
            "mTLS is required, and its certificate ({identity}) is of the trust domain {}, which is not taken here",
            identity.trust_domain
        ),
        Decider::NotModelled(what) => format!("not modelled yet: {what}"),
    }
}

/// Returns where something was written: the lines of policy that an object names, or its own.
fn written(cited: &Cited<'_>, places: &Places<'_>) -> Vec<String> {
    let Some(source) = cited.source else { return vec![places.of(cited.span).to_string()] };
    let all = places.named(source);
    let mut lines: Vec<String> = all.iter().take(MOST).map(|place| format!("from {place}")).collect();
    if let more @ 1.. = all.len().saturating_sub(MOST) {
        lines.push(format!("and {more} more lines"));
    }
    lines
}

fn listed(about: &[Cited<'_>], places: &Places<'_>) -> Vec<String> {
    let mut lines: Vec<String> = about
        .iter()
        .take(MOST)
        .map(|cited| match cited.source {
            Some(_) => cited.to_string(),
            None => format!("{cited} {}", places.of(cited.span)),
        })
        .collect();
    if let more @ 1.. = about.len().saturating_sub(MOST) {
        lines.push(format!("and {more} more"));
    }
    lines
}

fn without_it(alone: bool, without: &Request) -> String {
    format!("without {}: {without}", if alone { "it" } else { "these" })
}

/// Says which rule is nearest, and why it does not admit this.
fn near<O>(title: &str, place: &[String], miss: &Miss<O>, name: impl Fn(&O) -> String) -> Vec<String> {
    let mut lines = vec![format!("nearest: {title}")];
    lines.extend(place.iter().map(|place| format!("  {place}")));
    for failure in &miss.fails {
        let has = failure.has.as_ref().map(|has| format!(", and it is {has}")).unwrap_or_default();
        lines.push(format!("  but the {} must be {}{has}", failure.attribute, failure.wants));
    }
    let Some(admits) = &miss.admits else { return lines };
    match miss.denied.is_empty() {
        true => lines.push(format!("  with that the proxy admits: {admits}")),
        false => {
            lines.push(format!("  and even then this is denied: {admits}"));
            lines.extend(miss.denied.iter().take(MOST).map(|rule| format!("    by {}", name(rule))));
        }
    }
    lines
}

/// Returns the statement that decided, where one did.
pub(in crate::commands) fn decided<'a>(told: &Told<&'a Origin>) -> Option<&'a Origin> {
    match told {
        Told::Admitted(origin) | Told::Perhaps(origin) | Told::OtherAddress(origin) => *origin,
        Told::Denied(origin, ..) => Some(origin),
        Told::NoRule(_) | Told::NoCertificate => None,
    }
}
