//! From inside to a gateway: what the policies of the network say of a workload that calls one as clients outside do.
//!
//! In: a caller, the pods of a gateway and the port it calls. Out: a [`Gate`]. Two ways lead there: to the pods, as to any Service, and
//! where the gateway is open to the outside, over its address there.

use ringfence_compiler::inventory::Workload;

use super::{Caller, Decider, Gate, Reach};
use crate::entrances::Listening;
use crate::kubernetes::passage::Direction;
use crate::kubernetes::peer::{Peer, Pod};
use crate::model::Model;
use crate::network::{self, everywhere, gate};

/// Asks about a call to the port of a gateway's Service.
pub(super) fn enters<'e>(
    model: &'e Model<'e>,
    from: Caller<'e>,
    gateway: Option<Caller<'e>>,
    (port, listening): (u16, &Listening),
) -> Gate<'e> {
    let unseen = Gate::Unsure(Decider::NotModelled("pods of a gateway that no manifest shows"));
    let straight = match (gateway, from) {
        (Some(Caller::Workload(gateway)), _) => stricter(
            network::egress(model, from, gateway, listening.port),
            network::ingress(model, from, gateway, listening.port),
        ),
        (Some(Caller::Stranger(gateway)), Caller::Workload(from)) if from.machine.is_none() => {
            let at = model.network().strangers(&gateway.identity.namespace, gateway.labels.as_ref());
            let own = model.network().pods(from);
            stricter(
                passes(model, &own, Direction::Egress, Peer::Pods(at), listening.port),
                passes(model, &at, Direction::Ingress, Peer::Pods(own), listening.port),
            )
        }
        (None, Caller::Workload(from)) if network::is_egress_guarded(model, from) => unseen,
        (_, Caller::WorkloadOf(home, from)) if network::is_egress_guarded(home, from) => unseen,
        (_, Caller::WorkloadOf(home, _) | Caller::StrangerOf(home, _)) if !network::share_a_network(home, model) => {
            unseen
        }
        _ => Gate::Open(Decider::Nobody),
    };
    let own = match from {
        Caller::Workload(from) => Some((model, from)),
        Caller::WorkloadOf(home, from) => Some((home, from)),
        _ => None,
    };
    match (&straight, own) {
        (Gate::Shut(_), Some((home, from))) if listening.opened.is_some() && leaves(home, from, port) => {
            match gateway {
                Some(Caller::Workload(gateway)) if !lets_outside(model, gateway, listening.port) => straight,
                _ => Gate::Unsure(Decider::NotModelled("calls to a gateway by its address outside the cluster")),
            }
        }
        _ => straight,
    }
}

fn stricter<'e>(one: Gate<'e>, other: Gate<'e>) -> Gate<'e> {
    if other.reach() < one.reach() { other } else { one }
}

fn passes<'e>(model: &'e Model<'e>, at: &Pod<'e>, direction: Direction, peer: Peer<'_>, port: u16) -> Gate<'e> {
    gate(model.network().passes(at, direction, peer, port, &[]))
}

/// Tells whether a workload may leave for some address outside.
fn leaves(model: &Model<'_>, from: &Workload, port: u16) -> bool {
    let network = model.network();
    let named = network.blocks(&network.pods(from), Direction::Egress);
    let all = named.into_iter().chain(everywhere());
    all.into_iter().any(|block| gate(network.leaves_for(from, block, port, &[])).reach() != Reach::Denied)
}

/// Tells whether a gateway lets somebody outside in.
fn lets_outside(model: &Model<'_>, gateway: &Workload, port: u16) -> bool {
    let arrives = |block| network::ingress(model, Caller::Outside(block), gateway, port).reach() != Reach::Denied;
    everywhere().into_iter().any(arrives)
}
