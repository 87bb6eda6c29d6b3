//! Assertion: what must always or never be reachable.

use super::access::Port;
use super::exposure::Hostname;
use super::reference::{Cidr, NodePath, Reference};
use crate::requests::{HostPattern, PathPattern};
use crate::shape::scalar::Count;
use crate::shape::{OneOrMany, keywords, record};
use crate::source::Spanned;

record! {
    /// What must hold of the whole. Each is proved, or refuted with a request that shows it.
    pub struct AssertionSpec {
        /// The controls it is evidence for.
        pub controls: Vec<String>,
        /// Traffic that must never be possible.
        pub never: Option<OneOrMany<Reach>>,
        /// Traffic that must always be possible.
        pub always: Option<OneOrMany<Reach>>,
        /// The least number of workloads to take on the way.
        pub hops: Option<OneOrMany<Hops>>,
        /// Nodes of which none reaches another.
        pub isolated: Option<OneOrMany<Spanned<NodePath>>>,
        /// Hosts outside, and who alone reaches them.
        pub outside: Option<OneOrMany<Outside>>,
        /// Ways of an attacker that must not be there, or not be short, or pass somewhere.
        pub ways: Option<OneOrMany<Ways>>,
        /// Single requests and what becomes of them.
        pub requests: Vec<RequestCase>,
    }
}

record! {
    /// Traffic from some callers to some workloads.
    pub struct Reach {
        /// The callers.
        pub from: OneOrMany<Spanned<Reference>>,
        /// The callers that are not meant: `from: mesh` but these is nobody else.
        pub except: Option<OneOrMany<Spanned<Reference>>>,
        /// The workloads.
        pub to: OneOrMany<Spanned<Reference>>,
        /// Only on these ports.
        pub ports: Option<OneOrMany<Spanned<Port>>>,
        /// Not counting traffic like one of these.
        pub unless: Option<OneOrMany<Unless>>,
    }
}

record! {
    /// Traffic that does not count: all that is written here holds of it.
    pub struct Unless {
        /// It passes here.
        pub via: Option<Spanned<Reference>>,
        /// It shows an accepted token.
        pub jwt: Option<Need>,
        /// It comes from one of these addresses.
        pub addresses: Option<OneOrMany<Spanned<Cidr>>>,
        /// It comes in at a gateway with TLS.
        pub tls: Option<Need>,
        /// It is for one of these hosts.
        pub hosts: Option<OneOrMany<Spanned<HostPattern>>>,
        /// It asks for one of these paths, as the client writes them.
        pub paths: Option<OneOrMany<Spanned<PathPattern>>>,
    }
}

keywords! {
    /// Whether something must be there.
    pub enum Need {
        /// It must: a token that is accepted, or TLS.
        Required = "required",
    }
}

record! {
    /// Hosts outside that nobody reaches but some.
    pub struct Outside {
        /// The hosts.
        pub hosts: OneOrMany<Spanned<Hostname>>,
        /// Their port; 443 when absent.
        pub port: Option<Spanned<Count<65535>>>,
        /// Who may reach them: services or nodes. Everybody else must not.
        pub only: OneOrMany<Spanned<Reference>>,
    }
}

record! {
    /// The least number of workloads between two places.
    pub struct Hops {
        /// Where an attacker starts.
        pub from: Spanned<Reference>,
        /// What an attacker wants.
        pub to: Spanned<Reference>,
        /// The least number of workloads to take, the last included.
        pub at_least: Spanned<Count<99>>,
    }
}

record! {
    /// Ways of an attacker: by calls, by identities and rights it gets, by breaking out. Without `atLeast` and `via` there must be none.
    pub struct Ways {
        /// Where an attacker begins.
        pub from: OneOrMany<Spanned<Reference>>,
        /// What an attacker wants.
        pub to: OneOrMany<Spanned<Reference>>,
        /// The least number of steps, the last included.
        pub at_least: Option<Spanned<Count<99>>>,
        /// Every way passes here.
        pub via: Option<Spanned<Reference>>,
        /// The hardest steps that count; `identity` when absent.
        pub most: Option<Hardest>,
    }
}

keywords! {
    /// What steps ask of an attacker.
    pub enum Hardest {
        /// To call what may be called.
        Network = "network",
        /// To use identities, tokens and rights as well.
        Identity = "identity",
        /// To break out of containers as well.
        Exploit = "exploit",
    }
}

record! {
    /// One request and what becomes of it.
    pub struct RequestCase {
        /// The caller.
        pub from: Spanned<Reference>,
        /// The workload.
        pub to: Spanned<Reference>,
        /// The port of the workload.
        pub port: Option<Spanned<Port>>,
        /// The HTTP method.
        pub method: Option<Spanned<super::access::Method>>,
        /// The path.
        pub path: Option<Spanned<String>>,
        /// The host.
        pub host: Option<Spanned<String>>,
        /// What becomes of it.
        pub expect: Verdict,
    }
}

keywords! {
    /// What becomes of a request.
    pub enum Verdict {
        /// It arrives.
        Allowed = "allowed",
        /// It does not.
        Denied = "denied",
    }
}
