//! Runs the command and keeps what it said.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The day on which every fixture holds.
pub const DAY: &str = "2026-11-22";

/// What a run said and how it ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// Returns all of it, for a snapshot.
    pub fn all(&self) -> String {
        format!("exit {}\n---- standard output\n{}---- standard error\n{}", self.code, self.out, self.err)
    }

    /// Parses standard output.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.all()))
    }
}

/// Makes the command, without anything of the caller's environment.
pub fn command(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringfence"));
    command.args(words).env_clear().current_dir(root()).stdin(Stdio::null());
    command
}

/// Runs the command from the root of the repository.
pub fn ringfence(words: &[&str]) -> Ran {
    ran(command(words))
}

/// Runs a command that was made before.
pub fn ran(mut command: Command) -> Ran {
    let output = command.output().unwrap();
    Ran {
        code: output.status.code().expect("a run ends by itself"),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Returns the root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// Copies a fixture into a folder of its own.
pub fn copy(fixture: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy_below(&root().join("fixtures").join(fixture), folder.path());
    folder
}

fn copy_below(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir_all(&to).unwrap();
            copy_below(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), &to).unwrap();
        }
    }
}

/// Replaces a piece of a file that is there.
pub fn edit(folder: &Path, path: &str, from: &str, to: &str) {
    let file = folder.join(path);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(from), "{path} holds no `{from}`");
    fs::write(file, text.replacen(from, to, 1)).unwrap();
}

/// Returns every file below a folder, by path.
pub fn tree(folder: &Path) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let below = path.strip_prefix(folder).unwrap().to_str().unwrap().replace('\\', "/");
                files.push((below, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    files.sort();
    files
}

/// Returns a path as text.
pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Commits everything in a folder, which becomes a repository where it is none.
pub fn commit(folder: &Path, who: &str, seconds: i64) {
    let repository = git2::Repository::init(folder).unwrap();
    let mut index = repository.index().unwrap();
    index.add_all(["*"], git2::IndexAddOption::DEFAULT, None).unwrap();
    index.write().unwrap();
    let tree = repository.find_tree(index.write_tree().unwrap()).unwrap();
    let who = git2::Signature::new(who, "a@b.example", &git2::Time::new(seconds, 0)).unwrap();
    let parents: Vec<_> = repository.head().ok().and_then(|head| head.peel_to_commit().ok()).into_iter().collect();
    repository.commit(Some("HEAD"), &who, &who, "x", &tree, &parents.iter().collect::<Vec<_>>()).unwrap();
}
