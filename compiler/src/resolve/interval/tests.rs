//! The laws of the algebra, over the power set of four things (0b0000 is void).

use super::*;
use proptest::prelude::*;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bits(u8);

impl Lattice for Bits {
    fn meet(&self, other: &Self) -> Self {
        Self(self.0 & other.0)
    }
    fn join(&self, other: &Self) -> Self {
        Self(self.0 | other.0)
    }
    fn is_void(&self) -> bool {
        self.0 == 0
    }
}

type Line = Vec<Level<Bits, usize>>;

fn bounds() -> Bounds<Bits> {
    Bounds { bottom: Bits(0), top: Bits(15), built_in: Bits(1) }
}

fn statements(least: u8) -> impl Strategy<Value = Vec<Statement<Bits, usize>>> {
    prop::collection::vec((least..16u8, 0..99usize).prop_map(|(bits, origin)| Statement::new(Bits(bits), origin)), 0..2)
}

fn lines() -> impl Strategy<Value = Line> {
    let level = (statements(1), statements(0), statements(1));
    prop::collection::vec(level.prop_map(|(ceilings, floors, values)| Level { ceilings, floors, values }), 1..5)
}

fn value(line: &Line) -> Option<Bits> {
    narrow(&bounds(), line).ok().map(|settled| settled.value)
}

proptest! {
    #[test]
    fn the_result_is_inside_every_mandate_on_the_path(line in lines()) {
        if let Some(value) = value(&line) {
            for level in &line {
                prop_assert!(level.ceilings.iter().all(|ceiling| value.within(&ceiling.value)));
                prop_assert!(level.floors.iter().all(|floor| floor.value.within(&value)));
            }
            prop_assert!(!value.is_void());
        }
    }

    #[test]
    fn order_within_a_level_decides_nothing(line in lines()) {
        let mut turned = line.clone();
        for level in &mut turned {
            level.ceilings.reverse();
            level.floors.reverse();
            level.values.reverse();
        }
        prop_assert_eq!(value(&line), value(&turned));
    }

    #[test]
    fn saying_a_thing_twice_changes_nothing(line in lines()) {
        let mut doubled = line.clone();
        for level in &mut doubled {
            level.ceilings.extend(level.ceilings.clone());
            level.floors.extend(level.floors.clone());
            level.values.extend(level.values.clone());
        }
        prop_assert_eq!(value(&line), value(&doubled));
    }

    #[test]
    fn one_more_ceiling_admits_nothing_new(line in lines(), at in 0..5usize, bits in 1..16u8) {
        let mut more = line.clone();
        let at = at % more.len();
        more[at].ceilings.push(Statement::new(Bits(bits), 100));
        if let (Some(before), Some(after)) = (value(&line), value(&more)) {
            prop_assert!(after.within(&before));
        }
    }

    #[test]
    fn one_more_ceiling_never_mends_a_conflict_above_it(line in lines(), bits in 1..16u8) {
        if value(&line).is_none() {
            let mut more = line.clone();
            more.push(Level { ceilings: vec![Statement::new(Bits(bits), 100)], ..Level::default() });
            prop_assert_eq!(value(&more), None);
        }
    }

    #[test]
    fn every_conflict_is_a_true_one(line in lines()) {
        for conflict in narrow(&bounds(), &line).err().unwrap_or_default() {
            match conflict {
                Conflict::Contradiction(a, b) => prop_assert!(a.value.meet(&b.value).is_void() || !a.value.within(&b.value)),
                Conflict::Widens { value, ceiling } => prop_assert!(!value.value.within(&ceiling.value)),
                Conflict::BelowFloor { value, floor } => prop_assert!(!floor.value.within(&value.value)),
                Conflict::Stranded { ceiling, .. } => prop_assert_ne!(ceiling.value, Bits(15)),
                Conflict::Ambiguous(a, b) => prop_assert_ne!(a.value, b.value),
            }
        }
    }

    #[test]
    fn the_steps_end_in_the_value(line in lines()) {
        if let Ok(settled) = narrow(&bounds(), &line) {
            let last = match settled.steps.last().unwrap() {
                Step::BuiltIn(value) | Step::Clamped { to: value, .. } => *value,
                Step::Written(statement) => statement.value,
            };
            prop_assert_eq!(last, settled.value);
        }
    }
}

#[test]
fn an_inherited_value_is_clamped_and_a_written_one_is_refused() {
    let ceiling = Level { ceilings: vec![Statement::new(Bits(0b0001), 7)], ..Level::default() };
    let wide = Level { values: vec![Statement::new(Bits(0b0011), 1)], ..Level::default() };
    let inherited = narrow(&bounds(), &[wide.clone(), ceiling.clone()]).unwrap();
    assert_eq!(inherited.value, Bits(0b0001));
    assert_eq!(inherited.steps.last(), Some(&Step::Clamped { to: Bits(0b0001), by: vec![7] }));
    let conflicts = narrow(&bounds(), &[ceiling, wide]).unwrap_err();
    assert!(matches!(conflicts.as_slice(), [Conflict::Widens { .. }]));
}

#[test]
fn disjoint_ceilings_contradict() {
    let ceiling = |bits, origin| Level { ceilings: vec![Statement::new(Bits(bits), origin)], ..Level::default() };
    let conflicts = narrow(&bounds(), &[ceiling(0b0011, 1), ceiling(0b0100, 2)]).unwrap_err();
    assert!(matches!(conflicts.as_slice(), [Conflict::Contradiction(a, b)] if a.origin == 2 && b.origin == 1));
}

#[test]
fn ceilings_that_only_together_leave_nothing_name_the_one_that_took_the_rest() {
    let line: Vec<_> = [(0b1100, 1), (0b1010, 2), (0b1110, 3), (0b0110, 4)]
        .map(|(bits, origin)| Level { ceilings: vec![Statement::new(Bits(bits), origin)], ..Level::default() })
        .into();
    let conflicts = narrow(&bounds(), &line).unwrap_err();
    let named = |conflict: &_| matches!(conflict, Conflict::Contradiction(a, b) if a.origin == 4 && b.origin == 2);
    assert!(conflicts.iter().any(named), "{conflicts:?}");
}
