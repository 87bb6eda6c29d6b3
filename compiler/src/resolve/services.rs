//! Which services there are, and whose they are.
//!
//! In: claimed namespaces, Kubernetes Services, workloads, Service documents, the claims of groups. Out: the list of
//! services, each in its node.

use std::collections::{BTreeMap, BTreeSet};

use super::world::{Cluster, Node, Service, WorkloadRef};
use crate::diagnostics::Diagnostics;
use crate::diagnostics::codes::resolve as code;
use crate::document::Document;
use crate::inventory::{Labels, Workload};
use crate::parse::Parsed;
use crate::source::Spanned;
use crate::spec::node::Glob;
use crate::spec::reference::NodePath;
use crate::spec::service::{ServiceSpec, WorkloadSelection};

type Claims<'a> = BTreeMap<(&'a str, &'a str), NodePath>;
type Members<'a> = BTreeSet<WorkloadRef<'a>>;

/// Finds every service of every workspace.
pub(super) fn find<'a>(
    parsed: &'a Parsed,
    nodes: &BTreeMap<NodePath, Node<'a>>,
    clusters: &BTreeMap<&'a str, Cluster<'a>>,
    claims: &Claims<'a>,
    diagnostics: &mut Diagnostics,
) -> Vec<Service<'a>> {
    let workspaces: BTreeSet<&NodePath> = claims.values().collect();
    let mut services = Vec::new();
    for workspace in nodes.keys().filter(|path| path.lineage().len() == 3) {
        let inferred = if workspaces.contains(workspace) { infer(workspace, clusters, claims) } else { Vec::new() };
        let documents: Vec<_> =
            parsed.policy.services.iter().filter(|document| workspace.contains(&document.node)).collect();
        // A machine that a group describes is the group's.
        let mut inferred = inferred;
        for machine in parsed.policy.virtual_machines.iter().filter(|document| workspace.contains(&document.node)) {
            let is_this = |service: &&mut Service<'a>| service.name == machine.name();
            inferred.iter_mut().find(is_this).into_iter().for_each(|service| service.node = machine.node.clone());
        }
        let mut found = describe(workspace, inferred, &documents, clusters, claims, diagnostics);
        give_to_groups(workspace, nodes, &mut found, diagnostics);
        services.append(&mut found);
    }
    services.sort_by(|a, b| (&a.node, &a.name).cmp(&(&b.node, &b.name)));
    services
}

/// Names workloads by the Kubernetes Services that select them, and the rest by themselves.
fn infer<'a>(workspace: &NodePath, clusters: &BTreeMap<&'a str, Cluster<'a>>, claims: &Claims<'a>) -> Vec<Service<'a>> {
    let mut sets: BTreeMap<(&'a str, String), Members<'a>> = BTreeMap::new();
    let claimed = claims.iter().filter(|(_, owner)| *owner == workspace).map(|(key, _)| *key);
    for (cluster_name, namespace) in claimed {
        let Some(cluster) = clusters.get(cluster_name) else { continue };
        let here: Vec<_> = workloads(cluster_name, cluster, namespace).collect();
        let mut selected = BTreeSet::new();
        for service in cluster.inventory.services_in(namespace) {
            let members: Members<'a> = here
                .iter()
                .filter(|(_, workload)| selects(&service.selector, &workload.labels))
                .map(|(at, _)| *at)
                .collect();
            if !members.is_empty() {
                selected.extend(members.iter().copied());
                sets.entry((namespace, service.name.clone())).or_default().extend(members);
            }
        }
        for (at, workload) in here.iter().filter(|(at, _)| !selected.contains(at)) {
            sets.entry((namespace, workload.name.clone())).or_default().insert(*at);
        }
    }
    name(workspace, merge_equal(sets, clusters))
}

/// Joins names for the very same workloads: the first is the service's, the others its aliases.
fn merge_equal<'a>(
    sets: BTreeMap<(&'a str, String), Members<'a>>,
    clusters: &BTreeMap<&'a str, Cluster<'a>>,
) -> Vec<(&'a str, Vec<String>, Members<'a>)> {
    let mut names: BTreeMap<(&'a str, Members<'a>), Vec<String>> = BTreeMap::new();
    for ((namespace, name), members) in sets {
        names.entry((namespace, members)).or_default().push(name);
    }
    let is_workload = |members: &Members<'a>, name: &str| {
        let mut workloads = members.iter().filter_map(|at| clusters.get(at.cluster)?.inventory.workloads.get(at.index));
        workloads.any(|workload| workload.name == name)
    };
    let join = |((namespace, members), mut names): ((&'a str, Members<'a>), Vec<String>)| {
        names.sort_by_key(|name| (!is_workload(&members, name), name.len(), name.clone()));
        (namespace, names, members)
    };
    names.into_iter().map(join).collect()
}

