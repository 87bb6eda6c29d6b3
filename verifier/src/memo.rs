//! What was worked out before, so that the same is not worked out again.
//!
//! In: a question, and how to answer it. Out: the answer. Many threads ask at once: while one works, the others are not held
//! up, so that two may work out the same; it is the same.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Answers by their questions.
#[derive(Debug)]
pub(crate) struct Memo<K, V>(Mutex<HashMap<K, V>>);

impl<K, V> Default for Memo<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Hash + Eq, V: Clone> Memo<K, V> {
    /// Returns the answer, which is found where nobody asked before.
    pub fn of(&self, question: K, find: impl FnOnce(&K) -> V) -> V {
        let known = self.known().get(&question).cloned();
        known.unwrap_or_else(|| {
            let found = find(&question);
            self.known().insert(question, found.clone());
            found
        })
    }

    /// Returns the same for a question that is made into a key only where nobody asked it before.
    pub fn of_borrowed<Q: Hash + Eq + ToOwned<Owned = K> + ?Sized>(&self, question: &Q, find: impl FnOnce() -> V) -> V
    where
        K: Borrow<Q>,
    {
        let known = self.known().get(question).cloned();
        known.unwrap_or_else(|| {
            let found = find();
            self.known().insert(question.to_owned(), found.clone());
            found
        })
    }

    /// What a thread that failed had found is still right.
    fn known(&self) -> MutexGuard<'_, HashMap<K, V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
