//! What workloads call outside: which hosts, how, through which gateway, until when.
//!
//! In: Egress documents and units. Out: a [`Leaving`] for each document and cluster it holds in. A host is a claim over the
//! whole organization: whoever calls it does so in one way, for proxies would settle two by age of object.

mod bounds;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use super::Governed;
use super::access::scope::own_services;
use super::statements::Origin;
use super::units::Unit;
use super::world::World;
use crate::diagnostics::codes::resolve as code;
use crate::diagnostics::{Diagnostics, Reported};
use crate::document::Document;
use crate::source::Span;
use crate::spec::cluster::{GatewayRole, GatewaySpec};
use crate::spec::egress::EgressSpec;
use crate::spec::exposure::Hostname;

pub(crate) use bounds::gateways_demanded;

/// One Egress in one cluster.
#[derive(Debug, Clone)]
pub struct Leaving<'a> {
    /// The cluster.
    pub cluster: &'a str,
    /// The document.
    pub document: &'a Document<EgressSpec>,
    /// Where it was written.
    pub origin: Origin,
    /// The gateway it leads through, with its name.
    pub via: Option<(&'a str, &'a GatewaySpec)>,
    /// The units that call, by position.
    pub units: BTreeSet<usize>,
}

impl Leaving<'_> {
    /// Tells whether NetworkPolicy opens every address for it: it leads through no gateway and lists no addresses.
    #[must_use]
    pub fn opens_everything(&self) -> bool {
        self.via.is_none() && self.document.spec.cidrs.is_empty()
    }
}

/// Resolves every Egress.
pub(super) fn resolve<'a>(
    world: &World<'a>,
    governed: &[Governed<'a>],
    diagnostics: &mut Diagnostics,
) -> Vec<Leaving<'a>> {
    let units: Vec<&Unit<'a>> = governed.iter().map(|governed| &governed.unit).collect();
    let mut leaving = Vec::new();
    for document in &world.parsed.policy.egresses {
        let lasts = end(world, document, diagnostics);
        let written = words::check(world, document, diagnostics);
        let Ok(callers) = callers(world, document, &units, diagnostics) else { continue };
        bounds::check(world, document, &callers, &units, diagnostics);
        let kept_in = bounds::check_zones(world, document, &callers, &units, diagnostics);
        let callers: BTreeSet<usize> = callers.difference(&kept_in).copied().collect();
        if callers.is_empty() && !kept_in.is_empty() {
            continue;
        }
        if let (true, Ok(()), Ok(found)) = (lasts, written, holds(world, document, &callers, &units, diagnostics)) {
            leaving.extend(found);
        }
    }
    claims(&world.parsed.policy.egresses, diagnostics);
    leaving
}

/// Tells whether an Egress has not ended yet.
fn end(world: &World<'_>, document: &Document<EgressSpec>, diagnostics: &mut Diagnostics) -> bool {
    let Some(until) = &document.spec.until else { return true };
    let left = world.as_of.days_until(until.value);
    let name = document.name();
    if left < 0 {
        let ended = code::EGRESS_EXPIRED
            .at(until.span, format!("egress `{name}` ended on {}, and this is as of {}", until.value, world.as_of));
        diagnostics.report(
            ended
                .label("nothing leaves any more")
                .and(document.spec.owner.span, "who answers for it")
                .help("delete it, or have its owner say until when it is needed"),
        );
        return false;
    }
    if left <= 14 {
        let when = match left {
            0 => "today".to_owned(),
            1 => "tomorrow".to_owned(),
            left => format!("in {left} days"),
        };
        let ending = code::EGRESS_ENDING.at(until.span, format!("egress `{name}` ends {when}"));
        diagnostics.report(ending.label("the last day").help("the build fails the day after"));
    }
    true
}

