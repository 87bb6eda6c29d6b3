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
use crate::diagnostics::Diagnostics;
use crate::diagnostics::codes::resolve as code;
use crate::source::Span;
use crate::spec::mandates::{EgressMode, Mandates, WordsMandate};
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
    let words =
        |field: &'static str, pick: fn(&Mandates) -> Option<(Span, &WordsMandate)>, diagnostics: &mut Diagnostics| {
            let bounds = Bounds { bottom: Words::Only(BTreeSet::new()), top: Words::All, built_in: Words::All };
            let levels = levels(world, spot, |path| {
                let held = world.mandates(path).into_iter().filter_map(pick).map(|(span, mandate)| {
                    let set = Words::Only(mandate.at_most.value.0.iter().map(|word| word.value.clone()).collect());
                    widened(set, Origin::mandate(span, path, field), waivers, spot, path, field, |widening| {
                        match widening {
                            Widening::Words(words) => Some(Words::Only(words.clone())),
                            _ => None,
                        }
                    })
                });
                Level { ceilings: held.collect(), ..Level::default() }
            });
            report(narrow(&bounds, &levels), field, |words| format!("{words:?}"), diagnostics)
        };
    let obliged = |field: &'static str, pick: fn(&Mandates) -> Vec<(Span, String)>, diagnostics: &mut Diagnostics| {
        let levels = levels(world, spot, |path| {
            let held = world.mandates(path).into_iter().flat_map(pick);
            let state =
                |(span, name): (Span, String)| Statement::new([name].into(), Origin::mandate(span, path, field));
            Level { ceilings: held.map(state).collect(), ..Level::default() }
        });
        // The order is turned round: the bottom is every obligation there is, and the walk ends in the union.
        let all = levels
            .iter()
            .flat_map(|level: &Level<BTreeSet<String>, Origin>| &level.ceilings)
            .flat_map(|ceiling| ceiling.value.clone());
        let bounds = Bounds { bottom: all.collect(), top: BTreeSet::new(), built_in: BTreeSet::new() };
        report(narrow(&bounds, &levels), field, |names| format!("{names:?}"), diagnostics)
    };
    let mtls = mtls(world, waivers, spot, diagnostics);
    let egress = egress(world, waivers, spot, diagnostics);
    let trust_domains = words("trustDomains", |m| m.trust_domains.as_ref().map(|w| (w.span, &w.value)), diagnostics);
    let issuers = words(
        "jwt.issuers",
        |m| m.jwt.as_ref().and_then(|jwt| jwt.value.issuers.as_ref()).map(|w| (w.span, &w.value)),
        diagnostics,
    );
    let raw = words("raw", |m| m.raw.as_ref().map(|raw| (raw.span, &raw.value.kinds)), diagnostics);
    let access_log = obliged(
        "obligations",
        |m| {
            m.obligations
                .iter()
                .flat_map(|o| &o.value.access_log)
                .map(|name| (name.span, name.value.0.clone()))
                .collect()
        },
        diagnostics,
    );
    let external_authorization = obliged(
        "obligations",
        |m| {
            m.obligations
                .iter()
                .flat_map(|o| &o.value.external_authorization)
                .map(|name| (name.span, name.value.0.clone()))
                .collect()
        },
        diagnostics,
    );
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

