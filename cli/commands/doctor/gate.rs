//! What stops a change: hooks before a commit, workflows before a merge.

use std::fs;
use std::path::{Path, PathBuf};

use git2::Repository;

use super::Line;

/// A manager of hooks: its name, the files in which it is told what to run, from the root of the checkout, a word that hooks of its making
/// hold, and what installs them.
struct Manager {
    name: &'static str,
    files: &'static [&'static str],
    words: &'static [&'static str],
    install: &'static str,
}

const MANAGERS: [Manager; 3] = [
    Manager {
        name: "pre-commit or prek",
        files: &[".pre-commit-config.yaml", ".pre-commit-config.yml", "prek.toml"],
        words: &["pre-commit", "prek"],
        install: "`pre-commit install --hook-type pre-commit --hook-type pre-push`, or the same with `prek`",
    },
    Manager {
        name: "lefthook",
        files: &["lefthook.yml", "lefthook.yaml", ".lefthook.yml"],
        words: &["lefthook"],
        install: "`lefthook install`",
    },
    Manager {
        name: "husky",
        files: &[".husky/pre-commit", ".husky/pre-push"],
        words: &["husky", "/h\""],
        install: "`npx husky`",
    },
];

/// What runs before a push, in words that tell it.
const PUSHED: [&str; 3] = ["--pushed", "ringfence-prove", "pre-push"];

/// Where workflows are.
const WORKFLOWS: [&str; 2] = [".github/workflows", ".forgejo/workflows"];

pub(super) fn lines(root: &Path) -> Vec<Line> {
    vec![hooks(root), workflows(root)]
}

fn hooks(root: &Path) -> Line {
    let told = |manager: &Manager| -> Vec<String> {
        let files = manager.files.iter().map(|file| root.join(file));
        files.filter_map(|file| spoken(&file)).filter(|text| text.contains("ringfence")).collect()
    };
    let Some((manager, told)) =
        MANAGERS.iter().map(|manager| (manager, told(manager))).find(|(_, told)| !told.is_empty())
    else {
        let ours: Vec<&str> = HOOKS.into_iter().filter(|hook| runs(root, hook, &["ringfence"])).collect();
        return match ours.is_empty() {
            true => Line::note(
                "hooks",
                "no hook runs ringfence before a commit",
                "docs/hooks.md of github.com/ringfence/ringfence has one for each manager of hooks",
            ),
            false => Line::good("hooks", format!("git runs ringfence: {}", ours.join(", "))),
        };
    };
    let is_for_push = |text: &String| PUSHED.iter().any(|word| text.contains(word));
    let is_wanted = |hook: &&str| *hook == "pre-commit" || told.iter().any(is_for_push);
    let missing = |hook: &&str| !runs(root, hook, manager.words);
    let missing: Vec<&str> = HOOKS.into_iter().filter(is_wanted).filter(missing).collect();
    let wanted: Vec<&str> = HOOKS.into_iter().filter(is_wanted).collect();
    match missing.is_empty() {
        true => Line::good("hooks", format!("{} runs ringfence: {}", manager.name, wanted.join(", "))),
        false => Line::bad(
            "hooks",
            format!("{} is to run ringfence, and this clone has no hook of it: {}", manager.name, missing.join(", ")),
            manager.install,
        ),
    }
}

/// The hooks that matter here.
const HOOKS: [&str; 2] = ["pre-commit", "pre-push"];

/// Tells whether git runs a hook that speaks of one of these words.
fn runs(root: &Path, hook: &str, words: &[&str]) -> bool {
    let Some(file) = hook_file(root, hook).filter(|file| is_executable(file)) else { return false };
    fs::read_to_string(file).is_ok_and(|text| words.iter().any(|word| text.contains(word)))
}

#[cfg(unix)]
fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(file).is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(file: &Path) -> bool {
    file.is_file()
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
        true => Line::note(
            "workflow",
            "no workflow runs ringfence before a merge",
            "docs/action.md of github.com/ringfence/ringfence has one",
        ),
        false => Line::good("workflow", found.join(", ")),
    }
}

/// Tells whether a file speaks of this program, beside its comments.
fn names_us(file: &Path) -> bool {
    spoken(file).is_some_and(|text| text.contains("ringfence"))
}

/// Returns what a file says, but for comments.
fn spoken(file: &Path) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    Some(text.lines().filter(|line| !line.trim_start().starts_with('#')).collect::<Vec<_>>().join("\n"))
}
