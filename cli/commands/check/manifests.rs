//! `check` on plain manifests: what is broken, and what asking them shows.
//!
//! In: a folder without a policy project. Out: how the run ends; nothing where there is a project, or nothing to check.

use std::collections::BTreeMap;
use std::path::Path;

use ringfence_compiler::yaml::Node;
use ringfence_verifier::checks;
use ringfence_verifier::deciding::Deciding;
use ringfence_verifier::model::Model;
use ringfence_verifier::network;
use ringfence_verifier::policies::Policies;
use serde_json::{Value, json};

use super::super::conclude::{Found, silence};
use super::super::{conclude, say_assumed};
use crate::args::Check;
use crate::exit::{Exit, Failure};
use crate::mesh::{Input, Mesh, Meshes};
use crate::progress::Progress;
use crate::project::about;
use crate::report::Style;
use crate::summary::{Come, counted, paragraph};
use crate::tree::{find_project_at, project_before};

/// Runs the command where it is about manifests.
pub(super) fn run(args: &Check) -> Result<Option<Exit>, Failure> {
    let folder = args.path.as_deref().unwrap_or(Path::new("."));
    let moment = args.reading.moment();
    let is_project = about(args.path.as_deref(), moment).is_some();
    if args.facts.is_none() && (is_project || !folder.exists()) {
        return Ok(None);
    }
    let is_alone = find_project_at(folder, moment).is_err();
    if let (None, true, Some(revision)) = (&args.facts, is_alone, project_before(folder, moment)) {
        // A gate that finds no policy any more has not found that all is well.
        return Err(Failure::no_input(format!(
            "there was a policy project here at `{revision}`, and there is none now"
        ))
        .help("put `ringfence.yaml` back; where these are to be plain manifests from now on, `--facts` says so"));
    }
    let input = match Input::open(Some(folder), args.facts.as_deref(), &args.reading) {
        // That there is no project either says more.
        Err(failure) if failure.exit == Exit::NoInput && args.facts.is_none() && is_alone && !failure.is_helpful() => {
            return Ok(None);
        }
        opened => opened?,
    };
    let mut meshes = input.meshes();
    let models: Vec<Model<'_>> = meshes.clusters.iter().map(Mesh::model).collect();
    // Manifests are of one cluster.
    let surroundings = input.surroundings(models.first().map_or("", Model::name));
    let says_nothing =
        models.iter().all(is_empty) && surroundings.rights.roles.iter().all(|role| role.rules.is_empty());
    if says_nothing && !meshes.diagnostics.has_errors() {
        return Err(nothing(folder, &models, &meshes));
    }
    let progress = Progress::begin("looking for what is wrong");
    checks::check(&models, &surroundings, &mut meshes.diagnostics);
    drop(progress);
    let read = models.first().map(Read::of).unwrap_or_default();
    drop(models);
    let (diagnostics, ignored) = silence(&meshes, &args.reading, true)?;
    let found = Found {
        sources: meshes.sources,
        diagnostics: &diagnostics,
        ignored,
        come: Some(&read),
        was_read: true,
        root: meshes.root,
        which: meshes.ignorable(),
        baseline: None,
    };
    let exit = conclude(&args.reading, &args.findings, &found)?;
    say_assumed(&meshes);
    Ok(Some(exit))
}

