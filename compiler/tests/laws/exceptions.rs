//! Exceptions: without one a widening fails; with one its scope alone is widened, until its last day.

use proptest::prelude::*;

use super::examine::{Examined, examine, examine_files, explained, law, shown};
use super::files::Layout;
use super::generate::repository;
use super::meaning::Meaning;
use super::repository::lineage;
use super::repository::*;
use super::universe::{shapes, universe};

/// The last day of every exception here, and the day after.
const LAST: &str = "2027-02-15";
const AFTER: &str = "2027-02-16";

fn exception(field: &str, service: &Service, widen_to: &str, ports: Option<Vec<u16>>) -> Exception {
    Exception {
        node: "/".to_owned(),
        name: "EXC-1".to_owned(),
        waives: format!("/#{field}"),
        service: service.reference(),
        ports,
        widen_to: vec![widen_to.to_owned()],
        expires: LAST,
    }
}

fn on_day(repository: &Repository, day: &str) -> Examined {
    examine_files(&repository.files(&Layout::plain()), day)
}

/// Keeps what would fail for another reason on the day after out of the way: trials end before.
fn without_trials(repository: &mut Repository) {
    for entry in repository.accesses.iter_mut().flat_map(|access| access.allow.iter_mut().chain(&mut access.deny)) {
        entry.trial = false;
    }
    repository.nodes.iter_mut().for_each(|node| node.mandates.trial = false);
}

#[test]
fn plaintext_needs_an_exception_and_is_let_through_on_its_port_alone() {
    law(64, 15, &(repository(), any::<prop::sample::Index>()), |(mut repository, index)| {
        without_trials(&mut repository);
        for node in &mut repository.nodes {
            node.mandates.mtls = None;
            node.defaults.mtls = None;
        }
        repository.services.iter_mut().for_each(|service| service.mtls = None);
        repository.nodes[0].mandates.mtls = Some("strict");
        let base = examine(&repository);
        if base.units.is_empty() {
            return Ok(false);
        }
        let chosen = index.index(repository.services.len());
        let mut asking = repository.clone();
        asking.services[chosen].mtls = Some(("permissive", Some(8080)));
        prop_assert!(examine(&asking).errors.contains(&"resolve/widens-mandate"), "{}", shown(&asking));
        let excepted = exception("mtls", &asking.services[chosen], "permissive", Some(vec![8080]));
        asking.exceptions.push(excepted);
        for day in [TODAY, LAST] {
            let with = on_day(&asking, day);
            if with.errors.iter().all(|error| *error == "lowering/unenforceable") && !with.errors.is_empty() {
                // The port is open to plaintext now, and a deny by identity would be walked past: refused for that alone.
                return Ok(false);
            }
            prop_assert_eq!(&with.errors, &Vec::<&str>::new(), "{}", shown(&asking));
            for unit in &with.units {
                for port in [8080, 9000, 7777] {
                    let open = port == 8080 && unit.name == asking.services[chosen].name;
                    prop_assert_eq!(unit.settings.mtls.value.at(port).plaintext, open, "{} {}", unit.name, port);
                }
            }
        }
        let after = on_day(&asking, AFTER).errors;
        prop_assert!(after.contains(&"resolve/exception-expired"), "{after:?}\n{}", shown(&asking));
        prop_assert!(after.contains(&"resolve/widens-mandate"), "{after:?}\n{}", shown(&asking));
        Ok(true)
    });
}

/// Lets the organization permit everybody but one caller, and everything else fit.
fn forbid(repository: &mut Repository, caller: &Service) {
    without_trials(repository);
    repository.accesses.iter_mut().flat_map(|access| &mut access.allow).for_each(|entry| entry.clip = true);
    for node in &mut repository.nodes {
        node.mandates.trust_domains = None;
        node.mandates.from = None;
        node.mandates.at_most = None;
        node.mandates.at_least.clear();
    }
    let other = |service: &&Service| (&service.namespace, &service.account) != (&caller.namespace, &caller.account);
    let others = repository.services.iter().filter(other).map(|service| Source::plain(service.reference()));
    repository.nodes[0].mandates.from = Some(others.chain([Source::plain(Ref::Cidr("10.0.0.0/8"))]).collect());
}

