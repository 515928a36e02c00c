//! What is recorded beside requests: who was turned away, which key was used.
//!
//! A request only leaves a note; one task makes events of the notes. However
//! many requests are refused, only so many become events, and those say how
//! many others there were.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use commands::{Commands, Context};
use domain::{Assist, KeyId, Refusal, RefusalReason, Text, UserError};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio_util::sync::CancellationToken;

/// How many notes may wait.
const WAITING: usize = 256;

/// How many refusals are recorded at once.
const BURST: f64 = 50.0;

/// And from then on each second, of those who showed who they are.
const PER_SECOND: f64 = 5.0;

/// And of strangers, who could fill the log with them.
const OF_STRANGERS_PER_SECOND: f64 = 0.1;

/// What a request leaves.
enum Note {
    Refused(Context, Refusal),
    Used(Context, KeyId),
    Assisted(Context, Box<Assist>),
}

/// The notes that wait.
pub(crate) struct Notes(Receiver<Note>);

/// Where requests leave their notes.
pub(crate) struct Journal {
    notes: Sender<Note>,
    /// For those who showed who they are; strangers cannot use it up.
    known: Mutex<Allowance>,
    strangers: Mutex<Allowance>,
    /// Refusals since the last that was recorded.
    unrecorded: AtomicU64,
}

/// A journal, and its notes for [`Journal::record`].
pub(crate) fn open() -> (Journal, Notes) {
    let (sender, receiver) = channel(WAITING);
    let journal = Journal {
        notes: sender,
        known: Mutex::new(Allowance::new(PER_SECOND, Instant::now())),
        strangers: Mutex::new(Allowance::new(OF_STRANGERS_PER_SECOND, Instant::now())),
        unrecorded: AtomicU64::new(0),
    };
    (journal, Notes(receiver))
}

impl Journal {
    /// A credential whose role may not do that.
    pub(crate) fn forbidden(&self, context: &Context, method: &str, path: &str, detail: &str) {
        self.refused(context, RefusalReason::Role, method, path, detail);
    }

    /// Somebody whom nobody lets in, but the provider knows.
    pub(crate) fn not_admitted(
        &self,
        context: &Context,
        method: &str,
        path: &str,
        error: &UserError,
    ) {
        self.refused(
            context,
            RefusalReason::Role,
            method,
            path,
            &error.to_string(),
        );
    }

    /// A token that was not made here.
    pub(crate) fn tampered(&self, context: &Context, method: &str, path: &str, detail: &str) {
        self.refused(context, RefusalReason::Token, method, path, detail);
    }

    /// A body that is not signed by whom it should be.
    pub(crate) fn bad_signature(&self, context: &Context, method: &str, path: &str) {
        let detail = "the signature is not the vendor's, or is old";
        self.refused(context, RefusalReason::Signature, method, path, detail);
    }

    /// A key that let somebody in, if it is time to record that again.
    pub(crate) fn used(&self, context: Context, key: KeyId) {
        // If too many wait, the next use of the key is noted.
        let _full = self.notes.try_send(Note::Used(context, key));
    }

    /// A call for help that nobody waited for.
    pub(crate) fn assisted(&self, context: Context, assist: Assist) {
        let note = Note::Assisted(context, Box::new(assist));
        if self.notes.try_send(note).is_err() {
            tracing::warn!("an abandoned call for help was not recorded");
        }
    }

