//! Whom the network lets through, worked out once for callers and ports that its policies do not tell apart.
//!
//! In: a port. Out: the callers whose connections pass the policies at both ends, as [`Reaching`]; `None` where no policy is
//! about either, and every caller is on the same network.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use ipnet::IpNet;
use ringfence_compiler::inventory::Labels;

use super::{Calling, Destination, Reaching, by_reach, position};
use crate::intervals::Intervals;
use crate::kubernetes::fits::Fits;
use crate::kubernetes::network::{blocks, names};
use crate::kubernetes::passage::Direction;
use crate::memo::Memo;
use crate::model::Model;
use crate::network::{self, Looks, TUNNEL, Wire};
use crate::reach::{Caller, Reach};

/// What the network lets through.
#[derive(Debug)]
pub(super) struct Passages<'m> {
    models: Vec<&'m Model<'m>>,
    /// Callers that no policy of the network tells apart, by cluster; those outside at the end.
    alike: Arc<Vec<Vec<Alike<'m>>>>,
    /// Callers that no policy of another cluster tells apart, by cluster.
    far: Arc<Vec<Vec<Far<'m>>>>,
    /// Callers about whose own connections policies are, of the clusters that have any.
    guarded: BTreeMap<usize, Vec<usize>>,
    /// What passes into each cluster where no policy is about it; `None` where everybody is on its network.
    unguarded: Arc<Vec<Option<Arc<Reaching>>>>,
    callers: u32,
    arriving: Memo<At, Arc<Reaching>>,
    leaving: Memo<Towards, Arc<Reaching>>,
}

/// Callers that no policy of the network tells apart.
#[derive(Debug)]
struct Alike<'m> {
    one: Calling<'m>,
    all: Intervals,
}

/// Callers of one cluster, as other clusters see them: of there, and with which addresses.
#[derive(Debug)]
struct Far<'m> {
    addresses: Vec<IpNet>,
    one: Calling<'m>,
    all: Intervals,
}

/// What policies at a port go by; objects by where they lie in memory.
#[derive(Debug, PartialEq, Eq, Hash)]
struct At {
    cluster: usize,
    policies: Vec<(Fits, usize)>,
    host_network: bool,
    wire: Wire,
    port: u16,
    names: Vec<String>,
    /// Of the port of tunnels, where connections travel in them.
    tunnel: Vec<String>,
}

/// What policies at callers go by.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Towards {
    cluster: usize,
    namespace: String,
    labels: Labels,
    host_network: bool,
    addresses: Option<Vec<IpNet>>,
    wire: Wire,
    port: u16,
    names: Vec<String>,
    /// Of the port of tunnels, where connections travel in them.
    tunnel: Vec<String>,
}

/// Such callers while they are being found.
struct Group<'m> {
    one: Calling<'m>,
    all: Vec<Range<u32>>,
}

/// What policies see of a caller: namespace, labels, network and addresses of a workload, and how it calls; a stranger is seen
/// by itself.
type Seen<'m> = (Option<(&'m str, &'m Labels, bool, Option<Vec<IpNet>>, Wire)>, Option<usize>);

