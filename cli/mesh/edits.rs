//! What-if: documents laid over what was read, and statements or objects taken away.
//!
//! In: files and the names of statements. Out: the same [`Input`], changed before anything is looked up, so that what
//! follows from it is found as always.

use std::path::Path;

use ringfence_compiler::diagnostics::{Diagnostics, nearest};
use ringfence_compiler::document::Document;
use ringfence_compiler::parse::Parsed;
use ringfence_compiler::shape::scalar::Text as _;
use ringfence_compiler::source::SourceFile;
use ringfence_compiler::spec::API_VERSION;
use ringfence_compiler::spec::access::AccessSpec;
use ringfence_compiler::spec::mandates::Mandates;
use ringfence_compiler::spec::reference::NodePath;
use ringfence_compiler::yaml::{self, Node, Profile, Value};
use ringfence_verifier::deciding::Deciding;
use ringfence_verifier::policies::Policies;

use super::{Input, Kind, read_file};
use crate::args::Changes;
use crate::exit::Failure;

/// Changes to objects, which are made when they are read.
#[derive(Debug, Default)]
pub(super) struct Edits {
    pub(super) over: Vec<Node>,
    pub(super) without: Vec<ObjectName>,
}

/// An object, or a rule of it: `AuthorizationPolicy/shop/db#2`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ObjectName {
    pub(super) kind: String,
    pub(super) namespace: String,
    pub(super) name: String,
    /// The position of the rule.
    rule: Option<usize>,
}

impl ObjectName {
    fn parse(text: &str) -> Option<Self> {
        let (object, rule) = match text.split_once('#') {
            Some((object, rule)) => (object, Some(rule.parse::<usize>().ok()?.checked_sub(1)?)),
            None => (text, None),
        };
        // Answers print `Kind namespace/name`.
        let object = object.replacen(' ', "/", 1);
        let (kind, namespace, name) = match object.split('/').collect::<Vec<_>>().as_slice() {
            [kind, name] | [kind, "", name] if is_of_cluster(kind) => (*kind, "", *name),
            [kind, namespace, name] if !kind.is_empty() && !is_of_cluster(kind) => (*kind, *namespace, *name),
            _ => return None,
        };
        Some(Self { kind: kind.to_owned(), namespace: namespace.to_owned(), name: name.to_owned(), rule })
    }

    pub(super) fn of(root: &Node) -> Option<Self> {
        let text = |node: Option<&Node>| node.and_then(Node::as_str).map(str::to_owned);
        let metadata = root.get("metadata")?;
        let kind = text(root.get("kind"))?;
        let namespace = match is_of_cluster(&kind) {
            true => String::new(),
            false => text(metadata.get("namespace")).unwrap_or_else(|| "default".to_owned()),
        };
        Some(Self { kind, namespace, name: text(metadata.get("name"))?, rule: None })
    }
}

impl Edits {
    pub fn is_empty(&self) -> bool {
        self.over.is_empty() && self.without.is_empty()
    }

    /// Returns the objects with the changes to whole ones.
    pub fn laid_over(&self, roots: impl Iterator<Item = Node>) -> Vec<Node> {
        let over: Vec<Option<ObjectName>> = self.over.iter().map(ObjectName::of).collect();
        let goes = |root: &Node| {
            let name = ObjectName::of(root);
            name.is_some() && (over.contains(&name) || self.without.iter().any(|gone| name.as_ref() == Some(gone)))
        };
        let mut roots: Vec<Node> = roots.map(without_lists).collect::<Vec<_>>().into_iter().flatten().collect();
        if !self.is_empty() {
            roots.retain(|root| !goes(root));
            roots.extend(self.over.iter().cloned());
        }
        roots
    }

