//! The proxy in front of a port: what a chain of rules says of the requests of one caller.
//!
//! In: rules, of manifests or of a policy tree alike; how the port is taken; the identities the caller can show. Out:
//! [`Told`]: what decides, and where nothing gets through, what stands in the way.

use ipnet::IpNet;
use ringfence_compiler::inventory::Workload;
use ringfence_compiler::requests::area::Area;

use super::nearest::{self, Miss, Sought};
use super::{Asked, Caller, Cited, Decider, Detail, Gate, Reach, doubts, outside};
use crate::engine::envoy::Reads;
use crate::engine::{Chain, Enforced, Leaf, RuleRef, Test, chain};
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
    /// A rule denies what would be admitted without it, and without these others.
    Denied(O, Vec<O>, Box<Request>),
    /// No rule admits it.
    NoRule(Option<Miss<O>>),
    /// The caller has no certificate that is taken here, and one is asked for.
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
    /// Requests of which nobody knows: a provider is asked, or what no file tells.
    pub asked: Vec<Request>,
    /// Requests that do not, one of each kind.
    pub refused: Vec<Request>,
}

/// Who asks for what.
pub(super) struct Question<'q> {
    /// The identities that can be shown.
    pub shown: Vec<Identity>,
    /// Identities of trust domains that are not taken here.
    pub foreign: Vec<Identity>,
    /// Where the caller's addresses lie, if it is known.
    pub address: Option<IpNet>,
    /// Tests of which one must hold of the address; anywhere where there is none.
    pub places: Vec<Vec<Test>>,
    pub asked: &'q Asked,
    /// Whether what stands in the way is looked for.
    pub full: bool,
}

impl<'q> Question<'q> {
    pub fn of<'a>(model: &Model<'a>, caller: Caller<'a>, asked: &'q Asked, detail: Detail<'_, '_>) -> Self {
        let shown = caller.identity(model).into_iter().chain(detail.stolen.iter().cloned());
        // A certificate of another trust domain is none here (istio/istio `pilot/pkg/networking/plugin/authn/util.go`).
        let (shown, foreign) = shown.partition(|identity| model.mesh().trust_domains.contains(&identity.trust_domain));
        let address = match caller {
            Caller::Outside(block) if block.prefix_len() > 0 => Some(block),
            _ => None,
        };
        let places = address.map(|block| vec![outside::within(block)]).unwrap_or_default();
        Self { shown, foreign, address, places, asked, full: detail.full }
    }

    /// Asks only about the addresses outside that the network lets through to a port.
    pub fn through<'a>(mut self, model: &Model<'a>, caller: Caller<'a>, to: &Workload, port: u16) -> Self {
        if let Caller::Outside(block) = caller
            && let Some(places) = outside::passing(model, block, to, port)
        {
            self.places = places;
        }
        self
    }
}

/// What is found for one way a port may be taken.
pub(super) struct Found<O> {
    pub told: Told<O>,
    pub witness: Option<Request>,
    pub part: Option<Part>,
    /// What the rule that was told of asks that no file tells; empty where it asks a provider.
    pub untold: Vec<String>,
}

