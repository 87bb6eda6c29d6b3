//! Connections that a waypoint stands in: from a caller to its pods, and from there to the workload, both in tunnels.
//!
//! In: a workload and its port. Out: the waypoints before it, and whether policies let each stretch through. No manifest shows
//! the pods of a waypoint: they carry the name of its Gateway.

use ringfence_compiler::inventory::{Labels, Workload};
use ringfence_compiler::spec::cluster::DataPlane;

use super::Place;
use crate::kubernetes::passage::{Direction, Passage};
use crate::kubernetes::peer::{Peer, Pod};
use crate::network::TUNNEL;
use crate::reach::waypoint::hops;
use crate::waypoints::NAMED;

/// The pods of a waypoint.
pub(super) struct Led {
    namespace: String,
    labels: Labels,
}

impl Place<'_, '_> {
    /// Returns the waypoints through which a port is called.
    pub(super) fn led(&self, to: &Workload, port: u16) -> Vec<Led> {
        if self.governed.unit.data_plane != Some(DataPlane::Ambient) {
            return Vec::new();
        }
        let hops = hops(self.model, to, port).into_iter().filter(|hop| hop.service.is_some_and(|it| !it.headless));
        let mut led: Vec<Led> = hops
            .filter(|hop| hop.waypoint.is_some())
            .map(|hop| Led {
                namespace: hop.named.namespace.to_owned(),
                labels: [(NAMED.to_owned(), hop.named.name.to_owned())].into(),
            })
            .collect();
        led.dedup_by(|one, other| one.namespace == other.namespace && one.labels == other.labels);
        led
    }

    fn pods_of<'s>(&'s self, led: &'s Led) -> Pod<'s> {
        self.network.strangers(&led.namespace, Some(&led.labels))
    }

    /// Tells whether a caller gets into the pods of a waypoint, and the waypoint to the workload.
    pub(super) fn arrives_by(&self, led: &Led, from: Peer<'_>) -> bool {
        let (waypoint, own) = (self.pods_of(led), self.network.pods(self.to));
        let passes = |at: &Pod<'_>, direction, peer| {
            matches!(self.network.passes(at, direction, peer, TUNNEL, &[]), Passage::Open(_))
        };
        passes(&waypoint, Direction::Ingress, from)
            && passes(&waypoint, Direction::Egress, Peer::Pods(own))
            && passes(&own, Direction::Ingress, Peer::Pods(waypoint))
    }

    /// Tells whether a caller gets out to the pods of a waypoint.
    pub(super) fn leaves_by(&self, led: &Led, from: &Workload) -> bool {
        let (own, waypoint) = (self.network.pods(from), self.pods_of(led));
        let passage = self.network.passes(&own, Direction::Egress, Peer::Pods(waypoint), TUNNEL, &[]);
        matches!(passage, Passage::Open(_))
    }

    /// Looks for a caller that a waypoint cannot be called by.
    pub(super) fn stopped_before(&self, led: &[Led], from: &Workload) -> Option<String> {
        let end = |led: &Led| {
            let arrives = self.network.seen(from).into_iter().any(|peer| self.arrives_by(led, peer));
            let leaves = self.leaves_by(led, from);
            let end = if leaves { "arrives" } else { "leaves" };
            (!arrives || !leaves).then(|| {
                format!(
                    "from `{}/{}` through the waypoint of `{}`, where it {end}",
                    from.namespace, from.name, led.namespace
                )
            })
        };
        led.iter().find_map(end)
    }
}
