//! Exceptions: without one a widening fails; with one its scope alone is widened, until its last day.

use proptest::prelude::*;

use super::examine::{Examined, examine, examine_files, explained, law, shown};
use super::generate::repository;
use super::meaning::{Meaning, lineage};
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
    law(96, 25, &(repository(), any::<prop::sample::Index>()), |(mut repository, index)| {
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

#[test]
fn a_caller_needs_an_exception_and_is_let_through_to_its_scope_alone() {
    let strategy = (repository(), any::<[prop::sample::Index; 2]>(), any::<bool>(), shapes());
    law(128, 25, &strategy, |(mut repository, [from, to], on_port, shapes)| {
        without_trials(&mut repository);
        let (from, to) = (from.index(repository.services.len()), to.index(repository.services.len()));
        let (caller, target) = (repository.services[from].clone(), repository.services[to].clone());
        let ports = on_port.then(|| vec![8080]);
        let condition = Condition { ports: ports.clone(), ..Condition::default() };
        repository.accesses.push(Access {
            node: target.workspace.clone(),
            name: "wanted".to_owned(),
            to: Some(vec![target.reference()]),
            allow: vec![Entry { from: Some(vec![Source::plain(caller.reference())]), condition, ..Entry::default() }],
            deny: Vec::new(),
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
        for unit in &with.units {
            let service = unit.service(&asking);
            for request in universe(&asking, &shapes) {
                let (now, before) = (unit.admits(&request), strict.admits(service, &request));
                let why = explained(&meaning, service, &request);
                prop_assert_eq!(now, meaning.admits(service, &request), "{}\n{}", why, shown(&asking));
                prop_assert!(now == before || service.name == target.name, "{why}\n{}", shown(&asking));
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
