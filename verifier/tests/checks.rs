//! What checks say of small meshes: manifests above, findings below; and that what is reported as needless is.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

use std::collections::BTreeSet;
use std::fmt::Write as _;

use proptest::prelude::*;
use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::document::{Document, Policy};
use ringfence_compiler::source::{SourceFile, Sources};
use ringfence_compiler::spec::cluster::ClusterSpec;
use ringfence_compiler::spec::reference::NodePath;
use ringfence_compiler::yaml::{self, Profile};
use ringfence_verifier::checks::places::Places;
use ringfence_verifier::checks::{self, idle, needless};
use ringfence_verifier::engine::Enforced;
use ringfence_verifier::engine::envoy::{Reads, chain};
use ringfence_verifier::exact::{Arrivals, Certainty, Space, Verdict};
use ringfence_verifier::fleet::Fleet;
use ringfence_verifier::model::{Model, Objects};
use ringfence_verifier::surroundings::Surroundings;

/// `shop/web` and `shop/db` with a sidecar, `old/cron` without, and the ingress gateway.
const MESH: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
---
apiVersion: v1
kind: Namespace
metadata: {name: old, labels: {team: old}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {template: {metadata: {labels: {app: web}}, spec: {serviceAccountName: web, containers: [{name: a, ports: [{containerPort: 8080}]}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: db, namespace: shop}
spec: {template: {metadata: {labels: {app: db}}, spec: {serviceAccountName: db, containers: [{name: a, env: [{name: USERID_HEADER, value: x-user}], ports: [{containerPort: 8080}]}]}}}
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec: {selector: {app: db}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cron, namespace: old}
spec: {template: {metadata: {labels: {app: cron}}, spec: {serviceAccountName: cron, containers: [{name: a}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: gateway, namespace: istio-system}
spec: {template: {metadata: {labels: {istio: ingressgateway, sidecar.istio.io/inject: 'false'}}, spec: {serviceAccountName: gateway, containers: [{name: a}]}}}
";

/// Everything a test asks of.
struct World(Document<ClusterSpec>, Objects, Surroundings, Sources);

fn world(policies: &str) -> World {
    let (mut sources, mut said) = (Sources::new(), Diagnostics::new());
    let facts = "apiVersion: ringfence/v1alpha1\nkind: Cluster\nmetadata: {name: east}\nspec: {}\n";
    let file = sources.add(SourceFile::new("cluster.yaml", facts.as_bytes().to_vec()));
    let facts = yaml::read(&sources, file, Profile::Policy, &mut said);
    let mut policy = Policy::default();
    policy.add(&NodePath::root(), &facts.first().unwrap().root, &mut said).unwrap();
    let file = sources.add(SourceFile::new("mesh.yaml", format!("{MESH}---\n{policies}").into_bytes()));
    let roots: Vec<_> =
        yaml::read(&sources, file, Profile::Manifest, &mut said).into_iter().map(|document| document.root).collect();
    let surroundings = Surroundings::read(&roots);
    let objects = Objects::read(roots, &mut said);
    let words: Vec<_> = said.sorted(&sources).into_iter().map(|it| it.message().to_owned()).collect();
    assert!(!said.has_errors(), "{policies}\n{words:?}");
    World(policy.clusters.remove(0), objects, surroundings, sources)
}

/// Compares `code: message` of everything that is found, notes on trusted headers aside.
fn check(policies: &str, expected: &[&str]) {
    let World(facts, objects, surroundings, sources) = world(policies);
    let models = [Model::of(&facts, &objects)];
    let mut said = Diagnostics::new();
    checks::check(&models, &surroundings, &mut said);
    let found = said.sorted(&sources).into_iter().map(|it| format!("{}: {}", it.code().id, it.message()));
    let found: Vec<String> = found.filter(|line| !line.contains("-header: ")).collect();
    assert_eq!(found, expected, "{policies}");
}

/// Compares who is said to be able to write the header `x-user` at `db`.
fn check_header(policies: &str, code: &str, expected: &str) {
    let World(facts, objects, surroundings, sources) = world(policies);
    let models = [Model::of(&facts, &objects)];
    let mut said = Diagnostics::new();
    checks::check(&models, &surroundings, &mut said);
    let list = said.sorted(&sources);
    let found = list.iter().find(|it| it.code().id.ends_with("-header")).unwrap();
    assert_eq!((found.code().id, found.labels()[0].text.as_str()), (code, expected), "{policies}");
}

fn authorization(name: &str, rest: &str) -> String {
    format!(
        "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {{name: {name}, namespace: shop}}\nspec: {rest}\n---\n"
    )
}

fn peers(name: &str, namespace: &str, spec: &str) -> String {
    format!(
        "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec: {spec}\n---\n"
    )
}

fn strict() -> String {
    peers("default", "istio-system", "{mtls: {mode: STRICT}}")
}

/// `calm/api` in ambient mode, in a namespace with more labels.
fn calm(labels: &str) -> String {
    format!(
        "apiVersion: v1
kind: Namespace
metadata: {{name: calm, labels: {{istio.io/dataplane-mode: ambient{labels}}}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: api, namespace: calm}}
spec: {{template: {{metadata: {{labels: {{app: api}}}}, spec: {{serviceAccountName: api, containers: [{{name: a, ports: [{{containerPort: 8080}}]}}]}}}}}}
---
apiVersion: v1
kind: Service
metadata: {{name: api, namespace: calm}}
spec: {{selector: {{app: api}}, ports: [{{name: http, port: 80, targetPort: 8080}}]}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{name: gate, namespace: calm}}
spec: {{gatewayClassName: istio-waypoint}}
---
"
    )
}

#[test]
fn what_ztunnel_does_not_see_is_found_where_it_decides() {
    let at = |namespace: &str, spec: &str| {
        authorization("p", spec).replace("namespace: shop", &format!("namespace: {namespace}"))
    };
    let check_at = |namespace: &str, spec: &str, expected: &[&str]| {
        check(&format!("{}{}{}", calm(""), strict(), at(namespace, spec)), expected);
    };
    let get = "to: [{operation: {methods: [GET]}}]";
    let nothing = "mesh/l7-at-ztunnel: rule 1 of AuthorizationPolicy `calm/p` admits nothing at `calm/api`";
    check_at("calm", &format!("{{rules: [{{{get}}}]}}"), &[nothing]);
    check_at("calm", &format!("{{selector: {{matchLabels: {{app: api}}}}, rules: [{{{get}}}]}}"), &[nothing]);
    check_at("calm", "{rules: [{when: [{key: source.serviceAccount, values: [a]}]}]}", &[nothing]);
    // At sidecars it means what it says, and where everything is admitted nothing is missed.
    check_at("shop", &format!("{{rules: [{{{get}}}]}}"), &[]);
    check_at("calm", "{rules: [{to: [{operation: {ports: ['8080']}}]}]}", &[]);
    check_at("calm", &format!("{{rules: [{{{get}}}, {{}}]}}"), &[]);
    let less = "mesh/deny-without-effect: rule 1 of AuthorizationPolicy `calm/p` denies nothing at `calm/api`";
    check_at("calm", &format!("{{action: DENY, rules: [{{{get}}}]}}"), &[less]);
    check_at(
        "calm",
        &format!("{{action: DENY, rules: [{{from: [{{source: {{namespaces: [old]}}}}], {get}}}]}}"),
        &[less],
    );
    check_at("calm", "{action: DENY, rules: [{from: [{source: {notTrustDomains: [a]}}]}]}", &[less]);
    check_at("calm", "{action: DENY, rules: [{from: [{source: {namespaces: [old]}}]}]}", &[]);
    check_at(
        "calm",
        "{action: DENY, rules: [{to: [{operation: {ports: ['8080'], methods: [GET]}}]}]}",
        &["mesh/l7-at-ztunnel: rule 1 of AuthorizationPolicy `calm/p` denies more than it says at `calm/api`"],
    );
    check_at(
        "calm",
        "{action: CUSTOM, provider: {name: a}, rules: [{}]}",
        &["mesh/deny-without-effect: AuthorizationPolicy `calm/p` denies nothing at `calm/api`"],
    );
    // What is written for the whole mesh is enforced in ambient mode, too.
    check_at(
        "istio-system",
        &format!("{{action: DENY, rules: [{{{get}}}]}}"),
        &["mesh/deny-without-effect: rule 1 of AuthorizationPolicy `istio-system/p` denies nothing at `calm/api`"],
    );
}

#[test]
fn a_waypoint_that_callers_get_around_is_found() {
    let bypassed = "mesh/bypassed-waypoint: AuthorizationPolicy `calm/p` holds for nobody who calls the pods of `calm/api` without the waypoint";
    let check_with = |targets: &str, labels: &str, more: &str, expected: &[&str]| {
        let spec = format!("{{targetRefs: [{targets}], rules: [{{to: [{{operation: {{methods: [GET]}}}}]}}]}}");
        let policy = authorization("p", &spec).replace("namespace: shop", "namespace: calm");
        let more = if more.is_empty() {
            String::new()
        } else {
            authorization("only", more).replace("namespace: shop", "namespace: calm")
        };
        check(&format!("{}{}{policy}{more}", calm(labels), strict()), expected);
    };
    let (service, gateway) =
        ("{kind: Service, name: api}", "{kind: Gateway, group: gateway.networking.k8s.io, name: gate}");
    let used = ", istio.io/use-waypoint: gate";
    check_with(service, used, "", &[bypassed]);
    check_with(gateway, used, "", &[bypassed]);
    let only = |account: &str| {
        format!("{{rules: [{{from: [{{source: {{principals: [cluster.local/ns/calm/sa/{account}]}}}}]}}]}}")
    };
    check_with(service, used, &only("gate"), &[]);
    check_with(service, used, &only("api"), &[]);
    check_with(service, used, "{rules: [{from: [{source: {namespaces: [shop]}}]}]}", &[bypassed]);
    let nobody = "mesh/missing-waypoint: nothing enforces AuthorizationPolicy `calm/p`: Service `api` is called through no waypoint";
    check_with(service, ", istio.io/use-waypoint: none", "", &[nobody]);
    check_with(service, "", "", &[nobody]);
    check_with("{kind: Service, name: other}", used, "", &[]);
}

#[test]
fn a_policy_that_selects_the_pods_of_a_waypoint_is_found() {
    let check_with = |spec: &str, expected: &[&str]| {
        let policy = authorization("p", spec).replace("namespace: shop", "namespace: calm");
        check(&format!("{}{}{policy}", calm(""), strict()), expected);
    };
    let selecting = |name: &str| {
        format!(
            "{{selector: {{matchLabels: {{gateway.networking.k8s.io/gateway-name: {name}}}}}, rules: [{{to: [{{operation: {{methods: [GET]}}}}]}}]}}"
        )
    };
    check_with(&selecting("gate"), &["mesh/policy-selects-nobody: AuthorizationPolicy `calm/p` holds at no waypoint"]);
    check_with(
        &selecting("other"),
        &["mesh/policy-selects-nobody: AuthorizationPolicy `calm/p` selects no workload at hand"],
    );
    check_with(
        "{targetRefs: [{kind: Gateway, group: gateway.networking.k8s.io, name: gate}], rules: [{to: [{operation: {methods: [GET]}}]}]}",
        &[],
    );
}

#[test]
fn a_mesh_that_works_has_no_findings() {
    check("", &[]);
    let allow = "{selector: {matchLabels: {app: db}}, rules: [{from: [{source: {principals: [cluster.local/ns/shop/sa/web]}}]}]}";
    check(&authorization("db", allow), &[]);
    check(&(authorization("db", allow) + &authorization("nothing", "{}")), &[]);
    // Requests without the header: right, and deliberate.
    check(&authorization("db", "{rules: [{when: [{key: 'request.headers[x-user]', notValues: ['*']}]}]}"), &[]);
}

#[test]
fn rivals_are_named_where_they_differ() {
    let both = |one: &str, other: &str| peers("a", "shop", one) + &peers("b", "shop", other);
    let (strict, open) = ("{mtls: {mode: STRICT}}", "{mtls: {mode: PERMISSIVE}}");
    check(
        &both(strict, open),
        &["mesh/rival-peer-authentication: PeerAuthentications `a`, `b` contend for namespace `shop`"],
    );
    check(
        &both(strict, strict),
        &["mesh/twin-peer-authentication: PeerAuthentications `a`, `b` say the same for namespace `shop`"],
    );
    // PERMISSIVE is what holds without any.
    let unset = both("{mtls: {mode: UNSET}}", open);
    check(&unset, &["mesh/twin-peer-authentication: PeerAuthentications `a`, `b` say the same for namespace `shop`"]);
    let of_pods = |mode: &str, port: &str| {
        format!(
            "{{selector: {{matchLabels: {{app: db}}}}, mtls: {{mode: {mode}}}, portLevelMtls: {{8080: {{mode: {port}}}}}}}"
        )
    };
    check(
        &both(&of_pods("STRICT", "STRICT"), &of_pods("STRICT", "DISABLE")),
        &["mesh/rival-peer-authentication: PeerAuthentications `a`, `b` contend for the same pods of `shop`"],
    );
    check(&(peers("a", "shop", strict) + &peers("b", "shop", &of_pods("STRICT", "DISABLE"))), &[]);
    // Those of the pods decide, whoever wins above them.
    check(
        &(strict_and_open_above() + &peers("web", "shop", "{mtls: {mode: STRICT}}")),
        &["mesh/rival-peer-authentication: PeerAuthentications `a`, `b` contend for the mesh"],
    );
}

fn strict_and_open_above() -> String {
    peers("a", "istio-system", "{mtls: {mode: STRICT}}") + &peers("b", "istio-system", "{mtls: {mode: DISABLE}}")
}

#[test]
fn a_policy_that_selects_nobody_is_named_where_workloads_are_at_hand() {
    check(
        &authorization("db", "{selector: {matchLabels: {app: bd}}, rules: [{}]}"),
        &["mesh/policy-selects-nobody: AuthorizationPolicy `shop/db` selects no workload at hand"],
    );
    let elsewhere = authorization("db", "{selector: {matchLabels: {app: bd}}, rules: [{}]}").replace("shop", "far");
    check(&elsewhere, &[]);
    check(
        &peers("p", "istio-system", "{selector: {matchLabels: {app: db}}, mtls: {mode: STRICT}}"),
        &["mesh/policy-selects-nobody: PeerAuthentication `istio-system/p` selects no workload"],
    );
    let network = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: fence, namespace: shop}\n";
    check(
        &format!("{network}spec: {{podSelector: {{matchLabels: {{app: bd}}}}}}\n"),
        &["mesh/policy-selects-nobody: NetworkPolicy `shop/fence` selects no workload at hand"],
    );
    check(&format!("{network}spec: {{podSelector: {{}}}}\n"), &[]);
}

#[test]
fn rules_that_decide_nothing_are_named() {
    let covered = "{rules: [{to: [{operation: {methods: [GET]}}]}, {}]}";
    check(
        &authorization("db", covered),
        &["mesh/redundant-rule: rule 1 of AuthorizationPolicy `shop/db` admits nothing that others do not"],
    );
    let deny = authorization("refuse", "{action: DENY, rules: [{to: [{operation: {ports: ['8080']}}]}]}");
    let allow = |rules: &str| authorization("admit", &format!("{{action: ALLOW, rules: [{rules}]}}"));
    check(
        &(deny.clone()
            + &allow("{to: [{operation: {ports: ['8080'], methods: [GET]}}]}, {to: [{operation: {ports: ['9090']}}]}")),
        &["mesh/shadowed-rule: rule 1 of AuthorizationPolicy `shop/admit` admits nothing"],
    );
    check(
        &(deny.clone() + &allow("{to: [{operation: {ports: ['9090']}}]}")),
        &["mesh/redundant-rule: rule 1 of AuthorizationPolicy `shop/refuse` denies what nothing admits"],
    );
    check(&(deny.clone() + &allow("{}")), &[]);
    check(
        &(deny.clone() + &deny.replace("name: refuse,", "name: refuse-too,") + &allow("{}")),
        &["mesh/redundant-rule: rule 1 of AuthorizationPolicy `shop/refuse-too` denies nothing that others do not"],
    );
    // What a provider may refuse is not what is refused.
    let custom = authorization("ask", "{action: CUSTOM, provider: {name: p}, rules: [{}]}");
    check(&(custom + &allow("{}")), &[]);
    // Nobody knows what such an attribute says.
    let unknown = "{when: [{key: 'experimental.envoy.filters.network.x[a]', values: ['1']}]}";
    check(&allow(&format!("{unknown}, {unknown}, {{}}")), &[]);
}

#[test]
fn nothing_is_said_of_policies_that_select_labels_given_at_the_start() {
    let added = "selector: {matchLabels: {service.istio.io/canonical-name: db}}";
    check(&authorization("db", &format!("{{{added}, rules: [{{}}]}}")), &[]);
    check(&peers("db", "shop", &format!("{{{added}, mtls: {{mode: STRICT}}}}")), &[]);
    // What one of them denies, others need not admit.
    let covered = "{selector: {matchLabels: {app: db}}, rules: [{to: [{operation: {methods: [GET]}}]}, {}]}";
    let deny = format!("{{{added}, action: DENY, rules: [{{to: [{{operation: {{ports: ['9']}}}}]}}]}}");
    check(&(authorization("db", covered) + &authorization("refuse", &deny)), &[]);
}

#[test]
fn a_gateway_may_read_requests_at_a_port_called_https() {
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: gateway, namespace: istio-system}\nspec: {selector: {istio: ingressgateway}, ports: [{name: https, port: 8443}]}\n---\n";
    // For bytes, a rule on methods is none, and the second would never decide.
    let rules = "{selector: {matchLabels: {istio: ingressgateway}}, rules: [{to: [{operation: {ports: ['8443'], methods: [GET]}}]}]}";
    check(
        &(service.to_owned() + &authorization("admit", rules).replace("namespace: shop", "namespace: istio-system")),
        &[],
    );
}

#[test]
fn a_rule_that_matters_at_one_workload_is_not_redundant() {
    let all = authorization("all", "{rules: [{to: [{operation: {methods: [GET]}}]}]}");
    let db = authorization("db", "{selector: {matchLabels: {app: db}}, rules: [{}]}");
    check(&(all + &db), &[]);
}

#[test]
fn a_deny_is_evaded_where_nobody_must_say_who_it_is() {
    let deny = authorization("refuse", "{action: DENY, rules: [{from: [{source: {namespaces: [test]}}]}]}");
    let evaded =
        "mesh/evaded-deny: whoever comes without a certificate gets around rule 1 of AuthorizationPolicy `shop/refuse`";
    check(&deny, &[evaded]);
    check(&(strict() + &deny), &[]);
    // Whoever has no identity is denied as well.
    check(&deny.replace("namespaces:", "notNamespaces:"), &[]);
    let named = authorization("admit", "{rules: [{from: [{source: {principals: ['*']}}]}]}");
    check(&(deny + &named), &[]);
    let tokens = "{action: DENY, rules: [{from: [{source: {requestPrincipals: ['https://a/mallory']}}]}]}";
    let issuer = "apiVersion: security.istio.io/v1\nkind: RequestAuthentication\nmetadata: {name: r, namespace: shop}\nspec: {jwtRules: [{issuer: 'https://a'}]}\n---\n";
    check(
        &(strict()
            + issuer
            + &authorization(
                "refuse",
                &format!("{}, selector: {{matchLabels: {{app: db}}}}}}", tokens.strip_suffix('}').unwrap()),
            )),
        &["mesh/evaded-deny: whoever comes without a token gets around rule 1 of AuthorizationPolicy `shop/refuse`"],
    );
}

#[test]
fn an_allow_that_names_nobody_admits_plaintext() {
    let allow =
        authorization("admit", "{rules: [{from: [{source: {notPrincipals: [cluster.local/ns/shop/sa/web]}}]}]}");
    check(
        &allow,
        &["mesh/open-to-plaintext: rule 1 of AuthorizationPolicy `shop/admit` admits callers without a certificate"],
    );
    check(&(strict() + &allow), &[]);
}

#[test]
fn a_policy_about_pods_without_a_proxy_is_not_enforced() {
    let allow = authorization("admit", "{selector: {matchLabels: {app: cron}}, rules: [{}]}").replace("shop", "old");
    check(&allow, &["mesh/unenforced-policy: nothing enforces AuthorizationPolicy `old/admit`"]);
    check(
        &allow.replace("selector: {matchLabels: {app: cron}}, ", ""),
        &["mesh/unenforced-policy: nothing enforces AuthorizationPolicy `old/admit`"],
    );
}

#[test]
fn a_policy_about_a_machine_rests_on_a_proxy_of_which_no_entry_tells() {
    let entry = "
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: frame, namespace: shop}
spec: {address: 10.9.0.4, labels: {app: frame}, serviceAccount: frame, ports: {http: 8080}}
";
    let allow = strict() + &authorization("admit", "{selector: {matchLabels: {app: frame}}, rules: [{}]}");
    let found = ["mesh/unenforced-policy: perhaps nothing enforces AuthorizationPolicy `shop/admit`"];
    check(&(allow.clone() + entry), &found);
    // What registered itself did so by its proxy, and who says it has one is believed.
    for known in ["istio.io/autoRegistrationGroup: frames", "ringfence/proxy: 'true'"] {
        check(
            &(allow.clone() + &entry.replace("{name: frame,", &format!("{{annotations: {{{known}}}, name: frame,"))),
            &[],
        );
    }
    let group = entry.replace("WorkloadEntry", "WorkloadGroup");
    let group = group.replace(
        "spec: {address: 10.9.0.4, labels: {app: frame}, serviceAccount: frame, ports: {http: 8080}}",
        "spec: {metadata: {labels: {app: frame}}, template: {serviceAccount: frame}}",
    );
    check(&(allow + &group), &[]);
}

#[test]
fn whoever_writes_a_header_that_is_believed_is_named() {
    let from = |who: &str| strict() + &authorization("db", &format!("{{rules: [{{from: [{{source: {{{who}}}}}]}}]}}"));
    check_header(
        &from("principals: [cluster.local/ns/istio-system/sa/gateway]"),
        "mesh/trusted-header",
        "only gateways reach it with a value of their own",
    );
    check_header(
        &from("namespaces: [shop, istio-system]"),
        "mesh/forgeable-header",
        "reached with a value of their own by `shop/web`",
    );
    // Nothing is known of who gets through a proxy that is not modelled.
    let added = "{selector: {matchLabels: {service.istio.io/canonical-name: db}}, rules: [{}]}";
    check_header(
        &(strict() + &authorization("db", added)),
        "mesh/trusted-header",
        "whether others than gateways reach it is not known",
    );
    check_header("", "mesh/forgeable-header", "reached with a value of their own by `outside`, `old/cron`, `shop/web`");
    let without = "{rules: [{when: [{key: 'request.headers[x-user]', notValues: ['*']}]}]}";
    check_header(
        &(strict() + &authorization("db", without)),
        "mesh/trusted-header",
        "only gateways reach it with a value of their own",
    );
}

#[test]
fn what_changes_proxies_is_named() {
    check(
        "apiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter\nmetadata: {name: f, namespace: shop}\nspec: {}\n",
        &["mesh/not-modelled: EnvoyFilter `shop/f` may change the proxies of `shop`"],
    );
}

#[test]
fn a_policy_without_a_namespace_is_named_where_default_is_empty() {
    let allow =
        authorization("db", "{selector: {matchLabels: {app: db}}, rules: [{}]}").replace(", namespace: shop", "");
    check(&allow, &["mesh/no-namespace: AuthorizationPolicy `db` names no namespace"]);
    // Where workloads are in `default` as well, something else gives them their namespace.
    let web =
        "apiVersion: v1\nkind: Pod\nmetadata: {name: web, labels: {app: db}}\nspec: {containers: [{name: a}]}\n---\n";
    check(&(web.to_owned() + &allow), &[]);
}

#[test]
fn namespaces_and_pods_are_told_apart_where_one_peer_was_meant() {
    let network = |rules: &str| {
        format!(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: fence, namespace: shop}}\nspec: {{podSelector: {{}}, policyTypes: [Ingress, Egress], {rules}}}\n"
        )
    };
    let edge = "namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: edge}}";
    let proxy = "podSelector: {matchLabels: {app: proxy}}";
    let found = "mesh/peers-apart: NetworkPolicy `shop/fence` lets all pods of namespace edge pass: each item of";
    check(
        &network(&format!("ingress: [{{from: [{{{edge}}}, {{{proxy}}}]}}]")),
        &[&format!("{found} `from` is enough by itself")],
    );
    check(
        &network(&format!("egress: [{{to: [{{{proxy}}}, {{{edge}}}]}}]")),
        &[&format!("{found} `to` is enough by itself")],
    );
    check(&network(&format!("ingress: [{{from: [{{{edge}, {proxy}}}]}}]")), &[]);
    // Whoever names pods that are there means them.
    check(&network(&format!("ingress: [{{from: [{{{edge}}}, {{{}}}]}}]", proxy.replace("proxy", "web"))), &[]);
    check(&network(&format!("ingress: [{{from: [{{{edge}}}]}}, {{from: [{{{proxy}}}]}}]")), &[]);
    check(
        &network(&format!("ingress: [{{from: [{{{edge}}}, {{{proxy}}}]}}]"))
            .replace("namespace: shop", "namespace: far"),
        &[],
    );
}

/// Rules that cover, meet and miss each other.
const RULES: [&str; 10] = [
    "{}",
    "{to: [{operation: {methods: [GET]}}]}",
    "{to: [{operation: {methods: [GET, POST], ports: ['8080']}}]}",
    "{to: [{operation: {ports: ['8080']}}, {operation: {paths: [/a*]}}]}",
    "{from: [{source: {namespaces: [shop]}}]}",
    "{from: [{source: {principals: [cluster.local/ns/shop/sa/web]}}], to: [{operation: {methods: [GET]}}]}",
    "{from: [{source: {notNamespaces: [shop]}}]}",
    "{from: [{source: {notNamespaces: [shop]}}], to: [{operation: {notMethods: [GET]}}]}",
    "{when: [{key: 'request.headers[x-user]', values: [root]}]}",
    "{when: [{key: 'experimental.envoy.filters.network.x[a]', values: ['1']}]}",
];

#[derive(Debug, Clone)]
struct Written {
    of_root: bool,
    selector: Option<&'static str>,
    action: &'static str,
    rules: Vec<usize>,
}

fn written() -> impl Strategy<Value = Vec<Written>> {
    let action = prop_oneof![4 => Just("ALLOW"), 3 => Just("DENY"), 1 => Just("CUSTOM")];
    let selector = prop_oneof![Just(None), Just(Some("db")), Just(Some("web"))];
    let one = (any::<bool>(), selector, action, prop::collection::vec(0..RULES.len(), 0..3));
    let one = one.prop_map(|(of_root, selector, action, rules)| Written { of_root, selector, action, rules });
    prop::collection::vec(one, 1..5)
}

/// Writes policies, without some of their rules and without some of them.
fn text(policies: &[Written], keep_rule: impl Fn(usize, usize) -> bool, keep: impl Fn(usize) -> bool) -> String {
    let mut text = String::new();
    for (at, policy) in policies.iter().enumerate().filter(|(at, _)| keep(*at)) {
        let namespace = if policy.of_root { "istio-system" } else { "shop" };
        let selector =
            policy.selector.map_or(String::new(), |app| format!("selector: {{matchLabels: {{app: {app}}}}}, "));
        let provider = if policy.action == "CUSTOM" { "provider: {name: p}, " } else { "" };
        let kept = policy.rules.iter().enumerate().filter(|(rule, _)| keep_rule(at, *rule));
        // Providers are asked by what is known before a peer is.
        let rules = kept.map(|(_, rule)| RULES[*rule]).filter(|rule| provider.is_empty() || !rule.contains("from"));
        let rules: Vec<&str> = rules.collect();
        if policy.action != "ALLOW" && rules.is_empty() {
            // Istio refuses it, and it decides nothing.
            continue;
        }
        let _ = write!(
            text,
            "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {{name: p{at}, namespace: {namespace}}}\nspec: {{{selector}{provider}action: {}, rules: [{}]}}\n---\n",
            policy.action,
            rules.join(", ")
        );
    }
    text
}

/// Compares what is admitted at every workload with a proxy, and who reaches whom.
fn assert_same(before: &World, after: &World) {
    let models = [[Model::of(&before.0, &before.1)], [Model::of(&after.0, &after.1)]];
    for (workload, port, reads) in models[0][0].workloads().flat_map(|workload| {
        [8080, 9090].into_iter().flat_map(move |port| [Reads::Http, Reads::Bytes].map(|reads| (workload, port, reads)))
    }) {
        let chains = [0, 1].map(|side: usize| {
            let model = &models[side][0];
            chain(
                &model.policies().authorizing(&workload.namespace, &workload.labels, "istio-system"),
                reads,
                model.mesh(),
            )
        });
        if models[0][0].plane(workload).is_none() {
            continue;
        }
        let arrivals = Arrivals { http: reads == Reads::Http, ..Arrivals::anything(port) };
        let tests = chains.iter().flat_map(|chain| chain.rules().flat_map(Enforced::tests));
        let space = Space::of(arrivals.clone(), tests, &[]);
        let [one, other] = [0, 1].map(|side: usize| Verdict::of(&space, &arrivals, &chains[side]));
        for certainty in [Certainty::Surely, Certainty::Perhaps] {
            for (left, right) in [(&one, &other), (&other, &one)] {
                assert_eq!(left.beyond(right, certainty, certainty), None, "{} {port} {reads:?}", workload.name);
            }
        }
    }
    let [one, other] = models.each_ref().map(|models| Fleet::of(models));
    assert_eq!(one.destinations().len(), other.destinations().len());
    for (left, right) in one.destinations().iter().zip(&other.destinations()) {
        assert_eq!(one.reaching(left), other.reaching(right), "{}", left.workload.name);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn without_what_is_reported_the_same_is_admitted(policies in written()) {
        let before = world(&text(&policies, |_, _| true, |_| true));
        let model = Model::of(&before.0, &before.1);
        let places = Places::of(&model);
        let idle = idle(&places).idle;
        let gone: BTreeSet<(String, usize)> =
            idle.iter().map(|idle| (idle.what.name.to_owned(), idle.what.rule)).collect();
        let whole: BTreeSet<String> =
            needless(&places, &model.policies().authorization, &idle).into_iter().map(|(_, name)| name.to_owned()).collect();
        let keep_rule = |at: usize, rule: usize| !gone.contains(&(format!("p{at}"), rule));
        assert_same(&before, &world(&text(&policies, keep_rule, |_| true)));
        assert_same(&before, &world(&text(&policies, keep_rule, |at| !whole.contains(&format!("p{at}")))));
    }
}
