//! What a gate asks of a run: reports for machines, what is known already, and what is staged.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::runner::{DAY, Ran, command, commit, copy, edit, ran, ringfence, text};

/// Makes a repository with a project that has a warning, by a workload without a proxy.
fn warned() -> tempfile::TempDir {
    let folder = copy("broken/lowering/not-in-mesh");
    commit(folder.path(), "Ann", 1_760_000_000);
    folder
}

fn check(folder: &Path, more: &[&str]) -> Ran {
    let mut words = vec!["check", "--as-of", DAY];
    words.extend(more);
    let mut run = command(&words);
    run.current_dir(folder);
    ran(run)
}

fn diff(folder: &Path, more: &[&str]) -> Ran {
    let mut words = vec!["diff", "--as-of", DAY];
    words.extend(more);
    let mut run = command(&words);
    run.current_dir(folder);
    ran(run)
}

fn stage(folder: &Path, path: &str) {
    let repository = git2::Repository::open(folder).unwrap();
    let mut index = repository.index().unwrap();
    match folder.join(path).exists() {
        true => index.add_path(Path::new(path)).unwrap(),
        false => index.remove_path(Path::new(path)).unwrap(),
    }
    index.write().unwrap();
}

const WIDENED: (&str, &str, &str) = ("policy/shop/bookinfo/access.yaml", "methods: [GET]\n", "methods: [GET, POST]\n");

#[test]
fn every_report_of_one_run_tells_the_same() {
    let folder = warned();
    edit(
        folder.path(),
        "policy/shop/web/workspace.yaml",
        "spec:\n",
        "spec:\n  defaults: {mtls: strict, mtsl: strict}\n",
    );
    let forms = ["json", "sarif", "github", "junit", "markdown", "concise", "text"];
    let outputs: Vec<String> = forms.iter().map(|form| format!("{form}=out/{form}")).collect();
    let mut words = Vec::new();
    outputs.iter().for_each(|output| words.extend(["-o", output.as_str()]));
    let run = check(folder.path(), &words);
    assert_eq!(run.code, 1, "{}", run.all());
    let read = |form: &str| fs::read_to_string(folder.path().join("out").join(form)).unwrap();
    let json: Value = serde_json::from_str(&read("json")).unwrap();
    let sarif: Value = serde_json::from_str(&read("sarif")).unwrap();
    let found = json["diagnostics"].as_array().unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    assert_eq!((found.len(), results.len()), (1, 1), "{}", run.all());
    for (found, result) in found.iter().zip(results) {
        let (id, code) = (found["id"].as_str().unwrap(), found["code"].as_str().unwrap());
        let line = found["labels"][0]["start"]["line"].as_u64().unwrap();
        let place = format!("{}:{line}", found["labels"][0]["path"].as_str().unwrap());
        assert_eq!(result["partialFingerprints"]["ringfence/v1"], id);
        assert_eq!(result["ruleId"], code);
        assert_eq!(result["locations"][0]["physicalLocation"]["region"]["startLine"], line);
        assert!(read("markdown").contains(id) && read("markdown").contains(code));
        for form in ["markdown", "concise", "junit"] {
            assert!(read(form).contains(&place), "{form}: {}", read(form));
        }
        for form in ["github", "junit", "concise", "text"] {
            assert!(read(form).contains(code), "{form}: {}", read(form));
        }
        assert!(read("github").contains(&format!("line={line},")), "{}", read("github"));
    }
    assert_eq!(read("text"), run.out);
}

#[test]
fn a_report_that_cannot_be_written_is_no_verdict() {
    let folder = warned();
    let run = check(folder.path(), &["-o", "sarif=policy"]);
    assert_eq!(run.code, 2, "{}", run.all());
    assert!(run.err.contains("cannot write `policy`"), "{}", run.all());
    let run = check(folder.path(), &["-o", "sarif"]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("write it as in `json=out.json`"), "{}", run.all());
    let run = check(folder.path(), &["-o", "sariff=x"]);
    assert!(run.err.contains("there is no format `sariff`"), "{}", run.all());
    let run = check(folder.path(), &["-o", "sarif=same", "-o", "json=same"]);
    assert_eq!(run.code, 2, "{}", run.all());
    assert!(run.err.contains("two reports are to be written to `same`"), "{}", run.all());
}

