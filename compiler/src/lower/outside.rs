//! Workloads without a proxy, and ports taken from it: what cannot be enforced there, and whom they cannot prove to be.

use std::collections::BTreeMap;

use super::{enforces_network_policy, flows, obliged};
use crate::diagnostics::Diagnostics;
use crate::diagnostics::codes::lowering as code;
use crate::inventory::{BypassedPorts, Workload};
use crate::requests::{Clause, Field, IdentityPattern, Part, RequestSet};
use crate::resolve::access::{Bound, GrantKind};
use crate::resolve::fields::{Arrivals, Mtls};
use crate::resolve::statements::Origin;
use crate::resolve::units::MESH_PORTS;
use crate::resolve::world::Cluster;
use crate::resolve::{Governed, Resolved};
use crate::source::Span;
use crate::spec::cluster::DataPlane;

/// Says which callers of a written grant have no proxy: where mTLS proves who calls, they are nobody. Where NetworkPolicy
/// alone admits, callers on the node's network are.
pub(super) fn check_callers(resolved: &Resolved<'_>, diagnostics: &mut Diagnostics) {
    let unmeshed = resolved.units.iter().map(|governed| &governed.unit).filter(|unit| unit.data_plane.is_none());
    let mut silent: BTreeMap<(&str, &str, &str), &Workload> = BTreeMap::new();
    for unit in unmeshed {
        let Some(cluster) = resolved.world.clusters.get(unit.cluster) else { continue };
        for workload in &unit.workloads {
            silent.insert((cluster.trust_domain(), unit.namespace, &workload.service_account), workload);
        }
    }
    for governed in &resolved.units {
        let meshed = governed.unit.data_plane.is_some();
        let written = governed.access.grants.iter().filter(|grant| grant.kind == GrantKind::Written);
        for grant in written {
            for pattern in grant.set.clauses().iter().flat_map(|clause| clause.identities.patterns()) {
                let (Part::Exactly(domain), Part::Exactly(namespace), Part::Exactly(account)) =
                    (&pattern.trust_domain, &pattern.namespace, &pattern.service_account)
                else {
                    continue;
                };
                let Some(workload) = silent.get(&(domain.as_str(), namespace.as_str(), account.as_str())) else {
                    continue;
                };
                let name = &workload.name;
                let (message, help) = if meshed {
                    (
                        format!("`{namespace}/{name}` has no proxy to show who it is"),
                        "bring the caller into the mesh, or grant its addresses with `cidr:` where the port admits plaintext",
                    )
                } else if workload.host_network {
                    (
                        format!("`{namespace}/{name}` shares the node's network, where NetworkPolicy does not know it"),
                        "grant the addresses of the nodes with `cidr:`",
                    )
                } else {
                    continue;
                };
                let caller = code::CALLER_NOT_IN_MESH.at(grant.origin.span, message);
                diagnostics.report(caller.label("does not admit it").and(workload.span, "this caller").help(help));
            }
        }
    }
}

/// Says what cannot be enforced at a workload without a proxy.
pub(super) fn check_unmeshed(
    resolved: &Resolved<'_>,
    governed: &Governed<'_>,
    cluster: &Cluster<'_>,
    diagnostics: &mut Diagnostics,
) {
    let unit = &governed.unit;
    // One selector is for all its workloads, so the one that NetworkPolicy reaches least decides.
    let on_node = unit.workloads.iter().find(|workload| workload.host_network);
    let Some(workload) = on_node.or(unit.workloads.first()) else { return };
    let networked = enforces_network_policy(cluster) && on_node.is_none() && !unit.is_outside();
    // Of machines, the callers' own NetworkPolicies are all that holds anybody back.
    let at_callers = enforces_network_policy(cluster) && unit.is_outside();
    let why = cluster.why_without_proxy(workload);
    let unmeshed =
        code::NOT_IN_MESH.at(workload.span, format!("`{}/{}` has no proxy: {why}", unit.namespace, workload.name));
    let what = if networked {
        "only NetworkPolicy is enforced at it: neither mTLS, methods and paths, nor tokens"
    } else if at_callers {
        "nothing is enforced at it: the NetworkPolicies of pods hold back those that are granted nothing, and whatever else is on its network reaches it. Where a proxy takes all that arrives there, say `proxy: true`"
    } else {
        "nothing is enforced at it"
    };
    diagnostics.report(unmeshed.label("outside the mesh").help(what));
    let place = (workload.span, "the workload");
    Outside { resolved, governed, networked, at_callers, bypass: None, why: why.to_owned(), place, diagnostics }
        .check();
}

