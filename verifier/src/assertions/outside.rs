//! `outside`: hosts that nobody reaches but some.
//!
//! In: a claim. Out: its [`Claim`], with who else reaches such a host, and by which way. Asked are all workloads of manifests: what
//! pods do that no manifest shows nobody can tell.

use ipnet::IpNet;
use rayon::prelude::*;
use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::spec::assertion::Outside;
use ringfence_compiler::spec::reference::NodePath;

use super::terrain::{Place, Terrain};
use super::{Claim, Evidence, Step, Verdict};
use crate::outward::{Host, Leaving, inside, leaving};
use crate::reach::{Gate, Reach};

/// The port of a host where none is named.
const HTTPS: u16 = 443;

impl Terrain<'_> {
    /// Judges such a claim.
    pub(super) fn outside(&self, claim: &Outside, node: &NodePath, diagnostics: &mut Diagnostics) -> Claim {
        let only: std::collections::BTreeSet<Place> =
            claim.only.0.iter().flat_map(|reference| self.targets(reference, node)).collect();
        let port = claim.port.as_ref().and_then(|port| u16::try_from(port.value.0).ok()).unwrap_or(HTTPS);
        let hosts: Vec<&str> = claim.hosts.0.iter().map(|host| host.value.0.as_str()).collect();
        let names: Vec<String> = claim.only.0.iter().map(|reference| reference.value.to_string()).collect();
        let text = format!("nobody reaches {} port {port} but {}", hosts.join(", "), names.join(", "));
        if let Some(nobody) = claim.only.0.iter().find(|reference| self.targets(reference, node).is_empty()) {
            return self.about_nobody("outside", text, nobody, diagnostics);
        }
        let others: Vec<Place> = self.places().into_iter().filter(|place| !only.contains(place)).collect();
        let ask = |place: &Place| {
            let all = hosts.iter().filter_map(|host| Some((self.leaves(*place, host, port)?, *host)));
            let worst = all.max_by_key(|(reach, _)| reach.0)?;
            Some((*place, worst.1, worst.0.0, worst.0.1))
        };
        let found: Vec<(Place, &str, Reach, Vec<String>)> = others.par_iter().filter_map(ask).collect();
        let Some((place, host, reach, decided)) = found.iter().rev().max_by_key(|(_, _, reach, _)| *reach) else {
            return Claim { field: "outside", text, verdict: Verdict::Proved };
        };
        let sure = *reach == Reach::Allowed;
        let verb = if sure { "reaches" } else { "may reach" };
        let more = match found.len() - 1 {
            0 => String::new(),
            1 => ", and 1 more does".to_owned(),
            more => format!(", and {more} more do"),
        };
        let from = self.name_at(*place);
        let because = format!("`{from}` {verb} `{host}` port {port}{more}");
        let step = Step {
            from,
            to: (*host).to_owned(),
            port: Some(port),
            request: None,
            decided: decided.clone(),
            statement: None,
        };
        let evidence = Evidence { because, steps: vec![step] };
        let verdict = if sure { Verdict::Broken(evidence) } else { Verdict::NotProved(evidence) };
        if let Some(first) = claim.hosts.0.first() {
            self.report(&verdict, (first.span, "nobody else must reach it"), None, diagnostics);
        }
        Claim { field: "outside", text, verdict }
    }

    /// Says whether a workload reaches a host, and what decided; `None` where it does not.
    fn leaves(&self, place: Place, host: &str, port: u16) -> Option<(Reach, Vec<String>)> {
        let (land, workload) = self.at(place)?;
        let addresses = self.addresses(land.name, host);
        let inside = inside(self.world().clusters.values().map(|cluster| &cluster.document.spec));
        let host = Host { name: host, port, addresses: &addresses, inside: &inside };
        let found = leaving(&land.model, &land.entrances, workload, &host);
        let reach = found.reach();
        (reach != Reach::Denied).then(|| (reach, decided(&found)))
    }

    /// Returns the addresses of a host that an Egress names.
    fn addresses(&self, cluster: &str, host: &str) -> Vec<IpNet> {
        let here = self.resolved.egresses.iter().filter(|leaving| leaving.cluster == cluster);
        let here = here.filter(|leaving| leaving.document.spec.hosts.0.iter().any(|it| it.value.0 == host));
        here.flat_map(|leaving| &leaving.document.spec.cidrs).map(|block| block.value.0).collect()
    }
}

/// Says by which way somebody gets out, and what decided there.
fn decided(leaving: &Leaving<'_>) -> Vec<String> {
    let straight = leaving.straight.as_ref();
    let least = straight.map_or(Reach::Denied, Gate::reach);
    let best = leaving.ways.iter().max_by_key(|way| way.reach()).filter(|way| way.reach() > least);
    let outbound = leaving.waypoints.iter().max_by_key(|way| way.reach()).filter(|way| way.reach() > least);
    let within = leaving.within.iter().max_by_key(|it| it.answer.reach()).filter(|it| it.answer.reach() > least);
    match (best, outbound, within) {
        (Some(way), ..) => {
            let gates = [&way.leaves, &way.enters, &way.gateway, &way.exits];
            let said = gates.into_iter().filter_map(super::report::said);
            std::iter::once(format!("by way of {}", way.pods)).chain(said).collect()
        }
        (None, Some(way), _) => {
            let gates = [&way.leaves, &way.enters, &way.policies, &way.exits];
            let said = gates.into_iter().filter_map(super::report::said);
            std::iter::once(format!("by way of waypoint {}", way.waypoint)).chain(said).collect()
        }
        (None, None, Some(within)) => {
            let to = within.workload;
            vec![format!("{} stands for {}/{} port {}", within.entry, to.namespace, to.name, within.port)]
        }
        (None, None, None) => match straight {
            Some(straight) if least != Reach::Denied => {
                let said = match straight {
                    Gate::Unsure(_) => "straight, if the host has such an address".to_owned(),
                    _ => "straight".to_owned(),
                };
                std::iter::once(said).chain(super::report::said(straight)).collect()
            }
            _ => leaving.doubts.clone(),
        },
    }
}
