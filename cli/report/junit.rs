//! A test report in the form of JUnit, which CI servers read.
//!
//! In: diagnostics. Out: a suite with a case for each; those that count fail, the others are said in the output of a case that
//! passes. A run that found nothing has one case that passes: a suite of none looks like one that did not run.

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};
use ringfence_compiler::diagnostics::{Diagnostic, Diagnostics};
use ringfence_compiler::source::Sources;

use super::{listed, visible};
use crate::args::Level;

/// Renders the whole document.
pub(super) fn render(diagnostics: &Diagnostics, sources: &Sources, fail_on: Level) -> String {
    let listed = listed(diagnostics, sources);
    let failures = listed.iter().filter(|one| fail_on.counts(one.code().severity)).count();
    let count = listed.len().max(1).to_string();
    let totals = [("name", "ringfence"), ("tests", count.as_str()), ("failures", &failures.to_string())];
    let mut bytes = Vec::new();
    let mut writer = Writer::new_with_indent(&mut bytes, b' ', 2);
    let written = writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None))).and_then(|()| {
        writer.create_element("testsuites").with_attributes(totals).write_inner_content(|writer| {
            writer.create_element("testsuite").with_attributes(totals).write_inner_content(|writer| {
                if listed.is_empty() {
                    let nothing = [("classname", "ringfence"), ("name", "nothing was found")];
                    writer.create_element("testcase").with_attributes(nothing).write_empty()?;
                }
                listed.iter().try_for_each(|one| case(writer, one, sources, fail_on))
            })?;
            Ok(())
        })?;
        Ok(())
    });
    // Writing to a vector cannot fail.
    debug_assert!(written.is_ok());
    let mut text = String::from_utf8_lossy(&bytes).into_owned();
    text.push('\n');
    text
}

fn case(
    writer: &mut Writer<&mut Vec<u8>>,
    diagnostic: &Diagnostic,
    sources: &Sources,
    fail_on: Level,
) -> std::io::Result<()> {
    let place = diagnostic.span().map_or("ringfence".to_owned(), |span| plain(&sources.place(span)));
    let (message, severity) = (plain(diagnostic.message()), diagnostic.code().severity);
    let name = format!("{place}: {message}");
    let mut said = format!("{place}: {}[{}] {message}\n", severity.word(), diagnostic.code().id);
    for label in diagnostic.labels().iter().skip(1) {
        said.push_str(&plain(&format!("{}: {}\n", sources.place(label.span), label.text)));
    }
    if let Some(help) = diagnostic.help_text() {
        said.push_str(&format!("help: {}\n", plain(help)));
    }
    let case =
        writer.create_element("testcase").with_attributes([("classname", diagnostic.code().id), ("name", &name)]);
    case.write_inner_content(|writer| {
        let element = if fail_on.counts(severity) {
            writer.create_element("failure").with_attributes([("type", severity.word()), ("message", &message)])
        } else {
            writer.create_element("system-out")
        };
        element.write_text_content(BytesText::new(&said))?;
        Ok(())
    })?;
    Ok(())
}

/// Leaves out what XML 1.0 has no place for.
fn plain(text: &str) -> String {
    visible(text).chars().filter(|c| !matches!(c, '\u{fffe}' | '\u{ffff}')).collect()
}
