//! Gateways, ListenerSets and ReferenceGrants of the Gateway API (kubernetes-sigs/gateway-api `apis/v1`, `apis/v1beta1`).
//!
//! In: nodes of manifests. Out: [`Parent`], what routes attach to, and [`Grant`]. Waypoints are no gateways.

use ringfence_compiler::diagnostics::{Diagnostics, Reported};
use ringfence_compiler::inventory::Labels;
use ringfence_compiler::source::Span;
use ringfence_compiler::yaml::{Node, Value};

use super::Named;
use super::gateway::{Speaks, Tls};
use crate::istio::read::Fields;
use crate::kubernetes::port::number;
use crate::kubernetes::selector::LabelSelector;

/// The classes of Gateways that are no way in: waypoints, and gateways that join clusters by tunnels.
const OTHERS: [&str; 2] = ["istio-waypoint", "istio-east-west"];

/// A Gateway or a ListenerSet.
#[derive(Debug, Clone)]
pub struct Parent {
    /// What it is called.
    pub object: Named,
    /// The class; empty for a ListenerSet.
    pub class: String,
    /// Of a ListenerSet the Gateway it adds to, by namespace and name.
    pub of: Option<(String, String)>,
    /// The Service of pods that run already; without one they are made for it.
    pub service: Option<(String, String)>,
    /// The account of pods that are made for it.
    pub account: String,
    /// The labels of such pods.
    pub labels: Labels,
    /// Sources where a Gateway takes ListenerSets.
    pub allows_sets: Sources,
    /// What it listens for.
    pub listeners: Vec<Listener>,
}

/// What a Gateway listens for.
#[derive(Debug, Clone)]
pub struct Listener {
    /// Where it was written.
    pub span: Span,
    /// Its name.
    pub name: String,
    /// The port.
    pub port: u16,
    /// What is spoken there.
    pub speaks: Speaks,
    /// How TLS is ended.
    pub tls: Tls,
    /// The host; `None` is any.
    pub hostname: Option<String>,
    /// Which namespaces' routes may attach.
    pub allows: Sources,
    /// The kinds of those routes; empty where the protocol says.
    pub kinds: Vec<String>,
    /// The Secrets of its certificates, each with a namespace.
    pub secrets: Vec<(String, String)>,
}

/// Namespaces something may come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sources {
    /// None.
    None,
    /// Its own.
    Same,
    /// All.
    All,
    /// Those with such labels.
    Selected(LabelSelector),
}

/// A ReferenceGrant.
#[derive(Debug, Clone)]
pub struct Grant {
    /// What it is called; its namespace is that of what may be referred to.
    pub object: Named,
    /// Who may: kind and namespace.
    pub from: Vec<(String, String)>,
    /// To what: kind, and a name if it is one alone.
    pub to: Vec<(String, Option<String>)>,
}

impl Parent {
    /// Reads one; `None` for waypoints.
    ///
    /// # Errors
    /// When a field has not its type, which is reported.
    pub fn read(root: &Node, diagnostics: &mut Diagnostics) -> Result<Option<Self>, Reported> {
        let object = Fields::of(root);
        let (metadata, spec) = (object.child("metadata", diagnostics)?, object.child("spec", diagnostics)?);
        let is_set = root.get("kind").and_then(Node::as_str) != Some("Gateway");
        let named = Named::read(if is_set { "ListenerSet" } else { "Gateway" }, &object, diagnostics)?;
        let class = spec.text("gatewayClassName", diagnostics)?.unwrap_or_default();
        if OTHERS.contains(&class.as_str()) {
            return Ok(None);
        }
        let parent = spec.child("parentRef", diagnostics)?;
        let of = match is_set {
            false => None,
            true => {
                let namespace = parent.text("namespace", diagnostics)?;
                Some((namespace.unwrap_or_else(|| named.namespace.clone()), parent.required("name", diagnostics)?))
            }
        };
        let service = spec.list("addresses", diagnostics)?.into_iter().find_map(|address| {
            let kind = address.get("type").and_then(Node::as_str);
            let value = address.get("value").and_then(Node::as_str).filter(|_| kind == Some("Hostname"))?;
            let mut parts = value.split('.');
            let name = parts.next()?.to_owned();
            Some((parts.next().map_or_else(|| named.namespace.clone(), str::to_owned), name))
        });
        let annotations = metadata.child("annotations", diagnostics)?;
        let account = annotations.get("gateway.istio.io/service-account").and_then(Node::as_str).map(str::to_owned);
        // istio/istio `pilot/pkg/config/kube/gateway/deploymentcontroller.go`: named after the Gateway and its class.
        let account = account.unwrap_or_else(|| format!("{}-{class}", named.name));
        let mut labels = spec.child("infrastructure", diagnostics)?.labels("labels", diagnostics)?;
        labels.insert("gateway.networking.k8s.io/gateway-name".to_owned(), named.name.clone());
        let allows = spec.child("allowedListeners", diagnostics)?.child("namespaces", diagnostics)?;
        let written = spec.list("listeners", diagnostics)?;
        let listeners: Vec<_> = written.iter().map(|it| Listener::read(it, &named.namespace, diagnostics)).collect();
        Ok(Some(Self {
            class,
            of,
            service,
            account,
            labels,
            allows_sets: Sources::read(&allows, Sources::None, diagnostics)?,
            listeners: listeners.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect(),
            object: named,
        }))
    }
}

