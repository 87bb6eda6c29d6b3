//! What a repository means, request by request, read from its documents and nothing else.
//!
//! In: a [`Repository`]. Out: [`Meaning::admits`], [`Meaning::permits`] and the other questions the laws ask. It is written
//! from the description of the language, as plainly as possible and without the compiler's sets, so that the two can
//! disagree.

use ringfence_compiler::requests::Request;

use super::patterns;
use super::repository::*;

fn below(path: &str, node: &str) -> bool {
    lineage(path).iter().any(|above| above == node)
}

/// What a ceiling says of a request.
pub struct Permission {
    pub permits: bool,
    /// Whether it is a zone's `to`, which is about the callers in the zone alone.
    pub about_callers: bool,
}

pub struct Meaning<'r> {
    pub repository: &'r Repository,
    /// Whether the exceptions are in force.
    pub excepted: bool,
}

impl<'r> Meaning<'r> {
    pub fn of(repository: &'r Repository) -> Self {
        Self { repository, excepted: true }
    }

    fn named(&self, reference: &Ref) -> &'r Service {
        let Ref::Service(_, name) = reference else { panic!("{reference:?} is no service") };
        self.repository.services.iter().find(|service| service.name == *name).unwrap()
    }

    /// Tells whether a reference to workloads is about a service.
    fn is_about(&self, reference: &Ref, service: &Service) -> bool {
        match reference {
            Ref::Node(path) => below(service.node(), path),
            Ref::Service(..) => self.named(reference).name == service.name,
            Ref::Zone(name) => {
                let zone = self.repository.zones.iter().find(|zone| zone.name == *name).unwrap();
                zone.members.iter().any(|member| self.is_about(member, service))
            }
            _ => panic!("{reference:?} is about no workload"),
        }
    }

    fn has_identity(&self, service: &Service, request: &Request) -> bool {
        let Some(identity) = &request.identity else { return false };
        identity.namespace == service.namespace
            && identity.service_account == service.account
            && service.clusters.iter().any(|at| self.repository.clusters[*at].trust_domain == identity.trust_domain)
    }

    fn calls(&self, reference: &Ref, request: &Request) -> bool {
        let repository = self.repository;
        let domain = |name: &str| repository.clusters.iter().any(|cluster| cluster.trust_domain == name);
        match reference {
            Ref::Anyone => true,
            Ref::Mesh => request.identity.as_ref().is_some_and(|identity| domain(&identity.trust_domain)),
            Ref::Cidr(net) => net.parse::<ipnet::IpNet>().unwrap().contains(&request.address),
            Ref::Account(cluster, namespace, name) => request.identity.as_ref().is_some_and(|identity| {
                let cluster = repository.clusters.iter().find(|known| known.name == *cluster).unwrap();
                identity.trust_domain == cluster.trust_domain
                    && identity.namespace == *namespace
                    && identity.service_account == *name
            }),
            // A node is everyone in its namespaces; a group is its services.
            Ref::Node(path) if lineage(path).len() <= 3 => request.identity.as_ref().is_some_and(|identity| {
                let claimed = repository.nodes.iter().filter(|node| lineage(&node.path).len() == 3);
                let mut claimed = claimed.filter(|node| below(&node.path, path)).flat_map(|node| &node.claims);
                domain(&identity.trust_domain) && claimed.any(|namespace| *namespace == identity.namespace)
            }),
            Ref::Node(_) | Ref::Service(..) | Ref::Zone(_) => {
                let mut services = repository.services.iter().filter(|service| self.is_about(reference, service));
                services.any(|service| self.has_identity(service, request))
            }
        }
    }

    fn sent_by(&self, source: &Source, request: &Request) -> bool {
        let shown = |roles: &Vec<&str>| {
            let token = request.token.as_ref().filter(|token| token.issuer == ISSUER);
            let claim = token.and_then(|token| token.claims.get("role"));
            claim.is_some_and(|values| roles.iter().any(|role| values.contains(*role)))
        };
        source.who.as_ref().is_none_or(|who| self.calls(who, request)) && source.roles.as_ref().is_none_or(shown)
    }

    fn among(&self, sources: Option<&Vec<Source>>, request: &Request) -> bool {
        sources.is_none_or(|sources| sources.iter().any(|source| self.sent_by(source, request)))
    }

    /// Tells whether an entry admits or denies a request; a port that is named must be one of the workload's where
    /// `known` asks for it.
    fn meets(&self, entry: &Entry, service: &Service, request: &Request, known: bool) -> bool {
        let Condition { ports, methods, paths, hosts, header } = &entry.condition;
        let has = |port: u16| port == 8080 || (port == 9000 && service.tcp);
        self.among(entry.from.as_ref(), request)
            && ports.as_ref().is_none_or(|ports| ports.contains(&request.port) && (!known || has(request.port)))
            && methods.as_ref().is_none_or(|methods| methods.contains(&request.method.as_str()))
            && paths.as_ref().is_none_or(|paths| paths.iter().any(|path| patterns::path(path, &request.path)))
            && hosts.as_ref().is_none_or(|hosts| hosts.iter().any(|host| patterns::host(host, &request.host)))
            && header.as_ref().is_none_or(|values| {
                request.headers.get("x-team").is_some_and(|value| values.contains(&value.as_str()))
            })
    }

    fn line(&self, service: &Service) -> Vec<&'r Node> {
        let find = |path: &String| self.repository.nodes.iter().find(|node| node.path == *path);
        lineage(service.node()).iter().filter_map(find).collect()
    }

    /// Tells whether an exception to a mandate lets a request through to a service.
    fn excepts(&self, mandate: &str, service: &Service, request: &Request) -> bool {
        let here = |exception: &&Exception| {
            exception.waives == mandate && self.is_about(&exception.service, service) && self.excepted
        };
        self.repository.exceptions.iter().filter(here).any(|exception| {
            exception.ports.as_ref().is_none_or(|ports| ports.contains(&request.port))
                && exception.widen_to.iter().any(|word| self.calls(&caller(word), request))
        })
    }

    /// Returns what each ceiling in force at a service says of a request.
    pub fn ceilings(&self, service: &Service, request: &Request) -> Vec<Permission> {
        let mut all = Vec::new();
        for node in self.line(service).into_iter().filter(|node| !node.mandates.trial) {
            let excepted = self.excepts(&format!("{}#access", node.path), service, request);
            let mut add = |permits: bool| all.push(Permission { permits: permits || excepted, about_callers: false });
            if let Some(from) = &node.mandates.from {
                add(self.among(Some(from), request));
            }
            if let Some(entries) = &node.mandates.at_most {
                add(entries.iter().any(|entry| self.meets(entry, service, request, true)));
            }
        }
        for zone in &self.repository.zones {
            let member = |service: &Service| zone.members.iter().any(|member| self.is_about(member, service));
            if let Some(from) = zone.from.as_ref().filter(|_| member(service)) {
                all.push(Permission { permits: self.among(Some(from), request), about_callers: false });
            }
            if let Some(to) = &zone.to
                && !to.iter().any(|target| self.is_about(target, service))
            {
                let mut members = self.repository.services.iter().filter(|service| member(service));
                let permits = !members.any(|member| self.has_identity(member, request));
                all.push(Permission { permits, about_callers: true });
            }
        }
        all
    }

    /// Tells whether every ceiling in force permits a request to a service.
    pub fn permits(&self, service: &Service, request: &Request) -> bool {
        self.ceilings(service, request).iter().all(|ceiling| ceiling.permits)
    }

    /// Returns the statements about a service.
    pub fn about(&self, service: &Service) -> impl Iterator<Item = &'r Access> {
        self.repository.accesses.iter().filter(|access| match &access.to {
            None => below(service.node(), &access.node),
            Some(to) => to.iter().any(|target| self.is_about(target, service)),
        })
    }

    /// Tells whether the default of access holds at a service: its workspace and groups say nothing of it.
    pub fn unspoken(&self, service: &Service) -> bool {
        !self
            .about(service)
            .any(|access| lineage(&access.node).len() >= 3 && access.allow.iter().any(|entry| !entry.trial))
    }

    fn default_admits(&self, service: &Service, request: &Request) -> bool {
        let within = self.line(service).iter().rev().find_map(|node| node.defaults.within);
        let line = lineage(service.node());
        let part = match within {
            None | Some("nobody") => return false,
            Some("group") => line.last(),
            Some("workspace") => line.get(2),
            _ => line.get(1),
        };
        self.unspoken(service) && self.calls(&Ref::Node(part.unwrap().clone()), request)
    }

    /// Tells whether something grants a request, default and floors included, whatever denies it.
    pub fn grants(&self, service: &Service, request: &Request) -> bool {
        let mut allowed = self.about(service).flat_map(|access| &access.allow).filter(|entry| !entry.trial);
        let mut floors = self.line(service).into_iter().filter(|node| !node.mandates.trial);
        allowed.any(|entry| self.meets(entry, service, request, true))
            || floors.any(|node| node.mandates.at_least.iter().any(|entry| self.meets(entry, service, request, true)))
            || self.default_admits(service, request)
    }

    /// Tells whether something denies a request.
    pub fn denies(&self, service: &Service, request: &Request) -> bool {
        let mut denied = self.about(service).flat_map(|access| &access.deny).filter(|entry| !entry.trial);
        denied.any(|entry| self.meets(entry, service, request, false)) || self.wants_token(service, request)
    }

    fn wants_token(&self, service: &Service, request: &Request) -> bool {
        let mut demands = self.repository.authentications.iter().filter(|statement| {
            statement.required && statement.to.iter().flatten().any(|target| self.is_about(target, service))
        });
        let http = !request.method.is_empty();
        http && request.token.is_none()
            && demands.any(|statement| {
                !statement.exempt.iter().flatten().any(|pattern| patterns::path(pattern, &request.path))
            })
    }

    /// Tells whether a request reaches a service.
    pub fn admits(&self, service: &Service, request: &Request) -> bool {
        self.permits(service, request) && self.grants(service, request) && !self.denies(service, request)
    }

    /// Returns the modes of inbound traffic that mandates leave at a service: whether plaintext and mTLS may arrive.
    pub fn arrivals(&self, service: &Service) -> (bool, bool) {
        let modes = self.line(service).into_iter().filter_map(|node| node.mandates.mtls);
        modes.fold((true, true), |(plaintext, mtls), mode| (plaintext && mode != "strict", mtls && mode != "disable"))
    }

    /// Tells whether mandates keep a service from hosts that nobody declared.
    pub fn confined(&self, service: &Service) -> bool {
        self.line(service).iter().any(|node| node.mandates.egress == Some("registry-only"))
    }
}

/// Reads a caller as exceptions write it.
fn caller(word: &str) -> Ref {
    match word.split_once(':') {
        Some((workspace, name)) if workspace.starts_with('/') => Ref::Service(workspace.to_owned(), name.to_owned()),
        None if word.starts_with('/') => Ref::Node(word.to_owned()),
        _ => panic!("no law writes `{word}`"),
    }
}
