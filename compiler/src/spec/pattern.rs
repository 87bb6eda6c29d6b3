//! Pattern and Segmentation: templates of statements for the ways in which services are put together, and their use.

use indexmap::IndexMap;

use super::names::Name;
use crate::diagnostics::{Diagnostics, Reported};
use crate::shape::{OneOrMany, Shape, keywords, record, wrong_type};
use crate::source::Spanned;
use crate::yaml::{Node, Value};

record! {
    /// A template of statements for one way in which services are put together. A text that is nothing but `${name}` stands for
    /// what a Segmentation gives that parameter. Whoever uses it stands at the same node or below; some ship with the tool.
    pub struct PatternSpec {
        /// What nobody else can do any more, a sentence each.
        pub closes: Vec<String>,
        /// What stays possible, a sentence each.
        pub leaves_open: Vec<String>,
        /// What a use has to say.
        pub parameters: Vec<Spanned<Parameter>>,
        /// The statements.
        pub documents: OneOrMany<Spanned<Template>>,
    }
}

record! {
    /// Something that a use has to say.
    pub struct Parameter {
        /// Its name.
        pub name: Spanned<Name>,
        /// What kind of thing it is.
        pub is: ParameterKind,
        /// What it stands for.
        pub about: String,
        /// What it is where a use does not say; without one every use does.
        pub default: Option<Written>,
    }
}

keywords! {
    /// What a parameter stands for.
    pub enum ParameterKind {
        /// One reference to workloads: a service, a group, a zone, a gateway, a service account.
        Service = "service",
        /// One or more of them.
        Services = "services",
        /// A port, by number or name.
        Port = "port",
        /// One or more ports.
        Ports = "ports",
        /// One or more HTTP methods.
        Methods = "methods",
        /// One or more paths.
        Paths = "paths",
    }
}

record! {
    /// A statement in which parameters stand for values.
    pub struct Template {
        /// Its kind. A pattern uses no other pattern.
        pub kind: Spanned<TemplateKind>,
        /// Its name; that of the use and a dot go before it.
        pub name: Spanned<Name>,
        /// Its content, as a document of that kind has it.
        pub spec: Written,
    }
}

keywords! {
    /// The kinds of statements in a pattern.
    pub enum TemplateKind {
        /// Grants and denies.
        Access = "Access",
        /// What must always or never be reachable.
        Assertion = "Assertion",
    }
}

record! {
    /// Uses a Pattern: its statements, with these services, hold at this node as if they were written here.
    pub struct SegmentationSpec {
        /// The pattern: one that a node up to this one declares, or one that ships with the tool.
        pub pattern: Spanned<Name>,
        /// What its parameters stand for.
        pub with: IndexMap<String, Written>,
    }
}

/// A value as it was written, with the places of its parts.
#[derive(Debug, Clone, PartialEq)]
pub struct Written(pub Node);

impl Shape for Written {
    fn read(node: &Node, diagnostics: &mut Diagnostics) -> Result<Self, Reported> {
        match &node.value {
            Value::Null => Err(diagnostics.report(wrong_type(node, "a value"))),
            _ => Ok(Self(node.clone())),
        }
    }
}

impl schemars::JsonSchema for Written {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Written".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A value, whatever it is; never null.",
            "type": ["object", "array", "string", "number", "boolean"],
        })
    }
}
