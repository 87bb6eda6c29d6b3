//! The summary for people: one block, a subject a line, numbers before nouns.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::{Output, Summary, way};
use crate::report::{Counts, Left, Style};
use ringfence_verifier::translation::Proof;

/// How far the subjects are indented from their words.
const INDENT: usize = 14;

/// How many paths of each sort are named before the rest is only counted.
const NAMED: usize = 20;

impl Summary {
    /// Renders the summary, with a final newline.
    #[must_use]
    pub fn text(&self, style: Style) -> String {
        let mut text = String::new();
        let (nodes, inventory) = (&self.nodes, &self.inventory);
        let mut line = |subject: &str, words: &str| paragraph(&mut text, style, subject, words);
        line(&self.organization, &format!("as of {}", self.as_of));
        let mut tree = vec![counted(nodes.tenants, "tenant"), counted(nodes.workspaces, "workspace")];
        if nodes.groups > 0 {
            tree.push(counted(nodes.groups, "group"));
        }
        line("tree", &tree.join(", "));
        let without = match inventory.unmeshed {
            0 => String::new(),
            unmeshed => format!(" ({unmeshed} without a proxy)"),
        };
        line(
            "governs",
            &format!(
                "{}, {}{without} in {} of {}",
                counted(inventory.services, "service"),
                counted(inventory.workloads, "workload"),
                counted(inventory.namespaces, "namespace"),
                counted(inventory.clusters, "cluster"),
            ),
        );
        line("statements", &self.said());
        for exception in &self.exceptions {
            let left = match exception.days_left {
                0 => "its last day".to_owned(),
                days => format!("{} left", counted(usize::try_from(days).unwrap_or(0), "day")),
            };
            let words = format!("{} waives {} until {}, {left}", exception.name, exception.waives, exception.until);
            line("exception", &words);
        }
        let objects = objects(&self.objects, style.width);
        if !objects.is_empty() {
            line("objects", &objects);
        }
        if let Some(output) = &self.output {
            line("output", &outcome(output));
        }
        if let Some((plan, next, in_steps)) = &self.way {
            let words = way::text(plan, next, *in_steps);
            if !words.is_empty() {
                line("rollout", &words);
            }
        }
        if !self.signed.is_empty() {
            let lines: Vec<String> =
                self.signed.iter().map(|(cluster, digest)| format!("{cluster}  {digest}")).collect();
            line("signed", &lines.join("\n"));
        }
        line(
            "proved",
            &match self.proof {
                Some(proof) => proved(proof, self.statements.exposures, self.statements.egresses),
                None => "nothing of the manifests: that was left out".to_owned(),
            },
        );
        if !self.assertions.is_empty() {
            line("assertions", &self.claims());
        }
        text
    }

    /// Counts the claims of assertions by what is known of them.
    fn claims(&self) -> String {
        let claims = || self.assertions.iter().flat_map(|assertion| &assertion.claims);
        let of = |word| claims().filter(|claim| claim.verdict.word() == word).count();
        let (all, written) = (claims().count(), counted(self.assertions.len(), "assertion"));
        let mut words = format!("{} of {} of {written} proved", of("proved"), counted(all, "claim"));
        for (word, said) in [("broken", "broken"), ("not-proved", "not proved")] {
            if of(word) > 0 {
                words.push_str(&format!(", {} {said}", of(word)));
            }
        }
        words
    }

    /// Counts statements, leaving out what there is none of.
    fn said(&self) -> String {
        let said = &self.statements;
        let sorts = [
            (said.mandates, "mandate"),
            (said.defaults, "default"),
            (said.grants, "grant"),
            (said.denies, "deny"),
            (said.uses, "use"),
            (said.zones, "zone"),
            (said.issuers, "token issuer"),
            (said.delegations, "delegation"),
            (said.exposures, "exposure"),
            (said.egresses, "egress"),
            (said.routes, "route"),
        ];
        let some: Vec<_> =
            sorts.iter().filter(|(count, _)| *count > 0).map(|(count, noun)| counted(*count, noun)).collect();
        if some.is_empty() { "none".to_owned() } else { some.join(", ") }
    }
}

/// Writes a subject and the words about it, a line or more.
pub fn paragraph(text: &mut String, style: Style, subject: &str, words: &str) {
    let (on, off) = if style.colour { ("\u{1b}[1m", "\u{1b}[0m") } else { ("", "") };
    let gap = " ".repeat(INDENT.saturating_sub(subject.chars().count() + 2).max(2));
    for (at, line) in words.lines().enumerate() {
        // Writing to a string cannot fail.
        let _ = if at == 0 {
            writeln!(text, "  {on}{subject}{off}{gap}{line}")
        } else {
            writeln!(text, "{:INDENT$}{line}", "")
        };
    }
}

