//! SARIF 2.1.0, for code scanning.
//!
//! In: diagnostics, and where their paths begin in the repository. Out: one run: a rule for each code that is there, with its page
//! as help; a result for each finding, with its id as fingerprint and what it collides with as related location. What GitHub takes
//! of it is in its "SARIF support for code scanning"; that every result has a place is one of its rules, so that a finding about no
//! line stands at the first of `ringfence.yaml`.

use std::collections::BTreeMap;

use ringfence_compiler::diagnostics::{Code, Diagnostic, Diagnostics, Label, Severity};
use ringfence_compiler::parse::PROJECT_FILE;
use ringfence_compiler::source::Sources;
use serde_json::{Value, json};

use super::identity::identified;
use super::{Origin, listed};

/// The name under which our fingerprints are kept.
pub(super) const FINGERPRINT: &str = "ringfence/v1";

/// Renders the whole document.
pub(super) fn render(diagnostics: &Diagnostics, sources: &Sources, origin: &Origin) -> String {
    let findings = identified(listed(diagnostics, sources), sources);
    let codes: BTreeMap<&str, &Code> =
        findings.iter().map(|(_, finding)| (finding.code().id, finding.code())).collect();
    let rules: Vec<Value> = codes.values().map(|code| rule(code)).collect();
    let index = |id: &str| codes.keys().position(|known| *known == id);
    let results: Vec<Value> =
        findings.iter().map(|(id, finding)| result(id, finding, index(finding.code().id), sources, origin)).collect();
    document(rules, results, &format!("check/{}", origin.prefix))
}

/// Puts rules and results into a document; the category keeps runs about different folders apart.
pub fn document(rules: Vec<Value>, results: Vec<Value>, category: &str) -> String {
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "Ringfence",
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "automationDetails": { "id": format!("ringfence/{}/", category.trim_end_matches('/')) },
            "columnKind": "unicodeCodePoints",
            "originalUriBaseIds": { "%SRCROOT%": { "description": { "text": "The root of the repository." } } },
            "results": results,
        }],
    });
    format!("{document:#}\n")
}

/// Describes a code.
fn rule(code: &Code) -> Value {
    json!({
        "id": code.id,
        "name": camel(code.id),
        "shortDescription": { "text": sentence(code.summary) },
        "fullDescription": { "text": sentence(code.summary) },
        "help": { "text": code.page, "markdown": code.page },
        "defaultConfiguration": { "level": code.severity.word() },
        "properties": {
            "tags": ["security", "zero-trust", code.id.split('/').next().unwrap_or_default()],
            "precision": "high",
            "problem.severity": problem(code.severity),
            "security-severity": weight(code.severity),
        },
    })
}

/// Returns GitHub's word for a weight.
fn problem(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "recommendation",
    }
}

/// Returns the number by which GitHub sorts alerts: from 7.0 on they are high, from 4.0 medium.
fn weight(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "8.0",
        Severity::Warning => "5.5",
        Severity::Note => "2.0",
    }
}

fn result(id: &str, finding: &Diagnostic, index: Option<usize>, sources: &Sources, origin: &Origin) -> Value {
    let mut text = sentence(finding.message());
    if let Some(help) = finding.help_text() {
        text.push('\n');
        text.push_str(&sentence(help));
    }
    let first = finding.labels().first();
    let mut result = json!({
        "ruleId": finding.code().id,
        "ruleIndex": index,
        "level": finding.code().severity.word(),
        "message": { "text": text },
        "locations": [first.map_or_else(|| nowhere(origin), |label| location(label, sources, origin))],
        "partialFingerprints": { FINGERPRINT: id, "primaryLocationLineHash": format!("{id}:1") },
    });
    let related: Vec<Value> = finding
        .labels()
        .iter()
        .skip(1)
        .zip(1..)
        .map(|(label, at)| {
            let mut related = location(label, sources, origin);
            if let Some(related) = related.as_object_mut() {
                related.insert("id".to_owned(), Value::from(at));
                related.insert("message".to_owned(), json!({ "text": sentence(&label.text) }));
            }
            related
        })
        .collect();
    if let Some(result) = result.as_object_mut().filter(|_| !related.is_empty()) {
        result.insert("relatedLocations".to_owned(), Value::from(related));
    }
    result
}

fn location(label: &Label, sources: &Sources, origin: &Origin) -> Value {
    let file = sources.file(label.span.file);
    let ((line, column), (last, end)) = (file.position(label.span.start), file.position(label.span.end));
    place(&origin.path(file.path()), (line, column), (last, end))
}

/// Returns a place in a file whose path begins at the root of the repository.
pub fn place(path: &str, (line, column): (usize, usize), (last, end): (usize, usize)) -> Value {
    json!({ "physicalLocation": {
        "artifactLocation": { "uri": uri(path), "uriBaseId": "%SRCROOT%" },
        "region": { "startLine": line, "startColumn": column, "endLine": last, "endColumn": end },
    }})
}

/// Returns where a finding stands that is about no line.
fn nowhere(origin: &Origin) -> Value {
    place(&origin.path(PROJECT_FILE), (1, 1), (1, 1))
}

/// Writes a path as a relative reference (RFC 3986, section 3.3).
fn uri(path: &str) -> String {
    let mut uri = String::new();
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => uri.push(char::from(byte)),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

/// Turns `resolve/widens-mandate` into `ResolveWidensMandate`.
pub fn camel(id: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>()).unwrap_or_default()
    };
    id.split(['/', '-']).map(word).collect()
}

/// Begins with a capital and ends with a full stop, as SARIF asks of messages.
pub fn sentence(text: &str) -> String {
    let text = super::visible(text);
    let mut letters = text.chars();
    let text: String = letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default();
    if text.ends_with(['.', '!', '?']) { text } else { format!("{text}.") }
}