/// Says what cannot be enforced at ports that annotations take from the proxy of a workload.
pub(super) fn check_bypassed(
    resolved: &Resolved<'_>,
    governed: &Governed<'_>,
    cluster: &Cluster<'_>,
    plane: DataPlane,
    diagnostics: &mut Diagnostics,
) {
    let unit = &governed.unit;
    let networked = enforces_network_policy(cluster);
    for workload in &unit.workloads {
        for bypass in workload.bypasses.iter().filter(|bypass| bypass.plane == plane) {
            let Some(ports) = described(&bypass.ports) else { continue };
            let taken = code::NOT_IN_MESH
                .at(bypass.span, format!("`{}/{}` takes {ports} from its proxy", unit.namespace, workload.name));
            let what = if networked {
                "only NetworkPolicy is enforced there: neither mTLS, methods and paths, nor tokens"
            } else {
                "nothing is enforced there"
            };
            diagnostics.report(taken.label("past the proxy").help(what));
            let why = format!("`{}` takes {ports} from the proxy", bypass.annotation);
            let place = (bypass.span, "past the proxy");
            let at_callers = false;
            Outside { resolved, governed, networked, at_callers, bypass: Some(&bypass.ports), why, place, diagnostics }
                .check();
        }
    }
}

/// Says what cannot be enforced at the ports that a sidecar serves itself: NetworkPolicy alone is asked there, which opens what is
/// granted and denies nothing of it. Only what names such a port is meant to be about it.
pub(super) fn check_own_ports(governed: &Governed<'_>, diagnostics: &mut Diagnostics) {
    let about = |clause: &Clause| {
        let own = clause.ports.patterns().copied().filter(|port| MESH_PORTS.contains(port));
        Clause { ports: Field::only(own), ..clause.clone() }
    };
    let own = |set: &RequestSet| RequestSet::from_clauses(set.clauses().iter().map(about));
    let access = &governed.access;
    let granted = access.granted();
    let denies = access.denies.iter().filter(|deny| !deny.on_trial && own(&deny.set).meets(&granted).is_some());
    let grants = access.grants.iter().filter(|grant| !grant.on_trial && !own(&grant.set).is_l4());
    for (said, what) in denies.map(|deny| (deny, "a deny")).chain(grants.map(|grant| (grant, "HTTP rules"))) {
        let refused = code::UNENFORCEABLE.at(
            said.origin.span,
            format!(
                "{what} of `{}` cannot be enforced: its proxy serves the port itself, and asks no policy there",
                governed.unit.name
            ),
        );
        let help = "ports 15020, 15021 and 15090 are open to whom NetworkPolicy lets in: grant them to fewer, by caller and port alone";
        diagnostics.report(refused.label("not enforced").help(help));
    }
}

/// Names the ports an annotation takes; `None` where they are but those no proxy ever sees.
fn described(ports: &BypassedPorts) -> Option<String> {
    let list = |ports: &mut dyn Iterator<Item = &u16>| ports.map(u16::to_string).collect::<Vec<_>>().join(", ");
    match ports {
        BypassedPorts::Only(ports) => {
            let mut served = ports.iter().filter(|port| !MESH_PORTS.contains(port));
            let plural = if served.clone().count() > 1 { "ports" } else { "port" };
            let list = list(&mut served);
            (!list.is_empty()).then(|| format!("{plural} {list}"))
        }
        BypassedPorts::AllBut(ports) if ports.is_empty() => Some("every port".to_owned()),
        BypassedPorts::AllBut(ports) => Some(format!("every port but {}", list(&mut ports.iter()))),
    }
}

/// Where no proxy enforces: a whole unit, or some of its ports.
struct Outside<'r, 'a, 'd> {
    resolved: &'r Resolved<'a>,
    governed: &'r Governed<'a>,
    /// Whether NetworkPolicy is enforced there.
    networked: bool,
    /// Whether NetworkPolicies of callers let nobody get there to whom it is not granted.
    at_callers: bool,
    /// The ports, where it is not all of the unit.
    bypass: Option<&'r BypassedPorts>,
    why: String,
    /// What makes it so, and how to call that.
    place: (Span, &'static str),
    diagnostics: &'d mut Diagnostics,
}

