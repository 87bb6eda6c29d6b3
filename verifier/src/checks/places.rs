//! Where AuthorizationPolicies are enforced: ports of workloads, put together where a proxy is told the same of them.
//!
//! In: a [`Model`]. Out: [`Places`]. Beside the ports that anybody speaks of there is one of which nobody does, for a rule may
//! be about any.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_compiler::inventory::{Labels, Workload};

use crate::engine::envoy::Reads;
use crate::engine::{Chain, RuleRef, chain};
use crate::exact::Arrivals;
use crate::istio::authorization::AuthorizationPolicy;
use crate::istio::peer_authentication::Mode;
use crate::istio::request_authentication::JwtRule;
use crate::model::{Before, EITHER, Model};
use crate::reach::is_gateway;

/// The name of a policy: its namespace, and its own.
pub type PolicyName<'m> = (&'m str, &'m str);

/// Every place of a cluster.
#[derive(Debug)]
pub struct Places<'m> {
    /// The places.
    pub list: Vec<Place<'m>>,
    /// Policies that also hold where nothing here knows what they do: behind a waypoint, beside a path that no Envoy reads, at a
    /// gateway whose labels nobody tells.
    pub beyond: BTreeSet<PolicyName<'m>>,
}

/// Ports of which a proxy is told the same.
#[derive(Debug)]
pub struct Place<'m> {
    /// The workloads; none where it is a gateway that only facts name.
    pub workloads: Vec<&'m Workload>,
    /// Whether a gateway enforces it.
    pub is_gateway: bool,
    /// Whether a manifest or a policy speaks of the port.
    pub is_named: bool,
    /// The policies that hold.
    pub selected: Vec<&'m AuthorizationPolicy>,
    /// How peers arrive.
    pub mode: Mode,
    /// What can arrive.
    pub arrivals: Arrivals,
    /// What is asked of requests.
    pub chain: Chain<RuleRef<'m>>,
}

/// What makes places the same.
type Told<'m> = (Vec<PolicyName<'m>>, Vec<&'m JwtRule>, u16, Reads, Mode, bool, bool);

impl<'m> Places<'m> {
    /// Finds the places of a cluster.
    #[must_use]
    pub fn of(model: &'m Model<'m>) -> Self {
        let mut finder = Finder { model, found: BTreeMap::new(), beyond: BTreeSet::new() };
        for workload in model.workloads() {
            finder.workload(workload);
        }
        for (namespace, labels) in model.gateways() {
            finder.gateway(namespace, &labels);
        }
        Self { list: finder.found.into_values().collect(), beyond: finder.beyond }
    }
}

struct Finder<'m> {
    model: &'m Model<'m>,
    found: BTreeMap<Told<'m>, Place<'m>>,
    beyond: BTreeSet<PolicyName<'m>>,
}

impl<'m> Finder<'m> {
    fn workload(&mut self, workload: &'m Workload) {
        let model = self.model;
        let selected = self.selected(&workload.namespace, &workload.labels);
        let is_gateway = is_gateway(workload);
        if is_gateway && model.obscured(&workload.namespace, &workload.labels).is_some() {
            self.give_up(&selected, &workload.namespace, &workload.labels);
            return;
        }
        let (modes, tokens) = (model.modes(workload), model.tokens(workload));
        let mut ports: BTreeSet<u16> = model.ports(workload).into_keys().collect();
        ports.extend(named(&selected));
        ports.extend(modes.ports());
        for (port, is_named) in with_another(&ports) {
            match model.before(workload, port) {
                Before::Sidecar | Before::Ztunnel => {}
                Before::NotModelled(_) if is_gateway => {}
                Before::NotModelled(_) => {
                    self.give_up(&selected, &workload.namespace, &workload.labels);
                    continue;
                }
                Before::Nothing => continue,
            }
            // Peers of a gateway are what its servers say, which nothing here reads.
            let modes = if is_gateway { BTreeSet::from([Mode::Permissive]) } else { modes.at(port) };
            for mode in modes {
                // A gateway ends TLS at a port whose Service calls it so, and then reads requests.
                let readings = if is_gateway { EITHER } else { model.readings(workload, port) };
                for reads in readings {
                    let told = (port, *reads, mode, is_gateway, is_named);
                    self.put(&selected, &tokens, told, Some(workload));
                }
            }
        }
    }

    /// Adds the ports of a gateway that facts name and no manifest shows.
    fn gateway(&mut self, namespace: &str, labels: &Labels) {
        if labels.is_empty() {
            let here = self.model.policies().authorization.iter();
            let here = here.filter(|policy| policy.namespace == namespace || !policy.selector.is_empty());
            self.beyond.extend(here.map(name));
        }
        let selected = self.selected(namespace, labels);
        if self.model.obscured(namespace, labels).is_some() {
            self.give_up(&selected, namespace, labels);
            return;
        }
        let tokens = self.model.policies().tokens_at(namespace, labels, self.model.cluster().root_namespace());
        for (port, is_named) in with_another(&named(&selected)) {
            for reads in EITHER {
                self.put(&selected, &tokens, (port, *reads, Mode::Permissive, true, is_named), None);
            }
        }
    }

    /// Judges no policy that is about pods of which nothing is known.
    fn give_up(&mut self, selected: &[&'m AuthorizationPolicy], namespace: &str, labels: &Labels) {
        let root = self.model.cluster().root_namespace();
        let perhaps = self.model.policies().perhaps_authorizing(namespace, labels, root);
        self.beyond.extend(selected.iter().copied().chain(perhaps).map(name));
    }

    fn selected(&self, namespace: &str, labels: &Labels) -> Vec<&'m AuthorizationPolicy> {
        self.model.policies().authorizing(namespace, labels, self.model.cluster().root_namespace())
    }

    fn put(
        &mut self,
        selected: &[&'m AuthorizationPolicy],
        tokens: &[&'m JwtRule],
        (port, reads, mode, is_gateway, is_named): (u16, Reads, Mode, bool, bool),
        workload: Option<&'m Workload>,
    ) {
        if selected.is_empty() {
            return;
        }
        let names = selected.iter().map(|policy| name(policy)).collect();
        let told: Told<'m> = (names, tokens.to_vec(), port, reads, mode, is_gateway, is_named);
        let place = self.found.entry(told).or_insert_with(|| Place {
            workloads: Vec::new(),
            is_gateway,
            is_named,
            selected: selected.to_vec(),
            mode,
            arrivals: Arrivals {
                port,
                http: reads == Reads::Http,
                plaintext: mode.plaintext(),
                mtls: mode.mtls(),
                trust_domains: Vec::new(),
                issuers: tokens.iter().map(|rule| rule.taken()).collect(),
            },
            chain: chain(selected, reads, self.model.mesh()),
        });
        place.workloads.extend(workload);
    }
}

/// Returns what a policy is called.
#[must_use]
pub fn name(policy: &AuthorizationPolicy) -> PolicyName<'_> {
    (&policy.namespace, &policy.name)
}

/// Returns the ports that policies name.
fn named(policies: &[&AuthorizationPolicy]) -> BTreeSet<u16> {
    policies.iter().flat_map(|policy| policy.ports()).collect()
}

/// Returns ports, each with whether it is named, and one more that is not.
fn with_another(named: &BTreeSet<u16>) -> Vec<(u16, bool)> {
    let another = (1..).find(|port| !named.contains(port));
    named.iter().map(|port| (*port, true)).chain(another.map(|port| (port, false))).collect()
}
