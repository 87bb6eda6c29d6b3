//! The attributes that a question is about, and where each request lies among their atoms.
//!
//! In: chains of tests, and what can arrive. Out: [`Space`], which turns tests into areas, requests into points and points
//! back into requests.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use ringfence_compiler::requests::area::Area;
use ringfence_compiler::requests::atoms::AtomSet;

use super::dimension::{self, Ask, Attribute, Dimension, Value};
use super::several::Several;
use crate::engine::{Leaf, Test};
use crate::glob::{Glob, Piece};
use crate::request::{Http, Identity, Peer, Request, Shown, Token};

/// What can arrive at one port of a workload.
#[derive(Debug, Clone)]
pub struct Arrivals {
    /// The port.
    pub port: u16,
    /// Whether requests are read, or bytes forwarded.
    pub http: bool,
    /// Whether peers without a certificate are let in.
    pub plaintext: bool,
    /// Whether peers with one are.
    pub mtls: bool,
    /// The trust domains whose certificates are taken; empty means all.
    pub trust_domains: Vec<String>,
    /// The issuers whose tokens are taken, each with the audiences of which a token must name one; empty means any.
    pub issuers: Vec<(String, Vec<String>)>,
}

impl Arrivals {
    /// Makes the arrivals of a port that takes everything.
    #[must_use]
    pub fn anything(port: u16) -> Self {
        Self { port, http: true, plaintext: true, mtls: true, trust_domains: Vec::new(), issuers: Vec::new() }
    }
}

/// The dimensions of a question.
#[derive(Debug)]
pub struct Space {
    arrivals: Arrivals,
    dimensions: Vec<Dimension>,
    places: BTreeMap<Attribute, usize>,
    several: Vec<Several>,
    impossible: Vec<Area>,
}