    /// Reads what decides, without the rules that are taken away.
    pub fn read(&self, roots: &[Node], diagnostics: &mut Diagnostics) -> Policies {
        let mut policies = Policies::default();
        for root in roots {
            policies.add(root, diagnostics);
        }
        // The last first, so that each position is still that of the rule that was named.
        let mut without: Vec<&ObjectName> = self.without.iter().collect();
        without.sort_by_key(|gone| std::cmp::Reverse(gone.rule));
        for gone in without {
            let Some(rule) = gone.rule else { continue };
            for policy in &mut policies.authorization {
                let is_it = policy.namespace == gone.namespace && policy.name == gone.name;
                if is_it && gone.kind == "AuthorizationPolicy" && rule < policy.rules.len() {
                    policy.rules.remove(rule);
                }
            }
        }
        policies.sorted()
    }

    /// Changes objects and reads what decides.
    pub fn policies(&self, roots: impl Iterator<Item = Node>, diagnostics: &mut Diagnostics) -> Policies {
        self.read(&self.laid_over(roots), diagnostics)
    }
}

/// The kinds of objects that give rights, and whether they are of the whole cluster.
const RIGHTS: [(&str, bool); 4] =
    [("ClusterRole", true), ("ClusterRoleBinding", true), ("Role", false), ("RoleBinding", false)];

/// Tells whether an object can be taken away: what decides about calls, and what gives rights.
pub fn can_go(name: &str) -> bool {
    let kind = name.split('/').next().unwrap_or_default();
    Deciding::named(kind).is_some() || gives_rights(kind)
}

/// Tells whether objects of a kind give rights.
pub fn gives_rights(kind: &str) -> bool {
    RIGHTS.iter().any(|(right, _)| *right == kind)
}

/// Tells whether objects of a kind are of the whole cluster, and have no namespace.
pub fn is_of_cluster(kind: &str) -> bool {
    RIGHTS.contains(&(kind, true)) || Deciding::named(kind).is_some_and(Deciding::is_of_cluster)
}

/// Returns the names of the objects that decide, as they are typed.
fn named(policies: &Policies) -> Vec<String> {
    let name = |kind: &str, namespace: &str, name: &str| format!("{kind}/{namespace}/{name}");
    let mut named = Vec::new();
    named.extend(policies.authorization.iter().map(|it| name("AuthorizationPolicy", &it.namespace, &it.name)));
    named.extend(policies.peers.iter().map(|it| name("PeerAuthentication", &it.namespace, &it.name)));
    named.extend(policies.tokens.iter().map(|it| name("RequestAuthentication", &it.namespace, &it.name)));
    named.extend(policies.network.iter().map(|it| name("NetworkPolicy", &it.namespace, &it.name)));
    named.extend(policies.tiers.iter().map(|it| format!("{}/{}", it.kind.name(), it.name)));
    named
}

/// Returns the items of a list, or else the object itself.
pub(super) fn without_lists(root: Node) -> Vec<Node> {
    let is_list = root.get("kind").and_then(Node::as_str).is_some_and(|kind| kind.ends_with("List"));
    match root.get("items").map(|items| &items.value) {
        Some(Value::Sequence(items)) if is_list => items.iter().cloned().flat_map(without_lists).collect(),
        _ => vec![root],
    }
}

impl Input {
    /// Makes the changes that were asked for.
    ///
    /// # Errors
    /// When a file cannot be read, or what should go is not there.
    pub fn change(&mut self, changes: &Changes) -> Result<(), Failure> {
        for file in &changes.with {
            self.lay_over(file)?;
        }
        // The last first, so that each number is still that of the entry that was named, and each once: named again it would be the
        // entry behind it.
        let mut without: Vec<&String> = changes.without.iter().collect();
        let number = |name: &str| name.rsplit_once('.').and_then(|(_, number)| number.parse::<usize>().ok());
        without.sort_by_key(|name| (std::cmp::Reverse(number(name)), *name));
        without.dedup();
        without.into_iter().try_for_each(|name| self.take_away(name))
    }

    /// Lays the documents of a file over what was read: one of the same kind and name is replaced, others are added. `text`
    /// is `FILE`, or `NODE=FILE` where the node of policy documents does not follow from anything.
    ///
    /// # Errors
    /// When the file cannot be read, or nobody can tell where its documents belong.
    pub fn lay_over(&mut self, text: &str) -> Result<(), Failure> {
        let (node, file) = match text.split_once('=') {
            Some((node, file)) if node.starts_with('/') => (Some(NodePath::parse(node).map_err(Failure::new)?), file),
            _ => (None, text),
        };
        let bytes = read_file(Path::new(file))?;
        self.lay_over_text(file, bytes, node)
    }

