//! Events that requests record in the background: refusals, uses of API keys, and
//! abandoned calls for assistance.
//!
//! A request only queues a note. One task turns notes into events. Refusals are
//! rate limited, so that clients cannot fill the log with them; each recorded
//! refusal carries the number of unrecorded ones of its class before it.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};

use commands::{Commands, Context};
use domain::{ApiKeyCommand, Assist, KeyId, Refusal, RefusalReason, Text, UserError};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio_util::sync::CancellationToken;

/// Capacity of the queue of notes.
const CAPACITY: usize = 256;

/// Maximum burst of refusals that are recorded.
const BURST: NonZeroU32 = NonZeroU32::new(50).unwrap();

/// Refusals per second of authenticated clients that are recorded after the burst.
const PER_SECOND: NonZeroU32 = NonZeroU32::new(5).unwrap();

/// Refused receipts per second that are recorded after the burst.
const RECEIPTS_PER_SECOND: NonZeroU32 = NonZeroU32::new(5).unwrap();

/// Refusals per minute of people who are not admitted that are recorded after the burst.
const NOT_ADMITTED_PER_MINUTE: NonZeroU32 = NonZeroU32::new(6).unwrap();

/// Refusals per minute of unauthenticated clients that are recorded after the burst.
const ANONYMOUS_PER_MINUTE: NonZeroU32 = NonZeroU32::new(6).unwrap();

/// Class of refused clients. Each has a limit of its own, so that others cannot exhaust
/// it.
#[derive(Debug, Clone, Copy)]
enum RefusedClient {
    Authenticated,
    /// Vendor whose signature is valid.
    Vendor,
    /// Person whom the provider identifies and Patron does not admit. At a public
    /// provider, anyone can sign in like this.
    NotAdmitted,
    Anonymous,
}

/// Note that a request queues.
enum JournalNote {
    Refused(RefusedClient, Context, Refusal),
    Used(Context, KeyId),
    Assisted(Context, Box<Assist>),
}

/// Receiving end of the queue of notes.
pub(crate) struct Notes(Receiver<JournalNote>);

/// Sending end of the queue of notes, with the refusals of each class.
pub(crate) struct Journal {
    notes: Sender<JournalNote>,
    authenticated: RefusalCounter,
    vendor: RefusalCounter,
    not_admitted: RefusalCounter,
    anonymous: RefusalCounter,
}

/// Rate limit and count of the refusals of one class.
struct RefusalCounter {
    limit: DefaultDirectRateLimiter,
    /// Refusals since the last one of the class that was recorded.
    unrecorded: AtomicU64,
}

impl RefusalCounter {
    fn new(quota: Quota) -> Self {
        Self {
            limit: RateLimiter::direct(quota.allow_burst(BURST)),
            unrecorded: AtomicU64::new(0),
        }
    }
}

/// Creates a journal, and the queue that [`Journal::record`] reads.
pub(crate) fn open() -> (Journal, Notes) {
    let (sender, receiver) = channel(CAPACITY);
    let journal = Journal {
        notes: sender,
        authenticated: RefusalCounter::new(Quota::per_second(PER_SECOND)),
        vendor: RefusalCounter::new(Quota::per_second(RECEIPTS_PER_SECOND)),
        not_admitted: RefusalCounter::new(Quota::per_minute(NOT_ADMITTED_PER_MINUTE)),
        anonymous: RefusalCounter::new(Quota::per_minute(ANONYMOUS_PER_MINUTE)),
    };
    (journal, Notes(receiver))
}

impl Journal {
    /// Records a request whose role does not permit the operation.
    pub(crate) fn forbidden(&self, context: &Context, method: &str, path: &str, detail: &str) {
        let refusal = refusal(RefusalReason::Role, method, path, detail);
        self.refused(RefusedClient::Authenticated, context, refusal);
    }

    /// Records a sign-in of a person who has no access to Patron.
    pub(crate) fn not_admitted(
        &self,
        context: &Context,
        method: &str,
        path: &str,
        error: &UserError,
    ) {
        let refusal = refusal(RefusalReason::Role, method, path, &error.to_string());
        self.refused(RefusedClient::NotAdmitted, context, refusal);
    }

    /// Records a request with a token that was tampered with.
    pub(crate) fn tampered(&self, context: &Context, method: &str, path: &str, detail: &str) {
        let refusal = refusal(RefusalReason::Token, method, path, detail);
        self.refused(RefusedClient::Anonymous, context, refusal);
    }

    /// Records a receipt without a valid signature of the vendor.
    pub(crate) fn bad_signature(&self, context: &Context, method: &str, path: &str) {
        let detail = "the signature is not the vendor's, or is too old";
        let refusal = refusal(RefusalReason::Signature, method, path, detail);
        self.refused(RefusedClient::Anonymous, context, refusal);
    }

    /// Records a receipt of the vendor that concerns no known message.
    pub(crate) fn unknown_receipt(&self, context: &Context, path: &str, detail: &str) {
        let refusal = refusal(RefusalReason::Receipt, "POST", path, detail);
        self.refused(RefusedClient::Vendor, context, refusal);
    }

    /// Records the use of an API key.
    pub(crate) fn used(&self, context: Context, key: KeyId) {
        // If the queue is full, a later use of the key is recorded instead.
        let _full = self.notes.try_send(JournalNote::Used(context, key));
    }

    /// Records a call for assistance whose client did not wait for the response.
    pub(crate) fn assisted(&self, context: Context, assist: Assist) {
        let note = JournalNote::Assisted(context, Box::new(assist));
        if self.notes.try_send(note).is_err() {
            tracing::warn!("abandoned assistance call not recorded");
        }
    }

