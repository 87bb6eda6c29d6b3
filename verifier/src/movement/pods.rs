//! The edges that pod templates make: what whoever gets into a container has of its node, its account and its Secrets.
//!
//! In: a [`Scene`]. Out: edges. The conditions are those that the kernel and the kubelet put: capabilities(7) of the Linux manual, and
//! kubernetes.io "Pod Security Standards", on what each level forbids. Where pods are placed no repository tells, so that who shares a
//! node is never sure.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_compiler::inventory::Workload;
use ringfence_compiler::source::Span;

use super::edge::Kind;
use super::host_path::{Reads, reads};
use super::scene::{Found, Scene};
use super::vertex::Vertex;
use crate::surroundings::templates::{Container, Held, Template};

/// Capabilities with which root of a container becomes root of its node.
const ESCAPES: [&str; 5] = ["ALL", "SYS_ADMIN", "SYS_MODULE", "DAC_READ_SEARCH", "SYS_RAWIO"];

/// Adds the edges of every workload of a cluster.
pub(super) fn add(scene: &Scene<'_, '_>, found: &mut Found) {
    let mut nodes: BTreeSet<BTreeMap<String, String>> = BTreeSet::from([BTreeMap::new()]);
    for (vertex, workload) in scene.workloads(None) {
        let template = scene.template(workload);
        token(scene, &vertex, workload, template, found);
        let Some(template) = template else { continue };
        for container in &template.containers {
            secrets(scene, (&vertex, workload), (template, container), found);
            if node(scene, &vertex, (template, container), found) {
                nodes.insert(template.placement.clone());
            }
        }
    }
    for secret in &scene.around.secrets {
        if let Some(account) = &secret.token_of {
            let places = [(secret.span, format!("holds a token of `{account}`"))];
            let from = scene.secret(&secret.namespace, &secret.name);
            found.add(&from, scene.account(&secret.namespace, account), Kind::HoldsToken, false, &places);
        }
    }
    for placement in nodes {
        on_nodes(scene, placement, found);
    }
}

/// Adds the token of its account, unless it or its account says that it is not mounted (kubernetes.io "Configure Service Accounts
/// for Pods"): the pod's word goes first.
fn token(scene: &Scene<'_, '_>, vertex: &Vertex, workload: &Workload, template: Option<&Template>, found: &mut Found) {
    let mut accounts = scene.around.accounts.iter();
    let account = accounts.find(|it| it.namespace == workload.namespace && it.name == workload.service_account);
    let said = template.and_then(|it| it.automount).or_else(|| account.and_then(|it| it.automount));
    let projected = template.into_iter().flat_map(|it| &it.volumes).flat_map(|volume| &volume.holds);
    let projected = projected.filter(|(held, _)| *held == Held::Token).map(|(_, span)| *span).next();
    let place = match (projected, said) {
        (Some(span), _) => (span, "mounts a token of its account".to_owned()),
        (None, Some((false, _))) => return,
        (None, Some((true, span))) => (span, "mounts the token of its account".to_owned()),
        (None, None) => (
            workload.span,
            format!("runs under `{}`, whose token is mounted unless somebody says otherwise", workload.service_account),
        ),
    };
    let account = scene.account(&workload.namespace, &workload.service_account);
    found.add(vertex, account, Kind::Speaks, false, &[place]);
}

fn secrets(
    scene: &Scene<'_, '_>,
    (vertex, workload): (&Vertex, &Workload),
    (template, container): (&Template, &Container),
    found: &mut Found,
) {
    let in_variables = container.secrets.iter().map(|(name, span)| (name, *span));
    let in_files = container.mounts.iter().filter_map(|mount| template.volume(mount)).flat_map(|volume| &volume.holds);
    let in_files = in_files.filter_map(|(held, span)| match held {
        Held::Secret(name) => Some((name, *span)),
        Held::Host(_) | Held::Token => None,
    });
    for (name, span) in in_variables.chain(in_files) {
        let places = [(span, format!("gives it to container `{}`", container.name))];
        found.add(vertex, scene.secret(&workload.namespace, name), Kind::MountsSecret, false, &places);
    }
}

/// Adds what of its node a container has; tells whether it has any of it.
fn node(
    scene: &Scene<'_, '_>,
    vertex: &Vertex,
    (template, container): (&Template, &Container),
    found: &mut Found,
) -> bool {
    let to = || Vertex::Nodes { cluster: scene.cluster, placement: template.placement.clone() };
    let mut any = false;
    let mut add = |kind: Kind, may: bool, span: Span, what: String| {
        found.add(vertex, to(), kind, may, &[(span, what)]);
        any = true;
    };
    let name = &container.name;
    if let Some(span) = container.privileged {
        add(Kind::BreaksOut, false, span, format!("lets container `{name}` do whatever root of the node may"));
    }
    for (capability, span) in &container.capabilities {
        let what = || format!("gives container `{name}` {capability}");
        // A capability that is added reaches only processes of root.
        let may = container.is_not_root;
        match capability.as_str() {
            word if ESCAPES.contains(&word) => add(Kind::BreaksOut, may, *span, what()),
            "SYS_PTRACE" if template.host_pid.is_some() => add(Kind::BreaksOut, may, *span, what()),
            "BPF" | "PERFMON" | "SYS_BOOT" | "MKNOD" => add(Kind::BreaksOut, true, *span, what()),
            _ => {}
        }
    }
    if let Some(span) = template.host_pid {
        add(
            Kind::BreaksOut,
            true,
            span,
            "lets it see the processes of the node, with their variables and files".to_owned(),
        );
    }
    for mount in &container.mounts {
        for (held, span) in template.volume(mount).into_iter().flat_map(|volume| &volume.holds) {
            let Held::Host(path) = held else { continue };
            let how = if mount.is_read_only { "reads" } else { "writes" };
            match reads(path, mount.is_read_only) {
                Reads::Node => {
                    add(Kind::ReadsNode, false, *span, format!("container `{name}` {how} {path} of the node"))
                }
                Reads::Perhaps => {
                    add(Kind::ReadsNode, true, *span, format!("container `{name}` {how} {path} of the node"))
                }
                Reads::Nothing => {}
            }
        }
    }
    any
}

/// Adds what may run on nodes that fit a placement: everything that asks for no label to be otherwise.
fn on_nodes(scene: &Scene<'_, '_>, placement: BTreeMap<String, String>, found: &mut Found) {
    let from = Vertex::Nodes { cluster: scene.cluster, placement };
    let Vertex::Nodes { placement, .. } = &from else { return };
    for (vertex, workload) in scene.workloads(None) {
        let template = scene.template(workload);
        let own = template.map(|it| &it.placement);
        let is_elsewhere = own
            .is_some_and(|own| own.iter().any(|(key, value)| placement.get(key).is_some_and(|other| other != value)));
        if is_elsewhere {
            continue;
        }
        let what = match template {
            Some(it) if it.is_on_each_node => "runs on each node, but for those whose taints keep it away",
            _ => "may run there",
        };
        found.add(&from, vertex, Kind::HoldsPods, true, &[(workload.span, what.to_owned())]);
    }
}
