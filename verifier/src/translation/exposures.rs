//! Whether gateways let in what exposures mean: those hosts and paths, to those services, with those tokens and from those addresses.
//!
//! In: [`Resolved`] policy, and what gateways let in by the texts that were compiled from it. Out: the exposures of which that was
//! shown, and a report with a request for each that differs. Both directions are shown: no opening of ours is wider than all
//! exposures of its service together, and each path of an exposure is opened as a whole.
//!
//! What the inventory says at the pods of a gateway is asked once more, for what it opens beside: what it refuses is its own affair.
//!
//! How traffic is divided among versions of a service is not part of it, nor are routes that people wrote by hand.

use std::collections::BTreeSet;

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::diagnostics::codes::verify as code;
use ringfence_compiler::resolve::Resolved;
use ringfence_compiler::resolve::exposures::{Exposed, Path};
use ringfence_compiler::source::Span;
use ringfence_compiler::spec::cluster::{ClientAddress, GatewaySpec};
use ringfence_compiler::spec::exposure::{TlsMode, TlsVersion};
use ringfence_compiler::spec::service::Protocol;

use crate::engine::{Chain, Enforced, Leaf, Test};
use crate::entrances::{Entrance, Entrances, Listening, Opening, Pods};
use crate::exact::{Arrivals, Certainty, Part, Space, Verdict};
use crate::glob::Glob;
use crate::istio::request_authentication::JwtRule;
use crate::meant::{patterns, tokens};
use crate::model::Model;
use crate::reach::admitted;
use crate::request::Request;
use crate::routing::gateway::Tls;
use crate::routing::matching::{self, server_names};

/// Compares the exposures of a cluster; returns where those were written of which something differs.
pub(super) fn compare(
    resolved: &Resolved<'_>,
    model: &Model<'_>,
    beside: Option<&Model<'_>>,
    diagnostics: &mut Diagnostics,
) -> BTreeSet<Span> {
    let here: Vec<&Exposed<'_>> = resolved.exposures.iter().filter(|it| it.cluster == model.name()).collect();
    let mut differing = BTreeSet::new();
    if here.is_empty() {
        return differing;
    }
    let entrances = Entrances::at_hand(model);
    let names: BTreeSet<&str> = here.iter().map(|it| it.document.spec.gateway.value.0.as_str()).collect();
    for name in names {
        let Some(spec) = model.cluster().document.spec.gateways.get(name).map(|it| &it.value) else { continue };
        let exposed: Vec<&Exposed<'_>> =
            here.iter().copied().filter(|it| it.document.spec.gateway.value.0 == name).collect();
        let gateway = Gateway { resolved, model, name, spec, exposed: exposed.clone() };
        for (span, difference) in gateway.differences(&entrances) {
            if differing.insert(span) {
                report(name, span, &difference, diagnostics);
            }
        }
        let Some(model) = beside else { continue };
        let gateway = Gateway { resolved, model, name, spec, exposed };
        for (span, difference) in gateway.differences(&entrances) {
            if let Difference::Wider(request) = difference
                && differing.insert(span)
            {
                let message =
                    format!("gateway `{name}` lets in more than its exposures mean, by a policy of the inventory");
                let differs = code::NOT_AS_MEANT.at(span, message).label("exposed here");
                diagnostics.report(differs.help(format!(
                    "such a request: {request}. An AuthorizationPolicy at its pods admits it beside ours: narrow that, or take it away"
                )));
            }
        }
    }
    differing
}

/// How what a gateway lets in differs from what was meant.
enum Difference {
    /// It lets this in, which nothing means.
    Wider(Request),
    /// It does not let this in, which is meant.
    Narrower(Request),
    /// It rewrites this path to another one than was meant.
    Rewritten(String),
    /// It takes tokens by other rules.
    Tokens,
}

/// A gateway with its exposures.
struct Gateway<'r, 'a> {
    resolved: &'r Resolved<'a>,
    model: &'r Model<'r>,
    name: &'r str,
    spec: &'r GatewaySpec,
    exposed: Vec<&'r Exposed<'a>>,
}

/// What one path of an exposure means at one host.
struct Meaning<'r, 'a> {
    exposed: &'r Exposed<'a>,
    path: &'r Path<'a>,
    chain: Chain<()>,
    /// What of it must be let in: of gRPC calls of methods, which is all a GRPCRoute can name.
    least: Chain<()>,
}

