//! Laws of reading and writing, on generated values and texts.

use proptest::prelude::*;

use super::super::emit::emit;
use super::*;

#[path = "../../../tests/yaml_seeds/mod.rs"]
mod seeds;

fn text() -> impl Strategy<Value = String> {
    let seed = prop::sample::select([seeds::PIECES, seeds::HOSTILE].concat()).prop_map(str::to_owned);
    prop_oneof![any::<String>(), "[-+.0-9eExobyn_:~]{1,6}", "(?i)(yes|no|on|off|true|false|null|y|n)", seed]
}

fn value() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        (-1_000_000_i32..1_000_000).prop_map(|n| json!(f64::from(n) + 0.25)),
        text().prop_map(Json::from),
    ];
    let tree = leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Json::from),
            prop::collection::vec((text(), inner), 0..5).prop_map(|entries| entries.into_iter().collect()),
        ]
    });
    prop::collection::vec((text(), tree), 0..6).prop_map(|entries| entries.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_back(value in value()) {
        let text = emit(&value).unwrap();
        for profile in [Profile::Policy, Profile::Manifest] {
            let read = read_bytes(text.as_bytes(), profile);
            prop_assert_eq!(read.said(), Vec::<String>::new());
            prop_assert_eq!(read.json(), [value.clone()]);
        }
        prop_assert_eq!(serde_yaml::from_str::<Json>(&text).unwrap(), value.clone());
        prop_assert_eq!(emit(&value).unwrap(), text);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read_bytes(&bytes, Profile::Policy);
        read_bytes(&bytes, Profile::Manifest);
    }

    #[test]
    fn no_pieces_of_yaml_make_the_reader_panic(pieces in prop::collection::vec(prop::sample::select(seeds::PIECES), 0..30)) {
        let text = pieces.concat();
        let strict = read_bytes(text.as_bytes(), Profile::Policy);
        let lenient = read_bytes(text.as_bytes(), Profile::Manifest);
        for read in [&strict, &lenient] {
            for one in read.diagnostics.sorted(&read.sources) {
                for label in one.labels() {
                    let (start, end) = (label.span.start as usize, label.span.end as usize);
                    prop_assert!(text.get(start..end).is_some(), "{:?} of {:?}", label, text);
                }
            }
        }
        // What the strict profile takes means the same in the lenient one.
        if strict.said().is_empty() {
            prop_assert_eq!(lenient.said(), Vec::<String>::new());
            prop_assert_eq!(strict.json(), lenient.json());
        }
    }
}

#[test]
fn another_reader_agrees_about_what_people_write() {
    let mut compared = 0;
    for text in seeds::DOCUMENTS {
        let read = read_bytes(text.as_bytes(), Profile::Policy);
        for (ours, piece) in read.documents.iter().zip(text.split("---\n").filter(|piece| !piece.trim().is_empty())) {
            if read.said().is_empty() && !text.starts_with("---") {
                // It knows no escapes of JSON.
                let Ok(theirs) = serde_yaml::from_str::<Json>(piece) else { continue };
                assert_eq!(theirs, ours.root.to_json(), "{piece}");
                compared += 1;
            }
        }
    }
    assert!(compared > 4, "{compared}");
}

#[test]
fn every_seed_is_read_without_a_panic() {
    for text in seeds::DOCUMENTS.iter().chain(seeds::HOSTILE) {
        for cut in 0..text.len() {
            for profile in [Profile::Policy, Profile::Manifest] {
                read_bytes(&text.as_bytes()[..cut], profile);
            }
        }
    }
}

#[test]
fn a_key_that_is_no_text_is_underlined_by_whole_characters() {
    let text = "? \u{a0}a: &a {b: c}\n";
    let read = read_bytes(text.as_bytes(), Profile::Policy);
    let labels: Vec<_> =
        read.diagnostics.sorted(&read.sources).iter().flat_map(|one| one.labels()).map(|label| label.span).collect();
    assert_eq!(labels.iter().map(|span| read.sources.text(*span)).collect::<Vec<_>>(), ["\u{a0}"]);
}
