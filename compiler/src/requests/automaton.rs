//! Which combinations of text patterns some text meets, and the shortest text that does.
//!
//! In: patterns as lists of [`Step`]. Out: one witness for each combination. All patterns are walked at once, as one
//! non-deterministic automaton whose sets of positions are the states (subset construction); a state says which patterns
//! the text so far meets. The walk is by length, so the first text that reaches a combination is a shortest one.
//!
//! Characters are not enumerated: in a state only those that some pattern waits for differ from each other, and of the
//! rest one that a template's wildcard takes, a slash, and one that is neither stand for all.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::ops::Range;

use foldhash::fast::FixedState;

/// A set of characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// All of them.
    Everything,
    /// All but a slash.
    NotSlash,
    /// What `{*}` takes.
    Segment,
    /// What `{**}` takes.
    SegmentOrSlash,
    /// The ten digits.
    Digit,
}

impl Class {
    /// Tells whether the class has this character.
    pub fn has(self, character: char) -> bool {
        match self {
            Self::Everything => true,
            Self::NotSlash => character != '/',
            Self::Segment => is_segment_character(character),
            Self::SegmentOrSlash => character == '/' || is_segment_character(character),
            Self::Digit => character.is_ascii_digit(),
        }
    }
}

/// Tells whether `{*}` takes this character: letters, digits and `-._~%!$&'()+,;:@=*`.
///
/// Read from envoyproxy/envoy `source/extensions/path/uri_template_lib/uri_template_internal.cc` (`kLiteral`; the star
/// since Envoy 1.35) and seen with Envoy 1.40. Of the characters a normalised path can have, only `[` and `]` are
/// missing, so `/a/{**}` is not all of `/a/*`: it lacks `/a/[`.
pub fn is_segment_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || "-._~%!$&'()+,;:@=*".contains(character)
}

/// One step of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// This character.
    One(char),
    /// One character of the class.
    Of(Class),
    /// Any number of characters of the class, also none.
    Loop(Class),
}

/// A set of positions: which pattern, how many of its steps are done. Sorted.
type State = Vec<(usize, usize)>;

/// Returns one text for each combination of `patterns` that some text meets, with the indices of those it meets.
///
/// Of the shortest texts for a combination those that begin with `preferred` come first, the empty text last.
///
/// The number of combinations is small for what people write; only templates that put `{*}` in many different places of
/// otherwise equal paths make many.
pub fn atoms(patterns: &[Vec<Step>], preferred: &str) -> Vec<(String, Vec<usize>)> {
    atoms_within(patterns, 0..0, preferred)
}

/// Does the same for the texts that meet one of the patterns of `base`; an empty `base` asks for nothing.
///
/// Texts that can meet none of them any more are not walked further: of identities, that is all but a handful.
pub fn atoms_within(patterns: &[Vec<Step>], base: Range<usize>, preferred: &str) -> Vec<(String, Vec<usize>)> {
    let mut walk = Walk { patterns, base, always: Vec::new(), seen: HashSet::default(), found: BTreeMap::new() };
    let begins_open = |pattern: &usize| {
        let first = patterns.get(*pattern).and_then(|steps| steps.first());
        first == Some(&Step::Loop(Class::Everything))
    };
    let (open, others): (Vec<usize>, Vec<usize>) = (0..patterns.len()).partition(begins_open);
    walk.always = walk.closed(open.into_iter().map(|pattern| (pattern, 0)).collect());
    let start = walk.closed(others.into_iter().map(|pattern| (pattern, 0)).collect());
    if !preferred.is_empty() {
        let begun = preferred.chars().fold(start.clone(), |state, character| walk.after(&state, character));
        walk.explore(begun, preferred.to_owned(), true);
    }
    walk.explore(start.clone(), String::new(), false);
    walk.note(&start, "");
    let (base, found) = (walk.base, walk.found);
    let within = |met: &[usize]| base.is_empty() || met.iter().any(|pattern| base.contains(pattern));
    found.into_iter().filter(|(met, _)| within(met)).map(|(met, text)| (text, met)).collect()
}

/// The walk over all states that texts reach.
struct Walk<'a> {
    patterns: &'a [Vec<Step>],
    /// Patterns of which one must be met, if there are any.
    base: Range<usize>,
    /// Where patterns that begin with anything wait, whatever the text: part of every state, and kept out of it, because
    /// a hundred endings would fill each state with two hundred positions.
    always: State,
    seen: HashSet<State, FixedState>,
    found: BTreeMap<Vec<usize>, String>,
}

