//! Whether an Egress is held to: what no gateway, proxy or network plugin can enforce is an error or a warning here.

use super::super::enforces_network_policy;
use crate::diagnostics::codes::lowering as code;
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::resolve::egresses::{Leaving, gateways_demanded};
use crate::resolve::units::Unit;
use crate::resolve::world::Cluster;
use crate::resolve::{Governed, Resolved};
use crate::source::Span;
use crate::spec::cluster::{DataPlane, GatewaySpec};
use crate::spec::egress::{EgressProtocol, EgressSpec};
use crate::spec::mandates::EgressMode;
use crate::spec::reference::NodePath;

/// Reports what of an Egress would not be enforced in a cluster.
pub(super) fn check(
    resolved: &Resolved<'_>,
    cluster: &Cluster<'_>,
    leaving: &Leaving<'_>,
    diagnostics: &mut Diagnostics,
) {
    let spec = &leaving.document.spec;
    for problem in written(leaving) {
        diagnostics.report(problem);
    }
    for governed in leaving.units.iter().filter_map(|at| resolved.units.get(*at)) {
        if let Some(problem) = without_proxy(leaving, &governed.unit) {
            diagnostics.report(problem);
        }
    }
    match leaving.via {
        Some((name, gateway)) => {
            for problem in at_gateway(resolved, cluster, (name, gateway), spec) {
                diagnostics.report(problem);
            }
            bypasses(resolved, cluster, leaving, diagnostics);
        }
        None if leaving.opens_everything() => {
            diagnostics.report(open(cluster, leaving));
        }
        None => {}
    }
}

/// Returns what cannot be written, whoever calls.
fn written(leaving: &Leaving<'_>) -> Vec<Diagnostic> {
    let spec = &leaving.document.spec;
    let mut found = Vec::new();
    let secret = spec.tls.as_ref().and_then(|tls| tls.value.secret.as_ref());
    let own = leaving.via.map(|(_, gateway)| gateway.namespace.value.0.as_str());
    if let Some(secret) = secret.filter(|secret| secret.value.namespace.is_some())
        && secret.value.namespace.as_deref() != own
    {
        let foreign = code::INEXPRESSIBLE.at(secret.span, "a proxy reads Secrets of its own namespace alone");
        let at = own.unwrap_or("the namespace of the workloads");
        found.push(foreign.label("in another namespace").help(format!("keep the Secret in {at}, and name it alone")));
    }
    let Some(via) = &spec.via else { return found };
    if let Some(host) = spec.hosts.0.iter().find(|host| host.value.wildcard().is_some()) {
        let wide = code::INEXPRESSIBLE
            .at(host.span, format!("an egress gateway cannot look up `{}`", host.value))
            .label("which of them?")
            .and(via.span, "leads through a gateway");
        found.push(wide.help("list the hosts one by one, or let the workloads call directly"));
    }
    if let Some(second) = spec.ports.0.get(1) {
        let several = code::INEXPRESSIBLE
            .at(second.span, "an egress gateway tells connections apart by host, not by the port that was called")
            .label("a second port of one host")
            .and(via.span, "leads through a gateway");
        found.push(several.help("leave one port, or give the other an Egress and a host of its own"));
    }
    found
}

/// Says of a unit without a sidecar what needs one.
fn without_proxy(leaving: &Leaving<'_>, unit: &Unit<'_>) -> Option<Diagnostic> {
    let spec = &leaving.document.spec;
    let (span, what) = match (leaving.via, &spec.via, &spec.tls) {
        (Some(_), Some(via), _) => (via.span, "nothing leads its connections to a gateway, or shows it who calls"),
        (_, _, Some(tls)) => (tls.span, "nothing begins TLS for it"),
        _ => return None,
    };
    let how = match unit.data_plane {
        Some(DataPlane::Sidecar) => return None,
        Some(DataPlane::Ambient) => "is in ambient mode",
        None => "has no proxy",
    };
    let workload = unit.workloads.first()?;
    let nobody = code::UNENFORCEABLE.at(span, format!("`{}/{}` {how}, so {what}", unit.namespace, unit.name));
    Some(
        nobody
            .label("would not be enforced")
            .and(workload.span, "this workload")
            .help("leave it out with `from`, let it call directly with TLS of its own, or give it a sidecar"),
    )
}

/// Returns what keeps a gateway from letting out exactly those that may.
fn at_gateway(
    resolved: &Resolved<'_>,
    cluster: &Cluster<'_>,
    (name, gateway): (&str, &GatewaySpec),
    spec: &EgressSpec,
) -> Vec<Diagnostic> {
    let span = spec.via.as_ref().map_or(gateway.namespace.span, |via| via.span);
    let declared = gateway.namespace.span;
    let mut found = Vec::new();
    let mut lacks = |message: String, label: &str, help: &str| {
        found.push(code::UNENFORCEABLE.at(span, message).label(label).and(declared, "the gateway").help(help));
    };
    if gateway.labels.is_empty() {
        let help = "add the `labels` of its pods, and of no others, to the Cluster";
        lacks(
            format!("gateway `{name}` does not say which labels its pods carry"),
            "every gateway of the mesh would be meant",
            help,
        );
    }
    if gateway.service.is_none() {
        let help = "add `service`, the Kubernetes Service of its pods, to the Cluster; it has a port 443";
        lacks(format!("nothing says by which Service gateway `{name}` is called"), "leads nowhere", help);
    }
    if gateway.shared.as_ref().is_some_and(|shared| shared.value) {
        let help = "lead through a gateway of its own";
        lacks(
            format!("gateway `{name}` is shared with others, so nothing can be refused at it"),
            "would not be enforced",
            help,
        );
    }
    let namespace = &gateway.namespace.value.0;
    if let Some(owner) = resolved.world.claims.get(&(cluster.document.name(), namespace.as_str())) {
        let help = "leave that namespace out of the claim: what leads through the gateway closes it";
        lacks(
            format!("`{owner}` claims namespace `{namespace}`, in which gateway `{name}` runs"),
            "what it grants to callers of the gateway would be let out as well",
            help,
        );
    }
    let bare = spec.ports.0.iter().find(|port| port.value.protocol.value == EgressProtocol::Tcp);
    let ranges = spec.cidrs.iter().find(|net| net.value.0.prefix_len() != net.value.0.max_prefix_len());
    if let (Some(port), Some(range)) = (bare, ranges) {
        let wide = code::INEXPRESSIBLE
            .at(range.span, "a connection of bare TCP is led to a gateway by single addresses")
            .label("a range")
            .and(port.span, "bare TCP");
        found.push(wide.help("list the addresses of the host one by one"));
    }
    found
}

