//! What asks for HTTP at a port, and who would not get there: callers that go around a waypoint.
//!
//! In: a unit behind a waypoint. Out: for each grant that admits callers to a port which the waypoint alone reads, where they do
//! not come through it, a warning for sidecars and gateways that were not told to, and an error for whoever calls by address or in
//! plaintext (istio/istio: pilot/pkg/xds/endpoints/endpoint_builder.go).

use super::Behind;
use crate::diagnostics::Diagnostics;
use crate::diagnostics::codes::lowering as code;
use crate::inventory::{Labels, Workload};
use crate::requests::{Clause, Field, Identity, IdentityPattern};
use crate::resolve::Governed;
use crate::resolve::access::Grant;
use crate::resolve::statements::Origin;
use crate::resolve::world::Cluster;
use crate::spec::cluster::{DataPlane, GatewayRole, GatewaySpec};

/// The label by which gateways that let traffic in hand it to waypoints.
const OPTED_IN: &str = "istio.io/ingress-use-waypoint";

/// Returns a statement that asks of a port what ztunnel does not see.
pub(in crate::lower) fn asks_for_http<'g>(governed: &'g Governed<'_>, port: u16) -> Option<&'g Origin> {
    let (unit, access, authentication) = (&governed.unit, &governed.access, &governed.authentication);
    let speaks_http = unit.ports.get(&port).and_then(|facts| facts.protocol).is_none_or(|protocol| protocol.is_http());
    let here = |clause: &Clause| match &clause.ports {
        Field::Any => speaks_http,
        Field::Only(ports) => ports.contains(&port),
    };
    let asks = |grant: &&Grant| {
        !grant.on_trial && grant.set.clauses().iter().any(|clause| *clause != clause.l4() && here(clause))
    };
    let tokens = || {
        let required = authentication.required.as_ref().or(authentication.external.values().next());
        // That bad tokens are refused keeps nobody out, who may as well show none; a header that is made of a good one does.
        let mut issuers = authentication.issuers.iter().filter(|issuer| !issuer.spec.claims_to_headers.is_empty());
        required.or_else(|| issuers.next().map(|issuer| &issuer.origin).filter(|_| speaks_http))
    };
    let logged = || governed.settings.access_log.ceilings.iter().find(|ceiling| !ceiling.value.is_empty());
    let asked = access.grants.iter().chain(&access.denies).find(asks).map(|grant| &grant.origin);
    asked.or_else(tokens).or_else(|| logged().map(|ceiling| &ceiling.origin))
}

