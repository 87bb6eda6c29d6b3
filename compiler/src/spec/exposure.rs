//! Exposure: which hosts and paths a gateway lets in, for whom, and what answers them.

use super::access::Port;
use super::names::Name;
use super::patterns;
use super::reference::{Cidr, Reference};
use crate::diagnostics::{Diagnostics, Reported};
use crate::requests::PathPattern;
use crate::shape::scalar::{Text, text_shape};
use crate::shape::{OneOrMany, Shape, keywords, record, wrong_type};
use crate::source::Spanned;
use crate::yaml::{Node, Value};

record! {
    /// What a gateway lets in: hosts, paths, and the services that answer them. An Exposure grants nothing: the service must
    /// admit the gateway with an Access of its own.
    pub struct ExposureSpec {
        /// The gateway, by the name that clusters declare; the Exposure holds in each of them that runs its services.
        pub gateway: Spanned<Name>,
        /// The hosts: `api.acme.example`, or `*.acme.example` for every name below. A host belongs to one tenant.
        pub hostnames: OneOrMany<Spanned<Hostname>>,
        /// How TLS is ended. There is no exposure without it.
        pub tls: Spanned<EdgeTls>,
        /// From where requests may come: `internet` for anywhere, `internal` for private addresses, or a list of ranges.
        pub audience: Spanned<Audience>,
        /// The token that requests must show, as the name of an Authentication, or `none`; for each path that says nothing else.
        pub auth: Option<Spanned<Name>>,
        /// What answers each path that says nothing else.
        pub backend: Option<Spanned<Backend>>,
        /// The paths; every path when absent. The most specific one counts.
        pub paths: Vec<Spanned<ExposedPath>>,
    }
}

record! {
    /// A path, or a path and all below it.
    pub struct ExposedPath {
        /// A path and everything below it, segment by segment: `/v1` is `/v1` and `/v1/…`, and not `/v10`.
        pub prefix: Option<Spanned<UrlPath>>,
        /// This path alone.
        pub exact: Option<Spanned<UrlPath>>,
        /// The token that requests must show, as the name of an Authentication, or `none`.
        pub auth: Option<Spanned<Name>>,
        /// What answers.
        pub backend: Option<Spanned<Backend>>,
        /// What the path, or the prefix, becomes on the way to the service.
        pub rewrite: Option<Spanned<UrlPath>>,
    }
}

record! {
    /// A service and a port of its workloads.
    pub struct Backend {
        /// A service of this node.
        pub service: Spanned<Reference>,
        /// The port of its workloads, by number or by the name its containers give it.
        pub port: Spanned<Port>,
    }
}

record! {
    /// How TLS is ended.
    pub struct EdgeTls {
        /// Who ends it, and whether clients show a certificate.
        pub mode: Option<Spanned<TlsMode>>,
        /// The Secret with certificate and key: its name, or `<namespace>/<name>`. Without a namespace it is the gateway's, or
        /// that of the service where the gateway is shared.
        pub secret: Option<Spanned<SecretName>>,
        /// The oldest version of TLS that is spoken; `"1.2"` when absent.
        pub min_version: Option<Spanned<TlsVersion>>,
    }
}

keywords! {
    /// Who ends TLS.
    pub enum TlsMode {
        /// The gateway.
        Terminate = "terminate",
        /// The gateway, and clients show a certificate of the CA in `ca.crt` of the Secret.
        Mutual = "mutual",
        /// The service itself: the gateway sees neither paths nor tokens.
        Passthrough = "passthrough",
    }
}

keywords! {
    /// A version of TLS.
    pub enum TlsVersion {
        /// TLS 1.2.
        V12 = "1.2",
        /// TLS 1.3.
        V13 = "1.3",
    }
}

/// From where requests may come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audience {
    /// From anywhere.
    Internet,
    /// From private addresses (RFC 1918, RFC 4193).
    Internal,
    /// From these ranges.
    Ranges(Vec<Spanned<Cidr>>),
}

keywords! {
    /// An audience that has a name.
    pub enum NamedAudience {
        /// From anywhere.
        Internet = "internet",
        /// From private addresses (RFC 1918, RFC 4193).
        Internal = "internal",
    }
}

/// The private addresses: RFC 1918 and RFC 4193.
const PRIVATE: [&str; 4] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"];

