//! What is admitted on the way between two sets of policies, against mixtures of them that are tried one by one.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

mod support;

use std::collections::BTreeMap;

use proptest::prelude::*;
use ringfence_verifier::difference::{Mixtures, Opening};
use ringfence_verifier::fleet::{Destination, Fleet};
use ringfence_verifier::matrix::name;
use support::Clusters;
use support::judge::{callers, judge, requests};
use support::worlds::{policies, workloads};

const FACTS: &str = "{trustDomainAliases: [old.example], podCidrs: [10.1.0.0/16]}";

/// Objects by kind, namespace and name.
type Objects = BTreeMap<String, String>;

/// Takes the first three objects of a text, by what they are called.
fn objects(text: &str) -> Objects {
    // Policies of tiers are not followed on the way, which is said.
    let is_followed = |document: &&str| !document.trim().is_empty() && !document.contains("policy.networking.k8s.io");
    let documents = text.split("---\n").filter(is_followed).take(3);
    let key = |document: &str| {
        let line = |start: &str| document.lines().find(|line| line.starts_with(start)).unwrap_or_default().to_owned();
        // The nodes at both ends of a connection hear of a NetworkPolicy one after the other.
        let direction = if document.contains("policyTypes: [Egress]") { "out" } else { "in" };
        format!("{} {} {direction}", line("kind: "), line("metadata: "))
    };
    documents.map(|document| (key(document), document.to_owned())).collect()
}

fn mesh(objects: &Objects) -> String {
    format!("{}---\n{}", workloads(), objects.values().cloned().collect::<Vec<_>>().join("---\n"))
}

/// Returns the mixture in which those objects are new whose bit is set.
fn mixture(before: &Objects, after: &Objects, chosen: usize) -> Objects {
    let mut keys: Vec<&String> = before.keys().chain(after.keys().filter(|key| !before.contains_key(*key))).collect();
    keys.sort();
    let mut mixed = Objects::new();
    for (at, key) in keys.into_iter().enumerate() {
        let from = if chosen & (1 << at) != 0 { after } else { before };
        // Both directions may come from policies of one name, which no two objects have.
        let apart = |object: &String| match key.ends_with(" out") {
            true => object.replacen("metadata: {name: ", "metadata: {name: out-", 1),
            false => object.clone(),
        };
        mixed.extend(from.get(key).map(|object| (key.clone(), apart(object))));
    }
    mixed
}

fn openings(before: &str, after: &str) -> Mixtures {
    let (one, other) = (Clusters::read(&[(FACTS, before)]), Clusters::read(&[(FACTS, after)]));
    Mixtures::between(&one.models(), &other.models())
}

fn at<'m>(fleet: &Fleet<'m>, workload: &str, port: u16) -> Destination<'m> {
    let found = fleet.models()[0].workloads().find(|one| name(one) == workload).unwrap();
    let readings = fleet.models()[0].readings(found, port);
    Destination { cluster: 0, workload: found, port, readings }
}

const ALLOW: &str = "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: allow, namespace: shop}\nspec: {selector: {matchLabels: {app: db}}, action: ALLOW, rules: [{RULE}]}\n";
const DENY: &str = "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: deny, namespace: shop}\nspec: {selector: {matchLabels: {app: db}}, action: DENY, rules: [{to: [{operation: {methods: [DELETE]}}]}]}\n";

/// Compares two lists of objects about one workload.
fn between(before: &[&str], after: &[&str]) -> Vec<Opening> {
    let mesh = |objects: &[&str]| format!("{}---\n{}", workloads(), objects.join("---\n"));
    openings(&mesh(before), &mesh(after)).openings
}

