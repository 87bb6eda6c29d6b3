//! Attributes that may have several values, of which one is enough: headers sent twice, claims that are lists.
//!
//! In: everything asked of such an attribute. Out: which answers go together, and texts that give them. Each question is a
//! dimension of its own, because any set of values may come; what cannot come (a value `red` that does not begin with `r`) is
//! taken out as areas that are impossible.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_compiler::requests::area::Area;
use ringfence_compiler::requests::atoms::AtomSet;

use super::atoms;
use super::dimension::{Ask, Attribute, Dimension};
use crate::glob::Glob;

/// An attribute with several values.
#[derive(Debug)]
pub(super) struct Several {
    /// The attribute.
    pub attribute: Attribute,
    /// What is asked of its values, each with the place of its dimension.
    places: Vec<usize>,
    /// One text for each combination of questions that a single value answers with yes.
    texts: Vec<(Vec<usize>, String)>,
}

impl Several {
    /// Finds the attributes with several values among dimensions.
    pub fn among(dimensions: &[Dimension]) -> Vec<Self> {
        let mut asked: BTreeMap<&Attribute, Vec<(usize, &Glob)>> = BTreeMap::new();
        for (at, dimension) in dimensions.iter().enumerate() {
            if let Attribute::OneOf(attribute, glob) = &dimension.attribute {
                asked.entry(attribute).or_default().push((at, glob));
            }
        }
        let one = |(attribute, globs): (&Attribute, Vec<(usize, &Glob)>)| {
            let asks: Vec<Ask> = globs.iter().map(|(_, glob)| Ask::Text((*glob).clone())).collect();
            let texts = atoms::walk(&asks, None, "", &[]).into_iter().collect();
            Self { attribute: attribute.clone(), places: globs.iter().map(|(at, _)| *at).collect(), texts }
        };
        asked.into_iter().map(one).collect()
    }

    /// Returns the areas that no values lie in: a question is answered with yes, and every single value that could do so
    /// would answer another with yes that is answered with no.
    pub fn impossible(&self, everything: &Area) -> Vec<Area> {
        let with = |asks: &[usize]| {
            asks.iter().filter_map(|ask| self.places.get(*ask)).fold(everything.clone(), |area, place| {
                let mut yes = AtomSet::none(2);
                yes.insert(1);
                area.with_side(*place, yes)
            })
        };
        let mut impossible = Vec::new();
        for ask in 0..self.places.len() {
            let mut left = vec![with(&[ask])];
            for (met, _) in self.texts.iter().filter(|(met, _)| met.contains(&ask)) {
                let together = with(met);
                left = left.iter().flat_map(|area| area.without(&together)).collect();
            }
            impossible.extend(left);
        }
        impossible
    }

    /// Returns values that answer exactly these dimensions with yes; none where the attribute need not be there.
    pub fn values(&self, holds: impl Fn(usize) -> bool) -> Vec<String> {
        let wanted: BTreeSet<usize> =
            (0..).zip(&self.places).filter(|(_, place)| holds(**place)).map(|(ask, _)| ask).collect();
        let fits = |met: &[usize]| met.iter().all(|ask| wanted.contains(ask));
        let mut values: Vec<String> = Vec::new();
        let mut given: BTreeSet<usize> = BTreeSet::new();
        for ask in &wanted {
            if given.contains(ask) {
                continue;
            }
            if let Some((met, text)) = self.texts.iter().find(|(met, _)| met.contains(ask) && fits(met)) {
                given.extend(met);
                values.push(text.clone());
            }
        }
        values
    }
}
