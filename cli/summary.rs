//! What a run came to, as people and programs like to read it.
//!
//! In: what was resolved, compiled and written. Out: [`Summary`], plain values, rendered as text or JSON. It exists so that
//! a clean run says more than nothing: how much is governed, what was written, and, honestly, what is not proved.

mod json;
mod text;
pub mod way;

use std::collections::{BTreeMap, BTreeSet};

use ringfence_compiler::compile::Compiled;
use ringfence_compiler::level::Level;
use ringfence_compiler::resolve::Resolved;
use ringfence_compiler::spec::mandates::{Defaults, Mandates};
use ringfence_verifier::assertions::Judgement;
use ringfence_verifier::rollout::{Next, Plan};
use ringfence_verifier::translation::Proof;

use crate::output::{Difference, Written};
use crate::report::Style;

pub use text::{closing, counted, paragraph, unchecked};

/// What a run came to, whatever it was about.
pub trait Come {
    /// Renders it for people, with a final newline.
    fn text(&self, style: Style) -> String;

    /// Returns it for programs.
    fn json(&self) -> serde_json::Value;
}

impl Come for Summary {
    fn text(&self, style: Style) -> String {
        Self::text(self, style)
    }

    fn json(&self) -> serde_json::Value {
        Self::json(self)
    }
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// The name of the organization.
    organization: String,
    as_of: String,
    nodes: Nodes,
    inventory: Inventory,
    statements: Statements,
    /// How many objects of each kind go to each cluster.
    objects: BTreeMap<String, BTreeMap<String, usize>>,
    exceptions: Vec<Exception>,
    assertions: Vec<Judgement>,
    /// What was proved of the manifests; nothing where nobody tried.
    proof: Option<Proof>,
    /// What became of the output; nothing where none was asked for.
    pub output: Option<Output>,
    /// How it takes the place of what is there, and whether it is asked to do so in steps.
    pub way: Option<(Plan, Next, bool)>,
    /// The digest of the artifact that was signed for each cluster.
    pub signed: BTreeMap<String, String>,
}

/// How many nodes there are of each level below the organization.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Nodes {
    tenants: usize,
    workspaces: usize,
    groups: usize,
}

/// What the statements are about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Inventory {
    clusters: usize,
    /// Claimed by a workspace.
    namespaces: usize,
    services: usize,
    /// Part of a service.
    workloads: usize,
    /// Without a proxy: only NetworkPolicy reaches them.
    unmeshed: usize,
}

/// How many statements there are of each sort.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Statements {
    mandates: usize,
    defaults: usize,
    grants: usize,
    denies: usize,
    uses: usize,
    zones: usize,
    delegations: usize,
    issuers: usize,
    exposures: usize,
    egresses: usize,
    routes: usize,
}

/// An exception that something needs.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Exception {
    name: String,
    node: String,
    waives: String,
    until: String,
    days_left: i64,
}

/// What became of the output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// It was written.
    Written {
        /// Where.
        folder: String,
        /// What changed.
        written: Written,
    },
    /// It was compared with what is there.
    Compared {
        /// With what.
        folder: String,
        /// Each file that differs.
        differences: Vec<Difference>,
        /// How many files there should be.
        files: usize,
    },
}

impl Summary {
    /// Counts what was resolved and compiled.
    #[must_use]
    pub fn of(resolved: &Resolved<'_>, compiled: &Compiled, proof: Option<Proof>, assertions: Vec<Judgement>) -> Self {
        let policy = &resolved.world.parsed.policy;
        let organization = policy.organizations.first().map_or("", |organization| organization.name());
        Self {
            organization: organization.to_owned(),
            as_of: resolved.world.as_of.to_string(),
            nodes: nodes(resolved),
            inventory: inventory(resolved),
            statements: statements(resolved),
            objects: compiled.objects.clone(),
            exceptions: exceptions(resolved),
            assertions,
            proof,
            output: None,
            way: None,
            signed: BTreeMap::new(),
        }
    }
}

