//! One attribute of a request, cut into atoms.
//!
//! In: everything that is asked of the attribute. Out: [`Dimension`]: atoms, each with a value that stands for it and the
//! questions it answers with yes.

use std::net::IpAddr;

use ipnet::IpNet;
use ringfence_compiler::requests::atoms::AtomSet;

use super::atoms;
use crate::engine::Leaf;
use crate::glob::Glob;
use crate::request::{HeaderName, Identity};

/// What can be asked about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Attribute {
    /// The peer's identity.
    Peer,
    /// The address the connection comes from.
    Address,
    /// The address the request comes from.
    Remote,
    /// The address the connection was made to.
    Destination,
    /// The server name of the TLS handshake.
    ServerName,
    /// The host.
    Host,
    /// The method.
    Method,
    /// The path.
    Path,
    /// A header.
    Header(HeaderName),
    /// Whether there is a token.
    Token,
    /// A claim of the token.
    Claim(Vec<String>),
    /// Whether one of the values of an attribute is such.
    OneOf(Box<Attribute>, Glob),
    /// Something no file tells.
    Unknown(String),
}

/// A question about one attribute.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Ask {
    /// Is it such a text?
    Text(Glob),
    /// Is it such an address?
    Net(IpNet),
    /// Is it there, does it hold?
    Holds,
}

/// A value that stands for an atom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A peer; `None` shows no identity.
    Peer(Option<Identity>),
    /// An address.
    Address(IpAddr),
    /// Texts: none where the attribute is absent, several where it may have several.
    Texts(Vec<String>),
    /// Whether it holds.
    Holds(bool),
}

/// A class of values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Atom {
    /// One of them.
    pub value: Value,
    /// The positions of the questions they answer with yes, sorted.
    pub met: Vec<usize>,
}

/// An attribute and its atoms.
#[derive(Debug, Clone)]
pub(super) struct Dimension {
    pub attribute: Attribute,
    pub asks: Vec<Ask>,
    pub atoms: Vec<Atom>,
    sets: Vec<AtomSet>,
}

impl Dimension {
    /// Cuts an attribute by sorted questions.
    pub fn of(attribute: Attribute, asks: Vec<Ask>, peers: &[Identity]) -> Self {
        let atoms = atoms::of(&attribute, &asks, peers);
        let mut sets = vec![AtomSet::none(atoms.len()); asks.len()];
        for (at, atom) in atoms.iter().enumerate() {
            for ask in &atom.met {
                if let Some(set) = sets.get_mut(*ask) {
                    set.insert(at);
                }
            }
        }
        Self { attribute, asks, atoms, sets }
    }

    /// Returns the atoms that answer a question with yes.
    pub fn met(&self, ask: &Ask) -> Option<&AtomSet> {
        self.sets.get(self.asks.binary_search(ask).ok()?)
    }

    /// Returns the atoms whose value is such.
    pub fn atoms_where(&self, is: impl Fn(&Value) -> bool) -> AtomSet {
        let mut set = AtomSet::none(self.atoms.len());
        for (at, _) in self.atoms.iter().enumerate().filter(|(_, atom)| is(&atom.value)) {
            set.insert(at);
        }
        set
    }
}

/// Returns what a leaf asks of each attribute, all of which must be answered with yes; a port is no attribute here, because
/// each question is about one port.
pub(super) fn asks(leaf: &Leaf) -> Vec<(Attribute, Ask)> {
    let text = |attribute, glob: &Glob| vec![(attribute, Ask::Text(glob.clone()))];
    let net = |attribute, net: &IpNet| vec![(attribute, Ask::Net(*net))];
    let claim = |name: &str, glob: &Glob| (Attribute::Claim(vec![name.to_owned()]), Ask::Text(glob.clone()));
    let one_of = |attribute, glob: &Glob| (Attribute::OneOf(Box::new(attribute), glob.clone()), Ask::Holds);
    match leaf {
        Leaf::Peer(glob) => text(Attribute::Peer, glob),
        Leaf::Address(block) => net(Attribute::Address, block),
        Leaf::Remote(block) => net(Attribute::Remote, block),
        Leaf::Destination(block) => net(Attribute::Destination, block),
        Leaf::Port(_) => Vec::new(),
        Leaf::ServerName(glob) => text(Attribute::ServerName, glob),
        Leaf::Host(glob) => text(Attribute::Host, glob),
        Leaf::Method(glob) => text(Attribute::Method, glob),
        Leaf::Path(glob) => text(Attribute::Path, glob),
        // Path and query are told apart nowhere else, so that what is asked of both is left open.
        Leaf::Target(glob) => vec![(Attribute::Unknown(format!("path with query {glob}")), Ask::Holds)],
        // Hosts are told apart without their case.
        Leaf::Header(name, glob) if name.as_str() == "host" => {
            vec![(Attribute::Unknown(format!("host with its case {glob}")), Ask::Holds)]
        }
        Leaf::Header(name, glob) => vec![one_of(Attribute::Header(name.clone()), glob)],
        Leaf::TokenOf(issuer, subject) => {
            vec![(Attribute::Token, Ask::Holds), claim("iss", issuer), claim("sub", subject)]
        }
        // Issuer and subject are one text each: a token in which they are lists is refused before anybody asks.
        Leaf::Claim(path, glob) => {
            let asked = match path.as_slice() {
                [name] if name == "iss" || name == "sub" => claim(name, glob),
                _ => one_of(Attribute::Claim(path.clone()), glob),
            };
            vec![(Attribute::Token, Ask::Holds), asked]
        }
        Leaf::Unknown(what) => vec![(Attribute::Unknown(what.clone()), Ask::Holds)],
    }
}
