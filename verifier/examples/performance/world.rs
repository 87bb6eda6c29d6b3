//! Synthetic meshes of any size, the same for the same size.
//!
//! Clusters of a thousand workloads at most, namespaces of twenty, four workloads to an identity, and a policy for ten
//! workloads, as a platform with many teams has them: most admit a few identities, some a namespace, few look at requests,
//! one in a hundred asks for what ends in a name in every namespace, and every cluster has rules that hold for all of it.

use std::fmt::Write as _;

use rayon::prelude::*;
use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::document::{Document, Policy};
use ringfence_compiler::source::{SourceFile, Sources};
use ringfence_compiler::spec::cluster::ClusterSpec;
use ringfence_compiler::spec::reference::NodePath;
use ringfence_compiler::yaml::{self, Profile};
use ringfence_verifier::model::Objects;

/// Why there is no mesh.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How many workloads a cluster has at most.
const OF_CLUSTER: usize = 1000;
/// How many a namespace has.
const OF_NAMESPACE: usize = 20;
/// How many of them share an identity.
const OF_IDENTITY: usize = 4;

/// A mesh to be written.
#[derive(Debug, Clone, Copy)]
pub struct World {
    /// How many workloads there are.
    pub workloads: usize,
}

impl World {
    /// Returns how many clusters there are.
    pub fn clusters(self) -> usize {
        self.workloads.div_ceil(OF_CLUSTER)
    }

    /// Returns the facts about the clusters.
    pub fn facts(self, cluster: usize) -> String {
        format!(
            "apiVersion: ringfence/v1alpha1\nkind: Cluster\nmetadata: {{name: c{cluster}}}\nspec: {{network: main, podCidrs: [10.{}.{}.0/20]}}\n",
            cluster / 16 % 256,
            cluster % 16 * 16
        )
    }

    /// Writes the manifests of a cluster: what runs there, and what decides.
    pub fn manifests(self, cluster: usize) -> String {
        let mut text = String::new();
        self.workloads_of(cluster, &mut text);
        self.policies_of(cluster, &mut text);
        text
    }

    /// Reads every cluster as it would be read from files.
    ///
    /// # Errors
    /// When something in it is broken, which would be a fault of the generator.
    pub fn read(self) -> Result<Vec<(Document<ClusterSpec>, Objects)>, Failure> {
        (0..self.clusters()).into_par_iter().map(|cluster| read(self, cluster)).collect()
    }

    fn here(self, cluster: usize) -> std::ops::Range<usize> {
        let first = cluster * OF_CLUSTER;
        first..self.workloads.min(first + OF_CLUSTER)
    }

    /// Writes the workloads and Services of a cluster.
    pub fn workloads_of(self, cluster: usize, text: &mut String) {
        for at in self.here(cluster) {
            let (namespace, account, app) = names(at);
            if at % OF_NAMESPACE == 0 {
                let _ = write!(
                    text,
                    "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {namespace}\n  labels: {{istio-injection: enabled, team: t{}}}\n---\n",
                    at / OF_NAMESPACE % 50
                );
            }
            let _ = write!(
                text,
                "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {app}, namespace: {namespace}}}\nspec:\n  template:\n    metadata: {{labels: {{app: {app}, tier: {}}}}}\n    spec:\n      serviceAccountName: {account}\n      containers: [{{name: main, ports: [{{containerPort: 8080}}]}}]\n---\napiVersion: v1\nkind: Service\nmetadata: {{name: {app}, namespace: {namespace}}}\nspec: {{selector: {{app: {app}}}, ports: [{{name: http, port: 80, targetPort: 8080}}]}}\n---\n",
                if at % 3 == 0 { "data" } else { "logic" }
            );
        }
    }

