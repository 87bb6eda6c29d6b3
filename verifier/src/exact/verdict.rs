//! What a chain says of all requests.
//!
//! In: a chain and a space that tells its tests apart. Out: [`Verdict`], which finds a request that is admitted, or knows that
//! there is none, anywhere or within an area.

use ringfence_compiler::requests::area::{Area, escape};

use super::parts::Part;
use super::space::{Arrivals, Space};
use crate::engine::{Chain, Enforced};
use crate::request::Request;

/// How sure an answer must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certainty {
    /// Whatever providers say and whatever no file tells.
    Surely,
    /// If providers and what no file tells are kind.
    Perhaps,
}

/// What a chain says of all requests.
#[derive(Debug)]
pub struct Verdict<'s> {
    space: &'s Space,
    /// What arrives and is admitted, rule by rule; the position is that of the rule, `None` where nobody decides.
    allow: Vec<(Option<usize>, Area)>,
    deny: Vec<(usize, Area)>,
    custom: Vec<Area>,
}

impl<'s> Verdict<'s> {
    /// Works out what a chain says of what arrives.
    #[must_use]
    pub fn of<O>(space: &'s Space, arrivals: &Arrivals, chain: &Chain<O>) -> Self {
        let arriving = space.arriving(arrivals);
        let arrive = |areas: Vec<Area>| -> Vec<Area> {
            let meets = areas.iter().flat_map(|area| arriving.iter().map(|arriving| area.and(arriving)));
            meets.filter(|area| !area.is_empty()).collect()
        };
        let allow = match &chain.allow {
            None => arriving.iter().map(|area| (None, area.clone())).collect(),
            Some(rules) => (0..)
                .zip(rules)
                .flat_map(|(at, rule)| arrive(areas(space, rule)).into_iter().map(move |area| (Some(at), area)))
                .collect(),
        };
        let deny =
            (0..).zip(&chain.deny).flat_map(|(at, rule)| areas(space, rule).into_iter().map(move |area| (at, area)));
        let custom = chain.custom.iter().flat_map(|rule| areas(space, rule));
        Self { space, allow, deny: deny.collect(), custom: custom.collect() }
    }

    /// Finds what is admitted within an area: the rule that admits it, if one must, and a part of the area.
    #[must_use]
    pub fn admitted(&self, within: &Area, certainty: Certainty) -> Option<(Option<usize>, Area)> {
        let minus = self.refusals(certainty);
        self.grants(certainty).into_iter().find_map(|(rule, area)| {
            let area = area.and(within);
            if area.is_empty() { None } else { Some((rule, escape(&area, &minus)?)) }
        })
    }

    /// Finds a request that this verdict admits surely, or perhaps, and the other does not even perhaps, or not surely.
    ///
    /// Both must be of one space.
    #[must_use]
    pub fn beyond(&self, other: &Verdict<'_>, ours: Certainty, theirs: Certainty) -> Option<Request> {
        let minus = self.refusals(ours);
        let granted: Vec<Area> = other.grants(theirs).into_iter().map(|(_, area)| area).collect();
        let refused = other.refusals(theirs);
        for (_, area) in self.grants(ours) {
            let outside: Vec<Area> = minus.iter().chain(&granted).cloned().collect();
            if let Some(part) = escape(&area, &outside) {
                return Some(self.space.request(&part));
            }
            // What the other grants, and takes back.
            for refused in &refused {
                let both = area.and(refused);
                if !both.is_empty()
                    && let Some(part) = escape(&both, &minus)
                {
                    return Some(self.space.request(&part));
                }
            }
        }
        None
    }

    /// Returns what is admitted, as a part that can be held against others.
    pub(crate) fn part(&self, certainty: Certainty) -> Part {
        let granted = self.grants(certainty).into_iter().map(|(_, area)| area).collect();
        Part { granted, refused: self.refusals(certainty) }
    }

    /// Returns what is granted, rule by rule.
    pub(crate) fn grants(&self, certainty: Certainty) -> Vec<(Option<usize>, Area)> {
        let told = self.allow.iter().map(|(rule, area)| (rule, self.space.without_unknowns(area)));
        told.filter(|(_, (_, depends))| certainty == Certainty::Perhaps || !depends)
            .map(|(rule, (area, _))| (*rule, area))
            .collect()
    }

    /// Returns what is refused, whoever grants it, and where there is no request.
    pub(crate) fn refusals(&self, certainty: Certainty) -> Vec<Area> {
        let denied = self.denials(certainty).into_iter().map(|(_, area)| area);
        denied.chain(self.other_refusals(certainty)).collect()
    }

    /// Returns what each DENY rule refuses, by its position.
    pub(crate) fn denials(&self, certainty: Certainty) -> Vec<(usize, Area)> {
        let told = self.deny.iter().map(|(rule, area)| (*rule, self.space.without_unknowns(area)));
        told.filter(|(_, (_, depends))| certainty == Certainty::Surely || !depends)
            .map(|(rule, (area, _))| (rule, area))
            .collect()
    }

    /// Returns what is refused by no DENY rule: providers that may say no, and where there is no request.
    pub(crate) fn other_refusals(&self, certainty: Certainty) -> Vec<Area> {
        let asked = self.custom.iter().filter(|_| certainty == Certainty::Surely);
        let asked = asked.map(|area| self.space.without_unknowns(area).0);
        asked.chain(self.space.impossible().iter().cloned()).collect()
    }
}

/// Returns the areas in which a rule holds.
pub(crate) fn areas<O>(space: &Space, rule: &Enforced<O>) -> Vec<Area> {
    let one_of = |lists: &[Vec<crate::engine::Test>]| -> Vec<Area> {
        lists.iter().flat_map(|tests| space.holding(tests)).collect()
    };
    let operations = one_of(&rule.operations);
    let both = one_of(&rule.sources);
    let both = both.iter().flat_map(|source| operations.iter().map(move |operation| source.and(operation)));
    both.filter(|area| !area.is_empty()).collect()
}
