//! One object of the output: its stage, its reasons, and what every object carries.

use serde_json::{Map, Value, json};

use crate::inventory::Labels;
use crate::ir::{NamespacePlan, Origins, UnitPlan};
use crate::resolve::statements::Origin;
use crate::source::{Sources, Span};

/// The value of `app.kubernetes.io/managed-by` on every object.
pub const MANAGED_BY: &str = "ringfence";

/// When an object is applied: what closes comes before what opens, so that a first install never grants more than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Who is who: mTLS and tokens.
    Identity,
    /// What is denied whatever is allowed.
    Deny,
    /// What is allowed.
    Allow,
    /// Everything else is denied.
    DefaultDeny,
    /// What gateways let in.
    Gateways,
    /// How traffic goes.
    Traffic,
}

impl Stage {
    /// Returns the name of its folder.
    #[must_use]
    pub fn folder(self) -> &'static str {
        match self {
            Self::Identity => "10-identity",
            Self::Deny => "20-deny",
            Self::Allow => "30-allow",
            Self::DefaultDeny => "40-default-deny",
            Self::Gateways => "50-gateways",
            Self::Traffic => "60-traffic",
        }
    }

    /// Returns its number: the sync wave.
    #[must_use]
    pub fn wave(self) -> &'static str {
        self.folder().split('-').next().unwrap_or_default()
    }
}

/// One object of the output.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// When it is applied.
    pub stage: Stage,
    /// Its kind.
    pub kind: String,
    /// Its namespace; `None` for an object of the whole cluster.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// The object.
    pub value: Value,
    /// What it comes from.
    pub origins: Origins,
    /// Whether pruning must leave it: what denies by default.
    pub keep: bool,
}

/// Kind and version of what is emitted.
pub(super) struct Kind(pub &'static str, pub &'static str);

impl Object {
    /// Makes an object of a namespace.
    pub(super) fn new(stage: Stage, kind: &Kind, namespace: &str, name: String, spec: Value, origins: Origins) -> Self {
        Self::build(stage, kind, Some(namespace), name, spec, origins)
    }

    /// Makes the object of a unit: one of each kind.
    pub(super) fn of_unit(
        stage: Stage,
        kind: &Kind,
        namespace: &NamespacePlan,
        unit: &UnitPlan,
        spec: Value,
        origins: Origins,
    ) -> Self {
        Self::new(stage, kind, &namespace.name, format!("ringfence-{}", unit.name), spec, origins)
    }

    /// Makes an object of the whole cluster.
    pub(super) fn of_cluster(stage: Stage, kind: &Kind, name: String, spec: Value, origins: Origins) -> Self {
        Self::build(stage, kind, None, name, spec, origins)
    }

    fn build(stage: Stage, kind: &Kind, namespace: Option<&str>, name: String, spec: Value, origins: Origins) -> Self {
        let mut metadata = Map::new();
        metadata.insert("name".to_owned(), name.clone().into());
        if let Some(namespace) = namespace {
            metadata.insert("namespace".to_owned(), namespace.into());
        }
        metadata.insert("labels".to_owned(), json!({ "app.kubernetes.io/managed-by": MANAGED_BY }));
        metadata.insert("annotations".to_owned(), json!({}));
        let value = fields([
            ("apiVersion", kind.0.into()),
            ("kind", kind.1.into()),
            ("metadata", metadata.into()),
            ("spec", spec),
        ]);
        Self {
            stage,
            kind: kind.1.to_owned(),
            namespace: namespace.map(str::to_owned),
            name,
            value,
            origins,
            keep: false,
        }
    }

