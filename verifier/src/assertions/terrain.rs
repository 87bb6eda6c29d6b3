//! Every cluster of a policy, and the ways between them.
//!
//! In: resolved policy and what was compiled of it. Out: [`Terrain`], which answers whether a caller anywhere reaches a port
//! of a workload anywhere: what [`explain`] says.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use ringfence_compiler::inventory::{ClusterInventory, Workload};
use ringfence_compiler::resolve::Resolved;
use ringfence_compiler::resolve::world::{Cluster, World};

use crate::entrances::{Entrance, Entrances, Pods};
use crate::model::{Model, Stranger};
use crate::network;
use crate::policies::Policies;
use crate::reach::{
    Answer, Asked, Behind, Caller, Detail, Gateways, Reach, Routed, Way, explain, routed, through_each,
};
use crate::request::Identity;

/// A cluster, ready to be asked, by its position in [`World::clusters`].
#[derive(Debug)]
pub(super) struct Land<'a> {
    pub name: &'a str,
    pub model: Model<'a>,
    /// Gateways by the position of their workload: they are proxies themselves, though nobody injects one.
    gateways: BTreeMap<usize, Stranger>,
    /// What gateways let in, to whichever cluster it leads.
    pub entrances: Entrances,
    /// Service accounts that have a manifest and no workload.
    pub accounts: Vec<Stranger>,
}

/// All clusters.
#[derive(Debug)]
pub(super) struct Terrain<'a> {
    pub resolved: &'a Resolved<'a>,
    pub lands: Vec<Land<'a>>,
}

/// Somebody who calls.
#[derive(Debug, Clone, Copy)]
pub(super) enum Who<'t> {
    /// The pods of a workload, by cluster and position in its inventory.
    Pods(usize, usize, &'t Workload),
    /// An identity of a cluster that no workload shows.
    Known(usize, &'t Stranger),
    /// Addresses outside every cluster.
    Outside(IpNet),
}

/// A workload of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// The cluster.
    pub land: usize,
    /// The position in its inventory.
    pub index: usize,
}

impl<'a> Land<'a> {
    pub fn of(name: &'a str, cluster: &Cluster<'a>, policies: &'a Policies) -> Self {
        let cluster = Cluster { document: cluster.document, inventory: cluster.inventory };
        let model = Model::joining(cluster, policies);
        let inventory: &ClusterInventory = model.cluster().inventory;
        let domain = model.cluster().trust_domain();
        let accounts = inventory.accounts.iter().map(|(namespace, name)| Stranger {
            name: format!("{namespace}/{name}"),
            identity: Identity::new(domain, namespace, name),
            labels: None,
        });
        let shown: BTreeSet<Identity> = model.workloads().map(|workload| identity(&model, workload)).collect();
        let accounts = accounts.filter(|account| !shown.contains(&account.identity)).collect();
        let declared: BTreeSet<Identity> = model
            .cluster()
            .document
            .spec
            .gateways
            .values()
            .map(|gateway| &gateway.value)
            .map(|it| Identity::new(domain, it.namespace.value.0.as_str(), it.service_account.value.0.as_str()))
            .collect();
        let gateways = model.workloads().enumerate().filter_map(|(index, workload)| {
            let identity = identity(&model, workload);
            let is_gateway = declared.contains(&identity) && model.identity(workload).is_none();
            let name = format!("{}/{}", workload.namespace, workload.name);
            is_gateway.then(|| (index, Stranger { name, identity, labels: Some(workload.labels.clone()) }))
        });
        let gateways = gateways.collect();
        Self { name, model, gateways, entrances: Entrances::default(), accounts }
    }
}

/// Returns the identity a workload has, whether it has a proxy to show it or not.
pub(super) fn identity(model: &Model<'_>, workload: &Workload) -> Identity {
    Identity::new(model.cluster().trust_domain(), &workload.namespace, &workload.service_account)
}

impl<'a> Terrain<'a> {
    /// Joins clusters.
    pub fn of(resolved: &'a Resolved<'a>, mut lands: Vec<Land<'a>>) -> Self {
        let entrances = Entrances::of_mesh(lands.iter().map(|land| &land.model));
        lands.iter_mut().zip(entrances).for_each(|(land, entrances)| land.entrances = entrances);
        Self { resolved, lands }
    }

    /// Returns what there is.
    pub fn world(&self) -> &'a World<'a> {
        &self.resolved.world
    }

    /// Returns the cluster and the workload of a place.
    pub fn at(&self, place: Place) -> Option<(&Land<'a>, &'a Workload)> {
        let land = self.lands.get(place.land)?;
        Some((land, land.model.cluster().inventory.workloads.get(place.index)?))
    }

    /// Returns every workload.
    pub fn places(&self) -> Vec<Place> {
        let of = |(land, it): (usize, &Land<'a>)| {
            (0..it.model.cluster().inventory.workloads.len()).map(move |index| Place { land, index })
        };
        self.lands.iter().enumerate().flat_map(of).collect()
    }

