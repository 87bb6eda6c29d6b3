//! Sets against single requests: whatever the evaluator says of one request, the sets say of all like it.

use proptest::prelude::*;
use proptest::sample::select;
use ringfence_compiler::requests::area::{Area, escape};

use super::{Arrivals, Certainty, Space, Verdict};
use crate::engine::{Chain, Enforced, Leaf, Test};
use crate::evaluate::{self, Ruling};
use crate::glob::Glob;
use crate::request::{HeaderName, Http, Identity, Request, Shown, Token};

const PORT: u16 = 8080;

fn leaf() -> impl Strategy<Value = Leaf> {
    let text = || {
        select(vec!["a", "ab", "b", "", "/a", "/a/b"]).prop_flat_map(|text| {
            select(vec![Glob::exactly(text), Glob::prefix(text), Glob::suffix(text), Glob::at_least(1)])
        })
    };
    let uri = select(vec![
        Glob::exactly("spiffe://a/ns/a/sa/a"),
        Glob::prefix("spiffe://a/"),
        Glob::suffix("/sa/b"),
        Glob::at_least(1),
    ]);
    let net = || select(vec!["10.0.0.0/8", "10.1.0.0/16", "10.1.2.3/32", "::/0", "fd00::/8", "0.0.0.0/0"]);
    let net = move || net().prop_map(|net| net.parse().expect("a block"));
    let name = || select(vec!["x", "y"]);
    prop_oneof![
        4 => uri.prop_map(Leaf::Peer),
        1 => net().prop_map(Leaf::Address),
        1 => net().prop_map(Leaf::Remote),
        1 => select(vec![PORT, 9090]).prop_map(Leaf::Port),
        1 => text().prop_map(Leaf::ServerName),
        1 => text().prop_map(|glob| Leaf::Host(glob.folding_case())),
        2 => text().prop_map(Leaf::Method),
        4 => text().prop_map(Leaf::Path),
        3 => (name(), text()).prop_map(|(name, glob)| Leaf::Header(HeaderName::new(name), glob)),
        2 => (text(), text()).prop_map(|(issuer, subject)| Leaf::TokenOf(issuer, subject)),
        3 => (select(vec!["iss", "sub", "aud", "groups"]), text())
            .prop_map(|(name, glob)| Leaf::Claim(vec![name.to_owned()], glob)),
    ]
}

/// Tests ask of one attribute, as those of policies do.
fn test() -> impl Strategy<Value = Test> {
    let like = |leaf: &Leaf, other: &Leaf| std::mem::discriminant(leaf) == std::mem::discriminant(other);
    (prop::collection::vec(leaf(), 1..6), any::<bool>()).prop_map(move |(leaves, negated)| {
        let first = leaves[0].clone();
        let same = |other: &Leaf| match (&first, other) {
            (Leaf::Header(ours, _), Leaf::Header(theirs, _)) => ours == theirs,
            (Leaf::Claim(ours, _), Leaf::Claim(theirs, _)) => ours == theirs,
            _ => like(&first, other),
        };
        Test { leaves: leaves.into_iter().filter(same).collect(), negated }
    })
}

fn rules() -> impl Strategy<Value = Vec<Enforced<usize>>> {
    let lists = || prop::collection::vec(prop::collection::vec(test(), 0..3), 1..3);
    let rule = (lists(), lists()).prop_map(|(sources, operations)| Enforced { origin: 0, sources, operations });
    prop::collection::vec(rule, 0..3)
}

fn chain() -> impl Strategy<Value = Chain<usize>> {
    (rules(), prop::option::weighted(0.8, rules())).prop_map(|(deny, allow)| Chain { deny, custom: Vec::new(), allow })
}

