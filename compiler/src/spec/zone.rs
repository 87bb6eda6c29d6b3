//! Zone and Profile: what cuts across the tree, and what is written once and attached many times.

use indexmap::IndexMap;

use super::access::Source;
use super::mandates::{Defaults, Mandates};
use super::names::Name;
use super::reference::Reference;
use crate::diagnostics::{Diagnostics, Reported};
use crate::shape::{OneOrMany, Shape, record, wrong_type};
use crate::source::Spanned;
use crate::yaml::{Node, Value};

record! {
    /// A second dimension across the tree. Its rules are ceilings like any other.
    pub struct ZoneSpec {
        /// The services in it: by node, by service, or by the labels and sensitivity their Service documents give them.
        pub members: OneOrMany<Spanned<Member>>,
        /// Who may reach its members, and whom they may reach.
        pub rules: ZoneRules,
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
