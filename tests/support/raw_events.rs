//! Events that Patron's commands would never append.

use eventlog::{Append, Appended, Key, Log, NewEvent, NewHead, Position};
use serde_json::value::RawValue;

/// Appends an event with arbitrary content; returns its position.
pub(crate) async fn append_raw_event(
    log: &Log,
    key: &str,
    tag: &'static str,
    data: &str,
) -> Position {
    let route = key.split('/').nth(1).unwrap();
    let key: Key = log.layout().key(key.to_owned(), route);
    let head = log
        .heads(key.partition, &[&key])
        .await
        .unwrap()
        .pop()
        .flatten();
    // Keep the state of an existing head, so that commands still decide on it.
    let (fold, state) = head.as_ref().map_or((0, "null".to_owned()), |head| {
        (head.fold, head.state.clone())
    });
    let append = Append {
        head: Some(NewHead {
            expected: head.as_ref().map_or(0, |head| head.version),
            last: head.map_or(0, |head| head.last),
            fold,
            state,
        }),
        events: vec![NewEvent {
            tag,
            data: RawValue::from_string(data.to_owned()).unwrap(),
        }],
        key,
    };
    let meta = r#"{"at":"2026-01-01T00:00:00.000Z","actor":"key:test"}"#;
    let partition = append.key.partition;
    match log
        .append(partition, meta.into(), vec![append])
        .await
        .unwrap()[..]
    {
        [Appended::At(position)] => position,
        ref other => panic!("{other:?}"),
    }
}
