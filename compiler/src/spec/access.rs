//! Access: who may send which requests to what.

use indexmap::IndexMap;

use super::names::{Day, Mode};
use super::patterns;
use super::reference::Reference;
use crate::diagnostics::{Diagnostics, Reported};
use crate::requests::{HostPattern, PathPattern, TextPattern};
use crate::shape::scalar::{Text, text_shape};
use crate::shape::{OneOrMany, Shape, record, wrong_type};
use crate::source::Spanned;
use crate::yaml::{Node, Value};

record! {
    /// Grants and denies at the destination, or what a caller declares to use.
    pub struct AccessSpec {
        /// The workloads reached: services, groups, nodes. They lie within the node this is written in.
        pub to: Option<OneOrMany<Spanned<Reference>>>,
        /// What is granted. Grants add up.
        pub allow: Vec<Spanned<AllowRule>>,
        /// What is denied, whatever is granted.
        pub deny: Vec<Spanned<DenyRule>>,
        /// The caller that `uses` speaks for; everything in this node when absent.
        pub from: Option<OneOrMany<Spanned<Reference>>>,
        /// What the caller declares to use in other workspaces: its side of a mutual consent.
        pub uses: Vec<Spanned<Reference>>,
    }
}

record! {
    /// A set of requests that is granted: the callers and, when said, which of their requests.
    pub struct AllowRule {
        /// The callers.
        pub from: OneOrMany<Spanned<Source>>,
        /// Which of their requests.
        pub condition: Condition => flat,
        /// Keeps what lies within the mandates and drops the rest, where otherwise the whole is an error.
        pub clip: Option<bool>,
        /// Whether it is enforced or only reported.
        pub mode: Option<Mode>,
        /// The last day of `mode: dryRun`.
        pub until: Option<Spanned<Day>>,
        /// Why it is granted.
        pub reason: Option<String>,
    }
}

record! {
    /// A set of requests that is denied, whatever is granted. Absent fields mean any.
    pub struct DenyRule {
        /// The callers; anyone when absent.
        pub from: Option<OneOrMany<Spanned<Source>>>,
        /// Which of their requests.
        pub condition: Condition => flat,
        /// Whether it is enforced or only reported.
        pub mode: Option<Mode>,
        /// The last day of `mode: dryRun`.
        pub until: Option<Spanned<Day>>,
        /// Why it is denied.
        pub reason: Option<String>,
    }
}

record! {
    /// Which requests, whoever sends them.
    pub struct Condition {
        /// Ports of the workload, by number or by the name its container gives them.
        pub ports: Option<OneOrMany<Spanned<Port>>>,
        /// HTTP methods.
        pub methods: Option<OneOrMany<Spanned<Method>>>,
        /// Paths: exact, `/prefix/*`, `*/suffix`, or a template with `{*}` for one segment and a last `{**}` for the rest.
        pub paths: Option<OneOrMany<Spanned<PathPattern>>>,
        /// Host names without port, with a leading or trailing `*`; a deny has no leading one.
        pub hosts: Option<OneOrMany<Spanned<HostPattern>>>,
        /// Request headers and the values that fit.
        pub headers: IndexMap<String, OneOrMany<Spanned<TextPattern>>>,
    }
}

impl Condition {
    /// Returns the condition that asks for nothing.
    #[must_use]
    pub fn any() -> Self {
        Self { ports: None, methods: None, paths: None, hosts: None, headers: IndexMap::new() }
    }
}

/// Who sends a request: a reference, or a reference together with the token the request must show.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// The callers; anyone when only a token is asked for.
    pub who: Vec<Spanned<Reference>>,
    /// The token the request must show.
    pub jwt: Option<TokenSpec>,
}

record! {
    /// A caller who must also show a token.
    pub struct SourceWithToken {
        /// The callers; anyone when absent.
        pub who: Option<OneOrMany<Spanned<Reference>>>,
        /// The token the request must show.
        pub jwt: TokenSpec,
    }
}

record! {
    /// The token a request must show.
    pub struct TokenSpec {
        /// Who signed it; an Authentication statement must accept this issuer.
        pub issuer: Spanned<String>,
        /// Whom it is about, with a leading or trailing `*`.
        pub subject: Option<Spanned<TextPattern>>,
        /// Whom it is for; one of these is enough.
        pub audiences: Vec<Spanned<TextPattern>>,
        /// What it claims; for each claim one of the values is enough.
        pub claims: IndexMap<String, OneOrMany<Spanned<TextPattern>>>,
    }
}

impl Shape for Source {
    fn read(node: &Node, diagnostics: &mut Diagnostics) -> Result<Self, Reported> {
        match &node.value {
            Value::String(_) => {
                let reference = Reference::read(node, diagnostics)?;
                Ok(Self { who: vec![Spanned::new(reference, node.span)], jwt: None })
            }
            Value::Mapping(_) => {
                let SourceWithToken { who, jwt } = SourceWithToken::read(node, diagnostics)?;
                Ok(Self { who: who.map_or_else(Vec::new, |who| who.0), jwt: Some(jwt) })
            }
            _ => Err(diagnostics.report(wrong_type(node, "a reference, or a mapping with `who` and `jwt`"))),
        }
    }
}

