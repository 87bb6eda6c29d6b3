//! What a change means, through the commands people type.

use std::fs;
use std::path::Path;

use insta::assert_snapshot;
use tempfile::TempDir;

use crate::runner::{DAY, Ran, commit, copy, edit, ringfence, text};

const ACCESS: &str = "policy/shop/bookinfo/access.yaml";

/// Commits the fixture, and changes it: reviews may also ask for all ratings, and nobody reaches the page any more.
fn changed() -> TempDir {
    let folder = copy("bookinfo");
    commit(folder.path(), "Ada", 1_700_000_000);
    edit(folder.path(), ACCESS, "paths: [\"/ratings/{*}\"]", "paths: [/ratings, \"/ratings/{*}\"]");
    edit(folder.path(), ACCESS, "methods: [GET, POST]", "methods: [GET]");
    folder
}

fn diff(folder: &Path, words: &[&str]) -> Ran {
    ringfence(&[&["diff"], words, &[text(folder), "--as-of", DAY]].concat())
}

/// Writes the manifests of a mesh in which `web` and `job` may be served by `db`, with these policies.
fn manifests(folder: &Path, policies: &str) {
    let workload = |name: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, namespace: shop}}\nspec: {{template: {{metadata: \
             {{labels: {{app: {name}}}}}, spec: {{serviceAccountName: {name}, containers: [{{name: a, ports: \
             [{{containerPort: 8080}}]}}]}}}}}}\n---\n"
        )
    };
    let namespace =
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {istio-injection: enabled}}\n---\n".to_owned();
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("run.yaml"), namespace + &["web", "db", "job"].map(workload).concat()).unwrap();
    fs::write(folder.join("policy.yaml"), policies).unwrap();
}

fn allow(rules: &str) -> String {
    format!(
        "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {{name: db, namespace: shop}}\nspec:\n  selector: \
         {{matchLabels: {{app: db}}}}\n  rules:\n{rules}"
    )
}

const WEB: &str = "    - from: [{source: {principals: [cluster.local/ns/shop/sa/web]}}]\n";
const JOB: &str = "    - from: [{source: {principals: [cluster.local/ns/shop/sa/job]}}]\n      to: [{operation: {methods: [GET], paths: ['/v1/*']}}]\n";

/// Compares two folders of manifests with these policies.
fn compare(before: &str, after: &str, words: &[&str]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    manifests(&folder.path().join("before"), before);
    manifests(&folder.path().join("after"), after);
    let (before, after) = (folder.path().join("before"), folder.path().join("after"));
    let mut ran = ringfence(&[&["diff", "--before", text(&before), "--after", text(&after)], words].concat());
    let place = format!("{}/", text(folder.path()));
    ran.out = ran.out.replace(&place, "").replace(&place.replace('_', "&#95;"), "");
    ran
}

