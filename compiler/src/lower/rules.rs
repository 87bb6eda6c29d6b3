//! From clauses to the rules of an AuthorizationPolicy.
//!
//! In: sets of requests at a unit. Out: [`Rule`]s. HTTP fields go onto ports that speak HTTP and onto no other: on a TCP
//! port Istio drops such a rule of an ALLOW and widens it in a DENY (istio/istio: pilot/pkg/security/authz/model/model.go).

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostics::codes::lowering as code;
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::inventory::{KubernetesService, Labels};
use crate::ir::{Origins, Rule};
use crate::requests::{Clause, Field, HostPattern, IdentityPattern, Part, TokenMatch};
use crate::resolve::access::{Bound, Ceiling, Grant, GrantKind};
use crate::resolve::statements::Origin;
use crate::resolve::units::{MESH_PORTS, Unit};
use crate::resolve::world::{Cluster, World};
use crate::spec::cluster::DataPlane;

/// What rules are written for: it decides what a port that nobody declared means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// To admit.
    Allow,
    /// To deny.
    Deny,
}

/// What reads rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Engine {
    /// A sidecar or a waypoint.
    Envoy,
    /// The ztunnel of a node, which sees connections alone.
    Ztunnel,
}

impl From<DataPlane> for Engine {
    fn from(plane: DataPlane) -> Self {
        match plane {
            DataPlane::Sidecar => Self::Envoy,
            DataPlane::Ambient => Self::Ztunnel,
        }
    }
}

/// What is needed to write rules for a unit.
pub(super) struct Rules<'u, 'a, 'd> {
    pub world: &'u World<'a>,
    pub unit: &'u Unit<'a>,
    /// What bounds the unit: a grant that is clipped may ask for HTTP because one of these does.
    pub ceilings: &'u [Ceiling],
    pub engine: Engine,
    pub diagnostics: &'d mut Diagnostics,
}

