//! Cuts a file into documents at its `---` lines, by lines alone, as kubectl does.
//!
//! In: the text of a file. Out: its [`Piece`]s, each to be read on its own, so that one broken document cannot hide the
//! next. It exists because YAML forbids a `---` line inside any value, and because kubectl cuts there before it parses.

use std::borrow::Cow;

use super::build::Place;
use crate::diagnostics::codes::yaml as code;
use crate::diagnostics::{Diagnostics, Reported};
use crate::source::Span;

const BYTE_ORDER_MARK: char = '\u{feff}';

/// One document as text.
pub(super) struct Piece<'a> {
    /// The text; always ends with a line break, as every line has one when kubectl is done reading it.
    pub text: Cow<'a, str>,
    /// Where in the file the text begins.
    pub offset: usize,
    /// A `---` line that opens this piece and holds more than a comment: its place in the file.
    bad_marker: Option<(usize, usize)>,
}

/// Returns the documents of a text, in order.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut start = if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len_utf8() } else { 0 };
    let mut bad_marker = None;
    let mut at = start;
    for line in text.get(start..).unwrap_or("").split_inclusive('\n') {
        if let Some(rest) = line.strip_prefix("---") {
            pieces.push(piece(text, start, at, bad_marker));
            start = at + line.len();
            // Spaces beyond ASCII are no spaces to a YAML reader.
            let rest = rest.trim_ascii();
            bad_marker = (!rest.is_empty() && !rest.starts_with('#')).then(|| (at, at + line.trim_end().len()));
        }
        at += line.len();
    }
    pieces.push(piece(text, start, text.len(), bad_marker));
    pieces
}

fn piece(text: &str, start: usize, end: usize, bad_marker: Option<(usize, usize)>) -> Piece<'_> {
    let text = text.get(start..end).unwrap_or("");
    let text =
        if text.is_empty() || text.ends_with('\n') { Cow::Borrowed(text) } else { Cow::Owned(format!("{text}\n")) };
    Piece { text, offset: start, bad_marker }
}

impl Piece<'_> {
    /// Refuses what the markers of this piece say beside marking.
    pub fn check(&self, place: Place, diagnostics: &mut Diagnostics) -> Result<(), Reported> {
        if let Some((start, end)) = self.bad_marker {
            return Err(diagnostics.report(
                code::DOCUMENT_MARKER
                    .at(Span::new(place.file, start, end), "a line that begins with `---` may hold only that marker")
                    .label("more than a marker")
                    .help("put the text on the next line; quote it if it is part of a value"),
            ));
        }
        let mut at = 0;
        let (mut begun, mut ended) = (false, false);
        for line in self.text.split_inclusive('\n') {
            let content = line.trim();
            if ended && !content.is_empty() && !content.starts_with('#') {
                return Err(diagnostics.report(
                    code::AFTER_DOCUMENT_END
                        .at(place.span(at, at + line.trim_end().len()), "text after the end of the document")
                        .label("never read by kubectl")
                        .help("begin a new document with `---` instead of `...`"),
                ));
            }
            if let Some(rest) = line.strip_prefix("...")
                && rest.starts_with([' ', '\t', '\r', '\n'])
            {
                let rest = rest.trim();
                if !rest.is_empty() && !rest.starts_with('#') {
                    return Err(diagnostics.report(
                        code::AFTER_DOCUMENT_END
                            .at(place.span(at, at + line.trim_end().len()), "text after the end of the document")
                            .label("`...` ends a document")
                            .help("quote the value if it is meant as text"),
                    ));
                }
                if !begun {
                    return Err(diagnostics.report(
                        code::AFTER_DOCUMENT_END
                            .at(place.span(at, at + 3), "`...` ends a document that has not begun")
                            .label("nothing above")
                            .help("delete the line"),
                    ));
                }
                ended = true;
            }
            begun |= !content.is_empty() && !content.starts_with('#');
            at += line.len();
        }
        Ok(())
    }
}
