//! Which units and pods have an identity, and which units are all of a namespace.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;

use crate::inventory::{Labels, Workload};
use crate::ir::Peer;
use crate::requests::{IdentityPattern, Part};
use crate::resolve::Resolved;
use crate::resolve::units::Unit;
use crate::resolve::world::Cluster;

/// Units by identity.
pub(super) struct Index<'a> {
    /// Positions of units by trust domain and namespace, and service account.
    units: BTreeMap<(&'a str, &'a str), BTreeMap<&'a str, BTreeSet<usize>>>,
    /// Selectors of units by cluster, namespace and service account.
    selectors: BTreeMap<(&'a str, &'a str, &'a str), BTreeSet<&'a Labels>>,
    /// Addresses of machines outside Kubernetes, likewise.
    machines: BTreeMap<(&'a str, &'a str, &'a str), BTreeSet<IpNet>>,
    /// The clusters whose manifests show workloads of a namespace with a service account.
    shown: BTreeMap<(&'a str, &'a str), BTreeSet<&'a str>>,
    /// The units of each namespace of a cluster, where they are all that runs in it.
    whole: BTreeMap<(&'a str, &'a str), BTreeSet<usize>>,
}

impl<'a> Index<'a> {
    pub fn of(resolved: &'a Resolved<'a>) -> Self {
        let mut index = Self {
            units: BTreeMap::new(),
            selectors: BTreeMap::new(),
            machines: BTreeMap::new(),
            shown: BTreeMap::new(),
            whole: BTreeMap::new(),
        };
        let mut governed: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for (at, unit) in resolved.units.iter().map(|governed| &governed.unit).enumerate() {
            let Some(cluster) = resolved.world.clusters.get(unit.cluster) else { continue };
            if !unit.is_outside() {
                *governed.entry((unit.cluster, unit.namespace)).or_default() += unit.workloads.len();
                index.whole.entry((unit.cluster, unit.namespace)).or_default().insert(at);
            }
            for workload in &unit.workloads {
                let account = workload.service_account.as_str();
                let accounts = index.units.entry((cluster.trust_domain(), unit.namespace)).or_default();
                accounts.entry(account).or_default().insert(at);
                let key = (unit.cluster, unit.namespace, account);
                match &workload.machine {
                    None => _ = index.selectors.entry(key).or_default().insert(&unit.selector),
                    Some(machine) => index.machines.entry(key).or_default().extend(&machine.addresses),
                }
            }
        }
        for (name, cluster) in &resolved.world.clusters {
            for workload in &cluster.inventory.workloads {
                let key = (workload.namespace.as_str(), workload.service_account.as_str());
                index.shown.entry(key).or_default().insert(name);
            }
        }
        index.whole.retain(|(name, namespace), units| {
            let Some(cluster) = resolved.world.clusters.get(name) else { return false };
            // The root namespace is not governed, so nothing denies by default there.
            units.len() > 1
                && *namespace != cluster.root_namespace()
                && governed.get(&(*name, *namespace)) == Some(&pods_in(cluster, namespace))
        });
        index
    }

    /// Returns the selectors of the pods of some units of a cluster: that of a namespace where they are all it has.
    ///
    /// A pod there that no manifest shows gains nothing by it: connections to it are denied by default.
    pub fn targets(&self, resolved: &Resolved<'_>, cluster: &str, units: &BTreeSet<usize>) -> BTreeSet<Peer> {
        let mut peers = BTreeSet::new();
        for unit in units.iter().filter_map(|at| resolved.units.get(*at)).map(|governed| &governed.unit) {
            if unit.is_outside() {
                peers.extend(addresses(unit));
                continue;
            }
            let whole = self.whole.get(&(cluster, unit.namespace)).is_some_and(|all| all.is_subset(units));
            let labels = if whole { Labels::new() } else { unit.selector.clone() };
            peers.insert(Peer::Pods { namespace: unit.namespace.to_owned(), labels });
        }
        peers
    }

    /// Returns every unit.
    pub fn everyone(&self) -> BTreeSet<usize> {
        self.units.values().flat_map(BTreeMap::values).flatten().copied().collect()
    }

    /// Returns the units with an identity.
    pub fn units(&self, pattern: &IdentityPattern) -> BTreeSet<usize> {
        let of = |accounts: &BTreeMap<&str, BTreeSet<usize>>| match &pattern.service_account {
            Part::Exactly(account) => accounts.get(account.as_str()).cloned().unwrap_or_default(),
            part => {
                accounts.iter().filter(|(account, _)| part.matches(account)).flat_map(|(_, at)| at).copied().collect()
            }
        };
        if let (Part::Exactly(domain), Part::Exactly(namespace)) = (&pattern.trust_domain, &pattern.namespace) {
            return self.units.get(&(domain.as_str(), namespace.as_str())).map(of).unwrap_or_default();
        }
        let spaces = self.units.iter().filter(|((domain, namespace), _)| {
            pattern.trust_domain.matches(domain) && pattern.namespace.matches(namespace)
        });
        spaces.flat_map(|(_, accounts)| of(accounts)).collect()
    }

    /// Returns the addresses of the machines of a cluster that have an identity.
    fn machines_with<'s>(
        &'s self,
        cluster: &Cluster<'_>,
        pattern: &'s IdentityPattern,
    ) -> impl Iterator<Item = Peer> + 's {
        let name = cluster.document.name().to_owned();
        let of_pattern = move |(of, namespace, account): &(&str, &str, &str)| {
            *of == name && pattern.namespace.matches(namespace) && pattern.service_account.matches(account)
        };
        let machines = self.machines.iter().filter(move |(key, _)| of_pattern(key));
        machines.flat_map(|(_, blocks)| blocks.iter().map(|block| Peer::Addresses(*block)))
    }

    /// Returns the pods and machines of a cluster that have an identity.
    pub fn pods(&self, cluster: &Cluster<'_>, pattern: &IdentityPattern) -> Vec<Peer> {
        if !pattern.trust_domain.matches(cluster.trust_domain()) {
            return Vec::new();
        }
        let Part::Exactly(namespace) = &pattern.namespace else {
            let machines = self.machines_with(cluster, pattern);
            return std::iter::once(Peer::EveryPod).chain(machines).collect();
        };
        let whole = || vec![Peer::Pods { namespace: namespace.clone(), labels: Labels::new() }];
        let machines = self.machines_with(cluster, pattern);
        let Part::Exactly(account) = &pattern.service_account else {
            return whole().into_iter().chain(machines).collect();
        };
        let name = cluster.document.name();
        let mut pods: Vec<Peer> = machines.collect();
        for labels in self.selectors.get(&(name, namespace.as_str(), account.as_str())).into_iter().flatten() {
            pods.push(Peer::Pods { namespace: namespace.clone(), labels: (*labels).clone() });
        }
        for gateway in cluster.document.spec.gateways.values().map(|gateway| &gateway.value) {
            if gateway.namespace.value.0 == *namespace && gateway.service_account.value.0 == *account {
                let labels = gateway.pod_labels();
                pods.push(Peer::Pods { namespace: namespace.clone(), labels });
            }
        }
        let shown = self.shown.get(&(namespace.as_str(), account.as_str()));
        let elsewhere = || shown.is_some_and(|clusters| clusters.iter().any(|cluster| *cluster != name));
        // An identity no manifest shows: an operator's, or another repository's.
        if pods.is_empty() && !elsewhere() { whole() } else { pods }
    }
}

/// Counts the workloads of a namespace that are pods.
fn pods_in(cluster: &Cluster<'_>, namespace: &str) -> usize {
    cluster.inventory.workloads_in(namespace).filter(|(_, workload)| workload.machine.is_none()).count()
}

/// Returns the addresses of machines.
pub(super) fn addresses(unit: &Unit<'_>) -> BTreeSet<Peer> {
    let machines = unit.workloads.iter().filter_map(|workload: &&Workload| workload.machine.as_ref());
    machines.flat_map(|machine| &machine.addresses).map(|block| Peer::Addresses(*block)).collect()
}
