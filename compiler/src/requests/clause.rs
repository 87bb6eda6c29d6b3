//! One way to be admitted: a condition on every attribute, all of them to be met.
//!
//! In: fields. Out: [`Clause`], with its test of a concrete request, containment and conjunction. A clause is what one
//! rule of an Istio AuthorizationPolicy can say with positive matches
//! (istio/istio `pilot/pkg/security/authz/model/model.go`).

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::field::{Field, Inexpressible, Pattern};
use super::identity::IdentityPattern;
use super::path::PathPattern;
use super::request::{HeaderName, Request, Token};
use super::text::{HostPattern, TextPattern};

/// A condition on every attribute of a request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Clause {
    /// Who calls. Without a condition also a plaintext peer.
    pub identities: Field<IdentityPattern>,
    /// Where the connection comes from.
    pub addresses: Field<IpNet>,
    /// Which port of the workload.
    pub ports: Field<u16>,
    /// Which methods.
    pub methods: Field<String>,
    /// Which paths.
    pub paths: Field<PathPattern>,
    /// Which hosts.
    pub hosts: Field<HostPattern>,
    /// Headers that must be there with such a value.
    pub headers: BTreeMap<HeaderName, Field<TextPattern>>,
    /// Whether a token is needed, and which.
    pub token: TokenMatch,
}

/// What is asked of the token.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TokenMatch {
    /// Nothing: a request with or without one.
    Any,
    /// A valid token that says this.
    Required(TokenClause),
}

/// What a token must say.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenClause {
    /// Who issued it.
    pub issuers: Field<String>,
    /// Whom it speaks of.
    pub subjects: Field<TextPattern>,
    /// Whom it is for: one of its audiences must match.
    pub audiences: Field<TextPattern>,
    /// What else it says, by name of the claim: one of the claim's values must match.
    pub claims: BTreeMap<String, Field<TextPattern>>,
}

impl TokenClause {
    /// Makes the condition that any valid token meets.
    #[must_use]
    pub fn any() -> Self {
        Self { issuers: Field::Any, subjects: Field::Any, audiences: Field::Any, claims: BTreeMap::new() }
    }

    /// Tells whether the token meets the condition.
    #[must_use]
    pub fn matches(&self, token: &Token) -> bool {
        self.issuers.met_by(|issuer| *issuer == token.issuer)
            && self.subjects.met_by(|subject| subject.matches(&token.subject))
            && one_of(&self.audiences, &token.audiences)
            && self.claims.iter().all(|(name, field)| one_of(field, token.claims.get(name).into_iter().flatten()))
    }

    fn covers(&self, other: &Self) -> bool {
        self.issuers.covers(&other.issuers)
            && self.subjects.covers(&other.subjects)
            && self.audiences.covers(&other.audiences)
            && covers_each(&self.claims, &other.claims)
    }

    fn intersect(&self, other: &Self, conjunction: &mut Conjunction) -> Self {
        Self {
            issuers: conjunction.of(self.issuers.intersect(&other.issuers, "jwt.issuers")),
            subjects: conjunction.of(self.subjects.intersect(&other.subjects, "jwt.subjects")),
            audiences: conjunction.of(self.audiences.intersect_many(&other.audiences, "jwt.audiences")),
            claims: intersect_each(&self.claims, &other.claims, |name, left, right| {
                conjunction.of(left.intersect_many(right, &format!("jwt.claims[{name}]")))
            }),
        }
    }

    /// Brings every field into its one form; `None` when one of them is met by nothing.
    fn simplified(self) -> Option<Self> {
        Some(Self {
            issuers: possible(self.issuers)?,
            subjects: possible(self.subjects)?,
            audiences: possible(self.audiences)?,
            claims: possible_each(self.claims)?,
        })
    }
}

impl Clause {
    /// Makes the clause that every request meets.
    #[must_use]
    pub fn any() -> Self {
        Self {
            identities: Field::Any,
            addresses: Field::Any,
            ports: Field::Any,
            methods: Field::Any,
            paths: Field::Any,
            hosts: Field::Any,
            headers: BTreeMap::new(),
            token: TokenMatch::Any,
        }
    }

    /// Tells whether the request meets every condition: what the rest of the algebra is held against.
    #[must_use]
    pub fn matches(&self, request: &Request) -> bool {
        let header = |name: &HeaderName, field: &Field<TextPattern>| {
            field.is_any()
                || request.headers.get(name).is_some_and(|value| field.met_by(|pattern| pattern.matches_header(value)))
        };
        let identity = request.identity.as_ref();
        self.identities.met_by(|pattern| identity.is_some_and(|identity| pattern.matches(identity)))
            && self.addresses.met_by(|network| network.contains(&request.address))
            && self.ports.met_by(|port| *port == request.port)
            && self.methods.met_by(|method| *method == request.method)
            && self.paths.met_by(|path| path.matches(&request.path))
            && self.hosts.met_by(|host| host.matches(&request.host))
            && self.headers.iter().all(|(name, field)| header(name, field))
            && match &self.token {
                TokenMatch::Any => true,
                TokenMatch::Required(clause) => request.token.as_ref().is_some_and(|token| clause.matches(token)),
            }
    }

    /// Tells whether a field alone shows that no request meets both; the fields are those that are quickly compared.
    pub(super) fn is_apart(&self, other: &Self) -> bool {
        self.ports.is_apart(&other.ports)
            || self.methods.is_apart(&other.methods)
            || self.identities.is_apart(&other.identities)
    }

