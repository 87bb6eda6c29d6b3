//! Whom the network lets through, worked out once for callers and ports that its policies do not tell apart.
//!
//! In: a port. Out: the callers whose connections pass the policies at both ends, as [`Reaching`]; `None` where no policy is
//! about either, and every caller is on the same network.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use ringfence_compiler::inventory::Labels;

use super::{Calling, Destination, Reaching, by_reach, position};
use crate::intervals::Intervals;
use crate::kubernetes::fits::Fits;
use crate::kubernetes::network::names;
use crate::kubernetes::passage::Direction;
use crate::memo::Memo;
use crate::model::Model;
use crate::network::{self, Wire};
use crate::reach::{Caller, Reach};

/// What the network lets through.
#[derive(Debug)]
pub(super) struct Passages<'m> {
    models: Vec<&'m Model<'m>>,
    /// Callers that no policy of the network tells apart, by cluster; those outside at the end.
    alike: Vec<Arc<Vec<Alike<'m>>>>,
    /// Callers about whose own connections policies are, by cluster.
    guarded: Vec<Vec<usize>>,
    /// What passes into each cluster where no policy is about it; `None` where everybody is on its network.
    unguarded: Vec<Option<Arc<Reaching>>>,
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

/// What policies at a port go by; objects by where they lie in memory.
#[derive(Debug, PartialEq, Eq, Hash)]
struct At {
    cluster: usize,
    policies: Vec<(Fits, usize)>,
    host_network: bool,
    wire: Wire,
    port: u16,
    names: Vec<String>,
}

/// What policies at callers go by.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Towards {
    cluster: usize,
    namespace: String,
    labels: Labels,
    host_network: bool,
    wire: Wire,
    port: u16,
    names: Vec<String>,
}

/// Such callers while they are being found.
struct Group<'m> {
    one: Calling<'m>,
    all: Vec<Range<u32>>,
}

/// What policies see of a caller: namespace, labels and network of a workload, and how it calls; a stranger is seen by itself.
type Seen<'m> = (Option<(&'m str, &'m Labels, bool, Wire)>, Option<usize>);

