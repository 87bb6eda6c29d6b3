//! What a stage has to say about its input.
//!
//! In: reports from every stage, each with a [`Code`], the place it is about and the places it collides with. Out: one
//! sorted list, all of it in one run. It exists so that no stage prints, stops early or forgets.

pub mod codes;
pub mod ignores;
mod page;

pub use page::page;

use std::collections::{BTreeMap, BTreeSet};

use crate::source::{FileId, Sources, Span};

/// How much a diagnostic weighs: an error fails the run, a warning asks to be read, a note only tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The run fails and nothing is written.
    Error,
    /// The output stands, and somebody should look.
    Warning,
    /// A fact worth knowing.
    Note,
}

impl Severity {
    /// Returns the word people and programs read.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// A kind of diagnostic: its one name everywhere, its weight, and its page.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// `<stage>/<kebab-name>`.
    pub id: &'static str,
    /// How much it weighs.
    pub severity: Severity,
    /// One line for lists.
    pub summary: &'static str,
    /// What it finds, why it matters, an example and how to fix it, in Markdown.
    pub page: &'static str,
}

impl Code {
    /// Starts a diagnostic of this kind about the text at `span`; `message` is lower case, without a full stop, with
    /// the user's words in backticks.
    pub fn at(&'static self, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            code: self,
            message: shortened(message.into()),
            labels: vec![Label { span, text: "here".to_owned() }],
            help: None,
        }
    }

    /// Starts a diagnostic of this kind that is about no line of any file.
    pub fn nowhere(&'static self, message: impl Into<String>) -> Diagnostic {
        Diagnostic { code: self, message: shortened(message.into()), labels: Vec::new(), help: None }
    }
}

/// A place and what is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What is there, in a few words.
    pub text: String,
}

/// One thing to say: what, where, what it collides with, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a diagnostic says nothing until it is given to `Diagnostics::report`"]
pub struct Diagnostic {
    code: &'static Code,
    message: String,
    labels: Vec<Label>,
    help: Option<String>,
}

impl Diagnostic {
    /// Says what is at the first place.
    pub fn label(mut self, text: impl Into<String>) -> Self {
        if let Some(first) = self.labels.first_mut() {
            first.text = shortened(text.into());
        }
        self
    }

    /// Adds another place: the line this one collides with.
    pub fn and(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: shortened(text.into()) });
        self
    }

    /// Says what to do.
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(shortened(text.into()));
        self
    }

    /// Offers the nearest of `known` to `word`, if one is near.
    pub fn did_you_mean<'a>(self, word: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        match nearest(word, known) {
            Some(near) => self.help(format!("did you mean `{near}`?")),
            None => self,
        }
    }

    /// Returns the kind.
    #[must_use]
    pub fn code(&self) -> &'static Code {
        self.code
    }

    /// Returns the sentence.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns every place, the one it is about first.
    #[must_use]
    pub fn labels(&self) -> &[Label] {
        &self.labels
    }

    /// Returns what to do, if it was said.
    #[must_use]
    pub fn help_text(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// Returns the place it is about.
    #[must_use]
    pub fn span(&self) -> Option<Span> {
        self.labels.first().map(|label| label.span)
    }
}

/// Proof that something was reported: only [`Diagnostics`] makes it, so no stage can fail in silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reported(());

/// Everything said in one run.
#[derive(Debug, Clone, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    /// Where the text of a file is used, for those that are a pattern's text for one use.
    uses: BTreeMap<FileId, Span>,
}

impl Diagnostics {
    /// Makes an empty list.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps a diagnostic; the token shows that it was.
    pub fn report(&mut self, diagnostic: Diagnostic) -> Reported {
        let diagnostic = self.with_use(diagnostic);
        self.list.push(diagnostic);
        Reported(())
    }

    /// Remembers where the text of a file is used, so that whatever is said of it says so, too.
    pub fn add_use(&mut self, file: FileId, used_at: Span) {
        self.uses.insert(file, used_at);
    }

    fn with_use(&self, diagnostic: Diagnostic) -> Diagnostic {
        let used = diagnostic.labels.iter().filter_map(|label| self.uses.get(&label.span.file).copied());
        let used: BTreeSet<Span> = used.filter(|at| !diagnostic.labels.iter().any(|label| label.span == *at)).collect();
        used.into_iter().fold(diagnostic, |diagnostic, at| diagnostic.and(at, "the pattern is used here"))
    }

