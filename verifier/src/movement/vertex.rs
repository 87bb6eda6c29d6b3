//! What an attacker may have in hand.
//!
//! In: positions and names. Out: [`Vertex`], and how people call it.

use std::collections::BTreeMap;

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
