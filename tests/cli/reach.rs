//! Who reaches what, through the commands people type.

use std::fs;

use insta::assert_snapshot;

use crate::runner::{DAY, Ran, commit, copy, edit, ringfence, text};

/// Asks about a copy of the fixture, whose lines no commit has written.
fn reach(words: &[&str]) -> Ran {
    let folder = copy("bookinfo");
    ringfence(&[&["reach"], words, &["--mesh", text(folder.path()), "--as-of", DAY]].concat())
}

/// Makes a folder of plain manifests: `web` may reach `db` by name.
fn plain() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let workload = |name: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, namespace: shop}}\nspec: {{template: {{metadata: \
             {{labels: {{app: {name}}}}}, spec: {{serviceAccountName: {name}, containers: [{{name: a, ports: \
             [{{containerPort: 8080}}]}}]}}}}}}\n---\n"
        )
    };
    fs::write(folder.path().join("run.yaml"), ["web", "db", "job"].map(workload).concat()).unwrap();
    fs::write(folder.path().join("db.yaml"), ALLOW).unwrap();
    folder
}

const ALLOW: &str = "apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: db, namespace: shop}
spec:
  selector: {matchLabels: {app: db}}
  rules:
    - from: [{source: {principals: [cluster.local/ns/shop/sa/web]}}]
";

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
fn reach_says_who_wrote_what_decides() {
    let folder = plain();
    let place = text(folder.path());
    commit(folder.path(), "Ada", 1_700_000_000);
    let decided = |words: &[&str]| {
        let ran = ringfence(&[&["reach", "web", "db", "--mesh", place], words].concat());
        ran.out.lines().nth(4).unwrap_or_default().trim().to_owned()
    };
    let by = |line: &str, who: &str| {
        let said = decided(&[]);
        assert!(said.starts_with(&format!("db.yaml:{line} (")) && said.ends_with(&format!(" {who})")), "{said}");
    };
    by("7", "Ada 2023-11-14");
    // A line that moved is still its author's, and one that was changed is nobody's yet.
    edit(folder.path(), "db.yaml", "spec:", "# Who may.\nspec:");
    by("8", "Ada 2023-11-14");
    edit(folder.path(), "db.yaml", "    - from:", "    -  from:");
    assert_eq!(decided(&[]), "db.yaml:8 (not committed)");
    commit(folder.path(), "Bob", 1_700_086_400);
    by("8", "Bob 2023-11-15");
    assert!(decided(&["--at", "HEAD~1"]).ends_with(" Ada 2023-11-14)"));
    let json = ringfence(&["reach", "web", "db", "--mesh", place, "--format", "json"]).json();
    let place = &json["answers"][0]["gates"][2]["policies"][0]["places"][0];
    assert_eq!((place["line"].as_u64(), place["commit"]["author"].as_str()), (Some(8), Some("Bob")));
}

#[test]
fn many_callers_and_workloads_are_answered_in_groups() {
    let folder = plain();
    let place = text(folder.path());
    let ran = ringfence(&["reach", "any", "shop/*", "--mesh", place]);
    assert_eq!(ran.code, 0, "{}", ran.all());
    assert_snapshot!(ran.out);
    let check = |from: &str, to: &str, expected: &[(&str, &str)]| {
        let ran = ringfence(&["reach", from, to, "--mesh", place, "--format", "json"]);
        let answers = ran.json()["answers"].as_array().unwrap().clone();
        let word = |answer: &serde_json::Value, key: &str| answer[key].as_str().unwrap().to_owned();
        let found: Vec<_> = answers.iter().map(|answer| (word(answer, "from"), word(answer, "reach"))).collect();
        let expected: Vec<_> = expected.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        assert_eq!(found, expected, "{from} {to}");
    };
    check("*o*", "db", &[("shop/job", "denied")]);
    check("shop/*", "db:8080", &[("shop/db", "denied"), ("shop/job", "denied"), ("shop/web", "allowed")]);
    check("spiffe://cluster.local/ns/shop/sa/web", "db", &[("shop/web", "allowed")]);
    check("spiffe://other/ns/shop/sa/web", "db", &[("other/ns/shop/sa/web", "denied")]);
    check("10.0.0.0/8", "db", &[("10.0.0.0/8", "denied")]);
    check("outside", "web", &[("outside", "allowed")]);
}

#[test]
fn names_of_policy_are_callers_and_workloads() {
    let check = |from: &str, to: &str, expected: usize| {
        let ran = reach(&[from, to, "--format", "json"]);
        assert_eq!(ran.code, 0, "{}", ran.all());
        let answers = ran.json()["answers"].as_array().unwrap().clone();
        let allowed = answers.iter().filter(|answer| answer["reach"] == "allowed").count();
        assert_eq!(allowed, expected, "{from} {to}");
    };
    check("/shop", "/shop/bookinfo:ratings", 6);
    check("/shop/bookinfo:reviews", "ratings-v1", 3);
    check("gateway:ingress", "/shop/bookinfo:productpage:9080", 1);
}

