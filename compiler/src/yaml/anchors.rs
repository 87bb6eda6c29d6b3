//! Keeps what anchors stand for, and how much their aliases may multiply.
//!
//! In: finished nodes with an anchor. Out: copies of them, as long as the [`Budget`] of the file lasts. It exists
//! because ten lines of aliases can stand for more values than there is memory.

use std::collections::BTreeMap;

use super::node::{Node, Value};

/// How many values aliases may still add to what was written in a file.
pub(super) struct Budget {
    left: usize,
}

impl Budget {
    /// Allows about as many values as the file has bytes, and a hundred thousand to any file.
    pub fn for_text(text: &str) -> Self {
        Self { left: text.len().max(100_000) }
    }

    /// Takes `weight` from the budget; `None` when it does not hold that much.
    pub fn spend(&mut self, weight: usize) -> Option<()> {
        self.left = self.left.checked_sub(weight)?;
        Some(())
    }
}

/// A finished node that an alias may stand for.
pub(super) struct Anchored {
    /// The node, with the places of its own text.
    pub node: Node,
    /// What one copy costs.
    pub weight: usize,
    /// How many containers stand inside each other in it.
    pub height: usize,
}

/// The anchors of one document whose nodes are finished.
#[derive(Default)]
pub(super) struct Anchors {
    finished: BTreeMap<usize, Anchored>,
}

impl Anchors {
    /// Keeps a copy of a finished node; `None` when the budget does not hold it.
    pub fn keep(&mut self, id: usize, node: &Node, budget: &mut Budget) -> Option<()> {
        let (weight, height) = measure(node);
        budget.spend(weight)?;
        self.finished.insert(id, Anchored { node: node.clone(), weight, height });
        Some(())
    }

    /// Returns what an anchor stands for; `None` while its node is still being read.
    pub fn get(&self, id: usize) -> Option<&Anchored> {
        self.finished.get(&id)
    }
}

/// Returns the weight and height of a node. The reader keeps nodes flat enough for this to recurse.
fn measure(node: &Node) -> (usize, usize) {
    let children: &mut dyn Iterator<Item = (usize, usize)> = match &node.value {
        Value::Sequence(items) => &mut items.iter().map(measure),
        Value::Mapping(mapping) => &mut mapping.entries().iter().map(|entry| {
            let (weight, height) = measure(&entry.value);
            (weight + text_weight(&entry.key.value), height)
        }),
        Value::String(text) => return (1 + text_weight(text), 0),
        _ => return (1, 0),
    };
    let (weight, height) = children.fold((1, 0), |(weight, height), (w, h)| (weight + w, height.max(h)));
    (weight, height + 1)
}

fn text_weight(text: &str) -> usize {
    text.len() / 64
}
