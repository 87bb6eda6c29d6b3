//! What stands at the pods of a gateway: the policies and tokens there, and what of a request they ask about.
//!
//! In: a listener and the pods that listen. Out: [`AtGateway`], and the chain of what a request has to pass there: the route, and the
//! policies. A token that the gateway takes means the same at the workload only where both take it from the same place.

use ringfence_compiler::inventory::Labels;

use super::Caller;
use crate::engine::envoy::Reads;
use crate::engine::{Chain, Leaf, RuleRef, chain};
use crate::entrances::{Entrance, Listening, Opening, Pods};
use crate::exact::Arrivals;
use crate::glob::Glob;
use crate::istio::authorization::AuthorizationPolicy;
use crate::istio::request_authentication::JwtRule;
use crate::model::Model;
use crate::residual::{Resolved, resolved};
use crate::routing::gateway::{Speaks, Tls};

/// Who decides at one of the hops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hop<'e> {
    /// The route.
    Route,
    /// A rule at the gateway.
    Gateway(RuleRef<'e>),
    /// A rule at the workload.
    Workload(RuleRef<'e>),
}

/// What holds at the pods of a gateway.
pub(super) struct AtGateway<'e> {
    pub policies: Vec<&'e AuthorizationPolicy>,
    pub tokens: Vec<&'e JwtRule>,
}

/// Returns the pods of a gateway as who calls the workload.
pub(super) fn caller<'e>(model: &'e Model<'e>, listening: &'e Listening) -> Option<Caller<'e>> {
    match &listening.pods {
        Pods::Workload(at) => model.cluster().inventory.workloads.get(*at).map(Caller::Workload),
        Pods::Known(stranger) => Some(Caller::Stranger(stranger)),
        Pods::Unknown(_) => None,
    }
}

/// Returns what gets past a gateway by an opening: the requests its route is about that policies there admit, with what arrives.
#[must_use]
pub fn admitted<'e>(
    model: &'e Model<'e>,
    listener: &'e Entrance,
    opening: &'e Opening,
    listening: &'e Listening,
) -> (Chain<()>, Arrivals) {
    let at = at_gateway(model, listener, listening);
    let arrivals = arrivals_at(listener, listening, &at);
    (first(model, listener, opening, (listening, None), &at).anonymous(), arrivals)
}

/// Returns the AuthorizationPolicies at the pods of a gateway.
#[must_use]
pub fn gateway_policies<'e>(
    model: &'e Model<'e>,
    listener: &Entrance,
    listening: &'e Listening,
) -> Vec<&'e AuthorizationPolicy> {
    at_gateway(model, listener, listening).policies
}

/// Returns the rules by which the pods of a gateway take tokens.
#[must_use]
pub fn tokens_at<'e>(model: &'e Model<'e>, listener: &Entrance, listening: &'e Listening) -> Vec<&'e JwtRule> {
    at_gateway(model, listener, listening).tokens
}

/// Returns what selects the pods of the gateway, or is attached to it.
pub(super) fn at_gateway<'e>(model: &'e Model<'e>, listener: &Entrance, listening: &'e Listening) -> AtGateway<'e> {
    static NONE: Labels = Labels::new();
    let (namespace, labels): (&str, &Labels) = match caller(model, listening) {
        Some(Caller::Workload(workload)) => (&workload.namespace, &workload.labels),
        Some(Caller::Stranger(it)) => (&it.identity.namespace, it.labels.as_ref().unwrap_or(&NONE)),
        _ => return AtGateway { policies: Vec::new(), tokens: Vec::new() },
    };
    let gateway = listener.gateway.as_ref().filter(|(own, _)| own == namespace);
    let gateway = gateway.map_or("", |(_, name)| name.as_str());
    let (root, policies) = (model.cluster().root_namespace(), model.policies());
    AtGateway {
        policies: policies.authorizing_at((namespace, labels), gateway, root),
        tokens: policies.tokens_at_gateway((namespace, labels), gateway, root),
    }
}

