//! `completions`: a script that completes commands in a shell.

use clap::CommandFactory as _;
use clap_complete::generate;
use clap_complete_nushell::Nushell;

use crate::args::{Args, Completions, Shell};
use crate::console;
use crate::exit::{Exit, Failure};

/// Runs the command.
pub(super) fn run(args: &Completions) -> Result<Exit, Failure> {
    let (mut command, mut script) = (Args::command(), Vec::new());
    let known = match args.shell {
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Elvish => clap_complete::Shell::Elvish,
        Shell::Fish => clap_complete::Shell::Fish,
        Shell::Powershell => clap_complete::Shell::PowerShell,
        Shell::Zsh => clap_complete::Shell::Zsh,
        Shell::Nushell => {
            generate(Nushell, &mut command, "ringfence", &mut script);
            console::print(&String::from_utf8_lossy(&script))?;
            return Ok(Exit::Clean);
        }
    };
    generate(known, &mut command, "ringfence", &mut script);
    console::print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Clean)
}
