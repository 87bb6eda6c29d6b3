//! Where no proxy enforces: ports that annotations take from it, and workloads of other planes than their namespace.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers of a test fail like the test"
)]

mod support;

use support::{Outcome, files, run};

/// Compiles two workloads, `cart` with an annotation and `web`, and documents of the workspace.
fn outcome(annotation: &str, documents: &[(&str, &str)]) -> Outcome {
    changed(&[("annotations: {}", &format!("annotations: {{{annotation}}}"))], documents)
}

/// Compiles the same with some texts replaced.
fn changed(replacements: &[(&str, &str)], documents: &[(&str, &str)]) -> Outcome {
    let mut text = "\
=== ringfence.yaml
apiVersion: ringfence/v1alpha1
kind: Project
metadata: {name: shop}
spec: {}
=== policy/organization.yaml
apiVersion: ringfence/v1alpha1
kind: Organization
metadata: {name: acme}
spec: {}
=== policy/clusters.yaml
apiVersion: ringfence/v1alpha1
kind: Cluster
metadata: {name: prod}
spec: {}
=== policy/shop/web/workspace.yaml
apiVersion: ringfence/v1alpha1
kind: Workspace
metadata: {name: web}
spec: {namespaces: prod/web}
=== inventory/prod/web.yaml
apiVersion: v1
kind: Namespace
metadata: {name: web, labels: {istio-injection: enabled}}
---
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: web}
spec:
  selector: {app: cart}
  ports: [{name: http, port: 80, targetPort: 8080}, {name: http-metrics, port: 9090, targetPort: 9090}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart, namespace: web}
spec:
  template:
    metadata: {labels: {app: cart}, annotations: {}}
    spec:
      serviceAccountName: cart
      containers: [{name: main, ports: [{containerPort: 8080}, {containerPort: 9090}]}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: web}
spec:
  template:
    metadata: {labels: {app: web}}
    spec: {serviceAccountName: web, containers: [{name: main}]}
"
    .to_owned();
    let tenant = documents.iter().find(|(kind, _)| *kind == "Tenant").map_or("{}", |(_, spec)| *spec);
    text += &format!(
        "=== policy/shop/tenant.yaml\napiVersion: ringfence/v1alpha1\nkind: Tenant\nmetadata: {{name: shop}}\nspec: {tenant}\n"
    );
    for (at, (kind, spec)) in documents.iter().filter(|(kind, _)| *kind != "Tenant").enumerate() {
        text += &format!(
            "=== policy/shop/web/{at}.yaml\napiVersion: ringfence/v1alpha1\nkind: {kind}\nmetadata: {{name: it-{at}}}\nspec: {spec}\n"
        );
    }
    for (from, to) in replacements {
        assert!(text.contains(from), "nothing to replace: {from}");
        text = text.replacen(from, to, 1);
    }
    run(&files(&text), "2026-11-22")
}

const EXCLUDED: &str = "traffic.sidecar.istio.io/excludeInboundPorts: \"9090\"";

/// Checks what is said about statements at a workload one of whose ports is past the proxy.
fn check(annotation: &str, documents: &[(&str, &str)], expected: &str) {
    assert_eq!(said(&outcome(annotation, documents)), expected, "{annotation} {documents:?}");
}

/// Lists what was said without its places, sorted.
fn said(outcome: &Outcome) -> String {
    let said = outcome.said();
    let mut lines: Vec<&str> = said.lines().filter(|line| !line.starts_with(' ')).collect();
    lines.sort_unstable();
    lines.join("\n")
}

const WARNING: &str = "warning[lowering/not-in-mesh] `web/cart` takes port 9090 from its proxy";

#[test]
fn connections_past_the_proxy_are_kept_by_network_policy() {
    for grant in ["{from: web}", "{from: web, ports: [9090]}", "{from: web, ports: [8080], methods: [GET]}"] {
        let documents = [("Access", &*format!("{{to: cart, allow: [{grant}]}}"))];
        check(EXCLUDED, &documents, WARNING);
    }
    check(
        "traffic.sidecar.istio.io/excludeInboundPorts: \"15020,15090\"",
        &[("Access", "{to: cart, allow: [{from: web, methods: [GET]}]}")],
        "",
    );
}