impl Outside<'_, '_, '_> {
    fn check(&mut self) {
        let (governed, networked) = (self.governed, self.networked);
        let (access, settings) = (&governed.access, &governed.settings);
        for grant in access.grants.iter().filter(|grant| !grant.on_trial) {
            let here = self.here(&grant.set);
            if here.is_empty() {
                continue;
            }
            let known = |clause: &Clause| clause.identities.is_any() || clause.addresses.is_any();
            if self.at_callers && here.is_l4() && here.clauses().iter().all(known) {
                continue;
            } else if grant.kind == GrantKind::Written && !networked {
                self.refuse(&grant.origin, "access");
            } else if !networked {
                // All of it is admitted, which is what a floor demands; what is admitted beside it is for the ceilings.
                continue;
            } else if !here.is_l4() {
                self.refuse(&grant.origin, "HTTP rules");
            } else if here.clauses().iter().any(|clause| !clause.identities.is_any() && !clause.addresses.is_any()) {
                self.refuse(&grant.origin, "a caller by identity and address");
            } else if !pods_are_known(self.resolved, governed, &here) {
                self.refuse(&grant.origin, "a caller whose pods NetworkPolicy cannot tell from others");
            }
        }
        let granted = self.here(&access.granted());
        for ceiling in access.ceilings.iter().filter(|ceiling| !ceiling.on_trial) {
            match &ceiling.bound {
                // Where NetworkPolicy opens nothing but what is granted, that lies within the mandate already.
                Bound::AtMost(most) if !networked => {
                    if self.here(&RequestSet::everything()).is_subset_of(most).is_err() {
                        self.refuse(&ceiling.origin, "a mandate on access");
                    }
                }
                Bound::AtMost(_) => {}
                // What a zone's members may never send is denied by identity, which nothing here sees.
                Bound::Never(never) => {
                    let closed = networked || self.closed_at_home(&never.callers);
                    let admitted = if closed { granted.clone() } else { self.here(&RequestSet::everything()) };
                    if never.meets(&admitted).is_some() {
                        self.refuse(&ceiling.origin, "the reach of a zone");
                    }
                }
            }
        }
        for deny in access.denies.iter().filter(|deny| !deny.on_trial) {
            let here = self.here(&deny.set);
            if !here.is_empty() && !self.kept(&here, &granted) {
                self.refuse(&deny.origin, "a deny");
            }
        }
        // Ports that NetworkPolicy opens to nobody keep whatever is demanded of those who call there.
        if self.bypass.is_some() && networked && granted.is_empty() {
            return;
        }
        // Without a proxy everything arrives in plaintext: an exception has to say that it may.
        let bypass = self.bypass;
        let encrypted = |mtls: &Mtls| match bypass {
            None => !mtls.rest.plaintext,
            Some(BypassedPorts::Only(ports)) => ports.iter().any(|port| !mtls.at(*port).plaintext),
            Some(ports) => {
                let named = |(port, arrivals): (&u16, &Arrivals)| ports.contains(*port) && !arrivals.plaintext;
                !mtls.rest.plaintext || mtls.ports.iter().any(named)
            }
        };
        if let Some(ceiling) = settings.mtls.ceilings.iter().find(|ceiling| encrypted(&ceiling.value)) {
            self.refuse(&ceiling.origin, "the mTLS");
        }
        if let Some(required) = &governed.authentication.required {
            self.refuse(required, "tokens");
        }
        for provider in governed.authentication.external.values() {
            self.refuse(provider, "external authorization");
        }
        for (_, origin) in obliged(&settings.access_log) {
            self.refuse(&origin, "the access log");
        }
    }

    /// Returns the part of a set that is about the ports in question.
    fn here(&self, set: &RequestSet) -> RequestSet {
        let Some(bypass) = self.bypass else { return set.clone() };
        let narrowed = |clause: &Clause| {
            let ports = match (&clause.ports, bypass) {
                (Field::Any, BypassedPorts::Only(ports)) => Field::Only(ports.clone()),
                (Field::Any, BypassedPorts::AllBut(_)) => Field::Any,
                (Field::Only(ports), _) => {
                    Field::Only(ports.iter().copied().filter(|port| bypass.contains(*port)).collect())
                }
            };
            Clause { ports, ..clause.clone() }
        };
        // The proxy's own ports are known to be past it.
        let served = |clause: &Clause| match &clause.ports {
            Field::Any => true,
            Field::Only(ports) => ports.iter().any(|port| !MESH_PORTS.contains(port)),
        };
        RequestSet::from_clauses(set.clauses().iter().map(narrowed).filter(served))
    }

    /// Tells whether NetworkPolicy lets callers out to nothing but what is granted, wherever they run.
    fn closed_at_home(&self, callers: &RequestSet) -> bool {
        let world = &self.resolved.world;
        let patterns = || callers.clauses().iter().flat_map(|clause| clause.identities.patterns());
        self.resolved.units.iter().map(|governed| &governed.unit).all(|unit| {
            let Some(cluster) = world.clusters.get(unit.cluster) else { return false };
            let named = |workload: &&Workload| {
                patterns().any(|pattern| {
                    pattern.trust_domain.matches(cluster.trust_domain())
                        && pattern.namespace.matches(unit.namespace)
                        && pattern.service_account.matches(&workload.service_account)
                })
            };
            let closed = |workload: &Workload| enforces_network_policy(cluster) && !workload.host_network;
            unit.workloads.iter().filter(|it| named(it)).all(|workload| closed(workload))
        })
    }

    /// Tells whether a deny is kept by granting nothing of it.
    fn kept(&self, deny: &RequestSet, granted: &RequestSet) -> bool {
        let declared = |port: &u16| self.governed.unit.ports.contains_key(port);
        let elsewhere = |clause: &Clause| !clause.ports.is_any() && !clause.ports.patterns().any(declared);
        let apart = self.bypass.is_some() || deny.clauses().iter().all(elsewhere);
        self.networked && apart && deny.meets(granted).is_none()
    }

    fn refuse(&mut self, origin: &Origin, what: &str) {
        let refused = code::UNENFORCEABLE
            .at(origin.span, format!("{what} of `{}` cannot be enforced: {}", self.governed.unit.name, self.why));
        let (place, called) = self.place;
        let help = match self.bypass {
            None => "bring the workload into the mesh, or leave it out of the statement",
            Some(_) => "leave the port to the proxy, or leave it out of the statement by naming the other ports",
        };
        self.diagnostics.report(refused.label("not enforced").and(place, called).help(help));
    }
}

