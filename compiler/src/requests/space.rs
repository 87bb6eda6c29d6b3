//! The exact comparison of unions of clauses.
//!
//! In: two lists of clauses. Out: a request that is in one and not in the other, or in both, or the certainty that there
//! is none. It exists because "each clause lies within one of theirs" is not enough: `/a*` on ports 80 and 90 may lie in
//! the union of a clause on 80 and another on 90.
//!
//! Each attribute that the clauses speak of becomes a dimension whose points are *atoms*: one value for each combination
//! of patterns that some value meets. A clause is then a box, a set of atoms a dimension, and the question is whether a
//! box is covered by others. The atoms are local to the clauses compared and the product of dimensions is never built: a
//! box is split only where another one cuts it.
//!
//! A token is dimensions like the rest: whether there is one, and what it says. A clause that asks something of a token
//! asks first that there be one, so what a missing token would say never matters.
//!
//! Audiences and claims may have many values, of which one is enough to match. Their atoms are "none" and single values.
//! That suffices to tell whether a clause lies within others: of a request in the clause and in no other, one value a
//! claim may be kept, the one the clause asks for; it stays in the clause, and with fewer values it enters no other.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use super::area::{Area, escape};
use super::atoms::AtomSet;
use super::clause::{Clause, TokenClause, TokenMatch};
use super::field::{Field, Pattern};
use super::request::{HeaderName, Identity, Request, Token};
use super::text::TextPattern;
use super::{automaton, identity, value};

/// Returns a request of some clause of `left` that is in no clause of `right`.
pub(super) fn difference(left: &[Clause], right: &[Clause]) -> Option<Request> {
    let open: Vec<&Clause> = left.iter().filter(|clause| !right.iter().any(|other| other.covers(clause))).collect();
    if open.is_empty() {
        return None;
    }
    let clauses: Vec<&Clause> = open.iter().copied().chain(right).collect();
    let (space, boxes) = Space::of(&clauses);
    let (ours, theirs) = boxes.split_at(open.len());
    let point = ours.iter().find_map(|area| escape(area, theirs))?;
    Some(space.request(&point.sides().map(|atoms| atoms.first().into_iter().collect()).collect::<Vec<_>>()))
}

/// Returns a request that is in some clause of `left` and in some clause of `right`.
pub(super) fn overlap(left: &[Clause], right: &[Clause]) -> Option<Request> {
    // Most that is compared has nothing in common, and then there is no need for a space.
    if left.iter().all(|ours| right.iter().all(|theirs| ours.is_apart(theirs))) {
        return None;
    }
    let clauses: Vec<&Clause> = left.iter().chain(right).collect();
    let (space, boxes) = Space::of(&clauses);
    let (ours, theirs) = boxes.split_at(left.len());
    let pairs = ours.iter().flat_map(|our| theirs.iter().map(move |their| (our, their)));
    pairs.into_iter().find_map(|(our, their)| space.shared(our, their)).map(|point| space.request(&point))
}

/// The values of one dimension, by atom.
enum Values {
    Identity(Vec<Option<Identity>>),
    Address(Vec<IpAddr>),
    Port(Vec<u16>),
    Method(Vec<String>),
    Path(Vec<String>),
    Host(Vec<String>),
    Header(HeaderName, Vec<Option<String>>),
    TokenPresence,
    Issuer(Vec<String>),
    Subject(Vec<String>),
    Audience(Vec<Option<String>>),
    Claim(String, Vec<Option<String>>),
}

impl Values {
    /// Tells whether a request may have several of these values.
    fn many(&self) -> bool {
        matches!(self, Self::Audience(_) | Self::Claim(..))
    }

    /// Writes a value into the request. What is said of a token is written only when there is one.
    fn write(&self, atom: usize, request: &mut Request) -> Option<()> {
        match self {
            Self::Identity(values) => request.identity.clone_from(values.get(atom)?),
            Self::Address(values) => request.address = *values.get(atom)?,
            Self::Port(values) => request.port = *values.get(atom)?,
            Self::Method(values) => request.method.clone_from(values.get(atom)?),
            Self::Path(values) => request.path.clone_from(values.get(atom)?),
            Self::Host(values) => request.host.clone_from(values.get(atom)?),
            Self::Header(name, values) => {
                request.headers.insert(name.clone(), values.get(atom)?.clone()?);
            }
            Self::TokenPresence => request.token = (atom == PRESENT).then(some_token),
            Self::Issuer(values) => request.token.as_mut()?.issuer.clone_from(values.get(atom)?),
            Self::Subject(values) => request.token.as_mut()?.subject.clone_from(values.get(atom)?),
            Self::Audience(values) => {
                request.token.as_mut()?.audiences.insert(values.get(atom)?.clone()?);
            }
            Self::Claim(name, values) => {
                let value = values.get(atom)?.clone()?;
                request.token.as_mut()?.claims.entry(name.clone()).or_default().insert(value);
            }
        }
        Some(())
    }
}

