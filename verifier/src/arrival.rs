//! From what a client sends to what policies see, and to what becomes of it.
//!
//! In: [`Sent`], the bytes of a client in their parts, and [`Sidecar`], the settings and policies of the proxy it arrives at.
//! Out: [`Outcome`]. What a proxy does before it asks policies decides as much as they do: a path is resolved, an address
//! is taken from a header, tokens are checked and taken off. Everything here is read in Envoy's sources and held against
//! the newest one; where older ones differ, docs/deviations.md says so.

mod address;
mod cookies;
mod headers;
mod outputs;
pub mod path;
mod places;
mod query;
mod target;
mod tokens;

use std::collections::BTreeMap;
use std::net::IpAddr;

use self::headers::Headers;
use self::path::Normalization;
use self::target::Target;
use crate::engine::Chain;
use crate::evaluate::{Ruling, rule};
use crate::istio::request_authentication::JwtRule;
use crate::request::{HeaderName, Http, Peer, Request, Shown, Token};

/// A connection, and the request a client sends through it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sent {
    /// Who the peer proved to be with its certificate; `None` is a plaintext peer.
    pub peer: Option<Peer>,
    /// Where the connection comes from.
    pub address: IpAddr,
    /// The address the connection was made to.
    pub destination: IpAddr,
    /// The port of the workload.
    pub port: u16,
    /// The server name of the TLS handshake.
    pub sni: Option<String>,
    /// The request; `None` where the proxy forwards bytes without reading them.
    pub http: Option<SentHttp>,
}

/// An HTTP request, as it is written.
#[derive(Debug, Clone, PartialEq)]
pub struct SentHttp {
    /// The method.
    pub method: String,
    /// What is asked for: a path with its query, or a whole URL.
    pub target: String,
    /// The headers in the order they are sent, `host` among them.
    pub headers: Vec<(HeaderName, String)>,
    /// The texts in it that are tokens signed by their issuer. No other text is a good token: keys are not modelled.
    pub signed: BTreeMap<String, Token>,
}

/// The proxy of a workload: all that decides about a request to one of its ports.
#[derive(Debug)]
pub struct Sidecar<'s, O> {
    /// How paths are brought into one form.
    pub normalization: Normalization,
    /// What is asked before tokens are looked at.
    pub gate: Chain<O>,
    /// The rules by which tokens are taken.
    pub tokens: Vec<&'s JwtRule>,
    /// What is asked then.
    pub chain: Chain<O>,
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome<O> {
    /// It is no request that a proxy understands.
    Malformed,
    /// It shows a token that is not taken.
    Unauthenticated,
    /// Policies decide.
    Ruled(Ruling<O>),
}

/// Says what becomes of a request.
#[must_use]
pub fn decide<O: Copy>(sidecar: &Sidecar<'_, O>, sent: &Sent) -> Outcome<O> {
    let Some(mut arrived) = Arrived::of(sent, sidecar.normalization) else { return Outcome::Malformed };
    let gate = rule(&sidecar.gate, &arrived.seen(Shown::Nothing));
    if matches!(gate, Ruling::Denied(_) | Ruling::NotAllowed) {
        return Outcome::Ruled(gate);
    }
    let shown = match &mut arrived.http {
        None => Shown::Nothing,
        Some(http) => match tokens::check(&sidecar.tokens, http) {
            Err(tokens::Refused) => return Outcome::Unauthenticated,
            Ok(token) => token.map_or(Shown::Nothing, Shown::Signed),
        },
    };
    let ruling = rule(&sidecar.chain, &arrived.seen(shown));
    // What later policies refuse is refused whatever a provider says before.
    Outcome::Ruled(match (ruling, gate) {
        (Ruling::Denied(_) | Ruling::NotAllowed, _) => ruling,
        (_, Ruling::Asks(_) | Ruling::Unknown(_)) => gate,
        _ => ruling,
    })
}

/// A request on its way through the filters of a proxy.
struct Arrived<'s> {
    sent: &'s Sent,
    remote: IpAddr,
    http: Option<ArrivedHttp<'s>>,
}

/// The part of it that filters change.
struct ArrivedHttp<'s> {
    method: &'s str,
    host: String,
    /// The path in its one form, and the query if there is one.
    target: Target,
    headers: Headers,
    signed: &'s BTreeMap<String, Token>,
}

impl<'s> Arrived<'s> {
    fn of(sent: &'s Sent, normalization: Normalization) -> Option<Self> {
        let Some(http) = &sent.http else { return Some(Self { sent, remote: sent.address, http: None }) };
        let (asked, target) = Target::read(&http.target)?;
        let mut headers = Headers::read(&http.headers);
        // Each of several is part of the one host that is asked for; that of a whole URL stands for all of them.
        let host = headers.remove("host");
        let host = asked.or_else(|| (!host.is_empty()).then(|| host.join(",")))?;
        let remote = address::remote(&headers, sent.address);
        let target = target.normalized(normalization)?;
        let http = ArrivedHttp { method: &http.method, host, target, headers, signed: &http.signed };
        Some(Self { sent, remote, http: Some(http) })
    }

    /// Returns what policies see of it now.
    fn seen(&self, token: Shown) -> Request {
        Request {
            peer: self.sent.peer.clone(),
            address: self.sent.address,
            remote: self.remote,
            destination: self.sent.destination,
            port: self.sent.port,
            sni: self.sent.sni.as_ref().map(|name| name.to_ascii_lowercase()),
            http: self.http.as_ref().map(|http| Http {
                method: http.method.to_owned(),
                path: http.target.path.clone(),
                query: http.target.query.clone(),
                host: http.host.clone(),
                headers: http.headers.0.clone(),
                token,
            }),
        }
    }
}
