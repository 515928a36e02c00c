//! The baseline of the audit trail: a document and nine index entries per
//! event. It is what the trail was before it became an index of commits, and
//! stays as it is, so that ratios keep their meaning.

use bson::{DateTime, Document, RawDocumentBuf, doc};
use domain::{Event, MessageEvent, Timestamp};
use eventlog::{Entry, Log, Position};
use mongodb::IndexModel;
use projections::{EntryReader, Recorded};

/// Entries read at once.
const BATCH: usize = 4_000;

/// A row of every event of a log.
pub(super) async fn of_log(log: &Log) -> anyhow::Result<Vec<RawDocumentBuf>> {
    let mut rows = Vec::new();
    for partition in log.partitions() {
        let mut reader = EntryReader::default();
        let mut at = Position {
            partition,
            number: 0,
        };
        loop {
            let entries = log.read(at, BATCH).await?;
            let Some(last) = entries.last() else { break };
            at = last.position;
            for entry in entries {
                rows.push(row(&mut reader, entry)?);
            }
        }
    }
    Ok(rows)
}

/// The indexes of rows, beside the one of their ids.
pub(super) fn indexes() -> Vec<IndexModel> {
    let behind = |fields: &[&str]| {
        let mut keys = Document::new();
        for field in fields {
            keys.insert(*field, 1);
        }
        keys.extend(doc! {"at": -1, "_partition": -1, "_number": -1});
        keys
    };
    [
        behind(&[]),
        behind(&["aggregate"]),
        behind(&["type"]),
        behind(&["actor"]),
        behind(&["actor", "type"]),
        behind(&["request_id"]),
        behind(&["customer_id"]),
        doc! {"customer_id": 1, "occurred_at": -1, "_number": -1},
    ]
    .map(|keys| IndexModel::builder().keys(keys).build())
    .into()
}

fn row(reader: &mut EntryReader, entry: Entry) -> anyhow::Result<RawDocumentBuf> {
    let event = reader.read(entry)?;
    let Position { partition, number } = event.position;
    let metadata = &event.metadata;
    let mut row = doc! {
        "_id": event.position.to_string(),
        "_partition": i32::from(partition),
        "_number": number as i64,
        "position": event.position.to_string(),
        "at": date(metadata.at),
        "occurred_at": date(occurred_at(&event)),
        "type": &event.tag,
        "aggregate": event.subject.to_string(),
        "version": event.version as i64,
        "actor": &metadata.actor,
    };
    let customer = event.subject.customer().map(ToString::to_string);
    let optional = [
        ("request_id", metadata.request.clone()),
        ("ip", metadata.address.map(|address| address.to_string())),
        ("customer_id", customer),
    ];
    for (field, value) in optional {
        if let Some(value) = value {
            row.insert(field, value);
        }
    }
    Ok(RawDocumentBuf::try_from(&row)?)
}

fn occurred_at(event: &Recorded) -> Timestamp {
    match &event.event {
        Event::Order(happened) => happened.content().placed_at,
        Event::Activity(happened) => happened.content().occurred_at,
        Event::Message(MessageEvent::Delivered(receipt) | MessageEvent::Failed(receipt)) => {
            receipt.occurred_at
        }
        _ => event.metadata.at,
    }
}

fn date(at: Timestamp) -> DateTime {
    DateTime::from_millis(at.millis())
}
