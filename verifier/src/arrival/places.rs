//! Where a rule looks for tokens.
//!
//! In: a rule and a request. Out: what stands at each of its places, in the order Envoy finds it (envoyproxy/envoy
//! `source/extensions/filters/http/jwt_authn/extractor.cc`).

use super::{ArrivedHttp, cookies, query};
use crate::istio::request_authentication::JwtRule;
use crate::request::HeaderName;

/// A place of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    Header(HeaderName),
    Parameter(String),
    Cookie,
}

/// A text that stands where a token is looked for.
pub(super) struct Found {
    pub text: String,
    pub place: Place,
}

/// Returns what stands at the places of a rule. Places of its own replace the usual ones.
pub(super) fn look(rule: &JwtRule, http: &ArrivedHttp<'_>) -> Vec<Found> {
    let mut headers = rule.from_headers.clone();
    let mut parameters = rule.from_parameters.clone();
    if headers.is_empty() && parameters.is_empty() && rule.from_cookies.is_empty() {
        headers.push((HeaderName::new("authorization"), "Bearer ".to_owned()));
        parameters.push("access_token".to_owned());
    }
    headers.sort_by_key(|(name, prefix)| format!("{}{prefix}", name.as_str()));
    headers.dedup();
    parameters.sort();
    parameters.dedup();
    let mut cookies = rule.from_cookies.clone();
    cookies.sort();
    cookies.dedup();

    let mut found = Vec::new();
    for (name, prefix) in headers {
        let values = http.headers.get(name.as_str()).iter().filter_map(|value| after(value, &prefix));
        found.extend(values.map(|text| Found { text: text.to_owned(), place: Place::Header(name.clone()) }));
    }
    for name in parameters {
        let value = http.target.query.as_deref().and_then(|query| query::first(query, &name));
        found.extend(value.map(|text| Found { text, place: Place::Parameter(name) }));
    }
    for name in cookies {
        let value = cookies::first(http.headers.get("cookie"), &name);
        found.extend(value.map(|text| Found { text: text.to_owned(), place: Place::Cookie }));
    }
    found
}

/// Returns what follows a prefix, wherever the prefix stands, from the first character that a token may have.
fn after<'v>(value: &'v str, prefix: &str) -> Option<&'v str> {
    if prefix.is_empty() {
        return Some(value);
    }
    let (_, rest) = value.split_once(prefix)?;
    let of_tokens = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    Some(rest.find(of_tokens).and_then(|start| rest.get(start..)).unwrap_or(value))
}

impl Place {
    /// Takes the token off. A header goes with all its values, a cookie stays.
    pub fn clear(&self, http: &mut ArrivedHttp<'_>) {
        match self {
            Self::Header(name) => _ = http.headers.remove(name.as_str()),
            Self::Parameter(name) => {
                if let Some(query) = &http.target.query {
                    http.target.query = query::without(query, name);
                }
            }
            Self::Cookie => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_follows_its_prefix_wherever_that_stands() {
        for (value, prefix, expected) in [
            ("abc", "", Some("abc")),
            ("Bearer abc", "Bearer ", Some("abc")),
            ("x Bearer  \"abc", "Bearer ", Some("abc")),
            ("Bearer !", "Bearer ", Some("Bearer !")),
            ("bearer abc", "Bearer ", None),
            ("", "", Some("")),
        ] {
            assert_eq!(after(value, prefix), expected, "{value}");
        }
    }
}
