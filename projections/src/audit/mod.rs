//! The audit trail: one row per event.

mod query;

use bson::{DateTime, Document, doc};
use domain::{Event, MessageEvent, Subject, Timestamp};
use eventlog::Position;
use mongodb::IndexModel;
use serde::{Deserialize, Serialize};

pub use query::AuditFilter;

use crate::Recorded;
use crate::date::date;
use crate::view::{FoldError, View};

/// The view `audit`, a document per event, with its position as the id. What
/// the event says stays in the log, one read away.
pub struct Audit;

/// An event's row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditDocument {
    /// Its position, `3:1842`.
    pub position: String,
    /// When it was recorded.
    pub at: DateTime,
    /// When what it tells of happened: an order's or an activity's own time.
    pub occurred_at: DateTime,
    /// Type and schema version.
    #[serde(rename = "type")]
    pub tag: String,
    /// The aggregate's key.
    pub aggregate: String,
    /// The aggregate's version after it.
    pub version: i64,
    /// On whose behalf.
    pub actor: String,
    /// In which request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// From which address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// About which customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<String>,
}

impl View for Audit {
    const NAME: &'static str = "audit";
    const INSERT_ONLY: bool = true;
    type Document = AuditDocument;

    fn document_of(_: &Subject, position: Position) -> Option<String> {
        Some(position.to_string())
    }

    fn fold(_: Option<AuditDocument>, event: &Recorded) -> Result<AuditDocument, FoldError> {
        let metadata = &event.metadata;
        Ok(AuditDocument {
            position: event.position.to_string(),
            at: date(metadata.at),
            occurred_at: date(occurred_at(event)),
            tag: event.tag.clone(),
            aggregate: event.subject.to_string(),
            version: event.version as i64,
            actor: metadata.actor.clone(),
            request_id: metadata.request.clone(),
            ip: metadata.address.map(|address| address.to_string()),
            customer_id: event.subject.customer().map(|id| id.as_str().to_owned()),
        })
    }

    fn indexes() -> Vec<IndexModel> {
        let timeline = doc! {"customer_id": 1, "occurred_at": -1, "_number": -1};
        [
            index(&[]),
            index(&["aggregate"]),
            index(&["type"]),
            index(&["actor"]),
            index(&["actor", "type"]),
            index(&["request_id"]),
            index(&["customer_id"]),
            timeline,
        ]
        .map(|keys| IndexModel::builder().keys(keys).build())
        .into()
    }
}

/// The newest first: when a row was recorded, then its position.
fn newest() -> Document {
    doc! {"at": -1, "_partition": -1, "_number": -1}
}

/// The keys of an index that has the rows of each value of some fields, the
/// newest first.
fn index(fields: &[&str]) -> Document {
    let fields = fields.iter().map(|field| ((*field).to_owned(), 1.into()));
    fields.chain(newest()).collect()
}

fn occurred_at(event: &Recorded) -> Timestamp {
    match &event.event {
        Event::Order(happened) => happened.content().placed_at,
        Event::Activity(happened) => happened.content().occurred_at,
        Event::Message(MessageEvent::Receipted { receipt, .. }) => receipt.occurred_at,
        Event::Customer(_)
        | Event::View(_)
        | Event::Segment(_)
        | Event::Campaign(_)
        | Event::Message(_)
        | Event::User(_)
        | Event::ApiKey(_)
        | Event::Refusal(_)
        | Event::Assistance(_)
        | Event::Log(_) => event.metadata.at,
    }
}
