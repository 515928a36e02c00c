//! JSON Schemas for the strict mode of models: every object requires all its properties
//! and allows no others.

use serde_json::{Map, Value as Json, json};

/// Returns the schema of an object with these properties.
pub(super) fn object<const N: usize>(properties: [(&str, Json); N]) -> Json {
    let names: Vec<&str> = properties.iter().map(|(name, _)| *name).collect();
    let owned = properties
        .iter()
        .map(|(name, schema)| ((*name).to_owned(), schema.clone()));
    let properties: Map<String, Json> = owned.collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": names,
        "additionalProperties": false,
    })
}

/// Returns the schema of an array.
pub(super) fn list(of: Json) -> Json {
    json!({"type": "array", "items": of})
}

/// Returns the schema of a string.
pub(super) fn text() -> Json {
    json!({"type": "string"})
}

/// Returns the schema of a boolean.
pub(super) fn flag() -> Json {
    json!({"type": "boolean"})
}

/// Returns the schema of an enumeration of strings.
pub(super) fn one_of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Json {
    let texts: Vec<&str> = texts.into_iter().collect();
    json!({"type": "string", "enum": texts})
}
