//! Makes texts nobody wrote out of texts somebody did.
//!
//! In: a seed. Out: the same mutants and hostile values on every machine. It exists so that a finding can be repeated.

use serde_json::{Value, json};

use crate::seeds;

/// A small generator, so that a seed means the same texts everywhere (`SplitMix64`).
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ word >> 31
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit.max(1)).unwrap()).unwrap()
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }
}

/// Makes a text out of a seed by a few small changes, or a document around one strange scalar.
pub fn mutant(random: &mut Random) -> Vec<u8> {
    let mut text: Vec<char> = match random.below(10) {
        0 => return scalar_document(random).into_bytes(),
        1..=4 => random.pick(seeds::DOCUMENTS).chars().collect(),
        _ => random.pick(seeds::HOSTILE).chars().collect(),
    };
    if random.below(3) == 0 {
        text = excerpt(random, &text);
    }
    for _ in 0..=random.below(4) {
        change(random, &mut text);
    }
    let mut bytes = text.into_iter().collect::<String>().into_bytes();
    if random.below(500) == 0 && !bytes.is_empty() {
        let at = random.below(bytes.len());
        bytes[at] = 0xff;
    }
    bytes
}

fn excerpt(random: &mut Random, text: &[char]) -> Vec<char> {
    let lines: Vec<&[char]> = text.split_inclusive(|character| *character == '\n').collect();
    let start = random.below(lines.len());
    let end = (start + 1 + random.below(6)).min(lines.len());
    lines.get(start..end).unwrap_or(&[]).concat()
}

fn change(random: &mut Random, text: &mut Vec<char>) {
    let at = random.below(text.len() + 1);
    match random.below(9) {
        0 => {
            let end = (at + 1 + random.below(6)).min(text.len());
            text.drain(at..end);
        }
        1 | 2 => {
            let piece: Vec<char> = random.pick(seeds::PIECES).chars().collect();
            text.splice(at..at, piece);
        }
        3 => {
            let piece: Vec<char> = random.pick(seeds::PIECES).chars().collect();
            let end = (at + 1 + random.below(8)).min(text.len());
            text.splice(at..end, piece);
        }
        4 => {
            let piece: Vec<char> = strange_scalar(random).chars().collect();
            let start = text[..at].iter().rposition(|character| *character == ' ').map_or(0, |found| found + 1);
            let end = text[at..].iter().position(|character| *character == '\n').map_or(text.len(), |found| at + found);
            text.splice(start..end, piece);
        }
        5 => {
            let mut lines: Vec<Vec<char>> = text.split_inclusive(|c| *c == '\n').map(<[char]>::to_vec).collect();
            if !lines.is_empty() {
                let (from, to) = (random.below(lines.len()), random.below(lines.len()));
                if random.below(2) == 0 {
                    lines.swap(from, to)
                } else {
                    lines.insert(to, lines[from].clone())
                }
                *text = lines.concat();
            }
        }
        6 => {
            let start = text[..at].iter().rposition(|character| *character == '\n').map_or(0, |found| found + 1);
            if random.below(2) == 0 {
                let spaces = 1 + random.below(3);
                text.splice(start..start, std::iter::repeat_n(' ', spaces));
            } else if text.get(start) == Some(&' ') {
                text.remove(start);
            }
        }
        7 => {
            let other: Vec<char> = random.pick(seeds::HOSTILE).chars().collect();
            let other = excerpt(random, &other);
            text.splice(at..at, other);
        }
        _ => {
            if let Some(slot) = text.get_mut(at) {
                *slot = char::from(b' ' + u8::try_from(random.below(95)).unwrap());
            }
        }
    }
}

fn scalar_document(random: &mut Random) -> String {
    let scalar = strange_scalar(random);
    match random.below(6) {
        0 => format!("{scalar}: 1\n"),
        1 => format!("a: [{scalar}, 1]\n"),
        2 => format!("a: {{{scalar}: 1}}\n"),
        3 => format!("a:\n- {scalar}\n"),
        4 => format!(
            "a: {} {scalar}\n",
            random.pick(&["!!int", "!!float", "!!bool", "!!null", "!!str", "!x", "!!binary"])
        ),
        _ => format!("a: {scalar}\n"),
    }
}

/// Returns a text that looks a little like a number, a word of YAML, or a date.
fn strange_scalar(random: &mut Random) -> String {
    const WORDS: &[&str] = &[
        "0",
        "1",
        "7",
        "8",
        "9",
        "00",
        "0x",
        "0X",
        "0b",
        "0o",
        "0O",
        "_",
        ".",
        "-",
        "+",
        "e",
        "E",
        "e+",
        "e-",
        ":",
        "inf",
        "nan",
        "y",
        "n",
        "Y",
        "N",
        "yes",
        "No",
        "on",
        "OFF",
        "true",
        "False",
        "null",
        "~",
        "2001-01-01",
        "T00:00:00Z",
        "12:30",
        "f",
        "18446744073709551615",
        "9223372036854775807",
        "99999",
        "0.1",
        "1e",
        "=",
        "<<",
        "a",
        "B",
        "/",
        "F",
        "1e400",
        "1e21",
    ];
    (0..=random.below(4)).map(|_| random.pick(WORDS)).collect()
}

/// Returns a mapping with one hostile text as value, item, nested value and key, and a number.
pub fn hostile_value(random: &mut Random) -> Value {
    let text = hostile_text(random);
    let number = match random.below(5) {
        0 => json!(f64::from_bits(random.next())),
        1 => json!(random.next()),
        2 => json!(random.next().cast_signed()),
        3 => json!(random.next().cast_signed() as f64 / 1000.0),
        _ => json!(random.below(1000)),
    };
    json!({
        "value": text,
        "items": [text, [text, [], {}], {"a": text, "b": [text]}, number],
        "nested": {"x": {"y": text, "number": number}},
        text.clone(): {text.clone(): [{text: null}]},
    })
}

fn hostile_text(random: &mut Random) -> String {
    match random.below(4) {
        0 => strange_scalar(random),
        1 => (0..=random.below(5)).map(|_| random.pick(seeds::PIECES)).collect(),
        2 => random.pick(seeds::HOSTILE).chars().take(random.below(40)).collect(),
        _ => (0..random.below(12))
            .filter_map(|_| {
                let limit = random.pick(&[&0x80_u32, &0x100, &0x3000, &0x11_0000]);
                char::from_u32(u32::try_from(random.below(usize::try_from(*limit).unwrap())).unwrap())
            })
            .collect(),
    }
}
