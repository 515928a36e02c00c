//! Sends one campaign's messages to the vendor.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use domain::{
    CampaignId, CampaignStatus, MessageCommand, MessageId, RecordedMessage, ReproduceError,
    Suppression,
};
use eventlog::Partition;
use projections::messages::{Due, MessageDocument};
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::breaker::Permit;
use super::clearance::{self, Clearance, Decision, Gate};
use super::memory::{Denied, Unrecorded};
use super::outcome::Tried;
use super::outlet::Outlet;
use super::rate::{Limiter, Permission, Reserved};
use super::recorder::{self, Recorder};
use super::vendor::{Answer, Outgoing};
use super::{WorkError, now, outcome, pace, request_of};
use crate::shared::Shared;

/// How often the campaign's head is read, to notice that it is not being sent.
const HEADS: Duration = Duration::from_millis(250);

/// How long a campaign rests whose messages only a newer program can send.
const AWAITING_UPGRADE: Duration = Duration::from_secs(30);

/// How often a lane checks whether the circuit breaker has closed.
const LOOK: Duration = Duration::from_millis(250);

/// The most bytes of messages in one request. Many servers refuse bodies of
/// more than a megabyte; a batch of common messages has a tenth of it.
const LARGEST_BODY: usize = 256 * 1024;

/// The bytes of a message in a request beside its id, address and text: the
/// names of the members, and the callback's URL.
const MEMBERS: usize = 256;

/// The state of a campaign for as long as it is being sent, over all passes
/// through its messages.
pub(super) struct Lane {
    shared: Arc<Shared>,
    outlet: Arc<Outlet>,
    campaign: CampaignId,
    /// The partitions whose messages this process sends.
    partitions: Arc<[Partition]>,
    per_second: Option<u32>,
    rate: Limiter,
    /// Until when the vendor wants no messages of this campaign.
    rests_until: Mutex<Option<Instant>>,
    /// Holds a token for each refused batch whose messages are still to be sent
    /// singly. Always closed, so that it can be waited for.
    refused: TaskTracker,
    /// Held by the one batch whose messages are being sent singly.
    singly: tokio::sync::Mutex<()>,
}

/// Ends a pass early.
#[derive(Clone)]
pub(super) struct Stop {
    /// Nothing more is sent; requests in flight are waited for.
    pub(super) halt: CancellationToken,
    /// Nothing is waited for. Only after `halt`.
    pub(super) give_up: CancellationToken,
}

/// Messages to send now.
struct Taken {
    messages: Vec<Ready>,
    /// The id of the last message that was considered.
    last: String,
}

/// A message to send.
struct Ready {
    id: MessageId,
    clearance: Clearance,
    to: String,
    text: String,
}

/// How a request came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It has what is due.
    Batch,
    /// It has one message of a batch that was refused.
    Single,
}

/// Messages of a batch that the vendor refused as a whole.
struct Refused {
    messages: Vec<Ready>,
    /// Keeps the lane from starting further batches.
    _pending: TaskTrackerToken,
}

/// Whether the next request may go.
enum Way {
    Free(Leave),
    /// It may, after a long wait: what was taken up must be looked at again.
    Stale,
    Halted,
}

/// Permission to send one request, with as many messages as are reserved.
struct Leave {
    room: OwnedSemaphorePermit,
    permit: Permit,
    reserved: Reserved,
    unrecorded: Unrecorded,
}

/// One pass through the messages that are due.
#[derive(Clone)]
struct Run {
    /// The tasks that send them.
    sends: TaskTracker,
    results: Sender<recorder::Result>,
    stop: Stop,
}

impl Ready {
    /// About how many bytes it has in a request.
    fn size(&self) -> usize {
        let MessageId { campaign, customer } = &self.id;
        let id = campaign.as_str().len() + customer.as_str().len();
        MEMBERS + id + json_size(&self.to) + json_size(&self.text)
    }
}

