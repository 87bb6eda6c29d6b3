//! What an ingress gateway is told: hosts, paths, and whom to admit.
//!
//! In: exposures of a cluster. Out: a [`GatewayPlan`] for each gateway they name. A gateway admits what is exposed and
//! nothing else, by one ALLOW; what cannot be enforced at it is an error.

use std::collections::{BTreeMap, BTreeSet};

use super::division;
use crate::diagnostics::codes::{lowering as code, resolve};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::inventory::Labels;
use crate::ir::{EdgePathPlan, EdgeRoutePlan, GatewayPlan, ListenerPlan, Origins, RouteKind, Rule};
use crate::requests::HostPattern;
use crate::resolve::Resolved;
use crate::resolve::exposures::{Exposed, Path, Place, gateway};
use crate::resolve::routes::flavor;
use crate::resolve::statements::Origin;
use crate::resolve::world::Cluster;
use crate::spec::authentication::Issuer;
use crate::spec::cluster::{ClientAddress, Flavor, GatewaySpec};
use crate::spec::exposure::{Audience, Hostname, TlsMode, TlsVersion};
use crate::spec::service::Protocol;

/// The most listeners a Gateway object has (its definition).
const MOST_LISTENERS: usize = 64;

/// Plans every gateway of a cluster that some Exposure names.
pub(super) fn gateways(
    resolved: &Resolved<'_>,
    cluster: &Cluster<'_>,
    diagnostics: &mut Diagnostics,
) -> Vec<GatewayPlan> {
    let name = cluster.document.name();
    let mut named: BTreeMap<&str, Vec<&Exposed<'_>>> = BTreeMap::new();
    for exposed in resolved.exposures.iter().filter(|exposed| exposed.cluster == name) {
        named.entry(exposed.document.spec.gateway.value.0.as_str()).or_default().push(exposed);
    }
    let mut plans = Vec::new();
    for (name, exposures) in named {
        let Some(spec) = gateway(cluster, name) else { continue };
        let mut edge = Edge { resolved, cluster, name, spec, flavor: flavor(cluster), exposures, diagnostics };
        plans.push(edge.plan());
    }
    plans
}

/// One gateway while it is planned.
struct Edge<'r, 'a, 'd> {
    resolved: &'r Resolved<'a>,
    cluster: &'r Cluster<'a>,
    name: &'r str,
    spec: &'r GatewaySpec,
    flavor: Flavor,
    exposures: Vec<&'r Exposed<'a>>,
    diagnostics: &'d mut Diagnostics,
}

