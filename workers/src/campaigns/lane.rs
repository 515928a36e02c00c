//! One campaign's messages on their way to the vendor.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use domain::{CampaignId, CampaignStatus, MessageCommand, MessageId, Suppression};
use projections::messages::MessageDocument;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::breaker::Permit;
use super::clearance::{self, Clearance, Decision, Gate};
use super::outlet::Outlet;
use super::rate::Rate;
use super::recorder::{self, Recorder};
use super::vendor::{Answer, Outgoing};
use super::{WorkError, now, outcome, pace, request_of};
use crate::unit::Shared;

/// How soon it is seen that a campaign must rest.
const HEADS: Duration = Duration::from_millis(250);

/// How soon it is seen that the way to the vendor is free again.
const LOOK: Duration = Duration::from_millis(250);

/// What is known of a campaign for as long as it is being sent, however often
/// its messages are gone through.
pub(super) struct Lane {
    shared: Arc<Shared>,
    outlet: Arc<Outlet>,
    campaign: CampaignId,
    per_second: Option<u32>,
    rate: Option<Mutex<Rate>>,
    /// Until when the vendor wants nothing of it.
    rests_until: Mutex<Option<Instant>>,
}

/// When a lane ends before it is through.
#[derive(Clone)]
pub(super) struct Stop {
    /// Nothing more is sent; what is on its way is waited for.
    pub(super) halt: CancellationToken,
    /// Nothing is waited for.
    pub(super) give_up: CancellationToken,
}

/// Messages to send now.
struct Taken {
    messages: Vec<Ready>,
    /// The id of the last one looked at.
    last: String,
}

/// A message to send.
struct Ready {
    id: MessageId,
    clearance: Clearance,
    to: String,
    text: String,
}

/// Whether the next message may go.
enum Way {
    Free(OwnedSemaphorePermit, Permit),
    /// It may, but only now: what was taken up must be looked at again.
    Stale,
    Halted,
}

impl Lane {
    pub(super) fn new(
        shared: Arc<Shared>,
        outlet: Arc<Outlet>,
        campaign: CampaignId,
        per_second: Option<u32>,
    ) -> Self {
        Self {
            shared,
            outlet,
            campaign,
            per_second,
            rate: per_second.map(|rate| Mutex::new(Rate::new(rate))),
            rests_until: Mutex::default(),
        }
    }

    /// Goes through the messages that are due, once, and returns when all of
    /// them have their answers and these are written down. What failed is due
    /// later, and gone through next time. Halts when the campaign must rest,
    /// whatever it waits for.
    pub(super) async fn run(self: Arc<Self>, stop: Stop) {
        let through = CancellationToken::new();
        let going = async {
            self.go_through(&stop).await;
            through.cancel();
        };
        tokio::join!(through.run_until_cancelled(self.watch(&stop.halt)), going);
    }

