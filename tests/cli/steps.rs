//! Roll-outs in steps: signed where what they keep is signed, and on branches.

use std::fs;

use crate::repository::{NOON, Repository};
use crate::runner::{DAY, commit, copy, edit, ringfence, text, tree};

const POLICY: &str = "policy/shop/bookinfo/details.yaml";
const WIDE: &str = "apiVersion: ringfence/v1alpha1
kind: Access
metadata: {name: reading-details}
spec: {to: details, allow: [{from: reviews, ports: [9080]}]}
---
apiVersion: ringfence/v1alpha1
kind: Access
metadata: {name: keeping-details}
spec: {to: details, deny: [{from: reviews, ports: [9080], methods: [DELETE]}]}
";
const NARROW: &str = "apiVersion: ringfence/v1alpha1
kind: Access
metadata: {name: reading-details}
spec: {to: details, allow: [{from: reviews, ports: [9080], methods: [GET]}]}
";
const DENY: &str = "clusters/demo/20-deny/bookinfo--authorizationpolicy--ringfence-deny-details.yaml";

/// A repository in which the deny went and the grant narrowed since `before` ran.
fn changed(before: impl FnOnce(&Repository)) -> Repository {
    let repository = Repository::new();
    fs::write(repository.path().join(POLICY), WIDE).unwrap();
    commit(repository.path(), "Ann", NOON);
    before(&repository);
    fs::write(repository.path().join(POLICY), NARROW).unwrap();
    commit(repository.path(), "Ann", NOON + 60);
    repository
}

#[test]
fn a_way_that_opens_something_is_said_and_can_be_taken_in_steps() {
    let folder = copy("bookinfo");
    let (project, policy) = (text(folder.path()), folder.path().join("policy/shop/bookinfo/details.yaml"));
    let compile = |more: &[&str]| ringfence(&[&["compile", project, "--as-of", DAY], more].concat());
    fs::write(&policy, WIDE).unwrap();
    let first = compile(&["--rollout", "check"]);
    assert!(first.code == 0 && !first.out.contains("rollout"), "{}", first.all());
    fs::write(&policy, NARROW).unwrap();
    let out = folder.path().join("out");
    let before = tree(&out);
    let checked = compile(&["--rollout", "check"]);
    assert!(checked.code == 1 && checked.err.contains("nothing was written"), "{}", checked.all());
    assert_eq!(tree(&out), before);
    for line in [
        "reach demo:bookinfo/details-v1:9080, and neither before nor after",
        "by DELETE ",
        "while some are new and some old: AuthorizationPolicy bookinfo/ringfence-allow-details, AuthorizationPolicy bookinfo/ringfence-deny-details",
        "pruned: clusters/demo/20-deny/bookinfo--authorizationpolicy--ringfence-deny-details.yaml opens 3 pairs of caller and port",
        "`--rollout two-phase` goes there in steps that open nothing",
    ] {
        assert!(checked.out.contains(line), "{line}\n{}", checked.out);
    }
    let step = compile(&["--rollout", "two-phase", "--format", "json"]);
    assert_eq!(step.code, 0, "{}", step.all());
    assert_eq!(step.json()["summary"]["rollout"]["next"], "switch");
    let there = tree(&out);
    assert!(there.iter().any(|(path, _)| path.ends_with("ringfence-deny-details.yaml")));
    assert!(
        there.iter().any(|(path, text)| path.ends_with("20-deny/kustomization.yaml") && text.contains("deny-details"))
    );
    let last = compile(&["--rollout", "two-phase"]);
    assert!(last.code == 0 && !last.out.contains("for a moment"), "{}", last.all());
    assert_eq!(compile(&["--check"]).code, 0);
    assert!(!tree(&out).iter().any(|(path, _)| path.ends_with("ringfence-deny-details.yaml")));
}

