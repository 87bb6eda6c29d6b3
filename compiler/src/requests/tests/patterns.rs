//! Single patterns: what they mean, what covers what, what they share, and their atoms.

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::*;
use super::super::{automaton, identity, value};
use super::worlds;

fn path(text: &str) -> PathPattern {
    PathPattern::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The meaning of a path pattern said once more, in the manner of a regular expression that tries everything.
fn naive(pattern: &str, text: &str) -> bool {
    if let Some(rest) = pattern.strip_prefix("{**}").or_else(|| (pattern == "*").then_some("")) {
        let takes = |c: char| pattern == "*" || c == '/' || automaton::is_segment_character(c);
        return naive(rest, text)
            || text.chars().next().is_some_and(|c| takes(c) && naive(pattern, &text[c.len_utf8()..]));
    }
    if let Some(rest) = pattern.strip_prefix("{*}") {
        let taken = text.chars().take_while(|c| automaton::is_segment_character(*c)).count();
        return (1..=taken).any(|length| naive(rest, &text[length..]));
    }
    match (pattern.chars().next(), text.chars().next()) {
        (None, None) => true,
        (Some(wanted), Some(found)) => {
            wanted == found && naive(&pattern[wanted.len_utf8()..], &text[found.len_utf8()..])
        }
        _ => false,
    }
}

#[test]
fn paths_match_as_the_mesh_matches_them() {
    let check = |pattern: &str, matching: &[&str], others: &[&str]| {
        for text in matching {
            assert!(path(pattern).matches(text), "{pattern} matches {text}");
        }
        for text in others {
            assert!(!path(pattern).matches(text), "{pattern} does not match {text}");
        }
    };
    check("/a", &["/a"], &["/a/", "/", "", "/A"]);
    check("/a*", &["/a", "/ab", "/a/b"], &["/", "/b/a"]);
    check("/a/*", &["/a/", "/a/b"], &["/a"]);
    check("*.js", &["/x.js", ".js"], &["/x.jsx"]);
    check("*", &["/", "x"], &[""]);
    check("/a/{*}", &["/a/b", "/a/b=c", "/a/b*c", "/a/%41"], &["/a/", "/a", "/a/b/", "/a/b/c", "/a/b[c]", "/a//b"]);
    check("/a/{*}/", &["/a/b/"], &["/a/b", "/a//"]);
    check("/a/{**}", &["/a/", "/a//", "/a/b", "/a/b/c", "/a//b"], &["/a", "/a/b[c]", "/ab"]);
    check("/a/{**}/b", &["/a//b", "/a/x/b", "/a/x/y/b", "/a/b/b"], &["/a/b", "/a/xb"]);
    check("/{*}/c/{**}", &["/x/c/", "/x/c/d"], &["/x/c", "//c/d"]);
    check("/{**}", &["/", "/a"], &["", "a"]);
}

#[test]
fn patterns_that_would_mislead_are_refused() {
    let check = |text: &str, expected: PatternError| assert_eq!(PathPattern::parse(text), Err(expected), "{text}");
    check("", PatternError::Empty);
    check("/a/*/b", PatternError::StarInside);
    check("*a*", PatternError::StarInside);
    check("**", PatternError::StarInside);
    check("a", PatternError::NotRooted);
    check("a*", PatternError::NotRooted);
    check("/a?b", PatternError::Query);
    check("/a#b", PatternError::Query);
    check("/{*}/*", PatternError::MixedTemplate);
    check("/{*}/**", PatternError::MixedTemplate);
    check("/{*}*", PatternError::BadOperator("{*}*".to_owned()));
    check("/{*}.txt", PatternError::BadOperator("{*}.txt".to_owned()));
    check("/{name}", PatternError::BadOperator("{name}".to_owned()));
    check("/{name=*}", PatternError::BadOperator("{name=*}".to_owned()));
    check("/{}", PatternError::BadOperator("{}".to_owned()));
    check("/a}/{*}", PatternError::BadOperator("a}".to_owned()));
    check("{*}", PatternError::NotRooted);
    check("/{**}/{*}", PatternError::OperatorAfterRest);
    check("/{**}/a/{**}", PatternError::OperatorAfterRest);
    check("/a//{*}", PatternError::EmptySegment);
    check("/{*}/a b", PatternError::BadLiteral(' '));
    assert_eq!(TextPattern::parse(""), Err(PatternError::Empty));
    assert_eq!(HostPattern::parse("a.*.b"), Err(PatternError::StarInside));
    assert_eq!(HostPattern::parse("a.b:*"), Err(PatternError::HostWithPort));
    assert_eq!(HostPattern::parse("*.b:443"), Err(PatternError::HostWithPort));
    assert_eq!(HostPattern::parse("[::1]:80"), Err(PatternError::NoHost('[')));
    assert_eq!(HostPattern::parse("a.b/c"), Err(PatternError::NoHost('/')));
    assert_eq!(HostPattern::parse("a b"), Err(PatternError::NoHost(' ')));
    for error in [PatternError::Empty, PatternError::BadOperator("{a}".to_owned()), PatternError::StarInside] {
        assert!(!error.to_string().ends_with('.'), "{error}");
    }
}

#[test]
fn hosts_are_meant_whatever_the_port() {
    let check = |pattern: &str, host: &str, expected: bool, written: &[&str]| {
        let pattern = HostPattern::parse(pattern).unwrap();
        assert_eq!(pattern.matches(host), expected, "{pattern} and {host}");
        assert_eq!(pattern.istio_hosts(), written);
        // What Istio is told is the same set, or less of it.
        let said = pattern.istio_hosts().iter().any(|text| TextPattern::as_istio_reads(text).matches(host));
        assert!(said == expected || (expected && !pattern.is_exact_in_istio()), "{pattern} and {host}");
    };
    check("a.x", "a.x", true, &["a.x", "a.x:*"]);
    check("a.x", "a.x:443", true, &["a.x", "a.x:*"]);
    check("a.x", "a.xy", false, &["a.x", "a.x:*"]);
    check("*.x", "a.x", true, &["*.x"]);
    check("*.x", "a.x:443", true, &["*.x"]);
    check("*.x", "a.y", false, &["*.x"]);
    check("a.*", "a.x:443", true, &["a.*"]);
    check("[::1]", "[::1]:80", true, &["[::1]", "[::1]:*"]);
    check("[::1]", "[::1]", true, &["[::1]", "[::1]:*"]);
    check("*", "a.x:1", true, &["*"]);
}

#[test]
fn foreign_texts_are_read_as_istio_reads_them() {
    let check = |text: &str, expected: TextPattern| assert_eq!(TextPattern::as_istio_reads(text), expected);
    check("/a*b", TextPattern::Exact("/a*b".to_owned()));
    check("*a*", TextPattern::Suffix("a*".to_owned()));
    check("a**", TextPattern::Prefix("a*".to_owned()));
    check("*", TextPattern::Present);
    check("", TextPattern::Exact(String::new()));
}

#[test]
fn what_two_paths_share_is_a_path_where_there_is_one() {
    let check = |left: &str, right: &str, expected: Meet<&str>| {
        let expected = match expected {
            Meet::Nothing => Meet::Nothing,
            Meet::Pattern(text) => Meet::Pattern(path(text)),
            Meet::Inexpressible => Meet::Inexpressible,
        };
        assert_eq!(path(left).meet(&path(right)), expected, "{left} with {right}");
        assert_eq!(path(right).meet(&path(left)), expected, "{right} with {left}");
    };
    check("/a*", "/a/b", Meet::Pattern("/a/b"));
    check("/a*", "/ab*", Meet::Pattern("/ab*"));
    check("/a*", "/b*", Meet::Nothing);
    check("/a*", "*b", Meet::Inexpressible);
    check("*b", "*ab", Meet::Pattern("*ab"));
    check("*", "/a*", Meet::Pattern("/a*"));
    check("/{*}/b", "/a/{*}", Meet::Pattern("/a/b"));
    check("/{*}/b", "/a/*", Meet::Pattern("/a/b"));
    check("/{*}/b/{**}", "/a/*", Meet::Pattern("/a/b/{**}"));
    check("/{*}/b/{**}", "/a/b/c/*", Meet::Pattern("/a/b/c/{**}"));
    check("/a/{**}", "/{*}/b/{*}", Meet::Pattern("/a/b/{*}"));
    check("/a/{**}", "/{*}/", Meet::Pattern("/a/"));
    check("/a/{**}", "/{*}", Meet::Nothing);
    check("/a/{*}", "/{*}/", Meet::Nothing);
    check("/a/{**}", "/a/*", Meet::Pattern("/a/{**}"));
    check("/a/{**}", "/a/b*", Meet::Inexpressible);
    check("/{*}/b", "*c", Meet::Nothing);
    check("/a/{**}/z", "/a/b/*", Meet::Inexpressible);
    check("/{**}/b", "/a/{**}", Meet::Inexpressible);
    check("/{**}/b", "/{*}/c", Meet::Nothing);
}

#[test]
fn identities_are_written_only_where_istio_means_the_same() {
    let check = |domain: Part, namespace: Part, account: Part, expected: Option<&str>, shown: &str| {
        let pattern = IdentityPattern { trust_domain: domain, namespace, service_account: account };
        assert_eq!(pattern.istio_principal().as_deref(), expected, "{pattern}");
        assert_eq!(pattern.to_string(), shown);
    };
    let exactly = |text: &str| Part::Exactly(text.to_owned());
    let prefix = |text: &str| Part::Prefix(text.to_owned());
    check(exactly("td"), exactly("x"), exactly("y"), Some("td/ns/x/sa/y"), "td/ns/x/sa/y");
    check(exactly("td"), exactly("x"), Part::Any, Some("td/ns/x/sa/*"), "td/ns/x/sa/*");
    check(exactly("td"), exactly("x"), prefix("y"), Some("td/ns/x/sa/y*"), "td/ns/x/sa/y*");
    check(exactly("td"), prefix("x"), Part::Any, Some("td/ns/x*"), "td/ns/x*");
    check(exactly("td"), Part::Any, Part::Any, Some("td/ns/*"), "td/ns/*");
    check(Part::Any, exactly("x"), exactly("y"), Some("*/ns/x/sa/y"), "*/ns/x/sa/y");
    check(Part::Any, Part::Any, exactly("y"), Some("*/sa/y"), "*/sa/y");
    check(Part::Any, Part::Any, Part::Any, Some("*"), "*");
    check(Part::Any, exactly("x"), Part::Any, None, "*/ns/x/sa/*");
    check(exactly("td"), Part::Any, exactly("y"), None, "td/ns/*/sa/y");
    check(exactly("td"), prefix("x"), exactly("y"), None, "td/ns/x*/sa/y");
    // The mesh would read the dot as "any character".
    check(Part::Any, exactly("x"), exactly("a.b"), None, "*/ns/x/sa/a.b");
    check(exactly("td"), exactly("x"), exactly("a*"), None, "td/ns/x/sa/a*");
}

#[test]
fn networks_have_one_form() {
    let check = |networks: &[&str], expected: Option<&[&str]>| {
        let parse = |texts: &[&str]| Field::only(texts.iter().map(|text| text.parse::<ipnet::IpNet>().unwrap()));
        assert_eq!(parse(networks).simplified(), expected.map_or(Field::Any, parse));
    };
    check(&["10.0.0.0/9", "10.128.0.0/9", "10.1.0.0/16"], Some(&["10.0.0.0/8"]));
    check(&["10.1.2.3/8"], Some(&["10.0.0.0/8"]));
    check(&["0.0.0.0/0"], Some(&["0.0.0.0/0"]));
    check(&["0.0.0.0/1", "128.0.0.0/1", "::/0"], None);
    check(&[], Some(&[]));
}

#[test]
fn of_two_ways_to_say_the_same_one_stays() {
    let all = Part::Prefix(String::new());
    let odd = IdentityPattern { trust_domain: all, namespace: Part::Any, service_account: Part::Any };
    assert_eq!(Field::only([odd.clone(), IdentityPattern::any()]).simplified(), Field::one(IdentityPattern::any()));
    assert_eq!(Field::only([IdentityPattern::any(), odd]).simplified(), Field::one(IdentityPattern::any()));
}

#[test]
fn a_field_says_what_it_can_and_complains_of_the_rest() {
    let field = |texts: &[&str]| Field::only(texts.iter().map(|text| path(text)));
    let check = |left: &[&str], right: &[&str], expected: Option<&[&str]>| {
        let met = field(left).intersect(&field(right), "paths");
        assert_eq!(met.as_ref().ok(), expected.map(field).as_ref(), "{left:?} with {right:?}");
    };
    check(&["/a*", "*z"], &["/a*"], Some(&["/a*"]));
    check(&["/a*", "*z"], &["/a*", "*y"], Some(&["/a*"]));
    check(&["*z"], &["/a*", "*y"], None);
    check(&["/a*", "*z"], &["/a*", "*z", "/b"], Some(&["/a*", "*z"]));
    check(&["/a*"], &["/b*", "/c"], Some(&[]));
}

/// Tells which of the patterns a value meets.
fn met<P>(patterns: &[P], matches: impl Fn(&P) -> bool) -> Vec<usize> {
    (0..patterns.len()).filter(|index| matches(&patterns[*index])).collect()
}

/// Checks that `covers` and `meet` say exactly what the atoms of the patterns involved say.
fn check_pair<P: Pattern>(left: &P, right: &P, atoms: impl Fn(&[&P]) -> Vec<Vec<usize>>) {
    let both = atoms(&[left, right]);
    assert_eq!(left.covers(right), !both.iter().any(|met| met == &[1]), "{left} covers {right}");
    let touch = both.iter().any(|met| met == &[0, 1]);
    match left.meet(right) {
        Meet::Nothing => assert!(!touch, "{left} and {right} share something"),
        Meet::Inexpressible => assert!(touch, "{left} and {right} share nothing"),
        Meet::Pattern(shared) => {
            for met in atoms(&[left, right, &shared]) {
                assert_eq!(met.contains(&0) && met.contains(&1), met.contains(&2), "{left} and {right}: {shared}");
            }
        }
    }
}

proptest! {
    #[test]
    fn a_path_matches_as_a_naive_reading_says(pattern in worlds::path_pattern(), text in worlds::path()) {
        let expected = match &pattern {
            PathPattern::Text(TextPattern::Suffix(suffix)) => text.ends_with(suffix.as_str()),
            PathPattern::Text(TextPattern::Present) => !text.is_empty(),
            _ => naive(&pattern.to_string(), &text),
        };
        prop_assert_eq!(pattern.matches(&text), expected, "{} {}", pattern, text);
        prop_assert_eq!(PathPattern::parse(&pattern.to_string()), Ok(pattern));
    }

    #[test]
    fn the_atoms_of_paths_are_all_there_is(patterns in vec(worlds::path_pattern(), 0..6), texts in vec(worlds::path(), 64)) {
        let steps: Vec<_> = patterns.iter().map(PathPattern::steps).collect();
        let atoms = automaton::atoms(&steps, "/");
        for (witness, indices) in &atoms {
            prop_assert_eq!(&met(&patterns, |pattern| pattern.matches(witness)), indices, "{}", witness);
        }
        for text in texts {
            let indices = met(&patterns, |pattern| pattern.matches(&text));
            let found = atoms.iter().find(|(_, known)| *known == indices);
            prop_assert!(found.is_some(), "{} meets {:?}", text, indices);
            let shortest = &found.unwrap().0;
            prop_assert!(!text.starts_with('/') || shortest.chars().count() <= text.chars().count(), "{} {}", text, shortest);
        }
    }

    #[test]
    fn the_atoms_of_header_values_are_all_there_is(patterns in vec(worlds::text_pattern(), 0..6), texts in vec(worlds::text(), 32)) {
        let steps: Vec<_> = patterns.iter().map(TextPattern::header_steps).collect();
        let atoms = automaton::atoms(&steps, "");
        for (witness, indices) in &atoms {
            prop_assert_eq!(&met(&patterns, |pattern| pattern.matches_header(witness)), indices, "{}", witness);
        }
        for text in texts {
            let indices = met(&patterns, |pattern| pattern.matches_header(&text));
            prop_assert!(atoms.iter().any(|(_, known)| *known == indices), "{} meets {:?}", text, indices);
        }
    }

    #[test]
    fn the_atoms_of_identities_are_all_there_is(
        patterns in vec(worlds::identity_pattern(), 0..6), identities in vec(worlds::identity(), 48),
    ) {
        let atoms = identity::atoms(&patterns.iter().collect::<Vec<_>>());
        for (witness, indices) in &atoms {
            prop_assert_eq!(&met(&patterns, |pattern| pattern.matches(witness)), indices, "{}", witness);
        }
        for identity in identities {
            let indices = met(&patterns, |pattern| pattern.matches(&identity));
            prop_assert!(atoms.iter().any(|(_, known)| *known == indices), "{} meets {:?}", identity, indices);
        }
    }

    #[test]
    fn the_atoms_of_addresses_are_all_there_is(networks in vec(worlds::network(), 0..6), addresses in vec(worlds::address(), 24)) {
        let atoms = value::address_atoms(&networks.iter().collect::<Vec<_>>());
        for (witness, indices) in &atoms {
            prop_assert_eq!(&met(&networks, |network| network.contains(witness)), indices, "{}", witness);
        }
        for address in addresses {
            let indices = met(&networks, |network| network.contains(&address));
            prop_assert!(atoms.iter().any(|(_, known)| *known == indices), "{} meets {:?}", address, indices);
        }
    }

    #[test]
    fn paths_cover_and_meet_exactly(left in worlds::path_pattern(), right in worlds::path_pattern()) {
        check_pair(&left, &right, |patterns| {
            let steps: Vec<_> = patterns.iter().map(|pattern| pattern.steps()).collect();
            automaton::atoms(&steps, "").into_iter().map(|(_, met)| met).collect()
        });
    }

    #[test]
    fn texts_cover_and_meet_exactly(left in worlds::text_pattern(), right in worlds::text_pattern()) {
        check_pair(&left, &right, |patterns| {
            let steps: Vec<_> = patterns.iter().map(|pattern| pattern.steps()).collect();
            automaton::atoms(&steps, "").into_iter().map(|(_, met)| met).collect()
        });
    }

    #[test]
    fn identities_cover_and_meet_exactly(left in worlds::identity_pattern(), right in worlds::identity_pattern()) {
        check_pair(&left, &right, |patterns| identity::atoms(patterns).into_iter().map(|(_, met)| met).collect());
    }

    #[test]
    fn networks_cover_and_meet_exactly(left in worlds::network(), right in worlds::network()) {
        check_pair(&left, &right, |patterns| value::address_atoms(patterns).into_iter().map(|(_, met)| met).collect());
    }
}
