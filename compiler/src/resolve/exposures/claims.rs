//! Hosts and paths are claims: of one tenant, never of two, and a path of one Exposure alone.
//!
//! In: every Exposure. Out: reports that name both places. It exists because proxies settle such a clash by age of object,
//! which is nowhere in a repository, and because whoever takes another's host reads its traffic (ISTIO-SECURITY-2026-002).

use std::collections::BTreeMap;

use super::{Exposed, Place};
use crate::diagnostics::codes::resolve as code;
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::resolve::world::World;
use crate::source::{Span, Spanned};
use crate::spec::cluster::Flavor;
use crate::spec::exposure::{Hostname, TlsMode};
use crate::spec::service::Protocol;

/// One host of one document.
struct Claim<'e, 'a> {
    host: &'e Spanned<Hostname>,
    exposed: &'e Exposed<'a>,
}

/// Reports every clash of claims.
pub(super) fn check(world: &World<'_>, exposed: &[Exposed<'_>], diagnostics: &mut Diagnostics) {
    // A document claims alike in every cluster, but not the same paths are answered everywhere: all of them speak.
    let mut whole: BTreeMap<Span, Exposed<'_>> = BTreeMap::new();
    for one in exposed {
        let known = whole.entry(one.document.span).or_insert_with(|| one.clone());
        for path in &one.paths {
            if known.paths.iter().all(|other| other.span != path.span) {
                known.paths.push(path.clone());
            }
        }
    }
    let claims: Vec<Claim<'_, '_>> = whole
        .values()
        .flat_map(|exposed| exposed.document.spec.hostnames.0.iter().map(|host| Claim { host, exposed }))
        .collect();
    for (at, one) in claims.iter().enumerate() {
        for other in claims.iter().take(at).filter(|other| other.host.value.overlaps(&one.host.value)) {
            if let Some(clash) = clash(other, one) {
                diagnostics.report(clash);
            }
        }
    }
    for exposed in whole.values() {
        same_path_twice(exposed, diagnostics);
    }
    check_kinds(world, &claims, diagnostics);
    check_certificates(&claims, diagnostics);
}

fn clash(first: &Claim<'_, '_>, second: &Claim<'_, '_>) -> Option<Diagnostic> {
    let (one, other) = (&first.exposed.document.node, &second.exposed.document.node);
    let said = |message: String| {
        code::TAKEN_HOST
            .at(second.host.span, message)
            .label(format!("exposed by `{other}`"))
            .and(first.host.span, format!("exposed by `{one}`"))
    };
    let (here, there) = (&second.host.value, &first.host.value);
    let same_host = here == there;
    let same_document = first.exposed.document.span == second.exposed.document.span;
    let both = if same_host { format!("`{here}`") } else { format!("`{there}` and `{here}`, which overlap,") };
    if World::tenant(one) != World::tenant(other) {
        return Some(said(format!("{both} would belong to two tenants")).help(
            "a host belongs to one tenant: let the other give up the name, or bound who may expose it with a mandate `exposure.hosts`",
        ));
    }
    if !same_host && World::workspace(one) != World::workspace(other) {
        let help = "let one workspace expose both, or list the hosts one by one in place of the wildcard";
        return Some(said(format!("{both} would belong to two workspaces")).help(help));
    }
    if same_document {
        let twice = said(format!("`{here}` is listed twice")).help("take one of them away");
        return same_host.then_some(twice);
    }
    let passed = [first, second].iter().any(|claim| claim.exposed.tls.mode == TlsMode::Passthrough);
    if passed {
        let help = "a gateway cannot both read requests for a host and pass them through unread: give it another name";
        return Some(said(format!("{both} would be passed through and exposed once more")).help(help));
    }
    if !same_host {
        return None;
    }
    if first.exposed.document.spec.gateway.value == second.exposed.document.spec.gateway.value
        && first.exposed.tls != second.exposed.tls
    {
        let (one, other) = (&first.exposed.document.spec.tls, &second.exposed.document.spec.tls);
        let ambiguous = code::AMBIGUOUS.at(other.span, format!("TLS for `{here}` is ended in two ways at one gateway"));
        return Some(ambiguous.label("one").and(one.span, "the other").help("write the same `tls` in both"));
    }
    // Paths within one another in two documents would be ordered by nothing that anybody wrote.
    second.exposed.paths.iter().find_map(|path| {
        let overlaps = |place: &Place| place.covers(&path.at) || path.at.covers(place);
        let taken = first.exposed.paths.iter().find(|other| overlaps(&other.at))?;
        let message = if taken.at == path.at {
            format!("`{}` of `{here}` is exposed twice", path.at)
        } else {
            format!("`{}` and `{}` of `{here}` lie within one another and are exposed apart", taken.at, path.at)
        };
        let taken = code::TAKEN_HOST
            .at(path.span, message)
            .label(format!("exposed by `{other}`"))
            .and(taken.span, format!("exposed by `{one}`"));
        Some(taken.help("list them in one Exposure, where the most specific path counts"))
    })
}

