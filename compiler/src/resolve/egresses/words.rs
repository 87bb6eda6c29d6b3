//! What one Egress says, taken by itself: ports, TLS, addresses and hosts that fit together.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use crate::diagnostics::codes::{parse, resolve as code};
use crate::diagnostics::{Diagnostic, Diagnostics, Reported};
use crate::document::Document;
use crate::resolve::world::World;
use crate::spec::egress::{EgressProtocol, EgressSpec, Origination};

/// Reports what does not fit together.
///
/// # Errors
/// When something does not.
pub(super) fn check(
    world: &World<'_>,
    document: &Document<EgressSpec>,
    diagnostics: &mut Diagnostics,
) -> Result<(), Reported> {
    let spec = &document.spec;
    let mut checked = Ok(());
    for wrong in ports(spec).into_iter().chain(tls(spec)).chain(hosts(world, spec)) {
        checked = Err(diagnostics.report(wrong));
    }
    checked
}

/// Tells whether two call their hosts in one way.
pub(super) fn alike(one: &EgressSpec, other: &EgressSpec) -> bool {
    let ports = |spec: &EgressSpec| -> BTreeSet<_> {
        spec.ports.0.iter().map(|port| (port.value.called(), port.value.outside(), port.value.protocol.value)).collect()
    };
    let addresses = |spec: &EgressSpec| -> BTreeSet<_> { spec.cidrs.iter().map(|net| net.value.0).collect() };
    ports(one) == ports(other) && one.tls == other.tls && one.via == other.via && addresses(one) == addresses(other)
}

fn ports(spec: &EgressSpec) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut seen = BTreeMap::new();
    for port in &spec.ports.0 {
        if let Some(first) = seen.insert(port.value.called(), port.span) {
            let twice = code::AMBIGUOUS.at(port.span, format!("port {} is listed twice", port.value.called()));
            found.push(twice.label("again here").and(first, "first here").help("keep one"));
        }
        let protocol = &port.value.protocol;
        let encrypted = matches!(protocol.value, EgressProtocol::Https | EgressProtocol::Tls);
        if let (Some(tls), true) = (&spec.tls, encrypted) {
            let twice = parse::INVALID_VALUE
                .at(protocol.span, format!("TLS would begin twice: `{}` is in TLS already", protocol.value.word()));
            let twice = twice.label("begun by the workload").and(tls.span, "begun on the way");
            found
                .push(twice.help("write `http` or `tcp`, which workloads then speak in plaintext, or leave `tls` out"));
        }
        if let (Some(target), None) = (&port.value.target_port, &spec.tls) {
            let useless =
                parse::INVALID_VALUE.at(target.span, "another port of the host is for TLS that begins on the way");
            found
                .push(useless.label("no TLS begins").help("add `tls: {originate: simple}`, or leave `targetPort` out"));
        }
        if protocol.value == EgressProtocol::Tcp && (spec.cidrs.is_empty() || spec.hosts.0.len() > 1) {
            let bare = parse::INVALID_VALUE.at(protocol.span, "a connection of bare TCP does not name its host");
            found.push(
                bare.label("told by its addresses alone").help("write one host and list its addresses in `cidrs`"),
            );
        }
    }
    found
}

fn tls(spec: &EgressSpec) -> Option<Diagnostic> {
    let tls = spec.tls.as_ref()?;
    match (tls.value.originate.value, &tls.value.secret) {
        (Origination::Mutual, None) => Some(
            parse::MISSING_FIELD
                .at(tls.span, "missing field `secret`")
                .label("no certificate to show")
                .help("name the Secret that holds certificate and key"),
        ),
        (Origination::Simple, Some(secret)) => Some(
            parse::INVALID_VALUE
                .at(secret.span, "`originate: simple` shows no certificate")
                .label("never shown")
                .help("leave `secret` out, or write `originate: mutual`"),
        ),
        _ => None,
    }
}

fn hosts(world: &World<'_>, spec: &EgressSpec) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for host in &spec.hosts.0 {
        let name = host.value.wildcard().unwrap_or(&host.value.0);
        let labels: Vec<&str> = name.split('.').collect();
        let is_claimed = |label: &str| world.claims.keys().any(|(_, namespace)| *namespace == label);
        // `<service>.<namespace>` and its longer forms are names within a cluster.
        let inside = match labels.as_slice() {
            [_] => host.value.wildcard().is_none(),
            [_, namespace] => is_claimed(namespace),
            [.., last] => *last == "local" || labels.get(2) == Some(&"svc"),
            [] => false,
        };
        if inside {
            let inside = parse::INVALID_VALUE.at(host.span, format!("`{}` is a host within a cluster", host.value));
            found.push(inside.label("not outside").help("what runs in a cluster is granted with an Access"));
        }
        if name.parse::<Ipv4Addr>().is_ok() {
            let address = parse::INVALID_VALUE.at(host.span, format!("`{}` is an address", host.value));
            found.push(address.label("no name").help("give the host a name, and list its addresses in `cidrs`"));
        }
        let plain = spec.ports.0.iter().find(|port| port.value.protocol.value == EgressProtocol::Tcp);
        let blind = spec.tls.as_ref().map(|tls| tls.span).or(plain.map(|port| port.span));
        if let (Some(_), Some(span)) = (host.value.wildcard(), blind) {
            let wide =
                parse::INVALID_VALUE.at(host.span, format!("`{}` is no name that could be looked up", host.value));
            let wide = wide.label("which of them?").and(span, "needs one");
            found.push(wide.help("list the hosts one by one"));
        }
    }
    found
}
