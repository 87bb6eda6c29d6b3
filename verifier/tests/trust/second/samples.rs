//! Values for the questions of a field: one for each way they can be answered, and the answers of a request.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ringfence_compiler::requests::automaton::Class;
use ringfence_verifier::glob::{Glob, Piece};
use ringfence_verifier::request::{Request, Shown};

use super::{Field, Sample, Wanted};
use crate::texts;

/// Answers a question about a request; what no file tells is answered with no.
pub fn answers(field: &Field, wanted: &Wanted, request: &Request) -> bool {
    let http = request.http.as_ref();
    let token = http.and_then(|http| if let Shown::Signed(token) = &http.token { Some(token) } else { None });
    let fits = |text: &str| matches!(wanted, Wanted::Text(glob) if glob.matches(text));
    let within = |address: IpAddr| matches!(wanted, Wanted::Net(net) if net.contains(&address));
    match field {
        Field::Certificate => request.peer.is_some(),
        Field::Token => token.is_some(),
        Field::Unknown(_) => false,
        Field::Peer => request.peer.as_ref().is_some_and(|peer| fits(&format!("spiffe://{peer}"))),
        Field::Address => within(request.address),
        Field::Remote => within(request.remote),
        Field::Destination => within(request.destination),
        Field::ServerName => fits(request.sni.as_deref().unwrap_or_default()),
        Field::Host => http.is_some_and(|http| fits(&http.host)),
        Field::Method => http.is_some_and(|http| fits(&http.method)),
        Field::Path => http.is_some_and(|http| fits(&http.path)),
        Field::Header(name) => {
            http.and_then(|http| http.headers.get(name)).is_some_and(|values| values.iter().any(|value| fits(value)))
        }
        Field::Issuer => token.and_then(|token| token.text("iss")).is_some_and(fits),
        Field::Subject => token.and_then(|token| token.text("sub")).is_some_and(fits),
        Field::Claim(path) => token.is_some_and(|token| token.texts(path).into_iter().any(fits)),
    }
}

/// Returns a value of a field for each way its questions can be answered.
pub fn samples(field: &Field, wanted: &[&Wanted]) -> Vec<Sample> {
    let run = |class| Piece::Run(class, 1);
    let text = |text: &str| Piece::Text(text.to_owned());
    let name = || run(Class::NotSlash);
    let base = match field {
        Field::Certificate | Field::Token | Field::Unknown(_) => return vec![],
        Field::Address | Field::Remote | Field::Destination => return samples_of_addresses(wanted),
        Field::Peer => Glob::new(vec![text("spiffe://"), name(), text("/ns/"), name(), text("/sa/"), name()]),
        Field::Host | Field::Method => Glob::at_least(1),
        Field::Path => Glob::one_of(vec![vec![text("/"), Piece::Run(Class::Everything, 0)], vec![text("*")]]),
        _ => Glob::at_least(0),
    };
    let globs: Vec<Glob> = wanted
        .iter()
        .filter_map(|wanted| if let Wanted::Text(glob) = wanted { Some(glob.clone()) } else { None })
        .collect();
    let found = texts::combinations(&globs, &base, *field == Field::Host);
    found.into_iter().map(|(yes, value)| Sample { yes, value }).collect()
}

/// Tries each end of each block and what lies beside it.
fn samples_of_addresses(wanted: &[&Wanted]) -> Vec<Sample> {
    let beside = |address: IpAddr| -> Vec<IpAddr> {
        match address {
            IpAddr::V4(four) => {
                [-1, 0, 1].map(|by| IpAddr::from(u32::from(four).wrapping_add_signed(by).to_be_bytes())).into()
            }
            IpAddr::V6(six) => {
                [-1, 0, 1].map(|by| IpAddr::from(u128::from(six).wrapping_add_signed(by).to_be_bytes())).into()
            }
        }
    };
    let nets = || wanted.iter().filter_map(|wanted| if let Wanted::Net(net) = wanted { Some(*net) } else { None });
    let ends = nets().flat_map(|net| [net.network(), net.broadcast()]);
    let mut found: BTreeMap<BTreeSet<usize>, IpAddr> = BTreeMap::new();
    for address in ends.flat_map(beside).chain(["0.0.0.0", "::"].map(|one| one.parse().unwrap())) {
        let yes = (0..).zip(nets()).filter(|(_, net)| net.contains(&address)).map(|(at, _)| at).collect();
        found.entry(yes).or_insert(address);
    }
    found.into_iter().map(|(yes, address)| Sample { yes, value: address.to_string() }).collect()
}
