//! Many callers and ports in few words.
//!
//! In: lists of callers and ports. Out: texts: `shop/*` for all of a namespace, `everybody`, `pay/db:8080,9090`.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use ringfence_verifier::difference::{Difference, Party, Presence, Target};
use ringfence_verifier::matrix::OUTSIDE;
use ringfence_verifier::request::{Request, Shown};

/// As many names as are listed before the rest is counted.
const MOST: usize = 8;

/// How callers and ports are called.
pub(in crate::commands) struct Names<'a> {
    difference: &'a Difference,
    /// Whether clusters are said.
    several: bool,
}

impl<'a> Names<'a> {
    pub(in crate::commands) fn of(difference: &'a Difference, several: bool) -> Self {
        Self { difference, several }
    }

    /// Puts the clusters before each name, those of one name together.
    fn in_clusters(&self, named: Vec<(Option<&str>, String)>) -> Vec<String> {
        let mut joined: Vec<(Vec<&str>, String)> = Vec::new();
        for (cluster, name) in named {
            let place = joined.iter().position(|(_, known)| *known == name);
            match place.and_then(|at| joined.get_mut(at)) {
                None => joined.push((cluster.into_iter().collect(), name)),
                Some((clusters, _)) => clusters.extend(cluster.filter(|cluster| !clusters.contains(cluster))),
            }
        }
        let written = |(clusters, name): (Vec<&str>, String)| match clusters.is_empty() || !self.several {
            true => name,
            false => format!("{}:{name}", clusters.join("+")),
        };
        joined.into_iter().map(written).collect()
    }

    /// Returns the names of callers, whole namespaces as one.
    pub fn callers(&self, parties: &[Party]) -> Vec<String> {
        let shown = |parties: &[Party]| parties.iter().filter(|party| party.shown).count();
        let all = &self.difference.callers;
        let is_everybody = shown(parties) > 2 && shown(parties) == shown(all);
        let count = |parties: &'a [Party]| {
            let mut counts: BTreeMap<_, usize> = BTreeMap::new();
            for party in parties {
                *counts.entry(namespace(party)).or_default() += 1;
            }
            counts
        };
        let of_namespace = count(all);
        let mut here: BTreeMap<_, usize> = BTreeMap::new();
        for party in parties {
            *here.entry(namespace(party)).or_default() += 1;
        }
        // Where any pod of a namespace will do, one with certain labels is no news.
        let is_news = |party: &&Party| {
            let any = party.name.split_once(" with ").map(|(pod, _)| pod.replacen("any pod", "any other pod", 1));
            party.shown
                || !parties.iter().any(|other| other.cluster == party.cluster && Some(&other.name) == any.as_ref())
        };
        let left = parties.iter().filter(|party| !(is_everybody && party.shown)).filter(is_news);
        let named = left.map(|party| {
            let key = namespace(party);
            let whole = key.1.filter(|_| here.get(&key).is_some_and(|count| *count > 1));
            let whole = whole.filter(|_| here.get(&key) == of_namespace.get(&key));
            let name = whole.map_or_else(|| party.name.clone(), |namespace| format!("{namespace}/*"));
            (party.cluster.as_deref(), name)
        });
        let everybody = is_everybody.then(|| "everybody".to_owned());
        everybody.into_iter().chain(self.in_clusters(named.collect())).collect()
    }

    /// Returns the names of ports, those of one workload as one.
    pub fn targets(&self, targets: &[Target]) -> Vec<String> {
        let mut of_workload: Vec<(&str, &str, Vec<String>)> = Vec::new();
        for target in targets {
            let port = if target.is_other { "other ports".to_owned() } else { target.port.to_string() };
            match of_workload.last_mut() {
                Some((cluster, name, ports)) if (*cluster, *name) == (&target.cluster, &target.workload) => {
                    ports.push(port);
                }
                _ => of_workload.push((&target.cluster, &target.workload, vec![port])),
            }
        }
        let named = of_workload.into_iter();
        self.in_clusters(
            named.map(|(cluster, name, ports)| (Some(cluster), format!("{name}:{}", ports.join(",")))).collect(),
        )
    }

    /// Returns the names of workloads.
    pub fn workloads(&self, workloads: &[(String, String)]) -> Vec<String> {
        let named = workloads.iter().map(|(cluster, name)| (Some(cluster.as_str()), name.clone()));
        self.in_clusters(named.collect())
    }
}

fn namespace(party: &Party) -> (Option<&str>, Option<&str>) {
    let is_workload = party.shown && party.name != OUTSIDE;
    let namespace = party.name.split_once('/').map(|(namespace, _)| namespace).filter(|_| is_workload);
    (party.cluster.as_deref(), namespace)
}

/// Says a request in one line, without what does not matter to it: where nobody asks for a host or an address, any will do.
pub(super) fn request(request: &Request, caller: Option<&Party>) -> String {
    let mut parts = vec![match &request.http {
        Some(http) if http.host == ANY_HOST => format!("{} {}", http.method, http.target()),
        Some(http) => format!("{} {}{}", http.method, http.host, http.target()),
        None => "a connection".to_owned(),
    }];
    match &request.peer {
        Some(peer) => parts.push(format!("as {peer}")),
        None if caller.is_some_and(|party| party.identity.is_some()) => parts.push("in plaintext".to_owned()),
        None => {}
    }
    let any = IpAddr::from(ANY_ADDRESS);
    if request.address != any {
        parts.push(format!("from {}", request.address));
    }
    if request.remote != request.address {
        parts.push(format!("for {}", request.remote));
    }
    if let Some(name) = &request.sni {
        parts.push(format!("with server name {name}"));
    }
    for (name, values) in request.http.iter().flat_map(|http| &http.headers) {
        parts.extend(values.iter().map(|value| format!("with {}: {value}", name.as_str())));
    }
    match request.http.as_ref().map(|http| &http.token) {
        Some(Shown::Signed(token)) => {
            parts.push(format!("with a token {}", serde_json::Value::Object(token.0.clone())))
        }
        Some(Shown::Broken) => parts.push("with a broken token".to_owned()),
        Some(Shown::Nothing) | None => {}
    }
    parts.join(" ")
}

/// What witnesses have where nobody asks.
pub(super) const ANY_HOST: &str = "service.example";
pub(super) const ANY_ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// Joins names, and counts those that are too many.
pub(super) fn joined(names: &[String], whole: bool) -> String {
    let most = if whole { names.len() } else { MOST };
    let listed = names.iter().take(most).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(most) {
        0 => listed,
        more => format!("{listed} and {more} more"),
    }
}

/// Says what came or went with its caller or workload.
pub(super) fn presence(callers: &[Party], targets: &[Target]) -> Option<&'static str> {
    let of = |presence: Presence, new: &'static str, gone: &'static str| match presence {
        Presence::Kept => None,
        Presence::New => Some(new),
        Presence::Gone => Some(gone),
    };
    let target = targets.first().and_then(|target| of(target.presence, "it is new", "it is gone"));
    let caller = callers.first().and_then(|party| of(party.presence, "who is new", "who is gone"));
    target.or(caller)
}
