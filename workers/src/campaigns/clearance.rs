//! Permission to send a message, decided on heads that were just read.
//!
//! Four heads decide: the campaign's (status `sending`), the message's (queued and
//! due), the customer's (not unsubscribed) and the address's (nobody unsubscribed with
//! it, and not on the suppression list). Views do not decide, since they may lag
//! or be lost. A decision is valid for [`MAX_AGE`]; if more time has passed by the
//! monotonic clock when a request can be written, its [`Gate`] reads the heads again.
//! The monotonic clock advances while the process is stopped, but not while the host
//! is suspended.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use commands::MessageHeads;
use domain::{AddressId, ListedFor, MessageId, Suppression, Timestamp};

use super::backoff;
use super::error::WorkError;
use super::head::is_sending;
use super::rate::Reserved;
use crate::clock::now;
use crate::shared::SharedResources;

/// Largest age of the heads at the time the request to the vendor is written.
pub(super) const MAX_AGE: Duration = Duration::from_millis(200);

/// Number of times the heads are read for one request before its messages are left
/// to the next pass.
const MAX_READS: usize = 3;

/// Shortest time between two warnings about slow reads.
const WARN_EVERY: Duration = Duration::from_secs(10);

/// Permission to send one message, based on heads read at a known time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Clearance {
    /// Start of the read of the heads, by the monotonic clock. The start, since
    /// the heads may have changed at any time after it.
    read_at: Instant,
    /// Number of failed attempts.
    pub(super) attempts: u32,
    /// Number of the customer's last event; 0 if there is none.
    pub(super) customer_seen: u64,
}

/// Decision about one message, based on its heads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SendDecision {
    /// Send the message.
    Send(Clearance),
    /// Suppress the message: its customer has unsubscribed, or another customer with
    /// its address.
    Unsubscribed,
    /// Suppress the message: its address is on the suppression list.
    Listed(ListedFor),
    /// Do not send the message now: it is no longer queued, is not due yet, or its
    /// campaign is not being sent.
    Hold,
}

/// Progress of a request to the vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Waiting for a connection.
    Connecting,
    /// Reading the heads again.
    Checking,
    /// Written at this instant by the wall clock, with the messages that have a
    /// clearance.
    Begun(Timestamp),
    /// Not written: by their heads, none of its messages may be sent anymore.
    Withheld,
}

/// Time and clearance with which a message was written to the vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Begun {
    /// Instant of the write, by the wall clock.
    pub(super) at: Timestamp,
    /// Clearance of the message at that instant.
    pub(super) clearance: Clearance,
}

/// Error that aborts a request whose messages may no longer be sent.
#[derive(Debug, thiserror::Error)]
#[error("none of the messages may be sent any more")]
pub(super) struct WithheldError;

impl Clearance {
    /// Returns a clearance without attempts or events, for tests.
    #[cfg(test)]
    pub(super) fn at(read_at: Instant) -> Self {
        Self {
            read_at,
            attempts: 0,
            customer_seen: 0,
        }
    }
}

impl SendDecision {
    pub(super) fn is_send(&self) -> bool {
        matches!(self, Self::Send(_))
    }

    /// Returns the reason to suppress the message, if there is one.
    pub(super) fn suppression(&self) -> Option<Suppression> {
        match self {
            Self::Unsubscribed => Some(Suppression::Unsubscribed),
            Self::Listed(detail) => Some(Suppression::SuppressionList { detail: *detail }),
            Self::Send(_) | Self::Hold => None,
        }
    }

    fn is_stale(&self) -> bool {
        matches!(self, Self::Send(clearance) if clearance.read_at.elapsed() > MAX_AGE)
    }
}

/// Reads the heads and decides about messages of one campaign, each with its address,
/// in the order of `messages`; `None` if the campaign is not being sent.
pub(super) async fn decide(
    shared: &SharedResources,
    messages: &[(MessageId, AddressId)],
) -> Result<Option<Vec<SendDecision>>, WorkError> {
    let Some((first, _)) = messages.first() else {
        return Ok(Some(Vec::new()));
    };
    // Taken before the read: a clearance must not look fresher than its heads.
    let read_at = Instant::now();
    let (is_sending, heads) = tokio::try_join!(is_sending(shared, &first.campaign), async {
        Ok(shared.commands.message_heads(messages).await?)
    })?;
    let now = now();
    let latest = backoff::latest_due(now, &shared.delivery);
    let rests = |at: Timestamp| now < at && at <= latest;
    let decide = |heads: MessageHeads| {
        if heads.message.due_at().is_none_or(rests) {
            SendDecision::Hold
        } else if heads.has_opted_out || heads.address.is_unsubscribed() {
            SendDecision::Unsubscribed
        } else if let Some(detail) = heads.address.listed_for() {
            SendDecision::Listed(detail)
        } else {
            SendDecision::Send(Clearance {
                read_at,
                attempts: heads.message.attempts(),
                customer_seen: heads.customer_seen,
            })
        }
    };
    Ok(is_sending.then(|| heads.into_iter().map(decide).collect()))
}

