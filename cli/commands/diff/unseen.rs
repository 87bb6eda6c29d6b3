//! What a change may open that no answer here shows.
//!
//! In: a change. Out: [`Unseen`]s. Other keys prove tokens, somebody else is asked whether requests pass, or an object comes that alters
//! proxies or lets requests in in a way that is not followed. That nobody is seen to gain does not say that nobody does.

use ringfence_verifier::difference::Shift;
use serde_json::{Value, json};

use super::{Shown, identity, text};

/// Something that may let somebody in.
pub(super) struct Unseen {
    /// What it is, in words.
    pub what: String,
    /// Where it is written, as far as somebody knows.
    pub place: Option<(String, usize)>,
}

/// Finds them.
pub(super) fn unseen(shown: &Shown<'_>) -> Vec<Unseen> {
    let is_open = |shift: &Shift| matches!(shift, Shift::Tokens | Shift::Providers { .. } | Shift::NotModelled);
    let shifts = shown.difference.shifts.iter().zip(text::shifts(shown)).filter(|((shift, _), _)| is_open(shift));
    let shifts = shifts.map(|(_, what)| Unseen { what, place: None });
    let objects = shown.statements.iter().filter(|statement| statement.may_open());
    let objects = objects.map(|statement| Unseen {
        what: format!("{}: what that does to requests is not followed", statement.words()),
        place: statement.stands(),
    });
    shifts.chain(objects).collect()
}

impl Unseen {
    /// Returns it for programs.
    pub fn json(&self) -> Value {
        let (path, line) = self.place.clone().map_or((None, None), |(path, line)| (Some(path), Some(line)));
        json!({ "id": identity::of_unseen(self).to_string(), "what": self.what, "path": path, "line": line })
    }
}
