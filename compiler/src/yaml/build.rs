//! Builds the value of one document from its events, and finds what the events cannot know.
//!
//! In: the text of a document. Out: its root mapping, or nothing after everything wrong with it was reported. It exists
//! to hold the rules of both profiles that concern structure: duplicate keys, aliases, merges, depth.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::ops::Range;

use super::anchors::{Anchors, Budget};
use super::events::{Anchor, Events, Step, Style, What};
use super::faults::Fault;
use super::mapping::Growing;
use super::node::{Node, Value};
use super::scalar::{self, Refused, Scalar};
use super::shape::{self, Written};
use super::{MAX_DEPTH, Profile, faults, refusals};
use crate::diagnostics::codes::yaml as code;
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::source::{FileId, Span, Spanned};

/// After how many errors a document is given up.
const MAX_ERRORS: usize = 100;

/// Where a document stands: in which file, and from which byte on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub file: FileId,
    pub offset: usize,
    /// How many bytes of the file it has; what is read may have a line break more.
    pub length: usize,
}

impl Place {
    /// Returns the span in the file of bytes of the document.
    pub fn span(self, start: usize, end: usize) -> Span {
        Span::new(self.file, self.offset + start.min(self.length), self.offset + end.min(self.length))
    }
}

/// Reads one document; `None` when it is empty, or broken and reported.
pub(super) fn document(
    text: &str,
    place: Place,
    profile: Profile,
    budget: &mut Budget,
    diagnostics: &mut Diagnostics,
) -> Option<Node> {
    let mut builder = Builder {
        text,
        place,
        profile,
        budget,
        diagnostics,
        errors: 0,
        stack: Vec::new(),
        anchors: Anchors::default(),
        read: 0,
        root: None,
    };
    let complete = builder.run();
    let Builder { root, errors, .. } = builder;
    if complete.is_none() || errors > 0 {
        return None;
    }
    let root = root?;
    match root.value {
        Value::Mapping(_) => Some(root),
        Value::Null => None,
        _ => {
            let help = if matches!(&root.value, Value::String(text) if text.contains(':')) {
                "put a space after the colon: `key: value`"
            } else {
                "begin the document with `key: value` lines"
            };
            let message = format!("a document must be a mapping, not {}", root.kind_word());
            diagnostics.report(code::ROOT_NOT_A_MAPPING.at(root.span, message).label(root.kind_word()).help(help));
            None
        }
    }
}

/// A container that is still being read.
struct Frame {
    content: Content,
    flow: bool,
    start: usize,
    /// Where the last thing in it ended.
    end: usize,
    anchor: Option<Anchor>,
}

enum Content {
    Items(Vec<Node>),
    Entries(Growing, Option<Pending>),
}

/// A key that waits for its value.
enum Pending {
    Key(Spanned<String>),
    Merge(Span),
    /// A key that was refused: its value is read, and dropped.
    Refused,
}

struct Builder<'a, 'b> {
    text: &'a str,
    place: Place,
    profile: Profile,
    budget: &'b mut Budget,
    diagnostics: &'b mut Diagnostics,
    errors: usize,
    stack: Vec<Frame>,
    anchors: Anchors,
    /// How far the text was understood.
    read: usize,
    root: Option<Node>,
}