/// A caller that does not come through a waypoint.
struct Around {
    /// Whether it might be anybody, so that no list of callers could be right.
    nameless: bool,
    who: String,
    span: Option<(crate::source::Span, &'static str)>,
    help: &'static str,
}

/// Reports callers that are granted ports which they cannot reach, because the waypoint alone does.
pub(in crate::lower) fn check(
    cluster: &Cluster<'_>,
    governed: &Governed<'_>,
    behind: &Behind<'_>,
    diagnostics: &mut Diagnostics,
) {
    for grant in governed.access.grants.iter().filter(|grant| !grant.on_trial) {
        let read = |clause: &&Clause| match &clause.ports {
            Field::Any => !behind.read.is_empty(),
            Field::Only(ports) => ports.iter().any(|port| behind.read.contains(port)),
        };
        let found = grant.set.clauses().iter().filter(read).find_map(|clause| {
            let around = around(cluster, governed, behind, clause)?;
            let port = behind.read.iter().find(|port| clause.ports.met_by(|of| of == *port))?;
            Some((around, *port))
        });
        let Some((around, port)) = found else { continue };
        let said = if around.nameless { &code::UNENFORCEABLE } else { &code::PAST_WAYPOINT };
        let past = said.at(
            grant.origin.span,
            format!(
                "{} does not come through waypoint `{}`, and port {port} of `{}` admits nobody else",
                around.who, behind.name.value, governed.unit.name
            ),
        );
        let past = past.label("would be refused");
        let past = match around.span {
            Some((span, what)) => past.and(span, what),
            None => past,
        };
        let past = match asks_for_http(governed, port) {
            Some(said) if said.span != grant.origin.span => past.and(said.span, "asks what only the waypoint sees"),
            _ => past,
        };
        diagnostics.report(past.help(around.help));
    }
}

/// Finds a caller that a clause means and that goes around the waypoint.
fn around(cluster: &Cluster<'_>, governed: &Governed<'_>, behind: &Behind<'_>, clause: &Clause) -> Option<Around> {
    if !clause.addresses.is_any() {
        return Some(Around {
            nameless: true,
            who: "whoever calls by address".to_owned(),
            span: None,
            help: "grant identities there, or ask for callers and ports alone",
        });
    }
    let plaintext = |port: &&u16| governed.settings.mtls.value.at(**port).plaintext;
    if clause.identities.is_any() && behind.read.iter().any(|port| plaintext(&port)) {
        return Some(Around {
            nameless: true,
            who: "a caller in plaintext".to_owned(),
            span: None,
            help: "write `mtls: strict` for the port, or name who may call",
        });
    }
    gateway(cluster, governed, behind, clause).or_else(|| workload(cluster, clause))
}

/// Finds a workload in sidecar mode.
fn workload(cluster: &Cluster<'_>, clause: &Clause) -> Option<Around> {
    let with_sidecar = |from: &&Workload| {
        cluster.plane_of(from) == Some(DataPlane::Sidecar)
            && !is_gateway(cluster, from)
            && means(clause, cluster.trust_domain(), &from.namespace, &from.service_account)
    };
    let from = cluster.inventory.workloads.iter().find(with_sidecar)?;
    Some(Around {
        nameless: false,
        who: format!("`{}/{}` has a sidecar: it", from.namespace, from.name),
        span: Some((from.span, "this caller")),
        help: "bring the caller into ambient mode, or ask for callers and ports alone there",
    })
}

/// Finds a gateway that was not told to hand what it lets in to waypoints.
fn gateway(cluster: &Cluster<'_>, governed: &Governed<'_>, behind: &Behind<'_>, clause: &Clause) -> Option<Around> {
    let told = |labels: &Labels| labels.get(OPTED_IN).map(|word| word == "true");
    let of_namespace = cluster.inventory.namespaces.get(governed.unit.namespace).and_then(told).unwrap_or(false);
    // What a Service says by itself goes before what its namespace says.
    let all_told = behind.doors.iter().all(|door| told(&door.service.labels).unwrap_or(of_namespace));
    let goes_around = |gateway: &GatewaySpec| {
        let role = gateway.role.as_ref().map_or(GatewayRole::Ingress, |role| role.value);
        role != GatewayRole::Ingress || !all_told
    };
    let mut gateways = cluster.document.spec.gateways.iter();
    let (name, gateway) = gateways.find(|(_, gateway)| {
        let spec = &gateway.value;
        !clause.identities.is_any()
            && goes_around(spec)
            && means(clause, cluster.trust_domain(), &spec.namespace.value.0, &spec.service_account.value.0)
    })?;
    Some(Around {
        nameless: false,
        who: format!("gateway `{name}`"),
        span: Some((gateway.span, "the gateway")),
        help: "label the Namespace, or each Service there, `istio.io/ingress-use-waypoint: \"true\"`: gateways then hand what they let in to the waypoint",
    })
}

/// Tells whether a workload is the pods of a gateway that the facts name.
fn is_gateway(cluster: &Cluster<'_>, workload: &Workload) -> bool {
    cluster.document.spec.gateways.values().any(|gateway| {
        gateway.value.namespace.value.0 == workload.namespace
            && gateway.value.service_account.value.0 == workload.service_account
    })
}

fn means(clause: &Clause, trust_domain: &str, namespace: &str, account: &str) -> bool {
    let identity = Identity::new(trust_domain, namespace, account);
    clause.identities.met_by(|pattern: &IdentityPattern| pattern.matches(&identity))
}
