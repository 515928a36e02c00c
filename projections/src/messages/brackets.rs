//! What became of a campaign's messages, by how much their customers spend.

use std::collections::HashMap;

use bson::{RawDocumentBuf, doc};
use domain::{CampaignId, MessageId, MessageStatus};
use futures::TryStreamExt;
use mongodb::Collection;
use mongodb::error::Error;
use serde::Deserialize;
use serde::de::Error as _;

use super::Messages;
use crate::customers::Customers;
use crate::scan::{BATCH, PATIENCE};
use crate::view::View;
use crate::{QueryError, Store};

/// How many customers are looked up at once.
const AT_ONCE: usize = 1_000;

/// Of a hundred who spent anything, so many spent no more than about the
/// amount that divides them.
const SHARE: usize = 80;

/// What became of the messages to some of a campaign's recipients, told apart
/// by what they have spent, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SpendBracket {
    /// They have spent more than this.
    pub above: Option<i64>,
    /// They have spent this at most.
    pub up_to: Option<i64>,
    /// Messages that the vendor took and has not failed to deliver.
    pub sent: u64,
    /// Those of `sent` that arrived.
    pub delivered: u64,
    /// Messages that did not arrive, or that the vendor did not take.
    pub failed: u64,
}

/// The messages that were handed to the vendor, or could not be.
const TRIED: [MessageStatus; 4] = [
    MessageStatus::Sent,
    MessageStatus::Delivered,
    MessageStatus::Failed,
    MessageStatus::Undeliverable,
];

/// What a customer has spent by now, and what became of their message.
type Tried = (i64, MessageStatus);

impl Store {
    /// What became of a campaign's messages to those who have spent more than
    /// an amount by now, and to those who have spent that at most. The amount
    /// is a round one, near what four in five of those spent who were written
    /// to and have spent anything. Queued and suppressed messages are left out.
    /// None where nobody has spent anything, or all are on the same side.
    ///
    /// Reads the messages within an index, and looks up a document a message:
    /// a second or two for a hundred thousand. Memory for 16 bytes a message.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer, or not in time.
    pub async fn spend_brackets(
        &self,
        campaign: &CampaignId,
    ) -> Result<Vec<SpendBracket>, QueryError> {
        let messages = self.serving::<RawDocumentBuf>(Messages::NAME).await?;
        let customers = self.serving::<Spender>(Customers::NAME).await?;
        let names = TRIED.map(MessageStatus::name).to_vec();
        let find = messages
            .find(doc! {"campaign_id": campaign.as_str(), "status": {"$in": names}})
            .projection(doc! {"_id": 1, "status": 1})
            .batch_size(BATCH)
            .max_time(PATIENCE);
        let mut cursor = find.await?;
        let (mut tried, mut batch) = (Vec::new(), Vec::with_capacity(AT_ONCE));
        while cursor.advance().await? {
            batch.push(addressed(cursor.current().as_bytes()).map_err(Error::custom)?);
            if batch.len() == AT_ONCE {
                look_up(&customers, &mut batch, &mut tried).await?;
            }
        }
        look_up(&customers, &mut batch, &mut tried).await?;
        Ok(brackets(&tried))
    }
}

/// To whom a message is, and how far. Its id has the former, so that no
/// document is read.
fn addressed(message: &[u8]) -> Result<(String, MessageStatus), bson::error::Error> {
    #[derive(Deserialize)]
    struct Found<'a> {
        #[serde(rename = "_id")]
        id: &'a str,
        status: MessageStatus,
    }
    let found: Found<'_> = bson::deserialize_from_slice(message)?;
    let id: MessageId = found.id.parse().map_err(bson::error::Error::custom)?;
    Ok((id.customer.as_str().to_owned(), found.status))
}

#[derive(Deserialize)]
struct Spender {
    #[serde(rename = "_id")]
    id: String,
    total_spend: i64,
}