/// Gate of one request: renews the clearances of its messages, and passes only messages
/// with a fresh one.
pub(super) struct Gate {
    shared: Arc<SharedResources>,
    messages: Vec<(MessageId, AddressId)>,
    decisions: Vec<SendDecision>,
    reserved: Reserved,
    progress: Arc<Mutex<GateProgress>>,
}

/// Progress of the request behind a [`Gate`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GateProgress {
    pub(super) stage: Stage,
    /// Last decision about each message, in the order of the batch.
    pub(super) decisions: Vec<SendDecision>,
}

/// Handle for reading the progress of the request behind a [`Gate`].
pub(super) struct ProgressHandle(Arc<Mutex<GateProgress>>);

impl Gate {
    /// Creates the gate for a batch of messages of one campaign, with one rate token
    /// reserved for each.
    pub(super) fn new(
        shared: Arc<SharedResources>,
        cleared: Vec<((MessageId, AddressId), Clearance)>,
        reserved: Reserved,
    ) -> Self {
        let (messages, clearances): (Vec<_>, Vec<_>) = cleared.into_iter().unzip();
        let decisions: Vec<_> = clearances.into_iter().map(SendDecision::Send).collect();
        let progress = GateProgress {
            stage: Stage::Connecting,
            decisions: decisions.clone(),
        };
        Self {
            shared,
            messages,
            decisions,
            reserved,
            progress: Arc::new(Mutex::new(progress)),
        }
    }

    /// Returns a handle for reading the progress, which stays valid after
    /// [`pass`](Self::pass).
    pub(super) fn progress_handle(&self) -> ProgressHandle {
        ProgressHandle(self.progress.clone())
    }

    /// Makes all clearances fresh: reads the heads of all messages again until the
    /// read is recent enough, and holds the messages after [`MAX_READS`].
    pub(super) async fn renew(&mut self) {
        // One read is enough unless it is slow or the process is stopped meanwhile.
        for _ in 0..MAX_READS {
            if !self.is_stale() {
                break;
            }
            self.read_again().await;
        }
        if self.is_stale() {
            warn_of_slow_reads();
            self.hold();
        }
        lock(&self.progress).decisions.clone_from(&self.decisions);
    }

    /// Returns the indices in the batch of the messages that may be sent, by the last
    /// decisions.
    pub(super) fn open(&self) -> Vec<usize> {
        let decisions = self.decisions.iter().enumerate();
        decisions
            .filter_map(|(place, decision)| decision.is_send().then_some(place))
            .collect()
    }

    /// Decides which messages are written, and returns their indices in the batch.
    /// Must be awaited only when the request can be written at once.
    ///
    /// # Errors
    /// [`WithheldError`] if none of them may.
    pub(super) async fn pass(mut self) -> Result<Vec<usize>, WithheldError> {
        lock(&self.progress).stage = Stage::Checking;
        self.renew().await;
        // Spending the tokens takes a round trip to Redis, in which a clearance may
        // become stale. Then nothing is written; the tokens are lost, which only
        // slows the campaign down.
        let may = self.reserved.written(self.open().len()).await && !self.is_stale();
        if !may {
            self.hold();
        }
        let open = self.open();
        let mut progress = lock(&self.progress);
        progress.decisions.clone_from(&self.decisions);
        if open.is_empty() {
            progress.stage = Stage::Withheld;
            return Err(WithheldError);
        }
        progress.stage = Stage::Begun(now());
        Ok(open)
    }

    fn is_stale(&self) -> bool {
        self.decisions.iter().any(SendDecision::is_stale)
    }

    /// Reads the heads of all messages that may still be sent, and decides again.
    async fn read_again(&mut self) {
        let open = self.open();
        let messages: Vec<_> = open.iter().map(|at| self.messages[*at].clone()).collect();
        match decide(&self.shared, &messages).await {
            Ok(Some(decided)) => {
                for (place, decision) in open.into_iter().zip(decided) {
                    self.decisions[place] = decision;
                }
            }
            Ok(None) => self.hold(),
            Err(error) => {
                // Logged at debug level: the lane meets the same error and warns about
                // it.
                tracing::debug!(%error, "messages are held: their heads cannot be read");
                self.hold();
            }
        }
    }

    fn hold(&mut self) {
        for decision in self.decisions.iter_mut().filter(|one| one.is_send()) {
            *decision = SendDecision::Hold;
        }
    }
}

/// Logs a warning at most once per [`WARN_EVERY`], since every message of a campaign
/// may be affected.
fn warn_of_slow_reads() {
    static LAST: Mutex<Option<Instant>> = Mutex::new(None);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if last.is_none_or(|at| at.elapsed() >= WARN_EVERY) {
        *last = Some(Instant::now());
        tracing::warn!(limit = ?MAX_AGE, "messages are held: reading their heads takes too long");
    }
}

impl ProgressHandle {
    pub(super) fn progress(&self) -> GateProgress {
        lock(&self.0).clone()
    }
}

fn lock(progress: &Mutex<GateProgress>) -> MutexGuard<'_, GateProgress> {
    // A panic cannot leave the value in a broken state: it is only assigned.
    progress.lock().unwrap_or_else(PoisonError::into_inner)
}
