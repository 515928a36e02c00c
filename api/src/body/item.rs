//! One item: typed, or the problem with it.

use std::collections::HashMap;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::value::RawValue;
use serde_path_to_error::{Path, Segment};

use crate::problem::{Problem, ProblemKind};

/// The JSON of one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece<'a> {
    /// The JSON.
    pub(crate) text: &'a str,
    /// On which line of the body it stands, where lines matter; from 1.
    pub(crate) line: Option<usize>,
}

impl Piece<'_> {
    /// The item as a value.
    ///
    /// # Errors
    /// 400 for malformed JSON, 422 with a pointer to the field that is wrong.
    pub(crate) fn parse<T: DeserializeOwned>(self) -> Result<T, Problem> {
        // Keeping track of where one is costs; only who fails pays it.
        serde_json::from_str(self.text).map_err(|error| self.explain::<T>(&error))
    }

    /// What the item calls itself, if that can be made out.
    pub(crate) fn id(self, field: &str) -> Option<String> {
        let fields: HashMap<String, &RawValue> = serde_json::from_str(self.text).ok()?;
        let id: String = serde_json::from_str(fields.get(field)?.get()).ok()?;
        (id.len() <= 128).then_some(id)
    }

    fn explain<T: DeserializeOwned>(self, error: &serde_json::Error) -> Problem {
        let mut json = serde_json::Deserializer::from_str(self.text);
        match serde_path_to_error::deserialize::<_, T>(&mut json) {
            Err(tracked) if tracked.inner().is_data() => {
                let pointer = pointer(tracked.path());
                unfit(pointer, &without_place(tracked.inner()), self.line)
            }
            _ => malformed(error, self.line),
        }
    }
}

/// The problem with text that is not JSON.
pub(crate) fn malformed(error: &serde_json::Error, line: Option<usize>) -> Problem {
    let reason = without_place(error);
    let line = line.unwrap_or(error.line());
    let detail = format!("line {line}, column {}: {reason}", error.column());
    Problem::new(ProblemKind::MalformedJson, detail)
}

/// The problem with a text that does not begin as it must: that it is not JSON,
/// or else `reason`.
pub(crate) fn other(text: &str, reason: &'static str) -> Problem {
    match serde_json::from_str::<IgnoredAny>(text) {
        Err(error) => malformed(&error, None),
        Ok(_) => Problem::field(ProblemKind::InvalidField, "", reason.to_owned()),
    }
}

/// The problem with JSON of another shape than is asked for.
fn unfit(pointer: String, reason: &str, line: Option<usize>) -> Problem {
    let kind = match reason.starts_with("unknown field") {
        true => ProblemKind::UnknownField,
        false => ProblemKind::InvalidField,
    };
    let problem = Problem::field(kind, with_absent(pointer, reason), reason.to_owned());
    match line {
        Some(line) => problem.on_line(line),
        None => problem,
    }
}

/// What serde says, without the place it adds: within an item that is not the
/// client's line and column.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).unwrap_or(&text).to_owned()
}

fn pointer(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => push(&mut pointer, &index.to_string()),
            Segment::Map { key } => push(&mut pointer, key),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}

/// Of a field that is missing or there twice the path knows only the object.
fn with_absent(mut pointer: String, reason: &str) -> String {
    let about = ["missing field `", "duplicate field `"];
    let named = about.iter().find_map(|start| reason.strip_prefix(start));
    if let Some((name, _)) = named.and_then(|rest| rest.split_once('`'))
        && !pointer.ends_with(&format!("/{name}"))
    {
        push(&mut pointer, name);
    }
    pointer
}

