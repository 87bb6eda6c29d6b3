//! Waypoints of our own: whatever is granted behind one is proved as it is compiled, and faults of what is emitted are caught.
//!
//! In: a project with a waypoint, its statements changed, and faults planted in its files. Out: what the proof says.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers of a test fail like the test"
)]

#[path = "../../compiler/tests/support/mod.rs"]
mod support;

use ringfence_compiler::compile::compile;
use ringfence_compiler::diagnostics::{Diagnostics, Severity};
use ringfence_compiler::parse::parse;
use ringfence_compiler::resolve::resolve;
use ringfence_compiler::shape::scalar::Text as _;
use ringfence_compiler::source::Sources;
use ringfence_compiler::spec::names::Day;
use ringfence_verifier::translation::{Proof, prove};

/// One namespace behind a waypoint: `cart` speaks HTTP on 8080, gRPC on 9000 and metrics on 9102, to which no Service leads; `db`
/// speaks TCP. `front` and `job` are in ambient mode, `old` has a sidecar; `gate` is a gateway.
const PROJECT: &str = "\
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
spec:
  trustDomain: prod.example
  trustDomainAliases: [old.example]
  dataPlane: ambient
  istioVersion: '1.29'
  nodeCidrs: [10.0.0.0/24]
  podCidrs: [10.1.0.0/16]
  namespaces: {web: {dataPlane: ambient, waypoint: way}}
  gateways: {gate: {namespace: gate, serviceAccount: gate, labels: {app: gate}}}
