//! One request, as the proxy of the workload it arrives at sees it.
//!
//! In: nothing. Out: [`Request`], a plain value. It exists as the readable statement of what the algebra is about: every
//! pattern says which requests it matches, every witness is one of these, and tests hold the sets against them.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

/// A request arriving at one workload.
///
/// A connection that is not HTTP has neither method nor path nor host: they are empty, its headers are none, and it
/// carries no token.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Request {
    /// Who the peer proved to be with its certificate; `None` is a plaintext peer.
    pub identity: Option<Identity>,
    /// Where the connection comes from.
    pub address: IpAddr,
    /// The port of the workload, not of a Service in front of it
    /// (istio/istio, the integration tests' `authz/not-port.yaml.tmpl`).
    pub port: u16,
    /// The HTTP method, in its own case.
    pub method: String,
    /// The path after normalisation, without query and fragment.
    pub path: String,
    /// The host the request asks for, with its port where the client wrote one; neither the port nor case is
    /// regarded.
    pub host: String,
    /// The headers, one value a name. Envoy 1.40 was seen to let a repeated header pass when any of its values matches.
    /// What the algebra says of subsets holds then too, since a rule that many values meet is met by one of them alone;
    /// that two rules share no request because their header values differ then holds only for unrepeated headers.
    pub headers: BTreeMap<HeaderName, String>,
    /// The valid token it carries. An invalid one never gets as far as authorisation.
    pub token: Option<Token>,
}

/// What a workload certificate says: `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`.
///
/// Certificates of another form are outside the model.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// The trust domain that signed it.
    pub trust_domain: String,
    /// The Kubernetes namespace.
    pub namespace: String,
    /// The Kubernetes service account.
    pub service_account: String,
}

impl Identity {
    /// Makes an identity of its three parts.
    pub fn new(
        trust_domain: impl Into<String>,
        namespace: impl Into<String>,
        service_account: impl Into<String>,
    ) -> Self {
        Self { trust_domain: trust_domain.into(), namespace: namespace.into(), service_account: service_account.into() }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/ns/{}/sa/{}", self.trust_domain, self.namespace, self.service_account)
    }
}

/// What a valid JSON Web Token says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token {
    /// `iss`.
    pub issuer: String,
    /// `sub`; empty where the token names none.
    pub subject: String,
    /// `aud`, one or many.
    pub audiences: BTreeSet<String>,
    /// The other claims. A claim that is a list matches when one of its elements does.
    pub claims: BTreeMap<String, BTreeSet<String>>,
}

/// The name of a header, in lower case: HTTP does not tell names apart by case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HeaderName(String);

impl HeaderName {
    /// Makes a name, folding its case.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.to_ascii_lowercase())
    }

    /// Returns the name in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for HeaderName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The request in one line, as findings print it: `POST api.example/v1/entries to port 8080 as mesh/ns/shop/sa/web`.
impl fmt::Display for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.method.is_empty() && self.path.is_empty() && self.host.is_empty() {
            formatter.write_str("a connection")?;
        } else {
            write!(formatter, "{} {}{}", self.method, self.host, self.path)?;
        }
        write!(formatter, " to port {}", self.port)?;
        match &self.identity {
            Some(identity) => write!(formatter, " as {identity}")?,
            None => formatter.write_str(" as a plaintext peer")?,
        }
        write!(formatter, " from {}", self.address)?;
        for (name, value) in &self.headers {
            write!(formatter, ", {name}: {value}")?;
        }
        if let Some(token) = &self.token {
            write!(formatter, ", with a token of {} for {}", token.issuer, token.subject)?;
            for audience in &token.audiences {
                write!(formatter, ", aud={audience}")?;
            }
            for (claim, values) in &token.claims {
                for value in values {
                    write!(formatter, ", {claim}={value}")?;
                }
            }
        }
        Ok(())
    }
}
