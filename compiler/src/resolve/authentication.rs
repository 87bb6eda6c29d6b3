//! Which tokens each unit accepts, and whether a request must show one.
//!
//! In: Authentication statements and the mandates on tokens. Out: [`Authentication`] for each unit. Statements add up, as
//! RequestAuthentications do, so it is the union that is held against the mandates.

use std::collections::BTreeMap;

use super::access::scope;
use super::fields::Words;
use super::settings::Settings;
use super::statements::Origin;
use super::units::Unit;
use super::world::World;
use crate::diagnostics::Diagnostics;
use crate::diagnostics::codes::resolve as code;
use crate::document::Document;
use crate::requests::{PathPattern, Pattern};
use crate::source::Span;
use crate::spec::authentication::{AuthenticationSpec, Issuer};
use crate::spec::mandates::JwtMandate;

/// Which tokens a unit accepts.
#[derive(Debug, Clone, Default)]
pub struct Authentication {
    /// The issuers, by name, each once.
    pub issuers: Vec<AcceptedIssuer>,
    /// What demands that every request show a token.
    pub required: Option<Origin>,
    /// The paths that need none.
    pub exempt: Vec<PathPattern>,
    /// External authorization providers that must be asked, with what asks for them.
    pub external: BTreeMap<String, Origin>,
}

/// An issuer a unit accepts tokens of.
#[derive(Debug, Clone)]
pub struct AcceptedIssuer {
    /// The `iss` of its tokens.
    pub issuer: String,
    /// All else that is said of it.
    pub spec: Issuer,
    /// Where it was written.
    pub origin: Origin,
}

impl Authentication {
    /// Tells whether tokens of an issuer are accepted.
    #[must_use]
    pub fn accepts(&self, issuer: &str) -> bool {
        self.issuers.iter().any(|accepted| accepted.issuer == issuer)
    }
}

