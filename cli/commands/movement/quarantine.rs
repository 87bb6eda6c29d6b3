//! What takes a workload out of the mesh, with the proof that it does.
//!
//! In: what was taken. Out: documents that shut it in, on standard output: a Zone in a project, else an AuthorizationPolicy and a
//! NetworkPolicy. They are laid over what was read and the same question is asked again, so that nothing is printed that was not tried.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use ringfence_compiler::spec::reference::NodePath;
use ringfence_compiler::spec::zone::ZoneWord;
use ringfence_compiler::yaml::emit::emit;
use ringfence_verifier::movement::edge::Class;
use ringfence_verifier::movement::vertex::Vertex;
use serde_json::{Value, json};

use super::blast::{Reached, phrase, reached, workloads};
use super::{Asking, Terrain, on};
use crate::args;
use crate::console;
use crate::exit::{Exit, Failure};
use crate::summary::counted;

/// The file that documents are laid over as.
const FILE: &str = "quarantine.yaml";

/// What shuts somebody in, and how far it gets without that.
struct Quarantine {
    text: String,
    /// How many workloads are got to by calls.
    before: usize,
    /// Others that run with the same identity.
    also: Vec<String>,
    /// Others whose pods have the labels of these, and more.
    shut_in: BTreeSet<String>,
}

/// Runs `blast --quarantine`.
pub(super) fn run(asking: &Asking<'_>, args: &args::Blast) -> Result<Exit, Failure> {
    let input = asking.open(&args.reading)?;
    let (made, exit) = on(&input, (&args.reading, args.form.format), false, |terrain| {
        let taken = terrain.names.find(&args.who)?;
        let text = document(terrain, &args.who, &taken)?;
        let own: BTreeSet<&Vertex> = taken.iter().collect();
        let twins: BTreeSet<&Vertex> = taken.iter().flat_map(|vertex| terrain.graph.twins(vertex)).collect();
        let also = twins.difference(&own).map(|vertex| terrain.names.name(vertex)).collect();
        let shut_in = taken.iter().flat_map(|vertex| terrain.names.labelled_like(vertex));
        let shut_in =
            shut_in.filter(|vertex| !own.contains(vertex)).map(|vertex| terrain.names.name(&vertex)).collect();
        Ok(Quarantine { text, before: by_calls(terrain, &taken).len(), also, shut_in })
    })?;
    let Some(Quarantine { text, before, also, shut_in }) = made else { return Ok(exit) };
    let mut shut = asking.open(&args.reading)?;
    shut.lay_over_text(FILE, text.clone().into_bytes(), Some(NodePath::root()))?;
    // That grants are suspended is what a quarantine is for.
    let (left, exit) = on(&shut, (&args.reading, args.form.format), false, |terrain| {
        let taken = terrain.names.find(&args.who)?;
        let others = beyond(terrain, &taken).filter(|one| one.needs.class != Class::Network);
        let others: Vec<String> = others.map(|one| format!("{} {}", one.name, phrase(one.needs.class))).collect();
        Ok((by_calls(terrain, &taken), others, workloads(terrain)))
    })?;
    let Some((left, others, all)) = left else {
        console::note("ringfence: with the quarantine the policy does not compile, so that nothing is shown");
        return Ok(exit);
    };
    let of = counted(all, "workload");
    let mut said = format!(
        "# With this, whoever has {} gets to {} of {of} by calls; without it, to {before}.\n",
        args.who,
        left.len()
    );
    for name in &left {
        let _ = writeln!(said, "# It still gets to {name}.");
    }
    if !left.is_empty() && !shut.is_project() {
        said.push_str(
            "# It stays open where another NetworkPolicy lets these pods do it, for these add up; where a policy of admins does, which \
             is asked first; or where the pods are on the network of their node, which none is about.\n",
        );
    }
    for one in &others {
        let _ = writeln!(said, "# No policy of the mesh keeps it from {one}.");
    }
    if !shut_in.is_empty() && !shut.is_project() {
        let these = shut_in.iter().cloned().collect::<Vec<_>>().join(", ");
        let _ = writeln!(said, "# It shuts in {these} as well, whose pods have these labels.");
    }
    if !also.is_empty() {
        let _ = writeln!(
            said,
            "# The same identity is held by {}: whoever has its key may use it from there.",
            also.join(", ")
        );
    }
    console::print(&format!("{said}{text}"))?;
    Ok(if left.is_empty() && others.is_empty() { exit } else { Exit::Findings })
}

