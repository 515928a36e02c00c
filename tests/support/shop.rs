//! Builders of customers, orders, activity, segments and campaigns with few arguments.

use commands::{ActivityRecord, Context, CustomerRecord, OrderRecord};
use domain::{
    ActivityContent, AddressId, AddressKey, Amount, Audience, CampaignContent, CampaignId, Change,
    Channel, Currency, CustomerChanges, MessageContent, MessageId, Name, OrderContent, OrderStatus,
    Phone, Receipt, ReceiptKind, Renderer, SegmentContent, Template, Text, Timestamp,
};
use serde_json::json;

/// 2026-01-01T00:00:00Z
const START: i64 = 1_767_225_600_000;

/// Key from which the ids of addresses are derived in all deployments of tests.
pub(crate) const ADDRESS_KEY: &str =
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// Returns [`ADDRESS_KEY`].
pub(crate) fn address_key() -> AddressKey {
    ADDRESS_KEY.parse().unwrap()
}

/// Returns the id of an email address or a phone number in all deployments of tests.
pub(crate) fn address_id(address: &str) -> AddressId {
    let channel = match address.contains('@') {
        true => Channel::Email,
        false => Channel::Phone,
    };
    address_key().recipient(channel, address)
}

/// Returns the context of a command at minute 0.
pub(crate) fn context() -> Context {
    Context {
        actor: "key:test".to_owned(),
        request: Some("req-1".to_owned()),
        address: None,
        now: minute(0),
    }
}

/// Returns the time this many minutes after the shop's start.
pub(crate) fn minute(count: i64) -> Timestamp {
    Timestamp::from_millis(START + count * 60_000).unwrap()
}

/// Returns an order of this many cents, placed in minute 0.
pub(crate) fn order(customer: &str, order: &str, cents: i64) -> OrderRecord {
    OrderRecord {
        customer: customer.try_into().unwrap(),
        order: order.try_into().unwrap(),
        content: order_content(cents, minute(0), OrderStatus::Placed),
        moved_from: None,
    }
}

/// Returns the content of an order.
pub(crate) fn order_content(cents: i64, placed_at: Timestamp, status: OrderStatus) -> OrderContent {
    OrderContent {
        amount: Amount::try_from(cents).unwrap(),
        refunded_amount: Amount::default(),
        currency: Currency::try_from("USD").unwrap(),
        placed_at,
        status,
        items: Vec::new(),
        updated_at: None,
    }
}

/// Returns an order in another currency than the deployment's.
pub(crate) fn order_in_eur(customer: &str, id: &str) -> OrderRecord {
    let mut item = order(customer, id, 1);
    item.content.currency = Currency::try_from("EUR").unwrap();
    item
}

/// Returns a customer with this name.
pub(crate) fn customer(id: &str, name: &str) -> CustomerRecord {
    let mut changes = CustomerChanges::default();
    changes.profile.name = Change::Set(text(name));
    CustomerRecord {
        customer: id.try_into().unwrap(),
        changes,
    }
}

/// Returns an activity of a customer.
pub(crate) fn activity(customer: &str, id: &str, name: &str, at: Timestamp) -> ActivityRecord {
    ActivityRecord {
        customer: customer.try_into().unwrap(),
        activity: id.try_into().unwrap(),
        content: ActivityContent {
            name: Name::try_from(name.to_owned()).unwrap(),
            occurred_at: at,
            properties: Default::default(),
            updated_at: None,
        },
    }
}

/// Returns a segment with these rules.
pub(crate) fn segment(name: &str, rules: &str) -> SegmentContent {
    SegmentContent {
        name: text(name),
        description: None,
        rules: rules.parse().unwrap(),
    }
}

/// Returns a campaign to the customers that these rules match.
pub(crate) fn campaign(name: &str, rules: &str) -> CampaignContent {
    CampaignContent {
        name: text(name),
        audience: Audience::Rules(rules.parse().unwrap()),
        template: "Hi {{ name }}".to_owned().try_into().unwrap(),
        scheduled_at: None,
        at_once: false,
        messages_per_second: None,
        tags: Default::default(),
        clone_of: None,
    }
}

/// Returns the id of a campaign's message to a customer.
pub(crate) fn message_id(campaign: u128, customer: &str) -> MessageId {
    MessageId {
        campaign: CampaignId::from(campaign),
        customer: customer.try_into().unwrap(),
    }
}

/// Returns the content of a message whose template uses no values.
pub(crate) fn email_content(to: &str) -> MessageContent {
    rendered_content(Channel::Email, to, "Hi", json!({}))
}

/// Returns the content of a message that is rendered from a template and these values.
pub(crate) fn rendered_content(
    channel: Channel,
    to: &str,
    template: &str,
    values: serde_json::Value,
) -> MessageContent {
    let template = Template::try_from(template.to_owned()).unwrap();
    let renderer = Renderer::new(&template).unwrap();
    let values = serde_json::from_value(values).unwrap();
    MessageContent {
        channel,
        to: text(to),
        template: renderer.identity(),
        content: renderer.personalize(values).unwrap(),
    }
}

/// Returns a phone number, which must be in the form of E.164.
pub(crate) fn phone(number: &str) -> Phone {
    Phone::try_from(number.to_owned()).unwrap()
}

/// Returns a receipt: delivered, or failed for this reason.
pub(crate) fn receipt(vendor_message_id: &str, failure: Option<&str>, at: Timestamp) -> Receipt {
    let kind = match failure {
        None => ReceiptKind::Delivered,
        Some(_) => ReceiptKind::Failed,
    };
    Receipt {
        reason: failure.map(text),
        ..Receipt::new(kind, text(vendor_message_id), at)
    }
}

/// Returns a text, which must fit its type.
pub(crate) fn text<const MAX: usize>(text: &str) -> Text<MAX> {
    Text::try_from(text.to_owned()).unwrap()
}
