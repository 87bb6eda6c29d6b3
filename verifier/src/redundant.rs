//! `verify/redundant-statement`: grants and denies of a policy tree without which exactly the same requests are admitted.
//!
//! In: [`Resolved`]. Out: diagnostics: each statement that decides nothing at any workload, with those that decide in its stead.
//! All that are reported can go together. Mandates and defaults are never judged: they are written for what is yet to come.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::diagnostics::codes::verify as code;
use ringfence_compiler::resolve::access::{Access, Grant, GrantKind};
use ringfence_compiler::resolve::statements::Origin;
use ringfence_compiler::resolve::units::MESH_PORTS;
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
    let meant: Vec<_> = resolved.units.par_iter().flat_map_iter(places).collect();
    let sites: Vec<_> = meant.iter().map(|(chain, arrivals)| (chain, arrivals)).collect();
    let written = Written::of(resolved);
    // What takes too long to compare may decide something, and nothing is said of it.
    for idle in find(&sites, |what, gone| written.may_go(what, gone)).idle {
        written.report(&idle, diagnostics);
    }
}

/// Returns what is meant at each port of a unit, and what can arrive there.
fn places<'a>(governed: &'a Governed<'_>) -> Vec<(Chain<&'a Origin>, Arrivals)> {
    let unit = &governed.unit;
    let named = ports(governed);
    let another = (1..).find(|port| !named.contains(port));
    // Trust domains are told apart even where they count as the same: NetworkPolicy knows the pods of one of them.
    let domains = ["cluster.local".to_owned()];
    let mut places = Vec::new();
    for port in named.iter().copied().chain(another) {
        for reads in Reads::of(unit.ports.get(&port).and_then(|facts| facts.protocol)) {
            let meant = Meant::at(governed, port, *reads, &domains);
            let mut arrivals = meant.arrivals;
            if unit.data_plane != Some(DataPlane::Sidecar) || MESH_PORTS.contains(&port) {
                // Whoever enforces it there tells callers apart by more than their certificates.
                (arrivals.plaintext, arrivals.mtls) = (true, true);
            }
            places.push((meant.chain, arrivals));
        }
    }
    places
}

/// The statements that may be judged.
#[derive(Default)]
struct Written<'a> {
    grants: BTreeSet<&'a Origin>,
    denies: BTreeSet<&'a Origin>,
    /// Those of each unit that keep a default from holding.
    keep_default_away: Vec<&'a BTreeSet<Origin>>,
    /// Those at units where another one admits by an exception, which ends, or by addresses, which pods have in the eyes of some
    /// network plugins and not of others: what that covers is not surely covered.
    beside_others: BTreeSet<&'a Origin>,
}

impl<'a> Written<'a> {
    fn of(resolved: &'a Resolved<'_>) -> Self {
        let mut all = Self::default();
        for Access { grants, denies, keep_default_away, .. } in resolved.units.iter().map(|governed| &governed.access) {
            let written = |one: &&Grant| one.kind == GrantKind::Written && !one.on_trial;
            all.grants.extend(grants.iter().filter(written).map(|one| &one.origin));
            all.denies.extend(denies.iter().filter(written).map(|one| &one.origin));
            if !keep_default_away.is_empty() {
                all.keep_default_away.push(keep_default_away);
            }
            let by_address = |one: &Grant| one.set.clauses().iter().any(|clause| !clause.addresses.is_any());
            let by_name = |one: &&Grant| one.set.clauses().iter().any(|clause| clause.addresses.is_any());
            if grants.iter().any(|one| !one.exceptions.is_empty() || by_address(one)) {
                let callers = grants.iter().filter(|one| !one.exceptions.is_empty() || by_name(one));
                all.beside_others.extend(callers.chain(denies).map(|one| &one.origin));
            }
        }
        all
    }

    /// Tells whether a statement may go where others have gone: one that says who comes in must stay where a default would else.
    fn may_go(&self, what: &Origin, gone: &BTreeSet<&Origin>) -> bool {
        let stays = |origin: &Origin| origin != what && !gone.contains(origin);
        let keeping = &mut self.keep_default_away.iter();
        (self.grants.contains(what) || self.denies.contains(what))
            && !self.beside_others.contains(what)
            && keeping.all(|keeping| !keeping.contains(what) || keeping.iter().any(stays))
    }

    fn report(&self, idle: &Idle<&Origin>, diagnostics: &mut Diagnostics) {
        let (message, label) = match idle.because {
            // `resolve/eaten-grant` has said so.
            Because::Denied if idle.instead.iter().all(|by| self.denies.contains(by)) => return,
            Because::Denied => ("all that this grant admits is refused", "nothing is admitted by it"),
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
            let words = match idle.because {
                Because::Unadmitted => "all that this admits is something else",
                _ if self.grants.contains(origin) => "admitted by this",
                Because::Denied | Because::Refused => "refused by this",
                _ if self.denies.contains(origin) => "refused by this",
                _ => "decided by this",
            };
            found = found.and(*span, words);
        }
        let more = others.len().saturating_sub(SHOWN);
        let more = match idle.because {
            Because::Unadmitted => String::new(),
            _ if more == 0 => String::new(),
            _ => format!("; {} {} with those shown", counted(more), if more == 1 { "decides" } else { "decide" }),
        };
        diagnostics.report(found.help(format!("it can go: nothing changes without it at any workload{more}")));
    }
}

/// How many of the statements that decide instead are shown.
const SHOWN: usize = 3;

fn counted(more: usize) -> String {
    if more == 1 { "1 more statement".to_owned() } else { format!("{more} more statements") }
}
