//! The settings of a node or unit, field by field.
//!
//! In: settled values with their steps. Out: [`Field`]s: the value, how it came about, what bounds it, and the exceptions
//! that moved a bound.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::document::Document;
use ringfence_compiler::resolve::Resolved;
use ringfence_compiler::resolve::fields::Words;
use ringfence_compiler::resolve::interval::{Settled, Step};
use ringfence_compiler::resolve::settings::Settings;
use ringfence_compiler::resolve::statements::Origin;
use ringfence_compiler::resolve::units::Unit;
use ringfence_compiler::source::Sources;
use ringfence_compiler::spec::authentication::MtlsMode;
use ringfence_compiler::spec::authority::ExceptionSpec;
use ringfence_compiler::spec::reference::NodePath;

use super::view::Place;

/// A field and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    pub name: &'static str,
    pub value: String,
    /// How the value came about, from the root down.
    pub steps: Vec<Said>,
    /// What it lies between.
    pub bounds: Vec<Said>,
    /// What widened a bound.
    pub exceptions: Vec<Said>,
}

impl Field {
    /// Says of `mtls` what holds without a proxy, whatever was written: everything arrives in plaintext.
    pub(super) fn arrives_in_plaintext(&mut self) {
        let value = MtlsMode::Disable.word().to_owned();
        self.steps.push(Said { what: "has no proxy, so", value: value.clone(), by: None });
        self.value = value;
    }
}

/// Something a statement does to a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    /// What: `written`, `at most`.
    pub what: &'static str,
    /// The value it does it with.
    pub value: String,
    /// The statement and its line; nothing for what is built in.
    pub by: Option<(String, Place)>,
}

/// Where settings are shown.
pub(super) enum Spot<'s, 'a> {
    Node(&'s NodePath),
    Unit(&'s Unit<'a>),
}

impl Spot<'_, '_> {
    fn node(&self) -> &NodePath {
        match self {
            Self::Node(path) => path,
            Self::Unit(unit) => &unit.node,
        }
    }
}

/// Returns every field in a fixed order.
pub(super) fn fields(
    settings: &Settings,
    spot: &Spot<'_, '_>,
    resolved: &Resolved<'_>,
    sources: &Sources,
) -> Vec<Field> {
    let reader = Reader { spot, resolved, sources };
    // Hand-written objects are the one field whose top is not its built-in value: nobody allows any until somebody does.
    let raw = if settings.raw.ceilings.is_empty() {
        let nothing = Said { what: "built in", value: "none".to_owned(), by: None };
        Field {
            name: "raw",
            value: "none".to_owned(),
            steps: vec![nothing],
            bounds: Vec::new(),
            exceptions: Vec::new(),
        }
    } else {
        reader.field("raw", &settings.raw, words)
    };
    let mut fields = vec![
        reader.field("mtls", &settings.mtls, |mtls| mtls.words()),
        reader.field("egress", &settings.egress, |mode| mode.word().to_owned()),
        reader.field("trustDomains", &settings.trust_domains, words),
        reader.field("jwt.issuers", &settings.issuers, words),
        raw,
        reader.obliged("accessLog", &settings.access_log),
        reader.obliged("externalAuthorization", &settings.external_authorization),
    ];
    fields.extend(reader.outside());
    fields
}

struct Reader<'r, 's, 'a> {
    spot: &'r Spot<'s, 'a>,
    resolved: &'r Resolved<'a>,
    sources: &'r Sources,
}

