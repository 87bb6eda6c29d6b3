//! Every object of a cluster that decides who reaches whom.
//!
//! In: nodes of manifests, in any order. Out: [`Policies`], by kind and sorted. Kinds that decide nothing are passed over;
//! the inventory counts them.

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::inventory::Labels;
use ringfence_compiler::yaml::{Node, Value};

use crate::deciding::Deciding;
use crate::istio::authorization::AuthorizationPolicy;
use crate::istio::peer_authentication::{Modes, PeerAuthentication, deciding};
use crate::istio::read::{TargetRef, selects};
use crate::istio::request_authentication::{JwtRule, RequestAuthentication};
use crate::istio::sidecar::Sidecar;
use crate::kubernetes::fits::Fits;
use crate::kubernetes::network_policy::NetworkPolicy;
use crate::kubernetes::passage::About;
use crate::kubernetes::peer::Pod;
use crate::kubernetes::selector::{carry, is_added};
use crate::kubernetes::tier_policy::TierPolicy;
use crate::refusals::refused;
use crate::routing::Routing;
use crate::unknown;
use crate::waypoints::Waypoint;

/// The objects of a cluster that decide.
#[derive(Debug, Clone, Default)]
pub struct Policies {
    /// AuthorizationPolicies, by namespace and name.
    pub authorization: Vec<AuthorizationPolicy>,
    /// PeerAuthentications, by namespace and name.
    pub peers: Vec<PeerAuthentication>,
    /// RequestAuthentications, by namespace and name.
    pub tokens: Vec<RequestAuthentication>,
    /// Sidecars, by namespace and name.
    pub sidecars: Vec<Sidecar>,
    /// Waypoints, by namespace and name.
    pub waypoints: Vec<Waypoint>,
    /// NetworkPolicies, by namespace and name.
    pub network: Vec<NetworkPolicy>,
    /// Policies of the tiers around them, by tier, priority, kind and name.
    pub tiers: Vec<TierPolicy>,
    /// What gateways let in and where they lead it, by namespace and name.
    pub routing: Routing,
}

impl Policies {
    /// Adds an object, or each item of a list. One that cannot be read, or that a cluster refuses, is reported and left out.
    pub fn add(&mut self, root: &Node, diagnostics: &mut Diagnostics) {
        self.put(root, true, diagnostics);
    }

    /// Adds objects as [`Policies::add`] does, those that a cluster refuses among them: what proxies make of them can be asked.
    pub fn add_unasked(&mut self, root: &Node, diagnostics: &mut Diagnostics) {
        self.put(root, false, diagnostics);
    }

    fn put(&mut self, root: &Node, asked: bool, diagnostics: &mut Diagnostics) {
        let text = |name: &str| root.get(name).and_then(Node::as_str).unwrap_or_default();
        let kind = text("kind");
        match Deciding::of(root) {
            Some(kind) => self.take(kind, root, asked, diagnostics),
            None if kind == "Sidecar" && text("apiVersion").starts_with("networking.istio.io/") => {
                let (read, doubtful) = (Sidecar::read(root, diagnostics), unknown::of_sidecar(root, diagnostics));
                self.sidecars.extend(read.map(|read| Sidecar { doubtful, ..read }));
            }
            None if kind.ends_with("List") => {
                if let Some(Value::Sequence(items)) = root.get("items").map(|items| &items.value) {
                    items.iter().for_each(|item| self.put(item, asked, diagnostics));
                }
            }
            None => {
                if kind == "Gateway" && text("apiVersion").starts_with("gateway.networking.k8s.io/") {
                    self.waypoints.extend(Waypoint::read(root));
                }
                self.routing.add(root, diagnostics);
            }
        }
    }

