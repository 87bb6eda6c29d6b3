//! What an attacker may have in hand.
//!
//! In: positions and names. Out: [`Vertex`], and how people call it.

use std::collections::BTreeMap;

use crate::fleet::Fleet;
use crate::matrix;
use crate::request::Identity;
use crate::surroundings::rights::Subject;

/// What an attacker may have in hand. Clusters and workloads are positions: of models, and of workloads of an inventory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Vertex {
    /// A place outside every cluster, from which anyone calls.
    Internet,
    /// Commands in a container of a workload's pods.
    Workload {
        /// The cluster.
        cluster: usize,
        /// The workload.
        workload: usize,
    },
    /// A certificate of the mesh with this identity, wherever it is used.
    Identity(Identity),
    /// Requests to the API server of a cluster in the name of a subject.
    Subject {
        /// The cluster.
        cluster: usize,
        /// The subject.
        subject: Subject,
    },
    /// Root on the nodes that fit a placement.
    Nodes {
        /// The cluster.
        cluster: usize,
        /// The labels that such a node has, as far as pods ask for them; none is any node.
        placement: BTreeMap<String, String>,
    },
    /// The contents of a Secret.
    Secret {
        /// The cluster.
        cluster: usize,
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// Whatever answers rest on in a cluster: its policies, gateways, webhooks and labels.
    Control {
        /// The cluster.
        cluster: usize,
    },
}

impl Vertex {
    /// Says what it is, in words; where there are several clusters, the name of one stands before what is in it.
    #[must_use]
    pub fn called(&self, fleet: &Fleet<'_>) -> String {
        let models = fleet.models();
        let within = |at: &usize, name: String| match (models, models.get(*at)) {
            ([_], _) | (_, None) => name,
            (_, Some(model)) => format!("{}:{name}", model.name()),
        };
        match self {
            Self::Internet => "internet".to_owned(),
            Self::Workload { cluster, workload } => {
                let found = models.get(*cluster).and_then(|it| it.cluster().inventory.workloads.get(*workload));
                within(cluster, found.map(matrix::name).unwrap_or_default())
            }
            Self::Identity(identity) => format!("spiffe://{identity}"),
            Self::Subject { cluster, subject } => {
                let name = match subject.namespace.as_str() {
                    "" => subject.name.clone(),
                    namespace => format!("{namespace}/{}", subject.name),
                };
                within(cluster, format!("{} {name}", subject.kind))
            }
            Self::Nodes { cluster, placement } if placement.is_empty() => within(cluster, "any node".to_owned()),
            Self::Nodes { cluster, placement } => {
                let labels: Vec<String> = placement.iter().map(|(key, value)| format!("{key}={value}")).collect();
                within(cluster, format!("nodes with {}", labels.join(", ")))
            }
            Self::Secret { cluster, namespace, name } => within(cluster, format!("Secret {namespace}/{name}")),
            Self::Control { cluster } => within(cluster, "the policies of the cluster".to_owned()),
        }
    }
}
