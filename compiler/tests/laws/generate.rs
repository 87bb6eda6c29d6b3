//! Small random repositories, from tiny alphabets so that statements meet.
//!
//! Most of them compile: a repository that does not says little. Where a cluster has no proxies that see HTTP, nothing
//! asks for HTTP.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::repository::*;

/// What there is, before anything is said about it.
#[derive(Debug, Clone)]
struct Skeleton {
    clusters: Vec<Cluster>,
    nodes: Vec<Node>,
    services: Vec<Service>,
    http: bool,
}

impl Skeleton {
    fn paths(&self, depths: std::ops::RangeInclusive<usize>) -> Vec<String> {
        let depth = |path: &str| path.trim_end_matches('/').matches('/').count();
        self.nodes.iter().map(|node| node.path.clone()).filter(|path| depths.contains(&depth(path))).collect()
    }

    fn services(&self) -> Vec<Ref> {
        self.services.iter().map(Service::reference).collect()
    }
}

impl Service {
    pub fn reference(&self) -> Ref {
        Ref::Service(self.workspace.clone(), self.name.clone())
    }

    /// Returns the innermost node it belongs to.
    pub fn node(&self) -> &str {
        self.group.as_deref().unwrap_or(&self.workspace)
    }
}

/// Something, now and then; never where the chance is none.
fn of<S: Strategy + 'static>(chance: f64, something: S) -> BoxedStrategy<Option<S::Value>>
where
    S::Value: Clone,
{
    if chance > 0.0 { proptest::option::weighted(chance, something).boxed() } else { Just(None).boxed() }
}

/// Any repository.
pub fn repository() -> BoxedStrategy<Repository> {
    skeleton().prop_flat_map(statements).boxed()
}

fn skeleton() -> impl Strategy<Value = Skeleton> {
    let service = (any::<prop::sample::Index>(), 1..4usize, any::<[bool; 3]>(), 0..6usize);
    let tenants = vec(1..3usize, 1..3);
    (tenants, any::<bool>(), any::<[bool; 2]>(), of(0.15, Just(())), vec(service, 3..7)).prop_map(
        |(tenants, grouped, [two, one_domain], ambient, services)| {
            let names = if two { &["east", "west"][..] } else { &["east"] };
            let cluster = |name: &&str| Cluster {
                name: (*name).to_owned(),
                trust_domain: if one_domain { "mesh.example".to_owned() } else { format!("{name}.example") },
                ambient: ambient.is_some() && *name == "east",
            };
            let clusters: Vec<Cluster> = names.iter().map(cluster).collect();
            let node = |path: &str| Node { path: path.to_owned(), ..Node::default() };
            let mut nodes = vec![node("/")];
            let mut workspaces = Vec::new();
            for (at, count) in tenants.iter().enumerate() {
                let tenant = format!("/t{at}");
                nodes.push(node(&tenant));
                for workspace in ["a", "b"].iter().take(*count) {
                    let path = format!("{tenant}/{workspace}{at}");
                    workspaces.push(path.clone());
                    let claims = vec![format!("ns-{workspace}{at}")];
                    nodes.push(Node { path, claims, ..Node::default() });
                }
            }
            let mut all = Vec::new();
            for (at, (workspace, clusters, [own, tcp, in_group], more)) in services.iter().enumerate() {
                let workspace = workspace.get(&workspaces).clone();
                let namespace = format!("ns-{}", workspace.rsplit('/').next().unwrap());
                let group = (grouped && *in_group && workspace == workspaces[0]).then(|| format!("{workspace}/g"));
                all.push(Service {
                    name: format!("s{at}"),
                    workspace,
                    group,
                    namespace,
                    clusters: (0..names.len())
                        .filter(|index| names.len() == 1 || clusters & (1 << index) != 0)
                        .collect(),
                    account: if *own || *more > 0 { format!("s{at}") } else { "shared".to_owned() },
                    tcp: *tcp || *more > 3,
                    mtls: None,
                });
            }
            let grouped: Vec<&Service> = all.iter().filter(|service| service.group.is_some()).collect();
            if let Some(first) = grouped.first() {
                let claims = grouped.iter().map(|service| service.name.clone()).collect();
                nodes.push(Node { path: first.group.clone().unwrap(), claims, ..Node::default() });
            }
            Skeleton { http: clusters.iter().all(|cluster| !cluster.ambient), clusters, nodes, services: all }
        },
    )
}