/// Reads a Gateway that is no way in: a waypoint, or one that joins clusters.
pub(super) fn inner(root: &Node) -> Option<Named> {
    let class = root.get("spec")?.get("gatewayClassName")?.as_str()?;
    let is_one = OTHERS.contains(&class) && root.get("kind").and_then(Node::as_str) == Some("Gateway");
    // What cannot be read was said where it was read as any Gateway.
    let named = || Named::read("Gateway", &Fields::of(root), &mut Diagnostics::new()).ok();
    is_one.then(named).flatten()
}

impl Listener {
    fn read(fields: &Fields<'_>, namespace: &str, diagnostics: &mut Diagnostics) -> Result<Option<Self>, Reported> {
        let Some(port) = fields.get("port").and_then(number) else { return Ok(None) };
        let tls = fields.child("tls", diagnostics)?;
        let options = tls.child("options", diagnostics)?.text("gateway.istio.io/tls-terminate-mode", diagnostics)?;
        let passes = tls.text("mode", diagnostics)?.is_some_and(|mode| mode == "Passthrough");
        let ended = match options.as_deref() {
            _ if passes => Tls::Passthrough,
            Some("MUTUAL") => Tls::Mutual(None),
            Some("OPTIONAL_MUTUAL") => Tls::Optional(None),
            Some("ISTIO_MUTUAL") => Tls::Mesh,
            // Clients are asked for a certificate by `frontendValidation` as well.
            _ if tls.get("frontendValidation").is_some() => Tls::Mutual(None),
            _ => Tls::Simple(None),
        };
        let (speaks, tls_mode) = match fields.text("protocol", diagnostics)?.as_deref() {
            Some("HTTP") => (Speaks::Http, Tls::Absent),
            Some("HTTPS") => (Speaks::Http, ended),
            Some("TLS") => (Speaks::Bytes, ended),
            _ => (Speaks::Bytes, Tls::Absent),
        };
        let allowed = fields.child("allowedRoutes", diagnostics)?;
        let mut kinds = Vec::new();
        for kind in allowed.list("kinds", diagnostics)? {
            kinds.push(kind.required("kind", diagnostics)?);
        }
        let mut secrets = Vec::new();
        for secret in tls.list("certificateRefs", diagnostics)? {
            let its = secret.text("namespace", diagnostics)?.unwrap_or_else(|| namespace.to_owned());
            secrets.push((its, secret.required("name", diagnostics)?));
        }
        Ok(Some(Self {
            span: fields.span(),
            name: fields.text("name", diagnostics)?.unwrap_or_default(),
            port,
            speaks,
            tls: tls_mode,
            hostname: fields.text("hostname", diagnostics)?.filter(|host| !host.is_empty()),
            allows: Sources::read(&allowed.child("namespaces", diagnostics)?, Sources::Same, diagnostics)?,
            kinds,
            secrets,
        }))
    }
}

impl Sources {
    /// Reads from where routes may attach to a listener.
    ///
    /// # Errors
    /// When a field has not its type.
    pub(crate) fn of_listener(listener: &Fields<'_>) -> Result<Self, Reported> {
        let said = &mut Diagnostics::new();
        let allowed = listener.child("allowedRoutes", said)?.child("namespaces", said)?;
        Self::read(&allowed, Self::Same, said)
    }

    fn read(fields: &Fields<'_>, absent: Self, diagnostics: &mut Diagnostics) -> Result<Self, Reported> {
        Ok(match fields.text("from", diagnostics)?.as_deref() {
            Some("All") => Self::All,
            Some("Same") => Self::Same,
            Some("Selector") => {
                Self::Selected(LabelSelector::read(fields, "selector", diagnostics)?.unwrap_or_default())
            }
            Some(_) => Self::None,
            None => absent,
        })
    }
}

impl Grant {
    /// Reads one.
    ///
    /// # Errors
    /// When a field has not its type, which is reported.
    pub fn read(root: &Node, diagnostics: &mut Diagnostics) -> Result<Self, Reported> {
        let object = Fields::of(root);
        let spec = object.child("spec", diagnostics)?;
        let (mut from, mut to) = (Vec::new(), Vec::new());
        for one in spec.list("from", diagnostics)? {
            from.push((one.required("kind", diagnostics)?, one.required("namespace", diagnostics)?));
        }
        for one in spec.list("to", diagnostics)? {
            to.push((one.required("kind", diagnostics)?, one.text("name", diagnostics)?));
        }
        Ok(Self { object: Named::read("ReferenceGrant", &object, diagnostics)?, from, to })
    }

    /// Tells whether it lets something of a kind and namespace refer to an object of its own namespace.
    #[must_use]
    pub fn lets(&self, (kind, namespace): (&str, &str), (to, name): (&str, &str)) -> bool {
        let is_from = self.from.iter().any(|(its, at)| its == kind && at == namespace);
        is_from && self.to.iter().any(|(its, one)| its == to && one.as_deref().is_none_or(|one| one == name))
    }
}

/// Tells whether a value is 0.
pub(super) fn is_zero(node: Option<&Node>) -> bool {
    matches!(node.map(|node| &node.value), Some(Value::Number(number)) if number.as_u64() == Some(0))
}
