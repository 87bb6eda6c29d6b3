//! Consent: where a mandate asks for it, a caller from elsewhere must declare what it uses.
//!
//! In: rules, floors and defaults, `uses`, and the `crossWorkspace` and `crossTenant` of both lines. Out: reports. A
//! statement of a node above both sides speaks for both; a caller outside the tree (a gateway, an address that is no pod's)
//! has no side to speak for.

use std::cell::Cell;
use std::collections::BTreeSet;

use super::scope;
use crate::diagnostics::codes::resolve as code;
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::resolve::callers::{self, Caller};
use crate::resolve::lookup::Party;
use crate::resolve::statements::{Force, force};
use crate::resolve::units::Unit;
use crate::resolve::world::World;
use crate::source::{Span, Spanned};
use crate::spec::access::Condition;
use crate::spec::mandates::{AccessMandate, Consent, Within};
use crate::spec::reference::{NodePath, Reference};

/// Who is let in where, and by which node: a rule of an Access statement, or a floor of a mandate.
pub(super) struct Admission<'r> {
    pub node: &'r NodePath,
    pub span: Span,
    pub callers: &'r [Caller],
    pub units: &'r BTreeSet<usize>,
    pub condition: &'r Condition,
    /// Whether all of it is on trial and lets nobody in yet.
    pub force: Force,
}

impl Admission<'_> {
    fn parties(&self) -> impl Iterator<Item = &Party> {
        self.callers.iter().flat_map(|caller| &caller.who.parties)
    }
}

/// A declared use: whose, of what.
struct Use {
    callers: BTreeSet<usize>,
    node: Option<NodePath>,
    services: BTreeSet<usize>,
    span: Span,
    needed: Cell<bool>,
}

/// Reports what is admitted without the consent a mandate asks for, and the uses that nothing answers.
pub(super) fn check<'r>(
    world: &World<'_>,
    units: &[Unit<'_>],
    admissions: impl Iterator<Item = Admission<'r>>,
    diagnostics: &mut Diagnostics,
) {
    let uses = uses(world, diagnostics);
    for admission in admissions {
        let mut reported = BTreeSet::new();
        // A unit without the ports that are named is not reached.
        let reached = |unit: &&Unit<'_>| callers::requests(&[], admission.condition, unit).is_some();
        for unit in admission.units.iter().filter_map(|at| units.get(*at)).filter(reached) {
            for party in admission.parties() {
                if let Some(asked) = asks(world, &admission, party, unit)
                    && !agreed(&uses, party, unit)
                    && reported.insert((party.clone(), unit.services.clone()))
                {
                    diagnostics.report(missing(world, &admission, party, unit, asked));
                }
            }
            // A use is needed when a grant answers it, whether or not a mandate asks for it.
            for declared in &uses {
                let answered = admission.parties().any(|party| speaks(declared, party));
                if answered && unit.services.iter().any(|service| declared.services.contains(service)) {
                    declared.needed.set(true);
                }
            }
        }
    }
    for declared in uses.iter().filter(|declared| !declared.needed.get()) {
        let unused = code::UNUSED_CONSENT.at(declared.span, "no grant answers this use").label("granted by nobody");
        diagnostics.report(unused.help("ask the owner of the destination to grant it, or delete it"));
    }
}

fn uses(world: &World<'_>, diagnostics: &mut Diagnostics) -> Vec<Use> {
    let mut uses = Vec::new();
    for document in &world.parsed.policy.accesses {
        let mut callers = BTreeSet::new();
        let mut node = None;
        match &document.spec.from {
            None => {
                callers = world.services_in(&document.node);
                node = Some(document.node.clone());
            }
            Some(from) => {
                for reference in &from.0 {
                    let own = "a node speaks for its own callers";
                    let Ok(found) = scope::own_services(world, reference, &document.node, own, diagnostics) else {
                        continue;
                    };
                    callers.extend(found);
                    if let Reference::Node(path) = &reference.value {
                        node = Some(path.clone());
                    }
                }
            }
        }
        for target in &document.spec.uses {
            let Ok(services) = world.services_of(target, &document.node, diagnostics) else { continue };
            uses.push(Use {
                callers: callers.clone(),
                node: node.clone(),
                services,
                span: target.span,
                needed: Cell::new(false),
            });
        }
    }
    uses
}

/// A mandate that asks for both sides.
#[derive(Clone, Copy)]
struct Asked {
    force: Force,
    span: Span,
}

