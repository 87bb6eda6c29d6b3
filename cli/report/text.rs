//! Excerpts with every place underlined: what people read.
//!
//! In: diagnostics. Out: one paragraph each (id, sentence, lines, help), and at the end how to learn more. The drawing
//! is miette's; breaking long sentences is ours, because a name broken at its hyphen cannot be searched for.

use std::fmt;

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, SourceCode};
use ringfence_compiler::diagnostics::{Diagnostic, Diagnostics, Severity};
use ringfence_compiler::source::Sources;

use super::excerpt::Excerpts;
use super::{Style, listed, visible};

/// Renders every diagnostic, and how to learn more about them.
pub(super) fn render(diagnostics: &Diagnostics, sources: &Sources, style: Style) -> String {
    let theme = if style.colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(style.width)
        .with_context_lines(1)
        .with_wrap_lines(false)
        .with_links(false)
        .without_syntax_highlighting();
    let sorted = listed(diagnostics, sources);
    let mut text = String::new();
    for diagnostic in &sorted {
        let shown = Shown::new(diagnostic, sources, style.width);
        // Writing to a string fails only when the renderer cannot read our excerpts; the sentence is then said plainly.
        if handler.render_report(&mut text, &shown).is_err() {
            text.push_str(&shown.message);
        }
        text.push('\n');
    }
    let mut ids: Vec<_> = sorted.iter().map(|diagnostic| diagnostic.code().id).collect();
    ids.sort_unstable();
    ids.dedup();
    match ids.as_slice() {
        [] => {}
        [id] => text.push_str(&format!("For more about this, run `ringfence explain {id}`.\n")),
        ids => {
            let line = format!("For more about one of these, run `ringfence explain <id>`: {}.", ids.join(", "));
            text.push_str(&wrap(&line, style.width));
            text.push('\n');
        }
    }
    text
}

/// A diagnostic as the renderer wants it.
#[derive(Debug)]
struct Shown {
    id: &'static str,
    severity: miette::Severity,
    message: String,
    help: Option<String>,
    excerpts: Excerpts,
}

impl Shown {
    fn new(diagnostic: &Diagnostic, sources: &Sources, width: usize) -> Self {
        let severity = match diagnostic.code().severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
            Severity::Note => miette::Severity::Advice,
        };
        Self {
            id: diagnostic.code().id,
            severity,
            message: wrap(&visible(diagnostic.message()), width.saturating_sub(4)),
            help: diagnostic.help_text().map(|help| wrap(&visible(help), width.saturating_sub(8))),
            excerpts: Excerpts::of(diagnostic.labels(), sources),
        }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Shown {}

impl miette::Diagnostic for Shown {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.id))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(self.severity)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.excerpts)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let labels = self.excerpts.labels();
        if labels.is_empty() { None } else { Some(Box::new(labels.iter().cloned())) }
    }
}

/// Breaks a text at its spaces so that its lines are at most `width` characters long, where words allow it.
fn wrap(text: &str, width: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    for given in text.split('\n') {
        let mut line = String::new();
        for word in given.split(' ') {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
                lines.push(std::mem::take(&mut line));
            } else if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines.join("\n")
}
