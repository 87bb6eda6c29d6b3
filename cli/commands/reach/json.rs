//! Answers as programs read them.

use ringfence_verifier::reach::{Cited, Decider, Failure, Told};
use serde_json::{Value, json};

use super::answers::{Answers, Grouped, Single};
use super::places::{Place, Places};
use super::single::{decided, gates, parts, sentence};
use super::ways;
use super::whatif::{Assumed, word};

/// Renders answers.
pub(super) fn render(answers: &Answers<'_>, places: &Places<'_>, assumed: &Assumed) -> String {
    let single = answers.single.iter().map(|single| one(single, places));
    let all: Vec<Value> = single.chain(answers.grouped.iter().flat_map(cells)).collect();
    format!("{:#}\n", json!({ "version": 1, "assumed": assumed.json(), "answers": all }))
}

fn one(single: &Single<'_>, places: &Places<'_>) -> Value {
    let answer = &single.answer;
    let gates: Vec<Value> = gates(answer)
        .into_iter()
        .zip(&answer.doubts)
        .map(|((place, gate), doubts)| match gate {
            None => json!({ "gate": place, "says": "absent", "decider": null, "policies": [], "unsure": [] }),
            Some(gate) => {
                let (says, decider) = parts(gate);
                let told = answer.statement.as_ref().filter(|_| place == "proxy");
                let statement = told.and_then(decided).map(|origin| statement(&origin.id, origin.span, places));
                let (mut nearest, mut without) = (None, None);
                match (told, decider) {
                    (Some(Told::NoRule(Some(miss))), _) => {
                        let rule = statement_of(&miss.rule.id, places.of(miss.rule.span).json());
                        let denied =
                            miss.denied.iter().map(|origin| statement_of(&origin.id, places.of(origin.span).json()));
                        nearest = Some(near(rule, miss.admits.as_deref(), &miss.fails, denied.collect()));
                    }
                    (_, Decider::NoRule { nearest: Some(miss), .. }) => {
                        let denied = miss.denied.iter().map(|rule| cited(rule, places));
                        let rule = cited(&miss.rule, places);
                        nearest = Some(near(rule, miss.admits.as_deref(), &miss.fails, denied.collect()));
                    }
                    (_, Decider::Denied { without: request, .. }) => without = Some(request.to_string()),
                    _ => {}
                }
                json!({
                    "gate": place, "says": says, "decider": sentence(place, decider), "statement": statement,
                    "policies": policies(decider).into_iter().map(|policy| cited(policy, places)).collect::<Vec<_>>(),
                    "nearest": nearest, "without": without, "unsure": doubts,
                })
            }
        })
        .collect();
    let through: Vec<Value> = single
        .through
        .iter()
        .map(|(workload, port, reach)| json!({ "workload": workload, "port": port, "reach": word(*reach) }))
        .collect();
    let part = answer.part.as_ref().map(|part| {
        let texts = |requests: &[ringfence_verifier::request::Request]| -> Vec<String> {
            requests.iter().map(ToString::to_string).collect()
        };
        let is_whole = part.refused.is_empty() && part.asked.is_empty();
        json!({
            "whole": is_whole, "reached": texts(&part.reached), "depends": texts(&part.asked),
            "refused": texts(&part.refused),
        })
    });
    json!({
        "cluster": single.cluster,
        "from": single.from,
        "to": single.to,
        "port": single.port,
        "service": single.service,
        "trustDomain": single.model.cluster().trust_domain(),
        "reach": word(single.reach()),
        "gates": gates,
        "through": through,
        "ways": single.ways.iter().map(ways::json).collect::<Vec<_>>(),
        "routes": single.routed.iter().map(|way| ways::routed_json(way, places)).collect::<Vec<_>>(),
        "enforcedBy": answer.proxy.as_ref().map(|_| if answer.in_ambient { "ztunnel" } else { "proxy" }),
        "waypoint": answer.by_waypoint.as_ref().map(|passed| json!({
            "waypoint": passed.waypoint, "service": passed.service, "reach": word(passed.reach),
            "witness": passed.witness.as_ref().map(ToString::to_string),
        })),
        "witness": answer.witness.as_ref().map(ToString::to_string),
        "part": part,
    })
}

/// Returns a plain answer for each caller and port.
fn cells(grouped: &Grouped) -> Vec<Value> {
    let mut cells = Vec::new();
    for (to, port, row) in &grouped.rows {
        for (from, reach) in grouped.callers.iter().zip(row) {
            cells.push(json!({
                "cluster": grouped.cluster, "from": from, "to": to, "port": port, "reach": word(*reach),
            }));
        }
    }
    cells
}

fn policies<'a>(decider: &'a Decider<'a>) -> Vec<&'a Cited<'a>> {
    match decider {
        Decider::Rule(cited) | Decider::OtherAddress(cited) | Decider::Tier { rule: cited, .. } => vec![cited],
        Decider::Denied { by, also, .. } => std::iter::once(by).chain(also).collect(),
        Decider::NoRule { about, .. } | Decider::NoCertificate { asking: about, .. } | Decider::NotRefused(about) => {
            about.iter().collect()
        }
        Decider::Nobody | Decider::NotEnforced | Decider::NotModelled(_) => Vec::new(),
    }
}

fn cited(cited: &Cited<'_>, places: &Places<'_>) -> Value {
    // An object that was compiled has no line of its own, and names those of policy.
    let places = match cited.source {
        Some(source) => places.named(source).iter().map(Place::json).collect(),
        None => vec![places.of(cited.span).json()],
    };
    json!({
        "name": cited.to_string(), "kind": cited.kind, "namespace": cited.namespace, "object": cited.name,
        "rule": cited.rule.map(|rule| rule + 1), "places": places,
    })
}

fn statement(id: &str, span: ringfence_compiler::source::Span, places: &Places<'_>) -> Value {
    statement_of(id, places.of(span).json())
}

fn statement_of(id: &str, place: Value) -> Value {
    json!({ "id": id, "place": place })
}

fn near(
    rule: Value,
    admits: Option<&ringfence_verifier::request::Request>,
    fails: &[Failure],
    denied: Vec<Value>,
) -> Value {
    let fails: Vec<Value> = fails
        .iter()
        .map(|failure| json!({ "attribute": failure.attribute, "wants": failure.wants, "has": failure.has }))
        .collect();
    json!({ "rule": rule, "admits": admits.map(ToString::to_string), "fails": fails, "denied": denied })
}
