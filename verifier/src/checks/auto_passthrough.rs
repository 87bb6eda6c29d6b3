//! `mesh/auto-passthrough`: gateways that lead whoever holds a certificate of the mesh to any Service, and ask no policy.
//!
//! Istio builds such listeners without AuthorizationPolicies (istio/istio `pilot/pkg/networking/core/gateway.go`), so that what
//! they open is always said.

use std::collections::BTreeSet;

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::diagnostics::codes::mesh as code;

use super::{Context, listed};
use crate::routing::gateway::Tls;

pub(super) fn check(context: &Context<'_>, diagnostics: &mut Diagnostics) {
    for (at, listener) in context.entrances.listeners.iter().enumerate() {
        if listener.tls != Tls::AutoPassthrough {
            continue;
        }
        let openings = context.entrances.openings.iter().filter(|opening| opening.listener == at);
        let services: BTreeSet<String> = openings.map(|opening| format!("`{}`", opening.host)).collect();
        let leads = match services.is_empty() {
            true => "to no Service at hand yet".to_owned(),
            false => format!("to {}", listed(services)),
        };
        diagnostics.report(
            code::AUTO_PASSTHROUGH
                .at(listener.span, format!("{} leads to any Service that a handshake names", listener.object))
                .label(format!("leads {leads}, and asks no AuthorizationPolicy"))
                .help(
                    "use it between clusters alone, name the Services in `hosts`, and keep the outside from port 15443",
                ),
        );
    }
}
