//! Order, split and repetition mean nothing: neither which file holds a document, nor its place in it, nor how often a
//! statement is written.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::examine::{Examined, examine, examine_files, law, shown};
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
    law(128, 40, &(repository(), layout()), |(repository, layout)| {
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
