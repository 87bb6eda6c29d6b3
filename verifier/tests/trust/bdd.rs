//! Binary decision diagrams: a Boolean function as a graph in which equal functions are the same node.
//!
//! In: variables by their numbers. Out: functions, which are compared and asked for an assignment. Written here because it is
//! a page, and so that no library's minimum of Rust becomes ours.

use std::collections::{BTreeMap, BTreeSet};

/// A function; equal functions are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Function(usize);

/// The function that never holds.
pub const NEVER: Function = Function(0);
/// The function that always holds.
pub const ALWAYS: Function = Function(1);

/// Where all functions live.
#[derive(Debug, Default)]
pub struct Bdd {
    /// The variable that is asked, where to go if it does not hold, and where if it does. The two constants come first and
    /// have none.
    nodes: Vec<(usize, Function, Function)>,
    known: BTreeMap<(usize, Function, Function), Function>,
    choices: BTreeMap<(Function, Function, Function), Function>,
}

impl Bdd {
    /// Makes a place without functions.
    pub fn new() -> Self {
        let constant = |function| (usize::MAX, function, function);
        Self { nodes: vec![constant(NEVER), constant(ALWAYS)], ..Self::default() }
    }

    fn node(&mut self, variable: usize, without: Function, with: Function) -> Function {
        if without == with {
            return with;
        }
        let node = (variable, without, with);
        let next = Function(self.nodes.len());
        let function = *self.known.entry(node).or_insert(next);
        if function == next {
            self.nodes.push(node);
        }
        function
    }

    /// Returns the function that is a variable.
    pub fn variable(&mut self, variable: usize) -> Function {
        self.node(variable, NEVER, ALWAYS)
    }

    /// Returns what a function is once a variable is known; the variable must not come after its first.
    fn given(&self, function: Function, variable: usize, holds: bool) -> Function {
        match self.nodes[function.0] {
            (first, without, with) if first == variable => {
                if holds {
                    with
                } else {
                    without
                }
            }
            _ => function,
        }
    }

    /// `if condition then one else other`.
    pub fn choose(&mut self, condition: Function, one: Function, other: Function) -> Function {
        if condition == ALWAYS || one == other {
            return one;
        }
        if condition == NEVER {
            return other;
        }
        let question = (condition, one, other);
        if let Some(known) = self.choices.get(&question) {
            return *known;
        }
        let first = [condition, one, other].map(|function| self.nodes[function.0].0).into_iter().min().unwrap();
        let [without, with] = [false, true].map(|holds| {
            let [condition, one, other] = [condition, one, other].map(|each| self.given(each, first, holds));
            self.choose(condition, one, other)
        });
        let chosen = self.node(first, without, with);
        self.choices.insert(question, chosen);
        chosen
    }

    pub fn not(&mut self, one: Function) -> Function {
        self.choose(one, NEVER, ALWAYS)
    }

    pub fn and(&mut self, one: Function, other: Function) -> Function {
        self.choose(one, other, NEVER)
    }

    pub fn or(&mut self, one: Function, other: Function) -> Function {
        self.choose(one, ALWAYS, other)
    }

    pub fn all(&mut self, functions: impl IntoIterator<Item = Function>) -> Function {
        functions.into_iter().fold(ALWAYS, |all, one| self.and(all, one))
    }

    pub fn any(&mut self, functions: impl IntoIterator<Item = Function>) -> Function {
        functions.into_iter().fold(NEVER, |any, one| self.or(any, one))
    }

    /// Returns what holds whatever a variable is, or what holds for one value of it.
    pub fn without(&mut self, function: Function, variable: usize, whatever: bool) -> Function {
        let (first, without, with) = self.nodes[function.0];
        if first > variable {
            return function;
        }
        if first == variable {
            return if whatever { self.and(without, with) } else { self.or(without, with) };
        }
        let [without, with] = [without, with].map(|branch| self.without(branch, variable, whatever));
        self.node(first, without, with)
    }

    /// Returns the variables that hold in an assignment under which the function does.
    pub fn assignment(&self, mut function: Function) -> Option<BTreeSet<usize>> {
        let mut holding = BTreeSet::new();
        while function != ALWAYS {
            let (variable, without, with) = self.nodes[function.0];
            match (without, with) {
                (NEVER, NEVER) => return None,
                (NEVER, _) => {
                    holding.insert(variable);
                    function = with;
                }
                _ => function = without,
            }
        }
        Some(holding)
    }

    /// Tells whether the function holds where exactly these variables do.
    pub fn holds(&self, mut function: Function, holding: &BTreeSet<usize>) -> bool {
        while function != ALWAYS && function != NEVER {
            let (variable, without, with) = self.nodes[function.0];
            function = if holding.contains(&variable) { with } else { without };
        }
        function == ALWAYS
    }
}

/// Random functions of five variables against their tables of truth.
#[test]
fn functions_are_their_tables_of_truth() {
    const VARIABLES: usize = 5;
    let rows = 1_u32 << VARIABLES;
    let holding = |row: u32| (0..VARIABLES).filter(|variable| row & (1 << variable) != 0).collect::<BTreeSet<_>>();
    for seed in crate::seeds(50) {
        let mut random = crate::random::Random::new(seed);
        let mut bdd = Bdd::new();
        // Each with its table: a bit a row.
        let mut made: Vec<(Function, u32)> = (0..VARIABLES)
            .map(|variable| {
                let table = (0..rows).filter(|row| row & (1 << variable) != 0).fold(0, |table, row| table | 1 << row);
                (bdd.variable(variable), table)
            })
            .collect();
        for _ in 0..40 {
            let [(one, ours), (other, theirs), (third, its)] =
                [random.one(&made), random.one(&made), random.one(&made)];
            made.push(match random.below(4) {
                0 => (bdd.and(one, other), ours & theirs),
                1 => (bdd.or(one, other), ours | theirs),
                2 => (bdd.not(one), !ours),
                _ => (bdd.choose(one, other, third), ours & theirs | !ours & its),
            });
        }
        for (at, (function, table)) in made.iter().enumerate() {
            for row in 0..rows {
                assert_eq!(bdd.holds(*function, &holding(row)), table & (1 << row) != 0, "seed {seed}");
            }
            for (other, theirs) in &made[..at] {
                assert_eq!(function == other, table == theirs, "seed {seed}");
            }
            match bdd.assignment(*function) {
                Some(assignment) => assert!(bdd.holds(*function, &assignment), "seed {seed}"),
                None => assert_eq!(*table, 0, "seed {seed}"),
            }
            let whatever = (0..rows).filter(|row| table & (1 << (row | 1)) != 0 && table & (1 << (row & !1)) != 0);
            let function = bdd.without(*function, 0, true);
            let whatever: Vec<u32> = whatever.collect();
            for row in 0..rows {
                assert_eq!(bdd.holds(function, &holding(row)), whatever.contains(&row), "seed {seed}");
            }
        }
    }
}
