//! Workloads that are not what the proof was about.
//!
//! In: the inventory of the project, the workloads that run, the policies that were signed. Out: a sentence for each workload at
//! which these no longer enforce what they did: no proxy stands before a port any more, other policies are about it, or it runs
//! under another account; and for each that runs in a namespace of the inventory and is not in it. What was signed may all be
//! there, and mean something else.

use std::collections::BTreeSet;

use ringfence_compiler::inventory::Workload;
use ringfence_verifier::istio::read::selects;
use ringfence_verifier::kubernetes::passage::Direction;
use ringfence_verifier::kubernetes::selector::carry;
use ringfence_verifier::model::{Before, Model};
use ringfence_verifier::request::Identity;

/// A workload that is not what it was.
pub(super) struct Changed<'m> {
    /// Its kind, namespace and name.
    pub name: String,
    /// It, as it runs; nothing where it does not.
    pub runs: Option<&'m Workload>,
    /// What is different.
    pub how: String,
}

/// Compares workloads of the inventory with those that run, under the same policies.
pub(super) fn changed<'m>(meant: &Model<'_>, runs: &'m Model<'m>) -> Vec<Changed<'m>> {
    let mut all = Vec::new();
    for workload in meant.workloads() {
        let is_same = |other: &&Workload| {
            (&other.namespace, &other.name, &other.kind) == (&workload.namespace, &workload.name, &workload.kind)
        };
        let name = format!("{} {}/{}", workload.kind, workload.namespace, workload.name);
        let Some(live) = runs.workloads().find(is_same) else {
            all.push(Changed { name, runs: None, how: "in the inventory, and not there".to_owned() });
            continue;
        };
        let mut how = Vec::new();
        let ports: BTreeSet<u16> = meant.ports(workload).into_keys().chain(runs.ports(live).into_keys()).collect();
        for port in ports {
            let (was, is) = (meant.before(workload, port), runs.before(live, port));
            if was != is {
                how.push(format!("before port {port} stands {}, and it was {}", word(is), word(was)));
            }
        }
        let (was, is) = (about(meant, workload), about(runs, live));
        let gone: Vec<&String> = was.difference(&is).collect();
        let come: Vec<&String> = is.difference(&was).collect();
        how.extend(gone.iter().map(|policy| format!("{policy} is not about it any more")));
        how.extend(come.iter().map(|policy| format!("{policy} is about it as well")));
        let (was, is) = (meant.identity(workload), runs.identity(live));
        if was != is {
            let shown = |identity: Option<Identity>| identity.map_or("nobody".to_owned(), |it| it.to_string());
            how.push(format!("it runs as {}, and was {}", shown(is), shown(was)));
        }
        if !how.is_empty() {
            all.push(Changed { name, runs: Some(live), how: how.join("; ") });
        }
    }
    let namespaces: BTreeSet<&str> = meant.workloads().map(|it| it.namespace.as_str()).collect();
    for live in runs.workloads().filter(|live| namespaces.contains(live.namespace.as_str())) {
        let is_known = meant.workloads().any(|known| {
            let is_it = (&known.namespace, &known.name, &known.kind) == (&live.namespace, &live.name, &live.kind);
            is_it || is_of(known, live)
        });
        if !is_known {
            let name = format!("{} {}/{}", live.kind, live.namespace, live.name);
            let who = runs.identity(live).map_or("nobody".to_owned(), |it| it.to_string());
            all.push(Changed { name, runs: Some(live), how: format!("not in the inventory; it runs as {who}") });
        }
    }
    all
}

/// What controllers make of workloads.
const MADE: [&str; 3] = ["Pod", "ReplicaSet", "Job"];

/// Tells whether pods may be those that a workload is there for: they carry its labels and run under its account.
fn is_of(workload: &Workload, pods: &Workload) -> bool {
    MADE.contains(&pods.kind.as_str())
        && (&workload.namespace, &workload.service_account) == (&pods.namespace, &pods.service_account)
        && selects(&workload.labels, &pods.labels)
}

fn word(before: Before) -> &'static str {
    match before {
        Before::Nothing => "no proxy",
        Before::Sidecar => "a sidecar",
        Before::Ztunnel => "ztunnel",
        Before::NotModelled(what) => what,
    }
}

/// Returns the policies that are about a workload.
fn about(model: &Model<'_>, workload: &Workload) -> BTreeSet<String> {
    let (policies, root) = (model.policies(), model.cluster().root_namespace());
    let (namespace, labels) = (&workload.namespace, &workload.labels);
    let authorizing = policies.authorizing(namespace, labels, root);
    let mut names: BTreeSet<String> =
        authorizing.iter().map(|it| format!("AuthorizationPolicy {}/{}", it.namespace, it.name)).collect();
    let here = |of: &str| of == namespace || of == root;
    let peers = policies.peers.iter().filter(|it| here(&it.namespace) && carry(&it.selector, labels).may());
    names.extend(peers.map(|it| format!("PeerAuthentication {}/{}", it.namespace, it.name)));
    let tokens = policies.tokens.iter().filter(|it| it.targets.is_empty() && here(&it.namespace));
    let tokens = tokens.filter(|it| carry(&it.selector, labels).may());
    names.extend(tokens.map(|it| format!("RequestAuthentication {}/{}", it.namespace, it.name)));
    for direction in [Direction::Ingress, Direction::Egress] {
        let guards = model.network().guards(workload, direction);
        names.extend(guards.network.iter().map(|(_, it)| format!("NetworkPolicy {}/{}", it.namespace, it.name)));
        names.extend(guards.tiers.iter().map(|(_, it)| format!("{} {}", it.kind.name(), it.name)));
    }
    names
}
