//! `mesh/rival-routes`: routes of two objects that are about the same requests, where only their age says which takes them.
//!
//! In: what gateways let in, and the VirtualServices of sidecars. Out: a finding for each two objects that lead a request in
//! common elsewhere. Creation times are in no repository.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::diagnostics::codes::mesh as code;

use super::{Context, is_at_one_port};
use crate::engine::{Chain, Enforced, Leaf, Test};
use crate::entrances::{Entrance, Entrances, Opening, older};
use crate::exact::{Arrivals, Certainty, Space, Verdict};
use crate::request::Request;
use crate::routing::gateway::Speaks;
use crate::routing::virtual_service::VirtualService;
use crate::routing::{Leads, Named, Rule};

/// More openings than this at one host are not compared with each other.
const MOST: usize = 400;

pub(super) fn check(context: &Context<'_>, diagnostics: &mut Diagnostics) {
    at_gateways(context, diagnostics);
    at_sidecars(context, diagnostics);
}

fn at_gateways(context: &Context<'_>, diagnostics: &mut Diagnostics) {
    let entrances = context.entrances;
    let mut of_hosts: BTreeMap<&str, Vec<&Opening>> = BTreeMap::new();
    for opening in entrances.openings.iter().filter(|it| !it.mistaken && it.route.is_some()) {
        of_hosts.entry(&opening.host).or_default().push(opening);
    }
    let mut said: BTreeSet<(&Named, &Named)> = BTreeSet::new();
    for open in of_hosts.into_values() {
        of_host(entrances, &open, &mut said, diagnostics);
    }
}

/// Compares the openings of one host with each other.
fn of_host<'e>(
    entrances: &'e Entrances,
    open: &[&'e Opening],
    said: &mut BTreeSet<(&'e Named, &'e Named)>,
    diagnostics: &mut Diagnostics,
) {
    for (at, one) in open.iter().enumerate() {
        let rivals = open.iter().skip(at + 1).take(MOST).filter(|other| other.route != one.route);
        for other in rivals {
            let (Some(first), Some(second)) = (&one.route, &other.route) else { continue };
            let pair = if first < second { (first, second) } else { (second, first) };
            if said.contains(&pair) || is_same(open, one, other) {
                continue;
            }
            let (Some(here), Some(there)) = (entrances.listener(one), entrances.listener(other)) else { continue };
            if !is_decided_by_age((here, one), (there, other)) {
                continue;
            }
            if let Some(witness) = in_common(here, one, other) {
                said.insert(pair);
                report(one, other, &witness, diagnostics);
            }
        }
    }
}

/// Tells whether a request that two openings are about goes the way of the older one.
fn is_decided_by_age((here, one): (&Entrance, &Opening), (there, other): (&Entrance, &Opening)) -> bool {
    if one.listener != other.listener {
        // Routes of plaintext listeners at one port are of one table.
        let of_one_table = here.object != there.object && !here.tls.is_there() && !there.tls.is_there();
        return of_one_table && here.shut.is_none() && there.shut.is_none() && is_at_one_port(here, there);
    }
    let (Some(first), Some(second)) = (&one.route, &other.route) else { return false };
    let (of_one, of_other) = (older(second, first), older(first, second));
    here.shut.is_none() && hinges(&one.requests, &of_one) && hinges(&other.requests, &of_other)
}

fn hinges(chain: &Chain<()>, on: &str) -> bool {
    let is_it = |test: &Test| test.leaves.iter().any(|leaf| matches!(leaf, Leaf::Unknown(what) if what == on));
    chain.deny.iter().any(|rule| rule.tests().any(is_it))
}

/// Finds a request that both are about, and that surely no other rule takes before them.
fn in_common(listener: &Entrance, one: &Opening, other: &Opening) -> Option<Request> {
    let is_sure =
        |rule: &&Enforced<()>| !rule.tests().flat_map(|test| &test.leaves).any(|leaf| matches!(leaf, Leaf::Unknown(_)));
    let allow = one.requests.allow.iter().flatten().flat_map(|rule| {
        other.requests.allow.iter().flatten().map(move |their| Enforced {
            origin: (),
            sources: rule.sources.clone(),
            operations: rule
                .operations
                .iter()
                .flat_map(|tests| their.operations.iter().map(move |more| [tests.as_slice(), more].concat()))
                .collect(),
        })
    });
    let deny = one.requests.deny.iter().chain(&other.requests.deny).filter(is_sure).cloned().collect();
    let chain = Chain { deny, custom: Vec::new(), allow: Some(allow.collect()) };
    let arrivals = Arrivals {
        port: listener.port,
        http: listener.speaks == Speaks::Http,
        plaintext: true,
        mtls: false,
        trust_domains: Vec::new(),
        issuers: Vec::new(),
    };
    let space = Space::of(arrivals.clone(), chain.rules().flat_map(Enforced::tests), &[]);
    let verdict = Verdict::of(&space, &arrivals, &chain);
    let found = verdict.admitted(&space.of_peer(None), Certainty::Surely);
    found.map(|(_, part)| space.request(&part))
}

