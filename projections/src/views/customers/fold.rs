//! Fold of the view `customers`: applies an event to a customer's document.

use chrono_tz::Tz;
use domain::{
    ActivityContent, ActivityEvent, AttributeChanges, Change, CustomerChanges, CustomerEvent,
    Event, Figures, MAX_TAGS, Move, Occurrence, OrderEvent,
};

use super::buckets::Buckets;
use super::days::day_of;
use super::document::{CustomerDocument, MergeState};
use super::times::{FoldStop, TimesLimits};
use crate::runtime::date::date;
use crate::runtime::recorded::Recorded;
use crate::runtime::view::FoldError;

/// Settings and buckets that a fold needs in addition to the document and the
/// event.
pub(crate) struct FoldContext<'a> {
    pub(crate) limits: &'a TimesLimits,
    /// Time zone of the deployment, which determines days.
    pub(crate) zone: Tz,
    pub(crate) buckets: Buckets<'a>,
}

pub(crate) fn fold(
    document: Option<CustomerDocument>,
    event: &Recorded,
    context: &mut FoldContext<'_>,
) -> Result<CustomerDocument, FoldStop> {
    let mut document = document.unwrap_or_default();
    context.buckets.begin_event(event);
    match &event.event {
        Event::Customer(event) => apply_customer(&mut document, event),
        Event::Order(event) => apply_order(&mut document, event, context)?,
        Event::Activity(event) => apply_activity(&mut document, event, context)?,
        Event::View(_)
        | Event::Segment(_)
        | Event::Campaign(_)
        | Event::Message(_)
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
    follow_merge(&mut document, event);
    if let Some(id) = event.subject.customer() {
        let texts = [
            Some(id.as_str()),
            document.name.as_deref(),
            document.email.as_deref(),
        ];
        let terms = texts.into_iter().flatten().map(str::to_lowercase);
        document.search = terms.collect();
    }
    Ok(document)
}

/// Records what is still to be copied to the customer into whom this one was merged.
fn follow_merge(document: &mut CustomerDocument, event: &Recorded) {
    // An event's number in its partition fits, since it counts events.
    let number = event.position.number as i64;
    match &event.event {
        Event::Customer(CustomerEvent::Merged { into }) => {
            document.merged = Some(MergeState {
                into: into.as_str().to_owned(),
                open: Some(number),
            });
        }
        Event::Customer(CustomerEvent::Forwarded { up_to }) => {
            if let Some(merged) = &mut document.merged {
                merged.open = merged.open.filter(|open| *open > *up_to as i64);
            }
        }
        // Moving an order with its customer is a part of copying.
        Event::Order(OrderEvent::Moved {
            how: Move::WithCustomer | Move::LeftOut,
            ..
        }) => {}
        _ => {
            if let Some(merged) = &mut document.merged {
                merged.open = Some(number);
            }
        }
    }
}

fn apply_customer(document: &mut CustomerDocument, event: &CustomerEvent) {
    let Some(changes) = event.changes() else {
        return;
    };
    document.registered = true;
    apply_changes(document, changes.clone());
    if let CustomerEvent::Absorbed(absorbed) = event {
        let mut tags = std::mem::take(&mut document.tags);
        for tag in absorbed.tags.iter().map(|tag| tag.as_str()) {
            if tags.len() < MAX_TAGS && !tags.iter().any(|known| known == tag) {
                tags.push(tag.to_owned());
            }
        }
        tags.sort_unstable();
        document.tags = tags;
    }
    document.derive();
}

fn apply_changes(document: &mut CustomerDocument, changes: CustomerChanges) {
    set_text(&mut document.name, changes.profile.name);
    set_text(&mut document.email, changes.profile.email);
    set_text(&mut document.phone, changes.profile.phone);
    set_text(&mut document.addresses.email, changes.addresses.email);
    set_text(&mut document.addresses.phone, changes.addresses.phone);
    set_text(&mut document.city, changes.city);
    set_text(&mut document.country, changes.country);
    apply_attributes(document, changes.profile.attributes);
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
}

fn set_text<T: Into<String>>(field: &mut Option<String>, change: Change<T>) {
    match change {
        Change::Keep => {}
        Change::Clear => *field = None,
        Change::Set(value) => *field = Some(value.into()),
    }
}

fn apply_attributes(document: &mut CustomerDocument, change: Change<AttributeChanges>) {
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

fn apply_order(
    document: &mut CustomerDocument,
    event: &OrderEvent,
    context: &mut FoldContext<'_>,
) -> Result<(), FoldStop> {
    if let Some(previous) = event.previous() {
        uncount_order(document, previous, context)?;
    }
    if let Some(figures) = event.figures() {
        count_order(document, figures, context)?;
    }
    let mut orders = context.buckets.of_orders();
    document
        .order_times
        .rebalance(context.limits, &mut orders)?;
    document.parts += orders.inserted();
    document.first_order_at = document.order_times.first().map(date);
    document.last_order_at = document.order_times.last().map(date);
    document.average_order_value = average(document.total_spend, document.order_count);
    Ok(())
}

fn count_order(
    document: &mut CustomerDocument,
    figures: Figures,
    context: &FoldContext<'_>,
) -> Result<(), FoldError> {
    if figures.counts() {
        let gross = document.gross_spend().checked_add(figures.amount.minor());
        gross.ok_or_else(|| FoldError("the customer's total spend exceeds 64 bits".to_owned()))?;
        document.total_spend += figures.net_amount();
        document.refunded += figures.refunded_amount.minor();
        document.order_count += 1;
        document.order_times.insert(figures.placed_at);
        let day = day_of(figures.placed_at, context.zone);
        document.order_days.add(day, figures.net_amount());
    }
    Ok(())
}

fn uncount_order(
    document: &mut CustomerDocument,
    figures: Figures,
    context: &FoldContext<'_>,
) -> Result<(), FoldStop> {
    if figures.counts() {
        document.order_times.remove(figures.placed_at)?;
        document.total_spend -= figures.net_amount();
        document.refunded -= figures.refunded_amount.minor();
        document.order_count -= 1;
        let day = day_of(figures.placed_at, context.zone);
        document.order_days.subtract(day, figures.net_amount());
    }
    Ok(())
}

/// Returns `total / count` rounded half up, `None` for a count of 0. Neither is
/// ever negative.
pub(crate) fn average(total: i64, count: i64) -> Option<i64> {
    (count > 0).then(|| total / count + i64::from(total % count * 2 >= count))
}

fn apply_activity(
    document: &mut CustomerDocument,
    event: &ActivityEvent,
    context: &mut FoldContext<'_>,
) -> Result<(), FoldStop> {
    let content = event.content();
    let previous = event.previous();
    if let Some(previous) = previous {
        uncount_activity(document, previous, context)?;
    }
    count_activity(document, content, context);
    // An update may rename the activity, which changes the times of both names.
    let name = content.name.as_folded();
    let before = previous.map(|previous| previous.name.as_folded());
    let before = before.filter(|before| *before != name);
    for name in before.into_iter().chain([name]) {
        let Some(facts) = document.events.get_mut(name.as_ref()) else {
            continue;
        };
        let mut events = context.buckets.of_events(&name);
        facts.times.rebalance(context.limits, &mut events)?;
        document.parts += events.inserted();
        facts.last_at = facts.times.last().map(date);
    }
    Ok(())
}

fn count_activity(
    document: &mut CustomerDocument,
    content: &ActivityContent,
    context: &FoldContext<'_>,
) {
    let name = content.name.as_folded();
    let known = document.events.contains_key(name.as_ref());
    if !known && document.events.len() >= CustomerDocument::MAX_EVENT_NAMES {
        document.other_events += 1;
        return;
    }
    let facts = document.events.entry(name.into_owned()).or_default();
    facts.count += 1;
    facts.times.insert(content.occurred_at);
    facts.days.add(day_of(content.occurred_at, context.zone), 0);
}

/// Removes an activity from the document. An activity under a name without
/// facts was counted in `other_events`.
fn uncount_activity(
    document: &mut CustomerDocument,
    previous: &Occurrence,
    context: &FoldContext<'_>,
) -> Result<(), FoldStop> {
    let Some(facts) = document.events.get_mut(previous.name.as_folded().as_ref()) else {
        document.other_events -= 1;
        return Ok(());
    };
    facts.times.remove(previous.occurred_at)?;
    facts.count -= 1;
    let day = day_of(previous.occurred_at, context.zone);
    facts.days.subtract(day, 0);
    Ok(())
}

impl From<FoldError> for FoldStop {
    fn from(error: FoldError) -> Self {
        Self::Invalid(error)
    }
}
