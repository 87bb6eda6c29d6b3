//! Small random worlds.

use std::net::IpAddr;

use ipnet::IpNet;
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

use super::super::*;

/// No condition, or a few patterns, now and then none.
fn field<P: Ord + Clone + std::fmt::Debug + 'static>(
    pattern: impl Strategy<Value = P> + 'static,
) -> BoxedStrategy<Field<P>> {
    prop_oneof![
        6 => Just(Field::Any),
        1 => Just(Field::only([])),
        18 => btree_set(pattern, 1..4).prop_map(Field::Only),
    ]
    .boxed()
}

fn part(names: &'static [&'static str], prefixes: &'static [&'static str]) -> impl Strategy<Value = Part> {
    prop_oneof![
        2 => Just(Part::Any),
        4 => select(names).prop_map(|name| Part::Exactly(name.to_owned())),
        1 => select(prefixes).prop_map(|prefix| Part::Prefix(prefix.to_owned())),
    ]
}

pub(super) fn identity_pattern() -> impl Strategy<Value = IdentityPattern> {
    (part(&["m", "n"], &["m"]), part(&["x", "xy", "xx", "other"], &["x", "xx", "o"]), part(&["s", "st"], &["s", "t"]))
        .prop_map(|(trust_domain, namespace, service_account)| IdentityPattern {
            trust_domain,
            namespace,
            service_account,
        })
}

pub(super) fn identity() -> impl Strategy<Value = Identity> {
    (select(vec!["m", "n", "mm"]), select(vec!["x", "xy", "xx", "xyz", "other"]), select(vec!["s", "st", "t", "u"]))
        .prop_map(|(trust_domain, namespace, account)| Identity::new(trust_domain, namespace, account))
}

pub(super) fn network() -> impl Strategy<Value = IpNet> {
    let networks = [
        "0.0.0.0/0",
        "0.0.0.0/1",
        "128.0.0.0/1",
        "10.0.0.0/8",
        "10.0.0.0/9",
        "10.128.0.0/9",
        "10.1.0.9/16",
        "10.1.2.3/32",
        "::/0",
        "2001:db8::/32",
        "2001:db8::/33",
        "2001:db8:8000::/33",
        "255.255.255.255/32",
    ];
    select(networks.map(|text| text.parse::<IpNet>().unwrap()).to_vec())
}

pub(super) fn address() -> impl Strategy<Value = IpAddr> {
    let addresses = [
        "0.0.0.0",
        "9.255.255.255",
        "10.0.0.0",
        "10.1.2.3",
        "10.1.2.4",
        "10.128.0.0",
        "200.0.0.1",
        "255.255.255.255",
        "::",
        "2001:db8::1",
        "2001:db8:8000::1",
        "ffff::1",
    ];
    select(addresses.map(|text| text.parse::<IpAddr>().unwrap()).to_vec())
}

pub(super) fn text() -> impl Strategy<Value = String> {
    "[ab]{0,3}"
}

pub(super) fn text_pattern() -> impl Strategy<Value = TextPattern> {
    prop_oneof![
        4 => "[ab]{1,3}".prop_map(TextPattern::Exact),
        2 => "[ab]{1,2}".prop_map(TextPattern::Prefix),
        2 => "[ab]{1,2}".prop_map(TextPattern::Suffix),
        1 => Just(TextPattern::Present),
    ]
}

fn host_pattern() -> impl Strategy<Value = HostPattern> {
    select(vec!["a.b", "A.b", "b", "*.b", "a.c", "a*", "*", "[::1]"]).prop_map(|text| HostPattern::parse(text).unwrap())
}

pub(super) fn path_pattern() -> impl Strategy<Value = PathPattern> {
    let segment = || select(vec!["a", "b", "ab", "{*}", "{**}", ""]);
    let template = (vec(segment(), 1..5)).prop_map(|segments| format!("/{}", segments.join("/")));
    let text = prop_oneof![
        "(/[ab]{1,2}){1,3}/?",
        "(/[ab]{1,2}){0,2}/?[*]",
        "[*]/?[ab]{1,2}",
        Just("*".to_owned()),
        template.clone(),
        template.clone(),
        template,
    ];
    text.prop_filter_map("the text is a pattern", |text| PathPattern::parse(&text).ok())
}

