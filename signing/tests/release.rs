//! What is signed is accepted, and nothing else is: byte by byte.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test, which fails where its own data is broken"
)]

use std::collections::BTreeMap;

use proptest::prelude::*;
use ringfence_signing::digest::Digest;
use ringfence_signing::key::{PrivateKey, PublicKey, Signer};
use ringfence_signing::layout::Layout;
use ringfence_signing::lock::Lock;
use ringfence_signing::release::{Origin, Release, Work};
use ringfence_signing::verify::{Refusal, Trust, artifact, folder};
use ringfence_signing::{legacy, referrers};

const KEY: &str = include_str!("../src/key/fixtures/openssl.pem");

/// Files by path.
type Files = BTreeMap<String, Vec<u8>>;

fn key() -> PrivateKey {
    PrivateKey::read(KEY, None).unwrap()
}

/// The output for a cluster, as the compiler writes it.
fn output(cluster: &str, text: &str, not_after: Option<&str>) -> BTreeMap<String, String> {
    let mut files = BTreeMap::from([
        (format!("clusters/{cluster}/kustomization.yaml"), "resources: [20-deny]\n".to_owned()),
        (format!("clusters/{cluster}/20-deny/a.yaml"), text.to_owned()),
    ]);
    let digests: BTreeMap<_, _> =
        files.iter().map(|(path, text)| (path, Digest::of(text.as_bytes()).to_string())).collect();
    let lock = serde_json::json!({
        "version": 1, "cluster": cluster, "tool": "ringfence 0", "notAfter": not_after, "inputs": {}, "files": digests,
    });
    files.insert(Lock::path(cluster), format!("{lock:#}\n"));
    files
}

fn origin(created: &str) -> Origin {
    Origin {
        source: Some("https://example.com/policy".to_owned()),
        revision: Some("a".repeat(40)),
        created: Some(created.to_owned()),
    }
}

const NOON: &str = "2026-11-22T12:00:00Z";

fn signed(files: &BTreeMap<String, String>, cluster: &str, created: &str) -> Release {
    let origin = origin(created);
    let work = Work { cluster, files, origin: &origin, as_of: "2026-11-22", properties: &["PROVED".to_owned()] };
    Release::sign(&work, &key()).unwrap()
}

fn delivered(files: &BTreeMap<String, String>, release: &Release) -> Files {
    let mut bytes: BTreeMap<_, _> =
        files.iter().map(|(path, text)| (path.clone(), text.clone().into_bytes())).collect();
    bytes.insert(Lock::signature_path(&release.cluster), release.detached.clone());
    bytes
}

fn trust<'a>(keys: &'a [PublicKey]) -> Trust<'a> {
    Trust { keys, today: "2026-11-22", newest: None }
}

fn words(refusals: Vec<Refusal>) -> Vec<&'static str> {
    refusals.iter().map(Refusal::word).collect()
}

fn layout_of(release: &Release) -> Layout {
    let mut layout = Layout::default();
    release.add_to(&mut layout).unwrap();
    layout
}

fn files_of(layout: &Layout) -> Files {
    layout.files().into_iter().collect()
}

#[test]
fn what_was_signed_is_accepted_and_signed_again_the_same() {
    let files = output("east", "a: 1\n", Some("2026-12-01"));
    let release = signed(&files, "east", NOON);
    assert_eq!(signed(&files, "east", NOON), release);
    let keys = [key().public().clone()];
    let accepted = folder::check("east", &delivered(&files, &release), &trust(&keys)).unwrap();
    assert_eq!((accepted.files, accepted.not_after.as_deref()), (2, Some("2026-12-01")));
    let layout = layout_of(&release);
    let accepted = artifact::check("east", &layout, &trust(&keys)).unwrap();
    assert_eq!(accepted.files["clusters/east/20-deny/a.yaml"], b"a: 1\n");
    assert_eq!((accepted.foreign, accepted.is_for_old_flux, accepted.attested.len()), (0, true, 2));
    assert_eq!(artifact::compare(&accepted, &accepted.files.clone()), []);
    // It comes back from a folder as it was, and again adds nothing.
    let mut again = Layout::read(files_of(&layout)).unwrap();
    assert_eq!(again.files(), layout.files());
    release.add_to(&mut again).unwrap();
    assert_eq!(again.files(), layout.files());
}

