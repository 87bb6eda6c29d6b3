//! Comments that silence a finding for a while.
//!
//! In: everything that was said, and the texts it is about, in which somebody may have written
//! `# ringfence: ignore[mesh/no-names] until=2027-01-01 reason="moves next quarter"`. Out: what is left to say. A comment counts
//! for findings that begin on its own line or, where it stands alone, on the next line that is none. It wants a reason and an
//! end: one without, one that has ended, one that silences nothing, and one about what nobody may silence are findings
//! themselves. What a mandate refuses is never silenced here: an approved `Exception` is for that.

use std::collections::BTreeMap;

use super::codes::{self, ignore};
use super::{Code, Diagnostic, Diagnostics, Severity, nearest};
use crate::shape::scalar::Text as _;
use crate::source::{FileId, SourceFile, Sources, Span};
use crate::spec::names::Day;

/// What begins a comment.
const MARK: &str = "ringfence: ignore";

/// Which findings may be silenced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ignorable {
    /// Those of a policy project that do not fail it.
    Warnings,
    /// Those about manifests of others, all but texts that cannot be read.
    Findings,
}

impl Ignorable {
    /// Tells whether findings of a kind may be silenced.
    #[must_use]
    pub fn allows(self, code: &Code) -> bool {
        let stage = code.id.split('/').next().unwrap_or_default();
        match self {
            _ if stage == "ignore" => false,
            _ if code.severity != Severity::Error => true,
            Self::Warnings => false,
            Self::Findings => !matches!(stage, "yaml" | "parse"),
        }
    }
}

/// Tells whether somebody wrote such a comment: only then does the day matter.
#[must_use]
pub fn any(sources: &Sources) -> bool {
    sources.files().any(|(_, file)| file.text().contains(MARK))
}

/// Returns the comments of a file, each with its line, as they are written: who reads a change wants to see what it silences.
pub fn comments(file: &SourceFile) -> impl Iterator<Item = (usize, &str)> {
    let lines = file.text().lines().enumerate();
    lines.filter_map(|(at, line)| comment(line).map(|(_, comment)| (at + 1, comment.trim_start_matches('#').trim())))
}

/// A comment.
struct Ignore {
    /// The comment, for saying something of it.
    span: Span,
    /// What it is about.
    codes: Vec<&'static Code>,
    /// The last day it counts.
    until: Day,
    /// The line it is about.
    line: usize,
}

/// Silences what comments say is to be silenced on this day, reports comments that are wrong, and returns how many findings are
/// silent. Only where everything was looked at (`whole`) is it known that a comment silences nothing.
pub fn apply(said: &mut Diagnostics, sources: &Sources, today: Day, which: Ignorable, whole: bool) -> usize {
    let mut wrong = Vec::new();
    let mut ignores: BTreeMap<(FileId, usize), Vec<Ignore>> = BTreeMap::new();
    for (id, file) in sources.files() {
        // The text of a pattern is there again for each use; only where it was written does a comment count.
        if sources.used_at(id).is_some() || !file.text().contains(MARK) {
            continue;
        }
        for found in read(id, file) {
            match found {
                Ok(ignore) => ignores.entry((id, ignore.line)).or_default().push(ignore),
                Err(error) => wrong.push(error),
            }
        }
    }
    let mut counts: BTreeMap<(FileId, usize, usize), Vec<&'static str>> = BTreeMap::new();
    let is_silenced = |diagnostic: &Diagnostic| {
        let Some(span) = diagnostic.span() else { return false };
        let key = (span.file, sources.file(span.file).position(span.start).0);
        let mut silenced = false;
        for (at, ignore) in ignores.get(&key).into_iter().flatten().enumerate() {
            if ignore.codes.iter().any(|code| code.id == diagnostic.code().id) {
                counts.entry((key.0, key.1, at)).or_default().push(diagnostic.code().id);
                silenced |= today <= ignore.until && which.allows(diagnostic.code());
            }
        }
        silenced
    };
    let silent = said.remove(is_silenced);
    for ((file, line), ignores) in &ignores {
        for (at, one) in ignores.iter().enumerate() {
            let found = counts.get(&(*file, *line, at));
            for code in &one.codes {
                let is_there = found.is_some_and(|found| found.contains(&code.id));
                wrong.extend(judged(one, code, is_there, today, which, whole));
            }
        }
    }
    for diagnostic in wrong {
        said.report(diagnostic);
    }
    silent
}

