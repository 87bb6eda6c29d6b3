//! VirtualServices at a listener of Istio.
//!
//! In: a listener and its hosts. Out: the matches of VirtualServices that name its Gateway and share a host with it, those of
//! delegates among them. No grant is needed to bind to a gateway, or to lead to a Service of others.

use super::order::{Candidate, common};
use super::{Entrance, Pods};
use crate::istio::read::selects;
use crate::kubernetes::fits::Fits;
use crate::model::Model;
use crate::routing::gateway::{Speaks, Tls};
use crate::routing::matching::{Beginning, Match};
use crate::routing::virtual_service::VirtualService;
use crate::routing::{Delegate, Leads, Named, Routing, Rule};

/// Finds the matches at a listener.
pub(super) fn to(
    model: &Model<'_>,
    listener: &Entrance,
    hosts: &[(Option<String>, String)],
    routing: &Routing,
) -> Vec<Candidate> {
    let gateway = format!("{}/{}", listener.object.namespace, listener.object.name);
    let mut candidates = Vec::new();
    for service in &routing.virtual_services {
        let seen = of_all(listener.pods.iter().map(|it| sees(model, &it.pods, service)));
        if !service.gateways.contains(&gateway) || !seen.may() {
            continue;
        }
        let unseen = || format!("whether pods of {} see {}", listener.object, service.object);
        let perhaps: Vec<String> =
            (seen == Fits::Perhaps).then(unseen).into_iter().chain(listener.perhaps.clone()).collect();
        let mut shared: Vec<String> = Vec::new();
        for (namespace, dns) in hosts {
            let own = namespace.as_ref().map(|it| if it == "." { &listener.object.namespace } else { it });
            if own.is_none_or(|own| *own == service.object.namespace) {
                shared.extend(service.hosts.iter().filter_map(|host| common(host, dns)));
            }
        }
        shared.sort();
        shared.dedup();
        let rules = match (listener.speaks, &listener.tls) {
            (Speaks::Http, _) => &service.http,
            (Speaks::Bytes, Tls::Passthrough) => &service.tls,
            (Speaks::Bytes, _) => &service.tcp,
        };
        for host in shared {
            for rule in rules {
                let found = matches_of(rule, listener, &gateway, model);
                for (matched, unknown) in found {
                    let perhaps = perhaps.iter().cloned().chain(unknown).collect();
                    let bound = Bound { model, routing, listener, gateway: &gateway, host: &host };
                    candidates.extend(bound.led(service, rule, matched, perhaps));
                }
            }
        }
    }
    candidates
}

/// Returns the matches of a rule that are about a listener, each with what no file tells of it.
fn matches_of(rule: &Rule, listener: &Entrance, gateway: &str, model: &Model<'_>) -> Vec<(Match, Option<String>)> {
    let names = |names: &[String]| names.is_empty() || names.iter().any(|name| name == gateway);
    let carried = |matched: &Match| {
        let carries = |pods: &Pods| match pods {
            Pods::Workload(at) => {
                let workload = model.cluster().inventory.workloads.get(*at);
                Fits::of(workload.is_some_and(|workload| selects(&matched.labels, &workload.labels)))
            }
            Pods::Known(stranger) => match &stranger.labels {
                Some(labels) if selects(&matched.labels, labels) => Fits::Yes,
                _ => Fits::Perhaps,
            },
            Pods::Unknown(labels) if selects(&matched.labels, labels) => Fits::Yes,
            Pods::Unknown(_) => Fits::Perhaps,
        };
        if matched.labels.is_empty() { Fits::Yes } else { of_all(listener.pods.iter().map(|it| carries(&it.pods))) }
    };
    let is_here = |matched: &&Match| {
        matched.port.is_none_or(|port| port == listener.port || listener.is_missing) && names(&matched.gateways)
    };
    let here = rule.matches.iter().filter(is_here);
    let told = here.filter_map(|matched| match carried(matched) {
        Fits::Yes => Some((matched.clone(), None)),
        Fits::Perhaps => Some((matched.clone(), Some(format!("whether pods of {} have the labels", listener.object)))),
        Fits::No => None,
    });
    told.collect()
}

