//! Sends one campaign's messages to the vendor.
//!
//! A pass loads messages that may be due by the view, keeps those that their heads
//! permit, renders the texts, and sends batches as permits become available: a slot
//! for a request in flight, room in the log for the results, tokens of the rate, and
//! the circuit breaker's permit. Each batch is sent by its own task.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use domain::{
    CampaignId, CampaignStatus, MessageCommand, MessageId, RecordedMessage, ReproduceError,
    Suppression,
};
use eventlog::Partition;
use projections::messages::{DueMessages, MessageDocument};
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::breaker::Permit;
use super::clearance::{self, Clearance, Decision, Gate};
use super::memory::{Denied, Unrecorded};
use super::outcome::SendOutcome;
use super::outlet::Outlet;
use super::rate::{Limiter, Permission, Reserved};
use super::recorder::{self, Recorder};
use super::vendor::{Answer, Outgoing};
use super::{WorkError, now, outcome, pace, request_of};
use crate::shared::SharedResources;

/// Interval between reads of the campaign's head, to notice a pause or cancellation.
const HEADS: Duration = Duration::from_millis(250);

/// Pause of a campaign whose messages only a newer program can send.
const AWAITING_UPGRADE: Duration = Duration::from_secs(30);

/// Interval between checks of whether the circuit breaker has closed.
const LOOK: Duration = Duration::from_millis(250);

/// Largest size of the messages in one request, in bytes. Many servers reject bodies
/// of more than a megabyte; a batch of typical messages has a tenth of that.
const LARGEST_BODY: usize = 256 * 1024;

/// Bytes of a message in a request besides its id, address and text: the names of the
/// members, and the callback URL.
const MEMBERS: usize = 256;

/// Sender of one campaign. It lives as long as the campaign is being sent, over all
/// passes through its messages.
pub(super) struct Lane {
    shared: Arc<SharedResources>,
    outlet: Arc<Outlet>,
    campaign: CampaignId,
    /// Partitions whose messages this process sends.
    partitions: Arc<[Partition]>,
    per_second: Option<u32>,
    rate: Limiter,
    /// End of the pause that the vendor asked for.
    paused_until: Mutex<Option<Instant>>,
    /// Tracker of rejected batches whose messages are not sent one by one yet. Always
    /// closed, since `TaskTracker::wait` completes only on a closed tracker.
    refused: TaskTracker,
    /// Held by the one rejected batch whose messages are being sent one by one.
    singly: tokio::sync::Mutex<()>,
}

/// Tokens that end a pass early.
#[derive(Clone)]
pub(super) struct Stop {
    /// Stops sending; requests in flight are still awaited.
    pub(super) halt: CancellationToken,
    /// Abandons requests in flight. Cancelled only after `halt`.
    pub(super) give_up: CancellationToken,
}

/// Messages that were loaded for sending.
struct LoadedMessages {
    messages: Vec<ReadyMessage>,
    /// Id of the last message that was considered, whether it is sent or not.
    last: String,
}

/// Message with its text, ready to be sent.
struct ReadyMessage {
    id: MessageId,
    clearance: Clearance,
    to: String,
    text: String,
}

/// Origin of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RequestKind {
    /// Messages that are due.
    Batch,
    /// One message of a batch that was rejected.
    Single,
}

/// Messages of a batch that the vendor rejected as a whole.
struct RefusedBatch {
    messages: Vec<ReadyMessage>,
    /// Blocks further batches of the lane until dropped.
    _pending: TaskTrackerToken,
}

/// Result of waiting for permission to send the next request.
enum NextRequest {
    Allowed(SendPermits),
    /// The wait was long: the messages must be loaded again.
    Stale,
    Halted,
}

/// Permits for one request, with as many messages as tokens are reserved.
struct SendPermits {
    room: OwnedSemaphorePermit,
    permit: Permit,
    reserved: Reserved,
    unrecorded: Unrecorded,
}

