//! Callers that no manifest shows: gateways and identities that only facts name, here and in other clusters.
//!
//! In: what a clause asks of identities. Out: the pods, or the addresses, by which policies of the network know such callers.

use std::collections::BTreeSet;

use ipnet::IpNet;
use ringfence_compiler::requests::IdentityPattern;

use super::{Place, is_meant};
use crate::kubernetes::peer::Pod;

impl Place<'_, '_> {
    /// Returns the pods of gateways and identities that the facts name and patterns mean.
    pub(super) fn strangers(&self, patterns: &BTreeSet<IdentityPattern>) -> Vec<(String, Pod<'_>)> {
        let spec = &self.cluster.document.spec;
        let domain = self.cluster.trust_domain();
        let meant = |namespace: &str, account: &str| {
            patterns.iter().any(|pattern| is_meant(pattern, domain, namespace, Some(account)))
        };
        // What some manifest shows is asked for by its pods.
        let shown = |namespace: &str, account: &str| {
            let mut clusters = self.fences.resolved.world.clusters.values();
            clusters.any(|cluster| cluster.inventory.shows(namespace, account))
        };
        let mut strangers = Vec::new();
        for (name, labels) in &self.gateways {
            let Some(gateway) = spec.gateways.get(name).map(|gateway| &gateway.value) else { continue };
            let namespace = &gateway.namespace.value.0;
            if meant(namespace, &gateway.service_account.value.0) {
                let labels = Some(labels).filter(|labels| !labels.is_empty());
                strangers.push((format!("gateway `{name}`"), self.network.strangers(namespace, labels)));
            }
        }
        for known in &spec.identities {
            let namespace = &known.namespace.value.0;
            for account in known.service_accounts.0.iter().map(|account| &account.value.0) {
                if meant(namespace, account) && !shown(namespace, account) {
                    strangers.push((format!("`{namespace}/{account}`"), self.network.strangers(namespace, None)));
                }
            }
        }
        strangers
    }

    /// Returns the gateways of other clusters of this network that patterns mean, each with the addresses its pods have: a Service has
    /// pods in every cluster of a mesh, and gateways of each lead to all of them.
    pub(super) fn gateways_elsewhere(&self, patterns: &BTreeSet<IdentityPattern>) -> Vec<(String, IpNet)> {
        let own = self.governed.unit.cluster;
        let mut found = Vec::new();
        for (cluster, home) in self.fences.resolved.world.clusters.iter().filter(|(name, _)| **name != own) {
            for (name, gateway) in &home.document.spec.gateways {
                let (namespace, account) = (&gateway.value.namespace.value.0, &gateway.value.service_account.value.0);
                let is_it = |pattern| is_meant(pattern, home.trust_domain(), namespace, Some(account));
                if patterns.iter().any(is_it) {
                    let blocks = self.fences.crossing(cluster, own).into_iter();
                    found.extend(blocks.map(|block| (format!("gateway `{name}` of `{cluster}`"), block)));
                }
            }
        }
        found
    }
}