impl Lane {
    pub(super) fn new(
        shared: Arc<Shared>,
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
            rests_until: Mutex::default(),
            refused,
            singly: tokio::sync::Mutex::default(),
        }
    }

    /// Makes one pass through the messages that are due, and returns when all
    /// of them have their answers and these are recorded. Messages that failed
    /// are due later, in another pass. Halts when the campaign is not being sent
    /// any more, whatever it waits for.
    pub(super) async fn run(self: Arc<Self>, stop: Stop) {
        let through = CancellationToken::new();
        let going = async {
            self.go_through(&stop).await;
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
                    tracing::info!(%campaign, "nothing more of it is sent");
                    return halt.cancel();
                }
                Err(error) => {
                    tracing::warn!(%campaign, %error, "cannot tell whether it must rest");
                }
            }
        }
    }

    async fn go_through(self: &Arc<Self>, stop: &Stop) {
        let request = request_of(&self.shared.log, &self.campaign, "campaign_launched").await;
        let request = request.unwrap_or_default();
        let commands = self.shared.commands.clone();
        let recorder = Recorder::start(commands, request, stop.give_up.clone());
        let Recorder { results, task } = recorder;
        let run = Run {
            sends: TaskTracker::new(),
            results,
            stop: stop.clone(),
        };
        if let Err(error) = self.send_due(&run).await {
            let campaign = &self.campaign;
            tracing::warn!(%campaign, %error, "sending was broken off, trying again");
        }
        run.sends.close();
        run.sends.wait().await;
        drop(run);
        if let Err(error) = task.await {
            tracing::error!(%error, "the writing down of results broke down");
        }
    }

    async fn send_due(self: &Arc<Self>, run: &Run) -> Result<(), WorkError> {
        let mut after: Option<String> = None;
        let mut count = pace::first(self.per_second);
        self.until_open(&run.stop.halt).await;
        while !run.stop.halt.is_cancelled() {
            let taken = self.take_up(after.as_deref(), count, &run.results);
            let Some(taken) = taken.await? else {
                return Ok(());
            };
            let start = Instant::now();
            after = self.send_all(taken, after, run).await;
            count = pace::next(count, start.elapsed(), self.per_second);
        }
        Ok(())
    }

    /// The next messages that may be due by the view, and may be sent by the
    /// heads. Suppresses those whose customers have unsubscribed. `None` where
    /// there are no more, or the campaign must rest.
    async fn take_up(
        &self,
        after: Option<&str>,
        count: usize,
        results: &Sender<recorder::Result>,
    ) -> Result<Option<Taken>, WorkError> {
        let now = now();
        let latest = outcome::latest_due(now, &self.shared.delivery);
        let store = &self.shared.store;
        let due = Due {
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
                // The view has not heard of it yet.
                Decision::Hold => {}
            }
        }
        let Some(messages) = self.ready(cleared, results).await? else {
            self.rest_for(AWAITING_UPGRADE);
            return Ok(None);
        };
        Ok(Some(Taken { messages, last }))
    }

    /// Renders the texts. Suppresses messages whose text is not the one that
    /// was recorded. `None` if only a newer program can send any of them.
    async fn ready(
        &self,
        cleared: Vec<(MessageDocument, Clearance)>,
        results: &Sender<recorder::Result>,
    ) -> Result<Option<Vec<Ready>>, WorkError> {
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
                // Views may be damaged: only the log tells what is wrong.
                _ => self.by_the_log(&id).await?,
            };
            match sendable {
                Ok((to, text)) => messages.push(Ready {
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

    /// The address and the text of a message by its event.
    async fn by_the_log(
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

    /// Starts sending the messages in batches; returns after which message to
    /// continue. A batch has what was taken up, may share a request and is within
    /// the rate; it never waits for more messages.
    async fn send_all(
        self: &Arc<Self>,
        taken: Taken,
        mut after: Option<String>,
        run: &Run,
    ) -> Option<String> {
        let mut messages = VecDeque::from(taken.messages);
        while !messages.is_empty() {
            let messages_and_attempts =
                messages.iter().map(|one| (&one.id, one.clearance.attempts));
            let count = self.outlet.next_batch(messages_and_attempts);
            // Before a permit is reserved for each, so that none is in vain.
            let count = within_body(messages.iter().take(count).map(Ready::size));
            let Way::Free(leave) = self.way(Kind::Batch, count, &run.stop.halt).await else {
                return after;
            };
            if leave.permit == Permit::Probe {
                // Another one each time: one that the vendor never serves must
                // not keep the circuit breaker open.
                messages.swap(0, rand::random_range(0..messages.len()));
            }
            let batch: Vec<Ready> = messages.drain(..leave.reserved.count()).collect();
            after = batch.last().map(|last| last.id.to_string()).or(after);
            let (lane, run) = (self.clone(), run.clone());
            run.sends.clone().spawn(async move {
                if let Some(refused) = lane.send(batch, leave, &run).await {
                    lane.send_singly(refused, &run).await;
                }
            });
        }
        Some(taken.last)
    }

    /// Sends messages that were refused together again, each in a request of
    /// its own, as if it had just been taken up. One batch at a time: a vendor
    /// that refuses every batch must neither fill the memory with messages that
    /// wait nor take the requests in flight from other campaigns. Messages that
    /// are not sent before the lane halts are still queued, and go alone when
    /// they are taken up.
    async fn send_singly(self: &Arc<Self>, refused: Refused, run: &Run) {
        let halt = &run.stop.halt;
        let Some(_turn) = halt.run_until_cancelled(self.singly.lock()).await else {
            return;
        };
        for message in refused.messages {
            let Way::Free(leave) = self.way(Kind::Single, 1, halt).await else {
                return;
            };
            let (lane, run) = (self.clone(), run.clone());
            run.sends.clone().spawn(async move {
                lane.send(vec![message], leave, &run).await;
            });
        }
    }

    /// Sends a batch and records its results, unless it is given up. Returns
    /// the messages if the batch was refused as a whole.
    async fn send(&self, batch: Vec<Ready>, leave: Leave, run: &Run) -> Option<Refused> {
        let sending = self.send_batch(batch, leave, &run.results);
        let refused = run.stop.give_up.run_until_cancelled(sending).await;
        refused.flatten()
    }

    async fn send_batch(
        &self,
        batch: Vec<Ready>,
        leave: Leave,
        results: &Sender<recorder::Result>,
    ) -> Option<Refused> {
        let Leave {
            room,
            permit,
            reserved,
            unrecorded,
        } = leave;
        // Each result has it until that is recorded.
        let unrecorded = Arc::new(unrecorded);
        let cleared = batch.iter().map(|one| (one.id.clone(), one.clearance));
        let gate = Gate::new(self.shared.clone(), cleared.collect(), reserved);
        let names: Vec<String> = batch.iter().map(|one| one.id.to_string()).collect();
        let outgoing = batch.iter().zip(&names);
        let outgoing: Vec<_> = outgoing.map(|(one, name)| outgoing_as(name, one)).collect();
        let tried = self.outlet.send(permit, &outgoing, gate).await;
        if let Some(rest) = tried.iter().filter_map(Tried::asks_for_rest).max() {
            self.rest(rest);
        }
        let mut messages = Vec::new();
        for (message, tried) in batch.into_iter().zip(tried) {
            if tried.answer == Answer::RefusedTogether {
                messages.push(message);
                continue;
            }
            let cleared = tried
                .begun
                .map_or(message.clearance, |begun| begun.clearance);
            let (delivery, share) = (&self.shared.delivery, rand::random());
            let made = outcome::commands(tried, cleared.attempts, delivery, now(), share);
            if !made.is_empty() {
                // The recorder takes results for as long as there can be any.
                let result = recorder::Result {
                    message: message.id,
                    commands: made,
                    _unrecorded: Some(unrecorded.clone()),
                };
                let _taken = results.send(result).await;
            }
        }
        let refused = (!messages.is_empty()).then(|| Refused {
            messages,
            _pending: self.refused.token(),
        });
        // Only now, so that the next batch to get the room sees what is pending.
        drop(room);
        refused
    }

    /// Waits until the next request may go, with up to `count` messages.
    async fn way(&self, kind: Kind, count: usize, halt: &CancellationToken) -> Way {
        let is_blocked = || kind == Kind::Batch && !self.refused.is_empty();
        while !halt.is_cancelled() {
            if is_blocked() {
                halt.run_until_cancelled(self.refused.wait()).await;
                return Way::Stale;
            }
            if self.closed_for().is_some() {
                self.until_open(halt).await;
                return Way::Stale;
            }
            let room = halt.run_until_cancelled(self.outlet.room()).await;
            let Some(room) = room.flatten() else {
                return Way::Halted;
            };
            let results = &self.outlet.results;
            let unrecorded = match results.reserve(&self.shared.log, count).await {
                Ok(unrecorded) => unrecorded,
                Err(denied) => {
                    drop(room);
                    halt.run_until_cancelled(results.until_changed()).await;
                    match denied {
                        Denied::UntilRecorded => continue,
                        Denied::NoRoom => return Way::Stale,
                    }
                }
            };
            // All of this may have changed while there was no room.
            if is_blocked() || self.resting().is_some() {
                continue;
            }
            let wait = match self.rate.reserve(count).await {
                Ok(Permission::Granted(reserved)) => match self.outlet.ask() {
                    Some(permit) => return leave(room, permit, reserved, unrecorded).await,
                    None => continue,
                },
                Ok(Permission::Wait(wait)) => wait,
                Err(error) => {
                    let campaign = &self.campaign;
                    tracing::warn!(%campaign, %error, "its rate cannot be kept, trying again");
                    LOOK
                }
            };
            // Others may go meanwhile.
            drop((room, unrecorded));
            halt.run_until_cancelled(tokio::time::sleep(wait)).await;
        }
        Way::Halted
    }

    async fn until_open(&self, halt: &CancellationToken) {
        while let Some(left) = self.closed_for()
            && !halt.is_cancelled()
        {
            let sleep = tokio::time::sleep(left.min(LOOK));
            halt.run_until_cancelled(sleep).await;
        }
    }

    /// How long nothing of this campaign may be sent, for whatever reason.
    fn closed_for(&self) -> Option<Duration> {
        self.resting().max(self.outlet.closed_for())
    }

    fn resting(&self) -> Option<Duration> {
        let until = *self
            .rests_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let left = until?.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    fn rest(&self, rest: Duration) {
        if self.resting().is_none() {
            tracing::info!(campaign = %self.campaign, ?rest, "the vendor is busy: the campaign rests");
        }
        self.rest_for(rest);
    }

    fn rest_for(&self, rest: Duration) {
        let until = Instant::now() + rest;
        let mut rests_until = self
            .rests_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *rests_until = (*rests_until).max(Some(until));
    }
}

async fn leave(
    room: OwnedSemaphorePermit,
    permit: Permit,
    mut reserved: Reserved,
    mut unrecorded: Unrecorded,
) -> Way {
    // One message is enough to find out whether the vendor is back.
    if permit == Permit::Probe {
        reserved.keep(1).await;
    }
    unrecorded.keep(reserved.count());
    Way::Free(Leave {
        room,
        permit,
        reserved,
        unrecorded,
    })
}

/// Whether the campaign is being sent, by its head.
pub(super) async fn is_sending(shared: &Shared, campaign: &CampaignId) -> Result<bool, WorkError> {
    let head = shared.commands.campaign(campaign).await?;
    let status = head.and_then(|campaign| campaign.status());
    Ok(status == Some(CampaignStatus::Sending))
}

async fn suppress(results: &Sender<recorder::Result>, id: MessageId, why: Suppression) {
    let suppress = MessageCommand::Suppress(why);
    // The recorder takes results for as long as there can be any.
    let result = recorder::Result {
        message: id,
        commands: vec![suppress],
        _unrecorded: None,
    };
    let _taken = results.send(result).await;
}

/// How many messages of these sizes, from the first on, fit into one request.
/// One always goes, however large it is.
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

/// The bytes of a text as a JSON string, without its quotes.
fn json_size(text: &str) -> usize {
    let escaped = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 2,
        0..0x20 => 6,
        _ => 1,
    };
    text.bytes().map(escaped).sum()
}

/// A message for the vendor client, under its name.
fn outgoing_as<'a>(message_id: &'a str, message: &'a Ready) -> (&'a MessageId, Outgoing<'a>) {
    let Ready { id, to, text, .. } = message;
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

    fn ready(text: &str) -> Ready {
        Ready {
            id: format!("msg_{:032x}_ada", 7).parse().unwrap(),
            clearance: Clearance::at(Instant::now()),
            to: "ada@example.com".to_owned(),
            text: text.to_owned(),
        }
    }

    /// How many messages of this text share a request, of a hundred.
    fn together(text: &str) -> usize {
        within_body((0..100).map(|_| ready(text).size()))
    }

    #[test]
    fn a_batch_is_limited_in_bytes_and_has_one_message_at_least() {
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
