//! Which documents a change is made of: added, gone or edited, with the line and who wrote it.
//!
//! In: what was read on both sides. Out: [`Statement`]s. Files whose text is the same on both sides are not looked into.

use std::collections::BTreeMap;
use std::fmt;

use ringfence_compiler::diagnostics::{Diagnostics, ignores};
use ringfence_compiler::source::{FileId, Sources, Span};
use ringfence_compiler::yaml::{self, Node, Profile};
use ringfence_verifier::deciding::Deciding;
use serde_json::{Value, json};

use crate::mesh::Input;
use crate::project::below;
use crate::tree::blame::{History, Written};

/// Kinds that alter proxies, or let requests in, and are not followed.
const UNFOLLOWED: [&str; 5] = ["EnvoyFilter", "WasmPlugin", "Ingress", "IngressRoute", "HTTPProxy"];

/// A document that differs.
pub(in crate::commands) struct Statement {
    sign: &'static str,
    kind: String,
    name: String,
    /// What leads from the current folder to that of the paths.
    prefix: String,
    path: String,
    line: usize,
    written: Option<Written>,
    /// What more there is to say of it.
    more: Option<String>,
}

/// What is known of a document on one side.
pub(super) struct Read {
    pub path: String,
    pub line: usize,
    /// The line where it first differs is found by this.
    pub root: Node,
    pub file: FileId,
}

/// The documents of one side that may differ.
pub(super) struct Documents<'d> {
    pub found: BTreeMap<Key, Read>,
    /// The comments in them that silence findings, each by its file and words, with the lines it stands on.
    pub comments: BTreeMap<(&'d str, &'d str), Vec<usize>>,
    /// What leads from the current folder to that of the paths.
    pub prefix: String,
    sources: &'d Sources,
}

impl Documents<'_> {
    /// Returns what was written at a place, on one line.
    pub fn text(&self, span: Span) -> String {
        let text = self.sources.file(span.file).text();
        let written = text.get(span.start as usize..span.end as usize).unwrap_or_default();
        written.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Returns the line of a place.
    pub fn line(&self, file: FileId, span: Span) -> usize {
        self.sources.file(file).position(span.start).0
    }
}

/// Kind, folder or namespace, name; several may share all of them.
pub(super) type Key = (String, String, String, usize);

/// Reads the documents of both sides whose files differ.
pub(super) fn both<'d>(before: &'d Input, after: &'d Input) -> [Documents<'d>; 2] {
    let (ours, theirs) = (texts(before), texts(after));
    let of = |side: &'d Input, other: &BTreeMap<&str, &str>| {
        let differs = |path: &str, text: &str| other.get(path) != Some(&text);
        let mut comments: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for (file, path, _) in own(side).filter(|(_, path, text)| differs(path, text)) {
            for (line, comment) in ignores::comments(side.sources.file(file)) {
                comments.entry((path, comment)).or_default().push(line);
            }
        }
        Documents { found: documents(side, differs), comments, prefix: below(&side.root), sources: &side.sources }
    };
    [of(before, &theirs), of(after, &ours)]
}

/// Finds the documents that differ.
pub(super) fn changed(
    (before, after): (&Input, &Input),
    [Documents { found: old, .. }, Documents { found: new, .. }]: &[Documents<'_>; 2],
    history: &History,
) -> Vec<Statement> {
    let mut found = Vec::new();
    // What is gone lay on the other side.
    let (now, then) = (below(&after.root), below(&before.root));
    let folder = after.policy_folder().or(before.policy_folder());
    let statement = |sign, (kind, place, name, _): &Key, read: &Read, line, written| Statement {
        sign,
        kind: kind.clone(),
        name: match folder.and_then(|folder| place.strip_prefix(folder)) {
            Some(node) => format!("{node}/{name}"),
            None if place.is_empty() => name.clone(),
            None => format!("{place}/{name}"),
        },
        prefix: if sign == "-" { then.clone() } else { now.clone() },
        path: read.path.clone(),
        line,
        written,
        more: None,
    };
    for (key, read) in new {
        let line = match old.get(key) {
            None => read.line,
            Some(was) if was.root == read.root => continue,
            Some(was) => differs(&was.root, &read.root)
                .map_or(read.line, |at| after.sources.file(read.file).position(at.span.start).0),
        };
        let written = history.line(&read.path, line, after.sources.file(read.file).text());
        found.push(statement(if old.contains_key(key) { "~" } else { "+" }, key, read, line, written));
    }
    let gone = old.iter().filter(|(key, _)| !new.contains_key(*key));
    found.extend(gone.map(|(key, read)| statement("-", key, read, read.line, None)));
    found.sort_by(|one, other| (&one.path, one.line, one.sign).cmp(&(&other.path, other.line, other.sign)));
    found
}

/// Returns the first node after that is not the same before.
fn differs<'n>(before: &Node, after: &'n Node) -> Option<&'n Node> {
    if before == after {
        return None;
    }
    if let (Some(ours), Some(theirs)) = (before.as_mapping(), after.as_mapping()) {
        for entry in theirs.entries() {
            match ours.get(&entry.key.value) {
                None => return Some(&entry.value),
                Some(was) => {
                    if let Some(at) = differs(was, &entry.value) {
                        return Some(at);
                    }
                }
            }
        }
    }
    if let (Some(ours), Some(theirs)) = (before.as_sequence(), after.as_sequence()) {
        for (at, item) in theirs.iter().enumerate() {
            match ours.get(at) {
                None => return Some(item),
                Some(was) => {
                    if let Some(at) = differs(was, item) {
                        return Some(at);
                    }
                }
            }
        }
    }
    Some(after)
}

