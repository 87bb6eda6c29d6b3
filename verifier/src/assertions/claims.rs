//! One claim after another.
//!
//! In: an assertion. Out: its [`Judgement`]. What must never be possible is asked of everybody who may be meant, at every port;
//! what must always be possible of those who certainly are.

use std::collections::BTreeSet;

use rayon::prelude::*;
use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::document::Document;
use ringfence_compiler::requests::IdentityPattern;
use ringfence_compiler::shape::OneOrMany;
use ringfence_compiler::source::{Span, Spanned};
use ringfence_compiler::spec::access::Port;
use ringfence_compiler::spec::assertion::{AssertionSpec, Reach as Traffic, RequestCase, Verdict as Expected};
use ringfence_compiler::spec::reference::{NodePath, Reference};
use ringfence_compiler::spec::zone::ZoneSpec;

use super::callers::{Candidate, Role};
use super::exempt::{ByGateway, Exempt, Wanted, condition};
use super::report::Finding;
use super::terrain::{Place, Terrain, Who};
use super::{Claim, Evidence, Judgement, Verdict};
use crate::reach::{Answer, Asked, Reach};
use crate::request::Identity;
use crate::spoken::Spoken;

impl Terrain<'_> {
    /// Judges every claim of an assertion.
    pub fn judge(&self, document: &Document<AssertionSpec>, diagnostics: &mut Diagnostics) -> Judgement {
        let (node, spec) = (&document.node, &document.spec);
        let mut claims = Vec::new();
        for traffic in listed(spec.never.as_ref()) {
            claims.push(self.never(traffic, node, diagnostics));
        }
        for traffic in listed(spec.always.as_ref()) {
            claims.push(self.always(traffic, node, diagnostics));
        }
        for hops in listed(spec.hops.as_ref()) {
            claims.push(self.hops(hops, node, diagnostics));
        }
        if let Some(nodes) = &spec.isolated {
            claims.push(self.isolated(&nodes.0, diagnostics));
        }
        for outside in listed(spec.outside.as_ref()) {
            claims.push(self.outside(outside, node, diagnostics));
        }
        for case in &spec.requests {
            claims.push(self.request(case, node, diagnostics));
        }
        Judgement { name: document.name().to_owned(), node: node.to_string(), controls: spec.controls.clone(), claims }
    }

    fn never(&self, traffic: &Traffic, node: &NodePath, diagnostics: &mut Diagnostics) -> Claim {
        let callers = traffic.from.0.iter().flat_map(|reference| self.anybody(reference, node));
        let callers: Vec<Candidate<'_>> = self.but(callers, traffic, node);
        let places = self.all_targets(&traffic.to, node);
        let exempt = Exempt::of(self, traffic.unless.as_ref(), node);
        let asked = |from: Who<'_>| exempt.straight(self, from);
        let asked =
            Wanted { straight: &asked, by_gateway: &|listener, identity| exempt.by_gateway(listener, identity) };
        let ports = traffic.ports.as_ref();
        let found = self.survey(&callers, &places, ports, &asked, |_, _| true);
        let text = format!("never {}", words(traffic));
        let nobody = traffic.from.0.iter().find(|it| callers.is_empty() || self.anybody(it, node).is_empty());
        let nobody = nobody.or_else(|| self.without_workloads(&traffic.to, node)).filter(|_| found.is_empty());
        if let Some(nobody) = nobody {
            return self.about_nobody("never", text, nobody, diagnostics);
        }
        self.denied("never", text, &found, "must never reach it", diagnostics, traffic.from.0.first().map(|it| it.span))
    }

    /// Finds a reference that stands for no workload.
    fn without_workloads<'r>(
        &self,
        references: &'r OneOrMany<Spanned<Reference>>,
        node: &NodePath,
    ) -> Option<&'r Spanned<Reference>> {
        references.0.iter().find(|reference| self.targets(reference, node).is_empty())
    }

    /// Judges a claim of which a part is about nobody: nothing is asked there, so nothing is proved.
    pub(super) fn about_nobody<N: std::fmt::Display>(
        &self,
        field: &'static str,
        text: String,
        nobody: &Spanned<N>,
        diagnostics: &mut Diagnostics,
    ) -> Claim {
        let because = format!("`{}` stands for nobody", nobody.value);
        let verdict = Verdict::NotProved(Evidence { because, steps: Vec::new() });
        self.report(&verdict, (nobody.span, "stands for nobody"), None, diagnostics);
        Claim { field, text, verdict }
    }

    fn isolated(&self, nodes: &[Spanned<NodePath>], diagnostics: &mut Diagnostics) -> Claim {
        let mut found = Vec::new();
        for from in nodes {
            let callers = self.members(from);
            let own = self.workloads_in(&from.value);
            for to in nodes.iter().filter(|to| to.value != from.value) {
                let theirs = self.workloads_in(&to.value);
                let places: BTreeSet<Place> = theirs.difference(&own).copied().collect();
                let stranger = |from: Who<'_>, _| from.place().is_none_or(|place| !theirs.contains(&place));
                let anything = Asked::anything();
                let asked =
                    Wanted { straight: &|_| vec![anything.clone()], by_gateway: &|_, _| vec![anything.clone()] };
                found.extend(self.survey(&callers, &places, None, &asked, stranger));
            }
        }
        let names: Vec<String> = nodes.iter().map(|node| node.value.to_string()).collect();
        let text = format!("{} are isolated from each other", names.join(", "));
        let is_nobody = |node: &&Spanned<NodePath>| self.workloads_in(&node.value).is_empty();
        if let Some(nobody) = nodes.iter().find(is_nobody).filter(|_| found.is_empty()) {
            return self.about_nobody("isolated", text, nobody, diagnostics);
        }
        self.denied(
            "isolated",
            text,
            &found,
            "must reach none of the others",
            diagnostics,
            nodes.first().map(|it| it.span),
        )
    }

    /// Judges a claim by what was found to get through, which nothing should.
    fn denied(
        &self,
        field: &'static str,
        text: String,
        found: &[Finding<'_>],
        label: &str,
        diagnostics: &mut Diagnostics,
        span: Option<Span>,
    ) -> Claim {
        // The first of the worst, so that it is the same on every run.
        let worst = found.iter().rev().max_by_key(|finding| finding.reach);
        let Some(worst) = worst else { return Claim { field, text, verdict: Verdict::Proved } };
        let step = self.step(worst);
        let sure = worst.reach == Reach::Allowed;
        let verb = if sure { "reaches" } else { "may reach" };
        let more = found.iter().filter(|finding| finding.reach == worst.reach).count() - 1;
        let more = match more {
            0 => String::new(),
            1 => ", and 1 more such way".to_owned(),
            more => format!(", and {more} more such ways"),
        };
        let by = worst.answer.by.as_ref().map(|by| format!(" by way of {by}")).unwrap_or_default();
        let clause = worst.role.clause();
        let because = format!("`{}`{clause} {verb} `{}` port {}{by}{more}", step.from, step.to, worst.port);
        let evidence = Evidence { because, steps: vec![step] };
        let verdict = if sure { Verdict::Broken(evidence) } else { Verdict::NotProved(evidence) };
        let place = (if field == "requests" { span.unwrap_or(worst.span) } else { worst.span }, label);
        self.report(&verdict, place, Some(worst), diagnostics);
        Claim { field, text, verdict }
    }

    /// Leaves out the callers that are not meant, by the identity they show.
    fn but<'t>(
        &'t self,
        callers: impl Iterator<Item = Candidate<'t>>,
        traffic: &Traffic,
        node: &NodePath,
    ) -> Vec<Candidate<'t>> {
        let except: BTreeSet<IdentityPattern> =
            listed(traffic.except.as_ref()).flat_map(|reference| self.patterns(reference, node)).collect();
        callers.filter(|candidate| !self.is_one_of(candidate.from, &except)).collect()
    }

    fn always(&self, traffic: &Traffic, node: &NodePath, diagnostics: &mut Diagnostics) -> Claim {
        let callers = traffic.from.0.iter().flat_map(|reference| self.everybody(reference, node));
        let callers: Vec<Candidate<'_>> = self.but(callers, traffic, node);
        let places = self.all_targets(&traffic.to, node);
        let text = format!("always {}", words(traffic));
        let span = traffic.from.0.first().map(|it| it.span);
        let nobody = traffic.from.0.iter().find(|it| callers.is_empty() || self.everybody(it, node).is_empty());
        let missing = self.missing(&callers, &places, traffic.ports.as_ref(), &Asked::anything());
        let nobody = nobody.or_else(|| self.without_workloads(&traffic.to, node)).filter(|_| missing.found.is_empty());
        if let Some(nobody) = nobody {
            return self.about_nobody("always", text, nobody, diagnostics);
        }
        self.allowed("always", text, &missing, "must always reach it", diagnostics, span)
    }

    fn request(&self, case: &RequestCase, node: &NodePath, diagnostics: &mut Diagnostics) -> Claim {
        let places = self.targets(&case.to, node);
        let ports = case.port.clone().map(|port| OneOrMany(vec![port]));
        let asked = Asked {
            method: case.method.as_ref().map(|method| method.value.0.clone()),
            path: case.path.as_ref().map(|path| path.value.clone()),
            host: case.host.as_ref().map(|host| host.value.clone()),
            ..Asked::default()
        };
        let what = [asked.method.as_deref(), asked.path.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ");
        let what = if what.is_empty() { "any request".to_owned() } else { what };
        let port = case.port.as_ref().map(|port| format!(" port {}", port.value)).unwrap_or_default();
        let expected = if case.expect == Expected::Allowed { "allowed" } else { "denied" };
        let text = format!("{what} from {} to {}{port} is {expected}", case.from.value, case.to.value);
        let nobody = |callers: &[Candidate<'_>]| match (callers.is_empty(), places.is_empty()) {
            (true, _) => Some(&case.from),
            (false, true) => Some(&case.to),
            (false, false) => None,
        };
        if case.expect == Expected::Allowed {
            let callers = self.everybody(&case.from, node);
            if let Some(nobody) = nobody(&callers) {
                return self.about_nobody("requests", text, nobody, diagnostics);
            }
            let missing = self.missing(&callers, &places, ports.as_ref(), &asked);
            return self.allowed(
                "requests",
                text,
                &missing,
                "expected to be allowed",
                diagnostics,
                Some(case.from.span),
            );
        }
        let wanted = Wanted { straight: &|_| vec![asked.clone()], by_gateway: &|_, _| vec![asked.clone()] };
        let callers = self.anybody(&case.from, node);
        if let Some(nobody) = nobody(&callers) {
            return self.about_nobody("requests", text, nobody, diagnostics);
        }
        let found = self.survey(&callers, &places, ports.as_ref(), &wanted, |_, _| true);
        self.denied("requests", text, &found, "expected to be denied", diagnostics, Some(case.from.span))
    }

    /// Judges a claim by what was found missing, of which there should be nothing.
    fn allowed(
        &self,
        field: &'static str,
        text: String,
        missing: &Missing<'_>,
        label: &str,
        diagnostics: &mut Diagnostics,
        span: Option<Span>,
    ) -> Claim {
        let held = self.quarantined();
        let is_held = |finding: &&Finding<'_>| {
            held.contains(&finding.to) || finding.from.place().is_some_and(|at| held.contains(&at))
        };
        let worst = missing.found.iter().filter(|finding| !is_held(finding)).min_by_key(|finding| finding.reach);
        // What a quarantine suspends is suspended of claims as well, or nobody could write it down in time.
        let suspended = missing.found.iter().find(is_held).filter(|_| worst.is_none());
        let (verdict, worst) = match (worst.or(suspended), &missing.alone) {
            (None, None) => return Claim { field, text, verdict: Verdict::Proved },
            (None, Some(because)) => {
                (Verdict::NotProved(Evidence { because: because.clone(), steps: Vec::new() }), None)
            }
            (Some(worst), _) => {
                let step = self.step(worst);
                let denied = worst.reach == Reach::Denied;
                let verb = if denied { "does not reach" } else { "reaches perhaps, and not surely," };
                let port = if missing.any { "at any port".to_owned() } else { format!("port {}", worst.port) };
                let why = if suspended.is_some() { ": one of them is in quarantine" } else { "" };
                let because = format!("`{}` {verb} `{}` {port}{why}", step.from, step.to);
                let evidence = Evidence { because, steps: vec![step] };
                (
                    if denied && suspended.is_none() {
                        Verdict::Broken(evidence)
                    } else {
                        Verdict::NotProved(evidence)
                    },
                    Some(worst),
                )
            }
        };
        if let Some(span) = worst.map(|worst| worst.span).or(span) {
            self.report(&verdict, (span, label), None, diagnostics);
        }
        Claim { field, text, verdict }
    }

    /// Returns the workloads of zones that suspend what is granted.
    fn quarantined(&self) -> BTreeSet<Place> {
        let zones = self.world().parsed.policy.zones.iter().filter(|zone| zone.spec.rules.suspend());
        let members = |zone: &Document<ZoneSpec>| {
            let name = &zone.metadata.name;
            self.targets(&Spanned::new(Reference::Zone(name.value.0.clone()), name.span), &zone.node)
        };
        zones.flat_map(members).collect()
    }

    fn all_targets(&self, references: &OneOrMany<Spanned<Reference>>, node: &NodePath) -> BTreeSet<Place> {
        references.0.iter().flat_map(|reference| self.targets(reference, node)).collect()
    }

    /// Finds everything that may get through: for each caller and workload the worst port.
    fn survey<'t>(
        &'t self,
        callers: &[Candidate<'t>],
        places: &BTreeSet<Place>,
        ports: Option<&OneOrMany<Spanned<Port>>>,
        wanted: &Wanted<'_, 't>,
        counts: impl Fn(Who<'t>, Place) -> bool + Sync,
    ) -> Vec<Finding<'t>> {
        let callers: Vec<_> =
            callers.iter().map(|it| (it, (wanted.straight)(it.from), self.told_apart_by(it.from))).collect();
        let places: Vec<Place> = places.iter().copied().collect();
        let at = |place: &Place| -> Vec<Finding<'t>> {
            let (place, told) = (*place, self.told_apart(*place));
            let given = ports.map(|ports| -> BTreeSet<u16> {
                ports.0.iter().flat_map(|port| self.numbered(place, &port.value)).collect()
            });
            let one = |(candidate, asked, theirs): &(&Candidate<'t>, Vec<Asked>, Spoken)| {
                if !counts(candidate.from, place) {
                    return None;
                }
                let mut ports =
                    given.as_ref().map_or_else(|| told.with(theirs), |given| given.iter().copied().collect());
                if given.is_none() && matches!(candidate.from, Who::Outside(_)) {
                    ports.extend(self.led_to(place));
                }
                self.worst(candidate, place, &ports, (asked, wanted.by_gateway), &[])
            };
            callers.iter().filter_map(one).collect()
        };
        places.par_iter().flat_map_iter(at).collect()
    }

    /// Returns what gets through best at any of these ports, with the keys of others.
    pub(super) fn worst<'t>(
        &'t self,
        candidate: &Candidate<'t>,
        place: Place,
        ports: &[u16],
        (asked, by_gateway): (&[Asked], &ByGateway<'_>),
        keys: &[Identity],
    ) -> Option<Finding<'t>> {
        let mut worst: Option<Finding<'t>> = None;
        for port in ports {
            let straight = asked.iter().filter_map(|asked| self.reaches(candidate.from, place, *port, asked, keys));
            let straight = straight.max_by_key(Answer::reach);
            let is_sure = straight.as_ref().is_some_and(|answer| answer.reach() == Reach::Allowed);
            let is_outside = matches!(candidate.from, Who::Outside(_));
            let led = || self.by_gateway(candidate.from, place, *port, by_gateway);
            let led = if is_sure && !is_outside { None } else { led() };
            let led = led.or_else(|| self.by_route(candidate.from, place, *port, asked).filter(|_| !is_sure));
            let Some(answer) = straight.into_iter().chain(led).max_by_key(Answer::reach) else { continue };
            let reach = if candidate.role == Role::MayBe { Reach::Depends } else { answer.reach() };
            if worst.as_ref().is_none_or(|worst| worst.reach < reach) {
                worst = Some(Finding {
                    from: candidate.from,
                    role: candidate.role,
                    to: place,
                    port: *port,
                    answer,
                    reach,
                    span: candidate.span,
                });
            }
            if reach == Reach::Allowed {
                break;
            }
        }
        worst
    }

    /// Finds what does not surely get through: at each port that is named, or at none of a workload's.
    fn missing<'t>(
        &'t self,
        callers: &[Candidate<'t>],
        places: &BTreeSet<Place>,
        ports: Option<&OneOrMany<Spanned<Port>>>,
        asked: &Asked,
    ) -> Missing<'t> {
        let mut missing = Missing { found: Vec::new(), any: ports.is_none(), alone: None };
        for place in places.iter().copied() {
            let near = callers.iter().filter(|it| match it.from {
                Who::Pods(home, ..) | Who::Known(home, _) => self.share_a_network(home, place.land),
                Who::Outside(_) => true,
            });
            let near: Vec<_> = near.collect();
            if near.is_empty() {
                missing.alone = Some(format!("no such caller is on the network of `{}`", self.name_at(place)));
            }
            let wanted: Vec<BTreeSet<u16>> = match ports {
                Some(ports) => {
                    let mut wanted = Vec::new();
                    for port in &ports.0 {
                        let numbers = self.numbered(place, &port.value);
                        // That one port is reached says nothing of another that is not there.
                        if numbers.is_empty() {
                            missing.alone = Some(format!("`{}` has no port `{}`", self.name_at(place), port.value));
                        }
                        wanted.extend(numbers.into_iter().map(|number| [number].into()));
                    }
                    wanted
                }
                None => vec![self.declared(place)],
            };
            if ports.is_none() && wanted.iter().all(BTreeSet::is_empty) {
                missing.alone = Some(format!("`{}` has no such port", self.name_at(place)));
            }
            for candidate in near {
                let asked = narrowed(candidate.from, asked.clone());
                missing.found.extend(wanted.iter().filter_map(|ports| self.best(candidate, place, ports, &asked)));
            }
        }
        missing
    }

    /// Returns the best of some ports where it is not good enough.
    fn best<'t>(
        &'t self,
        candidate: &Candidate<'t>,
        to: Place,
        ports: &BTreeSet<u16>,
        asked: &Asked,
    ) -> Option<Finding<'t>> {
        let answers = ports.iter().flat_map(|port| {
            let straight = self.answer(candidate.from, to, *port, asked, &[]);
            let led = self.by_gateway(candidate.from, to, *port, &|_, _| vec![asked.clone()]);
            // Who is inside and comes in by a gateway was hardly meant so.
            let led = led.map(|answer| match candidate.from {
                Who::Outside(_) => answer,
                _ => answer.no_more_than_perhaps(),
            });
            straight.into_iter().chain(led).map(|answer| (*port, answer))
        });
        let (port, answer) = answers.max_by_key(|(_, answer)| answer.reach())?;
        let reach = answer.reach();
        let found =
            Finding { from: candidate.from, role: candidate.role, to, port, answer, reach, span: candidate.span };
        (reach != Reach::Allowed).then_some(found)
    }
}

