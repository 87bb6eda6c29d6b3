//! What bounds access: mandates of the line, rules of zones, and the exceptions to both.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use super::grants::Grant;
use crate::diagnostics::Diagnostics;
use crate::document::Document;
use crate::requests::{Clause, Field, IdentityPattern, Request, RequestSet};
use crate::resolve::callers::{self, Caller};
use crate::resolve::statements::{Force, Origin, force, mandate_id};
use crate::resolve::units::Unit;
use crate::resolve::waivers::{Waiver, Waivers, Widening};
use crate::resolve::world::World;
use crate::source::Spanned;
use crate::spec::access::{Condition, Source};
use crate::spec::authority::{Holder, MandateId};
use crate::spec::reference::{NodePath, Reference};
use crate::spec::zone::{Member, ZoneSpec};

/// A bound on access at a unit.
#[derive(Debug, Clone)]
pub struct Ceiling {
    /// Where it was written.
    pub origin: Origin,
    /// What it permits, exceptions included.
    pub bound: Bound,
    /// Whether it is only on trial.
    pub on_trial: bool,
    /// Whether it suspends what is granted beyond it, rather than refuse it.
    pub suspends: bool,
    /// The exceptions that something granted here needs, by name.
    pub exceptions: BTreeSet<Origin>,
    bare: Bound,
    waived: Vec<Waived>,
}

/// What an exception lets through at a unit.
#[derive(Debug, Clone)]
struct Waived {
    set: RequestSet,
    origin: Origin,
    used: Arc<AtomicBool>,
}

/// What a ceiling permits.
#[derive(Debug, Clone)]
pub enum Bound {
    /// Nothing but these requests.
    AtMost(RequestSet),
    /// Anything but requests of members of a zone that may not reach out to here.
    Never(Barred),
}

/// What callers may not send.
#[derive(Debug, Clone)]
pub struct Barred {
    /// The callers, whatever they send.
    pub callers: RequestSet,
    /// Requests that exceptions let through, whoever sends them.
    pub but: RequestSet,
}

impl Barred {
    /// Tells whether a request may not be sent.
    #[must_use]
    pub fn matches(&self, request: &Request) -> bool {
        self.callers.matches(request) && !self.but.matches(request)
    }

    /// Returns a request of a set that may not be sent.
    #[must_use]
    pub fn meets(&self, set: &RequestSet) -> Option<Request> {
        if self.but.is_empty() {
            return set.meets(&self.callers);
        }
        match set.intersect(&self.callers) {
            Ok(both) => both.difference_witness(&self.but),
            // Not reached: the callers ask for identities alone, and what two patterns of those share is one of them.
            Err(_) => set.meets(&self.callers),
        }
    }
}

impl Bound {
    fn refuses(&self, set: &RequestSet) -> Option<Request> {
        match self {
            Self::AtMost(most) => set.difference_witness(most),
            // A caller named by address, or as anyone, was not meant by its identity: the DENY beside the grant keeps it out.
            Self::Never(never) => {
                let named = set.clauses().iter().filter(|clause| !clause.identities.is_any());
                never.meets(&RequestSet::from_clauses(named.cloned()))
            }
        }
    }

    /// Returns a request of a set that is cut off, by this or by the DENY it becomes.
    fn cuts(&self, set: &RequestSet) -> Option<Request> {
        match self {
            Self::AtMost(most) => set.difference_witness(most),
            Self::Never(never) => never.meets(set),
        }
    }
}

impl Ceiling {
    /// Returns a request of the set that the ceiling does not permit.
    #[must_use]
    pub fn refuses(&self, set: &RequestSet) -> Option<Request> {
        self.bound.refuses(set)
    }

    /// Returns the same ceiling with other sets of requests.
    pub(super) fn mapped(&self, map: &impl Fn(&RequestSet) -> RequestSet) -> Self {
        let bound = |bound: &Bound| match bound {
            Bound::AtMost(most) => Bound::AtMost(map(most)),
            Bound::Never(never) => Bound::Never(Barred { callers: map(&never.callers), but: map(&never.but) }),
        };
        Self { bound: bound(&self.bound), bare: bound(&self.bare), ..self.clone() }
    }

