//! Kubernetes Services in front of workloads: people know their names and ports, policies those of the pods.
//!
//! In: the name of a Service, or a port that only a Service has. Out: the workloads behind it and the ports it leads to, with
//! a sentence that says so.

use std::collections::BTreeSet;

use ringfence_compiler::inventory::{KubernetesService, Workload};
use ringfence_verifier::model::{Model, numbered};

/// A workload, and the Service by whose name it was asked for.
pub(super) struct Target<'a> {
    pub workload: &'a Workload,
    pub service: Option<&'a KubernetesService>,
}

/// A port of a workload, and how a Service led there.
pub(super) struct Door {
    pub port: u16,
    pub service: Option<String>,
}

impl<'a> Target<'a> {
    pub fn of(workload: &'a Workload) -> Self {
        Self { workload, service: None }
    }

    /// Returns the ports that are asked about: the one that was named, where it leads if only a Service has it, or all.
    pub fn doors(&self, model: &Model<'_>, port: Option<u16>) -> Vec<Door> {
        let own: BTreeSet<u16> = model.ports(self.workload).into_keys().collect();
        let direct = |port| Door { port, service: None };
        let Some(port) = port else {
            let Some(service) = self.service else { return own.into_iter().map(direct).collect() };
            let ports: BTreeSet<u16> = service.ports.iter().map(|port| port.port).collect();
            return ports.into_iter().flat_map(|port| self.led([service].into_iter(), port)).collect();
        };
        let through = match self.service {
            // Where it has the port, that is what was asked for, even if it leads nowhere.
            Some(service) if service.ports.iter().any(|exposed| exposed.port == port) => {
                return self.led([service].into_iter(), port);
            }
            Some(KubernetesService { namespace, name, .. }) => {
                let said = format!("Service {namespace}/{name} has no port {port}: its pods are asked");
                return vec![Door { port, service: Some(said) }];
            }
            None if own.contains(&port) => Vec::new(),
            None => self.led(model.services(self.workload), port),
        };
        if through.is_empty() { vec![direct(port)] } else { through }
    }

    /// Follows a port of Services to the workload.
    fn led<'s>(&self, services: impl Iterator<Item = &'s KubernetesService>, port: u16) -> Vec<Door> {
        let mut doors: Vec<Door> = Vec::new();
        for service in services {
            for exposed in service.ports.iter().filter(|exposed| exposed.port == port) {
                for to in numbered(self.workload, &exposed.target) {
                    if doors.iter().all(|door| door.port != to) {
                        let (namespace, name) = (&service.namespace, &service.name);
                        let said = format!("port {port} of Service {namespace}/{name} leads to port {to}");
                        doors.push(Door { port: to, service: Some(said) });
                    }
                }
            }
        }
        doors
    }
}

/// Returns the workloads behind the Service of a name: `shop/db`, or `db` where only one namespace has it.
pub(super) fn behind<'a>(model: &Model<'a>, text: &str) -> Vec<Target<'a>> {
    let services = &model.cluster().inventory.services;
    let is_it = |service: &&KubernetesService| match text.split_once('/') {
        Some((namespace, name)) => service.namespace == namespace && service.name == name,
        None => service.name == text,
    };
    let named: Vec<&'a KubernetesService> = services.iter().filter(is_it).collect();
    let behind = |service: &'a KubernetesService| {
        let pods = model
            .workloads()
            .filter(move |workload| model.services(workload).any(|front| std::ptr::eq(front, service)));
        pods.map(move |workload| Target { workload, service: Some(service) })
    };
    named.into_iter().flat_map(behind).collect()
}
