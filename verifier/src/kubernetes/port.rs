//! Ports as policies of the network name them.

use std::fmt;

use ringfence_compiler::diagnostics::{Diagnostics, Reported};
use ringfence_compiler::yaml::{Node, Value};

use super::fits::Fits;
use crate::istio::read::Fields;

/// The port that a connection goes to.
#[derive(Debug, Clone, Copy)]
pub struct Server<'a> {
    /// Its number.
    pub port: u16,
    /// What its pod calls it.
    pub names: &'a [String],
}

/// Which connections a policy means by a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PortMatch {
    /// Those over TCP to any port.
    AnyTcp,
    /// Those to these, the last included.
    Range(u16, u16),
    /// Those to the one that the pod at the server's end calls so.
    Name(String),
    /// None over TCP; other protocols are not followed.
    NotTcp,
    /// Nobody here knows the word that says which.
    Unknown,
}

impl PortMatch {
    /// Says whether a connection is meant.
    #[must_use]
    pub fn fits(&self, server: Server<'_>) -> Fits {
        match self {
            Self::AnyTcp => Fits::Yes,
            Self::Range(first, last) => Fits::of((*first..=*last).contains(&server.port)),
            Self::Name(name) => Fits::of(server.names.contains(name)),
            Self::NotTcp => Fits::No,
            Self::Unknown => Fits::Perhaps,
        }
    }

    /// Says whether one of a rule's ports is meant; a rule without ports means all.
    #[must_use]
    pub fn one_of(ports: &[Self], server: Server<'_>) -> Fits {
        if ports.is_empty() { Fits::Yes } else { Fits::any(ports.iter().map(|port| port.fits(server))) }
    }

    /// Reads a port of a NetworkPolicy: `protocol`, `port`, `endPort`.
    ///
    /// # Errors
    /// When a field is not what it must be, which is reported.
    pub fn of_network_policy(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Result<Self, Reported> {
        let port = match fields.get("port") {
            None => Self::AnyTcp,
            Some(node) => match (number(node), node.as_str()) {
                (Some(first), _) if fields.get("endPort").is_none() => Self::Range(first, first),
                (Some(first), _) => Self::Range(first, port_number(fields, "endPort", diagnostics)?),
                (None, Some(name)) => Self::Name(name.to_owned()),
                (None, None) => return Err(fields.refuse("port", "`port` is neither number nor name", diagnostics)),
            },
        };
        Self::over(port, fields, diagnostics)
    }

    /// Reads an item of `ports` of an AdminNetworkPolicy, or of `protocols` of a ClusterNetworkPolicy.
    ///
    /// # Errors
    /// When a field is not what it must be, which is reported.
    pub fn of_tier(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Result<Self, Reported> {
        let (number, range) = (fields.child("portNumber", diagnostics)?, fields.child("portRange", diagnostics)?);
        if number.is_there() {
            let port = port_number(&number, "port", diagnostics)?;
            return Self::over(Self::Range(port, port), &number, diagnostics);
        }
        if range.is_there() {
            let (first, last) = (port_number(&range, "start", diagnostics)?, port_number(&range, "end", diagnostics)?);
            return Self::over(Self::Range(first, last), &range, diagnostics);
        }
        for name in ["namedPort", "destinationNamedPort"] {
            if let Some(name) = fields.text(name, diagnostics)? {
                return Ok(Self::Name(name));
            }
        }
        if fields.get("tcp").is_some() {
            let port = fields.child("tcp", diagnostics)?.child("destinationPort", diagnostics)?;
            let range = port.child("range", diagnostics)?;
            return Ok(if range.is_there() {
                Self::Range(port_number(&range, "start", diagnostics)?, port_number(&range, "end", diagnostics)?)
            } else if port.is_there() {
                let number = port_number(&port, "number", diagnostics)?;
                Self::Range(number, number)
            } else {
                Self::AnyTcp
            });
        }
        let other = ["udp", "sctp"].iter().any(|protocol| fields.get(protocol).is_some());
        Ok(if other { Self::NotTcp } else { Self::Unknown })
    }

    /// Applies `protocol`, which is TCP where nothing else is said.
    fn over(port: Self, fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Result<Self, Reported> {
        let protocol = fields.text("protocol", diagnostics)?;
        Ok(if protocol.is_none_or(|protocol| protocol == "TCP") { port } else { Self::NotTcp })
    }
}

impl fmt::Display for PortMatch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AnyTcp => formatter.write_str("any port"),
            Self::Range(first, last) if first == last => write!(formatter, "{first}"),
            Self::Range(first, last) => write!(formatter, "{first}-{last}"),
            Self::Name(name) => formatter.write_str(name),
            Self::NotTcp => formatter.write_str("a port of another protocol than TCP"),
            Self::Unknown => formatter.write_str("a port nobody here can read"),
        }
    }
}

/// Returns a number that a port can have.
pub(crate) fn number(node: &Node) -> Option<u16> {
    match &node.value {
        Value::Number(number) => number.as_u64().and_then(|number| u16::try_from(number).ok()),
        _ => None,
    }
}

fn port_number(fields: &Fields<'_>, name: &str, diagnostics: &mut Diagnostics) -> Result<u16, Reported> {
    let read = fields.get(name).and_then(number);
    read.ok_or_else(|| fields.refuse(name, &format!("`{name}` is no port"), diagnostics))
}