/// Makes services of sets; a name two namespaces have gets its namespace behind it.
fn name<'a>(workspace: &NodePath, sets: Vec<(&'a str, Vec<String>, Members<'a>)>) -> Vec<Service<'a>> {
    let mut owners: BTreeMap<String, BTreeSet<&'a str>> = BTreeMap::new();
    for (namespace, names, _) in &sets {
        for name in names {
            owners.entry(name.clone()).or_default().insert(namespace);
        }
    }
    let full = |namespace: &str, name: String| match owners.get(&name) {
        Some(namespaces) if namespaces.len() > 1 => format!("{name}.{namespace}"),
        _ => name,
    };
    let make = |(namespace, names, members): (&'a str, Vec<String>, Members<'a>)| {
        let mut names = names.into_iter().map(|name| full(namespace, name));
        Some(Service {
            node: workspace.clone(),
            name: names.next()?,
            aliases: names.collect(),
            document: None,
            workloads: members.into_iter().collect(),
        })
    };
    sets.into_iter().filter_map(make).collect()
}

/// Joins Service documents with the services they describe, or makes services of the workloads they select.
fn describe<'a>(
    workspace: &NodePath,
    mut services: Vec<Service<'a>>,
    documents: &[&'a Document<ServiceSpec>],
    clusters: &BTreeMap<&'a str, Cluster<'a>>,
    claims: &Claims<'a>,
    diagnostics: &mut Diagnostics,
) -> Vec<Service<'a>> {
    for document in documents {
        let name = document.name();
        let known = services
            .iter_mut()
            .find(|service| service.name == name || service.aliases.iter().any(|alias| alias == name));
        let Some(selection) = &document.spec.workloads else {
            match known {
                Some(Service { document: Some(first), .. }) => {
                    let code = &crate::diagnostics::codes::parse::DUPLICATE_DOCUMENT;
                    let twice = code.at(
                        document.metadata.name.span,
                        format!("two Service documents describe the workloads of `{name}`"),
                    );
                    diagnostics.report(
                        twice
                            .label("another")
                            .and(first.metadata.name.span, "one")
                            .help("neither order nor file name decides: keep one"),
                    );
                }
                Some(service) => {
                    service.document = Some(document);
                    service.node = document.node.clone();
                }
                None => {
                    let names: Vec<&str> = services.iter().map(|service| service.name.as_str()).collect();
                    let span = document.metadata.name.span;
                    let empty =
                        code::EMPTY_SERVICE.at(span, format!("no workload of `{workspace}` is known as `{name}`"));
                    let empty = empty.label("describes nothing").help("name the workloads it is in `spec.workloads`");
                    diagnostics.report(empty.did_you_mean(name, names));
                }
            }
            continue;
        };
        let members = select(workspace, &selection.value, clusters, claims);
        if members.is_empty() {
            let empty =
                code::EMPTY_SERVICE.at(selection.span, format!("`{name}` selects no workload of `{workspace}`"));
            diagnostics.report(
                empty.label("selects nothing").help("selections are within the namespaces the workspace claims"),
            );
            continue;
        }
        if let Some(known) = known {
            known.aliases.retain(|alias| alias != name);
            if known.name == name {
                known.name =
                    if known.aliases.is_empty() { format!("{name}.inventory") } else { known.aliases.remove(0) };
            }
        }
        services.push(Service {
            node: document.node.clone(),
            name: name.to_owned(),
            aliases: Vec::new(),
            document: Some(document),
            workloads: members.into_iter().collect(),
        });
    }
    // A set the documents name is known by that name alone: the inventory's name for the very same workloads is an alias.
    let named: Vec<(String, Vec<WorkloadRef<'a>>)> = services
        .iter()
        .filter(|service| service.document.is_some_and(|document| document.spec.workloads.is_some()))
        .map(|service| (service.name.clone(), service.workloads.clone()))
        .collect();
    for (name, members) in named {
        let mut aliases = Vec::new();
        services.retain_mut(|service| {
            let twin = service.name != name && service.document.is_none() && service.workloads == members;
            if twin {
                aliases.extend(std::iter::once(service.name.clone()).chain(service.aliases.drain(..)));
            }
            !twin
        });
        aliases.retain(|alias| *alias != format!("{name}.inventory"));
        if let Some(service) = services.iter_mut().find(|service| service.name == name) {
            service.aliases = aliases;
        }
    }
    services
}

