//! `mesh/no-names`: pods that may call Services, and may not ask for their addresses.

use std::collections::BTreeSet;

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::diagnostics::codes::mesh as code;
use ringfence_compiler::spec::cluster::DataPlane;

use super::{Context, listed, quoted};
use crate::kubernetes::fits::Fits;
use crate::kubernetes::network_policy::{NetworkPolicy, PeerMatch, Rule};
use crate::kubernetes::passage::Direction;
use crate::kubernetes::peer::PodSelector;
use crate::kubernetes::port::PortMatch;

/// The ports at which names are asked for: of the Service, and of its pods on some platforms.
const NAMES: [u16; 3] = [53, 5353, 1053];

pub(super) fn check(context: &Context<'_>, diagnostics: &mut Diagnostics) {
    let model = context.model;
    let mut said: BTreeSet<(&str, &str)> = BTreeSet::new();
    for workload in model.workloads().filter(|it| !it.host_network && model.plane(it) != Some(DataPlane::Ambient)) {
        let about = model.network().guards(workload, Direction::Egress);
        if !about.tiers.is_empty() || about.network.iter().any(|(fits, it)| *fits != Fits::Yes || it.doubtful) {
            continue;
        }
        let policies: Vec<&NetworkPolicy> = about.network.into_iter().map(|(_, policy)| policy).collect();
        let rules = || policies.iter().flat_map(|policy| policy.egress.iter().flatten());
        if rules().any(may_ask) {
            continue;
        }
        let calls = policies.iter().find_map(|policy| {
            let policy: &NetworkPolicy = policy;
            Some((policy, policy.egress.iter().flatten().find_map(|rule| to_service(context, policy, rule))?))
        });
        let Some((policy, to)) = calls else { continue };
        if !said.insert((&policy.namespace, &policy.name)) {
            continue;
        }
        let same = model.workloads().filter(|it| {
            it.namespace == policy.namespace && policy.pods.fits(model.network().pods(it).labels) == Fits::Yes
        });
        diagnostics.report(
            code::NO_NAMES
                .at(
                    policy.span,
                    format!(
                        "NetworkPolicy `{}/{}` lets {} call by name, and ask for no names",
                        policy.namespace,
                        policy.name,
                        listed(same.map(quoted))
                    ),
                )
                .label(format!("lets them call {}, and no rule lets them ask at port 53", to.words(&policy.namespace)))
                .help("add a rule for UDP and TCP at port 53 to the pods of the cluster's DNS"),
        );
    }
}

/// Tells whether a rule may be about asking for names.
fn may_ask(rule: &Rule) -> bool {
    let is_it = |port: &PortMatch| match port {
        PortMatch::AnyTcp | PortMatch::NotTcp | PortMatch::Unknown => true,
        PortMatch::Range(first, last) => NAMES.iter().any(|port| (*first..=*last).contains(port)),
        PortMatch::Name(name) => name.contains("dns"),
    };
    rule.ports.is_empty() || rule.ports.iter().any(is_it)
}

/// Returns the peer of a rule that is pods at hand behind a Service: those are called by its name. What is not at hand may be
/// called by an address that everybody knows, as the API server is.
fn to_service<'p>(context: &Context<'_>, policy: &NetworkPolicy, rule: &'p Rule) -> Option<&'p PeerMatch> {
    let (model, network) = (context.model, context.model.network());
    let is_called = |selector: &PodSelector| {
        model.workloads().any(|it| {
            selector.fits(&policy.namespace, &network.pods(it)) == Fits::Yes && model.services(it).next().is_some()
        })
    };
    rule.peers.iter().find(|peer| matches!(peer, PeerMatch::Pods(selector) if is_called(selector)))
}
