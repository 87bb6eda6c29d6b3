//! The ports of which anybody speaks at a workload.
//!
//! In: a workload and what decides there. Out: [`Spoken`]: few ports, such that whatever holds at any port holds at one of
//! them, so that a question about every port is a question about these.

use std::collections::BTreeSet;

use ringfence_compiler::inventory::{BypassedPorts, Workload};
use ringfence_compiler::resolve::units::MESH_PORTS;
use ringfence_compiler::spec::cluster::DataPlane;

use crate::kubernetes::passage::{About, Direction};
use crate::kubernetes::port::PortMatch;
use crate::model::Model;

/// Ports that somebody speaks of.
#[derive(Debug, Clone, Default)]
pub struct Spoken {
    /// By the workload itself, or a Service in front of it.
    declared: BTreeSet<u16>,
    /// One by one.
    single: BTreeSet<u16>,
    /// As ranges.
    ranges: BTreeSet<(u16, u16)>,
    /// Those that carry nothing of the workload: what its proxy says of its own health and in figures.
    left_out: BTreeSet<u16>,
}

impl Spoken {
    /// Returns the ports of a workload of which anybody speaks who decides about what arrives there.
    #[must_use]
    pub fn arriving(model: &Model<'_>, workload: &Workload) -> Self {
        let mut spoken = Self::default();
        let (policies, root) = (model.policies(), model.cluster().root_namespace());
        if model.plane(workload) == Some(DataPlane::Sidecar) {
            spoken.left_out = MESH_PORTS.into();
        }
        spoken.declared = model.ports(workload).into_keys().collect();
        spoken.single.extend(model.modes(workload).ports());
        for policy in policies.authorizing(&workload.namespace, &workload.labels, root) {
            spoken.single.extend(policy.ports());
        }
        spoken.single.extend(bypassed(workload));
        spoken.add(&model.network().guards(workload, Direction::Ingress), Direction::Ingress);
        spoken
    }

    /// Returns the ports that the network tells apart for what leaves a workload.
    #[must_use]
    pub fn leaving(model: &Model<'_>, workload: &Workload) -> Self {
        let mut spoken = Self::default();
        spoken.add(&model.network().guards(workload, Direction::Egress), Direction::Egress);
        spoken
    }

    /// Returns ports that are named, and those that policies of the network tell apart from them.
    #[must_use]
    pub fn beside(named: &BTreeSet<u16>, about: &About<'_>, direction: Direction) -> Vec<u16> {
        let mut spoken = Self { single: named.clone(), ..Self::default() };
        spoken.add(about, direction);
        spoken.with(&Self::default())
    }

    /// Returns every port that is named, and those where a range begins or has ended.
    #[must_use]
    pub fn named(&self) -> BTreeSet<u16> {
        let edges = self.ranges.iter().flat_map(|(first, last)| [Some(*first), last.checked_add(1)]).flatten();
        let named = self.declared.iter().chain(&self.single).copied().chain(edges);
        named.filter(|port| *port > 0 && !self.left_out.contains(port)).collect()
    }

    /// Returns the ports that the proxy itself serves and somebody speaks of: they carry nothing of the workload, and policies of
    /// the network decide about them all the same.
    pub fn of_proxy(&self) -> impl Iterator<Item = u16> {
        let is_spoken =
            |port: &u16| self.declared.contains(port) || self.single.contains(port) || self.ranges_hold(*port);
        self.left_out.iter().copied().filter(is_spoken)
    }

    /// Tells whether a port is in a range that somebody speaks of.
    #[must_use]
    pub fn ranges_hold(&self, port: u16) -> bool {
        self.ranges.iter().any(|(first, last)| (*first..=*last).contains(&port))
    }

    fn add(&mut self, about: &About<'_>, direction: Direction) {
        let of_rules = about.network.iter().filter_map(|(_, policy)| policy.rules(direction)).flatten();
        let of_tiers = about.tiers.iter().flat_map(|(_, policy)| policy.rules(direction));
        for port in of_rules.flat_map(|rule| &rule.ports).chain(of_tiers.flat_map(|rule| &rule.ports)) {
            match port {
                PortMatch::Range(first, last) if first == last => _ = self.single.insert(*first),
                PortMatch::Range(first, last) => _ = self.ranges.insert((*first, *last)),
                // A name stands for ports that the workload declares.
                PortMatch::AnyTcp | PortMatch::Name(_) | PortMatch::NotTcp | PortMatch::Unknown => {}
            }
        }
    }

    /// Returns the ports of both, one inside each range, and one of which neither speaks.
    #[must_use]
    pub fn with(&self, other: &Self) -> Vec<u16> {
        let declared: BTreeSet<u16> = self.declared.union(&other.declared).copied().collect();
        let single = self.single.union(&other.single).filter(|port| !declared.contains(port));
        // What a workload declares comes first: it is what people know.
        let single: Vec<u16> = declared.iter().chain(single).copied().collect();
        let ranges: BTreeSet<(u16, u16)> = self.ranges.union(&other.ranges).copied().collect();
        // Between two neighbouring edges nobody tells ports apart.
        let edges = ranges.iter().flat_map(|(first, last)| [Some(*first), last.checked_add(1)]).flatten();
        let starts: BTreeSet<u16> = edges.chain([1]).collect();
        let ends = starts.iter().skip(1).map(|start| start - 1).chain([u16::MAX]);
        let left_out: BTreeSet<u16> = self.left_out.union(&other.left_out).copied().collect();
        let asked = |port: &u16| *port > 0 && !left_out.contains(port);
        let fresh = starts
            .iter()
            .zip(ends)
            .filter_map(|(start, end)| (*start..=end).find(|port| asked(port) && !single.contains(port)));
        let fresh: Vec<u16> = fresh.collect();
        single.iter().copied().filter(asked).chain(fresh).collect()
    }
}

/// Returns the ports that annotations of a workload name, by which some traffic goes past its proxy and some does not.
pub(crate) fn bypassed(workload: &Workload) -> impl Iterator<Item = u16> {
    workload.bypasses.iter().flat_map(|bypass| match &bypass.ports {
        BypassedPorts::Only(ports) | BypassedPorts::AllBut(ports) => ports.iter().copied(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_port_of_each_kind_is_asked() {
        let check = |single: &[u16], ranges: &[(u16, u16)], expected: &[u16]| {
            let spoken = Spoken {
                declared: [4433].into(),
                single: single.iter().copied().collect(),
                ranges: ranges.iter().copied().collect(),
                left_out: MESH_PORTS.into(),
            };
            assert_eq!(spoken.with(&Spoken::default()), expected, "{single:?} {ranges:?}");
        };
        check(&[], &[], &[4433, 1]);
        check(&[1, 2, 80], &[], &[4433, 1, 2, 80, 3]);
        check(&[8080], &[(8000, 9000)], &[4433, 8080, 1, 8000, 9001]);
        check(&[], &[(1, 65535)], &[4433, 1]);
        check(&[15020], &[(15020, 15021), (15090, 15090)], &[4433, 1, 15022, 15091]);
        check(&[10], &[(10, 10), (10, 20)], &[4433, 10, 1, 11, 21]);
    }
}
