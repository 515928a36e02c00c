use std::collections::BTreeMap;

use chrono_tz::Tz;
use domain::{
    ActivityContent, ActivityEvent, Amount, BounceKind, Change, Channel, Currency, CustomerChanges,
    CustomerEvent, Event, LoggedEvent, MessageContent, MessageEvent, MessageStatus, Name,
    Occurrence, OrderContent, OrderEvent, OrderStatus, PersonalContent, Receipt, ReceiptKind,
    Subject, Suppression, SuppressionReason, TemplateIdentity, TemplateValues, Text, TextDigest,
    Timestamp,
};

use super::fold::{changes, fold};
use super::*;
use crate::views::history::history;

fn text<const MAX: usize>(text: &str) -> Text<MAX> {
    text.to_owned().try_into().unwrap()
}

fn at(time: &str) -> Timestamp {
    Timestamp::try_from(time).unwrap()
}

/// Returns what the last of these events changes, as `day: figures`. The first
/// event is recorded at 1970-01-01T00:00:01Z.
fn changed<E: LoggedEvent>(key: &str, event: E, wrap: fn(E) -> Event) -> Vec<String> {
    changed_in(Tz::UTC, key, event, wrap)
}

fn changed_in<E: LoggedEvent>(zone: Tz, key: &str, event: E, wrap: fn(E) -> Event) -> Vec<String> {
    let subject = Subject::parse(key).unwrap();
    let event = history(&subject, vec![event], wrap).remove(0);
    let shown = |(day, figures): (NaiveDate, DayFigures)| format!("{day}: {}", shown(figures));
    changes(&event, zone).iter().map(shown).collect()
}

/// Shows the figures that are not 0.
fn shown(figures: DayFigures) -> String {
    let all = serde_json::to_value(figures).unwrap();
    let all: BTreeMap<String, i64> = serde_json::from_value(all).unwrap();
    let some = all.into_iter().filter(|(_, count)| *count != 0);
    let words: Vec<String> = some
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    words.join(", ")
}

fn order(cents: i64, placed_at: &str, status: OrderStatus) -> OrderContent {
    OrderContent {
        amount: Amount::try_from(cents).unwrap(),
        refunded_amount: Amount::default(),
        currency: Currency::try_from("USD").unwrap(),
        placed_at: at(placed_at),
        status,
        items: Vec::new(),
        updated_at: None,
    }
}

fn updated(before: &OrderContent, content: OrderContent) -> Vec<String> {
    let previous = before.figures();
    let event = OrderEvent::Updated { content, previous };
    changed("order/c-1/o-1", event, Event::Order)
}

#[test]
fn an_order_counts_on_the_day_it_was_placed_until_it_is_refunded() {
    let placed = order(250, "2026-03-01T12:00:00Z", OrderStatus::Placed);
    let event = OrderEvent::Placed(placed.clone());
    let counted = changed("order/c-1/o-1", event, Event::Order);
    assert_eq!(counted, ["2026-03-01: orders 1, revenue 250"]);
    let refunded = order(250, "2026-03-01T12:00:00Z", OrderStatus::Refunded);
    let taken_back = updated(&placed, refunded.clone());
    assert_eq!(taken_back, ["2026-03-01: orders -1, revenue -250"]);
    let event = OrderEvent::Placed(refunded.clone());
    assert_eq!(changed("order/c-1/o-1", event, Event::Order), [""; 0]);
    let back = updated(&refunded, placed);
    assert_eq!(back, ["2026-03-01: orders 1, revenue 250"]);
}

#[test]
fn an_order_that_moves_changes_both_days() {
    let before = order(250, "2026-03-01T12:00:00Z", OrderStatus::Placed);
    let moved = updated(
        &before,
        order(300, "2026-03-05T12:00:00Z", OrderStatus::Placed),
    );
    let both = [
        "2026-03-01: orders -1, revenue -250",
        "2026-03-05: orders 1, revenue 300",
    ];
    assert_eq!(moved, both);
    let later = order(300, "2026-03-01T13:00:00Z", OrderStatus::Placed);
    assert_eq!(updated(&before, later), ["2026-03-01: revenue 50"]);
    let same = order(250, "2026-03-01T13:00:00Z", OrderStatus::Placed);
    assert_eq!(updated(&before, same), [""; 0], "no figure changes");
}