/// State of one pass through the messages that are due.
#[derive(Clone)]
struct Pass {
    /// Tasks that send batches.
    sends: TaskTracker,
    results: Sender<recorder::MessageResult>,
    stop: Stop,
}

impl ReadyMessage {
    /// Returns the approximate size of the message in a request, in bytes.
    fn size(&self) -> usize {
        let MessageId { campaign, customer } = &self.id;
        let id = campaign.as_str().len() + customer.as_str().len();
        MEMBERS + id + json_size(&self.to) + json_size(&self.text)
    }
}

impl Lane {
    pub(super) fn new(
        shared: Arc<SharedResources>,
        outlet: Arc<Outlet>,
        campaign: CampaignId,
        partitions: Arc<[Partition]>,
        per_second: Option<u32>,
    ) -> Self {
        let refused = TaskTracker::new();
        refused.close();
        Self {
            rate: Limiter::new(&shared.log, &campaign, per_second),
            shared,
            outlet,
            campaign,
            partitions,
            per_second,
            paused_until: Mutex::default(),
            refused,
            singly: tokio::sync::Mutex::default(),
        }
    }

    /// Makes one pass through the messages that are due, and returns when their
    /// results are recorded. Messages that failed become due in a later pass. Halts
    /// when the campaign is no longer being sent, whatever the pass waits for.
    pub(super) async fn run(self: Arc<Self>, stop: Stop) {
        let through = CancellationToken::new();
        let going = async {
            self.run_pass(&stop).await;
            through.cancel();
        };
        tokio::join!(through.run_until_cancelled(self.watch(&stop.halt)), going);
    }

    /// Halts the pass once the campaign's head says that it is not being sent.
    async fn watch(&self, halt: &CancellationToken) {
        let campaign = &self.campaign;
        loop {
            tokio::time::sleep(HEADS).await;
            match is_sending(&self.shared, campaign).await {
                Ok(true) => {}
                Ok(false) => {
                    tracing::info!(%campaign, "sending is stopped: the campaign is paused or has ended");
                    return halt.cancel();
                }
                Err(error) => {
                    tracing::warn!(%campaign, %error, "cannot read whether the campaign is still being sent");
                }
            }
        }
    }

    async fn run_pass(self: &Arc<Self>, stop: &Stop) {
        let request = request_of(&self.shared.log, &self.campaign, "campaign_launched").await;
        let request = request.unwrap_or_default();
        let commands = self.shared.commands.clone();
        let recorder = Recorder::start(commands, request, stop.give_up.clone());
        let Recorder { results, task } = recorder;
        let pass = Pass {
            sends: TaskTracker::new(),
            results,
            stop: stop.clone(),
        };
        if let Err(error) = self.send_due(&pass).await {
            let campaign = &self.campaign;
            tracing::warn!(%campaign, %error, "a pass through the messages failed, trying again");
        }
        // Order: all sends end first, then dropping `pass` drops the last sender of
        // results, and the recorder ends once it has recorded everything.
        pass.sends.close();
        pass.sends.wait().await;
        drop(pass);
        if let Err(error) = task.await {
            tracing::error!(%error, "the recorder of results panicked");
        }
    }

    async fn send_due(self: &Arc<Self>, pass: &Pass) -> Result<(), WorkError> {
        let mut after: Option<String> = None;
        let mut count = pace::first(self.per_second);
        self.wait_until_open(&pass.stop.halt).await;
        while !pass.stop.halt.is_cancelled() {
            let taken = self.load_due(after.as_deref(), count, &pass.results);
            let Some(taken) = taken.await? else {
                return Ok(());
            };
            let start = Instant::now();
            after = self.send_all(taken, after, pass).await;
            count = pace::next(count, start.elapsed(), self.per_second);
        }
        Ok(())
    }

