//! What [`Difference`] says of two meshes nobody thought of, against both of them asked one by one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

mod support;

use std::collections::BTreeMap;

use proptest::prelude::*;
use ringfence_verifier::difference::{Difference, Presence, supposed};
use ringfence_verifier::fleet::{Destination, Fleet};
use ringfence_verifier::matrix::name;
use ringfence_verifier::reach::Reach;
use ringfence_verifier::request::{Identity, Request};
use support::Clusters;
use support::judge::{callers, judge, requests};
use support::worlds::{policies, workloads};

const FACTS: &str = "{trustDomainAliases: [old.example], podCidrs: [10.1.0.0/16]}";

/// What became of each pair of a caller and a port: whether something is gained, and lost, and whether surely.
type Pairs = BTreeMap<(String, String, u16), [Option<bool>; 2]>;

fn pairs(difference: &Difference) -> Pairs {
    let mut pairs = Pairs::new();
    for change in &difference.changes {
        for caller in &change.callers {
            for target in &change.targets {
                let sure = [&change.gained, &change.lost].map(|witness| witness.as_ref().map(|witness| witness.sure));
                let key = (caller.name.clone(), target.workload.clone(), target.port);
                assert!(pairs.insert(key.clone(), sure).is_none(), "{key:?} twice");
            }
        }
    }
    pairs
}

/// Workloads that differ from those of before: an account, and one that is missing.
fn others(account: bool, missing: bool) -> String {
    let mut text = workloads();
    if account {
        text = text.replace("serviceAccountName: db", "serviceAccountName: web");
    }
    if missing {
        let kept = text
            .split("---\n")
            .filter(|document| !document.contains("kind: Deployment\nmetadata: {name: job, namespace: pay}"));
        text = kept.collect::<Vec<_>>().join("---\n");
    }
    text
}

#[test]
fn tokens_that_are_perhaps_taken_are_a_shift_where_they_change() {
    let shifts = |issuers: [&str; 2]| {
        let mesh = |issuer: &str| {
            format!(
                "{}---\napiVersion: security.istio.io/v1\nkind: RequestAuthentication\nmetadata: {{name: t, namespace: shop}}\nspec: {{selector: {{matchLabels: {{pod-template-hash: x}}}}, jwtRules: [{{issuer: '{issuer}', jwksUri: 'https://i/keys'}}]}}\n",
                workloads()
            )
        };
        let [one, other] = issuers.map(|issuer| Clusters::read(&[(FACTS, &mesh(issuer))]));
        let (one, other) = (one.models(), other.models());
        let difference = Difference::between(&Fleet::of(&one), &Fleet::of(&other));
        difference.shifts.len()
    };
    assert_eq!(shifts(["https://i", "https://i"]), 0);
    assert_eq!(shifts(["https://i", "https://j"]), 1);
}

