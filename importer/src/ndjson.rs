//! NDJSON: each line that is one JSON object is sent to the API unchanged.

use std::fmt;
use std::io;
use std::path::Path;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use xxhash_rust::xxh3::xxh3_64;

use super::lines::{FilePosition, LineRead, Lines};
use super::record::{Reason, Record};

/// File with one JSON object per line.
pub(super) struct Ndjson {
    lines: Lines,
    line: Vec<u8>,
    id_field: &'static str,
}

impl Ndjson {
    pub(super) fn open(path: &Path, id_field: &'static str) -> io::Result<Self> {
        Ok(Self {
            lines: Lines::open(path)?,
            line: Vec::new(),
            id_field,
        })
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
            let start = self.lines.at();
            let read = self.lines.read(&mut self.line)?;
            let line = self.line.trim_ascii();
            let result = match read {
                LineRead::End => return Ok(None),
                LineRead::TooLong => Err(Reason::new("the line is longer than 4 MiB")),
                LineRead::Whole if line.is_empty() => continue,
                LineRead::Whole => check(line, self.id_field).map_err(Reason::new),
            };
            if result.is_ok() {
                out.extend_from_slice(line);
            }
            return Ok(Some(Record {
                place: self.lines.place_since(start),
                result,
            }));
        }
    }
}

/// Checks that the line is a JSON object. Returns a hash of its id, if it has one, or the reason
/// why it is refused.
fn check(line: &[u8], id_field: &'static str) -> Result<Option<u64>, String> {
    let text = str::from_utf8(line).map_err(|_| "the line is not UTF-8")?;
    if !text.starts_with('{') {
        return Err("the line is not a JSON object".into());
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let id = IdOf(id_field)
        .deserialize(&mut json)
        .and_then(|id| json.end().map(|()| id));
    id.map_err(|error| {
        let place = format!(" at line {} column {}", error.line(), error.column());
        let message = error.to_string();
        let message = message.strip_suffix(&place).unwrap_or(&message);
        format!(
            "the line is not JSON: {message} (column {})",
            error.column()
        )
    })
}

/// Deserializer of an object that keeps nothing but the hash of one field.
#[derive(Clone, Copy)]
struct IdOf(&'static str);

impl<'de> DeserializeSeed<'de> for IdOf {
    type Value = Option<u64>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Option<u64>, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for IdOf {
    type Value = Option<u64>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Option<u64>, M::Error> {
        let mut id = None;
        while let Some(is_id) = map.next_key_seed(KeyIs(self.0))? {
            if is_id {
                id = Some(xxh3_64(map.next_value::<&RawValue>()?.get().as_bytes()));
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(id)
    }
}

/// Deserializer that compares a key without allocating it.
struct KeyIs(&'static str);

impl<'de> DeserializeSeed<'de> for KeyIs {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<bool, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for KeyIs {
    type Value = bool;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<bool, E> {
        Ok(key == self.0)
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
            "the line is not JSON: EOF while parsing a value (column 27)"
        );
        assert_eq!(
            refused(br#"{"order_id":"o-1"} {"order_id":"o-2"}"#),
            "the line is not JSON: trailing characters (column 20)"
        );
    }

    #[test]
    fn the_id_is_found_at_any_place_in_the_object() {
        let id = |line: &str| check(line.as_bytes(), "order_id").unwrap();
        let first = id(r#"{"order_id":"o-1","amount":5}"#);
        assert_eq!(
            first,
            id(r#"{"items":[{"order_id":"o-9"}],"order_id":"o-1"}"#)
        );
        assert_ne!(first, id(r#"{"order_id":"o-2","amount":5}"#));
        assert_eq!(id(r#"{"amount":5}"#), None);
    }
}
