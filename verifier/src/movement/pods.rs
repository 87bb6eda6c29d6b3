//! The edges that pod templates make: what whoever gets into a container has of its node, its account and its Secrets.
//!
//! In: a [`Scene`]. Out: edges. The conditions are those that the kernel and the kubelet put: capabilities(7) of the Linux manual, and
//! kubernetes.io "Pod Security Standards", on what each level forbids. Where pods are placed no repository tells, so that who shares a
//! node is never sure.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_compiler::inventory::Workload;
use ringfence_compiler::source::Span;

use super::edge::Kind;
use super::host_path::{Reads, is_of_control_plane, reads};
use super::scene::{Found, Scene};
use super::vertex::Vertex;
use crate::surroundings::templates::{CONTROL_PLANE, Container, Held, Template};
use crate::surroundings::volumes::Claim;

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
            if node(scene, &vertex, (workload, template, container), found) {
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
    shared(scene, found);
    for placement in nodes {
        on_nodes(scene, placement, found);
    }
}

/// Who mounts a claim, whether it writes there, and where that was written.
type Mounted = (Vertex, bool, Span);

/// Adds who writes into volumes that others have as well: whether they run or believe what is in there no file tells.
fn shared(scene: &Scene<'_, '_>, found: &mut Found) {
    let mut of_claim: BTreeMap<(&str, &str), Vec<Mounted>> = BTreeMap::new();
    for (vertex, workload) in scene.workloads(None) {
        let Some(template) = scene.template(workload) else { continue };
        for mount in template.containers.iter().flat_map(|container| &container.mounts) {
            for (held, span) in template.held(mount) {
                if let Held::Claimed(claim) = held
                    && !claim.name.is_empty()
                {
                    let mounts = of_claim.entry((&workload.namespace, &claim.name)).or_default();
                    mounts.push((vertex.clone(), !mount.is_read_only, *span));
                }
            }
        }
    }
    for ((_, claim), mounts) in of_claim {
        for (from, _, span) in mounts.iter().filter(|(_, writes, _)| *writes) {
            for (to, _, other) in &mounts {
                let places = [(*span, format!("writes into claim `{claim}`")), (*other, "has it as well".to_owned())];
                found.add(from, to.clone(), Kind::RunsIn, true, &places);
            }
        }
    }
}

/// Adds the token of its account, unless it or its account says that it is not mounted (kubernetes.io "Configure Service Accounts
/// for Pods"): the pod's word goes first.
fn token(scene: &Scene<'_, '_>, vertex: &Vertex, workload: &Workload, template: Option<&Template>, found: &mut Found) {
    let said = template.and_then(|it| it.automount).or_else(|| scene.said_of(workload).and_then(|it| it.automount));
    let projected = template.into_iter().flat_map(|it| &it.volumes).flat_map(|volume| &volume.holds);
    let projected = projected.filter_map(|(held, span)| match held {
        Held::Token { is_sure } => Some((*is_sure, *span)),
        _ => None,
    });
    let projected = projected.max_by_key(|(is_sure, _)| *is_sure);
    let (may, place) = match (projected, said) {
        (Some((true, span)), _) => (false, (span, "mounts a token of its account".to_owned())),
        (_, Some((true, span))) => (false, (span, "mounts the token of its account".to_owned())),
        (Some((_, span)), Some((false, _))) => {
            (true, (span, "mounts a token of its account, which may be for the API server as well".to_owned()))
        }
        (None, Some((false, _))) => return,
        (_, None) => {
            let account = &workload.service_account;
            let what = format!("runs under `{account}`, whose token is mounted unless somebody says otherwise");
            (false, (workload.span, what))
        }
    };
    let account = scene.account(&workload.namespace, &workload.service_account);
    found.add(vertex, account, Kind::Speaks, may, &[place]);
}

