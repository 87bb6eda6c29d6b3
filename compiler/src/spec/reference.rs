//! How a statement points at what it is about.
//!
//! A service is `/payments/checkout/ledger:api` or a short name; a node is a path; the rest carry their kind as a prefix.
//! Nothing is looked up here: `resolve/lookup.rs` does that.

use std::net::IpAddr;

use ipnet::IpNet;

use super::patterns;
use crate::shape::scalar::{Text, text_shape};

/// Who or what a statement points at, as written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reference {
    /// A node and everything below it: `/payments/checkout`; `/` is the organization.
    Node(NodePath),
    /// A service of a node given by path or by short name: `/payments/checkout:api`, `ledger:api`.
    Service(NodeName, String),
    /// A service by its name alone, looked up outward from where it is written.
    Short(String),
    /// Every member of a zone: `zone:pci`.
    Zone(String),
    /// A gateway that clusters declare: `gateway:edge`.
    Gateway(String),
    /// One Kubernetes service account: `sa:prod-east/payments/ledger`.
    ServiceAccount {
        /// The cluster.
        cluster: String,
        /// The namespace.
        namespace: String,
        /// The name.
        name: String,
    },
    /// Addresses, in the mesh or not: `cidr:10.0.0.0/8`.
    Cidr(IpNet),
    /// Every workload that shows a mesh certificate, of whatever cluster.
    Mesh,
    /// Anybody at all, with or without an identity.
    Anyone,
    /// Whoever is outside every cluster; reaches workloads through exposures alone.
    Internet,
}

/// The path of a node from the organization: `/` or `/payments/checkout`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodePath(pub String);

impl NodePath {
    /// Returns the path of the organization.
    #[must_use]
    pub fn root() -> Self {
        Self("/".to_owned())
    }

    /// Tells whether `other` is this node or lies below it.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        self.0 == "/" || other.0 == self.0 || other.0.strip_prefix(&self.0).is_some_and(|rest| rest.starts_with('/'))
    }

    /// Returns the path of a child.
    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        Self(if self.0 == "/" { format!("/{name}") } else { format!("{}/{name}", self.0) })
    }

    /// Returns the path of the node above; `None` for the organization.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let (above, _) = self.0.rsplit_once('/')?;
        match (above, self.0.as_str()) {
            (_, "/") => None,
            ("", _) => Some(Self::root()),
            (above, _) => Some(Self(above.to_owned())),
        }
    }

    /// Returns the last name of the path; empty for the organization.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(_, name)| name)
    }

    /// Returns this path and those above it, the organization first.
    #[must_use]
    pub fn lineage(&self) -> Vec<Self> {
        let mut line: Vec<_> = std::iter::successors(Some(self.clone()), Self::parent).collect();
        line.reverse();
        line
    }
}

impl std::fmt::Display for NodePath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a node is named in front of a service: by its path, or by its last name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodeName {
    /// By its path.
    Path(NodePath),
    /// By its last name, looked up outward.
    Short(String),
}

impl Text for NodePath {
    const WHAT: &'static str = "the path of a node";
    const PATTERN: &'static str = concat!("^", patterns::node_path!(), "$");
    const EXAMPLE: &'static str = "/payments/checkout";

    fn parse(text: &str) -> Result<Self, String> {
        let Some(rest) = text.strip_prefix('/') else {
            return Err(format!("`{text}` is not the path of a node: it begins with `/`"));
        };
        if rest.is_empty() || rest.split('/').all(is_word) {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!("`{text}` is not the path of a node: its parts are names between single `/`"))
        }
    }
}
text_shape!(NodePath, "NodePath");

impl Text for Reference {
    const WHAT: &'static str = "a reference";
    const PATTERN: &'static str = concat!(
        "^(",
        patterns::node_path!(),
        "(:",
        patterns::word!(),
        ")?|(/",
        patterns::word!(),
        ")*/[*]{2}|cidr:(",
        patterns::cidr!(),
        ")|sa:",
        patterns::word!(),
        "/",
        patterns::word!(),
        "/",
        patterns::word!(),
        "|(?!(cidr|sa):)",
        patterns::word!(),
        "(:",
        patterns::word!(),
        ")?)$"
    );
    const EXAMPLE: &'static str = "/payments/checkout:api";

    fn parse(text: &str) -> Result<Self, String> {
        let named = |kind: &str, name: &str| {
            if is_word(name) {
                Ok(name.to_owned())
            } else {
                Err(format!("`{text}` names no {kind}: `{name}` cannot be a name"))
            }
        };
        match text {
            "mesh" => return Ok(Self::Mesh),
            "anyone" => return Ok(Self::Anyone),
            "internet" => return Ok(Self::Internet),
            _ => {}
        }
        if let Some(path) = text.strip_suffix("/**") {
            return match path {
                "" => Ok(Self::Node(NodePath::root())),
                "/" => Err(format!("`{text}` is not the path of a node: its parts are names between single `/`")),
                path => NodePath::parse(path).map(Self::Node),
            };
        }
        match text.split_once(':') {
            Some(("zone", name)) => named("zone", name).map(Self::Zone),
            Some(("gateway", name)) => named("gateway", name).map(Self::Gateway),
            Some(("cidr", net)) => parse_cidr(net).map(Self::Cidr),
            Some(("sa", account)) => match account.split('/').collect::<Vec<_>>().as_slice() {
                [cluster, namespace, name] => Ok(Self::ServiceAccount {
                    cluster: named("cluster", cluster)?,
                    namespace: named("namespace", namespace)?,
                    name: named("service account", name)?,
                }),
                _ => Err(format!("`{text}` is not `sa:<cluster>/<namespace>/<name>`")),
            },
            Some((node, service)) if node.starts_with('/') => {
                Ok(Self::Service(NodeName::Path(NodePath::parse(node)?), named("service", service)?))
            }
            Some((node, service)) => {
                Ok(Self::Service(NodeName::Short(named("node", node)?), named("service", service)?))
            }
            None if text.starts_with('/') => NodePath::parse(text).map(Self::Node),
            None => named("service", text).map(Self::Short),
        }
    }
}
text_shape!(Reference, "Reference");

impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Node(path) | Self::Service(NodeName::Path(path), _) if matches!(self, Self::Node(_)) => {
                write!(f, "{path}")
            }
            Self::Node(path) => write!(f, "{path}"),
            Self::Service(NodeName::Path(path), service) => write!(f, "{path}:{service}"),
            Self::Service(NodeName::Short(node), service) => write!(f, "{node}:{service}"),
            Self::Short(name) => f.write_str(name),
            Self::Zone(name) => write!(f, "zone:{name}"),
            Self::Gateway(name) => write!(f, "gateway:{name}"),
            Self::ServiceAccount { cluster, namespace, name } => write!(f, "sa:{cluster}/{namespace}/{name}"),
            Self::Cidr(net) => write!(f, "cidr:{net}"),
            Self::Mesh => f.write_str("mesh"),
            Self::Anyone => f.write_str("anyone"),
            Self::Internet => f.write_str("internet"),
        }
    }
}

/// Addresses in the form `10.0.0.0/8`, as a Kubernetes `ipBlock` has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cidr(pub IpNet);

impl Text for Cidr {
    const WHAT: &'static str = "a range of addresses";
    const PATTERN: &'static str = concat!("^(", patterns::cidr!(), ")$");
    const EXAMPLE: &'static str = "10.0.0.0/8";

    fn parse(text: &str) -> Result<Self, String> {
        parse_cidr(text).map(Self)
    }
}
text_shape!(Cidr, "Cidr");

/// Tells whether two blocks share an address.
#[must_use]
pub fn meets(one: &IpNet, other: &IpNet) -> bool {
    one.contains(other) || other.contains(one)
}

/// Parses `10.0.0.0/8` or one address; host bits must be zero, so that nobody reads another range than is meant.
fn parse_cidr(text: &str) -> Result<IpNet, String> {
    let wrong = || format!("`{text}` is not a range of addresses");
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    // An IPv4 address inside an IPv6 one means different hosts to different programs.
    let is_mixed = address.contains(':') && address.contains('.');
    let address = address.parse::<IpAddr>().ok().filter(|_| !is_mixed).ok_or_else(wrong)?;
    let net = match length {
        None => IpNet::from(address),
        Some(length) => {
            // `08` is eight to some programs and an octal mistake to others.
            let decimal =
                length.bytes().all(|byte| byte.is_ascii_digit()) && (length == "0" || !length.starts_with('0'));
            let bits = length.parse::<u8>().ok().filter(|_| decimal).ok_or_else(wrong)?;
            IpNet::new(address, bits).map_err(|_| wrong())?
        }
    };
    if net.trunc() == net {
        Ok(net)
    } else {
        Err(format!("`{text}` has host bits set: the range is `{}`", net.trunc()))
    }
}

/// Tells whether `name` can name a node, service, zone or Kubernetes object.
pub(super) fn is_word(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.')
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.len() <= 253
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_print_as_they_are_written() {
        for text in [
            "/",
            "/payments",
            "/payments/checkout:api",
            "ledger:api",
            "api",
            "zone:pci",
            "gateway:edge",
            "sa:east/pay/ledger",
            "cidr:10.0.0.0/8",
            "cidr:fd00::/8",
            "mesh",
            "anyone",
            "internet",
        ] {
            assert_eq!(Reference::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Reference::parse("/**").unwrap(), Reference::Node(NodePath::root()));
        assert_eq!(Reference::parse("/payments/**").unwrap().to_string(), "/payments");
    }

    #[test]
    fn references_that_are_not_are_refused() {
        for text in [
            "",
            "/payments/",
            "//",
            "//**",
            "a b",
            "zone:",
            "sa:a/b",
            "cidr:10.0.0.1/8",
            "cidr:x",
            "/a:",
            "a:b:c",
            "*",
            "/a/*",
        ] {
            assert!(Reference::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn addresses_that_programs_read_differently_are_refused() {
        for text in
            ["010.0.0.0/8", "10.0.0.0/08", "10.0.0.0/+8", "10.0.0.0/33", "::ffff:10.0.0.0/104", "10.0.0/8", "::/129"]
        {
            assert!(Cidr::parse(text).is_err(), "{text}");
        }
        for text in ["10.0.0.7", "0.0.0.0/0", "::/0", "2001:DB8::/32", "::1"] {
            assert!(Cidr::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_path_knows_its_lineage() {
        let path = NodePath::parse("/a/b").unwrap();
        assert_eq!(path.lineage(), ["/", "/a", "/a/b"].map(|path| NodePath(path.to_owned())));
        assert!(NodePath("/a".to_owned()).contains(&path));
        assert!(!NodePath("/a".to_owned()).contains(&NodePath("/ab".to_owned())));
        assert_eq!(NodePath::root().parent(), None);
    }
}
