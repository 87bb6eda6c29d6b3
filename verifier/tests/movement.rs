//! Lateral movement: what the graph says is what a plain walk over all pairs says.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers of a test fail like the test"
)]

use std::collections::{BTreeMap, BTreeSet};

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::document::Policy;
use ringfence_compiler::source::{SourceFile, Sources};
use ringfence_compiler::spec::reference::NodePath;
use ringfence_compiler::yaml::{self, Profile};
use ringfence_verifier::fleet::Fleet;
use ringfence_verifier::model::{Model, Objects};
use ringfence_verifier::movement::cut::Uncut;
use ringfence_verifier::movement::edge::{Class, Edge, Kind};
use ringfence_verifier::movement::exposure::Backward;
use ringfence_verifier::movement::graph::Graph;
use ringfence_verifier::movement::mesh;
use ringfence_verifier::movement::radius::Radii;
use ringfence_verifier::movement::spread::{Allowed, Spread};
use ringfence_verifier::movement::vertex::Vertex;
use ringfence_verifier::reach::{Caller, Reach};

/// Makes a mesh of workloads `w0`, `w1`…, each with port 8080, in which `calls` are all that is allowed, and asks of its graph.
fn asked<T>(count: usize, calls: &[(usize, usize)], edges: Vec<Edge>, ask: impl Fn(&Graph<'_>) -> T) -> T {
    let mut text =
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: a, labels: {istio-injection: enabled}}\n".to_owned();
    text += "---\napiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: default, namespace: istio-system}\nspec: {mtls: {mode: STRICT}}\n";
    for at in 0..count {
        text += &format!(
            "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: w{at}, namespace: a}}\nspec: {{template: {{metadata: {{labels: {{app: w{at}}}}}, spec: {{serviceAccountName: w{at}, containers: [{{name: main, ports: [{{containerPort: 8080}}]}}]}}}}}}\n"
        );
        let from: Vec<String> = calls
            .iter()
            .filter(|(_, to)| *to == at)
            .map(|(from, _)| format!("cluster.local/ns/a/sa/w{from}"))
            .collect();
        let rules = if from.is_empty() {
            String::new()
        } else {
            format!("rules: [{{from: [{{source: {{principals: {from:?}}}}}]}}]")
        };
        text += &format!(
            "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {{name: w{at}, namespace: a}}\nspec: {{selector: {{matchLabels: {{app: w{at}}}}}, action: ALLOW, {rules}}}\n"
        );
    }
    let (mut sources, mut said) = (Sources::new(), Diagnostics::new());
    let facts = "apiVersion: ringfence/v1alpha1\nkind: Cluster\nmetadata: {name: mesh}\nspec: {}\n";
    let file = sources.add(SourceFile::new("facts", facts.as_bytes().to_vec()));
    let facts = yaml::read(&sources, file, Profile::Policy, &mut said);
    let mut policy = Policy::default();
    policy.add(&NodePath::root(), &facts[0].root, &mut said).unwrap();
    let file = sources.add(SourceFile::new("mesh.yaml", text.into_bytes()));
    let roots = yaml::read(&sources, file, Profile::Manifest, &mut said).into_iter().map(|document| document.root);
    let objects = Objects::read(roots, &mut said);
    assert!(!said.has_errors(), "{:?}", said.sorted(&sources));
    let facts = policy.clusters.remove(0);
    let models = [Model::of(&facts, &objects)];
    let fleet = Fleet::of(&models);
    let all = mesh::edges(&fleet).into_iter().chain(edges).collect();
    ask(&Graph::with_lines(&fleet, all, |_| None))
}

fn workload(at: usize) -> Vertex {
    Vertex::Workload { cluster: 0, workload: at }
}

fn number(vertex: &Vertex) -> Option<usize> {
    match vertex {
        Vertex::Workload { workload, .. } => Some(*workload),
        _ => None,
    }
}

const CALLS: Allowed = Allowed { class: Class::Network, may: false };

/// Returns pairs of so many, drawn by a number.
fn drawn(count: usize, mut seed: u64) -> Vec<(usize, usize)> {
    let mut next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap()
    };
    let pairs = (0..count * 3 / 2).map(|_| (next() % count, next() % count)).filter(|(from, to)| from != to);
    pairs.collect::<BTreeSet<_>>().into_iter().collect()
}