impl Audience {
    /// Returns the ranges that are admitted; `None` for any.
    #[must_use]
    pub fn ranges(&self) -> Option<Vec<ipnet::IpNet>> {
        match self {
            Self::Internet => None,
            Self::Internal => Some(PRIVATE.iter().filter_map(|range| range.parse().ok()).collect()),
            Self::Ranges(ranges) => Some(ranges.iter().map(|range| range.value.0).collect()),
        }
    }

    /// Tells whether whoever belongs to `other` belongs to this one.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let Some(ours) = self.ranges() else { return true };
        let Some(theirs) = other.ranges() else { return false };
        // Ranges that only together make up another one are not put together: in doubt it is outside.
        theirs.iter().all(|range| ours.iter().any(|wide| wide.contains(range)))
    }
}

impl Shape for Audience {
    fn read(node: &Node, diagnostics: &mut Diagnostics) -> Result<Self, Reported> {
        match &node.value {
            Value::String(_) => NamedAudience::read(node, diagnostics).map(|named| match named {
                NamedAudience::Internet => Self::Internet,
                NamedAudience::Internal => Self::Internal,
            }),
            Value::Sequence(_) => OneOrMany::<Spanned<Cidr>>::read(node, diagnostics).map(|list| Self::Ranges(list.0)),
            _ => Err(diagnostics.report(wrong_type(node, "`internet`, `internal` or a list of ranges"))),
        }
    }
}

impl schemars::JsonSchema for Audience {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Audience".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let (named, range) = (generator.subschema_for::<NamedAudience>(), generator.subschema_for::<Cidr>());
        schemars::json_schema!({ "anyOf": [named, { "type": "array", "items": range, "minItems": 1 }] })
    }
}

/// A host of the outside world, in small letters: a name, or `*.` and the name below which every name is meant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hostname(pub String);

impl Hostname {
    /// Returns the name below which every name is meant; `None` for one host.
    #[must_use]
    pub fn wildcard(&self) -> Option<&str> {
        self.0.strip_prefix("*.")
    }

    /// Tells whether every host of `other` is one of ours.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let Some(domain) = self.wildcard() else { return self == other };
        let name = other.wildcard().unwrap_or(&other.0);
        let below = name.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
        below || (name == domain && other.wildcard().is_some())
    }

    /// Tells whether some host is one of both.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.covers(other) || other.covers(self)
    }
}

impl std::fmt::Display for Hostname {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Text for Hostname {
    const WHAT: &'static str = "a host";
    const PATTERN: &'static str = concat!("^(?=.{1,253}$)([*][.])?", patterns::dns_name!(), "$");
    const EXAMPLE: &'static str = "api.acme.example";

    fn parse(text: &str) -> Result<Self, String> {
        let name = text.strip_prefix("*.").unwrap_or(text);
        if text.len() <= 253 && name.split('.').all(is_label) {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!("`{text}` is not a host: write its name in small letters, without port, or `*.` and a name"))
        }
    }
}
text_shape!(Hostname, "Hostname");

/// Tells whether `label` is a part of a DNS name as Kubernetes takes it.
fn is_label(label: &str) -> bool {
    let edge =
        |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit());
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    label.len() <= 63 && edge(label.chars().next()) && edge(label.chars().last()) && label.chars().all(inner)
}

/// A Secret: its name, or its namespace and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretName {
    /// Its namespace, where it is written.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

impl std::fmt::Display for SecretName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{namespace}/{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

impl Text for SecretName {
    const WHAT: &'static str = "a Secret";
    const PATTERN: &'static str =
        concat!("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?/)?(?=[^/]{1,253}$)", patterns::dns_name!(), "$");
    const EXAMPLE: &'static str = "api-certificate";

    fn parse(text: &str) -> Result<Self, String> {
        let (namespace, name) = text.split_once('/').map_or((None, text), |(space, name)| (Some(space), name));
        if namespace.is_none_or(is_label) && name.len() <= 253 && name.split('.').all(is_label) {
            Ok(Self { namespace: namespace.map(str::to_owned), name: name.to_owned() })
        } else {
            Err(format!("`{text}` is not a Secret: write its name, or `<namespace>/<name>`"))
        }
    }
}
text_shape!(SecretName, "SecretName");

/// A path of a URL, as proxies see it: no query, no dot segments, no empty segment and no slash at its end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UrlPath(pub String);

impl UrlPath {
    /// Tells whether `path` is this one or lies below it.
    #[must_use]
    pub fn holds(&self, path: &str) -> bool {
        self.0 == "/" || path == self.0 || path.strip_prefix(&self.0).is_some_and(|rest| rest.starts_with('/'))
    }