#[test]
fn a_deny_that_goes_while_an_allow_narrows_opens_for_a_moment() {
    let (wide, narrow) =
        (ALLOW.replace("{RULE}", "{}"), ALLOW.replace("{RULE}", "{to: [{operation: {methods: [GET]}}]}"));
    let found = between(&[&wide, DENY], &[&narrow]);
    let of_port = found.iter().find(|opening| opening.port == Some(8080)).unwrap();
    let request = &of_port.witness.request;
    assert_eq!(request.http.as_ref().unwrap().method, "DELETE", "{request}");
    assert!(of_port.witness.sure);
    assert_eq!(of_port.objects, ["AuthorizationPolicy shop/allow", "AuthorizationPolicy shop/deny"]);
    // Each of the two changes by itself opens nothing that an end does not.
    assert_eq!(between(&[&wide, DENY], &[&narrow, DENY]), []);
    assert_eq!(between(&[&wide, DENY], &[&wide]), []);
    assert_eq!(between(&[&narrow], &[&narrow]), []);
}

#[test]
fn however_many_peer_authentications_change_none_is_taken_for_new() {
    let peers = |name: &str, app: &str, mode: &str| {
        format!(
            "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {{name: {name}, namespace: shop}}\nspec: {{selector: {{matchLabels: {{{app}}}}}, mtls: {{mode: {mode}}}}}\n"
        )
    };
    let rule = "{from: [{source: {namespaces: [pay]}}]}";
    let (few, all) = (ALLOW.replace("{RULE}", rule), ALLOW.replace("{RULE}", "{}"));
    let side = |allow: &str, mode: &str, about: &dyn Fn(usize) -> String| -> Vec<String> {
        let others = (0..12).map(|at| peers(&format!("a{at}"), &about(at), mode));
        // Of them all the last by name.
        others.chain([peers("z", "app: db", mode), allow.to_owned()]).collect()
    };
    let found = |about: &dyn Fn(usize) -> String| {
        let (before, after) = (side(&few, "PERMISSIVE", about), side(&all, "STRICT", about));
        let mesh = |objects: &[String]| format!("{}---\n{}", workloads(), objects.join("---\n"));
        openings(&mesh(&before), &mesh(&after))
    };
    // Those about other pods are no matter: plaintext comes in while the mode is old and the rule new.
    let of_others = found(&|at| format!("app: other-{at}"));
    assert!(of_others.openings.iter().any(|it| it.workload == "shop/db" && it.port == Some(8080)), "{of_others:?}");
    assert!(of_others.skipped.is_empty(), "{of_others:?}");
    // Where all of them are about the same pods, it is said that nobody knows.
    let of_one = found(&|_| "app: db".to_owned());
    assert!(of_one.skipped.contains("east:shop/db"), "{of_one:?}");
}

#[test]
fn a_policy_of_the_network_changes_at_one_end_before_the_other() {
    let policy = |rest: &str| {
        format!(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: net, namespace: shop}}\nspec: {{podSelector: {{}}, {rest}}}\n"
        )
    };
    let (out, inward) = (policy("policyTypes: [Egress], egress: []"), policy("policyTypes: [Ingress], ingress: []"));
    let found = between(&[&out], &[&inward]);
    let of = |caller: &str| found.iter().any(|it| it.callers.iter().any(|(_, name)| name == caller));
    assert!(of("shop/web"), "{found:?}");
    // Of others it only ever grows tighter.
    assert!(!of("pay/web"), "{found:?}");
}

#[test]
fn a_moment_without_any_allow_is_open() {
    let rule = "{from: [{source: {namespaces: [pay]}}]}";
    let (one, other) =
        (ALLOW.replace("{RULE}", rule), ALLOW.replace("{RULE}", rule).replace("name: allow", "name: renamed"));
    let found = between(&[&one], &[&other]);
    assert!(found.iter().any(|opening| opening.port == Some(8080) && opening.witness.sure), "{found:?}");
    // A default deny that stays keeps it shut.
    let rest = "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: nobody, namespace: shop}\nspec: {}\n";
    assert_eq!(between(&[&one, rest], &[&other, rest]), []);
}

