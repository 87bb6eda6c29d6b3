//! What the README shows is what happens.
//!
//! In: README.md. Out: a failure for a command that fails, a line of output that did not appear, an excerpt that its file
//! does not hold, or an edit that is answered otherwise. Commands run in a copy of what they need.
//!
//! - In a `console` block `$` begins a command and the lines below are its output, in order; `…` stands for any lines.
//! - A `yaml` block begins with the path of the file it is cut from.
//! - A `diff` block begins with the path of the file it edits; the next `text` block is what `check` says then.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// What the commands read.
const NEEDED: &str = "fixtures";

/// The bank has an exception that ends; a test must not turn red on that day.
const AS_OF: &str = "2026-11-22";

struct Block {
    language: String,
    lines: Vec<String>,
}

/// Returns the fenced blocks of the README.
fn blocks() -> Vec<Block> {
    let text = fs::read_to_string(root().join("README.md")).unwrap().replace("\r\n", "\n");
    let mut blocks: Vec<Block> = Vec::new();
    let mut is_open = false;
    for line in text.lines() {
        match line.strip_prefix("```") {
            Some(_) if is_open => is_open = false,
            Some(language) => {
                blocks.push(Block { language: language.to_owned(), lines: Vec::new() });
                is_open = true;
            }
            None if is_open => blocks.last_mut().unwrap().lines.push(line.to_owned()),
            None => {}
        }
    }
    assert!(!is_open, "a block of the README is never closed");
    blocks
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// Copies what the commands read.
fn copy() -> TempDir {
    let folder = TempDir::new().unwrap();
    copy_tree(&root().join(NEEDED), &folder.path().join(NEEDED));
    folder
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (entry, target) = (entry.as_ref().unwrap().path(), to.join(entry.as_ref().unwrap().file_name()));
        if entry.is_dir() {
            copy_tree(&entry, &target);
        } else {
            fs::copy(&entry, &target).unwrap();
        }
    }
}

/// Runs the binary the way a reader's shell would, without the settings of this machine.
fn ringfence(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringfence"));
    for name in ["RINGFENCE_FORMAT", "RINGFENCE_AS_OF", "RAYON_NUM_THREADS", "FORCE_COLOR", "CLICOLOR_FORCE"] {
        command.env_remove(name);
    }
    command.current_dir(folder).env("NO_COLOR", "1").env("COLUMNS", "120").args(arguments);
    command.output().unwrap()
}

/// Runs one command of a `console` block and returns everything it printed.
fn run(line: &str, folder: &Path) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words.as_slice() {
        // This is running already.
        ["cargo", "test"] => String::new(),
        ["cargo", "run", "--", arguments @ ..] => {
            let output = ringfence(folder, arguments);
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(0), "`{line}` failed:\n{said}");
            String::from_utf8(output.stdout).unwrap() + &said
        }
        ["cat", path] => fs::read_to_string(folder.join(path)).unwrap_or_else(|error| panic!("`{line}`: {error}")),
        _ => panic!("the README holds a command that this test cannot run: `{line}`"),
    }
}

/// Says where `shown`, with `…` for any lines, differs from what was printed.
fn compare(shown: &[String], printed: &str) -> Result<(), String> {
    let mut rest: Vec<&str> = printed.lines().map(str::trim_end).collect();
    let mut may_skip = false;
    for line in shown.iter().map(|line| line.trim_end()) {
        if line == "…" {
            may_skip = true;
            continue;
        }
        let skipped = if may_skip { rest.iter().position(|printed| *printed == line) } else { Some(0) };
        match skipped {
            Some(at) if rest.get(at) == Some(&line) => drop(rest.drain(..=at)),
            _ => return Err(format!("shown and not printed: `{line}`\nprinted:\n{printed}")),
        }
        may_skip = false;
    }
    Ok(())
}

#[test]
fn every_command_runs_and_prints_what_is_shown() {
    let folder = copy();
    let mut commands = 0;
    for block in blocks().iter().filter(|block| block.language == "console") {
        let mut lines = block.lines.iter().peekable();
        while let Some(line) = lines.next() {
            let command = line.strip_prefix("$ ").unwrap_or_else(|| panic!("output of no command: `{line}`"));
            let mut shown = Vec::new();
            while let Some(line) = lines.next_if(|line| !line.starts_with("$ ")) {
                shown.push(line.clone());
            }
            let printed = run(command, folder.path());
            // Whatever follows what is shown may be left out.
            compare(&shown, &printed).unwrap_or_else(|difference| panic!("`{command}`: {difference}"));
            commands += 1;
        }
    }
    assert!(commands >= 2, "the README names no commands");
}

#[test]
fn every_excerpt_is_cut_from_its_file() {
    for block in blocks().iter().filter(|block| block.language == "yaml") {
        let (first, excerpt) = block.lines.split_first().unwrap();
        let path = first.strip_prefix("# ").unwrap_or_else(|| panic!("an excerpt of no file: `{first}`"));
        let text = fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("`{path}`: {error}"));
        assert!(text.contains(&excerpt.join("\n")), "`{path}` does not hold:\n{}", excerpt.join("\n"));
    }
}

#[test]
fn every_edit_is_answered_as_shown() {
    let blocks = blocks();
    let mut edits = 0;
    for (at, block) in blocks.iter().enumerate().filter(|(_, block)| block.language == "diff") {
        let folder = copy();
        let (first, edit) = block.lines.split_first().unwrap();
        let path = first.strip_prefix("# ").unwrap_or_else(|| panic!("an edit of no file: `{first}`"));
        apply(&folder.path().join(path), edit);
        let project: String = path.split('/').take(2).collect::<Vec<_>>().join("/");
        let output = ringfence(folder.path(), &["check", &project, "--as-of", AS_OF]);
        assert_eq!(output.status.code(), Some(1), "the edit of `{path}` is not refused");
        let printed = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        let answer = blocks[at..].iter().find(|block| block.language == "text").unwrap();
        compare(&answer.lines, &printed).unwrap_or_else(|difference| panic!("the edit of `{path}`: {difference}"));
        edits += 1;
    }
    assert!(edits > 0, "the README shows no conflict");
}

/// Adds the lines with `+` behind the line with a space that stands before them.
fn apply(path: &Path, edit: &[String]) {
    let mut text = fs::read_to_string(path).unwrap();
    let mut before = String::new();
    for line in edit {
        let (sign, rest) = line.split_at(1);
        if sign == "+" {
            let place = text.find(&before).map(|at| at + before.len());
            text.insert_str(place.unwrap_or_else(|| panic!("`{before}` is not in the file")), &format!("{rest}\n"));
        }
        before = format!("{rest}\n");
    }
    fs::write(path, text).unwrap();
}
