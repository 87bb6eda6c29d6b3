//! Interval narrowing: the whole merge algebra, for any field.
//!
//! In: what each level from the root down mandates and writes about one field. Out: the value that holds at the bottom,
//! with every step that led there, or the pairs of statements that collide. Nothing here knows of YAML or meshes; each law
//! of the algebra is a property test below.
//!
//! Going down, a node holds a floor F, a ceiling C and a value d; the root is (nothing, everything, the secure built-in).
//! A ceiling is met into C, a floor is joined into F. A value written at a node must lie between them; a value inherited
//! from above is clamped, because a new mandate must not break every child that said nothing.

/// An order in which `a <= b` means that a permits a subset of what b permits.
pub trait Lattice: Clone + PartialEq {
    /// Returns what both permit.
    #[must_use]
    fn meet(&self, other: &Self) -> Self;

    /// Returns what either permits.
    #[must_use]
    fn join(&self, other: &Self) -> Self;

    /// Tells whether this permits a subset of what `other` does.
    fn within(&self, other: &Self) -> bool {
        self.meet(other) == *self
    }

    /// Tells whether this is a value that nothing can satisfy, such as "neither mTLS nor plaintext".
    fn is_void(&self) -> bool {
        false
    }
}

/// A value that somebody wrote; `O` says where and by what right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement<V, O> {
    /// The value.
    pub value: V,
    /// Where it comes from.
    pub origin: O,
}

impl<V, O> Statement<V, O> {
    /// Joins a value with its origin.
    pub fn new(value: V, origin: O) -> Self {
        Self { value, origin }
    }
}

/// What one level says about a field.
#[derive(Debug, Clone)]
pub struct Level<V, O> {
    /// `atMost` of its mandates.
    pub ceilings: Vec<Statement<V, O>>,
    /// `atLeast` of its mandates.
    pub floors: Vec<Statement<V, O>>,
    /// Values written at the level.
    pub values: Vec<Statement<V, O>>,
}

impl<V, O> Default for Level<V, O> {
    fn default() -> Self {
        Self { ceilings: Vec::new(), floors: Vec::new(), values: Vec::new() }
    }
}

/// How a value came to be what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<V, O> {
    /// The secure built-in, before anybody said anything.
    BuiltIn(V),
    /// Written at a level.
    Written(Statement<V, O>),
    /// Inherited, and moved into the interval by these mandates.
    Clamped {
        /// What it became.
        to: V,
        /// The mandates it would have left.
        by: Vec<O>,
    },
}

/// Two statements that cannot both hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conflict<V, O> {
    /// A mandate leaves nothing of what another one wants.
    Contradiction(Statement<V, O>, Statement<V, O>),
    /// A written value permits more than a ceiling.
    Widens {
        /// The value.
        value: Statement<V, O>,
        /// The ceiling.
        ceiling: Statement<V, O>,
    },
    /// A written value permits less than a floor.
    BelowFloor {
        /// The value.
        value: Statement<V, O>,
        /// The floor.
        floor: Statement<V, O>,
    },
    /// A ceiling leaves nothing of the value inherited so far, and nobody wrote another.
    Stranded {
        /// The inherited value; `None` for the built-in.
        value: Option<Statement<V, O>>,
        /// The ceiling.
        ceiling: Statement<V, O>,
    },
    /// Two different values at one level.
    Ambiguous(Statement<V, O>, Statement<V, O>),
}

/// What holds at the bottom of a line of levels.
#[derive(Debug, Clone)]
pub struct Settled<V, O> {
    /// The value.
    pub value: V,
    /// The floor.
    pub floor: V,
    /// The ceiling.
    pub ceiling: V,
    /// The ceilings that make up the ceiling, from the root down.
    pub ceilings: Vec<Statement<V, O>>,
    /// The floors that make up the floor, from the root down.
    pub floors: Vec<Statement<V, O>>,
    /// How the value came to be, from the root down.
    pub steps: Vec<Step<V, O>>,
    /// The exceptions without which the value would be another; who widens the ceilings knows them.
    pub exceptions: Vec<O>,
}

/// The ends of the order and the secure built-in.
#[derive(Debug, Clone)]
pub struct Bounds<V> {
    /// Permits nothing.
    pub bottom: V,
    /// Permits everything.
    pub top: V,
    /// What holds where nobody says anything.
    pub built_in: V,
}