/// What one opening lets in.
struct Let<'e> {
    listener: &'e Entrance,
    opening: &'e Opening,
    chain: Chain<()>,
    arrivals: Arrivals,
}

impl<'r, 'a> Gateway<'r, 'a> {
    fn differences(&self, entrances: &Entrances) -> Vec<(Span, Difference)> {
        let meanings: Vec<Meaning<'r, 'a>> = self.exposed.iter().flat_map(|exposed| self.meanings(exposed)).collect();
        let lets = self.lets(entrances);
        let mut differences = Vec::new();
        let first = || self.exposed.first().map_or(self.spec.namespace.span, |it| it.document.span);
        if !self.takes_tokens_as_meant(entrances) {
            differences.push((first(), Difference::Tokens));
        }
        let tests = || {
            let meant = meanings.iter().flat_map(|it| it.least.rules());
            meant.chain(lets.iter().flat_map(|it| it.chain.rules())).flat_map(Enforced::tests)
        };
        let issuers = lets.first().map(|it| it.arrivals.issuers.clone()).unwrap_or_default();
        let port = lets.first().map_or(443, |it| it.arrivals.port);
        // What a gateway passes on is told apart by attributes of its own, so that one space serves both.
        let arrivals = Arrivals { mtls: false, plaintext: true, issuers, ..Arrivals::anything(port) };
        let space = Space::of(arrivals.clone(), tests(), &[]);
        let part = |chain: &Chain<()>| Verdict::of(&space, &arrivals, chain).part(Certainty::Perhaps);
        let meant: Vec<Part> = meanings.iter().map(|it| part(&it.chain)).collect();
        let opened: Vec<Part> = lets.iter().map(|it| part(&it.chain)).collect();
        for (one, part) in lets.iter().zip(&opened).filter(|(one, _)| is_ours(one.opening)) {
            let fitting = meanings.iter().zip(&meant).filter(|(meaning, _)| self.belongs(one, meaning));
            let spans: Vec<Span> = fitting.clone().map(|(meaning, _)| meaning.exposed.document.span).collect();
            let fitting: Vec<&Part> = fitting.map(|(_, part)| part).collect();
            if let Some(area) = part.beyond(&fitting) {
                let span = spans.first().copied().unwrap_or_else(first);
                differences.push((span, Difference::Wider(space.request(&area))));
            }
        }
        for meaning in &meanings {
            let part = part(&meaning.least);
            let fitting =
                lets.iter().zip(&opened).filter(|(one, _)| !one.opening.mistaken && self.belongs(one, meaning));
            let span = meaning.exposed.document.span;
            differences.extend(
                fitting
                    .clone()
                    .find_map(|(one, _)| rewritten(one.opening, meaning.path))
                    .map(|path| (span, Difference::Rewritten(path))),
            );
            let fitting: Vec<&Part> = fitting.map(|(_, part)| part).collect();
            if let Some(area) = part.beyond(&fitting) {
                differences.push((span, Difference::Narrower(space.request(&area))));
            }
        }
        differences
    }