impl schemars::JsonSchema for Source {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Source".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let (plain, with_token) =
            (generator.subschema_for::<Reference>(), generator.subschema_for::<SourceWithToken>());
        schemars::json_schema!({ "anyOf": [plain, with_token] })
    }
}

/// A port of a workload: its number, or the name its container gives it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Port {
    /// By number.
    Number(u16),
    /// By the name in the container's `ports`.
    Name(String),
}

impl std::fmt::Display for Port {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl Shape for Port {
    fn read(node: &Node, diagnostics: &mut Diagnostics) -> Result<Self, Reported> {
        let name = |text: &str| {
            let inner = text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
            (1..=15).contains(&text.len()) && inner && text.contains(|c: char| c.is_ascii_lowercase())
        };
        match &node.value {
            Value::Number(number) => {
                let port = number.as_u64().and_then(|number| u16::try_from(number).ok()).filter(|port| *port > 0);
                port.map(Self::Number).ok_or_else(|| {
                    let code = &crate::diagnostics::codes::parse::INVALID_VALUE;
                    diagnostics.report(
                        code.at(node.span, format!("`{number}` is not a port"))
                            .label("out of range")
                            .help("a port is a number from 1 to 65535"),
                    )
                })
            }
            Value::String(text) if name(text) => Ok(Self::Name(text.clone())),
            Value::String(text) => {
                let code = &crate::diagnostics::codes::parse::INVALID_VALUE;
                Err(diagnostics.report(
                    code.at(node.span, format!("`{text}` is not the name of a port")).label("not a port").help(
                        if text.parse::<u16>().is_ok_and(|port| port > 0) {
                            format!("a number is written without quotes: `{text}`")
                        } else {
                            "a port is a number from 1 to 65535, or a name of at most 15 small letters, digits and hyphens"
                                .to_owned()
                        },
                    ),
                ))
            }
            _ => Err(diagnostics.report(wrong_type(node, "a port"))),
        }
    }
}

impl schemars::JsonSchema for Port {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Port".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "anyOf": [
            { "type": "integer", "minimum": 1, "maximum": 65535 },
            { "type": "string", "pattern": "^(?=.*[a-z])[a-z0-9-]{1,15}$" },
        ] })
    }
}

/// An HTTP method: capital letters, as it goes over the wire.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Method(pub String);

impl Text for Method {
    const WHAT: &'static str = "an HTTP method";
    const PATTERN: &'static str = "^[A-Z][A-Z-]*$";
    const EXAMPLE: &'static str = "POST";

    fn parse(text: &str) -> Result<Self, String> {
        let upper = |c: char| c.is_ascii_uppercase();
        if text.starts_with(upper) && text.chars().all(|c| upper(c) || c == '-') {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!("`{text}` is not an HTTP method: methods are compared letter by letter, in capitals"))
        }
    }
}
text_shape!(Method, "Method");

impl Text for PathPattern {
    const WHAT: &'static str = "a path";
    const PATTERN: &'static str = concat!(
        // Neither `.` and `..` nor an escape that needs none: no normalised path has them.
        "^(?!.*/[.][.]?(/|$))(?!.*%(00|2[DEde]|3[0-9]|[46][1-9A-Fa-f]|[57][0-9Aa]|5[Ff]|7[Ee]))",
        "([*]|[*][A-Za-z0-9._~%!$&'()+,;:@=/\\[\\]-]+|/[A-Za-z0-9._~%!$&'()+,;:@=/\\[\\]-]*[*]?",
        "|/(([A-Za-z0-9._~%!$&'()+,;:@=-]+|[{][*][}])/)*",
        "([A-Za-z0-9._~%!$&'()+,;:@=-]+|[{][*][}]|[{][*]{2}[}](/[A-Za-z0-9._~%!$&'()+,;:@=-]+)*)/?)$"
    );
    const EXAMPLE: &'static str = "/v1/entries/{*}";

    fn parse(text: &str) -> Result<Self, String> {
        Self::parse(text).map_err(|error| error.to_string())
    }
}
text_shape!(PathPattern, "PathPattern");

impl Text for HostPattern {
    const WHAT: &'static str = "a host";
    const PATTERN: &'static str = concat!("^(", patterns::starred!("[A-Za-z0-9._-]"), r"|\[[0-9A-Fa-f:.]+\])$");
    const EXAMPLE: &'static str = "api.acme.example";

    fn parse(text: &str) -> Result<Self, String> {
        Self::parse(text).map_err(|error| error.to_string())
    }
}
text_shape!(HostPattern, "HostPattern");

impl Text for TextPattern {
    const WHAT: &'static str = "a text, with a leading or trailing `*`";
    const PATTERN: &'static str = concat!("^(", patterns::starred!("[^*]"), ")$");
    const EXAMPLE: &'static str = "partner-*";

    fn parse(text: &str) -> Result<Self, String> {
        Self::parse(text).map_err(|error| error.to_string())
    }
}
text_shape!(TextPattern, "TextPattern");