#[test]
fn a_step_is_signed_where_what_it_keeps_is() {
    let repository = changed(Repository::sign);
    let step = || repository.run(&["compile", ".", "--rollout", "two-phase", "--sign", &repository.key()]);
    // Somebody puts an object among those that a step would keep.
    let planted = repository.out().join("clusters/demo/20-deny/bookinfo--authorizationpolicy--ringfence-planted.yaml");
    let deny = fs::read_to_string(repository.out().join(DENY)).unwrap();
    fs::write(&planted, deny.replace("ringfence-deny-details", "ringfence-planted")).unwrap();
    let refused = step();
    assert!(refused.code == 2 && refused.err.contains("a step keeps what is in `"), "{}", refused.all());
    assert!(refused.err.contains("ringfence-planted.yaml"), "{}", refused.all());
    fs::remove_file(&planted).unwrap();
    // Nor is what was edited kept.
    edit(&repository.out(), DENY, "DELETE", "PUT");
    let refused = step();
    assert!(refused.code == 2 && refused.err.contains("is not as it was signed"), "{}", refused.all());
    edit(&repository.out(), DENY, "PUT", "DELETE");
    let signed = step();
    assert_eq!(signed.code, 0, "{}", signed.all());
    assert!(repository.out().join(DENY).is_file());
    let verified = repository.verify(&[]);
    assert_eq!(verified.code, 0, "{}", verified.all());
    // What else than policy it is made of no commit tells.
    assert!(!verified.out.contains("slsa.dev/provenance"), "{}", verified.out);
    let lock = fs::read_to_string(repository.out().join(".ringfence/demo.lock.json")).unwrap();
    assert!(lock.contains("\"phase\": \"switch\""), "{lock}");
    let last = step();
    assert!(last.code == 0 && !repository.out().join(DENY).is_file(), "{}", last.all());
    assert!(repository.verify(&[]).out.contains("slsa.dev/provenance"));
}

#[test]
fn a_step_from_what_nobody_signed_is_written_and_not_signed() {
    let repository = changed(|repository| assert_eq!(repository.run(&["compile", "."]).code, 0));
    let refused = repository.run(&["compile", ".", "--rollout", "two-phase", "--sign", &repository.key()]);
    assert!(refused.code == 2 && refused.err.contains("it is not signed"), "{}", refused.all());
    let written = repository.run(&["compile", ".", "--rollout", "two-phase"]);
    assert!(written.code == 0 && repository.out().join(DENY).is_file(), "{}", written.all());
}

#[test]
fn nothing_to_come_from_is_said_and_a_comparison_is_no_way() {
    let repository = Repository::new();
    let first = repository.run(&["compile", ".", "--rollout", "check"]);
    assert!(first.code == 0 && first.err.contains("no way from it was looked at"), "{}", first.all());
    let both = repository.run(&["compile", ".", "--check", "--rollout", "check"]);
    assert!(both.code == 2 && both.err.contains("cannot be used with"), "{}", both.all());
}

#[cfg(unix)]
#[test]
fn a_branch_takes_the_same_steps() {
    let repository = changed(|repository| {
        repository.committing();
        let first = repository.run(&["publish", "git", "--key", &repository.key()]);
        assert_eq!(first.code, 0, "{}", first.all());
    });
    let git = repository.committing();
    let tip = || git.find_reference("refs/heads/rendered/demo").unwrap().peel_to_commit().unwrap();
    let first = tip().id();
    let holds_deny = || tip().tree().unwrap().get_path(std::path::Path::new(DENY)).is_ok();
    let publish = |how: &str| repository.run(&["publish", "git", "--key", &repository.key(), "--rollout", how]);
    let refused = publish("check");
    assert!(refused.code == 1 && refused.err.contains("for a moment"), "{}", refused.all());
    assert!(refused.err.contains("nothing was published") && tip().id() == first, "{}", refused.all());
    // Without a signature beside the files, that of the commit would have to be one that git knows.
    let unknown = repository.run(&["publish", "git", "--rollout", "two-phase"]);
    assert!(unknown.code == 2 && unknown.err.contains("git cannot tell here who signed that"), "{}", unknown.all());
    let step = publish("two-phase");
    assert!(step.code == 0 && tip().id() != first && holds_deny(), "{}", step.all());
    let last = publish("two-phase");
    assert!(last.code == 0 && !holds_deny(), "{}", last.all());
    // What a remote has already is not begun anew.
    let id = tip().id();
    git.reference("refs/remotes/origin/rendered/demo", id, true, "fetch").unwrap();
    git.find_reference("refs/heads/rendered/demo").unwrap().delete().unwrap();
    let refused = publish("direct");
    assert!(
        refused.code == 2 && refused.err.contains("git branch rendered/demo origin/rendered/demo"),
        "{}",
        refused.all()
    );
}
