//! Whether every subset runs as the stable one does: under the same account, with the same access, tokens and mTLS.

use super::Subsets;
use crate::diagnostics::codes::resolve as code;
use crate::diagnostics::{Diagnostics, Reported};
use crate::document::Document;
use crate::inventory::Workload;
use crate::resolve::Governed;
use crate::resolve::authentication::AcceptedIssuer;
use crate::source::Spanned;
use crate::spec::route::RouteSpec;

/// Reports each subset that differs from the stable one.
pub(super) fn check(
    document: &Document<RouteSpec>,
    subsets: &Subsets<'_>,
    governed: &[Governed<'_>],
    diagnostics: &mut Diagnostics,
) -> Result<(), Reported> {
    let stable = &document.spec.stable;
    let Some((stable_at, reference)) = subsets.get(&stable.value).and_then(|members| members.first()).copied() else {
        return Ok(());
    };
    let mut reported = Ok(());
    for (name, members) in subsets {
        let differing = members
            .iter()
            .find_map(|(at, workload)| Some((*workload, differs(*at, workload, stable_at, reference, governed)?)));
        let Some((workload, how)) = differing else { continue };
        let span = document.spec.subsets.get(name).map_or(document.span, |labels| labels.span);
        let unlike = code::UNLIKE_SUBSET
            .at(span, format!("subset `{name}` and stable subset `{}` are not alike: {how}", stable.value))
            .label(format!("`{}`", workload.name));
        let help = "requests must meet the same policy whichever version answers: run them alike, or grant to both";
        reported = Err(diagnostics.report(unlike.and(stable.span, "the stable one").help(help)));
    }
    reported
}

/// Says how a workload differs from the stable one; `None` where it does not.
fn differs(
    at: usize,
    workload: &Workload,
    stable_at: usize,
    stable: &Workload,
    governed: &[Governed<'_>],
) -> Option<String> {
    if workload.service_account != stable.service_account {
        return Some(format!(
            "one runs as service account `{}`, the other as `{}`",
            workload.service_account, stable.service_account
        ));
    }
    let (one, other) = (governed.get(at)?, governed.get(stable_at)?);
    if at == stable_at {
        return None;
    }
    if one.unit.data_plane != other.unit.data_plane {
        return Some("one has another proxy than the other, or none".to_owned());
    }
    let (ours, theirs) = (&one.access, &other.access);
    if !ours.granted().is_same_as(&theirs.granted()) || !ours.denied().is_same_as(&theirs.denied()) {
        return Some("another set of requests is admitted".to_owned());
    }
    let required = |governed: &Governed<'_>| governed.authentication.required.is_some();
    let exempt = |governed: &Governed<'_>| governed.authentication.exempt.clone();
    let tokens = tokens_of(one) == tokens_of(other) && required(one) == required(other) && exempt(one) == exempt(other);
    if !tokens {
        return Some("other tokens are accepted or demanded".to_owned());
    }
    (one.settings.mtls.value != other.settings.mtls.value).then(|| "mTLS is asked for otherwise".to_owned())
}

/// The issuer, audiences, keys and places of tokens.
type Taken<'a> = (&'a str, Vec<&'a str>, [Option<&'a str>; 2], Vec<[Option<&'a str>; 4]>);

/// Says which tokens are taken, issuer by issuer: by which keys, for whom, from where.
fn tokens_of<'g>(governed: &'g Governed<'_>) -> Vec<Taken<'g>> {
    governed.authentication.issuers.iter().map(taken).collect()
}

fn taken(accepted: &AcceptedIssuer) -> Taken<'_> {
    let spec = &accepted.spec;
    fn said(text: Option<&Spanned<String>>) -> Option<&str> {
        text.map(|it| it.value.as_str())
    }
    let places = spec.from.iter().flat_map(|places| &places.0);
    let places = places.map(|it| {
        [said(it.header.as_ref()), said(it.prefix.as_ref()), said(it.param.as_ref()), said(it.cookie.as_ref())]
    });
    let audiences = spec.audiences.iter().map(|it| it.value.as_str()).collect();
    (&accepted.issuer, audiences, [said(spec.jwks_uri.as_ref()), said(spec.jwks.as_ref())], places.collect())
}