#[test]
fn a_change_on_disk_is_access_gained_and_lost() {
    let folder = changed();
    let ran = diff(folder.path(), &["HEAD"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert_snapshot!(ran.out);
    // The revision need not be named.
    assert_eq!(diff(folder.path(), &[]).out, ran.out);
    assert_eq!(diff(folder.path(), &["--exit-code"]).code, 1);
}

#[test]
fn two_revisions_are_compared_without_a_checkout() {
    let folder = changed();
    commit(folder.path(), "Bob", 1_800_000_000);
    edit(folder.path(), ACCESS, "kind: Access", "kind: Nonsense");
    let there = diff(folder.path(), &["HEAD~1..HEAD", "--format", "concise"]);
    assert_eq!((there.code, there.err.as_str()), (0, ""));
    let back = diff(folder.path(), &["HEAD..HEAD~1", "--format", "concise"]);
    assert_snapshot!(format!("{}and back\n{}", there.out, back.out));
    let parted = diff(folder.path(), &["HEAD~1...HEAD", "--format", "json"]);
    assert_eq!(parted.json()["counts"]["gained"], 6);
    assert_eq!(parted.json()["documents"][0]["commit"]["author"], "Bob");
    assert_eq!(diff(folder.path(), &["HEAD..HEAD"]).out, "HEAD..HEAD: no access changes\n");
}

#[test]
fn what_cannot_be_compared_is_no_empty_difference() {
    let folder = changed();
    let unknown = diff(folder.path(), &["nope..HEAD"]);
    assert_eq!((unknown.code, unknown.out.as_str()), (2, ""));
    assert_eq!(diff(folder.path(), &["nope...HEAD"]).code, 2);
    edit(folder.path(), ACCESS, "to: ratings", "to: nobody");
    let broken = diff(folder.path(), &["HEAD"]);
    assert_eq!(broken.code, 1);
    assert!(broken.err.starts_with("ringfence: the policy has errors after the change"), "{}", broken.all());
    commit(folder.path(), "Ada", 1_800_000_000);
    edit(folder.path(), ACCESS, "to: nobody", "to: ratings");
    let broken = diff(folder.path(), &["HEAD"]);
    assert_eq!(broken.code, 1);
    assert!(broken.err.starts_with("ringfence: the policy of `HEAD` has errors"), "{}", broken.all());
    let nothing = tempfile::tempdir().unwrap();
    fs::write(nothing.path().join("settings.yaml"), "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n").unwrap();
    let nothing = ringfence(&["diff", "--before", text(nothing.path()), "--after", text(nothing.path())]);
    assert_eq!((nothing.code, nothing.out.as_str()), (3, ""), "{}", nothing.all());
}

#[test]
fn the_first_policy_that_allows_begins_default_deny() {
    assert_snapshot!(compare("", &allow(WEB), &[]).out);
}

#[test]
fn the_last_policy_that_allows_lets_everything_in() {
    assert_snapshot!(compare(&allow(WEB), "", &["--format", "concise"]).out);
}

#[test]
fn a_rule_more_is_the_requests_it_admits() {
    let (before, after) = (allow(WEB), allow(&format!("{WEB}{JOB}")));
    let ran = compare(&before, &after, &["--exit-code"]);
    assert_eq!(ran.code, 1);
    assert_snapshot!(ran.out);
    assert_eq!(compare(&after, &before, &["--exit-code"]).code, 0);
}

#[test]
fn rules_in_another_order_and_another_file_are_no_change() {
    let (one, other) = (format!("{WEB}{JOB}"), format!("{JOB}{WEB}"));
    assert!(compare(&allow(&one), &allow(&other), &[]).out.starts_with("before to after: no access changes\n"));
}

#[test]
fn policies_about_pods_that_nobody_shows_are_changes_too() {
    let network = |peers: &str| {
        format!(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: db, namespace: shop}}\nspec:\n  podSelector: \
             {{matchLabels: {{app: db}}}}\n  ingress: [{{from: {peers}}}]\n"
        )
    };
    let either = "[{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ops}}}, {podSelector: {matchLabels: {app: proxy}}}]";
    let both = "[{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ops}}, podSelector: {matchLabels: {app: proxy}}}]";
    assert_snapshot!(compare(&network(either), &network(both), &["--format", "concise"]).out);
    let labelled = "[{namespaceSelector: {matchLabels: {team: pay}}}]";
    assert_snapshot!(compare(&network(both), &network(labelled), &["--format", "concise"]).out);
}

#[test]
fn a_table_for_a_pull_request_holds_no_markup_of_others() {
    let rule = JOB.replace("/v1/*", "/<b>|@all/*");
    let ran = compare(&allow(WEB), &allow(&format!("{WEB}{rule}")), &["--format", "markdown"]);
    assert_snapshot!(ran.out);
}

#[test]
fn programs_get_the_whole_change() {
    let ran = compare(&allow(WEB), &allow(&format!("{WEB}{JOB}")), &["--format", "json"]);
    assert_snapshot!(ran.out);
}

#[test]
fn a_policy_without_a_namespace_is_said_to_be_of_default() {
    let after = allow(WEB).replace(", namespace: shop", "");
    let ran = compare(&allow(WEB), &after, &[]);
    assert!(
        ran.err.contains("names no namespace, so it is read as one of `default`: + AuthorizationPolicy db"),
        "{}",
        ran.all()
    );
}

/// Asks what goes with a statement of the fixture.
fn impact(words: &[&str]) -> Ran {
    let folder = copy("bookinfo");
    ringfence(&[&["impact"], words, &[text(folder.path()), "--as-of", DAY]].concat())
}

