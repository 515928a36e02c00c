//! Group commit: one task per partition writes all waiting commits together.
//!
//! Redis answers an append after its fsync. While one call is in flight, further
//! commits queue up, and the next call writes as many of them as fit. One call at a time
//! per partition and process keeps the commits of this process in order; the script
//! detects conflicts with other processes by the expected versions.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, LazyLock};

use futures::FutureExt;
use redis::{ErrorKind, RedisError, Script, Value};
use tokio::sync::{mpsc, oneshot};

use crate::append::{MAX_BYTES, MAX_EVENTS};
use crate::commit::NewCommit;
use crate::identity::LogIdentity;
use crate::memory::RecentMemory;
use crate::{Layout, LogError, Partition, Position};

/// Capacity of the queue, in commits. Senders wait while it is full.
const QUEUE: usize = 1_024;

static SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("append.lua")));

/// Outcome of one commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CommitOutcome {
    /// The commit is in the log; its last event has this number.
    Committed(u64),
    /// Nothing was written: these groups conflict, each with the version found.
    Conflicts(Vec<(usize, u64)>),
}

struct Request {
    commit: NewCommit,
    reply: Reply,
}

/// Handle of one partition's appender task.
#[derive(Clone)]
pub(crate) struct Appender(mpsc::Sender<Request>);

impl Appender {
    /// Starts the task. The task ends when the last `Appender` is dropped and all
    /// waiting commits are written.
    pub(crate) fn start(
        identity: Arc<LogIdentity>,
        memory: Arc<RecentMemory>,
        partition: Partition,
    ) -> Self {
        let (sender, requests) = mpsc::channel(QUEUE);
        tokio::spawn(run(requests, async move |commits: &[NewCommit]| {
            let written = append(&identity, partition, commits).await;
            // A cached sample may still report free memory. Work that depends on
            // memory must not rely on it.
            if let Err(LogError::Full) = written {
                memory.discard();
            }
            written
        }));
        Self(sender)
    }

    /// Appends a commit to this partition. Returns when the commit is on disk.
    pub(crate) async fn append(&self, commit: NewCommit) -> Result<CommitOutcome, LogError> {
        let (reply, answer) = oneshot::channel();
        let request = Request { commit, reply };
        self.0.send(request).await.map_err(|_| LogError::Closed)?;
        // The task drops a reply only if it panicked during a call. The commit may
        // have been written.
        answer.await.map_err(|_| LogError::Aborted)?
    }
}

/// Writes waiting commits, call by call. While one call is in flight, the next group
/// collects in the channel.
async fn run(
    mut requests: mpsc::Receiver<Request>,
    append: impl AsyncFn(&[NewCommit]) -> Result<Vec<CommitOutcome>, LogError>,
) {
    let mut waiting = Vec::new();
    while requests.recv_many(&mut waiting, QUEUE).await > 0 {
        while !waiting.is_empty() {
            let rest = waiting.split_off(call_size(&waiting));
            let call = std::mem::replace(&mut waiting, rest);
            let (commits, replies): (Vec<_>, Vec<_>) =
                call.into_iter().map(|r| (r.commit, r.reply)).unzip();
            // A panic must not close the partition for the life of the process. The
            // replies are dropped, so the callers learn that the outcome is unknown.
            let written = AssertUnwindSafe(append(&commits)).catch_unwind().await;
            let Ok(written) = written else {
                tracing::error!("an append panicked; the partition accepts further appends");
                continue;
            };
            if let Err(error) = &written
                && error.concerns_all()
            {
                // The other waiting commits would fail in the same way, each after a
                // timeout of its own. Failing them now keeps the queue short.
                let rest = waiting.drain(..).map(|request| request.reply);
                fail(rest, error);
            }
            answer(replies, written);
        }
    }
}

/// Returns how many commits go into the next call, from the first on; at least one.
fn call_size(waiting: &[Request]) -> usize {
    // Bounded, because Redis executes nothing else while the script runs.
    let (mut events, mut bytes) = (0, 0);
    let fits = |request: &&Request| {
        events += request.commit.events();
        bytes += request.commit.weight();
        events <= MAX_EVENTS && bytes <= MAX_BYTES
    };
    waiting.iter().take_while(fits).count().max(1)
}

type Reply = oneshot::Sender<Result<CommitOutcome, LogError>>;

fn answer(replies: Vec<Reply>, written: Result<Vec<CommitOutcome>, LogError>) {
    match written {
        Ok(written) => {
            for (reply, written) in replies.into_iter().zip(written) {
                // The send fails if the caller was cancelled; its commit stands.
                let _ = reply.send(Ok(written));
            }
        }
        Err(error) => {
            tracing::warn!(commits = replies.len(), %error, "an append failed");
            fail(replies, &error);
        }
    }
}

fn fail(replies: impl IntoIterator<Item = Reply>, error: &LogError) {
    for reply in replies {
        // The send fails if the caller was cancelled; its commit stands.
        let _ = reply.send(Err(error.clone()));
    }
}

