//! `impact`: what would change if a statement, an object or a rule went.
//!
//! In: its name, or the line where it stands. Out: the difference of the tree without it, as `diff` shows one; where there is
//! none, nobody needs it.

use ringfence_compiler::yaml::{Entry, Node};

use super::diff::range::Side;
use super::diff::{self, Documents, statements};
use crate::args;
use crate::console;
use crate::exit::{Exit, Failure};
use crate::mesh::Input;
use crate::project::below;

/// Runs the command.
pub(super) fn run(args: &args::Impact) -> Result<Exit, Failure> {
    let reading = args.how.reading();
    let open = |as_of| {
        let reading = args::Reading { at: args.at.clone(), as_of, ..args.how.reading() };
        Input::open(args.path.as_deref(), args.facts.as_deref(), &reading)
    };
    let before = open(reading.as_of)?;
    let mut after = open(reading.as_of.or(before.as_of()))?;
    let name = named(&before, &args.statement)?;
    after.take_away(&name)?;
    let title = format!("without {name}");
    // Attackers may lose every way with a right that no call needs.
    let nothing = match crate::mesh::gives_rights(name.split('/').next().unwrap_or_default()) {
        true => {
            "no call changes; which ways of attackers go with these rights was not compared: `ringfence paths` tells"
        }
        false => "no access changes, so that it is redundant as far as access goes",
    };
    let (there, gone) = (Side::named("what is there"), Side::named("what is left"));
    diff::show((&title, nothing), [(&before, &there), (&after, &gone)], &Documents::default(), &args.how)
}

/// Makes changes to what was read, in which lines may stand for what is written there.
pub(super) fn change(input: &mut Input, changes: &args::Changes) -> Result<(), Failure> {
    let without: Result<Vec<String>, Failure> = changes.without.iter().map(|name| named(input, name)).collect();
    input.change(&args::Changes { with: changes.with.clone(), without: without? })
}

/// Returns the name of what stands at a line, where it can be taken away.
pub(super) fn removable(input: &Input, place: &str) -> Option<String> {
    let (path, line) = place.rsplit_once(':')?;
    let name = at_line(input, path, line.parse().ok()?).ok()?;
    (name.starts_with('/') || name.starts_with("zone:") || crate::mesh::can_go(&name)).then_some(name)
}

/// Returns the name of a statement, an object or a rule; a line stands for what is written there.
fn named(input: &Input, text: &str) -> Result<String, Failure> {
    match text.rsplit_once(':') {
        Some((path, line)) if !text.starts_with('/') && line.parse::<usize>().is_ok() => {
            let line = line.parse().map_err(Failure::new)?;
            let name = at_line(input, path, line)?;
            console::note(&format!("ringfence: {path}:{line} is of {name}"));
            Ok(name)
        }
        _ => Ok(text.to_owned()),
    }
}

/// Finds what stands at a line: the rule of an AuthorizationPolicy, another object, or a statement that is a document.
fn at_line(input: &Input, path: &str, line: usize) -> Result<String, Failure> {
    let prefix = below(&input.root);
    let is_it = |written: &str| {
        written == path
            || input.root.join(written) == std::path::Path::new(path)
            || (!prefix.is_empty() && path.strip_prefix(&prefix) == Some(written))
    };
    let mut files = input.sources.files().filter(|(id, file)| !input.foreign.contains(id) && is_it(file.path()));
    let Some((id, file)) = files.next() else {
        return Err(Failure::new(format!("nothing of `{path}` was read"))
            .did_you_mean(path, input.sources.files().map(|(_, file)| file.path())));
    };
    let of = |node: &Node| {
        let last = node.span.end.saturating_sub(1).max(node.span.start);
        file.position(node.span.start).0..=file.position(last).0
    };
    let documents = statements::read(&input.sources, id);
    let Some(document) = documents.iter().find(|document| of(document).contains(&line)) else {
        return Err(Failure::new(format!("there is no document at `{path}:{line}`")));
    };
    let Some((kind, place, name)) = statements::named(file.path(), document) else {
        return Err(Failure::new(format!("what stands at `{path}:{line}` has no kind")));
    };
    let text = |node: Option<&Node>| node.and_then(Node::as_str).map(str::to_owned);
    if text(document.get("apiVersion")).is_some_and(|version| version == ringfence_compiler::spec::API_VERSION) {
        let folder = input.policy_folder().unwrap_or_default();
        let node = place.strip_prefix(folder).unwrap_or(&place).trim_matches('/');
        // The fields of a mapping of the spec, by their lines.
        let field = |list: &str| {
            let fields = document.get("spec").and_then(|spec| spec.get(list)).and_then(Node::as_mapping)?;
            let is_here =
                |entry: &&Entry| (file.position(entry.key.span.start).0..=*of(&entry.value).end()).contains(&line);
            fields.entries().iter().find(is_here).map(|entry| entry.key.value.as_str())
        };
        // An entry of an Access, where there are several.
        let entry = |list: &str| {
            let entries = document.get("spec").and_then(|spec| spec.get(list)).and_then(Node::as_sequence)?;
            let at = entries.iter().position(|entry| of(entry).contains(&line))?;
            Some(format!("#{list}.{}", at + 1))
        };
        let entry = if kind == "Access" { entry("allow").or_else(|| entry("deny")) } else { None };
        let entry = entry.unwrap_or_default();
        return Ok(match (field("mandates"), field("defaults")) {
            _ if kind == "Zone" => format!("zone:{name}#access"),
            (Some(field), _) => format!("/{node}#{field}"),
            (_, Some(field)) => format!("/{node}#defaults.{field}"),
            _ if node.is_empty() => format!("/{name}{entry}"),
            _ => format!("/{node}/{name}{entry}"),
        });
    }
    // What belongs to the cluster has no namespace, be one written there.
    let namespace = if place.is_empty() { "default" } else { &place };
    let placed = if crate::mesh::is_of_cluster(&kind) { name } else { format!("{namespace}/{name}") };
    let rules = document.get("spec").and_then(|spec| spec.get("rules")).and_then(Node::as_sequence).unwrap_or_default();
    let rule = rules.iter().position(|rule| of(rule).contains(&line)).filter(|_| kind == "AuthorizationPolicy");
    let rule = rule.map(|at| format!("#{}", at + 1)).unwrap_or_default();
    Ok(format!("{kind}/{placed}{rule}"))
}
