//! What checks say of gateways, routes, calls that leave and rights: manifests above, findings below, one small change apart.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::document::{Document, Policy};
use ringfence_compiler::source::{SourceFile, Sources};
use ringfence_compiler::spec::cluster::ClusterSpec;
use ringfence_compiler::spec::reference::NodePath;
use ringfence_compiler::yaml::{self, Profile};
use ringfence_verifier::checks;
use ringfence_verifier::model::{Model, Objects};
use ringfence_verifier::surroundings::Surroundings;

/// `shop/web`, `shop/db` and `team/spy` with a sidecar, `calm/api` and `calm/job` in ambient mode, and gateways in `edge`.
fn mesh() -> String {
    let mut all = String::new();
    for (namespace, labels) in [
        ("shop", "istio-injection: enabled"),
        ("team", "istio-injection: enabled"),
        ("calm", "istio.io/dataplane-mode: ambient"),
        ("edge", "team: edge"),
    ] {
        all +=
            &format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {namespace}, labels: {{{labels}}}}}\n---\n");
    }
    for (namespace, name, labels) in [
        ("shop", "web", "app: web"),
        ("shop", "db", "app: db"),
        ("team", "spy", "app: spy"),
        ("calm", "api", "app: api"),
        ("calm", "job", "app: job"),
        ("edge", "in", "istio: ingressgateway"),
        ("edge", "out", "istio: egressgateway"),
    ] {
        all += &format!(
            "apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: {namespace}}}
spec: {{template: {{metadata: {{labels: {{{labels}}}}}, spec: {{serviceAccountName: {name}, containers: [{{name: a, ports: [{{containerPort: 8080}}]}}]}}}}}}
---
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: {namespace}}}
spec: {{selector: {{{labels}}}, ports: [{{name: http, port: 80, targetPort: 8080}}, {{name: http-admin, port: 90, targetPort: 9000}}]}}
---
"
        );
    }
    all
}

/// Everything a test asks of.
struct World(Document<ClusterSpec>, Objects, Surroundings, Sources);

fn world(manifests: &str) -> World {
    let (mut sources, mut said) = (Sources::new(), Diagnostics::new());
    let facts = "apiVersion: ringfence/v1alpha1\nkind: Cluster\nmetadata: {name: east}\nspec: {}\n";
    let file = sources.add(SourceFile::new("cluster.yaml", facts.as_bytes().to_vec()));
    let facts = yaml::read(&sources, file, Profile::Policy, &mut said);
    let mut policy = Policy::default();
    policy.add(&NodePath::root(), &facts.first().unwrap().root, &mut said).unwrap();
    let file = sources.add(SourceFile::new("mesh.yaml", format!("{}{manifests}", mesh()).into_bytes()));
    let roots: Vec<_> =
        yaml::read(&sources, file, Profile::Manifest, &mut said).into_iter().map(|document| document.root).collect();
    let surroundings = Surroundings::read(&roots);
    let objects = Objects::read(roots, &mut said);
    let words: Vec<_> = said.sorted(&sources).into_iter().map(|it| it.message().to_owned()).collect();
    assert!(!said.has_errors(), "{manifests}\n{words:?}");
    World(policy.clusters.remove(0), objects, surroundings, sources)
}

/// Compares the codes of everything that is found, and nothing else.
fn check(manifests: &str, expected: &[&str]) {
    let World(facts, objects, surroundings, sources) = world(manifests);
    let models = [Model::of(&facts, &objects)];
    let mut said = Diagnostics::new();
    checks::check(&models, &surroundings, &mut said);
    let found: Vec<String> =
        said.sorted(&sources).into_iter().map(|it| it.code().id.replacen("mesh/", "", 1)).collect();
    assert_eq!(found, expected, "{manifests}");
}

fn istio(kind: &str, namespace: &str, name: &str, spec: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: {kind}\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec: {spec}\n---\n"
    )
}

fn routed(namespace: &str, name: &str, spec: &str) -> String {
    istio("VirtualService", namespace, name, spec)
}

/// A Gateway of `edge` with one server.
fn gateway(name: &str, server: &str) -> String {
    istio("Gateway", "edge", name, &format!("{{selector: {{istio: ingressgateway}}, servers: [{server}]}}"))
}

