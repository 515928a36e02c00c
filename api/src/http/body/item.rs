//! Parses one item into a typed value or a problem.

use std::collections::HashMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::faults::{Examiner, Fault, MAX_EXAMINED, without_place};
use super::input::Input;
use crate::http::problem::{Problem, ProblemKind};

/// Unparsed JSON of one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RawItem<'a> {
    /// JSON text of the item.
    pub(crate) text: &'a str,
    /// Line of the body, starting at 1; `None` if the body is not NDJSON.
    pub(crate) line: Option<usize>,
}

impl RawItem<'_> {
    /// Returns the item's id, if it has a valid one and the item is not longer than
    /// [`MAX_EXAMINED`].
    pub(crate) fn id(self, field: &str) -> Option<String> {
        if self.text.len() > MAX_EXAMINED {
            return None;
        }
        let fields: HashMap<String, &RawValue> = serde_json::from_str(self.text).ok()?;
        let id = match serde_json::from_str(fields.get(field)?.get()).ok()? {
            ShownId::Text(text) => text,
            ShownId::Number(number) => number.to_string(),
        };
        (id.len() <= 128).then_some(id)
    }
}

/// Id of a rejected item, as the client sent it.
#[derive(Deserialize)]
#[serde(untagged)]
enum ShownId {
    Text(String),
    Number(u64),
}

/// Parser of the items of one request.
#[derive(Default)]
pub(crate) struct ItemReader {
    examiner: Examiner,
}

impl ItemReader {
    /// Parses an item into a value that passes `check`.
    ///
    /// # Errors
    /// 400 for malformed JSON, 422 with a pointer to each field at fault.
    pub(crate) fn read<T: Input>(
        &mut self,
        raw: RawItem<'_>,
        check: impl Fn(&T) -> Result<(), Problem>,
    ) -> Result<T, Problem> {
        let read = match serde_json::from_str(raw.text) {
            Ok(item) => check(&item).map(|()| item),
            Err(error) => Err(self.explain(raw, &error, check)),
        };
        read.map_err(|problem| match raw.line {
            Some(line) if problem.kind() != ProblemKind::MalformedJson => problem.on_line(line),
            _ => problem,
        })
    }

    /// Returns the problem of an item that cannot be read as a `T`, with a pointer to each
    /// fault. `error` is the reason, without a path.
    fn explain<T: Input>(
        &mut self,
        raw: RawItem<'_>,
        error: &serde_json::Error,
        check: impl Fn(&T) -> Result<(), Problem>,
    ) -> Problem {
        // Tracking the path is slow, so only an item that fails is parsed again with it.
        let mut json = serde_json::Deserializer::from_str(raw.text);
        let tracked = serde_path_to_error::deserialize::<_, T>(&mut json);
        let Some(tracked) = tracked.err().filter(|tracked| tracked.inner().is_data()) else {
            return malformed(error, raw.line);
        };
        let first = Fault::new(tracked.path(), &without_place(tracked.inner()));
        self.examiner.examine(raw.text, first, check)
    }
}

/// Returns the problem of a text that is not JSON.
pub(crate) fn malformed(error: &serde_json::Error, line: Option<usize>) -> Problem {
    let reason = without_place(error);
    let line = line.unwrap_or(error.line());
    let detail = format!("line {line}, column {}: {reason}", error.column());
    Problem::new(ProblemKind::MalformedJson, detail)
}