impl Space {
    /// Makes the space in which these tests can be told apart. Where an atom holds one of `peers`, that one stands for it.
    #[must_use]
    pub fn of<'t>(arrivals: Arrivals, tests: impl Iterator<Item = &'t Test>, peers: &[Identity]) -> Self {
        let leaves = tests.flat_map(|test| &test.leaves);
        let mut asked: BTreeMap<Attribute, BTreeSet<Ask>> = BTreeMap::new();
        let mut add = |leaf: &Leaf| {
            for (attribute, ask) in dimension::asks(leaf) {
                asked.entry(attribute).or_default().insert(ask);
            }
        };
        leaves.for_each(&mut add);
        for leaf in arrivals.leaves() {
            add(&leaf);
        }
        asked.entry(Attribute::Peer).or_default();
        let dimensions: Vec<_> = asked
            .into_iter()
            .map(|(attribute, asks)| Dimension::of(attribute, asks.into_iter().collect(), peers))
            .collect();
        let places = dimensions.iter().enumerate().map(|(at, one)| (one.attribute.clone(), at)).collect();
        let several = Several::among(&dimensions);
        let mut space = Self { arrivals, dimensions, places, several, impossible: Vec::new() };
        let everything = space.everything();
        space.impossible = space.several.iter().flat_map(|several| several.impossible(&everything)).collect();
        space
    }

    /// Returns the area of everything.
    #[must_use]
    pub fn everything(&self) -> Area {
        Area::everything(self.dimensions.iter().map(|dimension| dimension.atoms.len()))
    }

    /// Returns the areas in which there is no request.
    #[must_use]
    pub fn impossible(&self) -> &[Area] {
        &self.impossible
    }

    /// Returns the areas of what can arrive at all. The space must know what these arrivals tell apart.
    #[must_use]
    pub fn arriving(&self, arrivals: &Arrivals) -> Vec<Area> {
        let mut everything = self.everything();
        if let Some((at, peers)) = self.dimension(&Attribute::Peer) {
            let mut allowed = peers.atoms_where(|value| match value {
                Value::Peer(None) => arrivals.plaintext,
                _ => arrivals.mtls && arrivals.trust_domains.is_empty(),
            });
            if arrivals.mtls {
                for domain in &arrivals.trust_domains {
                    if let Some(met) = peers.met(&Ask::Text(of_domain(domain))) {
                        allowed = allowed.or(met);
                    }
                }
            }
            everything = everything.with_side(at, allowed);
        }
        let Some((at, tokens)) = self.dimension(&Attribute::Token) else { return vec![everything] };
        let shown = |shown: bool| tokens.atoms_where(|value| *value == Value::Holds(shown));
        let mut areas = vec![everything.with_side(at, shown(false))];
        for (issuer, audiences) in &arrivals.issuers {
            let mut of_issuer = everything.with_side(at, shown(true));
            // A rule without an issuer takes tokens of any.
            if !issuer.is_empty() {
                of_issuer = self.narrowed(&of_issuer, &[claim_is("iss", issuer)]);
            }
            if !audiences.is_empty() {
                let named: Vec<Leaf> = audiences.iter().map(|audience| audience_is(audience)).collect();
                // Any of them will do, and each is a dimension of its own.
                areas.extend(named.iter().map(|audience| self.narrowed(&of_issuer, std::slice::from_ref(audience))));
                continue;
            }
            areas.push(of_issuer);
        }
        areas.retain(|area| !area.is_empty());
        areas
    }

    /// Returns the areas in which all of these tests hold.
    #[must_use]
    pub fn holding(&self, tests: &[Test]) -> Vec<Area> {
        let mut areas = vec![self.everything()];
        for test in tests {
            areas = self.within(areas, test);
        }
        areas
    }

    fn within(&self, areas: Vec<Area>, test: &Test) -> Vec<Area> {
        let met: Vec<Area> = self.meeting(&test.leaves);
        let mut within = Vec::new();
        for area in areas {
            if test.negated {
                let mut left = vec![area];
                for met in &met {
                    left = left
                        .iter()
                        .flat_map(|area| if area.meets(met) { area.without(met) } else { vec![area.clone()] })
                        .collect();
                }
                within.extend(left);
            } else {
                within.extend(met.iter().map(|met| area.and(met)).filter(|area| !area.is_empty()));
            }
        }
        within
    }

    /// Returns the areas in which one of the leaves holds: one area where all ask of one attribute.
    fn meeting(&self, leaves: &[Leaf]) -> Vec<Area> {
        let mut single: BTreeMap<Vec<usize>, Area> = BTreeMap::new();
        let mut areas = Vec::new();
        for leaf in leaves {
            match leaf {
                Leaf::Port(port) if *port == self.arrivals.port => return vec![self.everything()],
                Leaf::Port(_) => continue,
                Leaf::TokenOf(..) => areas.push(self.narrowed(&self.everything(), std::slice::from_ref(leaf))),
                _ => {
                    let places = dimension::asks(leaf);
                    let places = places.iter().filter_map(|(attribute, _)| self.places.get(attribute).copied());
                    let area = self.narrowed(&self.everything(), std::slice::from_ref(leaf));
                    let places: Vec<usize> = places.collect();
                    match single.get_mut(&places) {
                        None => _ = single.insert(places, area),
                        // Only the last place can differ: what comes before it is that there is a token.
                        Some(known) => {
                            if let Some(last) = places.last()
                                && let (Some(ours), Some(theirs)) = (known.side(*last), area.side(*last))
                            {
                                *known = known.with_side(*last, ours.or(theirs));
                            }
                        }
                    }
                }
            }
        }
        areas.extend(single.into_values());
        areas.retain(|area| !area.is_empty());
        areas
    }

    /// Narrows an area to where one of these leaves holds, all of which ask of the same attributes.
    fn narrowed(&self, area: &Area, leaves: &[Leaf]) -> Area {
        let mut sides: BTreeMap<usize, AtomSet> = BTreeMap::new();
        for (attribute, ask) in leaves.iter().flat_map(dimension::asks) {
            let Some((at, dimension)) = self.dimension(&attribute) else { continue };
            let Some(met) = dimension.met(&ask) else { continue };
            let side = sides.entry(at).or_insert_with(|| AtomSet::none(dimension.atoms.len()));
            *side = side.or(met);
        }
        let mut narrowed = area.clone();
        for (at, side) in sides {
            if let Some(ours) = narrowed.side(at) {
                let both = ours.and(&side);
                narrowed = narrowed.with_side(at, both);
            }
        }
        narrowed
    }

    fn dimension(&self, attribute: &Attribute) -> Option<(usize, &Dimension)> {
        let at = *self.places.get(attribute)?;
        Some((at, self.dimensions.get(at)?))
    }

    /// Narrows an area to one atom of an attribute.
    pub(super) fn at_atom(&self, area: &Area, attribute: &Attribute, atom: Option<usize>) -> Area {
        let Some((at, dimension)) = self.dimension(attribute) else { return area.clone() };
        let mut atoms = AtomSet::none(dimension.atoms.len());
        if let Some(atom) = atom {
            atoms.insert(atom);
        }
        area.with_side(at, atoms)
    }

    /// Cuts areas by the atoms of an attribute: for each atom, what they have of it.
    #[must_use]
    pub fn split(&self, areas: &[Area], attribute: &Attribute) -> Vec<Vec<Area>> {
        let Some((_, dimension)) = self.dimension(attribute) else { return vec![areas.to_vec()] };
        let at_atom = |atom| {
            let alone = self.at_atom(&self.everything(), attribute, Some(atom));
            areas.iter().map(|area| area.and(&alone)).filter(|area| !area.is_empty()).collect::<Vec<_>>()
        };
        (0..dimension.atoms.len()).map(at_atom).filter(|areas| !areas.is_empty()).collect()
    }

    pub(super) fn dimensions(&self) -> &[Dimension] {
        &self.dimensions
    }

    /// Widens an area to every answer of what no file tells, or `None` where it depends on one.
    pub(super) fn without_unknowns(&self, area: &Area) -> (Area, bool) {
        let (mut widened, mut depends) = (area.clone(), false);
        for (at, dimension) in self.dimensions.iter().enumerate() {
            if let Attribute::Unknown(_) = dimension.attribute {
                let all = AtomSet::all(dimension.atoms.len());
                depends |= area.side(at) != Some(&all);
                widened = widened.with_side(at, all);
            }
        }
        (widened, depends)
    }

    /// Returns a request of an area that is not empty.
    #[must_use]
    pub fn request(&self, area: &Area) -> Request {
        let mut request = Request {
            peer: Some(Identity::new("cluster.local", "default", "default").into()),
            address: Ipv4Addr::new(192, 0, 2, 1).into(),
            remote: Ipv4Addr::new(192, 0, 2, 1).into(),
            destination: Ipv4Addr::new(192, 0, 2, 2).into(),
            port: self.arrivals.port,
            sni: None,
            http: self.arrivals.http.then(|| Http {
                method: "GET".to_owned(),
                path: "/".to_owned(),
                query: None,
                host: "service.example".to_owned(),
                headers: BTreeMap::new(),
                token: Shown::Nothing,
            }),
        };
        let mut remote: Option<IpAddr> = None;
        for (dimension, side) in self.dimensions.iter().zip(area.sides()) {
            let Some(atom) = side.first().and_then(|atom| dimension.atoms.get(atom)) else { continue };
            match (&dimension.attribute, &atom.value) {
                (Attribute::Peer, Value::Peer(peer)) => request.peer = peer.clone().map(Peer::from),
                (Attribute::Address, Value::Address(address)) => request.address = *address,
                (Attribute::Remote, Value::Address(address)) => remote = Some(*address),
                (Attribute::Destination, Value::Address(address)) => request.destination = *address,
                (Attribute::ServerName, Value::Texts(texts)) => {
                    request.sni = texts.first().filter(|name| !name.is_empty()).cloned();
                }
                (attribute, value) => {
                    if let Some(http) = &mut request.http {
                        write(http, attribute, value);
                    }
                }
            }
        }
        request.remote = remote.unwrap_or(request.address);
        for several in &self.several {
            let holds = |place: usize| area.side(place).and_then(AtomSet::first) == Some(1);
            let values = Value::Texts(several.values(holds));
            if let Some(http) = &mut request.http {
                write(http, &several.attribute, &values);
            }
        }
        request
    }
}