fn secrets(
    scene: &Scene<'_, '_>,
    (vertex, workload): (&Vertex, &Workload),
    (template, container): (&Template, &Container),
    found: &mut Found,
) {
    let in_variables = container.secrets.iter().map(|(name, span)| (name, *span));
    let in_files = container.mounts.iter().flat_map(|mount| template.held(mount));
    let in_files = in_files.filter_map(|(held, span)| match held {
        Held::Secret(name) => Some((name, *span)),
        _ => None,
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
    (workload, template, container): (&Workload, &Template, &Container),
    found: &mut Found,
) -> bool {
    let to = || Vertex::Nodes { cluster: scene.cluster, placement: template.placement.clone() };
    let mut any = false;
    let mut add = |kind: Kind, may: bool, span: Span, what: String| {
        let places = [(span, what)];
        found.add(vertex, to(), kind, may, &places);
        // Its node may be one with the keys of the whole cluster.
        if let Some((span, what)) = template.beside_control {
            let places = [places.as_slice(), &[(span, what.to_owned())]].concat();
            found.add(vertex, scene.masters(), kind, true, &places);
        }
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
    let mut keys: Vec<(Span, String)> = Vec::new();
    for mount in &container.mounts {
        let how = if mount.is_read_only { "reads" } else { "writes" };
        for (held, span) in template.held(mount) {
            for (path, may, span) in folders(scene, workload, held, *span) {
                let may = match reads(path, mount.is_read_only) {
                    Reads::Node => may,
                    Reads::Perhaps => true,
                    Reads::Nothing => continue,
                };
                let what = format!("container `{name}` {how} {path} of the node");
                if is_of_control_plane(path) {
                    keys.push((span, what.clone()));
                }
                add(Kind::ReadsNode, may, span, what);
            }
        }
    }
    for place in keys {
        found.add(vertex, scene.masters(), Kind::ReadsNode, true, &[place]);
    }
    any
}

/// Returns the folders of the node that are in a volume, each with whether it may be another and where that was written.
fn folders<'a>(
    scene: &'a Scene<'_, '_>,
    workload: &Workload,
    held: &'a Held,
    span: Span,
) -> Vec<(&'a str, bool, Span)> {
    let claim = match held {
        Held::Host(path) => return vec![(path, false, span)],
        Held::Claimed(claim) => claim,
        Held::Secret(_) | Held::Token { .. } => return Vec::new(),
    };
    let key = (workload.namespace.clone(), claim.name.clone());
    // Claims of a template have no name here, and nobody knows what one asks for that no manifest shows.
    let own = || Claim { namespace: workload.namespace.clone(), ..claim.clone() };
    let claim = scene.around.claims.get(&key).cloned().unwrap_or_else(own);
    let folders = scene.around.folders.iter();
    folders.filter_map(|folder| Some((folder.path.as_str(), !claim.gets(folder)?, folder.span))).collect()
}

/// Adds what may run on nodes that fit a placement: everything that asks for no label to be otherwise.
fn on_nodes(scene: &Scene<'_, '_>, placement: BTreeMap<String, String>, found: &mut Found) {
    let from = Vertex::Nodes { cluster: scene.cluster, placement };
    let Vertex::Nodes { placement, .. } = &from else { return };
    if CONTROL_PLANE.iter().any(|label| placement.contains_key(*label)) {
        found.add(&from, scene.masters(), Kind::TakesRights, false, &[]);
    }
    let mut accounts: BTreeSet<(&str, &str)> = BTreeSet::new();
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
        let places = [(workload.span, what.to_owned())];
        found.add(&from, vertex, Kind::HoldsPods, true, &places);
        // A kubelet makes tokens of the accounts of its pods, be they mounted or not (kubernetes.io "Using Node Authorization").
        if accounts.insert((&workload.namespace, &workload.service_account)) {
            let account = scene.account(&workload.namespace, &workload.service_account);
            found.add(&from, account, Kind::HoldsPods, true, &places);
        }
        // It reads every Secret that pods of it speak of, be it in a container or not (kubernetes.io "Using Node Authorization").
        let of_account = scene.said_of(workload).map_or(&[][..], |it| &it.pulls_with);
        for (name, span) in template.map_or(&[][..], |it| &it.of_node).iter().chain(of_account) {
            let places = [(*span, "lets its node read it".to_owned())];
            found.add(&from, scene.secret(&workload.namespace, name), Kind::ReadsSecret, true, &places);
        }
    }
}
