//! Small worlds nobody thought of: workloads that are always there, and any policies about them.

use std::fmt::Write as _;

use proptest::prelude::*;
use proptest::sample::select;

/// The names of everything: few, so that policies are about what there is.
const NAMESPACES: [&str; 4] = ["shop", "pay", "mesh", "istio-system"];
const APPS: [&str; 3] = ["web", "db", "job"];

/// Three namespaces with three workloads each, one of them ambient. One has no proxy, one the network of its node, one a port
/// nobody reads as HTTP, one a name for the port of tunnels, and each calls its ports otherwise.
pub fn workloads() -> String {
    let mut text = String::new();
    for namespace in ["shop", "pay", "mesh"] {
        let plane = if namespace == "mesh" { "istio.io/dataplane-mode: ambient" } else { "istio-injection: enabled" };
        let _ = write!(
            text,
            "apiVersion: v1\nkind: Namespace\nmetadata: {{name: {namespace}, labels: {{team: {namespace}, {plane}}}}}\n---\n"
        );
        for app in APPS {
            let pod = match (namespace, app) {
                ("shop", "job") => "annotations: {sidecar.istio.io/inject: 'false'}, ",
                _ => "",
            };
            let host = if (namespace, app) == ("pay", "job") { "hostNetwork: true, " } else { "" };
            let ports = match (namespace, app) {
                ("pay", "db") => "{containerPort: 8080}, {containerPort: 9000, name: api}",
                ("mesh", "db") => "{containerPort: 8080, name: api}, {containerPort: 15008, name: tunnel}",
                ("mesh", "job") => "{containerPort: 8080, name: api}, {containerPort: 15008}",
                _ => "{containerPort: 8080, name: api}, {containerPort: 9000}",
            };
            let _ = write!(
                text,
                "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {app}, namespace: {namespace}}}\nspec: {{template: {{metadata: {{{pod}labels: {{app: {app}}}}}, spec: {{{host}serviceAccountName: {app}, containers: [{{name: a, ports: [{ports}]}}]}}}}}}\n---\n"
            );
        }
        let _ = write!(
            text,
            "apiVersion: v1\nkind: Service\nmetadata: {{name: web, namespace: {namespace}}}\nspec: {{selector: {{app: web}}, ports: [{{name: http, port: 80, targetPort: 8080}}, {{name: tcp, port: 9000}}]}}\n---\n"
        );
    }
    text
}

fn one_of(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    select(words).prop_map(str::to_owned)
}

fn namespace() -> impl Strategy<Value = String> {
    select(&NAMESPACES[..]).prop_map(str::to_owned)
}

fn selector() -> impl Strategy<Value = String> {
    one_of(&["", "selector: {matchLabels: {app: web}}, ", "selector: {matchLabels: {app: db}}, "])
}

fn source() -> impl Strategy<Value = String> {
    one_of(&[
        "principals: [cluster.local/ns/shop/sa/web]",
        "principals: ['*/sa/db']",
        "principals: ['*']",
        "principals: ['old.example/ns/pay/*']",
        "notPrincipals: [cluster.local/ns/pay/sa/web]",
        "namespaces: [shop]",
        "namespaces: ['p*']",
        "notNamespaces: [shop]",
        "serviceAccounts: [web, pay/db]",
        "ipBlocks: [10.1.0.0/16]",
        "notIpBlocks: [0.0.0.0/0]",
        "requestPrincipals: ['*']",
        "notRequestPrincipals: ['*']",
        "principals: [cluster.local/ns/shop/sa/web], requestPrincipals: ['https://i/*']",
    ])
}

fn operation() -> impl Strategy<Value = String> {
    one_of(&[
        "ports: ['8080']",
        "notPorts: ['8080']",
        "methods: [GET]",
        "paths: ['/a/*']",
        "notPaths: ['/*']",
        "paths: ['/a/*'], ports: ['9000']",
        "hosts: [web]",
    ])
}

fn condition() -> impl Strategy<Value = String> {
    one_of(&[
        "{key: source.namespace, values: [pay]}",
        "{key: 'request.headers[x]', values: [a]}",
        "{key: connection.sni, values: ['a*']}",
        "{key: experimental.envoy.filters.a.b, values: [x]}",
        "{key: source.principal, notValues: ['*/sa/job']}",
    ])
}

fn rule() -> impl Strategy<Value = String> {
    let list = |one: BoxedStrategy<String>| prop::collection::vec(one, 0..3);
    (list(source().boxed()), list(operation().boxed()), prop::collection::vec(condition(), 0..2)).prop_map(
        |(sources, operations, conditions)| {
            let mut parts = Vec::new();
            let wrapped = |name: &str, one: &str, items: &[String]| {
                let items: Vec<String> = items.iter().map(|item| format!("{{{one}: {{{item}}}}}")).collect();
                format!("{name}: [{}]", items.join(", "))
            };
            if !sources.is_empty() {
                parts.push(wrapped("from", "source", &sources));
            }
            if !operations.is_empty() {
                parts.push(wrapped("to", "operation", &operations));
            }
            if !conditions.is_empty() {
                parts.push(format!("when: [{}]", conditions.join(", ")));
            }
            format!("{{{}}}", parts.join(", "))
        },
    )
}