impl Walk<'_> {
    /// Visits whatever is reached from `root`, nearest first; `root` itself is noted only when told so.
    fn explore(&mut self, root: State, text: String, note_root: bool) {
        let mut queue = VecDeque::new();
        if note_root {
            self.note(&root, &text);
            self.seen.insert(root.clone());
        }
        queue.push_back((root, text));
        while let Some((state, text)) = queue.pop_front() {
            for character in self.telling(&state) {
                let next = self.after(&state, character);
                if self.seen.contains(&next) || !self.is_within(&next) {
                    continue;
                }
                let longer = format!("{text}{character}");
                self.note(&next, &longer);
                self.seen.insert(next.clone());
                queue.push_back((next, longer));
            }
        }
    }

    /// Remembers the text that reached a state, if it is the first to meet this combination.
    fn note(&mut self, state: &State, text: &str) {
        let met = self
            .whole(state)
            .filter(|(pattern, at)| self.patterns.get(*pattern).is_some_and(|steps| steps.len() == *at));
        let met: BTreeSet<usize> = met.map(|(pattern, _)| pattern).collect();
        let met = met.into_iter().collect();
        self.found.entry(met).or_insert_with(|| text.to_owned());
    }

    /// Tells whether a text that has come here can still meet the base.
    fn is_within(&self, state: &State) -> bool {
        self.base.is_empty() || self.whole(state).any(|(pattern, _)| self.base.contains(&pattern))
    }

    /// Returns every position of a state.
    fn whole<'s>(&'s self, state: &'s State) -> impl Iterator<Item = (usize, usize)> + 's {
        self.always.iter().chain(state).copied()
    }

    /// Returns the step a position waits for.
    fn step(&self, (pattern, at): (usize, usize)) -> Option<Step> {
        self.patterns.get(pattern)?.get(at).copied()
    }

    /// Returns characters of which one does what any character would do in this state.
    fn telling(&self, state: &State) -> Vec<char> {
        let mut awaited = BTreeSet::new();
        let (mut classes, mut digits) = (false, false);
        for position in self.whole(state) {
            match self.step(position) {
                Some(Step::One(character)) => _ = awaited.insert(character),
                Some(Step::Of(class) | Step::Loop(class)) => {
                    classes |= class != Class::Everything;
                    digits |= class == Class::Digit;
                }
                None => {}
            }
        }
        let unawaited = |character: &char| !awaited.contains(character);
        let ordinary = ('a'..='z').chain('A'..='Z').chain('0'..='9').chain("-._~%!$&'()+,;:@=*".chars());
        let ordinary = ['x'].into_iter().chain(ordinary).find(unawaited);
        let outside = || "[]\"<>^`|".chars().chain('\u{a1}'..).find(|c| unawaited(c) && !is_segment_character(*c));
        let mut telling: Vec<char> = ordinary.into_iter().chain(awaited.iter().copied()).collect();
        if digits {
            telling.extend(('0'..='9').find(unawaited));
        }
        if classes {
            telling.extend(Some('/').filter(unawaited));
            telling.extend(outside());
        } else if ordinary.is_none() {
            telling.extend(outside());
        }
        telling
    }

    /// Returns the state after one more character.
    fn after(&self, state: &State, character: char) -> State {
        let mut next = Vec::new();
        let open = self.always.iter().filter(|position| !matches!(self.step(**position), Some(Step::Loop(_))));
        for position @ (pattern, at) in open.chain(state).copied() {
            match self.step(position) {
                Some(Step::One(awaited)) if awaited == character => next.push((pattern, at + 1)),
                Some(Step::Of(class)) if class.has(character) => next.push((pattern, at + 1)),
                Some(Step::Loop(class)) if class.has(character) => next.push((pattern, at)),
                _ => {}
            }
        }
        self.closed(next)
    }

    /// Adds the positions that are reached without a character: a loop may be left at once.
    fn closed(&self, mut state: State) -> State {
        let mut more = Vec::new();
        for position @ (pattern, mut at) in state.iter().copied() {
            let mut step = self.step(position);
            while let Some(Step::Loop(_)) = step {
                at += 1;
                more.push((pattern, at));
                step = self.step((pattern, at));
            }
        }
        state.append(&mut more);
        state.sort_unstable();
        state.dedup();
        state
    }
}
