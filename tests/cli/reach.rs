//! Who reaches what, through the commands people type.

use std::fs;

use insta::assert_snapshot;

use crate::runner::{DAY, Ran, copy, ringfence};

fn reach(words: &[&str]) -> Ran {
    ringfence(&[&["reach"], words, &["--mesh", "fixtures/bookinfo", "--as-of", DAY]].concat())
}

#[test]
fn reach_names_what_decides_at_each_gate() {
    let ran = reach(&["reviews-v1", "ratings-v1:9080"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert_snapshot!(ran.out);
}

#[test]
fn reach_says_where_nothing_gets_through() {
    let ran = reach(&["bookinfo/productpage-v1", "bookinfo/ratings-v1:9080", "--exit-code"]);
    assert_eq!((ran.code, ran.err.as_str()), (10, ""));
    assert_snapshot!(ran.out);
}

#[test]
fn reach_asks_for_the_request_that_is_meant() {
    let check = |words: &[&str], expected: &str| {
        let ran = reach(&[&["reviews-v1", "ratings-v1:9080", "--format", "json"], words].concat());
        assert_eq!(ran.json()["answers"][0]["reach"], expected, "{words:?}");
    };
    check(&["--method", "GET"], "allowed");
    check(&["--method", "DELETE"], "denied");
}

#[test]
fn reach_says_which_name_is_nobodys() {
    let check = |words: &[&str], said: &str| {
        let ran = reach(words);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""));
        assert!(ran.err.contains(said), "{words:?}: {}", ran.err);
    };
    check(&["bookinfo/review-v1", "ratings-v1"], "did you mean `bookinfo/reviews-v1`?");
    check(&["reviews-v1", "bookinfo/rating-v1"], "did you mean `bookinfo/ratings-v1`?");
    check(&["reviews-v1", "ratings-v1:http"], "`http` is no port");
}

#[test]
fn a_matrix_lists_the_callers_of_each_port() {
    let ran = ringfence(&["matrix", "fixtures/bookinfo", "--as-of", DAY]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert_snapshot!(ran.out);
    let json = ringfence(&["matrix", "fixtures/bookinfo", "--as-of", DAY, "--format", "json"]).json();
    assert_eq!(json["clusters"][0]["ports"][2]["workload"], "bookinfo/ratings-v1");
}

#[test]
fn plain_manifests_give_the_matrix_of_the_policy_they_came_from() {
    let folder = copy("bookinfo");
    let place = folder.path().to_str().unwrap();
    let compiled = ringfence(&["compile", place, "--as-of", DAY]);
    assert_eq!(compiled.code, 0, "{}", compiled.all());
    let meant = ringfence(&["matrix", place, "--as-of", DAY, "--csv"]).out.replace("demo,", "mesh,");
    // What is left is plain: the inventory, and what was compiled.
    fs::remove_file(folder.path().join("ringfence.yaml")).unwrap();
    fs::remove_dir_all(folder.path().join("policy")).unwrap();
    let plain = ringfence(&["matrix", place, "--csv"]);
    assert_eq!(plain.code, 0, "{}", plain.all());
    assert!(plain.err.contains("assumed: trust domain cluster.local"), "{}", plain.err);
    // Callers that only the facts of the project name are nobody here.
    let shown: Vec<&str> = meant.lines().filter(|line| !line.contains(",gateway:")).collect();
    assert!(shown.len() < meant.lines().count());
    assert_eq!(plain.out.lines().collect::<Vec<_>>(), shown);
    assert!(plain.out.contains(",denied\n") && plain.out.contains(",allowed\n"));
}

#[test]
fn a_folder_without_manifests_is_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    let ran = ringfence(&["matrix", folder.path().to_str().unwrap()]);
    assert_eq!((ran.code, ran.out.as_str()), (3, ""));
}

#[test]
fn what_cannot_be_read_is_said_beside_the_answer() {
    let folder = tempfile::tempdir().unwrap();
    let broken =
        "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: a}\nspec: {rules: no}\n";
    fs::write(folder.path().join("a.yaml"), broken).unwrap();
    let ran = ringfence(&["matrix", folder.path().to_str().unwrap()]);
    assert_eq!(ran.code, 1, "{}", ran.all());
    assert!(ran.err.contains("a.yaml:4:15") && ran.err.contains("left out of the answer"), "{}", ran.err);
}