/// Lists objects as a table of kinds and clusters; only the sums where there are too many clusters for the width.
fn objects(objects: &BTreeMap<String, BTreeMap<String, usize>>, width: usize) -> String {
    let kinds: BTreeSet<&String> = objects.values().flat_map(BTreeMap::keys).collect();
    let sum = |kinds: &BTreeMap<String, usize>| kinds.values().sum::<usize>();
    let first = kinds.iter().map(|kind| kind.len()).max().unwrap_or(0).max("in all".len());
    let columns: Vec<usize> = objects.keys().map(|cluster| cluster.chars().count().max(5) + 2).collect();
    let mut lines = Vec::new();
    if kinds.is_empty() {
        return String::new();
    }
    if INDENT + first + columns.iter().sum::<usize>() > width {
        let each = objects.iter().map(|(cluster, kinds)| format!("{:>6}  {cluster}", sum(kinds)));
        lines.extend(each);
        lines.push(format!("{:>6}  in all", objects.values().map(sum).sum::<usize>()));
        return lines.join("\n");
    }
    let row = |name: &str, cells: Vec<String>| {
        let cells = cells.iter().zip(&columns).map(|(cell, width)| format!("{cell:>width$}")).collect::<String>();
        format!("{name:first$}{cells}")
    };
    lines.push(row("", objects.keys().cloned().collect()));
    for kind in kinds {
        let count = |kinds: &BTreeMap<String, usize>| kinds.get(kind).map_or("-".to_owned(), ToString::to_string);
        lines.push(row(kind, objects.values().map(count).collect()));
    }
    lines.push(row("in all", objects.values().map(|kinds| sum(kinds).to_string()).collect()));
    lines.join("\n")
}

fn outcome(output: &Output) -> String {
    match output {
        Output::Written { folder, written } if written.is_unchanged() => {
            format!("{folder}: {} up to date, nothing written", counted(written.unchanged, "file"))
        }
        Output::Written { folder, written } => {
            let counts = [
                (written.created.len(), "new"),
                (written.changed.len(), "changed"),
                (written.removed.len(), "removed"),
                (written.unchanged, "as before"),
            ];
            let some = counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}"));
            format!("{folder}: {}", some.collect::<Vec<_>>().join(", "))
        }
        Output::Compared { folder, differences, files } if differences.is_empty() => {
            format!("{folder}: {} up to date", counted(*files, "file"))
        }
        Output::Compared { folder, differences, .. } => {
            let mut text = format!("{folder}: {} from what was compiled\n", differ(differences.len()));
            for difference in differences.iter().take(NAMED) {
                let _ = writeln!(text, "{:7}  {}", difference.kind.word(), difference.path);
            }
            if let Some(more) = differences.len().checked_sub(NAMED).filter(|more| *more > 0) {
                let _ = writeln!(text, "and {more} more; `--format json` lists all of them");
            }
            text + "run `ringfence compile` and commit what it writes"
        }
    }
}

fn differ(files: usize) -> String {
    if files == 1 { "1 file differs".to_owned() } else { format!("{files} files differ") }
}

/// Returns the last line of a run: how much was found of each weight, and how much more is not said.
#[must_use]
pub fn closing(counts: Counts, left: Left, notes_shown: bool) -> String {
    let mut parts = Vec::new();
    if counts.errors > 0 {
        parts.push(counted(counts.errors, "error"));
    }
    if counts.warnings > 0 {
        parts.push(counted(counts.warnings, "warning"));
    }
    if counts.notes > 0 {
        let hidden = if notes_shown { "" } else { " (`--verbose` shows them)" };
        parts.push(format!("{}{hidden}", counted(counts.notes, "note")));
    }
    let found = match (parts.is_empty(), counts.errors) {
        (true, _) => "no errors, no warnings".to_owned(),
        (false, 0) => format!("no errors, {}", parts.join(", ")),
        (false, _) => parts.join(", "),
    };
    let left = [(left.ignored, "ignored"), (left.baseline, "known to the baseline")];
    let left: Vec<String> =
        left.iter().filter(|(count, _)| *count > 0).map(|(count, how)| format!("{count} {how}")).collect();
    if left.is_empty() { format!("{found}\n") } else { format!("{found}; {}\n", left.join(", ")) }
}

/// Returns what a run whose reading failed has to say about the rest; nothing where all was read.
#[must_use]
pub fn unchecked(unread: Option<usize>) -> Option<String> {
    let what = match unread? {
        0 => "the repository could not be read whole".to_owned(),
        1 => "1 file could not be read whole".to_owned(),
        files => format!("{files} files could not be read whole"),
    };
    Some(format!("{what}: names, mandates and output were not checked"))
}