/// Says how callers could walk past their gateway: an error where a mandate demands gateways, else a warning.
fn bypasses(resolved: &Resolved<'_>, cluster: &Cluster<'_>, leaving: &Leaving<'_>, diagnostics: &mut Diagnostics) {
    let spec = &leaving.document.spec;
    let Some(via) = &spec.via else { return };
    let callers = || leaving.units.iter().filter_map(|at| Some((*at, resolved.units.get(*at)?)));
    let mandate = callers().find_map(|(_, governed)| gateways_demanded(&resolved.world, &governed.unit.node));
    let mut say = |message: String, place: Option<(Span, &str)>, help: &str| {
        let weight = if mandate.is_some() { &code::UNENFORCEABLE } else { &code::BYPASSED_EGRESS };
        let past = weight.at(via.span, message).label("can be walked past");
        let past = place.into_iter().fold(past, |past, (span, what)| past.and(span, what));
        let past = mandate.into_iter().fold(past, |past, span| past.and(span, "gateways are mandated"));
        diagnostics.report(past.help(help));
    };
    if !enforces_network_policy(cluster) {
        let place = cluster.document.spec.network_policy.as_ref().map(|it| (it.span, "NetworkPolicy is not enforced"));
        say(
            format!("nothing in `{}` keeps workloads from calling outside by themselves", cluster.document.name()),
            place,
            "a sidecar is no boundary: run a network plugin that enforces NetworkPolicy",
        );
        return;
    }
    let any = |governed: &Governed<'_>| governed.settings.egress.value == EgressMode::Any;
    if let Some((_, governed)) = callers().find(|(_, governed)| any(governed)) {
        say(
            format!("`{}/{}` may call any host", governed.unit.namespace, governed.unit.name),
            None,
            "write `egress: registry-only` in the `defaults` of its node",
        );
    }
    let direct =
        |at: usize| resolved.egresses.iter().find(|other| other.opens_everything() && other.units.contains(&at));
    if let Some((governed, other)) = callers().find_map(|(at, governed)| Some((governed, direct(at)?))) {
        say(
            format!(
                "`{}/{}` calls other hosts directly, and NetworkPolicy knows no names",
                governed.unit.namespace, governed.unit.name
            ),
            Some((other.document.span, "opens every address")),
            "list the addresses of those hosts in `cidrs`, or let them lead through a gateway as well",
        );
    }
}

/// Says that names are not held to where workloads call directly.
fn open(cluster: &Cluster<'_>, leaving: &Leaving<'_>) -> Diagnostic {
    let spec = &leaving.document.spec;
    let span = spec.hosts.0.first().map_or(leaving.document.span, |host| host.span);
    let mut ports: Vec<u16> = spec.ports.0.iter().map(|port| port.value.outside()).collect();
    ports.sort_unstable();
    let ports = ports.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let message = if enforces_network_policy(cluster) {
        format!(
            "NetworkPolicy knows no names: whoever may call `{}` reaches every address on {ports}",
            leaving.document.name()
        )
    } else {
        format!("nothing in `{}` keeps workloads from calling any address", cluster.document.name())
    };
    code::OPEN_EGRESS
        .at(span, message)
        .label("the name is not held to")
        .help("list the addresses in `cidrs`, or lead through an egress gateway with `via`")
}

/// Reports workloads that may call any host where a mandate lists hosts or gateways: nothing would hold them to it.
pub(super) fn check_modes(resolved: &Resolved<'_>, cluster: &Cluster<'_>, diagnostics: &mut Diagnostics) {
    let name = cluster.document.name();
    let mut said = std::collections::BTreeSet::new();
    for governed in resolved.units.iter().filter(|governed| governed.unit.cluster == name) {
        let unit = &governed.unit;
        if governed.settings.egress.value != EgressMode::Any {
            continue;
        }
        if let Some(span) = bounded(resolved, &unit.node).filter(|span| said.insert(*span)) {
            let any = code::UNENFORCEABLE
                .at(span, format!("`{}/{}` may call any host, whatever is listed here", unit.namespace, unit.name));
            diagnostics.report(
                any.label("would not be enforced")
                    .help("add `atMost: registry-only` to the mandate, and end what makes it `any`"),
            );
        }
    }
}

/// Returns the mandate that lists hosts or gateways for a node.
fn bounded(resolved: &Resolved<'_>, node: &NodePath) -> Option<Span> {
    let lineage = node.lineage();
    let mandates = lineage.iter().flat_map(|path| resolved.world.mandates(path));
    let mut egress = mandates.filter_map(|mandates| mandates.egress.as_ref());
    egress.find(|egress| egress.value.hosts.is_some() || egress.value.via.is_some()).map(|egress| egress.span)
}
