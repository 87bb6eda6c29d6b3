//! The rules of meshes, written down a second time and carried out one request at a time.
//!
//! In: a mesh as data, two pods and a port. Out: whether anything gets through. Nothing of the verifier is used but the word
//! it answers with. What a request can be is what the meshes here speak of, and one value more.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_verifier::reach::Reach;
use serde_json::Value;

use crate::mesh::{Authorization, Both, Labels, Mesh, Network, NetworkPeer, NetworkRule, Pod, Quirk, ROOT, Rule};

pub const PORTS: [u16; 2] = [8080, 9090];

struct Asked<'a> {
    /// The principal and the namespace of the certificate.
    peer: Option<(String, &'a str)>,
    port: u16,
    /// Method and path, where anybody reads them.
    http: Option<(&'a str, &'a str)>,
}

/// Answers whether a pod, or somebody outside, reaches a port.
pub fn reach(mesh: &Mesh, from: Option<&Pod>, to: &Pod, port: u16) -> Reach {
    let egress = from.map_or(Reach::Allowed, |from| {
        let about = mesh.networks.iter().filter(|policy| selects(policy, from));
        passes(from, about.filter_map(|policy| Some((policy, policy.egress.as_ref()?))), Some(to), port)
    });
    let about = mesh.networks.iter().filter(|policy| selects(policy, to));
    let ingress = passes(to, about.filter_map(|policy| Some((policy, policy.ingress.as_ref()?))), from, port);
    let sees = mesh.has_proxy(to) && (to.quirk != Quirk::Excluded || port != 8080);
    let proxy = if sees { proxy(mesh, from, to, port) } else { Reach::Allowed };
    egress.min(ingress).min(proxy)
}

fn has(labels: &Labels, wanted: &Labels) -> bool {
    wanted.iter().all(|(key, value)| labels.get(key) == Some(value))
}

fn selects(policy: &Network, pod: &Pod) -> bool {
    policy.namespace == pod.namespace && has(&pod.labels, &policy.pods)
}

/// Pods on the network of their node are known by its address, or not at all.
fn is_on_node(pod: &Pod) -> bool {
    pod.quirk == Quirk::HostNetwork
}

/// `own` is whom the policies are about; `other` is the other end, nobody is somebody outside.
fn passes<'m>(
    own: &Pod,
    policies: impl Iterator<Item = (&'m Network, &'m Vec<NetworkRule>)>,
    other: Option<&Pod>,
    port: u16,
) -> Reach {
    let (mut widest, mut narrowest) = (None, Reach::Allowed);
    for (policy, rules) in policies {
        let of_rule = |rule: &NetworkRule| {
            if !rule.ports.is_empty() && !rule.ports.iter().any(|written| is_port(written, port)) {
                return Reach::Denied;
            }
            let of_peer = |peer: &NetworkPeer| match (peer, other) {
                (NetworkPeer::Pods { namespaces, pods }, Some(other)) => {
                    let of_namespace = match namespaces {
                        None => other.namespace == policy.namespace,
                        Some(wanted) => wanted.values().all(|name| name == other.namespace),
                    };
                    let fits = of_namespace && pods.as_ref().is_none_or(|wanted| has(&other.labels, wanted));
                    match fits {
                        true if is_on_node(other) => Reach::Depends,
                        true => Reach::Allowed,
                        false => Reach::Denied,
                    }
                }
                (NetworkPeer::Pods { .. }, None) => Reach::Denied,
                // Nobody says which addresses pods have.
                (NetworkPeer::Block { .. }, Some(_)) => Reach::Depends,
                (NetworkPeer::Block { block, except }, None) => {
                    if *block == "0.0.0.0/0" && except.is_empty() {
                        Reach::Allowed
                    } else {
                        Reach::Depends
                    }
                }
            };
            rule.peers.iter().map(of_peer).max().unwrap_or(if rule.peers.is_empty() {
                Reach::Allowed
            } else {
                Reach::Denied
            })
        };
        let one = rules.iter().map(of_rule).max().unwrap_or(Reach::Denied);
        widest = Some(widest.map_or(one, |widest: Reach| widest.max(one)));
        narrowest = narrowest.min(one);
    }
    // Which policies a plugin takes to be about such a pod, nobody knows.
    if is_on_node(own) {
        return narrowest.max(Reach::Depends);
    }
    // A pod that no policy is about is open.
    let widest = widest.unwrap_or(Reach::Allowed);
    if other.is_some_and(is_on_node) { widest.max(Reach::Depends) } else { widest }
}

fn is_port(written: &Value, port: u16) -> bool {
    let number = u64::from(port);
    let tcp = written["protocol"].as_str().is_none_or(|protocol| protocol == "TCP");
    let first = written["port"].as_u64();
    let last = written["endPort"].as_u64().or(first);
    let within = first.is_some_and(|first| first <= number) && last.is_some_and(|last| number <= last);
    tcp && (within || written["port"] == "web" && port == 8080)
}

