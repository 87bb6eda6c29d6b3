//! What an enforcement point makes of policies: tests of single attributes, put together.
//!
//! In: AuthorizationPolicies that select a workload, or what a policy tree means for it. Out: [`Chain`], the questions asked
//! of each request, in an order that does not matter within one action. One policy means different things in Envoy on an
//! HTTP port, in Envoy on a port it does not read, and in ztunnel; each engine has a module, and everything behind them is
//! the same.

pub mod envoy;
pub mod ztunnel;

use ipnet::IpNet;

use self::envoy::{Mesh, Reads};
use crate::glob::Glob;
use crate::istio::authorization::AuthorizationPolicy;
use crate::request::HeaderName;

/// Translates the policies that select a workload for what enforces them at one of its ports.
#[must_use]
pub fn chain<'a>(policies: &[&'a AuthorizationPolicy], reads: Reads, mesh: &Mesh) -> Chain<RuleRef<'a>> {
    match reads {
        Reads::Http | Reads::Bytes => envoy::chain(policies, reads, mesh),
        Reads::Ztunnel => ztunnel::chain(policies),
    }
}

/// The questions of one enforcement point; `O` says where each comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Chain<O> {
    /// What is refused.
    pub deny: Vec<Enforced<O>>,
    /// What is asked of a provider.
    pub custom: Vec<Enforced<O>>,
    /// What is admitted; `None` where no enforced ALLOW policy selects the workload, so that everything is.
    pub allow: Option<Vec<Enforced<O>>>,
}

impl<O> Default for Chain<O> {
    fn default() -> Self {
        Self { deny: Vec::new(), custom: Vec::new(), allow: None }
    }
}

/// One rule, as it is enforced.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Enforced<O> {
    /// Where it comes from.
    pub origin: O,
    /// Tests of the peer and the token: one of these conjunctions must hold.
    pub sources: Vec<Vec<Test>>,
    /// Tests of what is asked for: one of these conjunctions must hold.
    pub operations: Vec<Vec<Test>>,
}

/// A rule of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RuleRef<'a> {
    /// The namespace of its policy.
    pub namespace: &'a str,
    /// The name of its policy.
    pub name: &'a str,
    /// Its position.
    pub rule: usize,
}

impl<O> Chain<O> {
    /// Returns every rule.
    pub fn rules(&self) -> impl Iterator<Item = &Enforced<O>> {
        self.deny.iter().chain(&self.custom).chain(self.allow.iter().flatten())
    }

    /// Joins two chains both of which a request has to pass. A rule that admits is one of each; `of` says where it comes from.
    #[must_use]
    pub fn and<P, Q>(self, other: Chain<P>, of: impl Fn(Option<&O>, Option<&P>) -> Q) -> Chain<Q> {
        let (ours, theirs) = (
            |rule: Enforced<O>| rule.come_from(|it| of(Some(it), None)),
            |rule: Enforced<P>| rule.come_from(|it| of(None, Some(it))),
        );
        let both =
            |one: &Enforced<O>, two: &Enforced<P>| one.crossed(two).come_from(|(one, two)| of(Some(one), Some(two)));
        let allow = match (self.allow, other.allow) {
            (None, None) => None,
            (Some(rules), None) => Some(rules.into_iter().map(ours).collect()),
            (None, Some(rules)) => Some(rules.into_iter().map(theirs).collect()),
            (Some(one), Some(two)) => Some(one.iter().flat_map(|it| two.iter().map(|other| both(it, other))).collect()),
        };
        let mut deny: Vec<_> = self.deny.into_iter().map(ours).collect();
        deny.extend(other.deny.into_iter().map(theirs));
        let mut custom: Vec<_> = self.custom.into_iter().map(ours).collect();
        custom.extend(other.custom.into_iter().map(theirs));
        Chain { deny, custom, allow }
    }

    /// Returns the same questions without where they come from, so that equal ones are equal.
    #[must_use]
    pub fn anonymous(self) -> Chain<()> {
        fn strip<O>(rules: Vec<Enforced<O>>) -> Vec<Enforced<()>> {
            let strip = |rule: Enforced<O>| Enforced { origin: (), sources: rule.sources, operations: rule.operations };
            rules.into_iter().map(strip).collect()
        }
        Chain { deny: strip(self.deny), custom: strip(self.custom), allow: self.allow.map(strip) }
    }
}

impl<O> Enforced<O> {
    /// Returns every test.
    pub fn tests(&self) -> impl Iterator<Item = &Test> {
        self.sources.iter().chain(&self.operations).flatten()
    }

    /// Returns a rule that matches what both match.
    pub fn crossed<'r, P>(&'r self, other: &'r Enforced<P>) -> Enforced<(&'r O, &'r P)> {
        Enforced {
            origin: (&self.origin, &other.origin),
            sources: crossed(&self.sources, &other.sources),
            operations: crossed(&self.operations, &other.operations),
        }
    }

    /// Returns the same rule with another word for where it comes from.
    pub fn come_from<P>(self, of: impl FnOnce(&O) -> P) -> Enforced<P> {
        Enforced { origin: of(&self.origin), sources: self.sources, operations: self.operations }
    }
}

/// Returns each conjunction of one list with each of another.
fn crossed(one: &[Vec<Test>], other: &[Vec<Test>]) -> Vec<Vec<Test>> {
    one.iter().flat_map(|tests| other.iter().map(|more| [tests.as_slice(), more].concat())).collect()
}

/// A test of one attribute: one of the leaves holds, or none does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Test {
    /// The leaves.
    pub leaves: Vec<Leaf>,
    /// Whether none may hold.
    pub negated: bool,
}

/// The smallest question.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Leaf {
    /// The peer's certificate names such a `spiffe://` URI.
    Peer(Glob),
    /// The connection comes from there.
    Address(IpNet),
    /// The request comes from there, by the word of trusted proxies.
    Remote(IpNet),
    /// The connection was made to there.
    Destination(IpNet),
    /// It arrived at this port of the workload.
    Port(u16),
    /// The TLS handshake named such a server.
    ServerName(Glob),
    /// It asks for such a host.
    Host(Glob),
    /// It has such a method.
    Method(Glob),
    /// It has such a path.
    Path(Glob),
    /// Its path with the query is such.
    Target(Glob),
    /// It has a header with such a value; that of `host` is the host, with its case.
    Header(HeaderName, Glob),
    /// It shows a token whose issuer and subject are such.
    TokenOf(Glob, Glob),
    /// It shows a token with such a value at this path of claims.
    Claim(Vec<String>, Glob),
    /// Something no file tells: the attribute and what is asked of it.
    Unknown(String),
}