/// Writes a value into a request. Claims are written only where there is a token, which comes before them.
fn write(http: &mut Http, attribute: &Attribute, value: &Value) {
    match (attribute, value) {
        (Attribute::Token, Value::Holds(true)) => http.token = Shown::Signed(Token::default()),
        (Attribute::Host, Value::Texts(texts)) => http.host = texts.concat(),
        (Attribute::Method, Value::Texts(texts)) => http.method = texts.concat(),
        (Attribute::Path, Value::Texts(texts)) => http.path = texts.concat(),
        (Attribute::Header(name), Value::Texts(texts)) if !texts.is_empty() => {
            http.headers.insert(name.clone(), texts.clone());
        }
        (Attribute::Claim(path), Value::Texts(texts)) => {
            if let (Shown::Signed(token), Some((last, above))) = (&mut http.token, path.split_last()) {
                let written = match texts.as_slice() {
                    [] => return,
                    [one] => one.as_str().into(),
                    many => many.iter().map(String::as_str).collect(),
                };
                let mut claims = &mut token.0;
                for name in above {
                    let inner = claims.entry(name.clone()).or_insert_with(|| serde_json::Map::new().into());
                    match inner.as_object_mut() {
                        Some(inner) => claims = inner,
                        None => return,
                    }
                }
                claims.insert(last.clone(), written);
            }
        }
        _ => {}
    }
}

impl Arrivals {
    /// Returns what must be told apart for this.
    fn leaves(&self) -> Vec<Leaf> {
        let mut leaves: Vec<Leaf> = self.trust_domains.iter().map(|domain| Leaf::Peer(of_domain(domain))).collect();
        for (issuer, audiences) in &self.issuers {
            leaves.push(claim_is("iss", issuer));
            leaves.extend(audiences.iter().map(|audience| audience_is(audience)));
        }
        leaves
    }
}

fn of_domain(domain: &str) -> Glob {
    Glob::prefix(format!("spiffe://{domain}/"))
}

/// An audience is compared without the scheme of a URL and without a slash at its end.
fn audience_is(audience: &str) -> Leaf {
    let bare = ["http://", "https://"].iter().find_map(|scheme| audience.strip_prefix(scheme)).unwrap_or(audience);
    let bare = bare.strip_suffix('/').unwrap_or(bare);
    let spelt = |scheme: &str, end: &str| vec![Piece::Text(format!("{scheme}{bare}{end}"))];
    let spelt = ["", "http://", "https://"].iter().flat_map(|scheme| ["", "/"].map(|end| spelt(scheme, end)));
    Leaf::Claim(vec!["aud".to_owned()], Glob::one_of(spelt.collect()))
}

fn claim_is(name: &str, value: &str) -> Leaf {
    Leaf::Claim(vec![name.to_owned()], Glob::exactly(value))
}
