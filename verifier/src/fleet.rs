//! The clusters of one mesh, and every caller in them.
//!
//! In: a [`Model`] of each cluster. Out: [`Fleet`], which says of a port who reaches it: all callers at once, as intervals of
//! one sorted table, in which callers of one identity, one namespace or one trust domain lie side by side. Clusters of one
//! mesh trust the same roots, so that an identity is the same in each of them.

mod doors;
mod passages;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;
use ringfence_compiler::inventory::Workload;

use self::doors::Doors;
use self::passages::Passages;
use crate::engine::envoy::Reads;
use crate::identities::Identities;
use crate::intervals::Intervals;
use crate::model::{Before, Model};
use crate::reach::{Asked, Caller, Reach, through_waypoint};
use crate::request::Identity;
use crate::waypoints;

/// A port of a workload.
#[derive(Debug, Clone, Copy)]
pub struct Destination<'m> {
    /// The position of its cluster.
    pub cluster: usize,
    /// The workload.
    pub workload: &'m Workload,
    /// The port.
    pub port: u16,
    /// How a proxy may read it.
    pub readings: &'static [Reads],
}

/// Who calls, and from where.
#[derive(Debug, Clone, Copy)]
pub struct Calling<'m> {
    /// The position of its cluster; `None` is outside of all.
    pub cluster: Option<usize>,
    /// Who, as its own cluster sees it.
    pub caller: Caller<'m>,
}

/// Who reaches a port, by positions in [`Fleet::callers`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reaching {
    /// Those of which something gets through.
    pub open: Intervals,
    /// Those of which it depends on what no file tells.
    pub unsure: Intervals,
}

impl Reaching {
    /// Returns what becomes of one caller.
    #[must_use]
    pub fn of(&self, caller: u32) -> Reach {
        match () {
            () if self.open.contains(caller) => Reach::Allowed,
            () if self.unsure.contains(caller) => Reach::Depends,
            () => Reach::Denied,
        }
    }

    /// Returns what gets through this and through the other.
    fn and(&self, other: &Self) -> Self {
        let open = self.open.and(&other.open);
        let any = self.any().and(&other.any());
        Self { unsure: any.without(&open), open }
    }

    fn any(&self) -> Intervals {
        self.open.or(&self.unsure)
    }
}

/// The clusters of one mesh.
#[derive(Debug)]
pub struct Fleet<'m> {
    models: Vec<&'m Model<'m>>,
    callers: Arc<Vec<Calling<'m>>>,
    doors: Doors,
    passages: Passages<'m>,
}

