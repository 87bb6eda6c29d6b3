//! What-if: the same question before and after a change, and what else was assumed.

use std::fmt::Write as _;

use ringfence_verifier::reach::Reach;
use serde_json::{Value, json};

use super::answers::{Answers, Deciders, Question, Words};
use super::{outward, parties};
use crate::args;
use crate::exit::Failure;
use crate::mesh::Input;

/// As many changed answers as are listed.
const MOST_CHANGES: usize = 40;

/// Answers before anything is changed; `None` where nothing is. Where that cannot be answered, nothing was there.
pub(super) fn before(input: &Input, args: &args::Reach, question: &Question<'_>) -> Result<Option<Before>, Failure> {
    if args.changes.is_empty() && args.compromised.is_empty() {
        return Ok(None);
    }
    let meshes = input.meshes();
    let models: Vec<_> = meshes.clusters.iter().map(|mesh| (mesh.name(), mesh.model())).collect();
    let invented = parties::invented(question.from)?;
    let plain = Question {
        from: question.from,
        to: question.to,
        port: question.port,
        asked: question.asked.clone(),
        compromised: &[],
    };
    let entrances = outward::entrances(&models);
    let found = Answers::find(&meshes, &models, &entrances, &invented, &plain);
    Ok(Some(found.map(|answers| Before { words: answers.words(), deciders: answers.deciders() }).unwrap_or_default()))
}

/// Answers before a change.
#[derive(Default)]
pub(super) struct Before {
    words: Words,
    deciders: Deciders,
}

/// What was assumed, and what that changes.
pub(super) struct Assumed {
    what: Vec<String>,
    /// Changed answers, each with what it was, if there was one.
    changes: Option<Vec<Change>>,
    /// Deciders before and after, where they differ.
    moved: Vec<(String, String)>,
}

struct Change {
    cluster: String,
    from: String,
    to: String,
    port: u16,
    before: Option<Reach>,
    after: Reach,
}

impl Assumed {
    pub fn of(args: &args::Reach, input: &Input, before: Option<&Before>, answers: &Answers<'_>) -> Self {
        let mut what = args.changes.words();
        what.extend(args.compromised.iter().map(|name| format!("with the key of {name}")));
        what.extend(args.reading.at.iter().map(|revision| format!("at {revision}")));
        if let (Some(_), Some(day)) = (args.reading.as_of, input.as_of()) {
            what.push(format!("as of {day}"));
        }
        let changes = before.map(|before| {
            let mut changes = Vec::new();
            for ((cluster, from, to, port), after) in answers.words() {
                let key = (cluster, from, to, port);
                let was = before.words.get(&key).copied();
                if was != Some(after) {
                    let (cluster, from, to, port) = key;
                    changes.push(Change { cluster, from, to, port, before: was, after });
                }
            }
            changes
        });
        // The same word may have another reason, and then often a wider or a narrower one.
        let moved = before.map(|before| {
            let now = answers.deciders().into_iter();
            let moved = now.filter_map(|(key, now)| Some((before.deciders.get(&key)?.clone(), now)));
            moved.filter(|(was, now)| was != now).collect()
        });
        Self { what, changes, moved: moved.unwrap_or_default() }
    }

    pub fn text(&self) -> String {
        let Some(changes) = &self.changes else {
            return if self.what.is_empty() { String::new() } else { format!("assumed: {}\n", self.what.join(", ")) };
        };
        let mut text = format!("{}: ", self.what.join(", "));
        if changes.is_empty() {
            let _ = match self.moved.first() {
                Some((was, now)) => writeln!(text, "the word stays, but {now} decides instead of {was}"),
                None => writeln!(text, "nothing changes"),
            };
            return text;
        }
        if let [one] = changes.as_slice() {
            let _ = writeln!(text, "{}", one.words());
            return text;
        }
        let _ = writeln!(text, "{} answers change", changes.len());
        for change in changes.iter().take(MOST_CHANGES) {
            let Change { cluster, from, to, port, .. } = change;
            let _ = writeln!(text, "  {from} to {to}:{port} in {cluster}: {}", change.words());
        }
        if let more @ 1.. = changes.len().saturating_sub(MOST_CHANGES) {
            let _ = writeln!(text, "  and {more} more; `--format json` lists all");
        }
        text
    }

    pub fn json(&self) -> Value {
        let changes = self.changes.as_ref().map(|changes| {
            let one = |change: &Change| {
                json!({
                    "cluster": change.cluster, "from": change.from, "to": change.to, "port": change.port,
                    "before": change.before.map(word), "after": word(change.after),
                })
            };
            changes.iter().map(one).collect::<Vec<_>>()
        });
        json!({ "what": self.what, "changes": changes })
    }
}

impl Change {
    fn words(&self) -> String {
        format!("{} -> {}", self.before.map_or("nothing there", word), word(self.after))
    }
}

/// Returns the word that programs read.
pub(super) fn word(reach: Reach) -> &'static str {
    match reach {
        Reach::Allowed => "allowed",
        Reach::Depends => "depends",
        Reach::Denied => "denied",
    }
}
