//! Who reaches whom, all at once.
//!
//! In: a [`Model`]. Out: [`Matrix`]: for each port of each workload the callers that reach it. It is the plain product of
//! [`reach`] over workloads, and one caller from outside.

use rayon::prelude::*;
use ringfence_compiler::inventory::Workload;

use crate::model::Model;
use crate::reach::{Asked, Caller, Reach, reach};

/// Who reaches whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matrix {
    /// The callers: workloads by namespace and name, those that only the facts name, and anyone outside the cluster.
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
    /// Asks for every caller and every port that manifests show.
    #[must_use]
    pub fn of(model: &Model<'_>) -> Self {
        let workloads: Vec<&Workload> = model.workloads().collect();
        let outside = "0.0.0.0/0".parse().ok().map(Caller::Outside);
        let strangers = model.strangers().iter().map(Caller::Stranger);
        let callers: Vec<Caller<'_>> =
            workloads.iter().map(|workload| Caller::Workload(workload)).chain(strangers).chain(outside).collect();
        let ports: Vec<(&Workload, u16)> = workloads
            .iter()
            .flat_map(|workload| model.ports(workload).into_keys().map(|port| (*workload, port)))
            .collect();
        let asked = Asked::anything();
        let row = |(workload, port): &(&Workload, u16)| Row {
            workload: name(workload),
            port: *port,
            cells: callers.iter().map(|caller| reach(model, *caller, workload, *port, &asked).reach()).collect(),
        };
        let strangers = model.strangers().iter().map(|stranger| stranger.name.clone());
        let names = workloads.iter().map(|workload| name(workload)).chain(strangers).chain([OUTSIDE.to_owned()]);
        Self { callers: names.collect(), rows: ports.par_iter().map(row).collect() }
    }
}
