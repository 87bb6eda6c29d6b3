//! From what is written to what holds.
//!
//! In: [`Parsed`] and a day. Out: [`Resolved`]: for every unit of workloads its settings, who reaches it and which tokens it
//! accepts, each value with the statements that made it. Every collision is reported with both of its lines; nothing is
//! decided by order, time or file name.

pub mod access;
mod assertions;
pub mod authentication;
mod authority;
pub mod callers;
mod claims;
pub mod egresses;
pub mod exposures;
pub mod fields;
pub mod interval;
pub mod lookup;
mod machines;
mod members;
pub mod raws;
pub mod routes;
mod services;
pub mod settings;
mod slips;
pub mod statements;
pub mod units;
pub mod waivers;
pub mod world;

use std::collections::BTreeMap;

use self::access::Access;
use self::authentication::Authentication;
use self::egresses::Leaving;
use self::exposures::Exposed;
use self::raws::Raw;
use self::routes::Routed;
use self::settings::{Settings, Spot};
use self::units::Unit;
use self::waivers::Waivers;
use self::world::World;
use crate::diagnostics::{Diagnostics, Reported};
use crate::parse::Parsed;
use crate::spec::names::Day;
use crate::spec::reference::NodePath;

/// What holds, everywhere.
#[derive(Debug)]
pub struct Resolved<'a> {
    /// What there is.
    pub world: World<'a>,
    /// The settings of each node.
    pub nodes: BTreeMap<NodePath, Settings>,
    /// What holds at each unit, by cluster, namespace and name.
    pub units: Vec<Governed<'a>>,
    /// Hand-written objects.
    pub raws: Vec<Raw<'a>>,
    /// What gateways let in.
    pub exposures: Vec<Exposed<'a>>,
    /// What workloads call outside.
    pub egresses: Vec<Leaving<'a>>,
    /// How requests are divided among versions.
    pub routes: Vec<Routed<'a>>,
    /// The names of the exceptions that something needed, each with its last day.
    pub exceptions: Vec<(&'a str, Day)>,
}

/// A unit and what holds at it.
#[derive(Debug)]
pub struct Governed<'a> {
    /// The workloads.
    pub unit: Unit<'a>,
    /// Its settings.
    pub settings: Settings,
    /// Who reaches it.
    pub access: Access,
    /// Which tokens it accepts.
    pub authentication: Authentication,
}

/// Resolves a whole repository for a day.
///
/// # Errors
/// When something was reported.
pub fn resolve<'a>(parsed: &'a Parsed, as_of: Day, diagnostics: &mut Diagnostics) -> Result<Resolved<'a>, Reported> {
    let world = World::of(parsed, as_of, diagnostics);
    statements::check(&world, diagnostics);
    machines::check(&world, diagnostics);
    authority::check(&world, diagnostics);
    let waivers = Waivers::read(&world, diagnostics);
    let units = units::find(&world, diagnostics);
    assertions::check(&world, &units, diagnostics);
    units::check_modes(&world, &units, diagnostics);
    waivers.check_ports(&units, diagnostics);

    let mut nodes = BTreeMap::new();
    for path in world.nodes.keys() {
        if let Some(settings) = settings::settle(&world, &waivers, Spot::Node(path), diagnostics) {
            nodes.insert(path.clone(), settings);
        }
    }
    let settled: Vec<_> =
        units.iter().map(|unit| settings::settle(&world, &waivers, Spot::Unit(unit), diagnostics)).collect();
    let authentications = authentication::resolve(&world, &units, &settled, diagnostics);
    let accesses = access::resolve(&world, &waivers, &units, &settled, &authentications, diagnostics);
    let allowed_raw = |path: &NodePath| nodes.get(path).map(|node| &node.raw);
    let raws = raws::resolve(&world, allowed_raw, diagnostics);
    for document in &parsed.policy.raws {
        let kind = document.spec.manifest.value.0.get("kind").and_then(crate::yaml::Node::as_str);
        waivers.mark_raw(&world, &document.node, kind.unwrap_or_default());
    }
    waivers.finish(diagnostics);
    slips::check_sensitivities(&world, diagnostics);
    slips::check_zones(&world, diagnostics);
    let whole = units.into_iter().zip(settled).zip(accesses).zip(authentications);
    let units: Vec<Governed<'a>> = whole
        .filter_map(|(((unit, settings), access), authentication)| {
            Some(Governed { unit, settings: settings?, access, authentication })
        })
        .collect();
    let exposures = exposures::resolve(&world, &units, diagnostics);
    exposures::check_hand_written(&world, &exposures, &raws, diagnostics);
    let egresses = egresses::resolve(&world, &units, diagnostics);
    let routes = routes::resolve(&world, &units, diagnostics);
    diagnostics.check()?;

    let mut exceptions: Vec<_> =
        waivers.used().map(|waiver| (waiver.document.name(), waiver.document.spec.expires.value)).collect();
    exceptions.sort();
    Ok(Resolved { world, nodes, units, raws, exposures, egresses, routes, exceptions })
}
