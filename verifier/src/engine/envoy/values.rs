//! What single values of an AuthorizationPolicy become in Envoy.
//!
//! In: an attribute and a value. Out: a [`Leaf`]. Everywhere a lone `*` is anything that is there, a leading `*` an ending
//! and a trailing `*` a beginning; any other star is a star (istio/istio `pilot/pkg/security/authz/matcher`).

use std::net::IpAddr;

use ipnet::IpNet;
use ringfence_compiler::requests::automaton::Class;

use super::{Reads, Untold, template};
use crate::engine::Leaf;
use crate::glob::{Glob, Piece};
use crate::request::HeaderName;

/// The names this translation gives to attributes that only `to` can ask about.
pub(super) const HOST: &str = "host";
pub(super) const METHOD: &str = "method";
pub(super) const PATH: &str = "path";

const URI: &str = "spiffe://";

/// Tells whether a `when` key is joined to the sources of its rule, rather than to the operations.
pub(super) fn is_about_the_peer(key: &str) -> bool {
    !(matches!(key, "destination.ip" | "destination.port" | "connection.sni")
        || key.starts_with("experimental.envoy.filters."))
}

/// Translates one value.
pub(in crate::engine) fn leaf(key: &str, value: &str, namespace: &str, reads: Reads) -> Result<Leaf, Untold> {
    let http = || if reads == Reads::Http { Ok(()) } else { Err(Untold::HttpOnly) };
    match key {
        "source.principal" => Ok(Leaf::Peer(uri(value))),
        "source.namespace" => Ok(Leaf::Peer(of_namespace(value))),
        "source.serviceAccount" => Ok(Leaf::Peer(of_account(value, namespace))),
        "source.trustDomain" => Ok(Leaf::Peer(of_trust_domain(value))),
        "source.ip" => net(value).map(Leaf::Address),
        "remote.ip" => net(value).map(Leaf::Remote),
        "destination.ip" => net(value).map(Leaf::Destination),
        "destination.port" => value.parse().map(Leaf::Port).map_err(|_| Untold::Malformed),
        "connection.sni" => Ok(Leaf::ServerName(text(value))),
        HOST => http().map(|()| Leaf::Host(header(value).folding_case())),
        METHOD => http().map(|()| Leaf::Method(header(value))),
        PATH => http().map(|()| Leaf::Path(path(value))),
        "request.auth.principal" => http().map(|()| token_of(value)),
        "request.auth.audiences" => http().map(|()| Leaf::Claim(vec!["aud".to_owned()], text(value))),
        "request.auth.presenter" => http().map(|()| Leaf::Claim(vec!["azp".to_owned()], text(value))),
        _ => {
            if let Some(name) = key.strip_prefix("request.headers") {
                http()?;
                let name = bracketed(name).ok_or(Untold::Malformed)?;
                let glob = header(value);
                // Names that begin with a colon are parts of the request itself. Which scheme it came with, who knows.
                return Ok(match name.to_ascii_lowercase().as_str() {
                    ":authority" => Leaf::Header(HeaderName::new("host"), glob),
                    ":method" => Leaf::Method(glob),
                    ":path" => Leaf::Target(glob),
                    part if part.starts_with(':') => Leaf::Unknown(format!("header {part} is {value}")),
                    name => Leaf::Header(HeaderName::new(name), glob),
                });
            }
            if let Some(claims) = key.strip_prefix("request.auth.claims") {
                http()?;
                return Ok(Leaf::Claim(claim_path(claims).ok_or(Untold::Malformed)?, text(value)));
            }
            if key.starts_with("experimental.envoy.filters.") {
                return Ok(Leaf::Unknown(format!("{key} is {value}")));
            }
            Err(Untold::NoAttribute)
        }
    }
}

/// `StringMatcher`: a lone star is any text but the empty one.
fn text(value: &str) -> Glob {
    if value == "*" { Glob::at_least(1) } else { header(value) }
}

/// `HeaderMatcher` and `HostMatcher`: a lone star asks only that it be there.
fn header(value: &str) -> Glob {
    if value == "*" {
        Glob::at_least(0)
    } else if let Some(suffix) = value.strip_prefix('*') {
        Glob::suffix(suffix)
    } else if let Some(prefix) = value.strip_suffix('*') {
        Glob::prefix(prefix)
    } else {
        Glob::exactly(value)
    }
}

