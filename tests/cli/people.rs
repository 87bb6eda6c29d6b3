//! What people touch: completions, manual pages, colour, and a check that goes on.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::runner::{DAY, command, copy, edit, ran, ringfence};

#[test]
fn completions_come_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish", "nushell"] {
        let ran = ringfence(&["completions", shell]);
        assert!(ran.code == 0 && ran.out.contains("effective") && ran.out.contains("write-baseline"), "{shell}");
    }
    assert_eq!(ringfence(&["completions", "tcsh"]).code, 2);
}

#[test]
#[cfg(unix)]
fn bash_takes_its_completions_and_completes_by_them() {
    let script = ringfence(&["completions", "bash"]).out;
    let ask = "COMP_WORDS=(ringfence che); COMP_CWORD=1; _ringfence ringfence che ringfence; printf '%s\\n' \"${COMPREPLY[@]}\"";
    let Ok(mut bash) = Command::new("bash").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn() else {
        eprintln!("skipped: there is no bash here");
        return;
    };
    bash.stdin.take().unwrap().write_all(format!("{script}\n{ask}\n").as_bytes()).unwrap();
    let said = String::from_utf8(bash.wait_with_output().unwrap().stdout).unwrap();
    assert_eq!(said, "check\nchecks\n");
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = tempfile::tempdir().unwrap();
    let ran = ringfence(&["man", "--out", folder.path().to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}", ran.all());
    let all = ringfence(&["--help"]).out;
    let (_, below) = all.split_once("Commands:\n").unwrap();
    let (commands, _) = below.split_once("\n\n").unwrap();
    let names = commands.lines().filter_map(|line| line.strip_prefix("  ")).filter(|line| !line.starts_with(' '));
    let names: Vec<&str> =
        names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").collect();
    assert!(names.len() > 20, "{names:?}");
    for name in names {
        let page = fs::read_to_string(folder.path().join(format!("ringfence-{name}.1"))).unwrap();
        assert!(page.contains(".SH NAME\n") && page.contains("Exit codes:"), "{name}: {page}");
    }
    assert!(ringfence(&["man"]).out.contains(".TH ringfence 1"));
}

#[test]
fn colour_is_as_it_was_asked_for() {
    let look = |words: &[&str], variable: Option<(&str, &str)>| {
        let mut run = command(&[&["check", "fixtures/broken/resolve/widens-mandate"], words].concat());
        run.envs(variable);
        ran(run).out.contains('\u{1b}')
    };
    assert!(!look(&[], None));
    assert!(look(&["--color", "always"], None));
    assert!(look(&[], Some(("CLICOLOR_FORCE", "1"))));
    assert!(!look(&["--color", "never"], Some(("CLICOLOR_FORCE", "1"))));
    assert!(!look(&[], Some(("NO_COLOR", "1"))));
}

/// A check that goes on, and what it says on standard output, a line each.
struct Watching {
    child: Child,
    said: Receiver<String>,
}

impl Watching {
    fn of(folder: &Path) -> Self {
        let mut run = command(&["check", "--watch", "--fast", "--format", "concise", "--as-of", DAY]);
        run.current_dir(folder).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = run.spawn().unwrap();
        let (send, said) = channel();
        for pipe in [
            Box::new(child.stdout.take().unwrap()) as Box<dyn std::io::Read + Send>,
            Box::new(child.stderr.take().unwrap()),
        ] {
            let send = send.clone();
            std::thread::spawn(move || {
                BufReader::new(pipe).lines().map_while(Result::ok).for_each(|line| drop(send.send(line)));
            });
        }
        Self { child, said }
    }

    /// Waits for an answer that holds this, and until it goes on to watch. Both outputs are read at once, in no order.
    fn hears(&self, words: &str) {
        let mut heard = Vec::new();
        while let Ok(line) = self.said.recv_timeout(Duration::from_secs(60)) {
            heard.push(line);
            if [words, "ringfence: watching"].iter().all(|words| heard.iter().any(|line| line.contains(words))) {
                return;
            }
        }
        panic!("never said: {words}\n{}", heard.join("\n"));
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_check_that_watches_answers_each_change() {
    let folder = copy("bookinfo");
    let watching = Watching::of(folder.path());
    watching.hears("no errors");
    let path = "policy/shop/bookinfo/access.yaml";
    edit(folder.path(), path, "methods: [GET]\n", "methods: [GET]\n      method: POST\n");
    watching.hears("error[parse/unknown-field]");
    // As editors save: a new file takes the place of the old one.
    let text = fs::read_to_string(folder.path().join(path)).unwrap().replace("      method: POST\n", "");
    fs::write(folder.path().join("policy/shop/bookinfo/.access.yaml.new"), text).unwrap();
    fs::rename(folder.path().join("policy/shop/bookinfo/.access.yaml.new"), folder.path().join(path)).unwrap();
    watching.hears("no errors");
    // What cannot be run does not end it, and is no clean answer either.
    fs::rename(folder.path().join("ringfence.yaml"), folder.path().join("ringfence.yaml.away")).unwrap();
    watching.hears("is policy, and no `ringfence.yaml` is there or above it");
    fs::rename(folder.path().join("ringfence.yaml.away"), folder.path().join("ringfence.yaml")).unwrap();
    watching.hears("no errors");
}
