//! `mesh/shared-certificate`: two listeners with one certificate and different hosts at one port.
//!
//! A client that has a connection for one host may use it for the other, because the certificate fits both (RFC 9113, 9.1.1); the
//! listener it is connected to has no routes for that host and answers 404.

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::diagnostics::codes::mesh as code;
use ringfence_compiler::source::Span;

use super::{Context, is_at_one_port};
use crate::entrances::Entrance;
use crate::routing::gateway::Speaks;

pub(super) fn check(context: &Context<'_>, diagnostics: &mut Diagnostics) {
    let secrets = secrets(context);
    let listeners = &context.entrances.listeners;
    let secret = |listener: &Entrance| secrets.iter().find(|(span, _)| *span == listener.span).map(|(_, name)| name);
    for (at, one) in listeners.iter().enumerate() {
        let Some(certificate) = secret(one).filter(|_| one.speaks == Speaks::Http) else { continue };
        for other in listeners.iter().skip(at + 1) {
            let same = other.speaks == Speaks::Http && secret(other) == Some(certificate);
            let apart = one.hosts.iter().all(|host| other.hosts.iter().all(|theirs| theirs != host && theirs != "*"));
            if !same || !apart || one.hosts.iter().any(|host| host == "*") || !is_at_one_port(one, other) {
                continue;
            }
            let hosts = |it: &Entrance| it.hosts.iter().map(|host| format!("`{host}`")).collect::<Vec<_>>().join(", ");
            let message = format!(
                "{} and {} end TLS of different hosts with one certificate, `{certificate}`",
                one.object, other.object
            );
            diagnostics.report(
                code::SHARED_CERTIFICATE
                    .at(one.span, message)
                    .label(format!("for {}", hosts(one)))
                    .and(other.span, format!("for {}", hosts(other)))
                    .help("a browser uses one connection for both and gets 404 from the wrong one: make one listener of them, or give each a certificate of its own"),
            );
        }
    }
}

/// Returns the Secret of each listener that has one, by where the listener was written.
fn secrets(context: &Context<'_>) -> Vec<(Span, String)> {
    let routing = &context.model.policies().routing;
    let servers = routing.gateways.iter().flat_map(|gateway| &gateway.servers);
    let of_istio = servers.filter(|server| server.tls.ends() && server.tls.is_there());
    let of_istio = of_istio.filter_map(|server| Some((server.span, server.secret.clone()?)));
    let listeners = routing.parents.iter().flat_map(|parent| &parent.listeners);
    let others = listeners.filter_map(|listener| {
        let (namespace, name) = listener.secrets.first()?;
        Some((listener.span, format!("{namespace}/{name}")))
    });
    of_istio.chain(others).collect()
}
