//! How far an attacker gets, through the commands people type.

use std::fs;
use std::path::Path;

use insta::assert_snapshot;

use crate::runner::{DAY, ringfence, text};

#[test]
fn blast_lists_what_is_in_reach_by_what_it_asks_for() {
    let ran = ringfence(&["blast", "productpage-v1", "fixtures/bookinfo", "--as-of", DAY]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert_snapshot!(ran.out);
    let json = ringfence(&["blast", "internet", "fixtures/bank", "--as-of", DAY, "--format", "json"]).json();
    let reached = json["reached"].as_array().unwrap();
    let by_calls = reached.iter().filter(|one| one["needs"] == "network" && one["sure"] == true);
    let named: Vec<&str> = by_calls.map(|one| one["workload"].as_str().unwrap()).collect();
    assert!(named.contains(&"prod-east:edge/public-api"), "{named:?}");
    // The waypoints' cluster is on a network of its own: nobody surely calls across.
    assert!(named.iter().all(|name| !name.starts_with("prod-north:")), "{named:?}");
    let vault = reached.iter().find(|one| one["workload"] == "prod-east:payments-cards/vault-db").unwrap();
    assert_eq!(vault["sensitivity"], "pci");
    let lines = ringfence(&["blast", "internet", "fixtures/bank", "--as-of", DAY, "--format", "concise"]);
    assert_eq!(lines.out.lines().count(), reached.len());
}

#[test]
fn paths_say_what_allows_each_step_and_where_it_was_written() {
    let ask = |words: &[&str]| ringfence(&[&["paths"], words, &["fixtures/bank", "--as-of", DAY]].concat());
    let ran = ask(&["internet", "/payments/cards:vault-db", "--count", "1", "--most", "network", "--sure"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(ran.out.contains("policy/platform/edge/exposure.yaml:"), "{}", ran.out);
    assert!(ran.out.contains("/everything-sends-telemetry") && ran.out.contains("policy/access.yaml:8"), "{}", ran.out);
    // Whatever scrapes everything is a way beside the one through the services that handle cards.
    assert!(ran.out.contains("no choke point"), "{}", ran.out);
    let ran = ringfence(&["paths", "productpage-v1", "ratings-v1", "fixtures/bookinfo", "--as-of", DAY]);
    assert!(ran.out.contains("every way goes through one of bookinfo/reviews-v1, bookinfo/reviews-v2"), "{}", ran.out);
    let drawn = ["paths", "productpage-v1", "ratings-v1", "fixtures/bookinfo", "--as-of", DAY, "--draw"];
    assert_snapshot!(ringfence(&[&drawn[..], &["mermaid"]].concat()).out);
    assert_snapshot!(ringfence(&[&drawn[..], &["dot"]].concat()).out);
    let cut = "smallest cut: every way goes by this line\n   /shop/bookinfo/reviews-read-ratings fixtures/bookinfo/";
    assert!(ran.out.contains(cut) && ran.out.contains("ratings-v1:9080, 3 more\n"), "{}", ran.out);
    // Without its last statement the default of the workspace holds again, which the lines themselves do not tell.
    assert!(ran.out.contains("something else opens then, for one cost 2:"), "{}", ran.out);
    let json = ask(&["internet", "/payments/cards:vault-db", "--count", "2", "--format", "json"]).json();
    let costs: Vec<_> = json["paths"].as_array().unwrap().iter().map(|path| path["cost"].as_u64().unwrap()).collect();
    assert!(costs.len() == 2 && costs.is_sorted(), "{costs:?}");
    let lines: Vec<_> = json["smallestCut"]["lines"].as_array().unwrap().iter().map(|line| &line["name"]).collect();
    assert_eq!(lines, ["/everything-sends-telemetry", "/payments/cards/behind-the-vault"]);
    for path in json["paths"].as_array().unwrap() {
        let sum: u64 = path["steps"].as_array().unwrap().iter().map(|step| step["cost"].as_u64().unwrap()).sum();
        assert_eq!(Some(sum), path["cost"].as_u64(), "{path}");
    }
    let none = ask(&["prod-north:retail-loyalty/offers", "/payments/cards:vault-db", "--most", "network", "--sure"]);
    assert_eq!(none.code, 0);
    assert!(none.out.starts_with("no way that is sure leads from"), "{}", none.out);
    let unknown = ask(&["retail-web/storefron", "internet"]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.err.contains("did you mean `retail-web/storefront`?"), "{}", unknown.err);
}

#[test]
fn a_cut_is_tried_and_names_what_breaks() {
    let front = ["paths", "prod-east:edge/public-api", "/payments/cards:card-vault", "fixtures/bank", "--as-of", DAY];
    let ask = |more: &[&str]| ringfence(&[&front[..], more].concat());
    let ran = ask(&["--most", "network", "--budget", "1"]);
    assert!(ran.out.contains("smallest cut: every way goes by one of these 2 lines\n"), "{}", ran.out);
    assert!(ran.out.contains("prod-east:edge/public-api to prod-east:payments-checkout/checkout:8080"), "{}", ran.out);
    assert!(ran.out.contains("payments/checkout/access.yaml:7: no way is left\n"), "{}", ran.out);
    assert!(ran.out.contains("with at most 1 line gone the cheapest way costs what it does"), "{}", ran.out);
    // The same by hand: the vault is out of reach, and `impact` names the flow that broke.
    let lines = [
        "--without",
        "fixtures/bank/policy/access.yaml:8",
        "--without",
        "fixtures/bank/policy/payments/checkout/access.yaml:7",
    ];
    let without = ask(&[&["--most", "network"][..], &lines].concat());
    assert!(without.out.starts_with("no way leads from"), "{}", without.out);
    let broken = ringfence(&["impact", lines[3], "fixtures/bank", "--as-of", DAY]);
    assert!(
        broken.out.contains("payments-checkout/checkout:8080")
            && broken.out.contains("\nfrom outside, and for attackers\n"),
        "{}",
        broken.out
    );
    let json = ask(&["--most", "network", "--format", "json"]).json();
    assert_eq!(json["smallestCut"]["tried"]["wayLeft"], false);
}

/// Each fixture is asked about what its first line says: there is a way where it is vulnerable, and an answer where it is mended.
#[test]
fn every_fixture_of_attackers_gets_an_answer() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/attack");
    let mut kinds: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    kinds.sort();
    for (kind, state) in kinds.iter().flat_map(|kind| ["vulnerable", "mended"].map(|state| (kind, state))) {
        let file = kind.join(format!("{state}.yaml"));
        let text = fs::read_to_string(&file).unwrap();
        let ends = text.lines().next().and_then(|line| line.strip_prefix("# from ")?.split_once(" to "));
        let (from, to) = ends.unwrap_or_else(|| panic!("{}: no ends", file.display()));
        let word = |end: &str| match end.strip_prefix("identity:") {
            Some(account) => format!("spiffe://cluster.local/ns/{}", account.replace('/', "/sa/")),
            None => end.to_owned(),
        };
        let ran = ringfence(&["paths", &word(from), &word(to), file.to_str().unwrap(), "--budget", "1"]);
        assert_eq!(ran.code, 0, "{}: {}{}", file.display(), ran.out, ran.err);
        if state == "vulnerable" {
            assert!(ran.out.contains("the cheapest"), "{}: {}", file.display(), ran.out);
            // A cut is tried, or it is said that it was not.
            let cuts = ran.out.matches("smallest cut: ").count() + ran.out.matches("gone no way is left").count();
            let tried = ran.out.matches("   tried with").count() + ran.out.matches("   not tried: ").count();
            assert!(tried >= cuts, "{}: {}", file.display(), ran.out);
        }
    }
}

#[test]
fn what_only_runs_is_no_line_of_a_cut() {
    let ran = ringfence(&["paths", "shop/web", "shop/db", "fixtures/attack/node-pods/vulnerable.yaml"]);
    let (_, cut) = ran.out.split_once("smallest cut: ").unwrap_or_else(|| panic!("{}", ran.out));
    assert!(!cut.contains("may run there") && !cut.contains("runs under"), "{}", ran.out);
    assert!(ran.out.contains("may run there, "), "{}", ran.out);
    assert!(cut.contains("   not tried: "), "{}", ran.out);
}

#[test]
fn an_object_of_rights_is_not_called_redundant() {
    let file = "fixtures/attack/node-proxy/vulnerable.yaml";
    let ran = ringfence(&["impact", "ClusterRoleBinding/worker", file]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(!ran.out.contains("redundant"), "{}", ran.out);
    assert!(ran.out.contains("] ServiceAccount shop/web may no longer do: runs commands in any pod"), "{}", ran.out);
}

#[test]
fn sets_that_share_somebody_are_asked_about_pair_by_pair() {
    let paths = |from: &str, to: &str| ringfence(&["paths", from, to, "fixtures/bank", "--as-of", DAY]);
    for (from, to) in [
        ("/**", "/payments/cards:vault-db"),
        ("/payments", "/payments/cards:vault-db"),
        ("/payments/cards:card-vault", "/payments/cards"),
        ("/payments/cards", "/payments/cards"),
    ] {
        let ran = paths(from, to);
        assert!(ran.out.contains("the cheapest"), "{from} to {to}: {}{}", ran.out, ran.err);
    }
    let alone = ringfence(&["blast", "/payments/cards:card-vault", "fixtures/bank", "--as-of", DAY]);
    let all = ringfence(&["blast", "/payments/cards", "fixtures/bank", "--as-of", DAY]);
    assert!(alone.out.contains("vault-db"), "{}", alone.out);
    assert!(all.out.contains("vault-db  "), "{}", all.out);
}

#[test]
fn posture_says_what_matters_and_what_makes_it_easy() {
    let ask = |more: &[&str]| ringfence(&[&["posture", "fixtures/bank", "--as-of", DAY][..], more].concat());
    let ran = ask(&[]);
    assert_eq!(ran.code, 0, "{}", ran.all());
    assert!(ran.out.starts_with("9 sensitive workloads of 84 workloads\n"), "{}", ran.out);
    let json = ask(&["--format", "json"]).json();
    let findings = json["findings"].as_array().unwrap();
    let rank = |it: &serde_json::Value| {
        (std::cmp::Reverse(it["sensitive"].as_u64()), std::cmp::Reverse(it["workloads"].as_u64()), it["cost"].as_u64())
    };
    assert!(findings.len() > 5 && findings.is_sorted_by_key(rank), "{json:#}");
    for class in json["blastRadii"].as_array().unwrap() {
        let count: u64 = class["radii"].as_array().unwrap().iter().map(|it| it["workloads"].as_u64().unwrap()).sum();
        assert_eq!(count, 84, "{class}");
    }
    let named = ask(&["--jewel", "zone:pci", "--jewel", "sensitivity:personal", "--format", "json"]).json();
    assert_eq!(named["sensitive"].as_array().unwrap().len(), 9);
    assert_eq!(ask(&["--jewel", "zone:nowhere"]).code, 2);
}

#[test]
fn a_quarantine_is_printed_with_its_proof() {
    let ran = ringfence(&["blast", "/platform/edge:public-api", "fixtures/bank", "--as-of", DAY, "--quarantine"]);
    assert!(ran.out.starts_with("# With this, whoever has /platform/edge:public-api gets to 0 of 84 workloads by calls; without it, to 82.\n"), "{}", ran.all());
    assert!(ran.out.contains("kind: Zone\n") && ran.out.ends_with("rules: quarantine\n"), "{}", ran.out);
    let ran = ringfence(&["blast", "prod-east:monitoring/nothing", "fixtures/bank", "--as-of", DAY, "--quarantine"]);
    assert_eq!(ran.code, 2);
    // Policies of the network add up, so that another one may keep open what this shuts: that is said.
    let ran = ringfence(&["blast", "shop/web", "fixtures/attack/net-reach/vulnerable.yaml", "--quarantine"]);
    assert!(
        ran.out.contains("kind: NetworkPolicy\n")
            && ran.out.contains("gets to 0 of 2 workloads by calls; without it, to 1.\n"),
        "{}",
        ran.all()
    );
}

#[test]
fn how_far_one_gets_is_drawn_by_groups_that_keep_count() {
    let ran = ringfence(&["blast", "productpage-v1", "fixtures/bookinfo", "--as-of", DAY, "--draw", "dot"]);
    assert_snapshot!(ran.out);
    let drawn =
        ringfence(&["blast", "/platform/edge:public-api", "fixtures/bank", "--as-of", DAY, "--draw", "mermaid"]).out;
    let count: usize =
        drawn.lines().filter_map(|line| line.split('|').nth(1)?.split_once(' ')?.0.parse::<usize>().ok()).sum();
    // Whatever is reached has one last step on its cheapest way; where it begins has none.
    let boxes: usize = drawn
        .lines()
        .filter_map(|line| line.split_once("[\"")?.1.strip_suffix("\"]"))
        .filter(|name| !name.ends_with(":edge/public-api"))
        .map(|name| name.rsplit_once(" (").and_then(|(_, count)| count.strip_suffix(')')?.parse().ok()).unwrap_or(1))
        .sum();
    assert_eq!(boxes, count, "{drawn}");
}

#[test]
fn plain_policies_shut_in_whose_labels_they_name() {
    let folder = tempfile::tempdir().unwrap();
    let pod = |name: &str, labels: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: shop, labels: {{{labels}}}}}\nspec: {{containers: [{{name: a, ports: [{{containerPort: 80}}]}}]}}\n---\n"
        )
    };
    let all = pod("web", "app: web") + &pod("canary", "app: web, track: canary") + &pod("bare", "");
    fs::write(folder.path().join("pods.yaml"), all).unwrap();
    let ask = |name: &str| ringfence(&["blast", name, folder.path().to_str().unwrap(), "--quarantine"]);
    let web = ask("shop/web");
    assert!(web.out.contains("# It shuts in shop/canary as well, whose pods have these labels.\n"), "{}", web.all());
    assert!(!ask("shop/canary").out.contains("It shuts in"), "{}", ask("shop/canary").all());
    // A selector without a label is about everybody.
    let bare = ask("shop/bare");
    assert!(bare.code == 2 && bare.err.contains("the pods of `shop/bare` have no labels"), "{}", bare.all());
}