fn statements(skeleton: Skeleton) -> impl Strategy<Value = Repository> {
    let zones = zones(&skeleton);
    zones.prop_flat_map(move |zones| {
        let names: Vec<String> = zones.iter().map(|zone| zone.name.clone()).collect();
        let mandates = vec(mandates(&skeleton), skeleton.nodes.len());
        let defaults = vec(defaults(), skeleton.nodes.len());
        let modes = vec(of(0.15, (select(vec!["strict", "permissive"]), of(0.5, Just(8080)))), skeleton.services.len());
        let accesses = vec(access(&skeleton, &names), 1..6);
        let tokens = (of(if skeleton.http { 0.9 } else { 0.0 }, Just(())), of(0.3, paths()), any::<bool>());
        let skeleton = skeleton.clone();
        (mandates, defaults, modes, accesses, tokens).prop_map(
            move |(mandates, defaults, modes, accesses, (tokens, exempt, demand))| {
                let Skeleton { clusters, mut nodes, mut services, .. } = skeleton.clone();
                for ((node, mandates), defaults) in nodes.iter_mut().zip(mandates).zip(defaults) {
                    let depth = node.path.trim_end_matches('/').matches('/').count();
                    node.mandates = if depth < 2 { mandates } else { Mandates::default() };
                    node.defaults = if depth < 3 { defaults } else { Defaults::default() };
                    // A default of its own node inside its own mandate: the rest is left to chance.
                    if node.mandates.mtls.is_some() {
                        node.defaults.mtls = None;
                    }
                    if node.mandates.egress.is_some() {
                        node.defaults.egress = None;
                    }
                }
                for (service, mode) in services.iter_mut().zip(modes) {
                    service.mtls = mode;
                }
                let name = |(at, mut access): (usize, Access)| {
                    access.name = format!("access-{at}");
                    access
                };
                let accesses = accesses.into_iter().enumerate().map(name).collect();
                let mut authentications = Vec::new();
                if tokens.is_some() {
                    let root = Authentication {
                        node: "/".to_owned(),
                        name: "login".to_owned(),
                        to: None,
                        required: false,
                        exempt: None,
                    };
                    let pure = services.iter().find(|service| demand && !service.tcp);
                    authentications.extend(pure.map(|service| Authentication {
                        node: service.workspace.clone(),
                        name: "demanded".to_owned(),
                        to: Some(vec![service.reference()]),
                        required: true,
                        exempt,
                    }));
                    authentications.push(root);
                }
                Repository {
                    clusters,
                    nodes,
                    services,
                    zones: zones.clone(),
                    accesses,
                    authentications,
                    exceptions: Vec::new(),
                }
            },
        )
    })
}

/// Callers, the wider ones oftener where `wide`.
fn caller(skeleton: &Skeleton, zones: &[String], wide: bool) -> BoxedStrategy<Ref> {
    let accounts = skeleton.services.iter().flat_map(|service| {
        let name = |at: &usize| skeleton.clusters[*at].name.clone();
        let account = move |at| Ref::Account(name(at), service.namespace.clone(), service.account.clone());
        service.clusters.iter().map(account)
    });
    let node = select(skeleton.paths(0..=3)).prop_map(Ref::Node);
    let top = select(skeleton.paths(0..=1)).prop_map(Ref::Node);
    let mut options = vec![
        (4, select(skeleton.services()).boxed()),
        (3, node.boxed()),
        (1, select(accounts.collect::<Vec<_>>()).boxed()),
        (1, select(vec![Ref::Cidr("10.0.0.0/8"), Ref::Cidr("10.1.0.0/16")]).boxed()),
        (if wide { 6 } else { 1 }, Just(Ref::Mesh).boxed()),
        (if wide { 6 } else { 1 }, top.boxed()),
        (1, Just(Ref::Anyone).boxed()),
    ];
    if !zones.is_empty() {
        options.push((2, select(zones.to_vec()).prop_map(Ref::Zone).boxed()));
    }
    prop::strategy::Union::new_weighted(options).boxed()
}

fn sources(skeleton: &Skeleton, zones: &[String], wide: bool) -> impl Strategy<Value = Vec<Source>> + use<> {
    let roles = subsequence(vec!["admin", "user"], 1..=2);
    let source = (caller(skeleton, zones, wide), of(if skeleton.http && !wide { 0.15 } else { 0.0 }, roles));
    vec(source.prop_map(|(who, roles)| Source { who: Some(who), roles }), 1..4)
}

fn paths() -> impl Strategy<Value = Vec<&'static str>> {
    subsequence(vec!["/a", "/a/*", "/b/{*}", "/b/{**}", "/c"], 1..=3)
}

