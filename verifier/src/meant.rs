//! The first door: what a policy tree means for a workload, as tests of requests.
//!
//! In: [`Governed`], what the compiler resolved for a unit of workloads. Out: a [`Chain`] and the [`Arrivals`] of a port, of
//! the same kind as those of manifests, made without looking at any manifest. It exists so that what is emitted can be held
//! against what was meant.

pub(crate) mod patterns;
pub(crate) mod tokens;

use std::collections::BTreeSet;

use ringfence_compiler::requests::{Clause, Field, RequestSet, TokenMatch};
use ringfence_compiler::resolve::Governed;
use ringfence_compiler::resolve::access::{Barred, Bound, Grant};
use ringfence_compiler::resolve::statements::Origin;

use crate::engine::envoy::Reads;
use crate::engine::{Chain, Enforced, Leaf, Test};
use crate::exact::Arrivals;
use crate::glob::Glob;
use crate::istio::request_authentication::JwtRule;

/// What is meant at one port of a unit.
#[derive(Debug)]
pub struct Meant<'a> {
    /// Who is admitted and refused.
    pub chain: Chain<&'a Origin>,
    /// What may arrive.
    pub arrivals: Arrivals,
    /// By which rules tokens are taken.
    pub tokens: BTreeSet<JwtRule>,
    /// Which external authorization providers are asked.
    pub providers: BTreeSet<String>,
}

impl<'a> Meant<'a> {
    /// Says what is meant at a port, where identities of these trust domains count as the same.
    #[must_use]
    pub fn at(governed: &'a Governed<'_>, port: u16, reads: Reads, trust_domains: &[String]) -> Self {
        let ports = &governed.unit.ports;
        let declared = ports.contains_key(&port) || ports.is_empty();
        let writer = Writer { reads, declared, trust_domains };
        let access = &governed.access;
        let enforced = |grants: &'a [Grant]| grants.iter().filter(|grant| !grant.on_trial);
        let mut chain = Chain {
            allow: Some(enforced(&access.grants).flat_map(|grant| writer.grants(&grant.set, &grant.origin)).collect()),
            deny: enforced(&access.denies).flat_map(|deny| writer.rules(&deny.set, &deny.origin)).collect(),
            custom: Vec::new(),
        };
        for ceiling in access.ceilings.iter().filter(|ceiling| !ceiling.on_trial) {
            // What lies outside an `AtMost` is granted by nothing: the compiler proved each grant to lie inside.
            if let Bound::Never(never) = &ceiling.bound {
                chain.deny.extend(writer.barred(never, &ceiling.origin));
            }
        }
        let authentication = &governed.authentication;
        if let Some(origin) = &authentication.required {
            let exempt: Vec<Leaf> = authentication.exempt.iter().map(|path| Leaf::Path(patterns::path(path))).collect();
            let some = Glob::at_least(1);
            let good = Test { leaves: vec![Leaf::TokenOf(some.clone(), some)], negated: true };
            let elsewhere = (!exempt.is_empty()).then_some(Test { leaves: exempt, negated: true });
            let operations = vec![elsewhere.into_iter().collect()];
            chain.deny.push(Enforced { origin, sources: vec![vec![good]], operations });
        }
        let asked = authentication.external.values();
        chain.custom =
            asked.map(|origin| Enforced { origin, sources: vec![Vec::new()], operations: vec![Vec::new()] }).collect();
        let tokens: BTreeSet<JwtRule> =
            authentication.issuers.iter().map(|accepted| tokens::rule(&accepted.spec)).collect();
        let arriving = governed.settings.mtls.value.at(port);
        let arrivals = Arrivals {
            port,
            http: reads == Reads::Http,
            plaintext: arriving.plaintext,
            mtls: arriving.mtls,
            trust_domains: Vec::new(),
            issuers: tokens.iter().map(JwtRule::taken).collect(),
        };
        let providers = authentication.external.keys().cloned().collect();
        Self { chain, arrivals, tokens, providers }
    }
}

/// Returns the ports of a unit that its manifests declare or its policy speaks of.
#[must_use]
pub fn ports(governed: &Governed<'_>) -> BTreeSet<u16> {
    let access = &governed.access;
    let clauses = access.grants.iter().chain(&access.denies).flat_map(|grant| grant.set.clauses());
    let mut ports: BTreeSet<u16> = clauses.flat_map(|clause| clause.ports.patterns()).copied().collect();
    ports.extend(governed.unit.ports.keys());
    ports.extend(governed.settings.mtls.value.ports.keys());
    ports.remove(&0);
    ports
}