#[test]
fn calls_spread_as_a_walk_over_all_pairs_does() {
    for seed in 0..20 {
        let calls = drawn(9, seed);
        asked(9, &calls, Vec::new(), |graph| {
            for start in 0..9 {
                let mut costs = BTreeMap::from([(start, 0)]);
                let mut next = vec![start];
                while let Some(at) = next.pop() {
                    let sum = costs[&at] + Kind::Reaches.cost();
                    for (_, to) in calls.iter().filter(|(from, _)| *from == at) {
                        if costs.get(to).is_none_or(|known| sum < *known) {
                            costs.insert(*to, sum);
                            next.push(*to);
                        }
                    }
                }
                let spread = Spread::of(graph, &[workload(start)], CALLS);
                let found: BTreeMap<usize, u32> =
                    spread.reached(graph).filter_map(|(vertex, cost)| Some((number(vertex)?, cost))).collect();
                assert_eq!(found, costs, "seed {seed} from w{start}: {calls:?}");
            }
        });
    }
}

/// Lists every way without a loop, with its cost, the cheapest first.
fn ways(calls: &[(usize, usize)], from: usize, to: usize, walked: &[usize], found: &mut Vec<Vec<usize>>) {
    if from == to {
        found.push([walked, &[to]].concat());
        return;
    }
    for (_, next) in calls.iter().filter(|(at, next)| *at == from && !walked.contains(next) && *next != from) {
        ways(calls, *next, to, &[walked, &[from]].concat(), found);
    }
}

#[test]
fn paths_are_the_cheapest_and_choke_points_lie_on_all_of_them() {
    for seed in 0..20 {
        let calls = drawn(8, seed);
        asked(8, &calls, Vec::new(), |graph| {
            for (from, to) in (0..8).flat_map(|from| (0..8).map(move |to| (from, to))).filter(|(from, to)| from != to) {
                let mut all = Vec::new();
                ways(&calls, from, to, &[], &mut all);
                all.sort_by_key(|way| (way.len(), way.clone()));
                let found: Vec<Vec<usize>> = graph
                    .paths(&[workload(from)], &[workload(to)], CALLS, 100)
                    .iter()
                    .map(|path| {
                        std::iter::once(from).chain(path.steps.iter().filter_map(|step| number(step.to))).collect()
                    })
                    .collect();
                let lengths = |ways: &[Vec<usize>]| ways.iter().map(Vec::len).collect::<Vec<_>>();
                assert!(lengths(&found).is_sorted(), "seed {seed}: {found:?}");
                let (set, whole): (BTreeSet<_>, BTreeSet<_>) = (found.iter().collect(), all.iter().collect());
                assert!(set.is_subset(&whole) && set.len() == found.len(), "seed {seed}: {found:?} of {all:?}");
                assert_eq!(found.first().map(Vec::len), all.first().map(Vec::len), "seed {seed} w{from} to w{to}");
                // A way to begin at the end, or to call oneself, is none.
                let on_all: BTreeSet<usize> = (0..8)
                    .filter(|it| ![from, to].contains(it) && !all.is_empty() && all.iter().all(|way| way.contains(it)))
                    .collect();
                let chokes = graph.choke_points(&[workload(from)], &[workload(to)], CALLS);
                let chokes: BTreeSet<usize> = chokes.into_iter().filter_map(number).collect();
                assert_eq!(chokes, on_all, "seed {seed} w{from} to w{to}: {all:?}");
            }
        });
    }
}

#[test]
fn what_is_harder_or_uncertain_is_taken_only_where_it_is_allowed() {
    let edge = |from: usize, to: usize, kind, may| Edge {
        from: workload(from),
        to: workload(to),
        kind,
        may,
        places: Vec::new(),
    };
    let edges =
        vec![edge(0, 1, Kind::BreaksOut, false), edge(1, 2, Kind::RunsIn, false), edge(2, 3, Kind::Reaches, true)];
    asked(4, &[], edges, |graph| {
        let reached = |allowed| {
            let spread = Spread::of(graph, &[workload(0)], allowed);
            spread.reached(graph).filter_map(|(vertex, _)| number(vertex)).collect::<Vec<_>>()
        };
        for (class, may, expected) in [
            (Class::Network, true, vec![0]),
            (Class::Identity, true, vec![0]),
            (Class::Exploit, false, vec![0, 1, 2]),
            (Class::Exploit, true, vec![0, 1, 2, 3]),
        ] {
            assert_eq!(reached(Allowed { class, may }), expected, "{class:?} {may}");
        }
    });
}