/// `srcPrincipalGenerator`: the value is compared with what follows `spiffe://`.
fn uri(value: &str) -> Glob {
    if value == "*" {
        Glob::at_least(1)
    } else if let Some(suffix) = value.strip_prefix('*') {
        Glob::new(vec![literal(URI), Piece::Run(Class::Everything, 0), literal(suffix)])
    } else if let Some(prefix) = value.strip_suffix('*') {
        Glob::prefix(format!("{URI}{prefix}"))
    } else {
        Glob::exactly(format!("{URI}{value}"))
    }
}

fn literal(text: &str) -> Piece {
    Piece::Text(text.to_owned())
}

/// Replaces each star with an open run of characters.
fn starred(value: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for (at, part) in value.split('*').enumerate() {
        if at > 0 {
            pieces.push(Piece::Run(Class::Everything, 0));
        }
        pieces.push(literal(part));
    }
    pieces
}

/// `srcNamespaceGenerator`: `.*/ns/<value, stars open>/.*`.
fn of_namespace(value: &str) -> Glob {
    let any = Piece::Run(Class::Everything, 0);
    let mut pieces = vec![any.clone(), literal("/ns/")];
    pieces.extend(starred(value));
    pieces.extend([literal("/"), any]);
    Glob::new(pieces)
}

/// `serviceAccountRegex`: `spiffe://.+/ns/<namespace>/(.+/|)sa/<account>(/.+)?`.
fn of_account(value: &str, namespace: &str) -> Glob {
    let (namespace, account) = value.split_once('/').unwrap_or((namespace, value));
    let some = || Piece::Run(Class::Everything, 1);
    let head = || vec![literal(URI), some(), literal(&format!("/ns/{namespace}/"))];
    let account = literal(&format!("sa/{account}"));
    let mut alternatives = Vec::new();
    for middle in [vec![], vec![some(), literal("/")]] {
        for tail in [vec![], vec![literal("/"), some()]] {
            let mut pieces = head();
            pieces.extend(middle.clone());
            pieces.push(account.clone());
            pieces.extend(tail);
            alternatives.push(pieces);
        }
    }
    Glob::one_of(alternatives)
}

/// `srcTrustDomainGenerator`: only the first star is open.
fn of_trust_domain(value: &str) -> Glob {
    match value.split_once('*') {
        _ if value == "*" => Glob::prefix(URI),
        None => Glob::prefix(format!("{URI}{value}/")),
        Some((before, after)) => Glob::new(vec![
            literal(&format!("{URI}{before}")),
            Piece::Run(Class::NotSlash, 0),
            literal(&format!("{after}/")),
            Piece::Run(Class::Everything, 0),
        ]),
    }
}

/// A path: a template where it has `{*}` or `{**}`.
fn path(value: &str) -> Glob {
    if !template::is_template(value) {
        return text(value);
    }
    let mut pieces = Vec::new();
    for (at, part) in value.split("{**}").enumerate() {
        if at > 0 {
            pieces.push(Piece::Run(Class::SegmentOrSlash, 0));
        }
        for (at, part) in part.split("{*}").enumerate() {
            if at > 0 {
                pieces.push(Piece::Run(Class::Segment, 1));
            }
            pieces.push(literal(part));
        }
    }
    Glob::new(pieces)
}

/// `requestPrincipalGenerator`: issuer and subject are told apart at the last slash.
fn token_of(value: &str) -> Leaf {
    let any = || Glob::at_least(1);
    let halves = value.rsplit_once('/');
    let (issuer, subject) = if value == "*" {
        (any(), any())
    } else if let Some(stripped) = value.strip_prefix('*') {
        match halves {
            Some(("*", subject)) => (any(), Glob::exactly(subject)),
            Some((issuer, subject)) => {
                (Glob::suffix(issuer.strip_prefix('*').unwrap_or(issuer)), Glob::exactly(subject))
            }
            None => (any(), Glob::suffix(stripped)),
        }
    } else if let Some(stripped) = value.strip_suffix('*') {
        match halves {
            Some((issuer, "*")) => (Glob::exactly(issuer), any()),
            Some((issuer, subject)) => {
                (Glob::exactly(issuer), Glob::prefix(subject.strip_suffix('*').unwrap_or(subject)))
            }
            None => (Glob::prefix(stripped), any()),
        }
    } else {
        let (issuer, subject) = halves.unwrap_or((value, ""));
        (Glob::exactly(issuer), Glob::exactly(subject))
    };
    Leaf::TokenOf(issuer, subject)
}

/// An address or a block of them.
fn net(value: &str) -> Result<IpNet, Untold> {
    if let Ok(address) = value.parse::<IpAddr>() {
        return Ok(IpNet::from(address));
    }
    value.parse::<IpNet>().map(|net| net.trunc()).map_err(|_| Untold::Malformed)
}

