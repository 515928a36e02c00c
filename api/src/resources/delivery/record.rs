//! Records receipts, and the receipts that are refused.
//!
//! A refused receipt is an event of its message, so that the message's history, the
//! audit trail and a reconciliation have it. A message records only a few of them. A
//! receipt that concerns no known message is recorded as a refused request, at a
//! limited rate.

use std::collections::HashMap;

use commands::{CommandEffect, Context, Outcome, ReturnedMessage};
use domain::{MessageCommand, MessageError, MessageId, Receipt, ReceiptKind, RefusedReceipt, Text};

use super::PATH;
use super::answer::{ReceiptOutcome, ReceiptsResponse};
use super::body::{ReceiptBody, refused};
use super::read;
use crate::http::body::Input;
use crate::http::body::item::{ItemReader, RawItem};
use crate::http::metrics;
use crate::http::problem::Problem;
use crate::resources::data::ingest::Tally;
use crate::state::AppContext;

/// Plural name of receipts, a label of metrics.
const KIND: &str = "receipts";

/// Field that identifies the message of a receipt.
const ID: &str = "message_id";

/// Maximum number of refused receipts of a request that are logged one by one.
const MAX_LOGGED: usize = 10;

/// Receipt of a request, on its way.
enum ReceivedReceipt {
    Read(MessageId, Box<Receipt>),
    Settled(ReceiptOutcome),
}

