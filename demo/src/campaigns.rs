//! Segments and finished campaigns of the demo shop.

use std::collections::BTreeSet;

use commands::{FinishedCampaign, IdempotencyKey, IdempotencyKeyError, IdempotencyScope, new_id};
use domain::rules::Rules;
use domain::{
    Audience, AudienceSize, CampaignContent, CampaignId, Currency, DemoPlan, Handover, Launch,
    MessageCommand, MessageContent, MessageId, Receipt, ReceiptKind, Renderer, SegmentContent,
    SegmentId, Template, Text, Timestamp,
};

use crate::ACTOR;
use crate::random::Random;
use crate::shop::{Invalid, Shop};

/// Segment of the demo shop.
#[derive(Debug, Clone, Copy)]
pub struct ShopSegment {
    /// Display name.
    pub name: &'static str,
    /// Purpose.
    pub description: &'static str,
    /// Rules as text.
    pub rules: &'static str,
}

/// All segments.
pub const SEGMENTS: [ShopSegment; 6] = [
    ShopSegment {
        name: "Best customers",
        description: "High spend over many orders. They hear of new things first.",
        rules: "total_spend >= 200000 AND order_count >= 8",
    },
    ShopSegment {
        name: "Lapsed regulars",
        description: "Ordered at least three times, but not for half a year.",
        rules: "order_count >= 3 AND days_since_last_order > 180",
    },
    ShopSegment {
        name: "New this month",
        description: "Registered within the last 30 days.",
        rules: "days_since_registered <= 30",
    },
    ShopSegment {
        name: "One order, no second",
        description: "Ordered once, more than 60 days ago.",
        rules: "order_count = 1 AND days_since_last_order > 60",
    },
    ShopSegment {
        name: "Full carts without an order",
        description: "Filled carts repeatedly, but has not ordered in the last 90 days.",
        rules: "events.cart_filled.count >= 2 AND (order_count = 0 OR days_since_last_order > 90)",
    },
    ShopSegment {
        name: "Newsletter readers in Germany and Austria",
        description: "Subscribed to the newsletter, and opens its mails.",
        rules: "country in (Germany, Austria) AND tags contains newsletter \
                AND events.email_opened.count >= 1 AND unsubscribed = false",
    },
];

/// Campaign of the demo shop that has ended.
#[derive(Debug, Clone, Copy)]
pub struct PastCampaign {
    /// Display name.
    pub name: &'static str,
    /// Index of its segment in [`SEGMENTS`].
    pub segment: usize,
    /// Label.
    pub tag: &'static str,
    /// Template of the messages.
    pub template: &'static str,
    /// Days from the launch to the end of the day before the load.
    days_ago: i64,
    /// Time of the launch within its day, in milliseconds.
    time_of_day: i64,
}

const MINUTE: i64 = 60 * 1_000;
const DAY: i64 = 24 * 60 * MINUTE;

/// All campaigns, the oldest first.
pub const CAMPAIGNS: [PastCampaign; 2] = [
    PastCampaign {
        name: "We miss you: 15 % off",
        segment: 1,
        tag: "win-back",
        template: "Hi {{ name }},\n\
            it has been a while since your last order. Until Sunday everything is 15 % off for \
            you: https://shop.example/welcome-back\n\
            Your outfitters",
        days_ago: 41,
        time_of_day: 10 * 60 * MINUTE,
    },
    PastCampaign {
        name: "Early access to the new collection",
        segment: 0,
        tag: "loyalty",
        template: "Hello {{ name | default(\"there\") }},\n\
            you have ordered {{ order_count }} times, and we are grateful. The new collection \
            opens for you a day early: https://shop.example/early\n\
            Your outfitters",
        days_ago: 12,
        time_of_day: 16 * 60 * MINUTE + 30 * MINUTE,
    },
];

/// Number of messages that are recorded at once. With three events each they fit
/// into one commit, even if all of them are in one partition, so that no message
/// is ever recorded as queued only.
pub(crate) const MESSAGES_AT_ONCE: usize = 300;

/// Interval between two batches of messages in the past, in milliseconds.
const PACE: i64 = 4_000;

/// Days before the day of the load at which the segments were created.
const SEGMENT_AGE: i64 = 60;

/// Reasons for failed deliveries, as vendors report them.
const FAILURES: [&str; 3] = ["mailbox full", "unknown address", "rejected as spam"];

/// Id of a segment, or of a campaign, that is the same in every load.
fn fixed_id<I: From<u128>>(kind: &str, index: usize) -> Result<I, IdempotencyKeyError> {
    let scope = IdempotencyScope::actor(&ACTOR.into());
    let key = IdempotencyKey::new(scope, format!("{kind}-{index}").as_bytes())?;
    Ok(new_id(Some(&key)))
}

