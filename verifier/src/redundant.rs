//! `verify/redundant-statement`: grants and denies of a policy tree without which exactly the same requests are admitted.
//!
//! In: [`Resolved`]. Out: diagnostics: each statement that decides nothing at any workload, with those that decide in its stead.
//! All that are reported can go together. Mandates and defaults are never judged: they are written for what is yet to come.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::diagnostics::codes::verify as code;
use ringfence_compiler::resolve::access::{Grant, GrantKind};
use ringfence_compiler::resolve::statements::Origin;
use ringfence_compiler::resolve::{Governed, Resolved};
use ringfence_compiler::source::Span;
use ringfence_compiler::spec::cluster::DataPlane;

use crate::engine::Chain;
use crate::engine::envoy::Reads;
use crate::exact::Arrivals;
use crate::idle::{Because, Idle, find};
use crate::meant::{Meant, ports};

/// Reports the statements that decide nothing.
pub fn check(resolved: &Resolved<'_>, diagnostics: &mut Diagnostics) {
    let meant: Vec<_> = resolved.units.par_iter().flat_map_iter(|governed| places(resolved, governed)).collect();
    let sites: Vec<_> = meant.iter().map(|(chain, arrivals)| (chain, arrivals)).collect();
    let written = Written::of(resolved);
    // What takes too long to compare may decide something, and nothing is said of it.
    for idle in find(&sites, |what, gone| written.may_go(what, gone)).idle {
        written.report(&idle, diagnostics);
    }
}

/// Returns what is meant at each port of a unit, and what can arrive there.
fn places<'a>(resolved: &Resolved<'_>, governed: &'a Governed<'_>) -> Vec<(Chain<&'a Origin>, Arrivals)> {
    let unit = &governed.unit;
    let domains = resolved.world.clusters.get(unit.cluster).map(|cluster| cluster.trust_domains()).unwrap_or_default();
    let named = ports(governed);
    let another = (1..).find(|port| !named.contains(port));
    let mut places = Vec::new();
    for port in named.iter().copied().chain(another) {
        for reads in Reads::of(unit.ports.get(&port).and_then(|facts| facts.protocol)) {
            let meant = Meant::at(governed, port, *reads, &domains);
            let mut arrivals = meant.arrivals;
            if unit.data_plane != Some(DataPlane::Sidecar) {
                // Whoever enforces it there tells callers apart by more than their certificates.
                (arrivals.plaintext, arrivals.mtls) = (true, true);
            }
            places.push((meant.chain, arrivals));
        }
    }
    places
}

/// The statements that may be judged.
struct Written<'a> {
    /// Whether each of them grants.
    grants: BTreeMap<&'a Origin, bool>,
    /// Those of each unit that keep a default from holding.
    speaking: Vec<&'a BTreeSet<Origin>>,
}

impl<'a> Written<'a> {
    fn of(resolved: &'a Resolved<'_>) -> Self {
        let (mut grants, mut speaking) = (BTreeMap::new(), Vec::new());
        for governed in &resolved.units {
            let access = &governed.access;
            let of = |list: &'a [Grant]| {
                list.iter().filter(|one| one.kind == GrantKind::Written && !one.on_trial).map(|one| &one.origin)
            };
            grants.extend(of(&access.grants).map(|origin| (origin, true)));
            grants.extend(of(&access.denies).map(|origin| (origin, false)));
            speaking.push(&access.speaking);
        }
        speaking.retain(|speaking| !speaking.is_empty());
        Self { grants, speaking }
    }

    /// Tells whether a statement may go where others have gone: one that says who comes in must stay where a default would else.
    fn may_go(&self, what: &Origin, gone: &BTreeSet<&Origin>) -> bool {
        let stays = |origin: &&Origin| *origin != what && !gone.contains(origin);
        self.grants.contains_key(what)
            && self.speaking.iter().all(|speaking| !speaking.contains(what) || speaking.iter().any(|one| stays(&one)))
    }

    fn report(&self, idle: &Idle<&Origin>, diagnostics: &mut Diagnostics) {
        let (message, label) = match idle.because {
            // `resolve/eaten-grant` has said so.
            Because::Denied => return,
            Because::Admitted => ("this grant admits nothing that others do not", "the same is admitted without it"),
            Because::Refused => ("this deny refuses nothing that others do not", "the same is refused without it"),
            Because::Unadmitted => ("this deny refuses what nothing admits", "no grant admits any of it"),
            Because::Nothing => ("this statement is about requests that cannot arrive", "no request is such"),
        };
        let mut found = code::REDUNDANT_STATEMENT.at(idle.what.span, message).label(label);
        let mut others: BTreeMap<Span, &Origin> = BTreeMap::new();
        for other in &idle.instead {
            others.entry(other.span).or_insert(other);
        }
        for (span, origin) in others.iter().take(SHOWN) {
            let words = match (self.grants.get(origin), idle.because) {
                (_, Because::Unadmitted) => "all that this admits is something else",
                (Some(true), _) => "admitted by this",
                (Some(false), _) => "refused by this",
                (None, Because::Refused) => "refused by this",
                (None, _) => "decided by this",
            };
            found = found.and(*span, words);
        }
        let more = others.len().saturating_sub(SHOWN);
        let more = if more == 0 { String::new() } else { format!("; {more} more statements decide with those shown") };
        diagnostics.report(found.help(format!("it can go: nothing changes without it at any workload{more}")));
    }
}

/// How many of the statements that decide instead are shown.
const SHOWN: usize = 3;
