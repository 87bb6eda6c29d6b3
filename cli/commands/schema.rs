//! `schema`: the JSON Schemas of the language, for editors.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::args::Schema;
use crate::console;
use crate::exit::{Exit, Failure};
use crate::schemas::{self, ANY_FILE};

/// Runs the command.
pub(super) fn run(args: &Schema) -> Result<Exit, Failure> {
    let mut files = schemas::files();
    if let Some(kind) = &args.kind {
        let name = schemas::file_name(kind);
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
            console::note(&format!("ringfence: wrote {} to `{}`", crate::summary::counted(files.len(), "schema"), folder.display()));
        }
        None => {
            let one = if args.kind.is_some() { files.values().next() } else { files.get(ANY_FILE) };
            console::print(one.map_or("", String::as_str))?;
        }
    }
    Ok(Exit::Clean)
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let fail = |error: std::io::Error| Failure::new(format!("cannot write `{}`: {error}", path.display()));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(fail)?;
    }
    fs::write(path, text).map_err(fail)
}
