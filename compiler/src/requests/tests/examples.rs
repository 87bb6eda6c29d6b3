//! What a reader would try first.

use super::super::*;

/// A clause of a few words: `from` a namespace of the mesh, `port`, `method`, `path`; empty words say nothing.
fn clause(from: &str, ports: &[u16], methods: &[&str], paths: &[&str]) -> Clause {
    fn field<T, P: Ord>(values: &[T], pattern: impl Fn(&T) -> P) -> Field<P> {
        if values.is_empty() { Field::Any } else { Field::only(values.iter().map(pattern)) }
    }
    Clause {
        identities: if from.is_empty() { Field::Any } else { Field::one(IdentityPattern::namespace("mesh", from)) },
        ports: field(ports, |port| *port),
        methods: field(methods, |method| (*method).to_owned()),
        paths: field(paths, |path| PathPattern::parse(path).unwrap()),
        ..Clause::any()
    }
}

fn set<'a>(clauses: impl IntoIterator<Item = &'a Clause>) -> RequestSet {
    RequestSet::from_clauses(clauses.into_iter().cloned())
}

fn with_claim(clause: Clause, claim: &str, value: &str) -> Clause {
    let claims = [(claim.to_owned(), Field::one(TextPattern::parse(value).unwrap()))].into();
    Clause { token: TokenMatch::Required(TokenClause { claims, ..TokenClause::any() }), ..clause }
}

fn check_outside(inner: &[Clause], outer: &[Clause], expected: Option<&str>) {
    let witness = set(inner).is_subset_of(&set(outer)).err();
    assert_eq!(witness.map(|witness| witness.to_string()).as_deref(), expected);
}

#[test]
fn a_grant_outside_its_ceiling_is_shown_by_a_request() {
    let ceiling = [clause("payments", &[], &[], &[])];
    check_outside(&[clause("payments", &[8080], &["POST"], &["/v1/entries"])], &ceiling, None);
    check_outside(
        &[clause("", &[8080], &["POST"], &["/v1/{*}"])],
        &ceiling,
        Some("POST service.example/v1/x to port 8080 as other/ns/other/sa/other from 192.0.2.1"),
    );
    check_outside(
        &[clause("shop", &[], &[], &[])],
        &ceiling,
        Some("GET service.example/ to port 8080 as mesh/ns/shop/sa/other from 192.0.2.1"),
    );
    // Without a condition on identities a plaintext peer passes; a pattern stops it, however wide.
    let anyone = Clause { identities: Field::one(IdentityPattern::any()), ..Clause::any() };
    check_outside(
        &[Clause::any()],
        &[anyone],
        Some("GET service.example/ to port 8080 as a plaintext peer from 192.0.2.1"),
    );
}

#[test]
fn several_clauses_may_together_hold_one() {
    let halves = [clause("a", &[80], &[], &["/x*"]), clause("a", &[90], &[], &["/x*"])];
    check_outside(&[clause("a", &[80, 90], &[], &["/x*"])], &halves, None);
    check_outside(
        &[clause("a", &[80, 90], &[], &["/*"])],
        &halves,
        Some("GET service.example/ to port 90 as mesh/ns/a/sa/other from 192.0.2.1"),
    );
    // Neither `{*}` nor what lies deeper is all of `{**}`; both and the bare slash are not either.
    let deeper = [clause("", &[], &[], &["/a/{*}", "/a/{*}/{**}"])];
    check_outside(
        &[clause("", &[], &[], &["/a/{**}"])],
        &deeper,
        Some("GET service.example/a/ to port 8080 as cluster.local/ns/default/sa/default from 192.0.2.1"),
    );
}

#[test]
fn a_template_is_not_a_prefix() {
    check_outside(
        &[clause("", &[], &[], &["/a/*"])],
        &[clause("", &[], &[], &["/a/{**}"])],
        Some("GET service.example/a/[ to port 8080 as cluster.local/ns/default/sa/default from 192.0.2.1"),
    );
    check_outside(&[clause("", &[], &[], &["/a/{**}"])], &[clause("", &[], &[], &["/a/*"])], None);
}

#[test]
fn many_values_of_a_claim_are_each_enough() {
    let auditor = with_claim(Clause::any(), "role", "auditor");
    let admin = with_claim(Clause::any(), "role", "admin");
    let witness = set([&auditor]).meets(&set([&admin])).unwrap();
    assert_eq!(witness.token.unwrap().claims["role"].len(), 2);
    let error = set([&auditor]).intersect(&set(&[admin])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no pattern of `jwt.claims[role]` says exactly what `auditor` and `admin` have in common"
    );
    let any_role = with_claim(Clause::any(), "role", "*");
    assert_eq!(set([&auditor]).intersect(&set(&[any_role])), Ok(set(&[auditor])));
}

#[test]
fn a_token_that_is_not_asked_for_may_be_missing() {
    let any = set(&[clause("a", &[], &[], &[])]);
    let required = set(&[with_claim(clause("a", &[], &[], &[]), "role", "*")]);
    assert_eq!(required.is_subset_of(&any), Ok(()));
    assert_eq!(any.is_subset_of(&required).unwrap_err().token, None);
}

#[test]
fn what_cannot_be_said_is_named_unless_something_else_says_it() {
    let left = set(&[clause("", &[], &[], &["/a*"])]);
    let right = set(&[clause("", &[], &[], &["*z"])]);
    let error = left.intersect(&right).unwrap_err();
    assert_eq!((error.field.as_str(), error.left.as_str(), error.right.as_str()), ("paths", "/a*", "*z"));
    assert_eq!(left.meets(&right).unwrap().path, "/az");
    let both = left.union(&right);
    assert_eq!(both.intersect(&both), Ok(both.clone()));
    // Where another field has nothing in common there is nothing to say.
    let left = set(&[clause("", &[80], &[], &["/a*"])]);
    let right = set(&[clause("", &[90], &[], &["*z"])]);
    assert_eq!(left.intersect(&right), Ok(RequestSet::nothing()));
}

#[test]
fn hosts_and_header_names_fold_their_case() {
    let header = [(HeaderName::new("X-Team"), Field::one(TextPattern::Exact("a".to_owned())))].into();
    let clause =
        Clause { hosts: Field::one(HostPattern::parse("API.example").unwrap()), headers: header, ..Clause::any() };
    let mut request = set([&clause]).difference_witness(&RequestSet::nothing()).unwrap();
    assert_eq!(request.host, "api.example");
    assert_eq!(request.headers.get("x-team").map(String::as_str), Some("a"));
    request.host = "Api.Example".to_owned();
    assert!(clause.matches(&request));
    request.host = "api.example:443".to_owned();
    assert!(clause.matches(&request), "a host is meant whatever the port");
}

#[test]
fn a_header_may_be_empty_and_still_be_there() {
    let there = |text: &str| {
        let header = [(HeaderName::new("x-a"), Field::one(TextPattern::parse(text).unwrap()))].into();
        set(&[Clause { headers: header, ..Clause::any() }])
    };
    let mut request = there("*").difference_witness(&there("a*")).unwrap();
    request.headers.insert(HeaderName::new("x-a"), String::new());
    assert!(there("*").matches(&request));
    assert!(!there("a*").matches(&request));
}