fn request() -> impl Strategy<Value = Request> {
    let peer = prop::option::of((select(vec!["a", "b"]), select(vec!["a", "b"]), select(vec!["a", "b"])))
        .prop_map(|peer| peer.map(|(domain, namespace, account)| Identity::new(domain, namespace, account).into()));
    let address = || select(vec!["10.1.2.3", "10.1.2.4", "10.2.0.1", "8.8.8.8", "fd00::1", "2001:db8::1"]);
    let address = move || address().prop_map(|address| address.parse().expect("an address"));
    let text = || select(vec!["a", "ab", "b", "ba", "A", "/a", "/a/b", "/b/a"]);
    let path = select(vec!["/", "/a", "/a/b", "/b", "/ab"]);
    let values = || prop::collection::vec(text(), 0..3);
    let token = prop::option::of((text(), prop::option::of(text()), values(), values()));
    let http = (text(), text(), path, values(), values(), token).prop_map(|(method, host, path, x, y, token)| Http {
        method: method.to_owned(),
        path: path.to_owned(),
        query: None,
        host: host.to_owned(),
        headers: [("x", x), ("y", y)]
            .into_iter()
            .filter(|(_, values)| !values.is_empty())
            .map(|(name, values)| (HeaderName::new(name), values.into_iter().map(str::to_owned).collect()))
            .collect(),
        token: token.map_or(Shown::Nothing, |(issuer, subject, audiences, groups)| {
            let mut claims = serde_json::Map::new();
            claims.insert("iss".to_owned(), issuer.into());
            claims.extend(subject.map(|subject| ("sub".to_owned(), subject.into())));
            claims.insert("aud".to_owned(), audiences.into_iter().collect());
            claims.insert("groups".to_owned(), groups.into_iter().collect());
            Shown::Signed(Token(claims))
        }),
    });
    (peer, address(), address(), prop::option::of(text()), http).prop_map(|(peer, address, remote, sni, http)| {
        Request {
            peer,
            address,
            remote,
            destination: address,
            port: PORT,
            sni: sni.map(str::to_owned),
            http: Some(http),
        }
    })
}

fn anything() -> Arrivals {
    Arrivals {
        issuers: ["a", "ab", "b", "ba", "A", "/a", "/a/b", "/b/a"].map(|issuer| (issuer.to_owned(), vec![])).into(),
        ..Arrivals::anything(PORT)
    }
}

#[test]
fn what_sets_do_not_follow_is_left_open() {
    let open = [Leaf::Target(Glob::prefix("/a?")), Leaf::Header(HeaderName::new("host"), Glob::exactly("A"))];
    for leaf in open {
        let operations = vec![vec![Test { leaves: vec![leaf], negated: false }]];
        let rule = Enforced { origin: 0, sources: vec![vec![]], operations };
        let deny = Chain { deny: vec![rule.clone()], ..Chain::default() };
        let allow = Chain { allow: Some(vec![rule]), ..Chain::default() };
        for chain in [deny, allow] {
            let space = Space::of(anything(), chain.rules().flat_map(Enforced::tests), &[]);
            let verdict = Verdict::of(&space, &anything(), &chain);
            assert!(verdict.admitted(&space.everything(), Certainty::Perhaps).is_some());
            assert!(verdict.admitted(&space.everything(), Certainty::Surely).is_none());
        }
    }
}

fn test_of(leaf: Leaf) -> Test {
    Test { leaves: vec![leaf], negated: false }
}

fn rule_of(leaves: &[Leaf]) -> Enforced<usize> {
    Enforced { origin: 0, sources: vec![vec![]], operations: vec![leaves.iter().cloned().map(test_of).collect()] }
}

/// Says whether something is admitted surely, and perhaps.
fn something(arrivals: &Arrivals, chain: &Chain<usize>) -> (bool, bool) {
    let space = Space::of(arrivals.clone(), chain.rules().flat_map(Enforced::tests), &[]);
    let verdict = Verdict::of(&space, arrivals, chain);
    let admits = |certainty| verdict.admitted(&space.everything(), certainty).is_some();
    (admits(Certainty::Surely), admits(Certainty::Perhaps))
}