/// Records receipts, each on its own.
///
/// # Errors
/// The problem with the request as a whole. Some receipts may have been recorded;
/// repeating it is safe.
pub(super) async fn record(
    app: &AppContext,
    context: &Context,
    raw_items: &[RawItem<'_>],
) -> Result<ReceiptsResponse, Problem> {
    let mut reader = ItemReader::default();
    let received = raw_items
        .iter()
        .map(|raw| read_receipt(app, context, &mut reader, *raw));
    let (ids, received): (Vec<_>, Vec<_>) = received.unzip();
    let mut commands = Vec::new();
    for receipt in &received {
        if let ReceivedReceipt::Read(message, receipt) = receipt {
            let command = MessageCommand::RecordReceipt((**receipt).clone());
            commands.push((message.clone(), command));
        }
    }
    let recorded = match commands.is_empty() {
        true => Vec::new(),
        false => app.commands.execute_on_messages(context, commands).await?,
    };
    record_returned(app, context, &received, &recorded).await?;
    let mut recorded = recorded.into_iter();
    let outcomes = received.into_iter().map(|receipt| match receipt {
        ReceivedReceipt::Settled(outcome) => outcome,
        // There is an outcome for each command.
        ReceivedReceipt::Read(..) => match recorded.next() {
            Some(Ok(outcome)) => ReceiptOutcome::Accepted(outcome),
            Some(Err(error)) => ReceiptOutcome::Rejected(refused(&error)),
            None => ReceiptOutcome::Rejected(Problem::internal()),
        },
    });
    let outcomes: Vec<_> = ids.into_iter().zip(outcomes).collect();
    record_refused(app, context, &outcomes).await?;
    count(&outcomes);
    Ok(ReceiptsResponse::new(outcomes))
}

/// Records bounces and complaints at the addresses to which the messages were sent. Also
/// those that changed no message: the process may have died in between.
async fn record_returned(
    app: &AppContext,
    context: &Context,
    received: &[ReceivedReceipt],
    recorded: &[Result<Outcome, MessageError>],
) -> Result<(), Problem> {
    let read = received.iter().filter_map(|receipt| match receipt {
        ReceivedReceipt::Read(message, receipt) => Some((message, receipt)),
        ReceivedReceipt::Settled(_) => None,
    });
    let accepted = read.zip(recorded).filter(|(_, done)| done.is_ok());
    let returned = accepted.filter_map(|((message, receipt), _)| {
        let bounce = match receipt.kind {
            ReceiptKind::Bounced(kind) => Some(kind),
            ReceiptKind::Complained => None,
            _ => return None,
        };
        Some(ReturnedMessage {
            message: message.clone(),
            bounce,
            receipt: (**receipt).clone(),
        })
    });
    let returned: Vec<_> = returned.collect();
    if returned.is_empty() {
        return Ok(());
    }
    let limit = app.soft_bounces;
    Ok(app
        .commands
        .record_returned(context, returned, limit)
        .await?)
}

/// Reads a receipt. Returns the id of its message too, as it was sent.
fn read_receipt(
    app: &AppContext,
    context: &Context,
    reader: &mut ItemReader,
    raw: RawItem<'_>,
) -> (Option<String>, ReceivedReceipt) {
    // Other fields of a status that is not recorded do not matter.
    if let Some(status) = read::unknown_status(raw.text) {
        let outcome = ReceiptOutcome::Ignored(status);
        return (raw.id(ID), ReceivedReceipt::Settled(outcome));
    }
    let rules = app.body_rules();
    let body = reader.read(raw, |body: &ReceiptBody| body.check(&rules));
    match body.and_then(|body| body.into_receipt(context.now)) {
        Ok((id, message, receipt)) => (Some(id), ReceivedReceipt::Read(message, Box::new(receipt))),
        Err(problem) => {
            let outcome = ReceiptOutcome::Rejected(problem);
            (raw.id(ID), ReceivedReceipt::Settled(outcome))
        }
    }
}

/// Logs and records the receipts that were refused.
async fn record_refused(
    app: &AppContext,
    context: &Context,
    outcomes: &[(Option<String>, ReceiptOutcome)],
) -> Result<(), Problem> {
    let refused = outcomes.iter().filter_map(|(id, outcome)| match outcome {
        ReceiptOutcome::Rejected(problem) => Some((id.as_deref().unwrap_or_default(), problem)),
        _ => None,
    });
    let mut refused: Vec<(&str, &Problem)> = refused.collect();
    for (id, problem) in refused.iter().take(MAX_LOGGED) {
        // Escaped, since the vendor chose the id.
        tracing::warn!(message_id = ?id, problem = problem.detail(), "refused a receipt");
    }
    if refused.len() > MAX_LOGGED {
        let count = refused.len() - MAX_LOGGED;
        tracing::warn!(count, "refused more receipts of the same request");
    }
    // Memory is reserved for the receipts that settle messages.
    if app.shed.is_shedding() {
        return Ok(());
    }
    let mut known = HashMap::new();
    refused.retain(|(id, problem)| match id.parse::<MessageId>() {
        Ok(message) => {
            let of_message: &mut Vec<&Problem> = known.entry(message).or_default();
            of_message.push(problem);
            false
        }
        Err(_) => true,
    });
    let commands = known.iter().flat_map(|(message, problems)| {
        let refused = problems.iter().filter_map(|problem| {
            let problem = Text::cut(problem.detail())?;
            Some(MessageCommand::RecordRefusedReceipt(RefusedReceipt {
                problem,
            }))
        });
        refused.map(|command| (message.clone(), command))
    });
    let commands: Vec<_> = commands.collect();
    let messages: Vec<MessageId> = commands
        .iter()
        .map(|(message, _)| message.clone())
        .collect();
    let recorded = match commands.is_empty() {
        true => Vec::new(),
        false => app.commands.execute_on_messages(context, commands).await?,
    };
    let unknown = messages.iter().zip(&recorded);
    let unknown = unknown.filter(|(_, done)| matches!(done, Err(MessageError::Unknown)));
    for (message, _) in unknown {
        journal(
            app,
            context,
            &message.to_string(),
            &MessageError::Unknown.to_string(),
        );
    }
    for (id, problem) in refused {
        journal(app, context, id, problem.detail());
    }
    Ok(())
}

fn journal(app: &AppContext, context: &Context, id: &str, problem: &str) {
    let detail = format!("{problem} (message_id {id:?})");
    app.identity.journal.unknown_receipt(context, PATH, &detail);
}

fn count(outcomes: &[(Option<String>, ReceiptOutcome)]) {
    let (mut tally, mut ignored) = (Tally::default(), 0);
    for (_, outcome) in outcomes {
        match outcome {
            ReceiptOutcome::Accepted(Outcome { effect, .. }) => tally.count(Some(*effect)),
            ReceiptOutcome::Rejected(_) => tally.count(None::<CommandEffect>),
            ReceiptOutcome::Ignored(_) => ignored += 1,
        }
    }
    tally.report(KIND);
    if ignored > 0 {
        metrics::count_items(KIND, "ignored", ignored);
    }
}
