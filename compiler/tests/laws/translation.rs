//! Translation: what is emitted admits exactly what was resolved; and the check of that notices faults.

use proptest::prelude::*;
use ringfence_compiler::spec::authentication::MtlsMode;
use serde_json::Value;

use super::authorization::{Policies, arrives};
use super::examine::{Unit, disagreement, examine, law, shown};
use super::generate::repository;
use super::repository::*;
use super::universe::{shapes, universe};

#[test]
fn what_is_emitted_admits_exactly_what_was_resolved() {
    law(96, 25, &(repository(), shapes()), |(repository, shapes)| {
        let examined = examine(&repository);
        let manifests = examined.objects();
        let requests = universe(&repository, &shapes);
        for unit in &examined.units {
            let objects = &manifests[&unit.cluster];
            if let Some((request, resolved)) = difference(unit, objects, &requests) {
                let pod = &unit.name;
                prop_assert!(false, "{request} at {pod}: resolved {resolved}, emitted not so\n{}", shown(&repository));
            }
            for port in [8080, 9000, 7777] {
                let mode = unit.settings.mtls.value.at(port).mode().map(MtlsMode::word).unwrap_or_default();
                prop_assert_eq!(arrives(objects, &unit.pod(), port), mode.to_uppercase(), "port {}", port);
            }
        }
        Ok(!examined.units.is_empty())
    });
}

#[test]
fn without_a_grant_nothing_is_admitted() {
    law(48, 15, &(repository(), shapes()), |(mut repository, shapes)| {
        repository.accesses.iter_mut().for_each(|access| access.allow.clear());
        repository.accesses.retain(|access| !access.deny.is_empty());
        for node in &mut repository.nodes {
            node.mandates.at_least.clear();
            node.defaults.within = None;
        }
        let examined = examine(&repository);
        let manifests = examined.objects();
        let requests = universe(&repository, &shapes);
        for unit in &examined.units {
            let emitted = Policies::of(&manifests[&unit.cluster], &unit.pod());
            for request in &requests {
                prop_assert!(!emitted.admits(request), "{request}\n{}", shown(&repository));
            }
        }
        Ok(!examined.units.is_empty())
    });
}

type Requests = Vec<ringfence_compiler::requests::Request>;

fn difference<'q>(
    unit: &Unit,
    objects: &[Value],
    requests: &'q Requests,
) -> Option<(&'q ringfence_compiler::requests::Request, bool)> {
    let emitted = Policies::of(objects, &unit.pod());
    // A deny that asks for HTTP and names no port closes a port that no manifest declares, should it speak TCP: it denies
    // more there than was resolved, and never less.
    let closed = |request: &ringfence_compiler::requests::Request| {
        request.method.is_empty() && !unit.ports.contains(&request.port) && !emitted.admits(request)
    };
    disagreement(requests, |request| unit.admits(request) && !closed(request), |request| emitted.admits(request))
}

/// A repository in which every rule, port and DENY that is emitted is needed.
fn tight() -> Repository {
    let node = |path: &str| Node { path: path.to_owned(), ..Node::default() };
    let service = |name: &str| Service {
        name: name.to_owned(),
        workspace: "/t/w".to_owned(),
        group: None,
        namespace: "ns".to_owned(),
        clusters: vec![0],
        account: name.to_owned(),
        tcp: true,
        mtls: None,
    };
    let who = |name: &str| Some(vec![Source::plain(Ref::Service("/t/w".to_owned(), name.to_owned()))]);
    let on = |port: u16| Condition { ports: Some(vec![port]), ..Condition::default() };
    let read = Condition { methods: Some(vec!["GET"]), ..on(8080) };
    let admin = Condition { paths: Some(vec!["/c"]), ..on(8080) };
    let entry = |from, condition| Entry { from, condition, ..Entry::default() };
    Repository {
        clusters: vec![Cluster { name: "east".to_owned(), trust_domain: "mesh.example".to_owned(), ambient: false }],
        nodes: vec![node("/"), node("/t"), Node { claims: vec!["ns".to_owned()], ..node("/t/w") }],
        services: vec![service("api"), service("web"), service("job")],
        accesses: vec![Access {
            node: "/t/w".to_owned(),
            name: "api".to_owned(),
            to: Some(vec![Ref::Service("/t/w".to_owned(), "api".to_owned())]),
            allow: vec![entry(who("web"), read), entry(who("job"), on(9000)), entry(who("web"), admin.clone())],
            uses: Vec::new(),
            deny: vec![entry(who("web"), Condition { methods: Some(vec!["DELETE"]), ..admin })],
        }],
        ..Repository::default()
    }
}

