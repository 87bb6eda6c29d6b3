//! Every diagnostic has a page, and every page is true.
//!
//! In: `fixtures/broken/<stage>/<name>/`, one small repository a code, and the binary. Out: a failure that names each
//! folder whose repository, page and rendering no longer agree. `UPDATE_GENERATED=1 cargo test --test broken` rewrites
//! the renderings. The conventions are in `fixtures/broken/README.md`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers of a test fail like the test"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use ringfence_compiler::diagnostics::{Code, Severity, codes};
use serde_json::Value;
use tempfile::TempDir;

/// What reports are said to be like.
static SCHEMA: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
    let text = include_str!("../schemas/reports/findings.json");
    jsonschema::draft7::new(&serde_json::from_str(text).unwrap()).unwrap()
});

/// The day every repository is checked for.
const AS_OF: &str = "2026-11-22";

/// Codes that no input can bring about, and why: they have a page and no repository.
const NO_REPOSITORY: &[(&str, &str)] = &[
    ("lowering/not-read-back", "a fault of the tool itself"),
    ("mesh/not-compared", "it takes hundreds of rules that overlap in many ways"),
    ("verify/not-as-meant", "a fault of the tool itself; verifier/tests plants such faults"),
];

/// Codes that cannot be had without others, and why.
const COMPANIONS: &[(&str, &[&str], &str)] = &[
    ("ignore/expired", &["lowering/not-in-mesh"], "what was ignored is said again"),
    ("ignore/malformed", &["lowering/not-in-mesh"], "what was to be ignored is said"),
    ("lowering/caller-not-in-mesh", &["lowering/not-in-mesh"], "the caller is a workload without a proxy itself"),
    ("yaml/too-many", &["yaml/ambiguous-scalar"], "it takes a hundred errors to bring it about"),
];

/// The headings of a page, in their order.
const HEADINGS: [&str; 4] = ["## What it finds", "## Why it matters", "## Example", "## How to fix"];

/// From how many lines on a rendering is kept abridged, and how many are kept at each end.
const LONG: (usize, usize) = (160, 24);

#[test]
fn every_code_has_a_folder_and_every_folder_a_code() {
    let wanted: BTreeSet<String> = codes::all().iter().map(|code| code.id.to_owned()).collect();
    let mut found = BTreeSet::new();
    for stage in folders(&fixtures()) {
        for name in folders(&fixtures().join(&stage)) {
            found.insert(format!("{stage}/{name}"));
        }
    }
    let missing: Vec<_> = wanted.difference(&found).collect();
    let stray: Vec<_> = found.difference(&wanted).collect();
    assert!(
        missing.is_empty() && stray.is_empty(),
        "codes without a folder: {missing:?}\nfolders without a code: {stray:?}"
    );
}

#[test]
fn every_page_has_its_title_and_four_headings() {
    each(codes::all(), |code| {
        let page = page(code)?;
        let count = page.lines().count();
        ensure((12..=70).contains(&count), || format!("the page has {count} lines"))?;
        ensure(page.lines().next() == Some(&format!("# {}", code.id)), || "the title is not the code".to_owned())?;
        let headings: Vec<_> = page.lines().filter(|line| line.starts_with('#') && !line.starts_with("# ")).collect();
        ensure(headings == HEADINGS, || format!("the headings are {headings:?}"))
    });
}

#[test]
fn every_repository_reports_its_code_and_nothing_else() {
    each(with_repository(), |code| {
        let copy = Copy::of(code)?;
        let companions = COMPANIONS.iter().find(|(id, ..)| *id == code.id).map_or(&[][..], |(_, others, _)| others);
        let reported = copy.reported();
        ensure(reported.iter().any(|(id, _)| id == code.id), || format!("not reported, but {reported:?}"))?;
        let others: Vec<_> = reported
            .iter()
            .filter(|(id, severity)| id != code.id && severity != "note" && !companions.contains(&id.as_str()))
            .collect();
        ensure(others.is_empty(), || format!("others are reported: {others:?}"))
    });
}

