//! What a reference finds.
//!
//! In: a reference and the node it is written in. Out: services, or callers. A short name is looked up outward: in the
//! writing node and below, then in its parent and below, and so on; two at one level are an error, none is an error that
//! offers the nearest.

use std::collections::BTreeSet;

use ipnet::IpNet;

use super::world::{Service, World};
use crate::diagnostics::codes::resolve as code;
use crate::diagnostics::{Diagnostics, Reported, nearest};
use crate::requests::{IdentityPattern, Part};
use crate::source::Spanned;
use crate::spec::reference::{NodeName, NodePath, Reference};

/// Who sends requests: identities, addresses, or anyone at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Callers {
    /// Identities.
    pub identities: BTreeSet<IdentityPattern>,
    /// Addresses, with any identity or none.
    pub addresses: BTreeSet<IpNet>,
    /// Anyone, with or without an identity.
    pub anyone: bool,
    /// Whose they are: who would have to agree to a mutual consent.
    pub parties: BTreeSet<Party>,
}

/// Whose a caller is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Party {
    /// A service, as a position in [`World::services`].
    Service(usize),
    /// A node.
    Node(NodePath),
    /// Everyone in the mesh, or anyone at all: nobody can agree for them.
    Everyone,
    /// Addresses that may be pods': nobody can agree for whoever has one of them.
    Addresses(IpNet),
    /// Nobody of the tree: a gateway, an address that is no pod's.
    Outside,
}

impl Callers {
    /// Adds what another reference found.
    pub fn extend(&mut self, other: Self) {
        self.identities.extend(other.identities);
        self.addresses.extend(other.addresses);
        self.anyone |= other.anyone;
        self.parties.extend(other.parties);
    }
}

impl<'a> World<'a> {
    /// Returns the services a reference stands for, as positions in [`World::services`].
    ///
    /// # Errors
    /// When it finds nothing, or more than one by a short name, or is no reference to workloads.
    pub fn services_of(
        &self,
        reference: &Spanned<Reference>,
        from: &NodePath,
        diagnostics: &mut Diagnostics,
    ) -> Result<BTreeSet<usize>, Reported> {
        match &reference.value {
            Reference::Node(path) => {
                self.known_node(path, reference, diagnostics)?;
                Ok(self.services_in(path))
            }
            Reference::Zone(name) => {
                let zone = self.zone(name, reference, diagnostics)?;
                self.members(&zone.spec, &zone.node, diagnostics)
            }
            Reference::Short(name) => self.short(name, reference, from, diagnostics).map(|service| [service].into()),
            Reference::Service(node, name) => {
                self.qualified(node, name, reference, from, diagnostics).map(|service| [service].into())
            }
            _ => Err(diagnostics.report(
                code::UNKNOWN_REFERENCE
                    .at(reference.span, format!("`{}` is no workload", reference.value))
                    .label("cannot be reached")
                    .help("name a service, a node or a zone"),
            )),
        }
    }

    /// Returns who a reference stands for as callers.
    ///
    /// # Errors
    /// When it finds nothing.
    pub fn callers(
        &self,
        reference: &Spanned<Reference>,
        from: &NodePath,
        diagnostics: &mut Diagnostics,
    ) -> Result<Callers, Reported> {
        let mut callers = Callers::default();
        match &reference.value {
            Reference::Anyone | Reference::Internet => {
                callers.anyone = true;
                callers.parties.insert(Party::Everyone);
            }
            Reference::Mesh => {
                callers.parties.insert(Party::Everyone);
                callers.identities.extend(self.trust_domains().into_iter().map(|domain| IdentityPattern {
                    trust_domain: Part::Exactly(domain.to_owned()),
                    namespace: Part::Any,
                    service_account: Part::Any,
                }));
            }
            Reference::Cidr(net) => {
                callers.addresses.insert(*net);
                callers.parties.insert(if self.may_be_pods(net) { Party::Addresses(*net) } else { Party::Outside });
            }
            Reference::Gateway(name) => {
                callers.identities = self.gateway(name, reference, diagnostics)?;
                callers.parties.insert(Party::Outside);
            }
            Reference::ServiceAccount { cluster, namespace, name } => {
                callers = self.account(cluster, namespace, name, reference, diagnostics)?;
            }
            Reference::Node(path) => {
                self.known_node(path, reference, diagnostics)?;
                callers.identities = self.identities_of_node(path);
                callers.parties.insert(Party::Node(path.clone()));
            }
            Reference::Zone(_) | Reference::Short(_) | Reference::Service(..) => {
                for index in self.services_of(reference, from, diagnostics)? {
                    if let Some(service) = self.services.get(index) {
                        callers.identities.extend(self.identities_of(service));
                        callers.parties.insert(Party::Service(index));
                    }
                }
            }
        }
        Ok(callers)
    }

    /// Returns the services of a node and everything below it.
    #[must_use]
    pub fn services_in(&self, path: &NodePath) -> BTreeSet<usize> {
        self.services
            .iter()
            .enumerate()
            .filter(|(_, service)| path.contains(&service.node))
            .map(|(index, _)| index)
            .collect()
    }