fn condition(http: bool, often: f64) -> BoxedStrategy<Condition> {
    let ports = subsequence(vec![8080, 9000], 1..=2);
    let some = |chance: f64| if http { chance * often } else { 0.0 };
    let methods = of(some(0.5), subsequence(vec!["GET", "POST"], 1..=2));
    let header = of(some(0.15), subsequence(vec!["red", "blue"], 1..=2));
    let hosts = of(some(0.2), Just(vec!["api.example"]));
    (of(0.4 * often, ports), methods, of(some(0.5), paths()), hosts, header)
        .prop_map(|(ports, methods, paths, hosts, header)| {
            let asks = methods.is_some() || paths.is_some() || hosts.is_some() || header.is_some();
            // A rule on HTTP names the port that speaks it, or none.
            let ports = ports.map(|ports| if asks { vec![8080] } else { ports });
            Condition { ports, methods, paths, hosts, header }
        })
        .boxed()
}

fn mandates(skeleton: &Skeleton) -> impl Strategy<Value = Mandates> + use<> {
    let entry = (of(0.6, sources(skeleton, &[], true)), condition(skeleton.http, 0.5))
        .prop_map(|(from, condition)| Entry { from, condition, ..Entry::default() });
    let floor = (sources(skeleton, &[], false), condition(skeleton.http, 0.8)).prop_map(|(mut from, condition)| {
        from.iter_mut().for_each(|source| source.roles = None);
        Entry { from: Some(from), condition, ..Entry::default() }
    });
    let domains: Vec<String> = skeleton.clusters.iter().map(|cluster| cluster.trust_domain.clone()).collect();
    (
        of(0.3, select(vec!["strict", "permissive"])),
        of(0.25, sources(skeleton, &[], true)),
        of(0.25, vec(entry, 1..4)),
        vec(floor, 0..2).prop_flat_map(|floors| of(0.1, Just(floors)).prop_map(Option::unwrap_or_default)),
        of(0.15, Just(())),
        of(0.05, subsequence(domains, 1..=1)),
        any::<bool>(),
        of(0.2, select(vec!["registry-only", "any"])),
    )
        .prop_map(|(mtls, from, at_most, at_least, trial, trust_domains, issuers, egress)| Mandates {
            mtls,
            from,
            at_most,
            at_least,
            cross_tenant: false,
            trial: trial.is_some(),
            trust_domains,
            issuers,
            egress,
        })
}

fn defaults() -> impl Strategy<Value = Defaults> {
    let within = select(vec!["nobody", "group", "workspace", "tenant"]);
    (of(0.15, select(vec!["strict", "permissive"])), of(0.4, within), of(0.1, select(vec!["registry-only", "any"])))
        .prop_map(|(mtls, within, egress)| Defaults { mtls, within, egress })
}

fn zones(skeleton: &Skeleton) -> impl Strategy<Value = Vec<Zone>> + use<> {
    let services = skeleton.services();
    let members = subsequence(services.clone(), 1..=2.min(services.len()));
    let targets = subsequence(services.clone(), 1..=services.len());
    let node = select(skeleton.paths(0..=2)).prop_map(|path| vec![Ref::Node(path)]);
    let to = prop_oneof![targets, node];
    let zone = (members, of(0.5, sources(skeleton, &[], true)), of(0.4, to));
    let chance = of(0.5, vec(zone, 1..3)).prop_map(Option::unwrap_or_default);
    chance.prop_map(|zones| {
        let zones = zones.into_iter().enumerate().filter(|(_, (_, from, to))| from.is_some() || to.is_some());
        zones
            .map(|(at, (members, from, to))| Zone { node: "/".to_owned(), name: format!("z{at}"), members, from, to })
            .collect()
    })
}

/// A statement at some node on the line of a service, about that service, a node on its line, or everything there.
fn access(skeleton: &Skeleton, zones: &[String]) -> impl Strategy<Value = Access> + use<> {
    let http = skeleton.http;
    let allow = (sources(skeleton, zones, false), condition(http, 0.6), of(0.1, Just(())), of(0.75, Just(())))
        .prop_map(|(from, condition, trial, clip)| Entry {
            from: Some(from),
            condition,
            trial: trial.is_some(),
            clip: clip.is_some(),
        });
    let deny = (of(0.6, sources(skeleton, zones, false)), condition(http, 1.0), of(0.1, Just(())))
        .prop_map(|(from, condition, trial)| Entry { from, condition, trial: trial.is_some(), clip: false });
    let about = (select(skeleton.services.clone()), any::<prop::sample::Index>(), 0..4usize);
    (about, vec(allow, 0..3), vec(deny, 0..2)).prop_filter_map(
        "it says something",
        |((service, index, kind), allow, deny)| {
            if allow.is_empty() && deny.is_empty() {
                return None;
            }
            let line = lineage(service.node());
            let node = index.get(&line).clone();
            let to = match kind {
                0 => None,
                1 => Some(vec![Ref::Node(service.node().to_owned())]),
                _ => Some(vec![service.reference()]),
            };
            Some(Access { node, name: String::new(), to, allow, deny, uses: Vec::new() })
        },
    )
}