const PLAIN: &str = "{port: {number: 80, name: http, protocol: HTTP}, hosts: [shop/a.example]}";

fn tls(secret: &str, host: &str) -> String {
    format!(
        "{{port: {{number: 443, name: https, protocol: HTTPS}}, tls: {{mode: SIMPLE, credentialName: {secret}}}, hosts: [{host}]}}"
    )
}

fn network(namespace: &str, spec: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p, namespace: {namespace}}}\nspec: {spec}\n---\n"
    )
}

#[test]
fn a_host_of_another_namespace_is_taken_where_others_see_it() {
    let vs = |namespace: &str, rest: &str| routed(namespace, "x", &format!("{{{rest}}}"));
    let to = |host: &str| format!("http: [{{route: [{{destination: {{host: {host}}}}}]}}]");
    let db = "hosts: [db.shop.svc.cluster.local]";
    check(&vs("team", &format!("{db}, {}", to("spy"))), &["foreign-host"]);
    check(&vs("team", &format!("hosts: ['*.shop.svc.cluster.local'], {}", to("spy"))), &["foreign-host"]);
    check(&vs("team", &format!("{db}, exportTo: [shop], {}", to("spy"))), &["foreign-host"]);
    check(&vs("team", &format!("{db}, http: [{{fault: {{}}, directResponse: {{status: 200}}}}]")), &["foreign-host"]);
    // One's own callers, one's own host, the mesh's own namespace, a gateway, a name that stands for nothing.
    check(&vs("team", &format!("{db}, exportTo: ['.'], {}", to("spy"))), &[]);
    check(&vs("shop", &format!("{db}, {}", to("web"))), &[]);
    check(&vs("istio-system", &format!("{db}, {}", to("spy.team.svc.cluster.local"))), &[]);
    check(&vs("team", &format!("{db}, gateways: [edge/g], {}", to("spy"))), &[]);
    check(&vs("team", &format!("hosts: [db.shop], {}", to("spy"))), &[]);
    // Timeouts for the host itself lead nobody elsewhere.
    check(&vs("team", &format!("{db}, {}", to("db.shop.svc.cluster.local"))), &[]);
    let entry = |export: &str| {
        istio(
            "ServiceEntry",
            "team",
            "x",
            &format!("{{{db}, {export}ports: [{{number: 80, name: http, protocol: HTTP}}], resolution: DNS}}"),
        )
    };
    check(&entry("exportTo: ['*'], "), &["foreign-host"]);
    check(&entry("exportTo: ['.'], "), &[]);
}

#[test]
fn routes_contend_where_age_decides_and_they_do_otherwise() {
    let open = gateway("g", PLAIN);
    let vs = |name: &str, matches: &str, to: &str| {
        routed(
            "shop",
            name,
            &format!(
                "{{hosts: [a.example], gateways: [edge/g], http: [{{{matches}route: [{{destination: {{host: {to}}}}}]}}]}}"
            ),
        )
    };
    let prefix = |path: &str| format!("match: [{{uri: {{prefix: {path}}}}}], ");
    let two = |one: &str, to_one: &str, other: &str, to_other: &str, expected: &[&str]| {
        check(&format!("{open}{}{}", vs("one", one, to_one), vs("two", other, to_other)), expected);
    };
    two(&prefix("/api"), "web", &prefix("/api/v1"), "db", &["rival-routes"]);
    two("", "web", "", "db", &["rival-routes"]);
    two(&prefix("/api"), "web", &prefix("/shop"), "db", &[]);
    // What is about everything stands last whatever its age.
    two("", "web", &prefix("/api"), "db", &[]);
    two(&prefix("/api"), "db", &prefix("/api/v1"), "db", &[]);
    // Nobody can tell whether an expression is about the same.
    two(&prefix("/api"), "web", "match: [{uri: {regex: '/a.*'}}], ", "db", &[]);
    // Plaintext of two Gateways is of one table.
    let other = gateway("h", PLAIN);
    let bound = vs("two", &prefix("/api"), "db").replace("edge/g", "edge/h");
    check(&format!("{open}{other}{}{bound}", vs("one", &prefix("/api"), "web")), &["rival-routes"]);
}

