//! Mappings with known keys.
//!
//! In: a struct declared with `record!`. Out: its reader, which tells every unknown, missing and mistyped key at once,
//! and its JSON Schema, which refuses the same.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, json};

use super::{Shape, wrong_type};
use crate::diagnostics::codes::parse as code;
use crate::diagnostics::{Diagnostic, Diagnostics, Reported};
use crate::yaml::{Mapping, Node};

/// A type that reads some keys of a mapping; one record can hold another's keys flat beside its own.
pub trait Record: Sized {
    /// Returns the fields whose keys belong to it.
    fn fields() -> Vec<&'static str>;

    /// Reads its keys from an open mapping.
    ///
    /// # Errors
    /// When something was reported.
    fn take_from(fields: &mut Fields<'_>, diagnostics: &mut Diagnostics) -> Result<Self, Reported>;

    /// Returns the value all keys absent stand for; `None` when one is required.
    fn all_absent() -> Option<Self>;

    /// Adds its keys to a schema.
    fn describe(schema: &mut RecordSchema, generator: &mut SchemaGenerator);
}

/// Declares a mapping: each field is a key in camelCase, described by its own comment; it is required unless its type
/// has an absent value. A field followed by `=> flat` is a record whose keys stand beside the others.
macro_rules! record {
    (
        $(#[doc = $doc:literal])*
        pub struct $name:ident {
            $($(#[doc = $field_doc:literal])* pub $field:ident: $type:ty $(=> $flat:ident)?,)*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $($(#[doc = $field_doc])* pub $field: $type,)*
        }

        impl $crate::shape::record::Record for $name {
            fn fields() -> Vec<&'static str> {
                let lists: Vec<Vec<&'static str>> = vec![$($crate::shape::record::field!(@list $field: $type $(=> $flat)?)),*];
                lists.concat()
            }

            fn take_from(
                fields: &mut $crate::shape::record::Fields<'_>,
                diagnostics: &mut $crate::diagnostics::Diagnostics,
            ) -> Result<Self, $crate::diagnostics::Reported> {
                $(let $field = $crate::shape::record::field!(@take fields, diagnostics, $field: $type $(=> $flat)?);)*
                Ok(Self { $($field: $field?),* })
            }

            fn all_absent() -> Option<Self> {
                Some(Self { $($field: $crate::shape::record::field!(@absent $type $(=> $flat)?)?),* })
            }

            fn describe(schema: &mut $crate::shape::record::RecordSchema, generator: &mut schemars::SchemaGenerator) {
                $($crate::shape::record::field!(
                    @describe schema, generator, concat!($($field_doc, "\n"),*), $field: $type $(=> $flat)?
                );)*
            }
        }

        impl $crate::shape::Shape for $name {
            fn read(
                node: &$crate::yaml::Node,
                diagnostics: &mut $crate::diagnostics::Diagnostics,
            ) -> Result<Self, $crate::diagnostics::Reported> {
                $crate::shape::record::read_record(node, diagnostics)
            }

            fn absent() -> Option<Self> {
                <Self as $crate::shape::record::Record>::all_absent()
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let mut schema = $crate::shape::record::RecordSchema::new(concat!($($doc, "\n"),*));
                <Self as $crate::shape::record::Record>::describe(&mut schema, generator);
                schema.finish()
            }
        }
    };
}
pub(crate) use record;

/// One field of a record, plain or flat.
macro_rules! field {
    (@list $field:ident: $type:ty) => {
        vec![stringify!($field)]
    };
    (@list $field:ident: $type:ty => flat) => {
        <$type as $crate::shape::record::Record>::fields()
    };
    (@take $fields:ident, $diagnostics:ident, $field:ident: $type:ty) => {
        $fields.take::<$type>(stringify!($field), $diagnostics)
    };
    (@take $fields:ident, $diagnostics:ident, $field:ident: $type:ty => flat) => {
        <$type as $crate::shape::record::Record>::take_from($fields, $diagnostics)
    };
    (@absent $type:ty) => {
        <$type as $crate::shape::Shape>::absent()
    };
    (@absent $type:ty => flat) => {
        <$type as $crate::shape::record::Record>::all_absent()
    };
    (@describe $schema:ident, $generator:ident, $doc:expr, $field:ident: $type:ty) => {
        $schema.key::<$type>(stringify!($field), $doc, $generator)
    };
    (@describe $schema:ident, $generator:ident, $doc:expr, $field:ident: $type:ty => flat) => {
        <$type as $crate::shape::record::Record>::describe($schema, $generator)
    };
}
pub(crate) use field;

/// Reads a whole mapping as a record.
///
/// # Errors
/// When something was reported.
pub fn read_record<T: Record>(node: &Node, diagnostics: &mut Diagnostics) -> Result<T, Reported> {
    let mut fields = Fields::open(node, &T::fields(), diagnostics)?;
    let record = T::take_from(&mut fields, diagnostics);
    fields.close()?;
    record
}

/// Returns the key a Rust field is written as: `jwks_uri` is `jwksUri`; a trailing `_` shields a Rust keyword.
#[must_use]
pub fn camel(field: &str) -> String {
    let mut words = field.trim_end_matches('_').split('_');
    let mut key = words.next().unwrap_or("").to_owned();
    for word in words {
        let mut letters = word.chars();
        key.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        key.push_str(letters.as_str());
    }
    key
}

/// A mapping while its keys are being taken.
pub struct Fields<'a> {
    node: &'a Node,
    mapping: &'a Mapping,
    known: Vec<String>,
    unknown: Option<Reported>,
}

impl<'a> Fields<'a> {
    /// Opens `node` and reports every key that is none of `known`.
    ///
    /// # Errors
    /// When `node` is no mapping.
    pub fn open(node: &'a Node, known: &[&str], diagnostics: &mut Diagnostics) -> Result<Self, Reported> {
        let Some(mapping) = node.as_mapping() else {
            return Err(diagnostics.report(wrong_type(node, "a mapping")));
        };
        let known: Vec<String> = known.iter().map(|field| camel(field)).collect();
        let mut unknown = None;
        for entry in mapping.entries().iter().filter(|entry| !known.contains(&entry.key.value)) {
            let key = &entry.key.value;
            let list = known.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
            let diagnostic = code::UNKNOWN_FIELD
                .at(entry.key.span, format!("unknown field `{key}`"))
                .label("no such field here")
                .help(format!("the fields here are {list}"))
                .did_you_mean(key, known.iter().map(String::as_str));
            unknown = Some(diagnostics.report(diagnostic));
        }
        Ok(Self { node, mapping, known, unknown })
    }

    /// Reads the value of `field`, or what its absence stands for.
    ///
    /// # Errors
    /// When the value is wrong, or absent and required.
    pub fn take<T: Shape>(&mut self, field: &str, diagnostics: &mut Diagnostics) -> Result<T, Reported> {
        let key = camel(field);
        match (self.mapping.get(&key), T::absent()) {
            (Some(node), _) => {
                let said = diagnostics.len();
                T::read(node, diagnostics).inspect_err(|_| self.say_one_level_up(&key, node, diagnostics.since(said)))
            }
            (None, Some(value)) => Ok(value),
            (None, None) => Err(diagnostics.report(
                code::MISSING_FIELD
                    .at(self.node.span, format!("missing field `{key}`"))
                    .label(format!("`{key}` is required here"))
                    .help(format!("add `{key}: …`; `ringfence schema <kind>` says what it holds")),
            )),
        }
    }

    /// Says of the unknown fields of a value that are fields of this mapping where they belong.
    fn say_one_level_up(&self, key: &str, value: &Node, said: &mut [Diagnostic]) {
        let entries = || value.as_mapping().into_iter().flat_map(Mapping::entries);
        for diagnostic in said.iter_mut().filter(|diagnostic| diagnostic.code().id == code::UNKNOWN_FIELD.id) {
            let misplaced = entries().find(|entry| diagnostic.span() == Some(entry.key.span));
            if let Some(entry) = misplaced.filter(|entry| self.known.contains(&entry.key.value)) {
                *diagnostic =
                    diagnostic.clone().help(format!("`{}` belongs one level up, beside `{key}`", entry.key.value));
            }
        }
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// When a key was unknown.
    pub fn close(self) -> Result<(), Reported> {
        self.unknown.map_or(Ok(()), Err)
    }
}

/// The schema of a mapping while its keys are being declared.
pub struct RecordSchema {
    description: String,
    properties: Map<String, serde_json::Value>,
    required: Vec<String>,
}

impl RecordSchema {
    /// Starts the schema of a record with this description.
    #[must_use]
    pub fn new(description: &str) -> Self {
        Self { description: tidy(description), properties: Map::new(), required: Vec::new() }
    }

    /// Adds a key.
    pub fn key<T: Shape + JsonSchema>(&mut self, field: &str, description: &str, generator: &mut SchemaGenerator) {
        let key = camel(field);
        let schema = strip_null(generator.subschema_for::<T>().to_value());
        // draft-07 ignores everything beside a `$ref`, so a described reference is wrapped.
        let mut value = if schema.get("$ref").is_some() { json!({ "allOf": [schema] }) } else { schema };
        if let Some(object) = value.as_object_mut() {
            object.insert("description".to_owned(), tidy(description).into());
        }
        if T::absent().is_none() {
            self.required.push(key.clone());
        }
        self.properties.insert(key, value);
    }

    /// Ends the schema.
    #[must_use]
    pub fn finish(self) -> Schema {
        let mut schema = Map::new();
        schema.insert("type".to_owned(), "object".into());
        schema.insert("description".to_owned(), self.description.into());
        schema.insert("properties".to_owned(), self.properties.into());
        if !self.required.is_empty() {
            schema.insert("required".to_owned(), self.required.into());
        }
        schema.insert("additionalProperties".to_owned(), false.into());
        schema.into()
    }
}

/// Takes back the `null` that schemars adds to optional values: the reader refuses an explicit null.
fn strip_null(mut schema: serde_json::Value) -> serde_json::Value {
    let is_null = |value: &serde_json::Value| value.get("type").is_some_and(|kind| kind == "null");
    if let Some(options) = schema.get_mut("anyOf").and_then(serde_json::Value::as_array_mut) {
        options.retain(|option| !is_null(option));
        if let [only] = options.as_slice() {
            return only.clone();
        }
    }
    if let Some(types) = schema.get_mut("type").filter(|types| types.is_array()) {
        let rest: Vec<_> = types.as_array().into_iter().flatten().filter(|kind| *kind != "null").cloned().collect();
        *types = if let [only] = rest.as_slice() { only.clone() } else { rest.into() };
    }
    if let Some(values) = schema.get_mut("enum").and_then(serde_json::Value::as_array_mut) {
        values.retain(|value| !value.is_null());
    }
    schema
}

/// Joins the lines of a comment into one paragraph.
pub(crate) fn tidy(comment: &str) -> String {
    comment.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::camel;

    #[test]
    fn fields_are_written_in_camel_case() {
        assert_eq!(camel("jwks_uri"), "jwksUri");
        assert_eq!(camel("to"), "to");
        assert_eq!(camel("where_"), "where");
    }
}
