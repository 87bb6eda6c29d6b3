//! Slips of the pen: what is valid, and most likely not what was meant.
//!
//! In: documents and their conditions. Out: warnings only. It exists for words that nobody can forbid, since anybody may
//! choose them, and that say nothing where they miss the one they were meant to be.

use super::world::World;
use crate::diagnostics::codes::resolve as code;
use crate::diagnostics::{Diagnostics, nearest};
use crate::spec::access::Condition;

/// The methods of HTTP (RFC 9110, RFC 5789).
const METHODS: [&str; 9] = ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"];

/// Warns of methods that are one slip away from one of HTTP's. Others are somebody's own, as `PURGE` is.
pub(super) fn check_methods(condition: &Condition, diagnostics: &mut Diagnostics) {
    for method in condition.methods.iter().flat_map(|methods| &methods.0) {
        let word = method.value.0.as_str();
        let near = METHODS.into_iter().find(|known| strsim::damerau_levenshtein(word, known) == 1);
        if let Some(near) = near.filter(|_| !METHODS.contains(&word)) {
            let miss = code::NEAR_MISS.at(method.span, format!("`{word}` is no method of HTTP"));
            diagnostics.report(miss.label("fits no usual request").help(format!("did you mean `{near}`?")));
        }
    }
}

/// Warns of sensitivities that no zone asks for, beside one that a zone asks for and that looks the same.
pub(super) fn check_sensitivities(world: &World<'_>, diagnostics: &mut Diagnostics) {
    let members = || world.parsed.policy.zones.iter().flat_map(|zone| &zone.spec.members.0);
    let asked: Vec<&str> = members()
        .filter_map(|member| match &member.value {
            crate::spec::zone::Member::Labels(labels) => Some(labels.sensitivity.as_ref()?.0.as_str()),
            crate::spec::zone::Member::Reference(_) => None,
        })
        .collect();
    for given in world.parsed.policy.services.iter().filter_map(|document| document.spec.sensitivity.as_ref()) {
        let word = given.value.0.as_str();
        // Short words are near each other by chance: `pii` is not `pci` mistyped.
        let alike = |near: &&str| word.eq_ignore_ascii_case(near) || word.len().min(near.len()) > 4;
        if let Some(near) = nearest(word, asked.iter().copied()).filter(|near| !asked.contains(&word) && alike(near)) {
            let miss = code::NEAR_MISS.at(given.span, format!("no zone asks for sensitivity `{word}`"));
            diagnostics.report(miss.label("in no zone").help(format!("did you mean `{near}`?")));
        }
    }
}

/// Warns of zones that bound nothing and that no reference names; to be asked when every reference was looked up.
pub(super) fn check_zones(world: &World<'_>, diagnostics: &mut Diagnostics) {
    let Ok(named) = world.zones_named.lock() else { return };
    for zone in &world.parsed.policy.zones {
        let rules = &zone.spec.rules;
        if rules.from.is_none() && rules.to.is_none() && !named.contains(zone.name()) {
            let hollow = code::NO_EFFECT.at(zone.metadata.name.span, format!("zone `{}` bounds nothing", zone.name()));
            diagnostics.report(
                hollow
                    .label("its `rules` are empty, and nothing names it")
                    .help("write `rules.from.atMost` or `rules.to.atMost`, or delete it"),
            );
        }
    }
}
