//! A change as findings: what is opened and which guard rails are touched, where code scanning and annotations show it.
//!
//! In: a change. Out: SARIF, or workflow commands. What is closed is no finding. Each stands at the statement that admits now what
//! was refused, or where nobody tells, at the first document that changed, or in the file of what refused it.

use std::collections::BTreeMap;

use ringfence_verifier::difference::Kind;
use serde_json::{Value, json};

use super::identity::Id;
use super::unseen::unseen;
use super::{Shown, identity, text};
use crate::report::Origin;
use crate::report::github::{self, annotation};
use crate::report::sarif;

/// What is opened, and where.
struct Opened {
    rule: &'static Rule,
    id: Id,
    said: String,
    place: Option<(String, usize)>,
}

/// A kind of them.
struct Rule {
    id: &'static str,
    level: &'static str,
    weight: &'static str,
    summary: &'static str,
    help: &'static str,
}

static GAINED: Rule = Rule {
    id: "access/gained",
    level: "warning",
    weight: "6.0",
    summary: "requests are admitted that were refused before",
    help: "Somebody reaches a port, or more of it, since this change. The message names who, a request that shows it, and what decides \
           about it on both sides. Where that is meant, approve it; `ringfence reach` and `ringfence impact` say more.",
};
static MAY_GAIN: Rule = Rule {
    id: "access/may-gain",
    level: "note",
    weight: "4.0",
    summary: "requests may be admitted that were refused before",
    help: "As `access/gained`, but for what no file tells: addresses, external authorization, or what is not modelled.",
};
static EXPOSED: Rule = Rule {
    id: "access/exposed",
    level: "warning",
    weight: "7.5",
    summary: "somebody outside, or an attacker inside, gets further than before",
    help: "A gateway lets in what it did not, something sensitive is nearer, or rights and pods let somebody do more. `ringfence exposed` \
           and `ringfence paths` show each step.",
};

static UNSEEN: Rule = Rule {
    id: "access/unseen",
    level: "warning",
    weight: "6.0",
    summary: "somebody may be let in by what is not followed",
    help: "Other keys prove tokens, another provider is asked, or an object alters proxies or lets requests in. What follows from that no \
           answer here shows: read the change itself.",
};
static GUARD: Rule = Rule {
    id: "access/guard-rail",
    level: "note",
    weight: "3.0",
    summary: "what keeps other changes in check is added, removed or edited",
    help: "Access may be the same and the next change be let through by this one. Who answers for mandates, exceptions and those who \
           approve them should have seen it.",
};

fn opened(shown: &Shown<'_>) -> Vec<Opened> {
    let first = shown.statements.first().and_then(super::Statement::stands);
    let mut all = Vec::new();
    for moved in shown.moved.iter().filter(|moved| moved.easier) {
        let (id, said) = (identity::of_moved(moved), moved.what.clone());
        all.push(Opened { rule: &EXPOSED, id, said, place: first.clone() });
    }
    for (change, why) in shown.changes() {
        let Some(witness) = &change.gained else { continue };
        let rule = if change.kind() == Kind::MayGain || !witness.sure { &MAY_GAIN } else { &GAINED };
        let mut said = format!("{}: {}", rule.summary, text::sentence(shown, change));
        said.push_str(&format!("\nfor example: {}", super::names::request(&witness.request, change.callers.first())));
        for (word, decision) in [("before", &why.before), ("after", &why.after)] {
            if let Some(decision) = decision {
                said.push_str(&format!("\n{word}: {}", decision.words()));
            }
        }
        let place = why.after.as_ref().and_then(|after| after.place.as_ref()).map(|place| place.file());
        // What is gone stood in a file that may be there still, at a line that is another now.
        let gone = || Some((why.before.as_ref()?.place.as_ref()?.file().0, 1));
        let id = identity::of_change(change);
        all.push(Opened { rule, id, said, place: place.or_else(|| first.clone()).or_else(gone) });
    }
    for unseen in unseen(shown) {
        let (id, said) = (identity::of_unseen(&unseen), format!("{}: {}", UNSEEN.summary, unseen.what));
        all.push(Opened { rule: &UNSEEN, id, said, place: unseen.place.or_else(|| first.clone()) });
    }
    for guard in shown.guards {
        let said = format!("{}: {}", guard.word(), guard.what);
        all.push(Opened { rule: &GUARD, id: identity::of_guard(guard), said, place: Some(guard.stands()) });
    }
    all
}

/// Writes SARIF.
pub(super) fn sarif(shown: &Shown<'_>, origin: &Origin) -> String {
    let opened = opened(shown);
    let rules: BTreeMap<&str, &Rule> = opened.iter().map(|one| (one.rule.id, one.rule)).collect();
    let index = |id: &str| rules.keys().position(|known| *known == id);
    let result = |one: &Opened| -> Value {
        let (path, line) = one.place.as_ref().map_or((shown.anywhere.as_str(), 1), |(path, line)| (path, *line));
        let location = sarif::place(&origin.path(path), (line, 1), (line, 1));
        json!({
            "ruleId": one.rule.id,
            "ruleIndex": index(one.rule.id),
            "level": one.rule.level,
            "message": { "text": sarif::sentence(&format!("[{}] {}", one.id, one.said)) },
            "locations": [location],
            "partialFingerprints": { "ringfence/v1": one.id.whole(), "primaryLocationLineHash": format!("{}:1", one.id.whole()) },
        })
    };
    let results = opened.iter().map(result).collect();
    sarif::document(rules.values().map(|rule| rule.json()).collect(), results, &format!("diff/{}", origin.prefix))
}

/// Writes annotations.
pub(super) fn github(shown: &Shown<'_>, origin: &Origin) -> String {
    let opened = opened(shown);
    let mut text = String::new();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut left = 0;
    for one in &opened {
        let command = if one.rule.level == "note" { "notice" } else { "warning" };
        let count = counts.entry(command).or_default();
        *count += 1;
        if *count > github::MOST {
            left += 1;
            continue;
        }
        let place = one.place.as_ref().map(|(path, line)| (origin.path(path), (*line, 1), (*line, 1)));
        text.push_str(&annotation(command, place, &format!("{} {}", one.rule.id, one.id), &one.said));
    }
    if left > 0 {
        text.push_str(&annotation(
            "notice",
            None,
            "ringfence",
            &format!("{left} more ways are opened: the report lists them"),
        ));
    }
    text
}

impl Rule {
    fn json(&self) -> Value {
        json!({
            "id": self.id,
            "name": sarif::camel(self.id),
            "shortDescription": { "text": sarif::sentence(self.summary) },
            "fullDescription": { "text": sarif::sentence(self.summary) },
            "help": { "text": self.help, "markdown": self.help },
            "defaultConfiguration": { "level": self.level },
            "properties": {
                "tags": ["security", "zero-trust", "access"],
                "precision": "very-high",
                "problem.severity": if self.level == "note" { "recommendation" } else { self.level },
                "security-severity": self.weight,
            },
        })
    }
}