impl<'m> Fleet<'m> {
    /// Joins the clusters of a mesh.
    #[must_use]
    pub fn of(models: &'m [Model<'m>]) -> Self {
        Self::among(models.iter().collect())
    }

    /// Joins the clusters of a mesh, wherever each lies.
    #[must_use]
    pub fn among(models: Vec<&'m Model<'m>>) -> Self {
        let named: Vec<(Option<Identity>, Calling<'m>)> = (0..)
            .zip(&models)
            .flat_map(|(cluster, model)| {
                let workloads =
                    model.workloads().map(|workload| (model.identity(workload), Caller::Workload(workload)));
                let strangers = model.strangers().iter();
                let strangers = strangers.map(|stranger| (Some(stranger.identity.clone()), Caller::Stranger(stranger)));
                let calling = move |caller| Calling { cluster: Some(cluster), caller };
                workloads.chain(strangers).map(move |(identity, caller)| (identity, calling(caller)))
            })
            .collect();
        let identities = Identities::of(named.iter().filter_map(|(identity, _)| identity.clone()));
        let mut of_identity: Vec<Vec<Calling<'m>>> = vec![Vec::new(); identities.list().len()];
        let mut nameless = Vec::new();
        for (identity, calling) in named {
            let place = identity.and_then(|identity| identities.position(&identity));
            match place.and_then(|place| of_identity.get_mut(place as usize)) {
                Some(callers) => callers.push(calling),
                None => nameless.push(calling),
            }
        }
        nameless.extend(Caller::anyone_outside().map(|caller| Calling { cluster: None, caller }));
        let mut starts = vec![0];
        let mut callers = Vec::new();
        for of_one in of_identity {
            callers.extend(of_one);
            starts.push(position(callers.len()));
        }
        callers.extend(nameless);
        let all = position(callers.len());
        let passages = Passages::of(&models, &callers);
        Self { models, callers: Arc::new(callers), doors: Doors::of(identities, starts, all), passages }
    }

    /// Returns the same mesh with other policies in one cluster, in which the same must run: a what-if. What is known of
    /// names and of rules is shared, so that only what is asked about anew is worked out.
    #[must_use]
    pub fn with(&self, cluster: usize, model: &'m Model<'m>) -> Self {
        let mut models = self.models.clone();
        if let Some(old) = models.get_mut(cluster) {
            *old = model;
        }
        let passages = self.passages.with(cluster, &models);
        Self { models, callers: Arc::clone(&self.callers), doors: self.doors.afresh(), passages }
    }

    /// Returns the clusters.
    #[must_use]
    pub fn models(&self) -> &[&'m Model<'m>] {
        &self.models
    }

    /// Returns every caller: those of one identity side by side, then those without one, the last of which is anyone outside.
    #[must_use]
    pub fn callers(&self) -> &[Calling<'m>] {
        &self.callers
    }

    /// Returns how many identities there are.
    #[must_use]
    pub fn identities(&self) -> usize {
        self.doors.identities()
    }

    /// Returns every port that manifests show, by cluster, workload and number.
    #[must_use]
    pub fn destinations(&self) -> Vec<Destination<'m>> {
        let of_cluster = |(cluster, model): (usize, &&'m Model<'m>)| {
            let model: &'m Model<'m> = model;
            let workloads: Vec<&'m Workload> = model.workloads().collect();
            let ports = workloads.into_par_iter().flat_map_iter(move |workload| ports(model, cluster, workload));
            ports.collect::<Vec<_>>()
        };
        self.models.iter().enumerate().flat_map(of_cluster).collect()
    }

    /// Returns the ports of one namespace of a cluster.
    #[must_use]
    pub fn destinations_in(&self, cluster: usize, namespace: &str) -> Vec<Destination<'m>> {
        let Some(model) = self.models.get(cluster) else { return Vec::new() };
        let here = model.cluster().inventory.workloads_in(namespace);
        here.flat_map(|(_, workload)| ports(model, cluster, workload)).collect()
    }

    /// Says who reaches a port.
    #[must_use]
    pub fn reaching(&self, to: &Destination<'m>) -> Reaching {
        let Some(model) = self.models.get(to.cluster) else { return Reaching::default() };
        let mut reaching = self.straight(to);
        if let Some(around) = self.through_waypoints(model, to) {
            reaching.open = reaching.open.or(&around.open);
            reaching.unsure = reaching.unsure.or(&around.unsure).without(&reaching.open);
        }
        reaching
    }

    /// Says who reaches a port without a waypoint.
    #[must_use]
    pub fn straight(&self, to: &Destination<'m>) -> Reaching {
        let Some(model) = self.models.get(to.cluster) else { return Reaching::default() };
        let proxy = self.doors.admit(model, to);
        match self.passages.pass(model, to) {
            None => (*proxy).clone(),
            Some(network) => proxy.and(&network),
        }
    }

    /// Returns who comes through a waypoint, past policies at the port. Few ports are behind one, so that callers are asked one by one.
    fn through_waypoints(&self, model: &'m Model<'m>, to: &Destination<'m>) -> Option<Reaching> {
        let is_behind =
            model.before(to.workload, to.port) == Before::Ztunnel && waypoints::is_behind(model.cluster(), to.workload);
        if !is_behind {
            return None;
        }
        let ask = |calling: &Calling<'m>| {
            let caller = match calling.cluster {
                Some(own) if own != to.cluster => calling.caller.from_elsewhere(self.models.get(own)?),
                _ => calling.caller,
            };
            Some(through_waypoint(model, caller, (to.workload, to.port), &Asked::anything(), &[])?.reach)
        };
        let found: Vec<Option<Reach>> = self.callers().par_iter().map(ask).collect();
        let of = |wanted| {
            let those = (0..).zip(&found).filter(move |(_, reach)| **reach == Some(wanted));
            Intervals::of(those.map(|(at, _): (u32, _)| at..at + 1).collect())
        };
        Some(Reaching { open: of(Reach::Allowed), unsure: of(Reach::Depends) })
    }

    /// Says whose connections to a port the network lets through; `None` where all surely are: no policy is about either end,
    /// and every caller is on the network of the port.
    #[must_use]
    pub fn passing(&self, to: &Destination<'m>) -> Option<Reaching> {
        self.passages.pass(self.models.get(to.cluster)?, to)
    }

    /// Counts the pairs of a caller and a port: those that are open, and those of which it depends.
    #[must_use]
    pub fn count(&self) -> (u64, u64) {
        let counts = self.destinations().into_par_iter().map(|to| {
            let reaching = self.reaching(&to);
            (reaching.open.count(), reaching.unsure.count())
        });
        counts.reduce(|| (0, 0), |one, other| (one.0 + other.0, one.1 + other.1))
    }
}

fn ports<'m>(model: &Model<'m>, cluster: usize, workload: &'m Workload) -> impl Iterator<Item = Destination<'m>> {
    let ports = model.ports(workload).into_iter();
    ports.map(move |(port, readings)| Destination { cluster, workload, port, readings })
}

/// A table has fewer entries than `u32` has values: there is no memory for more.
fn position(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// Puts positions together by what is found at each.
fn by_reach(found: impl Iterator<Item = (Intervals, Reach)>) -> Reaching {
    let mut ranges: BTreeMap<Reach, Vec<Range<u32>>> = BTreeMap::new();
    for (positions, reach) in found {
        ranges.entry(reach).or_default().extend(positions.ranges().iter().cloned());
    }
    let mut take = |reach| Intervals::of(ranges.remove(&reach).unwrap_or_default());
    Reaching { open: take(Reach::Allowed), unsure: take(Reach::Depends) }
}