/// Joins what is said of each of some pods: of all, of none, or of some.
fn of_all(each: impl Iterator<Item = Fits>) -> Fits {
    let each: Vec<Fits> = each.collect();
    match () {
        () if each.iter().all(|it| *it == Fits::Yes) => Fits::Yes,
        () if each.iter().all(|it| *it == Fits::No) => Fits::No,
        () => Fits::Perhaps,
    }
}

/// A host of a listener at which VirtualServices are asked.
struct Bound<'b, 'm> {
    model: &'b Model<'m>,
    routing: &'b Routing,
    listener: &'b Entrance,
    gateway: &'b str,
    host: &'b str,
}

impl Bound<'_, '_> {
    /// Follows a match to where it leads, through a delegate where there is one; that may not delegate any further.
    fn led(&self, service: &VirtualService, rule: &Rule, matched: Match, perhaps: Vec<String>) -> Vec<Candidate> {
        let candidate = |object: &Named, position, matched, leads, perhaps| Candidate {
            object: object.clone(),
            owner: service.object.clone(),
            position,
            host: self.host.to_owned(),
            matched,
            leads,
            is_ranked: false,
            shut: None,
            perhaps,
        };
        let own =
            || candidate(&service.object, (rule.position, 0), matched.clone(), rule.leads.clone(), perhaps.clone());
        let Leads::Delegate(to) = &rule.leads else { return vec![own()] };
        let is_it = |it: &&VirtualService| {
            it.object.namespace == to.namespace
                && it.object.name == to.name
                && it.hosts.is_empty()
                && it.is_seen_in(&service.object.namespace)
        };
        let Some(delegate) = self.routing.virtual_services.iter().find(is_it) else { return vec![own()] };
        let mut candidates = Vec::new();
        for inner in &delegate.http {
            for (its, unknown) in matches_of(inner, self.listener, self.gateway, self.model) {
                // Both must hold (istio/istio `pilot/pkg/model/virtualservice.go`, `mergeHTTPMatchRequests`).
                let mut both = its.clone();
                both.tests.extend(matched.tests.iter().cloned());
                if both.beginning == Beginning::With("/".to_owned()) {
                    both.beginning = matched.beginning.clone();
                }
                let position = (rule.position, inner.position);
                let perhaps = perhaps.iter().cloned().chain(unknown).collect();
                candidates.push(candidate(&delegate.object, position, both, handed_down(to, &inner.leads), perhaps));
            }
        }
        candidates
    }
}

/// Returns where a rule of a delegate leads, with what the one that delegates says and it does not: its rewriting as a whole, its
/// headers as a whole, its copies (istio/istio `pilot/pkg/model/virtualservice.go`, `mergeHTTPRoute`).
fn handed_down(from: &Delegate, leads: &Leads) -> Leads {
    let Leads::To(backends, own) = leads else { return leads.clone() };
    let (mut backends, mut own) = (backends.clone(), own.clone());
    if own.path.is_none() && own.host.is_none() {
        (own.path, own.host) = (from.rewriting.path.clone(), from.rewriting.host.clone());
    }
    if own.set.is_empty() && own.added.is_empty() && own.removed.is_empty() {
        (own.set, own.added) = (from.rewriting.set.clone(), from.rewriting.added.clone());
        own.removed = from.rewriting.removed.clone();
    }
    if backends.iter().all(|backend| !backend.mirrors) {
        backends.extend(from.mirrors.iter().cloned());
    }
    Leads::To(backends, own)
}

/// Says whether the pods of a gateway see a VirtualService.
fn sees(model: &Model<'_>, pods: &Pods, service: &VirtualService) -> Fits {
    match pods {
        Pods::Workload(at) => {
            let workload = model.cluster().inventory.workloads.get(*at);
            Fits::of(workload.is_some_and(|workload| service.is_seen_in(&workload.namespace)))
        }
        Pods::Known(stranger) => Fits::of(service.is_seen_in(&stranger.identity.namespace)),
        Pods::Unknown(_) if service.is_seen_everywhere() => Fits::Yes,
        Pods::Unknown(_) => Fits::Perhaps,
    }
}
