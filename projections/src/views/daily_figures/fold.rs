//! Fold of the view `daily_figures`: adds what an event changes to the figures of
//! a day.

use chrono::NaiveDate;
use chrono_tz::Tz;
use domain::{
    ActivityEvent, Change, CustomerEvent, Event, Figures, MessageEvent, MessageStatus, OrderEvent,
    Timestamp,
};

use super::document::{DailyFiguresDocument, DayFigures};
use crate::runtime::recorded::Recorded;
use crate::runtime::view::FoldError;
use crate::views::customers::days::{date_in, date_of};

/// Changes of the figures of at most two days.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes([Option<(NaiveDate, DayFigures)>; 2]);

impl Changes {
    /// Returns the days whose figures change, and the changes.
    pub(super) fn iter(&self) -> impl Iterator<Item = (NaiveDate, DayFigures)> {
        let changes = self.0.iter().flatten().copied();
        changes.filter(|(_, change)| *change != DayFigures::default())
    }

    fn add(&mut self, day: NaiveDate, change: DayFigures) {
        for place in &mut self.0 {
            match place {
                // One event changes no figure by more than an order's amount,
                // so the sum does not overflow.
                Some((known, sum)) if *known == day => {
                    *sum = sum.plus(&change).unwrap_or(*sum);
                    return;
                }
                Some(_) => {}
                None => {
                    *place = Some((day, change));
                    return;
                }
            }
        }
    }
}

/// Returns the document of a day after an event.
pub(super) fn fold(
    document: Option<DailyFiguresDocument>,
    day: NaiveDate,
    event: &Recorded,
    zone: Tz,
) -> Result<DailyFiguresDocument, FoldError> {
    let mut document = document.unwrap_or_else(|| DailyFiguresDocument {
        day: day.to_string(),
        figures: DayFigures::default(),
    });
    for (of, change) in changes(event, zone).iter() {
        if of == day {
            let figures = document.figures.plus(&change);
            document.figures =
                figures.ok_or_else(|| FoldError(format!("a figure of {day} exceeds 64 bits")))?;
        }
    }
    Ok(document)
}

/// Returns what an event changes. This depends on the event alone, so documents
/// do not depend on the order of events.
pub(super) fn changes(event: &Recorded, zone: Tz) -> Changes {
    let mut changes = Changes::default();
    let recorded_at = event.metadata.at;
    match &event.event {
        Event::Customer(CustomerEvent::Registered(profile)) => {
            let day = match profile.registered_at {
                Change::Set(at) => date_of(at, zone),
                Change::Keep | Change::Clear => date_in(recorded_at, zone),
            };
            let customers = 1;
            changes.add(
                day,
                DayFigures {
                    customers,
                    ..DayFigures::default()
                },
            );
        }
        Event::Order(order) => count_order(&mut changes, order, zone),
        // The day has counted it for the customer under whom it was recorded.
        Event::Activity(ActivityEvent::Received { .. }) => {}
        Event::Activity(happened) => {
            let before = happened
                .previous()
                .map(|previous| (previous.occurred_at, -1));
            let after = Some((happened.content().occurred_at, 1));
            for (at, activity) in before.into_iter().chain(after) {
                let change = DayFigures {
                    activity,
                    ..DayFigures::default()
                };
                changes.add(date_of(at, zone), change);
            }
        }
        Event::Message(message) => count_message(&mut changes, message, recorded_at, zone),
        // A later profile does not say what `registered_at` was before, so it
        // cannot move the customer to another day.
        Event::Customer(
            CustomerEvent::Updated(_)
            | CustomerEvent::Merged { .. }
            | CustomerEvent::Forwarded { .. }
            | CustomerEvent::Absorbed(_),
        )
        | Event::View(_)
        | Event::Segment(_)
        | Event::Campaign(_)
        | Event::User(_)
        | Event::ApiKey(_)
        | Event::Refusal(_)
        | Event::Assistance(_)
        | Event::Log(_)
        | Event::Quarantine(_)
        | Event::Demo(_)
        | Event::Import(_)
        | Event::Address(_)
        | Event::Claim(_)
        | Event::Merges(_) => {}
    }
    changes
}

fn count_order(changes: &mut Changes, order: &OrderEvent, zone: Tz) {
    let mut add = |figures: Figures, orders: i64| {
        if figures.counts() {
            let change = DayFigures {
                orders,
                revenue: orders * figures.net_amount(),
                refunded: orders * figures.refunded_amount.minor(),
                ..DayFigures::default()
            };
            changes.add(date_of(figures.placed_at, zone), change);
        }
    };
    if let Some(previous) = order.previous() {
        add(previous, -1);
    }
    if let Some(figures) = order.figures() {
        add(figures, 1);
    }
}

/// Counts what happened to a message. The times of earlier events of the message
/// are not known here, so nothing is taken back.
fn count_message(changes: &mut Changes, event: &MessageEvent, recorded_at: Timestamp, zone: Tz) {
    let before = event.from();
    // Times of messages are exact, so midnight is an instant like any other.
    let at = event
        .receipt()
        .map_or(recorded_at, |receipt| receipt.occurred_at);
    let mut change = DayFigures::default();
    let had_failed = matches!(before, Some(MessageStatus::Failed | MessageStatus::Bounced));
    match event {
        MessageEvent::Suppressed { .. } => change.suppressed = 1,
        MessageEvent::Sent { .. } => change.sent = 1,
        MessageEvent::Undeliverable { .. } | MessageEvent::Rejected { .. } => change.failed = 1,
        // A later receipt of the same outcome only corrects the time.
        MessageEvent::Delivered(_) if before != Some(MessageStatus::Delivered) => {
            change.delivered = 1;
        }
        MessageEvent::Failed(_) | MessageEvent::Bounced { .. } if !had_failed => change.failed = 1,
        MessageEvent::Queued(_)
        | MessageEvent::Attempted(_)
        | MessageEvent::Requeued { .. }
        | MessageEvent::Delivered(_)
        | MessageEvent::Failed(_)
        | MessageEvent::Bounced { .. }
        | MessageEvent::Unconfirmed { .. }
        | MessageEvent::Complained(_)
        | MessageEvent::Deferred(_)
        | MessageEvent::Opened(_)
        | MessageEvent::Clicked { .. }
        | MessageEvent::ReceiptRefused(_) => {}
    }
    // The acceptance of an accepted message has been counted.
    if event.receipt().is_some() && !before.is_some_and(MessageStatus::is_accepted) {
        change.sent = 1;
    }
    changes.add(date_in(at, zone), change);
}
