//! One request, judged by a chain: the readable statement of what the sets elsewhere must agree with.
//!
//! In: a [`Chain`] and a [`Request`]. Out: [`Ruling`], with what decided. No sets, no tricks: each line is a sentence of the
//! documentation of AuthorizationPolicy.

use ipnet::IpNet;

use crate::engine::{Chain, Enforced, Leaf, Test};
use crate::glob::Glob;
use crate::request::{Http, Request, Shown, Token};

/// What a chain says of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ruling<O> {
    /// It is refused, by this rule.
    Denied(O),
    /// It is refused: policies admit some requests to this workload, and none admits this one.
    NotAllowed,
    /// It is admitted, by this rule.
    Allowed(O),
    /// It is admitted: no policy admits requests to this workload, so that all are.
    AllowedByNone,
    /// It depends on what a provider says, by this rule.
    Asks(O),
    /// It depends on what no file tells, asked by this rule.
    Unknown(O),
}

/// Whether something holds of a request, as far as files tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    No,
    Yes,
    Unknown,
}

impl Holds {
    fn from(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }

    fn not(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Yes => Self::No,
            Self::Unknown => Self::Unknown,
        }
    }

    /// One of them holds.
    fn any(all: impl Iterator<Item = Self>) -> Self {
        let mut any = Self::No;
        for holds in all {
            match holds {
                Self::Yes => return Self::Yes,
                Self::Unknown => any = Self::Unknown,
                Self::No => {}
            }
        }
        any
    }

    /// All of them hold.
    fn all(all: impl Iterator<Item = Self>) -> Self {
        Self::any(all.map(Self::not)).not()
    }
}

/// Judges one request.
#[must_use]
pub fn rule<O: Copy>(chain: &Chain<O>, request: &Request) -> Ruling<O> {
    let first = |rules: &[Enforced<O>], wanted: Holds| {
        rules.iter().find(|rule| rule.holds(request) == wanted).map(|rule| rule.origin)
    };
    // A denial stands whatever a provider says, so it is looked at first, though a proxy asks the provider before.
    if let Some(rule) = first(&chain.deny, Holds::Yes) {
        return Ruling::Denied(rule);
    }
    let admitted = match &chain.allow {
        None => Ruling::AllowedByNone,
        Some(rules) => match (first(rules, Holds::Yes), first(rules, Holds::Unknown)) {
            (Some(rule), _) => Ruling::Allowed(rule),
            (None, Some(rule)) => Ruling::Unknown(rule),
            (None, None) => return Ruling::NotAllowed,
        },
    };
    let asked = first(&chain.custom, Holds::Yes).or_else(|| first(&chain.custom, Holds::Unknown));
    match (first(&chain.deny, Holds::Unknown), asked) {
        (Some(rule), _) => Ruling::Unknown(rule),
        (None, Some(rule)) => Ruling::Asks(rule),
        (None, None) => admitted,
    }
}

impl<O> Enforced<O> {
    fn holds(&self, request: &Request) -> Holds {
        let one = |lists: &[Vec<Test>]| {
            Holds::any(lists.iter().map(|tests| Holds::all(tests.iter().map(|test| test.holds(request)))))
        };
        Holds::all([one(&self.sources), one(&self.operations)].into_iter())
    }
}

impl Test {
    fn holds(&self, request: &Request) -> Holds {
        let any = Holds::any(self.leaves.iter().map(|leaf| leaf.holds(request)));
        if self.negated { any.not() } else { any }
    }
}

impl Leaf {
    /// Tells whether the leaf holds of a request. What a request lacks fits nothing.
    fn holds(&self, request: &Request) -> Holds {
        let within = |net: &IpNet, address| net.contains(&address);
        let http = |holds: &dyn Fn(&Http) -> bool| request.http.as_ref().is_some_and(holds);
        let token =
            |holds: &dyn Fn(&Token) -> bool| http(&|http| matches!(&http.token, Shown::Signed(token) if holds(token)));
        Holds::from(match self {
            Self::Peer(glob) => request.peer.as_ref().is_some_and(|peer| glob.matches(&format!("spiffe://{peer}"))),
            Self::Address(net) => within(net, request.address),
            Self::Remote(net) => within(net, request.remote),
            Self::Destination(net) => within(net, request.destination),
            Self::Port(port) => *port == request.port,
            // A connection without a name is taken for one with an empty name.
            Self::ServerName(glob) => glob.matches(request.sni.as_deref().unwrap_or("")),
            Self::Host(glob) => http(&|http| glob.matches(&http.host)),
            Self::Method(glob) => http(&|http| glob.matches(&http.method)),
            Self::Path(glob) => http(&|http| glob.matches(&http.path)),
            Self::Target(glob) => http(&|http| glob.matches(&http.target())),
            Self::Header(name, glob) if name.as_str() == "host" => http(&|http| glob.matches(&http.host)),
            Self::Header(name, glob) => http(&|http| {
                http.headers.get(name).is_some_and(|values| values.iter().any(|value| glob.matches(value)))
            }),
            Self::TokenOf(issuer, subject) => token(&|token| {
                let fits = |claim: &str, glob: &Glob| token.text(claim).is_some_and(|text| glob.matches(text));
                fits("iss", issuer) && fits("sub", subject)
            }),
            Self::Claim(path, glob) => token(&|token| token.texts(path).iter().any(|text| glob.matches(text))),
            Self::Unknown(_) => return Holds::Unknown,
        })
    }
}
