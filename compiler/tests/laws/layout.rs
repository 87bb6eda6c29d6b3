//! Order, split and repetition mean nothing: neither which file holds a document, nor its place in it, nor how often a
//! statement is written.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::examine::{Examined, examine, examine_files, law, shown};
use super::files::Layout;
use super::generate::repository;
use super::repository::*;

fn layout() -> impl Strategy<Value = Layout> {
    let files = prop::collection::vec(0..5usize, 1..16);
    (files, prop::collection::vec(any::<u16>(), 1..24)).prop_map(|(files, keys)| Layout { files, keys })
}

/// Returns what is synced, without the lines that name places.
fn without(examined: &Examined, left_out: &[&str]) -> Texts {
    let synced = examined.output.iter().filter(|(path, _)| path.starts_with("clusters/"));
    let bare = |text: &str| {
        let kept = text.lines().filter(|line| !left_out.iter().any(|key| line.trim_start().starts_with(key)));
        kept.map(|line| format!("{line}\n")).collect::<String>()
    };
    synced.map(|(path, text)| (path.clone(), bare(text))).collect()
}

type Texts = BTreeMap<String, String>;

fn check_same(one: &Texts, other: &Texts, repository: &Repository) -> Result<(), TestCaseError> {
    prop_assert!(one.keys().eq(other.keys()), "other files\n{}", shown(repository));
    for (path, text) in one {
        prop_assert_eq!(text, &other[path], "{}\n{}", path, shown(repository));
    }
    Ok(())
}

#[test]
fn the_layout_of_files_changes_nothing() {
    law(96, 25, &(repository(), layout()), |(repository, layout)| {
        let plain = examine(&repository);
        let other = examine_files(&repository.files(&layout), TODAY);
        prop_assert_eq!(&plain.said, &other.said, "{}", shown(&repository));
        let place = ["ringfence/source:"];
        check_same(&without(&plain, &place), &without(&other, &place), &repository)?;
        Ok(!plain.output.is_empty())
    });
}

#[test]
fn a_statement_written_twice_changes_nothing() {
    law(96, 30, &(repository(), any::<prop::sample::Index>()), |(repository, index)| {
        let once = examine(&repository);
        let mut doubled = repository.clone();
        let again = index.get(&repository.accesses).clone();
        doubled.accesses.push(Access { name: "again".to_owned(), ..again });
        let twice = examine(&doubled);
        let ids = |examined: &Examined| {
            let mut ids = examined.errors.clone();
            ids.sort_unstable();
            ids.dedup();
            ids
        };
        prop_assert_eq!(ids(&once), ids(&twice), "{}", shown(&doubled));
        let notes = ["ringfence/source:", "ringfence/rules:"];
        check_same(&without(&once, &notes), &without(&twice, &notes), &doubled)?;
        Ok(!once.output.is_empty())
    });
}

/// Two zones on one service, each of which refuses the same grant.
fn between_two_zones() -> Repository {
    let node = |path: &str| Node { path: path.to_owned(), ..Node::default() };
    let service = |name: &str| Service {
        name: name.to_owned(),
        workspace: "/t/w".to_owned(),
        group: None,
        namespace: "ns".to_owned(),
        clusters: vec![0],
        account: name.to_owned(),
        tcp: false,
        mtls: None,
    };
    let named = |name: &str| Ref::Service("/t/w".to_owned(), name.to_owned());
    let zone = |node: &str, name: &str| Zone {
        node: node.to_owned(),
        name: name.to_owned(),
        members: vec![named("api")],
        from: Some(vec![Source::plain(named("api"))]),
        to: None,
    };
    let from = Some(vec![Source::plain(named("web"))]);
    Repository {
        clusters: vec![Cluster { name: "east".to_owned(), trust_domain: "mesh.example".to_owned(), ambient: false }],
        nodes: vec![node("/"), node("/t"), Node { claims: vec!["ns".to_owned()], ..node("/t/w") }],
        services: vec![service("api"), service("web")],
        zones: vec![zone("/", "one"), zone("/t", "two")],
        accesses: vec![Access {
            node: "/t/w".to_owned(),
            name: "wanted".to_owned(),
            to: Some(vec![named("api")]),
            allow: vec![Entry { from, ..Entry::default() }],
            deny: Vec::new(),
            uses: Vec::new(),
        }],
        ..Repository::default()
    }
}

#[test]
fn the_zone_that_is_named_in_an_error_does_not_depend_on_file_names() {
    let repository = between_two_zones();
    let said = |layout: &Layout| examine_files(&repository.files(layout), TODAY).said;
    let plain = said(&Layout::plain());
    assert_eq!(plain.iter().map(|(id, ..)| *id).collect::<Vec<_>>(), ["resolve/widens-mandate"]);
    for file in 0..5 {
        for keys in [vec![0], (0..40).rev().collect()] {
            // The zone of the organization moves to each file in turn.
            let files = (0..40).map(|at| if at == 4 { file } else { 0 }).collect();
            assert_eq!(said(&Layout { files, keys }), plain);
        }
    }
}

#[test]
fn two_zones_of_one_name_are_an_error_wherever_they_stand() {
    let mut repository = between_two_zones();
    repository.zones[1].name = "one".to_owned();
    assert_eq!(examine(&repository).errors, ["parse/duplicate-document"]);
}
