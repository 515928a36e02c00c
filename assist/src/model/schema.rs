//! JSON Schemas of the kind that models are held to strictly: every object
//! has all its properties and no others.

use serde_json::{Map, Value as Json, json};

/// An object of these properties.
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

/// A list.
pub(super) fn list(of: Json) -> Json {
    json!({"type": "array", "items": of})
}

/// Any text.
pub(super) fn text() -> Json {
    json!({"type": "string"})
}

/// True or false.
pub(super) fn flag() -> Json {
    json!({"type": "boolean"})
}

/// One of these texts.
pub(super) fn one_of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Json {
    let texts: Vec<&str> = texts.into_iter().collect();
    json!({"type": "string", "enum": texts})
}
