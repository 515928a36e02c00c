//! Outcomes of a campaign's messages by how much the customers have spent.

use std::collections::HashMap;

use bson::{RawDocumentBuf, doc};
use domain::{CampaignId, MessageCount, MessageId, MessageStatus};
use futures::TryStreamExt;
use mongodb::Collection;
use mongodb::error::Error;
use serde::Deserialize;
use serde::de::Error as _;

use super::Messages;
use crate::runtime::scan::{BATCH, PATIENCE};
use crate::runtime::store::{QueryError, Store};
use crate::runtime::view::View;
use crate::views::customers::Customers;

/// Number of customers per lookup.
const LOOKUP_BATCH: usize = 1_000;

/// Percentile, among the customers who have spent anything, near which the brackets
/// are divided.
const PERCENTILE: usize = 80;

/// Outcomes of a campaign's messages to customers within a range of total spend.
/// Amounts are in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SpendBracket {
    /// Lower bound of the spend, exclusive.
    pub above: Option<i64>,
    /// Upper bound of the spend, inclusive.
    pub up_to: Option<i64>,
    /// Number of messages that the vendor accepted and that did not fail.
    pub sent: u64,
    /// Number of messages that arrived; they are part of `sent`.
    pub delivered: u64,
    /// Number of messages that did not arrive, or that the vendor did not accept.
    pub failed: u64,
}

/// Statuses of messages that the vendor was asked to send.
const ATTEMPTED_STATUSES: [MessageStatus; 7] = [
    MessageStatus::Sent,
    MessageStatus::Delivered,
    MessageStatus::Failed,
    MessageStatus::Bounced,
    MessageStatus::Unconfirmed,
    MessageStatus::Rejected,
    MessageStatus::Undeliverable,
];

/// Total spend of a customer, and the status of the customer's message.
type SpendAndStatus = (i64, MessageStatus);

impl Store {
    /// Compares the outcomes of a campaign's messages in two brackets: customers who
    /// have spent more than an amount by now, and customers who have spent at most
    /// that. The amount is a round one near the 80th percentile of the recipients who
    /// have spent anything. Queued and suppressed messages are left out. Returns no
    /// brackets if no recipient has spent anything, or one bracket would be empty.
    ///
    /// Reads the messages within an index, and looks up one document per message: a
    /// second or two for a hundred thousand. Uses 16 bytes of memory per message.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer or takes too long.
    pub async fn spend_brackets(
        &self,
        campaign: &CampaignId,
    ) -> Result<Vec<SpendBracket>, QueryError> {
        let messages = self.serving::<RawDocumentBuf>(Messages::NAME).await?;
        let customers = self.serving::<Spender>(Customers::NAME).await?;
        let names = ATTEMPTED_STATUSES.map(MessageStatus::name).to_vec();
        let find = messages
            .find(doc! {"campaign_id": campaign.as_str(), "status": {"$in": names}})
            .projection(doc! {"_id": 1, "status": 1})
            .batch_size(BATCH)
            .max_time(PATIENCE);
        let mut cursor = find.await?;
        let (mut outcomes, mut batch) = (Vec::new(), Vec::with_capacity(LOOKUP_BATCH));
        while cursor.advance().await? {
            batch.push(parse_message(cursor.current().as_bytes()).map_err(Error::custom)?);
            if batch.len() == LOOKUP_BATCH {
                look_up_spend(&customers, &mut batch, &mut outcomes).await?;
            }
        }
        look_up_spend(&customers, &mut batch, &mut outcomes).await?;
        Ok(brackets(&outcomes))
    }
}

/// Returns a message's customer and status. The customer is taken from the message's
/// id, which is in the index, so that MongoDB reads no document.
fn parse_message(message: &[u8]) -> Result<(String, MessageStatus), bson::error::Error> {
    #[derive(Deserialize)]
    struct MessageStatusRow<'a> {
        #[serde(rename = "_id")]
        id: &'a str,
        status: MessageStatus,
    }
    let row: MessageStatusRow<'_> = bson::deserialize_from_slice(message)?;
    let id: MessageId = row.id.parse().map_err(bson::error::Error::custom)?;
    Ok((id.customer.as_str().to_owned(), row.status))
}

#[derive(Deserialize)]
struct Spender {
    #[serde(rename = "_id")]
    id: String,
    total_spend: i64,
}

/// Looks up the spend of a batch of customers, and moves the batch to `outcomes`.
/// Unknown customers have spent nothing.
async fn look_up_spend(
    customers: &Collection<Spender>,
    batch: &mut Vec<(String, MessageStatus)>,
    outcomes: &mut Vec<SpendAndStatus>,
) -> Result<(), Error> {
    let ids: Vec<&str> = batch.iter().map(|(id, _)| id.as_str()).collect();
    let find = customers
        .find(doc! {"_id": {"$in": ids}, "total_spend": {"$gt": 0}})
        .projection(doc! {"total_spend": 1})
        .max_time(PATIENCE);
    let spenders = find
        .await?
        .map_ok(|spender| (spender.id, spender.total_spend));
    let spend: HashMap<String, i64> = spenders.try_collect().await?;
    let with_spend = |(id, status): (String, MessageStatus)| {
        (spend.get(&id).copied().unwrap_or_default(), status)
    };
    outcomes.extend(batch.drain(..).map(with_spend));
    Ok(())
}

