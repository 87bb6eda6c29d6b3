//! All callers at once are the callers one by one: the classes of [`Fleet`] against [`reach`], on meshes nobody thought of.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod support;

use proptest::prelude::*;
use ringfence_verifier::fleet::Fleet;
use ringfence_verifier::reach::{Asked, Reach, reach};
use support::Clusters;
use support::worlds::{policies, workloads};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn all_callers_at_once_are_the_callers_one_by_one(east in policies(), west in policies(), domain in any::<bool>(), near in any::<bool>()) {
        let workloads = workloads();
        let facts = if domain { "{trustDomain: west.example, network: main, podCidrs: [10.1.0.0/16]}" } else { "{network: main, podCidrs: [10.1.0.0/16], dataPlane: ambient}" };
        let ours = if near { "{trustDomainAliases: [old.example], network: main, podCidrs: [10.0.0.0/16]}" } else { "{trustDomainAliases: [old.example]}" };
        let clusters = Clusters::read(&[
            (ours, &format!("{workloads}{east}")),
            (facts, &format!("{workloads}{west}")),
        ]);
        let models = clusters.models();
        let fleet = Fleet::of(&models);
        let mut found = [0, 0];
        for to in fleet.destinations() {
            let reaching = fleet.reaching(&to);
            for (position, calling) in (0..).zip(fleet.callers()) {
                let caller = match calling.cluster {
                    Some(home) if home != to.cluster => calling.caller.from_elsewhere(&models[home]),
                    _ => calling.caller,
                };
                let one = reach(&models[to.cluster], caller, to.workload, to.port, &Asked::anything()).reach();
                prop_assert_eq!(
                    reaching.of(position), one,
                    "{:?} to {}/{}:{} of cluster {}", caller, to.workload.namespace, to.workload.name, to.port, to.cluster
                );
                match one {
                    Reach::Allowed => found[0] += 1,
                    Reach::Depends => found[1] += 1,
                    Reach::Denied => {}
                }
            }
        }
        prop_assert_eq!(fleet.count(), (found[0], found[1]));
    }
}
