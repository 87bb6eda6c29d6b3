//! Attributes with plain values: ports, words, addresses.
//!
//! In: values and networks. Out: how they are patterns, and for each combination of them one value that meets it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::field::{Field, Meet, Pattern};

/// A port is met by itself.
impl Pattern for u16 {
    fn covers(&self, other: &Self) -> bool {
        self == other
    }

    fn meet(&self, other: &Self) -> Meet<Self> {
        if self == other { Meet::Pattern(*self) } else { Meet::Nothing }
    }

    fn simplified(patterns: BTreeSet<Self>) -> Field<Self> {
        Field::Only(patterns)
    }
}

/// A word, as a method or an issuer, is met by itself. Istio would read a `*` at either end as a wildcard: whoever reads
/// policy or manifests refuses it there.
impl Pattern for String {
    fn covers(&self, other: &Self) -> bool {
        self == other
    }

    fn meet(&self, other: &Self) -> Meet<Self> {
        if self == other { Meet::Pattern(self.clone()) } else { Meet::Nothing }
    }

    fn simplified(patterns: BTreeSet<Self>) -> Field<Self> {
        Field::Only(patterns)
    }
}

/// A network is met by its addresses. An IPv4 network has no IPv6 address, nor the other way round.
impl Pattern for IpNet {
    fn covers(&self, other: &Self) -> bool {
        self.contains(other)
    }

    fn meet(&self, other: &Self) -> Meet<Self> {
        if self.contains(other) {
            Meet::Pattern(other.trunc())
        } else if other.contains(self) {
            Meet::Pattern(self.trunc())
        } else {
            Meet::Nothing
        }
    }

    /// Two halves become their whole, so that a union of networks has one form; all addresses are no condition.
    fn simplified(patterns: BTreeSet<Self>) -> Field<Self> {
        let networks = Self::aggregate(&patterns.into_iter().collect());
        let all = networks.len() == 2 && networks.iter().all(|network| network.prefix_len() == 0);
        if all { Field::Any } else { Field::only(networks) }
    }
}

/// Returns each of `values` and one that is none of them: the first of `others` that is not among them.
pub(super) fn atoms<T: Clone + Ord>(values: &[&T], others: impl IntoIterator<Item = T>) -> Vec<(T, Vec<usize>)> {
    let other = others.into_iter().find(|other| !values.contains(&other));
    let each = values.iter().enumerate().map(|(index, value)| ((*value).clone(), vec![index]));
    other.map(|other| (other, Vec::new())).into_iter().chain(each).collect()
}

/// Returns words that a method or an issuer might be, without end.
pub(super) fn other_words(first: &[&str]) -> impl Iterator<Item = String> {
    let numbered = (1_u64..).map(|number| format!("OTHER{number}"));
    first.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>().into_iter().chain(numbered)
}

/// Returns one address for each combination of `networks` that some address meets, with the networks it meets.
///
/// Between two neighbouring ends of networks all addresses meet the same ones.
pub(super) fn address_atoms(networks: &[&IpNet]) -> Vec<(IpAddr, Vec<usize>)> {
    let mut found = BTreeMap::new();
    // Addresses of documentation, for whatever they happen to stand for: they read better than 0.0.0.0.
    let documentation = [IpAddr::from([192, 0, 2, 1]), IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1))];
    for address in documentation {
        let met = networks.iter().enumerate().filter(|(_, network)| network.contains(&address));
        found.entry(met.map(|(index, _)| index).collect::<Vec<_>>()).or_insert(address);
    }
    for family in [Family::V4, Family::V6] {
        // At each number: which networks begin and which have ended just before.
        let mut ends: BTreeMap<u128, Vec<(usize, bool)>> = BTreeMap::from([(0, Vec::new())]);
        for (index, network) in networks.iter().enumerate() {
            if let Some((first, last)) = family.range(network) {
                ends.entry(first).or_default().push((index, true));
                if last < family.last() {
                    ends.entry(last + 1).or_default().push((index, false));
                }
            }
        }
        let mut met = BTreeSet::new();
        let mut numbers = ends.iter().peekable();
        while let Some((number, changes)) = numbers.next() {
            for (index, begins) in changes {
                if *begins {
                    met.insert(*index)
                } else {
                    met.remove(index)
                };
            }
            // The second address reads better than the one of the network itself, where there is a second.
            let end = numbers.peek().map_or_else(|| family.last(), |(next, _)| **next - 1);
            let address = family.address(number.saturating_add(1).min(end));
            found.entry(met.iter().copied().collect()).or_insert(address);
        }
    }
    found.into_iter().map(|(met, address)| (address, met)).collect()
}

/// One of the two kinds of addresses, as numbers.
#[derive(Clone, Copy)]
enum Family {
    V4,
    V6,
}

impl Family {
    /// Returns the number of the last address.
    fn last(self) -> u128 {
        match self {
            Self::V4 => u32::MAX.into(),
            Self::V6 => u128::MAX,
        }
    }

    /// Returns the numbers of the first and last address of a network of this kind.
    fn range(self, network: &IpNet) -> Option<(u128, u128)> {
        match (self, network) {
            (Self::V4, IpNet::V4(network)) => {
                Some((u32::from(network.network()).into(), u32::from(network.broadcast()).into()))
            }
            (Self::V6, IpNet::V6(network)) => Some((network.network().into(), network.broadcast().into())),
            _ => None,
        }
    }

    /// Returns the address of a number.
    fn address(self, number: u128) -> IpAddr {
        match self {
            Self::V4 => Ipv4Addr::from(u32::try_from(number).unwrap_or(u32::MAX)).into(),
            Self::V6 => Ipv6Addr::from(number).into(),
        }
    }
}
