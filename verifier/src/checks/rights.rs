//! `mesh/rights-over-policy` and `mesh/trusted-with-policy`: roles whose holders can undo what policies say.
//!
//! In: roles and what binds them. Out: those that let write what answers rest on, or pass for others, by who holds them: many,
//! or the account of one workload. What the root namespace and the control plane of Kubernetes hold is theirs.

use std::collections::BTreeSet;

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::diagnostics::codes::mesh as code;
use ringfence_compiler::source::Span;

use super::{Context, listed};
use crate::movement::rested_on::RESTED_ON;
use crate::surroundings::rights::{Right, Role, Subject};

/// The verbs that write.
const WRITE: [&str; 3] = ["create", "patch", "update"];

/// Groups that everybody is in, or every workload.
const EVERYBODY: [&str; 3] = ["system:authenticated", "system:unauthenticated", "system:serviceaccounts"];

pub(super) fn check(context: &Context<'_>, diagnostics: &mut Diagnostics) {
    of_everything(context, diagnostics);
    let rights = &context.surroundings.rights;
    for role in &rights.roles {
        let Some((span, what)) = undoes(role) else { continue };
        let holders = rights.holders(role);
        let many: Vec<String> = holders.iter().filter_map(|subject| many(subject)).collect();
        if !many.is_empty() || !role.aggregates.is_empty() {
            let parts = role.aggregates.iter().map(|label| format!("whoever holds a role that takes in `{label}`"));
            let who = listed(many.into_iter().chain(parts));
            diagnostics.report(
                code::RIGHTS_OVER_POLICY
                    .at(role.span, format!("{} lets its holders {what}", role.called()))
                    .label(format!("held by {who}"))
                    .and(span, "by this rule")
                    .help("whoever holds it can undo what policies say: leave such rights to the pipeline that applies them"),
            );
            continue;
        }
        let accounts: BTreeSet<String> = holders.iter().filter_map(|subject| account(context, subject)).collect();
        if !accounts.is_empty() {
            diagnostics.report(
                code::TRUSTED_WITH_POLICY
                    .at(role.span, format!("{} lets its holders {what}", role.called()))
                    .label(format!("held by {}", listed(accounts)))
                    .and(span, "by this rule")
                    .help("answers hold as long as nobody takes these workloads over: bound what reaches them"),
            );
        }
    }
}

/// Reports who may do anything at all.
fn of_everything(context: &Context<'_>, diagnostics: &mut Diagnostics) {
    for binding in context.surroundings.rights.of_everything() {
        let many: Vec<String> = binding.subjects.iter().filter_map(many).collect();
        let accounts = binding.subjects.iter().filter_map(|subject| account(context, subject));
        let (code, who) = match many.is_empty() {
            false => (&code::RIGHTS_OVER_POLICY, listed(many)),
            true => (&code::TRUSTED_WITH_POLICY, listed(accounts)),
        };
        if !who.is_empty() {
            diagnostics.report(
                code.at(binding.span, format!("`cluster-admin` lets {who} write whatever policies say"))
                    .label("bound here")
                    .help("give it a role with the rights it needs"),
            );
        }
    }
}

/// Says what a role lets undo, and by which rule first.
fn undoes(role: &Role) -> Option<(Span, String)> {
    let undoing = role.rules.iter().filter(|rule| rule.names.is_empty());
    let all: Vec<(Span, String)> = undoing.filter_map(|rule| Some((rule.span, undone(rule)?))).collect();
    let (span, _) = all.first()?;
    let mut words: Vec<&str> = all.iter().map(|(_, what)| what.as_str()).collect();
    words.dedup();
    Some((*span, words.join(", ")))
}

fn undone(rule: &Right) -> Option<String> {
    for resource in ["serviceaccounts", "users", "groups"] {
        if rule.lets(&["impersonate"], "", resource) {
            return Some(format!("pass for any of `{resource}`"));
        }
    }
    if rule.lets(&["create"], "", "serviceaccounts/token") {
        return Some("make tokens of any service account".to_owned());
    }
    let written = RESTED_ON.iter().filter(|(group, resource)| {
        // Who makes namespaces makes no label of another; who changes one does.
        let verbs: &[&str] = if *resource == "namespaces" { &["patch", "update"] } else { &WRITE };
        rule.lets(verbs, group, resource)
    });
    let names: Vec<String> = written.map(|(_, resource)| format!("`{resource}`")).collect();
    (!names.is_empty()).then(|| format!("write {}", listed(names)))
}

/// Names a holder that is many: a group of everybody, or the account that pods get where nobody chose.
fn many(subject: &Subject) -> Option<String> {
    match subject.kind.as_str() {
        "Group" if EVERYBODY.contains(&subject.name.as_str()) => Some(format!("everybody in `{}`", subject.name)),
        "Group" => subject.name.strip_prefix("system:serviceaccounts:").map(|it| format!("every workload of `{it}`")),
        "ServiceAccount" if subject.name == "default" => {
            Some(format!("every workload of `{}` that has no account of its own", subject.namespace))
        }
        _ => None,
    }
}

/// Names the account of a workload at hand that is neither the mesh's own nor Kubernetes'.
fn account(context: &Context<'_>, subject: &Subject) -> Option<String> {
    let cluster = context.model.cluster();
    let is_own = subject.namespace == cluster.root_namespace() || subject.namespace == "kube-system";
    let is_here = subject.kind == "ServiceAccount" && cluster.inventory.shows(&subject.namespace, &subject.name);
    (is_here && !is_own).then(|| format!("`{}/{}`", subject.namespace, subject.name))
}
