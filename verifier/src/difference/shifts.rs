//! What changed at a workload beside single requests: whether what nobody allows is refused, how peers and tokens are taken.
//!
//! In: a workload on both sides. Out: [`Shift`]s. The first ALLOW refuses everything else, and the last one that goes lets
//! everything in: that deserves a line of its own, however small the change of files was.

use std::collections::BTreeSet;

use ringfence_compiler::inventory::Workload;
use ringfence_compiler::spec::cluster::DataPlane;

use super::access::Told;
use crate::istio::authorization::Action;
use crate::istio::peer_authentication::Mode;
use crate::kubernetes::passage::Direction;
use crate::model::Model;

/// A change of a workload's own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shift {
    /// What no policy admits is refused from now on (`true`), or everything is admitted that none denies.
    DefaultDeny {
        /// Whether it begins.
        begins: bool,
        /// The ALLOW policies, after or before, as `namespace/name`.
        policies: Vec<String>,
    },
    /// NetworkPolicies are about what arrives (`ingress`) or leaves from now on, or no longer.
    Isolation {
        /// Whether it is about what arrives.
        ingress: bool,
        /// Whether it begins.
        begins: bool,
        /// The policies, after or before, as `namespace/name`.
        policies: Vec<String>,
    },
    /// Peers of these ports are taken otherwise: with a certificate, without one, or both.
    Peers {
        /// The ports; 0 for all that nobody names.
        ports: Vec<u16>,
        /// How before.
        before: Vec<Mode>,
        /// How after.
        after: Vec<Mode>,
    },
    /// Tokens are looked for elsewhere, or proved by other keys.
    Tokens,
    /// Other external authorization providers are asked.
    Providers {
        /// Which before.
        before: BTreeSet<String>,
        /// Which after.
        after: BTreeSet<String>,
    },
    /// What decides there changed, and what that means is not modelled: gateways, waypoints, paths no Envoy reads.
    NotModelled,
}

/// Finds what changed at a workload that is on both sides; `told` are its ports with what its proxy is told of each.
pub(super) fn shifts(
    before: (&Model<'_>, &Workload),
    after: (&Model<'_>, &Workload),
    told: &[(u16, [&Told; 2])],
) -> Vec<Shift> {
    let mut shifts = Vec::new();
    let refuses =
        |side: usize| told.iter().any(|(_, told)| told.get(side).is_some_and(|told| told.refuses_by_default()));
    if refuses(0) != refuses(1) && told.iter().all(|(_, [one, other])| one.guarded == other.guarded) {
        let begins = refuses(1);
        shifts.push(Shift::DefaultDeny { begins, policies: allowing(if begins { after } else { before }) });
    }
    for ingress in [true, false] {
        let is_guarded = |side| !isolating(side, ingress).is_empty();
        if is_guarded(before) != is_guarded(after) {
            let begins = is_guarded(after);
            let policies = isolating(if begins { after } else { before }, ingress);
            shifts.push(Shift::Isolation { ingress, begins, policies });
        }
    }
    shifts.extend(peers(told));
    let tokens = |(model, workload): (&Model<'_>, &Workload)| {
        model.tokens(workload).into_iter().cloned().collect::<BTreeSet<_>>()
    };
    let (ours, theirs) = (tokens(before), tokens(after));
    let taken = |rules: &BTreeSet<_>| {
        rules.iter().map(crate::istio::request_authentication::JwtRule::taken).collect::<BTreeSet<_>>()
    };
    // Whose tokens are taken shows in requests; how they are found and proved does not.
    if ours != theirs && taken(&ours) == taken(&theirs) {
        shifts.push(Shift::Tokens);
    }
    let providers = |(model, workload): (&Model<'_>, &Workload)| {
        let root = model.cluster().root_namespace();
        let selected = model.policies().authorizing(&workload.namespace, &workload.labels, root);
        let asks = model.plane(workload) != Some(DataPlane::Ambient);
        selected.iter().filter(|_| asks).filter_map(|policy| policy.provider.clone()).collect::<BTreeSet<_>>()
    };
    let (ours, theirs) = (providers(before), providers(after));
    if ours != theirs {
        shifts.push(Shift::Providers { before: ours, after: theirs });
    }
    if told.iter().any(|(_, [one, other])| one != other && !(one.modelled && other.modelled)) {
        shifts.push(Shift::NotModelled);
    }
    shifts
}

fn allowing((model, workload): (&Model<'_>, &Workload)) -> Vec<String> {
    let root = model.cluster().root_namespace();
    let selected = model.policies().authorizing(&workload.namespace, &workload.labels, root);
    let allowing = selected.into_iter().filter(|policy| policy.action == Action::Allow && !policy.dry_run);
    allowing.map(|policy| format!("{}/{}", policy.namespace, policy.name)).collect()
}

fn isolating((model, workload): (&Model<'_>, &Workload), ingress: bool) -> Vec<String> {
    let direction = if ingress { Direction::Ingress } else { Direction::Egress };
    let about = model.network().guards(workload, direction).network;
    about.into_iter().map(|(_, policy)| format!("{}/{}", policy.namespace, policy.name)).collect()
}

/// Puts ports together whose peers are taken otherwise in the same way.
fn peers(told: &[(u16, [&Told; 2])]) -> Vec<Shift> {
    let mut found: Vec<(Vec<Mode>, Vec<Mode>, Vec<u16>)> = Vec::new();
    for (port, [one, other]) in told {
        let (before, after) = (one.modes(), other.modes());
        if before == after || before.is_empty() || after.is_empty() {
            continue;
        }
        match found.iter_mut().find(|(b, a, _)| (b, a) == (&before, &after)) {
            Some((.., ports)) => ports.push(*port),
            None => found.push((before, after, vec![*port])),
        }
    }
    found.into_iter().map(|(before, after, ports)| Shift::Peers { ports, before, after }).collect()
}