#[test]
fn what_a_proxy_serves_itself_is_kept_by_network_policy_alone() {
    let said = |allow: &str, deny: &str| {
        said(&outcome("", &[("Access", &format!("{{to: cart, allow: [{allow}], deny: [{deny}]}}"))]))
    };
    let refused = |what: &str| {
        format!(
            "error[lowering/unenforceable] {what} of `cart` cannot be enforced: its proxy serves the port itself, and asks no policy there"
        )
    };
    assert_eq!(said("{from: web, ports: [15020]}", ""), "");
    assert_eq!(said("{from: web, ports: [8080]}", "{from: web, ports: [15020]}"), "");
    assert_eq!(said("{from: web}", "{from: web, ports: [8080]}"), "");
    assert_eq!(said("{from: web}", "{from: web, ports: [15020]}"), refused("a deny"));
    assert_eq!(said("{from: web, ports: [8080, 15090], methods: [GET]}", ""), refused("HTTP rules"));
}

#[test]
fn http_rules_past_the_proxy_are_refused_with_both_places() {
    let said = outcome(EXCLUDED, &[("Access", "{to: cart, allow: [{from: web, methods: [GET]}]}")]).said();
    assert!(
        said.contains(
            "error[lowering/unenforceable] HTTP rules of `cart` cannot be enforced: `traffic.sidecar.istio.io/excludeInboundPorts` takes port 9090 from the proxy\n"
        ),
        "{said}"
    );
    assert!(said.contains("policy/shop/web/0.yaml:4 ") && said.contains("inventory/prod/web.yaml:17 "), "{said}");
}

#[test]
fn what_an_unmeshed_port_cannot_keep_is_refused_past_the_proxy() {
    let grant = ("Access", "{to: cart, allow: [{from: web, ports: [8080, 9090]}]}");
    let why = "cannot be enforced: `traffic.sidecar.istio.io/excludeInboundPorts` takes port 9090 from the proxy";
    let issuer = "issuers: [{issuer: \"https://id.example\", jwksUri: \"https://id.example/keys\"}]";
    let cases = [
        ("the mTLS", ("Tenant", "{mandates: {mtls: {atMost: strict}}}".to_owned())),
        ("tokens", ("Authentication", format!("{{to: cart, {issuer}, required: true}}"))),
        ("the access log", ("Tenant", "{mandates: {obligations: {accessLog: [siem]}}}".to_owned())),
        ("external authorization", ("Authentication", "{to: cart, externalAuthorization: opa}".to_owned())),
        ("a deny", ("Access", "{to: cart, deny: [{from: web, ports: [9090]}]}".to_owned())),
    ];
    for (what, (kind, spec)) in &cases {
        let documents = [grant, (*kind, spec.as_str())];
        check(EXCLUDED, &documents, &format!("error[lowering/unenforceable] {what} of `cart` {why}\n{WARNING}"));
    }
}

#[test]
fn what_nobody_may_call_keeps_every_demand() {
    let grant = ("Access", "{to: cart, allow: [{from: web, ports: [8080]}]}");
    check(EXCLUDED, &[grant, ("Tenant", "{mandates: {mtls: {atMost: strict}}}")], WARNING);
    check(EXCLUDED, &[grant, ("Access", "{to: cart, deny: [{from: web, ports: [9090]}]}")], WARNING);
}

#[test]
fn a_proxy_that_sees_nothing_enforces_no_http() {
    let grant = [("Access", "{to: cart, allow: [{from: web, ports: [8080], methods: [GET]}]}")];
    let cases = [
        ("traffic.sidecar.istio.io/includeInboundPorts: \"\"", "every port"),
        ("traffic.sidecar.istio.io/includeInboundPorts: \"9090\"", "every port but 9090"),
        ("traffic.sidecar.istio.io/excludeInboundPorts: \"*\"", "every port"),
        ("sidecar.istio.io/interceptionMode: NONE", "every port"),
    ];
    for (annotation, ports) in cases {
        let name = annotation.split_once(": ").unwrap().0;
        let expected = format!(
            "error[lowering/unenforceable] HTTP rules of `cart` cannot be enforced: `{name}` takes {ports} from the proxy\nwarning[lowering/not-in-mesh] `web/cart` takes {ports} from its proxy"
        );
        check(annotation, &grant, &expected);
    }
    check("traffic.sidecar.istio.io/includeInboundPorts: \"*\"", &grant, "");
}

