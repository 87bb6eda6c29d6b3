//! Compiles a repository and keeps what the laws ask about.

use std::cell::Cell;
use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestError, TestRunner};
use ringfence_compiler::compile::compile;
use ringfence_compiler::diagnostics::{Diagnostics, Severity};
use ringfence_compiler::parse::parse;
use ringfence_compiler::requests::Request;
use ringfence_compiler::resolve::access::{Access, Bound, Grant};
use ringfence_compiler::resolve::authentication::Authentication;
use ringfence_compiler::resolve::resolve;
use ringfence_compiler::resolve::settings::Settings;
use ringfence_compiler::shape::scalar::Text;
use ringfence_compiler::source::Sources;
use ringfence_compiler::spec::names::Day;
use serde_json::Value;

use super::authorization::Pod;
use super::files::Layout;
use super::meaning::Meaning;
use super::repository::*;
use crate::support::Files;

/// What became of a repository.
pub struct Examined {
    /// What was said: id, message and help of errors and warnings, sorted.
    pub said: Vec<(&'static str, String, String)>,
    /// The ids of the errors.
    pub errors: Vec<&'static str>,
    /// What holds at each unit; empty where something was wrong.
    pub units: Vec<Unit>,
    /// Every file of the output.
    pub output: BTreeMap<String, String>,
}

/// A unit: the service of one cluster.
pub struct Unit {
    pub cluster: String,
    pub namespace: String,
    pub name: String,
    pub access: Access,
    pub settings: Settings,
    pub authentication: Authentication,
    /// The ports its manifests declare.
    pub ports: Vec<u16>,
}

impl Unit {
    pub fn service<'r>(&self, repository: &'r Repository) -> &'r Service {
        repository.services.iter().find(|service| service.name == self.name).unwrap()
    }

    pub fn pod(&self) -> Pod<'_> {
        Pod { namespace: &self.namespace, app: &self.name }
    }

    /// Tells whether the resolved sets admit a request: `(⋂ ceilings) ∩ (⋃ grants) ∖ (⋃ denies)`, and a token where one is
    /// demanded.
    pub fn admits(&self, request: &Request) -> bool {
        let within = |bound: &Bound| match bound {
            Bound::AtMost(most) => most.matches(request),
            Bound::Never(never) => !never.matches(request),
        };
        let among = |grants: &[Grant]| grants.iter().any(|grant| !grant.on_trial && grant.set.matches(request));
        let token = request.token.is_some()
            || request.method.is_empty()
            || self.authentication.required.is_none()
            || self.authentication.exempt.iter().any(|path| path.matches(&request.path));
        among(&self.access.grants)
            && !among(&self.access.denies)
            && self.access.ceilings.iter().filter(|ceiling| !ceiling.on_trial).all(|ceiling| within(&ceiling.bound))
            && token
    }
}

impl Examined {
    /// Returns the objects of each cluster, as another YAML reader reads them.
    pub fn objects(&self) -> BTreeMap<String, Vec<Value>> {
        let mut objects: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for (path, text) in self.output.iter().filter(|(path, _)| path.starts_with("clusters/")) {
            let cluster = path.split('/').nth(1).unwrap().to_owned();
            objects.entry(cluster).or_default().push(serde_yaml::from_str(text).unwrap());
        }
        objects
    }
}

/// Compiles a repository, laid out plainly, for today.
pub fn examine(repository: &Repository) -> Examined {
    examine_files(&repository.files(&Layout::plain()), TODAY)
}

/// Compiles files for a day.
pub fn examine_files(files: &Files, day: &str) -> Examined {
    let mut sources = Sources::new();
    let mut diagnostics = Diagnostics::new();
    let mut units = Vec::new();
    let mut output = BTreeMap::new();
    if let Ok(parsed) = parse(files, &mut sources, &mut diagnostics)
        && let Ok(resolved) = resolve(&parsed, Day::parse(day).unwrap(), &mut diagnostics)
        && let Ok(compiled) = compile(&resolved, &sources, &mut diagnostics)
    {
        output = compiled.files;
        let unit = |governed: ringfence_compiler::resolve::Governed<'_>| Unit {
            cluster: governed.unit.cluster.to_owned(),
            namespace: governed.unit.namespace.to_owned(),
            name: governed.unit.name,
            access: governed.access,
            settings: governed.settings,
            authentication: governed.authentication,
            ports: governed.unit.ports.into_keys().collect(),
        };
        units = resolved.units.into_iter().map(unit).collect();
    }
    let sorted = diagnostics.sorted(&sources);
    let heard = sorted.into_iter().filter(|said| said.code().severity != Severity::Note);
    let mut said: Vec<_> = heard
        .clone()
        .map(|said| (said.code().id, said.message().to_owned(), said.help_text().unwrap_or_default().to_owned()))
        .collect();
    said.sort();
    let wrong = heard.filter(|said| said.code().severity == Severity::Error);
    let errors: Vec<_> = wrong.map(|said| said.code().id).collect();
    assert!(errors.is_empty() || output.is_empty(), "nothing is written where something is wrong");
    Examined { said, errors, units, output }
}

/// Runs a law on random input. The check says whether the case had something to show; too few of those and the law shows
/// nothing. Where chance brings few, it is given more rounds before that counts.
pub fn law<S: Strategy>(cases: u32, least: u32, strategy: &S, check: impl Fn(S::Value) -> Result<bool, TestCaseError>) {
    let telling = Cell::new(0);
    let config = ProptestConfig {
        cases,
        failure_persistence: None,
        max_shrink_iters: 4000,
        max_shrink_time: 20_000,
        ..ProptestConfig::default()
    };
    let mut result = Ok(());
    for _ in 0..ROUNDS {
        // A runner that has had its cases runs no more of them.
        result = TestRunner::new(config.clone()).run(strategy, |input| {
            if check(input)? {
                telling.set(telling.get() + 1);
            }
            Ok(())
        });
        if result.is_err() || telling.get() >= least {
            break;
        }
    }
    // The reason shows the repository as files, which reads better than the generated value.
    match result {
        Ok(()) => {}
        Err(TestError::Fail(reason, _)) => panic!("{reason}"),
        Err(TestError::Abort(reason)) => panic!("no more cases: {reason}"),
    }
    assert!(telling.get() >= least, "only {} of {ROUNDS} x {cases} cases had something to show", telling.get());
}

/// How often a law is run anew at most.
const ROUNDS: u32 = 10;

/// Returns the first of some requests about which two sides disagree, with what is said of it.
pub fn disagreement(
    requests: &[Request],
    one: impl Fn(&Request) -> bool,
    other: impl Fn(&Request) -> bool,
) -> Option<(&Request, bool)> {
    requests.iter().map(|request| (request, one(request))).find(|(request, said)| other(request) != *said)
}

/// Shows what a failing case is about.
pub fn shown(repository: &Repository) -> String {
    let files = repository.files(&Layout::plain());
    let policy = files.iter().filter(|(path, _)| path.starts_with("policy/"));
    policy.map(|(path, text)| format!("=== {path}\n{}", String::from_utf8_lossy(text))).collect()
}

/// Shows a meaning's view of one request.
pub fn explained(meaning: &Meaning<'_>, service: &Service, request: &Request) -> String {
    format!(
        "{request} at {}: ceilings permit it: {}, granted: {}, denied: {}",
        service.name,
        meaning.permits(service, request),
        meaning.grants(service, request),
        meaning.denies(service, request)
    )
}
