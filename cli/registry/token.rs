//! What a registry wants to see when it asks who we are (distribution, `docs/spec/auth/token.md`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::Registry;
use super::credentials::{Credentials, TOKEN};
use crate::exit::Failure;

/// Returns what to send; nothing where it would take credentials that there are not.
pub(super) fn answer(
    registry: &Registry,
    wanted: &str,
    credentials: Option<&Credentials>,
) -> Result<Option<String>, Failure> {
    let (scheme, rest) = wanted.split_once(' ').unwrap_or((wanted, ""));
    if scheme.eq_ignore_ascii_case("basic") {
        return Ok(credentials.map(basic));
    }
    let wrong = |what: &str| {
        Failure::new(format!("{} wants to know who asks in a way that is not known here: {what}", registry.host))
    };
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(wrong(wanted));
    }
    let parts = parts(rest);
    let part =
        |name: &str| parts.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str());
    // Credentials go there: to nobody without TLS but the registry itself.
    let is_own = |realm: &str| realm.strip_prefix(&registry.origin).is_some_and(|rest| rest.starts_with('/'));
    let realm = part("realm").filter(|realm| realm.starts_with("https://") || is_own(realm));
    let realm = realm.ok_or_else(|| wrong(wanted))?;
    let scope = format!("repository:{}:pull,push", registry.repository);
    let mut query = vec![("scope", part("scope").unwrap_or(&scope))];
    query.extend(part("service").map(|service| ("service", service)));
    let answer = match credentials {
        // A token of its own is changed for one of this registry.
        Some(Credentials { name, secret }) if name == TOKEN => {
            query.extend([
                ("grant_type", "refresh_token"),
                ("refresh_token", secret.as_str()),
                ("client_id", "ringfence"),
            ]);
            let form = encoded(&query);
            registry.send(
                "POST",
                realm,
                &[("content-type", "application/x-www-form-urlencoded")],
                form.as_bytes(),
                None,
            )?
        }
        _ => {
            let separator = if realm.contains('?') { '&' } else { '?' };
            let url = format!("{realm}{separator}{}", encoded(&query));
            registry.send("GET", &url, &[], &[], credentials.map(basic).as_deref())?
        }
    };
    if !answer.status.is_success() {
        return if credentials.is_none() {
            Ok(None)
        } else {
            Err(Failure::new(format!(
                "{} does not accept the credentials kept for it: {}",
                registry.host, answer.status
            )))
        };
    }
    let said: Value = serde_json::from_slice(&answer.body).map_err(|error| wrong(&error.to_string()))?;
    let token = ["token", "access_token"].into_iter().find_map(|name| said.get(name)?.as_str());
    Ok(Some(format!("Bearer {}", token.ok_or_else(|| wrong("it gives no token"))?)))
}

fn basic(credentials: &Credentials) -> String {
    format!("Basic {}", STANDARD.encode(format!("{}:{}", credentials.name, credentials.secret)))
}

/// Takes `a="b",c=d` apart. Commas may stand within quotes.
fn parts(text: &str) -> Vec<(String, String)> {
    let mut parts = Vec::new();
    let mut rest = text.trim();
    while let Some((key, after)) = rest.split_once('=') {
        let (value, more) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_once(',').map_or((after, ""), |(value, more)| (value, more)),
        };
        parts.push((key.trim().to_owned(), value.trim().to_owned()));
        rest = more.trim_start_matches([',', ' ']);
    }
    parts
}

/// Writes names and values as a query does.
fn encoded(pairs: &[(&str, &str)]) -> String {
    let encode = |text: &str| -> String {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        text.bytes()
            .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
            .collect()
    };
    pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_registry_wants_is_taken_apart() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(
            parts(r#"realm="https://auth.example/token",service="registry.example",scope="repository:a:pull,push""#),
            [
                pair("realm", "https://auth.example/token"),
                pair("service", "registry.example"),
                pair("scope", "repository:a:pull,push")
            ]
        );
        assert_eq!(parts("realm=x, service=y"), [pair("realm", "x"), pair("service", "y")]);
        assert_eq!(parts(""), []);
    }

    #[test]
    fn a_query_is_encoded() {
        assert_eq!(
            encoded(&[("scope", "repository:a/b:pull,push"), ("service", "x")]),
            "scope=repository%3Aa%2Fb%3Apull%2Cpush&service=x"
        );
    }
}
