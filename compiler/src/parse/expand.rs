//! From a Segmentation to the statements of its Pattern, as if they were written where it stands.
//!
//! In: the documents of a policy tree. Out: further documents. Each use reads the pattern's text once more, as a file of its own:
//! whatever is said of a statement so names the line of the pattern, and [`Sources`] knows the use.

use std::collections::BTreeMap;

use crate::diagnostics::codes::{parse as code, resolve};
use crate::diagnostics::{Diagnostics, Reported};
use crate::document::{Document, Policy};
use crate::patterns;
use crate::requests::PathPattern;
use crate::shape::{OneOrMany, Shape};
use crate::source::{SourceFile, Sources, Span, Spanned};
use crate::spec::API_VERSION;
use crate::spec::access::{Method, Port};
use crate::spec::pattern::{Parameter, ParameterKind, PatternSpec, SegmentationSpec, Template, Written};
use crate::spec::reference::Reference;
use crate::yaml::{self, Entry, Mapping, Node, Profile, Value};

/// Adds what every Segmentation stands for.
pub(super) fn all(policy: &mut Policy, sources: &mut Sources, diagnostics: &mut Diagnostics) {
    for pattern in &policy.patterns {
        check(pattern, diagnostics);
    }
    for used in std::mem::take(&mut policy.segmentations) {
        // What is wrong with one has been said; the others are still read.
        let _: Result<(), Reported> = one(&used, policy, sources, diagnostics);
        policy.segmentations.push(used);
    }
}

