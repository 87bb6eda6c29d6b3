//! Whether one caller gets more, less or something else than before, exactly.
//!
//! In: what is asked of it on both sides. Out: [`Outcome`], with a request for each answer. What is admitted is a union over
//! the ways a caller can come, and over the ways a port may be taken, of boxes without boxes; one space tells both sides apart.

use ringfence_compiler::requests::area::Area;

use super::access::{Form, Forms};
use crate::engine::{Chain, Enforced};
use crate::exact::{Arrivals, Certainty, Part, Space, Verdict, outside};
use crate::request::Request;

/// What gets through to a port: nothing, or what is asked, where the network lets it surely or perhaps.
pub(super) type Passing<'f> = Option<(&'f Forms, Certainty)>;

/// A request that is admitted on one side only.
#[derive(Debug, Clone, PartialEq)]
pub struct Witness {
    /// Whether it surely is, and surely is not on the other.
    pub sure: bool,
    /// The request; whose it is is not said in it.
    pub request: Request,
}

/// What became of a caller at a port.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Outcome {
    pub gained: Option<Witness>,
    pub lost: Option<Witness>,
}

/// Compares what gets through before with what does after.
pub(super) fn compare(port: u16, before: Passing<'_>, after: Passing<'_>) -> Outcome {
    let (space, arrivals) = space(port, &[before, after]);
    let side = |passing: Passing<'_>| Side::of(&space, &arrivals, passing);
    let (before, after) = (side(before), side(after));
    Outcome { gained: after.beyond(&before, &space), lost: before.beyond(&after, &space) }
}

/// Finds a request that gets through by one of these ways and at none of these ends.
pub(super) fn opened(port: u16, ends: &[Passing<'_>], ways: &[Passing<'_>]) -> Option<Witness> {
    let (space, arrivals) = space(port, &[ends, ways].concat());
    let sides = |passing: &[Passing<'_>]| -> Vec<Side> {
        passing.iter().map(|passing| Side::of(&space, &arrivals, *passing)).collect()
    };
    let ends = sides(ends).into_iter().flat_map(|side| side.perhaps.ways).collect();
    let ends = Set { ways: ends, in_all: false };
    let ways = sides(ways);
    let of = |sure: bool| {
        let mut sets = ways.iter().map(|side| if sure { &side.surely } else { &side.perhaps });
        sets.find_map(|set| Some(Witness { sure, request: space.request(&set.beyond(&ends)?) }))
    };
    of(true).or_else(|| of(false))
}

/// Makes the space that tells all of these apart.
fn space(port: u16, passing: &[Passing<'_>]) -> (Space, Arrivals) {
    let forms: Vec<&Form> = passing.iter().flatten().flat_map(|(forms, _)| &forms.ways).collect();
    let mut issuers: Vec<_> = forms.iter().filter_map(|form| form.issuers.as_ref()).flatten().cloned().collect();
    issuers.sort();
    issuers.dedup();
    let arrivals = Arrivals {
        port,
        http: forms.is_empty() || forms.iter().any(|form| form.http),
        plaintext: true,
        mtls: false,
        trust_domains: Vec::new(),
        issuers,
    };
    let tests = forms.iter().flat_map(|form| &form.chains).flat_map(Chain::rules).flat_map(Enforced::tests);
    (Space::of(arrivals.clone(), tests, &[]), arrivals)
}

/// What is admitted on one side.
struct Side {
    surely: Set,
    perhaps: Set,
}

/// Requests: of each way a union of parts, and of the ways all, or one.
struct Set {
    ways: Vec<Vec<Part>>,
    in_all: bool,
}

impl Side {
    fn of(space: &Space, arrivals: &Arrivals, passing: Passing<'_>) -> Self {
        let nothing = || Set { ways: Vec::new(), in_all: false };
        let Some((forms, network)) = passing else { return Self { surely: nothing(), perhaps: nothing() } };
        let sets = |certainty| {
            let of_form = |form: &Form| {
                let issuers = form.issuers.clone().unwrap_or_else(|| vec![(String::new(), Vec::new())]);
                let arrivals = Arrivals { issuers, ..arrivals.clone() };
                let mut parts: Vec<Part> = Vec::new();
                for chain in &form.chains {
                    let verdict = Verdict::of(space, &arrivals, chain);
                    let part = verdict.part(certainty);
                    if !parts.contains(&part) {
                        parts.push(part);
                    }
                }
                parts
            };
            let ways = if forms.modelled {
                forms.ways.iter().map(of_form).collect()
            } else {
                vec![vec![Part { granted: vec![space.everything()], refused: space.impossible().to_vec() }]]
            };
            Set { ways, in_all: certainty == Certainty::Surely }
        };
        let surely = forms.modelled && network == Certainty::Surely;
        Self { surely: if surely { sets(Certainty::Surely) } else { nothing() }, perhaps: sets(Certainty::Perhaps) }
    }

    /// Finds a request that this side admits and the other does not.
    fn beyond(&self, other: &Self, space: &Space) -> Option<Witness> {
        let witness = |sure| move |area: Area| Witness { sure, request: space.request(&area) };
        let perhaps = || self.perhaps.beyond(&other.perhaps).or_else(|| self.surely.beyond(&other.surely));
        self.surely.beyond(&other.perhaps).map(witness(true)).or_else(|| perhaps().map(witness(false)))
    }
}

impl Set {
    /// Finds a part of this set that lies outside the other.
    fn beyond(&self, other: &Self) -> Option<Area> {
        let of_way = |way: &Vec<Part>| way.iter().map(|part| vec![part.clone()]).collect::<Vec<_>>();
        let ours: Vec<Vec<Part>> = match (self.in_all, self.ways.split_first()) {
            (_, None) => Vec::new(),
            (false, _) => self.ways.iter().flat_map(of_way).collect(),
            (true, Some((first, rest))) => rest.iter().fold(of_way(first), |chosen, way| {
                let with = |chosen: &Vec<Part>| {
                    let chosen = chosen.clone();
                    way.iter().map(move |part| [chosen.as_slice(), std::slice::from_ref(part)].concat())
                };
                chosen.iter().flat_map(with).collect()
            }),
        };
        // Being outside of what lies in all ways is being outside of one of them.
        let theirs: Vec<Vec<&Part>> = match (other.in_all, other.ways.is_empty()) {
            (true, false) => other.ways.iter().map(|way| way.iter().collect()).collect(),
            _ => vec![other.ways.iter().flatten().collect()],
        };
        let inside = |parts: &Vec<Part>| {
            let minus: Vec<Area> = parts.iter().flat_map(|part| &part.refused).cloned().collect();
            meets(parts).into_iter().find_map(|area| theirs.iter().find_map(|parts| outside(&area, &minus, parts)))
        };
        ours.iter().find_map(inside)
    }
}

/// Returns the areas that are granted by all parts.
fn meets(parts: &[Part]) -> Vec<Area> {
    let Some((first, rest)) = parts.split_first() else { return Vec::new() };
    rest.iter().fold(first.granted.clone(), |areas, part| {
        let both = areas.iter().flat_map(|area| part.granted.iter().map(move |granted| area.and(granted)));
        both.filter(|area| !area.is_empty()).collect()
    })
}
