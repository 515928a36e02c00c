//! End of the wait for receipts that do not come.
//!
//! A message that the vendor accepted waits for its receipt for a limited time; then it
//! is unconfirmed, and no longer keeps its campaign open. A late receipt still settles
//! it. Due messages are found in an index of those that await a receipt, by the time
//! when they were sent. Only a message's head decides whether it still waits.

use std::time::Duration;

use commands::CommandEffect;
use domain::{CampaignId, MessageCommand, MessageId, Timestamp};
use projections::Topics;
use tokio_util::sync::CancellationToken;

use super::context::context;
use super::error::WorkError;
use super::{memory, metrics};
use crate::clock::now;
use crate::periodic::{NextRun, Periodic, PeriodicTask};
use crate::shared::SharedResources;

/// Actor of the recorded events.
const ACTOR: &str = "worker:delivery";

/// Longest time between two checks.
const LOOK: Duration = Duration::from_secs(60);

/// Shortest time between two checks.
const SHORTEST: Duration = Duration::from_secs(1);

/// Delay before due messages are read again, if the log takes no more of them or the
/// view still has them.
const AGAIN: Duration = Duration::from_secs(2);

/// Number of messages that are ended in one append.
const BATCH: usize = 2_000;

const TASK: Periodic = Periodic {
    name: "end the wait for receipts",
    // Time alone makes messages due. Notices of messages arrive all the time.
    topics: Topics::CAMPAIGNS,
    after_failure: AGAIN,
};

/// Ends waits for receipts until stopped.
pub(crate) async fn run(shared: &SharedResources, stop: &CancellationToken) {
    TASK.run(shared, stop, Waits).await;
}

struct Waits;

impl PeriodicTask for Waits {
    type Error = WorkError;

    async fn run(&mut self, shared: &SharedResources) -> Result<NextRun, WorkError> {
        let has_more = end_due(shared).await?;
        let most = match has_more {
            true => AGAIN,
            false => until_next(shared).await?,
        };
        let least = SHORTEST.min(most);
        Ok(NextRun { least, most })
    }
}

/// Ends the waits that are due. Returns whether some may be left.
async fn end_due(shared: &SharedResources) -> Result<bool, WorkError> {
    let sent_by = before(now(), shared.delivery.receipt_window);
    let mut count = 0;
    let has_more = loop {
        let due = shared
            .store
            .messages_awaiting_receipt(sent_by, BATCH)
            .await?;
        let is_last = due.len() < BATCH;
        if due.is_empty() || !memory::has_room(&shared.log, due.len()).await? {
            break !due.is_empty();
        }
        let ended = end(shared, due, sent_by).await?;
        count += ended;
        // The view may lag: without progress, the same messages would be read again.
        if is_last || ended == 0 {
            break !is_last;
        }
    };
    // Messages that a view cannot fold are not in it; their heads decide alone.
    count += end(shared, withheld(shared).await?, sent_by).await?;
    if count > 0 {
        metrics::messages("unconfirmed", count as u64);
        let window = shared.delivery.receipt_window;
        tracing::warn!(
            count,
            ?window,
            "no receipt arrived in time: messages are unconfirmed"
        );
    }
    Ok(has_more)
}

/// Returns messages of campaigns under way with events that could not be folded, if it is
/// known when they were sent.
async fn withheld(shared: &SharedResources) -> Result<Vec<MessageId>, WorkError> {
    let store = &shared.store;
    let sending = store
        .campaigns_in(&[domain::CampaignStatus::Sending])
        .await?;
    let ids: Vec<CampaignId> = sending.into_iter().map(|c| c.campaign_id).collect();
    let ids: Vec<&CampaignId> = ids.iter().collect();
    let mut messages = Vec::new();
    for id in store.campaigns_in_doubt(&shared.log, &ids).await? {
        messages.extend(store.set_aside_messages(&id).await?);
    }
    let heads = shared.commands.messages(&messages).await?;
    let mut heads = heads.into_iter();
    messages.retain(|_| heads.next().is_some_and(|head| head.sent_at().is_some()));
    Ok(messages)
}

/// Ends the waits of these messages, unless their heads show that they do not wait or
/// were sent later. Returns the number of those that were ended.
async fn end(
    shared: &SharedResources,
    messages: Vec<MessageId>,
    sent_by: Timestamp,
) -> Result<usize, WorkError> {
    if messages.is_empty() {
        return Ok(0);
    }
    let end = |id: MessageId| (id, MessageCommand::EndWaitForReceipt { sent_by });
    let commands = messages.into_iter().map(end).collect();
    let done = shared
        .commands
        .execute_on_messages(&context(ACTOR, None), commands)
        .await?;
    let ended = done.into_iter().flatten();
    Ok(ended
        .filter(|done| done.effect == CommandEffect::Updated)
        .count())
}

/// Returns the time until the next message is due, at most [`LOOK`] and the window.
async fn until_next(shared: &SharedResources) -> Result<Duration, WorkError> {
    let window = shared.delivery.receipt_window;
    let most = LOOK.min(window);
    let first = shared.store.first_awaiting_receipt().await?;
    Ok(first.map_or(most, |sent_at| {
        let left = sent_at.millis() - before(now(), window).millis();
        let left = Duration::from_millis(u64::try_from(left).unwrap_or_default());
        left.clamp(SHORTEST.min(most), most)
    }))
}

/// Returns the instant this long before another; the earliest one if there is none.
fn before(at: Timestamp, by: Duration) -> Timestamp {
    let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
    let earlier = Timestamp::from_millis(at.millis().saturating_sub(millis));
    earlier.unwrap_or(Timestamp::EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_reduced_by_the_window() {
        let at = Timestamp::from_millis(10_000).unwrap();
        assert_eq!(before(at, Duration::from_secs(3)).millis(), 7_000);
        assert_eq!(before(at, Duration::MAX), Timestamp::EPOCH);
    }
}
