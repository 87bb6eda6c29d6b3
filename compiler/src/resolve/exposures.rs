//! What gateways let in: which hosts and paths, for whom, and what answers.
//!
//! In: Exposure documents, services, and who reaches them. Out: an [`Exposed`] for each document and cluster it holds in.
//! Hosts and paths are claims over the whole organization, and what is exposed must be admitted by an Access as well.

mod admitted;
mod bounds;
mod claims;
mod foreign;
mod targets;

use super::Governed;
use super::statements::Origin;
use super::units::Unit;
use super::world::{Cluster, World};
use crate::diagnostics::codes::{parse, resolve as code};
use crate::diagnostics::{Diagnostics, Reported};
use crate::document::Document;
use crate::source::{Span, Spanned};
use crate::spec::authentication::AuthenticationSpec;
use crate::spec::cluster::{GatewayRole, GatewaySpec};
use crate::spec::exposure::{Backend, ExposedPath, ExposureSpec, SecretName, TlsMode, TlsVersion, UrlPath};
use crate::spec::names::Name;

pub(super) use foreign::check as check_hand_written;
pub use targets::Target;
pub(super) use targets::{one_service, units_of};

/// One Exposure in one cluster.
#[derive(Debug, Clone)]
pub struct Exposed<'a> {
    /// The cluster.
    pub cluster: &'a str,
    /// The document.
    pub document: &'a Document<ExposureSpec>,
    /// Where it was written.
    pub origin: Origin,
    /// How TLS is ended.
    pub tls: Tls,
    /// Its paths that something answers in this cluster.
    pub paths: Vec<Path<'a>>,
}

/// How TLS is ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// Who ends it.
    pub mode: TlsMode,
    /// The oldest version.
    pub min_version: TlsVersion,
    /// Certificate and key; `None` where the service has them.
    pub secret: Option<SecretName>,
}

/// A path and what answers it.
#[derive(Debug, Clone)]
pub struct Path<'a> {
    /// The path.
    pub at: Place,
    /// Where it was written.
    pub span: Span,
    /// Whose tokens must be shown; `None` where none must.
    pub auth: Option<&'a Document<AuthenticationSpec>>,
    /// What the path becomes.
    pub rewrite: Option<UrlPath>,
    /// What answers.
    pub target: Target<'a>,
}

/// A path, with or without what lies below it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The path.
    pub path: UrlPath,
    /// Whether it is meant alone.
    pub exact: bool,
}

impl Place {
    /// Tells whether every path of `other` is one of ours.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        if self.exact { self == other } else { self.path.holds(&other.path.0) }
    }

    /// Returns the patterns of its paths.
    #[must_use]
    pub fn patterns(&self) -> Vec<crate::requests::PathPattern> {
        if self.exact { vec![crate::requests::PathPattern::exact(self.path.0.clone())] } else { self.path.below() }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.exact, self.path.0.as_str()) {
            (true, path) => f.write_str(path),
            (false, "/") => f.write_str("/*"),
            (false, path) => write!(f, "{path}/*"),
        }
    }
}

/// A gateway of a cluster.
pub(crate) fn gateway<'a>(cluster: &Cluster<'a>, name: &str) -> Option<&'a GatewaySpec> {
    cluster.document.spec.gateways.get(name).map(|gateway| &gateway.value)
}

/// Resolves every Exposure.
pub(super) fn resolve<'a>(
    world: &World<'a>,
    governed: &[Governed<'a>],
    diagnostics: &mut Diagnostics,
) -> Vec<Exposed<'a>> {
    let units: Vec<&Unit<'a>> = governed.iter().map(|governed| &governed.unit).collect();
    let mut exposed = Vec::new();
    for document in &world.parsed.policy.exposures {
        bounds::check(world, document, diagnostics);
        if let Ok(found) = read(world, document, &units, diagnostics) {
            exposed.extend(found);
        }
    }
    claims::check(world, &exposed, diagnostics);
    // Where a grant was refused for another reason, nobody is helped by the advice to write it.
    if !diagnostics.has_errors() {
        admitted::check(world, &exposed, governed, diagnostics);
    }
    exposed
}

fn read<'a>(
    world: &World<'a>,
    document: &'a Document<ExposureSpec>,
    units: &[&Unit<'a>],
    diagnostics: &mut Diagnostics,
) -> Result<Vec<Exposed<'a>>, Reported> {
    let clusters = clusters(world, document, diagnostics)?;
    let tls = tls(document, diagnostics)?;
    let written = paths(world, document, &tls, diagnostics)?;
    let mut exposed = Vec::new();
    for (cluster, gateway) in clusters {
        own_secret(world, document, cluster, gateway, diagnostics)?;
        let mut answered = Vec::new();
        for path in &written {
            let Some(target) = targets::find(world, document, path.backend, &tls, cluster, units, diagnostics)? else {
                continue;
            };
            let (at, auth, rewrite) = (path.at.clone(), path.auth, path.rewrite.clone());
            answered.push(Path { at, span: path.span, auth, rewrite, target });
        }
        if !answered.is_empty() {
            let (origin, tls) = (Origin::document(document.span, document), tls.clone());
            exposed.push(Exposed { cluster, document, origin, tls, paths: answered });
        }
    }
    if exposed.is_empty() {
        let gateway = &document.spec.gateway;
        let nowhere = code::UNKNOWN_REFERENCE
            .at(gateway.span, format!("no cluster has both gateway `{}` and the services behind it", gateway.value));
        return Err(diagnostics.report(
            nowhere.label("exposes nothing").help("declare the gateway in the cluster where the services run"),
        ));
    }
    Ok(exposed)
}