=== policy/shop/tenant.yaml
apiVersion: ringfence/v1alpha1
kind: Tenant
metadata: {name: shop}
spec: TENANT
=== policy/shop/web/workspace.yaml
apiVersion: ringfence/v1alpha1
kind: Workspace
metadata: {name: web}
spec: {namespaces: 'prod/*'}
=== policy/shop/web/access.yaml
apiVersion: ringfence/v1alpha1
kind: Access
metadata: {name: cart}
spec: {to: cart, allow: [ALLOW], deny: [DENY]}
---
apiVersion: ringfence/v1alpha1
kind: Access
metadata: {name: db}
spec: {to: db, allow: [{from: [cart, old], ports: [5432]}]}
MORE=== inventory/prod/web.yaml
apiVersion: v1
kind: Namespace
metadata: {name: web, labels: {istio.io/dataplane-mode: ambient, istio.io/use-waypoint: way}}
---
apiVersion: v1
kind: Namespace
metadata: {name: jobs, labels: {istio.io/dataplane-mode: ambient}}
---
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: web}
spec: {selector: {app: cart}, ports: [{name: http, port: 80, targetPort: 8080}, {name: grpc, port: 90, targetPort: 9000}]}
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: web}
spec: {selector: {app: db}, ports: [{name: tcp, port: 5432}]}
---
apiVersion: v1
kind: Service
metadata: {name: front, namespace: web}
spec: {selector: {app: front}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart, namespace: web}
spec: {template: {metadata: {labels: {app: cart, version: one}}, spec: {serviceAccountName: cart, containers: [{name: main, ports: [{containerPort: 8080}, {containerPort: 9000}, {name: http-metrics, containerPort: 9102}]}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: db, namespace: web}
spec: {template: {metadata: {labels: {app: db}}, spec: {serviceAccountName: db, containers: [{name: main, ports: [{containerPort: 5432}]}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: front, namespace: web}
spec: {template: {metadata: {labels: {app: front}}, spec: {serviceAccountName: front, containers: [{name: main, ports: [{containerPort: 8080}]}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: old, namespace: web}
spec: {template: {metadata: {labels: {app: old, sidecar.istio.io/inject: 'true'}}, spec: {serviceAccountName: old, containers: [{name: main}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: job, namespace: jobs}
spec: {template: {metadata: {labels: {app: job}}, spec: {serviceAccountName: job, containers: [{name: main}]}}}
";

/// What a tenant, the grants and denies of `cart`, and further documents say.
#[derive(Clone, Copy, Default)]
struct Says {
    tenant: &'static str,
    allow: &'static str,
    deny: &'static str,
    more: &'static str,
}

/// What came of a project.
struct Proved {
    proof: Proof,
    /// What the proof found.
    found: Vec<String>,
    /// What was warned of before.
    told: Vec<String>,
}

/// Compiles the project and proves it, perhaps with a fault in one file.
///
/// # Errors
/// With what was said where it is refused.
fn proved(says: Says, changes: &[(&str, &str)], fault: Option<(&str, &str, &str)>) -> Result<Proved, Vec<String>> {
    let mut text = PROJECT.to_owned();
    for (from, to) in [
        ("TENANT", if says.tenant.is_empty() { "{}" } else { says.tenant }),
        ("ALLOW", says.allow),
        ("DENY", says.deny),
        ("MORE", says.more),
    ]
    .iter()
    .chain(changes)
    {
        assert!(text.contains(from), "nothing to change: {from}");
        text = text.replacen(from, to, 1);
    }
    let (mut sources, mut said) = (Sources::new(), Diagnostics::new());
    let proved = parse(&support::files(&text), &mut sources, &mut said).and_then(|parsed| {
        let resolved = resolve(&parsed, Day::parse("2026-11-22").unwrap(), &mut said)?;
        let mut compiled = compile(&resolved, &sources, &mut said)?;
        if let Some((file, from, to)) = fault {
            let mut paths = compiled.files.keys().filter(|path| path.ends_with(file)).cloned();
            let path = paths.next().unwrap_or_else(|| panic!("no file {file} in {:?}", compiled.files.keys()));
            let text = compiled.files.get_mut(&path).unwrap();
            assert!(text.contains(from), "`{from}` is not in {file}:\n{text}");
            *text = text.replacen(from, to, 1);
        }
        let mut found = Diagnostics::new();
        let proof = prove(&resolved, &compiled, &mut found);
        let line = |one: &ringfence_compiler::diagnostics::Diagnostic| {
            format!("{}: {}", one.message(), one.help_text().unwrap_or_default())
        };
        Ok((proof, found.sorted(&sources).into_iter().map(line).collect::<Vec<_>>()))
    });
    let told = said.sorted(&sources).into_iter().filter(|one| one.code().severity != Severity::Note);
    let told: Vec<String> = told.map(|one| format!("{} {}", one.code().id, one.message())).collect();
    let allowed = |one: &String| one.starts_with("lowering/past-waypoint") || one.starts_with("resolve/");
    match proved {
        Ok((proof, found)) if told.iter().all(allowed) => Ok(Proved { proof, found, told }),
        _ => Err(told),
    }
}

const GET: &str = "{from: front, ports: [8080], methods: [GET], paths: ['/v1/{*}']}";

#[test]
fn whatever_is_granted_is_proved_as_it_is_compiled() {
    let cases = [
        Says { allow: GET, ..Says::default() },
        Says { allow: "{from: front}", ..Says::default() },
        Says { allow: "{from: [front, job, old], ports: [8080, 9102]}", ..Says::default() },
        Says {
            allow: "{from: front, ports: [9000], methods: [POST], paths: [/a.B/C]}, {from: [old, job], ports: [8080]}",
            ..Says::default()
        },
        Says { allow: "{from: mesh, ports: [8080], methods: [GET]}, {from: job, ports: [9102]}", ..Says::default() },
        Says {
            allow: "{from: front, ports: [8080], hosts: [cart.example]}, {from: job, ports: [9000]}",
            ..Says::default()
        },
        Says { allow: "{from: front, ports: [8080], headers: {x-team: shop}}", ..Says::default() },
        // Denies of HTTP, of callers, and of ports.
        Says {
            allow: "{from: [front, job], ports: [8080]}",
            deny: "{ports: [8080], paths: ['/admin/{**}']}",
            ..Says::default()
        },
        Says { allow: "{from: mesh, ports: [8080, 9000]}", deny: "{from: job}", ..Says::default() },
        Says {
            allow: "{from: mesh, ports: [8080, 9000, 9102]}",
            deny: "{from: /shop/web, ports: [9000]}",
            ..Says::default()
        },
        Says { allow: GET, deny: "{from: 'cidr:192.0.2.0/24'}", ..Says::default() },
        // Ceilings, zones and floors above.
        Says { tenant: "{mandates: {access: {from: {atMost: [/shop]}}}}", allow: GET, ..Says::default() },
        Says {
            tenant: "{mandates: {access: {atMost: [{from: front, ports: [8080], methods: [GET]}, {from: [cart, old], ports: [5432]}]}}}",
            allow: GET,
            ..Says::default()
        },
        Says {
            tenant: "{mandates: {access: {atLeast: [{from: job, to: '/shop/**', ports: [9102]}]}}}",
            allow: GET,
            ..Says::default()
        },
        Says {
            allow: "{from: front, ports: [8080], methods: [GET]}",
            more: "=== policy/zones.yaml\napiVersion: ringfence/v1alpha1\nkind: Zone\nmetadata: {name: jobs}\nspec: {members: /shop/web:job, rules: {to: {atMost: [/shop/web:db]}}}\n",
            ..Says::default()
        },
        // Tokens and external authorization.
        Says {
            allow: "{from: {who: front, jwt: {issuer: 'https://a.example'}}, ports: [8080, 9000]}",
            more: "---\napiVersion: ringfence/v1alpha1\nkind: Authentication\nmetadata: {name: users}\nspec: {to: cart, issuers: [{issuer: 'https://a.example', jwksUri: 'https://a.example/keys'}]}\n",
            ..Says::default()
        },
    ];
    for says in cases {
        match proved(says, &[], None) {
            Ok(Proved { proof, found, .. }) => {
                assert!(found.is_empty(), "{}, deny {}: {found:#?}", says.allow, says.deny);
                assert_eq!((proof.workloads, proof.behind), (5, 0), "{}: {proof:?}", says.allow);
            }
            Err(told) => panic!("{}, deny {}, {}: {told:#?}", says.allow, says.deny, says.tenant),
        }
    }
}

#[test]
fn tokens_and_providers_are_asked_at_the_waypoint() {
    let issuer = "issuers: [{issuer: 'https://a.example', jwksUri: 'https://a.example/keys', CLAIMS}]";
    let says = Says {
        allow: "{from: [front, job], ports: [8080, 9102]}",
        more: "---\napiVersion: ringfence/v1alpha1\nkind: Authentication\nmetadata: {name: users}\nspec: {to: cart, ISSUER}\n",
        ..Says::default()
    };
    // A Service leads to every port that something is asked of.
    let led = (
        "{name: grpc, port: 90, targetPort: 9000}]",
        "{name: grpc, port: 90, targetPort: 9000}, {name: http-m, port: 9102}]",
    );
    let required = issuer.replace(", CLAIMS", "") + ", required: true, exempt: [/healthz]";
    let headers = issuer.replace("CLAIMS", "claimsToHeaders: [{claim: sub, header: x-user}]");
    let external = "externalAuthorization: opa".to_owned();
    for asked in [required, headers, external] {
        let proved = proved(says, &[led, ("ISSUER", &asked)], None).unwrap_or_else(|told| panic!("{asked}: {told:#?}"));
        assert!(proved.found.is_empty(), "{asked}: {:#?}", proved.found);
        // A DENY beside the ALLOW keeps everybody else out, so that the waypoint is all that is missed.
        let fault = ("ringfence-allow-cart.yaml", "sa/way", "sa/front");
        let broken = self::proved(says, &[led, ("ISSUER", &asked)], Some(fault));
        let found = broken.unwrap_or_else(|told| panic!("{told:?}")).found;
        assert!(found.iter().any(|one| one.contains("refuse what the policy grants")), "{asked}: {found:#?}");
    }
}

#[test]
fn a_dump_of_the_cluster_shows_the_waypoint_and_its_pods() {
    let own = "---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: way, namespace: web, labels: {istio.io/waypoint-for: service}}
spec: {gatewayClassName: istio-waypoint, listeners: [{name: mesh, port: 15008, protocol: HBONE}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: way, namespace: web}
spec: {template: {metadata: {labels: {gateway.networking.k8s.io/gateway-name: way}}, spec: {serviceAccountName: way, containers: [{name: istio-proxy}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: db,";
    let dump = ("---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: db,", own);
    let proved =
        proved(Says { allow: GET, ..Says::default() }, &[dump], None).unwrap_or_else(|told| panic!("{told:#?}"));
    assert!(proved.found.is_empty() && proved.proof.behind == 0, "{:?} {:#?}", proved.proof, proved.found);
}

#[test]
fn what_no_waypoint_enforces_is_refused() {
    let check = |says: Says, changes: &[(&str, &str)], expected: &str| {
        let told = match proved(says, changes, None) {
            Ok(proved) => proved.found,
            Err(told) => told,
        };
        assert!(told.iter().any(|one| one.contains(expected)), "{}: {expected}\n{told:#?}", says.allow);
    };
    let get = Says { allow: GET, ..Says::default() };
    // No Service leads to the metrics.
    let metrics = Says { allow: "{from: front, ports: [9102], methods: [GET]}", ..Says::default() };
    check(metrics, &[], "lowering/l7-without-waypoint no Service leads through waypoint `way` to port 9102 of `cart`");
    let addresses = Says { allow: "{from: 'cidr:192.0.2.0/24', ports: [8080], methods: [GET]}", ..Says::default() };
    check(addresses, &[], "lowering/unenforceable whoever calls by address does not come through waypoint `way`");
    let plaintext = Says { allow: "{from: anyone, ports: [8080], methods: [GET]}", ..Says::default() };
    check(
        plaintext,
        &[("prod/*'}", "prod/*', defaults: {mtls: permissive}}")],
        "a caller in plaintext does not come through",
    );
    let token = Says {
        allow: GET,
        more: "---\napiVersion: ringfence/v1alpha1\nkind: Authentication\nmetadata: {name: users}\nspec: {to: db, issuers: [{issuer: 'https://a.example', jwksUri: 'https://a.example/keys'}], required: true}\n",
        ..Says::default()
    };
    check(token, &[], "lowering/l7-on-tcp");
    // Facts that do not fit.
    check(
        get,
        &[("waypoint: way}}", "waypoint: front}}"), ("use-waypoint: way", "use-waypoint: front")],
        "run under the account of this waypoint",
    );
    for name in ["none", "default", "Way", "my.way"] {
        let named = format!("waypoint: {name}}}}}");
        check(get, &[("waypoint: way}}", &named)], &format!("`{name}` cannot be the name of a waypoint"));
    }
    // Whoever runs under its account would be taken for it, wherever identities are the same.
    let elsewhere = "---\napiVersion: ringfence/v1alpha1\nkind: Cluster\nmetadata: {name: far}\nspec: {trustDomain: prod.example}\n=== inventory/far/web.yaml\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: evil, namespace: web}\nspec: {template: {metadata: {labels: {app: evil}}, spec: {serviceAccountName: way, containers: [{name: main}]}}}\n=== policy/shop/tenant.yaml\n";
    check(
        get,
        &[("=== policy/shop/tenant.yaml\n", elsewhere)],
        "the pods of `far:web/evil` run under the account of this waypoint",
    );
    check(
        get,
        &[(
            "gateways: {gate: {namespace: gate, serviceAccount: gate,",
            "gateways: {gate: {namespace: web, serviceAccount: way,",
        )],
        "gateway `gate` of `prod` runs under the account",
    );
    let service = "---\napiVersion: v1\nkind: Service\nmetadata: {name: front,";
    let namesake = format!(
        "---\napiVersion: v1\nkind: Service\nmetadata: {{name: way, namespace: web}}\nspec: {{selector: {{app: none}}, ports: [{{port: 80}}]}}\n{service}"
    );
    check(get, &[(service, &namesake)], "is called `web/way`");
    // A Service that leads both through the waypoint and to what is not in ambient mode.
    check(
        get,
        &[("{app: cart, version: one}", "{app: cart, version: one, sidecar.istio.io/inject: 'true'}")],
        "which is not in ambient mode",
    );
    let waits = Says { allow: "{from: front, ports: [8080]}", ..Says::default() };
    check(
        waits,
        &[("{web: {dataPlane: ambient, waypoint: way}}", "{web: {dataPlane: ambient}}")],
        "lowering/foreign-waypoint",
    );
    check(
        get,
        &[("use-waypoint: way", "use-waypoint: other")],
        "lowering/unused-waypoint the namespace `web` uses waypoint `other`, not `way`",
    );
    check(
        get,
        &[(
            "{name: cart, namespace: web}\nspec: {selector",
            "{name: cart, namespace: web, labels: {istio.io/use-waypoint: other}}\nspec: {selector",
        )],
        "says by itself that it uses waypoint `other`",
    );
    check(get, &[("{web: {dataPlane: ambient", "{web: {dataPlane: sidecar")], "`web` is in sidecar mode");
    check(
        get,
        &[
            ("'prod/*'", "prod/web"),
            ("namespaces: {web", "namespaces: {jobs: {dataPlane: ambient, waypoint: other}, web"),
        ],
        "no workspace governs `prod/jobs`",
    );
    // One Service before two units that admit different requests.
    check(
        Says {
            allow: GET,
            more: "---\napiVersion: ringfence/v1alpha1\nkind: Access\nmetadata: {name: canary}\nspec: {to: canary, allow: [{from: job, ports: [8080], methods: [GET]}]}\n",
            ..Says::default()
        },
        &[(
            "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: db,",
            "---\napiVersion: v1\nkind: Service\nmetadata: {name: canary, namespace: web}\nspec: {selector: {version: two}, ports: [{name: http, port: 80, targetPort: 8080}]}\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: canary, namespace: web}\nspec: {template: {metadata: {labels: {app: cart, version: two}}, spec: {serviceAccountName: cart, containers: [{name: main, ports: [{containerPort: 8080}]}]}}}\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: db,",
        )],
        "lowering/inseparable-workloads Service `cart` leads through a waypoint to",
    );
}

#[test]
fn callers_that_go_around_a_waypoint_are_named() {
    let check = |allow, changes: &[(&str, &str)], expected: Option<&str>| {
        let says = Says { allow, ..Says::default() };
        let proved = proved(says, changes, None).unwrap_or_else(|told| panic!("{allow}: {told:#?}"));
        assert!(proved.found.is_empty(), "{allow}: {:#?}", proved.found);
        let told: Vec<_> = proved.told.iter().filter(|one| one.starts_with("lowering/past-waypoint")).collect();
        match expected {
            Some(expected) => assert!(told.len() == 1 && told[0].contains(expected), "{allow}: {told:#?}"),
            None => assert!(told.is_empty(), "{allow}: {told:#?}"),
        }
    };
    check("{from: old, ports: [8080], methods: [GET]}", &[], Some("`web/old` has a sidecar"));
    check("{from: old, ports: [8080]}", &[], None);
    // What is read is the waypoint's alone, for whoever is granted all of it, too.
    check(
        "{from: front, ports: [8080], methods: [GET]}, {from: old, ports: [8080]}",
        &[],
        Some("`web/old` has a sidecar"),
    );
    let gate = "{from: 'gateway:gate', ports: [8080], methods: [GET]}";
    check(gate, &[], Some("gateway `gate`"));
    let told = ("use-waypoint: way}", "use-waypoint: way, istio.io/ingress-use-waypoint: 'true'}");
    check(gate, &[told], None);
    // What the Service says by itself goes before.
    let own = (
        "{name: cart, namespace: web}\nspec: {selector",
        "{name: cart, namespace: web, labels: {istio.io/ingress-use-waypoint: 'false'}}\nspec: {selector",
    );
    check(gate, &[told, own], Some("gateway `gate`"));
    let egress = ("labels: {app: gate}}}", "labels: {app: gate}, role: egress}}");
    check("{from: 'gateway:gate', ports: [8080], methods: [GET]}", &[told, egress], Some("gateway `gate`"));
}

#[test]
fn faults_of_what_is_emitted_are_caught() {
    let says = Says {
        allow: "{from: front, ports: [8080], methods: [GET], paths: ['/v1/{*}']}, {from: job, ports: [9000]}",
        deny: "{ports: [8080], paths: [/v1/secret]}",
        ..Says::default()
    };
    let faults = [
        // At the waypoint.
        ("waypoint-allow-cart.yaml", "- GET", "- PUT", "admit more than the policy"),
        ("waypoint-allow-cart.yaml", "sa/front", "sa/old", "admit more than the policy"),
        ("waypoint-allow-cart.yaml", "\"80\"", "\"90\"", "admit more than the policy"),
        ("waypoint-allow-cart.yaml", "kind: Service", "kind: Pod", "refuse what the policy grants"),
        ("waypoint-allow-cart.yaml", "name: cart\n", "name: db\n", "refuse what the policy grants"),
        ("waypoint-deny-cart.yaml", "action: DENY", "action: AUDIT", "admit more than the policy"),
        ("waypoint-default-deny.yaml", "name: istio-waypoint", "name: istio", "admit more than the policy"),
        // Around it.
        ("ringfence-allow-cart.yaml", "sa/way", "sa/old", "admit more than the policy"),
        ("ringfence-allow-cart.yaml", "\"8080\"", "\"8081\"", "than the policy"),
        ("ringfence-allow-cart.yaml", "action: ALLOW", "action: AUDIT", "refuse what the policy grants"),
        // The Gateway itself, and the network on both stretches.
        ("gateway--way.yaml", "name: way", "name: away", ""),
        ("networkpolicy--ringfence-waypoint-way.yaml", "15008", "15009", "NetworkPolicy stops what the policy grants"),
        (
            "networkpolicy--ringfence-waypoint-way.yaml",
            "gateway-name: way",
            "gateway-name: away",
            "NetworkPolicy stops what the policy grants",
        ),
        (
            "networkpolicy--ringfence-front.yaml",
            "gateway-name: way",
            "gateway-name: away",
            "NetworkPolicy stops what the policy grants",
        ),
        (
            "networkpolicy--ringfence-cart.yaml",
            "gateway-name: way",
            "gateway-name: away",
            "NetworkPolicy stops what the policy grants",
        ),
    ];
    for (file, from, to, expected) in faults {
        let Proved { proof, found, .. } =
            proved(says, &[], Some((file, from, to))).unwrap_or_else(|told| panic!("{told:?}"));
        if expected.is_empty() {
            assert!(!found.is_empty() || proof.behind > 0, "{file}: `{from}` to `{to}` was not missed: {proof:?}");
        } else {
            assert!(found.iter().any(|one| one.contains(expected)), "{file}: `{from}` to `{to}`: {found:#?}");
        }
    }
}