fn proxy(mesh: &Mesh, from: Option<&Pod>, to: &Pod, port: u16) -> Reach {
    let of_peer = |pod: &Pod| (format!("cluster.local/ns/{}/sa/{}", pod.namespace, pod.account), pod.namespace);
    let own = from.filter(|from| mesh.has_proxy(from));
    let readings: &[bool] = match (port, to.quirk) {
        (8080, Quirk::Unsaid) => &[true, false],
        (8080, _) => &[true],
        _ => &[false],
    };
    let mut ways = BTreeSet::new();
    for mode in modes(mesh, to, port) {
        for http in readings {
            let certified = own.filter(|_| mode != "DISABLE").map(|pod| Some(of_peer(pod)));
            let plain = (mode != "STRICT").then_some(None);
            let peers = certified.into_iter().chain(plain);
            let answers = peers.flat_map(|peer| asked(peer, port, *http)).map(|asked| admits(mesh, to, &asked));
            ways.insert(answers.max().unwrap_or(Reach::Denied));
        }
    }
    // Nobody knows which of the ways it is.
    if ways.len() == 1 { ways.into_iter().next().unwrap() } else { Reach::Depends }
}

fn asked(peer: Option<(String, &str)>, port: u16, http: bool) -> Vec<Asked<'_>> {
    if !http {
        return vec![Asked { peer, port, http: None }];
    }
    let paths = ["/a", "/b", "/ab", "/a/b", "/ac", "/c", "/c/d", "/c/b", "/c/d/e"];
    let methods = ["GET", "POST", "PUT"];
    let each = methods.iter().flat_map(|method| paths.iter().map(move |path| (*method, *path)));
    each.map(|http| Asked { peer: peer.clone(), port, http: Some(http) }).collect()
}

/// Every mode the port may have: of several policies in one scope nobody knows the oldest.
fn modes(mesh: &Mesh, to: &Pod, port: u16) -> BTreeSet<&'static str> {
    let scope = |namespace: &str, with_selector: bool| {
        let here = mesh.peers.iter().filter(move |policy| policy.namespace == namespace);
        let about =
            here.filter(|policy| policy.selector.is_empty() != with_selector && has(&to.labels, &policy.selector));
        let about: Vec<_> = about.map(Some).collect();
        if about.is_empty() { vec![None] } else { about }
    };
    let mut modes = BTreeSet::new();
    for mesh_wide in scope(ROOT, false) {
        for of_namespace in scope(to.namespace, false) {
            for of_workload in scope(to.namespace, true) {
                let mut mode = "PERMISSIVE";
                for policy in [mesh_wide, of_namespace, of_workload].into_iter().flatten() {
                    mode = policy.mode.unwrap_or(mode);
                }
                modes.insert(of_workload.and_then(|policy| policy.ports.get(&port)).copied().unwrap_or(mode));
            }
        }
    }
    modes
}

fn admits(mesh: &Mesh, to: &Pod, asked: &Asked<'_>) -> Reach {
    let about = |policy: &&Authorization| {
        (policy.namespace == ROOT || policy.namespace == to.namespace)
            && has(&to.labels, &policy.selector)
            && !policy.dry_run
    };
    let enforced =
        |action: &'static str| mesh.authorizations.iter().filter(move |policy| policy.action == action).filter(about);
    let matches = |policy: &Authorization| policy.rules.iter().any(|rule| rule.matches(policy.action, asked));
    let refused = enforced("ALLOW").next().is_some() && !enforced("ALLOW").any(matches);
    match () {
        () if refused || enforced("DENY").any(matches) => Reach::Denied,
        () if enforced("CUSTOM").any(matches) => Reach::Depends,
        () => Reach::Allowed,
    }
}

impl Rule {
    fn matches(&self, action: &str, asked: &Asked<'_>) -> bool {
        let is_http = |name: &str| matches!(name, "methods" | "paths");
        if asked.http.is_none()
            && action == "ALLOW"
            && self.to.iter().flat_map(BTreeMap::keys).any(|name| is_http(name))
        {
            return false;
        }
        let fits = |name: &str, both: &Both| {
            // What nobody can see is not asked.
            if asked.http.is_none() && is_http(name) {
                return true;
            }
            let one = |value: &String| match name {
                "principals" | "source.principal" => {
                    asked.peer.as_ref().is_some_and(|(principal, _)| like(value, principal))
                }
                "namespaces" | "source.namespace" => {
                    asked.peer.as_ref().is_some_and(|(_, namespace)| like(value, namespace))
                }
                "methods" => asked.http.is_some_and(|(method, _)| like(value, method)),
                "paths" => asked.http.is_some_and(|(_, path)| like_path(value, path)),
                _ => value.parse() == Ok(asked.port),
            };
            (both.0.is_empty() || both.0.iter().any(one)) && !both.1.iter().any(one)
        };
        let all = |fields: &BTreeMap<&'static str, Both>| fields.iter().all(|(name, both)| fits(name, both));
        (self.from.is_empty() || self.from.iter().any(all))
            && (self.to.is_empty() || self.to.iter().any(all))
            && self.when.iter().all(|(key, both)| fits(key, both))
    }
}

fn like(value: &str, text: &str) -> bool {
    match (value.strip_prefix('*'), value.strip_suffix('*')) {
        (Some(""), _) => !text.is_empty(),
        (Some(end), _) => text.ends_with(end),
        (None, Some(start)) => text.starts_with(start),
        (None, None) => value == text,
    }
}

fn like_path(value: &str, path: &str) -> bool {
    match value.strip_suffix("{*}") {
        Some(start) => path.strip_prefix(start).is_some_and(|rest| !rest.is_empty() && !rest.contains('/')),
        None => like(value, path),
    }
}