/// Narrows a field from the root down to the last of `line`.
///
/// # Errors
/// Every pair of statements that collide. What follows a collision is judged as if the mandates above it held.
pub fn narrow<V: Lattice, O: Clone>(
    bounds: &Bounds<V>,
    line: &[Level<V, O>],
) -> Result<Settled<V, O>, Vec<Conflict<V, O>>> {
    let mut conflicts = Vec::new();
    let mut settled = Settled {
        value: bounds.built_in.clone(),
        floor: bounds.bottom.clone(),
        ceiling: bounds.top.clone(),
        ceilings: Vec::new(),
        floors: Vec::new(),
        steps: vec![Step::BuiltIn(bounds.built_in.clone())],
        exceptions: Vec::new(),
    };
    for level in line {
        for floor in &level.floors {
            settled.floor = settled.floor.join(&floor.value);
            settled.floors.push(floor.clone());
        }
        for ceiling in &level.ceilings {
            let met = settled.ceiling.meet(&ceiling.value);
            if met.is_void() && !settled.ceiling.is_void() {
                conflicts.extend(emptied(&settled.ceilings, ceiling));
            } else {
                settled.ceiling = met;
                settled.ceilings.push(ceiling.clone());
            }
        }
        if !settled.floor.within(&settled.ceiling) {
            for floor in &settled.floors {
                let cut = settled.ceilings.iter().find(|ceiling| !floor.value.within(&ceiling.value));
                conflicts.extend(cut.map(|ceiling| Conflict::Contradiction(floor.clone(), ceiling.clone())));
            }
            // Judge the rest by the ceiling, which is the safe side.
            settled.floor = settled.floor.meet(&settled.ceiling);
        }
        write(&mut settled, level, &mut conflicts);
    }
    if conflicts.is_empty() { Ok(settled) } else { Err(conflicts) }
}

/// Pairs a ceiling with the one above that leaves nothing of it: by itself if there is one that does, else the one after
/// which nothing is left, which then cuts away something of it at least.
fn emptied<V: Lattice, O: Clone>(above: &[Statement<V, O>], ceiling: &Statement<V, O>) -> Option<Conflict<V, O>> {
    let alone = above.iter().find(|one| one.value.meet(&ceiling.value).is_void());
    let mut left = ceiling.value.clone();
    let mut last = above.iter().filter(|one| {
        left = left.meet(&one.value);
        left.is_void()
    });
    let with = alone.or_else(|| last.next())?;
    Some(Conflict::Contradiction(ceiling.clone(), with.clone()))
}

/// Takes the value a level writes, or clamps the inherited one.
fn write<V: Lattice, O: Clone>(settled: &mut Settled<V, O>, level: &Level<V, O>, conflicts: &mut Vec<Conflict<V, O>>) {
    let Some((first, others)) = level.values.split_first() else {
        clamp(settled, conflicts);
        return;
    };
    conflicts.extend(
        others
            .iter()
            .filter(|other| other.value != first.value)
            .map(|other| Conflict::Ambiguous(other.clone(), first.clone())),
    );
    let mut fits = true;
    for value in &level.values {
        if let Some(ceiling) = settled.ceilings.iter().find(|ceiling| !value.value.within(&ceiling.value)) {
            conflicts.push(Conflict::Widens { value: value.clone(), ceiling: ceiling.clone() });
            fits = false;
        }
        if let Some(floor) = settled.floors.iter().find(|floor| !floor.value.within(&value.value)) {
            conflicts.push(Conflict::BelowFloor { value: value.clone(), floor: floor.clone() });
            fits = false;
        }
    }
    if fits {
        settled.value = first.value.clone();
        settled.steps.push(Step::Written(first.clone()));
    } else {
        clamp(settled, conflicts);
    }
}

/// Moves the inherited value into the interval: `(d ∨ F) ∧ C`. Where that leaves nothing, taking some other value of the
/// interval would admit what nobody admitted before, so it is a conflict.
fn clamp<V: Lattice, O: Clone>(settled: &mut Settled<V, O>, conflicts: &mut Vec<Conflict<V, O>>) {
    let to = settled.value.join(&settled.floor).meet(&settled.ceiling);
    if to == settled.value {
        return;
    }
    let above: Vec<_> = settled.ceilings.iter().filter(|ceiling| !settled.value.within(&ceiling.value)).collect();
    if let (true, Some(ceiling)) = (to.is_void(), above.last()) {
        let written = settled.steps.iter().rev().find_map(|step| match step {
            Step::Written(statement) => Some(statement.clone()),
            _ => None,
        });
        conflicts.push(Conflict::Stranded { value: written, ceiling: (*ceiling).clone() });
        settled.value = settled.ceiling.clone();
        return;
    }
    let below = settled.floors.iter().filter(|floor| !floor.value.within(&settled.value));
    let by = above.into_iter().chain(below).map(|statement| statement.origin.clone()).collect();
    settled.steps.push(Step::Clamped { to: to.clone(), by });
    settled.value = to;
}

#[cfg(test)]
mod tests;