    /// Loads the next messages that are due by the view and may be sent by their
    /// heads. Suppresses messages whose customers have unsubscribed. `None` if there
    /// are no more, or the campaign is not being sent or must pause.
    async fn load_due(
        &self,
        after: Option<&str>,
        count: usize,
        results: &Sender<recorder::MessageResult>,
    ) -> Result<Option<LoadedMessages>, WorkError> {
        let now = now();
        let latest = outcome::latest_due(now, &self.shared.delivery);
        let store = &self.shared.store;
        let due = DueMessages {
            campaign: &self.campaign,
            partitions: &self.partitions,
            now,
            latest,
        };
        let due = store.messages_due(&due, after, count).await?;
        let Some(last) = due.last().map(|last| last.message_id.clone()) else {
            return Ok(None);
        };
        let ids: Vec<MessageId> = due.iter().map(MessageDocument::id).collect();
        let Some(decisions) = clearance::decide(&self.shared, &ids).await? else {
            return Ok(None);
        };
        let mut cleared = Vec::with_capacity(due.len());
        for (document, decision) in due.into_iter().zip(decisions) {
            match decision {
                Decision::Send(clearance) => cleared.push((document, clearance)),
                Decision::Unsubscribed => {
                    suppress(results, document.id(), Suppression::Unsubscribed).await;
                }
                // The view lags: the message is no longer queued, or not due yet.
                Decision::Hold => {}
            }
        }
        let Some(messages) = self.ready(cleared, results).await? else {
            self.pause_for(AWAITING_UPGRADE);
            return Ok(None);
        };
        Ok(Some(LoadedMessages { messages, last }))
    }

    /// Renders the texts. Suppresses messages whose text differs from the recorded
    /// digest. `None` if no message can be sent and some need a newer program.
    async fn ready(
        &self,
        cleared: Vec<(MessageDocument, Clearance)>,
        results: &Sender<recorder::MessageResult>,
    ) -> Result<Option<Vec<ReadyMessage>>, WorkError> {
        let commands = &self.shared.commands;
        let recorded = cleared
            .iter()
            .filter_map(|(document, _)| document.recorded());
        let mut texts = commands.texts(recorded.collect()).await?.into_iter();
        let mut messages = Vec::with_capacity(cleared.len());
        let mut held = 0;
        for (document, clearance) in cleared {
            let id = document.id();
            let shown = document.recorded().and_then(|_| texts.next()?.ok());
            let sendable = match (document.to, shown) {
                (Some(to), Some(text)) => Ok((to, text)),
                // A document of the view may be damaged or incomplete, so a message is
                // suppressed only if the log confirms the problem.
                _ => self.content_from_log(&id).await?,
            };
            match sendable {
                Ok((to, text)) => messages.push(ReadyMessage {
                    id,
                    clearance,
                    to,
                    text,
                }),
                Err(error) if error.needs_newer_program() => held += 1,
                Err(error) => {
                    let detail = error.to_string();
                    suppress(results, id, Suppression::Template { detail }).await;
                }
            }
        }
        if held > 0 {
            let campaign = &self.campaign;
            tracing::warn!(%campaign, messages = held, "a newer program must send these messages");
        }
        Ok((held == 0 || !messages.is_empty()).then_some(messages))
    }

    /// Returns the address and the text of a message, from its event in the log.
    async fn content_from_log(
        &self,
        id: &MessageId,
    ) -> Result<Result<(String, String), ReproduceError>, WorkError> {
        let commands = &self.shared.commands;
        let content = commands.queued_content(id).await?;
        let content = content.ok_or_else(|| WorkError::NoContent(id.clone()))?;
        let recorded = RecordedMessage {
            campaign: id.campaign.clone(),
            template: content.template,
            content: content.content,
        };
        let text = commands.texts(vec![recorded]).await?.pop();
        let text = text.ok_or_else(|| WorkError::NoContent(id.clone()))?;
        Ok(text.map(|text| (content.to.into(), text)))
    }

