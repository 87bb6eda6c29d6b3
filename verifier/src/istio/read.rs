//! Reading foreign objects: fields by name, each with its place.
//!
//! In: a node of a manifest. Out: typed values, or a report. Kubernetes takes `null` for an absent field, and so does this.

use ringfence_compiler::diagnostics::{Diagnostics, Reported};
use ringfence_compiler::inventory::Labels;
use ringfence_compiler::shape::wrong_type;
use ringfence_compiler::source::Span;
use ringfence_compiler::yaml::{Node, Value};

/// The fields of one mapping; of an absent one, none.
#[derive(Clone, Copy)]
pub struct Fields<'a> {
    node: Option<&'a Node>,
    /// The mapping, or what it would have stood in.
    place: Span,
}

impl<'a> Fields<'a> {
    /// Looks into a node.
    #[must_use]
    pub fn of(node: &'a Node) -> Self {
        Self { node: Some(node), place: node.span }
    }

    /// Tells whether there is a mapping at all, be it empty.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.node.is_some()
    }

    /// Returns where the mapping was written.
    #[must_use]
    pub fn span(&self) -> Span {
        self.place
    }

    /// Returns the names of the fields.
    pub fn names(&self) -> impl Iterator<Item = &'a str> {
        let mapping = self.node.and_then(Node::as_mapping);
        mapping.map_or(&[][..], |mapping| mapping.entries()).iter().map(|entry| entry.key.value.as_str())
    }

    /// Returns where a field was written, or else the mapping.
    #[must_use]
    pub fn span_of(&self, name: &str) -> Span {
        self.get(name).map_or(self.place, |node| node.span)
    }

    /// Returns a field that is there and not null.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a Node> {
        self.node?.get(name).filter(|node| node.value != Value::Null)
    }

    /// Returns a mapping; an absent one has no fields.
    ///
    /// # Errors
    /// When the field is something else, which is reported.
    pub fn child(&self, name: &str, diagnostics: &mut Diagnostics) -> Result<Self, Reported> {
        match self.get(name) {
            None => Ok(Self { node: None, place: self.place }),
            Some(node) if node.as_mapping().is_some() => Ok(Self::of(node)),
            Some(node) => Err(diagnostics.report(wrong_type(node, "a mapping"))),
        }
    }

    /// Returns the mappings of a list.
    ///
    /// # Errors
    /// When the field is no list, or an item no mapping, which is reported.
    pub fn list(&self, name: &str, diagnostics: &mut Diagnostics) -> Result<Vec<Self>, Reported> {
        let Some(node) = self.get(name) else { return Ok(Vec::new()) };
        let Some(items) = node.as_sequence() else {
            return Err(diagnostics.report(wrong_type(node, "a list")));
        };
        let read: Vec<_> = items
            .iter()
            .map(|item| match &item.value {
                Value::Mapping(_) => Ok(Self::of(item)),
                // `- from:` with nothing below it is an item without fields.
                Value::Null => Ok(Self { node: None, place: item.span }),
                _ => Err(diagnostics.report(wrong_type(item, "a mapping"))),
            })
            .collect();
        read.into_iter().collect()
    }

    /// Returns a text.
    ///
    /// # Errors
    /// When the field is something else, which is reported.
    pub fn text(&self, name: &str, diagnostics: &mut Diagnostics) -> Result<Option<String>, Reported> {
        match self.get(name) {
            None => Ok(None),
            Some(node) => match node.as_str() {
                Some(text) => Ok(Some(text.to_owned())),
                None => Err(diagnostics.report(wrong_type(node, "text"))),
            },
        }
    }

    /// Returns a list of texts.
    ///
    /// # Errors
    /// When the field is no list, or an item no text, which is reported.
    pub fn texts(&self, name: &str, diagnostics: &mut Diagnostics) -> Result<Vec<String>, Reported> {
        let Some(node) = self.get(name) else { return Ok(Vec::new()) };
        let Some(items) = node.as_sequence() else {
            return Err(diagnostics.report(wrong_type(node, "a list of texts")));
        };
        let read: Vec<_> = items
            .iter()
            .map(|item| match item.as_str() {
                Some(text) => Ok(text.to_owned()),
                None => Err(diagnostics.report(wrong_type(item, "text"))),
            })
            .collect();
        read.into_iter().collect()
    }

    /// Returns a mapping of texts.
    ///
    /// # Errors
    /// When the field is something else, which is reported.
    pub fn labels(&self, name: &str, diagnostics: &mut Diagnostics) -> Result<Labels, Reported> {
        let fields = self.child(name, diagnostics)?;
        let entries = fields.node.and_then(Node::as_mapping).map_or(&[][..], |mapping| mapping.entries());
        let read: Vec<_> = entries
            .iter()
            .map(|entry| match entry.value.as_str() {
                Some(text) => Ok((entry.key.value.clone(), text.to_owned())),
                None => Err(diagnostics.report(wrong_type(&entry.value, "text"))),
            })
            .collect();
        read.into_iter().collect()
    }

    /// Returns the mappings of a mapping, by name.
    ///
    /// # Errors
    /// When the field or one of its values is something else, which is reported.
    pub fn entries(&self, name: &str, diagnostics: &mut Diagnostics) -> Result<Vec<(String, Self)>, Reported> {
        let fields = self.child(name, diagnostics)?;
        let entries = fields.node.and_then(Node::as_mapping).map_or(&[][..], |mapping| mapping.entries());
        let read: Vec<_> = entries
            .iter()
            .map(|entry| match &entry.value.value {
                Value::Mapping(_) => Ok((entry.key.value.clone(), Self::of(&entry.value))),
                Value::Null => Ok((entry.key.value.clone(), Self { node: None, place: entry.value.span })),
                _ => Err(diagnostics.report(wrong_type(&entry.value, "a mapping"))),
            })
            .collect();
        read.into_iter().collect()
    }

    /// Returns a text that must be there.
    ///
    /// # Errors
    /// When it is not, which is reported.
    pub fn required(&self, name: &str, diagnostics: &mut Diagnostics) -> Result<String, Reported> {
        match self.text(name, diagnostics)? {
            Some(text) => Ok(text),
            None => Err(self.refuse(name, &format!("there is no `{name}`"), diagnostics)),
        }
    }

    /// Returns the namespace of an object's metadata; one that names none is in `default`.
    ///
    /// # Errors
    /// When it is no text, which is reported.
    pub fn namespace(&self, diagnostics: &mut Diagnostics) -> Result<String, Reported> {
        Ok(self.text("namespace", diagnostics)?.unwrap_or_else(|| "default".to_owned()))
    }

    /// Returns the lines of policy that an object's metadata names as its source; a note for people, so never refused.
    #[must_use]
    pub fn source(&self) -> Option<String> {
        let annotations = self.get("annotations")?;
        annotations.get("ringfence/source").and_then(Node::as_str).map(str::to_owned)
    }

    /// Reports that a field cannot be what it is.
    pub fn refuse(&self, name: &str, message: &str, diagnostics: &mut Diagnostics) -> Reported {
        let code = &ringfence_compiler::diagnostics::codes::inventory::BROKEN_OBJECT;
        diagnostics.report(code.at(self.span_of(name), message).label("as written here"))
    }
}

