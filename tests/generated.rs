//! Every generated file is what its generator makes.
//!
//! In: the committed files. Out: a failure that names the first line that differs. `UPDATE_GENERATED=1 cargo test --test
//! generated` rewrites them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers of a test fail like the test"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ringfence_compiler::{diagnostics, schema};

/// Says how to bring the files up to date.
const HOW: &str = "`UPDATE_GENERATED=1 cargo test --test generated` brings it up to date";

/// Returns every generated file by its path from the root of the repository.
fn generated() -> BTreeMap<String, String> {
    let schemas = schema::files().into_iter().map(|(name, text)| (format!("schemas/{name}"), text));
    let has_example = |id: &str| root().join(format!("fixtures/broken/{id}/README.md")).is_file();
    let pages = [
        ("docs/checks.md".to_owned(), diagnostics::page(has_example)),
        ("docs/coverage.md".to_owned(), ringfence_verifier::coverage::page()),
    ];
    schemas.chain(pages).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn is_updating() -> bool {
    std::env::var_os("UPDATE_GENERATED").is_some_and(|value| value == "1")
}

#[test]
fn generated_files_are_what_their_generators_make() {
    let mut stale = Vec::new();
    for (path, expected) in generated() {
        let file = root().join(&path);
        if is_updating() {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, expected).unwrap();
            continue;
        }
        // A checkout may have turned the line ends.
        let found = fs::read_to_string(&file).unwrap_or_default().replace("\r\n", "\n");
        if found != expected {
            let same = found.lines().zip(expected.lines()).take_while(|(found, expected)| found == expected).count();
            let line = |text: &str| text.lines().nth(same).unwrap_or("<end of file>").to_owned();
            stale.push(format!("{path}:{}: found `{}`, expected `{}`", same + 1, line(&found), line(&expected)));
        }
    }
    assert!(stale.is_empty(), "{HOW}:\n{}", stale.join("\n"));
}

#[test]
fn the_folder_of_schemas_holds_nothing_else() {
    let generated = generated();
    for entry in fs::read_dir(root().join("schemas")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let path = format!("schemas/{name}");
        assert!(
            name == "examples" || name == "reports" || generated.contains_key(&path),
            "{path} is made by no generator"
        );
    }
}