/// The atoms of [`Values::TokenPresence`]: no token, a token.
const PRESENT: usize = 1;

/// Returns the request that stands for attributes nobody speaks of.
fn some_request() -> Request {
    Request {
        identity: Some(Identity::new("cluster.local", "default", "default")),
        address: Ipv4Addr::new(192, 0, 2, 1).into(),
        port: 8080,
        method: "GET".to_owned(),
        path: "/".to_owned(),
        host: "service.example".to_owned(),
        headers: BTreeMap::new(),
        token: None,
    }
}

/// Returns the token that stands for what nobody says of tokens.
fn some_token() -> Token {
    Token {
        issuer: "https://issuer.example".to_owned(),
        subject: "someone".to_owned(),
        audiences: BTreeSet::new(),
        claims: BTreeMap::new(),
    }
}

/// The dimensions that some clauses speak of.
struct Space {
    dimensions: Vec<Values>,
}

impl Space {
    /// Finds the dimensions of these clauses, and each clause's place in them.
    fn of(clauses: &[&Clause]) -> (Self, Vec<Area>) {
        let mut builder = Builder { clauses, dimensions: Vec::new(), areas: vec![Area::default(); clauses.len()] };
        builder.add(|clause| Some(&clause.identities), identity_atoms, Values::Identity);
        builder.add(|clause| Some(&clause.addresses), value::address_atoms, Values::Address);
        builder.add(|clause| Some(&clause.ports), |ports| value::atoms(ports, 8080..=u16::MAX), Values::Port);
        let methods = ["GET", "POST", "PUT", "DELETE"];
        builder.add(
            |clause| Some(&clause.methods),
            |all| value::atoms(all, value::other_words(&methods)),
            Values::Method,
        );
        builder.add(
            |clause| Some(&clause.paths),
            |paths| automaton::atoms(&paths.iter().map(|path| path.steps()).collect::<Vec<_>>(), "/"),
            Values::Path,
        );
        builder.add(
            |clause| Some(&clause.hosts),
            |hosts| automaton::atoms(&hosts.iter().map(|host| host.text().steps()).collect::<Vec<_>>(), ""),
            Values::Host,
        );
        let headers: BTreeSet<&HeaderName> = clauses.iter().flat_map(|clause| clause.headers.keys()).collect();
        for name in headers {
            let atoms = |patterns: &[&TextPattern]| {
                let steps: Vec<_> = patterns.iter().map(|pattern| pattern.header_steps()).collect();
                or_absent(automaton::atoms(&steps, ""))
            };
            builder.add(|clause| clause.headers.get(name), atoms, |values| Values::Header(name.clone(), values));
        }
        if builder.add_token_presence() {
            builder.add_token();
        }
        (Self { dimensions: builder.dimensions }, builder.areas)
    }

    /// Returns atoms that are in both areas. Where a request may have several values it gets one of each.
    fn shared(&self, ours: &Area, theirs: &Area) -> Option<Vec<Vec<usize>>> {
        let both = self.dimensions.iter().zip(ours.sides().zip(theirs.sides()));
        both.map(|(values, (ours, theirs))| match ours.and(theirs).first() {
            Some(atom) => Some(vec![atom]),
            None if values.many() => Some(vec![ours.first()?, theirs.first()?]),
            None => None,
        })
        .collect()
    }

    /// Returns the request of these atoms.
    fn request(&self, point: &[Vec<usize>]) -> Request {
        let mut request = some_request();
        for (values, atoms) in self.dimensions.iter().zip(point) {
            for atom in atoms {
                values.write(*atom, &mut request);
            }
        }
        request
    }
}

/// Grows the dimensions and, in step, the areas of the clauses.
struct Builder<'a> {
    clauses: &'a [&'a Clause],
    dimensions: Vec<Values>,
    areas: Vec<Area>,
}