#[test]
fn sidecars_go_by_one_of_two_virtual_services() {
    let vs = |name: &str, rest: &str, to: &str| {
        routed("shop", name, &format!("{{hosts: [db], {rest}http: [{{route: [{{destination: {{host: {to}}}}}]}}]}}"))
    };
    check(&format!("{}{}", vs("one", "", "web"), vs("two", "", "db")), &["rival-routes"]);
    check(
        &format!("{}{}", vs("one", "exportTo: ['.'], ", "web"), vs("two", "exportTo: ['.'], ", "db")),
        &["rival-routes"],
    );
    check(&format!("{}{}", vs("one", "", "db"), vs("two", "", "db")), &[]);
    // One that is kept to a namespace comes before one that is not.
    check(&format!("{}{}", vs("one", "exportTo: ['.'], ", "web"), vs("two", "", "db")), &[]);
    check(&format!("{}{}", vs("one", "", "web"), vs("two", "gateways: [edge/g], ", "db")), &[]);
}

#[test]
fn routes_of_the_gateway_api_contend_by_rank_and_age() {
    let gateway = "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: g, namespace: shop}\nspec: {gatewayClassName: istio, listeners: [{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}]}\n---\n";
    let route = |kind: &str, namespace: &str, name: &str, host: &str, matched: &str, to: &str| {
        format!(
            "apiVersion: gateway.networking.k8s.io/v1\nkind: {kind}\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec: {{parentRefs: [{{name: g, namespace: shop}}], hostnames: [{host}], rules: [{{{matched}backendRefs: [{{name: {to}, port: 80}}]}}]}}\n---\n"
        )
    };
    let api = "matches: [{path: {type: PathPrefix, value: /api}}], ";
    let exact = "matches: [{path: {type: Exact, value: /api}}], ";
    let one = route("HTTPRoute", "shop", "one", "a.example", api, "web");
    let two = |matched: &str| route("HTTPRoute", "team", "two", "a.example", matched, "spy");
    check(&format!("{gateway}{one}{}", two(api)), &["rival-routes"]);
    check(&format!("{gateway}{one}{}", two(exact)), &[]);
    check(&format!("{gateway}{one}{}", two(api).replace("a.example", "b.example")), &[]);
    let kept = gateway.replace("from: All", "from: Same");
    check(&format!("{kept}{one}{}", two(api)), &[]);
    let calls = |host: &str| route("GRPCRoute", "shop", "calls", host, "", "db");
    check(&format!("{gateway}{one}{}", calls("a.example")), &["mixed-routes"]);
    check(&format!("{gateway}{one}{}", calls("c.example")), &[]);
    // To lead to another namespace takes a grant there.
    let lent = one.replace("name: web, port", "name: spy, namespace: team, port");
    check(&format!("{gateway}{lent}"), &["idle-route"]);
    let grant = "apiVersion: gateway.networking.k8s.io/v1beta1\nkind: ReferenceGrant\nmetadata: {name: g, namespace: team}\nspec: {from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: shop}], to: [{group: '', kind: Service}]}\n---\n";
    check(&format!("{gateway}{lent}{grant}"), &[]);
}

#[test]
fn listeners_contend_for_ports_and_hosts() {
    let two = |one: &str, other: &str, expected: &[&str]| {
        check(&format!("{}{}", gateway("one", one), gateway("two", other)), expected);
    };
    two(&tls("a", "shop/a.example"), &tls("b", "shop/a.example"), &["rival-listeners"]);
    two(&tls("a", "shop/a.example"), &tls("b", "shop/b.example"), &[]);
    two(&tls("a", "shop/a.example"), &tls("a", "shop/b.example"), &["shared-certificate"]);
    two(&tls("a", "shop/a.example"), &PLAIN.replace("80", "443"), &["rival-listeners"]);
    two(PLAIN, PLAIN, &[]);
    let tcp = "{port: {number: 90, name: tcp, protocol: TCP}, hosts: ['shop/*']}";
    two(tcp, tcp, &["rival-listeners"]);
    let elsewhere = gateway("two", &tls("a", "shop/a.example")).replace("ingressgateway", "egressgateway");
    check(&format!("{}{elsewhere}", gateway("one", &tls("a", "shop/a.example"))), &[]);
}

