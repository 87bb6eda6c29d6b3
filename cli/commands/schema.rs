//! `schema`: the JSON Schemas of the language, for editors, and of reports, for programs that read them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use ringfence_compiler::document::KINDS;
use ringfence_compiler::schema::{self, ANY_FILE};

use crate::args::Schema;
use crate::console;
use crate::exit::{Exit, Failure};
use crate::summary::counted;

/// What reports are like, by the name of the file. They are written by hand: a change of a report has to be meant.
const REPORTS: [(&str, &str); 2] = [
    ("findings.json", include_str!("../../schemas/reports/findings.json")),
    ("difference.json", include_str!("../../schemas/reports/difference.json")),
];

/// Runs the command.
pub(super) fn run(args: &Schema) -> Result<Exit, Failure> {
    let mut files = schema::files();
    if args.kind.is_some() {
        files.extend(REPORTS.map(|(name, text)| (name.to_owned(), text.to_owned())));
    }
    if let Some(kind) = &args.kind {
        let name = name_of(kind);
        let known: Vec<String> = files.keys().map(|name| name.trim_end_matches(".json").to_owned()).collect();
        let Some(text) = files.remove(&name) else {
            return Err(Failure::new(format!("there is no kind `{kind}`"))
                .help(format!("the kinds are {}", known.join(", ")))
                .did_you_mean(&kind.to_lowercase(), known.iter().map(String::as_str)));
        };
        files = BTreeMap::from([(name, text)]);
    }
    match &args.out {
        Some(folder) => {
            for (name, text) in &files {
                write(&folder.join(name), text)?;
            }
            console::note(&format!("ringfence: wrote {} to `{}`", counted(files.len(), "schema"), folder.display()));
        }
        None => {
            let one = if args.kind.is_some() { files.values().next() } else { files.get(ANY_FILE) };
            console::print(one.map_or("", String::as_str))?;
        }
    }
    Ok(Exit::Clean)
}

/// Returns the name of the file for a kind in whatever spelling: `Tenant`, `tenant`.
fn name_of(kind: &str) -> String {
    let known = KINDS.iter().find(|known| known.eq_ignore_ascii_case(kind));
    known.map_or_else(|| format!("{}.json", kind.to_lowercase()), |known| schema::file_name(known))
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let fail = |error: std::io::Error| Failure::new(format!("cannot write `{}`: {error}", path.display()));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(fail)?;
    }
    fs::write(path, text).map_err(fail)
}
