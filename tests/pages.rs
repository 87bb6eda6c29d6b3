//! What the README and the pages of the book show is what happens.
//!
//! In: the pages. Out: a failure for a command that ends otherwise, a line of output that did not appear, an excerpt that its
//! file does not hold, or an edit that is answered otherwise. A page is run from top to bottom, in a copy of the fixtures.
//!
//! - In a `console` block `$` begins a command and the lines below are its output, in order; `…` stands for any lines, and in
//!   a line for any text. `# exit 1` names an exit code that is not 0. A command with no output below it is run all the same.
//! - A `yaml` or `sh` block begins with the path of the file it is cut from (`# path`), or that it is written to (`# file: path`).
//! - A `diff` block begins with the path of the file it edits. A `text` block that follows is what `check` says then, and the
//!   edit is undone; without one it stays.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

#[path = "pages/blocks.rs"]
mod blocks;
#[path = "pages/shell.rs"]
mod shell;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use blocks::{Block, Rest, compare};
use shell::Shell;

/// The day of edits that are tried: the bank has an exception that ends.
const AS_OF: &str = "2026-11-22";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// Makes a test of each page, and a list of them.
macro_rules! pages {
    ($($name:ident: $path:literal,)*) => {
        const PAGES: &[&str] = &[$($path),*];
        $(
            #[test]
            fn $name() {
                assert!(play($path, Shell::in_git(), Rest::Marked) > 0, "{} shows nothing that is run", $path);
            }
        )*
    };
}

pages! {
    the_tour: "docs/tour.md",
    concepts: "docs/concepts.md",
    recipes_for_security: "docs/recipes/security.md",
    recipes_for_applications: "docs/recipes/application.md",
    recipes_for_platforms: "docs/recipes/platform.md",
    recipes_for_auditors: "docs/recipes/auditor.md",
    from_tetrate_service_bridge: "docs/from-tsb.md",
    from_plain_istio: "docs/from-istio.md",
}

#[test]
fn the_readme() {
    assert!(play("README.md", Shell::in_git(), Rest::LeftOut) > 2, "the README shows nothing that is run");
}

#[test]
fn no_page_with_commands_of_ours_is_left_out() {
    let mut shown = BTreeSet::new();
    for folder in ["docs", "docs/recipes"] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let path = format!("{folder}/{}", entry.unwrap().file_name().into_string().unwrap());
            let runs = |block: &Block| {
                block.language == "console" && block.lines.iter().any(|line| line.starts_with("$ ringfence"))
            };
            if path.ends_with(".md") && blocks::read(&path).iter().any(runs) {
                shown.insert(path);
            }
        }
    }
    let played = PAGES.iter().map(|page| (*page).to_owned()).collect();
    assert_eq!(shown, played, "what shows commands, and what is played");
}

/// Plays a page from top to bottom; returns how many commands and edits were run and excerpts compared.
fn play(page: &str, mut shell: Shell, rest: Rest) -> usize {
    let blocks = blocks::read(page);
    let mut played = 0;
    for (number, block) in blocks.iter().enumerate() {
        let place = format!("{page}:{}", block.at);
        match block.language.as_str() {
            "console" => {
                for told in block.commands() {
                    let answer = shell.run(&told.line);
                    assert_eq!(answer.code, told.code, "{place}: exit code of `{}`:\n{}", told.line, answer.printed);
                    let compared = compare(&told.shown, &answer.printed, rest);
                    compared.unwrap_or_else(|difference| panic!("{place}: `{}`: {difference}", told.line));
                    played += 1;
                }
            }
            "yaml" | "sh" => {
                let (path, lines) = block.file();
                match path.strip_prefix("file: ") {
                    Some(path) => shell.write(path, lines),
                    None => {
                        let text = fs::read_to_string(shell.path(path));
                        let text = text.unwrap_or_else(|error| panic!("{place}: `{path}`: {error}"));
                        assert!(text.contains(&lines.join("\n")), "{place}: `{path}` does not hold the excerpt");
                    }
                }
                played += 1;
            }
            "diff" => {
                let (path, edit) = block.file();
                match blocks.get(number + 1).filter(|next| next.language == "text") {
                    Some(answer) => try_edit(path, edit, &answer.lines),
                    None => shell.edit(path, edit),
                }
                played += 1;
            }
            // Drawings, and answers to edits.
            "text" => {}
            other => panic!("{place}: nobody knows how to test a block of `{other}`"),
        }
    }
    played
}

/// Makes an edit in a copy of its own, and compares what `check` says of the project.
fn try_edit(path: &str, edit: &[String], answer: &[String]) {
    let mut shell = Shell::new();
    shell.edit(path, edit);
    let project: Vec<&str> = path.split('/').take(2).collect();
    let checked = shell.run(&format!("ringfence check {} --as-of {AS_OF}", project.join("/")));
    assert_eq!(checked.code, 1, "the edit of `{path}` is not refused");
    compare(answer, &checked.printed, Rest::LeftOut)
        .unwrap_or_else(|difference| panic!("the edit of `{path}`: {difference}"));
}

#[test]
fn what_is_not_shown_as_it_was_printed_is_noticed() {
    let told = |shown: &str, printed: &str| {
        compare(&shown.lines().map(str::to_owned).collect::<Vec<_>>(), printed, Rest::Marked)
    };
    assert_eq!(told("a\nb", "a\nb\n"), Ok(()));
    assert_eq!(told("a\n…\nc", "a\nb\nc\n"), Ok(()));
    assert_eq!(told("by (…) in …", "by (8de712a Rosa) in x\n"), Ok(()));
    for (shown, printed) in
        [("a", "a\nb"), ("a\nc", "a\nb\nc"), ("b\n…\na", "a\nb"), ("by (…) in x", "by (1) in y"), ("a", "")]
    {
        assert!(told(shown, printed).is_err(), "`{shown}` is shown of `{printed}`");
    }
}
