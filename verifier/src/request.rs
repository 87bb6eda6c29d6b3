//! One request, as the proxy of the workload it arrives at sees it.
//!
//! In: nothing. Out: [`Request`], a plain value: what the concrete evaluator judges, what witnesses are and what is replayed
//! against a real proxy.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

pub use ringfence_compiler::requests::{HeaderName, Identity};

/// A connection to a workload, and the request it carries where the proxy reads HTTP.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Who the peer proved to be with its certificate; `None` is a plaintext peer.
    pub peer: Option<Peer>,
    /// Where the connection comes from.
    pub address: IpAddr,
    /// Where the request comes from by the word of trusted proxies (`X-Forwarded-For`, PROXY protocol).
    pub remote: IpAddr,
    /// The address the connection was made to.
    pub destination: IpAddr,
    /// The port of the workload, not of a Service in front of it.
    pub port: u16,
    /// The server name of the TLS handshake.
    pub sni: Option<String>,
    /// The request; `None` where the proxy forwards bytes without reading them.
    pub http: Option<Http>,
}

/// Who a peer proved to be: the URI of its certificate, without `spiffe://`. Istio writes an [`Identity`] there, other
/// authorities whatever they like.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Peer(String);

impl Peer {
    /// Makes a peer of what follows `spiffe://`.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }
}

impl From<Identity> for Peer {
    fn from(identity: Identity) -> Self {
        Self(identity.to_string())
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What a proxy reads of an HTTP request.
#[derive(Debug, Clone, PartialEq)]
pub struct Http {
    /// The method, in its own case.
    pub method: String,
    /// The path after normalisation, without query and fragment.
    pub path: String,
    /// What followed the path after a question mark.
    pub query: Option<String>,
    /// The host asked for, with its port where the client wrote one.
    pub host: String,
    /// The values of each header, in the order they were sent.
    pub headers: BTreeMap<HeaderName, Vec<String>>,
    /// The token it shows.
    pub token: Shown,
}

impl Http {
    /// Returns the path with its query.
    #[must_use]
    pub fn target(&self) -> String {
        match &self.query {
            None => self.path.clone(),
            Some(query) => format!("{}?{query}", self.path),
        }
    }
}

/// What a request shows for a token.
#[derive(Debug, Clone, PartialEq)]
pub enum Shown {
    /// None.
    Nothing,
    /// One that no key of its issuer signed, that has run out, or of an issuer nobody knows.
    Broken,
    /// One that its issuer's keys hold good.
    Signed(Token),
}

/// The claims of a token.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Token(pub serde_json::Map<String, serde_json::Value>);

impl Token {
    /// Returns a claim that is text.
    #[must_use]
    pub fn text(&self, claim: &str) -> Option<&str> {
        self.0.get(claim)?.as_str()
    }

    /// Returns the texts at a path of claims: one, those of a list, or none.
    #[must_use]
    pub fn texts(&self, path: &[String]) -> Vec<&str> {
        let Some((first, rest)) = path.split_first() else { return Vec::new() };
        let value = rest.iter().try_fold(self.0.get(first), |value, name| Some(value?.get(name))).flatten();
        match value {
            Some(serde_json::Value::String(text)) => vec![text],
            Some(serde_json::Value::Array(items)) => items.iter().filter_map(serde_json::Value::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// Tells whether the claims that every token may have are of their types; other tokens are no tokens
    /// (google/jwt_verify_lib `src/jwt.cc`).
    #[must_use]
    pub fn is_well_formed(&self) -> bool {
        use serde_json::Value;
        let text = |claim: &str| self.0.get(claim).is_none_or(Value::is_string);
        let number = |claim: &str| self.0.get(claim).is_none_or(Value::is_number);
        let audiences = self.0.get("aud").is_none_or(|audiences| match audiences {
            Value::Array(many) => many.iter().all(Value::is_string),
            one => one.is_string(),
        });
        ["iss", "sub", "jti"].into_iter().all(text) && ["iat", "nbf", "exp"].into_iter().all(number) && audiences
    }

    /// Returns the audiences, one or many.
    #[must_use]
    pub fn audiences(&self) -> Vec<&str> {
        match self.0.get("aud") {
            Some(serde_json::Value::String(one)) => vec![one],
            Some(serde_json::Value::Array(many)) => many.iter().filter_map(serde_json::Value::as_str).collect(),
            _ => Vec::new(),
        }
    }
}

/// The request in one line: `GET api.example/v1 to port 8080 as mesh/ns/shop/sa/web from 10.0.0.1`.
impl fmt::Display for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.http {
            Some(http) => write!(formatter, "{} {}{}", http.method, http.host, http.target())?,
            None => formatter.write_str("a connection")?,
        }
        write!(formatter, " to port {}", self.port)?;
        match &self.peer {
            Some(identity) => write!(formatter, " as {identity}")?,
            None => formatter.write_str(" as a plaintext peer")?,
        }
        write!(formatter, " from {}", self.address)?;
        if self.remote != self.address {
            write!(formatter, " for {}", self.remote)?;
        }
        if let Some(sni) = &self.sni {
            write!(formatter, ", server name {sni}")?;
        }
        let Some(http) = &self.http else { return Ok(()) };
        for (name, values) in &http.headers {
            for value in values {
                write!(formatter, ", {name}: {value}")?;
            }
        }
        match &http.token {
            Shown::Nothing => Ok(()),
            Shown::Broken => formatter.write_str(", with a broken token"),
            Shown::Signed(Token(claims)) => {
                write!(formatter, ", with a token {}", serde_json::Value::Object(claims.clone()))
            }
        }
    }
}
