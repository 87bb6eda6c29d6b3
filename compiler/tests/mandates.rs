//! Mandates against statements, on one small platform: what is refused, what a trial only reports, who must agree.
//!
//! Two tenants, `shop` with the workspace `web` (services `cart`, `front`) and `bank` with the workspace `pay` (service
//! `api`).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers of a test fail like the test"
)]

mod support;

use ringfence_compiler::diagnostics::Severity;
use support::{Outcome, files, run};

/// Writes a document; the organization and its tenants get their spec from the test.
fn document(path: &str, kind: &str, name: &str, spec: &str) -> String {
    format!("=== {path}\napiVersion: ringfence/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {{{spec}}}\n")
}

fn workload(namespace: &str, name: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: {namespace}}}\n\
         spec: {{selector: {{app: {name}}}, ports: [{{name: http, port: 80, targetPort: 8080}}]}}\n\
         ---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, namespace: {namespace}}}\n\
         spec: {{template: {{metadata: {{labels: {{app: {name}}}}}, spec: {{serviceAccountName: {name}, \
         containers: [{{name: main, ports: [{{containerPort: 8080, name: web}}]}}]}}}}}}\n"
    )
}

fn inventory(namespace: &str, names: &[&str]) -> String {
    let workloads: String = names.iter().map(|name| workload(namespace, name)).collect();
    format!(
        "=== inventory/prod/{namespace}.yaml\napiVersion: v1\nkind: Namespace\n\
         metadata: {{name: {namespace}, labels: {{istio-injection: enabled}}}}\n{workloads}"
    )
}

/// Compiles the platform with the specs of the organization and of the tenant `bank`, and further documents.
fn platform(organization: &str, bank: &str, more: &[String]) -> Outcome {
    let mut text = [
        document("ringfence.yaml", "Project", "platform", ""),
        document("policy/organization.yaml", "Organization", "acme", organization),
        document("policy/clusters.yaml", "Cluster", "prod", ""),
        document("policy/shop/tenant.yaml", "Tenant", "shop", ""),
        document("policy/shop/web/workspace.yaml", "Workspace", "web", "namespaces: prod/web"),
        document("policy/bank/tenant.yaml", "Tenant", "bank", bank),
        document("policy/bank/pay/workspace.yaml", "Workspace", "pay", "namespaces: prod/pay"),
        inventory("web", &["cart", "front"]),
        inventory("pay", &["api"]),
    ]
    .concat();
    text.extend(more.iter().cloned());
    run(&files(&text), "2026-11-22")
}

/// Returns what was said, a line each: its code and its words.
fn said(outcome: &Outcome) -> Vec<String> {
    let sorted = outcome.diagnostics.sorted(&outcome.sources).into_iter();
    let heard = sorted.filter(|said| said.code().severity != Severity::Note);
    heard.map(|said| format!("{} {}", said.code().id, said.message())).collect()
}

const UNTIL: &str = "mode: dryRun, until: \"2027-01-31\"";

#[test]
fn a_floor_for_another_tenants_caller_needs_its_use() {
    let floor = "mandates: {access: {atLeast: [{from: /shop/web:front}]}}";
    let missing = ["resolve/consent-missing `/shop/web:front` has not declared that it uses `/bank/pay:api`"];
    for mandate in ["crossTenant", "crossWorkspace"] {
        let organization = format!("mandates: {{access: {{{mandate}: mutual}}}}");
        assert_eq!(said(&platform(&organization, floor, &[])), missing, "{mandate}");
        let uses = document("policy/shop/web/uses.yaml", "Access", "uses", "from: front, uses: [/bank/pay:api]");
        assert_eq!(said(&platform(&organization, floor, &[uses])), [""; 0], "{mandate}");
    }
}

#[test]
fn a_floor_of_a_node_above_both_speaks_for_both() {
    let organization =
        "mandates: {access: {crossTenant: mutual, atLeast: [{from: /shop/web:front, to: /bank/pay:api}]}}";
    assert_eq!(said(&platform(organization, "", &[])), [""; 0]);
}

#[test]
fn a_floor_is_about_workloads_of_its_own_node() {
    let floor = "mandates: {access: {atLeast: [{from: /bank/pay:api, to: /shop/web:cart}]}}";
    let outside = ["resolve/outside-node `/shop/web:cart` belongs to `/shop/web`, not to `/bank`"];
    assert_eq!(said(&platform("", floor, &[])), outside);
}

