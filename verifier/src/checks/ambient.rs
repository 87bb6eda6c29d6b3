//! `mesh/l7-at-ztunnel` and `mesh/deny-without-effect`: policies that ask of requests where only connections are seen.
//!
//! In: the AuthorizationPolicies that select workloads in ambient mode. Out: the rules that mean something else there than they
//! say, and those of which nothing is left. The second kind is an error: what it was to stop gets through.

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::diagnostics::codes::mesh as code;
use ringfence_compiler::inventory::Workload;
use ringfence_compiler::spec::cluster::DataPlane;

use super::idle::called;
use super::{Context, listed, quoted};
use crate::engine::{RuleRef, ztunnel};
use crate::istio::authorization::{Action, AuthorizationPolicy, Rule};
use crate::istio::read::selects;
use crate::reach::is_gateway;
use crate::residual::is_plain;
use crate::waypoints::is_behind;

pub(super) fn check(context: &Context<'_>, diagnostics: &mut Diagnostics) {
    let model = context.model;
    let root = model.cluster().root_namespace();
    let here: Vec<&Workload> = model
        .workloads()
        .filter(|workload| model.plane(workload) == Some(DataPlane::Ambient) && !is_gateway(workload))
        .collect();
    let policies = &model.policies().authorization;
    for policy in policies.iter().filter(|policy| policy.targets.is_empty() && !policy.dry_run) {
        let is_about = |workload: &&&Workload| {
            (policy.namespace == root || policy.namespace == workload.namespace)
                && selects(&policy.selector, &workload.labels)
        };
        let selected: Vec<&Workload> = here.iter().filter(is_about).copied().collect();
        match policy.action {
            _ if selected.is_empty() => {}
            Action::Audit => {}
            Action::Custom => unasked(policy, &selected, diagnostics),
            Action::Allow | Action::Deny => {
                for (at, rule) in policy.rules.iter().enumerate() {
                    let unseen = unseen(rule);
                    let selected: Vec<&Workload> =
                        selected.iter().filter(|workload| matters(context, policy, workload)).copied().collect();
                    if !unseen.is_empty() && !selected.is_empty() {
                        report(context, (policy, at, rule), &unseen, &selected, diagnostics);
                    }
                }
            }
        }
    }
}

/// Returns what a rule asks that ztunnel does not look at.
fn unseen(rule: &Rule) -> Vec<&str> {
    let mut unseen = ztunnel::unseen(rule);
    // Versions differ in what this makes of an ALLOW; in a DENY all of them pass over it.
    if rule.sources.iter().any(|source| !source.trust_domains.is_empty()) {
        unseen.push("trustDomains");
    }
    unseen
}

/// Tells whether a rule could decide something at a workload: not where everything is admitted, or nothing.
fn matters(context: &Context<'_>, policy: &AuthorizationPolicy, workload: &Workload) -> bool {
    let model = context.model;
    let root = model.cluster().root_namespace();
    let chain = ztunnel::chain(&model.policies().authorizing(&workload.namespace, &workload.labels, root));
    match policy.action {
        Action::Allow => !chain.allow.iter().flatten().any(is_plain),
        _ => !chain.allow.as_ref().is_some_and(Vec::is_empty),
    }
}

fn report(
    context: &Context<'_>,
    (policy, at, rule): (&AuthorizationPolicy, usize, &Rule),
    unseen: &[&str],
    selected: &[&Workload],
    diagnostics: &mut Diagnostics,
) {
    let alone = [policy];
    let chain = ztunnel::chain(&alone);
    let is_left = chain.rules().any(|left| left.origin.rule == at);
    let (code, means) = match (policy.action, is_left) {
        (Action::Allow, false) => (&code::L7_AT_ZTUNNEL, "admits nothing"),
        (Action::Allow, true) => (&code::L7_AT_ZTUNNEL, "admits nothing, or more than it says,"),
        (_, true) => (&code::L7_AT_ZTUNNEL, "denies more than it says"),
        (_, false) => (&code::DENY_WITHOUT_EFFECT, "denies nothing"),
    };
    let origin = RuleRef { namespace: &policy.namespace, name: &policy.name, rule: at };
    let names = listed(selected.iter().map(|workload| quoted(workload)));
    let asked = listed(unseen.iter().map(|field| format!("`{field}`")));
    let mut found = code
        .at(rule.span, format!("{} {means} at {names}", called(&origin)))
        .label(format!("asks for {asked}, and ztunnel sees connections only"));
    let behind = selected.iter().find(|workload| is_behind(context.model.cluster(), workload));
    if let Some(workload) = behind {
        found = found.and(workload.span, "called through a waypoint, which passes over a policy without `targetRefs`");
    }
    let help = match (behind, policy.namespace == context.model.cluster().root_namespace()) {
        (Some(_), _) => "attach the policy to the Service or the waypoint with `targetRefs`",
        (None, true) => {
            "a policy of the root namespace holds in ambient mode as well: name the pods with sidecars, or ask for callers and ports alone"
        }
        (None, false) => {
            "ask for callers and ports alone, or put a waypoint before the workload and attach the policy with `targetRefs`"
        }
    };
    diagnostics.report(found.help(help));
}

/// Reports a policy whose provider nobody asks.
fn unasked(policy: &AuthorizationPolicy, selected: &[&Workload], diagnostics: &mut Diagnostics) {
    let names = listed(selected.iter().map(|workload| quoted(workload)));
    let provider = policy.provider.as_deref().unwrap_or("without a name");
    diagnostics.report(
        code::DENY_WITHOUT_EFFECT
            .at(policy.span, format!("AuthorizationPolicy `{}/{}` denies nothing at {names}", policy.namespace, policy.name))
            .label(format!("asks the provider `{provider}`, and ztunnel asks none"))
            .help("put a waypoint before the workload and attach the policy with `targetRefs`, or give the workload a sidecar"),
    );
}