#[test]
fn plaintext_beside_tls_is_found_where_it_leads_on() {
    let vs =
        routed("shop", "x", "{hosts: [a.example], gateways: [edge/g], http: [{route: [{destination: {host: web}}]}]}");
    let both = |plain: &str| format!("{}{vs}", gateway("g", &format!("{plain}, {}", tls("a", "shop/a.example"))));
    check(&both(PLAIN), &["plaintext-beside-tls"]);
    check(&both(&PLAIN.replace("hosts:", "tls: {httpsRedirect: true}, hosts:")), &[]);
    check(&both(&PLAIN.replace("a.example", "b.example")), &[]);
    check(&format!("{}{vs}", gateway("g", PLAIN)), &[]);
}

#[test]
fn gateways_of_others_and_passthrough_are_said() {
    let auto =
        "{port: {number: 15443, name: tls, protocol: TLS}, tls: {mode: AUTO_PASSTHROUGH}, hosts: ['shop/*.local']}";
    check(&gateway("g", auto), &["auto-passthrough"]);
    check(&gateway("g", &auto.replace("AUTO_PASSTHROUGH", "PASSTHROUGH")), &[]);
    let of = |namespace: &str, host: &str| {
        istio(
            "Gateway",
            namespace,
            "g",
            &format!(
                "{{selector: {{istio: ingressgateway}}, servers: [{{port: {{number: 80, name: http, protocol: HTTP}}, hosts: ['{host}']}}]}}"
            ),
        )
    };
    check(&of("team", "*"), &["foreign-gateway"]);
    check(&of("team", "team/*"), &[]);
    check(&of("edge", "*"), &[]);
}

#[test]
fn delegates_and_bindings_that_lead_nowhere_are_found() {
    let open =
        gateway("g", "{port: {number: 80, name: http, protocol: HTTP}, hosts: ['edge/a.example', 'shop/a.example']}");
    let root = |delegate: &str| {
        routed("edge", "root", &format!("{{hosts: [a.example], gateways: [edge/g], http: [{{delegate: {delegate}}}]}}"))
    };
    let leaf =
        |rest: &str| routed("shop", "leaf", &format!("{{{rest}http: [{{route: [{{destination: {{host: web}}}}]}}]}}"));
    let case = |delegate: &str, rest: &str, expected: &[&str]| {
        check(&format!("{open}{}{}", root(delegate), leaf(rest)), expected)
    };
    case("{name: leaf, namespace: shop}", "", &[]);
    case("{name: leaf}", "", &["lost-delegate", "lost-delegate"]);
    case("{name: leaf, namespace: shop}", "hosts: [b.example], gateways: [mesh], ", &["lost-delegate"]);
    case("{name: leaf, namespace: shop}", "exportTo: ['.'], ", &["lost-delegate"]);
    // Of a namespace of which nothing is at hand nobody knows.
    check(&format!("{open}{}", root("{name: leaf, namespace: far}")), &[]);

    let bound = |gateway: &str, rest: &str| {
        routed(
            "shop",
            "x",
            &format!(
                "{{hosts: [a.example], gateways: [{gateway}], {rest}http: [{{route: [{{destination: {{host: web}}}}]}}]}}"
            ),
        )
    };
    check(&format!("{open}{}", bound("edge/g", "")), &[]);
    check(&format!("{open}{}", bound("g", "")), &["idle-route"]);
    check(&format!("{open}{}", bound("edge/g", "exportTo: ['.'], ")), &["idle-route"]);
    check(&format!("{open}{}", bound("edge/g", "").replace("a.example", "z.example")), &["idle-route"]);
    check(&format!("{open}{}", bound("edge/g", "").replace("namespace: shop", "namespace: team")), &["idle-route"]);
    check(&format!("{open}{}", bound("far/other", "")), &[]);
}

