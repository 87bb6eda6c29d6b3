//! Who a reference of an assertion stands for.
//!
//! In: a reference and the node it is written in. Out: [`Candidate`]s: everybody who may be meant, which is what nothing must
//! reach, or those who certainly are, who must reach something. An identity is whoever shows it, so a service that shares its
//! service account stands for more than its own pods.

use std::collections::BTreeSet;

use ipnet::IpNet;
use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::requests::IdentityPattern;
use ringfence_compiler::source::{Span, Spanned};
use ringfence_compiler::spec::reference::{NodePath, Reference, meets};

use super::terrain::{Place, Terrain, Who, identity};
use crate::network::everywhere;
use crate::request::Identity;

/// A caller that a reference stands for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate<'t> {
    pub from: Who<'t>,
    /// Where the reference is written.
    pub span: Span,
    pub role: Role,
}

/// How a caller belongs to a reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// It is meant.
    Meant,
    /// It is a gateway that stands for the internet: nobody knows what its routes let in.
    Entry,
    /// It may have an address that is meant.
    MayBe,
}

impl Role {
    /// Returns what has to be said of the caller.
    pub fn clause(self) -> &'static str {
        match self {
            Self::Meant => "",
            Self::Entry => ", where the internet comes in,",
            Self::MayBe => ", whose pods may have such an address,",
        }
    }
}