impl Edge<'_, '_, '_> {
    fn plan(&mut self) -> GatewayPlan {
        let shared = self.is_shared();
        for exposed in self.exposures.clone() {
            self.check(exposed);
        }
        let text = |name: Option<&crate::source::Spanned<crate::spec::names::Name>>| name.map(|it| it.value.0.clone());
        let declared = self.cluster.document.spec.gateways.get(self.name);
        let mut origins: Origins = self.exposures.iter().map(|exposed| exposed.origin.clone()).collect();
        origins.extend(declared.map(|it| Origin::new(it.span, format!("gateway:{}", self.name))));
        GatewayPlan {
            name: self.name.to_owned(),
            namespace: self.namespace().to_owned(),
            flavor: self.flavor,
            class: text(self.spec.class_name.as_ref()).unwrap_or_else(|| "istio".to_owned()),
            labels: self.spec.labels.iter().map(|(key, value)| (key.clone(), value.clone())).collect::<Labels>(),
            service_account: self.spec.service_account.value.0.clone(),
            service: text(self.spec.service.as_ref()),
            shared,
            listeners: self.listeners(),
            routes: self.routes(),
            issuers: self.issuers(),
            rules: if shared { Vec::new() } else { self.rules() },
            origins,
        }
    }

    fn namespace(&self) -> &str {
        &self.spec.namespace.value.0
    }

    fn is_shared(&self) -> bool {
        self.spec.shared.as_ref().is_some_and(|shared| shared.value)
    }

    /// Reports what this gateway cannot enforce.
    fn check(&mut self, exposed: &Exposed<'_>) {
        let spec = &exposed.document.spec;
        let narrow = spec.audience.value != Audience::Internet;
        let guarded = exposed.paths.iter().find(|path| path.auth.is_some());
        let restricted = if narrow { Some(spec.audience.span) } else { guarded.map(|path| path.span) };
        let gateway = self.name;
        if let (Some(span), Some(shared)) = (restricted, self.spec.shared.as_ref().filter(|shared| shared.value)) {
            let others = code::UNENFORCEABLE
                .at(span, format!("gateway `{gateway}` is shared with others, so nothing can be refused at it"))
                .label("would not be enforced");
            self.diagnostics.report(
                others
                    .and(shared.span, "others make its Gateway object")
                    .help("expose it with `audience: internet` and `auth: none`, or at a gateway of its own"),
            );
        } else if let (true, None) = (narrow, &self.spec.client_address) {
            let unknown = code::UNENFORCEABLE
                .at(spec.audience.span, format!("nothing says how gateway `{gateway}` learns the address of a client"))
                .label("would not be enforced");
            let declared = self.spec.namespace.span;
            self.diagnostics.report(unknown.and(declared, "the gateway").help(
                "add `clientAddress: connection` to the gateway where nothing in front of it hides addresses, or `clientAddress: forwarded`",
            ));
        }
        let name = self.cluster.document.name();
        let claim = self.resolved.world.claims.get(&(name, self.namespace()));
        if let (Some(owner), false) = (claim, self.is_shared()) {
            let governed = code::UNENFORCEABLE.at(
                spec.gateway.span,
                format!("`{owner}` claims namespace `{}`, in which gateway `{gateway}` runs", self.namespace()),
            );
            self.diagnostics.report(
                governed
                    .label("what it grants to callers of the gateway would be let in as well")
                    .help("leave that namespace out of the claim: exposures close the gateway themselves"),
            );
        }
        let by_labels = self.flavor == Flavor::Istio || (self.spec.service.is_some() && !self.is_shared());
        if by_labels && self.spec.labels.is_empty() {
            let declared = self.spec.namespace.span;
            let everywhere = code::UNENFORCEABLE
                .at(spec.gateway.span, format!("gateway `{gateway}` does not say which labels its pods carry"))
                .label("every gateway of the mesh would be meant");
            self.diagnostics.report(
                everywhere
                    .and(declared, "the gateway")
                    .help("add the `labels` of its pods, and of no others, to the Cluster"),
            );
        }
        let tls = &spec.tls;
        if self.flavor == Flavor::GatewayApi
            && exposed.tls.min_version == TlsVersion::V13
            && exposed.tls.mode != TlsMode::Passthrough
        {
            let span = tls.value.min_version.as_ref().map_or(tls.span, |version| version.span);
            let unsaid = code::INEXPRESSIBLE
                .at(span, "no field of the Gateway API says which version of TLS is the oldest")
                .label("1.2 would be spoken, too");
            self.diagnostics.report(unsaid.help("write `flavor: istio` in the Cluster, or be content with 1.2"));
        }
        let foreign = exposed.tls.secret.as_ref().and_then(|secret| secret.namespace.as_deref());
        if self.flavor == Flavor::Istio && foreign.is_some_and(|namespace| namespace != self.namespace()) {
            let span = tls.value.secret.as_ref().map_or(tls.span, |secret| secret.span);
            let unsaid = code::INEXPRESSIBLE.at(span, "a Gateway of Istio reads Secrets of its pods' namespace alone");
            self.diagnostics.report(
                unsaid.label("in another namespace").help(format!("keep the Secret in `{}`", self.namespace())),
            );
        }
    }

    /// Returns what the gateway listens for: one listener a host, whoever exposes paths of it.
    fn listeners(&mut self) -> Vec<ListenerPlan> {
        let mut listeners: BTreeMap<Hostname, ListenerPlan> = BTreeMap::new();
        for exposed in &self.exposures {
            let namespaces: BTreeSet<String> =
                exposed.paths.iter().map(|path| path.target.namespace.to_owned()).collect();
            // A listener of a set stands where its Secret does by default: with the service.
            let own = namespaces.first().filter(|_| self.is_shared()).cloned();
            let stands = own.unwrap_or_else(|| self.namespace().to_owned());
            for host in &exposed.document.spec.hostnames.0 {
                let secret =
                    exposed.tls.secret.as_ref().map(|secret| {
                        (secret.namespace.clone().unwrap_or_else(|| stands.clone()), secret.name.clone())
                    });
                let listener = listeners.entry(host.value.clone()).or_insert_with(|| ListenerPlan {
                    host: host.value.0.clone(),
                    mode: exposed.tls.mode,
                    min_version: exposed.tls.min_version,
                    secret,
                    namespace: stands.clone(),
                    set: object_name(&exposed.origin),
                    namespaces: BTreeSet::new(),
                    kind: exposed.paths.first().map_or(RouteKind::Http, |path| kind(exposed, path)),
                    origins: Origins::new(),
                });
                listener.namespaces.extend(namespaces.iter().cloned());
                listener.origins.insert(exposed.origin.clone());
            }
        }
        if listeners.len() > MOST_LISTENERS
            && let Some(exposed) = self.exposures.last()
        {
            let gateway = &exposed.document.spec.gateway;
            let many = code::INEXPRESSIBLE
                .at(gateway.span, format!("gateway `{}` would listen for {} hosts", gateway.value, listeners.len()));
            self.diagnostics.report(
                many.label(format!("more than {MOST_LISTENERS}")).help("divide the hosts among several gateways"),
            );
        }
        listeners.into_values().collect()
    }

    fn routes(&mut self) -> Vec<EdgeRoutePlan> {
        let mut plans = Vec::new();
        for exposed in self.exposures.clone() {
            let mut by_namespace: BTreeMap<(&str, RouteKind), Vec<EdgePathPlan>> = BTreeMap::new();
            for path in &exposed.paths {
                let kind = kind(exposed, path);
                if kind == RouteKind::Grpc && self.flavor == Flavor::GatewayApi {
                    self.check_grpc(path);
                }
                let backends = division::shares(self.resolved, self.flavor, exposed, path, self.diagnostics);
                // Calls of gRPC are requests of HTTP to a VirtualService, so that one object has all of a namespace in order.
                let kind = match (self.flavor, kind) {
                    (Flavor::Istio, RouteKind::Grpc) => RouteKind::Http,
                    (_, kind) => kind,
                };
                by_namespace.entry((path.target.namespace, kind)).or_default().push(EdgePathPlan {
                    at: path.at.clone(),
                    rewrite: path.rewrite.as_ref().map(|rewrite| rewrite.0.clone()),
                    backends,
                });
            }
            if self.flavor == Flavor::Istio {
                self.check_order(exposed, &by_namespace);
            }
            for ((namespace, kind), mut paths) in by_namespace {
                // The longest path first; of two alike the exact one.
                paths.sort_by(|a, b| {
                    let key = |it: &EdgePathPlan| (it.at.path.0.len(), it.at.exact, it.at.path.0.clone());
                    key(b).cmp(&key(a))
                });
                plans.push(EdgeRoutePlan {
                    name: object_name(&exposed.origin),
                    namespace: namespace.to_owned(),
                    kind,
                    hosts: exposed.document.spec.hostnames.0.iter().map(|host| host.value.0.clone()).collect(),
                    paths,
                    origins: [exposed.origin.clone()].into(),
                });
            }
        }
        plans
    }

    /// Reports paths within one another that would be of two VirtualServices: the older one of those is asked first.
    fn check_order(&mut self, exposed: &Exposed<'_>, objects: &BTreeMap<(&str, RouteKind), Vec<EdgePathPlan>>) {
        let are_apart = |one: &Path<'_>, other: &Path<'_>| one.target.namespace != other.target.namespace;
        for (at, path) in exposed.paths.iter().enumerate().filter(|_| objects.len() > 1) {
            let within = |other: &&Path<'_>| other.at.covers(&path.at) || path.at.covers(&other.at);
            let mut before = exposed.paths.iter().take(at);
            let Some(other) = before.find(|other| are_apart(other, path) && within(other)) else { continue };
            let torn = code::INEXPRESSIBLE.at(
                path.span,
                format!(
                    "`{}` and `{}` lie within one another and would stand in two VirtualServices",
                    other.at, path.at
                ),
            );
            self.diagnostics.report(
                torn.label(format!("answered in `{}`", path.target.namespace))
                    .and(other.span, format!("answered in `{}`", other.target.namespace))
                    .help("the mesh asks the older of the two first, which no file tells: write `flavor: gateway-api`, or give one of them a host of its own"),
            );
        }
    }

    fn check_grpc(&mut self, path: &Path<'_>) {
        let fits = grpc_call(&path.at).is_some();
        if !fits || path.rewrite.is_some() {
            let unsaid = code::INEXPRESSIBLE
                .at(path.span, "a GRPCRoute names services and methods, and rewrites nothing")
                .label(format!("`{}`", path.at));
            self.diagnostics.report(
                unsaid
                    .and(path.target.span, "speaks gRPC")
                    .help("write `exact: /<service>/<method>`, `prefix: /<service>`, or no path at all"),
            );
        }
    }

    /// Returns the issuers whose tokens are checked here. The token goes on to the workload, which checks it as well.
    fn issuers(&mut self) -> Vec<(Issuer, Origin)> {
        let mut issuers: BTreeMap<String, (Issuer, Origin)> = BTreeMap::new();
        let documents = self.exposures.iter().flat_map(|exposed| &exposed.paths).filter_map(|path| path.auth);
        for document in documents {
            for issuer in &document.spec.issuers {
                let mut here = issuer.clone();
                here.forward = Some(true);
                here.claims_to_headers = Vec::new();
                let origin = Origin::document(issuer.issuer.span, document);
                match issuers.get(&issuer.issuer.value) {
                    Some((known, first)) if *known != here => {
                        let two = resolve::AMBIGUOUS.at(
                            issuer.issuer.span,
                            format!("issuer `{}` is described twice for gateway `{}`", issuer.issuer.value, self.name),
                        );
                        let two = two.label("otherwise than").and(first.span, "here");
                        self.diagnostics
                            .report(two.help("describe it once, at a node above both, or use two gateways"));
                    }
                    Some(_) => {}
                    None => {
                        issuers.insert(issuer.issuer.value.clone(), (here, origin));
                    }
                }
            }
        }
        issuers.into_values().collect()
    }

    /// Returns what the gateway admits: for each host and path those who may, and of a wider one only what no narrower one
    /// speaks of.
    fn rules(&self) -> Vec<Rule> {
        let hosts: Vec<(&Hostname, &Exposed<'_>)> = self
            .exposures
            .iter()
            .flat_map(|exposed| exposed.document.spec.hostnames.0.iter().map(|host| (&host.value, *exposed)))
            .collect();
        let mut rules = Vec::new();
        for (host, exposed) in &hosts {
            let narrower: BTreeSet<&Hostname> =
                hosts.iter().map(|(other, _)| *other).filter(|other| other != host && host.covers(other)).collect();
            let here: Vec<&Place> = hosts
                .iter()
                .filter(|(other, _)| other == host)
                .flat_map(|(_, exposed)| exposed.paths.iter().map(|path| &path.at))
                .collect();
            for path in &exposed.paths {
                let inside = here.iter().filter(|other| ***other != path.at && path.at.covers(other));
                rules.push(self.rule(host, &narrower, exposed, path, inside.copied()));
            }
        }
        rules.sort();
        rules.dedup();
        rules
    }

    fn rule<'p>(
        &self,
        host: &Hostname,
        narrower: &BTreeSet<&Hostname>,
        exposed: &Exposed<'_>,
        path: &Path<'_>,
        inside: impl Iterator<Item = &'p Place>,
    ) -> Rule {
        let mut rule = Rule { origins: [exposed.origin.clone()].into(), ..Rule::default() };
        if let Some(ranges) = exposed.document.spec.audience.value.ranges() {
            let ranges = ranges.iter().map(ToString::to_string).collect();
            match self.spec.client_address.as_ref().map(|it| it.value) {
                Some(ClientAddress::Forwarded) => rule.remote_ip_blocks = ranges,
                _ => rule.ip_blocks = ranges,
            }
        }
        let sni = || ("connection.sni".to_owned(), vec![host.0.clone()]);
        if exposed.tls.mode == TlsMode::Passthrough {
            // Of a connection nothing but this is seen.
            rule.when.push(sni());
            return rule;
        }
        // One set of routes serves every connection of a port: without this, a connection to a host that asks for no
        // certificate could carry requests for one that does.
        if exposed.tls.mode == TlsMode::Mutual {
            rule.when.push(sni());
        }
        rule.hosts = istio_hosts(host);
        rule.not_hosts = narrower.iter().flat_map(|host| istio_hosts(host)).collect();
        let everything = !path.at.exact && path.at.path.0 == "/";
        if !everything {
            rule.paths = path.at.patterns().iter().map(ToString::to_string).collect();
        }
        let mut not_paths: Vec<String> =
            inside.flat_map(|place| place.patterns()).map(|pattern| pattern.to_string()).collect();
        not_paths.sort();
        not_paths.dedup();
        rule.not_paths = not_paths;
        if let Some(document) = path.auth {
            let issuers = document.spec.issuers.iter().map(|issuer| issuer.issuer.value.clone()).collect();
            rule.when.push(("request.auth.claims[iss]".to_owned(), issuers));
            rule.origins.insert(Origin::document(document.span, document));
        }
        rule
    }
}

