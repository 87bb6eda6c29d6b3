//! NetworkPolicies (kubernetes/api `networking/v1/types.go`), and whether they let a connection pass one end of it.

use std::fmt;

use ipnet::IpNet;
use ringfence_compiler::diagnostics::{Diagnostics, Reported};
use ringfence_compiler::inventory::Labels;
use ringfence_compiler::source::Span;
use ringfence_compiler::yaml::{Node, Value};

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

/// A port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortMatch {
    /// Whether it is about TCP; other protocols are not followed.
    pub tcp: bool,
    /// Which port.
    pub port: PortNumber,
}

/// Which port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PortNumber {
    /// Every one.
    Any,
    /// These, the last included.
    Range(u16, u16),
    /// The one that the pod at the server's end calls so.
    Name(String),
}

/// The other end of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeerMatch {
    /// Pods.
    Pods {
        /// Of such namespaces; `None` means the policy's own.
        namespaces: Option<LabelSelector>,
        /// With such labels.
        pods: LabelSelector,
    },
    /// Addresses.
    Addresses {
        /// Of this block.
        block: IpNet,
        /// And of none of these.
        except: Vec<IpNet>,
    },
}

/// One end of a connection, as a policy at the other end sees it.
#[derive(Debug, Clone, Copy)]
pub enum Peer<'a> {
    /// A pod.
    Pod {
        /// Its namespace.
        namespace: &'a str,
        /// The labels of its namespace.
        namespace_labels: &'a Labels,
        /// Its own labels.
        labels: &'a Labels,
        /// The blocks its address is out of; empty where nobody says.
        blocks: &'a [IpNet],
    },
    /// An address outside the cluster.
    Outside(IpNet),
}

/// What policies say of one end of a connection.
#[derive(Debug, Clone, Copy)]
pub enum Passage<'a> {
    /// No policy is about this pod in this direction.
    Unguarded,
    /// This policy lets it pass.
    Passes(&'a NetworkPolicy, Span),
    /// It passes if the peer's address is such as this policy asks, which no file tells.
    Perhaps(&'a NetworkPolicy, Span),
    /// Policies are about the pod, and none lets it pass.
    Refused,
}

impl PortMatch {
    /// Returns the first port it is about, where it names one by its number.
    #[must_use]
    pub fn first(&self) -> Option<u16> {
        match self.port {
            PortNumber::Range(first, _) if self.tcp => Some(first),
            _ => None,
        }
    }
}

impl NetworkPolicy {
    /// Reads one.
    ///
    /// # Errors
    /// When a field is not what it must be, which is reported.
    pub fn read(root: &Node, diagnostics: &mut Diagnostics) -> Result<Self, Reported> {
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
            pods: LabelSelector::read(&spec, "podSelector", diagnostics)?.unwrap_or_default(),
            ingress: about("Ingress", true).then_some(ingress),
            egress: about_egress.then_some(egress),
        })
    }
}

fn rules(spec: &Fields<'_>, name: &str, peers: &str, diagnostics: &mut Diagnostics) -> Result<Vec<Rule>, Reported> {
    let mut rules = Vec::new();
    for rule in spec.list(name, diagnostics)? {
        let (mut ports, mut read) = (Vec::new(), Vec::new());
        for port in rule.list("ports", diagnostics)? {
            ports.push(port_match(&port, diagnostics)?);
        }
        for peer in rule.list(peers, diagnostics)? {
            read.push(peer_match(&peer, diagnostics)?);
        }
        rules.push(Rule { span: rule.span(), ports, peers: read });
    }
    Ok(rules)
}

