//! The JSON Schemas that editors complete and check with, as files.
//!
//! In: the declarations of the language. Out: one schema a kind, one for `ringfence.yaml`, one for any policy document,
//! all in draft-07, which is what yaml-language-server reads. It exists so that the committed files and those that a
//! policy repository gets come from the reader's own types.

use std::collections::BTreeMap;

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::document;
use crate::shape::Shape;
use crate::shape::record::tidy;
use crate::spec::API_VERSION;
use crate::spec::names::Metadata;

/// The schema of any policy document.
pub const ANY_FILE: &str = "ringfence.json";

/// The schema of `ringfence.yaml`.
pub const PROJECT_FILE: &str = "project.json";

/// The dialect every schema is written in.
const DIALECT: &str = "http://json-schema.org/draft-07/schema#";

/// Returns the text of every schema by the name of its file.
#[must_use]
pub fn files() -> BTreeMap<String, String> {
    let kinds = document::schemas().into_iter().map(|(kind, schema)| (file_name(kind), schema));
    let others = [(PROJECT_FILE.to_owned(), document::project_schema()), (ANY_FILE.to_owned(), document::any_schema())];
    kinds.chain(others).map(|(name, schema)| (name, format!("{schema:#}\n"))).collect()
}

/// Returns the name of the file that holds the schema of a kind: `virtual-machine.json` for `VirtualMachine`.
#[must_use]
pub fn file_name(kind: &str) -> String {
    format!("{}.json", kebab(kind))
}

/// Returns a kind in small letters with hyphens between its words.
#[must_use]
pub fn kebab(kind: &str) -> String {
    let mut name = String::new();
    for letter in kind.chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

/// Returns the comment that tells an editor the schema of a YAML file, without a line break; `relative` is the path of
/// the schema from the folder of that file.
#[must_use]
pub fn modeline(relative: &str) -> String {
    format!("# yaml-language-server: $schema={relative}")
}

/// Returns the schema of a whole document of one kind.
pub(crate) fn of_kind<T: Shape>(kind: &str) -> Value {
    let mut generator = SchemaSettings::draft07().into_generator();
    let spec = generator.subschema_for::<T>();
    let about = about::<T>(&generator);
    let mut schema = frame(kind, json!({ "const": kind }), &mut generator);
    let spec = json!({ "description": about, "allOf": [spec] });
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert("spec".to_owned(), spec);
    }
    if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut)
        && T::absent().is_none()
    {
        required.push("spec".into());
    }
    schema.insert("description".to_owned(), about.into());
    schema.insert("definitions".to_owned(), generator.take_definitions(true).into());
    schema.into()
}

/// The schema of any document while its kinds are being added.
///
/// The kind decides by `if` and `then`: of an `anyOf` an editor can only say that nothing fits.
pub(crate) struct AnyKind {
    generator: SchemaGenerator,
    words: Vec<String>,
    meanings: Vec<String>,
    cases: Vec<Value>,
}

impl AnyKind {
    /// Starts without kinds.
    pub(crate) fn new() -> Self {
        let generator = SchemaSettings::draft07().into_generator();
        Self { generator, words: Vec::new(), meanings: Vec::new(), cases: Vec::new() }
    }

    /// Adds a kind.
    pub(crate) fn add<T: Shape>(&mut self, kind: &str) {
        let spec = self.generator.subschema_for::<T>();
        let about = about::<T>(&self.generator);
        let mut then = json!({ "properties": { "spec": { "description": about, "allOf": [spec] } } });
        if let Some(then) = then.as_object_mut()
            && T::absent().is_none()
        {
            then.insert("required".to_owned(), json!(["spec"]));
        }
        let condition = json!({ "properties": { "kind": { "const": kind } }, "required": ["kind"] });
        self.cases.push(json!({ "if": condition, "then": then }));
        self.meanings.push(about);
        self.words.push(kind.to_owned());
    }

    /// Ends the schema.
    pub(crate) fn finish(mut self) -> Value {
        let kind = json!({ "enum": self.words, "markdownEnumDescriptions": self.meanings });
        let mut schema = frame("Ringfence policy", kind, &mut self.generator);
        schema.insert("description".to_owned(), "A document of a policy tree.".into());
        schema.insert("allOf".to_owned(), self.cases.into());
        schema.insert("definitions".to_owned(), self.generator.take_definitions(true).into());
        schema.into()
    }
}

/// Returns what every document begins with.
fn frame(title: &str, mut kind: Value, generator: &mut SchemaGenerator) -> Map<String, Value> {
    if let Some(kind) = kind.as_object_mut() {
        kind.insert("description".to_owned(), "What this document is.".into());
    }
    let metadata = generator.subschema_for::<Metadata>();
    let schema = json!({
        "$schema": DIALECT,
        "title": title,
        "description": "",
        "type": "object",
        "properties": {
            "apiVersion": { "const": API_VERSION, "description": "The version of the language." },
            "kind": kind,
            "metadata": { "description": "What the document says about itself.", "allOf": [metadata] },
            "spec": { "description": "What the document says." },
        },
        "required": ["apiVersion", "kind", "metadata"],
        "additionalProperties": false,
    });
    match schema {
        Value::Object(schema) => schema,
        _ => Map::new(),
    }
}

/// Returns what the definition of `T`, which the generator has made, says of it.
fn about<T: Shape>(generator: &SchemaGenerator) -> String {
    let definition = generator.definitions().get(T::schema_name().as_ref());
    let description = definition.and_then(|definition| definition.get("description")).and_then(Value::as_str);
    tidy(description.unwrap_or(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_after_their_kinds() {
        assert_eq!(file_name("VirtualMachine"), "virtual-machine.json");
        assert!(files().contains_key("organization.json"));
        assert_eq!(files().len(), document::KINDS.len() + 2);
    }

    #[test]
    fn a_modeline_is_one_comment() {
        assert_eq!(modeline("../schemas/tenant.json"), "# yaml-language-server: $schema=../schemas/tenant.json");
    }

    #[test]
    fn every_record_and_every_property_is_described() {
        for (name, text) in files() {
            let schema: Value = serde_json::from_str(&text).unwrap();
            let described = |schema: &Value| schema["description"].as_str().is_some_and(|text| !text.is_empty());
            assert!(described(&schema), "{name}");
            let definitions = schema["definitions"].as_object().unwrap().iter();
            for (owner, definition) in definitions.chain([(&name, &schema)]) {
                assert!(described(definition) || definition["type"] != "object", "{name}: {owner}");
                let properties = definition.get("properties").and_then(Value::as_object);
                for (key, property) in properties.into_iter().flatten() {
                    assert!(described(property), "{name}: {owner}.{key}");
                }
            }
        }
    }
}