#[test]
fn every_rendering_is_as_expected() {
    let updating = std::env::var_os("UPDATE_GENERATED").is_some_and(|value| value == "1");
    each(with_repository(), |code| {
        let (text, exit) = Copy::of(code)?.check(code, "text");
        let rendering = abridged(&text);
        let file = folder(code).join("expected.txt");
        if updating {
            fs::write(&file, &rendering).map_err(|error| error.to_string())?;
        }
        let wanted = i32::from(code.severity == Severity::Error);
        ensure(exit == Some(wanted), || format!("ended with {exit:?}, not {wanted}:\n{text}"))?;
        let expected = fs::read_to_string(&file).unwrap_or_default().replace("\r\n", "\n");
        ensure(expected == rendering, || format!("expected.txt is not what is printed:\n{rendering}"))
    });
}

#[test]
fn what_a_page_shows_is_what_the_repository_holds_and_the_tool_says() {
    each(with_repository(), |code| {
        let page = page(code)?;
        let copy = Copy::of(code)?;
        let expected = fs::read_to_string(folder(code).join("expected.txt")).map_err(|error| error.to_string())?;
        let written = copy.text();
        for (language, block) in blocks(section(&page, "## Example")) {
            let whole = match language {
                "yaml" => &written,
                "text" => &expected,
                other => return Err(format!("the example has a block of `{other}`")),
            };
            for line in block.lines().map(str::trim).filter(|line| !line.is_empty() && *line != "…") {
                ensure(whole.contains(line), || format!("the example shows a line that is not there: `{line}`"))?;
            }
        }
        Ok(())
    });
}

#[test]
fn what_a_page_advises_mends_the_repository() {
    each(with_repository(), |code| {
        let page = page(code)?;
        let copy = Copy::of(code)?;
        let mut mended = 0;
        for (_, block) in blocks(section(&page, "## How to fix")) {
            let Some(path) = block.lines().next().and_then(|line| line.strip_prefix("# file: ")) else { continue };
            copy.write(path.trim(), block.as_bytes());
            mended += 1;
        }
        ensure(mended > 0, || "no block under `How to fix` begins with `# file: …`".to_owned())?;
        let left: Vec<_> =
            copy.reported().into_iter().filter(|(id, severity)| id == code.id || severity == "error").collect();
        ensure(left.is_empty(), || format!("still reported: {left:?}\n{}", copy.check(code, "text").0))
    });
}

#[test]
fn escapes_stand_for_bytes() {
    assert_eq!(unescape(b"a\\xE2\\x80\\xA8b\\\\n\n"), Ok(b"a\xe2\x80\xa8b\\n\n".to_vec()));
    assert!(unescape(b"\\n").is_err());
    assert!(unescape(b"\\xG0").is_err());
}

/// A repository of its own in a folder that goes away, with its escapes expanded.
struct Copy(TempDir);

impl Copy {
    fn of(code: &Code) -> Result<Self, String> {
        let from = folder(code);
        let copy = Self(TempDir::new().unwrap());
        for file in files(&from) {
            let name = file.strip_prefix(&from).unwrap().to_str().unwrap().replace('\\', "/");
            let bytes = fs::read(&file).unwrap();
            match name.strip_suffix(".escaped") {
                Some(name) => copy.write(name, &unescape(&bytes)?),
                None if name == "README.md" || name == "expected.txt" => {}
                None => copy.write(&name, &bytes),
            }
        }
        Ok(copy)
    }

    fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Returns what all files hold.
    fn text(&self) -> String {
        files(self.0.path()).iter().map(|file| String::from_utf8_lossy(&fs::read(file).unwrap()).into_owned()).collect()
    }

