//! The way from one output to another, on whole repositories.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

use std::collections::BTreeSet;

use ringfence_compiler::compile::Compiled;
use ringfence_compiler::compile::between::Phase;
use ringfence_compiler::compile::compile;
use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::parse::parse;
use ringfence_compiler::resolve::resolve;
use ringfence_compiler::resolve::world::Cluster;
use ringfence_compiler::shape::scalar::Text as _;
use ringfence_compiler::source::Sources;
use ringfence_compiler::spec::names::Day;
use ringfence_verifier::difference::{Difference, Mixtures};
use ringfence_verifier::fleet::Fleet;
use ringfence_verifier::model::Model;
use ringfence_verifier::policies::Policies;
use ringfence_verifier::rollout::{Files, Next, next, plan};
use ringfence_verifier::translation;

#[path = "../../compiler/tests/support/mod.rs"]
mod support;

/// Compiles a repository and asks something of it.
fn compiled<T>(files: &support::Files, ask: impl FnOnce(&ringfence_compiler::resolve::Resolved<'_>, &Files) -> T) -> T {
    let (mut sources, mut said) = (Sources::new(), Diagnostics::new());
    let parsed = parse(files, &mut sources, &mut said).unwrap_or_else(|_| panic!("{:?}", said.sorted(&sources)));
    let resolved = resolve(&parsed, Day::parse("2026-11-22").unwrap(), &mut said)
        .unwrap_or_else(|_| panic!("{:?}", said.sorted(&sources)));
    let compiled = compile(&resolved, &sources, &mut said).unwrap_or_else(|_| panic!("{:?}", said.sorted(&sources)));
    ask(&resolved, &compiled.files)
}

/// A mesh of four services with an Access of one of them.
fn repository(access: &str) -> support::Files {
    let mut files = support::files(include_str!("assertions/mesh.txt"));
    files.insert("policy/shop/front/access.yaml".to_owned(), access.as_bytes().to_vec());
    files
}

fn access(name: &str, spec: &str) -> String {
    format!("---\napiVersion: ringfence/v1alpha1\nkind: Access\nmetadata: {{name: {name}}}\nspec:\n  to: cart\n{spec}")
}

#[test]
fn what_opens_for_a_moment_is_taken_in_steps_that_open_nothing() {
    let wide = access("reading", "  allow: [{from: web, ports: [8080]}]\n")
        + &access("no-delete", "  deny: [{from: web, ports: [8080], methods: [DELETE]}]\n");
    let narrow = access("reading", "  allow: [{from: web, ports: [8080], methods: [GET]}]\n");
    let before = compiled(&repository(&wide), |_, files| files.clone());
    compiled(&repository(&narrow), |resolved, target| {
        let straight = plan(resolved, &before, target);
        let opening = straight.openings.iter().find(|opening| opening.port == Some(8080)).unwrap();
        assert_eq!(opening.witness.request.http.as_ref().unwrap().method, "DELETE");
        assert_eq!(straight.opening_prunes.len(), 1, "{:?}", straight.opening_prunes);
        // Step by step to the target, nothing opens, and each step is another.
        let (mut current, mut phases) = (before.clone(), Vec::new());
        loop {
            let plan = plan(resolved, &current, target);
            match next(resolved, &plan, &current, target) {
                Next::Step(phase, files) => {
                    assert!(self::plan(resolved, &current, &files).openings.is_empty());
                    assert!(phases.len() < 2, "{phases:?}");
                    phases.push(phase);
                    current = files;
                }
                Next::Target => break assert!(plan.openings.is_empty()),
                Next::Nothing(why) => panic!("{why}"),
            }
        }
        assert_eq!(phases, [Phase::Switch]);
        // The other way: what restricts comes first.
        let back = plan(resolved, target, &before);
        let Next::Step(phase, _) = next(resolved, &back, target, &before) else { panic!("{back:?}") };
        assert_eq!(phase, Phase::Restrict);
        // Nothing to do opens nothing.
        assert_eq!(plan(resolved, target, target), ringfence_verifier::rollout::Plan::default());
    });
}

#[test]
fn on_a_first_install_no_stage_opens_anything() {
    let files = support::folder("fixtures/bank");
    compiled(&files, |resolved, files| {
        let stages: BTreeSet<&str> = files
            .keys()
            .filter_map(|path| path.split('/').nth(2))
            .filter(|stage| stage.starts_with(|c: char| c.is_ascii_digit()))
            .collect();
        assert!(stages.len() > 4, "{stages:?}");
        let up_to = |last: Option<&str>| -> Files {
            let is_there =
                |path: &&String| path.split('/').nth(2).is_some_and(|stage| last.is_some_and(|last| stage <= last));
            files.iter().filter(|(path, _)| is_there(path)).map(|(path, text)| (path.clone(), text.clone())).collect()
        };
        let mut before = None;
        for stage in stages {
            let [one, other] = [before, Some(stage)].map(|last| {
                let compiled = Compiled { files: up_to(last), ..Compiled::default() };
                let read = |name: &&str| translation::read(name, &compiled, &mut Diagnostics::new());
                resolved.world.clusters.keys().map(read).collect::<Vec<Policies>>()
            });
            fn models<'m>(
                resolved: &'m ringfence_compiler::resolve::Resolved<'_>,
                policies: &'m [Policies],
            ) -> Vec<Model<'m>> {
                let clusters = resolved.world.clusters.values().zip(policies);
                clusters
                    .map(|(it, policies)| {
                        Model::joining(Cluster { document: it.document, inventory: it.inventory }, policies)
                    })
                    .collect()
            }
            let (one, other) = (models(resolved, &one), models(resolved, &other));
            assert!(!Difference::between(&Fleet::of(&one), &Fleet::of(&other)).gains(), "{stage}");
            // Nor does any mixture within the stage.
            let mixtures = Mixtures::between(&one, &other);
            assert_eq!(mixtures.openings, [], "{stage}");
            before = Some(stage);
        }
    });
}
