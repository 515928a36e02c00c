//! NDJSON: each line that is one JSON object is sent to the API unchanged.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::path::Path;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::encoding::{EncodingChoice, LineEncoding};
use super::ids::hash_of_id;
use super::lines::{FilePosition, LineRead, Lines};
use super::quoted::shown;
use super::record::{Identity, Reason, Record, RecordContent, Rows};

/// File with one JSON object per line.
pub(super) struct Ndjson {
    lines: Lines,
    line: Vec<u8>,
    id_field: &'static str,
}

impl Ndjson {
    pub(super) fn open(
        path: &Path,
        encoding: EncodingChoice,
        id_field: &'static str,
    ) -> io::Result<Self> {
        Ok(Self {
            lines: Lines::open(path, encoding)?,
            line: Vec::new(),
            id_field,
        })
    }

    pub(super) fn encoding(&self) -> LineEncoding {
        self.lines.encoding()
    }

    pub(super) fn at(&self) -> FilePosition {
        self.lines.at()
    }

    pub(super) fn seek(&mut self, to: FilePosition) -> io::Result<()> {
        self.lines.seek(to)
    }

    pub(super) fn next(&mut self, out: &mut Vec<u8>) -> io::Result<Option<Record>> {
        loop {
            self.line.clear();
            let start = self.lines.start();
            let read = self.lines.read(&mut self.line)?;
            let line = self.line.trim_ascii();
            let checked = match read {
                LineRead::End => return Ok(None),
                LineRead::TooLong => Err("the line is longer than 4 MiB".into()),
                LineRead::Whole if line.is_empty() => continue,
                LineRead::Whole => match self.lines.take_misfit() {
                    Some(reason) => Err(reason),
                    None => check(line, self.id_field),
                },
            };
            let content = match checked {
                Ok(identity) => {
                    out.extend_from_slice(line);
                    RecordContent::Item(identity)
                }
                Err(reason) => RecordContent::Refused(Reason::new(reason)),
            };
            let rows = Rows::one(self.lines.place_since(start));
            return Ok(Some(Record {
                rows,
                content,
                order: None,
            }));
        }
    }
}

/// Checks that the line is a JSON object. Returns its identity, if it has an id, or the reason why
/// it is refused.
fn check(line: &[u8], id_field: &'static str) -> Result<Option<Identity>, String> {
    let text = str::from_utf8(line).map_err(|_| "the line is not UTF-8")?;
    if !text.starts_with('{') {
        return Err("the line is not a JSON object".into());
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let id = IdOf(id_field)
        .deserialize(&mut json)
        .and_then(|id| json.end().map(|()| id));
    id.map_err(|error| {
        let column = error.column();
        if error.is_eof() {
            return format!("the line is not a whole JSON object: it ends at column {column}");
        }
        let place = format!(" at line {} column {column}", error.line());
        let message = error.to_string();
        let message = shown(message.strip_suffix(&place).unwrap_or(&message));
        format!("the line is not JSON: {message} (column {column})")
    })
}

/// Deserializer of an object that keeps nothing but the hashes of one field and of the content. The
/// order of the members does not count.
#[derive(Clone, Copy)]
struct IdOf(&'static str);

impl<'de> DeserializeSeed<'de> for IdOf {
    type Value = Option<Identity>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Option<Identity>, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for IdOf {
    type Value = Option<Identity>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Option<Identity>, M::Error> {
        let (mut id, mut content) = (None, 0_u64);
        while let Some((is_id, key)) = map.next_key_seed(KeyIs(self.0))? {
            let value = map.next_value::<&RawValue>()?.get();
            if is_id {
                id = Some(hash_of_json(value));
            }
            content = content.wrapping_add(xxh3_64_with_seed(value.as_bytes(), key));
        }
        Ok(id.map(|id| Identity { id, content }))
    }
}

/// Hashes the text of an id, so that `7` and `"7"` are one id.
fn hash_of_json(json: &str) -> u64 {
    let text: Result<Cow<'_, str>, _> = serde_json::from_str(json);
    hash_of_id(text.as_deref().unwrap_or(json).trim())
}

/// Deserializer that compares a key, and hashes it, without allocating it.
struct KeyIs(&'static str);

impl<'de> DeserializeSeed<'de> for KeyIs {
    type Value = (bool, u64);

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for KeyIs {
    type Value = (bool, u64);

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok((key == self.0, xxh3_64(key.as_bytes())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_are_not_one_object_are_refused() {
        let refused = |line: &[u8]| check(line, "order_id").unwrap_err();
        assert_eq!(refused(b"[1]"), "the line is not a JSON object");
        assert_eq!(refused(b"{\"order_id\":\"\xff\"}"), "the line is not UTF-8");
        assert_eq!(
            refused(br#"{"order_id":"o-1","amount":"#),
            "the line is not a whole JSON object: it ends at column 27"
        );
        assert_eq!(
            refused(br#"{"order_id":"o-1"} {"order_id":"o-2"}"#),
            "the line is not JSON: trailing characters (column 20)"
        );
    }

    #[test]
    fn the_id_is_found_at_any_place_in_the_object() {
        let check = |line: &str| check(line.as_bytes(), "order_id").unwrap();
        let id = |line: &str| check(line).map(|identity| identity.id);
        let first = id(r#"{"order_id":"o-1","amount":5}"#);
        assert_eq!(
            first,
            id(r#"{"items":[{"order_id":"o-9"}],"order_id":"o-1"}"#)
        );
        assert_ne!(first, id(r#"{"order_id":"o-2","amount":5}"#));
        assert_eq!(id(r#"{"amount":5}"#), None);
        assert_eq!(id(r#"{"order_id":7}"#), id(r#"{"order_id":"7"}"#));
        let content = |line: &str| check(line).unwrap().content;
        assert_eq!(
            content(r#"{"order_id":"o-1","amount":5}"#),
            content(r#"{ "amount": 5, "order_id": "o-1" }"#)
        );
        assert_ne!(
            content(r#"{"order_id":"o-1","a":5,"b":6}"#),
            content(r#"{"order_id":"o-1","a":6,"b":5}"#)
        );
    }
}
