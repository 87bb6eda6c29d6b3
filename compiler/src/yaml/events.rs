//! The one file that knows which YAML parser we use.
//!
//! In: the text of one document. Out: a flat stream of [`Step`]s in our own words, or the [`Fault`] that ended it. It
//! exists so that the parser can be exchanged without touching a rule.

use std::borrow::Cow;
use std::ops::Range;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, StrInput, StructureStyle};

use super::MAX_DEPTH;
use super::faults::Fault;

/// How a scalar was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// Without quotes.
    Plain,
    /// In double quotes.
    Double,
    /// In single quotes.
    Single,
    /// As a `|` or `>` block.
    Block,
}

/// What stands next in the document.
#[derive(Debug)]
pub(super) enum What<'a> {
    /// Text, still without a meaning. `missing` when nothing at all is written.
    Scalar { text: Cow<'a, str>, style: Style, missing: bool },
    /// A list begins.
    Sequence { flow: bool },
    /// A mapping begins.
    Mapping { flow: bool },
    /// The innermost container ends.
    End,
    /// `*name`, with the anchor it resolves to if there is one.
    Alias { anchor: Option<usize> },
}

/// An anchor that was put on a node.
#[derive(Debug)]
pub(super) struct Anchor {
    /// Unique in the document, also where a name is used twice.
    pub id: usize,
    /// Where `&name` stands.
    pub span: Range<usize>,
}

/// One event with everything that was written around it; places are bytes of the text given to [`Events::new`].
#[derive(Debug)]
pub(super) struct Step<'a> {
    /// The event.
    pub what: What<'a>,
    /// Where it stands.
    pub span: Range<usize>,
    /// The anchor on it.
    pub anchor: Option<Anchor>,
    /// The tag on it, with its shorthand spelled out.
    pub tag: Option<String>,
    /// Where the tag stands.
    pub tag_span: Range<usize>,
}

/// The events of one document.
pub(super) struct Events<'a> {
    parser: Parser<'a, StrInput<'a>>,
}

impl<'a> Events<'a> {
    pub fn new(text: &'a str) -> Self {
        // One more than we allow, so that our own limit speaks first and knows where.
        let options = granit_parser::options! {
            disallow_directives: true,
            emit_unresolved_aliases: true,
            emit_anchor_events: true,
            flow_nesting_limit: MAX_DEPTH + 1,
            block_nesting_limit: MAX_DEPTH + 1,
        };
        Self { parser: Parser::new_from_str_with_options(text, options) }
    }

    fn anchor(&mut self) -> Option<Anchor> {
        let Some(Ok((Event::Anchor(id, _), span))) = self.parser.peek() else { return None };
        let anchor = Anchor { id: *id, span: span.byte_range().unwrap_or_default() };
        self.parser.next();
        Some(anchor)
    }
}

impl<'a> Iterator for Events<'a> {
    type Item = Result<Step<'a>, (Fault, usize)>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (event, place) = match self.parser.next()? {
                Ok(found) => found,
                Err(error) => return Some(Err((fault(error.kind()), error.marker().byte_offset().unwrap_or(0)))),
            };
            let span = place.byte_range().unwrap_or_default();
            let (what, tag) = match event {
                Event::Scalar(text, style, _, tag) => {
                    let style = match style {
                        ScalarStyle::Plain => Style::Plain,
                        ScalarStyle::DoubleQuoted => Style::Double,
                        ScalarStyle::SingleQuoted => Style::Single,
                        ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
                    };
                    let missing = style == Style::Plain && span.is_empty();
                    let text = if missing { Cow::Borrowed("") } else { text };
                    (What::Scalar { text, style, missing }, tag)
                }
                Event::SequenceStart(style, _, tag) => (What::Sequence { flow: style == StructureStyle::Flow }, tag),
                Event::MappingStart(style, _, tag) => (What::Mapping { flow: style == StructureStyle::Flow }, tag),
                Event::SequenceEnd | Event::MappingEnd => (What::End, None),
                Event::Alias(anchor) => (What::Alias { anchor: Some(anchor) }, None),
                Event::UnresolvedAlias(_) => (What::Alias { anchor: None }, None),
                _ => continue,
            };
            let tag_span = place.tag_span().and_then(|span| span.byte_range()).unwrap_or_default();
            let tag = tag.map(|tag| format!("{}{}", tag.handle(), tag.suffix()));
            let anchor = self.anchor();
            return Some(Ok(Step { what, span, anchor, tag, tag_span }));
        }
    }
}

fn fault(kind: &ErrorKind) -> Fault {
    use ErrorKind as K;
    match kind {
        K::TabNotAllowed | K::TabInBlockIndentation | K::TabInIndentation | K::TabInPlainScalar => Fault::Tab,
        K::InvalidIndentation | K::ExpectedBlockMappingKey | K::InvalidFlowScalarIndent => Fault::Indentation,
        K::ExpectedBlockSequenceEntry | K::BlockSequenceEntryNotAllowed | K::InvalidBlockEntryWhitespace => Fault::Dash,
        K::UnclosedQuotedScalar | K::DocumentIndicatorInQuotedScalar | K::InvalidQuotedScalarIndent => Fault::Quote,
        K::InvalidTrailingSingleQuotedScalar | K::InvalidTrailingDoubleQuotedScalar => Fault::AfterQuote,
        K::UnexpectedEofFlowSequence
        | K::UnexpectedEofFlowMapping
        | K::UnexpectedEofImplicitFlowMapping
        | K::UnclosedFlowCollection { .. }
        | K::ExpectedFlowMappingSeparator
        | K::ExpectedFlowSequenceSeparator
        | K::InvalidColonPlacement
        | K::BlockEntryInFlowCollection => Fault::Flow,
        K::MisplacedFlowCollectionEnd | K::MismatchedFlowCollectionEnd { .. } => Fault::Bracket,
        K::MappingValueNotAllowed | K::FlowMappingValueAdjacentCollection | K::InvalidMappingValueWhitespace => {
            Fault::Colon
        }
        K::SimpleKeyExpected | K::InvalidSimpleKey => Fault::NoColon,
        K::UnexpectedCharacter { .. } => Fault::Reserved,
        K::RecursionLimitExceeded => Fault::TooDeep,
        K::UnknownQuotedScalarEscape
        | K::InvalidQuotedScalarHexEscape
        | K::InvalidLowSurrogateHexEscape
        | K::InvalidLowSurrogate
        | K::MissingLowSurrogate
        | K::UnpairedLowSurrogate
        | K::InvalidUnicodeEscape => Fault::Escape,
        K::DirectiveDisallowed => Fault::Directive,
        K::CommentNotSeparated => Fault::Comment,
        K::CommentInterceptedScalar => Fault::Interrupted,
        K::ZeroBlockScalarIndent
        | K::InvalidBlockScalarHeader
        | K::TabAtBlockScalarStart
        | K::InvalidBlockScalarIndent => Fault::Block,
        K::MissingAnchorOrAliasName => Fault::AnchorName,
        K::UndeclaredTagHandle
        | K::ExpectedTagBang
        | K::InvalidGlobalTagCharacter
        | K::InvalidTagTerminator
        | K::MissingTagUri
        | K::UnclosedVerbatimTag
        | K::InvalidTagEscape
        | K::InvalidTagUtf8LeadingByte
        | K::InvalidTagUtf8TrailingByte
        | K::InvalidTagUtf8 => Fault::Tag,
        K::ExpectedDocumentStart => Fault::Outside,
        K::BomInsideDocument => Fault::ByteOrderMark,
        K::InvalidDocumentEnd => Fault::AfterEnd,
        _ => Fault::Other,
    }
}
