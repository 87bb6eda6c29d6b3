//! Exceptions: the only thing that widens, for a scope and a time, with an id.
//!
//! In: `Exception` documents and the day. Out: [`Waivers`], which every field asks. One that has ended is an error, one
//! that nothing needs a warning, one without what its mandate asks of it is none.

mod terms;
mod widening;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub use self::widening::Widening;
use super::callers;
use super::statements::{Origin, mandate_id};
use super::units::Unit;
use super::world::World;
use crate::diagnostics::codes::resolve as code;
use crate::diagnostics::{Diagnostics, Reported, nearest};
use crate::document::Document;
use crate::source::{Span, Spanned};
use crate::spec::access::{Condition, Port};
use crate::spec::authority::{ExceptionSpec, Holder, MandateId};
use crate::spec::mandates::{Mandates, WordsMandate};
use crate::spec::reference::NodePath;

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
        self.to(id).filter(move |waiver| waiver.holds_at(unit))
    }

    /// Returns the exceptions to a mandate that hold for the whole of a node.
    pub fn at_node(&self, id: &MandateId, path: &NodePath) -> impl Iterator<Item = &Waiver<'a>> {
        self.to(id).filter(move |waiver| matches!(&waiver.place, Place::Node(node) if node.contains(path)))
    }

    fn to(&self, id: &MandateId) -> impl Iterator<Item = &Waiver<'a>> {
        self.list.iter().filter(move |waiver| waiver.document.spec.waives.value == *id)
    }

    /// Remembers the exceptions to a field of words, at a unit, without whose words something that is used would be outside.
    pub(super) fn mark_words(&self, world: &World<'_>, field: &str, unit: &Unit<'_>, uses: impl Fn(&str) -> bool) {
        for path in unit.node.lineage() {
            for waiver in self.at_unit(&mandate_id(&path, field), unit) {
                waiver.mark_words(world, &path, field, &uses);
            }
        }
    }

    /// Remembers the exceptions to the kinds of hand-written objects that an object of a node needs.
    pub(super) fn mark_raw(&self, world: &World<'_>, node: &NodePath, kind: &str) {
        for path in node.lineage() {
            for waiver in self.at_node(&mandate_id(&path, "raw"), node) {
                waiver.mark_words(world, &path, "raw", &|word: &str| word == kind);
            }
        }
    }

    /// Reports the ports of scopes that no workload there has: an exception for them would let nothing through.
    pub(super) fn check_ports(&self, units: &[Unit<'_>], diagnostics: &mut Diagnostics) {
        for waiver in &self.list {
            let here: Vec<&Unit<'_>> = units.iter().filter(|unit| waiver.holds_at(unit)).collect();
            // A scope without workloads is reported as unused.
            if !here.is_empty() {
                let ports = waiver.document.spec.scope.value.ports.clone();
                // What is wrong was reported, which is all that is asked here.
                let _ = callers::check_ports(&Condition { ports, ..Condition::any() }, &here, diagnostics);
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
    /// Returns where it was written, and its name.
    #[must_use]
    pub fn origin(&self) -> Origin {
        Origin::document(self.document.metadata.name.span, self.document)
    }

    fn holds_at(&self, unit: &Unit<'_>) -> bool {
        match &self.place {
            Place::Node(node) => node.contains(&unit.node),
            Place::Services(services) => unit.services.iter().any(|service| services.contains(service)),
        }
    }

    /// Remembers that it is needed if one of its words is used and a mandate of the node does not list it by itself.
    fn mark_words(&self, world: &World<'_>, holder: &NodePath, field: &str, uses: &impl Fn(&str) -> bool) {
        let Widening::Words(words) = &self.widening else { return };
        let mandates = || world.mandates(holder).into_iter().filter_map(|mandates| words_mandate(mandates, field));
        let added = |word: &str| mandates().any(|most| most.at_most.value.0.iter().all(|listed| listed.value != word));
        if words.iter().any(|word| uses(word) && added(word)) {
            self.mark_used();
        }
    }

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
    let widening = widening::read(spec, diagnostics)?;
    if let (Some(ports), false) =
        (&spec.scope.value.ports, matches!(spec.waives.value.field.as_str(), "mtls" | "access"))
    {
        let span = ports.0.first().map_or(spec.scope.span, |port| port.span);
        let apart =
            code::EXCEPTION_INVALID.at(span, format!("`{}` is not waived port by port", spec.waives.value.field));
        return Err(diagnostics.report(
            apart.label("limits nothing").help("leave `ports` out: the exception holds for the whole of its scope"),
        ));
    }
    terms::check(world, document, &holder, diagnostics)?;
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
        "egress" => mandates.egress.as_ref().is_some_and(|egress| egress.value.at_most.is_some()),
        "mtls" => mandates.mtls.is_some(),
        _ => words_mandate(mandates, field).is_some(),
    }
}

/// Returns the mandate on a field of words.
fn words_mandate<'m>(mandates: &'m Mandates, field: &str) -> Option<&'m WordsMandate> {
    match field {
        "jwt.issuers" => mandates.jwt.as_ref()?.value.issuers.as_ref().map(|issuers| &issuers.value),
        "raw" => mandates.raw.as_ref().map(|raw| &raw.value.kinds),
        "trustDomains" => mandates.trust_domains.as_ref().map(|domains| &domains.value),
        _ => None,
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
