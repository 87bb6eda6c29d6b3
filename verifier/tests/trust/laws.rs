//! Changes to a mesh whose effect is known beforehand, whatever the mesh.

use std::panic::catch_unwind;

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::source::{SourceFile, Sources};
use ringfence_compiler::yaml::{self, Profile};
use ringfence_verifier::fleet::Fleet;
use ringfence_verifier::matrix::Matrix;
use ringfence_verifier::model::{Model, Objects};
use serde_json::{Value, json};

use crate::mesh::{Authorization, Labels, Mesh, NAMES, Names, Network, NetworkRule, Quirk, Rule};
use crate::meshes::{Cells, matrix};
use crate::random::Random;
use crate::seeds;
use crate::support::Clusters;

/// What a change may do to a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// It never opens anything.
    Closes,
    /// It never shuts anything.
    Opens,
    /// It does nothing.
    Nothing,
}

/// Changes random meshes, and compares; a change answers `None` where it cannot be made.
fn check(times: u64, effect: Effect, change: impl Fn(Mesh, &mut Random) -> Option<(Mesh, Mesh)>) {
    let (mut meshes, mut moved) = (0, 0);
    for seed in seeds(times) {
        let random = &mut Random::new(seed ^ 0xdead);
        let Some((before, after)) = change(Mesh::of(seed, NAMES), random) else { continue };
        let (old, new) = (matrix(&before.manifests()), matrix(&after.manifests()));
        compare(effect, &old, &new, &format!("seed {seed}: {before:#?} becomes {after:#?}"));
        meshes += 1;
        moved += usize::from(old != new);
    }
    assert!(meshes > 20, "{meshes} meshes");
    assert!(effect == Effect::Nothing || moved > 3, "{moved} of {meshes} meshes moved");
}

fn compare(effect: Effect, old: &Cells, new: &Cells, told: &str) {
    assert_eq!(old.len(), new.len(), "{told}");
    for (cell, before) in old {
        let after = &new[cell];
        let lawful = match effect {
            Effect::Closes => after <= before,
            Effect::Opens => after >= before,
            Effect::Nothing => after == before,
        };
        assert!(lawful, "{cell:?} was {before:?} and is {after:?}, {effect:?}, {told}");
    }
}

/// Takes pods off the network of their node: about those, which policies a plugin asks is doubted one by one, so that one
/// more is one more doubt.
fn off_nodes(mut mesh: Mesh) -> Mesh {
    for pod in mesh.pods.iter_mut().filter(|pod| pod.quirk == Quirk::HostNetwork) {
        pod.quirk = Quirk::Nothing;
    }
    mesh
}

/// Changes a mesh as it is.
fn changed(mesh: Mesh, change: impl FnOnce(&mut Mesh)) -> (Mesh, Mesh) {
    let mut after = mesh.clone();
    change(&mut after);
    (mesh, after)
}

fn policy(action: &'static str, random: &mut Random) -> Authorization {
    Authorization {
        namespace: NAMES.namespaces[random.below(2)],
        name: "further".to_owned(),
        action,
        selector: Labels::new(),
        dry_run: false,
        rules: vec![Rule::of(random, &NAMES)],
    }
}

#[test]
fn a_further_deny_never_opens() {
    check(120, Effect::Closes, |mesh, random| {
        let deny = policy("DENY", random);
        Some(changed(mesh, |mesh| mesh.authorizations.push(deny)))
    });
}

#[test]
fn a_further_rule_of_an_allow_policy_never_shuts() {
    check(150, Effect::Opens, |mesh, random| {
        let rule = Rule::of(random, &NAMES);
        let at = mesh.authorizations.iter().position(|policy| policy.action == "ALLOW" && !policy.dry_run)?;
        Some(changed(mesh, |mesh| mesh.authorizations[at].rules.push(rule)))
    });
}

#[test]
fn a_first_allow_policy_never_opens() {
    check(120, Effect::Closes, |mut mesh, random| {
        mesh.authorizations.retain(|policy| policy.action != "ALLOW");
        let allow = policy("ALLOW", random);
        Some(changed(mesh, |mesh| mesh.authorizations.push(allow)))
    });
}

#[test]
fn a_policy_that_only_watches_does_nothing() {
    check(80, Effect::Nothing, |mesh, random| {
        let (mut allow, deny) = (policy("ALLOW", random), policy("DENY", random));
        allow.name = "other".to_owned();
        let trial = |policy| Authorization { dry_run: true, ..policy };
        let audit = Authorization { name: "audit".to_owned(), ..policy("AUDIT", random) };
        Some(changed(mesh, |mesh| mesh.authorizations.extend([trial(allow), trial(deny), audit])))
    });
}

#[test]
fn strict_instead_of_permissive_never_opens() {
    check(150, Effect::Closes, |mesh, _| {
        Some(changed(mesh, |mesh| {
            for policy in &mut mesh.peers {
                policy.mode = policy.mode.map(|mode| if mode == "PERMISSIVE" { "STRICT" } else { mode });
                for mode in policy.ports.values_mut().filter(|mode| **mode == "PERMISSIVE") {
                    *mode = "STRICT";
                }
            }
        }))
    });
}

fn network(random: &mut Random) -> Network {
    Network {
        namespace: NAMES.namespaces[random.below(3)],
        name: "further".to_owned(),
        pods: Labels::new(),
        ingress: Some(vec![NetworkRule::of(random, &NAMES)]),
        egress: random.chance(30).then(|| vec![NetworkRule::of(random, &NAMES)]),
    }
}