#[test]
fn a_gate_may_take_warnings_for_failures() {
    let folder = warned();
    assert_eq!(check(folder.path(), &[]).code, 0);
    let run = check(folder.path(), &["--fail-on", "warning", "-o", "junit=report.xml"]);
    assert_eq!(run.code, 1, "{}", run.all());
    let report = fs::read_to_string(folder.path().join("report.xml")).unwrap();
    assert!(report.contains("failures=\"1\"") && report.contains("<failure type=\"warning\""), "{report}");
}

#[test]
fn what_the_baseline_holds_is_known_and_what_is_new_is_not() {
    let folder = warned();
    let run = check(folder.path(), &["--fail-on", "warning", "--write-baseline", "known.json"]);
    assert_eq!((run.code, run.err.contains("1 finding in `known.json`")), (0, true), "{}", run.all());
    let strict = ["--fail-on", "warning", "--baseline", "known.json"];
    let run = check(folder.path(), &strict);
    assert_eq!(run.code, 0, "{}", run.all());
    assert!(run.out.ends_with("no errors, no warnings; 1 known to the baseline\n"), "{}", run.all());
    // A line that moves is the same finding.
    let path = folder.path().join("inventory/prod/import.yaml");
    let moved = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("# moved\n\n{moved}")).unwrap();
    assert_eq!(check(folder.path(), &strict).code, 0);
    // An entry that says another thing than its id is believed by nobody who reads it, and not here.
    let known = fs::read_to_string(folder.path().join("known.json")).unwrap();
    let code = serde_json::from_str::<Value>(&known).unwrap()["findings"][0]["code"].as_str().unwrap().to_owned();
    fs::write(folder.path().join("known.json"), known.replace(&code, "mesh/no-names")).unwrap();
    assert_eq!(check(folder.path(), &strict).code, 1);
    fs::write(folder.path().join("known.json"), known).unwrap();
    // Another workload is another finding.
    fs::write(folder.path().join("inventory/prod/second.yaml"), moved.replace("import", "second")).unwrap();
    let run = check(folder.path(), &strict);
    assert_eq!(run.code, 1, "{}", run.all());
    assert!(run.out.contains("web/second") && !run.out.contains("`web/import`"), "{}", run.all());
    // What was mended is said to be gone.
    fs::remove_file(folder.path().join("inventory/prod/second.yaml")).unwrap();
    fs::write(&path, moved.replace(", sidecar.istio.io/inject: \"false\"", "")).unwrap();
    let run = check(folder.path(), &strict);
    assert!(run.code == 0 && run.err.contains("1 finding of the baseline is gone"), "{}", run.all());
    fs::write(folder.path().join("known.json"), "{}").unwrap();
    let run = check(folder.path(), &strict);
    assert!(run.code == 2 && run.err.contains("`known.json` is no baseline"), "{}", run.all());
}

#[test]
fn a_project_names_its_baseline_and_no_error_is_ever_known() {
    let folder = warned();
    let file = folder.path().join("ringfence.yaml");
    let project = fs::read_to_string(&file).unwrap();
    fs::write(&file, project.replace("spec: {}", "spec: {baseline: known.json}")).unwrap();
    let run = check(folder.path(), &["--fail-on", "warning"]);
    assert!(run.code == 1 && run.err.contains("there is no baseline `known.json` yet"), "{}", run.all());
    check(folder.path(), &["--write-baseline", "known.json"]);
    assert_eq!(check(folder.path(), &["--fail-on", "warning"]).code, 0);
    edit(folder.path(), "policy/shop/web/workspace.yaml", "spec:\n", "spec:\n  mtls: strict\n");
    let run = check(folder.path(), &["--write-baseline", "known.json"]);
    assert_eq!(run.code, 1, "{}", run.all());
    assert!(!fs::read_to_string(folder.path().join("known.json")).unwrap().contains("parse/"));
}