    /// Writes the policies of a cluster: those of the mesh, and one for ten workloads.
    pub fn policies_of(self, cluster: usize, text: &mut String) {
        text.push_str("apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: default, namespace: istio-system}\nspec: {mtls: {mode: STRICT}}\n---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: no-debug, namespace: istio-system}\nspec:\n  action: DENY\n  rules: [{from: [{source: {notNamespaces: [ns-0]}}], to: [{operation: {paths: [/debug/*]}}]}]\n---\n");
        let here = self.here(cluster);
        let mut random = Random::new(cluster as u64);
        for policy in 0..here.len() / 10 {
            let at = here.start + random.below(here.len());
            let (namespace, _, app) = names(at);
            let selector = match policy % 4 {
                0 => String::new(),
                1 => "  selector: {matchLabels: {tier: data}}\n".to_owned(),
                _ => format!("  selector: {{matchLabels: {{app: {app}}}}}\n"),
            };
            if policy % 10 == 9 {
                let _ = write!(
                    text,
                    "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p{policy}, namespace: {namespace}}}\nspec:\n  podSelector: {{matchLabels: {{app: {app}}}}}\n  ingress: [{{from: [{{namespaceSelector: {{matchLabels: {{team: t{}}}}}}}, {{podSelector: {{}}}}], ports: [{{port: 8080}}]}}]\n---\n",
                    random.below(50)
                );
                continue;
            }
            let (action, rule) = match policy % 25 {
                1 => ("DENY", "{from: [{source: {notPrincipals: ['cluster.local/*']}}]}".to_owned()),
                2 => ("DENY", "{to: [{operation: {methods: [DELETE], paths: ['/admin/*', '*/secret']}}]}".to_owned()),
                3 => ("ALLOW", "{from: [{source: {principals: ['*/sa/monitor']}}]}".to_owned()),
                4..10 => (
                    "ALLOW",
                    format!(
                        "{{from: [{{source: {{namespaces: [{}]}}}}]}}",
                        self.some(&mut random, 3, |at| names(at).0)
                    ),
                ),
                10..14 => {
                    let callers = self.some(&mut random, 5, principal);
                    (
                        "ALLOW",
                        format!(
                            "{{from: [{{source: {{principals: [{callers}]}}}}], to: [{{operation: {{methods: [GET, POST], paths: ['/v1/*', /health]}}}}]}}"
                        ),
                    )
                }
                _ => (
                    "ALLOW",
                    format!("{{from: [{{source: {{principals: [{}]}}}}]}}", self.some(&mut random, 10, principal)),
                ),
            };
            let _ = write!(
                text,
                "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {{name: p{policy}, namespace: {namespace}}}\nspec:\n{selector}  action: {action}\n  rules: [{rule}]\n---\n"
            );
        }
    }

    /// Names up to so many things of workloads anywhere.
    fn some(self, random: &mut Random, most: usize, name: impl Fn(usize) -> String) -> String {
        let names: Vec<String> = (0..=random.below(most)).map(|_| name(random.below(self.workloads))).collect();
        names.join(", ")
    }
}

/// Returns the namespace, the service account and the name of a workload.
fn names(at: usize) -> (String, String, String) {
    let account = match at % OF_NAMESPACE / OF_IDENTITY {
        0 => "monitor".to_owned(),
        account => format!("sa-{account}"),
    };
    (format!("ns-{}", at / OF_NAMESPACE), account, format!("app-{at}"))
}

fn principal(at: usize) -> String {
    let (namespace, account, _) = names(at);
    format!("cluster.local/ns/{namespace}/sa/{account}")
}

fn read(world: World, cluster: usize) -> Result<(Document<ClusterSpec>, Objects), Failure> {
    let (mut sources, mut said) = (Sources::new(), Diagnostics::new());
    let mut documents = |name: &str, text: String, profile| {
        let file = sources.add(SourceFile::new(name, text.into_bytes()));
        yaml::read(&sources, file, profile, &mut said)
    };
    let manifests = documents("manifests.yaml", world.manifests(cluster), Profile::Manifest);
    let facts = documents("cluster.yaml", world.facts(cluster), Profile::Policy);
    let mut policy = Policy::default();
    for document in facts {
        policy.add(&NodePath::root(), &document.root, &mut said).map_err(|_| "broken facts")?;
    }
    let objects = Objects::read(manifests.into_iter().map(|document| document.root), &mut said);
    if said.has_errors() {
        return Err(format!("{:?}", said.sorted(&sources)).into());
    }
    Ok((policy.clusters.pop().ok_or("no cluster")?, objects))
}

/// A stream of numbers that looks random and is the same everywhere (SplitMix64).
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).unwrap_or(0)
    }
}
