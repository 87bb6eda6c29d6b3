//! Objects that the cluster would not have as they are written: refused ones, and those with fields that nobody knows.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods, reason = "a test")]

use std::collections::BTreeMap;
use std::path::Path;

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::source::{SourceFile, Sources};
use ringfence_compiler::yaml::{self, Node, Profile};
use ringfence_verifier::policies::Policies;

/// Reads objects; returns what was read and everything that was said.
fn read(text: &str) -> (Policies, Vec<String>) {
    let (mut sources, mut said, mut policies) = (Sources::new(), Diagnostics::new(), Policies::default());
    let file = sources.add(SourceFile::new("objects.yaml", text.as_bytes().to_vec()));
    for document in yaml::read(&sources, file, Profile::Manifest, &mut said) {
        policies.add(&document.root, &mut said);
    }
    let line = |found: &ringfence_compiler::diagnostics::Diagnostic| {
        let place = found.span().map_or("", |span| sources.text(span));
        format!("{place}: {} ({})", found.message(), found.help_text().unwrap_or_default())
    };
    let said = said.sorted(&sources).into_iter().map(line).collect();
    (policies.sorted(), said)
}

/// The API server and Istio are asked about the same objects (`tests/oracle/refusals.sh`).
#[test]
fn every_object_is_refused_or_taken_as_its_name_says() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/admission/objects.yaml");
    let text = std::fs::read(file).unwrap();
    let (mut sources, mut said) = (Sources::new(), Diagnostics::new());
    let file = sources.add(SourceFile::new("objects.yaml", text));
    let mut wrong = BTreeMap::new();
    let documents = yaml::read(&sources, file, Profile::Manifest, &mut said);
    assert!(documents.len() > 150, "{:?}", said.sorted(&sources));
    for document in documents {
        let (mut policies, mut said) = (Policies::default(), Diagnostics::new());
        policies.add(&document.root, &mut said);
        let name = document.root.get("metadata").and_then(|it| it.get("name")?.as_str()).unwrap();
        let Policies { authorization, peers, tokens, network, tiers, .. } = &policies;
        let taken = authorization.len() + peers.len() + tokens.len() + network.len() + tiers.len();
        let is_refused = name.to_lowercase().starts_with("refused");
        if is_refused != said.has_errors() || usize::from(!is_refused) != taken {
            let said: Vec<_> = said.sorted(&sources).into_iter().map(|found| found.message().to_owned()).collect();
            let spec = document.root.get("spec").map(Node::to_json);
            wrong.insert(name.to_owned(), (spec, said));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Compares what is said of an object's fields, each with the key that it is about.
fn check(kind: &str, metadata: &str, spec: &str, expected: &[&str]) {
    let group = if kind == "NetworkPolicy" { "networking.k8s.io/v1" } else { "security.istio.io/v1" };
    let group = if kind.starts_with("Cluster") { "policy.networking.k8s.io/v1alpha2" } else { group };
    let text = format!("apiVersion: {group}\nkind: {kind}\nmetadata: {metadata}\n{spec}\n");
    assert_eq!(read(&text).1, expected, "{text}");
}

#[test]
fn a_field_that_a_kind_does_not_have_is_named() {
    let named = "{name: a, namespace: b}";
    let slip = |written: &str, kind: &str, place: &str, help: &str| {
        format!("{written}: {kind} has no field `{written}` in {place} ({help})")
    };
    let authorization = |spec: &str, expected: &str| check("AuthorizationPolicy", named, spec, &[expected]);
    let of = |written: &str, place: &str, help: &str| slip(written, "AuthorizationPolicy", place, help);
    authorization("spec: {rules: [{form: []}]}", &of("form", "`rules`", "did you mean `from`?"));
    authorization("spec: {rule: []}", &of("rule", "`spec`", "did you mean `rules`?"));
    authorization("sepc: {}", &of("sepc", "the object", "did you mean `spec`?"));
    authorization(
        "spec: {rules: [{from: [{source: {namespace: [a], principals: [b]}}]}]}",
        &of("namespace", "`source`", "did you mean `namespaces`?"),
    );
    authorization(
        "spec: {selector: {app: x}}",
        &of("app", "`selector`", "labels stand below `matchLabels`: `matchLabels: {app: …}`"),
    );
    authorization(
        "spec: {selector: {matchExpressions: []}}",
        &of("matchExpressions", "`selector`", "selectors of Istio have `matchLabels` only"),
    );
    authorization(
        "spec: {selector: {matchlabels: {app: x}}}",
        &of("matchlabels", "`selector`", "did you mean `matchLabels`?"),
    );
    check(
        "AuthorizationPolicy",
        "{name: a, nmaespace: b}",
        "spec: {}",
        &[&of("nmaespace", "`metadata`", "did you mean `namespace`?")],
    );
    check(
        "PeerAuthentication",
        named,
        "spec: {selector: {matchLabels: {any: thing}}, portLevelMtls: {80: {modes: STRICT}}}",
        &[&slip("modes", "PeerAuthentication", "`80`", "did you mean `mode`?")],
    );
    let network = |spec: &str, written: &str, place: &str, help: &str| {
        check("NetworkPolicy", named, spec, &[&slip(written, "NetworkPolicy", place, help)]);
    };
    network("spec: {podSelector: {}, ingress: [{form: []}]}", "form", "`ingress`", "did you mean `from`?");
    network(
        "spec: {podSelector: {app: x}}",
        "app",
        "a selector",
        "labels stand below `matchLabels`: `matchLabels: {app: …}`",
    );
    network(
        "spec: {podSelector: {}, egress: [{to: [{podSelector: {matchExpressions: [{key: a, operator: Exists, value: b}]}}]}]}",
        "value",
        "`matchExpressions`",
        "did you mean `values`?",
    );
    // A word of a version that comes later is no slip.
    let tier = "spec: {tier: Admin, priority: 1, subject: {namespaces: {}}, ingress: [{action: Deny, from: [{namespaces: {}}], inverse: true}]}";
    check("ClusterNetworkPolicy", "{name: a}", tier, &[]);
}

/// What a cluster has of such an object is refused where that is sure, and left open where it is not.
#[test]
fn a_tier_written_as_another_version_has_it_decides_nothing_for_sure() {
    let check = |version: &str, kind: &str, name: &str, rest: &str, expected: Option<bool>| {
        let text = format!(
            "apiVersion: policy.networking.k8s.io/{version}\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {{{rest}}}\n"
        );
        let (policies, said) = read(&text);
        assert_eq!(policies.tiers.first().map(|policy| policy.doubtful), expected, "{text}{said:?}");
    };
    let rule = |subject: &str, rule: &str| {
        let from = "from: [{namespaces: {}}]";
        format!("tier: Admin, priority: 1, subject: {{{subject}}}, ingress: [{{{from}, {rule}}}]")
    };
    let all = "namespaces: {}";
    let new = |more: &str, expected| check("v1alpha2", "ClusterNetworkPolicy", "a", &rule(all, more), expected);
    let old = |more: &str, expected| check("v1alpha1", "AdminNetworkPolicy", "a", &rule(all, more), expected);
    new("action: Deny", Some(false));
    new("action: Deny, protocols: [{tcp: {}}, {udp: {}}]", Some(false));
    new("action: Deny, protocols: [{tcp: {}, udp: {}}]", Some(true));
    new("action: Deny, protocols: []", Some(true));
    new("action: Accept, ports: [{portNumber: {protocol: TCP, port: 80}}]", Some(true));
    new("action: Allow", Some(true));
    old("action: Allow, ports: [{portNumber: {protocol: TCP, port: 80}}]", Some(false));
    old("action: Allow, protocols: [{tcp: {destinationPort: {number: 80}}}]", Some(true));
    old("action: Accept", Some(true));
    let deny = "action: Deny";
    check("v1alpha1", "ClusterNetworkPolicy", "a", &rule(all, deny), Some(true));
    check("v1alpha2", "AdminNetworkPolicy", "a", &rule(all, deny), Some(true));
    check("v1alpha1", "BaselineAdminNetworkPolicy", "default", &rule(all, deny), Some(false));
    check("v1alpha1", "BaselineAdminNetworkPolicy", "other", &rule(all, deny), None);
    let both = "namespaces: {}, pods: {namespaceSelector: {}, podSelector: {}}";
    check("v1alpha2", "ClusterNetworkPolicy", "a", &rule(both, deny), None);
}

#[test]
fn what_an_object_with_an_unknown_field_is_about_depends() {
    let mesh = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {istio-injection: enabled}}\n---\n\
        apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: a, namespace: shop}\n\
        spec: {action: DENY, rules: [{form: [{source: {namespaces: [old]}}]}]}\n---\n\
        apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: b, namespace: shop}\n\
        spec: {podSelector: {}, ingress: [{form: []}]}\n";
    let (policies, said) = read(mesh);
    assert_eq!(said.len(), 2);
    let labels = std::iter::once(("app".to_owned(), "db".to_owned())).collect();
    assert_eq!(
        policies.unsure("shop", &labels, "istio-system"),
        Some("a policy with a field that its kind does not have")
    );
    assert_eq!(policies.unsure("old", &labels, "istio-system"), None);
    assert!(policies.network.iter().all(|policy| policy.doubtful));
}