#[test]
fn a_list_of_ports_that_istio_cannot_read_is_an_error() {
    check(
        "traffic.sidecar.istio.io/excludeInboundPorts: metrics",
        &[],
        "error[inventory/broken-object] `traffic.sidecar.istio.io/excludeInboundPorts` of `cart` is no list of ports",
    );
}

const AMBIENT: (&str, &str) = ("{istio-injection: enabled}", "{istio.io/dataplane-mode: ambient}");

#[test]
fn an_access_log_that_nothing_writes_is_refused() {
    let log = [("Tenant", "{mandates: {obligations: {accessLog: [siem]}}}")];
    assert_eq!(said(&changed(&[], &log)), "");
    let unmeshed = changed(&[("{istio-injection: enabled}", "{team: shop}")], &log);
    assert!(
        said(&unmeshed).starts_with(
            "error[lowering/unenforceable] the access log of `cart` cannot be enforced: its namespace is not labelled for injection\n"
        ),
        "{}",
        unmeshed.said()
    );
    let ambient = changed(&[AMBIENT], &log);
    assert_eq!(ambient.errors(), ["lowering/l7-without-waypoint"; 2], "{}", ambient.said());
}

#[test]
fn a_pod_that_asks_for_a_sidecar_has_one_in_an_ambient_namespace() {
    let methods = [("Access", "{to: cart, allow: [{from: web, methods: [GET]}]}")];
    assert_eq!(changed(&[AMBIENT], &methods).errors(), ["lowering/l7-without-waypoint"]);
    let asks = ("{app: cart}, annotations", "{app: cart, sidecar.istio.io/inject: \"true\"}, annotations");
    let methods = [("Access", "{to: cart, allow: [{from: web, ports: [8080], methods: [GET]}]}")];
    let outcome = changed(&[AMBIENT, asks], &methods);
    assert_eq!(said(&outcome), "");
    // Between the two, mesh traffic travels in tunnels, and the rule is on the port inside.
    let files = outcome.compiled.unwrap().files;
    for unit in ["cart", "web"] {
        let policy = &files[&format!("clusters/prod/30-allow/web/web--networkpolicy--ringfence-{unit}.yaml")];
        assert!(policy.contains("15008"), "{policy}");
    }
    let namespace = ("{istio-injection: enabled}", "{istio.io/dataplane-mode: ambient, istio-injection: enabled}");
    assert_eq!(said(&changed(&[namespace], &methods)), "");
}

#[test]
fn a_pod_may_choose_ambient_mode_or_stay_out_of_it() {
    let port = [("Access", "{to: cart, allow: [{from: web, ports: [8080]}]}")];
    let out = ("{app: cart}, annotations", "{app: cart, istio.io/dataplane-mode: none}, annotations");
    assert_eq!(
        said(&changed(&[AMBIENT, out], &port)),
        "warning[lowering/not-in-mesh] `web/cart` has no proxy: its pods stay out of ambient mode"
    );
    let plain = ("{istio-injection: enabled}", "{team: shop}");
    let chosen = ("{app: cart}, annotations", "{app: cart, istio.io/dataplane-mode: ambient}, annotations");
    let other = ("{app: web}", "{app: web, sidecar.istio.io/inject: \"true\"}");
    assert_eq!(said(&changed(&[plain, chosen, other], &port)), "");
    check("ambient.istio.io/bypass-inbound-capture: \"true\"", &port, "");
    let past = ("annotations: {}", "annotations: {ambient.istio.io/bypass-inbound-capture: \"true\"}");
    assert_eq!(
        said(&changed(&[AMBIENT, past], &port)),
        "warning[lowering/not-in-mesh] `web/cart` takes every port from its proxy"
    );
}

