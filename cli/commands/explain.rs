//! `explain`: what a code means.

use ringfence_compiler::diagnostics::{Code, codes};
use serde_json::json;

use crate::args::{Explain, FormatName};
use crate::console;
use crate::exit::{Exit, Failure};

/// Runs the command.
pub(super) fn run(args: &Explain) -> Result<Exit, Failure> {
    let code = find(&args.code)?;
    console::print(&match args.format {
        FormatName::Json => {
            let explanation = json!({
                "code": code.id,
                "severity": code.severity.word(),
                "summary": code.summary,
                "page": code.page,
            });
            format!("{:#}\n", json!({ "version": 1, "explanation": explanation }))
        }
        FormatName::Text | FormatName::Concise => {
            // The page begins with its title, which here says how much the code weighs as well.
            let page = code.page.split_once('\n').map_or("", |(_, below)| below);
            format!("{} ({})\n\n{}.\n{page}", code.id, code.severity.word(), capital(code.summary))
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

/// Begins a sentence with a capital letter.
fn capital(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
