//! The parameters of a query.
//!
//! In: a query. Out: the value of a parameter, or the query without it (envoyproxy/envoy `QueryParamsMulti`).

use std::collections::BTreeMap;

/// Returns the first value of a parameter, decoded.
pub(super) fn first(query: &str, name: &str) -> Option<String> {
    parameters(query).remove(name)?.into_iter().next()
}

/// Takes a parameter off. The others are sorted by name and escaped anew; without any, there is no query.
pub(super) fn without(query: &str, name: &str) -> Option<String> {
    let mut parameters = parameters(query);
    parameters.remove(name);
    let written = |(name, values): (String, Vec<String>)| {
        let one = |value: String| format!("{}={}", escaped(&name), escaped(&value));
        values.into_iter().map(one).collect::<Vec<_>>()
    };
    let written: Vec<String> = parameters.into_iter().flat_map(written).collect();
    (!written.is_empty()).then(|| written.join("&"))
}

fn parameters(query: &str) -> BTreeMap<String, Vec<String>> {
    let mut parameters: BTreeMap<String, Vec<String>> = BTreeMap::new();
    // What follows the last ampersand counts only when it is something.
    for parameter in query.strip_suffix('&').unwrap_or(query).split('&') {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        parameters.entry(decoded(name)).or_default().push(decoded(value));
    }
    if query.is_empty() {
        parameters.clear();
    }
    parameters
}

/// Replaces escapes; a percent sign without two digits stays.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let digits = after.split_first_chunk::<2>().filter(|_| *first == b'%');
        let byte = digits.and_then(|(digits, after)| {
            let byte = u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?;
            Some((byte, after))
        });
        match byte {
            Some((byte, after)) => {
                bytes.push(byte);
                rest = after;
            }
            None => bytes.push(*first),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_found_and_taken_off() {
        for (query, value, rest) in [
            ("a=1", Some("1"), None),
            ("b=2&a=1&a=3&c", Some("1"), Some("b=2&c=")),
            ("%61=%31", Some("1"), None),
            ("a", Some(""), None),
            ("b=a", None, Some("b=a")),
            ("", None, None),
        ] {
            assert_eq!(first(query, "a").as_deref(), value, "{query}");
            assert_eq!(without(query, "a").as_deref(), rest, "{query}");
        }
    }
}
