//! RequestAuthentications, and what becomes of a request's token (istio/istio
//! `pilot/pkg/security/authn/policy_applier.go`, `convertToEnvoyJwtConfig`).

use ringfence_compiler::diagnostics::{Diagnostics, Reported};
use ringfence_compiler::inventory::Labels;
use ringfence_compiler::source::Span;
use ringfence_compiler::yaml::Node;

use super::read::{Fields, TargetRef, selector};
use crate::request::{Shown, Token};

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
    /// Claims that are read as lists of words.
    pub space_delimited: Vec<String>,
}

/// What a proxy makes of what a request shows.
#[derive(Debug, Clone, PartialEq)]
pub enum Authenticated {
    /// The request is refused with 401.
    Refused,
    /// It goes on, without a token or with one that is good.
    As(Shown),
}

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
            let mut space_delimited = rule.texts("spaceDelimitedClaims", diagnostics)?;
            // Always so (`buildSpaceDelimitedClaims`).
            space_delimited.extend(["permission".to_owned(), "scope".to_owned()]);
            rules.push(JwtRule {
                issuer: rule.text("issuer", diagnostics)?.unwrap_or_default(),
                audiences: rule.texts("audiences", diagnostics)?,
                space_delimited,
            });
        }
        Ok(Self {
            namespace: metadata.namespace(diagnostics)?,
            name: metadata.required("name", diagnostics)?,
            span: metadata.span_of("name"),
            selector: selector(&spec, diagnostics)?,
            targets: TargetRef::read(&spec, diagnostics)?,
            rules,
        })
    }
}

/// Says what becomes of what a request shows, where these rules hold.
///
/// A request shows one token, at the place where the rules look for it: what several tokens at several places would do is
/// not modelled. Without rules nobody looks, and a token is as good as none.
#[must_use]
pub fn authenticate(rules: &[&JwtRule], shown: &Shown) -> Authenticated {
    match shown {
        _ if rules.is_empty() => Authenticated::As(Shown::Nothing),
        Shown::Nothing => Authenticated::As(Shown::Nothing),
        Shown::Broken => Authenticated::Refused,
        Shown::Signed(token) => match rules.iter().find(|rule| rule.takes(token)) {
            Some(rule) => Authenticated::As(Shown::Signed(rule.read_words(token))),
            None => Authenticated::Refused,
        },
    }
}

impl JwtRule {
    fn takes(&self, token: &Token) -> bool {
        let issuer = self.issuer.is_empty() || token.text("iss") == Some(&self.issuer);
        let named = |audience: &String| token.audiences().contains(&audience.as_str());
        issuer && (self.audiences.is_empty() || self.audiences.iter().any(named))
    }

    /// Splits the claims that hold several words in one text.
    fn read_words(&self, token: &Token) -> Token {
        let mut token = token.clone();
        for name in &self.space_delimited {
            if let Some(serde_json::Value::String(text)) = token.0.get(name) {
                let words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
                let words = words.into_iter().collect();
                token.0.insert(name.clone(), words);
            }
        }
        token
    }
}
