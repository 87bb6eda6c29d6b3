//! How far an attacker gets, through the commands people type.

use insta::assert_snapshot;

use crate::runner::{DAY, ringfence};

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
    let cut = "smallest cut: without 1 line no way is left\n   /shop/bookinfo/reviews-read-ratings fixtures/bookinfo/";
    assert!(ran.out.contains(cut) && ran.out.contains("they alone admit 6 calls"), "{}", ran.out);
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
