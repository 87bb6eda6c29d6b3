//! Mandates on exposures: which hosts, for whom, without a token or not, and how old TLS may be.

use crate::diagnostics::codes::resolve as code;
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::document::Document;
use crate::requests::{PathPattern, Pattern};
use crate::resolve::world::World;
use crate::source::{Span, Spanned};
use crate::spec::exposure::{ExposureSpec, TlsMode, TlsVersion, UrlPath};
use crate::spec::mandates::ExposureMandate;
use crate::spec::names::Name;

/// Holds a document against the mandates of its node and of every node above it.
pub(super) fn check(world: &World<'_>, document: &Document<ExposureSpec>, diagnostics: &mut Diagnostics) {
    for path in document.node.lineage() {
        for mandate in world.mandates(&path).into_iter().filter_map(|mandates| mandates.exposure.as_ref()) {
            for widens in widenings(document, &mandate.value) {
                diagnostics.report(widens.help("stay within the mandate, or have it changed where it is made"));
            }
        }
    }
}

fn widenings(document: &Document<ExposureSpec>, mandate: &ExposureMandate) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let spec = &document.spec;
    if let Some(hosts) = &mandate.hosts {
        let allowed = &hosts.value.at_most.value.0;
        let outside = |host: &&Spanned<_>| !allowed.iter().any(|allowed| allowed.value.covers(&host.value));
        for host in spec.hostnames.0.iter().filter(outside) {
            let widens =
                code::WIDENS_MANDATE.at(host.span, format!("`{}` may not expose `{}`", document.node, host.value));
            found.push(
                widens.label("outside the mandate").and(hosts.value.at_most.span, "the hosts that may be exposed"),
            );
        }
    }
    if let Some(audience) = &mandate.audience
        && !audience.value.at_most.value.covers(&spec.audience.value)
    {
        let widens = code::WIDENS_MANDATE.at(spec.audience.span, "the audience is wider than it may be");
        found.push(widens.label("outside the mandate").and(audience.value.at_most.span, "the widest audience"));
    }
    if let Some(anonymous) = &mandate.anonymous {
        let allowed = &anonymous.value.at_most.value.0;
        for (span, path) in without_token(spec, document.span) {
            let covered = |path: &PathPattern| allowed.iter().any(|allowed| allowed.value.covers(path));
            if let Some(path) = path.iter().find(|path| !covered(path)) {
                let widens = code::WIDENS_MANDATE.at(span, format!("`{path}` may not be exposed without a token"));
                let widens = widens.label("needs no token");
                found.push(widens.and(anonymous.value.at_most.span, "the paths that may"));
            }
        }
    }
    if let Some(tls) = &mandate.tls {
        let min = spec.tls.value.min_version.as_ref();
        let passed = spec.tls.value.mode.as_ref().is_some_and(|mode| mode.value == TlsMode::Passthrough);
        if min.map_or(TlsVersion::V12, |version| version.value) < tls.value.at_least.value && !passed {
            let span = min.map_or(spec.tls.span, |version| version.span);
            let widens = code::WIDENS_MANDATE.at(span, "an older version of TLS is spoken than may be");
            found.push(widens.label("outside the mandate").and(tls.value.at_least.span, "the oldest version"));
        }
    }
    found
}

/// Returns the paths that need no token. What a gateway passes through unread counts as one: no token is asked for.
fn without_token(spec: &ExposureSpec, whole: Span) -> Vec<(Span, Vec<PathPattern>)> {
    let is_none = |auth: Option<&Spanned<Name>>| auth.is_none_or(|auth| auth.value.0 == "none");
    if spec.paths.is_empty() {
        let everything = UrlPath("/".to_owned()).below();
        let span = spec.auth.as_ref().map_or(whole, |auth| auth.span);
        return if is_none(spec.auth.as_ref()) { vec![(span, everything)] } else { Vec::new() };
    }
    let open = spec.paths.iter().filter(|path| is_none(path.value.auth.as_ref().or(spec.auth.as_ref())));
    let patterns = |path: &Spanned<crate::spec::exposure::ExposedPath>| {
        let exact = path.value.exact.iter().map(|exact| PathPattern::exact(exact.value.0.clone()));
        let below = path.value.prefix.iter().flat_map(|prefix| prefix.value.below());
        (path.value.auth.as_ref().map_or(path.span, |auth| auth.span), exact.chain(below).collect())
    };
    open.map(patterns).collect()
}