/// `[name]`.
fn bracketed(text: &str) -> Option<&str> {
    text.strip_prefix('[')?.strip_suffix(']')
}

/// `[a][b]`; brackets that do not pair are read as one name (`extractNameInNestedBrackets`).
fn claim_path(text: &str) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let pair = rest.strip_prefix('[').and_then(|inner| inner.split_once(']'));
        match pair.filter(|(name, _)| !name.contains('[')) {
            Some((name, after)) => {
                names.push(name.to_owned());
                rest = after;
            }
            None => return bracketed(text).map(|name| vec![name.to_owned()]),
        }
    }
    Some(names)
}

/// Writes a principal once for the trust domain and each of its aliases, where its own is one of them
/// (`Bundle.ReplaceTrustDomainAliases`).
pub(super) fn with_aliases(principal: &str, domains: &[String]) -> Vec<String> {
    let (domain, rest) = match principal.split_once('/') {
        Some((domain, rest)) if rest.matches('/').count() == 3 && domain != "*" => (domain, rest),
        _ => return vec![principal.to_owned()],
    };
    let alike =
        |other: &String| domain == other || other == "*" || fits_star(domain, other) || fits_star(other, domain);
    if domain != "cluster.local" && !domains.iter().any(alike) {
        return vec![principal.to_owned()];
    }
    let mut written: Vec<String> = Vec::new();
    for alias in domains {
        let ends_so = domain.strip_prefix('*').is_some_and(|suffix| alias.ends_with(suffix));
        let new = if ends_so { principal.to_owned() } else { format!("{alias}/{rest}") };
        if !written.contains(&new) {
            written.push(new);
        }
    }
    written
}