/// Returns the id of a segment of [`SEGMENTS`].
pub(crate) fn segment_id(index: usize) -> Result<SegmentId, Invalid> {
    fixed_id("segment", index).map_err(|error| Invalid::Rules(error.to_string()))
}

/// Returns the id of a campaign of [`CAMPAIGNS`].
pub(crate) fn campaign_id(index: usize) -> Result<CampaignId, Invalid> {
    fixed_id("campaign", index).map_err(|error| Invalid::Rules(error.to_string()))
}

/// Returns the time at which the segments were created, by the shop's story.
pub(crate) fn segments_at(plan: DemoPlan) -> Result<Timestamp, Invalid> {
    Ok(Timestamp::from_millis(
        plan.until.millis() - SEGMENT_AGE * DAY,
    )?)
}

impl ShopSegment {
    pub(crate) fn content(&self) -> Result<SegmentContent, Invalid> {
        Ok(SegmentContent {
            name: Text::try_from(self.name.to_owned())?,
            description: Some(Text::try_from(self.description.to_owned())?),
            rules: self.parse()?,
        })
    }

    fn parse(&self) -> Result<Rules, Invalid> {
        let parsed = self.rules.parse::<Rules>();
        parsed.map_err(|error| Invalid::Rules(error.to_string()))
    }
}

/// Message of a campaign, decided but not recorded.
#[derive(Debug, Clone)]
pub(crate) struct Decided {
    id: MessageId,
    /// Command that makes the message.
    first: MessageCommand,
    /// Outcome of the delivery, unless the message is suppressed.
    delivery: Option<Delivery>,
}

#[derive(Debug, Clone)]
struct Delivery {
    /// Milliseconds from the vendor's acceptance to the receipt.
    after: i64,
    /// Reason why it failed, if it did.
    failure: Option<&'static str>,
}

/// A campaign with all its messages.
#[derive(Debug, Clone)]
pub(crate) struct Campaign {
    pub(crate) id: CampaignId,
    pub(crate) launched_at: Timestamp,
    pub(crate) messages: Vec<Decided>,
    content: CampaignContent,
    rules: Rules,
}

impl Campaign {
    /// Determines the recipients of a campaign of [`CAMPAIGNS`] and the fate of
    /// their messages.
    pub(crate) fn new(
        index: usize,
        plan: DemoPlan,
        currency: Currency,
        shop: &Shop,
    ) -> Result<Self, Invalid> {
        let past = CAMPAIGNS[index];
        let id = campaign_id(index)?;
        let midnight = plan.until.millis() - past.days_ago * DAY;
        let launched_at = Timestamp::from_millis(midnight + past.time_of_day)?;
        let rules = SEGMENTS[past.segment].parse()?;
        let template = Template::try_from(past.template.to_owned())?;
        let renderer = Renderer::new(&template)?;
        let predicate = rules.at(launched_at);
        let mut random = Random::new(plan.seed, (3 << 32) + index as u64);
        let mut messages = Vec::new();
        for customer in &shop.customers {
            let facts = customer.facts();
            if !predicate.matches(&facts) {
                continue;
            }
            let id = MessageId {
                campaign: id.clone(),
                customer: customer.id.clone(),
            };
            messages.push(
                match MessageContent::new(&renderer, currency, &customer.id, &facts) {
                    Ok(content) => Decided {
                        id,
                        first: MessageCommand::Queue(content),
                        delivery: Some(Delivery::new(&mut random)),
                    },
                    Err(why) => Decided {
                        id,
                        first: MessageCommand::Suppress(why),
                        delivery: None,
                    },
                },
            );
        }
        let content = CampaignContent {
            name: Text::try_from(past.name.to_owned())?,
            audience: Audience::SegmentId(segment_id(past.segment)?),
            template,
            scheduled_at: None,
            at_once: true,
            messages_per_second: None,
            tags: BTreeSet::from([Text::try_from(past.tag.to_owned())?]),
            clone_of: None,
        };
        Ok(Self {
            id,
            launched_at,
            messages,
            content,
            rules,
        })
    }

    /// Returns the time at which a batch of messages was sent, by its index.
    pub(crate) fn batch_at(&self, batch: usize) -> Result<Timestamp, Invalid> {
        let after = 2_000 + batch as i64 * PACE;
        Ok(Timestamp::from_millis(self.launched_at.millis() + after)?)
    }

    /// Returns the campaign as it is recorded after all its messages.
    pub(crate) fn finished(&self, positions: Text<65536>) -> FinishedCampaign {
        let planned = self.messages.len() as u64;
        let queued = self.messages.iter().filter(|one| one.delivery.is_some());
        let queued = queued.count() as u64;
        FinishedCampaign {
            campaign: self.id.clone(),
            content: self.content.clone(),
            launch: Launch {
                rules: self.rules.clone(),
                template: self.content.template.identity(),
                positions,
                clock: self.launched_at,
                key: None,
            },
            size: AudienceSize {
                planned,
                queued,
                suppressed: planned - queued,
                undetermined: 0,
            },
        }
    }
}