    /// Lets through what mandates demand, where it is one that suspends.
    pub(super) fn yield_to(&mut self, floors: &[Grant]) {
        if !self.suspends {
            return;
        }
        for set in floors.iter().map(|floor| &floor.set) {
            for bound in [&mut self.bound, &mut self.bare] {
                match bound {
                    Bound::AtMost(most) => *most = most.union(set),
                    Bound::Never(never) => never.but = never.but.union(set),
                }
            }
        }
    }

    /// Remembers the exceptions that let something of what is granted through.
    pub(super) fn mark_used(&mut self, grant: &mut Grant) {
        for waived in &self.waived {
            let through = match grant.set.intersect(&waived.set) {
                Ok(both) => self.bare.cuts(&both).is_some(),
                // What cannot be said exactly counts: output that ends too early is mended, one that ends too late is not.
                Err(_) => grant.set.meets(&waived.set).is_some(),
            };
            if through {
                waived.used.store(true, Ordering::Relaxed);
                self.exceptions.insert(waived.origin.clone());
                grant.exceptions.insert(waived.origin.clone());
            }
        }
    }

    /// Returns what of a set lies within.
    ///
    /// # Errors
    /// When that cannot be written as positive clauses.
    pub(super) fn clip(&self, set: &RequestSet) -> Result<RequestSet, String> {
        match &self.bound {
            Bound::AtMost(most) => set.intersect(most).map_err(|error| error.to_string()),
            // What these callers may never send stays denied by an object of its own, so the grant need not say it: "this
            // namespace but not those accounts" could not be written as positive clauses anyway.
            Bound::Never(never) => {
                let reaches = |clause: &&Clause| {
                    let clause = RequestSet::from_clauses([(*clause).clone()]);
                    clause.is_subset_of(&never.callers).is_err() || clause.meets(&never.but).is_some()
                };
                Ok(RequestSet::from_clauses(set.clauses().iter().filter(reaches).cloned()))
            }
        }
    }

    /// Says what it demands, in a few words.
    #[must_use]
    pub fn words(&self) -> String {
        match self.bound {
            Bound::AtMost(_) => "nothing but this".to_owned(),
            Bound::Never(_) => "its members reach nothing but this".to_owned(),
        }
    }
}

/// Every ceiling of the tree, its callers looked up.
pub(super) struct Mandated<'a> {
    list: Vec<Held<'a>>,
}

struct Held<'a> {
    id: MandateId,
    origin: Origin,
    on_trial: bool,
    suspends: bool,
    reach: Reach,
    entries: Vec<(Vec<Caller>, Option<&'a Condition>)>,
    /// What it permits where no entry names a port: the same at every unit.
    everywhere: OnceLock<RequestSet>,
}

impl Held<'_> {
    /// Returns what it permits at a unit, exceptions aside.
    fn at(&self, unit: &Unit<'_>) -> RequestSet {
        let any = Condition::any();
        let set = || {
            let sets = self.entries.iter();
            let sets =
                sets.filter_map(|(callers, condition)| callers::requests(callers, condition.unwrap_or(&any), unit));
            RequestSet::from_clauses(sets.flat_map(|set| set.clauses().to_vec()))
        };
        if self.entries.iter().any(|(_, condition)| condition.is_some_and(|condition| condition.ports.is_some())) {
            return set();
        }
        self.everywhere.get_or_init(set).clone()
    }
}

/// At which units a ceiling holds.
enum Reach {
    /// Those of a node.
    Node(NodePath),
    /// The members of a zone.
    Services(BTreeSet<usize>),
    /// Every unit that is no target of a zone, for the callers in the zone.
    Outside(BTreeSet<usize>),
}