/// What a policy is attached to at a gateway or a waypoint.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TargetRef {
    /// The API group; empty is the core group.
    pub group: String,
    /// The kind.
    pub kind: String,
    /// The name.
    pub name: String,
}

impl TargetRef {
    /// Reads `targetRefs`, or the older `targetRef`.
    ///
    /// # Errors
    /// When a field has not its type, which is reported.
    pub fn read(spec: &Fields<'_>, diagnostics: &mut Diagnostics) -> Result<Vec<Self>, Reported> {
        let mut written = spec.list("targetRefs", diagnostics)?;
        if written.is_empty() && spec.get("targetRef").is_some() {
            written.push(spec.child("targetRef", diagnostics)?);
        }
        let mut targets = Vec::new();
        for target in written {
            targets.push(Self {
                group: target.text("group", diagnostics)?.unwrap_or_default(),
                kind: target.required("kind", diagnostics)?,
                name: target.required("name", diagnostics)?,
            });
        }
        Ok(targets)
    }
}

/// Reads `selector.matchLabels` of a spec; an absent selector is empty.
///
/// # Errors
/// When a field has not its type, which is reported.
pub fn selector(spec: &Fields<'_>, diagnostics: &mut Diagnostics) -> Result<Labels, Reported> {
    spec.child("selector", diagnostics)?.labels("matchLabels", diagnostics)
}

/// Tells whether labels carry all of a selector's.
#[must_use]
pub fn selects(selector: &Labels, labels: &Labels) -> bool {
    selector.iter().all(|(key, value)| labels.get(key) == Some(value))
}