/// Tells whether NetworkPolicy can pick the pods of every caller a grant names, and no others.
fn pods_are_known(resolved: &Resolved<'_>, governed: &Governed<'_>, set: &RequestSet) -> bool {
    set.clauses().iter().all(|clause| {
        clause.identities.patterns().all(|pattern| is_known(resolved, governed, pattern, &clause.identities))
    })
}

fn is_known(
    resolved: &Resolved<'_>,
    governed: &Governed<'_>,
    pattern: &IdentityPattern,
    granted: &Field<IdentityPattern>,
) -> bool {
    let world = &resolved.world;
    let own = governed.unit.cluster;
    let (namespace, account) = match (&pattern.namespace, &pattern.service_account) {
        (Part::Exactly(namespace), Part::Any) => (namespace, None),
        (Part::Exactly(namespace), Part::Exactly(account)) => (namespace, Some(account)),
        // Part of the namespaces, or of the accounts of one: it would admit more of them. Every identity is not every pod,
        // for a pod without a proxy has none to show.
        _ => return false,
    };
    let domain = |cluster: &str| world.clusters.get(cluster).map_or("", |cluster| cluster.trust_domain());
    let mut shown = false;
    for other in resolved.units.iter().map(|other| &other.unit).filter(|unit| unit.namespace == namespace) {
        let named = |workload: &&&Workload| account.is_none_or(|account| workload.service_account == *account);
        if !pattern.trust_domain.matches(domain(other.cluster)) || !other.workloads.iter().any(|it| named(&it)) {
            continue;
        }
        shown = true;
        // Another cluster's pods are all of its addresses.
        if other.cluster != own && flows::crossing(world, other.cluster, own).is_some() {
            return false;
        }
        // One selector picks all pods of a unit, whatever their accounts are.
        let also = |workload: &Workload| {
            granted.patterns().any(|pattern| {
                pattern.namespace.matches(other.namespace) && pattern.service_account.matches(&workload.service_account)
            })
        };
        if other.cluster == own && !other.workloads.iter().all(|workload| also(workload)) {
            return false;
        }
    }
    let gateways = world.clusters.get(own).into_iter().flat_map(|cluster| cluster.document.spec.gateways.values());
    let gateway = gateways.map(|gateway| &gateway.value).any(|gateway| {
        gateway.namespace.value.0 == *namespace
            && account.is_some_and(|account| gateway.service_account.value.0 == *account)
            && !gateway.labels.is_empty()
    });
    shown || gateway || account.is_none()
}
