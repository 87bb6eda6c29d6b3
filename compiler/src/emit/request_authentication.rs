//! RequestAuthentication: which tokens a unit accepts. Alone it demands none; a DENY beside it does.

use serde_json::{Map, Value, json};

use super::authorization::Attached;
use super::object::{Kind, Object, Stage};
use crate::ir::{NamespacePlan, Origins};
use crate::resolve::statements::Origin;
use crate::source::Spanned;
use crate::spec::authentication::{Issuer, TokenPlace};

pub(super) const KIND: Kind = Kind("security.istio.io/v1", "RequestAuthentication");

pub(super) fn emit(namespace: &NamespacePlan, objects: &mut Vec<Object>) {
    for unit in &namespace.units {
        let Some(mesh) = &unit.mesh else { continue };
        let name = format!("ringfence-{}", unit.name);
        objects.extend(of(&namespace.name, &Attached::Pods(&unit.selector), name, &mesh.issuers));
    }
}

/// Writes the one object of a place; none where no tokens are taken.
pub(super) fn of(namespace: &str, at: &Attached<'_>, name: String, issuers: &[(Issuer, Origin)]) -> Option<Object> {
    if issuers.is_empty() {
        return None;
    }
    let mut spec = at.spec();
    spec.insert("jwtRules".to_owned(), issuers.iter().map(|(issuer, _)| rule(issuer)).collect());
    let origins: Origins = issuers.iter().map(|(_, origin)| origin.clone()).collect();
    Some(Object::new(Stage::Identity, &KIND, namespace, name, spec.into(), origins))
}

pub(super) fn rule(issuer: &Issuer) -> Value {
    let mut rule = Map::new();
    rule.insert("issuer".to_owned(), issuer.issuer.value.clone().into());
    let text = |text: &Spanned<String>| Value::from(text.value.clone());
    if !issuer.audiences.is_empty() {
        rule.insert("audiences".to_owned(), issuer.audiences.iter().map(text).collect());
    }
    if let Some(uri) = &issuer.jwks_uri {
        rule.insert("jwksUri".to_owned(), text(uri));
    }
    if let Some(jwks) = &issuer.jwks {
        rule.insert("jwks".to_owned(), text(jwks));
    }
    let places = |pick: fn(&TokenPlace) -> Option<Value>| -> Vec<Value> {
        issuer.from.iter().flat_map(|places| &places.0).filter_map(pick).collect()
    };
    let headers = places(|place| {
        let header = place.header.as_ref()?;
        Some(match &place.prefix {
            Some(prefix) => json!({ "name": header.value, "prefix": prefix.value }),
            None => json!({ "name": header.value }),
        })
    });
    let params = places(|place| Some(place.param.as_ref()?.value.clone().into()));
    let cookies = places(|place| Some(place.cookie.as_ref()?.value.clone().into()));
    for (key, list) in [("fromHeaders", headers), ("fromParams", params), ("fromCookies", cookies)] {
        if !list.is_empty() {
            rule.insert(key.to_owned(), list.into());
        }
    }
    if let Some(forward) = issuer.forward {
        rule.insert("forwardOriginalToken".to_owned(), forward.into());
    }
    if !issuer.claims_to_headers.is_empty() {
        let pair = |pair: &crate::spec::authentication::ClaimToHeader| json!({ "header": pair.header.value, "claim": pair.claim.value });
        rule.insert("outputClaimToHeaders".to_owned(), issuer.claims_to_headers.iter().map(pair).collect());
    }
    rule.into()
}
