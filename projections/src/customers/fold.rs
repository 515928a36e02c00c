//! What each event does to a customer's document.

use domain::{
    ActivityEvent, AttributeChanges, Change, CustomerEvent, CustomerId, Event, Figures, Name,
    OrderEvent, Timestamp,
};

use super::document::CustomerDocument;
use crate::Recorded;
use crate::date::date;
use crate::view::FoldError;

pub(super) fn fold(
    document: Option<CustomerDocument>,
    event: &Recorded,
) -> Result<CustomerDocument, FoldError> {
    let mut document = document.unwrap_or_default();
    match &event.event {
        Event::Customer(event) => customer(&mut document, event),
        Event::Order(event) => order(&mut document, event)?,
        Event::Activity(event) => activity(&mut document, event)?,
        Event::View(_)
        | Event::Segment(_)
        | Event::Campaign(_)
        | Event::Message(_)
        | Event::User(_)
        | Event::ApiKey(_)
        | Event::Refusal(_)
        | Event::Assistance(_)
        | Event::Log(_) => {}
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

fn order(document: &mut CustomerDocument, event: &OrderEvent) -> Result<(), FoldError> {
    if let Some(previous) = event.previous() {
        take_back(document, previous)?;
    }
    count_in(document, event.content().figures())?;
    document.first_order_at = document.order_times.first().map(date);
    document.last_order_at = document.order_times.last().map(date);
    document.average_order_value = average(document.total_spend, document.order_count);
    Ok(())
}

fn count_in(document: &mut CustomerDocument, figures: Figures) -> Result<(), FoldError> {
    if figures.counts() {
        document.total_spend = document
            .total_spend
            .checked_add(figures.amount.minor())
            .ok_or_else(|| FoldError("the customer's spend passes 64 bits".to_owned()))?;
        document.order_count += 1;
        document.order_times.insert(figures.placed_at);
    }
    Ok(())
}

fn take_back(document: &mut CustomerDocument, figures: Figures) -> Result<(), FoldError> {
    if figures.counts() {
        document
            .order_times
            .remove(figures.placed_at)
            .map_err(|error| FoldError(error.to_string()))?;
        document.total_spend -= figures.amount.minor();
        document.order_count -= 1;
    }
    Ok(())
}

/// Rounded half up; neither is ever negative.
pub(super) fn average(total: i64, count: i64) -> Option<i64> {
    (count > 0).then(|| total / count + i64::from(total % count * 2 >= count))
}

fn activity(document: &mut CustomerDocument, event: &ActivityEvent) -> Result<(), FoldError> {
    if let Some(previous) = event.previous() {
        forget(document, &previous.name, previous.occurred_at)?;
    }
    let content = event.content();
    let name = content.name.as_str();
    let known = document.events.contains_key(name);
    if !known && document.events.len() >= CustomerDocument::MAX_EVENT_NAMES {
        document.other_events += 1;
        return Ok(());
    }
    let facts = document.events.entry(name.to_owned()).or_default();
    facts.count += 1;
    facts.times.insert(content.occurred_at);
    facts.last_at = facts.times.last().map(date);
    Ok(())
}

/// Takes an activity back out. Under a name that has no facts it was counted
/// among the others.
fn forget(
    document: &mut CustomerDocument,
    name: &Name,
    occurred_at: Timestamp,
) -> Result<(), FoldError> {
    let Some(facts) = document.events.get_mut(name.as_str()) else {
        document.other_events -= 1;
        return Ok(());
    };
    facts
        .times
        .remove(occurred_at)
        .map_err(|error| FoldError(error.to_string()))?;
    facts.count -= 1;
    facts.last_at = facts.times.last().map(date);
    Ok(())
}

fn search(id: &CustomerId, document: &CustomerDocument) -> Vec<String> {
    let texts = [
        Some(id.as_str()),
        document.name.as_deref(),
        document.email.as_deref(),
    ];
    texts.into_iter().flatten().map(str::to_lowercase).collect()
}
