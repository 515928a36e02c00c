//! Ingestion of any kind of data: from the request to the response.

use std::future::Future;
use std::sync::Arc;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use commands::{CommandEffect, CommandError, Context, Outcome};
use domain::{ConsentAhead, Timestamp, check_consent_at, check_updated_at};

use super::answer::{AcceptedItem, BatchResponse, ItemResult, effect_name};
use crate::http::body::batch::{self, Items};
use crate::http::body::given_time::GivenTime;
use crate::http::body::item::{ItemReader, RawItem};
use crate::http::body::{BodyRules, Input};
use crate::http::limits::AnswerMemory;
use crate::http::metrics;
use crate::http::payload;
use crate::http::problem::{Problem, ProblemKind};
use crate::identity::caller;
use crate::state::AppContext;

/// Maximum number of items in one request.
pub(crate) const MAX_ITEMS: usize = 10_000;

/// Kind of data that clients ingest.
pub(crate) trait Ingest: Input + Send {
    /// Plural name of the kind, a label of metrics.
    const KIND: &'static str;

    /// Name of the field that identifies an item.
    const ID: &'static str;

    /// Input of the command that records an item.
    type Item: Send;

    /// Converts the body into the item's id and the command's input.
    ///
    /// # Errors
    /// The problem with the item, if it exceeds a bound.
    fn into_item(self, received: Received) -> Result<(String, Self::Item), Problem>;

    /// Returns the name under which the item is recorded, if it has one that differs from
    /// the name that was sent.
    fn changed_name(&self) -> Option<String> {
        None
    }

    /// Records all items. Returns one outcome per item, in the given order.
    fn record(
        app: &AppContext,
        context: &Context,
        items: Vec<Self::Item>,
    ) -> impl Future<Output = Result<Vec<Result<Outcome, Problem>>, CommandError>> + Send;
}

/// Circumstances under which an item is received.
#[derive(Clone, Copy)]
pub(crate) struct Received {
    /// Rules of the deployment.
    pub(crate) rules: BodyRules,
    /// Time of the receipt.
    pub(crate) now: Timestamp,
}

impl Received {
    fn now(app: &AppContext, now: Timestamp) -> Self {
        let rules = app.body_rules();
        Self { rules, now }
    }

    /// Returns the time at which the source last changed an item.
    ///
    /// # Errors
    /// A problem if it is in the future.
    pub(crate) fn updated_at(self, given: Option<GivenTime>) -> Result<Option<Timestamp>, Problem> {
        let updated_at = given.map(|at| at.in_zone(self.rules.zone));
        match check_updated_at(updated_at, self.now) {
            Ok(()) => Ok(updated_at),
            Err(error) => {
                let kind = ProblemKind::Refused;
                Err(Problem::field(kind, "/updated_at", error.to_string()))
            }
        }
    }
}

impl Received {
    /// Returns the time of a consent or an opt-out. A date alone is read against consent: it is
    /// the beginning of the day, or the end of it for an opt-out, which is not after now.
    ///
    /// # Errors
    /// The reason if it is in the future.
    pub(crate) fn consent_at(
        self,
        given: GivenTime,
        is_opt_out: bool,
    ) -> Result<Timestamp, ConsentAhead> {
        let at = given.in_zone(self.rules.zone);
        check_consent_at(at, self.now)?;
        Ok(match given {
            GivenTime::Date(_) if is_opt_out => given.end_in_zone(self.rules.zone).min(self.now),
            GivenTime::Date(_) | GivenTime::Instant(_) => at,
        })
    }
}

/// Ingests the one or many items of a request.
///
/// # Errors
/// The problem with the request as a whole, or with its one object.
pub(crate) async fn ingest<B: Ingest>(
    app: &AppContext,
    context: &Context,
    request: Request,
) -> Result<Response, Problem> {
    app.shed.check()?;
    let format = payload::format(request.headers())?;
    let body = payload::read(request, app.body_budget.reserve(), app.body_limit).await?;
    // The upload may take a while; events get the time at which they are recorded.
    let context = &Context {
        now: caller::now(),
        ..context.clone()
    };
    match batch::split(format, payload::text(&body)?, MAX_ITEMS)? {
        Items::One(raw) => ingest_one::<B>(app, context, raw).await,
        Items::Many(raw_items) => ingest_many::<B>(app, context, &raw_items).await,
    }
}

