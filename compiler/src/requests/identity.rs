//! Sets of workload identities.
//!
//! In: what a rule says about trust domain, namespace and service account. Out: [`IdentityPattern`], and how Istio writes
//! it as a principal where it can. A pattern here is never met by a plaintext peer, which has no identity: only a field
//! without any condition is.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::field::{Meet, Pattern};
use super::request::Identity;

/// What is said of one part of an identity.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Anything.
    Any,
    /// This and nothing else.
    Exactly(String),
    /// Whatever begins so.
    Prefix(String),
}

impl Part {
    /// Tells whether `text` is meant.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exactly(exact) => exact == text,
            Self::Prefix(prefix) => text.starts_with(prefix.as_str()),
        }
    }

    /// Tells whether whatever `other` means is meant.
    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) => true,
            (Self::Prefix(ours), Self::Any) => ours.is_empty(),
            (_, Self::Exactly(theirs)) => self.matches(theirs),
            (Self::Prefix(ours), Self::Prefix(theirs)) => theirs.starts_with(ours.as_str()),
            (Self::Exactly(_), Self::Any | Self::Prefix(_)) => false,
        }
    }

    /// Returns what both mean, which is one of them or nothing: two prefixes are nested or apart.
    fn meet(&self, other: &Self) -> Option<Self> {
        if other.covers(self) {
            Some(self.clone())
        } else if self.covers(other) {
            Some(other.clone())
        } else {
            None
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => formatter.write_str("*"),
            Self::Exactly(exact) => formatter.write_str(exact),
            Self::Prefix(prefix) => write!(formatter, "{prefix}*"),
        }
    }
}

/// A set of identities: a condition on each part.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdentityPattern {
    /// Which trust domains.
    pub trust_domain: Part,
    /// Which namespaces.
    pub namespace: Part,
    /// Which service accounts.
    pub service_account: Part,
}

impl IdentityPattern {
    /// Makes the pattern of whoever has a certificate of the mesh.
    #[must_use]
    pub fn any() -> Self {
        Self { trust_domain: Part::Any, namespace: Part::Any, service_account: Part::Any }
    }

    /// Makes the pattern of everyone in one namespace.
    pub fn namespace(trust_domain: impl Into<String>, namespace: impl Into<String>) -> Self {
        Self {
            trust_domain: Part::Exactly(trust_domain.into()),
            namespace: Part::Exactly(namespace.into()),
            service_account: Part::Any,
        }
    }

    /// Makes the pattern of one identity.
    pub fn exactly(
        trust_domain: impl Into<String>,
        namespace: impl Into<String>,
        service_account: impl Into<String>,
    ) -> Self {
        Self {
            trust_domain: Part::Exactly(trust_domain.into()),
            namespace: Part::Exactly(namespace.into()),
            service_account: Part::Exactly(service_account.into()),
        }
    }

    /// Tells whether `identity` is in the set.
    #[must_use]
    pub fn matches(&self, identity: &Identity) -> bool {
        self.trust_domain.matches(&identity.trust_domain)
            && self.namespace.matches(&identity.namespace)
            && self.service_account.matches(&identity.service_account)
    }

    /// Returns the set as a value of Istio's `principals`, or `None` where Istio cannot write exactly this set.
    ///
    /// Istio has exact values, one trailing `*` and one leading `*` (istio/istio
    /// `pilot/pkg/security/authz/matcher/string.go`). A leading `*` becomes a regular expression into which the rest goes
    /// unquoted, so a name with a dot would admit its neighbours (`a.b` also `a-b`): such names are refused there.
    #[must_use]
    pub fn istio_principal(&self) -> Option<String> {
        use Part::{Any, Exactly, Prefix};
        let Self { trust_domain, namespace, service_account } = self;
        let texts = [trust_domain, namespace, service_account];
        // A `*` or `/` inside a name would be read as something else.
        if texts.iter().any(|part| matches!(part, Exactly(text) | Prefix(text) if text.contains(['*', '/']))) {
            return None;
        }
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        match (trust_domain, namespace, service_account) {
            (Any, Any, Any) => Some("*".to_owned()),
            (Any, Any, Exactly(account)) if plain(account) => Some(format!("*/sa/{account}")),
            (Any, Exactly(namespace), Exactly(account)) if plain(namespace) && plain(account) => {
                Some(format!("*/ns/{namespace}/sa/{account}"))
            }
            (Prefix(domain), Any, Any) if !domain.is_empty() => Some(format!("{domain}*")),
            (Exactly(domain), Any, Any) => Some(format!("{domain}/ns/*")),
            (Exactly(domain), Prefix(namespace), Any) => Some(format!("{domain}/ns/{namespace}*")),
            (Exactly(domain), Exactly(namespace), Any) => Some(format!("{domain}/ns/{namespace}/sa/*")),
            (Exactly(domain), Exactly(namespace), Prefix(account)) => {
                Some(format!("{domain}/ns/{namespace}/sa/{account}*"))
            }
            (Exactly(domain), Exactly(namespace), Exactly(account)) => {
                Some(format!("{domain}/ns/{namespace}/sa/{account}"))
            }
            _ => None,
        }
    }
}

