//! `check` on plain manifests, through the command people type.

use std::fs;

use insta::assert_snapshot;

use crate::runner::{ringfence, text};

const MESH: &str = "fixtures/broken/mesh/shadowed-rule";

#[test]
fn manifests_are_checked_and_counted_in_every_format() {
    let check = |format: &str| ringfence(&["check", MESH, "--format", format]);
    let whole = check("text");
    assert_eq!(whole.code, 0, "{}", whole.all());
    assert_snapshot!(whole.all());
    let concise = check("concise");
    assert!(concise.out.starts_with("policies.yaml:"), "{}", concise.all());
    let json = check("json").json();
    assert_eq!(json["diagnostics"][0]["code"], "mesh/shadowed-rule");
    assert_eq!(json["summary"]["policies"]["AuthorizationPolicy"], 2);
    assert_eq!(check("json"), check("json"));
}

#[test]
fn facts_are_taken_from_a_file_and_assumed_without() {
    let folder = tempfile::tempdir().unwrap();
    let facts = folder.path().join("cluster.yaml");
    let document =
        "apiVersion: ringfence/v1alpha1\nkind: Cluster\nmetadata: {name: east}\nspec: {trustDomain: example.org}\n";
    fs::write(&facts, document).unwrap();
    let stated = ringfence(&["check", MESH, "--facts", text(&facts)]);
    assert_eq!((stated.code, stated.err.as_str()), (0, ""), "{}", stated.all());
    let assumed = ringfence(&["check", MESH]);
    assert!(assumed.err.starts_with("ringfence: assumed: "), "{}", assumed.err);
}

#[test]
fn what_is_broken_fails_and_the_rest_is_checked_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    for file in ["workloads.yaml", "policies.yaml"] {
        fs::copy(format!("{}/{MESH}/{file}", env!("CARGO_MANIFEST_DIR")), folder.path().join(file)).unwrap();
    }
    let broken =
        "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: x}\nspec: {action: PERMIT}\n";
    fs::write(folder.path().join("broken.yaml"), broken).unwrap();
    let ran = ringfence(&["check", text(folder.path()), "--format", "concise"]);
    assert_eq!(ran.code, 1, "{}", ran.all());
    assert!(ran.out.contains("`PERMIT` is no action") && ran.out.contains("mesh/shadowed-rule"), "{}", ran.all());
}

#[test]
fn a_folder_with_nothing_to_check_is_no_clean_one() {
    let folder = tempfile::tempdir().unwrap();
    let other = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n";
    fs::write(folder.path().join("other.yaml"), other).unwrap();
    let ran = ringfence(&["check", text(folder.path())]);
    assert_eq!(ran.code, 3, "{}", ran.all());
}

#[test]
fn a_single_file_is_checked_as_a_folder_is() {
    let ran = ringfence(&["check", "fixtures/broken/mesh/refused-object/policies.yaml", "--format", "concise"]);
    assert_eq!(ran.code, 1, "{}", ran.all());
    assert!(ran.out.contains("policies.yaml:7:") && ran.out.contains("error[mesh/refused-object]"), "{}", ran.all());
}

#[test]
fn where_nothing_runs_there_is_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    let policy = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: x, namespace: a}\nspec: {podSelector: {}}\n";
    fs::write(folder.path().join("policy.yaml"), policy).unwrap();
    for words in [&["matrix", text(folder.path())][..], &["reach", "any", "a/x", "--mesh", text(folder.path())]] {
        let ran = ringfence(words);
        assert_eq!(ran.code, 3, "{}", ran.all());
        assert!(ran.err.contains("there are no workloads in what was read"), "{}", ran.all());
    }
    let role = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: x}\n";
    fs::write(folder.path().join("policy.yaml"), role).unwrap();
    let ran = ringfence(&["check", text(folder.path())]);
    assert_eq!(ran.code, 3, "{}", ran.all());
    assert!(
        ran.err.contains("there are neither workloads nor policies") && ran.err.contains("only ClusterRole"),
        "{}",
        ran.all()
    );
}

#[test]
fn kustomizations_and_their_patches_are_counted_and_not_read() {
    let folder = tempfile::tempdir().unwrap();
    for file in ["workloads.yaml", "policies.yaml"] {
        fs::copy(format!("{}/{MESH}/{file}", env!("CARGO_MANIFEST_DIR")), folder.path().join(file)).unwrap();
    }
    fs::create_dir(folder.path().join("patches")).unwrap();
    let kustomization = "resources: [workloads.yaml, policies.yaml]\npatches: [{path: ./patches/one.yaml}]\n";
    fs::write(folder.path().join("kustomization.yaml"), kustomization).unwrap();
    fs::write(folder.path().join("patches/one.yaml"), "$patch: delete\nkind: Deployment\n").unwrap();
    let ran = ringfence(&["check", text(folder.path())]);
    assert_eq!(ran.code, 0, "{}", ran.all());
    assert!(ran.err.contains("1 kustomization and 1 patch are not rendered"), "{}", ran.all());
    assert!(!ran.err.contains("cannot be read"), "{}", ran.all());
    // The name needs no ending.
    let named = |name: &str| folder.path().join(name);
    fs::rename(named("kustomization.yaml"), named("Kustomization")).unwrap();
    let ran = ringfence(&["check", text(folder.path())]);
    assert!(ran.err.contains("1 kustomization and 1 patch are not rendered"), "{}", ran.all());
    fs::write(named("Kustomization"), "patches: [\n").unwrap();
    let ran = ringfence(&["check", text(folder.path())]);
    assert!(ran.err.contains("1 kustomization cannot be read"), "{}", ran.all());
}