#[test]
fn reach_tells_which_part_of_many_paths_gets_through() {
    let ran = reach(&["reviews-v1", "ratings-v1:9080", "--path", "/ratings*", "--format", "json"]);
    let part = &ran.json()["answers"][0]["part"];
    assert_eq!(part["whole"], false);
    assert!(part["reached"][0].as_str().unwrap().contains("/ratings/x "), "{part}");
    assert!(part["refused"][0].as_str().unwrap().contains("/ratings "), "{part}");
}

#[test]
fn what_if_says_what_a_change_would_do() {
    let folder = plain();
    let place = text(folder.path());
    let draft = folder.path().join("draft");
    let check = |words: &[&str], expected: &str| {
        let ran = ringfence(&[&["reach"], words, &["--mesh", place]].concat());
        let said = ran.out.lines().last().unwrap_or_default();
        assert!(said.ends_with(expected), "{words:?}: {}", ran.all());
    };
    check(&["job", "db", "--without", "AuthorizationPolicy/shop/db"], ": denied -> allowed");
    check(&["web", "db", "--without", "AuthorizationPolicy/shop/db#1"], ": allowed -> denied");
    check(&["web", "job", "--without", "AuthorizationPolicy/shop/db"], ": nothing changes");
    check(&["job", "db", "--compromised", "web"], "with the key of web: denied -> allowed");
    fs::write(&draft, ALLOW.replace("sa/web", "sa/job")).unwrap();
    check(&["job", "db", "--with", text(&draft)], ": denied -> allowed");
    check(&["web", "db", "--with", text(&draft)], ": allowed -> denied");
    let deny = ALLOW.replace("name: db", "name: new").replace("spec:", "spec:\n  action: DENY");
    fs::write(&draft, deny).unwrap();
    check(&["web", "db", "--with", text(&draft)], ": allowed -> denied");
    let gone = ringfence(&["reach", "web", "db", "--mesh", place, "--without", "NetworkPolicy/shop/db"]);
    assert_eq!(gone.code, 2);
    assert!(gone.err.contains("there is no `NetworkPolicy/shop/db` here"), "{}", gone.err);
}