#[test]
fn pods_are_supposed_that_a_changed_policy_of_a_tier_speaks_of() {
    let tier = |labels: &str| {
        format!(
            "{}---\napiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: {{name: t}}\nspec:\n  tier: Admin\n  priority: 1\n  subject: {{namespaces: {{}}}}\n  ingress: [{{action: Deny, from: [{{pods: {{namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: far}}}}, podSelector: {{matchLabels: {labels}}}}}}}]}}]\n",
            workloads()
        )
    };
    let names = |before: &str, after: &str| -> Vec<String> {
        let (one, other) = (Clusters::read(&[(FACTS, before)]), Clusters::read(&[(FACTS, after)]));
        let found = supposed(&one.models(), &other.models()).remove("east").unwrap();
        found.into_iter().map(|stranger| stranger.name).collect()
    };
    let (one, other) = (tier("{app: a}"), tier("{app: b}"));
    assert_eq!(names(&one, &one), ["any pod of other namespaces"]);
    assert_eq!(
        names(&one, &other),
        [
            "any pod of other namespaces",
            "any other pod of far",
            "any pod of far with app=a",
            "any pod of far with app=b"
        ]
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn nothing_is_different_from_itself_in_another_order(policies in policies()) {
        let one = format!("{}{policies}", workloads());
        // Other names bring the objects into another order.
        let mut renamed = policies.clone();
        for at in 0..6 {
            renamed = renamed.replace(&format!("name: p{at},"), &format!("name: q{},", 9 - at));
        }
        let other = format!("{}{renamed}", workloads());
        let (one, other) = (Clusters::read(&[(FACTS, &one)]), Clusters::read(&[(FACTS, &other)]));
        let (one, other) = (one.models(), other.models());
        let difference = Difference::between(&Fleet::of(&one), &Fleet::of(&other));
        prop_assert!(difference.is_empty(), "{difference:#?}");
    }

    #[test]
    fn a_difference_is_what_both_sides_say_one_by_one(
        before in policies(), after in policies(), common in policies(), account in any::<bool>(), missing in any::<bool>()
    ) {
        let common = common.replace("name: p", "name: c");
        let before = format!("{}{before}---\n{common}", others(false, false));
        let after = format!("{}{after}---\n{common}", others(account, missing));
        let (one, other) = (Clusters::read(&[(FACTS, &before)]), Clusters::read(&[(FACTS, &after)]));
        let (one, other) = (one.models(), other.models());
        let suppose = supposed(&one, &other).remove("east").unwrap();
        let one: Vec<_> = one.into_iter().map(|model| model.supposing(suppose.clone())).collect();
        let other: Vec<_> = other.into_iter().map(|model| model.supposing(suppose.clone())).collect();
        let (one, other) = (Fleet::of(&one), Fleet::of(&other));
        let found = Difference::between(&one, &other);
        let back = Difference::between(&other, &one);
        let said = pairs(&found);
        let reversed: Pairs = pairs(&back).into_iter().map(|(key, [gained, lost])| (key, [lost, gained])).collect();
        prop_assert_eq!(&said, &reversed);

        let (ours, theirs) = (callers(&one), callers(&other));
        let destinations = |fleet: &Fleet<'_>| -> Vec<(String, u16)> {
            fleet.destinations().iter().map(|to| (name(to.workload), to.port)).collect()
        };
        let mut targets = destinations(&one);
        targets.extend(destinations(&other));
        targets.extend(said.keys().map(|(_, workload, port)| (workload.clone(), *port)));
        targets.sort();
        targets.dedup();
        fn at<'m>(fleet: &Fleet<'m>, workload: &str, port: u16) -> Option<Destination<'m>> {
            let found = fleet.models()[0].workloads().find(|one| name(one) == workload)?;
            let readings = fleet.models()[0].readings(found, port);
            Some(Destination { cluster: 0, workload: found, port, readings })
        }
        for (workload, port) in targets {
            let (to_before, to_after) = (at(&one, &workload, port), at(&other, &workload, port));
            let requests = requests(port);
            for caller in ours.keys().chain(theirs.keys().filter(|name| !ours.contains_key(*name))) {
                let (from_before, from_after) = (ours.get(caller), theirs.get(caller));
                // A port that nobody names is left out where those of the same workload that are named say the same.
                let is_said = said.contains_key(&(caller.clone(), workload.clone(), port));
                if port >= 30_000 && !is_said {
                    continue;
                }
                let reach = |fleet: &Fleet<'_>, to: &Option<Destination<'_>>, from: Option<&(u32, Option<Identity>)>| {
                    to.zip(from).map_or(Reach::Denied, |(to, from)| fleet.reaching(&to).of(from.0))
                };
                let reached = [reach(&one, &to_before, from_before), reach(&other, &to_after, from_after)];
                let [gained, lost] = said.get(&(caller.clone(), workload.clone(), port)).copied().unwrap_or_default();
                let place = format!("{caller} to {workload}:{port}: {reached:?}, gained {gained:?}, lost {lost:?}");
                match reached {
                    [Reach::Denied, Reach::Allowed] => prop_assert_eq!((gained, lost), (Some(true), None), "{}", place),
                    [Reach::Allowed, Reach::Denied] => prop_assert_eq!((gained, lost), (None, Some(true)), "{}", place),
                    [Reach::Denied, Reach::Depends] => prop_assert_eq!((gained, lost), (Some(false), None), "{}", place),
                    [Reach::Depends, Reach::Denied] => prop_assert_eq!((gained, lost), (None, Some(false)), "{}", place),
                    [Reach::Denied, Reach::Denied] => prop_assert_eq!((gained, lost), (None, None), "{}", place),
                    [Reach::Depends, Reach::Allowed] => prop_assert!(gained.is_some(), "{}", place),
                    [Reach::Allowed, Reach::Depends] => prop_assert!(lost.is_some(), "{}", place),
                    _ => {}
                }
                let nothing = [false, false];
                for request in &requests {
                    let was = to_before.zip(from_before).map_or(nothing, |(to, from)| judge(&one, &to, from, request));
                    let is = to_after.zip(from_after).map_or(nothing, |(to, from)| judge(&other, &to, from, request));
                    let [[was_sure, was_perhaps], [is_sure, is_perhaps]] = [was, is];
                    let more = is_sure && !was_sure || is_perhaps && !was_perhaps;
                    let less = was_sure && !is_sure || was_perhaps && !is_perhaps;
                    if is_sure && !was_perhaps {
                        prop_assert_eq!(gained, Some(true), "{}: {}", place, request);
                    }
                    if was_sure && !is_perhaps {
                        prop_assert_eq!(lost, Some(true), "{}: {}", place, request);
                    }
                    prop_assert!(gained.is_some() || !more, "{}: {}", place, request);
                    prop_assert!(lost.is_some() || !less, "{}: {}", place, request);
                }
            }
        }

        // Each witness is what it is said to be, of the first caller at the first port.
        for change in &found.changes {
            let (caller, target) = (&change.callers[0], &change.targets[0]);
            prop_assert!(target.presence != Presence::Kept || caller.presence != Presence::Kept || change.gained.is_some() || change.lost.is_some());
            let judged = |request: &Request| {
                let was = at(&one, &target.workload, target.port).zip(ours.get(&caller.name));
                let is = at(&other, &target.workload, target.port).zip(theirs.get(&caller.name));
                let was = was.map_or([false, false], |(to, from)| judge(&one, &to, from, request));
                [was, is.map_or([false, false], |(to, from)| judge(&other, &to, from, request))]
            };
            for (witness, is_gain) in [(&change.gained, true), (&change.lost, false)] {
                let Some(witness) = witness else { continue };
                let [was, is] = judged(&witness.request);
                let ([more_sure, more], [less_sure, less]) = if is_gain { (is, was) } else { (was, is) };
                if witness.sure {
                    prop_assert!(more_sure && !less, "{:#?}", change);
                } else {
                    prop_assert!(more_sure && !less_sure || more && !less, "{:#?}", change);
                }
            }
        }
    }
}