impl Delivery {
    fn new(random: &mut Random) -> Self {
        let failed = random.chance(4);
        Self {
            after: 500 + random.below(90_000) as i64,
            failure: failed.then(|| random.pick(&FAILURES)),
        }
    }
}

impl Decided {
    pub(crate) fn id(&self) -> &MessageId {
        &self.id
    }

    /// Returns the commands that record the message from its first event to its
    /// last, as a sender and the receipts would at `at`. `customer_seen` is the
    /// customer's last event.
    pub(crate) fn commands(
        &self,
        at: Timestamp,
        customer_seen: u64,
    ) -> Result<Vec<(MessageId, MessageCommand)>, Invalid> {
        let mut commands = vec![self.first.clone()];
        if let Some(delivery) = &self.delivery {
            let vendor_message_id = Text::<128>::try_from(format!("demo-{}", self.id.customer))?;
            commands.push(MessageCommand::RecordSent(Handover {
                vendor_message_id: vendor_message_id.clone(),
                began_at: Some(at),
                customer_seen: Some(customer_seen),
            }));
            let reason = delivery
                .failure
                .map(|reason| Text::try_from(reason.to_owned()));
            let kind = match delivery.failure {
                None => ReceiptKind::Delivered,
                Some(_) => ReceiptKind::Failed,
            };
            let occurred_at = Timestamp::from_millis(at.millis() + delivery.after)?;
            commands.push(MessageCommand::RecordReceipt(Receipt {
                reason: reason.transpose()?,
                ..Receipt::new(kind, vendor_message_id, occurred_at)
            }));
        }
        let commands = commands.into_iter();
        Ok(commands.map(|command| (self.id.clone(), command)).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use domain::rules::CustomerFacts;
    use domain::{Message, MessageStatus, Suppression};

    use super::*;
    use crate::shop::SEED;

    fn plan() -> DemoPlan {
        DemoPlan {
            seed: SEED,
            until: Timestamp::try_from("2026-11-23T00:00:00Z").unwrap(),
        }
    }

    fn shop() -> (Currency, Shop) {
        let currency = Currency::try_from("USD").unwrap();
        (currency, Shop::new(plan(), currency).unwrap())
    }

    #[test]
    fn every_segment_selects_some_customers_and_not_all() {
        let facts: Vec<CustomerFacts> = shop().1.customers.iter().map(|c| c.facts()).collect();
        for segment in SEGMENTS {
            let predicate = segment.content().unwrap().rules.at(plan().until);
            let count = facts
                .iter()
                .filter(|facts| predicate.matches(facts))
                .count();
            assert!(
                (40..facts.len() / 2).contains(&count),
                "{segment:?}: {count}"
            );
        }
    }

    #[test]
    fn campaigns_have_deliveries_failures_and_suppressions_of_several_reasons() {
        let (currency, shop) = shop();
        let mut reasons = BTreeMap::new();
        let (mut delivered, mut failed) = (0, 0);
        for index in 0..CAMPAIGNS.len() {
            let campaign = Campaign::new(index, plan(), currency, &shop).unwrap();
            assert!(campaign.messages.len() > 50, "{}", campaign.messages.len());
            for message in &campaign.messages {
                match (&message.first, &message.delivery) {
                    (MessageCommand::Suppress(why), None) => {
                        *reasons.entry(why.reason().name()).or_insert(0) += 1;
                    }
                    (_, Some(delivery)) if delivery.failure.is_some() => failed += 1,
                    _ => delivered += 1,
                }
            }
        }
        assert!(
            delivered > 10 * failed && failed > 0,
            "{delivered} {failed}"
        );
        let names: Vec<&str> = reasons.into_keys().collect();
        assert_eq!(names, ["no_address", "template", "unsubscribed"]);
    }

    #[test]
    fn no_message_remains_queued() {
        use cqrs_es::Aggregate;
        let (currency, shop) = shop();
        let campaign = Campaign::new(0, plan(), currency, &shop).unwrap();
        for decided in &campaign.messages {
            let mut message = Message::default();
            for (_, command) in decided.commands(campaign.launched_at, 1).unwrap() {
                let event = message.decide(command).unwrap().unwrap();
                message.apply(event);
            }
            let is_suppressed = matches!(
                decided.first,
                MessageCommand::Suppress(
                    Suppression::Unsubscribed
                        | Suppression::NoAddress
                        | Suppression::Template { .. }
                )
            );
            match message.status() {
                Some(MessageStatus::Suppressed) => assert!(is_suppressed),
                Some(MessageStatus::Delivered | MessageStatus::Failed) => assert!(!is_suppressed),
                status => panic!("{status:?}"),
            }
        }
    }
}
