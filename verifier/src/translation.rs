//! Whether what was emitted is what was meant, proved on each run.
//!
//! In: [`Resolved`] policy and the texts that were compiled from it. Out: [`Proof`], and a report with a request for each
//! port where the two differ. The texts are read as any other manifests; nothing of how they came about is used.

mod behind;
mod egresses;
mod exposures;
mod network;

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use ringfence_compiler::compile::Compiled;
use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::diagnostics::codes::verify as code;
use ringfence_compiler::inventory::Workload;
use ringfence_compiler::resolve::statements::Origin;
use ringfence_compiler::resolve::units::{MESH_PORTS, Unit};
use ringfence_compiler::resolve::world::{Cluster, World};
use ringfence_compiler::resolve::{Governed, Resolved};
use ringfence_compiler::source::{SourceFile, Sources};
use ringfence_compiler::spec::cluster::DataPlane;
use ringfence_compiler::yaml::{self, Profile};

use crate::deciding::Deciding;
use crate::engine::envoy::{Mesh, Reads, ZTUNNEL};
use crate::engine::{Chain, Enforced, chain};
use crate::exact::{Arrivals, Certainty, Space, Verdict};
use crate::meant::{self, Meant};
use crate::model::Model;
use crate::policies::Policies;
use crate::request::Request;
use crate::spoken;
use crate::waypoints;
use behind::Behind;
use network::{Fault, Fences};

/// What was proved, and what was not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Proof {
    /// Workloads with a sidecar, or in ambient mode, whose manifests admit exactly what was meant.
    pub workloads: usize,
    /// Ports that their manifests declare or somebody speaks of, where that was shown.
    pub ports: usize,
    /// Ports of theirs that annotations take from the sidecar where NetworkPolicy is not enforced: nothing holds there.
    pub bypassed: usize,
    /// Workloads that are called through a waypoint of others: what it admits is not ours to show.
    pub behind: usize,
    /// Workloads without a proxy at which NetworkPolicy is not enforced either: nothing holds there.
    pub unmeshed: usize,
    /// Connections that are granted, and that NetworkPolicies let through at both ends.
    pub connections: usize,
    /// Workloads without a proxy at which NetworkPolicy lets nothing arrive but what is granted.
    pub fenced: usize,
    /// Ports that annotations take from the sidecar, where the same was shown.
    pub fenced_ports: usize,
    /// Egresses whose callers get out as they are meant to, in each cluster, and by gateways nobody else.
    pub egresses: usize,
    /// Exposures that their gateways let in as they are meant, in each cluster.
    pub exposures: usize,
}

impl Proof {
    fn add(&mut self, one: &Self) {
        self.workloads += one.workloads;
        self.ports += one.ports;
        self.bypassed += one.bypassed;
        self.behind += one.behind;
        self.unmeshed += one.unmeshed;
        self.connections += one.connections;
        self.fenced += one.fenced;
        self.fenced_ports += one.fenced_ports;
    }
}

