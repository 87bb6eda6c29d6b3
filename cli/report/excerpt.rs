//! The lines of a diagnostic, cut out for the renderer.
//!
//! In: labels that may lie in several files, far apart, on enormous lines. Out: one small text of numbered blocks with
//! the labels moved into it, which is the [`SourceCode`] the renderer reads. It exists for three reasons: the renderer's
//! own source code counts lines from the start of the file for each label; it knows one file a diagnostic, while both
//! sides of a collision want underlining; and it prints whatever it is given, a line of a megabyte included.

use std::collections::BTreeMap;

use miette::{LabeledSpan, MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};
use ringfence_compiler::diagnostics::Label;
use ringfence_compiler::source::{FileId, SourceFile, Sources};

use super::visible;

/// Lines shown above and below a label.
const CONTEXT: usize = 1;
/// A label over more lines than this underlines its first line only.
const TALLEST: usize = 8;
/// A line longer than this, in bytes, is cut to what surrounds its first label.
const WIDEST: usize = 140;
/// As much of a cut line is shown before the label.
const BEFORE: usize = 60;

/// The excerpts of one diagnostic.
#[derive(Debug, Default)]
pub(super) struct Excerpts {
    blocks: Vec<Block>,
    labels: Vec<LabeledSpan>,
}

/// Neighbouring lines of one file.
#[derive(Debug)]
struct Block {
    path: String,
    /// Where the block begins in the space all blocks share.
    base: usize,
    /// The number of its first line, from 0.
    first: usize,
    text: String,
    /// Where each label in it begins, by its place in the shared space: line and column in the file, from 0.
    positions: BTreeMap<usize, (usize, usize)>,
}

/// A label in terms of its file: lines from 0, bytes.
struct Mark<'a> {
    label: &'a Label,
    is_primary: bool,
    start: usize,
    end: usize,
    first: usize,
    last: usize,
}

impl Excerpts {
    /// Cuts out the lines of `labels`, the first of which is what the diagnostic is about; its file comes first.
    pub(super) fn of(labels: &[Label], sources: &Sources) -> Self {
        let mut excerpts = Self::default();
        let mut files: Vec<FileId> = Vec::new();
        for label in labels {
            if !files.contains(&label.span.file) {
                files.push(label.span.file);
            }
        }
        for id in files {
            let file = sources.file(id);
            let in_file = labels.iter().enumerate().filter(|(_, label)| label.span.file == id);
            let mut marks: Vec<_> = in_file.map(|(index, label)| Mark::new(label, index == 0, file)).collect();
            marks.sort_by_key(|mark| (mark.start, mark.end));
            let mut rest = marks.as_slice();
            while let Some((first, _)) = rest.split_first() {
                let mut last_line = first.last;
                let near = rest
                    .iter()
                    .take_while(|mark| {
                        let is_near = mark.first <= last_line + 2 * CONTEXT + 1;
                        last_line = last_line.max(if is_near { mark.last } else { 0 });
                        is_near
                    })
                    .count();
                let (together, after) = rest.split_at(near.max(1));
                excerpts.add(file, together);
                rest = after;
            }
        }
        excerpts
    }

    /// Returns the labels, moved into the excerpts.
    pub(super) fn labels(&self) -> &[LabeledSpan] {
        &self.labels
    }