#[test]
fn each_change_to_a_folder_has_its_own_reason() {
    let files = output("east", "a: 1\n", Some("2026-12-01"));
    let good = delivered(&files, &signed(&files, "east", NOON));
    let keys = [key().public().clone()];
    let others = [PrivateKey::generate().unwrap().public().clone()];
    let refused = |files: &Files, trust: &Trust<'_>| words(folder::check("east", files, trust).unwrap_err());
    let changed = |change: &dyn Fn(&mut Files)| {
        let mut files = good.clone();
        change(&mut files);
        refused(&files, &trust(&keys))
    };
    assert_eq!(refused(&good, &trust(&others)), ["other-key"]);
    assert_eq!(changed(&|files| drop(files.remove(".ringfence/east.sigstore.json"))), ["unsigned"]);
    assert_eq!(changed(&|files| drop(files.remove("clusters/east/20-deny/a.yaml"))), ["missing"]);
    assert_eq!(changed(&|files| drop(files.insert("clusters/east/20-deny/b.yaml".to_owned(), vec![]))), ["added"]);
    assert_eq!(changed(&|files| files.get_mut("clusters/east/20-deny/a.yaml").unwrap()[3] = b'2'), ["changed"]);
    assert_eq!(changed(&|files| files.get_mut(".ringfence/east.lock.json").unwrap().push(b' ')), ["other-lock"]);
    assert_eq!(changed(&|files| files.get_mut(".ringfence/east.sigstore.json").unwrap().push(b' ')), ["no-bundle"]);
    // The signature of another cluster, and that of what was there before.
    let west = output("west", "a: 1\n", None);
    let other = signed(&west, "west", NOON).detached;
    assert_eq!(changed(&|files| drop(files.insert(Lock::signature_path("east"), other.clone()))), ["other-subject"]);
    let old = output("east", "a: 0\n", None);
    let old = signed(&old, "east", "2026-11-01T12:00:00Z");
    let replay = changed(&|files| drop(files.insert(Lock::signature_path("east"), old.detached.clone())));
    assert_eq!(replay, ["other-lock", "changed"]);
    // Time: after its end, and after a newer one.
    assert_eq!(refused(&good, &Trust { today: "2026-12-02", ..trust(&keys) }), ["stale"]);
    assert!(folder::check("east", &good, &Trust { today: "2026-12-01", ..trust(&keys) }).is_ok());
    assert_eq!(refused(&good, &Trust { newest: Some("2026-11-22T12:00:01Z"), ..trust(&keys) }), ["older"]);
    assert!(folder::check("east", &good, &Trust { newest: Some(NOON), ..trust(&keys) }).is_ok());
}

/// Edits the index of a layout.
fn reindexed(mut files: Files, edit: impl Fn(&mut Vec<serde_json::Value>)) -> Files {
    let mut index: serde_json::Value = serde_json::from_slice(&files["index.json"]).unwrap();
    edit(index["manifests"].as_array_mut().unwrap());
    files.insert("index.json".to_owned(), index.to_string().into_bytes());
    files
}

fn twice(files: Files) -> Files {
    reindexed(files, |entries| entries.push(entries[0].clone()))
}

fn resized(files: Files) -> Files {
    reindexed(files, |entries| entries[0]["size"] = 1.into())
}

#[test]
fn each_change_to_an_artifact_has_its_own_reason() {
    let files = output("east", "a: 1\n", None);
    let release = signed(&files, "east", NOON);
    let keys = [key().public().clone()];
    let others = [PrivateKey::generate().unwrap().public().clone()];
    let layout = layout_of(&release);
    let refused = |layout: &Layout, trust: &Trust<'_>| words(artifact::check("east", layout, trust).unwrap_err());
    assert_eq!(refused(&layout, &trust(&others)), ["other-key"]);
    assert_eq!(words(artifact::check("west", &layout, &trust(&keys)).unwrap_err()), ["broken"]);
    // Time: an artifact has an end and an age as the folder has.
    let ends = layout_of(&signed(&output("east", "a: 1\n", Some("2026-12-01")), "east", NOON));
    assert!(artifact::check("east", &ends, &Trust { today: "2026-12-01", ..trust(&keys) }).is_ok());
    assert_eq!(refused(&ends, &Trust { today: "2026-12-02", ..trust(&keys) }), ["stale"]);
    assert_eq!(refused(&ends, &Trust { newest: Some("2026-11-22T12:00:01Z"), ..trust(&keys) }), ["older"]);
    assert!(artifact::check("east", &ends, &Trust { newest: Some(NOON), ..trust(&keys) }).is_ok());
    // One that was signed for another cluster is signed, and is none of this.
    let west = signed(&output("west", "a: 1\n", None), "west", NOON);
    let mut replayed = layout_of(&west);
    replayed.name("east", &west.artifact.descriptor());
    assert_eq!(refused(&replayed, &trust(&keys)), ["other-subject"]);
    assert_eq!(words(artifact::belongs("east", &replayed).unwrap_err()), ["other-subject"]);
    // What nobody trusted signed is not quoted.
    assert_eq!(refused(&replayed, &trust(&others)), ["other-key"]);
    // A name that stands for two, and a size that is another.
    for spoil in [twice, resized] {
        let files = spoil(files_of(&layout));
        assert_eq!(refused(&Layout::read(files).unwrap(), &trust(&keys)), ["broken"]);
    }
    // Somebody lets the name stand for another artifact: one without a signature, and one with the signature of this.
    let other = signed(&output("east", "a: 2\n", None), "east", NOON).artifact;
    let mut moved = layout.clone();
    for blob in [&other.config, &other.layer, &other.manifest] {
        moved.add(blob);
    }
    moved.name("east", &other.descriptor());
    assert_eq!(refused(&moved, &trust(&keys)), ["unsigned"]);
    let list = layout.named(&referrers::list_name(&release.artifact.descriptor().digest)).unwrap();
    moved.name(&referrers::list_name(&other.descriptor().digest), &list);
    assert_eq!(refused(&moved, &trust(&keys)), ["other-subject"; 1]);
}

