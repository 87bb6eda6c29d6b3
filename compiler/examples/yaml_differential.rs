//! Compares our YAML reader and emitter with other readers on texts nobody wrote.
//!
//! In: the command of a reader that answers Base64 lines with JSON lines, a count and a seed; or that command and
//! directories with real files. Out: counts, and every text that two readers accept and read differently; exit 1 if
//! there is one. See `tests/oracle/yaml/run.sh`.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test driver: whatever goes wrong should stop it"
)]

#[path = "../tests/yaml_seeds/mod.rs"]
mod seeds;

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::source::{SourceFile, Sources};
use ringfence_compiler::yaml::{Profile, emit::emit, read};
use serde_json::{Value, json};

const BATCH: usize = 20_000;
const PROFILES: [Profile; 2] = [Profile::Policy, Profile::Manifest];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let failed = match words.as_slice() {
        ["read", oracle, count, seed] => read_fuzz(oracle, count.parse().unwrap(), seed.parse().unwrap()),
        ["emit", oracle, count, seed] => emit_fuzz(oracle, count.parse().unwrap(), seed.parse().unwrap()),
        ["files", oracle, directories @ ..] => real_files(oracle, directories),
        _ => {
            eprintln!("usage: yaml_differential read|emit ORACLE COUNT SEED, or files ORACLE DIRECTORY…");
            return ExitCode::from(2);
        }
    };
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Counts of one comparison.
#[derive(Default)]
struct Tally {
    same: usize,
    different: usize,
    ours_only: usize,
    theirs_only: usize,
    neither: usize,
}

impl Tally {
    fn add(&mut self, ours: Option<&Value>, theirs: Option<&Value>) -> bool {
        let count = match (ours, theirs) {
            (Some(ours), Some(theirs)) if ours == theirs => &mut self.same,
            (Some(_), Some(_)) => &mut self.different,
            (Some(_), None) => &mut self.ours_only,
            (None, Some(_)) => &mut self.theirs_only,
            (None, None) => &mut self.neither,
        };
        *count += 1;
        matches!((ours, theirs), (Some(ours), Some(theirs)) if ours != theirs)
    }

    fn line(&self, name: &str) -> String {
        let Self { same, different, ours_only, theirs_only, neither } = self;
        format!(
            "{name}: {same} read alike, {different} DIFFERENT, {ours_only} by us only, {theirs_only} by the oracle only, {neither} by nobody"
        )
    }
}

fn read_fuzz(oracle: &str, count: usize, seed: u64) -> usize {
    let mut random = Random(seed);
    let mut done: usize = 0;
    let mut tallies = [Tally::default(), Tally::default()];
    let mut shown = 0;
    let shown_gap = std::env::var("SHOW").unwrap_or_default();
    while done < count {
        let size = BATCH.min(count - done);
        let texts: Vec<Vec<u8>> = (done..done + size)
            .map(|at| {
                seeds::DOCUMENTS
                    .iter()
                    .chain(seeds::HOSTILE)
                    .nth(at)
                    .map_or_else(|| mutant(&mut random), |text| text.as_bytes().to_vec())
            })
            .collect();
        let answers = ask(oracle, &texts);
        for (text, theirs) in texts.iter().zip(&answers) {
            for (profile, tally) in PROFILES.into_iter().zip(&mut tallies) {
                let ours = read_ours(text, profile);
                let different = tally.add(ours.as_ref(), theirs.as_ref());
                let odd = match shown_gap.as_str() {
                    "ours" => ours.is_some() && theirs.is_none(),
                    "theirs" => ours.is_none() && theirs.is_some(),
                    _ => false,
                } && profile == Profile::Manifest;
                if odd {
                    println!("{:?} {}", String::from_utf8_lossy(text), reasons(text, profile));
                }
                if different && shown < 20 {
                    shown += 1;
                    println!(
                        "{profile:?} {:?}\n  ours   {}\n  oracle {}",
                        String::from_utf8_lossy(text),
                        show(ours.as_ref()),
                        show(theirs.as_ref())
                    );
                }
            }
        }
        done += size;
    }
    for (profile, tally) in PROFILES.into_iter().zip(&tallies) {
        println!("{}", tally.line(&format!("{profile:?}")));
    }
    let failed = tallies.iter().map(|tally| tally.different).sum::<usize>();
    println!("reader, seed {seed}: {} passed, {failed} failed", 2 * count - failed);
    failed
}

fn emit_fuzz(oracle: &str, count: usize, seed: u64) -> usize {
    let mut random = Random(seed);
    let mut done = 0;
    let mut failed = 0;
    let mut refused = 0;
    while done < count {
        let size = BATCH.min(count - done);
        let values: Vec<Value> = (0..size).map(|_| canonical(hostile_value(&mut random))).collect();
        let (mut texts, mut expected) = (Vec::new(), Vec::new());
        for value in values {
            match emit(&value) {
                Ok(text) => {
                    texts.push(text.into_bytes());
                    expected.push(value);
                }
                Err(_) => refused += 1,
            }
        }
        let answers = ask(oracle, &texts);
        for ((text, value), theirs) in texts.iter().zip(&expected).zip(&answers) {
            let wanted = Some(json!([value]));
            let readings = [read_ours(text, Profile::Policy), read_ours(text, Profile::Manifest), theirs.clone()];
            if readings.iter().any(|reading| *reading != wanted) {
                failed += 1;
                if failed <= 5 {
                    println!("{}\n  meant  {}", String::from_utf8_lossy(text), show(wanted.as_ref()));
                    for (name, reading) in ["policy", "manifest", "oracle"].iter().zip(&readings) {
                        println!("  {name} {}", show(reading.as_ref()));
                    }
                }
            }
        }
        done += size;
    }
    println!("emitter, seed {seed}: {} passed, {failed} failed, {refused} refused", count - failed - refused);
    failed
}

