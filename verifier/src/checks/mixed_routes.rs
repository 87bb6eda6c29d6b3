//! `mesh/mixed-routes`: an HTTPRoute and a GRPCRoute for one host at one listener, of which a gateway takes one.
//!
//! The Gateway API has implementations refuse the younger of them (kubernetes-sigs/gateway-api `apis/v1/grpcroute_types.go`).

use std::collections::BTreeSet;

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::diagnostics::codes::mesh as code;

use super::Context;
use crate::entrances::Opening;
use crate::routing::Named;

pub(super) fn check(context: &Context<'_>, diagnostics: &mut Diagnostics) {
    let of_kind = |kind: &'static str| {
        let openings = context.entrances.openings.iter().filter(|opening| opening.shut.is_none() && !opening.mistaken);
        openings.filter_map(move |opening| opening.route.as_ref().filter(|it| it.kind == kind).map(|it| (opening, it)))
    };
    let mut said: BTreeSet<(&Named, &Named)> = BTreeSet::new();
    for (one, route) in of_kind("HTTPRoute") {
        let is_beside = |other: &Opening| other.listener == one.listener && other.host == one.host;
        for (_, other) in of_kind("GRPCRoute").filter(|(it, _)| is_beside(it)) {
            if !said.insert((route, other)) {
                continue;
            }
            diagnostics.report(
                code::MIXED_ROUTES
                    .at(route.span, format!("of {route} and {other} a gateway takes one for `{}`", one.host))
                    .label("routes requests for this host")
                    .and(other.span, "routes calls of gRPC for the same host, at the same listener")
                    .help("give each a host of its own, or write what the GRPCRoute says as matches of the HTTPRoute"),
            );
        }
    }
}
