//! What stops a change: hooks before a commit, workflows before a merge.

use std::fs;
use std::path::{Path, PathBuf};

use git2::Repository;

use super::Line;

/// Where managers of hooks say what they run, from the root of the checkout.
const MANAGERS: [(&str, &str); 8] = [
    (".pre-commit-config.yaml", "pre-commit or prek"),
    (".pre-commit-config.yml", "pre-commit or prek"),
    ("prek.toml", "prek"),
    ("lefthook.yml", "lefthook"),
    ("lefthook.yaml", "lefthook"),
    (".lefthook.yml", "lefthook"),
    (".husky/pre-commit", "husky"),
    (".husky/pre-push", "husky"),
];

/// Where workflows are.
const WORKFLOWS: [&str; 2] = [".github/workflows", ".forgejo/workflows"];

pub(super) fn lines(root: &Path) -> Vec<Line> {
    vec![hooks(root), workflows(root)]
}

fn hooks(root: &Path) -> Line {
    let named: Vec<&str> =
        MANAGERS.iter().filter(|(file, _)| names_us(&root.join(file))).map(|(_, manager)| *manager).collect();
    let installed: Vec<&str> = ["pre-commit", "pre-push"]
        .into_iter()
        .filter(|hook| hook_file(root, hook).is_some_and(|file| file.is_file()))
        .collect();
    let ours = |hook: &&str| hook_file(root, hook).is_some_and(|file| names_us(&file));
    match (named.first(), installed.as_slice()) {
        (None, installed) if installed.iter().any(ours) => {
            Line::good("hooks", format!("git runs ringfence: {}", installed.join(", ")))
        }
        (None, _) => Line::note(
            "hooks",
            "no hook runs ringfence before a commit",
            "docs/hooks.md has one for each manager of hooks",
        ),
        (Some(manager), []) => Line::bad(
            "hooks",
            format!("{manager} is to run ringfence, and is not installed in this clone"),
            "as in `pre-commit install --hook-type pre-commit --hook-type pre-push`",
        ),
        (Some(manager), installed) => {
            Line::good("hooks", format!("{manager} runs ringfence: {}", installed.join(", ")))
        }
    }
}

/// Returns where git looks for a hook.
fn hook_file(root: &Path, hook: &str) -> Option<PathBuf> {
    let repository = Repository::open(root).ok()?;
    let folder = repository.config().ok().and_then(|config| config.get_path("core.hooksPath").ok());
    let folder = folder.map_or_else(|| repository.commondir().join("hooks"), |folder| root.join(folder));
    Some(folder.join(hook))
}

fn workflows(root: &Path) -> Line {
    let of_folder = |folder: &str| -> Vec<String> {
        let entries = fs::read_dir(root.join(folder)).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries
            .filter(|entry| names_us(&entry.path()))
            .map(|entry| format!("{folder}/{}", entry.file_name().to_string_lossy()))
            .collect();
        names.sort();
        names
    };
    let mut found: Vec<String> = WORKFLOWS.iter().flat_map(|folder| of_folder(folder)).collect();
    found.extend(
        [".gitlab-ci.yml", "Jenkinsfile"].into_iter().filter(|file| names_us(&root.join(file))).map(str::to_owned),
    );
    match found.is_empty() {
        true => Line::note("workflow", "no workflow runs ringfence before a merge", "docs/action.md has one"),
        false => Line::good("workflow", found.join(", ")),
    }
}

/// Tells whether a file speaks of this program.
fn names_us(file: &Path) -> bool {
    fs::read_to_string(file).is_ok_and(|text| text.contains("ringfence"))
}
