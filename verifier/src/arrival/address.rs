//! Where a request comes from by the word of proxies in front.
//!
//! In: headers, and the address of the connection. Out: the address that `remoteIpBlocks` are about.

use std::net::IpAddr;

use super::headers::Headers;

/// Returns the last entry of `x-forwarded-for` where it is an address and nothing more, or else that of the connection.
///
/// A sidecar trusts it, whoever sends it: Istio sets neither `use_remote_address` nor a number of trusted hops there.
pub(super) fn remote(headers: &Headers, connection: IpAddr) -> IpAddr {
    let forwarded = headers.get("x-forwarded-for").last();
    let last = forwarded.and_then(|entries| entries.rsplit(',').next());
    last.and_then(|entry| entry.trim().parse().ok()).unwrap_or(connection)
}
