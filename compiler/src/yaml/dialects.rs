//! What other YAML readers than Go's take an unquoted text for.
//!
//! In: the text of a plain scalar. Out: whether some reader of the field takes it for something that is not text. It
//! exists for the policy profile, where a value must mean one thing to everybody who reads the file.

/// Returns what some reader takes the text for, if Go takes it for text and another reader does not.
pub(super) fn other_reading(text: &str) -> Option<&'static str> {
    match text {
        "=" => return Some("a default value"),
        "<<" => return Some("a merge"),
        _ => {}
    }
    if is_timestamp(text) && !is_date(text) {
        return Some("a point in time");
    }
    if is_sexagesimal(text) {
        return Some("a number to base 60");
    }
    is_empty_radix(text).then_some("a number")
}

/// Tells whether a text is a date as ISO 8601 writes it, which every reader either keeps as text or reads as that day.
fn is_date(text: &str) -> bool {
    text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

fn is_timestamp(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let digits = |part: &str, most: usize| (1..=most).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    let (Some(year), Some(month), Some(rest)) = (parts.next(), parts.next(), parts.next()) else { return false };
    if year.len() != 4 || !digits(year, 4) || !digits(month, 2) {
        return false;
    }
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (day, time) = rest.split_at(end);
    digits(day, 2) && (time.is_empty() || time.starts_with(['T', 't', ' ', '\t']))
}

/// Tells whether a text is digits in groups of up to 59, as in `12:30` or `1:30:00.5`.
fn is_sexagesimal(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut groups = whole.split(':');
    let first = groups.next().unwrap_or("");
    let first_ok =
        first.starts_with(|c: char| c.is_ascii_digit()) && first.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    let rest: Vec<_> = groups.collect();
    let group_ok = |group: &&str| {
        (1..=2).contains(&group.len())
            && group.bytes().all(|b| b.is_ascii_digit())
            && group.parse::<u8>().is_ok_and(|value| value < 60)
    };
    first_ok
        && !rest.is_empty()
        && rest.iter().all(group_ok)
        && fraction.bytes().all(|b| b.is_ascii_digit() || b == b'_')
}

/// Tells whether a text is a radix prefix with underscores and no digit, which `PyYAML` stumbles over.
fn is_empty_radix(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0b"));
    digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte == b'_'))
}
