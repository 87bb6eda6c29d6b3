//! Refuses the characters that make two readers, or a reader and a person, see different documents.
//!
//! In: a part of a file. Out: a diagnostic for the first character of each kind that must not be there. It
//! exists because these never help anybody but an attacker, and because YAML 1.1 and 1.2 part ways over them.

use super::build::Place;
use crate::diagnostics::codes::yaml as code;
use crate::diagnostics::{Code, Diagnostics, Reported};
use crate::source::SourceFile;

/// Refuses a text that holds an unwelcome character; one report for each kind.
pub(super) fn check(
    text: &str,
    source: &SourceFile,
    place: Place,
    diagnostics: &mut Diagnostics,
) -> Result<(), Reported> {
    let mut result = not_utf8(text, source, place, diagnostics);
    // Everything unwelcome is outside this range, so that most bytes cost one comparison.
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\n')) {
        return result;
    }
    // kubectl passes over any space at the start when it looks whether a file is JSON.
    let blank = text.len() - text.trim_ascii_start().len();
    if let Some(first) = text.get(blank..).and_then(|rest| rest.chars().next()).filter(|c| c.is_whitespace()) {
        let message = format!("U+{:04X} looks like a space and is none", u32::from(first));
        let span = place.span(blank, blank + first.len_utf8());
        let help = "delete it, or use an ordinary space";
        result = Err(diagnostics.report(code::CONTROL_CHARACTER.at(span, message).label("this character").help(help)));
    }
    let mut seen: Vec<&'static Code> = Vec::new();
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        let next = characters.peek().map(|(_, next)| *next);
        let Some((code, name, help)) = unwelcome(character, next) else { continue };
        if seen.contains(&code) {
            continue;
        }
        seen.push(code);
        let message = format!("U+{:04X} ({name}) is not allowed here", u32::from(character));
        let span = place.span(at, at + character.len_utf8());
        result = Err(diagnostics.report(code.at(span, message).label("this character").help(help)));
    }
    result
}

fn not_utf8(text: &str, source: &SourceFile, place: Place, diagnostics: &mut Diagnostics) -> Result<(), Reported> {
    // Behind the first bad byte a replacement character may stand for another one: nobody can tell any more.
    let Some(first) = source.invalid_utf8() else { return Ok(()) };
    let from = first.saturating_sub(place.offset).min(text.len());
    let Some(bad) = text.get(from..).and_then(|rest| rest.find(char::REPLACEMENT_CHARACTER)) else {
        return Ok(());
    };
    let span = place.span(from + bad, from + bad + char::REPLACEMENT_CHARACTER.len_utf8());
    Err(diagnostics.report(
        code::NOT_UTF8
            .at(span, "the file is not UTF-8")
            .label("the first bytes that are not")
            .help("save the file as UTF-8"),
    ))
}

fn unwelcome(character: char, next: Option<char>) -> Option<(&'static Code, &'static str, &'static str)> {
    match character {
        '\t' | '\n' => None,
        '\r' if next == Some('\n') => None,
        '\r' => Some((&code::HIDDEN_LINE_BREAK, "carriage return", "end lines with a line feed")),
        '\u{85}' | '\u{2028}' | '\u{2029}' => Some((
            &code::HIDDEN_LINE_BREAK,
            "line separator",
            "delete it: YAML 1.1 readers begin a new line here, others do not; in double quotes write it as an escape",
        )),
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}' => Some((
            &code::BIDI_CONTROL,
            "text direction control",
            "delete it: it reorders what a reviewer sees; in double quotes write it as an escape",
        )),
        '\u{feff}' => Some((&code::BYTE_ORDER_MARK, "byte order mark", "delete it: it belongs at the start of a file")),
        _ if character.is_control() => {
            Some((&code::CONTROL_CHARACTER, "control character", "delete it; in double quotes write it as an escape"))
        }
        _ if is_noncharacter(character) => {
            Some((&code::CONTROL_CHARACTER, "not a character", "delete it; in double quotes write it as an escape"))
        }
        _ => None,
    }
}

/// Tells whether Unicode keeps this code point free for ever.
pub(super) fn is_noncharacter(character: char) -> bool {
    let point = u32::from(character);
    matches!(point, 0xfdd0..=0xfdef) || point & 0xfffe == 0xfffe
}

/// Tells whether a character may stand as itself in what we write.
pub(super) fn is_plain_sight(character: char) -> bool {
    unwelcome(character, None).is_none()
}