/// Asks a chain.
pub(super) fn ask<O: Copy>(chain: &Chain<O>, arrivals: &Arrivals, question: &Question<'_>) -> Found<O> {
    let asked = question.asked.tests(if arrivals.http { Reads::Http } else { Reads::Bytes });
    let tests = chain.rules().flat_map(Enforced::tests).chain(&asked).chain(question.places.iter().flatten());
    let space = Space::of(arrivals.clone(), tests, &question.shown);
    let verdict = Verdict::of(&space, arrivals, chain);
    let with = question.shown.iter().filter(|_| arrivals.mtls).map(|peer| space.of_peer(Some(peer)));
    let without = arrivals.plaintext.then(|| space.of_peer(None));
    let peers: Vec<Area> = with.chain(without).collect();
    if peers.is_empty() {
        return Found { told: Told::NoCertificate, witness: None, part: None, untold: Vec::new() };
    }
    let crossed = |these: &[Area], those: &[Area]| -> Vec<Area> {
        let both = these.iter().flat_map(|one| those.iter().map(|other| one.and(other)));
        both.filter(|area| !area.is_empty()).collect()
    };
    let anywhere = crossed(&peers, &space.holding(&asked));
    let places: Vec<Area> = match question.places.as_slice() {
        [] => vec![space.everything()],
        places => places.iter().flat_map(|tests| space.holding(tests)).collect(),
    };
    let wanted = crossed(&anywhere, &places);
    let rule_of = |at: Option<usize>| chain.allow.as_ref().and_then(|rules| rules.get(at?)).map(|rule| rule.origin);
    let admitted = |areas: &[Area], certainty| {
        let found = areas.iter().find_map(|area| verdict.admitted(area, certainty));
        found.map(|(at, part)| (rule_of(at), space.request(&part)))
    };
    let part = || parts(&space, &verdict, &wanted, question.asked);
    let found = |told, request, part| Found { told, witness: Some(request), part, untold: Vec::new() };
    if let Some((rule, request)) = admitted(&wanted, Certainty::Surely) {
        return found(Told::Admitted(rule), request, question.full.then(part).flatten());
    }
    if let Some((rule, request)) = admitted(&wanted, Certainty::Perhaps) {
        // It is the rule that asks a provider, or what no file tells, that people want to see.
        let (rule, untold) = match evaluate::rule(chain, &request) {
            Ruling::Asks(asking) => (Some(asking), Vec::new()),
            Ruling::Unknown(asking) => (Some(asking), untold(chain, &request)),
            _ => (rule, vec!["what no file tells".to_owned()]),
        };
        let part = question.full.then(part).flatten();
        return Found { untold, ..found(Told::Perhaps(rule), request, part) };
    }
    if let Some((rule, request)) = admitted(&anywhere, Certainty::Perhaps) {
        return found(Told::OtherAddress(rule), request, None);
    }
    let told = if question.full {
        let sides = Sides { wanted: &wanted, peers: &peers, places: &places };
        refusal(chain, &space, arrivals, (&verdict, &sides), question)
    } else {
        Told::NoRule(None)
    };
    Found { told, witness: None, part: None, untold: Vec::new() }
}

/// Returns what rules ask of a request that no file tells.
fn untold<O>(chain: &Chain<O>, request: &Request) -> Vec<String> {
    let undecided = |rules: &[Enforced<O>]| -> Vec<String> {
        let alone = |rule: &Enforced<O>| Enforced {
            origin: (),
            sources: rule.sources.clone(),
            operations: rule.operations.clone(),
        };
        let is_undecided = |rule: &&Enforced<O>| {
            let chain = Chain { allow: Some(vec![alone(rule)]), ..Chain::default() };
            matches!(evaluate::rule(&chain, request), Ruling::Unknown(()))
        };
        let leaves = rules.iter().filter(is_undecided).flat_map(Enforced::tests).flat_map(|test| &test.leaves);
        leaves.filter_map(|leaf| if let Leaf::Unknown(what) = leaf { Some(what.clone()) } else { None }).collect()
    };
    let mut all = undecided(&chain.deny);
    all.extend(undecided(chain.allow.as_deref().unwrap_or_default()));
    all.sort();
    all.dedup();
    all
}

/// What was asked for, and the callers and places of it.
struct Sides<'s> {
    wanted: &'s [Area],
    peers: &'s [Area],
    places: &'s [Area],
}

/// As many denials of one request as are taken away one by one, to find one that stands alone.
const MOST_DENIALS: usize = 16;

