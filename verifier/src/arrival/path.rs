//! Paths in one form.
//!
//! In: a path without its query, and how the mesh wants paths (`pathNormalization`). Out: the path that policies see, or
//! nothing where the proxy refuses it. Read in envoyproxy/envoy `source/common/http/path_utility.cc` and in the URL library
//! behind it; the newest Envoy also takes parameters off dot segments, which is the part that servers disagree about.

/// How paths are brought into one form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Normalization {
    /// Not at all.
    None,
    /// Dots and backslashes are resolved, and escapes that need not be are taken out.
    #[default]
    Base,
    /// Also, several slashes become one.
    MergeSlashes,
    /// Also, escaped slashes and backslashes count, before all else.
    DecodeAndMergeSlashes,
}

impl Normalization {
    /// Reads the word of the mesh configuration.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Some(match word {
            "NONE" => Self::None,
            "BASE" | "DEFAULT" => Self::Base,
            "MERGE_SLASHES" => Self::MergeSlashes,
            "DECODE_AND_MERGE_SLASHES" => Self::DecodeAndMergeSlashes,
            _ => return None,
        })
    }
}

/// Brings a path into one form; `None` where the proxy answers that it is none.
#[must_use]
pub fn normalized(path: &str, normalization: Normalization) -> Option<String> {
    match normalization {
        Normalization::None => Some(path.to_owned()),
        Normalization::Base => resolved(path),
        Normalization::MergeSlashes => Some(merged(&resolved(path)?)),
        Normalization::DecodeAndMergeSlashes => {
            let mut path = path.to_owned();
            for (escape, slash) in [("%2F", "/"), ("%2f", "/"), ("%5C", "\\"), ("%5c", "\\")] {
                path = path.replace(escape, slash);
            }
            Some(merged(&resolved(&path)?))
        }
    }
}

/// Several slashes become one, except in a path of nothing else.
fn merged(path: &str) -> String {
    if !path.contains("//") {
        return path.to_owned();
    }
    let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
    let (before, after) = (path.starts_with('/'), path.ends_with('/'));
    format!("{}{}{}", if before { "/" } else { "" }, names.join("/"), if after { "/" } else { "" })
}

/// Resolves dots and backslashes, and writes each character in one way.
fn resolved(path: &str) -> Option<String> {
    let path = without_parameters_of_dots(path);
    let mut written = String::new();
    if !path.starts_with(['/', '\\']) {
        written.push('/');
    }
    let mut rest = path.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if let Some(after_dot) = dot(rest) {
            rest = match Dots::at(after_dot) {
                Dots::Here(after) if written.ends_with('/') => after,
                Dots::Up(after) if written.ends_with('/') => {
                    up(&mut written);
                    after
                }
                _ => {
                    written.push('.');
                    after_dot
                }
            };
            continue;
        }
        rest = after;
        match first {
            b'\\' => written.push('/'),
            b'%' => match escape(after) {
                None => written.push('%'),
                Some((0, ..)) => return None,
                Some((byte, digits, after)) => {
                    rest = after;
                    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                        written.push(char::from(byte));
                    } else {
                        // The digits stay as they are: some servers tell them apart by case.
                        written.push('%');
                        written.extend(digits.map(char::from));
                    }
                }
            },
            b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}' | 0..=b' ' | 127.. => {
                written.push_str(&format!("%{first:02X}"));
            }
            _ => written.push(char::from(*first)),
        }
    }
    Some(written)
}

/// Takes parameters off the segments that are dots: `/..;a=b/` is `/../`.
fn without_parameters_of_dots(path: &str) -> String {
    let one = |segment| match segment {
        _ if str::starts_with(segment, "..;") => "..",
        _ if segment.starts_with(".;") => ".",
        _ => segment,
    };
    path.split('/').map(one).collect::<Vec<_>>().join("/")
}

