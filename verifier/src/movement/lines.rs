//! What may be edited: the statements that let callers through, each with whom it alone lets through.
//!
//! In: a port and who reaches it. Out: [`Line`]s with the callers that each admits: statements of policy where there is a policy tree,
//! rules of AuthorizationPolicies elsewhere. What no line admits, such as what no policy is about, no edit of one takes away.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};

use ringfence_compiler::resolve::Governed;
use ringfence_compiler::source::Span;

use crate::engine::{Enforced, Leaf, chain};
use crate::fleet::{Destination, Fleet};
use crate::glob::Glob;
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
    /// The groups of each identity, by its name.
    by_uri: BTreeMap<String, Arc<Vec<usize>>>,
    /// Those that patterns match, which are asked for once at each port.
    seen: RwLock<BTreeMap<Glob, Arc<Vec<usize>>>>,
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
        let mut by_uri: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (at, (identity, _)) in groups.iter().enumerate() {
            if let Some(identity) = identity {
                by_uri.entry(format!("spiffe://{identity}")).or_default().push(at);
            }
        }
        let by_uri = by_uri.into_iter().map(|(uri, groups)| (uri, Arc::new(groups))).collect();
        Self { fleet, groups, by_uri, seen: RwLock::default() }
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
            let peers = chain.rules().flat_map(Enforced::tests).flat_map(|test| &test.leaves);
            let peers = peers.filter_map(|leaf| if let Leaf::Peer(glob) = leaf { Some(glob) } else { None });
            // Of whom the same is asked who matches the same, and of most callers nothing matches.
            let mut matched: BTreeMap<usize, Vec<&Glob>> = BTreeMap::new();
            for glob in peers.collect::<BTreeSet<&Glob>>() {
                self.matching(glob).iter().for_each(|group| matched.entry(*group).or_default().push(glob));
            }
            let mut alike: BTreeMap<Vec<&Glob>, Vec<Range<u32>>> = BTreeMap::new();
            for (group, globs) in matched {
                alike.entry(globs).or_default().extend(self.groups.get(group).map(|(_, range)| range.clone()));
            }
            let named = Intervals::of(alike.values().flatten().cloned().collect());
            let end = self.groups.last().map_or(0, |(_, range)| range.end);
            alike
                .insert(Vec::new(), Intervals::of(std::iter::once(0..end).collect()).without(&named).ranges().to_vec());
            for (globs, ranges) in alike {
                let left = residual(&chain, to.port, &|glob| globs.contains(&glob));
                for rule in left.allow.iter().flatten().map(|rule| rule.origin) {
                    let policy = selected.iter().find(|it| it.namespace == rule.namespace && it.name == rule.name);
                    let Some(policy) = policy else { continue };
                    let span = policy.rules.get(rule.rule).map_or(policy.span, |rule| rule.span);
                    let name =
                        format!("rule {} of AuthorizationPolicy {}/{}", rule.rule + 1, rule.namespace, rule.name);
                    lines.entry(Line { span, name }).or_default().extend(ranges.iter().cloned());
                }
            }
        }
        lines.into_iter().map(|(line, ranges)| (line, Intervals::of(ranges))).collect()
    }

    /// Returns the groups whose identity a pattern matches. One name is looked up; what else there is is asked of all once.
    fn matching(&self, glob: &Glob) -> Arc<Vec<usize>> {
        if let Some(uri) = glob.only() {
            return self.by_uri.get(uri).cloned().unwrap_or_default();
        }
        // A panic elsewhere leaves what was found as good as it was.
        if let Some(known) = self.seen.read().unwrap_or_else(PoisonError::into_inner).get(glob) {
            return Arc::clone(known);
        }
        let matches = self.by_uri.iter().filter(|(uri, _)| glob.matches(uri));
        let mut groups: Vec<usize> = matches.flat_map(|(_, groups)| groups.iter().copied()).collect();
        groups.sort_unstable();
        let groups = Arc::new(groups);
        self.seen.write().unwrap_or_else(PoisonError::into_inner).insert(glob.clone(), Arc::clone(&groups));
        groups
    }
}