#[test]
fn every_open_pair_is_an_arc_and_no_other_is() {
    let calls = drawn(12, 7);
    asked(12, &calls, Vec::new(), |graph| {
        let fleet = graph.fleet();
        for to in fleet.destinations() {
            let reaching = fleet.reaching(&to);
            for (position, calling) in (0..).zip(fleet.callers()) {
                let Caller::Workload(from) = calling.caller else { continue };
                let all = &fleet.models()[0].cluster().inventory.workloads;
                let at = |it| all.iter().position(|other| std::ptr::eq(other, it)).unwrap();
                let (from, to_at) = (at(from), at(to.workload));
                let direct = graph.paths(&[workload(from)], &[workload(to_at)], CALLS, 1);
                let one_step = direct.first().is_some_and(|path| path.steps.len() == 1);
                assert_eq!(one_step, from != to_at && reaching.of(position) == Reach::Allowed, "w{from} to w{to_at}");
            }
        }
    });
}

#[test]
fn the_smallest_cut_cuts_and_no_smaller_one_does() {
    for seed in 0..12 {
        let calls = drawn(7, seed);
        for (from, to) in [(0, 6), (1, 5), (2, 3)] {
            // Each workload has one rule, which is one line: without it nobody calls the workload.
            let left = |gone: &BTreeSet<usize>| -> Vec<(usize, usize)> {
                calls.iter().copied().filter(|(_, to)| !gone.contains(to)).collect()
            };
            let is_open = |gone: &BTreeSet<usize>| {
                let mut found = Vec::new();
                ways(&left(gone), from, to, &[], &mut found);
                !found.is_empty()
            };
            let fewest = (0..128_usize)
                .map(|bits| (0..7).filter(|bit| bits >> bit & 1 == 1).collect::<BTreeSet<usize>>())
                .filter(|gone| !is_open(gone))
                .map(|gone| gone.len())
                .min()
                .unwrap();
            let gone = asked(7, &calls, Vec::new(), |graph| {
                match graph.smallest_cut(&[workload(from)], &[workload(to)], CALLS) {
                    Err(Uncut::NoWay) => BTreeSet::new(),
                    Err(other) => panic!("{other:?}"),
                    Ok(cut) => {
                        let named =
                            cut.lines.iter().map(|(line, _)| line.name.rsplit_once("/w").unwrap().1.parse().unwrap());
                        let gone: BTreeSet<usize> = named.collect();
                        let broken = calls.iter().filter(|(_, to)| gone.contains(to)).count();
                        assert_eq!((cut.broken, cut.lines.len()), (broken, gone.len()), "{calls:?}");
                        gone
                    }
                }
            });
            assert_eq!(gone.len(), fewest, "seed {seed} w{from} to w{to}: {calls:?} without {gone:?}");
            // Running again without those lines shows that no way is left.
            asked(7, &left(&gone), Vec::new(), |graph| {
                assert!(
                    graph.paths(&[workload(from)], &[workload(to)], CALLS, 1).is_empty(),
                    "{calls:?} without {gone:?}"
                );
            });
        }
    }
}