/// Joins a number and a noun: `1 tenant`, `2 tenants`, `3 denies`.
#[must_use]
pub fn counted(count: usize, noun: &str) -> String {
    match (count, noun.strip_suffix('y')) {
        (1, _) => format!("1 {noun}"),
        (_, _) if noun.ends_with("ss") => format!("{count} {noun}es"),
        (_, Some(stem)) if !stem.ends_with(['a', 'e', 'o']) => format!("{count} {stem}ies"),
        _ => format!("{count} {noun}s"),
    }
}

/// Says what was proved of NetworkPolicies.
fn fenced(proof: Proof) -> Option<String> {
    let passes = (proof.connections > 0)
        .then(|| format!("NetworkPolicy passes {}", counted(proof.connections, "granted connection")));
    let alone = [(proof.fenced, "workload", "without a proxy"), (proof.fenced_ports, "port", "past one")];
    let alone: Vec<String> = alone
        .into_iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, noun, how)| format!("{} {how}", counted(count, noun)))
        .collect();
    let more = (!alone.is_empty()).then(|| format!("nothing else reaches {}", alone.join(" and ")));
    let words: Vec<String> = passes.into_iter().chain(more).collect();
    (!words.is_empty()).then(|| words.join(", "))
}

/// Says what was proved of the manifests, and what was not.
fn proved(proof: Proof, exposures: usize, egresses: usize) -> String {
    let mut words = match proof.workloads {
        0 => "nothing: no governed workload has a proxy".to_owned(),
        workloads => format!(
            "{} of {} admit exactly what the policy means",
            counted(proof.ports, "port"),
            counted(workloads, "workload"),
        ),
    };
    if proof.exposures > 0 {
        words.push_str(&format!("; gateways let in exactly {}", counted(proof.exposures, "exposure")));
    }
    if proof.egresses > 0 {
        words.push_str(&format!("; {} as meant", counted(proof.egresses, "egress")));
    }
    if let Some(fenced) = fenced(proof) {
        words.push_str("; ");
        words.push_str(&fenced);
    }
    let left_out = [
        (proof.bypassed, "port", "past the proxy"),
        (proof.behind, "workload", "behind a waypoint"),
        (proof.unmeshed, "workload", "without a proxy"),
        (exposures.saturating_sub(proof.exposures), "exposure", "at gateways"),
        (egresses.saturating_sub(proof.egresses), "egress", "to hosts outside"),
    ];
    let left_out: Vec<String> = left_out
        .into_iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, noun, how)| format!("{} {how}", counted(count, noun)))
        .collect();
    if !left_out.is_empty() {
        words.push_str(&format!("; not proved: {}", left_out.join(", ")));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_agree_with_their_nouns() {
        let all = [
            counted(0, "day"),
            counted(1, "deny"),
            counted(2, "deny"),
            counted(2, "day"),
            counted(3, "use"),
            counted(2, "egress"),
        ];
        assert_eq!(all, ["0 days", "1 deny", "2 denies", "2 days", "3 uses", "2 egresses"]);
    }

    #[test]
    fn objects_stand_in_a_table_or_are_summed_where_it_would_not_fit() {
        let kinds =
            |counts: &[(&str, usize)]| counts.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect();
        let east = kinds(&[("AuthorizationPolicy", 12), ("NetworkPolicy", 3)]);
        let west = kinds(&[("AuthorizationPolicy", 4)]);
        let all = BTreeMap::from([("east".to_owned(), east), ("prod-west".to_owned(), west)]);
        let table = [
            "                      east  prod-west",
            "AuthorizationPolicy     12          4",
            "NetworkPolicy            3          -",
            "in all                  15          4",
        ];
        assert_eq!(objects(&all, 100).lines().collect::<Vec<_>>(), table);
        assert_eq!(
            objects(&all, 30).lines().collect::<Vec<_>>(),
            ["    15  east", "     4  prod-west", "    19  in all"]
        );
        assert_eq!(objects(&BTreeMap::new(), 100), "");
    }

    #[test]
    fn the_last_line_counts_what_was_found() {
        let check = |errors, warnings, notes, shown, expected: &str| {
            assert_eq!(closing(Counts { errors, warnings, notes }, Left::default(), shown).trim_end(), expected);
        };
        check(0, 0, 0, false, "no errors, no warnings");
        check(0, 1, 2, false, "no errors, 1 warning, 2 notes (`--verbose` shows them)");
        check(0, 0, 1, true, "no errors, 1 note");
        check(2, 1, 0, false, "2 errors, 1 warning");
    }
}