/// Returns the units that call, by position.
fn callers(
    world: &World<'_>,
    document: &Document<EgressSpec>,
    units: &[&Unit<'_>],
    diagnostics: &mut Diagnostics,
) -> Result<BTreeSet<usize>, Reported> {
    let Some(from) = &document.spec.from else {
        let own = units.iter().enumerate().filter(|(_, unit)| document.node.contains(&unit.node));
        return Ok(own.map(|(at, _)| at).collect());
    };
    let help = "a node opens the way for its own workloads: write it where they are, or at a group or workspace above";
    let found: Vec<_> =
        from.0.iter().map(|reference| own_services(world, reference, &document.node, help, diagnostics)).collect();
    let services: BTreeSet<usize> = found.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
    let named = |unit: &Unit<'_>| unit.services.iter().any(|index| services.contains(index));
    Ok(units.iter().enumerate().filter(|(_, unit)| named(unit)).map(|(at, _)| at).collect())
}

/// Returns what holds in each cluster that runs callers and, where one is named, declares the gateway.
fn holds<'a>(
    world: &World<'a>,
    document: &'a Document<EgressSpec>,
    callers: &BTreeSet<usize>,
    units: &[&Unit<'a>],
    diagnostics: &mut Diagnostics,
) -> Result<Vec<Leaving<'a>>, Reported> {
    let mut here: BTreeMap<&'a str, BTreeSet<usize>> = BTreeMap::new();
    for at in callers {
        if let Some(unit) = units.get(*at) {
            here.entry(unit.cluster).or_default().insert(*at);
        }
    }
    let doors = doors(world, document, diagnostics)?;
    let origin = Origin::document(document.span, document);
    let mut leaving = Vec::new();
    for (cluster, units) in here {
        let via = match &document.spec.via {
            None => None,
            Some(name) => match doors.get(cluster) {
                Some(gateway) => Some((name.value.0.as_str(), *gateway)),
                None => continue,
            },
        };
        leaving.push(Leaving { cluster, document, origin: origin.clone(), via, units });
    }
    if leaving.is_empty() {
        let span = document.spec.via.as_ref().map_or(document.span, |via| via.span);
        let nowhere = match &document.spec.via {
            Some(via) => code::UNKNOWN_REFERENCE
                .at(span, format!("no cluster has both gateway `{}` and the workloads that call", via.value))
                .help("declare the gateway in the cluster where the workloads run"),
            None => code::UNKNOWN_REFERENCE
                .at(span, format!("`{}` has no workloads that could call", document.node))
                .help("write it where the workloads are, or delete it"),
        };
        return Err(diagnostics.report(nowhere.label("opens nothing")));
    }
    Ok(leaving)
}

/// Returns the gateway that is named, by the clusters that declare it.
fn doors<'a>(
    world: &World<'a>,
    document: &Document<EgressSpec>,
    diagnostics: &mut Diagnostics,
) -> Result<BTreeMap<&'a str, &'a GatewaySpec>, Reported> {
    let Some(name) = &document.spec.via else { return Ok(BTreeMap::new()) };
    let is_egress = |gateway: &GatewaySpec| gateway.role.as_ref().is_some_and(|role| role.value == GatewayRole::Egress);
    let declared: BTreeMap<_, _> = world
        .clusters
        .iter()
        .filter_map(|(cluster, it)| Some((*cluster, super::exposures::gateway(it, &name.value.0)?)))
        .collect();
    if let Some((cluster, other)) = declared.iter().find(|(_, gateway)| !is_egress(gateway)) {
        let wrong = code::UNKNOWN_REFERENCE
            .at(name.span, format!("gateway `{}` of `{cluster}` lets nothing out", name.value))
            .label("leads nowhere");
        let place = other.role.as_ref().map_or(other.namespace.span, |role| role.span);
        return Err(diagnostics.report(wrong.and(place, "the gateway").help("name a gateway with `role: egress`")));
    }
    if declared.is_empty() {
        let gateways = world.clusters.values().flat_map(|cluster| cluster.document.spec.gateways.iter());
        let known: Vec<&str> =
            gateways.filter(|(_, gateway)| is_egress(&gateway.value)).map(|(name, _)| name.as_str()).collect();
        let unknown = code::UNKNOWN_REFERENCE.at(name.span, format!("no cluster declares a gateway `{}`", name.value));
        return Err(diagnostics.report(unknown.label("found nowhere").did_you_mean(&name.value.0, known)));
    }
    Ok(declared)
}

/// Reports hosts that two documents call in two ways, and hosts that one lists twice.
fn claims(documents: &[Document<EgressSpec>], diagnostics: &mut Diagnostics) {
    let mut seen: BTreeMap<&Hostname, (&Document<EgressSpec>, Span)> = BTreeMap::new();
    for document in documents {
        for host in &document.spec.hosts.0 {
            let Some((first, span)) = seen.get(&host.value).copied() else {
                seen.insert(&host.value, (document, host.span));
                continue;
            };
            if first.span == document.span {
                let twice = code::CONFLICTING_EGRESS.at(host.span, format!("`{}` is listed twice", host.value));
                diagnostics.report(twice.label("again here").and(span, "first here").help("keep one"));
            } else if !words::alike(&first.spec, &document.spec) {
                let two = code::CONFLICTING_EGRESS.at(host.span, format!("`{}` is called in two ways", host.value));
                diagnostics.report(
                    two.label(format!("one way, by `{}`", document.node))
                        .and(span, format!("the other, by `{}`", first.node))
                        .help("write the same `ports`, `tls`, `via` and `cidrs` in both: a proxy heeds one of two, and nothing says which"),
                );
            }
        }
    }
}