impl<'m> Passages<'m> {
    pub fn of(models: &[&'m Model<'m>], callers: &[Calling<'m>]) -> Self {
        let mut groups: Vec<BTreeMap<Seen<'m>, Group<'m>>> =
            std::iter::repeat_with(BTreeMap::new).take(models.len() + 1).collect();
        for (at, calling) in callers.iter().enumerate() {
            let seen = match calling.caller {
                Caller::Workload(workload) => {
                    let own = calling.cluster.and_then(|own| models.get(own));
                    let wire = own.map_or(Wire::Port, |own| Wire::of_caller(own, calling.caller));
                    let namespace = workload.namespace.as_str();
                    (Some((namespace, &workload.labels, workload.host_network, blocks(workload), wire)), None)
                }
                _ => (None, Some(at)),
            };
            if let Some(here) = groups.get_mut(calling.cluster.unwrap_or(models.len())) {
                let group = here.entry(seen).or_insert_with(|| Group { one: *calling, all: Vec::new() });
                group.all.push(position(at)..position(at) + 1);
            }
        }
        let alike = |group: Group<'m>| Alike { one: group.one, all: Intervals::of(group.all) };
        let alike: Vec<Vec<_>> = groups.into_iter().map(|here| here.into_values().map(alike).collect()).collect();
        let far: Vec<Vec<_>> = models.iter().zip(&alike).map(|(home, here)| seen_from_afar(home, here)).collect();
        let guarded = models.iter().zip(&alike).map(|(model, here)| guarded(model, here)).enumerate();
        let everybody = Intervals::range(0..position(callers.len()));
        let unguarded = (0..models.len()).map(|at| unguarded(models, &far, at, &everybody)).collect();
        Self {
            models: models.to_vec(),
            guarded: guarded.filter(|(_, here)| !here.is_empty()).collect(),
            alike: Arc::new(alike),
            far: Arc::new(far),
            unguarded: Arc::new(unguarded),
            callers: position(callers.len()),
            arriving: Memo::default(),
            leaving: Memo::default(),
        }
    }

    /// Returns the same where one cluster has other policies.
    pub fn with(&self, cluster: usize, models: &[&'m Model<'m>]) -> Self {
        let mut of_clusters = self.guarded.clone();
        of_clusters.remove(&cluster);
        if let (Some(model), Some(here)) = (models.get(cluster), self.alike.get(cluster)) {
            let found = guarded(model, here);
            if !found.is_empty() {
                of_clusters.insert(cluster, found);
            }
        }
        Self {
            models: models.to_vec(),
            alike: Arc::clone(&self.alike),
            far: Arc::clone(&self.far),
            guarded: of_clusters,
            unguarded: Arc::clone(&self.unguarded),
            callers: self.callers,
            arriving: Memo::default(),
            leaving: Memo::default(),
        }
    }

    /// Says whose connections to a port pass.
    pub fn pass(&self, model: &'m Model<'m>, to: &Destination<'m>) -> Option<Reaching> {
        let arriving = match network::is_ingress_guarded(model, to.workload) {
            true => Some(self.arriving(model, to)),
            false => self.unguarded.get(to.cluster).cloned().flatten(),
        };
        let leaving = (!self.guarded.is_empty()).then(|| self.leaving(model, to));
        match (arriving, leaving) {
            (None, None) => None,
            (Some(one), None) | (None, Some(one)) => Some((*one).clone()),
            (Some(one), Some(other)) => Some(one.and(&other)),
        }
    }

    /// Asks the policies at the port.
    fn arriving(&self, model: &'m Model<'m>, to: &Destination<'m>) -> Arc<Reaching> {
        let guards = model.network().guards(to.workload, Direction::Ingress);
        let tiers = guards.tiers.iter().map(|(fits, policy)| (*fits, std::ptr::from_ref(*policy).addr()));
        let network = guards.network.iter().map(|(fits, policy)| (*fits, std::ptr::from_ref(*policy).addr()));
        let wire = Wire::of_port(model, to.workload, to.port);
        let at = At {
            cluster: to.cluster,
            policies: tiers.chain(network).collect(),
            host_network: to.workload.host_network,
            wire,
            port: to.port,
            names: names(to.workload, to.port),
            tunnel: tunnel_names(to, wire),
        };
        self.arriving.of(at, |_| {
            let ingress = network::Ingress::of(model, to.workload, to.port);
            let ask = |caller| ingress.lets(caller).reach();
            let near = [self.alike.get(to.cluster), self.alike.last()].into_iter().flatten();
            let near = near.flat_map(|here| here.iter().map(|alike| (alike.all.clone(), ask(alike.one.caller))));
            let blocks = ingress.blocks();
            let mut far: BTreeMap<(bool, Looks), Vec<&Far<'m>>> = BTreeMap::new();
            for (cluster, of_there) in self.far.iter().enumerate().filter(|(cluster, _)| *cluster != to.cluster) {
                let Some(home) = self.models.get(cluster) else { continue };
                let is_near = network::share_a_network(home, model);
                for pods in of_there {
                    far.entry((is_near, network::looks(&pods.addresses, &blocks))).or_default().push(pods);
                }
            }
            let far = far.into_values().filter_map(|far| {
                let reach = ask(self.seen_from(to.cluster, far.first()?.one)?);
                Some((Intervals::of(far.iter().flat_map(|far| far.all.ranges().iter().cloned()).collect()), reach))
            });
            Arc::new(by_reach(near.chain(far)))
        })
    }

    /// Asks the policies at the callers.
    fn leaving(&self, model: &'m Model<'m>, to: &Destination<'m>) -> Arc<Reaching> {
        let wire = Wire::of_port(model, to.workload, to.port);
        let towards = Towards {
            cluster: to.cluster,
            namespace: to.workload.namespace.clone(),
            labels: to.workload.labels.clone(),
            host_network: to.workload.host_network,
            addresses: blocks(to.workload),
            wire,
            port: to.port,
            names: names(to.workload, to.port),
            tunnel: tunnel_names(to, wire),
        };
        self.leaving.of(towards, |_| {
            let of_cluster = |(cluster, guarded): (&usize, &Vec<usize>)| -> Vec<(Intervals, Reach)> {
                let here = self.alike.get(*cluster).map(Vec::as_slice).unwrap_or_default();
                let asked = guarded.iter().filter_map(|at| here.get(*at)).filter_map(|alike| {
                    let caller = self.seen_from(to.cluster, alike.one)?;
                    Some((alike.all.clone(), network::egress(model, caller, to.workload, to.port).reach()))
                });
                asked.collect()
            };
            let asked: Vec<_> = self.guarded.iter().flat_map(of_cluster).collect();
            let guarded = Intervals::of(asked.iter().flat_map(|(all, _)| all.ranges().to_vec()).collect());
            let free = Intervals::range(0..self.callers).without(&guarded);
            Arc::new(by_reach(asked.into_iter().chain([(free, Reach::Allowed)])))
        })
    }

    /// Returns a caller as a cluster sees it.
    fn seen_from(&self, cluster: usize, calling: Calling<'m>) -> Option<Caller<'m>> {
        match calling.cluster {
            Some(own) if own != cluster => Some(calling.caller.from_elsewhere(self.models.get(own)?)),
            _ => Some(calling.caller),
        }
    }
}

/// Returns what a workload calls the port of tunnels, where connections travel in them.
fn tunnel_names(to: &Destination<'_>, wire: Wire) -> Vec<String> {
    if wire == Wire::Port { Vec::new() } else { names(to.workload, TUNNEL) }
}

/// Puts callers of a cluster together that other clusters do not tell apart.
fn seen_from_afar<'m>(home: &Model<'m>, alike: &[Alike<'m>]) -> Vec<Far<'m>> {
    let mut far: BTreeMap<Vec<IpNet>, Vec<&Alike<'m>>> = BTreeMap::new();
    for one in alike {
        let addresses = match one.one.caller {
            Caller::Workload(from) => network::addresses(home, from),
            _ => network::anywhere(home, false),
        };
        far.entry(addresses).or_default().push(one);
    }
    let put = |(addresses, these): (Vec<IpNet>, Vec<&Alike<'m>>)| {
        let all = these.iter().flat_map(|alike| alike.all.ranges().iter().cloned()).collect();
        Some(Far { addresses, one: these.first()?.one, all: Intervals::of(all) })
    };
    far.into_iter().filter_map(put).collect()
}

/// Returns the positions of those about whose own connections policies are.
fn guarded(model: &Model<'_>, alike: &[Alike<'_>]) -> Vec<usize> {
    let is_guarded = |alike: &Alike<'_>| match alike.one.caller {
        Caller::Workload(from) => network::is_egress_guarded(model, from),
        _ => false,
    };
    alike.iter().enumerate().filter(|(_, alike)| is_guarded(alike)).map(|(at, _)| at).collect()
}

/// Says what passes into a cluster where no policy is about it: whether calls from beyond its network arrive nobody knows.
fn unguarded(models: &[&Model<'_>], far: &[Vec<Far<'_>>], at: usize, everybody: &Intervals) -> Option<Arc<Reaching>> {
    let here = models.get(at)?;
    let beyond = models.iter().zip(far).enumerate();
    let beyond = beyond.filter(|(other, (model, _))| *other != at && !network::share_a_network(model, here));
    let ranges = beyond.flat_map(|(_, (_, far))| far.iter().flat_map(|far| far.all.ranges().iter().cloned()));
    let unsure = Intervals::of(ranges.collect());
    (unsure.count() > 0).then(|| Arc::new(Reaching { open: everybody.without(&unsure), unsure }))
}
