//! The waypoint of a namespace: what it enforces, and who connects to it.
//!
//! In: what is behind it. Out: a [`WaypointPlan`].

use std::collections::BTreeMap;

use super::{Behind, CLASS, declared, pods};
use crate::diagnostics::codes::lowering as code;
use crate::ir::{Origins, WaypointPlan};
use crate::lower::{Lowering, enforces_network_policy, obliged};
use crate::resolve::Governed;
use crate::resolve::statements::Origin;
use crate::resolve::world::Cluster;
use crate::yaml::Node;

impl Lowering<'_, '_, '_> {
    /// Plans the waypoint of a namespace; `None` where its cluster declares none.
    pub(in crate::lower) fn waypoint(
        &mut self,
        namespace: &str,
        units: &[(usize, &Governed<'_>)],
    ) -> Option<WaypointPlan> {
        let (cluster, behind) = (self.cluster, self.behind);
        let name = declared(cluster, namespace)?;
        let mine: Vec<(&Governed<'_>, &Behind<'_>)> =
            units.iter().filter_map(|(at, governed)| Some((*governed, behind.get(*at)?.as_ref()?))).collect();
        for (governed, behind) in &mine {
            behind.check(governed, self.diagnostics);
            super::callers::check(cluster, governed, behind, self.diagnostics);
        }
        let mut access_log = BTreeMap::new();
        for (governed, _) in &mine {
            access_log.extend(obliged(&governed.settings.access_log));
        }
        let mut origins: Origins = [Origin::new(name.span, cluster.document.name())].into();
        let workspace = self.resolved.world.claims.get(&(cluster.document.name(), namespace));
        origins.extend(workspace.map(|workspace| self.claim(namespace, workspace)));
        Some(WaypointPlan {
            name: name.value.0.clone(),
            labels: pods(&name.value.0),
            doors: self.doors(&mine),
            default_deny: foreign(cluster).is_some(),
            access_log: access_log.into_iter().collect(),
            network: enforces_network_policy(cluster).then(|| self.connections.waypoint(cluster, namespace)),
            origins,
        })
    }

    /// Tells whether every waypoint of the cluster is one of ours, and says which is not. The class of all of them is then denied
    /// by default: that closes those to come, and would cut off whoever uses another.
    pub(in crate::lower) fn guards_waypoints(&mut self) -> bool {
        let cluster = self.cluster;
        let Some(name) = cluster.document.spec.namespaces.keys().find_map(|namespace| declared(cluster, namespace))
        else {
            return false;
        };
        let Some(other) = foreign(cluster) else { return true };
        let foreign = code::FOREIGN_WAYPOINT.at(
            other.span,
            "no Cluster declares this waypoint, so that a default deny of all waypoints would cut it off".to_owned(),
        );
        self.diagnostics.report(
            foreign
                .label("nothing denies by default here")
                .and(name.span, "guarded by itself alone")
                .help("declare it in the Cluster, `namespaces: {<namespace>: {dataPlane: ambient, waypoint: <name>}}`"),
        );
        false
    }
}

/// Returns a waypoint of the inventory that the facts do not declare.
fn foreign<'a>(cluster: &Cluster<'a>) -> Option<&'a Node> {
    let text = |node: &'a Node, path: [&str; 2]| node.get(path[0])?.get(path[1])?.as_str();
    cluster.inventory.routing.iter().find(|root| {
        let is_waypoint = root.get("kind").and_then(Node::as_str) == Some("Gateway")
            && text(root, ["spec", "gatewayClassName"]) == Some(CLASS);
        let namespace = text(root, ["metadata", "namespace"]).unwrap_or("default");
        let name = text(root, ["metadata", "name"]);
        is_waypoint && declared(cluster, namespace).map(|declared| declared.value.0.as_str()) != name
    })
}
