//! `man`: manual pages, from the same declarations as the help.

use std::fs;

use clap::{Command, CommandFactory as _};
use clap_mangen::{Man as Page, generate_to};

use crate::args::{Args, Man};
use crate::console;
use crate::exit::{Exit, Failure};
use crate::summary::counted;

/// Runs the command.
pub(super) fn run(args: &Man) -> Result<Exit, Failure> {
    let command = Args::command().disable_help_subcommand(true);
    let Some(folder) = &args.out else {
        let mut page = Vec::new();
        Page::new(command).render(&mut page).map_err(Failure::new)?;
        console::print(&String::from_utf8_lossy(&page))?;
        return Ok(Exit::Clean);
    };
    let refuse = |error| Failure::new(format!("cannot write to `{}`: {error}", folder.display()));
    fs::create_dir_all(folder).map_err(refuse)?;
    let count = count(&command);
    generate_to(command, folder).map_err(refuse)?;
    console::note(&format!("ringfence: wrote {} to `{}`", counted(count, "page"), folder.display()));
    Ok(Exit::Clean)
}

/// Counts a command and those below it.
fn count(command: &Command) -> usize {
    1 + command.get_subcommands().map(count).sum::<usize>()
}
