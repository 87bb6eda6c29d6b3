//! `completions`: a script that completes commands in a shell.

use clap::CommandFactory as _;

use crate::args::{Args, Completions};
use crate::console;
use crate::exit::{Exit, Failure};

/// Runs the command.
pub(super) fn run(args: &Completions) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "ringfence", &mut script);
    console::print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Clean)
}
