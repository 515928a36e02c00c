use cqrs_es::test::TestFramework;

use super::*;

type AddressTest = TestFramework<Address>;

fn customer(id: &str) -> CustomerId {
    CustomerId::try_from(id).unwrap()
}

fn unsubscribe(id: &str, version: u64) -> AddressCommand {
    let customer = customer(id);
    AddressCommand::Unsubscribe { customer, version }
}

fn resubscribe(id: &str, version: u64) -> AddressCommand {
    let customer = customer(id);
    AddressCommand::Resubscribe { customer, version }
}

fn unsubscribed(id: &str, version: u64) -> AddressEvent {
    let customer = customer(id);
    AddressEvent::Unsubscribed { customer, version }
}

fn resubscribed(id: &str, version: u64) -> AddressEvent {
    let customer = customer(id);
    AddressEvent::Resubscribed { customer, version }
}

fn sent(campaign: u128) -> SentTo {
    SentTo {
        channel: Channel::Email,
        to: Text::try_from("ada@example.com".to_owned()).unwrap(),
        message: MessageId {
            campaign: campaign.into(),
            customer: customer("c-1"),
        },
    }
}

fn day(number: i64) -> Timestamp {
    Timestamp::from_millis(1_767_225_600_000 + number * 24 * 60 * 60 * 1_000).unwrap()
}

fn bounce(kind: BounceKind, campaign: u128, at: i64) -> AddressCommand {
    AddressCommand::RecordBounce {
        kind,
        sent: sent(campaign),
        reason: None,
        at: day(at),
        limit: 3,
    }
}

/// Executes commands one after the other; returns the address and the events.
fn after(commands: Vec<AddressCommand>) -> (Address, Vec<AddressEvent>) {
    let mut address = Address::default();
    let mut all = Vec::new();
    for command in commands {
        for event in address.decide(command) {
            address.apply(event.clone());
            all.push(event);
        }
        let head = serde_json::to_string(&address).unwrap();
        assert_eq!(serde_json::from_str::<Address>(&head).unwrap(), address);
    }
    (address, all)
}

#[test]
fn a_customer_is_put_on_the_list_once() {
    AddressTest::with(())
        .given_no_previous_events()
        .when(unsubscribe("c-1", 1))
        .then_expect_events(vec![unsubscribed("c-1", 1)]);
    AddressTest::with(())
        .given(vec![unsubscribed("c-1", 1)])
        .when(unsubscribe("c-1", 1))
        .then_expect_events(vec![]);
}

#[test]
fn an_address_is_unsubscribed_while_any_customer_is_on_its_list() {
    let (address, _) = after(vec![unsubscribe("c-1", 1), unsubscribe("c-2", 1)]);
    assert!(address.is_unsubscribed());
    let (address, events) = after(vec![
        unsubscribe("c-1", 1),
        unsubscribe("c-2", 1),
        resubscribe("c-1", 2),
    ]);
    assert!(address.is_unsubscribed(), "c-2 is still on the list");
    assert_eq!(events.last(), Some(&resubscribed("c-1", 2)));
    let (address, _) = after(vec![unsubscribe("c-1", 1), resubscribe("c-1", 2)]);
    assert!(!address.is_unsubscribed());
    let (_, events) = after(vec![resubscribe("c-1", 2)]);
    assert_eq!(events, []);
}

#[test]
fn a_lift_that_was_overtaken_has_no_effect() {
    let (address, _) = after(vec![unsubscribe("c-1", 3), resubscribe("c-1", 2)]);
    assert!(address.is_unsubscribed());
}

#[test]
fn an_address_of_very_many_stays_unsubscribed() {
    let ids: Vec<String> = (0..=MAX_UNSUBSCRIBED).map(|n| format!("c-{n}")).collect();
    let on = ids.iter().map(|id| unsubscribe(id, 1));
    let off = ids.iter().map(|id| resubscribe(id, 2));
    let (address, _) = after(on.chain(off).collect());
    assert!(address.is_unsubscribed());
}