fn texts(input: &Input) -> BTreeMap<&str, &str> {
    own(input).map(|(_, path, text)| (path, text)).collect()
}

fn own(input: &Input) -> impl Iterator<Item = (FileId, &str, &str)> {
    // The text of a pattern is there once more for each use of it.
    let is_own = move |id: &FileId| !input.foreign.contains(id) && input.sources.used_at(*id).is_none();
    let own = input.sources.files().filter(move |(id, _)| is_own(id));
    own.map(|(id, file)| (id, file.path(), file.text()))
}

fn documents(input: &Input, is_wanted: impl Fn(&str, &str) -> bool) -> BTreeMap<Key, Read> {
    let mut found = BTreeMap::new();
    let wanted = own(input).filter(|(_, path, text)| is_yaml(path) && is_wanted(path, text));
    for (file, path, _) in wanted {
        for document in read(&input.sources, file) {
            let Some((kind, place, name)) = named(path, &document) else { continue };
            let line = input.sources.file(file).position(document.span.start).0;
            let key =
                (0..).map(|at| (kind.clone(), place.clone(), name.clone(), at)).find(|key| !found.contains_key(key));
            if let Some(key) = key {
                found.insert(key, Read { path: path.to_owned(), line, root: document, file });
            }
        }
    }
    found
}

fn is_yaml(path: &str) -> bool {
    path.ends_with(".yaml") || path.ends_with(".yml")
}

/// Reads the documents of a file again: what is wrong with it was said before.
pub(in crate::commands) fn read(sources: &Sources, file: FileId) -> Vec<Node> {
    let documents = yaml::read(sources, file, Profile::Manifest, &mut Diagnostics::new());
    documents.into_iter().map(|document| document.root).collect()
}

/// Returns kind, place and name of a document: policy is named by its folder, objects by their namespace.
pub(in crate::commands) fn named(path: &str, root: &Node) -> Option<(String, String, String)> {
    let text = |node: Option<&Node>| node.and_then(Node::as_str).map(str::to_owned);
    let metadata = root.get("metadata");
    let of_metadata = |field: &str| text(metadata.and_then(|metadata| metadata.get(field)));
    let is_policy =
        text(root.get("apiVersion")).is_some_and(|version| version == ringfence_compiler::spec::API_VERSION);
    let place = match is_policy {
        true => path.rsplit_once('/').map_or_else(String::new, |(folder, _)| folder.to_owned()),
        false => of_metadata("namespace").unwrap_or_default(),
    };
    Some((text(root.get("kind"))?, place, of_metadata("name").unwrap_or_default()))
}

impl Statement {
    /// Makes one of an object that is not as it was signed: where it stands, if it is there, and what more to say of it.
    pub fn drifted(sign: &'static str, object: &str, place: Option<&(String, usize)>, more: String) -> Self {
        let (kind, name) = object.split_once(' ').unwrap_or((object, ""));
        let (path, line) = place.cloned().unwrap_or_default();
        let (kind, name) = (kind.to_owned(), name.to_owned());
        Self { sign, kind, name, prefix: String::new(), path, line, written: None, more: Some(more) }
    }

    /// Tells whether it comes, or is another, and may alter proxies or let requests in in a way that is not followed.
    pub fn may_open(&self) -> bool {
        self.sign != "-" && UNFOLLOWED.contains(&self.kind.as_str())
    }

    /// Tells whether it decides, and names no namespace to decide in.
    pub fn is_nowhere(&self) -> bool {
        Deciding::named(&self.kind).is_some_and(|kind| !kind.is_of_cluster()) && !self.name.contains('/')
    }

    /// Returns the file and line where it stands, if it does.
    pub fn stands(&self) -> Option<(String, usize)> {
        (self.sign != "-" && !self.path.is_empty()).then(|| (self.path.clone(), self.line))
    }

    /// Says in a word what became of it.
    fn change(&self) -> &'static str {
        match self.sign {
            "+" => "added",
            "-" => "removed",
            _ => "edited",
        }
    }

    /// Says what became of it where a sign would be taken for markup.
    pub fn words(&self) -> String {
        format!("{} {}", self.change(), self.place())
    }

    /// Says which it is, where it stands and who wrote it.
    fn place(&self) -> String {
        let written = match &self.written {
            None => String::new(),
            Some(Written::Uncommitted) => " (not committed)".to_owned(),
            Some(Written::Committed { id, author, day }) => format!(" ({id} {author} {day})"),
        };
        let more = self.more.as_ref().map_or(String::new(), |more| format!(": {more}"));
        // What is missing stands nowhere.
        if self.path.is_empty() {
            return format!("{} {}{more}", self.kind, self.name);
        }
        format!("{} {}  {}{}:{}{written}{more}", self.kind, self.name, self.prefix, self.path, self.line)
    }

    /// Returns it for programs.
    pub fn json(&self) -> Value {
        let commit = match &self.written {
            Some(Written::Committed { id, author, day }) => json!({ "id": id, "author": author, "date": day }),
            _ => Value::Null,
        };
        json!({ "change": self.change(), "kind": self.kind, "name": self.name, "path": self.path, "line": self.line, "commit": commit, "more": self.more })
    }
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.sign, self.place())
    }
}
