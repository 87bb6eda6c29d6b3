//! Service accounts and Secrets, as far as manifests show them.
//!
//! In: nodes of manifests. Out: [`Account`] and [`SecretObject`]. The contents of a Secret are not read.

use ringfence_compiler::source::Span;
use ringfence_compiler::yaml::{Node, Value};

use super::templates::pull_secrets;

/// A ServiceAccount.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Whether its token is given to pods that do not say, where it says.
    pub automount: Option<(bool, Span)>,
    /// The Secrets with which images of its pods are taken.
    pub pulls_with: Vec<(String, Span)>,
}

/// A Secret.
#[derive(Debug, Clone)]
pub struct SecretObject {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The account whose token it holds.
    pub token_of: Option<String>,
    /// Where its name was written.
    pub span: Span,
}

impl Account {
    pub(super) fn read(root: &Node, namespace: &str, name: &str) -> Self {
        let automount = root.get("automountServiceAccountToken").and_then(|node| match node.value {
            Value::Bool(on) => Some((on, node.span)),
            _ => None,
        });
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            automount,
            pulls_with: pull_secrets(root).collect(),
        }
    }
}

impl SecretObject {
    pub(super) fn read(root: &Node, namespace: &str, name: &str, span: Span) -> Self {
        let is_token = root.get("type").and_then(Node::as_str) == Some("kubernetes.io/service-account-token");
        let annotations = root.get("metadata").and_then(|metadata| metadata.get("annotations"));
        let account = annotations.and_then(|annotations| annotations.get("kubernetes.io/service-account.name"));
        let token_of = account.and_then(Node::as_str).filter(|_| is_token).map(str::to_owned);
        Self { namespace: namespace.to_owned(), name: name.to_owned(), token_of, span }
    }
}