    /// Tells whether each field lies within ours: then every request that meets `other` meets `self`.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.ports.covers(&other.ports)
            && self.methods.covers(&other.methods)
            && self.identities.covers(&other.identities)
            && self.addresses.covers(&other.addresses)
            && self.paths.covers(&other.paths)
            && self.hosts.covers(&other.hosts)
            && covers_each(&self.headers, &other.headers)
            && match (&self.token, &other.token) {
                (TokenMatch::Any, _) => true,
                (TokenMatch::Required(_), TokenMatch::Any) => false,
                (TokenMatch::Required(ours), TokenMatch::Required(theirs)) => ours.covers(theirs),
            }
    }

    /// Returns the clause of the requests that meet both; `None` when there are none.
    ///
    /// # Errors
    /// When the two share requests that no clause says exactly.
    pub fn intersect(&self, other: &Self) -> Result<Option<Self>, Inexpressible> {
        let mut conjunction = Conjunction { inexpressible: None, empty: false };
        // The cheap fields first: most pairs of clauses part here, before any automaton is built.
        let ports = conjunction.of(self.ports.intersect(&other.ports, "ports"));
        let methods = conjunction.of(self.methods.intersect(&other.methods, "methods"));
        let addresses = conjunction.of(self.addresses.intersect(&other.addresses, "addresses"));
        let identities = conjunction.of(self.identities.intersect(&other.identities, "identities"));
        if conjunction.empty {
            return Ok(None);
        }
        let met = Self {
            identities,
            addresses,
            ports,
            methods,
            paths: conjunction.of(self.paths.intersect(&other.paths, "paths")),
            hosts: conjunction.of(self.hosts.intersect(&other.hosts, "hosts")),
            headers: intersect_each(&self.headers, &other.headers, |name, left, right| {
                conjunction.of(left.intersect(right, &format!("headers[{name}]")))
            }),
            token: match (&self.token, &other.token) {
                (TokenMatch::Any, token) | (token, TokenMatch::Any) => token.clone(),
                (TokenMatch::Required(ours), TokenMatch::Required(theirs)) => {
                    TokenMatch::Required(ours.intersect(theirs, &mut conjunction))
                }
            },
        };
        match conjunction.inexpressible {
            // Where one field is met by nothing it does not matter what another one cannot say.
            _ if conjunction.empty => Ok(None),
            Some(inexpressible) => Err(inexpressible),
            None => Ok(met.simplified()),
        }
    }

    /// Returns the clause of who calls from where to which port, which forgets all that only HTTP has.
    #[must_use]
    pub fn l4(&self) -> Self {
        Self {
            identities: self.identities.clone(),
            addresses: self.addresses.clone(),
            ports: self.ports.clone(),
            ..Self::any()
        }
    }

    /// Brings every field into its one form; `None` when no request meets the clause.
    pub(super) fn simplified(self) -> Option<Self> {
        Some(Self {
            identities: possible(self.identities)?,
            addresses: possible(self.addresses)?,
            ports: possible(self.ports)?,
            methods: possible(self.methods)?,
            paths: possible(self.paths)?,
            hosts: possible(self.hosts)?,
            headers: possible_each(self.headers)?,
            token: match self.token {
                TokenMatch::Any => TokenMatch::Any,
                TokenMatch::Required(clause) => TokenMatch::Required(clause.simplified()?),
            },
        })
    }
}

/// Tells whether one of the values meets the condition; no value is needed where there is none.
fn one_of<'a>(field: &Field<TextPattern>, values: impl IntoIterator<Item = &'a String>) -> bool {
    field.is_any() || values.into_iter().any(|value| field.met_by(|pattern| pattern.matches(value)))
}

/// What was found while two clauses were joined field by field.
struct Conjunction {
    /// The first field that could not be said.
    inexpressible: Option<Inexpressible>,
    /// Whether some field is met by nothing.
    empty: bool,
}

impl Conjunction {
    /// Takes one joined field and notes what became of it.
    fn of<P: Ord>(&mut self, joined: Result<Field<P>, Inexpressible>) -> Field<P> {
        match joined {
            Ok(field) => {
                self.empty |= field.is_nothing();
                field
            }
            Err(inexpressible) => {
                self.inexpressible.get_or_insert(inexpressible);
                Field::Any
            }
        }
    }
}

/// Returns the field in its one form, or `None` when nothing meets it.
fn possible<P: Pattern>(field: Field<P>) -> Option<Field<P>> {
    let field = field.simplified();
    if field.is_nothing() { None } else { Some(field) }
}

/// Returns named fields in their one form: without those that are no condition.
fn possible_each<N: Ord, P: Pattern>(fields: BTreeMap<N, Field<P>>) -> Option<BTreeMap<N, Field<P>>> {
    let fields = fields.into_iter().filter(|(_, field)| !field.is_any());
    fields.map(|(name, field)| Some((name, possible(field)?))).collect()
}

/// Tells whether each of our named conditions holds wherever theirs do.
fn covers_each<N: Ord, P: Pattern>(ours: &BTreeMap<N, Field<P>>, theirs: &BTreeMap<N, Field<P>>) -> bool {
    ours.iter().all(|(name, field)| field.covers(theirs.get(name).unwrap_or(&Field::Any)))
}

/// Returns the named conditions of both sides, joined where both have one.
fn intersect_each<N: Ord + Clone, P: Pattern>(
    ours: &BTreeMap<N, Field<P>>,
    theirs: &BTreeMap<N, Field<P>>,
    mut join: impl FnMut(&N, &Field<P>, &Field<P>) -> Field<P>,
) -> BTreeMap<N, Field<P>> {
    let mut met = ours.clone();
    for (name, field) in theirs {
        let joined = ours.get(name).map_or_else(|| field.clone(), |our| join(name, our, field));
        met.insert(name.clone(), joined);
    }
    met
}