fn same_path_twice(exposed: &Exposed<'_>, diagnostics: &mut Diagnostics) {
    for (at, path) in exposed.paths.iter().enumerate() {
        if let Some(first) = exposed.paths.iter().take(at).find(|other| other.at == path.at) {
            let twice = code::TAKEN_HOST.at(path.span, format!("`{}` is exposed twice", path.at));
            diagnostics.report(
                twice
                    .label("again here")
                    .and(first.span, "first here")
                    .help("neither order nor file name decides: keep one"),
            );
        }
    }
}

/// Reports hosts of which some paths are answered in gRPC and others not: of an HTTPRoute and a GRPCRoute for one host a
/// gateway heeds one (istio/istio#59204).
fn check_kinds(world: &World<'_>, claims: &[Claim<'_, '_>], diagnostics: &mut Diagnostics) {
    let by_route = |claim: &&Claim<'_, '_>| {
        let cluster = world.clusters.get(claim.exposed.cluster);
        cluster.is_some_and(|cluster| super::super::routes::flavor(cluster) == Flavor::GatewayApi)
            && claim.exposed.tls.mode != TlsMode::Passthrough
    };
    let mut seen: BTreeMap<(&str, &Hostname), (bool, Span)> = BTreeMap::new();
    let mut said: std::collections::BTreeSet<&Hostname> = std::collections::BTreeSet::new();
    for claim in claims.iter().filter(by_route) {
        for path in &claim.exposed.paths {
            let grpc = path.target.protocol == Some(Protocol::Grpc);
            let key = (claim.exposed.document.spec.gateway.value.0.as_str(), &claim.host.value);
            let (first, span) = *seen.entry(key).or_insert((grpc, path.target.span));
            if first != grpc && said.insert(&claim.host.value) {
                let mixed = code::MIXED_ROUTES
                    .at(path.target.span, format!("`{}` is answered in gRPC and in plain HTTP", claim.host.value));
                diagnostics.report(
                    mixed
                        .label(if grpc { "speaks gRPC" } else { "does not" })
                        .and(span, if first { "speaks gRPC" } else { "does not" })
                        .help("give what speaks gRPC a host of its own: a gateway heeds one of an HTTPRoute and a GRPCRoute"),
                );
            }
        }
    }
}

/// Warns of one certificate for hosts of two gateways or documents: a browser uses one connection for both, and the second
/// host is not found on it.
fn check_certificates(claims: &[Claim<'_, '_>], diagnostics: &mut Diagnostics) {
    let mut seen: BTreeMap<String, (&Claim<'_, '_>, bool)> = BTreeMap::new();
    for claim in claims {
        let Some(secret) = &claim.exposed.tls.secret else { continue };
        let (first, said) = seen.entry(secret.to_string()).or_insert((claim, false));
        let same_document = first.exposed.document.span == claim.exposed.document.span;
        let gateway = |claim: &Claim<'_, '_>| claim.exposed.document.spec.gateway.value.clone();
        let same_listener = first.host.value == claim.host.value && gateway(first) == gateway(claim);
        if same_document || same_listener || std::mem::replace(said, true) {
            continue;
        }
        let span = |claim: &Claim<'_, '_>| {
            let tls = &claim.exposed.document.spec.tls;
            tls.value.secret.as_ref().map_or(tls.span, |secret| secret.span)
        };
        let shared = code::SHARED_CERTIFICATE
            .at(span(claim), format!("`{}` and `{}` show one certificate", first.host.value, claim.host.value));
        diagnostics.report(shared.label("here").and(span(first), "and here").help(
            "a browser takes one connection for all hosts of a certificate, and gets 404 for what another listener answers: give each its own",
        ));
    }
}
