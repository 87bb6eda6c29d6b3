//! `mesh/peers-apart`: namespaces and pods as two peers of a rule where one peer was meant.
//!
//! In: the rules of NetworkPolicies. Out: a report where one peer is of whole namespaces, and another of pods of the policy's own
//! namespace that are not there. Whoever means both writes them as one item; as two, either is enough.

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::diagnostics::codes::mesh as code;

use super::Context;
use crate::kubernetes::network_policy::{NetworkPolicy, PeerMatch, Rule};
use crate::kubernetes::passage::Direction;
use crate::kubernetes::peer::PodSelector;
use crate::kubernetes::selector::Known;

pub(super) fn check(context: &Context<'_>, diagnostics: &mut Diagnostics) {
    for policy in &context.model.policies().network {
        for direction in [Direction::Ingress, Direction::Egress] {
            for rule in policy.rules(direction).unwrap_or_default() {
                report(context, policy, direction, rule, diagnostics);
            }
        }
    }
}

fn report(
    context: &Context<'_>,
    policy: &NetworkPolicy,
    direction: Direction,
    rule: &Rule,
    diagnostics: &mut Diagnostics,
) {
    let own = policy.namespace.as_str();
    let pods = rule.peers.iter().filter_map(|peer| match peer {
        PeerMatch::Pods(selector) => Some(selector),
        PeerMatch::Addresses { .. } => None,
    });
    let pods: Vec<&PodSelector> = pods.collect();
    let whole = |selector: &&&PodSelector| selector.namespaces.is_some() && selector.pods.is_empty();
    let Some(namespaces) = pods.iter().find(whole) else { return };
    // Where nothing of the namespace is at hand, nobody can tell what is there.
    let here: Vec<_> = context.model.workloads().filter(|workload| workload.namespace == own).collect();
    let is_missing = |selector: &&&PodSelector| {
        let fits = |labels| selector.pods.fits(Known::of_pods(labels, true)).may();
        selector.namespaces.is_none() && !selector.pods.is_empty() && !here.iter().any(|one| fits(&one.labels))
    };
    let Some(missing) = pods.iter().find(is_missing).filter(|_| !here.is_empty()) else { return };
    let end = if direction == Direction::Ingress { "from" } else { "to" };
    let meant = PodSelector { namespaces: namespaces.namespaces.clone(), pods: missing.pods.clone() };
    let message = format!(
        "NetworkPolicy `{own}/{}` lets all {} pass: each item of `{end}` is enough by itself",
        policy.name,
        namespaces.words(own)
    );
    diagnostics.report(
        code::PEERS_APART
            .at(rule.span, message)
            .label(format!("another item is of {}, and there are none", missing.words(own)))
            .help(format!("write both selectors as one item, if {} were meant", meant.words(own))),
    );
}