impl Reader<'_, '_, '_> {
    fn field<V>(&self, name: &'static str, settled: &Settled<V, Origin>, words: impl Fn(&V) -> String) -> Field {
        let mut steps = Vec::new();
        for step in &settled.steps {
            match step {
                Step::BuiltIn(value) => steps.push(Said { what: "built in", value: words(value), by: None }),
                Step::Written(statement) => {
                    steps.push(self.said("written", words(&statement.value), &statement.origin));
                }
                Step::Clamped { to, by } => {
                    steps.extend(by.iter().map(|origin| self.said("clamped to", words(to), origin)));
                }
            }
        }
        let above = settled.ceilings.iter().map(|it| self.said("at most", words(&it.value), &it.origin));
        let below = settled.floors.iter().map(|it| self.said("at least", words(&it.value), &it.origin));
        let bounds = above.chain(below).collect();
        Field { name, value: words(&settled.value), steps, bounds, exceptions: self.exceptions(name) }
    }

    /// Shows the hosts outside that are called, if any are.
    fn outside(&self) -> Option<Field> {
        let calls = |at: &usize| {
            self.resolved.units.get(*at).is_some_and(|governed| match self.spot {
                Spot::Node(path) => path.contains(&governed.unit.node),
                Spot::Unit(unit) => std::ptr::eq(&governed.unit, *unit),
            })
        };
        let here = self.resolved.egresses.iter().filter(|leaving| leaving.units.iter().any(calls));
        // A node may call alike from several clusters.
        let documents: BTreeMap<_, _> = here.map(|leaving| (&leaving.origin, leaving)).collect();
        let mut hosts = BTreeSet::new();
        let mut steps = Vec::new();
        for (origin, leaving) in documents {
            let spec = &leaving.document.spec;
            let names: BTreeSet<String> = spec.hosts.0.iter().map(|host| host.value.to_string()).collect();
            let via = leaving.via.map_or_else(|| "directly".to_owned(), |(gateway, _)| format!("via {gateway}"));
            let until = spec.until.as_ref().map(|until| format!(" until {}", until.value)).unwrap_or_default();
            steps.push(self.said("calls", format!("{} {via}{until}", listed(&names)), origin));
            hosts.extend(names);
        }
        let field = Field { name: "outside", value: listed(&hosts), steps, bounds: Vec::new(), exceptions: Vec::new() };
        (!hosts.is_empty()).then_some(field)
    }

    /// Shows an obligation, which only adds up.
    fn obliged(&self, name: &'static str, settled: &Settled<BTreeSet<String>, Origin>) -> Field {
        let steps = settled.ceilings.iter().map(|it| self.said("obliged to", listed(&it.value), &it.origin)).collect();
        Field { name, value: listed(&settled.value), steps, bounds: Vec::new(), exceptions: Vec::new() }
    }

    fn said(&self, what: &'static str, value: String, origin: &Origin) -> Said {
        Said { what, value, by: Some((origin.id.clone(), Place::of(origin.span, self.sources))) }
    }

    /// Returns the exceptions in use to mandates on a field that hold here.
    fn exceptions(&self, field: &str) -> Vec<Said> {
        let here = self.spot.node().lineage();
        let documents = self.resolved.world.parsed.policy.exceptions.iter();
        let about = documents.filter(|document| {
            let waives = &document.spec.waives.value;
            let holds = |path: &NodePath| waives.to_string() == format!("{path}#{field}");
            here.iter().any(holds) && self.is_used(document) && self.covers(document)
        });
        about
            .map(|document| {
                let until = document.spec.expires.value;
                let wider = document.spec.widen_to.value.0.iter().map(|word| word.value.as_str());
                let ports = document.spec.scope.value.ports.iter().flat_map(|ports| &ports.0);
                let ports: Vec<_> = ports.map(|port| port.value.to_string()).collect();
                let on = if ports.is_empty() { String::new() } else { format!(" on {}", ports.join(", ")) };
                let value = format!("{}{on} until {until}", wider.collect::<Vec<_>>().join(", "));
                self.said("widened to", value, &Origin::document(document.metadata.name.span, document))
            })
            .collect()
    }

    fn is_used(&self, document: &Document<ExceptionSpec>) -> bool {
        let last = document.spec.expires.value;
        self.resolved.exceptions.iter().any(|(name, day)| *name == document.name() && *day == last)
    }

    fn covers(&self, document: &Document<ExceptionSpec>) -> bool {
        let scope = &document.spec.scope.value;
        if let Some(node) = &scope.node {
            return node.value.contains(self.spot.node());
        }
        let (Some(service), Spot::Unit(unit)) = (&scope.service, self.spot) else { return false };
        // Resolving has found it once, so nothing is reported.
        let found = self.resolved.world.services_of(service, &document.node, &mut Diagnostics::new());
        found.is_ok_and(|found| unit.services.iter().any(|index| found.contains(index)))
    }
}

fn words(words: &Words) -> String {
    match words {
        Words::All => "any".to_owned(),
        Words::Only(words) => listed(words),
    }
}

fn listed(words: &BTreeSet<String>) -> String {
    if words.is_empty() { "none".to_owned() } else { words.iter().cloned().collect::<Vec<_>>().join(", ") }
}