fn mtls(
    world: &World<'_>,
    waivers: &Waivers<'_>,
    spot: Spot<'_, '_>,
    diagnostics: &mut Diagnostics,
) -> Option<Settled<Mtls, Origin>> {
    let build = |with_waivers: bool| {
        let mut levels = levels(world, spot, |path| {
            let mut level = Level::default();
            let id = mandate_id(path, "mtls");
            for mandate in world.mandates(path).into_iter().filter_map(|mandates| mandates.mtls.as_ref()) {
                if force(mandate.value.mode, mandate.value.until.as_ref(), world.as_of) == Force::OnTrial {
                    continue;
                }
                if let Some(most) = &mandate.value.at_most {
                    let mut ceiling = Mtls::all(most.value.into());
                    let mut widen = |waiver: &Waiver<'_>, ports: Option<BTreeSet<u16>>| {
                        if let Widening::Mtls(arrivals) = waiver.widening {
                            ceiling = ceiling.join(&on_ports(arrivals, ports));
                        }
                    };
                    match spot {
                        _ if !with_waivers => {}
                        Spot::Node(node) => {
                            waivers.at_node(&id, node).for_each(|waiver| widen(waiver, waiver.port_numbers()))
                        }
                        Spot::Unit(unit) => {
                            waivers.at_unit(&id, unit).for_each(|waiver| widen(waiver, waiver.ports_at(unit)))
                        }
                    }
                    level.ceilings.push(Statement::new(ceiling, Origin::mandate(most.span, path, "mtls")));
                }
                if let Some(least) = &mandate.value.at_least {
                    level
                        .floors
                        .push(Statement::new(Mtls::all(least.value.into()), Origin::mandate(least.span, path, "mtls")));
                }
            }
            for setting in world.defaults(path).into_iter().filter_map(|defaults| defaults.mtls.as_ref()) {
                level.values.push(Statement::new(
                    Mtls::from(&setting.value),
                    Origin::new(setting.span, format!("{path}#defaults.mtls")),
                ));
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
    };
    let levels = build(true);
    let settled = narrow(&Mtls::bounds(), &levels);
    mark_used(waivers, spot, "mtls", || {
        let without = narrow(&Mtls::bounds(), &build(false));
        !matches!((&settled, &without), (Ok(one), Ok(other)) if one.value == other.value)
    });
    let settled = report(settled, "mtls", Mtls::words, diagnostics)?;
    for path in spot.node().lineage() {
        for mandate in world.mandates(&path).into_iter().filter_map(|mandates| mandates.mtls.as_ref()) {
            let on_trial = force(mandate.value.mode, mandate.value.until.as_ref(), world.as_of) == Force::OnTrial;
            let Some(most) = mandate.value.at_most.as_ref().filter(|_| on_trial) else { continue };
            if !settled.value.within(&Mtls::all(most.value.into())) {
                let span = settled.steps.iter().rev().find_map(written).unwrap_or(most.span);
                let trial = code::DRY_RUN_MANDATE
                    .at(span, format!("`{}` permits more than a mandate on trial", settled.value.words()));
                let last = mandate.value.until.as_ref().map_or(String::new(), |day| format!(" until {}", day.value));
                diagnostics.report(
                    trial
                        .label("will be refused")
                        .and(most.span, format!("at most `{}`, on trial{last}", most.value.word()))
                        .help("change it, or have an Exception approved, before the trial ends"),
                );
            }
        }
    }
    Some(settled)
}

fn written<V>(step: &super::interval::Step<V, Origin>) -> Option<Span> {
    match step {
        super::interval::Step::Written(statement) => Some(statement.origin.span),
        _ => None,
    }
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
                    let most = &mandate.value.at_most;
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
    mark_used(waivers, spot, "egress", || {
        let without = narrow(&egress_bounds(), &build(false));
        !matches!((&settled, &without), (Ok(one), Ok(other)) if one.value == other.value)
    });
    report(settled, "egress", |mode| mode.word().to_owned(), diagnostics)
}

/// Marks the exceptions to a field at a spot as used if `matters` says that they change something.
fn mark_used(waivers: &Waivers<'_>, spot: Spot<'_, '_>, field: &str, matters: impl FnOnce() -> bool) {
    let lineage = spot.node().lineage();
    let ids: Vec<_> = lineage.iter().map(|path| mandate_id(path, field)).collect();
    let here: Vec<&Waiver<'_>> = match spot {
        Spot::Node(path) => ids.iter().flat_map(|id| waivers.at_node(id, path)).collect(),
        Spot::Unit(unit) => ids.iter().flat_map(|id| waivers.at_unit(id, unit)).collect(),
    };
    if !here.is_empty() && matters() {
        here.into_iter().for_each(Waiver::mark_used);
    }
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
        let diagnostic = match conflict {
            Conflict::Contradiction(one, other) => code::CONTRADICTION
                .at(
                    one.origin.span,
                    format!("`{}` and `{}` leave nothing of `{field}`", one.origin.id, other.origin.id),
                )
                .label(format!("demands `{}`", words(&one.value)))
                .and(other.origin.span, format!("demands `{}`", words(&other.value)))
                .help("nobody below can satisfy both: change one of them"),
            Conflict::Widens { value, ceiling } => code::WIDENS_MANDATE
                .at(
                    value.origin.span,
                    format!("`{}` permits more than `{}` does", words(&value.value), ceiling.origin.id),
                )
                .label(format!("asks for `{}`", words(&value.value)))
                .and(ceiling.origin.span, format!("at most `{}`", words(&ceiling.value)))
                .help("stay within the mandate, or have an Exception to it approved"),
            Conflict::BelowFloor { value, floor } => code::BELOW_FLOOR
                .at(
                    value.origin.span,
                    format!("`{}` permits less than `{}` demands", words(&value.value), floor.origin.id),
                )
                .label(format!("asks for `{}`", words(&value.value)))
                .and(floor.origin.span, format!("at least `{}`", words(&floor.value)))
                .help("permit what the mandate demands"),
            Conflict::Stranded { value, ceiling } => {
                let inherited =
                    value.as_ref().map_or("the built-in".to_owned(), |value| format!("`{}`", words(&value.value)));
                let stranded = code::CONTRADICTION
                    .at(
                        ceiling.origin.span,
                        format!("`{}` leaves nothing of {inherited}, and nothing else is written", ceiling.origin.id),
                    )
                    .label(format!("at most `{}`", words(&ceiling.value)))
                    .help(format!("write `{field}` in the `defaults` of the node that makes the mandate"));
                match value {
                    Some(value) => stranded.and(value.origin.span, format!("asks for `{}`", words(&value.value))),
                    None => stranded,
                }
            }
            Conflict::Ambiguous(one, other) => code::AMBIGUOUS
                .at(
                    one.origin.span,
                    format!(
                        "`{}` and `{}` are written for `{field}` at one node",
                        words(&one.value),
                        words(&other.value)
                    ),
                )
                .label(format!("says `{}`", words(&one.value)))
                .and(other.origin.span, format!("says `{}`", words(&other.value)))
                .help("neither order nor file name decides: keep one"),
        };
        diagnostics.report(diagnostic);
    }
    None
}
