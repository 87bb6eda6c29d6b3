//! What ended the reading of a document, in words for its author.
//!
//! In: a [`Fault`] and where the parser stood. Out: a diagnostic placed where the mistake is, which for an open quote or
//! bracket is where it was opened. It exists because a parser says what it expected, and people ask what they did.

use std::ops::Range;

use crate::diagnostics::codes::yaml as code;
use crate::diagnostics::{Code, Diagnostic};
use crate::source::Span;

/// A mistake that leaves no structure to go on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Tab,
    Indentation,
    Dash,
    Quote,
    AfterQuote,
    Flow,
    Bracket,
    Colon,
    NoColon,
    Reserved,
    TooDeep,
    Escape,
    Directive,
    Comment,
    Interrupted,
    Block,
    AnchorName,
    Tag,
    ByteOrderMark,
    AfterEnd,
    Outside,
    Other,
}

/// A fault as it is reported: code, message, what is at the place, what to do.
pub(super) struct Wording {
    pub code: &'static Code,
    pub message: &'static str,
    pub label: &'static str,
    pub help: &'static str,
}

impl Wording {
    /// Says it about a place.
    pub fn at(&self, span: Span) -> Diagnostic {
        self.code.at(span, self.message).label(self.label).help(self.help)
    }
}

/// Returns what to say about a fault.
#[expect(clippy::too_many_lines, reason = "a table, one row a fault")]
pub(super) fn wording(fault: Fault) -> Wording {
    let (code, message, label, help) = match fault {
        Fault::Tab => (
            &code::TAB_INDENTATION,
            "a tab stands where YAML wants spaces",
            "a tab",
            "indent with spaces; most editors can convert the file",
        ),
        Fault::Indentation => (
            &code::INDENTATION,
            "this line lines up with nothing above it",
            "unexpected indentation",
            "give entries of one mapping the same indentation",
        ),
        Fault::Dash => (
            &code::INDENTATION,
            "a list item and a key do not line up",
            "unexpected here",
            "give all items of a list the same indentation, and begin each with `- `",
        ),
        Fault::Quote => (
            &code::UNCLOSED,
            "a quote is opened and not closed",
            "opened here",
            "close the quote; text over several lines must be indented",
        ),
        Fault::AfterQuote => (
            &code::SYNTAX,
            "text follows a closing quote",
            "after the quote",
            "quote the whole value, and double the quotes inside it",
        ),
        Fault::Flow => (
            &code::UNCLOSED,
            "a bracket is opened and not closed, or a comma is missing",
            "opened here",
            "close the bracket, and separate what is inside by commas",
        ),
        Fault::Bracket => {
            (&code::BRACKET, "this bracket closes nothing that is open", "unexpected", "delete it, or open it first")
        }
        Fault::Colon => (
            &code::UNEXPECTED_COLON,
            "a `: ` stands inside a value",
            "a second key?",
            "quote the value if the colon belongs to it; otherwise begin a new line",
        ),
        Fault::NoColon => (
            &code::MISSING_COLON,
            "a key without a `:` after it",
            "not a key",
            "write `key: value`; keys may not be longer than 1024 characters",
        ),
        Fault::Reserved => (
            &code::RESERVED_CHARACTER,
            "a value may not begin with this character",
            "reserved by YAML",
            "quote the value",
        ),
        Fault::TooDeep => (
            &code::TOO_DEEP,
            "values are nested more than 64 deep",
            "the limit is reached here",
            "no Kubernetes object is nested so deep; split it",
        ),
        Fault::Escape => (
            &code::ESCAPE,
            "an escape that YAML does not know",
            "not an escape",
            "double the backslash if it is meant as text, or use single quotes",
        ),
        Fault::Directive => {
            (&code::DIRECTIVE, "directives are not allowed", "a directive", "delete the line: nothing needs it")
        }
        Fault::Comment => {
            (&code::COMMENT_SPACE, "a `#` that begins no comment", "here", "put a space before `#`, or quote the value")
        }
        Fault::Interrupted => (
            &code::COMMENT_SPACE,
            "a comment stands in the middle of a text",
            "the text goes on below",
            "move the comment above the key, or quote the text",
        ),
        Fault::Block => (
            &code::BLOCK_TEXT,
            "a `|` or `>` block is badly begun or indented",
            "here",
            "indent every line of the text with spaces, further than its key",
        ),
        Fault::AnchorName => (
            &code::ANCHOR_NAME,
            "an anchor or alias without a name",
            "no name",
            "quote the value if it is meant as text",
        ),
        Fault::Tag => {
            (&code::TAG, "this tag cannot be read", "a tag", "delete it, or quote the value if it is meant as text")
        }
        Fault::ByteOrderMark => {
            (&code::BYTE_ORDER_MARK, "a byte order mark inside the file", "here", "delete it: it belongs at the start")
        }
        Fault::AfterEnd => (
            &code::AFTER_DOCUMENT_END,
            "text after the end of the document",
            "never read by kubectl",
            "begin a new document with `---` instead of `...`",
        ),
        Fault::Outside => (
            &code::INDENTATION,
            "this line stands outside of the document: kubectl never reads it",
            "further left than the document begins",
            "indent all keys of the document alike, or begin a new document with `---`",
        ),
        Fault::Other => (&code::SYNTAX, "this is not YAML", "not understood", "compare with the lines around it"),
    };
    Wording { code, message, label, help }
}

/// Returns the bytes a fault is about: the opening quote or bracket where that is the mistake, else one character.
/// `read` is how far the text was understood, `open` where the innermost open bracket stands.
pub(super) fn place(fault: Fault, text: &str, at: usize, read: usize, open: Option<usize>) -> Range<usize> {
    let opened = match fault {
        Fault::Quote => text.get(read..).and_then(|rest| rest.find(['"', '\'']).map(|found| read + found)),
        Fault::Flow => open,
        Fault::Tab => {
            let line = text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |found| found + 1);
            text.get(line..).and_then(|rest| rest.find('\t')).map(|found| line + found)
        }
        Fault::Escape => unknown_escape(text, at),
        _ => None,
    };
    character_at(text, opened.unwrap_or(at))
}

/// Returns where the first backslash stands that begins no escape of YAML, or one that wants digits.
fn unknown_escape(text: &str, from: usize) -> Option<usize> {
    let rest = text.get(from..)?;
    let mut escapes = rest.match_indices('\\');
    while let Some((at, _)) = escapes.next() {
        let next = rest.get(at + 1..).and_then(|after| after.chars().next())?;
        if next == '\\' {
            escapes.next();
        } else if !"0abtnvfre \t\n\r\"/N_LP".contains(next) {
            return Some(from + at);
        }
    }
    None
}

/// Returns the bytes of the character at a place, or of the last visible one before it at the end of a line or text.
fn character_at(text: &str, at: usize) -> Range<usize> {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    if let Some(character) = text.get(at..).and_then(|rest| rest.chars().next())
        && character != '\n'
        && character != '\r'
    {
        return at..at + character.len_utf8();
    }
    let before = text.get(..at).unwrap_or("").trim_end_matches(['\r', '\n']);
    let last = before.chars().next_back().map_or(0, char::len_utf8);
    before.len() - last..before.len()
}