impl Summary {
    /// Returns what was proved of the manifests, each in a word for attestations. What was not is not among them, and of a step on
    /// the way to them nothing was.
    #[must_use]
    pub fn properties(&self) -> Vec<String> {
        if matches!(&self.way, Some((_, Next::Step(..), true))) {
            return Vec::new();
        }
        let Some(proof) = &self.proof else { return Vec::new() };
        let mut properties = vec!["RINGFENCE_MANIFESTS_ADMIT_WHAT_POLICY_GRANTS".to_owned()];
        if proof.bypassed == 0 && proof.behind == 0 && proof.unmeshed == 0 {
            properties.push("RINGFENCE_DEFAULT_DENY".to_owned());
        }
        let is_proved = |assertion: &&Judgement| assertion.claims.iter().all(|claim| claim.verdict.word() == "proved");
        let proved = self.assertions.iter().filter(is_proved);
        properties.extend(proved.map(|it| format!("RINGFENCE_ASSERTION {}#{}", it.node, it.name)));
        properties
    }
}

fn nodes(resolved: &Resolved<'_>) -> Nodes {
    let of = |level| resolved.world.nodes.values().filter(|node| node.level == level).count();
    Nodes { tenants: of(Level::Tenant), workspaces: of(Level::Workspace), groups: of(Level::Group) }
}

fn inventory(resolved: &Resolved<'_>) -> Inventory {
    let world = &resolved.world;
    let workloads: BTreeSet<_> = world.services.iter().flat_map(|service| &service.workloads).collect();
    let unmeshed = resolved.units.iter().filter(|governed| governed.unit.data_plane.is_none());
    Inventory {
        clusters: world.clusters.len(),
        namespaces: world.claims.len(),
        services: world.services.len(),
        workloads: workloads.len(),
        unmeshed: unmeshed.map(|governed| governed.unit.workloads.len()).sum(),
    }
}

fn statements(resolved: &Resolved<'_>) -> Statements {
    let (world, policy) = (&resolved.world, &resolved.world.parsed.policy);
    let profiles = || policy.profiles.iter().map(|profile| &profile.spec);
    let own = world.nodes.values();
    Statements {
        mandates: own.clone().map(|node| node.mandates).chain(profiles().map(|it| &it.mandates)).map(mandates).sum(),
        defaults: own.map(|node| node.defaults).chain(profiles().map(|it| &it.defaults)).map(defaults).sum(),
        grants: policy.accesses.iter().map(|access| access.spec.allow.len()).sum(),
        denies: policy.accesses.iter().map(|access| access.spec.deny.len()).sum(),
        uses: policy.accesses.iter().map(|access| access.spec.uses.len()).sum(),
        zones: policy.zones.len(),
        delegations: policy.delegations.len(),
        issuers: policy.authentications.iter().map(|document| document.spec.issuers.len()).sum(),
        exposures: policy.exposures.len(),
        egresses: policy.egresses.len(),
        routes: policy.routes.len(),
    }
}

/// Counts the fields a node mandates.
fn mandates(mandates: &Mandates) -> usize {
    let Mandates { mtls, access, trust_domains, jwt, egress, exposure, obligations, raw, exceptions } = mandates;
    let said = [
        mtls.is_some(),
        access.is_some(),
        trust_domains.is_some(),
        jwt.is_some(),
        egress.is_some(),
        exposure.is_some(),
        obligations.is_some(),
        raw.is_some(),
        exceptions.is_some(),
    ];
    said.into_iter().filter(|said| *said).count()
}

/// Counts the fields a node has defaults for.
fn defaults(defaults: &Defaults) -> usize {
    let Defaults { mtls, access, egress } = defaults;
    [mtls.is_some(), access.is_some(), egress.is_some()].into_iter().filter(|said| *said).count()
}

fn exceptions(resolved: &Resolved<'_>) -> Vec<Exception> {
    let used = |name: &str, until| resolved.exceptions.iter().any(|(used, day)| *used == name && *day == until);
    let documents = resolved.world.parsed.policy.exceptions.iter();
    let in_use = documents.filter(|document| used(document.name(), document.spec.expires.value));
    let one =
        |document: &ringfence_compiler::document::Document<ringfence_compiler::spec::authority::ExceptionSpec>| {
            let until = document.spec.expires.value;
            Exception {
                name: document.name().to_owned(),
                node: document.node.to_string(),
                waives: document.spec.waives.value.to_string(),
                until: until.to_string(),
                days_left: resolved.world.as_of.days_until(until),
            }
        };
    let mut exceptions: Vec<_> = in_use.map(one).collect();
    // What ends first is what somebody must act on first.
    exceptions.sort_by(|a, b| (&a.until, &a.node, &a.name).cmp(&(&b.until, &b.node, &b.name)));
    exceptions
}
