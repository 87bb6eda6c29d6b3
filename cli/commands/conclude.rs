//! How a run ends by what it found.
//!
//! In: what was said, what of it comments and a baseline keep silent, and what was asked for. Out: the findings in every form that
//! was asked for, and the exit. Every command ends here, so that what is ignored in one is ignored in all.

use std::path::Path;

use ringfence_compiler::diagnostics::ignores::{self, Ignorable};
use ringfence_compiler::diagnostics::{Diagnostics, Severity};
use ringfence_compiler::source::Sources;
use serde_json::Value;

use crate::args::{Findings, FindingsForm, FormatName, Level, Output, Reading};
use crate::baseline::Baseline;
use crate::console;
use crate::exit::{Exit, Failure};
use crate::mesh::Meshes;
use crate::project;
use crate::report::{self, Counts, Format, Left, Origin, Style};
use crate::summary::{Come, closing, counted, unchecked};

/// What a run found.
pub(super) struct Found<'a> {
    /// Every text that was read.
    pub sources: &'a Sources,
    /// What was said, without what comments silence.
    pub diagnostics: &'a Diagnostics,
    /// How much comments silence.
    pub ignored: usize,
    /// What the run came to.
    pub come: Option<&'a dyn Come>,
    /// Whether every document could be read: what comes after reading was not looked at otherwise.
    pub was_read: bool,
    /// The folder that paths begin at.
    pub root: &'a Path,
    /// What may be known already.
    pub which: Ignorable,
    /// The baseline of the project, by its name.
    pub baseline: Option<&'a (String, Vec<u8>)>,
}

/// Says what was found, and returns how the run ends by it.
pub(super) fn conclude(reading: &Reading, how: &Findings, found: &Found<'_>) -> Result<Exit, Failure> {
    let (diagnostics, known) = known(reading, how, found)?;
    let said = Said {
        sources: found.sources,
        counts: Counts::of(&diagnostics, found.sources),
        diagnostics,
        come: found.come,
        left: Left { ignored: found.ignored, baseline: known },
        unchecked: unchecked((!found.was_read).then(|| report::files_with_errors(found.diagnostics, found.sources))),
        origin: Origin::of(found.root),
        fail_on: how.fail_on,
        notes: reading.verbose || how.fail_on == Level::Note,
    };
    write_each(&how.output, |form| said.render(form, Style::PLAIN))?;
    console::print(&said.render(how.format, console::style()))?;
    if how.format != FindingsForm::Text {
        if let (Some(come), FindingsForm::Concise) = (found.come, how.format) {
            console::note(&come.text(Style::PLAIN));
        }
        console::note(said.last(true).trim_end());
    }
    let Counts { errors, warnings, notes } = said.counts;
    let counted = [(Severity::Error, errors), (Severity::Warning, warnings), (Severity::Note, notes)];
    let fails = counted.iter().any(|(severity, count)| *count > 0 && how.fail_on.counts(*severity));
    Ok(if fails { Exit::Findings } else { Exit::Clean })
}

/// Leaves out what a baseline knows, or writes one.
fn known(reading: &Reading, how: &Findings, found: &Found<'_>) -> Result<(Diagnostics, usize), Failure> {
    let baseline = match (&how.write_baseline, &how.baseline, found.baseline) {
        (Some(file), ..) => {
            let baseline = Baseline::of(found.diagnostics, found.sources, found.which);
            baseline.write(file)?;
            console::note(&format!("ringfence: {} in `{}`", counted(baseline.len(), "finding"), file.display()));
            baseline
        }
        (None, Some(file), _) => {
            let bytes = project::read_at(file, found.root, reading.moment())?;
            Baseline::read(&file.display().to_string(), &bytes)?
        }
        (None, None, Some((name, bytes))) => Baseline::read(name, bytes)?,
        (None, None, None) => return Ok((found.diagnostics.clone(), 0)),
    };
    let (rest, taken) = baseline.leave(found.diagnostics, found.sources, found.which);
    // What was not looked for is not gone.
    if taken.gone > 0 && found.was_read && !found.diagnostics.has_errors() {
        console::note(&format!(
            "ringfence: {} of the baseline {} gone; `--write-baseline` forgets what is",
            counted(taken.gone, "finding"),
            if taken.gone == 1 { "is" } else { "are" }
        ));
    }
    Ok((rest, taken.there))
}