#[test]
fn consent_on_trial_is_reported_and_not_asked_for() {
    let organization = format!("mandates: {{access: {{crossTenant: mutual, {UNTIL}}}}}");
    let grant = document("policy/bank/pay/access.yaml", "Access", "in", "to: api, allow: [{from: /shop/web:front}]");
    let outcome = platform(&organization, "", &[grant]);
    let trial = ["resolve/dry-run-mandate `/shop/web:front` has not declared that it uses `/bank/pay:api`"];
    assert_eq!(said(&outcome), trial);
    assert!(outcome.compiled.is_some());
}

#[test]
fn consent_in_force_is_asked_for_beside_consent_on_trial() {
    let organization = format!("mandates: {{access: {{crossTenant: mutual, {UNTIL}}}}}");
    let bank = "mandates: {access: {crossWorkspace: mutual}}";
    let grant = document("policy/bank/pay/access.yaml", "Access", "in", "to: api, allow: [{from: /shop/web:front}]");
    let missing = ["resolve/consent-missing `/shop/web:front` has not declared that it uses `/bank/pay:api`"];
    assert_eq!(said(&platform(&organization, bank, &[grant])), missing);
}

#[test]
fn a_floor_on_trial_says_what_it_will_admit() {
    let bank = format!("mandates: {{access: {{atLeast: [{{from: /shop/web:front}}], {UNTIL}}}}}");
    let admits = ["resolve/dry-run-mandate `/bank#access` admits to `api` what nothing grants"];
    assert_eq!(said(&platform("", &bank, &[])), admits);
    let grant = document("policy/bank/pay/access.yaml", "Access", "in", "to: api, allow: [{from: /shop/web:front}]");
    assert_eq!(said(&platform("", &bank, &[grant])), [""; 0]);
}

#[test]
fn a_floor_on_trial_says_what_is_in_its_way() {
    let bank = format!("mandates: {{access: {{atLeast: [{{from: /shop/web:front}}], {UNTIL}}}}}");
    let statement = "to: api, allow: [{from: /shop/web:front}], deny: [{from: /shop/web:front, ports: [8080]}]";
    let outcome = platform("", &bank, &[document("policy/bank/pay/access.yaml", "Access", "in", statement)]);
    assert!(
        said(&outcome).contains(&"resolve/dry-run-mandate `/bank#access`, on trial, demands some of this".to_owned()),
        "{}",
        outcome.said()
    );
    let organization = "mandates: {access: {from: {atMost: [/bank]}}}";
    let outcome = platform(organization, &bank, &[]);
    assert!(outcome.errors().is_empty(), "{}", outcome.said());
    assert!(outcome.said().contains("demands some of this"), "{}", outcome.said());
}

#[test]
fn a_ceiling_on_trial_says_which_floor_it_will_contradict() {
    let organization = format!("mandates: {{access: {{from: {{atMost: [/bank]}}, {UNTIL}}}}}");
    let bank = "mandates: {access: {atLeast: [{from: /shop/web:front}]}}";
    let trial = ["resolve/dry-run-mandate `/bank#access` demands what `/#access` forbids"];
    assert_eq!(said(&platform(&organization, bank, &[])), trial);
}

#[test]
fn a_trial_of_mtls_says_what_it_will_refuse_and_what_it_will_change() {
    let bank = |bounds: &str| format!("mandates: {{mtls: {{{bounds}, {UNTIL}}}}}");
    let changes = "resolve/dry-run-mandate `strict` becomes `permissive` when the trial ends";
    assert_eq!(said(&platform("", &bank("atLeast: permissive"), &[])), [changes]);
    assert_eq!(said(&platform("", &bank("atLeast: strict, atMost: permissive"), &[])), [""; 0]);
    let written = document("policy/bank/pay/api.yaml", "Service", "api", "mtls: strict");
    let refused = "resolve/dry-run-mandate `strict` permits less than `/bank#mtls` demands";
    let heard = said(&platform("", &bank("atLeast: permissive"), std::slice::from_ref(&written)));
    assert!(heard.contains(&refused.to_owned()), "{heard:?}");
    let organization = "mandates: {mtls: {atMost: strict}}";
    let contradicts = "resolve/dry-run-mandate `/bank#mtls` and `/#mtls` leave nothing of `mtls`";
    let outcome = platform(organization, &bank("atLeast: permissive"), &[]);
    assert_eq!(said(&outcome), [contradicts]);
    assert!(outcome.compiled.is_some());
}

/// Writes an exception of the organization.
fn exception(waives: &str, scope: &str, widen_to: &str) -> String {
    let spec = format!(
        "waives: \"{waives}\", scope: {{{scope}}}, widenTo: {widen_to}, category: waiver, reason: a test, \
         owner: \"team:a\", expires: \"2027-02-15\""
    );
    document("policy/exceptions.yaml", "Exception", "EXC-1", &spec)
}

