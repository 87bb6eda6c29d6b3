//! Reads unquoted text as Go's YAML library does, which is what kubectl and the controllers use.
//!
//! In: the text of a plain scalar, or of a tagged one. Out: the [`Reading`] Go has of it. It exists because what counts
//! as a number there is in no specification: underscores anywhere, `08` as a fraction, `0b-1`.

use serde_json::Number;

/// What Go takes a plain scalar for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Reading {
    Null,
    Bool(bool),
    /// A whole number of 64 bits with its sign.
    Int(i64),
    /// A whole number that needs all 64 bits.
    Uint(u64),
    /// A finite fraction.
    Float(f64),
    /// Infinity or not-a-number, which JSON cannot hold.
    Unwritable,
    /// A spelling whose reading in Go we do not vouch for.
    Unsure,
    Text,
}

/// Returns what Go takes an unquoted text for.
pub(super) fn reading(text: &str) -> Reading {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Reading::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Reading::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Reading::Bool(false);
        }
        ".nan" | ".NaN" | ".NAN" | ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" | "-.inf" | "-.Inf"
        | "-.INF" => return Reading::Unwritable,
        _ => {}
    }
    match text.as_bytes().first() {
        Some(b'.') => dotted(text),
        Some(b'+' | b'-' | b'0'..=b'9') => number(text),
        _ => Reading::Text,
    }
}

/// Reads what begins with a dot.
fn dotted(text: &str) -> Reading {
    if is_float(text) {
        return float(text);
    }
    let digits = text.as_bytes().get(1).is_some_and(|byte| byte.is_ascii_digit() || *byte == b'_');
    if digits && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._+-".contains(&byte)) {
        Reading::Unsure
    } else {
        Reading::Text
    }
}

/// Reads what begins with a digit or a sign.
fn number(text: &str) -> Reading {
    let plain: String = text.chars().filter(|character| *character != '_').collect();
    if let Some(reading) = whole(&plain) {
        return reading;
    }
    if is_float(&plain) {
        return float(&plain);
    }
    // Go takes the digits after `0b` for a number of their own, sign and all.
    let binary = match (plain.strip_prefix("0b"), plain.strip_prefix("-0b")) {
        (Some(digits), _) => i64::from_str_radix(digits, 2),
        (None, Some(digits)) => i64::from_str_radix(&format!("-{digits}"), 2),
        (None, None) => return Reading::Text,
    };
    binary.map_or(Reading::Text, Reading::Int)
}

/// Reads a whole number with an optional sign and an optional radix prefix.
fn whole(text: &str) -> Option<Reading> {
    let (negative, signed, digits) = match text.as_bytes().first()? {
        b'-' => (true, true, text.get(1..)?),
        b'+' => (false, true, text.get(1..)?),
        _ => (false, false, text),
    };
    let (radix, digits) = match digits.get(..2) {
        Some("0x" | "0X") => (16, digits.get(2..)?),
        Some("0b" | "0B") => (2, digits.get(2..)?),
        Some("0o" | "0O") => (8, digits.get(2..)?),
        Some(start) if start.starts_with('0') => (8, digits.get(1..)?),
        _ => (10, digits),
    };
    // `from_str_radix` takes a sign; here the sign has been had.
    if !digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let value = i128::from(u64::from_str_radix(digits, radix).ok()?);
    let value = if negative { -value } else { value };
    match i64::try_from(value) {
        Ok(value) => Some(Reading::Int(value)),
        Err(_) if signed => None,
        Err(_) => u64::try_from(value).ok().map(Reading::Uint),
    }
}

fn float(text: &str) -> Reading {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Reading::Float(value),
        // Out of range is no number for Go, and so it is text.
        _ => Reading::Text,
    }
}

/// Tells whether a text has the shape of a fraction in range or out of it:
/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`.
pub(super) fn is_float(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let exponent_ok = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    let mantissa_ok = match mantissa.split_once('.') {
        Some((before, after)) => digits(before) && digits(after) && !(before.is_empty() && after.is_empty()),
        None => !mantissa.is_empty() && digits(mantissa),
    };
    exponent_ok && mantissa_ok
}

/// Returns the number a client sees after Go wrote the fraction as JSON: whole ones lose their dot.
pub(super) fn json_number(value: f64) -> Option<Number> {
    if value.fract() == 0.0 && value.abs() < 1e21 {
        let digits = format!("{value}");
        if let Ok(whole) = digits.parse::<i64>() {
            return Some(whole.into());
        }
        if let Ok(whole) = digits.parse::<u64>() {
            return Some(whole.into());
        }
    }
    Number::from_f64(value)
}

/// Returns the text Go makes of a fraction used as a key, for the range where it is written without an exponent.
pub(super) fn float_key(value: f64) -> Option<String> {
    #[expect(clippy::cast_possible_truncation, reason = "Go writes the key with the precision of 32 bits")]
    let short = value as f32;
    let size = short.abs();
    (short == 0.0 && value == 0.0 && value.is_sign_positive() || (1e-4..1e6).contains(&size))
        .then(|| format!("{short}"))
}