    /// Lays documents over what was read; `node` is where those of policy belong.
    ///
    /// # Errors
    /// When nobody can tell where they belong.
    pub fn lay_over_text(&mut self, file: &str, bytes: Vec<u8>, node: Option<NodePath>) -> Result<(), Failure> {
        let id = self.sources.add(SourceFile::new(file, bytes));
        self.foreign.insert(id);
        let mut said = Diagnostics::new();
        let documents = yaml::read(&self.sources, id, Profile::Manifest, &mut said);
        let is_policy = |root: &Node| root.get("apiVersion").and_then(Node::as_str) == Some(API_VERSION);
        if documents.is_empty() && !said.has_errors() {
            return Err(Failure::new(format!("there is no document in `{file}`")));
        }
        if documents.iter().any(|document| is_policy(&document.root)) {
            // Policy is read more strictly than manifests are.
            said = Diagnostics::new();
            let documents = yaml::read(&self.sources, id, Profile::Policy, &mut said);
            let folder = self.folder_node(Path::new(file));
            let Kind::Project(Some(parsed), _) = &mut self.kind else {
                return Err(Failure::new(format!(
                    "`{file}` is policy, and what is asked about has none to lay it over"
                )));
            };
            for document in documents.iter().filter(|document| is_policy(&document.root)) {
                put(parsed, file, node.as_ref().or(folder.as_ref()), &document.root, &mut said)?;
            }
        }
        let objects: Vec<Node> = documents
            .into_iter()
            .flat_map(|document| without_lists(document.root))
            .filter(|root| !is_policy(root))
            .collect();
        let decides = |root: &Node| {
            let kind = root.get("kind").and_then(Node::as_str).unwrap_or_default();
            Deciding::named(kind).is_some()
        };
        if let (Kind::Project(..), Some(runs)) = (&self.kind, objects.iter().find(|root| !decides(root))) {
            let kind = runs.get("kind").and_then(Node::as_str).unwrap_or("an object").to_owned();
            return Err(Failure::new(format!("`{file}` holds a {kind}, which belongs to the inventory"))
                .help("only policy, and objects that decide, can be laid over a project"));
        }
        self.edits.over.extend(objects);
        self.diagnostics.append(said);
        Ok(())
    }

    /// Returns the node of a file within the policy folder of the project.
    fn folder_node(&self, file: &Path) -> Option<NodePath> {
        let Kind::Project(Some(parsed), _) = &self.kind else { return None };
        let policy = std::fs::canonicalize(self.root.join(parsed.project.policy_folder())).ok()?;
        let file = std::fs::canonicalize(file).ok()?;
        let folder = file.strip_prefix(policy).ok()?.parent()?.to_str()?.to_owned();
        Some(if folder.is_empty() { NodePath::root() } else { NodePath(format!("/{folder}")) })
    }

    /// Takes a statement away by its id, or an object or a rule of one by its name.
    ///
    /// # Errors
    /// When there is no such thing.
    pub fn take_away(&mut self, text: &str) -> Result<(), Failure> {
        if !text.starts_with('/') && !text.starts_with("zone:") {
            let object = ObjectName::parse(text).ok_or_else(|| {
                Failure::new(format!("`{text}` is neither a statement nor an object"))
                    .help("a statement is `/payments#mtls` or `/payments/checkout/name`, an object `Kind/namespace/name`, a rule of an AuthorizationPolicy `AuthorizationPolicy/namespace/name#2`")
            })?;
            if object.rule.is_some() && object.kind != "AuthorizationPolicy" {
                return Err(Failure::new(format!("rules of a {} cannot be taken away one by one", object.kind))
                    .help("name the whole object"));
            }
            self.check_object(text, &object)?;
            // Taken away twice, the rule behind it would go as well.
            if !self.edits.without.contains(&object) {
                self.edits.without.push(object);
            }
            return Ok(());
        }
        let Kind::Project(Some(parsed), _) = &mut self.kind else {
            return Err(Failure::new(format!("there is no policy here that would hold `{text}`"))
                .help("name an object, as in `AuthorizationPolicy/shop/db`"));
        };
        let known = statements(parsed);
        if remove(parsed, text) == 0 {
            return Err(Failure::new(format!("there is no statement `{text}`"))
                .help("`ringfence effective` prints the name of each")
                .did_you_mean(text, known.iter().map(String::as_str)));
        }
        // An exception to a mandate that is gone would be an error, and waives nothing.
        parsed.policy.exceptions.retain(|exception| exception.spec.waives.value.to_string() != text);
        Ok(())
    }