/// Moves a batch to those of whom it is known what they have spent. Who is
/// unknown has spent nothing.
async fn look_up(
    customers: &Collection<Spender>,
    batch: &mut Vec<(String, MessageStatus)>,
    tried: &mut Vec<Tried>,
) -> Result<(), Error> {
    let ids: Vec<&str> = batch.iter().map(|(id, _)| id.as_str()).collect();
    let find = customers
        .find(doc! {"_id": {"$in": ids}, "total_spend": {"$gt": 0}})
        .projection(doc! {"total_spend": 1})
        .max_time(PATIENCE);
    let found = find.await?.map_ok(|found| (found.id, found.total_spend));
    let spend: HashMap<String, i64> = found.try_collect().await?;
    let with_spend = |(id, status): (String, MessageStatus)| {
        (spend.get(&id).copied().unwrap_or_default(), status)
    };
    tried.extend(batch.drain(..).map(with_spend));
    Ok(())
}

fn brackets(tried: &[Tried]) -> Vec<SpendBracket> {
    let Some(threshold) = threshold(tried) else {
        return Vec::new();
    };
    let mut all =
        [(Some(threshold), None), (None, Some(threshold))].map(|(above, up_to)| SpendBracket {
            above,
            up_to,
            ..SpendBracket::default()
        });
    for (spend, status) in tried {
        all[usize::from(*spend <= threshold)].count(*status);
    }
    let has_some = |bracket: &SpendBracket| bracket.sent + bracket.failed > 0;
    match all.iter().all(has_some) {
        true => all.into(),
        false => Vec::new(),
    }
}

impl SpendBracket {
    /// As the campaign's statistics count.
    fn count(&mut self, status: MessageStatus) {
        match status {
            MessageStatus::Sent => self.sent += 1,
            MessageStatus::Delivered => {
                self.sent += 1;
                self.delivered += 1;
            }
            MessageStatus::Failed | MessageStatus::Undeliverable => self.failed += 1,
            MessageStatus::Queued | MessageStatus::Suppressed => {}
        }
    }
}

/// The round amount next to the 80th percentile, by nearest rank, of what
/// those spent who spent anything.
fn threshold(tried: &[Tried]) -> Option<i64> {
    let spend = tried.iter().map(|(spend, _)| *spend);
    let mut spend: Vec<i64> = spend.filter(|spend| *spend > 0).collect();
    let rank = (spend.len() * SHARE).div_ceil(100);
    let at = rank.checked_sub(1)?;
    let (_, percentile, _) = spend.select_nth_unstable(at);
    Some(round(*percentile))
}

/// 1, 2 or 5 times a power of ten, whichever is nearest in ratio; of two as
/// near the less. Currencies count in powers of ten, so that what is round in
/// minor units is so in major ones.
fn round(amount: i64) -> i64 {
    let powers = std::iter::successors(Some(1i64), |power| power.checked_mul(10));
    let rounds = powers.flat_map(|power| [1, 2, 5].map(|n| power.checked_mul(n)));
    let mut below = 1;
    for round in rounds.flatten() {
        if round >= amount {
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

    fn tried(all: &[(i64, MessageStatus, usize)]) -> Vec<Tried> {
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
    fn those_who_spend_much_are_told_apart() {
        use MessageStatus::{Delivered, Failed, Queued, Sent, Suppressed, Undeliverable};
        let all = tried(&[
            (0, Delivered, 7),
            (1_000, Sent, 6),
            (9_000, Failed, 2),
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
            bracket(None, Some(50_000), (15, 9, 2)),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn without_two_sides_there_are_none() {
        let sent = MessageStatus::Sent;
        assert_eq!(brackets(&[]), []);
        assert_eq!(brackets(&tried(&[(0, sent, 9)])), []);
        assert_eq!(brackets(&tried(&[(1_000, sent, 9)])), []);
        assert_eq!(brackets(&tried(&[(1_400, sent, 9)])), []);
    }

    proptest! {
        #[test]
        fn no_round_amount_is_nearer(amount in 1..1_000_000_000_000i64) {
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