    /// Takes a hand-written object as it is, with our label and annotations.
    pub(super) fn raw(mut value: Value, origin: Origin) -> Self {
        let text = |value: &Value, path: &str| value.pointer(path).and_then(Value::as_str).map(str::to_owned);
        let kind = text(&value, "/kind").unwrap_or_default();
        let namespace = text(&value, "/metadata/namespace");
        let name = text(&value, "/metadata/name").unwrap_or_default();
        if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
            for key in ["labels", "annotations"] {
                let field = metadata.entry(key).or_insert(Value::Null);
                // Null is how YAML writes none at all.
                if field.is_null() {
                    *field = json!({});
                }
            }
        }
        let mut raw =
            Self { stage: Stage::Traffic, kind, namespace, name, value, origins: [origin].into(), keep: false };
        raw.label("app.kubernetes.io/managed-by", MANAGED_BY);
        raw
    }

    /// Adds a label.
    pub(super) fn label(&mut self, key: &str, value: &str) {
        self.metadata("labels", key, value.to_owned());
    }

    /// Adds an annotation.
    pub(super) fn annotation(&mut self, key: &str, value: impl Into<String>) {
        self.metadata("annotations", key, value.into());
    }

    fn metadata(&mut self, field: &str, key: &str, value: String) {
        let map =
            self.value.get_mut("metadata").and_then(|metadata| metadata.get_mut(field)).and_then(Value::as_object_mut);
        if let Some(map) = map {
            map.insert(key.to_owned(), value.into());
        }
    }

    /// Writes what every object says of itself: its source, the statements that made it, its wave, how to prune it.
    pub(super) fn annotate(&mut self, sources: &Sources) {
        let mut annotations: Vec<(&str, String)> = vec![("argocd.argoproj.io/sync-wave", self.stage.wave().to_owned())];
        if self.keep {
            annotations.push(("argocd.argoproj.io/sync-options", "Prune=false".to_owned()));
            annotations.push(("kustomize.toolkit.fluxcd.io/prune", "disabled".to_owned()));
        }
        if is_filled_in(&self.value) {
            annotations.push(("kustomize.toolkit.fluxcd.io/substitute", "disabled".to_owned()));
        }
        let join = |mut list: Vec<String>| {
            list.sort();
            list.dedup();
            list.join(", ")
        };
        let rules = join(self.origins.iter().map(|origin| origin.id.clone()).filter(|id| !id.is_empty()).collect());
        // Of a statement out of a pattern both lines are named: that of the pattern, and that of its use.
        let used = self.origins.iter().filter_map(|origin| sources.used_at(origin.span.file));
        let spans = self.origins.iter().map(|origin| origin.span).chain(used);
        let places = join(spans.map(|span| place(sources, span)).collect());
        annotations.push(("ringfence/rules", rules));
        annotations.push(("ringfence/source", places));
        for (key, value) in annotations.into_iter().filter(|(_, value)| !value.is_empty()) {
            self.annotation(key, value);
        }
    }

    /// Returns what objects are sorted by.
    #[must_use]
    pub fn key(&self) -> (Stage, Option<&str>, &str, &str) {
        (self.stage, self.namespace.as_deref(), &self.kind, &self.name)
    }
}

/// Returns `file#Lline`, as code hosts link to lines.
fn place(sources: &Sources, span: Span) -> String {
    let file = sources.file(span.file);
    format!("{}#L{}", file.path(), file.position(span.start).0)
}

/// Makes a mapping. `json!` would copy what is put into it, at each level again.
pub(super) fn fields<const N: usize>(fields: [(&str, Value); N]) -> Value {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>().into()
}

/// Tells whether some text in a value would be filled in by Flux: it has `${` in it.
fn is_filled_in(value: &Value) -> bool {
    // Hardly any text has a `$` at all, and that is quickly seen.
    let is = |text: &str| text.contains('$') && text.contains("${");
    match value {
        Value::String(text) => is(text),
        Value::Array(items) => items.iter().any(is_filled_in),
        Value::Object(fields) => fields.iter().any(|(key, value)| is(key) || is_filled_in(value)),
        _ => false,
    }
}

/// Writes labels as a mapping.
pub(super) fn labels(labels: &Labels) -> Value {
    labels.iter().map(|(key, value)| (key.clone(), Value::from(value.clone()))).collect::<Map<_, _>>().into()
}