#[test]
fn a_comment_silences_a_finding_in_every_command_until_its_day() {
    let folder = copy("broken/mesh/no-names");
    let comment = "# ringfence: ignore[mesh/no-names] until=2026-12-31 reason=\"resolved by hosts files\"\n";
    let finding = check(folder.path(), &["--format", "json", "."]).json();
    let line = usize::try_from(finding["diagnostics"][0]["labels"][0]["start"]["line"].as_u64().unwrap()).unwrap();
    let path = folder.path().join("policies.yaml");
    let mut lines: Vec<String> = fs::read_to_string(&path).unwrap().lines().map(str::to_owned).collect();
    lines.insert(line - 1, comment.trim_end().to_owned());
    fs::write(&path, lines.join("\n") + "\n").unwrap();
    let run = check(folder.path(), &["--fail-on", "warning", "."]);
    assert_eq!(run.code, 0, "{}", run.all());
    assert!(run.out.contains("no errors, no warnings; 1 ignored"), "{}", run.all());
    let mut late = command(&["check", ".", "--as-of", "2027-01-01"]);
    late.current_dir(folder.path());
    let late = ran(late);
    assert!(late.code == 1 && late.out.contains("was to be ignored until 2026-12-31"), "{}", late.all());
    assert!(late.out.contains("mesh/no-names\n"), "{}", late.all());
    // Other commands say so, too.
    let mut asked = command(&["matrix", ".", "--as-of", "2027-01-01"]);
    asked.current_dir(folder.path());
    let asked = ran(asked);
    assert!(asked.code == 1 && asked.err.contains("error[ignore/expired]"), "{}", asked.all());
}

#[test]
fn what_is_staged_is_checked_whatever_lies_on_disk() {
    let folder = copy("bookinfo");
    commit(folder.path(), "Ann", 1_760_000_000);
    let (path, ..) = WIDENED;
    let good = fs::read_to_string(folder.path().join(path)).unwrap();
    let bad = good.replace("methods: [GET]\n", "methods: [GET]\n      method: POST\n");
    assert_ne!(good, bad);
    // Wrong on disk, right in the index.
    fs::write(folder.path().join(path), &bad).unwrap();
    assert_eq!(check(folder.path(), &["--fast"]).code, 1);
    assert_eq!(check(folder.path(), &["--fast", "--staged"]).code, 0);
    // Wrong in the index, right on disk.
    stage(folder.path(), path);
    fs::write(folder.path().join(path), &good).unwrap();
    assert_eq!(check(folder.path(), &["--fast"]).code, 0);
    let run = check(folder.path(), &["--fast", "--staged"]);
    assert_eq!(run.code, 1, "{}", run.all());
    assert_eq!(check(folder.path(), &["--staged", "--at", "HEAD"]).code, 2);
}

#[test]
fn a_fast_check_says_what_it_left_out() {
    let folder = copy("bookinfo");
    let run = check(folder.path(), &["--fast"]);
    assert_eq!(run.code, 0, "{}", run.all());
    assert!(run.out.contains("proved      nothing of the manifests: that was left out"), "{}", run.all());
    assert!(run.out.contains("5 of 5 claims"), "{}", run.all());
    assert_eq!(check(folder.path(), &["--fast", "--format", "json"]).json()["summary"]["proved"], Value::Null);
}

#[test]
fn a_change_reads_like_a_plan_in_every_form() {
    let folder = copy("bookinfo");
    commit(folder.path(), "Ann", 1_760_000_000);
    let (path, from, to) = WIDENED;
    edit(folder.path(), path, from, to);
    edit(folder.path(), "policy/organization.yaml", "mtls: {atMost: strict}", "mtls: {atMost: permissive}");
    let run = diff(
        folder.path(),
        &["--exit-code", "-o", "json=d.json", "-o", "sarif=d.sarif", "-o", "github=d.txt", "-o", "markdown=d.md"],
    );
    assert_eq!(run.code, 1, "{}", run.all());
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    let json: Value = serde_json::from_str(&read("d.json")).unwrap();
    let id = json["changes"][0]["id"].as_str().unwrap().to_owned();
    assert!(id.starts_with("a-") && id.len() == 8, "{id}");
    let rail = json["guardRails"][0]["id"].as_str().unwrap().to_owned();
    assert!(rail.starts_with("g-") && rail.len() == 8, "{rail}");
    for (name, said) in
        [("text", run.out.clone()), ("sarif", read("d.sarif")), ("github", read("d.txt")), ("markdown", read("d.md"))]
    {
        assert!(said.contains(&id) && said.contains(&rail), "{name}: {said}");
        assert!(said.contains("reviews-read-ratings"), "{name}: {said}");
    }
    assert_eq!(json["changes"][0]["before"]["reach"], "denied");
    assert_eq!(json["changes"][0]["after"]["by"], "/shop/bookinfo/reviews-read-ratings");
    assert_eq!(json["changes"][0]["after"]["place"]["path"], path);
    let said = "mandate mtls of organization paperback: {atMost: strict} -> {atMost: permissive}";
    assert!(run.out.contains(&format!("guard rails\n  ~ [{rail}] {said}")), "{}", run.all());
    // What is staged is the other side where that is asked for.
    let run = diff(folder.path(), &["--staged"]);
    assert_eq!(run.out, "HEAD to what is staged: no access changes\n");
    stage(folder.path(), path);
    assert!(diff(folder.path(), &["--staged"]).out.contains(&id));
    assert_eq!(diff(folder.path(), &["HEAD..HEAD", "--staged"]).code, 2);
}

