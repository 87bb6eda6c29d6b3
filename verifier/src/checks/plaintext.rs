//! `mesh/plaintext-beside-tls`: a host that a gateway serves with TLS, and without it as well.

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::diagnostics::codes::mesh as code;

use super::{Context, listed};
use crate::entrances::{Entrance, Opening, common};
use crate::routing::gateway::Speaks;

pub(super) fn check(context: &Context<'_>, diagnostics: &mut Diagnostics) {
    let entrances = context.entrances;
    let is_open = |opening: &&Opening| opening.shut.is_none() && !opening.leads.is_empty() && !opening.mirrors;
    for (at, plain) in entrances.listeners.iter().enumerate() {
        if plain.tls.is_there() || plain.speaks != Speaks::Http || plain.shut.is_some() {
            continue;
        }
        let here: Vec<&Opening> = entrances.openings.iter().filter(|it| it.listener == at).filter(is_open).collect();
        let beside =
            entrances.listeners.iter().enumerate().filter(|(_, other)| encrypts(other) && shares(plain, other));
        for (other_at, encrypted) in beside {
            let there = || entrances.openings.iter().filter(|it| it.listener == other_at).filter(is_open);
            // The same host, and the same pods behind it: what is encrypted there is not here.
            let both = |one: &&&Opening| {
                there().any(|other| {
                    common(&one.host, &other.host).is_some() && one.leads.iter().any(|to| other.leads.contains(to))
                })
            };
            let bare: Vec<&&Opening> = here.iter().filter(both).collect();
            let Some(first) = bare.first() else { continue };
            let message = format!("{} leads requests for `{}` on without TLS", plain.object, first.host);
            let words = listed(bare.iter().map(|opening| format!("`{}`", opening.words())));
            diagnostics.report(
                code::PLAINTEXT_BESIDE_TLS
                    .at(plain.span, message)
                    .label(format!("port {} takes {words} in plaintext", plain.port))
                    .and(encrypted.span, format!("port {} asks for TLS for the same", encrypted.port))
                    .help("redirect plaintext (`tls.httpsRedirect: true`, or a route with a RequestRedirect filter), or take the listener away"),
            );
            break;
        }
    }
}

fn encrypts(listener: &Entrance) -> bool {
    listener.tls.is_there() && listener.speaks == Speaks::Http && listener.shut.is_none()
}

/// Tells whether some pods listen at both.
fn shares(one: &Entrance, other: &Entrance) -> bool {
    one.pods.iter().any(|ours| other.pods.iter().any(|theirs| super::are_same(&ours.pods, &theirs.pods)))
}
