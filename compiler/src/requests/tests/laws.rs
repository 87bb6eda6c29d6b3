//! The laws of the algebra, on random sets and requests.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::*;
use super::worlds;

/// Checks the answer about `left` within `right`: a witness must be one, and where there is none no request may be.
fn check_difference(left: &RequestSet, right: &RequestSet, requests: &[Request]) {
    match left.is_subset_of(right) {
        Err(witness) => {
            assert!(left.matches(&witness), "{witness} is not in {left:#?}");
            assert!(!right.matches(&witness), "{witness} is in {right:#?}");
        }
        Ok(()) => {
            for request in requests {
                assert!(!left.matches(request) || right.matches(request), "{request} was missed: {left:#?} {right:#?}");
            }
        }
    }
}

/// Every request of a small world, for clauses that speak of identities, ports, paths and one claim.
fn world() -> Vec<Request> {
    let identities = [
        None,
        Some(Identity::new("m", "x", "s")),
        Some(Identity::new("m", "xy", "s")),
        Some(Identity::new("n", "z", "t")),
    ];
    let paths = ["", "/", "/a", "/a/", "/b", "/a/b", "/b/b", "/a/a", "/a/[", "/ab/b", "/a/b/a", "x", "/x", "/x/b"];
    let subsets: [&[&str]; 5] = [&[], &["a"], &["b"], &["a", "b"], &["x"]];
    let mut world = Vec::new();
    for identity in identities {
        for port in [80, 90, 1] {
            for path in paths {
                for claims in std::iter::once(None).chain(subsets.map(Some)) {
                    let token = claims.map(|values| Token {
                        issuer: "i".to_owned(),
                        subject: String::new(),
                        audiences: BTreeSet::new(),
                        claims: [("c".to_owned(), values.iter().map(|value| (*value).to_owned()).collect())].into(),
                    });
                    world.push(Request {
                        identity: identity.clone(),
                        address: [10, 0, 0, 1].into(),
                        port,
                        method: "GET".to_owned(),
                        path: path.to_owned(),
                        host: "a.b".to_owned(),
                        headers: [].into(),
                        token,
                    });
                }
            }
        }
    }
    world
}

/// Clauses of that world.
fn small_clause() -> impl Strategy<Value = Clause> {
    let identities = prop_oneof![
        Just(Field::Any),
        proptest::collection::btree_set(worlds::identity_pattern(), 1..3).prop_map(Field::Only)
    ];
    let ports = prop_oneof![Just(Field::Any), Just(Field::one(80_u16)), Just(Field::only([80, 90]))];
    let paths = prop_oneof![
        Just(Field::Any),
        proptest::collection::btree_set(worlds::path_pattern(), 1..4).prop_map(Field::Only)
    ];
    let claims = proptest::sample::select(vec![None, Some("*"), Some("a"), Some("b"), Some("a*")]);
    (identities, ports, paths, claims).prop_map(|(identities, ports, paths, claim)| {
        let token = claim.map_or(TokenMatch::Any, |claim| {
            let values = Field::one(TextPattern::parse(claim).unwrap());
            TokenMatch::Required(TokenClause { claims: [("c".to_owned(), values)].into(), ..TokenClause::any() })
        });
        Clause { identities, ports, paths, token, ..Clause::any() }
    })
}

