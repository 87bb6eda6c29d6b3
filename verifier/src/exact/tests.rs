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
