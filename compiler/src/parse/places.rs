//! Whether every document stands where its kind belongs.
//!
//! In: all documents. Out: reports only: folders without a node, nodes at the wrong level or with another name than their
//! folder, two documents of one kind and name.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostics::Diagnostics;
use crate::diagnostics::codes::parse as code;
use crate::document::{Document, Policy};
use crate::level::Level;
use crate::source::{Sources, Span};
use crate::spec::names::Metadata;
use crate::spec::reference::NodePath;

/// Checks the whole tree; the nodes of `broken` have a file that says what is wrong with it.
pub fn check(policy: &Policy, broken: &BTreeSet<NodePath>, sources: &Sources, diagnostics: &mut Diagnostics) {
    let mut nodes = BTreeMap::new();
    for node in &policy.organizations {
        add(Level::Organization, node, &mut nodes, sources, diagnostics);
    }
    for node in &policy.tenants {
        add(Level::Tenant, node, &mut nodes, sources, diagnostics);
    }
    for node in &policy.workspaces {
        add(Level::Workspace, node, &mut nodes, sources, diagnostics);
    }
    for node in &policy.groups {
        add(Level::Group, node, &mut nodes, sources, diagnostics);
    }
    for (path, (level, metadata, span)) in &nodes {
        check_place(path, *level, metadata, *span, &nodes, diagnostics);
    }
    for service in policy.services.iter().filter(|service| service.node.lineage().len() < 3) {
        let misplaced = code::MISPLACED_DOCUMENT.at(service.span, "a `Service` stands above every workspace");
        diagnostics.report(
            misplaced
                .label(format!("`{}` has no workloads of its own", service.node))
                .help("write it in the workspace or group whose workloads it is about"),
        );
    }
    let exposures = policy.exposures.iter().map(|document| ("Exposure", &document.node, document.span));
    let machines = policy.virtual_machines.iter().map(|document| ("VirtualMachine", &document.node, document.span));
    let routes = policy.routes.iter().map(|document| ("Route", &document.node, document.span));
    let egresses = policy.egresses.iter().map(|document| ("Egress", &document.node, document.span));
    for (kind, node, span) in
        exposures.chain(egresses).chain(machines).chain(routes).filter(|(_, node, _)| node.lineage().len() < 3)
    {
        let misplaced =
            code::MISPLACED_DOCUMENT.at(span, format!("{} `{kind}` stands above every workspace", article(kind)));
        diagnostics.report(
            misplaced
                .label(format!("`{node}` has no services of its own"))
                .help("write it in the workspace or group that owns the service; mandates bound it from here"),
        );
    }
    let mut missing: BTreeMap<NodePath, Span> = BTreeMap::new();
    let mut names: BTreeMap<(NodePath, &str, &str), Span> = BTreeMap::new();
    for (kind, node, metadata) in documents(policy) {
        let name = &metadata.name;
        let scope = match kind {
            // `zone:pci` is looked up in the whole tree, so its name is one of the whole tree.
            "Zone" => NodePath::root(),
            // The services of a group are among those of its workspace, where each name is one service.
            "Service" | "VirtualMachine" => node.lineage().into_iter().nth(2).unwrap_or_else(|| node.clone()),
            _ => node.clone(),
        };
        if let Some(first) = names.insert((scope, kind, name.value.0.as_str()), name.span) {
            let duplicate = code::DUPLICATE_DOCUMENT
                .at(name.span, format!("two documents of kind `{kind}` are named `{}`", name.value));
            diagnostics
                .report(duplicate.label("again here").and(first, "first here").help("give one of them another name"));
        }
        let is_gap = |path: &NodePath| !nodes.contains_key(path) && !broken.contains(path);
        if let Some(gap) = node.lineage().into_iter().find(is_gap) {
            missing.entry(gap).or_insert(name.span);
        }
    }
    for (path, span) in missing {
        let level = path
            .parent()
            .and_then(|parent| nodes.get(&parent))
            .map_or(Level::Organization, |(level, ..)| level.below());
        let wanted = if path == NodePath::root() { Level::Organization } else { level };
        diagnostics.report(
            code::MISSING_NODE
                .at(span, format!("the folder of `{path}` holds policy and no node of its own"))
                .label("governs nothing")
                .help(format!("add `{}` with `kind: {}` to that folder", wanted.file(), wanted.kind())),
        );
    }
}

