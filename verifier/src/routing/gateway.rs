//! Istio's Gateways (istio/api `networking/v1/gateway.proto`).
//!
//! In: nodes of manifests. Out: [`IstioGateway`].

use ringfence_compiler::diagnostics::{Diagnostics, Reported};
use ringfence_compiler::inventory::Labels;
use ringfence_compiler::source::Span;
use ringfence_compiler::yaml::{Node, Value};

use super::Named;
use crate::istio::read::Fields;
use crate::kubernetes::port::number;

/// A Gateway of Istio.
#[derive(Debug, Clone)]
pub struct IstioGateway {
    /// What it is called.
    pub object: Named,
    /// The labels of the pods it is about, in whatever namespace; empty means every gateway.
    pub selector: Labels,
    /// What they listen for.
    pub servers: Vec<Server>,
}

/// What a gateway listens for.
#[derive(Debug, Clone)]
pub struct Server {
    /// Where it was written.
    pub span: Span,
    /// The port of the gateway's Service, or of its pods where none has it.
    pub port: u16,
    /// What is spoken there.
    pub speaks: Speaks,
    /// How TLS is ended.
    pub tls: Tls,
    /// Whether plaintext is answered with the address under `https` and nothing else.
    pub redirects: bool,
    /// The Secret of its certificate, which is in the namespace of the pods.
    pub secret: Option<String>,
    /// The hosts, each with the namespace whose routes may be about it; `None` is any.
    pub hosts: Vec<(Option<String>, String)>,
}

/// What is spoken at a port of a gateway, once TLS has ended there if it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Speaks {
    /// HTTP, which is read.
    Http,
    /// Anything else, which is passed on.
    Bytes,
}

/// How TLS is ended at a gateway.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tls {
    /// There is none.
    Absent,
    /// It ends here; clients show no certificate.
    Simple(Version),
    /// It ends here, and clients may show a certificate.
    Optional(Version),
    /// It ends here, and clients must show a certificate.
    Mutual(Version),
    /// It ends here, and clients must show a certificate of the mesh.
    Mesh,
    /// It is passed on to whoever the handshake names by a route.
    Passthrough,
    /// It is passed on to whoever the handshake names, without any route.
    AutoPassthrough,
}

/// The least version of TLS; `None` is what the mesh takes.
pub type Version = Option<String>;

impl Tls {
    /// Tells whether what clients send is encrypted.
    #[must_use]
    pub fn is_there(&self) -> bool {
        *self != Self::Absent
    }

    /// Tells whether requests can be read here.
    #[must_use]
    pub fn ends(&self) -> bool {
        !matches!(self, Self::Passthrough | Self::AutoPassthrough)
    }

    /// Tells whether clients must show a certificate that was given to them.
    #[must_use]
    pub fn asks(&self) -> bool {
        matches!(self, Self::Mutual(_) | Self::Mesh)
    }
}

impl std::fmt::Display for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let since =
            |version: &Version| version.as_ref().map(|version| format!(", {version} at least")).unwrap_or_default();
        match self {
            Self::Absent => f.write_str("no TLS"),
            Self::Simple(version) => write!(f, "TLS ends here{}", since(version)),
            Self::Optional(version) => write!(f, "TLS ends here{}, clients may show a certificate", since(version)),
            Self::Mutual(version) => write!(f, "TLS ends here{}, clients must show a certificate", since(version)),
            Self::Mesh => f.write_str("TLS ends here, clients must show a certificate of the mesh"),
            Self::Passthrough => f.write_str("TLS is passed on"),
            Self::AutoPassthrough => f.write_str("TLS is passed on to any Service that the handshake names"),
        }
    }
}

impl Named {
    /// Reads what an object is called.
    ///
    /// # Errors
    /// When a field has not its type, which is reported.
    pub(crate) fn read(
        kind: &'static str,
        object: &Fields<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Result<Self, Reported> {
        let metadata = object.child("metadata", diagnostics)?;
        Ok(Self {
            kind,
            namespace: metadata.namespace(diagnostics)?,
            name: metadata.required("name", diagnostics)?,
            span: metadata.span_of("name"),
            source: metadata.source(),
        })
    }
}

impl IstioGateway {
    /// Reads one.
    ///
    /// # Errors
    /// When a field has not its type, which is reported.
    pub fn read(root: &Node, diagnostics: &mut Diagnostics) -> Result<Self, Reported> {
        let object = Fields::of(root);
        let spec = object.child("spec", diagnostics)?;
        let servers: Vec<_> =
            spec.list("servers", diagnostics)?.iter().map(|server| Server::read(server, diagnostics)).collect();
        Ok(Self {
            object: Named::read("Gateway", &object, diagnostics)?,
            selector: spec.labels("selector", diagnostics)?,
            servers: servers.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect(),
        })
    }
}

impl Server {
    /// Reads one; one without a port listens nowhere.
    fn read(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Result<Option<Self>, Reported> {
        let (port, tls) = (fields.child("port", diagnostics)?, fields.child("tls", diagnostics)?);
        let Some(number) = port.get("number").and_then(number) else { return Ok(None) };
        let protocol = port.text("protocol", diagnostics)?.unwrap_or_default().to_ascii_uppercase();
        let redirects = tls.get("httpsRedirect").is_some_and(|node| node.value == Value::Bool(true));
        let version = tls.text("minProtocolVersion", diagnostics)?.filter(|version| version != "TLS_AUTO");
        let (mode, secret) = (tls.text("mode", diagnostics)?, tls.text("credentialName", diagnostics)?);
        // TLS without a mode is passed on (istio/api: PASSTHROUGH is the first).
        let of_mode = |mode: Option<&str>| match mode {
            Some("SIMPLE") => Tls::Simple(version.clone()),
            Some("OPTIONAL_MUTUAL") => Tls::Optional(version.clone()),
            Some("MUTUAL") => Tls::Mutual(version.clone()),
            Some("ISTIO_MUTUAL") => Tls::Mesh,
            Some("AUTO_PASSTHROUGH") => Tls::AutoPassthrough,
            _ => Tls::Passthrough,
        };
        let (speaks, tls) = match protocol.as_str() {
            "HTTP" | "HTTP2" | "GRPC" | "GRPC-WEB" | "HTTP_PROXY" => (Speaks::Http, Tls::Absent),
            "HTTPS" => match of_mode(mode.as_deref()) {
                tls if tls.ends() => (Speaks::Http, tls),
                tls => (Speaks::Bytes, tls),
            },
            "TLS" => (Speaks::Bytes, of_mode(mode.as_deref())),
            _ => (Speaks::Bytes, Tls::Absent),
        };
        let hosts = fields.texts("hosts", diagnostics)?.into_iter().map(|host| match host.split_once('/') {
            None => (None, host),
            Some(("*", dns)) => (None, dns.to_owned()),
            Some((namespace, dns)) => (Some(namespace.to_owned()), dns.to_owned()),
        });
        Ok(Some(Self { span: fields.span(), port: number, speaks, tls, redirects, secret, hosts: hosts.collect() }))
    }
}