/// Proves that the compiled manifests admit exactly what was meant at each workload with a proxy, and that NetworkPolicies
/// let it through and are as narrow where they stand alone.
///
/// The first comparison is of AuthorizationPolicy, PeerAuthentication and RequestAuthentication, at every port that a manifest
/// declares, a statement or an emitted rule names, and at one of which nobody speaks. That what is granted lies within its
/// ceilings is what the compiler proves before.
pub fn prove(resolved: &Resolved<'_>, compiled: &Compiled, diagnostics: &mut Diagnostics) -> Proof {
    let mut policies: BTreeMap<&str, Policies> = BTreeMap::new();
    for name in resolved.world.clusters.keys() {
        policies.insert(name, read(name, compiled, diagnostics));
    }
    let models: BTreeMap<&str, Model<'_>> = resolved
        .world
        .clusters
        .iter()
        .filter_map(|(name, cluster)| {
            let cluster = Cluster { document: cluster.document, inventory: cluster.inventory };
            Some((*name, Model::joining(cluster, policies.get(name)?)))
        })
        .collect();
    let fences = Fences::of(resolved, &models);
    let prove = |governed: &Governed<'_>| {
        let (mut said, mut proof) = (Diagnostics::new(), Proof::default());
        if let Some(model) = models.get(governed.unit.cluster) {
            compare(governed, model, &fences, &mut proof, &mut said);
        }
        (proof, said)
    };
    let compared: Vec<_> = resolved.units.par_iter().map(prove).collect();
    let mut proof = Proof::default();
    for (one, said) in compared {
        proof.add(&one);
        diagnostics.append(said);
    }
    let beside: BTreeMap<&str, Policies> = policies
        .iter()
        .filter(|(name, _)| resolved.world.clusters.get(**name).is_some_and(|it| !it.inventory.policies.is_empty()))
        .map(|(name, policies)| (*name, with_ungoverned(policies.clone(), &resolved.world, name)))
        .collect();
    let mut differing = BTreeSet::new();
    for model in models.values() {
        let beside = beside.get(model.name()).map(|policies| model.with(policies));
        differing.extend(exposures::compare(resolved, model, beside.as_ref(), diagnostics));
        differing.extend(egresses::compare(resolved, model, diagnostics));
    }
    let exposed: BTreeSet<_> = resolved.exposures.iter().map(|exposed| exposed.document.span).collect();
    proof.exposures = exposed.difference(&differing).count();
    let leaving: BTreeSet<_> = resolved.egresses.iter().map(|leaving| leaving.document.span).collect();
    proof.egresses = leaving.difference(&differing).count();
    proof
}

/// Reads the compiled files of a cluster as any other manifests.
pub fn read(cluster: &str, compiled: &Compiled, diagnostics: &mut Diagnostics) -> Policies {
    let mut sources = Sources::new();
    let mut policies = Policies::default();
    let mut said = Diagnostics::new();
    let folder = format!("clusters/{cluster}/");
    let files = compiled.files.iter().filter(|(path, _)| path.starts_with(&folder) && path.ends_with(".yaml"));
    for (path, text) in files {
        let file = sources.add(SourceFile::new(path, text.clone().into_bytes()));
        for document in yaml::read(&sources, file, Profile::Manifest, &mut said) {
            policies.add(&document.root, &mut said);
        }
    }
    // Their places are in texts nobody wrote, so only the words go on.
    for problem in said.sorted(&sources) {
        diagnostics.report(code::NOT_AS_MEANT.nowhere(problem.message()));
    }
    policies.sorted()
}

/// Adds what the inventory says about pods of namespaces that nobody claims, as those of gateways often are. What we emit stands in the
/// stead of older copies of it, and what the root namespace holds is not read.
#[must_use]
pub fn with_ungoverned(mut policies: Policies, world: &World<'_>, cluster: &str) -> Policies {
    let Some(found) = world.clusters.get(cluster) else { return policies };
    for root in &found.inventory.policies {
        let metadata = root.get("metadata");
        let text = |name: &str| metadata.and_then(|metadata| metadata.get(name)?.as_str());
        let (namespace, name) = (text("namespace").unwrap_or("default"), text("name").unwrap_or_default());
        let label = metadata.and_then(|metadata| metadata.get("labels")?.get("app.kubernetes.io/managed-by")?.as_str());
        let is_there = Deciding::of(root).is_none_or(|kind| policies.holds(kind, namespace, name));
        let is_governed = world.claims.contains_key(&(cluster, namespace)) || namespace == found.root_namespace();
        if !is_there && !is_governed && label != Some("ringfence") {
            // What cannot be read is left out, and decides nothing.
            policies.add(root, &mut Diagnostics::new());
        }
    }
    policies.sorted()
}

