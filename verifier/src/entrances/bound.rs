//! VirtualServices at a listener of Istio.
//!
//! In: a listener and its hosts. Out: the matches of VirtualServices that name its Gateway and share a host with it, those of
//! delegates among them. No grant is needed to bind to a gateway, or to lead to a Service of others.

use super::order::{Candidate, common};
use super::{Entrance, Pods};
use crate::istio::read::selects;
use crate::model::Model;
use crate::routing::gateway::{Speaks, Tls};
use crate::routing::matching::{Beginning, Match};
use crate::routing::virtual_service::VirtualService;
use crate::routing::{Leads, Routing, Rule};

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
        let is_seen = listener.pods.iter().any(|it| sees(model, &it.pods, service));
        if !service.gateways.contains(&gateway) || !is_seen {
            continue;
        }
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
                for matched in found {
                    candidates.extend(led(service, rule, matched, &host, routing, listener, model, 0));
                }
            }
        }
    }
    candidates
}

/// Returns the matches of a rule that are about a listener.
fn matches_of(rule: &Rule, listener: &Entrance, gateway: &str, model: &Model<'_>) -> Vec<Match> {
    let names = |names: &[String]| names.is_empty() || names.iter().any(|name| name == gateway);
    let carried = |matched: &Match| {
        let carries = |pods: &Pods| match pods {
            Pods::Workload(at) => {
                let workload = model.cluster().inventory.workloads.get(*at);
                workload.is_some_and(|workload| selects(&matched.labels, &workload.labels))
            }
            Pods::Known(_) | Pods::Unknown(_) => true,
        };
        matched.labels.is_empty() || listener.pods.iter().any(|it| carries(&it.pods))
    };
    let is_here = |matched: &&Match| {
        matched.port.is_none_or(|port| port == listener.port || listener.is_missing)
            && names(&matched.gateways)
            && carried(matched)
    };
    rule.matches.iter().filter(is_here).cloned().collect()
}

/// As many delegates as are followed; Istio follows one.
const MOST_DELEGATES: usize = 1;

/// Follows a match to where it leads, through a delegate where there is one.
#[expect(clippy::too_many_arguments, reason = "one step of a walk, with all that it goes by")]
fn led(
    service: &VirtualService,
    rule: &Rule,
    matched: Match,
    host: &str,
    routing: &Routing,
    listener: &Entrance,
    model: &Model<'_>,
    depth: usize,
) -> Vec<Candidate> {
    let candidate = |matched, leads| Candidate {
        object: service.object.clone(),
        position: rule.position,
        host: host.to_owned(),
        matched,
        leads,
        is_ranked: false,
        shut: None,
    };
    let Leads::Delegate(namespace, name, rewriting) = &rule.leads else {
        return vec![candidate(matched, rule.leads.clone())];
    };
    let is_it = |it: &&VirtualService| {
        it.object.namespace == *namespace
            && it.object.name == *name
            && it.hosts.is_empty()
            && it.is_seen_in(&service.object.namespace)
    };
    let Some(delegate) = routing.virtual_services.iter().find(is_it).filter(|_| depth < MOST_DELEGATES) else {
        return vec![candidate(matched, rule.leads.clone())];
    };
    let gateway = format!("{}/{}", listener.object.namespace, listener.object.name);
    let mut candidates = Vec::new();
    for inner in &delegate.http {
        for own in matches_of(inner, listener, &gateway, model) {
            // Both must hold (istio/istio `pilot/pkg/model/virtualservice.go`, `mergeHTTPMatchRequests`).
            let mut both = own.clone();
            both.tests.extend(matched.tests.iter().cloned());
            if both.beginning == Beginning::With("/".to_owned()) {
                both.beginning = matched.beginning.clone();
            }
            let mut inner = inner.clone();
            inner.position = rule.position;
            if let (Leads::To(_, ours), true) = (&mut inner.leads, rewriting.path.is_some() || rewriting.host.is_some())
            {
                ours.path = ours.path.take().or_else(|| rewriting.path.clone());
                ours.host = ours.host.take().or_else(|| rewriting.host.clone());
            }
            candidates.extend(led(delegate, &inner, both, host, routing, listener, model, depth + 1));
        }
    }
    candidates
}

/// Tells whether the pods of a gateway see a VirtualService.
fn sees(model: &Model<'_>, pods: &Pods, service: &VirtualService) -> bool {
    match pods {
        Pods::Workload(at) => {
            let workload = model.cluster().inventory.workloads.get(*at);
            workload.is_some_and(|workload| service.is_seen_in(&workload.namespace))
        }
        Pods::Known(stranger) => service.is_seen_in(&stranger.identity.namespace),
        Pods::Unknown(_) => true,
    }
}
