//! A reader's shell: a copy of the fixtures, in which the commands of a page run one after the other.
//!
//! In: command lines and edits. Out: what each printed, and with which exit code it ended. Settings of this machine are left
//! out, and commits have one fixed date, so that a page shows the same everywhere.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::root;

/// What the commands read.
const NEEDED: &str = "fixtures";

/// When everything is committed; the bank has an exception that ends, and a test must not turn red on that day.
const DATE: &str = "2026-11-22T12:00:00Z";

/// What a command came to.
pub struct Answer {
    pub printed: String,
    pub code: i32,
}

pub struct Shell {
    folder: TempDir,
    /// Where `cd` led to.
    at: PathBuf,
}

impl Shell {
    /// Copies what commands read.
    pub fn new() -> Self {
        let folder = TempDir::new().unwrap();
        copy_tree(&root().join(NEEDED), &folder.path().join(NEEDED));
        let at = folder.path().to_owned();
        Self { folder, at }
    }

    /// Copies what commands read into a git repository with one commit.
    pub fn in_git() -> Self {
        let mut shell = Self::new();
        for line in ["git init -q -b main", "git add --all", "git commit -q -m Begin"] {
            let answer = shell.run(line);
            assert_eq!(answer.code, 0, "`{line}`: {}", answer.printed);
        }
        shell
    }

    /// Returns the path of a file that a page names.
    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Runs one command line.
    pub fn run(&mut self, line: &str) -> Answer {
        let words = words(line);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            // This is running already.
            ["cargo", "test"] => Answer { printed: String::new(), code: 0 },
            ["cargo", "run", "--", arguments @ ..] | ["ringfence", arguments @ ..] => {
                self.start(env!("CARGO_BIN_EXE_ringfence"), arguments)
            }
            ["git", arguments @ ..] => self.start("git", arguments),
            ["chmod", "+x", path] => {
                Self::allow_to_run(&self.at.join(path));
                Answer { printed: String::new(), code: 0 }
            }
            ["mkdir", "-p", folder] => {
                fs::create_dir_all(self.at.join(folder)).unwrap();
                Answer { printed: String::new(), code: 0 }
            }
            ["cp", "-r", from, to] => {
                copy_tree(&self.at.join(from), &self.at.join(to));
                Answer { printed: String::new(), code: 0 }
            }
            ["cp", from, to] => {
                fs::copy(self.at.join(from), self.at.join(to)).unwrap_or_else(|error| panic!("`{line}`: {error}"));
                Answer { printed: String::new(), code: 0 }
            }
            ["cat", path] => match fs::read_to_string(self.at.join(path)) {
                Ok(printed) => Answer { printed, code: 0 },
                Err(error) => panic!("`{line}`: {error}"),
            },
            ["cd", folder] => {
                self.at = self.at.join(folder);
                assert!(self.at.is_dir(), "`{line}`: there is no such folder");
                Answer { printed: String::new(), code: 0 }
            }
            _ => panic!("a page holds a command that this test cannot run: `{line}`"),
        }
    }

    fn start(&self, program: &str, arguments: &[&str]) -> Answer {
        let mut command = Command::new(program);
        let ours =
            |name: &str| ["RINGFENCE_", "GIT_", "RAYON_", "FORCE_", "CLICOLOR"].iter().any(|at| name.starts_with(at));
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(ours)) {
            command.env_remove(name);
        }
        for who in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{who}_NAME"), "Rosa").env(format!("GIT_{who}_EMAIL"), "rosa@paperback.example");
            command.env(format!("GIT_{who}_DATE"), DATE);
        }
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", self.folder.path().join("no-such-file"));
        // A hook calls what is on the PATH.
        let ours = Path::new(env!("CARGO_BIN_EXE_ringfence")).parent().unwrap().to_owned();
        let others = std::env::var_os("PATH").unwrap_or_default();
        command.env("PATH", std::env::join_paths([ours].into_iter().chain(std::env::split_paths(&others))).unwrap());
        command.env("NO_COLOR", "1").env("COLUMNS", "120").current_dir(&self.at).args(arguments);
        let output = command.output().unwrap_or_else(|error| panic!("`{program}`: {error}"));
        // People see both in one terminal.
        let printed = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        Answer { printed, code: output.status.code().unwrap() }
    }

    #[cfg(unix)]
    fn allow_to_run(path: &Path) {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Git runs hooks there by their first line.
    #[cfg(not(unix))]
    fn allow_to_run(path: &Path) {
        assert!(path.is_file(), "`{}` is not there", path.display());
    }

    /// Writes a whole file.
    pub fn write(&self, path: &str, lines: &[String]) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("{}\n", lines.join("\n"))).unwrap();
    }

    /// Takes the lines with `-` and those with a space, which stand together in the file, and puts those with `+` and those
    /// with a space in their place.
    pub fn edit(&self, path: &str, lines: &[String]) {
        let file = self.path(path);
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("`{path}`: {error}"));
        let of = |sign: char| -> String {
            let kept = lines.iter().filter(|line| line.starts_with([' ', sign]));
            kept.map(|line| format!("{}\n", line.split_at(1).1)).collect()
        };
        let (before, after) = (of('-'), of('+'));
        assert_eq!(text.matches(&before).count(), 1, "`{path}` has not exactly one place for the edit of:\n{before}");
        fs::write(file, text.replacen(&before, &after, 1)).unwrap();
    }
}

/// Cuts a line into words as a shell does; single and double quotes hold together.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut quote): (Vec<String>, Option<char>) = (Vec::new(), None);
    let mut word: Option<String> = None;
    for char in line.chars() {
        match quote {
            Some(open) if char == open => quote = None,
            None if char == '\'' || char == '"' => {
                quote = Some(char);
                word.get_or_insert_default();
            }
            None if char == ' ' => words.extend(word.take()),
            _ => word.get_or_insert_default().push(char),
        }
    }
    assert!(quote.is_none(), "a quote is never closed: `{line}`");
    words.extend(word);
    words
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
