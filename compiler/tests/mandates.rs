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