/// What must be possible and is not.
struct Missing<'t> {
    found: Vec<Finding<'t>>,
    /// Whether one port of each workload is enough.
    any: bool,
    /// A workload about which nothing could be asked.
    alone: Option<String>,
}

/// Asks only for connections from the addresses of a caller that is known by them.
pub(super) fn narrowed(from: Who<'_>, asked: Asked) -> Asked {
    match from {
        Who::Outside(block) if block.prefix_len() > 0 => Asked { address: Some(block), ..asked },
        _ => asked,
    }
}

pub(super) fn listed<T>(list: Option<&OneOrMany<T>>) -> impl Iterator<Item = &T> {
    list.into_iter().flat_map(|list| &list.0)
}

/// Puts traffic into words.
fn words(traffic: &Traffic) -> String {
    let names = |list: &OneOrMany<Spanned<Reference>>| {
        list.0.iter().map(|reference| reference.value.to_string()).collect::<Vec<_>>().join(", ")
    };
    let except = traffic.except.as_ref().map(|except| format!(" except {}", names(except))).unwrap_or_default();
    let mut text = format!("from {}{except} to {}", names(&traffic.from), names(&traffic.to));
    if let Some(ports) = &traffic.ports {
        let ports: Vec<String> = ports.0.iter().map(|port| port.value.to_string()).collect();
        text.push_str(&format!(" at ports {}", ports.join(", ")));
    }
    if let Some(unless) = &traffic.unless {
        let all: Vec<String> = unless.0.iter().map(condition).collect();
        text.push_str(&format!(", unless {}", all.join(", or ")));
    }
    text
}
