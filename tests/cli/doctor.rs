//! What `doctor` says of good repositories, and of each thing that can be wrong.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::runner::{Ran, command, commit, copy, edit, ran};

fn doctor(folder: &Path, variable: Option<(&str, &str)>) -> (Ran, BTreeMap<String, Vec<(String, String)>>) {
    let mut run = command(&["doctor", "--format", "json"]);
    run.current_dir(folder).envs(variable);
    let ran = ran(run);
    let mut lines: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for line in ran.json()["lines"].as_array().unwrap() {
        let text = |key: &str| line[key].as_str().unwrap().to_owned();
        assert_eq!(line["advice"].is_null(), line["state"] == "good", "{line}");
        lines.entry(text("subject")).or_default().push((text("state"), text("said")));
    }
    (ran, lines)
}

fn state(lines: &BTreeMap<String, Vec<(String, String)>>, subject: &str) -> String {
    lines.get(subject).map_or(String::new(), |lines| lines[0].0.clone())
}

/// Makes what `init` makes, compiled and committed.
fn made() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for verb in ["init", "compile"] {
        let mut run = command(&[verb]);
        run.current_dir(folder.path());
        let ran = ran(run);
        assert_eq!(ran.code, 0, "{}", ran.all());
        commit(folder.path(), "Ann", 1_760_000_000);
    }
    folder
}

#[test]
fn nothing_is_wrong_with_what_init_makes() {
    let folder = made();
    let (ran, lines) = doctor(folder.path(), None);
    assert_eq!(ran.code, 0, "{}", ran.all());
    for subject in ["ringfence", "git", "project", "schemas", "policy", "inventory", "output"] {
        assert_eq!(state(&lines, subject), "good", "{subject}: {}", ran.all());
    }
    for subject in ["delivery", "hooks", "workflow"] {
        assert_eq!(state(&lines, subject), "note", "{subject}: {}", ran.all());
    }
    assert!(!lines.contains_key("changes"), "{}", ran.all());
    let mut text = command(&["doctor"]);
    text.current_dir(folder.path());
    let text = super::runner::ran(text).out;
    assert!(text.contains("  policy      ✓ no errors, no warnings; not proved here\n"), "{text}");
}

/// Leaves one namespace of all manifests.
fn empty(inventory: &Path) {
    for cluster in fs::read_dir(inventory).unwrap() {
        let cluster = cluster.unwrap().path();
        for file in fs::read_dir(&cluster).unwrap() {
            fs::remove_file(file.unwrap().path()).unwrap();
        }
        let namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: elsewhere}\n";
        fs::write(cluster.join("namespace.yaml"), namespace).unwrap();
    }
}

#[test]
fn each_thing_that_is_wrong_is_said_with_what_to_do() {
    type Spoil = fn(&Path);
    let cases: [(&str, &str, Spoil); 7] = [
        ("schemas", "bad", |folder| fs::write(folder.join(".ringfence/schemas/tenant.json"), "{}").unwrap()),
        ("schemas", "note", |folder| fs::remove_dir_all(folder.join(".ringfence")).unwrap()),
        ("output", "bad", |folder| edit(folder, "policy/organization.yaml", "spec:", "spec:\n  # another line")),
        ("output", "note", |folder| fs::remove_dir_all(folder.join("out")).unwrap()),
        ("policy", "bad", |folder| {
            edit(folder, "policy/organization.yaml", "kind: Organization", "kind: Organisation")
        }),
        ("inventory", "bad", |folder| empty(&folder.join("inventory"))),
        ("hooks", "bad", |folder| fs::write(folder.join(".pre-commit-config.yaml"), "- id: ringfence\n").unwrap()),
    ];
    for (subject, expected, spoil) in cases {
        let folder = made();
        spoil(folder.path());
        let (ran, lines) = doctor(folder.path(), None);
        assert_eq!(state(&lines, subject), expected, "{subject}: {}", ran.all());
        assert_eq!(state(&lines, "changes"), "note", "{subject}: {}", ran.all());
        assert_eq!(ran.code, i32::from(lines.values().flatten().any(|(state, _)| state == "bad")), "{}", ran.all());
    }
}