/// A guarded workload `shop/db`, and whatever more.
fn guarded(admits: &str, more: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "apiVersion: v1
kind: Namespace
metadata: {{name: shop, labels: {{pod-security.kubernetes.io/enforce: restricted, istio-injection: enabled}}}}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {{name: default, namespace: istio-system}}
spec: {{mtls: {{mode: STRICT}}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: db, namespace: shop}}
spec: {{template: {{metadata: {{labels: {{app: db}}}}, spec: {{serviceAccountName: db, nodeSelector: {{pool: db}}, automountServiceAccountToken: false, containers: [{{name: main, ports: [{{containerPort: 5432}}]}}]}}}}}}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: db, namespace: shop}}
spec: {{selector: {{matchLabels: {{app: db}}}}, action: ALLOW, rules: [{{from: [{{source: {{{admits}}}}}]}}]}}
---
{more}"
    );
    fs::write(folder.path().join("mesh.yaml"), text).unwrap();
    folder
}

fn bound(namespace: &str, rule: &str, subjects: &str) -> String {
    format!(
        "apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: worker, namespace: {namespace}}}
rules: [{{apiGroups: [''], {rule}, verbs: [create]}}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: worker, namespace: {namespace}}}
roleRef: {{kind: Role, name: worker}}
subjects: [{subjects}]
"
    )
}