/// Returns the mandate that asks for the caller's side, if one does.
fn asks(world: &World<'_>, admission: &Admission<'_>, party: &Party, unit: &Unit<'_>) -> Option<Asked> {
    let caller = match party {
        Party::Outside => return None,
        Party::Everyone | Party::Addresses(_) => None,
        Party::Service(index) => Some(&world.services.get(*index)?.node),
        Party::Node(path) => Some(path),
    };
    // A statement of a node above both sides speaks for both.
    if caller.is_some_and(|caller| admission.node.contains(caller)) {
        return None;
    }
    let tenant = |path: &NodePath| World::tenant(path);
    let workspace = |path: &NodePath| World::workspace(path);
    let other_tenant = caller.is_none_or(|caller| tenant(caller) != tenant(&unit.node));
    let other_workspace = other_tenant || caller.is_none_or(|caller| workspace(caller) != workspace(&unit.node));
    let mutual = |pick| mutual(world, std::iter::once(&unit.node).chain(caller), pick);
    let by_tenant = mutual(|access| access.cross_tenant.as_ref()).filter(|_| other_tenant);
    let by_workspace = mutual(|access| access.cross_workspace.as_ref()).filter(|_| other_workspace);
    by_tenant.into_iter().chain(by_workspace).min_by_key(|asked| asked.force)
}

/// Returns the first mandate on the lines of some nodes that asks for both sides; one in force before one on trial.
fn mutual<'p>(
    world: &World<'_>,
    nodes: impl Iterator<Item = &'p NodePath>,
    pick: fn(&AccessMandate) -> Option<&Spanned<Consent>>,
) -> Option<Asked> {
    let mandates = nodes.flat_map(NodePath::lineage).flat_map(|path| world.mandates(&path));
    let accesses = mandates.filter_map(|mandates| mandates.access.as_ref()).map(|access| &access.value);
    let asking = accesses.filter_map(|access| {
        let consent = pick(access).filter(|consent| consent.value == Consent::Mutual)?;
        Some(Asked { force: force(access.mode, access.until.as_ref(), world.as_of), span: consent.span })
    });
    asking.min_by_key(|asked| asked.force)
}

/// Tells whether the default of a node may admit a part of the tree to a unit: neighbours of other workspaces have not
/// declared what they use, and a default names none of them.
pub(super) fn permits_default(
    world: &World<'_>,
    unit: &Unit<'_>,
    (within, path): (&Spanned<Within>, &NodePath),
    part: &NodePath,
    diagnostics: &mut Diagnostics,
) -> bool {
    let asked = mutual(world, std::iter::once(&unit.node), |access| access.cross_workspace.as_ref());
    let Some(asked) = asked.filter(|_| !path.contains(part)) else { return true };
    let message = format!("`{path}` admits all of `{part}`, whose workspaces have not declared that they use it");
    let help = "write `within: workspace` and grant callers by name, or let the node above both write the default";
    diagnostics.report(one_sided(within.span, message, asked).help(help));
    asked.force == Force::OnTrial
}

/// Begins to say that one side alone agrees; where the mandate is on trial, that it will not be enough.
fn one_sided(span: Span, message: String, asked: Asked) -> Diagnostic {
    match asked.force {
        Force::Enforced => code::CONSENT_MISSING
            .at(span, message)
            .label("granted from this side alone")
            .and(asked.span, "both sides must agree"),
        Force::OnTrial => code::DRY_RUN_MANDATE
            .at(span, message)
            .label("will be refused")
            .and(asked.span, "both sides must agree, on trial"),
    }
}

/// Tells whether a declared use speaks for a caller.
fn speaks(declared: &Use, party: &Party) -> bool {
    match party {
        Party::Service(index) => declared.callers.contains(index),
        Party::Node(path) => declared.node.as_ref().is_some_and(|node| node.contains(path)),
        Party::Everyone | Party::Addresses(_) | Party::Outside => false,
    }
}

fn agreed(uses: &[Use], party: &Party, unit: &Unit<'_>) -> bool {
    uses.iter().any(|declared| {
        speaks(declared, party) && unit.services.iter().any(|service| declared.services.contains(service))
    })
}

/// Says whose side has not agreed, and where it would.
fn missing(world: &World<'_>, admission: &Admission<'_>, party: &Party, unit: &Unit<'_>, asked: Asked) -> Diagnostic {
    let target =
        unit.services.first().and_then(|index| world.services.get(*index)).map_or(String::new(), World::service_name);
    let (who, help) = match party {
        Party::Service(index) => {
            let service = world.services.get(*index);
            let name = service.map_or(String::new(), World::service_name);
            let node = service.map_or(String::new(), |service| service.node.0.clone());
            (
                format!("`{name}`"),
                format!("add an Access with `uses: [\"{target}\"]` to `{node}`, for its owner to approve"),
            )
        }
        Party::Node(path) => (
            format!("`{path}`"),
            format!("add an Access with `uses: [\"{target}\"]` to `{path}`, for its owner to approve"),
        ),
        Party::Addresses(net) => (
            format!("whoever calls from `{net}`, which may be a pod,"),
            "name the callers, so that they can declare it; if these are no pods, list the `podCidrs` of every cluster"
                .to_owned(),
        ),
        Party::Everyone | Party::Outside => {
            ("a caller of no node in particular".to_owned(), "name the callers, so that they can declare it".to_owned())
        }
    };
    // A mandate that is on trial refuses nothing yet, whatever asks for consent to it.
    let force = asked.force.max(admission.force);
    let message = format!("{who} has not declared that it uses `{target}`");
    one_sided(admission.span, message, Asked { force, ..asked }).help(help)
}