#[test]
fn a_grant_by_identity_where_nobody_shows_one_is_refused() {
    let disabled = ("Service", "{workloads: {names: cart}, mtls: {mode: strict, ports: {\"9090\": disable}}}");
    let refused = |ports| {
        format!(
            "error[lowering/unenforceable] {ports} of `it-0` admits plaintext alone, where no caller shows an identity"
        )
    };
    let on = |ports: &str| format!("{{to: cart, allow: [{{from: web{ports}}}]}}");
    check("", &[disabled, ("Access", &on(", ports: [9090]"))], &refused("port 9090"));
    check("", &[disabled, ("Access", &on(", ports: [8080]"))], "");
    check("", &[disabled, ("Access", &on(""))], "");
    let all = ("Service", "{workloads: {names: cart}, mtls: disable}");
    check("", &[all, ("Access", &on(""))], &refused("every port"));
    check("", &[all, ("Access", "{to: cart, allow: [{from: \"cidr:10.0.0.0/8\"}]}")], "");
    check(EXCLUDED, &[disabled, ("Access", &on(", ports: [9090]"))], WARNING);
}

#[test]
fn a_deny_by_identity_is_refused_where_a_granted_address_may_be_a_pods() {
    let permissive = ("Service", "{workloads: {names: cart}, mtls: permissive}");
    let access = ("Access", "{to: cart, allow: [{from: \"cidr:10.0.0.0/8\"}], deny: [{from: web}]}");
    let facts = |spec: &str| {
        let cluster = ("metadata: {name: prod}\nspec: {}", format!("metadata: {{name: prod}}\nspec: {spec}"));
        said(&changed(&[(cluster.0, cluster.1.as_str())], &[permissive, access]))
    };
    let refused =
        "error[lowering/unenforceable] `it-0` admits plaintext, where a caller shows no identity to deny it by";
    // Where nobody says which addresses pods have, any may be one.
    assert_eq!(facts("{}"), refused);
    assert_eq!(facts("{podCidrs: [10.1.0.0/16]}"), refused);
    assert_eq!(facts("{podCidrs: [172.16.0.0/16]}"), "");
    assert_eq!(facts("{podCidrs: [172.16.0.0/16], nodeCidrs: [10.9.0.0/24]}"), refused);
}

const REFUSES: (&str, &str) =
    ("{app: cart}, annotations", "{app: cart, sidecar.istio.io/inject: \"false\"}, annotations");
const GHOST: (&str, &str) = (
    "metadata: {name: prod}\nspec: {}",
    "metadata: {name: prod}\nspec: {identities: [{namespace: ops, serviceAccounts: ghost}]}",
);
const UNTOLD: &str = "error[lowering/unenforceable] a caller whose pods NetworkPolicy cannot tell from others of `cart` cannot be enforced: its pods refuse a sidecar\n";
const UNMESHED: &str = "warning[lowering/not-in-mesh] `web/cart` has no proxy: its pods refuse a sidecar";

#[test]
fn network_policy_alone_admits_no_pods_beside_those_that_are_granted() {
    let to = |from: &str| {
        let access = format!("{{to: cart, allow: [{{from: {from}}}]}}");
        said(&changed(&[REFUSES, GHOST], &[("Access", &access)]))
    };
    assert_eq!(to("\"sa:prod/ops/ghost\""), format!("{UNTOLD}{UNMESHED}"));
    assert_eq!(to("\"sa:prod/web/web\""), UNMESHED);
    // Every pod is more than every pod that shows who it is.
    assert_eq!(to("mesh"), format!("{UNTOLD}{UNMESHED}"));
    assert_eq!(to("anyone"), UNMESHED);
    let past = "error[lowering/unenforceable] a caller whose pods NetworkPolicy cannot tell from others of `cart` cannot be enforced: `traffic.sidecar.istio.io/excludeInboundPorts` takes port 9090 from the proxy\n";
    check(EXCLUDED, &[("Access", "{to: cart, allow: [{from: mesh, ports: [9090]}]}")], &format!("{past}{WARNING}"));
    check(EXCLUDED, &[("Access", "{to: cart, allow: [{from: mesh, ports: [8080]}]}")], WARNING);
}

#[test]
fn network_policy_alone_admits_no_more_by_a_floor_or_a_default_than_by_a_grant() {
    let floor = |from: &str| {
        let mandate = format!("{{mandates: {{access: {{atLeast: [{{from: \"{from}\", to: cart, ports: [8080]}}]}}}}}}");
        said(&changed(&[REFUSES, GHOST], &[("Tenant", &mandate)]))
    };
    assert_eq!(floor("sa:prod/ops/ghost"), format!("{UNTOLD}{UNMESHED}"));
    assert_eq!(floor("sa:prod/web/web"), UNMESHED);
    assert_eq!(floor("anyone"), UNMESHED);
    // All of a workspace are whole namespaces, whose pods a selector picks.
    let default = |within: &str| {
        let tenant = format!("{{defaults: {{access: {{within: {within}}}}}}}");
        said(&changed(&[REFUSES], &[("Tenant", &tenant)]))
    };
    assert_eq!(default("workspace"), UNMESHED);
}

