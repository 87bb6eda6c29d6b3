//! What is shown of a node or a service: plain words and places, the same for text and JSON.
//!
//! In: what was resolved. Out: [`View`].

use std::collections::BTreeSet;

use ringfence_compiler::resolve::units::Unit;
use ringfence_compiler::resolve::world::World;
use ringfence_compiler::resolve::{Governed, Resolved};
use ringfence_compiler::source::{Sources, Span};
use ringfence_compiler::spec::reference::NodePath;

use super::requests::names;
use super::rules::{self, Rule, Tokens};
use super::settings::{self, Field, Spot};

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub path: String,
    pub line: usize,
    /// Where it is used, if it is a line of a pattern.
    pub used: Option<Box<Place>>,
}

impl Place {
    pub(super) fn of(span: Span, sources: &Sources) -> Self {
        let file = sources.file(span.file);
        let used = sources.used_at(span.file).map(|at| Box::new(Self::of(at, sources)));
        Self { path: file.path().to_owned(), line: file.position(span.start).0, used }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.path, self.line)?;
        self.used.as_ref().map_or(Ok(()), |used| write!(f, ", used at {used}"))
    }
}

/// What holds at a node or service.
#[derive(Debug)]
pub(super) struct View {
    /// Its level, or `service`.
    pub kind: &'static str,
    /// Its full name.
    pub name: String,
    /// Other names of a service.
    pub aliases: Vec<String>,
    /// Where it is declared; nothing where only the inventory knows of it.
    pub place: Option<Place>,
    /// The settings of a node.
    pub fields: Vec<Field>,
    /// The services of a node, each with who reaches it.
    pub services: Vec<(String, Vec<String>)>,
    /// The workloads of a service; those for which everything is the same stand together.
    pub parts: Vec<Part>,
}

/// Workloads and what holds at them.
#[derive(Debug, PartialEq)]
pub(super) struct Part {
    /// Each as `cluster/namespace: workload`.
    pub workloads: Vec<String>,
    /// What enforces policy at them.
    pub data_plane: &'static str,
    /// Their ports, with names and protocol.
    pub ports: Vec<String>,
    /// Who they are.
    pub identities: Vec<String>,
    pub fields: Vec<Field>,
    pub rules: Vec<Rule>,
    pub tokens: Tokens,
}

impl View {
    /// Shows a node.
    pub(super) fn of_node(path: &NodePath, resolved: &Resolved<'_>, sources: &Sources) -> Self {
        let world = &resolved.world;
        let node = world.nodes.get(path);
        let services = world.services_in(path).into_iter().filter_map(|index| {
            let service = world.services.get(index)?;
            Some((World::service_name(service), reached_by(index, resolved)))
        });
        let settings = resolved.nodes.get(path);
        Self {
            kind: node.map_or("node", |node| node.level.word()),
            name: path.to_string(),
            aliases: Vec::new(),
            place: node.map(|node| Place::of(node.span, sources)),
            fields: settings
                .map(|settings| settings::fields(settings, &Spot::Node(path), resolved, sources))
                .unwrap_or_default(),
            services: services.collect(),
            parts: Vec::new(),
        }
    }

    /// Shows a service; `index` is its position in the list of all.
    pub(super) fn of_service(index: usize, resolved: &Resolved<'_>, sources: &Sources) -> Option<Self> {
        let service = resolved.world.services.get(index)?;
        let mut parts: Vec<Part> = Vec::new();
        for governed in units(index, resolved) {
            let part = part(governed, resolved, sources);
            let same = parts.iter_mut().find(|other| {
                (&other.ports, other.data_plane, &other.fields) == (&part.ports, part.data_plane, &part.fields)
                    && (&other.rules, &other.tokens) == (&part.rules, &part.tokens)
            });
            match same {
                Some(other) => {
                    other.workloads.extend(part.workloads);
                    other.identities.extend(part.identities);
                    other.identities.sort();
                    other.identities.dedup();
                }
                None => parts.push(part),
            }
        }
        Some(Self {
            kind: "service",
            name: World::service_name(service),
            aliases: service.aliases.clone(),
            place: service.document.map(|document| Place::of(document.span, sources)),
            fields: Vec::new(),
            services: Vec::new(),
            parts,
        })
    }
}

fn units<'r, 'a>(index: usize, resolved: &'r Resolved<'a>) -> impl Iterator<Item = &'r Governed<'a>> {
    resolved.units.iter().filter(move |governed| governed.unit.services.contains(&index))
}

/// Returns who is granted anything at a service, in any cluster.
fn reached_by(index: usize, resolved: &Resolved<'_>) -> Vec<String> {
    let mut who = BTreeSet::new();
    for governed in units(index, resolved) {
        for grant in governed.access.grants.iter().filter(|grant| !grant.on_trial) {
            who.extend(grant.set.clauses().iter().flat_map(|clause| names(clause, &resolved.world)));
        }
    }
    who.into_iter().collect()
}

fn part(governed: &Governed<'_>, resolved: &Resolved<'_>, sources: &Sources) -> Part {
    let unit = &governed.unit;
    let identities: BTreeSet<String> = unit
        .workloads
        .iter()
        .map(|workload| {
            let domain = resolved.world.clusters.get(unit.cluster).map_or("", |cluster| cluster.trust_domain());
            format!("{domain}/ns/{}/sa/{}", unit.namespace, workload.service_account)
        })
        .collect();
    let mut fields = settings::fields(&governed.settings, &Spot::Unit(unit), resolved, sources);
    if unit.data_plane.is_none() {
        fields.iter_mut().filter(|field| field.name == "mtls").for_each(Field::arrives_in_plaintext);
    }
    Part {
        workloads: unit
            .workloads
            .iter()
            .map(|workload| format!("{}/{}: {} ({})", unit.cluster, unit.namespace, workload.name, workload.kind))
            .collect(),
        data_plane: unit.data_plane.map_or("none", |plane| plane.word()),
        ports: ports(unit),
        identities: identities.into_iter().collect(),
        fields,
        rules: rules::rules(&governed.access, resolved, sources),
        tokens: rules::tokens(&governed.authentication, sources),
    }
}

fn ports(unit: &Unit<'_>) -> Vec<String> {
    let one = |(number, facts): (&u16, &ringfence_compiler::resolve::units::PortFacts)| {
        let mut words: Vec<String> = facts.names.iter().map(|name| format!("`{name}`")).collect();
        words.extend(facts.protocol.map(|protocol| protocol.word().to_owned()));
        if words.is_empty() { number.to_string() } else { format!("{number} ({})", words.join(", ")) }
    };
    unit.ports.iter().map(one).collect()
}