/// Says what is wrong with silencing a code, if anything.
fn judged(
    ignore: &Ignore,
    code: &'static Code,
    is_there: bool,
    today: Day,
    which: Ignorable,
    whole: bool,
) -> Option<Diagnostic> {
    let id = code.id;
    if !which.allows(code) {
        let said = ignore::NOT_IGNORABLE.at(ignore.span, format!("`{id}` cannot be ignored"));
        return Some(said.label("this silences nothing").help(match which {
            Ignorable::Warnings => "mend what it says, or have an Exception approved where a mandate is in the way",
            Ignorable::Findings => "mend what it says",
        }));
    }
    if today > ignore.until {
        // Whether it is still there or not: what nobody needs goes, and what somebody needs is to be decided again.
        let said = ignore::EXPIRED.at(ignore.span, format!("`{id}` was to be ignored until {}", ignore.until));
        return Some(said.label("this has ended").help("mend what it is about, or name a later day and say why"));
    }
    (whole && !is_there).then(|| {
        let said = ignore::UNUSED.at(ignore.span, format!("there is no `{id}` here to ignore"));
        said.label("this silences nothing").help("remove it, or move it to the line that the finding names")
    })
}

/// Reads the comments of a file.
fn read(id: FileId, file: &SourceFile) -> Vec<Result<Ignore, Diagnostic>> {
    let lines: Vec<&str> = file.text().lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some((before, comment)) = comment(line) else { continue };
        let start = file.line_starts().get(at).copied().unwrap_or_default() as usize + before.len();
        let span = Span::new(id, start, start + comment.trim_end().len());
        let is_alone = before.trim().is_empty();
        let is_none =
            |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with('#') && line.trim() != "---";
        let next = || lines.iter().skip(at + 1).position(is_none).map(|below| at + 1 + below);
        let target = if is_alone { next().unwrap_or(at) } else { at };
        found.push(one(comment, span, target + 1));
    }
    found
}

/// Splits a line before a comment of ours.
fn comment(line: &str) -> Option<(&str, &str)> {
    let starts = line.match_indices('#').map(|(at, _)| at);
    let at = starts.into_iter().find(|at| {
        let (before, comment) = line.split_at(*at);
        // YAML begins a comment where a space is before it.
        (before.is_empty() || before.ends_with([' ', '\t']))
            && comment.trim_start_matches('#').trim_start().starts_with(MARK)
    })?;
    Some(line.split_at(at))
}

