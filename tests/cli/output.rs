//! What `compile` writes, and what it makes of what is there.

use std::fs;
use std::path::Path;

use crate::runner::{DAY, copy, edit, ringfence, text, tree};

fn compile(project: &str, out: &Path, more: &[&str]) -> crate::runner::Ran {
    ringfence(&[&["compile", project, "--out", text(out), "--as-of", DAY], more].concat())
}

#[test]
fn it_writes_once_and_then_has_nothing_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let first = compile("fixtures/bookinfo", &out, &["--format", "json"]);
    assert_eq!(first.code, 0, "{}", first.all());
    let created = first.json()["summary"]["output"]["created"].as_array().unwrap().len();
    let files = tree(&out);
    assert_eq!(created, files.len());
    assert!(files.iter().any(|(path, _)| path.starts_with("clusters/demo/")));
    let second = compile("fixtures/bookinfo", &out, &[]);
    assert!(second.out.contains(&format!("{created} files up to date, nothing written")), "{}", second.out);
    assert_eq!(tree(&out), files);
    assert_eq!(compile("fixtures/bookinfo", &out, &["--check"]).code, 0);
}

#[test]
fn a_check_names_each_file_that_differs_and_touches_none() {
    let folder = copy("bookinfo");
    let project = text(folder.path());
    let out = folder.path().join("out");
    assert_eq!(ringfence(&["compile", project, "--as-of", DAY]).code, 0);
    edit(folder.path(), "policy/shop/bookinfo/access.yaml", "methods: [GET, POST]", "methods: [GET]");
    let before = tree(&out);
    let check = ringfence(&["compile", project, "--as-of", DAY, "--check"]);
    assert_eq!(check.code, 1);
    assert!(check.out.contains("changed  clusters/demo/"), "{}", check.out);
    assert!(check.out.contains("run `ringfence compile`"), "{}", check.out);
    assert_eq!(tree(&out), before);
    let json = ringfence(&["compile", project, "--as-of", DAY, "--check", "--format", "json"]);
    assert_eq!(json.code, 1);
    assert_eq!(json.json()["summary"]["output"]["differences"][0]["kind"], "changed");
    fs::remove_dir_all(&out).unwrap();
    let gone = ringfence(&["compile", project, "--as-of", DAY, "--check"]);
    assert!(gone.code == 1 && gone.out.contains("missing"), "{}", gone.all());
}

#[test]
fn a_file_of_somebody_else_stops_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    compile("fixtures/bookinfo", &out, &[]);
    let (path, _) = tree(&out).into_iter().find(|(path, _)| path.starts_with("clusters/")).unwrap();
    fs::write(out.join(&path), "mine\n").unwrap();
    let ran = compile("fixtures/bookinfo", &out, &[]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains(&format!("not written by ringfence, so not overwritten: `{path}`")), "{}", ran.err);
    assert_eq!(fs::read_to_string(out.join(path)).unwrap(), "mine\n");
}

#[test]
fn an_error_leaves_the_old_output_as_it_was() {
    let folder = copy("bookinfo");
    let project = text(folder.path());
    ringfence(&["compile", project, "--as-of", DAY]);
    let before = tree(&folder.path().join("out"));
    edit(folder.path(), "policy/shop/bookinfo/access.yaml", "from: reviews", "from: nobody-at-all");
    assert_eq!(ringfence(&["compile", project, "--as-of", DAY]).code, 1);
    assert_eq!(tree(&folder.path().join("out")), before);
}

