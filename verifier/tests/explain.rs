//! What decides, where it was written, and what nearly decided otherwise: policies above, the words of the answer below.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::document::Policy;
use ringfence_compiler::source::{SourceFile, Sources};
use ringfence_compiler::spec::reference::NodePath;
use ringfence_compiler::yaml::{self, Profile};
use ringfence_verifier::engine::envoy::{Reads, chain};
use ringfence_verifier::evaluate::{Ruling, rule};
use ringfence_verifier::model::{Model, Objects};
use ringfence_verifier::reach::{Answer, Asked, Caller, Cited, Decider, Detail, Gate, Miss, Part, explain};
use ringfence_verifier::request::Identity;

/// `web` and `db` in one namespace, and `cron` without a proxy.
const MESH: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: old, labels: {istio-injection: disabled}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {template: {metadata: {labels: {app: web}}, spec: {serviceAccountName: web, containers: [{name: a}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: db, namespace: shop}
spec: {template: {metadata: {labels: {app: db}}, spec: {serviceAccountName: db, containers: [{name: a, ports: [{containerPort: 8080}]}]}}}
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
";

const CLUSTER: &str = "apiVersion: ringfence/v1alpha1\nkind: Cluster\nmetadata: {name: east}\nspec: {}\n";

/// Asks port 8080 of `db` and compares what the gate that decides says; lines count from the first policy.
fn check(policies: &str, caller: &str, asked: &Asked, expected: &str) {
    check_with(policies, caller, asked, &[], expected);
}

fn check_with(policies: &str, caller: &str, asked: &Asked, stolen: &[Identity], expected: &str) {
    answered(policies, caller, asked, stolen, |answer, _, sources| {
        let shut = [&answer.egress, &answer.ingress].into_iter().find(|gate| matches!(gate, Gate::Shut(_)));
        let gate = shut.or(answer.proxy.as_ref()).unwrap();
        let mut found = words(gate, sources);
        for why in answer.doubts.iter().flatten() {
            found = format!("{found}; {why}");
        }
        if let Some(Part { reached, asked, refused }) = &answer.part {
            let path = |request: &ringfence_verifier::request::Request| request.http.as_ref().unwrap().path.clone();
            let list = |requests: &[_]| requests.iter().map(path).collect::<Vec<_>>().join(" ");
            found = format!("{found}; admits {}; refuses {}", list(reached), list(refused));
            if !asked.is_empty() {
                found = format!("{found}; asks about {}", list(asked));
            }
        }
        assert_eq!(found, expected, "{policies}");
    });
}

/// Asks port 8080 of `db`, and hands over the answer with the model and the texts.
fn answered(
    policies: &str,
    caller: &str,
    asked: &Asked,
    stolen: &[Identity],
    look: impl FnOnce(&Answer<'_>, &Model<'_>, &Sources),
) {
    let (mut sources, mut said) = (Sources::new(), Diagnostics::new());
    let mut read = |name: &str, text: &str, profile| {
        let file = sources.add(SourceFile::new(name, text.as_bytes().to_vec()));
        yaml::read(&sources, file, profile, &mut said)
    };
    let mut roots = read("mesh.yaml", MESH, Profile::Manifest);
    roots.extend(read("p", policies, Profile::Manifest));
    let facts = read("cluster.yaml", CLUSTER, Profile::Policy);
    let mut policy = Policy::default();
    policy.add(&NodePath::root(), &facts[0].root, &mut said).unwrap();
    let objects = Objects::read(roots.into_iter().map(|document| document.root), &mut said);
    assert!(!said.has_errors(), "{:?}", said.sorted(&sources));
    let model = Model::of(&policy.clusters[0], &objects);
    let find = |name: &str| model.workloads().find(|workload| workload.name == name).unwrap();
    let from = caller.parse().map_or_else(|_| Caller::Workload(find(caller)), Caller::Outside);
    let detail = Detail { full: true, stolen, ..Detail::default() };
    let answer = explain(&model, from, (find("db"), 8080), asked, detail);
    look(&answer, &model, &sources);
}

fn words(gate: &Gate<'_>, sources: &Sources) -> String {
    let cite = |cited: &Cited<'_>| format!("{} at {}", cited.name, sources.place(cited.span));
    let list = |about: &[Cited<'_>]| about.iter().map(cite).collect::<Vec<_>>().join(", ");
    let near = |miss: &Option<Miss<Cited<'_>>>| {
        miss.as_ref().map_or("nothing".to_owned(), |miss| {
            let fails: Vec<String> = miss
                .fails
                .iter()
                .map(|fail| format!("{} {} not {}", fail.attribute, fail.wants, fail.has.as_deref().unwrap_or("so")))
                .collect();
            let denied =
                if miss.denied.is_empty() { String::new() } else { format!(", denied by {}", list(&miss.denied)) };
            format!("{}: {}{denied}", cite(&miss.rule), fails.join(", "))
        })
    };
    let (word, decider) = match gate {
        Gate::Open(decider) => ("open", decider),
        Gate::Unsure(decider) => ("unsure", decider),
        Gate::Shut(decider) => ("shut", decider),
    };
    let decided = match decider {
        Decider::Nobody => "by nobody".to_owned(),
        Decider::Rule(cited) => format!("by {}", cite(cited)),
        Decider::Tier { rule, .. } => format!("by {}", cite(rule)),
        Decider::NotEnforced => "by nobody, who would not be heard".to_owned(),
        Decider::OtherAddress(cited) => format!("by {} for others", cite(cited)),
        Decider::NoRule { about, nearest } => format!("by {}; near {}", list(about), near(nearest)),
        Decider::NotRefused(those) => format!("by nobody beside {}", list(those)),
        Decider::Denied { by, also, without } => {
            let also = if also.is_empty() { String::new() } else { format!(" and {}", list(also)) };
            format!("by {}{also} that denies {}", cite(by), without.http.as_ref().map_or("", |http| &http.path))
        }
        Decider::NoCertificate { asking, foreign } => {
            let foreign = foreign.as_ref().map(|foreign| format!(", not {foreign}")).unwrap_or_default();
            format!("for want of a certificate by {}{foreign}", list(asking))
        }
        Decider::NotModelled(what) => format!("not modelled: {what}"),
    };
    format!("{word} {decided}")
}

const ALLOW: &str = "apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: db, namespace: shop}
spec:
  selector: {matchLabels: {app: db}}
  rules:
    - from: [{source: {principals: [cluster.local/ns/other/sa/x]}}]
    - from: [{source: {principals: [cluster.local/ns/shop/sa/wet]}}]
      to: [{operation: {methods: [GET], paths: [/read/*, /status]}}]
    - from: [{source: {ipBlocks: [10.0.0.0/8]}}]
";

#[test]
fn the_rule_that_admits_is_named_with_its_line() {
    check(&ALLOW.replace("/wet", "/web"), "web", &Asked::anything(), "open by db at p:8");
    check("", "web", &Asked::anything(), "open by nobody");
}

#[test]
fn the_nearest_rule_is_the_one_that_asks_least_in_vain() {
    let path = |text: &str| Asked { path: Some(text.to_owned()), ..Asked::anything() };
    let web = "cluster.local/ns/shop/sa/web";
    // Of two rules of which only the caller fails, the one with the more similar name.
    let allow = ALLOW.replace("    - from: [{source: {ipBlocks: [10.0.0.0/8]}}]\n", "");
    let wet = format!("shut by db at p:3; near db at p:8: caller cluster.local/ns/shop/sa/wet not {web}");
    check(&allow, "web", &path("/read/a"), &wet);
    let mine = allow.replace("/wet", "/web");
    check(&mine, "web", &path("/write"), "shut by db at p:3; near db at p:8: path /read/* or /status not /write");
    let nobody = "cluster.local/ns/other/sa/x not nobody with a certificate";
    check(&allow, "cron", &Asked::anything(), &format!("shut by db at p:3; near db at p:7: caller {nobody}"));
}

#[test]
fn a_deny_that_takes_all_is_named_with_what_it_takes() {
    let deny = "apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: deny, namespace: shop}
spec:
  action: DENY
  rules:
    - to: [{operation: {paths: [/else]}}]
    - to: [{operation: {methods: [GET]}}]
";
    let allow = ALLOW.replace("/wet", "/web").replace("/read/*, ", "");
    let allow = allow.replace("    - from: [{source: {ipBlocks: [10.0.0.0/8]}}]\n", "");
    let both = format!("{allow}---\n{deny}");
    check(&both, "web", &Asked::anything(), "shut by deny at p:18 that denies /status");
}

/// A policy for everything in the namespace.
fn policy(name: &str, action: &str, rules: &str) -> String {
    format!(
        "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {{name: {name}, namespace: shop}}\nspec: {{action: {action}{rules}}}\n"
    )
}

#[test]
fn a_deny_beyond_the_nearest_rule_is_named_with_it() {
    let path = |text: &str| Asked { path: Some(text.to_owned()), ..Asked::anything() };
    let allow = ALLOW.replace("/wet", "/web").replace("    - from: [{source: {ipBlocks: [10.0.0.0/8]}}]\n", "");
    let deny = policy("deny", "DENY", ", rules: [{to: [{operation: {methods: [GET]}}]}]");
    let near = "shut by db at p:3; near db at p:8: path /read/* or /status not /write, denied by deny at p:14";
    check(&format!("{allow}{deny}"), "web", &path("/write"), near);
    // One that refuses other requests is not in the way.
    let near = "shut by db at p:3; near db at p:8: path /read/* or /status not /write";
    check(&format!("{allow}{}", deny.replace("GET", "PUT")), "web", &path("/write"), near);
}

#[test]
fn of_several_denials_one_that_stands_alone_is_named_or_else_all() {
    let one = policy("one", "DENY", ", rules: [{to: [{operation: {paths: [/a*]}}]}]");
    let other = policy("other", "DENY", ", rules: [{to: [{operation: {paths: [/ab*]}}]}]");
    let path = |text: &str| Asked { path: Some(text.to_owned()), ..Asked::anything() };
    check(&format!("{one}{other}"), "web", &path("/ac"), "shut by one at p:5 that denies /ac");
    check(&format!("{one}{other}"), "web", &path("/abc"), "shut by one at p:5 and other at p:10 that denies /abc");
}

#[test]
fn who_refuses_nothing_of_this_is_named_where_nobody_admits() {
    let deny = policy("deny", "DENY", ", rules: [{to: [{operation: {paths: [/admin]}}]}]");
    check(&deny, "web", &Asked::anything(), "open by nobody beside deny at p:4");
}

#[test]
fn what_is_unsure_says_why() {
    let path = |text: &str| Asked { path: Some(text.to_owned()), ..Asked::anything() };
    let custom = policy("ask", "CUSTOM", ", provider: {name: opa}, rules: [{to: [{operation: {paths: [/a*]}}]}]");
    let asks = "it asks the provider `opa`, and no file tells what that answers";
    check(&custom, "web", &path("/a"), &format!("unsure by ask at p:5; {asks}"));
    let part = "open by nobody beside ask at p:4; admits /; refuses ; asks about /a";
    check(&custom, "web", &path("/*"), part);
    check(&custom, "web", &path("/a*"), &format!("unsure by ask at p:5; {asks}; admits ; refuses ; asks about /a"));
    let peer = |name: &str, mode: &str| {
        format!(
            "---\napiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {{name: {name}, namespace: shop}}\nspec: {{mtls: {{mode: {mode}}}}}\n"
        )
    };
    let rivals = format!("{}{}", peer("a", "STRICT"), peer("b", "PERMISSIVE"));
    let why = "PeerAuthentications contradict each other (PeerAuthentication shop/a, PeerAuthentication shop/b), and the oldest counts, which no file tells: with PERMISSIVE it is admitted, with STRICT it is refused";
    check(&rivals, "cron", &Asked::anything(), &format!("unsure by nobody; {why}"));
}

#[test]
fn a_certificate_that_is_not_taken_is_no_certificate() {
    let strict = "apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: shop, namespace: shop}
spec: {mtls: {mode: STRICT}}
";
    let foreign = [Identity::new("elsewhere", "shop", "wet")];
    let expected = "shut for want of a certificate by shop at p:3, not elsewhere/ns/shop/sa/wet";
    check_with(strict, "203.0.113.0/24", &Asked::anything(), &foreign, expected);
    let off = format!("{}---\n{ALLOW}", strict.replace("STRICT", "DISABLE"));
    let allow = off.replace("/wet", "/web").replace("    - from: [{source: {ipBlocks: [10.0.0.0/8]}}]\n", "");
    let near = "shut by db at p:8; near db at p:13: caller cluster.local/ns/shop/sa/web not nobody: mTLS is off at this port, so no certificate is seen";
    check(&allow, "web", &Asked { path: Some("/status".to_owned()), ..Asked::anything() }, near);
}

#[test]
fn addresses_are_those_that_were_asked_for() {
    check(ALLOW, "10.1.0.0/16", &Asked::anything(), "open by db at p:10");
    // Whoever stands in between may write its own address on the connection.
    check(ALLOW, "203.0.113.0/24", &Asked::anything(), "unsure by db at p:10 for others");
}

#[test]
fn who_asks_for_a_certificate_is_named() {
    let strict = "apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: mesh, namespace: istio-system}
spec: {mtls: {mode: STRICT}}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: shop, namespace: shop}
spec: {mtls: {mode: UNSET}}
";
    check(strict, "cron", &Asked::anything(), "shut for want of a certificate by mesh at p:3");
    let inner = strict.replace("UNSET", "STRICT");
    check(&inner, "cron", &Asked::anything(), "shut for want of a certificate by shop at p:8");
}

#[test]
fn a_stolen_key_is_shown() {
    let stolen = [Identity::new("cluster.local", "shop", "wet")];
    check_with(ALLOW, "203.0.113.0/24", &Asked::anything(), &stolen, "open by db at p:8");
}

#[test]
fn of_many_paths_each_kind_is_told() {
    let allow = ALLOW.replace("/wet", "/web");
    let ask = |path: &str| Asked { path: Some(path.to_owned()), ..Asked::anything() };
    let allow = allow.replace("    - from: [{source: {ipBlocks: [10.0.0.0/8]}}]\n", "");
    check(&allow, "web", &ask("/read/*"), "open by db at p:8; admits /read/; refuses ");
    check(&allow, "web", &ask("/re*"), "open by db at p:8; admits /read/; refuses /re");
}

#[test]
fn the_network_names_the_rule_that_fits_the_peer_or_else_the_port() {
    let network = "apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress:
    - from: [{podSelector: {matchLabels: {app: job}}}]
      ports: [{port: 8080}]
    - from: [{podSelector: {matchLabels: {app: web}}}]
      ports: [{port: 9090}, {port: 9000, endPort: 9010}]
";
    let near = "shut by db at p:3; near db at p:9: port 9090 or 9000-9010 not 8080";
    check(network, "web", &Asked::anything(), near);
    let near = "shut by db at p:3; near db at p:7: peer pods with app=job of namespace shop not so";
    check(network, "cron", &Asked::anything(), near);
    let open = network.replace("9090", "8080");
    check(&open, "web", &Asked::anything(), "open by nobody");
}

/// Every ALLOW beside every DENY, for every question: what is said to be missing is all that is missing.
#[test]
fn with_what_is_missing_it_is_admitted_and_without_what_denies_as_well() {
    let rules = [
        "{to: [{operation: {methods: [GET]}}]}",
        "{to: [{operation: {paths: [/a*, /b]}}]}",
        "{to: [{operation: {notPaths: [/a]}}]}",
        "{from: [{source: {namespaces: [other]}}]}",
        "{from: [{source: {principals: [cluster.local/ns/shop/sa/web]}}], to: [{operation: {methods: [PUT], paths: [/b]}}]}",
        "{from: [{source: {notPrincipals: ['*']}}]}",
        "{when: [{key: 'request.headers[x]', values: [one, two*]}]}",
        "{from: [{source: {ipBlocks: [10.0.0.0/8]}}], to: [{operation: {hosts: [a.example]}}]}",
    ];
    let path = |path: &str| Asked { path: Some(path.to_owned()), ..Asked::anything() };
    let asked = [
        Asked { method: Some("GET".to_owned()), ..path("/a") },
        Asked { method: Some("PUT".to_owned()), headers: vec![("x".to_owned(), "one".to_owned())], ..path("/c*") },
        Asked { host: Some("b.example".to_owned()), ..Asked::anything() },
    ];
    let (mut near, mut beyond, mut denied) = (0, 0, 0);
    for allow in rules {
        for deny in rules {
            for caller in ["web", "cron", "203.0.113.0/24"] {
                for asked in &asked {
                    let allowing = policy("allow", "ALLOW", &format!(", rules: [{allow}]"));
                    let denying = policy("deny", "DENY", &format!(", rules: [{deny}, {}]", rules[0]));
                    answered(&format!("{allowing}{denying}"), caller, asked, &[], |answer, model, _| {
                        let policies = model.policies();
                        let all: Vec<_> = policies.authorization.iter().collect();
                        let whole = chain(&all, Reads::Http, model.mesh());
                        match answer.proxy.as_ref().unwrap() {
                            Gate::Shut(Decider::NoRule {
                                nearest: Some(Miss { admits: Some(admits), fails, denied, .. }),
                                ..
                            }) => {
                                let about_caller = fails.iter().any(|fail| fail.attribute == "caller");
                                let told = format!("{allow} beside {deny} for {caller} {asked:?}: {admits}");
                                match rule(&whole, admits) {
                                    Ruling::Denied(_) => beyond += usize::from(!denied.is_empty()),
                                    Ruling::Allowed(_) => near += usize::from(denied.is_empty()),
                                    other => panic!("{other:?}: {told}"),
                                }
                                assert_eq!(
                                    denied.is_empty(),
                                    matches!(rule(&whole, admits), Ruling::Allowed(_)),
                                    "{told}"
                                );
                                let own = admits
                                    .peer
                                    .as_ref()
                                    .is_none_or(|peer| peer.to_string() == "cluster.local/ns/shop/sa/web");
                                assert!(about_caller || own, "{told}");
                            }
                            Gate::Shut(Decider::Denied { by, also, without }) => {
                                let mut rest = whole.clone();
                                let gone =
                                    |at: usize| by.rule == Some(at) || also.iter().any(|cited| cited.rule == Some(at));
                                rest.deny.retain(|rule| !gone(rule.origin.rule));
                                assert!(matches!(rule(&whole, without), Ruling::Denied(_)));
                                assert!(
                                    matches!(rule(&rest, without), Ruling::Allowed(_)),
                                    "{allow} {deny}: {without}"
                                );
                                denied += 1;
                            }
                            _ => {}
                        }
                    });
                }
            }
        }
    }
    assert!(near > 30 && beyond > 5 && denied > 30, "{near} {beyond} {denied}");
}

#[test]
fn an_address_that_is_shown_is_one_that_the_network_lets_through() {
    let network = "apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress:
    - from: [{ipBlock: {cidr: 0.0.0.0/0, except: [192.0.2.0/24, 10.0.0.0/8]}}]
";
    let outside = |policies: &str, expected: &str| {
        answered(policies, "0.0.0.0/0", &Asked::anything(), &[], |answer, _, _| {
            let address = answer.witness.as_ref().map(|witness| witness.address);
            let excepted = ["192.0.2.0/24", "10.0.0.0/8"].map(|block| block.parse::<ipnet::IpNet>().unwrap());
            let is_in = address.is_some_and(|address| excepted.iter().any(|block| block.contains(&address)));
            let found = format!("{:?}{}", answer.reach(), if is_in { " by an address that is refused" } else { "" });
            assert_eq!(found, expected, "{address:?}");
        });
    };
    outside(network, "Depends");
    let block =
        |block: &str| policy("in", "ALLOW", &format!(", rules: [{{from: [{{source: {{ipBlocks: [{block}]}}}}]}}]"));
    outside(&format!("{network}{}", block("203.0.113.0/24")), "Depends");
    // Only who is refused before would be admitted, unless the network rewrites addresses.
    outside(&format!("{network}{}", block("10.1.0.0/16")), "Depends by an address that is refused");
}

#[test]
fn who_would_be_admitted_is_of_a_trust_domain_that_is_taken() {
    let policies = "
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: strict, namespace: istio-system}
spec: {mtls: {mode: STRICT}}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: db, namespace: shop}
spec: {rules: [{from: [{source: {namespaces: [far]}}]}]}
";
    answered(policies, "web", &Asked::anything(), &[], |answer, model, _| {
        let Some(Gate::Shut(Decider::NoRule { nearest: Some(miss), .. })) = &answer.proxy else {
            panic!("{:?}", answer.proxy)
        };
        let peer = miss.admits.as_ref().and_then(|request| request.peer.as_ref()).unwrap().to_string();
        let taken = &model.mesh().trust_domains;
        assert!(
            taken.iter().any(|domain| peer.contains(&format!("{domain}/ns/far/"))),
            "{peer} is of none of {taken:?}"
        );
    });
}