type Nodes<'a> = BTreeMap<NodePath, (Level, &'a Metadata, Span)>;

fn add<'a, T>(
    level: Level,
    document: &'a Document<T>,
    nodes: &mut Nodes<'a>,
    sources: &Sources,
    diagnostics: &mut Diagnostics,
) {
    let path = sources.file(document.span.file).path();
    let file = path.rsplit_once('/').map_or(path, |(_, file)| file);
    let stem = file.trim_end_matches(".yml").trim_end_matches(".yaml");
    if format!("{stem}.yaml") != level.file() {
        diagnostics.report(
            code::MISPLACED_DOCUMENT
                .at(document.span, format!("a `{}` stands in a file of another name", level.kind()))
                .label(format!("belongs in `{}`", level.file()))
                .help("a node's own file is named after its kind, so that the tree can be read from its file names"),
        );
    }
    if let Some((_, _, first)) = nodes.insert(document.node.clone(), (level, &document.metadata, document.span)) {
        diagnostics.report(
            code::DUPLICATE_DOCUMENT
                .at(document.span, format!("`{}` is declared twice", document.node))
                .label("again here")
                .and(first, "first here")
                .help("one folder is one node"),
        );
    }
}

fn check_place(
    path: &NodePath,
    level: Level,
    metadata: &Metadata,
    span: Span,
    nodes: &Nodes<'_>,
    diagnostics: &mut Diagnostics,
) {
    let above = path.parent();
    let parent = above.as_ref().and_then(|parent| nodes.get(parent));
    let fits = match (&above, parent) {
        (None, _) => level == Level::Organization,
        (Some(_), Some((parent, ..))) => parent.below() == level,
        // A missing parent is reported on its own.
        (Some(_), None) => level != Level::Organization,
    };
    if !fits {
        let under =
            parent.map_or("the root of the policy tree".to_owned(), |(parent, ..)| format!("its {}", parent.word()));
        let wanted = parent.map_or(Level::Organization, |(parent, ..)| parent.below()).kind();
        diagnostics.report(
            code::MISPLACED_DOCUMENT
                .at(span, format!("a `{}` cannot stand here", level.kind()))
                .label(format!("`{path}` is directly below {under}"))
                .help(format!("a node here is a `{wanted}`")),
        );
    }
    if level != Level::Organization && metadata.name.value.0 != path.name() {
        diagnostics.report(
            code::MISPLACED_DOCUMENT
                .at(metadata.name.span, format!("node `{}` stands in folder `{}`", metadata.name.value, path.name()))
                .label("another name than its folder's")
                .help("a node is named after its folder: rename one of them"),
        );
    }
    if let (Some(stated), Some(above)) = (&metadata.parent, above)
        && stated.value != above.0
    {
        diagnostics.report(
            code::WRONG_PARENT
                .at(stated.span, format!("the parent of `{path}` is `{above}`, not `{}`", stated.value))
                .label("disagrees with the folder")
                .help("move the folder, or correct or drop `parent`"),
        );
    }
}

/// Returns kind, node and metadata of every document that is no node.
fn documents(policy: &Policy) -> Vec<(&'static str, &NodePath, &Metadata)> {
    let mut all = Vec::new();
    macro_rules! list {
        ($($kind:literal $list:ident),*) => { $(all.extend(policy.$list.iter().map(|d| ($kind, &d.node, &d.metadata)));)* };
    }
    list!(
        "Cluster" clusters, "Service" services, "VirtualMachine" virtual_machines, "Zone" zones, "Profile" profiles, "Pattern" patterns, "Segmentation" segmentations, "Access" accesses, "Authentication" authentications,
        "Exposure" exposures, "Egress" egresses, "Route" routes, "Delegation" delegations, "Exception" exceptions, "Assertion" assertions, "Raw" raws
    );
    all
}

fn article(word: &str) -> &'static str {
    if word.starts_with(['A', 'E', 'I', 'O', 'U']) { "an" } else { "a" }
}
