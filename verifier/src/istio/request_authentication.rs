//! RequestAuthentications, as they are written (istio/api `security/v1beta1/request_authentication.proto`), and which tokens
//! their rules take.

use ringfence_compiler::diagnostics::{Diagnostics, Reported};
use ringfence_compiler::inventory::Labels;
use ringfence_compiler::source::Span;
use ringfence_compiler::yaml::{Node, Value};

use super::read::{Fields, TargetRef, selector};
use crate::request::{HeaderName, Token};

/// A RequestAuthentication.
#[derive(Debug, Clone)]
pub struct RequestAuthentication {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Where its name was written.
    pub span: Span,
    /// The labels of the pods it is about; empty means every pod.
    pub selector: Labels,
    /// What it is attached to, at gateways and waypoints.
    pub targets: Vec<TargetRef>,
    /// Whether it has fields that its kind does not have, so that nobody can tell what the cluster has of it.
    pub doubtful: bool,
    /// The issuers it takes tokens of.
    pub rules: Vec<JwtRule>,
}

/// An issuer whose tokens are taken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct JwtRule {
    /// Its name; an empty one takes tokens of any issuer that the keys hold good.
    pub issuer: String,
    /// Audiences of which a token must name one; none asks nothing.
    pub audiences: Vec<String>,
    /// Where its keys are fetched.
    pub jwks_uri: Option<String>,
    /// Its keys themselves.
    pub jwks: Option<String>,
    /// Headers where tokens are looked for, each with what stands before the token.
    pub from_headers: Vec<(HeaderName, String)>,
    /// Parameters of the query where they are.
    pub from_parameters: Vec<String>,
    /// Cookies where they are.
    pub from_cookies: Vec<String>,
    /// Whether the server gets to see the token.
    pub forwards: bool,
    /// The header that is filled with what the token says.
    pub payload_header: Option<HeaderName>,
    /// Headers that are filled with single claims.
    pub claim_headers: Vec<(HeaderName, String)>,
    /// Claims that are read as lists of words.
    pub space_delimited: Vec<String>,
}

/// Claims that are read as lists of words whatever a rule says (`buildSpaceDelimitedClaims`).
pub const ALWAYS_WORDS: [&str; 2] = ["permission", "scope"];

impl RequestAuthentication {
    /// Reads one.
    ///
    /// # Errors
    /// When a field has not its type, which is reported.
    pub fn read(root: &Node, diagnostics: &mut Diagnostics) -> Result<Self, Reported> {
        let object = Fields::of(root);
        let (metadata, spec) = (object.child("metadata", diagnostics)?, object.child("spec", diagnostics)?);
        let mut rules = Vec::new();
        for rule in spec.list("jwtRules", diagnostics)? {
            rules.push(JwtRule::read(&rule, diagnostics)?);
        }
        Ok(Self {
            namespace: metadata.namespace(diagnostics)?,
            name: metadata.required("name", diagnostics)?,
            span: metadata.span_of("name"),
            selector: selector(&spec, diagnostics)?,
            targets: TargetRef::read(&spec, diagnostics)?,
            doubtful: false,
            rules,
        })
    }
}

impl JwtRule {
    fn read(rule: &Fields<'_>, diagnostics: &mut Diagnostics) -> Result<Self, Reported> {
        let mut from_headers = Vec::new();
        for header in rule.list("fromHeaders", diagnostics)? {
            let prefix = header.text("prefix", diagnostics)?.unwrap_or_default();
            from_headers.push((HeaderName::new(&header.required("name", diagnostics)?), prefix));
        }
        let mut claim_headers = Vec::new();
        for output in rule.list("outputClaimToHeaders", diagnostics)? {
            let header = HeaderName::new(&output.required("header", diagnostics)?);
            claim_headers.push((header, output.required("claim", diagnostics)?));
        }
        let mut space_delimited = rule.texts("spaceDelimitedClaims", diagnostics)?;
        space_delimited.extend(ALWAYS_WORDS.map(str::to_owned));
        let payload_header = rule.text("outputPayloadToHeader", diagnostics)?.filter(|name| !name.is_empty());
        Ok(Self {
            issuer: rule.text("issuer", diagnostics)?.unwrap_or_default(),
            audiences: rule.texts("audiences", diagnostics)?,
            jwks_uri: rule.text("jwksUri", diagnostics)?,
            jwks: rule.text("jwks", diagnostics)?,
            from_headers,
            from_parameters: rule.texts("fromParams", diagnostics)?,
            from_cookies: rule.texts("fromCookies", diagnostics)?,
            forwards: rule.get("forwardOriginalToken").is_some_and(|node| node.value == Value::Bool(true)),
            payload_header: payload_header.as_deref().map(HeaderName::new),
            claim_headers,
            space_delimited,
        })
    }

    /// Returns whose tokens it takes: the issuer, and the audiences of which one must be named.
    #[must_use]
    pub fn taken(&self) -> (String, Vec<String>) {
        (self.issuer.clone(), self.audiences.clone())
    }

    /// Tells whether a rule takes a token that its issuer signed.
    #[must_use]
    pub fn takes(&self, token: &Token) -> bool {
        let issuer = self.issuer.is_empty() || token.text("iss") == Some(&self.issuer);
        let audiences = token.audiences();
        let named = |asked: &String| audiences.iter().any(|named| bare(named) == bare(asked));
        token.is_well_formed() && issuer && (self.audiences.is_empty() || self.audiences.iter().any(named))
    }

    /// Splits the claims that hold several words in one text.
    #[must_use]
    pub fn read_words(&self, token: &Token) -> Token {
        let mut token = token.clone();
        for name in &self.space_delimited {
            if let Some(serde_json::Value::String(text)) = token.0.get(name) {
                let words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
                if !words.is_empty() {
                    let words = words.into_iter().collect();
                    token.0.insert(name.clone(), words);
                }
            }
        }
        token
    }
}

/// An audience without the scheme of a URL and without a slash at its end: so it is compared (google/jwt_verify_lib
/// `src/check_audience.cc`).
fn bare(audience: &str) -> &str {
    let rest = ["http://", "https://"].iter().find_map(|scheme| audience.strip_prefix(scheme)).unwrap_or(audience);
    rest.strip_suffix('/').unwrap_or(rest)
}