fn brackets(outcomes: &[SpendAndStatus]) -> Vec<SpendBracket> {
    let Some(threshold) = threshold(outcomes) else {
        return Vec::new();
    };
    let mut all =
        [(Some(threshold), None), (None, Some(threshold))].map(|(above, up_to)| SpendBracket {
            above,
            up_to,
            ..SpendBracket::default()
        });
    for (spend, status) in outcomes {
        all[usize::from(*spend <= threshold)].count(*status);
    }
    let has_messages = |bracket: &SpendBracket| bracket.sent + bracket.failed > 0;
    match all.iter().all(has_messages) {
        true => all.into(),
        false => Vec::new(),
    }
}

impl SpendBracket {
    /// Counts a message as the view `campaign_stats` does.
    fn count(&mut self, status: MessageStatus) {
        match status.count() {
            MessageCount::Sent => self.sent += 1,
            MessageCount::Failed => self.failed += 1,
            MessageCount::Pending | MessageCount::Suppressed => {}
        }
        self.delivered += u64::from(status == MessageStatus::Delivered);
    }
}

/// Returns the round amount nearest to the 80th percentile, by nearest rank, of the
/// spend of customers who have spent anything.
fn threshold(outcomes: &[SpendAndStatus]) -> Option<i64> {
    let spend = outcomes.iter().map(|(spend, _)| *spend);
    let mut spend: Vec<i64> = spend.filter(|spend| *spend > 0).collect();
    let rank = (spend.len() * PERCENTILE).div_ceil(100);
    let at = rank.checked_sub(1)?;
    let (_, percentile, _) = spend.select_nth_unstable(at);
    Some(round(*percentile))
}

/// Returns the nearest of 1, 2 or 5 times a power of ten, by ratio; the smaller one of
/// two equally near. Minor units are powers of ten, so an amount that is round in
/// minor units is round in major units too.
fn round(amount: i64) -> i64 {
    let powers = std::iter::successors(Some(1i64), |power| power.checked_mul(10));
    let rounds = powers.flat_map(|power| [1, 2, 5].map(|n| power.checked_mul(n)));
    let mut below = 1;
    for round in rounds.flatten() {
        if round >= amount {
            // The midpoint by ratio is the geometric mean; squares avoid a root.
            let square = i128::from(amount) * i128::from(amount);
            let middle = i128::from(below) * i128::from(round);
            return if square <= middle { below } else { round };
        }
        below = round;
    }
    below
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn outcomes(all: &[(i64, MessageStatus, usize)]) -> Vec<SpendAndStatus> {
        let each = |(spend, status, times): &(i64, MessageStatus, usize)| {
            std::iter::repeat_n((*spend, *status), *times)
        };
        all.iter().flat_map(each).collect()
    }

    #[test]
    fn amounts_are_rounded_in_ratio() {
        let rounded = [1, 3, 4, 14, 15, 70, 71, 99, 100, 141_421, 141_422].map(round);
        let expected = [1, 2, 5, 10, 20, 50, 100, 100, 100, 100_000, 200_000];
        assert_eq!(rounded, expected);
        assert_eq!(round(i64::MAX), 5_000_000_000_000_000_000);
    }

    #[test]
    fn outcomes_are_divided_by_spend() {
        use MessageStatus::{
            Bounced, Delivered, Failed, Queued, Rejected, Sent, Suppressed, Unconfirmed,
            Undeliverable,
        };
        let all = outcomes(&[
            (0, Delivered, 7),
            (1_000, Sent, 6),
            (8_000, Unconfirmed, 1),
            (8_500, Bounced, 1),
            (9_000, Failed, 1),
            (9_500, Rejected, 1),
            (10_000, Delivered, 1),
            (50_000, Delivered, 1),
            (60_000, Sent, 1),
            (70_000, Undeliverable, 1),
            (80_000, Queued, 1),
            (90_000, Suppressed, 1),
        ]);
        let bracket = |above, up_to, (sent, delivered, failed)| SpendBracket {
            above,
            up_to,
            sent,
            delivered,
            failed,
        };
        let found = brackets(&all);
        let expected = [
            bracket(Some(50_000), None, (1, 0, 1)),
            bracket(None, Some(50_000), (16, 9, 3)),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn there_are_two_brackets_or_none() {
        let sent = MessageStatus::Sent;
        assert_eq!(brackets(&[]), []);
        assert_eq!(brackets(&outcomes(&[(0, sent, 9)])), []);
        assert_eq!(brackets(&outcomes(&[(1_000, sent, 9)])), []);
        assert_eq!(brackets(&outcomes(&[(1_400, sent, 9)])), []);
    }

    proptest! {
        #[test]
        fn rounding_finds_the_nearest_round_amount(amount in 1..1_000_000_000_000i64) {
            let ratio = |round: i64| {
                let (round, amount) = (round as f64, amount as f64);
                (round / amount).max(amount / round)
            };
            let powers = (0..14).map(|k| 10i64.pow(k));
            let nearest = powers
                .flat_map(|power| [power, 2 * power, 5 * power])
                .map(ratio)
                .fold(f64::INFINITY, f64::min);
            prop_assert!(ratio(round(amount)) <= nearest * (1.0 + 1e-12));
        }
    }
}
