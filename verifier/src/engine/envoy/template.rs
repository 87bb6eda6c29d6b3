//! Templates of paths that no Envoy takes.
//!
//! In: a path of a policy. Out: whether Envoy can read it. A proxy that is given a template it cannot read keeps the policies
//! it had before, and one that starts with it does not start, so nothing can be said of such a workload. Istio's webhook lets
//! some of them pass (envoyproxy/envoy `source/extensions/path/uri_template_lib/uri_template_internal.cc`).

/// Tells whether a path is a template.
pub(super) fn is_template(path: &str) -> bool {
    path.contains("{*}") || path.contains("{**}")
}

/// Tells whether Envoy can read a path.
pub(super) fn is_readable(path: &str) -> bool {
    if !is_template(path) {
        return true;
    }
    let Some(path) = path.strip_prefix('/') else { return false };
    // After `{**}` only literals may come.
    let mut last = false;
    // One slash may stand at the end.
    path.strip_suffix('/').unwrap_or(path).split('/').all(|segment| match segment {
        "{*}" => !last,
        "{**}" => !std::mem::replace(&mut last, true),
        _ => !segment.is_empty() && segment.chars().all(is_literal),
    })
}

fn is_literal(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "-._~%!$&'()+,;:@=".contains(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_readable_as_envoy_said_of_each() {
        for path in ["/a", "//", "/{*}/", "/a/{**}/", "/{**}/a/", "/{*}/{*}/{**}", "/!$&'()+,;:@=%-._~/{*}", "é"] {
            assert!(is_readable(path), "{path}");
        }
        let unreadable = [
            "/a//{*}",
            "//{*}",
            "/{**}//",
            "/{*}//a",
            "/{**}/{*}",
            "/{**}/{**}",
            "a/{*}",
            "{**}",
            "/a b/{*}",
            "/é/{*}",
            "/a|/{*}",
            "/x{*}",
        ];
        for path in unreadable {
            assert!(!is_readable(path), "{path}");
        }
    }
}
