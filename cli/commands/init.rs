//! `init`: a policy repository that compiles at once.
//!
//! In: a folder, perhaps manifests. Out: the files of a repository, none of which was there before. With manifests it
//! begins with their clusters and namespaces; without any it brings a small example.

mod manifests;
mod sample;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use ringfence_compiler::parse::PROJECT_FILE;
use ringfence_compiler::schema::{self, PROJECT_FILE as PROJECT_SCHEMA};
use ringfence_compiler::shape::scalar::Text as _;
use ringfence_compiler::spec::names::Name;

use self::manifests::Found;
use crate::args::Init;
use crate::console;
use crate::exit::{Exit, Failure};
use crate::project::shown;
use crate::report::{self, Format};
use crate::summary::counted;

/// Where the schemas go, hidden from the reader of policy.
pub(in crate::commands) const SCHEMAS: &str = ".ringfence/schemas";

/// Files that a repository often has already; those stay as they are.
const COMMON: [&str; 2] = ["README.md", ".gitignore"];

/// Runs the command.
pub(super) fn run(args: &Init) -> Result<Exit, Failure> {
    let found = match &args.inventory {
        Some(folder) => Some(manifests::find(folder, &args.folder)?),
        None if args.folder.join("inventory").is_dir() => {
            Some(manifests::find(&args.folder.join("inventory"), &args.folder)?)
        }
        None => None,
    };
    if let Some(found) = found.as_ref().filter(|found| found.diagnostics.has_errors()) {
        let text = report::render(Format::Text(console::style()), &found.diagnostics, &found.sources);
        console::print(&text)?;
        console::note("ringfence: these manifests cannot be read, so nothing was written");
        return Ok(Exit::Findings);
    }
    let name = organization(&args.folder);
    let mut files = match &found {
        Some(found) => sample::of_manifests(&name, found),
        None => sample::small(&name),
    };
    for (path, text) in &mut files {
        if let Some(line) = modeline(path, text) {
            *text = format!("{line}\n{text}");
        }
    }
    files.extend(schema::files().into_iter().map(|(name, text)| (format!("{SCHEMAS}/{name}"), text)));
    let kept = check(&args.folder, &mut files)?;
    for (path, text) in &files {
        write(&args.folder.join(path), text)?;
    }
    console::print(&told(&args.folder, &files, (found.as_ref(), args.inventory.as_deref()), &kept))?;
    Ok(Exit::Clean)
}

/// Names the organization after its folder, where that can be a name.
fn organization(folder: &Path) -> String {
    let name = std::path::absolute(folder).ok().and_then(|folder| Some(folder.file_name()?.to_str()?.to_owned()));
    name.filter(|name| Name::parse(name).is_ok()).unwrap_or_else(|| "my-company".to_owned())
}

/// Returns the comment that tells an editor the schema of a policy file: of its kind, or of any where it has several.
fn modeline(path: &str, text: &str) -> Option<String> {
    let depth = path.matches('/').count();
    let schema = if path == PROJECT_FILE {
        PROJECT_SCHEMA.to_owned()
    } else if path.starts_with("policy/") {
        let mut kinds: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("kind: ")).collect();
        kinds.dedup();
        match kinds.as_slice() {
            [one] => schema::file_name(one),
            _ => schema::ANY_FILE.to_owned(),
        }
    } else {
        return None;
    };
    Some(schema::modeline(&format!("{}{SCHEMAS}/{schema}", "../".repeat(depth))))
}

/// Refuses to overwrite; returns the common files that stay as they are.
fn check(folder: &Path, files: &mut BTreeMap<String, String>) -> Result<Vec<&'static str>, Failure> {
    let is_there = |path: &str| folder.join(path).symlink_metadata().is_ok();
    let kept: Vec<_> = COMMON.into_iter().filter(|path| is_there(path)).collect();
    files.retain(|path, _| !kept.contains(&path.as_str()));
    // Schemas of the very same text do no harm: somebody ran `ringfence schema` first.
    let is_same = |path: &str, text: &str| {
        path.starts_with(SCHEMAS) && fs::read_to_string(folder.join(path)).is_ok_and(|there| there == text)
    };
    let taken = files.iter().filter(|(path, text)| is_there(path) && !is_same(path, text));
    let taken: Vec<_> = taken.map(|(path, _)| format!("`{path}`")).collect();
    if taken.is_empty() {
        return Ok(kept);
    }
    let failure = Failure::new(format!("`{}` already has {}; nothing was written", shown(folder), taken.join(", ")));
    Err(failure.help("name another folder, or move them away"))
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let fail = |error: std::io::Error| Failure::new(format!("cannot write `{}`: {error}", path.display()));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(fail)?;
    }
    fs::write(path, text).map_err(fail)
}

/// Says what was made and what to type next.
fn told(
    folder: &Path,
    files: &BTreeMap<String, String>,
    (found, inventory): (Option<&Found>, Option<&Path>),
    kept: &[&str],
) -> String {
    let place = shown(folder);
    let mut text = format!("A policy repository in `{place}`:\n\n");
    for path in files.keys().filter(|path| !path.starts_with(SCHEMAS)) {
        text.push_str(&format!("  {path}\n"));
    }
    text.push_str(&format!(
        "  {SCHEMAS}/ ({}, for completion in your editor)\n",
        counted(schema::files().len(), "schema")
    ));
    if let Some(found) = found {
        let namespaces = found.namespaces();
        text.push_str(&format!(
            "\nIt begins with your manifests: {} in {}, one workspace a namespace.\n",
            counted(namespaces.len(), "namespace"),
            counted(found.clusters.len(), "cluster"),
        ));
        if found.policies > 0 {
            text.push_str(&format!(
                "{} among them {} not taken over: what is open and shut is another until you write it down.\n",
                counted(found.policies, "policy"),
                if found.policies == 1 { "is" } else { "are" }
            ));
        }
        if !found.left_out.is_empty() {
            text.push_str(&format!("Left to the platform, and governed by nobody: {}.\n", found.left_out.join(", ")));
        }
    }
    if !kept.is_empty() {
        text.push_str(&format!("\nAlready there, and left as it is: {}.\n", kept.join(", ")));
    }
    let at = if place == "." { String::new() } else { format!(" {place}") };
    text.push_str(&format!("\nNext:\n\n  ringfence check{at}\n  ringfence compile{at}\n"));
    if let (Some(inventory), true) = (inventory, found.is_some_and(|found| found.policies > 0)) {
        text.push_str(&format!("  ringfence diff --before {} --after {place}\n", inventory.display()));
    }
    text
}
