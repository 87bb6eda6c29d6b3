//! What a mandate asks of an exception to it: a category, approvals, an end.
//!
//! In: an exception and the terms of the mandate's node and of every node above it. Out: reports.

use std::collections::BTreeSet;

use crate::diagnostics::codes::resolve as code;
use crate::diagnostics::{Diagnostic, Diagnostics, Reported};
use crate::document::Document;
use crate::resolve::world::World;
use crate::source::{Span, Spanned};
use crate::spec::authority::{Category, ExceptionSpec};
use crate::spec::mandates::ExceptionTerms;
use crate::spec::names::Owner;
use crate::spec::reference::NodePath;

type Exception = Document<ExceptionSpec>;

/// Holds an exception against every term.
///
/// # Errors
/// When it does not meet one.
pub(super) fn check(
    world: &World<'_>,
    document: &Exception,
    holder: &NodePath,
    diagnostics: &mut Diagnostics,
) -> Result<(), Reported> {
    let lineage = holder.lineage();
    let mandates = lineage.iter().flat_map(|path| world.mandates(path));
    let asked: Vec<_> = mandates.filter_map(|mandates| mandates.exceptions.as_ref()).collect();
    // Terms that only count days or approvals say as little about who may approve as no terms.
    let approvers: Vec<_> = asked.iter().flat_map(|terms| &terms.value.approvers).collect();
    let own = [category(document), order(document), unasked(document, holder, approvers.is_empty())];
    let by_terms =
        asked.iter().flat_map(|terms| [approvals(world, document, terms, &approvers), days(document, terms)]);
    let mut invalid = Ok(());
    for diagnostic in own.into_iter().chain(by_terms).flatten() {
        invalid = Err(diagnostics.report(diagnostic));
    }
    invalid
}

/// A mitigated one says what mitigates it.
fn category(document: &Exception) -> Option<Diagnostic> {
    let spec = &document.spec;
    if spec.category != Category::Mitigated || !spec.compensating.is_empty() {
        return None;
    }
    let missing = code::EXCEPTION_INVALID
        .at(name(document), format!("exception `{}` is mitigated by nothing", document.name()))
        .label("`compensating` is empty");
    Some(missing.help("list what makes up for it, or write `category: waiver`"))
}

/// It begins before it ends.
fn order(document: &Exception) -> Option<Diagnostic> {
    let spec = &document.spec;
    let granted = spec.granted.as_ref().filter(|granted| granted.value > spec.expires.value)?;
    let turned =
        code::EXCEPTION_INVALID.at(spec.expires.span, format!("exception `{}` ends before it begins", document.name()));
    Some(turned.label("the last day").and(granted.span, "the first"))
}

/// Where nobody says who approves, only who mandates waives.
fn unasked(document: &Exception, holder: &NodePath, nobody: bool) -> Option<Diagnostic> {
    if !nobody || document.node.contains(holder) {
        return None;
    }
    let waives = &document.spec.waives;
    let nobody = code::EXCEPTION_INVALID
        .at(name(document), format!("nobody says who may approve an exception to `{}`", waives.value));
    Some(
        nobody.label("written below the mandate it waives").and(waives.span, "the mandate").help(
            "let the node that mandates name them in `mandates.exceptions.approvers`, or write the exception itself",
        ),
    )
}

/// Enough different persons approved who may: terms that name approvers count those, others whoever the line names.
fn approvals(
    world: &World<'_>,
    document: &Exception,
    terms: &Spanned<ExceptionTerms>,
    of_the_line: &[&Spanned<Owner>],
) -> Option<Diagnostic> {
    let (asked, terms) = (terms.span, &terms.value);
    let own: Vec<_> = terms.approvers.iter().collect();
    let approvers = if own.is_empty() { of_the_line } else { &own };
    let needed = terms.approvals.as_ref().map_or(1, |count| count.value.0);
    let approvals = document.spec.approvals.iter().map(|approval| &approval.by.value);
    let able = approvals.filter(|person| may_approve(world, approvers, person));
    // An address is one person, however it is written.
    let valid = able.map(|person| person.to_string().to_lowercase()).collect::<BTreeSet<_>>().len();
    if valid >= needed as usize {
        return None;
    }
    let who = approvers.iter().map(|owner| format!("`{}`", owner.value)).collect::<Vec<_>>().join(", ");
    let of = if who.is_empty() { String::new() } else { format!(" of {who}") };
    let few = code::EXCEPTION_INVALID
        .at(name(document), format!("exception `{}` has {valid} of {needed} approvals", document.name()));
    Some(few.label("not approved").and(asked, "asked for here").help(format!("each must be another person{of}")))
}

/// It lasts no longer than it may.
fn days(document: &Exception, terms: &Spanned<ExceptionTerms>) -> Option<Diagnostic> {
    let limit = terms.value.max_days.as_ref()?;
    let expires = &document.spec.expires;
    let Some(granted) = &document.spec.granted else {
        let undated = code::EXCEPTION_INVALID
            .at(name(document), format!("exception `{}` does not say when it was granted", document.name()));
        let undated = undated.label("`granted` is missing").and(limit.span, "its days are limited here");
        return Some(undated.help("add `granted`, the day it was approved"));
    };
    let days = granted.value.days_until(expires.value);
    if days <= i64::from(limit.value.0) {
        return None;
    }
    let long = code::EXCEPTION_INVALID.at(expires.span, format!("exception `{}` lasts {days} days", document.name()));
    let long = long.label("the last day").and(limit.span, format!("at most {} days", limit.value.0));
    Some(long.help("end it earlier and have it approved again if it is still needed"))
}

fn name(document: &Exception) -> Span {
    document.metadata.name.span
}

/// Tells whether a person is one of the approvers, by address or as a member of a team. Where nobody is, the node that
/// mandates writes the exception itself and whoever it counts will do.
fn may_approve(world: &World<'_>, approvers: &[&Spanned<Owner>], person: &Owner) -> bool {
    let Owner::Person(address) = person else { return false };
    let teams = world.parsed.policy.organizations.iter().map(|organization| &organization.spec.teams);
    let member = |team: &str| {
        teams
            .clone()
            .filter_map(|teams| teams.get(team))
            .any(|members| members.iter().any(|member| member.eq_ignore_ascii_case(address)))
    };
    approvers.is_empty()
        || approvers.iter().any(|approver| match &approver.value {
            Owner::Person(known) => known.eq_ignore_ascii_case(address),
            Owner::Team(team) => member(team),
        })
}
