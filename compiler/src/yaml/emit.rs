//! Writes YAML that every reader of the field understands alike.
//!
//! In: a JSON value that is a mapping. Out: one document in block style, the same bytes for the same value. It exists
//! because manifests are committed: a change of somebody else's quoting rule must never rewrite ten thousand files, and
//! a string must never come back as a boolean.

use std::fmt::{self, Write};

use serde_json::{Map, Number, Value};

use super::go::{self, Reading};
use super::{MAX_DEPTH, characters, dialects};

/// The longest key as written; YAML readers stop looking for the `:` after 1024 characters.
const MAX_KEY: usize = 1000;

/// Why a value cannot be written so that every reader understands it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EmitError {
    /// The value is not a mapping, as every Kubernetes object is.
    NotAMapping,
    /// A key is longer than readers look for its end.
    KeyTooLong {
        /// Its first characters.
        start: String,
    },
    /// Containers stand inside each other more than [`MAX_DEPTH`] deep.
    TooDeep,
}

impl fmt::Display for EmitError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAMapping => formatter.write_str("only a mapping can be written as a YAML document"),
            Self::KeyTooLong { start } => write!(formatter, "the key `{start}…` is longer than YAML readers look"),
            Self::TooDeep => write!(formatter, "values are nested more than {MAX_DEPTH} deep"),
        }
    }
}

impl std::error::Error for EmitError {}

/// Writes one document: no marker before it, a line feed at its end, keys in the order of the value.
///
/// # Errors
/// When the value is no mapping, is nested too deep, or has a key longer than YAML readers allow.
pub fn emit(value: &Value) -> Result<String, EmitError> {
    let Value::Object(map) = value else { return Err(EmitError::NotAMapping) };
    let mut emitter = Emitter { out: String::new(), depth: 0 };
    if map.is_empty() {
        emitter.out.push_str("{}\n");
    } else {
        emitter.mapping(map, 0)?;
    }
    Ok(emitter.out)
}

struct Emitter {
    out: String,
    depth: usize,
}

impl Emitter {
    /// Writes the entries of a mapping; the first line is indented already.
    fn mapping(&mut self, map: &Map<String, Value>, indent: usize) -> Result<(), EmitError> {
        self.enter()?;
        for (at, (key, value)) in map.iter().enumerate() {
            if at > 0 {
                self.indent(indent);
            }
            self.key(key)?;
            self.out.push(':');
            match value {
                Value::Object(inner) if !inner.is_empty() => {
                    self.line(indent + 2);
                    self.mapping(inner, indent + 2)?;
                }
                Value::Array(items) if !items.is_empty() => {
                    self.line(indent + 2);
                    self.sequence(items, indent + 2)?;
                }
                _ => {
                    self.out.push(' ');
                    self.leaf(value)?;
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// Writes the items of a list; the first line is indented already.
    fn sequence(&mut self, items: &[Value], indent: usize) -> Result<(), EmitError> {
        self.enter()?;
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                self.indent(indent);
            }
            self.out.push_str("- ");
            match item {
                Value::Object(inner) if !inner.is_empty() => self.mapping(inner, indent + 2)?,
                Value::Array(inner) if !inner.is_empty() => self.sequence(inner, indent + 2)?,
                _ => self.leaf(item)?,
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn enter(&mut self) -> Result<(), EmitError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH { Err(EmitError::TooDeep) } else { Ok(()) }
    }

    fn key(&mut self, key: &str) -> Result<(), EmitError> {
        let before = self.out.len();
        self.string(key);
        let written = self.out.get(before..).unwrap_or("").chars().count();
        if written > MAX_KEY {
            return Err(EmitError::KeyTooLong { start: key.chars().take(40).collect() });
        }
        Ok(())
    }

    /// Writes a value that fits on its line, and ends the line.
    fn leaf(&mut self, value: &Value) -> Result<(), EmitError> {
        match value {
            Value::Null => self.out.push_str("null"),
            Value::Bool(true) => self.out.push_str("true"),
            Value::Bool(false) => self.out.push_str("false"),
            Value::Number(number) => self.number(number),
            Value::String(text) => self.string(text),
            // Empty containers nest as well: the reader counts them.
            Value::Array(_) | Value::Object(_) => {
                self.enter()?;
                self.depth -= 1;
                self.out.push_str(if value.is_array() { "[]" } else { "{}" });
            }
        }
        self.out.push('\n');
        Ok(())
    }

    /// Writes a number without an exponent, which YAML 1.1 and 1.2 read differently.
    fn number(&mut self, number: &Number) {
        let text = match number.as_f64().filter(|_| number.is_f64()) {
            None => number.to_string(),
            Some(value) => match go::json_number(value) {
                Some(whole) if !whole.is_f64() => whole.to_string(),
                // Beyond 64 bits only a dot says that rounding is meant.
                _ if value.fract() == 0.0 => format!("{value}.0"),
                _ => value.to_string(),
            },
        };
        self.out.push_str(&text);
    }

    fn string(&mut self, text: &str) {
        if is_plain(text) {
            self.out.push_str(text);
            return;
        }
        self.out.push('"');
        for character in text.chars() {
            match character {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                '\n' => self.out.push_str("\\n"),
                '\r' => self.out.push_str("\\r"),
                '\t' => self.out.push_str("\\t"),
                _ if characters::is_plain_sight(character) => self.out.push(character),
                _ => self.escape(u32::from(character)),
            }
        }
        self.out.push('"');
    }

    fn escape(&mut self, point: u32) {
        let result =
            if point <= 0xffff { write!(self.out, "\\u{point:04x}") } else { write!(self.out, "\\U{point:08x}") };
        // INVARIANT: writing to a string cannot fail.
        debug_assert!(result.is_ok());
    }

    fn indent(&mut self, columns: usize) {
        self.out.extend(std::iter::repeat_n(' ', columns));
    }

    fn line(&mut self, columns: usize) {
        self.out.push('\n');
        self.indent(columns);
    }
}

/// Tells whether a text may stand without quotes: plain words and paths that no reader takes for anything else.
fn is_plain(text: &str) -> bool {
    let first = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '/');
    first
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/'))
        && !is_word_of_some_dialect(text)
        && go::reading(text) == Reading::Text
        && dialects::other_reading(text).is_none()
}

/// Tells whether a text is a word that some reader, in some capitals, takes for a boolean, nothing or a number.
fn is_word_of_some_dialect(text: &str) -> bool {
    const WORDS: [&str; 12] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf", "infinity"];
    WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
}