/// Returns what a request has to pass at the gateway: the route, and the policies there.
pub(super) fn first<'e>(
    model: &'e Model<'e>,
    listener: &Entrance,
    opening: &Opening,
    (listening, from): (&Listening, Option<Caller<'_>>),
    at: &AtGateway<'e>,
) -> Chain<Hop<'e>> {
    let reads = if listener.speaks == Speaks::Http { Reads::Http } else { Reads::Bytes };
    let policies = chain(&at.policies, reads, model.mesh());
    let takes_tokens = !at.tokens.is_empty();
    let shown = from.and_then(|from| from.identity(model)).map(|identity| format!("spiffe://{identity}"));
    let is_inside = from.is_some_and(|from| !matches!(from, Caller::Outside(_)));
    let policies = resolved(&policies, &|leaf| match leaf {
        Leaf::Peer(glob) => match (&listener.tls, &shown) {
            (Tls::Mesh, Some(uri)) => Resolved::Known(glob.matches(uri)),
            (Tls::Mutual(_) | Tls::Optional(_) | Tls::Mesh, _) => unknown("the certificate of the client", glob),
            _ => Resolved::Known(false),
        },
        Leaf::Port(number) => Resolved::Known(*number == listening.port),
        // Whoever is inside may be known there by the address of its pod, of its node or of a load balancer.
        Leaf::Address(block) if is_inside && block.prefix_len() > 0 => {
            Resolved::Asked(Leaf::Unknown(format!("whether the gateway sees the caller at {block}")))
        }
        Leaf::Destination(_) => Resolved::Asked(Leaf::Unknown("the address of the gateway".to_owned())),
        Leaf::TokenOf(..) | Leaf::Claim(..) if !takes_tokens => Resolved::Known(false),
        leaf => Resolved::Asked(leaf.clone()),
    });
    // What is passed on without a route is not asked about either (istio/istio `pilot/pkg/networking/core/gateway.go`).
    let policies = if listener.tls == Tls::AutoPassthrough { Chain::default() } else { policies };
    opening.requests.clone().and(policies, |_, rule| rule.map_or(Hop::Route, |rule| Hop::Gateway(*rule)))
}

/// Says what arrives at a listener.
pub(super) fn arrivals_at(listener: &Entrance, listening: &Listening, at: &AtGateway<'_>) -> Arrivals {
    Arrivals {
        port: listening.port,
        http: listener.speaks == Speaks::Http,
        plaintext: true,
        mtls: false,
        trust_domains: Vec::new(),
        issuers: at.tokens.iter().map(|rule| rule.taken()).collect(),
    }
}

/// Tells whether a token means the same at both: the gateway leaves those it takes with the request, and takes all that the workload
/// takes. Otherwise one may be shown to the workload at a place where the gateway does not look.
pub(super) fn is_shared(at: &AtGateway<'_>, tokens: &[&JwtRule]) -> bool {
    let places = |rule: &JwtRule| (rule.from_headers.clone(), rule.from_parameters.clone(), rule.from_cookies.clone());
    let takes = |own: &JwtRule| {
        let is_alike = |rule: &&JwtRule| rule.issuer == own.issuer && rule.audiences == own.audiences;
        at.tokens.iter().any(|rule| is_alike(rule) && places(rule) == places(own))
    };
    at.tokens.iter().all(|rule| rule.forwards) && tokens.iter().all(|rule| takes(rule))
}

/// Returns the issuers whose tokens count at every hop that looks at tokens.
pub(super) fn issuers(at: &AtGateway<'_>, tokens: &[&JwtRule]) -> Vec<(String, Vec<String>)> {
    let own = tokens.iter().map(|rule| rule.taken());
    match (at.tokens.is_empty(), tokens.is_empty()) {
        (true, _) => own.collect(),
        (false, true) => at.tokens.iter().map(|rule| rule.taken()).collect(),
        (false, false) if is_shared(at, tokens) => own.collect(),
        (false, false) => at.tokens.iter().map(|rule| rule.taken()).collect(),
    }
}

/// Makes the unknown of something that would have to be such.
pub(super) fn unknown(what: &str, glob: &Glob) -> Resolved {
    Resolved::Asked(Leaf::Unknown(format!("{what}, which would have to be {}", crate::words::glob(glob))))
}
