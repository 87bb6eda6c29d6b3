//! Egress: which hosts outside workloads call, how, through which gateway, for whose sake and until when.

use super::exposure::{Hostname, SecretName};
use super::names::{Day, Name, Owner};
use super::reference::{Cidr, Reference};
use crate::shape::scalar::Count;
use crate::shape::{OneOrMany, keywords, record};
use crate::source::Spanned;

record! {
    /// Lets workloads of a node call hosts outside the mesh. Without one they reach nothing that no manifest shows.
    pub struct EgressSpec {
        /// The hosts: `api.cards.example`, or `*.cards.example` for every name below. All of the organization settles a host in one way.
        pub hosts: OneOrMany<Spanned<Hostname>>,
        /// Their ports.
        pub ports: OneOrMany<Spanned<EgressPort>>,
        /// Whose workloads call: services or groups of this node; all of the node when absent.
        pub from: Option<OneOrMany<Spanned<Reference>>>,
        /// The egress gateway, by the name that clusters declare; it holds in each of them that runs the callers. When absent they call directly.
        pub via: Option<Spanned<Name>>,
        /// Where TLS begins, if the workloads themselves speak none.
        pub tls: Option<Spanned<EgressTls>>,
        /// The addresses of the hosts, where they are known: NetworkPolicy then opens nothing else.
        pub cidrs: Vec<Spanned<Cidr>>,
        /// Who answers for it.
        pub owner: Spanned<Owner>,
        /// The last day on which it holds.
        pub until: Option<Spanned<Day>>,
        /// Why.
        pub reason: Option<String>,
    }
}

record! {
    /// A port that workloads call.
    pub struct EgressPort {
        /// The port they call.
        pub number: Spanned<Count<65535>>,
        /// What they speak on it.
        pub protocol: Spanned<EgressProtocol>,
        /// The port of the host where TLS begins on the way, such as 443 where workloads call 80; the same when absent.
        pub target_port: Option<Spanned<Count<65535>>>,
    }
}

impl EgressPort {
    /// Returns the port that is called.
    #[must_use]
    pub fn called(&self) -> u16 {
        u16::try_from(self.number.value.0).unwrap_or_default()
    }

    /// Returns the port of the host.
    #[must_use]
    pub fn outside(&self) -> u16 {
        self.target_port.as_ref().map_or_else(|| self.called(), |port| u16::try_from(port.value.0).unwrap_or_default())
    }
}

keywords! {
    /// What workloads speak to a host outside.
    pub enum EgressProtocol {
        /// HTTP in plaintext.
        Http = "http",
        /// HTTP in TLS that the workload begins.
        Https = "https",
        /// Anything in TLS that the workload begins and that names the host.
        Tls = "tls",
        /// Anything over TCP; the host is known by its addresses alone.
        Tcp = "tcp",
    }
}

record! {
    /// Where TLS begins, if the workloads themselves speak none.
    pub struct EgressTls {
        /// Whether the host alone shows a certificate, or the mesh as well.
        pub originate: Spanned<Origination>,
        /// The Secret with certificate and key, for `mutual`: in the namespace of the gateway, or of the workloads where there is none.
        pub secret: Option<Spanned<SecretName>>,
    }
}

keywords! {
    /// Who shows a certificate.
    pub enum Origination {
        /// The host.
        Simple = "simple",
        /// The host, and the proxy that begins TLS.
        Mutual = "mutual",
    }
}