/// Returns the clusters that declare the gateway.
fn clusters<'a>(
    world: &World<'a>,
    document: &Document<ExposureSpec>,
    diagnostics: &mut Diagnostics,
) -> Result<Vec<(&'a str, &'a GatewaySpec)>, Reported> {
    let name = &document.spec.gateway;
    let is_ingress =
        |gateway: &GatewaySpec| gateway.role.as_ref().is_none_or(|role| role.value == GatewayRole::Ingress);
    let declared: Vec<_> =
        world.clusters.iter().filter_map(|(cluster, it)| Some((*cluster, gateway(it, &name.value.0)?))).collect();
    if let Some((cluster, other)) = declared.iter().find(|(_, gateway)| !is_ingress(gateway)) {
        let role = other.role.as_ref();
        let wrong = code::UNKNOWN_REFERENCE
            .at(name.span, format!("gateway `{}` of `{cluster}` lets nothing in", name.value))
            .label("exposes nothing");
        let wrong = role.into_iter().fold(wrong, |wrong, role| wrong.and(role.span, "what it is for"));
        return Err(diagnostics.report(wrong.help("name a gateway with `role: ingress`")));
    }
    if declared.is_empty() {
        let known: Vec<&str> = world
            .clusters
            .values()
            .flat_map(|cluster| cluster.document.spec.gateways.iter())
            .filter(|(_, gateway)| is_ingress(&gateway.value))
            .map(|(name, _)| name.as_str())
            .collect();
        let unknown = code::UNKNOWN_REFERENCE.at(name.span, format!("no cluster declares a gateway `{}`", name.value));
        return Err(diagnostics.report(unknown.label("found nowhere").did_you_mean(&name.value.0, known)));
    }
    Ok(declared)
}

fn tls(document: &Document<ExposureSpec>, diagnostics: &mut Diagnostics) -> Result<Tls, Reported> {
    let written = &document.spec.tls;
    let mode = written.value.mode.as_ref().map_or(TlsMode::Terminate, |mode| mode.value);
    let min_version = written.value.min_version.as_ref().map_or(TlsVersion::V12, |version| version.value);
    let secret = written.value.secret.as_ref();
    match (mode, secret) {
        (TlsMode::Passthrough, Some(secret)) => Err(diagnostics.report(
            parse::INVALID_VALUE
                .at(secret.span, "a gateway that passes TLS through has no use for a certificate")
                .label("never used")
                .help("leave `secret` out: the service shows its own"),
        )),
        (TlsMode::Terminate | TlsMode::Mutual, None) => Err(diagnostics.report(
            parse::MISSING_FIELD
                .at(written.span, "missing field `secret`")
                .label("no certificate")
                .help("name the Secret that holds certificate and key"),
        )),
        (mode, secret) => Ok(Tls { mode, min_version, secret: secret.map(|secret| secret.value.clone()) }),
    }
}

/// Refuses the Secret of a namespace that is neither the gateway's nor the document's own: a reference would be granted to
/// what is somebody else's.
fn own_secret(
    world: &World<'_>,
    document: &Document<ExposureSpec>,
    cluster: &str,
    gateway: &GatewaySpec,
    diagnostics: &mut Diagnostics,
) -> Result<(), Reported> {
    let Some(secret) = &document.spec.tls.value.secret else { return Ok(()) };
    let Some(namespace) = &secret.value.namespace else { return Ok(()) };
    let owner = world.claims.get(&(cluster, namespace.as_str()));
    let own = owner.is_some() && owner.cloned() == World::workspace(&document.node);
    if own || *namespace == gateway.namespace.value.0 {
        return Ok(());
    }
    let outside = code::OUTSIDE_NODE
        .at(secret.span, format!("namespace `{namespace}` does not belong to `{}`", document.node))
        .label("somebody else's Secret");
    Err(diagnostics.report(outside.help("name a Secret of the gateway's namespace, or of one the workspace claims")))
}

/// A path as it is written, with what the whole document says where it says nothing.
struct Written<'a> {
    at: Place,
    span: Span,
    auth: Option<&'a Document<AuthenticationSpec>>,
    rewrite: Option<UrlPath>,
    backend: &'a Spanned<Backend>,
}

