//! Permission to send a message, decided on heads that were just read.
//!
//! Three heads decide: the campaign's (it is being sent), the message's (it is
//! queued and due) and the customer's (not unsubscribed). Views are not asked:
//! they may lag, or be lost. What the heads said holds for [`MAX_AGE`]; a
//! [`Gate`] reads them again before a request is written if more time has
//! passed by the monotonic clock. That clock counts while the process is
//! stopped, but not while the host is suspended.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use commands::MessageAndCustomer;
use domain::{MessageId, Timestamp};

use super::rate::Reserved;
use super::{WorkError, lane, now, outcome};
use crate::shared::Shared;

/// How old the heads may be when the request to the vendor is written.
pub(super) const MAX_AGE: Duration = Duration::from_millis(200);

/// How often the heads are read for one request before its messages are left to
/// the next pass.
const MAX_READS: usize = 3;

/// At most one warning is logged in this time.
const WARN_EVERY: Duration = Duration::from_secs(10);

/// Permission to send one message, as its heads gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clearance {
    /// When reading the heads began, by the monotonic clock.
    read_at: Instant,
    /// How many attempts have failed.
    pub(super) attempts: u32,
    /// The number of the customer's last event; 0 if there is none.
    pub(super) customer_seen: u64,
}

/// What the heads say about sending a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    /// It is to be sent.
    Send(Clearance),
    /// It is to be suppressed: its customer has unsubscribed.
    Unsubscribed,
    /// It is not to be sent now: it is no longer queued, not due yet, or its
    /// campaign is not being sent.
    Hold,
}

/// How far a request to the vendor has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// There is no connection to write it to yet.
    Connecting,
    /// Its heads are being read again.
    Checking,
    /// It was written at this instant by the wall clock, with the messages that
    /// have a clearance.
    Begun(Timestamp),
    /// It was not written: the heads permitted none of its messages by then.
    Withheld,
}

/// A message that was written to the vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Begun {
    /// When, by the wall clock.
    pub(super) at: Timestamp,
    /// The permission it was written with.
    pub(super) clearance: Clearance,
}

/// Why a request is not written.
#[derive(Debug, thiserror::Error)]
#[error("none of the messages is to be sent any more")]
pub(super) struct Withheld;

impl Clearance {
    /// A clearance without attempts or events, for tests.
    #[cfg(test)]
    pub(super) fn at(read_at: Instant) -> Self {
        Self {
            read_at,
            attempts: 0,
            customer_seen: 0,
        }
    }

    fn is_fresh(&self) -> bool {
        self.read_at.elapsed() <= MAX_AGE
    }
}

impl Decision {
    pub(super) fn is_send(&self) -> bool {
        matches!(self, Self::Send(_))
    }

    fn is_stale(&self) -> bool {
        matches!(self, Self::Send(clearance) if !clearance.is_fresh())
    }
}

/// What the heads say about messages of one campaign, in the order asked for;
/// `None` if the campaign is not being sent.
pub(super) async fn decide(
    shared: &Shared,
    ids: &[MessageId],
) -> Result<Option<Vec<Decision>>, WorkError> {
    let Some(first) = ids.first() else {
        return Ok(Some(Vec::new()));
    };
    let read_at = Instant::now();
    let (is_sending, heads) = tokio::try_join!(lane::is_sending(shared, &first.campaign), async {
        Ok(shared.commands.messages_with_customers(ids).await?)
    })?;
    let now = now();
    let latest = outcome::latest_due(now, &shared.delivery);
    let rests = |at: Timestamp| now < at && at <= latest;
    let decide = |heads: MessageAndCustomer| {
        if heads.message.due_at().is_none_or(rests) {
            Decision::Hold
        } else if heads.customer.is_unsubscribed() {
            Decision::Unsubscribed
        } else {
            Decision::Send(Clearance {
                read_at,
                attempts: heads.message.attempts(),
                customer_seen: heads.customer_seen,
            })
        }
    };
    Ok(is_sending.then(|| heads.into_iter().map(decide).collect()))
}