/// Tells whether two matches lead requests to the same backends, unchanged or changed alike.
fn is_same(all: &[&Opening], one: &Opening, other: &Opening) -> bool {
    let leads = |of: &Opening| {
        let ways = all.iter().filter(|it| it.listener == of.listener && it.route == of.route && it.rule == of.rule);
        let mut ways: Vec<String> =
            ways.map(|it| format!("{:?} {:?} {} {:?}", it.target, it.port, it.mirrors, it.rewriting)).collect();
        ways.sort();
        ways.dedup();
        ways
    };
    leads(one) == leads(other)
}

fn report(one: &Opening, other: &Opening, witness: &Request, diagnostics: &mut Diagnostics) {
    let (Some(first), Some(second)) = (&one.route, &other.route) else { return };
    let span = |opening: &Opening, named: &Named| opening.rule.map_or(named.span, |(_, span)| span);
    let message = if first.namespace == second.namespace {
        format!("{first} and {second} take the same requests for `{}`, and the older one gets them", one.host)
    } else {
        format!(
            "{first} and {second}, of two namespaces, take the same requests for `{}`, and the older one gets them",
            one.host
        )
    };
    diagnostics.report(
        code::RIVAL_ROUTES
            .at(span(one, first), message)
            .label(format!("leads `{}` to {}", one.words(), one.target))
            .and(span(other, second), format!("leads `{}` to {}", other.words(), other.target))
            .help(format!(
                "no file tells which is older: leave the host and path to one of them; both take {}",
                example(witness)
            )),
    );
}

/// Writes a request as people do.
fn example(request: &Request) -> String {
    match &request.http {
        Some(http) => format!("`{} {}{}`", http.method, http.host, http.target()),
        None => "a connection".to_owned(),
    }
}

/// Finds VirtualServices of which a sidecar takes one whole: there nothing is merged.
fn at_sidecars(context: &Context<'_>, diagnostics: &mut Diagnostics) {
    let services = &context.model.policies().routing.virtual_services;
    let mut of_hosts: BTreeMap<&str, Vec<&VirtualService>> = BTreeMap::new();
    for service in services.iter().filter(|it| is_of_mesh(it)) {
        service.hosts.iter().for_each(|host| of_hosts.entry(host).or_default().push(service));
    }
    let mut said: BTreeSet<(&Named, &Named)> = BTreeSet::new();
    for (host, rivals) in &of_hosts {
        let pairs = rivals
            .iter()
            .enumerate()
            .flat_map(|(at, one)| rivals.iter().skip(at + 1).take(MOST).map(move |other| (*one, *other)));
        for (one, other) in pairs {
            if one.object == other.object || !said.insert((&one.object, &other.object)) {
                continue;
            }
            if !are_seen_alike(context, one, other) || does_same(one, other) {
                continue;
            }
            let (first, second) = (&one.object, &other.object);
            let message = format!("sidecars go by {first} or by {second} for `{host}`, whichever is older");
            diagnostics.report(
                code::RIVAL_ROUTES
                    .at(first.span, message)
                    .label("is taken whole, or not at all")
                    .and(second.span, "likewise")
                    .help("no file tells which is older, and sidecars join no two VirtualServices: make one of them"),
            );
        }
    }
}

/// Tells whether sidecars go by it.
fn is_of_mesh(service: &VirtualService) -> bool {
    let names = |gateways: &[String]| gateways.iter().any(|gateway| gateway == "mesh");
    let is_meant = |rule: &Rule| rule.matches.iter().any(|it| it.gateways.is_empty() || names(&it.gateways));
    let mut rules = service.http.iter().chain(&service.tls).chain(&service.tcp);
    names(&service.gateways) && !service.hosts.is_empty() && rules.any(is_meant)
}

/// Tells whether some sidecar sees both, by the same right: those that are kept to a namespace come before others.
fn are_seen_alike(context: &Context<'_>, one: &VirtualService, other: &VirtualService) -> bool {
    let is_public = |it: &VirtualService| it.export_to.is_empty() || it.export_to.iter().any(|to| to == "*");
    let is_private = |it: &VirtualService| it.export_to.iter().all(|to| to == ".") && !it.export_to.is_empty();
    let callers = || context.model.workloads().filter(|workload| context.model.identity(workload).is_some());
    match (is_public(one), is_public(other)) {
        (true, true) => callers().next().is_some(),
        (false, false) => {
            is_private(one)
                && is_private(other)
                && one.object.namespace == other.object.namespace
                && callers().any(|workload| workload.namespace == one.object.namespace)
        }
        _ => false,
    }
}

fn does_same(one: &VirtualService, other: &VirtualService) -> bool {
    let rules = |service: &VirtualService| {
        let rules = [&service.http, &service.tls, &service.tcp];
        rules.map(|rules| rules.iter().map(told).collect::<Vec<_>>())
    };
    rules(one) == rules(other)
}

/// Writes down what a rule does, wherever it was written.
fn told(rule: &Rule) -> String {
    let matches: Vec<String> =
        rule.matches.iter().map(|it| format!("{:?} {:?} {:?}", it.tests, it.port, it.labels)).collect();
    let leads = match &rule.leads {
        Leads::To(backends, rewriting) => {
            let backends: Vec<String> =
                backends.iter().map(|it| format!("{:?} {:?} {}", it.target, it.port, it.mirrors)).collect();
            format!("{backends:?} {rewriting:?}")
        }
        Leads::Delegate(to) => format!("{}/{} {:?}", to.namespace, to.name, to.rewriting),
        Leads::Nowhere(why) => (*why).to_owned(),
    };
    format!("{matches:?} {leads}")
}