/// Compares a unit workload by workload and port by port.
fn compare(
    governed: &Governed<'_>,
    model: &Model<'_>,
    fences: &Fences<'_>,
    proof: &mut Proof,
    diagnostics: &mut Diagnostics,
) {
    let (unit, cluster, policies) = (&governed.unit, model.cluster(), model.policies());
    let domains = cluster.trust_domains();
    for workload in &unit.workloads {
        let place = Place { namespace: unit.namespace, labels: &workload.labels, root: cluster.root_namespace() };
        let (named, fresh) = ports(governed, workload, &place, policies);
        let fence = fences.at(governed, workload, &named.iter().copied().chain(fresh).collect());
        proof.connections += fence.connections;
        if let Some((port, fault, shown)) = fence.fault {
            report(governed, port, &Difference::Network(fault, shown), workload.span, diagnostics);
        }
        let Some(plane) = unit.data_plane else {
            let count = if fence.kept { &mut proof.fenced } else { &mut proof.unmeshed };
            *count += 1;
            continue;
        };
        // What comes out of a waypoint has its identity, so that more is to be shown than what callers may do.
        let waypoints = if plane == DataPlane::Ambient { waypoints::named(cluster, workload) } else { Vec::new() };
        if waypoints.iter().any(|named| waypoints::identity(model, *named).is_none()) {
            proof.behind += 1;
            continue;
        }
        let behind = Behind {
            governed,
            model,
            policies,
            place: &place,
            domains: &domains,
            reason: Origin::new(workload.span, ""),
        };
        let mut same = true;
        for port in named.iter().copied().chain(fresh) {
            if workload.is_past_the_proxy(plane, port) {
                let count = if fence.kept { &mut proof.fenced_ports } else { &mut proof.bypassed };
                *count += usize::from(named.contains(&port));
                continue;
            }
            let differs = |(reads, equally): (Reads, bool)| {
                let meant = Meant::at(governed, port, reads, &domains);
                difference(&meant, &place, policies, reads, &domains, equally)
            };
            let found = match waypoints.is_empty() {
                true => readings(unit, port).find_map(differs),
                false => behind.differs(workload, port),
            };
            match found {
                Some(difference) => {
                    same = false;
                    report(governed, port, &difference, workload.span, diagnostics);
                }
                None => proof.ports += usize::from(named.contains(&port)),
            }
        }
        proof.workloads += usize::from(same);
    }
}

/// Returns the ports that anybody speaks of at a pod, and one of which nobody does.
fn ports(
    governed: &Governed<'_>,
    workload: &Workload,
    place: &Place<'_>,
    policies: &Policies,
) -> (BTreeSet<u16>, Option<u16>) {
    let mut named = meant::ports(governed);
    named.extend(policies.modes(place.namespace, place.labels, place.root).ports());
    for policy in policies.authorizing(place.namespace, place.labels, place.root) {
        named.extend(policy.ports());
    }
    named.extend(spoken::bypassed(workload));
    // Those of the data plane itself are not captured, so no proxy asks policies there.
    named.retain(|port| !MESH_PORTS.contains(port) && *port > 0);
    let fresh = (1..).find(|port| !named.contains(port));
    (named, fresh)
}

/// A pod whose manifests are looked up.
struct Place<'p> {
    namespace: &'p str,
    labels: &'p ringfence_compiler::inventory::Labels,
    root: &'p str,
}

/// How a proxy may read a port, each with whether it must then admit exactly what was meant, or only no more. Where nobody
/// says what a port speaks, rules on HTTP are meant; a connection that is taken for bytes is refused what they grant.
fn readings(unit: &Unit<'_>, port: u16) -> impl Iterator<Item = (Reads, bool)> {
    let in_ambient = unit.data_plane == Some(DataPlane::Ambient);
    let protocol = unit.ports.get(&port).and_then(|facts| facts.protocol);
    let readings = if in_ambient { ZTUNNEL } else { Reads::of(protocol) };
    readings.iter().map(move |reads| (*reads, in_ambient || protocol.is_some() || *reads == Reads::Http))
}

/// How manifests differ from what was meant.
enum Difference {
    /// They admit this request, which was not meant.
    Wider(Request),
    /// They refuse this one, which was.
    Narrower(Request),
    /// Peers arrive otherwise: in plaintext, with a certificate, or not.
    Modes,
    /// Tokens are taken by other rules: keys, places, audiences.
    Tokens,
    /// Another external authorization provider is asked.
    Providers,
    /// NetworkPolicies differ, as this connection shows.
    Network(Fault, String),
}

