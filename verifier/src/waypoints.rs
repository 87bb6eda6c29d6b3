//! Waypoints: the proxies of ambient mode that read requests, on the way to what is called through them.
//!
//! In: a port in ambient mode. Out: whether something may reach it through a waypoint. A connection that comes out of one has
//! its identity and address, not the caller's, so that neither ztunnel nor NetworkPolicies know who called. What a waypoint
//! itself refuses is not followed: whatever may pass is "depends".

use ringfence_compiler::inventory::{Labels, Workload};
use ringfence_compiler::resolve::world::Cluster;
use ringfence_compiler::source::Span;
use ringfence_compiler::yaml::Node;

use crate::engine::ztunnel;
use crate::istio::read::selects;
use crate::model::Model;
use crate::request::Identity;
use crate::residual::{is_plain, residual};

/// The label by which a namespace, a Service or a pod is called through a waypoint.
const USE: &str = "istio.io/use-waypoint";

/// The label that says in which namespace that waypoint is; its own where it is absent.
const USE_NAMESPACE: &str = "istio.io/use-waypoint-namespace";

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
        Some(Self {
            namespace: text(metadata.get("namespace")).unwrap_or_else(|| "default".to_owned()),
            account: text(account).unwrap_or_else(|| name.clone()),
            name,
            span: root.span,
        })
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

/// Tells whether something may reach a port in ambient mode through a waypoint: whether ztunnel may admit one of them.
#[must_use]
pub fn may_pass(model: &Model<'_>, workload: &Workload, port: u16) -> bool {
    let cluster = model.cluster();
    let named = named(cluster, workload);
    if named.is_empty() {
        return false;
    }
    let selected = model.policies().authorizing(&workload.namespace, &workload.labels, cluster.root_namespace());
    let chain = ztunnel::chain(&selected);
    let admits = |named: &Named<'_>| match identity(model, *named) {
        Some(identity) => {
            let uri = format!("spiffe://{identity}");
            let left = residual(&chain, port, &|glob| glob.matches(&uri));
            !left.allow.as_ref().is_some_and(Vec::is_empty) && !left.deny.iter().any(is_plain)
        }
        // Of one that no manifest shows, nobody knows the account.
        None => !chain.allow.as_ref().is_some_and(Vec::is_empty),
    };
    named.iter().any(admits)
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
