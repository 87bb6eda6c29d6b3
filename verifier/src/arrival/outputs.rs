//! The headers that tokens fill.
//!
//! In: a good token and its rule. Out: headers for the server, and for the policies that come after.

use serde_json::Value;

use super::headers::Headers;
use crate::istio::request_authentication::JwtRule;
use crate::request::Token;

/// Takes off the headers that a rule fills, whoever sent them.
pub(super) fn clear(rule: &JwtRule, headers: &mut Headers) {
    for name in rule.payload_header.iter().chain(rule.claim_headers.iter().map(|(name, _)| name)) {
        headers.remove(name.as_str());
    }
}

/// Fills the headers of a rule.
pub(super) fn fill(rule: &JwtRule, text: &str, token: &Token, headers: &mut Headers) {
    if let Some(name) = &rule.payload_header {
        // A token is three texts with dots between; the one in the middle is its payload.
        headers.add(name, text.split('.').nth(1).unwrap_or_default());
    }
    for (name, claim) in &rule.claim_headers {
        if let Some(value) = claim_text(token, claim).filter(|value| !value.is_empty()) {
            headers.add(name, &value);
        }
    }
}

/// Writes a claim as the value of a header; dots in its name lead into claims that have claims.
fn claim_text(token: &Token, claim: &str) -> Option<String> {
    let mut names = claim.split('.');
    let first = token.0.get(names.next()?)?;
    match names.try_fold(first, |value, name| value.as_object()?.get(name))? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Bool(holds) => Some(holds.to_string()),
        Value::Number(number) => number.as_u64().map(|whole| whole.to_string()).or_else(|| {
            let number = number.as_f64()?;
            let whole = number >= 0.0 && number.fract() == 0.0;
            Some(if whole { format!("{number:.0}") } else { format!("{number:.6}") })
        }),
        structured @ (Value::Array(_) | Value::Object(_)) => Some(base64(structured.to_string().as_bytes())),
    }
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = (0..3).fold(0, |bits, at| bits << 8 | usize::from(three.get(at).copied().unwrap_or_default()));
        for at in 0..4 {
            let letter = LETTERS.get(bits >> (18 - 6 * at) & 63).copied().unwrap_or_default();
            text.push(if at <= three.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_written_as_text() {
        let claims = serde_json::json!({
            "a": "x", "b": true, "c": 3, "d": 1.5, "e": { "f": "y" }, "g": ["h"], "i": null, "j": -2
        });
        let token = Token(claims.as_object().expect("claims").clone());
        for (claim, expected) in [
            ("a", Some("x")),
            ("b", Some("true")),
            ("c", Some("3")),
            ("d", Some("1.500000")),
            ("e.f", Some("y")),
            ("g", Some("WyJoIl0=")),
            ("i", None),
            ("j", Some("-2.000000")),
            ("a.b", None),
            ("z", None),
        ] {
            assert_eq!(claim_text(&token, claim).as_deref(), expected, "{claim}");
        }
    }
}