proptest! {
    #[test]
    fn containment_is_exact_with_a_true_witness(
        left in worlds::set(), right in worlds::set(), requests in worlds::requests(),
    ) {
        check_difference(&left, &right, &requests);
        check_difference(&right, &left, &requests);
        check_difference(&left, &left.union(&right), &requests);
        prop_assert_eq!(left.is_subset_of(&left.union(&right)), Ok(()));
    }

    #[test]
    fn containment_agrees_with_trying_every_request(
        left in vec(small_clause(), 0..3), right in vec(small_clause(), 0..6),
    ) {
        let (left, right) = (RequestSet::from_clauses(left), RequestSet::from_clauses(right));
        check_difference(&left, &right, &world());
        check_difference(&right, &left, &world());
        // What is common is found, and only then.
        match left.meets(&right) {
            Some(witness) => prop_assert!(left.matches(&witness) && right.matches(&witness), "{}", witness),
            None => prop_assert!(!world().iter().any(|request| left.matches(request) && right.matches(request))),
        }
    }

    #[test]
    fn cutting_a_clause_into_pieces_changes_nothing(clause in worlds::clause()) {
        let mut pieces = vec![clause.clone()];
        if let Field::Only(patterns) = &clause.paths {
            pieces = patterns.iter().map(|path| Clause { paths: Field::one(path.clone()), ..clause.clone() }).collect();
        }
        let cut = |piece: Clause| match &piece.identities {
            Field::Any => vec![piece],
            Field::Only(patterns) => {
                let one = |pattern: &IdentityPattern| Clause { identities: Field::one(pattern.clone()), ..piece.clone() };
                patterns.iter().map(one).collect()
            }
        };
        let pieces = RequestSet::from_clauses(pieces.into_iter().flat_map(cut));
        let whole = RequestSet::from_clauses([clause]);
        prop_assert!(whole.is_same_as(&pieces), "{:#?} {:#?}", whole, pieces);
    }

    #[test]
    fn sets_are_the_union_of_their_clauses(clauses in vec(worlds::clause(), 0..6), requests in worlds::requests()) {
        let set = RequestSet::from_clauses(clauses.clone());
        for request in &requests {
            prop_assert_eq!(set.matches(request), clauses.iter().any(|clause| clause.matches(request)), "{}", request);
        }
        prop_assert_eq!(set.is_empty(), set.difference_witness(&RequestSet::nothing()).is_none());
    }

    #[test]
    fn order_repetition_and_splitting_leave_one_form(clauses in vec(worlds::clause(), 0..6), at in 0_usize..6) {
        let set = RequestSet::from_clauses(clauses.clone());
        let reversed = clauses.iter().rev().chain(&clauses).cloned();
        prop_assert_eq!(&RequestSet::from_clauses(reversed), &set);
        let (first, rest) = clauses.split_at(at.min(clauses.len()));
        let joined = RequestSet::from_clauses(first.to_vec()).union(&RequestSet::from_clauses(rest.to_vec()));
        prop_assert_eq!(&joined, &set);
        prop_assert_eq!(&RequestSet::from_clauses(set.clauses().to_vec()), &set);
    }

    #[test]
    fn unions_and_intersections_admit_what_they_should(
        left in worlds::set(), right in worlds::set(), requests in worlds::requests(),
    ) {
        let union = left.union(&right);
        let both = left.intersect(&right);
        for request in &requests {
            prop_assert_eq!(union.matches(request), left.matches(request) || right.matches(request), "{}", request);
            if let Ok(both) = &both {
                // One value a header and a claim is all that an intersection of fields can promise.
                prop_assert!(!both.matches(request) || left.matches(request) && right.matches(request), "{}", request);
                prop_assert!(both.matches(request) || !left.matches(request) || !right.matches(request), "{}", request);
            }
        }
        match &both {
            Ok(both) => {
                prop_assert_eq!(both.is_subset_of(&left), Ok(()));
                prop_assert_eq!(both.is_subset_of(&right), Ok(()));
                prop_assert_eq!(both.is_empty(), left.meets(&right).is_none());
            }
            Err(inexpressible) => {
                prop_assert!(left.meets(&right).is_some(), "{}", inexpressible);
                prop_assert!(!inexpressible.left.is_empty() && !inexpressible.right.is_empty());
            }
        }
        match left.meets(&right) {
            Some(witness) => prop_assert!(left.matches(&witness) && right.matches(&witness), "{}", witness),
            None => prop_assert!(!requests.iter().any(|request| left.matches(request) && right.matches(request))),
        }
    }

    #[test]
    fn the_laws_of_a_lattice_hold(a in worlds::set(), b in worlds::set(), c in worlds::set()) {
        let (nothing, everything) = (RequestSet::nothing(), RequestSet::everything());
        prop_assert_eq!(a.union(&b), b.union(&a));
        prop_assert_eq!(a.union(&b).union(&c), a.union(&b.union(&c)));
        prop_assert_eq!(&a.union(&a), &a);
        prop_assert_eq!(&a.union(&nothing), &a);
        prop_assert_eq!(&a.union(&everything), &everything);
        prop_assert_eq!(a.intersect(&a), Ok(a.clone()));
        prop_assert_eq!(a.intersect(&everything), Ok(a.clone()));
        prop_assert_eq!(a.intersect(&nothing), Ok(nothing.clone()));
        prop_assert_eq!(a.intersect(&b).ok(), b.intersect(&a).ok());
        let absorbed = a.intersect(&a.union(&b));
        prop_assert!(absorbed.as_ref().is_ok_and(|absorbed| absorbed.is_same_as(&a)), "{:#?}", absorbed);
        if let Ok(both) = a.intersect(&b) {
            prop_assert!(a.union(&both).is_same_as(&a));
            if let (Ok(left), Ok(bc)) = (both.intersect(&c), b.intersect(&c)) {
                if let Ok(right) = a.intersect(&bc) {
                    prop_assert!(left.is_same_as(&right), "{:#?} {:#?}", left, right);
                }
                if let (Ok(ac), Ok(distributed)) = (a.intersect(&c), a.union(&b).intersect(&c)) {
                    prop_assert!(distributed.is_same_as(&ac.union(&bc)));
                }
                // One more ceiling never admits anything new.
                prop_assert_eq!(left.is_subset_of(&both), Ok(()));
            }
        }
        prop_assert_eq!(nothing.is_subset_of(&a), Ok(()));
        prop_assert_eq!(a.is_subset_of(&everything), Ok(()));
        prop_assert_eq!(a.is_subset_of(&a), Ok(()));
        if a.is_subset_of(&b).is_ok() && b.is_subset_of(&c).is_ok() {
            prop_assert_eq!(a.is_subset_of(&c), Ok(()));
        }
    }

    #[test]
    fn forgetting_http_admits_more_and_no_more_than_it_must(set in worlds::set(), requests in worlds::requests()) {
        let l4 = set.l4();
        prop_assert!(l4.is_l4());
        prop_assert_eq!(&l4.l4(), &l4);
        prop_assert_eq!(set.is_subset_of(&l4), Ok(()));
        for request in &requests {
            prop_assert!(!set.matches(request) || l4.matches(request));
            // Each connection it admits carries some request of the set.
            if l4.matches(request) {
                let connection = Clause {
                    identities: request.identity.as_ref().map_or(Field::Any, |identity| {
                        Field::one(IdentityPattern::exactly(&identity.trust_domain, &identity.namespace, &identity.service_account))
                    }),
                    addresses: Field::one(ipnet::IpNet::from(request.address)),
                    ports: Field::one(request.port),
                    ..Clause::any()
                };
                prop_assert!(set.meets(&RequestSet::from_clauses([connection])).is_some(), "{}", request);
            }
        }
    }
}
