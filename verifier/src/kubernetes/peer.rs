//! The ends of a connection, as policies of the network tell them apart.

use ipnet::IpNet;
use ringfence_compiler::diagnostics::{Diagnostics, Reported};

use super::fits::Fits;
use super::selector::{Known, LabelSelector};
use crate::istio::read::Fields;

/// Pods with the same labels, at one end of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Pod<'a> {
    /// Their namespace.
    pub namespace: &'a str,
    /// The labels of their namespace.
    pub of_namespace: Known<'a>,
    /// Their own labels.
    pub labels: Known<'a>,
    /// The blocks their addresses are out of; empty where nobody says.
    pub blocks: &'a [IpNet],
    /// Whether they share the network of their node, and with it the node's addresses.
    pub on_node: bool,
}

/// One end of a connection, as a policy at the other end sees it.
#[derive(Debug, Clone, Copy)]
pub enum Peer<'a> {
    /// Pods.
    Pods(Pod<'a>),
    /// Addresses outside the cluster.
    Outside(IpNet),
    /// Addresses that pods of the cluster may have.
    PerhapsPods(IpNet),
}

/// Which pods a policy means.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PodSelector {
    /// Of such namespaces; `None` means the policy's own.
    pub namespaces: Option<LabelSelector>,
    /// With such labels.
    pub pods: LabelSelector,
}

impl PodSelector {
    /// Reads `namespaceSelector` and `podSelector`.
    ///
    /// # Errors
    /// When a field is not what it must be, which is reported.
    pub fn read(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Result<Self, Reported> {
        let namespaces = LabelSelector::read(fields, "namespaceSelector", diagnostics)?;
        let pods = LabelSelector::read(fields, "podSelector", diagnostics)?.unwrap_or_default();
        Ok(Self { namespaces, pods })
    }

    /// Says in words which pods are meant; `own` is the policy's namespace.
    #[must_use]
    pub fn words(&self, own: &str) -> String {
        let pods = if self.pods.is_empty() { "pods".to_owned() } else { format!("pods with {}", self.pods) };
        match &self.namespaces {
            None => format!("{pods} of namespace {own}"),
            Some(any) if any.is_empty() => format!("{pods} of any namespace"),
            Some(selector) => match selector.only_namespace() {
                Some(namespace) => format!("{pods} of namespace {namespace}"),
                None => format!("{pods} of namespaces with {selector}"),
            },
        }
    }

    /// Says whether pods are meant; `own` is the policy's namespace.
    #[must_use]
    pub fn fits(&self, own: &str, pod: &Pod<'_>) -> Fits {
        let namespace = match &self.namespaces {
            None => Fits::of(pod.namespace == own),
            Some(selector) => selector.fits(pod.of_namespace),
        };
        namespace.min(self.pods.fits(pod.labels))
    }
}

/// Reads a block of addresses.
pub(super) fn block(
    text: &str,
    fields: &Fields<'_>,
    name: &str,
    diagnostics: &mut Diagnostics,
) -> Result<IpNet, Reported> {
    let block = text.parse::<IpNet>().map(|block| block.trunc());
    block.map_err(|_| fields.refuse(name, &format!("`{text}` is no block of addresses"), diagnostics))
}
