//! VirtualServices (istio/api `networking/v1/virtual_service.proto`).
//!
//! In: nodes of manifests. Out: [`VirtualService`]. Short names stand for Services of its own namespace.

use ringfence_compiler::diagnostics::{Diagnostics, Reported};
use ringfence_compiler::yaml::{Node, Value};

use super::matching::Match;
use super::{Backend, Delegate, Leads, Named, NewPath, Rewriting, Rule, Target};
use crate::istio::read::Fields;
use crate::kubernetes::port::number;

/// A VirtualService.
#[derive(Debug, Clone)]
pub struct VirtualService {
    /// What it is called.
    pub object: Named,
    /// The hosts it is about; a delegate has none.
    pub hosts: Vec<String>,
    /// The gateways it is bound to, `namespace/name` each; `mesh` are the sidecars.
    pub gateways: Vec<String>,
    /// The namespaces that see it: `.`, `*` or names; none is everybody.
    pub export_to: Vec<String>,
    /// Rules for requests.
    pub http: Vec<Rule>,
    /// Rules for TLS that is passed on.
    pub tls: Vec<Rule>,
    /// Rules for connections.
    pub tcp: Vec<Rule>,
}

impl VirtualService {
    /// Reads one.
    ///
    /// # Errors
    /// When a field has not its type, which is reported.
    pub fn read(root: &Node, diagnostics: &mut Diagnostics) -> Result<Self, Reported> {
        let object = Fields::of(root);
        let spec = object.child("spec", diagnostics)?;
        let named = Named::read("VirtualService", &object, diagnostics)?;
        let mut gateways = spec.texts("gateways", diagnostics)?;
        gateways.iter_mut().for_each(|gateway| qualify(gateway, &named.namespace));
        let hosts = spec.texts("hosts", diagnostics)?.into_iter();
        let short = |host: String| match host.contains(['.', '*']) {
            true => host,
            false => format!("{host}.{}.svc.cluster.local", named.namespace),
        };
        let mut rules = |name: &str| -> Result<Vec<Rule>, Reported> {
            let written = spec.list(name, diagnostics)?;
            let read: Vec<_> = written
                .iter()
                .enumerate()
                .map(|(position, rule)| self::rule(name, position, rule, &named.namespace, diagnostics))
                .collect();
            read.into_iter().collect()
        };
        let (http, tls, tcp) = (rules("http")?, rules("tls")?, rules("tcp")?);
        Ok(Self {
            hosts: hosts.map(short).collect(),
            gateways: if gateways.is_empty() { vec!["mesh".to_owned()] } else { gateways },
            export_to: spec.texts("exportTo", diagnostics)?,
            object: named,
            http,
            tls,
            tcp,
        })
    }

    /// Tells whether proxies of a namespace see it.
    #[must_use]
    pub fn is_seen_in(&self, namespace: &str) -> bool {
        let names = |to: &String| match to.as_str() {
            "*" => true,
            "." => self.object.namespace == namespace,
            to => to == namespace,
        };
        self.export_to.is_empty() || self.export_to.iter().any(names)
    }

    /// Tells whether proxies of every namespace see it.
    #[must_use]
    pub fn is_seen_everywhere(&self) -> bool {
        self.export_to.is_empty() || self.export_to.iter().any(|to| to == "*")
    }
}

fn rule(
    list: &str,
    position: usize,
    fields: &Fields<'_>,
    namespace: &str,
    diagnostics: &mut Diagnostics,
) -> Result<Rule, Reported> {
    let mut matches = Vec::new();
    for written in fields.list("match", diagnostics)? {
        matches.push(match list {
            "http" => Match::of_istio(&written, diagnostics)?,
            _ => Match::of_connections(&written, diagnostics)?,
        });
    }
    if matches.is_empty() {
        matches.push(Match::everything(fields.span()));
    }
    matches.iter_mut().flat_map(|it| &mut it.gateways).for_each(|gateway| qualify(gateway, namespace));
    Ok(Rule { position, span: fields.span(), matches, leads: leads(fields, namespace, diagnostics)? })
}