#[test]
fn what_moves_from_one_gate_to_another_is_open_in_between() {
    let network = |from: &str| {
        format!(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: net, namespace: shop}}\nspec: {{podSelector: {{matchLabels: {{app: db}}}}, policyTypes: [Ingress], ingress: [{{from: [{from}]}}]}}\n"
        )
    };
    let all = network("{namespaceSelector: {}}");
    let shop = network("{podSelector: {}}");
    let (anybody, only) =
        (ALLOW.replace("{RULE}", "{}"), ALLOW.replace("{RULE}", "{from: [{source: {namespaces: [shop]}}]}"));
    let found = between(&[&only, &all], &[&anybody, &shop]);
    let callers: Vec<&str> = found.iter().flat_map(|opening| &opening.callers).map(|(_, name)| name.as_str()).collect();
    assert!(callers.contains(&"pay/web") && !callers.contains(&"shop/web"), "{callers:?}");
    assert_eq!(between(&[&only, &all], &[&only, &shop]), []);
    // A pod that nothing isolates for a moment is open to all whom the other gate lets in.
    let renamed = shop.replace("name: net,", "name: other,");
    assert!(!between(&[&anybody, &shop], &[&anybody, &renamed]).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_opens_on_the_way_to_the_same(policies in policies()) {
        let mesh = mesh(&objects(&policies));
        prop_assert_eq!(openings(&mesh, &mesh).openings, []);
    }

    #[test]
    fn what_opens_is_what_some_mixture_admits(before in policies(), after in policies(), picked in prop::collection::vec(0..64_usize, 6)) {
        let (before, after) = (objects(&before), objects(&after));
        let found = openings(&mesh(&before), &mesh(&after));
        let ends = [Clusters::read(&[(FACTS, &mesh(&before))]), Clusters::read(&[(FACTS, &mesh(&after))])];
        let ends: Vec<_> = ends.iter().map(Clusters::models).collect();
        let ends: Vec<Fleet<'_>> = ends.iter().map(|models| Fleet::of(models)).collect();
        let is_found = |workload: &str, port: u16, caller: &str| {
            let of = |opening: &&Opening| opening.workload == workload && opening.port == Some(port);
            found.openings.iter().filter(of).any(|opening| opening.callers.iter().any(|(_, name)| name == caller))
        };
        // Whatever a mixture lets through that neither end does is found.
        for chosen in picked {
            let mixed = Clusters::read(&[(FACTS, &mesh(&mixture(&before, &after, chosen)))]);
            let mixed = mixed.models();
            let mixed = Fleet::of(&mixed);
            let named = callers(&mixed);
            for to in mixed.destinations() {
                let workload = name(to.workload);
                if to.port >= 30_000 || found.skipped.contains(&format!("east:{workload}")) {
                    continue;
                }
                for (caller, known) in &named {
                    if is_found(&workload, to.port, caller) {
                        continue;
                    }
                    for request in requests(to.port).iter().step_by(5) {
                        let [_, opens] = judge(&mixed, &to, known, request);
                        if opens {
                            let shut = ends.iter().all(|end| {
                                let known = &callers(end)[caller];
                                !judge(end, &at(end, &workload, to.port), known, request)[1]
                            });
                            prop_assert!(!shut, "{caller} to {workload}:{}: {request}", to.port);
                        }
                    }
                }
            }
        }
        // Whatever is found some mixture lets through, and neither end.
        let mixtures: Vec<Clusters> = (0..64).map(|chosen| Clusters::read(&[(FACTS, &mesh(&mixture(&before, &after, chosen)))])).collect();
        let mixtures: Vec<_> = mixtures.iter().map(Clusters::models).collect();
        let mixtures: Vec<Fleet<'_>> = mixtures.iter().map(|models| Fleet::of(models)).collect();
        for opening in &found.openings {
            let Some(port) = opening.port else { continue };
            let (_, caller) = &opening.callers[0];
            let admits = |fleet: &Fleet<'_>| {
                callers(fleet).get(caller).is_some_and(|known| judge(fleet, &at(fleet, &opening.workload, port), known, &opening.witness.request)[1])
            };
            prop_assert!(mixtures.iter().any(admits), "{opening:?}");
            prop_assert!(!ends.iter().any(admits), "{opening:?}");
        }
    }
}
