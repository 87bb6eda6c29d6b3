//! The atoms of each kind of attribute.
//!
//! In: questions. Out: one value for each combination of answers that some value gives.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use ringfence_compiler::requests::automaton::{self, Class, Step};

use super::dimension::{Ask, Atom, Attribute, Value};
use crate::glob::{Glob, Piece};
use crate::request::Identity;

/// Returns the atoms of an attribute that has one value. Of the values an atom has, `peers` and usual words are named before
/// others.
pub(super) fn of(attribute: &Attribute, asks: &[Ask], peers: &[Identity]) -> Vec<Atom> {
    match attribute {
        Attribute::Peer => of_peers(asks, peers),
        Attribute::Address | Attribute::Remote | Attribute::Destination => of_addresses(asks),
        Attribute::Token | Attribute::OneOf(..) | Attribute::Unknown(_) => vec![holds(false, asks), holds(true, asks)],
        Attribute::ServerName => texts(asks, None, "", &[""]),
        Attribute::Host => texts(asks, Some(&Glob::at_least(1)), "", &["service.example"]),
        Attribute::Method => texts(asks, Some(&Glob::at_least(1)), "", &["GET", "POST", "PUT", "DELETE"]),
        // `OPTIONS *` asks for no path.
        Attribute::Path => {
            let path = vec![Piece::Text("/".to_owned()), Piece::Run(Class::Everything, 0)];
            texts(asks, Some(&Glob::one_of(vec![path, vec![Piece::Text("*".to_owned())]])), "/", &["/"])
        }
        // A token whose issuer or subject is a list is refused before anybody asks
        // (google/jwt_verify_lib `src/jwt.cc`).
        Attribute::Header(_) | Attribute::Claim(_) => {
            let mut atoms = vec![absent()];
            atoms.extend(texts(asks, None, "", &["https://issuer.example"]));
            atoms
        }
    }
}

fn holds(holds: bool, asks: &[Ask]) -> Atom {
    Atom { value: Value::Holds(holds), met: if holds { (0..asks.len()).collect() } else { Vec::new() } }
}

fn absent() -> Atom {
    Atom { value: Value::Texts(Vec::new()), met: Vec::new() }
}

fn globs(asks: &[Ask]) -> Vec<(usize, &Glob)> {
    let texts =
        asks.iter().enumerate().map(|(at, ask)| if let Ask::Text(glob) = ask { Some((at, glob)) } else { None });
    texts.flatten().collect()
}

/// Returns the atoms of a text that fits `base`, of which the words of `usual` are named first.
fn texts(asks: &[Ask], base: Option<&Glob>, preferred: &str, usual: &[&str]) -> Vec<Atom> {
    let found = walk(asks, base, preferred, usual);
    found.into_iter().map(|(met, text)| Atom { value: Value::Texts(vec![text]), met }).collect()
}

/// Returns one text for each combination of answers, by the answers.
///
/// Questions after one text are answered by that text, so that a thousand names cost a thousand look-ups; the automaton is
/// asked about the others alone, unless all it finds for a combination is one of those texts.
pub(super) fn walk(asks: &[Ask], base: Option<&Glob>, preferred: &str, usual: &[&str]) -> BTreeMap<Vec<usize>, String> {
    let globs = globs(asks);
    let anything = Glob::at_least(0);
    let base = base.unwrap_or(&anything);
    let words: BTreeSet<&str> = globs.iter().filter_map(|(_, glob)| glob.only()).collect();
    let mut found: BTreeMap<Vec<usize>, String> = BTreeMap::new();
    for word in usual.iter().chain(&words).filter(|word| base.matches(word)) {
        let met = globs.iter().filter(|(_, glob)| glob.matches(word)).map(|(at, _)| *at).collect();
        found.entry(met).or_insert_with(|| (*word).to_owned());
    }
    let open: Vec<(usize, &Glob)> = globs.iter().copied().filter(|(_, glob)| glob.only().is_none()).collect();
    let mut others = combinations(&open, base, preferred);
    if others.iter().any(|(_, text)| words.contains(text.as_str())) {
        others = combinations(&globs, base, preferred);
    }
    for (met, text) in others {
        found.entry(met).or_insert(text);
    }
    found
}

