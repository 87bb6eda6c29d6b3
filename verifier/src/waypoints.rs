//! Waypoints: the proxies of ambient mode that read requests, on the way to what is called through them.
//!
//! In: what runs in a cluster. Out: whether a workload is called through one. A connection that comes out of a waypoint has
//! its identity, so that what ztunnel says of callers is not all there is.

use ringfence_compiler::inventory::Workload;
use ringfence_compiler::resolve::world::Cluster;

use crate::istio::read::selects;

/// The label by which a namespace, a Service or a pod is called through a waypoint.
const USE: &str = "istio.io/use-waypoint";

/// Tells whether a workload may be called through a waypoint, be there one or not.
#[must_use]
pub fn is_behind(cluster: &Cluster<'_>, workload: &Workload) -> bool {
    let of_namespace = cluster.inventory.namespaces.get(&workload.namespace).into_iter();
    let here = cluster.inventory.services_in(&workload.namespace).iter();
    let fronts = here.filter(|service| !service.selector.is_empty() && selects(&service.selector, &workload.labels));
    let mut labels = of_namespace.chain(fronts.map(|service| &service.labels)).chain([&workload.labels]);
    labels.any(|labels| labels.get(USE).is_some_and(|name| name != "none"))
}