async fn ingest_one<B: Ingest>(
    app: &AppContext,
    context: &Context,
    raw: RawItem<'_>,
) -> Result<Response, Problem> {
    let mut tally = Tally::default();
    let received = Received::now(app, context.now);
    let read = ItemReader::default().read(raw, |body: &B| body.check(&received.rules));
    let name = read.as_ref().ok().and_then(B::changed_name);
    let outcome = match read.and_then(|body| body.into_item(received)) {
        Ok((id, item)) => {
            let mut outcomes = B::record(app, context, vec![item]).await?;
            // One item has one outcome.
            let outcome = outcomes.pop().unwrap_or_else(|| Err(Problem::internal()));
            outcome.map(|outcome| (id, outcome))
        }
        Err(problem) => Err(problem),
    };
    tally.count(outcome.as_ref().ok().map(|(_, outcome)| outcome.effect));
    tally.report(B::KIND);
    outcome.map(|(id, outcome)| {
        AcceptedItem::new(id, outcome)
            .with_name(name)
            .into_response()
    })
}

/// Outcome of one of many items.
pub(crate) struct ItemOutcome {
    /// Id of the item, if it could be read.
    id: Option<String>,
    /// Name under which it is recorded, if that was changed.
    name: Option<String>,
    /// Outcome, or the reason why the item was rejected.
    pub(crate) outcome: Result<Outcome, Problem>,
}

impl ItemOutcome {
    /// Returns the number of bytes in memory.
    fn bytes(&self) -> usize {
        let texts = [&self.id, &self.name].into_iter().flatten();
        let problem = self.outcome.as_ref().err().map_or(0, Problem::bytes);
        size_of::<Self>() + texts.map(String::len).sum::<usize>() + problem
    }
}

