//! Baseline of the audit trail: one document and nine index entries per event. The trail itself
//! is an index of commits. The baseline must not change, so that ratios of different versions
//! stay comparable.

use bson::{DateTime, Document, RawDocumentBuf, doc};
use domain::{Event, Timestamp};
use eventlog::{Entry, Log, Position};
use mongodb::IndexModel;
use projections::{EntryReader, Recorded};

/// Number of entries per read.
const BATCH: usize = 4_000;

/// Returns a row for every event of a log.
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

/// Returns the indexes of the rows, without the one on their ids.
pub(super) fn indexes() -> Vec<IndexModel> {
    let newest_first = |fields: &[&str]| {
        let mut keys = Document::new();
        for field in fields {
            keys.insert(*field, 1);
        }
        keys.extend(doc! {"at": -1, "_partition": -1, "_number": -1});
        keys
    };
    [
        newest_first(&[]),
        newest_first(&["aggregate"]),
        newest_first(&["type"]),
        newest_first(&["actor"]),
        newest_first(&["actor", "type"]),
        newest_first(&["request_id"]),
        newest_first(&["customer_id"]),
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
        Event::Message(message) => {
            let receipt = message.receipt().map(|receipt| receipt.occurred_at);
            receipt.unwrap_or(event.metadata.at)
        }
        _ => event.metadata.at,
    }
}

fn date(at: Timestamp) -> DateTime {
    DateTime::from_millis(at.millis())
}
