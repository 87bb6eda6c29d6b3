//! Refuses the escapes that one YAML reader knows and another does not.
//!
//! In: a double-quoted scalar as written. Out: the first escape Go's YAML library refuses although our parser takes it.
//! It exists because JSON has two such escapes, `\/` and surrogate pairs, and kubectl takes them only in whole JSON files.

use std::ops::Range;

/// Returns the place of the first escape that only JSON knows, within `text`.
pub(super) fn json_only(text: &str) -> Option<Range<usize>> {
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        if byte != b'\\' {
            continue;
        }
        match bytes.next()?.1 {
            b'/' => return Some(at..at + 2),
            b'u' => {
                let digits = text.get(at + 2..at + 6)?;
                if matches!(u16::from_str_radix(digits, 16), Ok(0xd800..=0xdfff)) {
                    return Some(at..at + 6);
                }
            }
            _ => {}
        }
    }
    None
}

/// Tells whether a whole document is JSON, so that kubectl reads it by JSON's rules.
pub(super) fn is_json(text: &str) -> bool {
    text.trim_start().starts_with('{') && serde_json::from_str::<serde_json::Value>(text).is_ok()
}