    /// Returns the pods of the gateway among those of a listener.
    fn own<'e>(&self, listener: &'e Entrance) -> Option<&'e Listening> {
        let called = format!("gateway:{}", self.name);
        listener.pods.iter().find(|it| match &it.pods {
            Pods::Known(stranger) => stranger.name == called,
            Pods::Workload(at) => self.model.cluster().inventory.workloads.get(*at).is_some_and(|workload| {
                workload.namespace == self.spec.namespace.value.0
                    && workload.service_account == self.spec.service_account.value.0
            }),
            Pods::Unknown(_) => false,
        })
    }

    fn lets<'e>(&self, entrances: &'e Entrances) -> Vec<Let<'e>>
    where
        'r: 'e,
    {
        let one = |opening: &'e Opening| {
            let listener = entrances.listener(opening)?;
            let listening = self.own(listener)?;
            let (chain, arrivals) = admitted(self.model, listener, opening, listening);
            Some(Let { listener, opening, chain, arrivals })
        };
        entrances.openings.iter().filter(|opening| opening.shut.is_none()).filter_map(one).collect()
    }

    /// Tells whether an opening leads where a path of an exposure does, and ends TLS as it says.
    fn belongs(&self, one: &Let<'_>, meaning: &Meaning<'_, '_>) -> bool {
        let units = meaning.path.target.units.iter().filter_map(|at| self.resolved.units.get(*at));
        let inventory = self.model.cluster().inventory;
        let behind: BTreeSet<usize> = units
            .flat_map(|governed| &governed.unit.workloads)
            .filter_map(|workload| inventory.workloads.iter().position(|one| std::ptr::eq(one, *workload)))
            .collect();
        let leads = !one.opening.leads.is_empty()
            && one.opening.leads.iter().all(|(at, port)| behind.contains(at) && *port == meaning.path.target.port);
        leads && ends(&one.listener.tls, meaning.exposed)
    }

    /// Returns what an exposure means: one for each host and path.
    fn meanings(&self, exposed: &'r Exposed<'a>) -> Vec<Meaning<'r, 'a>> {
        let hosts: BTreeSet<&str> = self
            .exposed
            .iter()
            .flat_map(|it| it.document.spec.hostnames.0.iter().map(|host| host.value.0.as_str()))
            .collect();
        let mut all = Vec::new();
        for host in exposed.document.spec.hostnames.0.iter().map(|host| host.value.0.as_str()) {
            let narrower = hosts
                .iter()
                .filter(|other| host.strip_prefix('*').is_some_and(|end| **other != host && other.ends_with(end)));
            let narrower: Vec<Leaf> = narrower.map(|other| host_leaf(other)).collect();
            for path in &exposed.paths {
                let mut tests = vec![server_names(&[host.to_owned()])];
                tests.extend(self.addresses(exposed));
                if exposed.tls.mode != TlsMode::Passthrough {
                    tests.push(Test { leaves: vec![host_leaf(host)], negated: false });
                    if !narrower.is_empty() {
                        tests.push(Test { leaves: narrower.clone(), negated: true });
                    }
                    tests.extend(self.paths(host, path));
                    tests.extend(path.auth.map(|auth| {
                        let issuer = |issuer: &str| Leaf::Claim(vec!["iss".to_owned()], Glob::exactly(issuer));
                        let leaves = auth.spec.issuers.iter().map(|it| issuer(&it.issuer.value)).collect();
                        Test { leaves, negated: false }
                    }));
                }
                let rule = Enforced { origin: (), sources: vec![Vec::new()], operations: vec![tests] };
                let chain = Chain { allow: Some(vec![rule]), ..Chain::default() };
                let mut least = chain.clone();
                if path.target.protocol == Some(Protocol::Grpc) {
                    let bare = Test { leaves: vec![Leaf::Path(Glob::exactly(path.at.path.0.clone()))], negated: false };
                    let is_service = !path.at.exact && path.at.path.0 != "/";
                    let no_call = Enforced { origin: (), sources: vec![Vec::new()], operations: vec![vec![bare]] };
                    least.deny.extend(is_service.then_some(no_call));
                }
                all.push(Meaning { exposed, path, chain, least });
            }
        }
        all
    }

    /// Writes the paths of a place without those of places inside it.
    fn paths(&self, host: &str, path: &Path<'_>) -> Vec<Test> {
        let leaves = |patterns: Vec<ringfence_compiler::requests::PathPattern>| {
            patterns.iter().map(|pattern| Leaf::Path(patterns::path(pattern))).collect::<Vec<_>>()
        };
        let of_host =
            self.exposed.iter().filter(|it| it.document.spec.hostnames.0.iter().any(|other| other.value.0 == host));
        let others = of_host.flat_map(|it| &it.paths).map(|other| &other.at);
        let inside = others.filter(|other| **other != path.at && path.at.covers(other));
        let inside: Vec<Leaf> = inside.flat_map(|other| leaves(other.patterns())).collect();
        // Every path begins with a slash.
        let everything = !path.at.exact && path.at.path.0 == "/";
        let own = (!everything).then(|| Test { leaves: leaves(path.at.patterns()), negated: false });
        let mut tests: Vec<Test> = own.into_iter().collect();
        if !inside.is_empty() {
            tests.push(Test { leaves: inside, negated: true });
        }
        tests
    }

    fn addresses(&self, exposed: &Exposed<'_>) -> Option<Test> {
        let ranges = exposed.document.spec.audience.value.ranges()?;
        let is_told = self.spec.client_address.as_ref().is_some_and(|it| it.value == ClientAddress::Forwarded);
        let leaf = |block: &ipnet::IpNet| if is_told { Leaf::Remote(*block) } else { Leaf::Address(*block) };
        Some(Test { leaves: ranges.iter().map(leaf).collect(), negated: false })
    }

    fn takes_tokens_as_meant(&self, entrances: &Entrances) -> bool {
        let documents = self.exposed.iter().flat_map(|it| &it.paths).filter_map(|path| path.auth);
        let meant: BTreeSet<JwtRule> = documents
            .flat_map(|document| &document.spec.issuers)
            .map(|issuer| {
                let mut here = issuer.clone();
                (here.forward, here.claims_to_headers) = (Some(true), Vec::new());
                tokens::rule(&here)
            })
            .collect();
        entrances.listeners.iter().filter_map(|listener| Some((listener, self.own(listener)?))).all(
            |(listener, own)| {
                let taken = crate::reach::tokens_at(self.model, listener, own);
                taken.into_iter().cloned().collect::<BTreeSet<JwtRule>>() == meant
            },
        )
    }
}

