//! Hosts that hand-written objects name: none is another owner's.
//!
//! In: objects that are carried through. Out: reports. A VirtualService for the host of a service elsewhere takes its
//! traffic away from it, in every sidecar that sees the object (ISTIO-SECURITY-2026-002), and no version of Istio minds.

use super::Exposed;
use crate::diagnostics::Diagnostics;
use crate::diagnostics::codes::resolve as code;
use crate::resolve::raws::Raw;
use crate::resolve::world::World;
use crate::source::{Span, Spanned};
use crate::spec::exposure::Hostname;
use crate::spec::reference::NodePath;
use crate::yaml::Node;

/// Reports each host of a hand-written object that belongs to another workspace.
pub(in crate::resolve) fn check(
    world: &World<'_>,
    exposed: &[Exposed<'_>],
    raws: &[Raw<'_>],
    diagnostics: &mut Diagnostics,
) {
    for raw in raws {
        for host in hosts(raw.manifest) {
            if let Some((owner, what, span)) = owner(world, exposed, raw, &host) {
                let taken = code::TAKEN_HOST
                    .at(host.span, format!("`{}` belongs to `{owner}`", host.value))
                    .label("taken by a hand-written object");
                diagnostics.report(taken.and(span, what).help(
                    "whoever writes routes for a host reads its traffic: let its owner write them, as an Exposure or a Route",
                ));
            }
        }
    }
}

/// Returns the hosts an object is about.
fn hosts(manifest: &Node) -> Vec<Spanned<String>> {
    let Some(spec) = manifest.get("spec") else { return Vec::new() };
    let kind = manifest.get("kind").and_then(Node::as_str).unwrap_or_default();
    let texts = |node: Option<&Node>| -> Vec<Spanned<String>> {
        let items = node.and_then(Node::as_sequence).unwrap_or_default();
        items.iter().filter_map(|item| Some(Spanned::new(item.as_str()?.to_owned(), item.span))).collect()
    };
    match kind {
        "VirtualService" | "ServiceEntry" => texts(spec.get("hosts")),
        "HTTPRoute" | "GRPCRoute" | "TLSRoute" => texts(spec.get("hostnames")),
        "DestinationRule" => spec
            .get("host")
            .and_then(|host| Some(Spanned::new(host.as_str()?.to_owned(), host.span)))
            .into_iter()
            .collect(),
        "Gateway" | "ListenerSet" | "XListenerSet" => {
            let servers = spec.get("servers").and_then(Node::as_sequence).unwrap_or_default();
            let listeners = spec.get("listeners").and_then(Node::as_sequence).unwrap_or_default();
            let of_servers = servers.iter().flat_map(|server| texts(server.get("hosts")));
            let of_listeners = listeners.iter().filter_map(|listener| {
                let host = listener.get("hostname")?;
                Some(Spanned::new(host.as_str()?.to_owned(), host.span))
            });
            of_servers.chain(of_listeners).collect()
        }
        _ => Vec::new(),
    }
}

/// Returns who else owns a host, and what says so.
fn owner(
    world: &World<'_>,
    exposed: &[Exposed<'_>],
    raw: &Raw<'_>,
    host: &Spanned<String>,
) -> Option<(NodePath, String, Span)> {
    // `<namespace>/<host>` of a Gateway of Istio.
    let name = host.value.rsplit('/').next().unwrap_or_default();
    let writer = raw.clusters.iter().find_map(|cluster| world.claims.get(&(*cluster, raw.namespace)))?;
    let outside = Hostname(name.to_ascii_lowercase());
    let other = exposed.iter().find_map(|exposed| {
        let listed = exposed.document.spec.hostnames.0.iter().find(|listed| listed.value.overlaps(&outside))?;
        (World::workspace(&exposed.document.node).as_ref() != Some(writer))
            .then(|| (exposed.document.node.clone(), "exposed here".to_owned(), listed.span))
    });
    if other.is_some() {
        return other;
    }
    // `<service>.<namespace>` with or without the rest; a name without a dot is of the object's own namespace.
    let mut parts = name.split('.');
    let (_, namespace, rest) = (parts.next()?, parts.next()?, parts.next());
    if rest.is_some_and(|rest| rest != "svc") {
        return None;
    }
    raw.clusters.iter().find_map(|cluster| {
        let owner = world.claims.get(&(*cluster, namespace)).filter(|owner| *owner != writer)?;
        Some((owner.clone(), format!("claims `{cluster}/{namespace}`"), world.place_of(owner)))
    })
}
