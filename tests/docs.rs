//! The pages for people name what exists.
//!
//! In: every Markdown page of ours, and `action.yml`. Out: a failure for a path, a link, a code, a kind or an option that
//! is not there, and for an example of the language that the reader refuses.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ringfence_compiler::diagnostics::{Diagnostics, codes};
use ringfence_compiler::document::{KINDS, Policy};
use ringfence_compiler::source::{SourceFile, Sources};
use ringfence_compiler::spec::reference::NodePath;
use ringfence_compiler::yaml::{self, Profile};

/// The first parts of paths in this repository; a word in backticks that begins otherwise is no path.
const ROOTS: [&str; 9] =
    [".ci/", "action/", "cli/", "compiler/", "docs/", "fixtures/", "schemas/", "tests/", "verifier/"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// Returns every page with its path from the root.
fn pages() -> Vec<(String, String)> {
    let mut paths: Vec<String> = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(str::to_owned).to_vec();
    for folder in ["docs", "docs/decisions", "docs/recipes"] {
        let entries = fs::read_dir(root().join(folder)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        paths.extend(names.filter(|name| name.ends_with(".md")).map(|name| format!("{folder}/{name}")));
    }
    paths.sort();
    let read = |path: String| {
        let text = fs::read_to_string(root().join(&path)).unwrap().replace("\r\n", "\n");
        (path, text)
    };
    paths.into_iter().map(read).collect()
}

/// Returns a page without its fenced blocks, and the blocks with their languages.
fn split(text: &str) -> (String, Vec<(String, String)>) {
    let (mut words, mut blocks) = (String::new(), Vec::new());
    let mut open: Option<(String, String)> = None;
    for line in text.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(language), None) => open = Some((language.to_owned(), String::new())),
            (None, Some((_, block))) => *block += &format!("{line}\n"),
            (None, None) => words += &format!("{line}\n"),
        }
    }
    assert!(open.is_none(), "a block is never closed");
    (words, blocks)
}

/// Returns what stands between backticks.
fn quoted(words: &str) -> impl Iterator<Item = &str> {
    words.split('`').skip(1).step_by(2)
}

/// Returns what links into a page may name: its headings as code hosts write them, and the anchors that are written out.
fn anchors(text: &str) -> BTreeSet<String> {
    let (words, _) = split(&text.replace("\r\n", "\n"));
    let headings = words
        .lines()
        .filter_map(|line| line.trim_start_matches('#').strip_prefix(' ').filter(|_| line.starts_with('#')));
    let slug = |heading: &str| -> String {
        let kept = heading
            .to_lowercase()
            .chars()
            .filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c))
            .collect::<String>();
        kept.replace(' ', "-")
    };
    let written = words.split("<a id=\"").skip(1).filter_map(|rest| rest.split_once('"')).map(|(id, _)| id.to_owned());
    headings.map(slug).chain(written).collect()
}

fn page(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

#[test]
fn every_path_a_page_names_exists() {
    for (page, text) in pages() {
        let (words, _) = split(&text);
        for path in quoted(&words).filter(|word| ROOTS.iter().any(|root| word.starts_with(root))) {
            // A command line is a path and what follows it.
            let path = path.split_whitespace().next().unwrap();
            assert!(root().join(path).exists(), "{page} names `{path}`, which is not there");
        }
    }
}

#[test]
fn every_link_leads_somewhere() {
    for (page, text) in pages() {
        let (words, _) = split(&text);
        for link in words.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link) {
            if link.starts_with("https://") {
                continue;
            }
            let folder = root().join(&page).parent().unwrap().to_owned();
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { root().join(&page) } else { folder.join(file) };
            assert!(target.exists(), "{page} links to `{link}`, which is not there");
            let is_there = anchor.is_empty() || anchors(&fs::read_to_string(&target).unwrap()).contains(anchor);
            assert!(is_there, "{page} links to `{link}`, and `{file}` has no such heading");
        }
    }
}

#[test]
fn every_code_a_page_names_is_a_code() {
    let stages: BTreeSet<&str> = codes::all().iter().filter_map(|code| Some(code.id.split_once('/')?.0)).collect();
    for (page, text) in pages() {
        let (words, _) = split(&text);
        for word in quoted(&words) {
            let is_code = word.split_once('/').is_some_and(|(stage, name)| {
                stages.contains(stage) && !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '-')
            });
            assert!(!is_code || codes::find(word).is_some(), "{page} names `{word}`, which is no code");
        }
    }
}