    fn refused(&self, client: RefusedClient, context: &Context, refusal: Option<Refusal>) {
        let counter = self.counter(client);
        let is_recorded = counter.limit.check().is_ok();
        let note = refusal.filter(|_| is_recorded);
        let note = note.map(|refusal| JournalNote::Refused(client, context.clone(), refusal));
        let is_queued = note.is_some_and(|note| self.notes.try_send(note).is_ok());
        if !is_queued {
            counter.unrecorded.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn counter(&self, client: RefusedClient) -> &RefusalCounter {
        match client {
            RefusedClient::Authenticated => &self.authenticated,
            RefusedClient::Vendor => &self.vendor,
            RefusedClient::NotAdmitted => &self.not_admitted,
            RefusedClient::Anonymous => &self.anonymous,
        }
    }

    /// Turns notes into events until `stop` is canceled and the queue is empty.
    pub(crate) async fn record(
        &self,
        Notes(mut notes): Notes,
        commands: &Commands,
        stop: CancellationToken,
    ) {
        loop {
            // After `stop`, the notes that are already queued are still recorded.
            let note = tokio::select! {
                biased;
                note = notes.recv() => note,
                () = stop.cancelled() => notes.try_recv().ok(),
            };
            match note {
                Some(JournalNote::Refused(client, context, refusal)) => {
                    let unrecorded = &self.counter(client).unrecorded;
                    record_refusal(commands, &context, refusal, unrecorded).await;
                }
                Some(JournalNote::Used(context, key)) => {
                    let used = ApiKeyCommand::Use { at: context.now };
                    match commands.execute(&context, key, used).await {
                        Ok(Ok(_)) => {}
                        Ok(Err(error)) => tracing::warn!(%error, "use of API key not recorded"),
                        Err(error) => tracing::warn!(%error, "use of API key not recorded"),
                    }
                }
                Some(JournalNote::Assisted(context, assist)) => {
                    if let Err(error) = commands.record_assistance(&context, *assist).await {
                        tracing::warn!(%error, "abandoned assistance call not recorded");
                    }
                }
                None => return,
            }
        }
    }
}

/// Records a refusal with the number of unrecorded ones before it.
async fn record_refusal(
    commands: &Commands,
    context: &Context,
    refusal: Refusal,
    unrecorded: &AtomicU64,
) {
    let before = unrecorded.swap(0, Ordering::Relaxed);
    let refusal = Refusal {
        unrecorded: before,
        ..refusal
    };
    if let Err(error) = commands.record_refusal(context, refusal).await {
        tracing::warn!(%error, "refusal not recorded");
        // Counts this refusal and those that it would have reported.
        unrecorded.fetch_add(before + 1, Ordering::Relaxed);
    }
}

/// Builds the event's content from truncated texts. Returns `None` if nothing
/// remains of a text.
fn refusal(why: RefusalReason, method: &str, path: &str, detail: &str) -> Option<Refusal> {
    Some(Refusal {
        why,
        method: Text::cut(method)?,
        path: Text::cut(path)?,
        detail: Text::cut(detail)?,
        unrecorded: 0,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use governor::clock::FakeRelativeClock;

    use super::*;

    #[test]
    fn recorded_refusals_are_rate_limited() {
        let clock = FakeRelativeClock::default();
        let quota = Quota::per_second(PER_SECOND).allow_burst(BURST);
        let limit = RateLimiter::direct_with_clock(quota, clock.clone());
        let allowed = |seconds, asked: usize| {
            clock.advance(Duration::from_secs(seconds));
            (0..asked).filter(|_| limit.check().is_ok()).count()
        };
        assert_eq!(allowed(0, 1000), 50);
        assert_eq!(allowed(1, 1000), 5);
        assert_eq!(allowed(2, 1000), 10);
        assert_eq!(allowed(1_000, 1000), 50, "at most one burst accumulates");
    }

    #[test]
    fn long_texts_are_truncated() {
        let long = "x".repeat(1000);
        let refusal = refusal(RefusalReason::Role, &long, &long, &long).unwrap();
        assert_eq!(refusal.method.as_str().len(), 16);
        assert_eq!(refusal.path.as_str().len(), 512);
        assert_eq!(refusal.detail.as_str().len(), 256);
    }

    #[test]
    fn texts_are_truncated_by_bytes_between_characters() {
        let long = "é".repeat(300);
        let refusal = refusal(RefusalReason::Role, "GET", "/", &long).unwrap();
        assert_eq!(refusal.detail.as_str(), "é".repeat(128));
    }

    fn context() -> Context {
        Context {
            actor: "nobody".to_owned(),
            request: None,
            address: None,
            now: domain::Timestamp::from(chrono::Utc::now()),
        }
    }

    #[test]
    fn people_who_are_not_admitted_exhaust_only_their_own_limit() {
        let (journal, notes) = open();
        for _ in 0..60 {
            let path = "/api/auth/google/callback";
            journal.not_admitted(&context(), "GET", path, &UserError::NotInvited);
        }
        assert_eq!(notes.0.len(), 50);
        journal.forbidden(&context(), "GET", "/api/users", "a viewer");
        assert_eq!(notes.0.len(), 51, "of a signed-in user");
        journal.tampered(&context(), "GET", "/api/orders", "changed");
        assert_eq!(notes.0.len(), 52, "of an anonymous client");
    }

    #[test]
    fn refusals_beyond_the_limit_are_counted() {
        let (journal, notes) = open();
        for _ in 0..60 {
            journal.tampered(&context(), "GET", "/api/orders", "changed");
        }
        assert_eq!(notes.0.len(), 50);
        let unrecorded = |counter: &RefusalCounter| counter.unrecorded.load(Ordering::Relaxed);
        assert_eq!(unrecorded(&journal.anonymous), 10);
        assert_eq!(unrecorded(&journal.authenticated), 0);
    }
}