#[test]
fn a_first_network_policy_never_opens() {
    check(120, Effect::Closes, |mut mesh, random| {
        mesh.networks.clear();
        let first = network(random);
        Some(changed(mesh, |mesh| mesh.networks.push(first)))
    });
}

#[test]
fn a_further_network_policy_about_the_same_pods_never_shuts() {
    check(300, Effect::Opens, |mesh, random| {
        let mesh = off_nodes(mesh);
        let known = mesh.networks.iter().find(|policy| policy.ingress.is_some() || policy.egress.is_some())?.clone();
        let further = network(random);
        let rules = |known: &Option<Vec<_>>| known.as_ref().map(|_| further.ingress.clone().unwrap_or_default());
        let further = Network {
            name: "further".to_owned(),
            ingress: rules(&known.ingress),
            egress: rules(&known.egress),
            ..known
        };
        Some(changed(mesh, |mesh| mesh.networks.push(further)))
    });
}

#[test]
fn order_repetition_and_splitting_do_nothing() {
    check(150, Effect::Nothing, |mesh, random| {
        Some(changed(off_nodes(mesh), |mesh| {
            let mut split = Vec::new();
            for policy in &mut mesh.authorizations {
                policy.rules.reverse();
                let repeated = policy.rules.first().cloned();
                policy.rules.extend(repeated);
                if policy.rules.len() > 1 {
                    let rules = policy.rules.split_off(1);
                    split.push(Authorization { name: format!("{}-more", policy.name), rules, ..policy.clone() });
                }
            }
            mesh.authorizations.extend(split);
            let mut split = Vec::new();
            for policy in &mut mesh.networks {
                let (Some(rules), name) = (&mut policy.ingress, format!("{}-more", policy.name)) else { continue };
                rules.reverse();
                if rules.len() > 1 {
                    let rules = rules.split_off(1);
                    split.push(Network { name, ingress: Some(rules), egress: None, ..policy.clone() });
                }
            }
            mesh.networks.extend(split);
            shuffle(&mut mesh.authorizations, random);
            shuffle(&mut mesh.networks, random);
            shuffle(&mut mesh.peers, random);
            shuffle(&mut mesh.pods, random);
        }))
    });
}

fn shuffle<T>(items: &mut [T], random: &mut Random) {
    for at in (1..items.len()).rev() {
        items.swap(at, random.below(at + 1));
    }
}

#[test]
fn the_order_of_files_does_nothing() {
    for seed in seeds(60) {
        let manifests = Mesh::of(seed, NAMES).manifests();
        let mut shuffled = manifests.clone();
        shuffle(&mut shuffled, &mut Random::new(seed));
        compare(Effect::Nothing, &matrix(&manifests), &matrix(&shuffled), &format!("seed {seed}"));
    }
}

#[test]
fn other_names_give_the_same_answers() {
    let other = Names { namespaces: ["zoo", "air", "mid"], accounts: ["x", "a"], label: "tier", values: ["z", "y"] };
    for seed in seeds(100) {
        let [one, two] = [NAMES, other].map(|names| matrix(&Mesh::of(seed, names).manifests()));
        compare(Effect::Nothing, &one, &two, &format!("seed {seed}"));
    }
}

/// Asks for the matrix of whatever text, as the command line would.
fn ask(text: &str) {
    let clusters = Clusters::read(&[("{}", "")]);
    let facts = clusters.facts();
    let (mut sources, mut said) = (Sources::new(), Diagnostics::new());
    let file = sources.add(SourceFile::new("a.yaml", text.as_bytes().to_vec()));
    let documents = yaml::read(&sources, file, Profile::Manifest, &mut said);
    let objects = Objects::read_unasked(documents.into_iter().map(|document| document.root), &mut said);
    let models = [Model::of(facts, &objects)];
    let _ = Matrix::of(&Fleet::of(&models), 0);
    let _ = said.sorted(&sources);
}

#[test]
fn no_manifest_ends_the_verifier() {
    let odd = [
        json!(null),
        json!(-1),
        json!(65536),
        json!(""),
        json!("*"),
        json!("a/b"),
        json!([]),
        json!({}),
        json!([[]]),
        json!({ "": null }),
        json!(true),
        json!("10.0.0.0/33"),
        json!("{**}"),
        json!("\u{0}é"),
    ];
    for seed in seeds(400) {
        let random = &mut Random::new(seed);
        let mut manifests = Mesh::of(seed, NAMES).manifests();
        for _ in 0..1 + random.below(3) {
            let at = random.below(manifests.len());
            replace(&mut manifests[at], &random.one(&odd), random);
        }
        let texts: Vec<String> = manifests.iter().map(Value::to_string).collect();
        let mut text = texts.join("\n---\n");
        // And now and then as no value at all.
        for _ in 0..random.below(3) {
            let at = random.below(text.len());
            if text.is_char_boundary(at) && text.is_char_boundary(at + 1) {
                text.replace_range(at..=at, random.one(&["", "\n", "{", "]", ": ", "&a ", "*a", "\t", "'", "!!int "]));
            }
        }
        assert!(catch_unwind(|| ask(&text)).is_ok(), "seed {seed}:\n{text}");
    }
}

/// Puts something odd in place of a random part.
fn replace(value: &mut Value, odd: &Value, random: &mut Random) {
    let count = match value {
        Value::Array(items) => items.len(),
        Value::Object(fields) => fields.len(),
        _ => 0,
    };
    if count == 0 || random.chance(15) {
        *value = odd.clone();
        return;
    }
    let at = random.below(count);
    match value {
        Value::Array(items) => replace(&mut items[at], odd, random),
        Value::Object(fields) => replace(fields.values_mut().nth(at).unwrap(), odd, random),
        _ => {}
    }
}
