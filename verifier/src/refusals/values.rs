//! What single values have to be like.
//!
//! In: texts. Out: whether the API server or Istio takes them. Nothing is reported here.

use std::net::IpAddr;

/// Tells whether a text is an address or a block of addresses (`ValidateIPs`, Go's `netip.ParseAddr` and `netip.ParsePrefix`).
pub(super) fn is_address(text: &str) -> bool {
    match text.split_once('/') {
        Some((address, bits)) => {
            let most = match address.parse::<IpAddr>() {
                Ok(IpAddr::V4(_)) => 32,
                Ok(IpAddr::V6(_)) => 128,
                Err(_) => return false,
            };
            is_number(bits, most) && (bits == "0" || !bits.starts_with('0'))
        }
        None => {
            let (address, zone) = text.split_once('%').map_or((text, None), |(address, zone)| (address, Some(zone)));
            match address.parse::<IpAddr>() {
                Ok(IpAddr::V4(_)) => zone.is_none(),
                Ok(IpAddr::V6(_)) => zone != Some(""),
                Err(_) => false,
            }
        }
    }
}

/// Tells whether a text is a port (`ValidatePorts`), zero among them.
pub(super) fn is_port(text: &str) -> bool {
    is_number(text, 65_535)
}

fn is_number(text: &str, most: u64) -> bool {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits && text.parse::<u64>().is_ok_and(|number| number <= most)
}

/// Says what is wrong with a service account (`CheckServiceAccount`).
pub(super) fn account(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split('/').collect();
    if text.contains('*') {
        Some(format!("`{text}` is a service account with a star"))
    } else if parts.len() > 2 || parts.iter().any(|part| part.is_empty()) {
        Some(format!("`{text}` is neither `account` nor `namespace/account`"))
    } else if text.len() > 320 {
        Some("a service account of more than 320 characters".to_owned())
    } else {
        None
    }
}

/// Says what is wrong with the stars of a value (`CheckWildcardValues`).
pub(super) fn stars(text: &str) -> Option<String> {
    let count = text.matches('*').count();
    if count > 1 {
        Some(format!("`{text}` has more than one star"))
    } else if count == 1 && !text.starts_with('*') && !text.ends_with('*') {
        Some(format!("`{text}` has a star elsewhere than at an end"))
    } else {
        None
    }
}

/// Says what is wrong with a path (`CheckValidPathTemplate`).
pub(super) fn path(text: &str) -> Option<String> {
    const REST: &str = "{**}";
    const ONE: &str = "{*}";
    let is_template = text.contains(ONE) || text.contains(REST);
    let mut is_last = false;
    for segment in text.trim_matches('/').split('/') {
        match segment {
            ONE | REST if is_last => return Some(format!("`{text}` goes on after `{REST}`")),
            ONE => {}
            REST => is_last = true,
            _ if segment.contains(['{', '}']) => {
                return Some(format!("`{text}` has braces that are neither `{ONE}` nor `{REST}`"));
            }
            _ if is_template && !is_literal(segment) => {
                return Some(format!("`{text}` is a template with the segment `{segment}`"));
            }
            _ => {}
        }
    }
    None
}

fn is_literal(segment: &str) -> bool {
    let taken = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()+,;:@=".contains(&byte);
    !segment.is_empty() && segment.bytes().all(taken)
}

/// What the values of a condition have to be.
pub(super) enum Attribute {
    /// Anything but empty.
    Words,
    /// Addresses.
    Addresses,
    /// Ports.
    Ports,
    /// Service accounts.
    Accounts,
    /// Words with at most one star, at an end.
    Stars,
}

/// Says what the values of an attribute have to be, or what is wrong with it (`ValidateAttribute`).
pub(super) fn attribute(key: &str) -> Result<Attribute, String> {
    Ok(match key {
        "source.ip" | "remote.ip" | "destination.ip" => Attribute::Addresses,
        "destination.port" => Attribute::Ports,
        "source.serviceAccount" => Attribute::Accounts,
        "source.trustDomain" => Attribute::Stars,
        "source.namespace" | "source.principal" | "connection.sni" => Attribute::Words,
        "request.auth.principal" | "request.auth.audiences" | "request.auth.presenter" => Attribute::Words,
        "destination.namespace" => return Err(format!("`{key}` is replaced by the namespace of the policy")),
        "destination.name" | "destination.user" => return Err(format!("`{key}` is no longer supported")),
        _ if key.starts_with("destination.labels") => return Err(format!("`{key}` is replaced by the selector")),
        _ if ["request.headers", "request.auth.claims", "experimental.envoy.filters."]
            .iter()
            .any(|prefix| key.starts_with(prefix)) =>
        {
            let open = key.find('[').unwrap_or(0);
            if !(key.ends_with(']') && open > 0 && open + 2 < key.len()) {
                return Err(format!("`{key}` should be `attribute[name]`"));
            }
            Attribute::Words
        }
        _ => return Err(format!("there is no attribute `{key}`")),
    })
}

/// Tells whether a text is a name of an object (RFC 1123, a subdomain).
pub(super) fn is_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_label_text)
}

/// Tells whether a text is a name of a namespace (RFC 1123, a label).
pub(super) fn is_dns_label(text: &str) -> bool {
    text.len() <= 63 && is_label_text(text)
}

fn is_label_text(text: &str) -> bool {
    let taken = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.bytes().all(taken) && !text.starts_with('-') && !text.ends_with('-')
}

/// Tells whether a text is a name of a port (RFC 6335).
pub(super) fn is_port_name(text: &str) -> bool {
    text.len() <= 15
        && is_label_text(text)
        && !text.contains("--")
        && text.bytes().any(|byte| byte.is_ascii_lowercase())
}

/// Tells whether a text is a key of a label.
pub(super) fn is_label_key(text: &str) -> bool {
    let (prefix, name) = text.split_once('/').map_or((None, text), |(prefix, name)| (Some(prefix), name));
    prefix.is_none_or(is_subdomain) && !name.is_empty() && is_label_value(name)
}

/// Tells whether a text is a value of a label.
pub(super) fn is_label_value(text: &str) -> bool {
    let taken = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let at_end = |byte: Option<u8>| byte.is_none_or(|byte| byte.is_ascii_alphanumeric());
    text.len() <= 63 && text.bytes().all(taken) && at_end(text.bytes().next()) && at_end(text.bytes().next_back())
}