#[test]
fn an_activity_counts_on_its_day_whatever_its_name() {
    let name = |name: &str| Name::try_from(name.to_owned()).unwrap();
    let content = |time: &str| ActivityContent {
        name: name("visit"),
        occurred_at: at(time),
        properties: Default::default(),
        updated_at: None,
    };
    let recorded = ActivityEvent::Recorded(content("2026-03-01T12:00:00Z"));
    let counted = changed("activity/c-1/e-1", recorded, Event::Activity);
    assert_eq!(counted, ["2026-03-01: activity 1"]);
    let moved = |time: &str| {
        let previous = Occurrence {
            name: name("click"),
            occurred_at: at("2026-03-01T12:00:00Z"),
        };
        let content = content(time);
        let event = ActivityEvent::Updated { content, previous };
        changed("activity/c-1/e-1", event, Event::Activity)
    };
    let both = ["2026-03-01: activity -1", "2026-03-02: activity 1"];
    assert_eq!(moved("2026-03-02T12:00:00Z"), both);
    assert_eq!(moved("2026-03-01T18:00:00Z"), [""; 0]);
}

#[test]
fn a_customer_counts_once_on_the_day_of_registration() {
    let profile = |registered_at| CustomerChanges {
        registered_at,
        ..CustomerChanges::default()
    };
    let registered = |time| {
        let event = CustomerEvent::Registered(profile(time));
        changed("customer/c-1", event, Event::Customer)
    };
    let given = Change::Set(at("2025-06-01T09:00:00Z"));
    assert_eq!(registered(given), ["2025-06-01: customers 1"]);
    assert_eq!(registered(Change::Keep), ["1970-01-01: customers 1"]);
    let event = CustomerEvent::Updated(profile(given));
    assert_eq!(changed("customer/c-1", event, Event::Customer), [""; 0]);
}

#[test]
fn days_are_those_of_the_zone_except_for_dates_without_a_time() {
    let placed = |time: &str| {
        let event = OrderEvent::Placed(order(1, time, OrderStatus::Placed));
        changed_in(Tz::America__New_York, "order/c-1/o-1", event, Event::Order)
    };
    let count = |day: &str| vec![format!("{day}: orders 1, revenue 1")];
    assert_eq!(placed("2026-03-02T04:59:59Z"), count("2026-03-01"));
    assert_eq!(placed("2026-03-02T05:00:00Z"), count("2026-03-02"));
    assert_eq!(placed("2026-03-02T00:00:00Z"), count("2026-03-02"));
    let delivered = receipt(true, "2026-03-02T00:00:00Z", MessageStatus::Sent);
    let zone = Tz::America__New_York;
    let exact = changed_in(zone, "message/c-1/cmp_1", delivered, Event::Message);
    assert_eq!(exact, ["2026-03-01: delivered 1"]);
}

fn receipt(arrived: bool, occurred_at: &str, from: MessageStatus) -> MessageEvent {
    let kind = match arrived {
        true => ReceiptKind::Delivered,
        false => ReceiptKind::Failed,
    };
    receipt_of(kind, occurred_at, from)
}

fn receipt_of(kind: ReceiptKind, occurred_at: &str, from: MessageStatus) -> MessageEvent {
    let receipt = Receipt::new(kind, text("v-1"), at(occurred_at));
    let unsuppressed = SuppressionReason::Cancelled;
    let unsuppressed = (from == MessageStatus::Suppressed).then_some(unsuppressed);
    MessageEvent::receipted(receipt, None, from, unsuppressed)
}

fn message(event: MessageEvent) -> Vec<String> {
    changed("message/c-1/cmp_1", event, Event::Message)
}