/// Runs the script on commits of one partition.
async fn append(
    identity: &LogIdentity,
    partition: Partition,
    commits: &[NewCommit],
) -> Result<Vec<CommitOutcome>, LogError> {
    // Before every call: after a reconnect, Redis may be another one or an older copy.
    let epoch = identity.confirmed().await?;
    let layout = identity.layout();
    let mut invocation = SCRIPT.prepare_invoke();
    invocation
        .key(layout.stream(partition))
        .key(layout.counter(partition))
        .arg(&*epoch)
        .arg(identity.seen(partition));
    let mut buckets = HashMap::new();
    for commit in commits {
        add_commit(&mut invocation, layout, &mut buckets, commit);
    }
    let replies = invocation.invoke_async(&mut identity.connection()).await;
    let replies: Vec<Value> = match replies {
        Ok(replies) => replies,
        Err(error) => return Err(translate_error(identity, partition, error)),
    };
    let written: Vec<CommitOutcome> = replies.iter().filter_map(parse_outcome).collect();
    if written.len() != commits.len() {
        let what = "the append script returned an unexpected reply";
        return Err(LogError::Refused(Arc::new(RedisError::from((
            ErrorKind::UnexpectedReturnType,
            what,
        )))));
    }
    // From now on this process refuses a log that ends before this event.
    let last = written.iter().rev().find_map(|written| match written {
        CommitOutcome::Committed(number) => Some(*number),
        CommitOutcome::Conflicts(_) => None,
    });
    if let Some(number) = last {
        identity.record_seen(Position { partition, number });
    }
    Ok(written)
}

fn add_commit(
    invocation: &mut redis::ScriptInvocation<'_>,
    layout: &Layout,
    buckets: &mut HashMap<String, usize>,
    commit: &NewCommit,
) {
    invocation
        .arg(commit.groups.len())
        .arg(commit.events())
        .arg(&*commit.meta)
        .arg(commit.payload.field)
        .arg(&commit.payload.bytes[..]);
    for group in &commit.groups {
        match &group.head {
            None => invocation
                .arg(&["0", "", "0", "0"])
                .arg(group.events)
                .arg(""),
            Some(head) => {
                let next = buckets.len() + 3;
                let bucket = layout.bucket_of(&head.key);
                let index = *buckets.entry(bucket).or_insert_with_key(|bucket| {
                    invocation.key(bucket.as_str());
                    next
                });
                invocation
                    .arg(index)
                    .arg(&*head.key.text)
                    .arg(head.expected)
                    .arg(head.last)
                    .arg(group.events)
                    .arg(&head.rest)
            }
        };
    }
}

fn parse_outcome(reply: &Value) -> Option<CommitOutcome> {
    let number = |value: &Value| match value {
        Value::Int(number) => u64::try_from(*number).ok(),
        _ => None,
    };
    let Value::Array(conflicts) = reply else {
        return number(reply).map(CommitOutcome::Committed);
    };
    let pairs = conflicts.chunks_exact(2).map(|pair| {
        let group = usize::try_from(number(&pair[0])?).ok()?;
        Some((group, number(&pair[1])?))
    });
    pairs
        .collect::<Option<Vec<_>>>()
        .map(CommitOutcome::Conflicts)
}

/// Translates an error of the script.
fn translate_error(identity: &LogIdentity, partition: Partition, error: RedisError) -> LogError {
    let at = |number: u64| Position { partition, number };
    let detail = error.detail().unwrap_or_default().to_owned();
    let refused = match error.code() {
        Some("MISSING") => LogError::Missing { partition },
        Some("EPOCH") => LogError::OtherEpoch,
        Some("BEHIND") => LogError::Behind {
            end: at(detail.trim().parse().unwrap_or_default()),
            seen: identity.seen(partition),
        },
        Some("DAMAGED") => {
            let (number, what) = detail.split_once(' ').unwrap_or(("0", &detail));
            LogError::Damaged {
                at: at(number.parse().unwrap_or_default()),
                what: what.to_owned(),
            }
        }
        // Redis's message for an XADD with an id that is not above the last one. The
        // counter is behind its stream, so numbers would be reused.
        _ if error
            .to_string()
            .contains("equal or smaller than the target stream") =>
        {
            LogError::Damaged {
                at: at(0),
                what: "the stream continues after the number in its counter".to_owned(),
            }
        }
        _ => return error.into(),
    };
    // An operator may accept the log at any time, so confirm it again before the next
    // append instead of failing forever.
    if refused.is_other_log() {
        identity.revoke();
    }
    refused
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::commit::CommitPayload;

    fn commit() -> NewCommit {
        NewCommit {
            meta: "{}".into(),
            payload: CommitPayload {
                field: "e",
                bytes: b"[]".to_vec(),
            },
            groups: Vec::new(),
        }
    }

    #[tokio::test]
    async fn a_panic_fails_its_own_appends_and_no_later_ones() {
        let calls = AtomicU64::new(0);
        let (sender, requests) = mpsc::channel(QUEUE);
        tokio::spawn(run(requests, async move |commits: &[NewCommit]| {
            let call = calls.fetch_add(1, Ordering::Relaxed);
            assert!(call > 0, "the first call panics");
            Ok(commits
                .iter()
                .map(|_| CommitOutcome::Committed(call))
                .collect())
        }));
        let appender = Appender(sender);
        let first = appender.append(commit()).await;
        assert!(matches!(first, Err(LogError::Aborted)), "{first:?}");
        assert_eq!(
            appender.append(commit()).await.unwrap(),
            CommitOutcome::Committed(1)
        );
    }
}
