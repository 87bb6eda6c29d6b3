//! What is said of claims that do not hold.
//!
//! In: an answer that speaks against a claim. Out: a [`Step`] in words, the place of the statement that admits it, and the
//! diagnostic.

use ringfence_compiler::diagnostics::codes::verify as code;
use ringfence_compiler::diagnostics::{Diagnostic, Diagnostics};
use ringfence_compiler::resolve::statements::Origin;
use ringfence_compiler::source::Span;

use super::callers::Role;
use super::terrain::{Place, Terrain, Who};
use super::{Evidence, Step, Verdict};
use crate::engine::envoy::Reads;
use crate::evaluate::{Ruling, rule};
use crate::meant::Meant;
use crate::reach::{Answer, Decider, Gate, Reach};
use crate::request::Request;

/// Something that speaks against a claim.
#[derive(Debug, Clone)]
pub(super) struct Finding<'t> {
    pub from: Who<'t>,
    pub to: Place,
    pub port: u16,
    pub answer: Answer<'t>,
    pub role: Role,
    /// The answer, and whether the caller is certainly meant.
    pub reach: Reach,
    /// Where the caller is written.
    pub span: Span,
}

impl<'a> Terrain<'a> {
    /// Returns what a caller is called.
    pub fn name_of(&self, from: Who<'_>) -> String {
        match from {
            Who::Pods(land, index, _) => self.name_at(Place { land, index }),
            Who::Known(land, stranger) => self.in_cluster(land, stranger.name.clone()),
            Who::Outside(block) if block.prefix_len() == 0 => "an address outside the clusters".to_owned(),
            Who::Outside(block) => block.to_string(),
        }
    }

    /// Returns what a workload is called.
    pub fn name_at(&self, place: Place) -> String {
        let name = self.at(place).map(|(_, it)| format!("{}/{}", it.namespace, it.name)).unwrap_or_default();
        self.in_cluster(place.land, name)
    }

    /// Where there are several clusters, the name of one stands before what is in it, as `reach` takes it.
    fn in_cluster(&self, land: usize, name: String) -> String {
        match self.lands.get(land) {
            Some(land) if self.lands.len() > 1 => format!("{}:{name}", land.name),
            _ => name,
        }
    }

    /// Puts a finding into words.
    pub fn step(&self, finding: &Finding<'_>) -> Step {
        let answer = &finding.answer;
        let through = answer.reach() != Reach::Denied;
        let ends = [("leaving", &answer.egress), ("arriving", &answer.ingress)];
        let network = ends.into_iter().filter_map(|(end, gate)| Some(format!("{}, {end}", said(gate)?)));
        let proxy = match &answer.proxy {
            Some(gate) if answer.in_ambient => said(gate).map(|words| format!("{words}, enforced by ztunnel")),
            Some(gate) => said(gate),
            None => Some("no proxy stands before the port".to_owned()),
        };
        let witness = answer.witness.as_ref().filter(|_| through);
        let origin = witness.and_then(|witness| self.statement(finding.to, finding.port, witness));
        Step {
            from: self.name_of(finding.from),
            to: self.name_at(finding.to),
            port: Some(finding.port),
            request: witness.map(ToString::to_string),
            decided: network.chain(proxy).collect(),
            statement: origin.map(|origin| origin.id.clone()),
        }
    }

    /// Returns the statement by which a workload admits a request.
    fn statement(&self, place: Place, port: u16, request: &Request) -> Option<&'a Origin> {
        let (land, workload) = self.at(place)?;
        let here = self.resolved.units.iter().filter(|governed| governed.unit.cluster == land.name);
        let governed =
            here.into_iter().find(|governed| governed.unit.workloads.iter().any(|it| std::ptr::eq(*it, workload)))?;
        let reads = if request.http.is_some() { Reads::Http } else { Reads::Bytes };
        let meant = Meant::at(governed, port, reads, &land.model.cluster().trust_domains());
        match rule(&meant.chain, request) {
            Ruling::Allowed(origin) | Ruling::Asks(origin) | Ruling::Unknown(origin) => Some(origin),
            Ruling::Denied(_) | Ruling::NotAllowed | Ruling::AllowedByNone => None,
        }
    }

    /// Reports a claim that does not hold: `worst` is what speaks against it most.
    pub fn report(
        &self,
        verdict: &Verdict,
        place: (Span, &str),
        worst: Option<&Finding<'_>>,
        diagnostics: &mut Diagnostics,
    ) {
        let (code, evidence) = match verdict {
            Verdict::Proved => return,
            Verdict::Broken(evidence) => (&code::ASSERTION_BROKEN, evidence),
            Verdict::NotProved(evidence) => (&code::ASSERTION_NOT_PROVED, evidence),
        };
        let (span, label) = place;
        let mut said = code.at(span, evidence.because.clone()).label(label);
        if let Some((finding, witness)) = worst.and_then(|it| Some((it, it.answer.witness.as_ref()?)))
            && let Some(origin) = self.statement(finding.to, finding.port, witness)
        {
            said = said.and(origin.span, "admits it");
        }
        diagnostics.report(helped(said, evidence));
    }
}

/// Shows the steps of a claim.
fn helped(said: Diagnostic, evidence: &Evidence) -> Diagnostic {
    let Some(last) = evidence.steps.last() else { return said };
    let mut help = String::new();
    if evidence.steps.len() > 1 {
        let hop = |step: &Step| match step.port {
            Some(port) => format!("{} reaches {} port {port}", step.from, step.to),
            None => format!("{} gets to {}", step.from, step.to),
        };
        help.push_str(&evidence.steps.iter().map(hop).collect::<Vec<_>>().join("; "));
        help.push_str("; the last ");
    }
    match &last.request {
        Some(request) => help.push_str(&format!("by such a request: {request}")),
        None if last.port.is_some() => help.push_str("so it is for every request"),
        None => help.push_str("by what was written"),
    }
    if !last.decided.is_empty() {
        help.push_str(&format!(" ({})", last.decided.join("; ")));
    }
    said.help(help)
}

/// Says what decided at a gate; `None` where nothing did.
pub(super) fn said(gate: &Gate<'_>) -> Option<String> {
    let (word, decider) = match gate {
        Gate::Open(decider) => ("admitted", decider),
        Gate::Unsure(decider) => ("perhaps admitted", decider),
        Gate::Shut(decider) => ("refused", decider),
    };
    Some(match decider {
        Decider::Nobody | Decider::NotEnforced => return None,
        Decider::Tier { rule, rival: None } => format!("{word} by {rule}"),
        Decider::Tier { rule, rival: Some(rival) } => format!("{word} by {rule}, unless {rival} is asked first"),
        Decider::Rule(cited) => format!("{word} by {cited}"),
        Decider::OtherAddress(cited) => format!("{word} by {cited}, if the network writes another address on it"),
        Decider::Denied { by, .. } => format!("refused: {by} denies all of it"),
        Decider::NoRule { about, .. } if about.iter().any(|cited| cited.kind == "AuthorizationPolicy") => {
            "refused: no AuthorizationPolicy admits it, or one denies all of it".to_owned()
        }
        Decider::NoRule { .. } => "refused: NetworkPolicies are about it and none lets this pass".to_owned(),
        Decider::NotRefused(_) => format!("{word}: no ALLOW policy is about it, and no DENY policy refuses this"),
        Decider::NoCertificate { .. } => "refused: it has no certificate to show".to_owned(),
        Decider::NotModelled(what) => format!("{word}, as far as is known: {what}"),
    })
}