/// A zone of `cart` whose members reach the shop alone, and a grant of `api` to `cart`.
fn confined(from: &str, exception: Option<String>) -> Outcome {
    let zone = "members: [/shop/web:cart], rules: {to: {atMost: [/shop]}}";
    let mut all = vec![
        document("policy/zones.yaml", "Zone", "till", zone),
        document("policy/bank/pay/access.yaml", "Access", "in", &format!("to: api, allow: [{{from: {from}}}]")),
    ];
    all.extend(exception);
    platform("", "", &all)
}

fn ceiling_of_api(outcome: &Outcome) -> String {
    let files = &outcome.compiled.as_ref().unwrap_or_else(|| panic!("{}", outcome.said())).files;
    let denies = files.values().filter(|text| text.contains("action: DENY") && text.contains("namespace: pay"));
    denies.cloned().collect()
}

#[test]
fn an_exception_to_what_a_zone_reaches_holds_on_its_ports_alone() {
    let scope = "service: \"/bank/pay:api\", ports: [8080]";
    let widens = ["resolve/widens-mandate a grant permits more than `zone:till#access` does"];
    let on_port = "/shop/web:cart, ports: [8080]";
    assert_eq!(said(&confined(on_port, None)), widens);
    let excepted = || Some(exception("zone:till#access", scope, "/shop/web:cart"));
    assert_eq!(confined("/shop/web:cart", excepted()).errors(), ["resolve/widens-mandate"], "every port");
    let outcome = confined(on_port, excepted());
    assert_eq!(said(&outcome), [""; 0]);
    let denied = ceiling_of_api(&outcome);
    assert!(denied.contains("notPorts") && denied.contains("sa/cart"), "{denied}");
    assert!(denied.contains("/EXC-1"), "the object names the exception: {denied}");
}

#[test]
fn an_exception_to_what_a_zone_reaches_may_be_for_anyone_or_an_address() {
    let scope = "service: \"/bank/pay:api\"";
    let denied = |from: &str, widen_to: &str| {
        let outcome = confined(from, Some(exception("zone:till#access", scope, widen_to)));
        assert_eq!(said(&outcome), [""; 0], "{widen_to}");
        ceiling_of_api(&outcome)
    };
    assert!(!denied("anyone", "anyone").contains("sa/cart"), "whoever asks is let through");
    let by_address = denied("\"cidr:10.0.0.0/8\"", "\"cidr:10.1.0.0/16\"");
    assert!(by_address.contains("notIpBlocks") && by_address.contains("sa/cart"), "{by_address}");
}

#[test]
fn an_exception_names_ports_that_there_are() {
    let bank = "mandates: {mtls: {atMost: strict}}";
    let excepted = exception("/bank#mtls", "service: \"/bank/pay:api\", ports: [80]", "permissive");
    let outcome = platform("", bank, &[excepted]);
    assert_eq!(outcome.errors(), ["resolve/unknown-port"], "{}", outcome.said());
    assert!(outcome.said().contains("the workload listens on `8080`"), "{}", outcome.said());
}

#[test]
fn a_statement_names_no_node_outside_its_own() {
    let outside = ["resolve/outside-node `/shop` does not lie within `/shop/web`"];
    for spec in ["to: /shop, allow: [{from: cart}]", "from: /shop, uses: [/bank/pay:api]"] {
        let statement = document("policy/shop/web/access.yaml", "Access", "a", spec);
        let outcome = platform("", "", &[statement]);
        assert!(said(&outcome).contains(&outside[0].to_owned()), "{spec}: {}", outcome.said());
    }
    let zone = document("policy/bank/zones.yaml", "Zone", "all", "members: [/], rules: {from: {atMost: [/bank]}}");
    let held = platform("", "", &[zone]).errors();
    assert_eq!(held, ["resolve/outside-node"]);
}

#[test]
fn a_workspace_and_its_groups_describe_a_service_once() {
    let group = document("policy/shop/web/till/group.yaml", "Group", "till", "services: [cart]");
    let described = "ports: [{port: 8080, protocol: http}]";
    let selected = "workloads: {names: cart}";
    for (one, other) in [(described, selected), (selected, described), (selected, selected), (described, described)] {
        let all = [
            group.clone(),
            document("policy/shop/web/cart.yaml", "Service", "cart", one),
            document("policy/shop/web/till/cart.yaml", "Service", "cart", other),
        ];
        let outcome = platform("", "", &all);
        assert_eq!(outcome.errors(), ["parse/duplicate-document"], "{one}, {other}: {}", outcome.said());
    }
}