const ON_NODE: (&str, &str) = ("serviceAccountName: cart\n", "serviceAccountName: cart\n      hostNetwork: true\n");
const NO_POLICY: (&str, &str) =
    ("metadata: {name: prod}\nspec: {}", "metadata: {name: prod}\nspec: {networkPolicy: none}");

#[test]
fn a_mandate_on_access_where_nothing_is_enforced_is_refused_with_both_places() {
    let node = "its pods share the node's network";
    let taken = "`traffic.sidecar.istio.io/excludeInboundPorts` takes port 9090 from the proxy";
    let annotation = format!("annotations: {{{EXCLUDED}}}");
    let excluded = ("annotations: {}", annotation.as_str());
    let cases: [(&[_], &str, Option<&str>); 6] = [
        (&[ON_NODE], "from: {atMost: [web]}", Some(node)),
        (&[ON_NODE], "atMost: [{from: anyone, ports: [8080]}]", Some(node)),
        (&[ON_NODE], "from: {atMost: [anyone]}", None),
        (&[REFUSES, NO_POLICY], "from: {atMost: [web]}", Some("its pods refuse a sidecar")),
        (&[excluded, NO_POLICY], "from: {atMost: [web]}", Some(taken)),
        // NetworkPolicy opens nothing that is not granted, and what is granted lies within.
        (&[REFUSES], "from: {atMost: [web]}", None),
    ];
    for (replacements, mandate, why) in cases {
        let outcome = changed(replacements, &[("Tenant", &format!("{{mandates: {{access: {{{mandate}}}}}}}"))]);
        let said = outcome.said();
        let expected = why.map(|why| {
            format!("error[lowering/unenforceable] a mandate on access of `cart` cannot be enforced: {why}\n")
        });
        assert_eq!(outcome.errors().len(), expected.iter().count(), "{mandate}: {said}");
        assert!(expected.is_none_or(|expected| said.contains(&expected)), "{mandate}: {said}");
        assert!(why.is_none() || said.contains("policy/shop/tenant.yaml:4 ("), "{said}");
    }
}

/// A zone of `web` whose members reach nothing but themselves.
fn zone() -> (&'static str, String) {
    let before = "=== policy/shop/web/workspace.yaml\n";
    let zone = "=== policy/shop/zone.yaml\napiVersion: ringfence/v1alpha1\nkind: Zone\nmetadata: {name: dmz}\nspec:\n  members: [/shop/web:web]\n  rules: {to: {atMost: [/shop/web:web]}}\n";
    (before, format!("{zone}{before}"))
}

#[test]
fn the_reach_of_a_zone_is_kept_at_either_end() {
    let (before, zone) = zone();
    let errors = |more: &[(&str, &str)]| {
        let all: Vec<_> = std::iter::once((before, zone.as_str())).chain(more.iter().copied()).collect();
        let outcome = changed(&all, &[]);
        said(&outcome).lines().filter(|line| line.starts_with("error")).collect::<Vec<_>>().join("\n")
    };
    let refused =
        |why: &str| format!("error[lowering/unenforceable] the reach of a zone of `cart` cannot be enforced: {why}");
    assert_eq!(errors(&[]), "");
    assert_eq!(errors(&[ON_NODE]), "");
    assert_eq!(errors(&[REFUSES]), "");
    assert_eq!(errors(&[REFUSES, NO_POLICY]), refused("its pods refuse a sidecar"));
    let caller = ("{serviceAccountName: web,", "{serviceAccountName: web, hostNetwork: true,");
    assert_eq!(errors(&[ON_NODE, caller]), refused("its pods share the node's network"));
}

#[test]
fn members_of_a_zone_that_reach_nothing_but_some_may_not_call_anything() {
    let (before, zone) = zone();
    let outcome = changed(&[(before, &zone)], &[("Tenant", "{defaults: {egress: any}}")]);
    assert_eq!(said(&outcome), "error[lowering/unenforceable] `web` may call anything, whatever zone `dmz` says");
    let said = outcome.said();
    assert!(said.contains("policy/shop/zone.yaml:6 (") && said.contains("policy/shop/tenant.yaml:4 (lets"), "{said}");
}

