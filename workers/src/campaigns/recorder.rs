//! Records the outcomes of messages, many in one append.

use std::sync::Arc;
use std::time::Duration;

use commands::{CommandEffect, CommandError, Commands};
use domain::{MessageCommand, MessageId};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::memory::Unrecorded;
use super::{context, metrics};

/// On whose behalf.
const ACTOR: &str = "worker:delivery";

/// The most messages that one append takes.
const MOST: usize = 2_000;

/// How long the first result of an append waits for more.
const GATHERING: Duration = Duration::from_millis(50);

/// How long to wait when the log does not answer.
const PAUSE: Duration = Duration::from_millis(500);

/// The outcome of a message.
pub(super) struct Result {
    pub(super) message: MessageId,
    /// What records it.
    pub(super) commands: Vec<MessageCommand>,
    /// Held until it is recorded, if the message was sent.
    pub(super) _unrecorded: Option<Arc<Unrecorded>>,
}

/// Records results until all senders are dropped.
pub(super) struct Recorder {
    pub(super) results: Sender<Result>,
    pub(super) task: JoinHandle<()>,
}

impl Recorder {
    /// For a campaign that was launched by this request. After `give_up` each
    /// append is still tried once. Messages whose results are not recorded are
    /// sent again, and the vendor recognizes their ids.
    pub(super) fn start(
        commands: Commands,
        request: Option<String>,
        give_up: CancellationToken,
    ) -> Self {
        // Bounded by one append, so that sending stops while the log is down.
        let (results, received) = mpsc::channel(MOST);
        let task = tokio::spawn(run(commands, request, received, give_up));
        Self { results, task }
    }
}

async fn run(
    commands: Commands,
    request: Option<String>,
    mut results: Receiver<Result>,
    give_up: CancellationToken,
) {
    while let Some(first) = results.recv().await {
        let batch = gather(first, &mut results).await;
        loop {
            match record(&commands, request.clone(), &batch).await {
                Ok(()) => break,
                Err(error) if give_up.is_cancelled() => {
                    let count = batch.len();
                    tracing::warn!(%error, count, "results are not written down: they are sent again");
                    break;
                }
                Err(error) => {
                    tracing::warn!(%error, "results cannot be written down, trying again");
                }
            }
            give_up.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
        }
    }
}

/// The first result, with those that come soon after.
async fn gather(first: Result, results: &mut Receiver<Result>) -> Vec<Result> {
    let until = Instant::now() + GATHERING;
    let mut batch = vec![first];
    while batch.len() < MOST {
        match timeout_at(until, results.recv()).await {
            Ok(Some(result)) => batch.push(result),
            Ok(None) | Err(_) => break,
        }
    }
    batch
}

async fn record(
    commands: &Commands,
    request: Option<String>,
    batch: &[Result],
) -> std::result::Result<(), CommandError> {
    let all: Vec<(MessageId, MessageCommand)> = batch
        .iter()
        .flat_map(|result| {
            let each = result.commands.iter();
            each.map(|command| (result.message.clone(), command.clone()))
        })
        .collect();
    let outcomes: Vec<&'static str> = all.iter().map(|(_, command)| outcome(command)).collect();
    let done = commands
        .execute_on_messages(&context(ACTOR, request), all)
        .await?;
    for (outcome, done) in outcomes.into_iter().zip(done) {
        match done {
            Ok(done) if done.effect == CommandEffect::Unchanged => {}
            Ok(_) => metrics::messages(outcome, 1),
            // There is a message for all that is sent.
            Err(refusal) => tracing::error!(%refusal, outcome, "a result does not fit its message"),
        }
    }
    Ok(())
}

fn outcome(command: &MessageCommand) -> &'static str {
    match command {
        MessageCommand::RecordSent(_) => "sent",
        MessageCommand::RecordAttempt(_) => "attempt_failed",
        MessageCommand::GiveUp(_) => "undeliverable",
        MessageCommand::Suppress(_) => "suppressed",
        MessageCommand::Queue(_) | MessageCommand::Requeue => "queued",
        MessageCommand::RecordReceipt(_) => "receipt",
    }
}
