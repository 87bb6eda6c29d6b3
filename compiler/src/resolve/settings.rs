//! The settings that hold at a node or a unit: each field narrowed from the root down.
//!
//! In: the statements along a line of nodes, and the exceptions that hold there. Out: [`Settings`], every value with its
//! derivation; and a report of every collision, with both lines.

use std::collections::BTreeSet;

use super::fields::{Arrivals, ByPort, Mtls, Words, egress_bounds};
use super::interval::{Bounds, Conflict, Lattice, Level, Settled, Statement, narrow};
use super::statements::{Force, Origin, force, mandate_id};
use super::units::Unit;
use super::waivers::{Waiver, Waivers, Widening};
use super::world::World;
use crate::diagnostics::codes::resolve as code;
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::source::{Span, Spanned};
use crate::spec::mandates::{EgressMode, Mandates, ObligationsMandate, WordsMandate};
use crate::spec::names::Name;
use crate::spec::reference::NodePath;

/// What holds at a node or unit.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How traffic arrives.
    pub mtls: Settled<Mtls, Origin>,
    /// Whether workloads may call hosts that nobody declared.
    pub egress: Settled<EgressMode, Origin>,
    /// Trust domains whose workloads may be named as callers.
    pub trust_domains: Settled<Words, Origin>,
    /// Issuers whose tokens may be accepted.
    pub issuers: Settled<Words, Origin>,
    /// Kinds of hand-written objects that may be carried through; none where nobody allows any.
    pub raw: Settled<Words, Origin>,
    /// Telemetry providers that must get an access log.
    pub access_log: Settled<BTreeSet<String>, Origin>,
    /// External authorization providers that must be asked.
    pub external_authorization: Settled<BTreeSet<String>, Origin>,
}

/// Where settings are asked for.
#[derive(Clone, Copy)]
pub(super) enum Spot<'s, 'a> {
    /// The whole of a node.
    Node(&'s NodePath),
    /// A unit.
    Unit(&'s Unit<'a>),
}

impl<'s> Spot<'s, '_> {
    fn node(self) -> &'s NodePath {
        match self {
            Self::Node(path) => path,
            Self::Unit(unit) => &unit.node,
        }
    }
}

/// Settles every field at a spot; `None` where a collision was reported.
pub(super) fn settle(
    world: &World<'_>,
    waivers: &Waivers<'_>,
    spot: Spot<'_, '_>,
    diagnostics: &mut Diagnostics,
) -> Option<Settings> {
    // Every field is settled before one that collides ends it, so that each collision is reported.
    let mtls = mtls(world, waivers, spot, diagnostics);
    let egress = egress(world, waivers, spot, diagnostics);
    let mut words = |field, pick| words(world, waivers, spot, (field, pick), diagnostics);
    let trust_domains =
        words("trustDomains", |mandates| mandates.trust_domains.as_ref().map(|words| (words.span, &words.value)));
    let issuers = words("jwt.issuers", |mandates| {
        mandates.jwt.as_ref()?.value.issuers.as_ref().map(|words| (words.span, &words.value))
    });
    let raw = words("raw", |mandates| mandates.raw.as_ref().map(|raw| (raw.span, &raw.value.kinds)));
    let access_log = obliged(world, spot, |obligations| &obligations.access_log, diagnostics);
    let external_authorization = obliged(world, spot, |obligations| &obligations.external_authorization, diagnostics);
    Some(Settings {
        mtls: mtls?,
        egress: egress?,
        trust_domains: trust_domains?,
        issuers: issuers?,
        raw: raw?,
        access_log: access_log?,
        external_authorization: external_authorization?,
    })
}

/// Finds the mandate on a field of words, and its place.
type PickWords = fn(&Mandates) -> Option<(Span, &WordsMandate)>;