#[test]
fn service_entries_are_said_to_reach_too_far() {
    let entry = |namespace: &str, name: &str, rest: &str| {
        istio(
            "ServiceEntry",
            namespace,
            name,
            &format!("{{hosts: [o.example], ports: [{{number: 443, name: tls, protocol: TLS}}], {rest}}}"),
        )
    };
    check(&entry("team", "x", "resolution: DNS"), &["shared-service-entry"]);
    check(&entry("team", "x", "resolution: DNS, exportTo: ['.']"), &[]);
    check(&entry("istio-system", "x", "resolution: DNS"), &[]);
    let two = |rest: &str, expected: &[&str]| {
        let one = entry("team", "x", "resolution: DNS, exportTo: ['*']");
        check(&format!("{one}{}", entry("edge", "y", rest)), expected);
    };
    two("resolution: DNS, exportTo: ['*'], endpoints: [{address: p.example}]", &["rival-service-entries"]);
    two("resolution: DNS, exportTo: ['*']", &[]);
    two("resolution: DNS, exportTo: ['.'], endpoints: [{address: p.example}]", &[]);
    let wild =
        |rest: &str| entry("team", "x", &format!("exportTo: ['.'], {rest}")).replace("[o.example]", "['*.example']");
    check(&wild("resolution: NONE"), &["forgeable-outside-host"]);
    check(&wild("resolution: NONE, location: MESH_INTERNAL"), &[]);
    check(&wild("resolution: NONE, addresses: [192.0.2.0/24]"), &[]);
}

#[test]
fn an_egress_gateway_is_forced_by_the_network_alone() {
    let entry = istio(
        "ServiceEntry",
        "shop",
        "o",
        "{hosts: [o.example], exportTo: ['.'], ports: [{number: 443, name: tls, protocol: TLS}], resolution: DNS}",
    );
    let via = |to: &str| {
        routed(
            "shop",
            "o",
            &format!(
                "{{hosts: [o.example], exportTo: ['.'], tls: [{{match: [{{port: 443, sniHosts: [o.example]}}], route: [{{destination: {{host: {to}, port: {{number: 80}}}}}}]}}]}}"
            ),
        )
    };
    let inside = network("shop", "{podSelector: {}, policyTypes: [Egress], egress: [{to: [{namespaceSelector: {}}]}]}");
    let out = "out.edge.svc.cluster.local";
    check(&format!("{entry}{}", via(out)), &["unforced-egress"]);
    check(&format!("{entry}{}{inside}", via(out)), &[]);
    check(&format!("{entry}{}", via("o.example")), &[]);
    let all_but =
        network("shop", "{podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}]}");
    check(&format!("{entry}{}{all_but}", via(out)), &["unforced-egress"]);
}

#[test]
fn tunnels_and_ports_are_told_apart_in_ambient_mode() {
    let np =
        |rules: &str| network("calm", &format!("{{podSelector: {{matchLabels: {{app: api}}}}, ingress: [{rules}]}}"));
    let from = "from: [{podSelector: {matchLabels: {app: job}}}]";
    check(&np(&format!("{{{from}, ports: [{{port: 8080}}]}}")), &["blocked-tunnel"]);
    check(&np(&format!("{{{from}, ports: [{{port: 8080}}, {{port: 15008}}]}}")), &["ports-by-tunnel"]);
    check(&np(&format!("{{{from}}}")), &[]);
    check(&np(&format!("{{{from}, ports: [{{port: 15008}}]}}")), &[]);
    check(&np(&format!("{{{from}, ports: [{{port: 8080}}, {{port: 9000}}, {{port: 15008}}]}}")), &[]);
    check(&np(&format!("{{{from}, ports: [{{port: 8080}}]}}, {{ports: [{{port: 15008}}]}}")), &["ports-by-tunnel"]);
    let bounded = "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: a, namespace: calm}\nspec: {selector: {matchLabels: {app: api}}, rules: [{to: [{operation: {ports: ['8080']}}]}]}\n---\n";
    check(&format!("{bounded}{}", np(&format!("{{{from}, ports: [{{port: 8080}}, {{port: 15008}}]}}"))), &[]);
    // With sidecars the network sees the port itself.
    let beside = np(&format!("{{{}, ports: [{{port: 8080}}]}}", from.replace("job", "web")))
        .replace("calm", "shop")
        .replace("app: api", "app: db");
    check(&beside, &[]);
}

