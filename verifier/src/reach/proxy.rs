//! The proxy in front of a port: what a chain of rules says of the requests of one caller.
//!
//! In: rules, of manifests or of a policy tree alike; how the port is taken; the identities the caller can show. Out:
//! [`Told`]: what decides, and where nothing gets through, what stands in the way.

use ipnet::IpNet;
use ringfence_compiler::inventory::Workload;
use ringfence_compiler::requests::area::Area;

use super::nearest::{self, Miss, Sought};
use super::{Asked, Caller, Cited, Decider, Detail, Gate, Reach};
use crate::engine::envoy::{Reads, chain};
use crate::engine::{Chain, Enforced, Leaf, RuleRef, Test};
use crate::evaluate::{self, Ruling};
use crate::exact::{Arrivals, Attribute, Certainty, Space, Verdict};
use crate::istio::authorization::{Action, AuthorizationPolicy};
use crate::istio::peer_authentication::PeerAuthentication;
use crate::model::Model;
use crate::request::{Identity, Request};

/// What rules say of what is asked; `O` tells where each comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Told<O> {
    /// Some of it is admitted; `None` where nobody decides.
    Admitted(Option<O>),
    /// Whether it is depends on what no file tells.
    Perhaps(Option<O>),
    /// It is admitted for other addresses than the caller's.
    OtherAddress(Option<O>),
    /// A rule denies all that would be admitted without it.
    Denied(O, Box<Request>),
    /// No rule admits it.
    NoRule(Option<Miss<O>>),
    /// The caller has no certificate, and one is asked for.
    NoCertificate,
}

impl<O> Told<O> {
    /// Returns it in one word.
    #[must_use]
    pub fn reach(&self) -> Reach {
        match self {
            Self::Admitted(_) => Reach::Allowed,
            Self::Perhaps(_) | Self::OtherAddress(_) => Reach::Depends,
            Self::Denied(..) | Self::NoRule(_) | Self::NoCertificate => Reach::Denied,
        }
    }
}

/// Which of many paths or hosts get through.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Requests that do, one of each kind.
    pub reached: Vec<Request>,
    /// Requests that do not, or only perhaps, one of each kind.
    pub refused: Vec<Request>,
}

/// Who asks for what.
pub(super) struct Question<'q> {
    /// The identities that can be shown.
    pub shown: Vec<Identity>,
    /// Where the caller's addresses lie, if it is known.
    pub address: Option<IpNet>,
    pub asked: &'q Asked,
    /// Whether what stands in the way is looked for.
    pub full: bool,
}

impl<'q> Question<'q> {
    pub fn of<'a>(model: &Model<'a>, caller: Caller<'a>, asked: &'q Asked, detail: Detail<'_, '_>) -> Self {
        let shown = caller.identity(model).into_iter().chain(detail.stolen.iter().cloned());
        // A certificate of another trust domain is none here (istio/istio `pilot/pkg/networking/plugin/authn/util.go`).
        let shown = shown.filter(|identity| model.mesh().trust_domains.contains(&identity.trust_domain)).collect();
        let address = match caller {
            Caller::Outside(block) if block.prefix_len() > 0 => Some(block),
            _ => None,
        };
        Self { shown, address, asked, full: detail.full }
    }
}

/// What is found for one way a port may be taken.
pub(super) struct Found<O> {
    pub told: Told<O>,
    pub witness: Option<Request>,
    pub part: Option<Part>,
}