    /// Returns the patterns of this path and everything below it.
    #[must_use]
    pub fn below(&self) -> Vec<PathPattern> {
        if self.0 == "/" {
            return vec![PathPattern::prefix("/")];
        }
        vec![PathPattern::exact(self.0.clone()), PathPattern::prefix(format!("{}/", self.0))]
    }
}

impl std::fmt::Display for UrlPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Text for UrlPath {
    const WHAT: &'static str = "a path";
    const PATTERN: &'static str =
        "^/(?!.*/[.][.]?(/|$))(?![.][.]?(/|$))([A-Za-z0-9._~!$&'()+,;:@=-]+(/[A-Za-z0-9._~!$&'()+,;:@=-]+)*)?$";
    const EXAMPLE: &'static str = "/v1/accounts";

    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a path: it begins with `/` and has names between single `/`");
        let segment = |part: &str| {
            !matches!(part, "" | "." | "..")
                && part.chars().all(|c| c.is_ascii_alphanumeric() || "._~!$&'()+,;:@=-".contains(c))
        };
        let rest = text.strip_prefix('/').ok_or_else(wrong)?;
        if rest.is_empty() || rest.split('/').all(segment) { Ok(Self(text.to_owned())) } else { Err(wrong()) }
    }
}
text_shape!(UrlPath, "UrlPath");

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> Hostname {
        Hostname::parse(text).unwrap()
    }

    #[test]
    fn a_wildcard_covers_every_name_below() {
        let cases = [
            ("*.acme.example", "api.acme.example", true),
            ("*.acme.example", "a.b.acme.example", true),
            ("*.acme.example", "acme.example", false),
            ("*.acme.example", "*.b.acme.example", true),
            ("*.acme.example", "*.acme.example", true),
            ("*.b.acme.example", "*.acme.example", false),
            ("*.acme.example", "notacme.example", false),
            ("acme.example", "acme.example", true),
            ("acme.example", "*.acme.example", false),
        ];
        for (wide, narrow, expected) in cases {
            assert_eq!(host(wide).covers(&host(narrow)), expected, "{wide} {narrow}");
        }
        assert!(host("*.b.acme.example").overlaps(&host("*.acme.example")));
    }

    #[test]
    fn hosts_and_paths_that_are_not_are_refused() {
        for text in ["", "*", "*.", "API.example", "a..b", "a.example:443", "-a.example", "a.*.example", "https://a"] {
            assert!(Hostname::parse(text).is_err(), "{text}");
        }
        for text in ["", "v1", "/v1/", "//", "/a/../b", "/.", "/a?x", "/a*", "/{*}", "/a b", "/%41"] {
            assert!(UrlPath::parse(text).is_err(), "{text}");
        }
        for text in ["", "/x", "a/b/c", "A", "a/"] {
            assert!(SecretName::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_prefix_ends_between_segments() {
        let path = |text: &str| UrlPath::parse(text).unwrap();
        assert!(path("/v1").holds("/v1/x") && path("/v1").holds("/v1") && path("/").holds("/v1"));
        assert!(!path("/v1").holds("/v10"));
    }

    #[test]
    fn an_audience_lies_within_ranges_that_hold_it() {
        let file = crate::source::Sources::new().add(crate::source::SourceFile::new("x.yaml", Vec::new()));
        let nowhere = crate::source::Span::new(file, 0, 0);
        let ranges = |list: &[&str]| {
            Audience::Ranges(list.iter().map(|it| Spanned::new(Cidr::parse(it).unwrap(), nowhere)).collect())
        };
        assert!(Audience::Internet.covers(&Audience::Internal));
        assert!(!Audience::Internal.covers(&Audience::Internet));
        assert!(Audience::Internal.covers(&ranges(&["10.1.0.0/16"])));
        assert!(!Audience::Internal.covers(&ranges(&["10.1.0.0/16", "203.0.113.0/24"])));
    }
}