/// Lets one request through with those of its messages that have a fresh
/// clearance, which it renews first.
pub(super) struct Gate {
    shared: Arc<Shared>,
    messages: Vec<MessageId>,
    decisions: Vec<Decision>,
    reserved: Reserved,
    progress: Arc<Mutex<Progress>>,
}

/// How far the request behind a [`Gate`] has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Progress {
    pub(super) stage: Stage,
    /// What the heads said last, of each message in the order of the batch.
    pub(super) decisions: Vec<Decision>,
}

/// Tells how far the request behind a [`Gate`] has come.
pub(super) struct Watch(Arc<Mutex<Progress>>);

impl Gate {
    /// For a batch of messages of one campaign, with one rate permit for each.
    pub(super) fn new(
        shared: Arc<Shared>,
        cleared: Vec<(MessageId, Clearance)>,
        reserved: Reserved,
    ) -> Self {
        let (messages, clearances): (Vec<_>, Vec<_>) = cleared.into_iter().unzip();
        let decisions: Vec<_> = clearances.into_iter().map(Decision::Send).collect();
        let progress = Progress {
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

    /// Tells how far the request is, also after [`pass`](Self::pass).
    pub(super) fn watch(&self) -> Watch {
        Watch(self.progress.clone())
    }

    /// Makes sure that all clearances are fresh: reads the heads of all
    /// messages together again until they were read recently enough, which
    /// takes more than one reading where the process is stopped in between.
    /// Holds the messages after [`MAX_READS`].
    pub(super) async fn renew(&mut self) {
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

    /// The places in the batch of the messages that may be sent, by the last
    /// decisions.
    pub(super) fn open(&self) -> Vec<usize> {
        let decisions = self.decisions.iter().enumerate();
        decisions
            .filter_map(|(place, decision)| decision.is_send().then_some(place))
            .collect()
    }

    /// Must be awaited only when the request can be written at once. Returns the
    /// places in the batch of the messages that may be written.
    ///
    /// # Errors
    /// [`Withheld`] if none of them may.
    pub(super) async fn pass(mut self) -> Result<Vec<usize>, Withheld> {
        lock(&self.progress).stage = Stage::Checking;
        self.renew().await;
        // Meanwhile a clearance may have become stale.
        let may = self.reserved.written(self.open().len()).await && !self.is_stale();
        if !may {
            self.hold();
        }
        let open = self.open();
        let mut progress = lock(&self.progress);
        progress.decisions.clone_from(&self.decisions);
        if open.is_empty() {
            progress.stage = Stage::Withheld;
            return Err(Withheld);
        }
        progress.stage = Stage::Begun(now());
        Ok(open)
    }

    fn is_stale(&self) -> bool {
        self.decisions.iter().any(Decision::is_stale)
    }

    /// Reads the heads of all messages that may still be sent, and decides again.
    async fn read_again(&mut self) {
        let open = self.open();
        let ids: Vec<MessageId> = open.iter().map(|at| self.messages[*at].clone()).collect();
        match decide(&self.shared, &ids).await {
            Ok(Some(decided)) => {
                for (place, decision) in open.into_iter().zip(decided) {
                    self.decisions[place] = decision;
                }
            }
            Ok(None) => self.hold(),
            Err(error) => {
                // The lane will run into the same error and warn about it.
                tracing::debug!(%error, "messages wait: their heads cannot be read");
                self.hold();
            }
        }
    }

    fn hold(&mut self) {
        for decision in self.decisions.iter_mut().filter(|one| one.is_send()) {
            *decision = Decision::Hold;
        }
    }
}

/// Warns once in a while, since every message of a campaign may be affected.
fn warn_of_slow_reads() {
    static LAST: Mutex<Option<Instant>> = Mutex::new(None);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if last.is_none_or(|at| at.elapsed() >= WARN_EVERY) {
        *last = Some(Instant::now());
        tracing::warn!(limit = ?MAX_AGE, "messages wait: reading their heads takes too long");
    }
}

impl Watch {
    pub(super) fn progress(&self) -> Progress {
        lock(&self.0).clone()
    }
}

fn lock(progress: &Mutex<Progress>) -> MutexGuard<'_, Progress> {
    // Nothing that is done under the lock can leave it half done.
    progress.lock().unwrap_or_else(PoisonError::into_inner)
}
