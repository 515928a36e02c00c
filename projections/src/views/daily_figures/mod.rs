//! View `daily_figures`: the shop's figures by day.

mod document;
mod fold;
mod query;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use chrono::NaiveDate;
use chrono_tz::Tz;
use domain::{Event, Subject};
use eventlog::Partition;
use mongodb::IndexModel;

pub use document::{DailyFiguresDocument, DayFigures};
pub use query::FiguresByDay;

use crate::runtime::parts::{DocumentAfter, DocumentBefore, FoldOutcome};
use crate::runtime::recorded::{ReadError, SharedEntry};
use crate::runtime::view::{AnyView, FoldError, FoldInput, InputContent, fold_bson, not_read};

/// The view `daily_figures`. Customers of all partitions are active on a day, but
/// a document is fed by one partition. There is therefore one document per day
/// and partition, with the id `DAY/PARTITION`; queries sum them.
///
/// The day follows from an event's data, and an order or an activity that moves
/// to another day touches two documents. Both are of the event's own partition.
pub struct DailyFigures;

impl DailyFigures {
    /// Name of the view.
    pub const NAME: &'static str = "daily_figures";
}

/// Day of events that cannot be read. No document has this day; notes in the
/// quarantine do.
const UNKNOWN_DAY: &str = "unknown";

/// Returns the id of a document.
fn document_id(day: impl std::fmt::Display, partition: Partition) -> String {
    format!("{day}/{partition}")
}

/// Returns whether events about this subject can count.
fn is_counted(subject: &Subject) -> bool {
    match subject {
        Subject::Customer(_)
        | Subject::Order(..)
        | Subject::Activity(..)
        | Subject::Message(..) => true,
        Subject::Segment(_)
        | Subject::Campaign(_)
        | Subject::View(_)
        | Subject::User(_)
        | Subject::ApiKey(_)
        | Subject::Refusals(_)
        | Subject::Assistance(_)
        | Subject::Log(_)
        | Subject::Quarantine(_)
        | Subject::Demo
        | Subject::Import(_)
        | Subject::Address(_)
        | Subject::Claim(..)
        | Subject::Merges => false,
    }
}

impl AnyView for DailyFigures {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn fold_version(&self) -> i32 {
        2
    }

    fn is_per_commit(&self) -> bool {
        false
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn document_of(&self, entry: &SharedEntry) -> Option<String> {
        match entry.subject() {
            Ok(subject) => {
                is_counted(subject).then(|| document_id(UNKNOWN_DAY, entry.position().partition))
            }
            Err(ReadError::Malformed(_)) => Some(entry.key().to_owned()),
            Err(ReadError::Unknown(_)) => None,
        }
    }

    fn may_touch(&self, entry: &SharedEntry, _: &HashSet<String>) -> bool {
        entry.subject().is_ok_and(is_counted)
    }

    fn read(
        &self,
        entry: &SharedEntry,
        zone: Tz,
        inputs: &mut Vec<FoldInput>,
    ) -> Result<(), ReadError> {
        let subject = entry.subject()?;
        if !is_counted(subject) && Event::is_known(subject, entry.tag()) {
            return Ok(());
        }
        let event = entry.recorded()?;
        for (day, _) in fold::changes(&event, zone).iter() {
            inputs.push(FoldInput {
                document: document_id(day, event.position.partition),
                position: event.position,
                begins: false,
                content: InputContent::Event(event.clone()),
            });
        }
        Ok(())
    }

    fn fold(
        &self,
        before: &DocumentBefore<'_>,
        events: &[&FoldInput],
    ) -> Result<FoldOutcome, (usize, FoldError)> {
        let id = events.first().map_or("", |event| &*event.document);
        let (day, _) = id.split_once('/').unwrap_or_default();
        let day: NaiveDate = day
            .parse()
            .map_err(|_| (0, FoldError(format!("{id} is not the figures of a day"))))?;
        let zone = before.zone;
        let folded = fold_bson(before.document, events, |document, content| match content {
            InputContent::Event(event) => fold::fold(document, day, event, zone),
            other => Err(not_read(other)),
        });
        Ok(DocumentAfter::whole(folded?, events.len()))
    }

    /// Returns none: a range of days is a range of ids.
    fn indexes(&self) -> Vec<IndexModel> {
        Vec::new()
    }
}
