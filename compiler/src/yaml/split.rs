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
    /// How many bytes of the file it has.
    pub length: usize,
    /// The `---` line that opens this piece, if one does.
    pub marker: &'a str,
    /// Where in the file the marker line begins.
    pub marker_offset: usize,
}

/// Returns the documents of a text, in order.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut start = if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len_utf8() } else { 0 };
    let mut at = start;
    let (mut marker, mut marker_offset) = ("", 0);
    for line in text.get(start..).unwrap_or("").split_inclusive('\n') {
        if line.starts_with("---") {
            pieces.push(Piece {
                text: whole_lines(text, start, at),
                offset: start,
                length: at - start,
                marker,
                marker_offset,
            });
            start = at + line.len();
            (marker, marker_offset) = (line, at);
        }
        at += line.len();
    }
    pieces.push(Piece {
        text: whole_lines(text, start, text.len()),
        offset: start,
        length: text.len() - start,
        marker,
        marker_offset,
    });
    pieces
}

fn whole_lines(text: &str, start: usize, end: usize) -> Cow<'_, str> {
    let text = text.get(start..end).unwrap_or("");
    if text.is_empty() || text.ends_with('\n') { Cow::Borrowed(text) } else { Cow::Owned(format!("{text}\n")) }
}

/// Tells whether a line that begins with `---` is a marker and nothing else. Spaces beyond ASCII are no spaces to a YAML
/// reader, and `---#` is text to it.
fn is_marker(line: &str) -> bool {
    let rest = line.get(3..).unwrap_or("");
    let content = rest.trim_ascii();
    content.is_empty() || (content.starts_with('#') && rest.starts_with([' ', '\t']))
}

impl Piece<'_> {
    /// Refuses what the markers of this piece say beside marking.
    pub fn check(&self, place: Place, diagnostics: &mut Diagnostics) -> Result<(), Reported> {
        if !is_marker(self.marker) {
            let end = self.marker_offset + self.marker.trim_end().len();
            return Err(diagnostics.report(
                code::DOCUMENT_MARKER
                    .at(
                        Span::new(place.file, self.marker_offset, end),
                        "a line that begins with `---` may hold only that marker",
                    )
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