#[test]
fn what_a_statement_does_is_seen_when_it_is_gone() {
    let ran = impact(&["/shop/bookinfo/reviews-read-ratings"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert_snapshot!(ran.out);
    // By the line it stands at.
    let by_line = impact(&[&format!("{ACCESS}:18")]);
    let entry = "/shop/bookinfo/reviews-read-ratings#allow.1";
    assert_eq!(by_line.out.replace(entry, "/shop/bookinfo/reviews-read-ratings"), ran.out);
    assert_eq!(by_line.err, format!("ringfence: {ACCESS}:18 is of {entry}\n"));
    assert_eq!(impact(&["/shop/bookinfo/reviews-read-ratings#allow.2"]).code, 2);
}

#[test]
fn an_entry_goes_without_the_rest_of_its_statement() {
    let folder = copy("bookinfo");
    edit(
        folder.path(),
        ACCESS,
        "    - from: reviews\n",
        "    - {from: reviews, ports: [9080], methods: [GET], paths: [/ratings/7]}\n    - from: reviews\n",
    );
    let ran = |statement: &str| ringfence(&["impact", statement, text(folder.path()), "--as-of", DAY]).out;
    let first = ran("/shop/bookinfo/reviews-read-ratings#allow.1");
    assert!(first.contains("redundant as far as access goes"), "{first}");
    let second = ran("/shop/bookinfo/reviews-read-ratings#allow.2");
    assert!(second.contains("moved") || second.contains("lost"), "{second}");
}

#[test]
fn a_port_of_the_proxy_counts_where_policies_of_the_network_name_it() {
    let policy = |ports: &str| {
        format!(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: db, namespace: shop}}\nspec:\n  podSelector: {{matchLabels: {{app: db}}}}\n  policyTypes: [Ingress]\n  ingress: [{{ports: [{ports}]}}]\n"
        )
    };
    let more = compare(&policy("{port: 8080}"), &policy("{port: 8080}, {port: 15020}"), &["--format", "concise"]).out;
    assert!(more.contains("shop/db:15020"), "{more}");
    let same = compare(&policy("{port: 15020}, {port: 8080}"), &policy("{port: 8080}, {port: 15020}"), &[]).out;
    assert!(same.contains("no access changes"), "{same}");
}

#[test]
fn a_rule_that_others_make_idle_is_redundant() {
    let folder = tempfile::tempdir().unwrap();
    let place = text(folder.path()).to_owned();
    manifests(
        folder.path(),
        &allow(&format!("{WEB}{}", WEB.replace("cluster.local/ns/shop/sa/web", "cluster.local/ns/shop/*"))),
    );
    let ran = |statement: &str| ringfence(&["impact", statement, &place]);
    let redundant = "no access changes, so that it is redundant as far as access goes\n";
    assert_eq!(ran("AuthorizationPolicy/shop/db#1").out, format!("without AuthorizationPolicy/shop/db#1: {redundant}"));
    assert_eq!(ran("policy.yaml:7").out, format!("without AuthorizationPolicy/shop/db#1: {redundant}"));
    assert!(ran("policy.yaml:8").out.contains("pairs of caller and port: 2 lost"), "{}", ran("policy.yaml:8").all());
    assert!(ran("AuthorizationPolicy/shop/db").out.contains("default deny ends"));
    assert_eq!(ran("AuthorizationPolicy/shop/db#3").code, 2);
    assert_eq!(ran("nothing.yaml:3").code, 2);
}

#[test]
fn what_gateways_let_in_is_access_as_well() {
    let folder = copy("bank");
    commit(folder.path(), "Ada", 1_700_000_000);
    let exposure = "policy/platform/edge/exposure.yaml";
    edit(folder.path(), exposure, "    - {exact: /v1/rates, auth: none}\n", "");
    let shut = diff(folder.path(), &["HEAD", "--exit-code"]);
    let line = "] from the internet prod-east: api.acme.example /v1/rates -> edge/public-api:8080: open -> shut";
    assert!(
        shut.out.contains("disk: no calls inside change\n") && shut.out.contains("  - [m-") && shut.out.contains(line),
        "{}",
        shut.all()
    );
    assert_eq!(shut.code, 0);
    commit(folder.path(), "Ada", 1_700_000_001);
    edit(folder.path(), exposure, "    - prefix: /v1\n", "    - prefix: /v1\n    - {exact: /v1/rates, auth: none}\n");
    let opened = diff(folder.path(), &["HEAD", "--exit-code"]);
    assert!(
        opened.out.contains("  + [m-")
            && opened.out.contains("] from the internet prod-east: api.acme.example /v1/rates"),
        "{}",
        opened.all()
    );
    assert_eq!(opened.code, 1);
    assert_eq!(diff(folder.path(), &["HEAD", "--format", "json"]).json()["gains"], true);
}

#[test]
fn every_kind_of_step_that_comes_is_said_and_stops_a_gate() {
    let fixtures = crate::runner::root().join("fixtures/attack");
    let mut kinds: Vec<_> = fs::read_dir(&fixtures).unwrap().map(|entry| entry.unwrap().path()).collect();
    kinds.sort();
    assert!(kinds.len() > 20);
    for kind in kinds {
        let [before, after] = ["mended.yaml", "vulnerable.yaml"].map(|name| kind.join(name));
        let ran = ringfence(&["diff", "--before", text(&before), "--after", text(&after), "--exit-code"]);
        assert_eq!(ran.code, 1, "{}\n{}", kind.display(), ran.all());
        assert!(ran.out.contains("\n+ ") || ran.out.contains("\n  + "), "{}", ran.all());
    }
}

