//! `mesh/rival-peer-authentication`: PeerAuthentications of one scope, of which the oldest counts.
//!
//! Creation times are not in any repository, so each of them may be the one; what that means is compared port by port.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::diagnostics::codes::mesh as code;
use ringfence_compiler::inventory::{Labels, Workload};

use super::{Context, listed};
use crate::istio::peer_authentication::{Modes, PeerAuthentication};
use crate::istio::read::selects;

/// Policies that contend, and a pod they contend for: its namespace, its labels, what it is called and its ports.
type Contest<'m> = (Vec<usize>, Vec<Pod<'m>>);

struct Pod<'m> {
    namespace: &'m str,
    labels: Labels,
    workload: Option<&'m Workload>,
}

pub(super) fn check(context: &Context<'_>, diagnostics: &mut Diagnostics) {
    for (rivals, pods) in contests(context) {
        report(context, &rivals, &pods, diagnostics);
    }
}

/// Finds policies of one scope that are about the same pods.
fn contests<'m>(context: &Context<'m>) -> Vec<Contest<'m>> {
    let (model, peers) = (context.model, &context.model.policies().peers);
    let root = model.cluster().root_namespace();
    let mut scopes: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, policy) in peers.iter().enumerate().filter(|(_, policy)| policy.selector.is_empty()) {
        scopes.entry(&policy.namespace).or_default().push(at);
    }
    let mut contests: Vec<Contest<'m>> = Vec::new();
    for (namespace, rivals) in scopes.into_iter().filter(|(_, rivals)| rivals.len() > 1) {
        let is_about = |workload: &&Workload| namespace == root || workload.namespace == namespace;
        let of_workload = |workload: &'m Workload| Pod {
            namespace: &workload.namespace,
            labels: workload.labels.clone(),
            workload: Some(workload),
        };
        let mut pods: Vec<_> = model.workloads().filter(is_about).map(of_workload).collect();
        if pods.is_empty() {
            // What runs there is not at hand; a pod without labels stands for it.
            pods.push(Pod { namespace, labels: Labels::new(), workload: None });
        }
        contests.push((rivals, pods));
    }
    let mut of_pods: BTreeMap<Vec<usize>, Vec<Pod<'m>>> = BTreeMap::new();
    for workload in model.workloads().filter(|workload| workload.namespace != root) {
        let here = peers.iter().enumerate().filter(|(_, policy)| {
            policy.namespace == workload.namespace
                && !policy.selector.is_empty()
                && selects(&policy.selector, &workload.labels)
        });
        let rivals: Vec<usize> = here.map(|(at, _)| at).collect();
        if rivals.len() > 1 {
            let pod = Pod { namespace: &workload.namespace, labels: workload.labels.clone(), workload: Some(workload) };
            of_pods.entry(rivals).or_default().push(pod);
        }
    }
    contests.extend(of_pods);
    contests
}

/// Compares what each policy would make of the pods, were it the oldest.
fn report(context: &Context<'_>, rivals: &[usize], pods: &[Pod<'_>], diagnostics: &mut Diagnostics) {
    let (model, peers) = (context.model, &context.model.policies().peers);
    let root = model.cluster().root_namespace();
    let mut effects: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    let mut differs = false;
    for pod in pods {
        let under = |chosen: usize| {
            let left = peers.iter().enumerate().filter(|(at, _)| *at == chosen || !rivals.contains(at));
            Modes::compose(left.map(|(_, policy)| policy), pod.namespace, &pod.labels, root)
        };
        let modes: Vec<(usize, Modes)> = rivals.iter().map(|chosen| (*chosen, under(*chosen))).collect();
        let mut ports: BTreeSet<u16> = modes.iter().flat_map(|(_, modes)| modes.ports()).collect();
        ports.extend(pod.workload.iter().flat_map(|workload| model.ports(workload).into_keys()));
        if ports.is_empty() {
            ports.insert(0);
        }
        for port in ports {
            let each: BTreeSet<_> = modes.iter().map(|(_, modes)| modes.at(port)).collect();
            if each.len() < 2 {
                continue;
            }
            differs = true;
            let place = match (pod.workload, port) {
                (None, _) => "every pod".to_owned(),
                (Some(workload), 0) => super::quoted(workload),
                (Some(workload), port) => format!("`{}/{}:{port}`", workload.namespace, workload.name),
            };
            for (chosen, modes) in &modes {
                let words: Vec<String> = modes.at(port).iter().map(|mode| format!("{mode:?}").to_uppercase()).collect();
                effects.entry(*chosen).or_default().push(format!("{} at {place}", words.join(" or ")));
            }
        }
    }
    let named: Vec<(usize, &PeerAuthentication)> =
        rivals.iter().filter_map(|at| Some((*at, peers.get(*at)?))).collect();
    let (code, verb) = match differs {
        true => (&code::RIVAL_PEER_AUTHENTICATION, "contend"),
        false => (&code::TWIN_PEER_AUTHENTICATION, "say the same"),
    };
    let names = listed(named.iter().map(|(_, policy)| format!("`{}`", policy.name)));
    let scope = scope(&named, root);
    let effect = |at: &usize| match effects.remove(at) {
        Some(effects) => format!("if this is the oldest: {}", listed(effects)),
        None => "the same as the other".to_owned(),
    };
    let mut effect = effect;
    let mut found = None;
    for (at, policy) in &named {
        let words = effect(at);
        found = Some(match found {
            None => code.at(policy.span, format!("PeerAuthentications {names} {verb} for {scope}")).label(words),
            Some(found) => ringfence_compiler::diagnostics::Diagnostic::and(found, policy.span, words),
        });
    }
    if let Some(found) = found {
        let help = "the oldest counts, and no file tells which that is: keep one";
        diagnostics.report(found.help(help));
    }
}

fn scope(rivals: &[(usize, &PeerAuthentication)], root: &str) -> String {
    match rivals.first() {
        Some((_, first)) if !first.selector.is_empty() => format!("the same pods of `{}`", first.namespace),
        Some((_, first)) if first.namespace == root => "the mesh".to_owned(),
        Some((_, first)) => format!("namespace `{}`", first.namespace),
        None => String::new(),
    }
}
