//! Where a request lies among the atoms.
//!
//! In: a peer or a whole request. Out: the area of all requests that no test of the space tells apart from it.

use ringfence_compiler::requests::area::Area;

use super::dimension::{Ask, Attribute, Dimension, Value};
use super::space::Space;
use crate::request::{Http, Identity, Peer, Request, Shown, Token};

impl Space {
    /// Returns the area of one peer; `None` shows no identity.
    #[must_use]
    pub fn of_peer(&self, peer: Option<&Identity>) -> Area {
        let peers = self.dimensions().iter().find(|dimension| dimension.attribute == Attribute::Peer);
        let atom = peers.and_then(|dimension| peer_atom(dimension, peer.cloned().map(Peer::from).as_ref()));
        self.at_atom(&self.everything(), &Attribute::Peer, atom)
    }

    /// Returns the area of one request, without what no file tells; empty where it cannot be.
    #[must_use]
    pub fn of_request(&self, request: &Request) -> Area {
        let mut area = self.everything();
        for dimension in self.dimensions() {
            if let Attribute::Unknown(_) = dimension.attribute {
                continue;
            }
            area = self.at_atom(&area, &dimension.attribute, atom_of(dimension, request));
        }
        area
    }
}

/// Returns the atom a request is of.
fn atom_of(dimension: &Dimension, request: &Request) -> Option<usize> {
    let http = request.http.as_ref();
    let token = http.and_then(|http| if let Shown::Signed(token) = &http.token { Some(token) } else { None });
    let address = |address| {
        let met = met(dimension, |ask| matches!(ask, Ask::Net(net) if net.contains(&address)));
        dimension.atoms.iter().position(|atom| atom.met == met)
    };
    let text = |text: Option<&str>| text_atom(dimension, text);
    let of_http = |part: fn(&Http) -> &str| text(Some(http.map_or("", part)));
    let holds = |holds: bool| dimension.atoms.iter().position(|atom| atom.value == Value::Holds(holds));
    match &dimension.attribute {
        Attribute::Peer => peer_atom(dimension, request.peer.as_ref()),
        Attribute::Address => address(request.address),
        Attribute::Remote => address(request.remote),
        Attribute::Destination => address(request.destination),
        Attribute::ServerName => text(Some(request.sni.as_deref().unwrap_or(""))),
        Attribute::Host => of_http(|http| &http.host),
        Attribute::Method => of_http(|http| &http.method),
        Attribute::Path => of_http(|http| &http.path),
        Attribute::Token => holds(token.is_some()),
        Attribute::OneOf(attribute, glob) => {
            holds(values(attribute, http, token).iter().any(|value| glob.matches(value)))
        }
        Attribute::Header(_) | Attribute::Claim(_) => text(values(&dimension.attribute, http, token).first().copied()),
        Attribute::Unknown(_) => None,
    }
}

/// Returns the values of an attribute that may have none or several.
fn values<'r>(attribute: &Attribute, http: Option<&'r Http>, token: Option<&'r Token>) -> Vec<&'r str> {
    match attribute {
        Attribute::Header(name) => {
            let values = http.and_then(|http| http.headers.get(name));
            values.into_iter().flatten().map(String::as_str).collect()
        }
        Attribute::Claim(path) => token.map_or_else(Vec::new, |token| token.texts(path)),
        _ => Vec::new(),
    }
}

fn met(dimension: &Dimension, holds: impl Fn(&Ask) -> bool) -> Vec<usize> {
    (0..).zip(&dimension.asks).filter(|(_, ask)| holds(ask)).map(|(at, _)| at).collect()
}

/// Returns the atom of an attribute that is such a text, or absent.
fn text_atom(dimension: &Dimension, text: Option<&str>) -> Option<usize> {
    let met = met(dimension, |ask| matches!(ask, Ask::Text(glob) if text.is_some_and(|text| glob.matches(text))));
    let absent = Value::Texts(Vec::new());
    dimension.atoms.iter().position(|atom| atom.met == met && (atom.value == absent) == text.is_none())
}

fn peer_atom(dimension: &Dimension, peer: Option<&Peer>) -> Option<usize> {
    let Some(peer) = peer else {
        return dimension.atoms.iter().position(|atom| atom.value == Value::Peer(None));
    };
    let uri = format!("spiffe://{peer}");
    let met = met(dimension, |ask| matches!(ask, Ask::Text(glob) if glob.matches(&uri)));
    dimension.atoms.iter().position(|atom| atom.met == met && matches!(atom.value, Value::Peer(Some(_))))
}