/// Returns what is wrong with a report by the schema that is published.
fn wrong(kind: &str, report: &Value) -> Vec<String> {
    let run = ran(command(&["schema", kind]));
    assert_eq!(run.code, 0, "{}", run.all());
    let validator = jsonschema::draft7::new(&run.json()).unwrap();
    validator.iter_errors(report).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn reports_are_of_the_schemas_that_are_published() {
    let bank = ran(command(&["check", "fixtures/bank", "--fast", "--as-of", DAY, "--format", "json"])).json();
    let attack = [
        "diff",
        "--before",
        "fixtures/attack/secret-read/mended.yaml",
        "--after",
        "fixtures/attack/secret-read/vulnerable.yaml",
    ];
    let change = ran(command(&[&attack[..], &["--format", "json"]].concat())).json();
    for (kind, report) in [("findings", bank), ("difference", change)] {
        assert_eq!(wrong(kind, &report), [] as [String; 0]);
        // Nothing may be left out, and nothing be there that nobody said.
        for key in report.as_object().unwrap().keys() {
            let mut less = report.clone();
            less.as_object_mut().unwrap().remove(key);
            assert!(!wrong(kind, &less).is_empty(), "{kind} without {key}");
        }
        let mut more = report.clone();
        more["surprise"] = Value::Null;
        assert!(!wrong(kind, &more).is_empty(), "{kind}");
    }
}

#[test]
fn a_change_of_whoever_guards_is_shown_though_no_access_changes() {
    let folder = copy("bookinfo");
    let edits = [
        ("policy/organization.yaml", "rosa@paperback.example, ", ""),
        ("policy/clusters.yaml", "writers: [\"", "writers: [\"system:serviceaccount:default:anybody\", \""),
        ("policy/shop/tenant.yaml", "spec:", "spec:\n  profiles: [calm]"),
        ("ringfence.yaml", "output: out", "output: out\n  baseline: known.json"),
        (
            "policy/shop/bookinfo/access.yaml",
            "kind: Access",
            "# ringfence: ignore[verify/redundant-statement] until=2027-01-01 reason=\"it waits\"\nkind: Access",
        ),
    ];
    let profile = "apiVersion: ringfence/v1alpha1\nkind: Profile\nmetadata: {name: calm}\nspec: {}\n";
    fs::write(folder.path().join("policy/profiles.yaml"), profile).unwrap();
    commit(folder.path(), "Ann", 1_760_000_000);
    for (path, from, to) in edits {
        edit(folder.path(), path, from, to);
    }
    let run = diff(folder.path(), &["--exit-code"]);
    assert_eq!(run.code, 0, "{}", run.all());
    let said = run.out.split("\nby\n").next().unwrap().replace("system:serviceaccount:", "");
    let ids: Vec<String> =
        said.lines().filter_map(|line| Some(line.split_once("[g-")?.1.get(..6)?.to_owned())).collect();
    assert_eq!(ids.len(), 5, "{said}");
    let said = ids.iter().fold(said.clone(), |said, id| said.replace(&format!(" [g-{id}]"), ""));
    let rails = [
        r#"~ writers of cluster demo: ["flux-system:kustomize-controller"] -> ["default:anybody", "flux-system:kustomize-controller"]  policy/clusters.yaml:15"#,
        "~ team shop of organization paperback: [rosa@paperback.example, theo@paperback.example] -> [theo@paperback.example]  policy/organization.yaml:10",
        r#"+ comment `ringfence: ignore[verify/redundant-statement] until=2027-01-01 reason="it waits"`  policy/shop/bookinfo/access.yaml:3"#,
        "+ profiles of tenant shop: [calm]  policy/shop/tenant.yaml:6",
        "+ baseline of project bookinfo: known.json  ringfence.yaml:8",
    ];
    let expected = format!("HEAD to what lies on disk: no access changes\n\nguard rails\n  {}\n", rails.join("\n  "));
    assert_eq!(said, expected);
    // Each the other way round, too.
    commit(folder.path(), "Ann", 1_760_000_001);
    let run = diff(folder.path(), &["HEAD..HEAD~1", "--format", "json"]);
    let rails = run.json()["guardRails"].clone();
    let signs: Vec<_> = rails.as_array().unwrap().iter().map(|rail| rail["change"].as_str().unwrap()).collect();
    assert_eq!(signs, ["edited", "edited", "removed", "removed", "removed"], "{rails:#}");
}

#[test]
fn a_project_that_goes_is_no_clean_gate() {
    let folder = copy("bookinfo");
    commit(folder.path(), "Ann", 1_760_000_000);
    fs::remove_file(folder.path().join("ringfence.yaml")).unwrap();
    let gone = |run: Ran, said: &str| assert!(run.code == 3 && run.err.contains(said), "{}", run.all());
    gone(check(folder.path(), &[]), "there was a policy project here at `HEAD`");
    // On disk it is gone, and in the index it is not.
    assert_eq!(check(folder.path(), &["--staged"]).code, 0);
    assert_eq!(check(folder.path(), &["--pushed"]).code, 0);
    stage(folder.path(), "ringfence.yaml");
    gone(check(folder.path(), &["--staged", "--fast"]), "there was a policy project here at `HEAD`");
    commit(folder.path(), "Ann", 1_760_000_001);
    gone(check(folder.path(), &["--pushed"]), "there was a policy project here at `");
    commit(folder.path(), "Ann", 1_760_000_002);
    gone(check(folder.path(), &[]), "is policy, and no `ringfence.yaml` is there or above it");
    gone(diff(folder.path(), &["HEAD~2..HEAD", text(folder.path())]), "is policy");
    // With all policy gone, manifests are left, and they are no answer to what was a project.
    fs::remove_dir_all(folder.path().join("policy")).unwrap();
    commit(folder.path(), "Ann", 1_760_000_003);
    assert_eq!(check(folder.path(), &[]).code, 0);
    let run = diff(folder.path(), &["HEAD~3..HEAD", text(folder.path())]);
    assert!(run.code == 2 && run.err.contains("`HEAD~3` there was a policy project here"), "{}", run.all());
    // The other way round is how a project begins.
    assert_eq!(diff(folder.path(), &["HEAD..HEAD~3", text(folder.path())]).code, 0);
}

#[test]
fn a_folder_of_projects_is_no_folder_of_manifests() {
    let (folder, project) = (tempfile::tempdir().unwrap(), copy("bookinfo"));
    let below = folder.path().join("teams");
    fs::create_dir(&below).unwrap();
    fs::rename(project.path(), below.join("a")).unwrap();
    let run = ringfence(&["check", text(folder.path())]);
    assert!(run.code == 3 && run.err.contains("name the folder of a project: `"), "{}", run.all());
    assert!(run.err.contains("teams/a`"), "{}", run.all());
}

#[test]
fn the_commit_that_brings_the_policy_is_compared_with_nothing() {
    let folder = copy("bookinfo");
    let repository = git2::Repository::init(folder.path()).unwrap();
    let mut index = repository.index().unwrap();
    index.add_all(["*"], git2::IndexAddOption::DEFAULT, None).unwrap();
    index.write().unwrap();
    let run = diff(folder.path(), &["--staged", "--exit-code"]);
    assert!(run.code == 0 && run.err.contains("there is no commit yet"), "{}", run.all());
    let who = git2::Signature::now("a", "a@b.example").unwrap();
    let empty = repository.find_tree(repository.treebuilder(None).unwrap().write().unwrap()).unwrap();
    repository.commit(Some("HEAD"), &who, &who, "x", &empty, &[]).unwrap();
    let run = diff(folder.path(), &["--staged", "--exit-code"]);
    assert!(run.code == 0 && run.err.contains("there is no policy at `HEAD`"), "{}", run.all());
    // Two revisions that somebody names are another matter.
    assert_eq!(diff(folder.path(), &["HEAD..HEAD"]).code, 3);
}

#[test]
fn a_word_that_is_a_folder_and_a_revision_is_neither() {
    let folder = copy("bookinfo");
    commit(folder.path(), "Ann", 1_760_000_000);
    git2::Repository::open(folder.path()).unwrap().set_head("refs/heads/policy").unwrap();
    commit(folder.path(), "Ann", 1_760_000_001);
    let run = diff(folder.path(), &["policy"]);
    assert!(run.code == 2 && run.err.contains("`policy` is a folder and a revision"), "{}", run.all());
    assert_eq!(diff(folder.path(), &["policy", "."]).code, 0);
    assert_eq!(diff(folder.path(), &["./policy"]).code, 0);
}

#[test]
fn each_revision_that_is_pushed_is_checked() {
    let folder = copy("bookinfo");
    commit(folder.path(), "Ann", 1_760_000_000);
    let repository = git2::Repository::open(folder.path()).unwrap();
    let id = || repository.head().unwrap().peel_to_commit().unwrap().id().to_string();
    let good = id();
    edit(folder.path(), "policy/shop/bookinfo/access.yaml", "from: reviews\n", "from: [reviews, productpage]\n");
    commit(folder.path(), "Ann", 1_760_000_001);
    let bad = id();
    edit(folder.path(), "policy/shop/bookinfo/access.yaml", "from: [reviews, productpage]\n", "from: reviews\n");
    commit(folder.path(), "Ann", 1_760_000_002);
    let zeros = "0".repeat(40);
    let push = |said: &str| {
        let mut run = command(&["check", "--pushed", "--as-of", DAY]);
        let input = tempfile::NamedTempFile::new().unwrap();
        fs::write(input.path(), said).unwrap();
        run.current_dir(folder.path()).stdin(fs::File::open(input.path()).unwrap());
        ran(run)
    };
    let line = |object: &str, name: &str| format!("refs/heads/{name} {object} refs/heads/{name} {zeros}\n");
    assert_eq!(push(&line(&good, "a")).code, 0);
    // What is checked out is right, and what is pushed is not.
    assert_eq!(push(&line(&bad, "b")).code, 1);
    let both = push(&[line(&good, "a"), line(&bad, "b")].concat());
    assert!(both.code == 1 && both.err.contains(&format!("revision {bad}")), "{}", both.all());
    assert_eq!(push(&format!("(delete) {zeros} refs/heads/b {bad}\n")).code, 0);
    let none = push("");
    assert!(none.code == 0 && none.err.contains("nobody says what is pushed"), "{}", none.all());
    let mut named = command(&["check", "--pushed", "--as-of", DAY]);
    named.current_dir(folder.path()).env("PRE_COMMIT_LOCAL_BRANCH", &bad);
    assert_eq!(ran(named).code, 1);
}

#[test]
fn a_folder_beside_a_project_is_about_itself() {
    let folder = copy("bookinfo");
    commit(folder.path(), "Ann", 1_760_000_000);
    let rendered = folder.path().join("rendered");
    fs::create_dir(&rendered).unwrap();
    let mesh = ["workloads", "policies"].map(|name| {
        fs::read_to_string(crate::runner::root().join(format!("fixtures/broken/mesh/no-names/{name}.yaml"))).unwrap()
    });
    fs::write(rendered.join("all.yaml"), mesh.join("---\n")).unwrap();
    let codes = |run: &Ran| -> Vec<String> {
        let found = run.json()["diagnostics"].as_array().unwrap().clone();
        found.iter().map(|one| one["code"].as_str().unwrap().to_owned()).collect()
    };
    let run = check(folder.path(), &["rendered", "--format", "json"]);
    assert!(codes(&run).contains(&"mesh/no-names".to_owned()), "{}", run.all());
    // What the project reads is about the project, and so is nothing at all.
    for place in [&["policy/shop"][..], &["inventory"], &["ringfence.yaml"], &["."], &[]] {
        let run = check(folder.path(), &[place, &["--format", "json"]].concat());
        assert!(run.code == 0 && run.json()["summary"]["proved"].is_object(), "{place:?} {}", run.all());
    }
    fs::remove_file(rendered.join("all.yaml")).unwrap();
    assert_eq!(check(folder.path(), &["rendered"]).code, 3);
}

#[test]
fn a_baseline_counts_as_it_is_staged() {
    let folder = warned();
    commit(folder.path(), "Ann", 1_760_000_000);
    check(folder.path(), &["--write-baseline", "known.json"]);
    let known = fs::read_to_string(folder.path().join("known.json")).unwrap();
    fs::write(folder.path().join("known.json"), "{\"version\": 1, \"findings\": []}\n").unwrap();
    stage(folder.path(), "known.json");
    fs::write(folder.path().join("known.json"), known).unwrap();
    let strict = ["--fail-on", "warning", "--baseline", "known.json"];
    assert_eq!(check(folder.path(), &strict).code, 0);
    let run = check(folder.path(), &[&strict[..], &["--staged"]].concat());
    assert_eq!(run.code, 1, "{}", run.all());
    stage(folder.path(), "known.json");
    assert_eq!(check(folder.path(), &[&strict[..], &["--staged"]].concat()).code, 0);
}