/// Any object that decides.
fn policy() -> impl Strategy<Value = String> {
    let authorization = (
        namespace(),
        selector(),
        one_of(&["ALLOW", "ALLOW", "DENY", "AUDIT", "CUSTOM, provider: {name: p}"]),
        prop::collection::vec(rule(), 0..3),
    );
    let authorization = authorization.prop_map(|(namespace, selector, action, rules)| {
        format!("apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {{name: NAME, namespace: {namespace}}}\nspec: {{{selector}action: {action}, rules: [{}]}}\n", rules.join(", "))
    });
    let mode = || one_of(&["STRICT", "PERMISSIVE", "DISABLE"]);
    let peers = (namespace(), mode(), mode(), any::<bool>()).prop_map(|(namespace, mode, port, of_app)| {
        let rest = if of_app { format!("selector: {{matchLabels: {{app: web}}}}, portLevelMtls: {{8080: {{mode: {port}}}}}, ") } else { String::new() };
        format!("apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {{name: NAME, namespace: {namespace}}}\nspec: {{{rest}mtls: {{mode: {mode}}}}}\n")
    });
    let tokens = (namespace(), selector()).prop_map(|(namespace, selector)| {
        format!("apiVersion: security.istio.io/v1\nkind: RequestAuthentication\nmetadata: {{name: NAME, namespace: {namespace}}}\nspec: {{{selector}jwtRules: [{{issuer: 'https://i', jwksUri: 'https://i/keys'}}]}}\n")
    });
    let peer = one_of(&[
        "{podSelector: {}}",
        "{podSelector: {matchLabels: {app: web}}}",
        "{namespaceSelector: {matchLabels: {team: pay}}}",
        "{namespaceSelector: {}, podSelector: {matchLabels: {app: job}}}",
        "{ipBlock: {cidr: 10.1.0.0/16}}",
        "{ipBlock: {cidr: 0.0.0.0/0}}",
        "{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}",
        "{ipBlock: {cidr: 192.0.2.0/24, except: [192.0.2.128/25]}}",
    ]);
    let ports = one_of(&[
        "",
        "ports: [{port: 8080}], ",
        "ports: [{port: api}], ",
        "ports: [{port: tunnel}], ",
        "ports: [{port: 7000}], ",
        "ports: [{port: 8000, endPort: 9000}], ",
        "ports: [{port: 9000, protocol: UDP}], ",
    ]);
    let network = (
        namespace(),
        one_of(&["{}", "{matchLabels: {app: db}}"]),
        ports,
        prop::collection::vec(peer, 0..3),
        any::<bool>(),
    );
    let network = network.prop_map(|(namespace, pods, ports, peers, out)| {
        let (types, list, end) = if out { ("Egress", "egress", "to") } else { ("Ingress", "ingress", "from") };
        let peers = if peers.is_empty() { String::new() } else { format!("{end}: [{}]", peers.join(", ")) };
        format!("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: NAME, namespace: {namespace}}}\nspec: {{podSelector: {pods}, policyTypes: [{types}], {list}: [{{{ports}{peers}}}]}}\n")
    });
    let tier = (
        one_of(&["tier: Admin, priority: 1", "tier: Admin, priority: 2", "tier: Baseline, priority: 1"]),
        one_of(&["namespaces: {}", "namespaces: {matchLabels: {team: pay}}"]),
        one_of(&["Accept", "Deny", "Pass"]),
        one_of(&[
            "namespaces: {matchLabels: {team: shop}}",
            "networks: [10.1.0.0/16]",
            "nodes: {}",
            "pods: {podSelector: {matchLabels: {app: web}}}",
        ]),
        any::<bool>(),
    );
    let tier = tier.prop_map(|(tier, subject, action, peer, out)| {
        let (list, end) = if out { ("egress", "to") } else { ("ingress", "from") };
        // What arrives is told apart by pods alone.
        let peer = if !out && peer == "nodes: {}" { "namespaces: {}".to_owned() } else { peer.to_string() };
        format!("apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: {{name: NAME}}\nspec: {{{tier}, subject: {{{subject}}}, {list}: [{{action: {action}, {end}: [{{{peer}}}]}}]}}\n")
    });
    prop_oneof![4 => authorization, 1 => peers, 1 => tokens, 2 => network, 2 => tier]
}

pub fn policies() -> impl Strategy<Value = String> {
    prop::collection::vec(policy(), 0..6).prop_map(|policies| {
        let named = policies.iter().enumerate().map(|(at, text)| text.replace("NAME", &format!("p{at}")));
        named.collect::<Vec<_>>().join("---\n")
    })
}
