//! Which path patterns a normalised path can be like.
//!
//! In: the text of a pattern. Out: nothing, or that no request is ever compared with it, and the form that was meant. It
//! exists because such a rule is dead: as a deny it would be a hole that looks like a wall.
//!
//! Istio's default is `pathNormalization: BASE`: Envoy resolves `.` and `..`, decodes what needs no encoding, encodes what
//! does, and turns `\` into `/` (envoyproxy/envoy `source/common/http/path_utility.cc`, which goes by Chromium's rules).
//! It merges no slashes and decodes no `%2F`, so `//` and `%2F` are left as they are, and are not refused.

use std::fmt::Write as _;

use super::super::automaton::is_segment_character;

/// Returns `None` where the pattern is in normal form; otherwise the normal form, where it is plain.
pub(super) fn fault(text: &str) -> Option<Option<String>> {
    let spelt = spelt(text);
    let is_template = text.contains('{');
    match (has_dots(&spelt), text.contains("%00")) {
        (_, true) => Some(None),
        (true, _) if is_template || !text.starts_with('/') => Some(None),
        (true, _) => Some(Some(resolved(&spelt))),
        (false, _) if spelt != text => Some(Some(spelt)),
        (false, _) => None,
    }
}

/// Returns the text with every character as it is spelt in a normalised path.
fn spelt(text: &str) -> String {
    let mut spelt = String::new();
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let (taken, decoded) = match escape(rest) {
            Some(decoded) => (3, decoded),
            None => (character.len_utf8(), character),
        };
        match decoded {
            '\\' => spelt.push('/'),
            c if is_segment_character(c) || "/[]{}".contains(c) => spelt.push(c),
            c => c.to_string().bytes().for_each(|byte| _ = write!(spelt, "%{byte:02X}")),
        }
        rest = rest.get(taken..).unwrap_or_default();
    }
    spelt
}

/// Returns the character a text begins with as an escape, where it needs none.
fn escape(text: &str) -> Option<char> {
    let digits = text.strip_prefix('%')?.get(..2)?;
    let is_hex = digits.chars().all(|c| c.is_ascii_hexdigit());
    let decoded = char::from(u8::from_str_radix(digits, 16).ok().filter(|_| is_hex)?);
    (decoded.is_ascii_alphanumeric() || "-._~".contains(decoded)).then_some(decoded)
}

/// Tells whether a whole segment is `.` or `..`. What begins a suffix is part of a segment only.
fn has_dots(text: &str) -> bool {
    text.split('/').skip(1).any(|segment| segment == "." || segment == "..")
}

/// Resolves `.` and `..` in a text that begins with `/`.
fn resolved(text: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = text.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        match segment {
            "." => {}
            ".." => _ = kept.pop(),
            segment => {
                kept.push(segment);
                continue;
            }
        }
        if segments.peek().is_none() {
            kept.push("");
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::fault;

    #[test]
    fn what_no_request_has_is_refused_with_what_was_meant() {
        let check = |text: &str, meant: &str| assert_eq!(fault(text), Some(Some(meant.to_owned())), "{text}");
        check("/x y", "/x%20y");
        check("/x y*", "/x%20y*");
        check("/a/../b", "/b");
        check("/a/./b", "/a/b");
        check("/a/..", "/");
        check("/a/b/.", "/a/b/");
        check("/../../a", "/a");
        check("/a/%2e%2E/b/*", "/b/*");
        check("/%61dmin", "/admin");
        check("/%7e", "/~");
        check("/ä", "/%C3%A4");
        check("/a\\b", "/a/b");
        check("/a|b^c", "/a%7Cb%5Ec");
        check("*.jp g", "*.jp%20g");
        check("/%6x/%61", "/%6x/a");
        for text in ["*/../x", "*/..", "/{*}/../x", "/{**}/.", "/a%00"] {
            assert_eq!(fault(text), Some(None), "{text}");
        }
    }

    #[test]
    fn what_a_request_may_have_is_left_alone() {
        for text in [
            "/",
            "*",
            "/a",
            "/a/",
            "//",
            "/a//b",
            "/a%2Fb",
            "/a%2fb",
            "/%C3%A4",
            "/%c3%a4",
            "/a/.*",
            "/a/..*",
            "/...",
            "/.a",
            "*.js",
            "*../x",
            "*./x",
            "/{*}/a.b/{**}",
            "/a[1]",
            "/a;b=c",
            "/100%",
            "/%zz",
            "/a*",
        ] {
            assert_eq!(fault(text), None, "{text}");
        }
    }
}