fn difference(
    meant: &Meant<'_>,
    place: &Place<'_>,
    policies: &Policies,
    reads: Reads,
    domains: &[String],
    equally: bool,
) -> Option<Difference> {
    let port = meant.arrivals.port;
    let modes = match reads {
        Reads::Ztunnel => policies.modes_in_ambient(place.namespace, place.labels, place.root),
        Reads::Http | Reads::Bytes => policies.modes(place.namespace, place.labels, place.root),
    };
    let modes = modes.at(port);
    let tokens = policies.tokens_at(place.namespace, place.labels, place.root);
    let arrivals = Arrivals {
        port,
        http: reads == Reads::Http,
        plaintext: modes.iter().any(|mode| mode.plaintext()),
        mtls: modes.iter().all(|mode| mode.mtls()),
        trust_domains: Vec::new(),
        issuers: tokens.iter().map(|rule| rule.taken()).collect(),
    };
    // Where it could be one of several, it is none that was meant.
    if modes.len() != 1 || (arrivals.plaintext, arrivals.mtls) != (meant.arrivals.plaintext, meant.arrivals.mtls) {
        return Some(Difference::Modes);
    }
    let rules: BTreeSet<_> = tokens.into_iter().cloned().collect();
    if reads == Reads::Http && rules != meant.tokens {
        return Some(Difference::Tokens);
    }
    let selected = policies.authorizing(place.namespace, place.labels, place.root);
    let providers: BTreeSet<_> = selected.iter().filter_map(|policy| policy.provider.clone()).collect();
    if providers != meant.providers {
        return Some(Difference::Providers);
    }
    let chain = chain(&selected, reads, &Mesh { trust_domains: domains.to_vec() });
    compared((&chain, &arrivals), (&meant.chain, &meant.arrivals), equally)
}

/// Compares what manifests admit with what was meant: exactly that, or only no more.
fn compared<O, P>(
    (chain, arrivals): (&Chain<O>, &Arrivals),
    (meant, wanted): (&Chain<P>, &Arrivals),
    equally: bool,
) -> Option<Difference> {
    let tests = || meant.rules().flat_map(Enforced::tests).chain(chain.rules().flat_map(Enforced::tests));
    let both = wanted.issuers.iter().chain(&arrivals.issuers).cloned().collect();
    // Tokens that only one side takes are told apart in one space; each side then takes its own.
    let space = Space::of(Arrivals { issuers: both, ..arrivals.clone() }, tests(), &[]);
    let ours = Verdict::of(&space, arrivals, chain);
    let theirs = Verdict::of(&space, wanted, meant);
    if let Some(request) = ours.beyond(&theirs, Certainty::Perhaps, Certainty::Perhaps) {
        return Some(Difference::Wider(request));
    }
    // External authorization is compared where it says yes, and where it does not answer.
    let wider = ours.beyond(&theirs, Certainty::Surely, Certainty::Surely).map(Difference::Wider);
    if wider.is_some() || !equally {
        return wider;
    }
    let narrower = theirs.beyond(&ours, Certainty::Perhaps, Certainty::Perhaps);
    narrower.or_else(|| theirs.beyond(&ours, Certainty::Surely, Certainty::Surely)).map(Difference::Narrower)
}

fn report(
    governed: &Governed<'_>,
    port: u16,
    difference: &Difference,
    span: ringfence_compiler::source::Span,
    diagnostics: &mut Diagnostics,
) {
    let unit = &governed.unit;
    let at = format!("`{}/{}` port {port}", unit.namespace, unit.name);
    let (message, witness) = match difference {
        Difference::Wider(request) => {
            (format!("the manifests admit more than the policy at {at}"), Some(format!("request: {request}")))
        }
        Difference::Narrower(request) => {
            (format!("the manifests refuse what the policy grants at {at}"), Some(format!("request: {request}")))
        }
        Difference::Tokens => (format!("the manifests take tokens at {at} otherwise than the policy"), None),
        Difference::Providers => (format!("the manifests ask another provider at {at} than the policy"), None),
        Difference::Modes => (format!("the manifests take peers at {at} otherwise than the policy"), None),
        Difference::Network(Fault::Wider, shown) => (
            format!("NetworkPolicy lets more pass than the policy grants at {at}"),
            Some(format!("connection: {shown}")),
        ),
        Difference::Network(Fault::Narrower, shown) => {
            (format!("NetworkPolicy stops what the policy grants at {at}"), Some(format!("connection: {shown}")))
        }
    };
    let differs = code::NOT_AS_MEANT.at(span, message).label("this workload");
    diagnostics.report(match witness {
        Some(witness) => differs.help(format!("such a {witness}. This is a fault of ringfence: please report it")),
        None => differs.help("this is a fault of ringfence: please report it"),
    });
}