#[test]
fn a_hard_bounce_and_a_complaint_list_the_address_once() {
    for (command, detail) in [
        (bounce(BounceKind::Hard, 1, 0), ListedFor::HardBounce),
        (
            AddressCommand::RecordComplaint(sent(1)),
            ListedFor::Complaint,
        ),
    ] {
        let (address, events) = after(vec![command.clone(), command.clone()]);
        assert_eq!(address.listed_for(), Some(detail));
        assert_eq!(events.len(), 2);
        let (address, events) = after(vec![command.clone(), AddressCommand::Unsuppress, command]);
        assert_eq!(address.listed_for(), None, "the receipt was repeated");
        assert_eq!(events.len(), 3);
    }
}

#[test]
fn soft_bounces_list_the_address_if_they_are_many_within_a_month() {
    let soft = |campaign, at| bounce(BounceKind::Soft, campaign, at);
    let (address, _) = after(vec![soft(1, 0), soft(1, 0), soft(2, 1)]);
    assert_eq!(address.listed_for(), None);
    let (address, _) = after(vec![soft(1, 0), soft(2, 1), soft(3, 29)]);
    assert_eq!(address.listed_for(), Some(ListedFor::SoftBounces));
    let (address, _) = after(vec![soft(1, 0), soft(2, 1), soft(3, 30)]);
    assert_eq!(address.listed_for(), None, "the first one is too old");
    let lifted = vec![
        soft(1, 0),
        soft(2, 1),
        soft(3, 2),
        AddressCommand::Unsuppress,
        soft(4, 3),
    ];
    assert_eq!(after(lifted).0.listed_for(), None, "they are counted anew");
}

#[test]
fn an_address_is_listed_by_hand_and_lifted() {
    let suppress = AddressCommand::Suppress {
        channel: Channel::Phone,
        to: Text::try_from("+442079460958".to_owned()).unwrap(),
    };
    let (address, events) = after(vec![suppress.clone(), suppress.clone()]);
    assert_eq!(address.listed_for(), Some(ListedFor::Manual));
    assert_eq!(events.len(), 1);
    let (address, events) = after(vec![
        suppress,
        AddressCommand::Unsuppress,
        AddressCommand::Unsuppress,
    ]);
    assert_eq!(address.listed_for(), None);
    assert_eq!(events.len(), 2);
}

#[test]
fn a_message_that_bounces_softly_first_may_come_back_for_good() {
    let soft = || bounce(BounceKind::Soft, 1, 0);
    let hard = || bounce(BounceKind::Hard, 1, 1);
    let complaint = || AddressCommand::RecordComplaint(sent(1));
    for (worse, detail) in [
        (hard(), ListedFor::HardBounce),
        (complaint(), ListedFor::Complaint),
    ] {
        let (address, events) = after(vec![soft(), worse.clone(), soft(), worse]);
        assert_eq!(address.listed_for(), Some(detail));
        assert_eq!(events.len(), 3, "{events:?}");
    }
    let (_, events) = after(vec![complaint(), hard(), soft()]);
    assert_eq!(events.len(), 2, "nothing is worse than a complaint");
}

#[test]
fn soft_bounces_count_in_any_order_of_their_receipts() {
    let soft = |campaign, at| bounce(BounceKind::Soft, campaign, at);
    let (address, _) = after(vec![soft(1, 40), soft(2, 41), soft(3, 0)]);
    assert_eq!(address.listed_for(), None, "the last one is of long before");
    let (address, _) = after(vec![soft(1, 20), soft(2, 21), soft(3, 0)]);
    assert_eq!(address.listed_for(), Some(ListedFor::SoftBounces));
    // Some vendors send 0 for a time that they do not know. A hard bounce has none.
    let zero = AddressCommand::RecordBounce {
        kind: BounceKind::Soft,
        sent: sent(4),
        reason: None,
        at: Timestamp::EPOCH,
        limit: 3,
    };
    let hard = |campaign| bounce(BounceKind::Hard, campaign, 0);
    let (_, events) = after(vec![hard(1), hard(2), AddressCommand::Unsuppress, zero]);
    assert!(matches!(events.last(), Some(AddressEvent::Bounced { .. })));
}