/// Works out the authentication of each unit.
pub(super) fn resolve(
    world: &World<'_>,
    units: &[Unit<'_>],
    settings: &[Option<Settings>],
    diagnostics: &mut Diagnostics,
) -> Vec<Authentication> {
    let mut resolved: Vec<Authentication> = units.iter().map(|_| Authentication::default()).collect();
    let mut required: Vec<Option<Written>> = vec![None; units.len()];
    for document in &world.parsed.policy.authentications {
        check_issuers(document, diagnostics);
        let about = match &document.spec.to {
            None => scope::in_node(units, &document.node),
            Some(to) => match scope::units_of(world, to, &document.node, units, diagnostics) {
                Some(about) => about,
                None => continue,
            },
        };
        for at in about {
            let Some(authentication) = resolved.get_mut(at) else { continue };
            add(document, authentication, diagnostics);
            if let (Some(value), Some(seen)) = (&document.spec.required, required.get_mut(at)) {
                choose(
                    Written {
                        value: value.value,
                        origin: Origin::document(value.span, document),
                        depth: document.node.lineage().len(),
                    },
                    seen,
                    diagnostics,
                );
            }
        }
    }
    for (at, unit) in units.iter().enumerate() {
        let (Some(authentication), Some(chosen)) = (resolved.get_mut(at), required.get(at)) else { continue };
        mandate(world, unit, authentication, chosen.as_ref(), diagnostics);
        if let Some(settings) = settings.get(at).and_then(Option::as_ref) {
            check_ceiling(settings, authentication, diagnostics);
            for obligation in &settings.external_authorization.ceilings {
                for provider in &obligation.value {
                    authentication.external.entry(provider.clone()).or_insert_with(|| obligation.origin.clone());
                }
            }
        }
    }
    resolved
}

/// Each issuer has exactly one source of keys, and each place of a token is one place.
fn check_issuers(document: &Document<AuthenticationSpec>, diagnostics: &mut Diagnostics) {
    for issuer in &document.spec.issuers {
        let message = match (&issuer.jwks_uri, &issuer.jwks) {
            (None, None) => "has no keys",
            (Some(_), Some(_)) => "has two sets of keys",
            _ => "",
        };
        if !message.is_empty() {
            let keys = code::TOKEN_KEYS.at(issuer.issuer.span, format!("issuer `{}` {message}", issuer.issuer.value));
            diagnostics.report(keys.label("tokens cannot be checked").help("write one of `jwksUri` and `jwks`"));
        }
        for place in issuer.from.iter().flat_map(|places| &places.0) {
            let named = [&place.header, &place.param, &place.cookie].into_iter().flatten().count();
            if named != 1 || (place.prefix.is_some() && place.header.is_none()) {
                let keys = code::TOKEN_KEYS.at(
                    issuer.issuer.span,
                    format!("a token of `{}` is looked for in {named} places at once", issuer.issuer.value),
                );
                diagnostics.report(
                    keys.label("one of its `from`")
                        .help("write one of `header`, `param` and `cookie`; `prefix` goes with `header`"),
                );
            }
        }
    }
}

fn add(document: &Document<AuthenticationSpec>, authentication: &mut Authentication, diagnostics: &mut Diagnostics) {
    for issuer in &document.spec.issuers {
        let origin = Origin::document(issuer.issuer.span, document);
        match authentication.issuers.iter_mut().find(|known| known.issuer == issuer.issuer.value) {
            Some(known) if known.spec != *issuer => {
                diagnostics.report(
                    code::AMBIGUOUS
                        .at(
                            issuer.issuer.span,
                            format!("issuer `{}` is described twice for one workload", issuer.issuer.value),
                        )
                        .label("otherwise than")
                        .and(known.origin.span, "here")
                        .help("describe it once, at the node above both"),
                );
            }
            // Of equal descriptions one is named, and not by the order of files.
            Some(known) => {
                if origin.id < known.origin.id {
                    known.origin = origin;
                }
            }
            None => authentication.issuers.push(AcceptedIssuer {
                issuer: issuer.issuer.value.clone(),
                spec: issuer.clone(),
                origin,
            }),
        }
    }
    authentication.issuers.sort_by(|a, b| a.issuer.cmp(&b.issuer));
    for path in document.spec.exempt.iter().flat_map(|paths| &paths.0) {
        if !authentication.exempt.contains(&path.value) {
            authentication.exempt.push(path.value.clone());
        }
    }
    authentication.exempt.sort();
    if let Some(provider) = &document.spec.external_authorization {
        let origin = Origin::document(provider.span, document);
        let named = authentication.external.entry(provider.value.0.clone()).or_insert_with(|| origin.clone());
        if origin.id < named.id {
            *named = origin;
        }
    }
}

/// What a document says about the need of a token.
#[derive(Debug, Clone)]
struct Written {
    value: bool,
    origin: Origin,
    /// How far down the tree it is written.
    depth: usize,
}

/// The innermost node that says whether a token is required decides; two at one depth must agree.
fn choose(written: Written, seen: &mut Option<Written>, diagnostics: &mut Diagnostics) {
    match seen {
        Some(other) if other.depth == written.depth && other.value != written.value => {
            let ambiguous = code::AMBIGUOUS
                .at(written.origin.span, "one node says both that a token is required and that it is not");
            diagnostics.report(
                ambiguous
                    .label("one")
                    .and(other.origin.span, "the other")
                    .help("neither order nor file name decides: keep one"),
            );
        }
        Some(other) if other.depth > written.depth => {}
        // Of equal statements one is named, and not by the order of files.
        Some(other) if other.depth == written.depth && other.origin.id <= written.origin.id => {}
        _ => *seen = Some(written),
    }
}

/// Joins what is mandated with what is written about the need of a token.
fn mandate(
    world: &World<'_>,
    unit: &Unit<'_>,
    authentication: &mut Authentication,
    written: Option<&Written>,
    diagnostics: &mut Diagnostics,
) {
    let mut demanded: Option<(Origin, &JwtMandate)> = None;
    for path in unit.node.lineage() {
        for jwt in world.mandates(&path).into_iter().filter_map(|mandates| mandates.jwt.as_ref()) {
            if let Some(required) = jwt.value.required.as_ref().filter(|required| required.value) {
                demanded.get_or_insert((Origin::mandate(required.span, &path, "jwt.required"), &jwt.value));
            }
            if let Some(exempt) = &jwt.value.exempt {
                let allowed = &exempt.value.at_most.value.0;
                for path in authentication
                    .exempt
                    .iter()
                    .filter(|path| !allowed.iter().any(|allowed| allowed.value.covers(path)))
                {
                    let span = place_of_exempt(world, unit, path);
                    let widens =
                        code::WIDENS_MANDATE.at(span, format!("path `{path}` may not be exempt from showing a token"));
                    diagnostics.report(
                        widens
                            .label("needs no token")
                            .and(exempt.span, "the paths that may")
                            .help("stay within the mandate, or have its list extended"),
                    );
                }
            }
        }
    }
    if let Some((origin, jwt)) = &demanded {
        if let Some(written) = written.filter(|written| !written.value) {
            let widens = code::WIDENS_MANDATE
                .at(written.origin.span, format!("`required: false` permits more than `{}` does", origin.id));
            let widens = widens.label("needs no token").and(origin.span, "every request must show one");
            diagnostics.report(widens.help("leave `required` out: the mandate decides"));
        }
        if let (Some(path), None) = (authentication.exempt.first(), &jwt.exempt) {
            let span = place_of_exempt(world, unit, path);
            let widens = code::WIDENS_MANDATE
                .at(span, format!("path `{path}` is exempt from a token that `{}` demands", origin.id));
            diagnostics.report(
                widens
                    .label("needs no token")
                    .and(origin.span, "on every path")
                    .help("let the mandate list the paths that may be exempt"),
            );
        }
    }
    let by_document = written.filter(|written| written.value).map(|written| written.origin.clone());
    authentication.required = demanded.map(|(origin, _)| origin).or(by_document);
    if let (Some(required), true) = (&authentication.required, authentication.issuers.is_empty()) {
        let nobody = code::UNKNOWN_ISSUER
            .at(required.span, format!("`{}` demands a token, and no issuer is accepted", unit.name));
        diagnostics.report(
            nobody
                .label("no request can be admitted")
                .help("add an Authentication with `issuers` at the workload's node or above"),
        );
    }
}

/// Returns the line on the way down to a unit that exempts a path.
fn place_of_exempt(world: &World<'_>, unit: &Unit<'_>, path: &PathPattern) -> Span {
    let above = world.parsed.policy.authentications.iter().filter(|document| document.node.contains(&unit.node));
    let mut exempt = above.filter_map(|document| document.spec.exempt.as_ref()).flat_map(|paths| &paths.0);
    exempt.find(|written| written.value == *path).map_or_else(|| world.place_of(&unit.node), |written| written.span)
}

fn check_ceiling(settings: &Settings, authentication: &Authentication, diagnostics: &mut Diagnostics) {
    let Words::Only(allowed) = &settings.issuers.value else { return };
    for issuer in authentication.issuers.iter().filter(|issuer| !allowed.contains(&issuer.issuer)) {
        let widens = code::WIDENS_MANDATE
            .at(issuer.origin.span, format!("tokens of `{}` may not be accepted here", issuer.issuer));
        let widens = widens.label("outside the mandate");
        let by = settings
            .issuers
            .ceilings
            .iter()
            .find(|by| matches!(&by.value, Words::Only(words) if !words.contains(&issuer.issuer)));
        let widens = by.into_iter().fold(widens, |widens, by| widens.and(by.origin.span, "the issuers that may"));
        diagnostics.report(widens.help("stay within the mandate, or have an Exception to it approved"));
    }
}
