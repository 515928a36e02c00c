//! Destinations of the rows of a file: the log, or nothing but checks.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use commands::{CommandEffect, Outcome};
use domain::{ConsentWarning, ImportKind};
use importer::{Reason, RecordOutcome, Resource, Sink};
use projections::{ImportWait, ImportWaitReason};
use tokio::sync::watch;
use tokio::time::sleep;

use super::stored::StoredRun;
use crate::http::body::item::RawItem;
use crate::http::problem::{Problem, ProblemKind};
use crate::identity::caller;
use crate::resources::data::kinds;
use crate::state::{AppContext, AppState};

/// First and longest time between two attempts at a batch.
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
const LONGEST_BACKOFF: Duration = Duration::from_secs(2);

/// Sink that records rows as data, on behalf of the person who started the run.
pub(super) struct LogSink<'a> {
    pub(super) app: &'a AppState,
    pub(super) run: &'a StoredRun,
    /// Reason why the run waits.
    pub(super) waiting: &'a watch::Sender<Option<ImportWait>>,
}

/// Problem that another attempt cannot solve.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct FatalProblem(String);

impl Sink for LogSink<'_> {
    type Error = FatalProblem;

    /// Records items. Waits for as long as the log takes no data.
    async fn send(
        &self,
        _resource: Resource,
        body: Vec<u8>,
        items: usize,
    ) -> Result<Vec<RecordOutcome>, FatalProblem> {
        let mut backoff = FIRST_BACKOFF;
        loop {
            match self.attempt(&body, items).await {
                Ok(outcomes) => {
                    self.waiting
                        .send_if_modified(|waiting| waiting.take().is_some());
                    return Ok(outcomes);
                }
                Err(problem) => match wait_reason(problem.kind()) {
                    Some(reason) => self.wait_for(reason, &problem),
                    None => return Err(FatalProblem(problem.detail().to_owned())),
                },
            }
            sleep(backoff).await;
            backoff = (2 * backoff).min(LONGEST_BACKOFF);
        }
    }
}

impl LogSink<'_> {
    async fn attempt(&self, body: &[u8], items: usize) -> Result<Vec<RecordOutcome>, Problem> {
        let app: &AppContext = self.app;
        app.shed.check()?;
        // The memory of a batch counts like that of a request's body.
        let mut reservation = app.body_budget.reserve();
        reservation.grow(body.len())?;
        let raw_items = items_of(body, items)?;
        let context = self.run.context(caller::now());
        let kind = self.run.plan.kind;
        let outcomes = kinds::record(app, &context, kind, &raw_items).await?;
        let outcomes = outcomes.into_iter().map(|item| match item.outcome {
            Ok(outcome) => recorded(outcome),
            Err(problem) => RecordOutcome::Refused(reason_of(problem)),
        });
        Ok(outcomes.collect())
    }

    fn wait_for(&self, reason: ImportWaitReason, problem: &Problem) {
        self.waiting.send_if_modified(|waiting| {
            if waiting.as_ref().is_some_and(|now| now.reason == reason) {
                return false;
            }
            let detail = problem.detail().to_owned();
            tracing::warn!(reason = reason.name(), detail, "an import waits");
            *waiting = Some(ImportWait {
                reason,
                since: caller::now(),
                detail,
            });
            true
        });
    }
}

fn recorded(outcome: Outcome) -> RecordOutcome {
    let recorded = match outcome.effect {
        CommandEffect::Created => RecordOutcome::Created,
        CommandEffect::Updated => RecordOutcome::Updated,
        CommandEffect::Unchanged => RecordOutcome::Unchanged,
        CommandEffect::Stale => RecordOutcome::Stale,
        CommandEffect::Moved => RecordOutcome::Moved,
    };
    match outcome.warning {
        Some(ConsentWarning::StillUnsubscribed { .. }) => {
            RecordOutcome::StillUnsubscribed(Box::new(recorded))
        }
        Some(ConsentWarning::StillSubscribed { .. }) | None => recorded,
    }
}

