//! What is left of a chain once the peer and the port are known.
//!
//! In: a [`Chain`], and which of its tests on the peer hold. Out: a chain without such tests. Most of what real policies ask
//! is about the peer and the port, so that what is left is most often "yes" or "no", and the same for many peers: that is what
//! makes all pairs of a large mesh a small question.

use crate::engine::{Chain, Enforced, Leaf, Test};
use crate::glob::Glob;

/// What becomes of a leaf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolved {
    /// It is asked, perhaps as another one.
    Asked(Leaf),
    /// It holds or not, as is known already.
    Known(bool),
}

/// Resolves the tests on the peer and the port; rules that cannot match any more are left out.
pub fn residual<O: Clone>(chain: &Chain<O>, port: u16, is_peer: &impl Fn(&Glob) -> bool) -> Chain<O> {
    resolved(chain, &|leaf| match leaf {
        Leaf::Peer(glob) => Resolved::Known(is_peer(glob)),
        Leaf::Port(number) => Resolved::Known(*number == port),
        leaf => Resolved::Asked(leaf.clone()),
    })
}

/// Resolves every leaf; rules that cannot match any more are left out.
pub fn resolved<O: Clone>(chain: &Chain<O>, resolve: &impl Fn(&Leaf) -> Resolved) -> Chain<O> {
    let rules = |rules: &[Enforced<O>]| rules.iter().filter_map(|rule| left_of(rule, resolve)).collect();
    Chain {
        deny: rules(&chain.deny),
        custom: rules(&chain.custom),
        allow: chain.allow.as_ref().map(|allow| rules(allow)),
    }
}

/// Tells whether nothing is left to be asked of a request by a rule.
#[must_use]
pub fn is_plain<O>(rule: &Enforced<O>) -> bool {
    let open = |lists: &[Vec<Test>]| lists.iter().any(Vec::is_empty);
    open(&rule.sources) && open(&rule.operations)
}

fn left_of<O: Clone>(rule: &Enforced<O>, resolve: &impl Fn(&Leaf) -> Resolved) -> Option<Enforced<O>> {
    let one_of = |lists: &[Vec<Test>]| -> Option<Vec<Vec<Test>>> {
        let mut left: Vec<Vec<Test>> = Vec::new();
        for tests in lists {
            let Some(tests) = all_of(tests, resolve) else { continue };
            // One that asks nothing makes the others idle.
            if tests.is_empty() {
                return Some(vec![tests]);
            }
            if !left.contains(&tests) {
                left.push(tests);
            }
        }
        (!left.is_empty()).then_some(left)
    };
    let sources = one_of(&rule.sources)?;
    Some(Enforced { origin: rule.origin.clone(), sources, operations: one_of(&rule.operations)? })
}

/// Returns what is left of tests that must all hold; `None` where one cannot.
fn all_of(tests: &[Test], resolve: &impl Fn(&Leaf) -> Resolved) -> Option<Vec<Test>> {
    let mut left = Vec::new();
    for test in tests {
        let (mut holds, mut leaves) = (false, Vec::new());
        for leaf in &test.leaves {
            match resolve(leaf) {
                Resolved::Known(known) => holds |= known,
                Resolved::Asked(leaf) => leaves.push(leaf),
            }
        }
        match (holds, test.negated) {
            (true, true) => return None,
            (true, false) => {}
            (false, false) if leaves.is_empty() => return None,
            (false, true) if leaves.is_empty() => {}
            (false, negated) => left.push(Test { leaves, negated }),
        }
    }
    Some(left)
}