/// Settles a field of words: nobody writes a value, so what is left is the ceiling.
fn words(
    world: &World<'_>,
    waivers: &Waivers<'_>,
    spot: Spot<'_, '_>,
    (field, pick): (&'static str, PickWords),
    diagnostics: &mut Diagnostics,
) -> Option<Settled<Words, Origin>> {
    let bounds = Bounds { bottom: Words::Only(BTreeSet::new()), top: Words::All, built_in: Words::All };
    let waived = |widening: &Widening| match widening {
        Widening::Words(words) => Some(Words::Only(words.clone())),
        _ => None,
    };
    let levels = levels(world, spot, |path| {
        let held = world.mandates(path).into_iter().filter_map(pick).map(|(span, mandate)| {
            let set = Words::Only(mandate.at_most.value.0.iter().map(|word| word.value.clone()).collect());
            widened(set, Origin::mandate(span, path, field), waivers, spot, path, field, waived)
        });
        Level { ceilings: held.collect(), ..Level::default() }
    });
    report(narrow(&bounds, &levels), field, |words| format!("{words:?}"), diagnostics)
}

/// Settles an obligation: names add up on the way down.
fn obliged(
    world: &World<'_>,
    spot: Spot<'_, '_>,
    pick: fn(&ObligationsMandate) -> &Vec<Spanned<Name>>,
    diagnostics: &mut Diagnostics,
) -> Option<Settled<BTreeSet<String>, Origin>> {
    let field = "obligations";
    let levels = levels(world, spot, |path| {
        let held = world.mandates(path).into_iter().filter_map(|mandates| mandates.obligations.as_ref());
        let named = held.flat_map(|obligations| pick(&obligations.value));
        let state = |name: &Spanned<Name>| {
            Statement::new([name.value.0.clone()].into(), Origin::mandate(name.span, path, field))
        };
        Level { ceilings: named.map(state).collect(), ..Level::default() }
    });
    // The order is turned round: the bottom is every obligation there is, and the walk ends in the union.
    let all = levels
        .iter()
        .flat_map(|level: &Level<BTreeSet<String>, Origin>| &level.ceilings)
        .flat_map(|ceiling| ceiling.value.clone());
    let bounds = Bounds { bottom: all.collect(), top: BTreeSet::new(), built_in: BTreeSet::new() };
    report(narrow(&bounds, &levels), field, |names| format!("{names:?}"), diagnostics)
}

/// Makes one level a node on the line down to the spot.
fn levels<V>(
    world: &World<'_>,
    spot: Spot<'_, '_>,
    level: impl Fn(&NodePath) -> Level<V, Origin>,
) -> Vec<Level<V, Origin>> {
    spot.node().lineage().iter().filter(|path| world.nodes.contains_key(path)).map(level).collect()
}

/// Joins what exceptions grant into a ceiling, and remembers those that changed it.
fn widened<V: Lattice>(
    value: V,
    origin: Origin,
    waivers: &Waivers<'_>,
    spot: Spot<'_, '_>,
    holder: &NodePath,
    field: &str,
    read: impl Fn(&Widening) -> Option<V>,
) -> Statement<V, Origin> {
    let id = mandate_id(holder, field);
    let mut value = value;
    let mut widen = |waiver: &Waiver<'_>| {
        if let Some(more) = read(&waiver.widening) {
            value = value.join(&more);
        }
    };
    match spot {
        Spot::Node(path) => waivers.at_node(&id, path).for_each(&mut widen),
        Spot::Unit(unit) => waivers.at_unit(&id, unit).for_each(&mut widen),
    }
    Statement::new(value, origin)
}

/// Which statements a line of levels is built from.
#[derive(Clone, Copy)]
struct Reading {
    waivers: bool,
    /// Whether mandates on trial count as if they were in force.
    trials: bool,
}

fn mtls(
    world: &World<'_>,
    waivers: &Waivers<'_>,
    spot: Spot<'_, '_>,
    diagnostics: &mut Diagnostics,
) -> Option<Settled<Mtls, Origin>> {
    let narrowed = |reading: Reading| narrow(&Mtls::bounds(), &mtls_levels(world, waivers, spot, reading));
    let settled = narrowed(Reading { waivers: true, trials: false });
    let exceptions = mark_used(waivers, spot, "mtls", || {
        let without = narrowed(Reading { waivers: false, trials: false });
        !matches!((&settled, &without), (Ok(one), Ok(other)) if one.value == other.value)
    });
    let settled = report(settled, "mtls", Mtls::words, diagnostics)?;
    if let Some(trial) = mtls_trial(world, spot) {
        match narrowed(Reading { waivers: true, trials: true }) {
            Err(conflicts) => {
                for conflict in conflicts {
                    diagnostics.report(describe(conflict, "mtls", Mtls::words, Force::OnTrial));
                }
            }
            Ok(after) if after.value != settled.value => {
                let change = code::DRY_RUN_MANDATE.at(
                    trial,
                    format!("`{}` becomes `{}` when the trial ends", settled.value.words(), after.value.words()),
                );
                diagnostics.report(change.label("on trial").help("write what is meant before the trial ends"));
            }
            Ok(_) => {}
        }
    }
    Some(Settled { exceptions, ..settled })
}

/// Returns the place of the first mandate on mTLS that is on trial at a spot.
fn mtls_trial(world: &World<'_>, spot: Spot<'_, '_>) -> Option<Span> {
    let line = spot.node().lineage();
    let mut mandates = line.iter().flat_map(|path| world.mandates(path)).filter_map(|mandates| mandates.mtls.as_ref());
    mandates
        .find(|it| force(it.value.mode, it.value.until.as_ref(), world.as_of) == Force::OnTrial)
        .map(|mandate| mandate.span)
}