/// What a dot after a slash begins, with what follows it.
enum Dots<'p> {
    /// The folder it stands in.
    Here(&'p [u8]),
    /// The one above.
    Up(&'p [u8]),
    /// A name.
    Name,
}

impl<'p> Dots<'p> {
    fn at(after_dot: &'p [u8]) -> Self {
        let ended = |rest: &'p [u8]| match rest.split_first() {
            None => Some(rest),
            Some((b'/' | b'\\', after)) => Some(after),
            Some(_) => None,
        };
        match (ended(after_dot), dot(after_dot).and_then(ended)) {
            (Some(rest), _) => Self::Here(rest),
            (None, Some(rest)) => Self::Up(rest),
            (None, None) => Self::Name,
        }
    }
}

/// Returns what follows a dot, be it escaped.
fn dot(rest: &[u8]) -> Option<&[u8]> {
    [".", "%2e", "%2E"].iter().find_map(|dot| rest.strip_prefix(dot.as_bytes()))
}

/// Returns the byte of an escape after its percent sign, its digits and what follows.
fn escape(after: &[u8]) -> Option<(u8, [u8; 2], &[u8])> {
    let (digits, rest) = after.split_first_chunk::<2>()?;
    let value = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let [high, low] = *digits;
    Some((value(high)? * 16 + value(low)?, *digits, rest))
}

/// Goes from a path that ends with a slash to the folder above.
fn up(written: &mut String) {
    written.pop();
    let above = written.rfind('/').map_or(0, |at| at + 1);
    written.truncate(above);
    if written.is_empty() {
        written.push('/');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(normalization: Normalization, cases: &[(&str, &str)]) {
        for (path, expected) in cases {
            assert_eq!(normalized(path, normalization).as_deref(), Some(*expected), "{path}");
        }
    }

    #[test]
    fn dots_and_backslashes_are_resolved() {
        check(
            Normalization::Base,
            &[
                ("/", "/"),
                ("/a/./b", "/a/b"),
                ("/a/../b", "/b"),
                ("/../../a", "/a"),
                ("/a/..", "/"),
                ("/a/.", "/a/"),
                ("/a/.b/..c/...", "/a/.b/..c/..."),
                ("/a//../b", "/a/b"),
                ("//..", "/"),
                (r"\a\..\b", "/b"),
                ("/a/%2E%2e/b", "/b"),
                ("/a.%2e/b", "/a../b"),
                ("/a/..;x/b", "/b"),
                ("/a/.;/b", "/a/b"),
                ("/a/...;/b", "/a/...;/b"),
                ("/a/%2e%2e;/b", "/a/..;/b"),
                ("/a%2F../b", "/a%2F../b"),
            ],
        );
    }

    #[test]
    fn characters_are_written_in_one_way() {
        check(
            Normalization::Base,
            &[
                ("/%61%5F%7e", "/a_~"),
                ("/%2f%2F%25%3b", "/%2f%2F%25%3b"),
                ("/%2561", "/%2561"),
                ("/%%61%4", "/%a%4"),
                ("/a b\"<>^`{|}é", "/a%20b%22%3C%3E%5E%60%7B%7C%7D%C3%A9"),
                ("/!$&'()*+,:;=@[]", "/!$&'()*+,:;=@[]"),
            ],
        );
        assert_eq!(normalized("/a%00", Normalization::Base), None);
    }

    #[test]
    fn slashes_are_merged_and_decoded_where_the_mesh_says_so() {
        check(Normalization::MergeSlashes, &[("//a///b//", "/a/b/"), ("/a%2F/b", "/a%2F/b"), (r"/a\\b", "/a/b")]);
        check(
            Normalization::DecodeAndMergeSlashes,
            &[("/a%2f%5Cb", "/a/b"), ("/x%5c..%2fa", "/a"), ("/%252f", "/%252f")],
        );
        check(Normalization::None, &[("/a/../%61", "/a/../%61")]);
    }

    #[test]
    fn a_path_in_one_form_stays_so() {
        for path in ["/a/..;x/b//%2e", r"/a\b/%61%%2", "/..//../a//b/", "/%2e%2E/é"] {
            for normalization in
                [Normalization::Base, Normalization::MergeSlashes, Normalization::DecodeAndMergeSlashes]
            {
                let once = normalized(path, normalization).expect("a path");
                assert_eq!(normalized(&once, normalization).as_ref(), Some(&once), "{path}");
            }
        }
    }
}
