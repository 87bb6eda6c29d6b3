//! The texts a run is about, and places in them.
//!
//! In: a path and the bytes found there, from a directory, a git revision or a test. Out: [`Sources`], which every later
//! stage reads and every diagnostic points into through a [`Span`]. It exists so that nothing behind it knows where a
//! text came from.

use std::collections::BTreeMap;
use std::sync::Arc;

/// One file of a run, by the order in which it was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(u32);

impl FileId {
    /// Returns the position of the file in [`Sources::files`].
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A half-open range of bytes in one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The file the bytes are in.
    pub file: FileId,
    /// The first byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// Makes a span of the bytes `start..end` of `file`.
    #[must_use]
    pub fn new(file: FileId, start: usize, end: usize) -> Self {
        let clamp = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        Self { file, start: clamp(start), end: clamp(end.max(start)) }
    }
}

/// A value and the place it was written; two of them are equal when the values are.
#[derive(Debug, Clone, Copy)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it was written.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// Joins a value with its place.
    pub fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }

    /// Applies `change` to the value and keeps the place.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Spanned<U> {
        Spanned { value: change(self.value), span: self.span }
    }
}

impl<T: PartialEq> PartialEq for Spanned<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Eq> Eq for Spanned<T> {}

impl<T: PartialOrd> PartialOrd for Spanned<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        self.value.partial_cmp(&other.value)
    }
}

impl<T: Ord> Ord for Spanned<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.value.cmp(&other.value)
    }
}

/// One file: its path from the root of the repository, its text, and where its lines begin.
#[derive(Debug, Clone)]
pub struct SourceFile {
    path: Arc<str>,
    text: Arc<str>,
    line_starts: Vec<u32>,
    invalid_utf8: Option<usize>,
}

impl SourceFile {
    /// Reads `bytes` as UTF-8; bytes that are not become U+FFFD and are remembered for the reader to refuse.
    #[must_use]
    pub fn new(path: &str, bytes: Vec<u8>) -> Self {
        let (text, invalid_utf8) = match String::from_utf8(bytes) {
            Ok(text) => (text, None),
            Err(error) => {
                let first = error.utf8_error().valid_up_to();
                (String::from_utf8_lossy(error.as_bytes()).into_owned(), Some(first))
            }
        };
        let newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let line_starts =
            std::iter::once(0).chain(newlines.map(|(at, _)| u32::try_from(at + 1).unwrap_or(u32::MAX))).collect();
        Self { path: path.into(), text: text.into(), line_starts, invalid_utf8 }
    }

    /// Returns the path from the root of the repository, with `/` between its parts.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns the whole text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns where the first byte that is not UTF-8 stands, if there is one.
    #[must_use]
    pub fn invalid_utf8(&self) -> Option<usize> {
        self.invalid_utf8
    }

    /// Returns where each line begins, in bytes; the first is 0.
    #[must_use]
    pub fn line_starts(&self) -> &[u32] {
        &self.line_starts
    }

    /// Returns the line and column of a byte, both from 1; columns count characters.
    #[must_use]
    pub fn position(&self, offset: u32) -> (usize, usize) {
        let line = self.line_starts.partition_point(|start| *start <= offset).max(1);
        let start = self.line_starts.get(line - 1).copied().unwrap_or(0) as usize;
        let mut end = (offset as usize).clamp(start, self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let column = self.text.get(start..end).map_or(0, |before| before.chars().count());
        (line, column + 1)
    }
}

/// All texts of one run, in the order they were added.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    files: Vec<SourceFile>,
    uses: BTreeMap<FileId, Span>,
}

impl Sources {
    /// Makes an empty collection.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file and returns its id. A run adds files in the order of their paths, so that ids sort as paths do.
    pub fn add(&mut self, file: SourceFile) -> FileId {
        let id = FileId(u32::try_from(self.files.len()).unwrap_or(u32::MAX));
        self.files.push(file);
        id
    }

    /// Adds the text of a pattern for one use of it, and where that use was written.
    pub fn add_use(&mut self, file: SourceFile, used_at: Span) -> FileId {
        let id = self.add(file);
        self.uses.insert(id, used_at);
        id
    }

    /// Returns where the text of a file is used, if it is that of a pattern for one use.
    #[must_use]
    pub fn used_at(&self, file: FileId) -> Option<Span> {
        self.uses.get(&file).copied()
    }

    /// Returns every file with its id.
    pub fn files(&self) -> impl Iterator<Item = (FileId, &SourceFile)> {
        self.files.iter().enumerate().map(|(index, file)| (FileId(u32::try_from(index).unwrap_or(u32::MAX)), file))
    }

    /// Returns the YAML files of a folder.
    pub fn within(&self, folder: &str) -> impl Iterator<Item = FileId> {
        let is_in = move |path: &str| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
        let is_yaml = |path: &str| path.ends_with(".yaml") || path.ends_with(".yml");
        self.files().filter(move |(_, file)| is_in(file.path()) && is_yaml(file.path())).map(|(id, _)| id)
    }

    /// Returns the file an id stands for.
    ///
    /// # Panics
    /// On an id that another `Sources` gave out: a fault of the program, never of its input.
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "ids are made by `add` alone")]
    pub fn file(&self, id: FileId) -> &SourceFile {
        &self.files[id.index()]
    }

    /// Returns the text a span covers; empty where the span lies outside its file.
    #[must_use]
    pub fn text(&self, span: Span) -> &str {
        self.file(span.file).text().get(span.start as usize..span.end as usize).unwrap_or("")
    }

    /// Returns `path:line` of a span, as annotations and explanations name places.
    #[must_use]
    pub fn place(&self, span: Span) -> String {
        let file = self.file(span.file);
        format!("{}:{}", file.path(), file.position(span.start).0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_from_one() {
        let file = SourceFile::new("a.yaml", "ä: 1\nb: ü x\n".as_bytes().to_vec());
        assert_eq!(file.position(0), (1, 1));
        assert_eq!(file.position(2), (1, 2));
        assert_eq!(file.position(6), (2, 1));
        assert_eq!(file.position(12), (2, 6));
    }

    #[test]
    fn bytes_that_are_not_utf8_are_remembered() {
        let file = SourceFile::new("a.yaml", b"a: \xff\n".to_vec());
        assert_eq!(file.invalid_utf8(), Some(3));
    }
}
