//! Gives a scalar its meaning, strictly or as kubectl does.
//!
//! In: the text of a scalar, its style and tag, and the profile. Out: a value or a key, or why it has none. It exists to
//! keep in one place what unquoted text may become.

use super::events::Style;
use super::go::{self, Reading};
use super::node::Value;
use super::{Profile, dialects};

/// Why a scalar has no meaning we vouch for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refused {
    /// Readers take it for this and for something else.
    Ambiguous(&'static str),
    /// A number beyond what is kept exactly.
    Huge,
    /// A tag, where none may be, or one we do not read exactly as Go does.
    Tag,
    /// The text does not fit its tag.
    TagMismatch,
    /// A key of this kind.
    Key(&'static str),
}

impl Refused {
    /// Tells whether the tag is to be shown rather than the text.
    pub fn is_about_tag(&self) -> bool {
        matches!(self, Self::Tag | Self::TagMismatch)
    }
}

/// A scalar as the events tell it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scalar<'a> {
    pub text: &'a str,
    pub style: Style,
    pub tag: Option<&'a str>,
    /// The tag as written, with its percent escapes.
    pub tag_text: &'a str,
}

const CORE: &str = "tag:yaml.org,2002:";

/// Returns the value of a scalar.
pub(super) fn value(scalar: Scalar<'_>, profile: Profile) -> Result<Value, Refused> {
    let plain = scalar.style == Style::Plain;
    match (profile, scalar.tag) {
        (Profile::Policy, Some(_)) => Err(Refused::Tag),
        (Profile::Manifest, Some(tag)) => tagged(scalar, tag),
        (_, None) if !plain => Ok(Value::String(scalar.text.to_owned())),
        (Profile::Policy, None) => strict(scalar.text),
        (Profile::Manifest, None) => lenient(scalar.text),
    }
}

/// Returns the text of a key.
pub(super) fn key(scalar: Scalar<'_>, profile: Profile) -> Result<String, Refused> {
    if scalar.tag.is_none() && scalar.style == Style::Plain && profile == Profile::Manifest {
        return match go::reading(scalar.text) {
            Reading::Text => Ok(scalar.text.to_owned()),
            Reading::Bool(value) => Ok(value.to_string()),
            Reading::Int(value) => Ok(value.to_string()),
            Reading::Float(value) => go::float_key(value).ok_or(Refused::Key("a number")),
            Reading::Uint(_) | Reading::Unwritable | Reading::Unsure => Err(Refused::Key("a number")),
            Reading::Null => Err(Refused::Key("nothing")),
        };
    }
    match value(scalar, profile)? {
        Value::String(text) => Ok(text),
        Value::Bool(_) => Err(Refused::Key("true or false")),
        Value::Number(_) => Err(Refused::Key("a number")),
        _ => Err(Refused::Key("nothing")),
    }
}

/// Reads unquoted text that must mean one thing to every reader.
fn strict(text: &str) -> Result<Value, Refused> {
    match text {
        "" | "null" | "~" => return Ok(Value::Null),
        "true" => return Ok(Value::Bool(true)),
        "false" => return Ok(Value::Bool(false)),
        _ => {}
    }
    match go::reading(text) {
        Reading::Int(value) if is_decimal(text) => Ok(Value::Number(value.into())),
        Reading::Uint(value) if is_decimal(text) => Ok(Value::Number(value.into())),
        Reading::Float(value) if is_decimal_fraction(text) => number(value),
        Reading::Float(_) if is_decimal(text) => Err(Refused::Huge),
        Reading::Text if go::is_float(text) => Err(Refused::Huge),
        Reading::Null => Err(Refused::Ambiguous("nothing")),
        Reading::Bool(_) => Err(Refused::Ambiguous("true or false")),
        Reading::Int(_) | Reading::Uint(_) | Reading::Float(_) | Reading::Unwritable | Reading::Unsure => {
            Err(Refused::Ambiguous("a number"))
        }
        Reading::Text => match dialects::other_reading(text) {
            Some(other) => Err(Refused::Ambiguous(other)),
            None => Ok(Value::String(text.to_owned())),
        },
    }
}

