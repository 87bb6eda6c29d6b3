//! A document of the policy tree: its frame, and the table of every kind.
//!
//! In: a YAML document and the node whose folder it stands in. Out: a [`Document`] in the [`Policy`] list of its kind. The
//! table of kinds is here and nowhere else: reader, schemas and counts all come from it.

use serde_json::Value;

use crate::diagnostics::codes::parse as code;
use crate::diagnostics::{Diagnostic, Diagnostics, Reported};
use crate::schema;
use crate::shape::{Shape, wrong_type};
use crate::source::{Span, Spanned};
use crate::spec::names::Metadata;
use crate::spec::reference::NodePath;
use crate::spec::{
    API_VERSION, access::AccessSpec, assertion::AssertionSpec, authentication::AuthenticationSpec,
    authority::DelegationSpec, authority::ExceptionSpec, cluster::ClusterSpec, egress::EgressSpec,
    exposure::ExposureSpec, node::GroupSpec, node::OrganizationSpec, node::TenantSpec, node::WorkspaceSpec,
    pattern::PatternSpec, pattern::SegmentationSpec, project::ProjectSpec, raw::RawSpec, route::RouteSpec,
    service::ServiceSpec, virtual_machine::VirtualMachineSpec, zone::ProfileSpec, zone::ZoneSpec,
};
use crate::yaml::{Mapping, Node};

/// One document: the node it belongs to, what it says of itself, and its content.
#[derive(Debug, Clone, PartialEq)]
pub struct Document<T> {
    /// The node whose folder it stands in.
    pub node: NodePath,
    /// What it says of itself.
    pub metadata: Metadata,
    /// Its content.
    pub spec: T,
    /// Where its kind is written: the place that stands for the whole.
    pub span: Span,
}

impl<T> Document<T> {
    /// Returns its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.metadata.name.value.0
    }
}

macro_rules! kinds {
    ($($kind:ident($spec:ty) => $list:ident,)*) => {
        /// Every document of a policy tree, by kind, in the order of their files.
        #[derive(Debug, Clone, Default, PartialEq)]
        pub struct Policy {
            $(
                #[doc = concat!("Every `", stringify!($kind), "`.")]
                pub $list: Vec<Document<$spec>>,
            )*
        }

        /// The names of the kinds.
        pub const KINDS: &[&str] = &[$(stringify!($kind)),*];

        impl Policy {
            /// Counts the documents of each kind that occurs.
            #[must_use]
            pub fn counts(&self) -> Vec<(&'static str, usize)> {
                let counts = [$((stringify!($kind), self.$list.len())),*];
                counts.into_iter().filter(|(_, count)| *count > 0).collect()
            }

            /// Reads one document into the list of its kind.
            ///
            /// # Errors
            /// When something was reported.
            pub fn add(&mut self, node: &NodePath, root: &Node, diagnostics: &mut Diagnostics) -> Result<(), Reported> {
                let (kind, mapping) = frame(root, KINDS, diagnostics)?;
                match kind.value {
                    $(stringify!($kind) => self.$list.push(read(node, mapping, root, kind.span, diagnostics)?),)*
                    _ => {}
                }
                if let Some(zone) = self.zones.last_mut().filter(|_| kind.value == "Zone") {
                    zone.spec.rules.expand(&zone.metadata.name.value.0);
                }
                Ok(())
            }
        }

        impl Policy {
            /// Returns the kind, node and name of each document, in the order of the kinds and their files.
            pub fn names(&self) -> impl Iterator<Item = (&'static str, &NodePath, &str)> {
                std::iter::empty()$(.chain(self.$list.iter().map(|it| (stringify!($kind), &it.node, it.name()))))*
            }

            /// Takes the first documents of a kind, node and name away until `left` of them are; returns how many went.
            pub fn take(&mut self, kind: &str, node: &NodePath, name: &str, left: usize) -> usize {
                match kind {
                    $(stringify!($kind) => take(&mut self.$list, node, name, left),)*
                    _ => 0,
                }
            }
        }

        /// Returns the JSON Schema of each kind, with its name.
        #[must_use]
        pub fn schemas() -> Vec<(&'static str, Value)> {
            vec![$((stringify!($kind), schema::of_kind::<$spec>(stringify!($kind)))),*]
        }

        /// Returns the JSON Schema of any document of a policy tree.
        #[must_use]
        pub fn any_schema() -> Value {
            let mut any = schema::AnyKind::new();
            $(any.add::<$spec>(stringify!($kind));)*
            any.finish()
        }
    };
}

kinds! {
    Organization(OrganizationSpec) => organizations,
    Tenant(TenantSpec) => tenants,
    Workspace(WorkspaceSpec) => workspaces,
    Group(GroupSpec) => groups,
    Cluster(ClusterSpec) => clusters,
    Service(ServiceSpec) => services,
    VirtualMachine(VirtualMachineSpec) => virtual_machines,
    Zone(ZoneSpec) => zones,
    Profile(ProfileSpec) => profiles,
    Pattern(PatternSpec) => patterns,
    Segmentation(SegmentationSpec) => segmentations,
    Access(AccessSpec) => accesses,
    Authentication(AuthenticationSpec) => authentications,
    Exposure(ExposureSpec) => exposures,
    Egress(EgressSpec) => egresses,
    Route(RouteSpec) => routes,
    Delegation(DelegationSpec) => delegations,
    Exception(ExceptionSpec) => exceptions,
    Assertion(AssertionSpec) => assertions,
    Raw(RawSpec) => raws,
}