#[test]
fn what_no_file_tells_admits_perhaps_and_refuses_perhaps() {
    let (known, unknown) = (Leaf::Method(Glob::exactly("GET")), Leaf::Unknown("the weather".to_owned()));
    let not = |leaf: &Leaf| Test { leaves: vec![leaf.clone()], negated: true };
    let unless = Enforced { origin: 0, sources: vec![vec![not(&unknown)]], operations: vec![vec![]] };
    let either = Test { leaves: vec![known.clone(), unknown.clone()], negated: false };
    let either = Enforced { origin: 0, sources: vec![vec![either]], operations: vec![vec![]] };
    let both = rule_of(&[known.clone(), unknown.clone()]);
    let one = rule_of(std::slice::from_ref(&unknown));
    let rule = |leaf: &Leaf| rule_of(std::slice::from_ref(leaf));
    let allow = |rules: &[&Enforced<usize>]| Chain {
        allow: Some(rules.iter().copied().cloned().collect()),
        ..Chain::default()
    };
    let deny = |deny: &Enforced<usize>, chain: Chain<usize>| Chain { deny: vec![deny.clone()], ..chain };
    let cases = [
        ("allowed if", allow(&[&one]), (false, true)),
        ("allowed unless", allow(&[&unless]), (false, true)),
        ("allowed if both", allow(&[&both]), (false, true)),
        ("allowed if either", allow(&[&either]), (true, true)),
        ("allowed if, and in any case", allow(&[&one, &rule(&known)]), (true, true)),
        ("denied if", deny(&one, Chain::default()), (false, true)),
        ("denied unless", deny(&unless, Chain::default()), (false, true)),
        ("denied if both, which leaves other methods", deny(&both, Chain::default()), (true, true)),
        ("denied if both, all that is allowed", deny(&both, allow(&[&rule(&known)])), (false, true)),
        ("denied if either, all that is allowed", deny(&either, allow(&[&rule(&known)])), (false, false)),
    ];
    for (name, chain, expected) in cases {
        assert_eq!(something(&anything(), &chain), expected, "{name}");
    }
}

#[test]
fn a_provider_that_is_asked_may_refuse_and_never_admits() {
    let (get, post) = (Leaf::Method(Glob::exactly("GET")), Leaf::Method(Glob::exactly("POST")));
    let rule = |leaf: &Leaf| rule_of(std::slice::from_ref(leaf));
    let allow = |leaf: &Leaf| Some(vec![rule(leaf)]);
    let all = rule_of(&[]);
    let cases = [
        ("asked about everything", Chain { custom: vec![all.clone()], ..Chain::default() }, (false, true)),
        ("asked about some", Chain { custom: vec![rule(&get)], ..Chain::default() }, (true, true)),
        (
            "asked about what is allowed",
            Chain { custom: vec![rule(&get)], allow: allow(&get), deny: vec![] },
            (false, true),
        ),
        (
            "asked about other things",
            Chain { custom: vec![rule(&post)], allow: allow(&get), deny: vec![] },
            (true, true),
        ),
        ("asked and denied", Chain { custom: vec![all.clone()], allow: None, deny: vec![all.clone()] }, (false, false)),
        (
            "asked, and nothing is allowed",
            Chain { custom: vec![all], allow: Some(vec![]), deny: vec![] },
            (false, false),
        ),
    ];
    for (name, chain, expected) in cases {
        assert_eq!(something(&anything(), &chain), expected, "{name}");
    }
}

#[test]
fn one_chain_goes_beyond_another_as_surely_as_is_asked() {
    let unknown = rule_of(&[Leaf::Unknown("the weather".to_owned())]);
    let perhaps = Chain { allow: Some(vec![unknown]), ..Chain::default() };
    let (all, none) = (Chain::<usize>::default(), Chain { allow: Some(vec![]), ..Chain::default() });
    let (sure, maybe) = (Certainty::Surely, Certainty::Perhaps);
    let cases = [
        (&all, &perhaps, sure, sure, true),
        (&all, &perhaps, sure, maybe, false),
        (&perhaps, &none, sure, sure, false),
        (&perhaps, &none, maybe, maybe, true),
        (&perhaps, &perhaps, maybe, maybe, false),
        (&perhaps, &perhaps, maybe, sure, true),
        (&none, &all, maybe, sure, false),
    ];
    for (at, (left, right, ours, theirs, expected)) in cases.into_iter().enumerate() {
        let space = Space::of(anything(), left.rules().chain(right.rules()).flat_map(Enforced::tests), &[]);
        let [left, right] = [left, right].map(|chain| Verdict::of(&space, &anything(), chain));
        assert_eq!(left.beyond(&right, ours, theirs).is_some(), expected, "case {at}");
    }
}

