//! The program itself, and what variables tell it.

use std::io::{self, IsTerminal as _};

use clap::{Command, CommandFactory as _};
use ringfence_compiler::diagnostics::nearest;

use super::Line;
use crate::args::Args;
use crate::console;

/// Variables that no option stands for: passphrases are no words of a command line.
const OTHERS: [&str; 1] = ["RINGFENCE_KEY_PASSPHRASE"];

pub(super) fn lines() -> Vec<Line> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = std::env::var("RAYON_NUM_THREADS").ok().filter(|count| !count.is_empty());
    let threads = threads.map_or(format!("{cores} threads"), |count| format!("{count} threads by RAYON_NUM_THREADS"));
    let mut lines = vec![Line::good("ringfence", format!("{}, {threads}", env!("CARGO_PKG_VERSION")))];
    let terminal = if io::stdout().is_terminal() { "a terminal" } else { "no terminal" };
    let colour = if console::style().colour { "with colour" } else { "without colour" };
    lines.push(Line::good("terminal", format!("{terminal}, {} columns, {colour}", console::style().width)));
    lines.extend(variables());
    lines
}

/// Says which settings come from the environment, and which are none.
fn variables() -> Vec<Line> {
    let mut known: Vec<String> = OTHERS.map(str::to_owned).to_vec();
    options(&Args::command(), &mut known);
    let mut set: Vec<String> = std::env::vars_os()
        .filter_map(|(name, _)| name.into_string().ok())
        .filter(|name| name.starts_with("RINGFENCE_"))
        .collect();
    set.sort();
    let (ours, others): (Vec<_>, Vec<_>) = set.into_iter().partition(|name| known.contains(name));
    let mut lines = Vec::new();
    if !ours.is_empty() {
        lines.push(Line::good("settings", format!("from the environment: {}", ours.join(", "))));
    }
    for name in others {
        let advice = match nearest(&name, known.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "unset it, or see the options in `ringfence COMMAND --help`".to_owned(),
        };
        lines.push(Line::bad("settings", format!("`{name}` is no setting, and nothing looks at it"), advice));
    }
    lines
}

/// Collects the variables that stand for options.
fn options(command: &Command, known: &mut Vec<String>) {
    let own = command.get_arguments().filter_map(|option| option.get_env()?.to_str().map(str::to_owned));
    known.extend(own);
    command.get_subcommands().for_each(|below| options(below, known));
}