    fn take(&mut self, kind: Deciding, root: &Node, asked: bool, diagnostics: &mut Diagnostics) {
        macro_rules! take {
            ($list:ident, $read:expr) => {{
                let (read, doubtful) = ($read, unknown::fields(kind, root, diagnostics));
                if !asked || refused(kind, root, diagnostics).is_ok() {
                    self.$list.extend(read.map(|mut read| {
                        read.doubtful |= doubtful;
                        read
                    }));
                }
            }};
        }
        match kind {
            Deciding::Authorization => take!(authorization, AuthorizationPolicy::read(root, diagnostics)),
            Deciding::Peers => take!(peers, PeerAuthentication::read(root, diagnostics)),
            Deciding::Tokens => take!(tokens, RequestAuthentication::read(root, diagnostics)),
            Deciding::Network => take!(network, NetworkPolicy::read(root, diagnostics)),
            Deciding::Tier(tier) => take!(tiers, TierPolicy::read(tier, root, diagnostics)),
        }
    }

    /// Brings the objects into an order that does not depend on that of files. What asks for those of a pod needs it.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        fn sort<P: OfNamespace>(policies: &mut [P]) {
            policies.sort_by(|a, b| (a.namespace(), a.name()).cmp(&(b.namespace(), b.name())));
        }
        sort(&mut self.authorization);
        sort(&mut self.peers);
        sort(&mut self.tokens);
        sort(&mut self.sidecars);
        sort(&mut self.network);
        sort(&mut self.waypoints);
        self.routing = self.routing.sorted();
        let rank = |policy: &TierPolicy| (policy.tier, policy.priority, policy.kind, policy.name.clone());
        self.tiers.sort_by_key(rank);
        self
    }

    /// Tells whether nothing here decides.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.authorization.is_empty()
            && self.peers.is_empty()
            && self.tokens.is_empty()
            && self.sidecars.is_empty()
            && self.network.is_empty()
            && self.tiers.is_empty()
    }

    /// Tells whether there is an object of this kind and name.
    #[must_use]
    pub fn holds(&self, kind: Deciding, namespace: &str, name: &str) -> bool {
        fn has<P: OfNamespace>(policies: &[P], namespace: &str, name: &str) -> bool {
            policies.iter().any(|policy| policy.namespace() == namespace && policy.name() == name)
        }
        match kind {
            Deciding::Authorization => has(&self.authorization, namespace, name),
            Deciding::Peers => has(&self.peers, namespace, name),
            Deciding::Tokens => has(&self.tokens, namespace, name),
            Deciding::Network => has(&self.network, namespace, name),
            // They have no namespace, so nothing that is written in its place means anything.
            Deciding::Tier(kind) => self.tiers.iter().any(|policy| policy.kind == kind && policy.name == name),
        }
    }

    /// Returns the AuthorizationPolicies that select the sidecar of a pod (istio/istio
    /// `pilot/pkg/model/policyattachment.go`): those of its namespace and of the root namespace; one with targets is for
    /// gateways and waypoints.
    #[must_use]
    pub fn authorizing(&self, namespace: &str, labels: &Labels, root: &str) -> Vec<&AuthorizationPolicy> {
        let here = here(&self.authorization, namespace, root);
        here.filter(|policy| policy.targets.is_empty() && selects(&policy.selector, labels)).collect()
    }

    /// Returns the AuthorizationPolicies at the pods of a gateway: those that select them, and those attached to its Gateway.
    #[must_use]
    pub fn authorizing_at(
        &self,
        (namespace, labels): (&str, &Labels),
        gateway: &str,
        root: &str,
    ) -> Vec<&AuthorizationPolicy> {
        let here = here(&self.authorization, namespace, root);
        here.filter(|policy| {
            attached(&policy.targets, &policy.namespace, namespace, gateway)
                .unwrap_or_else(|| selects(&policy.selector, labels))
        })
        .collect()
    }

    /// Returns the rules by which the pods of a gateway take tokens.
    #[must_use]
    pub fn tokens_at_gateway(&self, (namespace, labels): (&str, &Labels), gateway: &str, root: &str) -> Vec<&JwtRule> {
        let here = here(&self.tokens, namespace, root);
        let here = here.filter(|policy| {
            attached(&policy.targets, &policy.namespace, namespace, gateway)
                .unwrap_or_else(|| selects(&policy.selector, labels))
        });
        here.flat_map(|policy| &policy.rules).collect()
    }

    /// Returns the rules by which the sidecar of a pod takes tokens.
    #[must_use]
    pub fn tokens_at(&self, namespace: &str, labels: &Labels, root: &str) -> Vec<&JwtRule> {
        let here = here(&self.tokens, namespace, root);
        let selected = here.filter(|policy| policy.targets.is_empty() && selects(&policy.selector, labels));
        selected.flat_map(|policy| &policy.rules).collect()
    }

    /// Returns the AuthorizationPolicies that may hold for a pod or not: by labels that it is given only when it starts, or by
    /// fields that nobody knows.
    #[must_use]
    pub fn perhaps_authorizing(&self, namespace: &str, labels: &Labels, root: &str) -> Vec<&AuthorizationPolicy> {
        let here = here(&self.authorization, namespace, root);
        here.filter(|policy| policy.targets.is_empty() && may(policy.doubtful, &policy.selector, labels)).collect()
    }

    /// Returns the PeerAuthentications of that kind.
    #[must_use]
    pub fn perhaps_asking(&self, namespace: &str, labels: &Labels, root: &str) -> Vec<&PeerAuthentication> {
        // One of the root namespace with a selector holds for nothing.
        let holds = |policy: &&PeerAuthentication| policy.selector.is_empty() || policy.namespace != root;
        let here = here(&self.peers, namespace, root).filter(holds);
        here.filter(|policy| may(policy.doubtful, &policy.selector, labels)).collect()
    }

    /// Returns the RequestAuthentications of that kind.
    #[must_use]
    pub fn perhaps_taking(&self, namespace: &str, labels: &Labels, root: &str) -> Vec<&RequestAuthentication> {
        let here = here(&self.tokens, namespace, root);
        here.filter(|policy| policy.targets.is_empty() && may(policy.doubtful, &policy.selector, labels)).collect()
    }

    /// Says why some policy of Istio may hold for a pod or not; `None` where none is so.
    #[must_use]
    pub fn unsure(&self, namespace: &str, labels: &Labels, root: &str) -> Option<&'static str> {
        let tokens = self.perhaps_taking(namespace, labels, root).into_iter().map(|policy| policy.doubtful);
        let authorizing = self.perhaps_authorizing(namespace, labels, root).into_iter().map(|policy| policy.doubtful);
        let asking = self.perhaps_asking(namespace, labels, root).into_iter().map(|policy| policy.doubtful);
        let mut doubtful = tokens.chain(authorizing).chain(asking).peekable();
        doubtful.peek()?;
        Some(match doubtful.any(|doubtful| doubtful) {
            true => "a policy with a field that its kind does not have",
            false => "a policy that selects labels which pods are given only when they start",
        })
    }

    /// Tells whether any policy of Istio is so for some pod, and [`Policies::unsure`] has to be asked.
    #[must_use]
    pub fn is_sometimes_unsure(&self) -> bool {
        let doubtful = self.authorization.iter().map(|policy| policy.doubtful);
        let doubtful = doubtful.chain(self.tokens.iter().map(|policy| policy.doubtful));
        if doubtful.chain(self.peers.iter().map(|policy| policy.doubtful)).any(|doubtful| doubtful) {
            return true;
        }
        let authorization = self.authorization.iter().map(|policy| &policy.selector);
        let tokens = self.tokens.iter().map(|policy| &policy.selector);
        let mut all = authorization.chain(tokens).chain(self.peers.iter().map(|policy| &policy.selector));
        all.any(|selector| selector.keys().any(|key| is_added(key)))
    }

    /// Returns the Sidecars one of which the proxy of a pod goes by (istio/istio `pilot/pkg/model/push_context.go`,
    /// `getSidecarScope`): those that name its labels, or else those of its namespace, or of the mesh. Of many nobody knows
    /// which it is; `None` is among them where it may be none.
    #[must_use]
    pub fn receiving(&self, namespace: &str, labels: &Labels, root: &str) -> Vec<Option<&Sidecar>> {
        let here = of_namespace(&self.sidecars, namespace);
        let named = |least: Fits| {
            let named = here.iter().filter(|sidecar| !sidecar.selector.is_empty());
            named.filter(move |sidecar| carry(&sidecar.selector, labels) == least).map(Some)
        };
        let mut all: Vec<Option<&Sidecar>> = named(Fits::Yes).collect();
        if all.is_empty() {
            let of_all = |sidecars: &'_ [Sidecar]| sidecars.iter().any(|sidecar| sidecar.selector.is_empty());
            let wide = if of_all(here) { here } else { of_namespace(&self.sidecars, root) };
            all.extend(wide.iter().filter(|sidecar| sidecar.selector.is_empty()).map(Some));
            if all.is_empty() {
                all.push(None);
            }
        }
        all.extend(named(Fits::Perhaps));
        all
    }

    /// Returns the modes of a pod's ports.
    #[must_use]
    pub fn modes(&self, namespace: &str, labels: &Labels, root: &str) -> Modes {
        Modes::compose(here(&self.peers, namespace, root), namespace, labels, root)
    }

    /// Returns the modes of the ports of a pod in ambient mode.
    #[must_use]
    pub fn modes_in_ambient(&self, namespace: &str, labels: &Labels, root: &str) -> Modes {
        Modes::in_ambient(here(&self.peers, namespace, root), namespace, labels, root)
    }

    /// Returns the PeerAuthentications that make the mode of a pod's port.
    #[must_use]
    pub fn asking(&self, namespace: &str, labels: &Labels, root: &str, port: u16) -> Vec<&PeerAuthentication> {
        deciding(here(&self.peers, namespace, root), namespace, labels, root, port)
    }

    /// Returns the policies of the network about pods.
    #[must_use]
    pub fn network_at(&self, pod: &Pod<'_>) -> About<'_> {
        // A plugin may know the pods of the node's own network, or not.
        let most = if pod.on_node { Fits::Perhaps } else { Fits::Yes };
        let here = of_namespace(&self.network, pod.namespace).iter();
        let sure = |doubtful: bool| if doubtful { Fits::Perhaps } else { Fits::Yes };
        let network = here.map(|policy| (policy.pods.fits(pod.labels).min(most).min(sure(policy.doubtful)), policy));
        let tiers = self.tiers.iter().map(|policy| (policy.is_about(pod).min(sure(policy.doubtful)), policy));
        About {
            tiers: tiers.filter(|(fits, _)| fits.may()).collect(),
            network: network.filter(|(fits, _)| fits.may()).collect(),
        }
    }
}