impl<'a> Builder<'a> {
    /// Adds the dimension of one field, unless no clause has a condition on it. A clause for which `field` returns none
    /// has no condition.
    fn add<P: Pattern + 'a, V>(
        &mut self,
        field: impl Fn(&'a Clause) -> Option<&'a Field<P>>,
        atoms: impl FnOnce(&[&P]) -> Vec<(V, Vec<usize>)>,
        values: impl FnOnce(Vec<V>) -> Values,
    ) {
        let conditions: Vec<&Field<P>> =
            self.clauses.iter().map(|clause| field(clause).unwrap_or(const { &Field::Any })).collect();
        if conditions.iter().all(|condition| condition.is_any()) {
            return;
        }
        let patterns: BTreeSet<&P> = conditions.iter().flat_map(|condition| condition.patterns()).collect();
        let patterns: Vec<&P> = patterns.into_iter().collect();
        let atoms = atoms(&patterns);
        let mut met = vec![Vec::new(); patterns.len()];
        for (atom, (_, indices)) in atoms.iter().enumerate() {
            for index in indices {
                if let Some(atoms) = met.get_mut(*index) {
                    atoms.push(atom);
                }
            }
        }
        for (area, condition) in self.areas.iter_mut().zip(conditions) {
            area.push(match condition {
                Field::Any => AtomSet::all(atoms.len()),
                Field::Only(only) => {
                    let mut set = AtomSet::none(atoms.len());
                    let indices = only.iter().filter_map(|pattern| patterns.binary_search(&pattern).ok());
                    for atom in indices.filter_map(|index| met.get(index)).flatten() {
                        set.insert(*atom);
                    }
                    set
                }
            });
        }
        self.dimensions.push(values(atoms.into_iter().map(|(value, _)| value).collect()));
    }

    /// Adds the dimension of whether there is a token; says whether any clause asks for one.
    fn add_token_presence(&mut self) -> bool {
        let required = |clause: &Clause| clause.token != TokenMatch::Any;
        if !self.clauses.iter().any(|clause| required(clause)) {
            return false;
        }
        for (area, clause) in self.areas.iter_mut().zip(self.clauses) {
            let mut presence = AtomSet::all(2);
            if required(clause) {
                presence = AtomSet::none(2);
                presence.insert(PRESENT);
            }
            area.push(presence);
        }
        self.dimensions.push(Values::TokenPresence);
        true
    }

    /// Adds the dimensions of what a token says.
    fn add_token(&mut self) {
        fn token(clause: &Clause) -> Option<&TokenClause> {
            match &clause.token {
                TokenMatch::Any => None,
                TokenMatch::Required(token) => Some(token),
            }
        }
        let texts = |patterns: &[&TextPattern]| {
            let steps: Vec<_> = patterns.iter().map(|pattern| pattern.steps()).collect();
            automaton::atoms(&steps, "")
        };
        let issuers = ["https://issuer.example"];
        self.add(
            |clause| Some(&token(clause)?.issuers),
            |all| value::atoms(all, value::other_words(&issuers)),
            Values::Issuer,
        );
        self.add(|clause| Some(&token(clause)?.subjects), texts, Values::Subject);
        self.add(|clause| Some(&token(clause)?.audiences), |all| or_absent(texts(all)), Values::Audience);
        let names: BTreeSet<&String> =
            self.clauses.iter().filter_map(|clause| token(clause)).flat_map(|token| token.claims.keys()).collect();
        for name in names {
            let field = |clause: &'a Clause| token(clause)?.claims.get(name);
            self.add(field, |all| or_absent(texts(all)), |values| Values::Claim(name.clone(), values));
        }
    }
}

/// Adds the atom of requests that lack the value.
fn or_absent<V>(atoms: Vec<(V, Vec<usize>)>) -> Vec<(Option<V>, Vec<usize>)> {
    let present = atoms.into_iter().map(|(value, met)| (Some(value), met));
    std::iter::once((None, Vec::new())).chain(present).collect()
}

/// Returns the atoms of identities. A plaintext peer comes last: a witness with a certificate says more.
fn identity_atoms(patterns: &[&super::IdentityPattern]) -> Vec<(Option<Identity>, Vec<usize>)> {
    let present = identity::atoms(patterns).into_iter().map(|(identity, met)| (Some(identity), met));
    present.chain(std::iter::once((None, Vec::new()))).collect()
}