#[test]
fn where_bytes_are_forwarded_a_witness_is_a_connection() {
    let bytes = Arrivals { http: false, issuers: vec![], ..Arrivals::anything(PORT) };
    let web = Leaf::Peer(Glob::exactly("spiffe://a/ns/a/sa/a"));
    let chain = Chain {
        allow: Some(vec![rule_of(&[web, Leaf::ServerName(Glob::suffix(".example")), Leaf::Port(PORT)])]),
        ..Chain::default()
    };
    let space = Space::of(bytes.clone(), chain.rules().flat_map(Enforced::tests), &[]);
    let verdict = Verdict::of(&space, &bytes, &chain);
    let (_, part) = verdict.admitted(&space.everything(), Certainty::Surely).expect("a connection");
    let witness = space.request(&part);
    assert!(witness.http.is_none() && admits(&chain, &witness), "{witness}");
    assert!(witness.sni.as_ref().is_some_and(|name| name.ends_with(".example")), "{witness}");
    assert!(verdict.admitted(&space.of_peer(None), Certainty::Perhaps).is_none(), "a plaintext peer");
    let elsewhere = Arrivals { port: 1, ..bytes };
    assert_eq!(something(&elsewhere, &chain), (false, false));
}

#[test]
fn who_can_arrive_is_a_matter_of_the_mode() {
    let identity = |domain| Identity::new(domain, "a", "a");
    let open = Arrivals::anything(PORT);
    let cases = [
        (open.clone(), true, true, true),
        (Arrivals { plaintext: false, ..open.clone() }, false, true, true),
        (Arrivals { mtls: false, ..open.clone() }, true, false, false),
        (Arrivals { trust_domains: vec!["a".to_owned()], ..open }, true, true, false),
    ];
    for (arrivals, plain, ours, others) in cases {
        let space = Space::of(arrivals.clone(), std::iter::empty(), &[]);
        let chain = Chain::<usize>::default();
        let verdict = Verdict::of(&space, &arrivals, &chain);
        let admitted = |peer: Option<&Identity>| verdict.admitted(&space.of_peer(peer), Certainty::Surely).is_some();
        let told = (admitted(None), admitted(Some(&identity("a"))), admitted(Some(&identity("b"))));
        assert_eq!(told, (plain, ours, others), "{arrivals:?}");
    }
}

fn admits(chain: &Chain<usize>, request: &Request) -> bool {
    matches!(evaluate::rule(chain, request), Ruling::Allowed(_) | Ruling::AllowedByNone)
}

/// Tells whether the area of one request is wholly admitted; it is never split.
fn set_admits(verdict: &Verdict<'_>, area: &Area) -> bool {
    match verdict.admitted(area, Certainty::Surely) {
        None => false,
        Some((_, part)) => {
            assert!(escape(area, &[part]).is_none(), "a request is an atom of the space");
            true
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn sets_say_of_every_request_what_the_evaluator_says(chain in chain(), requests in prop::collection::vec(request(), 20)) {
        let space = Space::of(anything(), chain.rules().flat_map(Enforced::tests), &[]);
        let verdict = Verdict::of(&space, &anything(), &chain);
        for request in &requests {
            let area = space.of_request(request);
            prop_assert!(!area.is_empty(), "{request} lies nowhere");
            prop_assert_eq!(set_admits(&verdict, &area), admits(&chain, request), "{}", request);
        }
    }

    #[test]
    fn a_witness_is_admitted_and_without_one_nothing_is(chain in chain(), requests in prop::collection::vec(request(), 20)) {
        let space = Space::of(anything(), chain.rules().flat_map(Enforced::tests), &[]);
        let verdict = Verdict::of(&space, &anything(), &chain);
        match verdict.admitted(&space.everything(), Certainty::Surely) {
            Some((_, part)) => {
                let witness = space.request(&part);
                prop_assert!(admits(&chain, &witness), "{}", witness);
            }
            None => for request in &requests {
                prop_assert!(!admits(&chain, request), "{}", request);
            },
        }
    }

    #[test]
    fn differences_are_found_with_a_witness_or_are_none(
        left in chain(),
        right in chain(),
        requests in prop::collection::vec(request(), 20),
    ) {
        let tests = left.rules().chain(right.rules()).flat_map(Enforced::tests);
        let space = Space::of(anything(), tests, &[]);
        let (ours, theirs) = (Verdict::of(&space, &anything(), &left), Verdict::of(&space, &anything(), &right));
        match ours.beyond(&theirs, Certainty::Surely, Certainty::Surely) {
            Some(witness) => {
                prop_assert!(admits(&left, &witness), "{}", witness);
                prop_assert!(!admits(&right, &witness), "{}", witness);
            }
            None => for request in &requests {
                prop_assert!(!admits(&left, request) || admits(&right, request), "{}", request);
            },
        }
    }
}