/// Returns the patterns Istio compares with the whole `Host` header.
pub(super) fn istio_hosts(host: &Hostname) -> Vec<String> {
    HostPattern::parse(&host.0).map_or_else(|_| vec![host.0.clone()], |pattern| pattern.istio_hosts())
}

fn kind(exposed: &Exposed<'_>, path: &Path<'_>) -> RouteKind {
    match (exposed.tls.mode, path.target.protocol) {
        (TlsMode::Passthrough, _) => RouteKind::Tls,
        (_, Some(Protocol::Grpc)) => RouteKind::Grpc,
        _ => RouteKind::Http,
    }
}

/// Returns the name of what is emitted for a document: its node and name, as no other document has them.
pub(super) fn object_name(origin: &Origin) -> String {
    format!("ringfence-{}", origin.id.trim_start_matches('/').replace('/', ".")).to_lowercase()
}

/// Returns the service and method of gRPC that a path means, empty for any; `None` where it means no whole ones.
pub(crate) fn grpc_call(place: &Place) -> Option<(String, String)> {
    let path = place.path.0.trim_start_matches('/');
    match (path.split_once('/'), place.exact) {
        (None, false) => Some((path.to_owned(), String::new())),
        (Some((service, method)), true) if !method.contains('/') => Some((service.to_owned(), method.to_owned())),
        _ => None,
    }
}

/// Says that something cannot be written in a flavor.
pub(super) fn unsaid(span: crate::source::Span, what: &str) -> Diagnostic {
    code::INEXPRESSIBLE
        .at(span, format!("no field of the Gateway API says {what}"))
        .label("cannot be written")
        .help("write `flavor: istio` in the Cluster, or leave it out")
}
