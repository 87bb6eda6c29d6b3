//! What a stage has to say about its input.
//!
//! In: reports from every stage, each with a [`Code`], the place it is about and the places it collides with. Out: one
//! sorted list, all of it in one run. It exists so that no stage prints, stops early or forgets.

pub mod codes;
mod page;

pub use page::page;

use crate::source::{Sources, Span};

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
            message: message.into(),
            labels: vec![Label { span, text: "here".to_owned() }],
            help: None,
        }
    }

    /// Starts a diagnostic of this kind that is about no line of any file.
    pub fn nowhere(&'static self, message: impl Into<String>) -> Diagnostic {
        Diagnostic { code: self, message: message.into(), labels: Vec::new(), help: None }
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
            first.text = text.into();
        }
        self
    }

    /// Adds another place: the line this one collides with.
    pub fn and(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    /// Says what to do.
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
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
}

impl Diagnostics {
    /// Makes an empty list.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps a diagnostic; the token shows that it was.
    pub fn report(&mut self, diagnostic: Diagnostic) -> Reported {
        self.list.push(diagnostic);
        Reported(())
    }

    /// Takes over what another list holds: how parallel work comes together, in the order of its input.
    pub fn append(&mut self, other: Self) {
        self.list.extend(other.list);
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
        let path = |diagnostic: &Diagnostic| diagnostic.span().map(|span| sources.file(span.file).path().to_owned());
        let mut sorted: Vec<_> = self.list.iter().collect();
        sorted.sort_by_cached_key(|diagnostic| {
            let offset = diagnostic.span().map(|span| (span.start, span.end));
            (path(diagnostic), offset, diagnostic.code.id, diagnostic.message.clone())
        });
        sorted.dedup();
        sorted
    }
}

/// Returns the word of `known` that is closest to `word`, if it is close enough to have been meant.
#[must_use]
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (word.chars().count() / 3).max(2);
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}