/// Returns what each node on the line of a spot says about mTLS, and behind them what the Service documents of a unit say.
fn mtls_levels(
    world: &World<'_>,
    waivers: &Waivers<'_>,
    spot: Spot<'_, '_>,
    reading: Reading,
) -> Vec<Level<Mtls, Origin>> {
    let mut levels = levels(world, spot, |path| {
        let mut level = Level::default();
        for mandate in world.mandates(path).into_iter().filter_map(|mandates| mandates.mtls.as_ref()) {
            let force = force(mandate.value.mode, mandate.value.until.as_ref(), world.as_of);
            if force == Force::OnTrial && !reading.trials {
                continue;
            }
            if let Some(most) = &mandate.value.at_most {
                let mut ceiling = Mtls::all(most.value.into());
                if reading.waivers {
                    ceiling = mtls_waived(ceiling, waivers, spot, path);
                }
                level.ceilings.push(Statement::new(ceiling, Origin::mandate(most.span, path, "mtls")));
            }
            if let Some(least) = &mandate.value.at_least {
                let floor = Mtls::all(least.value.into());
                level.floors.push(Statement::new(floor, Origin::mandate(least.span, path, "mtls")));
            }
        }
        for setting in world.defaults(path).into_iter().filter_map(|defaults| defaults.mtls.as_ref()) {
            let origin = Origin::new(setting.span, format!("{path}#defaults.mtls"));
            level.values.push(Statement::new(Mtls::from(&setting.value), origin));
        }
        level
    });
    if let Spot::Unit(unit) = spot {
        let mut level = Level::default();
        for service in unit.services.iter().filter_map(|index| world.services.get(*index)) {
            if let Some(setting) = service.document.and_then(|document| document.spec.mtls.as_ref()) {
                let origin = Origin::new(setting.span, format!("{}#mtls", World::service_name(service)));
                level.values.push(Statement::new(Mtls::from(&setting.value), origin));
            }
        }
        levels.push(level);
    }
    levels
}

/// Joins what exceptions grant, on their ports, into the ceiling of a node.
fn mtls_waived(mut ceiling: Mtls, waivers: &Waivers<'_>, spot: Spot<'_, '_>, holder: &NodePath) -> Mtls {
    let id = mandate_id(holder, "mtls");
    let mut widen = |waiver: &Waiver<'_>, ports: Option<BTreeSet<u16>>| {
        if let Widening::Mtls(arrivals) = waiver.widening {
            ceiling = ceiling.join(&on_ports(arrivals, ports));
        }
    };
    match spot {
        Spot::Node(node) => waivers.at_node(&id, node).for_each(|waiver| widen(waiver, waiver.port_numbers())),
        Spot::Unit(unit) => waivers.at_unit(&id, unit).for_each(|waiver| widen(waiver, waiver.ports_at(unit))),
    }
    ceiling
}

fn on_ports(arrivals: Arrivals, ports: Option<BTreeSet<u16>>) -> Mtls {
    let nothing = Arrivals { plaintext: false, mtls: false };
    match ports {
        None => ByPort::all(arrivals),
        Some(ports) => ByPort { rest: nothing, ports: ports.into_iter().map(|port| (port, arrivals)).collect() },
    }
}

fn egress(
    world: &World<'_>,
    waivers: &Waivers<'_>,
    spot: Spot<'_, '_>,
    diagnostics: &mut Diagnostics,
) -> Option<Settled<EgressMode, Origin>> {
    let build =
        |with_waivers: bool| {
            levels(world, spot, |path| {
                let mut level = Level::default();
                let none = Waivers::default();
                let waivers = if with_waivers { waivers } else { &none };
                for mandate in world.mandates(path).into_iter().filter_map(|mandates| mandates.egress.as_ref()) {
                    let Some(most) = &mandate.value.at_most else { continue };
                    let origin = Origin::mandate(most.span, path, "egress");
                    level.ceilings.push(widened(most.value, origin, waivers, spot, path, "egress", |widening| {
                        match widening {
                            Widening::Egress(mode) => Some(*mode),
                            _ => None,
                        }
                    }));
                }
                for mode in world.defaults(path).into_iter().filter_map(|defaults| defaults.egress.as_ref()) {
                    level
                        .values
                        .push(Statement::new(mode.value, Origin::new(mode.span, format!("{path}#defaults.egress"))));
                }
                level
            })
        };
    let settled = narrow(&egress_bounds(), &build(true));
    let exceptions = mark_used(waivers, spot, "egress", || {
        let without = narrow(&egress_bounds(), &build(false));
        !matches!((&settled, &without), (Ok(one), Ok(other)) if one.value == other.value)
    });
    let settled = report(settled, "egress", |mode| mode.word().to_owned(), diagnostics)?;
    Some(Settled { exceptions, ..settled })
}