impl<'t> Terrain<'t> {
    /// Returns everybody a reference may mean.
    pub fn anybody(&self, reference: &Spanned<Reference>, node: &NodePath) -> Vec<Candidate<'_>> {
        let of = |from, role| candidates(from, reference.span, role);
        match &reference.value {
            Reference::Internet => {
                let mut all = of(everywhere().into_iter().map(Who::Outside).collect(), Role::Meant);
                // What is known to be let in counts as coming from those addresses.
                let unknown = self.gateways().into_iter().filter(|gateway| !self.listens(*gateway));
                all.extend(of(unknown.collect(), Role::Entry));
                all
            }
            Reference::Anyone => {
                let outside = everywhere().into_iter().map(Who::Outside);
                of(outside.chain(self.identified(&|_| true)).collect(), Role::Meant)
            }
            Reference::Cidr(block) => {
                let mut all = of(vec![Who::Outside(*block)], Role::Meant);
                // A pod may have any address of its cluster, which many clusters do not list.
                let pods = self.identified(&|_| true);
                all.extend(of(pods.into_iter().filter(|from| self.may_have(*from, block)).collect(), Role::MayBe));
                all
            }
            reference_to => {
                let patterns = self.patterns(reference, node);
                let mut found = self.identified(&|identity| matches(&patterns, identity));
                if matches!(reference_to, Reference::ServiceAccount { .. }) {
                    found.extend(self.unused(&patterns));
                }
                of(found, Role::Meant)
            }
        }
    }

    /// Returns those a reference certainly means: of a service its own pods, of the internet the gateways through which it
    /// comes.
    pub fn everybody(&self, reference: &Spanned<Reference>, node: &NodePath) -> Vec<Candidate<'_>> {
        let of = |from| candidates(from, reference.span, Role::Meant);
        match &reference.value {
            Reference::Internet => {
                let (known, unknown): (Vec<_>, Vec<_>) = self.gateways().into_iter().partition(|it| self.listens(*it));
                let outside = everywhere().into_iter().take(1).map(Who::Outside).filter(|_| !known.is_empty());
                of(outside.chain(unknown).collect())
            }
            Reference::Cidr(block) => of(vec![Who::Outside(*block)]),
            Reference::Node(_) | Reference::Zone(_) | Reference::Short(_) | Reference::Service(..) => {
                of(self.targets(reference, node).into_iter().filter_map(|place| self.pods(place)).collect())
            }
            _ => self.anybody(reference, node),
        }
    }

    /// Returns the workloads a reference stands for, in order.
    pub fn targets(&self, reference: &Spanned<Reference>, node: &NodePath) -> BTreeSet<Place> {
        // Resolving has found them once, so nothing is reported.
        let services = self.world().services_of(reference, node, &mut Diagnostics::new()).unwrap_or_default();
        self.workloads_of(&services)
    }

    /// Returns the workloads of a node and everything below it.
    pub fn workloads_in(&self, path: &NodePath) -> BTreeSet<Place> {
        self.workloads_of(&self.world().services_in(path))
    }

    /// Returns everybody whose identity belongs to a node.
    pub fn members(&self, path: &Spanned<NodePath>) -> Vec<Candidate<'_>> {
        let reference = Spanned::new(Reference::Node(path.value.clone()), path.span);
        self.anybody(&reference, &path.value)
    }

    /// Returns the identities a reference stands for.
    pub fn patterns(&self, reference: &Spanned<Reference>, node: &NodePath) -> BTreeSet<IdentityPattern> {
        let callers = self.world().callers(reference, node, &mut Diagnostics::new());
        callers.map(|callers| callers.identities).unwrap_or_default()
    }

    /// Tells whether one of these patterns means a caller.
    pub fn is_one_of(&self, from: Who<'_>, patterns: &BTreeSet<IdentityPattern>) -> bool {
        self.identity_of(from).is_some_and(|identity| matches(patterns, &identity))
    }

    fn workloads_of(&self, services: &BTreeSet<usize>) -> BTreeSet<Place> {
        let workloads = services.iter().filter_map(|at| self.world().services.get(*at)).flat_map(|it| &it.workloads);
        let land = |cluster: &str| self.lands.iter().position(|land| land.name == cluster);
        workloads.filter_map(|it| Some(Place { land: land(it.cluster)?, index: it.index })).collect()
    }

    fn gateways(&self) -> Vec<Who<'_>> {
        let declared: BTreeSet<Identity> = self
            .lands
            .iter()
            .flat_map(|land| {
                let cluster = land.model.cluster();
                cluster.document.spec.gateways.values().map(|gateway| {
                    let gateway = &gateway.value;
                    Identity::new(
                        cluster.trust_domain(),
                        gateway.namespace.value.0.as_str(),
                        gateway.service_account.value.0.as_str(),
                    )
                })
            })
            .collect();
        self.identified(&|identity| declared.contains(identity))
    }

    /// Returns every workload and every other known identity of which something holds.
    fn identified(&self, holds: &dyn Fn(&Identity) -> bool) -> Vec<Who<'_>> {
        let pods = self.places().into_iter().flat_map(|place| [self.pods(place), self.gateway(place)]).flatten();
        let strangers = self
            .lands
            .iter()
            .enumerate()
            .flat_map(|(at, land)| land.model.strangers().iter().map(move |stranger| Who::Known(at, stranger)));
        pods.chain(strangers).filter(|from| self.identity_of(*from).is_some_and(|it| holds(&it))).collect()
    }

    /// Returns the service accounts that no workload uses.
    fn unused(&self, patterns: &BTreeSet<IdentityPattern>) -> Vec<Who<'_>> {
        let accounts = self.lands.iter().enumerate().flat_map(|(at, land)| {
            let known = |it: &Identity| land.model.strangers().iter().any(|stranger| stranger.identity == *it);
            land.accounts.iter().filter(move |it| !known(&it.identity)).map(move |it| Who::Known(at, it))
        });
        accounts.filter(|from| self.is_one_of(*from, patterns)).collect()
    }

    fn identity_of(&self, from: Who<'_>) -> Option<Identity> {
        match from {
            Who::Pods(land, _, workload) => Some(identity(&self.lands.get(land)?.model, workload)),
            Who::Known(_, stranger) => Some(stranger.identity.clone()),
            Who::Outside(_) => None,
        }
    }

    /// Tells whether a caller's pods may have an address of a block.
    fn may_have(&self, from: Who<'_>, block: &IpNet) -> bool {
        let (Who::Pods(land, ..) | Who::Known(land, _)) = from else { return false };
        let Some(spec) = self.lands.get(land).map(|land| &land.model.cluster().document.spec) else { return false };
        let mut listed = spec.pod_cidrs.iter().chain(&spec.node_cidrs);
        spec.pod_cidrs.is_empty() || listed.any(|listed| meets(&listed.value.0, block))
    }
}

fn candidates(from: Vec<Who<'_>>, span: Span, role: Role) -> Vec<Candidate<'_>> {
    from.into_iter().map(|from| Candidate { from, span, role }).collect()
}

fn matches(patterns: &BTreeSet<IdentityPattern>, identity: &Identity) -> bool {
    patterns.iter().any(|pattern| pattern.matches(identity))
}
