//! How the few patterns of these laws match, written once more.

/// `/a`, `/a/*`, `/a/{*}`, `/a/{**}`.
pub fn path(pattern: &str, path: &str) -> bool {
    if let Some(head) = pattern.strip_suffix("{**}") {
        return path.starts_with(head);
    }
    if let Some(head) = pattern.strip_suffix("{*}") {
        return path.strip_prefix(head).is_some_and(|rest| !rest.is_empty() && !rest.contains('/'));
    }
    text(pattern, path)
}

/// A host, with or without a port.
pub fn host(pattern: &str, host: &str) -> bool {
    pattern == host.split(':').next().unwrap_or_default()
}

/// As Istio matches texts: `*` is whatever is there, at either end it is a wildcard.
pub fn text(pattern: &str, text: &str) -> bool {
    if pattern == "*" {
        return !text.is_empty();
    }
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(tail), _) => text.ends_with(tail),
        (_, Some(head)) => text.starts_with(head),
        _ => pattern == text,
    }
}
