//! How runs end, and what they say of policy.

use std::fs;

use insta::assert_snapshot;

use crate::runner::{DAY, command, copy, edit, ran, ringfence, text};

#[test]
fn a_clean_project_ends_with_0_and_a_summary() {
    let check = ringfence(&["check", "fixtures/bookinfo", "--as-of", DAY]);
    assert_eq!((check.code, check.err.as_str()), (0, ""));
    assert!(check.out.contains("4 services, 7 workloads in 1 namespace of 1 cluster"), "{}", check.out);
    let bank = ringfence(&["check", "fixtures/bank", "--as-of", DAY]);
    assert_eq!(bank.code, 0, "{}", bank.all());
    assert_snapshot!(bank.all());
}

#[test]
fn what_decides_nothing_is_noted() {
    let check = ringfence(&["check", "fixtures/bank", "--as-of", DAY, "--format", "concise"]);
    let noted: Vec<&str> = check.out.lines().filter(|line| line.contains("note[verify/redundant-statement]")).collect();
    assert_snapshot!(noted.join("\n"));
}

#[test]
fn each_way_to_end_has_its_code() {
    let empty = tempfile::tempdir().unwrap();
    let without_policy = copy("bookinfo");
    fs::remove_dir_all(without_policy.path().join("policy")).unwrap();
    let check = |expected: i32, words: &[&str], said: &str| {
        let ran = ringfence(words);
        assert_eq!(ran.code, expected, "{words:?}: {}", ran.all());
        assert!(ran.err.contains(said), "{words:?}: {}", ran.all());
    };
    check(2, &[], "Usage:");
    check(2, &["chekc"], "unrecognized subcommand");
    check(2, &["check", "--as-of", "2026-02-30"], "not a day of the calendar");
    check(2, &["check", "--threads", "0"], "invalid value");
    check(2, &["check", "fixtures/nowhere"], "there is no `fixtures/nowhere`");
    check(2, &["check", "fixtures/bookinfo", "--at", "no-such-revision"], "no such git revision");
    check(2, &["compile", "fixtures/bookinfo", "--out", "fixtures/bookinfo/policy/out"], "where policy is read from");
    check(2, &["effective", "/nowhere", "--project", "fixtures/bookinfo"], "there is no node `/nowhere`");
    check(2, &["explain", "no/such-code"], "there is no code `no/such-code`");
    check(2, &["schema", "tennant"], "did you mean `tenant`?");
    check(3, &["check", text(empty.path())], "no `ringfence.yaml`");
    check(3, &["check", text(without_policy.path()), "--as-of", DAY], "`policy` in ");
}

#[test]
fn a_broken_assertion_fails_and_nothing_is_written() {
    let folder = copy("bookinfo");
    edit(folder.path(), "policy/shop/bookinfo/access.yaml", "from: reviews\n", "from: [reviews, productpage]\n");
    let check = ringfence(&["check", text(folder.path()), "--as-of", DAY]);
    assert_eq!(check.code, 1, "{}", check.all());
    assert!(check.out.contains("verify/assertion-broken"), "{}", check.out);
    assert!(check.out.contains("`bookinfo/productpage-v1` reaches `bookinfo/ratings-v1` port 9080"), "{}", check.out);
    assert!(check.out.contains("3 of 5 claims of 1 assertion proved, 2 broken"), "{}", check.out);
    let compile = ringfence(&["compile", text(folder.path()), "--as-of", DAY]);
    assert_eq!((compile.code, compile.err.as_str()), (1, "ringfence: nothing was written\n"), "{}", compile.all());
    assert!(!folder.path().join("out").exists());
}

/// The organization mandates strict mTLS; a workspace asks for more.
fn permissive_workspace() -> tempfile::TempDir {
    let folder = copy("bookinfo");
    let workspace = "policy/shop/bookinfo/workspace.yaml";
    edit(folder.path(), workspace, "spec:\n", "spec:\n  defaults: {mtls: permissive}\n");
    folder
}

#[test]
fn a_workspace_that_widens_a_mandate_fails_with_both_lines() {
    let folder = permissive_workspace();
    for (verb, said) in [("check", ""), ("compile", "ringfence: nothing was written\n")] {
        let ran = ringfence(&[verb, text(folder.path()), "--as-of", DAY]);
        assert_eq!((ran.code, ran.err.as_str()), (1, said), "{}", ran.all());
        assert_snapshot!("both_lines", ran.out);
        assert!(!folder.path().join("out").exists());
    }
    let concise = ringfence(&["check", text(folder.path()), "--as-of", DAY, "--format", "concise"]);
    assert_eq!(concise.code, 1);
    assert_snapshot!(concise.all());
    let json = ringfence(&["check", text(folder.path()), "--as-of", DAY, "--format", "json"]);
    assert_eq!((json.code, json.json()["counts"]["errors"].as_u64()), (1, Some(1)));
    assert!(json.json()["summary"].is_null());
}

#[test]
fn what_nobody_looked_at_is_said_in_every_format() {
    // The typing error hides that the mandate is widened.
    let folder = permissive_workspace();
    edit(folder.path(), "policy/shop/tenant.yaml", "kind: Tenant", "kindd: Tenant");
    let unchecked = "1 file could not be read whole: names, mandates and output were not checked";
    for format in ["text", "concise", "json"] {
        let ran = ringfence(&["check", text(folder.path()), "--as-of", DAY, "--format", format]);
        assert_eq!(ran.code, 1, "{}", ran.all());
        assert!(ran.all().contains(&format!("{unchecked}\n")), "{}", ran.all());
        if format == "json" {
            assert_eq!(ran.json()["unchecked"].as_str(), Some(unchecked));
        }
    }
    let whole = ringfence(&["check", text(permissive_workspace().path()), "--as-of", DAY]);
    assert!(!whole.all().contains("could not be read whole"), "{}", whole.all());
}