impl<'a> Builder<'a, '_> {
    /// Reads all events; `None` when the document had to be given up.
    fn run(&mut self) -> Option<()> {
        let json = OnceCell::new();
        for step in Events::new(self.text) {
            match step {
                Ok(step) => self.step(step, &json)?,
                Err((fault, at)) => {
                    let open = self.stack.iter().rev().find(|frame| frame.flow).map(|frame| frame.start);
                    let place = faults::place(fault, self.text, at, self.read, open);
                    let span = self.span(&place);
                    self.diagnostics.report(faults::wording(fault).at(span));
                    return None;
                }
            }
        }
        Some(())
    }

    fn span(&self, range: &Range<usize>) -> Span {
        self.place.span(range.start, range.end)
    }

    /// Reports an error after which reading goes on; `None` when there were too many.
    fn error(&mut self, diagnostic: Diagnostic) -> Option<()> {
        let span = diagnostic.span();
        self.diagnostics.report(diagnostic);
        self.errors += 1;
        if self.errors < MAX_ERRORS {
            return Some(());
        }
        let message = format!("more than {MAX_ERRORS} errors: the rest of this document is not read");
        self.diagnostics.report(match span {
            Some(span) => code::TOO_MANY.at(span, message).label("given up here"),
            None => code::TOO_MANY.nowhere(message),
        });
        None
    }

    fn step(&mut self, step: Step<'a>, json: &OnceCell<bool>) -> Option<()> {
        let Step { what, span, anchor, tag, tag_span } = step;
        if let Some(anchor) = &anchor {
            self.check_anchor_name(&anchor.span)?;
        }
        match what {
            What::Scalar { text, style, missing } => {
                let written = Written {
                    document: self.text,
                    text: &text,
                    style,
                    missing,
                    span: span.clone(),
                    read: self.read.max(tag_span.end),
                    in_flow: self.in_flow(),
                    at_key: self.at_key(),
                    strict: self.profile == Profile::Policy,
                    json,
                };
                for (place, diagnostic) in written.faults() {
                    let at = self.span(&place);
                    self.error(diagnostic.at(at))?;
                }
                let tag_text = self.text.get(tag_span.clone()).unwrap_or("");
                let place = written.place();
                let scalar = Scalar { text: &text, style, tag: tag.as_deref(), tag_text };
                if self.at_key() {
                    self.key(scalar, place, anchor, &tag_span)
                } else {
                    self.scalar(scalar, place, anchor, &tag_span)
                }
            }
            What::Sequence { flow } => {
                self.open(Content::Items(Vec::new()), flow, &span, anchor, tag.map(|_| tag_span))
            }
            What::Mapping { flow } => {
                self.open(Content::Entries(Growing::default(), None), flow, &span, anchor, tag.map(|_| tag_span))
            }
            What::End => self.close(&span),
            What::Alias { anchor } => self.alias(anchor, &span),
        }
    }

    /// Tells whether the next node is the key of an entry.
    fn at_key(&self) -> bool {
        matches!(self.stack.last(), Some(Frame { content: Content::Entries(_, None), .. }))
    }

    fn in_flow(&self) -> bool {
        self.stack.last().is_some_and(|frame| frame.flow)
    }

    /// Tells whether an anchor or alias has a name everybody reads; reports it where not.
    fn check_anchor_name(&mut self, span: &Range<usize>) -> Option<bool> {
        let name = self.text.get(span.start + 1..span.end).unwrap_or("");
        if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
            return Some(true);
        }
        let (what, help) = match self.text.as_bytes().get(span.start) {
            Some(b'*') => ("an alias to YAML", "quote the value if the `*` is meant as text"),
            _ => ("an anchor to YAML", "use letters, digits, `-` and `_`; quote the value if it is meant as text"),
        };
        let message = format!("`{name}` is not a name every YAML reader takes");
        self.error(code::ANCHOR_NAME.at(self.span(span), message).label(what).help(help))?;
        Some(false)
    }

    fn scalar(
        &mut self,
        scalar: Scalar<'_>,
        place: Range<usize>,
        anchor: Option<Anchor>,
        tag: &Range<usize>,
    ) -> Option<()> {
        let span = self.span(&place);
        let value = match scalar::value(scalar, self.profile) {
            Ok(value) => value,
            Err(refused) => {
                let place = if refused.is_about_tag() { self.span(tag) } else { span };
                self.error(refusals::scalar(&refused, scalar.text, place, "value"))?;
                Value::Null
            }
        };
        let node = Node { value, span };
        if let Some(anchor) = anchor {
            self.keep(&anchor, &node)?;
        }
        self.put(node, place.end, false)
    }

    fn key(
        &mut self,
        scalar: Scalar<'_>,
        place: Range<usize>,
        anchor: Option<Anchor>,
        tag: &Range<usize>,
    ) -> Option<()> {
        let span = self.span(&place);
        if let Some(anchor) = anchor {
            // The anchored node is the key as a value; a key that is no value is reported below.
            let value = scalar::value(scalar, self.profile).unwrap_or(Value::Null);
            self.keep(&anchor, &Node { value, span })?;
        }
        let is_merge = scalar.text == "<<" && scalar.style == Style::Plain && scalar.tag.is_none();
        let pending = if is_merge && self.profile == Profile::Manifest {
            Pending::Merge(span)
        } else if is_merge {
            let diagnostic = code::MERGE_KEY
                .at(span, "merge keys are not allowed")
                .label("a merge")
                .help("write the keys out, so that a reviewer sees them");
            self.error(diagnostic)?;
            Pending::Refused
        } else {
            match scalar::key(scalar, self.profile) {
                Ok(key) => Pending::Key(Spanned::new(key, span)),
                Err(refused) => {
                    let place = if refused.is_about_tag() { self.span(tag) } else { span };
                    self.error(refusals::scalar(&refused, scalar.text, place, "key"))?;
                    Pending::Refused
                }
            }
        };
        self.read = place.end;
        if let Some(Frame { content: Content::Entries(_, waiting), end, .. }) = self.stack.last_mut() {
            *waiting = Some(pending);
            *end = place.end;
        }
        Some(())
    }

    fn open(
        &mut self,
        content: Content,
        flow: bool,
        span: &Range<usize>,
        anchor: Option<Anchor>,
        tag: Option<Range<usize>>,
    ) -> Option<()> {
        if self.stack.len() == MAX_DEPTH {
            return self.too_deep(span);
        }
        if let Some(tag) = tag
            && (self.profile == Profile::Policy || !scalar::is_common_tag(self.text.get(tag.clone()).unwrap_or("")))
        {
            self.error(refusals::scalar(&Refused::Tag, "", self.span(&tag), "value"))?;
        }
        if self.at_key() {
            // A block mapping has no bytes of its own: its first character stands for it.
            let first = self.text.get(span.start..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
            let written = span.start..span.end.max(span.start + first);
            let diagnostic = code::KEY_NOT_TEXT
                .at(self.span(&written), "a mapping or list cannot be a key")
                .label("used as a key")
                .help("quote it if it is meant as text, for example a template in `{{ }}`");
            self.error(diagnostic);
            return None;
        }
        let start = match content {
            Content::Items(_) if !flow => shape::first_dash(self.text, self.read, span.start),
            _ => span.start,
        };
        self.read = span.end;
        self.stack.push(Frame { content, flow, start, end: span.end, anchor });
        Some(())
    }

    fn too_deep(&mut self, span: &Range<usize>) -> Option<()> {
        let place = faults::place(Fault::TooDeep, self.text, span.start, self.read, None);
        self.error(faults::wording(Fault::TooDeep).at(self.span(&place)));
        None
    }

    fn close(&mut self, span: &Range<usize>) -> Option<()> {
        let frame = self.stack.pop()?;
        let end = if frame.flow { span.end } else { frame.end };
        let value = match frame.content {
            Content::Items(items) => Value::Sequence(items),
            Content::Entries(growing, _) => Value::Mapping(growing.finish()),
        };
        let node = Node { value, span: self.span(&(frame.start..end)) };
        if let Some(anchor) = frame.anchor {
            self.keep(&anchor, &node)?;
        }
        self.put(node, end, false)
    }

    fn alias(&mut self, anchor: Option<usize>, span: &Range<usize>) -> Option<()> {
        let is_name = self.check_anchor_name(span)?;
        let name = self.text.get(span.start + 1..span.end).unwrap_or("");
        let place = self.span(span);
        if self.at_key() {
            let diagnostic = code::KEY_NOT_TEXT
                .at(place, "an alias cannot be a key")
                .label("used as a key")
                .help("write the key out; quote it if the `*` belongs to it");
            self.error(diagnostic);
            return None;
        }
        let missing = Node { value: Value::Null, span: place };
        if !is_name {
            return self.put(missing, span.end, true);
        }
        let Some(id) = anchor else {
            let diagnostic = code::UNKNOWN_ANCHOR
                .at(place, format!("there is no anchor `&{name}` above"))
                .label("an alias")
                .help("quote the value if the `*` is meant as text");
            self.error(diagnostic)?;
            return self.put(missing, span.end, true);
        };
        let Some(anchored) = self.anchors.get(id) else {
            let diagnostic = code::RECURSIVE_ALIAS
                .at(place, format!("`*{name}` stands inside the value it stands for"))
                .label("an alias")
                .help("write the value out");
            self.error(diagnostic)?;
            return self.put(missing, span.end, true);
        };
        if self.stack.len() + anchored.height > MAX_DEPTH {
            return self.too_deep(span);
        }
        if self.budget.spend(anchored.weight).is_none() {
            return self.bomb(place);
        }
        let node = Node { value: anchored.node.value.clone(), span: place };
        self.put(node, span.end, true)
    }

    fn keep(&mut self, anchor: &Anchor, node: &Node) -> Option<()> {
        match self.anchors.keep(anchor.id, node, self.budget) {
            Some(()) => Some(()),
            None => self.bomb(self.span(&anchor.span)),
        }
    }

    fn bomb(&mut self, span: Span) -> Option<()> {
        let diagnostic = code::ALIAS_BOMB
            .at(span, "the aliases of this file multiply into more values than it has bytes")
            .label("one too many")
            .help("write the values out");
        self.error(diagnostic);
        None
    }

    /// Puts a finished node where it belongs; `end` is where its text ends.
    fn put(&mut self, node: Node, end: usize, is_alias: bool) -> Option<()> {
        self.read = self.read.max(end);
        let Some(frame) = self.stack.last_mut() else {
            self.root = Some(node);
            return Some(());
        };
        frame.end = frame.end.max(end);
        let (growing, pending) = match &mut frame.content {
            Content::Items(items) => {
                items.push(node);
                return Some(());
            }
            Content::Entries(growing, pending) => (growing, pending.take()?),
        };
        let (place, result) = match pending {
            Pending::Refused => return Some(()),
            Pending::Merge(span) => (Spanned::new(Cow::Borrowed("<<"), span), growing.merge(node, is_alias)),
            Pending::Key(key) => (Spanned::new(Cow::Owned(key.value.clone()), key.span), growing.insert(key, node)),
        };
        match result {
            Ok(()) => Some(()),
            Err(refused) => self.error(refusals::entry(refused, &place)),
        }
    }
}