fn select<'a>(
    workspace: &NodePath,
    selection: &WorkloadSelection,
    clusters: &BTreeMap<&'a str, Cluster<'a>>,
    claims: &Claims<'a>,
) -> Members<'a> {
    let labels: Labels = selection.labels.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    let fits = |workload: &Workload| {
        selection.namespace.as_ref().is_none_or(|namespace| namespace.value.0 == workload.namespace)
            && selection.names.as_ref().is_none_or(|names| names.0.iter().any(|name| name.value.0 == workload.name))
            && labels.iter().all(|(key, value)| workload.labels.get(key) == Some(value))
    };
    let mut members = Members::new();
    for ((cluster_name, namespace), owner) in claims {
        if let (true, Some(cluster)) = (owner == workspace, clusters.get(cluster_name)) {
            members.extend(
                workloads(cluster_name, cluster, namespace).filter(|(_, workload)| fits(workload)).map(|(at, _)| at),
            );
        }
    }
    members
}

/// Moves services into the groups that claim them; groups nest, and beside each other they do not overlap.
fn give_to_groups<'a>(
    workspace: &NodePath,
    nodes: &BTreeMap<NodePath, Node<'a>>,
    services: &mut [Service<'a>],
    diagnostics: &mut Diagnostics,
) {
    // Parents sort before their children, so that a nested group takes from the one around it.
    for (path, node) in nodes.iter().filter(|(path, node)| workspace.contains(path) && !node.services.is_empty()) {
        let Some(above) = path.parent() else { continue };
        for claim in node.services {
            let (mut found, mut outside) = (false, None);
            for service in services.iter_mut() {
                let names = std::iter::once(&service.name).chain(&service.aliases);
                if !names.into_iter().any(|name| claim.value.matches(name)) {
                    continue;
                }
                // The group around this one does not have it, so it is not there to be given.
                if service.node != above && service.node.contains(path) && service.node != *path {
                    outside = Some(service.node.clone());
                    continue;
                }
                found = true;
                if service.node == above || path.contains(&service.node) {
                    if !path.contains(&service.node) {
                        service.node = path.clone();
                    }
                } else if !service.node.contains(path) {
                    let names = |claim: &&Spanned<Glob>| {
                        std::iter::once(&service.name).chain(&service.aliases).any(|name| claim.value.matches(name))
                    };
                    let other = nodes.get(&service.node).and_then(|node| node.services.iter().find(names));
                    let overlap = code::OVERLAPPING_CLAIM
                        .at(
                            claim.span,
                            format!("`{}` and `{path}` both claim service `{}`", service.node, service.name),
                        )
                        .label(format!("claimed by `{path}`"))
                        .help("a service belongs to one group: narrow one of the claims");
                    diagnostics.report(match other {
                        Some(other) => overlap.and(other.span, format!("claimed by `{}`", service.node)),
                        None => overlap,
                    });
                }
            }
            if !found {
                let names: Vec<&str> = services.iter().map(|service| service.name.as_str()).collect();
                let empty =
                    code::EMPTY_CLAIM.at(claim.span, format!("`{}` finds no service of `{above}`", claim.value.0));
                let empty = empty.label("claims nothing");
                diagnostics.report(match outside {
                    Some(node) => empty.help(format!("it belongs to `{node}`: let `{above}` claim it as well")),
                    None => empty.did_you_mean(&claim.value.0, names),
                });
            }
        }
    }
}

/// Returns the workloads of a namespace with their references.
fn workloads<'a>(
    name: &'a str,
    cluster: &Cluster<'a>,
    namespace: &str,
) -> impl Iterator<Item = (WorkloadRef<'a>, &'a Workload)> + use<'a> {
    let here = cluster.inventory.workloads_in(namespace);
    here.map(move |(index, workload)| (WorkloadRef { cluster: name, index }, workload))
}

/// Tells whether a selector selects pods with these labels; an empty selector of a Service selects none.
pub(super) fn selects(selector: &Labels, labels: &Labels) -> bool {
    !selector.is_empty() && selector.iter().all(|(key, value)| labels.get(key) == Some(value))
}