/// A path, often one that begins with a slash, with a character that templates do not take.
pub(super) fn path() -> impl Strategy<Value = String> {
    prop_oneof!["(/[ab\\[]{0,2}){0,4}", "[/ab\\[]{0,5}"]
}

fn token_clause() -> impl Strategy<Value = TokenClause> {
    let issuers = field(select(vec!["i", "j"]).prop_map(str::to_owned));
    let claims = btree_map(select(vec!["c", "d"]).prop_map(str::to_owned), field(text_pattern()), 0..3);
    (issuers, field(text_pattern()), field(text_pattern()), claims)
        .prop_map(|(issuers, subjects, audiences, claims)| TokenClause { issuers, subjects, audiences, claims })
}

fn token_match() -> impl Strategy<Value = TokenMatch> {
    prop_oneof![2 => Just(TokenMatch::Any), 1 => token_clause().prop_map(TokenMatch::Required)]
}

/// A field that is rather left alone: sets over few attributes collide more.
fn rarely<P: Ord + Clone + std::fmt::Debug + 'static>(
    pattern: impl Strategy<Value = P> + 'static,
) -> BoxedStrategy<Field<P>> {
    prop_oneof![5 => Just(Field::Any), 2 => field(pattern)].boxed()
}

pub(super) fn clause() -> impl Strategy<Value = Clause> {
    let name = select(vec!["x-a", "X-B"]).prop_map(HeaderName::new);
    (
        rarely(identity_pattern()),
        rarely(network()),
        rarely(select(vec![80_u16, 90, 8080])),
        rarely(select(vec!["GET", "POST", "PUT"]).prop_map(str::to_owned)),
        rarely(path_pattern()),
        rarely(host_pattern()),
        prop_oneof![5 => Just(std::collections::BTreeMap::new()), 2 => btree_map(name, field(text_pattern()), 1..3)],
        token_match(),
    )
        .prop_map(|(identities, addresses, ports, methods, paths, hosts, headers, token)| Clause {
            identities,
            addresses,
            ports,
            methods,
            paths,
            hosts,
            headers,
            token,
        })
}

pub(super) fn set() -> impl Strategy<Value = RequestSet> {
    prop_oneof![
        1 => Just(RequestSet::everything()),
        12 => vec(clause(), 0..5).prop_map(RequestSet::from_clauses),
    ]
}

fn token() -> impl Strategy<Value = Token> {
    (
        select(vec!["i", "j", "k"]),
        text(),
        btree_set(text(), 0..3),
        btree_map(select(vec!["c", "d"]).prop_map(str::to_owned), btree_set(text(), 0..3), 0..3),
    )
        .prop_map(|(issuer, subject, audiences, claims)| Token {
            issuer: issuer.to_owned(),
            subject,
            audiences,
            claims,
        })
}

pub(super) fn request() -> impl Strategy<Value = Request> {
    let name = select(vec!["x-a", "x-b"]).prop_map(HeaderName::new);
    (
        of(identity()),
        address(),
        select(vec![80_u16, 90, 8080, 1]),
        select(vec!["GET", "POST", "PUT", ""]).prop_map(str::to_owned),
        path(),
        select(vec!["a.b", "A.B", "a.b:1", "x.b", "b", "", "a"]).prop_map(str::to_owned),
        btree_map(name, text(), 0..3),
        of(token()),
    )
        .prop_map(|(identity, address, port, method, path, host, headers, token)| Request {
            identity,
            address,
            port,
            method,
            path,
            host,
            headers,
            token,
        })
}

/// Many requests at once, to look for a counterexample among.
pub(super) fn requests() -> impl Strategy<Value = Vec<Request>> {
    vec(request(), 96)
}
