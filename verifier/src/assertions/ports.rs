//! The ports at which a question has to be asked.
//!
//! In: a workload, and who calls it. Out: ports such that whatever holds at any port holds at one of these: those that
//! anybody speaks of at either end, and one of which nobody does.

use std::collections::BTreeSet;

use ringfence_compiler::spec::access::Port;

use super::terrain::{Place, Terrain, Who};
use crate::model::numbered;
use crate::spoken::Spoken;

impl Terrain<'_> {
    /// Returns the ports that manifests of a workload declare or Services lead to.
    pub fn declared(&self, place: Place) -> BTreeSet<u16> {
        self.at(place).map(|(land, workload)| land.model.ports(workload).into_keys().collect()).unwrap_or_default()
    }

    /// Returns the ports a reference to a port stands for at a workload.
    pub fn numbered(&self, place: Place, port: &Port) -> BTreeSet<u16> {
        match (port, self.at(place)) {
            (_, Some((_, workload))) => numbered(workload, port),
            (Port::Number(number), None) => [*number].into(),
            (Port::Name(_), None) => BTreeSet::new(),
        }
    }

    /// Returns the ports that are told apart at a workload.
    pub fn told_apart(&self, place: Place) -> Spoken {
        self.at(place).map(|(land, workload)| Spoken::arriving(&land.model, workload)).unwrap_or_default()
    }

    /// Returns the ports that the network tells apart at a caller's end.
    pub fn told_apart_by(&self, from: Who<'_>) -> Spoken {
        match from {
            Who::Pods(land, _, workload) => {
                self.lands.get(land).map(|land| Spoken::leaving(&land.model, workload)).unwrap_or_default()
            }
            _ => Spoken::default(),
        }
    }
}
