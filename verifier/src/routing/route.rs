//! Routes of the Gateway API (kubernetes-sigs/gateway-api `apis/v1`, `apis/v1alpha2`).
//!
//! In: nodes of manifests. Out: [`Route`]: HTTPRoutes, GRPCRoutes, TLSRoutes and TCPRoutes in one form.

use ringfence_compiler::diagnostics::{Diagnostics, Reported};
use ringfence_compiler::yaml::Node;

use super::gateway_api::is_zero;
use super::matching::{Match, server_names};
use super::{Backend, Leads, Named, NewPath, Rewriting, Rule, Target};
use crate::istio::read::Fields;
use crate::kubernetes::port::number;

/// The kinds of routes.
const KINDS: [&str; 4] = ["HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute"];

/// A route of the Gateway API.
#[derive(Debug, Clone)]
pub struct Route {
    /// What it is called.
    pub object: Named,
    /// What it attaches to.
    pub parents: Vec<ParentRef>,
    /// The hosts it is about; none are those of its parents.
    pub hostnames: Vec<String>,
    /// Its rules.
    pub rules: Vec<Rule>,
}

/// What a route attaches to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParentRef {
    /// The kind.
    pub kind: String,
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// The listener, if it is one alone.
    pub section: Option<String>,
    /// The port, if it is one alone.
    pub port: Option<u16>,
}

impl Route {
    /// Reads one; `None` for other kinds.
    ///
    /// # Errors
    /// When a field has not its type, which is reported.
    pub fn read(root: &Node, diagnostics: &mut Diagnostics) -> Result<Option<Self>, Reported> {
        let written = root.get("kind").and_then(Node::as_str).unwrap_or_default();
        let Some(kind) = KINDS.into_iter().find(|kind| *kind == written) else { return Ok(None) };
        let object = Fields::of(root);
        let spec = object.child("spec", diagnostics)?;
        let named = Named::read(kind, &object, diagnostics)?;
        let mut parents = Vec::new();
        for parent in spec.list("parentRefs", diagnostics)? {
            parents.push(ParentRef {
                kind: parent.text("kind", diagnostics)?.unwrap_or_else(|| "Gateway".to_owned()),
                namespace: parent.text("namespace", diagnostics)?.unwrap_or_else(|| named.namespace.clone()),
                name: parent.required("name", diagnostics)?,
                section: parent.text("sectionName", diagnostics)?,
                port: parent.get("port").and_then(number),
            });
        }
        let hostnames = spec.texts("hostnames", diagnostics)?;
        let mut rules = Vec::new();
        for (position, written) in spec.list("rules", diagnostics)?.iter().enumerate() {
            let mut matches = Vec::new();
            for it in written.list("matches", diagnostics)? {
                matches.push(match kind {
                    "HTTPRoute" => Match::of_http_route(&it, diagnostics)?,
                    _ => Match::of_grpc_route(&it, diagnostics)?,
                });
            }
            if matches.is_empty() {
                matches.push(Match::everything(written.span()));
            }
            if kind == "TLSRoute" && !hostnames.is_empty() {
                matches.iter_mut().for_each(|it| it.tests.push(server_names(&hostnames)));
            }
            let leads = leads(written, &named.namespace, diagnostics)?;
            rules.push(Rule { position, span: written.span(), matches, leads });
        }
        Ok(Some(Self { object: named, parents, hostnames, rules }))
    }

    /// Tells whether its rules are about requests.
    #[must_use]
    pub fn is_of_requests(&self) -> bool {
        matches!(self.object.kind, "HTTPRoute" | "GRPCRoute")
    }
}

fn leads(fields: &Fields<'_>, namespace: &str, diagnostics: &mut Diagnostics) -> Result<Leads, Reported> {
    let (mut rewriting, mut backends) = (Rewriting::default(), Vec::new());
    for filter in fields.list("filters", diagnostics)? {
        match filter.text("type", diagnostics)?.as_deref() {
            Some("RequestRedirect") => return Ok(Leads::Nowhere("it is redirected")),
            Some("RequestMirror") => {
                let mirror = filter.child("requestMirror", diagnostics)?.child("backendRef", diagnostics)?;
                backends.push(backend(&mirror, namespace, true, diagnostics)?);
            }
            _ => change(&mut rewriting, &filter, diagnostics)?,
        }
    }
    for written in fields.list("backendRefs", diagnostics)? {
        if is_zero(written.get("weight")) {
            continue;
        }
        let mut own = Rewriting::default();
        for filter in written.list("filters", diagnostics)? {
            change(&mut own, &filter, diagnostics)?;
        }
        backends.push(Backend { rewriting: own, ..backend(&written, namespace, false, diagnostics)? });
    }
    Ok(Leads::To(backends, rewriting))
}

fn change(rewriting: &mut Rewriting, filter: &Fields<'_>, diagnostics: &mut Diagnostics) -> Result<(), Reported> {
    let rewrite = filter.child("urlRewrite", diagnostics)?;
    rewriting.host = rewrite.text("hostname", diagnostics)?.or_else(|| rewriting.host.take());
    let path = rewrite.child("path", diagnostics)?;
    if let Some(whole) = path.text("replaceFullPath", diagnostics)? {
        rewriting.path = Some(NewPath::Whole(whole));
    }
    if let Some(beginning) = path.text("replacePrefixMatch", diagnostics)? {
        rewriting.path = Some(NewPath::Beginning(beginning));
    }
    let headers = filter.child("requestHeaderModifier", diagnostics)?;
    for header in headers.list("set", diagnostics)? {
        rewriting.write(header.required("name", diagnostics)?, header.required("value", diagnostics)?);
    }
    for header in headers.list("add", diagnostics)? {
        rewriting.added.push(header.required("name", diagnostics)?);
    }
    rewriting.removed.extend(headers.texts("remove", diagnostics)?);
    Ok(())
}

fn backend(
    fields: &Fields<'_>,
    namespace: &str,
    mirrors: bool,
    diagnostics: &mut Diagnostics,
) -> Result<Backend, Reported> {
    let name = fields.required("name", diagnostics)?;
    let target = match (fields.text("group", diagnostics)?.as_deref(), fields.text("kind", diagnostics)?.as_deref()) {
        (None | Some(""), None | Some("Service")) => {
            Target::Service(fields.text("namespace", diagnostics)?.unwrap_or_else(|| namespace.to_owned()), name)
        }
        (Some("networking.istio.io"), Some("Hostname")) => Target::Host(name),
        (_, kind) => Target::Other(format!("{} {name}", kind.unwrap_or("object"))),
    };
    let (rewriting, port) = (Rewriting::default(), fields.get("port").and_then(number));
    Ok(Backend { target, subset: None, port, mirrors, rewriting, span: fields.span() })
}