impl<'a> Mandated<'a> {
    /// Reads the mandates of every node and the rules of every zone.
    pub(super) fn read(world: &World<'a>, diagnostics: &mut Diagnostics) -> Self {
        let mut list = Vec::new();
        for path in world.nodes.keys() {
            for mandate in world.mandates(path).into_iter().filter_map(|mandates| mandates.access.as_ref()) {
                let on_trial = force(mandate.value.mode, mandate.value.until.as_ref(), world.as_of) == Force::OnTrial;
                let mut hold = |span, entries| {
                    let id = mandate_id(path, "access");
                    list.push(Held {
                        origin: Origin::new(span, id.to_string()),
                        id,
                        on_trial,
                        suspends: false,
                        reach: Reach::Node(path.clone()),
                        entries,
                        everywhere: OnceLock::new(),
                    });
                };
                if let Some(from) = &mandate.value.from
                    && let Ok(callers) = callers::callers(world, Some(&from.value.at_most.value), path, diagnostics)
                {
                    hold(from.value.at_most.span, vec![(callers, None)]);
                }
                if let Some(most) = &mandate.value.at_most {
                    let read = |entry: &'a crate::spec::mandates::Ceiling| {
                        let callers = callers::callers(world, entry.from.as_ref(), path, diagnostics).ok()?;
                        callers::check_names(&entry.condition, most.span, diagnostics).ok()?;
                        Some((callers, Some(&entry.condition)))
                    };
                    let entries: Option<Vec<_>> = most.value.0.iter().map(read).collect();
                    if let Some(entries) = entries {
                        hold(most.span, entries);
                    }
                }
            }
        }
        // A grant outside two zones is reported against the first: by name, never by the order of files.
        let mut zones: Vec<_> = world.parsed.policy.zones.iter().collect();
        zones.sort_by_key(|zone| zone.name());
        for zone in zones {
            read_zone(world, zone, &mut list, diagnostics);
        }
        Self { list }
    }

    /// Returns the ceilings at a unit, exceptions applied.
    pub(super) fn at(
        &self,
        unit: &Unit<'_>,
        world: &World<'_>,
        waivers: &Waivers<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Vec<Ceiling> {
        let here = |services: &BTreeSet<usize>| unit.services.iter().any(|service| services.contains(service));
        let mut ceilings = Vec::new();
        for held in &self.list {
            let applies = match &held.reach {
                Reach::Node(path) => path.contains(&unit.node),
                Reach::Services(services) => here(services),
                Reach::Outside(targets) => !here(targets),
            };
            if !applies {
                continue;
            }
            let set = held.at(unit);
            let waived: Vec<_> = waivers
                .at_unit(&held.id, unit)
                .filter_map(|waiver| {
                    Some(Waived {
                        set: waived_set(waiver, world, unit, diagnostics)?,
                        origin: waiver.origin(),
                        used: waiver.used_flag(),
                    })
                })
                .collect();
            let through = waived.iter().fold(RequestSet::nothing(), |through, waived| through.union(&waived.set));
            let (bare, bound) = match held.reach {
                Reach::Outside(_) => {
                    let callers = without(&set, &through);
                    let but = through
                        .clauses()
                        .iter()
                        .filter(|clause| RequestSet::from_clauses([(*clause).clone()]).meets(&callers).is_some());
                    let but = RequestSet::from_clauses(but.cloned());
                    let bare = Barred { callers: set, but: RequestSet::nothing() };
                    (Bound::Never(bare), Bound::Never(Barred { callers, but }))
                }
                _ => {
                    let most = set.union(&through);
                    (Bound::AtMost(set), Bound::AtMost(most))
                }
            };
            let (origin, on_trial, suspends) = (held.origin.clone(), held.on_trial, held.suspends);
            ceilings.push(Ceiling { origin, bound, on_trial, suspends, exceptions: BTreeSet::new(), bare, waived });
        }
        ceilings
    }
}

