//! The second engine: what chains admit, by decision diagrams.
//!
//! In: chains and what can arrive. Out: the same answers as those of `exact`, from other beginnings. Each question that a leaf
//! asks is a variable; which answers go together is found by a walk of its own (`texts`) and written as one more function.
//! There are no boxes, no atoms and no areas here.

mod compare;
mod samples;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use ringfence_verifier::engine::{Chain, Enforced, Leaf, Test};
use ringfence_verifier::exact::Arrivals;
use ringfence_verifier::glob::Glob;
use ringfence_verifier::request::{HeaderName, Http, Identity, Peer, Request, Shown, Token};

pub use self::compare::{Tally, compare};
use self::samples::{answers, samples};
use crate::bdd::{ALWAYS, Bdd, Function, NEVER};

/// What a question is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Field {
    Peer,
    Address,
    Remote,
    Destination,
    ServerName,
    Host,
    Method,
    Path,
    Header(HeaderName),
    Issuer,
    Subject,
    Claim(Vec<String>),
    /// Whether there is a certificate.
    Certificate,
    /// Whether there is a token.
    Token,
    /// What no file tells.
    Unknown(Leaf),
}

/// What is asked of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Wanted {
    Text(Glob),
    Net(IpNet),
    Yes,
}

type Question = (Field, Wanted);

/// Returns the questions of a leaf, all of which must be answered with yes; none for a port, which is known.
fn questions(leaf: &Leaf) -> Vec<Question> {
    let text = |field, glob: &Glob| vec![(field, Wanted::Text(glob.clone()))];
    match leaf {
        Leaf::Port(_) => vec![],
        Leaf::Peer(glob) => text(Field::Peer, glob),
        Leaf::Address(net) => vec![(Field::Address, Wanted::Net(*net))],
        Leaf::Remote(net) => vec![(Field::Remote, Wanted::Net(*net))],
        Leaf::Destination(net) => vec![(Field::Destination, Wanted::Net(*net))],
        Leaf::ServerName(glob) => text(Field::ServerName, glob),
        Leaf::Host(glob) => text(Field::Host, glob),
        Leaf::Method(glob) => text(Field::Method, glob),
        Leaf::Path(glob) => text(Field::Path, glob),
        Leaf::Header(name, glob) if name.as_str() != "host" => text(Field::Header(name.clone()), glob),
        Leaf::TokenOf(issuer, subject) => [text(Field::Issuer, issuer), text(Field::Subject, subject)].concat(),
        Leaf::Claim(path, glob) => text(claim(path), glob),
        Leaf::Target(_) | Leaf::Header(..) | Leaf::Unknown(_) => vec![(Field::Unknown(leaf.clone()), Wanted::Yes)],
    }
}

fn claim(path: &[String]) -> Field {
    match path {
        [name] if name == "iss" => Field::Issuer,
        [name] if name == "sub" => Field::Subject,
        _ => Field::Claim(path.to_vec()),
    }
}

/// A value of a field, and what it answers with yes: positions among the questions of the field.
struct Sample {
    yes: BTreeSet<usize>,
    value: String,
}

/// The questions about one field.
struct Asked {
    field: Field,
    /// The variable of each.
    variables: Vec<usize>,
    samples: Vec<Sample>,
}

/// An engine for some chains.
pub struct Engine {
    port: u16,
    http: bool,
    bdd: Bdd,
    variables: BTreeMap<Question, usize>,
    fields: Vec<Asked>,
    /// Where a request can be at all.
    possible: Function,
}

/// What a chain admits: surely and perhaps, question by question as far as files tell.
#[derive(Clone, Copy)]
pub struct Admitted {
    surely: Function,
    perhaps: Function,
    /// The same, if what no file tells is given at last only, so that `a or not a` holds.
    whatever: Function,
    however: Function,
}

/// What holds surely, and what holds perhaps.
type Pair = (Function, Function);

