//! What manifests say beside who runs and what decides: objects that change proxies, headers that workloads are told of, what pods hold
//! and who may change what.
//!
//! In: nodes of manifests. Out: [`Surroundings`]. Answers about reachability do not rest on any of this; checks and attack paths do.

pub mod accounts;
pub mod held;
pub mod outside;
pub mod pods;
pub mod rights;
mod shipped;
pub mod templates;
pub mod volumes;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use ringfence_compiler::diagnostics::Diagnostics;
use ringfence_compiler::source::Span;
use ringfence_compiler::yaml::{Node, Value};

use self::accounts::{Account, SecretObject};
use self::outside::ServiceEntry;
use self::pods::Uncaptured;
use self::rights::Rights;
use self::templates::Template;
use self::volumes::{Claim, Folder};
use crate::deciding::Deciding;

/// What was found beside workloads and policies.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// Objects that change what a proxy does, in the order of their places.
    pub overriding: Vec<Overriding>,
    /// Objects that decide, have a namespace and name none, in the order of their places.
    pub unplaced: Vec<Unplaced>,
    /// What pod templates say of headers, by kind, namespace and name of the workload.
    pub mentions: BTreeMap<(String, String, String), Vec<Mention>>,
    /// What pod templates take from the proxy of calls that leave, by kind, namespace and name of the workload.
    pub uncaptured: BTreeMap<(String, String, String), Vec<Uncaptured>>,
    /// ServiceEntries, by namespace and name.
    pub entries: Vec<ServiceEntry>,
    /// Who may change what.
    pub rights: Rights,
    /// What pod templates give whoever gets in, by kind, namespace and name of the workload.
    pub templates: BTreeMap<(String, String, String), Template>,
    /// ServiceAccounts.
    pub accounts: Vec<Account>,
    /// Secrets that have a manifest.
    pub secrets: Vec<SecretObject>,
    /// Volumes of the cluster that are folders of a node.
    pub folders: Vec<Folder>,
    /// Claims of volumes, by namespace and name.
    pub claims: BTreeMap<(String, String), Claim>,
}

/// An object that can change what a proxy does in any way.
#[derive(Debug, Clone)]
pub struct Overriding {
    /// `EnvoyFilter` or `WasmPlugin`.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Where its name was written.
    pub span: Span,
}

/// An object whose manifest names no namespace.
#[derive(Debug, Clone)]
pub struct Unplaced {
    /// Its kind.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// Where its name was written.
    pub span: Span,
}

/// A variable or an argument of a container that is about a header.
#[derive(Debug, Clone)]
pub struct Mention {
    /// What the variable or the flag is called: `USERID_HEADER`, `-userid-header`.
    pub called: String,
    /// The name of the header; `None` where it comes from elsewhere.
    pub header: Option<String>,
    /// Where it was written.
    pub span: Span,
}

impl Surroundings {
    /// Looks through objects; broken ones are passed over, for others say so.
    #[must_use]
    pub fn read<'n>(roots: impl IntoIterator<Item = &'n Node>) -> Self {
        let mut found = Self::default();
        roots.into_iter().for_each(|root| found.add(root));
        found.overriding.sort_by_key(|object| (object.span.file, object.span.start));
        found.unplaced.sort_by_key(|object| (object.span.file, object.span.start));
        found.entries.sort_by(|a, b| a.object.cmp(&b.object));
        found.rights.sort();
        found
    }

    fn add(&mut self, root: &Node) {
        let text = |name: &str| root.get(name).and_then(Node::as_str).unwrap_or_default();
        let (kind, group) = (text("kind"), text("apiVersion").split('/').next().unwrap_or_default());
        if kind.ends_with("List") {
            sequence(root.get("items")).iter().for_each(|item| self.add(item));
            return;
        }
        let metadata = root.get("metadata");
        let written = |key: &str| metadata.and_then(|metadata| metadata.get(key));
        let Some(named) = written("name") else {
            self.add_generated(root, kind);
            return;
        };
        let name = named.as_str().unwrap_or_default().to_owned();
        if let Some(kind) = Deciding::of(root).filter(|kind| !kind.is_of_cluster()) {
            if written("namespace").is_none_or(|namespace| namespace.value == Value::Null) {
                self.unplaced.push(Unplaced { kind: kind.name(), name, span: named.span });
            }
            return;
        }
        let namespace = written("namespace").and_then(Node::as_str).unwrap_or("default").to_owned();
        if let ("networking.istio.io", "EnvoyFilter") | ("extensions.istio.io", "WasmPlugin") = (group, kind) {
            self.overriding.push(Overriding { kind: kind.to_owned(), namespace, name, span: named.span });
            return;
        }
        if self.rights.add(root, group, kind) {
            return;
        }
        if let ("networking.istio.io", "ServiceEntry") = (group, kind) {
            // What is broken counts for nothing here.
            self.entries.extend(ServiceEntry::read(root, &mut Diagnostics::new()));
            return;
        }
        if let ("", "ServiceAccount") = (group_of(root), kind) {
            self.accounts.push(Account::read(root, &namespace, &name));
            return;
        }
        if let ("", "Secret") = (group_of(root), kind) {
            self.secrets.push(SecretObject::read(root, &namespace, &name, named.span));
            return;
        }
        if let ("", "PersistentVolume") = (group_of(root), kind) {
            self.folders.extend(Folder::read(root, &name));
            return;
        }
        if let ("", "PersistentVolumeClaim") = (group_of(root), kind) {
            self.claims.insert((namespace.clone(), name.clone()), Claim::read(root, &namespace, &name));
            return;
        }
        if let Some(template) = Template::read(root, kind) {
            self.templates.insert((kind.to_owned(), namespace.clone(), name.clone()), template);
        }
        let uncaptured = pods::uncaptured(root, kind);
        if !uncaptured.is_empty() {
            self.uncaptured.insert((kind.to_owned(), namespace.clone(), name.clone()), uncaptured);
        }
        let mentions: Vec<Mention> = containers(root, kind).flat_map(mentions).collect();
        if !mentions.is_empty() {
            self.mentions.insert((kind.to_owned(), namespace, name), mentions);
        }
    }
}

