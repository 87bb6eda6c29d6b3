//! Workloads that are not what the proof was about.
//!
//! In: the inventory of the project, the workloads that run, the policies that were signed. Out: a sentence for each workload at
//! which these no longer enforce what they did: no proxy stands before a port any more, other policies are about it, or it runs
//! under another account. What was signed may all be there, and mean something else.

use std::collections::BTreeSet;

use ringfence_compiler::inventory::Workload;
use ringfence_verifier::kubernetes::selector::Known;
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
    all
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
    let network = policies
        .network
        .iter()
        .filter(|it| it.namespace == *namespace && it.pods.fits(Known::of_pods(labels, true)).may());
    names.extend(network.map(|it| format!("NetworkPolicy {}/{}", it.namespace, it.name)));
    names
}