/// Marks the exceptions to a field at a spot as used if `matters` says that they change something, and returns those.
fn mark_used(waivers: &Waivers<'_>, spot: Spot<'_, '_>, field: &str, matters: impl FnOnce() -> bool) -> Vec<Origin> {
    let lineage = spot.node().lineage();
    let ids: Vec<_> = lineage.iter().map(|path| mandate_id(path, field)).collect();
    let here: Vec<&Waiver<'_>> = match spot {
        Spot::Node(path) => ids.iter().flat_map(|id| waivers.at_node(id, path)).collect(),
        Spot::Unit(unit) => ids.iter().flat_map(|id| waivers.at_unit(id, unit)).collect(),
    };
    if here.is_empty() || !matters() {
        return Vec::new();
    }
    here.iter().for_each(|waiver| waiver.mark_used());
    here.iter().map(|waiver| waiver.origin()).collect()
}

/// Reports collisions, each with both of its lines.
fn report<V: Lattice>(
    settled: Result<Settled<V, Origin>, Vec<Conflict<V, Origin>>>,
    field: &str,
    words: impl Fn(&V) -> String,
    diagnostics: &mut Diagnostics,
) -> Option<Settled<V, Origin>> {
    let conflicts = match settled {
        Ok(settled) => return Some(settled),
        Err(conflicts) => conflicts,
    };
    for conflict in conflicts {
        diagnostics.report(describe(conflict, field, &words, Force::Enforced));
    }
    None
}

/// Says how two statements collide, or will when a trial ends.
fn describe<V: Lattice>(
    conflict: Conflict<V, Origin>,
    field: &str,
    words: impl Fn(&V) -> String,
    force: Force,
) -> Diagnostic {
    let weighed = |code: &'static Code| if force == Force::OnTrial { &code::DRY_RUN_MANDATE } else { code };
    let (before, trial) = if force == Force::OnTrial { (" before the trial ends", ", on trial") } else { ("", "") };
    match conflict {
        Conflict::Contradiction(one, other) => weighed(&code::CONTRADICTION)
            .at(one.origin.span, format!("`{}` and `{}` leave nothing of `{field}`", one.origin.id, other.origin.id))
            .label(format!("demands `{}`", words(&one.value)))
            .and(other.origin.span, format!("demands `{}`", words(&other.value)))
            .help(format!("nobody below can satisfy both: change one of them{before}")),
        Conflict::Widens { value, ceiling } => weighed(&code::WIDENS_MANDATE)
            .at(value.origin.span, format!("`{}` permits more than `{}` does", words(&value.value), ceiling.origin.id))
            .label(format!("asks for `{}`", words(&value.value)))
            .and(ceiling.origin.span, format!("at most `{}`{trial}", words(&ceiling.value)))
            .help(format!("stay within the mandate, or have an Exception to it approved{before}")),
        Conflict::BelowFloor { value, floor } => weighed(&code::BELOW_FLOOR)
            .at(value.origin.span, format!("`{}` permits less than `{}` demands", words(&value.value), floor.origin.id))
            .label(format!("asks for `{}`", words(&value.value)))
            .and(floor.origin.span, format!("at least `{}`{trial}", words(&floor.value)))
            .help(format!("permit what the mandate demands{before}")),
        Conflict::Stranded { value, ceiling } => {
            let inherited =
                value.as_ref().map_or("the built-in".to_owned(), |value| format!("`{}`", words(&value.value)));
            let stranded = weighed(&code::CONTRADICTION)
                .at(
                    ceiling.origin.span,
                    format!("`{}` leaves nothing of {inherited}, and nothing else is written", ceiling.origin.id),
                )
                .label(format!("at most `{}`{trial}", words(&ceiling.value)))
                .help(format!("write `{field}` in the `defaults` of the node that makes the mandate{before}"));
            match value {
                Some(value) => stranded.and(value.origin.span, format!("asks for `{}`", words(&value.value))),
                None => stranded,
            }
        }
        Conflict::Ambiguous(one, other) => weighed(&code::AMBIGUOUS)
            .at(
                one.origin.span,
                format!("`{}` and `{}` are written for `{field}` at one node", words(&one.value), words(&other.value)),
            )
            .label(format!("says `{}`", words(&one.value)))
            .and(other.origin.span, format!("says `{}`", words(&other.value)))
            .help("neither order nor file name decides: keep one"),
    }
}