fn paths<'a>(
    world: &World<'a>,
    document: &'a Document<ExposureSpec>,
    tls: &Tls,
    diagnostics: &mut Diagnostics,
) -> Result<Vec<Written<'a>>, Reported> {
    let spec = &document.spec;
    if tls.mode == TlsMode::Passthrough {
        let blind = spec.paths.first().map(|path| path.span).or(spec.auth.as_ref().map(|auth| auth.span));
        if let Some(span) = blind {
            return Err(diagnostics.report(
                parse::INVALID_VALUE
                    .at(span, "a gateway that passes TLS through sees neither paths nor tokens")
                    .label("not seen there")
                    .help("let the gateway end TLS, or leave `paths` and `auth` out"),
            ));
        }
    }
    let everything = Place { path: UrlPath("/".to_owned()), exact: false };
    if spec.paths.is_empty() {
        let auth = match tls.mode {
            TlsMode::Passthrough => None,
            _ => auth(world, document, spec.auth.as_ref(), spec.gateway.span, diagnostics)?,
        };
        let backend = backend(document, spec.backend.as_ref(), spec.gateway.span, diagnostics)?;
        return Ok(vec![Written { at: everything, span: document.span, auth, rewrite: None, backend }]);
    }
    let read: Vec<_> = spec.paths.iter().map(|path| one_path(world, document, path, diagnostics)).collect();
    read.into_iter().collect()
}

fn one_path<'a>(
    world: &World<'a>,
    document: &'a Document<ExposureSpec>,
    path: &'a Spanned<ExposedPath>,
    diagnostics: &mut Diagnostics,
) -> Result<Written<'a>, Reported> {
    let (spec, written) = (&document.spec, &path.value);
    let at = place(written.prefix.as_ref(), written.exact.as_ref(), path.span, diagnostics)?;
    let auth = auth(world, document, written.auth.as_ref().or(spec.auth.as_ref()), path.span, diagnostics)?;
    let backend = backend(document, written.backend.as_ref().or(spec.backend.as_ref()), path.span, diagnostics)?;
    let rewrite = written.rewrite.as_ref().map(|rewrite| rewrite.value.clone());
    Ok(Written { at, span: path.span, auth, rewrite, backend })
}

/// Reads a path that is written as `prefix` or as `exact`.
pub(super) fn place(
    prefix: Option<&Spanned<UrlPath>>,
    exact: Option<&Spanned<UrlPath>>,
    span: Span,
    diagnostics: &mut Diagnostics,
) -> Result<Place, Reported> {
    match (prefix, exact) {
        (Some(prefix), None) => Ok(Place { path: prefix.value.clone(), exact: false }),
        (None, Some(exact)) => Ok(Place { path: exact.value.clone(), exact: true }),
        _ => Err(diagnostics.report(
            parse::INVALID_VALUE
                .at(span, "a path is either a `prefix` or `exact`")
                .label("which of them?")
                .help("write one of the two: `prefix: /v1` is `/v1` and everything below it"),
        )),
    }
}

/// Looks up whose tokens must be shown: at the node of the document or above.
fn auth<'a>(
    world: &World<'a>,
    document: &Document<ExposureSpec>,
    written: Option<&Spanned<Name>>,
    span: Span,
    diagnostics: &mut Diagnostics,
) -> Result<Option<&'a Document<AuthenticationSpec>>, Reported> {
    let Some(name) = written else {
        return Err(diagnostics.report(
            parse::MISSING_FIELD
                .at(span, "missing field `auth`")
                .label("with a token, or without?")
                .help("write `auth: <name of an Authentication>`, or `auth: none` where anybody may send requests"),
        ));
    };
    if name.value.0 == "none" {
        return Ok(None);
    }
    let above = || world.parsed.policy.authentications.iter().filter(|other| other.node.contains(&document.node));
    let found = above().filter(|other| other.name() == name.value.0).max_by_key(|other| other.node.lineage().len());
    let Some(found) = found else {
        let unknown = code::UNKNOWN_REFERENCE
            .at(name.span, format!("there is no Authentication `{}` at `{}` or above", name.value, document.node));
        let known = above().map(Document::name).chain(["none"]);
        return Err(diagnostics.report(unknown.label("found nowhere").did_you_mean(&name.value.0, known)));
    };
    if found.spec.issuers.is_empty() {
        let nobody = code::UNKNOWN_ISSUER
            .at(name.span, format!("Authentication `{}` accepts no issuer", name.value))
            .label("no request can be admitted");
        return Err(diagnostics.report(nobody.and(found.span, "without `issuers`").help("name one with `issuers`")));
    }
    Ok(Some(found))
}

fn backend<'a>(
    document: &Document<ExposureSpec>,
    written: Option<&'a Spanned<Backend>>,
    span: Span,
    diagnostics: &mut Diagnostics,
) -> Result<&'a Spanned<Backend>, Reported> {
    written.ok_or_else(|| {
        diagnostics.report(
            parse::MISSING_FIELD
                .at(span, "missing field `backend`")
                .label(format!("nothing answers in `{}`", document.name()))
                .help("write `backend: {service: …, port: …}` there, or beside `gateway` for all paths"),
        )
    })
}
