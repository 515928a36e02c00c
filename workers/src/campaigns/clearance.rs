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

use super::{WorkError, lane, now, outcome};
use crate::unit::Shared;

/// How old the heads may be when the request to the vendor is written.
pub(super) const MAX_AGE: Duration = Duration::from_millis(200);

/// How often the heads are read for one request before it waits for the next
/// round.
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
    /// It is not to be sent now: it is not queued any more, rests, or its
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
    /// It was written.
    Begun(Begun),
    /// It was not written, since the heads said otherwise by then.
    Withheld(Decision),
}

/// A request that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Begun {
    /// When, by the wall clock.
    pub(super) at: Timestamp,
    /// The permission it was written with.
    pub(super) clearance: Clearance,
}

/// Why a request is not written.
#[derive(Debug, thiserror::Error)]
#[error("the message is not to be sent any more")]
pub(super) struct Withheld;

impl Clearance {
    fn is_fresh(&self) -> bool {
        self.read_at.elapsed() <= MAX_AGE
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
    // Beyond what clocks differ.
    let latest = outcome::later(now, shared.delivery.longest_backoff.saturating_mul(2));
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

/// Lets one request through while its clearance is fresh, or renews it first.
pub(super) struct Gate {
    shared: Arc<Shared>,
    message: MessageId,
    clearance: Clearance,
    stage: Arc<Mutex<Stage>>,
}

/// Tells how far the request behind a [`Gate`] has come.
pub(super) struct Progress(Arc<Mutex<Stage>>);

impl Gate {
    pub(super) fn new(shared: Arc<Shared>, message: MessageId, clearance: Clearance) -> Self {
        Self {
            shared,
            message,
            clearance,
            stage: Arc::new(Mutex::new(Stage::Connecting)),
        }
    }

    /// Tells how far the request is, also after [`pass`](Self::pass).
    pub(super) fn progress(&self) -> Progress {
        Progress(self.stage.clone())
    }

    /// Makes sure that the clearance is fresh: reads the heads again until
    /// they were read recently enough, which takes more than one reading where
    /// the process is stopped in between. Holds the message after
    /// [`MAX_READS`].
    pub(super) async fn renew(&mut self) -> Decision {
        for _ in 0..MAX_READS {
            if self.clearance.is_fresh() {
                return Decision::Send(self.clearance);
            }
            match decide(&self.shared, std::slice::from_ref(&self.message)).await {
                Ok(decided) => match decided.and_then(|mut decided| decided.pop()) {
                    Some(Decision::Send(clearance)) => self.clearance = clearance,
                    decision => return decision.unwrap_or(Decision::Hold),
                },
                Err(error) => {
                    // Its lane is about to meet the same error, and warns of it.
                    tracing::debug!(%error, "a message waits: its heads cannot be read");
                    return Decision::Hold;
                }
            }
        }
        match self.clearance.is_fresh() {
            true => Decision::Send(self.clearance),
            false => {
                warn_of_slow_reads();
                Decision::Hold
            }
        }
    }

    /// To be awaited when the request can be written at once.
    ///
    /// # Errors
    /// [`Withheld`] if it must not be written.
    pub(super) async fn pass(mut self) -> Result<(), Withheld> {
        *lock(&self.stage) = Stage::Checking;
        let decision = self.renew().await;
        let mut stage = lock(&self.stage);
        match decision {
            Decision::Send(clearance) => {
                let at = now();
                *stage = Stage::Begun(Begun { at, clearance });
                Ok(())
            }
            decision => {
                *stage = Stage::Withheld(decision);
                Err(Withheld)
            }
        }
    }
}

/// Every message of a campaign may meet this.
fn warn_of_slow_reads() {
    static LAST: Mutex<Option<Instant>> = Mutex::new(None);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if last.is_none_or(|at| at.elapsed() >= WARN_EVERY) {
        *last = Some(Instant::now());
        tracing::warn!(limit = ?MAX_AGE, "messages wait: reading their heads takes too long");
    }
}

impl Progress {
    pub(super) fn stage(&self) -> Stage {
        *lock(&self.0)
    }

    /// The request, if it was written.
    pub(super) fn begun(&self) -> Option<Begun> {
        match self.stage() {
            Stage::Begun(begun) => Some(begun),
            Stage::Connecting | Stage::Checking | Stage::Withheld(_) => None,
        }
    }
}

fn lock(stage: &Mutex<Stage>) -> MutexGuard<'_, Stage> {
    // Nothing that is done under the lock can leave it half done.
    stage.lock().unwrap_or_else(PoisonError::into_inner)
}
