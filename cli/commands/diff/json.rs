//! A change for programs, whole.

use ringfence_verifier::difference::{Change, Kind, Party, Presence, Shift, Target, Witness};
use serde_json::{Value, json};

use super::guards::Guard;
use super::text::modes;
use super::unseen::{Unseen, unseen};
use super::why::{Decision, Why};
use super::{Shown, identity};
use crate::commands::movement::standing::Moved;

/// Writes a change down.
pub(super) fn render(shown: &Shown<'_>) -> String {
    let difference = shown.difference;
    let counts = json!({
        "gained": difference.count(Kind::Gained),
        "mayGain": difference.count(Kind::MayGain),
        "moved": difference.count(Kind::Moved),
        "lost": difference.count(Kind::Lost),
        "mayLose": difference.count(Kind::MayLose),
    });
    let document = json!({
        "version": 1,
        "compared": shown.title,
        "gains": super::gains(shown),
        "counts": counts,
        "shifts": difference.shifts.iter().map(|(shift, workloads)| self::shift(shift, workloads)).collect::<Vec<_>>(),
        "changes": shown.changes().map(change).collect::<Vec<_>>(),
        "attackers": shown.moved.iter().map(moved).collect::<Vec<_>>(),
        "unseen": unseen(shown).iter().map(Unseen::json).collect::<Vec<_>>(),
        "guardRails": shown.guards.iter().map(Guard::json).collect::<Vec<_>>(),
        "documents": shown.statements.iter().map(super::statements::Statement::json).collect::<Vec<_>>(),
    });
    format!("{document:#}\n")
}

fn moved(moved: &Moved) -> Value {
    let mut value = moved.json();
    if let Some(fields) = value.as_object_mut() {
        fields.shift_insert(0, "id".to_owned(), identity::of_moved(moved).to_string().into());
    }
    value
}

fn change((change, why): (&Change, &Why)) -> Value {
    let kind = match change.kind() {
        Kind::Gained => "gained",
        Kind::MayGain => "may-gain",
        Kind::Lost => "lost",
        Kind::MayLose => "may-lose",
        Kind::Moved => "moved",
    };
    let witness = |witness: &Option<Witness>| {
        witness.as_ref().map(|witness| json!({ "sure": witness.sure, "request": witness.request.to_string() }))
    };
    json!({
        "id": identity::of_change(change).to_string(),
        "kind": kind,
        "pairs": change.pairs(),
        "callers": change.callers.iter().map(party).collect::<Vec<_>>(),
        "ports": change.targets.iter().map(target).collect::<Vec<_>>(),
        "gains": change.gains,
        "loses": change.loses,
        "gained": witness(&change.gained),
        "lost": witness(&change.lost),
        "before": why.before.as_ref().map(Decision::json),
        "after": why.after.as_ref().map(Decision::json),
    })
}

fn party(party: &Party) -> Value {
    json!({
        "cluster": party.cluster,
        "name": party.name,
        "shown": party.shown,
        "presence": presence(party.presence),
        "identity": party.identity.as_ref().map(ToString::to_string),
    })
}

fn target(target: &Target) -> Value {
    json!({
        "cluster": target.cluster,
        "workload": target.workload,
        "port": if target.is_other { Value::Null } else { target.port.into() },
        "presence": presence(target.presence),
    })
}

fn presence(presence: Presence) -> &'static str {
    match presence {
        Presence::Kept => "kept",
        Presence::New => "new",
        Presence::Gone => "gone",
    }
}

fn shift(shift: &Shift, workloads: &[(String, String)]) -> Value {
    let workloads: Vec<Value> =
        workloads.iter().map(|(cluster, name)| json!({ "cluster": cluster, "name": name })).collect();
    match shift {
        Shift::DefaultDeny { begins, policies } => {
            json!({ "kind": "default-deny", "begins": begins, "policies": policies, "workloads": workloads })
        }
        Shift::Isolation { ingress, begins, policies } => {
            let kind = if *ingress { "ingress-isolation" } else { "egress-isolation" };
            json!({ "kind": kind, "begins": begins, "policies": policies, "workloads": workloads })
        }
        Shift::Peers { ports, before, after } => {
            let ports: Vec<Value> =
                ports.iter().map(|port| if *port == 0 { Value::Null } else { (*port).into() }).collect();
            json!({ "kind": "mtls", "ports": ports, "before": modes(before), "after": modes(after), "workloads": workloads })
        }
        Shift::Tokens => json!({ "kind": "tokens", "workloads": workloads }),
        Shift::Providers { before, after } => {
            json!({ "kind": "providers", "before": before, "after": after, "workloads": workloads })
        }
        Shift::NotModelled => json!({ "kind": "not-modelled", "workloads": workloads }),
    }
}
