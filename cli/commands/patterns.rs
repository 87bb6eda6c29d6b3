//! `patterns`: the patterns that ship with the tool, and what each closes and leaves open.

use ringfence_compiler::patterns::{self, BUILT_IN};
use serde_json::json;

use crate::args::{FormatName, Patterns};
use crate::console;
use crate::exit::{Exit, Failure};

/// Runs the command.
pub(super) fn run(args: &Patterns) -> Result<Exit, Failure> {
    let shown = match &args.name {
        None => BUILT_IN.to_vec(),
        Some(name) => vec![find(name)?],
    };
    console::print(&match (args.format, args.name.is_some()) {
        (FormatName::Json, _) => {
            let one = |(name, text): &(&str, &str)| json!({ "name": name, "summary": patterns::summary(text), "document": text });
            format!("{:#}\n", json!({ "version": 1, "patterns": shown.iter().map(one).collect::<Vec<_>>() }))
        }
        // The document says what it closes and what it leaves open before anything else, and can be copied as it is.
        (_, true) => shown.iter().map(|(_, text)| *text).collect(),
        (_, false) => {
            let width = BUILT_IN.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
            shown.iter().map(|(name, text)| format!("{name:width$}  {}\n", patterns::summary(text))).collect()
        }
    })?;
    Ok(Exit::Clean)
}

fn find(name: &str) -> Result<(&'static str, &'static str), Failure> {
    BUILT_IN.iter().find(|(known, _)| *known == name).copied().ok_or_else(|| {
        Failure::new(format!("no pattern `{name}` ships with the tool"))
            .help("`ringfence patterns` lists every one")
            .did_you_mean(name, BUILT_IN.iter().map(|(known, _)| *known))
    })
}
