//! Connections through a waypoint: from callers to its pods, and on to those behind it, both in tunnels.
//!
//! In: clauses that admit callers to ports which are called through a waypoint. Out: what NetworkPolicy is told of callers, of
//! the pods, and of the waypoint, whose pods no manifest shows.

use std::collections::BTreeSet;

use super::index::Index;
use super::plumbing;
use super::{Connections, HBONE, Strangers, are_apart, arriving, extend};
use crate::ir::{Flow, NetworkPlan, Peer, Transport};
use crate::lower::waypoints::{Behind, pods};
use crate::requests::{Clause, Field};
use crate::resolve::Resolved;
use crate::resolve::access::Grant;
use crate::resolve::world::Cluster;
use crate::spec::cluster::DataPlane;

impl Behind<'_> {
    /// Tells whether callers that a clause admits come through the waypoint to some port.
    pub(super) fn is_called(&self, clause: &Clause) -> bool {
        match &clause.ports {
            Field::Any => !self.served.is_empty(),
            Field::Only(ports) => ports.iter().any(|port| self.served.contains(port)),
        }
    }
}

impl Connections {
    /// Notes that callers come to a unit through a waypoint. Callers of other clusters do not: returns those.
    pub(super) fn lead(
        &mut self,
        resolved: &Resolved<'_>,
        index: &Index<'_>,
        at: usize,
        behind: &Behind<'_>,
        (clause, grant): (&Clause, &Grant),
    ) -> BTreeSet<Strangers> {
        let Some(unit) = resolved.units.get(at).map(|governed| &governed.unit) else { return BTreeSet::new() };
        let Some(cluster) = resolved.world.clusters.get(unit.cluster) else { return BTreeSet::new() };
        let waypoint = Peer::Pods { namespace: unit.namespace.to_owned(), labels: pods(&behind.name.value.0) };
        let key = (unit.cluster.to_owned(), unit.namespace.to_owned());
        let peers = self.waypoints.entry(key).or_default();
        peers.ingress.extend(arriving(index, cluster, clause));
        peers.egress.insert(Peer::Pods { namespace: unit.namespace.to_owned(), labels: unit.selector.clone() });
        peers.origins.insert(grant.origin.clone());
        peers.origins.extend(grant.exceptions.iter().cloned());
        let callers: BTreeSet<usize> = match &clause.identities {
            Field::Any => index.everyone(),
            Field::Only(patterns) => patterns.iter().flat_map(|pattern| index.units(pattern)).collect(),
        };
        extend(&mut self.ingress, at, [HBONE].into(), &[waypoint.clone()].into());
        let mut strangers = BTreeSet::new();
        for caller in callers {
            let Some(from) = resolved.units.get(caller).map(|governed| governed.unit.cluster) else { continue };
            if from == unit.cluster {
                extend(&mut self.egress, caller, [HBONE].into(), &[waypoint.clone()].into());
            } else if clause.addresses.is_any() && !are_apart(&resolved.world, from, unit.cluster) {
                strangers.insert((from.to_owned(), unit.cluster.to_owned()));
            }
        }
        strangers
    }

    /// Returns what NetworkPolicy is told of the pods of a waypoint.
    pub fn waypoint(&self, cluster: &Cluster<'_>, namespace: &str) -> NetworkPlan {
        let key = (cluster.document.name().to_owned(), namespace.to_owned());
        let tunnels = |peers: &BTreeSet<Peer>| {
            let anyone = peers.contains(&Peer::Anywhere);
            let peers = if anyone { BTreeSet::new() } else { peers.clone() };
            Flow { ports: vec![(Transport::Tcp, HBONE)], peers }
        };
        let known = self.waypoints.get(&key);
        let ingress = known.map(|peers| tunnels(&peers.ingress)).into_iter();
        let egress = known.map(|peers| tunnels(&peers.egress)).into_iter();
        let mut plan = NetworkPlan {
            // Its pods are Envoys as sidecars are: probed and scraped at the same ports.
            ingress: ingress.chain(plumbing::watched(cluster, Some(DataPlane::Sidecar), &[])).collect(),
            egress: egress.chain([plumbing::names(cluster), plumbing::control(cluster)]).collect(),
            origins: known.map(|peers| peers.origins.clone()).unwrap_or_default(),
        };
        plan.ingress.sort();
        plan.egress.sort();
        plan
    }
}
