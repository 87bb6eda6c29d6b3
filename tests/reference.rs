//! `docs/cli.md` is what the commands say of themselves.
//!
//! In: the help of every command. Out: a failure that names the first line that differs. `UPDATE_GENERATED=1 cargo test
//! --test reference` rewrites the page, which is so the snapshot of every help.

#![allow(clippy::unwrap_used, reason = "the helpers of a test fail like the test")]

use std::fs;
use std::path::Path;
use std::process::Command;

/// Says how to bring the page up to date.
const HOW: &str = "`UPDATE_GENERATED=1 cargo test --test reference` brings it up to date";

/// Every command, in the order of the help.
const COMMANDS: [&str; 25] = [
    "init",
    "check",
    "compile",
    "key",
    "sign",
    "verify",
    "publish",
    "drift",
    "push",
    "effective",
    "reach",
    "matrix",
    "exposed",
    "blast",
    "paths",
    "posture",
    "diff",
    "impact",
    "explain",
    "checks",
    "patterns",
    "schema",
    "doctor",
    "completions",
    "man",
];

fn help(words: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_ringfence")).args(words).arg("--help").env_clear().output().unwrap();
    assert!(output.status.success(), "{words:?}");
    assert!(output.stderr.is_empty(), "{words:?}");
    let text = String::from_utf8(output.stdout).unwrap().replace("ringfence.exe", "ringfence");
    text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn page() -> String {
    let mut page = String::from(
        "# The command line\n\n\
         What each command says of itself. Data goes to standard output, words for people to standard error; the order of\n\
         everything is the same on every machine.\n",
    );
    page.push_str(&format!("\n```text\n{}```\n", help(&[])));
    for command in COMMANDS {
        page.push_str(&format!("\n## {command}\n\n```text\n{}```\n", help(&[command])));
    }
    page
}

#[test]
fn the_reference_is_what_the_commands_say() {
    let (file, expected) = (Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cli.md"), page());
    if std::env::var_os("UPDATE_GENERATED").is_some_and(|value| value == "1") {
        fs::write(&file, expected).unwrap();
        return;
    }
    // A checkout may have turned the line ends.
    let found = fs::read_to_string(&file).unwrap_or_default().replace("\r\n", "\n");
    let same = found.lines().zip(expected.lines()).take_while(|(found, expected)| found == expected).count();
    let line = |text: &str| text.lines().nth(same).unwrap_or("<end of file>").to_owned();
    assert!(
        found == expected,
        "docs/cli.md:{}: found `{}`, expected `{}`\n{HOW}",
        same + 1,
        line(&found),
        line(&expected)
    );
}

#[test]
fn every_command_has_a_page_with_examples_and_exit_codes() {
    let all = help(&[]);
    let listed: Vec<_> = all
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .filter(|command| *command != "help")
        .collect();
    assert_eq!(listed, COMMANDS);
    for command in COMMANDS {
        let help = help(&[command]);
        assert!(help.contains("\nExamples:\n  ringfence ") && help.contains("\nExit codes:\n  0  "), "{command}");
        assert!(help.lines().next().is_some_and(|line| line.ends_with(|c: char| c.is_alphanumeric() || c == '.')));
    }
}