/// Ingests many items. Each is accepted or rejected on its own.
///
/// # Errors
/// The problem with the batch as a whole.
pub(crate) async fn ingest_many<B: Ingest>(
    app: &AppContext,
    context: &Context,
    raw_items: &[RawItem<'_>],
) -> Result<Response, Problem> {
    let mut memory = app.answer_budget.open(&Arc::from(context.actor.as_str()));
    let outcomes = record_counted::<B>(app, context, raw_items, Some(&mut memory)).await?;
    let results = outcomes.into_iter().enumerate().map(|(index, item)| {
        let ItemOutcome { id, name, outcome } = item;
        match outcome {
            Ok(outcome) => ItemResult::Accepted {
                index,
                accepted: AcceptedItem::new(id.unwrap_or_default(), outcome).with_name(name),
            },
            Err(problem) => rejected(index, id, problem),
        }
    });
    let batch = BatchResponse::new(results.collect());
    Ok(batch.into_streamed_response(memory))
}

/// Records many items, each on its own. Returns their outcomes in the given order.
///
/// # Errors
/// The problem with the batch as a whole. Some of its items may have been recorded;
/// repeating it is safe.
pub(crate) async fn record_many<B: Ingest>(
    app: &AppContext,
    context: &Context,
    raw_items: &[RawItem<'_>],
) -> Result<Vec<ItemOutcome>, Problem> {
    record_counted::<B>(app, context, raw_items, None).await
}

/// Records items like [`record_many`]. The memory of the outcomes counts towards that of the
/// answer.
///
/// # Errors
/// Those of [`record_many`], and 503 if there is no memory for the answer. Nothing was recorded
/// then.
async fn record_counted<B: Ingest>(
    app: &AppContext,
    context: &Context,
    raw_items: &[RawItem<'_>],
    mut memory: Option<&mut AnswerMemory>,
) -> Result<Vec<ItemOutcome>, Problem> {
    let mut tally = Tally::default();
    let mut outcomes = Vec::with_capacity(raw_items.len());
    let mut accepted = Vec::with_capacity(raw_items.len());
    let mut items = Vec::with_capacity(raw_items.len());
    let mut reader = ItemReader::default();
    let received = Received::now(app, context.now);
    for (index, raw) in raw_items.iter().enumerate() {
        let (id, name, outcome) = match read_one::<B>(&mut reader, *raw, received) {
            Ok((id, name, item)) => {
                accepted.push(index);
                items.push(item);
                // Replaced below, once the command has its outcome.
                (Some(id), name, Err(Problem::internal()))
            }
            Err(problem) => (raw.id(B::ID), None, Err(problem)),
        };
        let item = ItemOutcome { id, name, outcome };
        if let Some(memory) = &mut memory {
            memory.grow(item.bytes())?;
        }
        outcomes.push(item);
    }
    if !items.is_empty() {
        let recorded = B::record(app, context, items).await?;
        for (index, outcome) in accepted.into_iter().zip(recorded) {
            outcomes[index].outcome = outcome;
        }
    }
    for item in &outcomes {
        tally.count(item.outcome.as_ref().ok().map(|outcome| outcome.effect));
    }
    tally.report(B::KIND);
    Ok(outcomes)
}

/// Checks items without recording them. Returns the problem of each that would be
/// rejected whatever is recorded.
pub(crate) fn check_many<B: Ingest>(
    app: &AppContext,
    raw_items: &[RawItem<'_>],
) -> Vec<Result<(), Problem>> {
    let mut reader = ItemReader::default();
    let received = Received::now(app, caller::now());
    let items = raw_items.iter();
    let checked = items.map(|raw| read_one::<B>(&mut reader, *raw, received).map(drop));
    checked.collect()
}

/// Returns the item's id, its name if that was changed, and the item.
fn read_one<B: Ingest>(
    reader: &mut ItemReader,
    raw: RawItem<'_>,
    received: Received,
) -> Result<(String, Option<String>, B::Item), Problem> {
    let body = reader.read(raw, |body: &B| body.check(&received.rules))?;
    let name = body.changed_name();
    let (id, item) = body.into_item(received)?;
    Ok((id, name, item))
}

fn rejected(index: usize, id: Option<String>, problem: Problem) -> ItemResult {
    ItemResult::Rejected {
        index,
        id,
        problem: Box::new(problem.into_body(None)),
    }
}

/// Counts of outcomes, reported to the metrics once per request.
#[derive(Default)]
pub(crate) struct Tally {
    created: u64,
    updated: u64,
    unchanged: u64,
    stale: u64,
    moved: u64,
    rejected: u64,
}

impl Tally {
    /// Counts one outcome; `None` stands for a rejected item.
    pub(crate) fn count(&mut self, effect: Option<CommandEffect>) {
        *match effect {
            Some(CommandEffect::Created) => &mut self.created,
            Some(CommandEffect::Updated) => &mut self.updated,
            Some(CommandEffect::Unchanged) => &mut self.unchanged,
            Some(CommandEffect::Stale) => &mut self.stale,
            Some(CommandEffect::Moved) => &mut self.moved,
            None => &mut self.rejected,
        } += 1;
    }

    /// Adds the counts to the metrics of a kind of data.
    pub(crate) fn report(&self, kind: &'static str) {
        let counts = [
            (effect_name(CommandEffect::Created), self.created),
            (effect_name(CommandEffect::Updated), self.updated),
            (effect_name(CommandEffect::Unchanged), self.unchanged),
            (effect_name(CommandEffect::Stale), self.stale),
            (effect_name(CommandEffect::Moved), self.moved),
            ("rejected", self.rejected),
        ];
        for (outcome, count) in counts {
            if count > 0 {
                metrics::count_items(kind, outcome, count);
            }
        }
    }
}
