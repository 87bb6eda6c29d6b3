//! What admits and denies: statements and defaults.

use std::collections::BTreeSet;

use super::consent::{self, Admission};
use crate::diagnostics::codes::resolve as code;
use crate::diagnostics::{Diagnostics, Reported};
use crate::document::Document;
use crate::requests::RequestSet;
use crate::resolve::callers::{self, Caller};
use crate::resolve::lookup::{Callers, Party};
use crate::resolve::statements::{Force, Origin, endless_trial, force, until_without_trial};
use crate::resolve::units::Unit;
use crate::resolve::world::World;
use crate::shape::OneOrMany;
use crate::source::{Span, Spanned};
use crate::spec::access::{AccessSpec, Condition, Source};
use crate::spec::mandates::Within;
use crate::spec::names::{Day, Mode};
use crate::spec::reference::{NodePath, Reference};

/// A set of requests that something admits or denies.
#[derive(Debug, Clone)]
pub struct Grant {
    /// Where it was written.
    pub origin: Origin,
    /// By what right.
    pub kind: GrantKind,
    /// Which requests.
    pub set: RequestSet,
    /// Whether it is only on trial.
    pub on_trial: bool,
    /// Whether it asks to be clipped to the mandates.
    pub clip: bool,
    /// The mandates that clipped it.
    pub clipped_by: Vec<Origin>,
    /// The exceptions it needs.
    pub exceptions: BTreeSet<Origin>,
    /// The issuers of the tokens it asks for.
    pub issuers: Vec<Spanned<String>>,
    /// Why.
    pub reason: Option<String>,
}

/// By what right something is admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GrantKind {
    /// An Access statement.
    Written,
    /// A default, where the workspace says nothing of its own.
    Default,
    /// A mandate: it must always be admitted.
    Floor,
}

/// Every rule of every Access statement, looked up.
pub(super) struct Rules<'a> {
    allows: Vec<Rule<'a>>,
    denies: Vec<Rule<'a>>,
}

/// One rule: who, which requests, and the units it is about.
struct Rule<'a> {
    document: &'a Document<AccessSpec>,
    span: Span,
    callers: Vec<Caller>,
    units: BTreeSet<usize>,
    condition: &'a Condition,
    on_trial: bool,
    clip: bool,
    reason: Option<&'a String>,
}

/// The parts an allow and a deny have in common.
struct Written<'a> {
    from: Option<&'a OneOrMany<Spanned<Source>>>,
    condition: &'a Condition,
    mode: Option<Mode>,
    until: Option<&'a Spanned<Day>>,
    clip: bool,
    reason: Option<&'a String>,
    span: Span,
}

impl<'a> Rules<'a> {
    pub(super) fn read(world: &World<'a>, units: &[Unit<'_>], diagnostics: &mut Diagnostics) -> Self {
        let mut rules = Self { allows: Vec::new(), denies: Vec::new() };
        for document in &world.parsed.policy.accesses {
            let spec = &document.spec;
            check_shape(document, diagnostics);
            if spec.allow.is_empty() && spec.deny.is_empty() {
                continue;
            }
            let Some(targets) = targets(world, document, units, diagnostics) else { continue };
            for rule in &spec.allow {
                let written = Written {
                    from: Some(&rule.value.from),
                    condition: &rule.value.condition,
                    mode: rule.value.mode,
                    until: rule.value.until.as_ref(),
                    clip: rule.value.clip == Some(true),
                    reason: rule.value.reason.as_ref(),
                    span: rule.span,
                };
                rules.allows.extend(read(world, document, &written, units, &targets, diagnostics));
            }
            for rule in &spec.deny {
                let written = Written {
                    from: rule.value.from.as_ref(),
                    condition: &rule.value.condition,
                    mode: rule.value.mode,
                    until: rule.value.until.as_ref(),
                    clip: false,
                    reason: rule.value.reason.as_ref(),
                    span: rule.span,
                };
                rules.denies.extend(read(world, document, &written, units, &targets, diagnostics));
            }
        }
        rules
    }

    /// Returns what is let in, for whom consent is asked; what is on trial must have it already.
    pub(super) fn admissions(&self) -> impl Iterator<Item = Admission<'_>> {
        self.allows.iter().map(|rule| Admission {
            node: &rule.document.node,
            span: rule.span,
            callers: &rule.callers,
            units: &rule.units,
            condition: rule.condition,
            force: Force::Enforced,
        })
    }

    /// Returns the grants and denies written about a unit.
    pub(super) fn at(&self, at: usize, unit: &Unit<'_>) -> (Vec<Grant>, Vec<Grant>) {
        let here = |rules: &[Rule<'_>], requests: Requests| {
            let here = rules.iter().filter(|rule| rule.units.contains(&at));
            here.filter_map(|rule| rule.grant(unit, requests)).collect::<Vec<_>>()
        };
        (here(&self.allows, callers::requests), here(&self.denies, callers::denied_requests))
    }

    /// Returns the rules by which a unit's own workspace, or a group of it, says who reaches it.
    fn speaking_for(&self, at: usize) -> impl Iterator<Item = &Rule<'a>> {
        let speaks = move |rule: &&Rule<'_>| {
            !rule.on_trial && rule.units.contains(&at) && rule.document.node.lineage().len() >= 3
        };
        self.allows.iter().filter(speaks)
    }

    /// Returns the same where a default would hold without them.
    pub(super) fn speaking_against_default(&self, world: &World<'_>, at: usize, unit: &Unit<'_>) -> BTreeSet<Origin> {
        let speaking: BTreeSet<Origin> = self.speaking_for(at).map(Rule::origin).collect();
        if speaking.is_empty() {
            return speaking;
        }
        // Two defaults that contradict each other are reported where one of them holds.
        match within(world, unit, &mut Diagnostics::new()) {
            None | Some((Spanned { value: Within::Nobody, .. }, _)) => BTreeSet::new(),
            Some(_) => speaking,
        }
    }
}