#[test]
fn the_mandate_that_is_left_is_the_second_line() {
    let organization = "mandates: {trustDomains: {atMost: [cluster.local]}, raw: {kinds: {atMost: [Sidecar]}}}";
    let bank = "mandates: {trustDomains: {atMost: [other.example]}, raw: {kinds: {atMost: [Gateway]}}}";
    let grant = document("policy/bank/pay/access.yaml", "Access", "in", "to: api, allow: [{from: /bank/pay}]");
    let outcome = platform(organization, bank, &[grant]);
    assert_eq!(outcome.errors(), ["resolve/widens-mandate"], "{}", outcome.said());
    assert!(outcome.said().contains("policy/bank/tenant.yaml"), "{}", outcome.said());
}

#[test]
fn an_exception_for_a_word_the_mandate_lists_is_unused() {
    let bank = "mandates: {trustDomains: {atMost: [cluster.local]}}";
    let grant = document("policy/bank/pay/access.yaml", "Access", "in", "to: api, allow: [{from: /bank/pay}]");
    let excepted = exception("/bank#trustDomains", "node: /bank", "cluster.local");
    let unused = ["resolve/exception-unused exception `EXC-1` waives nothing that anybody needs"];
    assert_eq!(said(&platform("", bank, &[grant, excepted])), unused);
}

#[test]
fn bounds_on_paths_and_headers_are_read_strictly() {
    let bank = "mandates: {jwt: {exempt: {atMost: [healthz]}}}";
    assert_eq!(platform("", bank, &[]).errors(), ["parse/invalid-value"]);
    for bound in ["atMost: [{headers: {\"a b\": x}}]", "atLeast: [{from: /shop, headers: {\"a b\": x}}]"] {
        let bank = format!("mandates: {{access: {{{bound}}}}}");
        assert_eq!(platform("", &bank, &[]).errors(), ["parse/invalid-value"], "{bound}");
    }
}

#[test]
fn a_token_that_a_document_demands_is_demanded_by_that_document() {
    let spec = "issuers: [{issuer: \"https://a.example\", jwksUri: \"https://a.example/keys\"}], required: true";
    let outcome = platform("", "", &[document("policy/bank/tokens.yaml", "Authentication", "login", spec)]);
    let files = outcome.compiled.unwrap_or_else(|| panic!("no output")).files;
    let demands = files.values().find(|text| text.contains("notRequestPrincipals")).unwrap();
    assert!(demands.contains("/bank/login"), "{demands}");
}

#[test]
fn addresses_that_may_be_pods_have_no_side_to_agree() {
    let organization = "mandates: {access: {crossWorkspace: mutual}}";
    let granted = |from: &str, cluster: &str| {
        let cluster = document("policy/clusters.yaml", "Cluster", "prod", cluster);
        let grant = format!("to: api, allow: [{{from: \"{from}\"}}]");
        said(&platform(organization, "", &[cluster, document("policy/bank/pay/access.yaml", "Access", "in", &grant)]))
    };
    let refused = |net: &str| {
        [format!(
            "resolve/consent-missing whoever calls from `{net}`, which may be a pod, has not declared that it uses `/bank/pay:api`"
        )]
    };
    let pods = "podCidrs: [10.1.0.0/16], nodeCidrs: [10.0.16.0/20]";
    assert_eq!(granted("cidr:0.0.0.0/0", ""), refused("0.0.0.0/0"));
    assert_eq!(granted("cidr:0.0.0.0/0", pods), refused("0.0.0.0/0"));
    assert_eq!(granted("cidr:10.1.7.0/24", pods), refused("10.1.7.0/24"));
    assert_eq!(granted("cidr:10.0.16.7/32", pods), refused("10.0.16.7/32"));
    assert_eq!(granted("cidr:192.0.2.0/24", ""), refused("192.0.2.0/24"));
    assert_eq!(granted("cidr:192.0.2.0/24", pods), [""; 0]);
}