#[test]
fn what_controllers_are_given_comes_and_goes_with_what_the_project_says() {
    let folder = copy("bookinfo");
    let (project, out) = (text(folder.path()), folder.path().join("out"));
    assert_eq!(ringfence(&["compile", project, "--as-of", DAY]).code, 0);
    let before = tree(&out);
    let keys = Path::new(env!("CARGO_MANIFEST_DIR")).join("compiler/tests/delivery/keys/release.pem");
    fs::copy(keys, folder.path().join("release.pem")).unwrap();
    let delivery = "  output: out\n  delivery:\n    oci: {url: oci://registry.acme.example/mesh}\n    trust: {cosign: [release.pem]}\n    flux: {version: \"2.9\"}\n";
    edit(folder.path(), "ringfence.yaml", "  output: out\n", delivery);
    assert_eq!(ringfence(&["compile", project, "--as-of", DAY]).code, 0);
    let with = tree(&out);
    let added: Vec<_> = with.iter().map(|(path, _)| path).filter(|path| path.starts_with("delivery/")).collect();
    assert_eq!(added, ["delivery/flux/demo.yaml", "delivery/trust/flux-cosign.yaml"]);
    assert_eq!(ringfence(&["compile", project, "--as-of", DAY, "--check"]).code, 0);
    // The key is read wherever policy is read from.
    commit(folder.path());
    let again = tempfile::tempdir().unwrap();
    let at = ["compile", project, "--as-of", DAY, "--at", "HEAD", "--out", text(again.path())];
    let ran = ringfence(&at);
    assert_eq!(ran.code, 0, "{}", ran.all());
    assert_eq!(tree(again.path()), with);
    // What somebody put there stays, and what is ours goes.
    fs::write(out.join("delivery/notes.md"), "mine\n").unwrap();
    edit(folder.path(), "ringfence.yaml", delivery, "  output: out\n");
    assert_eq!(ringfence(&["compile", project, "--as-of", DAY]).code, 0);
    let left: Vec<_> =
        tree(&out).into_iter().map(|(path, _)| path).filter(|path| path.starts_with("delivery/")).collect();
    assert_eq!(left, ["delivery/notes.md"]);
    let is_manifest = |(path, _): &(String, _)| path.starts_with("clusters/");
    assert!(tree(&out).into_iter().filter(is_manifest).eq(before.into_iter().filter(is_manifest)));
}

#[test]
fn threads_and_the_way_of_reading_change_no_byte() {
    let folder = copy("bank");
    let project = text(folder.path());
    commit(folder.path());
    let mut outputs = Vec::new();
    let results = tempfile::tempdir().unwrap();
    for (name, more) in
        [("one", &["--threads", "1"][..]), ("two", &["--threads", "2"]), ("revision", &["--at", "HEAD"])]
    {
        let out = results.path().join(name);
        let ran = compile(project, &out, more);
        assert_eq!(ran.code, 0, "{}", ran.all());
        outputs.push(tree(&out));
    }
    assert!(outputs[0].len() > 100);
    assert_eq!(outputs[0], outputs[1]);
    assert_eq!(outputs[0], outputs[2]);
}

#[test]
fn a_revision_is_read_as_it_was_and_on_its_day() {
    let folder = copy("bookinfo");
    let project = text(folder.path());
    commit(folder.path());
    edit(folder.path(), "policy/shop/bookinfo/access.yaml", "from: reviews", "from: nobody-at-all");
    assert_eq!(ringfence(&["check", project]).code, 1);
    let then = ringfence(&["check", project, "--at", "HEAD"]);
    assert_eq!((then.code, then.err.as_str()), (0, ""), "{}", then.all());
    assert!(then.out.contains("as of 2026-11-20"), "{}", then.out);
}

/// Commits everything below a folder, on 2026-11-20.
fn commit(folder: &Path) {
    let repository = git2::Repository::init(folder).unwrap();
    let mut index = repository.index().unwrap();
    index.add_all(["*"], git2::IndexAddOption::DEFAULT, None).unwrap();
    index.write().unwrap();
    let files = repository.find_tree(index.write_tree().unwrap()).unwrap();
    let who = git2::Signature::new("a", "a@b.example", &git2::Time::new(1_795_132_800, 0)).unwrap();
    repository.commit(Some("HEAD"), &who, &who, "begin", &files, &[]).unwrap();
}