/// Asks a chain.
pub(super) fn ask<O: Copy>(chain: &Chain<O>, arrivals: &Arrivals, question: &Question<'_>) -> Found<O> {
    let asked = question.asked.tests(if arrivals.http { Reads::Http } else { Reads::Bytes });
    let address = question.address.map(|block| Test { leaves: vec![Leaf::Address(block)], negated: false });
    let address: Vec<Test> = address.into_iter().collect();
    let tests = chain.rules().flat_map(Enforced::tests).chain(&asked).chain(&address);
    let space = Space::of(arrivals.clone(), tests, &question.shown);
    let verdict = Verdict::of(&space, arrivals, chain);
    let with = question.shown.iter().filter(|_| arrivals.mtls).map(|peer| space.of_peer(Some(peer)));
    let without = arrivals.plaintext.then(|| space.of_peer(None));
    let peers: Vec<Area> = with.chain(without).collect();
    if peers.is_empty() {
        return Found { told: Told::NoCertificate, witness: None, part: None };
    }
    let crossed = |these: &[Area], those: &[Area]| -> Vec<Area> {
        let both = these.iter().flat_map(|one| those.iter().map(|other| one.and(other)));
        both.filter(|area| !area.is_empty()).collect()
    };
    let anywhere = crossed(&peers, &space.holding(&asked));
    let wanted = crossed(&anywhere, &space.holding(&address));
    let rule_of = |at: Option<usize>| chain.allow.as_ref().and_then(|rules| rules.get(at?)).map(|rule| rule.origin);
    let admitted = |areas: &[Area], certainty| {
        let found = areas.iter().find_map(|area| verdict.admitted(area, certainty));
        found.map(|(at, part)| (rule_of(at), space.request(&part)))
    };
    let part = || parts(&space, &verdict, &wanted, question.asked);
    let found = |told, request, part| Found { told, witness: Some(request), part };
    if let Some((rule, request)) = admitted(&wanted, Certainty::Surely) {
        return found(Told::Admitted(rule), request, question.full.then(part).flatten());
    }
    if let Some((rule, request)) = admitted(&wanted, Certainty::Perhaps) {
        // It is the rule that asks a provider, or what no file tells, that people want to see.
        let rule = match evaluate::rule(chain, &request) {
            Ruling::Asks(asking) | Ruling::Unknown(asking) => Some(asking),
            _ => rule,
        };
        return found(Told::Perhaps(rule), request, None);
    }
    if let Some((rule, request)) = admitted(&anywhere, Certainty::Perhaps) {
        return found(Told::OtherAddress(rule), request, None);
    }
    let told = if question.full { refusal(chain, &space, arrivals, &wanted, question) } else { Told::NoRule(None) };
    Found { told, witness: None, part: None }
}

/// Finds what stands in the way.
fn refusal<O: Copy>(
    chain: &Chain<O>,
    space: &Space,
    arrivals: &Arrivals,
    wanted: &[Area],
    question: &Question<'_>,
) -> Told<O> {
    let undenied = Chain { deny: Vec::new(), custom: Vec::new(), allow: chain.allow.clone() };
    let verdict = Verdict::of(space, arrivals, &undenied);
    if let Some((_, part)) = wanted.iter().find_map(|area| verdict.admitted(area, Certainty::Perhaps)) {
        let request = space.request(&part);
        if let Ruling::Denied(by) = evaluate::rule(chain, &request) {
            return Told::Denied(by, Box::new(request));
        }
    }
    let rules = chain.allow.as_deref().unwrap_or_default();
    Told::NoRule(nearest::find(rules, &Sought { space, verdict: &verdict, arrivals, wanted, question }))
}

/// Tells which of the many paths and hosts that were asked for get through, whatever else the request is.
fn parts(space: &Space, verdict: &Verdict<'_>, wanted: &[Area], asked: &Asked) -> Option<Part> {
    let open: Vec<Attribute> = asked.open();
    if open.is_empty() {
        return None;
    }
    let mut pieces: Vec<Vec<Area>> = vec![wanted.to_vec()];
    for attribute in &open {
        pieces = pieces.iter().flat_map(|areas| space.split(areas, attribute)).collect();
    }
    let mut part = Part { reached: Vec::new(), refused: Vec::new() };
    for areas in pieces {
        match areas.iter().find_map(|area| verdict.admitted(area, Certainty::Surely)) {
            Some((_, found)) => part.reached.push(space.request(&found)),
            None => part.refused.extend(areas.first().map(|area| space.request(area))),
        }
    }
    Some(part)
}

