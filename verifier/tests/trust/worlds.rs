//! Worlds so small that every request is tried: the sets are held against all of them, one by one.

use std::collections::BTreeMap;

use ringfence_verifier::engine::{Chain, Enforced, Leaf, Test};
use ringfence_verifier::evaluate::{self, Ruling};
use ringfence_verifier::exact::{Arrivals, Certainty, Space, Verdict};
use ringfence_verifier::glob::Glob;
use ringfence_verifier::request::{Http, Identity, Request, Shown, Token};
use serde_json::json;

use crate::random::Random;
use crate::seeds;

const PORTS: [u16; 2] = [8080, 9090];
const ACCOUNTS: [&str; 2] = ["web", "db"];
const METHODS: [&str; 2] = ["GET", "POST"];
const PATHS: [&str; 3] = ["/", "/a", "/a/b"];
const HOSTS: [&str; 2] = ["a", "b"];

/// Every request to a port.
fn requests(port: u16) -> Vec<Request> {
    let peers = [None, Some(ACCOUNTS[0]), Some(ACCOUNTS[1])];
    let address = "192.0.2.1".parse().unwrap();
    let token = || Shown::Signed(Token(json!({ "iss": "i", "sub": "s" }).as_object().unwrap().clone()));
    let mut all = Vec::new();
    for peer in peers {
        for method in METHODS {
            for path in PATHS {
                for host in HOSTS {
                    for token in [Shown::Nothing, token()] {
                        let (method, path, host) = (method.to_owned(), path.to_owned(), host.to_owned());
                        let http = Http { method, path, query: None, host, headers: BTreeMap::new(), token };
                        all.push(Request {
                            peer: peer.map(|account| Identity::new("cluster.local", "shop", account).into()),
                            address,
                            remote: address,
                            destination: address,
                            port,
                            sni: None,
                            http: Some(http),
                        });
                    }
                }
            }
        }
    }
    all
}

/// What holds of every request above, and of no other but those that nothing here tells from them.
fn world() -> [Vec<Test>; 2] {
    let exactly = |texts: &[&str]| texts.iter().map(|text| Glob::exactly(*text)).collect::<Vec<_>>();
    let one_of = |leaves: Vec<Leaf>| Test { leaves, negated: false };
    // A token that is taken names its issuer.
    let issued = Leaf::Claim(vec!["iss".to_owned()], Glob::at_least(0));
    let nothing = Test { leaves: vec![issued], negated: true };
    let token = one_of(vec![Leaf::TokenOf(Glob::exactly("i"), Glob::exactly("s"))]);
    [nothing, token].map(|shown| {
        vec![
            one_of(exactly(&METHODS).into_iter().map(Leaf::Method).collect()),
            one_of(exactly(&PATHS).into_iter().map(Leaf::Path).collect()),
            one_of(HOSTS.iter().map(|host| Leaf::Host(Glob::exactly(*host).folding_case())).collect()),
            shown,
        ]
    })
}

fn test(random: &mut Random) -> Test {
    let peer = |random: &mut Random| match random.below(4) {
        0 => Glob::at_least(1),
        1 => Glob::prefix("spiffe://cluster.local/"),
        _ => Glob::exactly(format!("spiffe://cluster.local/ns/shop/sa/{}", random.one(&ACCOUNTS))),
    };
    let text = |random: &mut Random, of: &[&str]| {
        let one = random.one(of);
        match random.below(4) {
            0 => Glob::prefix(one),
            1 => Glob::suffix(one),
            _ => Glob::exactly(one),
        }
    };
    let kind = random.below(6);
    let leaf = |random: &mut Random| match kind {
        0 => Leaf::Peer(peer(random)),
        1 => Leaf::Port(random.one(&PORTS)),
        2 => Leaf::Method(text(random, &METHODS)),
        3 => Leaf::Path(text(random, &PATHS)),
        4 => Leaf::Host(text(random, &HOSTS).folding_case()),
        _ => Leaf::TokenOf(Glob::at_least(1), text(random, &["s"])),
    };
    Test { leaves: (0..1 + random.below(2)).map(|_| leaf(random)).collect(), negated: random.chance(25) }
}

