//! Compares our YAML reader and emitter with other readers on texts nobody wrote.
//!
//! In: the command of a reader that answers Base64 lines with JSON lines, a count and a seed; or that command and
//! directories with real files. Out: counts, and every text that two readers accept and read differently; exit 1 if
//! there is one. With `SHOW=ours` or `SHOW=theirs` it prints what only one of them accepts. See
//! `tests/oracle/yaml/run.sh`.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test driver: whatever goes wrong should stop it"
)]

mod mutate;
#[path = "../../tests/yaml_seeds/mod.rs"]
mod seeds;

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use mutate::{Random, hostile_value, mutant};
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
            let gap = ours.is_some() != theirs.is_some();
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