/// Tells whether an opening was made of an exposure.
fn is_ours(opening: &Opening) -> bool {
    opening.route.as_ref().is_some_and(|route| route.name.starts_with("ringfence-"))
}

/// Tells whether TLS is ended as an exposure says.
fn ends(tls: &Tls, exposed: &Exposed<'_>) -> bool {
    let version = |said: &Option<String>| match (said.as_deref(), exposed.tls.min_version) {
        (Some("TLSV1_3"), _) | (Some("TLSV1_2"), TlsVersion::V12) => true,
        // The Gateway API says nothing of it, and meshes speak 1.2 at least.
        (None, TlsVersion::V12) => true,
        _ => false,
    };
    match exposed.tls.mode {
        TlsMode::Passthrough => *tls == Tls::Passthrough,
        TlsMode::Mutual => matches!(tls, Tls::Mutual(said) if version(said)),
        TlsMode::Terminate => matches!(tls, Tls::Simple(said) if version(said)),
    }
}

/// Returns a path that an opening rewrites otherwise than a path of an exposure says.
fn rewritten(opening: &Opening, path: &Path<'_>) -> Option<String> {
    let from = path.at.path.0.trim_end_matches('/');
    let to = path.rewrite.as_ref().map_or(from, |rewrite| rewrite.0.trim_end_matches('/'));
    let whole = |text: &str| if text.is_empty() { "/".to_owned() } else { text.to_owned() };
    let mut samples = vec![(whole(from), whole(to))];
    if !path.at.exact {
        samples.push((format!("{from}/x"), format!("{to}/x")));
    }
    let differs =
        |(sent, meant): &(String, String)| opening.is_about(sent) && opening.turned(sent).as_deref() != Some(meant);
    samples.into_iter().find(differs).map(|(sent, _)| sent)
}

/// A host with or without a port; every name below one has none, because no policy could say so.
fn host_leaf(host: &str) -> Leaf {
    Leaf::Host(if host.starts_with('*') { matching::name(host) } else { matching::host(host) })
}

fn report(gateway: &str, span: Span, difference: &Difference, diagnostics: &mut Diagnostics) {
    let (message, shown) = match difference {
        Difference::Wider(request) => {
            (format!("gateway `{gateway}` lets in more than its exposures mean"), Some(format!("request: {request}")))
        }
        Difference::Narrower(request) => {
            (format!("gateway `{gateway}` does not let in what is exposed there"), Some(format!("request: {request}")))
        }
        Difference::Rewritten(path) => (
            format!("gateway `{gateway}` rewrites paths otherwise than its exposures say"),
            Some(format!("path: {path}")),
        ),
        Difference::Tokens => (format!("gateway `{gateway}` takes tokens otherwise than its exposures say"), None),
    };
    let differs = code::NOT_AS_MEANT.at(span, message).label("exposed here");
    diagnostics.report(match shown {
        Some(shown) => differs.help(format!("such a {shown}. This is a fault of ringfence: please report it")),
        None => differs.help("this is a fault of ringfence: please report it"),
    });
}
