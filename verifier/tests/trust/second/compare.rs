//! Both engines on the same chains: whether something is admitted, from whom, and whether one chain goes beyond the other.
//! The witnesses of each are put to the other and to the evaluator.

use ringfence_verifier::engine::{Chain, Enforced, Test};
use ringfence_verifier::evaluate::{self, Ruling};
use ringfence_verifier::exact::{Arrivals, Certainty, Space, Verdict};
use ringfence_verifier::request::{Identity, Request};

use super::{Engine, Field, questions};
use crate::bdd::{ALWAYS, NEVER};
use crate::cases::Case;
use crate::seeds;

/// The peers that are asked about one by one.
fn peers() -> Vec<Option<Identity>> {
    let identity = |domain, namespace, account| Some(Identity::new(domain, namespace, account));
    vec![
        None,
        identity("cluster.local", "shop", "web"),
        identity("td.example", "shop-dev", "web.v2"),
        identity("old.example", "bank", "db"),
        identity("other", "x", "default"),
    ]
}

/// What was found about some cases.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    pub cases: usize,
    pub admitting: usize,
    pub refusing: usize,
    pub beyond: usize,
    pub unsure: usize,
}

/// Judges two chains by both engines; the first engine is shown what `fault` makes of them.
pub fn compare<O: Copy + Clone>(
    chains: [&Chain<O>; 2],
    arrivals: &Arrivals,
    fault: impl Fn(&mut Chain<O>),
    tally: &mut Tally,
) -> Result<(), String> {
    let shown = chains.map(|chain| {
        let mut chain = chain.clone();
        fault(&mut chain);
        chain
    });
    let tests = || chains.into_iter().chain(&shown).flat_map(Chain::rules).flat_map(Enforced::tests);
    let unknown =
        |test: &Test| test.leaves.iter().flat_map(questions).any(|(field, _)| matches!(field, Field::Unknown(_)));
    let known = !tests().any(unknown) && chains.iter().all(|chain| chain.custom.is_empty());
    let mut second = Engine::of(arrivals, tests().flat_map(|test| &test.leaves));
    let space = Space::of(arrivals.clone(), tests(), &[]);
    let [left, right] = chains.map(|chain| second.judge(chain));
    let [ours, theirs] = [0, 1].map(|at| Verdict::of(&space, arrivals, &shown[at]));
    let agree = |what: &str, first: bool, second: bool| {
        if first == second {
            Ok(())
        } else {
            Err(format!("{what}: the first engine says {first}, the second {second}"))
        }
    };
    tally.cases += 1;
    tally.unsure += usize::from(!known);
    for (chain, admitted, verdict) in [(chains[0], left, &ours), (chains[1], right, &theirs)] {
        let rules = |request: &Request| match evaluate::rule(chain, request) {
            Ruling::Allowed(_) | Ruling::AllowedByNone => Some(true),
            Ruling::Denied(_) | Ruling::NotAllowed => Some(false),
            Ruling::Asks(_) | Ruling::Unknown(_) => None,
        };
        let everything = (space.everything(), ALWAYS);
        let places: Vec<_> =
            peers().iter().map(|peer| (space.of_peer(peer.as_ref()), second.from(peer.as_ref()))).collect();
        for (area, place) in std::iter::once(everything).chain(places) {
            for certainty in [Certainty::Surely, Certainty::Perhaps] {
                // Where nobody knows, the first engine may see that `a or not a` holds, and need not.
                let (least, most) = match certainty {
                    Certainty::Surely => (admitted.surely, admitted.whatever),
                    Certainty::Perhaps => (admitted.however, admitted.perhaps),
                };
                let [least, most] = [least, most].map(|one| second.bdd.and(one, place));
                let found = verdict.admitted(&area, certainty).map(|(_, part)| space.request(&part));
                if known && least != most {
                    return Err("the second engine doubts what is known".to_owned());
                }
                if found.is_some() && most == NEVER || found.is_none() && least != NEVER {
                    agree("something is admitted", found.is_some(), most != NEVER)?;
                }
                *if found.is_some() { &mut tally.admitting } else { &mut tally.refusing } += 1;
                if let Some(witness) = &found
                    && !second.holds(most, witness)
                    && known
                {
                    return Err(format!("the second engine refuses the first's witness {witness}"));
                }
                for witness in found.iter().chain(&second.request(least)) {
                    match (rules(witness), certainty) {
                        (Some(true), _) => {}
                        // What sets leave open the evaluator may know.
                        (_, Certainty::Perhaps) if !known => {}
                        (ruling, _) => return Err(format!("the evaluator says {ruling:?} of the witness {witness}")),
                    }
                }
                if let Some(witness) = second.request(least) {
                    let area = space.of_request(&witness);
                    if area.is_empty() || verdict.admitted(&area, certainty).is_none() {
                        return Err(format!("the first engine refuses the second's witness {witness}"));
                    }
                }
            }
        }
    }
    if known {
        for (one, other, left, right) in [(&ours, &theirs, left, right), (&theirs, &ours, right, left)] {
            let outside = second.bdd.not(right.surely);
            let difference = second.bdd.and(left.surely, outside);
            let found = one.beyond(other, Certainty::Surely, Certainty::Surely);
            agree("one goes beyond the other", found.is_some(), difference != NEVER)?;
            tally.beyond += usize::from(found.is_some());
            if let Some(witness) = found
                && !second.holds(difference, &witness)
            {
                return Err(format!("the second engine does not see the difference {witness}"));
            }
        }
    }
    Ok(())
}

#[test]
fn both_engines_say_the_same_of_random_policies() {
    let mut tally = Tally::default();
    for seed in seeds(150) {
        let case = Case::of(seed);
        let Some(chains) = case.chains() else { continue };
        let compared = compare([&chains[0], &chains[1]], &case.arrivals(), |_| {}, &mut tally);
        assert_eq!(compared, Ok(()), "seed {seed}: {chains:#?}");
    }
    println!("{tally:?}");
    assert!(tally.cases > 100 && tally.admitting > 1000 && tally.refusing > 300 && tally.beyond > 50, "{tally:?}");
    assert!(tally.unsure * 2 < tally.cases, "{tally:?}");
}