/// Tells whether `pattern` has a star at one end and `text` fits it.
fn fits_star(text: &str, pattern: &str) -> bool {
    pattern.strip_suffix('*').is_some_and(|prefix| text.starts_with(prefix))
        || pattern.strip_prefix('*').is_some_and(|suffix| text.ends_with(suffix))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes what a value becomes, in namespace `shop` on a port where HTTP is read.
    fn told(key: &str, value: &str, reads: Reads) -> String {
        match leaf(key, value, "shop", reads) {
            Ok(Leaf::TokenOf(issuer, subject)) => format!("{issuer} and {subject}"),
            Ok(Leaf::Claim(path, glob)) => format!("{}: {glob}", path.join(".")),
            Ok(Leaf::Header(name, glob)) => format!("{}: {glob}", name.as_str()),
            Ok(Leaf::Address(net) | Leaf::Remote(net) | Leaf::Destination(net)) => net.to_string(),
            Ok(Leaf::Port(port)) => port.to_string(),
            Ok(Leaf::Unknown(what)) => format!("unknown: {what}"),
            Ok(
                Leaf::Peer(glob)
                | Leaf::ServerName(glob)
                | Leaf::Host(glob)
                | Leaf::Method(glob)
                | Leaf::Path(glob)
                | Leaf::Target(glob),
            ) => glob.to_string(),
            Err(Untold::HttpOnly) => "http only".to_owned(),
            Err(Untold::Malformed) => "malformed".to_owned(),
            Err(Untold::NoAttribute) => "no attribute".to_owned(),
        }
    }

    /// In what a value becomes, `+` is at least one character, `*` any number.
    #[test]
    fn values_become_sets_of_texts() {
        let cases = [
            ("source.principal", "*", "+"),
            ("source.principal", "td/ns/a/sa/b", "spiffe://td/ns/a/sa/b"),
            ("source.principal", "td/*", "spiffe://td/*"),
            ("source.principal", "*/sa/b", "spiffe://*/sa/b"),
            ("source.principal", "a*b", "spiffe://a*b"),
            ("source.principal", "spiffe://a/ns/b/sa/c", "spiffe://spiffe://a/ns/b/sa/c"),
            ("source.namespace", "shop", "*/ns/shop/*"),
            ("source.namespace", "s*p", "*/ns/s*p/*"),
            ("source.serviceAccount", "web", "spiffe://+/ns/shop/sa/web"),
            ("source.serviceAccount", "bank/db", "spiffe://+/ns/bank/sa/db"),
            ("source.trustDomain", "td", "spiffe://td/*"),
            ("source.trustDomain", "*", "spiffe://*"),
            ("source.trustDomain", "*.example", "spiffe://*.example/*"),
            ("source.ip", "10.0.0.1", "10.0.0.1/32"),
            ("source.ip", "10.1.2.3/8", "10.0.0.0/8"),
            ("source.ip", "fd00::/8", "fd00::/8"),
            ("source.ip", "10.0.0.0/33", "malformed"),
            ("remote.ip", "shop", "malformed"),
            ("destination.ip", "10.0.0.0/8", "10.0.0.0/8"),
            ("destination.port", "8080", "8080"),
            ("destination.port", "65536", "malformed"),
            ("destination.port", "web", "malformed"),
            ("connection.sni", "*", "+"),
            ("connection.sni", "*.example", "*.example"),
            (HOST, "A.Example", "a.example"),
            (HOST, "*", "*"),
            (HOST, "a.*", "a.*"),
            (METHOD, "P*", "P*"),
            (METHOD, "*", "*"),
            (PATH, "*", "+"),
            (PATH, "/a", "/a"),
            (PATH, "/a*", "/a*"),
            (PATH, "*a", "*a"),
            (PATH, "*a*", "*a*"),
            (PATH, "/a*b", "/a*b"),
            (PATH, "/a/{*}/b", "/a/{*}/b"),
            (PATH, "/a/{**}", "/a/{**}"),
            ("request.auth.principal", "*", "+ and +"),
            ("request.auth.principal", "https://i/s", "https://i and s"),
            ("request.auth.principal", "https://i/a/s", "https://i/a and s"),
            ("request.auth.principal", "https://i/*", "https://i and +"),
            ("request.auth.principal", "*/s", "+ and s"),
            ("request.auth.principal", "*s", "+ and *s"),
            ("request.auth.principal", "i*", "i* and +"),
            ("request.auth.principal", "https://i*", "https:/ and i*"),
            ("request.auth.audiences", "a", "aud: a"),
            ("request.auth.presenter", "a*", "azp: a*"),
            ("request.auth.claims[groups]", "*", "groups: +"),
            ("request.auth.claims[realm][roles]", "a", "realm.roles: a"),
            ("request.headers[X-Team]", "*", "x-team: *"),
            ("request.headers[:authority]", "A", "host: A"),
            ("request.headers[:method]", "GET", "GET"),
            ("request.headers[:path]", "/a?*", "/a?*"),
            ("request.headers[:scheme]", "https", "unknown: header :scheme is https"),
            ("request.headers", "a", "malformed"),
            ("experimental.envoy.filters.a[b]", "c", "unknown: experimental.envoy.filters.a[b] is c"),
            ("source.port", "1", "no attribute"),
        ];
        for (key, value, expected) in cases {
            let told = told(key, value, Reads::Http);
            // Of the ways a service account can be part of a name the first is the usual one.
            assert_eq!(told.split('|').next(), Some(expected), "{key}: {value}");
        }
    }

    #[test]
    fn what_is_of_http_is_told_nobody_who_forwards_bytes() {
        let of_http =
            [HOST, METHOD, PATH, "request.auth.principal", "request.auth.audiences", "request.auth.presenter"];
        for key in of_http.into_iter().chain(["request.headers[a]", "request.headers[:path]", "request.auth.claims[a]"])
        {
            assert_eq!(told(key, "a", Reads::Bytes), "http only", "{key}");
        }
        for key in ["source.principal", "source.namespace", "source.serviceAccount", "connection.sni"] {
            assert_eq!(told(key, "a", Reads::Bytes), told(key, "a", Reads::Http), "{key}");
        }
        for key in ["source.ip", "remote.ip", "destination.ip"] {
            assert_eq!(told(key, "10.0.0.1", Reads::Bytes), "10.0.0.1/32", "{key}");
        }
    }

    #[test]
    fn principals_are_written_for_each_trust_domain_that_is_ours() {
        let domains = ["td".to_owned(), "old".to_owned()];
        let cases: [(&str, &[&str]); 7] = [
            ("td/ns/a/sa/b", &["td/ns/a/sa/b", "old/ns/a/sa/b"]),
            ("old/ns/a/sa/b", &["td/ns/a/sa/b", "old/ns/a/sa/b"]),
            ("cluster.local/ns/a/sa/b", &["td/ns/a/sa/b", "old/ns/a/sa/b"]),
            ("other/ns/a/sa/b", &["other/ns/a/sa/b"]),
            ("*/ns/a/sa/b", &["*/ns/a/sa/b"]),
            ("td/*", &["td/*"]),
            ("*", &["*"]),
        ];
        for (principal, expected) in cases {
            assert_eq!(with_aliases(principal, &domains), expected, "{principal}");
        }
    }
}