#[test]
fn the_language_page_names_every_kind() {
    let (words, _) = split(&page("docs/language.md"));
    let named: BTreeSet<&str> = quoted(&words).collect();
    for kind in KINDS {
        assert!(named.contains(kind), "docs/language.md does not name `{kind}`");
    }
}

#[test]
fn every_example_of_the_language_is_read() {
    let (_, blocks) = split(&page("docs/language.md"));
    let whole: Vec<_> =
        blocks.iter().filter(|(language, text)| language == "yaml" && text.starts_with("apiVersion:")).collect();
    assert!(whole.len() >= 4, "docs/language.md shows few documents");
    for (_, text) in whole {
        let (mut sources, mut said) = (Sources::new(), Diagnostics::new());
        let file = sources.add(SourceFile::new("docs/language.md", text.as_bytes().to_vec()));
        for document in yaml::read(&sources, file, Profile::Policy, &mut said) {
            let _ = Policy::default().add(&NodePath::root(), &document.root, &mut said);
        }
        let said: Vec<_> = said.sorted(&sources).iter().map(|diagnostic| diagnostic.message().to_owned()).collect();
        assert!(said.is_empty(), "{said:?} is said of:\n{text}");
    }
}

/// What the action takes for itself; each other input is an option of the command line.
const INPUTS_OF_ITS_OWN: [&str; 6] = ["base", "comment", "downloads", "sarif-file", "token", "version"];

#[test]
fn every_input_of_the_action_is_an_option() {
    let help = |command: &str| {
        let help = Command::new(env!("CARGO_BIN_EXE_ringfence")).args([command, "--help"]).output().unwrap();
        String::from_utf8(help.stdout).unwrap()
    };
    let (check, diff) = (help("check"), help("diff"));
    let (mut sources, mut said) = (Sources::new(), Diagnostics::new());
    let file = sources.add(SourceFile::new("action.yml", page("action.yml").into_bytes()));
    let documents = yaml::read(&sources, file, Profile::Policy, &mut said);
    let entries = |name: &str| {
        let mapping = documents[0].root.get(name).and_then(|found| found.as_mapping()).unwrap();
        mapping.entries().iter().map(|entry| entry.key.value.clone()).collect::<Vec<String>>()
    };
    let inputs = entries("inputs");
    for name in INPUTS_OF_ITS_OWN {
        assert!(inputs.iter().any(|input| input == name), "the action has no input `{name}`");
    }
    for name in inputs.iter().filter(|name| !INPUTS_OF_ITS_OWN.contains(&name.as_str())) {
        // `fail-on-gain` is `--exit-code` of `diff`, by the name that says beside `fail-on` what it is.
        let (command, help, option) = match name.as_str() {
            "path" => ("check", &check, "[PATH]".to_owned()),
            "fail-on-gain" => ("diff", &diff, "--exit-code".to_owned()),
            name => ("check", &check, format!("--{name} ")),
        };
        assert!(help.contains(&option), "`ringfence {command}` has no `{option}`");
    }
    let page = page("docs/action.md");
    for name in inputs.iter().chain(&entries("outputs")) {
        assert!(page.contains(&format!("`{name}`")), "docs/action.md does not name `{name}`");
    }
}

/// What a stranger writes into a pull request must not be run: what is not ours reaches a script through its environment alone.
#[test]
fn every_expression_of_the_action_is_a_variable() {
    let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    for line in page("action.yml").lines().filter(|line| line.contains("${{")) {
        let (key, value) = line.trim_start().split_once(": ").unwrap_or(("", ""));
        let inside = value.strip_prefix("${{ ").and_then(|rest| rest.strip_suffix(" }}")).unwrap_or("");
        let taken = match key {
            // What the action gives out is what its last step has written.
            "value" => inside.strip_prefix("steps.verdict.outputs.").is_some_and(is_name),
            "default" => inside == "github.token",
            // A condition stands without braces, as do the rest.
            _ => !key.is_empty() && key.chars().all(|c| c.is_ascii_uppercase() || c == '_') && !inside.is_empty(),
        };
        assert!(taken, "action.yml holds an expression outside of `env`: {line}");
    }
    // What a script is called by is the same line for all.
    for line in page("action.yml").lines().filter(|line| line.trim_start().starts_with("run:")) {
        let script =
            line.trim().strip_prefix("run: bash \"$ACTION_PATH/action/").and_then(|rest| rest.strip_suffix(".sh\""));
        assert!(script.is_some_and(is_name), "action.yml runs more than a script: {line}");
    }
}