fn read_zone<'a>(
    world: &World<'a>,
    zone: &'a Document<ZoneSpec>,
    list: &mut Vec<Held<'a>>,
    diagnostics: &mut Diagnostics,
) {
    let Ok(members) = world.members(&zone.spec, &zone.node, diagnostics) else { return };
    let within = |path: &NodePath| zone.node.contains(path);
    let named = zone.spec.members.0.iter().find_map(|member| match &member.value {
        Member::Reference(Reference::Node(path)) if !within(path) => Some((member.span, path.to_string())),
        _ => None,
    });
    let services = || members.iter().filter_map(|index| world.services.get(*index));
    let stray = || services().find(|service| !within(&service.node)).map(World::service_name);
    if let Some((span, stray)) = named.or_else(|| Some((zone.metadata.name.span, stray()?))) {
        let code = &crate::diagnostics::codes::resolve::OUTSIDE_NODE;
        diagnostics.report(
            code.at(span, format!("zone `{}` holds `{stray}`", zone.name()))
                .label(format!("`{}` rules only what lies below it", zone.node))
                .help("declare the zone at a node above all its members"),
        );
        return;
    }
    let id = MandateId { holder: Holder::Zone(zone.name().to_owned()), field: "access".to_owned() };
    if let Some(from) = &zone.spec.rules.from
        && let Ok(callers) = callers::callers(world, Some(&from.value.at_most.value), &zone.node, diagnostics)
    {
        let origin = Origin::new(from.value.at_most.span, id.to_string());
        list.push(Held {
            id: id.clone(),
            origin,
            on_trial: false,
            suspends: zone.spec.rules.suspend(),
            reach: Reach::Services(members.clone()),
            entries: vec![(callers, None)],
            everywhere: OnceLock::new(),
        });
    }
    if let Some(to) = &zone.spec.rules.to {
        let mut targets = BTreeSet::new();
        for target in &to.value.at_most.value.0 {
            // A gateway is no workload of the tree: what leads through it is held against the zone where it is written.
            let found = match &target.value {
                Reference::Gateway(name) => world.gateway(name, target, diagnostics).map(|_| BTreeSet::new()),
                _ => world.services_of(target, &zone.node, diagnostics),
            };
            match found {
                Ok(services) => targets.extend(services),
                Err(_) => return,
            }
        }
        let identities: BTreeSet<IdentityPattern> =
            services().flat_map(|service| world.identities_of(service)).collect();
        let who = crate::resolve::lookup::Callers { identities, ..crate::resolve::lookup::Callers::default() };
        let caller = Caller { who, token: crate::requests::TokenMatch::Any, issuer: None, span: to.span };
        let origin = Origin::new(to.value.at_most.span, id.to_string());
        list.push(Held {
            id,
            origin,
            on_trial: false,
            suspends: zone.spec.rules.suspend(),
            reach: Reach::Outside(targets),
            entries: vec![(vec![caller], None)],
            everywhere: OnceLock::new(),
        });
    }
}

/// Returns what an exception adds at a unit.
fn waived_set(
    waiver: &Waiver<'_>,
    world: &World<'_>,
    unit: &Unit<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<RequestSet> {
    let Widening::Callers(references) = &waiver.widening else { return None };
    let sources = references
        .iter()
        .map(|reference| Spanned::new(Source { who: vec![reference.clone()], jwt: None }, reference.span));
    let from = crate::shape::OneOrMany(sources.collect());
    let callers = callers::callers(world, Some(&from), &waiver.document.node, diagnostics).ok()?;
    let condition = Condition { ports: waiver.document.spec.scope.value.ports.clone(), ..Condition::any() };
    callers::requests(&callers, &condition, unit)
}

/// Takes from the callers who may never reach a unit those that exceptions let through whatever they send.
fn without(never: &RequestSet, through: &RequestSet) -> RequestSet {
    let clauses = through.clauses().iter();
    let freed: BTreeSet<&IdentityPattern> = clauses
        .filter(|clause| clause.ports == Field::Any && clause.addresses == Field::Any)
        .flat_map(|clause| clause.identities.patterns())
        .collect();
    RequestSet::from_clauses(never.clauses().iter().map(|clause| match &clause.identities {
        Field::Only(patterns) => {
            let kept = patterns
                .iter()
                .filter(|pattern| !freed.iter().any(|freed| crate::requests::Pattern::covers(*freed, *pattern)));
            Clause { identities: Field::only(kept.cloned()), ..clause.clone() }
        }
        Field::Any => clause.clone(),
    }))
}