/// Asks the automaton for a text of each combination, within `base`.
fn combinations(globs: &[(usize, &Glob)], base: &Glob, preferred: &str) -> Vec<(Vec<usize>, String)> {
    let mut patterns: Vec<Vec<Step>> = Vec::new();
    let mut owners = Vec::new();
    let numbered = globs.iter().map(|(at, glob)| (Some(*at), *glob));
    for (owner, glob) in numbered.chain(std::iter::once((None, base))) {
        for steps in glob.steps() {
            patterns.push(steps);
            owners.push(owner);
        }
    }
    let of_base = owners.iter().position(Option::is_none).unwrap_or_default()..owners.len();
    let owners = |met: Vec<usize>| {
        let met: BTreeSet<usize> = met.iter().filter_map(|at| owners.get(*at).copied().flatten()).collect();
        met.into_iter().collect()
    };
    automaton::atoms_within(&patterns, of_base, preferred).into_iter().map(|(text, met)| (owners(met), text)).collect()
}

/// Returns the atoms of peers: those with a certificate of the form that Istio signs, and one without any.
fn of_peers(asks: &[Ask], peers: &[Identity]) -> Vec<Atom> {
    let name = || Piece::Run(Class::NotSlash, 1);
    let text = |text: &str| Piece::Text(text.to_owned());
    let base = Glob::new(vec![text("spiffe://"), name(), text("/ns/"), name(), text("/sa/"), name()]);
    let usual: Vec<String> = peers.iter().map(|peer| format!("spiffe://{peer}")).collect();
    let usual: Vec<&str> =
        usual.iter().map(String::as_str).chain(["spiffe://cluster.local/ns/default/sa/default"]).collect();
    let found = walk(asks, Some(&base), "spiffe://", &usual);
    let identity = |text: &str| {
        let (domain, rest) = text.strip_prefix("spiffe://")?.split_once("/ns/")?;
        let (namespace, account) = rest.split_once("/sa/")?;
        Some(Identity::new(domain, namespace, account))
    };
    let with = found.into_iter().map(|(met, text)| Atom { value: Value::Peer(identity(&text)), met });
    std::iter::once(Atom { value: Value::Peer(None), met: Vec::new() }).chain(with).collect()
}

/// Returns the atoms of addresses: the line of all addresses is cut where a block begins or ends.
fn of_addresses(asks: &[Ask]) -> Vec<Atom> {
    let nets: Vec<(usize, IpNet)> = asks
        .iter()
        .enumerate()
        .filter_map(|(at, ask)| if let Ask::Net(net) = ask { Some((at, *net)) } else { None })
        .collect();
    let usual = [IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1))];
    let ends: [IpAddr; 2] = [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
    let firsts = nets.iter().map(|(_, net)| net.network());
    let afters = nets.iter().filter_map(|(_, net)| next(net.broadcast()));
    let mut found: BTreeMap<Vec<usize>, IpAddr> = BTreeMap::new();
    for address in usual.into_iter().chain(firsts).chain(afters).chain(ends) {
        let met = nets.iter().filter(|(_, net)| net.contains(&address)).map(|(at, _)| *at).collect();
        found.entry(met).or_insert(address);
    }
    found.into_iter().map(|(met, address)| Atom { value: Value::Address(address), met }).collect()
}

fn next(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(address) => u32::from(address).checked_add(1).map(|next| Ipv4Addr::from(next).into()),
        IpAddr::V6(address) => u128::from(address).checked_add(1).map(|next| Ipv6Addr::from(next).into()),
    }
}