#[test]
fn an_exception_holds_to_its_last_day_and_no_longer() {
    let on = |day| ringfence(&["check", "fixtures/bank", "--format", "concise", "--as-of", day]);
    assert_eq!(on(DAY).code, 0);
    let last = on("2027-02-15");
    assert_eq!(last.code, 0, "{}", last.all());
    assert!(last.out.contains("resolve/exception-ending"), "{}", last.all());
    let after = on("2027-02-16");
    assert_eq!(after.code, 1);
    assert!(after.out.contains("resolve/exception-expired"), "{}", after.all());
    assert!(after.out.contains("resolve/widens-mandate"), "{}", after.all());
}

#[test]
fn notes_are_counted_in_text_and_shown_when_asked_for() {
    let folder = copy("bookinfo");
    let stray = "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: stray}\nspec: {containers: []}\n";
    fs::write(folder.path().join("inventory/demo/stray.yaml"), stray).unwrap();
    let check = |more: &[&str]| ringfence(&[&["check", text(folder.path()), "--as-of", DAY], more].concat());
    let quiet = check(&[]);
    assert!(quiet.out.ends_with("no errors, 1 note (`--verbose` shows them)\n"), "{}", quiet.out);
    assert!(!quiet.out.contains("unclaimed-namespace"));
    for shown in [check(&["--verbose"]), check(&["--format", "concise"]), check(&["--format", "json"])] {
        assert_eq!(shown.code, 0);
        assert!(shown.out.contains("resolve/unclaimed-namespace"), "{}", shown.out);
    }
}

#[test]
fn json_is_one_document_and_the_same_every_time() {
    let check = || ringfence(&["check", "fixtures/bookinfo", "--as-of", DAY, "--format", "json"]);
    let first = check();
    assert_eq!(first, check());
    assert_eq!(first.json()["version"], 1);
    assert_snapshot!(first.out);
}

#[test]
fn the_environment_sets_what_flags_do_and_flags_win() {
    let run = |words: &[&str]| {
        let mut command = command(&[&["check", "fixtures/bookinfo"], words].concat());
        command.env("RINGFENCE_FORMAT", "json").env("RINGFENCE_AS_OF", DAY);
        ran(command)
    };
    assert_eq!(run(&[]).json()["summary"]["asOf"], DAY);
    assert!(run(&["--format", "text", "--as-of", "2026-11-23"]).out.contains("as of 2026-11-23"));
}

#[test]
fn outside_a_checkout_the_day_is_todays_and_that_is_said() {
    let folder = copy("bookinfo");
    let ran = ringfence(&["check", text(folder.path())]);
    assert_eq!(ran.code, 0);
    assert!(ran.err.starts_with("ringfence: there is no commit to take the day from"), "{}", ran.err);
}

#[test]
fn the_project_is_found_from_any_folder_of_its_checkout() {
    let folder = copy("bookinfo");
    git2::Repository::init(folder.path()).unwrap();
    let mut command = command(&["check", "--as-of", DAY]);
    command.current_dir(folder.path().join("policy/shop"));
    assert_eq!(ran(command).code, 0);
    // A file of it stands for it as well.
    let file = folder.path().join("policy/shop/tenant.yaml");
    assert_eq!(ringfence(&["check", text(&file), "--as-of", DAY]).code, 0);
}

#[test]
fn hostile_files_are_placed_errors_and_the_rest_is_still_read() {
    let folder = copy("bookinfo");
    let deep = "[".repeat(10_000);
    let files = [
        ("nul.yaml", b"a: \0\n".to_vec()),
        ("latin.yaml", b"a: \xff\n".to_vec()),
        ("twice.yaml", b"a: 1\na: 2\n".to_vec()),
        ("deep.yaml", deep.into_bytes()),
        ("tab.yaml", b"a:\n\tb: 1\n".to_vec()),
    ];
    for (name, bytes) in &files {
        fs::write(folder.path().join("policy").join(name), bytes).unwrap();
    }
    let ran = ringfence(&["check", text(folder.path()), "--as-of", DAY, "--format", "concise"]);
    assert_eq!(ran.code, 1);
    for (name, _) in &files {
        assert!(ran.out.contains(&format!("policy/{name}:")), "{name}: {}", ran.all());
    }
}

#[test]
fn a_reader_that_stops_reading_is_no_fault() {
    use std::process::Stdio;
    let mut command = command(&["schema"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn what_is_broken_in_bookinfo_is_named_with_a_way_out() {
    let break_it = |path: &str, from: &str, to: &str, code: i32, said: &str| {
        let folder = copy("bookinfo");
        edit(folder.path(), path, from, to);
        let ran = ringfence(&["check", text(folder.path()), "--as-of", DAY]);
        assert!(ran.code == code && ran.out.contains(said), "{to}: {}", ran.all());
    };
    let access = "policy/shop/bookinfo/access.yaml";
    break_it(access, "from: reviews", "from: review", 1, "did you mean `reviews`?");
    break_it(access, "methods: [GET]", "methods: [get]", 1, "in capitals");
}