/// Tells whether targets name a Gateway of a namespace; `None` where there are none. A policy targets objects of its own
/// namespace alone.
fn attached(targets: &[TargetRef], own: &str, namespace: &str, gateway: &str) -> Option<bool> {
    let is_it = |target: &TargetRef| target.kind == "Gateway" && target.name == gateway && own == namespace;
    (!targets.is_empty()).then(|| targets.iter().any(is_it))
}

/// Tells whether a policy may hold for a pod, and may not.
fn may(doubtful: bool, selector: &Labels, labels: &Labels) -> bool {
    let carried = carry(selector, labels);
    carried == Fits::Perhaps || (doubtful && carried.may())
}

/// What lies in a namespace.
trait OfNamespace {
    fn namespace(&self) -> &str;
    fn name(&self) -> &str;
}

macro_rules! of_namespace {
    ($($kind:ty),*) => {$(
        impl OfNamespace for $kind {
            fn namespace(&self) -> &str {
                &self.namespace
            }

            fn name(&self) -> &str {
                &self.name
            }
        }
    )*};
}
of_namespace!(AuthorizationPolicy, PeerAuthentication, RequestAuthentication, Sidecar, NetworkPolicy, Waypoint);

/// Returns the part of a sorted list that lies in a namespace.
fn of_namespace<'p, P: OfNamespace>(sorted: &'p [P], namespace: &str) -> &'p [P] {
    let start = sorted.partition_point(|policy| policy.namespace() < namespace);
    let end = sorted.partition_point(|policy| policy.namespace() <= namespace);
    sorted.get(start..end).unwrap_or_default()
}

/// Returns what holds for pods of a namespace: its own, and the mesh's.
fn here<'p, P: OfNamespace>(sorted: &'p [P], namespace: &str, root: &str) -> impl Iterator<Item = &'p P> {
    let of_mesh = if root == namespace { &[] } else { of_namespace(sorted, root) };
    of_mesh.iter().chain(of_namespace(sorted, namespace))
}
