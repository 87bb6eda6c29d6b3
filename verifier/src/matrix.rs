//! Who reaches whom, all at once.
//!
//! In: a [`Fleet`]. Out: [`Matrix`]: for each port of each workload of a cluster the callers that reach it, by name.

use rayon::prelude::*;
use ringfence_compiler::inventory::Workload;

use crate::fleet::{Calling, Destination, Fleet};
use crate::reach::{Caller, Reach};

/// Who reaches the ports of one cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matrix {
    /// The callers: workloads by namespace and name, those that only the facts name, those of other clusters, and anyone
    /// outside.
    pub callers: Vec<String>,
    /// A row for each port.
    pub rows: Vec<Row>,
}

/// One port of one workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The workload.
    pub workload: String,
    /// The port.
    pub port: u16,
    /// What each caller gets there, in the order of [`Matrix::callers`].
    pub cells: Vec<Reach>,
}

/// What callers outside the cluster are called.
pub const OUTSIDE: &str = "outside";

/// Returns the name of a workload as answers use it: `shop/web`.
#[must_use]
pub fn name(workload: &Workload) -> String {
    format!("{}/{}", workload.namespace, workload.name)
}

impl Matrix {
    /// Asks for every caller and every port of a cluster that manifests show.
    #[must_use]
    pub fn of(fleet: &Fleet<'_>, cluster: usize) -> Self {
        let mut callers: Vec<(Order, String, u32)> = (0..)
            .zip(fleet.callers())
            .map(|(position, calling)| {
                let (order, name) = named(fleet, cluster, calling);
                (order, name, position)
            })
            .collect();
        callers.sort();
        let here: Vec<Destination<'_>> = fleet.destinations().into_iter().filter(|to| to.cluster == cluster).collect();
        let row = |to: &Destination<'_>| {
            let reaching = fleet.reaching(to);
            let cells = callers.iter().map(|(_, _, position)| reaching.of(*position)).collect();
            Row { workload: name(to.workload), port: to.port, cells }
        };
        let rows = here.par_iter().map(row).collect();
        Self { callers: callers.into_iter().map(|(_, name, _)| name).collect(), rows }
    }
}

/// In which order callers are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Order {
    Workload,
    Stranger,
    Elsewhere,
    Outside,
}

fn named(fleet: &Fleet<'_>, cluster: usize, calling: &Calling<'_>) -> (Order, String) {
    let (order, name) = match calling.caller {
        Caller::Workload(workload) | Caller::WorkloadOf(_, workload) => (Order::Workload, name(workload)),
        Caller::Stranger(stranger) | Caller::StrangerOf(_, stranger) => (Order::Stranger, stranger.name.clone()),
        Caller::Outside(_) => (Order::Outside, OUTSIDE.to_owned()),
    };
    match calling.cluster.and_then(|home| Some((home, fleet.models().get(home)?))) {
        Some((home, model)) if home != cluster => (Order::Elsewhere, format!("{}:{name}", model.name())),
        _ => (order, name),
    }
}
