//! What answers: the Kubernetes Service in front of a service's workloads, as routes name it.

use super::Tls;
use crate::diagnostics::codes::{lowering, resolve as code};
use crate::diagnostics::{Diagnostics, Reported};
use crate::document::Document;
use crate::inventory::{KubernetesService, Labels};
use crate::resolve::access::scope;
use crate::resolve::units::Unit;
use crate::resolve::world::{Service, World};
use crate::source::{Span, Spanned};
use crate::spec::access::Port;
use crate::spec::exposure::{Backend, ExposureSpec, TlsMode};
use crate::spec::service::Protocol;

/// A port of a Kubernetes Service, and the workloads behind it.
#[derive(Debug, Clone)]
pub struct Target<'a> {
    /// The namespace of both.
    pub namespace: &'a str,
    /// The name of the Kubernetes Service.
    pub service: &'a str,
    /// Its port.
    pub service_port: u16,
    /// The port of the workloads.
    pub port: u16,
    /// What that speaks, if anything says so.
    pub protocol: Option<Protocol>,
    /// The workloads' units, by position.
    pub units: Vec<usize>,
    /// The service of policy, by its full name.
    pub name: String,
    /// Where it was named.
    pub span: Span,
}

/// Finds what answers in a cluster; `None` where the service does not run there.
///
/// # Errors
/// When it is none of the node's services, has no such port, or no Kubernetes Service stands in front of it.
pub(super) fn find<'a>(
    world: &World<'a>,
    document: &Document<ExposureSpec>,
    backend: &Spanned<Backend>,
    tls: &Tls,
    cluster: &'a str,
    units: &[&Unit<'a>],
    diagnostics: &mut Diagnostics,
) -> Result<Option<Target<'a>>, Reported> {
    let reference = &backend.value.service;
    let help = "a node exposes its own services: write it where the service is, or at a group or workspace above";
    let (index, service) = one_service(world, reference, &document.node, help, diagnostics)?;
    let here = units_of(units, index, cluster);
    let Some((_, first)) = here.first() else { return Ok(None) };
    if let Some((_, other)) = here.iter().find(|(_, unit)| unit.namespace != first.namespace) {
        return Err(diagnostics.report(two_namespaces(reference.span, service, first, other)));
    }
    let port = &backend.value.port;
    let numbers: Vec<u16> = here.iter().flat_map(|(_, unit)| unit.port_numbers(&port.value)).collect();
    let Some(number) = numbers.first().copied().filter(|number| numbers.iter().all(|other| other == number)) else {
        let known = here.iter().flat_map(|(_, unit)| unit.ports.keys()).map(|port| format!("`{port}`"));
        let known: std::collections::BTreeSet<String> = known.collect();
        let unknown = code::UNKNOWN_PORT
            .at(port.span, format!("`{}` has no port `{}`", World::service_name(service), port.value))
            .label("not one of its ports");
        let list = known.into_iter().collect::<Vec<_>>().join(", ");
        return Err(diagnostics.report(unknown.help(format!("ports are those of the workload: {list}"))));
    };
    let facts: Vec<_> = here.iter().filter_map(|(_, unit)| unit.ports.get(&number)).collect();
    let protocol = facts.iter().find_map(|facts| facts.protocol);
    let speaks_http = protocol.is_none_or(Protocol::is_http);
    if tls.mode != TlsMode::Passthrough && !speaks_http {
        return Err(diagnostics.report(
            lowering::L7_ON_TCP
                .at(port.span, format!("port {number} of `{}` does not speak HTTP", World::service_name(service)))
                .label("cannot be routed by host and path")
                .help("name a port that speaks HTTP, or let the service end TLS with `tls: {mode: passthrough}`"),
        ));
    }
    if tls.mode == TlsMode::Passthrough && protocol.is_some_and(Protocol::is_http) {
        return Err(diagnostics.report(
            code::AMBIGUOUS
                .at(
                    port.span,
                    format!("port {number} of `{}` speaks HTTP and ends no TLS", World::service_name(service)),
                )
                .label("TLS is passed through to it")
                .help("let the gateway end TLS, or name the port that does"),
        ));
    }
    let Some((front, at)) = front(world, cluster, service, first, number) else {
        return Err(diagnostics.report(
            code::UNKNOWN_REFERENCE
                .at(reference.span, format!("no Kubernetes Service stands before port {number} of `{}`", service.name))
                .label("nothing a route can name")
                .help("add a Service that selects its pods to the inventory"),
        ));
    };
    Ok(Some(Target {
        namespace: first.namespace,
        service: front,
        service_port: at,
        port: number,
        protocol,
        units: here.iter().map(|(at, _)| *at).collect(),
        name: World::service_name(service),
        span: reference.span,
    }))
}

/// Returns the one service a reference names, which must be one of the node's.
pub(in crate::resolve) fn one_service<'w, 'a>(
    world: &'w World<'a>,
    reference: &Spanned<crate::spec::reference::Reference>,
    node: &crate::spec::reference::NodePath,
    help: &str,
    diagnostics: &mut Diagnostics,
) -> Result<(usize, &'w Service<'a>), Reported> {
    let found = scope::own_services(world, reference, node, help, diagnostics)?;
    let mut found = found.into_iter().filter_map(|index| Some((index, world.services.get(index)?)));
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one),
        _ => Err(diagnostics.report(
            code::AMBIGUOUS_REFERENCE
                .at(reference.span, format!("`{}` is not one service", reference.value))
                .label("which one?")
                .help("name one service"),
        )),
    }
}

/// Returns the units of a service in a cluster.
pub(in crate::resolve) fn units_of<'u, 'a>(
    units: &[&'u Unit<'a>],
    service: usize,
    cluster: &str,
) -> Vec<(usize, &'u Unit<'a>)> {
    let here = units.iter().copied().enumerate();
    here.filter(|(_, unit)| unit.cluster == cluster && unit.services.contains(&service)).collect()
}

fn two_namespaces(
    span: Span,
    service: &Service<'_>,
    one: &Unit<'_>,
    other: &Unit<'_>,
) -> crate::diagnostics::Diagnostic {
    code::AMBIGUOUS_REFERENCE
        .at(
            span,
            format!(
                "`{}` runs in namespaces `{}` and `{}` of `{}`",
                World::service_name(service),
                one.namespace,
                other.namespace,
                one.cluster
            ),
        )
        .label("which one?")
        .help("a route names a Kubernetes Service of one namespace: name the service of one")
}

/// Returns the Kubernetes Service in front of a port of a unit, and its port: the one of the service's own name first.
pub(in crate::resolve) fn front<'a>(
    world: &World<'a>,
    cluster: &str,
    service: &Service<'a>,
    unit: &Unit<'a>,
    port: u16,
) -> Option<(&'a str, u16)> {
    let inventory = world.clusters.get(cluster)?.inventory;
    let selects = |labels: &Labels, front: &KubernetesService| super::super::services::selects(&front.selector, labels);
    let mut fronts: Vec<(&'a str, u16)> = inventory
        .services_in(unit.namespace)
        .iter()
        .filter(|front| !front.is_entry)
        .filter(|front| unit.workloads.iter().any(|workload| selects(&workload.labels, front)))
        .filter_map(|front| {
            let leads = |target: &Port| unit.port_numbers(target).contains(&port);
            Some((front.name.as_str(), front.ports.iter().find(|at| leads(&at.target))?.port))
        })
        .collect();
    fronts.sort_by_key(|(name, _)| (service.name != *name, !service.aliases.iter().any(|alias| alias == name)));
    fronts.first().copied()
}