    fn add(&mut self, file: &SourceFile, marks: &[Mark<'_>]) {
        // Blocks keep a distance, so that a place at the end of one is not the start of the next.
        let base = self.blocks.last().map_or(0, |block| block.base + block.text.len() + 2);
        let from = marks.iter().map(|mark| mark.first).min().unwrap_or(0).saturating_sub(CONTEXT);
        let to = marks.iter().map(|mark| mark.last).max().unwrap_or(0) + CONTEXT;
        let mut block =
            Block { path: visible(file.path()), base, first: from, text: String::new(), positions: BTreeMap::new() };
        // Where the ends of each mark came to lie.
        let mut moved: Vec<(Option<usize>, usize)> = vec![(None, base); marks.len()];
        for number in from..=to {
            let Some((start, line)) = line(file, number) else { break };
            // The line after the last newline is shown only when a label is there.
            if line.is_empty() && number + 1 == file.line_starts().len() && marks.iter().all(|mark| mark.last < number)
            {
                break;
            }
            let here = marks.iter().zip(&mut moved).filter(|(mark, _)| (mark.first..=mark.last).contains(&number));
            let here: Vec<_> = here.collect();
            let cut = Cut::of(line, here.iter().map(|(mark, _)| mark.start.saturating_sub(start)).min());
            let offset = base + block.text.len();
            for (mark, (moved_start, moved_end)) in here {
                if number == mark.first {
                    *moved_start = Some(offset + cut.place(mark.start.saturating_sub(start)));
                }
                *moved_end = offset + cut.place(mark.end.saturating_sub(start));
            }
            block.text.push_str(&cut.text);
            block.text.push('\n');
        }
        for (mark, (start, end)) in marks.iter().zip(moved) {
            let start = start.unwrap_or(base);
            let text = visible(&mark.label.text);
            let text = Some(text).filter(|text| !text.is_empty());
            let span = SourceSpan::new(start.into(), end.saturating_sub(start));
            let (line, column) = file.position(u32::try_from(mark.start).unwrap_or(u32::MAX));
            block.positions.entry(start).or_insert((line.saturating_sub(1), column.saturating_sub(1)));
            self.labels.push(match mark.is_primary {
                true => LabeledSpan::new_primary_with_span(text, span),
                false => LabeledSpan::new_with_span(text, span),
            });
        }
        self.blocks.push(block);
    }
}

impl<'a> Mark<'a> {
    fn new(label: &'a Label, is_primary: bool, file: &SourceFile) -> Self {
        let text = file.text();
        let start = floor(text, label.span.start as usize);
        let covered = text.get(start..floor(text, label.span.end as usize)).unwrap_or("");
        // A block of YAML ends with the newline after it, which nobody means to underline.
        let trimmed = covered.trim_end();
        let end = start + if trimmed.is_empty() { covered.lines().next().map_or(0, str::len) } else { trimmed.len() };
        let first = line_of(file, start);
        let mut mark = Self { label, is_primary, start, end, first, last: line_of(file, end).max(first) };
        if mark.last - mark.first >= TALLEST {
            mark.last = first;
            mark.end = line(file, first).map_or(end, |(start, line)| start + line.len());
        }
        mark
    }
}

/// As much of a line as is shown.
struct Cut {
    text: String,
    /// Which bytes of the line are shown.
    from: usize,
    to: usize,
    /// How many bytes stand before them.
    mark: usize,
}

impl Cut {
    /// Cuts a line around `label`, where its first label begins.
    fn of(line: &str, label: Option<usize>) -> Self {
        if line.len() <= WIDEST {
            return Self { text: visible(line), from: 0, to: line.len(), mark: 0 };
        }
        let from = floor(line, label.unwrap_or(0).min(line.len()).saturating_sub(BEFORE));
        let to = floor(line, from + WIDEST);
        let (before, after) = (if from > 0 { "…" } else { "" }, if to < line.len() { "…" } else { "" });
        let text = format!("{before}{}{after}", visible(line.get(from..to).unwrap_or("")));
        Self { text, from, to, mark: before.len() }
    }

    /// Moves an offset in the line into what is shown of it.
    fn place(&self, offset: usize) -> usize {
        self.mark + offset.clamp(self.from, self.to) - self.from
    }
}

/// Returns a line without its end, and where it begins; lines count from 0.
fn line(file: &SourceFile, number: usize) -> Option<(usize, &str)> {
    let starts = file.line_starts();
    let start = *starts.get(number)? as usize;
    let end = starts.get(number + 1).map_or(file.text().len(), |next| *next as usize);
    let line = file.text().get(start..end)?;
    let line = line.strip_suffix('\n').unwrap_or(line);
    Some((start, line.strip_suffix('\r').unwrap_or(line)))
}

/// Returns the line, from 0, that holds an offset.
fn line_of(file: &SourceFile, offset: usize) -> usize {
    file.line_starts().partition_point(|start| *start as usize <= offset).saturating_sub(1)
}

/// Returns the last place where a character begins, at `offset` or before.
fn floor(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

impl SourceCode for Excerpts {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        lines_before: usize,
        _: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let end = span.offset() + span.len();
        let holds = |block: &&Block| block.base <= span.offset() && end <= block.base + block.text.len();
        let block = self.blocks.iter().find(holds).ok_or(MietteError::OutOfBounds)?;
        // Asked for a label without its surroundings, the renderer wants to know where it begins; else, what to print.
        let heading = block.positions.get(&span.offset()).filter(|_| lines_before == 0);
        let (line, column) = heading.copied().unwrap_or((block.first, 0));
        let whole = SourceSpan::new(block.base.into(), block.text.len());
        let lines = block.text.lines().count();
        Ok(Box::new(MietteSpanContents::new_named(
            block.path.clone(),
            block.text.as_bytes(),
            whole,
            line,
            column,
            lines,
        )))
    }
}
