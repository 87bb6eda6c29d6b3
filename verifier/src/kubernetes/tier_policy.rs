//! Policies of whoever runs the cluster, asked before and after NetworkPolicies: ClusterNetworkPolicy, and the older
//! AdminNetworkPolicy and BaselineAdminNetworkPolicy (kubernetes-sigs/network-policy-api `apis/v1alpha1`, `apis/v1alpha2`).
//!
//! In: nodes of manifests. Out: [`TierPolicy`], and whether its rules mean a connection. What follows from that is for
//! [`super::passage`].

use ipnet::IpNet;
use ringfence_compiler::diagnostics::{Diagnostics, Reported};
use ringfence_compiler::source::Span;
use ringfence_compiler::spec::reference::meets;
use ringfence_compiler::yaml::Node;

use super::fits::Fits;
use super::passage::Direction;
use super::peer::{Peer, Pod, PodSelector, block};
use super::port::{PortMatch, Server, number};
use super::selector::LabelSelector;
use super::tier_version;
use crate::istio::read::Fields;

/// When a policy is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// Before NetworkPolicies.
    Admin,
    /// Where no NetworkPolicy is about the pod.
    Baseline,
}

/// What a rule does with a connection that it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Lets it pass at this end, whatever others say.
    Accept,
    /// Stops it.
    Deny,
    /// Leaves it to the next tier.
    Pass,
}

/// The kind that a policy of a tier is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// AdminNetworkPolicy.
    Admin,
    /// BaselineAdminNetworkPolicy.
    Baseline,
    /// ClusterNetworkPolicy.
    Cluster,
}

impl Kind {
    /// Returns the kind of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Admin, Self::Baseline, Self::Cluster].into_iter().find(|kind| kind.name() == name)
    }

    /// Returns its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Admin => "AdminNetworkPolicy",
            Self::Baseline => "BaselineAdminNetworkPolicy",
            Self::Cluster => "ClusterNetworkPolicy",
        }
    }
}

/// A policy of a tier.
#[derive(Debug, Clone)]
pub struct TierPolicy {
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// Where its name was written.
    pub span: Span,
    /// Whether it is written as its kind does not have it, so that nobody can tell what the cluster has of it.
    pub doubtful: bool,
    /// When it is asked.
    pub tier: Tier,
    /// Its rank there: the lowest is asked first.
    pub priority: u16,
    /// The pods it is about.
    pub subject: PodSelector,
    /// What it says of connections to them, in order.
    pub ingress: Vec<TierRule>,
    /// What it says of connections from them, in order.
    pub egress: Vec<TierRule>,
}

/// A rule of such a policy.
#[derive(Debug, Clone)]
pub struct TierRule {
    /// Where it was written.
    pub span: Span,
    /// Which of its list it is, from one.
    pub number: usize,
    /// What it does.
    pub action: Action,
    /// Peers, of which one must fit.
    pub peers: Vec<TierPeer>,
    /// Ports, of which one must fit; none asks nothing.
    pub ports: Vec<PortMatch>,
}

/// The other end of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TierPeer {
    /// Pods that have a network of their own.
    Pods(PodSelector),
    /// Addresses, those of pods among them.
    Networks(Vec<IpNet>),
    /// Nodes.
    Nodes,
    /// What some names resolve to.
    Names,
    /// Nobody here knows the word that says which.
    Unknown,
}

impl TierPolicy {
    /// Reads one.
    ///
    /// # Errors
    /// When a field is not what it must be, which is reported.
    pub fn read(kind: Kind, root: &Node, diagnostics: &mut Diagnostics) -> Result<Self, Reported> {
        let object = Fields::of(root);
        let (metadata, spec) = (object.child("metadata", diagnostics)?, object.child("spec", diagnostics)?);
        let tier = match kind {
            Kind::Admin => Tier::Admin,
            Kind::Baseline => Tier::Baseline,
            Kind::Cluster => match spec.required("tier", diagnostics)?.as_str() {
                "Admin" => Tier::Admin,
                "Baseline" => Tier::Baseline,
                other => return Err(spec.refuse("tier", &format!("`{other}` is no tier"), diagnostics)),
            },
        };
        let written = spec.get("priority").and_then(number).filter(|priority| *priority <= 1000);
        // There is one baseline at most, and it has no rank.
        let priority = if kind == Kind::Baseline { Some(0) } else { written };
        let priority =
            priority.ok_or_else(|| spec.refuse("priority", "`priority` is no number from 0 to 1000", diagnostics));
        Ok(Self {
            kind,
            name: metadata.required("name", diagnostics)?,
            span: metadata.span_of("name"),
            doubtful: tier_version::is_doubtful(kind, root, diagnostics),
            tier,
            priority: priority?,
            subject: subject(&spec, diagnostics)?,
            ingress: rules(&spec, "ingress", "from", diagnostics)?,
            egress: rules(&spec, "egress", "to", diagnostics)?,
        })
    }

    /// Returns its rules for a direction.
    #[must_use]
    pub fn rules(&self, direction: Direction) -> &[TierRule] {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }

    /// Says whether it is about pods.
    #[must_use]
    pub fn is_about(&self, pod: &Pod<'_>) -> Fits {
        // Those on the node's network are never among them, the API says.
        if pod.on_node { Fits::No } else { self.subject.fits("", pod) }
    }
}

fn subject(spec: &Fields<'_>, diagnostics: &mut Diagnostics) -> Result<PodSelector, Reported> {
    let subject = spec.child("subject", diagnostics)?;
    match selected(&subject, diagnostics)? {
        Some(TierPeer::Pods(pods)) => Ok(pods),
        _ => Err(spec.refuse("subject", "a subject is either `namespaces` or `pods`", diagnostics)),
    }
}

