//! How a run ends.
//!
//! In: the work of a command. Out: an [`Exit`]. It exists so that nothing but these codes ever leaves the program: an
//! empty gate must not pass, and a fault of ours must not look like a finding.

use std::fmt;
use std::panic::{self, AssertUnwindSafe};

use crate::console;

/// The exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Nothing to object; warnings allowed.
    Clean,
    /// Errors in the policy, or a difference.
    Findings,
    /// Bad usage, unreadable input, an unknown revision: nothing can be said.
    CouldNotRun,
    /// There is no policy to look at.
    NoInput,
    /// What was asked for is denied, where somebody wants to know by the code.
    Denied,
}

impl Exit {
    /// Returns the number the system gets.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Findings => 1,
            Self::CouldNotRun => 2,
            Self::NoInput => 3,
            Self::Denied => 10,
        }
    }
}

/// Why a command ended without a verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The code to end with.
    pub exit: Exit,
    message: String,
    help: Option<String>,
}

impl Failure {
    /// Says that the command could not run.
    pub fn new(message: impl fmt::Display) -> Self {
        Self { exit: Exit::CouldNotRun, message: message.to_string(), help: None }
    }

    /// Says that there is nothing to look at.
    pub fn no_input(message: impl fmt::Display) -> Self {
        Self { exit: Exit::NoInput, message: message.to_string(), help: None }
    }

    /// Returns what went wrong, in a sentence.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Tells whether it says what to do.
    #[must_use]
    pub fn is_helpful(&self) -> bool {
        self.help.is_some()
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Offers the nearest of `known` to `word`, if one is near.
    #[must_use]
    pub fn did_you_mean<'a>(self, word: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        match ringfence_compiler::diagnostics::nearest(word, known) {
            Some(near) => self.help(format!("did you mean `{near}`?")),
            None => self,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ringfence: {}", self.message)?;
        match &self.help {
            Some(help) => write!(f, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}

/// Runs a command; a failure is said on standard error, and so is a panic, which is our fault and nobody else's.
pub fn guarded(command: impl FnOnce() -> Result<Exit, Failure>) -> Exit {
    panic::set_hook(Box::new(|info| {
        console::note(&format!("ringfence: this is a bug in ringfence, not in your policy: {info}"));
        console::note("  help: please report it, with the smallest policy that shows it");
    }));
    let result = panic::catch_unwind(AssertUnwindSafe(command));
    // The hook goes with the run: tests share a process.
    drop(panic::take_hook());
    match result {
        Ok(Ok(exit)) => exit,
        Ok(Err(failure)) => {
            console::note(&failure.to_string());
            failure.exit
        }
        Err(_) => Exit::CouldNotRun,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_to_end_has_its_code() {
        assert_eq!(guarded(|| Ok(Exit::Clean)).code(), 0);
        assert_eq!(guarded(|| Ok(Exit::Findings)).code(), 1);
        assert_eq!(guarded(|| Err(Failure::new("no"))).code(), 2);
        assert_eq!(guarded(|| Err(Failure::no_input("no"))).code(), 3);
        assert_eq!(guarded(|| panic!("oh")).code(), 2);
    }
}
