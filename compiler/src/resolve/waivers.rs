//! Exceptions: the only thing that widens, for a scope and a time, with an id.
//!
//! In: `Exception` documents and the day. Out: [`Waivers`], which every field asks. One that has ended is an error, one
//! that nothing needs a warning, one without what its mandate asks of it is none.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::fields::Arrivals;
use super::statements::mandate_id;
use super::units::Unit;
use super::world::World;
use crate::diagnostics::codes::resolve as code;
use crate::diagnostics::{Diagnostics, Reported, nearest};
use crate::document::Document;
use crate::shape::scalar::Text;
use crate::source::{Span, Spanned};
use crate::spec::access::Port;
use crate::spec::authentication::MtlsMode;
use crate::spec::authority::{Category, ExceptionSpec, Holder, MandateId};
use crate::spec::mandates::{EgressMode, ExceptionTerms, Mandates};
use crate::spec::names::Owner;
use crate::spec::reference::{NodePath, Reference};

/// Every exception in force.
#[derive(Debug, Default)]
pub struct Waivers<'a> {
    list: Vec<Waiver<'a>>,
}

/// An exception in force.
#[derive(Debug)]
pub struct Waiver<'a> {
    /// Its document.
    pub document: &'a Document<ExceptionSpec>,
    /// What the mandate reads where it applies.
    pub widening: Widening,
    place: Place,
    used: Arc<AtomicBool>,
}

#[derive(Debug)]
enum Place {
    Node(NodePath),
    Services(BTreeSet<usize>),
}

/// What a mandate is widened to, in terms of its field.
#[derive(Debug, Clone, PartialEq)]
pub enum Widening {
    /// Of `mtls`.
    Mtls(Arrivals),
    /// Of `egress`.
    Egress(EgressMode),
    /// Of `trustDomains`, `jwt.issuers` and `raw`.
    Words(BTreeSet<String>),
    /// Of `access`.
    Callers(Vec<Spanned<Reference>>),
}

/// The fields an exception can waive.
const FIELDS: [&str; 6] = ["access", "egress", "jwt.issuers", "mtls", "raw", "trustDomains"];

impl<'a> Waivers<'a> {
    /// Reads every exception and says what is wrong with it.
    pub(super) fn read(world: &World<'a>, diagnostics: &mut Diagnostics) -> Self {
        let mut list = Vec::new();
        for document in &world.parsed.policy.exceptions {
            // One that is not valid waives nothing, and has said so.
            if let Ok(Some(waiver)) = read(world, document, diagnostics) {
                list.push(waiver);
            }
        }
        Self { list }
    }

    /// Returns the exceptions to a mandate that hold at a unit.
    pub fn at_unit(&self, id: &MandateId, unit: &Unit<'_>) -> impl Iterator<Item = &Waiver<'a>> {
        self.to(id).filter(move |waiver| match &waiver.place {
            Place::Node(node) => node.contains(&unit.node),
            Place::Services(services) => unit.services.iter().any(|service| services.contains(service)),
        })
    }

    /// Returns the exceptions to a mandate that hold for the whole of a node.
    pub fn at_node(&self, id: &MandateId, path: &NodePath) -> impl Iterator<Item = &Waiver<'a>> {
        self.to(id).filter(move |waiver| matches!(&waiver.place, Place::Node(node) if node.contains(path)))
    }

    fn to(&self, id: &MandateId) -> impl Iterator<Item = &Waiver<'a>> {
        self.list.iter().filter(move |waiver| waiver.document.spec.waives.value == *id)
    }

    /// Remembers the exceptions to a field of words, at a unit, whose words something uses.
    pub(super) fn mark_words(&self, field: &str, unit: &Unit<'_>, uses: impl Fn(&str) -> bool) {
        let ids = unit.node.lineage().into_iter().map(|path| mandate_id(&path, field));
        for waiver in ids.flat_map(|id| self.at_unit(&id, unit).collect::<Vec<_>>()) {
            if matches!(&waiver.widening, Widening::Words(words) if words.iter().any(|word| uses(word))) {
                waiver.mark_used();
            }
        }
    }

    /// Remembers the exceptions to the kinds of hand-written objects that an object of a node uses.
    pub(super) fn mark_raw(&self, path: &NodePath, kind: &str) {
        let ids = path.lineage().into_iter().map(|above| mandate_id(&above, "raw"));
        for waiver in ids.flat_map(|id| self.at_node(&id, path).collect::<Vec<_>>()) {
            if matches!(&waiver.widening, Widening::Words(words) if words.contains(kind)) {
                waiver.mark_used();
            }
        }
    }

    /// Returns the exceptions that something needed, in the order of their files.
    pub fn used(&self) -> impl Iterator<Item = &Waiver<'a>> {
        self.list.iter().filter(|waiver| waiver.used.load(Ordering::Relaxed))
    }

    /// Reports the exceptions that nothing needed.
    pub(super) fn finish(&self, diagnostics: &mut Diagnostics) {
        for waiver in self.list.iter().filter(|waiver| !waiver.used.load(Ordering::Relaxed)) {
            let span = waiver.document.metadata.name.span;
            let unused = code::EXCEPTION_UNUSED
                .at(span, format!("exception `{}` waives nothing that anybody needs", waiver.document.name()));
            diagnostics.report(unused.label("unused").help("delete it: what is not needed should not stay open"));
        }
    }
}