/// What is said, in whatever form.
struct Said<'a> {
    sources: &'a Sources,
    diagnostics: Diagnostics,
    counts: Counts,
    come: Option<&'a dyn Come>,
    left: Left,
    unchecked: Option<String>,
    origin: Origin,
    fail_on: Level,
    notes: bool,
}

impl Said<'_> {
    fn render(&self, form: FindingsForm, style: Style) -> String {
        let (diagnostics, sources) = (&self.diagnostics, self.sources);
        match form {
            FindingsForm::Text => {
                let shown = if self.notes { diagnostics.clone() } else { report::without_notes(diagnostics, sources) };
                let mut text = report::render(Format::Text(style), &shown, sources);
                if !text.is_empty() {
                    text.push('\n');
                }
                if let Some(come) = self.come {
                    text.push_str(&come.text(style));
                    text.push('\n');
                }
                text.push_str(&self.last(self.notes));
                text
            }
            FindingsForm::Concise => report::render(Format::Concise, diagnostics, sources),
            FindingsForm::Json => {
                let come = self.come.map_or(Value::Null, Come::json);
                report::render(Format::Json(&come, self.unchecked.as_deref(), self.left), diagnostics, sources)
            }
            FindingsForm::Sarif => report::render(Format::Sarif(&self.origin), diagnostics, sources),
            FindingsForm::Github => report::render(Format::Github(&self.origin), diagnostics, sources),
            FindingsForm::Junit => report::render(Format::Junit(self.fail_on), diagnostics, sources),
            FindingsForm::Markdown => {
                let come = self.come.map(|come| come.text(Style::PLAIN));
                let last = self.last(true);
                report::render(Format::Markdown(&self.origin, come.as_deref(), &last), diagnostics, sources)
            }
        }
    }

    /// Returns the last lines: what was not looked at, how much was found, and how much of it is left out.
    fn last(&self, notes_shown: bool) -> String {
        let mut last = closing(self.counts, self.left, notes_shown);
        if let Some(unchecked) = &self.unchecked {
            last = format!("{unchecked}\n{last}");
        }
        last
    }
}

/// Writes each report, in a folder that is made where it is not there.
pub(super) fn write_each<F: Copy>(outputs: &[Output<F>], render: impl Fn(F) -> String) -> Result<(), Failure> {
    for (at, Output { form, file }) in outputs.iter().enumerate() {
        let refuse = |error| Failure::new(format!("cannot write `{}`: {error}", file.display()));
        if outputs.iter().take(at).any(|before| before.file == *file) {
            return Err(Failure::new(format!("two reports are to be written to `{}`", file.display())));
        }
        if let Some(folder) = file.parent().filter(|folder| *folder != Path::new("")) {
            std::fs::create_dir_all(folder).map_err(refuse)?;
        }
        std::fs::write(file, render(*form)).map_err(refuse)?;
    }
    Ok(())
}

/// Silences what comments say is to be silenced in what was read. Where not everything was looked at, no comment is said to be
/// of no use.
pub(super) fn silence(meshes: &Meshes<'_>, reading: &Reading, whole: bool) -> Result<(Diagnostics, usize), Failure> {
    let mut diagnostics = meshes.diagnostics.clone();
    if !ignores::any(meshes.sources) {
        return Ok((diagnostics, 0));
    }
    let day = match meshes.as_of {
        Some(day) => day,
        None => project::day(meshes.root, reading)?,
    };
    let ignored = ignores::apply(&mut diagnostics, meshes.sources, day, meshes.ignorable(), whole);
    Ok((diagnostics, ignored))
}

/// Says on standard error what is wrong with what was read, and returns how an answer ends by it.
pub(super) fn conclude_answer(reading: &Reading, form: FormatName, meshes: &Meshes<'_>) -> Result<Exit, Failure> {
    let (diagnostics, ignored) = silence(meshes, reading, false)?;
    if meshes.clusters.is_empty() {
        let found = Found {
            sources: meshes.sources,
            diagnostics: &diagnostics,
            ignored,
            come: None,
            was_read: true,
            root: meshes.root,
            which: meshes.ignorable(),
            baseline: None,
        };
        return conclude(reading, &Findings::of_answer(form), &found);
    }
    if diagnostics.has_errors() {
        let errors = report::render(Format::Concise, &diagnostics, meshes.sources);
        console::note(errors.trim_end());
        console::note("ringfence: what is wrong here was left out of the answer");
        return Ok(Exit::Findings);
    }
    Ok(Exit::Clean)
}
