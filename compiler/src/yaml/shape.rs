//! Refuses spellings of a scalar that YAML 1.1 and 1.2 cut at different places.
//!
//! In: a scalar and the text around it. Out: what is wrong with how it is written, and the bytes it was written in. It
//! exists because our parser reads YAML 1.2 and Kubernetes clients read YAML 1.1.

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
}

impl Written<'_> {
    /// Returns what is wrong with the spelling, and where.
    pub fn faults(&self) -> Vec<(Range<usize>, Wording)> {
        let found = [self.missing(), self.punctuation(), self.escape(), self.tab(), self.several_lines()];
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
        (!escapes::is_json(self.document)).then(|| {
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

    /// Returns the bytes it was written in: a block text begins at its `|` or `>` and ends with its last word.
    pub fn place(&self) -> Range<usize> {
        if self.style != Style::Block {
            return self.span.clone();
        }
        let start = block_header(self.document, self.read).unwrap_or(self.span.start);
        let end = self.span.end.max(self.span.start);
        let written = self.document.get(start..end).unwrap_or("");
        start..start + written.trim_end().len()
    }
}

/// Returns where the `|` or `>` of a block text stands, looking from the end of what was read before it.
fn block_header(text: &str, from: usize) -> Option<usize> {
    let mut at = from;
    let mut after_blank = true;
    while let Some(next) = text.get(at..).and_then(|rest| rest.chars().next()) {
        match next {
            '|' | '>' => return Some(at),
            '#' if after_blank => at += text.get(at..)?.find('\n')?,
            '&' | '!' => at += text.get(at..)?.find(char::is_whitespace)?,
            _ => at += next.len_utf8(),
        }
        after_blank = next.is_whitespace();
    }
    None
}