impl Waiver<'_> {
    /// Remembers that something needed it.
    pub fn mark_used(&self) {
        self.used.store(true, Ordering::Relaxed);
    }

    /// Returns the mark that something needed it, for who finds out later.
    #[must_use]
    pub fn used_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.used)
    }

    /// Returns the ports of a unit it is limited to; `None` for every port.
    #[must_use]
    pub fn ports_at(&self, unit: &Unit<'_>) -> Option<BTreeSet<u16>> {
        let ports = self.document.spec.scope.value.ports.as_ref()?;
        Some(ports.0.iter().flat_map(|port| unit.port_numbers(&port.value)).collect())
    }

    /// Returns the numbers of the ports it is limited to, without a workload to look names up at.
    #[must_use]
    pub fn port_numbers(&self) -> Option<BTreeSet<u16>> {
        let ports = self.document.spec.scope.value.ports.as_ref()?;
        Some(
            ports
                .0
                .iter()
                .filter_map(|port| if let Port::Number(number) = port.value { Some(number) } else { None })
                .collect(),
        )
    }
}

fn read<'a>(
    world: &World<'a>,
    document: &'a Document<ExceptionSpec>,
    diagnostics: &mut Diagnostics,
) -> Result<Option<Waiver<'a>>, Reported> {
    let spec = &document.spec;
    let holder = holder(world, document, diagnostics)?;
    let place = place(world, document, &holder, diagnostics)?;
    let widening = widening(spec, diagnostics)?;
    check_terms(world, document, &holder, diagnostics)?;
    let (name, expires) = (document.name(), &spec.expires);
    if let Some(granted) = spec.granted.as_ref().filter(|granted| granted.value > world.as_of) {
        let early = code::EXCEPTION_INVALID.at(granted.span, format!("exception `{name}` begins on {}", granted.value));
        diagnostics.report(early.label(format!("not yet on {}", world.as_of)));
        return Ok(None);
    }
    if expires.value < world.as_of {
        diagnostics.report(
            code::EXCEPTION_EXPIRED
                .at(
                    expires.span,
                    format!("exception `{name}` ended on {}, and this is as of {}", expires.value, world.as_of),
                )
                .label("the mandate is back")
                .and(spec.waives.span, "what it waived")
                .help("end what needs it and delete it, or have a new one approved"),
        );
        return Ok(None);
    }
    let left = world.as_of.days_until(expires.value);
    if left <= 14 {
        let when = match left {
            0 => "today".to_owned(),
            1 => "tomorrow".to_owned(),
            left => format!("in {left} days"),
        };
        let ending = code::EXCEPTION_ENDING.at(expires.span, format!("exception `{name}` ends {when}"));
        diagnostics.report(ending.label("the last day").help("the build fails the day after"));
    }
    Ok(Some(Waiver { document, widening, place, used: Arc::new(AtomicBool::new(false)) }))
}