    /// Returns the pods of a place as a caller.
    pub fn pods(&self, place: Place) -> Option<Who<'_>> {
        Some(Who::Pods(place.land, place.index, self.at(place)?.1))
    }

    /// Returns the pods of a place as the gateway they are.
    pub fn gateway(&self, place: Place) -> Option<Who<'_>> {
        Some(Who::Known(place.land, self.lands.get(place.land)?.gateways.get(&place.index)?))
    }

    /// Tells whether pods of one cluster reach those of another by their addresses, as both clusters' facts say.
    pub fn share_a_network(&self, one: usize, other: usize) -> bool {
        let (Some(ours), Some(theirs)) = (self.lands.get(one), self.lands.get(other)) else { return false };
        one == other || network::share_a_network(&ours.model, &theirs.model)
    }

    /// Returns a caller as the cluster of a place knows it, with the workload there and that cluster.
    fn meeting<'t>(&'t self, from: Who<'t>, to: Place) -> Option<(Caller<'t>, &'t Workload, &'t Model<'t>)> {
        let (land, workload) = self.at(to)?;
        let caller = match from {
            Who::Pods(home, ..) | Who::Known(home, _) if home != to.land => {
                let model: &'t Model<'t> = &self.lands.get(home)?.model;
                from.caller().from_elsewhere(model)
            }
            _ => from.caller(),
        };
        Some((caller, workload, &land.model))
    }

    /// Answers whether a caller reaches a port of a workload, who can show these identities beside its own.
    pub fn answer<'t>(
        &'t self,
        from: Who<'t>,
        to: Place,
        port: u16,
        asked: &Asked,
        keys: &[Identity],
    ) -> Option<Answer<'t>> {
        let (caller, workload, model) = self.meeting(from, to)?;
        Some(explain(model, caller, (workload, port), asked, Detail { stolen: keys, ..Detail::default() }))
    }

    /// Answers where something may get through; `None` where nothing does.
    pub fn reaches<'t>(
        &'t self,
        from: Who<'t>,
        to: Place,
        port: u16,
        asked: &Asked,
        keys: &[Identity],
    ) -> Option<Answer<'t>> {
        let (caller, workload, model) = self.meeting(from, to)?;
        let egress = network::egress(model, caller, workload, port).reach();
        if egress.min(network::ingress(model, caller, workload, port).reach()) == Reach::Denied {
            return None;
        }
        self.answer(from, to, port, asked, keys).filter(|answer| answer.reach() != Reach::Denied)
    }

    /// Returns the best way through a gateway of any cluster to a port, where something may get through: of who is inside as well as
    /// from addresses outside. What is asked for depends on the listener and the identity of its pods.
    pub fn by_gateway<'t>(
        &'t self,
        from: Who<'t>,
        to: Place,
        port: u16,
        asked: &dyn Fn(&Entrance, Option<&Identity>) -> Vec<Asked>,
    ) -> Option<Answer<'t>> {
        let (caller, workload, model) = self.meeting(from, to)?;
        let to = Behind { model, workload, port };
        let gateways = self.lands.iter().map(|land| Gateways { home: &land.model, entrances: &land.entrances });
        let ways: Vec<Way<'_>> = gateways.flat_map(|gateways| through_each(gateways, to, caller, asked)).collect();
        let best = ways.into_iter().filter(|way| way.reach != Reach::Denied).rev().max_by_key(|way| way.reach);
        best.map(Way::answer)
    }

    /// Returns the best way by a route at a waypoint to a port, where something may get through.
    pub fn by_route<'t>(&'t self, from: Who<'t>, to: Place, port: u16, asked: &[Asked]) -> Option<Answer<'t>> {
        let land = self.lands.get(to.land)?;
        let (caller, workload, model) = self.meeting(from, to)?;
        let mut ways = asked.iter().flat_map(|asked| routed(model, &land.entrances, (workload, port), caller, asked));
        ways.next().map(Routed::answer)
    }

    /// Returns the ports of a place to which gateways lead.
    pub fn led_to(&self, place: Place) -> BTreeSet<u16> {
        let Some(to) = self.lands.get(place.land) else { return BTreeSet::new() };
        self.lands.iter().flat_map(|land| land.entrances.ports_of(to.name, place.index)).collect()
    }

    /// Tells whether what a gateway lets in is known: some object makes its pods listen.
    pub fn listens(&self, from: Who<'_>) -> bool {
        let (Who::Pods(land, ..) | Who::Known(land, _)) = from else { return false };
        let Some(land) = self.lands.get(land) else { return false };
        let mut all = land.entrances.listeners.iter().flat_map(|listener| &listener.pods);
        let index = match from {
            Who::Pods(_, index, _) => Some(index),
            Who::Known(_, stranger) => land.gateways.iter().find(|(_, it)| *it == stranger).map(|(index, _)| *index),
            Who::Outside(_) => None,
        };
        all.any(|it| match (&it.pods, from) {
            (Pods::Workload(at), _) => index == Some(*at),
            (Pods::Known(known), Who::Known(_, stranger)) => known.identity == stranger.identity,
            _ => false,
        })
    }

    /// Returns the identity that whoever takes a caller can show from anywhere: of pods, where they have a proxy.
    pub fn key_of(&self, from: Who<'_>) -> Option<Identity> {
        match from {
            Who::Pods(land, _, workload) => self.lands.get(land)?.model.identity(workload),
            Who::Known(_, stranger) => Some(stranger.identity.clone()),
            Who::Outside(_) => None,
        }
    }
}

impl<'t> Who<'t> {
    /// Returns the caller as its own cluster knows it.
    fn caller(self) -> Caller<'t> {
        match self {
            Self::Pods(_, _, workload) => Caller::Workload(workload),
            Self::Known(_, stranger) => Caller::Stranger(stranger),
            Self::Outside(block) => Caller::Outside(block),
        }
    }

    /// Returns the place of its pods.
    pub fn place(self) -> Option<Place> {
        match self {
            Self::Pods(land, index, _) => Some(Place { land, index }),
            _ => None,
        }
    }
}