/// Plants one fault after the other in what is emitted for [`tight`] and asks whether somebody would notice.
fn check_noticed(plant: impl Fn(&mut Value) -> Vec<Value>, least: usize) {
    let repository = tight();
    let examined = examine(&repository);
    let manifests = examined.objects();
    assert_eq!(examined.errors, Vec::<&str>::new());
    let requests = universe(&repository, &(0..486).collect());
    let mut planted = 0;
    for unit in examined.units.iter().filter(|unit| unit.name == "api") {
        let objects = &manifests[&unit.cluster];
        assert_eq!(difference(unit, objects, &requests), None);
        for at in 0..objects.len() {
            for faulty in plant(&mut objects[at].clone()) {
                let mut objects = objects.clone();
                objects[at] = faulty;
                assert!(difference(unit, &objects, &requests).is_some(), "nobody notices {}", objects[at]);
                planted += 1;
            }
        }
    }
    assert!(planted >= least, "only {planted} faults could be planted");
}

/// Returns the object once for each of its ALLOW rules or DENY rules, each time changed there.
fn in_each_rule(object: &Value, action: &str, fault: impl Fn(&mut Vec<Value>, usize)) -> Vec<Value> {
    if object["kind"] != "AuthorizationPolicy" || object["spec"]["action"] != action {
        return Vec::new();
    }
    let count = object["spec"]["rules"].as_array().unwrap().len();
    let faulty = |at| {
        let mut object = object.clone();
        fault(object["spec"]["rules"].as_array_mut().unwrap(), at);
        object
    };
    (0..count).map(faulty).filter(|faulty| faulty != object).collect()
}

#[test]
fn a_lost_rule_is_noticed() {
    check_noticed(|object| in_each_rule(object, "ALLOW", |rules, at| _ = rules.remove(at)), 3);
}

#[test]
fn a_widened_port_is_noticed() {
    let widen = |rules: &mut Vec<Value>, at: usize| {
        if let Some(operation) = rules[at].pointer_mut("/to/0/operation").and_then(Value::as_object_mut) {
            operation.remove("ports");
        }
    };
    // Where a rule asks for HTTP no connection meets it on another port, so the port that is lost is the one of TCP.
    check_noticed(
        |object| {
            let all = in_each_rule(object, "ALLOW", widen);
            all.into_iter().filter(|object| !asks_for_http_alone(object)).collect()
        },
        1,
    );
}

fn asks_for_http_alone(object: &Value) -> bool {
    let rules = object["spec"]["rules"].as_array().unwrap();
    let bare = |rule: &&Value| rule["to"][0]["operation"].get("ports").is_none();
    rules.iter().filter(bare).all(|rule| {
        let operation = &rule["to"][0]["operation"];
        operation.get("methods").is_some() || operation.get("paths").is_some()
    })
}

#[test]
fn a_lost_deny_is_noticed() {
    check_noticed(
        |object| {
            let denies = object["kind"] == "AuthorizationPolicy" && object["spec"]["action"] == "DENY";
            denies.then(|| serde_json::json!({ "kind": "Lost", "metadata": {} })).into_iter().collect()
        },
        1,
    );
}
