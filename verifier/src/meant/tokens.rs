//! Issuers of the policy language as the rules by which a proxy takes tokens.

use ringfence_compiler::source::Spanned;
use ringfence_compiler::spec::authentication::{Issuer, TokenPlace};

use crate::istio::request_authentication::{ALWAYS_WORDS, JwtRule};
use crate::request::HeaderName;

/// Says by which rule tokens of an issuer are meant to be taken.
pub(crate) fn rule(issuer: &Issuer) -> JwtRule {
    let text = |text: &Spanned<String>| text.value.clone();
    let places = || issuer.from.iter().flat_map(|places| &places.0);
    let header = |place: &TokenPlace| {
        let prefix = place.prefix.as_ref().map(text).unwrap_or_default();
        Some((HeaderName::new(&place.header.as_ref()?.value), prefix))
    };
    JwtRule {
        issuer: text(&issuer.issuer),
        audiences: issuer.audiences.iter().map(text).collect(),
        jwks_uri: issuer.jwks_uri.as_ref().map(text),
        jwks: issuer.jwks.as_ref().map(text),
        from_headers: places().filter_map(header).collect(),
        from_parameters: places().filter_map(|place| place.param.as_ref()).map(text).collect(),
        from_cookies: places().filter_map(|place| place.cookie.as_ref()).map(text).collect(),
        forwards: issuer.forward == Some(true),
        payload_header: None,
        claim_headers: issuer
            .claims_to_headers
            .iter()
            .map(|pair| (HeaderName::new(&pair.header.value), pair.claim.value.clone()))
            .collect(),
        space_delimited: ALWAYS_WORDS.map(str::to_owned).into(),
    }
}