    /// Makes sure that an object, and the rule, is there.
    fn check_object(&self, text: &str, object: &ObjectName) -> Result<(), Failure> {
        let meshes = self.meshes();
        if gives_rights(&object.kind) {
            let mut all = meshes.clusters.iter().flat_map(|mesh| self.manifests(mesh.name())).flat_map(without_lists);
            return match all.any(|root| ObjectName::of(&root).as_ref() == Some(object)) {
                true => Ok(()),
                false => Err(Failure::new(format!("there is no `{text}` here"))),
            };
        }
        let there = match object.rule {
            Some(rule) => meshes.clusters.iter().flat_map(|mesh| &mesh.policies.authorization).any(|policy| {
                // Rules that are taken away already have left their places.
                let gone = self.edits.without.iter().filter(|gone| {
                    gone.rule.is_some() && (&gone.namespace, &gone.name) == (&object.namespace, &object.name)
                });
                policy.namespace == object.namespace
                    && policy.name == object.name
                    && rule < policy.rules.len() + gone.count()
            }),
            None => Deciding::named(&object.kind).is_some_and(|kind| {
                meshes.clusters.iter().any(|mesh| mesh.policies.holds(kind, &object.namespace, &object.name))
            }),
        };
        if there {
            return Ok(());
        }
        if Deciding::named(&object.kind).is_none() {
            let kinds = Deciding::ALL.map(Deciding::name);
            let near = nearest(&object.kind, kinds).map(|kind| text.replacen(&object.kind, kind, 1));
            let failure = Failure::new(format!("a {} decides nothing about who reaches whom", object.kind));
            return Err(match near {
                Some(near) => failure.help(format!("did you mean `{near}`?")),
                None => failure.help(format!("these do: {}", kinds.join(", "))),
            });
        }
        let mut known: Vec<String> = meshes.clusters.iter().flat_map(|mesh| named(&mesh.policies)).collect();
        if object.rule.is_some() {
            known.retain(|name| name.starts_with("AuthorizationPolicy/"));
        }
        Err(Failure::new(format!("there is no `{text}` here"))
            .did_you_mean(text.split('#').next().unwrap_or(text), known.iter().map(String::as_str)))
    }
}

/// Reads a policy document into its place.
fn put(
    parsed: &mut Parsed,
    file: &str,
    node: Option<&NodePath>,
    root: &Node,
    said: &mut Diagnostics,
) -> Result<(), Failure> {
    let text = |node: Option<&Node>| node.and_then(Node::as_str).unwrap_or_default().to_owned();
    let kind = text(root.get("kind"));
    let name = text(root.get("metadata").and_then(|metadata| metadata.get("name")));
    let node = match node {
        Some(node) => node.clone(),
        None => {
            let mut same = parsed.policy.names().filter(|(k, _, n)| *k == kind && *n == name).map(|(_, node, _)| node);
            match (same.next(), same.next()) {
                (Some(node), None) => node.clone(),
                _ => {
                    return Err(Failure::new(format!(
                        "nobody can tell at which node {kind} `{name}` of `{file}` stands"
                    ))
                    .help(format!("write the node before it: `--with /payments/checkout={file}`")));
                }
            }
        }
    };
    if parsed.policy.add(&node, root, said).is_ok() {
        parsed.policy.take(&kind, &node, &name, 1);
    }
    Ok(())
}

