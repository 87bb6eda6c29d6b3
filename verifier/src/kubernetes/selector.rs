//! Label selectors of Kubernetes (kubernetes/apimachinery `pkg/apis/meta/v1/helpers.go`, `LabelSelectorAsSelector`).

use std::collections::BTreeSet;
use std::fmt;

use ringfence_compiler::diagnostics::{Diagnostics, Reported};
use ringfence_compiler::inventory::Labels;

use crate::istio::read::{Fields, selects};

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
    /// Reads a selector; `None` where there is none.
    ///
    /// # Errors
    /// When a field is not what it must be, which is reported.
    pub fn read(parent: &Fields<'_>, name: &str, diagnostics: &mut Diagnostics) -> Result<Option<Self>, Reported> {
        if parent.get(name).is_none() {
            return Ok(None);
        }
        let fields = parent.child(name, diagnostics)?;
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
        Ok(Some(Self { labels: fields.labels("matchLabels", diagnostics)?, expressions }))
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
        self.matches(&labels).then_some(labels)
    }

    /// Tells whether every label meets it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.expressions.is_empty()
    }

    /// Returns the value of a label, where that is all the condition asks.
    #[must_use]
    pub fn only(&self, key: &str) -> Option<&str> {
        let alone = self.labels.len() == 1 && self.expressions.is_empty();
        self.labels.get(key).filter(|_| alone).map(String::as_str)
    }

    /// Tells whether labels meet the condition.
    #[must_use]
    pub fn matches(&self, labels: &Labels) -> bool {
        let holds = |expression: &Expression| match expression {
            Expression::In(key, values) => labels.get(key).is_some_and(|value| values.contains(value)),
            // An absent label is in no list.
            Expression::NotIn(key, values) => labels.get(key).is_none_or(|value| !values.contains(value)),
            Expression::Exists(key) => labels.contains_key(key),
            Expression::Absent(key) => !labels.contains_key(key),
        };
        selects(&self.labels, labels) && self.expressions.iter().all(holds)
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