    /// Halts once the campaign's head does not say that it is being sent.
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
        let sends = TaskTracker::new();
        if let Err(error) = self.send_due(&sends, &recorder, stop).await {
            let campaign = &self.campaign;
            tracing::warn!(%campaign, %error, "sending was broken off, trying again");
        }
        sends.close();
        sends.wait().await;
        let Recorder { results, task } = recorder;
        drop(results);
        if let Err(error) = task.await {
            tracing::error!(%error, "the writing down of results broke down");
        }
    }

    async fn send_due(
        self: &Arc<Self>,
        sends: &TaskTracker,
        recorder: &Recorder,
        stop: &Stop,
    ) -> Result<(), WorkError> {
        let mut after: Option<String> = None;
        let mut count = pace::first(self.per_second);
        while !stop.halt.is_cancelled() {
            let taken = self.take_up(after.as_deref(), count, &recorder.results);
            let Some(taken) = taken.await? else {
                return Ok(());
            };
            let start = Instant::now();
            after = self.send_all(taken, after, sends, recorder, stop).await;
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
        let (now, longest) = (now(), self.shared.delivery.longest_backoff);
        // Beyond what clocks differ.
        let latest = outcome::later(now, longest.saturating_mul(2));
        let store = &self.shared.store;
        let due = store.messages_due(&self.campaign, now, latest, after, count);
        let due = due.await?;
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
        let messages = self.ready(cleared, results).await?;
        Ok(Some(Taken { messages, last }))
    }

    /// Renders the texts. Suppresses messages whose text is not the one that
    /// was recorded.
    async fn ready(
        &self,
        cleared: Vec<(MessageDocument, Clearance)>,
        results: &Sender<recorder::Result>,
    ) -> Result<Vec<Ready>, WorkError> {
        let recorded = cleared.iter().map(|(document, _)| document.recorded());
        // A message that is queued in the view has an address and a content.
        let Some(recorded) = recorded.collect::<Option<Vec<_>>>() else {
            return Err(WorkError::NoContent);
        };
        let texts = self.shared.commands.texts(recorded).await?;
        let mut messages = Vec::with_capacity(cleared.len());
        let mut held = 0;
        for ((document, clearance), text) in cleared.into_iter().zip(texts) {
            let id = document.id();
            match text {
                Ok(text) => messages.extend(document.to.map(|to| Ready {
                    id,
                    clearance,
                    to,
                    text,
                })),
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
        Ok(messages)
    }

    /// Sends them one after the other, many at a time; tells after which one
    /// to go on.
    async fn send_all(
        self: &Arc<Self>,
        taken: Taken,
        mut after: Option<String>,
        sends: &TaskTracker,
        recorder: &Recorder,
        stop: &Stop,
    ) -> Option<String> {
        for message in taken.messages {
            let Way::Free(room, permit) = self.way(&stop.halt).await else {
                return after;
            };
            let id = message.id.to_string();
            let send = self.clone().send(message, permit, recorder.results.clone());
            let give_up = stop.give_up.clone();
            sends.spawn(async move {
                let _room = room;
                give_up.run_until_cancelled(send).await;
            });
            after = Some(id);
        }
        Some(taken.last)
    }

    async fn send(
        self: Arc<Self>,
        message: Ready,
        permit: Permit,
        results: Sender<recorder::Result>,
    ) {
        let outgoing = Outgoing {
            message_id: &message.id.to_string(),
            to: &message.to,
            text: &message.text,
        };
        let gate = Gate::new(self.shared.clone(), message.id.clone(), message.clearance);
        let tried = self.outlet.send(permit, outgoing, gate).await;
        if let Answer::Busy(rest) = &tried.answer {
            self.rest(*rest);
        }
        let (delivery, share) = (&self.shared.delivery, rand::random());
        let cleared = tried
            .begun
            .map_or(message.clearance, |begun| begun.clearance);
        let made = outcome::commands(tried, cleared.attempts, delivery, now(), share);
        if !made.is_empty() {
            // The recorder takes results for as long as there can be any.
            let _taken = results.send((message.id, made)).await;
        }
    }

    /// Waits until the next message may go.
    async fn way(&self, halt: &CancellationToken) -> Way {
        while !halt.is_cancelled() {
            if self.closed_for().is_some() {
                self.until_open(halt).await;
                return Way::Stale;
            }
            let wait = self.rate_wait();
            if !wait.is_zero() {
                halt.run_until_cancelled(tokio::time::sleep(wait)).await;
                continue;
            }
            let room = halt.run_until_cancelled(self.outlet.room()).await;
            let Some(room) = room.flatten() else {
                return Way::Halted;
            };
            // Much may have happened while there was no room.
            if self.resting().is_none()
                && let Some(permit) = self.outlet.ask()
            {
                self.note_rate();
                return Way::Free(room, permit);
            }
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

    /// How long nothing goes, be it of this campaign or of any.
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
        let until = Instant::now() + rest;
        if self.resting().is_none() {
            tracing::info!(campaign = %self.campaign, ?rest, "the vendor is busy: the campaign rests");
        }
        let mut rests_until = self
            .rests_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *rests_until = (*rests_until).max(Some(until));
    }

    fn rate_wait(&self) -> Duration {
        self.rate.as_ref().map_or(Duration::ZERO, |rate| {
            let rate = rate.lock().unwrap_or_else(PoisonError::into_inner);
            rate.wait(Instant::now())
        })
    }

    fn note_rate(&self) {
        if let Some(rate) = &self.rate {
            let mut rate = rate.lock().unwrap_or_else(PoisonError::into_inner);
            rate.note(Instant::now());
        }
    }
}

/// Whether messages of a campaign are to be sent, by its head.
pub(super) async fn is_sending(shared: &Shared, campaign: &CampaignId) -> Result<bool, WorkError> {
    let head = shared.commands.campaign(campaign).await?;
    let status = head.and_then(|campaign| campaign.status());
    Ok(status == Some(CampaignStatus::Sending))
}

async fn suppress(results: &Sender<recorder::Result>, id: MessageId, why: Suppression) {
    let suppress = MessageCommand::Suppress(why);
    // The recorder takes results for as long as there can be any.
    let _taken = results.send((id, vec![suppress])).await;
}