/// Finds who makes the waived mandate, and that somebody does.
fn holder(
    world: &World<'_>,
    document: &Document<ExceptionSpec>,
    diagnostics: &mut Diagnostics,
) -> Result<NodePath, Reported> {
    let waives = &document.spec.waives;
    let field = waives.value.field.as_str();
    if !FIELDS.contains(&field) {
        let unknown = code::UNKNOWN_MANDATE
            .at(waives.span, format!("`{field}` is no field an exception can waive"))
            .label("waives nothing");
        return Err(diagnostics
            .report(unknown.help(format!("the fields are {}", FIELDS.join(", "))).did_you_mean(field, FIELDS)));
    }
    match &waives.value.holder {
        Holder::Zone(name) => match world.parsed.policy.zones.iter().find(|zone| zone.name() == name) {
            Some(zone) if field == "access" => Ok(zone.node.clone()),
            Some(_) => {
                let unknown = code::UNKNOWN_MANDATE
                    .at(waives.span, format!("a zone mandates nothing on `{field}`"))
                    .label("waives nothing");
                Err(diagnostics.report(unknown.help("a zone rules `access` alone")))
            }
            None => {
                let zones = world.parsed.policy.zones.iter().map(Document::name);
                let near = nearest(name, zones).map(|near| format!("did you mean `zone:{near}#{field}`?"));
                let unknown =
                    code::UNKNOWN_MANDATE.at(waives.span, format!("there is no zone `{name}`")).label("waives nothing");
                Err(diagnostics.report(match near {
                    Some(near) => unknown.help(near),
                    None => unknown,
                }))
            }
        },
        Holder::Node(path) => {
            world.known_path(&Spanned::new(path.clone(), waives.span), diagnostics)?;
            let holds = |path: &NodePath| world.mandates(path).iter().any(|mandates| mandates_field(mandates, field));
            if holds(path) {
                return Ok(path.clone());
            }
            let unknown = code::UNKNOWN_MANDATE
                .at(waives.span, format!("`{path}` mandates nothing on `{field}`"))
                .label("waives nothing");
            let other = world.nodes.keys().find(|other| holds(other));
            Err(diagnostics.report(match other {
                Some(other) => unknown.help(format!("did you mean `{}`?", mandate_id(other, field))),
                None => unknown,
            }))
        }
    }
}

fn mandates_field(mandates: &Mandates, field: &str) -> bool {
    match field {
        "access" => mandates.access.is_some(),
        "egress" => mandates.egress.is_some(),
        "jwt.issuers" => mandates.jwt.as_ref().is_some_and(|jwt| jwt.value.issuers.is_some()),
        "mtls" => mandates.mtls.is_some(),
        "raw" => mandates.raw.is_some(),
        "trustDomains" => mandates.trust_domains.is_some(),
        _ => false,
    }
}

fn place(
    world: &World<'_>,
    document: &Document<ExceptionSpec>,
    holder: &NodePath,
    diagnostics: &mut Diagnostics,
) -> Result<Place, Reported> {
    let scope = &document.spec.scope;
    let outside = |span: Span, what: &str| {
        code::EXCEPTION_INVALID
            .at(span, format!("`{what}` lies outside `{holder}`, whose mandate is waived"))
            .label("wider than the mandate")
            .and(document.spec.waives.span, "the mandate")
    };
    match (&scope.value.service, &scope.value.node) {
        (Some(service), None) => {
            let services = world.services_of(service, &document.node, diagnostics)?;
            let strays = services
                .iter()
                .filter_map(|index| world.services.get(*index))
                .any(|service| !holder.contains(&service.node));
            if strays {
                return Err(diagnostics.report(outside(service.span, &service.value.to_string())));
            }
            Ok(Place::Services(services))
        }
        (None, Some(node)) => {
            world.known_path(node, diagnostics)?;
            if !holder.contains(&node.value) {
                return Err(diagnostics.report(outside(node.span, &node.value.0)));
            }
            Ok(Place::Node(node.value.clone()))
        }
        _ => {
            let both = code::EXCEPTION_INVALID
                .at(scope.span, "the scope of an exception is one service or one node")
                .label("says neither or both");
            Err(diagnostics.report(both.help("write `service` or `node`, and `ports` where only some are meant")))
        }
    }
}

fn widening(spec: &ExceptionSpec, diagnostics: &mut Diagnostics) -> Result<Widening, Reported> {
    let words = &spec.widen_to.value.0;
    let field = spec.waives.value.field.as_str();
    let one_of = |known: Vec<&str>, diagnostics: &mut Diagnostics| {
        let list = known.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
        let wrong = code::EXCEPTION_INVALID
            .at(spec.widen_to.span, format!("`{field}` is widened to one of {list}"))
            .label("none of them");
        diagnostics.report(wrong)
    };
    match (field, words.as_slice()) {
        ("mtls", [word]) => match MtlsMode::WORDS.iter().find(|(known, _)| *known == word.value) {
            Some((_, mode)) => Ok(Widening::Mtls((*mode).into())),
            None => Err(one_of(MtlsMode::WORDS.iter().map(|(word, _)| *word).collect(), diagnostics)),
        },
        ("egress", [word]) => match EgressMode::WORDS.iter().find(|(known, _)| *known == word.value) {
            Some((_, mode)) => Ok(Widening::Egress(*mode)),
            None => Err(one_of(EgressMode::WORDS.iter().map(|(word, _)| *word).collect(), diagnostics)),
        },
        ("mtls", _) => Err(one_of(MtlsMode::WORDS.iter().map(|(word, _)| *word).collect(), diagnostics)),
        ("egress", _) => Err(one_of(EgressMode::WORDS.iter().map(|(word, _)| *word).collect(), diagnostics)),
        ("access", words) => {
            let mut callers = Vec::new();
            for word in words {
                let reference = Reference::parse(&word.value).map_err(|reason| {
                    diagnostics.report(code::EXCEPTION_INVALID.at(word.span, reason).label("no caller"))
                })?;
                callers.push(Spanned::new(reference, word.span));
            }
            Ok(Widening::Callers(callers))
        }
        (_, words) => Ok(Widening::Words(words.iter().map(|word| word.value.clone()).collect())),
    }
}