/// Finds what stands in the way.
fn refusal<O: Copy>(
    chain: &Chain<O>,
    space: &Space,
    arrivals: &Arrivals,
    (verdict, sides): (&Verdict<'_>, &Sides<'_>),
    question: &Question<'_>,
) -> Told<O> {
    let undenied_chain = Chain { deny: Vec::new(), custom: Vec::new(), allow: chain.allow.clone() };
    let undenied = Verdict::of(space, arrivals, &undenied_chain);
    let admitted = |verdict: &Verdict<'_>| {
        let part = sides.wanted.iter().find_map(|area| verdict.admitted(area, Certainty::Perhaps));
        part.map(|(_, part)| space.request(&part))
    };
    if let Some(request) = admitted(&undenied) {
        // A rule that stands alone in the way is the one to name: without it, something gets through.
        let denying = |request: &Request| -> Vec<usize> {
            let denies = |at: &usize| {
                let rule = chain.deny.get(*at).into_iter().cloned().collect();
                let alone = Chain { deny: rule, ..Chain::default() };
                matches!(evaluate::rule(&alone, request), Ruling::Denied(_))
            };
            (0..chain.deny.len()).filter(denies).collect()
        };
        let all = denying(&request);
        let alone = all.iter().take(MOST_DENIALS).find_map(|at| {
            let mut rest = Chain { custom: Vec::new(), ..chain.clone() };
            let rule = rest.deny.remove(*at);
            Some((rule.origin, admitted(&Verdict::of(space, arrivals, &rest))?))
        });
        if let Some((by, request)) = alone {
            return Told::Denied(by, Vec::new(), Box::new(request));
        }
        let mut all = nearest::denials(chain, &request).into_iter();
        if let Some(by) = all.next() {
            return Told::Denied(by, all.collect(), Box::new(request));
        }
    }
    let Sides { wanted, peers, places } = sides;
    let sought = Sought { space, verdict, undenied: &undenied, arrivals, wanted, peers, places, question };
    Told::NoRule(nearest::find(chain, &sought))
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
    let mut part = Part { reached: Vec::new(), asked: Vec::new(), refused: Vec::new() };
    for areas in pieces {
        let admitted = |certainty| areas.iter().find_map(|area| verdict.admitted(area, certainty));
        match (admitted(Certainty::Surely), admitted(Certainty::Perhaps)) {
            (Some((_, found)), _) => part.reached.push(space.request(&found)),
            (None, Some((_, found))) => part.asked.push(space.request(&found)),
            (None, None) => part.refused.extend(areas.first().map(|area| space.request(area))),
        }
    }
    Some(part)
}

/// What the proxy before a workload says.
pub(super) struct Said<'a> {
    pub gate: Gate<'a>,
    pub witness: Option<Request>,
    pub part: Option<Part>,
    /// Why it is unsure.
    pub doubts: Vec<String>,
}