/// Returns the problem of a text that does not begin as required: malformed JSON, or
/// else `reason`.
pub(crate) fn unexpected_start(text: &str, reason: &'static str) -> Problem {
    match serde_json::from_str::<IgnoredAny>(text) {
        Err(error) => malformed(&error, None),
        Ok(_) => Problem::field(ProblemKind::InvalidField, "", reason.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde_json::Value;
    use utoipa::ToSchema;

    use super::*;

    #[derive(Debug, Deserialize, ToSchema)]
    #[serde(deny_unknown_fields, expecting = "an object")]
    #[schema(example = json!({
        "sample_id": "a",
        "amount": 1,
        "lines": [{"quantity": 1}],
    }))]
    struct Sample {
        #[expect(dead_code, reason = "only whether it can be read matters")]
        sample_id: String,
        #[schema(value_type = u64)]
        #[expect(dead_code, reason = "only whether it can be read matters")]
        amount: domain::Amount,
        #[serde(default)]
        lines: Vec<Line>,
        #[serde(default)]
        #[expect(dead_code, reason = "only whether it can be read matters")]
        labels: BTreeMap<String, u8>,
    }

    #[derive(Debug, Deserialize, ToSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only whether it can be read matters")]
    struct Line {
        quantity: u8,
    }

    impl Input for Sample {}

    /// Reads a sample with a fault. The check of the whole rejects more than two
    /// lines.
    fn read(text: &str, line: Option<usize>) -> Problem {
        let check = |sample: &Sample| match sample.lines.len() {
            0..=2 => Ok(()),
            _ => {
                let reason = "at most two".to_owned();
                Err(Problem::field(ProblemKind::Refused, "/lines", reason))
            }
        };
        let read = ItemReader::default().read::<Sample>(RawItem { text, line }, check);
        read.unwrap_err()
    }

    /// Returns slug, pointer and detail of the problem of a text.
    fn wrong(text: &str, line: Option<usize>) -> (String, Option<String>, String) {
        let problem = read(text, line);
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
    fn the_pointer_names_the_field_at_fault() {
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

    /// Returns the kind of a problem and the pointer of each fault.
    fn all(text: &str) -> (ProblemKind, Vec<String>) {
        let problem = read(text, None);
        let kind = problem.kind();
        let errors = problem.into_errors().into_iter();
        (kind, errors.map(|error| error.pointer).collect())
    }

    #[test]
    fn every_fault_of_an_item_is_listed() {
        let invalid = ProblemKind::InvalidField;
        let cases: [(&str, ProblemKind, &[&str]); 9] = [
            (r#"{}"#, invalid, &["/sample_id", "/amount"]),
            (
                r#"{"amount":-1,"colour":2,"sample_id":1}"#,
                invalid,
                &["/amount", "/colour", "/sample_id"],
            ),
            (
                r#"{"colour":2,"amount":-1}"#,
                ProblemKind::UnknownField,
                &["/colour", "/amount", "/sample_id"],
            ),
            (
                r#"{"amount":1,"lines":[{"quantity":-1},7,{"kind":1}],"labels":{"b":1,"a":"x","c":-1}}"#,
                invalid,
                &[
                    "/lines/0/quantity",
                    "/labels/a",
                    "/labels/c",
                    "/lines/1",
                    "/lines/2/kind",
                    "/lines/2/quantity",
                    "/sample_id",
                    "/lines",
                ],
            ),
            (
                r#"{"sample_id":"a","amount":1,"amount":2,"x":1}"#,
                invalid,
                &["/amount", "/x"],
            ),
            (
                r#"{"sample_id":"a","amount":1,"lines":7,"labels":7}"#,
                invalid,
                &["/lines", "/labels"],
            ),
            (
                r#"{"sample_id":"a","amount":1,"lines":[{"quantity":1},{"quantity":1},{"quantity":1}]}"#,
                ProblemKind::Refused,
                &["/lines"],
            ),
            (
                r#"{"amount":1,"a/b":1,"a~b":1}"#,
                ProblemKind::UnknownField,
                &["/a~1b", "/a~0b", "/sample_id"],
            ),
            ("7", invalid, &[""]),
        ];
        for (text, kind, pointers) in cases {
            let pointers = pointers.iter().map(ToString::to_string).collect();
            assert_eq!(all(text), (kind, pointers), "{text}");
        }
    }

    #[test]
    fn at_most_twenty_faults_are_listed() {
        let fields = (0..30).map(|n| format!(r#""field_{n}":1"#));
        let text = format!("{{{}}}", fields.collect::<Vec<_>>().join(","));
        assert_eq!(all(&text).1.len(), 20);
    }

    #[test]
    fn a_large_item_is_not_examined() {
        let elements = |count| format!(r#"{{"a":[{}0],"b":1}}"#, "0,".repeat(count));
        assert_eq!(all(&elements(MAX_EXAMINED / 2 - 20)).1.len(), 4);
        let large = elements(MAX_EXAMINED / 2);
        assert_eq!(all(&large).1, ["/a"]);
        let large = format!(r#"{{"sample_id":"a",{}"#, &large[1..]);
        let raw = RawItem {
            text: &large,
            line: None,
        };
        assert_eq!(raw.id("sample_id"), None);
    }

    #[test]
    fn examination_stops_at_the_budget_of_a_request() {
        let mut reader = ItemReader::default();
        let long = "x".repeat(200 * 1024);
        let text = format!(r#"{{"a":1,"b":1,"sample_id":"{long}"}}"#);
        let mut faults = || {
            let raw = RawItem {
                text: &text,
                line: None,
            };
            let problem = reader.read::<Sample>(raw, |_| Ok(())).unwrap_err();
            problem.into_errors().len()
        };
        assert_eq!(faults(), 3);
        (0..100).for_each(|_| {
            faults();
        });
        assert_eq!(faults(), 1);
    }

    #[derive(Debug, Deserialize, ToSchema)]
    #[expect(dead_code, reason = "only whether it can be read matters")]
    struct Outer {
        part: Inner,
    }

    #[derive(Debug, Deserialize, ToSchema)]
    #[expect(dead_code, reason = "only whether it can be read matters")]
    struct Inner {
        part: u8,
    }

    impl Input for Outer {}

    #[test]
    fn a_missing_field_may_have_the_name_of_its_object() {
        let raw = RawItem {
            text: r#"{"part":{}}"#,
            line: None,
        };
        let read = ItemReader::default().read::<Outer>(raw, |_| Ok(()));
        let errors = read.unwrap_err().into_errors();
        assert_eq!(errors[0].pointer, "/part/part");
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
    fn an_invalid_amount_explains_the_expected_form() {
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
    fn a_truncated_line_is_reported_with_its_number() {
        let (slug, pointer, detail) = wrong(r#"{"sample_id":"a","#, Some(7));
        assert_eq!((slug.as_str(), pointer), ("malformed-json", None));
        assert_eq!(detail, "line 7, column 17: EOF while parsing a value");
        let (_, _, detail) = wrong(r#"{"sample_id":"a","amount":-1}"#, Some(7));
        assert!(detail.starts_with("line 7: /amount: an amount"), "{detail}");
        let (slug, _, _) = wrong(r#"{"sample_id":"a","amount":1} x"#, Some(7));
        assert_eq!(slug, "malformed-json");
    }

    #[test]
    fn a_rejected_item_keeps_its_id_if_it_has_one() {
        let id = |text| RawItem { text, line: None }.id("sample_id");
        assert_eq!(id(r#"{"x":[1],"sample_id":"a b"}"#).as_deref(), Some("a b"));
        assert_eq!(id(r#"{"sample_id":7}"#).as_deref(), Some("7"));
        for none in [
            r#"{"sample_id":7.5}"#,
            r#"{"x":1}"#,
            "7",
            r#"{"sample_id":"a""#,
        ] {
            assert_eq!(id(none), None, "{none}");
        }
    }
}
