//! What is left of a chain once the peer and the port are known.
//!
//! In: a [`Chain`], and which of its tests on the peer hold. Out: a chain without such tests. Most of what real policies ask
//! is about the peer and the port, so that what is left is most often "yes" or "no", and the same for many peers: that is what
//! makes all pairs of a large mesh a small question.

use crate::engine::{Chain, Enforced, Leaf, Test};
use crate::glob::Glob;

/// Resolves the tests on the peer and the port; rules that cannot match any more are left out.
pub fn residual<O: Clone>(chain: &Chain<O>, port: u16, is_peer: &impl Fn(&Glob) -> bool) -> Chain<O> {
    let rules = |rules: &[Enforced<O>]| rules.iter().filter_map(|rule| left_of(rule, port, is_peer)).collect();
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

fn left_of<O: Clone>(rule: &Enforced<O>, port: u16, is_peer: &impl Fn(&Glob) -> bool) -> Option<Enforced<O>> {
    let one_of = |lists: &[Vec<Test>]| -> Option<Vec<Vec<Test>>> {
        let mut left: Vec<Vec<Test>> = Vec::new();
        for tests in lists {
            let Some(tests) = all_of(tests, port, is_peer) else { continue };
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
fn all_of(tests: &[Test], port: u16, is_peer: &impl Fn(&Glob) -> bool) -> Option<Vec<Test>> {
    let mut left = Vec::new();
    for test in tests {
        let known = |leaf: &&Leaf| matches!(leaf, Leaf::Peer(_) | Leaf::Port(_));
        let holds = test.leaves.iter().any(|leaf| match leaf {
            Leaf::Peer(glob) => is_peer(glob),
            Leaf::Port(number) => *number == port,
            _ => false,
        });
        let unknown: Vec<Leaf> = test.leaves.iter().filter(|leaf| !known(leaf)).cloned().collect();
        match (holds, test.negated) {
            (true, true) => return None,
            (true, false) => {}
            (false, false) if unknown.is_empty() => return None,
            (false, true) if unknown.is_empty() => {}
            (false, negated) => left.push(Test { leaves: unknown, negated }),
        }
    }
    Some(left)
}
