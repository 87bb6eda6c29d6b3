//! The fenced blocks of a page.
//!
//! In: a page. Out: its blocks with their languages and the lines they begin at, and the commands of a `console` block with
//! what is shown below each.

use std::fs;

use crate::root;

pub struct Block {
    pub language: String,
    /// The line of the page it begins at.
    pub at: usize,
    pub lines: Vec<String>,
}

/// A command of a `console` block.
pub struct Told {
    pub line: String,
    pub shown: Vec<String>,
    /// The exit code that the page names in a last line `# exit 1`; 0 where it names none.
    pub code: i32,
}

/// Returns the fenced blocks of a page, from top to bottom.
pub fn read(page: &str) -> Vec<Block> {
    let text = fs::read_to_string(root().join(page)).unwrap_or_else(|error| panic!("`{page}`: {error}"));
    let mut blocks: Vec<Block> = Vec::new();
    let mut is_open = false;
    for (number, line) in text.lines().enumerate() {
        match line.strip_prefix("```") {
            Some(_) if is_open => is_open = false,
            Some(language) => {
                blocks.push(Block { language: language.to_owned(), at: number + 1, lines: Vec::new() });
                is_open = true;
            }
            None if is_open => blocks.last_mut().unwrap().lines.push(line.to_owned()),
            None => {}
        }
    }
    assert!(!is_open, "a block of `{page}` is never closed");
    blocks
}

impl Block {
    /// Returns the path that the first line names, and the lines below it.
    pub fn file(&self) -> (&str, &[String]) {
        let (first, rest) = self.lines.split_first().unwrap_or_else(|| panic!("line {}: an empty block", self.at));
        let path = first.strip_prefix("# ").unwrap_or_else(|| panic!("line {}: `{first}` names no file", self.at));
        (path, rest)
    }

    /// Returns the commands with what is shown of each.
    pub fn commands(&self) -> Vec<Told> {
        let mut told: Vec<Told> = Vec::new();
        for line in &self.lines {
            if let Some(command) = line.strip_prefix("$ ") {
                told.push(Told { line: command.to_owned(), shown: Vec::new(), code: 0 });
                continue;
            }
            let last = told.last_mut().unwrap_or_else(|| panic!("line {}: output of no command: `{line}`", self.at));
            match line.strip_prefix("# exit ") {
                Some(code) => last.code = code.parse().unwrap_or_else(|_| panic!("`{line}` is no exit code")),
                None => last.shown.push(line.clone()),
            }
        }
        told
    }
}

/// What may follow what is shown.
#[derive(Clone, Copy, PartialEq)]
pub enum Rest {
    /// Anything.
    LeftOut,
    /// Nothing, unless `…` says so.
    Marked,
}

/// Says where `shown`, with `…` for any lines and for any part of a line, differs from what was printed.
pub fn compare(shown: &[String], printed: &str, rest: Rest) -> Result<(), String> {
    let mut left: Vec<&str> = printed.lines().map(str::trim_end).collect();
    let mut may_skip = false;
    for line in shown.iter().map(|line| line.trim_end()) {
        if line == "…" {
            may_skip = true;
            continue;
        }
        let found = left.iter().position(|printed| fits(line, printed));
        match found {
            Some(at) if may_skip || at == 0 => drop(left.drain(..=at)),
            _ => return Err(format!("shown and not printed: `{line}`\nprinted:\n{printed}")),
        }
        may_skip = false;
    }
    while left.last().is_some_and(|line| line.is_empty()) {
        left.pop();
    }
    // A command without output below it is run for what it does.
    match left.first() {
        Some(line) if rest == Rest::Marked && !may_skip && !shown.is_empty() => {
            Err(format!("printed and not shown: `{line}`\nprinted:\n{printed}"))
        }
        _ => Ok(()),
    }
}

/// Whether a printed line is the shown one, in which `…` stands for anything.
fn fits(shown: &str, printed: &str) -> bool {
    let mut parts = shown.split('…');
    let Some(mut rest) = parts.next().and_then(|first| printed.strip_prefix(first)) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some((_, behind)) = rest.split_once(part) else { return false };
        rest = behind;
    }
    rest.ends_with(last)
}