fn rules(random: &mut Random) -> Vec<Enforced<usize>> {
    let rule = |origin, random: &mut Random| {
        let lists = |random: &mut Random| {
            let list = |random: &mut Random| (0..random.below(3)).map(|_| test(random)).collect();
            (0..1 + random.below(2)).map(|_| list(random)).collect()
        };
        Enforced { origin, sources: lists(random), operations: lists(random) }
    };
    (0..random.below(3)).map(|origin| rule(origin, random)).collect()
}

/// Makes a chain of a seed.
pub fn chain(random: &mut Random) -> Chain<usize> {
    let (deny, allow) = (rules(random), random.chance(80).then(|| rules(random)));
    let custom = if random.chance(15) { rules(random) } else { Vec::new() };
    Chain { deny, custom, allow }
}

#[test]
fn sets_count_what_is_admitted_one_by_one() {
    let (mut admitted, mut refused, mut depending) = (0, 0, 0);
    for seed in seeds(400) {
        let random = &mut Random::new(seed);
        let chains = [chain(random), chain(random)];
        for port in PORTS {
            let arrivals = Arrivals { issuers: vec![("i".to_owned(), vec![])], ..Arrivals::anything(port) };
            let world = world();
            let tests = chains.iter().flat_map(Chain::rules).flat_map(Enforced::tests).chain(world.iter().flatten());
            let space = Space::of(arrivals.clone(), tests, &[]);
            let verdicts = chains.each_ref().map(|chain| Verdict::of(&space, &arrivals, chain));
            // The request, and whether each chain admits it: `None` where a provider is asked.
            let told: Vec<(Request, [Option<bool>; 2])> = requests(port)
                .into_iter()
                .map(|request| {
                    let told = chains.each_ref().map(|chain| match evaluate::rule(chain, &request) {
                        Ruling::Allowed(_) | Ruling::AllowedByNone => Some(true),
                        Ruling::Denied(_) | Ruling::NotAllowed => Some(false),
                        Ruling::Asks(_) | Ruling::Unknown(_) => None,
                    });
                    (request, told)
                })
                .collect();
            for (at, verdict) in verdicts.iter().enumerate() {
                for (request, told) in &told {
                    let area = space.of_request(request);
                    let surely = verdict.admitted(&area, Certainty::Surely).is_some();
                    let perhaps = verdict.admitted(&area, Certainty::Perhaps).is_some();
                    let expected = told[at];
                    assert_eq!(
                        (surely, perhaps),
                        (expected == Some(true), expected != Some(false)),
                        "seed {seed}: {request}"
                    );
                    match expected {
                        Some(true) => admitted += 1,
                        Some(false) => refused += 1,
                        None => depending += 1,
                    }
                }
                // Anywhere in the world, and with one peer; peers that are not of the world may be admitted as well.
                for peer in [None, Some(ACCOUNTS[0]), Some(ACCOUNTS[1])] {
                    let identity = peer.map(|account| Identity::new("cluster.local", "shop", account));
                    let area = space.of_peer(identity.as_ref());
                    let mine = |request: &Request| request.peer == identity.clone().map(Into::into);
                    let expected = told.iter().any(|(request, told)| mine(request) && told[at] == Some(true));
                    let mut areas = world.iter().flat_map(|tests| space.holding(tests));
                    let found = areas.any(|within| verdict.admitted(&within.and(&area), Certainty::Surely).is_some());
                    assert_eq!(found, expected, "seed {seed}: {peer:?} at {port}");
                }
            }
            let witness = verdicts[0].beyond(&verdicts[1], Certainty::Surely, Certainty::Perhaps);
            let difference = told.iter().find(|(_, told)| *told == [Some(true), Some(false)]);
            assert!(witness.is_some() || difference.is_none(), "seed {seed}: {difference:?}");
            if let Some(witness) = witness {
                let admits =
                    |chain| matches!(evaluate::rule(chain, &witness), Ruling::Allowed(_) | Ruling::AllowedByNone);
                let refuses = |chain| matches!(evaluate::rule(chain, &witness), Ruling::Denied(_) | Ruling::NotAllowed);
                assert!(admits(&chains[0]) && refuses(&chains[1]), "seed {seed}: {witness}");
            }
        }
    }
    assert!(admitted > 10_000 && refused > 10_000 && depending > 1_000, "{admitted}, {refused}, {depending}");
    println!("{admitted} admitted, {refused} refused, {depending} depend");
}