#[test]
fn hooks_and_workflows_are_found() {
    let folder = made();
    let hook = |name: &str, text: &str, mode: u32| {
        let file = folder.path().join(".git/hooks").join(name);
        fs::write(&file, text).unwrap();
        #[cfg(unix)]
        fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    };
    hook("pre-commit", "#!/bin/sh\nringfence check --staged\n", 0o755);
    fs::create_dir_all(folder.path().join(".github/workflows")).unwrap();
    fs::write(folder.path().join(".github/workflows/policy.yaml"), "uses: ringfence/ringfence@v1\n").unwrap();
    let (ran, lines) = doctor(folder.path(), None);
    assert_eq!(lines["hooks"], [("good".to_owned(), "git runs ringfence: pre-commit".to_owned())], "{}", ran.all());
    assert_eq!(lines["workflow"], [("good".to_owned(), ".github/workflows/policy.yaml".to_owned())], "{}", ran.all());
    // What a manager is told counts where its hooks are there: each of those that it is told of, and no hook of somebody else.
    let config = folder.path().join(".pre-commit-config.yaml");
    fs::write(&config, "repos:\n  # - id: ringfence\n").unwrap();
    assert_eq!(doctor(folder.path(), None).1["hooks"][0].1, "git runs ringfence: pre-commit");
    fs::write(&config, "- id: ringfence\n- id: ringfence-prove\n").unwrap();
    let missing =
        |hooks: &str| format!("pre-commit or prek is to run ringfence, and this clone has no hook of it: {hooks}");
    hook("pre-commit", "#!/bin/sh\n# File generated by pre-commit\n", 0o755);
    hook("pre-push", "#!/bin/sh\ngit lfs pre-push\n", 0o755);
    assert_eq!(doctor(folder.path(), None).1["hooks"], [("bad".to_owned(), missing("pre-push"))]);
    hook("pre-push", "#!/bin/sh\n# File generated by pre-commit\n", 0o755);
    assert_eq!(doctor(folder.path(), None).1["hooks"][0].1, "pre-commit or prek runs ringfence: pre-commit, pre-push");
    if cfg!(unix) {
        hook("pre-push", "#!/bin/sh\n# File generated by pre-commit\n", 0o644);
        assert_eq!(doctor(folder.path(), None).1["hooks"][0].0, "bad");
    }
}

#[test]
fn a_setting_that_is_none_and_a_baseline_that_is_missing_are_said() {
    let folder = made();
    let (ran, lines) = doctor(folder.path(), Some(("RINGFENCE_FORMATT", "text")));
    assert!(ran.code == 1 && ran.out.contains("did you mean `RINGFENCE_FORMAT`?"), "{}", ran.all());
    assert_eq!(state(&lines, "settings"), "bad");
    let (_, lines) = doctor(folder.path(), Some(("RINGFENCE_AS_OF", "2026-11-22")));
    assert_eq!(state(&lines, "settings"), "good");
    let project = fs::read_to_string(folder.path().join("ringfence.yaml")).unwrap();
    let spec = project.find("spec:").map_or(project.len(), |at| at);
    fs::write(folder.path().join("ringfence.yaml"), format!("{}spec: {{baseline: known.json}}\n", &project[..spec]))
        .unwrap();
    let (ran, lines) = doctor(folder.path(), None);
    assert_eq!(state(&lines, "baseline"), "bad", "{}", ran.all());
}

#[test]
fn without_a_project_there_is_nothing_that_could_work() {
    let (ran, lines) = doctor(tempfile::tempdir().unwrap().path(), None);
    assert_eq!(ran.code, 3, "{}", ran.all());
    assert_eq!((state(&lines, "project").as_str(), state(&lines, "git").as_str()), ("bad", "note"));
    // Manifests alone are no project either.
    assert_eq!(doctor(copy("attack/secret-read").path(), None).0.code, 3);
}
