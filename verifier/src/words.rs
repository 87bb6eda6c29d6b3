//! Tests in words, as close to what people write in policies as can be.
//!
//! In: sets of texts and single questions. Out: short texts: `/v1/*`, `namespace shop`, `one of issuer/*`. Answers, near
//! misses and differences say the same thing in the same words because they all ask here.

use ringfence_compiler::requests::automaton::Class;

use crate::engine::Leaf;
use crate::glob::{Glob, Piece};

const URI: &str = "spiffe://";

/// Writes a set of texts with a star for what is open.
pub(crate) fn glob(glob: &Glob) -> String {
    let all: Vec<String> = glob.alternatives().iter().map(|pieces| starred(pieces)).collect();
    // A host of our own language is meant with and without its port, and written once.
    let is_repeated = |one: &&String| one.strip_suffix(":*").is_some_and(|host| all.iter().any(|other| other == host));
    all.iter().filter(|one| !is_repeated(one)).cloned().collect::<Vec<_>>().join(" or ")
}

fn starred(pieces: &[Piece]) -> String {
    let star = |piece: &Piece| match piece {
        Piece::Text(text) => text.clone(),
        Piece::Run(Class::Everything | Class::NotSlash | Class::Digit, _) => "*".to_owned(),
        Piece::Run(Class::Segment, _) => "{*}".to_owned(),
        Piece::Run(Class::SegmentOrSlash, _) => "{**}".to_owned(),
    };
    pieces.iter().map(star).collect()
}

/// Writes a set of peers as the field of a policy that means them.
pub(crate) fn peer(peers: &Glob) -> String {
    let Some(first) = peers.alternatives().first() else { return "nobody".to_owned() };
    match first.as_slice() {
        // `namespaces`
        [Piece::Run(Class::Everything, 0), Piece::Text(begin), inner @ .., Piece::Text(end), Piece::Run(..)]
            if begin == "/ns/" && end == "/" =>
        {
            format!("namespace {}", starred(inner))
        }
        // `serviceAccounts`
        [Piece::Text(uri), Piece::Run(..), Piece::Text(namespace), Piece::Text(account)] if uri == URI => {
            let namespace = namespace.trim_start_matches("/ns/").trim_end_matches('/');
            format!("service account {namespace}/{}", account.trim_start_matches("sa/"))
        }
        _ => {
            let text = glob(peers);
            text.split(" or ").map(|one| one.strip_prefix(URI).unwrap_or(one)).collect::<Vec<_>>().join(" or ")
        }
    }
}

/// Writes the value that a leaf asks for, without its attribute.
pub(crate) fn value(leaf: &Leaf) -> String {
    match leaf {
        Leaf::Peer(peers) => peer(peers),
        Leaf::Address(net) | Leaf::Remote(net) | Leaf::Destination(net) => net.to_string(),
        Leaf::Port(port) => port.to_string(),
        Leaf::ServerName(text)
        | Leaf::Host(text)
        | Leaf::Method(text)
        | Leaf::Path(text)
        | Leaf::Target(text)
        | Leaf::Header(_, text) => glob(text),
        Leaf::TokenOf(issuer, subject) => format!("one of {}/{}", glob(issuer), glob(subject)),
        Leaf::Claim(path, text) => format!("one with {}: {}", path.join("."), glob(text)),
        Leaf::Unknown(what) => what.clone(),
    }
}

/// Writes what a leaf asks, with its attribute.
pub(crate) fn condition(leaf: &Leaf) -> String {
    let value = value(leaf);
    match leaf {
        Leaf::Peer(_) => format!("peer {value}"),
        Leaf::Address(_) => format!("address {value}"),
        Leaf::Remote(_) => format!("client address {value}"),
        Leaf::Destination(_) => format!("destination {value}"),
        Leaf::Port(_) => format!("port {value}"),
        Leaf::ServerName(_) => format!("server name {value}"),
        Leaf::Host(_) => format!("host {value}"),
        Leaf::Method(_) => format!("method {value}"),
        Leaf::Path(_) => format!("path {value}"),
        Leaf::Target(_) => format!("path and query {value}"),
        Leaf::Header(name, _) => format!("header {}: {value}", name.as_str()),
        Leaf::TokenOf(issuer, subject) => format!("a token of {} for {}", glob(issuer), glob(subject)),
        Leaf::Claim(path, text) => format!("claim {}: {}", path.join("."), glob(text)),
        Leaf::Unknown(_) => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::HeaderName;

    #[test]
    fn sets_of_texts_are_written_as_people_write_them() {
        let any = |least| Piece::Run(Class::Everything, least);
        let text = |text: &str| Piece::Text(text.to_owned());
        let account = |tail: Vec<Piece>| [vec![text(URI), any(1), text("/ns/shop/"), text("sa/web")], tail].concat();
        let cases = [
            (Leaf::Path(Glob::prefix("/v1/")), "/v1/*"),
            (Leaf::Path(Glob::at_least(1)), "*"),
            (Leaf::Host(Glob::suffix(".example")), "*.example"),
            (Leaf::Header(HeaderName::new("x"), Glob::at_least(0)), "*"),
            (Leaf::Peer(Glob::exactly("spiffe://mesh/ns/shop/sa/web")), "mesh/ns/shop/sa/web"),
            (Leaf::Peer(Glob::at_least(1)), "*"),
            (Leaf::Peer(Glob::new(vec![any(0), text("/ns/"), text("shop"), text("/"), any(0)])), "namespace shop"),
            (Leaf::Peer(Glob::new(vec![any(0), text("/ns/"), text("a"), any(0), text("/"), any(0)])), "namespace a*"),
            (
                Leaf::Peer(Glob::one_of(vec![account(vec![]), account(vec![text("/"), any(1)])])),
                "service account shop/web",
            ),
            (Leaf::TokenOf(Glob::exactly("i"), Glob::at_least(1)), "one of i/*"),
        ];
        for (leaf, expected) in cases {
            assert_eq!(value(&leaf), expected, "{leaf:?}");
        }
    }
}
