//! Sends one campaign's messages to the vendor.
//!
//! A pass loads messages that may be due by the view, keeps those that their heads
//! permit, and renders the texts (`load`). It sends batches as permits become available
//! (`admission`). Each batch is sent by its own task.

mod admission;
mod load;
mod ready;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::{CampaignId, MessageId};
use eventlog::Partition;
use tokio::sync::Mutex;
use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::breaker::Permit;
use super::clearance::Gate;
use super::context::request_of;
use super::error::WorkError;
use super::head::is_sending;
use super::outcome::SendOutcome;
use super::outlet::Outlet;
use super::recorder::{MessageResult, ResultRecorder};
use super::vendor::{Outgoing, VendorAnswer};
use super::{outcome, pace};
use crate::clock::now;
use crate::shared::SharedResources;
use admission::{NextRequest, RequestAdmission, RequestKind, SendPermits};
use load::{LoadOutcome, LoadedMessages, Loader};
use ready::{ReadyMessage, within_body};

/// Interval between reads of the campaign's head, to notice a pause or cancellation.
const HEADS: Duration = Duration::from_millis(250);

/// Pause of a campaign whose messages only a newer program can send.
const AWAITING_UPGRADE: Duration = Duration::from_secs(30);

/// Sender of one campaign. It lives as long as the campaign is being sent, over all
/// passes through its messages.
pub(super) struct Lane {
    shared: Arc<SharedResources>,
    outlet: Arc<Outlet>,
    campaign: CampaignId,
    per_second: Option<u32>,
    loader: Loader,
    admission: RequestAdmission,
    /// Held by the one rejected batch whose messages are being sent one by one.
    singly: Mutex<()>,
}

/// Tokens that end a pass early.
#[derive(Clone)]
pub(super) struct StopTokens {
    /// Stops sending; requests in flight are still awaited.
    pub(super) halt: CancellationToken,
    /// Abandons requests in flight. Cancelled only after `halt`.
    pub(super) give_up: CancellationToken,
}

/// Messages of a batch that the vendor rejected as a whole.
struct RefusedBatch {
    messages: Vec<ReadyMessage>,
    /// Blocks further batches of the lane until dropped.
    _pending: TaskTrackerToken,
}

/// State of one pass through the messages that are due.
#[derive(Clone)]
struct Pass {
    /// Tasks that send batches.
    sends: TaskTracker,
    results: Sender<MessageResult>,
    stop: StopTokens,
}

impl Lane {
    pub(super) fn new(
        shared: Arc<SharedResources>,
        outlet: Arc<Outlet>,
        campaign: CampaignId,
        partitions: Arc<[Partition]>,
        per_second: Option<u32>,
    ) -> Self {
        let admission =
            RequestAdmission::new(shared.clone(), outlet.clone(), campaign.clone(), per_second);
        let loader = Loader {
            shared: shared.clone(),
            campaign: campaign.clone(),
            partitions,
        };
        Self {
            shared,
            outlet,
            campaign,
            per_second,
            loader,
            admission,
            singly: Mutex::default(),
        }
    }

    /// Makes one pass through the messages that are due, and returns when their
    /// results are recorded. Messages that failed become due in a later pass. Halts
    /// when the campaign is no longer being sent, whatever the pass waits for.
    pub(super) async fn run(self: Arc<Self>, stop: StopTokens) {
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

    async fn run_pass(self: &Arc<Self>, stop: &StopTokens) {
        let request = request_of(&self.shared.log, &self.campaign, &["campaign_launched"]).await;
        let request = request.unwrap_or_default();
        let commands = self.shared.commands.clone();
        let recorder = ResultRecorder::start(commands, request, stop.give_up.clone());
        let ResultRecorder { results, task } = recorder;
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
        self.admission.wait_until_open(&pass.stop.halt).await;
        while !pass.stop.halt.is_cancelled() {
            let loading = self.loader.load(after.as_deref(), count, &pass.results);
            let loaded = match loading.await? {
                LoadOutcome::Messages(loaded) => loaded,
                LoadOutcome::Nothing => return Ok(()),
                LoadOutcome::NeedsUpgrade => {
                    self.admission.pause_for(AWAITING_UPGRADE);
                    return Ok(());
                }
            };
            let start = Instant::now();
            after = self.send_all(loaded, after, pass).await;
            count = pace::next(count, start.elapsed(), self.per_second);
        }
        Ok(())
    }

    /// Starts sending the messages in batches. Returns the id of the message after
    /// which to continue. A batch never waits for more messages to fill up.
    async fn send_all(
        self: &Arc<Self>,
        loaded: LoadedMessages,
        mut after: Option<String>,
        pass: &Pass,
    ) -> Option<String> {
        let mut messages = VecDeque::from(loaded.messages);
        while !messages.is_empty() {
            let messages_and_attempts =
                messages.iter().map(|one| (&one.id, one.clearance.attempts));
            let count = self.outlet.next_batch(messages_and_attempts);
            // Limited before tokens are reserved, so that no surplus token is reserved.
            let count = within_body(messages.iter().take(count).map(ReadyMessage::size));
            let NextRequest::Allowed(permits) = self
                .admission
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
        Some(loaded.last)
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
            let NextRequest::Allowed(permits) = self
                .admission
                .wait_for_permits(RequestKind::Single, 1, halt)
                .await
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
        results: &Sender<MessageResult>,
    ) -> Option<RefusedBatch> {
        let SendPermits {
            room,
            permit,
            reserved,
            unrecorded,
        } = permits;
        // Shared by all results: the room is released when the last one is recorded.
        let unrecorded = Arc::new(unrecorded);
        let cleared = batch.iter();
        let cleared = cleared.map(|one| ((one.id.clone(), one.address), one.clearance));
        let gate = Gate::new(self.shared.clone(), cleared.collect(), reserved);
        let names: Vec<String> = batch.iter().map(|one| one.id.to_string()).collect();
        let outgoing = batch.iter().zip(&names).map(|(message, message_id)| {
            let ReadyMessage { id, to, text, .. } = message;
            let outgoing = Outgoing {
                message_id,
                to,
                text,
            };
            (id, outgoing)
        });
        let outgoing: Vec<(&MessageId, Outgoing<'_>)> = outgoing.collect();
        let tried = self.outlet.send(permit, &outgoing, gate).await;
        if let Some(rest) = tried.iter().filter_map(SendOutcome::requested_pause).max() {
            self.admission.pause_for_vendor(rest);
        }
        let mut messages = Vec::new();
        for (message, tried) in batch.into_iter().zip(tried) {
            if tried.answer == VendorAnswer::BatchRefused {
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
                let result = MessageResult {
                    message: message.id,
                    commands: made,
                    _unrecorded: Some(unrecorded.clone()),
                };
                let _taken = results.send(result).await;
            }
        }
        let refused = (!messages.is_empty()).then(|| RefusedBatch {
            messages,
            _pending: self.admission.block_batches(),
        });
        // Released last, so that the batch that gets the slot sees that this one was
        // rejected and waits.
        drop(room);
        refused
    }
}
