//! Through a waypoint out of the mesh: what becomes of who calls a host that a ServiceEntry hands to a waypoint.
//!
//! In: a caller with an identity, a ServiceEntry and its waypoint, and what the network says of whatever leaves the waypoint. Out:
//! [`Outbound`], with what each hop says. Policies are those with `targetRefs` to the ServiceEntry, to the waypoint's Gateway, and from
//! the root namespace to the class of all (istio.io, "Use Layer 7 features", "Attach AuthorizationPolicy to ServiceEntry").

use ringfence_compiler::inventory::Labels;

use super::proxy::Question;
use super::waypoint::{is_followed, say};
use super::{Asked, Caller, Detail, Gate, Reach};
use crate::istio::read::TargetRef;
use crate::kubernetes::passage::Direction;
use crate::kubernetes::peer::{Peer, Pod};
use crate::model::Model;
use crate::network::{TUNNEL, gate};
use crate::routing::Named as Object;
use crate::routing::service_entry::ServiceEntry;
use crate::waypoints::{CLASS, NAMED, used_by};

/// What the hops through a waypoint to a host outside say.
#[derive(Debug)]
pub struct Outbound<'a> {
    /// The ServiceEntry.
    pub entry: Object,
    /// The waypoint, as `namespace/name`.
    pub waypoint: String,
    /// The caller's policies of the network.
    pub leaves: Gate<'a>,
    /// The waypoint's.
    pub enters: Gate<'a>,
    /// The policies that the waypoint enforces.
    pub policies: Gate<'a>,
    /// The waypoint's own policies of the network about what leaves it.
    pub exits: Gate<'a>,
    /// Why it is not sure.
    pub doubts: Vec<String>,
}

/// Says what the network makes of a connection from pods to the host.
pub(crate) type Exit<'x, 'a> = dyn Fn(&Pod<'_>) -> Gate<'a> + 'x;

impl Outbound<'_> {
    /// Returns the answer of this way in one word: that of the strictest gate.
    #[must_use]
    pub fn reach(&self) -> Reach {
        let gates = [&self.leaves, &self.enters, &self.policies, &self.exits].into_iter().map(Gate::reach).min();
        let most = if self.doubts.is_empty() { Reach::Allowed } else { Reach::Depends };
        gates.unwrap_or(Reach::Denied).min(most)
    }
}

/// Follows a caller through the waypoint of a ServiceEntry; `None` where it uses none.
pub(crate) fn outbound<'a>(
    model: &'a Model<'a>,
    caller: Caller<'a>,
    entry: &ServiceEntry,
    port: u16,
    exit: &Exit<'_, 'a>,
) -> Option<Outbound<'a>> {
    let (inventory, cluster, network) = (model.cluster().inventory, model.cluster(), model.network());
    let Caller::Workload(from) = caller else { return None };
    caller.identity(model)?;
    let port = entry.port(port)?;
    let named = used_by(&entry.labels, inventory.namespaces.get(&entry.object.namespace), &entry.object.namespace)?;
    let is_it = |namespace: &str, name: &str| namespace == named.namespace && name == named.name;
    let waypoint = model.policies().waypoints.iter().find(|it| is_it(&it.namespace, &it.name));
    if waypoint.is_some_and(|it| !it.serves_services || !it.lets(&entry.object.namespace, model).may()) {
        return None;
    }
    let is_for = |namespace: &str, targets: &[TargetRef]| {
        targets.iter().any(|target| match target.kind.as_str() {
            "Gateway" => is_it(namespace, &target.name),
            "ServiceEntry" => namespace == entry.object.namespace && target.name == entry.object.name,
            "GatewayClass" => namespace == cluster.root_namespace() && target.name == CLASS,
            _ => false,
        })
    };
    let policies = model.policies().authorization.iter().filter(|policy| is_for(&policy.namespace, &policy.targets));
    let policies: Vec<_> = policies.collect();
    let tokens = model.policies().tokens.iter().filter(|policy| is_for(&policy.namespace, &policy.targets));
    let tokens: Vec<_> = tokens.flat_map(|policy| &policy.rules).collect();
    let anything = Asked::anything();
    let question = Question::of(model, caller, &anything, Detail::default());
    let (said, _) = say(model, &policies, &tokens, (port.port, port.reads), &question);
    let shown = model.workloads().find(|workload| {
        workload.namespace == named.namespace && workload.labels.get(NAMED).is_some_and(|name| name == named.name)
    });
    // Pods that are made for a Gateway have this label.
    let labels: Labels = [(NAMED.to_owned(), named.name.to_owned())].into();
    let pods = match shown {
        Some(workload) => network.pods(workload),
        None => network.strangers(named.namespace, Some(&labels)),
    };
    let own = network.pods(from);
    let passes =
        |at: &Pod<'_>, direction, other: Pod<'_>| gate(network.passes(at, direction, Peer::Pods(other), TUNNEL, &[]));
    let mut doubts = Vec::new();
    if waypoint.is_none() {
        doubts.push(format!("the waypoint {}/{} is not among the manifests", named.namespace, named.name));
    }
    if !is_followed(&policies) {
        doubts.push("a policy at the waypoint has fields that nobody knows".to_owned());
    }
    Some(Outbound {
        entry: entry.object.clone(),
        waypoint: format!("{}/{}", named.namespace, named.name),
        leaves: passes(&own, Direction::Egress, pods),
        enters: passes(&pods, Direction::Ingress, own),
        policies: said,
        exits: exit(&pods),
        doubts,
    })
}
