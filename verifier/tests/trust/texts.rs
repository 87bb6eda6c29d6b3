//! Which answers to questions about one text go together, found by a walk of its own.
//!
//! In: sets of texts. Out: each combination of them that some text is in, with such a text. The product of all automata is
//! walked character by character; every text that is found is put to [`Glob::matches`], which knows nothing of automata.

use std::collections::{BTreeSet, HashSet, VecDeque};

use ringfence_compiler::requests::automaton::{Class, Step};
use ringfence_verifier::glob::{Glob, Piece};

/// All sets at once, as one machine: each step of each alternative, and whose text ends there instead.
struct Machine {
    steps: Vec<Result<Step, usize>>,
    owners: Vec<usize>,
    starts: Vec<usize>,
}

/// The steps that may come next, sorted.
type Left = Vec<usize>;

impl Machine {
    fn of<'g>(globs: impl Iterator<Item = &'g Glob>) -> Self {
        let mut machine = Self { steps: Vec::new(), owners: Vec::new(), starts: Vec::new() };
        for (owner, glob) in globs.enumerate() {
            for steps in glob.steps() {
                machine.starts.push(machine.steps.len());
                machine.steps.extend(steps.into_iter().map(Ok));
                machine.steps.push(Err(owner));
                machine.owners.resize(machine.steps.len(), owner);
            }
        }
        machine
    }

    /// Adds what is reached without reading: loops may be left at once. Of a set that takes the text however it goes on, no
    /// other step matters.
    fn closed(&self, reached: impl Iterator<Item = usize>) -> Left {
        let mut left: BTreeSet<usize> = BTreeSet::new();
        for mut at in reached {
            while left.insert(at) && matches!(self.steps[at], Ok(Step::Loop(_))) {
                at += 1;
            }
        }
        let forever: BTreeSet<usize> = left
            .iter()
            .filter(|at| self.steps[**at] == Ok(Step::Loop(Class::Everything)))
            .filter_map(|at| self.steps[at + 1].err())
            .collect();
        let matters = |at: &usize| {
            let last = self.steps[*at].is_err() || self.steps[at + 1].is_err();
            last || !forever.contains(&self.owners[*at])
        };
        left.into_iter().filter(matters).collect()
    }

    fn after(&self, left: &Left, character: char) -> Left {
        self.closed(left.iter().filter_map(|at| match self.steps[*at] {
            Ok(Step::One(wanted)) if wanted == character => Some(at + 1),
            Ok(Step::Of(class)) if class.has(character) => Some(at + 1),
            Ok(Step::Loop(class)) if class.has(character) => Some(*at),
            _ => None,
        }))
    }

    /// Returns those whose text may end here.
    fn ended(&self, left: &Left) -> BTreeSet<usize> {
        left.iter().filter_map(|at| self.steps[*at].err()).collect()
    }

    /// Tells whether one of these steps is of this set.
    fn is_alive(&self, left: &Left, owner: usize) -> bool {
        left.iter().any(|at| self.owners[*at] == owner)
    }

    /// Returns the characters that are told apart here: those some step waits for, a slash, and of the others one that `{*}`
    /// takes and one that it does not.
    fn characters(&self, left: &Left, folded: bool) -> BTreeSet<char> {
        let waited = left.iter().filter_map(|at| match self.steps[*at] {
            Ok(Step::One(character)) => Some(character),
            _ => None,
        });
        let mut characters: BTreeSet<char> = waited.chain(['/']).collect();
        let mut usual = ('a'..='z').chain("0123456789-._~%!$&'()+,;:@=*".chars()).chain('A'..='Z');
        let fresh = usual.find(|one| !(characters.contains(one) || folded && one.is_ascii_uppercase()));
        let odd = "[]<>^`\"{}|".chars().find(|one| !characters.contains(one));
        assert!(odd.is_some_and(|one| !Class::Segment.has(one)) && fresh.is_some_and(|one| Class::Segment.has(one)));
        characters.extend([fresh, odd].into_iter().flatten());
        characters
    }
}

/// Finds every combination within `base`; a folded text has no upper case.
pub fn combinations(globs: &[Glob], base: &Glob, folded: bool) -> Vec<(BTreeSet<usize>, String)> {
    let machine = Machine::of(globs.iter().chain([base]));
    let start = machine.closed(machine.starts.iter().copied());
    let mut seen = HashSet::from([start.clone()]);
    let mut queue = VecDeque::from([(start, String::new())]);
    let mut met: HashSet<BTreeSet<usize>> = HashSet::new();
    let mut found: Vec<(BTreeSet<usize>, String)> = Vec::new();
    while let Some((left, text)) = queue.pop_front() {
        let mut ended = machine.ended(&left);
        if ended.remove(&globs.len()) && met.insert(ended.clone()) {
            let told: BTreeSet<usize> = (0..globs.len()).filter(|at| globs[*at].matches(&text)).collect();
            assert_eq!(ended, told, "{text:?} is read otherwise than it is walked");
            found.push((ended, text.clone()));
        }
        for character in machine.characters(&left, folded) {
            let next = machine.after(&left, character);
            if machine.is_alive(&next, globs.len()) && seen.insert(next.clone()) {
                let mut text = text.clone();
                text.push(character);
                queue.push_back((next, text));
            }
        }
    }
    found
}

/// A walk that stops early finds too little, so texts that nobody chose are put to it.
#[test]
fn no_text_answers_as_no_sample_does() {
    let globs = [
        Glob::prefix("/a"),
        Glob::suffix("b"),
        Glob::exactly("/a/b"),
        Glob::at_least(1),
        Glob::new(vec![
            Piece::Text("/".into()),
            Piece::Run(Class::Segment, 1),
            Piece::Text("/".into()),
            Piece::Run(Class::SegmentOrSlash, 0),
        ]),
        Glob::new(vec![Piece::Run(Class::Everything, 0), Piece::Text("a/".into()), Piece::Run(Class::NotSlash, 2)]),
        Glob::exactly(""),
    ];
    let found = combinations(&globs, &Glob::at_least(0), false);
    for seed in crate::seeds(20) {
        let mut random = crate::random::Random::new(seed);
        for _ in 0..500 {
            let length = random.below(7);
            let text: String = (0..length).map(|_| random.one(&['/', '/', 'a', 'a', 'b', '[', 'c'])).collect();
            let met: BTreeSet<usize> = (0..globs.len()).filter(|at| globs[*at].matches(&text)).collect();
            assert!(found.iter().any(|(known, _)| *known == met), "{text:?}");
        }
    }
    assert!(found.len() > 15, "{}", found.len());
}