#[test]
fn whoever_shows_a_token_has_no_side_to_agree() {
    let organization = "mandates: {access: {crossWorkspace: mutual}}";
    let issuer = "issuers: [{issuer: \"https://login.example\", jwksUri: \"https://login.example/keys\"}]";
    let issuer = document("policy/bank/pay/tokens.yaml", "Authentication", "tokens", issuer);
    let missing =
        ["resolve/consent-missing a caller of no node in particular has not declared that it uses `/bank/pay:api`"];
    for who in ["", "who: anyone, "] {
        let grant = format!("to: api, allow: [{{from: {{{who}jwt: {{issuer: \"https://login.example\"}}}}}}]");
        let grant = document("policy/bank/pay/access.yaml", "Access", "in", &grant);
        assert_eq!(said(&platform(organization, "", &[issuer.clone(), grant])), missing, "{who}");
    }
}

#[test]
fn callers_of_any_trust_domain_leave_the_ones_that_may() {
    let organization = "mandates: {trustDomains: {atMost: [cluster.local]}}";
    let granted = |from: &str, cluster: &str| {
        let cluster = document("policy/clusters.yaml", "Cluster", "prod", cluster);
        let grant = format!("to: api, allow: [{{from: \"{from}\"}}]");
        said(&platform(organization, "", &[cluster, document("policy/bank/pay/access.yaml", "Access", "in", &grant)]))
    };
    let refused = ["resolve/widens-mandate callers of any trust domain are admitted here"];
    let pods = "podCidrs: [10.1.0.0/16]";
    assert_eq!(granted("anyone", pods), refused);
    assert_eq!(granted("cidr:0.0.0.0/0", pods), refused);
    assert_eq!(granted("cidr:192.0.2.0/24", ""), refused);
    assert_eq!(granted("cidr:192.0.2.0/24", pods), [""; 0]);
    assert_eq!(granted("mesh", pods), [""; 0]);
    let floor = "mandates: {access: {atLeast: [{from: anyone}]}}";
    assert_eq!(said(&platform(organization, floor, &[])), refused);
}

#[test]
fn a_floor_and_a_ceiling_on_one_trial_say_that_they_will_contradict() {
    let bank = |mode: &str| {
        format!("mandates: {{access: {{from: {{atMost: [/bank]}}, atLeast: [{{from: /shop/web:front}}]{mode}}}}}")
    };
    let trial = "resolve/dry-run-mandate `/bank#access`, on trial, demands some of this";
    let outcome = platform("", &bank(&format!(", {UNTIL}")), &[]);
    assert!(said(&outcome).contains(&trial.to_owned()), "{}", outcome.said());
    assert!(outcome.said().contains("on trial as well"), "{}", outcome.said());
    assert!(outcome.errors().is_empty(), "{}", outcome.said());
    assert_eq!(platform("", &bank(""), &[]).errors(), ["resolve/contradiction"]);
}

/// Compiles the platform with a zone of `cart` that is bound by a word, and a grant to and from it.
fn bound(word: &str, more: &[String]) -> Outcome {
    let grants = [
        document("policy/zones.yaml", "Zone", "till", &format!("members: [/shop/web:cart], rules: {word}")),
        document("policy/shop/web/access.yaml", "Access", "in", "to: cart, allow: [{from: front, ports: [8080]}]"),
        document(
            "policy/bank/pay/access.yaml",
            "Access",
            "out",
            "to: api, allow: [{from: /shop/web:cart, ports: [8080]}]",
        ),
    ];
    platform("", "", &[&grants, more].concat())
}

#[test]
fn a_ring_fence_refuses_what_leaves_it_and_a_quarantine_suspends_it() {
    let fence = bound("ring-fence", &[]);
    assert_eq!(fence.errors(), ["resolve/widens-mandate", "resolve/widens-mandate"], "{}", fence.said());
    let quarantine = bound("quarantine", &[]);
    let compiled = quarantine.compiled.as_ref().unwrap_or_else(|| panic!("{}", quarantine.said()));
    assert_eq!(quarantine.said().matches("[resolve/suspended-grant]").count(), 2, "{}", quarantine.said());
    // Nothing is allowed any more, neither in nor out, and no connection is let through.
    let written: String = compiled.files.values().cloned().collect();
    assert!(!written.contains("sa/front") && !written.contains("ringfence-allow-api"), "{written}");
    let close = |name: &str| compiled.files.keys().any(|path| path.contains("20-deny") && path.contains(name));
    assert!(
        close("web--authorizationpolicy--ringfence-ceiling-cart")
            && close("pay--authorizationpolicy--ringfence-ceiling"),
        "{:?}",
        compiled.files.keys()
    );
}

#[test]
fn a_word_that_bounds_no_zone_is_an_error() {
    let said = bound("quarantined", &[]).said();
    assert!(said.contains("did you mean `quarantine`?"), "{said}");
    assert_eq!(bound("[ring-fence]", &[]).errors(), ["parse/wrong-type"]);
}
