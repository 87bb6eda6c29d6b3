//! Service: a set of workloads with one name and one identity, where the inventory alone does not say it.

use indexmap::IndexMap;

use super::mandates::MtlsSetting;
use super::names::Name;
use crate::shape::scalar::Count;
use crate::shape::{OneOrMany, keywords, record};
use crate::source::Spanned;

record! {
    /// A set of workloads with one name. The inventory names most of them already: each Kubernetes Service, and each workload
    /// no Service selects, is a service of its workspace. Write one to name a set the inventory does not, to say what its ports
    /// speak, or to label it.
    pub struct ServiceSpec {
        /// Which workloads it is; those of the Kubernetes Service or workload of the same name when absent.
        pub workloads: Option<Spanned<WorkloadSelection>>,
        /// What its ports speak, where port names do not say so.
        pub ports: Vec<ServicePort>,
        /// How sensitive what it holds is, in the organization's own words.
        pub sensitivity: Option<Spanned<Name>>,
        /// How traffic arrives.
        pub mtls: Option<Spanned<MtlsSetting>>,
    }
}

record! {
    /// Which workloads of the workspace's namespaces.
    pub struct WorkloadSelection {
        /// Only those of this namespace.
        pub namespace: Option<Spanned<Name>>,
        /// Only those with one of these names.
        pub names: Option<OneOrMany<Spanned<Name>>>,
        /// Only those whose pods carry these labels.
        pub labels: IndexMap<String, String>,
    }
}

record! {
    /// A port of the workload.
    pub struct ServicePort {
        /// Its number.
        pub port: Spanned<Count<65535>>,
        /// What it speaks.
        pub protocol: Spanned<Protocol>,
    }
}

keywords! {
    /// What a port speaks, as far as it decides which rules can be enforced on it.
    pub enum Protocol {
        /// HTTP/1.1.
        Http = "http",
        /// HTTP/2.
        Http2 = "http2",
        /// gRPC.
        Grpc = "grpc",
        /// TLS that the workload itself ends.
        Tls = "tls",
        /// Anything over TCP.
        Tcp = "tcp",
    }
}

impl Protocol {
    /// Tells whether rules on methods, paths, hosts, headers and tokens can be enforced on it.
    #[must_use]
    pub fn is_http(self) -> bool {
        matches!(self, Self::Http | Self::Http2 | Self::Grpc)
    }
}