/// What clauses are written with.
struct Writer<'w> {
    reads: Reads,
    /// Whether the port is one that manifests declare.
    declared: bool,
    trust_domains: &'w [String],
}

impl Writer<'_> {
    /// Writes what admits. A condition on HTTP admits to ports that are known, and to others only where it names them: what
    /// an unknown listener speaks nobody says.
    fn grants<'a>(&self, set: &RequestSet, origin: &'a Origin) -> Vec<Enforced<&'a Origin>> {
        let known = |clause: &Clause| self.declared || !clause.ports.is_any() || *clause == clause.l4();
        let known = RequestSet::from_clauses(set.clauses().iter().filter(|clause| known(clause)).cloned());
        self.rules(&known, origin)
    }

    fn rules<'a>(&self, set: &RequestSet, origin: &'a Origin) -> Vec<Enforced<&'a Origin>> {
        // A condition on HTTP is about ports that are read as HTTP, and about no other.
        let here = |clause: &&Clause| self.reads == Reads::Http || **clause == clause.l4();
        set.clauses().iter().filter(here).map(|clause| self.rule(clause, origin)).collect()
    }

    /// Writes what callers may not send: everything that none of the exceptions lets through.
    fn barred<'a>(&self, barred: &Barred, origin: &'a Origin) -> Vec<Enforced<&'a Origin>> {
        // A request escapes a conjunction by failing one of its tests, so one such failure is chosen for each exception.
        let mut failing: Vec<Vec<Test>> = vec![Vec::new()];
        for exception in self.rules(&barred.but, origin) {
            let fail = |tests: &Vec<Test>| {
                let each = exception.tests().map(|test| Test { negated: !test.negated, ..test.clone() });
                each.map(|test| tests.iter().cloned().chain([test]).collect()).collect::<Vec<Vec<Test>>>()
            };
            failing = failing.iter().flat_map(fail).collect();
        }
        let mut rules = self.rules(&barred.callers, origin);
        for rule in &mut rules {
            let before = std::mem::take(&mut rule.operations);
            let join =
                |tests: &Vec<Test>| failing.iter().map(|fail| [tests.as_slice(), fail].concat()).collect::<Vec<_>>();
            rule.operations = before.iter().flat_map(join).collect();
        }
        rules
    }

    fn rule<'a>(&self, clause: &Clause, origin: &'a Origin) -> Enforced<&'a Origin> {
        let identities = |field: &Field<_>| match field {
            Field::Any => None,
            Field::Only(patterns) => {
                let leaves = patterns.iter().flat_map(|pattern| patterns::identity(pattern, self.trust_domains));
                Some(Test { leaves: leaves.map(Leaf::Peer).collect(), negated: false })
            }
        };
        let mut sources = vec![identities(&clause.identities), test(&clause.addresses, |net| Leaf::Address(*net))];
        for (name, field) in &clause.headers {
            let header = |pattern: &_| Leaf::Header(name.clone(), patterns::header(pattern));
            // A header without a condition on its value has to be there all the same.
            let present = || Test { leaves: vec![Leaf::Header(name.clone(), Glob::at_least(0))], negated: false };
            sources.push(test(field, header).or_else(|| Some(present())));
        }
        if let TokenMatch::Required(token) = &clause.token {
            let claim = |name: &str, glob| Leaf::Claim(vec![name.to_owned()], glob);
            sources.push(test(&token.issuers, |issuer| claim("iss", Glob::exactly(issuer))));
            sources.push(test(&token.subjects, |subject| claim("sub", patterns::text(subject))));
            sources.push(test(&token.audiences, |audience| claim("aud", patterns::text(audience))));
            for (name, field) in &token.claims {
                sources.push(test(field, |value| claim(name, patterns::text(value))));
            }
        }
        let operations = [
            test(&clause.ports, |port| Leaf::Port(*port)),
            test(&clause.methods, |method| Leaf::Method(Glob::exactly(method))),
            test(&clause.paths, |path| Leaf::Path(patterns::path(path))),
            test(&clause.hosts, |host| Leaf::Host(patterns::host(host))),
        ];
        Enforced {
            origin,
            sources: vec![sources.into_iter().flatten().collect()],
            operations: vec![operations.into_iter().flatten().collect()],
        }
    }
}

/// Writes a condition on one attribute; `None` where there is none.
fn test<P: Ord>(field: &Field<P>, leaf: impl Fn(&P) -> Leaf) -> Option<Test> {
    match field {
        Field::Any => None,
        Field::Only(patterns) => Some(Test { leaves: patterns.iter().map(leaf).collect(), negated: false }),
    }
}