/// The pattern as Istio writes it, or in the same manner where Istio cannot: `*/ns/shop/sa/*`.
impl fmt::Display for IdentityPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.istio_principal() {
            Some(principal) => formatter.write_str(&principal),
            None => write!(formatter, "{}/ns/{}/sa/{}", self.trust_domain, self.namespace, self.service_account),
        }
    }
}

impl Pattern for IdentityPattern {
    fn covers(&self, other: &Self) -> bool {
        self.trust_domain.covers(&other.trust_domain)
            && self.namespace.covers(&other.namespace)
            && self.service_account.covers(&other.service_account)
    }

    fn meet(&self, other: &Self) -> Meet<Self> {
        let meet = || {
            Some(Self {
                service_account: self.service_account.meet(&other.service_account)?,
                namespace: self.namespace.meet(&other.namespace)?,
                trust_domain: self.trust_domain.meet(&other.trust_domain)?,
            })
        };
        meet().map_or(Meet::Nothing, Meet::Pattern)
    }
}

/// Returns one identity for each combination of `patterns` that some identity meets, with the patterns it meets.
///
/// Part by part: only patterns that the trust domain meets are asked about the namespace, and so on, so a thousand
/// principals give some thousands of answers and never the product of their parts.
pub(super) fn atoms(patterns: &[&IdentityPattern]) -> Vec<(Identity, Vec<usize>)> {
    let mut found = BTreeMap::new();
    let everything: Vec<usize> = (0..patterns.len()).collect();
    let part = |among: &[usize], part: fn(&IdentityPattern) -> &Part| {
        let parts = among.iter().filter_map(|index| Some((*index, part(patterns.get(*index)?)))).collect::<Vec<_>>();
        part_atoms(&parts)
    };
    for (trust_domain, met) in part(&everything, |pattern| &pattern.trust_domain) {
        for (namespace, met) in part(&met, |pattern| &pattern.namespace) {
            for (service_account, met) in part(&met, |pattern| &pattern.service_account) {
                let identity = || Identity::new(&trust_domain, &namespace, service_account);
                found.entry(met).or_insert_with(identity);
            }
        }
    }
    found.into_iter().map(|(met, identity)| (identity, met)).collect()
}

/// Returns one text for each combination of `parts` that some text meets, with the indices it meets.
///
/// A text that is none of the exact ones is told apart from others only by the longest prefix it begins with; so the exact
/// ones, one text for each prefix that begins with no longer one, and one that begins with none are all there are.
fn part_atoms(parts: &[(usize, &Part)]) -> Vec<(String, Vec<usize>)> {
    let mut exact: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut prefixes: BTreeMap<&str, Vec<usize>> = BTreeMap::from([("", Vec::new())]);
    for (index, part) in parts {
        match part {
            Part::Any => prefixes.entry("").or_default().push(*index),
            Part::Exactly(text) => exact.entry(text).or_default().push(*index),
            Part::Prefix(prefix) => prefixes.entry(prefix).or_default().push(*index),
        }
    }
    let begun = |text: &str| {
        let begun = prefixes.iter().filter(|(prefix, _)| text.starts_with(**prefix));
        begun.flat_map(|(_, indices)| indices).copied().collect::<BTreeSet<usize>>()
    };
    let mut found = BTreeMap::new();
    for prefix in prefixes.keys() {
        let met = begun(prefix);
        let apart = |text: &String| !exact.contains_key(text.as_str()) && begun(text) == met;
        let named = ["other", "x"].into_iter().filter(|word| prefix.is_empty() || *word == "x").map(str::to_owned);
        let letters = ('a'..='z').chain('0'..='9').chain('\u{a1}'..).map(String::from);
        let longer = named.chain(letters).map(|end| format!("{prefix}{end}")).find(apart);
        if let Some(text) = longer {
            found.entry(met.into_iter().collect::<Vec<_>>()).or_insert(text);
        }
    }
    for (text, indices) in &exact {
        let mut met = begun(text);
        met.extend(indices);
        found.entry(met.into_iter().collect()).or_insert_with(|| (*text).to_owned());
    }
    found.into_iter().map(|(met, text)| (text, met)).collect()
}
