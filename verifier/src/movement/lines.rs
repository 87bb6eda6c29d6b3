//! What may be edited: the statements that let callers through, each with whom it alone lets through.
//!
//! In: a port and who reaches it. Out: [`Line`]s with the callers that each admits: statements of policy where there is a policy tree,
//! rules of AuthorizationPolicies elsewhere. What no line admits, such as what no policy is about, no edit of one takes away.

use std::collections::BTreeMap;
use std::ops::Range;

use ringfence_compiler::resolve::Governed;
use ringfence_compiler::source::Span;

use crate::engine::chain;
use crate::fleet::{Destination, Fleet};
use crate::intervals::Intervals;
use crate::request::Identity;
use crate::residual::residual;

/// Something written that an edit can take away.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    /// Where it was written.
    pub span: Span,
    /// What it is called.
    pub name: String,
}

/// Who is admitted to a port by which line.
#[derive(Debug)]
pub(super) struct Admitted<'f, 'm> {
    fleet: &'f Fleet<'m>,
    /// Callers that share an identity lie side by side.
    groups: Vec<(Option<Identity>, Range<u32>)>,
}

impl<'f, 'm> Admitted<'f, 'm> {
    /// Looks at who calls.
    pub fn of(fleet: &'f Fleet<'m>) -> Self {
        let mut groups: Vec<(Option<Identity>, Range<u32>)> = Vec::new();
        for (position, calling) in (0..).zip(fleet.callers()) {
            let home = calling.cluster.and_then(|cluster| fleet.models().get(cluster).copied());
            let identity = home.and_then(|home| calling.caller.identity(home));
            match groups.last_mut() {
                Some((last, range)) if *last == identity => range.end = position + 1,
                _ => groups.push((identity, position..position + 1)),
            }
        }
        Self { fleet, groups }
    }

    /// Returns the callers that each line admits to a port; `governed` is what policy means there.
    pub fn by(&self, to: &Destination<'_>, governed: Option<&Governed<'_>>) -> BTreeMap<Line, Intervals> {
        match governed {
            Some(governed) => self.by_statements(to, governed),
            None => self.by_rules(to),
        }
    }

    fn by_statements(&self, to: &Destination<'_>, governed: &Governed<'_>) -> BTreeMap<Line, Intervals> {
        let mut lines: BTreeMap<Line, Vec<Range<u32>>> = BTreeMap::new();
        for grant in governed.access.grants.iter().filter(|grant| !grant.on_trial) {
            let line = Line { span: grant.origin.span, name: grant.origin.id.clone() };
            for clause in grant.set.clauses().iter().filter(|clause| clause.ports.met_by(|port| *port == to.port)) {
                let admits = |identity: &Option<Identity>| {
                    clause.identities.is_any()
                        || identity.as_ref().is_some_and(|it| clause.identities.met_by(|pattern| pattern.matches(it)))
                };
                let ranges =
                    self.groups.iter().filter(|(identity, _)| admits(identity)).map(|(_, range)| range.clone());
                lines.entry(line.clone()).or_default().extend(ranges);
            }
        }
        lines.into_iter().map(|(line, ranges)| (line, Intervals::of(ranges))).collect()
    }

    fn by_rules(&self, to: &Destination<'_>) -> BTreeMap<Line, Intervals> {
        let Some(model) = self.fleet.models().get(to.cluster) else { return BTreeMap::new() };
        let root = model.cluster().root_namespace();
        let selected = model.policies().authorizing(&to.workload.namespace, &to.workload.labels, root);
        let mut lines: BTreeMap<Line, Vec<Range<u32>>> = BTreeMap::new();
        for reads in to.readings {
            let chain = chain(&selected, *reads, model.mesh());
            for (identity, range) in &self.groups {
                let uri = identity.as_ref().map(|identity| format!("spiffe://{identity}"));
                let left = residual(&chain, to.port, &|glob| uri.as_ref().is_some_and(|uri| glob.matches(uri)));
                for rule in left.allow.iter().flatten().map(|rule| rule.origin) {
                    let policy = selected.iter().find(|it| it.namespace == rule.namespace && it.name == rule.name);
                    let Some(policy) = policy else { continue };
                    let span = policy.rules.get(rule.rule).map_or(policy.span, |rule| rule.span);
                    let name =
                        format!("rule {} of AuthorizationPolicy {}/{}", rule.rule + 1, rule.namespace, rule.name);
                    lines.entry(Line { span, name }).or_default().push(range.clone());
                }
            }
        }
        lines.into_iter().map(|(line, ranges)| (line, Intervals::of(ranges))).collect()
    }
}
