//! NetworkPolicies (kubernetes/api `networking/v1/types.go`).
//!
//! In: nodes of manifests. Out: [`NetworkPolicy`], and whether its rules mean a connection. What follows from that is for
//! [`super::passage`].

use ipnet::IpNet;
use ringfence_compiler::diagnostics::{Diagnostics, Reported};
use ringfence_compiler::source::Span;
use ringfence_compiler::spec::reference::meets;

use super::fits::Fits;
use super::passage::Direction;
use super::peer::{Peer, PodSelector, block};
use super::port::{PortMatch, Server};
use super::selector::LabelSelector;
use crate::istio::read::Fields;

/// A NetworkPolicy.
#[derive(Debug, Clone)]
pub struct NetworkPolicy {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Where its name was written.
    pub span: Span,
    /// The lines of policy it says it was compiled from.
    pub source: Option<String>,
    /// Whether it has fields that its kind does not have, so that nobody can tell what the cluster has of it.
    pub doubtful: bool,
    /// The pods it is about.
    pub pods: LabelSelector,
    /// What may arrive at them; `None` where it says nothing of that.
    pub ingress: Option<Vec<Rule>>,
    /// What may leave them; `None` where it says nothing of that.
    pub egress: Option<Vec<Rule>>,
}

/// Peers and ports, both of which must fit.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Where it was written.
    pub span: Span,
    /// Ports, of which one must fit; none asks nothing.
    pub ports: Vec<PortMatch>,
    /// Peers, of which one must fit; none asks nothing.
    pub peers: Vec<PeerMatch>,
}

/// The other end of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeerMatch {
    /// Pods.
    Pods(PodSelector),
    /// Addresses.
    Addresses {
        /// Of this block.
        block: IpNet,
        /// And of none of these.
        except: Vec<IpNet>,
    },
}

impl NetworkPolicy {
    /// Reads one.
    ///
    /// # Errors
    /// When a field is not what it must be, which is reported.
    pub fn read(root: &ringfence_compiler::yaml::Node, diagnostics: &mut Diagnostics) -> Result<Self, Reported> {
        let object = Fields::of(root);
        let (metadata, spec) = (object.child("metadata", diagnostics)?, object.child("spec", diagnostics)?);
        let (ingress, egress) =
            (rules(&spec, "ingress", "from", diagnostics)?, rules(&spec, "egress", "to", diagnostics)?);
        let types = spec.texts("policyTypes", diagnostics)?;
        // Without types a policy is about ingress, and about egress if it has such rules (SetDefaults_NetworkPolicy).
        let about = |word: &str, default: bool| {
            if types.is_empty() { default } else { types.iter().any(|written| written == word) }
        };
        let about_egress =
            about("Egress", spec.get("egress").is_some_and(|list| list.as_sequence().is_some_and(|l| !l.is_empty())));
        Ok(Self {
            namespace: metadata.namespace(diagnostics)?,
            name: metadata.required("name", diagnostics)?,
            span: metadata.span_of("name"),
            source: metadata.source(),
            doubtful: false,
            pods: LabelSelector::read(&spec, "podSelector", diagnostics)?.unwrap_or_default(),
            ingress: about("Ingress", true).then_some(ingress),
            egress: about_egress.then_some(egress),
        })
    }

    /// Returns its rules for a direction; `None` where it says nothing of that.
    #[must_use]
    pub fn rules(&self, direction: Direction) -> Option<&[Rule]> {
        match direction {
            Direction::Ingress => self.ingress.as_deref(),
            Direction::Egress => self.egress.as_deref(),
        }
    }
}

fn rules(spec: &Fields<'_>, name: &str, peers: &str, diagnostics: &mut Diagnostics) -> Result<Vec<Rule>, Reported> {
    let mut rules = Vec::new();
    for rule in spec.list(name, diagnostics)? {
        let (mut ports, mut read) = (Vec::new(), Vec::new());
        for port in rule.list("ports", diagnostics)? {
            ports.push(PortMatch::of_network_policy(&port, diagnostics)?);
        }
        for peer in rule.list(peers, diagnostics)? {
            read.push(PeerMatch::read(&peer, diagnostics)?);
        }
        rules.push(Rule { span: rule.span(), ports, peers: read });
    }
    Ok(rules)
}

