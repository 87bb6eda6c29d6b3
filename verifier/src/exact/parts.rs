//! What is granted and not refused, as areas that can be held against others.
//!
//! In: areas. Out: a part of an area that none of several admits. What a union of chains admits is no chain, so that it is kept
//! as parts.

use ringfence_compiler::requests::area::{Area, escape};

/// What is granted and not refused.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Part {
    pub granted: Vec<Area>,
    pub refused: Vec<Area>,
}

impl Part {
    /// Finds a piece of it that none of these admits.
    pub fn beyond(&self, others: &[&Part]) -> Option<Area> {
        self.granted.iter().find_map(|area| outside(area, &self.refused, others))
    }
}

/// Finds a piece of an area outside `minus` that none of these parts admits: what one grants, it takes back.
pub(crate) fn outside(area: &Area, minus: &[Area], parts: &[&Part]) -> Option<Area> {
    let Some((part, rest)) = parts.split_first() else { return escape(area, minus) };
    let beyond: Vec<Area> =
        minus.iter().chain(part.granted.iter().filter(|granted| granted.meets(area))).cloned().collect();
    outside(area, &beyond, rest).or_else(|| {
        let refused = part.refused.iter().map(|refused| area.and(refused)).filter(|both| !both.is_empty());
        refused.into_iter().find_map(|both| outside(&both, minus, rest))
    })
}