#[test]
fn what_others_put_beside_it_stays() {
    let release = signed(&output("east", "a: 1\n", None), "east", NOON);
    let digest = release.artifact.descriptor().digest;
    let foreign = serde_json::json!({
        "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": Digest::of(b"scan").to_string(), "size": 4,
        "artifactType": "application/vnd.example.scan", "annotations": { "by": "somebody" }, "unknown": [1],
    });
    let index = referrers::merge(None, std::slice::from_ref(&foreign)).unwrap();
    let mut layout = Layout::default();
    layout.add(&index);
    layout.name(
        &referrers::list_name(&digest),
        &ringfence_signing::layout::Descriptor::of(ringfence_signing::layout::INDEX, &index),
    );
    let theirs = legacy::Signature::of(&digest, &PrivateKey::generate().unwrap()).unwrap();
    let image = legacy::append(None, &theirs).unwrap();
    for blob in [&theirs.payload, &image.config, &image.manifest] {
        layout.add(blob);
    }
    layout.name(
        &legacy::name(&digest),
        &ringfence_signing::layout::Descriptor::of(ringfence_signing::artifact::MANIFEST, &image.manifest),
    );
    release.add_to(&mut layout).unwrap();
    let list: serde_json::Value =
        serde_json::from_slice(layout.blob(&layout.named(&referrers::list_name(&digest)).unwrap().digest).unwrap())
            .unwrap();
    assert_eq!(list["manifests"][0], foreign);
    assert_eq!(list["manifests"].as_array().unwrap().len(), 4);
    let image: serde_json::Value =
        serde_json::from_slice(layout.blob(&layout.named(&legacy::name(&digest)).unwrap().digest).unwrap()).unwrap();
    assert_eq!(image["layers"].as_array().unwrap().len(), 2);
    let accepted = artifact::check("east", &layout, &trust(&[key().public().clone()])).unwrap();
    assert!(accepted.is_for_old_flux);
    // What is something else is not lost by writing over it.
    assert!(referrers::merge(Some(b"{}"), &[]).is_err());
    assert!(legacy::append(Some(b"[]"), &theirs).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_byte_of_a_folder_can_be_another(file in any::<proptest::sample::Index>(), at in any::<proptest::sample::Index>(), bit in 0..8_u8) {
        let files = output("east", "a: 1\nb: [x, y]\n", Some("2026-12-01"));
        let mut files = delivered(&files, &signed(&files, "east", NOON));
        let path = file.get(&files.keys().cloned().collect::<Vec<_>>()).clone();
        let bytes = files.get_mut(&path).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let keys = [key().public().clone()];
        prop_assert!(folder::check("east", &files, &trust(&keys)).is_err(), "{path} {at} {bit}");
    }

    #[test]
    fn no_byte_of_an_artifact_can_be_another(file in any::<proptest::sample::Index>(), at in any::<proptest::sample::Index>(), bit in 0..8_u8) {
        let release = signed(&output("east", "a: 1\nb: [x, y]\n", None), "east", NOON);
        let keys = [key().public().clone()];
        let mut files = files_of(&layout_of(&release));
        let good = artifact::check("east", &layout_of(&release), &trust(&keys)).unwrap();
        let path = file.get(&files.keys().cloned().collect::<Vec<_>>()).clone();
        let bytes = files.get_mut(&path).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let is_blob = path.starts_with("blobs/");
        // Refused; of the index alone, which nobody signs, a byte may be another that says nothing of this artifact.
        if let Ok(layout) = Layout::read(files)
            && let Ok(accepted) = artifact::check("east", &layout, &trust(&keys))
        {
            prop_assert!(!is_blob, "{} {} {}", path, at, bit);
            prop_assert_eq!(accepted.digest, good.digest);
            prop_assert_eq!(accepted.files, good.files);
        }
    }
}
