//! What each event does to a customer's document.

use chrono_tz::Tz;
use domain::{
    ActivityContent, ActivityEvent, AttributeChanges, Change, CustomerEvent, CustomerId, Event,
    Figures, Occurrence, OrderEvent,
};

use super::buckets::Buckets;
use super::days::day_of;
use super::document::CustomerDocument;
use super::times::{Limits, Unsettled};
use crate::Recorded;
use crate::date::date;
use crate::view::FoldError;

/// What a fold works with beside a customer and an event.
pub(super) struct Around<'a> {
    pub(super) limits: &'a Limits,
    /// The deployment's time zone.
    pub(super) zone: Tz,
    pub(super) buckets: Buckets<'a>,
}

pub(super) fn fold(
    document: Option<CustomerDocument>,
    event: &Recorded,
    around: &mut Around<'_>,
) -> Result<CustomerDocument, Unsettled> {
    let mut document = document.unwrap_or_default();
    around.buckets.begin(event);
    match &event.event {
        Event::Customer(event) => customer(&mut document, event),
        Event::Order(event) => order(&mut document, event, around)?,
        Event::Activity(event) => activity(&mut document, event, around)?,
        Event::View(_)
        | Event::Segment(_)
        | Event::Campaign(_)
        | Event::Message(_)
        | Event::User(_)
        | Event::ApiKey(_)
        | Event::Refusal(_)
        | Event::Assistance(_)
        | Event::Log(_)
        | Event::Quarantine(_) => {}
    }
    if let Some(id) = event.subject.customer() {
        document.search = search(id, &document);
    }
    Ok(document)
}

fn customer(document: &mut CustomerDocument, event: &CustomerEvent) {
    let changes = event.changes().clone();
    document.registered = true;
    set(&mut document.name, changes.profile.name);
    set(&mut document.email, changes.profile.email);
    set(&mut document.phone, changes.profile.phone);
    set(&mut document.city, changes.city);
    set(&mut document.country, changes.country);
    attributes(document, changes.profile.attributes);
    match changes.tags {
        Change::Keep => {}
        Change::Clear => document.tags.clear(),
        Change::Set(tags) => document.tags = tags.into_iter().map(String::from).collect(),
    }
    match changes.registered_at {
        Change::Keep => {}
        Change::Clear => document.registered_at = None,
        Change::Set(time) => document.registered_at = Some(date(time)),
    }
    match changes.unsubscribed {
        Change::Keep => {}
        Change::Clear => document.unsubscribed = false,
        Change::Set(unsubscribed) => document.unsubscribed = unsubscribed,
    }
    document.derive();
}

fn set<T: Into<String>>(field: &mut Option<String>, change: Change<T>) {
    match change {
        Change::Keep => {}
        Change::Clear => *field = None,
        Change::Set(value) => *field = Some(value.into()),
    }
}

fn attributes(document: &mut CustomerDocument, change: Change<AttributeChanges>) {
    let changes = match change {
        Change::Keep => return,
        Change::Clear => return document.attributes.clear(),
        Change::Set(changes) => changes,
    };
    for (key, change) in changes {
        match change {
            Change::Keep => {}
            Change::Clear => {
                document.attributes.remove(key.as_str());
            }
            Change::Set(value) => {
                document.attributes.insert(key.into(), value);
            }
        }
    }
}

fn order(
    document: &mut CustomerDocument,
    event: &OrderEvent,
    around: &mut Around<'_>,
) -> Result<(), Unsettled> {
    if let Some(previous) = event.previous() {
        take_back(document, previous, around)?;
    }
    count_in(document, event.content().figures(), around)?;
    let mut orders = around.buckets.of_orders();
    document.order_times.settle(around.limits, &mut orders)?;
    document.parts += orders.inserted();
    document.first_order_at = document.order_times.first().map(date);
    document.last_order_at = document.order_times.last().map(date);
    document.average_order_value = average(document.total_spend, document.order_count);
    Ok(())
}

fn count_in(
    document: &mut CustomerDocument,
    figures: Figures,
    around: &Around<'_>,
) -> Result<(), FoldError> {
    if figures.counts() {
        document.total_spend = document
            .total_spend
            .checked_add(figures.amount.minor())
            .ok_or_else(|| FoldError("the customer's spend passes 64 bits".to_owned()))?;
        document.order_count += 1;
        document.order_times.insert(figures.placed_at);
        let day = day_of(figures.placed_at, around.zone);
        document.order_days.add(day, figures.amount.minor());
    }
    Ok(())
}

fn take_back(
    document: &mut CustomerDocument,
    figures: Figures,
    around: &Around<'_>,
) -> Result<(), Unsettled> {
    if figures.counts() {
        document.order_times.remove(figures.placed_at)?;
        document.total_spend -= figures.amount.minor();
        document.order_count -= 1;
        let day = day_of(figures.placed_at, around.zone);
        document.order_days.take_back(day, figures.amount.minor());
    }
    Ok(())
}

/// Rounded half up; neither is ever negative.
pub(super) fn average(total: i64, count: i64) -> Option<i64> {
    (count > 0).then(|| total / count + i64::from(total % count * 2 >= count))
}

fn activity(
    document: &mut CustomerDocument,
    event: &ActivityEvent,
    around: &mut Around<'_>,
) -> Result<(), Unsettled> {
    let content = event.content();
    let previous = event.previous();
    if let Some(previous) = previous {
        forget(document, previous, around)?;
    }
    note(document, content, around);
    let before = previous.map(|previous| previous.name.as_str());
    let before = before.filter(|name| *name != content.name.as_str());
    for name in before.into_iter().chain([content.name.as_str()]) {
        settle(document, name, around)?;
    }
    Ok(())
}

fn note(document: &mut CustomerDocument, content: &ActivityContent, around: &Around<'_>) {
    let name = content.name.as_str();
    let known = document.events.contains_key(name);
    if !known && document.events.len() >= CustomerDocument::MAX_EVENT_NAMES {
        document.other_events += 1;
        return;
    }
    let facts = document.events.entry(name.to_owned()).or_default();
    facts.count += 1;
    facts.times.insert(content.occurred_at);
    facts.days.add(day_of(content.occurred_at, around.zone), 0);
}

/// Takes an activity back out. Under a name that has no facts it was counted
/// among the others.
fn forget(
    document: &mut CustomerDocument,
    previous: &Occurrence,
    around: &Around<'_>,
) -> Result<(), Unsettled> {
    let Some(facts) = document.events.get_mut(previous.name.as_str()) else {
        document.other_events -= 1;
        return Ok(());
    };
    facts.times.remove(previous.occurred_at)?;
    facts.count -= 1;
    let day = day_of(previous.occurred_at, around.zone);
    facts.days.take_back(day, 0);
    Ok(())
}

fn settle(
    document: &mut CustomerDocument,
    name: &str,
    around: &mut Around<'_>,
) -> Result<(), Unsettled> {
    let Some(facts) = document.events.get_mut(name) else {
        return Ok(());
    };
    let mut events = around.buckets.of_events(name);
    facts.times.settle(around.limits, &mut events)?;
    document.parts += events.inserted();
    facts.last_at = facts.times.last().map(date);
    Ok(())
}

impl From<FoldError> for Unsettled {
    fn from(error: FoldError) -> Self {
        Self::Unfit(error)
    }
}

fn search(id: &CustomerId, document: &CustomerDocument) -> Vec<String> {
    let texts = [
        Some(id.as_str()),
        document.name.as_deref(),
        document.email.as_deref(),
    ];
    texts.into_iter().flatten().map(str::to_lowercase).collect()
}