    fn refused(
        &self,
        context: &Context,
        why: RefusalReason,
        method: &str,
        path: &str,
        detail: &str,
    ) {
        let refusal = refusal(why, method, path, detail);
        let allowed = {
            let allowance = match why {
                RefusalReason::Role => &self.known,
                RefusalReason::Signature | RefusalReason::Token => &self.strangers,
            };
            let allowance = allowance.lock();
            let mut allowance = allowance.unwrap_or_else(PoisonError::into_inner);
            allowance.take(Instant::now())
        };
        let note = refusal.filter(|_| allowed);
        let note = note.map(|refusal| Note::Refused(context.clone(), refusal));
        let left = note.is_some_and(|note| self.notes.try_send(note).is_ok());
        if !left {
            self.unrecorded.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Makes events of notes until told to stop and none is left.
    pub(crate) async fn record(
        &self,
        Notes(mut notes): Notes,
        commands: &Commands,
        stop: CancellationToken,
    ) {
        loop {
            let note = tokio::select! {
                biased;
                note = notes.recv() => note,
                () = stop.cancelled() => notes.try_recv().ok(),
            };
            match note {
                Some(Note::Refused(context, refusal)) => {
                    self.record_refusal(commands, &context, refusal).await;
                }
                Some(Note::Used(context, key)) => record_use(commands, &context, key).await,
                Some(Note::Assisted(context, assist)) => {
                    record_assist(commands, &context, *assist).await;
                }
                None => return,
            }
        }
    }

    async fn record_refusal(&self, commands: &Commands, context: &Context, refusal: Refusal) {
        let unrecorded = self.unrecorded.swap(0, Ordering::Relaxed);
        let refusal = Refusal {
            unrecorded,
            ..refusal
        };
        if let Err(error) = commands.record_refusal(context, refusal).await {
            tracing::warn!(%error, "a refusal was not recorded");
            self.unrecorded.fetch_add(unrecorded + 1, Ordering::Relaxed);
        }
    }
}

async fn record_use(commands: &Commands, context: &Context, key: KeyId) {
    match commands.use_api_key(context, key).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::warn!(%error, "a key's use was not recorded"),
        Err(error) => tracing::warn!(%error, "a key's use was not recorded"),
    }
}

async fn record_assist(commands: &Commands, context: &Context, assist: Assist) {
    if let Err(error) = commands.record_assistance(context, assist).await {
        tracing::warn!(%error, "an abandoned call for help was not recorded");
    }
}

/// The event's content; nothing is too long, and nothing empty.
fn refusal(why: RefusalReason, method: &str, path: &str, detail: &str) -> Option<Refusal> {
    Some(Refusal {
        why,
        method: text(method, 16)?,
        path: text(path, 512)?,
        detail: text(detail, 256)?,
        unrecorded: 0,
    })
}

fn text<const N: usize>(whole: &str, most: usize) -> Option<Text<N>> {
    let short: String = whole.chars().take(most).collect();
    Text::try_from(short).ok()
}

/// How many refusals may be recorded now.
struct Allowance {
    per_second: f64,
    left: f64,
    at: Instant,
}

impl Allowance {
    fn new(per_second: f64, now: Instant) -> Self {
        Self {
            per_second,
            left: BURST,
            at: now,
        }
    }

    fn take(&mut self, now: Instant) -> bool {
        let since: Duration = now.saturating_duration_since(self.at);
        self.left = (self.left + since.as_secs_f64() * self.per_second).min(BURST);
        self.at = now;
        let may = self.left >= 1.0;
        if may {
            self.left -= 1.0;
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_recorded_in_part() {
        let start = Instant::now();
        let mut allowance = Allowance::new(PER_SECOND, start);
        let mut taken = |after, asked: usize| {
            let at = start + Duration::from_secs(after);
            (0..asked).filter(|_| allowance.take(at)).count()
        };
        assert_eq!(taken(0, 1000), 50);
        assert_eq!(taken(1, 1000), 5);
        assert_eq!(taken(3, 1000), 10);
        assert_eq!(taken(1_000, 1000), 50, "no more than at the start");
    }

    #[test]
    fn what_is_long_is_cut() {
        let long = "x".repeat(1000);
        let refusal = refusal(RefusalReason::Role, &long, &long, &long).unwrap();
        assert_eq!(refusal.method.as_str().len(), 16);
        assert_eq!(refusal.path.as_str().len(), 512);
        assert_eq!(refusal.detail.as_str().len(), 256);
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let (journal, notes) = open();
        let context = Context {
            actor: "nobody".to_owned(),
            request: None,
            address: None,
            now: domain::Timestamp::from(chrono::Utc::now()),
        };
        for _ in 0..60 {
            journal.tampered(&context, "GET", "/api/orders", "changed");
        }
        assert_eq!(notes.0.len(), 50);
        assert_eq!(journal.unrecorded.load(Ordering::Relaxed), 10);
    }
}
