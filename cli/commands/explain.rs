//! `explain`: what a code means.

use ringfence_compiler::diagnostics::{Code, codes};
use serde_json::json;

use crate::args::{Explain, FormatName};
use crate::console;
use crate::exit::{Exit, Failure};

/// Runs the command.
pub(super) fn run(args: &Explain) -> Result<Exit, Failure> {
    let code = find(&args.code)?;
    let page = page(code);
    console::print(&match args.format {
        FormatName::Json => {
            let page =
                json!({ "code": code.id, "severity": code.severity.word(), "summary": code.summary, "page": page });
            format!("{:#}\n", json!({ "version": 1, "explanation": page }))
        }
        FormatName::Text | FormatName::Concise => {
            let head = format!("{} ({})\n\n{}.\n", code.id, code.severity.word(), capital(code.summary));
            page.map_or(head.clone(), |page| format!("{head}\n{page}"))
        }
    })?;
    Ok(Exit::Clean)
}

/// Finds a code by its id, or by what stands behind the `/` where that is enough.
fn find(word: &str) -> Result<&'static Code, Failure> {
    let all = codes::all();
    let short: Vec<_> =
        all.iter().filter(|code| code.id.split_once('/').is_some_and(|(_, name)| name == word)).collect();
    match (codes::find(word), short.as_slice()) {
        (Some(code), _) => Ok(code),
        (None, [one]) => Ok(one),
        (None, _) => {
            let short = all.iter().filter_map(|code| Some(code.id.split_once('/')?.1));
            let names = all.iter().map(|code| code.id).chain(short);
            Err(Failure::new(format!("there is no code `{word}`"))
                .help("`ringfence checks` lists every code")
                .did_you_mean(word, names))
        }
    }
}

/// Returns the page of a code; none so far.
fn page(_: &Code) -> Option<&'static str> {
    None
}

/// Begins a sentence with a capital letter.
fn capital(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
