//! The story of `fixtures/tsb`, played as its README tells it.
//!
//! In: the README. Its blocks that begin with `# file: <path>` are written over a copy of the folder, one after the other,
//! and its `console` blocks are run there. Out: a failure when a command prints anything else than the README shows.
//! `UPDATE_GENERATED=1 cargo test --test tsb` rewrites what it shows.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers of a test fail like the test"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

#[test]
fn the_story_goes_as_the_readme_tells_it() {
    let readme = fixture().join("README.md");
    let told = fs::read_to_string(&readme).unwrap().replace("\r\n", "\n");
    let played = play(&told, copy().path());
    if std::env::var_os("UPDATE_GENERATED").is_some_and(|value| value == "1") {
        fs::write(&readme, &played).unwrap();
    }
    assert_eq!(told, played, "`UPDATE_GENERATED=1 cargo test --test tsb` rewrites the README");
}

#[test]
fn the_build_stands_and_falls_with_the_exception() {
    let readme = fs::read_to_string(fixture().join("README.md")).unwrap().replace("\r\n", "\n");
    let folder = copy();
    let check = |day: &str| run(folder.path(), &format!("ringfence check --as-of {day} --format concise"));
    // Each chapter leaves its files behind.
    let chapters: Vec<_> = readme.split("\n## ").skip(1).map(|chapter| play(chapter, folder.path())).collect();
    assert_eq!(chapters.len(), 4, "the steps of the story");
    assert!(!check("2027-01-31").contains("[exit 1]"), "the exception holds on its last day");

    let after = check("2027-02-01");
    assert!(after.contains("error[resolve/exception-expired]"), "{after}");
    assert!(after.contains("policy/payments/batch/services.yaml"), "the line that asks: {after}");
    fs::remove_file(folder.path().join("policy/payments/exceptions.yaml")).unwrap();
    let without = check("2026-11-22");
    assert!(without.contains("error[resolve/widens-mandate]") && without.contains("[exit 1]"), "{without}");
    fs::remove_file(folder.path().join("policy/payments/batch/services.yaml")).unwrap();
    assert!(!check("2026-11-22").contains("[exit 1]"), "the folder as it is committed has no errors");
}

/// Writes the files and runs the commands of a text; returns it with what they printed.
fn play(text: &str, folder: &Path) -> String {
    let mut played = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        played.push_str(&format!("{line}\n"));
        let Some(language) = line.strip_prefix("```") else { continue };
        let block: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
        if language == "console" {
            for command in block.iter().filter_map(|line| line.strip_prefix("$ ")) {
                played.push_str(&format!("$ {command}\n{}", run(folder, command)));
            }
        } else {
            if let Some(path) = block.first().and_then(|line| line.strip_prefix("# file: ")) {
                let path = folder.join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, format!("{}\n", block.join("\n"))).unwrap();
            }
            played.extend(block.iter().map(|line| format!("{line}\n")));
        }
        played.push_str("```\n");
    }
    played
}

/// Runs a line of a `console` block: our own binary, or `cat`.
fn run(folder: &Path, command: &str) -> String {
    let mut words = command.split(' ');
    match words.next() {
        Some("ringfence") => {
            let mut ringfence = Command::new(env!("CARGO_BIN_EXE_ringfence"));
            let output = ringfence.args(words).current_dir(folder).env_clear().output().unwrap();
            let mut said = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
            if !output.status.success() {
                said.push_str(&format!("[exit {}]\n", output.status.code().unwrap()));
            }
            said
        }
        Some("cat") => words.map(|path| fs::read_to_string(folder.join(path)).expect(path)).collect(),
        _ => panic!("the story knows no command `{command}`"),
    }
}

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/tsb")
}

/// Returns a copy of the folder that goes away.
fn copy() -> TempDir {
    fn walk(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
            let target = to.join(entry.file_name());
            if entry.path().is_dir() {
                walk(&entry.path(), &target);
            } else {
                fs::copy(entry.path(), target).unwrap();
            }
        }
    }
    let folder = TempDir::new().unwrap();
    walk(&fixture(), folder.path());
    folder
}
