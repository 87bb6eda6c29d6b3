//! Behind a waypoint: whether it admits what was meant, and whether ztunnel lets nothing around it.
//!
//! In: what is meant at a port in ambient mode, and the manifests. Out: a [`Difference`]. Two things are held against what is
//! meant: what the waypoint admits for each Service that leads through it, by the Service's port, and what ztunnel admits at the
//! pods. There the waypoint itself may come in, whatever it carries was asked already; and where policy asks for HTTP, nobody else.

use std::collections::BTreeSet;

use ringfence_compiler::inventory::Workload;
use ringfence_compiler::resolve::Governed;
use ringfence_compiler::resolve::statements::Origin;

use super::{Difference, Place, compared, difference};
use crate::engine::envoy::{Mesh, Reads};
use crate::engine::{Chain, Enforced, Leaf, Test, chain};
use crate::exact::Arrivals;
use crate::glob::Glob;
use crate::meant::Meant;
use crate::model::Model;
use crate::policies::Policies;
use crate::reach::waypoint::{Hop, attached, hops, tokens};

/// A port behind waypoints.
pub(super) struct Behind<'p, 'a> {
    pub governed: &'p Governed<'p>,
    pub model: &'p Model<'a>,
    pub policies: &'p Policies,
    pub place: &'p Place<'p>,
    pub domains: &'p [String],
    /// Why its waypoint comes in; only requests are compared, so that any reason does.
    pub reason: Origin,
}

impl<'a> Behind<'_, 'a> {
    /// Compares what gets to a port through waypoints, and past them.
    pub fn differs(&self, workload: &'a Workload, port: u16) -> Option<Difference> {
        let hops: Vec<Hop<'a>> =
            hops(self.model, workload, port).into_iter().filter(|hop| hop.service.is_some()).collect();
        hops.iter().find_map(|hop| self.through(hop, port)).or_else(|| self.straight(&hops, port))
    }

    /// Compares what a waypoint admits for a Service.
    fn through(&self, hop: &Hop<'_>, port: u16) -> Option<Difference> {
        let policies = attached(self.model, hop);
        let rules = tokens(self.model, hop);
        let protocol = self.governed.unit.ports.get(&port).and_then(|facts| facts.protocol);
        Reads::of(protocol).iter().find_map(|reads| {
            let meant = self.meant(port, *reads);
            let arrivals = Arrivals {
                port: hop.port,
                http: *reads == Reads::Http,
                // Tunnels alone lead to a waypoint.
                plaintext: false,
                mtls: true,
                trust_domains: Vec::new(),
                issuers: rules.iter().map(|rule| rule.taken()).collect(),
            };
            let wanted = Arrivals { issuers: meant.arrivals.issuers.clone(), ..arrivals.clone() };
            if *reads == Reads::Http && rules.iter().copied().cloned().collect::<BTreeSet<_>>() != meant.tokens {
                return Some(Difference::Tokens);
            }
            let providers: BTreeSet<_> = policies.iter().filter_map(|policy| policy.provider.clone()).collect();
            if providers != meant.providers {
                return Some(Difference::Providers);
            }
            let theirs = chain(&policies, *reads, &Mesh { trust_domains: self.domains.to_vec() });
            let ours = seen_as(meant.chain, port, hop.port);
            // Where nobody says what a port speaks, rules on HTTP are meant. Of a Service without an address callers learn those
            // of pods, so that nobody has to come this way.
            let equally = protocol.is_some() || *reads == Reads::Http;
            let called = hop.service.is_some_and(|service| !service.headless);
            compared((&theirs, &arrivals), (&ours, &wanted), equally && called)
        })
    }

    /// Compares what ztunnel admits at the pods.
    fn straight(&self, hops: &[Hop<'_>], port: u16) -> Option<Difference> {
        let waypoints: BTreeSet<String> = hops
            .iter()
            .filter_map(|hop| {
                let waypoint = hop.waypoint?;
                Some(format!(
                    "spiffe://{}/ns/{}/sa/{}",
                    self.model.cluster().trust_domain(),
                    waypoint.namespace,
                    waypoint.account
                ))
            })
            .collect();
        let mut meant = self.meant(port, Reads::Ztunnel);
        // Tokens and providers are the waypoint's.
        meant.arrivals.issuers.clear();
        meant.providers.clear();
        meant.chain.custom.clear();
        if is_read(self.governed, port) {
            meant.chain = Chain { deny: Vec::new(), custom: Vec::new(), allow: Some(Vec::new()) };
        }
        if !waypoints.is_empty() {
            let leaves: Vec<Leaf> = waypoints.iter().map(|uri| Leaf::Peer(Glob::exactly(uri))).collect();
            let is_waypoint = |negated| Test { leaves: leaves.clone(), negated };
            for source in meant.chain.deny.iter_mut().flat_map(|deny| &mut deny.sources) {
                source.push(is_waypoint(true));
            }
            let comes = Enforced {
                origin: &self.reason,
                sources: vec![vec![is_waypoint(false)]],
                operations: vec![Vec::new()],
            };
            meant.chain.allow.get_or_insert_default().push(comes);
        }
        difference(&meant, self.place, self.policies, Reads::Ztunnel, self.domains, true)
    }

    fn meant(&self, port: u16, reads: Reads) -> Meant<'_> {
        Meant::at(self.governed, port, reads, self.domains)
    }
}

/// Tells whether policy asks something of a port that ztunnel does not see.
pub(super) fn is_read(governed: &Governed<'_>, port: u16) -> bool {
    let Some(facts) = governed.unit.ports.get(&port) else { return false };
    let logged = governed.settings.access_log.ceilings.iter().any(|ceiling| !ceiling.value.is_empty());
    logged
        || Reads::of(facts.protocol).contains(&Reads::Http) && {
            let meant = Meant::at(governed, port, Reads::Http, &[]);
            let asks = |rule: &Enforced<&Origin>| rule.tests().flat_map(|test| &test.leaves).any(is_of_http);
            let here = |rule: &&Enforced<&Origin>| rule.operations.iter().any(|tests| may_be_at(tests, port));
            let headers =
                governed.authentication.issuers.iter().any(|issuer| !issuer.spec.claims_to_headers.is_empty());
            headers || !meant.providers.is_empty() || meant.chain.rules().filter(here).any(asks)
        }
}

/// Tells whether a conjunction may hold at a port.
fn may_be_at(tests: &[Test], port: u16) -> bool {
    let leads = |test: &Test| {
        test.negated || test.leaves.iter().any(|leaf| !matches!(leaf, Leaf::Port(other) if *other != port))
    };
    tests.iter().all(leads)
}

/// Tells whether ztunnel cannot see what a question asks.
fn is_of_http(leaf: &Leaf) -> bool {
    !matches!(leaf, Leaf::Peer(_) | Leaf::Address(_) | Leaf::Destination(_) | Leaf::Port(_))
}

/// Writes a chain that is about a port of pods for the port of a Service in front of it.
fn seen_as<O>(mut chain: Chain<O>, port: u16, service_port: u16) -> Chain<O> {
    // No port has this number, and what is about other ports is about none here.
    const NOWHERE: u16 = 0;
    let all = chain.deny.iter_mut().chain(&mut chain.custom).chain(chain.allow.iter_mut().flatten());
    let tests = all.flat_map(|rule| rule.sources.iter_mut().chain(&mut rule.operations)).flatten();
    for leaf in tests.flat_map(|test| &mut test.leaves) {
        if let Leaf::Port(number) = leaf {
            *number = if *number == port { service_port } else { NOWHERE };
        }
    }
    chain
}