const WEB: &str = "{kind: ServiceAccount, name: web, namespace: shop}";

#[test]
fn accounts_that_nobody_runs_under_call_as_well() {
    let tools = "apiVersion: v1\nkind: Namespace\nmetadata: {name: tools, labels: {pod-security.kubernetes.io/enforce: restricted}}\n---\n";
    let makes = tools.to_owned() + &bound("tools", "resources: [pods]", WEB);
    let ask = |admits: &str, from: &str| {
        let folder = guarded(admits, &makes);
        ringfence(&["paths", from, "shop/db", text(folder.path())]).out
    };
    // One that a policy names, one that every namespace has, and the identity by itself.
    let ops = "principals: [cluster.local/ns/tools/sa/ops]";
    assert!(ask(ops, "sa:shop/web").contains("calls a port that policies leave open: shop/db port 5432"));
    assert!(ask("namespaces: [tools]", "sa:shop/web").contains("ns/tools/sa/default calls a port"));
    assert!(ask(ops, "spiffe://cluster.local/ns/tools/sa/ops").contains("the cheapest 1 way"));
    assert!(ask("namespaces: [nobody]", "sa:shop/web").contains("no way leads"));
}

#[test]
fn each_of_several_starts_has_its_way() {
    let run = |name: &str| {
        format!(
            "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, namespace: ops}}\nspec: {{template: {{metadata: {{labels: {{app: {name}}}}}, spec: {{serviceAccountName: {name}, nodeSelector: {{pool: {name}}}, containers: [{{name: main}}]}}}}}}\n"
        )
    };
    let both = "{kind: ServiceAccount, name: a, namespace: ops}, {kind: ServiceAccount, name: b, namespace: ops}";
    let more = bound("shop", "resources: [pods/exec]", both) + &run("a") + &run("b");
    let folder = guarded("namespaces: [nobody]", &more);
    let ran = ringfence(&["paths", "ops/*", "shop/db", text(folder.path()), "--count", "5"]);
    for name in ["ops/a", "ops/b"] {
        let line = format!("{name} has the token of its account in a file: ServiceAccount {name}\n");
        assert!(ran.out.contains(&line), "{line}{}", ran.out);
    }
}