#[test]
fn manifests_are_compared_with_the_project_that_takes_their_place() {
    let project = tempfile::tempdir().unwrap();
    let (rendered, place) = ("fixtures/brownfield/rendered", text(project.path()));
    let made = ringfence(&["init", place, "--inventory", rendered]);
    assert_eq!(made.code, 0, "{}", made.all());
    let ran = ringfence(&["diff", "--before", &format!("{rendered}/prod"), "--after", place, "--as-of", DAY]);
    assert_eq!(ran.code, 0, "{}", ran.all());
    // The same workloads under other policies: nobody is new, and nobody is gone.
    assert!(ran.out.contains("gained") && !ran.out.contains("is new") && !ran.out.contains("is gone"), "{}", ran.all());
    // Facts are of manifests, and a project has its own.
    let facts = format!("{place}/policy/clusters.yaml");
    let ran = ringfence(&["diff", "--before", rendered, "--after", place, "--facts", &facts]);
    assert!(ran.code == 2 && ran.err.contains("is a policy project"), "{}", ran.all());
}

#[test]
fn a_mandate_goes_with_the_exceptions_to_it() {
    let ran = ringfence(&["impact", "/#mtls", "fixtures/bank", "--as-of", DAY]);
    assert_eq!(ran.code, 0, "{}", ran.all());
    assert!(ran.out.starts_with("without /#mtls: "), "{}", ran.all());
}

#[test]
fn what_nobody_sees_open_is_said_and_stops_a_gate() {
    let workload = "apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {template: {metadata: {labels: {app: web}}, spec: {containers: [{name: a, ports: [{containerPort: 8080}]}]}}}
---
";
    let tokens = |keys: &str| {
        format!(
            "{workload}apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {{name: tokens, namespace: shop}}
spec: {{jwtRules: [{{issuer: idp, jwksUri: 'https://{keys}/keys'}}]}}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: known, namespace: shop}}
spec: {{rules: [{{from: [{{source: {{requestPrincipals: ['*']}}}}]}}]}}
"
        )
    };
    let asking = |provider: &str| {
        format!(
            "{workload}apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: ask, namespace: shop}}
spec: {{action: CUSTOM, provider: {{name: {provider}}}, rules: [{{}}]}}
"
        )
    };
    let filter = format!(
        "{workload}apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {{name: free, namespace: shop}}
spec: {{configPatches: []}}
"
    );
    for (before, after, said) in [
        (tokens("idp.example"), tokens("evil.example"), "tokens are looked for elsewhere, or proved by other keys"),
        (asking("opa"), asking("yes-man"), "external authorization asks yes-man instead of opa"),
        (workload.to_owned(), filter, "what that does to requests is not followed"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (folder.path().join("before"), folder.path().join("after"));
        for (side, manifests) in [(&one, before), (&other, after)] {
            fs::create_dir(side).unwrap();
            fs::write(side.join("all.yaml"), manifests).unwrap();
        }
        let sarif = format!("sarif={}", text(&folder.path().join("x.sarif")));
        let run = |more: &[&str]| {
            ringfence(&[&["diff", "--before", text(&one), "--after", text(&other), "--exit-code"], more].concat())
        };
        let found = run(&["--format", "json", "-o", &sarif]);
        assert_eq!(found.code, 1, "{}", found.all());
        assert_eq!(found.json()["gains"], true);
        let unseen = found.json()["unseen"][0].clone();
        assert!(unseen["what"].as_str().unwrap().contains(said), "{unseen}");
        let id = unseen["id"].as_str().unwrap();
        let sarif = fs::read_to_string(folder.path().join("x.sarif")).unwrap();
        assert!(sarif.contains("access/unseen") && sarif.contains(&format!("[{id}]")), "{sarif}");
        for form in ["text", "concise", "markdown", "github"] {
            let run = run(&["--format", form]);
            assert!(run.out.contains(id) && !run.out.contains("no access changes\n"), "{}", run.all());
        }
        // Taken away again it is no less known, but for an object that only could let in.
        let back = ringfence(&["diff", "--before", text(&other), "--after", text(&one), "--exit-code"]);
        assert_eq!(back.code, i32::from(!said.contains("not followed")), "{}", back.all());
    }
}
