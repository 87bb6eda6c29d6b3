//! Connections: NetworkPolicy lets through what is granted between pods, from both ends, and nothing else of theirs.

use proptest::prelude::*;
use ringfence_compiler::requests::Identity;
use ringfence_compiler::spec::mandates::EgressMode;

use super::examine::{Unit, examine, law, shown};
use super::generate::repository;
use super::network::{enters, leaves};

/// Tells whether some enforced grant at a unit is for an identity on a port. One for addresses alone lets every pod out,
/// which may have one of them, and in only who has; one for both is for the pod, since a NetworkPolicy cannot ask for both
/// at once.
fn granted(unit: &Unit, identity: &Identity, port: u16, out: bool) -> bool {
    let mut grants = unit.access.grants.iter().filter(|grant| !grant.on_trial).flat_map(|grant| grant.set.clauses());
    grants.any(|clause| {
        (out || clause.addresses.is_any() || !clause.identities.is_any())
            && clause.ports.met_by(|asked| *asked == port)
            && clause.identities.met_by(|pattern| pattern.matches(identity))
    })
}

#[test]
fn pods_are_connected_exactly_where_something_is_granted() {
    law(96, 25, &repository(), |repository| {
        let examined = examine(&repository);
        let manifests = examined.objects();
        let pairs = examined.units.iter().flat_map(|from| examined.units.iter().map(move |to| (from, to)));
        for (from, to) in pairs.filter(|(from, to)| from.cluster == to.cluster) {
            let cluster = repository.clusters.iter().find(|cluster| cluster.name == from.cluster).unwrap();
            let account = &from.service(&repository).account;
            let identity = Identity::new(&cluster.trust_domain, &from.namespace, account);
            let objects = &manifests[&from.cluster];
            let (one, other) = (from.pod(), to.pod());
            let any = from.settings.egress.value == EgressMode::Any;
            for port in [8080, 9000, 7777] {
                let [leaving, entering] = [true, false].map(|out| granted(to, &identity, port, out));
                let story = format!("{} to {} on {port}\n{}", from.name, to.name, shown(&repository));
                prop_assert_eq!(leaves(objects, &one, &other, port), leaving || any, "out: {}", story);
                prop_assert_eq!(enters(objects, &one, &other, port), entering, "in: {}", story);
            }
            if cluster.ambient {
                // The plugin sees the tunnel, whatever port is inside it.
                let [leaving, entering] =
                    [true, false].map(|out| [8080, 9000, 7777].iter().any(|port| granted(to, &identity, *port, out)));
                prop_assert_eq!(leaves(objects, &one, &other, 15008), leaving || any);
                prop_assert_eq!(enters(objects, &one, &other, 15008), entering);
            }
        }
        Ok(!examined.units.is_empty())
    });
}
