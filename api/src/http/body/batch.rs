//! Splits a body into items.

use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::item::{self, RawItem, malformed};
use crate::http::payload::BodyFormat;
use crate::http::problem::{Problem, ProblemKind};

/// Items of a body.
#[derive(Debug, PartialEq)]
pub(crate) enum Items<'a> {
    /// One object.
    One(RawItem<'a>),
    /// An array or lines, even if there is only one.
    Many(Vec<RawItem<'a>>),
}

/// Schema of a JSON body.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes the two forms of a body")]
pub(crate) enum OneOrMany<T> {
    /// One object.
    One(T),
    /// At most 10,000 objects.
    Many(Vec<T>),
}

/// Splits a nonempty body into items without parsing them.
///
/// # Errors
/// 400 for malformed JSON around the items, 413 for more than `most` of them,
/// 422 for JSON that is neither object nor array.
pub(crate) fn split(format: BodyFormat, text: &str, most: usize) -> Result<Items<'_>, Problem> {
    match (format, text.trim_ascii_start().as_bytes().first()) {
        (BodyFormat::Ndjson, _) => lines(text, most).map(Items::Many),
        (BodyFormat::Json, Some(b'{')) => Ok(Items::One(RawItem { text, line: None })),
        (BodyFormat::Json, Some(b'[')) => array(text, most).map(Items::Many),
        (BodyFormat::Json, _) => {
            let reason = "the body must be an object or an array of objects";
            Err(item::unexpected_start(text, reason))
        }
    }
}

fn lines(text: &str, most: usize) -> Result<Vec<RawItem<'_>>, Problem> {
    let mut raw_items = Vec::new();
    for (number, line) in (1..).zip(text.split('\n')) {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        if raw_items.len() == most {
            return Err(too_many(most));
        }
        raw_items.push(RawItem {
            text: line,
            line: Some(number),
        });
    }
    Ok(raw_items)
}

fn array(text: &str, most: usize) -> Result<Vec<RawItem<'_>>, Problem> {
    let mut raw_items = Vec::new();
    let mut json = serde_json::Deserializer::from_str(text);
    let elements = Elements {
        raw_items: &mut raw_items,
        most,
    };
    let read = elements.deserialize(&mut json);
    if raw_items.len() > most {
        return Err(too_many(most));
    }
    read.and_then(|()| json.end())
        .map_err(|error| malformed(&error, None))?;
    Ok(raw_items)
}

/// Visitor that collects the elements of an array unparsed. It stops after one
/// element too many, so that an array of millions of elements costs no memory.
struct Elements<'v, 'a> {
    raw_items: &'v mut Vec<RawItem<'a>>,
    most: usize,
}

impl<'a> DeserializeSeed<'a> for Elements<'_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'a> Visitor<'a> for Elements<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<S: SeqAccess<'a>>(self, mut elements: S) -> Result<(), S::Error> {
        while self.raw_items.len() <= self.most {
            let Some(element) = elements.next_element::<&'a RawValue>()? else {
                break;
            };
            self.raw_items.push(RawItem {
                text: element.get(),
                line: None,
            });
        }
        Ok(())
    }
}

fn too_many(most: usize) -> Problem {
    let detail = format!("a request may have at most {most} items; nothing was recorded");
    Problem::new(ProblemKind::TooManyItems, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 10;

    fn texts(format: BodyFormat, text: &str) -> Result<Vec<String>, ProblemKind> {
        match split(format, text, MOST) {
            Ok(Items::One(raw)) => Ok(vec![raw.text.to_owned()]),
            Ok(Items::Many(raw_items)) => Ok(raw_items.iter().map(|p| p.text.to_owned()).collect()),
            Err(problem) => Err(problem.kind()),
        }
    }

    #[test]
    fn an_object_is_one_item_and_an_array_is_many() {
        let one = split(BodyFormat::Json, r#" {"a": 1} "#, MOST);
        assert!(matches!(one, Ok(Items::One(_))));
        let many = texts(BodyFormat::Json, r#" [{"a": [1, "]"]} , 7, null] "#);
        assert_eq!(
            many,
            Ok(vec![
                r#"{"a": [1, "]"]}"#.to_owned(),
                "7".to_owned(),
                "null".to_owned(),
            ])
        );
        assert_eq!(texts(BodyFormat::Json, "[]"), Ok(vec![]));
    }

    #[test]
    fn lines_are_numbered_and_blank_lines_skipped() {
        let text = "{\"a\":1}\r\n\n  \n{\"a\":\n7";
        let Ok(Items::Many(raw_items)) = split(BodyFormat::Ndjson, text, MOST) else {
            panic!("lines are many");
        };
        let seen: Vec<_> = raw_items.iter().map(|p| (p.text, p.line)).collect();
        assert_eq!(
            seen,
            [("{\"a\":1}", Some(1)), ("{\"a\":", Some(4)), ("7", Some(5))]
        );
    }

    #[test]
    fn a_malformed_array_is_rejected_as_a_whole() {
        for broken in ["[", "[{}", "[{},]", "[{}] x", "[}", "nul", "\"a"] {
            let refused = texts(BodyFormat::Json, broken);
            assert_eq!(refused, Err(ProblemKind::MalformedJson), "{broken}");
        }
        for other in ["7", "null", "\"a\""] {
            let refused = texts(BodyFormat::Json, other);
            assert_eq!(refused, Err(ProblemKind::InvalidField), "{other}");
        }
    }

    #[test]
    fn the_maximum_number_of_items_is_accepted_and_one_more_rejected() {
        for (count, taken) in [(MOST, true), (MOST + 1, false)] {
            let array = format!("[{}]", vec!["1"; count].join(","));
            let lines = "1\n".repeat(count);
            for (format, text) in [(BodyFormat::Json, array), (BodyFormat::Ndjson, lines)] {
                let expected = if taken {
                    Ok(count)
                } else {
                    Err(ProblemKind::TooManyItems)
                };
                assert_eq!(texts(format, &text).map(|texts| texts.len()), expected);
            }
        }
    }
}
