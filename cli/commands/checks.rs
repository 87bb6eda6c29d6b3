//! `checks`: every code a diagnostic can have.

use ringfence_compiler::diagnostics::{Code, codes};
use serde_json::json;

use crate::args::{Checks, FormatName};
use crate::console;
use crate::exit::{Exit, Failure};

/// Runs the command.
pub(super) fn run(args: &Checks) -> Result<Exit, Failure> {
    let all = codes::all();
    let width = all.iter().map(|code| code.id.len()).max().unwrap_or(0);
    console::print(&match args.format {
        FormatName::Json => {
            let one =
                |code: &&Code| json!({ "code": code.id, "severity": code.severity.word(), "summary": code.summary });
            format!("{:#}\n", json!({ "version": 1, "checks": all.iter().map(one).collect::<Vec<_>>() }))
        }
        FormatName::Text | FormatName::Concise => {
            let line = |code: &&Code| format!("{:width$}  {:7}  {}\n", code.id, code.severity.word(), code.summary);
            all.iter().map(line).collect()
        }
    })?;
    Ok(Exit::Clean)
}