fn push(pointer: &mut String, part: &str) {
    pointer.push('/');
    pointer.push_str(&part.replace('~', "~0").replace('/', "~1"));
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde_json::Value;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields, expecting = "an object")]
    #[expect(dead_code, reason = "only whether it can be read matters")]
    struct Sample {
        sample_id: String,
        amount: domain::Amount,
        #[serde(default)]
        lines: Vec<Line>,
        #[serde(default)]
        labels: BTreeMap<String, u8>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only whether it can be read matters")]
    struct Line {
        quantity: u8,
    }

    /// Slug, pointer and detail of what is wrong with a text.
    fn wrong(text: &str, line: Option<usize>) -> (String, Option<String>, String) {
        let problem = Piece { text, line }.parse::<Sample>().unwrap_err();
        let body = serde_json::to_value(problem.into_body(None)).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let slug = text(&body["type"]).rsplit(':').next().unwrap().to_owned();
        let pointer = body["errors"].get(0).map(|error| text(&error["pointer"]));
        (slug, pointer, text(&body["detail"]))
    }

    fn at(text: &str) -> (String, String) {
        let (slug, pointer, _) = wrong(text, None);
        (slug, pointer.unwrap())
    }

    #[test]
    fn the_pointer_leads_to_what_is_wrong() {
        let cases = [
            (r#"{"sample_id":1,"amount":1}"#, "/sample_id"),
            (r#"{"sample_id":"a","amount":-1}"#, "/amount"),
            (r#"{"sample_id":"a"}"#, "/amount"),
            (r#"{"sample_id":"a","amount":1,"amount":2}"#, "/amount"),
            (
                r#"{"sample_id":"a","amount":1,"lines":[{"quantity":1},{"quantity":-1}]}"#,
                "/lines/1/quantity",
            ),
            (
                r#"{"sample_id":"a","amount":1,"lines":[{}]}"#,
                "/lines/0/quantity",
            ),
            (
                r#"{"sample_id":"a","amount":1,"labels":{"a/b~c":"x"}}"#,
                "/labels/a~1b~0c",
            ),
            ("7", ""),
        ];
        for (text, pointer) in cases {
            let expected = ("invalid-field".to_owned(), pointer.to_owned());
            assert_eq!(at(text), expected, "{text}");
        }
    }

    #[test]
    fn an_unknown_field_is_named() {
        let text = r#"{"sample_id":"a","amount":1,"lines":[{"quantity":1,"colour":2}]}"#;
        let (slug, pointer, detail) = wrong(text, None);
        assert_eq!(slug, "unknown-field");
        assert_eq!(pointer.as_deref(), Some("/lines/0/colour"));
        assert_eq!(
            detail,
            "/lines/0/colour: unknown field `colour`, expected `quantity`"
        );
    }

    #[test]
    fn an_amount_says_what_it_would_be() {
        let cases = [
            (
                "-5",
                "an amount is an integer of minor units from 0 to 1000000000000, not -5",
            ),
            (
                "1.5",
                "invalid type: floating point `1.5`, expected an integer of minor units from 0 to 1000000000000",
            ),
            (
                "\"7\"",
                "invalid type: string \"7\", expected an integer of minor units from 0 to 1000000000000",
            ),
            (
                "18446744073709551615",
                "invalid value: integer `18446744073709551615`, expected an integer of minor units from 0 to 1000000000000",
            ),
        ];
        for (amount, expected) in cases {
            let text = format!(r#"{{"sample_id":"a","amount":{amount}}}"#);
            assert_eq!(wrong(&text, None).2, format!("/amount: {expected}"));
        }
    }

    #[test]
    fn a_truncated_line_says_which() {
        let (slug, pointer, detail) = wrong(r#"{"sample_id":"a","#, Some(7));
        assert_eq!((slug.as_str(), pointer), ("malformed-json", None));
        assert_eq!(detail, "line 7, column 17: EOF while parsing a value");
        let (_, _, detail) = wrong(r#"{"sample_id":"a","amount":-1}"#, Some(7));
        assert!(detail.starts_with("line 7: /amount: an amount"), "{detail}");
        let (slug, _, _) = wrong(r#"{"sample_id":"a","amount":1} x"#, Some(7));
        assert_eq!(slug, "malformed-json");
    }

    #[test]
    fn a_refused_item_keeps_its_id_where_it_has_one() {
        let id = |text| Piece { text, line: None }.id("sample_id");
        assert_eq!(id(r#"{"x":[1],"sample_id":"a b"}"#).as_deref(), Some("a b"));
        for none in [
            r#"{"sample_id":7}"#,
            r#"{"x":1}"#,
            "7",
            r#"{"sample_id":"a""#,
        ] {
            assert_eq!(id(none), None, "{none}");
        }
    }
}