/// How a rule becomes a set at a unit.
type Requests = fn(&[Caller], &Condition, &Unit<'_>) -> Option<RequestSet>;

impl Rule<'_> {
    fn origin(&self) -> Origin {
        Origin::document(self.span, self.document)
    }

    fn grant(&self, unit: &Unit<'_>, requests: Requests) -> Option<Grant> {
        let set = requests(&self.callers, self.condition, unit)?;
        if set.is_empty() {
            return None;
        }
        Some(Grant {
            origin: self.origin(),
            kind: GrantKind::Written,
            set,
            on_trial: self.on_trial,
            clip: self.clip,
            clipped_by: Vec::new(),
            exceptions: BTreeSet::new(),
            issuers: self.callers.iter().filter_map(|caller| caller.issuer.clone()).collect(),
            reason: self.reason.cloned(),
        })
    }
}

/// Refuses documents that say nothing, or whose keys belong to the other side.
fn check_shape(document: &Document<AccessSpec>, diagnostics: &mut Diagnostics) {
    let spec = &document.spec;
    let grants = !spec.allow.is_empty() || !spec.deny.is_empty();
    let wrong = |message: &str, help: &str| {
        let code = &crate::diagnostics::codes::parse::INVALID_VALUE;
        code.at(document.span, message).label("this statement").help(help)
    };
    if !grants && spec.uses.is_empty() {
        diagnostics.report(wrong(
            "an Access that neither allows, denies nor uses says nothing",
            "write `allow`, `deny` or `uses`",
        ));
    } else if spec.from.is_some() && spec.uses.is_empty() {
        diagnostics
            .report(wrong("`from` beside `to` belongs to `uses`", "write the callers of a grant in its `allow` entry"));
    } else if spec.to.is_some() && !grants {
        diagnostics.report(wrong(
            "`to` without `allow` or `deny` grants nothing",
            "write `allow` or `deny`, or name what is called in `uses`",
        ));
    }
}