    /// Returns the identities of a service, in every cluster.
    #[must_use]
    pub fn identities_of(&self, service: &Service<'a>) -> BTreeSet<IdentityPattern> {
        let identities = service.workloads.iter().filter_map(|workload| self.identity(*workload));
        identities.map(|(domain, namespace, account)| IdentityPattern::exactly(domain, namespace, account)).collect()
    }

    /// Returns the identities of a node: everyone in the namespaces its workspaces claim, or, of a group, its services.
    #[must_use]
    pub fn identities_of_node(&self, path: &NodePath) -> BTreeSet<IdentityPattern> {
        if path.lineage().len() > 3 {
            let services = self.services_in(path).into_iter().filter_map(|index| self.services.get(index));
            return services.flat_map(|service| self.identities_of(service)).collect();
        }
        let claimed = self.claims.iter().filter(|(_, owner)| path.contains(owner));
        claimed
            .filter_map(|((cluster, namespace), _)| {
                Some(IdentityPattern::namespace(self.clusters.get(cluster)?.trust_domain(), *namespace))
            })
            .collect()
    }

    /// Returns every trust domain of the clusters, with aliases.
    #[must_use]
    pub fn trust_domains(&self) -> BTreeSet<&'a str> {
        let aliases = self.clusters.values().flat_map(|cluster| &cluster.document.spec.trust_domain_aliases);
        let own = self.clusters.values().map(super::world::Cluster::trust_domain);
        own.chain(aliases.map(|alias| alias.value.0.as_str())).collect()
    }

    /// Tells whether some of these addresses may be pods': a cluster that does not list its `podCidrs` may have any.
    #[must_use]
    pub fn may_be_pods(&self, net: &IpNet) -> bool {
        self.clusters.values().map(|cluster| &cluster.document.spec).any(|spec| {
            let mut pods = spec.pod_cidrs.iter().chain(&spec.node_cidrs).map(|pods| pods.value.0);
            spec.pod_cidrs.is_empty() || pods.any(|pods| pods.contains(net) || net.contains(&pods))
        })
    }

    /// Checks that a node exists.
    ///
    /// # Errors
    /// When it does not.
    pub fn known_node(
        &self,
        path: &NodePath,
        reference: &Spanned<Reference>,
        diagnostics: &mut Diagnostics,
    ) -> Result<(), Reported> {
        self.known_path(&Spanned::new(path.clone(), reference.span), diagnostics)
    }

    /// Checks that a node exists.
    ///
    /// # Errors
    /// When it does not.
    pub fn known_path(&self, path: &Spanned<NodePath>, diagnostics: &mut Diagnostics) -> Result<(), Reported> {
        if self.nodes.contains_key(&path.value) {
            return Ok(());
        }
        let known = self.nodes.keys().map(|path| path.0.as_str());
        let unknown =
            code::UNKNOWN_REFERENCE.at(path.span, format!("there is no node `{}`", path.value)).label("found nowhere");
        Err(diagnostics.report(unknown.did_you_mean(&path.value.0, known)))
    }

    pub(super) fn gateway(
        &self,
        name: &str,
        reference: &Spanned<Reference>,
        diagnostics: &mut Diagnostics,
    ) -> Result<BTreeSet<IdentityPattern>, Reported> {
        let found = self.clusters.values().filter_map(|cluster| {
            let gateway = &cluster.document.spec.gateways.get(name)?.value;
            Some(IdentityPattern::exactly(
                cluster.trust_domain(),
                &*gateway.namespace.value.0,
                &*gateway.service_account.value.0,
            ))
        });
        let found: BTreeSet<_> = found.collect();
        if found.is_empty() {
            let known =
                self.clusters.values().flat_map(|cluster| cluster.document.spec.gateways.keys().map(String::as_str));
            let unknown = code::UNKNOWN_REFERENCE.at(reference.span, format!("no cluster declares a gateway `{name}`"));
            return Err(diagnostics.report(unknown.label("found nowhere").did_you_mean(name, known)));
        }
        Ok(found)
    }

    fn account(
        &self,
        cluster_name: &str,
        namespace: &str,
        name: &str,
        reference: &Spanned<Reference>,
        diagnostics: &mut Diagnostics,
    ) -> Result<Callers, Reported> {
        let Some(cluster) = self.clusters.get(cluster_name) else {
            let unknown = code::UNKNOWN_REFERENCE
                .at(reference.span, format!("there is no cluster `{cluster_name}`"))
                .label("found nowhere");
            return Err(diagnostics.report(unknown.did_you_mean(cluster_name, self.clusters.keys().copied())));
        };
        let declared = cluster.document.spec.identities.iter().any(|identity| {
            identity.namespace.value.0 == namespace
                && identity.service_accounts.0.iter().any(|account| account.value.0 == name)
        });
        let used = || cluster.inventory.shows(namespace, name);
        let made = || cluster.inventory.accounts.contains(&(namespace.to_owned(), name.to_owned()));
        let gateway = || {
            let mut gateways = cluster.document.spec.gateways.values();
            gateways.any(|gateway| {
                gateway.value.namespace.value.0 == namespace && gateway.value.service_account.value.0 == name
            })
        };
        if !(declared || made() || used() || gateway()) {
            let known: Vec<String> =
                cluster.inventory.accounts.iter().map(|(space, account)| format!("{space}/{account}")).collect();
            let unknown = code::UNKNOWN_REFERENCE
                .at(reference.span, format!("cluster `{cluster_name}` has no service account `{namespace}/{name}`"))
                .label("found nowhere")
                .help("if an operator or another repository makes it, list it in the `identities` of the cluster");
            return Err(diagnostics
                .report(unknown.did_you_mean(&format!("{namespace}/{name}"), known.iter().map(String::as_str))));
        }
        let owner = self.claims.get(&(cluster_name, namespace)).cloned();
        Ok(Callers {
            identities: [IdentityPattern::exactly(cluster.trust_domain(), namespace, name)].into(),
            parties: [owner.map_or(Party::Outside, Party::Node)].into(),
            ..Callers::default()
        })
    }

    /// Looks a short name up outward from the node it is written in.
    fn short(
        &self,
        name: &str,
        reference: &Spanned<Reference>,
        from: &NodePath,
        diagnostics: &mut Diagnostics,
    ) -> Result<usize, Reported> {
        for base in from.lineage().iter().rev() {
            let found = self.named(name, base);
            match found.as_slice() {
                [] => {}
                [one] => return Ok(*one),
                several => return Err(self.ambiguous(name, several, reference, diagnostics)),
            }
        }
        let unknown =
            code::UNKNOWN_REFERENCE.at(reference.span, format!("there is no service `{name}`")).label("found nowhere");
        if let Some(path) = self.nodes.keys().find(|path| path.name() == name) {
            return Err(diagnostics.report(unknown.help(format!("`{name}` is a node: write `{path}`"))));
        }
        let known = self.services.iter().flat_map(|service| std::iter::once(&service.name).chain(&service.aliases));
        Err(diagnostics.report(unknown.did_you_mean(name, known.map(String::as_str))))
    }

    fn qualified(
        &self,
        node: &NodeName,
        name: &str,
        reference: &Spanned<Reference>,
        from: &NodePath,
        diagnostics: &mut Diagnostics,
    ) -> Result<usize, Reported> {
        let bases: Vec<&NodePath> = match node {
            NodeName::Path(path) => {
                self.known_node(path, reference, diagnostics)?;
                vec![path]
            }
            NodeName::Short(short) => {
                let near = |base: &NodePath| -> Vec<&NodePath> {
                    self.nodes
                        .keys()
                        .filter(|path| {
                            base.contains(path) && path.name() == short && !self.named(name, path).is_empty()
                        })
                        .collect()
                };
                from.lineage().iter().rev().map(near).find(|found| !found.is_empty()).unwrap_or_default()
            }
        };
        let mut found: Vec<usize> = bases.iter().flat_map(|base| self.named(name, base)).collect();
        found.sort_unstable();
        found.dedup();
        match found.as_slice() {
            [one] => Ok(*one),
            [] => {
                let within: Vec<&str> = match node {
                    NodeName::Path(path) => self
                        .services_in(path)
                        .into_iter()
                        .filter_map(|index| Some(self.services.get(index)?.name.as_str()))
                        .collect(),
                    NodeName::Short(_) => self.nodes.keys().map(NodePath::name).collect(),
                };
                let near = match node {
                    NodeName::Path(path) => nearest(name, within).map(|near| format!("{path}:{near}")),
                    NodeName::Short(short) => nearest(short, within).map(|near| format!("{near}:{name}")),
                };
                let unknown =
                    code::UNKNOWN_REFERENCE.at(reference.span, format!("there is no service `{}`", reference.value));
                let unknown = unknown.label("found nowhere");
                Err(diagnostics.report(match near {
                    Some(near) => unknown.help(format!("did you mean `{near}`?")),
                    None => unknown,
                }))
            }
            several => Err(self.ambiguous(name, several, reference, diagnostics)),
        }
    }

    /// Returns the services with this name in a node and below it.
    fn named(&self, name: &str, base: &NodePath) -> Vec<usize> {
        let all = self.names.get(name).into_iter().flatten().copied();
        all.filter(|index| self.services.get(*index).is_some_and(|service| base.contains(&service.node))).collect()
    }

    fn ambiguous(
        &self,
        name: &str,
        several: &[usize],
        reference: &Spanned<Reference>,
        diagnostics: &mut Diagnostics,
    ) -> Reported {
        let names = several
            .iter()
            .filter_map(|index| self.services.get(*index))
            .map(|service| format!("`{}`", World::service_name(service)));
        let names = names.collect::<Vec<_>>().join(", ");
        let ambiguous =
            code::AMBIGUOUS_REFERENCE.at(reference.span, format!("`{name}` is the name of {} services", several.len()));
        diagnostics.report(ambiguous.label("which one?").help(format!("write one of {names}")))
    }
}