/// Returns what a run waits for after this kind of problem; `None` if waiting does not
/// help.
fn wait_reason(kind: ProblemKind) -> Option<ImportWaitReason> {
    match kind {
        ProblemKind::OutOfMemory => Some(ImportWaitReason::Memory),
        ProblemKind::Unavailable | ProblemKind::OtherLog | ProblemKind::Timeout => {
            Some(ImportWaitReason::Unavailable)
        }
        ProblemKind::Busy | ProblemKind::Contended => Some(ImportWaitReason::Busy),
        _ => None,
    }
}

/// Sink that only checks items, for a preview. Keeps the first that are valid.
pub(super) struct CheckSink {
    app: AppState,
    kind: ImportKind,
    max_examples: usize,
    examples: Mutex<Vec<String>>,
}

impl CheckSink {
    pub(super) fn new(app: &AppState, kind: ImportKind, max_examples: usize) -> Self {
        Self {
            app: app.clone(),
            kind,
            max_examples,
            examples: Mutex::default(),
        }
    }

    /// Returns the first valid items, as JSON.
    pub(super) fn into_examples(self) -> Vec<String> {
        let examples = self.examples.into_inner();
        examples.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for CheckSink {
    type Error = FatalProblem;

    /// Checks items on a thread of their own: other requests do not wait for it, and the
    /// preview can be stopped in between.
    async fn send(
        &self,
        _resource: Resource,
        body: Vec<u8>,
        items: usize,
    ) -> Result<Vec<RecordOutcome>, FatalProblem> {
        let (app, kind, max_examples) = (self.app.clone(), self.kind, self.max_examples);
        let check = move || checked(&app, kind, &body, items, max_examples);
        let checked = tokio::task::spawn_blocking(check).await;
        let checked = checked.unwrap_or_else(|error| {
            tracing::error!(%error, "checking items panicked");
            Err(Problem::internal())
        });
        let (outcomes, valid) =
            checked.map_err(|problem| FatalProblem(problem.detail().to_owned()))?;
        let mut examples = self.examples.lock().unwrap_or_else(PoisonError::into_inner);
        let missing = self.max_examples.saturating_sub(examples.len());
        examples.extend(valid.into_iter().take(missing));
        Ok(outcomes)
    }
}

/// Checks the items of a batch. Returns the outcome of each, and the first that are valid.
fn checked(
    app: &AppContext,
    kind: ImportKind,
    body: &[u8],
    items: usize,
    max_examples: usize,
) -> Result<(Vec<RecordOutcome>, Vec<String>), Problem> {
    let raw_items = items_of(body, items)?;
    let mut examples = Vec::new();
    let checked = kinds::check(app, kind, &raw_items);
    let outcomes = checked.into_iter().zip(&raw_items).map(|(checked, raw)| {
        if let Err(problem) = checked {
            return RecordOutcome::Refused(reason_of(problem));
        }
        if examples.len() < max_examples {
            examples.push(raw.text.to_owned());
        }
        RecordOutcome::Created
    });
    Ok((outcomes.collect(), examples))
}

/// Splits a batch of the importer into its items: one per line.
fn items_of(body: &[u8], items: usize) -> Result<Vec<RawItem<'_>>, Problem> {
    let text = std::str::from_utf8(body).map_err(|error| {
        tracing::error!(%error, "a batch of an import is not UTF-8");
        Problem::internal()
    })?;
    // Without their lines, which are those of the batch and not of the file.
    let raw_items: Vec<_> = text
        .lines()
        .map(|text| RawItem { text, line: None })
        .collect();
    if raw_items.len() != items {
        tracing::error!(
            items,
            lines = raw_items.len(),
            "a batch of an import is malformed"
        );
        return Err(Problem::internal());
    }
    Ok(raw_items)
}

/// Returns the reason of a refused row: the title and all faults, and a pointer to the
/// first.
fn reason_of(problem: Problem) -> Reason {
    let title = problem.kind().title();
    let detail = problem.detail().to_owned();
    let errors = problem.into_errors();
    let pointer = errors.first().map(|error| error.pointer.clone());
    Reason {
        text: format!("{title}: {detail}"),
        pointer: pointer.filter(|pointer| !pointer.is_empty()),
    }
}