impl Surroundings {
    /// Adds what an object says of its pods whose name the cluster makes: a workload goes by the rest of it.
    fn add_generated(&mut self, root: &Node, kind: &str) {
        let written = |key: &str| root.get("metadata").and_then(|metadata| metadata.get(key)).and_then(Node::as_str);
        let (Some(name), Some(template)) = (written("generateName"), Template::read(root, kind)) else { return };
        let name = name.trim_end_matches(['-', '.']).to_owned();
        let namespace = written("namespace").unwrap_or("default").to_owned();
        // Several may have that name, and each counts as what all of them say.
        match self.templates.entry((kind.to_owned(), namespace, name)) {
            Entry::Vacant(entry) => _ = entry.insert(template),
            Entry::Occupied(mut entry) => entry.get_mut().join(template),
        }
    }
}

/// Returns the API group of an object; none of the core.
fn group_of(root: &Node) -> &str {
    let version = root.get("apiVersion").and_then(Node::as_str).unwrap_or_default();
    version.split_once('/').map_or("", |(group, _)| group)
}

/// Returns the containers of the pods of an object.
fn containers<'n>(root: &'n Node, kind: &str) -> impl Iterator<Item = &'n Node> {
    sequence(template(root, kind).and_then(|pod| pod.get("spec")?.get("containers"))).iter()
}

/// Returns what describes the pods of an object: `metadata` and `spec`.
fn template<'n>(root: &'n Node, kind: &str) -> Option<&'n Node> {
    let spec = root.get("spec");
    match kind {
        "Pod" => Some(root),
        "CronJob" => spec?.get("jobTemplate")?.get("spec")?.get("template"),
        _ => spec?.get("template"),
    }
}

fn sequence(node: Option<&Node>) -> &[Node] {
    match node.map(|node| &node.value) {
        Some(Value::Sequence(items)) => items,
        _ => &[],
    }
}

fn mentions(container: &Node) -> Vec<Mention> {
    let mut found = Vec::new();
    for variable in sequence(container.get("env")) {
        let called = variable.get("name").and_then(Node::as_str).unwrap_or_default();
        if called.to_ascii_uppercase().ends_with("HEADER") {
            let value = variable.get("value");
            let header = value.and_then(Node::as_str).and_then(header);
            found.push(Mention { called: called.to_owned(), header, span: value.unwrap_or(variable).span });
        }
    }
    for words in [container.get("command"), container.get("args")] {
        let words = sequence(words);
        for (at, word) in words.iter().enumerate() {
            let Some(text) = word.as_str().filter(|text| text.starts_with('-')) else { continue };
            let (called, value) = text.split_once('=').map_or((text, None), |(flag, value)| (flag, Some(value)));
            if called.to_ascii_lowercase().ends_with("header") {
                let next = || words.get(at + 1).and_then(Node::as_str).filter(|next| !next.starts_with('-'));
                let header = value.or_else(next).and_then(header);
                found.push(Mention { called: called.to_owned(), header, span: word.span });
            }
        }
    }
    found
}

/// Returns a text as the name of a header; what stands for something else is none.
fn header(text: &str) -> Option<String> {
    let named = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    named.then(|| text.to_ascii_lowercase())
}