fn real_files(oracle: &str, directories: &[&str]) -> usize {
    let mut paths = Vec::new();
    for directory in directories {
        walk(Path::new(directory), &mut paths);
    }
    paths.sort();
    let texts: Vec<Vec<u8>> = paths.iter().map(|path| std::fs::read(path).unwrap_or_default()).collect();
    let answers = ask(oracle, &texts);
    let mut tallies = [Tally::default(), Tally::default()];
    for ((path, text), theirs) in paths.iter().zip(&texts).zip(&answers) {
        for (profile, tally) in PROFILES.into_iter().zip(&mut tallies) {
            let ours = read_ours(text, profile);
            let show_it = tally.add(ours.as_ref(), theirs.as_ref());
            let gap = profile == Profile::Manifest && ours.is_some() != theirs.is_some();
            if show_it || (gap && std::env::var("SHOW").is_ok()) {
                println!("{profile:?} {}: {}", path.display(), reasons(text, profile));
            }
        }
    }
    for (profile, tally) in PROFILES.into_iter().zip(&tallies) {
        println!("{}", tally.line(&format!("{profile:?}")));
    }
    let failed = tallies.iter().map(|tally| tally.different).sum::<usize>();
    println!("files: {} passed, {failed} failed", 2 * texts.len() - failed);
    failed
}

fn walk(directory: &Path, paths: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            walk(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            paths.push(path);
        }
    }
}

fn show(value: Option<&Value>) -> String {
    value.map_or_else(|| "refused".to_owned(), Value::to_string)
}

fn reasons(text: &[u8], profile: Profile) -> String {
    let mut sources = Sources::new();
    let file = sources.add(SourceFile::new("text.yaml", text.to_vec()));
    let mut diagnostics = Diagnostics::new();
    read(&sources, file, profile, &mut diagnostics);
    let said = diagnostics.sorted(&sources).into_iter().map(|one| {
        let line = one.span().map_or(0, |span| sources.file(file).position(span.start).0);
        format!("{}:{line} {}", one.code().id, one.message())
    });
    said.collect::<Vec<_>>().join("; ")
}

/// Reads all documents of a text as JSON; `None` when anything was reported.
fn read_ours(text: &[u8], profile: Profile) -> Option<Value> {
    let mut sources = Sources::new();
    let file = sources.add(SourceFile::new("text.yaml", text.to_vec()));
    let mut diagnostics = Diagnostics::new();
    let documents = read(&sources, file, profile, &mut diagnostics);
    let values = documents.iter().map(|document| canonical(document.root.to_json()));
    (!diagnostics.has_errors()).then(|| values.collect())
}

/// Makes numbers of one value equal: whole ones are integers.
fn canonical(value: Value) -> Value {
    match value {
        Value::Number(number) => {
            let whole = number.as_f64().filter(|value| number.is_f64() && value.fract() == 0.0 && value.abs() < 1e21);
            let whole = whole.and_then(|value| format!("{value}").parse::<i128>().ok());
            match whole.map(|whole| (i64::try_from(whole), u64::try_from(whole))) {
                Some((Ok(whole), _)) => json!(whole),
                Some((_, Ok(whole))) => json!(whole),
                _ => Value::Number(number),
            }
        }
        Value::Array(items) => items.into_iter().map(canonical).collect(),
        Value::Object(map) => map.into_iter().map(|(key, value)| (key, canonical(value))).collect(),
        other => other,
    }
}

/// Sends texts to the oracle and returns what it reads, `None` where it refuses.
fn ask(oracle: &str, texts: &[Vec<u8>]) -> Vec<Option<Value>> {
    let mut words = oracle.split_whitespace();
    let mut child = Command::new(words.next().unwrap())
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the oracle should start");
    let mut stdin = child.stdin.take().unwrap();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut lines = String::new();
            for text in texts {
                lines.push_str(&base64(text));
                lines.push('\n');
            }
            stdin.write_all(lines.as_bytes()).unwrap();
        });
        let answers: Vec<Option<Value>> = stdout
            .split(b'\n')
            .map(|line| serde_json::from_slice::<Value>(&line.unwrap()).ok().map(canonical))
            .collect();
        assert_eq!(answers.len(), texts.len(), "the oracle answers every text");
        child.wait().unwrap();
        answers
    })
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for at in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * at) & 63) as usize];
            out.push(if at > group.len() { '=' } else { char::from(digit) });
        }
    }
    out
}

/// A small generator, so that a seed means the same texts everywhere (`SplitMix64`).
struct Random(u64);

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
fn mutant(random: &mut Random) -> Vec<u8> {
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
fn hostile_value(random: &mut Random) -> Value {
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
