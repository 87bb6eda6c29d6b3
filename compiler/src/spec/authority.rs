//! Delegation and Exception: who else may choose, and the only thing that widens.

use super::access::Port;
use super::names::{Day, Owner};
use super::patterns;
use super::reference::{NodePath, Reference, is_word};
use crate::shape::scalar::{Text, text_shape};
use crate::shape::{OneOrMany, keywords, record};
use crate::source::Spanned;

record! {
    /// Lets a node below choose what otherwise only this level may. It never widens what is permitted.
    pub struct DelegationSpec {
        /// The node that may choose, with everything below it.
        pub to: Spanned<NodePath>,
        /// What it may choose.
        pub may: OneOrMany<Spanned<Power>>,
        /// For `raw`: the kinds it may choose from; any that the mandates allow when absent.
        pub kinds: Option<OneOrMany<Spanned<String>>>,
        /// The last day on which it may.
        pub until: Option<Spanned<Day>>,
        /// Why.
        pub reason: Option<String>,
    }
}

keywords! {
    /// Something a level may write.
    pub enum Power {
        /// Mandates; built in for organization and tenants.
        Mandates = "mandates",
        /// Defaults; built in for organization, tenants and workspaces.
        Defaults = "defaults",
        /// Access statements for what lies within the node; built in for every level.
        Access = "access",
        /// Authentication statements; built in for organization, tenants and workspaces.
        Authentication = "authentication",
        /// Zones; built in for organization and tenants.
        Zones = "zones",
        /// Hand-written objects; built in for the organization alone.
        Raw = "raw",
    }
}

record! {
    /// Widens a mandate for a scope and a time, with a reason, an owner and approvals. Nothing else in the language widens.
    pub struct ExceptionSpec {
        /// The mandate, as `<node>#<field>`: `/payments#mtls`.
        pub waives: Spanned<MandateId>,
        /// Where the mandate is waived.
        pub scope: Spanned<Scope>,
        /// What the mandate reads there for that time, in words of its field: a mode, or callers, issuers, kinds.
        pub widen_to: Spanned<OneOrMany<Spanned<String>>>,
        /// Whether something else makes up for it.
        pub category: Category,
        /// Why.
        pub reason: String,
        /// What makes up for it.
        pub compensating: Vec<String>,
        /// Where it was discussed.
        pub ticket: Option<String>,
        /// Who answers for it.
        pub owner: Spanned<Owner>,
        /// Who approved it.
        pub approvals: Vec<Approval>,
        /// The day it was granted; needed where the mandate limits the days.
        pub granted: Option<Spanned<Day>>,
        /// The last day on which it holds.
        pub expires: Spanned<Day>,
    }
}

record! {
    /// Where a mandate is waived: one service or node, and on which of its ports.
    pub struct Scope {
        /// A service.
        pub service: Option<Spanned<Reference>>,
        /// A node and everything below it.
        pub node: Option<Spanned<NodePath>>,
        /// Only these ports.
        pub ports: Option<OneOrMany<Spanned<Port>>>,
    }
}

keywords! {
    /// Whether something else makes up for what is waived.
    pub enum Category {
        /// Nothing does.
        Waiver = "waiver",
        /// What `compensating` lists does.
        Mitigated = "mitigated",
    }
}

record! {
    /// One approval.
    pub struct Approval {
        /// The person who approved.
        pub by: Spanned<Owner>,
        /// Where it can be looked up.
        pub ref_: Option<String>,
    }
}

/// The name of a mandate: the node that makes it and its field.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MandateId {
    /// The node; for a zone's rules, `zone:<name>`.
    pub holder: Holder,
    /// The field, such as `mtls` or `jwt.issuers`.
    pub field: String,
}

/// Who makes a mandate.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Holder {
    /// A node.
    Node(NodePath),
    /// A zone.
    Zone(String),
}

impl std::fmt::Display for MandateId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.holder {
            Holder::Node(path) => write!(f, "{path}#{}", self.field),
            Holder::Zone(name) => write!(f, "zone:{name}#{}", self.field),
        }
    }
}

impl Text for MandateId {
    const WHAT: &'static str = "the name of a mandate";
    const PATTERN: &'static str = concat!("^(", patterns::node_path!(), "|zone:", patterns::word!(), ")#[A-Za-z.]+$");
    const EXAMPLE: &'static str = "/payments#mtls";

    fn parse(text: &str) -> Result<Self, String> {
        let Some((holder, field)) = text.split_once('#') else {
            return Err(format!("`{text}` is not `<node>#<field>`"));
        };
        if field.is_empty() || !field.chars().all(|c| c.is_ascii_alphabetic() || c == '.') {
            return Err(format!("`{text}` names no field after `#`"));
        }
        let holder = match holder.strip_prefix("zone:") {
            Some(zone) if is_word(zone) => Holder::Zone(zone.to_owned()),
            Some(_) => return Err(format!("`{text}` names no zone")),
            None => Holder::Node(NodePath::parse(holder)?),
        };
        Ok(Self { holder, field: field.to_owned() })
    }
}
text_shape!(MandateId, "MandateId");
