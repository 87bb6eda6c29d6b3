//! The cookies of a request.
//!
//! In: the values of `cookie` headers. Out: the value of a cookie, the first of its name.

/// Returns the first value of a cookie.
pub(super) fn first<'h>(headers: &'h [String], name: &str) -> Option<&'h str> {
    let cookies = headers.iter().flat_map(|header| header.split(';'));
    cookies.filter_map(|cookie| cookie.split_once('=')).find_map(|(key, value)| {
        let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        (key.trim_start_matches(' ') == name).then_some(quoted.unwrap_or(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_cookie_of_a_name_counts() {
        let headers = ["b; a".to_owned(), "b=1;  a=\"2\"; a=3".to_owned()];
        assert_eq!(first(&headers, "a"), Some("2"));
        assert_eq!(first(&headers, "c"), None);
    }
}