    /// Returns how many were reported so far, repetitions included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Tells whether nothing was reported.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Takes out what is not to be said, and returns how many different ones that were.
    pub fn remove(&mut self, mut is_silenced: impl FnMut(&Diagnostic) -> bool) -> usize {
        let (silenced, rest): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.list).into_iter().partition(|diagnostic| is_silenced(diagnostic));
        self.list = rest;
        let is_first = |(at, one): &(usize, &Diagnostic)| !silenced.iter().take(*at).any(|before| before == *one);
        silenced.iter().enumerate().filter(is_first).count()
    }

    /// Returns what was reported after the first so many, for who knows more about it.
    pub fn since(&mut self, first: usize) -> &mut [Diagnostic] {
        self.list.get_mut(first..).unwrap_or_default()
    }

    /// Takes over what another list holds: how parallel work comes together, in the order of its input.
    pub fn append(&mut self, other: Self) {
        self.uses.extend(other.uses);
        for diagnostic in other.list {
            let diagnostic = self.with_use(diagnostic);
            self.list.push(diagnostic);
        }
    }

    /// Returns `Err` when an error was reported, so that a stage can stop after finding all it can.
    ///
    /// # Errors
    /// When the list holds a diagnostic of severity [`Severity::Error`].
    pub fn check(&self) -> Result<(), Reported> {
        if self.has_errors() { Err(Reported(())) } else { Ok(()) }
    }

    /// Tells whether an error was reported.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|diagnostic| diagnostic.code.severity == Severity::Error)
    }

    /// Returns the list sorted by place, then code, then words, without repetitions.
    #[must_use]
    pub fn sorted(&self, sources: &Sources) -> Vec<&Diagnostic> {
        let mut sorted: Vec<&Diagnostic> = self.list.iter().collect();
        sorted.sort_by_cached_key(|diagnostic| {
            let diagnostic: &Diagnostic = diagnostic;
            let path = diagnostic.span().map(|span| sources.file(span.file).path());
            let offset = diagnostic.span().map(|span| (span.start, span.end));
            (path, offset, diagnostic.code.id, diagnostic.message.as_str())
        });
        sorted.dedup();
        sorted
    }
}

/// The longest value that is quoted whole, in characters.
const LONGEST_QUOTE: usize = 100;

/// Cuts what stands between backticks to what people read: a value may be as long as its file.
fn shortened(text: String) -> String {
    if text.len() <= LONGEST_QUOTE {
        return text;
    }
    let cut = |(at, piece): (usize, &str)| {
        let end = piece.char_indices().nth(LONGEST_QUOTE).map(|(end, _)| end).filter(|_| at % 2 == 1);
        end.and_then(|end| piece.get(..end)).map_or_else(|| piece.to_owned(), |head| format!("{head}…"))
    };
    text.split('`').enumerate().map(cut).collect::<Vec<_>>().join("`")
}

/// Returns the word of `known` that is closest to `word`, if it is close enough to have been meant.
#[must_use]
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = word.chars().count();
    let limit = (length / 3).max(2);
    // Comparing takes the product of both lengths, and no name is as long as a text can be.
    let comparable = |candidate: &&str| candidate.len() <= 300 && candidate.chars().count().abs_diff(length) <= limit;
    known
        .into_iter()
        .filter(comparable)
        .map(|candidate| {
            // Capitals are one slip, however many letters they are.
            let apart = strsim::damerau_levenshtein(word, candidate);
            (if word.eq_ignore_ascii_case(candidate) { apart.min(1) } else { apart }, candidate)
        })
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::shortened;

    #[test]
    fn long_values_are_quoted_by_their_beginning() {
        let long = "ä".repeat(100_000);
        let short = shortened(format!("`{long}` is not `a`, which is a long sentence about something else"));
        assert_eq!(short, format!("`{}…` is not `a`, which is a long sentence about something else", "ä".repeat(100)));
        let plain = "no value is quoted here, ".repeat(20);
        assert_eq!(shortened(plain.clone()), plain);
    }
}