impl Engine {
    pub fn of<'l>(arrivals: &Arrivals, leaves: impl Iterator<Item = &'l Leaf>) -> Self {
        let mut asked: BTreeSet<Question> = leaves.flat_map(questions).collect();
        asked.insert((Field::Certificate, Wanted::Yes));
        asked.insert((Field::Token, Wanted::Yes));
        let domains: Vec<Question> = arrivals
            .trust_domains
            .iter()
            .map(|domain| (Field::Peer, Wanted::Text(Glob::prefix(format!("spiffe://{domain}/")))))
            .collect();
        let exactly = |name: &str, text: &str| (claim(&[name.to_owned()]), Wanted::Text(Glob::exactly(text)));
        // The same audience, with and without what is not compared.
        let spellings = |audience: &str| {
            let bare = audience.trim_start_matches("http://").trim_start_matches("https://").trim_end_matches('/');
            let heads = ["", "http://", "https://"].into_iter();
            heads
                .flat_map(|head| ["", "/"].map(|tail| exactly("aud", &format!("{head}{bare}{tail}"))))
                .collect::<Vec<_>>()
        };
        let issuers: Vec<(Option<Question>, Vec<Question>)> = arrivals
            .issuers
            .iter()
            .map(|(issuer, audiences)| {
                let named = audiences.iter().flat_map(|audience| spellings(audience)).collect();
                ((!issuer.is_empty()).then(|| exactly("iss", issuer)), named)
            })
            .collect();
        asked.extend(domains.iter().cloned());
        asked.extend(issuers.iter().flat_map(|(issuer, audiences)| issuer.iter().chain(audiences)).cloned());
        let variables: BTreeMap<Question, usize> = asked.iter().cloned().zip(0..).collect();
        let mut by_field: BTreeMap<&Field, Vec<&Question>> = BTreeMap::new();
        for question in &asked {
            by_field.entry(&question.0).or_default().push(question);
        }
        let fields = by_field.into_iter().map(|(field, questions)| Asked {
            field: field.clone(),
            variables: questions.iter().map(|question| variables[question]).collect(),
            samples: samples(field, &questions.iter().map(|(_, wanted)| wanted).collect::<Vec<_>>()),
        });
        let fields = fields.collect();
        let (port, http) = (arrivals.port, arrivals.http);
        let mut engine = Self { port, http, bdd: Bdd::new(), variables, fields, possible: ALWAYS };
        let together = engine.together();
        let (certificate, token) = (engine.yes(&Field::Certificate), engine.yes(&Field::Token));
        let of_domain: Vec<Function> = domains.iter().map(|question| engine.variable(question)).collect();
        let of_domain = if domains.is_empty() { ALWAYS } else { engine.bdd.any(of_domain) };
        let with = if arrivals.mtls { engine.bdd.and(certificate, of_domain) } else { NEVER };
        let without = if arrivals.plaintext { engine.bdd.not(certificate) } else { NEVER };
        let peers = engine.bdd.or(with, without);
        let mut taken = engine.bdd.not(token);
        for (issuer, audiences) in &issuers {
            let named: Vec<Function> = audiences.iter().map(|audience| engine.variable(audience)).collect();
            let named = if named.is_empty() { ALWAYS } else { engine.bdd.any(named) };
            let of_issuer = issuer.as_ref().map_or(ALWAYS, |issuer| engine.variable(issuer));
            let one = engine.bdd.all([token, of_issuer, named]);
            taken = engine.bdd.or(taken, one);
        }
        engine.possible = engine.bdd.all([together, peers, taken]);
        engine
    }

    fn variable(&mut self, question: &Question) -> Function {
        self.bdd.variable(self.variables[question])
    }

    fn yes(&mut self, field: &Field) -> Function {
        self.variable(&(field.clone(), Wanted::Yes))
    }

    /// Returns which answers go together.
    fn together(&mut self) -> Function {
        let (certificate, token) = (self.yes(&Field::Certificate), self.yes(&Field::Token));
        let bdd = &mut self.bdd;
        let mut together = ALWAYS;
        for asked in &self.fields {
            let variables: Vec<Function> = asked.variables.iter().map(|variable| bdd.variable(*variable)).collect();
            let exactly = |bdd: &mut Bdd, yes: &BTreeSet<usize>| {
                let each = (0..).zip(&variables).map(|(at, variable)| (yes.contains(&at), *variable));
                each.fold(ALWAYS, |all, (yes, variable)| {
                    let holds = if yes { variable } else { bdd.not(variable) };
                    bdd.and(all, holds)
                })
            };
            let several = matches!(asked.field, Field::Header(_) | Field::Claim(_));
            let one = match asked.field {
                Field::Certificate | Field::Token | Field::Unknown(_) => ALWAYS,
                // There may be any number of values. Who answers a question with yes answers some others so as well.
                _ if several => {
                    let mut all = ALWAYS;
                    for (at, variable) in variables.iter().enumerate() {
                        let mut answered = bdd.not(*variable);
                        for sample in asked.samples.iter().filter(|sample| sample.yes.contains(&at)) {
                            let others = bdd.all(sample.yes.iter().map(|at| variables[*at]));
                            answered = bdd.or(answered, others);
                        }
                        all = bdd.and(all, answered);
                    }
                    all
                }
                _ => {
                    let samples: Vec<Function> = asked.samples.iter().map(|sample| exactly(bdd, &sample.yes)).collect();
                    bdd.any(samples)
                }
            };
            // Without a certificate there is no name in it, and without a token no claim.
            let nothing = exactly(bdd, &BTreeSet::new());
            let one = match asked.field {
                Field::Peer => bdd.choose(certificate, one, nothing),
                Field::Issuer | Field::Subject => {
                    let present = bdd.or(one, nothing);
                    bdd.choose(token, present, nothing)
                }
                Field::Claim(_) => bdd.choose(token, one, nothing),
                _ => one,
            };
            together = bdd.and(together, one);
        }
        together
    }

    fn leaf(&mut self, leaf: &Leaf) -> Pair {
        if let Leaf::Port(port) = leaf {
            return if *port == self.port { (ALWAYS, ALWAYS) } else { (NEVER, NEVER) };
        }
        let questions = questions(leaf);
        if let [(Field::Unknown(_), _)] = questions.as_slice() {
            return (NEVER, ALWAYS);
        }
        let both = questions.iter().fold(ALWAYS, |all, question| {
            let one = self.variable(question);
            self.bdd.and(all, one)
        });
        (both, both)
    }

    /// The same with a variable for what no file tells.
    fn leaf_with_variable(&mut self, leaf: &Leaf) -> Pair {
        match questions(leaf).as_slice() {
            [question @ (Field::Unknown(_), _)] => {
                let one = self.variable(question);
                (one, one)
            }
            _ => self.leaf(leaf),
        }
    }

    fn test(&mut self, test: &Test, leaf: fn(&mut Self, &Leaf) -> Pair) -> Pair {
        let any = test.leaves.iter().fold((NEVER, NEVER), |(surely, perhaps), one| {
            let one = leaf(self, one);
            (self.bdd.or(surely, one.0), self.bdd.or(perhaps, one.1))
        });
        if test.negated { (self.bdd.not(any.1), self.bdd.not(any.0)) } else { any }
    }

    fn rule<O>(&mut self, rule: &Enforced<O>, leaf: fn(&mut Self, &Leaf) -> Pair) -> Pair {
        let mut both = (ALWAYS, ALWAYS);
        for lists in [&rule.sources, &rule.operations] {
            let mut any = (NEVER, NEVER);
            for tests in lists {
                let mut all = (ALWAYS, ALWAYS);
                for test in tests {
                    let one = self.test(test, leaf);
                    all = (self.bdd.and(all.0, one.0), self.bdd.and(all.1, one.1));
                }
                any = (self.bdd.or(any.0, all.0), self.bdd.or(any.1, all.1));
            }
            both = (self.bdd.and(both.0, any.0), self.bdd.and(both.1, any.1));
        }
        both
    }

    fn admits<O>(&mut self, chain: &Chain<O>, leaf: fn(&mut Self, &Leaf) -> Pair) -> Pair {
        let mut any = |rules: &[Enforced<O>]| {
            rules.iter().fold((NEVER, NEVER), |(surely, perhaps), rule| {
                let one = self.rule(rule, leaf);
                (self.bdd.or(surely, one.0), self.bdd.or(perhaps, one.1))
            })
        };
        let allowed = chain.allow.as_ref().map_or((ALWAYS, ALWAYS), |rules| any(rules));
        let (denied, asked) = (any(&chain.deny), any(&chain.custom));
        // A provider may say either.
        let (not_perhaps, not_surely) = (self.bdd.not(denied.1), self.bdd.not(denied.0));
        let unasked = self.bdd.not(asked.1);
        (
            self.bdd.all([self.possible, allowed.0, not_perhaps, unasked]),
            self.bdd.all([self.possible, allowed.1, not_surely]),
        )
    }

    pub fn judge<O>(&mut self, chain: &Chain<O>) -> Admitted {
        let (surely, perhaps) = self.admits(chain, Self::leaf);
        let (mut whatever, mut however) = self.admits(chain, Self::leaf_with_variable);
        for ((field, _), variable) in self.variables.clone() {
            if let Field::Unknown(_) = field {
                whatever = self.bdd.without(whatever, variable, true);
                however = self.bdd.without(however, variable, false);
            }
        }
        Admitted { surely, perhaps, whatever, however }
    }

    /// Returns where a request is from this peer.
    fn from(&mut self, peer: Option<&Identity>) -> Function {
        let certificate = self.yes(&Field::Certificate);
        let Some(peer) = peer else { return self.bdd.not(certificate) };
        let mut all = certificate;
        for ((field, wanted), variable) in self.variables.clone() {
            if let (Field::Peer, Wanted::Text(glob)) = (&field, &wanted) {
                let mut one = self.bdd.variable(variable);
                if !glob.matches(&format!("spiffe://{peer}")) {
                    one = self.bdd.not(one);
                }
                all = self.bdd.and(all, one);
            }
        }
        all
    }

    /// Tells whether a function holds of a request.
    fn holds(&self, function: Function, request: &Request) -> bool {
        let holding = self.variables.iter().filter(|((field, wanted), _)| answers(field, wanted, request));
        self.bdd.holds(function, &holding.map(|(_, variable)| *variable).collect())
    }

    /// Returns a request of which a function holds.
    fn request(&self, function: Function) -> Option<Request> {
        let holding = self.bdd.assignment(function)?;
        let is = |field: &Field| holding.contains(&self.variables[&(field.clone(), Wanted::Yes)]);
        let mut http = Http {
            method: "GET".to_owned(),
            path: "/".to_owned(),
            query: None,
            host: "h".to_owned(),
            headers: BTreeMap::new(),
            token: Shown::Nothing,
        };
        let mut claims = serde_json::Map::new();
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        let mut request = Request {
            peer: None,
            address,
            remote: address,
            destination: address,
            port: self.port,
            sni: None,
            http: None,
        };
        if is(&Field::Certificate) {
            request.peer = Some(Peer::new("a/ns/a/sa/a"));
        }
        for asked in &self.fields {
            let wanted: BTreeSet<usize> = (0..)
                .zip(&asked.variables)
                .filter(|(_, variable)| holding.contains(variable))
                .map(|(at, _)| at)
                .collect();
            let mut exact =
                asked.samples.iter().filter(|sample| sample.yes == wanted).map(|sample| sample.value.clone());
            let within = asked.samples.iter().filter(|sample| !sample.yes.is_empty() && sample.yes.is_subset(&wanted));
            let several: Vec<String> = within.map(|sample| sample.value.clone()).collect();
            match &asked.field {
                Field::Peer if is(&Field::Certificate) => {
                    request.peer = exact.next().and_then(|uri| uri.strip_prefix("spiffe://").map(Peer::new));
                }
                Field::Address => request.address = exact.next()?.parse().unwrap(),
                Field::Remote => request.remote = exact.next()?.parse().unwrap(),
                Field::Destination => request.destination = exact.next()?.parse().unwrap(),
                Field::ServerName => request.sni = exact.next().filter(|name| !name.is_empty()),
                Field::Host => http.host = exact.next()?,
                Field::Method => http.method = exact.next()?,
                Field::Path => http.path = exact.next()?,
                Field::Header(name) if !several.is_empty() => _ = http.headers.insert(name.clone(), several),
                // No text at all where none is asked for.
                Field::Issuer if !wanted.is_empty() => _ = claims.insert("iss".to_owned(), exact.next()?.into()),
                Field::Subject if !wanted.is_empty() => _ = claims.insert("sub".to_owned(), exact.next()?.into()),
                Field::Claim(path) if !several.is_empty() => {
                    let (last, above) = path.split_last().unwrap();
                    let inner = above.iter().fold(&mut claims, |claims, name| {
                        let inner = claims.entry(name.clone()).or_insert_with(|| serde_json::json!({}));
                        inner.as_object_mut().unwrap()
                    });
                    inner.insert(last.clone(), several.into());
                }
                _ => {}
            }
        }
        if is(&Field::Token) {
            http.token = Shown::Signed(Token(claims));
        }
        request.http = self.http.then_some(http);
        Some(request)
    }
}
