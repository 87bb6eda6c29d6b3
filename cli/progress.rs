//! What a long run is doing, for somebody who waits.
//!
//! In: the name of each stage as it begins. Out: one line on the terminal, drawn after a second and gone when the run has something
//! to say. Nothing is drawn where standard error is no terminal, on one that cannot move its cursor, and in CI: there it would be
//! noise in a log.

use std::io::{self, IsTerminal as _};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{JoinHandle, spawn};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// Who waits for less than this does not want to read meanwhile.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often the line moves.
const TICK: Duration = Duration::from_millis(120);

/// A line that says what is going on, until it is dropped.
pub struct Progress {
    shown: Option<(ProgressBar, Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    /// Begins to wait, with the stage that begins.
    pub fn begin(stage: &'static str) -> Self {
        if !is_wanted(io::stderr().is_terminal(), |name| std::env::var(name).ok()) {
            return Self { shown: None };
        }
        let bar = ProgressBar::hidden().with_message(stage);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
            bar.set_style(style);
        }
        let (end, ended) = channel();
        let drawn = bar.clone();
        let thread = spawn(move || {
            if ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                drawn.set_draw_target(indicatif::ProgressDrawTarget::stderr());
                while ended.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                    drawn.tick();
                }
            }
            drawn.finish_and_clear();
        });
        Self { shown: Some((bar, end, thread)) }
    }

    /// Says which stage begins.
    pub fn stage(&self, stage: &'static str) {
        if let Some((bar, ..)) = &self.shown {
            bar.set_message(stage);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((_, end, thread)) = self.shown.take() {
            drop(end);
            // What comes next is written below the line, so it has to be gone by then. A thread that panicked drew nothing more.
            let _ = thread.join();
        }
    }
}

/// Decides by the terminal, `TERM` and `CI`.
fn is_wanted(is_terminal: bool, variable: impl Fn(&str) -> Option<String>) -> bool {
    let is_ci = variable("CI").is_some_and(|value| !value.is_empty() && value != "false" && value != "0");
    is_terminal && !is_ci && variable("TERM").is_some_and(|term| !term.is_empty() && term != "dumb")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_somebody_at_a_terminal_is_told() {
        let check = |is_terminal, variables: &[(&str, &str)], expected| {
            let find = |name: &str| variables.iter().find(|(it, _)| *it == name).map(|(_, value)| (*value).to_owned());
            assert_eq!(is_wanted(is_terminal, find), expected, "{is_terminal} {variables:?}");
        };
        check(true, &[("TERM", "xterm")], true);
        check(false, &[("TERM", "xterm")], false);
        check(true, &[("TERM", "dumb")], false);
        check(true, &[], false);
        check(true, &[("TERM", "xterm"), ("CI", "true")], false);
        check(true, &[("TERM", "xterm"), ("CI", "false")], true);
    }
}