fn take<T>(list: &mut Vec<Document<T>>, node: &NodePath, name: &str, left: usize) -> usize {
    let is_such = |document: &Document<T>| document.node == *node && document.name() == name;
    let surplus = list.iter().filter(|document| is_such(document)).count().saturating_sub(left);
    let mut taken = 0;
    list.retain(|document| {
        let goes = taken < surplus && is_such(document);
        taken += usize::from(goes);
        !goes
    });
    surplus
}

/// The kind of `ringfence.yaml`, which is no part of the tree.
pub const PROJECT: &str = "Project";

/// Reads `ringfence.yaml`.
///
/// # Errors
/// When something was reported.
pub fn read_project(root: &Node, diagnostics: &mut Diagnostics) -> Result<Document<ProjectSpec>, Reported> {
    let (kind, mapping) = frame(root, &[PROJECT], diagnostics)?;
    read(&NodePath::root(), mapping, root, kind.span, diagnostics)
}

/// Returns the JSON Schema of `ringfence.yaml`.
#[must_use]
pub fn project_schema() -> Value {
    schema::of_kind::<ProjectSpec>(PROJECT)
}

/// Checks what every document begins with and returns its kind.
fn frame<'a>(
    root: &'a Node,
    kinds: &[&str],
    diagnostics: &mut Diagnostics,
) -> Result<(Spanned<&'a str>, &'a Mapping), Reported> {
    let Some(mapping) = root.as_mapping() else {
        return Err(diagnostics.report(wrong_type(root, "a document with `apiVersion`, `kind`, `metadata` and `spec`")));
    };
    if let Some(object) = foreign_object(mapping, kinds) {
        return Err(diagnostics.report(object));
    }
    let mut reported = None;
    for entry in mapping.entries().iter().filter(|entry| !FRAME.contains(&entry.key.value.as_str())) {
        let key = &entry.key.value;
        let unknown = code::UNKNOWN_FIELD
            .at(entry.key.span, format!("unknown field `{key}`"))
            .label("no such field in a document");
        let unknown =
            unknown.help("a document has `apiVersion`, `kind`, `metadata` and `spec`").did_you_mean(key, FRAME);
        reported = Some(diagnostics.report(unknown));
    }
    match mapping.get("apiVersion") {
        Some(version) if version.as_str() == Some(API_VERSION) => {}
        Some(version) => {
            let word = version.as_str().map(|word| format!(" `{word}`")).unwrap_or_default();
            let unknown = code::UNKNOWN_VERSION
                .at(version.span, format!("unknown apiVersion{word}"))
                .label("not a version of this language");
            reported = Some(diagnostics.report(unknown.help(format!("write `{API_VERSION}`"))));
        }
        None => reported = Some(missing(root, "apiVersion", diagnostics)),
    }
    let Some(kind) = mapping.get("kind") else {
        return Err(missing(root, "kind", diagnostics));
    };
    let Some(word) = kind.as_str() else {
        return Err(diagnostics.report(wrong_type(kind, "the name of a kind")));
    };
    if !kinds.contains(&word) {
        let list = kinds.iter().map(|kind| format!("`{kind}`")).collect::<Vec<_>>().join(", ");
        let unknown = code::UNKNOWN_KIND.at(kind.span, format!("unknown kind `{word}`")).label("no such kind here");
        return Err(diagnostics
            .report(unknown.help(format!("the kinds here are {list}")).did_you_mean(word, kinds.iter().copied())));
    }
    reported.map_or(Ok((Spanned::new(word, kind.span), mapping)), Err)
}

/// Says of an object for a cluster where such objects belong; `None` for anything else.
fn foreign_object(mapping: &Mapping, kinds: &[&str]) -> Option<Diagnostic> {
    let version = mapping.get("apiVersion").filter(|version| version.as_str() != Some(API_VERSION))?;
    let (word, kind) = (version.as_str()?, mapping.get("kind")?.as_str()?);
    let ours = API_VERSION.split('/').next().unwrap_or_default();
    let group = word.split_once('/').map_or("", |(group, _)| group);
    // A kind of ours with a mistyped version is a document all the same.
    let is_object = group.contains('.') || matches!(group, "apps" | "batch" | "extensions") || word == "v1";
    if group == ours || !is_object || (kinds.contains(&kind) && kind != "Service") {
        return None;
    }
    let foreign = code::UNKNOWN_VERSION.at(version.span, format!("`{kind}` of `{word}` is no policy document"));
    Some(foreign.label("an object for a cluster").help(
        "what runs belongs to the inventory; an object that policy cannot say is carried through in a document of kind `Raw`",
    ))
}

/// The keys of every document.
const FRAME: [&str; 4] = ["apiVersion", "kind", "metadata", "spec"];

fn missing(root: &Node, field: &str, diagnostics: &mut Diagnostics) -> Reported {
    let missing = code::MISSING_FIELD.at(root.span, format!("missing field `{field}`"));
    let missing = missing.label(format!("`{field}` is required here"));
    diagnostics.report(missing.help("a document has `apiVersion`, `kind`, `metadata` and `spec`"))
}

/// Reads metadata and content of a document whose kind is known.
fn read<T: Shape>(
    node: &NodePath,
    mapping: &Mapping,
    root: &Node,
    span: Span,
    diagnostics: &mut Diagnostics,
) -> Result<Document<T>, Reported> {
    let metadata = match mapping.get("metadata") {
        Some(metadata) => Metadata::read(metadata, diagnostics),
        None => Err(missing(root, "metadata", diagnostics)),
    };
    let spec = match (mapping.get("spec"), T::absent()) {
        (Some(spec), _) => T::read(spec, diagnostics),
        (None, Some(spec)) => Ok(spec),
        (None, None) => Err(missing(root, "spec", diagnostics)),
    };
    Ok(Document { node: node.clone(), metadata: metadata?, spec: spec?, span })
}