/// Writes the namespace of a gateway where it is left out.
fn qualify(gateway: &mut String, namespace: &str) {
    if gateway != "mesh" && !gateway.contains('/') {
        *gateway = format!("{namespace}/{gateway}");
    }
}

fn leads(fields: &Fields<'_>, namespace: &str, diagnostics: &mut Diagnostics) -> Result<Leads, Reported> {
    if fields.get("redirect").is_some() {
        return Ok(Leads::Nowhere("it is redirected"));
    }
    if fields.get("directResponse").is_some() {
        return Ok(Leads::Nowhere("the gateway answers it"));
    }
    let rewriting = rewriting(fields, diagnostics)?;
    let mut mirrors = Vec::new();
    let several = fields.list("mirrors", diagnostics)?;
    let several = several.iter().map(|it| it.child("destination", diagnostics)).collect::<Vec<_>>();
    for mirror in several.into_iter().chain([fields.child("mirror", diagnostics)]) {
        mirrors.extend(backend(&mirror?, namespace, true, diagnostics)?);
    }
    let delegate = fields.child("delegate", diagnostics)?;
    if delegate.is_there() {
        let its = delegate.text("namespace", diagnostics)?.unwrap_or_else(|| namespace.to_owned());
        let name = delegate.required("name", diagnostics)?;
        return Ok(Leads::Delegate(Delegate { namespace: its, name, rewriting, mirrors }));
    }
    let written = fields.list("route", diagnostics)?;
    let mut backends = Vec::new();
    for route in &written {
        let weight = route.get("weight").map(|node| node.value.clone());
        let none = matches!(&weight, Some(Value::Number(weight)) if weight.as_u64() == Some(0));
        // Alone it gets everything whatever its weight.
        if none && written.len() > 1 {
            continue;
        }
        let found = backend(&route.child("destination", diagnostics)?, namespace, false, diagnostics)?;
        let mut own = Rewriting::default();
        headers(&mut own, route, diagnostics)?;
        backends.extend(found.map(|found| Backend { rewriting: own, ..found }));
    }
    backends.extend(mirrors);
    Ok(Leads::To(backends, rewriting))
}

fn backend(
    destination: &Fields<'_>,
    namespace: &str,
    mirrors: bool,
    diagnostics: &mut Diagnostics,
) -> Result<Option<Backend>, Reported> {
    let Some(host) = destination.text("host", diagnostics)? else { return Ok(None) };
    let port = destination.child("port", diagnostics)?.get("number").and_then(number);
    let (target, subset) = (Target::of_host(&host, namespace), destination.text("subset", diagnostics)?);
    let rewriting = Rewriting::default();
    Ok(Some(Backend { target, subset, port, mirrors, rewriting, span: destination.span() }))
}

fn rewriting(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Result<Rewriting, Reported> {
    let mut rewriting = Rewriting::default();
    let rewrite = fields.child("rewrite", diagnostics)?;
    rewriting.host = rewrite.text("authority", diagnostics)?;
    rewriting.path = rewrite.text("uri", diagnostics)?.map(NewPath::Beginning);
    if rewrite.get("uriRegexRewrite").is_some() {
        rewriting.path = Some(NewPath::Unknown);
    }
    headers(&mut rewriting, fields, diagnostics)?;
    Ok(rewriting)
}

/// Reads what is done to the headers of a request.
fn headers(rewriting: &mut Rewriting, fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Result<(), Reported> {
    let request = fields.child("headers", diagnostics)?.child("request", diagnostics)?;
    for (name, value) in request.labels("set", diagnostics)? {
        rewriting.write(name, value);
    }
    rewriting.added.extend(request.labels("add", diagnostics)?.into_keys());
    rewriting.removed.extend(request.texts("remove", diagnostics)?);
    Ok(())
}