fn port_match(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Result<PortMatch, Reported> {
    let protocol = fields.text("protocol", diagnostics)?;
    let number = |node: &Node| match &node.value {
        Value::Number(number) => number.as_u64().and_then(|number| u16::try_from(number).ok()),
        _ => None,
    };
    let port = match fields.get("port") {
        None => PortNumber::Any,
        Some(node) => match (number(node), node.as_str()) {
            (Some(first), _) => {
                let last = match fields.get("endPort") {
                    None => first,
                    Some(end) => {
                        number(end).ok_or_else(|| fields.refuse("endPort", "`endPort` is no port", diagnostics))?
                    }
                };
                PortNumber::Range(first, last)
            }
            (None, Some(name)) => PortNumber::Name(name.to_owned()),
            (None, None) => return Err(fields.refuse("port", "`port` is neither number nor name", diagnostics)),
        },
    };
    Ok(PortMatch { tcp: protocol.is_none_or(|protocol| protocol == "TCP"), port })
}

fn peer_match(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Result<PeerMatch, Reported> {
    if fields.get("ipBlock").is_some() {
        let block = fields.child("ipBlock", diagnostics)?;
        let net = |text: &str, name: &str, diagnostics: &mut Diagnostics| {
            let net = text.parse::<IpNet>().map(|net| net.trunc());
            net.map_err(|_| block.refuse(name, &format!("`{text}` is no block of addresses"), diagnostics))
        };
        let cidr = block.required("cidr", diagnostics)?;
        let cidr = net(&cidr, "cidr", diagnostics)?;
        let mut except = Vec::new();
        for text in block.texts("except", diagnostics)? {
            except.push(net(&text, "except", diagnostics)?);
        }
        return Ok(PeerMatch::Addresses { block: cidr, except });
    }
    let namespaces = LabelSelector::read(fields, "namespaceSelector", diagnostics)?;
    let pods = LabelSelector::read(fields, "podSelector", diagnostics)?;
    if namespaces.is_none() && pods.is_none() {
        return Err(fields.refuse("podSelector", "a peer that says neither pods nor addresses", diagnostics));
    }
    Ok(PeerMatch::Pods { namespaces, pods: pods.unwrap_or_default() })
}

/// The label by which Kubernetes names each namespace.
const NAME_OF_NAMESPACE: &str = "kubernetes.io/metadata.name";

/// Says whether policies let a connection into a pod, or out of it.
///
/// `rules` picks the direction; `server` is the number of the server's port and what its pod calls it.
#[must_use]
pub fn passage<'a>(
    policies: &[&'a NetworkPolicy],
    rules: fn(&NetworkPolicy) -> Option<&Vec<Rule>>,
    peer: Peer<'_>,
    server: (u16, &[String]),
) -> Passage<'a> {
    let mut passage = Passage::Unguarded;
    for policy in policies {
        let Some(rules) = rules(policy) else { continue };
        if matches!(passage, Passage::Unguarded) {
            passage = Passage::Refused;
        }
        for rule in rules.iter().filter(|rule| rule.ports.is_empty() || rule.ports.iter().any(|port| port.fits(server)))
        {
            let fits = match rule.peers.is_empty() {
                true => Fits::Yes,
                false => rule.peers.iter().map(|other| other.fits(&policy.namespace, peer)).max().unwrap_or(Fits::No),
            };
            match fits {
                Fits::Yes => return Passage::Passes(policy, rule.span),
                Fits::Perhaps => passage = Passage::Perhaps(policy, rule.span),
                Fits::No => {}
            }
        }
    }
    passage
}

/// Finds the first rule that fits the peer and not the port, or else the first that fits the port and not the peer; tells
/// whether it fits the peer.
#[must_use]
pub fn nearly<'a>(
    policies: &[&'a NetworkPolicy],
    rules: fn(&NetworkPolicy) -> Option<&Vec<Rule>>,
    peer: Peer<'_>,
    server: (u16, &[String]),
) -> Option<(&'a NetworkPolicy, &'a Rule, bool)> {
    let mut by_port = None;
    for policy in policies {
        for rule in rules(policy).into_iter().flatten() {
            let fits_port = rule.ports.is_empty() || rule.ports.iter().any(|port| port.fits(server));
            let fits_peer =
                rule.peers.is_empty() || rule.peers.iter().any(|other| other.fits(&policy.namespace, peer) != Fits::No);
            match (fits_peer, fits_port) {
                (true, false) => return Some((policy, rule, true)),
                (false, true) if by_port.is_none() => by_port = Some((*policy, rule, false)),
                _ => {}
            }
        }
    }
    by_port
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fits {
    No,
    Perhaps,
    Yes,
}

impl PortMatch {
    fn fits(&self, (number, names): (u16, &[String])) -> bool {
        self.tcp
            && match &self.port {
                PortNumber::Any => true,
                PortNumber::Range(first, last) => (*first..=*last).contains(&number),
                PortNumber::Name(name) => names.contains(name),
            }
    }
}

impl fmt::Display for PortMatch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.tcp {
            return formatter.write_str("a port of another protocol than TCP");
        }
        match &self.port {
            PortNumber::Any => formatter.write_str("any port"),
            PortNumber::Range(first, last) if first == last => write!(formatter, "{first}"),
            PortNumber::Range(first, last) => write!(formatter, "{first}-{last}"),
            PortNumber::Name(name) => formatter.write_str(name),
        }
    }
}

impl PeerMatch {
    /// Says in words whom it fits; `own` is the namespace of its policy.
    #[must_use]
    pub fn words(&self, own: &str) -> String {
        match self {
            Self::Pods { namespaces, pods } => {
                let pods = if pods.is_empty() { "pods".to_owned() } else { format!("pods with {pods}") };
                match namespaces {
                    None => format!("{pods} of namespace {own}"),
                    Some(any) if any.is_empty() => format!("{pods} of any namespace"),
                    Some(selector) => match selector.only(NAME_OF_NAMESPACE) {
                        Some(namespace) => format!("{pods} of namespace {namespace}"),
                        None => format!("{pods} of namespaces with {selector}"),
                    },
                }
            }
            Self::Addresses { block, except } if except.is_empty() => block.to_string(),
            Self::Addresses { block, except } => {
                let except: Vec<String> = except.iter().map(ToString::to_string).collect();
                format!("{block} but {}", except.join(", "))
            }
        }
    }

    fn fits(&self, own: &str, peer: Peer<'_>) -> Fits {
        let yes = |fits: bool| if fits { Fits::Yes } else { Fits::No };
        match (self, peer) {
            (Self::Pods { namespaces, pods }, Peer::Pod { namespace, namespace_labels, labels, .. }) => {
                let of_namespace = match namespaces {
                    None => namespace == own,
                    Some(selector) => selector.matches(namespace_labels),
                };
                yes(of_namespace && pods.matches(labels))
            }
            (Self::Pods { .. }, Peer::Outside(_)) => Fits::No,
            (Self::Addresses { block, except }, Peer::Outside(address)) => {
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
            (Self::Addresses { block, except }, Peer::Pod { blocks, .. }) => {
                let may = |pods: &IpNet| meets(block, pods) && !except.iter().any(|except| except.contains(pods));
                if blocks.is_empty() || blocks.iter().any(may) { Fits::Perhaps } else { Fits::No }
            }
        }
    }
}

/// Tells whether two blocks share an address.
fn meets(one: &IpNet, other: &IpNet) -> bool {
    one.contains(other) || other.contains(one)
}
