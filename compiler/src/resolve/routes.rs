//! How requests to a service are divided among its versions.
//!
//! In: Route documents, services, and who reaches them. Out: a [`Routed`] for each document and cluster its service runs
//! in. One Route a service, by its owner; and a version that requests are sent to runs under the same account, with the
//! same access, as the stable one, so that no share of the traffic meets another policy.

mod alike;
mod rules;

use std::collections::BTreeMap;

use super::Governed;
use super::exposures::Place;
use super::statements::Origin;
use super::units::Unit;
use super::world::{Cluster, World};
use crate::diagnostics::codes::resolve as code;
use crate::diagnostics::{Diagnostics, Reported};
use crate::document::Document;
use crate::inventory::{KubernetesService, Labels, Workload};
use crate::source::{Span, Spanned};
use crate::spec::cluster::Flavor;
use crate::spec::route::{RouteRule, RouteSpec};
use crate::spec::service::Protocol;

/// One Route in one cluster.
#[derive(Debug, Clone)]
pub struct Routed<'a> {
    /// The cluster.
    pub cluster: &'a str,
    /// The document.
    pub document: &'a Document<RouteSpec>,
    /// Where it was written.
    pub origin: Origin,
    /// The namespace of the service.
    pub namespace: &'a str,
    /// The Kubernetes Service that callers name.
    pub service: &'a KubernetesService,
    /// Its ports that speak HTTP, and whether that is gRPC.
    pub ports: Vec<(u16, bool)>,
    /// The labels of each subset.
    pub subsets: BTreeMap<String, Labels>,
    /// The Kubernetes Service of each subset that has one of its own: what the Gateway API routes to.
    pub fronts: BTreeMap<String, &'a KubernetesService>,
    /// Its rules, in order.
    pub rules: Vec<Ruled<'a>>,
}

/// A rule, and the requests it is about.
#[derive(Debug, Clone)]
pub struct Ruled<'a> {
    /// As it is written.
    pub spec: &'a RouteRule,
    /// Where.
    pub span: Span,
    /// The requests; all when empty.
    pub matches: Vec<Matched>,
}

/// Requests that meet each condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matched {
    /// The path.
    pub place: Option<Place>,
    /// The method.
    pub method: Option<String>,
    /// Headers, by name in small letters.
    pub headers: BTreeMap<String, crate::requests::TextPattern>,
}

/// Returns in which objects a cluster wants its routing.
#[must_use]
pub fn flavor(cluster: &Cluster<'_>) -> Flavor {
    cluster.document.spec.flavor.as_ref().map_or(Flavor::GatewayApi, |flavor| flavor.value)
}

/// Resolves every Route.
pub(super) fn resolve<'a>(
    world: &World<'a>,
    governed: &[Governed<'a>],
    diagnostics: &mut Diagnostics,
) -> Vec<Routed<'a>> {
    let mut owners: BTreeMap<usize, &Document<RouteSpec>> = BTreeMap::new();
    let mut routed = Vec::new();
    for document in &world.parsed.policy.routes {
        let help = "whoever owns a service writes its Route: a host has one owner";
        let reference = &document.spec.service;
        let Ok((index, _)) = super::exposures::one_service(world, reference, &document.node, help, diagnostics) else {
            continue;
        };
        if let Some(first) = owners.insert(index, document) {
            let both = code::OVERLAPPING_CLAIM
                .at(reference.span, format!("`{}` has two Routes", reference.value))
                .label(format!("in `{}`", document.name()))
                .and(first.spec.service.span, format!("in `{}`", first.name()));
            diagnostics.report(both.help("the mesh heeds the older of two, which no file tells: write one Route"));
        }
        if let Ok(found) = read(world, document, index, governed, diagnostics) {
            routed.extend(found);
        }
    }
    routed
}

fn read<'a>(
    world: &World<'a>,
    document: &'a Document<RouteSpec>,
    index: usize,
    governed: &[Governed<'a>],
    diagnostics: &mut Diagnostics,
) -> Result<Vec<Routed<'a>>, Reported> {
    let rules = rules::read(document, diagnostics)?;
    let units: Vec<&Unit<'a>> = governed.iter().map(|governed| &governed.unit).collect();
    let mut routed = Vec::new();
    for (name, cluster) in &world.clusters {
        let here = super::exposures::units_of(&units, index, name);
        let Some((_, first)) = here.first() else { continue };
        let Some(service) = world.services.get(index) else { continue };
        let whole = front(cluster, service.name.as_str(), &service.aliases, &here, document, diagnostics)?;
        let subsets = subsets(document, name, &here, diagnostics)?;
        alike::check(document, &subsets, governed, diagnostics)?;
        let ports = http_ports(whole, &here);
        if ports.is_empty() {
            let lowering = &crate::diagnostics::codes::lowering::L7_ON_TCP;
            let reference = &document.spec.service;
            let blind = lowering.at(reference.span, format!("no port of `{}` speaks HTTP", reference.value));
            return Err(diagnostics.report(
                blind.label("nothing to divide").help("a Route divides requests: name a service that speaks HTTP"),
            ));
        }
        let fronts = subsets
            .keys()
            .filter_map(|subset| {
                let labels = subset_labels(document, subset);
                Some((subset.clone(), own_front(cluster, first.namespace, whole, &labels, &here)?))
            })
            .collect();
        routed.push(Routed {
            cluster: name,
            document,
            origin: Origin::document(document.span, document),
            namespace: first.namespace,
            service: whole,
            ports,
            subsets: subsets.keys().map(|subset| (subset.clone(), subset_labels(document, subset))).collect(),
            fronts,
            rules: rules.clone(),
        });
    }
    Ok(routed)
}

