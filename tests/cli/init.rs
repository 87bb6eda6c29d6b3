//! `init`: what it makes compiles at once, and nothing that was there is lost.

use std::fs;
use std::path::Path;

use insta::assert_snapshot;

use crate::runner::{DAY, Ran, command, copy, ran, ringfence, root, text, tree};

fn init(place: &Path, words: &[&str]) -> Ran {
    let mut command = command(&[&["init"], words].concat());
    command.current_dir(place);
    ran(command)
}

/// Checks that a repository compiles without a word of complaint.
fn is_clean(project: &Path) {
    let check = ringfence(&["check", text(project), "--as-of", DAY, "--format", "json"]);
    assert_eq!(check.code, 0, "{}", check.all());
    assert_eq!(check.json()["diagnostics"], serde_json::json!([]));
    assert_eq!(ringfence(&["compile", text(project), "--as-of", DAY]).code, 0);
}

#[test]
fn from_nothing_it_makes_an_example_that_compiles() {
    let folder = tempfile::tempdir().unwrap();
    let made = init(folder.path(), &["shop"]);
    assert_eq!((made.code, made.err.as_str()), (0, ""));
    assert_snapshot!(made.out);
    is_clean(&folder.path().join("shop"));
}

#[test]
fn it_never_overwrites() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("policy")).unwrap();
    fs::write(folder.path().join("policy/organization.yaml"), "mine\n").unwrap();
    fs::write(folder.path().join("README.md"), "mine\n").unwrap();
    let before = tree(folder.path());
    let refused = init(folder.path(), &[]);
    assert_eq!((refused.code, refused.out.as_str()), (2, ""));
    assert!(refused.err.contains("`policy/organization.yaml`"), "{}", refused.err);
    assert_eq!(tree(folder.path()), before);
    fs::remove_file(folder.path().join("policy/organization.yaml")).unwrap();
    let made = init(folder.path(), &[]);
    assert!(made.code == 0 && made.out.contains("left as it is: README.md."), "{}", made.all());
    assert_eq!(fs::read_to_string(folder.path().join("README.md")).unwrap(), "mine\n");
    assert_eq!(init(folder.path(), &[]).code, 2);
}

#[test]
fn manifests_elsewhere_are_copied_and_become_workspaces() {
    let folder = tempfile::tempdir().unwrap();
    let inventory = root().join("fixtures/bank/inventory");
    let made = init(folder.path(), &["mesh", "--inventory", text(&inventory)]);
    assert_eq!(made.code, 0, "{}", made.all());
    let mesh = folder.path().join("mesh");
    assert!(mesh.join("inventory/prod-east/edge.yaml").is_file());
    let workspace = fs::read_to_string(mesh.join("policy/main/edge/workspace.yaml")).unwrap();
    assert!(workspace.contains("namespaces: [prod-east/edge, prod-west/edge]"), "{workspace}");
    let check = ringfence(&["check", text(&mesh), "--as-of", DAY]);
    assert_eq!(check.code, 0, "{}", check.all());
}

#[test]
fn manifests_inside_stay_where_they_are() {
    let folder = copy("bookinfo");
    fs::remove_dir_all(folder.path().join("policy")).unwrap();
    fs::remove_file(folder.path().join("ringfence.yaml")).unwrap();
    let made = init(folder.path(), &[]);
    assert_eq!(made.code, 0, "{}", made.all());
    assert!(made.out.contains("1 namespace in 1 cluster"), "{}", made.out);
    is_clean(folder.path());
    // A folder that holds manifests directly is one cluster.
    let flat = tempfile::tempdir().unwrap();
    fs::create_dir(flat.path().join("rendered")).unwrap();
    fs::copy(root().join("fixtures/bookinfo/inventory/demo/bookinfo.yaml"), flat.path().join("rendered/all.yaml"))
        .unwrap();
    assert_eq!(init(flat.path(), &["--inventory", "rendered"]).code, 0);
    let clusters = fs::read_to_string(flat.path().join("policy/clusters.yaml")).unwrap();
    assert!(clusters.contains("metadata: {name: local}\nspec:\n  inventory: rendered\n"), "{clusters}");
    is_clean(flat.path());
}

#[test]
fn manifests_that_cannot_be_read_stop_it() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("inventory")).unwrap();
    assert_eq!(init(folder.path(), &[]).code, 3);
    fs::write(folder.path().join("inventory/a.yaml"), "a: [\n").unwrap();
    let ran = init(folder.path(), &[]);
    assert_eq!(ran.code, 1, "{}", ran.all());
    assert!(!folder.path().join("ringfence.yaml").exists());
}

#[test]
fn each_policy_file_names_a_schema_that_is_there() {
    let folder = tempfile::tempdir().unwrap();
    init(folder.path(), &["."]);
    let files = tree(folder.path());
    let policy = files.iter().filter(|(path, _)| path.starts_with("policy/") || path == "ringfence.yaml");
    for (path, content) in policy {
        let first = content.lines().next().unwrap();
        let schema =
            first.strip_prefix("# yaml-language-server: $schema=").unwrap_or_else(|| panic!("{path}: {first}"));
        assert!(folder.path().join(path).parent().unwrap().join(schema).is_file(), "{path}: {schema}");
    }
}
