//! `effective`: what holds at a node or service, and which line made it so.
//!
//! In: a node or a service. Out: each field with its value and how it came about, who may reach it, which tokens it
//! accepts. It exists so that nobody has to merge four levels of policy in their head.

mod json;
mod requests;
mod rules;
mod settings;
mod text;
mod view;

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::resolve::{Resolved, resolve};
use ringfence_compiler::shape::scalar::Text as _;
use ringfence_compiler::source::{SourceFile, Sources, Span, Spanned};
use ringfence_compiler::spec::reference::{NodePath, Reference};

use self::view::View;
use ringfence_compiler::diagnostics::ignores::Ignorable;

use super::{Found, conclude};
use crate::args::{Effective, Findings, FormatName};
use crate::console;
use crate::exit::{Exit, Failure};
use crate::project::Project;

/// What was asked about.
enum Subject {
    /// A node.
    Node(NodePath),
    /// Services, as positions in the list of all.
    Services(Vec<usize>),
}

/// Runs the command.
pub(super) fn run(args: &Effective) -> Result<Exit, Failure> {
    let mut project = Project::open(args.project.as_deref(), &args.reading)?;
    let mut diagnostics = std::mem::take(&mut project.diagnostics);
    let resolved = project.parsed.as_ref().and_then(|parsed| resolve(parsed, project.as_of, &mut diagnostics).ok());
    let Some(resolved) = resolved else {
        let found = Found {
            sources: &project.sources,
            diagnostics: &diagnostics,
            ignored: 0,
            come: None,
            was_read: project.parsed.is_some(),
            root: &project.root,
            which: Ignorable::Warnings,
            baseline: None,
        };
        return conclude(&args.reading, &Findings::of_answer(args.form.format), &found);
    };
    let subject = find(&args.subject, &resolved)?;
    let views = match subject {
        Subject::Node(path) => vec![View::of_node(&path, &resolved, &project.sources)],
        Subject::Services(indices) => {
            indices.into_iter().filter_map(|index| View::of_service(index, &resolved, &project.sources)).collect()
        }
    };
    console::print(&match args.form.format {
        FormatName::Json => json::render(&views, project.as_of),
        FormatName::Text | FormatName::Concise => text::render(&views, project.as_of, console::style()),
    })?;
    Ok(Exit::Clean)
}

/// Looks up what was typed, as a statement of the organization would.
fn find(text: &str, resolved: &Resolved<'_>) -> Result<Subject, Failure> {
    let world = &resolved.world;
    let reference = Reference::parse(text).map_err(Failure::new)?;
    if let Reference::Node(path) = &reference {
        if world.nodes.contains_key(path) {
            return Ok(Subject::Node(path.clone()));
        }
        let known = world.nodes.keys().map(|path| path.0.as_str());
        return Err(Failure::new(format!("there is no node `{path}`"))
            .help(format!("there are {} of them", world.nodes.len()))
            .did_you_mean(&path.0, known));
    }
    // The look-up reports to a list of its own: what was typed is no line of any file.
    let mut said = Diagnostics::new();
    let mut typed = Sources::new();
    let file = typed.add(SourceFile::new("command line", text.as_bytes().to_vec()));
    let reference = Spanned::new(reference, Span::new(file, 0, text.len()));
    world
        .services_of(&reference, &NodePath::root(), &mut said)
        .map(|found| Subject::Services(found.into_iter().collect()))
        .map_err(|_| {
            let sorted = said.sorted(&typed);
            let first = sorted.first();
            let failure = Failure::new(first.map_or("nothing was found", |diagnostic| diagnostic.message()));
            match first.and_then(|diagnostic| diagnostic.help_text()) {
                Some(help) => failure.help(help),
                None => failure.help("a node is `/a/b`, a service `/a/b:c` or `c`"),
            }
        })
}
