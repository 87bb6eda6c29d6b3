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
    let texts = |texts: &[&str]| text_atom(dimension, texts);
    let of_http = |text: fn(&Http) -> &str| texts(&[http.map_or("", text)]);
    match &dimension.attribute {
        Attribute::Peer => peer_atom(dimension, request.peer.as_ref()),
        Attribute::Address => address(request.address),
        Attribute::Remote => address(request.remote),
        Attribute::Destination => address(request.destination),
        Attribute::ServerName => texts(&[request.sni.as_deref().unwrap_or("")]),
        Attribute::Host => of_http(|http| &http.host),
        Attribute::Method => of_http(|http| &http.method),
        Attribute::Path => of_http(|http| &http.path),
        Attribute::Header(name) => {
            let values = http.and_then(|http| http.headers.get(name));
            texts(&values.into_iter().flatten().map(String::as_str).collect::<Vec<_>>())
        }
        Attribute::Token => dimension.atoms.iter().position(|atom| atom.value == Value::Holds(token.is_some())),
        Attribute::Claim(path) => texts(&token.map_or_else(Vec::new, |token| claim(token, path))),
        Attribute::Unknown(_) => None,
    }
}

/// Returns the texts of a claim.
fn claim<'t>(token: &'t Token, path: &[String]) -> Vec<&'t str> {
    let Some((first, rest)) = path.split_first() else { return Vec::new() };
    let value = rest.iter().try_fold(token.0.get(first), |value, name| Some(value?.get(name))).flatten();
    match value {
        Some(serde_json::Value::String(text)) => vec![text],
        Some(serde_json::Value::Array(items)) => items.iter().filter_map(serde_json::Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn met(dimension: &Dimension, holds: impl Fn(&Ask) -> bool) -> Vec<usize> {
    (0..).zip(&dimension.asks).filter(|(_, ask)| holds(ask)).map(|(at, _)| at).collect()
}

/// Returns the atom of an attribute that has these texts; of none, that of its absence.
fn text_atom(dimension: &Dimension, texts: &[&str]) -> Option<usize> {
    let met = met(dimension, |ask| matches!(ask, Ask::Text(glob) if texts.iter().any(|text| glob.matches(text))));
    let absent = Value::Texts(Vec::new());
    dimension.atoms.iter().position(|atom| atom.met == met && (atom.value == absent) == texts.is_empty())
}

fn peer_atom(dimension: &Dimension, peer: Option<&Peer>) -> Option<usize> {
    let Some(peer) = peer else {
        return dimension.atoms.iter().position(|atom| atom.value == Value::Peer(None));
    };
    let uri = format!("spiffe://{peer}");
    let met = met(dimension, |ask| matches!(ask, Ask::Text(glob) if glob.matches(&uri)));
    dimension.atoms.iter().position(|atom| atom.met == met && matches!(atom.value, Value::Peer(Some(_))))
}