/// Returns the units a document is about; they lie within its node.
fn targets(
    world: &World<'_>,
    document: &Document<AccessSpec>,
    units: &[Unit<'_>],
    diagnostics: &mut Diagnostics,
) -> Option<BTreeSet<usize>> {
    let Some(to) = &document.spec.to else {
        return Some(in_node(units, &document.node));
    };
    units_of(world, to, &document.node, units, diagnostics)
}

/// Returns the units that references stand for; `None` where one was reported.
pub(in crate::resolve) fn units_of(
    world: &World<'_>,
    to: &OneOrMany<Spanned<Reference>>,
    node: &NodePath,
    units: &[Unit<'_>],
    diagnostics: &mut Diagnostics,
) -> Option<BTreeSet<usize>> {
    let mut services = BTreeSet::new();
    let mut fine = true;
    for reference in &to.0 {
        let help = "a statement is about workloads of its own node: its owner writes it, or a node above both";
        let Ok(found) = own_services(world, reference, node, help, diagnostics) else {
            fine = false;
            continue;
        };
        services.extend(found);
    }
    let about = |unit: &Unit<'_>| unit.services.iter().any(|service| services.contains(service));
    fine.then(|| units.iter().enumerate().filter(|(_, unit)| about(unit)).map(|(at, _)| at).collect())
}

/// Returns the services a reference stands for, none of them of another node.
///
/// # Errors
/// When one is, or the reference names a node outside, even where that happens to hold no other service today.
pub(in crate::resolve) fn own_services(
    world: &World<'_>,
    reference: &Spanned<Reference>,
    node: &NodePath,
    help: &str,
    diagnostics: &mut Diagnostics,
) -> Result<BTreeSet<usize>, Reported> {
    let found = world.services_of(reference, node, diagnostics)?;
    let named = match &reference.value {
        Reference::Node(path) if !node.contains(path) => Some(format!("`{path}` does not lie within `{node}`")),
        _ => None,
    };
    let mut services = found.iter().filter_map(|index| world.services.get(*index));
    let stray = services.find(|service| !node.contains(&service.node));
    let stray =
        stray.map(|stray| format!("`{}` belongs to `{}`, not to `{node}`", World::service_name(stray), stray.node));
    match named.or(stray) {
        Some(message) => {
            Err(diagnostics.report(code::OUTSIDE_NODE.at(reference.span, message).label("not its own").help(help)))
        }
        None => Ok(found),
    }
}

/// Returns the units of a node.
pub(in crate::resolve) fn in_node(units: &[Unit<'_>], node: &NodePath) -> BTreeSet<usize> {
    units.iter().enumerate().filter(|(_, unit)| node.contains(&unit.node)).map(|(at, _)| at).collect()
}

fn read<'a>(
    world: &World<'a>,
    document: &'a Document<AccessSpec>,
    written: &Written<'a>,
    units: &[Unit<'_>],
    targets: &BTreeSet<usize>,
    diagnostics: &mut Diagnostics,
) -> Option<Rule<'a>> {
    let callers = callers::callers(world, written.from, &document.node, diagnostics).ok()?;
    callers::check_names(written.condition, written.span, diagnostics).ok()?;
    let about: Vec<&Unit<'_>> = targets.iter().filter_map(|at| units.get(*at)).collect();
    callers::check_ports(written.condition, &about, diagnostics).ok()?;
    if written.mode == Some(Mode::DryRun) {
        match written.until {
            None => {
                diagnostics.report(endless_trial(written.span));
            }
            Some(until) if until.value < world.as_of => {
                let ended = code::DRY_RUN_ENDED
                    .at(until.span, format!("the trial ended on {}", until.value))
                    .label("the last day");
                diagnostics.report(ended.help("enforce it, give it another day, or delete it"));
            }
            Some(_) => {}
        }
    }
    if let (Some(until), true) = (written.until, written.mode != Some(Mode::DryRun)) {
        diagnostics.report(until_without_trial(until.span));
    }
    Some(Rule {
        document,
        span: written.span,
        callers,
        units: targets.clone(),
        condition: written.condition,
        // A trial that has ended was reported; until that is mended a grant grants nothing and a deny denies nothing.
        on_trial: written.mode == Some(Mode::DryRun)
            || force(written.mode, written.until, world.as_of) == Force::OnTrial,
        clip: written.clip,
        reason: written.reason,
    })
}

/// Returns what the default admits at a unit that its workspace does not speak for.
pub(super) fn default(
    world: &World<'_>,
    unit: &Unit<'_>,
    rules: &Rules<'_>,
    at: usize,
    diagnostics: &mut Diagnostics,
) -> Option<Grant> {
    if rules.speaking_for(at).next().is_some() {
        return None;
    }
    let (within, path) = within(world, unit, diagnostics)?;
    let part = match within.value {
        Within::Nobody => return None,
        Within::Group => unit.node.clone(),
        Within::Workspace => World::workspace(&unit.node)?,
        Within::Tenant => World::tenant(&unit.node)?,
    };
    if !consent::permits_default(world, unit, (within, &path), &part, diagnostics) {
        return None;
    }
    let who = Callers {
        identities: world.identities_of_node(&part),
        parties: [Party::Node(part)].into(),
        ..Callers::default()
    };
    let caller = Caller { who, token: crate::requests::TokenMatch::Any, issuer: None, span: within.span };
    let set = callers::requests(&[caller], &Condition::any(), unit).filter(|set| !set.is_empty())?;
    Some(Grant {
        origin: Origin::new(within.span, format!("{path}#defaults.access")),
        kind: GrantKind::Default,
        set,
        on_trial: false,
        clip: true,
        clipped_by: Vec::new(),
        exceptions: BTreeSet::new(),
        issuers: Vec::new(),
        reason: None,
    })
}

/// Returns the innermost default of access on the line of a unit; two at one node are ambiguous.
fn within<'a>(
    world: &World<'a>,
    unit: &Unit<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<(&'a Spanned<Within>, NodePath)> {
    for path in unit.node.lineage().into_iter().rev() {
        let written: Vec<_> =
            world.defaults(&path).into_iter().filter_map(|defaults| defaults.access.as_ref()).collect();
        let Some((first, others)) = written.split_first() else { continue };
        for other in others.iter().filter(|other| other.value != first.value) {
            let ambiguous = code::AMBIGUOUS
                .at(other.span, format!("two defaults of access are written at `{path}`"))
                .label("another");
            diagnostics.report(ambiguous.and(first.span, "one").help("neither order nor file name decides: keep one"));
        }
        return Some((&first.value.within, path));
    }
    None
}
