//! Traits and properties as attributes.
//!
//! The users of an SDK cannot change what their tools send. A part that Patron cannot
//! keep is therefore left out with a warning, and the rest is kept.

use domain::{AttributeValue, Attributes, MAX_ATTRIBUTES, MAX_NESTING, Name, Text, TextError};
use serde_json::{Map, Value as Json};

use super::warning::{Warnings, is_empty, member};

/// Converts the members of an object at `pointer`. Empty values are left out without a
/// warning.
pub(super) fn attributes(
    members: &Map<String, Json>,
    pointer: &str,
    warnings: &mut Warnings,
) -> Attributes {
    let mut converter = Converter {
        left: MAX_ATTRIBUTES,
        warnings,
    };
    converter.object(members, pointer, 1)
}

struct Converter<'w> {
    /// Number of further values that can be kept.
    left: usize,
    warnings: &'w mut Warnings,
}

impl Converter<'_> {
    /// Converts an object whose values have paths of `nesting` names.
    fn object(&mut self, members: &Map<String, Json>, pointer: &str, nesting: usize) -> Attributes {
        let mut kept = Attributes::new();
        let members = members.iter().filter(|(_, value)| !is_empty(value));
        let is_name = |key: &str| Name::try_from(key.to_owned()).is_ok();
        let (exact, renamed): (Vec<_>, Vec<_>) = members.partition(|(key, _)| is_name(key));
        // Names that are kept as they are come first: none gives way to a changed one.
        for (key, value) in exact.into_iter().chain(renamed) {
            let pointer = member(pointer, key);
            let Some(name) = self.name(key, &pointer) else {
                continue;
            };
            if kept.contains_key(&name) {
                let detail = format!("another member is kept as {name}");
                self.warnings.left_out(&pointer, detail);
                continue;
            }
            if let Some(value) = self.value(value, &pointer, nesting) {
                if name.as_str() != key {
                    self.warnings.renamed(&pointer, name.as_str());
                }
                kept.insert(name, value);
            }
        }
        kept
    }

    fn value(&mut self, value: &Json, pointer: &str, nesting: usize) -> Option<AttributeValue> {
        let refused = match value {
            Json::Object(_) if nesting >= MAX_NESTING => {
                format!("objects are kept {MAX_NESTING} names deep")
            }
            Json::Object(members) => {
                let kept = self.object(members, pointer, nesting + 1);
                return (!kept.is_empty()).then_some(AttributeValue::Nested(kept));
            }
            Json::Array(_) => "an array cannot be kept".to_owned(),
            _ if self.left == 0 => format!("at most {MAX_ATTRIBUTES} values are kept"),
            Json::String(text) => match Text::try_from(text.clone()) {
                Ok(text) => return self.keep(AttributeValue::Text(text)),
                Err(error) => error.to_string(),
            },
            // Numbers and booleans; nulls are empty and filtered out before.
            scalar => match serde_json::from_value(scalar.clone()) {
                Ok(value) => return self.keep(value),
                Err(error) => error.to_string(),
            },
        };
        self.warnings.left_out(pointer, refused);
        None
    }

    fn keep(&mut self, value: AttributeValue) -> Option<AttributeValue> {
        self.left -= 1;
        Some(value)
    }

    /// Returns the name under which a member is kept: its key, with `_` for each run of
    /// characters that a name cannot have.
    fn name(&mut self, key: &str, pointer: &str) -> Option<Name> {
        if let Ok(name) = Name::try_from(key.to_owned()) {
            return Some(name);
        }
        let belongs = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
        let parts = key.split(|c| !belongs(c)).filter(|part| !part.is_empty());
        let name = Name::try_from(parts.collect::<Vec<_>>().join("_"));
        match name.map_err(|error| match error {
            TextError::Empty => TextError::NoWord,
            other => other,
        }) {
            Ok(name) => Some(name),
            Err(error) => {
                self.warnings.left_out(pointer, format!("the name {error}"));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn convert(members: Json) -> (Json, Vec<(String, String)>) {
        let Json::Object(members) = members else {
            panic!("an object");
        };
        let mut warnings = Warnings::default();
        let kept = attributes(&members, "/properties", &mut warnings);
        let warnings = warnings.0.into_iter();
        (
            json!(kept),
            warnings
                .map(|warning| (warning.pointer, warning.detail))
                .collect(),
        )
    }

    #[test]
    fn empty_values_are_left_out_silently() {
        let sent =
            json!({"a": null, "b": "", "c": " ", "d": {}, "e": [], "f": {"g": null}, "h": 0});
        assert_eq!(convert(sent), (json!({"h": 0}), vec![]));
    }

    #[test]
    fn objects_are_kept_three_names_deep() {
        let sent = json!({"a": {"b": {"c": 1, "d": {"e": 2}}}});
        let warning = ("/properties/a/b/d", "objects are kept 3 names deep");
        let warning = (warning.0.to_owned(), warning.1.to_owned());
        assert_eq!(
            convert(sent),
            (json!({"a": {"b": {"c": 1}}}), vec![warning])
        );
    }

    #[test]
    fn parts_that_cannot_be_kept_are_named() {
        let sent = json!({
            "products": [{"sku": "a"}],
            "total": 19.99,
            "note": "x".repeat(1_025),
            "lines": "a\nb",
            "utm.source": "mail",
            "utm source": "web",
            "utm_source": "ad",
            "$$": 1,
        });
        let (kept, warnings) = convert(sent);
        assert_eq!(kept["total"], 19.99);
        assert_eq!(kept.as_object().unwrap().len(), 2, "{kept}");
        assert_eq!(kept["utm_source"], "ad");
        let mut pointers: Vec<_> = warnings
            .iter()
            .map(|(pointer, _)| pointer.as_str())
            .collect();
        pointers.sort();
        assert_eq!(
            pointers,
            [
                "/properties/$$",
                "/properties/lines",
                "/properties/note",
                "/properties/products",
                "/properties/utm source",
                "/properties/utm.source",
            ]
        );
    }

    #[test]
    fn values_beyond_the_limit_are_left_out() {
        let sent: Map<_, _> = (0..70)
            .map(|n| (format!("k{n}"), json!({"x": n})))
            .collect();
        let (kept, warnings) = convert(sent.into());
        assert_eq!(kept.as_object().unwrap().len(), MAX_ATTRIBUTES);
        assert_eq!(warnings.len(), 6);
    }
}
