//! Whether what was emitted is what was meant, proved on each run.
//!
//! In: [`Resolved`] policy and the texts that were compiled from it. Out: [`Proof`], and a report with a request for each
//! port where the two differ. The texts are read as any other manifests; nothing of how they came about is used.

use rayon::prelude::*;
use ringfence_compiler::compile::Compiled;
use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::diagnostics::codes::verify as code;
use ringfence_compiler::resolve::units::Unit;
use ringfence_compiler::resolve::world::Cluster;
use ringfence_compiler::resolve::{Governed, Resolved};
use ringfence_compiler::source::{SourceFile, Sources};
use ringfence_compiler::spec::cluster::DataPlane;
use ringfence_compiler::yaml::{self, Profile};

use crate::engine::Enforced;
use crate::engine::envoy::{Mesh, Reads, chain};
use crate::exact::{Arrivals, Certainty, Space, Verdict};
use crate::meant::Meant;
use crate::policies::Policies;
use crate::request::Request;

/// What was proved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Proof {
    /// Units with a sidecar whose manifests admit exactly what was meant.
    pub units: usize,
    /// Their ports.
    pub ports: usize,
    /// Units in ambient mode, which are not modelled yet.
    pub ambient: usize,
}

/// Proves that the compiled manifests admit exactly what was meant at each workload with a sidecar.
///
/// The comparison is of AuthorizationPolicy, PeerAuthentication and RequestAuthentication, at every declared port and at one
/// that nobody declared.
pub fn prove(resolved: &Resolved<'_>, compiled: &Compiled, diagnostics: &mut Diagnostics) -> Proof {
    let mut proof = Proof::default();
    for (name, cluster) in &resolved.world.clusters {
        let policies = read(name, compiled, diagnostics);
        let here: Vec<&Governed<'_>> =
            resolved.units.iter().filter(|governed| governed.unit.cluster == *name).collect();
        let compared: Vec<_> = here
            .par_iter()
            .map(|governed| {
                let mut said = Diagnostics::new();
                let ports = match governed.unit.data_plane {
                    Some(DataPlane::Sidecar) => Some(compare(governed, cluster, &policies, &mut said)),
                    _ => None,
                };
                (ports, said)
            })
            .collect();
        for (governed, (ports, said)) in here.iter().zip(compared) {
            proof.ambient += usize::from(governed.unit.data_plane == Some(DataPlane::Ambient));
            if let Some(ports) = ports {
                proof.units += 1;
                proof.ports += ports;
            }
            diagnostics.append(said);
        }
    }
    proof
}

/// Reads the compiled files of a cluster as any other manifests.
fn read(cluster: &str, compiled: &Compiled, diagnostics: &mut Diagnostics) -> Policies {
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

/// Compares a unit port by port; returns how many.
fn compare(
    governed: &Governed<'_>,
    cluster: &Cluster<'_>,
    policies: &Policies,
    diagnostics: &mut Diagnostics,
) -> usize {
    let unit = &governed.unit;
    let mut domains = vec![cluster.trust_domain().to_owned()];
    domains.extend(cluster.document.spec.trust_domain_aliases.iter().map(|alias| alias.value.0.clone()));
    let undeclared = (1..).find(|port| !unit.ports.contains_key(port));
    let ports: Vec<u16> = unit.ports.keys().copied().chain(undeclared).collect();
    for workload in &unit.workloads {
        let place = Place { namespace: unit.namespace, labels: &workload.labels, root: cluster.root_namespace() };
        for port in &ports {
            for reads in readings(unit, *port) {
                let meant = Meant::at(governed, *port, reads, &domains);
                if let Some(difference) = difference(&meant, &place, policies, reads, &domains) {
                    report(governed, *port, &difference, workload.span, diagnostics);
                    return ports.len();
                }
            }
        }
    }
    ports.len()
}

/// A pod whose manifests are looked up.
struct Place<'p> {
    namespace: &'p str,
    labels: &'p ringfence_compiler::inventory::Labels,
    root: &'p str,
}

/// How a proxy may read a port: as it says, and as either where it says nothing.
fn readings(unit: &Unit<'_>, port: u16) -> Vec<Reads> {
    match unit.ports.get(&port).and_then(|facts| facts.protocol) {
        Some(protocol) if protocol.is_http() => vec![Reads::Http],
        Some(_) => vec![Reads::Bytes],
        None => vec![Reads::Http],
    }
}

/// How manifests differ from what was meant.
enum Difference {
    /// They admit this request, which was not meant.
    Wider(Request),
    /// They refuse this one, which was.
    Narrower(Request),
    /// Peers arrive otherwise: in plaintext, with a certificate, or not.
    Arrivals,
}

fn difference(
    meant: &Meant<'_>,
    place: &Place<'_>,
    policies: &Policies,
    reads: Reads,
    domains: &[String],
) -> Option<Difference> {
    let port = meant.arrivals.port;
    let modes = policies.modes(place.namespace, place.labels, place.root).at(port);
    let arrivals = Arrivals {
        port,
        http: reads == Reads::Http,
        plaintext: modes.iter().any(|mode| mode.plaintext()),
        mtls: modes.iter().all(|mode| mode.mtls()),
        trust_domains: Vec::new(),
        issuers: policies
            .tokens_at(place.namespace, place.labels, place.root)
            .into_iter()
            .map(|rule| (rule.issuer.clone(), rule.audiences.clone()))
            .collect(),
    };
    if (arrivals.plaintext, arrivals.mtls) != (meant.arrivals.plaintext, meant.arrivals.mtls) {
        return Some(Difference::Arrivals);
    }
    let selected = policies.authorizing(place.namespace, place.labels, place.root);
    let chain = chain(&selected, reads, &Mesh { trust_domains: domains.to_vec() });
    let tests = || meant.chain.rules().flat_map(Enforced::tests).chain(chain.rules().flat_map(Enforced::tests));
    let both = meant.arrivals.issuers.iter().chain(&arrivals.issuers).cloned().collect();
    // Tokens that only one side takes are told apart in one space; each side then takes its own.
    let space = Space::of(Arrivals { issuers: both, ..arrivals.clone() }, tests(), &[]);
    let ours = Verdict::of(&space, &arrivals, &chain);
    let theirs = Verdict::of(&space, &meant.arrivals, &meant.chain);
    if let Some(request) = ours.beyond(&theirs, Certainty::Perhaps, Certainty::Perhaps) {
        return Some(Difference::Wider(request));
    }
    // External authorization is compared where it says yes, and where it does not answer.
    let wider = ours.beyond(&theirs, Certainty::Surely, Certainty::Surely).map(Difference::Wider);
    wider.or_else(|| {
        let narrower = theirs.beyond(&ours, Certainty::Perhaps, Certainty::Perhaps);
        narrower.or_else(|| theirs.beyond(&ours, Certainty::Surely, Certainty::Surely)).map(Difference::Narrower)
    })
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
        Difference::Wider(request) => (format!("the manifests admit more than the policy at {at}"), Some(request)),
        Difference::Narrower(request) => {
            (format!("the manifests refuse what the policy grants at {at}"), Some(request))
        }
        Difference::Arrivals => (format!("the manifests take peers at {at} otherwise than the policy"), None),
    };
    let differs = code::NOT_AS_MEANT.at(span, message).label("this workload");
    diagnostics.report(match witness {
        Some(request) => {
            differs.help(format!("such a request: {request}. This is a fault of ringfence: please report it"))
        }
        None => differs.help("this is a fault of ringfence: please report it"),
    });
}