impl Rules<'_, '_, '_> {
    /// Writes the rules of some grants: callers with the same conditions share one.
    pub fn of(&mut self, grants: &[&Grant], action: Action) -> Vec<Rule> {
        let mut merged: BTreeMap<Clause, (BTreeSet<IdentityPattern>, Origins)> = BTreeMap::new();
        for grant in grants {
            if action == Action::Allow && self.is_clipped_out_of_reach(grant) {
                continue;
            }
            if self.says_less(grant, action) {
                continue;
            }
            for clause in grant.set.clauses() {
                let mut shape = clause.clone();
                let identities = std::mem::replace(&mut shape.identities, Field::Any);
                // Rules for anyone keep their shape apart from those for some: the empty set of patterns marks them.
                shape.identities = if identities.is_any() { Field::Any } else { Field::only([]) };
                let (callers, origins) = merged.entry(shape).or_default();
                callers.extend(identities.patterns().cloned());
                origins.insert(grant.origin.clone());
                origins.extend(grant.exceptions.iter().cloned());
            }
        }
        let mut rules = Vec::new();
        for (mut shape, (callers, origins)) in merged {
            if !shape.identities.is_any() {
                shape.identities = Field::Only(callers).simplified();
            }
            rules.extend(self.rule(&shape, origins, action));
        }
        rules.sort();
        rules
    }

    /// Reports a grant that a mandate clips to HTTP where nothing sees it: the mandate asks for it, so it is shown.
    fn is_clipped_out_of_reach(&mut self, grant: &Grant) -> bool {
        if self.engine != Engine::Ztunnel || grant.set.is_l4() {
            return false;
        }
        let clips = |ceiling: &&Ceiling| match &ceiling.bound {
            Bound::AtMost(most) => grant.clipped_by.contains(&ceiling.origin) && !most.is_l4(),
            Bound::Never(_) => false,
        };
        let Some(ceiling) = self.ceilings.iter().find(clips) else { return false };
        let ambient = code::L7_WITHOUT_WAYPOINT.at(grant.origin.span, self.sees_no_http());
        self.diagnostics.report(ambient.label("clipped to HTTP").and(ceiling.origin.span, "asks for HTTP").help(
            "leave the workload out of what the mandate permits by methods and paths, or give the workload a sidecar",
        ));
        true
    }

    fn sees_no_http(&self) -> String {
        format!(
            "`{}` is in ambient mode without a waypoint, where methods, paths, hosts, headers and tokens are not seen",
            self.unit.name
        )
    }

    /// Shows where it is written what a port speaks.
    pub fn and_protocol(&self, said: Diagnostic, port: u16) -> Diagnostic {
        let (world, unit, words) = (self.world, self.unit, format!("what port {port} speaks"));
        let documents = unit.services.iter().filter_map(|index| world.services.get(*index)?.document);
        let mut entries = documents.flat_map(|document| &document.spec.ports);
        if let Some(entry) = entries.find(|entry| entry.port.value.0 == u32::from(port)) {
            return said.and(entry.protocol.span, words);
        }
        let services = world.clusters.get(unit.cluster).map(|cluster| cluster.inventory.services_in(unit.namespace));
        let fronts = |service: &&KubernetesService| {
            let selects = |labels: &Labels| service.selector.iter().all(|(key, value)| labels.get(key) == Some(value));
            !service.selector.is_empty() && unit.workloads.iter().any(|it| selects(&it.labels))
        };
        let ports = services.into_iter().flatten().filter(fronts).flat_map(|service| &service.ports);
        let mut spoken =
            ports.filter(|at| unit.port_numbers(&at.target).contains(&port)).filter_map(|at| at.protocol.as_ref());
        match spoken.find(|said| !said.value.is_http()) {
            Some(found) => said.and(found.span, words),
            None => said,
        }
    }

    /// Reports what must hold whole and names hosts by how they end, which Istio compares with the port behind them. A
    /// grant may say less: what it leaves out is denied.
    fn says_less(&mut self, grant: &Grant, action: Action) -> bool {
        let verb = match (action, grant.kind) {
            (Action::Deny, _) => "denies",
            (Action::Allow, GrantKind::Floor) => "always admits",
            (Action::Allow, _) => return false,
        };
        let mut hosts = grant.set.clauses().iter().flat_map(|clause| clause.hosts.patterns());
        let Some(host) = hosts.find(|host| !host.is_exact_in_istio()) else { return false };
        let refused = code::INEXPRESSIBLE.at(
            grant.origin.span,
            format!("no rule {verb} the hosts `{host}`: a request may name a port behind them, and no pattern says so"),
        );
        self.diagnostics.report(
            refused.label("names hosts by how they end").help("list the hosts one by one, or leave `hosts` out"),
        );
        true
    }

    /// Writes one clause; `None` where that was reported to be impossible.
    fn rule(&mut self, clause: &Clause, origins: Origins, action: Action) -> Option<Rule> {
        let origin = origins.first().cloned()?;
        let l7 = *clause != clause.l4();
        let mut ports = if l7 { self.http_ports(clause, &origin)? } else { clause.ports.patterns().copied().collect() };
        let mut not_ports = Vec::new();
        // A deny holds on listeners that no manifest declares as well; one that turns out to speak TCP is denied whole.
        if action == Action::Deny && l7 && clause.ports.is_any() {
            ports = Vec::new();
            not_ports = self.blind();
        }
        let mut rule = Rule {
            ports,
            not_ports,
            methods: texts(&clause.methods),
            paths: texts(&clause.paths),
            hosts: clause.hosts.patterns().flat_map(HostPattern::istio_hosts).collect(),
            principals: self.principals(&clause.identities, &origin)?,
            ip_blocks: texts(&clause.addresses),
            origins,
            ..Rule::default()
        };
        for (header, values) in &clause.headers {
            let values = if values.is_any() { vec!["*".to_owned()] } else { texts(values) };
            rule.when.push((format!("request.headers[{header}]"), values));
        }
        if let TokenMatch::Required(token) = &clause.token {
            // By claims rather than `requestPrincipals`, which a token without a subject never matches.
            let mut claim = |key: String, values: Vec<String>| {
                if !values.is_empty() {
                    rule.when.push((key, values));
                }
            };
            claim("request.auth.claims[iss]".to_owned(), texts(&token.issuers));
            claim("request.auth.claims[sub]".to_owned(), texts(&token.subjects));
            claim("request.auth.audiences".to_owned(), texts(&token.audiences));
            for (name, values) in &token.claims {
                claim(format!("request.auth.claims[{name}]"), texts(values));
            }
        }
        rule.when.sort();
        Some(rule)
    }

    /// Writes identities as `principals`.
    pub fn principals(&mut self, identities: &Field<IdentityPattern>, origin: &Origin) -> Option<Vec<String>> {
        let mut principals = Vec::new();
        for pattern in identities.patterns().flat_map(|pattern| self.as_enforced(pattern)).collect::<BTreeSet<_>>() {
            let Some(principal) = pattern.istio_principal() else {
                let refused = code::INEXPRESSIBLE
                    .at(origin.span, format!("Istio has no principal for the identities `{pattern}`"));
                self.diagnostics.report(refused.label("cannot be written"));
                return None;
            };
            principals.push(principal);
        }
        principals.sort();
        Some(principals)
    }

    /// Writes an identity once for each trust domain that counts as its own, where Istio does not: ztunnel is handed principals
    /// as they are written (istio/istio: pilot/pkg/serviceregistry/ambient/authorization.go).
    fn as_enforced(&self, pattern: &IdentityPattern) -> Vec<IdentityPattern> {
        let domains = self.world.clusters.get(self.unit.cluster).map(Cluster::trust_domains).unwrap_or_default();
        let same = |domain: &String| domain == "cluster.local" || domains.contains(domain);
        match &pattern.trust_domain {
            Part::Exactly(domain) if self.engine == Engine::Ztunnel && same(domain) => domains
                .iter()
                .map(|domain| IdentityPattern { trust_domain: Part::Exactly(domain.clone()), ..pattern.clone() })
                .collect(),
            _ => vec![pattern.clone()],
        }
    }

    /// Returns the ports on which HTTP is asked of a clause; says where that cannot be enforced.
    fn http_ports(&mut self, clause: &Clause, origin: &Origin) -> Option<Vec<u16>> {
        let name = &self.unit.name;
        if self.engine == Engine::Ztunnel {
            let ambient = code::L7_WITHOUT_WAYPOINT.at(origin.span, self.sees_no_http());
            self.diagnostics.report(ambient.label("asks for HTTP").help(
                "declare a `waypoint` for its namespace in the Cluster, give the workload a sidecar, or ask for callers and ports alone",
            ));
            return None;
        }
        let asked: Vec<u16> = clause.ports.patterns().copied().filter(|port| !MESH_PORTS.contains(port)).collect();
        let known = |port: &u16| self.unit.ports.get(port).and_then(|facts| facts.protocol);
        if let Some(port) = asked.iter().find(|port| known(port).is_some_and(|protocol| !protocol.is_http())) {
            let protocol = known(port).map_or("tcp", crate::spec::service::Protocol::word);
            let tcp = code::L7_ON_TCP.at(origin.span, format!("port {port} of `{name}` speaks {protocol}, so nothing there sees methods, paths, hosts, headers or tokens"));
            let tcp = self.and_protocol(tcp.label("asks for HTTP"), *port);
            self.diagnostics.report(
                tcp.help("ask for callers and ports alone, or say in a Service document that the port speaks http"),
            );
            return None;
        }
        let ports: Vec<u16> = if clause.ports.is_any() { self.http_capable() } else { asked };
        if ports.is_empty() && !self.unit.ports.is_empty() {
            let tcp = code::L7_ON_TCP.at(origin.span, format!("no port of `{name}` speaks HTTP"));
            self.diagnostics.report(
                tcp.label("asks for HTTP")
                    .help("ask for callers and ports alone, or say in a Service document which port speaks http"),
            );
            return None;
        }
        // A port that no manifest declares is only ever denied, and there TCP is meant as well.
        let declared = |port: &u16| self.unit.ports.contains_key(port);
        if let Some(port) = ports.iter().find(|port| declared(port) && known(port).is_none()) {
            let unknown = code::UNKNOWN_PROTOCOL
                .at(origin.span, format!("port {port} of `{name}` does not say what it speaks, so the mesh guesses"));
            self.diagnostics.report(unknown.label("asks for HTTP").help(
                "a connection taken for TCP is denied; name the Service port `http-…`, set its appProtocol, or list the port in a Service document",
            ));
        }
        Some(ports)
    }

    /// Returns the ports of the unit that are known not to speak HTTP.
    pub fn blind(&self) -> Vec<u16> {
        let capable = self.http_capable();
        self.unit.ports.keys().copied().filter(|port| !capable.contains(port)).collect()
    }

    /// Returns the ports of the unit that speak HTTP or do not say what they speak.
    pub fn http_capable(&self) -> Vec<u16> {
        let capable = self
            .unit
            .ports
            .iter()
            .filter(|(_, facts)| facts.protocol.is_none_or(crate::spec::service::Protocol::is_http));
        capable.map(|(port, _)| *port).collect()
    }
}

fn texts<P: Ord + ToString>(field: &Field<P>) -> Vec<String> {
    field.patterns().map(ToString::to_string).collect()
}