/// Takes a statement away and returns how many documents or mandates it was.
fn remove(parsed: &mut Parsed, id: &str) -> usize {
    if let Some((path, field)) = id.split_once('#') {
        let policy = &mut parsed.policy;
        let mut taken = 0;
        macro_rules! of_node {
            ($($list:ident)*) => {$(
                for document in policy.$list.iter_mut().filter(|document| document.node.0 == path) {
                    let spec = &mut document.spec;
                    let defaults = &mut spec.defaults;
                    taken += match field {
                        "defaults.access" => usize::from(defaults.access.take().is_some()),
                        "defaults.mtls" => usize::from(defaults.mtls.take().is_some()),
                        "defaults.egress" => usize::from(defaults.egress.take().is_some()),
                        _ => mandate(&mut spec.mandates, field),
                    };
                }
            )*};
        }
        of_node!(organizations tenants workspaces groups);
        // An entry of an Access by its number: `/payments/checkout/reading#deny.1`.
        if let Some((list, number)) = field.split_once('.').filter(|(list, _)| ["allow", "deny"].contains(list)) {
            let Some(at) = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1)) else { return 0 };
            let is_it = |access: &&mut Document<AccessSpec>| {
                format!("{}/{}", access.node.0.trim_end_matches('/'), access.name()) == path
            };
            for access in policy.accesses.iter_mut().filter(is_it) {
                let spec = &mut access.spec;
                let there = if list == "allow" { spec.allow.len() } else { spec.deny.len() };
                if at < there {
                    if list == "allow" {
                        drop(spec.allow.remove(at))
                    } else {
                        drop(spec.deny.remove(at))
                    }
                    taken += 1;
                }
            }
            // One that says nothing any more would be an error.
            policy.accesses.retain(|access| {
                let spec = &access.spec;
                !(spec.allow.is_empty() && spec.deny.is_empty() && spec.uses.is_empty())
            });
            return taken;
        }
        for zone in policy.zones.iter_mut().filter(|zone| path == format!("zone:{}", zone.name()) && field == "access")
        {
            let rules = &mut zone.spec.rules;
            rules.word = None;
            taken += usize::from(rules.from.take().is_some() | rules.to.take().is_some());
        }
        for service in policy.services.iter_mut().filter(|_| field == "mtls") {
            if path == format!("{}:{}", service.node, service.name()) {
                taken += usize::from(service.spec.mtls.take().is_some());
            }
        }
        return taken;
    }
    let is_it = |node: &NodePath, name: &str| format!("{}/{name}", node.0.trim_end_matches('/')) == id;
    let found: Vec<(&'static str, NodePath, String)> = parsed
        .policy
        .names()
        .filter(|(kind, node, name)| STATEMENTS.contains(kind) && is_it(node, name))
        .map(|(kind, node, name)| (kind, node.clone(), name.to_owned()))
        .collect();
    found.iter().map(|(kind, node, name)| parsed.policy.take(kind, node, name, 0)).sum()
}

/// The kinds of documents that state something.
const STATEMENTS: [&str; 5] = ["Access", "Authentication", "Zone", "Exception", "Raw"];

fn mandate(mandates: &mut Mandates, field: &str) -> usize {
    usize::from(match field {
        "mtls" => mandates.mtls.take().is_some(),
        "access" => mandates.access.take().is_some(),
        "egress" => mandates.egress.take().is_some(),
        "jwt" | "jwt.required" | "jwt.issuers" => mandates.jwt.take().is_some(),
        "trustDomains" => mandates.trust_domains.take().is_some(),
        _ => false,
    })
}

/// Returns the names of statements that are documents.
fn statements(parsed: &Parsed) -> Vec<String> {
    let names = parsed.policy.names().filter(|(kind, ..)| STATEMENTS.contains(kind));
    names.map(|(_, node, name)| format!("{}/{name}", node.0.trim_end_matches('/'))).collect()
}
