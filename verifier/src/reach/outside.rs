//! Which addresses outside a cluster the network lets through to a port.
//!
//! In: a block of addresses and a port. Out: tests of the address, one list for each part of the block that no policy of the
//! network tells apart and that passes. A proxy is asked only about those, so that a request that is shown gets through both.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use ringfence_compiler::inventory::Workload;

use crate::engine::{Leaf, Test};
use crate::kubernetes::passage::{Direction, Passage};
use crate::kubernetes::peer::Peer;
use crate::model::Model;
use crate::network::everywhere;

/// Returns the tests that hold of the addresses of a block.
pub(super) fn within(block: IpNet) -> Vec<Test> {
    vec![Test { leaves: vec![Leaf::Address(block)], negated: false }]
}

/// Returns the parts of a block that the network surely lets through; `None` where it tells no addresses apart, or no part
/// surely passes.
pub(super) fn passing(model: &Model<'_>, block: IpNet, to: &Workload, port: u16) -> Option<Vec<Vec<Test>>> {
    let named = model.network().guards(to, Direction::Ingress).blocks(Direction::Ingress);
    if named.is_empty() {
        return None;
    }
    // Everything is of both families.
    let whole = if block.prefix_len() == 0 { everywhere() } else { vec![block] };
    let inside = named.into_iter().filter(|net| whole.iter().any(|block| block.contains(net)));
    let nets: BTreeSet<IpNet> = inside.chain(whole.iter().copied()).collect();
    let part = |net: &IpNet| {
        let inner: Vec<IpNet> = nets.iter().filter(|other| *other != net && net.contains(*other)).copied().collect();
        let address = outside_of(net, &inner)?;
        let passage = model.network().arrives(Peer::Outside(IpNet::from(address)), to, port);
        let mut tests = within(*net);
        if !inner.is_empty() {
            tests.push(Test { leaves: inner.into_iter().map(Leaf::Address).collect(), negated: true });
        }
        matches!(passage, Passage::Open(_)).then_some(tests)
    };
    let parts: Vec<Vec<Test>> = nets.iter().filter_map(part).collect();
    (!parts.is_empty()).then_some(parts)
}

/// Finds an address of a block that none of the inner ones holds.
pub(crate) fn outside_of(net: &IpNet, inner: &[IpNet]) -> Option<IpAddr> {
    let after = inner.iter().filter_map(|inner| match inner.broadcast() {
        IpAddr::V4(last) => last.to_bits().checked_add(1).map(|next| IpAddr::V4(Ipv4Addr::from_bits(next))),
        IpAddr::V6(last) => last.to_bits().checked_add(1).map(|next| IpAddr::V6(Ipv6Addr::from_bits(next))),
    });
    let is_free = |address: &IpAddr| net.contains(address) && !inner.iter().any(|inner| inner.contains(address));
    std::iter::once(net.network()).chain(after).find(is_free)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_found_beside_the_inner_blocks() {
        let check = |net: &str, inner: &[&str], expected: Option<&str>| {
            let inner: Vec<IpNet> = inner.iter().map(|text| text.parse().unwrap()).collect();
            let found = outside_of(&net.parse().unwrap(), &inner);
            assert_eq!(found.map(|address| address.to_string()).as_deref(), expected, "{net} {inner:?}");
        };
        check("10.0.0.0/8", &[], Some("10.0.0.0"));
        check("10.0.0.0/8", &["10.0.0.0/16"], Some("10.1.0.0"));
        check("10.0.0.0/8", &["10.0.0.0/9", "10.128.0.0/9"], None);
        check("0.0.0.0/0", &["0.0.0.0/1", "192.0.0.0/2"], Some("128.0.0.0"));
        check("::/0", &["::/1", "8000::/1"], None);
    }
}
