//! The headers of a request, as a proxy keeps them.
//!
//! In: headers in the order they are sent. Out: the values of each name. Envoy keeps the headers it knows by name as one
//! text, whose parts are joined by commas when a client sends them apart; of others it keeps each value.

use std::collections::BTreeMap;

use crate::request::HeaderName;

/// The values of each header.
#[derive(Debug, Clone, Default)]
pub(super) struct Headers(pub BTreeMap<HeaderName, Vec<String>>);

/// The headers whose values are joined (envoyproxy/envoy `envoy/http/header_map.h` and what filters add to it), of those that
/// clients send.
const JOINED: [&str; 25] = [
    "accept",
    "accept-encoding",
    "access-control-request-headers",
    "access-control-request-method",
    "authorization",
    "cache-control",
    "content-type",
    "expect",
    "grpc-timeout",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "origin",
    "pragma",
    "referer",
    "user-agent",
    "via",
    "x-client-trace-id",
    "x-envoy-original-path",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-request-id",
];

impl Headers {
    pub fn read(sent: &[(HeaderName, String)]) -> Self {
        let mut headers = Self::default();
        for (name, value) in sent {
            // Blanks around a value are no part of it.
            headers.add(name, value.trim_matches([' ', '\t']));
        }
        headers
    }

    /// Adds a value.
    pub fn add(&mut self, name: &HeaderName, value: &str) {
        let values = self.0.entry(name.clone()).or_default();
        match values.last_mut() {
            Some(known) if JOINED.contains(&name.as_str()) => {
                known.push(',');
                known.push_str(value);
            }
            _ => values.push(value.to_owned()),
        }
    }

    /// Returns the values of a header.
    pub fn get(&self, name: &str) -> &[String] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// Takes a header off, and returns what it held.
    pub fn remove(&mut self, name: &str) -> Vec<String> {
        self.0.remove(name).unwrap_or_default()
    }
}