/// Says that there is nothing to check, and what there is instead.
fn nothing(folder: &Path, models: &[Model<'_>], meshes: &Meshes<'_>) -> Failure {
    let kinds: Vec<&str> =
        models.iter().flat_map(|model| model.cluster().inventory.foreign.keys()).map(String::as_str).collect();
    let only = match kinds.as_slice() {
        [] => String::new(),
        [first, second, third, _, ..] => format!(", only {first}, {second}, {third} and other kinds"),
        kinds => format!(", only {}", kinds.join(", ")),
    };
    let failure =
        Failure::no_input(format!("there are neither workloads nor policies in `{}`{only}", folder.display()));
    match meshes.unrendered.words() {
        Some(words) => failure.help(words),
        None => failure.help("name a folder with rendered manifests, or one with a `ringfence.yaml`"),
    }
}

fn is_empty(model: &Model<'_>) -> bool {
    let Policies { authorization, peers, tokens, network, tiers, routing, .. } = model.policies();
    let decide = authorization.len() + peers.len() + tokens.len() + network.len() + tiers.len();
    let routes = routing.gateways.len() + routing.virtual_services.len() + routing.parents.len() + routing.routes.len();
    decide + routes == 0 && model.workloads().next().is_none()
}

/// What was read.
#[derive(Debug, Default)]
struct Read {
    namespaces: usize,
    workloads: usize,
    without_proxy: usize,
    services: usize,
    policies: BTreeMap<&'static str, usize>,
    /// What gateways, waypoints and routes are made of, by kind.
    routing: BTreeMap<String, usize>,
    /// Objects of other kinds, which decide nothing here.
    others: BTreeMap<String, usize>,
    /// Workloads that no AuthorizationPolicy and no NetworkPolicy is about.
    uncovered: usize,
}

impl Read {
    fn of(model: &Model<'_>) -> Self {
        let (inventory, policies) = (model.cluster().inventory, model.policies());
        let root = model.cluster().root_namespace();
        let uncovered = model.workloads().filter(|workload| {
            policies.authorizing(&workload.namespace, &workload.labels, root).is_empty()
                && !network::is_ingress_guarded(model, workload)
        });
        let count = |kind: &Deciding| match kind {
            Deciding::Authorization => policies.authorization.len(),
            Deciding::Peers => policies.peers.len(),
            Deciding::Tokens => policies.tokens.len(),
            Deciding::Network => policies.network.len(),
            Deciding::Tier(kind) => policies.tiers.iter().filter(|policy| policy.kind == *kind).count(),
        };
        let counts = Deciding::ALL.iter().map(|kind| (kind.name(), count(kind)));
        let mut routing: BTreeMap<String, usize> = BTreeMap::new();
        for kind in inventory.routing.iter().filter_map(|root| root.get("kind").and_then(Node::as_str)) {
            *routing.entry(kind.to_owned()).or_default() += 1;
        }
        let left = |kind: &String, count: usize| count.saturating_sub(routing.get(kind).copied().unwrap_or(0));
        let others = inventory.foreign.iter().filter(|(kind, _)| Deciding::named(kind).is_none());
        let others = others.map(|(kind, count)| (kind.clone(), left(kind, *count))).filter(|(_, count)| *count > 0);
        let others = others.collect();
        Self {
            namespaces: inventory.namespaces.len(),
            workloads: inventory.workloads.len(),
            without_proxy: model.workloads().filter(|workload| model.plane(workload).is_none()).count(),
            services: inventory.services.len(),
            policies: counts.filter(|(_, count)| *count > 0).collect(),
            routing,
            others,
            uncovered: uncovered.count(),
        }
    }
}

impl Come for Read {
    fn text(&self, style: Style) -> String {
        let mut text = String::new();
        let without = match self.without_proxy {
            0 => String::new(),
            some => format!(" ({some} without a proxy)"),
        };
        let read = format!(
            "{}{without}, {} in {}",
            counted(self.workloads, "workload"),
            counted(self.services, "Service"),
            counted(self.namespaces, "namespace")
        );
        paragraph(&mut text, style, "read", &read);
        let policies: Vec<_> = self.policies.iter().map(|(kind, count)| counted(*count, kind)).collect();
        let policies = if policies.is_empty() { "none".to_owned() } else { policies.join(", ") };
        paragraph(&mut text, style, "policies", &policies);
        if !self.routing.is_empty() {
            let routing: Vec<_> = self.routing.iter().map(|(kind, count)| counted(*count, kind)).collect();
            paragraph(&mut text, style, "routing", &routing.join(", "));
        }
        if self.uncovered > 0 {
            let words = format!("{} with no policy about what arrives", counted(self.uncovered, "workload"));
            paragraph(&mut text, style, "open", &words);
        }
        if !self.others.is_empty() {
            let objects = counted(self.others.values().sum(), "object");
            paragraph(
                &mut text,
                style,
                "not read",
                &format!("{objects} of {}", counted(self.others.len(), "other kind")),
            );
        }
        text
    }

    fn json(&self) -> Value {
        let count = |kind: Deciding| (kind.name(), self.policies.get(kind.name()).copied().unwrap_or(0));
        let policies: BTreeMap<_, _> = Deciding::ALL.into_iter().map(count).collect();
        json!({
            "namespaces": self.namespaces,
            "workloads": self.workloads,
            "workloadsWithoutProxy": self.without_proxy,
            "workloadsWithoutPolicy": self.uncovered,
            "services": self.services,
            "policies": policies,
            "routing": self.routing,
            "others": self.others,
        })
    }
}