/// Asks what stands before a workload, its sidecar or a ztunnel, in every mode the port may have and every way it may be read.
pub(super) fn at<'a>(
    model: &Model<'a>,
    caller: Caller<'a>,
    (to, port): (&'a Workload, u16),
    asked: &Asked,
    detail: Detail<'a, '_>,
) -> Said<'a> {
    let root = model.cluster().root_namespace();
    let policies = model.policies();
    let modes = model.modes(to).at(port);
    let selected = policies.authorizing(&to.namespace, &to.labels, root);
    let question = Question::of(model, caller, asked, detail).through(model, caller, to, port);
    let tokens = model.tokens(to);
    let (mut ways, mut found) = (Vec::new(), Vec::new());
    for mode in &modes {
        for reads in model.readings(to, port) {
            let arrivals = Arrivals {
                port,
                http: *reads == Reads::Http,
                plaintext: mode.plaintext(),
                mtls: mode.mtls(),
                trust_domains: model.mesh().trust_domains.clone(),
                issuers: tokens.iter().map(|rule| rule.taken()).collect(),
            };
            let one = ask(&chain(&selected, *reads, model.mesh()), &arrivals, &question);
            ways.push(doubts::Way { mode: *mode, reads: *reads, reach: one.told.reach() });
            found.push(one);
        }
    }
    let Some(Found { told, witness, part, untold }) = joined(found) else {
        let gate = Gate::Unsure(Decider::NotModelled("a port without a mode"));
        return Said { gate, witness: None, part: None, doubts: Vec::new() };
    };
    let asking = || policies.asking(&to.namespace, &to.labels, root, port);
    let mut why = Vec::new();
    if told.reach() == Reach::Depends {
        let peers: Vec<String> = asking().into_iter().map(|policy| Cited::peer(policy).to_string()).collect();
        why = doubts::of_ways(&ways, &peers);
        let of_rule = |rule: &RuleRef<'_>| {
            let of = |policy: &&&AuthorizationPolicy| policy.namespace == rule.namespace && policy.name == rule.name;
            selected.iter().find(of).copied()
        };
        let policy = if let Told::Perhaps(Some(rule)) = &told { of_rule(rule) } else { None };
        why.extend(doubts::of_told(&told, policy, &untold));
    }
    let cite = |rule: RuleRef<'a>| cite(&selected, rule);
    let of_action = |wanted: &[Action]| -> Vec<Cited<'a>> {
        let those = selected.iter().filter(|policy| wanted.contains(&policy.action) && !policy.dry_run);
        those.map(|policy| Cited::authorization(policy)).collect()
    };
    let refusing = || of_action(&[Action::Deny, Action::Custom]);
    let decider = |rule: Option<RuleRef<'a>>| match rule.and_then(cite) {
        Some(rule) => Decider::Rule(rule),
        None if refusing().is_empty() => Decider::Nobody,
        None => Decider::NotRefused(refusing()),
    };
    let about = || of_action(&[Action::Allow]);
    let gate = match told {
        Told::Admitted(rule) => Gate::Open(decider(rule)),
        Told::Perhaps(rule) => Gate::Unsure(decider(rule)),
        Told::OtherAddress(rule) => Gate::Unsure(rule.and_then(cite).map_or(Decider::Nobody, Decider::OtherAddress)),
        Told::Denied(by, also, without) => Gate::Shut(match cite(by) {
            Some(by) => Decider::Denied { by, also: also.into_iter().filter_map(cite).collect(), without },
            None => Decider::NoRule { about: about(), nearest: None },
        }),
        Told::NoRule(miss) => {
            let nearest = miss.and_then(|Miss { rule, admits, fails, denied }| {
                Some(Miss { rule: cite(rule)?, admits, fails, denied: denied.into_iter().filter_map(cite).collect() })
            });
            Gate::Shut(Decider::NoRule { about: about(), nearest })
        }
        Told::NoCertificate => {
            let asking = asking().into_iter().map(Cited::peer).collect();
            Gate::Shut(Decider::NoCertificate { asking, foreign: question.foreign.first().cloned() })
        }
    };
    Said { gate, witness, part, doubts: why }
}

/// Joins what is said where a port can be taken in several ways, of which nobody knows the one: all of them open is open, all
/// of them shut is shut.
pub(super) fn joined<O>(ways: Vec<Found<O>>) -> Option<Found<O>> {
    let all_open = ways.iter().all(|way| way.told.reach() == Reach::Allowed);
    let widest = ways.into_iter().max_by_key(|way| way.told.reach())?;
    Some(match widest {
        Found { told: Told::Admitted(rule), witness, .. } if !all_open => {
            Found { told: Told::Perhaps(rule), witness, part: None, untold: Vec::new() }
        }
        widest => widest,
    })
}

impl<'a> Cited<'a> {
    /// Returns the rule of one of these policies.
    pub(crate) fn of(policies: &[&'a AuthorizationPolicy], rule: RuleRef<'a>) -> Option<Self> {
        cite(policies, rule)
    }
}

pub(super) fn cite<'a>(policies: &[&'a AuthorizationPolicy], rule: RuleRef<'a>) -> Option<Cited<'a>> {
    let policy = policies.iter().find(|policy| policy.namespace == rule.namespace && policy.name == rule.name)?;
    let span = policy.rules.get(rule.rule).map_or(policy.span, |rule| rule.span);
    Some(Cited { rule: Some(rule.rule), span, ..Cited::authorization(policy) })
}

impl<'a> Cited<'a> {
    pub(crate) fn authorization(policy: &'a AuthorizationPolicy) -> Self {
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