/// Asks the sidecar of a workload, in every mode the port may have and every way it may be read.
pub(super) fn sidecar<'a>(
    model: &Model<'a>,
    caller: Caller<'a>,
    to: &'a Workload,
    port: u16,
    asked: &Asked,
    detail: Detail<'a, '_>,
) -> (Gate<'a>, Option<Request>, Option<Part>) {
    let root = model.cluster().root_namespace();
    let policies = model.policies();
    let modes = policies.modes(&to.namespace, &to.labels, root).at(port);
    let selected = policies.authorizing(&to.namespace, &to.labels, root);
    let question = Question::of(model, caller, asked, detail);
    let tokens = policies.tokens_at(&to.namespace, &to.labels, root);
    let mut ways = Vec::new();
    for mode in &modes {
        for reads in model.readings(to, port) {
            let arrivals = Arrivals {
                port,
                http: *reads == Reads::Http,
                plaintext: mode.plaintext(),
                mtls: mode.mtls(),
                trust_domains: Vec::new(),
                issuers: tokens.iter().map(|rule| rule.taken()).collect(),
            };
            ways.push(ask(&chain(&selected, *reads, model.mesh()), &arrivals, &question));
        }
    }
    let Some(Found { told, witness, part }) = joined(ways) else {
        return (Gate::Unsure(Decider::NotModelled("a port without a mode")), None, None);
    };
    let cite = |rule: RuleRef<'a>| cite(&selected, rule);
    let decider = |rule: Option<RuleRef<'a>>| rule.and_then(cite).map_or(Decider::Nobody, Decider::Rule);
    let about = || {
        let allows = selected.iter().filter(|policy| policy.action == Action::Allow && !policy.dry_run);
        allows.map(|policy| Cited::authorization(policy)).collect()
    };
    let gate = match told {
        Told::Admitted(rule) => Gate::Open(decider(rule)),
        Told::Perhaps(rule) => Gate::Unsure(decider(rule)),
        Told::OtherAddress(rule) => Gate::Unsure(rule.and_then(cite).map_or(Decider::Nobody, Decider::OtherAddress)),
        Told::Denied(by, without) => Gate::Shut(match cite(by) {
            Some(by) => Decider::Denied { by, without },
            None => Decider::NoRule { about: about(), nearest: None },
        }),
        Told::NoRule(miss) => {
            let nearest =
                miss.and_then(|miss| Some(Miss { rule: cite(miss.rule)?, admits: miss.admits, fails: miss.fails }));
            Gate::Shut(Decider::NoRule { about: about(), nearest })
        }
        Told::NoCertificate => {
            let asking = policies.asking(&to.namespace, &to.labels, root, port);
            Gate::Shut(Decider::NoCertificate(asking.into_iter().map(Cited::peer).collect()))
        }
    };
    (gate, witness, part)
}

/// Joins what is said where a port can be taken in several ways, of which nobody knows the one: all of them open is open, all
/// of them shut is shut.
pub(super) fn joined<O>(ways: Vec<Found<O>>) -> Option<Found<O>> {
    let all_open = ways.iter().all(|way| way.told.reach() == Reach::Allowed);
    let widest = ways.into_iter().max_by_key(|way| way.told.reach())?;
    Some(match widest {
        Found { told: Told::Admitted(rule), witness, .. } if !all_open => {
            Found { told: Told::Perhaps(rule), witness, part: None }
        }
        widest => widest,
    })
}

fn cite<'a>(policies: &[&'a AuthorizationPolicy], rule: RuleRef<'a>) -> Option<Cited<'a>> {
    let policy = policies.iter().find(|policy| policy.namespace == rule.namespace && policy.name == rule.name)?;
    let span = policy.rules.get(rule.rule).map_or(policy.span, |rule| rule.span);
    Some(Cited { rule: Some(rule.rule), span, ..Cited::authorization(policy) })
}

impl<'a> Cited<'a> {
    fn authorization(policy: &'a AuthorizationPolicy) -> Self {
        let (namespace, name) = (&policy.namespace, &policy.name);
        let source = policy.source.as_deref();
        Self { kind: "AuthorizationPolicy", namespace, name, rule: None, span: policy.span, source }
    }

    fn peer(policy: &'a PeerAuthentication) -> Self {
        let (namespace, name) = (&policy.namespace, &policy.name);
        let source = policy.source.as_deref();
        Self { kind: "PeerAuthentication", namespace, name, rule: None, span: policy.span, source }
    }
}
