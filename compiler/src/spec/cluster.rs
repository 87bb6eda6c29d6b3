//! Cluster: the facts about a cluster that a repository of manifests cannot tell.

use indexmap::IndexMap;

use super::names::Name;
use super::reference::{Cidr, meets};
use crate::inventory::Labels;
use crate::shape::{OneOrMany, keywords, record};
use crate::source::{Span, Spanned};

record! {
    /// A cluster: its inventory and the mesh settings that change what a policy means there.
    pub struct ClusterSpec {
        /// The folder of its rendered manifests, from the root of the repository; `<inventory>/<name>` when absent.
        pub inventory: Option<Spanned<String>>,
        /// The trust domain of its identities.
        pub trust_domain: Option<Spanned<Name>>,
        /// Older trust domains that count as the same.
        pub trust_domain_aliases: Vec<Spanned<Name>>,
        /// The network its pods are on; clusters that share one reach each other's pods directly.
        pub network: Option<Spanned<Name>>,
        /// What enforces policy there.
        pub data_plane: Option<Spanned<DataPlane>>,
        /// Namespaces with another data plane than the rest, or with a waypoint.
        pub namespaces: IndexMap<String, NamespaceFacts>,
        /// The namespace whose policies hold for the whole mesh.
        pub root_namespace: Option<Spanned<Name>>,
        /// The version of Istio, such as `1.27`.
        pub istio_version: Option<Spanned<String>>,
        /// Whether the network plugin enforces NetworkPolicy; when not, none is emitted.
        pub network_policy: Option<Spanned<Enforcement>>,
        /// The addresses of its pods: what other clusters on its network admit.
        pub pod_cidrs: Vec<Spanned<Cidr>>,
        /// The addresses of its nodes, from which the kubelet probes; needed where the network plugin does not admit the node by itself.
        pub node_cidrs: Vec<Spanned<Cidr>>,
        /// Where names are resolved; kube-system on port 53 when absent.
        pub dns: Option<Dns>,
        /// In which objects routing is written.
        pub flavor: Option<Spanned<Flavor>>,
        /// Gateways, by the name policies use.
        pub gateways: IndexMap<String, Spanned<GatewaySpec>>,
        /// Namespaces from which metrics are collected on ports 15020 and 15090.
        pub scrapers: Vec<Spanned<Name>>,
        /// Callers that no manifest in the inventory shows: made by operators or other repositories.
        pub identities: Vec<Identity>,
        /// Kubernetes users that write policy objects: the GitOps controllers. Everybody else is kept out of governed namespaces.
        pub writers: Vec<Spanned<String>>,
    }
}

impl ClusterSpec {
    /// Tells whether pods here and in another cluster reach each other by their addresses: both say that they are on one
    /// network and list the addresses of their pods, and none is in both lists.
    #[must_use]
    pub fn shares_a_network_with(&self, other: &Self) -> bool {
        let listed = !self.pod_cidrs.is_empty() && !other.pod_cidrs.is_empty();
        listed && self.names_the_network_of(other) && self.addresses_also_of(other).is_none()
    }

    /// Tells whether both say that they are on one network.
    #[must_use]
    pub fn names_the_network_of(&self, other: &Self) -> bool {
        matches!((&self.network, &other.network), (Some(ours), Some(theirs)) if ours.value == theirs.value)
    }

    /// Returns where this cluster lists addresses of its pods that the other lists, too.
    #[must_use]
    pub fn addresses_also_of(&self, other: &Self) -> Option<Span> {
        let also = |net: &&Spanned<Cidr>| other.pod_cidrs.iter().any(|theirs| meets(&theirs.value.0, &net.value.0));
        self.pod_cidrs.iter().find(also).map(|net| net.span)
    }
}

keywords! {
    /// What enforces policy in a cluster or namespace.
    pub enum DataPlane {
        /// A sidecar in each pod.
        Sidecar = "sidecar",
        /// A ztunnel on each node.
        Ambient = "ambient",
    }
}

keywords! {
    /// In which objects routing is written.
    pub enum Flavor {
        /// In those of the Kubernetes Gateway API.
        GatewayApi = "gateway-api",
        /// In Istio's own: Gateway, VirtualService, DestinationRule.
        Istio = "istio",
    }
}

keywords! {
    /// What a gateway is for.
    pub enum GatewayRole {
        /// It lets traffic in; exposures name it.
        Ingress = "ingress",
        /// It lets traffic out.
        Egress = "egress",
        /// It joins networks of one mesh.
        EastWest = "east-west",
    }
}

keywords! {
    /// How a gateway learns the address of a client.
    pub enum ClientAddress {
        /// From the connection: nothing in front of it hides the address.
        Connection = "connection",
        /// From `X-Forwarded-For`, with as many trusted proxies in front as the mesh is told.
        Forwarded = "forwarded",
    }
}

keywords! {
    /// Whether something is enforced.
    pub enum Enforcement {
        /// It is.
        Enforced = "enforced",
        /// It is not.
        None = "none",
    }
}

record! {
    /// Facts about one namespace.
    pub struct NamespaceFacts {
        /// What enforces policy in it.
        pub data_plane: Spanned<DataPlane>,
        /// The name of its waypoint, which is made and guarded: the proxy through which its Services are called, where policy asks for HTTP.
        pub waypoint: Option<Spanned<Name>>,
    }
}

record! {
    /// Where names are resolved.
    pub struct Dns {
        /// The namespace.
        pub namespace: Spanned<Name>,
        /// The labels of its pods; all of the namespace when absent.
        pub labels: IndexMap<String, String>,
        /// The port its pods listen on; 53 when absent.
        pub port: Option<Spanned<crate::shape::scalar::Count<65535>>>,
    }
}

record! {
    /// A gateway: the identity and pods through which traffic enters or leaves.
    pub struct GatewaySpec {
        /// The namespace.
        pub namespace: Spanned<Name>,
        /// Its service account.
        pub service_account: Spanned<Name>,
        /// The labels of its pods; all of the namespace when absent.
        pub labels: IndexMap<String, String>,
        /// What it is for; `ingress` when absent.
        pub role: Option<Spanned<GatewayRole>>,
        /// The Kubernetes Service of pods that run already; when absent a Gateway object makes pods of its own.
        pub service: Option<Spanned<Name>>,
        /// The class of the Gateway object; `istio` when absent.
        pub class_name: Option<Spanned<Name>>,
        /// Whether others make the Gateway object: exposures then add listeners to it with ListenerSets.
        pub shared: Option<Spanned<bool>>,
        /// How it learns the address of a client; without it nothing can be exposed to some addresses alone.
        pub client_address: Option<Spanned<ClientAddress>>,
    }
}

impl GatewaySpec {
    /// Returns the labels of its pods; none mean all of the namespace.
    #[must_use]
    pub fn pod_labels(&self) -> Labels {
        self.labels.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
    }
}

record! {
    /// A caller that no manifest shows.
    pub struct Identity {
        /// The namespace.
        pub namespace: Spanned<Name>,
        /// The service accounts.
        pub service_accounts: OneOrMany<Spanned<Name>>,
    }
}
