//! What is asked for beside caller and workload, as it was typed.
//!
//! In: the options that describe a request. Out: [`Asked`], or what is wrong with one: a question that no request can be must
//! not be answered with "denied".

use ringfence_verifier::reach::Asked;

use crate::args;
use crate::exit::Failure;

/// Methods that people write in small letters.
const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE"];

/// Reads the options.
///
/// # Errors
/// When no request can be like that.
pub(super) fn wanted(args: &args::Reach) -> Result<Asked, Failure> {
    let mut typed = Typed::default();
    for word in &args.request {
        typed.take(word)?;
    }
    if typed.host.is_some() && args.host.is_some() {
        return Err(Failure::new("the URL and `--host` name two hosts"));
    }
    Ok(Asked {
        method: args.method.as_deref().map(method).transpose()?.or(typed.method),
        path: args.path.as_deref().map(path).transpose()?.or(typed.path),
        host: args.host.as_deref().map(host).transpose()?.or(typed.host),
        headers: headers(&args.header)?,
        ..Asked::anything()
    })
}

/// A request as people type it: `GET /v1/cards`, or a URL.
#[derive(Debug, Default)]
struct Typed {
    method: Option<String>,
    path: Option<String>,
    host: Option<String>,
}

impl Typed {
    fn take(&mut self, word: &str) -> Result<(), Failure> {
        let twice = |what: &str| Failure::new(format!("`{word}` is a second {what}"));
        if let Some((_, rest)) = word.split_once("://") {
            let (name, target) = rest.split_at_checked(rest.find('/').unwrap_or(rest.len())).unwrap_or((rest, ""));
            if self.host.replace(host(name)?).is_some() || self.path.is_some() {
                return Err(twice("address"));
            }
            self.path = Some(if target.is_empty() { "/".to_owned() } else { path(target)? });
        } else if word.starts_with(['/', '*']) {
            if self.path.replace(path(word)?).is_some() {
                return Err(twice("path"));
            }
        } else if self.method.replace(method(word)?).is_some() {
            return Err(twice("method"));
        }
        Ok(())
    }
}

fn method(text: &str) -> Result<String, Failure> {
    let upper = text.to_ascii_uppercase();
    if text != upper && METHODS.contains(&upper.as_str()) {
        return Err(Failure::new(format!("`{text}` is no method: methods are told apart by case"))
            .help(format!("did you mean `{upper}`?")));
    }
    if text.contains('*') {
        return Err(Failure::new(format!("`{text}` is no method")).help("leave `--method` out to ask for any"));
    }
    if is_token(text) { Ok(text.to_owned()) } else { Err(Failure::new(format!("`{text}` is no method"))) }
}

fn path(text: &str) -> Result<String, Failure> {
    if text.contains("://") {
        return Err(Failure::new(format!("`{text}` is an address, not a path"))
            .help("write the part after the host with `--path`, and the host with `--host`"));
    }
    if !text.starts_with(['/', '*']) {
        return Err(Failure::new(format!("`{text}` is no path: a path begins with a slash"))
            .help(format!("did you mean `/{text}`?")));
    }
    starred(text, "path").map(str::to_owned)
}

fn host(text: &str) -> Result<String, Failure> {
    if let Some((scheme, rest)) = text.split_once("://") {
        let name = rest.split('/').next().unwrap_or_default();
        return Err(Failure::new(format!("`{text}` is no host: `{scheme}://` is not part of its name"))
            .help(format!("did you mean `{name}`?")));
    }
    if text.is_empty() || text.contains(|character: char| character == '/' || character.is_whitespace()) {
        return Err(Failure::new(format!("`{text}` is no host")).help("write it as in `shop.example` or `*.example`"));
    }
    starred(text, "host").map(str::to_owned)
}

/// Takes stars at the ends only.
fn starred<'t>(text: &'t str, what: &str) -> Result<&'t str, Failure> {
    let begin = text.strip_prefix('*').unwrap_or(text);
    if begin.strip_suffix('*').unwrap_or(begin).contains('*') {
        return Err(Failure::new(format!("`{text}` has a star in its middle"))
            .help(format!("a star stands for anything at the begin or the end of a {what}")));
    }
    Ok(text)
}

/// Joins the headers of one name: proxies join them by commas before policies see them.
fn headers(sent: &[(String, String)]) -> Result<Vec<(String, String)>, Failure> {
    let mut joined: Vec<(String, String)> = Vec::new();
    for (name, value) in sent {
        if name.starts_with(':') {
            return Err(Failure::new(format!("`{name}` is a part of the request itself"))
                .help("ask with `--method`, `--path` or `--host`"));
        }
        if !is_token(name) {
            return Err(Failure::new(format!("`{name}` is no name of a header")));
        }
        match joined.iter_mut().find(|(known, _)| known == name) {
            None => joined.push((name.clone(), value.clone())),
            Some((_, known)) if known.contains('*') || value.contains('*') => {
                return Err(Failure::new(format!("the header `{name}` is given twice, once with a star"))
                    .help("proxies join headers of one name by commas: write the whole value once"));
            }
            Some((_, known)) => *known = format!("{known},{value}"),
        }
    }
    Ok(joined)
}

/// Tells whether a text is a token of HTTP (RFC 9110, section 5.6.2).
fn is_token(text: &str) -> bool {
    let is_of_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_of_token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_request_can_be_is_an_error_that_says_what_was_meant() {
        let check = |found: Result<String, Failure>, expected: &str| match found {
            Ok(text) => assert_eq!(text, expected),
            Err(failure) => {
                let said = failure.to_string();
                assert!(said.contains(expected) && said.starts_with("ringfence: "), "{said}");
            }
        };
        check(method("GET"), "GET");
        check(method("M-SEARCH"), "M-SEARCH");
        check(method("get"), "did you mean `GET`?");
        check(method("*"), "leave `--method` out");
        check(method("GET /"), "is no method");
        check(path("/a/*"), "/a/*");
        check(path("*"), "*");
        check(path("admin"), "did you mean `/admin`?");
        check(path("/a/*/b"), "a star in its middle");
        check(path("https://shop.example/a"), "an address");
        check(host("*.example"), "*.example");
        check(host("shop.example:8080"), "shop.example:8080");
        check(host("https://shop.example/a"), "did you mean `shop.example`?");
        check(host("a b"), "is no host");
    }

    #[test]
    fn headers_of_one_name_arrive_as_one() {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let joined = headers(&[header("x", "a"), header("y", "b"), header("x", "c")]).unwrap();
        assert_eq!(joined, [header("x", "a,c"), header("y", "b")]);
        assert!(headers(&[header("x", "a"), header("x", "b*")]).is_err());
        assert!(headers(&[header(":path", "/")]).is_err());
        assert!(headers(&[header("a b", "")]).is_err());
    }
}