    /// Starts sending the messages in batches. Returns the id of the message after
    /// which to continue. A batch never waits for more messages to fill up.
    async fn send_all(
        self: &Arc<Self>,
        taken: LoadedMessages,
        mut after: Option<String>,
        pass: &Pass,
    ) -> Option<String> {
        let mut messages = VecDeque::from(taken.messages);
        while !messages.is_empty() {
            let messages_and_attempts =
                messages.iter().map(|one| (&one.id, one.clearance.attempts));
            let count = self.outlet.next_batch(messages_and_attempts);
            // Limited before tokens are reserved, so that no surplus token is reserved.
            let count = within_body(messages.iter().take(count).map(ReadyMessage::size));
            let NextRequest::Allowed(permits) = self
                .wait_for_permits(RequestKind::Batch, count, &pass.stop.halt)
                .await
            else {
                return after;
            };
            if permits.permit == Permit::Probe {
                // A random message: one that the vendor never serves must not be the
                // probe every time, which would keep the circuit breaker open.
                messages.swap(0, rand::random_range(0..messages.len()));
            }
            let batch: Vec<ReadyMessage> = messages.drain(..permits.reserved.count()).collect();
            after = batch.last().map(|last| last.id.to_string()).or(after);
            let (lane, pass) = (self.clone(), pass.clone());
            pass.sends.clone().spawn(async move {
                if let Some(refused) = lane.send(batch, permits, &pass).await {
                    lane.send_singly(refused, &pass).await;
                }
            });
        }
        Some(taken.last)
    }

    /// Sends the messages of a rejected batch again, each in its own request. Messages
    /// that are not sent before the lane halts are still queued, and are sent alone
    /// when they are loaded again.
    async fn send_singly(self: &Arc<Self>, refused: RefusedBatch, pass: &Pass) {
        let halt = &pass.stop.halt;
        // One batch at a time: a vendor that rejects every batch must neither fill the
        // memory with waiting messages nor take all request slots from other campaigns.
        let Some(_turn) = halt.run_until_cancelled(self.singly.lock()).await else {
            return;
        };
        for message in refused.messages {
            let NextRequest::Allowed(permits) =
                self.wait_for_permits(RequestKind::Single, 1, halt).await
            else {
                return;
            };
            let (lane, pass) = (self.clone(), pass.clone());
            pass.sends.clone().spawn(async move {
                lane.send(vec![message], permits, &pass).await;
            });
        }
    }

    /// Sends a batch and records its results, unless it is given up. Returns the
    /// messages if the batch was rejected as a whole.
    async fn send(
        &self,
        batch: Vec<ReadyMessage>,
        permits: SendPermits,
        pass: &Pass,
    ) -> Option<RefusedBatch> {
        let sending = self.send_batch(batch, permits, &pass.results);
        let refused = pass.stop.give_up.run_until_cancelled(sending).await;
        refused.flatten()
    }

    async fn send_batch(
        &self,
        batch: Vec<ReadyMessage>,
        permits: SendPermits,
        results: &Sender<recorder::MessageResult>,
    ) -> Option<RefusedBatch> {
        let SendPermits {
            room,
            permit,
            reserved,
            unrecorded,
        } = permits;
        // Shared by all results: the room is released when the last one is recorded.
        let unrecorded = Arc::new(unrecorded);
        let cleared = batch.iter().map(|one| (one.id.clone(), one.clearance));
        let gate = Gate::new(self.shared.clone(), cleared.collect(), reserved);
        let names: Vec<String> = batch.iter().map(|one| one.id.to_string()).collect();
        let outgoing = batch.iter().zip(&names);
        let outgoing: Vec<_> = outgoing.map(|(one, name)| outgoing_as(name, one)).collect();
        let tried = self.outlet.send(permit, &outgoing, gate).await;
        if let Some(rest) = tried.iter().filter_map(SendOutcome::requested_pause).max() {
            self.pause_for_vendor(rest);
        }
        let mut messages = Vec::new();
        for (message, tried) in batch.into_iter().zip(tried) {
            if tried.answer == Answer::BatchRefused {
                messages.push(message);
                continue;
            }
            // The clearance at the write, if there is one, has the latest number of
            // attempts.
            let cleared = tried
                .begun
                .map_or(message.clearance, |begun| begun.clearance);
            let (delivery, share) = (&self.shared.delivery, rand::random());
            let made = outcome::commands(tried, cleared.attempts, delivery, now(), share);
            if !made.is_empty() {
                // Cannot fail: the recorder runs until all senders are dropped.
                let result = recorder::MessageResult {
                    message: message.id,
                    commands: made,
                    _unrecorded: Some(unrecorded.clone()),
                };
                let _taken = results.send(result).await;
            }
        }
        let refused = (!messages.is_empty()).then(|| RefusedBatch {
            messages,
            _pending: self.refused.token(),
        });
        // Released last, so that the batch that gets the slot sees that this one was
        // rejected and waits.
        drop(room);
        refused
    }