/// Reads `namespaces` or `pods`.
fn selected(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Result<Option<TierPeer>, Reported> {
    // An early draft had other words inside, which select by what the subject has.
    let old = |fields: &Fields<'_>| {
        ["namespaceSelector", "sameLabels", "notSameLabels"].iter().any(|word| fields.get(word).is_some())
    };
    if fields.get("namespaces").is_some() {
        if old(&fields.child("namespaces", diagnostics)?) {
            return Ok(Some(TierPeer::Unknown));
        }
        let namespaces = LabelSelector::read(fields, "namespaces", diagnostics)?;
        return Ok(Some(TierPeer::Pods(PodSelector { namespaces, pods: LabelSelector::default() })));
    }
    if fields.get("pods").is_none() {
        return Ok(None);
    }
    let pods = fields.child("pods", diagnostics)?;
    if pods.get("namespaces").is_some() {
        return Ok(Some(TierPeer::Unknown));
    }
    let read = PodSelector::read(&pods, diagnostics)?;
    // An absent selector of namespaces selects all of them.
    let namespaces = Some(read.namespaces.unwrap_or_default());
    Ok(Some(TierPeer::Pods(PodSelector { namespaces, ..read })))
}

fn rules(spec: &Fields<'_>, name: &str, peers: &str, diagnostics: &mut Diagnostics) -> Result<Vec<TierRule>, Reported> {
    let mut rules = Vec::new();
    for (number, rule) in (1..).zip(spec.list(name, diagnostics)?) {
        let action = match rule.required("action", diagnostics)?.as_str() {
            "Accept" | "Allow" => Action::Accept,
            "Deny" => Action::Deny,
            "Pass" => Action::Pass,
            other => return Err(rule.refuse("action", &format!("`{other}` is no action"), diagnostics)),
        };
        let mut read = Vec::new();
        for peer in rule.list(peers, diagnostics)? {
            read.push(TierPeer::read(&peer, diagnostics)?);
        }
        if read.is_empty() {
            return Err(rule.refuse(peers, &format!("a rule without `{peers}`"), diagnostics));
        }
        let mut ports = Vec::new();
        for field in ["ports", "protocols"] {
            for port in rule.list(field, diagnostics)? {
                ports.push(PortMatch::of_tier(&port, diagnostics)?);
            }
        }
        rules.push(TierRule { span: rule.span(), number, action, peers: read, ports });
    }
    Ok(rules)
}

impl TierRule {
    /// Says whether it means a connection, as far as its words are known.
    #[must_use]
    pub fn fits(&self, peer: Peer<'_>, server: Server<'_>) -> Fits {
        let peers = || Fits::any(self.peers.iter().map(|other| other.fits(peer)));
        match PortMatch::one_of(&self.ports, server) {
            Fits::No => Fits::No,
            ports => ports.min(peers()),
        }
    }

    /// Tells whether a cluster that does not know one of its words may close the whole rule: it then accepts nothing, and
    /// any other action becomes a denial of everything.
    #[must_use]
    pub fn may_fail_closed(&self) -> bool {
        self.peers.contains(&TierPeer::Unknown)
    }
}

impl TierPeer {
    fn read(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Result<Self, Reported> {
        if let Some(pods) = selected(fields, diagnostics)? {
            return Ok(pods);
        }
        if fields.get("networks").is_some() {
            let mut networks = Vec::new();
            for text in fields.texts("networks", diagnostics)? {
                networks.push(block(&text, fields, "networks", diagnostics)?);
            }
            return Ok(Self::Networks(networks));
        }
        let is = |word: &str| fields.get(word).is_some();
        Ok(if is("nodes") {
            Self::Nodes
        } else if is("domainNames") {
            Self::Names
        } else {
            Self::Unknown
        })
    }

    /// Returns the blocks it names.
    pub fn blocks(&self) -> &[IpNet] {
        if let Self::Networks(networks) = self { networks } else { &[] }
    }

    fn fits(&self, peer: Peer<'_>) -> Fits {
        match (self, peer) {
            (Self::Pods(_), Peer::Outside(_)) => Fits::No,
            (Self::Pods(_), Peer::PerhapsPods(_)) => Fits::Perhaps,
            (Self::Pods(_), Peer::Pods(pod)) if pod.on_node => Fits::No,
            (Self::Pods(selector), Peer::Pods(pod)) => selector.fits("", &pod),
            (Self::Networks(networks), Peer::Outside(block) | Peer::PerhapsPods(block)) => within(networks, &block),
            (Self::Networks(_), Peer::Pods(pod)) if pod.blocks.is_empty() => Fits::Perhaps,
            // A pod has one of the addresses of its cluster.
            (Self::Networks(networks), Peer::Pods(pod)) => {
                let each = || pod.blocks.iter().map(|block| within(networks, block));
                if each().all(|fits| fits == Fits::Yes) { Fits::Yes } else { Fits::any(each()).min(Fits::Perhaps) }
            }
            (Self::Nodes, Peer::Pods(pod)) if !pod.on_node => Fits::No,
            (Self::Nodes | Self::Names | Self::Unknown, _) => Fits::Perhaps,
        }
    }
}

/// Says whether the addresses of a block are out of some networks.
fn within(networks: &[IpNet], block: &IpNet) -> Fits {
    if networks.iter().any(|network| network.contains(block)) {
        Fits::Yes
    } else if networks.iter().any(|network| meets(network, block)) {
        Fits::Perhaps
    } else {
        Fits::No
    }
}