    /// Runs `ringfence check` and returns what it printed, and how it ended.
    fn check(&self, code: &Code, format: &str) -> (String, Option<i32>) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringfence"));
        command.arg("check").arg(self.0.path()).args(["--as-of", AS_OF, "--format", format]).env_clear();
        // A note is only counted otherwise.
        if code.severity == Severity::Note {
            command.arg("--verbose");
        }
        let output = command.output().unwrap();
        (String::from_utf8(output.stdout).unwrap(), output.status.code())
    }

    /// Returns the code and weight of everything reported.
    fn reported(&self) -> Vec<(String, String)> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringfence"));
        command.arg("check").arg(self.0.path()).args(["--as-of", AS_OF, "--format", "json"]).env_clear();
        let output = command.output().unwrap();
        let json: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
        let wrong = SCHEMA.iter_errors(&json).map(|error| format!("{}: {error}", error.instance_path()));
        let wrong: Vec<String> = wrong.collect();
        assert!(wrong.is_empty(), "the report is not of its schema: {}", wrong.join("\n"));
        let word = |diagnostic: &Value, key: &str| diagnostic[key].as_str().unwrap().to_owned();
        let list = json["diagnostics"].as_array().unwrap().iter();
        list.map(|diagnostic| (word(diagnostic, "code"), word(diagnostic, "severity"))).collect()
    }
}

/// Runs a check on each code and fails with everything that was objected to.
fn each(codes: Vec<&'static Code>, check: impl Fn(&'static Code) -> Result<(), String>) {
    let objections: Vec<_> =
        codes.into_iter().filter_map(|code| check(code).err().map(|why| format!("{}: {why}", code.id))).collect();
    assert!(objections.is_empty(), "{}", objections.join("\n"));
}

fn ensure(holds: bool, why: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(why()) }
}

/// Returns the codes that have a repository; those without are declared.
fn with_repository() -> Vec<&'static Code> {
    let is_declared = |code: &Code| NO_REPOSITORY.iter().any(|(id, _)| *id == code.id);
    codes::all().into_iter().filter(|code| !is_declared(code)).collect()
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/broken")
}

fn folder(code: &Code) -> PathBuf {
    fixtures().join(code.id)
}

fn page(code: &Code) -> Result<String, String> {
    let page = fs::read_to_string(folder(code).join("README.md")).map_err(|error| format!("README.md: {error}"))?;
    Ok(page.replace("\r\n", "\n"))
}

fn folders(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_dir());
    entries.map(|entry| entry.file_name().into_string().unwrap()).collect()
}

fn files(path: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<_> = fs::read_dir(path).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries.into_iter().flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Returns what stands below a heading.
fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let below = page.split_once(&format!("{heading}\n")).map_or("", |(_, below)| below);
    below.split_once("\n## ").map_or(below, |(section, _)| section)
}

/// Returns the language and text of each fenced block.
fn blocks(text: &str) -> Vec<(&str, String)> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let block = lines.by_ref().take_while(|line| !line.starts_with("```"));
            blocks.push((language, block.map(|line| format!("{line}\n")).collect()));
        }
    }
    blocks
}

/// Expands `\xNN` to a byte and `\\` to a backslash.
fn unescape(text: &[u8]) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let (byte, after) = match (first, after) {
            (b'\\', [b'\\', after @ ..]) => (b'\\', after),
            (b'\\', [b'x', high, low, after @ ..]) => {
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).ok();
                let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
                (byte.ok_or("an escape has two hexadecimal digits")?, after)
            }
            (b'\\', _) => return Err("an escape is `\\xNN` or `\\\\`".to_owned()),
            (byte, after) => (*byte, after),
        };
        bytes.push(byte);
        rest = after;
    }
    Ok(bytes)
}

/// Leaves out the middle of a rendering that nobody reads to its end.
fn abridged(text: &str) -> String {
    let lines: Vec<_> = text.lines().collect();
    let (long, kept) = LONG;
    if lines.len() <= long {
        return text.to_owned();
    }
    let (head, tail) = (&lines[..kept], &lines[lines.len() - kept..]);
    let between = format!("[{} lines]", lines.len() - 2 * kept);
    [head, &[between.as_str()], tail].concat().iter().map(|line| format!("{line}\n")).collect()
}