/// Returns what is got to by calls, be it perhaps.
fn by_calls(terrain: &Terrain<'_, '_>, taken: &[Vertex]) -> Vec<String> {
    let reached = beyond(terrain, taken).filter(|one| one.needs.class == Class::Network);
    reached.map(|one| one.name).collect()
}

/// Returns what is got to beside what was taken: all of that is in hand.
fn beyond(terrain: &Terrain<'_, '_>, taken: &[Vertex]) -> impl Iterator<Item = Reached> {
    let own: BTreeSet<String> = taken.iter().map(|vertex| terrain.names.name(vertex)).collect();
    reached(terrain, taken).into_iter().filter(move |one| !own.contains(&one.name))
}

/// Writes what shuts in what was taken.
fn document(terrain: &Terrain<'_, '_>, who: &str, taken: &[Vertex]) -> Result<String, Failure> {
    let name: String =
        who.chars().map(|it| if it.is_ascii_alphanumeric() { it.to_ascii_lowercase() } else { '-' }).collect();
    let name = format!("quarantine-{}", name.trim_matches('-'));
    let services: BTreeSet<String> = taken.iter().flat_map(|vertex| terrain.names.services(vertex)).collect();
    let documents: Vec<Value> = match terrain.meshes.resolved {
        Some(_) if services.is_empty() => {
            return Err(Failure::new(format!("no policy governs `{who}`"))
                .help("a quarantine is a Zone of services: name a workload of a claimed namespace"));
        }
        Some(_) => vec![json!({
            "apiVersion": "ringfence/v1alpha1", "kind": "Zone", "metadata": { "name": name, "description": format!("{who} is taken for stolen") },
            "spec": { "members": services, "rules": ZoneWord::Quarantine.word() },
        })],
        None => {
            let mut all = Vec::new();
            for vertex in taken {
                all.extend(policies(terrain, &name, vertex)?);
            }
            all
        }
    };
    if documents.is_empty() {
        return Err(Failure::new(format!("`{who}` is no workload")).help("what is shut in are pods: name a workload"));
    }
    let texts: Result<Vec<String>, _> = documents.iter().map(emit).collect();
    let texts = texts.map_err(|error| Failure::new(error.to_string()))?;
    Ok(texts.join("---\n"))
}

/// Writes plain policies: nothing to or from the pods, and nothing from whoever shows their certificate.
///
/// # Errors
/// When the pods have no labels: a selector without any is about the whole namespace.
fn policies(terrain: &Terrain<'_, '_>, name: &str, vertex: &Vertex) -> Result<Vec<Value>, Failure> {
    let Some((model, workload)) = terrain.names.workload(vertex) else { return Ok(Vec::new()) };
    if workload.labels.is_empty() {
        let nameless = Failure::new(format!("the pods of `{}/{}` have no labels", workload.namespace, workload.name));
        return Err(nameless.help("no policy can be about them alone: give them a label"));
    }
    let name = format!("{name}-{}", workload.name);
    let metadata = |namespace: &str| json!({ "name": name, "namespace": namespace });
    let labels = json!({ "matchLabels": workload.labels });
    let mut all = vec![
        json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata(&workload.namespace),
            "spec": { "podSelector": labels, "policyTypes": ["Ingress", "Egress"] },
        }),
        json!({
            "apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy", "metadata": metadata(&workload.namespace),
            "spec": { "selector": labels, "action": "DENY", "rules": [{}] },
        }),
    ];
    if let Some(identity) = model.identity(workload) {
        all.push(json!({
            "apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy", "metadata": metadata(model.cluster().root_namespace()),
            "spec": { "action": "DENY", "rules": [{ "from": [{ "source": { "principals": [identity.to_string()] } }] }] },
        }));
    }
    Ok(all)
}
