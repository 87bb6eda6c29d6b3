//! `mesh/rival-listeners`: listeners of two objects at one port of the same pods, of which only the older is there.
//!
//! Istio leaves out a listener whose port is taken by plaintext where it wants TLS or the other way, and one with TLS for a host
//! that another has already (istio/istio `pilot/pkg/model/gateway.go`, `mergeGateways`). Plaintext ones of
//! HTTP are joined. A Gateway comes before its ListenerSets whatever their age.

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::diagnostics::codes::mesh as code;

use super::{Context, is_at_one_port};
use crate::entrances::Entrance;
use crate::routing::gateway::Speaks;

pub(super) fn check(context: &Context<'_>, diagnostics: &mut Diagnostics) {
    let listeners = &context.entrances.listeners;
    for (at, one) in listeners.iter().enumerate() {
        let later = listeners
            .iter()
            .skip(at + 1)
            .filter(|other| other.object != one.object && other.object.kind == one.object.kind);
        for other in later.filter(|other| is_at_one_port(one, other)) {
            let Some(why) = conflict(one, other) else { continue };
            diagnostics.report(
                code::RIVAL_LISTENERS
                    .at(one.span, format!("of {} and {} only the older one listens at port {}", one.object, other.object, one.port))
                    .label(why.clone())
                    .and(other.span, why)
                    .help("no file tells which is older, and routes bound to the other are not asked: make one listener of both, or take ports or hosts apart"),
            );
        }
    }
}

/// Says why one of two listeners is left out; `None` where both are there.
fn conflict(one: &Entrance, other: &Entrance) -> Option<String> {
    if one.tls.is_there() != other.tls.is_there() {
        return Some("one is plaintext and the other is TLS".to_owned());
    }
    if !one.tls.is_there() {
        let both_of_requests = one.speaks == Speaks::Http && other.speaks == Speaks::Http;
        return (!both_of_requests).then(|| "one port has one listener of connections without TLS".to_owned());
    }
    let same = one.hosts.iter().find(|host| other.hosts.contains(host))?;
    Some(format!("both are for `{same}`"))
}