/// Checks category, approvals and duration against the terms of the mandate's node and of every node above it.
fn check_terms(
    world: &World<'_>,
    document: &Document<ExceptionSpec>,
    holder: &NodePath,
    diagnostics: &mut Diagnostics,
) -> Result<(), Reported> {
    let spec = &document.spec;
    let mut invalid = None;
    let name = document.name();
    if spec.category == Category::Mitigated && spec.compensating.is_empty() {
        let span = document.metadata.name.span;
        let missing = code::EXCEPTION_INVALID
            .at(span, format!("exception `{name}` is mitigated by nothing"))
            .label("`compensating` is empty");
        invalid = Some(diagnostics.report(missing.help("list what makes up for it, or write `category: waiver`")));
    }
    if let Some(granted) = spec.granted.as_ref().filter(|granted| granted.value > spec.expires.value) {
        let turned = code::EXCEPTION_INVALID.at(spec.expires.span, format!("exception `{name}` ends before it begins"));
        invalid = Some(diagnostics.report(turned.label("the last day").and(granted.span, "the first")));
    }
    for terms in holder
        .lineage()
        .iter()
        .flat_map(|path| world.mandates(path))
        .filter_map(|mandates| mandates.exceptions.as_ref())
    {
        let asked = terms.span;
        let terms = &terms.value;
        let needed = terms.approvals.as_ref().map_or(u32::from(!terms.approvers.is_empty()), |count| count.value.0);
        let people: BTreeSet<&Owner> = spec.approvals.iter().map(|approval| &approval.by.value).collect();
        let valid = people.into_iter().filter(|person| may_approve(world, terms, person)).count();
        if valid < needed as usize {
            let who = terms.approvers.iter().map(|owner| format!("`{}`", owner.value)).collect::<Vec<_>>().join(", ");
            let span = document.metadata.name.span;
            let few = code::EXCEPTION_INVALID.at(span, format!("exception `{name}` has {valid} of {needed} approvals"));
            let few = few.label("not approved").and(asked, "asked for here");
            let help = if who.is_empty() {
                "each must be another person".to_owned()
            } else {
                format!("each must be another person of {who}")
            };
            invalid = Some(diagnostics.report(few.help(help)));
        }
        if let Some(limit) = &terms.max_days {
            match &spec.granted {
                None => {
                    let span = document.metadata.name.span;
                    let undated = code::EXCEPTION_INVALID
                        .at(span, format!("exception `{name}` does not say when it was granted"));
                    let undated = undated.label("`granted` is missing").and(limit.span, "its days are limited here");
                    invalid = Some(diagnostics.report(undated.help("add `granted`, the day it was approved")));
                }
                Some(granted) if granted.value.days_until(spec.expires.value) > i64::from(limit.value.0) => {
                    let days = granted.value.days_until(spec.expires.value);
                    let long =
                        code::EXCEPTION_INVALID.at(spec.expires.span, format!("exception `{name}` lasts {days} days"));
                    let long = long.label("the last day").and(limit.span, format!("at most {} days", limit.value.0));
                    invalid = Some(
                        diagnostics
                            .report(long.help("end it earlier and have it approved again if it is still needed")),
                    );
                }
                Some(_) => {}
            }
        }
    }
    invalid.map_or(Ok(()), Err)
}

/// Tells whether a person is one of the approvers, by address or as a member of a team.
fn may_approve(world: &World<'_>, terms: &ExceptionTerms, person: &Owner) -> bool {
    let Owner::Person(address) = person else { return false };
    let teams = world.parsed.policy.organizations.iter().map(|organization| &organization.spec.teams);
    let member =
        |team: &str| teams.clone().filter_map(|teams| teams.get(team)).any(|members| members.contains(address));
    terms.approvers.is_empty()
        || terms.approvers.iter().any(|approver| match &approver.value {
            Owner::Person(known) => known == address,
            Owner::Team(team) => member(team),
        })
}