fn subset_labels(document: &Document<RouteSpec>, subset: &str) -> Labels {
    let written = document.spec.subsets.get(subset);
    written.into_iter().flat_map(|labels| &labels.value).map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// Returns the Kubernetes Service that callers of a service name: the one of its own name first.
fn front<'a>(
    cluster: &Cluster<'a>,
    name: &str,
    aliases: &[String],
    here: &[(usize, &Unit<'a>)],
    document: &Document<RouteSpec>,
    diagnostics: &mut Diagnostics,
) -> Result<&'a KubernetesService, Reported> {
    let span = document.spec.service.span;
    let namespaces: std::collections::BTreeSet<&str> = here.iter().map(|(_, unit)| unit.namespace).collect();
    let mut namespaces = namespaces.into_iter();
    let (Some(namespace), None) = (namespaces.next(), namespaces.next()) else {
        let several = code::AMBIGUOUS_REFERENCE.at(span, format!("`{name}` runs in several namespaces"));
        return Err(diagnostics.report(several.label("which one?").help("name the service of one namespace")));
    };
    let services = cluster.inventory.services_in(namespace);
    let workloads = || here.iter().flat_map(|(_, unit)| &unit.workloads);
    let fits = |front: &&KubernetesService| {
        workloads().all(|workload| super::services::selects(&front.selector, &workload.labels))
    };
    let mut fitting: Vec<&KubernetesService> = services.iter().filter(|front| !front.is_entry).filter(fits).collect();
    fitting.sort_by_key(|front| (front.name != name, !aliases.contains(&front.name)));
    fitting.first().copied().ok_or_else(|| {
        let nothing = code::UNKNOWN_REFERENCE
            .at(span, format!("no Kubernetes Service stands before all workloads of `{name}` in `{namespace}`"));
        diagnostics.report(
            nothing
                .label("nothing callers could name")
                .help("add a Service that selects the pods of every version to the inventory"),
        )
    })
}

/// Returns the Kubernetes Service that selects the pods of a subset and no others of the service.
fn own_front<'a>(
    cluster: &Cluster<'a>,
    namespace: &str,
    whole: &KubernetesService,
    labels: &Labels,
    here: &[(usize, &Unit<'a>)],
) -> Option<&'a KubernetesService> {
    let of_subset = |workload: &Workload| labels.iter().all(|(key, value)| workload.labels.get(key) == Some(value));
    let alone = |front: &&KubernetesService| {
        front.name != whole.name
            && !front.is_entry
            && whole.ports.iter().all(|port| front.ports.iter().any(|own| own.port == port.port))
            && here
                .iter()
                .flat_map(|(_, unit)| &unit.workloads)
                .all(|workload| super::services::selects(&front.selector, &workload.labels) == of_subset(workload))
    };
    cluster.inventory.services_in(namespace).iter().find(alone)
}

/// Returns the ports of a Service that speak HTTP at its workloads.
fn http_ports(front: &KubernetesService, here: &[(usize, &Unit<'_>)]) -> Vec<(u16, bool)> {
    let spoken = |target: &crate::spec::access::Port| {
        here.iter().find_map(|(_, unit)| {
            let number = *unit.port_numbers(target).first()?;
            unit.ports.get(&number)?.protocol
        })
    };
    let http = front.ports.iter().filter_map(|port| {
        let protocol = spoken(&port.target)?;
        protocol.is_http().then_some((port.port, protocol == Protocol::Grpc))
    });
    http.collect()
}

/// The workloads of each subset.
type Subsets<'a> = BTreeMap<String, Vec<(usize, &'a Workload)>>;

fn subsets<'a>(
    document: &Document<RouteSpec>,
    cluster: &str,
    here: &[(usize, &Unit<'a>)],
    diagnostics: &mut Diagnostics,
) -> Result<Subsets<'a>, Reported> {
    let mut subsets = Subsets::new();
    let mut reported = None;
    for (name, labels) in &document.spec.subsets {
        let members: Vec<(usize, &Workload)> = here
            .iter()
            .flat_map(|(at, unit)| unit.workloads.iter().map(|workload| (*at, *workload)))
            .filter(|(_, workload)| labels.value.iter().all(|(key, value)| workload.labels.get(key) == Some(value)))
            .collect();
        if members.is_empty() || labels.value.is_empty() {
            let known: Vec<String> = here.iter().flat_map(|(_, unit)| &unit.workloads).map(|it| shown(it)).collect();
            let empty = code::UNKNOWN_SUBSET
                .at(labels.span, format!("subset `{name}` selects no workload of its own in `{cluster}`"))
                .label("requests would go nowhere");
            reported = Some(diagnostics.report(empty.help(format!("the pods there carry {}", known.join("; ")))));
        }
        subsets.insert(name.clone(), members);
    }
    reported.map_or(Ok(subsets), Err)
}

fn shown(workload: &Workload) -> String {
    let labels = workload.labels.iter().map(|(key, value)| format!("{key}: {value}"));
    format!("`{}`", labels.collect::<Vec<_>>().join(", "))
}

/// Reports a name that is no subset's.
fn known_subset(
    document: &Document<RouteSpec>,
    name: &Spanned<&str>,
    diagnostics: &mut Diagnostics,
) -> Result<(), Reported> {
    if document.spec.subsets.contains_key(name.value) {
        return Ok(());
    }
    let unknown =
        code::UNKNOWN_SUBSET.at(name.span, format!("there is no subset `{}`", name.value)).label("none of `subsets`");
    let known = document.spec.subsets.keys().map(String::as_str);
    Err(diagnostics.report(unknown.did_you_mean(name.value, known)))
}