#[test]
fn a_caller_on_the_network_of_its_node_is_nobody_network_policy_knows() {
    let caller = ("{serviceAccountName: web,", "{serviceAccountName: web, hostNetwork: true,");
    let outcome = changed(&[REFUSES, caller], &[("Access", "{to: cart, allow: [{from: web, ports: [8080]}]}")]);
    let warning = "warning[lowering/caller-not-in-mesh] `web/web` shares the node's network, where NetworkPolicy does not know it";
    assert!(outcome.said().contains(warning), "{}", outcome.said());
    assert_eq!(outcome.errors(), Vec::<&str>::new());
}

#[test]
fn a_trial_in_ambient_mode_waits_for_a_mesh_that_knows_of_trials() {
    let trial = ("Access", "{to: cart, allow: [{from: web, ports: [8080], mode: dryRun, until: \"2026-12-01\"}]}");
    let version = |said: &str| format!("metadata: {{name: prod}}\nspec: {{istioVersion: \"{said}\"}}");
    let mandate = ("Tenant", "{mandates: {access: {from: {atMost: [web]}, mode: dryRun, until: \"2026-12-01\"}}}");
    for (said, safe) in [("1.24", false), ("1.25.0", false), ("later", false), ("1.26", true), ("1.29.1", true)] {
        let version = version(said);
        let cluster = ("metadata: {name: prod}\nspec: {}", version.as_str());
        let outcome = changed(&[AMBIENT, cluster], &[trial]);
        assert_eq!(outcome.errors().is_empty(), safe, "{said}: {}", outcome.said());
        // A mandate on trial is reported when it is compiled, and needs no object.
        let compiled = changed(&[AMBIENT, cluster], &[mandate]).compiled.unwrap();
        assert_eq!(compiled.files.values().any(|text| text.contains("istio.io/dry-run")), safe, "{said}");
    }
    let unsaid = changed(&[AMBIENT], &[trial]).said();
    assert!(unsaid.contains("policy/clusters.yaml:3 (does not say its `istioVersion`)"), "{unsaid}");
    check("", &[trial], "");
}

#[test]
fn http_that_a_mandate_brings_in_is_shown_where_the_mandate_asks_for_it() {
    let mandate = ("Tenant", "{mandates: {access: {atMost: [{from: /shop, methods: [GET]}]}}}");
    let grant = ("Access", "{to: cart, allow: [{from: web, clip: true}]}");
    let outcome = changed(&[AMBIENT], &[mandate, grant]);
    assert_eq!(outcome.errors(), ["lowering/l7-without-waypoint"], "{}", outcome.said());
    let said = outcome.said();
    assert!(said.contains("policy/shop/web/0.yaml:4 (clipped to HTTP)"), "{said}");
    assert!(said.contains("policy/shop/tenant.yaml:4 (asks for HTTP)"), "{said}");
}

#[test]
fn a_port_that_speaks_no_http_is_shown_where_it_says_so() {
    let tcp = ("name: http-metrics", "name: tcp-metrics");
    let issuer = "issuers: [{issuer: \"https://id.example\", jwksUri: \"https://id.example/keys\"}]";
    let demands = ("Authentication", format!("{{to: cart, {issuer}, required: true}}"));
    let methods = ("Access", "{to: cart, allow: [{from: web, ports: [9090], methods: [GET]}]}".to_owned());
    for (kind, spec) in [demands, methods] {
        let said = changed(&[tcp], &[(kind, &spec)]).said();
        assert!(said.contains("error[lowering/l7-on-tcp] port 9090 of `cart`"), "{said}");
        assert!(said.contains("inventory/prod/web.yaml:10 (what port 9090 speaks)"), "{said}");
        let document = ("Service", "{workloads: {names: cart}, ports: [{port: 9090, protocol: tcp}]}");
        let to = spec.replace("to: cart", "to: it-0");
        let said = changed(&[], &[document, (kind, &to)]).said();
        assert!(said.contains("policy/shop/web/0.yaml:4 (what port 9090 speaks)"), "{said}");
    }
}
