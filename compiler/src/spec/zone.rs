//! Zone and Profile: what cuts across the tree, and what is written once and attached many times.

use indexmap::IndexMap;

use super::access::Source;
use super::mandates::{Defaults, Mandates};
use super::names::Name;
use super::reference::Reference;
use crate::diagnostics::{Diagnostics, Reported};
use crate::shape::keyword::keywords;
use crate::shape::{OneOrMany, Shape, record, wrong_type};
use crate::source::Spanned;
use crate::yaml::{Node, Value};

record! {
    /// A second dimension across the tree. Its rules are ceilings like any other.
    pub struct ZoneSpec {
        /// The services in it: by node, by service, or by the labels and sensitivity their Service documents give them.
        pub members: OneOrMany<Spanned<Member>>,
        /// Who may reach its members, and whom they may reach: `ring-fence`, `quarantine`, or bounds that are written out.
        pub rules: Rules,
    }
}

/// The bounds of a zone.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rules {
    /// The word they were written as, which [`Rules::expand`] spells out.
    pub word: Option<Spanned<ZoneWord>>,
    /// Nobody but these reaches a member; members reach each other only when the zone itself is named.
    pub from: Option<Spanned<ZoneSources>>,
    /// Members reach nothing but these.
    pub to: Option<Spanned<ZoneTargets>>,
}

keywords! {
    /// Bounds that are needed often.
    pub enum ZoneWord {
        /// Members reach each other, as far as that is granted; nobody else reaches them, and they reach nothing else.
        RingFence = "ring-fence",
        /// Nobody reaches a member and members reach nothing. Grants are suspended, and are back when the zone is gone; what
        /// mandates demand stays.
        Quarantine = "quarantine",
    }
}

impl Rules {
    /// Spells the word out for the zone of this name.
    pub fn expand(&mut self, zone: &str) {
        let Some(Spanned { value: word, span }) = self.word else { return };
        let members = || match word {
            ZoneWord::RingFence => vec![Spanned::new(Reference::Zone(zone.to_owned()), span)],
            ZoneWord::Quarantine => Vec::new(),
        };
        let sources = members().into_iter().map(|who| Spanned::new(Source { who: vec![who], jwt: None }, span));
        let from = ZoneSources { at_most: Spanned::new(OneOrMany(sources.collect()), span) };
        let to = ZoneTargets { at_most: Spanned::new(OneOrMany(members()), span) };
        (self.from, self.to) = (Some(Spanned::new(from, span)), Some(Spanned::new(to, span)));
    }

    /// Tells whether they suspend what is granted, rather than refuse it.
    #[must_use]
    pub fn suspend(&self) -> bool {
        self.word.as_ref().is_some_and(|word| word.value == ZoneWord::Quarantine)
    }
}

impl Shape for Rules {
    fn read(node: &Node, diagnostics: &mut Diagnostics) -> Result<Self, Reported> {
        match &node.value {
            Value::String(_) => {
                let word = Spanned::new(ZoneWord::read(node, diagnostics)?, node.span);
                Ok(Self { word: Some(word), ..Self::default() })
            }
            Value::Mapping(_) => {
                let ZoneRules { from, to } = ZoneRules::read(node, diagnostics)?;
                Ok(Self { word: None, from, to })
            }
            _ => {
                Err(diagnostics
                    .report(wrong_type(node, "`ring-fence`, `quarantine`, or a mapping with `from` and `to`")))
            }
        }
    }

    fn absent() -> Option<Self> {
        ZoneRules::absent().map(|ZoneRules { from, to }| Self { word: None, from, to })
    }
}

impl schemars::JsonSchema for Rules {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Rules".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let (word, written) = (generator.subschema_for::<ZoneWord>(), generator.subschema_for::<ZoneRules>());
        schemars::json_schema!({ "anyOf": [word, written] })
    }
}

record! {
    /// Ceilings of a zone.
    pub struct ZoneRules {
        /// Nobody but these reaches a member; members reach each other only when the zone itself is named.
        pub from: Option<Spanned<ZoneSources>>,
        /// Members reach nothing but these.
        pub to: Option<Spanned<ZoneTargets>>,
    }
}

record! {
    /// The widest set of callers.
    pub struct ZoneSources {
        /// Nobody but these.
        pub at_most: Spanned<OneOrMany<Spanned<Source>>>,
    }
}

record! {
    /// The widest set of destinations.
    pub struct ZoneTargets {
        /// Nothing but these; an egress gateway (`gateway:out`) for what leads through it.
        pub at_most: Spanned<OneOrMany<Spanned<Reference>>>,
    }
}

/// What is in a zone: a reference, or the labels that Service documents give.
#[derive(Debug, Clone, PartialEq)]
pub enum Member {
    /// A node or a service.
    Reference(Reference),
    /// Every service whose document carries these labels.
    Labels(MemberLabels),
}

record! {
    /// Services by what their Service documents say of them. Only policy is asked, never a label a pod gives itself.
    pub struct MemberLabels {
        /// The labels in the document's `metadata`.
        pub labels: IndexMap<String, String>,
        /// The sensitivity in the document's `spec`.
        pub sensitivity: Option<Name>,
    }
}

impl Shape for Member {
    fn read(node: &Node, diagnostics: &mut Diagnostics) -> Result<Self, Reported> {
        match &node.value {
            Value::String(_) => Reference::read(node, diagnostics).map(Self::Reference),
            Value::Mapping(_) => MemberLabels::read(node, diagnostics).map(Self::Labels),
            _ => Err(diagnostics.report(wrong_type(node, "a reference, or a mapping with `labels` or `sensitivity`"))),
        }
    }
}

impl schemars::JsonSchema for Member {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Member".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let (reference, labels) = (generator.subschema_for::<Reference>(), generator.subschema_for::<MemberLabels>());
        schemars::json_schema!({ "anyOf": [reference, labels] })
    }
}

record! {
    /// A named bundle of mandates and defaults, attached by nodes at or below the one that declares it.
    pub struct ProfileSpec {
        /// What it mandates.
        pub mandates: Mandates,
        /// What it defaults to.
        pub defaults: Defaults,
    }
}
