//! Which statement is behind a change.
//!
//! In: a change, and both sides. Out: [`Why`]: what decided about its request before, and what decides after. One request of one
//! caller stands for the whole line, as its witness does.

use std::net::IpAddr;

use ringfence_verifier::difference::{Change, Party, Target, Witness};
use ringfence_verifier::fleet::Fleet;
use ringfence_verifier::matrix::{OUTSIDE, name};
use ringfence_verifier::reach::{Answer, Asked, Caller, Cited, Decider, Detail, Gate, Reach, Told, explain};
use ringfence_verifier::request::{HeaderName, Request, Shown as Token};
use serde_json::{Value, json};

use super::names::{ANY_ADDRESS, ANY_HOST};
use crate::commands::reach::places::{Place, Places};
use crate::commands::reach::single::{decided, gates, parts, sentence};
use crate::mesh::Meshes;

/// One side.
pub(super) struct Side<'s, 'm> {
    pub fleet: &'s Fleet<'m>,
    pub meshes: &'s Meshes<'m>,
    pub places: Places<'s>,
}

/// What decided before, and what decides after.
#[derive(Default)]
pub(super) struct Why {
    pub before: Option<Decision>,
    pub after: Option<Decision>,
}

/// What decides about a request.
pub(super) struct Decision {
    pub reach: Reach,
    /// Which policy or statement, or that there is none.
    pub what: String,
    /// Where it was written.
    pub place: Option<Place>,
}

impl Why {
    /// Finds what is behind a change. Of one that gains it is about what is gained.
    pub fn of(change: &Change, [before, after]: [&Side<'_, '_>; 2]) -> Self {
        let (Some(party), Some(target)) = (change.callers.first(), change.targets.first()) else {
            return Self::default();
        };
        let Some(witness) = change.gained.as_ref().or(change.lost.as_ref()) else { return Self::default() };
        let asked = asked(witness);
        let (was, is) = (before.answer(party, target, &asked), after.answer(party, target, &asked));
        // The gate that refuses on one side is the one to look at on the other.
        let refusing = if change.gained.is_some() { &was } else { &is };
        let gate = refusing.as_ref().filter(|answer| answer.reach() != Reach::Allowed).map(strictest);
        Self {
            before: was.map(|answer| before.decision(&answer, gate)),
            after: is.map(|answer| after.decision(&answer, gate)),
        }
    }
}

impl Side<'_, '_> {
    fn answer(&self, party: &Party, target: &Target, asked: &Asked) -> Option<Answer<'_>> {
        let at = self.fleet.models().iter().position(|model| model.name() == target.cluster)?;
        let model = *self.fleet.models().get(at)?;
        let workload = model.workloads().find(|workload| name(workload) == target.workload)?;
        let mut callers = self.fleet.callers().iter();
        let calling = callers.find(|calling| {
            let home = calling.cluster.and_then(|home| self.fleet.models().get(home));
            home.map(|home| home.name()) == party.cluster.as_deref() && called(&calling.caller) == party.name
        })?;
        let caller = match calling.cluster.filter(|home| *home != at).and_then(|home| self.fleet.models().get(home)) {
            Some(home) => calling.caller.from_elsewhere(home),
            None => calling.caller,
        };
        let governed = self.meshes.governed(&target.cluster, workload);
        Some(explain(
            model,
            caller,
            (workload, target.port),
            asked,
            Detail { full: true, governed, ..Detail::default() },
        ))
    }

    fn decision(&self, answer: &Answer<'_>, gate: Option<usize>) -> Decision {
        let reach = answer.reach();
        if let Some(passed) = answer.by_waypoint.as_ref().filter(|passed| passed.reach > answer.directly()) {
            return Decision { reach, what: format!("through waypoint {}", passed.waypoint), place: None };
        }
        let at = gate.unwrap_or_else(|| strictest(answer));
        let found = gates(answer).into_iter().nth(at);
        let Some((name, Some(gate))) = found else {
            return Decision { reach, what: "no proxy stands before this port".to_owned(), place: None };
        };
        let (_, decider) = parts(gate);
        let origin = answer.statement.as_ref().filter(|_| name == "proxy").and_then(decided);
        if let Some(origin) = origin {
            let denied = matches!(answer.statement, Some(Told::Denied(..)));
            let what = if denied { format!("denied by {}", origin.id) } else { origin.id.clone() };
            return Decision { reach, what, place: Some(self.places.of(origin.span)) };
        }
        let cited = match decider {
            Decider::Rule(cited) | Decider::OtherAddress(cited) | Decider::Tier { rule: cited, .. } => Some(cited),
            Decider::Denied { by, .. } => Some(by),
            // Where policy was compiled, no line of it is the one that does not admit this.
            Decider::NoRule { about, .. } => about.first().filter(|cited| cited.source.is_none()),
            _ => None,
        };
        Decision { reach, what: sentence(name, decider), place: cited.and_then(|cited| self.written(cited)) }
    }

    fn written(&self, cited: &Cited<'_>) -> Option<Place> {
        match cited.source {
            Some(source) => self.places.named(source).into_iter().next(),
            None => Some(self.places.of(cited.span)),
        }
    }
}

/// Returns the position of the gate that lets the least through; of those that let everything, the last that there is.
fn strictest(answer: &Answer<'_>) -> usize {
    let gates = gates(answer);
    let there = gates.iter().enumerate().rev().filter_map(|(at, (_, gate))| Some((at, (*gate)?)));
    there.min_by_key(|(_, gate)| Gate::reach(gate)).map_or(0, |(at, _)| at)
}

fn called(caller: &Caller<'_>) -> String {
    match caller {
        Caller::Workload(workload) | Caller::WorkloadOf(_, workload) => name(workload),
        Caller::Stranger(stranger) | Caller::StrangerOf(_, stranger) => stranger.name.clone(),
        Caller::Outside(_) => OUTSIDE.to_owned(),
    }
}

/// Asks for the request of a witness.
fn asked(Witness { request, .. }: &Witness) -> Asked {
    let Request { http, address, .. } = request;
    let address = (*address != IpAddr::from(ANY_ADDRESS)).then(|| (*address).into());
    let Some(http) = http else { return Asked { address, ..Asked::anything() } };
    let header = |(name, values): (&HeaderName, &Vec<String>)| -> Vec<(String, String)> {
        values.iter().map(|value| (name.as_str().to_owned(), value.clone())).collect()
    };
    Asked {
        method: Some(http.method.clone()),
        path: Some(http.path.clone()),
        host: (http.host != ANY_HOST).then(|| http.host.clone()),
        headers: http.headers.iter().flat_map(header).collect(),
        without_token: matches!(http.token, Token::Nothing),
        address,
        ..Asked::anything()
    }
}

impl Decision {
    /// Says it in a line: `refused: /shop#no-admins  policy/shop.yaml:12`.
    pub fn words(&self) -> String {
        let word = match self.reach {
            Reach::Allowed => "admitted",
            Reach::Depends => "perhaps admitted",
            Reach::Denied => "refused",
        };
        let place = self.place.as_ref().map(|place| format!("  {place}")).unwrap_or_default();
        format!("{word}: {}{place}", self.what)
    }

    /// Returns it for programs.
    pub fn json(&self) -> Value {
        let word = match self.reach {
            Reach::Allowed => "allowed",
            Reach::Depends => "depends",
            Reach::Denied => "denied",
        };
        json!({ "reach": word, "by": self.what, "place": self.place.as_ref().map(Place::json) })
    }
}
