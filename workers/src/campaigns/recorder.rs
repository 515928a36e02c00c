//! Records the outcomes of messages, many per append.

use std::sync::Arc;
use std::time::Duration;

use commands::{CommandEffect, CommandError, Commands};
use domain::{MessageCommand, MessageId};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::context::context;
use super::memory::Unrecorded;
use super::metrics;

/// Actor of the recorded events.
const ACTOR: &str = "worker:delivery";

/// Largest number of messages in one append.
const MOST: usize = 2_000;

/// Time for which the first result of an append waits for more.
const GATHERING: Duration = Duration::from_millis(50);

/// Delay after a failed append.
const PAUSE: Duration = Duration::from_millis(500);

/// Outcome of a message, on its way into the log.
pub(super) struct MessageResult {
    pub(super) message: MessageId,
    /// Commands that record the outcome.
    pub(super) commands: Vec<MessageCommand>,
    /// Reservation of log memory, held until the outcome is recorded; `None` if
    /// the message was not sent.
    pub(super) _unrecorded: Option<Arc<Unrecorded>>,
}

/// Task that records results until all senders are dropped.
pub(super) struct ResultRecorder {
    pub(super) results: Sender<MessageResult>,
    pub(super) task: JoinHandle<()>,
}

impl ResultRecorder {
    /// Starts the task for a campaign that was launched by this request. After
    /// `give_up` is cancelled, each append is still tried once.
    pub(super) fn start(
        commands: Commands,
        request: Option<String>,
        give_up: CancellationToken,
    ) -> Self {
        // The channel holds one append. It fills up while the log is down, which
        // stops sending: no more messages are sent than can be recorded.
        let (results, received) = mpsc::channel(MOST);
        let task = tokio::spawn(run(commands, request, received, give_up));
        Self { results, task }
    }
}

async fn run(
    commands: Commands,
    request: Option<String>,
    mut results: Receiver<MessageResult>,
    give_up: CancellationToken,
) {
    while let Some(first) = results.recv().await {
        let until = Instant::now() + GATHERING;
        let mut batch = vec![first];
        while batch.len() < MOST {
            match timeout_at(until, results.recv()).await {
                Ok(Some(result)) => batch.push(result),
                Ok(None) | Err(_) => break,
            }
        }
        loop {
            match record(&commands, request.clone(), &batch).await {
                Ok(()) => break,
                Err(error) if give_up.is_cancelled() => {
                    // Safe: the messages are still queued and will be sent again under the
                    // same ids, which the vendor recognizes.
                    let count = batch.len();
                    tracing::warn!(%error, count, "results were not recorded; the messages will be sent again");
                    break;
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot record results, trying again");
                }
            }
            give_up.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
        }
    }
}

async fn record(
    commands: &Commands,
    request: Option<String>,
    batch: &[MessageResult],
) -> Result<(), CommandError> {
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
            // Not expected: every result belongs to a message in the log.
            Err(refusal) => {
                tracing::error!(%refusal, outcome, "a result was rejected by its message");
            }
        }
    }
    Ok(())
}

fn outcome(command: &MessageCommand) -> &'static str {
    match command {
        MessageCommand::RecordSent(_) => "sent",
        MessageCommand::RecordAttempt(_) => "attempt_failed",
        MessageCommand::Reject(_) => "rejected",
        MessageCommand::GiveUp(_) => "undeliverable",
        MessageCommand::Suppress(_) => "suppressed",
        MessageCommand::Queue(_) | MessageCommand::Requeue => "queued",
        MessageCommand::EndWaitForReceipt { .. } => "unconfirmed",
        MessageCommand::RecordReceipt(_) | MessageCommand::RecordRefusedReceipt(_) => "receipt",
    }
}
