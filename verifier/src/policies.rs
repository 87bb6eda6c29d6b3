//! Every object of a cluster that decides who reaches whom.
//!
//! In: nodes of manifests, in any order. Out: [`Policies`], by kind and sorted. Kinds that decide nothing are passed over;
//! the inventory counts them.

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::inventory::Labels;
use ringfence_compiler::yaml::{Node, Value};

use crate::istio::authorization::AuthorizationPolicy;
use crate::istio::peer_authentication::{Modes, PeerAuthentication};
use crate::istio::read::selects;
use crate::istio::request_authentication::{JwtRule, RequestAuthentication};
use crate::kubernetes::network_policy::NetworkPolicy;

/// The objects of a cluster that decide.
#[derive(Debug, Clone, Default)]
pub struct Policies {
    /// AuthorizationPolicies, by namespace and name.
    pub authorization: Vec<AuthorizationPolicy>,
    /// PeerAuthentications, by namespace and name.
    pub peers: Vec<PeerAuthentication>,
    /// RequestAuthentications, by namespace and name.
    pub tokens: Vec<RequestAuthentication>,
    /// NetworkPolicies, by namespace and name.
    pub network: Vec<NetworkPolicy>,
}

impl Policies {
    /// Adds an object, or each item of a list. One that cannot be read is reported and left out.
    pub fn add(&mut self, root: &Node, diagnostics: &mut Diagnostics) {
        let text = |name: &str| root.get(name).and_then(Node::as_str).unwrap_or_default();
        let (kind, version) = (text("kind"), text("apiVersion"));
        let group = version.split_once('/').map_or("", |(group, _)| group);
        match (group, kind) {
            ("security.istio.io", "AuthorizationPolicy") => {
                self.authorization.extend(AuthorizationPolicy::read(root, diagnostics));
            }
            ("security.istio.io", "PeerAuthentication") => {
                self.peers.extend(PeerAuthentication::read(root, diagnostics));
            }
            ("security.istio.io", "RequestAuthentication") => {
                self.tokens.extend(RequestAuthentication::read(root, diagnostics));
            }
            ("networking.k8s.io", "NetworkPolicy") => self.network.extend(NetworkPolicy::read(root, diagnostics)),
            _ if kind.ends_with("List") => {
                if let Some(Value::Sequence(items)) = root.get("items").map(|items| &items.value) {
                    items.iter().for_each(|item| self.add(item, diagnostics));
                }
            }
            _ => {}
        }
    }

    /// Brings the objects into an order that does not depend on that of files.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.authorization.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        self.peers.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        self.tokens.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        self.network.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        self
    }

    /// Returns the AuthorizationPolicies that select the sidecar of a pod (istio/istio
    /// `pilot/pkg/model/policyattachment.go`): those of its namespace and of the root namespace; one with targets is for
    /// gateways and waypoints.
    #[must_use]
    pub fn authorizing(&self, namespace: &str, labels: &Labels, root: &str) -> Vec<&AuthorizationPolicy> {
        let here = |policy: &&AuthorizationPolicy| {
            (policy.namespace == namespace || policy.namespace == root)
                && policy.targets.is_empty()
                && selects(&policy.selector, labels)
        };
        self.authorization.iter().filter(here).collect()
    }

    /// Returns the rules by which the sidecar of a pod takes tokens.
    #[must_use]
    pub fn tokens_at(&self, namespace: &str, labels: &Labels, root: &str) -> Vec<&JwtRule> {
        let here = |policy: &&RequestAuthentication| {
            (policy.namespace == namespace || policy.namespace == root)
                && policy.targets.is_empty()
                && selects(&policy.selector, labels)
        };
        self.tokens.iter().filter(here).flat_map(|policy| &policy.rules).collect()
    }

    /// Returns the modes of a pod's ports.
    #[must_use]
    pub fn modes(&self, namespace: &str, labels: &Labels, root: &str) -> Modes<'_> {
        Modes::compose(self.peers.iter(), namespace, labels, root)
    }

    /// Returns the NetworkPolicies about a pod.
    #[must_use]
    pub fn network_at(&self, namespace: &str, labels: &Labels) -> Vec<&NetworkPolicy> {
        self.network.iter().filter(|policy| policy.namespace == namespace && policy.pods.matches(labels)).collect()
    }
}