    /// Waits for permission to send the next request, with up to `count` messages.
    async fn wait_for_permits(
        &self,
        kind: RequestKind,
        count: usize,
        halt: &CancellationToken,
    ) -> NextRequest {
        let is_blocked = || kind == RequestKind::Batch && !self.refused.is_empty();
        while !halt.is_cancelled() {
            if is_blocked() {
                halt.run_until_cancelled(self.refused.wait()).await;
                return NextRequest::Stale;
            }
            if self.closed_for().is_some() {
                self.wait_until_open(halt).await;
                return NextRequest::Stale;
            }
            let room = halt.run_until_cancelled(self.outlet.room()).await;
            let Some(room) = room.flatten() else {
                return NextRequest::Halted;
            };
            let results = &self.outlet.results;
            let unrecorded = match results.reserve(&self.shared.log, count).await {
                Ok(unrecorded) => unrecorded,
                Err(denied) => {
                    drop(room);
                    halt.run_until_cancelled(results.until_changed()).await;
                    match denied {
                        Denied::UntilRecorded => continue,
                        Denied::NoRoom => return NextRequest::Stale,
                    }
                }
            };
            // Checked again: both may have changed during the waits for a slot and room.
            if is_blocked() || self.pause_left().is_some() {
                continue;
            }
            let wait = match self.rate.reserve(count).await {
                Ok(Permission::Granted(reserved)) => match self.outlet.acquire_permit() {
                    Some(permit) => return grant(room, permit, reserved, unrecorded).await,
                    None => continue,
                },
                Ok(Permission::Wait(wait)) => wait,
                Err(error) => {
                    let campaign = &self.campaign;
                    tracing::warn!(%campaign, %error, "cannot reserve tokens of the campaign's rate, trying again");
                    LOOK
                }
            };
            // Other campaigns may use the slot and the room meanwhile.
            drop((room, unrecorded));
            halt.run_until_cancelled(tokio::time::sleep(wait)).await;
        }
        NextRequest::Halted
    }

    async fn wait_until_open(&self, halt: &CancellationToken) {
        while let Some(left) = self.closed_for()
            && !halt.is_cancelled()
        {
            let sleep = tokio::time::sleep(left.min(LOOK));
            halt.run_until_cancelled(sleep).await;
        }
    }

    /// Returns how long nothing of this campaign may be sent: because of the pause that
    /// the vendor asked for, or of the circuit breaker.
    fn closed_for(&self) -> Option<Duration> {
        self.pause_left().max(self.outlet.closed_for())
    }

