//! An answer as people and programs read it: the verdict, then each gate with what decided.

use std::fmt::Write as _;

use ringfence_verifier::model::Model;
use ringfence_verifier::reach::{Answer, Decider, Gate, Reach};
use serde_json::{Value, json};

use crate::args::FormatName;

/// An answer and what it is about.
pub(super) struct Answered<'a> {
    pub cluster: &'a str,
    pub from: &'a str,
    pub to: String,
    pub port: u16,
    pub model: &'a Model<'a>,
    pub answer: Answer<'a>,
}

/// Renders answers.
pub(super) fn render(answered: &[Answered<'_>], format: FormatName) -> String {
    match format {
        FormatName::Json => {
            let answers: Vec<Value> = answered.iter().map(as_json).collect();
            format!("{:#}\n", json!({ "version": 1, "answers": answers }))
        }
        FormatName::Text | FormatName::Concise => answered.iter().map(as_text).collect::<Vec<_>>().join("\n"),
    }
}

fn verdict(reach: Reach) -> &'static str {
    match reach {
        Reach::Allowed => "reaches",
        Reach::Depends => "may reach",
        Reach::Denied => "does not reach",
    }
}

fn gates<'a>(answered: &'a Answered<'_>) -> Vec<(&'static str, Option<&'a Gate<'a>>)> {
    let answer = &answered.answer;
    vec![("leaves", Some(&answer.egress)), ("arrives", Some(&answer.ingress)), ("proxy", answer.proxy.as_ref())]
}

fn as_text(answered: &Answered<'_>) -> String {
    let reach = answered.answer.reach();
    let mut text = format!(
        "{} {} {} port {} in {}\n",
        answered.from,
        verdict(reach),
        answered.to,
        answered.port,
        answered.cluster
    );
    for (place, gate) in gates(answered) {
        let words = match gate {
            None => "open     no proxy stands before this port, so no AuthorizationPolicy is asked".to_owned(),
            Some(gate) => {
                let (word, decider) = parts(gate);
                format!("{word:<8} {}", decided(place, decider))
            }
        };
        let _ = writeln!(text, "  {place:<8} {words}");
    }
    if let (Some(witness), true) = (&answered.answer.witness, reach != Reach::Denied) {
        let _ = writeln!(text, "  for one  {witness}");
    }
    text
}

fn parts<'a>(gate: &'a Gate<'_>) -> (&'static str, &'a Decider<'a>) {
    match gate {
        Gate::Open(decider) => ("open", decider),
        Gate::Unsure(decider) => ("unsure", decider),
        Gate::Shut(decider) => ("shut", decider),
    }
}

/// Says in a sentence what decided.
fn decided(place: &str, decider: &Decider<'_>) -> String {
    match decider {
        Decider::Nobody if place == "proxy" => "no AuthorizationPolicy admits anybody here, so everybody is".to_owned(),
        Decider::Nobody => "no NetworkPolicy is about it".to_owned(),
        Decider::Network(namespace, name) => format!("NetworkPolicy {namespace}/{name}"),
        Decider::NoNetwork => "NetworkPolicies are about it, and none lets this pass".to_owned(),
        Decider::Tier { kind, name, rule, rival: None } => format!("{kind} {name}, rule {rule}"),
        Decider::Tier { kind, name, rule, rival: Some(rival) } => {
            format!("{kind} {name}, rule {rule}, or {rival}, which says otherwise: nothing tells which is asked first")
        }
        Decider::NotEnforced => "the Cluster says that NetworkPolicy is not enforced".to_owned(),
        Decider::Rule(rule) => {
            format!("AuthorizationPolicy {}/{}, rule {}", rule.namespace, rule.name, rule.rule + 1)
        }
        Decider::NoRule => "no AuthorizationPolicy admits it, or one denies all of it".to_owned(),
        Decider::NoCertificate => "mTLS is required, and it has no certificate to show".to_owned(),
        Decider::NotModelled(what) => format!("not modelled yet: {what}"),
    }
}

fn as_json(answered: &Answered<'_>) -> Value {
    let gates: Vec<Value> = gates(answered)
        .into_iter()
        .map(|(place, gate)| match gate {
            None => json!({ "gate": place, "says": "absent", "decider": null }),
            Some(gate) => {
                let (word, decider) = parts(gate);
                json!({ "gate": place, "says": word, "decider": decided(place, decider) })
            }
        })
        .collect();
    let verdict = match answered.answer.reach() {
        Reach::Allowed => "allowed",
        Reach::Depends => "depends",
        Reach::Denied => "denied",
    };
    json!({
        "cluster": answered.cluster,
        "from": answered.from,
        "to": answered.to,
        "port": answered.port,
        "trustDomain": answered.model.cluster().trust_domain(),
        "reach": verdict,
        "gates": gates,
        "witness": answered.answer.witness.as_ref().map(ToString::to_string),
    })
}
