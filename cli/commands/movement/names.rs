//! What an attacker may have, as people type it and read it.
//!
//! In: a word. Out: [`Vertex`]s; and back.

use std::collections::BTreeMap;

use ringfence_compiler::inventory::Workload;
use ringfence_compiler::resolve::Resolved;
use ringfence_verifier::fleet::Fleet;
use ringfence_verifier::matrix;
use ringfence_verifier::model::Model;
use ringfence_verifier::movement::vertex::Vertex;
use ringfence_verifier::surroundings::Surroundings;
use ringfence_verifier::surroundings::rights::Subject;

use crate::commands::reach::parties::{self, Scope};
use crate::exit::Failure;
use crate::mesh::sensitivity;

/// Finds and names vertices.
pub(super) struct Names<'t, 'm> {
    pub fleet: &'t Fleet<'m>,
    pub resolved: Option<&'t Resolved<'m>>,
    /// Everything that leads on or is led to.
    pub known: &'t [Vertex],
    /// What manifests of each cluster say beside.
    pub around: &'t [Surroundings],
}

impl<'m> Names<'_, 'm> {
    /// Finds what was typed: `internet`, an identity, what a word before a colon stands for, or workloads by any name that `reach` knows.
    pub fn find(&self, text: &str) -> Result<Vec<Vertex>, Failure> {
        if text == "internet" || text == matrix::OUTSIDE {
            return Ok(vec![Vertex::Internet]);
        }
        if let Some(stranger) = parties::invented(text)? {
            return Ok(vec![Vertex::Identity(stranger.identity)]);
        }
        if let Some(found) = self.by_kind(text) {
            let nothing = || {
                let failure = Failure::new(format!("nothing is called `{text}`"));
                failure.help("a Secret, an account or a node that no manifest speaks of leads nowhere")
            };
            return if found.is_empty() { Err(nothing()) } else { Ok(found) };
        }
        let models: &[&'m Model<'m>] = self.fleet.models();
        let clusters: Vec<&str> = models.iter().map(|model| model.name()).collect();
        let mut found = Vec::new();
        for (cluster, model) in models.iter().copied().enumerate() {
            let scope = Scope { cluster: model.name(), clusters: &clusters, model, resolved: self.resolved };
            for workload in scope.workloads(text) {
                let mut all = model.cluster().inventory.workloads.iter();
                let at = all.position(|other| std::ptr::eq(other, workload));
                found.extend(at.map(|workload| Vertex::Workload { cluster, workload }));
            }
        }
        if found.is_empty() {
            let known = models.iter().flat_map(|model| model.workloads()).map(matrix::name).collect::<Vec<_>>();
            let near = ringfence_compiler::diagnostics::nearest(text, known.iter().map(String::as_str));
            let failure = Failure::new(format!("nothing is called `{text}`"));
            return Err(match near {
                Some(near) => failure.help(format!("did you mean `{near}`?")),
                None => failure
                    .help("name a workload (`shop/web`), a node or service of policy, `internet`, or `spiffe://…`"),
            });
        }
        found.sort();
        found.dedup();
        Ok(found)
    }

    /// Finds what a word before a colon stands for; `None` where it is no such word.
    fn by_kind(&self, text: &str) -> Option<Vec<Vertex>> {
        let (word, name) = text.split_once(':').unwrap_or((text, ""));
        let is_placed = |namespace: &str, own: &str| match name.split_once('/') {
            Some((wanted, name)) => wanted == namespace && name == own,
            None => namespace.is_empty() && name == own,
        };
        let is_subject = |vertex: &Vertex, kind: &str| matches!(vertex, Vertex::Subject { subject, .. } if subject.kind == kind && is_placed(&subject.namespace, &subject.name));
        let is_it = |vertex: &&Vertex| match word {
            "sa" => is_subject(vertex, "ServiceAccount"),
            "user" => is_subject(vertex, "User"),
            "group" => {
                matches!(vertex, Vertex::Subject { subject, .. } if subject.kind == "Group" && subject.name == name)
            }
            "secret" => matches!(vertex, Vertex::Secret { namespace, name, .. } if is_placed(namespace, name)),
            "nodes" => matches!(vertex, Vertex::Nodes { .. }),
            "policies" => matches!(vertex, Vertex::Control { .. }),
            "sensitivity" => self.sensitivity(vertex) == Some(name),
            "label" => {
                let (key, value) = name.split_once('=').unwrap_or((name, ""));
                let of_pods = self.workload(vertex).and_then(|(_, workload)| workload.labels.get(key));
                of_pods.is_some_and(|own| !name.contains('=') || own == value)
            }
            _ => false,
        };
        let is_kind = ["sa", "user", "group", "secret", "nodes", "policies", "sensitivity", "label"].contains(&word);
        let mut found: Vec<Vertex> = self.known.iter().filter(is_it).cloned().collect();
        // What manifests show is there, though nothing leads to it: what leads nowhere is no vertex of the graph.
        if let ("secret" | "sa", [], Some((namespace, own))) = (word, found.as_slice(), name.split_once('/')) {
            found = self.written(word, namespace, own);
        }
        if let ("nodes" | "policies", []) = (word, found.as_slice()) {
            let every = |cluster: usize| match word {
                "nodes" => Vertex::Nodes { cluster, placement: BTreeMap::new() },
                _ => Vertex::Control { cluster },
            };
            found = (0..self.fleet.models().len()).map(every).collect();
        }
        // Users and groups are in no manifest but those that bind something to them, which may be none.
        if let ("user" | "group", []) = (word, found.as_slice()) {
            let kind = if word == "user" { "User" } else { "Group" };
            let subject = Subject { kind: kind.to_owned(), namespace: String::new(), name: name.to_owned() };
            found = (0..self.fleet.models().len())
                .map(|cluster| Vertex::Subject { cluster, subject: subject.clone() })
                .collect();
        }
        is_kind.then_some(found)
    }

    /// Returns the Secrets or accounts of a name that have a manifest.
    fn written(&self, word: &str, namespace: &str, name: &str) -> Vec<Vertex> {
        let of = |(cluster, around): (usize, &Surroundings)| {
            let is_it = |(other, own): (&String, &String)| other == namespace && own == name;
            if word == "secret" {
                let is_there = around.secrets.iter().any(|it| is_it((&it.namespace, &it.name)));
                let (namespace, name) = (namespace.to_owned(), name.to_owned());
                return is_there.then_some(Vertex::Secret { cluster, namespace, name });
            }
            let is_there = around.accounts.iter().any(|it| is_it((&it.namespace, &it.name)));
            let (kind, namespace, name) = ("ServiceAccount".to_owned(), namespace.to_owned(), name.to_owned());
            is_there.then_some(Vertex::Subject { cluster, subject: Subject { kind, namespace, name } })
        };
        self.around.iter().enumerate().filter_map(of).collect()
    }

    /// Returns the tenant of a workload: the first part of the path of its node.
    pub fn tenant(&self, vertex: &Vertex) -> Option<String> {
        let service = self.services(vertex).into_iter().next()?;
        service.split(['/', ':']).find(|part| !part.is_empty()).map(str::to_owned)
    }

    /// Returns the services of policy that a workload is, as references.
    pub fn services(&self, vertex: &Vertex) -> Vec<String> {
        let Some(((_, workload), resolved)) = self.workload(vertex).zip(self.resolved) else { return Vec::new() };
        let mut units = resolved.units.iter().map(|governed| &governed.unit);
        let unit = units.find(|unit| unit.workloads.iter().any(|it| std::ptr::eq(*it, workload)));
        let services = unit.into_iter().flat_map(|unit| &unit.services);
        let services = services.filter_map(|index| resolved.world.services.get(*index));
        services.map(|service| format!("{}:{}", service.node, service.name)).collect()
    }

    /// Returns the workload of a vertex.
    pub fn workload(&self, vertex: &Vertex) -> Option<(&'m Model<'m>, &'m Workload)> {
        let Vertex::Workload { cluster, workload } = vertex else { return None };
        let model = self.fleet.models().get(*cluster).copied()?;
        Some((model, model.cluster().inventory.workloads.get(*workload)?))
    }

    /// Returns the workloads whose pods have every label of those of a workload, itself among them.
    pub fn labelled_like(&self, vertex: &Vertex) -> Vec<Vertex> {
        let Some(((model, own), Vertex::Workload { cluster, .. })) = self.workload(vertex).zip(Some(vertex)) else {
            return Vec::new();
        };
        let here = model.cluster().inventory.workloads_in(&own.namespace);
        let alike = here.filter(|(_, it)| own.labels.iter().all(|(key, value)| it.labels.get(key) == Some(value)));
        alike.map(|(workload, _)| Vertex::Workload { cluster: *cluster, workload }).collect()
    }

    /// Returns what a Service document says of how sensitive a workload is.
    pub fn sensitivity(&self, vertex: &Vertex) -> Option<&'m str> {
        let (_, workload) = self.workload(vertex)?;
        let mut units = self.resolved?.units.iter().map(|governed| &governed.unit);
        let unit = units.find(|unit| unit.workloads.iter().any(|it| std::ptr::eq(*it, workload)))?;
        sensitivity(self.resolved?, unit)
    }

    /// Says what a vertex is one of, in words: what is of one kind in one namespace of one cluster is alike.
    pub fn group(&self, vertex: &Vertex) -> String {
        let models = self.fleet.models();
        let within = |at: &usize, name: String| match (models, models.get(*at)) {
            ([_], _) | (_, None) => name,
            (_, Some(model)) => format!("{}: {name}", model.name()),
        };
        match vertex {
            Vertex::Workload { cluster, .. } => {
                let namespace = self.workload(vertex).map_or("", |(_, workload)| workload.namespace.as_str());
                within(cluster, format!("workloads of {namespace}"))
            }
            Vertex::Identity(identity) => format!("identities of {}", identity.namespace),
            Vertex::Subject { cluster, subject } if subject.kind == "ServiceAccount" => {
                within(cluster, format!("accounts of {}", subject.namespace))
            }
            Vertex::Secret { cluster, namespace, .. } => within(cluster, format!("Secrets of {namespace}")),
            Vertex::Nodes { cluster, .. } => within(cluster, "nodes".to_owned()),
            Vertex::Internet | Vertex::Subject { .. } | Vertex::Control { .. } => self.name(vertex),
        }
    }

    /// Says what a vertex is, in words.
    pub fn name(&self, vertex: &Vertex) -> String {
        vertex.called(self.fleet)
    }
}
