//! `mesh/same-priority`: policies of one tier of the network and of one priority, where it matters which is asked first.

use std::collections::BTreeSet;

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::diagnostics::codes::mesh as code;

use super::Context;
use crate::kubernetes::tier_policy::TierPolicy;
use crate::network::{Ingress, egress};
use crate::reach::{Decider, Gate};

pub(super) fn check(context: &Context<'_>, diagnostics: &mut Diagnostics) {
    let (model, tiers) = (context.model, &context.model.policies().tiers);
    let rank = |policy: &TierPolicy| (policy.tier, policy.priority);
    // Policies are sorted by rank.
    if !tiers.windows(2).any(|pair| matches!(pair, [one, other] if rank(one) == rank(other))) {
        return;
    }
    let mut said: BTreeSet<(&str, &str)> = BTreeSet::new();
    for to in context.fleet.destinations().iter().filter(|to| to.cluster == context.cluster) {
        let ingress = Ingress::of(model, to.workload, to.port);
        let here =
            context.fleet.callers().iter().filter(|calling| calling.cluster.is_none_or(|at| at == context.cluster));
        for calling in here {
            for gate in [ingress.lets(calling.caller), egress(model, calling.caller, to.workload, to.port)] {
                let (Gate::Open(decider) | Gate::Unsure(decider) | Gate::Shut(decider)) = &gate;
                let Decider::Tier { rule, rival: Some(rival) } = decider else { continue };
                let pair = if rule.name < *rival { (rule.name, *rival) } else { (*rival, rule.name) };
                let named = |name: &str| tiers.iter().find(|policy| policy.name == name);
                let (Some(one), Some(other)) = (named(pair.0), named(pair.1)) else { continue };
                if rank(one) != rank(other) || !said.insert((&one.name, &other.name)) {
                    continue;
                }
                let place = format!("`{}/{}:{}`", to.workload.namespace, to.workload.name, to.port);
                diagnostics.report(
                    code::SAME_PRIORITY
                        .at(
                            one.span,
                            format!(
                                "{} `{}` and `{}` decide otherwise at one priority",
                                one.kind.name(),
                                one.name,
                                other.name
                            ),
                        )
                        .label(format!("priority {}, as the other; it matters at {place}", one.priority))
                        .and(other.span, format!("priority {}", other.priority))
                        .help("nothing tells which is asked first: give them different priorities"),
                );
            }
        }
    }
}
