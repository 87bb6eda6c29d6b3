//! Assertion: what must always or never be reachable.

use super::access::Port;
use super::reference::{NodePath, Reference};
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
        /// Not counting traffic like this.
        pub unless: Option<Unless>,
    }
}

record! {
    /// Traffic that does not count.
    pub struct Unless {
        /// It passes here.
        pub via: Option<Spanned<Reference>>,
        /// It shows an accepted token.
        pub jwt: Option<TokenNeed>,
    }
}

keywords! {
    /// Whether a token is shown.
    pub enum TokenNeed {
        /// A token that is accepted.
        Required = "required",
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
