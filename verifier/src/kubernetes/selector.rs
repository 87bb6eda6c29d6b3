//! Label selectors of Kubernetes (kubernetes/apimachinery `pkg/apis/meta/v1/helpers.go`, `LabelSelectorAsSelector`).

use std::collections::BTreeSet;
use std::fmt;

use ringfence_compiler::diagnostics::{Diagnostics, Reported};
use ringfence_compiler::inventory::Labels;

use super::fits::Fits;
use crate::istio::read::Fields;

/// The label that Kubernetes itself gives each namespace.
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// Labels that controllers and the injector add to what a template says; what begins so is never known.
const ADDED: [&str; 12] = [
    "pod-template-hash",
    "controller-revision-hash",
    "pod-template-generation",
    "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index",
    "controller-uid",
    "job-name",
    "batch.kubernetes.io/",
    "service.istio.io/",
    "security.istio.io/tlsMode",
    "networking.istio.io/tunnel",
    "topology.kubernetes.io/",
];

/// Tells whether pods may be given such a label only when they start.
pub(crate) fn is_added(key: &str) -> bool {
    ADDED.iter().any(|added| key.starts_with(added))
}

/// Says whether the pods of a manifest carry all labels of a selector.
#[must_use]
pub fn carry(selector: &Labels, labels: &Labels) -> Fits {
    let known = Known::of_pods(labels, true);
    let each = selector.iter().map(|(key, value)| known.holds(key, |found| found == Some(value)));
    each.min().unwrap_or(Fits::Yes)
}

/// Labels, as far as manifests tell them.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    labels: &'a Labels,
    /// The name, where they are those of a namespace.
    name: Option<&'a str>,
    /// Whether there are no others, but for those that are added later.
    complete: bool,
}

impl<'a> Known<'a> {
    /// The labels of pods; `complete` where a manifest shows the pods.
    #[must_use]
    pub fn of_pods(labels: &'a Labels, complete: bool) -> Self {
        Self { labels, name: None, complete }
    }

    /// The labels of a namespace; `complete` where it has a manifest.
    #[must_use]
    pub fn of_namespace(name: &'a str, labels: &'a Labels, complete: bool) -> Self {
        Self { labels, name: Some(name), complete }
    }

    fn get(&self, key: &str) -> Option<&'a str> {
        let name = self.name.filter(|_| key == NAMESPACE_NAME);
        name.or_else(|| self.labels.get(key).map(String::as_str))
    }

    /// Says whether something holds of a label.
    fn holds(&self, key: &str, condition: impl Fn(Option<&str>) -> bool) -> Fits {
        let value = self.get(key);
        if value.is_none() && (!self.complete || is_added(key)) {
            return Fits::Perhaps;
        }
        Fits::of(condition(value))
    }
}

/// A condition on labels; without any it is met by all.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct LabelSelector {
    labels: Labels,
    expressions: Vec<Expression>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Expression {
    In(String, BTreeSet<String>),
    NotIn(String, BTreeSet<String>),
    Exists(String),
    Absent(String),
}

impl LabelSelector {
    /// Returns the selector of pods that carry labels, and perhaps more.
    #[must_use]
    pub fn carrying(labels: &Labels) -> Self {
        Self { labels: labels.clone(), expressions: Vec::new() }
    }

    /// Reads a selector; `None` where there is none.
    ///
    /// # Errors
    /// When a field is not what it must be, which is reported.
    pub fn read(parent: &Fields<'_>, name: &str, diagnostics: &mut Diagnostics) -> Result<Option<Self>, Reported> {
        if parent.get(name).is_none() {
            return Ok(None);
        }
        Self::of(&parent.child(name, diagnostics)?, diagnostics).map(Some)
    }

    /// Reads the fields of a selector.
    ///
    /// # Errors
    /// When a field is not what it must be, which is reported.
    pub fn of(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Result<Self, Reported> {
        let mut expressions = Vec::new();
        for written in fields.list("matchExpressions", diagnostics)? {
            let key = written.required("key", diagnostics)?;
            let values = written.texts("values", diagnostics)?.into_iter().collect();
            expressions.push(match written.required("operator", diagnostics)?.as_str() {
                "In" => Expression::In(key, values),
                "NotIn" => Expression::NotIn(key, values),
                "Exists" => Expression::Exists(key),
                "DoesNotExist" => Expression::Absent(key),
                other => return Err(written.refuse("operator", &format!("`{other}` is no operator"), diagnostics)),
            });
        }
        Ok(Self { labels: fields.labels("matchLabels", diagnostics)?, expressions })
    }

    /// Returns the fewest labels that meet the condition; `None` where nothing can.
    #[must_use]
    pub fn example(&self) -> Option<Labels> {
        let mut labels = self.labels.clone();
        for expression in &self.expressions {
            match expression {
                Expression::In(key, values) => {
                    let value = values.first()?.clone();
                    labels.entry(key.clone()).or_insert(value);
                }
                Expression::Exists(key) => _ = labels.entry(key.clone()).or_default(),
                Expression::NotIn(..) | Expression::Absent(_) => {}
            }
        }
        self.fits(Known::of_pods(&labels, true)).may().then_some(labels)
    }

    /// Tells whether every label meets it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.expressions.is_empty()
    }

    /// Returns the name of a namespace, where that is all the condition asks.
    #[must_use]
    pub fn only_namespace(&self) -> Option<&str> {
        let alone = self.labels.len() == 1 && self.expressions.is_empty();
        self.labels.get(NAMESPACE_NAME).filter(|_| alone).map(String::as_str)
    }

    /// Says whether labels meet the condition.
    #[must_use]
    pub fn fits(&self, known: Known<'_>) -> Fits {
        let equal = |(key, value): (&String, &String)| known.holds(key, |found| found == Some(value));
        let expression = |expression: &Expression| match expression {
            Expression::In(key, values) => known.holds(key, |found| found.is_some_and(|value| values.contains(value))),
            // An absent label is in no list.
            Expression::NotIn(key, values) => {
                known.holds(key, |found| found.is_none_or(|value| !values.contains(value)))
            }
            Expression::Exists(key) => known.holds(key, |found| found.is_some()),
            Expression::Absent(key) => known.holds(key, |found| found.is_none()),
        };
        let all = self.labels.iter().map(equal).chain(self.expressions.iter().map(expression));
        all.min().unwrap_or(Fits::Yes)
    }
}

/// As `kubectl` writes selectors: `app=web,tier in (a, b)`.
impl fmt::Display for LabelSelector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |values: &BTreeSet<String>| values.iter().cloned().collect::<Vec<_>>().join(", ");
        let labels = self.labels.iter().map(|(key, value)| format!("{key}={value}"));
        let expressions = self.expressions.iter().map(|expression| match expression {
            Expression::In(key, values) => format!("{key} in ({})", list(values)),
            Expression::NotIn(key, values) => format!("{key} notin ({})", list(values)),
            Expression::Exists(key) => key.clone(),
            Expression::Absent(key) => format!("!{key}"),
        });
        formatter.write_str(&labels.chain(expressions).collect::<Vec<_>>().join(","))
    }
}