impl<'m> Passages<'m> {
    pub fn of(models: &[&'m Model<'m>], callers: &[Calling<'m>]) -> Self {
        let mut groups: Vec<BTreeMap<Seen<'m>, Group<'m>>> =
            std::iter::repeat_with(BTreeMap::new).take(models.len() + 1).collect();
        for (at, calling) in callers.iter().enumerate() {
            let seen = match calling.caller {
                Caller::Workload(workload) => {
                    let own = calling.cluster.and_then(|own| models.get(own));
                    let wire = own.map_or(Wire::Port, |own| Wire::of_caller(own, calling.caller));
                    (Some((workload.namespace.as_str(), &workload.labels, workload.host_network, wire)), None)
                }
                _ => (None, Some(at)),
            };
            if let Some(here) = groups.get_mut(calling.cluster.unwrap_or(models.len())) {
                let group = here.entry(seen).or_insert_with(|| Group { one: *calling, all: Vec::new() });
                group.all.push(position(at)..position(at) + 1);
            }
        }
        let alike = |group: Group<'m>| Alike { one: group.one, all: Intervals::of(group.all) };
        let alike: Vec<_> =
            groups.into_iter().map(|here| Arc::new(here.into_values().map(alike).collect::<Vec<_>>())).collect();
        let guarded = models.iter().zip(&alike).map(|(model, here)| guarded(model, here)).collect();
        let callers = position(callers.len());
        let unguarded = (0..models.len()).map(|at| unguarded(models, &alike, at, callers)).collect();
        Self {
            models: models.to_vec(),
            alike,
            guarded,
            unguarded,
            callers,
            arriving: Memo::default(),
            leaving: Memo::default(),
        }
    }

    /// Returns the same where one cluster has other policies.
    pub fn with(&self, cluster: usize, models: &[&'m Model<'m>]) -> Self {
        let mut of_clusters = self.guarded.clone();
        if let (Some(of_cluster), Some(model), Some(here)) =
            (of_clusters.get_mut(cluster), models.get(cluster), self.alike.get(cluster))
        {
            *of_cluster = guarded(model, here);
        }
        Self {
            models: models.to_vec(),
            alike: self.alike.clone(),
            guarded: of_clusters,
            unguarded: self.unguarded.clone(),
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
        let leaving = self.guarded.iter().any(|here| !here.is_empty()).then(|| self.leaving(model, to));
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
        let at = At {
            cluster: to.cluster,
            policies: tiers.chain(network).collect(),
            host_network: to.workload.host_network,
            wire: Wire::of_port(model, to.workload, to.port),
            port: to.port,
            names: names(to.workload, to.port),
        };
        self.arriving.of(at, |_| {
            let ingress = network::Ingress::of(model, to.workload, to.port);
            let ask = |caller| ingress.lets(caller).reach();
            let here = |cluster: usize| cluster == to.cluster || cluster >= self.models.len();
            Arc::new(by_reach(self.alike.iter().enumerate().flat_map(|(cluster, alike)| {
                let near = alike.iter().filter(move |_| here(cluster));
                let near = near.map(move |alike| (alike.all.clone(), ask(alike.one.caller)));
                // Policies see nothing of another cluster's pods but that they are of there, and whether on their nodes.
                let on_node = |alike: &&Alike<'m>| matches!(alike.one.caller, Caller::Workload(it) if it.host_network);
                let far = [true, false].into_iter().filter(|_| !here(cluster)).filter_map(|node| {
                    let mut these = alike.iter().filter(|alike| on_node(alike) == node).peekable();
                    let reach = ask(self.seen_from(to.cluster, these.peek()?.one)?);
                    Some((Intervals::of(these.flat_map(|alike| alike.all.ranges().to_vec()).collect()), reach))
                });
                near.chain(far).collect::<Vec<_>>()
            })))
        })
    }

    /// Asks the policies at the callers.
    fn leaving(&self, model: &'m Model<'m>, to: &Destination<'m>) -> Arc<Reaching> {
        let towards = Towards {
            cluster: to.cluster,
            namespace: to.workload.namespace.clone(),
            labels: to.workload.labels.clone(),
            host_network: to.workload.host_network,
            wire: Wire::of_port(model, to.workload, to.port),
            port: to.port,
            names: names(to.workload, to.port),
        };
        self.leaving.of(towards, |_| {
            let of_cluster = |(here, guarded): (&'_ Arc<Vec<Alike<'m>>>, &Vec<usize>)| -> Vec<(Intervals, Reach)> {
                let alike = guarded.iter().filter_map(|at| here.get(*at));
                let asked = alike.filter_map(|alike| {
                    let caller = self.seen_from(to.cluster, alike.one)?;
                    Some((alike.all.clone(), network::egress(model, caller, to.workload, to.port).reach()))
                });
                asked.collect()
            };
            let asked: Vec<_> = self.alike.iter().zip(&self.guarded).flat_map(of_cluster).collect();
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

/// Returns the positions of those about whose own connections policies are.
fn guarded(model: &Model<'_>, alike: &[Alike<'_>]) -> Vec<usize> {
    let is_guarded = |alike: &Alike<'_>| match alike.one.caller {
        Caller::Workload(from) => network::is_egress_guarded(model, from),
        _ => false,
    };
    alike.iter().enumerate().filter(|(_, alike)| is_guarded(alike)).map(|(at, _)| at).collect()
}

/// Says what passes into a cluster where no policy is about it: whether calls from beyond its network arrive nobody knows.
fn unguarded(models: &[&Model<'_>], alike: &[Arc<Vec<Alike<'_>>>], at: usize, callers: u32) -> Option<Arc<Reaching>> {
    let here = models.get(at)?;
    let is_near = |(other, model): (usize, &&Model<'_>)| other == at || network::share_a_network(model, here);
    let near: Vec<bool> = models.iter().enumerate().map(is_near).collect();
    if near.iter().all(|near| *near) {
        return None;
    }
    // Whoever is outside of all clusters comes last.
    let of_near = alike.iter().zip(near.into_iter().chain([true])).filter(|(_, near)| *near);
    let open = of_near.flat_map(|(alike, _)| alike.iter().flat_map(|alike| alike.all.ranges().to_vec()));
    let open = Intervals::of(open.collect());
    Some(Arc::new(Reaching { unsure: Intervals::range(0..callers).without(&open), open }))
}