    fn pause_left(&self) -> Option<Duration> {
        let until = *self
            .paused_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let left = until?.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    fn pause_for_vendor(&self, rest: Duration) {
        if self.pause_left().is_none() {
            tracing::info!(campaign = %self.campaign, ?rest, "the vendor is busy: the campaign pauses");
        }
        self.pause_for(rest);
    }

    fn pause_for(&self, rest: Duration) {
        let until = Instant::now() + rest;
        let mut paused_until = self
            .paused_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *paused_until = (*paused_until).max(Some(until));
    }
}

async fn grant(
    room: OwnedSemaphorePermit,
    permit: Permit,
    mut reserved: Reserved,
    mut unrecorded: Unrecorded,
) -> NextRequest {
    // One message is enough to find out whether the vendor is up again.
    if permit == Permit::Probe {
        reserved.keep(1).await;
    }
    unrecorded.keep(reserved.count());
    NextRequest::Allowed(SendPermits {
        room,
        permit,
        reserved,
        unrecorded,
    })
}

/// Returns whether the campaign is being sent, by its head.
pub(super) async fn is_sending(
    shared: &SharedResources,
    campaign: &CampaignId,
) -> Result<bool, WorkError> {
    let head = shared.commands.campaign(campaign).await?;
    let status = head.and_then(|campaign| campaign.status());
    Ok(status == Some(CampaignStatus::Sending))
}

async fn suppress(results: &Sender<recorder::MessageResult>, id: MessageId, why: Suppression) {
    let suppress = MessageCommand::Suppress(why);
    // Cannot fail: the recorder runs until all senders are dropped.
    let result = recorder::MessageResult {
        message: id,
        commands: vec![suppress],
        _unrecorded: None,
    };
    let _taken = results.send(result).await;
}

/// Returns how many messages of these sizes fit into one request, from the first on;
/// at least one, however large it is.
fn within_body(sizes: impl Iterator<Item = usize>) -> usize {
    let totals = sizes.scan(0_usize, |total, size| {
        *total = total.saturating_add(size);
        Some(*total)
    });
    totals
        .enumerate()
        .take_while(|(place, total)| *place == 0 || *total <= LARGEST_BODY)
        .count()
}

/// Returns the size of a text as a JSON string, in bytes, without the quotes.
fn json_size(text: &str) -> usize {
    let escaped = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 2,
        0..0x20 => 6,
        _ => 1,
    };
    text.bytes().map(escaped).sum()
}

/// Converts a message for the vendor client.
fn outgoing_as<'a>(
    message_id: &'a str,
    message: &'a ReadyMessage,
) -> (&'a MessageId, Outgoing<'a>) {
    let ReadyMessage { id, to, text, .. } = message;
    let outgoing = Outgoing {
        message_id,
        to,
        text,
    };
    (id, outgoing)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(text: &str) -> ReadyMessage {
        ReadyMessage {
            id: format!("msg_{:032x}_ada", 7).parse().unwrap(),
            clearance: Clearance::at(Instant::now()),
            to: "ada@example.com".to_owned(),
            text: text.to_owned(),
        }
    }

    /// Returns how many of a hundred messages with this text fit into one request.
    fn together(text: &str) -> usize {
        within_body((0..100).map(|_| ready(text).size()))
    }

    #[test]
    fn a_batch_is_limited_in_bytes_and_has_at_least_one_message() {
        assert_eq!(together("Hi Ada!"), 100);
        assert_eq!(together(&"x".repeat(2_000)), 100);
        assert_eq!(together(&"x".repeat(64 * 1024)), 3);
        assert_eq!(together(&"\n".repeat(64 * 1024)), 1);
        assert_eq!(together(&"x".repeat(LARGEST_BODY)), 1);
        assert_eq!(within_body([LARGEST_BODY, 1].into_iter()), 1);
        assert_eq!(within_body([LARGEST_BODY - 1, 1, 1].into_iter()), 2);
        assert_eq!(within_body([].into_iter()), 0);
    }

    #[test]
    fn the_size_of_a_text_is_that_of_its_json() {
        for text in [
            "",
            "Hi Ada!",
            "\"a\\b\"",
            "one\ntwo\r\n\t",
            "\u{1}\u{7f}",
            "zwölf €",
        ] {
            let json = serde_json::to_string(text).unwrap();
            assert_eq!(json_size(text), json.len() - 2, "{text}");
        }
    }
}