/// Whoever is in both sets is judged by itself: there is a way from one set to another where one leads from a member to another member.
#[test]
fn sets_that_share_somebody_are_asked_about_pair_by_pair() {
    for seed in 0..8 {
        let calls = drawn(6, seed);
        for (froms, tos) in (1..64_usize).flat_map(|froms| [froms, 63, 5, 48].map(|tos| (froms, tos))) {
            let members = |bits: usize| (0..6).filter(|at| bits >> at & 1 == 1).collect::<Vec<usize>>();
            let set = |bits: usize| members(bits).into_iter().map(workload).collect::<Vec<Vertex>>();
            let pairs =
                || members(froms).into_iter().flat_map(|from| members(tos).into_iter().map(move |to| (from, to)));
            let gone = asked(6, &calls, Vec::new(), |graph| {
                let one = |(from, to): (usize, usize)| {
                    let found = graph.paths(&[workload(from)], &[workload(to)], CALLS, 1);
                    found.first().map(|path| (path.cost, path.steps.len()))
                };
                let each: Vec<(u32, usize)> = pairs().filter(|(from, to)| from != to).filter_map(one).collect();
                let paths = graph.paths(&set(froms), &set(tos), CALLS, 3);
                let asking = format!("seed {seed}: {calls:?} from {froms:b} to {tos:b}");
                assert_eq!(paths.first().map(|path| path.cost), each.iter().map(|one| one.0).min(), "{asking}");
                let shortest = graph.shortest(&set(froms), &set(tos), CALLS, &[]);
                assert_eq!(shortest.map(|path| path.steps.len()), each.iter().map(|one| one.1).min(), "{asking}");
                let taken: Vec<usize> = graph.taken_from(&set(froms), CALLS).into_keys().filter_map(number).collect();
                let is_taken =
                    |to: &usize| members(froms).into_iter().any(|from| from != *to && one((from, *to)).is_some());
                assert_eq!(taken, (0..6).filter(is_taken).collect::<Vec<usize>>(), "{asking}");
                match graph.smallest_cut(&set(froms), &set(tos), CALLS) {
                    Err(Uncut::NoWay) => BTreeSet::new(),
                    Err(other) => panic!("{other:?}"),
                    Ok(cut) => {
                        let to = |name: &str| name.rsplit_once("/w").unwrap().1.parse().unwrap();
                        cut.lines.iter().map(|(line, _)| to(&line.name)).collect::<BTreeSet<usize>>()
                    }
                }
            });
            let left: Vec<(usize, usize)> = calls.iter().copied().filter(|(_, to)| !gone.contains(to)).collect();
            let is_open = |(from, to): &(usize, usize)| {
                let mut found = Vec::new();
                ways(&left, *from, *to, &[], &mut found);
                from != to && !found.is_empty()
            };
            assert_eq!(pairs().find(is_open), None, "seed {seed}: {calls:?} without {gone:?}");
        }
    }
}

#[test]
fn every_blast_radius_is_what_a_walk_from_each_finds() {
    for seed in 0..40 {
        let calls = drawn(11, seed);
        asked(11, &calls, Vec::new(), |graph| {
            for level in Allowed::LEVELS {
                let radii = Radii::of(graph, level);
                for start in 0..11 {
                    let own = workload(start);
                    let reached = Spread::of(graph, std::slice::from_ref(&own), level);
                    let others =
                        reached.reached(graph).filter_map(|(vertex, _)| number(vertex)).filter(|at| *at != start);
                    assert_eq!(radii.get(graph, &own) as usize, others.count(), "seed {seed}, w{start}, {level:?}");
                }
            }
        });
    }
}

#[test]
fn exposure_counts_whoever_gets_there() {
    for seed in 0..20 {
        let calls = drawn(9, seed);
        asked(9, &calls, Vec::new(), |graph| {
            let backward = Backward::of(graph);
            for goal in 0..9 {
                let exposure = graph.exposure(&backward, &workload(goal)).unwrap();
                let mut so_far = 0;
                for level in Allowed::LEVELS {
                    so_far += exposure.from_workloads.get(&level).copied().unwrap_or(0);
                    let tried = Allowed::LEVELS.iter().take_while(|other| **other != level).chain([&level]);
                    let tried: Vec<&Allowed> = tried.collect();
                    let gets_there = |start: &usize| {
                        let spread = |level: &Allowed| Spread::of(graph, &[workload(*start)], *level);
                        tried.iter().any(|level| spread(level).cost(graph, &workload(goal)).is_some())
                    };
                    let expected = (0..9).filter(|start| *start != goal).filter(gets_there).count();
                    assert_eq!(so_far, expected, "seed {seed}, w{goal}, {level:?}");
                }
            }
        });
    }
}

#[test]
fn no_other_lines_do_more_within_a_budget() {
    for seed in 0..30 {
        let calls = drawn(7, seed);
        asked(7, &calls, Vec::new(), |graph| {
            let (from, to) = ([workload(0)], [workload(6)]);
            let Ok(best) = graph.best_within(&from, &to, CALLS, 1) else { return };
            let cost = |gone: Option<usize>| {
                let left: Vec<(usize, usize)> = calls.iter().copied().filter(|(_, to)| Some(*to) != gone).collect();
                let mut found = Vec::new();
                ways(&left, 0, 6, &[], &mut found);
                found
                    .iter()
                    .map(|way| way.len() - 1)
                    .min()
                    .map(|steps| u32::try_from(steps).unwrap() * Kind::Reaches.cost())
            };
            // Each workload has one rule, which is one line.
            let most = (0..7).map(|gone| cost(Some(gone)).unwrap_or(u32::MAX)).max().unwrap();
            assert_eq!(best.after.unwrap_or(u32::MAX), most, "seed {seed}: {calls:?}");
            assert_eq!(Some(best.before), cost(None));
        });
    }
}
