//! The rules of a Route: that their shares add up, and that each can be reached.

use super::super::exposures::place;
use super::{Matched, Ruled, known_subset};
use crate::diagnostics::codes::{parse, resolve as code};
use crate::diagnostics::{Diagnostics, Reported};
use crate::document::Document;
use crate::requests::Pattern;
use crate::source::{Span, Spanned};
use crate::spec::route::{RouteMatch, RouteRule, RouteSpec};

/// Reads the rules of a document.
pub(super) fn read<'a>(
    document: &'a Document<RouteSpec>,
    diagnostics: &mut Diagnostics,
) -> Result<Vec<Ruled<'a>>, Reported> {
    let stable = &document.spec.stable;
    known_subset(document, &Spanned::new(stable.value.as_str(), stable.span), diagnostics)?;
    let read: Vec<_> = document.spec.rules.iter().map(|rule| one(document, rule, diagnostics)).collect();
    let rules: Vec<Ruled<'a>> = read.into_iter().collect::<Result<_, _>>()?;
    for (at, rule) in rules.iter().enumerate() {
        if let Some(first) = rules.iter().take(at).find(|before| shadows(before, rule)) {
            let unreachable = code::UNREACHABLE_RULE.at(rule.span, "no request gets to this rule");
            diagnostics.report(
                unreachable
                    .label("never asked")
                    .and(first.span, "matches all of its requests")
                    .help("the first rule that matches counts: put the narrower one first"),
            );
        }
    }
    Ok(rules)
}

fn one<'a>(
    document: &Document<RouteSpec>,
    rule: &'a Spanned<RouteRule>,
    diagnostics: &mut Diagnostics,
) -> Result<Ruled<'a>, Reported> {
    let spec = &rule.value;
    let mut sum = 0;
    for (name, weight) in &spec.to {
        known_subset(document, &Spanned::new(name.as_str(), weight.span), diagnostics)?;
        sum += weight.value.0;
    }
    if sum != 100 {
        let uneven = code::UNEVEN_WEIGHTS.at(rule.span, format!("the shares of this rule add up to {sum}"));
        return Err(diagnostics.report(
            uneven.label("not 100").help("write the share of each subset in percent, as in `to: {v1: 90, v2: 10}`"),
        ));
    }
    if let Some(mirror) = &spec.mirror {
        let to = &mirror.value.to;
        known_subset(document, &Spanned::new(to.value.as_str(), to.span), diagnostics)?;
    }
    if let Some(abort) = spec.fault.as_ref().and_then(|fault| fault.value.abort.as_ref()) {
        let status = &abort.value.status;
        if status.value.0 < 200 {
            let invalid =
                parse::INVALID_VALUE.at(status.span, format!("`{}` is not the status of an answer", status.value.0));
            return Err(
                diagnostics.report(invalid.label("not a status").help("an answer has a status from 200 to 599"))
            );
        }
    }
    let tries = spec.retries.as_ref().and_then(|retries| retries.value.per_try_timeout.as_ref());
    if let (Some(whole), Some(each)) = (&spec.timeout, tries)
        && each.value.milliseconds() > whole.value.milliseconds()
    {
        let longer = code::AMBIGUOUS.at(each.span, "one try may take longer than all of them");
        return Err(diagnostics.report(
            longer
                .label("each try")
                .and(whole.span, "all tries")
                .help("`timeout` ends the retries, too: make it the longer one"),
        ));
    }
    let matches: Vec<_> = spec.match_.iter().map(|it| matched(it, rule.span, diagnostics)).collect();
    Ok(Ruled { spec, span: rule.span, matches: matches.into_iter().collect::<Result<_, _>>()? })
}

fn matched(written: &RouteMatch, span: Span, diagnostics: &mut Diagnostics) -> Result<Matched, Reported> {
    let place = match (&written.prefix, &written.exact) {
        (None, None) => None,
        (prefix, exact) => Some(place(prefix.as_ref(), exact.as_ref(), span, diagnostics)?),
    };
    for (name, value) in &written.headers {
        if value.value.to_string().starts_with('*') && value.value.to_string() != "*" {
            let suffix = parse::INVALID_VALUE.at(value.span, format!("header `{name}` is asked for by how it ends"));
            return Err(diagnostics.report(
                suffix
                    .label("no route can say so")
                    .help("write the whole value, its beginning and `*`, or `*` for any"),
            ));
        }
    }
    let headers = written.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.value.clone()));
    Ok(Matched {
        place,
        method: written.method.as_ref().map(|method| method.value.0.clone()),
        headers: headers.collect(),
    })
}

/// Tells whether every request of a later rule is one of an earlier rule. What only several matches together cover is
/// not found.
fn shadows(before: &Ruled<'_>, after: &Ruled<'_>) -> bool {
    if before.matches.is_empty() {
        return true;
    }
    !after.matches.is_empty()
        && after.matches.iter().all(|narrow| before.matches.iter().any(|wide| covers(wide, narrow)))
}

fn covers(wide: &Matched, narrow: &Matched) -> bool {
    let place = match (&wide.place, &narrow.place) {
        (None, _) => true,
        (Some(wide), Some(narrow)) => wide.covers(narrow),
        (Some(wide), None) => !wide.exact && wide.path.0 == "/",
    };
    let method = wide.method.is_none() || wide.method == narrow.method;
    let header = |(name, pattern): (&String, &crate::requests::TextPattern)| {
        narrow.headers.get(name).is_some_and(|other| pattern.covers(other))
    };
    place && method && wide.headers.iter().all(header)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::requests::TextPattern;
    use crate::resolve::exposures::Place;
    use crate::shape::scalar::Text;
    use crate::spec::exposure::UrlPath;

    fn of(place: Option<(&str, bool)>, method: Option<&str>, headers: &[(&str, &str)]) -> Matched {
        Matched {
            place: place.map(|(path, exact)| Place { path: UrlPath::parse(path).unwrap(), exact }),
            method: method.map(str::to_owned),
            headers: headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), TextPattern::parse(value).unwrap()))
                .collect(),
        }
    }

    #[test]
    fn a_match_covers_what_asks_for_more() {
        let cases = [
            (of(None, None, &[]), of(Some(("/a", false)), Some("GET"), &[("x", "1")]), true),
            (of(Some(("/a", false)), None, &[]), of(Some(("/a/b", true)), None, &[]), true),
            (of(Some(("/a", true)), None, &[]), of(Some(("/a", false)), None, &[]), false),
            (of(Some(("/", false)), None, &[]), of(None, Some("GET"), &[]), true),
            (of(None, Some("GET"), &[]), of(None, None, &[]), false),
            (of(None, None, &[("x", "a*")]), of(None, None, &[("x", "ab")]), true),
            (of(None, None, &[("x", "ab")]), of(None, None, &[("x", "a*")]), false),
        ];
        for (wide, narrow, expected) in cases {
            assert_eq!(covers(&wide, &narrow), expected, "{wide:?} {narrow:?}");
        }
    }
}