impl Rule {
    /// Says whether it lets a connection pass; `own` is its policy's namespace.
    #[must_use]
    pub fn fits(&self, own: &str, peer: Peer<'_>, server: Server<'_>) -> Fits {
        let peers = || match self.peers.is_empty() {
            true => Fits::Yes,
            false => Fits::any(self.peers.iter().map(|other| other.fits(own, peer))),
        };
        match PortMatch::one_of(&self.ports, server) {
            Fits::No => Fits::No,
            ports => ports.min(peers()),
        }
    }
}

impl Rule {
    /// Tells apart whether the peer may fit, and whether the port may; `own` is its policy's namespace.
    #[must_use]
    pub fn apart(&self, own: &str, peer: Peer<'_>, server: Server<'_>) -> (bool, bool) {
        let peers = self.peers.is_empty() || self.peers.iter().any(|other| other.fits(own, peer).may());
        (peers, PortMatch::one_of(&self.ports, server).may())
    }
}

impl PeerMatch {
    /// Says in words whom it fits; `own` is the namespace of its policy.
    #[must_use]
    pub fn words(&self, own: &str) -> String {
        match self {
            Self::Pods(selector) => selector.words(own),
            Self::Addresses { block, except } if except.is_empty() => block.to_string(),
            Self::Addresses { block, except } => {
                let except: Vec<String> = except.iter().map(ToString::to_string).collect();
                format!("{block} but {}", except.join(", "))
            }
        }
    }

    fn read(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Result<Self, Reported> {
        if fields.get("ipBlock").is_some() {
            let written = fields.child("ipBlock", diagnostics)?;
            let cidr = block(&written.required("cidr", diagnostics)?, &written, "cidr", diagnostics)?;
            let mut except = Vec::new();
            for text in written.texts("except", diagnostics)? {
                except.push(block(&text, &written, "except", diagnostics)?);
            }
            return Ok(Self::Addresses { block: cidr, except });
        }
        if fields.get("namespaceSelector").is_none() && fields.get("podSelector").is_none() {
            return Err(fields.refuse("podSelector", "a peer that says neither pods nor addresses", diagnostics));
        }
        Ok(Self::Pods(PodSelector::read(fields, diagnostics)?))
    }

    /// Returns the blocks it names.
    pub fn blocks(&self) -> impl Iterator<Item = &IpNet> {
        let (block, except): (_, &[IpNet]) = match self {
            Self::Pods(_) => (None, &[]),
            Self::Addresses { block, except } => (Some(block), except),
        };
        block.into_iter().chain(except)
    }

    fn fits(&self, own: &str, peer: Peer<'_>) -> Fits {
        match (self, peer) {
            (Self::Pods(selector), Peer::Pods(pod)) => {
                // Whether a plugin knows the pods of the node's own network from the node is its own affair.
                let most = if pod.on_node { Fits::Perhaps } else { Fits::Yes };
                selector.fits(own, &pod).min(most)
            }
            (Self::Pods(_), Peer::Outside(_)) => Fits::No,
            (Self::Pods(_), Peer::PerhapsPods(_)) => Fits::Perhaps,
            (Self::Addresses { block, except }, Peer::Outside(address) | Peer::PerhapsPods(address)) => {
                let out = except.iter().any(|except| except.contains(&address));
                if block.contains(&address) && !except.iter().any(|except| meets(except, &address)) {
                    Fits::Yes
                } else if meets(block, &address) && !out {
                    Fits::Perhaps
                } else {
                    Fits::No
                }
            }
            // Whether a block that holds a pod's address lets the pod pass differs from one network plugin to another.
            (Self::Addresses { block, except }, Peer::Pods(pod)) => {
                let may = |pods: &IpNet| meets(block, pods) && !except.iter().any(|except| except.contains(pods));
                if pod.blocks.is_empty() || pod.blocks.iter().any(may) { Fits::Perhaps } else { Fits::No }
            }
        }
    }
}