/// Reads one comment.
fn one(comment: &str, span: Span, line: usize) -> Result<Ignore, Diagnostic> {
    let wrong = |message: String| {
        ignore::MALFORMED
            .at(span, message)
            .label("this silences nothing")
            .help("write it as in `# ringfence: ignore[mesh/no-names] until=2027-01-01 reason=\"moves next quarter\"`")
    };
    let (_, rest) = comment.split_once(MARK).ok_or_else(|| wrong("this is no comment to ignore by".to_owned()))?;
    let (list, rest) = rest
        .trim_start()
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
        .ok_or_else(|| wrong("the codes to ignore are missing".to_owned()))?;
    let mut codes = Vec::new();
    for name in list.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let code = codes::find(name).ok_or_else(|| {
            let known = codes::all().into_iter().map(|code| code.id);
            let near = nearest(name, known).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            wrong(format!("there is no code `{name}`{near}"))
        })?;
        codes.push(code);
    }
    if codes.is_empty() {
        return Err(wrong("the codes to ignore are missing".to_owned()));
    }
    let (mut until, mut reason) = (None, None);
    let mut rest = rest.trim();
    while !rest.is_empty() {
        let (key, value) =
            rest.split_once('=').ok_or_else(|| wrong(format!("`{rest}` is neither an end nor a reason")))?;
        let (value, behind) = match value.strip_prefix('"') {
            Some(quoted) => {
                quoted.split_once('"').ok_or_else(|| wrong("the quotes of the reason do not end".to_owned()))?
            }
            None => value.split_once(char::is_whitespace).unwrap_or((value, "")),
        };
        match key.trim() {
            "until" => until = Some(Day::parse(value).map_err(|error| wrong(format!("`{value}` is no day: {error}")))?),
            "reason" => reason = Some(value.trim()),
            other => return Err(wrong(format!("`{other}` is neither `until` nor `reason`"))),
        }
        rest = behind.trim_start();
    }
    if reason.is_none_or(str::is_empty) {
        return Err(wrong("it says no reason".to_owned()));
    }
    let until = until.ok_or_else(|| wrong("it names no day on which it ends".to_owned()))?;
    Ok(Ignore { span, codes, until, line })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comments(text: &str) -> Vec<String> {
        let mut sources = Sources::new();
        let id = sources.add(SourceFile::new("a.yaml", text.as_bytes().to_vec()));
        let said = |found: Result<Ignore, Diagnostic>| match found {
            Ok(ignore) => {
                let codes: Vec<_> = ignore.codes.iter().map(|code| code.id).collect();
                format!("line {}: {} until {}", ignore.line, codes.join(" "), ignore.until)
            }
            Err(wrong) => wrong.message().to_owned(),
        };
        read(id, sources.file(id)).into_iter().map(said).collect()
    }

    #[test]
    fn a_comment_is_about_its_line_or_the_next() {
        let good = "# ringfence: ignore[mesh/open-to-plaintext, mesh/no-names] until=2027-01-01 reason=\"later\"";
        assert_eq!(
            comments(&format!("a: 1\n{good}\n\n# else\nb: 2\n")),
            ["line 5: mesh/open-to-plaintext mesh/no-names until 2027-01-01"]
        );
        assert_eq!(
            comments(&format!("a: 1  {good}\nb: 2\n")),
            ["line 1: mesh/open-to-plaintext mesh/no-names until 2027-01-01"]
        );
        assert_eq!(
            comments(&format!("{good}\n---\napiVersion: v1\n")),
            ["line 3: mesh/open-to-plaintext mesh/no-names until 2027-01-01"]
        );
        assert!(comments(&format!("a: 'x{good}'\n")).is_empty());
    }

    #[test]
    fn what_is_wrong_with_a_comment_is_said() {
        let said = |rest: &str| comments(&format!("# ringfence: ignore{rest}\n")).concat();
        assert_eq!(said(""), "the codes to ignore are missing");
        assert_eq!(said("[] until=2027-01-01 reason=x"), "the codes to ignore are missing");
        assert_eq!(
            said("[mesh/no-namse] until=2027-01-01 reason=x"),
            "there is no code `mesh/no-namse`; did you mean `mesh/no-names`?"
        );
        assert_eq!(said("[mesh/no-names] reason=x"), "it names no day on which it ends");
        assert_eq!(said("[mesh/no-names] until=2027-01-01"), "it says no reason");
        assert_eq!(said("[mesh/no-names] until=2027-01-01 reason=\" \""), "it says no reason");
        assert_eq!(said("[mesh/no-names] until=2027-13-01 reason=x").split(':').next(), Some("`2027-13-01` is no day"));
        assert_eq!(said("[mesh/no-names] until=2027-01-01 reason=\"x"), "the quotes of the reason do not end");
        assert_eq!(said("[mesh/no-names] until=2027-01-01 why=x"), "`why` is neither `until` nor `reason`");
        assert_eq!(said("[mesh/no-names] forever"), "`forever` is neither an end nor a reason");
    }
}