/// Nobody here knows what a word of a later version means, and no slip is named.
#[test]
fn a_tier_of_a_later_version_may_mean_something_else() {
    let check = |version: &str, more: &str, expected: bool| {
        let text = format!(
            "apiVersion: policy.networking.k8s.io/{version}\nkind: ClusterNetworkPolicy\nmetadata: {{name: a}}\n\
             spec: {{tier: Admin, priority: 1, subject: {{namespaces: {{}}}}, ingress: [{{action: Deny, from: [{{namespaces: {{}}}}]{more}}}]}}\n"
        );
        let (policies, said) = read(&text);
        assert_eq!(said, Vec::<String>::new(), "{text}");
        assert_eq!(policies.tiers.iter().map(|policy| policy.doubtful).collect::<Vec<_>>(), [expected], "{text}");
    };
    check("v1alpha2", "", false);
    check("v1alpha1", "", true);
    check("v1alpha2", ", inverse: true", true);
    check("v1beta1", "", true);
    check("v1", "", true);
}

#[test]
fn a_slip_in_a_sidecar_is_named_and_leaves_open_how_it_takes_what_arrives() {
    let check = |spec: &str, expected: &[&str]| {
        let text = format!(
            "apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {{name: a, namespace: b}}\nspec: {spec}\n"
        );
        let (policies, said) = read(&text);
        assert_eq!(said, expected, "{text}");
        let doubtful: Vec<bool> = policies.sidecars.iter().map(|sidecar| sidecar.doubtful).collect();
        assert_eq!(doubtful, [!expected.is_empty()], "{text}");
    };
    check(
        "{workloadSelector: {labels: {a: b}}, ingress: [{port: {number: 80, protocol: HTTP, name: a}, defaultEndpoint: '127.0.0.1:80'}]}",
        &[],
    );
    check(
        "{egress: [{hosts: ['./*']}], outboundTrafficPolicy: {mode: REGISTRY_ONLY}, inboundConnectionPool: {tcp: {}}}",
        &[],
    );
    check("{ingres: []}", &["ingres: Sidecar has no field `ingres` in `spec` (did you mean `ingress`?)"]);
    check(
        "{ingress: [{port: {number: 80, protcol: TCP}}]}",
        &["protcol: Sidecar has no field `protcol` in `port` (did you mean `protocol`?)"],
    );
    check(
        "{workloadSelector: {label: {a: b}}}",
        &["label: Sidecar has no field `label` in `workloadSelector` (did you mean `labels`?)"],
    );
}