#[test]
fn a_caller_needs_an_exception_and_is_let_through_to_its_scope_alone() {
    let strategy = (repository(), any::<[prop::sample::Index; 2]>(), any::<bool>(), shapes());
    law(96, 15, &strategy, |(mut repository, [from, to], on_port, shapes)| {
        let (from, to) = (from.index(repository.services.len()), to.index(repository.services.len()));
        let (caller, target) = (repository.services[from].clone(), repository.services[to].clone());
        forbid(&mut repository, &caller);
        let ports = on_port.then(|| vec![8080]);
        let condition = Condition { ports: ports.clone(), ..Condition::default() };
        repository.accesses.push(Access {
            node: target.workspace.clone(),
            name: "wanted".to_owned(),
            to: Some(vec![target.reference()]),
            allow: vec![Entry { from: Some(vec![Source::plain(caller.reference())]), condition, ..Entry::default() }],
            deny: Vec::new(),
            uses: Vec::new(),
        });
        let without = examine(&repository);
        let mut asking = repository.clone();
        let Ref::Service(workspace, name) = caller.reference() else { unreachable!() };
        asking.exceptions.push(exception("access", &target, &format!("{workspace}:{name}"), ports));
        let with = examine(&asking);
        // Telling where the exception is all that was missing.
        if !without.errors.contains(&"resolve/widens-mandate") || !with.errors.is_empty() {
            return Ok(false);
        }
        let meaning = Meaning::of(&asking);
        let strict = Meaning { excepted: false, ..Meaning::of(&asking) };
        let requests = universe(&asking, &shapes);
        for unit in &with.units {
            let service = unit.service(&asking);
            for request in &requests {
                let (now, before) = (unit.admits(request), strict.admits(service, request));
                let why = || format!("{}\n{}", explained(&meaning, service, request), shown(&asking));
                prop_assert_eq!(now, meaning.admits(service, request), "{}", why());
                prop_assert!(now == before || service.name == target.name, "{}", why());
            }
        }
        let unused = with.said.iter().any(|(id, ..)| *id == "resolve/exception-unused");
        prop_assert!(!unused, "an exception that is needed is called unused: {}", shown(&asking));
        let locks = with.output.iter().filter(|(path, _)| path.ends_with(".lock.json"));
        for (_, lock) in locks {
            prop_assert!(lock.contains(&format!("\"notAfter\": \"{LAST}\"")), "{lock}");
        }
        let after = on_day(&asking, AFTER).errors;
        prop_assert!(after.contains(&"resolve/exception-expired"), "{after:?}\n{}", shown(&asking));
        prop_assert!(after.contains(&"resolve/widens-mandate"), "{after:?}\n{}", shown(&asking));
        prop_assert_eq!(lineage(&target.workspace).len(), 3);
        Ok(true)
    });
}

/// Two workspaces, of which the second is outside what the organization permits.
fn outsider(target: Access, within: Option<&'static str>, excepted: &[(&str, u16)]) -> Examined {
    let node = |path: &str| Node { path: path.to_owned(), ..Node::default() };
    let workspace = |path: &str, namespace: &str| Node { claims: vec![namespace.to_owned()], ..node(path) };
    let service = |name: &str, workspace: &str, namespace: &str| Service {
        name: name.to_owned(),
        workspace: workspace.to_owned(),
        group: None,
        namespace: namespace.to_owned(),
        clusters: vec![0],
        account: name.to_owned(),
        tcp: true,
        mtls: None,
    };
    let mut root = node("/");
    root.mandates.from = Some(vec![Source::plain(Ref::Node("/t/in".to_owned()))]);
    let tenant = Node { defaults: Defaults { within, ..Defaults::default() }, ..node("/t") };
    let api = service("api", "/t/in", "ns-in");
    let mut repository = Repository {
        clusters: vec![Cluster { name: "east".to_owned(), trust_domain: "mesh.example".to_owned(), ambient: false }],
        nodes: vec![root, tenant, workspace("/t/in", "ns-in"), workspace("/t/out", "ns-out")],
        services: vec![api.clone(), service("web", "/t/out", "ns-out")],
        ..Repository::default()
    };
    repository.accesses.extend((!target.allow.is_empty()).then_some(target));
    for (at, (name, port)) in excepted.iter().enumerate() {
        let exception = exception("access", &api, "/t/out:web", Some(vec![*port]));
        let expires = if at == 0 { LAST } else { "2027-01-31" };
        repository.exceptions.push(Exception { name: (*name).to_owned(), expires, ..exception });
    }
    examine(&repository)
}

fn from_outside(ports: &[u16], clip: bool) -> Access {
    let condition = Condition { ports: Some(ports.to_vec()), ..Condition::default() };
    let from = Some(vec![Source::plain(Ref::Service("/t/out".to_owned(), "web".to_owned()))]);
    Access {
        node: "/t/in".to_owned(),
        name: "wanted".to_owned(),
        to: Some(vec![Ref::Service("/t/in".to_owned(), "api".to_owned())]),
        allow: vec![Entry { from, condition, clip, ..Entry::default() }],
        deny: Vec::new(),
        uses: Vec::new(),
    }
}

/// The output ends with the first of the exceptions it needs, however they are needed.
#[track_caller]
fn check_end(examined: &Examined, end: &str) {
    assert_eq!(examined.said, Vec::new());
    let lock = &examined.output[".ringfence/east.lock.json"];
    assert!(lock.contains(&format!("\"notAfter\": \"{end}\"")), "{lock}");
}

#[test]
fn a_grant_that_needs_two_exceptions_ends_with_the_first() {
    check_end(&outsider(from_outside(&[8080, 9000], false), None, &[("EXC-1", 8080), ("EXC-2", 9000)]), "2027-01-31");
}

#[test]
fn a_clipped_grant_ends_with_the_exception_it_is_clipped_to() {
    check_end(&outsider(from_outside(&[8080, 9000], true), None, &[("EXC-1", 8080)]), LAST);
}

#[test]
fn a_default_ends_with_the_exception_that_widens_it() {
    check_end(&outsider(Access::default(), Some("tenant"), &[("EXC-1", 8080)]), LAST);
}

#[test]
fn an_exception_that_nothing_needs_is_reported() {
    let said = outsider(Access::default(), None, &[("EXC-1", 8080)]).said;
    assert_eq!(said.iter().map(|(id, ..)| *id).collect::<Vec<_>>(), ["resolve/exception-unused"]);
}