#[test]
fn what_if_works_on_statements() {
    let folder = copy("bookinfo");
    let place = text(folder.path());
    let check = |words: &[&str], expected: &str| {
        let ran = ringfence(&[&["reach"], words, &["--mesh", place, "--as-of", DAY]].concat());
        assert!(ran.all().contains(expected), "{words:?}: {}", ran.all());
    };
    let ratings = ["reviews-v1", "ratings-v1"];
    let with = |more: &[&'static str]| [&ratings[..], more].concat();
    // Without a statement of its own the default of the tenant holds, and admits more.
    let own = "/shop/bookinfo/reviews-read-ratings";
    check(&with(&["--without", own]), "the word stays, but /shop#defaults.access decides instead of");
    check(&with(&["--without", own, "--method", "DELETE"]), "2026-11-22: denied -> allowed");
    check(&with(&["--without", own, "--without", "/shop#defaults.access"]), "2026-11-22: allowed -> denied");
    // An entry that is named again is gone once.
    let (entry, other) =
        ("/shop/bookinfo/reviews-read-ratings#allow.1", "/shop/bookinfo/readers-reach-the-page#allow.1");
    check(
        &with(&["--without", entry, "--without", other, "--without", entry, "--method", "DELETE"]),
        "2026-11-22: denied -> allowed",
    );
    check(
        &with(&["--without", "/shop/bookinfo/reviews-read-rating"]),
        "did you mean `/shop/bookinfo/reviews-read-ratings`?",
    );
    let draft = folder.path().join("draft.yaml");
    let access = "apiVersion: ringfence/v1alpha1\nkind: Access\nmetadata: {name: NAME}\nspec: {to: ratings, allow: [{from: details, ports: [9080]}]}\n";
    fs::write(&draft, access.replace("NAME", "new")).unwrap();
    let node = format!("/shop/bookinfo={}", text(&draft));
    let draft = text(&draft).to_owned();
    check(&["details-v1", "ratings-v1", "--with", &node], "denied -> allowed");
    check(&["details-v1", "ratings-v1", "--with", &draft], "nobody can tell at which node Access `new`");
    fs::write(&draft, access.replace("NAME", "reviews-read-ratings")).unwrap();
    check(&["reviews-v1", "ratings-v1", "--with", &draft], "allowed -> denied");
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
    check(&["reviews-v1", "bookinfo/ratings-v1:http"], "`http` is no port");
    check(&["reviews-v1", "ratings-v1", "--compromised", "nobody"], "there is no workload `nobody`");
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

#[test]
fn rules_are_taken_away_by_the_numbers_they_were_written_with() {
    let folder = plain();
    let rule =
        |account: &str| format!("    - from: [{{source: {{principals: [cluster.local/ns/shop/sa/{account}]}}}}]\n");
    let (head, _) = ALLOW.split_once("    - from").unwrap();
    let rules = [head.to_owned(), rule("web"), rule("other"), rule("job")].concat();
    fs::write(folder.path().join("db.yaml"), rules).unwrap();
    let answer = |from: &str, without: &[&str]| {
        let taken = without.iter().flat_map(|rule| ["--without", rule]);
        let words = ["reach", from, "db", "--exit-code", "--mesh", text(folder.path())].into_iter().chain(taken);
        ringfence(&words.collect::<Vec<_>>()).code
    };
    let policy = |rule: &str| format!("AuthorizationPolicy/shop/db#{rule}");
    let (first, second, third) = (policy("1"), policy("2"), policy("3"));
    assert_eq!((answer("web", &[]), answer("job", &[])), (0, 0));
    assert_eq!((answer("web", &[&first, &second]), answer("job", &[&first, &second])), (10, 0));
    assert_eq!((answer("web", &[&second, &third]), answer("job", &[&second, &third])), (0, 10));
    // Said twice, it is the same rule.
    assert_eq!((answer("web", &[&second, &second]), answer("job", &[&second, &second])), (0, 0));
}

#[test]
fn what_belongs_to_the_whole_cluster_is_named_without_a_namespace() {
    let folder = plain();
    let tier = "apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: {name: shut}\nspec: {tier: Admin, priority: 1, subject: {namespaces: {}}, ingress: [{action: Deny, from: [{namespaces: {}}]}]}\n";
    fs::write(folder.path().join("tier.yaml"), tier).unwrap();
    let reach = |name: &str| {
        let ran = ringfence(&["reach", "web", "db", "--exit-code", "--mesh", text(folder.path()), "--without", name]);
        (ran.code, ran.err.lines().next().unwrap_or_default().to_owned())
    };
    for name in ["ClusterNetworkPolicy/shut", "ClusterNetworkPolicy//shut", "ClusterNetworkPolicy shut"] {
        assert_eq!(reach(name).0, 0, "{name}");
    }
    assert_eq!(reach("ClusterNetworkPolicy/shop/shut").0, 2);
}

#[test]
fn no_answer_is_not_denied() {
    let folder = plain();
    let mute = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: mute, namespace: shop}\nspec: {template: {metadata: {labels: {app: mute}}, spec: {containers: [{name: a}]}}}\n";
    fs::write(folder.path().join("mute.yaml"), mute).unwrap();
    let ran = ringfence(&["reach", "web", "mute", "--exit-code", "--mesh", text(folder.path())]);
    assert_eq!(ran.code, 2, "{} {}", ran.out, ran.err);
    assert!(ran.err.contains("no port"), "{}", ran.err);
}

#[test]
fn facts_are_of_one_cluster() {
    let folder = plain();
    let facts = folder.path().join("facts.txt");
    let one =
        |name: &str| format!("apiVersion: ringfence/v1alpha1\nkind: Cluster\nmetadata: {{name: {name}}}\nspec: {{}}\n");
    fs::write(&facts, [one("east"), one("west")].join("---\n")).unwrap();
    let ran = ringfence(&["reach", "web", "db", "--mesh", text(folder.path()), "--facts", text(&facts)]);
    assert_eq!(ran.code, 2, "{}", ran.out);
    assert!(ran.err.contains("second Cluster"), "{}", ran.err);
}

#[test]
fn a_draft_lies_where_it_was_named() {
    let folder = tempfile::tempdir().unwrap();
    let draft = folder.path().join("draft.yaml");
    let access = "apiVersion: ringfence/v1alpha1\nkind: Access\nmetadata: {name: draft}\nspec: {to: ratings, allow: [{from: productpage, ports: [9080]}]}\n";
    fs::write(&draft, access).unwrap();
    let with = format!("/shop/bookinfo={}", text(&draft));
    let ran =
        ringfence(&["reach", "productpage-v1", "ratings-v1:9080", "--mesh", "fixtures/bookinfo", "--with", &with]);
    let cited = ran.out.lines().filter(|line| line.contains("draft.yaml:4")).collect::<Vec<_>>();
    assert!(cited.len() >= 2 && cited.iter().all(|line| !line.contains("fixtures/bookinfo/")), "{}", ran.all());
}