#[test]
fn names_and_ports_of_services_are_found_in_network_policies() {
    let out = |rules: &str| {
        network(
            "shop",
            &format!("{{podSelector: {{matchLabels: {{app: web}}}}, policyTypes: [Egress], egress: [{rules}]}}"),
        )
    };
    let to = "{to: [{podSelector: {matchLabels: {app: db}}}], ports: [{port: 8080}]}";
    check(&out(to), &["no-names"]);
    check(&out(&format!("{to}, {{ports: [{{port: 53, protocol: UDP}}]}}")), &[]);
    check(&out(&format!("{to}, {{to: [{{namespaceSelector: {{}}}}], ports: [{{port: 53}}]}}")), &[]);
    check(&out(""), &[]);
    check(&out("{to: [{ipBlock: {cidr: 192.0.2.0/24}}], ports: [{port: 443}]}"), &[]);
    check(&out(&to.replace("{app: db}", "{app: far}")), &[]);
    let within = |ports: &str| {
        network("shop", &format!("{{podSelector: {{matchLabels: {{app: db}}}}, ingress: [{{ports: [{ports}]}}]}}"))
    };
    check(&within("{port: 80}"), &["service-port"]);
    check(&within("{port: 8080}"), &[]);
    check(&within("{port: 80}, {port: 8080}"), &[]);
    check(&within("{port: 7777}"), &[]);
}

#[test]
fn a_sidecar_that_leaves_out_whom_its_callers_may_call_is_found() {
    let admits = |principal: &str| {
        format!(
            "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {{name: a, namespace: team}}\nspec: {{selector: {{matchLabels: {{app: spy}}}}, rules: [{{from: [{{source: {{principals: ['{principal}']}}}}]}}]}}\n---\n"
        )
    };
    let knows = |hosts: &str| istio("Sidecar", "shop", "default", &format!("{{egress: [{{hosts: [{hosts}]}}]}}"));
    let web = "cluster.local/ns/shop/sa/web";
    let case = |hosts: &str, expected: &[&str]| check(&format!("{}{}", admits(web), knows(hosts)), expected);
    case("'./*'", &["left-out"]);
    case("'./*', 'team/*'", &[]);
    case("'*/spy.team.svc.cluster.local'", &[]);
    case("'*/*'", &[]);
    case("'team/other.team.svc.cluster.local'", &["left-out"]);
    // Nobody named this caller, or it may come in plaintext.
    check(&format!("{}{}", admits("*"), knows("'./*'")), &[]);
    check(&format!("{}{}", admits(web).replace("rules: [", "rules: [{}, "), knows("'./*'")), &["redundant-rule"]);
}

#[test]
fn rights_to_undo_policy_are_said_of_whoever_holds_them() {
    let role = |labels: &str, rule: &str| {
        format!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: r, labels: {{{labels}}}}}\nrules: [{{{rule}}}]\n---\n"
        )
    };
    let bound = |subject: &str| {
        format!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {{name: b}}\nroleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: r}}\nsubjects: [{{{subject}}}]\n---\n"
        )
    };
    let writes = "apiGroups: [security.istio.io], resources: ['*'], verbs: ['*']";
    let reads = "apiGroups: [security.istio.io], resources: ['*'], verbs: [get, list]";
    let passes = "apiGroups: [''], resources: [serviceaccounts], verbs: [impersonate]";
    let named = "apiGroups: [''], resources: [serviceaccounts], verbs: [impersonate], resourceNames: [web]";
    let part = "rbac.authorization.k8s.io/aggregate-to-edit: 'true'";
    let web = "kind: ServiceAccount, name: web, namespace: shop";
    let case = |labels: &str, rule: &str, subject: &str, expected: &[&str]| {
        check(&format!("{}{}", role(labels, rule), bound(subject)), expected);
    };
    case(part, writes, web, &["rights-over-policy"]);
    case(part, passes, web, &["rights-over-policy"]);
    case(part, reads, web, &[]);
    case(part, named, web, &[]);
    case("", writes, web, &["trusted-with-policy"]);
    case("", writes, "kind: Group, name: 'system:authenticated'", &["rights-over-policy"]);
    case("", writes, "kind: Group, name: 'system:serviceaccounts:team'", &["rights-over-policy"]);
    case("", writes, "kind: ServiceAccount, name: default, namespace: team", &["rights-over-policy"]);
    case("", writes, "kind: ServiceAccount, name: istiod, namespace: istio-system", &[]);
    case("", writes, "kind: User, name: admin", &[]);
    check(&role("", writes), &[]);
}