/// Reads unquoted text as Go does.
fn lenient(text: &str) -> Result<Value, Refused> {
    match go::reading(text) {
        Reading::Null => Ok(Value::Null),
        Reading::Bool(value) => Ok(Value::Bool(value)),
        Reading::Int(value) => Ok(Value::Number(value.into())),
        Reading::Uint(value) => Ok(Value::Number(value.into())),
        Reading::Float(value) => number(value),
        Reading::Unwritable => Err(Refused::Ambiguous("infinity or not a number")),
        Reading::Unsure => Err(Refused::Ambiguous("a number")),
        Reading::Text => Ok(Value::String(text.to_owned())),
    }
}

fn number(value: f64) -> Result<Value, Refused> {
    go::json_number(value).map(Value::Number).ok_or(Refused::Huge)
}

/// Reads a scalar with a tag as Go does: its own tags convert, and all others make text.
fn tagged(scalar: Scalar<'_>, tag: &str) -> Result<Value, Refused> {
    if !is_common_tag(scalar.tag_text) {
        return Err(Refused::Tag);
    }
    let text = scalar.text;
    let read = go::reading(text);
    match tag.strip_prefix(CORE) {
        Some("null") if read == Reading::Null => Ok(Value::Null),
        Some("bool") => match read {
            Reading::Bool(value) => Ok(Value::Bool(value)),
            _ => Err(Refused::TagMismatch),
        },
        Some("int") => match read {
            Reading::Int(value) => Ok(Value::Number(value.into())),
            Reading::Uint(value) => Ok(Value::Number(value.into())),
            _ => Err(Refused::TagMismatch),
        },
        Some("float") => match read {
            #[expect(clippy::cast_precision_loss, reason = "Go rounds to the nearest fraction here")]
            Reading::Int(value) => number(value as f64),
            Reading::Float(value) => number(value),
            _ => Err(Refused::TagMismatch),
        },
        Some("null") => Err(Refused::TagMismatch),
        Some("binary") => base64(text).map(Value::String).ok_or(Refused::TagMismatch),
        Some("timestamp" | "merge") => Err(Refused::Tag),
        // A merge with a tag that makes it text: Go still merges when the tag is a bare `!`.
        _ if text == "<<" => Err(Refused::Tag),
        _ => Ok(Value::String(text.to_owned())),
    }
}

/// Tells whether a tag is spelled so that every reader finds the same end of it.
pub(super) fn is_common_tag(written: &str) -> bool {
    written.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!<>:/.,_-".contains(&byte))
        && (written == "!" || written.ends_with(|last: char| last.is_ascii_alphanumeric() || last == '>'))
}

/// Decodes standard Base64 that holds UTF-8.
fn base64(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let digits: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    if !digits.len().is_multiple_of(4) {
        return None;
    }
    for (at, group) in digits.chunks_exact(4).enumerate() {
        let last = (at + 1) * 4 == digits.len();
        let padding = group.iter().rev().take_while(|byte| **byte == b'=').count();
        if padding > 2 || (padding > 0 && !last) {
            return None;
        }
        let mut bits = 0_u32;
        for byte in group.iter().take(4 - padding) {
            bits = bits << 6 | u32::from(base64_digit(*byte)?);
        }
        bits <<= 6 * padding;
        let [_, first, second, third] = bits.to_be_bytes();
        bytes.extend([first, second, third].iter().take(3 - padding));
    }
    String::from_utf8(bytes).ok()
}

fn base64_digit(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

/// Tells whether a number is written without sign games, leading zeros or underscores.
fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits == "0" || digits.starts_with(|first: char| first != '0'))
}

/// Tells whether a fraction is written as digits, one dot and digits.
fn is_decimal_fraction(text: &str) -> bool {
    text.split_once('.').is_some_and(|(whole, fraction)| {
        is_decimal(whole) && !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit())
    })
}