fn one(
    used: &Document<SegmentationSpec>,
    policy: &mut Policy,
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> Result<(), Reported> {
    let pattern = pattern(used, policy, sources, diagnostics)?;
    let values = values(used, &pattern.spec, diagnostics)?;
    let mut reported = Ok(());
    for template in &pattern.spec.documents.0 {
        let Some(root) = document(used.name(), &template.value, &values) else { continue };
        reported = reported.and(policy.add(&used.node, &root, diagnostics));
    }
    reported
}

/// Finds the pattern of a use and reads it as a file of that use.
fn pattern(
    used: &Document<SegmentationSpec>,
    policy: &Policy,
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> Result<Document<PatternSpec>, Reported> {
    let wanted = &used.spec.pattern;
    let declared = policy.patterns.iter().filter(|pattern| pattern.node.contains(&used.node));
    let own = declared.clone().filter(|pattern| pattern.name() == wanted.value.0);
    // The innermost declaration is the one meant, and any before one that ships with the tool.
    let file = match (own.max_by_key(|pattern| pattern.node.lineage().len()), patterns::find(&wanted.value.0)) {
        (Some(own), _) => sources.file(own.span.file).clone(),
        (None, Some(text)) => SourceFile::new(&format!("pattern:{}", wanted.value), text.as_bytes().to_vec()),
        (None, None) => {
            let unknown = resolve::UNKNOWN_REFERENCE
                .at(wanted.span, format!("there is no pattern `{}` at `{}` or above", wanted.value, used.node));
            let known = declared.map(Document::name).chain(patterns::BUILT_IN.iter().map(|(name, _)| *name));
            let help = "`ringfence patterns` lists those that ship with the tool";
            return Err(
                diagnostics.report(unknown.label("finds nothing").help(help).did_you_mean(&wanted.value.0, known))
            );
        }
    };
    let file = sources.add_use(file, wanted.span);
    diagnostics.add_use(file, wanted.span);
    // The text was read before, so that nothing new is to be said of it.
    let mut said = Diagnostics::new();
    let mut all = Policy::default();
    for document in yaml::read(sources, file, Profile::Policy, &mut said) {
        let _: Result<(), Reported> = all.add(&used.node, &document.root, &mut said);
    }
    let found = all.patterns.into_iter().find(|pattern| pattern.name() == wanted.value.0);
    found.ok_or_else(|| {
        let broken = resolve::UNKNOWN_REFERENCE.at(wanted.span, format!("pattern `{}` cannot be read", wanted.value));
        diagnostics.report(broken.label("used here"))
    })
}

/// Returns what each parameter stands for.
fn values<'v>(
    used: &'v Document<SegmentationSpec>,
    pattern: &'v PatternSpec,
    diagnostics: &mut Diagnostics,
) -> Result<BTreeMap<&'v str, &'v Node>, Reported> {
    let (name, given) = (&used.spec.pattern, &used.spec.with);
    let known: Vec<&str> = pattern.parameters.iter().map(|it| it.value.name.value.0.as_str()).collect();
    let mut reported = Ok(());
    for (key, value) in given.iter().filter(|(key, _)| !known.contains(&key.as_str())) {
        let unknown = code::UNKNOWN_FIELD
            .at(value.0.span, format!("pattern `{}` has no parameter `{key}`", name.value))
            .label("means nothing there")
            .help(format!("its parameters are {}", listed(&known)))
            .did_you_mean(key, known.iter().copied());
        reported = Err(diagnostics.report(unknown));
    }
    let mut values = BTreeMap::new();
    for parameter in pattern.parameters.iter().map(|parameter| &parameter.value) {
        let key = parameter.name.value.0.as_str();
        match (given.get(key), &parameter.default) {
            (Some(Written(value)), _) => {
                reported = reported.and(fits(parameter, value, diagnostics));
                values.insert(key, value);
            }
            (None, Some(Written(default))) => _ = values.insert(key, default),
            (None, None) => {
                let missing = code::MISSING_FIELD
                    .at(name.span, format!("pattern `{}` needs `{key}`: {}", name.value, parameter.about))
                    .label(format!("used without `{key}`"));
                reported = Err(diagnostics.report(missing.help(format!("add `{key}: …` below `with`"))));
            }
        }
    }
    reported.map(|()| values)
}

/// Checks that a value is what its parameter asks for.
fn fits(parameter: &Parameter, value: &Node, diagnostics: &mut Diagnostics) -> Result<(), Reported> {
    let references = match parameter.is {
        ParameterKind::Service => vec![Spanned::<Reference>::read(value, diagnostics)?],
        ParameterKind::Services => OneOrMany::<Spanned<Reference>>::read(value, diagnostics)?.0,
        ParameterKind::Port => return Port::read(value, diagnostics).map(drop),
        ParameterKind::Ports => return OneOrMany::<Spanned<Port>>::read(value, diagnostics).map(drop),
        ParameterKind::Methods => return OneOrMany::<Spanned<Method>>::read(value, diagnostics).map(drop),
        ParameterKind::Paths => return OneOrMany::<Spanned<PathPattern>>::read(value, diagnostics).map(drop),
    };
    let anybody = [Reference::Mesh, Reference::Anyone, Reference::Internet];
    match references.iter().find(|reference| anybody.contains(&reference.value)) {
        None => Ok(()),
        Some(wide) => {
            let message =
                format!("`{}` of a pattern are workloads, and `{}` is anybody", parameter.name.value, wide.value);
            let wrong = code::INVALID_VALUE.at(wide.span, message).label("no workloads of anybody's own");
            Err(diagnostics.report(wrong.help("name services, groups, zones, gateways or service accounts")))
        }
    }
}

/// Makes a document of a template; `None` where a parameter is unknown, which was said where the pattern was declared.
fn document(used: &str, template: &Template, values: &BTreeMap<&str, &Node>) -> Option<Node> {
    let text = |text: String, span: Span| Node { value: Value::String(text), span };
    let map = |entries: Vec<(&str, Node)>, span: Span| {
        let entry = |(key, value): (&str, Node)| Entry { key: Spanned::new(key.to_owned(), value.span), value };
        Node { value: Value::Mapping(Mapping::of(entries.into_iter().map(entry).collect())), span }
    };
    let kind = template.kind.span;
    let name = text(format!("{used}.{}", template.name.value), template.name.span);
    let spec = filled(&template.spec.0, values)?;
    Some(map(
        vec![
            ("apiVersion", text(API_VERSION.to_owned(), kind)),
            ("kind", text(template.kind.value.word().to_owned(), kind)),
            ("metadata", map(vec![("name", name)], template.name.span)),
            ("spec", spec),
        ],
        kind,
    ))
}

/// Returns the name of the parameter that a text stands for.
fn parameter(node: &Node) -> Option<&str> {
    node.as_str()?.strip_prefix("${")?.strip_suffix('}')
}

/// Puts values in the places of parameters; a list in the place of an item is its items.
fn filled(node: &Node, values: &BTreeMap<&str, &Node>) -> Option<Node> {
    if let Some(name) = parameter(node) {
        return values.get(name).map(|value| (*value).clone());
    }
    let value = match &node.value {
        Value::Sequence(items) => {
            let mut all = Vec::new();
            for item in items {
                match (parameter(item).is_some(), filled(item, values)?) {
                    (true, Node { value: Value::Sequence(many), .. }) => all.extend(many),
                    (_, one) => all.push(one),
                }
            }
            Value::Sequence(all)
        }
        Value::Mapping(mapping) => {
            let mut entries = Vec::new();
            for entry in mapping.entries() {
                entries.push(Entry { key: entry.key.clone(), value: filled(&entry.value, values)? });
            }
            Value::Mapping(Mapping::of(entries))
        }
        other => other.clone(),
    };
    Some(Node { value, span: node.span })
}

/// Checks that a pattern speaks of its parameters and no others, whether anybody uses it or not.
fn check(pattern: &Document<PatternSpec>, diagnostics: &mut Diagnostics) {
    let known: Vec<&str> = pattern.spec.parameters.iter().map(|it| it.value.name.value.0.as_str()).collect();
    let mut spoken = Vec::new();
    for template in &pattern.spec.documents.0 {
        texts(&template.value.spec.0, &mut spoken);
    }
    for (text, span) in &spoken {
        let name = text.strip_prefix("${").and_then(|text| text.strip_suffix('}'));
        let unknown = match name {
            Some(name) if known.contains(&name) => continue,
            Some(name) => code::UNKNOWN_FIELD
                .at(*span, format!("pattern `{}` has no parameter `{name}`", pattern.name()))
                .label("stands for nothing")
                .help(format!("its parameters are {}", listed(&known)))
                .did_you_mean(name, known.iter().copied()),
            None => code::INVALID_VALUE
                .at(*span, "a parameter is a text of its own")
                .label("part of a text")
                .help("write `\"${name}\"` and nothing else"),
        };
        diagnostics.report(unknown);
    }
    for parameter in pattern.spec.parameters.iter().map(|parameter| &parameter.value.name) {
        let written = format!("${{{}}}", parameter.value);
        if !spoken.iter().any(|(text, _)| *text == written) {
            let idle =
                code::INVALID_VALUE.at(parameter.span, format!("`{}` stands nowhere in the pattern", parameter.value));
            diagnostics.report(idle.label("decides nothing").help("drop it, or write it where it belongs"));
        }
    }
}

/// Collects the texts in which a parameter stands.
fn texts<'n>(node: &'n Node, into: &mut Vec<(&'n str, Span)>) {
    match &node.value {
        Value::String(text) if text.contains("${") => into.push((text, node.span)),
        Value::Sequence(items) => items.iter().for_each(|item| texts(item, into)),
        Value::Mapping(mapping) => mapping.entries().iter().for_each(|entry| texts(&entry.value, into)),
        _ => {}
    }
}

fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
