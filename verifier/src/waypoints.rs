//! Waypoints: the proxies of ambient mode that read requests, on the way to what is called through them.
//!
//! In: Gateways of the class of waypoints, and labels. Out: [`Waypoint`]s, and which of them a workload is called through. A
//! connection that comes out of one has its identity and address, not the caller's, so that neither ztunnel nor NetworkPolicies
//! know who called. What becomes of a request on that way says [`crate::reach::through_waypoint`].

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::inventory::{Labels, Workload};
use ringfence_compiler::resolve::world::Cluster;
use ringfence_compiler::source::Span;
use ringfence_compiler::yaml::Node;

use crate::entrances::takes;
use crate::istio::read::{Fields, selects};
use crate::kubernetes::fits::Fits;
use crate::model::Model;
use crate::request::Identity;
use crate::routing::gateway_api::Sources;

/// The label by which a namespace, a Service or a pod is called through a waypoint.
const USE: &str = "istio.io/use-waypoint";

/// The label that says in which namespace that waypoint is; its own where it is absent.
const USE_NAMESPACE: &str = "istio.io/use-waypoint-namespace";

/// The label that says for what a waypoint is called.
const FOR: &str = "istio.io/waypoint-for";

/// The label of the pods that are made for a Gateway.
pub(crate) const NAMED: &str = "gateway.networking.k8s.io/gateway-name";

/// The class of the Gateways that are waypoints.
pub const CLASS: &str = "istio-waypoint";

/// A Gateway of the class of waypoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waypoint {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The account of its pods: named like it, unless an annotation says otherwise.
    pub account: String,
    /// Whether it is called for Services (`istio.io/waypoint-for`).
    pub serves_services: bool,
    /// Whether it is called for pods by their addresses.
    pub serves_workloads: bool,
    /// Which namespaces may use it.
    pub allows: Sources,
    /// Where it was written.
    pub span: Span,
}

impl Waypoint {
    /// Reads a Gateway; `None` where it is no waypoint.
    #[must_use]
    pub fn read(root: &Node) -> Option<Self> {
        let class = root.get("spec")?.get("gatewayClassName")?.as_str()?;
        let metadata = root.get("metadata").filter(|_| class == CLASS)?;
        let text = |node: Option<&Node>| node.and_then(Node::as_str).map(str::to_owned);
        let name = text(metadata.get("name"))?;
        let account = metadata.get("annotations").and_then(|all| all.get("gateway.istio.io/service-account"));
        // istio/istio `pilot/pkg/serviceregistry/ambient/waypoints.go`: for Services where nothing is said.
        let serves = metadata.get("labels").and_then(|all| all.get(FOR)).and_then(Node::as_str).unwrap_or("service");
        // The first listener that has any says who may use it; what is broken is said elsewhere.
        let listeners = Fields::of(root.get("spec")?).list("listeners", &mut Diagnostics::new()).unwrap_or_default();
        let allows =
            listeners.first().and_then(|listener| Sources::of_listener(listener).ok()).unwrap_or(Sources::Same);
        Some(Self {
            namespace: text(metadata.get("namespace")).unwrap_or_else(|| "default".to_owned()),
            account: text(account).unwrap_or_else(|| name.clone()),
            name,
            serves_services: matches!(serves, "service" | "all"),
            serves_workloads: matches!(serves, "workload" | "all"),
            allows,
            span: root.span,
        })
    }

    /// Says whether a namespace may use it.
    #[must_use]
    pub fn lets(&self, namespace: &str, model: &Model<'_>) -> Fits {
        takes(&self.allows, &self.namespace, namespace, model)
    }
}

/// A waypoint as a label names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named<'a> {
    /// Its namespace.
    pub namespace: &'a str,
    /// Its name.
    pub name: &'a str,
}

/// Returns the waypoint that an object uses: its own label goes before that of its namespace, and `none` is none.
#[must_use]
pub fn used_by<'a>(labels: &'a Labels, of_namespace: Option<&'a Labels>, namespace: &'a str) -> Option<Named<'a>> {
    let labels = if labels.contains_key(USE) { labels } else { of_namespace? };
    let name = labels.get(USE).map(String::as_str).filter(|name| *name != "none")?;
    Some(Named { namespace: labels.get(USE_NAMESPACE).map_or(namespace, String::as_str), name })
}

/// Returns the waypoints through which a workload may be called, be there such or not.
#[must_use]
pub fn named<'a>(cluster: &Cluster<'a>, workload: &'a Workload) -> Vec<Named<'a>> {
    let of_namespace = cluster.inventory.namespaces.get(&workload.namespace).into_iter();
    let here = cluster.inventory.services_in(&workload.namespace).iter();
    let fronts = here.filter(|service| !service.selector.is_empty() && selects(&service.selector, &workload.labels));
    let labels = of_namespace.chain(fronts.map(|service| &service.labels)).chain([&workload.labels]);
    let text = |labels: &'a Labels, key: &str| labels.get(key).map(String::as_str);
    let one = |labels: &'a Labels| {
        let name = text(labels, USE).filter(|name| *name != "none")?;
        Some(Named { namespace: text(labels, USE_NAMESPACE).unwrap_or(&workload.namespace), name })
    };
    let mut named: Vec<Named<'a>> = labels.filter_map(one).collect();
    named.sort_unstable();
    named.dedup();
    named
}

/// Returns the identity of a waypoint; `None` where no manifest shows it.
#[must_use]
pub fn identity(model: &Model<'_>, named: Named<'_>) -> Option<Identity> {
    let mut all = model.policies().waypoints.iter();
    let found = all.find(|waypoint| waypoint.namespace == named.namespace && waypoint.name == named.name)?;
    Some(Identity::new(model.cluster().trust_domain(), &found.namespace, &found.account))
}

/// Tells whether a workload may be called through a waypoint, be there such or not.
#[must_use]
pub fn is_behind(cluster: &Cluster<'_>, workload: &Workload) -> bool {
    !named(cluster, workload).is_empty()
}
