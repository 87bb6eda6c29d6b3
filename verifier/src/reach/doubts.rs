//! Why an answer is "depends": what no file tells, in sentences.
//!
//! In: a gate that is unsure, and who asked for what. Out: a sentence for each thing that somebody would have to say before
//! the gate had an answer. A reader who is told only "unsure" can do nothing about it.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_compiler::inventory::Workload;

use super::proxy::Told;
use super::{Caller, Decider, Gate, Reach};
use crate::engine::envoy::Reads;
use crate::istio::authorization::AuthorizationPolicy;
use crate::istio::peer_authentication::Mode;
use crate::kubernetes::fits::Fits;
use crate::kubernetes::passage::{About, Direction};
use crate::model::Model;
use crate::network;

/// One way a port may be taken, and what is said of it.
pub(super) struct Way {
    pub mode: Mode,
    pub reads: Reads,
    pub reach: Reach,
}

/// Says why a gate of the network is unsure.
pub(super) fn of_network<'a>(
    gate: &Gate<'a>,
    direction: Direction,
    model: &Model<'a>,
    caller: Caller<'a>,
    (to, port): (&Workload, u16),
) -> Vec<String> {
    // What is not modelled says so itself.
    let Gate::Unsure(decider) = gate else { return Vec::new() };
    if let Decider::NotModelled(_) = decider {
        return Vec::new();
    }
    let mut why = Vec::new();
    // Policies of what leaves are those of the caller's own cluster.
    let of_caller = match caller {
        Caller::Workload(from) => Some((model, from)),
        Caller::WorkloadOf(home, from) => Some((home, from)),
        _ => None,
    };
    match caller {
        Caller::Outside(block) if block.prefix_len() > 0 => {
            why.push(
                "the network may have rewritten the address by the time it is looked at, or pods may have it"
                    .to_owned(),
            );
        }
        Caller::Outside(_) => why.push("the policies let some of these addresses pass, and others not".to_owned()),
        Caller::WorkloadOf(..) | Caller::StrangerOf(..) => {
            why.push(
                "it comes from another cluster, by the address of its pod or through a gateway: no file says which"
                    .to_owned(),
            );
        }
        Caller::Stranger(stranger) if stranger.labels.is_none() => {
            why.push(format!("no file says what labels the pods of {} carry", stranger.name));
        }
        Caller::Workload(_) | Caller::Stranger(_) => {}
    }
    if network::tells_tunnels_apart(direction, model, caller, (to, port)) {
        why.push(format!(
            "it may come straight to port {port} or in a tunnel to port {}, and the network tells the two apart",
            network::TUNNEL
        ));
    }
    if to.host_network || of_caller.is_some_and(|(_, from)| from.host_network) {
        why.push("pods on the network of their node: what holds for them is up to the network plugin".to_owned());
    }
    let about = match (direction, of_caller) {
        (Direction::Ingress, _) => model.network().guards(to, Direction::Ingress),
        (Direction::Egress, Some((home, from))) => home.network().guards(from, Direction::Egress),
        (Direction::Egress, None) => About::default(),
    };
    let named = about.network.iter().filter(|(fits, _)| *fits == Fits::Perhaps);
    let named =
        named.map(|(_, policy)| (policy.doubtful, format!("NetworkPolicy {}/{}", policy.namespace, policy.name)));
    let tiers = about.tiers.iter().filter(|(fits, _)| *fits == Fits::Perhaps);
    let tiers = tiers.map(|(_, policy)| (policy.doubtful, format!("{} {}", policy.kind.name(), policy.name)));
    let (doubtful, named): (Vec<_>, Vec<_>) = named.chain(tiers).partition(|(doubtful, _)| *doubtful);
    for (named, because) in [
        (named, "may select it or not: by labels that no file shows"),
        (doubtful, "may mean anything: it has a word or a version that nobody here knows"),
    ] {
        let named: Vec<String> = named.into_iter().map(|(_, name)| name).collect();
        if !named.is_empty() {
            why.push(format!("{} {because}", super::one_of(&named)));
        }
    }
    if why.is_empty() {
        why.push("a rule asks for labels, names or addresses that no file shows".to_owned());
    }
    why
}

/// Says why it matters how a port is taken, where that is not told.
pub(super) fn of_ways(ways: &[Way], peers: &[String]) -> Vec<String> {
    let mut why = Vec::new();
    let differ = |reach: &BTreeMap<String, BTreeSet<Reach>>| reach.values().collect::<BTreeSet<_>>().len() > 1;
    let by = |name: fn(&Way) -> String| -> BTreeMap<String, BTreeSet<Reach>> {
        let mut reach: BTreeMap<String, BTreeSet<Reach>> = BTreeMap::new();
        for way in ways {
            reach.entry(name(way)).or_default().insert(way.reach);
        }
        reach
    };
    let list = |reach: &BTreeMap<String, BTreeSet<Reach>>| {
        let one = |(name, words): (&String, &BTreeSet<Reach>)| {
            let words: Vec<&str> = words.iter().rev().map(|reach| word(*reach)).collect();
            format!("{name} it is {}", words.join(" or "))
        };
        reach.iter().map(one).collect::<Vec<_>>().join(", ")
    };
    let modes = by(|way| format!("with {}", name(way.mode)));
    if differ(&modes) {
        let peers = if peers.is_empty() { String::new() } else { format!(" ({})", peers.join(", ")) };
        why.push(format!(
            "PeerAuthentications contradict each other{peers}, and the oldest counts, which no file tells: {}",
            list(&modes)
        ));
    }
    let readings = by(|way| match way.reads {
        Reads::Http => "as HTTP".to_owned(),
        Reads::Bytes | Reads::Ztunnel => "as plain bytes".to_owned(),
    });
    if differ(&readings) {
        why.push(format!(
            "no Service says what the port speaks: {}; `appProtocol`, or a port name that begins with `http` or `tcp`, says it",
            list(&readings)
        ));
    }
    why
}

/// Says why what a proxy is told decides nothing.
pub(super) fn of_told<O>(told: &Told<O>, rule: Option<&AuthorizationPolicy>, untold: &[String]) -> Vec<String> {
    match told {
        Told::Perhaps(_) if !untold.is_empty() => {
            vec![format!("it asks for what no file tells: {}", super::one_of(untold))]
        }
        Told::Perhaps(_) => match rule {
            Some(policy) if policy.action == crate::istio::authorization::Action::Custom => {
                let provider = policy.provider.as_deref().unwrap_or("without a name");
                vec![format!("it asks the provider `{provider}`, and no file tells what that answers")]
            }
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

fn name(mode: Mode) -> &'static str {
    match mode {
        Mode::Strict => "STRICT",
        Mode::Permissive => "PERMISSIVE",
        Mode::Disable => "DISABLE",
    }
}

fn word(reach: Reach) -> &'static str {
    match reach {
        Reach::Allowed => "admitted",
        Reach::Depends => "perhaps admitted",
        Reach::Denied => "refused",
    }
}