#[test]
fn a_message_counts_when_something_happens_to_it() {
    use MessageStatus::{
        Bounced, Delivered, Failed, Queued, Rejected, Sent, Suppressed, Unconfirmed, Undeliverable,
    };
    let queued = MessageEvent::Queued(MessageContent {
        channel: Channel::Phone,
        to: text("+39 02"),
        template: TemplateIdentity {
            digest: TextDigest::of("Hi"),
            rules: 1,
        },
        content: PersonalContent {
            values: TemplateValues::default(),
            digest: TextDigest::of("Hi"),
        },
    });
    let why = Suppression::NoAddress;
    let suppressed = MessageEvent::Suppressed { why, from: None };
    let sent = MessageEvent::Sent {
        handover: text("v-1").into(),
        from: Queued,
        unsuppressed: None,
    };
    let problem = text("too often");
    let given_up = MessageEvent::Undeliverable {
        problem,
        from: Queued,
    };
    let problem = text("unknown_recipient");
    let rejected = MessageEvent::Rejected {
        problem,
        from: Queued,
    };
    let unconfirmed = MessageEvent::Unconfirmed { from: Sent };
    let requeued = MessageEvent::Requeued {
        from: Undeliverable,
    };
    // Recorded on 1970-01-01; receipts are of another day.
    let of_day = |figures: &str| vec![format!("1970-01-01: {figures}")];
    assert_eq!(message(queued), [""; 0]);
    assert_eq!(message(suppressed), of_day("suppressed 1"));
    assert_eq!(message(sent), of_day("sent 1"));
    assert_eq!(message(given_up), of_day("failed 1"));
    assert_eq!(message(rejected), of_day("failed 1"));
    assert_eq!(message(unconfirmed), [""; 0], "it still counts as sent");
    assert_eq!(message(requeued), [""; 0]);

    let bounced = |from| {
        let kind = ReceiptKind::Bounced(BounceKind::Hard);
        message(receipt_of(kind, "2026-03-02T08:00:00Z", from))
    };
    let complained = receipt_of(ReceiptKind::Complained, "2026-03-02T08:00:00Z", Delivered);
    assert_eq!(message(complained), [""; 0]);
    let receipt = |arrived, from| message(receipt(arrived, "2026-03-02T08:00:00Z", from));
    let of_day = |figures: &str| vec![format!("2026-03-02: {figures}")];
    assert_eq!(receipt(true, Sent), of_day("delivered 1"));
    assert_eq!(receipt(false, Sent), of_day("failed 1"));
    assert_eq!(receipt(true, Failed), of_day("delivered 1"));
    assert_eq!(receipt(false, Delivered), of_day("failed 1"));
    assert_eq!(receipt(true, Delivered), [""; 0], "only its time changes");
    assert_eq!(receipt(false, Failed), [""; 0], "only its time changes");
    assert_eq!(bounced(Delivered), of_day("failed 1"));
    assert_eq!(receipt(true, Unconfirmed), of_day("delivered 1"));
    assert_eq!(bounced(Failed), [""; 0], "it has failed already");
    assert_eq!(receipt(false, Bounced), [""; 0], "it has failed already");
    // The receipt is the first that is heard of the vendor's acceptance.
    for unsent in [Queued, Undeliverable, Suppressed, Rejected] {
        assert_eq!(receipt(true, unsent), of_day("delivered 1, sent 1"));
    }
}

#[test]
fn a_fold_takes_the_changes_of_its_own_day() {
    let before = order(250, "2026-03-01T12:00:00Z", OrderStatus::Placed);
    let placed = OrderEvent::Placed(before.clone());
    let content = order(300, "2026-03-05T12:00:00Z", OrderStatus::Placed);
    let moved = OrderEvent::Updated {
        content,
        previous: before.figures(),
    };
    let subject = Subject::parse("order/c-1/o-1").unwrap();
    let events = history(&subject, vec![placed, moved], Event::Order);
    let folded = |day: &str| {
        let day = day.parse().unwrap();
        let fold = |document, event| fold(document, day, event, Tz::UTC).map(Some);
        events.iter().try_fold(None, fold).unwrap().unwrap()
    };
    let first = folded("2026-03-01");
    assert_eq!(
        (&*first.day, first.figures),
        ("2026-03-01", DayFigures::default())
    );
    assert_eq!(shown(folded("2026-03-05").figures), "orders 1, revenue 300");
}

#[test]
fn a_figure_beyond_64_bits_is_rejected() {
    let full = DailyFiguresDocument {
        day: "2026-03-01".to_owned(),
        figures: DayFigures {
            revenue: i64::MAX,
            ..DayFigures::default()
        },
    };
    let subject = Subject::parse("order/c-1/o-1").unwrap();
    let placed = OrderEvent::Placed(order(1, "2026-03-01T12:00:00Z", OrderStatus::Placed));
    let event = history(&subject, vec![placed], Event::Order).remove(0);
    let day = "2026-03-01".parse().unwrap();
    let rejected = fold(Some(full), day, &event, Tz::UTC).unwrap_err();
    assert_eq!(rejected.0, "a figure of 2026-03-01 exceeds 64 bits");
}
