//! Whether the tokens of a request are taken.
//!
//! In: the rules that hold at a workload, and a request. Out: the token that policies see, or that the request is refused;
//! the request loses tokens that are not forwarded and gains headers that are filled. This goes step by step as Envoy does
//! (envoyproxy/envoy `source/extensions/filters/http/jwt_authn`) with what Istio makes of the rules (istio/istio
//! `pilot/pkg/security/authn/policy_applier.go`, `convertToEnvoyJwtConfig`), because with several tokens the order shows.

use super::places::look;
use super::{ArrivedHttp, outputs};
use crate::istio::request_authentication::JwtRule;
use crate::request::Token;

/// The request is refused with 401 or 403.
pub(super) struct Refused;

/// What one rule finds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Finding {
    /// No token at its places.
    Missing,
    /// Tokens, all of them good.
    Good,
    /// A token that is not.
    Bad,
}

/// Checks the tokens of a request; without rules nobody looks at them.
pub(super) fn check(rules: &[&JwtRule], http: &mut ArrivedHttp<'_>) -> Result<Option<Token>, Refused> {
    let mut rules = rules.to_vec();
    // As Istio sorts them; rules of one issuer stay in the order of their policies.
    rules.sort_by(|one, other| one.issuer.cmp(&other.issuer));
    rules.iter().for_each(|rule| outputs::clear(rule, &mut http.headers));
    if is_preflight(http) {
        return Ok(None);
    }
    let mut seen = None;
    // One rule must not find a bad token.
    if let [only] = rules.as_slice() {
        return if try_rule(only, http, &mut seen) == Finding::Bad { Err(Refused) } else { Ok(seen) };
    }
    // Of several one that finds a good token is enough, whatever stands at the places of others.
    if rules.iter().any(|rule| try_rule(rule, http, &mut seen) == Finding::Good) {
        return Ok(seen);
    }
    // Otherwise each must find none, and looks again: what was taken off at first is now missing.
    if rules.iter().all(|rule| try_rule(rule, http, &mut seen) != Finding::Bad) { Ok(seen) } else { Err(Refused) }
}

/// Tells whether a browser asks what it may ask; it sends no tokens then, so none are asked for.
fn is_preflight(http: &ArrivedHttp<'_>) -> bool {
    let there = |name| http.headers.get(name).iter().any(|value| !value.is_empty());
    http.method == "OPTIONS" && there("origin") && there("access-control-request-method")
}

/// Looks at the places of a rule, the last one first. Each good token has its effects, also where another one is bad.
fn try_rule(rule: &JwtRule, http: &mut ArrivedHttp<'_>, seen: &mut Option<Token>) -> Finding {
    outputs::clear(rule, &mut http.headers);
    let mut finding = Finding::Missing;
    for found in look(rule, http).into_iter().rev() {
        let signed = http.signed;
        let Some(token) = signed.get(&found.text).filter(|token| rule.takes(token)) else { return Finding::Bad };
        outputs::fill(rule, &found.text, token, &mut http.headers);
        if !rule.forwards {
            found.place.clear(http);
        }
        *seen = Some(rule.read_words(token));
        finding = Finding::Good;
    }
    finding
}
