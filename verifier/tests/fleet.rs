//! All callers at once are the callers one by one: the classes of [`Fleet`] against [`reach`], on meshes nobody thought of.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod support;

use std::cell::RefCell;
use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use ringfence_verifier::fleet::Fleet;
use ringfence_verifier::reach::{Asked, Reach, reach};
use support::Clusters;
use support::worlds::{policies, workloads};

/// Facts about the cluster in the east: on the network of the other or not.
const EAST: [&str; 3] = [
    "{trustDomainAliases: [old.example], network: main, podCidrs: [10.0.0.0/16]}",
    "{trustDomainAliases: [old.example]}",
    "{network: other, podCidrs: [10.0.0.0/16]}",
];

/// Facts about the one in the west.
const WEST: [&str; 3] = [
    "{trustDomain: west.example, network: main, podCidrs: [10.1.0.0/16]}",
    "{network: main, podCidrs: [10.1.0.0/16], dataPlane: ambient}",
    "{podCidrs: [10.1.0.0/16]}",
];

/// The waypoint of one of the clusters' namespaces in ambient mode.
const GATE: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: gate, namespace: mesh, annotations: {gateway.istio.io/service-account: web}}
spec: {gatewayClassName: istio-waypoint}
---
";

#[test]
fn all_callers_at_once_are_the_callers_one_by_one() {
    let answers = RefCell::new(BTreeMap::new());
    let worlds = (policies(), policies(), select(&EAST[..]), select(&WEST[..]), any::<bool>());
    let mut runner = TestRunner::new(Config { source_file: Some(file!()), ..Config::with_cases(24) });
    let run = runner.run(&worlds, |(east, west, ours, theirs, waypoint)| {
        let mut workloads = workloads();
        if waypoint {
            workloads = workloads.replace("mode: ambient", "mode: ambient, istio.io/use-waypoint: gate");
            workloads.push_str(GATE);
        }
        let clusters =
            Clusters::read(&[(ours, &format!("{workloads}{east}")), (theirs, &format!("{workloads}{west}"))]);
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
                    reaching.of(position),
                    one,
                    "{:?} to {}/{}:{} of cluster {}",
                    caller,
                    to.workload.namespace,
                    to.workload.name,
                    to.port,
                    to.cluster
                );
                *answers.borrow_mut().entry(one).or_insert(0) += 1;
                match one {
                    Reach::Allowed => found[0] += 1,
                    Reach::Depends => found[1] += 1,
                    Reach::Denied => {}
                }
            }
        }
        prop_assert_eq!(fleet.count(), (found[0], found[1]));
        Ok(())
    });
    run.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(answers.borrow().len(), 3, "every answer is given somewhere: {answers:?}");
}

#[test]
fn nobody_knows_from_where_callers_of_another_network_arrive() {
    let check = |ingress: &str, expected: Reach| {
        let policy = format!(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: wall, namespace: shop}}\nspec: {{podSelector: {{}}, policyTypes: [Ingress], ingress: {ingress}}}\n"
        );
        let workloads = workloads();
        let clusters = Clusters::read(&[(EAST[2], &format!("{workloads}{policy}")), (WEST[2], &workloads)]);
        let models = clusters.models();
        let fleet = Fleet::of(&models);
        let is_db = |name: &str, namespace: &str| name == "db" && namespace == "shop";
        let mut destinations = fleet.destinations().into_iter();
        let to = destinations.find(|to| to.cluster == 0 && is_db(&to.workload.name, &to.workload.namespace)).unwrap();
        let far = fleet.callers().iter().position(|calling| calling.cluster == Some(1)).unwrap();
        let caller = fleet.callers()[far].caller.from_elsewhere(&models[1]);
        let one = reach(&models[0], caller, to.workload, to.port, &Asked::anything()).reach();
        assert_eq!(one, expected, "{ingress}");
        assert_eq!(fleet.reaching(&to).of(u32::try_from(far).unwrap()), expected, "{ingress}");
    };
    check("[{}]", Reach::Depends);
    check("[{from: [{ipBlock: {cidr: 192.0.2.0/24}}]}]", Reach::Depends);
    check("[{from: [{namespaceSelector: {}}]}]", Reach::Depends);
    check(
        "[{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: istio-system}}}]}]",
        Reach::Depends,
    );
    check("[{from: [{podSelector: {}}]}]", Reach::Denied);
    check("[]", Reach::Denied);
}
