//! Refuses spellings of a scalar that YAML 1.1 and 1.2 cut at different places.
//!
//! In: a scalar and the text around it. Out: what is wrong with how it is written, and the bytes it was written in. It
//! exists because our parser reads YAML 1.2 and Kubernetes clients read YAML 1.1.

use std::cell::OnceCell;
use std::ops::Range;

use super::escapes;
use super::events::Style;
use super::faults::{Fault, Wording, wording};
use crate::diagnostics::codes::yaml as code;

/// A scalar as it stands in its document.
pub(super) struct Written<'a> {
    /// The whole document.
    pub document: &'a str,
    /// What the scalar says.
    pub text: &'a str,
    pub style: Style,
    /// Nothing at all is written.
    pub missing: bool,
    /// Where the parser found it.
    pub span: Range<usize>,
    /// Up to where the document was read before, tags included.
    pub read: usize,
    pub in_flow: bool,
    pub at_key: bool,
    /// Whether the document is one of ours.
    pub strict: bool,
    /// Whether the whole document is JSON, once somebody asked.
    pub json: &'a OnceCell<bool>,
}

impl Written<'_> {
    /// Returns what is wrong with the spelling, and where.
    pub fn faults(&self) -> Vec<(Range<usize>, Wording)> {
        let found = [
            self.missing(),
            self.punctuation(),
            self.escape(),
            self.tab(),
            self.several_lines(),
            self.swallowed_item(),
        ];
        found.into_iter().flatten().collect()
    }

    fn source(&self) -> &str {
        self.document.get(self.span.clone()).unwrap_or("")
    }

    fn missing(&self) -> Option<(Range<usize>, Wording)> {
        (self.missing && self.in_flow).then(|| {
            let place = self.read..(self.read + 1).min(self.document.len());
            (
                place,
                Wording {
                    code: &code::EMPTY_IN_FLOW,
                    message: "a value is missing inside brackets",
                    label: "nothing here, or nothing after this",
                    help: "write the value, or `null`; a `:` wants a space behind it",
                },
            )
        })
    }

    fn punctuation(&self) -> Option<(Range<usize>, Wording)> {
        // Outside of brackets `:path` is text to everybody.
        let edge = self.text.ends_with(':') || (self.in_flow && self.text.starts_with(['?', ':']));
        let question = self.in_flow && (self.text.contains("? ") || self.text.ends_with('?'));
        (self.style == Style::Plain && (edge || question)).then(|| {
            (
                self.span.clone(),
                Wording {
                    code: &code::STRAY_PUNCTUATION,
                    message: "this value has a `:` or `?` that YAML readers disagree about",
                    label: "not quoted",
                    help: "quote it, or put a space after the colon",
                },
            )
        })
    }

    fn escape(&self) -> Option<(Range<usize>, Wording)> {
        if self.style != Style::Double {
            return None;
        }
        let found = escapes::json_only(self.source())?;
        (!self.json.get_or_init(|| escapes::is_json(self.document))).then(|| {
            (
                self.span.start + found.start..self.span.start + found.end,
                Wording {
                    code: &code::ESCAPE,
                    message: "an escape that only JSON knows",
                    label: "not in YAML 1.1",
                    help: "write the character itself, or `\\U` and eight digits",
                },
            )
        })
    }

    /// Finds a tab where only some readers take it for indentation.
    fn tab(&self) -> Option<(Range<usize>, Wording)> {
        if self.in_flow {
            return None;
        }
        let line = self.document.get(..self.span.start)?.rfind('\n').map_or(0, |at| at + 1);
        let before = self.document.get(line..self.span.start)?;
        let marks = |text: &str| text.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'-' | b'?' | b':'));
        let blank = |text: &str| text.bytes().all(|byte| matches!(byte, b' ' | b'\t'));
        let lead = match self.style {
            // The indentation of a block text is that of its first line, or what its header says.
            Style::Block => {
                let first = self.document.get(line..)?;
                first.get(..first.len() - first.trim_ascii_start().len())?
            }
            _ if self.at_key && marks(before) => before,
            _ if blank(before) => before,
            _ => return None,
        };
        let at = line + lead.find('\t')?;
        Some((at..at + 1, wording(Fault::Tab)))
    }

    fn several_lines(&self) -> Option<(Range<usize>, Wording)> {
        (self.at_key && self.style != Style::Block && self.source().contains('\n')).then(|| {
            (
                self.span.clone(),
                Wording {
                    code: &code::MISSING_COLON,
                    message: "a key must stand on one line",
                    label: "several lines",
                    help: "write `key: value` on each line",
                },
            )
        })
    }

    /// Finds a line that begins like a list item and yet goes on with the text above it.
    fn swallowed_item(&self) -> Option<(Range<usize>, Wording)> {
        if !self.strict || self.style != Style::Plain {
            return None;
        }
        let source = self.source();
        let first = source.find('\n')?;
        let lines = source.get(first..)?.split('\n').map(str::trim_ascii_start);
        let item = lines.filter(|line| line.starts_with("- ")).map(|line| line.trim_ascii_end()).next()?;
        let at = self.span.start + source.rfind(item)?;
        Some((
            at..at + 1,
            Wording {
                code: &code::INDENTATION,
                message: "this line looks like a list item and goes on with the text above it",
                label: "part of the text above",
                help: "indent it like the items above, or quote the whole text",
            },
        ))
    }

    /// Returns the bytes it was written in: a block text begins at its `|` or `>` and ends with its last word.
    pub fn place(&self) -> Range<usize> {
        if self.missing
            && !self.at_key
            && self.document.get(self.span.start..).is_some_and(|rest| rest.starts_with(':'))
        {
            return self.span.start + 1..self.span.start + 1;
        }
        if self.style != Style::Block {
            return self.span.clone();
        }
        let start = find_mark(self.document, self.read, &['|', '>']).unwrap_or(self.span.start);
        let end = self.span.end.max(self.span.start);
        let written = self.document.get(start..end).unwrap_or("");
        start..start + written.trim_end().len()
    }
}

/// Returns where the first `-` of a block list stands: at `start`, or before it when the list is not indented below its
/// key, which was read up to `read`.
pub(super) fn first_dash(text: &str, read: usize, start: usize) -> usize {
    let is_dash = text
        .get(start..)
        .and_then(|rest| rest.strip_prefix('-'))
        .is_some_and(|rest| rest.starts_with(char::is_whitespace));
    if is_dash {
        return start;
    }
    find_mark(text, read, &['-']).filter(|dash| *dash < start).unwrap_or(start)
}

/// Returns where the next of some marks stands, looking past comments, anchors and tags.
fn find_mark(text: &str, from: usize, marks: &[char]) -> Option<usize> {
    let mut at = from;
    let mut after_blank = true;
    while let Some(next) = text.get(at..).and_then(|rest| rest.chars().next()) {
        match next {
            _ if marks.contains(&next) => return Some(at),
            '#' if after_blank => at += text.get(at..)?.find('\n')?,
            '&' | '!' => at += text.get(at..)?.find(char::is_whitespace)?,
            _ => at += next.len_utf8(),
        }
        after_blank = next.is_whitespace();
    }
    None
}
